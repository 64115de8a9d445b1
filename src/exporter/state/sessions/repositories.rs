//! The last known repository of each session, which decides about a session once its folder is gone and han no longer
//! links a remote.
//!
//! A session with a cursor has its repository there, by position in the table of paths; positions never change, since
//! records refer to them.

use std::collections::BTreeMap;

use super::path_table::PathTable;

/// The table of normalized repository paths, and the last known repositories of sessions without a cursor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownRepositories {
    pub(in crate::exporter::state) paths: PathTable,
    /// Sessions without a cursor, each with the position of its repository.
    sessions: BTreeMap<String, u32>,
}

impl KnownRepositories {
    /// Returns the path at a position.
    pub(in crate::exporter::state) fn path(&self, position: u32) -> Option<&str> {
        self.paths.get(position).map(AsRef::as_ref)
    }

    /// Returns the position of the repository of a session without a cursor.
    pub(in crate::exporter::state) fn position(&self, session_id: &str) -> Option<u32> {
        self.sessions.get(session_id).copied()
    }

    /// Records the repository of a session without a cursor; `None` removes the known one.
    pub(in crate::exporter::state) fn record(&mut self, session_id: &str, position: Option<u32>) {
        match position {
            Some(position) => drop(self.sessions.insert(session_id.to_owned(), position)),
            None => drop(self.sessions.remove(session_id)),
        }
    }

    /// Removes a session that gets a cursor, and returns the position of its repository.
    pub(in crate::exporter::state) fn take(&mut self, session_id: &str) -> Option<u32> {
        self.sessions.remove(session_id)
    }

    /// Iterates over the sessions without a cursor, in the order of their ids.
    pub(in crate::exporter::state) fn sessions(&self) -> impl Iterator<Item = (&str, u32)> {
        self.sessions.iter().map(|(session_id, position)| (session_id.as_str(), *position))
    }
}
