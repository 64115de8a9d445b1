//! Transactions that run statements: the interface to both databases.
//!
//! Invariants: everything is written inside a transaction; a transaction that is dropped is rolled back; the settings of
//! a transaction (role, tenant, user) end with it.

use super::postgres::{Postgres, PostgresTransaction};
use super::role::{DbRole, Visibility};
use super::sqlite::{Sqlite, SqliteTransaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{
    InsertMany, ReadBudget, Row, Rows, SelectByKeys, SelectPages, Value, count_statement,
};
use std::sync::Arc;

/// An opened database of either kind.
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Begins a transaction that only reads.
    pub async fn read(&self, role: DbRole) -> Result<Transaction> {
        Ok(match self {
            Database::Sqlite(db) => Transaction::Sqlite(db.read().await?),
            Database::Postgres(db) => Transaction::Postgres(db.begin(role, true).await?),
        })
    }

    /// Begins a transaction of a GraphQL query, which only reads: on connections that batches do not use, with a deadline
    /// for each statement, and with a budget of rows if there is one.
    pub async fn query(&self, role: DbRole, budget: Option<Arc<ReadBudget>>) -> Result<Transaction> {
        Ok(match self {
            Database::Sqlite(db) => Transaction::Sqlite(db.query(budget).await?),
            Database::Postgres(db) => Transaction::Postgres(db.begin_query(role, budget).await?),
        })
    }

    /// Begins a transaction that writes.
    pub async fn write(&self, role: DbRole) -> Result<Transaction> {
        Ok(match self {
            Database::Sqlite(db) => Transaction::Sqlite(db.write().await?),
            Database::Postgres(db) => Transaction::Postgres(db.begin(role, false).await?),
        })
    }

    /// Begins a transaction of an operator that writes what it reads from a backup; SQLite reads the file as the schema
    /// `attached`.
    pub async fn restore(&self, attached: &str) -> Result<Transaction> {
        match self {
            Database::Sqlite(db) => Ok(Transaction::Sqlite(db.write_attached(attached).await?)),
            Database::Postgres(_) => self.write(DbRole::Operator).await,
        }
    }

    /// Checks what serving needs besides a connection: space for SQLite's file, grants and policies in PostgreSQL.
    pub async fn check_serving(&self) -> Result<()> {
        match self {
            Database::Sqlite(db) => db.require_space(),
            Database::Postgres(db) => db.require_access().await,
        }
    }

    /// The PostgreSQL database, which alone has roles that read views.
    pub fn require_postgres(&self) -> Result<&Postgres> {
        match self {
            Database::Postgres(db) => Ok(db),
            Database::Sqlite(_) => Err(StoreError::refused(
                "views for dashboards and roles that read them need a store on PostgreSQL, and this one is on SQLite: use the \
                 page, its CSV or GraphQL",
            )),
        }
    }

    /// The PostgreSQL database, which alone can be a cluster.
    pub fn require_cluster(&self) -> Result<&Postgres> {
        match self {
            Database::Postgres(db) => Ok(db),
            Database::Sqlite(_) => Err(StoreError::refused(
                "only a store on PostgreSQL with Citus is distributed, and this one is on SQLite",
            )),
        }
    }

    /// Begins a transaction that writes, or returns `None` where it would have to wait for SQLite's one writer.
    pub async fn write_if_idle(&self, role: DbRole) -> Result<Option<Transaction>> {
        match self {
            Database::Sqlite(db) => Ok(db.write_if_idle()?.map(Transaction::Sqlite)),
            Database::Postgres(_) => self.write(role).await.map(Some),
        }
    }
}

/// An open transaction; rolled back when it is dropped without [`Transaction::commit`].
///
/// Statements run in the order in which they are sent, in whatever order their results are awaited. Several may be sent
/// before the first result has come (a pipeline), so that they share one round trip.
pub enum Transaction {
    Sqlite(SqliteTransaction),
    Postgres(PostgresTransaction),
}

impl Transaction {
    /// Sets the tenant and the user for what follows. Row-level security confines a request to them.
    pub async fn enter(&self, tenant: &str, user: &str, visibility: Visibility) -> Result<()> {
        match self {
            Transaction::Sqlite(_) => Ok(()),
            Transaction::Postgres(tx) => tx.enter(tenant, user, visibility).await,
        }
    }

