//! The cursors of all sessions at one destination, in the order of the session ids.
//!
//! A record of the state file is decoded when its session is asked for: most runs look at a few sessions of thousands, and
//! the records of all others are saved as they were read. That holds for a file that this program wrote and nobody has
//! changed since; any other is decoded as a whole, so that a damaged record is found when the file is read.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use super::session_cursor::SessionCursor;
use super::session_record::SessionRecord;
use crate::exporter::state::atomic_file::FileContent;

/// Between a line's session id and its record.
const ID_END: &str = "\":";
/// Between two lines.
const LINE_END: &str = ",\n";
/// Behind the record of the last line: the ends of the sessions and of their destination, the last one or another.
const LAST_LINE_ENDS: [&str; 2] = ["}}],", "}},"];

/// The cursors by session id.
#[derive(Clone, Default)]
pub struct SessionCursors {
    /// The state file, of which `lines` are parts.
    document: Arc<String>,
    /// In ascending order of the session ids.
    lines: Vec<Line>,
    /// Sessions that are not in `lines`.
    others: BTreeMap<String, SessionCursor>,
}

/// A session's line in the state file, and its cursor once that may have been changed.
#[derive(Clone)]
struct Line {
    /// Position of the session id in the file.
    id_start: u32,
    /// Position after the session id.
    id_end: u32,
    /// Position after the record.
    end: u32,
    cursor: Option<Box<SessionCursor>>,
}

impl Line {
    fn id<'a>(&self, document: &'a str) -> &'a str {
        &document[self.id_start as usize..self.id_end as usize]
    }

    fn record<'a>(&self, document: &'a str) -> &'a str {
        &document[self.id_end as usize + ID_END.len()..self.end as usize]
    }

    /// Decodes the record. One that cannot be decoded, which this program does not write, counts as a session of which
    /// nothing is acknowledged: it is sent again and deduplicated.
    fn decode(&self, document: &str) -> SessionCursor {
        let record = serde_json::from_str::<SessionRecord>(self.record(document));
        record.map(SessionCursor::from).unwrap_or_default()
    }

    fn cursor(&self, document: &str) -> Cow<'_, SessionCursor> {
        self.cursor.as_deref().map_or_else(|| Cow::Owned(self.decode(document)), Cow::Borrowed)
    }

    fn cursor_mut(&mut self, document: &str) -> &mut SessionCursor {
        let cursor = self.cursor.take().unwrap_or_else(|| Box::new(self.decode(document)));
        self.cursor.insert(cursor)
    }

    /// The line without its comma, from the quote before the session id.
    fn range(&self) -> Range<usize> {
        self.id_start as usize - 1..self.end as usize
    }

    fn saved(&self) -> Saved<'_> {
        self.cursor.as_deref().map_or_else(|| Saved::AsRead(self.range()), Saved::Changed)
    }
}

/// A session as the state file is to have it.
enum Saved<'a> {
    /// The line that was read, by its place in the file.
    AsRead(Range<usize>),
    /// A cursor that may have changed.
    Changed(&'a SessionCursor),
}

impl SessionCursors {
    /// Splits the sessions of a destination into their lines; `None` if they are not in the form in which this program writes
    /// them. They begin at `start` of a document of which they are a part. Returns the position after them, too.
    pub(in crate::exporter::state) fn of_lines(
        document: &Arc<String>,
        start: usize,
    ) -> Option<(SessionCursors, usize)> {
        let mut lines = Vec::new();
        let mut rest = document[start..].strip_prefix("{\n")?;
        loop {
            let line_start = document.len() - rest.len();
            let (line, after) = rest.split_once('\n')?;
            let id_end = line.strip_prefix('"')?.find(ID_END)?;
            let next = line.strip_suffix(',').filter(|text| text.ends_with('}') && after.starts_with('"'));
            let record = next.or_else(|| LAST_LINE_ENDS.iter().find_map(|end| line.strip_suffix(end)))?;
            let id_start = u32::try_from(line_start + 1).ok()?;
            let end = u32::try_from(line_start + record.len()).ok()?;
            lines.push(Line { id_start, id_end: id_start + id_end as u32, end, cursor: None });
            if next.is_none() {
                break;
            }
            rest = after;
        }
        let end = lines.last()?.end as usize + 1;
        // An escaped id would have to be decoded to be compared.
        let is_escaped = lines.iter().any(|line| line.id(document).contains('\\'));
        let is_ascending = lines.is_sorted_by(|a, b| a.id(document) < b.id(document));
        let cursors = SessionCursors { document: document.clone(), lines, others: BTreeMap::new() };
        (is_ascending && !is_escaped).then_some((cursors, end))
    }

