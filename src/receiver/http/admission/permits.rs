//! Permits of requests in flight: so many in all, and a share of them for each API key.
//!
//! Invariants: a request beyond its key's share is rejected at once (429); any other waits for a permit in the order of arrival, for
//! a bounded time and among a bounded number of others (503 beyond either), so that thousands of clients that come within one
//! second are served one after the other, and an overloaded receiver keeps answering. A waiting request holds its connection and
//! nothing else: its body is not read. Kept by hand: tower's `ConcurrencyLimit` and `LoadShed` know no keys, and answer
//! without the `Retry-After` that exporters go by.

use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::http::memory_budget::KeyBudget;
use crate::receiver::limits::{KEY_SHARE_DIVISOR, PERMIT_TIMEOUT, WAITING_PER_PERMIT};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Limit of requests in flight.
#[derive(Clone)]
pub struct InFlightLimit {
    requests_max: usize,
    requests_per_key_max: usize,
    requests: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// Keys without requests in flight are not in the map.
    by_key: Arc<Mutex<HashMap<String, KeyInFlight>>>,
}

/// Requests in flight of one key, and the memory that these requests share.
#[derive(Default)]
struct KeyInFlight {
    requests: usize,
    budget: KeyBudget,
}

/// Permit of one request; dropping the permit ends the request's share.
pub struct InFlightPermit {
    _request: OwnedSemaphorePermit,
    key: KeyPermit,
}

struct KeyPermit {
    limit: InFlightLimit,
    key_id: String,
    budget: KeyBudget,
}

impl InFlightLimit {
    /// Creates a limit of `requests_max` permits.
    pub fn new(requests_max: usize) -> InFlightLimit {
        InFlightLimit {
            requests_max,
            requests_per_key_max: (requests_max / KEY_SHARE_DIVISOR).max(1),
            requests: Arc::new(Semaphore::new(requests_max)),
            waiting: Arc::default(),
            by_key: Arc::default(),
        }
    }

    /// Number of permits that are held.
    pub fn in_flight(&self) -> usize {
        self.requests_max - self.requests.available_permits()
    }

    /// Number of requests that wait for a permit.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Rejects a request for which there is neither a permit nor room in the queue.
    pub fn require_room(&self) -> Result<(), ApiError> {
        let has_room = self.requests.available_permits() > 0 || self.waiting() < self.waiting_max();
        if has_room { Ok(()) } else { Err(too_many()) }
    }

    /// Acquires a permit of the key's share and of the total, for which it waits.
    pub async fn acquire(&self, key_id: &str) -> Result<InFlightPermit, ApiError> {
        let key = self
            .acquire_for_key(key_id)
            .ok_or_else(|| ApiError::busy(Limit::Key, "too many requests in flight with this key"))?;
        if let Ok(request) = self.requests.clone().try_acquire_owned() {
            return Ok(InFlightPermit { _request: request, key });
        }
        let _place = self.take_place()?;
        let acquired = timeout(PERMIT_TIMEOUT, self.requests.clone().acquire_owned()).await;
        let request = acquired.ok().and_then(Result::ok).ok_or_else(too_many)?;
        Ok(InFlightPermit { _request: request, key })
    }

    /// Most requests that wait. With a single permit nobody waits, because one slow upload would hold up all.
    fn waiting_max(&self) -> usize {
        (self.requests_max - 1) * WAITING_PER_PERMIT
    }

    fn take_place(&self) -> Result<QueuePlace, ApiError> {
        let place = QueuePlace(self.waiting.clone());
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= self.waiting_max() {
            return Err(too_many());
        }
        Ok(place)
    }

    fn acquire_for_key(&self, key_id: &str) -> Option<KeyPermit> {
        let mut by_key = self.lock();
        let key = by_key.entry(key_id.to_owned()).or_default();
        if key.requests >= self.requests_per_key_max {
            return None;
        }
        key.requests += 1;
        Some(KeyPermit { limit: self.clone(), key_id: key_id.to_owned(), budget: key.budget.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, KeyInFlight>> {
        self.by_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Place of a waiting request; dropping it gives it up.
struct QueuePlace(Arc<AtomicUsize>);

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn too_many() -> ApiError {
    ApiError::unavailable("too many requests in flight: try again later").of_limit(Limit::InFlight)
}

impl InFlightPermit {
    /// Memory budget of the request's key.
    pub fn budget(&self) -> &KeyBudget {
        &self.key.budget
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
    use futures_util::FutureExt;

    fn at_once(limit: &InFlightLimit, key_id: &str) -> Option<InFlightPermit> {
        limit.acquire(key_id).now_or_never().and_then(Result::ok)
    }

    #[test]
    fn key_has_a_share_of_the_permits_and_gets_its_permits_back() {
        let limit = InFlightLimit::new(2 * KEY_SHARE_DIVISOR);
        let held = [at_once(&limit, "a").unwrap(), at_once(&limit, "a").unwrap()];
        assert!(limit.acquire("a").now_or_never().unwrap().is_err());
        assert!(at_once(&limit, "b").is_some());
        assert_eq!(limit.in_flight(), 2);
        drop(held);
        assert!(at_once(&limit, "a").is_some());
        assert!(limit.lock().is_empty());
    }

    #[tokio::test]
    async fn requests_without_a_permit_wait_in_order_and_in_a_bounded_number() {
        let limit = InFlightLimit::new(2);
        let mut held = vec![at_once(&limit, "a").unwrap(), at_once(&limit, "b").unwrap()];
        let keys: Vec<String> = (0..WAITING_PER_PERMIT).map(|n| n.to_string()).collect();
        let mut waiting: Vec<_> = keys.iter().map(|key| Box::pin(limit.acquire(key))).collect();
        assert!(waiting.iter_mut().all(|request| request.as_mut().now_or_never().is_none()));
        assert_eq!(limit.waiting(), WAITING_PER_PERMIT);
        assert!(limit.require_room().is_err());
        assert!(limit.acquire("z").now_or_never().unwrap().is_err());
        held.pop();
        assert!(waiting[1].as_mut().now_or_never().is_none(), "the first one comes first");
        assert!(waiting[0].as_mut().now_or_never().unwrap().is_ok());
        drop(waiting);
        assert_eq!(limit.waiting(), 0);
        assert!(InFlightLimit::new(1).acquire("a").now_or_never().is_some());
    }

    #[test]
    fn a_single_permit_has_no_queue() {
        let limit = InFlightLimit::new(1);
        let _held = at_once(&limit, "a").unwrap();
        assert!(limit.acquire("b").now_or_never().unwrap().is_err());
    }
}
