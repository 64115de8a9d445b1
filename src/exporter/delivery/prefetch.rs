//! Prefetch: the next batches are read and encoded while one is in flight.
//!
//! A prefetched batch is built as if the batches before it were acknowledged. It is discarded if one of them is not
//! acknowledged in full at the first attempt. It is discarded, too, if han has written to its database since, because the
//! rows may say that a session is no longer eligible.

use std::collections::VecDeque;
use std::io;

use anyhow::Context;

use crate::exporter::batch::Batch;
use crate::exporter::batch::encode::{EncodedBody, encode};
use crate::exporter::batch::workers::WorkHandle;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::error::Error;
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::Affiliations;
use crate::exporter::source::Source;

/// The number of prefetched batches with which no processor waits for the receiver.
const BATCHES_MAX: usize = 3;
/// The uncompressed size of prefetched batches at which prefetching pauses; bounds the memory of large messages.
const BYTES_MAX: usize = 4 << 20;

/// A batch, and its payload, which a thread encodes.
#[derive(Debug)]
pub struct PreparedBatch {
    batch: Batch,
    /// The data version of the source before the batch was built.
    source_version: i64,
    body: WorkHandle<io::Result<EncodedBody>>,
}

impl PreparedBatch {
    /// Starts to encode the payload of a batch that is sent after those `unacknowledged`.
    pub fn start(
        batcher: &Batcher,
        batch: Batch,
        source_version: i64,
        unacknowledged: &[&Batch],
    ) -> Result<PreparedBatch, Error> {
        let envelope = batcher.envelope(&batch, unacknowledged, batcher.clock.now())?;
        let (has_content, encoding) = (batch.has_content, batcher.encoding());
        let body = batcher.workers.submit(move || encode(envelope, has_content, encoding))?;
        Ok(PreparedBatch { batch, source_version, body })
    }

    /// Waits for the encoded payload.
    pub fn wait(self) -> Result<(Batch, EncodedBody), Error> {
        Ok((self.batch, self.body.wait()?.context("cannot compress a batch")?))
    }
}

/// The prefetched batches, in the order of sending.
#[derive(Debug, Default)]
pub struct Prefetch {
    batches: VecDeque<PreparedBatch>,
}

impl Prefetch {
    /// Takes the next batch, or builds it if none is prefetched or the source has changed. Returns `None` if nothing is
    /// left to send.
    pub fn next(
        &mut self,
        batcher: &mut Batcher,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
    ) -> Result<Option<PreparedBatch>, Error> {
        let version = source.version()?;
        if let Some(prepared) = self.batches.pop_front().filter(|batch| batch.source_version == version) {
            return Ok(Some(prepared));
        }
        self.discard();
        let batch = batcher.next_batch(source, affiliations, due, &[])?;
        batch.map(|batch| PreparedBatch::start(batcher, batch, version, &[])).transpose()
    }

    /// Prefetches batches behind the one in flight. An error is dropped here: building the batch in its turn repeats
    /// it.
    pub fn fill(
        &mut self,
        batcher: &mut Batcher,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
        in_flight: &Batch,
    ) {
        while self.has_space() {
            let mut unacknowledged = vec![in_flight];
            unacknowledged.extend(self.batches.iter().map(|prepared| &prepared.batch));
            let Ok(version) = source.version() else { return };
            let Ok(Some(batch)) = batcher.next_batch(source, affiliations, due, &unacknowledged) else {
                return;
            };
            let Ok(prepared) = PreparedBatch::start(batcher, batch, version, &unacknowledged) else { return };
            self.batches.push_back(prepared);
        }
    }

    pub fn discard(&mut self) {
        self.batches.clear();
    }

    fn has_space(&self) -> bool {
        let chunks = self.batches.iter().flat_map(|prepared| &prepared.batch.chunks);
        let bytes: usize = chunks.map(|chunk| chunk.bytes).sum();
        self.batches.len() < BATCHES_MAX && bytes < BYTES_MAX
    }
}
