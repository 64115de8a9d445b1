//! The HTTP client: one request to the receiver, and its result.
//!
//! No request is without a timeout, and no redirect is followed. The client neither waits nor retries nor keeps state.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy, SendBody};

use crate::exporter::config::{self, Config};
use crate::exporter::delivery::request_error::{FaultKind, RequestError};
use crate::exporter::delivery::response::{self, Posted};
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
    endpoint: String,
    key: config::ApiKey,
    client_id: String,
}

impl HttpClient {
    /// Prepares requests to an endpoint; opens no connection.
    pub fn new(
        config: &Config,
        endpoint: &str,
        key: &config::ApiKey,
        client_id: &str,
    ) -> Result<HttpClient, Error> {
        Ok(HttpClient {
            agent: OnceLock::new(),
            timeout: config.timeout,
            authorities: if is_https(endpoint) { authorities(config)? } else { Vec::new() },
            endpoint: endpoint.to_owned(),
            key: key.clone(),
            client_id: client_id.to_owned(),
        })
    }

    /// Posts a compressed payload. A date in `Retry-After` is relative to `now`.
    pub fn post(&self, body: &[u8], now: DateTime<Utc>) -> Result<Posted, RequestError> {
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
            .map_err(|error| unreachable(&self.endpoint, &error, body.has_begun))?;
        response::posted(&self.endpoint, response, now)
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
        let response = request.call().map_err(|error| unreachable(&self.endpoint, &error, false))?;
        response::identified(&self.endpoint, response, now)
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.key.expose())
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| self.new_agent())
    }

    fn new_agent(&self) -> Agent {
        let timeout = Some(self.timeout);
        let uri = self.endpoint.parse::<ureq::http::Uri>();
        let is_loopback = uri.is_ok_and(|uri| uri.host().is_some_and(config::endpoint::is_loopback));
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("han-sync/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(timeout)
            .timeout_per_write(timeout)
            .timeout_recv_response(timeout)
            .timeout_recv_body(timeout)
            // A proxy cannot reach this machine's own loopback address.
            .proxy(if is_loopback { None } else { Proxy::try_from_env() });
        if is_https(&self.endpoint) {
            builder =
                builder.tls_config(TlsConfig::builder().root_certs(root_certs(&self.authorities)).build());
        }
        builder.build().new_agent()
    }
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

/// Classifies a request without a response. A connection that breaks after the body has begun is cut: the kernel takes
/// a small body as a whole, so that the time of the break tells nothing.
fn unreachable(endpoint: &str, error: &ureq::Error, has_begun: bool) -> RequestError {
    let text = error.to_string();
    let is_timeout = matches!(error, ureq::Error::Timeout(_))
        || matches!(error, ureq::Error::Io(error) if response::is_timeout(error));
    // A smaller batch does not help a connection that is not established.
    let is_unconnected =
        matches!(error, ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect));
    let is_cut = has_begun && !is_timeout && matches!(error, ureq::Error::Io(_) | ureq::Error::Rustls(_));
    let message = if is_timeout {
        format!("{endpoint} timed out ({text})")
    } else if is_cut {
        format!(
            "{endpoint} cannot be reached: it, or a gateway on the way, cut the connection instead of responding ({text})"
        )
    } else if text.to_ascii_lowercase().contains("certificate") {
        format!(
            "the certificate of {endpoint} is not trusted ({text}); if your company has its own authority, set caFile to its certificate"
        )
    } else if matches!(error, ureq::Error::HostNotFound) {
        format!("the host of {endpoint} is not found; check the network and the endpoint's spelling")
    } else {
        format!("{endpoint} cannot be reached ({text})")
    };
    let kind = match (is_timeout, is_cut) {
        (true, _) if !is_unconnected => FaultKind::Timeout,
        (_, true) => FaultKind::Cut,
        _ => FaultKind::Endpoint,
    };
    RequestError::fault_of(kind, message)
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

/// Reads the authorities in `caFile`; none if it is not set.
fn authorities(config: &Config) -> Result<Vec<Certificate<'static>>, Error> {
    let Some(path) = &config.ca_file else { return Ok(Vec::new()) };
    let name = path.display();
    let pem = config::small_file::read(path)
        .map_err(|error| Error::configuration(format!("caFile {name}: {error}")))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(pem.as_bytes()) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(Error::configuration(format!("caFile {name}: {error}"))),
        }
    }
    if certificates.is_empty() {
        let message = format!("caFile {name} holds no certificate; set it to a file in PEM form");
        return Err(Error::configuration(message));
    }
    Ok(certificates)
}
