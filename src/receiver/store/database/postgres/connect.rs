//! Connections: settings, timeouts, with and without TLS.

use super::store_url::{StoreUrl, TlsPolicy};
use super::tls;
use crate::receiver::limits::STATEMENT_TIMEOUT;
use crate::receiver::store::error::Result;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

/// Timeout of a connection: to be established, or to become free in the pool.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeouts of a lock and of an idle transaction, so that no request hangs on the database.
const LOCK_SETTINGS: &str = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s";

/// A manager for the connections of batches, and an equal one for those of queries.
pub type ManagerPair = [Manager; 2];

/// The managers that may open connections, in the order in which they are tried.
pub fn connection_managers(url: &str) -> Result<Vec<ManagerPair>> {
    let StoreUrl { mut config, tls, is_local } =
        StoreUrl::parse(url, |variable| std::env::var(variable).ok())?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    let settings = format!("-c statement_timeout={}s {LOCK_SETTINGS}", STATEMENT_TIMEOUT.as_secs());
    let options = config.get_options().map_or_else(
        || settings.clone(),
        |given| format!("{settings} {given}"), // the operator's settings come last and win
    );
    config.options(&options);
    if config.get_application_name().is_none() {
        config.application_name("han-sync-receiver");
    }
    let is_unverified = !matches!(
        tls,
        TlsPolicy::Verified(_) | TlsPolicy::VerifiedAuthority(_) | TlsPolicy::VerifiedIfOffered
    );
    if is_unverified && !is_local {
        tracing::warn!(
            "the store's server is not verified: use sslmode=verify-full, with sslrootcert for an authority of its own"
        );
    }
    let encrypted = |mode| -> Result<ManagerPair> {
        let mut config = config.clone();
        config.ssl_mode(mode);
        let connector = tls::connector(&tls)?;
        let manager = |config| Manager::from_config(config, connector.clone(), recycling());
        Ok([manager(config.clone()), manager(config)])
    };
    Ok(match tls {
        TlsPolicy::Disabled => vec![plain(&config)],
        TlsPolicy::Allowed => vec![plain(&config), encrypted(SslMode::Require)?],
        TlsPolicy::Preferred => vec![encrypted(SslMode::Prefer)?, plain(&config)],
        _ => vec![encrypted(config.get_ssl_mode())?],
    })
}

fn plain(config: &Config) -> ManagerPair {
    let mut config = config.clone();
    config.ssl_mode(SslMode::Disable);
    let manager = |config| Manager::from_config(config, NoTls, recycling());
    [manager(config.clone()), manager(config)]
}

fn recycling() -> ManagerConfig {
    ManagerConfig { recycling_method: RecyclingMethod::Fast }
}
