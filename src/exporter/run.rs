//! A run, from lock to report: lock, load, scan, filter, batch, send, acknowledge, save, report.
//!
//! The run lock belongs to one run at a time. A request that another process makes meanwhile goes into the queue; the
//! run that holds the lock reads the queue again before and after the release of the lock, so that no request waits
//! for the next scheduled run.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::exporter::backoff;
use crate::exporter::batch::redact::Redactor;
use crate::exporter::config::{ApiKey, Config};
use crate::exporter::context::Context;
use crate::exporter::delivery::Delivery;
use crate::exporter::delivery::batcher::{Batcher, redactor};
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::Logger;
use crate::exporter::outcome::{Flow, Interruption, Outcome, StopReason};
use crate::exporter::plan::eligibility::{Eligibility, EligibilityFilter};
use crate::exporter::plan::fast_path::{self, FastPath};
use crate::exporter::plan::identity_check::identity_warnings;
use crate::exporter::plan::pending_session::PendingSession;
use crate::exporter::plan::scan::{Scan, ScannedSession, scan, scan_some};
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::plan::unmatched_patterns::UnmatchedPattern;
use crate::exporter::report::{Report, count};
use crate::exporter::source::{self, Source};
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::{self, RunLock};
use crate::exporter::state::queue::{self, Change, Item, Queue};
use crate::exporter::state::{Destination, SourceFingerprint, State};

/// Part of the splay after which the queue is read again.
const SPLAY_SLICE: Duration = Duration::from_secs(1);

/// Runs, and runs again for requests that other processes made meanwhile.
pub fn run(context: &Context, request: &Request) -> Result<Report, Error> {
    if !context.config.enabled.value {
        return Ok(Report::stopped(StopReason::Disabled));
    }
    let receiver = endpoint_and_key(&context.config)?;
    atomic_file::create_private_folder(&context.folder)?;
    let Some(lock) = acquire_lock(context, request)? else {
        return Ok(Report::stopped(lock::busy_reason(context)));
    };
    let mut ended = run_locked(context, request, receiver, lock)?;
    // A process that made a request between the last read of the queue and the release of the lock found the lock held.
    while ended.is_healthy() && ended.has_new_requests(context)? {
        let Some(lock) = RunLock::try_acquire(&context.folder)? else { break };
        let next = run_locked(context, &Request::Scheduled, receiver, lock)?;
        ended = EndedRun { report: ended.report.followed_by(next.report), queue: next.queue };
    }
    Ok(ended.report)
}

