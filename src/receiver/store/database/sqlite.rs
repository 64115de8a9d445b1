//! SQLite: one file, several readers, one writer.
//!
//! Invariants: a committed transaction survives a power cut (`synchronous=FULL`); a writer takes its lock at the start
//! (`BEGIN IMMEDIATE`), so that nothing that it has read changes under it; calls into SQLite never block the runtime's
//! other tasks.

use super::migrate;
use super::private_file::{create_private, require_private};
use super::sqlite_statement::{bind, is_contention, read_rows, store_error, visit_rows};
use crate::receiver::limits::{QUERY_STATEMENT_TIMEOUT, query_statements_max};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{
    Dialect, InsertMany, ReadBudget, Row, Rows, SelectByKeys, SelectPages, Value, ValueRef, count_statement,
};
use crate::receiver::time;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Statement, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;

/// Timeout of the wait for the writer of another process (an `admin` command beside `serve`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause between attempts to switch a new file to WAL.
const WAL_RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Free space below which the disk counts as full.
const FREE_BYTES_MIN: u64 = 1 << 20;
/// Readers at once: SQLite reads from memory or a local disk, so a few saturate the machine.
const READERS_MAX: usize = 4;
/// Steps of SQLite's virtual machine between two looks at a statement's deadline: about a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 100_000;
/// Prepared statements cached per connection: more than the program has.
const CACHED_STATEMENTS_MAX: usize = 160;

/// Settings of a connection. On macOS fsync leaves data in the disk's cache: the two `fullfsync` flush it. `secure_delete`:
/// deleted text does not stay readable in the file. `FAST` would leave it on pages that a deletion frees as a whole, which long
/// texts are on.
const PRAGMAS: &str = "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; \
    PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;";

/// An opened SQLite file and its idle connections.
pub struct Sqlite {
    readers: Arc<ConnectionPool>,
    queries: Arc<ConnectionPool>,
    writer: Arc<ConnectionPool>,
}

/// Idle connections to one file. A connection is taken under a permit, which bounds their number.
struct ConnectionPool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Sqlite {
    /// Opens the file, creates it where it is missing, and migrates its schema.
    pub fn open(path: &Path) -> Result<Sqlite> {
        create_private(path)?;
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            require_private(Path::new(&file), "store")?;
        }
        let mut connection = connect(path)?;
        switch_to_wal(&connection)?;
        migrate(&mut connection)?;
        let pool = |size| {
            Arc::new(ConnectionPool {
                path: path.to_owned(),
                idle: Mutex::new(Vec::new()),
                permits: Arc::new(Semaphore::new(size)),
            })
        };
        let (readers, queries, writer) = (pool(READERS_MAX), pool(query_statements_max()), pool(1));
        writer.give_back(connection);
        Ok(Sqlite { readers, queries, writer })
    }

    /// Rejects a file whose disk is full. A write of a few bytes may still find room in the WAL.
    pub fn require_space(&self) -> Result<()> {
        let path = &self.writer.path;
        let Ok(disk) = rustix::fs::statvfs(path) else { return Ok(()) };
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free_bytes >= FREE_BYTES_MIN {
            return Ok(());
        }
        Err(StoreError::Unavailable(format!(
            "the disk of {} is full ({free_bytes} bytes are left): free {FREE_BYTES_MIN} or more",
            path.display()
        )))
    }

    /// Copies the store to an empty file, in one snapshot and without what was deleted. A damaged table is an error.
    pub fn copy_to(&self, path: &str) -> Result<()> {
        block_in_place(|| {
            let connection = connect(&self.readers.path)?;
            connection.execute("VACUUM INTO ?1", [path]).map(|_| ()).map_err(store_error)
        })
    }

    /// Begins a transaction that writes, and that reads the file at `path` as the schema `attached`.
    pub async fn write_attached(&self, path: &str) -> Result<SqliteTransaction> {
        let quoted = path.replace('\'', "''");
        let begin = format!("ATTACH '{quoted}' AS attached; BEGIN IMMEDIATE");
        SqliteTransaction::begin(&self.writer, &begin).await
    }

    pub async fn read(&self) -> Result<SqliteTransaction> {
        SqliteTransaction::begin(&self.readers, "BEGIN DEFERRED").await
    }

    pub async fn query(&self, budget: Option<Arc<ReadBudget>>) -> Result<SqliteTransaction> {
        let mut tx = SqliteTransaction::begin(&self.queries, "BEGIN DEFERRED").await?;
        (tx.statement_timeout, tx.budget) = (Some(QUERY_STATEMENT_TIMEOUT), budget);
        Ok(tx)
    }

    pub async fn write(&self) -> Result<SqliteTransaction> {
        SqliteTransaction::begin(&self.writer, "BEGIN IMMEDIATE").await
    }

    /// Begins a transaction that writes, or returns `None` while another writes, in this process or another.
    pub fn write_if_idle(&self) -> Result<Option<SqliteTransaction>> {
        let Ok(permit) = self.writer.permits.clone().try_acquire_owned() else { return Ok(None) };
        match SqliteTransaction::begin_with(permit, &self.writer, "BEGIN IMMEDIATE", Duration::ZERO) {
            Err(StoreError::Contended(_)) => Ok(None),
            begun => begun.map(Some),
        }
    }
}

