//! The thin waist between what the store says and the database that hears it: transactions, values, rows, sets.
//!
//! Every statement of the receiver is written once, in the SQL that SQLite and PostgreSQL share, with `$1` parameters and
//! the tokens of `Dialect`. Invariants: whatever is written is written inside a transaction; a transaction that is
//! dropped is rolled back; what a transaction sets for itself (role, tenant, user) ends with it.

use super::postgres::{Postgres, PostgresTx};
use super::rows::{InsertMany, Rows, SelectByKeys};
use super::sqlite::{Sqlite, SqliteTx};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Statements sent to the database by this process, for the metrics.
pub static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// A parameter or a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    /// A set of texts, for `IN {list:$N}`.
    Texts(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Value {
        Value::Texts(texts)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row of an answer, read by position.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// A text column that is not null.
    pub fn text(&self, column: usize) -> Result<String> {
        self.opt_text(column)?.ok_or_else(|| StoreError::shape(column))
    }

    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            _ => Err(StoreError::shape(column)),
        }
    }

    /// An integer column that is not null.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| StoreError::shape(column))
    }

    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(number)) => Ok(Some(*number)),
            _ => Err(StoreError::shape(column)),
        }
    }

    /// A boolean column; SQLite has integers for them.
    pub fn flag(&self, column: usize) -> Result<bool> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::Int(number)) => Ok(*number != 0),
            _ => Err(StoreError::shape(column)),
        }
    }
}

/// Why the store did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// Another transaction was in the way; the same work done again will pass.
    Contended(String),
    /// The database cannot be reached or is shutting down; later it may.
    Unavailable(String),
    /// What was asked for cannot be done; the text is for the person who asked.
    Refused(String),
    /// The database cannot serve this receiver as it is; the text says what to do.
    Unusable(String),
    /// A fault of this program or of the schema.
    Internal(String),
    /// A statement sent before this one failed, and its error says why.
    Aborted,
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    fn shape(column: usize) -> StoreError {
        StoreError::Internal(format!("column {column} has another type than the program expects"))
    }

    /// An error for the person who asked.
    pub fn refused(text: impl Into<String>) -> StoreError {
        StoreError::Refused(text.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Contended(text) => write!(f, "the store is contended: {text}"),
            StoreError::Unavailable(text) => write!(f, "the store is unavailable: {text}"),
            StoreError::Refused(text) | StoreError::Unusable(text) => f.write_str(text),
            StoreError::Internal(text) => write!(f, "the store failed: {text}"),
            StoreError::Aborted => f.write_str("the store failed: the transaction was aborted"),
        }
    }
}

impl std::error::Error for StoreError {}

/// On whose behalf a transaction acts. In PostgreSQL each is a role of its own, with its own row-level security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbRole {
    /// Finding out who a key stands for: sees the directory, no sessions.
    Directory,
    /// One user's request: sees the tenant that it entered, as that user.
    Request,
    /// The operator's commands: sees everything.
    Operator,
}

/// What a request may see of the tenant that it entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// The user's own rows.
    Own,
    /// All rows of the tenant: an organization's `admin`.
    All,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Own => "own",
            Visibility::All => "all",
        }
    }
}

/// Where the two databases differ in spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Spells a statement: `{list:$N}` is the set in parameter N, `{text}` the type of a text column that compares by
    /// bytes, `{least}`/`{greatest}` the functions of two values, `{update}` the row lock of a `SELECT`.
    pub fn spell(self, sql: &str) -> String {
        let (list, end, text, least, greatest, update) = match self {
            Dialect::Sqlite => ("(SELECT value FROM json_each(", "))", "TEXT", "min", "max", ""),
            Dialect::Postgres => {
                ("(SELECT unnest(", "::text[]))", "TEXT COLLATE \"C\"", "least", "greatest", "FOR UPDATE")
            }
        };
        let mut out = String::with_capacity(sql.len() + 64);
        let mut rest = sql;
        while let Some(start) = rest.find('{') {
            out.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else { break };
            let token = &rest[start + 1..start + length];
            match token {
                "text" => out.push_str(text),
                "least" => out.push_str(least),
                "greatest" => out.push_str(greatest),
                "update" => out.push_str(update),
                "tables" => out.push_str(match self {
                    Dialect::Sqlite => "(SELECT name FROM sqlite_schema WHERE type = 'table')",
                    Dialect::Postgres => {
                        "(SELECT tablename AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema())"
                    }
                }),
                _ => match token.strip_prefix("list:") {
                    Some(parameter) => out.extend([list, parameter, end]),
                    None => out.extend(["{", token, "}"]),
                },
            }
            rest = &rest[start + length + 1..];
        }
        out.push_str(rest);
        out
    }
}

/// The two databases.
pub enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// A transaction that only reads.
    pub async fn read(&self, role: DbRole) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.read().await?),
            Db::Postgres(db) => Tx::Postgres(db.begin(role, true).await?),
        })
    }

    /// A transaction that writes.
    pub async fn write(&self, role: DbRole) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.write().await?),
            Db::Postgres(db) => Tx::Postgres(db.begin(role, false).await?),
        })
    }
}

