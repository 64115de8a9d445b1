//! `han-sync reset`: forget what the current destination has acknowledged.

use serde::Serialize;

use crate::exporter::cli::arguments::ResetCommand;
use crate::exporter::cli::{Output, load, tell};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::report::{VERSION, count};
use crate::exporter::state::atomic_file;
use crate::exporter::state::lock::RunLock;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    status: &'static str,
    sessions_reset: usize,
}

pub fn execute(context: &Context, command: &ResetCommand, mut output: Output) -> Result<ExitCode, Error> {
    atomic_file::create_private_folder(&context.folder)?;
    let Some(_lock) = RunLock::try_acquire(&context.folder)? else {
        let message = "a run is under way; reset when it has ended";
        return Err(Error::new(ExitCode::TryAgain, message));
    };
    let mut warnings = Vec::new();
    let (mut state, _) = load(context, &mut warnings)?;
    tell(context, &warnings);
    let mut reset = 0;
    for (id, cursor) in &mut state.destination.sessions {
        if command.session.as_ref().is_none_or(|asked| asked == id) {
            cursor.rewind();
            reset += 1;
        }
    }
    if let Some(asked) = command.session.as_ref().filter(|_| reset == 0 && !output.json) {
        output.line(&format!("nothing of session {asked} was sent to this destination"));
    }
    if reset > 0 {
        state.save(&context.folder)?;
    }
    if output.json {
        output.json(&Document { version: VERSION, status: "success", sessions_reset: reset });
    } else {
        output.line(&format!("{} will be sent again from the beginning", count(reset, "session")));
    }
    Ok(ExitCode::Success)
}
