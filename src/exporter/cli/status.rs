//! `han-sync status`: where things stand, without changing or sending anything.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::exporter::backoff;
use crate::exporter::cli::queue::{QueueView, describe};
use crate::exporter::cli::{Look, Output, load, look, tell};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::report::{VERSION, count, format_time};
use crate::time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    enabled: bool,
    /// Endpoint and key are tdestination.
    configured: bool,
    endpoint: Option<String>,
    client_id: String,
    user_id: Option<String>,
    database: String,
    last_sync_at: Option<String>,
    last_contact_at: Option<String>,
    last_hook_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
    next_retry_at: Option<String>,
    /// Something has waited for longer than twice the interval.
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
    /// Why the source could not be looked at.
    source_error: Option<String>,
}

pub fn execute(context: &Context, mut output: Output) -> Result<ExitCode, Error> {
    let config = &context.config;
    let now = context.clock.now();
    let mut warnings = Vec::new();
    // A missing database must not hide the rest.
    let looked = match look(context, false) {
        Err(stop) if matches!(stop.exit, ExitCode::NoSource | ExitCode::TryAgain) => Err(stop),
        looked => Ok(looked?),
    };
    let (state, queue) = match &looked {
        Ok(look) => (look.state.clone(), look.queue.clone()),
        Err(_) => load(context, &mut warnings)?,
    };
    let figures = match &looked {
        Ok(look) => Figures::of(look, context, now)?,
        Err(_) => Figures::default(),
    };
    tell(context, looked.as_ref().map_or(&warnings, |look| &look.warnings));
    let destination = &state.destination;
    let waits =
        destination.backoff.next_retry_at.filter(|next| !backoff::is_due(Some(*next), now, backoff::CAP));
    let document = Document {
        version: VERSION,
        enabled: config.enabled.value,
        configured: config.endpoint.is_some() && config.api_key.is_some(),
        endpoint: config.endpoint.as_ref().map(|setting| setting.value.clone()),
        client_id: state.client_id.clone(),
        user_id: destination.user_id.clone(),
        database: config.database.display().to_string(),
        last_sync_at: destination.statistics.last_sync_at.map(time::format),
        last_contact_at: destination.statistics.last_contact_at.map(time::format),
        last_hook_at: queue.hook_last_run_at.map(time::format),
        last_error: destination.last_error.as_ref().map(|error| error.message.clone()),
        last_error_at: destination.last_error.as_ref().and_then(|error| error.at).map(time::format),
        next_retry_at: waits.map(time::format),
        overdue: figures.overdue,
        queue: QueueView::new(&queue),
        eligible_sessions: figures.eligible,
        excluded_sessions: figures.excluded,
        pending_sessions: figures.pending,
        pending_messages: figures.pending_messages,
        total_messages_synced: destination.statistics.total_messages_synced,
        total_tasks_synced: destination.statistics.total_tasks_synced,
        successful_runs: destination.statistics.successful_runs,
        failed_runs: destination.statistics.failed_runs,
        source_error: looked.as_ref().err().map(ToString::to_string),
    };
    if output.json {
        output.json(&document);
    } else {
        output.text(&for_people(context, &document));
    }
    Ok(ExitCode::Success)
}

/// What the source and the cursors say together.
#[derive(Default)]
struct Figures {
    eligible: usize,
    excluded: usize,
    pending: usize,
    pending_messages: u64,
    overdue: bool,
}

impl Figures {
    fn of(look: &Look, context: &Context, now: DateTime<Utc>) -> Result<Figures, Error> {
        let mut figures = Figures::default();
        let snapshot = look.source.snapshot()?;
        let patience = TimeDelta::from_std(context.config.interval * 2).unwrap_or(TimeDelta::MAX);
        let is_overdue = |since: Option<DateTime<Utc>>| since.is_some_and(|since| now - since > patience);
        for session in &look.survey.sessions {
            let id = &session.row.id;
            let cursor = look.state.destination.sessions.get(id);
            if !session.is_eligible() {
                figures.excluded += 1;
                // An outage that outlasts the identity closes the filter, and what waited goes on waiting.
                let waits = session.waits_for_identity();
                figures.overdue |= waits && is_overdue(cursor.and_then(|cursor| cursor.waiting_since));
                continue;
            }
            figures.eligible += 1;
            let item = look.queue.item(id);
            let waits = session.pending && item.is_none_or(|item| item.is_waiting(&session.data_mark, now));
            let Some(cursor) = cursor.filter(|_| waits) else { continue };
            figures.pending += 1;
            figures.pending_messages += snapshot.count_after(id, cursor.rowid)?;
            if !figures.overdue {
                let written = snapshot.first_seen_after(id, cursor.rowid)?.as_deref().and_then(time::parse);
                let since = cursor.waiting_since.into_iter().chain(written).min();
                figures.overdue = is_overdue(since);
            }
        }
        Ok(figures)
    }
}

fn for_people(context: &Context, document: &Document) -> String {
    let dash = || "-".to_owned();
    let config = &context.config;
    let state = match (document.enabled, document.configured) {
        (false, _) => format!("off (enabled is false, set by {})", config.enabled.origin),
        (true, false) => "on, but endpoint or apiKey is missing".to_owned(),
        (true, true) => "on".to_owned(),
    };
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<10} {value}\n"));
    line("sync", state);
    line("endpoint", document.endpoint.clone().unwrap_or_else(dash));
    line("client", document.client_id.clone());
    line("database", document.source_error.clone().unwrap_or_else(|| document.database.clone()));
    line("last sync", document.last_sync_at.clone().unwrap_or_else(|| format_time(None)));
    line("last hook", document.last_hook_at.clone().unwrap_or_else(|| format_time(None)));
    line(
        "sessions",
        format!(
            "{} eligible, {} excluded (han-sync explain says why)",
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
            "{} and {} in all; {} went well, {} did not",
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
    text
}
