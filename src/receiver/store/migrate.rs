//! The schema's history: numbered files, applied in order, each once, under a lock.
//!
//! Invariant: a file that was released is never edited; a change is a new file with the next number.

use super::db::{Result, StoreError};

/// One numbered file.
pub struct Migration {
    pub number: i64,
    pub name: &'static str,
    pub sql: &'static str,
    /// What SQLite has no notion of: roles, row-level security.
    pub postgres_only: bool,
}

/// All of them, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "schema",
        sql: include_str!("migrations/0001_schema.sql"),
        postgres_only: false,
    },
    Migration {
        number: 2,
        name: "isolation",
        sql: include_str!("migrations/0002_isolation.postgres.sql"),
        postgres_only: true,
    },
];

/// Where the applied ones are written down. It belongs to the database, not to a tenant, and has no key.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT NOT NULL, name {text} NOT NULL, applied_at BIGINT NOT NULL)";
pub const VERSION: &str = "SELECT coalesce(max(number), 0) FROM migrations";
pub const RECORD: &str = "INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)";

/// A store that a newer receiver has changed is left alone.
pub fn refuse_newer(at: i64) -> Result<()> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if at > known {
        return Err(StoreError::refused(format!(
            "the store has schema {at}, which is newer than this receiver's {known}: run a newer receiver"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, index as i64 + 1, "{}", migration.name);
        }
    }
}
