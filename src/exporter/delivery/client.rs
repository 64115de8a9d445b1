//! One request to the receiver, and what its answer means.
//!
//! Every end of a request is one of a few kinds, by which the delivery decides; nothing here waits, retries or keeps
//! state. No call is without a time-out, no answer is read without a bound, no redirect is followed. The key and the
//! body reach no message.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy};

use crate::exporter::backoff;
use crate::exporter::config::{self, Config};
use crate::exporter::error::Error;
use crate::protocol::{
    CLIENT_ID_HEADER, ErrorBody, Identity, PROTOCOL_VERSION, PROTOCOL_VERSION_HEADER, SyncResponse,
};

/// An answer names at most a batch's sessions, or a user's organizations; more than this is no answer.
const ANSWER_BYTES_MAX: u64 = 8 << 20;
/// Of a receiver's own words, as much as fits a line or two.
const MESSAGE_CHARS_MAX: usize = 300;

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The endpoint's trouble or the line's: it passes.
    Fault { message: String, retry_after: Option<Duration>, timed_out: bool },
    /// The receiver does not take the key.
    KeyRefused { message: String },
    /// What answers is no receiver, or not at this address.
    NotReceiver { message: String },
}

impl Failure {
    pub fn message(&self) -> &str {
        match self {
            Failure::Fault { message, .. }
            | Failure::KeyRefused { message }
            | Failure::NotReceiver { message } => message,
        }
    }

    fn fault(message: String) -> Failure {
        Failure::Fault { message, retry_after: None, timed_out: false }
    }
}

/// How posting a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    Answered(SyncResponse),
    /// 400, 413 or 422 for the batch as a whole.
    BatchRefused {
        status: u16,
        message: String,
    },
    Failed(Failure),
}

/// How asking for the identity ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identified {
    Known(Box<Identity>),
    /// The receiver has never had the endpoint.
    Unsupported,
    Failed(Failure),
}

/// A destination to talk to.
#[derive(Debug)]
pub struct Client {
    /// Made for the first request: a run with nothing to send needs none.
    agent: OnceLock<Agent>,
    timeout: Duration,
    /// The authorities of `caFile`, where there is one.
    extra: Vec<Certificate<'static>>,
    endpoint: String,
    key: config::ApiKey,
    client_id: String,
}

