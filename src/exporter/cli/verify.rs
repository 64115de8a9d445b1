//! `han-sync verify`: what the receiver lacks of the eligible sessions, and its repair.

use serde::Serialize;

use crate::exporter::cli::arguments::VerifyArgs;
use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::RunStatus;
use crate::exporter::plan::proof::Verdict;
use crate::exporter::report::{ReportedError, VERSION, count};
use crate::exporter::run::{self, Finding, VerifyRequest, VerifyResult};
use crate::printable::printable;

/// The JSON document of `verify`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyDocument {
    version: u32,
    status: RunStatus,
    /// False for a receiver without digests.
    supported: bool,
    sessions_verified: usize,
    messages_verified: u64,
    messages_pending: u64,
    /// Sessions of which the receiver lacked messages.
    sessions_differing: usize,
    sessions_repaired: usize,
    sessions: Vec<FindingView>,
    messages_sent: u64,
    batches: u64,
    bytes_sent: u64,
    duration_ms: u64,
    errors: Vec<ReportedError>,
}

/// A session that is not simply proven.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingView {
    session_id: String,
    finding: FindingKind,
    /// Number of messages, as far as it is known.
    messages: Option<u64>,
    repaired: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FindingKind {
    Missing,
    Different,
    Surplus,
    Forgotten,
    LeftBehind,
}

pub(super) fn execute(context: &Context, args: &VerifyArgs, mut output: Output) -> Result<ExitCode, Error> {
    let request = VerifyRequest { session: args.session.clone(), repair: args.repair };
    let result = run::verify(context, &request)?;
    let document = VerifyDocument::new(&result);
    let exit = result.report.exit;
    if output.json {
        output.json(&document);
        return Ok(exit);
    }
    for finding in &document.sessions {
        output.line(&finding.sentence());
    }
    output.line(&summary(&document, request.repair));
    if exit != ExitCode::Success {
        for error in &document.errors {
            context.log.error("verify_error", &format!("{} ({})", error.message, error.code));
        }
    }
    Ok(exit)
}

impl VerifyDocument {
    fn new(result: &VerifyResult) -> VerifyDocument {
        let VerifyResult { report, verified, repaired, left_behind } = result;
        let mut sessions: Vec<FindingView> = Vec::new();
        for (id, finding) in &verified.findings {
            let (finding, messages) = match finding {
                Finding::Fault(Verdict::Missing(messages)) => (FindingKind::Missing, Some(*messages)),
                Finding::Fault(_) => (FindingKind::Different, None),
                Finding::Surplus(messages) => (FindingKind::Surplus, Some(*messages)),
                Finding::Forgotten => (FindingKind::Forgotten, None),
            };
            sessions.push(FindingView {
                session_id: id.clone(),
                finding,
                messages,
                repaired: repaired.contains(id),
            });
        }
        sessions.extend(left_behind.iter().map(|(id, rows)| FindingView {
            session_id: id.clone(),
            finding: FindingKind::LeftBehind,
            messages: Some(*rows as u64),
            repaired: false,
        }));
        VerifyDocument {
            version: VERSION,
            status: report.status,
            supported: !verified.is_unsupported,
            sessions_verified: verified.sessions,
            messages_verified: verified.messages,
            messages_pending: verified.pending,
            sessions_differing: verified.faults().len(),
            sessions_repaired: repaired.len(),
            sessions,
            messages_sent: report.messages_sent,
            batches: report.batches,
            bytes_sent: report.bytes_sent,
            duration_ms: report.duration_ms,
            errors: report.errors.clone(),
        }
    }
}

impl FindingView {
    fn sentence(&self) -> String {
        let messages = count(self.messages.unwrap_or_default(), "message");
        let text = match self.finding {
            FindingKind::Missing => format!("the receiver lacks {messages}"),
            FindingKind::Different => "the receiver holds other messages in the place of some".to_owned(),
            FindingKind::Surplus => {
                format!("the receiver holds {messages} that han's database does not have, which is no fault")
            }
            FindingKind::Forgotten => "it was forgotten at the receiver, which is no fault".to_owned(),
            FindingKind::LeftBehind => format!("the receiver rejected {messages}, left behind"),
        };
        let repaired = if self.repaired { "; sent again" } else { "" };
        format!("session {}: {text}{repaired}", printable(&self.session_id))
    }
}

fn summary(document: &VerifyDocument, repair: bool) -> String {
    let verified = format!(
        "verified {} with {}",
        count(document.sessions_verified, "session"),
        count(document.messages_verified, "message")
    );
    let pending = match document.messages_pending {
        0 => String::new(),
        pending => format!("; {} pending", count(pending, "message")),
    };
    let explanation = || document.errors.first().map(|error| error.message.clone()).unwrap_or_default();
    match document.status {
        RunStatus::Disabled => "sync is not enabled; nothing is verified".to_owned(),
        RunStatus::Skipped => format!("skipped: {}", explanation()),
        _ if !document.supported => "the receiver has no digests; nothing is verified".to_owned(),
        RunStatus::Success if document.sessions_repaired > 0 => {
            format!(
                "{verified}: {} differed and were sent again{pending}",
                count(document.sessions_repaired, "session")
            )
        }
        RunStatus::Success => format!("{verified}: everything is at the receiver{pending}"),
        _ if document.sessions_differing > document.sessions_repaired => {
            let differing = count(document.sessions_differing - document.sessions_repaired, "session");
            let next = if repair { "" } else { "; run han-sync verify --repair" };
            format!("{verified}: {differing} differ{next}{pending}")
        }
        _ => format!("not verified: {}", explanation()),
    }
}
