//! Programs under a limit of the system.

use std::process::{Command, Stdio};

/// The command under a limit as `prlimit` takes it, and deaf to the signal that comes with the limit of file sizes.
pub fn limited(command: &Command, limit: &str) -> Command {
    // Files that whoever runs the tests left open would count against a limit of open files.
    let close = (3..=9).map(|descriptor| format!("exec {descriptor}>&-; ")).collect::<String>();
    let script = format!("{close}trap '' XFSZ; exec prlimit {limit} \"$@\"");
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    limited
}
