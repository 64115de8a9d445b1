//! The unfinished chunk: the rows that may be in it are listed, and their messages are taken one after the other.
//!
//! Messages are taken in the order of their rows, each as a whole, until one does not fit: the cursor stops before it.
//! Ranges of rows are read here, or were read by another thread meanwhile.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::batch::chunk::{Adjustments, CursorAdvance, SessionChunk, SingleMessage};
use crate::exporter::batch::context::{BatchContext, BatchLimits, EligibleSession};
use crate::exporter::batch::envelope::{SessionHeader, SessionTrailer, open_object};
use crate::exporter::batch::message::MadeMessage;
use crate::exporter::batch::message::row_reader::{MadeRow, MadeRows, RowNotes, RowRange, RowReader};
use crate::exporter::batch::redact::Counts;
use crate::exporter::batch::workers::{WorkHandle, Workers};
use crate::exporter::error::Error;
use crate::exporter::plan::pull_request::SessionPullRequest;
use crate::exporter::source::{Snapshot, Source};
use crate::exporter::state::SessionCursor;
use crate::time;

/// A chunk whose messages are not all taken yet.
#[derive(Debug)]
pub struct UnfinishedChunk {
    session: Arc<EligibleSession>,
    reader: RowReader,
    /// Ranges of rows that are not taken, in their order.
    ranges: VecDeque<ListedRange>,
    /// Number of rows that are taken, those that are skipped among them.
    rows_taken: usize,
    /// Serialized messages.
    pub messages: JsonList,
    /// Serialized tasks.
    pub tasks: JsonList,
    pub redactions: Counts,
    last_line: Option<i64>,
    /// Pull request of the last line in the chunk that names one.
    linked: Option<SessionPullRequest>,
    only_message: Option<SingleMessage>,
    pub only_task: Option<u64>,
    pub newest_at: Option<DateTime<Utc>>,
    adjustments: Adjustments,
    pub more: bool,
    pub advance: CursorAdvance,
    /// True if the receiver has the session's fields as they are.
    fields_sent: bool,
    /// True if the session has no rows behind those that are taken or listed.
    pub lists_all: bool,
    fields_seen_at: Option<DateTime<Utc>>,
    /// Messages of the session that the receiver has or has rejected, before this chunk.
    messages_before: u64,
}

/// Rows whose messages are to be taken.
#[derive(Debug)]
pub struct ListedRange {
    range: RowRange,
    /// Number of rows.
    pub rows: usize,
    /// Present if another thread makes the messages.
    made: Option<WorkHandle<Result<MadeRows, Error>>>,
    /// True for the rest of a range, which this thread reads: a large row may come first.
    is_rest: bool,
}

impl ListedRange {
    /// Lets another thread read the rows and make their messages, if none does.
    pub fn read_ahead(&mut self, reader: &RowReader, workers: &Workers) -> Result<(), Error> {
        if self.made.is_none() && !self.is_rest {
            let (reader, range) = (reader.clone(), self.range);
            let read = move |source: &Source| reader.read_ahead(&source.snapshot()?, range);
            self.made = Some(workers.submit_read(read)?);
        }
        Ok(())
    }
}

impl UnfinishedChunk {
    pub fn new(session: &Arc<EligibleSession>, reader: RowReader, cursor: &SessionCursor) -> UnfinishedChunk {
        UnfinishedChunk {
            session: session.clone(),
            reader,
            ranges: VecDeque::new(),
            rows_taken: 0,
            messages: JsonList::default(),
            tasks: JsonList::default(),
            redactions: Counts::default(),
            last_line: None,
            linked: None,
            only_message: None,
            only_task: None,
            newest_at: cursor.newest_at,
            adjustments: Adjustments::default(),
            more: false,
            advance: CursorAdvance { rowid: cursor.rowid, fields: cursor.fields, ..CursorAdvance::default() },
            fields_sent: cursor.fields_sent,
            lists_all: false,
            fields_seen_at: cursor.fields_seen_at,
            messages_before: cursor.messages + cursor.refused.len() as u64,
        }
    }

    /// True if nothing in it is for the receiver, as far as it is taken.
    fn is_empty(&self) -> bool {
        self.messages.count == 0 && self.tasks.count == 0 && self.fields_sent
    }

    /// Number of rows that are taken or listed.
    pub fn rows(&self) -> usize {
        self.rows_taken + self.ranges.iter().map(|range| range.rows).sum::<usize>()
    }

    /// Number of ranges that are left to take.
    pub fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// Bytes of the messages and tasks that are taken.
    pub fn bytes(&self) -> usize {
        self.tasks.json.len() + self.messages.json.len()
    }

    /// Adds a range of so many rows behind the others.
    pub fn push(&mut self, range: RowRange, rows: usize) {
        self.ranges.push_back(ListedRange { range, rows, made: None, is_rest: false });
    }

    /// The ranges that are not taken, each with the reader of its rows.
    pub fn ranges_mut(&mut self) -> impl Iterator<Item = (&mut ListedRange, &RowReader)> {
        self.ranges.iter_mut().map(|range| (range, &self.reader))
    }

