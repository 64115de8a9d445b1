//! Cutting what is new into batches: the one place where a payload is built.
//!
//! Every byte of session data that leaves the machine, and every byte that `preview` shows, comes from `Batch`. A
//! batch carries, beside its document, what each session's cursor becomes when the receiver acknowledges it.

pub mod encode;
pub mod envelope;
pub mod redact;
pub mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::batch::envelope::{Document, Head, SessionHead, SessionTail, open_object};
use crate::exporter::batch::redact::{Counts, Redactor};
use crate::exporter::batch::usage::Answer;
use crate::exporter::error::Error;
use crate::exporter::plan::delta::{self, SessionFields};
use crate::exporter::source::{MessageRow, Snapshot};
use crate::exporter::state::{Destination, SessionCursor, StreamCursor};
use crate::protocol::{self, PROTOCOL_VERSION, SyncCursor, SyncMessage};
use crate::{short_hash, time};

/// How much goes into one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    pub sessions: usize,
    pub messages: usize,
    pub tasks: usize,
    /// Uncompressed bytes; one message may exceed it, alone.
    pub bytes: usize,
    /// Uncompressed bytes that the receiver takes; a message that exceeds it alone goes without content.
    pub bytes_max: usize,
}

/// What all batches of a run have in common.
#[derive(Debug)]
pub struct Payloads<'a> {
    pub client_id: &'a str,
    pub user_id: &'a str,
    /// Key of the hashes of content that is not sent.
    pub secret: &'a str,
    /// There where message text may leave.
    pub redactor: Option<&'a Redactor>,
    /// Older messages are neither sent nor accepted.
    pub retained_since: Option<DateTime<Utc>>,
    /// The last row that the survey saw.
    pub watermark: i64,
}

/// One session that may leave the machine, and how.
#[derive(Debug, Clone)]
pub struct Eligible {
    pub fields: SessionFields,
    /// Whether its text may leave too.
    pub with_content: bool,
    /// Rows and tasks that the receiver refused in this run, each by itself; they are not tried again in it.
    pub refused_rows: BTreeSet<i64>,
    pub refused_tasks: BTreeSet<u64>,
    /// Rows that go without content, because the receiver found them too large.
    pub omit_content: BTreeSet<i64>,
    /// Send fields and tasks apart from messages, to find out what the receiver refuses.
    pub apart: bool,
}

/// A batch under construction.
#[derive(Debug, Default)]
pub struct Batch {
    sessions: Arc<Vec<u8>>,
    pub parts: Vec<SessionChunk>,
    pub messages: usize,
    pub tasks: usize,
    /// Whether message text may be in it.
    pub has_content: bool,
}

/// One session's part of a batch, and where its cursor goes when it is acknowledged.
#[derive(Debug)]
pub struct SessionChunk {
    pub session_id: String,
    pub messages: usize,
    pub tasks: usize,
    /// Bytes of the session in the document.
    pub bytes: usize,
    /// Line number of its last message, for the wire's cursor.
    pub last_line: Option<i64>,
    /// Secrets that were redacted in what it carries.
    pub redactions: Counts,
    /// More of the session is to be sent than fitted.
    pub more: bool,
    /// Set where it carries one message: its rowid, and whether content was sent.
    pub only_message: Option<(i64, bool)>,
    /// Set where it carries one task: its hash.
    pub only_task: Option<u64>,
    /// Whether it carries fields of the session that the receiver does not have as they are.
    pub new_fields: bool,
    advance: Advance,
}

/// What acknowledgement does to a cursor.
#[derive(Debug, Default)]
struct Advance {
    rowid: i64,
    /// That row, if it came after the survey, with a hash of its id: another one may take its place before the next.
    anchor: Option<(i64, u64)>,
    messages: u64,
    digest: u64,
    newest_at: Option<String>,
    streams: BTreeMap<String, i64>,
    fields: String,
    /// Hashes of all tasks that the receiver then has.
    tasks: Option<BTreeSet<u64>>,
    no_longer_refused: Vec<i64>,
}

