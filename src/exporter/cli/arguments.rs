//! The command line, in two stages: raw arguments, then a validated request.
//!
//! The global flags are accepted before and after the subcommand, and every flag as `--flag value` and `--flag=value`;
//! both are brought into the one form that argh reads, before it reads.

use std::path::PathBuf;
use std::time::Duration;

use argh::FromArgs;

use crate::exporter::config::Flags;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::{Format, Level, Log};
use crate::flags::{self, GlobalFlag};

/// Time budget of a run where none is given: a run started every five minutes ends before the next.
const MAX_SECONDS: u64 = 240;
const SECONDS_MAX: u64 = 86_400;

/// Carries new coding-agent sessions from han's database to your team's receiver, then exits.
///
/// Without a command: one scheduled run, everything pending and due. This is what cron calls.
#[derive(FromArgs, Debug)]
#[argh(
    note = "Global flags may stand before or after the command.\n\nExit codes of a run: 0 delivered, or nothing due; 64 usage; 65 the receiver newly refused some sessions for good; 66 no source database, or it is not han's; 70 internal error; 75 something due was not delivered and will be tried again; 77 the receiver refused the key; 78 configuration."
)]
struct Raw {
    /// han's database (default: HAN_DB, $HAN_DATA_DIR/han.db, ~/.han/han.db)
    #[argh(option)]
    db: Option<PathBuf>,
    /// configuration file (default: $CLAUDE_CONFIG_DIR/han.yml, ~/.claude/han.yml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// full URL of the receiver's POST …/api/sync
    #[argh(option)]
    endpoint: Option<String>,
    /// print one JSON document on stdout
    #[argh(switch)]
    json: bool,
    /// print errors only
    #[argh(switch)]
    quiet: bool,
    /// say on stderr what is being done
    #[argh(switch)]
    verbose: bool,
    /// format of messages on stderr: text or json
    #[argh(option)]
    log_format: Option<String>,
    /// time budget of a run in seconds, inline backoff included (default: 240)
    #[argh(option)]
    max_seconds: Option<String>,
    /// print the version
    #[argh(switch)]
    version: bool,
    /// send this session now, whatever the backoff
    #[argh(option)]
    session: Option<String>,
    #[argh(subcommand)]
    command: Option<Command>,
}

/// The flags that [`Raw`] has beside `session`.
const GLOBAL_FLAGS: [GlobalFlag; 9] = [
    GlobalFlag::option("--db"),
    GlobalFlag::option("--config"),
    GlobalFlag::option("--endpoint"),
    GlobalFlag::switch("--json"),
    GlobalFlag::switch("--quiet"),
    GlobalFlag::switch("--verbose"),
    GlobalFlag::option("--log-format"),
    GlobalFlag::option("--max-seconds"),
    GlobalFlag::switch("--version"),
];

/// What is to be done.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand)]
pub enum Command {
    Session(SessionCommand),
    All(AllCommand),
    Hook(HookCommand),
    Preview(PreviewCommand),
    Explain(ExplainCommand),
    Status(StatusCommand),
    Queue(QueueCommand),
    Reset(ResetCommand),
}

/// Send one session now, at high priority, whatever the backoff.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "session")]
pub struct SessionCommand {
    /// the session's id
    #[argh(positional)]
    pub id: String,
}

/// Send everything pending now, failed sessions too, whatever the backoff.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "all")]
pub struct AllCommand {}

/// For session-end hooks: queue the session named in the hook's JSON on stdin, start a run, exit 0.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "hook")]
pub struct HookCommand {}

/// Show what a run would send, filtered and redacted; send and change nothing.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "preview")]
pub struct PreviewCommand {
    /// only this session
    #[argh(option)]
    pub session: Option<String>,
}

/// Say which rule makes each session eligible or not, where it was set, and what would change it.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "explain")]
pub struct ExplainCommand {
    /// a session's id or a repository; everything where absent
    #[argh(positional)]
    pub what: Option<String>,
}

/// Show configuration, last run, pending, queue, backoff and last error.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "status")]
pub struct StatusCommand {}

