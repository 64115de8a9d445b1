//! Forgetting: a user's sessions are deleted with their sums, and tombstones keep them from being stored again.
//!
//! Invariants: a tombstone belongs to one user; whoever forgets holds the lock of that user, so that a batch on its way is
//! either deleted or rejected.

/// Rows and sums of sessions that leave a tenant.
mod removal;

/// Requests of a user.
mod requests;

pub use removal::delete_sessions;
pub use requests::{ForgetOutcome, SessionSelection};
