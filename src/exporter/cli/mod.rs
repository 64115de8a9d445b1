//! The commands: from a validated `Invocation` to a result on stdout and an exit code.
//!
//! Each command has a file of its own. A command decides nothing: policies are in `plan`, and `run` sends.

/// The command line.
pub mod arguments;
/// Results on stdout.
pub mod output;
/// Questions at a terminal.
mod questions;
/// The read-only view of state, queue and source.
mod inspection;
/// A run and its report.
mod run;
/// The hook of an agent's session.
pub mod hook;
/// The queue.
mod queue;
/// The inputs of the conditions.
mod diagnosis;
/// The key of this machine.
mod login;
/// Commands about this machine.
mod machine;
/// Configuration, backlog, queue, backoff and last error.
mod status;
/// The payloads that a run would send.
mod preview;
/// The rule that decides about each session.
mod explain;
/// The cursors of the current destination.
mod reset;
/// Messages that the receiver lacks.
mod verify;
/// Sessions that are deleted at the receiver.
mod forget;

use crate::exporter::cli::arguments::{Invocation, Subcommand};
use crate::exporter::cli::machine::{completions, doctor, init, install, logs, pause};
use crate::exporter::cli::output::Output;
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::context::Context;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::sync_log::SyncLog;
use crate::exporter::plan::schedule::Request;
use crate::exporter::state::atomic_file;

/// Executes a command.
pub fn execute(invocation: Invocation, environment: Environment) -> Result<ExitCode, Error> {
    if let Some(Subcommand::Hook(args)) = &invocation.command {
        // A hook never fails its caller.
        hook::execute(&invocation, args, &environment);
        return Ok(ExitCode::Success);
    }
    if let Some(Subcommand::Completions(args)) = &invocation.command {
        return completions::execute(args, Output::stdout(false, false));
    }
    if let Some(Subcommand::Uninstall(_)) = &invocation.command {
        // A configuration that cannot be read must not keep an installation.
        return install::remove(&invocation, &environment);
    }
    let config = match Config::load(&invocation.flags, &environment) {
        Err(error) if matches!(invocation.command, Some(Subcommand::Doctor(_))) => {
            return Ok(doctor::without_configuration(&invocation, &environment, &error));
        }
        config => config?,
    };
    let folder = invocation.flags.state_folder(&environment)?;
    let key = config.api_key.as_ref().map(|key| key.value.expose());
    let mut context = Context {
        sync_log: SyncLog::new(&folder, key),
        folder,
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
        Some(Subcommand::Init(args)) => init::execute(&mut context, &invocation.flags, &args, output),
        Some(Subcommand::Login(_)) => login::login(&context, output),
        Some(Subcommand::Logout(_)) => login::logout(&context, output),
        Some(Subcommand::Verify(args)) => verify::execute(&context, &args, output),
        Some(Subcommand::Forget(args)) => forget::execute(&context, &args, output),
        Some(Subcommand::Pause(args)) => pause::pause(&context, args.period, output),
        Some(Subcommand::Resume(_)) => pause::resume(&context, output),
        Some(Subcommand::Doctor(_)) => doctor::execute(&context, output),
        Some(Subcommand::Logs(args)) => logs::execute(&context, &args, output),
        Some(Subcommand::Install(args)) => install::execute(&context, &invocation.flags, &args, output),
        Some(Subcommand::Hook(_) | Subcommand::Uninstall(_) | Subcommand::Completions(_)) => {
            Ok(ExitCode::Success)
        }
    };
    if let Some(message) = atomic_file::take_not_synced() {
        context.log.info("not_synced", &message, &[]);
    }
    result
}
