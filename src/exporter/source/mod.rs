//! han's database, opened read-only, and the few questions that are asked of it.
//!
//! Every question is asked inside a `Snapshot`, one read transaction; no snapshot may live across a network wait.
//! Columns that an older database lacks read as null. Text that is not UTF-8 is repaired, never refused.

mod digest;
mod files;
pub mod rebuild;

pub use crate::exporter::source::files::{file_identity, signature};

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::source::files::look_at;

/// han's writer holds its exclusive lock for moments only (recovery, a checkpoint at close).
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Pages that a connection keeps: most are read once, and pages that are used again stay in the processor's cache.
const CACHE_PAGES: i64 = 64;
/// Larger integers do not survive JSON in other languages.
const INTEGER_MAX: i64 = 1 << 53;
/// An open source database.
pub struct Source {
    connection: Connection,
    columns: Columns,
    /// Columns of a message, in the order of [`MessageRow::read`].
    message_columns: String,
}

/// Which optional columns and tables there are.
#[derive(Debug, Default)]
struct Columns {
    tables: HashMap<String, Vec<String>>,
}

impl Columns {
    fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.iter().any(|name| name == column))
    }

    /// The column, or null where the table lacks it.
    fn or_null(&self, table: &str, alias: &str, column: &str) -> String {
        if self.has(table, column) { format!("{alias}{column}") } else { "NULL".to_owned() }
    }
}

/// What every han database has; without one of these, it is something else.
const REQUIRED: [(&str, &[&str]); 4] = [
    ("repos", &["id", "remote"]),
    ("projects", &["id", "repo_id", "path"]),
    ("sessions", &["id", "project_id"]),
    ("messages", &["id", "session_id", "message_type", "raw_json", "timestamp", "line_number"]),
];

const TASK_COLUMNS: [&str; 7] =
    ["id", "session_id", "subject", "description", "status", "created_at", "updated_at"];

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Source").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens han's database without being able to change it.
    ///
    /// # Errors
    /// [`ExitCode::NoSource`] where there is none or it is not han's; [`ExitCode::TryAgain`] while it is locked.
    pub fn open(path: &Path) -> Result<Source, Error> {
        let shown = path.display();
        let no_source = |why: String| Error::new(ExitCode::NoSource, why);
        if !look_at(path)?.is_file() {
            return Err(no_source(format!("{shown} is no file; point --db or HAN_DB at han's database")));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| not_usable(path, &error))?;
        connection.busy_timeout(BUSY_WAIT).context("cannot set the busy time-out")?;
        // Else SQLite plans a statement anew for each value that is bound to it, which takes longer than most answers.
        let is_set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
        let is_set = is_set.and_then(|_| connection.pragma_update(None, "cache_size", CACHE_PAGES));
        is_set.map_err(|error| not_usable(path, &error))?;
        let columns = Columns::read(&connection).map_err(|error| not_usable(path, &error))?;
        for (table, required) in REQUIRED {
            if let Some(missing) = required.iter().find(|column| !columns.has(table, column)) {
                return Err(no_source(format!(
                    "{shown} is no han database: it has no {table}.{missing}; point --db or HAN_DB at han's"
                )));
            }
        }
        let message_columns = MessageRow::columns(&columns);
        Ok(Source { connection, columns, message_columns })
    }

    /// Changes whenever another program has written; of no meaning to another connection. Not for use in a snapshot.
    pub fn version(&self) -> Result<i64, Error> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| self.unreadable(&error))
    }

    /// Begins a snapshot; it ends when dropped.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        let transaction = self.connection.unchecked_transaction().map_err(|error| self.unreadable(&error))?;
        Ok(Snapshot { source: self, _transaction: transaction })
    }

    fn unreadable(&self, error: &rusqlite::Error) -> Error {
        not_usable(Path::new(self.connection.path().unwrap_or_default()), error)
    }
}

impl Columns {
    fn read(connection: &Connection) -> rusqlite::Result<Columns> {
        let mut statement = connection.prepare(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name IN ('repos', 'projects', 'sessions', 'messages', 'native_tasks')",
        )?;
        let mut columns = Columns::default();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            columns.tables.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        Ok(columns)
    }
}

fn not_usable(path: &Path, error: &rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::new(
            ExitCode::NoSource,
            format!("{shown} is no SQLite database; point --db or HAN_DB at han's database"),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
            ExitCode::TryAgain,
            format!("{shown} is locked by another program ({error}); the next run tries again"),
        ),
        // SQLite says the same of a disk that cannot be read.
        Some(ErrorCode::DatabaseCorrupt) => Error::new(
            ExitCode::NoSource,
            format!(
                "{shown} or the disk below it is damaged ({error}); if the next run says so too, delete it and let han \
                 index again"
            ),
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::DiskFull) => Error::new(
            ExitCode::TryAgain,
            format!(
                "cannot read {shown} ({error}); the next run tries again; if it fails too, check the disk"
            ),
        ),
        _ => Error::new(
            ExitCode::NoSource,
            format!(
                "cannot read {shown} ({error}); check that this user may read it, and that its folder is not \
                 read-only: SQLite keeps -wal and -shm files there"
            ),
        ),
    }
}

