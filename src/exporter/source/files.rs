//! The database's files from outside: which they are, and whether they have changed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::state::atomic_file;

/// A file whose time is this close to now may change again without its time changing: the clocks by which file systems
/// write times tick every few milliseconds, or, where no time has a fraction, every second or two.
const RACY: Duration = Duration::from_millis(50);
const RACY_WITHOUT_FRACTION: Duration = Duration::from_secs(2);

/// What the file system says of the database.
///
/// # Errors
/// [`ExitCode::NoSource`] where there is nothing, or nothing that this user may see; else [`ExitCode::TryAgain`].
pub(super) fn look_at(path: &Path) -> Result<fs::Metadata, Error> {
    let shown = path.display();
    fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::new(
            ExitCode::NoSource,
            format!(
                "no han database at {shown} ({error}); start han once, or point --db or HAN_DB at its database"
            ),
        ),
        io::ErrorKind::PermissionDenied => Error::new(
            ExitCode::NoSource,
            format!("cannot look at {shown} ({error}); check that this user may enter its folder"),
        ),
        _ => Error::new(
            ExitCode::TryAgain,
            format!("cannot look at {shown} ({error}); the next run tries again; if it fails too, check the disk"),
        ),
    })
}

/// The file itself, as opposed to its content: a copy or a rebuilt file is another one.
///
/// # Errors
/// Where the file cannot be looked at: a guess would make the next run compare everything.
pub fn file_identity(path: &Path) -> Result<String, Error> {
    Ok(atomic_file::identity(&look_at(path)?))
}

/// Sizes and times of the database's files, or `None` while they are so fresh that a further change could go unseen.
/// Taken before a snapshot, an equal signature later means that nothing was written since.
pub fn signature(path: &Path, now: DateTime<Utc>) -> Option<String> {
    let mut signature = file_identity(path).ok()?;
    let wal = {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        std::path::PathBuf::from(name)
    };
    for (file, required) in [(path, true), (&wal, false)] {
        match fs::metadata(file) {
            // Merely opening a database makes an empty log, which says as much as none.
            Ok(metadata) if !required && metadata.len() == 0 => signature.push_str(" -"),
            Ok(metadata) => {
                let changed: DateTime<Utc> = metadata.modified().ok()?.into();
                let nanos = changed.timestamp_nanos_opt()?;
                let racy = if nanos % 1_000_000 == 0 { RACY_WITHOUT_FRACTION } else { RACY };
                if (now - changed).to_std().is_ok_and(|age| age < racy) || changed > now {
                    return None;
                }
                signature.push_str(&format!(" {}:{nanos}", metadata.len()));
            }
            Err(_) if required => return None,
            Err(_) => signature.push_str(" -"),
        }
    }
    Some(signature)
}
