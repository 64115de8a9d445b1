//! Files that hold what the store holds: for their owner alone, or for a group.

use crate::receiver::store::error::{Result, StoreError};
use crate::shell::shell_quoted;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Creates the file for its owner alone, whatever the umask, unless it is there. SQLite gives the WAL the same permissions.
pub fn create_private(path: &Path) -> Result<()> {
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(StoreError::Unavailable(format!("the file {} cannot be created: {error}", path.display())))
        }
    }
}

/// Rejects a file that everyone on the machine may read or write; its group may. A folder in the file's place is named as such
/// when it is opened.
pub fn require_private(file: &Path, noun: &str) -> Result<()> {
    let is_open =
        std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o006 != 0);
    if !is_open {
        return Ok(());
    }
    let file = file.to_string_lossy();
    Err(StoreError::Unusable(format!(
        "every user of this machine may read or write the {noun} {file}: run chmod o-rwx {}",
        shell_quoted(&file)
    )))
}
