//! One run, from lock to exit: take the lock, load, look what is new, filter, cut, send, acknowledge, save.
//!
//! The lock is held by one run at a time. What is asked for meanwhile is queued, and the holder looks at the queue once
//! more before and after it lets go, so that nothing waits for the next schedule without need.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::config::Config;
use super::context::Context;
use super::delivery::{Delivery, StopReason};
use super::log::Log;
use super::report::{Report, Status};
use super::source::{self, Source};
use super::state::{SourceFingerprint, State};
use crate::exporter::backoff;
use crate::exporter::batch::redact::Redactor;
use crate::exporter::delivery::batcher::{Batcher, PendingSession};
use crate::exporter::delivery::client::Client;
use crate::exporter::delivery::transport::Transport;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::eligibility::Eligibility;
use crate::exporter::plan::fast_path::{self, FastPath, glance};
use crate::exporter::plan::scan::{Filter, Scan, ScannedSession, survey, survey_some};
use crate::exporter::plan::schedule::{
    self, HOURLY, IDENTITY_USABLE, Request, affiliations, heartbeat_is_due, is_older,
};
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::RunLock;
use crate::exporter::state::queue::{self, Change, Item, Queue};
use crate::time;

/// Runs, and says how it went.
pub fn run(context: &Context, request: &Request) -> Result<(Report, ExitCode), Error> {
    let config = &context.config;
    if !config.enabled.value {
        return Ok((Report::ended(Status::Disabled), ExitCode::Success));
    }
    let endpoint = endpoint(config)?;
    atomic_file::create_private_folder(&context.folder)?;
    let Some(mut lock) = take_lock(context, request)? else {
        return Ok((Report::ended(Status::Busy), ExitCode::Success));
    };
    let mut request = request.clone();
    let mut total: Option<(Report, ExitCode)> = None;
    loop {
        let (done, seen) = locked_run(context, &request, &endpoint)?;
        drop(lock);
        let (report, exit) = match total {
            None => done,
            Some((before, exit)) => (before.followed_by(done.0), first_that_applies(exit, done.1)),
        };
        // What was queued between the last look at the queue and the end of the lock found this run in its way.
        let halted = !matches!(exit, ExitCode::Success | ExitCode::SessionsRefused);
        if halted || !asked_meanwhile(context, &seen)? {
            return Ok((report, exit));
        }
        match RunLock::try_acquire(&context.folder)? {
            Some(again) => lock = again,
            None => return Ok((report, exit)),
        }
        total = Some((report, exit));
        request = Request::Scheduled;
    }
}

fn endpoint(config: &Config) -> Result<(String, super::config::ApiKey), Error> {
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
    Ok((endpoint.value.clone(), key.value.clone()))
}

/// Takes the run lock; where another run holds it, queues what is asked for and tries once more.
fn take_lock(context: &Context, request: &Request) -> Result<Option<RunLock>, Error> {
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
    report_warnings(&context.log, &warnings);
    RunLock::try_acquire(&context.folder)
}

/// Whether the queue asks for something that it did not ask for when a run last looked.
fn asked_meanwhile(context: &Context, seen: &Queue) -> Result<bool, Error> {
    let queue = Queue::load(&context.folder, None, &mut Vec::new())?;
    Ok(queue.all_requested || queue.asked_since(seen).next().is_some())
}

