//! Fingerprints of everything in the source but its messages, at the cost of reading it.
//!
//! Equal fingerprints mean equal rows, as far as a run goes by them; a fingerprint has no meaning to another program.

use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;

use foldhash::fast::FixedState;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::exporter::error::Error;
use crate::exporter::source::connection::Snapshot;

impl Snapshot<'_> {
    /// Fingerprint of sessions, projects and repositories.
    pub fn sessions_fingerprint(&self) -> Result<u64, Error> {
        let column = |name| self.source.schema.or_null("sessions", "", name);
        let columns =
            ["status", "slug", "harness", "pr_number", "pr_url", "team_name"].map(column).join(", ");
        self.fingerprint(&[
            &format!("SELECT id, project_id, {columns} FROM sessions"),
            "SELECT id, repo_id, path FROM projects",
            "SELECT id, remote FROM repos",
        ])
    }

    /// Fingerprint of all tasks as far as they are sent. A row id stands for a task: han inserts a task anew, or changes it
    /// together with its time.
    pub fn tasks_fingerprint(&self, include_content: bool) -> Result<u64, Error> {
        if !self.source.schema.has_tasks() {
            return self.fingerprint(&[]);
        }
        let texts = if include_content { ", subject, description" } else { "" };
        self.fingerprint(&[&format!("SELECT rowid, status, updated_at{texts} FROM native_tasks")])
    }

    fn fingerprint(&self, queries: &[&str]) -> Result<u64, Error> {
        let mut hasher = FixedState::default().build_hasher();
        for query in queries {
            let (mut rows, mut bytes) = (0, Vec::new());
            self.for_each(query, [], |row| {
                bytes.clear();
                write_row(row, &mut bytes)?;
                hasher.write(&bytes);
                rows += 1;
                Ok(ControlFlow::Continue(()))
            })?;
            hasher.write_u64(rows);
        }
        Ok(hasher.finish())
    }
}

/// Writes a row unambiguously: each value with its type and length.
fn write_row(row: &Row, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    for index in 0..row.as_ref().column_count() {
        let (kind, value): (u8, &[u8]) = match row.get_ref(index)? {
            ValueRef::Null => (0, &[]),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => (1, bytes),
            ValueRef::Integer(value) => (2, &value.to_le_bytes()),
            ValueRef::Real(value) => (3, &value.to_le_bytes()),
        };
        out.push(kind);
        out.extend_from_slice(&value.len().to_le_bytes());
        out.extend_from_slice(value);
    }
    Ok(())
}
