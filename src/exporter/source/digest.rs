//! One number for everything in the source but its messages: whether it is still as it was, at the cost of reading it.

use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;

use foldhash::fast::FixedState;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{Snapshot, TASK_COLUMNS};
use crate::exporter::error::Error;

impl Snapshot<'_> {
    /// Stands for all that the source says of sessions, projects and repositories, as far as a run goes by it.
    pub fn digest_of_sessions(&self) -> Result<u64, Error> {
        let column = |name| self.source.columns.or_null("sessions", "", name);
        let (status, slug, harness) = (column("status"), column("slug"), column("harness"));
        self.digest(&[
            &format!("SELECT id, project_id, {status}, {slug}, {harness} FROM sessions"),
            "SELECT id, repo_id, path FROM projects",
            "SELECT id, remote FROM repos",
        ])
    }

    /// Stands for all tasks as far as they are sent, their words only `with_text`. A task is known by its rowid: han
    /// writes a task anew, or changes it together with its time.
    pub fn digest_of_tasks(&self, with_text: bool) -> Result<u64, Error> {
        if !TASK_COLUMNS.iter().all(|column| self.source.columns.has("native_tasks", column)) {
            return self.digest(&[]);
        }
        let texts = if with_text { ", subject, description" } else { "" };
        self.digest(&[&format!("SELECT rowid, status, updated_at{texts} FROM native_tasks")])
    }

    /// Equal while the answers are; of no meaning to another program.
    fn digest(&self, queries: &[&str]) -> Result<u64, Error> {
        let mut hasher = FixedState::default().build_hasher();
        for query in queries {
            let (mut rows, mut bytes) = (0, Vec::new());
            self.each(query, [], |row| {
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

/// Writes a row so that no other row is written alike.
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
