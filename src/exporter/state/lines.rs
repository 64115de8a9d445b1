//! How the state lies in its file: one JSON document, in lines of which each can be found without reading the others.
//!
//! The first line says whether there may be anything to do, the next ones hold what is not a session's, and each session's
//! cursor has a line of its own. A run with nothing to do reads the first line, and one that concerns a few sessions
//! reads theirs and copies the others as they stand. Whatever is not laid out so is read whole, as any JSON is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IntoInnerError, Read, Seek, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memchr2};
use serde::Serialize;

use super::{Beginning, Destination, State};

/// A first line is some kilobytes, most of them the folders of projects.
const BEGINNING_BYTES_MAX: u64 = 1 << 20;

/// The file is written, and gone through, in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;

const NARROWINGS: &str = "\"narrowings\":";
const REPOSITORIES: &str = "\"repositories\":";
const DESTINATIONS: &str = "\"destinations\":[";
const SESSIONS: &str = ",\"sessions\":{";
const END: &str = "]}";

/// Writes the document into an empty file. `identity`: the file's own.
///
/// The first line says how much follows, and is written last; so nothing has to be held in memory.
pub(super) fn write(state: &State, identity: String, file: &mut (impl Write + Seek)) -> io::Result<()> {
    let mut beginning = Beginning {
        version: state.version,
        client_id: state.client_id.clone(),
        client_secret: state.client_secret.clone(),
        machine: state.machine.clone(),
        file: Some(identity),
        quiet: state.quiet.clone(),
        rest_bytes: u64::MAX,
    };
    let room = first_line(&beginning, 0)?;
    file.write_all(&room)?;
    let mut out = BufWriter::with_capacity(PIECE_BYTES, file);
    write_rest(state, &mut out)?;
    let end = out.stream_position()?;
    let file = out.into_inner().map_err(IntoInnerError::into_error)?;
    beginning.rest_bytes = end - room.len() as u64;
    file.rewind()?;
    file.write_all(&first_line(&beginning, room.len())?)
}

/// The first line up to its end, filled with blanks to a length.
fn first_line(beginning: &Beginning, length: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    open_object(&mut line, beginning)?;
    line.resize(length.saturating_sub(1).max(line.len()), b' ');
    line.push(b',');
    Ok(line)
}

fn write_rest(state: &State, out: &mut impl Write) -> io::Result<()> {
    write!(out, "\n{NARROWINGS}")?;
    serde_json::to_writer(&mut *out, &state.narrowings)?;
    write!(out, ",\n{REPOSITORIES}")?;
    match &state.unread_repositories {
        Some(unread) => unread.parts().try_for_each(|part| out.write_all(part.as_bytes()))?,
        None => serde_json::to_writer(&mut *out, &state.repositories)?,
    }
    write!(out, ",\n{DESTINATIONS}")?;
    for (index, destination) in state.destinations.iter().enumerate() {
        out.write_all(if index > 0 { b",\n" } else { b"\n" })?;
        write_destination(out, destination)?;
    }
    out.write_all(b"\n]}\n")
}

fn write_destination(out: &mut impl Write, destination: &Destination) -> io::Result<()> {
    let mut head = Vec::new();
    open_object(&mut head, destination)?;
    out.write_all(&head)?;
    out.write_all(SESSIONS.as_bytes())?;
    let mut separator: &[u8] = b"\n";
    for part in destination.unread_sessions.parts() {
        out.write_all(separator)?;
        out.write_all(part.as_bytes())?;
        separator = b",\n";
    }
    for (session_id, cursor) in &destination.sessions {
        out.write_all(separator)?;
        serde_json::to_writer(&mut *out, session_id)?;
        out.write_all(b":")?;
        serde_json::to_writer(&mut *out, cursor)?;
        separator = b",\n";
    }
    out.write_all(b"\n}}")
}

/// Writes an object without its closing brace.
fn open_object<T: Serialize>(out: &mut Vec<u8>, value: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.pop();
    Ok(())
}