/// One read transaction.
pub struct Snapshot<'a> {
    source: &'a Source,
    _transaction: rusqlite::Transaction<'a>,
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

/// A session's own fields, with what its project and repository say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionRow {
    pub id: String,
    pub status: Option<String>,
    pub slug: Option<String>,
    pub harness: Option<String>,
    /// The project's folder.
    pub project_path: Option<String>,
    /// The repository's remote, as han has it.
    pub remote: Option<String>,
}

/// One row of `messages`, with its raw JSON as it lies in the database's pages where it need not be repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageRow<'r> {
    pub rowid: i64,
    pub id: String,
    pub agent_id: Option<String>,
    pub parent_id: Option<String>,
    pub message_type: String,
    pub role: Option<String>,
    pub tool_name: Option<String>,
    pub raw_json: Option<Cow<'r, str>>,
    pub timestamp: String,
    pub line_number: i64,
    pub source_file_type: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    pub cache_creation_tokens: Option<i64>,
    pub lines_added: Option<i64>,
    pub lines_removed: Option<i64>,
    pub files_changed: Option<i64>,
}

/// One row of `native_tasks`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskRow {
    pub id: String,
    pub session_id: String,
    pub subject: String,
    pub description: Option<String>,
    pub status: String,
    pub created_at: String,
    pub updated_at: String,
}

