//! A request's body: taken as it comes, then inflated, never beyond its bounds.
//!
//! Invariant: what is held of a body was reserved before, and is at most `BODY_BYTES_MAX` as it comes and
//! `INFLATED_BYTES_MAX` inflated, however small it came in and however long it goes on.

use super::answer::Fault;
use super::memory::{Memory, Reserved, Wire, of_decoding};
use crate::receiver::limits::{BODY_BYTES_MAX, BODY_TIMEOUT, INFLATED_BYTES_MAX};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use std::io::Read;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// What is read and thrown away of a body that nobody wants, so that its sender comes to hear the answer.
const DRAIN_BYTES_MAX: usize = 64 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// A gzip that grows no further than this is not asked how long it says that it is.
const INFLATED_BYTES_MIN: usize = 64 << 10;

/// How the bytes on the wire stand for the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

/// A body as it came over the wire.
#[derive(Debug)]
pub struct Received {
    bytes: Vec<u8>,
    encoding: Encoding,
    _reserved: Reserved,
}

/// A body inflated, with the memory for it and to decode it.
#[derive(Debug)]
pub struct Inflated {
    pub bytes: Vec<u8>,
    pub reserved: Reserved,
}

/// Reads a JSON body, once there is room for it.
pub async fn receive(
    headers: &HeaderMap,
    body: &mut (impl Body<Data = Bytes> + Unpin),
    memory: &Memory,
    of_key: &Wire,
    stall: Duration,
) -> Result<Received, Fault> {
    require_json(headers)?;
    let encoding = encoding(headers)?;
    let size = body.size_hint();
    if size.lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large("the body", BODY_BYTES_MAX));
    }
    let bytes_max = size.exact().map_or(BODY_BYTES_MAX, |bytes| bytes as usize);
    let mut reserved = memory.for_wire(of_key, bytes_max).await?;
    let deadline = Instant::now() + BODY_TIMEOUT;
    let mut bytes = Vec::with_capacity(size.lower() as usize);
    while let Some(chunk) = next(body, deadline, stall).await? {
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(too_large("the body", BODY_BYTES_MAX));
        }
        bytes.extend_from_slice(&chunk);
    }
    reserved.shrink(bytes.len());
    Ok(Received { bytes, encoding, _reserved: reserved })
}

impl Received {
    /// Inflates it, once there is room for that, and lets go of what came.
    pub async fn inflate(self, memory: &Memory, bytes_max: usize) -> Result<Inflated, Fault> {
        debug_assert!(bytes_max <= INFLATED_BYTES_MAX);
        if self.encoding == Encoding::Identity {
            if self.bytes.len() > bytes_max {
                return Err(too_large("the body", bytes_max));
            }
            let reserved = memory.for_work(of_decoding(self.bytes.len())).await?;
            return Ok(Inflated { bytes: self.bytes, reserved });
        }
        let claimed = claimed_bytes(&self.bytes).clamp(INFLATED_BYTES_MIN.min(bytes_max), bytes_max);
        for bytes_max in [claimed, bytes_max] {
            let reserved = memory.for_work(of_decoding(bytes_max)).await?;
            // The claim is that of the last of several members, and may be no true one.
            if let Some(bytes) = tokio::task::block_in_place(|| inflate(&self.bytes, bytes_max))? {
                return Ok(Inflated { bytes, reserved });
            }
        }
        Err(too_large("the inflated body", bytes_max))
    }
}

/// The length that a gzip ends with: that of what its last member inflates to.
fn claimed_bytes(gzip: &[u8]) -> usize {
    gzip.last_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

/// `None` where it is longer than `bytes_max`.
fn inflate(gzip: &[u8], bytes_max: usize) -> Result<Option<Vec<u8>>, Fault> {
    let mut bytes = Vec::with_capacity(bytes_max + 1);
    // One byte more, to know that it ends here.
    let read = MultiGzDecoder::new(gzip).take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) => Ok((bytes.len() <= bytes_max).then_some(bytes)),
        Err(_) => Err(Fault::new(StatusCode::BAD_REQUEST, "the body is no complete gzip")),
    }
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

/// True when arrays and objects nest deeper than `depth_max`. Text that is no JSON may give either answer.
pub fn nests_deeper_than(json: &[u8], depth_max: usize) -> bool {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(json, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Where a string ends that begins before `at`: behind its closing quote. Most of a body is inside of strings.
fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while let Some(offset) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += offset + 1;
        if json[at - 1] == b'"' {
            return at;
        }
        at += 1; // what is escaped
    }
    json.len()
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

    #[test]
    fn a_gzip_of_several_members_is_inflated_whole_and_within_its_bound() {
        use std::io::Write;
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let two = [gzip(&[b'a'; 1_000]), gzip(b"b")].concat();
        assert_eq!(claimed_bytes(&two), 1);
        assert!(inflate(&two, 1).unwrap().is_none());
        assert_eq!(inflate(&two, 1_001).unwrap().unwrap().len(), 1_001);
        assert!(inflate(&two, 1_000).unwrap().is_none());
        assert!(inflate(&two[..two.len() - 1], 2_000).is_err());
        assert!(inflate(b"", 2_000).is_err());
    }
}
