//! Request bodies: received frame by frame, then inflated, both within bounds.
//!
//! Invariant: memory is reserved before it is used, and a body takes at most `BODY_BYTES_MAX` as received and
//! `INFLATED_BYTES_MAX` inflated, whatever its headers claim. Kept by hand: `DefaultBodyLimit` and tower-http's
//! decompression bound neither the memory of all requests together nor the time without progress, and do not count while
//! they inflate.

use super::api_error::ApiError;
use super::inflate::{self, BodyCompression};
use super::memory_budget::{KeyBudget, MemoryBudget, Reservation, decoding_bytes};
use crate::protocol::ContentEncoding;
use crate::receiver::limits::{BODY_BYTES_MAX, BODY_TIMEOUT, FORM_BYTES_MAX, INFLATED_BYTES_MAX};
use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes that are read and discarded of a body that is not used: a client that is still sending does not read the response.
const DISCARD_BYTES_MAX: usize = 64 << 20;
/// Time to read and discard them.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// Smallest buffer to inflate into: a body's claimed size is used only above this size.
const INFLATED_BYTES_MIN: usize = 64 << 10;

/// Bytes of JSON that are inflated, checked or decoded within a millisecond or two.
const INLINE_BYTES_MAX: usize = 512 << 10;

/// Depth of a session: below the payload and its array.
const SESSION_DEPTH: usize = 3;
/// Depth of a message or task: below its session and the array there.
const ROW_DEPTH: usize = 5;

/// A body as received, with its reservation.
#[derive(Debug)]
pub struct ReceivedBody {
    bytes: Vec<u8>,
    encoding: ContentEncoding,
    key: KeyBudget,
    _reservation: Reservation,
}

/// An inflated body, with the reservation for it and for decoding it.
#[derive(Debug)]
pub struct InflatedBody {
    /// Inflated bytes.
    pub bytes: Vec<u8>,
    /// Memory for the bytes and for decoding them.
    pub reservation: Reservation,
}

/// Receives a JSON body once memory for it is reserved. `stall_timeout` bounds the wait for the next frame.
pub async fn receive(
    headers: &HeaderMap,
    mut body: Body,
    memory: &MemoryBudget,
    key: &KeyBudget,
    stall_timeout: Duration,
) -> Result<ReceivedBody, ApiError> {
    require_json(headers)?;
    let encoding = content_encoding(headers)?;
    let size = HttpBody::size_hint(&body);
    if size.lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large("the body", BODY_BYTES_MAX));
    }
    let bytes_max = size.exact().map_or(BODY_BYTES_MAX, |bytes| bytes as usize);
    let mut reservation = memory.reserve_body(key, bytes_max).await?;
    let deadline = Instant::now() + BODY_TIMEOUT;
    let mut bytes = Vec::with_capacity(size.lower() as usize);
    while let Some(data) = next_data(&mut body, deadline, stall_timeout).await? {
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return Err(too_large("the body", BODY_BYTES_MAX));
        }
        bytes.extend_from_slice(&data);
    }
    reservation.shrink_to(bytes.len());
    Ok(ReceivedBody { bytes, encoding, key: key.clone(), _reservation: reservation })
}

/// Receives a body of at most `bytes_max`, which are so few that they need no reservation.
async fn receive_small(
    mut body: Body,
    bytes_max: usize,
    stall_timeout: Duration,
) -> Result<Vec<u8>, ApiError> {
    let deadline = Instant::now() + BODY_TIMEOUT;
    let mut bytes = Vec::new();
    while let Some(data) = next_data(&mut body, deadline, stall_timeout).await? {
        if bytes.len() + data.len() > bytes_max {
            return Err(too_large("the body", bytes_max));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Receives a form: the names and values of its fields.
pub async fn receive_form(
    headers: &HeaderMap,
    body: Body,
    stall_timeout: Duration,
) -> Result<Vec<(String, String)>, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let message = "send the fields as application/x-www-form-urlencoded";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let bytes = receive_small(body, FORM_BYTES_MAX, stall_timeout).await?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

impl ReceivedBody {
    /// Inflates the body to at most `bytes_max` once memory for it is reserved, and releases the received bytes.
    pub async fn inflate(self, memory: &MemoryBudget, bytes_max: usize) -> Result<InflatedBody, ApiError> {
        debug_assert!(bytes_max <= INFLATED_BYTES_MAX);
        let Some(compression) = BodyCompression::of(self.encoding) else {
            if self.bytes.len() > bytes_max {
                return Err(too_large("the body", bytes_max));
            }
            let reservation = memory.reserve_work(&self.key, decoding_bytes(self.bytes.len())).await?;
            return Ok(InflatedBody { bytes: self.bytes, reservation });
        };
        let claimed = inflate::claimed_bytes(compression, &self.bytes);
        let claimed = claimed.clamp(INFLATED_BYTES_MIN.min(bytes_max), bytes_max);
        let window_bytes = inflate::window_bytes(compression, &self.bytes);
        for bytes_max in [claimed, bytes_max] {
            let mut reservation =
                memory.reserve_work(&self.key, decoding_bytes(bytes_max) + window_bytes).await?;
            // The claim is that of one of several members or frames, and may be wrong.
            let inflated = compute(bytes_max, || inflate::inflate(compression, &self.bytes, bytes_max))?;
            if let Some(bytes) = inflated {
                reservation.shrink_to(decoding_bytes(bytes_max));
                return Ok(InflatedBody { bytes, reservation });
            }
        }
        Err(too_large("the inflated body", bytes_max))
    }
}

/// A request's body while a handler owns it. When the handler drops the body, its unread rest goes to `UnreadBody`.
struct LentBody {
    body: Body,
    unread: Option<oneshot::Sender<Body>>,
}

/// Receiver of what a handler leaves unread of a body.
pub struct UnreadBody(oneshot::Receiver<Body>);

/// Lends a body to a handler.
pub fn lend(body: Body) -> (Body, UnreadBody) {
    let (unread, rest) = oneshot::channel();
    (Body::new(LentBody { body, unread: Some(unread) }), UnreadBody(rest))
}

impl Drop for LentBody {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take() {
            // Nobody receives the rest of a request that is cancelled.
            let _ = unread.send(std::mem::take(&mut self.body));
        }
    }
}

impl HttpBody for LentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        HttpBody::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&self.body)
    }
}

