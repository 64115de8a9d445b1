//! The audit log: who did what to keys, members, owners and stored sessions, when, and from where.
//!
//! Invariants: an entry is written in the transaction of what it records, and names people by their ids, so that an erased
//! user stands there by id alone; it holds no content. No role of the program may change or delete one (PostgreSQL), and
//! each entry's hash covers the one before (SQLite); old entries go by a prune alone, which takes no young ones.

/// Entries, and their insertion.
mod entry;

/// Reading for the operator.
mod list;

/// Retention.
mod prune;

/// Hashes and grants.
mod check;

pub use check::AuditCheck;
pub use entry::{
    Actor, AuditEntry, DISTRIBUTION, REFUSED_AUTHENTICATION, record, take_refused_authentications,
};
pub use list::{AuditRecord, read_entry};
pub use prune::AUDIT_DAYS_MIN;
