//! Rejections by the receiver: of a single session, or of a batch as a whole.
//!
//! A rejection of a session delays no other session, and does not count as a fault of the endpoint.

use std::collections::VecDeque;

use serde_json::Value;

use crate::exporter::batch::Batch;
use crate::exporter::delivery::progress::Progress;
use crate::exporter::plan::pending_session::PendingSession;
use crate::exporter::state::queue::Change;

/// HTTP 413 Content Too Large.
pub const TOO_LARGE: u16 = 413;

impl Progress<'_> {
    /// Handles the rejection of a batch as a whole: bisects the batch, or rejects its only session, message or task.
    pub fn reject_batch(
        &mut self,
        batch: &Batch,
        status: u16,
        message: &str,
        pending: &mut VecDeque<PendingSession>,
    ) {
        self.log.info(
            "batch_refused",
            &format!("the receiver rejected a batch ({status}: {message}); sending it in smaller batches"),
            &[("status", Value::from(status)), ("sessions", Value::from(batch.chunks.len()))],
        );
        if self.batcher.halve(batch, status == TOO_LARGE, pending) {
            return;
        }
        self.batcher.bisection.finish();
        let Some(chunk) = batch.chunks.first() else { return };
        let Some(index) = pending.iter().position(|session| session.session_id == chunk.session_id) else {
            return;
        };
        let code = format!("HTTP_{status}");
        if let Some((rowid, _)) = chunk.only_message {
            chunk.skip_rejected(self.destination_mut());
            pending[index].rejected_rows.insert(rowid);
            self.record_rejection(&mut pending[index], &code, message, true);
            if !chunk.more {
                self.batcher.settle(pending, index);
            }
        } else if let Some(task) = chunk.only_task {
            // The rest of the session is sent without the task.
            pending[index].rejected_tasks.insert(task);
            self.record_rejection(&mut pending[index], &code, message, true);
        } else {
            self.reject_session(index, pending, &code, message, true);
        }
    }

    /// Handles the rejection of a session: the session leaves `pending`, and its queue item keeps the rejection.
    pub fn reject_session(
        &mut self,
        index: usize,
        pending: &mut VecDeque<PendingSession>,
        code: &str,
        message: &str,
        for_good: bool,
    ) {
        if let Some(mut rejected) = pending.remove(index) {
            self.record_rejection(&mut rejected, code, message, for_good);
        }
    }

    fn record_rejection(&mut self, session: &mut PendingSession, code: &str, message: &str, for_good: bool) {
        self.report.add_error(Some(&session.session_id), code, message.to_owned());
        if session.is_rejected {
            return;
        }
        session.is_rejected = true;
        self.report.sessions_rejected += 1;
        self.batcher.changes.push(Change::Refused {
            session_id: session.session_id.clone(),
            code: code.to_owned(),
            message: message.to_owned(),
            data_mark: session.data_mark.clone(),
            for_good,
        });
    }
}
