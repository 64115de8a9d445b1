//! `han-sync reset`: rewinds the cursors of the current destination, so that history is sent again.

use serde::Serialize;

use crate::exporter::cli::arguments::ResetArgs;
use crate::exporter::cli::inspection::{load, log_warnings};
use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::report::{VERSION, count};
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::RunLock;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResetDocument {
    version: u32,
    status: &'static str,
    sessions_reset: usize,
}

pub(super) fn execute(context: &Context, command: &ResetArgs, mut output: Output) -> Result<ExitCode, Error> {
    atomic_file::create_private_folder(&context.folder)?;
    let Some(_lock) = RunLock::try_acquire(&context.folder)? else {
        let message = "another run holds the lock; repeat han-sync reset when that run has ended";
        return Err(Error::new(ExitCode::TryAgain, message));
    };
    let mut warnings = Vec::new();
    let (mut state, _) = load(context, &mut warnings)?;
    log_warnings(context, &warnings);
    let mut reset = 0;
    for (id, cursor) in state.destination.sessions.decode_all() {
        if command.session.as_ref().is_none_or(|asked| asked == id) {
            cursor.rewind();
            reset += 1;
        }
    }
    if let Some(asked) = command.session.as_ref().filter(|_| reset == 0 && !output.json) {
        output.line(&format!("session {asked} was never sent to this destination"));
    }
    if reset > 0 {
        state.save(&context.folder)?;
        context.sync_log.write(context.clock.now(), "reset", &[("sessions", reset.into())]);
    }
    if output.json {
        output.json(&ResetDocument { version: VERSION, status: "success", sessions_reset: reset });
    } else {
        output.line(&format!("{} will be sent again from the beginning", count(reset, "session")));
    }
    Ok(ExitCode::Success)
}
