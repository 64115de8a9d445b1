//! `serve`: from listening sockets to a graceful shutdown.

use super::bounded_text::read_bounded;
use super::environment;
use super::exit::CliError;
use super::log::StderrLog;
use super::options::GlobalOptions;
use super::provider::{ProviderFlags, provider_options};
use super::service_manager::{PassedSockets, ServiceManager};
use crate::receiver::http::{
    self, App, ConnectionTable, ConnectionTimeouts, DeviceLoginOptions, ListenerRole, PublicUrl,
    ServerOptions, TrustedProxies,
};
use crate::receiver::limits::{
    BODY_STALL_TIMEOUT, CONNECTIONS_MAX, DRAIN_TIMEOUT, KEEP_ALIVE_TIMEOUT, LISTEN_BACKLOG,
    METRICS_CONNECTIONS_MAX, OTHER_FILES_MAX, REQUESTS_IN_FLIGHT_MAX, REQUESTS_PER_MINUTE, WRITE_TIMEOUT,
};
use crate::receiver::prices::PriceList;
use crate::receiver::store::{AUDIT_DAYS_MIN, MissingStore};
use crate::receiver::time::{self, SECOND_US};
use argh::FromArgs;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

/// Most requests in flight that can be asked for: each has memory and a descriptor.
const IN_FLIGHT_MAX: u64 = 1_000_000;
/// Longest timeout that can be asked for: a day.
const SECONDS_MAX: u64 = 86_400;
/// Days that entries of the audit log are kept.
const AUDIT_DAYS: u64 = 400;
/// Most days that can be asked for.
const AUDIT_DAYS_MAX: u64 = 1_000_000;
/// Between two deletions of old entries.
const PRUNE_INTERVAL: Duration = Duration::from_secs(86_400);
/// Bytes that are read of a file of prices: more than ten thousand of them.
const PRICES_BYTES_MAX: u64 = 4 << 20;
/// Between two looks at the refused authentications.
const REFUSALS_INTERVAL: Duration = Duration::from_secs(1);

/// serve the sync API, GraphQL, health and metrics
#[derive(FromArgs)]
#[argh(subcommand, name = "serve")]
pub struct ServeArgs {
    /// address to listen on; port 0 picks a free one (127.0.0.1:8787)
    #[argh(option, default = "String::from(\"127.0.0.1:8787\")")]
    listen: String,
    /// a second address for /metrics and health, without keys
    #[argh(option)]
    metrics_listen: Option<String>,
    /// requests per key and minute (1200)
    #[argh(option, default = "REQUESTS_PER_MINUTE")]
    rate: u32,
    /// requests at work; others wait for up to 20 s, then get 503; more than a quarter with one key get 429 (256)
    #[argh(option, default = "REQUESTS_IN_FLIGHT_MAX")]
    in_flight: usize,
    /// seconds without a byte after which a slow body is given up (15)
    #[argh(option, default = "BODY_STALL_TIMEOUT.as_secs()")]
    stall_seconds: u64,
    /// seconds without progress after which a response that is not read is given up (30)
    #[argh(option, default = "WRITE_TIMEOUT.as_secs()")]
    write_seconds: u64,
    /// seconds for which a client may keep a connection without a request (75)
    #[argh(option, default = "KEEP_ALIVE_TIMEOUT.as_secs()")]
    keep_alive_seconds: u64,
    /// seconds from SIGTERM for which connections are still taken while /readyz answers 503 (5)
    #[argh(option, default = "DRAIN_TIMEOUT.as_secs()")]
    drain_seconds: u64,
    /// URL at which clients see this receiver, such as `https://team.example.com` (from the requests)
    #[argh(option)]
    public_url: Option<String>,
    /// lifetime of a key that `han-sync login` gets: 90d, 12h (90d)
    #[argh(option, default = "String::from(\"90d\")")]
    key_lifetime: String,
    /// issuer of the OpenID provider that people sign in to the page through, such as `https://id.example.com`
    #[argh(option)]
    oidc_issuer: Option<String>,
    /// id of this receiver at the provider
    #[argh(option)]
    oidc_client_id: Option<String>,
    /// file with the secret of this receiver at the provider
    #[argh(option)]
    oidc_client_secret_file: Option<String>,
    /// create a user at the first sign-in of somebody who has none
    #[argh(switch)]
    oidc_create: bool,
    /// claim that lists the groups of a person (groups)
    #[argh(option)]
    oidc_groups_claim: Option<String>,
    /// scopes to ask the provider for, separated by blanks (openid, and of email profile groups those that it has)
    #[argh(option)]
    oidc_scopes: Option<String>,
    /// network of proxies that are trusted to name their client in X-Forwarded-For, such as 10.0.0.0/8; repeats
    #[argh(option)]
    trusted_proxy: Vec<String>,
    /// file with prices of language models, which replace the built-in ones of the models that it names
    #[argh(option)]
    prices: Option<String>,
    /// days that entries of the audit log are kept, 30 or more (400)
    #[argh(option, default = "AUDIT_DAYS")]
    audit_days: u64,
    /// age of messages and tasks that are deleted at start and once a day, as `admin prune` does: 400d (none are)
    #[argh(option)]
    prune_older_than: Option<String>,
}

