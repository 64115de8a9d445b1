//! The format of `sync-state.json`: one JSON object in lines, the header first, then one line for each session.
//!
//! Session ids are written once: a session's record carries the index of its last known repository, and the table of
//! repositories lists only the sessions that no destination has a cursor of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use memchr::memmem;
use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::atomic_file::{FileContent, Versioned};
use super::destination::Destination;
use super::header::{FormerClient, RestOfFile, StateHeader};
use super::sessions::repositories::KnownRepositories;
use super::sessions::session_cursor::SessionCursor;
use super::sessions::session_cursors::SessionCursors;
use super::sessions::session_record::SessionRecord;
use super::tombstones::Tombstones;
use crate::exporter::config::project_override::ProjectOverrides;

/// Begins the member `sessions` of a destination. No other member of this name has a line break behind its brace.
const SESSIONS: &str = ",\"sessions\":{";

/// The content of the file after the header.
#[derive(Debug, Clone, Copy)]
pub struct StateBody<'a> {
    pub project_overrides: &'a ProjectOverrides,
    pub tombstones: &'a Tombstones,
    pub repositories: &'a KnownRepositories,
    /// The current destination first.
    pub destinations: &'a [&'a Destination],
}

/// A repository in the file's table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct RepositoryRecord {
    path: String,
    /// Sessions that no destination has a cursor of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<String>,
}

/// Encodes the file: the header, completed with size and hash of what follows it, and the body.
pub fn encode<'a>(header: StateHeader, body: &StateBody<'a>) -> io::Result<FileContent<'a>> {
    let mut content = encode_body(body)?;
    let rest = Some(RestOfFile::of(content.parts()));
    content.prepend(StateHeader { rest, ..header }.encode()?);
    Ok(content)
}

fn encode_body<'a>(body: &StateBody<'a>) -> io::Result<FileContent<'a>> {
    let StateBody { project_overrides, tombstones, repositories, destinations } = body;
    let mut out = FileContent::default();
    write!(out, "\"projectOverrides\":{}", serde_json::to_string(project_overrides)?)?;
    if !tombstones.is_empty() {
        write!(out, ",\n\"tombstones\":{}", serde_json::to_string(tombstones)?)?;
    }
    out.write_all(b",\n\"destinations\":[")?;
    for (index, destination) in destinations.iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        encode_destination(destination, &mut out)?;
    }
    out.write_all(b"],\n\"repositories\":[")?;
    for (index, repository) in repository_records(repositories).iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut out, repository)?;
    }
    out.write_all(b"]}\n")?;
    Ok(out)
}

fn encode_destination<'a>(destination: &'a Destination, out: &mut FileContent<'a>) -> io::Result<()> {
    let fields = serde_json::to_string(destination)?;
    write!(out, "{}{SESSIONS}", fields.strip_suffix('}').unwrap_or(&fields))?;
    destination.sessions.encode(out)?;
    out.write_all(b"}}")
}

/// The table of repositories, with the sessions that no destination has a cursor of.
fn repository_records(repositories: &KnownRepositories) -> Vec<RepositoryRecord> {
    let record = |path: &Arc<str>| RepositoryRecord { path: path.to_string(), sessions: Vec::new() };
    let mut records: Vec<RepositoryRecord> = repositories.paths.iter().map(record).collect();
    for (session_id, position) in repositories.sessions() {
        records[position as usize].sessions.push(session_id.to_owned());
    }
    records
}

/// The whole file as it was read.
#[derive(Debug)]
pub struct StateFile {
    pub header: StateHeader,
    pub project_overrides: ProjectOverrides,
    pub tombstones: Tombstones,
    pub repositories: KnownRepositories,
    pub destinations: Vec<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    client_id: String,
    client_secret: String,
    machine: String,
    #[serde(default)]
    former_clients: Vec<FormerClient>,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    project_overrides: ProjectOverrides,
    #[serde(default)]
    tombstones: Tombstones,
    #[serde(default)]
    repositories: Vec<RepositoryRecord>,
    #[serde(borrow, default)]
    destinations: Vec<DestinationRecord<'a>>,
}

#[derive(Deserialize)]
struct DestinationRecord<'a> {
    #[serde(flatten)]
    destination: Destination,
    /// Their index if they are [split off](split_sessions).
    #[serde(borrow, default)]
    sessions: Option<&'a RawValue>,
}

impl Versioned for StateFile {
    const MEMBERS: &[&str] = &["clientSecret", "destinations"];

    fn version(&self) -> u32 {
        self.header.version
    }

