//! The splay: a scheduled run waits a random part of it before its first request, so that a thousand machines do not send
//! in one second.

use std::time::Duration;

use crate::exporter::backoff;
use crate::exporter::outcome::StepResult;
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::state::queue::Queue;

/// Part of the splay after which the queue is read again.
const SPLAY_SLICE: Duration = Duration::from_secs(1);

impl LockedRun<'_> {
    /// Reports whether the run is going to ask the receiver for anything.
    pub(super) fn has_requests_to_make(&self) -> bool {
        let now = self.context.clock.now();
        let nothing_due = self.due_sessions().is_empty() && !self.has_forget_requests();
        !nothing_due
            || schedule::heartbeat_is_due(self.destination(), now)
            || self.destination().verification.comparison_is_due(now)
            || schedule::wants_identity(self.destination(), &self.request, &self.scan, nothing_due, now)
    }

    /// Waits a random part of the splay. A request by hook or hand ends the wait.
    pub(super) fn splay(&mut self) -> StepResult<()> {
        if self.request != Request::Scheduled {
            return Ok(());
        }
        let mut left = self.context.splay.mul_f64(backoff::jitter());
        while !left.is_zero() {
            let slice = left.min(SPLAY_SLICE);
            self.delivery.wait(slice)?;
            left -= slice;
            let queue = Queue::load(&self.context.folder, None, &mut Vec::new())?;
            if queue.all_requested || queue.asked_since(&self.queue).next().is_some() {
                break;
            }
        }
        Ok(())
    }
}