/// Serves until SIGTERM or SIGINT. `sockets`: those that the service manager has opened, which take the place of the
/// addresses.
pub async fn run(
    arguments: ServeArgs,
    options: &GlobalOptions,
    sockets: PassedSockets,
) -> Result<(), CliError> {
    arguments.check()?;
    let server_options = server_options(&arguments)?;
    let retention_us = arguments.prune_older_than.as_deref().map(retention).transpose()?;
    let _log = StderrLog::start(environment::log_filter()?);
    let store = options.open_store(MissingStore::Create).await?;
    tracing::info!(store = store.kind(), version = env!("CARGO_PKG_VERSION"), "the store is ready");
    let trusted = server_options.trusted_proxies.clone();
    let timeouts = arguments.timeouts();
    let app = App::new(store, server_options);
    let app =
        Arc::new(app.map_err(|error| CliError::Unavailable(format!("no thread can be started: {error}")))?);
    let (stop, stopped) = watch::channel(false);
    let manager = Arc::new(ServiceManager::of_environment());
    let (listener, address) = bind_or_take(&arguments.listen, sockets.public).await?;
    raise_open_files();
    let mut servers = vec![tokio::spawn(http::serve(
        listener,
        app.clone(),
        ListenerRole::Public,
        ConnectionTable::new(connections_max(), trusted, timeouts),
        stopped.clone(),
    ))];
    let mut upkeep = JoinSet::new();
    upkeep.spawn(keep_audit(app.clone(), arguments.audit_days));
    upkeep.spawn(prune_daily(app.clone(), retention_us));
    let mut ready = format!("listening on http://{address}\n");
    if let Some((listener, address)) =
        bind_metrics(arguments.metrics_listen.as_deref(), sockets.metrics).await?
    {
        let connections = ConnectionTable::new(METRICS_CONNECTIONS_MAX, TrustedProxies::default(), timeouts);
        let metrics_app = app.clone();
        servers.push(tokio::spawn(http::serve(
            listener,
            metrics_app,
            ListenerRole::Metrics,
            connections,
            stopped,
        )));
        ready.push_str(&format!("metrics on http://{address}\n"));
    }
    stop_on_signal(stop, app.clone(), manager.clone(), Duration::from_secs(arguments.drain_seconds))?;
    // A closed stdout is no reason not to serve.
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(ready.as_bytes()).and_then(|()| stdout.flush());
    manager.ready(&format!("http://{address}"));
    upkeep.spawn(async move { manager.feed_watchdog().await });
    for server in servers {
        server.await.map_err(|error| CliError::Unavailable(format!("the server failed: {error}")))?;
    }
    upkeep.abort_all();
    app.record_refusals(true).await;
    tracing::info!("stopped");
    Ok(())
}

