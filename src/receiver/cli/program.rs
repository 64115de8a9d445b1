//! The program: from its arguments to its exit code.

use super::admin::{self, AdminArgs};
use super::environment;
use super::exit::CliError;
use super::healthcheck::{self, HealthcheckArgs};
use super::options::GlobalOptions;
use super::output::ResultOutput;
use super::serve::{self, ServeArgs};
use super::service_manager::PassedSockets;
use crate::flags;
use argh::FromArgs;
use rustix::process::{Resource, getrlimit};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;

const NAME: &str = "han-sync-receiver";

/// Help on the environment and the exit codes, at the end of the program's own.
const PROGRAM_HELP: &str = "

Environment:
  HAN_SYNC_STORE          URL of the store, where --store does not name it
  HAN_SYNC_POOL           connections to PostgreSQL (16)
  HAN_SYNC_POOL_AGE       seconds after which one is replaced (1800)
  HAN_SYNC_METRICS_KEY    key for /metrics alone; also HAN_SYNC_METRICS_KEY_FILE, or the credential `metrics-key`
  HAN_SYNC_OIDC_CLIENT_SECRET  secret at the provider of sign-ins; also …_FILE, or the credential `oidc-client-secret`
  HAN_SYNC_LOG            off, error, warn, info, debug or trace (info)
  HAN_SYNC_…              any flag of serve and healthcheck, such as HAN_SYNC_LISTEN for --listen
  CREDENTIALS_DIRECTORY   folder of the service manager's credentials

Exit codes:
  0   done
  1   healthcheck: the receiver is not ready
  64  usage, a flag or variable out of its range included
  65  the request cannot be fulfilled: a name is taken, a user does not exist; `admin check` found a difference
  69  the store, the address or the limit of open files cannot be used; the message says what to run
  70  internal error";

/// Wait for tasks that still run when the command has ended. Dropping the runtime would wait without bound for a call that
/// is blocked in the operating system or in SQLite; none of these was acknowledged.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Smallest usable limit of open files: the runtime's, the store's, and some connections.
const OPEN_FILES_MIN: u64 = 64;

/// Receives session data from han-sync and keeps it for the team.
#[derive(FromArgs)]
struct ReceiverArgs {
    #[argh(subcommand)]
    command: ReceiverCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value of it exists, once")]
enum ReceiverCommand {
    Serve(ServeArgs),
    Admin(AdminArgs),
    Healthcheck(HealthcheckArgs),
}

/// Arenas of the allocator that all threads share.
const ARENAS: i32 = 2;

/// Runs the program.
pub fn main(arguments: Vec<String>) -> ExitCode {
    crate::allocator::set_up(ARENAS);
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr closed the exit code still tells.
            let _ = writeln!(std::io::stderr(), "{NAME}: {}", error.message());
            error.exit_code()
        }
    }
}

fn run(arguments: &[String]) -> Result<(), CliError> {
    let (options, mut rest) = GlobalOptions::hoist(arguments)?;
    if rest.first().is_some_and(|first| matches!(first.as_str(), "--version" | "-V")) {
        print_line(&format!("{NAME} {}", env!("CARGO_PKG_VERSION")));
        return Ok(());
    }
    // argh knows the long form alone.
    rest.iter_mut().filter(|word| *word == "-h").for_each(|word| "--help".clone_into(word));
    if let Some(command @ ("serve" | "healthcheck")) = rest.first().map(String::as_str) {
        let flags = flags::listed_flags(&help(&[command]));
        environment::add_flags(&mut rest, &flags)?;
    }
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let arguments = match ReceiverArgs::from_args(&[NAME], &words) {
        Ok(arguments) => arguments,
        Err(exit) if exit.status.is_ok() => {
            let of_program =
                if words.first().is_some_and(|first| *first == "--help") { PROGRAM_HELP } else { "" };
            print_line(&format!("{}\n{}{of_program}", exit.output, GlobalOptions::help()));
            return Ok(());
        }
        Err(exit) => {
            return Err(CliError::Usage(GlobalOptions::with_nearest(exit.output.trim(), &words, help)));
        }
    };
    match arguments.command {
        ReceiverCommand::Serve(arguments) => {
            let sockets = PassedSockets::take()?;
            block_on(serve::run(arguments, &options, sockets))
        }
        ReceiverCommand::Admin(arguments) => block_on(admin::run(arguments, &options)),
        ReceiverCommand::Healthcheck(arguments) => {
            healthcheck::run(&arguments, &ResultOutput::new(options.json))
        }
    }
}

/// Runs a command on an async runtime.
fn block_on(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    require_open_files()?;
    let runtime = start_runtime()?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    result
}

/// The help of a command, by the names that lead to the command.
fn help(path: &[&str]) -> String {
    let exit = ReceiverArgs::from_args(&[NAME], &[path, &["--help"]].concat()).err();
    exit.map(|exit| exit.output).unwrap_or_default()
}

/// Prints to stdout. A closed pipe is no error: the reader, such as `head`, has read enough.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn require_open_files() -> Result<(), CliError> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < OPEN_FILES_MIN => Err(CliError::Unavailable(format!(
            "the limit of open files is {limit}: allow {OPEN_FILES_MIN} or more (ulimit -n)"
        ))),
        _ => Ok(()),
    }
}

fn start_runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Internal(format!("the async runtime cannot start: {error}")))
}
