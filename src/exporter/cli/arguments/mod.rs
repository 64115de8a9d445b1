//! The command line, in two stages: raw arguments, then a validated `Invocation`.
//!
//! argh parses what `flags::hoist` has brought into its form, and this module validates; it reads no file and no
//! environment variable.

/// The commands and their options.
mod commands;

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, FromArgs, Optionality};

use crate::exporter::config::Flags;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::{LogFormat, LogLevel, Logger};
use crate::exporter::state::install::scheduler::Scheduler;
use crate::flags::{self, GlobalFlag};

pub use self::commands::{
    AllArgs, CompletionsArgs, DoctorArgs, ExplainArgs, ForgetArgs, HookArgs, InitArgs, InstallArgs,
    LoginArgs, LogoutArgs, LogsArgs, PauseArgs, PreviewArgs, QueueArgs, ResetArgs, ResumeArgs, SessionArgs,
    StatusArgs, Subcommand, UninstallArgs, VerifyArgs,
};

/// Default time budget of a run: a run that starts every five minutes ends before the next one.
const BUDGET_SECONDS_DEFAULT: u64 = 240;
/// Shells with completions.
const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "nushell"];
/// Largest time budget or wait: a run of more than a day is a mistake.
const SECONDS_MAX: u64 = 86_400;

/// Carries new coding-agent sessions from han's database to your team's receiver, then exits.
///
/// Without a command: one scheduled run, everything pending and due. This is what cron calls.
#[derive(ArgsInfo, FromArgs, Debug)]
#[argh(
    note = "Global flags may stand before or after the command.\n\nExit codes of a run: 0 delivered, or nothing due; 64 usage; 65 the receiver newly rejected some sessions for good; 66 no source database, or it is not han's; 70 internal error; 75 something due was not delivered and will be tried again; 77 the receiver rejected the key; 78 configuration."
)]
struct RawArgs {
    /// han's database (default: HAN_DB, $HAN_DATA_DIR/han.db, ~/.han/han.db)
    #[argh(option)]
    db: Option<PathBuf>,
    /// configuration file (default: $CLAUDE_CONFIG_DIR/han.yml, ~/.claude/han.yml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// folder of state and queue (default: $CLAUDE_CONFIG_DIR/han, ~/.claude/han)
    #[argh(option)]
    state_dir: Option<PathBuf>,
    /// full URL of the receiver's POST …/api/sync
    #[argh(option)]
    endpoint: Option<String>,
    /// print one JSON document on stdout
    #[argh(switch)]
    json: bool,
    /// print errors only
    #[argh(switch)]
    quiet: bool,
    /// log each operation on stderr
    #[argh(switch)]
    verbose: bool,
    /// format of messages on stderr: text or json
    #[argh(option)]
    log_format: Option<String>,
    /// time budget of a run in seconds, inline backoff included (default: 240)
    #[argh(option)]
    max_seconds: Option<String>,
    /// a scheduled run that has something to send waits a random part of so many seconds first (default: 0)
    #[argh(option)]
    splay: Option<String>,
    /// print the version
    #[argh(switch)]
    version: bool,
    /// send this session now, whatever the backoff
    #[argh(option)]
    session: Option<String>,
    #[argh(subcommand)]
    command: Option<Subcommand>,
}

/// The flags that [`RawArgs`] has beside `session`.
const GLOBAL_FLAGS: [GlobalFlag; 11] = [
    GlobalFlag::option("--db"),
    GlobalFlag::option("--config"),
    GlobalFlag::option("--state-dir"),
    GlobalFlag::option("--endpoint"),
    GlobalFlag::switch("--json"),
    GlobalFlag::switch("--quiet"),
    GlobalFlag::switch("--verbose"),
    GlobalFlag::option("--log-format"),
    GlobalFlag::option("--max-seconds"),
    GlobalFlag::option("--splay"),
    GlobalFlag::switch("--version"),
];

/// The definitions of all commands and flags, for completions. A global flag is one of each command.
pub fn definitions() -> CommandInfoWithArgs {
    let mut root = RawArgs::get_args_info();
    let global = root.flags.iter().filter(|flag| GLOBAL_FLAGS.iter().any(|global| global.name == flag.long));
    let global: Vec<&FlagInfo> = global.collect();
    for subcommand in &mut root.commands {
        let own = subcommand.command.flags.iter();
        let flags: Vec<FlagInfo> = own.chain(global.iter().copied()).map(copied).collect();
        // For the one document that the program prints before it ends.
        subcommand.command.flags = flags.leak();
    }
    root
}

