//! The end of a run: what is left undelivered, the last save, the outcome and the report.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::{Outcome, StopReason};
use crate::exporter::plan::fast_path;
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::{Report, count};
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::state::queue::{self, Change, Item, Pause, Queue};

/// Age of the backlog up to which a receiver that is out of reach is no news: a laptop is offline over night.
const OFFLINE_MAX: TimeDelta = TimeDelta::hours(24);

/// The report of a run, and the queue as the run last read it.
pub(super) struct EndedRun {
    pub(super) report: Report,
    queue: Queue,
    /// True if another run is worth an attempt: no fault, permanent error or time limit ended this one.
    pub(super) may_run_again: bool,
}

impl EndedRun {
    /// A run that the fast path ended.
    pub(super) fn idle(queue: Queue) -> EndedRun {
        EndedRun { report: Report::default(), queue, may_run_again: true }
    }

    /// A scheduled run during a pause.
    pub(super) fn paused(queue: Queue, pause: Pause) -> EndedRun {
        let mut report = Report::stopped(StopReason::Paused);
        report.set_next_retry(pause.until);
        EndedRun { report, queue, may_run_again: false }
    }

    /// Combines two runs in one invocation.
    pub(super) fn followed_by(self, next: EndedRun) -> EndedRun {
        EndedRun { report: self.report.followed_by(next.report), ..next }
    }

    /// Reports whether the queue on disk has requests that the run has not read.
    pub(super) fn has_new_requests(&self, context: &Context) -> Result<bool, Error> {
        let queue = Queue::load(&context.folder, None, &mut Vec::new())?;
        let is_paused = queue.pause_at(context.clock.now()).is_some();
        Ok(queue.all_requested || !is_paused && queue.asked_since(&self.queue).next().is_some())
    }
}

/// Sessions and messages that a run leaves undelivered and has not given up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Undelivered {
    sessions: usize,
    messages: u64,
}

