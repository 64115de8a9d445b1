//! Access log and request metrics: the one layer in which every response is finished.
//!
//! Invariants: each request is one log line and one count, and the line has the request id of the response; an `ApiError`
//! becomes `{"error", "requestId"}`, or a page for people, here and nowhere else; keys and bodies are never logged. Kept by hand: tower-http's
//! `TraceLayer` knows neither the caller nor the unread rest of a body.

use super::api_error::ApiError;
use super::body;
use super::response::html;
use super::routes::{is_view, route_name};
use super::state::AppState;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, CONNECTION};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tower_http::request_id::RequestId;

/// Fields that a handler adds to the request's log line.
#[derive(Debug, Clone, Default)]
pub struct AccessLog(Arc<OnceLock<Caller>>);

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
        let _ = self.0.set(caller);
    }
}

/// Serves one request, finishes the response, and writes the log line.
pub async fn record(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let (route, is_for_people) = (route_name(matched), is_for_people(matched, &request));
    let access_log = AccessLog::default();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(access_log.clone());
    let (body, unread) = body::lend(body);

    let mut response = next.run(Request::from_parts(parts, body)).await;
    // A client that is still sending does not read the response; one that has stalled sends nothing more.
    if response.status() != StatusCode::REQUEST_TIMEOUT {
        unread.discard(&state.discards).await;
    }
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
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
    } else if access_log.0.get().is_some() {
        state.retry_slots.record_served(Instant::now());
    }
    if state.readiness.is_draining() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }

    let (status, duration) = (response.status().as_u16(), started.elapsed());
    state.metrics.record_request(route, status, duration);
    let caller = access_log.0.get();
    tracing::info!(
        request_id,
        method = %method,
        route,
        status,
        duration_ms = duration.as_millis() as u64,
        user_id = caller.map(|caller| caller.user_id.as_str()),
        key_id = caller.map(|caller| caller.key_id.as_str()),
        "request"
    );
    response
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
