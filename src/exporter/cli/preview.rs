//! `han-sync preview`: the exact payloads that a run would send, cut by the same cutter, one batch in memory at a time.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::backoff;
use crate::exporter::batch::Batch;
use crate::exporter::batch::encode::encode;
use crate::exporter::batch::redact::Counts;
use crate::exporter::cli::arguments::PreviewCommand;
use crate::exporter::cli::{Look, Output, look, tell};
use crate::exporter::context::Context;
use crate::exporter::delivery::batcher::{Batcher, redactor};
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::RunStatus;
use crate::exporter::plan::eligibility::Eligibility;
use crate::exporter::plan::pending_session::PendingSession;
use crate::exporter::plan::scan::Scan;
use crate::exporter::plan::schedule::{self, Request};
use crate::exporter::report::{Report, ReportedError, VERSION, count};

/// What one session comes to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    session_id: String,
    repository: String,
    /// The rule that lets it through, and the value that matched.
    inclusion: &'static str,
    matched: String,
    with_content: bool,
    messages: usize,
    tasks: usize,
    /// Uncompressed.
    bytes: usize,
    /// Redacted secrets by kind.
    redactions: Counts,
}

/// What follows the batches in the JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tail {
    status: RunStatus,
    /// Nothing is sent while sync is not enabled.
    enabled: bool,
    batch_count: usize,
    messages: usize,
    tasks: usize,
    /// Of all batches, before compression.
    bytes: usize,
    redactions: Counts,
    sessions: Vec<Line>,
    errors: Vec<ReportedError>,
}

pub fn execute(context: &Context, command: &PreviewCommand, mut output: Output) -> Result<ExitCode, Error> {
    let look = look(context, true)?;
    tell(context, &look.warnings);
    let mut report = Report::default();
    if let Some(id) = &command.session {
        check_session(id, &look.survey, &mut report);
    }
    if output.json {
        output.text(&format!("{{\"version\":{VERSION},\"batches\":["));
    }
    let mut preview = Preview { context, request: request(&look, command), total: Total::default() };
    let ended = preview.show(look, &mut output);
    let total = preview.total;
    // Part of the document is out already: what went wrong goes into the rest of it.
    if let Err(stop) = &ended {
        report.fail(stop);
    }
    if !output.json {
        ended?;
        output.text(&for_people(&total, context.config.enabled.value));
        if let Some(error) = report.errors.first() {
            output.text(&format!("{}\n", error.message));
        }
        return Ok(ExitCode::Success);
    }
    let tail = Tail {
        status: report.status,
        enabled: context.config.enabled.value,
        batch_count: total.batches,
        messages: total.lines.iter().map(|line| line.messages).sum(),
        tasks: total.lines.iter().map(|line| line.tasks).sum(),
        bytes: total.bytes,
        redactions: total.redactions(),
        sessions: total.lines,
        errors: report.errors,
    };
    let tail = serde_json::to_string(&tail).map_err(anyhow::Error::from)?;
    output.text(&format!("],{}\n", &tail[1..]));
    Ok(match ended {
        Ok(()) => ExitCode::Success,
        Err(stop) => {
            context.log.error("preview_error", &stop.to_string());
            stop.exit
        }
    })
}

/// A scheduled run does what is queued for it.
fn request(look: &Look, command: &PreviewCommand) -> Request {
    match &command.session {
        Some(id) => Request::Session(id.clone()),
        None if look.queue.all_requested => Request::All,
        None => Request::Scheduled,
    }
}

/// A session that stays here has an empty preview, and a reason.
fn check_session(id: &str, survey: &Scan, report: &mut Report) {
    let (code, message) = match survey.sessions.iter().find(|session| session.row.id == id) {
        None => ("NOT_INDEXED", format!("han has not indexed session {id} yet")),
        Some(session) => match &session.eligibility {
            Eligibility::Eligible { .. } => return,
            Eligibility::Excluded { reason, .. } => {
                (reason.code(), format!("session {id} would not be sent: {reason}; {}", reason.remedy()))
            }
        },
    };
    report.status = RunStatus::Skipped;
    report.add_error(Some(id), code, message);
}

/// What all batches come to.
#[derive(Debug, Default)]
struct Total {
    batches: usize,
    bytes: usize,
    /// In the order in which the sessions are sent.
    lines: Vec<Line>,
}

impl Total {
    fn redactions(&self) -> Counts {
        let mut sum = Counts::default();
        self.lines.iter().for_each(|line| sum.merge(&line.redactions));
        sum
    }
}

struct Preview<'a> {
    context: &'a Context,
    request: Request,
    total: Total,
}