/// A run under the lock. Returns, beside its result, the queue as it last saw it.
fn locked_run(
    context: &Context,
    request: &Request,
    (endpoint, key): &(String, super::config::ApiKey),
) -> Result<((Report, ExitCode), Queue), Error> {
    let Context { config, clock, log, folder, .. } = context;
    let now = clock.now();
    let mut warnings = config.warnings.clone();
    let queue = Queue::load(folder, Some(now), &mut warnings)?;
    let files = source::change_signature(&config.database, now);
    let glance = match request {
        Request::Scheduled => glance(context, (endpoint, key), &queue, files.as_deref(), now)?,
        _ => FastPath::Unclear,
    };
    let (state, news) = match glance {
        FastPath::Nothing => {
            report_warnings(log, &warnings);
            return Ok(((Report::default(), ExitCode::Success), queue));
        }
        FastPath::Few(news) => (news.state, Some((news.source, news.sessions, news.overview))),
        FastPath::Unclear => {
            let destination = (endpoint.as_str(), key.expose());
            let environment = &context.environment;
            (State::load(folder, environment, &queue, destination, Some(now), &mut warnings)?, None)
        }
    };
    report_warnings(log, &warnings);
    let request =
        if queue.all_requested && *request == Request::Scheduled { Request::All } else { request.clone() };
    let in_backoff = !backoff::is_due(state.destination.backoff.next_retry_at, now, backoff::CAP);

    let redactor = redactor(config)?;
    let client = Client::new(config, endpoint, key, &state.client_id)?;
    let (source, few) = match news {
        Some((source, sessions, overview)) => (source, Some((sessions, overview))),
        None => (Source::open(&config.database)?, None),
    };
    // Killed before its first acknowledgement, the client comes back under the same name and with the same secret.
    if !State::path(folder).exists() {
        state.save(folder)?;
    }
    let failed = queue.items.iter().filter(|item| item.status == queue::Status::Failed);
    let mut run = Run {
        context,
        failed_before: failed.map(|item| item.session_id.clone()).collect(),
        queue,
        request,
        source,
        few,
        files,
        started: clock.elapsed(),
        delivery: Delivery::new(
            Batcher::new(config, clock, redactor.as_ref(), state),
            Transport::new(client),
            context,
        ),
    };
    let ended = run.go(in_backoff).and_then(|(outcome, survey)| {
        let pending = run.count_pending(&survey)?;
        Ok((outcome, survey, pending))
    });
    match ended {
        Ok((outcome, survey, pending)) => run.finish(outcome, &survey, pending),
        Err(stop) => {
            // What was acknowledged before han's database failed is not sent again.
            if run.delivery.is_dirty() {
                run.delivery.save()?;
            }
            Err(stop)
        }
    }
}

/// The redactor, where text may leave at all.
pub fn redactor(config: &Config) -> Result<Option<Redactor>, Error> {
    if !config.include_content.value {
        return Ok(None);
    }
    let redactor = Redactor::new(&config.redact_patterns)
        .map_err(|error| Error::configuration(format!("sync.{error}")))?;
    Ok(Some(redactor))
}

fn report_warnings<'a>(log: &Log, warnings: impl IntoIterator<Item = &'a String>) {
    for warning in warnings {
        log.warning("warning", warning);
    }
}

/// How the sending part of a run ended.
enum Outcome {
    /// Everything due was tried.
    Done,
    Halted(StopReason),
    /// The endpoint is not due, and nobody insists.
    InBackoff,
    /// Nothing was due, and the receiver could not be told so. Nobody needs to be alarmed.
    Unheard,
    /// The session asked for stays here.
    Skipped(String, &'static str),
}

struct Run<'a> {
    context: &'a Context,
    queue: Queue,
    request: Request,
    source: Source,
    /// Sessions that had failed before this run.
    failed_before: HashSet<String>,
    /// The sessions to look at, where they are known to be all that is new, and how everything else was.
    few: Option<(BTreeSet<String>, SourceFingerprint)>,
    /// The state of the database's files before the first look inside.
    files: Option<String>,
    started: Duration,
    delivery: Delivery<'a>,
}

