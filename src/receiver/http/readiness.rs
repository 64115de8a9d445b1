//! Readiness: a receiver is ready while its store answers and takes what it is sent, until it begins to end.
//!
//! Invariant: the store is written to at most once in `CHECK_INTERVAL`, however often it is asked.

use super::api_error::ApiError;
use crate::receiver::store::Store;
use crate::receiver::time;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Time for which the result of a check by writing holds.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Timeout of all checks together: load balancers wait a few seconds.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Readiness of a receiver.
#[derive(Default)]
pub struct Readiness {
    is_draining: AtomicBool,
    last_check: Mutex<Option<CheckResult>>,
}

/// Result of a check by writing.
struct CheckResult {
    at: Instant,
    error: Option<CheckFailure>,
}

/// Reason for which the store takes no data, or not all of it.
#[derive(Clone)]
struct CheckFailure {
    /// For whoever asks.
    message: String,
    /// For the log.
    cause: String,
}

impl Readiness {
    /// Ends the readiness for good.
    pub fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// True once the receiver has begun to end.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }

    /// Checks that requests can be served.
    pub async fn check(&self, store: &Store) -> Result<(), ApiError> {
        if self.is_draining() {
            return Err(ApiError::unavailable("the receiver is shutting down"));
        }
        let checked = async {
            store.ping().await?;
            self.check_by_writing(store).await
        };
        let done = timeout(CHECK_TIMEOUT, checked).await;
        done.unwrap_or_else(|_| {
            let cause = format!("the store did not answer within {} s", CHECK_TIMEOUT.as_secs());
            Err(ApiError::not_ready("the store is not available: try again later", cause))
        })
    }

    /// Checks what only a write shows, unless that was done lately.
    async fn check_by_writing(&self, store: &Store) -> Result<(), ApiError> {
        // Whoever comes meanwhile waits for the same result.
        let mut last = self.last_check.lock().await;
        if last.as_ref().is_none_or(|last| last.at.elapsed() >= CHECK_INTERVAL) {
            let error = failure_of(store).await;
            *last = Some(CheckResult { at: Instant::now(), error });
        }
        match last.as_ref().and_then(|last| last.error.clone()) {
            Some(CheckFailure { message, cause }) => Err(ApiError::not_ready(&message, cause)),
            None => Ok(()),
        }
    }
}

/// The reason for which the store does not take every batch.
async fn failure_of(store: &Store) -> Option<CheckFailure> {
    let checked = store.check_writable(time::now_us()).await;
    let silent = match checked {
        Ok(()) => store.silent_workers().await,
        Err(error) => Err(error),
    };
    match silent {
        Ok(silent) if silent.is_empty() => None,
        Ok(silent) => {
            let message = format!(
                "of the store's cluster {} does not answer: what is stored there is neither read nor written",
                silent.join(", ")
            );
            Some(CheckFailure { cause: message.clone(), message })
        }
        Err(error) => {
            let message = "the store takes no data: the receiver's log says why".to_owned();
            Some(CheckFailure { message, cause: error.to_string() })
        }
    }
}
