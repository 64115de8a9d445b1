//! The verification by hand: every eligible session against a recount at the receiver, and the delivery of the difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::exporter::batch::content_filter::ContentFilter;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::{Outcome, StepResult, StopReason, stop_reason};
use crate::exporter::plan::eligibility::Eligibility;
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::Report;
use crate::exporter::run::inputs::{RunStart, endpoint_of, load};
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::run::verification::VerifiedSessions;
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::RunLock;

/// Sessions to verify, and what to do about a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyRequest {
    /// Only this session.
    pub session: Option<String>,
    /// True if the difference is delivered.
    pub repair: bool,
}

/// Result of a verification by hand.
#[derive(Debug, Default)]
pub struct VerifyResult {
    /// Report of the run: its status, its exit code, its errors, what it sent.
    pub report: Report,
    /// Findings, those of repaired sessions included.
    pub verified: VerifiedSessions,
    /// Sessions of which everything is at the receiver after the repair.
    pub repaired: BTreeSet<String>,
    /// Number of rows that the receiver rejected by themselves, by session.
    pub left_behind: BTreeMap<String, usize>,
}

impl VerifyResult {
    /// Sessions of which the receiver lacks messages after the repair.
    pub fn unrepaired(&self) -> usize {
        self.verified.faults().iter().filter(|id| !self.repaired.contains(*id)).count()
    }
}

/// Verifies under the run lock.
pub fn verify(context: &Context, request: &VerifyRequest) -> Result<VerifyResult, Error> {
    if !context.config.enabled.value {
        let report = Report::stopped(StopReason::Disabled);
        return Ok(VerifyResult { report, ..VerifyResult::default() });
    }
    let endpoint = endpoint_of(&context.config)?;
    atomic_file::create_private_folder(&context.folder)?;
    let Some(lock) = RunLock::try_acquire(&context.folder)? else {
        let message = "another run holds the lock; repeat han-sync verify when that run has ended";
        return Err(Error::new(ExitCode::TryAgain, message));
    };
    let RunStart::Due(queue, inputs) = load(context, &Request::All, endpoint)? else {
        return Ok(VerifyResult::default());
    };
    let content_filter = ContentFilter::of(&context.config)?;
    let mut run = LockedRun::new(context, &Request::All, endpoint, queue, *inputs, content_filter)?;
    let mut result = VerifyResult::default();
    let stop = stop_reason(run.verify_by_hand(&lock, request, &mut result));
    if run.delivery.progress.is_dirty() {
        run.delivery.progress.save()?;
    }
    run.report_verification(stop?, &mut result);
    Ok(result)
}

impl LockedRun<'_> {
    fn verify_by_hand(
        &mut self,
        lock: &RunLock,
        request: &VerifyRequest,
        result: &mut VerifyResult,
    ) -> StepResult<()> {
        self.scan()?;
        lock.record(self.context);
        self.refresh_identity()?;
        let comparing = self.context.comparing();
        self.check_tombstones()?;
        let ids = match &request.session {
            Some(id) => vec![self.require_eligible(id)?],
            None => self.verifiable_sessions(),
        };
        self.find_left_behind(&ids, result);
        result.verified = self.verify_sessions(&ids, true)?;
        self.delivery.progress.destination_mut().verification.is_unsupported = result.verified.is_unsupported;
        drop(comparing);
        let faults = result.verified.faults();
        if request.repair && !faults.is_empty() {
            self.queue_again(&faults)?;
            let mut due = self.due_sessions();
            due.retain(|session| faults.binary_search(&session.session_id).is_ok());
            self.deliver_shown(&mut due)?;
            let _comparing = self.context.comparing();
            let left = self.verify_sessions(&faults, true)?.faults();
            result.repaired = faults.into_iter().filter(|id| left.binary_search(id).is_err()).collect();
        }
        let is_whole = request.session.is_none() && !result.verified.is_unsupported;
        if is_whole && result.unrepaired() == 0 {
            let now = self.context.clock.now();
            self.delivery.progress.destination_mut().verification.record_proof(now);
        }
        Ok(())
    }

    /// Stops unless the session is eligible.
    fn require_eligible(&self, id: &str) -> StepResult<String> {
        let session = self.scan.sessions.iter().find(|session| session.row.id == id);
        let (code, message) = match session.map(|session| &session.eligibility) {
            Some(Eligibility::Eligible { .. }) => return Ok(id.to_owned()),
            Some(Eligibility::Excluded { reason, .. }) => {
                (reason.code(), format!("{reason}; {}", reason.remedy()))
            }
            None => ("NOT_INDEXED", format!("han has not indexed session {id}")),
        };
        Err(StopReason::Skipped { code, message }.into())
    }

    fn find_left_behind(&self, ids: &[String], result: &mut VerifyResult) {
        for id in ids {
            let refused = self.destination().sessions.get(id).map_or(0, |cursor| cursor.refused.len());
            if refused > 0 {
                result.left_behind.insert(id.clone(), refused);
            }
        }
    }

    fn report_verification(&mut self, stop: Option<StopReason>, result: &mut VerifyResult) {
        let mut report = std::mem::take(&mut self.delivery.progress.report);
        report.sessions_sent = self.delivery.progress.acknowledged.len();
        let last_error = self.destination().last_error.as_ref().map(|error| error.message.as_str());
        let outcome = match stop {
            Some(reason) => Outcome::Stopped(reason),
            None if result.unrepaired() > 0 => Outcome::SessionsFailed,
            None => Outcome::Delivered,
        };
        report.set_outcome(&outcome, None, last_error);
        report.duration_ms = (self.context.clock.elapsed() - self.started).as_millis() as u64;
        result.report = report;
    }
}
