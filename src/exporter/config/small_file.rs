//! Bounded reads of the small text files that a user names: configuration, key, certificates.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Bytes of such a file: the files of this program have a few lines, a bundle of certificate authorities some 200 KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a small regular file as text.
pub fn read(path: &Path) -> io::Result<String> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not text in UTF-8"))
}

/// Reads a small regular file; a pipe or a device is an error, because opening or reading one may block.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    check(&fs::metadata(path)?)?;
    let file = open(path)?;
    // Another file may have taken its place since.
    check(&file.metadata()?)?;
    let mut bytes = Vec::new();
    // The size of a file under /proc is 0, and any file can grow after the check.
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file that this program may replace; `None` if there is none.
///
/// # Errors
/// The reason why the file must not be replaced.
pub fn read_replaceable(path: &Path) -> Result<Option<String>, String> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be inspected ({error})")),
        Ok(metadata) if metadata.is_symlink() => {
            let target = path.read_link().unwrap_or_default();
            return Err(format!("is a link to {}, which han-sync does not replace", target.display()));
        }
        Ok(metadata) if !metadata.is_file() => return Err("is no regular file".to_owned()),
        Ok(metadata) if metadata.permissions().readonly() => {
            return Err("is read-only".to_owned());
        }
        Ok(_) => {}
    }
    read(path).map(Some).map_err(|error| format!("cannot be read ({error})"))
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Opens a file for reading without waiting for the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(path)
}