impl Run<'_> {
    fn go(&mut self, in_backoff: bool) -> Result<(Outcome, Scan), Error> {
        let mut survey = self.survey()?;
        report_warnings(&self.context.log, &survey.warnings);
        if in_backoff && self.request == Request::Scheduled {
            let nothing_due = self.work(&survey, false).is_empty();
            return Ok((if nothing_due { Outcome::Done } else { Outcome::InBackoff }, survey));
        }
        let mut identity_changed = false;
        if self.wants_identity(&survey) {
            let was_usable = self.identity_is_usable();
            let waiting = survey.sessions.iter().any(ScannedSession::waits_for_identity);
            let nothing_due = self.work(&survey, false).is_empty() && !waiting;
            // Nobody waits for it, or there is one that will do: one try is enough.
            self.delivery.is_patient = !was_usable && !nothing_due;
            let learned = self.delivery.learn_identity()?;
            self.delivery.is_patient = true;
            match learned {
                Ok(changed) => identity_changed = changed,
                // The one that is known still serves for a while, if only its endpoint is in trouble; and after that
                // what was configured, since the user's own accounts go on excluding.
                Err(StopReason::Fault) if self.identity_is_usable() => {}
                Err(StopReason::Fault) if nothing_due && self.request == Request::Scheduled => {
                    return Ok((Outcome::Unheard, survey));
                }
                Err(StopReason::Fault)
                    if !self.delivery.asked_to_wait
                        && self.delivery.destination().identity.is_some()
                        && !self.work(&survey, false).is_empty() => {}
                Err(halt) => return Ok((Outcome::Halted(halt), survey)),
            }
            // The same identity as before, learned again after too long, opens what was closed.
            if identity_changed || !was_usable {
                survey = self.look_again(survey)?;
            }
        }
        if let Some(skipped) = self.skipped(&survey) {
            return Ok((skipped, survey));
        }
        self.tidy_queue(&survey);
        let mut work = self.work(&survey, identity_changed);
        if work.is_empty() && !matches!(self.request, Request::Session(_)) {
            return Ok((self.keep_in_touch()?, survey));
        }
        loop {
            let affiliations =
                affiliations(self.delivery.destination().identity.as_ref(), self.context.clock.now());
            if let Err(halt) = self.delivery.deliver(&self.source, &affiliations, &mut work)? {
                return Ok((Outcome::Halted(halt), survey));
            }
            if !self.delivery.is_dirty() {
                return Ok((Outcome::Done, survey));
            }
            // Once more to the queue, before the lock is let go.
            let queue = Queue::load(&self.context.folder, None, &mut Vec::new())?;
            if queue.asked_since(&self.queue).next().is_none() {
                self.queue = queue;
                return Ok((Outcome::Done, survey));
            }
            let seen = std::mem::take(&mut self.queue);
            self.queue = self.delivery.save()?;
            let asked: Vec<String> = self.queue.asked_since(&seen).map(str::to_owned).collect();
            survey = self.look_again(survey)?;
            self.tidy_queue(&survey);
            // Whatever this run was asked for itself: nobody else looks before the next schedule.
            work = self.due(&survey, &Request::Scheduled, false);
            work.retain(|work| asked.contains(&work.session_id));
        }
    }

    /// With nothing to send, tells the receiver once an hour that this client is alive.
    fn keep_in_touch(&mut self) -> Result<Outcome, Error> {
        if !heartbeat_is_due(self.delivery.destination(), self.context.clock.now()) {
            return Ok(Outcome::Done);
        }
        self.delivery.is_patient = false;
        Ok(match self.delivery.send_heartbeat()? {
            Err(halt @ (StopReason::KeyRefused | StopReason::NotReceiver)) => Outcome::Halted(halt),
            Err(_) => Outcome::Unheard,
            Ok(()) => Outcome::Done,
        })
    }

    fn survey(&mut self) -> Result<Scan, Error> {
        let now = self.context.clock.now();
        let cutter = &mut self.delivery.cutter;
        let affiliations = affiliations(cutter.state.destination.identity.as_ref(), now);
        let filter = Filter { config: &self.context.config, affiliations: &affiliations };
        let survey = match self.few.take() {
            Some((sessions, overview)) => {
                survey_some(&self.source, filter, &mut cutter.state, (&sessions, &overview), now)?
            }
            None => survey(&self.source, filter, &mut cutter.state, now)?,
        };
        if survey.is_to_be_kept {
            self.delivery.keep_state();
        }
        self.delivery.cutter.fields_changed |= survey.fields_changed;
        Ok(survey)
    }

    /// Surveys once more, and tells what was not told before: folders are looked into once their sessions may be sent.
    fn look_again(&mut self, before: Scan) -> Result<Scan, Error> {
        let survey = self.survey()?;
        let news = survey.warnings.iter().filter(|warning| !before.warnings.contains(warning));
        report_warnings(&self.context.log, news);
        Ok(survey)
    }

    fn identity_is_usable(&self) -> bool {
        let identity = self.delivery.destination().identity.as_ref();
        identity.is_some_and(|known| !is_older(known.fetched_at, IDENTITY_USABLE, self.context.clock.now()))
    }

    /// The identity is refreshed hourly while there is something to send, or when nothing at all can be sent without.
    fn wants_identity(&self, survey: &Scan) -> bool {
        let now = self.context.clock.now();
        let here = self.delivery.destination();
        let Some(identity) = &here.identity else {
            return true;
        };
        if !is_older(identity.fetched_at, HOURLY, now) {
            return false;
        }
        // In an outage one request an hour is enough, and the batch is the one that counts; but who asks by hand means
        // everything that may leave by now.
        let is_scheduled = self.request == Request::Scheduled;
        if is_scheduled && here.backoff.attempts > 0 && self.identity_is_usable() {
            return false;
        }
        !self.work(survey, false).is_empty()
            || heartbeat_is_due(here, now)
            || survey.sessions.iter().any(ScannedSession::waits_for_identity)
            || self.asks_for_excluded(survey)
    }

    /// Whether a session is asked for by name that stays here as far as is known: it may be that no more.
    fn asks_for_excluded(&self, survey: &Scan) -> bool {
        let Request::Session(id) = &self.request else { return false };
        survey.sessions.iter().any(|session| session.row.id == *id && !session.is_eligible())
    }

    /// The session asked for by name, where it stays here.
    fn skipped(&mut self, survey: &Scan) -> Option<Outcome> {
        let Request::Session(id) = &self.request else { return None };
        let Some(session) = survey.sessions.iter().find(|session| session.row.id == *id) else {
            self.delivery.cutter.changes.push(Change::Request { session_id: id.clone(), at_once: false });
            let message = format!("han has not indexed session {id} yet; it is queued for a day");
            return Some(Outcome::Skipped(message, "NOT_INDEXED"));
        };
        match &session.eligibility {
            Eligibility::Eligible { .. } => None,
            Eligibility::Excluded { reason, .. } => {
                Some(Outcome::Skipped(format!("{reason}; {}", reason.remedy()), reason.code()))
            }
        }
    }

    fn work(&self, survey: &Scan, identity_changed: bool) -> VecDeque<PendingSession> {
        self.due(survey, &self.request, identity_changed)
    }

    fn due(&self, survey: &Scan, request: &Request, identity_changed: bool) -> VecDeque<PendingSession> {
        let now = self.context.clock.now();
        schedule::work(survey, &self.queue, self.delivery.destination(), request, identity_changed, now)
    }

    /// Takes off the queue what needs no waiting: delivered, not to be sent, or unknown to han for a day.
    fn tidy_queue(&mut self, survey: &Scan) {
        let now = self.context.clock.now();
        let sessions: std::collections::HashMap<&str, &ScannedSession> =
            survey.sessions.iter().map(|session| (session.row.id.as_str(), session)).collect();
        for item in &self.queue.items {
            let gone = match sessions.get(item.session_id.as_str()) {
                // What was given up or is to be left alone stays so when the session may leave again.
                Some(session) if !session.is_eligible() => item.status == queue::Status::Pending,
                Some(session) => !session.pending,
                None => is_older(item.enqueued_at, queue::UNKNOWN_KEPT, now),
            };
            if gone {
                let session_id = item.session_id.clone();
                self.delivery.cutter.changes.push(Change::Settled { session_id, seen: item.enqueued_at });
            }
        }
    }

    /// The queue as it will be once this run's changes are written.
    fn changed_queue(&self) -> Queue {
        let now = self.context.clock.now();
        let mut queue = self.queue.clone();
        self.delivery.cutter.changes.iter().for_each(|change| queue.apply(change, now));
        queue
    }

    /// Saves, and draws the balance. `pending`: sessions and messages.
    fn finish(
        mut self,
        outcome: Outcome,
        survey: &Scan,
        pending: (usize, u64),
    ) -> Result<((Report, ExitCode), Queue), Error> {
        let now = self.context.clock.now();
        let failed_before = |id: &String| self.failed_before.contains(id);
        let attempted =
            self.delivery.report.attempts > 0 || matches!(outcome, Outcome::Halted(_) | Outcome::Unheard);
        let refused: Vec<String> =
            self.delivery.report.errors.iter().filter_map(|error| error.session_id.clone()).collect();

        let complete = matches!(outcome, Outcome::Done) && pending.0 == 0 && refused.is_empty();
        if attempted {
            let statistics = &mut self.delivery.destination_mut().statistics;
            statistics.add_run(complete);
        }
        if let (Outcome::Halted(_), Request::Session(id)) = (&outcome, &self.request)
            && pending.0 > 0
        {
            // It was asked for ahead of the others, and goes ahead of them when the receiver is back.
            self.delivery.cutter.changes.push(Change::Request { session_id: id.clone(), at_once: true });
        }
        if self.request == Request::All {
            if matches!(outcome, Outcome::Halted(_)) {
                // Failed sessions were asked for too: they go with the others, when the receiver is back.
                let failed = self.queue.items.iter().filter(|item| item.status == queue::Status::Failed);
                let retry = failed.map(|item| Change::Retry { session_id: item.session_id.clone() });
                self.delivery.cutter.changes.extend(retry);
            }
            if self.queue.all_requested {
                self.delivery.cutter.changes.push(Change::TakeAll);
            }
        }
        // What is asked for in the queue as it is written now was not looked at: `self.queue` stays as it was seen.
        let mut queue = self.queue.clone();
        if attempted || self.delivery.is_dirty() {
            // A run for one session says nothing of the others.
            let for_one = matches!(self.request, Request::Session(_));
            let is_quiet = complete && !for_one && self.changed_queue().items.is_empty();
            let files = self.files.take();
            let cutter = &mut self.delivery.cutter;
            cutter.state.quiet =
                is_quiet.then(|| fast_path::quiet(self.context, &cutter.state, survey, files)).flatten();
            queue = self.delivery.save()?;
        }

        let newly_failed = refused.iter().any(|id| {
            !failed_before(id) && queue.item(id).is_some_and(|item| item.status == queue::Status::Failed)
        });
        let kept = refused.iter().any(|id| {
            !failed_before(id) && queue.item(id).is_some_and(|item| item.status == queue::Status::Pending)
        });
        let backoff_until = self.delivery.destination().backoff.next_retry_at;
        let last_error = self.delivery.destination().last_error.clone();
        let mut report = std::mem::take(&mut self.delivery.report);
        report.sessions_sent = self.delivery.acknowledged.len();
        (report.sessions_pending, report.messages_pending) = pending;
        let waiting = queue.items.iter().filter(|item| item.status == queue::Status::Pending);
        let waiting = waiting.filter(|item| self.request.concerns(&item.session_id));
        let next_retry = backoff_until.or_else(|| waiting.filter_map(|item| item.next_retry_at).min());
        report.set_next_retry(next_retry.filter(|next| *next > now || backoff_until.is_some()));
        let sent = report.sessions_sent > 0;
        let partial = if sent { Status::Partial } else { Status::Error };
        let halted = |report: &mut Report, code: &str, fallback: &str| {
            let message = last_error.as_ref().map_or(fallback.to_owned(), |error| error.message.clone());
            report.error(None, code, message);
        };
        let (status, exit) = match outcome {
            Outcome::Unheard => {
                halted(&mut report, "UNREACHABLE", "the receiver cannot be reached");
                (Status::Backoff, ExitCode::Success)
            }
            Outcome::InBackoff => {
                halted(&mut report, "BACKOFF", "waiting after a fault");
                (Status::Backoff, ExitCode::Success)
            }
            Outcome::Skipped(message, code) => {
                let id = match &self.request {
                    Request::Session(id) => Some(id.as_str()),
                    _ => None,
                };
                report.error(id, code, message);
                (Status::Skipped, ExitCode::Success)
            }
            Outcome::Halted(StopReason::KeyRefused) => {
                halted(&mut report, "KEY_REFUSED", "the receiver refused the key");
                (partial, ExitCode::KeyRefused)
            }
            Outcome::Halted(StopReason::NotReceiver) => {
                halted(&mut report, "NOT_A_RECEIVER", "the endpoint is no receiver");
                (partial, ExitCode::Configuration)
            }
            Outcome::Halted(StopReason::Fault) => {
                halted(&mut report, "UNREACHABLE", "the receiver cannot be reached");
                (partial, ExitCode::TryAgain)
            }
            Outcome::Halted(StopReason::TimeUp) => {
                let message =
                    "the time budget of the run is used up; the next run goes on from here".to_owned();
                report.error(None, "TIME_UP", message);
                (partial, ExitCode::TryAgain)
            }
            Outcome::Halted(StopReason::Interrupted) => {
                let message = "the run was asked to end; the next run goes on from here".to_owned();
                report.error(None, "INTERRUPTED", message);
                (partial, ExitCode::TryAgain)
            }
            Outcome::Done if kept => (partial, ExitCode::TryAgain),
            Outcome::Done if newly_failed => (partial, ExitCode::SessionsRefused),
            Outcome::Done if !refused.is_empty() => (partial, ExitCode::Success),
            Outcome::Done => (Status::Success, ExitCode::Success),
        };
        report.status = status;
        report.duration_ms = (self.context.clock.elapsed() - self.started).as_millis() as u64;
        self.context.log.info(
            "run",
            &format!("run ended with {} pending", super::report::count(report.sessions_pending, "session")),
            &[
                ("exit", Value::from(exit as i32)),
                ("sessionsSent", Value::from(report.sessions_sent)),
                ("messagesSent", Value::from(report.messages_sent)),
                ("nextRetryAt", Value::from(report.next_retry_at.clone())),
            ],
        );
        // An id that han does not know was asked for by this run itself.
        let seen = if status == Status::Skipped { queue } else { self.queue };
        Ok(((report, exit), seen))
    }

    /// Sessions and messages within the request that are undelivered and not given up.
    fn count_pending(&self, survey: &Scan) -> Result<(usize, u64), Error> {
        let now = self.context.clock.now();
        let queue = self.changed_queue();
        let cursors = &self.delivery.destination().sessions;
        let mut sessions = 0;
        let mut messages = 0;
        let snapshot = self.source.snapshot()?;
        for session in survey.sessions.iter().filter(|session| session.pending) {
            let id = &session.row.id;
            let waits = |item: &Item| item.is_waiting(&session.data_mark, now);
            if !self.request.concerns(id)
                || self.delivery.cutter.delivered.contains(id)
                || !queue.item(id).is_none_or(waits)
            {
                continue;
            }
            sessions += 1;
            messages += snapshot.count_after(id, cursors.get(id).map_or(0, |cursor| cursor.rowid))?;
        }
        Ok((sessions, messages))
    }
}

/// A time for people.
pub fn shown(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "never".to_owned(), time::format)
}

/// The exit code of two runs in a row, by the order of the contract.
fn first_that_applies(one: ExitCode, other: ExitCode) -> ExitCode {
    let order = [ExitCode::KeyRefused, ExitCode::TryAgain, ExitCode::SessionsRefused, ExitCode::Success];
    let place = |exit: ExitCode| order.iter().position(|each| *each == exit).unwrap_or(0);
    if place(one) <= place(other) { one } else { other }
}
