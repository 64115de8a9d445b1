//! Changes of han's database beyond the fixtures: rows by kind, a copy over the same file, other schemas.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::action::Rows;
use crate::support::han_db::{HanDb, Row, Stream, conditions, schema};

/// Rows that an insertion stores, about.
pub const ROWS: usize = 5;
/// Bytes of a message that is large here.
const BIG_BYTES: usize = 20_000;
/// A key that must never be on a wire.
pub const SECRET: &str = "ghp_x7Kq2mV9tR4wB8nZ1cY5dF3gH6jL0pS2aQ8e";

/// Stores rows of a kind in a session.
pub fn insert(db: &HanDb, session: &str, rows: Rows) {
    let condition = match rows {
        Rows::Ordinary => conditions::ordinary,
        Rows::Streams => conditions::several_streams,
        Rows::Shared => conditions::shared_line_numbers,
        Rows::Late => conditions::late_low_lines,
        Rows::WithoutUuid => conditions::rows_without_uuid,
        Rows::Usage => conditions::repeated_usage,
        Rows::Nulls => conditions::null_fields,
        Rows::Odd => conditions::odd_text,
        Rows::NotUuids => conditions::non_uuid_ids,
        Rows::Timestamps => conditions::timestamps,
        Rows::Resumed => conditions::resumed_session,
        Rows::Tasks => conditions::tasks,
        Rows::Big | Rows::Secret | Rows::One => {
            let text = match rows {
                Rows::Big => db.make(|m| m.corpus.prose(&mut m.rng, BIG_BYTES)),
                Rows::Secret => format!("the key is {SECRET} and must stay here"),
                _ => "one more".to_owned(),
            };
            let line = db.next_line(session, &Stream::Main);
            let row: Row = db.make(|m| m.user_saying(session, &Stream::Main, line, &text));
            db.message(&row);
            return;
        }
    };
    condition(db, session, ROWS);
}

/// A copy over the same file.
pub fn restore_in_place(db: HanDb, copy: &Path) -> PathBuf {
    let path = db.close();
    fs::copy(copy, &path).unwrap();
    path
}

/// Takes away the columns that an older han does not have, or adds them again.
pub fn with_schema(db: HanDb, older: bool) -> PathBuf {
    let path = db.close();
    let conn = Connection::open(&path).unwrap();
    let is_older = conn.prepare("SELECT harness FROM sessions").is_err();
    if older && !is_older {
        conn.execute_batch(&schema::drop_new_columns()).unwrap();
    } else if !older && is_older {
        for (table, columns) in schema::NEW_COLUMNS {
            for column in *columns {
                let kind = if *table == "messages" { "INTEGER" } else { "TEXT" };
                conn.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}")).unwrap();
            }
        }
    }
    path
}
