//! The source database as a destination's cursors know it: its file, the watermark of the last scan, sampled rows.
//!
//! Row ids order messages only within one life of a database. The sampled rows detect that it was rebuilt.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json_number::{ShortHash, WideInteger, hash_text};

/// The database that the cursors were taken from, and the row id up to which it has been scanned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourcePosition {
    /// File id of the database.
    pub file_id: String,
    /// High-water mark: each message up to this row id is counted in its session's `seen_rowid`, if the session has a
    /// cursor.
    #[serde(with = "watermark")]
    pub watermark: i64,
    /// Row ids with a hash of the id of the message there; a database in which one differs has been rebuilt.
    #[serde(with = "sampled_rows")]
    pub sampled_rows: Vec<(i64, u64)>,
}

/// Fingerprint of everything in the source but its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFingerprint {
    /// Hash over every session, project and repository.
    #[serde(with = "hash_text")]
    pub sessions: u64,
    /// Hash over every task.
    #[serde(with = "hash_text")]
    pub tasks: u64,
    /// The folders that were read for project overrides.
    pub folders: Vec<String>,
}

/// Serde for a row id.
mod watermark {
    use super::*;

    pub fn serialize<S: Serializer>(rowid: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        WideInteger(*rowid).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        WideInteger::deserialize(deserializer).map(|rowid| rowid.0)
    }
}

/// Serde for pairs of row id and hash.
mod sampled_rows {
    use super::*;

    pub fn serialize<S: Serializer>(rows: &[(i64, u64)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(rows.iter().map(|(rowid, hash)| (WideInteger(*rowid), ShortHash(*hash))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(i64, u64)>, D::Error> {
        let rows = Vec::<(WideInteger, ShortHash)>::deserialize(deserializer)?;
        Ok(rows.into_iter().map(|(rowid, hash)| (rowid.0, hash.0)).collect())
    }
}
