//! The opened store, and the retry of transactions that conflicted with others.

use super::database::{Database, DbRole, PoolOptions, PoolUse, Postgres, Sqlite, Transaction};
use super::error::{Result, StoreError};
use super::user_locks::UserLocks;
use std::path::Path;
use std::time::{Duration, Instant};

/// The store where neither the command line nor the environment names one.
pub const DEFAULT_URL: &str = "sqlite:han-team.db";
/// Attempts at a transaction that conflicts with others.
const ATTEMPTS_MAX: u32 = 8;
/// Time after which no further attempt begins. An attempt waits up to 20 s for a lock, so that the last one ends within a
/// minute, which is as long as a request may take.
const ATTEMPTS_TIMEOUT: Duration = Duration::from_secs(35);
const RECORD_CHECK: &str = "\
    INSERT INTO readiness (tenant_id, checked_at) VALUES ('directory', $1) \
    ON CONFLICT (tenant_id) DO UPDATE SET checked_at = excluded.checked_at";
/// Half of the pause after the first attempt; the pause doubles with each attempt.
const PAUSE_MS: u64 = 5;

/// Treatment of an SQLite file that is not there. An empty PostgreSQL database is one that is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingStore {
    /// The file is created.
    #[default]
    Create,
    /// The file is named in an error.
    Reject,
}

/// Choices of the operator.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreOptions {
    /// Treatment of a missing file.
    pub missing: MissingStore,
    /// Connections to PostgreSQL.
    pub pool: PoolOptions,
}

/// A database with the receiver's schema.
pub struct Store {
    pub(super) db: Database,
    pub(super) user_locks: UserLocks,
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, and creates or migrates its schema.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Store> {
        let db = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Database::Postgres(Postgres::open(url, options.pool).await?)
        } else {
            let path = url.strip_prefix("sqlite:").filter(|path| !path.is_empty());
            // The URL is not printed, because it may hold a password.
            let path = path.ok_or_else(|| {
                StoreError::Unusable("the store must be sqlite:PATH or postgres://…".to_owned())
            })?;
            let path = Path::new(path.strip_prefix("//").unwrap_or(path));
            if options.missing == MissingStore::Reject {
                require_existing(path)?;
            }
            Database::Sqlite(Sqlite::open(path)?)
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

    /// Use of the connections of batches and of queries; none in SQLite.
    pub fn pools(&self) -> [PoolUse; 2] {
        match &self.db {
            Database::Sqlite(_) => Default::default(),
            Database::Postgres(db) => db.pools(),
        }
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<()> {
        let tx = self.db.read(DbRole::Directory).await?;
        tx.query("SELECT count(*) FROM directory WHERE tenant_id = ''", &[]).await?;
        tx.commit().await
    }

    /// Checks that the store would take a batch: it has every grant that serving needs, and takes a write of its own.
    pub async fn check_writable(&self, now: i64) -> Result<()> {
        self.db.check_serving().await?;
        let Some(tx) = self.db.write_if_idle(DbRole::Directory).await? else { return Ok(()) };
        tx.execute(RECORD_CHECK, &[now.into()]).await?;
        tx.commit().await
    }

    /// Runs an operator's change in a transaction, again while it conflicts with others. Operators' changes follow one
    /// another, so that what one has looked up in the directory holds until its end.
    pub(super) async fn operate<T>(&self, change: impl AsyncFn(&Transaction) -> Result<T>) -> Result<T> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            tx.lock_directory().await?;
            let done = change(&tx).await?;
            tx.commit().await?;
            Ok(done)
        })
        .await
    }
}

/// Rejects the path of a file that does not exist: a command on a store that was just created would do nothing useful.
fn require_existing(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            Err(StoreError::Unusable(format!(
                "there is no store at {}: name the store with --store or HAN_SYNC_STORE, or create one with \
                 han-sync-receiver admin org create",
                path.display()
            )))
        }
        // Whatever else is wrong with the path is named when the file is opened.
        _ => Ok(()),
    }
}

/// Runs `work` again while it conflicts with other transactions, with a growing pause, within bounds.
pub async fn with_retries<T, F: Future<Output = Result<T>>>(mut work: impl FnMut() -> F) -> Result<T> {
    let (started, mut attempts) = (Instant::now(), 0);
    loop {
        attempts += 1;
        match work().await {
            Err(StoreError::Contended(reason)) if may_retry(attempts, started.elapsed()) => {
                tracing::debug!(attempts, reason, "the store is contended, trying again");
                let pause = PAUSE_MS << attempts;
                tokio::time::sleep(Duration::from_millis(pause / 2 + jitter(pause / 2))).await;
            }
            result => return result,
        }
    }
}

/// True if another attempt may begin.
fn may_retry(attempts: u32, elapsed: Duration) -> bool {
    attempts < ATTEMPTS_MAX && elapsed < ATTEMPTS_TIMEOUT
}

/// A random number up to `max`, so that two transactions that collided do not collide again.
fn jitter(max: u64) -> u64 {
    getrandom::u64().unwrap_or(0) % (max + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_bounded_in_number_and_in_time() {
        assert!(may_retry(1, Duration::ZERO));
        assert!(may_retry(ATTEMPTS_MAX - 1, Duration::from_secs(20)));
        assert!(!may_retry(ATTEMPTS_MAX, Duration::ZERO));
        assert!(!may_retry(2, Duration::from_secs(40)), "two waits of 20 s for a lock are enough");
    }
}
