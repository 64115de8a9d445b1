//! The grants and policies of which row-level security consists, looked for in the database.
//!
//! Invariant: a store that lacks one of them serves nobody: a missing grant fails every request, and a missing policy may show a
//! tenant's rows to another.

use super::roles::{RoleNames, has_views, quoted};
use super::statement::rows;
use crate::receiver::store::error::{Result, StoreError};
use std::collections::HashMap;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Each grant and policy as the statement that makes it.
const STATEMENTS: &str = include_str!("../migrations/access.postgres.sql");
/// Stands for the schema in [`STATEMENTS`].
const SCHEMA: &str = "han_schema";
/// Stands for the owner of the views for dashboards.
const VIEWS_OWNER: &str = "han_sync_views";
/// The function that deletes old entries of the audit log. The policy that lets it see them is its owner's.
const PRUNER: &str = "prune_audit(bigint)";
/// Owners of that function, of the views for dashboards and of their schema.
const SELECT_OWNERS: &str = "\
    SELECT $1, pg_get_userbyid(proowner)::text FROM pg_catalog.pg_proc WHERE oid = to_regprocedure($1) UNION ALL \
    SELECT schemaname || '.' || viewname, viewowner::text FROM pg_catalog.pg_views WHERE schemaname = 'han_team' UNION ALL \
    SELECT nspname::text, pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace WHERE nspname = 'han_team'";
/// Tables of a list that are missing.
const SELECT_MISSING_TABLES: &str = "SELECT name FROM unnest($1::text[]) AS needed (name) WHERE to_regclass(quote_ident(name)) IS NULL ORDER BY name";
/// Tables with forced row-level security.
const SELECT_SECURED: &str = "\
    SELECT relname::text, relrowsecurity, relforcerowsecurity FROM pg_catalog.pg_class \
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')";
/// Policies, with the expressions of both kinds.
const SELECT_POLICIES: &str = "\
    SELECT tablename::text, policyname::text, cmd::text, roles::text[], qual, with_check \
    FROM pg_catalog.pg_policies WHERE schemaname = current_schema()";
/// Indexes of grants that are missing, counted from 1.
const SELECT_MISSING_GRANTS: &str = "\
    SELECT needed.index FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY \
    AS needed (kind, grantee, object, privilege, part, index) WHERE NOT CASE kind \
    WHEN 'schema' THEN has_schema_privilege(grantee, current_schema()::text, privilege) \
    WHEN 'function' THEN coalesce(has_function_privilege(grantee, to_regprocedure(object), privilege), false) \
    WHEN 'column' THEN has_column_privilege(grantee, object, part, privilege) \
    ELSE has_table_privilege(grantee, object, privilege) END";

