//! Responses that count in the memory budget until they are written to the socket.
//!
//! Invariant: the bytes hold their reservation, and hyper drops the bytes once they are written or the connection has ended.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::memory_budget::{MemoryBudget, Reservation};
use crate::receiver::limits::UNCOUNTED_RESPONSE_BYTES;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;

/// Bytes with what they hold until they are dropped.
struct HeldBytes<H> {
    bytes: Box<[u8]>,
    _held: H,
}

impl<H> AsRef<[u8]> for HeldBytes<H> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Builds a JSON response, and reserves memory for it.
pub async fn json(
    status: StatusCode,
    value: &impl Serialize,
    memory: &MemoryBudget,
) -> Result<Response, ApiError> {
    counted(status, JSON, serialize(value)?, memory).await
}

/// Builds a response of these bytes, and reserves memory for it.
pub async fn counted(
    status: StatusCode,
    content_type: HeaderValue,
    bytes: Vec<u8>,
    memory: &MemoryBudget,
) -> Result<Response, ApiError> {
    if bytes.len() <= UNCOUNTED_RESPONSE_BYTES {
        return Ok(response(status, content_type, bytes.into()));
    }
    let reservation = memory.reserve_response(bytes.len()).await?;
    Ok(response(status, content_type, held(bytes, reservation)))
}

/// Builds a response of serialized JSON for which memory was reserved before, and which also holds `permit`.
pub fn json_within<P: Send + 'static>(bytes: Vec<u8>, reservation: Reservation, permit: P) -> Response {
    within(JSON, bytes, reservation, permit)
}

/// Builds a response of bytes for which memory was reserved before, and which also holds `permit`.
pub fn within<P: Send + 'static>(
    content_type: HeaderValue,
    bytes: Vec<u8>,
    mut reservation: Reservation,
    permit: P,
) -> Response {
    reservation.shrink_to(bytes.len());
    response(StatusCode::OK, content_type, held(bytes, (reservation, permit)))
}

/// Serializes a value as JSON.
pub fn serialize(value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the response cannot be serialized")
    })
}

fn held<H: Send + 'static>(bytes: Vec<u8>, held: H) -> Bytes {
    Bytes::from_owner(HeldBytes { bytes: bytes.into_boxed_slice(), _held: held })
}

fn response(status: StatusCode, content_type: HeaderValue, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