/// The first line of a file that is as long as it says.
pub(super) fn beginning(path: &Path) -> Option<Beginning> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut line = String::new();
    BufReader::new(file.take(BEGINNING_BYTES_MAX)).read_line(&mut line).ok()?;
    let beginning = parse_beginning(line.strip_suffix('\n')?)?;
    (line.len() as u64 - 1 + beginning.rest_bytes == bytes).then_some(beginning)
}

fn parse_beginning(line: &str) -> Option<Beginning> {
    serde_json::from_str(&format!("{}}}", line.strip_suffix(',')?)).ok()
}

/// Parts of a file's text that have not been read, as they stand there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unread {
    text: Arc<String>,
    parts: Vec<Range<usize>>,
}

impl Unread {
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| &self.text[part.clone()])
    }
}

/// The state with the cursors of some sessions; see [`State::load_some`].
pub(super) fn read_some(text: String, wanted: &BTreeSet<String>) -> Option<State> {
    let wanted: BTreeSet<&[u8]> = wanted.iter().map(String::as_bytes).collect();
    let text = Arc::new(text);
    let mut lines = Lines { text: &text, at: 0 };
    let beginning = parse_beginning(lines.next()?)?;
    let narrowings = lines.next()?.strip_prefix(NARROWINGS)?.strip_suffix(',')?;
    let from = lines.at + REPOSITORIES.len();
    let repositories = from..from + lines.next()?.strip_prefix(REPOSITORIES)?.strip_suffix(',')?.len();
    if lines.next()? != DESTINATIONS {
        return None;
    }
    let mut destinations = Vec::new();
    loop {
        let line = lines.next()?;
        if line == END {
            break;
        }
        let mut destination: Destination =
            serde_json::from_str(&format!("{}}}", line.strip_suffix(SESSIONS)?)).ok()?;
        let parts = read_sessions(&mut lines, &wanted, &mut destination)?;
        destination.unread_sessions = Unread { text: text.clone(), parts };
        destinations.push(destination);
    }
    Some(State {
        version: beginning.version,
        client_id: beginning.client_id,
        client_secret: beginning.client_secret,
        machine: beginning.machine,
        file: beginning.file,
        quiet: None,
        narrowings: serde_json::from_str(narrowings).ok()?,
        repositories: Default::default(),
        unread_repositories: Some(Unread { text: text.clone(), parts: vec![repositories] }),
        destinations,
    })
}

/// See [`State::knows_none_of`]; `None` where that cannot be told.
pub(super) fn mentions_none_of(path: &Path, sessions: &BTreeSet<String>) -> Option<bool> {
    let sessions: BTreeSet<&[u8]> = sessions.iter().map(String::as_bytes).collect();
    let mut file = BufReader::with_capacity(PIECE_BYTES, File::open(path).ok()?);
    let mut line = Vec::new();
    let mut in_sessions = false;
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = line.strip_suffix(b"\n")?;
        if in_sessions && !is_end(line) {
            if sessions.contains(key(line)?) {
                return Some(false);
            }
        } else if line == END.as_bytes() {
            return Some(true);
        } else {
            in_sessions = line.ends_with(SESSIONS.as_bytes());
        }
    }
}

/// Whether a line ends the sessions of a destination.
fn is_end(line: &[u8]) -> bool {
    line == b"}}" || line == b"}},"
}

/// Reads the cursors of wanted sessions; returns where all others stand.
fn read_sessions(
    lines: &mut Lines,
    wanted: &BTreeSet<&[u8]>,
    destination: &mut Destination,
) -> Option<Vec<Range<usize>>> {
    let mut unread = Vec::new();
    let mut read = Vec::new();
    let mut from = lines.at;
    loop {
        let start = lines.at;
        let line = lines.next()?;
        let is_end = is_end(line.as_bytes());
        let is_wanted = !is_end && wanted.contains(key(line.as_bytes())?);
        if is_end || is_wanted {
            let kept = lines.text[from..start].trim_end_matches([',', '\n']).len();
            unread.extend(Some(from..from + kept).filter(|kept| !kept.is_empty()));
            from = lines.at;
        }
        if is_end {
            break;
        }
        if is_wanted {
            read.push(line.strip_suffix(',').unwrap_or(line));
        }
    }
    destination.sessions = serde_json::from_str(&format!("{{{}}}", read.join(","))).ok()?;
    Some(unread)
}

