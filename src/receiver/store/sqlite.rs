//! The embedded store: one SQLite file, many readers, one writer.
//!
//! Invariants: what was acknowledged survives a power cut (`synchronous=FULL`); a writer takes its lock at the start
//! (`BEGIN IMMEDIATE`), so that nothing it read can change under it; calls into SQLite never hold up the runtime's other
//! tasks.

use super::db::{Dialect, Result, Row, STATEMENTS, StoreError, Value};
use super::migrate;
use super::rows::{InsertMany, Rows, SelectByKeys, ValueRef};
use rusqlite::config::DbConfig;
use rusqlite::types::{self, ToSqlOutput};
use rusqlite::{Connection, ErrorCode, ToSql};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;

/// How long a transaction waits for the writer of another process (an `admin` command beside `serve`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// Readers at once; SQLite reads from memory or a local disk, so a few saturate the machine.
const READERS_MAX: usize = 4;
/// Prepared statements kept per connection: more than the program has.
const STATEMENTS_MAX: usize = 160;

/// The file, and its open connections.
pub struct Sqlite {
    readers: Arc<Pool>,
    writer: Arc<Pool>,
}

/// Connections that wait for work; a permit stands for each that may be out.
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Sqlite {
    /// Opens the file, creates it where it is missing, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Sqlite> {
        create_private(path)?;
        let mut connection = connect(path)?;
        become_wal(&connection)?;
        migrate(&mut connection)?;
        let pool = |size| {
            Arc::new(Pool {
                path: path.to_owned(),
                idle: Mutex::new(Vec::new()),
                permits: Arc::new(Semaphore::new(size)),
            })
        };
        let (readers, writer) = (pool(READERS_MAX), pool(1));
        writer.give_back(connection);
        Ok(Sqlite { readers, writer })
    }

    pub async fn read(&self) -> Result<SqliteTx> {
        SqliteTx::begin(&self.readers, "BEGIN DEFERRED").await
    }

    pub async fn write(&self) -> Result<SqliteTx> {
        SqliteTx::begin(&self.writer, "BEGIN IMMEDIATE").await
    }

    /// `None` while someone else writes, here or in another process.
    pub fn write_if_idle(&self) -> Result<Option<SqliteTx>> {
        let Ok(permit) = self.writer.permits.clone().try_acquire_owned() else { return Ok(None) };
        match SqliteTx::begin_with(permit, &self.writer, "BEGIN IMMEDIATE", Duration::ZERO) {
            Err(StoreError::Contended(_)) => Ok(None),
            begun => begun.map(Some),
        }
    }
}

impl Pool {
    fn take(&self) -> Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
        idle.map_or_else(|| connect(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(connection);
    }
}

/// Creates the file for its owner alone, whatever the umask; SQLite gives its companions the same permissions.
fn create_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(StoreError::Unavailable(format!("the file {} cannot be created: {error}", path.display())))
        }
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => {
            StoreError::Unavailable(format!("the file {} cannot be opened", path.display()))
        }
        _ => fault(error),
    })?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Else SQLite plans a statement anew for each value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
    // What is pruned or forgotten does not stay readable in the file's free pages.
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;")
        .map_err(fault)?;
    Ok(connection)
}

/// UserLocks the file to WAL, which several processes may be trying at once: SQLite's own waiting does not cover this.
fn become_wal(connection: &Connection) -> Result<()> {
    let since = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if fault_is_contention(&error) && since.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result.map_err(fault),
        }
    }
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(fault)?;
    tx.execute_batch(&Dialect::Sqlite.spell(migrate::TABLE)).map_err(fault)?;
    let number = |sql: &str| tx.query_row(&Dialect::Sqlite.spell(sql), [], |row| row.get(0)).map_err(fault);
    for migration in migrate::pending(number(migrate::VERSION)?, number(migrate::UNRELEASED)?)? {
        tx.execute_batch(&migration.render(Dialect::Sqlite)).map_err(fault)?;
        tx.execute(migrate::RECORD, (migration.number, migration.name, crate::receiver::time::now_us()))
            .map_err(fault)?;
    }
    tx.commit().map_err(fault)
}

/// A transaction on one connection, which goes back to its pool at the end.
pub struct SqliteTx {
    pool: Arc<Pool>,
    connection: Option<Mutex<Connection>>,
    _permit: OwnedSemaphorePermit,
}

