//! Rate limit of each API key: a token bucket.
//!
//! A bucket holds at most one minute's requests and refills continuously. Each receiver limits for itself: buckets are not
//! shared between processes.

use crate::receiver::limits::RATE_BUCKETS_MAX;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

/// Token buckets by key id.
pub struct RateLimiter {
    per_minute: f64,
    buckets: Mutex<HashMap<String, TokenBucket>>,
}

struct TokenBucket {
    tokens: f64,
    refilled_at: Instant,
}

impl RateLimiter {
    /// Creates a limiter of `per_minute` requests for each key, at least one.
    pub fn new(per_minute: u32) -> RateLimiter {
        RateLimiter { per_minute: f64::from(per_minute.max(1)), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one token from the key's bucket. The error is the number of seconds until the next token.
    pub fn take(&self, key_id: &str, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let per_second = self.per_minute / 60.0;
        let tokens_at_now = |bucket: &TokenBucket| {
            let elapsed = now.saturating_duration_since(bucket.refilled_at).as_secs_f64();
            (bucket.tokens + elapsed * per_second).min(self.per_minute)
        };
        if buckets.len() >= RATE_BUCKETS_MAX && !buckets.contains_key(key_id) {
            // A full bucket can be evicted: it equals a new one.
            buckets.retain(|_, bucket| tokens_at_now(bucket) < self.per_minute);
        }
        let bucket = buckets
            .entry(key_id.to_owned())
            .or_insert(TokenBucket { tokens: self.per_minute, refilled_at: now });
        bucket.tokens = tokens_at_now(bucket);
        bucket.refilled_at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err((((1.0 - bucket.tokens) / per_second).ceil() as u64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_key_has_its_own_bucket_and_the_bucket_refills() {
        let limiter = RateLimiter::new(2);
        let now = Instant::now();
        assert_eq!(limiter.take("a", now), Ok(()));
        assert_eq!(limiter.take("a", now), Ok(()));
        assert_eq!(limiter.take("a", now), Err(30));
        assert_eq!(limiter.take("b", now), Ok(()));
        assert_eq!(limiter.take("a", now + Duration::from_secs(30)), Ok(()));
    }
}
