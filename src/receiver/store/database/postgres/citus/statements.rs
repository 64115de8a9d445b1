//! All statements that a cluster needs in another form than one server.
//!
//! Invariants: whatever row-level security compares is set on the workers as well, in each transaction anew; on one server
//! every statement is as it would be without this file.

use crate::receiver::store::database::role::Visibility;
use std::borrow::Cow;

/// Servers of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// A single server has all tables.
    OneServer,
    /// The database has Citus.
    Citus,
}

/// Tenant, user and visibility of what follows in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub tenant: String,
    pub user: String,
    pub visibility: Visibility,
}

impl Scope {
    /// The settings that row-level security compares, with their values.
    fn settings(&self) -> [(&'static str, &str); 3] {
        [("han.tenant", &self.tenant), ("han.user", &self.user), ("han.visibility", self.visibility.as_str())]
    }
}

impl Distribution {
    pub fn of(has_citus: bool) -> Distribution {
        if has_citus { Distribution::Citus } else { Distribution::OneServer }
    }

    /// The messages of a change of the schema. Citus passes on the whole message in which a statement came, and a worker takes one
    /// statement.
    pub fn definitions(self, sql: &str) -> Vec<&str> {
        match self {
            Distribution::OneServer => vec![sql],
            Distribution::Citus => statements(sql),
        }
    }

    /// The end of a `BEGIN` with its settings, which do not reach the workers. Those that follow it do. A transaction that reads
    /// everything in one snapshot of each worker has one connection to it.
    pub fn end_of_begin(self, has_snapshot: bool) -> &'static str {
        match (self, has_snapshot) {
            (Distribution::OneServer, _) => "",
            (Distribution::Citus, false) => "; SET LOCAL citus.propagate_set_commands = 'local'",
            (Distribution::Citus, true) => {
                "; SET LOCAL citus.max_adaptive_executor_pool_size = 1; SET LOCAL citus.propagate_set_commands = 'local'"
            }
        }
    }

    /// The messages that enter a scope after `entered`. Citus passes on the whole message in which a setting came, so that each
    /// setting is a message of its own; and it awaits each worker's answer, so that those that stay are left out.
    pub fn enter(self, entered: Option<&Scope>, scope: &Scope) -> Vec<String> {
        let settings = scope.settings();
        let statement = |(name, value): &(&str, &str)| format!("SET LOCAL \"{name}\" = {}", literal(value));
        match self {
            Distribution::OneServer => {
                vec![settings.iter().map(statement).collect::<Vec<_>>().join("; ")]
            }
            Distribution::Citus => {
                let before = entered.map(Scope::settings);
                let is_new = |index: usize| before.is_none_or(|before| before[index] != settings[index]);
                let changed = settings.iter().enumerate().filter(|(index, _)| is_new(*index));
                changed.map(|(_, setting)| statement(setting)).collect()
            }
        }
    }

    /// The tail of an `INSERT … SELECT` of rows. Without one Citus copies the rows to the workers, and row-level security takes no
    /// `COPY`; the caller then counts the rows.
    pub fn insert_tail(self, tail: &str) -> &str {
        match self {
            Distribution::Citus if self.counts_inserted(tail) => "ON CONFLICT DO NOTHING",
            _ => tail,
        }
    }

    /// True if a conflict is found by the number of inserted rows alone.
    pub fn counts_inserted(self, tail: &str) -> bool {
        self == Distribution::Citus && tail.is_empty()
    }

    /// A statement whose result is the number of rows that it changed. Of an `INSERT … SELECT` that leaves out rows in a conflict Citus
    /// reports the selected ones, unless it returns rows.
    pub fn counted(self, sql: &str) -> Cow<'_, str> {
        let leaves_out = |conflict: &str| conflict.contains("DO NOTHING") || conflict.contains("WHERE");
        match sql.split_once("ON CONFLICT") {
            Some((_, conflict))
                if self == Distribution::Citus && leaves_out(conflict) && !conflict.contains("RETURNING") =>
            {
                format!("{sql} RETURNING 1").into()
            }
            _ => sql.into(),
        }
    }
}

