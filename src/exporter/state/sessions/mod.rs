//! Everything that the state knows of a session: its cursor, its last known repository, the folder in which it began.
//!
//! A session with a cursor has one record with all of it; the tables list only sessions without one.

/// The last acknowledged line of each source stream.
pub(in crate::exporter::state) mod synced_lines;
/// Paths to which records refer by position.
pub(in crate::exporter::state) mod path_table;
/// The folders in which sessions began.
pub(in crate::exporter::state) mod session_folders;
/// The cursor of one session.
pub(in crate::exporter::state) mod session_cursor;
/// The record of one session in the state file.
pub(in crate::exporter::state) mod session_record;
/// The cursors of all sessions of a destination.
pub(in crate::exporter::state) mod session_cursors;
/// The last known repositories.
pub(in crate::exporter::state) mod repositories;
