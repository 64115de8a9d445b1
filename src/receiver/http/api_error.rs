//! Errors of the HTTP API.
//!
//! A handler's error becomes `{"error", "requestId"}`. Only `access_log` knows the request id and writes the cause to the
//! log, so `into_response` hands the error on in the response's extensions and `access_log` calls `render`. The message is
//! for the client and names no other tenant; the cause never leaves the log.

use crate::protocol::ErrorBody;
use crate::receiver::limits::BUSY_RETRY_AFTER_S;
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
}

impl ApiError {
    /// Creates an error with a message for the client.
    pub fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, message: message.into(), cause: None, header: None }
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

    /// 503 for a transient overload: the client retries after `Retry-After`.
    pub fn unavailable(message: &str) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
            .with_header(RETRY_AFTER, BUSY_RETRY_AFTER_S.into())
    }

    /// Sets the one header that the response has besides the common ones.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// Cause for the log, where the client's message does not say everything.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Builds the response that the client gets.
    pub fn render(self, request_id: &str) -> Response {
        let body = ErrorBody { error: self.message, request_id: Some(request_id.to_owned()) };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(header) = self.header {
            let (name, value) = *header;
            response.headers_mut().insert(name, value);
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
