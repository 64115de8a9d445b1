//! The accept loop: connections in, and a graceful shutdown.
//!
//! Kept by hand: `axum::serve` bounds neither the number of connections nor the time in which a request's headers must
//! arrive or a response must leave, and its graceful shutdown has no deadline.

use super::app::{App, ListenerRole};
use super::connection::{
    ConnectionEntry, ConnectionTable, GuardedStream, HeadBudget, IncomingHead, PeerAddress,
};
use crate::receiver::limits::{CONNECTION_BUFFER_BYTES, CONNECTIONS_MAX, GRACEFUL_SHUTDOWN_TIMEOUT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Pause after a failed accept, which mostly means that no file descriptors are left.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Connections that gave way to others and whose sockets are still being closed. More are not accepted meanwhile, so that
/// connections which come faster than others are closed do not use up the open files.
const CLOSING_CONNECTIONS_MAX: usize = 16;
/// For the first request of a connection that was accepted right before a shutdown. hyper would close it without a response, and
/// a proxy has no other answer for its client then than 502.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before another look for such connections.
const FIRST_REQUEST_PAUSE: Duration = Duration::from_millis(10);

/// Serves until `shutdown` turns true, then finishes the requests that were accepted.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    role: ListenerRole,
    connections: ConnectionTable,
    mut shutdown: watch::Receiver<bool>,
) {
    let (heads, graceful) = (HeadBudget::default(), GracefulShutdown::new());
    let sockets = Arc::new(Semaphore::new(connections.connections_max() + CLOSING_CONNECTIONS_MAX));
    let server = Server { app, role, connections, heads, graceful };
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &sockets) => accepted,
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
        };
        if let Some((stream, peer, permit)) = accepted {
            tokio::select! {
                () = server.connections.wait_for_room(peer) => {}
                // It may have sent its request already.
                _ = shutdown.wait_for(|shutdown| *shutdown) => {}
            }
            server.serve_connection(stream, peer, Some(permit));
        }
    }
    server.take_queued(listener);
    while server.connections.has_unheard(FIRST_REQUEST_TIMEOUT) {
        tokio::time::sleep(FIRST_REQUEST_PAUSE).await;
    }
    if tokio::time::timeout(GRACEFUL_SHUTDOWN_TIMEOUT, server.graceful.shutdown()).await.is_err() {
        tracing::warn!("graceful shutdown timed out with requests in flight");
    }
}

/// Parts that the connections of one listener share.
struct Server {
    app: Arc<App>,
    role: ListenerRole,
    connections: ConnectionTable,
    heads: HeadBudget,
    graceful: GracefulShutdown,
}

impl Server {
    /// Serves a connection on a task of its own; closes it at once where all others are at work.
    /// `permit` is held until its socket is closed.
    fn serve_connection(&self, stream: TcpStream, peer: IpAddr, permit: Option<OwnedSemaphorePermit>) {
        // Responses are small and written whole: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(entry) = self.connections.add(peer) else { return };
        let timeouts = self.connections.timeouts();
        let (entry, head) = (Arc::new(entry), IncomingHead::new(self.heads.clone(), timeouts.keep_alive));
        let stream = GuardedStream::new(stream, head.clone(), entry.clone(), timeouts.write);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(CONNECTION_BUFFER_BYTES)
            // hyper's own timeout of a head would also close a connection that waits for its next request.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), {
                let (app, role, entry) = (self.app.clone(), self.role, entry.clone());
                service_fn(move |request| {
                    let (app, entry, head) = (app.clone(), entry.clone(), head.clone());
                    async move { Ok::<_, Infallible>(respond(&app, request, role, peer, &entry, &head).await) }
                })
            });
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            let _permit = permit;
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

    /// Serves the connections that the system has accepted for a listener, and closes the listener: with it, the system would
    /// reset them.
    fn take_queued(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        for _ in 0..CONNECTIONS_MAX {
            let Ok((stream, peer)) = listener.accept() else { return };
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.serve_connection(stream, peer.ip(), None);
            }
        }
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

/// Accepts a connection as soon as there is a permit for its socket; `None` after a failed accept.
async fn accept(
    listener: &TcpListener,
    sockets: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = sockets.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer.ip(), permit)),
        Err(error) => {
            tracing::warn!(error = %error, "accept failed");
            tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            None
        }
    }
}
