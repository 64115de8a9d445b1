//! How the state lies in its file: one JSON document, in lines of which each can be found without reading the others.
//!
//! The first line says whether there may be anything to do, the next ones hold what is not a session's, and each session's
//! cursor has a line of its own. A run with nothing to do reads the first line, and one that concerns a few sessions
//! reads theirs and copies the others as they stand. Whatever is not laid out so is read whole, as any JSON is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Serialize;

use super::{Beginning, Destination, State};

/// A first line is some kilobytes, most of them the folders of projects.
const BEGINNING_BYTES_MAX: u64 = 1 << 20;

const NARROWINGS: &str = "\"narrowings\":";
const REPOSITORIES: &str = "\"repositories\":";
const DESTINATIONS: &str = "\"destinations\":[";
const SESSIONS: &str = ",\"sessions\":{";

/// The document, for the file that it is written to.
pub(super) fn write(state: &State, file: String) -> serde_json::Result<Vec<u8>> {
    let mut rest = b"\n".to_vec();
    rest.extend_from_slice(NARROWINGS.as_bytes());
    push(&mut rest, &state.narrowings)?;
    rest.extend_from_slice(b",\n");
    rest.extend_from_slice(REPOSITORIES.as_bytes());
    match &state.unread_repositories {
        Some(unread) => rest.extend_from_slice(unread.as_bytes()),
        None => push(&mut rest, &state.repositories)?,
    }
    rest.extend_from_slice(b",\n");
    rest.extend_from_slice(DESTINATIONS.as_bytes());
    for (index, destination) in state.destinations.iter().enumerate() {
        rest.extend_from_slice(if index > 0 { b",\n" } else { b"\n" });
        write_destination(&mut rest, destination)?;
    }
    rest.extend_from_slice(b"\n]}\n");

    let beginning = Beginning {
        version: state.version,
        client_id: state.client_id.clone(),
        client_secret: state.client_secret.clone(),
        machine: state.machine.clone(),
        file: Some(file),
        quiet: state.quiet.clone(),
        rest_bytes: rest.len() as u64,
    };
    let mut document = Vec::with_capacity(rest.len() + 4096);
    push(&mut document, &beginning)?;
    document.pop();
    document.push(b',');
    document.append(&mut rest);
    Ok(document)
}

fn write_destination(out: &mut Vec<u8>, destination: &Destination) -> serde_json::Result<()> {
    push(out, destination)?;
    out.pop();
    out.extend_from_slice(SESSIONS.as_bytes());
    let mut is_first = true;
    let mut separate = |out: &mut Vec<u8>| {
        out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
        is_first = false;
    };
    if !destination.unread_sessions.is_empty() {
        separate(out);
        out.extend_from_slice(destination.unread_sessions.as_bytes());
    }
    for (session_id, cursor) in &destination.sessions {
        separate(out);
        push(out, session_id)?;
        out.push(b':');
        push(out, cursor)?;
    }
    out.extend_from_slice(b"\n}}");
    Ok(())
}

fn push<T: Serialize>(out: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    serde_json::to_writer(out, value)
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

/// The state with the cursors of some sessions; see [`State::load_some`].
pub(super) fn read_some(text: &str, wanted: &BTreeSet<String>) -> Option<State> {
    let keys: BTreeSet<String> =
        wanted.iter().map(|id| serde_json::to_string(id).unwrap_or_default()).collect();
    let mut lines = Lines { text, at: 0 };
    let beginning = parse_beginning(lines.next()?)?;
    let narrowings = lines.next()?.strip_prefix(NARROWINGS)?.strip_suffix(',')?;
    let repositories = lines.next()?.strip_prefix(REPOSITORIES)?.strip_suffix(',')?;
    if lines.next()? != DESTINATIONS {
        return None;
    }
    let mut destinations = Vec::new();
    loop {
        let line = lines.next()?;
        if line == "]}" {
            break;
        }
        let mut destination: Destination =
            serde_json::from_str(&format!("{}}}", line.strip_suffix(SESSIONS)?)).ok()?;
        read_sessions(&mut lines, &keys, &mut destination)?;
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
        unread_repositories: Some(repositories.to_owned()),
        destinations,
    })
}