fn endpoint_and_key(config: &Config) -> Result<(&str, &ApiKey), Error> {
    let Some(endpoint) = &config.endpoint else {
        return Err(Error::configuration(
            "sync is enabled but has no endpoint; set endpoint in han.yml, or HAN_SYNC_ENDPOINT",
        ));
    };
    let Some(key) = &config.api_key else {
        return Err(Error::configuration(
            "sync is enabled but has no key; set apiKey or apiKeyFile in han.yml, or HAN_SYNC_API_KEY",
        ));
    };
    Ok((&endpoint.value, &key.value))
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

/// The report of a run, and the queue as the run last read it.
struct EndedRun {
    report: Report,
    queue: Queue,
}

impl EndedRun {
    /// Reports whether another run is worth an attempt: no fault, permanent error or time limit ended this one.
    fn is_healthy(&self) -> bool {
        matches!(self.report.exit, ExitCode::Success | ExitCode::SessionsRejected)
    }

    /// Reports whether the queue on disk has requests that the run has not read.
    fn has_new_requests(&self, context: &Context) -> Result<bool, Error> {
        let queue = Queue::load(&context.folder, None, &mut Vec::new())?;
        Ok(queue.all_requested || queue.asked_since(&self.queue).next().is_some())
    }
}

/// Runs under the lock, and releases the lock.
fn run_locked(
    context: &Context,
    request: &Request,
    receiver: (&str, &ApiKey),
    lock: RunLock,
) -> Result<EndedRun, Error> {
    let (queue, inputs) = load(context, request, receiver)?;
    let Some(inputs) = inputs else { return Ok(EndedRun { report: Report::default(), queue }) };
    let redactor = redactor(&context.config)?;
    let mut run = Run::new(context, request, receiver, queue, inputs, redactor.as_ref())?;
    let ended = stop_reason(run.deliver_pending(&lock)).and_then(|stop| Ok((stop, run.count_pending()?)));
    match ended {
        Ok((stop, pending)) => run.conclude(stop, pending),
        Err(error) => {
            // What was acknowledged before the error is not sent again.
            if run.delivery.progress.is_dirty() {
                run.delivery.progress.save()?;
            }
            Err(error)
        }
    }
}

/// The inputs of a run that has something to do.
struct Inputs {
    state: State,
    /// han's database; opened by the fast path, or later.
    source: Option<Source>,
    /// From the fast path: the sessions with new messages, and the fingerprint of everything else.
    changed: Option<(BTreeSet<String>, SourceFingerprint)>,
    /// Signature of the database's files before the first read.
    files: Option<String>,
}

/// Loads the queue and, unless the fast path finds nothing to do, the state.
fn load(
    context: &Context,
    request: &Request,
    (endpoint, key): (&str, &ApiKey),
) -> Result<(Queue, Option<Inputs>), Error> {
    let Context { config, clock, folder, .. } = context;
    let now = clock.now();
    let mut warnings = config.warnings.clone();
    let queue = Queue::load(folder, Some(now), &mut warnings)?;
    let files = source::change_signature(&config.database, now);
    let fast_path = match request {
        Request::Scheduled => fast_path::decide(context, (endpoint, key), &queue, files.as_deref(), now)?,
        _ => FastPath::FullScan,
    };
    let inputs = match fast_path {
        FastPath::Idle => None,
        FastPath::FewSessions(few) => Some(Inputs {
            state: few.state,
            source: Some(few.source),
            changed: Some((few.session_ids, few.fingerprint)),
            files,
        }),
        FastPath::FullScan => {
            let receiver = (endpoint, key.expose());
            let state =
                State::load(folder, &context.environment, &queue, receiver, Some(now), &mut warnings)?;
            Some(Inputs { state, source: None, changed: None, files })
        }
    };
    log_warnings(&context.log, &warnings);
    Ok((queue, inputs))
}

fn log_warnings<'a>(log: &Logger, warnings: impl IntoIterator<Item = &'a String>) {
    for warning in warnings {
        log.warn("warning", warning);
    }
}

/// Tells a run that stopped from a run that failed; `None` for one that delivered everything due.
fn stop_reason(flow: Flow<()>) -> Result<Option<StopReason>, Error> {
    match flow {
        Ok(()) => Ok(None),
        Err(Interruption::Stopped(reason)) => Ok(Some(reason)),
        Err(Interruption::Failed(error)) => Err(error),
    }
}

/// Sessions and messages that a run leaves pending.
#[derive(Debug, Clone, Copy, Default)]
struct PendingCounts {
    sessions: usize,
    messages: u64,
}

/// A run under the lock.
struct Run<'a> {
    context: &'a Context,
    request: Request,
    /// The queue as last read. Requests that are newer were not acted on.
    queue: Queue,
    source: Source,
    /// See [`Inputs::changed`]; consumed by the first scan.
    changed: Option<(BTreeSet<String>, SourceFingerprint)>,
    /// See [`Inputs::files`].
    files: Option<String>,
    /// Sessions that had failed before this run.
    failed_before: HashSet<String>,
    /// The last scan.
    scan: Scan,
    /// True if the receiver returned a new identity, which makes failed sessions due.
    identity_changed: bool,
    started: Duration,
    delivery: Delivery<'a>,
}