/// A copy of a flag's definition, whose type has none of its own.
fn copied(flag: &FlagInfo<'static>) -> FlagInfo<'static> {
    let kind = match flag.kind {
        FlagInfoKind::Switch => FlagInfoKind::Switch,
        FlagInfoKind::Option { arg_name } => FlagInfoKind::Option { arg_name },
    };
    let FlagInfo { short, long, description, hidden, .. } = *flag;
    FlagInfo { kind, optionality: Optionality::Optional, long, short, description, hidden }
}

/// A validated command line.
#[derive(Debug)]
pub struct Invocation {
    /// `None` for a scheduled run.
    pub command: Option<Subcommand>,
    /// Global flags.
    pub flags: Flags,
    /// True with `--json`.
    pub json: bool,
    /// True with `--quiet`.
    pub quiet: bool,
    /// Log of the command.
    pub log: Logger,
    /// Time budget of a run.
    pub max_time: Duration,
    /// Upper bound of the random wait of a scheduled run.
    pub splay: Duration,
}

/// The result of parsing.
#[derive(Debug)]
pub enum Parsed {
    /// A command to carry out.
    Invocation(Box<Invocation>),
    /// Help or version, to be printed.
    Print(String),
}

/// True if `--json` is among the arguments, so that a usage error is reported as JSON, too.
pub fn wants_json(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument == "--json")
}

