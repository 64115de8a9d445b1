//! The hosted platform's database: pooled connections to PostgreSQL.
//!
//! Invariants: a transaction acts under the role of its role, set with `SET LOCAL`, as are its tenant and user, so that a
//! pooled connection carries nothing over; a connection whose transaction did not end is closed, not pooled. Statements
//! are sent as soon as they are made, and answered in that order.

use super::db::{DbRole, Dialect, Result, Row, STATEMENTS, StoreError, Value, Visibility};
use super::migrate;
use super::rows::{ColumnType, InsertMany, Rows, SelectByKeys, ValueRef};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use std::collections::VecDeque;
use std::error::Error as _;
use std::future::{poll_fn, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connections per receiver unless `HAN_SYNC_POOL` says otherwise: PostgreSQL's default is 100 for all of them.
const CONNECTIONS_DEFAULT: usize = 16;
/// For a connection: to be established, or to come free.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one statement and for one lock, so that no request hangs on the database.
const SESSION_SETTINGS: &str =
    "-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s";
/// Bytes of text in one statement that stores a set, about: connections keep the largest buffer that they ever needed.
const STATEMENT_BYTES: usize = 1 << 20;
/// Names the lock under which migrations run: `han-sync` as a number.
const MIGRATION_LOCK: i64 = 0x6861_6e2d_7379_6e63;

/// The pool.
pub struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects and brings the schema up to date, under a lock that receivers who start at the same time wait for.
    pub async fn open(url: &str) -> Result<Postgres> {
        let mut config = parse_url(url)?;
        config.connect_timeout(CONNECT_TIMEOUT);
        let options = config.get_options().map_or_else(
            || SESSION_SETTINGS.to_owned(),
            |given| format!("{SESSION_SETTINGS} {given}"), // what the operator says comes last and wins
        );
        config.options(&options).application_name("han-sync-receiver");
        let recycle = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if wants_tls(url, &config) {
            Manager::from_config(config, tls()?, recycle)
        } else {
            config.ssl_mode(SslMode::Disable);
            Manager::from_config(config, NoTls, recycle)
        };
        let connections = std::env::var("HAN_SYNC_POOL").ok().and_then(|text| text.parse().ok());
        let pool = Pool::builder(manager)
            .max_size(connections.filter(|size| *size > 0).unwrap_or(CONNECTIONS_DEFAULT))
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        let store = Postgres { pool };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<()> {
        let client = self.connection().await?;
        // The whole of it is one transaction: the lock ends with it, and a half-made schema never is.
        let result = migrate_in_transaction(&client).await;
        if result.is_err() {
            drop(Object::take(client));
        }
        result
    }

    async fn connection(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => match fault(&error) {
                StoreError::Internal(text) => StoreError::Unavailable(text),
                other => other,
            },
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    pub async fn begin(&self, role: DbRole, read_only: bool) -> Result<PostgresTx> {
        let client = self.connection().await?;
        let mode = if read_only { "READ ONLY" } else { "READ WRITE" };
        // A page of a connection and its counts are read at one moment; writers lock what they depend on.
        let isolation = if read_only { "REPEATABLE READ" } else { "READ COMMITTED" };
        let role_name = match role {
            DbRole::Directory => "han_sync_directory",
            DbRole::Request => "han_sync_request",
            DbRole::Operator => "han_sync_operator",
        };
        // An operator's prune or export takes as long as it takes; nobody waits for an answer over HTTP.
        let settings = match role {
            DbRole::Operator => {
                "; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
            }
            // All that a batch does is found by whole keys. A plan that was made while a table was small would stay when
            // it is not.
            DbRole::Request if !read_only => "; SET LOCAL enable_seqscan = off",
            DbRole::Directory | DbRole::Request => "",
        };
        let begin = format!("BEGIN ISOLATION LEVEL {isolation} {mode}; SET LOCAL ROLE {role_name}{settings}");
        let tx = PostgresTx { client: Some(Arc::new(client)), sent: Mutex::default(), read_only };
        let client = tx.client().clone();
        tx.send_off(async move { client.batch_execute(&begin).await }).await;
        Ok(tx)
    }
}

async fn migrate_in_transaction(client: &Client) -> Result<()> {
    let run = async |sql: String| client.batch_execute(&sql).await.map_err(|error| fault(&error));
    // Ten receivers may start at once; the last waits for nine, which do nothing once they have the lock.
    run("BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0".to_owned()).await?;
    run(format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    run(Dialect::Postgres.spell(migrate::TABLE)).await?;
    let number = async |sql: &str| {
        let row =
            client.query_one(&Dialect::Postgres.spell(sql), &[]).await.map_err(|error| fault(&error))?;
        row.try_get::<_, i64>(0).map_err(|error| fault(&error))
    };
    for migration in migrate::pending(number(migrate::VERSION).await?, number(migrate::UNRELEASED).await?)? {
        run(migration.render(Dialect::Postgres)).await?;
        let now = crate::receiver::time::now_us();
        client
            .execute(migrate::RECORD, &[&migration.number, &migration.name, &now])
            .await
            .map_err(|error| fault(&error))?;
    }
    run("COMMIT".to_owned()).await
}

/// libpq's `verify-ca` and `verify-full` are what this program always does when it speaks TLS.
fn parse_url(url: &str) -> Result<Config> {
    let url =
        url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    url.parse().map_err(|_| {
        StoreError::refused("the store's URL cannot be parsed (it is not shown: it may hold a password)")
    })
}

/// Not where the bytes never leave the machine, unless it is asked for: a server there has a certificate that nobody
/// vouches for, if any.
fn wants_tls(url: &str, config: &Config) -> bool {
    let is_here = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    let is_local = config.get_hosts().iter().all(is_here) && addresses.iter().all(IpAddr::is_loopback);
    config.get_ssl_mode() != SslMode::Disable && (url.contains("sslmode=") || !is_local)
}

fn tls() -> Result<MakeRustlsConnect> {
    let failed = |error: String| StoreError::Internal(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_platform_verifier()
        .map_err(|error| failed(error.to_string()))?
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// A transaction on one connection, which goes back to the pool when it ended well.
pub struct PostgresTx {
    client: Option<Arc<Object>>,
    /// Statements that were sent and not waited for.
    sent: Mutex<VecDeque<Sent>>,
    read_only: bool,
}

/// The answer to a statement.
type Sent = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

impl PostgresTx {
    fn client(&self) -> &Arc<Object> {
        self.client.as_ref().expect("it is taken only when the transaction ends")
    }

    fn sent(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends what is sent when `work` is first polled, and keeps its answer for later.
    async fn send_off(&self, work: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
        let mut work: Sent = Box::pin(work);
        if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            work = Box::pin(ready(done));
        }
        self.sent().push_back(work);
    }

    /// Waits for everything that was sent off. The error is the first one's: those after it fail for that.
    async fn settled(&self) -> Result<()> {
        let mut settled = Ok(());
        loop {
            let Some(work) = self.sent().pop_front() else { return settled };
            settled = settled.and(work.await.map_err(|error| fault(&error)));
        }
    }

    /// The answer to `work`, unless something failed that was sent off before it.
    async fn answer<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        let (settled, done) = tokio::join!(biased; self.settled(), Box::pin(work));
        settled?;
        done.map_err(|error| fault(&error))
    }

    pub async fn enter(&self, tenant: &str, user: &str, visibility: Visibility) -> Result<()> {
        let sql = "SELECT set_config('han.tenant', $1, true), set_config('han.user', $2, true), \
                   set_config('han.visibility', $3, true)";
        self.send(sql, vec![tenant.into(), user.into(), visibility.as_str().into()]).await
    }

    pub async fn send(&self, sql: &str, params: Vec<Value>) -> Result<()> {
        let client = self.client().clone();
        // Before anything is sent off: it may itself ask the database, and what comes next must come after this.
        let statement = match client.prepare_cached(&Dialect::Postgres.spell(sql)).await {
            Ok(statement) => statement,
            Err(error) => return self.answer(ready(Err(error))).await,
        };
        let run = async move { client.execute(&statement, &values(&params)).await.map(|_| ()) };
        self.send_off(run).await;
        Ok(())
    }

    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        self.run(&Dialect::Postgres.spell(sql), &values(params)).await
    }

    async fn run(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let client = self.client();
        let ask = async { client.query(&client.prepare_cached(sql).await?, params).await };
        self.answer(ask).await?.iter().map(read_row).collect()
    }

    async fn change(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let client = self.client();
        self.answer(async { client.execute(&client.prepare_cached(sql).await?, params).await }).await
    }

    pub async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        self.change(&Dialect::Postgres.spell(sql), &values(params)).await
    }

    pub async fn select_by_keys(&self, lookup: &SelectByKeys, keys: &Rows<'_>) -> Result<Vec<Row>> {
        let names: Vec<&str> = lookup.keys.iter().map(|key| key.0).collect();
        let arrays = arrays(lookup.common.len(), lookup.keys);
        // The LIMIT keeps the planner from making one join of it, which would be another with every guess of how much
        // is stored.
        let sql = format!(
            "SELECT found.* FROM unnest({}) AS key ({}) CROSS JOIN LATERAL ({}) AS found",
            arrays.join(", "),
            names.join(", "),
            lookup.of_one(|place| format!("key.{}", names[place]))
        );
        let columns = columns(&keys.cells, lookup.keys.len());
        self.run(&Dialect::Postgres.spell(&sql), &params(&keys.common, &columns)).await
    }

    pub async fn insert_many(&self, bulk: &InsertMany, rows: &Rows<'_>) -> Result<u64> {
        let sql = insert(bulk);
        let mut changed = 0;
        for part in parts(&rows.cells, bulk.columns.len()) {
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
            let columns = columns(part, bulk.columns.len());
            changed += self.change(&sql, &params(&rows.common, &columns)).await?;
        }
        Ok(changed)
    }

    pub async fn insert_many_returning(&self, bulk: &InsertMany, rows: &Rows<'_>) -> Result<Vec<Row>> {
        let sql = insert(bulk);
        let mut returned = Vec::new();
        for part in parts(&rows.cells, bulk.columns.len()) {
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
            let columns = columns(part, bulk.columns.len());
            returned.extend(self.run(&sql, &params(&rows.common, &columns)).await?);
        }
        Ok(returned)
    }

    pub async fn lock(&self, names: Vec<String>) -> Result<()> {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name";
        self.send(sql, vec![names.into()]).await
    }

    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.answer(self.client().batch_execute(sql)).await
    }

    pub async fn commit(mut self) -> Result<()> {
        if self.read_only {
            // Nothing is made to last, so nobody needs to wait: the connection's next transaction comes after it.
            let client = self.client().clone();
            self.settled().await?;
            self.send_off(async move { client.batch_execute("COMMIT").await }).await;
        } else {
            self.batch("COMMIT").await?;
        }
        self.sent().clear();
        self.client.take(); // back to the pool
        Ok(())
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        // They hold the connection, too.
        self.sent().clear();
        if let Some(client) = self.client.take().and_then(Arc::into_inner) {
            // Closing the connection undoes the transaction, whatever state it is in.
            drop(Object::take(client));
        }
    }
}

/// The `INSERT` of a set: what is common to its rows, then an array for each of the other columns.
fn insert(bulk: &InsertMany) -> String {
    let columns = bulk.columns.iter().map(|column| column.0);
    let names: Vec<&str> = bulk.common.iter().copied().chain(columns).collect();
    let common = (1..=bulk.common.len()).map(|place| format!("${place}"));
    // Not in FROM, where each array would be written down before the first row is.
    let unnested =
        arrays(bulk.common.len(), bulk.columns).into_iter().map(|array| format!("unnest({array})"));
    let values: Vec<String> = common.chain(unnested).collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} {}",
        bulk.table,
        names.join(", "),
        values.join(", "),
        Dialect::Postgres.spell(bulk.tail)
    )
}

