//! `han-sync preview`: the exact payloads that a run would send, cut by the same cutter, one batch in memory at a time.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::super::cli::PreviewCommand;
use super::super::cutter::{Cutter, Start, Work};
use super::super::exit::{Exit, Stop};
use super::super::privacy::Eligibility;
use super::super::report::{VERSION, count};
use super::super::run::{self, Context, Request};
use super::super::survey::Survey;
use super::{Look, Output, look, tell};

/// What one session comes to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    session_id: String,
    repository: String,
    inclusion: String,
    with_content: bool,
    messages: usize,
    tasks: usize,
    /// Uncompressed.
    bytes: usize,
}

pub fn execute(context: &Context, command: &PreviewCommand, mut output: Output) -> Result<Exit, Stop> {
    let look = look(context, true)?;
    tell(context, &look.warnings);
    let Look { state, queue, destination, source, survey, .. } = look;
    let config = &context.config;
    let now = context.clock.now();
    if let Some(id) = &command.session {
        check_session(id, &survey)?;
    }
    let request = command.session.clone().map_or(Request::Scheduled, Request::Session);
    let mut work: VecDeque<Work> =
        run::work(&survey, &queue, &state.destinations[destination], &request, false, now);
    let mut lines = lines(&work, &survey);
    let order: Vec<String> = work.iter().map(|work| work.session_id.clone()).collect();

    let redactor = run::redactor(config)?;
    let affiliations = run::affiliations(state.destinations[destination].identity.as_ref(), now);
    let mut cutter =
        Cutter::new(Start { config, clock: &context.clock, redactor: redactor.as_ref(), state, destination });
    let mut redactions: BTreeMap<String, u64> = BTreeMap::new();
    let mut batches = 0;
    if output.json {
        output.text(&format!("{{\"version\":{VERSION},\"batches\":["));
    }
    while let Some(batch) = cutter.cut(&source, &affiliations, &mut work)? {
        if output.json {
            if batches > 0 {
                output.text(",");
            }
            output.bytes(&cutter.document(&batch, now)?);
        }
        batches += 1;
        for (kind, number) in batch.redactions.iter() {
            *redactions.entry(kind.to_string()).or_default() += number;
        }
        for part in &batch.parts {
            let line = lines.entry(part.session_id.clone()).or_default();
            line.messages += part.messages;
            line.tasks += part.tasks;
            line.bytes += part.bytes;
        }
        cutter.acknowledge(&batch, |_| true, &mut work);
    }
    let sessions: Vec<Line> = order.iter().filter_map(|id| lines.remove(id)).collect();
    if output.json {
        let sessions = json(&sessions)?;
        let redactions = json(&redactions)?;
        output.text(&format!("],\"sessions\":{sessions},\"redactions\":{redactions}}}\n"));
    } else {
        output.text(&for_people(&sessions, &redactions, batches, config.enabled.value));
    }
    Ok(Exit::Success)
}

fn json<T: Serialize>(value: &T) -> Result<String, Stop> {
    serde_json::to_string(value).map_err(|error| Stop::from(anyhow::Error::from(error)))
}

fn check_session(id: &str, survey: &Survey) -> Result<(), Stop> {
    let Some(session) = survey.sessions.iter().find(|session| session.row.id == id) else {
        let message =
            format!("han has not indexed session {id}; han-sync explain lists the sessions that it knows");
        return Err(Stop::new(Exit::Usage, message));
    };
    // One that stays here has an empty preview, and a reason.
    if let Eligibility::Excluded { reason, .. } = &session.eligibility {
        eprintln!("han-sync: session {id} would not be sent: {reason}; {}", reason.remedy());
    }
    Ok(())
}

fn lines(work: &VecDeque<Work>, survey: &Survey) -> BTreeMap<String, Line> {
    let sessions: BTreeMap<&str, _> =
        survey.sessions.iter().map(|session| (session.row.id.as_str(), session)).collect();
    let line = |work: &Work| {
        let session = sessions.get(work.session_id.as_str())?;
        let Eligibility::Eligible { remote, inclusion, .. } = &session.eligibility else { return None };
        let line = Line {
            session_id: work.session_id.clone(),
            repository: remote.path().to_owned(),
            inclusion: inclusion.as_str().to_owned(),
            with_content: session.with_content,
            ..Line::default()
        };
        Some((work.session_id.clone(), line))
    };
    work.iter().filter_map(line).collect()
}

fn for_people(lines: &[Line], redactions: &BTreeMap<String, u64>, batches: usize, enabled: bool) -> String {
    let mut text = String::new();
    if !lines.is_empty() {
        let header =
            ["SESSION", "REPOSITORY", "WHY", "MESSAGES", "TASKS", "BYTES", "TEXT"].map(str::to_owned);
        let rows = lines.iter().map(|line| {
            [
                line.session_id.clone(),
                line.repository.clone(),
                line.inclusion.clone(),
                line.messages.to_string(),
                line.tasks.to_string(),
                line.bytes.to_string(),
                (if line.with_content { "redacted" } else { "none" }).to_owned(),
            ]
        });
        let rows: Vec<[String; 7]> = std::iter::once(header).chain(rows).collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..7).map(width).collect();
        for row in &rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
    }
    let messages: usize = lines.iter().map(|line| line.messages).sum();
    text.push_str(&format!(
        "{} of {} in {}\n",
        count(messages, "message"),
        count(lines.len(), "session"),
        count(batches, "batch")
    ));
    if !redactions.is_empty() {
        let kinds: Vec<String> = redactions.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
        text.push_str(&format!("redacted: {}\n", kinds.join(", ")));
    }
    if !enabled {
        text.push_str("sync is not enabled: nothing of this is sent until it is\n");
    }
    text
}
