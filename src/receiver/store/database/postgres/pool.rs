//! The pools of connections: opens the database, migrates it, and begins transactions.
//!
//! Invariant: queries have a pool of their own, so that slow ones take no connection from batches and authentication, and a
//! statement of a query keeps one processor of the server busy and no more.

use super::access;
use super::citus::{Distribution, has_citus, require_one_server};
use super::connect::{CONNECT_TIMEOUT, ConnectionAttempt, SESSION_SETTINGS, connection_attempts};
use super::dump;
use super::libpq;
use super::roles::{RoleNames, quoted};
use super::statement::{StatementForm, row, rows, store_error};
use super::transaction::{PostgresTransaction, TransactionForm};
use super::views;
use crate::receiver::limits::{
    CONNECTION_AGE_MAX, LOOKUP_TIMEOUT, QUERY_STATEMENT_TIMEOUT, SILENCE_MARGIN, STATEMENT_TIMEOUT,
    UPKEEP_TIMEOUT, WORK_TIMEOUT, query_statements_max,
};
use crate::receiver::store::database::migrate;
use crate::receiver::store::database::role::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{Dialect, ReadBudget};
use crate::receiver::time;
use deadpool_postgres::{Hook, HookError, Manager, Metrics, Object, Pool, PoolError, Runtime};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Share of the connections that queries have, and at least one.
const QUERY_SHARE_DIVISOR: usize = 8;
/// Connections per receiver unless `HAN_SYNC_POOL` is set: PostgreSQL's default is 100 for all of its clients.
const CONNECTIONS_DEFAULT: usize = 16;
/// Schema and snapshot of the transaction, and the right of the connected user to see all that the current role sees.
const SELECT_SNAPSHOT: &str =
    "SELECT current_schema()::text, pg_export_snapshot(), pg_has_role(session_user, current_user, 'USAGE')";
/// The schema of the store's tables, or that in which they are made.
const SELECT_SCHEMA: &str = "\
    SELECT coalesce((SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.oid = to_regclass('migrations')), \
    current_schema()::text)";
/// True if the session has the settings of its start.
const SELECT_DIRECT: &str = "SELECT coalesce(current_setting('han.direct', true), '') = '1'";
/// True if the server can compress text by LZ4, and its operator has chosen no method.
const SELECT_LZ4: &str = "\
    SELECT EXISTS (SELECT FROM pg_catalog.pg_settings \
    WHERE name = 'default_toast_compression' AND source = 'default' AND 'lz4' = ANY (enumvals))";
/// Setting of transactions that write, where [`SELECT_LZ4`] is true. It stores messages with content in less than half of the time
/// that PostgreSQL's default, pglz, takes.
const COMPRESS_BY_LZ4: &str = "; SET LOCAL default_toast_compression = 'lz4'";
/// Settings of transactions that write for a user, and of look-ups outside of queries, which read by whole keys: nested loops over
/// indexes. A table that was small when a statement was planned, or that grew since it was analyzed, would be scanned or hashed whole
/// for one row, and the plan is cached.
const BY_KEYS: &str =
    "; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";
/// Key of the advisory lock under which migrations run: `han-sync` as a number.
const MIGRATION_LOCK: i64 = 0x6861_6e2d_7379_6e63;

/// Choices of the operator for the pools, where there are any.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolOptions {
    /// Connections to PostgreSQL.
    pub connections: Option<usize>,
    /// Age at which a connection is replaced.
    pub age_max: Option<Duration>,
}

/// Between two attempts at that lock, of which one waits for a migration or for the other receivers that start.
const MIGRATION_LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Connections of a pool, and the transactions that wait for one.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolUse {
    /// Connections, idle ones included.
    pub open: usize,
    /// Connections without a transaction.
    pub idle: usize,
    /// Transactions that wait.
    pub waiting: usize,
}

/// Findings of opening a database.
struct OpenedDatabase {
    roles: RoleNames,
    schema: String,
    form: StatementForm,
    has_citus: bool,
    has_lz4: bool,
}

/// An opened PostgreSQL database.
pub struct Postgres {
    /// For batches, authentication and commands.
    pool: Pool,
    queries: Pool,
    roles: RoleNames,
    /// The schema with the store's tables.
    schema: String,
    form: StatementForm,
    /// Looked at again with each check of access: an operator may add the extension while receivers serve.
    has_citus: AtomicBool,
    has_lz4: bool,
    /// For PostgreSQL's own programs.
    url: String,
}

