//! `sync.log`: one JSON line for each operation, rotated, beside the state.
//!
//! Invariant: a log that cannot be written never fails an operation, and a line holds neither a key nor the credentials of a
//! URL nor message text. Lines of several processes do not mix: each is appended under a lock, in one write.

use std::cell::OnceCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fs2::FileExt;
use serde_json::{Map, Value};

use crate::time;

const NAME: &str = "sync.log";
/// Suffix of the file before the current one.
const FORMER_SUFFIX: &str = "1";
/// Bytes of a file; one more line begins the next.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Attempts to open the current file, while other processes rotate it.
const OPENS_MAX: u32 = 8;
/// Attempts on the lock, and the wait between two of them.
const LOCKS_MAX: u32 = 100;
const LOCK_POLL: Duration = Duration::from_millis(1);
/// Characters of a text in a line.
const TEXT_CHARS_MAX: usize = 1_000;
/// Hexadecimal digits of a run's id.
const RUN_ID_CHARS: usize = 12;

/// The writer of `sync.log` in one process.
#[derive(Debug)]
pub struct SyncLog {
    path: PathBuf,
    run_id: OnceCell<String>,
    /// Text that is never written: the API key.
    secret: Option<String>,
}

impl SyncLog {
    /// A log in a state folder; opens nothing.
    pub fn new(folder: &Path, secret: Option<&str>) -> SyncLog {
        let secret = secret.filter(|secret| !secret.is_empty()).map(str::to_owned);
        SyncLog { path: folder.join(NAME), run_id: OnceCell::new(), secret }
    }

    /// Paths of both files, the older one first.
    pub fn files(folder: &Path) -> [PathBuf; 2] {
        let path = folder.join(NAME);
        [former(&path), path]
    }

    /// Writes an operation. Without a state folder there is no log.
    pub fn write(&self, now: DateTime<Utc>, operation: &str, fields: &[(&str, Value)]) {
        let run_id = self
            .run_id
            .get_or_init(|| uuid::Uuid::new_v4().simple().to_string().chars().take(RUN_ID_CHARS).collect());
        let mut record = Map::new();
        record.insert("at".to_owned(), time::format(now).into());
        record.insert("run".to_owned(), run_id.as_str().into());
        record.insert("operation".to_owned(), operation.into());
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            record.insert((*name).to_owned(), self.cleaned(value));
        }
        let mut line = Value::Object(record).to_string();
        line.push('\n');
        // The operation itself has succeeded or failed already.
        let _ = append(&self.path, line.as_bytes());
    }

    /// A value without the key and without the credentials of URLs.
    fn cleaned(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let text = match &self.secret {
                    Some(secret) => text.replace(secret.as_str(), "…"),
                    None => text.clone(),
                };
                Value::String(without_credentials(&text).chars().take(TEXT_CHARS_MAX).collect())
            }
            Value::Array(values) => Value::Array(values.iter().map(|value| self.cleaned(value)).collect()),
            other => other.clone(),
        }
    }
}

/// Replaces user and password of each URL in a text.
fn without_credentials(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (before, after) = rest.split_at(scheme + "://".len());
        cleaned.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                cleaned.push('…');
                &after[at..]
            }
            None => after,
        };
    }
    cleaned + rest
}

fn former(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{FORMER_SUFFIX}"));
    PathBuf::from(name)
}

/// Appends a line under the lock of the current file, after a rotation where the file is full.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    for _ in 0..OPENS_MAX {
        let file = open(path)?;
        // A file system without locks, or a process that was stopped with the lock, costs the rotation alone: a line is
        // appended in one write.
        if !lock(&file) {
            return (&file).write_all(line);
        }
        // Another process may have renamed the file between the open and the lock.
        if !is_current(path, &file) {
            continue;
        }
        let bytes = file.metadata()?.len();
        if bytes == 0 || bytes + line.len() as u64 <= FILE_BYTES_MAX {
            return (&file).write_all(line);
        }
        fs::rename(path, former(path))?;
    }
    Err(io::Error::other("the log is rotated by other processes"))
}

/// Waits for the lock of a file, which is held for one write.
fn lock(file: &File) -> bool {
    for attempt in 0..LOCKS_MAX {
        if attempt > 0 {
            thread::sleep(LOCK_POLL);
        }
        if FileExt::try_lock_exclusive(file).is_ok() {
            return true;
        }
    }
    false
}

/// Opens the current file, with access for the owner alone. A link or a FIFO is not followed.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

fn is_current(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|it| (it.dev(), it.ino()));
    id(fs::symlink_metadata(path)) == id(file.metadata())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        time::parse(text).unwrap()
    }

    #[test]
    fn credentials_and_the_key_are_left_out() {
        for (text, expected) in [
            ("https://u:p@host/o/r failed", "https://…@host/o/r failed"),
            ("ssh://git@host:22 and https://a:b@c@d/e@f", "ssh://…@host:22 and https://…@d/e@f"),
            ("https://host/a@b", "https://host/a@b"),
            ("no URL: a@b", "no URL: a@b"),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
        let log = SyncLog::new(Path::new("/nowhere"), Some("han_key"));
        assert_eq!(log.cleaned(&"key han_key is wrong".into()), Value::from("key … is wrong"));
        assert_eq!(log.cleaned(&serde_json::json!(["han_key", 1])), serde_json::json!(["…", 1]));
    }

    #[test]
    fn processes_that_write_and_rotate_at_once_lose_and_tear_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let text = "x".repeat(900);
        // As much as both files hold: each file is full once.
        let lines = 2 * 900;
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (folder, text) = (folder.path(), &text);
                scope.spawn(move || {
                    let log = SyncLog::new(folder, None);
                    for line in (0..lines).filter(|line| line % 4 == writer) {
                        log.write(
                            at("2026-01-01T00:00:00Z"),
                            "test",
                            &[("line", line.into()), ("text", text.as_str().into())],
                        );
                    }
                });
            }
        });
        let mut seen = Vec::new();
        for file in SyncLog::files(folder.path()) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.len() as u64 <= FILE_BYTES_MAX);
            seen.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_u64().unwrap()),
            );
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..lines).collect::<Vec<u64>>());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn log_in_place_of_which_something_else_stands_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(NAME)).unwrap();
        SyncLog::new(folder.path(), None).write(at("2026-01-01T00:00:00Z"), "test", &[]);
        assert!(folder.path().join(NAME).is_dir());
    }
}
