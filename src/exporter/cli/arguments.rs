//! The command line, in two stages: raw arguments, then a validated `Invocation`.
//!
//! argh parses what `flags::hoist` has brought into its form, and this module validates; it reads no file and no
//! environment variable.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, FromArgs, Optionality};

use crate::exporter::config::Flags;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::{LogFormat, LogLevel, Logger};
use crate::exporter::state::install::scheduler::Scheduler;
use crate::flags::{self, GlobalFlag};

/// Default time budget of a run: a run that starts every five minutes ends before the next one.
const BUDGET_SECONDS_DEFAULT: u64 = 240;
/// Longest pause with an end: ten years.
const PAUSE_SECONDS_MAX: u64 = 3650 * 86_400;
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

/// The subcommands.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand)]
pub enum Subcommand {
    /// `session ID`.
    Session(SessionArgs),
    /// `all`.
    All(AllArgs),
    /// `hook`.
    Hook(HookArgs),
    /// `preview`.
    Preview(PreviewArgs),
    /// `explain`.
    Explain(ExplainArgs),
    /// `status`.
    Status(StatusArgs),
    /// `queue`.
    Queue(QueueArgs),
    /// `reset`.
    Reset(ResetArgs),
    /// `login`.
    Login(LoginArgs),
    /// `logout`.
    Logout(LogoutArgs),
    /// `verify`.
    Verify(VerifyArgs),
    /// `pause`.
    Pause(PauseArgs),
    /// `resume`.
    Resume(ResumeArgs),
    /// `doctor`.
    Doctor(DoctorArgs),
    /// `logs`.
    Logs(LogsArgs),
    /// `completions`.
    Completions(CompletionsArgs),
    /// `install`.
    Install(InstallArgs),
    /// `uninstall`.
    Uninstall(UninstallArgs),
    /// `forget`.
    Forget(ForgetArgs),
}

/// Send one session now, at high priority, whatever the backoff.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "session")]
pub struct SessionArgs {
    /// the session's id
    #[argh(positional)]
    pub id: String,
}

/// Send everything pending now, failed sessions too, whatever the backoff.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "all")]
pub struct AllArgs {}

/// For session-end hooks: queue the session named in the hook's JSON on stdin, start a run, exit 0.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "hook")]
pub struct HookArgs {
    /// take settings and places from the environment, too, which a cloned repository can set
    #[argh(switch)]
    pub trust_environment: bool,
}

/// Show what a run would send, filtered and redacted; send and change nothing.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "preview")]
pub struct PreviewArgs {
    /// only this session
    #[argh(option)]
    pub session: Option<String>,
}

/// Show the rule that makes each session eligible or not, where it was set, and what would change it.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "explain")]
pub struct ExplainArgs {
    /// a session's id or a repository (default: all sessions)
    #[argh(positional, arg_name = "what")]
    pub subject: Option<String>,
}

/// Show configuration, last run, pending, queue, backoff and last error.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "status")]
pub struct StatusArgs {}

/// Show or change the queue.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "queue")]
pub struct QueueArgs {
    /// try this session again at the next run
    #[argh(option)]
    pub retry: Option<String>,
    /// leave this session alone until it has new data
    #[argh(option)]
    pub drop: Option<String>,
    /// leave all failed sessions alone until they have new data
    #[argh(switch)]
    pub clear_failed: bool,
}

/// Forget what the current destination has acknowledged, so that history is sent again.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "reset")]
pub struct ResetArgs {
    /// only this session
    #[argh(option)]
    pub session: Option<String>,
}

/// Get a key for this machine: shows a code that you or an administrator approve at the receiver.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "login")]
pub struct LoginArgs {}

/// Revoke the key of this machine and delete the key file.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "logout")]
pub struct LogoutArgs {}

/// Compare what the receiver holds with han's database, and name what is missing or different.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "verify")]
pub struct VerifyArgs {
    /// only this session
    #[argh(option)]
    pub session: Option<String>,
    /// send again what is missing or different
    #[argh(switch)]
    pub repair: bool,
}

/// Have the receiver delete sessions, and send them no more; --undo takes that back.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "forget")]
pub struct ForgetArgs {
    /// this session, sent or not
    #[argh(option)]
    pub session: Option<String>,
    /// the sessions of this repository, which is excluded from now on
    #[argh(option)]
    pub repo: Option<String>,
    /// sessions that were sent and would not be eligible today
    #[argh(switch)]
    pub excluded: bool,
    /// all sessions
    #[argh(switch)]
    pub all: bool,
    /// do not ask
    #[argh(switch)]
    pub yes: bool,
    /// take it back: the sessions are sent again from their beginning
    #[argh(switch)]
    pub undo: bool,
}

/// Let scheduled runs and those of hooks send nothing; runs by hand still do.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "pause")]
pub struct PauseArgs {
    /// end the pause after this time: a number and s, m, h or d (default: it lasts until resume)
    #[argh(option, long = "for", from_str_fn(parse_period))]
    pub period: Option<Duration>,
}

/// End a pause.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "resume")]
pub struct ResumeArgs {}

/// Ask the receiver, and show what keeps sessions from being sent, each with the command that mends it.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "doctor")]
pub struct DoctorArgs {}

/// Show the log of operations, readable.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "logs")]
pub struct LogsArgs {
    /// go on with new lines as they come
    #[argh(switch, short = 'f')]
    pub follow: bool,
}

/// Print the completions of a shell: bash, zsh, fish or nushell.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "completions")]
pub struct CompletionsArgs {
    /// bash, zsh, fish or nushell
    #[argh(positional)]
    pub shell: String,
}

/// Schedule runs for this user, and run the hook at the start and the end of the agent's sessions.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "install")]
pub struct InstallArgs {
    /// launchd, systemd or cron (default: that of this system)
    #[argh(option)]
    pub scheduler: Option<String>,
    /// leave the agent's settings alone
    #[argh(switch)]
    pub no_hook: bool,
    /// write the hooks as a plugin of Claude Code into this folder, and no schedule unless --scheduler is given
    #[argh(option)]
    pub plugin: Option<PathBuf>,
    /// show what would be written, and write nothing
    #[argh(switch)]
    pub print: bool,
}

/// Remove what install wrote; key, state and configuration stay.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "uninstall")]
pub struct UninstallArgs {}

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
        command: subcommand(raw.session, raw.command)?,
        flags: Flags {
            database: raw.db,
            config: raw.config,
            state_folder: raw.state_dir,
            endpoint: raw.endpoint,
        },
        json: raw.json,
        quiet: raw.quiet,
        log: Logger { level, format },
    })
}

/// Parses a number with its unit.
fn parse_period(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let seconds = units.into_iter().find_map(|(unit, seconds)| {
        let number =
            text.strip_suffix(unit).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
        number.parse::<u64>().ok()?.checked_mul(seconds)
    });
    let seconds = seconds.filter(|seconds| (1..=PAUSE_SECONDS_MAX).contains(seconds));
    let wrong = || format!("{text:?}: write a number and its unit, such as 30m, 2h or 3d (at most 3650d)");
    seconds.map(Duration::from_secs).ok_or_else(wrong)
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

impl ForgetArgs {
    /// Number of objects that are named.
    fn objects(&self) -> usize {
        [self.session.is_some(), self.repo.is_some(), self.excluded, self.all].map(usize::from).iter().sum()
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
            &["forget"],
            &["forget", "--all", "--excluded"],
            &["forget", "--session", "a", "--repo", "github.com/acme/api"],
            &["forget", "--session", " "],
        ] {
            assert_eq!(rejection(arguments), ExitCode::Usage, "{arguments:?}");
        }
    }
}
