//! `han-sync status`: configuration, backlog, queue, backoff and last error; changes and sends nothing.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::exporter::backoff;
use crate::exporter::cli::conditions::Condition;
use crate::exporter::cli::inspection::{IdentitySource, Inspection, inspect, load, log_warnings};
use crate::exporter::cli::output::Output;
use crate::exporter::cli::queue::{QueueView, describe};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::identity_check::{self, PendingOwner};
use crate::exporter::report::{VERSION, count, format_time};
use crate::exporter::state::lock;
use crate::printable::printable;
use crate::time;

/// The JSON document of `status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusDocument {
    version: u32,
    enabled: bool,
    /// True if endpoint and key are set.
    configured: bool,
    endpoint: Option<String>,
    client_id: String,
    user_id: Option<String>,
    database: String,
    last_sync_at: Option<String>,
    last_contact_at: Option<String>,
    /// Time at which everything was last proven to be at the receiver.
    last_verified_at: Option<String>,
    last_hook_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
    next_retry_at: Option<String>,
    /// True if data is pending for longer than twice the interval.
    overdue: bool,
    queue: QueueView,
    eligible_sessions: usize,
    excluded_sessions: usize,
    pending_sessions: usize,
    pending_messages: u64,
    total_messages_synced: u64,
    total_tasks_synced: u64,
    successful_runs: u64,
    failed_runs: u64,
    /// The error that kept the source from being read.
    source_error: Option<String>,
    conditions: Vec<Condition>,
    /// Owners that the receiver named less than a day ago.
    pending_owners: Vec<PendingOwnerView>,
}

/// An owner that has no effect yet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingOwnerView {
    owner: String,
    effective_at: String,
    /// Sessions that it would make eligible.
    sessions: usize,
}

impl From<&PendingOwner> for PendingOwnerView {
    fn from(pending: &PendingOwner) -> PendingOwnerView {
        PendingOwnerView {
            owner: pending.owner.clone(),
            effective_at: time::format(pending.effective_at),
            sessions: pending.sessions,
        }
    }
}

pub(super) fn execute(context: &Context, mut output: Output) -> Result<ExitCode, Error> {
    let document = document(context)?;
    if output.json {
        output.json(&document);
    } else {
        output.text(&render_text(context, &document));
    }
    Ok(ExitCode::Success)
}

fn document(context: &Context) -> Result<StatusDocument, Error> {
    let now = context.clock.now();
    let mut warnings = Vec::new();
    let (mut conditions, mut pending_owners) = (Vec::new(), Vec::new());
    let stuck = lock::stuck_holder(&context.folder, now);
    conditions.extend(stuck.map(|it| Condition::lock_stuck(&it, it.describe(&context.folder, now))));
    // A missing database must not hide the rest.
    let (state, queue, backlog, source_error) = match inspect(context, IdentitySource::Saved) {
        Ok(inspection) => {
            let backlog = Backlog::of(&inspection, context, now)?;
            warnings = inspection.warnings;
            conditions.extend(inspection.scan.unmatched_patterns.iter().map(Condition::pattern_unmatched));
            let (sessions, rules) = (&inspection.scan.sessions, &context.config.privacy);
            let pending = identity_check::pending_owners(&inspection.state.destination, rules, sessions, now);
            conditions.extend(pending.iter().map(Condition::new_owner));
            pending_owners.extend(pending.iter().map(PendingOwnerView::from));
            (inspection.state, inspection.queue, backlog, None)
        }
        Err(error) if matches!(error.exit, ExitCode::NoSource | ExitCode::TryAgain) => {
            let (state, queue) = load(context, &mut warnings)?;
            (state, queue, Backlog::default(), Some(error.to_string()))
        }
        Err(error) => return Err(error),
    };
    log_warnings(context, &warnings);
    let (config, destination) = (&context.config, &state.destination);
    conditions.extend(Condition::unverified(&destination.verification, now));
    let statistics = &destination.statistics;
    let next_retry_at =
        destination.backoff.next_retry_at.filter(|next| !backoff::is_due(Some(*next), now, backoff::CAP));
    Ok(StatusDocument {
        version: VERSION,
        enabled: config.enabled.value,
        configured: config.endpoint.is_some() && config.api_key.is_some(),
        endpoint: config.endpoint.as_ref().map(|setting| setting.value.clone()),
        client_id: state.client_id.clone(),
        user_id: destination.user_id.clone(),
        database: config.database.display().to_string(),
        last_sync_at: statistics.last_sync_at.map(time::format),
        last_contact_at: statistics.last_contact_at.map(time::format),
        last_verified_at: destination.verification.proven_at.map(time::format),
        last_hook_at: queue.hook_last_run_at.map(time::format),
        last_error: destination.last_error.as_ref().map(|error| error.message.clone()),
        last_error_at: destination.last_error.as_ref().and_then(|error| error.at).map(time::format),
        next_retry_at: next_retry_at.map(time::format),
        overdue: backlog.overdue,
        queue: QueueView::new(&queue),
        eligible_sessions: backlog.eligible,
        excluded_sessions: backlog.excluded,
        pending_sessions: backlog.pending,
        pending_messages: backlog.pending_messages,
        total_messages_synced: statistics.total_messages_synced,
        total_tasks_synced: statistics.total_tasks_synced,
        successful_runs: statistics.successful_runs,
        failed_runs: statistics.failed_runs,
        source_error,
        conditions,
        pending_owners,
    })
}

