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

/// Folders of units that an administrator or a package provides.
const UNIT_FOLDERS: [&str; 4] =
    ["/etc/systemd/user", "/etc/systemd/system", "/usr/lib/systemd/user", "/usr/lib/systemd/system"];
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
    let timers = UNIT_FOLDERS.iter().map(|folder| Path::new(folder).join(systemd::TIMER));
    let agents = AGENT_FOLDERS.iter().map(|folder| Path::new(folder).join(&agent));
    let own = [of_user(Scheduler::Systemd, systemd::TIMER), of_user(Scheduler::Launchd, &agent)];
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
    ["settings.json", "settings.local.json"]
        .iter()
        .any(|name| small_file::read(&folder.join(name)).is_ok_and(|text| has_hook(&text)))
}
