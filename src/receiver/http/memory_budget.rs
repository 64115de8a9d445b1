//! Memory budget of all requests together: a request that does not fit waits.
//!
//! A request reserves up to four times: for its body as received, for the inflated body and its decoded texts, for the rows
//! on their way to the store, and for its response. Invariants: a request waits for these in that order and never for one
//! that comes before one that it holds, so that requests cannot deadlock; one key holds at most half of each of the first three
//! budgets, so that its slow uploads and large batches leave room for others.
//!
//! Kept by hand: a concurrency limit (tower's `ConcurrencyLimit`) counts requests, but a small batch and one of 20 MiB
//! differ by a factor of 1,000 in what they need.

use super::api_error::{ApiError, Limit};
use crate::receiver::limits::{
    BODY_BUDGET_BYTES, MEMORY_TIMEOUT, QUERY_BUDGET_BYTES, QUERY_MEMORY_BYTES, RESPONSE_BUDGET_BYTES,
    ROW_BUDGET_BYTES, ROW_BYTES, WORK_BUDGET_BYTES,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// Requests that wait for memory.
    waiting: AtomicUsize,
}

/// Part of the budgets that one key may hold, shared by the key's requests.
#[derive(Debug, Clone)]
pub struct KeyBudget {
    body: Arc<Semaphore>,
    work: Arc<Semaphore>,
    rows: Arc<Semaphore>,
}

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
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Default for KeyBudget {
    fn default() -> KeyBudget {
        KeyBudget {
            body: semaphore(BODY_BUDGET_BYTES / 2),
            work: semaphore(WORK_BUDGET_BYTES / 2),
            rows: semaphore(ROW_BUDGET_BYTES / 2),
        }
    }
}

impl MemoryBudget {
    /// Reserves `bytes` for a body as received, of the key's budget and then of the common one.
    pub async fn reserve_body(&self, key: &KeyBudget, bytes: usize) -> Result<Reservation, ApiError> {
        self.reserve(Some((&key.body, BODY_BUDGET_BYTES / 2)), &self.body, bytes).await
    }

    /// Reserves `bytes` for the work on one request.
    pub async fn reserve_work(&self, key: &KeyBudget, bytes: usize) -> Result<Reservation, ApiError> {
        let bytes = bytes.min(WORK_BUDGET_BYTES);
        self.reserve(Some((&key.work, WORK_BUDGET_BYTES / 2)), &self.work, bytes).await
    }

    /// Reserves memory for so many rows of one request, which has reserved its work before.
    pub async fn reserve_rows(&self, key: &KeyBudget, rows: usize) -> Result<Reservation, ApiError> {
        let bytes = (rows * ROW_BYTES).min(ROW_BUDGET_BYTES);
        self.reserve(Some((&key.rows, ROW_BUDGET_BYTES / 2)), &self.rows, bytes).await
    }

    /// Reserves memory for a query and its response.
    pub async fn reserve_query(&self) -> Result<Reservation, ApiError> {
        self.reserve(None, &self.queries, QUERY_MEMORY_BYTES).await
    }

    /// Reserves `bytes` for another response until it is written.
    pub async fn reserve_response(&self, bytes: usize) -> Result<Reservation, ApiError> {
        self.reserve(None, &self.responses, bytes.min(RESPONSE_BUDGET_BYTES)).await
    }

    /// Number of requests that wait for memory.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Reserves of a key's share and then of a common budget. A request that is larger than the share takes all of it.
    async fn reserve(
        &self,
        share: Option<(&Arc<Semaphore>, usize)>,
        budget: &Arc<Semaphore>,
        bytes: usize,
    ) -> Result<Reservation, ApiError> {
        let _waiting = Waiting::begin(&self.waiting);
        let acquired = async {
            let of_key = match share {
                Some((share, share_bytes)) => Some(acquire(share, bytes.min(share_bytes)).await?),
                None => None,
            };
            let common = acquire(budget, bytes).await?;
            Ok(Reservation(of_key.into_iter().chain([common]).collect()))
        };
        let done = timeout(MEMORY_TIMEOUT, acquired).await;
        done.unwrap_or_else(|_| {
            let error = ApiError::unavailable("too many large requests in flight: try again later");
            Err(error.of_limit(Limit::Memory))
        })
    }
}

/// Request that waits, counted until it is dropped.
struct Waiting<'c>(&'c AtomicUsize);

impl Waiting<'_> {
    fn begin(count: &AtomicUsize) -> Waiting<'_> {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
        let (budget, other) = (MemoryBudget::default(), KeyBudget::default());
        let mut first = budget.reserve_work(&KeyBudget::default(), WORK_BUDGET_BYTES).await.unwrap();
        let mut second = std::pin::pin!(budget.reserve_work(&other, INFLATED_BYTES_MAX));
        assert!(second.as_mut().now_or_never().is_none());
        first.shrink_to(0);
        assert!(second.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn large_batches_of_one_key_leave_room_for_the_work_and_the_rows_of_others() {
        let (budget, hog, other) = (MemoryBudget::default(), KeyBudget::default(), KeyBudget::default());
        let mut held = Vec::new();
        while let Some(reservation) = budget.reserve_work(&hog, INFLATED_BYTES_MAX).now_or_never() {
            held.push(reservation.unwrap());
        }
        while let Some(reservation) = budget.reserve_rows(&hog, BATCH_ROWS_MAX / 4).now_or_never() {
            held.push(reservation.unwrap());
        }
        assert!(budget.reserve_work(&other, INFLATED_BYTES_MAX).now_or_never().unwrap().is_ok());
        assert!(budget.reserve_rows(&other, BATCH_ROWS_MAX / 4).now_or_never().unwrap().is_ok());
        let mut largest = Box::pin(budget.reserve_rows(&hog, BATCH_ROWS_MAX));
        assert!(largest.as_mut().now_or_never().is_none());
        assert_eq!(budget.waiting(), 1);
        drop(held);
        assert!(largest.now_or_never().unwrap().is_ok(), "also what is larger than the share of a key");
    }

    #[tokio::test]
    async fn one_key_leaves_half_of_the_body_budget_to_others() {
        let (budget, hog, other) = (MemoryBudget::default(), KeyBudget::default(), KeyBudget::default());
        let mut held = Vec::new();
        while let Some(reservation) = budget.reserve_body(&hog, BODY_BYTES_MAX).now_or_never() {
            held.push(reservation.unwrap());
        }
        assert!(!held.is_empty());
        assert!(budget.reserve_body(&other, BODY_BYTES_MAX).now_or_never().unwrap().is_ok());
    }
}
