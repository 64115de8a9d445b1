//! The HTTP client: one request to the receiver, and its result.
//!
//! The client neither waits nor retries nor keeps state.

use std::io::{self, Read};
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use ureq::http::StatusCode;
use ureq::{Agent, RequestBuilder, SendBody};

use crate::exporter::config::{ApiKey, Config, Endpoint};
use crate::exporter::delivery::agent::AgentSettings;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response::{self, BatchDecision, ForgetAnswer};
use crate::exporter::error::Error;
use crate::exporter::state::tombstones::{ForgetObject, ForgetRequest};
use crate::protocol::{
    CLIENT_ID_HEADER, ContentEncoding, DigestsRequest, DigestsResponse, Identity, PROTOCOL_VERSION,
    PROTOCOL_VERSION_HEADER,
};

/// The client of one endpoint and key.
#[derive(Debug)]
pub struct HttpClient {
    settings: AgentSettings,
    /// Created for the first request: a run with nothing to send needs none.
    agent: OnceLock<Agent>,
    endpoint: String,
    key: ApiKey,
    client_id: String,
}

impl HttpClient {
    /// Prepares requests to an endpoint; opens no connection.
    pub fn new(config: &Config, endpoint: Endpoint, client_id: &str) -> Result<HttpClient, Error> {
        Ok(HttpClient {
            settings: AgentSettings::new(config, endpoint.url)?,
            agent: OnceLock::new(),
            endpoint: endpoint.url.to_owned(),
            key: endpoint.key.clone(),
            client_id: client_id.to_owned(),
        })
    }

    /// Posts a compressed payload. A date in `Retry-After` is relative to `now`.
    pub fn post(
        &self,
        body: &[u8],
        encoding: ContentEncoding,
        now: DateTime<Utc>,
    ) -> Result<BatchDecision, RequestError> {
        let request = self
            .authorized(self.agent().post(&self.endpoint))
            .header("Content-Type", "application/json")
            .header("Content-Encoding", encoding.name())
            .header("Content-Length", body.len());
        let mut body = TrackedBody { rest: body, has_begun: false };
        let response = request
            .send(SendBody::from_reader(&mut body))
            .map_err(|error| self.settings.failure(&self.endpoint, &error, body.has_begun))?;
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE && encoding == ContentEncoding::Zstd {
            return Ok(BatchDecision::EncodingRefused);
        }
        response::batch_decision(&self.endpoint, response, now)
    }

    /// Requests the identity; `None` if the receiver has no such endpoint. A date in `Retry-After` is
    /// relative to `now`.
    pub fn identity(&self, now: DateTime<Utc>) -> Result<Option<Identity>, RequestError> {
        let request = self
            .authorized(self.agent().get(format!("{}/identity", self.endpoint)))
            .header("Accept", "application/json");
        let response =
            request.call().map_err(|error| self.settings.failure(&self.endpoint, &error, false))?;
        response::identity_response(&self.endpoint, response, now)
    }

    /// Requests digests of sessions; `None` if the receiver has no such endpoint. A date in `Retry-After` is relative to `now`.
    pub fn digests(
        &self,
        asked: &DigestsRequest,
        now: DateTime<Utc>,
    ) -> Result<Option<DigestsResponse>, RequestError> {
        let body = serde_json::to_vec(asked).map_err(|error| RequestError::fault(error.to_string()))?;
        let request = self
            .authorized(self.agent().post(format!("{}/digests", self.endpoint)))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json");
        let response =
            request.send(&body).map_err(|error| self.settings.failure(&self.endpoint, &error, false))?;
        response::digests(&self.endpoint, response, now)
    }

    /// Asks the receiver to forget sessions, or to take tombstones back. A date in `Retry-After` is relative to `now`.
    pub fn forget(&self, request: &ForgetRequest, now: DateTime<Utc>) -> Result<ForgetAnswer, RequestError> {
        let target = forget_target(request, now);
        let request = self
            .authorized(self.agent().delete(format!("{}/{target}", self.endpoint)))
            .header("Accept", "application/json");
        let response =
            request.call().map_err(|error| self.settings.failure(&self.endpoint, &error, false))?;
        response::forget_answer(&self.endpoint, response, now)
    }

    /// Adds the headers that every request has.
    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        request
            .header("Authorization", format!("Bearer {}", self.key.expose()))
            .header(CLIENT_ID_HEADER, &self.client_id)
            .header(PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION)
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| self.settings.agent())
    }
}

/// Path and query below the endpoint. The age of a repeated request tells the receiver which of two commands was later; a
/// first one counts from its arrival.
fn forget_target(request: &ForgetRequest, now: DateTime<Utc>) -> String {
    let kind = if request.is_undo { "tombstones" } else { "sessions" };
    let age = match request.age_seconds(now) {
        0 => String::new(),
        seconds => format!("age={seconds}"),
    };
    let (target, separator) = match &request.object {
        ForgetObject::Session(id) => (format!("{kind}/{}", percent_encoded(id)), '?'),
        ForgetObject::Repository(path) => {
            (format!("{kind}?repository={}", percent_encoded(&format!("https://{path}"))), '&')
        }
        ForgetObject::All => (format!("{kind}?all=true"), '&'),
    };
    if age.is_empty() { target } else { format!("{target}{separator}{age}") }
}

/// Encodes a text for a path or a query.
fn percent_encoded(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    let encode =
        |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

/// The body of a request, which records whether reading it has begun.
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
