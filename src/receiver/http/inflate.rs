//! Inflation of request bodies: gzip of any number of members, zstd of any number of frames.
//!
//! Invariant: bytes are counted while they are inflated, and inflation stops at the bound, whatever the body claims; a
//! window of zstd takes at most 8 MiB, and no more than `window_bytes` says.

use super::api_error::ApiError;
use crate::protocol::{ContentEncoding, ZSTD_WINDOW_LOG_MAX};
use axum::http::StatusCode;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

/// Largest window of zstd.
const WINDOW_BYTES_MAX: u64 = 1 << ZSTD_WINDOW_LOG_MAX;
/// First bytes of a frame of zstd.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Compression of a body that has to be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyCompression {
    Gzip,
    Zstd,
}

impl BodyCompression {
    /// The compression of an encoding; `None` for a body that is sent as it is.
    pub fn of(encoding: ContentEncoding) -> Option<BodyCompression> {
        match encoding {
            ContentEncoding::Identity => None,
            ContentEncoding::Gzip => Some(BodyCompression::Gzip),
            ContentEncoding::Zstd => Some(BodyCompression::Zstd),
        }
    }
}

/// Inflated size that a compressed body claims: of gzip its last member, of zstd its first frame.
pub fn claimed_bytes(compression: BodyCompression, body: &[u8]) -> usize {
    match compression {
        BodyCompression::Gzip => body.last_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize),
        BodyCompression::Zstd => {
            let size = zstd_safe::get_frame_content_size(body).ok().flatten().unwrap_or(0);
            usize::try_from(size).unwrap_or(usize::MAX)
        }
    }
}

/// Memory that inflation takes at most besides its result.
pub fn window_bytes(compression: BodyCompression, body: &[u8]) -> usize {
    match compression {
        BodyCompression::Gzip => 0,
        BodyCompression::Zstd => {
            // Later frames may have larger windows than the first one.
            let is_one_frame = zstd_safe::find_frame_compressed_size(body) == Ok(body.len());
            let window = frame_window(body).filter(|_| is_one_frame);
            window.unwrap_or(WINDOW_BYTES_MAX).min(WINDOW_BYTES_MAX) as usize
        }
    }
}

/// Inflates a body; `None` if the result is longer than `bytes_max`.
pub fn inflate(
    compression: BodyCompression,
    body: &[u8],
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, ApiError> {
    match compression {
        BodyCompression::Gzip => inflate_gzip(body, bytes_max),
        BodyCompression::Zstd => inflate_zstd(body, bytes_max),
    }
}

fn inflate_gzip(gzip: &[u8], bytes_max: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut bytes = Vec::with_capacity(bytes_max + 1);
    // One byte more than allowed shows that the limit is exceeded.
    MultiGzDecoder::new(gzip)
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| ApiError::bad_request("the body is not a complete gzip stream"))?;
    Ok((bytes.len() <= bytes_max).then_some(bytes))
}

fn inflate_zstd(zstd: &[u8], bytes_max: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let incomplete = || ApiError::bad_request("the body is not a complete zstd stream");
    let mut context =
        DCtx::try_create().ok_or_else(|| ApiError::unavailable("the receiver is short of memory"))?;
    context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).map_err(|_| incomplete())?;
    // One byte more than allowed shows that the limit is exceeded.
    let mut bytes = Vec::with_capacity(bytes_max + 1);
    let mut input = InBuffer::around(zstd);
    let mut begins_frame = true;
    loop {
        if begins_frame && frame_window(&zstd[input.pos()..]).is_some_and(|bytes| bytes > WINDOW_BYTES_MAX) {
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "the window of the body is larger than {WINDOW_BYTES_MAX} bytes: compress it with a smaller one"
                ),
            ));
        }
        let before = (input.pos(), bytes.len());
        let mut output = OutBuffer::around_pos(&mut bytes, before.1);
        let missing = context.decompress_stream(&mut output, &mut input).map_err(|_| incomplete())?;
        if bytes.len() > bytes_max {
            return Ok(None);
        }
        begins_frame = missing == 0;
        let is_at_end = input.pos() == zstd.len();
        if begins_frame && is_at_end {
            return Ok(Some(bytes));
        }
        if before == (input.pos(), bytes.len()) {
            return Err(incomplete());
        }
    }
}

