//! Bisection: a binary search for the rejected item, which is a session, a message or a task.
//!
//! The receiver rejects a batch as a whole, or a session of the batch, and does not name the item. Each step halves the
//! limits of the next batches, first in sessions, then in the messages, then in the tasks of one session, until the item is
//! found, or everything in the first rejected batch has passed.
//!
//! Bisection changes only limits and due sessions; it sends nothing and advances no cursor.

use std::collections::VecDeque;

use crate::exporter::batch::{Batch, BatchLimits, SessionChunk};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::state::Destination;

/// The search for a rejected item; idle most of the time.
#[derive(Debug, Default)]
pub struct Bisection {
    step: Option<Step>,
}

#[derive(Debug)]
struct Step {
    limits: StepLimits,
    end: End,
}

/// The limits of the batches of one step.
#[derive(Debug, Clone, Copy)]
struct StepLimits {
    sessions: usize,
    messages: usize,
    tasks: usize,
}

/// The end of the batch that was rejected first.
#[derive(Debug)]
struct End {
    /// The last session of the batch.
    session_id: String,
    /// The last new row of that session in the batch; the highest of all row ids if the batch had none.
    rowid: i64,
}

impl Bisection {
    pub fn is_active(&self) -> bool {
        self.step.is_some()
    }

    /// Ends the search, after the item was found.
    pub fn finish(&mut self) {
        self.step = None;
    }

    /// Ends the search if everything in the batch that was rejected first has passed.
    pub fn finish_if_passed(&mut self, destination: &Destination, due: &VecDeque<DueSession>) {
        let has_passed = self.step.as_ref().is_some_and(|Step { end, .. }| {
            let cursor = destination.sessions.get(&end.session_id);
            let is_due = due.iter().any(|session| session.session_id == end.session_id);
            !is_due || cursor.is_some_and(|cursor| cursor.rowid >= end.rowid)
        });
        if has_passed {
            self.finish();
        }
    }

    /// Lowers the limits of the next batch to the current step.
    pub fn restrict(&self, limits: &mut BatchLimits) {
        if let Some(Step { limits: StepLimits { sessions, messages, tasks }, .. }) = self.step {
            limits.sessions = sessions;
            limits.messages = limits.messages.min(messages);
            limits.tasks = tasks;
        }
    }

    /// Halves the next batches after the rejection of a batch; a single message is sent without content instead. Returns
    /// false if neither is possible.
    pub fn narrow(
        &mut self,
        batch: &Batch,
        destination: &Destination,
        due: &mut VecDeque<DueSession>,
    ) -> bool {
        let [chunk] = batch.chunks.as_slice() else {
            let Some(last) = batch.chunks.last() else { return false };
            let sessions = batch.chunks.len() / 2;
            self.set_limits(
                StepLimits { sessions, messages: usize::MAX, tasks: usize::MAX },
                last,
                destination,
            );
            return true;
        };
        if self.narrow_session(chunk, destination, due) {
            return true;
        }
        let session = due.iter_mut().find(|session| session.session_id == chunk.session_id);
        match (&chunk.only_message, session) {
            (Some(message), Some(session)) if message.has_content => {
                session.omit_content.insert(message.rowid);
                true
            }
            _ => false,
        }
    }

    /// Halves the next batches after the rejection of a session. Returns false if a single message, a single task, or nothing
    /// but the fields of the session were sent.
    pub fn narrow_session(
        &mut self,
        chunk: &SessionChunk,
        destination: &Destination,
        due: &mut VecDeque<DueSession>,
    ) -> bool {
        let Some(session) = due.iter_mut().find(|session| session.session_id == chunk.session_id) else {
            return false;
        };
        let (messages, tasks) = if chunk.messages > 1 {
            (chunk.messages / 2, usize::MAX)
        } else if chunk.messages == 1 && (chunk.tasks > 0 || chunk.new_fields) && !session.apart {
            (1, usize::MAX)
        } else if chunk.messages == 0 && chunk.tasks > 1 {
            (usize::MAX, chunk.tasks / 2)
        } else {
            return false;
        };
        session.apart = true;
        self.set_limits(StepLimits { sessions: 1, messages, tasks }, chunk, destination);
        true
    }

    /// Sets the limits of the next batches. `last`: the last chunk of the rejected batch.
    fn set_limits(&mut self, limits: StepLimits, last: &SessionChunk, destination: &Destination) {
        let end = match self.step.take() {
            Some(step) => step.end,
            None => {
                let acknowledged =
                    destination.sessions.get(&last.session_id).map_or(0, |cursor| cursor.rowid);
                End {
                    session_id: last.session_id.clone(),
                    rowid: last.last_rowid().filter(|last| *last > acknowledged).unwrap_or(i64::MAX),
                }
            }
        };
        self.step = Some(Step { limits, end });
    }
}