    fn decode(text: &Arc<String>) -> serde_json::Result<StateFile> {
        let (rest, mut split) = match is_unchanged(text) {
            true => split_sessions(text),
            false => (Cow::Borrowed(text.as_str()), Vec::new()),
        };
        let document: Document = serde_json::from_str(&rest)?;
        let mut repositories = KnownRepositories::default();
        for RepositoryRecord { path, sessions } in document.repositories {
            let position = Some(repositories.paths.append(path.into()));
            sessions.iter().for_each(|session_id| repositories.record(session_id, position));
        }
        let mut destinations = Vec::new();
        for DestinationRecord { destination, sessions } in document.destinations {
            let sessions = match sessions.map(RawValue::get) {
                None => SessionCursors::default(),
                Some(sessions) => match sessions.parse().ok().and_then(|index: usize| split.get_mut(index)) {
                    Some(split) => std::mem::take(split),
                    None => decode_sessions(sessions, &repositories)?,
                },
            };
            destinations.push(Destination { sessions, ..destination });
        }
        let header = StateHeader {
            version: document.version,
            client_id: document.client_id,
            client_secret: document.client_secret,
            machine: document.machine,
            former_clients: document.former_clients,
            file: document.file,
            idle: None,
            rest: None,
        };
        let Document { project_overrides, tombstones, .. } = document;
        Ok(StateFile { header, project_overrides, tombstones, repositories, destinations })
    }
}

/// True if the file is as this program wrote it.
fn is_unchanged(text: &str) -> bool {
    let line_end = text.find('\n').map_or(text.len(), |at| at + 1);
    let (line, rest) = text.split_at(line_end);
    StateHeader::decode(line.as_bytes())
        .is_some_and(|header| header.rest == Some(RestOfFile::of([rest.as_bytes()])))
}

/// Splits the sessions of destinations off an unchanged file. Returns the rest of the file, where their indexes are in their
/// place. They are nearly all of the file, and their records are decoded later, each when it is asked for.
fn split_sessions(text: &Arc<String>) -> (Cow<'_, str>, Vec<SessionCursors>) {
    let (mut rest, mut sessions, mut end) = (String::new(), Vec::new(), 0);
    let in_lines = format!("{SESSIONS}\n");
    let finder = memmem::Finder::new(&in_lines);
    // A string of JSON has no line break.
    while let Some(found) = finder.find(&text.as_bytes()[end..]) {
        let start = end + found + SESSIONS.len() - 1;
        rest.push_str(&text[end..start]);
        end = start;
        if let Some((cursors, sessions_end)) = SessionCursors::of_lines(text, start) {
            rest.push_str(&sessions.len().to_string());
            sessions.push(cursors);
            end = sessions_end;
        }
    }
    rest.push_str(&text[end..]);
    (Cow::Owned(rest), sessions)
}

