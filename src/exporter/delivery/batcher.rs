//! Cutting batches off the work, one after the other, and moving cursors over what was acknowledged.
//!
//! A run and `preview` use the same cutter, so that what is shown is what is sent. It works on a state in memory; it
//! neither sends nor saves. Each batch comes from one short snapshot, in which eligibility is decided once more.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::backoff;
use crate::exporter::batch::envelope::Envelope;
use crate::exporter::batch::redact::Redactor;
use crate::exporter::batch::{Batch, BatchContext, BatchLimits, EligibleSession};
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::error::Error;
use crate::exporter::plan::delta::{self, SessionFields};
use crate::exporter::plan::eligibility::{Affiliations, Eligibility};
use crate::exporter::plan::scan::Filter;
use crate::exporter::source::{Snapshot, Source};
use crate::exporter::state::queue::Change;
use crate::exporter::state::{Destination, LearnedLimit, SessionCursor, State};
use crate::protocol::{Limits, SyncCursor};
use crate::time;

/// What one batch needs beside its sessions: head, cursor, checksum.
pub const HEAD_BYTES: usize = 1024;
/// A limit that was learned from time-outs or refusals is forgotten after a day, for lines get better.
const LEARNED_FOR: Duration = Duration::from_secs(24 * 3600);

/// One session to send.
#[derive(Debug, Clone)]
pub struct PendingSession {
    pub session_id: String,
    /// When its queue item was made, where it has one.
    pub enqueued_at: Option<DateTime<Utc>>,
    pub data_mark: String,
    /// Rows and tasks that the receiver refused in this run, each by itself.
    pub refused_rows: BTreeSet<i64>,
    pub refused_tasks: BTreeSet<u64>,
    /// Something of it was refused in this run.
    pub refused: bool,
    /// Rows that go without content, because the receiver found them too large.
    pub omit_content: BTreeSet<i64>,
    /// Fields and tasks go apart from messages.
    pub apart: bool,
}

impl PendingSession {
    pub fn new(session_id: String, enqueued_at: Option<DateTime<Utc>>, data_mark: String) -> PendingSession {
        PendingSession {
            session_id,
            enqueued_at,
            data_mark,
            refused_rows: BTreeSet::new(),
            refused_tasks: BTreeSet::new(),
            refused: false,
            omit_content: BTreeSet::new(),
            apart: false,
        }
    }
}

/// While the culprit of a refused batch is looked for: batches stay small until the refused one has passed.
#[derive(Debug, Clone)]
pub struct Search {
    pub sessions: usize,
    pub messages: usize,
    pub tasks: usize,
    /// Where the batch ended that was refused first: its last session, and the rowid of that session's last message
    /// (the highest of all, where it had none that was new).
    pub until: (String, i64),
}

/// What batches are cut with, and what has become of the work.
#[derive(Debug)]
pub struct Batcher<'a> {
    pub config: &'a Config,
    pub clock: &'a Clock,
    pub redactor: Option<&'a Redactor>,
    pub state: State,
    pub search: Option<Search>,
    /// Sessions of which nothing is left to send.
    pub delivered: HashSet<String>,
    /// Changes of the queue that are not written yet.
    pub changes: Vec<Change>,
    /// Fields of a session have changed, and the state on disk knows others.
    pub fields_changed: bool,
}

