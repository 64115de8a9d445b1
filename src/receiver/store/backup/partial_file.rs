//! A file that is written under a temporary name beside its own, and renamed when it is complete.
//!
//! The temporary name holds the process id, by which a later run finds and removes what a killed one left behind.

use crate::receiver::store::error::{Result, StoreError};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".partial";
/// Files that SQLite keeps beside one that it writes.
const COMPANIONS: [&str; 2] = ["", "-journal"];

/// A file on its way to a name that is free. Without [`PartialFile::publish`] it is removed.
pub struct PartialFile {
    target: PathBuf,
    path: PathBuf,
    file: File,
    is_published: bool,
}

impl PartialFile {
    /// Creates an empty file for its owner alone, beside `target`, which must not be there.
    pub fn create(target: &Path) -> Result<PartialFile> {
        let target = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
        let (Some(folder), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(StoreError::refused(format!("{} is no name of a file", target.display())));
        };
        if fs::symlink_metadata(&target).is_ok() {
            return Err(taken(&target));
        }
        remove_abandoned(folder, name);
        let path = folder.join(partial_name(name, std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path);
        match file {
            Ok(file) => Ok(PartialFile { target, path, file, is_published: false }),
            Err(error) => Err(unwritable(&target, &error)),
        }
    }

    /// Path of the temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, for reading and writing.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Path of the name that the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the content durable, and returns the number of bytes.
    pub fn sync(&self) -> Result<u64> {
        let synced = self.file.sync_all().and_then(|()| Ok(self.file.metadata()?.len()));
        synced.map_err(|error| unwritable(&self.target, &error))
    }

    /// Gives the file its name, unless that was taken meanwhile, and makes the name durable.
    pub fn publish(mut self) -> Result<()> {
        rename_to_free(&self.path, &self.target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(&self.target),
            _ => unwritable(&self.target, &error),
        })?;
        self.is_published = true;
        let folder = self.target.parent().map(File::open);
        if let Some(Err(error)) = folder.map(|folder| folder.and_then(|folder| folder.sync_all())) {
            tracing::debug!(%error, "the folder of the backup cannot be fsynced");
        }
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        for companion in COMPANIONS.iter().filter(|_| !self.is_published) {
            let mut path = self.path.clone().into_os_string();
            path.push(companion);
            let _ = fs::remove_file(path);
        }
    }
}

/// Renames without replacing a file. File systems that cannot do so in one step are asked first.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        renamed => Ok(renamed?),
    }
}

fn partial_name(name: &OsStr, process: u32) -> OsString {
    let mut partial = OsString::from(".");
    partial.push(name);
    partial.push(format!(".{process}{SUFFIX}"));
    partial
}

/// Removes what killed processes have left of a file of this name.
fn remove_abandoned(folder: &Path, name: &OsStr) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        if process_of(&file_name, name).is_some_and(|process| !is_running(process)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process that a temporary name of `name` belongs to.
fn process_of(partial: &OsStr, name: &OsStr) -> Option<u32> {
    let rest = partial.to_str()?.strip_prefix('.')?.strip_prefix(name.to_str()?)?.strip_prefix('.')?;
    let companion = |name: &str| rest.strip_suffix(name)?.strip_suffix(SUFFIX)?.parse().ok();
    COMPANIONS.iter().find_map(|name| companion(name))
}

/// True if the process is running, and is not this one, which has only just begun.
fn is_running(process: u32) -> bool {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    process != std::process::id() && pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn taken(target: &Path) -> StoreError {
    StoreError::refused(format!("{} exists and is not replaced: name another file", target.display()))
}

fn unwritable(target: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("the backup {} cannot be written: {error}", target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn file_has_its_name_when_it_is_complete_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup");
        let mut partial = PartialFile::create(&target).unwrap();
        partial.file().write_all(b"whole").unwrap();
        assert!(!target.exists() && partial.sync().unwrap() == 5);
        fs::write(&target, "another's").unwrap();
        assert!(matches!(partial.publish(), Err(StoreError::Refused(_))));
        assert_eq!(fs::read(&target).unwrap(), b"another's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what was not published is removed");
        assert!(matches!(PartialFile::create(&target), Err(StoreError::Refused(_))));
    }

    #[test]
    fn remains_of_killed_processes_are_removed_and_those_of_running_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let running = format!(".backup.{}.partial", std::os::unix::process::parent_id());
        for name in [
            ".backup.4194305.partial",
            ".backup.4194305.partial-journal",
            ".backup.x.partial",
            ".other.4194305.partial",
            &running,
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        drop(PartialFile::create(&folder.path().join("backup")).unwrap());
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
        left.sort();
        let mut expected = [".backup.x.partial".to_owned(), ".other.4194305.partial".to_owned(), running];
        expected.sort();
        assert_eq!(left, expected);
    }
}
