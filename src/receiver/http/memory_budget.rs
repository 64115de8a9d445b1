//! Memory budget of all requests together: a request that does not fit waits.
//!
//! A request reserves up to four times: for its body as received, for the inflated body and its decoded texts, for the rows
//! on their way to the store, and for its response. Invariants: a request waits for these in that order and never for one
//! that comes before one that it holds, so that requests cannot deadlock; one key holds at most half of the body budget, so
//! that slow uploads leave room for others.
//!
//! Kept by hand: a concurrency limit (tower's `ConcurrencyLimit`) counts requests, but a small batch and one of 20 MiB
//! differ by a factor of 1,000 in what they need.

use super::api_error::ApiError;
use crate::receiver::limits::{
    BODY_BUDGET_BYTES, MEMORY_TIMEOUT, QUERY_BUDGET_BYTES, QUERY_MEMORY_BYTES, RESPONSE_BUDGET_BYTES,
    ROW_BUDGET_BYTES, ROW_BYTES, WORK_BUDGET_BYTES,
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes of one permit: a semaphore counts 32 bits.
const PERMIT_BYTES: usize = 1 << 10;

/// Budgets that all requests share.
pub struct MemoryBudget {
    body: Arc<Semaphore>,
    work: Arc<Semaphore>,
    rows: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    responses: Arc<Semaphore>,
}

/// Part of the body budget that one key may hold, shared by the key's requests.
#[derive(Clone)]
pub struct KeyBodyBudget(Arc<Semaphore>);

/// Reserved memory; dropping the reservation releases the memory.
#[derive(Debug, Default)]
pub struct Reservation(Vec<OwnedSemaphorePermit>);

impl Default for MemoryBudget {
    fn default() -> MemoryBudget {
        MemoryBudget {
            body: semaphore(BODY_BUDGET_BYTES),
            work: semaphore(WORK_BUDGET_BYTES),
            rows: semaphore(ROW_BUDGET_BYTES),
            queries: semaphore(QUERY_BUDGET_BYTES),
            responses: semaphore(RESPONSE_BUDGET_BYTES),
        }
    }
}

impl Default for KeyBodyBudget {
    fn default() -> KeyBodyBudget {
        KeyBodyBudget(semaphore(BODY_BUDGET_BYTES / 2))
    }
}

impl MemoryBudget {
    /// Reserves `bytes` for a body as received, of the key's budget and then of the common one.
    pub async fn reserve_body(&self, key: &KeyBodyBudget, bytes: usize) -> Result<Reservation, ApiError> {
        let acquired =
            async { Ok(Reservation(vec![acquire(&key.0, bytes).await?, acquire(&self.body, bytes).await?])) };
        within_timeout(acquired).await
    }

    /// Reserves `bytes` for the work on one request.
    pub async fn reserve_work(&self, bytes: usize) -> Result<Reservation, ApiError> {
        let bytes = bytes.min(WORK_BUDGET_BYTES);
        within_timeout(async { Ok(Reservation(vec![acquire(&self.work, bytes).await?])) }).await
    }

    /// Reserves memory for so many rows of one request, which has reserved its work before.
    pub async fn reserve_rows(&self, rows: usize) -> Result<Reservation, ApiError> {
        let bytes = (rows * ROW_BYTES).min(ROW_BUDGET_BYTES);
        within_timeout(async { Ok(Reservation(vec![acquire(&self.rows, bytes).await?])) }).await
    }

    /// Reserves memory for a query and its response.
    pub async fn reserve_query(&self) -> Result<Reservation, ApiError> {
        within_timeout(async { Ok(Reservation(vec![acquire(&self.queries, QUERY_MEMORY_BYTES).await?])) })
            .await
    }

    /// Reserves `bytes` for another response until it is written.
    pub async fn reserve_response(&self, bytes: usize) -> Result<Reservation, ApiError> {
        let bytes = bytes.min(RESPONSE_BUDGET_BYTES);
        within_timeout(async { Ok(Reservation(vec![acquire(&self.responses, bytes).await?])) }).await
    }
}

impl Reservation {
    /// Releases all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        for permit in &mut self.0 {
            let surplus = permit.num_permits().saturating_sub(permits(bytes));
            drop(permit.split(surplus));
        }
    }
}

/// Memory for decoding an inflated body: the body, and a copy of its texts.
pub fn decoding_bytes(inflated_bytes: usize) -> usize {
    2 * inflated_bytes
}

fn semaphore(bytes: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits(bytes)))
}

fn permits(bytes: usize) -> usize {
    bytes.div_ceil(PERMIT_BYTES)
}

async fn acquire(semaphore: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
    let permits = u32::try_from(permits(bytes))
        .map_err(|_| ApiError::unavailable("the request is too large for this receiver"))?;
    semaphore
        .clone()
        .acquire_many_owned(permits)
        .await
        .map_err(|_| ApiError::unavailable("the receiver is shutting down"))
}

async fn within_timeout(
    acquired: impl Future<Output = Result<Reservation, ApiError>>,
) -> Result<Reservation, ApiError> {
    timeout(MEMORY_TIMEOUT, acquired)
        .await
        .map_err(|_| ApiError::unavailable("too many large requests in flight: try again later"))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::limits::{BATCH_ROWS_MAX, BODY_BYTES_MAX, INFLATED_BYTES_MAX};
    use futures_util::FutureExt;

    #[test]
    fn largest_request_fits_the_budget() {
        const { assert!(BODY_BYTES_MAX <= BODY_BUDGET_BYTES / 2) };
        assert!(decoding_bytes(INFLATED_BYTES_MAX) <= WORK_BUDGET_BYTES);
        const { assert!(BATCH_ROWS_MAX * ROW_BYTES <= ROW_BUDGET_BYTES) };
    }

    #[tokio::test]
    async fn reservation_waits_until_memory_is_released() {
        let budget = MemoryBudget::default();
        let mut first = budget.reserve_work(WORK_BUDGET_BYTES).await.unwrap();
        let mut second = std::pin::pin!(budget.reserve_work(INFLATED_BYTES_MAX));
        assert!(second.as_mut().now_or_never().is_none());
        first.shrink_to(0);
        assert!(second.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn one_key_leaves_half_of_the_body_budget_to_others() {
        let (budget, hog, other) =
            (MemoryBudget::default(), KeyBodyBudget::default(), KeyBodyBudget::default());
        let mut held = Vec::new();
        while let Some(reservation) = budget.reserve_body(&hog, BODY_BYTES_MAX).now_or_never() {
            held.push(reservation.unwrap());
        }
        assert!(!held.is_empty());
        assert!(budget.reserve_body(&other, BODY_BYTES_MAX).now_or_never().unwrap().is_ok());
    }
}
