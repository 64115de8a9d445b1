//! The folder in which each session began, as the first row of its main stream that names one says, and the findings of
//! this run on these folders.
//!
//! The folders are cached up to the destination's watermark: a scan reads the rows of new sessions, and the newer rows of
//! others. The findings are never saved, because a folder can change at any time.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json_number::WideInteger;

/// Folder in which a session began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFolder {
    /// `None` where no row names a folder.
    pub path: Option<Arc<str>>,
    /// Line number of the row that names it.
    pub line: i64,
    /// True if the session's last known repository was read from this folder.
    pub is_origin: bool,
}

impl Default for SessionFolder {
    fn default() -> SessionFolder {
        SessionFolder { path: None, line: i64::MAX, is_origin: false }
    }
}

/// Finding on a folder: its path without links, and the remote in its repository's git configuration.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FolderFinding {
    /// `None` for a folder that is gone, cannot be inspected, or did not answer in time.
    pub real: Option<PathBuf>,
    /// Remote as configured, which may hold credentials.
    pub remote: Option<String>,
}

/// Hides the remote.
impl fmt::Debug for FolderFinding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("FolderFinding").field("real", &self.real).finish_non_exhaustive()
    }
}

/// Folders of the sessions of a destination, and findings by folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionFolders {
    by_session: BTreeMap<String, SessionFolder>,
    findings: BTreeMap<String, FolderFinding>,
}

impl SessionFolders {
    /// Returns the folder of a session, as far as it is cached.
    pub fn get(&self, session_id: &str) -> Option<&SessionFolder> {
        self.by_session.get(session_id)
    }

    /// Records the folder of a session.
    pub fn record(&mut self, session_id: &str, folder: SessionFolder) {
        match self.by_session.get_mut(session_id) {
            Some(known) => *known = folder,
            None => drop(self.by_session.insert(session_id.to_owned(), folder)),
        }
    }

    /// Records if a session's last known repository was read from its folder.
    pub fn set_origin(&mut self, session_id: &str, is_origin: bool) {
        if let Some(known) = self.by_session.get_mut(session_id) {
            known.is_origin = is_origin;
        }
    }

    /// Removes the sessions that the source no longer has.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.by_session.retain(|session_id, _| is_kept(session_id));
    }

    /// Returns the finding on a folder.
    pub fn finding(&self, folder: &str) -> Option<&FolderFinding> {
        self.findings.get(folder)
    }

    /// Records the finding on a folder for the rest of the run.
    pub fn record_finding(&mut self, folder: String, finding: FolderFinding) {
        self.findings.insert(folder, finding);
    }

    /// Reports whether nothing needs to be saved.
    pub(super) fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }
}

/// Record of a session: index of its folder, line, and true where the repository was read from the folder.
type FolderRecord = (Option<u32>, WideInteger, bool);

/// Writes each path once.
impl Serialize for SessionFolders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut paths, mut indices): (Vec<&str>, HashMap<&str, u32>) = Default::default();
        for path in self.by_session.values().filter_map(|folder| folder.path.as_deref()) {
            indices.entry(path).or_insert_with(|| {
                paths.push(path);
                (paths.len() - 1) as u32
            });
        }
        let record = |(session_id, folder): (_, &SessionFolder)| {
            let index = folder.path.as_deref().map(|path| indices[path]);
            (session_id, (index, WideInteger(folder.line), folder.is_origin))
        };
        struct Sessions<'a, F>(&'a BTreeMap<String, SessionFolder>, F);
        impl<'a, F: Fn((&'a String, &'a SessionFolder)) -> (&'a String, FolderRecord)> Serialize for Sessions<'a, F> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(&self.1))
            }
        }
        let mut document = serializer.serialize_struct("SessionFolders", 2)?;
        document.serialize_field("paths", &paths)?;
        document.serialize_field("sessions", &Sessions(&self.by_session, record))?;
        document.end()
    }
}

/// Drops a session whose record is damaged, so that its rows are read again.
impl<'de> Deserialize<'de> for SessionFolders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SessionFolders, D::Error> {
        #[derive(Deserialize)]
        struct FoldersRecord {
            paths: Vec<String>,
            sessions: BTreeMap<String, FolderRecord>,
        }
        let FoldersRecord { paths, sessions } = FoldersRecord::deserialize(deserializer)?;
        let paths: Vec<Arc<str>> = paths.into_iter().map(Arc::from).collect();
        let folder = |(session_id, (index, line, is_origin)): (String, FolderRecord)| {
            let path = match index {
                Some(index) => Some(paths.get(index as usize)?.clone()),
                None => None,
            };
            Some((session_id, SessionFolder { path, line: line.0, is_origin }))
        };
        let by_session = sessions.into_iter().filter_map(folder).collect();
        Ok(SessionFolders { by_session, findings: BTreeMap::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_as_they_were_written_and_findings_are_not_saved() {
        let mut folders = SessionFolders::default();
        let folder = |line, is_origin| SessionFolder { path: Some("/a".into()), line, is_origin };
        folders.record("one", folder(0, false));
        folders.record("two", folder(i64::MAX - 1, true));
        folders.record("none", SessionFolder::default());
        let text = serde_json::to_string(&folders).unwrap();
        assert_eq!(
            text,
            r#"{"paths":["/a"],"sessions":{"none":[null,"9223372036854775807",false],"one":[0,0,false],"two":[0,"9223372036854775806",true]}}"#
        );
        assert_eq!(serde_json::from_str::<SessionFolders>(&text).unwrap(), folders);
        let damaged = text.replace("[0,0,false]", "[7,0,false]");
        assert_eq!(serde_json::from_str::<SessionFolders>(&damaged).unwrap().get("one"), None);

        let finding = FolderFinding { real: None, remote: Some("https://alice:token@host/x/y".into()) };
        assert!(!format!("{finding:?}").contains("token"));
        folders.record_finding("/a".into(), finding);
        assert_eq!(serde_json::to_string(&folders).unwrap(), text);
    }
}
