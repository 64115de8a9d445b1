//! The requests that a run acts on: its own, and those that other processes add to the queue meanwhile.

use std::collections::{HashSet, VecDeque};

use crate::exporter::error::Error;
use crate::exporter::outcome::{EarlyExit, StepResult, StopReason};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::{Eligibility, tombstone_reason};
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::state::queue::{Change, Queue};

impl LockedRun<'_> {
    /// Stops if the requested session is unknown to han or not eligible.
    pub(super) fn check_requested_session(&mut self) -> StepResult<()> {
        let Request::Session(id) = &self.request else { return Ok(()) };
        let Some(session) = self.scan.sessions.iter().find(|session| session.row.id == *id) else {
            if let Some(tombstone) = self.delivery.progress.batcher.state.tombstones.get(id) {
                let reason = tombstone_reason(tombstone);
                let message = format!("{reason}; {}", reason.remedy_of(id));
                return Err(StopReason::Skipped { code: reason.code(), message }.into());
            }
            let request = Change::Request { session_id: id.clone(), at_once: false };
            self.delivery.progress.batcher.changes.push(request);
            let message = format!("han has not indexed session {id} yet; it is queued for a day");
            return Err(StopReason::Skipped { code: "NOT_INDEXED", message }.into());
        };
        match &session.eligibility {
            Eligibility::Eligible { .. } => Ok(()),
            Eligibility::Excluded { reason, .. } => {
                let message = format!("{reason}; {}", reason.remedy_of(id));
                Err(StopReason::Skipped { code: reason.code(), message }.into())
            }
        }
    }

    /// Reports whether the receiver has not answered a request to forget that is due.
    pub(super) fn has_forget_requests(&self) -> bool {
        self.destination().forget_requests.next_due(self.context.clock.now()).is_some()
    }

    /// Sends the requests to forget. A fault is returned as the inner result, for the end of the run.
    pub(super) fn send_forget_requests(&mut self) -> StepResult<StepResult<()>> {
        if !self.has_forget_requests() {
            return Ok(Ok(()));
        }
        self.delivery.retry_inline = false;
        let _waiting = self.context.waiting();
        let sent = self.delivery.send_forget_requests(&mut Vec::new());
        self.delivery.retry_inline = true;
        match sent {
            Err(EarlyExit::Stopped(StopReason::Fault)) => Ok(Err(StopReason::Fault.into())),
            sent => sent.map(Ok),
        }
    }

    /// Removes the queue items without a purpose.
    pub(super) fn remove_obsolete_items(&mut self) {
        let obsolete = schedule::obsolete_items(&self.queue, &self.scan, self.context.clock.now());
        self.delivery.progress.batcher.changes.extend(obsolete);
    }

    /// Reads the queue once more before the lock is released. Returns the due sessions among those that other processes
    /// requested since the last read, after a save; `None` if there was no request.
    pub(super) fn take_new_requests(&mut self) -> Result<Option<VecDeque<DueSession>>, Error> {
        if !self.delivery.progress.is_dirty() {
            return Ok(None);
        }
        let queue = Queue::load(&self.context.folder, None, &mut Vec::new())?;
        // A hook's request during a pause waits for its end, like that of a scheduled run.
        let is_paused = queue.pause_at(self.context.clock.now()).is_some();
        if is_paused || queue.asked_since(&self.queue).next().is_none() {
            self.queue = queue;
            return Ok(None);
        }
        let before = std::mem::take(&mut self.queue);
        self.queue = self.delivery.progress.save()?;
        let requested: HashSet<String> = self.queue.asked_since(&before).map(str::to_owned).collect();
        self.scan()?;
        self.remove_obsolete_items();
        // The request of this run does not matter: no other run reads the queue before the next scheduled one.
        let mut due = self.due_sessions_of(&Request::Scheduled, false);
        due.retain(|session| requested.contains(&session.session_id));
        Ok(Some(due))
    }
}
