//! Connection settings: URL, TLS, timeouts.

use crate::receiver::store::error::{Result, StoreError};
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Timeout of a connection: to be established, or to become free in the pool.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeouts of a statement, of a lock and of an idle transaction, so that no request hangs on the database.
const SESSION_SETTINGS: &str =
    "-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s";

/// The manager that opens the pool's connections.
pub fn connection_manager(url: &str) -> Result<Manager> {
    let mut config = parse_url(url)?;
    config.connect_timeout(CONNECT_TIMEOUT);
    let options = config.get_options().map_or_else(
        || SESSION_SETTINGS.to_owned(),
        |given| format!("{SESSION_SETTINGS} {given}"), // the operator's settings come last and win
    );
    config.options(&options).application_name("han-sync-receiver");
    let recycle = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    if uses_tls(url, &config) {
        return Ok(Manager::from_config(config, tls()?, recycle));
    }
    config.ssl_mode(SslMode::Disable);
    Ok(Manager::from_config(config, NoTls, recycle))
}

/// Parses the URL. libpq's `verify-ca` and `verify-full` become `require`, because this program always verifies the
/// server where it speaks TLS.
fn parse_url(url: &str) -> Result<Config> {
    let url =
        url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    url.parse().map_err(|_| {
        StoreError::refused(
            "the store's URL cannot be parsed (it is not printed, because it may hold a password)",
        )
    })
}

/// True unless the server is on this machine or TLS is disabled: bytes that never leave the machine need no TLS, and a
/// local server seldom has a certificate that can be verified. An `sslmode` in the URL decides for itself.
fn uses_tls(url: &str, config: &Config) -> bool {
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    let is_local = config.get_hosts().iter().all(is_local_host) && addresses.iter().all(IpAddr::is_loopback);
    config.get_ssl_mode() != SslMode::Disable && (url.contains("sslmode=") || !is_local)
}

fn tls() -> Result<MakeRustlsConnect> {
    let failed = |error: String| StoreError::Internal(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_platform_verifier()
        .map_err(|error| failed(error.to_string()))?
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_used_unless_the_server_is_local() {
        for (url, expected) in [
            ("postgres://u@db.example.com/x", true),
            ("postgres://u@10.0.0.7/x", true),
            ("postgres://u@localhost,db.example.com/x", true),
            ("postgres://u@localhost/x", false),
            ("postgres://u@127.0.0.1:5433/x", false),
            ("postgres:///x?host=/var/run/postgresql", false),
            ("postgres://u@localhost/x?sslmode=require", true),
            ("postgres://u@localhost/x?sslmode=verify-full", true),
            ("postgres://u@db.example.com/x?sslmode=disable", false),
        ] {
            let config = parse_url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(uses_tls(url, &config), expected, "{url}");
        }
    }
}
