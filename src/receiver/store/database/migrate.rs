//! The schema's migrations: numbered, applied in order, each once, under a lock.
//!
//! Invariant: a migration that was released is never edited; a change is a new one with the next number. A store of an
//! unreleased form is rejected, never migrated.

use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::Dialect;

/// Numbered step of the schema.
pub struct Migration {
    pub number: i64,
    pub name: &'static str,
    /// In the SQL that both databases share.
    pub sql: &'static str,
    /// For PostgreSQL alone: roles, row-level security.
    pub postgres_sql: &'static str,
}

/// Name of the first migration, by which a released form of the schema is known.
pub const FIRST_NAME: &str = "released";

/// All migrations, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: FIRST_NAME,
        sql: include_str!("migrations/0001_schema.sql"),
        postgres_sql: include_str!("migrations/0001_row_level_security.postgres.sql"),
    },
    Migration {
        number: 2,
        name: "client reports",
        sql: include_str!("migrations/0002_client_reports.sql"),
        postgres_sql: "",
    },
    Migration {
        number: 3,
        name: "sign-ins to the page",
        sql: include_str!("migrations/0003_page_sessions.sql"),
        postgres_sql: include_str!("migrations/0003_page_sessions.postgres.sql"),
    },
    Migration {
        number: 4,
        name: "sign-in through a provider",
        sql: include_str!("migrations/0004_provider.sql"),
        postgres_sql: include_str!("migrations/0004_provider.postgres.sql"),
    },
    Migration {
        number: 5,
        name: "readers of views",
        sql: include_str!("migrations/0005_view_readers.sql"),
        postgres_sql: include_str!("migrations/0005_view_readers.postgres.sql"),
    },
    Migration {
        number: 6,
        name: "indexes of lists",
        sql: include_str!("migrations/0006_list_indexes.sql"),
        postgres_sql: "",
    },
    Migration {
        number: 7,
        name: "policies as plain comparisons",
        sql: "",
        postgres_sql: include_str!("migrations/0007_policies.postgres.sql"),
    },
];

/// Tables that a backup is restored from. Others hold what lasts for hours at most: pending device codes, the last check of the
/// store, and sessions of the page, which a restore must not bring back after they were ended. Readers of views are roles of one
/// server: on another one a role of the same name may be someone else's.
pub const RESTORED_TABLES: &[&str] = &[
    "tenants",
    "directory",
    "owners",
    "members",
    "api_keys",
    "session_locations",
    "sessions",
    "messages",
    "tasks",
    "usages",
    "metrics",
    "clients",
    "audit",
    "provider_accounts",
];

/// The record of the applied migrations. It belongs to the database, not to a tenant, and has no key.
pub const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT NOT NULL, name {text} NOT NULL, applied_at BIGINT NOT NULL)";
pub const SELECT_VERSION: &str = "SELECT coalesce(max(number), 0) FROM migrations";
pub const INSERT_RECORD: &str = "INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)";
/// Counts the signs of a store that an unreleased version made: another first record, and a table that was renamed since.
pub const COUNT_UNRELEASED: &str = "\
    SELECT (SELECT count(*) FROM migrations WHERE number = 1 AND name <> 'released') \
    + (SELECT count(*) FROM {tables} existing WHERE existing.name = 'homes')";

impl Migration {
    /// Renders the migration for one of the databases.
    pub fn render(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Sqlite => dialect.render(self.sql),
            Dialect::Postgres => dialect.render(self.sql) + self.postgres_sql,
        }
    }
}

/// Migrations that a store with schema `version` lacks. Rejects a store of an unreleased form, of which `unreleased`
/// counts the signs, and one that a newer receiver has migrated.
pub fn pending(version: i64, unreleased: i64) -> Result<&'static [Migration]> {
    if unreleased > 0 {
        return Err(StoreError::Unusable(
            "the store was made by an unreleased version of this receiver and cannot be migrated: name an empty store \
             with --store, create its organizations, users and keys again, and run `han-sync reset` on every client"
                .to_owned(),
        ));
    }
    let known = newest();
    if version > known {
        return Err(StoreError::Unusable(format!(
            "the store has schema {version}, which is newer than this receiver's {known}: install a newer han-sync-receiver"
        )));
    }
    let applied = MIGRATIONS.iter().take_while(|migration| migration.number <= version).count();
    Ok(&MIGRATIONS[applied..])
}

/// Rejects a backup with another schema than this receiver's.
pub fn require_current(version: i64) -> Result<()> {
    let next = match version.cmp(&newest()) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => "newer than this receiver's: install a newer han-sync-receiver",
        std::cmp::Ordering::Less => {
            "older than this receiver's: restore it with the han-sync-receiver that made it, then start this one, which \
             migrates the store"
        }
    };
    Err(StoreError::refused(format!("the backup has schema {version}, which is {next}")))
}

/// Number of the newest migration.
pub fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_restored_from_a_backup_or_left_out_for_a_reason() {
        let tables = MIGRATIONS.iter().flat_map(|migration| migration.sql.split("CREATE TABLE ").skip(1));
        let mut created: Vec<&str> = tables.filter_map(|rest| rest.split_whitespace().next()).collect();
        created
            .retain(|table| !["device_codes", "readiness", "page_sessions", "view_readers"].contains(table));
        assert_eq!(created, RESTORED_TABLES);
    }

    #[test]
    fn backup_of_another_schema_is_rejected() {
        assert!(require_current(newest()).is_ok());
        assert!(require_current(newest() + 1).unwrap_err().to_string().contains("install a newer"));
        assert!(require_current(0).unwrap_err().to_string().contains("that made it"));
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, index as i64 + 1, "{}", migration.name);
        }
    }

    #[test]
    fn first_record_of_another_form_is_a_sign_of_an_unreleased_version() {
        assert!(COUNT_UNRELEASED.contains(&format!("name <> '{}'", MIGRATIONS[0].name)));
    }

    #[test]
    fn only_migrations_after_the_stores_version_are_pending() {
        assert_eq!(pending(0, 0).unwrap().len(), MIGRATIONS.len());
        assert!(pending(MIGRATIONS.len() as i64, 0).unwrap().is_empty());
        assert!(matches!(pending(99, 0), Err(StoreError::Unusable(_))));
        assert!(matches!(pending(0, 1), Err(StoreError::Unusable(_))));
    }
}