/// Parses and validates the arguments after the program's name.
///
/// # Errors
/// [`ExitCode::Usage`], naming the argument.
pub fn parse(arguments: &[String]) -> Result<Parsed, Error> {
    let hoisted =
        flags::hoist(arguments, &GLOBAL_FLAGS).map_err(|flag| usage(&format!("{flag} needs a value")))?;
    let hoisted = hoisted.into_words();
    let words: Vec<&str> = hoisted.iter().map(String::as_str).collect();
    let raw = match RawArgs::from_args(&["han-sync"], &words) {
        Ok(raw) => raw,
        Err(early) if early.status.is_ok() => return Ok(Parsed::Print(early.output)),
        Err(early) => {
            return Err(usage(&flags::with_nearest(early.output.trim(), &words, &GLOBAL_FLAGS, help)));
        }
    };
    if raw.version {
        return Ok(Parsed::Print(concat!("han-sync ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
    }
    validate(raw).map(|invocation| Parsed::Invocation(Box::new(invocation)))
}

/// The help of a command, by the names that lead to the command.
fn help(path: &[&str]) -> String {
    let exit = RawArgs::from_args(&["han-sync"], &[path, &["--help"]].concat()).err();
    exit.map(|exit| exit.output).unwrap_or_default()
}

fn validate(raw: RawArgs) -> Result<Invocation, Error> {
    let format = match raw.log_format.as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => return Err(usage(&format!("--log-format {other:?}: write text or json"))),
    };
    let level = match (raw.quiet, raw.verbose) {
        (true, _) => LogLevel::Error,
        (false, true) => LogLevel::Info,
        (false, false) => LogLevel::Warning,
    };
    Ok(Invocation {
        max_time: seconds("--max-seconds", raw.max_seconds.as_deref(), 1, BUDGET_SECONDS_DEFAULT)?,
        splay: seconds("--splay", raw.splay.as_deref(), 0, 0)?,
        flags: Flags {
            database: raw.db,
            config: raw.config,
            state_folder: raw.state_dir,
            endpoint: raw.endpoint,
            may_create_config: matches!(raw.command, Some(Subcommand::Init(_))),
        },
        command: subcommand(raw.session, raw.command)?,
        json: raw.json,
        quiet: raw.quiet,
        log: Logger { level, format },
    })
}

/// Parses the number of seconds of a flag.
fn seconds(flag: &str, text: Option<&str>, min: u64, default: u64) -> Result<Duration, Error> {
    let Some(text) = text else { return Ok(Duration::from_secs(default)) };
    let number = text.parse().ok().filter(|seconds| (min..=SECONDS_MAX).contains(seconds));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| usage(&format!("{flag} {text:?}: write a whole number from {min} to {SECONDS_MAX}")))
}

/// Combines `--session`, which is a flag of runs, `preview`, `reset`, `verify` and `forget`, with the subcommand, and
/// validates both.
fn subcommand(session: Option<String>, command: Option<Subcommand>) -> Result<Option<Subcommand>, Error> {
    let command = match (session, command) {
        (None, command) => command,
        (Some(id), None) => Some(Subcommand::Session(SessionArgs { id })),
        (session, Some(Subcommand::Preview(_))) => Some(Subcommand::Preview(PreviewArgs { session })),
        (session, Some(Subcommand::Reset(_))) => Some(Subcommand::Reset(ResetArgs { session })),
        (session, Some(Subcommand::Verify(args))) => Some(Subcommand::Verify(VerifyArgs { session, ..args })),
        (session, Some(Subcommand::Forget(args))) => Some(Subcommand::Forget(ForgetArgs { session, ..args })),
        (Some(_), Some(_)) => {
            let message = "--session belongs to a run, preview, reset, verify or forget, not to this command";
            return Err(usage(message));
        }
    };
    match &command {
        Some(Subcommand::Session(SessionArgs { id })) if id.trim().is_empty() => {
            Err(usage("the session's id is empty"))
        }
        Some(Subcommand::Queue(QueueArgs { retry, drop, clear_failed }))
            if usize::from(retry.is_some()) + usize::from(drop.is_some()) + usize::from(*clear_failed)
                > 1 =>
        {
            Err(usage("queue takes one of --retry, --drop and --clear-failed"))
        }
        Some(Subcommand::Completions(CompletionsArgs { shell })) if !SHELLS.contains(&shell.as_str()) => {
            Err(usage(&format!("completions {shell:?}: write {}", SHELLS.join(", "))))
        }
        Some(Subcommand::Install(InstallArgs { scheduler: Some(name), .. }))
            if Scheduler::parse(name).is_none() =>
        {
            Err(usage(&format!("--scheduler {name:?}: write launchd, systemd or cron")))
        }
        Some(Subcommand::Forget(args)) if args.objects() != 1 => {
            Err(usage("forget takes one of --session ID, --repo REPOSITORY, --excluded and --all"))
        }
        Some(Subcommand::Forget(ForgetArgs { session: Some(id), .. })) if id.trim().is_empty() => {
            Err(usage("the session's id is empty"))
        }
        _ => Ok(command),
    }
}

fn usage(message: &str) -> Error {
    Error::new(ExitCode::Usage, format!("{message}\nRun han-sync --help for more information."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(arguments: &[&str]) -> Invocation {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        match parse(&arguments) {
            Ok(Parsed::Invocation(invocation)) => *invocation,
            other => panic!("{other:?}"),
        }
    }

    fn rejection(arguments: &[&str]) -> ExitCode {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        parse(&arguments).map(|_| ()).unwrap_err().exit
    }

    #[test]
    fn global_flags_are_accepted_on_either_side_and_in_either_form() {
        for arguments in [
            ["--json", "--db", "x.db", "status"].as_slice(),
            &["status", "--db=x.db", "--json"],
            &["--db=x.db", "status", "--json"],
        ] {
            let invocation = invocation(arguments);
            assert!(invocation.json);
            assert_eq!(invocation.flags.database, Some(PathBuf::from("x.db")));
            assert_eq!(invocation.command, Some(Subcommand::Status(StatusArgs {})));
        }
    }

    #[test]
    fn session_is_a_flag_or_a_command() {
        let wanted = Some(Subcommand::Session(SessionArgs { id: "s".into() }));
        assert_eq!(invocation(&["--session", "s"]).command, wanted);
        assert_eq!(invocation(&["--session=s", "--quiet"]).command, wanted);
        assert_eq!(invocation(&["session", "s", "--json"]).command, wanted);
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for arguments in [
            ["--max-seconds", "soon"].as_slice(),
            &["--max-seconds", "0"],
            &["--splay", "-1"],
            &["--splay"],
            &["--splay", "86401"],
            &["--log-format", "xml"],
            &["--db"],
            &["nonsense"],
            &["--nonsense"],
            &["session"],
            &["queue", "--retry", "a", "--drop", "b"],
            &["install", "--scheduler", "at"],
            &["completions", "tcsh"],
            &["pause", "--for", "0m"],
            &["pause", "--for", "2w"],
            &["pause", "--for", "+2h"],
            &["pause", "--for", "h"],
            &["pause", "--for"],
            &["--session", "a", "all"],
            &["init", "--content", "maybe"],
            &["init", "--key-file"],
            &["forget"],
            &["forget", "--all", "--excluded"],
            &["forget", "--session", "a", "--repo", "github.com/acme/api"],
            &["forget", "--session", " "],
        ] {
            assert_eq!(rejection(arguments), ExitCode::Usage, "{arguments:?}");
        }
    }
}