impl<'a> Run<'a> {
    fn new(
        context: &'a Context,
        request: &Request,
        (endpoint, key): (&str, &ApiKey),
        queue: Queue,
        inputs: Inputs,
        redactor: Option<&'a Redactor>,
    ) -> Result<Run<'a>, Error> {
        let Inputs { state, source, changed, files } = inputs;
        let Context { config, clock, folder, .. } = context;
        let client = HttpClient::new(config, endpoint, key, &state.client_id)?;
        let source = source.map_or_else(|| Source::open(&config.database), Ok)?;
        // The client id and secret have to survive a kill before the first acknowledgement.
        if !State::path(folder).exists() {
            state.save(folder)?;
        }
        let all_requested = queue.all_requested && *request == Request::Scheduled;
        let failed = queue.items.iter().filter(|item| item.status == queue::Status::Failed);
        Ok(Run {
            context,
            request: if all_requested { Request::All } else { request.clone() },
            failed_before: failed.map(|item| item.session_id.clone()).collect(),
            queue,
            source,
            changed,
            files,
            scan: Scan::default(),
            identity_changed: false,
            started: clock.elapsed(),
            delivery: Delivery::new(Batcher::new(config, clock, redactor, state), client, context),
        })
    }

    /// Delivers everything due, or the requested session.
    fn deliver_pending(&mut self, lock: &RunLock) -> Flow<()> {
        let in_backoff = self.is_in_backoff();
        self.scan()?;
        if in_backoff && self.request == Request::Scheduled {
            let nothing_due = self.due_sessions().is_empty();
            return if nothing_due { Ok(()) } else { Err(StopReason::InBackoff.into()) };
        }
        if self.has_requests_to_make() {
            lock.record(self.context);
            self.splay()?;
        }
        self.refresh_identity()?;
        self.check_requested_session()?;
        self.remove_obsolete_items();
        let mut pending = self.due_sessions();
        if pending.is_empty() && !matches!(self.request, Request::Session(_)) {
            return self.send_heartbeat();
        }
        loop {
            let now = self.context.clock.now();
            let affiliations = schedule::affiliations(self.destination().identity.as_ref(), now);
            self.delivery.deliver(&self.source, &affiliations, &mut pending)?;
            let Some(requested) = self.requested_meanwhile()? else { return Ok(()) };
            pending = requested;
        }
    }

    /// Reports whether the run is going to ask the receiver for anything.
    fn has_requests_to_make(&self) -> bool {
        let now = self.context.clock.now();
        let nothing_due = self.due_sessions().is_empty();
        !nothing_due
            || schedule::heartbeat_is_due(self.destination(), now)
            || schedule::wants_identity(self.destination(), &self.request, &self.scan, nothing_due, now)
    }

    /// Waits a random part of the splay, so that a thousand machines do not send in one second. A request by hook or hand
    /// ends the wait.
    fn splay(&mut self) -> Flow<()> {
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

    fn destination(&self) -> &Destination {
        self.delivery.progress.destination()
    }

    fn is_in_backoff(&self) -> bool {
        let next_retry_at = self.destination().backoff.next_retry_at;
        !backoff::is_due(next_retry_at, self.context.clock.now(), backoff::CAP)
    }

    /// Scans the source, or only the sessions that the fast path found; logs the warnings that are new since the last
    /// scan.
    fn scan(&mut self) -> Result<(), Error> {
        let now = self.context.clock.now();
        let batcher = &mut self.delivery.progress.batcher;
        let affiliations = schedule::affiliations(batcher.state.destination.identity.as_ref(), now);
        let filter = EligibilityFilter { config: &self.context.config, affiliations: &affiliations };
        let state = &mut batcher.state;
        let is_partial = self.changed.is_some();
        let mut scan = match self.changed.take() {
            Some((session_ids, fingerprint)) => {
                scan_some(&self.source, filter, state, (&session_ids, &fingerprint), now)?
            }
            None => scan(&self.source, filter, state, now)?,
        };
        batcher.fields_changed |= scan.fields_changed;
        if !is_partial {
            let rules = &self.context.config.privacy;
            scan.warnings.extend(identity_warnings(&state.destination, rules, &scan.sessions, now));
        }
        let is_copied = state.project_overrides.is_same_on_disk(&self.queue.project_overrides);
        if scan.must_save || !is_copied {
            self.delivery.progress.set_dirty();
        }
        let before = std::mem::replace(&mut self.scan, scan);
        let is_new = |warning: &&String| !before.warnings.contains(warning);
        log_warnings(&self.context.log, self.scan.warnings.iter().filter(is_new));
        if before.sessions.is_empty() {
            let unmatched = self.scan.unmatched_patterns.iter().map(UnmatchedPattern::to_string);
            log_warnings(&self.context.log, &unmatched.collect::<Vec<_>>());
        }
        Ok(())
    }

    /// The due sessions of the last scan, in the order of sending.
    fn due_sessions(&self) -> VecDeque<PendingSession> {
        self.due_sessions_of(&self.request, self.identity_changed)
    }

    fn due_sessions_of(&self, request: &Request, identity_changed: bool) -> VecDeque<PendingSession> {
        let now = self.context.clock.now();
        schedule::due_sessions(&self.scan, &self.queue, self.destination(), request, identity_changed, now)
    }

    /// Requests the identity if the run needs a fresh one. A new identity can make further sessions eligible, so the
    /// source is scanned again.
    fn refresh_identity(&mut self) -> Flow<()> {
        let now = self.context.clock.now();
        let nothing_due = self.due_sessions().is_empty();
        if !schedule::wants_identity(self.destination(), &self.request, &self.scan, nothing_due, now) {
            return Ok(());
        }
        let was_usable = schedule::identity_is_usable(self.destination(), now);
        let nothing_waits = nothing_due && !self.scan.sessions.iter().any(ScannedSession::waits_for_identity);
        // One attempt suffices if no session waits for the identity, or the known one is usable.
        self.delivery.retry_inline = !was_usable && !nothing_waits;
        let learned = self.delivery.learn_identity();
        self.delivery.retry_inline = true;
        let identity_changed = match learned {
            Err(Interruption::Stopped(StopReason::Fault)) => {
                self.check_known_identity(nothing_waits)?;
                false
            }
            learned => learned?,
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
    fn check_known_identity(&self, nothing_waits: bool) -> Flow<()> {
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

    /// Stops if the requested session is unknown to han or not eligible.
    fn check_requested_session(&mut self) -> Flow<()> {
        let Request::Session(id) = &self.request else { return Ok(()) };
        let Some(session) = self.scan.sessions.iter().find(|session| session.row.id == *id) else {
            let request = Change::Request { session_id: id.clone(), at_once: false };
            self.delivery.progress.batcher.changes.push(request);
            let message = format!("han has not indexed session {id} yet; it is queued for a day");
            return Err(StopReason::Skipped { code: "NOT_INDEXED", message }.into());
        };
        match &session.eligibility {
            Eligibility::Eligible { .. } => Ok(()),
            Eligibility::Excluded { reason, .. } => {
                let message = format!("{reason}; {}", reason.remedy());
                Err(StopReason::Skipped { code: reason.code(), message }.into())
            }
        }
    }

    fn remove_obsolete_items(&mut self) {
        let obsolete = schedule::obsolete_items(&self.queue, &self.scan, self.context.clock.now());
        self.delivery.progress.batcher.changes.extend(obsolete);
    }

    /// Sends a heartbeat if the last response is an hour old.
    fn send_heartbeat(&mut self) -> Flow<()> {
        if !schedule::heartbeat_is_due(self.destination(), self.context.clock.now()) {
            return Ok(());
        }
        self.delivery.retry_inline = false;
        match self.delivery.send_heartbeat() {
            Err(Interruption::Stopped(StopReason::Fault | StopReason::TimeUp | StopReason::Interrupted)) => {
                Err(StopReason::HeartbeatFailed.into())
            }
            sent => sent.map(drop),
        }
    }

    /// Saves, and reads the queue once more before the lock is released. Returns the due sessions among those that
    /// other processes requested since the last read; `None` if there was no request.
    fn requested_meanwhile(&mut self) -> Result<Option<VecDeque<PendingSession>>, Error> {
        if !self.delivery.progress.is_dirty() {
            return Ok(None);
        }
        let queue = Queue::load(&self.context.folder, None, &mut Vec::new())?;
        if queue.asked_since(&self.queue).next().is_none() {
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

    /// The queue with the changes of this run that are not saved yet.
    fn changed_queue(&self) -> Queue {
        let now = self.context.clock.now();
        let mut queue = self.queue.clone();
        self.delivery.progress.batcher.changes.iter().for_each(|change| queue.apply(change, now));
        queue
    }

    /// Counts sessions and messages within the request that are undelivered and not given up.
    fn count_pending(&self) -> Result<PendingCounts, Error> {
        let now = self.context.clock.now();
        let queue = self.changed_queue();
        let delivered = &self.delivery.progress.batcher.delivered;
        let cursors = &self.destination().sessions;
        let snapshot = self.source.snapshot()?;
        let mut pending = PendingCounts::default();
        for session in self.scan.sessions.iter().filter(|session| session.pending) {
            let id = &session.row.id;
            let is_waiting = |item: &Item| item.is_waiting(&session.data_fingerprint, now);
            if self.request.includes(id) && !delivered.contains(id) && queue.item(id).is_none_or(is_waiting) {
                let acknowledged = cursors.get(id).map_or(0, |cursor| cursor.rowid);
                pending.sessions += 1;
                pending.messages += snapshot.count_after(id, acknowledged)?;
            }
        }
        Ok(pending)
    }

    /// Saves, and writes the report.
    fn conclude(mut self, stop: Option<StopReason>, pending: PendingCounts) -> Result<EndedRun, Error> {
        let progress = &mut self.delivery.progress;
        let rejected: Vec<String> =
            progress.report.errors.iter().filter_map(|error| error.session_id.clone()).collect();
        let leaves_due_data = stop.as_ref().is_some_and(StopReason::leaves_due_data);
        let is_complete = stop.is_none() && pending.sessions == 0 && rejected.is_empty();
        let has_contacted = progress.report.attempts > 0
            || leaves_due_data
            || matches!(stop, Some(StopReason::HeartbeatFailed));
        if has_contacted {
            progress.destination_mut().statistics.add_run(is_complete);
        }
        if leaves_due_data {
            self.queue_request_again(pending);
        }
        if self.request == Request::All && self.queue.all_requested {
            self.delivery.progress.batcher.changes.push(Change::TakeAll);
        }
        let is_dirty = has_contacted || self.delivery.progress.is_dirty();
        let queue = if is_dirty { self.save(is_complete)? } else { self.queue.clone() };
        let outcome = self.outcome(stop, &rejected, &queue);
        let report = self.report(&outcome, pending, &queue);
        // A skipped run may itself have queued its session. Other requests in the saved queue were not acted on.
        let is_skipped = matches!(outcome, Outcome::Stopped(StopReason::Skipped { .. }));
        Ok(EndedRun { report, queue: if is_skipped { queue } else { self.queue } })
    }

    /// Queues what was requested and not delivered, so that the next run sends it first.
    fn queue_request_again(&mut self, pending: PendingCounts) {
        let changes = &mut self.delivery.progress.batcher.changes;
        match &self.request {
            Request::Scheduled => {}
            Request::Session(id) if pending.sessions > 0 => {
                changes.push(Change::Request { session_id: id.clone(), at_once: true });
            }
            Request::Session(_) => {}
            Request::All => {
                let failed = self.queue.items.iter().filter(|item| item.status == queue::Status::Failed);
                changes.extend(failed.map(|item| Change::Retry { session_id: item.session_id.clone() }));
            }
        }
    }

    /// Saves state and queue. After a run that left nothing to send, the state says so to the fast path of the next.
    fn save(&mut self, is_complete: bool) -> Result<Queue, Error> {
        let is_for_one = matches!(self.request, Request::Session(_));
        let is_idle = is_complete && !is_for_one && self.changed_queue().items.is_empty();
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
            None if is_newly(queue::Status::Pending) => Outcome::RejectedForNow,
            None if is_newly(queue::Status::Failed) => Outcome::RejectedForGood,
            None if !rejected.is_empty() => Outcome::RejectedAgain,
            None => Outcome::Delivered,
        }
    }

    fn report(&mut self, outcome: &Outcome, pending: PendingCounts, queue: &Queue) -> Report {
        let now = self.context.clock.now();
        let mut report = std::mem::take(&mut self.delivery.progress.report);
        report.sessions_sent = self.delivery.progress.acknowledged.len();
        report.sessions_pending = pending.sessions;
        report.messages_pending = pending.messages;
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