    /// Sends a statement without waiting for its result. If it fails, the next awaited statement returns its error.
    pub async fn send(&self, sql: &str, params: Vec<Value>) -> Result<()> {
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.execute(sql, &params).map(|_| ()),
            Transaction::Postgres(tx) => tx.send(sql, params).await,
        }
    }

    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.query(sql, params),
            Transaction::Postgres(tx) => tx.query(sql, params).await,
        }
    }

    /// Runs a query and passes each row to `visit` as it comes.
    pub async fn for_each(
        &self,
        sql: &str,
        params: &[Value],
        visit: impl FnMut(Row) -> Result<()> + Send,
    ) -> Result<()> {
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.for_each(sql, params, visit),
            Transaction::Postgres(tx) => tx.for_each(sql, params, visit).await,
        }
    }

    /// Runs a query and returns the first row, if there is one.
    pub async fn query_one(&self, sql: &str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs a query and returns the texts of the first column.
    pub async fn query_texts(&self, sql: &str, params: &[Value]) -> Result<Vec<String>> {
        self.query(sql, params).await?.iter().map(|row| row.text(0)).collect()
    }

    /// Runs a statement and returns the number of changed rows.
    pub async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.execute(sql, params),
            Transaction::Postgres(tx) => tx.execute(sql, params).await,
        }
    }

    /// Selects the stored rows of these keys, in no order.
    pub async fn select_by_keys(&self, select: &SelectByKeys, keys: &Rows<'_>) -> Result<Vec<Row>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.select_by_keys(select, keys),
            Transaction::Postgres(tx) => tx.select_by_keys(select, keys).await,
        }
    }

    /// Selects a page of each of these keys, in no order. The parameters come before the key's.
    pub async fn select_pages(
        &self,
        select: &SelectPages<'_>,
        params: &[Value],
        keys: Vec<String>,
    ) -> Result<Vec<Row>> {
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.select_pages(select, params, keys),
            Transaction::Postgres(tx) => tx.select_pages(select, params, keys).await,
        }
    }

    /// Inserts rows and returns how many were inserted or changed.
    pub async fn insert_many(&self, insert: &InsertMany, rows: &Rows<'_>) -> Result<u64> {
        match self {
            Transaction::Sqlite(tx) => tx.insert_many(insert, rows),
            Transaction::Postgres(tx) => tx.insert_many(insert, rows).await,
        }
    }

    /// Inserts rows and returns the columns that `RETURNING` names.
    pub async fn insert_many_returning(&self, insert: &InsertMany, rows: &Rows<'_>) -> Result<Vec<Row>> {
        match self {
            Transaction::Sqlite(tx) => tx.insert_many_returning(insert, rows),
            Transaction::Postgres(tx) => tx.insert_many_returning(insert, rows).await,
        }
    }

    /// Sets the savepoint; there is at most one.
    pub async fn savepoint(&self) -> Result<()> {
        self.batch("SAVEPOINT session").await
    }

    pub async fn release_savepoint(&self) -> Result<()> {
        self.batch("RELEASE SAVEPOINT session").await
    }

    /// Undoes everything since [`Transaction::savepoint`] and releases the savepoint.
    pub async fn roll_back_to_savepoint(&self) -> Result<()> {
        self.batch("ROLLBACK TO SAVEPOINT session; RELEASE SAVEPOINT session").await
    }

    /// Locks users until the transaction ends: whoever writes rows of a user, or deletes them, holds that user's lock. The
    /// users are locked in the order of their ids, so that two transactions do not deadlock.
    pub async fn lock_users(&self, mut user_ids: Vec<String>) -> Result<()> {
        user_ids.sort_unstable();
        user_ids.dedup();
        self.lock(user_ids).await
    }

    /// Locks the directory against other commands of operators until the transaction ends. Comes before the locks of users.
    pub async fn lock_directory(&self) -> Result<()> {
        self.lock(vec!["directory".to_owned()]).await
    }

    /// Takes an advisory lock on each of these names, in their order. SQLite has a single writer and needs none.
    async fn lock(&self, names: Vec<String>) -> Result<()> {
        match self {
            Transaction::Sqlite(_) => Ok(()),
            Transaction::Postgres(tx) => tx.lock(names).await,
        }
    }

    async fn batch(&self, sql: &str) -> Result<()> {
        count_statement();
        match self {
            Transaction::Sqlite(tx) => tx.batch(sql),
            Transaction::Postgres(tx) => tx.batch(sql).await,
        }
    }

    /// True in SQLite, which has one writer.
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Transaction::Sqlite(_))
    }

    pub async fn commit(self) -> Result<()> {
        match self {
            Transaction::Sqlite(tx) => tx.commit(),
            Transaction::Postgres(tx) => tx.commit().await,
        }
    }
}
