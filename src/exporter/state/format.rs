//! The format of `sync-state.json`: one JSON object in lines, the header first, then one line for each session.
//!
//! Session ids are written once: a session's record carries the index of its last known repository, and the table of
//! repositories lists only the sessions that no destination has a cursor of.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::atomic_file::Versioned;
use super::destination::Destination;
use super::header::StateHeader;
use super::repositories::{KnownRepositories, RepositoryTable};
use super::session_cursor::SessionCursor;
use super::session_record::SessionRecord;
use crate::exporter::config::project_override::ProjectOverrides;

/// Bytes that a session usually takes; only a first guess at the size of the file.
const SESSION_BYTES: usize = 256;

/// The content of the file after the header.
#[derive(Debug, Clone, Copy)]
pub struct StateBody<'a> {
    pub project_overrides: &'a ProjectOverrides,
    pub repositories: &'a KnownRepositories,
    /// The current destination first.
    pub destinations: &'a [&'a Destination],
}

/// A repository in the file's table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RepositoryRecord {
    path: String,
    /// Sessions that no destination has a cursor of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<String>,
}

/// Encodes the file: the header, completed with the number of bytes that follow it, and the body.
pub fn encode(header: StateHeader, body: StateBody) -> serde_json::Result<Vec<u8>> {
    let rest = encode_body(body)?;
    let header = StateHeader { rest_bytes: Some(rest.len() as u64), ..header };
    let mut document = header.encode()?;
    document.reserve_exact(rest.len());
    document.extend_from_slice(&rest);
    Ok(document)
}

fn encode_body(body: StateBody) -> serde_json::Result<Vec<u8>> {
    let sessions: usize = body.destinations.iter().map(|destination| destination.sessions.len()).sum();
    let mut encoder = Encoder {
        out: Vec::with_capacity(sessions * SESSION_BYTES),
        body,
        table: body.repositories.table(),
        repositories_written: 0,
    };
    encoder.body()?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    out: Vec<u8>,
    body: StateBody<'a>,
    table: RepositoryTable<'a>,
    /// Sessions whose record carries their repository.
    repositories_written: usize,
}

