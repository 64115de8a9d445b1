//! `han-sync preview`: the exact payloads that a run would send, from the same batcher, one batch in memory at a time.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::backoff;
use crate::exporter::batch::Batch;
use crate::exporter::batch::client_report::{ClientReport, condition_codes};
use crate::exporter::batch::content_filter::ContentFilter;
use crate::exporter::batch::encode::encode;
use crate::exporter::batch::redact::Counts;
use crate::exporter::cli::arguments::PreviewArgs;
use crate::exporter::cli::inspection::{IdentitySource, Inspection, inspect, log_warnings};
use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::RunStatus;
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::Eligibility;
use crate::exporter::plan::scan::{Scan, ScannedSession};
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::report::{Report, ReportedError, VERSION, count};
use crate::printable::printable;

/// The totals of a session.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionPreview {
    session_id: String,
    repository: String,
    /// The rule that includes the session.
    inclusion: &'static str,
    /// The value that matched.
    matched: String,
    #[serde(rename = "withContent")]
    include_content: bool,
    messages: usize,
    tasks: usize,
    /// Bytes before compression.
    bytes: usize,
    /// Redacted secrets by kind.
    redactions: Counts,
}

/// The members after `batches` in the JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewTrailer {
    status: RunStatus,
    /// False if sync is not enabled, and nothing is sent.
    enabled: bool,
    batch_count: usize,
    messages: usize,
    tasks: usize,
    /// Bytes of all batches before compression.
    bytes: usize,
    redactions: Counts,
    sessions: Vec<SessionPreview>,
    errors: Vec<ReportedError>,
}

pub(super) fn execute(context: &Context, args: &PreviewArgs, mut output: Output) -> Result<ExitCode, Error> {
    let began_at = context.clock.now();
    let inspection = inspect(context, IdentitySource::Receiver)?;
    log_warnings(context, &inspection.warnings);
    let mut report = Report::default();
    if let Some(id) = &args.session {
        report_exclusion(id, &inspection.scan, &mut report);
    }
    let request = request(&inspection, args);
    let forgotten = forgotten_sessions(&inspection.scan);
    let mut preview = Preview { context, request, began_at, totals: PreviewTotals::default() };
    if output.json {
        output.raw(&format!("{{\"version\":{VERSION},\"batches\":["));
        let result = preview.write_batches(inspection, &mut output);
        // The beginning of the document is written already, so that the rest of it reports a failure.
        if let Err(error) = &result {
            report.set_failure(error);
            context.log.error("preview_error", &error.to_string());
        }
        write_trailer(context, preview.totals, report, &mut output)?;
        return Ok(result.err().map_or(ExitCode::Success, |error| error.exit));
    }
    preview.write_batches(inspection, &mut output)?;
    output.text(&render_text(&preview.totals, context.config.enabled.value));
    if forgotten > 0 && args.session.is_none() {
        output.text(&format!(
            "{} forgotten: han-sync forget --session ID --undo takes one back, han-sync explain lists them\n",
            count(forgotten, "session")
        ));
    }
    if let Some(error) = report.errors.first() {
        output.text(&format!("{}\n", printable(&error.message)));
    }
    Ok(ExitCode::Success)
}

/// Ends the JSON document behind its batches.
fn write_trailer(
    context: &Context,
    totals: PreviewTotals,
    report: Report,
    output: &mut Output,
) -> Result<(), Error> {
    let trailer = PreviewTrailer {
        status: report.status,
        enabled: context.config.enabled.value,
        batch_count: totals.batches,
        messages: totals.sessions.iter().map(|session| session.messages).sum(),
        tasks: totals.sessions.iter().map(|session| session.tasks).sum(),
        bytes: totals.bytes,
        redactions: totals.redactions(),
        sessions: totals.sessions,
        errors: report.errors,
    };
    let trailer = serde_json::to_string(&trailer).map_err(anyhow::Error::from)?;
    output.raw(&format!("],{}\n", &trailer[1..]));
    Ok(())
}

/// The request of the run that is previewed; a scheduled run executes a queued `all`.
fn request(inspection: &Inspection, args: &PreviewArgs) -> Request {
    match &args.session {
        Some(id) => Request::Session(id.clone()),
        None if inspection.queue.all_requested => Request::All,
        None => Request::Scheduled,
    }
}

