//! Rate limits: a token bucket for each API key, and for each client address that sends unknown keys.
//!
//! A bucket holds at most one minute's requests and refills continuously. Each receiver limits for itself: buckets are not
//! shared between processes.

use crate::receiver::limits::RATE_BUCKETS_MAX;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::Instant;

/// Token buckets by key id, or by address.
pub struct RateLimiter<K> {
    per_minute: f64,
    buckets: Mutex<HashMap<K, TokenBucket>>,
}

struct TokenBucket {
    tokens: f64,
    refilled_at: Instant,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// Creates a limiter of `per_minute` requests for each key, at least one.
    pub fn new(per_minute: u32) -> RateLimiter<K> {
        RateLimiter { per_minute: f64::from(per_minute.max(1)), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one token from the key's bucket. The error is the number of seconds until the next token.
    pub fn take(&self, key: &K, now: Instant) -> Result<(), u64> {
        self.change(key, now, |tokens| {
            if *tokens < 1.0 {
                return false;
            }
            *tokens -= 1.0;
            true
        })
    }

    /// Checks that the key's bucket has a token. The error is the number of seconds until the next one.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), u64> {
        self.change(key, now, |tokens| *tokens >= 1.0)
    }

    /// Takes one token that the bucket may not have: what was begun before it was empty is made up for afterwards, up to one
    /// minute's tokens.
    pub fn charge(&self, key: &K, now: Instant) {
        let _ = self.change(key, now, |tokens| {
            *tokens = (*tokens - 1.0).max(-self.per_minute);
            true
        });
    }

    /// Refills the key's bucket and changes its tokens. The error is the number of seconds until the bucket has a token.
    fn change(&self, key: &K, now: Instant, change: impl FnOnce(&mut f64) -> bool) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let per_second = self.per_minute / 60.0;
        let tokens_at_now = |bucket: &TokenBucket| {
            let elapsed = now.saturating_duration_since(bucket.refilled_at).as_secs_f64();
            (bucket.tokens + elapsed * per_second).min(self.per_minute)
        };
        if buckets.len() >= RATE_BUCKETS_MAX && !buckets.contains_key(key) {
            // A full bucket can be evicted: it equals a new one.
            buckets.retain(|_, bucket| tokens_at_now(bucket) < self.per_minute);
            if buckets.len() >= RATE_BUCKETS_MAX
                && let Some(any) = buckets.keys().next().cloned()
            {
                buckets.remove(&any);
            }
        }
        let bucket =
            buckets.entry(key.clone()).or_insert(TokenBucket { tokens: self.per_minute, refilled_at: now });
        bucket.tokens = tokens_at_now(bucket);
        bucket.refilled_at = now;
        if change(&mut bucket.tokens) {
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
        assert_eq!(limiter.take(&"a", now), Ok(()));
        assert_eq!(limiter.take(&"a", now), Ok(()));
        assert_eq!(limiter.take(&"a", now), Err(30));
        assert_eq!(limiter.take(&"b", now), Ok(()));
        assert_eq!(limiter.take(&"a", now + Duration::from_secs(30)), Ok(()));
    }

    #[test]
    fn what_was_begun_is_charged_and_made_up_for() {
        let limiter = RateLimiter::new(2);
        let now = Instant::now();
        for _ in 0..3 {
            limiter.charge(&"a", now);
        }
        assert_eq!(limiter.check(&"a", now), Err(60), "one in debt");
        for _ in 0..100 {
            limiter.charge(&"a", now);
        }
        assert_eq!(limiter.check(&"a", now), Err(90), "a debt has a bound");
        assert_eq!(limiter.check(&"a", now + Duration::from_secs(90)), Ok(()));
    }

    #[test]
    fn buckets_are_bounded() {
        let limiter = RateLimiter::new(2);
        let now = Instant::now();
        for key in 0..RATE_BUCKETS_MAX + 10 {
            limiter.charge(&key, now);
        }
        assert_eq!(limiter.buckets.lock().unwrap().len(), RATE_BUCKETS_MAX);
    }
}
