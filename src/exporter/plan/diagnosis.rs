//! The diagnosis: which conditions of the table hold, by what configuration, state, queue and scan say.
//!
//! Pure: what was read of the machine comes in as arguments. Only the access to protected folders opens paths, on macOS.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::exporter::config::{Config, Origin};
use crate::exporter::plan::conditions::{self, Condition, quoted};
use crate::exporter::plan::folders::protected_folders::{FolderAccess, of_protected_folders};
use crate::exporter::plan::identity_check::PendingOwner;
use crate::exporter::plan::scan::{Scan, ScannedSession};
use crate::exporter::plan::session_repository::RepositoryOrigin;
use crate::exporter::source::transcripts::StaleTranscripts;
use crate::exporter::state::lock::LockRecord;
use crate::exporter::state::queue::{Queue, Status};
use crate::exporter::state::{Destination, OBJECTION_PERIOD, State, Verification};
use crate::time;

/// Difference from the receiver's clock that counts as skew.
const SKEW_MAX: TimeDelta = TimeDelta::minutes(5);
/// Time before the end of a key from which on it is a condition.
const KEY_EXPIRES_WITHIN: TimeDelta = TimeDelta::days(7);
/// Time without a trace of a run after which a schedule is silent: a run with nothing to do leaves one once an hour.
const SILENT_MIN: TimeDelta = TimeDelta::minutes(70);
/// Intervals without a trace of a run after which a schedule is silent.
const SILENT_INTERVALS: u32 = 3;
/// Days without a proof after which that is a condition.
const UNVERIFIED_DAYS: u64 = 30;
/// Number of conditions of one kind that are listed.
const LISTED_MAX: usize = 5;

/// Conditions of the configuration.
pub fn of_configuration(config: &Config) -> Vec<Condition> {
    let file = &config.file;
    let edit = |kind, detail: &dyn Display| Condition::new(kind, detail, quoted(file));
    let mut conditions = Vec::new();
    if !config.enabled.value {
        let command = match config.enabled.origin {
            Origin::Environment(name) => format!("unset {name}"),
            _ => "han-sync init".to_owned(),
        };
        conditions.push(Condition::new(&conditions::NOT_ENABLED, &config.enabled.origin, command));
    } else if config.endpoint.is_none() {
        conditions.push(Condition::new(&conditions::NO_ENDPOINT, file.display(), ""));
    } else if config.api_key.is_none() {
        conditions.push(Condition::new(&conditions::NO_KEY, config.key_file.display(), ""));
    }
    if let Some(path) = &config.readable_key_file {
        conditions.push(Condition::new(&conditions::KEY_FILE_READABLE, path.display(), quoted(path)));
    }
    let others = config.warnings.iter().filter(|warning| !warning.contains("chmod 600"));
    conditions.extend(others.take(LISTED_MAX).map(|warning| edit(&conditions::CONFIG_WARNING, warning)));
    conditions
}

/// Conditions of the destination: the last error, and the clock.
pub fn of_destination(destination: &Destination, config: &Config) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(error) = &destination.last_error {
        conditions.extend(of_error(&error.code, &error.message, config).map(|it| it.since(error.since)));
    }
    let identity = destination.identity.as_ref();
    let asked_at = identity.and_then(|learned| learned.fetched_at);
    let answered_at = identity.and_then(|learned| learned.identity.as_ref()?.server_timestamp.as_deref());
    conditions.extend(skew(asked_at, answered_at.and_then(time::parse)));
    conditions
}

/// The condition of a key that ends soon, by what the identity says.
pub fn of_key(destination: &Destination, now: DateTime<Utc>) -> Option<Condition> {
    let identity = destination.identity.as_ref()?.identity.as_ref()?;
    let expires_at = time::parse(identity.key_expires_at.as_deref()?)?;
    let condition = || Condition::new(&conditions::KEY_EXPIRES_SOON, time::format(expires_at), "");
    (expires_at - now <= KEY_EXPIRES_WITHIN).then(condition)
}

