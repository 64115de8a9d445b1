//! The daily check: a scheduled run verifies a thirtieth of the sessions each day, by the digests that the receiver keeps,
//! and every session after the receiver was restored from a backup. What differs is sent again in the same run.
//!
//! It adds no contact of its own: it follows the hourly one. A fault of it is no fault of the run, which has delivered
//! everything; the next contact tries again.

use serde_json::Value;

use crate::exporter::outcome::{EarlyExit, StepResult, StopReason};
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::count;
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::run::verification::VerifiedSessions;
use crate::exporter::state::tombstones::ForgetObject;
use crate::exporter::state::{PASS_DAYS, Verification};

impl LockedRun<'_> {
    fn verification_mut(&mut self) -> &mut Verification {
        self.delivery.progress.set_dirty();
        &mut self.delivery.progress.destination_mut().verification
    }

    /// Verifies what is due, in a scheduled run that has reached the receiver.
    pub(super) fn check_if_due(&mut self) -> StepResult<()> {
        let now = self.context.clock.now();
        let destination = self.destination();
        let has_contact = self.delivery.progress.report.attempts > 0;
        let verification = &destination.verification;
        let parts = if has_contact { verification.parts_due(now) } else { 0 };
        let compares_all = verification.comparison_is_due(now);
        if verification.began_at.is_none() && has_contact {
            self.verification_mut().began_at = Some(now);
        }
        let may_check = self.request == Request::Scheduled && self.has_scanned_all && !self.is_in_backoff();
        if !may_check || (parts == 0 && !compares_all) {
            return Ok(());
        }
        match self.check(compares_all, parts) {
            Err(EarlyExit::Stopped(StopReason::Fault | StopReason::TimeUp))
                if self.due_sessions().is_empty() =>
            {
                self.context.log.info(
                    "check",
                    "the check of stored sessions is put off to the next contact",
                    &[],
                );
                Ok(())
            }
            checked => checked,
        }
    }

    fn check(&mut self, compares_all: bool, parts: usize) -> StepResult<()> {
        if compares_all {
            self.compare_all()?;
        } else {
            self.check_parts(parts)?;
        }
        self.delivery.retry_inline = false;
        let comparing = self.context.comparing();
        let lifted = self.check_tombstones();
        drop(comparing);
        self.delivery.retry_inline = true;
        if lifted? { self.deliver_again() } else { Ok(()) }
    }

    /// Delivers what the check has found to be missing.
    fn deliver_again(&mut self) -> StepResult<()> {
        let mut due = self.due_sessions();
        self.deliver_shown(&mut due)
    }

    /// Verifies the next sessions of the pass.
    fn check_parts(&mut self, parts: usize) -> StepResult<()> {
        let now = self.context.clock.now();
        let ids = self.verifiable_sessions();
        let position = self.destination().verification.position.as_deref().unwrap_or_default();
        let start = ids.partition_point(|id| id.as_str() <= position);
        let part = ids.len().div_ceil(PASS_DAYS).saturating_mul(parts).min(ids.len() - start);
        let end = start + part;
        let is_proven = self.verify_and_mend(&ids[start..end])?;
        let verification = self.verification_mut();
        verification.checked_at = Some(now);
        verification.has_faults |= !is_proven;
        if end < ids.len() {
            verification.position = Some(ids[end - 1].clone());
        } else if verification.has_faults {
            (verification.position, verification.has_faults) = (None, false);
        } else if !verification.is_unsupported {
            verification.record_proof(now);
        }
        Ok(())
    }

    /// Compares every session with a receiver that was restored from a backup, and sends again what has no digest.
    fn compare_all(&mut self) -> StepResult<()> {
        let now = self.context.clock.now();
        self.context.log.warn(
            "restored",
            "the receiver has fewer batches than it has acknowledged, as after a restored backup; every session is compared \
             with it, and the difference sent again",
        );
        self.assert_tombstones_again();
        self.send_forget_requests()??;
        let ids = self.verifiable_sessions();
        let is_proven = self.verify_and_mend(&ids)?;
        let verification = self.verification_mut();
        verification.compare_at = None;
        verification.checked_at = Some(now);
        if is_proven && !verification.is_unsupported {
            verification.record_proof(now);
        }
        Ok(())
    }

    /// Requests once more that the receiver forgets what the user forgot here: a backup may hold it.
    fn assert_tombstones_again(&mut self) {
        let state = &mut self.delivery.progress.batcher.state;
        for (session_id, tombstone) in state.tombstones.iter().filter(|(_, tombstone)| !tombstone.is_learned)
        {
            let object = ForgetObject::Session(session_id.to_owned());
            state.destination.forget_requests.add(object, false, tombstone.at);
        }
    }

    /// Forgets which fields and tasks the receiver has of any session: they have no digest.
    fn forget_fields_and_tasks(&mut self) {
        let sessions = &mut self.delivery.progress.batcher.state.destination.sessions;
        for cursor in sessions.decode_all().values_mut() {
            cursor.fields_sent = false;
            cursor.tasks.clear();
        }
    }

    /// Verifies sessions, and sends again those that differ, or all of them to a receiver without digests that was restored.
    /// Returns true if all are proven now.
    fn verify_and_mend(&mut self, ids: &[String]) -> StepResult<bool> {
        self.delivery.retry_inline = false;
        let comparing = self.context.comparing();
        let verified = self.verify_sessions(ids, false);
        drop(comparing);
        self.delivery.retry_inline = true;
        let verified = verified?;
        let compares_all = self.destination().verification.compare_at.is_some();
        self.verification_mut().is_unsupported = verified.is_unsupported;
        let differing =
            if verified.is_unsupported && compares_all { ids.to_vec() } else { verified.faults() };
        self.log_check(&verified, &differing);
        if differing.is_empty() && !compares_all {
            return Ok(true);
        }
        if compares_all {
            self.forget_fields_and_tasks();
        }
        self.queue_again(&differing)?;
        self.deliver_again()?;
        Ok(differing.iter().all(|id| self.delivery.progress.batcher.finished.contains(id)))
    }

    fn log_check(&self, verified: &VerifiedSessions, differing: &[String]) {
        let log = &self.context.log;
        let compared = Value::from(verified.sessions);
        let fields = [("sessions", compared), ("differing", Value::from(differing.len()))];
        log.info("check", &format!("verified {}", count(verified.sessions, "session")), &fields);
        if !differing.is_empty() {
            let message = format!(
                "the receiver lacks messages of {}; they are sent again",
                count(differing.len(), "session")
            );
            log.warn("check", &message);
        }
        if verified.miscounted > 0 {
            let message = format!(
                "the receiver keeps a wrong digest of {}, though the messages are there; its administrator mends it with \
                 `han-sync-receiver admin check --repair`",
                count(verified.miscounted, "session")
            );
            log.warn("check", &message);
        }
    }
}