impl<'a> Batcher<'a> {
    pub fn new(
        config: &'a Config,
        clock: &'a Clock,
        redactor: Option<&'a Redactor>,
        state: State,
    ) -> Batcher<'a> {
        Batcher {
            config,
            clock,
            redactor,
            state,
            search: None,
            delivered: HashSet::new(),
            changes: Vec::new(),
            fields_changed: false,
        }
    }

    /// Cuts the next batch from the front of the work. PendingSession that turns out to be nothing is taken off.
    ///
    /// `ahead`: batches that were cut before and are not acknowledged yet; this one is cut as if they were. As soon as
    /// anything is not as usual, nothing more is cut until they are.
    pub fn cut(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        work: &mut VecDeque<PendingSession>,
        ahead: &[&Batch],
    ) -> Result<Option<Batch>, Error> {
        if !ahead.is_empty() && self.search.is_some() {
            return Ok(None);
        }
        let more_after = more_after(ahead);
        if self.search.as_ref().is_some_and(|search| self.is_past(&search.until, work)) {
            self.search = None;
        }
        let room = self.room();
        let snapshot = source.snapshot()?;
        let mut batch = Batch::default();
        let mut next = 0;
        while next < work.len() && batch.has_capacity(&room) {
            let session_id = &work[next].session_id;
            let is_underway = match more_after.get(session_id.as_str()) {
                Some(false) => {
                    next += 1;
                    continue;
                }
                more => more.is_some(),
            };
            let eligible = self.still_eligible(&snapshot, affiliations, &work[next])?;
            let destination = &self.state.destination;
            let cursor = destination.sessions.get(&work[next].session_id);
            let (Some(eligible), Some(cursor)) = (eligible, cursor) else {
                if !ahead.is_empty() {
                    break;
                }
                self.settle(work, next);
                continue;
            };
            let cursor = if is_underway {
                Cow::Owned(cursor_after(cursor, &eligible.fields.id, ahead))
            } else {
                Cow::Borrowed(cursor)
            };
            let payloads = payloads(&self.state, destination, self.redactor);
            let part = batch.add(&payloads, &snapshot, &eligible, &cursor, &room)?;
            if !part.is_empty() {
                let more = part.more;
                next += 1;
                if more {
                    break;
                }
                continue;
            }
            // Nothing for the receiver: only rows that han stored again, or no room for the first row.
            let Some(part) = batch.chunks.pop() else { break };
            if !ahead.is_empty() || (part.more && !batch.chunks.is_empty()) {
                break;
            }
            part.acknowledge(&mut self.state.destination);
            if !part.more {
                self.settle(work, next);
            }
        }
        Ok((!batch.chunks.is_empty()).then_some(batch))
    }

    /// Whether nothing is left to send of a session up to a rowid.
    fn is_past(&self, (session_id, rowid): &(String, i64), work: &VecDeque<PendingSession>) -> bool {
        let cursor = self.state.destination.sessions.get(session_id);
        !work.iter().any(|work| work.session_id == *session_id) || cursor.is_some_and(|it| it.rowid >= *rowid)
    }

    /// A batch was refused as a whole: makes the next ones smaller, by halves, until its culprit stands alone. False
    /// where there is nothing left to halve.
    pub fn halve(&mut self, batch: &Batch, is_too_large: bool, work: &mut VecDeque<PendingSession>) -> bool {
        if is_too_large && batch.messages > 1 {
            self.learn_limit(batch.chunks.iter().map(|part| part.bytes).sum(), false);
        }
        let sessions = batch.chunks.len();
        if sessions > 1 {
            self.search(batch, sessions / 2, usize::MAX, usize::MAX);
            return true;
        }
        let Some(part) = batch.chunks.first() else { return false };
        let Some(work) = work.iter_mut().find(|work| work.session_id == part.session_id) else {
            return false;
        };
        if part.messages > 1 {
            work.apart = true;
            self.search(batch, 1, part.messages / 2, usize::MAX);
        } else if part.messages == 1 && (part.tasks > 0 || part.new_fields) && !work.apart {
            work.apart = true;
            self.search(batch, 1, 1, usize::MAX);
        } else if part.messages == 0 && part.tasks > 1 {
            work.apart = true;
            self.search(batch, 1, usize::MAX, part.tasks / 2);
        } else if let Some((rowid, true)) = part.only_message {
            work.omit_content.insert(rowid);
        } else {
            return false;
        }
        true
    }

    /// Bytes of a compressed body that the receiver takes.
    pub fn body_bytes_max(&self) -> Option<u64> {
        limits(&self.state.destination).max_body_bytes
    }

    /// Looks for the culprit of a refused batch in smaller ones.
    fn search(&mut self, batch: &Batch, sessions: usize, messages: usize, tasks: usize) {
        let Some(last) = batch.chunks.last() else { return };
        let until = match self.search.take() {
            Some(search) => search.until,
            None => {
                let rowid =
                    self.state.destination.sessions.get(&last.session_id).map_or(0, |cursor| cursor.rowid);
                (last.session_id.clone(), last.last_rowid().filter(|last| *last > rowid).unwrap_or(i64::MAX))
            }
        };
        self.search = Some(Search { sessions, messages, tasks, until });
    }

    /// What may be sent of a session, by the same snapshot that its rows come from.
    fn still_eligible(
        &mut self,
        snapshot: &Snapshot,
        affiliations: &Affiliations,
        work: &PendingSession,
    ) -> Result<Option<EligibleSession>, Error> {
        let Some(row) = snapshot.session(&work.session_id)? else { return Ok(None) };
        let filter = Filter { config: self.config, affiliations };
        let known = self.state.last_known_repository(&row.id).map(str::to_owned);
        let (eligibility, with_content) = filter.decide(&row, known.as_deref(), &self.state);
        let Eligibility::Eligible { remote, inclusion, .. } = eligibility else { return Ok(None) };
        let fields = SessionFields::new(&row, remote, inclusion);
        let now = self.clock.now();
        if let Some(cursor) = self.state.destination.sessions.get_mut(&row.id) {
            self.fields_changed |= delta::note_fields(cursor, &fields.hash(), now);
        }
        Ok(Some(EligibleSession {
            fields,
            include_content: with_content,
            rejected_rows: work.refused_rows.clone(),
            rejected_tasks: work.refused_tasks.clone(),
            omit_content: work.omit_content.clone(),
            apart: work.apart,
        }))
    }

    /// Takes a session off the work; nothing of it waits any more, unless something was refused.
    pub fn settle(&mut self, work: &mut VecDeque<PendingSession>, index: usize) {
        let Some(done) = work.remove(index) else { return };
        if !done.refused {
            self.delivered.insert(done.session_id.clone());
            if done.enqueued_at.is_some() {
                self.changes.push(Change::Settled { session_id: done.session_id, seen: done.enqueued_at });
            }
        }
    }

    /// How much the next batch may hold.
    fn room(&self) -> BatchLimits {
        let destination = &self.state.destination;
        let limits = limits(destination);
        let bytes_max = limits.max_inflated_bytes.map_or(usize::MAX, |bytes| bytes as usize);
        let bytes_max = bytes_max.saturating_sub(HEAD_BYTES).max(1);
        let mut room = BatchLimits {
            sessions: usize::MAX,
            messages: self.config.batch_messages,
            tasks: usize::MAX,
            bytes: self.config.batch_bytes.min(bytes_max),
            bytes_max,
        };
        if let Some(messages) = limits.max_messages {
            room.messages = room.messages.min(messages as usize);
        }
        if let Some(learned) = destination.learned_limit
            && !backoff::is_due(
                learned.learned_at.map(|at| backoff::after(at, LEARNED_FOR)),
                self.clock.now(),
                LEARNED_FOR,
            )
        {
            room.bytes = room.bytes.min(learned.bytes);
        }
        if let Some(search) = &self.search {
            room.sessions = search.sessions;
            room.messages = room.messages.min(search.messages);
            room.tasks = search.tasks;
        }
        room.messages = room.messages.max(1);
        room.bytes = room.bytes.max(1);
        room
    }

    /// The payload of a batch as it is to be sent after those `ahead`.
    pub fn document(&self, batch: &Batch, ahead: &[&Batch], now: DateTime<Utc>) -> Result<Envelope, Error> {
        let destination = &self.state.destination;
        let mut cursor = destination.cursor.clone();
        for before in ahead {
            advance(&mut cursor, before, now);
        }
        batch.envelope(&payloads(&self.state, destination, self.redactor), &cursor, now)
    }

    /// Remembers that so many bytes were too many: the next batches hold half of them.
    pub fn learn_limit(&mut self, bytes: usize, is_slow: bool) {
        let now = self.clock.now();
        let bytes = (bytes / 2).max(HEAD_BYTES);
        self.state.destination.learned_limit = Some(LearnedLimit { bytes, is_slow, learned_at: Some(now) });
    }

    /// A batch passed with ease: if it was kept small because the line was slow, the next ones may hold twice as much.
    pub fn ease_limit(&mut self) {
        let bytes_max = self.config.batch_bytes;
        let limit = &mut self.state.destination.learned_limit;
        if let Some(learned) = limit.as_mut().filter(|learned| learned.is_slow) {
            learned.bytes = learned.bytes.saturating_mul(2);
            if learned.bytes >= bytes_max {
                *limit = None;
            }
        }
    }

    /// Moves the cursors over the parts of a batch that `is_taken`, and the destination's place with them. Returns the
    /// messages and tasks in these parts.
    pub fn acknowledge(
        &mut self,
        batch: &Batch,
        is_taken: impl Fn(&str) -> bool,
        work: &mut VecDeque<PendingSession>,
    ) -> (u64, u64) {
        let (mut messages, mut tasks) = (0, 0);
        for part in batch.chunks.iter().filter(|part| is_taken(&part.session_id)) {
            part.acknowledge(&mut self.state.destination);
            messages += part.messages as u64;
            tasks += part.tasks as u64;
            let place = work.iter().position(|work| work.session_id == part.session_id);
            if let Some(place) = place.filter(|_| !part.more) {
                self.settle(work, place);
            }
        }
        let now = self.clock.now();
        advance(&mut self.state.destination.cursor, batch, now);
        (messages, tasks)
    }
}

