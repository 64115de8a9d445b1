//! The chunk builder: takes the delta of one session, as far as the limits allow.
//!
//! Tasks go first, because a receiver must not wait for them behind a long history; then rows that were rejected before,
//! then new rows in the order of their row ids. A row is taken or left as a whole.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::batch::chunk::{Adjustments, CursorAdvance, SessionChunk, SingleMessage};
use crate::exporter::batch::context::{BatchContext, BatchLimits, EligibleSession};
use crate::exporter::batch::envelope::{SessionHeader, SessionTrailer, open_object};
use crate::exporter::batch::message::bounds::{bound_message, bound_task_text};
use crate::exporter::batch::message::{MadeMessage, make_message, omit_content};
use crate::exporter::batch::read_ahead::{CandidateRow, ReadAhead, ReadRow};
use crate::exporter::batch::redact::Counts;
use crate::exporter::error::Error;
use crate::exporter::plan::delta;
use crate::exporter::plan::pull_request::SessionPullRequest;
use crate::exporter::source::{MessageRow, Snapshot};
use crate::exporter::state::SessionCursor;
use crate::protocol::{SyncMessage, SyncTask};
use crate::{short_hash, time};

/// A chunk under construction.
pub(super) struct ChunkBuilder<'a> {
    context: &'a BatchContext<'a>,
    snapshot: &'a Snapshot<'a>,
    session: &'a EligibleSession,
    cursor: &'a SessionCursor,
    redactions: Counts,
    messages: JsonList,
    tasks: JsonList,
    last_line: Option<i64>,
    /// Pull request of the last line in the chunk that names one.
    linked: Option<SessionPullRequest>,
    only_message: Option<SingleMessage>,
    only_task: Option<u64>,
    newest_at: Option<DateTime<Utc>>,
    /// Time of the last new row that was read, in place of one that cannot be parsed.
    last_time: Option<String>,
    adjustments: Adjustments,
    more: bool,
    advance: CursorAdvance,
}