/// The parameters that stand for columns, after those that stand for what is common.
fn arrays(common: usize, columns: &[(&str, ColumnType)]) -> Vec<String> {
    let array = |(index, column): (usize, &(&str, ColumnType))| {
        format!("${}::{}[]", common + index + 1, type_name(column.1))
    };
    columns.iter().enumerate().map(array).collect()
}

/// The columns of rows of this width.
fn columns<'a>(cells: &'a [ValueRef<'a>], width: usize) -> Vec<Column<'a>> {
    (0..width).map(|column| Column { cells, column, width }).collect()
}

fn values(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

fn params<'a>(common: &'a [&'a str], columns: &'a [Column<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    let common = common.iter().map(|text| text as &(dyn ToSql + Sync));
    common.chain(columns.iter().map(|column| column as _)).collect()
}

/// Cuts rows into parts of about [`STATEMENT_BYTES`].
fn parts<'a>(cells: &'a [ValueRef<'a>], width: usize) -> Vec<&'a [ValueRef<'a>]> {
    let mut parts = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, row) in cells.chunks_exact(width).enumerate() {
        bytes += row
            .iter()
            .map(|cell| if let ValueRef::Text(text) = cell { text.len() } else { 0 })
            .sum::<usize>();
        let end = (index + 1) * width;
        if bytes >= STATEMENT_BYTES || end == cells.len() {
            parts.push(&cells[begin..end]);
            (begin, bytes) = (end, 0);
        }
    }
    parts
}

fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Int => "bigint",
        ColumnType::Bool => "boolean",
    }
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row> {
    let read = |column: usize, ty: &Type| -> Result<Value, tokio_postgres::Error> {
        Ok(match *ty {
            Type::INT8 => row.try_get::<_, Option<i64>>(column)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(column)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(column)?.into(),
            Type::VOID => Value::Null,
            _ => row.try_get::<_, Option<String>>(column)?.into(),
        })
    };
    let values = row.columns().iter().enumerate().map(|(index, column)| read(index, column.type_()));
    Ok(Row(values.collect::<Result<_, _>>().map_err(|error| StoreError::Internal(error.to_string()))?))
}

/// One column of a set of rows, which PostgreSQL gets as an array.
#[derive(Debug, Clone, Copy)]
struct Column<'a> {
    cells: &'a [ValueRef<'a>],
    column: usize,
    width: usize,
}

