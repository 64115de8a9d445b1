//! The file locks of the state folder.
//!
//! `sync.lock` is held by a run from start to end, so that one run at a time sends. `sync-queue.lock` guards one rewrite of
//! the queue, for milliseconds, so that a hook never waits for a run. The kernel releases both when their process dies.
//!
//! While a run sends, `sync.lock` holds a record of the run, so that one that hangs is noticed. A run with nothing to do
//! writes none.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use fs2::FileExt;
use serde::{Deserialize, Serialize};

use crate::exporter::backoff;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::StopReason;
use crate::exporter::state::atomic_file;

/// Timeout for the queue lock. A rewrite takes milliseconds, so a few hundred concurrent hooks all acquire the lock.
const QUEUE_WAIT: Duration = Duration::from_secs(10);
/// Interval between two attempts on the queue lock: about the duration of a rewrite.
const QUEUE_POLL: Duration = Duration::from_millis(2);
/// Time in which a run comes to its first request: the scan of a large database on a slow disk.
const REQUEST_BY: Duration = Duration::from_secs(900);
/// Time for the end of a run beyond its time budget: saving state and queue.
const END_BY: Duration = Duration::from_secs(60);
/// Bytes of a record, which has about a hundred.
const RECORD_BYTES_MAX: u64 = 1 << 10;

/// The record in a held run lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRecord {
    /// Process id of the holder; `None` where another run has written the record.
    pub pid: Option<u32>,
    /// Time since which the lock is known to be held.
    pub since: DateTime<Utc>,
    /// Time at which a run that does not hang has released it.
    pub until: DateTime<Utc>,
}

impl LockRecord {
    /// Sentence for the user about a holder that hangs. `folder`: the state folder.
    pub fn describe(&self, folder: &Path, now: DateTime<Utc>) -> String {
        let holder = self.pid.map_or_else(|| "a han-sync process".to_owned(), |pid| format!("process {pid}"));
        let minutes = (now - self.since).num_minutes();
        let age =
            if minutes < 120 { format!("{minutes} minutes") } else { format!("{} hours", minutes / 60) };
        format!(
            "{} has been held by {holder} for {age}, longer than a run may last; end that process ({}), then run han-sync",
            path(folder).display(),
            self.remedy()
        )
    }

    /// Command that ends the holder, or lists it.
    pub fn remedy(&self) -> String {
        self.pid.map_or_else(|| "pgrep -a han-sync lists it".to_owned(), |pid| format!("kill {pid}"))
    }
}

/// The run lock; released on drop.
#[derive(Debug)]
pub struct RunLock(File);

impl Drop for RunLock {
    fn drop(&mut self) {
        self.clear();
    }
}

impl RunLock {
    /// Acquires the lock; `None` if another run holds it.
    pub fn try_acquire(folder: &Path) -> Result<Option<RunLock>, Error> {
        let path = path(folder);
        let file =
            atomic_file::open_lock(&path).map_err(|error| atomic_file::cannot("open", &path, error))?;
        match try_lock(&file) {
            Ok(true) => {
                let lock = RunLock(file);
                // The record of a run that was killed.
                lock.clear();
                Ok(Some(lock))
            }
            Ok(false) => Ok(None),
            Err(error) => Err(cannot_lock(&path, error)),
        }
    }

    /// Records the run before its first request, with the time at which it has ended unless it hangs.
    pub fn record(&self, context: &Context) {
        let Context { config, clock, max_time, splay, .. } = context;
        // A request under way may outlast the time budget by its timeouts.
        let duration = *max_time + *splay + config.timeout * 2 + END_BY;
        let since = clock.now();
        let until = backoff::after(since, duration);
        // Without a record a run that hangs is noticed later.
        let _ = write_record(&self.0, &LockRecord { pid: Some(std::process::id()), since, until });
    }

    /// Removes a record. A file system that fails here keeps an old one at worst, until the next run.
    fn clear(&self) {
        if self.0.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            let _ = self.0.set_len(0);
        }
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("sync.lock")
}