/// Reports the reason if the requested session would not be sent.
fn report_exclusion(id: &str, scan: &Scan, report: &mut Report) {
    let (code, message) = match scan.sessions.iter().find(|session| session.row.id == id) {
        None => ("NOT_INDEXED", format!("han has not indexed session {id} yet")),
        Some(session) => match &session.eligibility {
            Eligibility::Eligible { .. } => return,
            Eligibility::Excluded { reason, .. } => {
                (reason.code(), format!("session {id} would not be sent: {reason}; {}", reason.remedy_of(id)))
            }
        },
    };
    report.status = RunStatus::Skipped;
    report.add_error(Some(id), code, message);
}

/// The number of sessions that are not sent because they are forgotten.
fn forgotten_sessions(scan: &Scan) -> usize {
    let is_forgotten = |session: &&ScannedSession| matches!(&session.eligibility, Eligibility::Excluded { reason, .. } if reason.is_forgotten());
    scan.sessions.iter().filter(is_forgotten).count()
}

/// The totals of all batches.
#[derive(Debug, Default)]
struct PreviewTotals {
    batches: usize,
    bytes: usize,
    /// Sessions in the order of sending.
    sessions: Vec<SessionPreview>,
}

impl PreviewTotals {
    fn redactions(&self) -> Counts {
        let mut sum = Counts::default();
        self.sessions.iter().for_each(|session| sum.merge(&session.redactions));
        sum
    }
}

/// A preview in progress.
struct Preview<'a> {
    context: &'a Context,
    request: Request,
    began_at: DateTime<Utc>,
    totals: PreviewTotals,
}

impl Preview<'_> {
    /// Builds batch after batch as if each were acknowledged, and writes them if the result is JSON.
    fn write_batches(&mut self, inspection: Inspection, output: &mut Output) -> Result<(), Error> {
        let Context { config, clock, .. } = self.context;
        let Inspection { state, queue, source, scan, identity_changed, .. } = inspection;
        let now = clock.now();
        let destination = &state.destination;
        let in_backoff = !backoff::is_due(destination.backoff.next_retry_at, now, backoff::CAP);
        let sends_heartbeat = config.enabled.value
            && config.endpoint.is_some()
            && config.api_key.is_some()
            && self.request == Request::Scheduled
            && !in_backoff
            && schedule::heartbeat_is_due(destination, now);
        let affiliations = schedule::affiliations(destination.identity.as_ref(), now);
        let mut due =
            schedule::due_sessions(&scan, &queue, destination, &self.request, identity_changed, now);
        let mut indexes = self.list_sessions(&due, &scan);
        let mut state = state;
        state.destination.conditions = condition_codes(self.context, &scan, &state, &queue, &source)?;
        let report = ClientReport::new(&scan, &state, &queue, &source, (self.began_at, now))?;
        drop((scan, queue));

        let content_filter = ContentFilter::of(config)?;
        let mut batcher = Batcher::new(config, clock, content_filter, state);
        batcher.report_client(report);
        if due.is_empty() && sends_heartbeat {
            self.add(&batcher, &Batch::default(), &mut indexes, output)?;
        }
        while let Some(batch) = batcher.next_batch(&source, &affiliations, &mut due, &[])? {
            if is_too_large(&batcher, &batch, now)? && batcher.narrow(&batch, true, &mut due) {
                continue;
            }
            self.add(&batcher, &batch, &mut indexes, output)?;
            batcher.advance_cursors(&batch, |_| true, &mut due);
            if output.is_closed() {
                break;
            }
        }
        Ok(())
    }

    /// Lists every session that will be sent; returns the index of each in the list.
    fn list_sessions(&mut self, due: &VecDeque<DueSession>, scan: &Scan) -> BTreeMap<String, usize> {
        let sessions: BTreeMap<&str, _> =
            scan.sessions.iter().map(|session| (session.row.id.as_str(), session)).collect();
        let mut indexes = BTreeMap::new();
        for each in due {
            let Some(session) = sessions.get(each.session_id.as_str()) else { continue };
            let Eligibility::Eligible { remote, inclusion, matched } = &session.eligibility else { continue };
            indexes.insert(each.session_id.clone(), self.totals.sessions.len());
            self.totals.sessions.push(SessionPreview {
                session_id: each.session_id.clone(),
                repository: remote.path().to_owned(),
                inclusion: inclusion.as_str(),
                matched: matched.value.clone(),
                include_content: session.include_content,
                ..SessionPreview::default()
            });
        }
        indexes
    }

    /// Writes a batch and adds its chunks to the totals.
    fn add(
        &mut self,
        batcher: &Batcher,
        batch: &Batch,
        indexes: &mut BTreeMap<String, usize>,
        output: &mut Output,
    ) -> Result<(), Error> {
        let document = batcher.envelope(batch, &[], self.context.clock.now())?;
        let ([head, sessions], end) = document.sealed();
        let document = [head, sessions, &end].concat();
        if output.json {
            if self.totals.batches > 0 {
                output.raw(",");
            }
            output.bytes(&document);
        }
        self.totals.batches += 1;
        self.totals.bytes += document.len();
        for chunk in &batch.chunks {
            let Some(index) = indexes.get(&chunk.session_id) else { continue };
            let session = &mut self.totals.sessions[*index];
            session.messages += chunk.messages;
            session.tasks += chunk.tasks;
            session.bytes += chunk.bytes;
            session.redactions.merge(&chunk.redactions);
        }
        Ok(())
    }
}

