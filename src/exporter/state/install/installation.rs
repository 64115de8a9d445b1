//! An installation: planned whole, shown or written, and undone if it cannot be completed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::crontab;
use super::hook_files::{self, PlannedHooks};
use super::installed_line::InstalledLine;
use super::record::InstallRecord;
use super::removal;
use super::schedule::{self, PlannedSchedule};
use super::scheduler::Scheduler;
use super::written_file::{WrittenFile, cannot, missing_folders};
use crate::agent_hooks::PORTABLE_COMMAND;
use crate::exporter::config::Flags;
use crate::exporter::context::Context;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// Folder with a file for each user whose services run without a login.
const LINGER: &str = "/var/lib/systemd/linger";

/// The parts to install.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallParts {
    /// Scheduler asked for.
    pub scheduler: Option<Scheduler>,
    /// True without hooks.
    pub no_hook: bool,
    /// Folder of a plugin, which takes the place of the settings file.
    pub plugin: Option<PathBuf>,
}

/// An installation to write.
#[derive(Debug)]
pub struct Installation {
    schedule: Option<PlannedSchedule>,
    hooks: Option<PlannedHooks>,
    manifest: Option<WrittenFile>,
    former: Option<InstallRecord>,
    record: InstallRecord,
}

impl Installation {
    /// Plans an installation; writes nothing.
    ///
    /// # Errors
    /// A configuration error that names what keeps a part of it from being installed.
    pub fn plan(
        context: &Context,
        flags: &Flags,
        parts: &InstallParts,
        program: &Path,
    ) -> Result<Installation, Error> {
        let environment = &context.environment;
        let former = InstallRecord::load(&context.folder)?;
        let known = former.as_ref();
        let line = InstalledLine::new(context, flags, program)?;
        let (mut manifest, mut hooks) = (None, None);
        if let Some(folder) = &parts.plugin {
            let folder = environment.expand(folder, Path::new(""))?;
            let folder = std::path::absolute(&folder).map_err(|error| cannot("locate", &folder, &error))?;
            let (file, planned) = hook_files::plan_plugin(&folder, PORTABLE_COMMAND, known)?;
            (manifest, hooks) = (file, Some(planned));
        } else if !parts.no_hook {
            let settings = environment.claude_folder()?.join("settings.json");
            hooks = Some(hook_files::plan(&settings, &line.hook(), known)?);
        }
        // A plugin goes to other machines; this one gets a schedule with it on request.
        let is_scheduled = parts.plugin.is_none() || parts.scheduler.is_some();
        let scheduler = parts.scheduler.or_else(|| known.and_then(|known| known.scheduler));
        let scheduler = scheduler.unwrap_or_else(|| Scheduler::usual(environment));
        let plan = || schedule::plan(scheduler, &line, context.config.interval, environment, known);
        let schedule = is_scheduled.then(plan).transpose()?;
        let mut planned =
            Installation { schedule, hooks, manifest, record: InstallRecord::default(), former };
        planned.record = planned.new_record(&context.folder, context.clock.now());
        Ok(planned)
    }

    /// Files that would be written, with their texts.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.written_files().map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// Block of the crontab.
    pub fn crontab_block(&self) -> Option<&str> {
        self.schedule.as_ref()?.crontab.as_ref().map(|crontab| crontab.block.as_str())
    }

    /// Link that enables a unit, and the unit.
    pub fn link(&self) -> Option<(&Path, &Path)> {
        self.schedule.as_ref()?.link.as_ref().map(|(link, unit)| (link.as_path(), unit.as_path()))
    }

    /// Scheduler of the schedule; `None` for a plugin alone.
    pub fn scheduler(&self) -> Option<Scheduler> {
        self.schedule.as_ref().map(|schedule| schedule.scheduler)
    }

    /// File with the hooks, and their command.
    pub fn hooks(&self) -> Option<(&Path, &str)> {
        self.hooks.as_ref().map(|hooks| (hooks.file.path.as_path(), hooks.record.command.as_str()))
    }

    fn written_files(&self) -> impl Iterator<Item = &WrittenFile> {
        let schedule = self.schedule.iter().flat_map(|schedule| &schedule.files);
        schedule.chain(&self.manifest).chain(self.hooks.iter().map(|hooks| &hooks.file))
    }

