//! Permits of GraphQL queries: so many with one key, and so many at work in all.
//!
//! Invariant: a query that waits longer than a moment for another one of its key is rejected (429), and one that waits too
//! long for those of others as well (503), so that slow queries do not pile up. The permit of the key is held until the
//! response is written, the turn while the query is executed.

use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::limits::{
    QUERIES_AT_WORK_MAX, QUERIES_PER_KEY_MAX, QUERY_PERMIT_TIMEOUT, QUERY_TURN_TIMEOUT,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Queries by key, and those at work.
#[derive(Clone)]
pub struct QueryPermits {
    by_key: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    turns: Arc<Semaphore>,
}

impl Default for QueryPermits {
    fn default() -> QueryPermits {
        QueryPermits { by_key: Arc::default(), turns: Arc::new(Semaphore::new(QUERIES_AT_WORK_MAX)) }
    }
}

/// Turn of one query to be executed.
pub struct QueryTurn {
    _turn: OwnedSemaphorePermit,
}

/// Permit of one query, or the wait for it.
pub struct QueryPermit {
    permits: QueryPermits,
    key_id: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl QueryPermits {
    /// Acquires a permit of the key, and waits a moment for it.
    pub async fn acquire(&self, key_id: &str) -> Result<QueryPermit, ApiError> {
        // Made before the wait, so that a cancelled wait cleans up as well.
        let mut query = QueryPermit { permits: self.clone(), key_id: key_id.to_owned(), permit: None };
        let of_key = self.lock().entry(key_id.to_owned()).or_insert_with(new_key).clone();
        query.permit = match timeout(QUERY_PERMIT_TIMEOUT, of_key.acquire_owned()).await {
            Ok(Ok(permit)) => Some(permit),
            Ok(Err(_)) | Err(_) => {
                let text = format!("more than {QUERIES_PER_KEY_MAX} queries at work with this key");
                return Err(ApiError::busy(Limit::Queries, &text));
            }
        };
        Ok(query)
    }

    /// Waits for the turn of a query, in the order of arrival.
    pub async fn begin(&self) -> Result<QueryTurn, ApiError> {
        match timeout(QUERY_TURN_TIMEOUT, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(QueryTurn { _turn: turn }),
            Ok(Err(_)) | Err(_) => {
                Err(ApiError::unavailable("too many queries at work: try again later")
                    .of_limit(Limit::Queries))
            }
        }
    }

    /// Number of queries that are being executed.
    pub fn at_work(&self) -> usize {
        QUERIES_AT_WORK_MAX - self.turns.available_permits()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.by_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn new_key() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(QUERIES_PER_KEY_MAX))
}

impl Drop for QueryPermit {
    fn drop(&mut self) {
        self.permit = None;
        let mut by_key = self.permits.lock();
        // Each query that holds or awaits a permit has a reference of its own.
        if by_key.get(&self.key_id).is_some_and(|of_key| Arc::strong_count(of_key) == 1) {
            by_key.remove(&self.key_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_key_has_two_queries_at_work_and_other_keys_are_free() {
        let permits = QueryPermits::default();
        let held = [permits.acquire("a").await.unwrap(), permits.acquire("a").await.unwrap()];
        let mut third = Box::pin(permits.acquire("a"));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(permits.acquire("b").now_or_never().unwrap().is_ok());
        drop(held);
        drop(third.now_or_never().unwrap().unwrap());
        assert!(permits.lock().is_empty());
    }

    #[tokio::test]
    async fn queries_of_all_keys_take_turns() {
        let permits = QueryPermits::default();
        let mut held = Vec::new();
        for _ in 0..QUERIES_AT_WORK_MAX {
            held.push(permits.begin().await.ok().unwrap());
        }
        let mut next = Box::pin(permits.begin());
        assert!(next.as_mut().now_or_never().is_none());
        assert_eq!(permits.at_work(), QUERIES_AT_WORK_MAX);
        held.pop();
        assert!(next.now_or_never().unwrap().is_ok());
    }
}