/// True if the body exceeds the receiver's limit, so that a run would halve the batch without sending it.
fn is_too_large(batcher: &Batcher, batch: &Batch, now: DateTime<Utc>) -> Result<bool, Error> {
    // Compression cannot double the size, so that a batch of half the limit needs no encoding.
    let Some(max) = batcher.compressed_bytes_max().filter(|max| batch.bytes() as u64 > max / 2) else {
        return Ok(false);
    };
    let body = encode(batcher.envelope(batch, &[], now)?, batch.has_content, batcher.encoding())
        .map_err(anyhow::Error::from)?;
    Ok(body.bytes.len() as u64 > max)
}

/// Renders the totals as text for people.
fn render_text(totals: &PreviewTotals, enabled: bool) -> String {
    let sessions = &totals.sessions;
    let mut text = render_table(sessions);
    let messages: usize = sessions.iter().map(|session| session.messages).sum();
    text.push_str(&format!(
        "{} of {} in {}, {} bytes before compression\n",
        count(messages, "message"),
        count(sessions.len(), "session"),
        count(totals.batches, "batch"),
        totals.bytes
    ));
    if totals.batches > 0 && sessions.is_empty() {
        text.push_str(
            "the batch is empty: a heartbeat, which lets the receiver distinguish an idle client from a dead one\n",
        );
    }
    text.push_str(&format!("redacted: {}\n", kinds(&totals.redactions())));
    if sessions.iter().any(|session| session.include_content) {
        text.push_str(
            "paths: home folders are replaced by ~; the rest of a path stays, as do names and addresses in the text\n",
        );
    }
    if !enabled {
        text.push_str("sync is not enabled: nothing is sent until it is\n");
    }
    text
}

/// Renders one row for each session, in aligned columns; empty without sessions.
fn render_table(sessions: &[SessionPreview]) -> String {
    if sessions.is_empty() {
        return String::new();
    }
    let header = ["SESSION", "REPOSITORY", "WHY", "MESSAGES", "TASKS", "BYTES", "TEXT", "REDACTED"];
    let rows = sessions.iter().map(|session| {
        [
            session.session_id.clone(),
            session.repository.clone(),
            format!("{} ({})", session.inclusion, session.matched),
            session.messages.to_string(),
            session.tasks.to_string(),
            session.bytes.to_string(),
            (if session.include_content { "sent" } else { "none" }).to_owned(),
            kinds(&session.redactions),
        ]
        .map(|cell| printable(&cell).into_owned())
    });
    let rows: Vec<[String; 8]> = std::iter::once(header.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Renders counts by kind; a hyphen for none.
fn kinds(redactions: &Counts) -> String {
    let kinds: Vec<String> = redactions.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    if kinds.is_empty() { "-".to_owned() } else { kinds.join(", ") }
}
