//! `han-sync reset`: forget what the current destination has acknowledged.

use serde::Serialize;

use super::super::cli::ResetCommand;
use super::super::exit::{Exit, Stop};
use super::super::files;
use super::super::lock::RunLock;
use super::super::report::{VERSION, count};
use super::super::run::Context;
use super::{Output, load, tell};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    status: &'static str,
    sessions_reset: usize,
}

pub fn execute(context: &Context, command: &ResetCommand, mut output: Output) -> Result<Exit, Stop> {
    files::create_private_folder(&context.folder)?;
    let Some(_lock) = RunLock::try_acquire(&context.folder)? else {
        let message = "a run is under way; reset when it has ended";
        return Err(Stop::new(Exit::TryAgain, message));
    };
    let mut warnings = Vec::new();
    let (mut state, _, destination) = load(context, &mut warnings)?;
    tell(context, &warnings);
    let here = &mut state.destinations[destination];
    let mut reset = 0;
    for (id, cursor) in &mut here.sessions {
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
    Ok(Exit::Success)
}
