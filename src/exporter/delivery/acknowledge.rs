//! Acknowledgement: the validation of a response, and its application to cursors and queue.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use crate::exporter::batch::{Batch, SessionChunk};
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::response::truncated;
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::report::count;
use crate::exporter::state::queue::Permanence;
use crate::protocol::{SyncError, SyncResponse, code};

/// The sessions of a batch that a response names; it acknowledges all others that were sent, and the forgotten ones.
#[derive(Debug, Default)]
pub struct NamedSessions<'a> {
    /// Rejected sessions.
    pub rejected: HashMap<&'a str, &'a SyncError>,
    /// Sessions of which the receiver holds a tombstone.
    pub forgotten: Vec<&'a str>,
}

/// Validates a response, and returns the sessions that it names.
///
/// # Errors
/// An inconsistent response acknowledges nothing. The error text names the inconsistency.
pub fn validate_response<'a>(
    sent: impl Iterator<Item = &'a str>,
    response: &'a SyncResponse,
) -> Result<NamedSessions<'a>, String> {
    let sent: HashSet<&str> = sent.collect();
    let mut named: HashMap<&str, &SyncError> = HashMap::new();
    for error in &response.errors {
        if !sent.contains(error.session_id.as_str()) {
            return Err("the receiver's response names a session that was not in the batch".to_owned());
        }
        // Of two entries for one session, the rejection counts.
        let entry = named.entry(&error.session_id).or_insert(error);
        if entry.code == code::FORGOTTEN {
            *entry = error;
        }
    }
    let stored = sent.len() - named.len();
    if response.processed != stored as u64 {
        return Err(format!(
            "the receiver's response is inconsistent: {} sessions sent, {} rejected, {} processed",
            sent.len(),
            named.len(),
            response.processed
        ));
    }
    // A tombstone at the receiver counts as delivered.
    let forgotten = named.extract_if(|_, error| error.code == code::FORGOTTEN).map(|(id, _)| id).collect();
    Ok(NamedSessions { rejected: named, forgotten })
}

impl Progress<'_> {
    /// Applies a validated response: advances the cursors of the acknowledged sessions, and handles the rejected ones.
    pub fn apply_response(&mut self, batch: &Batch, named: &NamedSessions, due: &mut VecDeque<DueSession>) {
        self.clear_suspicions(batch, due);
        let rejections = &named.rejected;
        let is_accepted = |session_id: &str| !rejections.contains_key(session_id);
        let (messages, tasks) = self.batcher.advance_cursors(batch, is_accepted, due);
        for session_id in &named.forgotten {
            self.learn_tombstone(session_id, due);
        }
        let mut is_searching = false;
        for chunk in &batch.chunks {
            let Some(rejection) = rejections.get(chunk.session_id.as_str()) else {
                self.acknowledged.insert(chunk.session_id.clone());
                self.warn_of_adjustments(chunk);
                continue;
            };
            let message = truncated(&rejection.message);
            if rejection.code == code::VALIDATION_ERROR {
                // One search at a time: another session is sent again, and rejected again, after this search.
                if !std::mem::replace(&mut is_searching, true) {
                    self.reject_invalid(chunk, &message, due);
                }
            } else if let Some(index) = due.iter().position(|session| session.session_id == chunk.session_id)
            {
                let code = truncated(&rejection.code);
                self.reject_session(index, due, &code, &message, Permanence::Temporary);
            }
        }
        self.clear_faults();
        let now = self.batcher.clock.now();
        let statistics = &mut self.destination_mut().statistics;
        statistics.last_contact_at = Some(now);
        statistics.add(messages, tasks);
        let accepted = batch.chunks.len() - rejections.len();
        if accepted > 0 {
            statistics.last_sync_at = Some(now);
        }
        self.report.messages_sent += messages;
        self.report.tasks_sent += tasks;
        self.log.info(
            "batch",
            &format!("sent {messages} messages and {tasks} tasks of {}", count(accepted, "session")),
            &[
                ("messages", Value::from(messages)),
                ("tasks", Value::from(tasks)),
                ("sessions", Value::from(accepted)),
                ("rejected", Value::from(rejections.len())),
            ],
        );
    }

    /// Records that the receiver holds a tombstone of a session, so that no more of it is sent; or, while the tombstone is
    /// being taken back, that the session has to be sent again.
    pub fn learn_tombstone(&mut self, session_id: &str, due: &mut VecDeque<DueSession>) {
        if let Some(index) = due.iter().position(|session| session.session_id == session_id) {
            self.batcher.finish_session(due, index);
        }
        let now = self.batcher.clock.now();
        let state = &mut self.batcher.state;
        let repository = state.repository(session_id).map(str::to_owned);
        if state.destination.forget_requests.has_undo_of(session_id, repository.as_deref()) {
            if let Some(cursor) = state.destination.sessions.get_mut(session_id) {
                cursor.rewind();
            }
            return;
        }
        state.tombstones.learn(session_id, now, repository.as_deref());
        self.batcher.finished.insert(session_id.to_owned());
        self.log.info(
            "forgotten",
            &format!("session {session_id} was forgotten elsewhere, and is not sent any more"),
            &[],
        );
    }

    /// Warns of values that are outside the protocol's bounds and were replaced.
    fn warn_of_adjustments(&self, chunk: &SessionChunk) {
        let Some((rowid, values)) = &chunk.adjustments.first else { return };
        let others = match chunk.adjustments.rows - 1 {
            0 => String::new(),
            rows => format!(", and likewise {}", count(rows, "other row")),
        };
        self.log.warn(
            "value_out_of_range",
            &format!(
                "session {}: row {rowid} of messages has values that no receiver stores ({}); they were sent as null (a time: as that of the preceding row){others}",
                chunk.session_id,
                values.join(", ")
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ResponseStatus, SyncCursor};

    #[test]
    fn session_that_a_response_both_forgets_and_rejects_is_not_acknowledged() {
        let error =
            |code: &str| SyncError { session_id: "s".into(), code: code.into(), message: String::new() };
        for codes in [[code::FORGOTTEN, code::VALIDATION_ERROR], [code::VALIDATION_ERROR, code::FORGOTTEN]] {
            let response = SyncResponse {
                status: ResponseStatus::Partial,
                cursor: SyncCursor::default(),
                processed: 0,
                messages_processed: 0,
                errors: codes.map(error).to_vec(),
                server_timestamp: None,
            };
            let named = validate_response(["s"].into_iter(), &response).unwrap();
            assert!(named.rejected.contains_key("s") && named.forgotten.is_empty(), "{codes:?}");
        }
    }
}
