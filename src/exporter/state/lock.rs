//! The file locks of the state folder.
//!
//! `sync.lock` is held by a run from start to end, so that one run at a time sends. `sync-queue.lock` guards one rewrite of
//! the queue, for milliseconds, so that a hook never waits for a run. The kernel releases both when their process dies.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use fs2::FileExt;

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::state::atomic_file;

/// Timeout for the queue lock. A rewrite takes milliseconds, so a few hundred concurrent hooks all acquire the lock.
const QUEUE_WAIT: Duration = Duration::from_secs(10);
/// Interval between two attempts on the queue lock: about the duration of a rewrite.
const QUEUE_POLL: Duration = Duration::from_millis(2);

/// The run lock; released on drop.
#[derive(Debug)]
pub struct RunLock(#[expect(dead_code, reason = "held for its lock")] File);

impl RunLock {
    /// Acquires the lock; `None` if another run holds it.
    pub fn try_acquire(folder: &Path) -> Result<Option<RunLock>, Error> {
        let path = folder.join("sync.lock");
        let file =
            atomic_file::open_lock(&path).map_err(|error| atomic_file::cannot("open", &path, error))?;
        match try_lock(&file) {
            Ok(true) => Ok(Some(RunLock(file))),
            Ok(false) => Ok(None),
            Err(error) => Err(atomic_file::cannot("lock", &path, error)),
        }
    }
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
                Err(error) => return Err(atomic_file::cannot("lock", &path, error)),
            }
        }
    }
}

/// Tries to acquire a lock; false if another process holds it.
fn try_lock(file: &File) -> io::Result<bool> {
    loop {
        match file.try_lock_exclusive() {
            Ok(()) => return Ok(true),
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
                return Ok(false);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