/// A statement of the list, in the parts by which the catalog is searched.
#[derive(Debug, PartialEq, Eq)]
enum Needed<'s> {
    /// `ENABLE` or `FORCE ROW LEVEL SECURITY` of a table.
    Security { table: &'s str, is_forced: bool },
    Policy {
        table: &'s str,
        name: &'s str,
        command: &'s str,
        roles: Vec<&'s str>,
        using: Option<&'s str>,
        check: Option<&'s str>,
    },
    /// Owner of a schema or a view.
    Owner { object: &'s str, role: &'s str },
    /// Privileges on an object; `part` is the column of a privilege on one column alone.
    Grant { kind: &'static str, object: &'s str, role: &'s str, privileges: Vec<(&'s str, &'s str)> },
}

/// Rejects a database that lacks a table, a grant or a policy, with the statements to run.
pub async fn require_access(client: &Client, names: &RoleNames, schema: &str) -> Result<()> {
    let has_views = has_views(client).await?;
    let lines: Vec<&str> = lines().filter(|line| has_views || !line.contains(VIEWS_OWNER)).collect();
    let statements = names.render_quoted(&lines.join("\n"));
    let needed: Vec<(&str, Needed)> =
        statements.lines().filter_map(|line| Some((line, parse(line)?))).collect();
    require_tables(client, &needed, schema).await?;
    let missing = missing(client, &needed).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let schema = quoted(schema);
    let statements: Vec<String> =
        missing.iter().map(|line| replacing(line).replace(SCHEMA, &schema)).collect();
    Err(StoreError::Unusable(format!(
        "the store lacks grants or policies of row-level security, as after a restore to a server without its roles: run this as the \
         owner of the store's tables, then start again: SET search_path TO {schema}; {}",
        statements.join(" ")
    )))
}

/// The statements that let the owner of the views for dashboards read what they show.
pub fn access_of_views(names: &RoleNames, schema: &str) -> String {
    let of_views = lines().filter(|line| line.contains(VIEWS_OWNER) && !line.starts_with("ALTER "));
    let rendered =
        of_views.map(|line| replacing(&names.render_quoted(line)).replace(SCHEMA, &quoted(schema)));
    rendered.collect::<Vec<_>>().join("\n")
}

/// The statements that make the access to a table anew, but for the views for dashboards.
pub fn access_of_table(names: &RoleNames, table: &str) -> Vec<String> {
    let of_table = |line: &&str| match parse(line) {
        Some(Needed::Security { table: of, .. } | Needed::Policy { table: of, .. }) => of == table,
        Some(Needed::Grant { object, kind, .. }) => object == table && kind == "table",
        _ => false,
    };
    let statements = lines().filter(|line| !line.contains(VIEWS_OWNER)).filter(of_table);
    let statements = statements.map(|line| replacing(&names.render_quoted(line)));
    statements.flat_map(|both| both.split_inclusive("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn lines() -> impl Iterator<Item = &'static str> {
    STATEMENTS.lines().filter(|line| !line.starts_with("--"))
}

/// The statement of a line, in place of a policy of that name that is another one.
fn replacing(line: &str) -> String {
    match parse(line) {
        Some(Needed::Policy { table, name, .. }) => {
            format!("DROP POLICY IF EXISTS {name} ON {table}; {line}")
        }
        _ => line.to_owned(),
    }
}

async fn require_tables(client: &Client, needed: &[(&str, Needed<'_>)], schema: &str) -> Result<()> {
    let tables: Vec<&str> = needed
        .iter()
        .filter_map(
            |(_, needed)| if let Needed::Security { table, .. } = needed { Some(*table) } else { None },
        )
        .collect();
    let missing = rows(client, SELECT_MISSING_TABLES, &[(&tables, Type::TEXT_ARRAY)]).await?;
    let Some(row) = missing.first() else { return Ok(()) };
    let table: String = row.get(0);
    Err(StoreError::Unusable(format!(
        "the table {table} is missing in the schema {schema}: restore the whole store into an empty database with \
         han-sync-receiver admin restore"
    )))
}

/// The lines of which the database lacks something.
async fn missing<'l>(client: &Client, needed: &[(&'l str, Needed<'l>)]) -> Result<Vec<&'l str>> {
    let secured: Vec<(String, bool, bool)> = rows(client, SELECT_SECURED, &[])
        .await?
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let policies: Vec<StoredPolicy> =
        rows(client, SELECT_POLICIES, &[]).await?.iter().map(StoredPolicy::of).collect();
    let owners = rows(client, SELECT_OWNERS, &[(&PRUNER, Type::TEXT)]).await?;
    let owners: HashMap<String, String> = owners.iter().map(|row| (row.get(0), row.get(1))).collect();
    let pruner = owners.get(PRUNER).map(String::as_str);
    let ungranted = ungranted(client, needed).await?;
    let is_missing = |index: usize, needed: &Needed| match needed {
        Needed::Security { table, is_forced } => !secured.iter().any(|(name, is_enabled, is_forced_too)| {
            name == table && if *is_forced { *is_forced_too } else { *is_enabled }
        }),
        Needed::Policy { .. } => !policies.iter().any(|policy| policy.is(needed, pruner)),
        Needed::Owner { object, role } => owners.get(*object).is_none_or(|owner| owner != role),
        Needed::Grant { .. } => ungranted.contains(&index),
    };
    let missing = needed.iter().enumerate().filter(|(index, (_, needed))| is_missing(*index, needed));
    Ok(missing.map(|(_, (line, _))| *line).collect())
}

/// Indexes of the grants of which a privilege is missing.
async fn ungranted(client: &Client, needed: &[(&str, Needed<'_>)]) -> Result<Vec<usize>> {
    let mut columns: [Vec<&str>; 5] = Default::default();
    let mut indexes = Vec::new();
    for (index, (_, needed)) in needed.iter().enumerate() {
        let Needed::Grant { kind, object, role, privileges } = needed else { continue };
        for (privilege, part) in privileges {
            for (column, value) in columns.iter_mut().zip([*kind, *role, *object, *privilege, *part]) {
                column.push(value);
            }
            indexes.push(index);
        }
    }
    let params = columns.each_ref().map(|column| (column as _, Type::TEXT_ARRAY));
    let missing = rows(client, SELECT_MISSING_GRANTS, &params).await?;
    let index = |row: &tokio_postgres::Row| usize::try_from(row.get::<_, i64>(0) - 1).ok();
    Ok(missing.iter().filter_map(index).filter_map(|at| indexes.get(at).copied()).collect())
}

/// A policy as the database has it.
struct StoredPolicy {
    table: String,
    name: String,
    command: String,
    roles: Vec<String>,
    using: Option<String>,
    check: Option<String>,
}

impl StoredPolicy {
    fn of(row: &tokio_postgres::Row) -> StoredPolicy {
        StoredPolicy {
            table: row.get(0),
            name: row.get(1),
            command: row.get(2),
            roles: row.get(3),
            using: row.get(4),
            check: row.get(5),
        }
    }

    /// True if this policy is the needed one, where `CURRENT_USER` stands for the user that deletes old entries of the audit
    /// log.
    fn is(&self, needed: &Needed, pruner: Option<&str>) -> bool {
        let Needed::Policy { table, name, command, roles, using, check } = needed else { return false };
        let has_role = |role: &&str| {
            let name = if *role == "CURRENT_USER" { pruner.unwrap_or_default() } else { *role };
            self.roles.iter().any(|stored| stored == name)
        };
        (self.table.as_str(), self.name.as_str(), self.command.as_str()) == (*table, *name, *command)
            && self.roles.len() == roles.len()
            && roles.iter().all(has_role)
            && is_same(self.using.as_deref(), *using)
            && is_same(self.check.as_deref(), *check)
    }
}

/// Parses a line of the list.
fn parse(line: &str) -> Option<Needed<'_>> {
    let words: Vec<&str> = line.trim_end_matches(';').split(' ').collect();
    match words[..] {
        ["ALTER", "TABLE", table, mode, "ROW", "LEVEL", "SECURITY"] => {
            Some(Needed::Security { table, is_forced: mode == "FORCE" })
        }
        ["CREATE", "POLICY", name, "ON", table, ..] => {
            let command = line.split_once(" FOR ").map_or("ALL", |(_, rest)| word(rest));
            let (_, rest) = line.trim_end_matches(';').split_once(" TO ")?;
            let (rest, check) = split_clause(rest, " WITH CHECK ");
            let (roles, using) = split_clause(rest, " USING ");
            let roles = roles.split(", ").map(unquoted).collect();
            Some(Needed::Policy { table, name, command, roles, using, check })
        }
        ["ALTER", "SCHEMA" | "VIEW", object, "OWNER", "TO", role] => {
            Some(Needed::Owner { object, role: unquoted(role) })
        }
        ["GRANT", ..] => {
            let (privileges, rest) = line.trim_end_matches(';').strip_prefix("GRANT ")?.split_once(" ON ")?;
            let (object, role) = rest.split_once(" TO ")?;
            let (kind, object) = match object.split_once(' ') {
                Some(("SCHEMA", schema)) => ("schema", schema),
                Some(("FUNCTION", function)) => ("function", function),
                _ if privileges.contains('(') => ("column", object),
                _ => ("table", object),
            };
            let privileges = privileges.split(", ").map(privilege).collect();
            Some(Needed::Grant { kind, object, role: unquoted(role), privileges })
        }
        _ => None,
    }
}

/// Splits off the expression of a clause, if there is one.
fn split_clause<'t>(text: &'t str, clause: &str) -> (&'t str, Option<&'t str>) {
    text.split_once(clause).map_or((text, None), |(before, expression)| (before, Some(expression)))
}

/// True for equal expressions, whatever their white space and the parentheses around all of them.
fn is_same(one: Option<&str>, other: Option<&str>) -> bool {
    one.map(bare) == other.map(bare)
}

/// An expression with single blanks, without parentheses around all of it.
fn bare(expression: &str) -> String {
    let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut bare = expression.as_str();
    while let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        && is_balanced(inner)
    {
        bare = inner;
    }
    bare.to_owned()
}

/// True if no parenthesis is closed before it is opened. No name or text in a policy has one.
fn is_balanced(expression: &str) -> bool {
    let mut depth = 0_i32;
    expression.chars().all(|character| {
        depth += i32::from(character == '(') - i32::from(character == ')');
        depth >= 0
    })
}

/// A privilege with its column, empty where it is one on the whole object.
fn privilege(text: &str) -> (&str, &str) {
    text.split_once(" (").map_or((text, ""), |(name, column)| (name, column.trim_end_matches(')')))
}

fn word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_understood() {
        assert!(lines().count() > 100);
        for line in lines() {
            assert!(line.ends_with(';') && parse(line).is_some(), "{line}");
        }
    }

    #[test]
    fn statement_is_taken_apart_as_the_catalog_has_it() {
        assert_eq!(
            parse("GRANT SELECT, UPDATE (polled_at) ON device_codes TO \"r\";"),
            Some(Needed::Grant {
                kind: "column",
                object: "device_codes",
                role: "r",
                privileges: vec![("SELECT", ""), ("UPDATE", "polled_at")]
            })
        );
        assert_eq!(
            parse(
                "CREATE POLICY p ON t FOR UPDATE TO a, b USING (x = current_setting('han.user'::text, true)) WITH CHECK (true);"
            ),
            Some(Needed::Policy {
                table: "t",
                name: "p",
                command: "UPDATE",
                roles: vec!["a", "b"],
                using: Some("(x = current_setting('han.user'::text, true))"),
                check: Some("(true)")
            })
        );
    }

    #[test]
    fn expressions_are_compared_whole() {
        let same = |one, other| is_same(Some(one), Some(other));
        assert!(same("((a = b) AND (c OR d))", "((a = b) AND\n   (c OR d))"));
        assert!(same("true", "(true)"));
        assert!(!same("((a = b) AND (c OR d))", "((a = b) AND (c OR d) OR true)"));
        assert!(!same("(a = b) AND (c = d)", "(a = b)"));
        assert!(!is_same(Some("true"), None) && is_same(None, None));
    }
}
