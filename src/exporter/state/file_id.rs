//! The id of a file itself, as opposed to its content: inode and time of creation. A copy has another id.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Id of an open file.
pub fn of_file(file: &File) -> io::Result<String> {
    #[cfg(target_os = "linux")]
    match linux::of_file(file) {
        Err(error) if linux::is_unsupported(&error) => {}
        id => return id,
    }
    Ok(of_metadata(&file.metadata()?))
}

/// Id of the file or folder that a path leads to, links followed.
pub fn of_path(path: &Path) -> io::Result<String> {
    #[cfg(target_os = "linux")]
    match linux::of_path(path) {
        Err(error) if linux::is_unsupported(&error) => {}
        id => return id,
    }
    Ok(of_metadata(&fs::metadata(path)?))
}

fn of_metadata(metadata: &fs::Metadata) -> String {
    let since_epoch = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let created = metadata.created().ok().and_then(since_epoch).map_or(0, |since| since.as_nanos());
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    format!("{inode}:{created}")
}

/// statx, called directly: the standard library has no time of creation on musl.
#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Statx, StatxFlags, statx};

    const FIELDS: StatxFlags = StatxFlags::INO.union(StatxFlags::BTIME);

    pub(super) fn of_file(file: &File) -> io::Result<String> {
        Ok(id(&statx(file, "", AtFlags::EMPTY_PATH, FIELDS)?))
    }

    pub(super) fn of_path(path: &Path) -> io::Result<String> {
        Ok(id(&statx(CWD, path, AtFlags::empty(), FIELDS)?))
    }

    /// True where the kernel, or the filter of a container, has no statx.
    pub(super) fn is_unsupported(error: &io::Error) -> bool {
        matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
    }

    fn id(found: &Statx) -> String {
        let created = &found.stx_btime;
        let has_created = found.stx_mask & StatxFlags::BTIME.bits() != 0;
        let nanos = i128::from(created.tv_sec) * 1_000_000_000 + i128::from(created.tv_nsec);
        format!("{}:{}", found.stx_ino, if has_created { nanos } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_that_of_the_standard_library_and_differs_for_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (original, copy) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&original, "x").unwrap();
        fs::copy(&original, &copy).unwrap();
        let id = of_path(&original).unwrap();
        assert_eq!(id, of_metadata(&fs::metadata(&original).unwrap()));
        assert_eq!(id, of_file(&File::open(&original).unwrap()).unwrap());
        assert_ne!(id, of_path(&copy).unwrap());
        let error = of_path(&folder.path().join("gone")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
