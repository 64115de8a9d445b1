//! A file with every line of a state, in which those of a few sessions are looked up and the others are left alone.
//!
//! It is the state's file, until one is written beside it that holds what is new; then it gets a name of its own, and is
//! that one's base. Nothing is ever written into it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lines::{SEPARATOR, end_of, read_beginning};
use super::{Destination, State, StateHeader};
use crate::exporter::state::atomic_file;

/// Lines that take no more bytes than this are gone through one by one: it is what one read brings anyway.
pub(super) const SCANNED_BYTES: u64 = 4 << 10;

/// Fewer bytes than this are written anew rather than kept as a base.
const BASE_BYTES_MIN: u64 = 64 << 10;

/// What is new beside a base is at most about this share of it, by the bytes that most lines do not exceed.
const NEW_SHARE: u64 = 8;
const LINE_BYTES: u64 = 512;

/// The file, and where its lines stand.
#[derive(Debug)]
pub(super) struct Base {
    file: File,
    path: PathBuf,
    /// The identity that it was written with: what names it in a file that it is the base of.
    pub(super) identity: String,
    /// The lines of the known repositories, and then those of each destination's sessions.
    pub(super) regions: Vec<Range<u64>>,
}

impl Base {
    /// `rest`: what the places in the first line count from. `None` where it says what cannot be, or is not.
    pub(super) fn new(
        file: File,
        path: &Path,
        beginning: &StateHeader,
        rest: u64,
    ) -> io::Result<Option<Base>> {
        let end = file.metadata()?.len();
        let regions = regions(beginning, rest..end).filter(|_| beginning.is_followed(end, rest));
        let of = |(regions, identity)| Base { file, path: path.to_owned(), identity, regions };
        Ok(regions.zip(beginning.file.clone()).map(of))
    }

    /// The one that was written as `identity`, if that is what the file is.
    pub(super) fn open(path: &Path, identity: &str) -> io::Result<Option<Base>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let Some((line, beginning)) = read_beginning(&mut BufReader::new(&file))? else { return Ok(None) };
        let base = Base::new(file, path, &beginning, end_of(&line))?;
        Ok(base.filter(|base| base.identity == identity))
    }

    /// The file that a state can be written beside: what has been read of it is little, and what has not is much and
    /// stands in the state's order.
    pub(super) fn of(state: &State) -> Option<&Base> {
        let base = &state.unread_repositories.as_ref()?.base;
        let destinations: Vec<&Destination> = state.destinations().collect();
        let unread = destinations.iter().map(|destination| destination.unread_sessions.as_ref());
        let mut regions = iter::once(state.unread_repositories.as_ref()).chain(unread).zip(0..);
        let is_whole = base.regions.len() == destinations.len() + 1
            && regions.all(|(unread, index)| unread == Some(&Unread { base: base.clone(), index }));
        let read: usize = destinations.iter().map(|destination| destination.sessions.len()).sum();
        let new_bytes = (read + state.repositories.len()) as u64 * LINE_BYTES;
        let bytes: u64 = base.regions.iter().map(|lines| lines.end - lines.start).sum();
        (is_whole && bytes >= BASE_BYTES_MIN && new_bytes <= bytes / NEW_SHARE).then_some(base)
    }

    /// Gives the file at `path` a second name, under which it stays when another one takes the first. Whether the file
    /// has that name then: some file systems know no second names.
    pub(super) fn keep(&self, path: &Path, name: &Path) -> bool {
        let Ok(own) = self.file.metadata().map(|it| atomic_file::identity(&it)) else { return false };
        let is_at = |path| fs::metadata(path).is_ok_and(|it| atomic_file::identity(&it) == own);
        if is_at(name) {
            return true;
        }
        if !is_at(path) {
            return false;
        }
        // The base of an earlier state, if there is one: this one has none.
        let _ = fs::remove_file(name);
        fs::hard_link(path, name).is_ok() && atomic_file::sync_folder_of(name).is_ok()
    }
}

/// Where the regions stand, each behind the one before; `None` where one would not lie within `rest`.
fn regions(beginning: &StateHeader, rest: Range<u64>) -> Option<Vec<Range<u64>>> {
    let mut at = rest.start;
    let mut regions = Vec::new();
    for region in &beginning.regions {
        let lines = rest.start.checked_add(region.start)?..rest.start.checked_add(region.end)?;
        if lines.start < at || lines.end < lines.start || lines.end > rest.end {
            return None;
        }
        at = lines.end;
        regions.push(lines);
    }
    Some(regions)
}

/// The lines of a region as they stand in a file, in the order of their keys. One whose member has been read is old.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub(super) base: Arc<Base>,
    /// Of the region.
    pub(super) index: usize,
}

impl PartialEq for Unread {
    fn eq(&self, other: &Unread) -> bool {
        Arc::ptr_eq(&self.base, &other.base) && self.index == other.index
    }
}

impl Unread {
    /// The file in which they stand.
    pub(super) fn path(&self) -> &Path {
        &self.base.path
    }

    pub(super) fn lines(&self) -> Range<u64> {
        self.base.regions[self.index].clone()
    }

