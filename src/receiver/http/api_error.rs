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
}

impl ApiError {
    /// Creates an error with a message for the client.
    pub fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, message: message.into(), cause: None, header: None, retries_by_load: false }
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
    pub fn too_many_requests(message: &str, retry_after_s: u64) -> ApiError {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).with_header(RETRY_AFTER, retry_after_s.into())
    }

    /// 429 for one key or address that has too much at work.
    pub fn busy(message: &str) -> ApiError {
        ApiError { retries_by_load: true, ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    /// 503 for a transient overload: the client retries after `Retry-After`.
    pub fn unavailable(message: &str) -> ApiError {
        ApiError { retries_by_load: true, ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// 503 with a cause for the log.
    pub fn not_ready(message: &str, cause: String) -> ApiError {
        ApiError { cause: Some(cause), ..ApiError::unavailable(message) }
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
        ApiError { cause: Some(cause), ..error }
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
