//! Files that are replaced atomically, with owner-only permissions and a format version.
//!
//! A writer holds the lock of the file that it replaces, so one temporary name is enough, and the next writer overwrites
//! what a killed one left behind.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::state::file_id;

/// Bytes of a state file: millions of sessions, at 200 bytes each.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Sentence about the last file or folder that could not be fsynced, for a log.
static NOT_SYNCED: Mutex<Option<String>> = Mutex::new(None);

/// Creates the state folder and its parents, with access for the owner alone; requires an existing one to be private.
pub fn create_private_folder(folder: &Path) -> Result<(), Error> {
    if require_private_folder(folder)? {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| cannot("create the state folder", folder, error))
}

/// Checks that another user neither owns the state folder nor may write to it: such a user could redirect every file of
/// it. Returns false if there is no folder.
///
/// # Errors
/// A configuration error that names the folder and the command that mends it.
pub fn require_private_folder(folder: &Path) -> Result<bool, Error> {
    let Some(metadata) = fs::metadata(folder).ok().filter(fs::Metadata::is_dir) else { return Ok(false) };
    if let Some((fault, remedy)) = foreign_access(&metadata) {
        return Err(Error::configuration(format!(
            "the state folder {0} {fault}; {remedy} {0}, or name another folder by CLAUDE_CONFIG_DIR or --state-dir",
            folder.display()
        )));
    }
    Ok(true)
}

/// The access of other users to a folder, and the command that ends it. A group with the number of its user has no other
/// member, by the convention of systems that give each user a group; root's group may have some.
fn foreign_access(folder: &fs::Metadata) -> Option<(&'static str, &'static str)> {
    use std::os::unix::fs::MetadataExt;

    const GROUP_WRITES: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;
    let user = rustix::process::geteuid().as_raw();
    let is_own_group = folder.gid() == user && user != 0;
    if folder.uid() != user {
        Some(("belongs to another user", "give it to this user: chown -R $(id -u)"))
    } else if folder.mode() & OTHERS_WRITE != 0 || folder.mode() & GROUP_WRITES != 0 && !is_own_group {
        Some(("can be written to by other users", "take that from them: chmod go-w"))
    } else {
        None
    }
}

/// Opens a lock file of the state folder, with access for the owner alone. A link is not followed.
pub fn open_lock(path: &Path) -> io::Result<File> {
    private_options().create(true).truncate(false).open(path)
}

/// Creates a temporary file, with access for the owner alone, in place of the one that a killed writer left behind. A link
/// there is removed and not followed.
fn create_temporary(path: &Path) -> io::Result<File> {
    match private_options().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            private_options().create_new(true).open(path)
        }
        created => created,
    }
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Opens a file of the state folder for reading; `None` if it is not a regular file. A FIFO does not block.
pub fn open_regular(path: &Path) -> io::Result<Option<(File, fs::Metadata)>> {
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(libc::O_NONBLOCK);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some((file, metadata)))
}

/// Replaces a file atomically by a value as JSON.
pub fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    replace_with(path, |_| Ok(serde_json::to_vec(value)?.into()))
}

/// Replaces a file atomically by content that is made for the [file id](file_id) of the new file: temporary file, fsync,
/// rename, fsync of the folder.
pub fn replace_with<'c>(
    path: &Path,
    content: impl FnOnce(String) -> io::Result<FileContent<'c>>,
) -> Result<(), Error> {
    write_and_rename(path, content).map_err(|error| cannot("write", path, error))
}

fn write_and_rename<'c>(
    path: &Path,
    content: impl FnOnce(String) -> io::Result<FileContent<'c>>,
) -> io::Result<()> {
    let temporary = with_suffix(path, ".tmp");
    let written = write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // A full disk must not stay full of a half-written file.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder_of(path)
}

/// Fsyncs the folder of a file, so that its rename is durable.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    match File::open(folder) {
        Ok(file) => sync(&file, folder),
        // The file is in place; a folder that may be written to and not read cannot be fsynced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            record_not_synced(folder, &error);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Fsyncs a file or folder. A file system that cannot, such as a network mount, costs durability in a power failure at
/// most, and is none of the user's faults.
fn sync(file: &File, path: &Path) -> io::Result<()> {
    let result = file.sync_all();
    // macOS asks the disk to write its cache, which a share cannot.
    #[cfg(target_vendor = "apple")]
    let result = result.or_else(|_| rustix::fs::fsync(file).map_err(io::Error::from));
    let not_supported = [libc::EINVAL, libc::ENOSYS, libc::ENOTSUP, libc::EOPNOTSUPP];
    match result {
        Err(error) if error.raw_os_error().is_some_and(|code| not_supported.contains(&code)) => {
            record_not_synced(path, &error);
            Ok(())
        }
        result => result,
    }
}

fn record_not_synced(path: &Path, error: &io::Error) {
    let message =
        format!("cannot fsync {} ({error}): a power failure may undo its last change", path.display());
    *NOT_SYNCED.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
}

/// Takes the sentence about the last file or folder that could not be fsynced.
pub fn take_not_synced() -> Option<String> {
    NOT_SYNCED.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn write_synced<'c>(
    path: &Path,
    content: impl FnOnce(String) -> io::Result<FileContent<'c>>,
) -> io::Result<()> {
    let file = create_temporary(path)?;
    let content = content(file_id::of_file(&file)?)?;
    // Large parts bypass the buffer.
    let mut writer = BufWriter::new(&file);
    for part in content.parts() {
        writer.write_all(part)?;
    }
    writer.flush()?;
    sync(&file, path)
}

