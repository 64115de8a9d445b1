//! How the state lies in its file: one JSON document, in lines of which each can be found without reading the others.
//!
//! The first line says whether there may be anything to do, and where the two things stand that grow with the number of
//! sessions: the known repositories, and each destination's cursors, a line each in the order of their sessions. A run
//! with nothing to do reads the first line; one that concerns a few sessions looks up theirs and copies the others as
//! they stand. Whatever is not laid out so is read whole, as any JSON is.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Beginning, Destination, SessionCursor, State};
use crate::exporter::document::open_object;
use crate::exporter::exit::Stop;
use crate::exporter::files;

/// A first line is some kilobytes, most of them the folders of projects.
const BEGINNING_BYTES_MAX: u64 = 1 << 20;

/// What is new in the file is written in pieces of so many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Lines that take no more bytes than this are gone through one by one: it is what one read brings anyway.
const SCANNED_BYTES: u64 = 4 << 10;

/// Stands between two members.
const SEPARATOR: &[u8] = b",\n";

/// Writes the document into an empty file. `identity`: the file's own.
///
/// The first line says how much follows and where, and is written last; so nothing has to be held in memory.
pub(super) fn write(state: &State, identity: String, file: &mut (impl Write + Seek)) -> io::Result<()> {
    let mut beginning = Beginning {
        version: state.version,
        client_id: state.client_id.clone(),
        client_secret: state.client_secret.clone(),
        machine: state.machine.clone(),
        file: Some(identity),
        quiet: state.quiet.clone(),
        regions: vec![u64::MAX..u64::MAX; state.destinations.len() + 1],
        rest_bytes: u64::MAX,
    };
    let room = first_line(&beginning, 0)?;
    file.write_all(&room)?;
    let mut out = Sections { out: BufWriter::with_capacity(PIECE_BYTES, file), regions: Vec::new() };
    out.write_rest(state)?;
    let from_room = |at: u64| at - room.len() as u64;
    beginning.rest_bytes = from_room(out.out.stream_position()?);
    beginning.regions = out.regions.iter().map(|it| from_room(it.start)..from_room(it.end)).collect();
    let file = out.out.into_inner().map_err(IntoInnerError::into_error)?;
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

/// What follows the first line, and where in it the regions came to stand.
struct Sections<W: Write + Seek> {
    out: BufWriter<W>,
    regions: Vec<Range<u64>>,
}

impl<W: Write + Seek> Sections<W> {
    fn write_rest(&mut self, state: &State) -> io::Result<()> {
        self.out.write_all(b"\n\"narrowings\":")?;
        serde_json::to_writer(&mut self.out, &state.narrowings)?;
        self.out.write_all(b",\n\"repositories\":{\n")?;
        self.write_region(&state.repositories, state.unread_repositories.as_ref())?;
        self.out.write_all(b"\n},\n\"destinations\":[\n")?;
        for (index, destination) in state.destinations.iter().enumerate() {
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
        let start = self.out.stream_position()?;
        let mut separator: &[u8] = b"";
        let mut copied = unread.map_or(0, |unread| unread.lines.start);
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
            unread.copy(copied..unread.lines.end, separator, &mut self.out)?;
        }
        self.regions.push(start..self.out.stream_position()?);
        Ok(())
    }
}

/// The first line of a file that is as long as it says.
pub(super) fn beginning(path: &Path) -> Option<Beginning> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let (line, beginning) = read_beginning(&mut BufReader::new(file))?;
    (bytes.checked_sub(end_of(&line)) == Some(beginning.rest_bytes)).then_some(beginning)
}

/// Where a first line ends, and what follows it begins.
fn end_of(line: &[u8]) -> u64 {
    line.len() as u64 - 1
}

/// The first line, as it stands there and read.
fn read_beginning(file: &mut impl BufRead) -> Option<(Vec<u8>, Beginning)> {
    let mut line = Vec::new();
    file.by_ref().take(BEGINNING_BYTES_MAX).read_until(b'\n', &mut line).ok()?;
    let closed = [line.strip_suffix(b",\n")?, b"}"].concat();
    Some((line, serde_json::from_slice(&closed).ok()?))
}

