//! Rows of han's sessions, messages and tasks.
//!
//! A row holds what the database holds; nothing is decided or withheld here. Values of an unexpected type are converted,
//! and read as null where that is impossible.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::exporter::source::schema::SourceSchema;
use crate::protocol::message::{
    COLUMNS, ColumnKind, ColumnSource, FieldValue, MessageColumn, NUMBER_MAX, SyncMessage,
};
use crate::protocol::{stable_message_id, stream_name};

/// A session's own fields, with those of its project and repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionRow {
    /// Id of the session.
    pub id: String,
    /// Status, as the source has it.
    pub status: Option<String>,
    /// Short name of the session, where it has one.
    pub slug: Option<String>,
    /// Coding agent, as han names it.
    pub harness: Option<String>,
    /// Number of the pull request.
    pub pr_number: Option<i64>,
    /// Address of the pull request.
    pub pr_url: Option<String>,
    /// Name of the team.
    pub team_name: Option<String>,
    /// The project's folder.
    pub project_path: Option<String>,
    /// The repository's remote, as han has it.
    pub remote: Option<String>,
}

impl SessionRow {
    /// `SELECT … FROM …` of the columns in the order of [`SessionRow::read`].
    pub(super) fn select(schema: &SourceSchema) -> String {
        let optional = |column| schema.or_null("sessions", "s.", column);
        format!(
            "SELECT s.id, {}, {}, {}, p.path, r.remote, {}, {}, {} FROM sessions s
             LEFT JOIN projects p ON p.id = s.project_id LEFT JOIN repos r ON r.id = p.repo_id",
            optional("status"),
            optional("slug"),
            optional("harness"),
            optional("pr_number"),
            optional("pr_url"),
            optional("team_name"),
        )
    }

    pub(super) fn read(row: &Row) -> rusqlite::Result<SessionRow> {
        Ok(SessionRow {
            id: text(row, 0)?.unwrap_or_default(),
            status: text(row, 1)?,
            slug: text(row, 2)?,
            harness: text(row, 3)?,
            project_path: text(row, 4)?,
            remote: text(row, 5)?,
            pr_number: integer(row, 6)?,
            pr_url: text(row, 7)?,
            team_name: text(row, 8)?,
        })
    }
}

/// A row of `messages`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessageRow<'r> {
    /// Row id, which grows with insertion.
    pub rowid: i64,
    /// Kind of transcript that the row comes from.
    pub source_file_type: Option<String>,
    /// Borrowed from the database's page where it need not be repaired.
    pub raw_json: Option<Cow<'r, str>>,
    /// The message as far as han's columns hold it; derived columns are empty.
    pub message: SyncMessage,
}

impl<'r> MessageRow<'r> {
    /// `SELECT … FROM messages` of the columns in the order of [`MessageRow::read`].
    pub(super) fn select(schema: &SourceSchema) -> String {
        let mut sql =
            format!("SELECT rowid, raw_json, {}", schema.or_null("messages", "", "source_file_type"));
        for (_, column) in han_columns() {
            sql.push_str(", ");
            sql.push_str(&schema.or_null("messages", "", column));
        }
        sql + " FROM messages"
    }

    pub(super) fn read(row: &'r Row) -> rusqlite::Result<MessageRow<'r>> {
        let mut message = SyncMessage::default();
        for (index, (column, _)) in (3..).zip(han_columns()) {
            let value = match column.kind {
                ColumnKind::Text => text(row, index)?.map(FieldValue::Text),
                ColumnKind::Integer => integer(row, index)?.map(FieldValue::Integer),
                ColumnKind::Boolean => integer(row, index)?.map(|flag| FieldValue::Boolean(flag != 0)),
            };
            (column.set)(&mut message, value.unwrap_or(FieldValue::Null));
        }
        Ok(MessageRow {
            rowid: row.get(0)?,
            raw_json: borrowed_text(row, 1)?,
            source_file_type: text(row, 2)?,
            message,
        })
    }

    /// Name of the source stream.
    pub fn stream(&self) -> String {
        stream_name(self.source_file_type.as_deref(), self.message.agent_id.as_deref())
    }

    /// True if the id comes from the transcript. Otherwise han made it up, and makes up another one at each re-index.
    pub fn has_own_id(&self) -> bool {
        let id = self.message.id.as_bytes();
        // A needle of so few bytes needs no preparation, and matches hardly anything but the whole id.
        let head = &id[..id.len().min(16)];
        let contains_id = |raw: &str| {
            let raw = raw.as_bytes();
            memchr::memmem::find_iter(raw, head).any(|at| raw[at..].starts_with(id))
        };
        self.raw_json.as_deref().is_some_and(contains_id)
    }

    /// Id that stays the same when han indexes the row again; the id on the wire of a row without an id of its own.
    pub fn stable_id(&self, session_id: &str) -> String {
        let raw_json = self.raw_json.as_deref().unwrap_or_default();
        let message = &self.message;
        stable_message_id(session_id, &self.stream(), message.line_number, &message.message_type, raw_json)
    }
}

/// Columns of a message that han's table holds, each with its name there.
fn han_columns() -> impl Iterator<Item = (&'static MessageColumn, &'static str)> {
    COLUMNS.iter().filter_map(|column| match column.source {
        ColumnSource::Han(name) => Some((column, name)),
        ColumnSource::Derived => None,
    })
}

/// A row of `native_tasks`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskRow {
    /// Id of the task.
    pub id: String,
    /// Id of the session.
    pub session_id: String,
    /// Title of the task.
    pub subject: String,
    /// Text of the task.
    pub description: Option<String>,
    /// Status, as the source has it.
    pub status: String,
    /// Time of creation.
    pub created_at: String,
    /// Time of the last change.
    pub updated_at: String,
}

impl TaskRow {
    /// `SELECT … FROM native_tasks` of the columns in the order of [`TaskRow::read`]; without content the texts are null.
    pub(super) fn select(include_content: bool) -> String {
        let texts = if include_content { "subject, description" } else { "NULL, NULL" };
        format!("SELECT id, session_id, {texts}, status, created_at, updated_at FROM native_tasks")
    }

    pub(super) fn read(row: &Row) -> rusqlite::Result<TaskRow> {
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

/// Reads a column as text, whatever type SQLite stored.
pub(super) fn text(row: &Row, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(borrowed_text(row, index)?.map(Cow::into_owned))
}

/// Reads a column as [`text`], without a copy where SQLite stored valid text.
pub(super) fn borrowed_text<'r>(row: &'r Row, index: usize) -> rusqlite::Result<Option<Cow<'r, str>>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => None,
        // The check is many times as fast as the repair.
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        }),
        ValueRef::Integer(value) => Some(value.to_string().into()),
        ValueRef::Real(value) => Some(value.to_string().into()),
    })
}

/// Reads a column as an integer that fits the wire; anything else is null.
pub(super) fn integer(row: &Row, index: usize) -> rusqlite::Result<Option<i64>> {
    let value = match row.get_ref(index)? {
        ValueRef::Integer(value) => Some(value),
        ValueRef::Real(value) if value.fract() == 0.0 && value.abs() <= NUMBER_MAX as f64 => {
            Some(value as i64)
        }
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok()),
        _ => None,
    };
    Ok(value.filter(|value| value.unsigned_abs() <= NUMBER_MAX as u64))
}
