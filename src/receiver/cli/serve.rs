//! `serve`: from a listening socket to a graceful end.

use super::log::Log;
use super::{Failure, Global};
use crate::receiver::http::{self, App, ListenerRole, ServerOptions};
use crate::receiver::limits;
use argh::FromArgs;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// serve the sync API, GraphQL, health and metrics
#[derive(FromArgs)]
#[argh(subcommand, name = "serve")]
pub struct Serve {
    /// address to listen on; port 0 picks a free one (127.0.0.1:8787)
    #[argh(option, default = "String::from(\"127.0.0.1:8787\")")]
    listen: String,
    /// a second address for /metrics and health, without keys
    #[argh(option)]
    metrics_listen: Option<String>,
    /// requests per key and minute (1200)
    #[argh(option, default = "limits::REQUESTS_PER_MINUTE")]
    rate: u32,
    /// requests at work at once, waiting ones too; more are answered with 503, with one key a quarter of it with 429 (256)
    #[argh(option, default = "limits::REQUESTS_IN_FLIGHT_MAX")]
    in_flight: usize,
    /// seconds without a byte after which a slow body is given up (15)
    #[argh(option, default = "limits::BODY_STALL_TIMEOUT.as_secs()")]
    stall_seconds: u64,
}

pub async fn run(arguments: Serve, global: &Global) -> Result<(), Failure> {
    let _log = Log::start();
    let store = global.open_store().await?;
    tracing::info!(store = store.kind(), version = env!("CARGO_PKG_VERSION"), "the store is ready");
    let options = ServerOptions {
        requests_per_minute: arguments.rate,
        in_flight_max: arguments.in_flight.max(1),
        body_stall_timeout: Duration::from_secs(arguments.stall_seconds.max(1)),
        metrics_key: std::env::var("HAN_SYNC_METRICS_KEY").ok().filter(|key| !key.is_empty()),
    };
    let app = Arc::new(App::new(store, options));
    let (stopper, stop) = watch::channel(false);
    let listener = bind(&arguments.listen).await?;
    let address = listener.local_addr().map_err(|error| Failure::Unavailable(error.to_string()))?;
    let mut doors =
        vec![tokio::spawn(http::serve(listener, app.clone(), ListenerRole::Public, stop.clone()))];
    let mut ready = format!("listening on http://{address}\n");
    if let Some(metrics) = &arguments.metrics_listen {
        let listener = bind(metrics).await?;
        let address = listener.local_addr().map_err(|error| Failure::Unavailable(error.to_string()))?;
        doors.push(tokio::spawn(http::serve(listener, app, ListenerRole::Metrics, stop)));
        ready.push_str(&format!("metrics on http://{address}\n"));
    }
    stop_on_signal(stopper)?;
    // Whoever started this may have stopped reading; that is no reason not to serve.
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(ready.as_bytes()).and_then(|()| stdout.flush());
    for door in doors {
        if let Err(error) = door.await {
            return Err(Failure::Unavailable(format!("serving ended: {error}")));
        }
    }
    tracing::info!("stopped");
    Ok(())
}

async fn bind(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Unavailable(format!("cannot listen on {address}: {error}")))
}

fn stop_on_signal(stopper: watch::Sender<bool>) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::Unavailable(format!("signals: {error}")));
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopper.send_replace(true);
        tracing::info!("stopping: answering what was accepted");
    });
    Ok(())
}
