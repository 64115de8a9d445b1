//! The last known repository of each session, which decides about a session once its folder is gone and han no longer
//! links a remote.

use std::collections::HashMap;

/// Session ids with the normalized path of their last known repository; each path is stored once.
#[derive(Debug, Clone, Default)]
pub struct KnownRepositories {
    paths: Vec<String>,
    indices: HashMap<String, usize>,
    by_session: HashMap<String, usize>,
}

impl KnownRepositories {
    /// Finds the last known repository of a session.
    pub fn get(&self, session_id: &str) -> Option<&str> {
        self.by_session.get(session_id).map(|index| self.paths[*index].as_str())
    }

    /// Records the repository of a session; `None` removes the known one.
    pub fn record(&mut self, session_id: &str, path: Option<&str>) {
        let Some(path) = path else {
            self.by_session.remove(session_id);
            return;
        };
        let index = self.indices.get(path).copied().unwrap_or_else(|| {
            let index = self.paths.len();
            self.paths.push(path.to_owned());
            self.indices.insert(path.to_owned(), index);
            index
        });
        match self.by_session.get_mut(session_id) {
            Some(known) => *known = index,
            None => drop(self.by_session.insert(session_id.to_owned(), index)),
        }
    }

    /// Number of sessions with a known repository.
    pub fn len(&self) -> usize {
        self.by_session.len()
    }

    /// True without a known repository.
    pub fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }

    /// Pairs of session id and path, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_session.iter().map(|(session_id, index)| (session_id.as_str(), self.paths[*index].as_str()))
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
