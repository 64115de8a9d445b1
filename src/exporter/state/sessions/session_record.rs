//! The record of a session in the state file: its cursor and its last known repository, compact and readable.
//!
//! Members with their default value are left out; a session whose data is delivered takes less than 200 bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::session_cursor::SessionCursor;
use super::session_folders::FolderRecord;
use super::synced_lines::SyncedLines;
use crate::exporter::state::json_number::{ShortHash, Timestamp, WideInteger, hash_set};

/// A session as the file has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionRecord<'a> {
    #[serde(skip_serializing_if = "has_no_lines")]
    last_synced_line: Cow<'a, SyncedLines>,
    #[serde(skip_serializing_if = "is_default")]
    rowid: WideInteger,
    /// Left out where it equals `rowid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_rowid: Option<WideInteger>,
    /// Count, digest, and the latest timestamp of the acknowledged messages.
    #[serde(skip_serializing_if = "is_default")]
    messages: (u64, ShortHash, Option<Timestamp>),
    /// Hash of the fields, and the time since when they have been so.
    #[serde(skip_serializing_if = "is_default")]
    fields: (Option<ShortHash>, Option<Timestamp>),
    /// True if the fields are not acknowledged.
    #[serde(skip_serializing_if = "is_default")]
    fields_unsent: bool,
    #[serde(with = "task_hashes", skip_serializing_if = "is_empty_set")]
    tasks: Cow<'a, BTreeSet<u64>>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    rejected: BTreeSet<WideInteger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<Timestamp>,
    /// Position in the file's table of repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<FolderRecord>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
fn has_no_lines(lines: &Cow<SyncedLines>) -> bool {
    lines.is_empty()
}

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
fn is_empty_set(tasks: &Cow<BTreeSet<u64>>) -> bool {
    tasks.is_empty()
}

impl<'a> SessionRecord<'a> {
    pub fn new(cursor: &'a SessionCursor) -> SessionRecord<'a> {
        SessionRecord {
            last_synced_line: Cow::Borrowed(&cursor.last_synced_lines),
            rowid: WideInteger(cursor.rowid),
            seen_rowid: (cursor.seen_rowid != cursor.rowid).then_some(WideInteger(cursor.seen_rowid)),
            messages: (cursor.messages, ShortHash(cursor.digest), cursor.newest_at.map(Timestamp)),
            fields: (cursor.fields.map(ShortHash), cursor.fields_seen_at.map(Timestamp)),
            fields_unsent: !cursor.fields_sent,
            tasks: Cow::Borrowed(&cursor.tasks),
            rejected: cursor.refused.iter().copied().map(WideInteger).collect(),
            waiting_since: cursor.waiting_since.map(Timestamp),
            repository: cursor.repository,
            folder: cursor.folder,
        }
    }
}

impl From<SessionRecord<'_>> for SessionCursor {
    fn from(record: SessionRecord) -> SessionCursor {
        let (messages, digest, newest_at) = record.messages;
        let (fields, fields_seen_at) = record.fields;
        SessionCursor {
            rowid: record.rowid.0,
            seen_rowid: record.seen_rowid.unwrap_or(record.rowid).0,
            messages,
            digest: digest.0,
            newest_at: newest_at.map(|it| it.0),
            last_synced_lines: record.last_synced_line.into_owned(),
            fields: fields.map(|it| it.0),
            fields_seen_at: fields_seen_at.map(|it| it.0),
            fields_sent: !record.fields_unsent,
            tasks: record.tasks.into_owned(),
            refused: record.rejected.into_iter().map(|it| it.0).collect(),
            waiting_since: record.waiting_since.map(|it| it.0),
            repository: record.repository,
            folder: record.folder,
        }
    }
}

/// Serde for the hashes of the acknowledged tasks.
mod task_hashes {
    use super::*;

    #[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
    pub fn serialize<S: Serializer>(tasks: &Cow<BTreeSet<u64>>, serializer: S) -> Result<S::Ok, S::Error> {
        hash_set::serialize(tasks, serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Cow<'static, BTreeSet<u64>>, D::Error> {
        hash_set::deserialize(deserializer).map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cursor: &SessionCursor) -> String {
        let text = serde_json::to_string(&SessionRecord::new(cursor)).unwrap();
        let record = serde_json::from_str::<SessionRecord>(&text).unwrap();
        assert_eq!(SessionCursor::from(record), *cursor, "{text}");
        text
    }

    fn lines(streams: &[(&str, i64)]) -> SyncedLines {
        let mut lines = SyncedLines::default();
        streams.iter().for_each(|(stream, line)| lines.advance(stream, *line));
        lines
    }

    fn delivered() -> SessionCursor {
        SessionCursor {
            rowid: 123_456,
            seen_rowid: 123_456,
            messages: 52,
            digest: 0x1234_5678_90ab_cdef,
            newest_at: crate::time::parse("2026-01-02T03:04:05.123Z"),
            last_synced_lines: lines(&[("main", 52)]),
            fields: Some(1),
            fields_seen_at: crate::time::parse("2026-01-02T03:04:05.123Z"),
            fields_sent: true,
            ..SessionCursor::default()
        }
    }

    #[test]
    fn delivered_session_has_only_the_members_that_say_something() {
        assert_eq!(
            json(&delivered()),
            r#"{"lastSyncedLine":52,"rowid":123456,"messages":[52,"EjRWeJCrze8",1767323045123],"fields":["AAAAAAAAAAE",1767323045123]}"#
        );
        assert_eq!(json(&SessionCursor { fields_sent: true, ..SessionCursor::default() }), "{}");
        assert_eq!(json(&SessionCursor::default()), r#"{"fieldsUnsent":true}"#);
    }

    #[test]
    fn every_member_is_read_as_it_was_written() {
        let cursor = SessionCursor {
            rowid: i64::MAX,
            seen_rowid: 7,
            last_synced_lines: lines(&[("main", 52), ("agent:a1", i64::MIN)]),
            fields_sent: false,
            tasks: BTreeSet::from([0, 1, u64::MAX]),
            refused: BTreeSet::from([-1, 5, i64::MAX]),
            waiting_since: crate::time::parse("2026-01-02T03:04:05Z"),
            newest_at: crate::time::parse("2026-01-02T03:04:05.123456789Z"),
            fields: None,
            ..delivered()
        };
        json(&cursor);
        json(&SessionCursor { last_synced_lines: lines(&[("agent:a1", 1)]), ..delivered() });
    }
}