    /// Takes the first range; where the limits leave no room for a message, the rest of the chunk is left.
    pub fn take_first(
        &mut self,
        context: &BatchContext,
        snapshot: &Snapshot,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> Result<(), Error> {
        let Some(ListedRange { range, rows, made, .. }) = self.ranges.pop_front() else { return Ok(()) };
        let made = match made {
            Some(made) => made.wait()??,
            None => self.reader.read(snapshot, range)?,
        };
        let rows = rows.saturating_sub(made.rows.len());
        let rest = made.rest.map(|range| ListedRange { range, rows, made: None, is_rest: true });
        if self.take(made, context, limits, may_exceed).is_break() {
            self.more = true;
            self.ranges.clear();
        } else if let Some(rest) = rest {
            self.ranges.push_front(rest);
        }
        Ok(())
    }

    /// Takes new rows of the session; breaks where the limits leave no room for a message.
    fn take(
        &mut self,
        made: MadeRows,
        context: &BatchContext,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> ControlFlow<()> {
        let mut json = made.json.as_slice();
        for MadeRow { rowid, sampled_row, message } in made.rows {
            if let Some((message, notes)) = message {
                let text;
                (text, json) = json.split_at(message.bytes);
                let candidate = CandidateMessage { json: text, message, notes, rowid };
                if self.take_message(candidate, context, limits, may_exceed).is_break() {
                    return ControlFlow::Break(());
                }
            } else {
                self.rows_taken += 1;
            }
            (self.advance.rowid, self.advance.sampled_row) = (rowid, sampled_row);
        }
        ControlFlow::Continue(())
    }

    /// Takes a message, or breaks where the limits leave no room for it.
    pub fn take_message(
        &mut self,
        candidate: CandidateMessage,
        context: &BatchContext,
        limits: &BatchLimits,
        may_exceed: bool,
    ) -> ControlFlow<()> {
        let CandidateMessage { json, message, notes, rowid } = candidate;
        let separator = usize::from(self.messages.count > 0);
        let is_alone = self.messages.count == 0 && self.tasks.count == 0;
        let fits = self.bytes() + separator + json.len() <= limits.bytes || (may_exceed && is_alone);
        if self.messages.count >= limits.messages || !fits {
            return ControlFlow::Break(());
        }
        self.rows_taken += 1;
        self.messages.push_json(json);
        self.redactions.merge(&message.redactions);
        self.record(&message, notes.written_at);
        let linked = notes.link.and_then(|link| link.permitted(context.rules.as_ref(), &self.session));
        self.linked = linked.or(self.linked.take());
        let time = notes.has_other_time.then_some("timestamp");
        if time.is_some() || !message.adjusted.is_empty() {
            self.adjustments.rows += 1;
            let names = || (rowid, time.into_iter().chain(message.adjusted).collect());
            self.adjustments.first.get_or_insert_with(names);
        }
        let MadeMessage { id, has_content, .. } = message;
        self.only_message = (self.messages.count == 1).then_some(SingleMessage { rowid, id, has_content });
        ControlFlow::Continue(())
    }

    /// Records a taken message in the change of the cursor.
    fn record(&mut self, message: &MadeMessage, written_at: Option<DateTime<Utc>>) {
        // An unreadable time sorts before all others.
        self.newest_at = self.newest_at.max(Some(written_at.unwrap_or_default()));
        self.last_line = Some(message.line_number);
        self.advance.messages += 1;
        self.advance.digest = self.advance.digest.wrapping_add(message.id_hash);
        match self.advance.streams.get_mut(&message.stream) {
            Some(line) => *line = (*line).max(message.line_number),
            None => drop(self.advance.streams.insert(message.stream.clone(), message.line_number)),
        }
    }

    /// Appends the session to a JSON list of sessions, unless nothing in the chunk is for the receiver.
    pub fn finish(mut self, snapshot: &Snapshot, sessions: &mut Vec<u8>) -> Result<SessionChunk, Error> {
        let bytes = if self.is_empty() { 0 } else { self.write_session(snapshot, sessions)? };
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
            new_fields: !self.fields_sent,
            adjustments: self.adjustments,
            advance: self.advance,
        })
    }

    /// Appends the session to a JSON list of sessions. Returns its bytes.
    fn write_session(&self, snapshot: &Snapshot, sessions: &mut Vec<u8>) -> Result<usize, Error> {
        let fields = &self.session.fields;
        let after = match self.lists_all && !self.more {
            true => 0,
            false => snapshot.count_after(&fields.id, self.advance.rowid)?,
        };
        // Rows that han inserted again are no messages: with the last chunk of a session the total is exact.
        let sent_again = self.advance.no_longer_rejected.len() as u64;
        let known = self.messages_before - sent_again + self.messages.count as u64;
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
            last_modified: time::format_exact(self.newest_at.max(self.fields_seen_at).unwrap_or_default()),
            total_message_count: known + after,
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
}

/// A message that may be taken.
pub struct CandidateMessage<'m> {
    /// The message, serialized.
    pub json: &'m [u8],
    /// Facts of the message.
    pub message: MadeMessage,
    /// Facts of its row.
    pub notes: RowNotes,
    /// Row id.
    pub rowid: i64,
}

/// Elements of a JSON list, serialized.
#[derive(Debug, Default)]
pub struct JsonList {
    /// The elements, separated by commas.
    pub json: Vec<u8>,
    /// Number of elements.
    pub count: usize,
}

impl JsonList {
    /// Appends an element.
    pub fn push<T: Serialize>(&mut self, element: &T) -> Result<(), Error> {
        self.separate();
        serde_json::to_writer(&mut self.json, element).context("cannot serialize a task")?;
        Ok(())
    }

    /// Appends a serialized element.
    fn push_json(&mut self, element: &[u8]) {
        self.separate();
        self.json.extend_from_slice(element);
    }

    fn separate(&mut self) {
        if self.count > 0 {
            self.json.push(b',');
        }
        self.count += 1;
    }
}