impl Snapshot<'_> {
    fn connection(&self) -> &Connection {
        &self.source.connection
    }

    /// Runs a query and hands each row to `visit`, until it breaks.
    fn each(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        mut visit: impl FnMut(&Row) -> rusqlite::Result<ControlFlow<()>>,
    ) -> Result<(), Error> {
        let run = || -> rusqlite::Result<()> {
            let mut statement = self.connection().prepare_cached(sql)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if visit(row)?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        run().map_err(|error| self.source.unreadable(&error))
    }

    fn session_sql(&self, condition: &str) -> String {
        let columns = &self.source.columns;
        format!(
            "SELECT s.id, {status}, {slug}, {harness}, p.path, r.remote
             FROM sessions s LEFT JOIN projects p ON p.id = s.project_id LEFT JOIN repos r ON r.id = p.repo_id {condition}",
            status = columns.or_null("sessions", "s.", "status"),
            slug = columns.or_null("sessions", "s.", "slug"),
            harness = columns.or_null("sessions", "s.", "harness"),
        )
    }

    /// All sessions.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, Error> {
        let mut sessions = Vec::new();
        self.each(&self.session_sql(""), [], |row| {
            sessions.push(SessionRow::read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(sessions)
    }

    /// One session.
    pub fn session(&self, id: &str) -> Result<Option<SessionRow>, Error> {
        let mut found = None;
        self.each(&self.session_sql("WHERE s.id = ?1"), [id], |row| {
            found = Some(SessionRow::read(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Folder of every project, and the remote of its repository where it has one.
    pub fn project_folders(&self) -> Result<Vec<(String, Option<String>)>, Error> {
        let mut folders = Vec::new();
        let sql = "SELECT p.path, r.remote FROM projects p LEFT JOIN repos r ON r.id = p.repo_id";
        self.each(sql, [], |row| {
            if let Some(path) = text(row, 0)? {
                folders.push((path, text(row, 1)?));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(folders)
    }

    /// The highest rowid of `messages`, 0 for none.
    pub fn last_rowid(&self) -> Result<i64, Error> {
        self.single("SELECT coalesce(max(rowid), 0) FROM messages", [])
    }

    /// The highest rowid of a session's messages, 0 for none; one seek in an index.
    pub fn last_rowid_of(&self, session_id: &str) -> Result<i64, Error> {
        self.single("SELECT coalesce(max(rowid), 0) FROM messages WHERE session_id = ?1", [session_id])
    }

    /// How many messages of a session come after a rowid.
    pub fn count_after(&self, session_id: &str, rowid: i64) -> Result<u64, Error> {
        let count: i64 = self.single(
            "SELECT count(*) FROM messages WHERE session_id = ?1 AND rowid > ?2",
            params![session_id, rowid],
        )?;
        Ok(count.max(0) as u64)
    }

    /// The last message at or before a rowid: its rowid and id.
    pub fn message_at_or_before(&self, rowid: i64) -> Result<Option<(i64, String)>, Error> {
        let mut found = None;
        self.each(
            "SELECT rowid, id FROM messages WHERE rowid <= ?1 ORDER BY rowid DESC LIMIT 1",
            [rowid],
            |row| {
                found = Some((row.get(0)?, text(row, 1)?.unwrap_or_default()));
                Ok(ControlFlow::Break(()))
            },
        )?;
        Ok(found)
    }

    /// Sessions that have messages after a rowid, each with its highest; costs what is new.
    pub fn sessions_after(&self, rowid: i64) -> Result<Vec<(String, i64)>, Error> {
        let mut highest: HashMap<String, i64> = HashMap::new();
        self.each(
            "SELECT rowid, session_id FROM messages WHERE rowid > ?1 ORDER BY rowid",
            [rowid],
            |row| {
                if let Some(session) = text(row, 1)? {
                    highest.insert(session, row.get(0)?);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(highest.into_iter().collect())
    }

    /// Messages of a session after a rowid, in the order in which han stored them, until `visit` breaks.
    pub fn messages_after(
        &self,
        session_id: &str,
        rowid: i64,
        mut visit: impl FnMut(MessageRow) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let sql = format!(
            "SELECT {} FROM messages WHERE session_id = ?1 AND rowid > ?2 ORDER BY rowid",
            self.source.message_columns
        );
        self.each(&sql, params![session_id, rowid], |row| Ok(visit(MessageRow::read(row)?)))
    }

    /// One message of a session, where it is there.
    pub fn message(
        &self,
        session_id: &str,
        rowid: i64,
        mut visit: impl FnMut(MessageRow) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let sql = format!(
            "SELECT {} FROM messages WHERE rowid = ?1 AND session_id = ?2",
            self.source.message_columns
        );
        self.each(&sql, params![rowid, session_id], |row| Ok(visit(MessageRow::read(row)?)))
    }

    /// Whether han stored the same line before, under another random id: same session, stream, line, type and raw JSON,
    /// and an id that is not in its raw JSON either.
    pub fn has_earlier_twin(&self, session_id: &str, row: &MessageRow) -> Result<bool, Error> {
        let columns = &self.source.columns;
        let kind = columns.or_null("messages", "", "source_file_type");
        let agent = columns.or_null("messages", "", "agent_id");
        let sql = format!(
            "SELECT 1 FROM messages WHERE session_id = ?1 AND line_number = ?2 AND rowid < ?3 AND message_type = ?4
             AND coalesce({kind}, 'main') = ?5 AND {agent} IS ?6 AND coalesce(raw_json, '') = ?7
             AND instr(coalesce(raw_json, ''), id) = 0 LIMIT 1"
        );
        let mut found = false;
        let parameters = params![
            session_id,
            row.line_number,
            row.rowid,
            row.message_type,
            row.source_file_type.as_deref().unwrap_or("main"),
            row.agent_id,
            row.raw_json.as_deref().unwrap_or(""),
        ];
        self.each(&sql, parameters, |_| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The tasks of all sessions, without their texts unless asked for, ordered by session.
    pub fn tasks(&self, with_text: bool, visit: impl FnMut(TaskRow)) -> Result<(), Error> {
        self.visit_tasks("ORDER BY session_id", [], with_text, visit)
    }

    /// The tasks of one session, ordered by id.
    pub fn tasks_of(&self, session_id: &str, with_text: bool) -> Result<Vec<TaskRow>, Error> {
        let mut tasks = Vec::new();
        self.visit_tasks("WHERE session_id = ?1 ORDER BY id", [session_id], with_text, |task| {
            tasks.push(task);
        })?;
        Ok(tasks)
    }

    fn visit_tasks(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
        with_text: bool,
        mut visit: impl FnMut(TaskRow),
    ) -> Result<(), Error> {
        let columns = &self.source.columns;
        // A han that knows no tasks yet.
        if !TASK_COLUMNS.iter().all(|column| columns.has("native_tasks", column)) {
            return Ok(());
        }
        let texts = if with_text { "subject, description" } else { "NULL, NULL" };
        let sql = format!(
            "SELECT id, session_id, {texts}, status, created_at, updated_at FROM native_tasks {condition}"
        );
        self.each(&sql, parameters, |row| {
            visit(TaskRow::read(row)?);
            Ok(ControlFlow::Continue(()))
        })
    }

    /// When the first message of a session after a rowid was indexed, or else written.
    pub fn first_seen_after(&self, session_id: &str, rowid: i64) -> Result<Option<String>, Error> {
        let indexed = self.source.columns.or_null("messages", "", "indexed_at");
        let sql = format!(
            "SELECT coalesce({indexed}, timestamp) FROM messages WHERE session_id = ?1 AND rowid > ?2 ORDER BY rowid LIMIT 1"
        );
        let mut found = None;
        self.each(&sql, params![session_id, rowid], |row| {
            found = text(row, 0)?;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    fn single(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<i64, Error> {
        let run = || -> rusqlite::Result<Option<i64>> {
            let mut statement = self.connection().prepare_cached(sql)?;
            statement.query_row(parameters, |row| row.get(0)).optional()
        };
        run().map(Option::unwrap_or_default).map_err(|error| self.source.unreadable(&error))
    }
}

impl SessionRow {
    fn read(row: &Row) -> rusqlite::Result<SessionRow> {
        Ok(SessionRow {
            id: text(row, 0)?.unwrap_or_default(),
            status: text(row, 1)?,
            slug: text(row, 2)?,
            harness: text(row, 3)?,
            project_path: text(row, 4)?,
            remote: text(row, 5)?,
        })
    }
}

impl<'r> MessageRow<'r> {
    fn columns(columns: &Columns) -> String {
        let optional = |column| columns.or_null("messages", "", column);
        [
            "rowid".to_owned(),
            "id".to_owned(),
            optional("agent_id"),
            optional("parent_id"),
            "message_type".to_owned(),
            optional("role"),
            optional("tool_name"),
            "raw_json".to_owned(),
            "timestamp".to_owned(),
            "line_number".to_owned(),
            optional("source_file_type"),
            optional("input_tokens"),
            optional("output_tokens"),
            optional("cache_read_tokens"),
            optional("cache_creation_tokens"),
            optional("lines_added"),
            optional("lines_removed"),
            optional("files_changed"),
        ]
        .join(", ")
    }

    fn read(row: &'r Row) -> rusqlite::Result<MessageRow<'r>> {
        Ok(MessageRow {
            rowid: row.get(0)?,
            id: text(row, 1)?.unwrap_or_default(),
            agent_id: text(row, 2)?,
            parent_id: text(row, 3)?,
            message_type: text(row, 4)?.unwrap_or_default(),
            role: text(row, 5)?,
            tool_name: text(row, 6)?,
            raw_json: text_in_place(row, 7)?,
            timestamp: text(row, 8)?.unwrap_or_default(),
            line_number: integer(row, 9)?.unwrap_or_default(),
            source_file_type: text(row, 10)?,
            input_tokens: integer(row, 11)?,
            output_tokens: integer(row, 12)?,
            cache_read_tokens: integer(row, 13)?,
            cache_creation_tokens: integer(row, 14)?,
            lines_added: integer(row, 15)?,
            lines_removed: integer(row, 16)?,
            files_changed: integer(row, 17)?,
        })
    }

    /// Whether the id comes from the transcript. If not, han gave the row a random one, and a new one at each re-index.
    pub fn has_own_id(&self) -> bool {
        let id = self.id.as_bytes();
        // The search for so few bytes needs no preparation, and finds hardly anything but the whole id.
        let head = &id[..id.len().min(16)];
        let holds = |raw: &str| {
            let raw = raw.as_bytes();
            memchr::memmem::find_iter(raw, head).any(|at| raw[at..].starts_with(id))
        };
        self.raw_json.as_deref().is_some_and(holds)
    }
}

impl TaskRow {
    fn read(row: &Row) -> rusqlite::Result<TaskRow> {
        Ok(TaskRow {
            id: text(row, 0)?.unwrap_or_default(),
            session_id: text(row, 1)?.unwrap_or_default(),
            subject: text(row, 2)?.unwrap_or_default(),
            description: text(row, 3)?,
            status: text(row, 4)?.unwrap_or_default(),
            created_at: text(row, 5)?.unwrap_or_default(),
            updated_at: text(row, 6)?.unwrap_or_default(),
        })
    }
}

/// A column as text, whatever type SQLite stored it as.
fn text(row: &Row, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(text_in_place(row, index)?.map(Cow::into_owned))
}

/// The same without a copy, where it is text.
fn text_in_place<'r>(row: &'r Row, index: usize) -> rusqlite::Result<Option<Cow<'r, str>>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => None,
        // Asking first is many times as fast as repairing what needs no repair.
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        }),
        ValueRef::Integer(value) => Some(value.to_string().into()),
        ValueRef::Real(value) => Some(value.to_string().into()),
    })
}

/// A column as an integer that fits the wire; anything else reads as null.
fn integer(row: &Row, index: usize) -> rusqlite::Result<Option<i64>> {
    let value = match row.get_ref(index)? {
        ValueRef::Integer(value) => Some(value),
        ValueRef::Real(value) if value.fract() == 0.0 && value.abs() < INTEGER_MAX as f64 => {
            Some(value as i64)
        }
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok()),
        _ => None,
    };
    Ok(value.filter(|value| value.unsigned_abs() < INTEGER_MAX as u64))
}
