//! One number for everything in the source but its messages: whether it is still as it was, at the cost of reading it.

use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;

use foldhash::fast::FixedState;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{Snapshot, TASK_COLUMNS};
use crate::exporter::exit::Stop;

impl Snapshot<'_> {
    /// Stands for all that the source says of sessions, projects and repositories, as far as a run goes by it.
    pub fn digest_of_sessions(&self) -> Result<u64, Stop> {
        let column = |name| self.source.columns.or_null("sessions", "", name);
        let (status, slug, harness) = (column("status"), column("slug"), column("harness"));
        self.digest(&[
            &format!("SELECT id, project_id, {status}, {slug}, {harness} FROM sessions"),
            "SELECT id, repo_id, path FROM projects",
            "SELECT id, remote FROM repos",
        ])
    }

    /// Stands for all tasks as far as they are sent, their words only `with_text`.
    pub fn digest_of_tasks(&self, with_text: bool) -> Result<u64, Stop> {
        if !TASK_COLUMNS.iter().all(|column| self.source.columns.has("native_tasks", column)) {
            return self.digest(&[]);
        }
        let texts = if with_text { ", subject, description" } else { "" };
        self.digest(&[&format!(
            "SELECT id, session_id, status, created_at, updated_at{texts} FROM native_tasks"
        )])
    }

    /// Equal while the answers are; of no meaning to another program.
    fn digest(&self, queries: &[&str]) -> Result<u64, Stop> {
        let mut hasher = FixedState::default().build_hasher();
        for query in queries {
            let mut rows = 0;
            self.each(query, [], |row| {
                hash_row(row, &mut hasher)?;
                rows += 1;
                Ok(ControlFlow::Continue(()))
            })?;
            hasher.write_u64(rows);
        }
        Ok(hasher.finish())
    }
}

fn hash_row(row: &Row, hasher: &mut impl Hasher) -> rusqlite::Result<()> {
    for index in 0..row.as_ref().column_count() {
        match row.get_ref(index)? {
            ValueRef::Null => hasher.write_u64(u64::MAX),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                hasher.write_u64(bytes.len() as u64);
                hasher.write(bytes);
            }
            ValueRef::Integer(value) => hasher.write_i64(value),
            ValueRef::Real(value) => hasher.write_u64(value.to_bits()),
        }
    }
    Ok(())
}
