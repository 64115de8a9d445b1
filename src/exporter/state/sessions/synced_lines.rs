//! The last acknowledged line of each source stream of a session, for people; the delta goes by row id.
//!
//! Nearly every session has the main stream alone: the state file then has its line as a number, else an object with the
//! line of each stream.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exporter::state::json_number::WideInteger;

/// The source stream of a session itself, as opposed to those of its agents.
const MAIN_STREAM: &str = "main";

/// Highest acknowledged line numbers, by source stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncedLines {
    main: Option<i64>,
    others: BTreeMap<String, i64>,
}

impl SyncedLines {
    /// Raises the line of a stream to at least `line`.
    pub fn advance(&mut self, stream: &str, line: i64) {
        if stream == MAIN_STREAM {
            self.main = self.main.max(Some(line));
        } else if let Some(last) = self.others.get_mut(stream) {
            *last = line.max(*last);
        } else {
            self.others.insert(stream.to_owned(), line);
        }
    }

    /// Forgets the lines of all streams.
    pub fn clear(&mut self) {
        *self = SyncedLines::default();
    }

    /// Reports whether no line is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.main.is_none() && self.others.is_empty()
    }
}

impl Serialize for SyncedLines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(main) = self.main.filter(|_| self.others.is_empty()) {
            return WideInteger(main).serialize(serializer);
        }
        let mut lines = serializer.serialize_map(None)?;
        if let Some(main) = self.main {
            lines.serialize_entry(MAIN_STREAM, &WideInteger(main))?;
        }
        for (stream, line) in &self.others {
            lines.serialize_entry(stream, &WideInteger(*line))?;
        }
        lines.end()
    }
}

impl<'de> Deserialize<'de> for SyncedLines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SyncedLines, D::Error> {
        deserializer.deserialize_any(SyncedLinesVisitor)
    }
}

struct SyncedLinesVisitor;

impl SyncedLinesVisitor {
    fn main<E: Error>(line: Option<i64>) -> Result<SyncedLines, E> {
        let main = line.ok_or_else(|| E::custom("a line number is out of range"))?;
        Ok(SyncedLines { main: Some(main), others: BTreeMap::new() })
    }
}

impl<'de> Visitor<'de> for SyncedLinesVisitor {
    type Value = SyncedLines;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a line number, or an object with one for each stream")
    }

    fn visit_i64<E: Error>(self, line: i64) -> Result<SyncedLines, E> {
        Self::main(Some(line))
    }

    fn visit_u64<E: Error>(self, line: u64) -> Result<SyncedLines, E> {
        Self::main(i64::try_from(line).ok())
    }

    fn visit_str<E: Error>(self, line: &str) -> Result<SyncedLines, E> {
        Self::main(line.parse().ok())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SyncedLines, A::Error> {
        let mut lines = SyncedLines::default();
        while let Some((stream, line)) = map.next_entry::<String, WideInteger>()? {
            lines.advance(&stream, line.0);
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts the JSON form of lines, and that the form reads as the lines.
    #[track_caller]
    fn assert_form(lines: &[(&str, i64)], json: &str) {
        let mut synced = SyncedLines::default();
        lines.iter().for_each(|(stream, line)| synced.advance(stream, *line));
        assert_eq!(serde_json::to_string(&synced).unwrap(), json);
        assert_eq!(serde_json::from_str::<SyncedLines>(json).unwrap(), synced);
    }

    #[test]
    fn main_stream_alone_is_a_number() {
        assert_form(&[("main", 52)], "52");
        assert_form(&[("main", i64::MAX)], "\"9223372036854775807\"");
    }

    #[test]
    fn several_streams_are_an_object() {
        assert_form(
            &[("main", 52), ("agent:a1", i64::MIN)],
            r#"{"main":52,"agent:a1":"-9223372036854775808"}"#,
        );
        assert_form(&[("agent:a1", 1)], r#"{"agent:a1":1}"#);
        assert_form(&[], "{}");
    }

    #[test]
    fn line_never_goes_back() {
        for stream in ["main", "agent:a1"] {
            let mut lines = SyncedLines::default();
            lines.advance(stream, 7);
            let before = lines.clone();
            lines.advance(stream, 3);
            assert_eq!(lines, before);
        }
    }
}
