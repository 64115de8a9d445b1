//! The database's files, from outside: the file id and a signature that changes with the content.
//!
//! Nothing here opens the database. A signature may differ without a reason, but equal signatures mean equal content:
//! while a file is so fresh that a further write could keep its mtime, it has none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::state::file_id as file_ids;

/// Age below which a file may change again without a new mtime: the clocks from which file systems take an mtime tick
/// every few milliseconds, or, where no mtime has a fraction, every second or two.
const RACY: Duration = Duration::from_millis(50);
const RACY_WITHOUT_FRACTION: Duration = Duration::from_secs(2);

/// Links in a row, as Linux follows them.
const LINKS_MAX: usize = 40;

/// Metadata of the database file.
///
/// # Errors
/// [`ExitCode::NoSource`] where there is no file, or none that this user may see; else [`ExitCode::TryAgain`].
pub(super) fn metadata(path: &Path) -> Result<fs::Metadata, Error> {
    fs::metadata(path).map_err(|error| cannot_inspect(path, &error))
}

fn cannot_inspect(path: &Path, error: &io::Error) -> Error {
    let name = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::new(
            ExitCode::NoSource,
            format!(
                "no han database at {name} ({error}); start han once, or point --db or HAN_DB at its database"
            ),
        ),
        io::ErrorKind::PermissionDenied => Error::new(
            ExitCode::NoSource,
            format!("cannot inspect {name} ({error}); check that this user may enter its folder"),
        ),
        _ => Error::new(
            ExitCode::TryAgain,
            format!(
                "cannot inspect {name} ({error}); the next run tries again; if it fails too, check the disk"
            ),
        ),
    }
}

/// File id of the database: a copy or a rebuilt file has another one.
///
/// # Errors
/// As `metadata`: a guess would make the next run compare every session.
pub fn file_id(path: &Path) -> Result<String, Error> {
    file_ids::of_path(path).map_err(|error| cannot_inspect(path, &error))
}

/// Signature of the database's files: file id, sizes and mtimes. `None` while the files are so fresh that a further change
/// could leave it equal.
///
/// Taken before a snapshot, an equal signature later means that nothing was written since.
pub fn change_signature(path: &Path, now: DateTime<Utc>) -> Option<String> {
    let mut signature = file_id(path).ok()?;
    signature.push_str(&size_and_mtime(&fs::metadata(path).ok()?, now)?);
    match fs::metadata(write_ahead_log(path)) {
        // Merely opening a database creates an empty log, which holds as much as none.
        Ok(metadata) if metadata.len() > 0 => signature.push_str(&size_and_mtime(&metadata, now)?),
        _ => signature.push_str(" -"),
    }
    Some(signature)
}

/// Size and mtime, or `None` where the mtime does not yet tell a later write apart.
fn size_and_mtime(metadata: &fs::Metadata, now: DateTime<Utc>) -> Option<String> {
    let mtime: DateTime<Utc> = metadata.modified().ok()?.into();
    let nanos = mtime.timestamp_nanos_opt()?;
    let racy = if nanos % 1_000_000 == 0 { RACY_WITHOUT_FRACTION } else { RACY };
    let is_racy = mtime > now || (now - mtime).to_std().is_ok_and(|age| age < racy);
    (!is_racy).then(|| format!(" {}:{nanos}", metadata.len()))
}

/// Path of SQLite's write-ahead log, which lies beside the file itself where `path` is a link.
fn write_ahead_log(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    let mut name = path.into_os_string();
    name.push("-wal");
    name.into()
}
