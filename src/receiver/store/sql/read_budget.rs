//! Bound of the rows that one GraphQL query may read.
//!
//! Invariant: the rows are counted while they are read, so that a query holds at most the budget and one row more, however
//! many fields it has.

use super::row::Row;
use super::value::Value;
use crate::receiver::limits::QUERY_READ_BYTES_MAX;
use crate::receiver::store::error::{Result, StoreError};
use std::sync::atomic::{AtomicI64, Ordering};

/// Bytes that the rows of one query may still take.
#[derive(Debug)]
pub struct ReadBudget(AtomicI64);

impl Default for ReadBudget {
    fn default() -> ReadBudget {
        ReadBudget(AtomicI64::new(QUERY_READ_BYTES_MAX))
    }
}

impl ReadBudget {
    /// Takes the bytes of a row.
    pub fn take(&self, row: &Row) -> Result<()> {
        let texts = row.0.iter().map(|value| if let Value::Text(text) = value { text.len() } else { 0 });
        let bytes = texts.sum::<usize>() + std::mem::size_of_val(row.0.as_slice());
        if self.0.fetch_sub(bytes as i64, Ordering::Relaxed) >= bytes as i64 {
            return Ok(());
        }
        Err(StoreError::refused(ReadBudget::exceeded()))
    }

    /// Takes bytes, if so many are left.
    pub fn try_take(&self, bytes: usize) -> bool {
        let taken = |left| (left >= bytes as i64).then_some(left - bytes as i64);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Returns bytes that were taken.
    pub fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes as i64, Ordering::Relaxed);
    }

    /// The reason for which a query is refused that needs more.
    pub fn exceeded() -> String {
        format!("the response would be larger than {} MiB: ask for fewer rows", QUERY_READ_BYTES_MAX >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_until_the_budget_is_used_up() {
        let budget = ReadBudget::default();
        let row = Row(vec![Value::Null, Value::Text("x".repeat(1 << 20))]);
        let taken = (0..).take_while(|_| budget.take(&row).is_ok()).count();
        assert_eq!(taken as i64, (QUERY_READ_BYTES_MAX >> 20) - 1);
        assert!(budget.take(&Row(vec![Value::Null])).is_err());
    }
}
