//! The memory that requests may take, all together: what does not fit waits.
//!
//! A request takes memory twice: for its body as it comes over the wire, and for the body inflated, decoded and on its way
//! to the store. Invariants: whoever has memory of the second kind waits for none of the first, so that requests do not
//! wait for each other in a circle; one key has at most half of the wire's, so that slow uploads leave some to others.

use super::answer::Fault;
use crate::receiver::limits::{
    BATCH_ROWS_MAX, MEMORY_TIMEOUT, ROW_BYTES, WIRE_BYTES_MAX, WIRE_ROW_BYTES_MIN, WORK_BYTES_MAX,
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Semaphores count 32 bits.
const UNIT_BYTES: usize = 1 << 10;

/// What all requests share.
pub struct Memory {
    wire: Wire,
    work: Arc<Semaphore>,
}

/// Memory for bodies as they come: everyone's, or one key's.
#[derive(Clone)]
pub struct Wire(Arc<Semaphore>);

/// Some memory, until it is dropped.
#[derive(Debug, Default)]
pub struct Reserved(Vec<OwnedSemaphorePermit>);

impl Default for Memory {
    fn default() -> Memory {
        Memory { wire: Wire::new(WIRE_BYTES_MAX), work: Arc::new(Semaphore::new(units(WORK_BYTES_MAX))) }
    }
}

impl Wire {
    fn new(bytes: usize) -> Wire {
        Wire(Arc::new(Semaphore::new(units(bytes))))
    }

    /// What one key may have of it.
    pub fn of_key() -> Wire {
        Wire::new(WIRE_BYTES_MAX / 2)
    }
}

impl Memory {
    /// Waits for room for a body on the wire, of the key's and then of everyone's.
    pub async fn for_wire(&self, of_key: &Wire, bytes: usize) -> Result<Reserved, Fault> {
        let take =
            async { Ok(Reserved(vec![take(&of_key.0, bytes).await?, take(&self.wire.0, bytes).await?])) };
        in_time(take).await
    }

    /// Waits for room for so many bytes of work on a request.
    pub async fn for_work(&self, bytes: usize) -> Result<Reserved, Fault> {
        let bytes = bytes.min(WORK_BYTES_MAX);
        in_time(async { Ok(Reserved(vec![take(&self.work, bytes).await?])) }).await
    }
}

impl Reserved {
    /// Gives back what is more than so many bytes.
    pub fn shrink(&mut self, bytes: usize) {
        for permit in &mut self.0 {
            let surplus = permit.num_permits().saturating_sub(units(bytes));
            drop(permit.split(surplus));
        }
    }
}

/// What it takes to decode a body of so many bytes, at most: itself, its texts once more, and its rows.
pub fn of_decoding(inflated_bytes: usize) -> usize {
    let rows = (inflated_bytes / WIRE_ROW_BYTES_MIN).min(BATCH_ROWS_MAX);
    2 * inflated_bytes + rows * ROW_BYTES
}

/// What it takes to store what was decoded: the texts and the rows.
pub fn of_storing(inflated_bytes: usize, rows: usize) -> usize {
    inflated_bytes + rows * ROW_BYTES
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES)
}

async fn take(semaphore: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Fault> {
    let units = u32::try_from(units(bytes)).map_err(|_| Fault::busy("too large for this receiver"))?;
    semaphore.clone().acquire_many_owned(units).await.map_err(|_| Fault::busy("shutting down"))
}

async fn in_time(take: impl Future<Output = Result<Reserved, Fault>>) -> Result<Reserved, Fault> {
    timeout(MEMORY_TIMEOUT, take).await.map_err(|_| Fault::busy("too many large requests at work"))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::limits::{BODY_BYTES_MAX, INFLATED_BYTES_MAX};
    use futures_util::FutureExt;

    #[test]
    fn the_largest_request_fits() {
        const { assert!(BODY_BYTES_MAX <= WIRE_BYTES_MAX / 2) };
        assert!(of_decoding(INFLATED_BYTES_MAX) <= WORK_BYTES_MAX);
    }

    #[tokio::test]
    async fn what_does_not_fit_waits_until_something_is_given_back() {
        let memory = Memory::default();
        let mut first = memory.for_work(WORK_BYTES_MAX).await.unwrap();
        let mut second = std::pin::pin!(memory.for_work(INFLATED_BYTES_MAX));
        assert!(second.as_mut().now_or_never().is_none());
        first.shrink(0);
        assert!(second.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn one_key_leaves_half_of_the_wire_to_others() {
        let (memory, hog, other) = (Memory::default(), Wire::of_key(), Wire::of_key());
        let mut held = Vec::new();
        while let Some(reserved) = memory.for_wire(&hog, BODY_BYTES_MAX).now_or_never() {
            held.push(reserved.unwrap());
        }
        assert!(!held.is_empty());
        assert!(memory.for_wire(&other, BODY_BYTES_MAX).now_or_never().unwrap().is_ok());
    }
}