impl Preview<'_> {
    /// Cuts batch after batch as if each were acknowledged, and shows it.
    fn show(&mut self, look: Look, output: &mut Output) -> Result<(), Error> {
        let Context { config, clock, .. } = self.context;
        let Look { state, queue, source, survey, identity_changed, .. } = look;
        let now = clock.now();
        let destination = &state.destination;
        let in_backoff = !backoff::is_due(destination.backoff.next_retry_at, now, backoff::CAP);
        let says_it_is_alive = config.enabled.value
            && config.endpoint.is_some()
            && config.api_key.is_some()
            && self.request == Request::Scheduled
            && !in_backoff
            && schedule::heartbeat_is_due(destination, now);
        let affiliations = schedule::affiliations(destination.identity.as_ref(), now);
        let mut work =
            schedule::due_sessions(&survey, &queue, destination, &self.request, identity_changed, now);
        let mut places = self.lines(&work, &survey);
        drop((survey, queue));

        let redactor = redactor(config)?;
        let mut cutter = Batcher::new(config, clock, redactor.as_ref(), state);
        if work.is_empty() && says_it_is_alive {
            self.add(&cutter, &Batch::default(), &mut places, output)?;
        }
        while let Some(batch) = cutter.next_batch(&source, &affiliations, &mut work, &[])? {
            if is_too_large(&cutter, &batch, now)? && cutter.halve(&batch, true, &mut work) {
                continue;
            }
            self.add(&cutter, &batch, &mut places, output)?;
            cutter.acknowledge(&batch, |_| true, &mut work);
            if output.closed {
                break;
            }
        }
        Ok(())
    }

    /// A line for every session that is to be sent; returns where each stands.
    fn lines(&mut self, work: &VecDeque<PendingSession>, survey: &Scan) -> BTreeMap<String, usize> {
        let sessions: BTreeMap<&str, _> =
            survey.sessions.iter().map(|session| (session.row.id.as_str(), session)).collect();
        let mut places = BTreeMap::new();
        for work in work {
            let Some(session) = sessions.get(work.session_id.as_str()) else { continue };
            let Eligibility::Eligible { remote, inclusion, matched } = &session.eligibility else { continue };
            places.insert(work.session_id.clone(), self.total.lines.len());
            self.total.lines.push(Line {
                session_id: work.session_id.clone(),
                repository: remote.path().to_owned(),
                inclusion: inclusion.as_str(),
                matched: matched.value.clone(),
                with_content: session.with_content,
                ..Line::default()
            });
        }
        places
    }

    fn add(
        &mut self,
        cutter: &Batcher,
        batch: &Batch,
        places: &mut BTreeMap<String, usize>,
        output: &mut Output,
    ) -> Result<(), Error> {
        let document = cutter.envelope(batch, &[], self.context.clock.now())?;
        let ([head, sessions], end) = document.sealed();
        let document = [head, sessions, &end].concat();
        if output.json {
            if self.total.batches > 0 {
                output.text(",");
            }
            output.bytes(&document);
        }
        self.total.batches += 1;
        self.total.bytes += document.len();
        for part in &batch.chunks {
            let Some(place) = places.get(&part.session_id) else { continue };
            let line = &mut self.total.lines[*place];
            line.messages += part.messages;
            line.tasks += part.tasks;
            line.bytes += part.bytes;
            line.redactions.merge(&part.redactions);
        }
        Ok(())
    }
}

/// Whether a run would not even try to send it.
fn is_too_large(cutter: &Batcher, batch: &Batch, now: DateTime<Utc>) -> Result<bool, Error> {
    // Compressing does not make a document of this size noticeably larger.
    let Some(max) = cutter.body_bytes_max().filter(|max| batch.bytes() as u64 > max / 2) else {
        return Ok(false);
    };
    let body = encode(cutter.envelope(batch, &[], now)?, batch.has_content).map_err(anyhow::Error::from)?;
    Ok(body.bytes.len() as u64 > max)
}

fn for_people(total: &Total, enabled: bool) -> String {
    let lines = &total.lines;
    let mut text = String::new();
    if !lines.is_empty() {
        let header = ["SESSION", "REPOSITORY", "WHY", "MESSAGES", "TASKS", "BYTES", "TEXT", "REDACTED"];
        let rows = lines.iter().map(|line| {
            [
                line.session_id.clone(),
                line.repository.clone(),
                format!("{} ({})", line.inclusion, line.matched),
                line.messages.to_string(),
                line.tasks.to_string(),
                line.bytes.to_string(),
                (if line.with_content { "sent" } else { "none" }).to_owned(),
                kinds(&line.redactions),
            ]
        });
        let rows: Vec<[String; 8]> = std::iter::once(header.map(str::to_owned)).chain(rows).collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..header.len()).map(width).collect();
        for row in &rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
    }
    let messages: usize = lines.iter().map(|line| line.messages).sum();
    text.push_str(&format!(
        "{} of {} in {}, {} bytes before compression\n",
        count(messages, "message"),
        count(lines.len(), "session"),
        count(total.batches, "batch"),
        total.bytes
    ));
    if total.batches > 0 && lines.is_empty() {
        text.push_str("the batch is empty: it tells the receiver that this client is alive\n");
    }
    text.push_str(&format!("redacted: {}\n", kinds(&total.redactions())));
    if !enabled {
        text.push_str("sync is not enabled: nothing of this is sent until it is\n");
    }
    text
}

fn kinds(redactions: &Counts) -> String {
    let kinds: Vec<String> = redactions.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    if kinds.is_empty() { "-".to_owned() } else { kinds.join(", ") }
}
