//! The record of a session in the state file: its cursor and its last known repository, compact and readable.
//!
//! Members with their default value are left out; a session whose data is delivered takes less than 200 bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json_number::{HexHash, Timestamp, WideInteger, hash_set};
use super::session_cursor::{SessionCursor, StreamCursor};

/// The source stream of a session itself, as opposed to those of its agents.
const MAIN_STREAM: &str = "main";

/// A session as the file has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionRecord<'a> {
    #[serde(skip_serializing_if = "StreamLines::is_empty")]
    last_synced_line: StreamLines<'a>,
    #[serde(skip_serializing_if = "is_default")]
    rowid: WideInteger,
    /// Left out where it equals `rowid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_rowid: Option<WideInteger>,
    /// Count, digest, and the latest timestamp of the acknowledged messages.
    #[serde(skip_serializing_if = "is_default")]
    messages: (u64, HexHash, Option<Timestamp>),
    /// Hash of the fields, and the time since when they have been so.
    #[serde(skip_serializing_if = "is_default")]
    fields: (Option<HexHash>, Option<Timestamp>),
    /// True if the fields are not acknowledged.
    #[serde(skip_serializing_if = "is_default")]
    fields_unsent: bool,
    #[serde(with = "task_hashes", skip_serializing_if = "is_empty_set")]
    tasks: Cow<'a, BTreeSet<u64>>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    rejected: BTreeSet<WideInteger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<Timestamp>,
    /// Index in the file's table of repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<u32>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
fn is_empty_set(tasks: &Cow<BTreeSet<u64>>) -> bool {
    tasks.is_empty()
}

impl<'a> SessionRecord<'a> {
    pub fn new(cursor: &'a SessionCursor, repository: Option<u32>) -> SessionRecord<'a> {
        SessionRecord {
            last_synced_line: StreamLines(Cow::Borrowed(&cursor.streams)),
            rowid: WideInteger(cursor.rowid),
            seen_rowid: (cursor.seen_rowid != cursor.rowid).then_some(WideInteger(cursor.seen_rowid)),
            messages: (cursor.messages, HexHash(cursor.digest), cursor.newest_at.map(Timestamp)),
            fields: (cursor.fields.map(HexHash), cursor.fields_seen_at.map(Timestamp)),
            fields_unsent: !cursor.fields_sent,
            tasks: Cow::Borrowed(&cursor.tasks),
            rejected: cursor.refused.iter().copied().map(WideInteger).collect(),
            waiting_since: cursor.waiting_since.map(Timestamp),
            repository,
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
            streams: record.last_synced_line.0.into_owned(),
            fields: fields.map(|it| it.0),
            fields_seen_at: fields_seen_at.map(|it| it.0),
            fields_sent: !record.fields_unsent,
            tasks: record.tasks.into_owned(),
            refused: record.rejected.into_iter().map(|it| it.0).collect(),
            waiting_since: record.waiting_since.map(|it| it.0),
        }
    }
}

/// The last acknowledged lines: a number for a session with the main stream alone, else an object with each stream.
#[derive(Debug, Clone, PartialEq)]
struct StreamLines<'a>(Cow<'a, BTreeMap<String, StreamCursor>>);

impl Default for StreamLines<'_> {
    fn default() -> Self {
        StreamLines(Cow::Owned(BTreeMap::new()))
    }
}

impl StreamLines<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for StreamLines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = |cursor: &StreamCursor| WideInteger(cursor.last_synced_line);
        match self.0.get(MAIN_STREAM).filter(|_| self.0.len() == 1) {
            Some(main) => line(main).serialize(serializer),
            None => serializer.collect_map(self.0.iter().map(|(stream, cursor)| (stream, line(cursor)))),
        }
    }
}

impl<'de> Deserialize<'de> for StreamLines<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StreamLinesVisitor).map(|lines| StreamLines(Cow::Owned(lines)))
    }
}

struct StreamLinesVisitor;

impl StreamLinesVisitor {
    fn main<E: serde::de::Error>(line: Option<i64>) -> Result<BTreeMap<String, StreamCursor>, E> {
        let last_synced_line = line.ok_or_else(|| E::custom("a line number is out of range"))?;
        Ok(BTreeMap::from([(MAIN_STREAM.to_owned(), StreamCursor { last_synced_line })]))
    }
}

impl<'de> Visitor<'de> for StreamLinesVisitor {
    type Value = BTreeMap<String, StreamCursor>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a line number, or an object with one for each stream")
    }

    fn visit_i64<E: serde::de::Error>(self, line: i64) -> Result<Self::Value, E> {
        Self::main(Some(line))
    }

    fn visit_u64<E: serde::de::Error>(self, line: u64) -> Result<Self::Value, E> {
        Self::main(i64::try_from(line).ok())
    }

    fn visit_str<E: serde::de::Error>(self, line: &str) -> Result<Self::Value, E> {
        Self::main(line.parse().ok())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut streams = BTreeMap::new();
        while let Some((stream, line)) = map.next_entry::<String, WideInteger>()? {
            streams.insert(stream, StreamCursor { last_synced_line: line.0 });
        }
        Ok(streams)
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
        let text = serde_json::to_string(&SessionRecord::new(cursor, None)).unwrap();
        let record = serde_json::from_str::<SessionRecord>(&text).unwrap();
        assert_eq!(SessionCursor::from(record), *cursor, "{text}");
        text
    }

    fn delivered() -> SessionCursor {
        SessionCursor {
            rowid: 123_456,
            seen_rowid: 123_456,
            messages: 52,
            digest: 0x1234_5678_90ab_cdef,
            newest_at: crate::time::parse("2026-01-02T03:04:05.123Z"),
            streams: BTreeMap::from([("main".to_owned(), StreamCursor { last_synced_line: 52 })]),
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
            r#"{"lastSyncedLine":52,"rowid":123456,"messages":[52,"1234567890abcdef",1767323045123],"fields":["0000000000000001",1767323045123]}"#
        );
        assert_eq!(json(&SessionCursor { fields_sent: true, ..SessionCursor::default() }), "{}");
        assert_eq!(json(&SessionCursor::default()), r#"{"fieldsUnsent":true}"#);
    }

    #[test]
    fn every_member_is_read_as_it_was_written() {
        let line = |last_synced_line| StreamCursor { last_synced_line };
        let cursor = SessionCursor {
            rowid: i64::MAX,
            seen_rowid: 7,
            streams: BTreeMap::from([("main".into(), line(52)), ("agent:a1".into(), line(i64::MIN))]),
            fields_sent: false,
            tasks: BTreeSet::from([0, 1, u64::MAX]),
            refused: BTreeSet::from([-1, 5, i64::MAX]),
            waiting_since: crate::time::parse("2026-01-02T03:04:05Z"),
            newest_at: crate::time::parse("2026-01-02T03:04:05.123456789Z"),
            fields: None,
            ..delivered()
        };
        json(&cursor);
        json(&SessionCursor { streams: BTreeMap::from([("agent:a1".into(), line(1))]), ..delivered() });
    }
}
