//! State files: replaced whole or not at all, readable by their owner alone, with a format version.
//!
//! A writer holds the lock of the file it replaces, so that one temporary name is enough and a killed writer leaves
//! nothing that the next one does not overwrite.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::exporter::error::{Error, ExitCode};

/// Creates the state folder and its parents, for the owner alone.
pub fn create_private_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| cannot("create the state folder", folder, error))
}

/// Opens a file of the state folder for writing, for the owner alone; an existing one keeps its content.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Replaces `path` by `value` as JSON: temporary file, fsync, rename, fsync of the folder.
pub fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    replace_by(path, |file, _| file.write_all(&serde_json::to_vec(value)?))
}

/// The same with whatever `write` writes into the new file, which is told the [`identity`] of that file.
pub fn replace_by(path: &Path, write: impl FnOnce(&mut File, String) -> io::Result<()>) -> Result<(), Error> {
    write_and_rename(path, write).map_err(|error| cannot("write", path, error))
}

/// The file itself, as opposed to its content: a copy is another one.
pub fn identity(metadata: &fs::Metadata) -> String {
    let created = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    format!("{inode}:{created}")
}

fn write_and_rename(path: &Path, write: impl FnOnce(&mut File, String) -> io::Result<()>) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    let written = write_synced(&temporary, write).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // A full disk should not stay full of our own half-written file.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder_of(path)
}

/// Makes it last that a file has the name it has.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn write_synced(path: &Path, write: impl FnOnce(&mut File, String) -> io::Result<()>) -> io::Result<()> {
    let mut file = open_private(path)?;
    let identity = identity(&file.metadata()?);
    file.set_len(0)?;
    write(&mut file, identity)?;
    file.sync_all()
}

/// What reading a state file found.
#[derive(Debug)]
pub enum Loaded<T> {
    Missing,
    Found(T),
    /// Not to be read; the text says why.
    Corrupt(String),
}

/// Reads a state file whose format version is at most `version`.
///
/// # Errors
/// A newer version ends with [`ExitCode::Configuration`] and leaves the file alone; so does one that cannot be opened.
pub fn load<T: DeserializeOwned + Versioned>(path: &Path, version: u32) -> Result<Loaded<T>, Error> {
    let document = match fs::read(path) {
        Ok(document) => document,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Missing),
        Err(error) => return Err(cannot("read", path, error)),
    };
    match serde_json::from_slice::<T>(&document) {
        Ok(value) if value.version() > version => Err(newer(path, value.version().into())),
        Ok(value) => Ok(Loaded::Found(value)),
        // A newer format may not read as this one.
        Err(error) => match serde_json::from_slice::<VersionOnly>(&document) {
            Ok(found) if found.version > version.into() => Err(newer(path, found.version)),
            _ => Ok(Loaded::Corrupt(error.to_string())),
        },
    }
}

/// A document that carries its format version in the member `version`.
pub trait Versioned {
    fn version(&self) -> u32;
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

/// Moves a file that cannot be read aside, as `NAME.corrupt-<timestamp>`, and returns the new name.
pub fn move_aside(path: &Path, now: DateTime<Utc>) -> Result<PathBuf, Error> {
    let stamp = now.format("%Y%m%dT%H%M%S%.3fZ");
    let aside = beside(path, &format!(".corrupt-{stamp}"));
    fs::rename(path, &aside).map_err(|error| cannot("move aside", path, error))?;
    Ok(aside)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn newer(path: &Path, version: u64) -> Error {
    Error::configuration(format!(
        "{} has format version {version}, which is newer than this han-sync knows; update han-sync (the file is left as it is)",
        path.display()
    ))
}

/// A failure to use a state file: a full or broken disk passes; missing permission does not, nor something else in the
/// folder's place.
pub fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    let exit = match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory => ExitCode::Configuration,
        _ => ExitCode::TryAgain,
    };
    let next = match exit {
        ExitCode::Configuration => {
            "make it writable for this user, or set CLAUDE_CONFIG_DIR to another folder"
        }
        _ => "nothing is lost; the next run tries again",
    };
    Error::new(exit, format!("cannot {what} {}: {error}; {next}", path.display()))
}
