//! The batcher: builds the next batch from the due sessions, and advances cursors on acknowledgement.
//!
//! The cursor rule: a session's cursor advances over a chunk when a consistent response acknowledges the session
//! (`FORGOTTEN` included); over a chunk that has nothing for the receiver, such as duplicate rows, without a request; and
//! over a single message that was rejected or blocked by itself, whose row id is kept in the cursor's `refused`. Nothing else
//! advances a cursor.
//!
//! A run and `preview` use the same batcher, so that the preview is exact. The batcher owns the state in memory; it
//! neither sends nor saves. Each batch comes from one short snapshot, or from equal ones of several threads, in which
//! eligibility is decided again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::exporter::batch::builder::BatchBuilder;
use crate::exporter::batch::client_report::ClientReport;
use crate::exporter::batch::content_filter::ContentFilter;
use crate::exporter::batch::envelope::Envelope;
use crate::exporter::batch::workers::Workers;
use crate::exporter::batch::{
    Batch, BatchContext, BatchLimits, EligibleSession, MessageContext, ReadingAhead, SessionChunk,
};
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::delivery::bisect::Bisection;
use crate::exporter::delivery::limits;
use crate::exporter::error::Error;
use crate::exporter::plan::delta::{self, SessionFields};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::{Affiliations, Decision, Eligibility, EligibilityFilter};
use crate::exporter::plan::folders::session_folders::repository_in;
use crate::exporter::plan::identity_check::retained_since;
use crate::exporter::plan::pull_request::RepositoryRules;
use crate::exporter::source::{Snapshot, Source};
use crate::exporter::state::queue::Change;
use crate::exporter::state::{SessionCursor, State};
use crate::protocol::{ContentEncoding, Inclusion, SyncCursor};
use crate::time;

/// Batches that one thread reads after repeated failures to read ahead, at most.
const BATCHES_ALONE_MAX: u32 = 31;

/// Builds batches; owns the state in memory.
#[derive(Debug)]
pub struct Batcher<'a> {
    /// Configuration in force.
    pub config: &'a Config,
    /// Clock of the run.
    pub clock: &'a Clock,
    /// The worker threads of the run.
    pub workers: Workers,
    messages: Arc<MessageContext>,
    /// Bytes of a message in the last batch, on average; `None` before the first one, which is the only one of most runs.
    bytes_per_message: Option<usize>,
    reading_ahead: ReadingAheadBackoff,
    /// State, changed in memory.
    pub state: State,
    /// Search for a rejected item, while one is under way.
    pub bisection: Bisection,
    /// Sessions that need nothing more in this run.
    pub finished: HashSet<String>,
    /// Changes of the queue that are not saved yet.
    pub changes: Vec<Change>,
    /// True if the fields of a session differ from those in the state on disk.
    pub fields_changed: bool,
    /// The client's report of itself; none before the backlog is counted.
    pub client_report: Option<ClientReport>,
    /// Messages acknowledged.
    acknowledged: u64,
}

