//! The chunk: the part of one session that travels in one batch.
//!
//! A chunk carries, besides what it holds, the change of its session's cursor. The cursor changes on acknowledgement and on
//! nothing else.

/// A chunk whose messages are not all taken yet.
pub mod unfinished;
/// Construction of a chunk.
pub mod builder;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::exporter::batch::redact::Counts;
use crate::exporter::state::{Destination, SessionCursor};

/// The part of one session in one batch.
#[derive(Debug)]
pub struct SessionChunk {
    /// Id of the session.
    pub session_id: String,
    /// Messages of the session in the batch.
    pub messages: usize,
    /// Tasks of the session in the batch.
    pub tasks: usize,
    /// Bytes of the session in the payload.
    pub bytes: usize,
    /// Line number of its last message, for the wire's cursor.
    pub last_line: Option<i64>,
    /// Secrets that were redacted in its content.
    pub redactions: Counts,
    /// True if more of the session is to be sent than fitted.
    pub more: bool,
    /// Present where it holds one message.
    pub only_message: Option<SingleMessage>,
    /// Present where it holds one task: the task's hash.
    pub only_task: Option<u64>,
    /// True if it holds fields of the session that the receiver does not have as they are.
    pub new_fields: bool,
    /// Values that were adjusted to the bounds of the wire, for the log.
    pub adjustments: Adjustments,
    pub(super) advance: CursorAdvance,
}

/// The only message of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleMessage {
    /// Row id.
    pub rowid: i64,
    /// Id on the wire.
    pub id: String,
    /// True if content was sent.
    pub has_content: bool,
}

/// Rows of a chunk with a value that was adjusted to the bounds of the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adjustments {
    /// Number of rows.
    pub rows: usize,
    /// Row id of the first of them, and the names of its adjusted values.
    pub first: Option<(i64, Vec<&'static str>)>,
}

/// Change of a cursor on acknowledgement.
#[derive(Debug, Default)]
pub(super) struct CursorAdvance {
    pub(super) rowid: i64,
    /// The row at `rowid`, if it came after the scan, with the hash of its id: a sampled row, because another message may
    /// take its place before the next scan.
    pub(super) sampled_row: Option<(i64, u64)>,
    pub(super) messages: u64,
    /// Sum of the hashes of the message ids.
    pub(super) digest: u64,
    pub(super) newest_at: Option<DateTime<Utc>>,
    /// Highest line number of each stream.
    pub(super) streams: BTreeMap<String, i64>,
    /// Hash of the session's fields.
    pub(super) fields: Option<u64>,
    /// Hashes of all tasks that the receiver then has.
    pub(super) tasks: Option<BTreeSet<u64>>,
    /// Rows that were rejected before and are in this chunk.
    pub(super) no_longer_rejected: Vec<i64>,
}

impl SessionChunk {
    /// True if nothing in it is for the receiver. Such a chunk moves the cursor over rows that han inserted again.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Row id to which the cursor moves; `None` where the chunk also holds messages from before the cursor.
    pub fn last_rowid(&self) -> Option<i64> {
        self.advance.no_longer_rejected.is_empty().then_some(self.advance.rowid)
    }

    /// Moves the session's cursor over the chunk, which is acknowledged.
    pub fn advance_session_cursor(&self, destination: &mut Destination) {
        destination.source.sampled_rows.extend(self.advance.sampled_row);
        self.advance_cursor(self.cursor_in(destination));
    }

    /// Moves the session's cursor past the chunk's one message, which the receiver rejected by itself.
    pub fn skip_rejected(&self, destination: &mut Destination) {
        if let Some(message) = &self.only_message {
            destination.source.sampled_rows.extend(self.advance.sampled_row);
            let cursor = self.cursor_in(destination);
            cursor.refused.insert(message.rowid);
            cursor.rowid = cursor.rowid.max(self.advance.rowid);
        }
    }

    fn cursor_in<'d>(&self, destination: &'d mut Destination) -> &'d mut SessionCursor {
        destination.sessions.get_or_default(&self.session_id)
    }

    /// Moves a cursor to its position after the acknowledgement.
    pub fn advance_cursor(&self, cursor: &mut SessionCursor) {
        let advance = &self.advance;
        cursor.rowid = cursor.rowid.max(advance.rowid);
        cursor.messages = cursor.messages.saturating_add(advance.messages);
        cursor.digest = cursor.digest.wrapping_add(advance.digest);
        if advance.newest_at.is_some() {
            cursor.newest_at = advance.newest_at;
        }
        for (stream, line) in &advance.streams {
            cursor.last_synced_lines.advance(stream, *line);
        }
        if !self.is_empty() && cursor.fields == advance.fields {
            cursor.fields_sent = true;
        }
        if let Some(tasks) = &advance.tasks {
            cursor.tasks.clone_from(tasks);
        }
        for rowid in &advance.no_longer_rejected {
            cursor.refused.remove(rowid);
        }
        if !self.more {
            cursor.waiting_since = None;
            // Rows that were seen and have been deleted are not waited for.
            cursor.seen_rowid = cursor.rowid;
        }
    }
}