impl Postgres {
    /// Connects, with the chosen number of connections, and migrates the schema. Receivers that start at the same time migrate one after the other.
    pub async fn open(url: &str, chosen: PoolOptions) -> Result<Postgres> {
        let mut failed = None;
        let connections = chosen.connections.unwrap_or(CONNECTIONS_DEFAULT);
        let age_max = chosen.age_max.unwrap_or(CONNECTION_AGE_MAX);
        let of_queries = queries_of(connections, chosen.connections.is_some());
        for ConnectionAttempt { managers: [manager, query_manager], has_options } in connection_attempts(url)?
        {
            if !has_options && !failed.as_ref().is_some_and(rejects_options) {
                continue;
            }
            let of_batches = connections.saturating_sub(of_queries).max(1);
            let pool = pool_of(manager, of_batches, CONNECT_TIMEOUT, age_max)?;
            match connection(&pool).await {
                Ok(client) => {
                    let queries = pool_of(query_manager, of_queries, WORK_TIMEOUT, age_max)?;
                    let opened = Postgres::migrate(client).await?;
                    return Ok(Postgres {
                        pool,
                        queries,
                        roles: opened.roles,
                        schema: opened.schema,
                        form: opened.form,
                        has_citus: AtomicBool::new(opened.has_citus),
                        has_lz4: opened.has_lz4,
                        url: url.to_owned(),
                    });
                }
                // libpq's `allow` and `prefer` try with and without TLS.
                Err(error) => failed = failed.filter(|first| !rejects_options(first)).or(Some(error)),
            }
        }
        Err(failed.unwrap_or(StoreError::Aborted))
    }

    async fn migrate(client: Object) -> Result<OpenedDatabase> {
        match migrate_in_transaction(&client).await {
            Ok(opened) => Ok(opened),
            Err(error) => {
                drop(Object::take(client)); // closes the connection, which rolls back
                Err(error)
            }
        }
    }

    pub async fn begin(&self, role: DbRole, read_only: bool) -> Result<PostgresTransaction> {
        // Not `READ WRITE`, which would override a database that its operator has made read-only, and which a standby
        // rejects by an error of its own.
        let mode = if read_only { "READ ONLY" } else { "" };
        // A reader sees a page and its counts in one snapshot; writers lock the rows that they depend on.
        let isolation = if read_only { "REPEATABLE READ" } else { "READ COMMITTED" };
        let role_name = self.roles.quoted(role);
        let settings = match role {
            // An operator's prune or export may take any time; no HTTP request waits for it.
            DbRole::Operator => {
                "; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
            }
            DbRole::Request if !read_only => BY_KEYS,
            DbRole::Request => "",
            DbRole::Directory => &format!("{}{BY_KEYS}", look_up_timeouts()),
        };
        let compression = if self.has_lz4 && !read_only { COMPRESS_BY_LZ4 } else { "" };
        let begin = format!(
            "BEGIN ISOLATION LEVEL {isolation} {mode}{}; {}; SET LOCAL ROLE {role_name}{settings}{compression}{}",
            self.session_settings(),
            self.enter_schema(),
            self.distribution().end_of_begin(role == DbRole::Operator && read_only)
        );
        let answer_timeout = match role {
            DbRole::Operator => None,
            DbRole::Directory => Some(LOOKUP_TIMEOUT + SILENCE_MARGIN),
            DbRole::Request => Some(STATEMENT_TIMEOUT + SILENCE_MARGIN),
        };
        let form = self.transaction_form(answer_timeout);
        PostgresTransaction::begin(connection(&self.pool).await?, begin, read_only, form).await
    }

    /// Use of the pool of batches and of that of queries.
    pub fn pools(&self) -> [PoolUse; 2] {
        [&self.pool, &self.queries].map(|pool| {
            let status = pool.status();
            PoolUse { open: status.size, idle: status.available, waiting: status.waiting }
        })
    }

    /// Rejects a database that lacks a grant or a policy, as after a restore to a server without its roles.
    pub async fn require_access(&self) -> Result<()> {
        let tx = self.begin_inspection().await?;
        let client = tx.client()?;
        tx.inspect(access::require_access(client, &self.roles, &self.schema)).await?;
        let has_citus = tx.inspect(has_citus(client)).await?;
        self.has_citus.store(has_citus, Ordering::Relaxed);
        tx.commit().await
    }

