//! The rights of a person: all that is held of a user, and its erasure.
//!
//! Invariant: what stays after an erasure names nobody: an organization's sums, and the audit log by the user's id.

/// Everything that is held of a user.
mod export;

/// Erasure.
mod erase;

pub use erase::Erased;
