//! Queries on a snapshot.
//!
//! A query costs what it returns: messages are found by session and row id, never by a scan of the table.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rusqlite::params;

use crate::exporter::error::Error;
use crate::exporter::source::connection::Snapshot;
use crate::exporter::source::cwd;
use crate::exporter::source::rows::{MessageRow, SessionRow, TaskRow, borrowed_text, integer, text};

/// Number of sessions, the last ones by insertion, of which a diagnosis looks at transcripts and times.
const RECENT_SESSIONS: usize = 1_000;

/// A transcript, as far as han has indexed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedTranscript {
    /// Id of the session.
    pub session_id: String,
    /// Path of the file.
    pub path: String,
    /// Last line, by han's own note.
    pub last_line: i64,
}

impl Snapshot<'_> {
    /// All sessions.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, Error> {
        let mut sessions = Vec::new();
        self.for_each(&SessionRow::select(&self.source.schema), [], |row| {
            sessions.push(SessionRow::read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(sessions)
    }

    /// A session by its id.
    pub fn session(&self, id: &str) -> Result<Option<SessionRow>, Error> {
        let sql = SessionRow::select(&self.source.schema) + " WHERE s.id = ?1";
        self.first(&sql, [id], SessionRow::read)
    }

    /// Folder of every project, with the remote of its repository where it has one.
    pub fn project_folders(&self) -> Result<Vec<(String, Option<String>)>, Error> {
        let mut folders = Vec::new();
        let sql = "SELECT p.path, r.remote FROM projects p LEFT JOIN repos r ON r.id = p.repo_id";
        self.for_each(sql, [], |row| {
            if let Some(path) = text(row, 0)? {
                folders.push((path, text(row, 1)?));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(folders)
    }

    /// Line number and folder of the first row of a session's main stream that names the folder in which the agent runs,
    /// among the rows after a row id and on lines before a line.
    pub fn session_folder(
        &self,
        session_id: &str,
        rowid: i64,
        line: i64,
    ) -> Result<Option<(i64, String)>, Error> {
        let schema = &self.source.schema;
        let file_type = schema.or_null("messages", "", "source_file_type");
        let agent = schema.or_null("messages", "", "agent_id");
        // The bound spares a session with a known folder the visit of all its rows.
        let bound = if line == i64::MAX { "?3 IS NOT NULL" } else { "line_number < ?3" };
        let sql = format!(
            "SELECT line_number, raw_json FROM messages WHERE session_id = ?1 AND rowid > ?2 AND {bound}
             AND coalesce({file_type}, 'main') = 'main' AND {agent} IS NULL ORDER BY line_number, rowid"
        );
        let mut found = None;
        self.for_each(&sql, params![session_id, rowid, line], |row| {
            let row_line = integer(row, 0)?.unwrap_or(i64::MIN);
            found = borrowed_text(row, 1)?.and_then(|raw| cwd::cwd(&raw)).map(|folder| (row_line, folder));
            Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// Highest row id of `messages`, 0 for none.
    pub fn last_rowid(&self) -> Result<i64, Error> {
        self.integer("SELECT coalesce(max(rowid), 0) FROM messages", [])
    }

    /// Highest row id of a session's messages, 0 for none.
    pub fn last_rowid_of(&self, session_id: &str) -> Result<i64, Error> {
        self.integer("SELECT coalesce(max(rowid), 0) FROM messages WHERE session_id = ?1", [session_id])
    }

    /// Number of a session's messages after a row id.
    pub fn count_after(&self, session_id: &str, rowid: i64) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM messages WHERE session_id = ?1 AND rowid > ?2";
        Ok(self.integer(sql, params![session_id, rowid])?.max(0) as u64)
    }

    /// Number of some of a session's messages after a row id, and the bytes of their raw JSON.
    pub fn raw_bytes_after(&self, session_id: &str, rowid: i64, rows_max: u32) -> Result<(u64, u64), Error> {
        // The length is in the header of a row, so that no text is read.
        let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM (SELECT octet_length(raw_json) AS bytes FROM messages
                   WHERE session_id = ?1 AND rowid > ?2 LIMIT ?3)";
        let sums = self.first(sql, params![session_id, rowid, rows_max], |row| {
            Ok((row.get::<_, i64>(0)?.max(0) as u64, row.get::<_, i64>(1)?.max(0) as u64))
        })?;
        Ok(sums.unwrap_or_default())
    }

    /// Row id and id of the last message at or before a row id.
    pub fn message_at_or_before(&self, rowid: i64) -> Result<Option<(i64, String)>, Error> {
        let sql = "SELECT rowid, id FROM messages WHERE rowid <= ?1 ORDER BY rowid DESC LIMIT 1";
        self.first(sql, [rowid], |row| Ok((row.get(0)?, text(row, 1)?.unwrap_or_default())))
    }

    /// Sessions with messages after a row id, each with its highest row id.
    pub fn sessions_after(&self, rowid: i64) -> Result<Vec<(String, i64)>, Error> {
        let mut highest: HashMap<String, i64> = HashMap::new();
        let sql = "SELECT rowid, session_id FROM messages WHERE rowid > ?1 ORDER BY rowid";
        self.for_each(sql, [rowid], |row| {
            if let Some(session) = text(row, 1)? {
                highest.insert(session, row.get(0)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(highest.into_iter().collect())
    }

    /// Other sessions that hold messages of a session, or continue them: a resumed session copies the lines of the earlier one.
    pub fn related_sessions(&self, session_id: &str) -> Result<Vec<String>, Error> {
        let parent = |alias: &str| self.source.schema.or_null("messages", alias, "parent_id");
        let (of_message, of_other) = (parent("m."), parent("o."));
        let sql = format!(
            "SELECT o.session_id FROM messages m JOIN messages o ON o.id = m.id WHERE m.session_id = ?1 AND o.session_id <> ?1
             UNION SELECT o.session_id FROM messages m JOIN messages o ON o.id = {of_message}
             WHERE m.session_id = ?1 AND o.session_id <> ?1
             UNION SELECT o.session_id FROM messages m JOIN messages o ON {of_other} = m.id
             WHERE m.session_id = ?1 AND o.session_id <> ?1 ORDER BY 1"
        );
        let mut sessions = Vec::new();
        self.for_each(&sql, [session_id], |row| {
            sessions.extend(text(row, 0)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(sessions)
    }

    /// Row ids of a session's messages after a row id, in order.
    pub fn rowids_after(&self, session_id: &str, rowid: i64, rows_max: usize) -> Result<Vec<i64>, Error> {
        let mut rowids = Vec::new();
        let sql = "SELECT rowid FROM messages WHERE session_id = ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3";
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        self.for_each(sql, params![session_id, rowid, rows_max], |row| {
            rowids.push(row.get(0)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rowids)
    }

    /// Visits the messages of a session after a row id, in the order in which han inserted them, until `visit` breaks.
    pub fn messages_after(
        &self,
        session_id: &str,
        rowid: i64,
        mut visit: impl FnMut(MessageRow) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let select = &self.source.select_messages;
        let sql = format!("{select} WHERE session_id = ?1 AND rowid > ?2 ORDER BY rowid");
        self.for_each(&sql, params![session_id, rowid], |row| Ok(visit(MessageRow::read(row)?)))
    }

    /// Visits a message of a session by its row id, where it exists.
    pub fn message(
        &self,
        session_id: &str,
        rowid: i64,
        mut visit: impl FnMut(MessageRow) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let select = &self.source.select_messages;
        let sql = format!("{select} WHERE rowid = ?1 AND session_id = ?2");
        self.for_each(&sql, params![rowid, session_id], |row| Ok(visit(MessageRow::read(row)?)))
    }

    /// Reports whether han inserted the same line before under another made-up id: same session, stream, line number, type
    /// and raw JSON, and an id that is not in its raw JSON either.
    pub fn has_earlier_duplicate(&self, session_id: &str, row: &MessageRow) -> Result<bool, Error> {
        let schema = &self.source.schema;
        let file_type = schema.or_null("messages", "", "source_file_type");
        let agent = schema.or_null("messages", "", "agent_id");
        let sql = format!(
            "SELECT 1 FROM messages WHERE session_id = ?1 AND line_number = ?2 AND rowid < ?3 AND message_type = ?4
             AND coalesce({file_type}, 'main') = ?5 AND {agent} IS ?6 AND coalesce(raw_json, '') = ?7
             AND instr(coalesce(raw_json, ''), id) = 0 LIMIT 1"
        );
        let parameters = params![
            session_id,
            row.message.line_number,
            row.rowid,
            row.message.message_type,
            row.source_file_type.as_deref().unwrap_or("main"),
            row.message.agent_id,
            row.raw_json.as_deref().unwrap_or(""),
        ];
        Ok(self.first(&sql, parameters, |_| Ok(()))?.is_some())
    }

    /// Time of the nearest row of a session before a row id, or else after it, whose time `is_time`.
    pub fn nearest_time(
        &self,
        session_id: &str,
        rowid: i64,
        is_time: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, Error> {
        let mut found = None;
        for condition in ["rowid < ?2 ORDER BY rowid DESC", "rowid > ?2 ORDER BY rowid"] {
            let sql = format!("SELECT timestamp FROM messages WHERE session_id = ?1 AND {condition}");
            self.for_each(&sql, params![session_id, rowid], |row| {
                found = text(row, 0)?.filter(|time| is_time(time));
                Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if found.is_some() {
                break;
            }
        }
        Ok(found)
    }

    /// Visits the tasks of all sessions, ordered by session; their texts only if asked for.
    pub fn tasks(&self, include_content: bool, visit: impl FnMut(TaskRow)) -> Result<(), Error> {
        self.visit_tasks("ORDER BY session_id", [], include_content, visit)
    }

    /// Highest row id of a task, 0 for none.
    pub fn last_task(&self) -> Result<i64, Error> {
        match self.source.schema.has_tasks() {
            true => self.integer("SELECT coalesce(max(rowid), 0) FROM native_tasks", []),
            false => Ok(0),
        }
    }

    /// The tasks of one session, ordered by id.
    pub fn tasks_of(&self, session_id: &str, include_content: bool) -> Result<Vec<TaskRow>, Error> {
        let mut tasks = Vec::new();
        let condition = "WHERE session_id = ?1 ORDER BY id";
        self.visit_tasks(condition, [session_id], include_content, |task| tasks.push(task))?;
        Ok(tasks)
    }

    fn visit_tasks(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
        include_content: bool,
        mut visit: impl FnMut(TaskRow),
    ) -> Result<(), Error> {
        if !self.source.schema.has_tasks() {
            return Ok(());
        }
        let sql = format!("{} {condition}", TaskRow::select(include_content));
        self.for_each(&sql, parameters, |row| {
            visit(TaskRow::read(row)?);
            Ok(ControlFlow::Continue(()))
        })
    }

    /// The transcripts of the sessions that han has stored last.
    pub fn recent_transcripts(&self) -> Result<Vec<IndexedTranscript>, Error> {
        let schema = &self.source.schema;
        let column = |name| schema.or_null("sessions", "s.", name);
        let sql = format!(
            "SELECT s.id, {}, {} FROM sessions s ORDER BY s.rowid DESC LIMIT {RECENT_SESSIONS}",
            column("transcript_path"),
            column("last_indexed_line"),
        );
        let mut transcripts = Vec::new();
        self.for_each(&sql, [], |row| {
            if let Some(path) = text(row, 1)?.filter(|path| path.starts_with('/')) {
                let session_id = text(row, 0)?.unwrap_or_default();
                let last_line = integer(row, 2)?.unwrap_or(0);
                transcripts.push(IndexedTranscript { session_id, path, last_line });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(transcripts)
    }

    /// The transcript of a session at a path, whether han knows the session or not.
    pub fn transcript_at(&self, session_id: String, path: String) -> Result<IndexedTranscript, Error> {
        let last_line = self.source.schema.or_null("sessions", "", "last_indexed_line");
        let sql = format!("SELECT {last_line} FROM sessions WHERE id = ?1");
        let last_line = self.first(&sql, [&session_id], |row| integer(row, 0))?.flatten().unwrap_or(0);
        Ok(IndexedTranscript { session_id, path, last_line })
    }

    /// Number of lines of a transcript that han may have read at most, and the time at which it stored the last row of the
    /// session. Lines are counted from 0; han's own note of the last one can count from 0 or from 1, and the last lines of a
    /// file may have no row.
    pub fn indexed_lines(&self, transcript: &IndexedTranscript) -> Result<(i64, Option<String>), Error> {
        let schema = &self.source.schema;
        let file_type = schema.or_null("messages", "", "source_file_type");
        let agent = schema.or_null("messages", "", "agent_id");
        let indexed_at = schema.or_null("messages", "", "indexed_at");
        let sql = format!(
            "SELECT max(line_number) FROM messages WHERE session_id = ?1
             AND coalesce({file_type}, 'main') = 'main' AND {agent} IS NULL"
        );
        let last_row = self.first(&sql, [&transcript.session_id], |row| integer(row, 0))?.flatten();
        let of_rows = last_row.map_or(0, |line| line.saturating_add(1));
        let last_line = transcript.last_line;
        let lines = if last_line > of_rows { last_line.saturating_add(1) } else { of_rows };
        let sql = format!(
            "SELECT coalesce({indexed_at}, timestamp) FROM messages WHERE session_id = ?1 ORDER BY rowid DESC LIMIT 1"
        );
        let indexed_at = self.first(&sql, [&transcript.session_id], |row| text(row, 0))?.flatten();
        Ok((lines, indexed_at))
    }

    /// Times of the first and the last message of the sessions that han has stored last.
    pub fn recent_session_times(&self) -> Result<Vec<(String, String)>, Error> {
        let time = |order: &str| {
            format!("(SELECT timestamp FROM messages WHERE session_id = s.id ORDER BY rowid {order} LIMIT 1)")
        };
        let sql = format!(
            "SELECT {}, {} FROM sessions s ORDER BY s.rowid DESC LIMIT {RECENT_SESSIONS}",
            time("ASC"),
            time("DESC")
        );
        let mut times = Vec::new();
        self.for_each(&sql, [], |row| {
            times.extend(text(row, 0)?.zip(text(row, 1)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(times)
    }

    fn integer(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<i64, Error> {
        Ok(self.first(sql, parameters, |row| row.get(0))?.unwrap_or_default())
    }
}