/// Window of a frame of zstd, as its header says (RFC 8878, 3.1.1.1); `None` for other bytes and for a header that is cut off.
fn frame_window(frame: &[u8]) -> Option<u64> {
    let header = frame.strip_prefix(&ZSTD_MAGIC)?;
    let (descriptor, rest) = header.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = rest.first()?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment: the window is all of the content.
    let rest = rest.get(usize::from([0u8, 1, 2, 4][usize::from(descriptor & 3)])..)?;
    let size = |count: usize| {
        let bytes = rest.get(..count)?;
        Some(bytes.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte)))
    };
    match descriptor >> 6 {
        0 => size(1),
        1 => size(2).map(|bytes| bytes + 256),
        2 => size(4),
        _ => size(8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zstd_safe::{CCtx, CParameter};

    #[test]
    fn gzip_of_several_members_is_inflated_whole_and_within_its_bound() {
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let two = [gzip(&[b'a'; 1_000]), gzip(b"b")].concat();
        assert_eq!(claimed_bytes(BodyCompression::Gzip, &two), 1);
        assert_bounds(BodyCompression::Gzip, &two);
    }

    /// A frame with a window of 2^`window_log` bytes.
    fn zstd(text: &[u8], window_log: u32) -> Vec<u8> {
        let mut context = CCtx::create();
        context.set_parameter(CParameter::WindowLog(window_log)).unwrap();
        let mut frame = Vec::with_capacity(zstd_safe::compress_bound(text.len()));
        context.compress2(&mut frame, text).unwrap();
        frame
    }

    #[test]
    fn zstd_of_several_frames_is_inflated_whole_and_within_its_bound() {
        let two = [zstd(&[b'a'; 1_000], 20), zstd(b"b", 20)].concat();
        assert_eq!(claimed_bytes(BodyCompression::Zstd, &two), 1_000);
        assert_bounds(BodyCompression::Zstd, &two);
    }

    /// Asserts the bounds for a body that inflates to 1,001 bytes.
    fn assert_bounds(compression: BodyCompression, body: &[u8]) {
        let inflate = |body: &[u8], bytes_max| inflate(compression, body, bytes_max);
        assert!(inflate(body, 1).unwrap().is_none());
        assert_eq!(inflate(body, 1_001).unwrap().unwrap().len(), 1_001);
        assert!(inflate(body, 1_000).unwrap().is_none());
        for end in 1..body.len() {
            let cut = inflate(&body[..end], 2_000);
            assert!(cut.is_err() || cut.unwrap().is_some_and(|bytes| bytes.len() == 1_000), "{end}");
        }
        assert!(inflate(b"", 2_000).is_err());
        assert!(inflate(&[body, b"x"].concat(), 2_000).is_err());
    }

    #[test]
    fn a_window_of_zstd_is_bounded() {
        let text = vec![b'a'; (8 << 20) + 1];
        let is_window = |window_log| frame_window(&zstd(&text, window_log)) == Some(1 << window_log);
        assert!(is_window(10) && is_window(22) && is_window(23));
        let bytes_max = 16 << 20;
        assert!(inflate(BodyCompression::Zstd, &zstd(&text, 23), bytes_max).unwrap().is_some());
        // A window that holds all of the content makes a single segment.
        let large = zstd(&text, 24);
        assert_eq!(frame_window(&large), Some(text.len() as u64));
        for body in [large.clone(), [zstd(b"a", 20), large].concat()] {
            let error = inflate(BodyCompression::Zstd, &body, bytes_max).unwrap_err();
            assert!(format!("{error:?}").contains("window"), "{error:?}");
        }
        assert_eq!(frame_window(&ZSTD_MAGIC), None);
    }

    #[test]
    fn memory_for_the_window_is_that_of_the_largest_frame() {
        let text = vec![b'a'; (8 << 20) + 1];
        let (small, large) = (zstd(&text, 10), zstd(&text, 23));
        let window = |frames: &[&[u8]]| window_bytes(BodyCompression::Zstd, &frames.concat());
        assert_eq!(window(&[&small]), 1 << 10);
        assert_eq!(window(&[&large]), 8 << 20);
        assert_eq!(window(&[&small, &large]), 8 << 20);
        assert_eq!(window(&[&small, b"x"]), 8 << 20);
        assert_eq!(window(&[&small[..20]]), 8 << 20);
        assert_eq!(window_bytes(BodyCompression::Gzip, &large), 0);
    }
}