impl LockedRun<'_> {
    /// Counts sessions and messages within the request that are undelivered and not given up.
    pub(super) fn count_undelivered(&self) -> Result<Undelivered, Error> {
        let now = self.context.clock.now();
        let queue = self.changed_queue();
        let finished = &self.delivery.progress.batcher.finished;
        let cursors = &self.destination().sessions;
        let snapshot = self.source.snapshot()?;
        let mut undelivered = Undelivered::default();
        for session in self.scan.sessions.iter().filter(|session| session.has_delta) {
            let id = &session.row.id;
            let is_waiting = |item: &Item| item.is_waiting(&session.data_fingerprint, now);
            if self.request.includes(id) && !finished.contains(id) && queue.item(id).is_none_or(is_waiting) {
                let acknowledged = cursors.get(id).map_or(0, |cursor| cursor.rowid);
                undelivered.sessions += 1;
                undelivered.messages += snapshot.count_after(id, acknowledged)?;
            }
        }
        Ok(undelivered)
    }

    /// Time at which the exporter first saw the oldest data that is pending, or that waits for the identity.
    fn pending_since(&self) -> Option<DateTime<Utc>> {
        let waiting =
            self.scan.sessions.iter().filter(|session| session.has_delta || session.waits_for_identity());
        waiting.filter_map(|session| self.destination().sessions.get(&session.row.id)?.waiting_since).min()
    }

    /// Saves, and writes the report.
    pub(super) fn conclude(
        mut self,
        stop: Option<StopReason>,
        undelivered: Undelivered,
    ) -> Result<EndedRun, Error> {
        let progress = &mut self.delivery.progress;
        let rejected: Vec<String> =
            progress.report.errors.iter().filter_map(|error| error.session_id.clone()).collect();
        let leaves_due_data = stop.as_ref().is_some_and(StopReason::leaves_due_data);
        let is_complete = stop.is_none() && undelivered.sessions == 0 && rejected.is_empty();
        let has_contacted = progress.report.attempts > 0
            || leaves_due_data
            || matches!(stop, Some(StopReason::HeartbeatFailed));
        if has_contacted {
            progress.destination_mut().statistics.add_run(is_complete);
        }
        if leaves_due_data {
            self.queue_request_again(undelivered);
        }
        if self.request == Request::All && self.queue.all_requested {
            self.delivery.progress.batcher.changes.push(Change::TakeAll);
        }
        let is_dirty = has_contacted || self.delivery.progress.is_dirty();
        let queue = if is_dirty { self.save(is_complete)? } else { self.queue.clone() };
        let outcome = self.outcome(stop, &rejected, &queue);
        let report = self.report(&outcome, undelivered, &queue);
        // A skipped run may itself have queued its session. Other requests in the saved queue were not acted on.
        let is_skipped = matches!(outcome, Outcome::Stopped(StopReason::Skipped { .. }));
        let queue = if is_skipped { queue } else { self.queue };
        Ok(EndedRun { report, queue, may_run_again: !leaves_due_data })
    }

    /// Queues what was requested and not delivered, so that the next run sends it first.
    fn queue_request_again(&mut self, undelivered: Undelivered) {
        let changes = &mut self.delivery.progress.batcher.changes;
        match &self.request {
            Request::Scheduled => {}
            Request::Session(id) if undelivered.sessions > 0 => {
                changes.push(Change::Request { session_id: id.clone(), at_once: true });
            }
            Request::Session(_) => {}
            Request::All => {
                let failed = self.queue.items.iter().filter(|item| item.status == queue::Status::Failed);
                changes.extend(failed.map(|item| Change::Retry { session_id: item.session_id.clone() }));
            }
        }
    }

    /// The queue with the changes of this run that are not saved yet.
    fn changed_queue(&self) -> Queue {
        let now = self.context.clock.now();
        let mut queue = self.queue.clone();
        self.delivery.progress.batcher.changes.iter().for_each(|change| queue.apply(change, now));
        queue
    }

    /// Saves state and queue. After a run that left nothing to send, the state says so to the fast path of the next.
    fn save(&mut self, is_complete: bool) -> Result<Queue, Error> {
        let is_for_one = matches!(self.request, Request::Session(_));
        let is_idle = is_complete
            && !is_for_one
            && self.changed_queue().items.is_empty()
            && !self.has_forget_requests();
        let files = self.files.take();
        let state = &mut self.delivery.progress.batcher.state;
        state.idle =
            is_idle.then(|| fast_path::idle_snapshot(self.context, state, &self.scan, files)).flatten();
        self.delivery.progress.save()
    }

    /// Classifies the run. `rejected`: the sessions that the receiver rejected; `queue`: the saved queue.
    fn outcome(&self, stop: Option<StopReason>, rejected: &[String], queue: &Queue) -> Outcome {
        let is_newly = |status| {
            rejected
                .iter()
                .filter(|id| !self.failed_before.contains(*id))
                .any(|id| queue.item(id).is_some_and(|item| item.status == status))
        };
        match stop {
            Some(reason) => Outcome::Stopped(reason),
            None if is_newly(queue::Status::Pending) => Outcome::SessionsWillRetry,
            None if is_newly(queue::Status::Failed) => Outcome::SessionsFailed,
            None if !rejected.is_empty() => Outcome::SessionsStillFailing,
            None => Outcome::Delivered,
        }
    }

    fn report(&mut self, outcome: &Outcome, undelivered: Undelivered, queue: &Queue) -> Report {
        let now = self.context.clock.now();
        let mut report = std::mem::take(&mut self.delivery.progress.report);
        report.sessions_sent = self.delivery.progress.acknowledged.len();
        report.sessions_pending = undelivered.sessions;
        report.messages_pending = undelivered.messages;
        let backoff_until = self.destination().backoff.next_retry_at;
        let waiting = queue.items.iter().filter(|item| item.status == queue::Status::Pending);
        let waiting = waiting.filter(|item| self.request.includes(&item.session_id));
        let next_retry = backoff_until.or_else(|| waiting.filter_map(|item| item.next_retry_at).min());
        report.set_next_retry(next_retry.filter(|next| *next > now || backoff_until.is_some()));
        let session_id = match &self.request {
            Request::Session(id) => Some(id.as_str()),
            _ => None,
        };
        let last_error = self.destination().last_error.as_ref().map(|error| error.message.as_str());
        report.set_outcome(outcome, session_id, last_error);
        let destination = self.destination();
        report.conditions.clone_from(&destination.conditions);
        let is_out_of_reach =
            destination.last_error.as_ref().is_some_and(|error| error.code == "UNREACHABLE");
        let is_brief = self.pending_since().is_none_or(|since| (now - since).abs() < OFFLINE_MAX);
        report.is_briefly_offline = report.exit == ExitCode::TryAgain && is_out_of_reach && is_brief;
        report.duration_ms = (self.context.clock.elapsed() - self.started).as_millis() as u64;
        self.context.log.info(
            "run",
            &format!("run ended with {} pending", count(report.sessions_pending, "session")),
            &[
                ("exit", Value::from(report.exit as i32)),
                ("sessionsSent", Value::from(report.sessions_sent)),
                ("messagesSent", Value::from(report.messages_sent)),
                ("nextRetryAt", Value::from(report.next_retry_at.clone())),
            ],
        );
        report
    }
}