/// Reads the cursors of wanted sessions, and keeps the other lines as they stand.
fn read_sessions(lines: &mut Lines, keys: &BTreeSet<String>, destination: &mut Destination) -> Option<()> {
    let mut unread: Vec<&str> = Vec::new();
    let mut read = Vec::new();
    let mut from = lines.at;
    loop {
        let start = lines.at;
        let line = lines.next()?;
        let is_end = line == "}}" || line == "}},";
        let is_wanted = !is_end && keys.contains(key(line)?);
        if is_end || is_wanted {
            let kept = lines.text[from..start].trim_end_matches([',', '\n']);
            unread.extend(Some(kept).filter(|kept| !kept.is_empty()));
            from = lines.at;
        }
        if is_end {
            break;
        }
        if is_wanted {
            read.push(line.strip_suffix(',').unwrap_or(line));
        }
    }
    destination.unread_sessions = unread.join(",\n");
    destination.sessions = serde_json::from_str(&format!("{{{}}}", read.join(","))).ok()?;
    Some(())
}

/// The session of a line, in quotes. An id that needs escapes is nobody's.
fn key(line: &str) -> Option<&str> {
    let key = &line[..line.find("\":{")? + 1];
    (key.starts_with('"') && !key.contains('\\')).then_some(key)
}

/// The lines of a text, and where the next one begins.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let rest = &self.text[self.at..];
        let end = rest.find('\n')?;
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

    #[test]
    fn document_reads_as_json_like_any_other() {
        let document = write(&state(), "f".into()).unwrap();
        assert_eq!(serde_json::from_slice::<State>(&document).unwrap(), state());
    }

    #[test]
    fn state_of_some_sessions_keeps_all_others() {
        let document = String::from_utf8(write(&state(), "f".into()).unwrap()).unwrap();
        for wanted in [&[][..], &[1], &[2], &[3], &[1, 2], &[1, 3], &[1, 2, 3], &[9]] {
            let wanted: BTreeSet<String> = wanted.iter().map(|id| format!("s{id}")).collect();
            let mut some = read_some(&document, &wanted).unwrap();
            assert!(some.destinations[0].sessions.keys().all(|id| wanted.contains(id)));
            let mut expected = state();
            for destination in [&mut some.destinations[0], &mut expected.destinations[0]] {
                destination.sessions.entry("s2".to_owned()).and_modify(|cursor| cursor.rowid = 20);
            }
            if !wanted.contains("s2") {
                expected = state();
            }
            let rewritten = write(&some, "f".into()).unwrap();
            assert_eq!(serde_json::from_slice::<State>(&rewritten).unwrap(), expected, "{wanted:?}");
            some.read_all().unwrap();
            assert_eq!(some, expected);
        }
    }

    #[test]
    fn document_laid_out_otherwise_is_not_read_in_parts() {
        let document = String::from_utf8(write(&state(), "f".into()).unwrap()).unwrap();
        assert!(read_some(&document.replace('\n', ""), &BTreeSet::new()).is_none());
        assert!(read_some(&document[..document.len() / 2], &BTreeSet::new()).is_none());
        assert!(read_some("", &BTreeSet::new()).is_none());
    }

    #[test]
    fn beginning_of_a_torn_file_is_not_gone_by() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state");
        let document = write(&state(), "f".into()).unwrap();
        std::fs::write(&path, &document).unwrap();
        assert_eq!(beginning(&path).unwrap().client_id, "c");
        std::fs::write(&path, &document[..document.len() - 2]).unwrap();
        assert_eq!(beginning(&path), None);
    }
}
