//! How the state lies in its file: one JSON document, in lines of which each can be found without reading the others.
//!
//! The first line says whether there may be anything to do, and where the two things stand that grow with the number of
//! sessions: the known repositories, and each destination's cursors, a line each in the order of their sessions. A run
//! with nothing to do reads the first line; one that concerns a few sessions looks up theirs. Where the others are many,
//! it leaves them where they are: that file is kept as the base of a new one, which holds what is new beside it, until a
//! run that has read everything writes everything. Whatever is not laid out so is read whole, as any JSON is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, IntoInnerError, Read, Seek, SeekFrom, Write};
use std::mem;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::base::{Base, Unread};
use super::{Destination, SessionCursor, State, StateHeader};
use crate::exporter::batch::envelope::open_object;

/// A first line is some kilobytes, most of them the folders of projects.
const BEGINNING_BYTES_MAX: u64 = 1 << 20;

/// What is new in the file is written in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Stands between two members.
pub(super) const SEPARATOR: &[u8] = b",\n";

/// Writes the document into an empty file. `identity`: the file's own. `base`: where that stands which has not been read,
/// if it is to stay there.
///
/// The first line says how much follows and where, and is written last; so nothing has to be held in memory.
pub(super) fn write(
    state: &State,
    base: Option<&Base>,
    identity: String,
    file: &mut (impl Write + Seek),
) -> io::Result<()> {
    let mut beginning = StateHeader {
        version: state.version,
        client_id: state.client_id.clone(),
        client_secret: state.client_secret.clone(),
        machine: state.machine.clone(),
        file: Some(identity),
        quiet: state.quiet.clone(),
        base: base.map(|base| base.identity.clone()),
        regions: vec![u64::MAX..u64::MAX; state.destinations().count() + 1],
        rest_bytes: u64::MAX,
    };
    let room = first_line(&beginning, 0)?;
    file.write_all(&room)?;
    let out = BufWriter::with_capacity(PIECE_BYTES, file);
    let mut out = Sections { out, copies_unread: base.is_none(), regions: Vec::new() };
    out.write_rest(state)?;
    let from_room = |at: u64| at - room.len() as u64;
    beginning.rest_bytes = from_room(out.out.stream_position()?);
    beginning.regions = out.regions.iter().map(|it| from_room(it.start)..from_room(it.end)).collect();
    let file = out.out.into_inner().map_err(IntoInnerError::into_error)?;
    file.rewind()?;
    file.write_all(&first_line(&beginning, room.len())?)
}

/// The first line up to its end, filled with blanks to a length.
fn first_line(beginning: &StateHeader, length: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    open_object(&mut line, beginning)?;
    line.resize(length.saturating_sub(1).max(line.len()), b' ');
    line.push(b',');
    Ok(line)
}

/// What follows the first line, and where in it the regions came to stand.
struct Sections<W: Write + Seek> {
    out: BufWriter<W>,
    copies_unread: bool,
    regions: Vec<Range<u64>>,
}

impl<W: Write + Seek> Sections<W> {
    fn write_rest(&mut self, state: &State) -> io::Result<()> {
        self.out.write_all(b"\n\"narrowings\":")?;
        serde_json::to_writer(&mut self.out, &state.narrowings)?;
        self.out.write_all(b",\n\"repositories\":{\n")?;
        self.write_region(&state.repositories, state.unread_repositories.as_ref())?;
        self.out.write_all(b"\n},\n\"destinations\":[\n")?;
        for (index, destination) in state.destinations().enumerate() {
            if index > 0 {
                self.out.write_all(SEPARATOR)?;
            }
            self.write_destination(destination)?;
        }
        self.out.write_all(b"\n]}\n")
    }

    fn write_destination(&mut self, destination: &Destination) -> io::Result<()> {
        let mut head = Vec::new();
        open_object(&mut head, destination)?;
        self.out.write_all(&head)?;
        self.out.write_all(b",\"sessions\":{\n")?;
        self.write_region(&destination.sessions, destination.unread_sessions.as_ref())?;
        self.out.write_all(b"\n}}")
    }

