//! `han-sync`, `han-sync session` and `han-sync all`: a run, and its report.

use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::LogLevel;
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::Report;
use crate::exporter::run;
use crate::exporter::state::atomic_file;

pub(super) fn execute(context: &Context, request: &Request, mut output: Output) -> Result<ExitCode, Error> {
    let report = match run::run(context, request) {
        Ok(report) => report,
        Err(error) => {
            // A folder that others may write to gets no line.
            if atomic_file::require_private_folder(&context.folder).unwrap_or(false) {
                log_run(context, request, &Report::failed(&error));
            }
            return Err(error);
        }
    };
    if report.did_something() {
        log_run(context, request, &report);
    }
    if output.json {
        output.json(&report);
    } else {
        output.line(&report.summary());
        // A schedule has nobody to tell that a laptop is offline; the exit code says it all the same.
        let by_schedule = *request == Request::Scheduled && context.log.level == LogLevel::Error;
        if !(by_schedule && report.is_briefly_offline) {
            log_errors(context, &report);
        }
    }
    Ok(report.exit)
}

/// Writes a run to `sync.log`. Messages of others stay out of it: `status` and the queue have them.
fn log_run(context: &Context, request: &Request, report: &Report) {
    let request = match request {
        Request::Scheduled => "scheduled".to_owned(),
        Request::Session(id) => format!("session {id}"),
        Request::All => "all".to_owned(),
    };
    let mut codes: Vec<&str> = report.errors.iter().map(|error| error.code.as_str()).collect();
    codes.dedup();
    context.sync_log.write(
        context.clock.now(),
        "run",
        &[
            ("request", request.into()),
            ("status", serde_json::to_value(report.status).unwrap_or_default()),
            ("exit", (report.exit as i32).into()),
            ("sessions", report.sessions_sent.into()),
            ("messages", report.messages_sent.into()),
            ("tasks", report.tasks_sent.into()),
            ("batches", report.batches.into()),
            ("attempts", report.attempts.into()),
            ("bytes", report.bytes_sent.into()),
            ("bytesUncompressed", report.bytes_uncompressed.into()),
            ("durationMs", report.duration_ms.into()),
            ("pendingSessions", report.sessions_pending.into()),
            ("nextRetryAt", report.next_retry_at.clone().into()),
            ("errors", codes.into()),
            ("conditions", report.conditions.clone().into()),
        ],
    );
}

/// Logs each error once, if the exit code reports a failure.
fn log_errors(context: &Context, report: &Report) {
    if report.exit == ExitCode::Success {
        return;
    }
    for error in &report.errors {
        let session = error.session_id.as_ref().map(|id| format!("session {id}: ")).unwrap_or_default();
        context.log.error("run_error", &format!("{session}{} ({})", error.message, error.code));
    }
}
