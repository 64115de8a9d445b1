//! The identity of a run: requested where the run needs a fresh one, and relied on while the known one is usable.

use crate::exporter::outcome::{EarlyExit, StepResult, StopReason};
use crate::exporter::plan::scan::ScannedSession;
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::run::locked_run::LockedRun;

impl LockedRun<'_> {
    /// Requests the identity if the run needs a fresh one. A new identity can make further sessions eligible, so the
    /// source is scanned again.
    pub(super) fn refresh_identity(&mut self) -> StepResult<()> {
        let now = self.context.clock.now();
        let nothing_due = self.due_sessions().is_empty() && !self.has_forget_requests();
        if !schedule::wants_identity(self.destination(), &self.request, &self.scan, nothing_due, now) {
            return Ok(());
        }
        let was_usable = schedule::identity_is_usable(self.destination(), now);
        let nothing_waits = nothing_due && !self.scan.sessions.iter().any(ScannedSession::waits_for_identity);
        // One attempt suffices if no session waits for the identity, or the known one is usable.
        self.delivery.retry_inline = !was_usable && !nothing_waits;
        let waiting = self.context.waiting();
        let fetched = self.delivery.fetch_identity();
        drop(waiting);
        self.delivery.retry_inline = true;
        let identity_changed = match fetched {
            Err(EarlyExit::Stopped(StopReason::Fault)) => {
                self.check_known_identity(nothing_waits)?;
                false
            }
            fetched => fetched?,
        };
        // An identity that was too old and is confirmed makes sessions eligible too.
        if identity_changed || !was_usable {
            self.scan()?;
        }
        self.identity_changed = identity_changed;
        Ok(())
    }

    /// Decides whether the run continues after a fault of the identity endpoint: with a usable identity, or with one
    /// that is too old to include a session but still excludes the user's own accounts.
    fn check_known_identity(&self, nothing_waits: bool) -> StepResult<()> {
        if schedule::identity_is_usable(self.destination(), self.context.clock.now()) {
            return Ok(());
        }
        if nothing_waits && self.request == Request::Scheduled {
            return Err(StopReason::HeartbeatFailed.into());
        }
        let is_known = self.destination().identity.is_some();
        if is_known && !self.delivery.asked_to_wait && !self.due_sessions().is_empty() {
            return Ok(());
        }
        Err(StopReason::Fault.into())
    }
}