impl SessionChunk {
    /// Whether there is anything in it for the receiver. A part without only moves the cursor over rows that han
    /// stored again.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The rowid that the cursor moves to; `None` where it also holds messages from before the cursor.
    pub fn last_rowid(&self) -> Option<i64> {
        self.advance.no_longer_refused.is_empty().then_some(self.advance.rowid)
    }

    /// Moves the cursor of its session over what was acknowledged.
    pub fn acknowledge(&self, destination: &mut Destination) {
        destination.source.anchors.extend(self.advance.anchor);
        self.apply_to(self.cursor_in(destination));
    }

    fn cursor_in<'d>(&self, destination: &'d mut Destination) -> &'d mut SessionCursor {
        destination.sessions.entry(self.session_id.clone()).or_default()
    }

    /// Moves a cursor to where it is when this is acknowledged.
    pub fn apply_to(&self, cursor: &mut SessionCursor) {
        let advance = &self.advance;
        cursor.rowid = cursor.rowid.max(advance.rowid);
        cursor.messages = cursor.messages.saturating_add(advance.messages);
        cursor.digest = cursor.digest.wrapping_add(advance.digest);
        if advance.newest_at.is_some() {
            cursor.newest_at.clone_from(&advance.newest_at);
        }
        for (stream, line) in &advance.streams {
            let entry =
                cursor.streams.entry(stream.clone()).or_insert(StreamCursor { last_synced_line: *line });
            entry.last_synced_line = entry.last_synced_line.max(*line);
        }
        if !self.is_empty() && cursor.fields == advance.fields {
            cursor.fields_sent = true;
        }
        if let Some(tasks) = &advance.tasks {
            cursor.tasks.clone_from(tasks);
        }
        for rowid in &advance.no_longer_refused {
            cursor.refused.remove(rowid);
        }
        if !self.more {
            cursor.waiting_since = None;
            // Rows that were seen and are gone are not waited for.
            cursor.seen_rowid = cursor.rowid;
        }
    }

    /// Moves the cursor of its session past its one message, which the receiver refused by itself.
    pub fn set_aside(&self, destination: &mut Destination) {
        if let Some((rowid, _)) = self.only_message {
            destination.source.anchors.extend(self.advance.anchor);
            let cursor = self.cursor_in(destination);
            cursor.refused.insert(rowid);
            cursor.rowid = cursor.rowid.max(self.advance.rowid);
        }
    }
}

impl Batch {
    /// Bytes of the sessions so far.
    pub fn bytes(&self) -> usize {
        self.sessions.len()
    }

    /// Whether another session may be added.
    pub fn has_room(&self, room: &BatchLimits) -> bool {
        self.parts.len() < room.sessions && self.messages < room.messages && self.bytes() < room.bytes
    }

    /// Adds what is new of a session, as far as there is room, and returns its part.
    pub fn add(
        &mut self,
        payloads: &Payloads,
        snapshot: &Snapshot,
        eligible: &Eligible,
        cursor: &SessionCursor,
        room: &BatchLimits,
    ) -> Result<&SessionChunk, Error> {
        let mut cut = Cut::new(payloads, snapshot, eligible, cursor);
        let room = BatchLimits {
            sessions: room.sessions,
            messages: room.messages.saturating_sub(self.messages),
            tasks: room.tasks.saturating_sub(self.tasks),
            bytes: room.bytes.saturating_sub(self.sessions.len()),
            bytes_max: room.bytes_max,
        };
        // The first message of a batch may exceed the room, or it would never go.
        cut.fill(&room, self.parts.is_empty())?;
        let part = cut.finish(Arc::make_mut(&mut self.sessions))?;
        self.messages += part.messages;
        self.tasks += part.tasks;
        self.has_content |= eligible.with_content;
        self.parts.push(part);
        Ok(&self.parts[self.parts.len() - 1])
    }

