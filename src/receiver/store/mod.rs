//! The store: what the receiver knows, and everything that is asked of it.
//!
//! One story for both databases: the methods of `Store` are written against `db::Tx`, which SQLite and PostgreSQL
//! implement. Invariants: nobody is let into a tenant that is not theirs, by the `WHERE` of every statement and, in
//! PostgreSQL, by row-level security besides; a batch is stored in one transaction with its aggregates.

mod admin;
mod session_admin;
pub mod db;
mod directory;
mod ingest;
mod migrate;
mod postgres;
mod read;
mod retention;
mod rows;
mod sqlite;
mod statements;
mod status;
mod metrics;
mod user_locks;

pub use admin::{KeyInfo, MemberInfo, NewKey, TenantInfo, TenantKind};
pub use db::{Result, StoreError};
pub use directory::{Membership, Principal, Role};
pub use ingest::{IngestOutcome, Rejection, SessionOutcome};
pub use session_admin::{ExportedSession, SessionFilter, SessionInfo};

pub use metrics::{MetricDimension, MetricsRow};
pub use read::{
    MessagePage, MessagePosition, SessionKey, SessionPosition, SessionQuery, StoredMessage, StoredSession,
    StoredTask,
};
pub use retention::Pruned;
pub use status::{ClientError, ClientState, ClientStatus};

use db::Db;
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use user_locks::UserLocks;

/// The store where nothing else is said.
pub const DEFAULT_URL: &str = "sqlite:han-team.db";
/// How often the same work is tried when others are in its way.
const TRIES_MAX: u32 = 8;
/// The first pause between tries; it doubles.
const PAUSE_MS: u64 = 5;

/// A database with the receiver's schema.
pub struct Store {
    db: Db,
    user_locks: UserLocks,
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, and creates or migrates its schema.
    pub async fn open(url: &str) -> Result<Store> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Store::on(Db::Postgres(postgres::Postgres::open(url).await?)));
        }
        match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Store::on(Db::Sqlite(sqlite::Sqlite::open(Path::new(path))?)))
            }
            // The URL is not shown: it may hold a password.
            _ => Err(StoreError::refused("the store must be sqlite:PATH or postgres://…")),
        }
    }

    fn on(db: Db) -> Store {
        Store { db, user_locks: UserLocks::default() }
    }

    /// The name of the database's kind.
    pub fn kind(&self) -> &'static str {
        match self.db {
            Db::Sqlite(_) => "sqlite",
            Db::Postgres(_) => "postgres",
        }
    }

    /// Checks that the store answers.
    pub async fn ping(&self) -> Result<()> {
        let tx = self.db.read(db::DbRole::Directory).await?;
        tx.query("SELECT count(*) FROM directory WHERE tenant_id = ''", &[]).await?;
        tx.commit().await
    }
}

/// Does the same work again while others are in its way.
async fn with_retries<T, F: Future<Output = Result<T>>>(mut work: impl FnMut() -> F) -> Result<T> {
    let mut tries = 0;
    loop {
        tries += 1;
        match work().await {
            Err(StoreError::Contended(reason)) if tries < TRIES_MAX => {
                tracing::debug!(tries, reason, "the store is contended, trying again");
                let pause = PAUSE_MS << tries;
                tokio::time::sleep(Duration::from_millis(pause / 2 + jitter(pause / 2))).await;
            }
            result => return result,
        }
    }
}

/// Keeps those who collided from colliding again: a number up to `max`.
fn jitter(max: u64) -> u64 {
    getrandom::u64().unwrap_or(0) % (max + 1)
}
