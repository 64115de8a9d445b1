//! Batches made ready ahead of their turn: sealed and compressed on threads of their own, while the next ones are cut and
//! the ones before them are under way.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::exporter::batch::Batch;
use crate::exporter::batch::envelope::Document;
use crate::exporter::error::Error;

/// The level that the plan's pipeline uses, and the best one for what it costs.
const LEVEL: u32 = 6;
/// Without content most of a batch is ids and hashes, which no level makes shorter: the levels above this one take up to
/// twice its time for at most 5 % less.
const LEVEL_WITHOUT_CONTENT: u32 = 5;

/// A batch, and the thread that makes the body that carries it.
#[derive(Debug)]
pub struct Prepared {
    pub batch: Batch,
    /// The version of the source before the batch was cut.
    pub version: i64,
    press: JoinHandle<io::Result<EncodedBody>>,
}

/// A payload as it goes over the wire.
#[derive(Debug, Clone)]
pub struct EncodedBody {
    pub bytes: Arc<Vec<u8>>,
    pub inflated_bytes: u64,
}

impl Prepared {
    /// Begins to make the body. `document`: the batch's.
    pub fn new(batch: Batch, version: i64, document: Document) -> Prepared {
        let has_content = batch.has_content;
        Prepared { batch, version, press: thread::spawn(move || press(document, has_content)) }
    }

    /// The body, as soon as it is there.
    pub fn finish(self) -> Result<(Batch, EncodedBody), Error> {
        let pressed = self.press.join().map_err(|_| anyhow!("a batch could not be compressed"))?;
        Ok((self.batch, pressed.context("cannot compress a batch")?))
    }
}

/// Seals and compresses a document.
pub fn press(document: Document, has_content: bool) -> io::Result<EncodedBody> {
    let (end, [head, sessions]) = document.sealed();
    let inflated_bytes = head.len() + sessions.len() + end.len();
    let level = if has_content { LEVEL } else { LEVEL_WITHOUT_CONTENT };
    let mut encoder = GzEncoder::new(Vec::with_capacity(inflated_bytes / 4), Compression::new(level));
    for part in [head, sessions, &end] {
        encoder.write_all(part)?;
    }
    Ok(EncodedBody { bytes: Arc::new(encoder.finish()?), inflated_bytes: inflated_bytes as u64 })
}
