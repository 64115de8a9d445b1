//! The schedule of an installation, planned: the scheduler's files, or the block in the crontab.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::crontab;
use super::installed_line::InstalledLine;
use super::launchd;
use super::record::InstallRecord;
use super::scheduler::Scheduler;
use super::systemd;
use super::written_file::WrittenFile;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// Mark of a unit that this program wrote.
const MARK: &str = "Written by han-sync install";

/// A schedule to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedSchedule {
    pub(super) scheduler: Scheduler,
    pub(super) files: Vec<WrittenFile>,
    /// Link that enables a unit, and the unit.
    pub(super) link: Option<(PathBuf, PathBuf)>,
    pub(super) crontab: Option<PlannedCrontab>,
}

/// A crontab to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedCrontab {
    /// The user's crontab so far; `None` if there is none.
    pub(super) before: Option<String>,
    pub(super) after: String,
    pub(super) block: String,
}

/// Plans a schedule.
///
/// # Errors
/// A configuration error if the scheduler cannot be used, or a file of another origin is in the way.
pub(super) fn plan(
    scheduler: Scheduler,
    line: &InstalledLine,
    interval: Duration,
    environment: &Environment,
    record: Option<&InstallRecord>,
) -> Result<PlannedSchedule, Error> {
    let folder = scheduler.folder(environment)?.unwrap_or_default();
    let mut planned = PlannedSchedule { scheduler, files: Vec::new(), link: None, crontab: None };
    match scheduler {
        Scheduler::Systemd => {
            let units = systemd::units(&folder, &line.run(false), interval);
            planned.link = Some((units.enablement, units.timer.0.clone()));
            for (path, text) in [units.service, units.timer] {
                planned.files.push(WrittenFile { path, text });
            }
        }
        Scheduler::Launchd => {
            let (path, text) = launchd::agent(&folder, &line.run(false), interval)?;
            planned.files.push(WrittenFile { path, text });
        }
        Scheduler::Cron => {
            let before = crontab::read()?;
            let block = crontab::block(&line.run(true), interval);
            let after = crontab::with_block(before.as_deref().unwrap_or_default(), &block);
            planned.crontab = Some(PlannedCrontab { before, after, block });
        }
    }
    for file in &planned.files {
        require_own(&file.path, record)?;
    }
    Ok(planned)
}

/// Checks that nothing, or a file of an earlier installation, is at a path.
fn require_own(path: &Path, record: Option<&InstallRecord>) -> Result<(), Error> {
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    let is_recorded = record.is_some_and(|record| record.files.iter().any(|file| file == path));
    let is_marked = || fs::read_to_string(path).is_ok_and(|text| text.contains(MARK));
    if metadata.is_file() && (is_recorded || is_marked()) {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "{0} is not of han-sync install; move it away (mv {0} {0}.old), or choose another scheduler by --scheduler",
        path.display()
    )))
}
