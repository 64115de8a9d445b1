//! The message on the wire, made from a row of the source.
//!
//! Han's columns are in the row's message already (see the declaration in `protocol/message.rs`); this file sets the columns
//! that are derived from the row and its raw JSON, and is the only place where content enters a message.

/// The bounds of values on the wire.
pub mod bounds;
/// Lines of a transcript that name the session's pull request.
pub mod pr_link;
/// Reads rows and makes their messages.
pub mod row_reader;

use std::mem::take;
use std::sync::Arc;

use crate::exporter::batch::context::{EligibleSession, MessageContext};
use crate::exporter::batch::message::bounds::bound_message;
use crate::exporter::batch::redact::Counts;
use crate::exporter::batch::usage::set_raw_columns;
use crate::exporter::source::MessageRow;
use crate::protocol::{self, SyncMessage};
use crate::short_hash;

/// Makes the messages of one session.
#[derive(Debug, Clone)]
pub struct MessageMaker {
    context: Arc<MessageContext>,
    session: Arc<EligibleSession>,
    /// Bytes of a serialized message from which it goes without content.
    bytes_max: usize,
}

/// A message, serialized, and what its chunk has to know of it.
#[derive(Debug)]
pub struct MadeMessage {
    /// Bytes of the message, as JSON.
    pub bytes: usize,
    /// Id on the wire.
    pub id: String,
    /// Hash of the id.
    pub id_hash: u64,
    /// Line number on the wire.
    pub line_number: i64,
    /// Name of the source stream.
    pub stream: String,
    /// True if content is in it.
    pub has_content: bool,
    /// Secrets that were redacted in its content.
    pub redactions: Counts,
    /// Names of values that were adjusted to the bounds of the wire.
    pub adjusted: Vec<&'static str>,
}

impl MessageMaker {
    /// The maker of a session's messages, none of which exceeds `bytes_max` by its content.
    pub fn new(
        context: &Arc<MessageContext>,
        session: &Arc<EligibleSession>,
        bytes_max: usize,
    ) -> MessageMaker {
        MessageMaker { context: context.clone(), session: session.clone(), bytes_max }
    }

    /// Makes the message of a row and appends it to `json`. Takes the columns out of the row; the raw JSON stays.
    pub fn make(&self, row: &mut MessageRow, json: &mut Vec<u8>) -> serde_json::Result<MadeMessage> {
        let mut redactions = Counts::default();
        let mut message = self.message(row, &mut redactions);
        let adjusted = bound_message(&mut message);
        let start = json.len();
        serde_json::to_writer(&mut *json, &message)?;
        if json.len() - start > self.bytes_max && message.content.is_some() {
            json.truncate(start);
            message.content = None;
            message.content_omitted = Some(true);
            message.content_hash = self.guarded_hash(row);
            redactions = Counts::default();
            serde_json::to_writer(&mut *json, &message)?;
        }
        Ok(MadeMessage {
            bytes: json.len() - start,
            id_hash: short_hash::of_text(&message.id),
            id: message.id,
            line_number: message.line_number,
            stream: message.stream.unwrap_or_default(),
            has_content: message.content.is_some(),
            redactions,
            adjusted,
        })
    }

    fn message(&self, row: &mut MessageRow, redactions: &mut Counts) -> SyncMessage {
        let (context, session) = (&self.context, &self.session);
        let stream = row.stream();
        let mut message = take(&mut row.message);
        message.stream = Some(stream);
        if let Some(raw_json) = &row.raw_json {
            set_raw_columns(&mut message, raw_json, session.include_branch);
        }
        message.tool_name = message.tool_name.and_then(|name| context.tool_names.sent(name));
        let is_omitted = session.include_content && session.omit_content.contains(&row.rowid);
        let may_include = session.include_content && !is_omitted;
        match (&context.content_filter, &row.raw_json) {
            (Some(filter), Some(raw_json)) if may_include => {
                let content = filter.raw_json(raw_json, redactions);
                message.content_hash = protocol::content_hash(&content);
                message.content = Some(content);
            }
            _ => message.content_hash = self.guarded_hash(row),
        }
        message.content_omitted = is_omitted.then_some(true);
        message
    }

    /// Hash of content that is not sent.
    fn guarded_hash(&self, row: &MessageRow) -> String {
        protocol::guarded_content_hash(self.context.secret.as_bytes(), row.raw_json.as_deref())
    }
}