    /// The payload.
    pub fn document(
        &self,
        payloads: &Payloads,
        cursor: &SyncCursor,
        now: DateTime<Utc>,
    ) -> Result<Document, Error> {
        let head = Head {
            version: PROTOCOL_VERSION,
            client_id: payloads.client_id,
            user_id: payloads.user_id,
            timestamp: time::format(now),
            cursor,
        };
        let mut opening = Vec::new();
        open_object(&mut opening, &head).context("cannot serialize a batch")?;
        opening.extend_from_slice(b",\"sessions\":[");
        Ok(Document { head: opening, sessions: self.sessions.clone() })
    }
}

/// Id of a row on the wire: its own, or a stable one where han gave it a random one.
pub fn wire_id(session_id: &str, row: &MessageRow) -> String {
    if row.has_own_id() { row.id.clone() } else { stable_id(session_id, row) }
}

fn stable_id(session_id: &str, row: &MessageRow) -> String {
    let stream = protocol::stream_name(row.source_file_type.as_deref(), row.agent_id.as_deref());
    let raw_json = row.raw_json.as_deref().unwrap_or("");
    protocol::stable_message_id(session_id, &stream, row.line_number, &row.message_type, raw_json)
}

/// One session being cut.
struct Cut<'a> {
    payloads: &'a Payloads<'a>,
    snapshot: &'a Snapshot<'a>,
    eligible: &'a Eligible,
    cursor: &'a SessionCursor,
    redactions: Counts,
    messages: Vec<u8>,
    tasks: Vec<u8>,
    message_count: usize,
    task_count: usize,
    last_line: Option<i64>,
    only_message: Option<(i64, bool)>,
    only_task: Option<u64>,
    newest_at: Option<DateTime<Utc>>,
    more: bool,
    advance: Advance,
}