/// Content of a file: parts one after the other, of which those that are in memory anyway are not copied.
#[derive(Debug, Default)]
pub struct FileContent<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> FileContent<'a> {
    /// Adds bytes without copying them.
    pub fn push_borrowed(&mut self, part: &'a [u8]) {
        self.0.push(Cow::Borrowed(part));
    }

    /// Adds bytes before all others.
    pub fn prepend(&mut self, part: Vec<u8>) {
        self.0.insert(0, Cow::Owned(part));
    }

    /// Iterates over the parts.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Cow::as_ref)
    }
}

impl From<Vec<u8>> for FileContent<'_> {
    fn from(content: Vec<u8>) -> Self {
        FileContent(vec![Cow::Owned(content)])
    }
}

impl Write for FileContent<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.last_mut() {
            Some(Cow::Owned(part)) => part.extend_from_slice(bytes),
            _ => self.0.push(Cow::Owned(bytes.to_vec())),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
    /// Written by another program that has a file of this name.
    Foreign,
}

/// Reads a file of a format version.
///
/// # Errors
/// A newer version ends with [`ExitCode::Configuration`] and leaves the file unchanged; so does a file that may not be
/// opened.
pub fn load<T: Versioned>(path: &Path, version: u32) -> Result<Loaded<T>, Error> {
    let document = match read(path) {
        Ok(document) => document,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(Loaded::Corrupt(error.to_string()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Missing),
        Err(error) => return Err(cannot("read", path, error)),
    };
    // Checking UTF-8 once for the whole document is faster than once for each string.
    let Ok(document) = String::from_utf8(document).map(Arc::new) else {
        return Ok(Loaded::Corrupt("it is not UTF-8".to_owned()));
    };
    let parsed = T::decode(&document);
    if parsed.is_err() && is_foreign::<T>(&document) {
        return Ok(Loaded::Foreign);
    }
    // A document of another version need not parse as one of this version, and one that does is still of another.
    let found = match &parsed {
        Ok(value) => Some(value.version().into()),
        Err(_) => serde_json::from_str::<VersionOnly>(&document).ok().map(|document| document.version),
    };
    match found {
        Some(found) if found > version.into() => Err(newer(path, found)),
        Some(found) if found < version.into() => {
            Ok(Loaded::Corrupt(format!("format version {found} instead of {version}")))
        }
        _ => Ok(parsed.map_or_else(|error| Loaded::Corrupt(error.to_string()), Loaded::Found)),
    }
}

/// Reads a regular file of bounded size; anything else is [`io::ErrorKind::InvalidData`].
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let (file, metadata) = open_regular(path)?.ok_or_else(|| invalid("not a regular file".to_owned()))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(invalid(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let mut document = Vec::with_capacity(metadata.len() as usize);
    // A file under /proc says that it is empty, and any file can grow after the check.
    file.take(FILE_BYTES_MAX).read_to_end(&mut document)?;
    Ok(document)
}

/// Reports whether a document that cannot be parsed is an object that has none of the members of this program's.
fn is_foreign<T: Versioned>(document: &str) -> bool {
    let members = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(document).unwrap_or_default();
    let has_own = T::MEMBERS.iter().any(|member| members.contains_key(*member));
    !has_own && members.keys().any(|member| member != "version")
}

/// A document that carries its format version in the member `version`.
pub trait Versioned: Sized {
    /// Members by which the document is known.
    const MEMBERS: &[&str];
    /// Format version of the file.
    fn version(&self) -> u32;
    /// Decodes a document, parts of which the value may share.
    fn decode(document: &Arc<String>) -> serde_json::Result<Self>;
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

/// Moves the file of another program aside, or leaves it if `repair` is `None`. Returns the warning for the user. There is
/// one place for such a file, so that a program that goes on writing it fills no disk.
pub fn set_foreign_aside(path: &Path, repair: Option<DateTime<Utc>>) -> Result<String, Error> {
    let name = path.display();
    let done = if repair.is_some() {
        let aside = with_suffix(path, ".corrupt-other-program");
        fs::rename(path, &aside).map_err(|error| cannot("move aside", path, error))?;
        format!("it is kept as {} and replaced", aside.display())
    } else {
        "the next run moves it aside".to_owned()
    };
    Ok(format!(
        "{name} was written by another program, such as han's own sync, which has a file of the same name; {done}; \
         turn that program's sync off, or name another folder by --state-dir"
    ))
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
    // A link or a FIFO in place of a file that is opened for writing.
    let is_in_the_way = matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO));
    let exit = match error.kind() {
        _ if is_in_the_way => ExitCode::Configuration,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory => ExitCode::Configuration,
        _ => ExitCode::TryAgain,
    };
    let next = match exit {
        ExitCode::Configuration if is_in_the_way => "remove it: it is no file of han-sync's",
        ExitCode::Configuration => {
            "make it writable for this user, or name another folder by CLAUDE_CONFIG_DIR or --state-dir"
        }
        _ => "nothing is lost; the next run tries again",
    };
    Error::new(exit, format!("cannot {operation} {}: {error}; {next}", path.display()))
}