impl Client {
    /// Prepares requests to an endpoint; opens no connection.
    pub fn new(
        config: &Config,
        endpoint: &str,
        key: &config::ApiKey,
        client_id: &str,
    ) -> Result<Client, Error> {
        Ok(Client {
            agent: OnceLock::new(),
            timeout: config.timeout,
            extra: if endpoint.starts_with("https:") { authorities(config)? } else { Vec::new() },
            endpoint: endpoint.to_owned(),
            key: key.clone(),
            client_id: client_id.to_owned(),
        })
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| self.new_agent())
    }

    fn new_agent(&self) -> Agent {
        let timeout = Some(self.timeout);
        let uri = self.endpoint.parse::<ureq::http::Uri>();
        let loopback = uri.is_ok_and(|uri| uri.host().is_some_and(config::endpoint::is_loopback));
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("han-sync/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(timeout)
            .timeout_per_write(timeout)
            .timeout_recv_response(timeout)
            .timeout_recv_body(timeout)
            // What is on this machine is not reached through a proxy.
            .proxy(if loopback { None } else { Proxy::try_from_env() });
        if self.endpoint.starts_with("https:") {
            builder = builder.tls_config(TlsConfig::builder().root_certs(trusted(&self.extra)).build());
        }
        builder.build().new_agent()
    }

    /// Posts a compressed payload.
    pub fn post(&self, body: &[u8], now: DateTime<Utc>) -> Posted {
        let request = self
            .agent()
            .post(&self.endpoint)
            .header("Authorization", format!("Bearer {}", self.key.expose()))
            .header("Content-Type", "application/json")
            .header("Content-Encoding", "gzip")
            .header(CLIENT_ID_HEADER, &self.client_id)
            .header(PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION);
        match request.send(body) {
            Ok(response) => self.posted(response, now),
            Err(error) => Posted::Failed(self.unreachable(&error)),
        }
    }

    /// What the answer to a batch means. `Retry-After` may be a date, which is compared with `now`.
    pub fn posted(&self, mut response: Response<Body>, now: DateTime<Utc>) -> Posted {
        let status = response.status();
        match status.as_u16() {
            200 | 207 | 422 => match self.sync_response(&mut response) {
                // It takes nothing and blames nobody: the batch as a whole.
                Ok(answer) if status.as_u16() == 422 && answer.processed == 0 && answer.errors.is_empty() => {
                    let message = "the receiver refused the batch and named no session".to_owned();
                    Posted::BatchRefused { status: 422, message }
                }
                Ok(answer) => Posted::Answered(answer),
                Err(Nonsense::Refusal(message)) if status.as_u16() == 422 => {
                    Posted::BatchRefused { status: 422, message }
                }
                Err(Nonsense::Refusal(message) | Nonsense::Other(message)) => {
                    Posted::Failed(Failure::fault(message))
                }
                Err(Nonsense::Broken(failure)) => Posted::Failed(failure),
            },
            // A page for people comes from a proxy on the way, which has not read the batch; of a size it may speak.
            400 if is_page(&response) => Posted::Failed(Failure::fault(format!(
                "{} answered 400 with a web page, as a proxy on the way does",
                self.endpoint
            ))),
            code @ (400 | 413) => Posted::BatchRefused { status: code, message: self.words(&mut response) },
            _ => Posted::Failed(self.failure(response, now)),
        }
    }

    /// Asks who the key stands for.
    pub fn identity(&self, now: DateTime<Utc>) -> Identified {
        let request = self
            .agent()
            .get(format!("{}/identity", self.endpoint))
            .header("Authorization", format!("Bearer {}", self.key.expose()))
            .header("Accept", "application/json")
            .header(CLIENT_ID_HEADER, &self.client_id)
            .header(PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION);
        match request.call() {
            Ok(response) => self.identified(response, now),
            Err(error) => Identified::Failed(self.unreachable(&error)),
        }
    }

    /// What the answer to the question for the identity means; `now` as for [`posted`](Client::posted).
    pub fn identified(&self, mut response: Response<Body>, now: DateTime<Utc>) -> Identified {
        match response.status().as_u16() {
            200 => match self.json_body(&mut response) {
                Ok(body) => match serde_json::from_slice::<Identity>(&body) {
                    Ok(identity) if !identity.user_id.is_empty() => Identified::Known(Box::new(identity)),
                    _ => Identified::Failed(Failure::fault(format!(
                        "{}/identity answered with something that is no identity",
                        self.endpoint
                    ))),
                },
                Err(failure) => Identified::Failed(failure),
            },
            404 => Identified::Unsupported,
            _ => Identified::Failed(self.failure(response, now)),
        }
    }

    /// What an answer means that is neither for the batch nor the identity.
    fn failure(&self, mut response: Response<Body>, now: DateTime<Utc>) -> Failure {
        let status = response.status();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| backoff::retry_after(value, now));
        let code = status.as_u16();
        match code {
            401 | 403 => Failure::KeyRefused {
                message: format!(
                    "{} refused the key ({}); set apiKey to a valid one",
                    self.endpoint,
                    self.described(status, &mut response)
                ),
            },
            300..=399 => Failure::NotReceiver {
                message: format!(
                    "{} answered with a redirect ({code}){}, which is not followed; set endpoint to the receiver's own address, or sign in to this network first",
                    self.endpoint,
                    target(&response)
                ),
            },
            408 | 425 | 429 | 500..=599 => Failure::Fault {
                message: format!("{} answered {}", self.endpoint, self.described(status, &mut response)),
                retry_after,
                timed_out: false,
            },
            400..=499 => Failure::NotReceiver {
                message: format!(
                    "{} answered {}; check that endpoint is the address of a han-sync receiver",
                    self.endpoint,
                    self.described(status, &mut response)
                ),
            },
            _ => Failure::fault(format!(
                "{} answered {}",
                self.endpoint,
                self.described(status, &mut response)
            )),
        }
    }

    fn described(&self, status: StatusCode, response: &mut Response<Body>) -> String {
        let words = self.words(response);
        if words.is_empty() { status.to_string() } else { format!("{status}: {words}") }
    }

    /// The receiver's own words in an error answer; empty where it has none.
    fn words(&self, response: &mut Response<Body>) -> String {
        let Ok(body) = self.json_body(response) else { return String::new() };
        let Ok(body) = serde_json::from_slice::<ErrorBody>(&body) else { return String::new() };
        let words = printable(&body.error);
        match body.request_id {
            Some(id) => format!("{words} (request {})", printable(&id)),
            None => words,
        }
    }

    fn sync_response(&self, response: &mut Response<Body>) -> Result<SyncResponse, Nonsense> {
        let body = self.json_body(response).map_err(Nonsense::Broken)?;
        if let Ok(answer) = serde_json::from_slice::<SyncResponse>(&body) {
            return Ok(answer);
        }
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => Err(Nonsense::Refusal(printable(&body.error))),
            Err(_) => Err(Nonsense::Other(format!(
                "{} answered {} with something that is no sync response",
                self.endpoint,
                response.status()
            ))),
        }
    }

    /// Reads a JSON body within its bound. One that does not say what it is may be JSON; what says otherwise is not.
    fn json_body(&self, response: &mut Response<Body>) -> Result<Vec<u8>, Failure> {
        let is_json = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_none_or(|value| value.to_ascii_lowercase().contains("json"));
        if !is_json {
            return Err(Failure::fault(format!(
                "{} answered {} with something other than JSON; a network that wants you to sign in first does that",
                self.endpoint,
                response.status()
            )));
        }
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(ANSWER_BYTES_MAX + 1);
        match reader.read_to_end(&mut body) {
            Ok(_) if body.len() as u64 > ANSWER_BYTES_MAX => Err(Failure::fault(format!(
                "{} answered with more than {ANSWER_BYTES_MAX} bytes",
                self.endpoint
            ))),
            Ok(_) => Ok(body),
            Err(error) => {
                let timed_out = is_timeout(&error);
                let what = if timed_out { "took too long to answer" } else { "broke off its answer" };
                let message = format!("{} {what} ({error})", self.endpoint);
                Err(Failure::Fault { message, retry_after: None, timed_out })
            }
        }
    }

    /// No answer at all.
    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let endpoint = &self.endpoint;
        let text = error.to_string();
        let timed_out = matches!(error, ureq::Error::Timeout(_))
            || matches!(error, ureq::Error::Io(error) if is_timeout(error));
        // No batch is to blame for a connection that does not come about.
        let unconnected =
            matches!(error, ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect));
        let message = if timed_out {
            format!("{endpoint} made no progress for too long ({text})")
        } else if text.to_ascii_lowercase().contains("certificate") {
            format!(
                "the certificate of {endpoint} is not trusted ({text}); if your company has its own authority, set caFile to its certificate"
            )
        } else if matches!(error, ureq::Error::HostNotFound) {
            format!("{endpoint}: its host is not found; offline, or endpoint is mistyped")
        } else {
            format!("{endpoint} cannot be reached ({text})")
        };
        Failure::Fault { message, retry_after: None, timed_out: timed_out && !unconnected }
    }
}

