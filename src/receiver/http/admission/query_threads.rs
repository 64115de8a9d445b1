//! Threads of GraphQL queries: an async runtime of their own, with half of the processors and a lower priority.
//!
//! Invariant: validation, statements, resolvers and serialization of a query run on these threads, so that however many
//! queries there are, batches find a processor and a runtime that is not busy. Kept by hand: tokio schedules the tasks of one
//! runtime without priorities.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::limits::query_statements_max;
use axum::http::StatusCode;
use std::io;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// Nice value of the threads: a third of a batch's share of a processor that both want, so that queries still proceed on a
/// machine that is busy with other programs.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// The running threads.
pub struct QueryThreads(Option<Runtime>);

impl QueryThreads {
    /// Starts the threads.
    pub fn start() -> io::Result<QueryThreads> {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(query_statements_max())
            .thread_name("han-query")
            .on_thread_start(lower_priority)
            .enable_all();
        Ok(QueryThreads(Some(builder.build()?)))
    }

    /// Runs `work` on these threads. Dropping the returned future aborts `work`.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let runtime =
            self.0.as_ref().ok_or_else(|| ApiError::unavailable("the receiver is shutting down"))?;
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, runtime.handle());
        match tasks.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => {
                Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the query was aborted"))
            }
        }
    }
}

impl Drop for QueryThreads {
    /// Dropping a runtime would block, which a task must not do.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the calling thread, where the operating system has priorities of threads.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(error = %error, "queries run at the priority of batches");
    }
}
