//! Presence of a schedule and of the hooks, whoever wrote them.

use std::fs;
use std::path::{Path, PathBuf};

use super::crontab;
use super::hooks::has_hook;
use super::launchd;
use super::record::InstallRecord;
use super::scheduler::Scheduler;
use super::systemd;
use crate::exporter::config::small_file;
use crate::exporter::environment::Environment;

/// Folders of units that an administrator provides, and those of packages, whose timers run once they are enabled.
const UNIT_FOLDERS: [&str; 2] = ["/etc/systemd/user", "/etc/systemd/system"];
const PACKAGE_UNIT_FOLDERS: [&str; 2] = ["/usr/lib/systemd/user", "/usr/lib/systemd/system"];
/// Folder, below one of units, with links to the timers that are enabled.
const ENABLED_TIMERS: &str = "timers.target.wants";
/// Claude Code's settings for all users of a machine, on Linux and on macOS.
const MANAGED_SETTINGS: [&str; 2] = [
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
];
/// Folders of agents that an administrator provides.
const AGENT_FOLDERS: [&str; 2] = ["/Library/LaunchAgents", "/Library/LaunchDaemons"];
/// The system's crontab, and the folder of those of packages.
const SYSTEM_CRONTAB: &str = "/etc/crontab";
const SYSTEM_CRONTABS: &str = "/etc/cron.d";

/// Reports whether some scheduler starts runs.
pub fn has_schedule(record: Option<&InstallRecord>, environment: &Environment) -> bool {
    if record.and_then(|record| record.scheduler) == Some(Scheduler::Cron) {
        return cron_runs_han_sync();
    }
    let of_user = |scheduler: Scheduler, name: &str| {
        scheduler.folder(environment).ok().flatten().map(|folder| folder.join(name))
    };
    let agent = format!("{}.plist", launchd::LABEL);
    let enabled = Path::new(ENABLED_TIMERS).join(systemd::TIMER);
    let timers = UNIT_FOLDERS.iter().map(|folder| Path::new(folder).join(systemd::TIMER));
    let of_packages =
        UNIT_FOLDERS.iter().chain(&PACKAGE_UNIT_FOLDERS).map(|folder| Path::new(folder).join(&enabled));
    let timers = timers.chain(of_packages);
    let agents = AGENT_FOLDERS.iter().map(|folder| Path::new(folder).join(&agent));
    let own_enabled = enabled.to_string_lossy();
    let own = [
        of_user(Scheduler::Systemd, systemd::TIMER),
        of_user(Scheduler::Systemd, &own_enabled),
        of_user(Scheduler::Launchd, &agent),
    ];
    own.into_iter().flatten().chain(timers).chain(agents).any(|file| file.exists()) || cron_runs_han_sync()
}

fn cron_runs_han_sync() -> bool {
    let own = || crontab::read().ok().flatten().is_some_and(|crontab| crontab::runs_han_sync(&crontab));
    let of_packages = fs::read_dir(SYSTEM_CRONTABS).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut of_system = std::iter::once(PathBuf::from(SYSTEM_CRONTAB)).chain(of_packages);
    of_system.any(|file| small_file::read(&file).is_ok_and(|text| crontab::runs_han_sync(&text))) || own()
}

/// Reports whether the agent's settings run the hook. A plugin that was installed from elsewhere cannot be seen here.
pub fn has_hooks(environment: &Environment) -> bool {
    let Ok(folder) = environment.claude_folder() else { return false };
    let own = ["settings.json", "settings.local.json"].map(|name| folder.join(name));
    let managed = MANAGED_SETTINGS.map(PathBuf::from);
    let mut files = own.into_iter().chain(managed);
    files.any(|file| small_file::read(&file).is_ok_and(|text| has_hook(&text)))
}
