//! The upsert of one batch: sessions with their rows and aggregates, in one transaction.
//!
//! Invariants: the upsert is idempotent: the same rows in any order, in any batches, any number of times and from several
//! machines at once lead to the same state; the number of statements does not grow with the number of sessions.

/// Outcomes and errors, session by session.
mod outcome;

/// Answers and sums.
mod aggregates;

/// A session before its upsert.
mod session_upsert;

/// The sessions of one user in one tenant.
mod upserter;

/// A batch over all tenants of its user.
mod batch;

pub use aggregates::Aggregates;
pub use outcome::{IngestOutcome, Rejection, SessionOutcome, UpsertError};
pub use upserter::Upserter;
