//! `han-sync pause` and `han-sync resume`: scheduled runs, those of hooks included, send nothing during a pause.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::exporter::backoff;
use crate::exporter::cli::inspection::log_warnings;
use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::report::VERSION;
use crate::exporter::state::atomic_file;
use crate::exporter::state::queue::{Change, Queue};
use crate::time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PauseDocument {
    version: u32,
    /// `paused` or `success`.
    status: &'static str,
    paused_until: Option<String>,
}

/// Pauses for a period, or until `resume`.
pub fn pause(context: &Context, period: Option<Duration>, mut output: Output) -> Result<ExitCode, Error> {
    let now = context.clock.now();
    let until = period.map(|period| backoff::after(now, period));
    change(context, Change::Pause { until }, now)?;
    if output.json {
        let paused_until = until.map(time::format);
        output.json(&PauseDocument { version: VERSION, status: "paused", paused_until });
        return Ok(ExitCode::Success);
    }
    let end = until.map_or_else(String::new, |until| format!(" until {}", time::format(until)));
    output.line(&format!(
        "paused{end}: scheduled runs and hooks send nothing, runs by hand do; han-sync resume ends the pause"
    ));
    Ok(ExitCode::Success)
}

/// Ends a pause.
pub fn resume(context: &Context, mut output: Output) -> Result<ExitCode, Error> {
    change(context, Change::Resume, context.clock.now())?;
    if output.json {
        output.json(&PauseDocument { version: VERSION, status: "success", paused_until: None });
    } else {
        output.line("no pause: the next scheduled run sends what is pending");
    }
    Ok(ExitCode::Success)
}

fn change(context: &Context, change: Change, now: DateTime<Utc>) -> Result<(), Error> {
    atomic_file::create_private_folder(&context.folder)?;
    let operation = if change == Change::Resume { "resume" } else { "pause" };
    let mut warnings = Vec::new();
    Queue::update(&context.folder, None, &[change], now, &mut warnings)?;
    context.sync_log.write(now, operation, &[]);
    log_warnings(context, &warnings);
    Ok(())
}