impl<'a> Cut<'a> {
    fn new(
        payloads: &'a Payloads<'a>,
        snapshot: &'a Snapshot<'a>,
        eligible: &'a Eligible,
        cursor: &'a SessionCursor,
    ) -> Cut<'a> {
        Cut {
            payloads,
            snapshot,
            eligible,
            cursor,
            redactions: Counts::default(),
            messages: Vec::new(),
            tasks: Vec::new(),
            message_count: 0,
            task_count: 0,
            last_line: None,
            only_message: None,
            only_task: None,
            newest_at: cursor.newest_at.as_deref().and_then(time::parse),
            more: false,
            advance: Advance { rowid: cursor.rowid, fields: cursor.fields.clone(), ..Advance::default() },
        }
    }

    fn session_id(&self) -> &'a str {
        &self.eligible.fields.id
    }

    fn fill(&mut self, room: &BatchLimits, first_of_batch: bool) -> Result<(), Error> {
        let all_tasks_fit = self.fill_tasks(room)?;
        let tasks_only = self.eligible.apart && (self.task_count > 0 || !self.cursor.fields_sent);
        let again: Vec<i64> = self.cursor.refused.difference(&self.eligible.refused_rows).copied().collect();
        if !all_tasks_fit || tasks_only {
            let messages_wait = self.cursor.seen_rowid > self.cursor.rowid || !again.is_empty();
            self.more = !all_tasks_fit || messages_wait;
            return Ok(());
        }
        let snapshot = self.snapshot;
        for rowid in again {
            let mut pushed = Ok(ControlFlow::Continue(()));
            snapshot.message(self.session_id(), rowid, |row| {
                pushed = self.push(row, room, first_of_batch);
                ControlFlow::Break(())
            })?;
            if pushed?.is_break() {
                self.more = true;
                return Ok(());
            }
            self.advance.no_longer_refused.push(rowid);
        }
        let mut failure = None;
        snapshot.messages_after(self.session_id(), self.cursor.rowid, |row| {
            let rowid = row.rowid;
            let anchor = (rowid > self.payloads.watermark).then(|| (rowid, short_hash::of_text(&row.id)));
            match self.push(row, room, first_of_batch) {
                Ok(ControlFlow::Continue(())) => {
                    self.advance.rowid = rowid;
                    self.advance.anchor = anchor;
                }
                Ok(ControlFlow::Break(())) => {
                    self.more = true;
                    return ControlFlow::Break(());
                }
                Err(stop) => {
                    failure = Some(stop);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Adds the tasks that the receiver does not have as they are. Returns whether all of them fitted.
    fn fill_tasks(&mut self, room: &BatchLimits) -> Result<bool, Error> {
        let with_text = self.eligible.with_content;
        let mut known = BTreeSet::new();
        let mut all = true;
        for row in self.snapshot.tasks_of(self.session_id(), with_text)? {
            let mut task = delta::wire_task(row, with_text);
            let hash = delta::task_hash(&task);
            self.note_time(&task.updated_at);
            if self.cursor.tasks.contains(&hash) {
                known.insert(hash);
                continue;
            }
            if self.eligible.refused_tasks.contains(&hash) {
                continue;
            }
            let is_full = self.tasks.len() >= room.bytes || self.task_count >= room.tasks;
            if self.task_count > 0 && is_full {
                all = false;
                continue;
            }
            if let Some(redactor) = self.payloads.redactor.filter(|_| with_text) {
                task.subject = redactor.redact(&task.subject, &mut self.redactions).into_owned();
                task.description =
                    task.description.map(|text| redactor.redact(&text, &mut self.redactions).into_owned());
            }
            push_json(&mut self.tasks, &task)?;
            self.task_count += 1;
            self.only_task = (self.task_count == 1).then_some(hash);
            known.insert(hash);
        }
        self.advance.tasks = Some(known);
        Ok(all)
    }

    /// Adds a message, or breaks where there is no room for it. A row that han stored before under another random id,
    /// and one that the receiver no longer keeps, are passed over.
    fn push(
        &mut self,
        mut row: MessageRow,
        room: &BatchLimits,
        first_of_batch: bool,
    ) -> Result<ControlFlow<()>, Error> {
        if self.message_count >= room.messages {
            return Ok(ControlFlow::Break(()));
        }
        let written_at = time::parse(&row.timestamp);
        let expired =
            self.payloads.retained_since.is_some_and(|since| written_at.is_some_and(|at| at < since));
        let has_own_id = row.has_own_id();
        let is_twin = !has_own_id && self.snapshot.has_earlier_twin(self.session_id(), &row)?;
        if is_twin || expired {
            return Ok(ControlFlow::Continue(()));
        }
        let id = if has_own_id { take(&mut row.id) } else { stable_id(self.session_id(), &row) };
        let rowid = row.rowid;
        let with_content = self.eligible.with_content && !self.eligible.omit_content.contains(&rowid);
        let mut redactions = Counts::default();
        let mut message =
            self.wire_message(id, &mut row, written_at.is_some(), with_content, &mut redactions);
        let start = self.messages.len();
        push_json(&mut self.messages, &message)?;
        let used = self.tasks.len() + self.messages.len();
        let stands_alone = first_of_batch && self.message_count == 0 && self.task_count == 0;
        if used > room.bytes && !stands_alone {
            self.messages.truncate(start);
            return Ok(ControlFlow::Break(()));
        }
        if self.messages.len() - start > room.bytes_max && message.content.is_some() {
            self.messages.truncate(start);
            message.content = None;
            message.content_omitted = Some(true);
            message.content_hash = self.guarded_hash(&row);
            redactions = Counts::default();
            push_json(&mut self.messages, &message)?;
        }
        self.redactions.merge(&redactions);
        self.note(&message, written_at);
        self.message_count += 1;
        self.only_message = (self.message_count == 1).then_some((rowid, message.content.is_some()));
        Ok(ControlFlow::Continue(()))
    }

    fn note(&mut self, message: &SyncMessage, written_at: Option<DateTime<Utc>>) {
        // A time that cannot be read goes as the first of all.
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

    fn note_time(&mut self, text: &str) {
        self.newest_at = self.newest_at.max(time::parse(text));
    }

    /// Hash of content that is not sent.
    fn guarded_hash(&self, row: &MessageRow) -> String {
        protocol::guarded_content_hash(self.payloads.secret.as_bytes(), row.raw_json.as_deref())
    }

    /// The row as the wire shows it. Takes its texts out of it, but for the raw JSON. `has_time`: its time can be read.
    fn wire_message(
        &self,
        id: String,
        row: &mut MessageRow,
        has_time: bool,
        with_content: bool,
        redactions: &mut Counts,
    ) -> SyncMessage {
        let stream = protocol::stream_name(row.source_file_type.as_deref(), row.agent_id.as_deref());
        let answer = row.raw_json.as_deref().map(Answer::read).unwrap_or_default();
        let content = match (self.payloads.redactor, &row.raw_json) {
            (Some(redactor), Some(raw)) if with_content => {
                Some(redactor.redact(raw, redactions).into_owned())
            }
            _ => None,
        };
        let content_hash = match &content {
            Some(content) => protocol::content_hash(content),
            None => self.guarded_hash(row),
        };
        let omitted = self.eligible.with_content && !with_content;
        SyncMessage {
            id,
            line_number: row.line_number,
            message_type: take(&mut row.message_type),
            timestamp: if has_time { take(&mut row.timestamp) } else { delta::NO_TIME.to_owned() },
            content_hash,
            content,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cache_read_tokens: row.cache_read_tokens,
            cache_creation_tokens: row.cache_creation_tokens,
            stream: Some(stream),
            agent_id: row.agent_id.take(),
            parent_id: row.parent_id.take(),
            role: row.role.take(),
            tool_name: row.tool_name.take(),
            model: answer.model,
            usage_id: answer.usage_id,
            lines_added: row.lines_added,
            lines_removed: row.lines_removed,
            files_changed: row.files_changed,
            content_omitted: omitted.then_some(true),
        }
    }

    /// Adds the session to a list of sessions, if there is anything in it for the receiver.
    fn finish(mut self, out: &mut Vec<u8>) -> Result<SessionChunk, Error> {
        let fields = &self.eligible.fields;
        let nothing = self.message_count == 0 && self.task_count == 0 && self.cursor.fields_sent;
        let mut bytes = 0;
        if !nothing {
            let fields_seen = time::parse(&self.cursor.fields_seen_at);
            let last_modified = self.newest_at.max(fields_seen).unwrap_or_default();
            // Rows that han stored again are no messages: with the last part of a session the total is exact.
            let after = self.snapshot.count_after(&fields.id, self.advance.rowid)?;
            let refused = self.cursor.refused.len() - self.advance.no_longer_refused.len();
            let known = self.cursor.messages + self.message_count as u64;
            let head = SessionHead {
                id: &fields.id,
                project_slug: fields.remote.repo(),
                repo_remote: fields.remote.url(),
                status: &fields.status,
                slug: fields.slug.as_deref(),
            };
            let tail = SessionTail {
                last_modified: time::format_exact(last_modified),
                total_message_count: known + refused as u64 + after,
                inclusion: fields.inclusion,
                harness: fields.harness.as_deref(),
            };
            if !out.is_empty() {
                out.push(b',');
            }
            let start = out.len();
            open_object(out, &head).context("cannot serialize a session")?;
            out.extend_from_slice(b",\"messages\":[");
            out.append(&mut self.messages);
            out.extend_from_slice(b"],\"tasks\":[");
            out.append(&mut self.tasks);
            out.extend_from_slice(b"],");
            let tail = serde_json::to_vec(&tail).context("cannot serialize a session")?;
            out.extend_from_slice(&tail[1..]);
            bytes = out.len() - start;
        }
        let newest_at = self.newest_at.map(time::format_exact);
        self.advance.newest_at = newest_at.filter(|_| self.message_count > 0);
        Ok(SessionChunk {
            session_id: fields.id.clone(),
            messages: self.message_count,
            tasks: self.task_count,
            bytes,
            last_line: self.last_line,
            redactions: self.redactions,
            more: self.more,
            only_message: self.only_message,
            only_task: self.only_task,
            new_fields: !self.cursor.fields_sent,
            advance: self.advance,
        })
    }
}

/// Adds an element to a list of JSON values.
fn push_json<T: Serialize>(list: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    if !list.is_empty() {
        list.push(b',');
    }
    serde_json::to_writer(&mut *list, value).context("cannot serialize a message")?;
    Ok(())
}