/// The lines of a region as they stand in a file, in the order of their keys. One whose member has been read is old.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    file: Arc<(File, PathBuf)>,
    lines: Range<u64>,
}

impl PartialEq for Unread {
    fn eq(&self, other: &Unread) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.lines == other.lines
    }
}

/// See [`State::load_some`].
pub(super) fn read_some(path: &Path, wanted: &BTreeSet<String>) -> Option<State> {
    let file = Arc::new((File::open(path).ok()?, path.to_owned()));
    let mut reader = BufReader::new(&file.0);
    // The document without its regions is a document too.
    let (mut document, beginning) = read_beginning(&mut reader)?;
    let rest = end_of(&document);
    let mut at = document.len() as u64;
    let mut regions = Vec::new();
    for region in &beginning.regions {
        let lines = rest.checked_add(region.start)?..rest.checked_add(region.end)?;
        reader.by_ref().take(lines.start.checked_sub(at)?).read_to_end(&mut document).ok()?;
        at = reader.seek(SeekFrom::Start(lines.end.max(lines.start))).ok()?;
        regions.push(Unread { file: file.clone(), lines: lines.start..at });
    }
    reader.read_to_end(&mut document).ok()?;
    let mut state: State = serde_json::from_slice(&document).ok()?;
    let is_elsewhere = |destination: &Destination| !destination.sessions.is_empty();
    if !state.repositories.is_empty() || state.destinations.iter().any(is_elsewhere) {
        return None;
    }
    let mut regions = regions.into_iter();
    state.unread_repositories = Some(regions.next()?);
    for destination in &mut state.destinations {
        let unread = regions.next()?;
        for session_id in wanted {
            if let Some(cursor) = unread.get::<SessionCursor>(session_id).ok()? {
                destination.sessions.insert(session_id.clone(), cursor);
            }
        }
        destination.unread_sessions = Some(unread);
    }
    regions.next().is_none().then_some(state)
}

impl Unread {
    /// All of them.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<BTreeMap<String, T>, Stop> {
        let mut text = b"{".to_vec();
        let members = self.reader(self.lines.clone()).and_then(|mut reader| {
            reader.read_to_end(&mut text)?;
            text.push(b'}');
            Ok(serde_json::from_slice(&text)?)
        });
        members.map_err(|error| files::cannot("read", &self.file.1, error))
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> io::Result<Option<T>> {
        let line = self.find(key)?;
        if line.is_empty() {
            return Ok(None);
        }
        let mut text = b"{".to_vec();
        self.reader(self.without_separator(line))?.read_to_end(&mut text)?;
        text.push(b'}');
        Ok(serde_json::from_slice::<BTreeMap<String, T>>(&text)?.remove(key))
    }

    /// Where the line of a key stands; empty, and where it would stand, if there is none.
    fn find(&self, key: &str) -> io::Result<Range<u64>> {
        // `from` is where a line begins that does not come after the key; `to` only says where to look for a later one.
        let Range { start: mut from, end: mut to } = self.lines;
        while to - from > SCANNED_BYTES {
            let middle = from + (to - from) / 2;
            let mut reader = self.reader(middle..self.lines.end)?;
            let start = middle + reader.skip_until(b'\n')? as u64;
            if start < to && key_of(&mut reader)?.as_str() <= key {
                from = start;
            } else {
                to = middle;
            }
        }
        let mut reader = self.reader(from..self.lines.end)?;
        let mut line = Vec::new();
        while from < self.lines.end {
            line.clear();
            let end = from + reader.read_until(b'\n', &mut line)? as u64;
            match key_of(&mut line.as_slice())?.as_str().cmp(key) {
                Ordering::Less => from = end,
                Ordering::Equal => return Ok(from..end),
                Ordering::Greater => break,
            }
        }
        Ok(from..from)
    }

