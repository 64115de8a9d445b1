//! Files that are replaced atomically, with owner-only permissions and a format version.
//!
//! A writer holds the lock of the file that it replaces, so one temporary name is enough, and the next writer overwrites
//! what a killed one left behind.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::exporter::error::{Error, ExitCode};

/// Creates the state folder and its parents, with access for the owner alone.
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

/// Opens a file of the state folder for writing, with access for the owner alone; keeps the content of an existing one.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Replaces a file atomically by a value as JSON.
pub fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    replace_with(path, |_| Ok(serde_json::to_vec(value)?))
}

/// Replaces a file atomically by a document that is built for the [`file_id`] of the new file: temporary file, fsync,
/// rename, fsync of the folder.
pub fn replace_with(path: &Path, document: impl FnOnce(String) -> io::Result<Vec<u8>>) -> Result<(), Error> {
    write_and_rename(path, document).map_err(|error| cannot("write", path, error))
}

/// Identifies a file itself, as opposed to its content: a copy has another id. Inode and creation time.
pub fn file_id(metadata: &fs::Metadata) -> String {
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

fn write_and_rename(path: &Path, document: impl FnOnce(String) -> io::Result<Vec<u8>>) -> io::Result<()> {
    let temporary = with_suffix(path, ".tmp");
    let written = write_synced(&temporary, document).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // A full disk must not stay full of a half-written file.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder_of(path)
}

/// Fsyncs the folder of a file, so that its rename is durable.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn write_synced(path: &Path, document: impl FnOnce(String) -> io::Result<Vec<u8>>) -> io::Result<()> {
    let mut file = open_private(path)?;
    let document = document(file_id(&file.metadata()?))?;
    file.set_len(0)?;
    file.write_all(&document)?;
    file.sync_all()
}

/// The result of reading a file.
#[derive(Debug)]
pub enum Loaded<T> {
    /// No file.
    Missing,
    /// Content of the file.
    Found(T),
    /// Cannot be parsed, or has an older format version; the text is the reason.
    Corrupt(String),
}

/// Reads a file of a format version.
///
/// # Errors
/// A newer version ends with [`ExitCode::Configuration`] and leaves the file unchanged; so does a file that may not be
/// opened.
pub fn load<T: DeserializeOwned + Versioned>(path: &Path, version: u32) -> Result<Loaded<T>, Error> {
    let document = match fs::read(path) {
        Ok(document) => document,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Missing),
        Err(error) => return Err(cannot("read", path, error)),
    };
    // Checking UTF-8 once for the whole document is faster than once for each string.
    let Ok(document) = str::from_utf8(&document) else {
        return Ok(Loaded::Corrupt("it is not UTF-8".to_owned()));
    };
    let parsed = serde_json::from_str::<T>(document);
    // A document of another version need not parse as one of this version, and one that does is still of another.
    let found = match &parsed {
        Ok(value) => Some(value.version().into()),
        Err(_) => serde_json::from_str::<VersionOnly>(document).ok().map(|document| document.version),
    };
    match found {
        Some(found) if found > version.into() => Err(newer(path, found)),
        Some(found) if found < version.into() => {
            Ok(Loaded::Corrupt(format!("format version {found} instead of {version}")))
        }
        _ => Ok(parsed.map_or_else(|error| Loaded::Corrupt(error.to_string()), Loaded::Found)),
    }
}

/// A document that carries its format version in the member `version`.
pub trait Versioned {
    /// Format version of the file.
    fn version(&self) -> u32;
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

/// Moves a file that cannot be read aside, or leaves it if `repair` is `None`. Returns the warning for the user.
pub fn set_aside(path: &Path, reason: &str, repair: Option<DateTime<Utc>>) -> Result<String, Error> {
    let name = path.display();
    Ok(match repair {
        Some(now) => {
            let aside = move_aside(path, now)?;
            format!("{name} could not be read ({reason}); it is kept as {} and rebuilt", aside.display())
        }
        None => format!("{name} cannot be read ({reason}); the next run rebuilds it"),
    })
}

/// Renames a file to `NAME.corrupt-<timestamp>`, and returns the new path.
fn move_aside(path: &Path, now: DateTime<Utc>) -> Result<PathBuf, Error> {
    let stamp = now.format("%Y%m%dT%H%M%S%.3fZ");
    let aside = with_suffix(path, &format!(".corrupt-{stamp}"));
    fs::rename(path, &aside).map_err(|error| cannot("move aside", path, error))?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
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

/// Builds the error of a failed file operation. A full or broken disk is worth another try; missing permission and
/// something else in the folder's place are not.
pub fn cannot(operation: &str, path: &Path, error: io::Error) -> Error {
    let exit = match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory => ExitCode::Configuration,
        _ => ExitCode::TryAgain,
    };
    let next = match exit {
        ExitCode::Configuration => {
            "make it writable for this user, or name another folder by CLAUDE_CONFIG_DIR or --state-dir"
        }
        _ => "nothing is lost; the next run tries again",
    };
    Error::new(exit, format!("cannot {operation} {}: {error}; {next}", path.display()))
}
