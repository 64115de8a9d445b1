//! Permits of GraphQL queries: so many at work with one key.
//!
//! Invariant: a query that waits longer than a moment is rejected (429), so that slow queries do not pile up. The permit is
//! held until the response is written.

use super::api_error::ApiError;
use crate::receiver::limits::{BUSY_RETRY_AFTER_S, QUERIES_PER_KEY_MAX, QUERY_PERMIT_TIMEOUT};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Queries at work, by key.
#[derive(Clone, Default)]
pub struct QueryPermits(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

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
                return Err(ApiError::too_many_requests(&text, BUSY_RETRY_AFTER_S));
            }
        };
        Ok(query)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
}