/// Writes refused authentications to the audit log, and deletes old entries once a day.
async fn keep_audit(app: Arc<App>, days: u64) {
    loop {
        app.prune_audit(days).await;
        let day_ends = tokio::time::Instant::now() + PRUNE_INTERVAL;
        while tokio::time::Instant::now() < day_ends {
            tokio::time::sleep(REFUSALS_INTERVAL).await;
            app.record_refusals(false).await;
        }
    }
}

/// Deletes what is older than the retention, at once and then once a day.
async fn prune_daily(app: Arc<App>, retention_us: Option<i64>) {
    let Some(retention_us) = retention_us else { return };
    loop {
        let app = app.clone();
        // On a thread of its own, because it takes minutes where there is much to delete.
        let pruned = spawn_blocking(move || Handle::current().block_on(app.prune(retention_us)));
        if let Err(error) = pruned.await {
            tracing::warn!(error = %error, "pruning failed");
        }
        tokio::time::sleep(PRUNE_INTERVAL).await;
    }
}

fn retention(text: &str) -> Result<i64, CliError> {
    let span = time::parse_duration(text).filter(|span| *span >= time::DAY_US);
    span.ok_or_else(|| {
        CliError::Usage(format!(
            "--prune-older-than {text} is not an age of a day or more: use one such as 400d"
        ))
    })
}

/// As many connections as the limit of open files leaves beside the other files.
fn connections_max() -> usize {
    let files = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    files.map_or(CONNECTIONS_MAX, |files| {
        files.saturating_sub(OTHER_FILES_MAX.min(files / 2)).clamp(1, CONNECTIONS_MAX)
    })
}

/// Raises the limit of open files to what the most connections need, as far as the system permits, because many shells and
/// service managers set one of 1,024.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(CONNECTIONS_MAX + OTHER_FILES_MAX).unwrap_or(u64::MAX);
    let permitted = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < permitted) {
        limit.current = Some(permitted);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(error = %error, "the limit of open files stays");
        }
    }
}

fn server_options(arguments: &ServeArgs) -> Result<ServerOptions, CliError> {
    let trusted_proxies = TrustedProxies::parse(&arguments.trusted_proxy).map_err(|text| {
        CliError::Usage(format!("--trusted-proxy {text} is no network: use one such as 10.0.0.0/8"))
    })?;
    Ok(ServerOptions {
        requests_per_minute: arguments.rate,
        in_flight_max: arguments.in_flight,
        body_stall_timeout: Duration::from_secs(arguments.stall_seconds),
        metrics_key: environment::metrics_key()?,
        trusted_proxies,
        device_login: device_login_options(arguments)?,
        provider: provider_options(&arguments.provider_flags())?,
        prices: price_list(arguments.prices.as_deref())?,
    })
}

/// The built-in prices, with those of a file in place of its models'.
fn price_list(path: Option<&str>) -> Result<PriceList, CliError> {
    let Some(path) = path else { return Ok(PriceList::built_in()) };
    let failed = |error: &dyn Display| CliError::Usage(format!("--prices {path}: {error}"));
    let text = File::open(path).and_then(|file| read_bounded(file, PRICES_BYTES_MAX));
    let text = text.map_err(|error| failed(&error))?;
    let prices = PriceList::parse(&text).map_err(|error| failed(&error))?;
    Ok(PriceList::built_in().overridden_by(prices))
}

fn device_login_options(arguments: &ServeArgs) -> Result<DeviceLoginOptions, CliError> {
    let public_url = arguments.public_url.as_deref().map(|text| {
        let parsed = PublicUrl::parse(text);
        parsed.ok_or_else(|| {
            CliError::Usage(format!("--public-url {text} is not of the form https://HOST[/PATH]"))
        })
    });
    let lifetime = time::parse_duration(&arguments.key_lifetime).filter(|lifetime| *lifetime >= SECOND_US);
    Ok(DeviceLoginOptions {
        public_url: public_url.transpose()?,
        key_lifetime_us: lifetime.ok_or_else(|| {
            let text = &arguments.key_lifetime;
            CliError::Usage(format!(
                "--key-lifetime {text} is not a duration: use a number and d, h, m or s, such as 90d"
            ))
        })?,
    })
}