    /// Begins a transaction of the connected user that looks at the database itself.
    pub async fn begin_inspection(&self) -> Result<PostgresTransaction> {
        let begin = format!("BEGIN READ ONLY; {}", self.enter_schema());
        let form = self.transaction_form(Some(LOOKUP_TIMEOUT));
        PostgresTransaction::begin(connection(&self.pool).await?, begin, true, form).await
    }

    /// Names of the database's roles.
    pub fn roles(&self) -> &RoleNames {
        &self.roles
    }

    /// The schema with the store's tables.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// True if the database has the extension that distributes tables.
    pub fn has_citus(&self) -> bool {
        self.has_citus.load(Ordering::Relaxed)
    }

    /// Servers of the store.
    fn distribution(&self) -> Distribution {
        Distribution::of(self.has_citus())
    }

    fn transaction_form(&self, answer_timeout: Option<Duration>) -> TransactionForm {
        TransactionForm { statements: self.form, distribution: self.distribution(), answer_timeout }
    }

    /// Lets a role read the views for dashboards, which are made for the first one. Returns false if it reads them already.
    pub async fn add_view_reader(&self, reader: &str) -> Result<bool> {
        let tx = self.begin_definition().await?;
        tx.inspect(require_one_server(tx.client()?)).await?;
        let is_new = tx.inspect(views::prepare(tx.client()?, &self.roles, &self.schema, reader)).await?;
        tx.commit().await?;
        let tx = self.begin_definition().await?;
        tx.inspect(views::grant(tx.client()?, &self.roles, &self.schema, reader)).await?;
        tx.commit().await?;
        Ok(is_new)
    }

    /// Ends the right of a role to read the views for dashboards.
    pub async fn remove_view_reader(&self, reader: &str) -> Result<()> {
        let tx = self.begin_definition().await?;
        tx.inspect(views::revoke(tx.client()?, &self.roles, reader)).await?;
        tx.commit().await
    }

    /// Begins a transaction of the connected user that changes the schema, after those that migrate it.
    pub async fn begin_definition(&self) -> Result<PostgresTransaction> {
        let begin = format!(
            "BEGIN{}; {}; {}; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})",
            self.session_settings(),
            definition_timeouts(),
            self.enter_schema()
        );
        let form = self.transaction_form(None);
        PostgresTransaction::begin(connection(&self.pool).await?, begin, false, form).await
    }

    /// The settings of a session, for each transaction where a pooler does not keep them.
    fn session_settings(&self) -> String {
        match self.form {
            StatementForm::Prepared => String::new(),
            StatementForm::Unnamed => SESSION_SETTINGS
                .iter()
                .map(|(name, value)| format!("; SET LOCAL {name} = '{value}'"))
                .collect(),
        }
    }

    /// Sets the search path, which may name the connected user's own schema, and the user changes with the role.
    fn enter_schema(&self) -> String {
        format!("SET LOCAL search_path TO {}", quoted(&self.schema))
    }

    /// Writes an archive of `pg_dump` from the snapshot of a transaction. Returns the reason for which there is none.
    pub async fn dump(&self, tx: &PostgresTransaction, archive: File) -> Result<Option<String>> {
        if self.has_citus() {
            return Ok(Some(
                "the store is distributed over a cluster, whose workers pg_dump does not see in one snapshot each".to_owned(),
            ));
        }
        if self.form == StatementForm::Unnamed {
            return Ok(Some(
                "the store is reached through a pooler, which does not keep a snapshot for pg_dump"
                    .to_owned(),
            ));
        }
        let rows = tx.query(SELECT_SNAPSHOT, &[]).await?;
        let Some(row) = rows.first() else { return Err(StoreError::Aborted) };
        // pg_dump would leave out in silence what row-level security hides from this user.
        if !row.flag(2)? {
            return Ok(Some("the store's user does not inherit from the role of operators".to_owned()));
        }
        let (schema, snapshot) = (row.text(0)?, row.text(1)?);
        let environment = libpq::environment(&self.url)?;
        block_in_place(|| dump::dump(&environment, &schema, &snapshot, archive))
    }

