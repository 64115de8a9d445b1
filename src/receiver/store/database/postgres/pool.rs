//! The pool of connections: opens the database, migrates it, and begins transactions.

use super::connect::{CONNECT_TIMEOUT, connection_manager};
use super::error::store_error;
use super::transaction::PostgresTransaction;
use crate::receiver::store::database::migrate;
use crate::receiver::store::database::role::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::Dialect;
use crate::receiver::time;
use deadpool_postgres::{Object, Pool, PoolError, Runtime};
use tokio_postgres::Client;

/// Connections per receiver unless `HAN_SYNC_POOL` is set: PostgreSQL's default is 100 for all of its clients.
const CONNECTIONS_DEFAULT: usize = 16;
/// Key of the advisory lock under which migrations run: `han-sync` as a number.
const MIGRATION_LOCK: i64 = 0x6861_6e2d_7379_6e63;

/// An opened PostgreSQL database.
pub struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects and migrates the schema. Receivers that start at the same time migrate one after the other.
    pub async fn open(url: &str) -> Result<Postgres> {
        let connections = std::env::var("HAN_SYNC_POOL").ok().and_then(|text| text.parse().ok());
        let pool = Pool::builder(connection_manager(url)?)
            .max_size(connections.filter(|size| *size > 0).unwrap_or(CONNECTIONS_DEFAULT))
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        let store = Postgres { pool };
        let client = store.connection().await?;
        if let Err(error) = migrate_in_transaction(&client).await {
            drop(Object::take(client)); // closes the connection, which rolls back
            return Err(error);
        }
        Ok(store)
    }

    async fn connection(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => match store_error(&error) {
                StoreError::Internal(text) => StoreError::Unavailable(text),
                other => other,
            },
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    pub async fn begin(&self, role: DbRole, read_only: bool) -> Result<PostgresTransaction> {
        let mode = if read_only { "READ ONLY" } else { "READ WRITE" };
        // A reader sees a page and its counts in one snapshot; writers lock the rows that they depend on.
        let isolation = if read_only { "REPEATABLE READ" } else { "READ COMMITTED" };
        let role_name = match role {
            DbRole::Directory => "han_sync_directory",
            DbRole::Request => "han_sync_request",
            DbRole::Operator => "han_sync_operator",
        };
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
        PostgresTransaction::begin(self.connection().await?, begin, read_only).await
    }
}

/// Migrates in one transaction: the advisory lock ends with it, and the schema is never half made.
async fn migrate_in_transaction(client: &Client) -> Result<()> {
    let run = async |sql: &str| client.batch_execute(sql).await.map_err(|error| store_error(&error));
    let number = async |sql: &str| {
        let row = client.query_one(&Dialect::Postgres.render(sql), &[]).await;
        row.and_then(|row| row.try_get::<_, i64>(0)).map_err(|error| store_error(&error))
    };
    // No timeout: of ten receivers that start at once the last waits for nine, which do nothing once they have the lock.
    run("BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0").await?;
    run(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    run(&Dialect::Postgres.render(migrate::TABLE)).await?;
    for migration in migrate::pending(number(migrate::VERSION).await?, number(migrate::UNRELEASED).await?)? {
        run(&migration.render(Dialect::Postgres)).await?;
        let (number, name, now) = (migration.number, migration.name, time::now_us());
        let recorded = client.execute(migrate::RECORD, &[&number, &name, &now]).await;
        recorded.map_err(|error| store_error(&error))?;
    }
    run("COMMIT").await
}