    fn find(&self, session_id: &str) -> Result<usize, usize> {
        self.lines.binary_search_by(|line| line.id(&self.document).cmp(session_id))
    }

    /// Returns the cursor of a session.
    pub fn get(&self, session_id: &str) -> Option<Cow<'_, SessionCursor>> {
        match self.find(session_id) {
            Ok(index) => Some(self.lines[index].cursor(&self.document)),
            Err(_) => self.others.get(session_id).map(Cow::Borrowed),
        }
    }

    /// Returns the cursor of a session.
    pub fn get_mut(&mut self, session_id: &str) -> Option<&mut SessionCursor> {
        match self.find(session_id) {
            Ok(index) => Some(self.lines[index].cursor_mut(&self.document)),
            Err(_) => self.others.get_mut(session_id),
        }
    }

    /// Returns the cursor of a session; adds one if there is none.
    pub fn get_or_default(&mut self, session_id: &str) -> &mut SessionCursor {
        match self.find(session_id) {
            Ok(index) => self.lines[index].cursor_mut(&self.document),
            Err(_) => self.others.entry(session_id.to_owned()).or_default(),
        }
    }

    /// Adds the cursor of a session, or replaces it.
    pub fn insert(&mut self, session_id: String, cursor: SessionCursor) {
        match self.get_mut(&session_id) {
            Some(known) => *known = cursor,
            None => drop(self.others.insert(session_id, cursor)),
        }
    }

    /// Reports whether a session has a cursor.
    pub fn contains(&self, session_id: &str) -> bool {
        self.find(session_id).is_ok() || self.others.contains_key(session_id)
    }

    /// Returns the number of sessions.
    pub fn len(&self) -> usize {
        self.lines.len() + self.others.len()
    }

    /// Reports whether no session has a cursor.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes every cursor, and returns all of them.
    pub fn decode_all(&mut self) -> &mut BTreeMap<String, SessionCursor> {
        if !self.lines.is_empty() {
            let document = std::mem::take(&mut self.document);
            let decoded = std::mem::take(&mut self.lines)
                .into_iter()
                .map(|line| (line.id(&document).to_owned(), line.cursor(&document).into_owned()));
            let mut all: BTreeMap<String, SessionCursor> = decoded.collect();
            all.append(&mut self.others);
            self.others = all;
        }
        &mut self.others
    }

    /// Iterates over the session ids, in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.saved().map(|(session_id, _)| session_id)
    }

    /// Writes the sessions as the members of an object, each on a line of its own. Lines that follow one another in the file
    /// that was read are one part, which is not copied.
    pub(in crate::exporter::state) fn encode<'a>(&'a self, out: &mut FileContent<'a>) -> io::Result<()> {
        let mut lines = 0..0;
        let separator = Cell::new("\n");
        let separate = |out: &mut FileContent| out.write_all(separator.replace(LINE_END).as_bytes());
        let write_lines = |lines: Range<usize>, out: &mut FileContent<'a>| {
            if lines.is_empty() {
                return Ok(());
            }
            separate(out)?;
            out.push_borrowed(&self.document.as_bytes()[lines]);
            Ok(())
        };
        for (session_id, saved) in self.saved() {
            match saved {
                Saved::AsRead(line) if lines.end + LINE_END.len() == line.start => lines.end = line.end,
                Saved::AsRead(line) => write_lines(std::mem::replace(&mut lines, line), out)?,
                Saved::Changed(cursor) => {
                    write_lines(std::mem::take(&mut lines), out)?;
                    let (id, record) = (serde_json::to_string(session_id)?, SessionRecord::new(cursor));
                    separate(out)?;
                    write!(out, "{id}:{}", serde_json::to_string(&record)?)?;
                }
            }
        }
        write_lines(lines, out)
    }

    /// Iterates over the sessions as the state file is to have them, in the order of the ids.
    fn saved(&self) -> impl Iterator<Item = (&str, Saved<'_>)> {
        let document = self.document.as_str();
        let mut lines = self.lines.iter().map(move |line| (line.id(document), line.saved())).peekable();
        let others = self.others.iter().map(|(id, cursor)| (id.as_str(), Saved::Changed(cursor)));
        let mut others = others.peekable();
        std::iter::from_fn(move || match (lines.peek(), others.peek()) {
            (Some(line), Some(other)) if line.0 < other.0 => lines.next(),
            (_, Some(_)) => others.next(),
            _ => lines.next(),
        })
    }
}

