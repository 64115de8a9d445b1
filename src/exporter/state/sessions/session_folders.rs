//! The folder in which each session began, as the first row of its main stream that names one says, and the findings of
//! this run on these folders.
//!
//! The folders are cached up to the destination's watermark: a scan reads the rows of new sessions, and the newer rows of
//! others. A session with a cursor has its record there; positions of paths never change, since records refer to them. The
//! findings are never saved, because a folder can change at any time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::path_table::PathTable;
use crate::exporter::state::json_number::WideInteger;

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

/// Record of a session's folder: position of its path, line, and true where the repository was read from the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderRecord {
    path: Option<u32>,
    line: i64,
    is_origin: bool,
}

/// The table of paths, the folders of sessions without a cursor, and findings by folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionFolders {
    paths: PathTable,
    sessions: BTreeMap<String, FolderRecord>,
    findings: BTreeMap<String, FolderFinding>,
}

impl SessionFolders {
    /// Returns the record of a session without a cursor.
    pub(in crate::exporter::state) fn record_of(&self, session_id: &str) -> Option<FolderRecord> {
        self.sessions.get(session_id).copied()
    }

    /// Removes a session that gets a cursor, and returns its record.
    pub(in crate::exporter::state) fn take(&mut self, session_id: &str) -> Option<FolderRecord> {
        self.sessions.remove(session_id)
    }

    /// Records the folder of a session without a cursor.
    pub(in crate::exporter::state) fn record(&mut self, session_id: &str, record: FolderRecord) {
        self.sessions.insert(session_id.to_owned(), record);
    }

    /// Returns the folder of a record; `None` for a position that the table does not have.
    pub(in crate::exporter::state) fn resolve(&self, record: FolderRecord) -> Option<SessionFolder> {
        let FolderRecord { path, line, is_origin } = record;
        let path = match path {
            Some(position) => Some(self.paths.get(position)?.clone()),
            None => None,
        };
        Some(SessionFolder { path, line, is_origin })
    }

    /// Returns the record of a folder, whose path is added if it is new.
    pub(in crate::exporter::state) fn add(&mut self, folder: &SessionFolder) -> FolderRecord {
        let SessionFolder { path, line, is_origin } = folder.clone();
        let path = path.map(|path| self.paths.add(&path));
        FolderRecord { path, line, is_origin }
    }

    /// Removes the sessions without a cursor that the source no longer has.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.sessions.retain(|session_id, _| is_kept(session_id));
    }

    /// Returns the finding on a folder.
    pub fn finding(&self, folder: &str) -> Option<&FolderFinding> {
        self.findings.get(folder)
    }

    /// Records the finding on a folder for the rest of the run.
    pub fn record_finding(&mut self, folder: String, finding: FolderFinding) {
        self.findings.insert(folder, finding);
    }
}

/// `[path, line]`, with `true` after it where the repository was read from the folder; `[]` where no row names one.
impl Serialize for FolderRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_seq(None)?;
        if let Some(path) = self.path {
            members.serialize_element(&path)?;
            members.serialize_element(&WideInteger(self.line))?;
            if self.is_origin {
                members.serialize_element(&true)?;
            }
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for FolderRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FolderRecord, D::Error> {
        deserializer.deserialize_seq(FolderRecordVisitor)
    }
}

struct FolderRecordVisitor;

impl<'de> Visitor<'de> for FolderRecordVisitor {
    type Value = FolderRecord;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of path, line and true, or an empty one")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<FolderRecord, A::Error> {
        let Some(path) = members.next_element()? else {
            return Ok(FolderRecord { path: None, line: SessionFolder::default().line, is_origin: false });
        };
        let line: WideInteger = members.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        let is_origin = members.next_element()?.unwrap_or_default();
        Ok(FolderRecord { path: Some(path), line: line.0, is_origin })
    }
}

/// Form of the state file.
#[derive(Serialize, Deserialize)]
struct FoldersDocument<'a> {
    paths: Vec<String>,
    /// Those without a cursor.
    sessions: Cow<'a, BTreeMap<String, FolderRecord>>,
}

impl Serialize for SessionFolders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let paths = self.paths.iter().map(|path| path.to_string()).collect();
        FoldersDocument { paths, sessions: Cow::Borrowed(&self.sessions) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionFolders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SessionFolders, D::Error> {
        let FoldersDocument { paths, sessions } = FoldersDocument::deserialize(deserializer)?;
        let mut folders = SessionFolders { sessions: sessions.into_owned(), ..SessionFolders::default() };
        for path in paths {
            folders.paths.append(path.into());
        }
        Ok(folders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_as_they_were_written_and_findings_are_not_saved() {
        let mut folders = SessionFolders::default();
        let folder = |line, is_origin| SessionFolder { path: Some("/a".into()), line, is_origin };
        let all = [
            ("none", SessionFolder::default()),
            ("one", folder(0, false)),
            ("two", folder(i64::MAX - 1, true)),
        ];
        for (session_id, folder) in &all {
            let record = folders.add(folder);
            folders.record(session_id, record);
        }
        let text = serde_json::to_string(&folders).unwrap();
        assert_eq!(
            text,
            r#"{"paths":["/a"],"sessions":{"none":[],"one":[0,0],"two":[0,"9223372036854775806",true]}}"#
        );
        let read: SessionFolders = serde_json::from_str(&text).unwrap();
        for (session_id, folder) in all {
            assert_eq!(read.resolve(read.record_of(session_id).unwrap()), Some(folder));
        }
        let damaged: SessionFolders = serde_json::from_str(&text.replace("[0,0]", "[7,0]")).unwrap();
        assert_eq!(damaged.resolve(damaged.record_of("one").unwrap()), None);

        let finding = FolderFinding { real: None, remote: Some("https://alice:token@host/x/y".into()) };
        assert!(!format!("{finding:?}").contains("token"));
        folders.record_finding("/a".into(), finding);
        assert_eq!(serde_json::to_string(&folders).unwrap(), text);
    }
}