impl<'a> ChunkBuilder<'a> {
    pub(super) fn new(
        context: &'a BatchContext<'a>,
        snapshot: &'a Snapshot<'a>,
        session: &'a EligibleSession,
        cursor: &'a SessionCursor,
    ) -> ChunkBuilder<'a> {
        ChunkBuilder {
            context,
            snapshot,
            session,
            cursor,
            redactions: Counts::default(),
            messages: JsonList::default(),
            tasks: JsonList::default(),
            last_line: None,
            linked: None,
            only_message: None,
            only_task: None,
            newest_at: cursor.newest_at,
            last_time: None,
            adjustments: Adjustments::default(),
            more: false,
            advance: CursorAdvance { rowid: cursor.rowid, fields: cursor.fields, ..CursorAdvance::default() },
        }
    }

    /// Takes the session's delta within the limits. `may_exceed`: the chunk is the batch's first, so that one message may
    /// exceed them, or it would never be sent.
    pub(super) fn fill(&mut self, limits: &BatchLimits, may_exceed: bool) -> Result<(), Error> {
        let all_tasks_fit = self.take_tasks(limits)?;
        let retried: Vec<i64> =
            self.cursor.refused.difference(&self.session.rejected_rows).copied().collect();
        let without_messages = self.session.apart && (self.tasks.count > 0 || !self.cursor.fields_sent);
        if !all_tasks_fit || without_messages {
            let messages_wait = self.cursor.seen_rowid > self.cursor.rowid || !retried.is_empty();
            self.more = !all_tasks_fit || messages_wait;
            return Ok(());
        }
        for rowid in retried {
            self.take_rejected_row(rowid, limits, may_exceed)?;
            if self.more {
                return Ok(());
            }
        }
        self.take_new_rows(limits, may_exceed)
    }

    /// Takes the tasks that the receiver does not have as they are. Returns true if all of them fitted.
    fn take_tasks(&mut self, limits: &BatchLimits) -> Result<bool, Error> {
        let include_content = self.session.include_content;
        let mut known = BTreeSet::new();
        let mut all_fit = true;
        for row in self.snapshot.tasks_of(self.session_id(), include_content)? {
            let task = delta::sync_task(row, include_content);
            let hash = delta::task_hash(&task);
            self.newest_at = self.newest_at.max(time::parse(&task.updated_at));
            if self.cursor.tasks.contains(&hash) {
                known.insert(hash);
                continue;
            }
            if self.session.rejected_tasks.contains(&hash) {
                continue;
            }
            let is_full = self.tasks.json.len() >= limits.bytes || self.tasks.count >= limits.tasks;
            if self.tasks.count > 0 && is_full {
                all_fit = false;
                continue;
            }
            let task = self.redact_task(task);
            self.tasks.push(&task)?;
            self.only_task = (self.tasks.count == 1).then_some(hash);
            known.insert(hash);
        }
        self.advance.tasks = Some(known);
        Ok(all_fit)
    }

    /// Redacts a task's texts, and then cuts them: a secret that is cut would not be recognised.
    fn redact_task(&mut self, mut task: SyncTask) -> SyncTask {
        if let Some(filter) = self.context.content_filter.filter(|_| self.session.include_content) {
            for text in [Some(&mut task.subject), task.description.as_mut()].into_iter().flatten() {
                *text = filter.text(text, &mut self.redactions);
            }
        }
        bound_task_text(&mut task.subject);
        if let Some(description) = &mut task.description {
            bound_task_text(description);
        }
        task
    }

    /// Takes a row from before the cursor that the receiver rejected, if it still exists.
    fn take_rejected_row(&mut self, rowid: i64, limits: &BatchLimits, may_exceed: bool) -> Result<(), Error> {
        let snapshot = self.snapshot;
        let mut taken = Ok(ControlFlow::Continue(()));
        snapshot.message(self.session_id(), rowid, |row| {
            taken = self.take_alone(row, limits, may_exceed);
            ControlFlow::Break(())
        })?;
        match taken? {
            ControlFlow::Continue(()) => self.advance.no_longer_rejected.push(rowid),
            ControlFlow::Break(()) => self.more = true,
        }
        Ok(())
    }

    fn take_new_rows(&mut self, limits: &BatchLimits, may_exceed: bool) -> Result<(), Error> {
        let snapshot = self.snapshot;
        let mut rows = ReadAhead::default();
        let mut taken = Ok(ControlFlow::Continue(()));
        snapshot.messages_after(self.session_id(), self.cursor.rowid, |row| {
            taken = self.take_new_row(row, &mut rows, limits, may_exceed);
            if matches!(taken, Ok(ControlFlow::Continue(()))) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        if taken?.is_continue() {
            let _ = self.take_read_rows(&mut rows, limits, may_exceed)?;
        }
        Ok(())
    }

    /// Reads a new row, and takes those that were read as soon as there are enough of them.
    fn take_new_row(
        &mut self,
        row: MessageRow,
        rows: &mut ReadAhead,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> Result<ControlFlow<()>, Error> {
        if self.messages.count >= limits.messages {
            self.more = true;
            return Ok(ControlFlow::Break(()));
        }
        let is_after_scan = row.rowid > self.context.watermark;
        let sampled_row = is_after_scan.then(|| (row.rowid, short_hash::of_text(&row.message.id)));
        let rowid = row.rowid;
        // Without content, to make a message of a few kilobytes costs no more than a copy of its row for another thread.
        if !self.session.include_content || ReadAhead::is_too_large(&row) {
            if self.take_read_rows(rows, limits, may_exceed)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let taken = self.take_alone(row, limits, may_exceed)?;
            self.pass(rowid, sampled_row, taken);
            return Ok(taken);
        }
        let candidate = self.candidate(row)?;
        rows.push(ReadRow { rowid, sampled_row, candidate });
        let messages = limits.messages.saturating_sub(self.messages.count);
        if rows.is_full(messages, limits.bytes.saturating_sub(self.bytes())) {
            return self.take_read_rows(rows, limits, may_exceed);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes the rows that were read, in their order; breaks where the limits leave no room for one.
    fn take_read_rows(
        &mut self,
        rows: &mut ReadAhead,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> Result<ControlFlow<()>, Error> {
        if rows.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        for (row, made) in rows.take(self.context, self.session) {
            let taken = match row.candidate.zip(made) {
                Some((candidate, made)) => self.take_message(candidate, made, limits, may_exceed)?,
                None => ControlFlow::Continue(()),
            };
            self.pass(row.rowid, row.sampled_row, taken);
            if taken.is_break() {
                return Ok(taken);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Moves the cursor over a new row that was taken or skipped; otherwise more is left.
    fn pass(&mut self, rowid: i64, sampled_row: Option<(i64, u64)>, taken: ControlFlow<()>) {
        if taken.is_break() {
            self.more = true;
            return;
        }
        self.advance.rowid = rowid;
        self.advance.sampled_row = sampled_row;
    }

    /// Takes a row by itself, or breaks where the limits leave no room for it.
    fn take_alone(
        &mut self,
        row: MessageRow,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> Result<ControlFlow<()>, Error> {
        let Some(mut candidate) = self.candidate(row)? else { return Ok(ControlFlow::Continue(())) };
        let made = make_message(&mut candidate.row, self.context, self.session);
        self.take_message(candidate, made, limits, may_exceed)
    }

    /// A row with its id and time as they are sent. `None` for a row that is skipped: one that han inserted before under another
    /// made-up id, and one that is older than the receiver's retention.
    fn candidate<'r>(&mut self, mut row: MessageRow<'r>) -> Result<Option<CandidateRow<'r>>, Error> {
        let mut adjusted = Vec::new();
        let mut written_at = time::parse(&row.message.timestamp);
        if written_at.is_none() {
            row.message.timestamp = self.time_of_neighbour(row.rowid)?;
            written_at = time::parse(&row.message.timestamp);
            adjusted.push("timestamp");
        }
        if row.rowid > self.cursor.rowid {
            self.last_time = Some(row.message.timestamp.clone());
        }
        let stable_id = (!row.has_own_id()).then(|| row.stable_id(self.session_id()));
        if self.is_expired(written_at)
            || (stable_id.is_some() && self.snapshot.has_earlier_duplicate(self.session_id(), &row)?)
        {
            return Ok(None);
        }
        if let Some(id) = stable_id {
            row.message.id = id;
        }
        Ok(Some(CandidateRow { row, written_at, adjusted }))
    }

    /// Takes the message of a row, or breaks where the limits leave no room for it.
    fn take_message(
        &mut self,
        mut candidate: CandidateRow,
        made: MadeMessage,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> Result<ControlFlow<()>, Error> {
        if self.messages.count >= limits.messages {
            return Ok(ControlFlow::Break(()));
        }
        let MadeMessage { mut message, mut redactions, linked } = made;
        candidate.adjusted.extend(bound_message(&mut message));
        let end = self.messages.json.len();
        self.messages.push(&message)?;
        let is_alone = self.messages.count == 1 && self.tasks.count == 0;
        if self.bytes() > limits.bytes && !(may_exceed && is_alone) {
            self.messages.pop(end);
            return Ok(ControlFlow::Break(()));
        }
        if self.messages.json.len() - end > limits.bytes_max && message.content.is_some() {
            self.messages.pop(end);
            omit_content(&mut message, &candidate.row, self.context);
            redactions = Counts::default();
            self.messages.push(&message)?;
        }
        self.redactions.merge(&redactions);
        self.record(&message, candidate.written_at);
        self.linked = linked.or(self.linked.take());
        let rowid = candidate.row.rowid;
        if !candidate.adjusted.is_empty() {
            self.adjustments.rows += 1;
            self.adjustments.first.get_or_insert((rowid, candidate.adjusted));
        }
        let has_content = message.content.is_some();
        let is_only = self.messages.count == 1;
        self.only_message = is_only.then_some(SingleMessage { rowid, id: message.id, has_content });
        Ok(ControlFlow::Continue(()))
    }

    /// Bytes of the messages and tasks so far.
    fn bytes(&self) -> usize {
        self.tasks.json.len() + self.messages.json.len()
    }

    /// The time of the nearest earlier row of the session whose time can be parsed; without one, that of the nearest
    /// later row.
    fn time_of_neighbour(&self, rowid: i64) -> Result<String, Error> {
        let before = self.last_time.clone().filter(|_| rowid > self.cursor.rowid);
        let is_time = |text: &str| time::parse(text).is_some();
        let neighbour = match before {
            Some(time) => Some(time),
            None => self.snapshot.nearest_time(self.session_id(), rowid, is_time)?,
        };
        Ok(neighbour.unwrap_or_else(|| delta::NO_TIME.to_owned()))
    }

    fn is_expired(&self, written_at: Option<DateTime<Utc>>) -> bool {
        self.context.retained_since.is_some_and(|since| written_at.is_some_and(|at| at < since))
    }

    /// Records a taken message in the change of the cursor.
    fn record(&mut self, message: &SyncMessage, written_at: Option<DateTime<Utc>>) {
        // An unreadable time sorts before all others.
        self.newest_at = self.newest_at.max(Some(written_at.unwrap_or_default()));
        self.last_line = Some(message.line_number);
        self.advance.messages += 1;
        self.advance.digest = self.advance.digest.wrapping_add(short_hash::of_text(&message.id));
        let stream = message.stream.as_deref().unwrap_or_default();
        match self.advance.streams.get_mut(stream) {
            Some(line) => *line = (*line).max(message.line_number),
            None => drop(self.advance.streams.insert(stream.to_owned(), message.line_number)),
        }
    }

    /// Appends the session to a JSON list of sessions, unless nothing in the chunk is for the receiver.
    pub(super) fn finish(mut self, sessions: &mut Vec<u8>) -> Result<SessionChunk, Error> {
        let is_empty = self.messages.count == 0 && self.tasks.count == 0 && self.cursor.fields_sent;
        let bytes = if is_empty { 0 } else { self.write_session(sessions)? };
        self.advance.newest_at = self.newest_at.filter(|_| self.messages.count > 0);
        Ok(SessionChunk {
            session_id: self.session.fields.id.clone(),
            messages: self.messages.count,
            tasks: self.tasks.count,
            bytes,
            last_line: self.last_line,
            redactions: self.redactions,
            more: self.more,
            only_message: self.only_message,
            only_task: self.only_task,
            new_fields: !self.cursor.fields_sent,
            adjustments: self.adjustments,
            advance: self.advance,
        })
    }

    /// Appends the session to a JSON list of sessions. Returns its bytes.
    fn write_session(&self, sessions: &mut Vec<u8>) -> Result<usize, Error> {
        let fields = &self.session.fields;
        let fields_seen = self.cursor.fields_seen_at;
        // Rows that han inserted again are no messages: with the last chunk of a session the total is exact.
        let after = self.snapshot.count_after(&fields.id, self.advance.rowid)?;
        let rejected = self.cursor.refused.len() - self.advance.no_longer_rejected.len();
        let known = self.cursor.messages + self.messages.count as u64;
        // han's own column wins over the transcript's lines.
        let pull_request = fields.pull_request.as_ref().or(self.linked.as_ref());
        let header = SessionHeader {
            id: &fields.id,
            project_slug: fields.remote.repo(),
            repo_remote: fields.remote.url(),
            status: &fields.status,
            slug: fields.slug.as_deref(),
        };
        let trailer = SessionTrailer {
            last_modified: time::format_exact(self.newest_at.max(fields_seen).unwrap_or_default()),
            total_message_count: known + rejected as u64 + after,
            inclusion: fields.inclusion,
            harness: fields.harness.as_deref(),
            pr_number: pull_request.map(|request| request.number),
            pr_url: pull_request.map(|request| request.url.as_str()),
            team_name: fields.team_name.as_deref(),
        };
        if !sessions.is_empty() {
            sessions.push(b',');
        }
        let start = sessions.len();
        open_object(sessions, &header).context("cannot serialize a session")?;
        sessions.extend_from_slice(b",\"messages\":[");
        sessions.extend_from_slice(&self.messages.json);
        sessions.extend_from_slice(b"],\"tasks\":[");
        sessions.extend_from_slice(&self.tasks.json);
        sessions.extend_from_slice(b"],");
        let trailer = serde_json::to_vec(&trailer).context("cannot serialize a session")?;
        sessions.extend_from_slice(&trailer[1..]);
        Ok(sessions.len() - start)
    }

    fn session_id(&self) -> &'a str {
        &self.session.fields.id
    }
}

/// Elements of a JSON list, serialized.
#[derive(Debug, Default)]
struct JsonList {
    json: Vec<u8>,
    count: usize,
}

impl JsonList {
    fn push<T: Serialize>(&mut self, element: &T) -> Result<(), Error> {
        if self.count > 0 {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut self.json, element).context("cannot serialize a message or task")?;
        self.count += 1;
        Ok(())
    }

    /// Removes the last element. `end`: length of the list before it.
    fn pop(&mut self, end: usize) {
        self.json.truncate(end);
        self.count -= 1;
    }
}
