//! Encoding: seals a payload and compresses it into the body of a request.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use zstd_safe::{CCtx, CParameter, ResetDirective};

use crate::exporter::batch::envelope::Envelope;
use crate::protocol::ContentEncoding;

/// Gzip level of the plan's pipeline; higher ones gain little for their time.
const LEVEL: u32 = 6;
/// Gzip level without content: most of such a batch is ids and hashes, which no level makes smaller, and the levels above
/// this one take up to twice its time for at most 5 % less.
const LEVEL_WITHOUT_CONTENT: u32 = 5;
/// Level of zstd, whose window is 2 MiB: real batches of 4 MiB become a third smaller than at gzip 6, in a fifth of the time.
const ZSTD_LEVEL: i32 = 3;
/// Level of zstd without content. Ids and hashes in hexadecimal hold many short matches that cost more than they save:
/// levels 2 to 7 take these, and make more bytes in up to five times the time.
const ZSTD_LEVEL_WITHOUT_CONTENT: i32 = 1;

/// The body of a request.
#[derive(Debug, Clone)]
pub struct EncodedBody {
    /// Body of the request, compressed.
    pub bytes: Arc<Vec<u8>>,
    /// Bytes of the body before compression.
    pub inflated_bytes: u64,
    /// Encoding of the bytes.
    pub encoding: ContentEncoding,
}

/// Seals and compresses a payload.
pub fn encode(envelope: Envelope, has_content: bool, encoding: ContentEncoding) -> io::Result<EncodedBody> {
    let ([header, sessions], end) = envelope.sealed();
    let parts = [header, sessions, &end];
    let inflated_bytes = parts.iter().map(|part| part.len()).sum();
    let bytes = match encoding {
        ContentEncoding::Identity => parts.concat(),
        ContentEncoding::Gzip => gzip(parts, inflated_bytes, has_content)?,
        ContentEncoding::Zstd => zstd(parts, has_content).map_err(io::Error::other)?,
    };
    Ok(EncodedBody { bytes: Arc::new(bytes), inflated_bytes: inflated_bytes as u64, encoding })
}

fn gzip(parts: [&[u8]; 3], inflated_bytes: usize, has_content: bool) -> io::Result<Vec<u8>> {
    let level = if has_content { LEVEL } else { LEVEL_WITHOUT_CONTENT };
    let mut encoder = GzEncoder::new(Vec::with_capacity(inflated_bytes / 4), Compression::new(level));
    for part in parts {
        encoder.write_all(part)?;
    }
    encoder.finish()
}

/// Compresses into one frame that names the size of its content, so that the receiver reserves the right memory.
fn zstd(parts: [&[u8]; 3], has_content: bool) -> Result<Vec<u8>, &'static str> {
    /// The tables of the last batch: megabytes, which are cleared faster than allocated.
    static CONTEXT: Mutex<Option<CCtx<'static>>> = Mutex::new(None);
    let former = CONTEXT.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut context = former.or_else(CCtx::try_create).ok_or("no memory for zstd")?;
    let bytes = zstd_in(&mut context, parts, has_content)?;
    *CONTEXT.lock().unwrap_or_else(PoisonError::into_inner) = Some(context);
    Ok(bytes)
}

fn zstd_in(context: &mut CCtx, parts: [&[u8]; 3], has_content: bool) -> Result<Vec<u8>, &'static str> {
    let name = zstd_safe::get_error_name;
    let level = if has_content { ZSTD_LEVEL } else { ZSTD_LEVEL_WITHOUT_CONTENT };
    context.reset(ResetDirective::SessionAndParameters).map_err(name)?;
    context.set_parameter(CParameter::CompressionLevel(level)).map_err(name)?;
    // In one call, which looks for matches in one piece of memory. A stream copies each part into a window, which costs more
    // memory, and looks for matches in the two ends of it.
    let payload = parts.concat();
    // The bound on the frame's size, so that the output is never full; pages that are not written take no memory.
    let mut bytes = Vec::with_capacity(zstd_safe::compress_bound(payload.len()));
    context.compress2(&mut bytes, &payload).map_err(name)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}
