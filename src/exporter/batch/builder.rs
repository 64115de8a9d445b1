//! The batch builder: adds the deltas of sessions to a batch, within its limits.
//!
//! Chunks are finished in the order in which their sessions were added. Where rows are read ahead, several of them are
//! unfinished: it is assumed that they fit, and those that do not are left to a later batch.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::exporter::batch::chunk::SessionChunk;
use crate::exporter::batch::chunk::builder::ChunkBuilder;
use crate::exporter::batch::chunk::unfinished::UnfinishedChunk;
use crate::exporter::batch::context::{BatchContext, BatchLimits, EligibleSession, ReadingAhead};
use crate::exporter::batch::{Batch, workers};
use crate::exporter::error::Error;
use crate::exporter::source::Snapshot;
use crate::exporter::state::SessionCursor;

/// Ranges of rows that are read ahead for each thread, of which one is in work.
const RANGES_PER_THREAD: usize = 3;
/// Ranges that are read ahead at most. Bounds memory, and the work that is lost where a batch ends among them.
const RANGES_AHEAD_MAX: usize = 12;

/// Number of ranges that are read ahead.
fn ranges_ahead() -> usize {
    (RANGES_PER_THREAD * workers::processors()).min(RANGES_AHEAD_MAX)
}

/// A batch under construction.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    batch: Batch,
    /// Chunks behind those of the batch, of which not all messages are taken.
    unfinished: VecDeque<UnfinishedChunk>,
    /// Chunks with nothing for the receiver, such as duplicate rows.
    empty: Vec<SessionChunk>,
    /// True if nothing may follow a chunk with nothing for the receiver.
    ends_at_empty: bool,
    /// True if nothing more is added, because something did not fit.
    is_closed: bool,
    /// Rows of all chunks, of which those that are skipped have no message.
    rows: usize,
}

impl BatchBuilder {
    /// An empty batch. `ends_at_empty`: nothing may follow a chunk with nothing for the receiver.
    pub fn new(ends_at_empty: bool) -> BatchBuilder {
        BatchBuilder { ends_at_empty, ..BatchBuilder::default() }
    }

    /// True if no session has been added.
    pub fn is_empty(&self) -> bool {
        self.batch.chunks.is_empty() && self.unfinished.is_empty()
    }

    /// True if another session may be added.
    pub fn has_capacity(&self, limits: &BatchLimits) -> bool {
        let rows = self.unfinished.iter().map(UnfinishedChunk::rows).sum::<usize>();
        !self.is_closed
            && self.batch.chunks.len() + self.unfinished.len() < limits.sessions
            && self.rows + rows < limits.messages
            && self.batch.bytes() < limits.bytes
    }

    /// Adds the delta of a session, as far as the limits allow. Returns true if, as far as is known, all of it fits.
    pub fn add(
        &mut self,
        context: &BatchContext,
        snapshot: &Snapshot,
        session: &Arc<EligibleSession>,
        cursor: &SessionCursor,
        limits: &BatchLimits,
    ) -> Result<bool, Error> {
        // Rejected rows are taken at once, for which it has to be known what fits.
        if !cursor.refused.is_empty() {
            self.take_all(context, snapshot, limits)?;
            if !self.has_capacity(limits) {
                return Ok(false);
            }
        }
        let mut rest = self.rest(limits);
        for chunk in &self.unfinished {
            rest.messages = rest.messages.saturating_sub(chunk.rows());
            rest.tasks = rest.tasks.saturating_sub(chunk.tasks.count);
        }
        let is_first = self.is_empty();
        let chunk = ChunkBuilder::new(context, snapshot, session, cursor, rest, is_first).build()?;
        let is_whole = !chunk.more;
        self.batch.has_content |= session.include_content;
        self.unfinished.push_back(chunk);
        self.read_ahead(context, limits)?;
        let ranges_max = context.reading_ahead.map_or(0, |_| ranges_ahead());
        while self.unfinished.iter().map(|chunk| chunk.ranges().max(1)).sum::<usize>() > ranges_max {
            self.take_next(context, snapshot, limits)?;
        }
        if context.reading_ahead.is_none() {
            self.take_all(context, snapshot, limits)?;
        }
        Ok(is_whole)
    }