/// Show or change the queue.
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "queue")]
pub struct QueueCommand {
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
#[derive(FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "reset")]
pub struct ResetCommand {
    /// only this session
    #[argh(option)]
    pub session: Option<String>,
}

/// A validated command line.
#[derive(Debug)]
pub struct Request {
    /// `None`: a scheduled run.
    pub command: Option<Command>,
    pub flags: Flags,
    pub json: bool,
    pub quiet: bool,
    pub log: Log,
    pub max_time: Duration,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    Request(Box<Request>),
    /// Help or version: print it and end.
    Print(String),
}

/// Whether `--json` is asked for, as far as can be told before the rest is understood.
pub fn wants_json(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument == "--json")
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// [`ExitCode::Usage`], naming the argument.
pub fn parse(arguments: &[String]) -> Result<Parsed, Error> {
    let hoisted =
        flags::hoist(arguments, &GLOBAL_FLAGS).map_err(|flag| usage(&format!("{flag} needs a value")))?;
    let hoisted = hoisted.into_words();
    let words: Vec<&str> = hoisted.iter().map(String::as_str).collect();
    let raw = match Raw::from_args(&["han-sync"], &words) {
        Ok(raw) => raw,
        Err(early) if early.status.is_ok() => return Ok(Parsed::Print(early.output)),
        Err(early) => return Err(usage(early.output.trim())),
    };
    if raw.version {
        return Ok(Parsed::Print(concat!("han-sync ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
    }
    validate(raw).map(|request| Parsed::Request(Box::new(request)))
}

fn validate(raw: Raw) -> Result<Request, Error> {
    let format = match raw.log_format.as_deref() {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(other) => return Err(usage(&format!("--log-format {other:?}: it is text or json"))),
    };
    let max_seconds = match raw.max_seconds.as_deref() {
        None => MAX_SECONDS,
        Some(text) => {
            let number = text.parse().ok().filter(|seconds| (1..=SECONDS_MAX).contains(seconds));
            number.ok_or_else(|| {
                usage(&format!("--max-seconds {text:?}: it is a whole number from 1 to {SECONDS_MAX}"))
            })?
        }
    };
    let command = match (raw.session, raw.command) {
        (Some(id), None) => Some(Command::Session(SessionCommand { id })),
        (Some(session), Some(Command::Preview(_))) => {
            Some(Command::Preview(PreviewCommand { session: Some(session) }))
        }
        (Some(session), Some(Command::Reset(_))) => {
            Some(Command::Reset(ResetCommand { session: Some(session) }))
        }
        (Some(_), Some(_)) => {
            return Err(usage("--session goes with a run, preview or reset, not with this command"));
        }
        (None, command) => command,
    };
    if let Some(Command::Session(SessionCommand { id })) = &command
        && id.trim().is_empty()
    {
        return Err(usage("the session's id is empty"));
    }
    if let Some(Command::Queue(queue)) = &command {
        let changes = usize::from(queue.retry.is_some())
            + usize::from(queue.drop.is_some())
            + usize::from(queue.clear_failed);
        if changes > 1 {
            return Err(usage("queue takes one of --retry, --drop and --clear-failed"));
        }
    }
    let level = match (raw.quiet, raw.verbose) {
        (true, _) => Level::Error,
        (false, true) => Level::Info,
        (false, false) => Level::Warning,
    };
    Ok(Request {
        command,
        flags: Flags { database: raw.db, config: raw.config, endpoint: raw.endpoint },
        json: raw.json,
        quiet: raw.quiet,
        log: Log { level, format },
        max_time: Duration::from_secs(max_seconds),
    })
}

fn usage(message: &str) -> Error {
    Error::new(ExitCode::Usage, format!("{message}\nRun han-sync --help for more information."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(arguments: &[&str]) -> Request {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        match parse(&arguments) {
            Ok(Parsed::Request(request)) => *request,
            other => panic!("{other:?}"),
        }
    }

    fn refused(arguments: &[&str]) -> ExitCode {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        parse(&arguments).map(|_| ()).unwrap_err().exit
    }

    #[test]
    fn global_flags_stand_on_either_side_and_in_either_form() {
        for arguments in [
            ["--json", "--db", "x.db", "status"].as_slice(),
            &["status", "--db=x.db", "--json"],
            &["--db=x.db", "status", "--json"],
        ] {
            let request = request(arguments);
            assert!(request.json);
            assert_eq!(request.flags.database, Some(PathBuf::from("x.db")));
            assert_eq!(request.command, Some(Command::Status(StatusCommand {})));
        }
    }

    #[test]
    fn session_is_a_flag_or_a_command() {
        let wanted = Some(Command::Session(SessionCommand { id: "s".into() }));
        assert_eq!(request(&["--session", "s"]).command, wanted);
        assert_eq!(request(&["--session=s", "--quiet"]).command, wanted);
        assert_eq!(request(&["session", "s", "--json"]).command, wanted);
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for arguments in [
            ["--max-seconds", "soon"].as_slice(),
            &["--max-seconds", "0"],
            &["--log-format", "xml"],
            &["--db"],
            &["nonsense"],
            &["--nonsense"],
            &["session"],
            &["queue", "--retry", "a", "--drop", "b"],
            &["--session", "a", "all"],
        ] {
            assert_eq!(refused(arguments), ExitCode::Usage, "{arguments:?}");
        }
    }
}
