//! The commands: from a validated `Invocation` to a result on stdout and an exit code.
//!
//! Each command has a file of its own. A command decides nothing: policies are in `plan`, and `run` sends.

/// The command line.
pub mod arguments;
/// Results on stdout.
pub mod output;
/// The read-only view of state, queue and source.
mod inspection;
/// A run and its report.
mod run;
/// The hook of an agent's session.
pub mod hook;
/// The queue.
mod queue;
/// Conditions that last.
mod conditions;
/// Configuration, backlog, queue, backoff and last error.
mod status;
/// The payloads that a run would send.
mod preview;
/// The rule that decides about each session.
mod explain;
/// The cursors of the current destination.
mod reset;
/// The key of this machine.
mod login;
/// Messages that the receiver lacks.
mod verify;

use crate::exporter::cli::arguments::{Invocation, Subcommand};
use crate::exporter::cli::output::Output;
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::context::Context;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::schedule::Request;
use crate::exporter::state::atomic_file;

/// Executes a command.
pub fn execute(invocation: Invocation, environment: Environment) -> Result<ExitCode, Error> {
    if let Some(Subcommand::Hook(args)) = &invocation.command {
        // A hook never fails its caller.
        hook::execute(&invocation, args, &environment);
        return Ok(ExitCode::Success);
    }
    let config = Config::load(&invocation.flags, &environment)?;
    let context = Context {
        folder: invocation.flags.state_folder(&environment)?,
        clock: Clock::new(&environment, config.has_loopback_endpoint())?,
        log: invocation.log,
        max_time: invocation.max_time,
        splay: invocation.splay,
        config,
        environment,
    };
    let output = Output::stdout(invocation.json, invocation.quiet);
    let result = match invocation.command {
        None => run::execute(&context, &Request::Scheduled, output),
        Some(Subcommand::Session(args)) => run::execute(&context, &Request::Session(args.id), output),
        Some(Subcommand::All(_)) => run::execute(&context, &Request::All, output),
        Some(Subcommand::Preview(args)) => preview::execute(&context, &args, output),
        Some(Subcommand::Explain(args)) => explain::execute(&context, &args, output),
        Some(Subcommand::Status(_)) => status::execute(&context, output),
        Some(Subcommand::Queue(args)) => queue::execute(&context, &args, output),
        Some(Subcommand::Reset(args)) => reset::execute(&context, &args, output),
        Some(Subcommand::Login(_)) => login::login(&context, output),
        Some(Subcommand::Logout(_)) => login::logout(&context, output),
        Some(Subcommand::Verify(args)) => verify::execute(&context, &args, output),
        Some(Subcommand::Hook(_)) => Ok(ExitCode::Success),
    };
    if let Some(message) = atomic_file::take_not_synced() {
        context.log.info("not_synced", &message, &[]);
    }
    result
}