/// The statements of a text, one by one.
fn statements(sql: &str) -> Vec<&str> {
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(next) = sql[at..].chars().next() {
        let rest = &sql[at..];
        // Comments, bodies and literals have semicolons of their own.
        let enclosed = [("--", "\n"), ("$$", "$$"), ("'", "'")];
        let enclosed = enclosed.iter().find(|(open, _)| rest.starts_with(open));
        at += match enclosed {
            Some((open, close)) => {
                rest[open.len()..].find(close).map_or(rest.len(), |end| open.len() + end + close.len())
            }
            None => next.len_utf8(),
        };
        if next == ';' {
            found.push(&sql[start..at]);
            start = at;
        }
    }
    found
}

/// A literal of SQL, whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::store::database::migrate::MIGRATIONS;
    use crate::receiver::store::sql::Dialect;

    fn scope(tenant: &str) -> Scope {
        Scope { tenant: tenant.to_owned(), user: "usr_1".to_owned(), visibility: Visibility::Own }
    }

    #[test]
    fn scope_is_one_message_on_one_server_and_a_message_for_each_changed_setting_on_a_cluster() {
        let one = Distribution::OneServer.enter(Some(&scope("org_1")), &scope("org_2"));
        assert_eq!(
            one,
            [
                r#"SET LOCAL "han.tenant" = E'org_2'; SET LOCAL "han.user" = E'usr_1'; SET LOCAL "han.visibility" = E'own'"#
            ]
        );
        assert_eq!(Distribution::Citus.enter(None, &scope("org_1")).len(), 3);
        assert_eq!(
            Distribution::Citus.enter(Some(&scope("org_1")), &scope("org_2")),
            [r#"SET LOCAL "han.tenant" = E'org_2'"#]
        );
        assert!(Distribution::Citus.enter(Some(&scope("org_1")), &scope("org_1")).is_empty());
    }

    #[test]
    fn insert_that_leaves_out_rows_returns_rows_on_a_cluster() {
        for (sql, is_returning) in [
            ("INSERT INTO t SELECT 1 ON CONFLICT DO NOTHING", true),
            ("INSERT INTO t SELECT 1 ON CONFLICT (a) DO UPDATE SET b = 1 WHERE t.b IS NULL", true),
            ("INSERT INTO t SELECT 1 ON CONFLICT (a) DO UPDATE SET b = excluded.b", false),
            ("INSERT INTO t SELECT 1 ON CONFLICT DO NOTHING RETURNING a", false),
            ("DELETE FROM t WHERE a = 1", false),
        ] {
            assert_eq!(Distribution::OneServer.counted(sql), sql);
            assert_eq!(Distribution::Citus.counted(sql).ends_with(" RETURNING 1"), is_returning, "{sql}");
        }
    }

    #[test]
    fn change_of_the_schema_is_one_message_on_one_server_and_a_message_for_each_statement_on_a_cluster() {
        let sql = "-- a; b\nCREATE TABLE a (b TEXT DEFAULT ';'); DO $$ BEGIN RETURN; END $$;\nDROP TABLE a; -- end;\n";
        assert_eq!(Distribution::OneServer.definitions(sql), [sql]);
        assert_eq!(
            Distribution::Citus.definitions(sql),
            [
                "-- a; b\nCREATE TABLE a (b TEXT DEFAULT ';');",
                " DO $$ BEGIN RETURN; END $$;",
                "\nDROP TABLE a;"
            ]
        );
        for migration in MIGRATIONS {
            let sql = migration.render(Dialect::Postgres);
            let rest = sql.strip_prefix(&statements(&sql).concat()).unwrap().trim();
            assert!(rest.is_empty() || rest.starts_with("--"), "{}: {rest}", migration.name);
        }
    }

    #[test]
    fn value_of_a_setting_cannot_end_its_literal() {
        assert_eq!(literal(r"a'; RESET ROLE; \' --"), r"E'a''; RESET ROLE; \\'' --'");
    }
}