    /// The record of what the installation writes, and of what an earlier one wrote and this one leaves.
    fn new_record(&self, folder: &Path, now: DateTime<Utc>) -> InstallRecord {
        let mut record = self.former.clone().unwrap_or_default();
        record.installed_at = record.installed_at.or(Some(now));
        let state = InstallRecord::path(folder);
        let paths = self.written_files().map(|file| &file.path).chain([&state]);
        let link = self.schedule.iter().filter_map(|schedule| schedule.link.as_ref().map(|(link, _)| link));
        for missing in paths.chain(link).flat_map(|path| missing_folders(path)) {
            if !record.folders.contains(&missing) {
                record.folders.push(missing);
            }
        }
        if let Some(schedule) = &self.schedule {
            if record.scheduler != Some(schedule.scheduler) {
                record.had_crontab =
                    schedule.crontab.as_ref().is_some_and(|crontab| crontab.before.is_some());
            }
            // The files of another scheduler are removed before.
            record.scheduler = Some(schedule.scheduler);
            record.links = schedule.link.iter().map(|(link, _)| link.clone()).collect();
            record.files = schedule.files.iter().map(|file| file.path.clone()).collect();
        }
        if let Some(manifest) = self.manifest.as_ref().filter(|it| !record.manifests.contains(&it.path)) {
            record.manifests.push(manifest.path.clone());
        }
        if let Some(hooks) = &self.hooks {
            record.hooks.retain(|known| known.path != hooks.record.path);
            record.hooks.extend(Some(hooks.record.clone()).filter(|hooks| !hooks.edits.is_empty()));
        }
        record
    }

    /// Writes everything. Returns the commands that are left to the user. A failure undoes what was written.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, context: &Context) -> Result<Vec<String>, Error> {
        let (folder, environment) = (&context.folder, &context.environment);
        // First, so that an installation that is killed half-way can be removed.
        self.record.save(folder)?;
        let mut undo = Undo::default();
        if let Err(error) = self.write_parts(environment, &mut undo) {
            undo.run();
            match &self.former {
                Some(former) => former.save(folder)?,
                None => removal::remove_record(folder, &self.record.folders),
            }
            return Err(error);
        }
        Ok(self.start(environment))
    }

    fn write_parts(&self, environment: &Environment, undo: &mut Undo) -> Result<(), Error> {
        if let Some(former) = &self.former
            && self.schedule.as_ref().is_some_and(|schedule| former.scheduler != Some(schedule.scheduler))
        {
            removal::remove_schedule(former, environment)?;
        }
        for file in self.written_files() {
            undo.files.push((file.path.clone(), fs::read(&file.path).ok()));
            file.write()?;
        }
        let Some(schedule) = &self.schedule else { return Ok(()) };
        if let Some((link, target)) = &schedule.link {
            enable(link, target).map_err(|error| cannot("write", link, &error))?;
        }
        match &schedule.crontab {
            Some(crontab) if crontab.before.as_ref() != Some(&crontab.after) => {
                crontab::write(Some(&crontab.after))
            }
            _ => Ok(()),
        }
    }

    /// Starts the schedule, or says how.
    fn start(&self, environment: &Environment) -> Vec<String> {
        let Some(schedule) = &self.schedule else { return Vec::new() };
        let file = schedule.files.last().map(|file| file.path.as_path()).unwrap_or(Path::new(""));
        let mut commands: Vec<String> = schedule.scheduler.start(file, environment).into_iter().collect();
        let lingers = environment.user.as_ref().is_some_and(|user| Path::new(LINGER).join(user).exists());
        if schedule.scheduler == Scheduler::Systemd && !lingers {
            commands.push("loginctl enable-linger".to_owned());
        }
        commands
    }
}

/// Links an enabled unit from the target that starts it, as `systemctl enable` does.
fn enable(link: &Path, target: &Path) -> io::Result<()> {
    if link.read_link().is_ok_and(|found| found == target) {
        return Ok(());
    }
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(target, link)?;
    Ok(())
}

/// Files as they were before.
#[derive(Default)]
struct Undo {
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Undo {
    /// Restores the files, the last one first.
    fn run(self) {
        for (path, before) in self.files.into_iter().rev() {
            // Best effort: the error that led here is the one to report.
            let _ = match before.map(String::from_utf8) {
                Some(Ok(text)) => WrittenFile { path, text }.write().is_ok(),
                _ => fs::remove_file(&path).is_ok(),
            };
        }
    }
}
