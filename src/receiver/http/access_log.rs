//! Access log and request metrics: the one layer in which every response is finished.
//!
//! Invariants: each request is one log line and one count, and the line has the request id of the response; an `ApiError`
//! becomes `{"error", "requestId"}`, or a page for people, here and nowhere else; keys and bodies are never logged. Kept by hand: tower-http's
//! `TraceLayer` knows neither the caller nor the unread rest of a body.

use super::api_error::ApiError;
use super::body;
use super::connection::PeerAddress;
use super::response::html;
use super::routes::{is_view, route_name};
use super::state::AppState;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, CONNECTION};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tower_http::request_id::RequestId;

/// Header under which the application hands on the request id of a proxy.
pub const PROXY_REQUEST_ID: &str = "x-proxy-request-id";
const TRACEPARENT: &str = "traceparent";
/// Characters of a proxy's id that are logged.
const ID_CHARACTERS_MAX: usize = 128;

/// Fields that a handler adds to the request's log line.
#[derive(Debug, Clone, Default)]
pub struct AccessLog {
    caller: Arc<OnceLock<Caller>>,
    rejected: Arc<OnceLock<String>>,
}

#[derive(Debug)]
struct Caller {
    user_id: String,
    key_id: String,
}

impl AccessLog {
    /// Records the ids of the authenticated user and key.
    pub fn set_caller(&self, user_id: &str, key_id: &str) {
        let caller = Caller { user_id: user_id.to_owned(), key_id: key_id.to_owned() };
        // A request is authenticated once.
        let _ = self.caller.set(caller);
    }

    /// Records the codes of the sessions that a batch was rejected for, with their numbers: `SESSION_MOVED=2`.
    pub fn set_rejected(&self, codes: impl Iterator<Item = &'static str>) {
        let mut counts = BTreeMap::<&str, usize>::new();
        codes.for_each(|code| *counts.entry(code).or_default() += 1);
        if !counts.is_empty() {
            let texts: Vec<String> = counts.iter().map(|(code, count)| format!("{code}={count}")).collect();
            let _ = self.rejected.set(texts.join(","));
        }
    }
}

/// Serves one request, finishes the response, and writes the log line.
pub async fn record(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let (route, is_for_people) = (route_name(matched), is_for_people(matched, &request));
    let origin = RequestOrigin::of(&request, &state);
    let access_log = AccessLog::default();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(access_log.clone());
    let (body, unread) = body::lend(body);

    let mut response = next.run(Request::from_parts(parts, body)).await;
    // A client that is still sending does not read the response; one that has stalled sends nothing more.
    if response.status() != StatusCode::REQUEST_TIMEOUT {
        unread.discard(&state.discards).await;
    }
    let mut reason = None;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        state.metrics.record_error(error.limit(), error.store_failure());
        reason = Some(error.message().to_owned());
        if let Some(cause) = error.cause() {
            tracing::error!(request_id, cause, "request failed");
        }
        let page = match is_for_people {
            true => html::error_page(error.status(), error.message(), &request_id),
            false => None,
        };
        response = error.render(&request_id, page, || {
            let random = f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX);
            state.retry_slots.take(Instant::now(), random)
        });
    } else if access_log.caller.get().is_some() {
        state.retry_slots.record_served(Instant::now());
    }
    if state.readiness.is_draining() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }

    let (status, duration) = (response.status().as_u16(), started.elapsed());
    state.metrics.record_request(route, status, duration);
    let caller = access_log.caller.get();
    tracing::info!(
        request_id,
        method = %method,
        route,
        status,
        duration_ms = duration.as_millis() as u64,
        user_id = caller.map(|caller| caller.user_id.as_str()),
        key_id = caller.map(|caller| caller.key_id.as_str()),
        address = origin.address,
        reason,
        rejected = access_log.rejected.get().map(String::as_str),
        proxy_request_id = origin.request_id,
        traceparent = origin.traceparent,
        "request"
    );
    response
}

/// Origin of a request: the client's address, and what a trusted proxy says of the request.
struct RequestOrigin {
    address: Option<String>,
    request_id: Option<String>,
    traceparent: Option<String>,
}

impl RequestOrigin {
    fn of(request: &Request, state: &AppState) -> RequestOrigin {
        let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0);
        let header = |name: &str| {
            let is_trusted = peer.is_some_and(|peer| state.trusted_proxies.contains(peer));
            let value = request.headers().get(name).filter(|_| is_trusted)?.to_str().ok()?;
            is_id(value).then(|| value.to_owned())
        };
        RequestOrigin {
            address: peer.map(|peer| state.trusted_proxies.client(peer, request.headers()).to_string()),
            request_id: header(PROXY_REQUEST_ID),
            traceparent: header(TRACEPARENT),
        }
    }
}

/// True for the text of an id.
fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte);
    (1..=ID_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// True for a view of the page, and for a browser that asks for what no program does.
fn is_for_people(matched_path: Option<&str>, request: &Request) -> bool {
    let accepts_html = || {
        let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
        accepted.is_some_and(|accepted| accepted.contains("text/html"))
    };
    is_view(matched_path, request.uri().path()) || matched_path.is_none() && accepts_html()
}

/// Id that tower-http's request-id layer gave the request.
fn request_id(request: &Request) -> String {
    let id = request.extensions().get::<RequestId>();
    id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default().to_owned()
}
