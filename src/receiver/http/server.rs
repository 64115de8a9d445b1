//! The accept loop: connections in, and a graceful shutdown.
//!
//! Kept by hand: `axum::serve` bounds neither the number of connections nor the time in which a request's headers must
//! arrive or a response must leave, and its graceful shutdown has no deadline.

use super::app::{App, ListenerRole};
use super::connection::{
    ConnectionEntry, ConnectionTable, GuardedStream, HeadBudget, IncomingHead, PeerAddress,
};
use crate::receiver::limits::{CONNECTION_BUFFER_BYTES, GRACEFUL_SHUTDOWN_TIMEOUT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Pause after a failed accept, which mostly means that no file descriptors are left.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` turns true, then finishes the requests that were accepted.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    role: ListenerRole,
    connections: ConnectionTable,
    mut shutdown: watch::Receiver<bool>,
) {
    let (heads, graceful) = (HeadBudget::default(), GracefulShutdown::new());
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
        };
        let Some((stream, peer)) = accepted else { continue };
        // Closed at once where all others are at work.
        let Some(entry) = connections.add(peer) else { continue };
        let timeouts = connections.timeouts();
        let (entry, head) = (Arc::new(entry), IncomingHead::new(heads.clone(), timeouts.keep_alive));
        let stream = GuardedStream::new(stream, head.clone(), entry.clone(), timeouts.write);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(CONNECTION_BUFFER_BYTES)
            // hyper's own timeout of a head would also close a connection that waits for its next request.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), {
                let (app, entry) = (app.clone(), entry.clone());
                service_fn(move |request| {
                    let (app, entry, head) = (app.clone(), entry.clone(), head.clone());
                    async move { Ok::<_, Infallible>(respond(&app, request, role, peer, &entry, &head).await) }
                })
            });
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %error, "connection ended");
                    }
                }
                () = entry.evicted() => tracing::debug!("connection gave way to another"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACEFUL_SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("graceful shutdown timed out with requests in flight");
    }
}

/// Serves one request of a connection, which is at work meanwhile.
async fn respond(
    app: &App,
    mut request: hyper::Request<hyper::body::Incoming>,
    role: ListenerRole,
    peer: IpAddr,
    entry: &ConnectionEntry,
    head: &IncomingHead,
) -> axum::response::Response {
    head.complete();
    entry.set_waiting(false);
    request.extensions_mut().insert(PeerAddress(peer));
    let response = app.respond(request, role).await;
    head.begin();
    entry.set_waiting(true);
    response
}

/// Accepts a connection; `None` after a failed accept.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, IpAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Responses are small and written whole: Nagle's algorithm would only delay them.
            let _ = stream.set_nodelay(true);
            Some((stream, peer.ip()))
        }
        Err(error) => {
            tracing::warn!(error = %error, "accept failed");
            tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            None
        }
    }
}
