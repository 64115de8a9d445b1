//! The schedulers that can start a run, and the commands that make a running one read its files again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::launchd;
use super::systemd;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::user_database;

/// A scheduler of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduler {
    /// A launchd agent.
    Launchd,
    /// A systemd user timer.
    Systemd,
    /// A block in the user's crontab.
    Cron,
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Scheduler::Launchd => "launchd",
            Scheduler::Systemd => "systemd",
            Scheduler::Cron => "cron",
        })
    }
}

impl Scheduler {
    /// Parses a name.
    pub fn parse(name: &str) -> Option<Scheduler> {
        [Scheduler::Launchd, Scheduler::Systemd, Scheduler::Cron]
            .into_iter()
            .find(|it| it.to_string() == name)
    }

    /// The scheduler of this operating system.
    pub(super) fn usual(environment: &Environment) -> Scheduler {
        if cfg!(target_os = "macos") {
            return Scheduler::Launchd;
        }
        let folders = environment.path.as_ref().map(|path| std::env::split_paths(path).collect::<Vec<_>>());
        let folders = folders.unwrap_or_else(|| vec!["/usr/bin".into(), "/bin".into()]);
        let has_systemctl = folders.iter().any(|folder| folder.join("systemctl").exists());
        if cfg!(target_os = "linux") && has_systemctl { Scheduler::Systemd } else { Scheduler::Cron }
    }

    /// Folder of the scheduler's files for this user; `None` for cron, which keeps them to itself.
    ///
    /// # Errors
    /// A configuration error without a home folder.
    pub(super) fn folder(self, environment: &Environment) -> Result<Option<PathBuf>, Error> {
        let home = || environment.expand(Path::new("~/"), Path::new(""));
        match self {
            Scheduler::Launchd => Ok(Some(home()?.join("Library").join("LaunchAgents"))),
            Scheduler::Systemd => {
                let configured = environment.xdg_config_home.clone().filter(|folder| folder.is_absolute());
                let folder = configured.map_or_else(|| home().map(|home| home.join(".config")), Ok)?;
                Ok(Some(folder.join("systemd").join("user")))
            }
            Scheduler::Cron => Ok(None),
        }
    }

    /// Makes a running scheduler take up files that were written. Returns the command for the user where none runs.
    pub(super) fn start(self, file: &Path, environment: &Environment) -> Option<String> {
        let manager = Manager { environment };
        match self {
            Scheduler::Cron => None,
            Scheduler::Systemd => {
                let is_started = manager.systemctl(&["daemon-reload"])
                    && manager.systemctl(&["enable", systemd::TIMER])
                    && manager.systemctl(&["restart", systemd::TIMER]);
                (!is_started).then(|| {
                    format!(
                        "systemctl --user daemon-reload && systemctl --user enable --now {}",
                        systemd::TIMER
                    )
                })
            }
            Scheduler::Launchd => {
                // An agent that was loaded before keeps its old definition.
                manager.launchctl(&["bootout", &manager.agent()]);
                let path = file.display().to_string();
                let is_started = manager.launchctl(&["bootstrap", &manager.domain(), &path]);
                (!is_started).then(|| format!("launchctl bootstrap gui/$(id -u) {path}"))
            }
        }
    }

    /// Makes a running scheduler stop what its files say, before they are removed.
    pub(super) fn stop(self, environment: &Environment) {
        let manager = Manager { environment };
        match self {
            Scheduler::Cron => {}
            Scheduler::Systemd => {
                manager.systemctl(&["stop", systemd::TIMER]);
            }
            Scheduler::Launchd => {
                manager.launchctl(&["bootout", &manager.agent()]);
            }
        }
    }

    /// Makes a running scheduler forget files that were removed.
    pub(super) fn forget(self, environment: &Environment) {
        if self == Scheduler::Systemd {
            Manager { environment }.systemctl(&["daemon-reload"]);
        }
    }
}

/// The user's running service manager.
struct Manager<'a> {
    environment: &'a Environment,
}

impl Manager<'_> {
    /// Reports whether the manager reads the files below this home folder: it is started with that of the user database.
    fn is_of_this_home(&self) -> bool {
        self.environment.home.is_some() && self.environment.home == user_database::home()
    }

    fn systemctl(&self, arguments: &[&str]) -> bool {
        let runtime = format!("/run/user/{}", user_id());
        self.is_of_this_home()
            && Path::new(&runtime).join("systemd/private").exists()
            && succeeds(
                Command::new("systemctl").arg("--user").args(arguments).env("XDG_RUNTIME_DIR", runtime),
            )
    }

    fn launchctl(&self, arguments: &[&str]) -> bool {
        cfg!(target_os = "macos")
            && self.is_of_this_home()
            && succeeds(Command::new("/bin/launchctl").args(arguments))
    }

    fn domain(&self) -> String {
        format!("gui/{}", user_id())
    }

    fn agent(&self) -> String {
        format!("gui/{}/{}", user_id(), launchd::LABEL)
    }
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn user_id() -> u32 {
    rustix::process::getuid().as_raw()
}
