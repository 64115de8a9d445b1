//! A file outside of the state folder, replaced atomically with its mode kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::exporter::error::{Error, ExitCode};

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl WrittenFile {
    /// Writes the file, unless it has this text.
    pub(super) fn write(&self) -> Result<(), Error> {
        if fs::read(&self.path).is_ok_and(|bytes| bytes == self.text.as_bytes()) {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
        }
        replace(&self.path, self.text.as_bytes()).map_err(|error| cannot("write", &self.path, &error))
    }
}

/// The folders of a path that do not exist yet, the outermost first.
pub(super) fn missing_folders(path: &Path) -> Vec<PathBuf> {
    let missing =
        path.ancestors().skip(1).take_while(|folder| !folder.exists() && !folder.as_os_str().is_empty());
    let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    missing.reverse();
    missing
}

/// Replaces a file atomically: temporary file of the same mode, fsync, rename, fsync of the folder.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".han-sync-{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = write_synced(path, &temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // A folder that cannot be fsynced costs durability in a power failure at most.
    let _ = path.parent().map(File::open).transpose()?.map(|folder| folder.sync_all());
    Ok(())
}

fn write_synced(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    if let Ok(metadata) = fs::metadata(path) {
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// Builds the error of a failed file operation.
pub(super) fn cannot(operation: &str, path: &Path, error: &io::Error) -> Error {
    let exit = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ExitCode::TryAgain,
        _ => ExitCode::Configuration,
    };
    let path = path.display();
    Error::new(
        exit,
        format!("cannot {operation} {path}: {error}; make it writable for this user, then try again"),
    )
}
