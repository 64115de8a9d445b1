//! Programs in a mount namespace of their own, where file systems are read-only or full for them alone.

use std::io::Write;
use std::process::{Command, Stdio};

/// Reports whether this user may mount, with a line on stderr if not.
pub fn is_allowed() -> bool {
    let mount = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .stderr(Stdio::null())
        .status();
    let allowed = mount.is_ok_and(|status| status.success());
    if !allowed {
        let _ = writeln!(std::io::stderr(), "SKIPPED: to mount takes root");
    }
    allowed
}

/// The command in a namespace of its own, between two shell scripts; its exit code is the command's.
pub fn between(before: &str, command: &Command, after: &str) -> Command {
    let script = format!("set -e\n{before}\nset +e\n\"$@\"\ncode=$?\nset -e\n{after}\nexit $code");
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["-m", "sh", "-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    wrapped
}

/// A script that makes a folder read-only.
pub fn read_only(folder: &std::path::Path) -> String {
    let folder = folder.display();
    format!("mount --bind {folder} {folder}\nmount -o remount,bind,ro {folder}")
}
