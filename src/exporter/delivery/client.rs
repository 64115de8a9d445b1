//! The HTTP client: one request to the receiver, and its result.
//!
//! No request is without a timeout, and no redirect is followed. The client neither waits nor retries nor keeps state.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy, SendBody};

use crate::exporter::config::proxy::ProxyUrl;
use crate::exporter::config::{ApiKey, Config, Endpoint};
use crate::exporter::delivery::authorities;
use crate::exporter::delivery::connect_error::Route;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response::{self, BatchDecision};
use crate::exporter::error::Error;
use crate::protocol::{CLIENT_ID_HEADER, Identity, PROTOCOL_VERSION, PROTOCOL_VERSION_HEADER};

/// The client of one endpoint and key.
#[derive(Debug)]
pub struct HttpClient {
    /// Created for the first request: a run with nothing to send needs none.
    agent: OnceLock<Agent>,
    timeout: Duration,
    /// The authorities in `caFile`, if it is set.
    authorities: Vec<Certificate<'static>>,
    ca_file: Option<PathBuf>,
    proxy: Option<(ProxyUrl, Proxy)>,
    endpoint: String,
    key: ApiKey,
    client_id: String,
}

impl HttpClient {
    /// Prepares requests to an endpoint; opens no connection.
    pub fn new(config: &Config, endpoint: Endpoint, client_id: &str) -> Result<HttpClient, Error> {
        let ca_file = config.ca_file.as_ref().filter(|_| is_https(endpoint.url));
        let uri = endpoint.url.parse::<ureq::http::Uri>().context("cannot parse the endpoint")?;
        let proxy = config.proxy.for_endpoint(uri.host().unwrap_or_default(), uri.port_u16())?;
        Ok(HttpClient {
            agent: OnceLock::new(),
            timeout: config.timeout,
            authorities: ca_file.map_or(Ok(Vec::new()), |path| authorities::read(path))?,
            ca_file: ca_file.cloned(),
            proxy: proxy.map(usable).transpose()?,
            endpoint: endpoint.url.to_owned(),
            key: endpoint.key.clone(),
            client_id: client_id.to_owned(),
        })
    }

    /// Posts a compressed payload. A date in `Retry-After` is relative to `now`.
    pub fn post(&self, body: &[u8], now: DateTime<Utc>) -> Result<BatchDecision, RequestError> {
        let request = self
            .agent()
            .post(&self.endpoint)
            .header("Authorization", self.authorization())
            .header("Content-Type", "application/json")
            .header("Content-Encoding", "gzip")
            .header("Content-Length", body.len())
            .header(CLIENT_ID_HEADER, &self.client_id)
            .header(PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION);
        let mut body = TrackedBody { rest: body, has_begun: false };
        let response = request
            .send(SendBody::from_reader(&mut body))
            .map_err(|error| self.route().unreachable(&error, body.has_begun))?;
        response::batch_decision(&self.endpoint, response, now)
    }

    /// Requests the identity; `None` if the receiver has no such endpoint. A date in `Retry-After` is
    /// relative to `now`.
    pub fn identity(&self, now: DateTime<Utc>) -> Result<Option<Identity>, RequestError> {
        let request = self
            .agent()
            .get(format!("{}/identity", self.endpoint))
            .header("Authorization", self.authorization())
            .header("Accept", "application/json")
            .header(CLIENT_ID_HEADER, &self.client_id)
            .header(PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION);
        let response = request.call().map_err(|error| self.route().unreachable(&error, false))?;
        response::identified(&self.endpoint, response, now)
    }

    fn route(&self) -> Route<'_> {
        Route {
            endpoint: &self.endpoint,
            proxy: self.proxy.as_ref().map(|(url, _)| url),
            ca_file: self.ca_file.as_deref(),
        }
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.key.expose())
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| self.new_agent())
    }

    fn new_agent(&self) -> Agent {
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
        if is_https(&self.endpoint) {
            builder =
                builder.tls_config(TlsConfig::builder().root_certs(root_certs(&self.authorities)).build());
        }
        builder.build().new_agent()
    }
}

/// Makes a proxy of its URL; one that cannot be used is an error, never a direct connection.
fn usable(url: ProxyUrl) -> Result<(ProxyUrl, Proxy), Error> {
    let wrong = |error| Error::configuration(format!("the proxy {url} cannot be used: {error}"));
    let proxy = Proxy::new(url.expose()).map_err(wrong)?;
    Ok((url, proxy))
}

fn is_https(endpoint: &str) -> bool {
    endpoint.starts_with("https:")
}

/// The body of a request, with the fact that the client has begun to send it.
struct TrackedBody<'b> {
    rest: &'b [u8],
    has_begun: bool,
}

impl Read for TrackedBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.has_begun = true;
        self.rest.read(buffer)
    }
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
