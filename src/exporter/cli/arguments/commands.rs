//! The commands of `han-sync` with their options, as argh parses them. Their comments are the help and the manual page.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

/// Longest pause with an end: ten years.
const PAUSE_SECONDS_MAX: u64 = 3650 * 86_400;

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
    /// `init`.
    Init(InitArgs),
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
#[argh(
    subcommand,
    name = "hook",
    note = "A cloned repository's settings can set the environment of an agent's hooks. The hook and its run therefore take settings from flags and files alone: HAN_*, CLAUDE_CONFIG_DIR, proxy, SSL_* and loader variables are dropped, and HOME is that of the user database. The run gets --db, --config, --state-dir and --endpoint of the hook. --trust-environment is for containers that have nothing else."
)]
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
#[argh(
    subcommand,
    name = "explain",
    note = "A session that began outside of its project's folder has the repository that the git configuration of its own folder names, or none (folder_mismatch)."
)]
pub struct ExplainArgs {
    /// a session's id or a repository (default: all sessions)
    #[argh(positional, arg_name = "what")]
    pub subject: Option<String>,
}

/// Show configuration, last run, pending, queue, backoff and last error.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "status",
    note = "Three lines when all is well: state, last sync, and what stays on this machine; otherwise also the last error, the queue, and a line with its remedy for each condition."
)]
pub struct StatusArgs {}

/// Show or change the queue.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "queue",
    note = "A dropped session is left alone until it has new data. A session is failed after ten rejections; it is tried again once a day, on new data, when the identity changes, and with --retry."
)]
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
#[argh(
    subcommand,
    name = "reset",
    note = "Needed after includeContent is set, for messages that were sent without text."
)]
pub struct ResetArgs {
    /// only this session
    #[argh(option)]
    pub session: Option<String>,
}

/// Set this machine up: the receiver, a key, what may leave; asks on a terminal, takes flags without one.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "init",
    note = "Checks the receiver, logs in if there is no key, and shows who you are there, which sessions would go and stay, and who could read them. Then it asks about message text, writes the key file (mode 600) and the section sync: of han.yml, of which every other byte stays, and offers install. Nothing is written if the receiver cannot be reached (exit code 75), refuses the key (77), or if han.yml is a link, read-only or in a form that is not edited (78, with the lines to write). Repeated, it changes what a flag or an answer changes. Your own accounts are proposed from the configurations of git, gh and glab. An owner that the receiver named less than a day ago can be accepted at once. Without a terminal it needs --endpoint and --content or --yes (64)."
)]
pub struct InitArgs {
    /// file with a key, which is copied (default: the key of this machine, else one by login)
    #[argh(option)]
    pub key_file: Option<PathBuf>,
    /// send message text, too, redacted: yes or no (default: what han.yml says, else no)
    #[argh(option, from_str_fn(parse_answer))]
    pub content: Option<bool>,
    /// do not ask: what is not named by a flag is answered with yes, but for message text; names install and does not run it
    #[argh(switch)]
    pub yes: bool,
}

/// Get a key for this machine: shows a code that you or an administrator approve at the receiver.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "login",
    note = "OAuth 2.0 device authorization: prints an address and a code, waits until the code is approved at the receiver, and writes the key to the key file. The key is labelled with the machine's name. A key that was in the file is revoked. Exit code 77 if the code is denied, 75 if it expires or the receiver cannot be reached."
)]
pub struct LoginArgs {}

/// Revoke the key of this machine and delete the key file.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "logout")]
pub struct LogoutArgs {}

/// Compare what the receiver holds with han's database, and name what is missing or different.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(
    subcommand,
    name = "verify",
    note = "Compares every eligible session by number and digest of its messages, counted from the rows that the receiver stores. What is missing or different is named (exit code 65), and with --repair sent again in the same command. What the receiver holds and han's database no longer has is told and is no fault, and so are messages that are pending and rows that the receiver rejected by themselves. A receiver without digests is told, exit code 0. A scheduled run verifies a thirtieth of the sessions each day by itself; status says when everything was last proven, and shows UNVERIFIED after 30 days without a proof."
)]
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
#[argh(
    subcommand,
    name = "forget",
    note = "Shows what would go and asks; without --yes and without a terminal nothing is changed (exit code 64). --repo also adds the repository to forceExclude in han.yml; --all means what exists now, other machines' sessions included. --undo does not ask. A request that gets no answer is repeated by later runs (75). Exit code 65: an organization refused, or the receiver cannot delete; what it has stays there, nothing more is sent, and a receiver that cannot is asked again once a day. A session that holds messages of the deleted ones, such as a resumed one, is named with its command."
)]
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
#[argh(subcommand, name = "pause", note = "A hook still queues its session.")]
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
#[argh(
    subcommand,
    name = "doctor",
    note = "Prints each condition that holds, with the command that mends it at the end of its line. Exit code 1 if any is an error. Conditions are listed in docs/json.md."
)]
pub struct DoctorArgs {}

/// Show the log of operations, readable.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq, Eq)]
#[argh(subcommand, name = "logs", note = "The log is sync.log in the state folder.")]
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
#[argh(
    subcommand,
    name = "install",
    note = "A launchd agent on macOS, a systemd user timer on Linux, else a block in the crontab; and SessionEnd and SessionStart hooks, merged into $CLAUDE_CONFIG_DIR/settings.json or ~/.claude/settings.json, of which every other byte stays. Settings that are no JSON, a link or read-only are explained (exit code 78), and nothing is installed. Places that flags or variables name go into the installed line as absolute flags; any other setting that exists in the environment alone is named with its line for han.yml (78)."
)]
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

impl ForgetArgs {
    /// Number of objects that are named.
    pub(super) fn objects(&self) -> usize {
        [self.session.is_some(), self.repo.is_some(), self.excluded, self.all].map(usize::from).iter().sum()
    }
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

/// Parses yes or no.
fn parse_answer(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{text:?}: write yes or no")),
    }
}