impl ServeArgs {
    fn provider_flags(&self) -> ProviderFlags<'_> {
        ProviderFlags {
            issuer: self.oidc_issuer.as_deref(),
            client_id: self.oidc_client_id.as_deref(),
            client_secret_file: self.oidc_client_secret_file.as_deref(),
            creates_users: self.oidc_create,
            groups_claim: self.oidc_groups_claim.as_deref(),
            scopes: self.oidc_scopes.as_deref(),
        }
    }

    fn timeouts(&self) -> ConnectionTimeouts {
        ConnectionTimeouts {
            write: Duration::from_secs(self.write_seconds),
            keep_alive: Duration::from_secs(self.keep_alive_seconds),
        }
    }

    /// Rejects numbers that nothing could be served with, or that no clock or counter holds.
    fn check(&self) -> Result<(), CliError> {
        for (flag, value, least, most) in [
            ("--rate", u64::from(self.rate), 1, u64::from(u32::MAX)),
            ("--in-flight", self.in_flight as u64, 1, IN_FLIGHT_MAX),
            ("--stall-seconds", self.stall_seconds, 1, SECONDS_MAX),
            ("--write-seconds", self.write_seconds, 1, SECONDS_MAX),
            ("--keep-alive-seconds", self.keep_alive_seconds, 1, SECONDS_MAX),
            ("--drain-seconds", self.drain_seconds, 0, SECONDS_MAX),
            ("--audit-days", self.audit_days, AUDIT_DAYS_MIN, AUDIT_DAYS_MAX),
        ] {
            if !(least..=most).contains(&value) {
                return Err(CliError::Usage(format!(
                    "{flag} {value} is out of range: use {least} to {most}"
                )));
            }
        }
        Ok(())
    }
}

/// Takes a passed socket, or binds an address.
async fn bind_or_take(
    address: &str,
    passed: Option<std::net::TcpListener>,
) -> Result<(TcpListener, SocketAddr), CliError> {
    let Some(passed) = passed else { return bind(address).await };
    let taken = passed.local_addr().and_then(|address| Ok((TcpListener::from_std(passed)?, address)));
    taken.map_err(|error| CliError::Unavailable(format!("the passed socket cannot be used: {error}")))
}

/// The socket of metrics, where one is passed or asked for.
async fn bind_metrics(
    address: Option<&str>,
    passed: Option<std::net::TcpListener>,
) -> Result<Option<(TcpListener, SocketAddr)>, CliError> {
    match (address, passed) {
        (None, None) => Ok(None),
        (address, passed) => bind_or_take(address.unwrap_or_default(), passed).await.map(Some),
    }
}

/// Binds an address, and returns the one that the system chose for port 0.
async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), CliError> {
    let failed = |error| CliError::Unavailable(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    // Listens again with a larger backlog: tokio's is 1,024.
    rustix::net::listen(&listener, LISTEN_BACKLOG).map_err(|error| failed(error.into()))?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Stops serving at SIGTERM or SIGINT. After SIGTERM the receiver is not ready and still takes connections for `drain`, so
/// that load balancers notice before the listener closes; SIGINT and a second signal do not wait. SIGHUP, which a closed
/// terminal sends, ends nothing.
fn stop_on_signal(
    stop: watch::Sender<bool>,
    app: Arc<App>,
    manager: Arc<ServiceManager>,
    drain: Duration,
) -> Result<(), CliError> {
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let mut hang_up = on(SignalKind::hangup())?;
    tokio::spawn(async move {
        let waits = loop {
            tokio::select! {
                _ = terminate.recv() => break true,
                _ = interrupt.recv() => break false,
                _ = hang_up.recv() => tracing::info!("SIGHUP is ignored: SIGTERM ends the receiver"),
            }
        };
        app.begin_drain();
        manager.stopping();
        if waits && !drain.is_zero() {
            tracing::info!(seconds = drain.as_secs(), "draining: not ready, connections are still taken");
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        stop.send_replace(true);
        tracing::info!("shutting down: accepted requests are finished");
        while hang_up.recv().await.is_some() {}
    });
    Ok(())
}

fn on(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Unavailable(format!("signals cannot be handled: {error}")))
}
