//! The opened store, and the retry of transactions that met others.

use super::database::{Database, DbRole, Postgres, Sqlite, Transaction};
use super::error::{Result, StoreError};
use super::user_locks::UserLocks;
use std::path::Path;
use std::time::Duration;

/// The store where neither the command line nor the environment names one.
pub const DEFAULT_URL: &str = "sqlite:han-team.db";
/// Attempts at a transaction that meets others.
const ATTEMPTS_MAX: u32 = 8;
/// Half of the pause after the first attempt; it doubles with each.
const PAUSE_MS: u64 = 5;

/// A database with the receiver's schema.
pub struct Store {
    pub(super) db: Database,
    pub(super) user_locks: UserLocks,
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, and creates or migrates its schema.
    pub async fn open(url: &str) -> Result<Store> {
        let db = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Database::Postgres(Postgres::open(url).await?)
        } else {
            let path = url.strip_prefix("sqlite:").filter(|path| !path.is_empty());
            // The URL is not printed, because it may hold a password.
            let path =
                path.ok_or_else(|| StoreError::refused("the store must be sqlite:PATH or postgres://…"))?;
            Database::Sqlite(Sqlite::open(Path::new(path.strip_prefix("//").unwrap_or(path)))?)
        };
        Ok(Store { db, user_locks: UserLocks::default() })
    }

    /// The name of the database's kind.
    pub fn kind(&self) -> &'static str {
        match self.db {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres(_) => "postgres",
        }
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<()> {
        let tx = self.db.read(DbRole::Directory).await?;
        tx.query("SELECT count(*) FROM directory WHERE tenant_id = ''", &[]).await?;
        tx.commit().await
    }

    /// Runs an operator's change in a transaction, again while it meets others.
    pub(super) async fn operate<T>(&self, change: impl AsyncFn(&Transaction) -> Result<T>) -> Result<T> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let done = change(&tx).await?;
            tx.commit().await?;
            Ok(done)
        })
        .await
    }
}

/// Runs `work` again while it meets other transactions, with a growing pause.
pub async fn with_retries<T, F: Future<Output = Result<T>>>(mut work: impl FnMut() -> F) -> Result<T> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match work().await {
            Err(StoreError::Contended(reason)) if attempts < ATTEMPTS_MAX => {
                tracing::debug!(attempts, reason, "the store is contended, trying again");
                let pause = PAUSE_MS << attempts;
                tokio::time::sleep(Duration::from_millis(pause / 2 + jitter(pause / 2))).await;
            }
            result => return result,
        }
    }
}

/// A random number up to `max`, so that two transactions that collided do not collide again.
fn jitter(max: u64) -> u64 {
    getrandom::u64().unwrap_or(0) % (max + 1)
}
