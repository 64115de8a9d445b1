//! Permits of requests in flight: so many in all, and a share of them for each API key.
//!
//! Invariant: a request without a permit is rejected at once (429 for its key, 503 for all) and never queued, so that an
//! overloaded receiver keeps answering. Kept by hand: tower's `ConcurrencyLimit` and `LoadShed` know no keys, and answer
//! without the `Retry-After` that exporters go by.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::memory_budget::KeyBodyBudget;
use crate::receiver::limits::KEY_SHARE_DIVISOR;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limit of requests in flight.
#[derive(Clone)]
pub struct InFlightLimit {
    requests_max: usize,
    requests_per_key_max: usize,
    requests: Arc<Semaphore>,
    /// Keys without requests in flight are not in the map.
    by_key: Arc<Mutex<HashMap<String, KeyInFlight>>>,
}

/// Requests in flight of one key, and the body memory that these requests share.
#[derive(Default)]
struct KeyInFlight {
    requests: usize,
    body_budget: KeyBodyBudget,
}

/// Permit of one request; dropping the permit ends the request's share.
pub struct InFlightPermit {
    _request: OwnedSemaphorePermit,
    key: KeyPermit,
}

struct KeyPermit {
    limit: InFlightLimit,
    key_id: String,
    body_budget: KeyBodyBudget,
}

impl InFlightLimit {
    /// Creates a limit of `requests_max` permits.
    pub fn new(requests_max: usize) -> InFlightLimit {
        InFlightLimit {
            requests_max,
            requests_per_key_max: (requests_max / KEY_SHARE_DIVISOR).max(1),
            requests: Arc::new(Semaphore::new(requests_max)),
            by_key: Arc::default(),
        }
    }

    /// Number of permits that are held.
    pub fn in_flight(&self) -> usize {
        self.requests_max - self.requests.available_permits()
    }

    /// Acquires a permit of the key's share and of the total.
    pub fn acquire(&self, key_id: &str) -> Result<InFlightPermit, ApiError> {
        let key = self
            .acquire_for_key(key_id)
            .ok_or_else(|| ApiError::busy("too many requests in flight with this key"))?;
        let request = self
            .requests
            .clone()
            .try_acquire_owned()
            .map_err(|_| ApiError::unavailable("too many requests in flight: try again later"))?;
        Ok(InFlightPermit { _request: request, key })
    }

    fn acquire_for_key(&self, key_id: &str) -> Option<KeyPermit> {
        let mut by_key = self.lock();
        let key = by_key.entry(key_id.to_owned()).or_default();
        if key.requests >= self.requests_per_key_max {
            return None;
        }
        key.requests += 1;
        Some(KeyPermit {
            limit: self.clone(),
            key_id: key_id.to_owned(),
            body_budget: key.body_budget.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, KeyInFlight>> {
        self.by_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl InFlightPermit {
    /// Body budget of the request's key.
    pub fn body_budget(&self) -> &KeyBodyBudget {
        &self.key.body_budget
    }
}

impl Drop for KeyPermit {
    fn drop(&mut self) {
        let mut by_key = self.limit.lock();
        if let Some(key) = by_key.get_mut(&self.key_id) {
            key.requests -= 1;
            if key.requests == 0 {
                by_key.remove(&self.key_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_has_a_share_of_the_permits_and_gets_its_permits_back() {
        let limit = InFlightLimit::new(2 * KEY_SHARE_DIVISOR);
        let held = [limit.acquire("a").unwrap(), limit.acquire("a").unwrap()];
        assert!(limit.acquire("a").is_err());
        assert!(limit.acquire("b").is_ok());
        assert_eq!(limit.in_flight(), 2);
        drop(held);
        assert!(limit.acquire("a").is_ok());
        assert!(limit.lock().is_empty());
    }
}
