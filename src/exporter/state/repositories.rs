//! The last known repository of each session, which decides about a session once its folder is gone and han no longer
//! links a remote.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

/// Session ids with the normalized path of their last known repository; each path is stored once.
#[derive(Debug, Clone, Default)]
pub struct KnownRepositories {
    paths: Vec<String>,
    indices: BTreeMap<String, u32>,
    by_session: HashMap<String, u32, RandomState>,
}

impl KnownRepositories {
    /// Returns the repository of a session.
    pub fn get(&self, session_id: &str) -> Option<&str> {
        self.by_session.get(session_id).map(|index| self.paths[*index as usize].as_str())
    }

    /// Records the repository of a session; `None` removes the known one.
    pub fn record(&mut self, session_id: &str, path: Option<&str>) {
        match path {
            Some(path) => {
                let index = self.add_path(path);
                self.by_session.insert(session_id.to_owned(), index);
            }
            None => drop(self.by_session.remove(session_id)),
        }
    }

    /// Records the repository of a session by an index from [`KnownRepositories::add_path`].
    pub(super) fn record_index(&mut self, session_id: String, index: u32) {
        self.by_session.insert(session_id, index);
    }

    /// Returns the index of a path, which is added if it is new.
    pub(super) fn add_path(&mut self, path: &str) -> u32 {
        let paths = &mut self.paths;
        *self.indices.entry(path.to_owned()).or_insert_with(|| {
            paths.push(path.to_owned());
            (paths.len() - 1) as u32
        })
    }

    /// Reserves memory for more sessions.
    pub(super) fn reserve(&mut self, sessions: usize) {
        self.by_session.reserve(sessions);
    }

    /// Returns the number of sessions.
    pub fn len(&self) -> usize {
        self.by_session.len()
    }

    /// Reports whether no session has a repository.
    pub fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }

    /// Iterates over session ids and paths, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let path = |index: &u32| self.paths[*index as usize].as_str();
        self.by_session.iter().map(move |(session_id, index)| (session_id.as_str(), path(index)))
    }

    /// Returns the paths that any session has, in order, with the position of each.
    pub(super) fn table(&self) -> RepositoryTable<'_> {
        let mut is_used = vec![false; self.paths.len()];
        self.by_session.values().for_each(|index| is_used[*index as usize] = true);
        let used = self.indices.iter().filter(|(_, index)| is_used[**index as usize]);
        let mut table =
            RepositoryTable { known: self, paths: Vec::new(), positions: vec![0; self.paths.len()] };
        for ((path, index), position) in used.zip(0..) {
            table.paths.push(path);
            table.positions[*index as usize] = position;
        }
        table
    }
}

/// The repositories in the order in which the state file lists them.
#[derive(Debug)]
pub(super) struct RepositoryTable<'a> {
    known: &'a KnownRepositories,
    pub(super) paths: Vec<&'a str>,
    /// Position in `paths`, by index.
    positions: Vec<u32>,
}

impl RepositoryTable<'_> {
    /// Returns the position of a session's repository.
    pub(super) fn position(&self, session_id: &str) -> Option<u32> {
        self.known.by_session.get(session_id).map(|index| self.positions[*index as usize])
    }
}

impl PartialEq for KnownRepositories {
    fn eq(&self, other: &KnownRepositories) -> bool {
        self.len() == other.len() && self.iter().all(|(session_id, path)| other.get(session_id) == Some(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_has_the_repository_that_was_recorded_last() {
        let mut known = KnownRepositories::default();
        for path in ["github.com/acme/api", "github.com/acme/web"] {
            known.record("s", Some(path));
            assert_eq!((known.get("s"), known.len()), (Some(path), 1));
        }
        known.record("s", None);
        assert_eq!((known.get("s"), known.len()), (None, 0));
    }
}