    /// Takes all messages. Returns the batch, and the chunks with nothing for the receiver.
    pub fn finish(
        mut self,
        context: &BatchContext,
        snapshot: &Snapshot,
        limits: &BatchLimits,
    ) -> Result<(Batch, Vec<SessionChunk>), Error> {
        self.take_all(context, snapshot, limits)?;
        self.batch.is_full = self.batch.bytes() >= limits.bytes / 2;
        Ok((self.batch, self.empty))
    }

    fn take_all(
        &mut self,
        context: &BatchContext,
        snapshot: &Snapshot,
        limits: &BatchLimits,
    ) -> Result<(), Error> {
        while !self.unfinished.is_empty() {
            self.take_next(context, snapshot, limits)?;
        }
        Ok(())
    }

    /// Takes a range of rows of the first unfinished chunk, or finishes it.
    fn take_next(
        &mut self,
        context: &BatchContext,
        snapshot: &Snapshot,
        limits: &BatchLimits,
    ) -> Result<(), Error> {
        self.read_ahead(context, limits)?;
        let rest = self.rest(limits);
        let is_first = self.batch.chunks.is_empty();
        let Some(chunk) = self.unfinished.front_mut() else { return Ok(()) };
        if chunk.ranges() > 0 {
            return chunk.take_first(context, snapshot, &rest, is_first);
        }
        // The chunk was added when it was not known how much those before it would leave.
        let is_too_late = rest.bytes == 0 || chunk.tasks.json.len() > rest.bytes;
        if context.reading_ahead.is_some() && !is_first && is_too_late {
            self.close();
            return Ok(());
        }
        let Some(chunk) = self.unfinished.pop_front() else { return Ok(()) };
        self.rows += chunk.rows();
        let chunk = chunk.finish(snapshot, Arc::make_mut(&mut self.batch.sessions))?;
        if chunk.more {
            self.close();
        }
        if !chunk.is_empty() {
            self.batch.messages += chunk.messages;
            self.batch.tasks += chunk.tasks;
            self.batch.chunks.push(chunk);
        } else if !chunk.more || is_first {
            if self.ends_at_empty {
                self.close();
            }
            self.empty.push(chunk);
        }
        Ok(())
    }

    /// Lets threads read the next ranges, as far as they are likely to fit: what does not fit is read again for a later
    /// batch.
    fn read_ahead(&mut self, context: &BatchContext, limits: &BatchLimits) -> Result<(), Error> {
        let Some(ReadingAhead { workers, bytes_per_message }) = context.reading_ahead else { return Ok(()) };
        let first = self.unfinished.front();
        let mut bytes = self.batch.bytes() + first.map_or(0, UnfinishedChunk::bytes);
        let messages = self.batch.messages + first.map_or(0, |chunk| chunk.messages.count);
        let bytes_per_message = bytes_per_message.max(bytes.checked_div(messages).unwrap_or_default());
        for (range, reader) in
            self.unfinished.iter_mut().flat_map(UnfinishedChunk::ranges_mut).take(ranges_ahead())
        {
            bytes += range.rows * bytes_per_message;
            if bytes > limits.bytes {
                break;
            }
            range.read_ahead(reader, workers)?;
        }
        Ok(())
    }

    /// Leaves the chunks that are not finished to a later batch.
    fn close(&mut self) {
        self.is_closed = true;
        self.unfinished.clear();
    }

    /// The limits that the finished chunks leave.
    fn rest(&self, limits: &BatchLimits) -> BatchLimits {
        BatchLimits {
            // Rows, because of those that are read ahead it is not known which are skipped.
            messages: limits.messages.saturating_sub(self.rows),
            tasks: limits.tasks.saturating_sub(self.batch.tasks),
            bytes: limits.bytes.saturating_sub(self.batch.bytes()),
            ..*limits
        }
    }
}