impl From<BTreeMap<String, SessionCursor>> for SessionCursors {
    fn from(others: BTreeMap<String, SessionCursor>) -> SessionCursors {
        SessionCursors { others, ..SessionCursors::default() }
    }
}

impl fmt::Debug for SessionCursors {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_map().entries(self.ids().map(|id| (id, self.get(id)))).finish()
    }
}

impl PartialEq for SessionCursors {
    fn eq(&self, other: &SessionCursors) -> bool {
        self.len() == other.len() && self.ids().all(|id| self.get(id) == other.get(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads sessions that are a part of a document, as a state file is one.
    fn read(sessions: &str) -> Option<SessionCursors> {
        let read_before = |after: &str| {
            let document = Arc::new(format!("before {sessions}{after}"));
            let (cursors, end) = SessionCursors::of_lines(&document, 7)?;
            assert_eq!(&document[end..], after);
            Some(cursors)
        };
        let (last, other) =
            (read_before("}],\n\"repositories\":[]}\n"), read_before("},\n{\"endpoint\":\"b\"}]"));
        assert_eq!(last, other);
        last
    }

    /// The lines that the file gets.
    fn encoded(cursors: &SessionCursors) -> String {
        let mut out = FileContent::default();
        cursors.encode(&mut out).unwrap();
        String::from_utf8(out.parts().collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn cursor_that_is_not_changed_is_saved_as_it_was_read() {
        let sessions = "{\n\"a\":{\"rowid\":1},\n\"c\":{ \"rowid\":3},\n\"d\":{ }}";
        let mut cursors = read(sessions).unwrap();
        assert_eq!(format!("{{{}}}", encoded(&cursors)), sessions);
        assert_eq!(cursors.get("a").map(|cursor| cursor.rowid), Some(1));
        assert_eq!(cursors.get_mut("c").map(|cursor| cursor.rowid), Some(3));
        let delivered =
            |rowid| SessionCursor { rowid, seen_rowid: rowid, fields_sent: true, ..SessionCursor::default() };
        cursors.insert("b".into(), delivered(2));
        cursors.insert("c".into(), delivered(4));
        let saved = "\n\"a\":{\"rowid\":1},\n\"b\":{\"rowid\":2},\n\"c\":{\"rowid\":4},\n\"d\":{ }";
        assert_eq!(encoded(&cursors), saved);
        assert!(cursors.contains("a") && !cursors.contains("e") && cursors.get("").is_none());
        cursors.insert("0".into(), delivered(0));
        assert!(encoded(&cursors).starts_with("\n\"0\":{},\n\"a\":{\"rowid\":1},\n"));
        assert_eq!(cursors.decode_all().len(), 5);
        assert!(encoded(&cursors).ends_with(",\n\"d\":{}"));
        assert_eq!(encoded(&SessionCursors::default()), "");
    }

    #[test]
    fn changed_cursor_is_the_one_that_is_read_again() {
        let mut cursors = read("{\n\"a\":{\"rowid\":1}}").unwrap();
        cursors.get_mut("a").unwrap().rowid = 7;
        assert_eq!(cursors.get("a").unwrap().rowid, 7);
        assert!(encoded(&cursors).contains("\"rowid\":7"));
    }

    #[test]
    fn other_forms_are_left_to_the_parser() {
        for sessions in [
            "{}",
            "{\"a\":{}}",
            "{\n  \"a\": {}\n}",
            "{\n\"b\":{},\n\"a\":{}}",
            "{\n\"a\":{},\n\"a\":{}}",
            "{\n\"\\u001b\":{}}",
        ] {
            assert!(read(sessions).is_none(), "{sessions}");
        }
    }
}