impl<'a> Batcher<'a> {
    /// Prepares batches from a state.
    pub fn new(
        config: &'a Config,
        clock: &'a Clock,
        content_filter: Option<Arc<ContentFilter>>,
        state: State,
    ) -> Batcher<'a> {
        let secret = state.client_secret.clone();
        Batcher {
            config,
            clock,
            workers: Workers::default(),
            messages: Arc::new(MessageContext { secret, content_filter, tool_names: config.tool_names }),
            state,
            bytes_per_message: None,
            reading_ahead: ReadingAheadBackoff::default(),
            bisection: Bisection::default(),
            finished: HashSet::new(),
            changes: Vec::new(),
            fields_changed: false,
            client_report: None,
            acknowledged: 0,
        }
    }

    /// Builds the next batch from the front of `due`. A session without anything to send leaves `due`.
    ///
    /// `unacknowledged`: the batches that are built and not acknowledged yet. The next batch is built as if these were
    /// acknowledged. Returns `None` if that assumption does not suffice (bisection, an ineligible session, one that is set
    /// aside, an empty chunk).
    pub fn next_batch(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
        unacknowledged: &[&Batch],
    ) -> Result<Option<Batch>, Error> {
        let is_prefetch = !unacknowledged.is_empty();
        if is_prefetch && self.bisection.is_active() {
            return Ok(None);
        }
        self.bisection.finish_if_passed(&self.state.destination, due);
        loop {
            let (batch, empty) = self.read_batch(source, affiliations, due, unacknowledged)?;
            if let Some(bytes) = batch.bytes().checked_div(batch.messages) {
                self.bytes_per_message = Some(bytes);
            }
            if is_prefetch || empty.is_empty() {
                return Ok((!batch.chunks.is_empty()).then_some(batch));
            }
            for chunk in empty {
                self.pass_empty_chunk(&chunk, due);
            }
            if !batch.chunks.is_empty() {
                return Ok(Some(batch));
            }
        }
    }

    /// Reads a batch and the chunks with nothing for the receiver, on several threads where the run has more than one batch.
    fn read_batch(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
        unacknowledged: &[&Batch],
    ) -> Result<(Batch, Vec<SessionChunk>), Error> {
        let has_more_batches = self.bytes_per_message.is_some();
        if has_more_batches && self.workers.allow_reading(source) && self.reading_ahead.is_due() {
            let version = source.version()?;
            let batch = self.fill_batch(source, affiliations, due, unacknowledged, true);
            // The snapshots of all threads are equal if nobody has written from before the first to after the last.
            if let Ok(batch) = batch
                && source.version()? == version
            {
                self.reading_ahead.succeed();
                return Ok(batch);
            }
            self.reading_ahead.fail();
        }
        self.fill_batch(source, affiliations, due, unacknowledged, false)
    }

    fn fill_batch(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
        unacknowledged: &[&Batch],
        reads_ahead: bool,
    ) -> Result<(Batch, Vec<SessionChunk>), Error> {
        let is_prefetch = !unacknowledged.is_empty();
        let has_more_after = has_more_after(unacknowledged);
        let mut limits = self.limits();
        let snapshot = source.snapshot()?;
        let mut batch = BatchBuilder::new(is_prefetch);
        let mut next = 0;
        while next < due.len() && batch.has_capacity(&limits) {
            if has_more_after.get(due[next].session_id.as_str()) == Some(&false) {
                next += 1;
                continue;
            }
            if due[next].is_set_aside {
                if is_prefetch || !batch.is_empty() {
                    break;
                }
                limits = BatchLimits { sessions: 1, messages: 1, tasks: 1, ..limits };
            }
            let Some(eligible) = self.eligible(&snapshot, affiliations, &due[next])?.map(Arc::new) else {
                if is_prefetch {
                    break;
                }
                self.finish_session(due, next);
                continue;
            };
            let session_id = &due[next].session_id;
            let cursor = self.state.destination.sessions.get(session_id).unwrap_or_default();
            let cursor = cursor_after(&cursor, session_id, unacknowledged);
            let context = self.reading_context(affiliations, reads_ahead);
            if !batch.add(&context, &snapshot, &eligible, &cursor, &limits)? {
                break;
            }
            next += 1;
        }
        batch.finish(&self.reading_context(affiliations, reads_ahead), &snapshot, &limits)
    }

    /// Moves a session's cursor over a chunk that has nothing for the receiver.
    fn pass_empty_chunk(&mut self, chunk: &SessionChunk, due: &mut VecDeque<DueSession>) {
        chunk.advance_session_cursor(&mut self.state.destination);
        let index = due.iter().position(|session| session.session_id == chunk.session_id);
        if let Some(index) = index.filter(|_| !chunk.more) {
            self.finish_session(due, index);
        }
    }

    /// Decides what may be sent of a session, in a snapshot that equals those from which its rows are read.
    fn eligible(
        &mut self,
        snapshot: &Snapshot,
        affiliations: &Affiliations,
        session: &DueSession,
    ) -> Result<Option<EligibleSession>, Error> {
        let Some(row) = snapshot.session(&session.session_id)? else { return Ok(None) };
        let filter = EligibilityFilter { config: self.config, affiliations };
        let repository = repository_in(snapshot, &row, &self.state)?;
        let tombstone = self.state.tombstones.get(&row.id);
        let Decision { eligibility, include_content, include_branch } =
            filter.decide(&repository, &self.state.project_overrides).unless_forgotten(tombstone);
        let Eligibility::Eligible { remote, inclusion, .. } = eligibility else { return Ok(None) };
        let rules = RepositoryRules { filter, overrides: &self.state.project_overrides };
        let fields = SessionFields::new(&row, remote, inclusion, &rules);
        let now = self.clock.now();
        let Some(cursor) = self.state.destination.sessions.get_mut(&row.id) else { return Ok(None) };
        self.fields_changed |= delta::record_fields(cursor, fields.hash(), now);
        Ok(Some(EligibleSession {
            fields,
            include_content,
            include_branch: include_branch && inclusion == Inclusion::Organization,
            rejected_rows: session.rejected_rows.clone(),
            rejected_tasks: session.rejected_tasks.clone(),
            omit_content: session.omit_content.clone(),
            apart: session.apart,
        }))
    }

    fn limits(&self) -> BatchLimits {
        let mut limits = limits::batch_limits(self.config, &self.state.destination, self.clock.now());
        self.bisection.restrict(&mut limits);
        limits.messages = limits.messages.max(1);
        limits
    }

    /// Makes the next batches smaller, because a batch was rejected or is suspect. Returns false if the item is alone.
    pub fn narrow(&mut self, batch: &Batch, is_too_large: bool, due: &mut VecDeque<DueSession>) -> bool {
        if is_too_large && batch.messages > 1 {
            limits::lower(&mut self.state.destination, batch.bytes(), false, self.clock.now());
        }
        self.bisection.narrow(batch, &self.state.destination, due)
    }

    /// Makes the next batches smaller, because the receiver rejected a session; the session comes first. Returns false if
    /// the rejected item is alone.
    pub fn narrow_session(&mut self, chunk: &SessionChunk, due: &mut VecDeque<DueSession>) -> bool {
        let is_narrowed = self.bisection.narrow_session(chunk, &self.state.destination, due);
        let index = due.iter().position(|session| session.session_id == chunk.session_id);
        if let Some(session) = index.filter(|_| is_narrowed).and_then(|index| due.remove(index)) {
            due.push_front(session);
        }
        is_narrowed
    }

    /// Replaces the client's report by one that counts the backlog as it is now.
    pub fn report_client(&mut self, report: ClientReport) {
        self.client_report = Some(report.at(self.finished.len(), self.acknowledged));
    }

    /// The compressed size up to which the receiver accepts a body.
    pub fn compressed_bytes_max(&self) -> Option<u64> {
        limits::compressed_bytes_max(&self.state.destination)
    }

    /// The encoding of the next batch.
    pub fn encoding(&self) -> ContentEncoding {
        limits::encoding(&self.state.destination, self.clock.now())
    }

    /// The payload of a batch that is sent after those `unacknowledged`.
    pub fn envelope(
        &self,
        batch: &Batch,
        unacknowledged: &[&Batch],
        now: DateTime<Utc>,
    ) -> Result<Envelope, Error> {
        let mut cursor = self.state.destination.cursor.clone();
        for before in unacknowledged {
            advance_wire_cursor(&mut cursor, before.chunks.last(), now);
        }
        let client = self.client_report.as_ref().map(|report| {
            let batches = || unacknowledged.iter().copied().chain([batch]);
            let is_last = |chunk: &&SessionChunk| !chunk.more && !self.finished.contains(&chunk.session_id);
            let last = batches().flat_map(|batch| &batch.chunks).filter(is_last);
            let finishing: HashSet<&str> = last.map(|chunk| chunk.session_id.as_str()).collect();
            let messages = batches().map(|batch| batch.messages as u64).sum::<u64>();
            report.after(self.finished.len() + finishing.len(), self.acknowledged + messages)
        });
        batch.envelope(&self.context(), &cursor, client.as_ref(), now)
    }

    /// The context of a batch that is read.
    fn reading_context<'c>(&'c self, affiliations: &'c Affiliations, reads_ahead: bool) -> BatchContext<'c> {
        let filter = EligibilityFilter { config: self.config, affiliations };
        let rules = RepositoryRules { filter, overrides: &self.state.project_overrides };
        let reading_ahead = self
            .bytes_per_message
            .filter(|_| reads_ahead)
            .map(|bytes_per_message| ReadingAhead { workers: &self.workers, bytes_per_message });
        BatchContext { rules: Some(rules), reading_ahead, ..self.context() }
    }

    /// The values that the payloads to the destination have in common.
    fn context(&self) -> BatchContext<'_> {
        let destination = &self.state.destination;
        BatchContext {
            client_id: &self.state.client_id,
            user_id: destination.user_id.as_deref().unwrap_or("unknown"),
            messages: &self.messages,
            reading_ahead: None,
            retained_since: retained_since(destination, self.clock.now()),
            watermark: destination.source.watermark,
            rules: None,
        }
    }

    /// Advances the cursors of the sessions in a batch that are `accepted`, and the destination's cursor. Returns the
    /// number of messages and tasks in these sessions' chunks.
    pub fn advance_cursors(
        &mut self,
        batch: &Batch,
        accepted: impl Fn(&str) -> bool,
        due: &mut VecDeque<DueSession>,
    ) -> (u64, u64) {
        let (mut messages, mut tasks) = (0, 0);
        for chunk in batch.chunks.iter().filter(|chunk| accepted(&chunk.session_id)) {
            chunk.advance_session_cursor(&mut self.state.destination);
            messages += chunk.messages as u64;
            tasks += chunk.tasks as u64;
            let Some(index) = due.iter().position(|session| session.session_id == chunk.session_id) else {
                continue;
            };
            due[index].rejected_in_succession = 0;
            if !chunk.more {
                self.finish_session(due, index);
            }
        }
        self.acknowledged += messages;
        let last = batch.chunks.iter().rfind(|chunk| accepted(&chunk.session_id));
        advance_wire_cursor(&mut self.state.destination.cursor, last, self.clock.now());
        (messages, tasks)
    }

    /// Removes a session that needs nothing more in this run from `due`, and its item from the queue unless any of the
    /// session was rejected.
    pub fn finish_session(&mut self, due: &mut VecDeque<DueSession>, index: usize) {
        let Some(finished) = due.remove(index).filter(|session| !session.is_rejected) else { return };
        self.finished.insert(finished.session_id.clone());
        if finished.enqueued_at.is_some() {
            self.changes
                .push(Change::Settled { session_id: finished.session_id, seen: finished.enqueued_at });
        }
    }
}

