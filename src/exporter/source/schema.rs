//! Tables and columns of han's database, as far as the exporter reads them.
//!
//! Han's schema grows: a database is accepted if it has what every han database has, and further columns are optional.

use std::collections::HashMap;

use rusqlite::Connection;

/// Tables and columns that every han database has; one without them is something else.
const REQUIRED: [(&str, &[&str]); 4] = [
    ("repos", &["id", "remote"]),
    ("projects", &["id", "repo_id", "path"]),
    ("sessions", &["id", "project_id"]),
    ("messages", &["id", "session_id", "message_type", "raw_json", "timestamp", "line_number"]),
];

/// Columns without which a database has no tasks that could be sent.
const TASK_COLUMNS: [&str; 7] =
    ["id", "session_id", "subject", "description", "status", "created_at", "updated_at"];

/// Tables of one database, with their columns.
#[derive(Debug, Default)]
pub(super) struct SourceSchema {
    tables: HashMap<String, Vec<String>>,
}

impl SourceSchema {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<SourceSchema> {
        let mut statement = connection.prepare(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name IN ('repos', 'projects', 'sessions', 'messages', 'native_tasks')",
        )?;
        let mut schema = SourceSchema::default();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            schema.tables.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        Ok(schema)
    }

    /// A required `table.column` that is missing.
    pub(super) fn missing(&self) -> Option<String> {
        let required =
            REQUIRED.iter().flat_map(|(table, columns)| columns.iter().map(move |column| (table, column)));
        required
            .filter(|(table, column)| !self.has(table, column))
            .map(|(table, column)| format!("{table}.{column}"))
            .next()
    }

    /// True if the database has tasks; older versions of han have none.
    pub(super) fn has_tasks(&self) -> bool {
        TASK_COLUMNS.iter().all(|column| self.has("native_tasks", column))
    }

    /// SQL of a column, prefixed with the table's alias, or of null where the table lacks it.
    pub(super) fn or_null(&self, table: &str, alias: &str, column: &str) -> String {
        if self.has(table, column) { format!("{alias}{column}") } else { "NULL".to_owned() }
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.iter().any(|name| name == column))
    }
}