impl Encoder<'_> {
    fn body(&mut self) -> serde_json::Result<()> {
        let StateBody { project_overrides, destinations, .. } = self.body;
        self.raw("\"projectOverrides\":");
        serde_json::to_writer(&mut self.out, project_overrides)?;
        self.raw(",\n\"destinations\":[");
        for (index, destination) in destinations.iter().enumerate() {
            self.raw(if index == 0 { "\n" } else { ",\n" });
            self.destination(destination, &destinations[..index])?;
        }
        self.raw("],\n\"repositories\":[");
        for (index, repository) in self.repository_records().iter().enumerate() {
            self.raw(if index == 0 { "\n" } else { ",\n" });
            serde_json::to_writer(&mut self.out, repository)?;
        }
        self.raw("]}\n");
        Ok(())
    }

    /// `earlier`: the destinations that are written already, whose sessions carry their repository there.
    fn destination(&mut self, destination: &Destination, earlier: &[&Destination]) -> serde_json::Result<()> {
        serde_json::to_writer(&mut self.out, destination)?;
        self.out.pop();
        self.raw(",\"sessions\":{");
        for (index, (session_id, cursor)) in destination.sessions.iter().enumerate() {
            self.raw(if index == 0 { "\n" } else { ",\n" });
            let position = self.table.position(session_id).filter(|_| !has_cursor(earlier, session_id));
            self.repositories_written += usize::from(position.is_some());
            serde_json::to_writer(&mut self.out, session_id)?;
            self.raw(":");
            serde_json::to_writer(&mut self.out, &SessionRecord::new(cursor, position))?;
        }
        self.raw("}}");
        Ok(())
    }

    fn repository_records(&self) -> Vec<RepositoryRecord> {
        let record = |path: &&str| RepositoryRecord { path: (*path).to_owned(), sessions: Vec::new() };
        let mut records: Vec<RepositoryRecord> = self.table.paths.iter().map(record).collect();
        if self.repositories_written < self.body.repositories.len() {
            for (session_id, _) in self.body.repositories.iter() {
                let position = self.table.position(session_id);
                if let Some(position) = position.filter(|_| !has_cursor(self.body.destinations, session_id)) {
                    records[position as usize].sessions.push(session_id.to_owned());
                }
            }
        }
        records.iter_mut().for_each(|record| record.sessions.sort_unstable());
        records
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

fn has_cursor(destinations: &[&Destination], session_id: &str) -> bool {
    destinations.iter().any(|destination| destination.sessions.contains_key(session_id))
}

/// The whole file as it was read.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Document")]
pub struct StateFile {
    pub header: StateHeader,
    pub project_overrides: ProjectOverrides,
    pub repositories: KnownRepositories,
    pub destinations: Vec<Destination>,
}

impl Versioned for StateFile {
    const MEMBERS: &[&str] = &["clientSecret", "destinations"];

    fn version(&self) -> u32 {
        self.header.version
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    client_id: String,
    client_secret: String,
    machine: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    project_overrides: ProjectOverrides,
    #[serde(default)]
    repositories: Vec<RepositoryRecord>,
    #[serde(default)]
    destinations: Vec<DestinationRecord>,
}

#[derive(Deserialize)]
struct DestinationRecord {
    #[serde(flatten)]
    destination: Destination,
    #[serde(default)]
    sessions: SessionRecords,
}

/// The sessions of a destination in the order of the file, each with the index of its repository.
#[derive(Default)]
struct SessionRecords(Vec<(String, SessionCursor, Option<u32>)>);

impl<'de> Deserialize<'de> for SessionRecords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SessionRecords, D::Error> {
        deserializer.deserialize_map(SessionRecordsVisitor)
    }
}

struct SessionRecordsVisitor;

impl<'de> Visitor<'de> for SessionRecordsVisitor {
    type Value = SessionRecords;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with a record for each session")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SessionRecords, A::Error> {
        let mut sessions = Vec::new();
        while let Some((session_id, record)) = map.next_entry::<String, SessionRecord>()? {
            let repository = record.repository;
            sessions.push((session_id, SessionCursor::from(record), repository));
        }
        Ok(SessionRecords(sessions))
    }
}

impl TryFrom<Document> for StateFile {
    type Error = String;