/// The session of a line. An id that needs escapes is nobody's.
fn key(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"\"")?;
    let end = memchr2(b'"', b'\\', rest)?;
    (rest[end] == b'"').then(|| &rest[..end])
}

/// The lines of a text, and where the next one begins.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let rest = &self.text[self.at..];
        let end = memchr(b'\n', rest.as_bytes())?;
        self.at += end + 1;
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::state::SessionCursor;

    fn state() -> State {
        let cursor = |rowid| SessionCursor { rowid, ..SessionCursor::default() };
        let sessions =
            |rowids: &[i64]| rowids.iter().map(|rowid| (format!("s{rowid}"), cursor(*rowid))).collect();
        let destination = |endpoint: &str, rowids: &[i64]| Destination {
            endpoint: endpoint.into(),
            sessions: sessions(rowids),
            ..Destination::default()
        };
        State {
            version: 1,
            client_id: "c".into(),
            client_secret: "s".into(),
            machine: "m".into(),
            file: Some("f".into()),
            quiet: None,
            narrowings: Default::default(),
            repositories: [("github.com/acme/api".to_owned(), BTreeSet::from(["s1".to_owned()]))].into(),
            unread_repositories: None,
            destinations: vec![destination("a", &[1, 2, 3]), destination("b", &[]), destination("c", &[2])],
        }
    }

    fn document(state: &State) -> String {
        let mut out = std::io::Cursor::new(Vec::new());
        write(state, "f".into(), &mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn document_reads_as_json_like_any_other() {
        assert_eq!(serde_json::from_str::<State>(&document(&state())).unwrap(), state());
    }

    #[test]
    fn state_of_some_sessions_keeps_all_others() {
        let text = document(&state());
        for wanted in [&[][..], &[1], &[2], &[3], &[1, 2], &[1, 3], &[1, 2, 3], &[9]] {
            let wanted: BTreeSet<String> = wanted.iter().map(|id| format!("s{id}")).collect();
            let mut some = read_some(text.clone(), &wanted).unwrap();
            assert!(some.destinations[0].sessions.keys().all(|id| wanted.contains(id)));
            let mut expected = state();
            for destination in [&mut some.destinations[0], &mut expected.destinations[0]] {
                destination.sessions.entry("s2".to_owned()).and_modify(|cursor| cursor.rowid = 20);
            }
            if !wanted.contains("s2") {
                expected = state();
            }
            assert_eq!(serde_json::from_str::<State>(&document(&some)).unwrap(), expected, "{wanted:?}");
            some.read_all().unwrap();
            assert_eq!(some, expected);
        }
    }

    #[test]
    fn sessions_are_looked_for_in_every_destination_and_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        let mentions_none =
            |ids: &[&str]| mentions_none_of(&path, &ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(mentions_none(&["s1"]), None);
        std::fs::write(&path, document(&state())).unwrap();
        for known in ["s1", "s2", "s3"] {
            assert_eq!(mentions_none(&["s9", known]), Some(false));
        }
        assert_eq!(mentions_none(&["s", "s9", "narrowings", "repositories", "endpoint"]), Some(true));
        std::fs::write(&path, "{}\n").unwrap();
        assert_eq!(mentions_none(&["s9"]), None);
    }

    #[test]
    fn document_laid_out_otherwise_is_not_read_in_parts() {
        let text = document(&state());
        assert!(read_some(text.replace('\n', ""), &BTreeSet::new()).is_none());
        assert!(read_some(text[..text.len() / 2].to_owned(), &BTreeSet::new()).is_none());
        assert!(read_some(String::new(), &BTreeSet::new()).is_none());
    }

    #[test]
    fn beginning_of_a_torn_file_is_not_gone_by() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        let text = document(&state());
        std::fs::write(&path, &text).unwrap();
        assert_eq!(beginning(&path).unwrap().client_id, "c");
        std::fs::write(&path, &text[..text.len() - 2]).unwrap();
        assert_eq!(beginning(&path), None);
    }
}
