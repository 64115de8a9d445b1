//! The source: han's database, opened read-only.
//!
//! Every query runs in a `Snapshot`, which is one read transaction; no snapshot may live across a network wait. Columns
//! that an older database lacks read as null. Text that is not UTF-8 is repaired, never rejected.

/// The database's files: file id and change signature.
mod files;
/// Tables and columns of han's database.
mod schema;
/// The folder that a transcript line names.
mod cwd;
/// Rows of sessions, messages and tasks.
mod rows;
/// The connection, and snapshots of it.
mod connection;
/// Queries.
mod queries;
/// Fingerprint of everything but the messages.
mod fingerprint;
/// Transcripts that han has not indexed to their end.
pub mod transcripts;
/// The remote of a folder's git repository.
pub mod git;
/// The hashes of a session's message ids.
mod session_hashes;
/// Detection of a rebuilt database.
pub mod rebuild;

pub use crate::exporter::source::connection::{Snapshot, Source};
pub use crate::exporter::source::files::{change_signature, file_id};
pub use crate::exporter::source::queries::IndexedTranscript;
pub use crate::exporter::source::rows::{MessageRow, SessionRow, TaskRow};
pub use crate::exporter::source::session_hashes::SessionHashes;
