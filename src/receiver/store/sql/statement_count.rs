//! The number of statements that this process has sent to its database, for the metrics and for tests of a request's cost.

use std::sync::atomic::{AtomicU64, Ordering};

static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// Counts one statement.
pub fn count_statement() {
    STATEMENTS.fetch_add(1, Ordering::Relaxed);
}

/// Statements sent so far.
pub fn statement_count() -> u64 {
    STATEMENTS.load(Ordering::Relaxed)
}