    pub async fn begin_query(
        &self,
        role: DbRole,
        budget: Option<Arc<ReadBudget>>,
    ) -> Result<PostgresTransaction> {
        let (role_name, timeout_ms) = (self.roles.quoted(role), QUERY_STATEMENT_TIMEOUT.as_millis());
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{}; {}; SET LOCAL ROLE {role_name}; \
             SET LOCAL statement_timeout = {timeout_ms}; SET LOCAL max_parallel_workers_per_gather = 0{}",
            self.session_settings(),
            self.enter_schema(),
            self.distribution().end_of_begin(false)
        );
        let form = self.transaction_form(Some(QUERY_STATEMENT_TIMEOUT + SILENCE_MARGIN));
        let tx = PostgresTransaction::begin(connection(&self.queries).await?, begin, true, form).await?;
        Ok(tx.with_budget(budget))
    }
}

/// Connections of queries: their share, and unless the operator has chosen the number for this server no more than half of the
/// processors, since the server may be on the same machine.
fn queries_of(connections: usize, is_chosen: bool) -> usize {
    let share = (connections / QUERY_SHARE_DIVISOR).max(1);
    if is_chosen { share } else { share.min(query_statements_max()) }
}

/// A pool of so many connections, for one of which a transaction waits up to `wait_timeout`.
fn pool_of(manager: Manager, connections: usize, wait_timeout: Duration, age_max: Duration) -> Result<Pool> {
    let require_young = move |_: &mut _, metrics: &Metrics| match metrics.age() < age_max {
        true => Ok(()),
        false => Err(HookError::message("the connection is old")),
    };
    Pool::builder(manager)
        .pre_recycle(Hook::sync_fn(require_young))
        .max_size(connections)
        .wait_timeout(Some(wait_timeout))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Internal(error.to_string()))
}

async fn connection(pool: &Pool) -> Result<Object> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => match store_error(&error) {
            StoreError::Internal(text) => StoreError::Unavailable(text),
            other => other,
        },
        other => StoreError::Unavailable(other.to_string()),
    })
}

/// Timeouts of a look-up. The server gives it up before its connection counts as silent.
fn look_up_timeouts() -> String {
    let (statement, lock) = (LOOKUP_TIMEOUT.as_millis(), LOOKUP_TIMEOUT.as_millis() / 2);
    format!("; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}")
}

/// Timeouts of statements that define tables and views. A lock is waited for as long as a request of another receiver may
/// take: behind a dump, which takes longer, every request would wait with them.
fn definition_timeouts() -> String {
    format!("SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0", WORK_TIMEOUT.as_millis())
}

/// Migrates in one transaction, and returns the database's roles. The advisory lock ends with the transaction, and the schema
/// is never half made.
async fn migrate_in_transaction(client: &Client) -> Result<OpenedDatabase> {
    let run = async |sql: &str| in_time(LOOKUP_TIMEOUT, batch(client, sql)).await;
    let number = async |sql: &str| {
        let sql = Dialect::Postgres.render(sql);
        in_time(LOOKUP_TIMEOUT, async { Ok(row(client, &sql, &[]).await?.get::<_, i64>(0)) }).await
    };
    in_time(LOOKUP_TIMEOUT, require_unicode(client)).await?;
    require_primary(client).await?;
    let form =
        if flag(client, SELECT_DIRECT).await? { StatementForm::Prepared } else { StatementForm::Unnamed };
    let has_lz4 = flag(client, SELECT_LZ4).await?;
    run(&format!("BEGIN; {}", definition_timeouts())).await?;
    // Asked for again and again, because a connection that waits for a lock looks like one that is silent.
    while !flag(client, &format!("SELECT pg_try_advisory_xact_lock({MIGRATION_LOCK})")).await? {
        sleep(MIGRATION_LOCK_PAUSE).await;
    }
    let is_new = in_time(LOOKUP_TIMEOUT, require_schema(client)).await?;
    let schema: String =
        in_time(LOOKUP_TIMEOUT, async { Ok(row(client, SELECT_SCHEMA, &[]).await?.get(0)) }).await?;
    run(&format!("SET LOCAL search_path TO {}", quoted(&schema))).await?;
    // A user who may create no table serves a store that is complete.
    if is_new {
        run(&Dialect::Postgres.render(migrate::CREATE_TABLE)).await?;
    }
    let pending =
        migrate::pending(number(migrate::SELECT_VERSION).await?, number(migrate::COUNT_UNRELEASED).await?)?;
    let roles = in_time(LOOKUP_TIMEOUT, RoleNames::of(client)).await?;
    in_time(LOOKUP_TIMEOUT, roles.ensure(client)).await?;
    let has_citus = in_time(LOOKUP_TIMEOUT, has_citus(client)).await?;
    for migration in pending {
        let sql = roles.render(&migration.render(Dialect::Postgres));
        for message in Distribution::of(has_citus).definitions(&sql) {
            in_time(UPKEEP_TIMEOUT, batch(client, message)).await?;
        }
        let (number, name, now) = (migration.number, migration.name, time::now_us());
        let record = [(&number as _, Type::INT8), (&name as _, Type::TEXT), (&now as _, Type::INT8)];
        in_time(LOOKUP_TIMEOUT, rows(client, migrate::INSERT_RECORD, &record)).await?;
    }
    in_time(LOOKUP_TIMEOUT, roles.warn_of_powers(client)).await?;
    let has_access = in_time(LOOKUP_TIMEOUT, access::require_access(client, &roles, &schema)).await;
    // The roles stay also where something is missing, because the statements that bring it back name them.
    if matches!(has_access, Ok(()) | Err(StoreError::Unusable(_))) {
        in_time(UPKEEP_TIMEOUT, batch(client, "COMMIT")).await?;
    }
    has_access?;
    if has_citus {
        tracing::info!(
            "the store's database has Citus: tenant and user of a transaction are sent to its workers, and rows are inserted by \
             INSERT … SELECT FROM unnest, since row-level security takes no COPY"
        );
    }
    Ok(OpenedDatabase { roles, schema, form, has_citus, has_lz4 })
}