    /// Copies some of the lines, after a separator. Returns whether there was any.
    fn copy(&self, lines: Range<u64>, separator: &[u8], out: &mut impl Write) -> io::Result<bool> {
        if lines.is_empty() {
            return Ok(false);
        }
        out.write_all(separator)?;
        let bytes = self.without_separator(lines);
        let copied = io::copy(&mut self.reader(bytes.clone())?, out)?;
        // A file that became shorter than it was would cost the cursors behind its end.
        if copied < bytes.end - bytes.start { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(true) }
    }

    /// Lines without what stands between the last of them and the next one.
    fn without_separator(&self, lines: Range<u64>) -> Range<u64> {
        if lines.end == self.lines.end {
            return lines;
        }
        let end = lines.end.saturating_sub(SEPARATOR.len() as u64);
        lines.start..end.max(lines.start)
    }

    fn reader(&self, bytes: Range<u64>) -> io::Result<impl BufRead> {
        let mut file = &self.file.0;
        file.seek(SeekFrom::Start(bytes.start))?;
        Ok(BufReader::with_capacity(SCANNED_BYTES as usize, file.take(bytes.end - bytes.start)))
    }
}

/// The key of the line that is read next.
fn key_of(line: &mut impl Read) -> io::Result<String> {
    Ok(String::deserialize(&mut serde_json::Deserializer::from_reader(line))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::exit::Exit;

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

    fn file_of(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    /// The state of a file with the cursors of some sessions.
    fn read_at(path: &Path, wanted: &[&str]) -> Option<State> {
        read_some(path, &wanted.iter().map(|id| (*id).to_owned()).collect())
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
            assert!(some.destinations[0].sessions.keys().eq(wanted), "{wanted:?}");
            let mut expected = state();
            for destination in [&mut some.destinations[0], &mut expected.destinations[0]] {
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
        let is_known = |id: &str| !read(&text, &[id]).unwrap().knows_no_session();
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
        whole.destinations[0].sessions = all.clone();
        let text = document(&whole);
        assert!(text.len() > 40 * SCANNED_BYTES as usize);
        let file = file_of(&text);
        for (id, cursor) in &all {
            let some = read_at(file.path(), &[id]).unwrap();
            assert_eq!(some.destinations[0].sessions, [(id.clone(), cursor.clone())].into(), "{id:?}");
        }
        for unknown in ["", "0", "0001", "zzz", "\u{10ffff}"] {
            assert!(read(&text, &[unknown]).unwrap().knows_no_session(), "{unknown:?}");
        }
        let wanted: Vec<&str> = all.keys().step_by(7).map(String::as_str).collect();
        let mut some = read(&text, &wanted).unwrap();
        assert_eq!(document(&some), text);
        for id in ["", "0001", "\u{10ffff}"] {
            some.destinations[0].sessions.insert(id.into(), SessionCursor::default());
            whole.destinations[0].sessions.insert(id.into(), SessionCursor::default());
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
                assert_eq!(some.destinations.len(), 3, "{changed}");
            }
        }
    }

    #[test]
    fn file_that_became_shorter_is_not_written_anew() {
        let text = document(&state());
        let file = file_of(&text);
        let mut some = read_at(file.path(), &[]).unwrap();
        file.as_file().set_len(text.find("\"s3\"").unwrap() as u64).unwrap();
        let written = write(&some, "f".into(), &mut std::io::Cursor::new(Vec::new()));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(some.read_all().unwrap_err().exit, Exit::TryAgain);
        assert!(some.destinations[0].unread_sessions.is_some());
    }

    #[test]
    fn beginning_of_a_torn_file_is_not_gone_by() {
        let text = document(&state());
        assert_eq!(beginning(file_of(&text).path()).unwrap().client_id, "c");
        assert_eq!(beginning(file_of(&text[..text.len() - 2]).path()), None);
    }
}
