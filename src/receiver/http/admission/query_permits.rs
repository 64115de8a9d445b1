//! Permits of GraphQL queries: so many with one key, and so many at work in all.
//!
//! Invariant: a query that waits longer than a moment for another one of its key is rejected (429), and one that waits too
//! long for those of others as well (503), so that slow queries do not pile up. The permit of the key is held until the
//! response is written, the turn while the query is executed.

use super::keyed_semaphore::KeyedSemaphore;
use crate::receiver::http::api_error::{ApiError, Limit};
use crate::receiver::limits::{
    QUERIES_AT_WORK_MAX, QUERIES_PER_KEY_MAX, QUERY_PERMIT_TIMEOUT, QUERY_TURN_TIMEOUT,
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Queries by key, and those at work.
#[derive(Clone)]
pub struct QueryPermits {
    by_key: Arc<KeyedSemaphore<String>>,
    turns: Arc<Semaphore>,
}

impl Default for QueryPermits {
    fn default() -> QueryPermits {
        QueryPermits {
            by_key: Arc::new(KeyedSemaphore::new(QUERIES_PER_KEY_MAX)),
            turns: Arc::new(Semaphore::new(QUERIES_AT_WORK_MAX)),
        }
    }
}

/// Turn of one query to be executed.
pub struct QueryTurn {
    _turn: OwnedSemaphorePermit,
}

/// Permit of one query.
pub struct QueryPermit {
    _permit: OwnedSemaphorePermit,
}

impl QueryPermits {
    /// Acquires a permit of the key, and waits a moment for it.
    pub async fn acquire(&self, key_id: &str) -> Result<QueryPermit, ApiError> {
        let of_key = self.by_key.of(key_id.to_owned());
        match timeout(QUERY_PERMIT_TIMEOUT, of_key.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(QueryPermit { _permit: permit }),
            Ok(Err(_)) | Err(_) => {
                let text = format!("more than {QUERIES_PER_KEY_MAX} queries at work with this key");
                Err(ApiError::busy(Limit::Queries, &text))
            }
        }
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
        assert!(third.now_or_never().unwrap().is_ok());
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
