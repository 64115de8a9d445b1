//! The inputs of the conditions: configuration, state, queue, source, schedule and hooks, read without a change.

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::cli::inspection::{IdentitySource, Inspection, inspect, load};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::conditions::{self, Condition, Severity, quoted};
use crate::exporter::plan::diagnosis;
use crate::exporter::plan::folders::protected_folders::FolderAccess;
use crate::exporter::plan::identity_check::{self, PendingOwner};
use crate::exporter::source::{Source, transcripts};
use crate::exporter::state::install::presence;
use crate::exporter::state::install::record::InstallRecord;
use crate::exporter::state::install::scheduler::Scheduler;
use crate::exporter::state::queue::Queue;
use crate::exporter::state::{State, lock};
use crate::time;

/// Suffix of a state file that another program of the same name wrote.
const FOREIGN_SUFFIX: &str = ".corrupt-other-program";
/// Age of a call of the hook up to which a hook is there, wherever it is declared.
const HOOK_RECENT: TimeDelta = TimeDelta::days(7);
/// Time after its last message at which a session counts as ended.
const SESSION_ENDED: TimeDelta = TimeDelta::hours(1);

/// State, queue and backlog, with all conditions that hold, shown or not.
pub(super) struct Diagnosis {
    pub(super) state: State,
    pub(super) queue: Queue,
    pub(super) backlog: Backlog,
    pub(super) pending_owners: Vec<PendingOwner>,
    /// The error that kept the source from being read.
    pub(super) source_error: Option<String>,
    pub(super) conditions: Vec<Condition>,
    pub(super) warnings: Vec<String>,
}

impl Diagnosis {
    /// Reads everything; changes and sends nothing.
    pub(super) fn of(context: &Context) -> Result<Diagnosis, Error> {
        let now = context.clock.now();
        let mut conditions = diagnosis::of_configuration(&context.config);
        if let Some(holder) = lock::stuck_holder(&context.folder, now) {
            conditions.push(diagnosis::of_lock(&holder, &context.folder, now));
        }
        // A missing database must not hide the rest.
        let mut diagnosis = match inspect(context, IdentitySource::Saved) {
            Ok(inspection) => Diagnosis::of_inspection(inspection, context, conditions)?,
            Err(error) if matches!(error.exit, ExitCode::NoSource | ExitCode::TryAgain) => {
                let mut warnings = Vec::new();
                let (state, queue) = load(context, &mut warnings)?;
                if error.exit == ExitCode::NoSource {
                    conditions.push(Condition::new(&conditions::NO_DATABASE, &error, ""));
                }
                let source_error = Some(error.to_string());
                let (backlog, pending_owners) = (Backlog::default(), Vec::new());
                Diagnosis { state, queue, backlog, pending_owners, source_error, conditions, warnings }
            }
            Err(error) => return Err(error),
        };
        diagnosis.add_destination_and_machine(context)?;
        diagnosis.conditions.sort_by_key(|condition| condition.severity);
        Ok(diagnosis)
    }

    fn of_inspection(
        inspection: Inspection,
        context: &Context,
        mut conditions: Vec<Condition>,
    ) -> Result<Diagnosis, Error> {
        let now = context.clock.now();
        let backlog = Backlog::of(&inspection, now)?;
        let Inspection { state, queue, source, scan, warnings, .. } = inspection;
        let rules = &context.config.privacy;
        let pending_owners = identity_check::pending_owners(&state.destination, rules, &scan.sessions, now);
        conditions.extend(diagnosis::of_scan(&scan, &state, &pending_owners, &context.config));
        let access = FolderAccess::of_process(context.environment.home.as_deref());
        let scheduled = &state.destination.conditions;
        conditions.extend(diagnosis::of_folders(&scan, &state, &access, scheduled));
        conditions.extend(diagnosis::of_backlog(backlog.since, context.config.interval, now));
        conditions.extend(diagnosis::of_transcripts(transcripts::stale(&source, now)?));
        conditions.extend(silent_hook(context, &queue, &source)?);
        Ok(Diagnosis { state, queue, backlog, pending_owners, source_error: None, conditions, warnings })
    }