/// The reason of a run that finds the lock held. The first one to find it held by a run that has not come to its first
/// request records that.
pub fn busy_reason(context: &Context) -> StopReason {
    let now = context.clock.now();
    let Some(holder) = stuck_holder(&context.folder, now) else {
        record_held(&context.folder, now, backoff::after(now, REQUEST_BY));
        return StopReason::Busy;
    };
    let message = holder.describe(&context.folder, now);
    context.log.error("lock_stuck", &message);
    StopReason::LockStuck { message }
}

/// Records, for a run that has found the lock held, since when and until when, unless there is a record.
fn record_held(folder: &Path, since: DateTime<Utc>, until: DateTime<Utc>) {
    if read_record(folder).is_none()
        && let Ok(file) = atomic_file::open_lock(&path(folder))
    {
        let _ = write_record(&file, &LockRecord { pid: None, since, until });
    }
}

/// The record of a holder that has held the lock for longer than any run may last.
pub fn stuck_holder(folder: &Path, now: DateTime<Utc>) -> Option<LockRecord> {
    let record = read_record(folder).filter(|record| record.until < now)?;
    is_held(folder).then_some(record)
}

fn read_record(folder: &Path) -> Option<LockRecord> {
    let (file, _) = atomic_file::open_regular(&path(folder)).ok()??;
    let mut text = String::new();
    file.take(RECORD_BYTES_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_record(mut file: &File, record: &LockRecord) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(record)?)
}

/// True if a run holds the lock, as opposed to one that was killed and has left its record behind.
fn is_held(folder: &Path) -> bool {
    let Ok(Some((file, _))) = atomic_file::open_regular(&path(folder)) else { return false };
    // The lock of a shared reader ends with its file, here and now.
    FileExt::try_lock_shared(&file).is_err_and(|error| is_contended(&error))
}

/// The queue lock; released on drop.
#[derive(Debug)]
pub struct QueueLock(#[expect(dead_code, reason = "held for its lock")] File);

impl QueueLock {
    /// Waits for the lock.
    pub fn acquire(folder: &Path) -> Result<QueueLock, Error> {
        let path = folder.join("sync-queue.lock");
        let file =
            atomic_file::open_lock(&path).map_err(|error| atomic_file::cannot("open", &path, error))?;
        let deadline = Instant::now() + QUEUE_WAIT;
        loop {
            match try_lock(&file) {
                Ok(true) => return Ok(QueueLock(file)),
                Ok(false) if Instant::now() < deadline => std::thread::sleep(QUEUE_POLL),
                Ok(false) => {
                    let waited = QUEUE_WAIT.as_secs();
                    let message = format!(
                        "{} has been held for {waited} s; end the han-sync process that hangs, then try again",
                        path.display()
                    );
                    return Err(Error::new(ExitCode::TryAgain, message));
                }
                Err(error) => return Err(cannot_lock(&path, error)),
            }
        }
    }
}

/// Tries to acquire a lock; false if another process holds it.
fn try_lock(file: &File) -> io::Result<bool> {
    loop {
        match FileExt::try_lock_exclusive(file) {
            Ok(()) => return Ok(true),
            Err(error) if is_contended(&error) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_contended(error: &io::Error) -> bool {
    error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Builds the error of a lock that can be neither acquired nor waited for.
fn cannot_lock(path: &Path, error: io::Error) -> Error {
    let has_no_locks = [libc::ENOLCK, libc::ENOSYS, libc::ENOTSUP, libc::EOPNOTSUPP, libc::EINVAL];
    if !error.raw_os_error().is_some_and(|code| has_no_locks.contains(&code)) {
        return atomic_file::cannot("lock", path, error);
    }
    Error::configuration(format!(
        "cannot lock {}: {error}; the file system of its folder has no locks, without which two runs would send at once: \
         name a folder on a local disk by --state-dir or CLAUDE_CONFIG_DIR",
        path.display()
    ))
}