    /// Writes a line for each member, and between them those that have not been read, all in order. A member that has
    /// been read stands for its line.
    fn write_region<T: Serialize>(
        &mut self,
        members: &BTreeMap<String, T>,
        unread: Option<&Unread>,
    ) -> io::Result<()> {
        let unread = unread.filter(|_| self.copies_unread);
        let start = self.out.stream_position()?;
        let mut separator: &[u8] = b"";
        let mut copied = unread.map_or(0, |unread| unread.lines().start);
        for (key, member) in members {
            if let Some(unread) = unread {
                let line = unread.find(key)?;
                if unread.copy(copied..line.start, separator, &mut self.out)? {
                    separator = SEPARATOR;
                }
                copied = line.end;
            }
            self.out.write_all(separator)?;
            serde_json::to_writer(&mut self.out, key)?;
            self.out.write_all(b":")?;
            serde_json::to_writer(&mut self.out, member)?;
            separator = SEPARATOR;
        }
        if let Some(unread) = unread {
            unread.copy(copied..unread.lines().end, separator, &mut self.out)?;
        }
        self.regions.push(start..self.out.stream_position()?);
        Ok(())
    }
}

/// The first line of a file that is as long as it says.
pub(super) fn beginning(path: &Path) -> Option<StateHeader> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let (line, beginning) = read_beginning(&mut BufReader::new(file)).ok()??;
    beginning.is_followed(bytes, end_of(&line)).then_some(beginning)
}

/// Where a first line ends, and what follows it begins.
pub(super) fn end_of(line: &[u8]) -> u64 {
    line.len() as u64 - 1
}

/// The first line, as it stands there and read; `None` where there is no such line.
pub(super) fn read_beginning(file: &mut impl BufRead) -> io::Result<Option<(Vec<u8>, StateHeader)>> {
    let mut line = Vec::new();
    file.by_ref().take(BEGINNING_BYTES_MAX).read_until(b'\n', &mut line)?;
    let closed = line.strip_suffix(b",\n").map(|line| [line, b"}"].concat());
    let beginning = closed.and_then(|closed| serde_json::from_slice(&closed).ok());
    Ok(beginning.map(|beginning| (line, beginning)))
}

/// See [`State::load_some`].
pub(super) fn read_some(path: &Path, base: &Path, wanted: &BTreeSet<String>) -> Option<State> {
    let file = File::open(path).ok()?;
    let mut reader = BufReader::new(&file);
    let (mut document, beginning) = read_beginning(&mut reader).ok()??;
    let (mut state, base) = if let Some(identity) = &beginning.base {
        reader.read_to_end(&mut document).ok()?;
        (serde_json::from_slice::<State>(&document).ok()?, Base::open(base, identity).ok()??)
    } else {
        // The document without its regions is a document too.
        let base = Base::new(file.try_clone().ok()?, path, &beginning, end_of(&document)).ok()??;
        let mut at = document.len() as u64;
        for lines in &base.regions {
            reader.by_ref().take(lines.start.checked_sub(at)?).read_to_end(&mut document).ok()?;
            at = reader.seek(SeekFrom::Start(lines.end)).ok()?;
        }
        reader.read_to_end(&mut document).ok()?;
        let state = serde_json::from_slice::<State>(&document).ok()?;
        let is_elsewhere = |destination: &Destination| !destination.sessions.is_empty();
        if !state.repositories.is_empty() || state.other_destinations.iter().any(is_elsewhere) {
            return None;
        }
        (state, base)
    };
    state.base = None;
    attach(&mut state, base)?;
    for destination in &mut state.other_destinations {
        let unread = destination.unread_sessions.as_ref()?;
        for session_id in wanted {
            if destination.sessions.contains_key(session_id) {
                continue;
            }
            if let Some(cursor) = unread.get::<SessionCursor>(session_id).ok()? {
                destination.sessions.insert(session_id.clone(), cursor);
            }
        }
    }
    Some(state)
}

