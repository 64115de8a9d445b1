//! The chunk builder: finds the delta of one session, as far as the limits allow.
//!
//! Tasks go first, because a receiver must not wait for them behind a long history; then rows that were rejected before,
//! then new rows in the order of their row ids. A row is taken or left as a whole.
//!
//! New rows are not read here: their row ids are listed, which costs a page of an index for some ninety rows, and ranges of
//! them are left to the chunk, or to the threads that read ahead of it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::exporter::batch::chunk::unfinished::{CandidateMessage, UnfinishedChunk};
use crate::exporter::batch::context::{BatchContext, BatchLimits, EligibleSession};
use crate::exporter::batch::message::bounds::bound_task_text;
use crate::exporter::batch::message::row_reader::{RowRange, RowReader};
use crate::exporter::error::Error;
use crate::exporter::plan::delta;
use crate::exporter::source::{MessageRow, Snapshot};
use crate::exporter::state::SessionCursor;
use crate::protocol::SyncTask;
use crate::time;

/// Rows of a range: half a millisecond of work, worth handing to another thread, and little beside a batch.
const RANGE_ROWS: usize = 16;
/// Rows of a range whose messages go without content, which takes a quarter of the time. With fewer rows the threads wake each
/// other more often than it is worth.
const RANGE_ROWS_WITHOUT_CONTENT: usize = 128;

/// A chunk under construction.
pub struct ChunkBuilder<'a> {
    context: &'a BatchContext<'a>,
    snapshot: &'a Snapshot<'a>,
    session: &'a EligibleSession,
    cursor: &'a SessionCursor,
    limits: BatchLimits,
    /// True if the chunk is the batch's first, so that one message may exceed the limits, or it would never be sent.
    may_exceed: bool,
    reader: RowReader,
    chunk: UnfinishedChunk,
}

impl<'a> ChunkBuilder<'a> {
    pub fn new(
        context: &'a BatchContext<'a>,
        snapshot: &'a Snapshot<'a>,
        session: &'a Arc<EligibleSession>,
        cursor: &'a SessionCursor,
        limits: BatchLimits,
        may_exceed: bool,
    ) -> ChunkBuilder<'a> {
        let reader = RowReader::new(context, session, &limits);
        let chunk = UnfinishedChunk::new(session, reader.clone(), cursor);
        ChunkBuilder { context, snapshot, session, cursor, limits, may_exceed, reader, chunk }
    }

    /// Finds the session's delta within the limits.
    pub fn build(mut self) -> Result<UnfinishedChunk, Error> {
        let all_tasks_fit = self.take_tasks()?;
        let retried: Vec<i64> =
            self.cursor.refused.difference(&self.session.rejected_rows).copied().collect();
        let without_messages = self.session.apart && (self.chunk.tasks.count > 0 || !self.cursor.fields_sent);
        if !all_tasks_fit || without_messages {
            let messages_wait = self.cursor.seen_rowid > self.cursor.rowid || !retried.is_empty();
            self.chunk.more = !all_tasks_fit || messages_wait;
            return Ok(self.chunk);
        }
        for rowid in retried {
            self.take_rejected_row(rowid)?;
            if self.chunk.more {
                return Ok(self.chunk);
            }
        }
        self.list_new_rows()?;
        Ok(self.chunk)
    }

    /// Takes the tasks that the receiver does not have as they are. Returns true if all of them fitted.
    fn take_tasks(&mut self) -> Result<bool, Error> {
        let include_content = self.session.include_content;
        let mut known = BTreeSet::new();
        let mut all_fit = true;
        for row in self.snapshot.tasks_of(&self.session.fields.id, include_content)? {
            let task = delta::sync_task(row, include_content);
            let hash = delta::task_hash(&task);
            self.chunk.newest_at = self.chunk.newest_at.max(time::parse(&task.updated_at));
            if self.cursor.tasks.contains(&hash) {
                known.insert(hash);
                continue;
            }
            if self.session.rejected_tasks.contains(&hash) {
                continue;
            }
            let tasks = &self.chunk.tasks;
            let is_full = tasks.json.len() >= self.limits.bytes || tasks.count >= self.limits.tasks;
            if tasks.count > 0 && is_full {
                all_fit = false;
                continue;
            }
            let task = self.redact_task(task);
            self.chunk.tasks.push(&task)?;
            self.chunk.only_task = (self.chunk.tasks.count == 1).then_some(hash);
            known.insert(hash);
        }
        self.chunk.advance.tasks = Some(known);
        Ok(all_fit)
    }

    /// Redacts a task's texts, and then cuts them: a secret that is cut would not be recognised.
    fn redact_task(&mut self, mut task: SyncTask) -> SyncTask {
        let filter = self.context.messages.content_filter.as_ref();
        if let Some(filter) = filter.filter(|_| self.session.include_content) {
            for text in [Some(&mut task.subject), task.description.as_mut()].into_iter().flatten() {
                *text = filter.text(text, &mut self.chunk.redactions);
            }
        }
        bound_task_text(&mut task.subject);
        if let Some(description) = &mut task.description {
            bound_task_text(description);
        }
        task
    }

    /// Takes a row from before the cursor that the receiver rejected, if it still exists.
    fn take_rejected_row(&mut self, rowid: i64) -> Result<(), Error> {
        let snapshot = self.snapshot;
        let mut taken = Ok(ControlFlow::Continue(()));
        snapshot.message(&self.session.fields.id, rowid, |row| {
            taken = self.take_before_cursor(row);
            ControlFlow::Break(())
        })?;
        match taken? {
            ControlFlow::Continue(()) => self.chunk.advance.no_longer_rejected.push(rowid),
            ControlFlow::Break(()) => self.chunk.more = true,
        }
        Ok(())
    }

    /// Takes a row that the cursor has passed.
    fn take_before_cursor(&mut self, row: MessageRow) -> Result<ControlFlow<()>, Error> {
        let rowid = row.rowid;
        let mut json = Vec::new();
        let made = self.reader.make(self.snapshot, row, &mut None, &mut json)?;
        let Some((message, notes)) = made else { return Ok(ControlFlow::Continue(())) };
        let candidate = CandidateMessage { json: &json, message, notes, rowid };
        Ok(self.chunk.take_message(candidate, self.context, &self.limits, self.may_exceed))
    }

    /// Lists the new rows, as many as may be in the batch.
    fn list_new_rows(&mut self) -> Result<(), Error> {
        let rows_max = self.limits.messages.saturating_sub(self.chunk.messages.count);
        let mut after = self.cursor.rowid;
        let mut rowids =
            self.snapshot.rowids_after(&self.session.fields.id, after, rows_max.saturating_add(1))?;
        self.chunk.lists_all = rowids.len() <= rows_max;
        self.chunk.more = !self.chunk.lists_all;
        rowids.truncate(rows_max);
        let rows = match (self.context.reading_ahead, self.session.include_content) {
            (None, _) => usize::MAX,
            (Some(_), true) => RANGE_ROWS,
            (Some(_), false) => RANGE_ROWS_WITHOUT_CONTENT,
        };
        for rowids in rowids.chunks(rows) {
            let last = rowids.last().copied().unwrap_or(after);
            self.chunk.push(RowRange { after, last }, rowids.len());
            after = last;
        }
        Ok(())
    }
}
