//! Rejections by the receiver: of a single session, or of a batch as a whole.
//!
//! A rejection of a session delays no other session, and does not count as a fault of the endpoint.

use std::collections::VecDeque;

use serde_json::Value;

use crate::exporter::batch::{Batch, SessionChunk};
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::response::{BatchRejection, Rejecter};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::state::queue::Change;
use crate::exporter::state::queue::Permanence::{self, Permanent, Temporary};
use crate::protocol::code;

/// HTTP 413 Content Too Large.
pub const TOO_LARGE: u16 = 413;

/// The number of successive rejected messages of a session at which the session is rejected, because each costs about ten
/// requests to find.
const REJECTED_IN_SUCCESSION_MAX: usize = 100;
/// The bound of an id in an error message.
const ID_CHARS_MAX: usize = 80;

impl Progress<'_> {
    /// Handles the rejection of a batch as a whole: bisects the batch, or rejects its only session, message or task.
    pub fn reject_batch(
        &mut self,
        batch: &Batch,
        rejection: &BatchRejection,
        due: &mut VecDeque<DueSession>,
    ) {
        let BatchRejection { by, status, message } = rejection;
        if *by == Rejecter::Receiver {
            self.clear_faults();
            self.clear_suspicions(batch, due);
        }
        let is_narrowed = self.batcher.narrow(batch, *status == TOO_LARGE, due);
        let next = if is_narrowed { "sending it in smaller batches" } else { "leaving it behind" };
        self.log.info(
            "batch_rejected",
            &format!("{rejection}; {next}"),
            &[("status", Value::from(*status)), ("sessions", Value::from(batch.chunks.len()))],
        );
        if let Some(chunk) = batch.chunks.first().filter(|_| !is_narrowed) {
            self.reject_single(chunk, &format!("HTTP_{status}"), message, Permanent, due);
        }
    }

    /// Handles a `VALIDATION_ERROR` of a session: searches the session for the row, or rejects its only message or task.
    /// The session itself is rejected if nothing but its fields were sent.
    pub fn reject_invalid(&mut self, chunk: &SessionChunk, message: &str, due: &mut VecDeque<DueSession>) {
        if !self.batcher.narrow_session(chunk, due) {
            self.reject_single(chunk, code::VALIDATION_ERROR, message, Temporary, due);
        }
    }

    /// Leaves the only message or task of a chunk behind; the rest of the session is sent without it. If the chunk holds only
    /// session fields, rejects the session with `permanence`.
    fn reject_single(
        &mut self,
        chunk: &SessionChunk,
        code: &str,
        message: &str,
        permanence: Permanence,
        due: &mut VecDeque<DueSession>,
    ) {
        self.batcher.bisection.finish();
        let Some(index) = due.iter().position(|session| session.session_id == chunk.session_id) else {
            return;
        };
        if let Some(rejected) = &chunk.only_message {
            let id: String = rejected.id.chars().take(ID_CHARS_MAX).collect();
            let message = format!("message {id} (row {} of messages): {message}", rejected.rowid);
            chunk.skip_rejected(self.destination_mut());
            let session = &mut due[index];
            session.rejected_rows.insert(rejected.rowid);
            session.rejected_in_succession += 1;
            let is_session = session.rejected_in_succession >= REJECTED_IN_SUCCESSION_MAX;
            self.record_rejection(session, code, &message, Permanent);
            if is_session {
                due.remove(index);
            } else if !chunk.more {
                self.batcher.finish_session(due, index);
            }
        } else if let Some(task) = chunk.only_task {
            due[index].rejected_tasks.insert(task);
            self.record_rejection(&mut due[index], code, message, Permanent);
        } else {
            self.reject_session(index, due, code, message, permanence);
        }
    }

    /// Handles the rejection of a session: the session leaves `due`, and its queue item keeps the rejection.
    pub fn reject_session(
        &mut self,
        index: usize,
        due: &mut VecDeque<DueSession>,
        code: &str,
        message: &str,
        permanence: Permanence,
    ) {
        if let Some(mut rejected) = due.remove(index) {
            self.record_rejection(&mut rejected, code, message, permanence);
        }
    }

    fn record_rejection(
        &mut self,
        session: &mut DueSession,
        code: &str,
        message: &str,
        permanence: Permanence,
    ) {
        self.report.add_error(Some(&session.session_id), code, message.to_owned());
        if session.is_rejected {
            return;
        }
        session.is_rejected = true;
        self.report.sessions_rejected += 1;
        let fields = [("session", session.session_id.as_str().into()), ("code", code.into())];
        self.log_operation("rejected", &fields);
        self.batcher.changes.push(Change::Rejected {
            session_id: session.session_id.clone(),
            code: code.to_owned(),
            message: message.to_owned(),
            data_mark: session.data_mark.clone(),
            permanence,
        });
    }
}
