//! Backups of the whole store, taken while it serves, and restored into an empty one.
//!
//! Invariants: a backup is one snapshot; it gets its name when it is complete, checked and durable, and never takes the name of
//! another file; a restore is one transaction, which leaves an empty store where anything fails.

/// A file that has its name once it is complete.
mod partial_file;

/// Rows as lines of JSON.
mod ndjson;

/// The three forms of a backup.
mod file;

/// `Store::back_up`.
mod write;

/// `Store::restore`.
mod restore;

pub use file::{BackupFile, BackupFormat};
pub use restore::RestoredStore;
pub use write::BackupSummary;
