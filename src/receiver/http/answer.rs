//! What goes back: answers, and faults as `{"error", "requestId"}`.

use crate::protocol::ErrorBody;
use crate::receiver::limits::BUSY_RETRY_AFTER_S;
use crate::receiver::store::StoreError;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub fn json(status: StatusCode, body: &impl Serialize) -> Answer {
        match serde_json::to_vec(body) {
            Ok(body) => Answer::new(status, "application/json", body.into()),
            Err(_) => Answer::new(StatusCode::INTERNAL_SERVER_ERROR, "application/json", "{}".into()),
        }
    }

    pub fn text(body: impl Into<Bytes>) -> Answer {
        Answer::new(StatusCode::OK, "text/plain; charset=utf-8", body.into())
    }

    pub fn new(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
        Answer { status, content_type, body, headers: Vec::new() }
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    pub fn into_response(self, request_id: &str) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = [
            ("content-type", self.content_type),
            ("x-request-id", request_id),
            ("cache-control", "no-store"),
        ];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in headers.into_iter().chain(own) {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Why a request is not done. The message is for the one who asked; the cause for the log.
#[derive(Debug)]
pub struct Fault {
    pub status: StatusCode,
    message: String,
    pub cause: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl Fault {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Fault {
        Fault { status, message: message.into(), cause: None, headers: Vec::new() }
    }

    /// One answer for no key, a wrong one, an expired one and a revoked one.
    pub fn unauthorized() -> Fault {
        Fault::new(StatusCode::UNAUTHORIZED, "a valid API key is needed")
            .with_header("www-authenticate", "Bearer")
    }

    /// 503: come again.
    pub fn busy(message: &str) -> Fault {
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, message)
            .with_header("retry-after", BUSY_RETRY_AFTER_S.to_string())
    }

    pub fn store(error: StoreError) -> Fault {
        let mut fault = match error {
            StoreError::Refused(text) => return Fault::new(StatusCode::BAD_REQUEST, text),
            StoreError::Contended(_) | StoreError::Unavailable(_) | StoreError::Unusable(_) => {
                Fault::busy("the store is not available")
            }
            StoreError::Internal(_) | StoreError::Aborted => {
                Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
            }
        };
        fault.cause = Some(error.to_string());
        fault
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Fault {
        self.headers.push((name, value.into()));
        self
    }

    pub fn answer(self, request_id: &str) -> Answer {
        let body = ErrorBody { error: self.message, request_id: Some(request_id.to_owned()) };
        let mut answer = Answer::json(self.status, &body);
        answer.headers = self.headers;
        answer
    }
}