/// An answer that is no sync response.
enum Nonsense {
    /// An error body with the receiver's words.
    Refusal(String),
    Other(String),
    Broken(Failure),
}

/// Where a redirect leads, without what a sign-in page is asked to remember.
fn target(response: &Response<Body>) -> String {
    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
    let address = location.and_then(|location| location.split(['?', '#']).next()).unwrap_or_default();
    if address.is_empty() { String::new() } else { format!(" to {}", printable(address)) }
}

fn is_page(response: &Response<Body>) -> bool {
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html"))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// A receiver's words, short and without what could upset a terminal.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

/// The platform's authorities, with those of `caFile` beside them.
fn trusted(extra: &[Certificate<'static>]) -> RootCerts {
    if extra.is_empty() {
        return RootCerts::PlatformVerifier;
    }
    let platform = rustls_native_certs::load_native_certs().certs;
    let platform = platform.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned());
    RootCerts::Specific(Arc::new(extra.iter().cloned().chain(platform).collect()))
}

/// The authorities in `caFile`; none where it is not set.
fn authorities(config: &Config) -> Result<Vec<Certificate<'static>>, Error> {
    let Some(path) = &config.ca_file else { return Ok(Vec::new()) };
    let shown = path.display();
    let pem = config::small_file::read(path)
        .map_err(|error| Error::configuration(format!("caFile {shown}: {error}")))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(pem.as_bytes()) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(Error::configuration(format!("caFile {shown}: {error}"))),
        }
    }
    if certificates.is_empty() {
        return Err(Error::configuration(format!("caFile {shown} holds no certificate in PEM form")));
    }
    Ok(certificates)
}