/// Moves a destination's place over an acknowledged batch.
fn advance(cursor: &mut SyncCursor, batch: &Batch, now: DateTime<Utc>) {
    if let Some(last) = batch.chunks.last() {
        cursor.last_session_id = Some(last.session_id.clone());
        cursor.last_message_line_number = last.last_line.unwrap_or_default();
        cursor.last_sync_timestamp = time::format(now);
    }
}

/// The sessions in batches that are under way, and whether more of them is to be sent after these.
fn more_after<'b>(ahead: &[&'b Batch]) -> HashMap<&'b str, bool> {
    let parts = ahead.iter().flat_map(|batch| &batch.chunks);
    parts.map(|part| (part.session_id.as_str(), part.more)).collect()
}

/// The cursor of a session as it becomes when what is under way is acknowledged.
fn cursor_after(cursor: &SessionCursor, session_id: &str, ahead: &[&Batch]) -> SessionCursor {
    let mut cursor = cursor.clone();
    let parts = ahead.iter().flat_map(|batch| &batch.chunks);
    parts.filter(|part| part.session_id == session_id).for_each(|part| part.advance_cursor(&mut cursor));
    cursor
}

/// What the batches to a destination have in common.
fn payloads<'a>(
    state: &'a State,
    destination: &'a Destination,
    redactor: Option<&'a Redactor>,
) -> BatchContext<'a> {
    let identity = destination.identity.as_ref().and_then(|learned| learned.identity.as_ref());
    BatchContext {
        client_id: &state.client_id,
        user_id: destination.user_id.as_deref().unwrap_or("unknown"),
        secret: &state.client_secret,
        redactor,
        retained_since: identity
            .and_then(|identity| identity.retained_since.as_deref())
            .and_then(time::parse),
        watermark: destination.source.watermark,
    }
}

fn limits(destination: &Destination) -> Limits {
    let identity = destination.identity.as_ref().and_then(|learned| learned.identity.as_ref());
    identity.map(|identity| identity.limits.clone()).unwrap_or_default()
}
