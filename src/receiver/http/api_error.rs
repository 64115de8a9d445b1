//! Errors of the HTTP API.
//!
//! A handler's error becomes `{"error", "requestId"}`. Only `access_log` knows the request id and writes the cause to the
//! log, and the seconds after which there is less load, so `into_response` hands the error on in the response's extensions and
//! `access_log` calls `render`. The message is
//! for the client and names no other tenant; the cause never leaves the log.

use crate::protocol::ErrorBody;
use crate::receiver::store::StoreError;
use axum::Json;
use axum::body::Body;
use axum::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Limit of the receiver that a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Requests at work, and those that wait for a permit.
    InFlight,
    /// Requests in flight of one key.
    Key,
    /// Requests in flight of one address.
    Address,
    /// Requests of one key in a minute.
    Rate,
    /// Unknown keys, sessions and codes of one address.
    Guesses,
    /// Memory of all requests.
    Memory,
    /// Queries at work.
    Queries,
}

impl Limit {
    pub const ALL: [Limit; 7] = [
        Limit::InFlight,
        Limit::Key,
        Limit::Address,
        Limit::Rate,
        Limit::Guesses,
        Limit::Memory,
        Limit::Queries,
    ];

    /// Label of the metric.
    pub fn label(self) -> &'static str {
        match self {
            Limit::InFlight => "in_flight",
            Limit::Key => "key",
            Limit::Address => "address",
            Limit::Rate => "rate",
            Limit::Guesses => "guesses",
            Limit::Memory => "memory",
            Limit::Queries => "queries",
        }
    }
}

/// Kinds of the store's errors, as labels of the metric.
pub const STORE_FAILURES: [&str; 5] = ["contended", "unavailable", "timed_out", "unusable", "internal"];

/// Reason for which a request is not served.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    cause: Option<String>,
    /// Boxed, so that a `Result` with this error stays small.
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// True if the client is to try again when there is less load.
    retries_by_load: bool,
    limit: Option<Limit>,
    /// Kind of the store's error, of [`STORE_FAILURES`].
    store_failure: Option<&'static str>,
}

impl ApiError {
    /// Creates an error with a message for the client.
    pub fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            message: message.into(),
            cause: None,
            header: None,
            retries_by_load: false,
            limit: None,
            store_failure: None,
        }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    /// The same response for a missing, unknown, expired and revoked key, so that a guess learns nothing.
    pub fn unauthorized() -> ApiError {
        ApiError::new(StatusCode::UNAUTHORIZED, "a valid API key is required: send Authorization: Bearer KEY")
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 404.
    pub fn not_found() -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "this path does not exist")
    }

    /// 405, with the methods that the path allows.
    pub fn method_not_allowed(allow: &'static str) -> ApiError {
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path allows only {allow}"))
            .with_header(ALLOW, HeaderValue::from_static(allow))
    }

    /// 429 for one key, with the seconds to wait.
    pub fn too_many_requests(limit: Limit, message: &str, retry_after_s: u64) -> ApiError {
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message);
        error.with_header(RETRY_AFTER, retry_after_s.into()).of_limit(limit)
    }

    /// 429 for one key or address that has too much at work.
    pub fn busy(limit: Limit, message: &str) -> ApiError {
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).of_limit(limit);
        ApiError { retries_by_load: true, ..error }
    }

    /// 503 for a transient overload: the client retries after `Retry-After`.
    pub fn unavailable(message: &str) -> ApiError {
        ApiError { retries_by_load: true, ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// 503 with a cause for the log, which lies in the store.
    pub fn not_ready(message: &str, cause: String) -> ApiError {
        let store_failure = Some("unavailable");
        ApiError { cause: Some(cause), store_failure, ..ApiError::unavailable(message) }
    }

    /// 503 with a cause for the log: the store's work was not done in time.
    pub fn timed_out(cause: String) -> ApiError {
        let error = ApiError::not_ready("the store took too long: try again later", cause);
        ApiError { store_failure: Some("timed_out"), ..error }
    }

    /// Names the limit that the request met.
    pub fn of_limit(self, limit: Limit) -> ApiError {
        ApiError { limit: Some(limit), ..self }
    }

    /// The limit that the request met.
    pub fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Kind of the store's error.
    pub fn store_failure(&self) -> Option<&'static str> {
        self.store_failure
    }

    /// Sets the one header that the response has besides the common ones.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// Status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Message for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Cause for the log, where the client's message does not say everything.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Builds the response that a program gets, or takes `page`, the one for a person. `retry_after_s` returns the seconds
    /// after which there is less load.
    pub fn render(
        self,
        request_id: &str,
        page: Option<Response>,
        retry_after_s: impl FnOnce() -> u64,
    ) -> Response {
        let mut response = page.unwrap_or_else(|| {
            let body = ErrorBody { error: self.message, request_id: Some(request_id.to_owned()) };
            (self.status, Json(body)).into_response()
        });
        if let Some(header) = self.header {
            let (name, value) = *header;
            response.headers_mut().insert(name, value);
        }
        if self.retries_by_load {
            response.headers_mut().insert(RETRY_AFTER, retry_after_s().into());
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        let cause = error.to_string();
        let store_failure = match error {
            StoreError::Refused(_) | StoreError::UserRemoved => None,
            StoreError::Contended(_) => Some("contended"),
            StoreError::Unavailable(_) => Some("unavailable"),
            StoreError::TimedOut(_) => Some("timed_out"),
            StoreError::Unusable(_) => Some("unusable"),
            StoreError::Internal(_) | StoreError::Aborted => Some("internal"),
        };
        let error = match error {
            StoreError::Refused(message) => return ApiError::bad_request(message),
            StoreError::UserRemoved => return ApiError::unauthorized(),
            StoreError::Contended(_)
            | StoreError::Unavailable(_)
            | StoreError::TimedOut(_)
            | StoreError::Unusable(_) => ApiError::unavailable("the store is not available: try again later"),
            StoreError::Internal(_) | StoreError::Aborted => ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal error: the receiver's log has the cause under this request id",
            ),
        };
        ApiError { cause: Some(cause), store_failure, ..error }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}