impl Db {
    /// A transaction that writes, unless that would mean to wait for SQLite's one writer.
    pub async fn write_if_idle(&self, role: DbRole) -> Result<Option<Tx>> {
        match self {
            Db::Sqlite(db) => Ok(db.write_if_idle()?.map(Tx::Sqlite)),
            Db::Postgres(_) => self.write(role).await.map(Some),
        }
    }
}

/// An open transaction. Dropped without [`Tx::commit`], it never was.
///
/// Statements are done in the order in which they are sent, whichever is waited for first. Several may be sent before an
/// answer has come: so the way to the database and back is gone once for all of them.
pub enum Tx {
    Sqlite(SqliteTx),
    Postgres(PostgresTx),
}

impl Tx {
    /// Acts in `tenant` as `user` from here on. Row-level security holds a request to it.
    pub async fn enter(&self, tenant: &str, user: &str, visibility: Visibility) -> Result<()> {
        match self {
            Tx::Sqlite(_) => Ok(()),
            Tx::Postgres(tx) => tx.enter(tenant, user, visibility).await,
        }
    }

    /// Sends a statement of which nothing is needed but that it does not fail: the next one that is waited for tells.
    pub async fn send(&self, sql: &str, params: Vec<Value>) -> Result<()> {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        match self {
            Tx::Sqlite(tx) => tx.execute(sql, &params).map(|_| ()),
            Tx::Postgres(tx) => tx.send(sql, params).await,
        }
    }

    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        match self {
            Tx::Sqlite(tx) => tx.query(sql, params),
            Tx::Postgres(tx) => tx.query(sql, params).await,
        }
    }

    /// The first row, if there is one.
    pub async fn query_one(&self, sql: &str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Rows changed.
    pub async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        match self {
            Tx::Sqlite(tx) => tx.execute(sql, params),
            Tx::Postgres(tx) => tx.execute(sql, params).await,
        }
    }

    /// The rows of these keys that are there, in no order.
    pub async fn select_by_keys(&self, lookup: &SelectByKeys, keys: &Rows<'_>) -> Result<Vec<Row>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        match self {
            Tx::Sqlite(tx) => tx.select_by_keys(lookup, keys),
            Tx::Postgres(tx) => tx.select_by_keys(lookup, keys).await,
        }
    }

    /// Inserts a set of rows. Gives back how many were inserted or changed.
    pub async fn insert_many(&self, bulk: &InsertMany, rows: &Rows<'_>) -> Result<u64> {
        match self {
            Tx::Sqlite(tx) => tx.insert_many(bulk, rows),
            Tx::Postgres(tx) => tx.insert_many(bulk, rows).await,
        }
    }

    /// As [`Tx::put`], and gives back what `RETURNING` names.
    pub async fn insert_many_returning(&self, bulk: &InsertMany, rows: &Rows<'_>) -> Result<Vec<Row>> {
        match self {
            Tx::Sqlite(tx) => tx.insert_many_returning(bulk, rows),
            Tx::Postgres(tx) => tx.insert_many_returning(bulk, rows).await,
        }
    }

    /// Opens the savepoint; there is never more than one.
    pub async fn savepoint(&self) -> Result<()> {
        self.batch("SAVEPOINT session").await
    }

    pub async fn release(&self) -> Result<()> {
        self.batch("RELEASE SAVEPOINT session").await
    }

    /// Undoes everything since [`Tx::savepoint`] and closes it.
    pub async fn roll_back_to_savepoint(&self) -> Result<()> {
        self.batch("ROLLBACK TO SAVEPOINT session; RELEASE SAVEPOINT session").await
    }

    /// Waits for every other transaction that locked one of these names, in their order, and keeps others waiting until
    /// this one ends. SQLite has one writer at a time.
    pub async fn lock(&self, names: Vec<String>) -> Result<()> {
        match self {
            Tx::Sqlite(_) => Ok(()),
            Tx::Postgres(tx) => tx.lock(names).await,
        }
    }

    async fn batch(&self, sql: &str) -> Result<()> {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        match self {
            Tx::Sqlite(tx) => tx.batch(sql),
            Tx::Postgres(tx) => tx.batch(sql).await,
        }
    }

    pub async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.commit(),
            Tx::Postgres(tx) => tx.commit().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_spelled_for_each_database() {
        let sql = "SELECT {greatest}(a, $1) FROM t WHERE id IN {list:$2} {update}";
        assert_eq!(
            Dialect::Sqlite.spell(sql),
            "SELECT max(a, $1) FROM t WHERE id IN (SELECT value FROM json_each($2)) "
        );
        assert_eq!(
            Dialect::Postgres.spell(sql),
            "SELECT greatest(a, $1) FROM t WHERE id IN (SELECT unnest($2::text[])) FOR UPDATE"
        );
    }
}