    fn add_destination_and_machine(&mut self, context: &Context) -> Result<(), Error> {
        let now = context.clock.now();
        let conditions = &mut self.conditions;
        conditions.extend(diagnosis::of_destination(&self.state.destination, &context.config));
        conditions.extend(diagnosis::of_key(&self.state.destination, now));
        conditions.extend(diagnosis::of_verification(&self.state.destination.verification, now));
        conditions.extend(diagnosis::of_queue(&self.queue, now));
        conditions.extend(other_sync(&context.folder));
        // A schedule is missed by those who have switched sync on, and by nobody during a pause.
        let is_off = !context.config.enabled.value || self.queue.pause_at(now).is_some();
        let is_broken = conditions.iter().any(|condition| condition.severity == Severity::Error);
        let record = InstallRecord::load(&context.folder)?;
        let (record, environment) = (record.as_ref(), &context.environment);
        if !context.config.enabled.value {
            return Ok(());
        }
        if !presence::has_schedule(record, environment) {
            conditions.push(Condition::new(&conditions::SCHEDULE_MISSING, "", ""));
        } else if !is_off && !is_broken {
            let installed_at = record.and_then(|record| record.installed_at);
            let command = restart_command(record.and_then(|record| record.scheduler));
            let interval = context.config.interval;
            let destination = &self.state.destination;
            conditions.extend(diagnosis::of_schedule(destination, installed_at, interval, command, now));
        }
        let hook_at = self.queue.hook_last_run_at;
        if !presence::has_hooks(environment) && hook_at.is_none_or(|at| (now - at).abs() > HOOK_RECENT) {
            let last = hook_at.map(|at| format!(", and none has come since {}", time::format(at)));
            conditions.push(Condition::new(&conditions::HOOK_MISSING, last.unwrap_or_default(), ""));
        }
        Ok(())
    }

    /// Conditions that have lasted for long enough.
    pub(super) fn shown(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(move |condition| condition.shows(now))
    }
}

/// The command that makes a silent schedule start runs.
fn restart_command(scheduler: Option<Scheduler>) -> &'static str {
    match scheduler {
        Some(Scheduler::Cron) => "sudo service cron start",
        Some(Scheduler::Systemd) => "systemctl --user enable --now han-sync.timer",
        Some(Scheduler::Launchd) | None => "han-sync install",
    }
}

/// The condition of a hook that has not come, though sessions have begun and ended since it should have.
fn silent_hook(context: &Context, queue: &Queue, source: &Source) -> Result<Option<Condition>, Error> {
    let now = context.clock.now();
    if !context.config.enabled.value || !presence::has_hooks(&context.environment) {
        return Ok(None);
    }
    let installed_at = InstallRecord::load(&context.folder)?.and_then(|record| record.installed_at);
    let Some(since) = [queue.hook_last_run_at, installed_at].into_iter().flatten().max() else {
        return Ok(None);
    };
    let times = source.snapshot()?.recent_session_times()?;
    let mut times = times.iter().filter_map(|(first, last)| time::parse(first).zip(time::parse(last)));
    let is_missed = times.any(|(first, last)| first > since && now - last > SESSION_ENDED);
    let condition = || Condition::new(&conditions::HOOK_SILENT, time::format(since), "").since(Some(since));
    Ok(is_missed.then(condition))
}

/// The condition of another program that writes files of the same names.
fn other_sync(folder: &Path) -> Option<Condition> {
    let mut paths = ["sync-state.json", "sync-queue.json"]
        .iter()
        .map(|name| folder.join(format!("{name}{FOREIGN_SUFFIX}")));
    let path = paths.find(|path| path.symlink_metadata().is_ok())?;
    let condition = Condition::new(&conditions::OTHER_SYNC, path.display(), quoted(&path));
    Some(
        condition
            .since(fs::metadata(&path).and_then(|metadata| metadata.modified()).ok().map(DateTime::from)),
    )
}

/// Sessions and messages by their eligibility and delivery.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) eligible: usize,
    pub(super) excluded: usize,
    pub(super) pending: usize,
    pub(super) pending_messages: u64,
    /// Time at which the exporter first saw the oldest pending data.
    pub(super) since: Option<DateTime<Utc>>,
}

impl Backlog {
    fn of(inspection: &Inspection, now: DateTime<Utc>) -> Result<Backlog, Error> {
        let mut backlog = Backlog::default();
        let snapshot = inspection.source.snapshot()?;
        for session in &inspection.scan.sessions {
            let id = &session.row.id;
            let cursor = inspection.state.destination.sessions.get(id);
            let since = cursor.as_ref().and_then(|cursor| cursor.waiting_since);
            if !session.is_eligible() {
                backlog.excluded += 1;
                // An outage that outlasts the identity closes the filter; pending sessions then become overdue, too.
                if session.waits_for_identity() {
                    backlog.since = backlog.since.into_iter().chain(since).min();
                }
                continue;
            }
            backlog.eligible += 1;
            let item = inspection.queue.item(id);
            let waits =
                session.has_delta && item.is_none_or(|item| item.is_waiting(&session.data_fingerprint, now));
            let Some(cursor) = cursor.filter(|_| waits) else { continue };
            backlog.pending += 1;
            backlog.pending_messages += snapshot.count_after(id, cursor.rowid)?;
            backlog.since = backlog.since.into_iter().chain(since).min();
        }
        Ok(backlog)
    }
}
