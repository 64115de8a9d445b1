//! A run, from lock to report: lock, load, scan, filter, batch, send, acknowledge, save, report.
//!
//! The run lock belongs to one run at a time. A request that another process makes meanwhile goes into the queue; the
//! run that holds the lock reads the queue again before and after the release of the lock, so that no request waits
//! for the next scheduled run.

/// The inputs of a run: endpoint, queue, state, source.
pub mod inputs;
/// The run under the lock: its data, and the scan.
mod locked_run;
/// The identity, refreshed where the run needs it.
mod identity;
/// The requests that the run acts on.
mod requests;
/// The wait before the first request.
mod splay;
/// The outlook on a first run.
pub mod outlook;
/// The announcement of a first run.
mod first_run;
/// The comparison of sessions with what the receiver holds.
mod verification;
/// The comparison of tombstones with those of the receiver.
mod tombstone_check;
/// The verification of a part of the sessions each day, and of all after the receiver was restored.
mod daily_check;
/// The verification by hand.
mod verify;
/// A user's command to forget sessions.
pub mod forget;
/// The end of a run: what is left undelivered, the last save, the outcome and the report.
mod conclusion;

use std::collections::VecDeque;

use crate::exporter::batch::content_filter::ContentFilter;
use crate::exporter::config::Endpoint;
use crate::exporter::context::Context;
use crate::exporter::error::Error;
use crate::exporter::outcome::{EarlyExit, StepResult, StopReason, stop_reason};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::report::Report;
use crate::exporter::run::conclusion::EndedRun;
use crate::exporter::run::inputs::{RunStart, endpoint_of, load, log_warnings};
use crate::exporter::run::locked_run::LockedRun;
pub use crate::exporter::run::verification::{Finding, VerifiedSessions};
pub use crate::exporter::run::verify::{VerifyRequest, VerifyResult, verify};
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::{self, RunLock};
use crate::exporter::state::queue::{Change, Queue};

/// Runs, and runs again for requests that other processes made meanwhile.
pub fn run(context: &Context, request: &Request) -> Result<Report, Error> {
    if !context.config.enabled.value {
        return Ok(Report::stopped(StopReason::Disabled));
    }
    let endpoint = endpoint_of(&context.config)?;
    atomic_file::create_private_folder(&context.folder)?;
    let Some(lock) = acquire_lock(context, request)? else {
        return Ok(Report::stopped(lock::busy_reason(context)));
    };
    let mut ended = run_locked(context, request, endpoint, lock)?;
    // A process that made a request between the last read of the queue and the release of the lock found the lock held.
    while ended.may_run_again && ended.has_new_requests(context)? {
        let Some(lock) = RunLock::try_acquire(&context.folder)? else { break };
        let next = run_locked(context, &Request::Scheduled, endpoint, lock)?;
        ended = ended.followed_by(next);
    }
    Ok(ended.report)
}

/// Acquires the run lock. If another run holds it, queues the request and tries once more.
fn acquire_lock(context: &Context, request: &Request) -> Result<Option<RunLock>, Error> {
    if let Some(lock) = RunLock::try_acquire(&context.folder)? {
        return Ok(Some(lock));
    }
    let change = match request {
        Request::Scheduled => return Ok(None),
        Request::Session(id) => Change::Request { session_id: id.clone(), at_once: true },
        Request::All => Change::RequestAll,
    };
    let mut warnings = Vec::new();
    Queue::update(&context.folder, None, &[change], context.clock.now(), &mut warnings)?;
    log_warnings(&context.log, &warnings);
    RunLock::try_acquire(&context.folder)
}