/// The condition of an error's code.
pub fn of_error(code: &str, message: &str, config: &Config) -> Option<Condition> {
    let kind = match code {
        "KEY_REFUSED" => &conditions::KEY_REFUSED,
        "NOT_A_RECEIVER" => &conditions::NOT_A_RECEIVER,
        "TLS_UNTRUSTED" => &conditions::TLS_UNTRUSTED,
        "PROXY_FAILED" => &conditions::PROXY_FAILED,
        "UNREACHABLE" => &conditions::ENDPOINT_UNREACHABLE,
        _ => return None,
    };
    if code == "KEY_REFUSED" {
        return Some(Condition::new(kind, message, command_for_key(config)));
    }
    Some(Condition::new(kind, message, quoted(&config.file)))
}

/// The command that brings a new key: one that stands before the key file would hide that of a login.
fn command_for_key(config: &Config) -> String {
    let origin = config.api_key.as_ref().map(|key| &key.origin);
    match origin {
        Some(Origin::Environment(name)) => format!("unset {name} && han-sync login"),
        Some(origin) if !origin.is_file(&config.key_file) => {
            format!("${{EDITOR:-vi}} {}", quoted(&config.file))
        }
        _ => "han-sync login".to_owned(),
    }
}

/// The condition of a clock that differs from the receiver's, by a request and the response to it.
pub fn skew(asked_at: Option<DateTime<Utc>>, answered_at: Option<DateTime<Utc>>) -> Option<Condition> {
    let ahead = asked_at? - answered_at?;
    let (minutes, side) =
        (ahead.num_minutes().abs(), if ahead > TimeDelta::zero() { "ahead of" } else { "behind" });
    let command = match cfg!(target_os = "macos") {
        true => "sudo sntp -sS time.apple.com",
        false => "sudo timedatectl set-ntp true",
    };
    let condition = || Condition::new(&conditions::CLOCK_SKEW, format!("{minutes} minutes {side}"), command);
    (ahead.abs() > SKEW_MAX).then(condition)
}

/// The condition of transcripts whose end han has not indexed.
pub fn of_transcripts(stale: Option<StaleTranscripts>) -> Option<Condition> {
    let stale = stale?;
    Some(Condition::new(&conditions::DATABASE_STALE, stale.description, "").since(stale.since))
}

/// The condition of sessions that were not proven to be at the receiver for long.
pub fn of_verification(verification: &Verification, now: DateTime<Utc>) -> Option<Condition> {
    let days = verification.unproven_days(now).filter(|days| *days > UNVERIFIED_DAYS)?;
    let sentence = match verification.proven_at {
        Some(_) => format!("it was last proven {days} days ago that the receiver holds everything"),
        None => format!("it was not proven yet, after {days} days, that the receiver holds everything"),
    };
    let since = verification.proven_at.or(verification.began_at);
    Some(Condition::new(&conditions::UNVERIFIED, sentence, "").since(since))
}

/// Conditions of the queue.
pub fn of_queue(queue: &Queue, now: DateTime<Utc>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(pause) = queue.pause_at(now) {
        let end = pause
            .until
            .map_or_else(|| "until you end it".to_owned(), |until| format!("until {}", time::format(until)));
        conditions.push(Condition::new(&conditions::PAUSED, end, "").since(Some(pause.since)));
    }
    let failed = queue.items.iter().filter(|item| item.status == Status::Failed).count();
    if failed > 0 {
        let sessions = if failed == 1 { "1 session".to_owned() } else { format!("{failed} sessions") };
        conditions.push(Condition::new(&conditions::SESSIONS_FAILED, sessions, ""));
    }
    conditions
}

/// Conditions of a scan: eligibility, patterns, owners.
pub fn of_scan(scan: &Scan, state: &State, pending: &[PendingOwner], config: &Config) -> Vec<Condition> {
    let unmatched = scan.unmatched_patterns.iter();
    let file = quoted(&config.file);
    let mut conditions: Vec<Condition> =
        unmatched.map(|pattern| Condition::new(&conditions::PATTERN_UNMATCHED, pattern, &file)).collect();
    conditions.extend(pending.iter().map(|owner| {
        let since = owner.effective_at - OBJECTION_PERIOD;
        Condition::new(&conditions::NEW_OWNER, owner, "").since(Some(since))
    }));
    let waits = scan.sessions.iter().any(ScannedSession::waits_for_identity);
    let is_known = state.destination.identity.is_some() && !waits;
    if is_known && !scan.sessions.is_empty() && !scan.sessions.iter().any(ScannedSession::is_eligible) {
        let sessions = format!("the {} sessions in han's database", scan.sessions.len());
        conditions.push(Condition::new(&conditions::NOTHING_ELIGIBLE, sessions, ""));
    }
    conditions
}

