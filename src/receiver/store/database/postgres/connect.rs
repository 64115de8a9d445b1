//! Connections: settings, timeouts, with and without TLS.

use super::store_url::StoreUrl;
use super::tls;
use super::url_words::{ClientCertificate, TlsPolicy};
use crate::receiver::store::error::Result;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

/// Timeout of a connection: to be established, or to become free in the pool.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Name of the connections at the server, unless the operator chooses another.
pub const APPLICATION_NAME: &str = "han-sync-receiver";
/// Timeouts of a statement ([`STATEMENT_TIMEOUT`](crate::receiver::limits::STATEMENT_TIMEOUT)), of a lock and of an idle
/// transaction, so that no request hangs on the database.
pub const SESSION_SETTINGS: [(&str, &str); 3] =
    [("statement_timeout", "30s"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")];
/// Setting by which a session shows that the server itself has taken the options of its start. A pooler does not pass them on.
pub const DIRECT_SETTING: &str = "han.direct";

/// A manager for the connections of batches, and an equal one for those of queries.
pub type ManagerPair = [Manager; 2];

/// Attempt to connect.
pub struct ConnectionAttempt {
    pub managers: ManagerPair,
    /// False without options at the start of a session, which some poolers reject. It is tried where one does.
    pub has_options: bool,
}

/// The ways to connect, in the order in which they are tried.
pub fn connection_attempts(url: &str) -> Result<Vec<ConnectionAttempt>> {
    let StoreUrl { mut config, tls, client_certificate, is_local } =
        StoreUrl::parse(url, |variable| std::env::var(variable).ok())?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION_NAME);
    }
    let settings: String =
        SESSION_SETTINGS.iter().map(|(name, value)| format!("-c {name}={value} ")).collect();
    // The operator's settings come last and win.
    let given = config.get_options().unwrap_or_default().to_owned();
    let without_options = given.is_empty().then(|| config.clone());
    config.options(format!("{settings}-c {DIRECT_SETTING}=1 {given}").trim_end());
    let is_unverified = !matches!(
        tls,
        TlsPolicy::Verified(_) | TlsPolicy::VerifiedAuthority(_) | TlsPolicy::VerifiedIfOffered
    );
    if is_unverified && !is_local {
        tracing::warn!(
            "the store's server is not verified: use sslmode=verify-full, with sslrootcert for an authority of its own"
        );
    }
    let mut attempts = Vec::new();
    for (config, has_options) in
        std::iter::once((config, true)).chain(without_options.map(|config| (config, false)))
    {
        for managers in managers(&config, &tls, client_certificate.as_ref())? {
            attempts.push(ConnectionAttempt { managers, has_options });
        }
    }
    Ok(attempts)
}

fn managers(
    config: &Config,
    tls: &TlsPolicy,
    certificate: Option<&ClientCertificate>,
) -> Result<Vec<ManagerPair>> {
    let encrypted = |mode| -> Result<ManagerPair> {
        let mut config = config.clone();
        config.ssl_mode(mode);
        let connector = tls::connector(tls, certificate)?;
        let manager = |config| Manager::from_config(config, connector.clone(), recycling());
        Ok([manager(config.clone()), manager(config)])
    };
    Ok(match tls {
        TlsPolicy::Disabled => vec![plain(config)],
        TlsPolicy::Allowed => vec![plain(config), encrypted(SslMode::Require)?],
        TlsPolicy::Preferred => vec![encrypted(SslMode::Prefer)?, plain(config)],
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