/// Runs under the lock, and releases the lock.
fn run_locked(
    context: &Context,
    request: &Request,
    endpoint: Endpoint,
    lock: RunLock,
) -> Result<EndedRun, Error> {
    let (queue, inputs) = match load(context, request, endpoint)? {
        RunStart::Due(queue, inputs) => (queue, *inputs),
        RunStart::Idle(queue) => return Ok(EndedRun::idle(queue)),
        RunStart::Paused(queue, pause) => return Ok(EndedRun::paused(queue, pause)),
    };
    let content_filter = ContentFilter::of(&context.config)?;
    let mut run = LockedRun::new(context, request, endpoint, queue, inputs, content_filter)?;
    let stopped = stop_reason(run.deliver_and_check(&lock));
    let ended = stopped.and_then(|stop| Ok((stop, run.count_undelivered()?)));
    match ended {
        Ok((stop, undelivered)) => run.conclude(stop, undelivered),
        Err(error) => {
            // What was acknowledged before the error is not sent again.
            if run.delivery.progress.is_dirty() {
                run.delivery.progress.save()?;
            }
            Err(error)
        }
    }
}

impl LockedRun<'_> {
    /// Delivers what is due, and then checks the part of the sessions that is due for verification.
    fn deliver_and_check(&mut self, lock: &RunLock) -> StepResult<()> {
        self.deliver_due(lock)?;
        self.check_if_due()
    }

    /// Delivers everything due, or the requested session.
    fn deliver_due(&mut self, lock: &RunLock) -> StepResult<()> {
        let in_backoff = self.is_in_backoff();
        self.scan()?;
        if in_backoff && self.request == Request::Scheduled {
            let nothing_due = self.due_sessions().is_empty() && !self.has_forget_requests();
            return if nothing_due { Ok(()) } else { Err(StopReason::InBackoff.into()) };
        }
        if self.has_requests_to_make() {
            lock.record(self.context);
            self.splay()?;
        }
        self.refresh_identity()?;
        // A receiver that takes batches and fails here holds up no session.
        let forgotten = self.send_forget_requests()?;
        self.check_requested_session()?;
        self.remove_obsolete_items();
        let mut due = self.due_sessions();
        if !due.is_empty() || schedule::heartbeat_is_due(self.destination(), self.context.clock.now()) {
            self.report_client()?;
        }
        if due.is_empty() && !matches!(self.request, Request::Session(_)) {
            return self.send_heartbeat_if_due().and(forgotten);
        }
        self.announce_first_run()?;
        loop {
            self.deliver_shown(&mut due)?;
            let Some(requested) = self.take_new_requests()? else { break };
            due = requested;
            self.report_client()?;
        }
        forgotten
    }

    /// Delivers sessions, and shows the progress of it to a person at a terminal.
    fn deliver_shown(&mut self, due: &mut VecDeque<DueSession>) -> StepResult<()> {
        self.show_progress(due)?;
        let delivered = self.deliver_sessions(due);
        self.delivery.progress.hide_line();
        delivered
    }

    fn show_progress(&mut self, due: &VecDeque<DueSession>) -> Result<(), Error> {
        if !self.context.log.has_reader() {
            return Ok(());
        }
        let snapshot = self.source.snapshot()?;
        let mut messages = 0;
        for session in due {
            let cursor = self.destination().sessions.get(&session.session_id);
            messages += snapshot.count_after(&session.session_id, cursor.map_or(0, |cursor| cursor.rowid))?;
        }
        self.delivery.show_progress(&self.context.environment, due, messages);
        Ok(())
    }

    fn deliver_sessions(&mut self, due: &mut VecDeque<DueSession>) -> StepResult<()> {
        let now = self.context.clock.now();
        let affiliations = schedule::affiliations(self.destination().identity.as_ref(), now);
        self.delivery.deliver(&self.source, &affiliations, due)
    }

    /// Sends a heartbeat if the last response is an hour old.
    fn send_heartbeat_if_due(&mut self) -> StepResult<()> {
        if !schedule::heartbeat_is_due(self.destination(), self.context.clock.now()) {
            return Ok(());
        }
        self.delivery.retry_inline = false;
        let _waiting = self.context.waiting();
        match self.delivery.send_heartbeat() {
            Err(EarlyExit::Stopped(StopReason::Fault | StopReason::TimeUp | StopReason::Signalled)) => {
                Err(StopReason::HeartbeatFailed.into())
            }
            sent => sent.map(drop),
        }
    }
}