impl UnreadBody {
    /// Reads and discards the rest of the body, within bounds, once the handler has dropped the body. Without a permit the
    /// rest stays unread.
    pub async fn discard(mut self, permits: &Semaphore) {
        let Ok(mut body) = self.0.try_recv() else { return };
        let Ok(_permit) = permits.try_acquire() else { return };
        let mut left = DISCARD_BYTES_MAX;
        let read = async {
            while !HttpBody::is_end_stream(&body) {
                let Some(Ok(frame)) = body.frame().await else { return };
                let length = frame.data_ref().map_or(0, Bytes::len);
                let Some(rest) = left.checked_sub(length) else { return };
                left = rest;
            }
        };
        // After the timeout hyper closes the connection with the response.
        let _ = timeout(DISCARD_TIMEOUT, read).await;
    }
}

/// Next data frame of a body. Trailers are skipped.
async fn next_data(
    body: &mut Body,
    deadline: Instant,
    stall_timeout: Duration,
) -> Result<Option<Bytes>, ApiError> {
    let timed_out = |text: &str| ApiError::new(StatusCode::REQUEST_TIMEOUT, text);
    loop {
        let frame = timeout_at(deadline.min(Instant::now() + stall_timeout), body.frame())
            .await
            .map_err(|_| timed_out("the body arrived too slowly: send it again"))?;
        match frame {
            None => return Ok(None),
            // The connection was cut: a fault of the transport, not of the content, so 408 and not 400.
            Some(Err(_)) => return Err(timed_out("the body ended early: send it again")),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = content_type.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body must be JSON: set Content-Type to application/json",
    ))
}

fn content_encoding(headers: &HeaderMap) -> Result<ContentEncoding, ApiError> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(ContentEncoding::Identity) };
    ContentEncoding::of_name(encoding.to_str().unwrap_or("?")).ok_or_else(|| {
        ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this Content-Encoding is not supported: use zstd, gzip or none",
        )
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static("zstd, gzip"))
    })
}

fn too_large(subject: &str, bytes_max: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("{subject} is larger than {bytes_max} bytes: send a smaller one"),
    )
}

/// Runs work on `bytes` of JSON. Before work that may take long, the thread hands its other requests over to another thread, which
/// costs wake-ups.
pub fn compute<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= INLINE_BYTES_MAX { work() } else { tokio::task::block_in_place(work) }
}

/// True if arrays and objects nest deeper than `depth_max`. For text that is not JSON the result is unspecified.
pub fn nests_deeper_than(json: &[u8], depth_max: usize) -> bool {
    count_rows(json, depth_max).is_none()
}

/// Number of objects at the depth of a payload's sessions or of their messages and tasks; `None` if the document nests
/// deeper than `depth_max`. For text that is not JSON the result is unspecified.
pub fn count_rows(json: &[u8], depth_max: usize) -> Option<usize> {
    let (mut depth, mut rows, mut at) = (0usize, 0, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(json, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return None;
                }
                if *byte == b'{' && matches!(depth, SESSION_DEPTH | ROW_DEPTH) {
                    rows += 1;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Some(rows)
}

/// Offset behind the closing quote of the string that begins before `at`. Most bytes of a body are in strings, so
/// `memchr2` skips over them.
fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while let Some(offset) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += offset + 1;
        if json[at - 1] == b'"' {
            return at;
        }
        at += 1; // the escaped character
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_structure_and_not_strings() {
        assert!(!nests_deeper_than(br#"{"a":["[[[[{{{{\"[[["]}"#, 2));
        assert!(nests_deeper_than(br#"{"a":[[]]}"#, 2));
        assert!(!nests_deeper_than(br#"[[],[],[]]"#, 2));
    }

    #[test]
    fn rows_are_sessions_messages_and_tasks() {
        let payload =
            br#"{"cursor":{"a":1},"sessions":[{"messages":[{"x":{"y":{}}},{}],"tasks":[{}]},{"id":"{"}]}"#;
        assert_eq!(count_rows(payload, 32), Some(5));
        assert_eq!(count_rows(payload, 6), None);
    }

    #[tokio::test]
    async fn what_a_handler_leaves_unread_is_discarded() {
        let (lent, unread) = lend(Body::from("unread"));
        drop(lent);
        unread.discard(&Semaphore::new(1)).await;
        let (lent, unread) = lend(Body::from("read"));
        assert_eq!(lent.collect().await.unwrap().to_bytes(), "read");
        unread.discard(&Semaphore::new(1)).await;
    }
}
