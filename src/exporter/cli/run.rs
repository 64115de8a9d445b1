//! `han-sync`, `han-sync session` and `han-sync all`: a run, and its report.

use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::Report;
use crate::exporter::run;

pub(super) fn execute(context: &Context, request: &Request, mut output: Output) -> Result<ExitCode, Error> {
    let report = run::run(context, request)?;
    if output.json {
        output.json(&report);
    } else {
        output.line(&report.summary());
        log_errors(context, &report);
    }
    Ok(report.exit)
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
