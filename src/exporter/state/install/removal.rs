//! The removal of an installation: exactly what the record names.

use std::fs;
use std::path::{Path, PathBuf};

use super::crontab;
use super::hooks::remove_hooks;
use super::record::{HookRecord, InstallRecord};
use super::scheduler::Scheduler;
use super::written_file::{WrittenFile, cannot};
use crate::exporter::config::small_file;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;

/// Removes an installation. Returns the paths that were removed or changed; none without a record.
///
/// # Errors
/// A file that cannot be changed; the rest is removed all the same, and the record keeps what is left.
pub fn remove(folder: &Path, environment: &Environment) -> Result<Vec<String>, Error> {
    let Some(mut record) = InstallRecord::load(folder)? else { return Ok(Vec::new()) };
    let mut removed = remove_schedule(&record, environment)?;
    removed.extend(remove_files(&record.manifests)?);
    record.scheduler = None;
    record.links.clear();
    record.files.clear();
    record.manifests.clear();
    let mut fault = None;
    record.hooks.retain(|hooks| match remove_from(hooks) {
        Ok(()) => {
            removed.push(hooks.path.display().to_string());
            false
        }
        Err(error) => {
            fault.get_or_insert(error);
            true
        }
    });
    if let Some(error) = fault {
        record.save(folder)?;
        return Err(error);
    }
    remove_record(folder, &record.folders);
    Ok(removed)
}

/// Removes the schedule of a record. Returns what was removed.
pub(super) fn remove_schedule(
    record: &InstallRecord,
    environment: &Environment,
) -> Result<Vec<String>, Error> {
    let Some(scheduler) = record.scheduler else { return Ok(Vec::new()) };
    scheduler.stop(environment);
    let mut removed = remove_files(&record.links)?;
    removed.extend(remove_files(&record.files)?);
    if scheduler == Scheduler::Cron {
        let before = crontab::read()?.unwrap_or_default();
        let after = crontab::without_block(&before);
        if after != before {
            crontab::write(
                Some(&after).filter(|after| record.had_crontab || !after.is_empty()).map(String::as_str),
            )?;
            removed.push("the lines of han-sync in the crontab".to_owned());
        }
    }
    scheduler.forget(environment);
    Ok(removed)
}

fn remove_files(paths: &[PathBuf]) -> Result<Vec<String>, Error> {
    let mut removed = Vec::new();
    for path in paths.iter().filter(|path| path.symlink_metadata().is_ok()) {
        fs::remove_file(path).map_err(|error| cannot("remove", path, &error))?;
        removed.push(path.display().to_string());
    }
    Ok(removed)
}

/// Removes the hooks from a file, and the file if nothing is left of one that did not exist before.
fn remove_from(hooks: &HookRecord) -> Result<(), Error> {
    let HookRecord { path, command, is_new, edits } = hooks;
    let text = small_file::read_replaceable(path).map_err(|reason| {
        Error::configuration(format!(
            "{} {reason}; remove its hooks with this command by hand: {command}",
            path.display()
        ))
    })?;
    let Some(text) = text else { return Ok(()) };
    let text = remove_hooks(&text, command, edits);
    if *is_new && text.split_whitespace().collect::<String>() == "{}" {
        return fs::remove_file(path).map_err(|error| cannot("remove", path, &error));
    }
    WrittenFile { path: path.clone(), text }.write()
}

/// Removes the record, and the folders that the installation made, as far as they are empty.
pub(super) fn remove_record(folder: &Path, folders: &[PathBuf]) {
    // Folders that are in use stay.
    let _ = fs::remove_file(InstallRecord::path(folder));
    let mut folders: Vec<&PathBuf> = folders.iter().collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
    for folder in folders {
        let _ = fs::remove_dir(folder);
    }
}