    /// All of them.
    pub(super) fn read<T: DeserializeOwned>(&self) -> io::Result<BTreeMap<String, T>> {
        let mut text = b"{".to_vec();
        self.reader(self.lines())?.read_to_end(&mut text)?;
        text.push(b'}');
        Ok(serde_json::from_slice(&text)?)
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> io::Result<Option<T>> {
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
    pub(super) fn find(&self, key: &str) -> io::Result<Range<u64>> {
        // `from` is where a line begins that does not come after the key; `to` only says where to look for a later one.
        let Range { start: mut from, end: mut to } = self.lines();
        while to - from > SCANNED_BYTES {
            let middle = from + (to - from) / 2;
            let mut reader = self.reader(middle..self.lines().end)?;
            let start = middle + reader.skip_until(b'\n')? as u64;
            if start < to && key_of(&mut reader)?.as_str() <= key {
                from = start;
            } else {
                to = middle;
            }
        }
        let mut reader = self.reader(from..self.lines().end)?;
        let mut line = Vec::new();
        while from < self.lines().end {
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
    pub(super) fn copy(&self, lines: Range<u64>, separator: &[u8], out: &mut impl Write) -> io::Result<bool> {
        if lines.is_empty() {
            return Ok(false);
        }
        out.write_all(separator)?;
        let bytes = self.without_separator(lines);
        let copied = io::copy(&mut self.reader(bytes.clone())?, out)?;
        // A file that became shorter than it was would cost the cursors behind its end.
        if copied < bytes.end - bytes.start { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(true) }
    }

    /// Lines without what stands between the last of them and the next one.
    fn without_separator(&self, lines: Range<u64>) -> Range<u64> {
        if lines.end == self.lines().end {
            return lines;
        }
        let end = lines.end.saturating_sub(SEPARATOR.len() as u64);
        lines.start..end.max(lines.start)
    }

    fn reader(&self, bytes: Range<u64>) -> io::Result<impl BufRead> {
        let mut file = &self.base.file;
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
    use std::collections::BTreeSet;

    use chrono::DateTime;

    use super::*;
    use crate::exporter::state::atomic_file::Loaded;
    use crate::exporter::state::lines;
    use crate::exporter::state::{ProjectOverride, SessionCursor};

    /// Enough for a base.
    const SESSIONS: i64 = 2_000;

    fn id(session: i64) -> String {
        format!("session-{session:05}")
    }

    fn wanted(sessions: &[i64]) -> BTreeSet<String> {
        sessions.iter().copied().map(id).collect()
    }

    /// The folder of a state with many sessions, for which there is no base yet.
    fn folder() -> tempfile::TempDir {
        let cursor = |rowid| SessionCursor { rowid, ..SessionCursor::default() };
        let destination = |endpoint: &str, count| Destination {
            endpoint: endpoint.into(),
            sessions: (0..count).map(|session| (id(session), cursor(session))).collect(),
            ..Destination::default()
        };
        let mut state: State =
            serde_json::from_str(r#"{"version":1,"clientId":"c","clientSecret":"s","machine":"m"}"#).unwrap();
        state.other_destinations = vec![destination("a", SESSIONS), destination("b", 10)];
        state.repositories.insert("github.com/acme/api".into(), wanted(&[0, 1]));
        let folder = tempfile::tempdir().unwrap();
        state.save(folder.path()).unwrap();
        assert!(!has_base(&folder));
        folder
    }

    fn has_base(folder: &tempfile::TempDir) -> bool {
        State::base_path(folder.path()).exists()
    }

    fn bytes(folder: &tempfile::TempDir) -> u64 {
        fs::metadata(State::path(folder.path())).unwrap().len()
    }

    fn some(folder: &tempfile::TempDir, sessions: &[i64]) -> State {
        lines::read_some(&State::path(folder.path()), &State::base_path(folder.path()), &wanted(sessions))
            .unwrap()
    }

    fn whole(folder: &tempfile::TempDir, warnings: usize) -> State {
        let mut told = Vec::new();
        let repair = Some(DateTime::UNIX_EPOCH);
        let Loaded::Found(state) = State::load_whole(folder.path(), repair, &mut told).unwrap() else {
            panic!("there is a state");
        };
        assert_eq!(told.len(), warnings, "{told:?}");
        state
    }

    /// Moves the cursors of some sessions, as a run does that concerns no others.
    fn advance(folder: &tempfile::TempDir, sessions: &[i64], by: i64) {
        let mut state = some(folder, sessions);
        for session in sessions {
            state.other_destinations[0].sessions.get_mut(&id(*session)).unwrap().rowid += by;
        }
        state.save(folder.path()).unwrap();
    }

    fn rowids(state: &State) -> Vec<i64> {
        state.other_destinations[0].sessions.values().map(|cursor| cursor.rowid).collect()
    }

    #[test]
    fn what_is_new_is_written_beside_what_is_not() {
        let folder = folder();
        let all = bytes(&folder);
        let mut expected: Vec<i64> = (0..SESSIONS).collect();
        for (sessions, by) in [(&[3, 1_000][..], 5), (&[3], 7), (&[], 0), (&[1_999, 0], 1), (&[1_000], 2)] {
            advance(&folder, sessions, by);
            sessions.iter().for_each(|session| expected[*session as usize] += by);
            assert!(has_base(&folder) && bytes(&folder) < all / 50);
            assert_eq!(rowids(&whole(&folder, 0)), expected);
        }
        let some = some(&folder, &[3, 4]);
        assert!(some.knows_any(&wanted(&[4])) && !some.knows_any(&wanted(&[5])));
        assert_eq!(some.other_destinations[0].sessions[&id(3)].rowid, 15);

        // A run that has read everything writes everything.
        let state = whole(&folder, 0);
        state.save(folder.path()).unwrap();
        assert!(!has_base(&folder) && bytes(&folder) > all - all / 50);
        assert_eq!(whole(&folder, 0).other_destinations, state.other_destinations);
        assert_eq!(state.repositories.len(), 1);
    }

    #[test]
    fn much_that_is_new_is_written_with_the_rest() {
        let folder = folder();
        let sessions: Vec<i64> = (0..SESSIONS).step_by(5).collect();
        advance(&folder, &[1], 1);
        assert!(has_base(&folder));
        advance(&folder, &sessions, 1);
        assert!(!has_base(&folder));
        let rowids = rowids(&whole(&folder, 0));
        assert_eq!(rowids[..7], [1, 2, 2, 3, 4, 6, 6]);
        assert_eq!(rowids.len(), SESSIONS as usize);
    }

    #[test]
    fn destinations_that_are_no_longer_the_same_are_written_with_all_they_have() {
        for change in [
            |destinations: &mut Vec<Destination>| drop(destinations.remove(0)),
            |destinations: &mut Vec<Destination>| destinations.swap(0, 1),
            |destinations: &mut Vec<Destination>| destinations.push(Destination::default()),
        ] {
            let folder = folder();
            advance(&folder, &[1], 1);
            let mut state = some(&folder, &[2]);
            change(&mut state.other_destinations);
            state.save(folder.path()).unwrap();
            assert!(!has_base(&folder));
            let mut expected = whole(&folder, 0).other_destinations;
            state.read_all().unwrap();
            for destination in expected.iter_mut().chain(&mut state.other_destinations) {
                assert!(destination.unread_sessions.is_none());
            }
            assert_eq!(state.other_destinations, expected);
        }
    }

    #[test]
    fn base_that_is_gone_or_damaged_costs_what_it_held_and_no_more() {
        let text = |folder: &tempfile::TempDir| fs::read_to_string(State::base_path(folder.path())).unwrap();
        let spoil: [fn(String) -> Option<String>; 7] = [
            |_| None,
            |text| Some(text[..text.find("\n\"session-01000").unwrap() - 1].to_owned()),
            |text| Some(text[..text.len() / 2].to_owned()),
            |text| Some(text.replace("\"rowid\":7,", "\"rowid\":,")),
            |text| Some(text.replacen("\"file\":\"", "\"file\":\"0", 1)),
            // Farther than a file can reach.
            |text| {
                Some(text.replacen(
                    "{\"start\":",
                    "{\"start\":9223372036854775807,\"end\":9223372036854775808},{\"start\":",
                    1,
                ))
            },
            |_| Some("[]".to_owned()),
        ];
        for (case, spoil) in spoil.into_iter().enumerate() {
            let folder = folder();
            advance(&folder, &[3], 5);
            let mut state = some(&folder, &[]);
            state.narrowings.insert("/work/api".into(), ProjectOverride::default());
            state.save(folder.path()).unwrap();
            let spoilt = spoil(text(&folder));
            match &spoilt {
                Some(text) => fs::write(State::base_path(folder.path()), text).unwrap(),
                None => fs::remove_file(State::base_path(folder.path())).unwrap(),
            }
            let state = whole(&folder, 1);
            let aside = folder.path().join("sync-state.base.json.corrupt-19700101T000000.000Z");
            assert_eq!(fs::read_to_string(aside).ok(), spoilt, "case {case}");
            assert_eq!(state.other_destinations[0].sessions[&id(3)].rowid, 8, "case {case}");
            assert_eq!(state.narrowings.len(), 1);
            state.save(folder.path()).unwrap();
            assert!(!has_base(&folder));
            assert_eq!(whole(&folder, 0).other_destinations, state.other_destinations);
        }
    }

    #[test]
    fn base_of_an_earlier_state_is_replaced() {
        let folder = folder();
        advance(&folder, &[3], 5);
        let earlier = fs::read(State::base_path(folder.path())).unwrap();
        whole(&folder, 0).save(folder.path()).unwrap();
        fs::write(State::base_path(folder.path()), earlier).unwrap();
        advance(&folder, &[3], 5);
        assert_eq!(rowids(&whole(&folder, 0))[3], 13);
    }

    #[test]
    fn base_in_a_copied_folder_is_read_like_the_first() {
        let (folder, copy) = (folder(), tempfile::tempdir().unwrap());
        advance(&folder, &[3], 5);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        assert_eq!(rowids(&whole(&copy, 0)), rowids(&whole(&folder, 0)));
    }
}