/// Rejects a server that takes no data.
async fn require_primary(client: &Client) -> Result<()> {
    let is_writable =
        "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean";
    if flag(client, is_writable).await? {
        return Ok(());
    }
    Err(StoreError::Unusable(
        "the server is a standby, or the database is read-only: name the primary in the store's URL, or several hosts \
         (host=one,two), of which the one that takes data is chosen"
            .to_owned(),
    ))
}

/// The value of a query for one boolean.
async fn flag(client: &Client, sql: &str) -> Result<bool> {
    in_time(LOOKUP_TIMEOUT, async { Ok(row(client, sql, &[]).await?.get(0)) }).await
}

async fn batch(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| store_error(&error))
}

/// True for the error of a pooler that takes no options at the start of a session: a violation of the protocol.
fn rejects_options(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(text) if text.contains("(08P01)"))
}

/// Awaits statements until the timeout: a connection can go silent while a store is opened as well.
async fn in_time<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, work).await.map_err(|_| {
        StoreError::Unavailable(format!("PostgreSQL did not answer within {} s", limit.as_secs()))
    })?
}

/// Rejects a database whose encoding cannot hold all text: every session with other characters would fail. SQL_ASCII takes
/// any bytes.
async fn require_unicode(client: &Client) -> Result<()> {
    let sql = "SELECT current_setting('server_encoding'), current_database()::text, current_user::text";
    let found = row(client, sql, &[]).await?;
    let [encoding, database, user]: [String; 3] = [found.get(0), found.get(1), found.get(2)];
    if matches!(encoding.as_str(), "UTF8" | "SQL_ASCII") {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "the database {database} has the encoding {encoding}, which cannot hold all text: run CREATE DATABASE {} OWNER {} \
         ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0; and name that database in the store's URL",
        quoted(&format!("{database}_utf8")),
        quoted(&user)
    )))
}

/// Rejects a database without a store in which this user may not create tables. Returns true if there is no store yet.
async fn require_schema(client: &Client) -> Result<bool> {
    let sql = "SELECT to_regclass('migrations') IS NULL, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
               current_database()::text, current_user::text";
    let found = row(client, sql, &[]).await?;
    let (is_new, may_create): (bool, bool) = (found.get(0), found.get(1));
    if !is_new || may_create {
        return Ok(is_new);
    }
    let (database, user): (String, String) = (found.get(2), found.get(3));
    Err(StoreError::Unusable(format!(
        "the user {user} may not create tables in the database {database}: run ALTER DATABASE {} OWNER TO {}; as a superuser",
        quoted(&database),
        quoted(&user)
    )))
}
