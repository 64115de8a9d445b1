//! The message on the wire, made from a row of the source.
//!
//! Han's columns are in the row's message already (see the declaration in `protocol/message.rs`); this file sets the columns
//! that are derived from the row and its raw JSON, and is the only place where content enters a message.

/// The bounds of values on the wire.
pub mod bounds;
/// Lines of a transcript that name the session's pull request.
mod pr_link;

use std::mem::take;

use crate::exporter::batch::context::{BatchContext, EligibleSession};
use crate::exporter::batch::redact::Counts;
use crate::exporter::batch::usage::set_raw_columns;
use crate::exporter::plan::pull_request::SessionPullRequest;
use crate::exporter::source::MessageRow;
use crate::protocol::{self, SyncMessage};

/// The message that was made of a row.
pub struct MadeMessage {
    /// The message on the wire.
    pub message: SyncMessage,
    /// Secrets that were redacted in its content.
    pub redactions: Counts,
    /// The pull request that the row names, if it may leave.
    pub linked: Option<SessionPullRequest>,
}

/// Makes the message of a session's row. Takes the columns out of the row; the raw JSON stays.
pub fn make_message(row: &mut MessageRow, context: &BatchContext, session: &EligibleSession) -> MadeMessage {
    let linked = pr_link::permitted(row, context, session);
    let mut redactions = Counts::default();
    let message = wire_message(row, context, session, &mut redactions);
    MadeMessage { message, redactions, linked }
}

fn wire_message(
    row: &mut MessageRow,
    context: &BatchContext,
    session: &EligibleSession,
    redactions: &mut Counts,
) -> SyncMessage {
    let stream = row.stream();
    let mut message = take(&mut row.message);
    message.stream = Some(stream);
    if let Some(raw_json) = &row.raw_json {
        set_raw_columns(&mut message, raw_json, session.include_branch);
    }
    message.tool_name = message.tool_name.and_then(|name| context.tool_names.sent(name));
    let is_omitted = session.include_content && session.omit_content.contains(&row.rowid);
    let may_include = session.include_content && !is_omitted;
    match (context.content_filter, &row.raw_json) {
        (Some(filter), Some(raw_json)) if may_include => {
            let content = filter.raw_json(raw_json, redactions);
            message.content_hash = protocol::content_hash(&content);
            message.content = Some(content);
        }
        _ => message.content_hash = guarded_hash(row, context),
    }
    message.content_omitted = is_omitted.then_some(true);
    message
}

/// Removes the content of a message that is too large for the receiver.
pub fn omit_content(message: &mut SyncMessage, row: &MessageRow, context: &BatchContext) {
    message.content = None;
    message.content_omitted = Some(true);
    message.content_hash = guarded_hash(row, context);
}

/// Hash of content that is not sent.
fn guarded_hash(row: &MessageRow, context: &BatchContext) -> String {
    protocol::guarded_content_hash(context.secret.as_bytes(), row.raw_json.as_deref())
}
