//! The accept loop: connections in, and a graceful shutdown.
//!
//! Kept by hand: `axum::serve` bounds neither the number of connections nor the time in which a request's headers must
//! arrive, and its graceful shutdown has no deadline.

use super::app::{App, ListenerRole};
use crate::receiver::limits::{
    CONNECTION_BUFFER_BYTES, CONNECTIONS_MAX, GRACEFUL_SHUTDOWN_TIMEOUT, HEADERS_TIMEOUT,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Pause after a failed accept, which mostly means that no file descriptors are left.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` turns true, then finishes the requests that were accepted.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    role: ListenerRole,
    mut shutdown: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
        };
        let Some((stream, permit)) = accepted else { continue };
        let app = app.clone();
        let service = service_fn(move |request| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.respond(request, role).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(CONNECTION_BUFFER_BYTES)
            .header_read_timeout(HEADERS_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACEFUL_SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("graceful shutdown timed out with requests in flight");
    }
}

/// Accepts a connection once there is a permit for it; `None` after a failed accept.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Responses are small and written whole: Nagle's algorithm would only delay them.
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(error = %error, "accept failed");
            tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            None
        }
    }
}