/// Conditions of folders that cannot be read. `scheduled`: codes of the conditions of the last run, for a command that may
/// have more rights than a scheduled run.
pub fn of_folders(scan: &Scan, state: &State, access: &FolderAccess, scheduled: &[String]) -> Vec<Condition> {
    let without_repository = |session: &&ScannedSession| {
        matches!(session.repository.origin, RepositoryOrigin::Mismatch | RepositoryOrigin::Unknown)
    };
    let repositories: Vec<PathBuf> = scan
        .sessions
        .iter()
        .filter(without_repository)
        .filter_map(|session| Some(Path::new(session.repository.folder.as_deref()?).join(".git/config")))
        .collect();
    let unreadable = || state.project_overrides.unreadable();
    let needed = unreadable().map(|(folder, _)| Path::new(folder));
    let needed = needed.chain(state.project_overrides.files().map(Path::new));
    let withheld = access.withheld(needed.chain(repositories.iter().map(PathBuf::as_path)));
    let ordinary = unreadable().filter(|(folder, _)| !withheld.contains(Path::new(folder)));
    let mut conditions: Vec<Condition> = ordinary.take(LISTED_MAX).map(unreadable_folder).collect();
    let folders = scan.sessions.iter().filter_map(|session| session.repository.folder.as_deref());
    let is_known = scheduled.iter().any(|code| code == conditions::FOLDER_PROTECTED.code);
    conditions.extend(of_protected_folders(access, &withheld, folders.map(Path::new), is_known));
    conditions
}

fn unreadable_folder((folder, reason): (&str, &str)) -> Condition {
    let is_denied = reason.to_lowercase().contains("permission denied");
    let folder_quoted = quoted(Path::new(folder));
    let command =
        if is_denied { format!("chmod u+rx {folder_quoted}") } else { format!("ls -ld {folder_quoted}") };
    Condition::new(&conditions::FOLDER_UNREADABLE, format!("{folder} ({reason})"), command)
}

/// The condition of a lock that is held for longer than any run may last.
pub fn of_lock(holder: &LockRecord, folder: &Path, now: DateTime<Utc>) -> Condition {
    let condition = Condition::new(&conditions::LOCK_STUCK, holder.describe(folder, now), holder.remedy());
    condition.since(Some(holder.since))
}

/// The condition of data that has been pending for longer than twice the interval. `since`: the time at which the
/// exporter first saw it.
pub fn of_backlog(since: Option<DateTime<Utc>>, interval: Duration, now: DateTime<Utc>) -> Option<Condition> {
    let since = since?;
    let allowed = TimeDelta::from_std(interval * 2).unwrap_or(TimeDelta::MAX);
    let condition = || Condition::new(&conditions::OVERDUE, time::format(since), "").since(Some(since));
    (now - since > allowed).then(condition)
}

/// The condition of a schedule that starts no runs. `installed_at`: the time from which on it should have. `command`: the
/// one that starts it.
pub fn of_schedule(
    destination: &Destination,
    installed_at: Option<DateTime<Utc>>,
    interval: Duration,
    command: &str,
    now: DateTime<Utc>,
) -> Option<Condition> {
    let error_at = destination.last_error.as_ref().and_then(|error| error.at);
    let trace =
        [destination.statistics.last_contact_at, error_at, installed_at].into_iter().flatten().max()?;
    let silence = TimeDelta::from_std(interval * SILENT_INTERVALS).unwrap_or(TimeDelta::MAX).max(SILENT_MIN);
    let condition = || Condition::new(&conditions::SCHEDULE_SILENT, time::format(trace), command);
    (now - trace > silence).then(|| condition().since(Some(trace)))
}
