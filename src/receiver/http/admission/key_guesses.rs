//! Bound of the look-ups that unknown API keys cost.
//!
//! Invariants: an address that sends unknown keys gets so many look-ups a minute and no more; a key that was valid lately is
//! looked up all the same, so that a guesser keeps out nobody who shares the address. Only hashes of keys are kept.

use super::rate_limiter::RateLimiter;
use crate::receiver::http::connection::ClientNetwork;
use crate::receiver::limits::{RATE_BUCKETS_MAX, UNKNOWN_KEYS_PER_MINUTE};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Unknown keys by address, and keys that were valid lately.
pub struct KeyGuesses {
    by_address: RateLimiter<ClientNetwork>,
    valid: Mutex<HashSet<String>>,
}

impl Default for KeyGuesses {
    fn default() -> KeyGuesses {
        KeyGuesses { by_address: RateLimiter::new(UNKNOWN_KEYS_PER_MINUTE), valid: Mutex::default() }
    }
}

impl KeyGuesses {
    /// Admits a key with this hash to be looked up. The error is the number of seconds until the address may try another.
    pub fn admit(&self, hash: &str, client: ClientNetwork, now: Instant) -> Result<(), u64> {
        if self.lock().contains(hash) {
            return Ok(());
        }
        self.by_address.check(&client, now)
    }

    /// Records that a key is valid.
    pub fn record_valid(&self, hash: String) {
        let mut valid = self.lock();
        if valid.len() >= RATE_BUCKETS_MAX
            && !valid.contains(&hash)
            && let Some(any) = valid.iter().next().cloned()
        {
            valid.remove(&any);
        }
        valid.insert(hash);
    }

    /// Records that a key is unknown, expired or revoked.
    pub fn record_unknown(&self, hash: &str, client: ClientNetwork, now: Instant) {
        self.lock().remove(hash);
        self.by_address.charge(&client, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.valid.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    #[test]
    fn guesser_is_stopped_and_keeps_out_no_known_key_and_no_other_address() {
        let (guesses, now) = (KeyGuesses::default(), Instant::now());
        let client = |last| ClientNetwork::from(IpAddr::from([192, 0, 2, last]));
        guesses.record_valid("known".to_owned());
        for _ in 0..UNKNOWN_KEYS_PER_MINUTE {
            assert!(guesses.admit("guess", client(1), now).is_ok());
            guesses.record_unknown("guess", client(1), now);
        }
        assert_eq!(guesses.admit("guess", client(1), now), Err(1));
        assert!(guesses.admit("known", client(1), now).is_ok());
        assert!(guesses.admit("guess", client(2), now).is_ok());
        assert!(guesses.admit("guess", client(1), now + Duration::from_secs(1)).is_ok());
        guesses.record_unknown("known", client(1), now);
        assert!(guesses.admit("known", client(1), now).is_err(), "it was revoked");
    }
}
