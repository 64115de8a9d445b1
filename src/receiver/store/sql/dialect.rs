//! The differences in spelling between the SQL of SQLite and that of PostgreSQL.

/// A database's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Renders a statement by replacing its tokens:
    ///
    /// - `{text}`: the type of a text column that compares by bytes
    /// - `{list:$N}`: the array of texts in parameter N, as a subquery for `IN`
    /// - `{least}`, `{greatest}`: the functions of two or more values
    /// - `{update}`: the row lock of a `SELECT`
    /// - `{tables}`: the names of the schema's tables, as a subquery with the column `name`
    pub fn render(self, sql: &str) -> String {
        let mut rendered = String::with_capacity(sql.len() + 64);
        let mut rest = sql;
        while let Some(start) = rest.find('{') {
            rendered.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else { break };
            let token = &rest[start + 1..start + length];
            match (self.token(token), token.strip_prefix("list:")) {
                (Some(text), _) => rendered.push_str(text),
                (None, Some(parameter)) => {
                    let (begin, end) = self.list();
                    rendered.extend([begin, parameter, end]);
                }
                (None, None) => rendered.extend(["{", token, "}"]),
            }
            rest = &rest[start + length + 1..];
        }
        rendered.push_str(rest);
        rendered
    }

    fn token(self, token: &str) -> Option<&'static str> {
        Some(match (token, self) {
            ("text", Dialect::Sqlite) => "TEXT",
            ("text", Dialect::Postgres) => "TEXT COLLATE \"C\"",
            ("least", Dialect::Sqlite) => "min",
            ("least", Dialect::Postgres) => "least",
            ("greatest", Dialect::Sqlite) => "max",
            ("greatest", Dialect::Postgres) => "greatest",
            ("update", Dialect::Sqlite) => "",
            ("update", Dialect::Postgres) => "FOR UPDATE",
            ("tables", Dialect::Sqlite) => "(SELECT name FROM sqlite_schema WHERE type = 'table')",
            ("tables", Dialect::Postgres) => {
                "(SELECT tablename AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema())"
            }
            _ => return None,
        })
    }

    /// The text before and after the parameter of a `{list:$N}`.
    fn list(self) -> (&'static str, &'static str) {
        match self {
            Dialect::Sqlite => ("(SELECT value FROM json_each(", "))"),
            Dialect::Postgres => ("(SELECT unnest(", "::text[]))"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_rendered_for_each_database() {
        let sql = "SELECT {greatest}(a, $1) FROM t WHERE id IN {list:$2} {update} {other}";
        assert_eq!(
            Dialect::Sqlite.render(sql),
            "SELECT max(a, $1) FROM t WHERE id IN (SELECT value FROM json_each($2))  {other}"
        );
        assert_eq!(
            Dialect::Postgres.render(sql),
            "SELECT greatest(a, $1) FROM t WHERE id IN (SELECT unnest($2::text[])) FOR UPDATE {other}"
        );
    }
}
