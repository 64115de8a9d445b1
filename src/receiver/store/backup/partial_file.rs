//! A file that is written under a temporary name beside its own, and renamed when it is complete.
//!
//! Invariant: beside a temporary file lies a lock file, which its writer holds. One whose lock can be taken was left by a killed
//! process, on this machine or in another container, and the next backup in the folder removes it, whatever name it is for. The
//! temporary file is not locked itself: on network file systems SQLite could then not write it.

use crate::receiver::store::error::{Result, StoreError};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Between these two a temporary name has its digits.
const PREFIX: &str = ".han-sync-backup-";
const SUFFIX: &str = ".partial";
/// Hexadecimal digits of a temporary name.
const DIGITS: usize = 16;
const LOCK: &str = "-lock";
/// Endings of a temporary file, of the one that SQLite keeps beside one that it writes, and of the lock, which goes last.
const ENDINGS: [&str; 3] = ["", "-journal", LOCK];

/// A file on its way to a name that is free. Without [`PartialFile::publish`] it is removed.
pub struct PartialFile {
    target: PathBuf,
    path: PathBuf,
    file: File,
    /// Held until the file has its name or is removed.
    _lock: File,
    /// True in the test that stands for a killed process.
    is_abandoned: bool,
}

impl PartialFile {
    /// Creates an empty file for its owner alone, beside `target`, which must not be there.
    pub fn create(target: &Path) -> Result<PartialFile> {
        let target = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
        let (Some(folder), Some(_)) = (target.parent(), target.file_name()) else {
            return Err(StoreError::refused(format!("{} is no name of a file", target.display())));
        };
        if fs::symlink_metadata(&target).is_ok() {
            return Err(taken(&target));
        }
        remove_abandoned(folder);
        let (path, lock) = reserve_name(folder).map_err(|error| unwritable(&target, &error))?;
        match private_file().read(true).create_new(true).open(&path) {
            Ok(file) => Ok(PartialFile { target, path, file, _lock: lock, is_abandoned: false }),
            Err(error) => {
                remove(&path);
                Err(unwritable(&target, &error))
            }
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

    /// The text of an error, with the name that the file will have in place of the temporary one.
    pub fn without_temporary_name(&self, error: &StoreError) -> String {
        let [temporary, target] = [&self.path, &self.target].map(|path| path.display().to_string());
        error.to_string().replace(&temporary, &target)
    }

    /// Makes the content durable, and returns the number of bytes.
    pub fn sync(&self) -> Result<u64> {
        let synced = self.file.sync_all().and_then(|()| Ok(self.file.metadata()?.len()));
        synced.map_err(|error| unwritable(&self.target, &error))
    }

    /// Gives the file its name, unless that was taken meanwhile, and makes the name durable.
    pub fn publish(self) -> Result<()> {
        rename_to_free(&self.path, &self.target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(&self.target),
            _ => unwritable(&self.target, &error),
        })?;
        let folder = self.target.parent().map(File::open);
        if let Some(Err(error)) = folder.map(|folder| folder.and_then(|folder| folder.sync_all())) {
            tracing::debug!(%error, "the folder of the backup cannot be fsynced");
        }
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_abandoned {
            remove(&self.path);
        }
    }
}

/// Draws a temporary name and locks it. Another is drawn where a backup that looked for abandoned files was faster.
fn reserve_name(folder: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let digits = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let path = folder.join(format!("{PREFIX}{digits:016x}{SUFFIX}"));
        let lock_path = with_ending(&path, LOCK);
        let lock = private_file().create_new(true).open(&lock_path)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // A file system without locks: no backup removes what another has left there.
            Err(TryLockError::Error(_)) => return Ok((path, lock)),
            Ok(()) if is_same_file(&lock, &lock_path) => return Ok((path, lock)),
            Ok(()) => {}
        }
    }
}

fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true).mode(0o600);
    options
}

/// True if the open file is still the one that has the name.
fn is_same_file(file: &File, path: &Path) -> bool {
    let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::symlink_metadata(path)), (Ok(open), Ok(named)) if id(&open) == id(&named))
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

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Removes a temporary file and those beside it.
fn remove(path: &Path) {
    for ending in ENDINGS {
        let _ = fs::remove_file(with_ending(path, ending));
    }
}

/// Removes what killed processes have left in the folder.
fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let names = entries.flatten().filter_map(|entry| temporary_name(entry.file_name().to_str()?));
    for name in names.collect::<BTreeSet<String>>() {
        let path = folder.join(name);
        let lock_path = with_ending(&path, LOCK);
        // A power cut may have lost the lock file.
        let lock = private_file().create(true).truncate(false).open(&lock_path);
        if lock.is_ok_and(|lock| lock.try_lock().is_ok() && is_same_file(&lock, &lock_path)) {
            remove(&path);
        }
    }
}

/// The temporary name that a file belongs to.
fn temporary_name(file_name: &str) -> Option<String> {
    let (digits, ending) = file_name.strip_prefix(PREFIX)?.split_once(SUFFIX)?;
    let is_temporary = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    (is_temporary && ENDINGS.contains(&ending)).then(|| format!("{PREFIX}{digits}{SUFFIX}"))
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

    /// Names of the folder's files, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

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
        assert_eq!(names(folder.path()), ["backup"], "what was not published is removed");
        assert!(matches!(PartialFile::create(&target), Err(StoreError::Refused(_))));
    }

    #[test]
    fn next_backup_of_any_name_removes_what_killed_ones_have_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["somebody's", ".han-sync-backup-1.partial", ".han-sync-backup-x123456789abcdef.partial"]
        {
            fs::write(path(name), "").unwrap();
        }
        let others = names(folder.path());
        // A killed process removes nothing, and holds no lock any longer.
        let mut killed = PartialFile::create(&path("team-2026-03-01")).unwrap();
        fs::write(with_ending(killed.path(), "-journal"), "").unwrap();
        killed.is_abandoned = true;
        drop(killed);
        fs::write(path(".han-sync-backup-0123456789abcdef.partial"), "its lock file was lost").unwrap();
        assert_eq!(names(folder.path()).len(), others.len() + 4);
        drop(PartialFile::create(&path("team-2026-03-02")).unwrap());
        assert_eq!(names(folder.path()), others);
    }

    #[test]
    fn file_that_is_being_written_is_not_removed_by_another_backup() {
        let folder = tempfile::tempdir().unwrap();
        // A lock belongs to the open file, and not to the process.
        let first = PartialFile::create(&folder.path().join("first")).unwrap();
        let second = PartialFile::create(&folder.path().join("second")).unwrap();
        for partial in [first, second] {
            partial.publish().unwrap();
        }
        assert_eq!(names(folder.path()), ["first", "second"]);
    }
}
