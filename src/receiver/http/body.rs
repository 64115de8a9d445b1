//! A request's body: read while it comes, inflated while it is read, never beyond its bounds.
//!
//! Invariant: what is held of a body is at most `INFLATED_BYTES_MAX`, however small it came in and however long it goes on.

use super::answer::Fault;
use crate::receiver::limits::{BODY_BYTES_MAX, BODY_TIMEOUT, INFLATED_BYTES_MAX};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use std::io::Write;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// What is read and thrown away of a body that nobody wants, so that its sender comes to hear the answer.
const DRAIN_BYTES_MAX: usize = 64 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How the bytes on the wire stand for the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

/// Reads and inflates a JSON body.
pub async fn read(
    headers: &HeaderMap,
    body: &mut (impl Body<Data = Bytes> + Unpin),
    inflated_bytes_max: usize,
    stall: Duration,
) -> Result<Vec<u8>, Fault> {
    require_json(headers)?;
    let encoding = encoding(headers)?;
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large("the body", BODY_BYTES_MAX));
    }
    let deadline = Instant::now() + BODY_TIMEOUT;
    let mut received = 0;
    let mut sink = match encoding {
        Encoding::Identity => Sink::Plain(Bounded::new(inflated_bytes_max)),
        Encoding::Gzip => Sink::Gzip(Box::new(MultiGzDecoder::new(Bounded::new(inflated_bytes_max)))),
    };
    while let Some(chunk) = next(body, deadline, stall).await? {
        received += chunk.len();
        if received > BODY_BYTES_MAX {
            return Err(too_large("the body", BODY_BYTES_MAX));
        }
        let written = tokio::task::block_in_place(|| sink.write_all(&chunk));
        written.map_err(|_| sink.fault())?;
    }
    sink.finish()
}

/// Reads what is left of a body and forgets it.
pub async fn drain(body: &mut (impl Body<Data = Bytes> + Unpin)) {
    let mut left = DRAIN_BYTES_MAX;
    let read = async {
        while !body.is_end_stream() {
            let Some(Ok(frame)) = body.frame().await else { return };
            let length = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(length) else { return };
            left = rest;
        }
    };
    // Out of time: the connection is closed with the answer.
    let _ = timeout(DRAIN_TIMEOUT, read).await;
}

async fn next(
    body: &mut (impl Body<Data = Bytes> + Unpin),
    deadline: Instant,
    stall: Duration,
) -> Result<Option<Bytes>, Fault> {
    let slow = || Fault::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
    loop {
        let stalled = deadline.min(Instant::now() + stall);
        match timeout_at(stalled, body.frame()).await.map_err(|_| slow())? {
            None => return Ok(None),
            // The line broke, or a proxy: what was sent may well be right.
            Some(Err(_)) => return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "the body ended early")),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Fault> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence =
        content_type.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence == "application/json" {
        return Ok(());
    }
    Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Fault> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    match encoding.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        _ => {
            Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be gzip or not encoded at all")
                .with_header("accept-encoding", "gzip"))
        }
    }
}

fn too_large(what: &str, bytes_max: usize) -> Fault {
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{what} is larger than {bytes_max} bytes"))
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Sink {
    fn write_all(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        match self {
            Sink::Plain(sink) => sink.write_all(chunk),
            Sink::Gzip(sink) => sink.write_all(chunk),
        }
    }

    fn fault(&self) -> Fault {
        let bounded = match self {
            Sink::Plain(sink) => sink,
            Sink::Gzip(sink) => sink.get_ref(),
        };
        if bounded.overflowed { too_large("the inflated body", bounded.bytes_max) } else { not_gzip() }
    }

    fn finish(mut self) -> Result<Vec<u8>, Fault> {
        if let Sink::Gzip(sink) = &mut self
            && sink.try_finish().is_err()
        {
            return Err(self.fault());
        }
        match self {
            Sink::Plain(sink) => Ok(sink.bytes),
            Sink::Gzip(sink) => sink.finish().map(|sink| sink.bytes).map_err(|_| not_gzip()),
        }
    }
}

fn not_gzip() -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "the body is no complete gzip")
}

/// Takes bytes up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
    overflowed: bool,
}

impl Bounded {
    fn new(bytes_max: usize) -> Bounded {
        debug_assert!(bytes_max <= INFLATED_BYTES_MAX);
        Bounded { bytes: Vec::new(), bytes_max, overflowed: false }
    }
}

impl Write for Bounded {
    fn write(&mut self, chunk: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + chunk.len() > self.bytes_max {
            self.overflowed = true;
            self.bytes = Vec::new();
            return Err(std::io::Error::other("beyond the bound"));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// True when arrays and objects nest deeper than `depth_max`. Text that is no JSON may give either answer.
pub fn nests_deeper_than(json: &[u8], depth_max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > depth_max {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_the_structure_not_of_strings() {
        assert!(!nests_deeper_than(br#"{"a":["[[[[{{{{\"[[["]}"#, 2));
        assert!(nests_deeper_than(br#"{"a":[[]]}"#, 2));
        assert!(!nests_deeper_than(br#"[[],[],[]]"#, 2));
    }
}