/// Sessions and messages by their eligibility and delivery.
#[derive(Default)]
struct Backlog {
    eligible: usize,
    excluded: usize,
    pending: usize,
    pending_messages: u64,
    overdue: bool,
}

impl Backlog {
    fn of(inspection: &Inspection, context: &Context, now: DateTime<Utc>) -> Result<Backlog, Error> {
        let mut backlog = Backlog::default();
        let snapshot = inspection.source.snapshot()?;
        let overdue_after = TimeDelta::from_std(context.config.interval * 2).unwrap_or(TimeDelta::MAX);
        let is_overdue =
            |since: Option<DateTime<Utc>>| since.is_some_and(|since| now - since > overdue_after);
        for session in &inspection.scan.sessions {
            let id = &session.row.id;
            let cursor = inspection.state.destination.sessions.get(id);
            if !session.is_eligible() {
                backlog.excluded += 1;
                // An outage that outlasts the identity closes the filter; pending sessions then become overdue, too.
                let waits = session.waits_for_identity();
                backlog.overdue |= waits && is_overdue(cursor.and_then(|cursor| cursor.waiting_since));
                continue;
            }
            backlog.eligible += 1;
            let item = inspection.queue.item(id);
            let waits =
                session.has_delta && item.is_none_or(|item| item.is_waiting(&session.data_fingerprint, now));
            let Some(cursor) = cursor.filter(|_| waits) else { continue };
            backlog.pending += 1;
            backlog.pending_messages += snapshot.count_after(id, cursor.rowid)?;
            if !backlog.overdue {
                let written = snapshot.first_seen_after(id, cursor.rowid)?.as_deref().and_then(time::parse);
                let since = cursor.waiting_since.into_iter().chain(written).min();
                backlog.overdue = is_overdue(since);
            }
        }
        Ok(backlog)
    }
}

/// Renders the document as text for people.
fn render_text(context: &Context, document: &StatusDocument) -> String {
    let dash = || "-".to_owned();
    let config = &context.config;
    let state = match (document.enabled, document.configured) {
        (false, _) => format!("off (enabled is false, set by {})", config.enabled.origin),
        (true, false) => "on, but endpoint or apiKey is missing".to_owned(),
        (true, true) => "on".to_owned(),
    };
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<10} {}\n", printable(&value)));
    line("sync", state);
    line("endpoint", document.endpoint.clone().unwrap_or_else(dash));
    line("client", document.client_id.clone());
    line("database", document.source_error.clone().unwrap_or_else(|| document.database.clone()));
    line("last sync", document.last_sync_at.clone().unwrap_or_else(|| format_time(None)));
    line("verified", document.last_verified_at.clone().unwrap_or_else(|| format_time(None)));
    line("last hook", document.last_hook_at.clone().unwrap_or_else(|| format_time(None)));
    line(
        "sessions",
        format!(
            "{} eligible, {} excluded (han-sync explain shows the reasons)",
            document.eligible_sessions, document.excluded_sessions
        ),
    );
    let overdue = if document.overdue { ", overdue" } else { "" };
    line(
        "pending",
        format!(
            "{}, {}{overdue}",
            count(document.pending_sessions, "session"),
            count(document.pending_messages, "message")
        ),
    );
    line(
        "sent",
        format!(
            "{} and {} in total; {} succeeded, {} failed",
            count(document.total_messages_synced, "message"),
            count(document.total_tasks_synced, "task"),
            count(document.successful_runs, "run"),
            document.failed_runs
        ),
    );
    if let Some(error) = &document.last_error {
        let at = document.last_error_at.clone().unwrap_or_else(dash);
        line("last error", format!("{at}  {error}"));
    }
    if let Some(next) = &document.next_retry_at {
        line("next try", next.clone());
    }
    for item in &document.queue.items {
        line("queued", describe(item));
    }
    for condition in &document.conditions {
        line("condition", format!("{}: {}", condition.code, condition.message));
    }
    text
}