/// Exponential backoff, in batches, of reading ahead: han writes so often, or a thread cannot read.
#[derive(Debug, Default)]
struct ReadingAheadBackoff {
    /// Batches that one thread reads after the next failure.
    next: u32,
    /// Batches that one thread reads from now on.
    left: u32,
}

impl ReadingAheadBackoff {
    /// True if the next batch may be read ahead.
    fn is_due(&mut self) -> bool {
        let is_due = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_due
    }

    fn succeed(&mut self) {
        self.next = 0;
    }

    fn fail(&mut self) {
        self.left = self.next;
        self.next = (self.next * 2 + 1).min(BATCHES_ALONE_MAX);
    }
}

/// Advances a destination's cursor over a batch, of which `last` is the last acknowledged chunk.
fn advance_wire_cursor(cursor: &mut SyncCursor, last: Option<&SessionChunk>, now: DateTime<Utc>) {
    if let Some(last) = last {
        cursor.last_session_id = Some(last.session_id.clone());
        cursor.last_message_line_number = last.last_line.unwrap_or_default();
        cursor.last_sync_timestamp = time::format(now);
    }
}

/// Maps each session in unacknowledged batches to true if the last of its chunks leaves more to send.
fn has_more_after<'b>(unacknowledged: &[&'b Batch]) -> HashMap<&'b str, bool> {
    let chunks = unacknowledged.iter().flat_map(|batch| &batch.chunks);
    chunks.map(|chunk| (chunk.session_id.as_str(), chunk.more)).collect()
}

/// The cursor of a session after the acknowledgement of the batches `unacknowledged`.
fn cursor_after<'c>(
    cursor: &'c SessionCursor,
    session_id: &str,
    unacknowledged: &[&Batch],
) -> Cow<'c, SessionCursor> {
    let mut cursor = Cow::Borrowed(cursor);
    let chunks = unacknowledged.iter().flat_map(|batch| &batch.chunks);
    for chunk in chunks.filter(|chunk| chunk.session_id == session_id) {
        chunk.advance_cursor(cursor.to_mut());
    }
    cursor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_one_thread_double_with_each_failure_to_read_ahead() {
        let mut backoff = ReadingAheadBackoff::default();
        for alone in [0, 1, 3, 7, 15, 31, 31] {
            assert!(backoff.is_due());
            backoff.fail();
            assert_eq!((0..alone).filter(|_| backoff.is_due()).count(), 0, "{alone}");
        }
        assert!(backoff.is_due());
        backoff.succeed();
        assert!(backoff.is_due());
        backoff.fail();
        assert!(backoff.is_due(), "a success forgets the failures before it");
    }
}