/// Decodes the cursors of a destination.
fn decode_sessions(sessions: &str, repositories: &KnownRepositories) -> serde_json::Result<SessionCursors> {
    let records: BTreeMap<String, SessionRecord> = serde_json::from_str(sessions)?;
    let mut cursors = BTreeMap::new();
    for (session_id, record) in records {
        let cursor = SessionCursor::from(record);
        if let Some(position) = cursor.repository.filter(|position| repositories.path(*position).is_none()) {
            return Err(serde_json::Error::custom(format!(
                "session {session_id} names repository {position}, which the file does not list"
            )));
        }
        cursors.insert(session_id, cursor);
    }
    Ok(cursors.into())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::exporter::state::sessions::session_folders::{SessionFolder, SessionFolders};
    use crate::exporter::state::sessions::synced_lines::SyncedLines;
    use crate::exporter::state::source_position::SourcePosition;
    use crate::time;

    /// Bytes that a delivered session takes at most, with its id, its repository and its folder.
    const SESSION_BYTES_MAX: usize = 200;
    const SESSIONS: u64 = 10_000;
    const REPOSITORIES: u32 = 20;

    fn header() -> StateHeader {
        StateHeader {
            version: crate::exporter::state::header::VERSION,
            client_id: "c".into(),
            client_secret: "s".into(),
            machine: "m".into(),
            former_clients: Vec::new(),
            file: Some("1:2".into()),
            idle: None,
            rest: None,
        }
    }

    /// A delivered session of 150 messages, as large numbers and hashes as in a database of a million rows.
    fn delivered(n: u64) -> SessionCursor {
        let rowid = 1_000_000 + n as i64;
        let mut last_synced_lines = SyncedLines::default();
        last_synced_lines.advance("main", 150);
        SessionCursor {
            rowid,
            seen_rowid: rowid,
            messages: 150,
            digest: u64::MAX - n,
            newest_at: time::parse("2026-01-02T03:04:05.123Z"),
            last_synced_lines,
            fields: Some(u64::MAX),
            fields_seen_at: time::parse("2026-01-02T03:04:05.123Z"),
            fields_sent: true,
            repository: Some(n as u32 % REPOSITORIES),
            folder: Some(SessionFolders::default().add(&SessionFolder {
                path: Some("/home/alice/api".into()),
                line: 1,
                is_origin: false,
            })),
            ..SessionCursor::default()
        }
    }

    fn session_id(n: u64) -> String {
        format!("0190c6e8-1234-7abc-8def-{n:012}")
    }

    fn destination(endpoint: &str, sessions: impl Iterator<Item = u64>) -> Destination {
        Destination {
            sessions: sessions.map(|n| (session_id(n), delivered(n))).collect::<BTreeMap<_, _>>().into(),
            source: SourcePosition {
                watermark: i64::MAX,
                sampled_rows: vec![(i64::MAX, u64::MAX)],
                ..SourcePosition::default()
            },
            ..Destination::new(endpoint, "key")
        }
    }

    /// All repositories, with sessions that have no cursor.
    fn repositories(sessions: impl Iterator<Item = u64>) -> KnownRepositories {
        let mut known = KnownRepositories::default();
        for n in 0..REPOSITORIES {
            known.paths.add(&format!("github.com/acme/{n}"));
        }
        sessions.for_each(|n| known.record(&session_id(n), Some(n as u32 % REPOSITORIES)));
        known
    }

    fn document(repositories: &KnownRepositories, destinations: &[&Destination]) -> String {
        let (overrides, tombstones) = (ProjectOverrides::default(), Tombstones::default());
        let body =
            StateBody { project_overrides: &overrides, tombstones: &tombstones, repositories, destinations };
        let content = encode(header(), &body).unwrap();
        String::from_utf8(content.parts().collect::<Vec<_>>().concat()).unwrap()
    }

    fn decode(document: &str) -> StateFile {
        StateFile::decode(&Arc::new(document.to_owned())).unwrap()
    }

    #[test]
    fn session_takes_no_more_than_its_share() {
        let bytes = |sessions| document(&repositories(0..0), &[&destination("a", 0..sessions)]).len();
        let per_session = (bytes(SESSIONS) - bytes(0)) / SESSIONS as usize;
        assert!(per_session <= SESSION_BYTES_MAX, "{per_session} bytes a session");
    }

    #[test]
    fn file_reads_as_it_was_written() {
        let known = repositories(7..9);
        let destinations = [destination("a", 0..5), destination("b", 3..7), destination("c", 0..0)];
        let text = document(&known, &destinations.each_ref());
        let file = decode(&text);
        assert_eq!(file.destinations, destinations);
        assert_eq!(file.repositories, known);
        // Records that nobody asked for are written as they were read.
        let read: Vec<&Destination> = file.destinations.iter().collect();
        assert_eq!(document(&file.repositories, &read), text);
        let file_text = Arc::new(text.clone());
        let (rest, sessions) = split_sessions(&file_text);
        assert_eq!(sessions.iter().map(SessionCursors::len).collect::<Vec<_>>(), [5, 4]);
        assert!(is_unchanged(&text) && !rest.contains(&session_id(1)) && rest.contains(&session_id(8)));
        // Each session is a line of its own, and its id is written once for each destination at most.
        assert_eq!(text.matches(&session_id(1)).count(), 1);
        assert_eq!(text.matches(&session_id(4)).count(), 2);
        assert_eq!(text.matches(&session_id(8)).count(), 1);
        assert!(text.lines().any(|line| line.starts_with(&format!("\"{}\":{{", session_id(4)))));
    }

    /// Another program may write the file anew, or a disk may damage it: nothing is decoded later then.
    #[test]
    fn file_that_has_changed_is_decoded_at_once() {
        let text = document(&repositories(0..0), &[&destination("a", 0..3)]);
        let value: Value = serde_json::from_str(&text).unwrap();
        for rewritten in
            [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()]
        {
            assert_eq!(decode(&rewritten).destinations, [destination("a", 0..3)]);
        }
        let damaged = text.replacen("\"rowid\":", "\"rowid\":-", 1);
        let read = decode(&damaged).destinations[0].sessions.get(&session_id(0)).unwrap().rowid;
        assert_eq!(read, -delivered(0).rowid);
        let damaged = text.replacen("\"rowid\":", "\"rowid\":{}", 1);
        assert!(StateFile::decode(&Arc::new(damaged)).is_err());
        let damaged = text.replacen("\"messages\":[150", "\"messages\":[{}", 1);
        assert!(StateFile::decode(&Arc::new(damaged)).is_err());
    }

    #[test]
    fn repository_that_a_file_lists_twice_moves_no_other() {
        let text = document(&repositories(0..0), &[&destination("a", 1..2)]);
        let first = r#"{"path":"github.com/acme/0"}"#;
        let doubled = text.replace(first, &format!("{first},{first}"));
        let file = decode(&doubled.replace("\"repository\":1", "\"repository\":2"));
        let position = file.destinations[0].sessions.get(&session_id(1)).unwrap().repository.unwrap();
        assert_eq!(file.repositories.path(position), Some("github.com/acme/1"));
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
        let text = document(&repositories(0..0), &[&destination("a", 0..1)]);
        let damaged = text.replace("\"repository\":0", "\"repository\":20");
        let error = StateFile::decode(&Arc::new(damaged)).unwrap_err();
        assert!(error.to_string().contains("names repository 20, which the file does not list"), "{error}");
    }
}