/// Reads what a state leaves to the base that was written as `identity`. False where that is not there, or damaged: then
/// what could be read is all.
pub(super) fn read_base(state: &mut State, path: &Path, identity: &str) -> io::Result<bool> {
    let base = Base::open(path, identity)?;
    let Some(()) = base.and_then(|base| attach(state, base)) else { return Ok(false) };
    let read = read_unread(state);
    state.unread_repositories = None;
    state.destinations_mut().for_each(|destination| destination.unread_sessions = None);
    match read {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => Ok(false),
        read => read.map(|()| true),
    }
}

/// Reads what has not been read.
pub(super) fn read_unread(state: &mut State) -> io::Result<()> {
    read_members(&mut state.repositories, &mut state.unread_repositories)?;
    for destination in state.destinations_mut() {
        read_members(&mut destination.sessions, &mut destination.unread_sessions)?;
    }
    Ok(())
}

fn read_members<T: DeserializeOwned>(
    members: &mut BTreeMap<String, T>,
    unread: &mut Option<Unread>,
) -> io::Result<()> {
    if let Some(lines) = unread {
        let newer = mem::replace(members, lines.read()?);
        members.extend(newer);
        *unread = None;
    }
    Ok(())
}

/// Lets what a state does not hold itself be read from a base, if that is laid out as the state is.
fn attach(state: &mut State, base: Base) -> Option<()> {
    if base.regions.len() != state.other_destinations.len() + 1 {
        return None;
    }
    let base = Arc::new(base);
    let unread = |index| Some(Unread { base: base.clone(), index });
    state.unread_repositories = unread(0);
    for (destination, index) in state.other_destinations.iter_mut().zip(1..) {
        destination.unread_sessions = unread(index);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::error::ExitCode;
    use crate::exporter::state::base::SCANNED_BYTES;

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
            base: None,
            quiet: None,
            narrowings: Default::default(),
            repositories: [("github.com/acme/api".to_owned(), BTreeSet::from(["s1".to_owned()]))].into(),
            unread_repositories: None,
            destination: Destination::default(),
            other_destinations: vec![
                destination("a", &[1, 2, 3]),
                destination("b", &[]),
                destination("c", &[2]),
            ],
        }
    }

    fn document(state: &State) -> String {
        let mut out = std::io::Cursor::new(Vec::new());
        write(state, None, "f".into(), &mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    fn file_of(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    /// The state of a file with the cursors of some sessions.
    fn read_at(path: &Path, wanted: &[&str]) -> Option<State> {
        read_some(path, Path::new("no base"), &wanted.iter().map(|id| (*id).to_owned()).collect())
    }

    fn read(text: &str, wanted: &[&str]) -> Option<State> {
        read_at(file_of(text).path(), wanted)
    }

    #[test]
    fn document_reads_as_json_like_any_other() {
        assert_eq!(serde_json::from_str::<State>(&document(&state())).unwrap(), state());
    }

    #[test]
    fn state_of_some_sessions_keeps_all_others() {
        let text = document(&state());
        for wanted in [&[][..], &["s1"], &["s2"], &["s3"], &["s1", "s2"], &["s1", "s3"], &["s1", "s2", "s3"]]
        {
            let mut some = read(&text, wanted).unwrap();
            assert!(some.other_destinations[0].sessions.keys().eq(wanted), "{wanted:?}");
            let mut expected = state();
            for destination in [&mut some.other_destinations[0], &mut expected.other_destinations[0]] {
                destination.sessions.entry("s2".to_owned()).and_modify(|cursor| cursor.rowid = 20);
            }
            if !wanted.contains(&"s2") {
                expected = state();
            }
            assert_eq!(serde_json::from_str::<State>(&document(&some)).unwrap(), expected, "{wanted:?}");
            some.read_all().unwrap();
            assert_eq!(some, expected);
        }
    }

    #[test]
    fn sessions_are_looked_for_in_every_destination_and_nowhere_else() {
        let text = document(&state());
        let is_known = |id: &str| read(&text, &[id]).unwrap().knows_any(&[id.to_owned()].into());
        for known in ["s1", "s2", "s3"] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["", "s", "s0", "s11", "s9", "narrowings", "repositories", "endpoint"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }

    /// Many sessions, with names of every kind and lines of every length: each is found, and what is written of some of
    /// them is what is written of all.
    #[test]
    fn every_session_is_found_among_many() {
        let names = (0..900).map(|n| match n % 4 {
            0 => format!("{n:04}"),
            1 => format!("\"{n}\\"),
            2 => format!("{}\n\u{1}é{n}", "x".repeat(n % 50)),
            _ => format!("\u{1f980}{}", n * 7919 % 1000),
        });
        let cursor = |n: i64| {
            let streams = (0..if n % 97 == 0 { 400 } else { n % 3 })
                .map(|it| (format!("agent:{it}"), Default::default()));
            SessionCursor { rowid: n, streams: streams.collect(), ..SessionCursor::default() }
        };
        let all: BTreeMap<String, SessionCursor> =
            names.zip(0..).map(|(name, n)| (name, cursor(n))).collect();
        let mut whole = state();
        whole.other_destinations[0].sessions = all.clone();
        let text = document(&whole);
        assert!(text.len() > 40 * SCANNED_BYTES as usize);
        let file = file_of(&text);
        for (id, cursor) in &all {
            let some = read_at(file.path(), &[id]).unwrap();
            assert_eq!(some.other_destinations[0].sessions, [(id.clone(), cursor.clone())].into(), "{id:?}");
        }
        for unknown in ["", "0", "0001", "zzz", "\u{10ffff}"] {
            let sessions = &read(&text, &[unknown]).unwrap().other_destinations[0].sessions;
            assert!(sessions.is_empty(), "{unknown:?}");
        }
        let wanted: Vec<&str> = all.keys().step_by(7).map(String::as_str).collect();
        let mut some = read(&text, &wanted).unwrap();
        assert_eq!(document(&some), text);
        for id in ["", "0001", "\u{10ffff}"] {
            some.other_destinations[0].sessions.insert(id.into(), SessionCursor::default());
            whole.other_destinations[0].sessions.insert(id.into(), SessionCursor::default());
        }
        assert_eq!(document(&some), document(&whole));
    }

    #[test]
    fn document_laid_out_otherwise_is_not_read_in_parts() {
        let text = document(&state());
        for end in (0..text.trim_end().len()).step_by(17) {
            assert!(read(&text[..end], &["s2"]).is_none(), "cut short after {end} bytes");
        }
        let laid_out = serde_json::from_str::<serde_json::Value>(&text).unwrap();
        assert!(read(&laid_out.to_string(), &["s2"]).is_none());
        for (at, digit) in text.lines().next().unwrap().char_indices().filter(|(_, it)| it.is_ascii_digit()) {
            // A region that begins or ends elsewhere is noticed, or is none that is looked into.
            let other = if digit == '9' { '0' } else { '9' };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            if let Some(some) = read(&changed, &["s2"]) {
                assert_eq!(some.other_destinations.len(), 3, "{changed}");
            }
        }
    }

    #[test]
    fn file_that_became_shorter_is_not_written_anew() {
        let text = document(&state());
        let file = file_of(&text);
        let mut some = read_at(file.path(), &[]).unwrap();
        file.as_file().set_len(text.find("\"s3\"").unwrap() as u64).unwrap();
        let written = write(&some, None, "f".into(), &mut std::io::Cursor::new(Vec::new()));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(some.read_all().unwrap_err().exit, ExitCode::TryAgain);
        assert!(some.other_destinations[0].unread_sessions.is_some());
    }

    #[test]
    fn beginning_of_a_torn_file_is_not_gone_by() {
        let text = document(&state());
        assert_eq!(beginning(file_of(&text).path()).unwrap().client_id, "c");
        assert_eq!(beginning(file_of(&text[..text.len() - 2]).path()), None);
    }
}
