//! The pool of connections: opens the database, migrates it, and begins transactions.

use super::connect::{CONNECT_TIMEOUT, connection_managers};
use super::error::store_error;
use super::roles::{RoleNames, quoted};
use super::transaction::PostgresTransaction;
use crate::receiver::store::database::migrate;
use crate::receiver::store::database::role::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::Dialect;
use crate::receiver::time;
use deadpool_postgres::{Manager, Object, Pool, PoolError, Runtime};
use tokio_postgres::Client;

/// Connections per receiver unless `HAN_SYNC_POOL` is set: PostgreSQL's default is 100 for all of its clients.
const CONNECTIONS_DEFAULT: usize = 16;
/// Key of the advisory lock under which migrations run: `han-sync` as a number.
const MIGRATION_LOCK: i64 = 0x6861_6e2d_7379_6e63;

/// An opened PostgreSQL database.
pub struct Postgres {
    pool: Pool,
    roles: RoleNames,
}

impl Postgres {
    /// Connects and migrates the schema. Receivers that start at the same time migrate one after the other.
    pub async fn open(url: &str) -> Result<Postgres> {
        let mut failed = None;
        for manager in connection_managers(url)? {
            let pool = pool_of(manager)?;
            match connection(&pool).await {
                Ok(client) => return Postgres::migrate(pool, client).await,
                // libpq's `allow` and `prefer` try with and without TLS.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or(StoreError::Aborted))
    }

    async fn migrate(pool: Pool, client: Object) -> Result<Postgres> {
        match migrate_in_transaction(&client).await {
            Ok(roles) => Ok(Postgres { pool, roles }),
            Err(error) => {
                drop(Object::take(client)); // closes the connection, which rolls back
                Err(error)
            }
        }
    }

    pub async fn begin(&self, role: DbRole, read_only: bool) -> Result<PostgresTransaction> {
        let mode = if read_only { "READ ONLY" } else { "READ WRITE" };
        // A reader sees a page and its counts in one snapshot; writers lock the rows that they depend on.
        let isolation = if read_only { "REPEATABLE READ" } else { "READ COMMITTED" };
        let role_name = self.roles.quoted(role);
        let settings = match role {
            // An operator's prune or export may take any time; no HTTP request waits for it.
            DbRole::Operator => {
                "; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
            }
            // A batch reads by whole keys only. A sequential scan that was planned while a table was small would stay in
            // the cached plan when the table has grown.
            DbRole::Request if !read_only => "; SET LOCAL enable_seqscan = off",
            DbRole::Directory | DbRole::Request => "",
        };
        let begin = format!("BEGIN ISOLATION LEVEL {isolation} {mode}; SET LOCAL ROLE {role_name}{settings}");
        PostgresTransaction::begin(connection(&self.pool).await?, begin, read_only).await
    }
}

fn pool_of(manager: Manager) -> Result<Pool> {
    let connections = std::env::var("HAN_SYNC_POOL").ok().and_then(|text| text.parse().ok());
    Pool::builder(manager)
        .max_size(connections.filter(|size| *size > 0).unwrap_or(CONNECTIONS_DEFAULT))
        .wait_timeout(Some(CONNECT_TIMEOUT))
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

/// Migrates in one transaction, and returns the database's roles. The advisory lock ends with the transaction, and the schema
/// is never half made.
async fn migrate_in_transaction(client: &Client) -> Result<RoleNames> {
    let run = async |sql: &str| client.batch_execute(sql).await.map_err(|error| store_error(&error));
    let number = async |sql: &str| {
        let row = client.query_one(&Dialect::Postgres.render(sql), &[]).await;
        row.and_then(|row| row.try_get::<_, i64>(0)).map_err(|error| store_error(&error))
    };
    require_unicode(client).await?;
    // No timeout: of ten receivers that start at once the last waits for nine, which do nothing once they have the lock.
    run("BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0").await?;
    run(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    require_schema(client).await?;
    run(&Dialect::Postgres.render(migrate::TABLE)).await?;
    let pending = migrate::pending(number(migrate::VERSION).await?, number(migrate::UNRELEASED).await?)?;
    let roles = RoleNames::of(client).await?;
    roles.ensure(client).await?;
    for migration in pending {
        run(&roles.render(&migration.render(Dialect::Postgres))).await?;
        let (number, name, now) = (migration.number, migration.name, time::now_us());
        let recorded = client.execute(migrate::RECORD, &[&number, &name, &now]).await;
        recorded.map_err(|error| store_error(&error))?;
    }
    run("COMMIT").await?;
    Ok(roles)
}

/// Rejects a database whose encoding cannot hold all text: every session with other characters would fail. SQL_ASCII takes
/// any bytes.
async fn require_unicode(client: &Client) -> Result<()> {
    let sql = "SELECT current_setting('server_encoding'), current_database()::text, current_user::text";
    let row = client.query_one(sql, &[]).await.map_err(|error| store_error(&error))?;
    let [encoding, database, user]: [String; 3] = [row.get(0), row.get(1), row.get(2)];
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

/// Rejects a database in which this user may not create tables.
async fn require_schema(client: &Client) -> Result<()> {
    let sql = "SELECT to_regclass('migrations') IS NOT NULL OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
               current_database()::text, current_user::text";
    let row = client.query_one(sql, &[]).await.map_err(|error| store_error(&error))?;
    if row.get(0) {
        return Ok(());
    }
    let (database, user): (String, String) = (row.get(1), row.get(2));
    Err(StoreError::Unusable(format!(
        "the user {user} may not create tables in the database {database}: run ALTER DATABASE {} OWNER TO {}; as a superuser",
        quoted(&database),
        quoted(&user)
    )))
}