impl ConnectionPool {
    fn take(&self) -> Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
        idle.map_or_else(|| connect(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(connection);
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => {
            StoreError::Unavailable(format!("the file {} cannot be opened", path.display()))
        }
        _ => store_error(error),
    })?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(store_error)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS_MAX);
    // Without it SQLite prepares a statement again for each value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(store_error)?;
    connection.execute_batch(PRAGMAS).map_err(store_error)?;
    Ok(connection)
}

/// Switches the file to WAL. Several processes may try at once, which SQLite's busy timeout does not cover.
fn switch_to_wal(connection: &Connection) -> Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if is_contention(&error) && started.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(WAL_RETRY_PAUSE);
            }
            result => return result.map_err(store_error),
        }
    }
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    tx.execute_batch(&Dialect::Sqlite.render(migrate::CREATE_TABLE)).map_err(store_error)?;
    let number =
        |sql: &str| tx.query_row(&Dialect::Sqlite.render(sql), [], |row| row.get(0)).map_err(store_error);
    for migration in migrate::pending(number(migrate::SELECT_VERSION)?, number(migrate::COUNT_UNRELEASED)?)? {
        tx.execute_batch(&migration.render(Dialect::Sqlite)).map_err(store_error)?;
        tx.execute(migrate::INSERT_RECORD, (migration.number, migration.name, time::now_us()))
            .map_err(store_error)?;
    }
    tx.commit().map_err(store_error)
}

/// A transaction on one connection, which goes back to its pool at the end.
pub struct SqliteTransaction {
    pool: Arc<ConnectionPool>,
    /// `None` once the transaction has ended.
    connection: Option<Mutex<Connection>>,
    /// Of a query.
    statement_timeout: Option<Duration>,
    budget: Option<Arc<ReadBudget>>,
    _permit: OwnedSemaphorePermit,
}