    fn try_from(document: Document) -> Result<StateFile, String> {
        let mut repositories = KnownRepositories::default();
        repositories.reserve(document.destinations.iter().map(|it| it.sessions.0.len()).sum());
        let mut indices = Vec::new();
        for record in document.repositories {
            let index = repositories.add_path(&record.path);
            indices.push(index);
            record.sessions.into_iter().for_each(|session| repositories.record_index(session, index));
        }
        let mut destinations = Vec::new();
        for DestinationRecord { destination, sessions } in document.destinations {
            for (session_id, _, repository) in &sessions.0 {
                let Some(position) = *repository else { continue };
                let index = indices.get(position as usize).ok_or_else(|| {
                    format!("session {session_id} names repository {position}, which the file does not list")
                })?;
                repositories.record_index(session_id.clone(), *index);
            }
            let sessions = sessions.0.into_iter().map(|(session_id, cursor, _)| (session_id, cursor));
            destinations.push(Destination { sessions: sessions.collect(), ..destination });
        }
        let header = StateHeader {
            version: document.version,
            client_id: document.client_id,
            client_secret: document.client_secret,
            machine: document.machine,
            file: document.file,
            idle: None,
            rest_bytes: None,
        };
        Ok(StateFile { header, project_overrides: document.project_overrides, repositories, destinations })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::exporter::state::session_cursor::StreamCursor;
    use crate::exporter::state::source_position::SourcePosition;
    use crate::time;

    /// Bytes that a delivered session takes at most, its id, its cursor and its repository included.
    const SESSION_BYTES_MAX: usize = 200;
    const SESSIONS: u64 = 10_000;

    fn header() -> StateHeader {
        StateHeader {
            version: crate::exporter::state::header::VERSION,
            client_id: "c".into(),
            client_secret: "s".into(),
            machine: "m".into(),
            file: Some("1:2".into()),
            idle: None,
            rest_bytes: None,
        }
    }

    /// A delivered session of 150 messages, as large numbers and hashes as in a database of a million rows.
    fn delivered(n: u64) -> SessionCursor {
        let rowid = 1_000_000 + n as i64;
        SessionCursor {
            rowid,
            seen_rowid: rowid,
            messages: 150,
            digest: u64::MAX - n,
            newest_at: time::parse("2026-01-02T03:04:05.123Z"),
            streams: BTreeMap::from([("main".to_owned(), StreamCursor { last_synced_line: 150 })]),
            fields: Some(u64::MAX),
            fields_seen_at: time::parse("2026-01-02T03:04:05.123Z"),
            fields_sent: true,
            ..SessionCursor::default()
        }
    }

    fn session_id(n: u64) -> String {
        format!("0190c6e8-1234-7abc-8def-{n:012}")
    }

    fn destination(endpoint: &str, sessions: impl Iterator<Item = u64>) -> Destination {
        Destination {
            sessions: sessions.map(|n| (session_id(n), delivered(n))).collect(),
            source: SourcePosition {
                watermark: i64::MAX,
                sampled_rows: vec![(i64::MAX, u64::MAX)],
                ..SourcePosition::default()
            },
            ..Destination::new(endpoint, "key")
        }
    }

    fn repositories(sessions: impl Iterator<Item = u64>) -> KnownRepositories {
        let mut known = KnownRepositories::default();
        sessions.for_each(|n| known.record(&session_id(n), Some(&format!("github.com/acme/{}", n % 20))));
        known
    }

    fn document(repositories: &KnownRepositories, destinations: &[&Destination]) -> String {
        let overrides = ProjectOverrides::default();
        let body = StateBody { project_overrides: &overrides, repositories, destinations };
        String::from_utf8(encode(header(), body).unwrap()).unwrap()
    }

    fn decode(document: &str) -> StateFile {
        serde_json::from_str(document).unwrap()
    }

    #[test]
    fn session_takes_no_more_than_its_share() {
        let known = repositories(0..SESSIONS);
        let bytes = |sessions| document(&known, &[&destination("a", 0..sessions)]).len();
        let others = document(&KnownRepositories::default(), &[&destination("a", 0..0)]).len();
        let per_session = (bytes(SESSIONS) - others) / SESSIONS as usize;
        assert!(per_session <= SESSION_BYTES_MAX, "{per_session} bytes a session");
    }

    #[test]
    fn file_reads_as_it_was_written() {
        let known = repositories(0..9);
        let destinations = [destination("a", 0..5), destination("b", 3..7), destination("c", 0..0)];
        let text = document(&known, &destinations.each_ref());
        let file = decode(&text);
        assert_eq!(file.destinations, destinations);
        assert_eq!(file.repositories, known);
        assert_eq!(document(&file.repositories, &destinations.each_ref()), text);
        // Each session is a line of its own, and its id is written once for each destination at most.
        assert_eq!(text.matches(&session_id(1)).count(), 1);
        assert_eq!(text.matches(&session_id(4)).count(), 2);
        assert_eq!(text.matches(&session_id(8)).count(), 1);
        assert!(text.lines().any(|line| line.starts_with(&format!("\"{}\":{{", session_id(4)))));
    }

    #[test]
    fn no_number_is_too_large_for_javascript() {
        fn assert_safe(value: &Value) {
            match value {
                Value::Number(number) => assert!(number.as_i64().unwrap().abs() < 1 << 53, "{number}"),
                Value::Array(values) => values.iter().for_each(assert_safe),
                Value::Object(members) => members.values().for_each(assert_safe),
                _ => {}
            }
        }
        let text = document(&repositories(0..1), &[&destination("a", 0..1)]);
        assert_safe(&serde_json::from_str(&text).unwrap());
    }

    #[test]
    fn repository_that_the_file_does_not_list_is_an_error() {
        let text = document(&repositories(0..1), &[&destination("a", 0..1)]);
        let damaged = text.replace("\"repository\":0", "\"repository\":1");
        let error = serde_json::from_str::<StateFile>(&damaged).unwrap_err();
        assert!(error.to_string().contains("names repository 1, which the file does not list"), "{error}");
    }
}