impl ToSql for Column<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let cells: Vec<&ValueRef> = self.cells.iter().skip(self.column).step_by(self.width).collect();
        // Where one array ends before others PostgreSQL goes on with nulls, and many a column is nothing else.
        let length = cells.iter().rposition(|cell| **cell != ValueRef::Null).map_or(0, |last| last + 1);
        (&cells[..length]).to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Vec<ValueRef<'_>> as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl ToSql for ValueRef<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            ValueRef::Null => Ok(IsNull::Yes),
            ValueRef::Int(number) => number.to_sql(ty, out),
            ValueRef::Bool(flag) => flag.to_sql(ty, out),
            ValueRef::Text(text) => text.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::BOOL | Type::TEXT)
    }

    to_sql_checked!();
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Bool(flag) => flag.to_sql(ty, out),
            // Only a question can still hold U+0000; what is stored was cleaned. It is no text here, so nothing matches.
            Value::Text(text) if text.contains('\0') => text.replace('\0', "\u{FFFD}").to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
            Value::Texts(texts) => texts.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::BOOL | Type::TEXT | Type::VARCHAR | Type::TEXT_ARRAY)
    }

    to_sql_checked!();
}

/// Sorts an error into what can be done about it. Only the code and the server's main message are kept: details quote
/// the row.
fn fault(error: &tokio_postgres::Error) -> StoreError {
    let Some(database) = error.as_db_error() else {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        let connection_is_gone = error.is_closed()
            || error.source().is_some_and(|source| source.is::<std::io::Error>())
            || error.to_string().contains("connect");
        let text = format!("{error}{cause}");
        return if connection_is_gone { StoreError::Unavailable(text) } else { StoreError::Internal(text) };
    };
    let text = format!("{} ({})", database.message(), database.code().code());
    match *database.code() {
        SqlState::IN_FAILED_SQL_TRANSACTION => StoreError::Aborted,
        SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::LOCK_NOT_AVAILABLE => StoreError::Contended(text),
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::DISK_FULL
        | SqlState::OUT_OF_MEMORY
        | SqlState::QUERY_CANCELED
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Unavailable(text),
        ref code if code.code().starts_with("08") => StoreError::Unavailable(text),
        _ => StoreError::Internal(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_spoken_unless_the_server_is_on_this_machine() {
        for (url, expected) in [
            ("postgres://u@db.example.com/x", true),
            ("postgres://u@10.0.0.7/x", true),
            ("postgres://u@localhost,db.example.com/x", true),
            ("postgres://u@localhost/x", false),
            ("postgres://u@127.0.0.1:5433/x", false),
            ("postgres:///x?host=/var/run/postgresql", false),
            ("postgres://u@localhost/x?sslmode=require", true),
            ("postgres://u@localhost/x?sslmode=verify-full", true),
            ("postgres://u@db.example.com/x?sslmode=disable", false),
        ] {
            let config = parse_url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(wants_tls(url, &config), expected, "{url}");
        }
    }
}
