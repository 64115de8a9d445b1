//! Encoding: seals a payload and compresses it into the body of a request.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::exporter::batch::envelope::Envelope;

/// Gzip level of the plan's pipeline; higher ones gain little for their time.
const LEVEL: u32 = 6;
/// Gzip level without content: most of such a batch is ids and hashes, which no level makes smaller, and the levels above
/// this one take up to twice its time for at most 5 % less.
const LEVEL_WITHOUT_CONTENT: u32 = 5;

/// The body of a request.
#[derive(Debug, Clone)]
pub struct EncodedBody {
    /// Body of the request, compressed.
    pub bytes: Arc<Vec<u8>>,
    /// Bytes of the body before compression.
    pub inflated_bytes: u64,
}

/// Seals and compresses a payload.
pub fn encode(envelope: Envelope, has_content: bool) -> io::Result<EncodedBody> {
    let ([header, sessions], end) = envelope.sealed();
    let inflated_bytes = header.len() + sessions.len() + end.len();
    let level = if has_content { LEVEL } else { LEVEL_WITHOUT_CONTENT };
    let mut encoder = GzEncoder::new(Vec::with_capacity(inflated_bytes / 4), Compression::new(level));
    for part in [header, sessions, &end] {
        encoder.write_all(part)?;
    }
    Ok(EncodedBody { bytes: Arc::new(encoder.finish()?), inflated_bytes: inflated_bytes as u64 })
}
