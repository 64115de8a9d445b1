//! `han-sync status`: configuration, backlog, queue, backoff, last error and conditions; changes and sends nothing.
//!
//! For people it has three lines when all is well, and a line with its remedy for each condition otherwise.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::exporter::backoff;
use crate::exporter::cli::diagnosis::Diagnosis;
use crate::exporter::cli::inspection::log_warnings;
use crate::exporter::cli::machine::doctor::rendered;
use crate::exporter::cli::output::Output;
use crate::exporter::cli::output::terminal::{Color, Terminal};
use crate::exporter::cli::queue::{QueueView, describe};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::conditions::{Condition, OVERDUE};
use crate::exporter::plan::identity_check::PendingOwner;
use crate::exporter::report::{VERSION, count};
use crate::printable::printable;
use crate::time;

/// Sessions of the queue that are listed.
const QUEUE_LINES_MAX: usize = 10;

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
    /// Time at which a pause ends; null without one.
    paused_until: Option<String>,
    /// True during a pause.
    paused: bool,
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
        let terminal = Terminal::stdout(&context.environment);
        output.raw(&render_text(&document, &terminal, context.clock.now()));
    }
    Ok(ExitCode::Success)
}

fn document(context: &Context) -> Result<StatusDocument, Error> {
    let now = context.clock.now();
    let diagnosis = Diagnosis::of(context)?;
    log_warnings(context, &diagnosis.warnings);
    let conditions: Vec<Condition> = diagnosis.shown(now).cloned().collect();
    let Diagnosis { state, queue, backlog, pending_owners, source_error, .. } = diagnosis;
    let config = &context.config;
    let destination = &state.destination;
    let statistics = &destination.statistics;
    let next_retry_at =
        destination.backoff.next_retry_at.filter(|next| !backoff::is_due(Some(*next), now, backoff::CAP));
    let pause = queue.pause_at(now);
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
        overdue: conditions.iter().any(|condition| condition.code == OVERDUE.code),
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
        paused: pause.is_some(),
        paused_until: pause.and_then(|pause| pause.until).map(time::format),
        conditions,
        pending_owners: pending_owners.iter().map(PendingOwnerView::from).collect(),
    })
}

/// Renders the document for people.
fn render_text(document: &StatusDocument, terminal: &Terminal, now: DateTime<Utc>) -> String {
    let mut text = state_line(document, terminal);
    let mut line = |line: String| text.push_str(&format!("{}\n", terminal.wrap(&printable(&line), "  ", 0)));
    let total = count(document.total_messages_synced, "message");
    line(match document.last_sync_at.as_deref().and_then(time::parse) {
        Some(at) => {
            let verified = document.last_verified_at.as_ref().map(|at| format!("; verified {at}"));
            let verified = verified.unwrap_or_default();
            format!("last sync {} ({}), {total} so far{verified}", age(at, now), time::format(at))
        }
        None => "nothing has been sent yet".to_owned(),
    });
    let sessions = document.eligible_sessions + document.excluded_sessions;
    line(match &document.source_error {
        Some(error) => error.clone(),
        None => format!(
            "{} of {} in {} stay on this machine; han-sync explain says why",
            document.excluded_sessions,
            count(sessions, "session"),
            document.database
        ),
    });
    if let Some(error) = &document.last_error {
        let next = document.next_retry_at.as_ref().map(|next| format!("; next try at {next}"));
        line(format!("last error: {error}{}", next.unwrap_or_default()));
    }
    for item in document.queue.items.iter().take(QUEUE_LINES_MAX) {
        line(format!("queued: {}", describe(item)));
    }
    if document.queue.items.len() > QUEUE_LINES_MAX {
        let others = count(document.queue.items.len() - QUEUE_LINES_MAX, "other session");
        line(format!("queued: {others}; han-sync queue lists them"));
    }
    for condition in &document.conditions {
        text.push_str(&rendered(condition, terminal));
    }
    text
}

/// The first line: whether anything is sent, and to whom.
fn state_line(document: &StatusDocument, terminal: &Terminal) -> String {
    let endpoint = document.endpoint.as_deref().unwrap_or("no receiver");
    let pending = format!(
        "{} with {} to send",
        count(document.pending_sessions, "session"),
        count(document.pending_messages, "message")
    );
    if document.source_error.is_some() && document.enabled && document.configured {
        return format!("han-sync is {}: and nothing can be sent\n", terminal.paint(Color::Red, "on"));
    }
    let (color, word, rest) = match (document.enabled, document.configured, document.paused) {
        (false, _, _) => (Color::Yellow, "off", "nothing is sent".to_owned()),
        (true, false, _) => (Color::Red, "on", "and nothing is sent: endpoint or key is missing".to_owned()),
        (true, true, true) => {
            let end =
                document.paused_until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
            (Color::Yellow, "paused", format!("{end} {pending}").trim_start().to_owned())
        }
        (true, true, false) if document.pending_sessions > 0 => {
            let overdue = if document.overdue { ", overdue" } else { "" };
            (Color::Yellow, "on", format!("{pending}{overdue}; receiver {endpoint}"))
        }
        (true, true, false) => (Color::Green, "on", format!("everything is sent to {endpoint}")),
    };
    let painted = terminal.paint(color, word);
    let line = format!("han-sync is {painted}: {}", printable(&rest));
    terminal.wrap(&line, "  ", painted.len() - word.len()) + "\n"
}

/// The time since a time, in the largest unit of which there are two.
fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let age = (now - at).max(TimeDelta::zero());
    let units = [(age.num_days(), "day"), (age.num_hours(), "hour"), (age.num_minutes(), "minute")];
    match units.into_iter().find(|(number, _)| *number >= 2) {
        Some((number, unit)) => format!("{} ago", count(number, unit)),
        None => "just now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_told_in_the_largest_unit() {
        let now = DateTime::UNIX_EPOCH;
        let ago = |seconds| age(now - TimeDelta::seconds(seconds), now);
        assert_eq!([ago(-60), ago(90), ago(300)], ["just now", "just now", "5 minutes ago"]);
        assert_eq!([ago(3 * 3600), ago(50 * 3600)], ["3 hours ago", "2 days ago"]);
    }
}