impl SqliteTransaction {
    async fn begin(pool: &Arc<ConnectionPool>, begin: &str) -> Result<SqliteTransaction> {
        let permit = pool
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Unavailable("shutting down".to_owned()))?;
        SqliteTransaction::begin_with(permit, pool, begin, BUSY_TIMEOUT)
    }

    fn begin_with(
        permit: OwnedSemaphorePermit,
        pool: &Arc<ConnectionPool>,
        begin: &str,
        busy_timeout: Duration,
    ) -> Result<SqliteTransaction> {
        block_in_place(|| {
            let connection = pool.take()?;
            let begun = connection
                .busy_timeout(busy_timeout)
                .and_then(|()| connection.execute_batch(begin))
                .and_then(|()| connection.busy_timeout(BUSY_TIMEOUT));
            match begun {
                Ok(()) => Ok(SqliteTransaction {
                    pool: pool.clone(),
                    connection: Some(Mutex::new(connection)),
                    statement_timeout: None,
                    budget: None,
                    _permit: permit,
                }),
                Err(error) => {
                    // Whatever timeout it has now, the next transaction sets its own.
                    pool.give_back(connection);
                    Err(store_error(error))
                }
            }
        })
    }

    /// The connection for one statement, while the transaction is open. SQLite rolls back by itself when the disk fails, and a statement
    /// after that would run outside the transaction.
    fn connection(&self) -> Result<MutexGuard<'_, Connection>> {
        let connection = self.connection.as_ref().ok_or(StoreError::Aborted)?;
        let connection = connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if connection.is_autocommit() {
            return Err(StoreError::Aborted);
        }
        self.set_deadline(connection)
    }

    /// Sets the deadline of the next statement, if the transaction has one.
    fn set_deadline<'c>(
        &self,
        mut connection: MutexGuard<'c, Connection>,
    ) -> Result<MutexGuard<'c, Connection>> {
        if let Some(timeout) = self.statement_timeout {
            let deadline = Instant::now() + timeout;
            let is_late = move || Instant::now() >= deadline;
            connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(is_late)).map_err(store_error)?;
        }
        Ok(connection)
    }

    fn take_connection(&mut self) -> Option<Connection> {
        let connection = self.connection.take()?;
        Some(connection.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let mut read = Vec::new();
        self.for_each(sql, params, |row| {
            read.push(row);
            Ok(())
        })?;
        Ok(read)
    }

    pub fn for_each(&self, sql: &str, params: &[Value], visit: impl FnMut(Row) -> Result<()>) -> Result<()> {
        let sql = Dialect::Sqlite.render(sql);
        block_in_place(|| {
            let connection = self.connection()?;
            let mut statement = connection.prepare_cached(&sql).map_err(store_error)?;
            bind(&mut statement, params)?;
            visit_rows(&mut statement, self.budget.as_deref(), visit)
        })
    }

    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        let sql = Dialect::Sqlite.render(sql);
        block_in_place(|| {
            let connection = self.connection()?;
            let mut statement = connection.prepare_cached(&sql).map_err(store_error)?;
            bind(&mut statement, params)?;
            Ok(statement.raw_execute().map_err(store_error)? as u64)
        })
    }

    pub fn select_by_keys(&self, select: &SelectByKeys, keys: &Rows<'_>) -> Result<Vec<Row>> {
        let sql = select.select_one(|index| format!("?{}", select.common.len() + index + 1));
        self.run_for_each(&Dialect::Sqlite.render(&sql), keys, select.keys.len(), |statement| {
            read_rows(statement, self.budget.as_deref())
        })
        .map(|found| found.into_iter().flatten().collect())
    }

    pub fn select_pages(
        &self,
        select: &SelectPages<'_>,
        params: &[Value],
        keys: Vec<String>,
    ) -> Result<Vec<Row>> {
        let sql = select.select_one(&format!("${}", params.len() + 1));
        let mut read = Vec::new();
        for key in keys {
            read.extend(self.query(&sql, &[params, &[key.into()]].concat())?);
        }
        Ok(read)
    }

    pub fn insert_many(&self, insert: &InsertMany, rows: &Rows<'_>) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        count_statement();
        let run = |statement: &mut Statement<'_>| statement.raw_execute().map_err(store_error);
        let changed = self.run_for_each(&insert_sql(insert), rows, insert.columns.len(), run)?;
        Ok(changed.into_iter().sum::<usize>() as u64)
    }

    pub fn insert_many_returning(&self, insert: &InsertMany, rows: &Rows<'_>) -> Result<Vec<Row>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        count_statement();
        let returned = self.run_for_each(&insert_sql(insert), rows, insert.columns.len(), |statement| {
            read_rows(statement, None)
        })?;
        Ok(returned.into_iter().flatten().collect())
    }

    /// Runs a statement once for each row.
    fn run_for_each<T>(
        &self,
        sql: &str,
        rows: &Rows<'_>,
        width: usize,
        mut run: impl FnMut(&mut Statement<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        block_in_place(|| {
            let connection = self.connection()?;
            let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
            let mut results = Vec::with_capacity(rows.values.len() / width);
            for row in rows.values.chunks_exact(width) {
                let common = rows.common.iter().map(|text| ValueRef::Text(text));
                for (index, value) in common.chain(row.iter().copied()).enumerate() {
                    statement.raw_bind_parameter(index + 1, value).map_err(store_error)?;
                }
                results.push(run(&mut statement)?);
            }
            Ok(results)
        })
    }

    pub fn batch(&self, sql: &str) -> Result<()> {
        block_in_place(|| self.connection()?.execute_batch(sql).map_err(store_error))
    }

    pub fn commit(mut self) -> Result<()> {
        self.batch("COMMIT")?;
        if let Some(connection) = self.take_connection() {
            self.pool.give_back(connection);
        }
        Ok(())
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let Some(connection) = self.take_connection() else { return };
        // A connection that cannot roll back is closed, which rolls back.
        if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            self.pool.give_back(connection);
        }
    }
}

/// The `INSERT` of one row.
fn insert_sql(insert: &InsertMany) -> String {
    let count = insert.common.len() + insert.columns.len();
    let params: Vec<String> = (1..=count).map(|index| format!("?{index}")).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) {}",
        insert.table,
        insert.column_list(),
        params.join(", "),
        Dialect::Sqlite.render(insert.tail)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_and_checkpoint_flush_the_disk_cache_on_every_platform() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("team.db")).unwrap();
        for (pragma, value) in
            [("synchronous", 2), ("fullfsync", 1), ("checkpoint_fullfsync", 1), ("secure_delete", 1)]
        {
            let found: i64 = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap();
            assert_eq!(found, value, "{pragma}");
        }
    }
}