impl SqliteTx {
    async fn begin(pool: &Arc<Pool>, begin: &str) -> Result<SqliteTx> {
        let permit = pool
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Unavailable("shutting down".to_owned()))?;
        SqliteTx::begin_with(permit, pool, begin, BUSY_TIMEOUT)
    }

    fn begin_with(
        permit: OwnedSemaphorePermit,
        pool: &Arc<Pool>,
        begin: &str,
        patience: Duration,
    ) -> Result<SqliteTx> {
        block_in_place(|| {
            let connection = pool.take()?;
            let begun = connection
                .busy_timeout(patience)
                .and_then(|()| connection.execute_batch(begin))
                .and_then(|()| connection.busy_timeout(BUSY_TIMEOUT));
            match begun {
                Ok(()) => {
                    let connection = Some(Mutex::new(connection));
                    Ok(SqliteTx { pool: pool.clone(), connection, _permit: permit })
                }
                Err(error) => {
                    // Each transaction sets its own patience.
                    pool.give_back(connection);
                    Err(fault(error))
                }
            }
        })
    }

    /// The connection, while the transaction is open. Where a disk fails SQLite undoes all of it by itself, and what is
    /// asked after that would be no part of it.
    fn connection(&self) -> Result<MutexGuard<'_, Connection>> {
        let connection = self.connection.as_ref().expect("it is taken only when the transaction ends");
        let connection = connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if connection.is_autocommit() { Err(StoreError::Aborted) } else { Ok(connection) }
    }

    fn take_connection(&mut self) -> Option<Connection> {
        let connection = self.connection.take()?;
        Some(connection.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let sql = Dialect::Sqlite.spell(sql);
        block_in_place(|| {
            let connection = self.connection()?;
            let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
            bind(&mut statement, params)?;
            collect(&mut statement)
        })
    }

    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        let sql = Dialect::Sqlite.spell(sql);
        block_in_place(|| {
            let connection = self.connection()?;
            let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
            bind(&mut statement, params)?;
            Ok(statement.raw_execute().map_err(fault)? as u64)
        })
    }

    pub fn select_by_keys(&self, lookup: &SelectByKeys, keys: &Rows<'_>) -> Result<Vec<Row>> {
        let sql = lookup.of_one(|place| format!("?{}", lookup.common.len() + place + 1));
        self.each(&Dialect::Sqlite.spell(&sql), keys, lookup.keys.len(), collect)
            .map(|found| found.into_iter().flatten().collect())
    }

    pub fn insert_many(&self, bulk: &InsertMany, rows: &Rows<'_>) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        let run = |statement: &mut rusqlite::Statement<'_>| statement.raw_execute().map_err(fault);
        let changed = self.each(&insert(bulk), rows, bulk.columns.len(), run)?;
        Ok(changed.into_iter().sum::<usize>() as u64)
    }

    pub fn insert_many_returning(&self, bulk: &InsertMany, rows: &Rows<'_>) -> Result<Vec<Row>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        let returned = self.each(&insert(bulk), rows, bulk.columns.len(), collect)?;
        Ok(returned.into_iter().flatten().collect())
    }

    /// Runs a statement once for each row of a set.
    fn each<T>(
        &self,
        sql: &str,
        set: &Rows<'_>,
        width: usize,
        mut run: impl FnMut(&mut rusqlite::Statement<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        block_in_place(|| {
            let connection = self.connection()?;
            let mut statement = connection.prepare_cached(sql).map_err(fault)?;
            let mut results = Vec::with_capacity(set.cells.len() / width);
            for row in set.cells.chunks_exact(width) {
                let common = set.common.iter().map(|text| ValueRef::Text(text));
                for (index, cell) in common.chain(row.iter().copied()).enumerate() {
                    statement.raw_bind_parameter(index + 1, cell).map_err(fault)?;
                }
                results.push(run(&mut statement)?);
            }
            Ok(results)
        })
    }

    pub fn batch(&self, sql: &str) -> Result<()> {
        block_in_place(|| self.connection()?.execute_batch(sql).map_err(fault))
    }

    pub fn commit(mut self) -> Result<()> {
        block_in_place(|| self.connection()?.execute_batch("COMMIT").map_err(fault))?;
        if let Some(connection) = self.take_connection() {
            self.pool.give_back(connection);
        }
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        let Some(connection) = self.take_connection() else { return };
        // A connection whose transaction cannot be undone is closed, which undoes it.
        if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            self.pool.give_back(connection);
        }
    }
}

/// The `INSERT` of one row.
fn insert(bulk: &InsertMany) -> String {
    let columns = bulk.columns.iter().map(|column| column.0);
    let names: Vec<&str> = bulk.common.iter().copied().chain(columns).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) {}",
        bulk.table,
        names.join(", "),
        places.join(", "),
        Dialect::Sqlite.spell(bulk.tail)
    )
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<()> {
    for (index, value) in params.iter().enumerate() {
        // A statement need not use every parameter that its PostgreSQL spelling has.
        if let Some(place) = statement.parameter_index(&format!("${}", index + 1)).map_err(fault)? {
            statement.raw_bind_parameter(place, value).map_err(fault)?;
        }
    }
    Ok(())
}

fn collect(statement: &mut rusqlite::Statement<'_>) -> Result<Vec<Row>> {
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut collected = Vec::new();
    while let Some(row) = rows.next().map_err(fault)? {
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            values.push(match row.get_ref(column).map_err(fault)? {
                types::ValueRef::Null => Value::Null,
                types::ValueRef::Integer(number) => Value::Int(number),
                types::ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                types::ValueRef::Real(_) | types::ValueRef::Blob(_) => {
                    return Err(StoreError::Internal(format!("column {column} is no text and no integer")));
                }
            });
        }
        collected.push(Row(values));
    }
    Ok(collected)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Borrowed(types::ValueRef::Null),
            Value::Int(number) => ToSqlOutput::Borrowed(types::ValueRef::Integer(*number)),
            Value::Bool(flag) => ToSqlOutput::Borrowed(types::ValueRef::Integer(i64::from(*flag))),
            Value::Text(text) => ToSqlOutput::Borrowed(types::ValueRef::Text(text.as_bytes())),
            Value::Texts(texts) => {
                let json = serde_json::to_string(texts)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                ToSqlOutput::Owned(json.into())
            }
        })
    }
}

impl ToSql for ValueRef<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            ValueRef::Null => types::ValueRef::Null,
            ValueRef::Int(number) => types::ValueRef::Integer(*number),
            ValueRef::Bool(flag) => types::ValueRef::Integer(i64::from(*flag)),
            ValueRef::Text(text) => types::ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn fault_is_contention(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn fault(error: rusqlite::Error) -> StoreError {
    if fault_is_contention(&error) {
        return StoreError::Contended(error.to_string());
    }
    let next_step = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space on its disk",
        Some(ErrorCode::SystemIoFailure) => "check its disk",
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            "check that this user may write it and its folder"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "check its path and its disk, else bring back a backup"
        }
        _ => return StoreError::Internal(error.to_string()),
    };
    StoreError::Unavailable(format!("{error}; {next_step}"))
}
