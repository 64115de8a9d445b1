//! Life on a developer's machine: schedule, hooks, pauses, the log, conditions and their remedies.

mod completions;
mod conditions;
mod cron;
mod hooks;
mod init;
mod install;
mod manual;
mod pause;
mod places;
mod progress;
mod remedies;
mod status;
mod sync_log;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Sandbox, crontab, sandbox};

/// Puts a command into the `PATH` of the sandbox's programs, before those of the machine.
pub fn provide(sandbox: &Sandbox, name: &str, script: &str) {
    let folder = sandbox.path("bin");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.env("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
}

/// Provides a crontab, with a text if there is to be one, and returns the path of its file.
pub fn provide_crontab(sandbox: &Sandbox, text: Option<&str>) -> PathBuf {
    let folder = sandbox.path("bin");
    let file = crontab::provide(&folder);
    sandbox.env("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
    if let Some(text) = text {
        fs::write(&file, text).unwrap();
    }
    file
}

/// Everything below a folder but the state folder.
pub fn tree(sandbox: &Sandbox, folder: &Path) -> BTreeMap<PathBuf, String> {
    sandbox::tree(folder, &[&sandbox.state_folder()])
}
