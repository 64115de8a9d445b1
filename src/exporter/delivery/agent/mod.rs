//! The HTTP agent: timeouts, addresses, certificate authorities and proxy of every request to the receiver.
//!
//! No request is without a timeout, and no redirect is followed.

/// The addresses of the receiver and of a proxy.
mod addresses;
/// The certificate authorities in `caFile`.
mod authorities;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};

use crate::exporter::config::Config;
use crate::exporter::config::proxy::ProxyUrl;
use crate::exporter::delivery::agent::addresses::CachedAddresses;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::transport_failure::Route;
use crate::exporter::error::Error;

/// The settings of an agent for one origin.
#[derive(Debug)]
pub struct AgentSettings {
    timeout: Duration,
    is_https: bool,
    /// The authorities in `caFile`, if it is set.
    authorities: Vec<Certificate<'static>>,
    ca_file: Option<PathBuf>,
    proxy: Option<(ProxyUrl, Proxy)>,
    addresses: CachedAddresses,
}

impl AgentSettings {
    /// Reads the settings for requests to the origin of a URL; opens no connection.
    pub fn new(config: &Config, url: &str) -> Result<AgentSettings, Error> {
        let is_https = url.starts_with("https:");
        let ca_file = config.ca_file.as_ref().filter(|_| is_https);
        let uri = url.parse::<ureq::http::Uri>().context("cannot parse the endpoint")?;
        let proxy = config.proxy.for_endpoint(uri.host().unwrap_or_default(), uri.port_u16())?;
        Ok(AgentSettings {
            timeout: config.timeout,
            is_https,
            authorities: ca_file.map_or(Ok(Vec::new()), |path| authorities::read(path))?,
            ca_file: ca_file.cloned(),
            proxy: proxy.map(with_parsed_proxy).transpose()?,
            addresses: CachedAddresses::default(),
        })
    }

    /// Creates the agent.
    pub fn agent(&self) -> Agent {
        let timeout = Some(self.timeout);
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("han-sync/", env!("CARGO_PKG_VERSION")))
            // A name server that never responds must not hold up the run.
            .timeout_resolve(timeout)
            .timeout_connect(timeout)
            .timeout_per_write(timeout)
            .timeout_recv_response(timeout)
            .timeout_recv_body(timeout)
            .proxy(self.proxy.as_ref().map(|(_, proxy)| proxy.clone()));
        if self.is_https {
            builder =
                builder.tls_config(TlsConfig::builder().root_certs(root_certs(&self.authorities)).build());
        }
        Agent::with_parts(builder.build(), DefaultConnector::default(), self.addresses.clone())
    }

    /// Classifies the failure of a request to `endpoint`. The next request looks up the addresses again.
    pub fn failure(&self, endpoint: &str, error: &ureq::Error, has_begun: bool) -> RequestError {
        self.addresses.forget();
        let route = Route {
            endpoint,
            proxy: self.proxy.as_ref().map(|(url, _)| url),
            ca_file: self.ca_file.as_deref(),
        };
        route.classify(error, has_begun)
    }
}

/// Makes a proxy of its URL; one that cannot be used is an error, never a direct connection.
fn with_parsed_proxy(url: ProxyUrl) -> Result<(ProxyUrl, Proxy), Error> {
    let wrong = |error| Error::configuration(format!("the proxy {url} cannot be used: {error}"));
    let proxy = Proxy::new(url.expose()).map_err(wrong)?;
    Ok((url, proxy))
}

/// The authorities of the platform, and those of `caFile`.
fn root_certs(authorities: &[Certificate<'static>]) -> RootCerts {
    if authorities.is_empty() {
        return RootCerts::PlatformVerifier;
    }
    let platform = rustls_native_certs::load_native_certs().certs;
    let platform = platform.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned());
    RootCerts::Specific(Arc::new(authorities.iter().cloned().chain(platform).collect()))
}
