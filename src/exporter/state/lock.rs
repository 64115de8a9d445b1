//! The two file locks of the state folder.
//!
//! `sync.lock` is held by the run that sends, for as long as it sends. `sync-queue.lock` guards one rewrite of the
//! queue, for milliseconds, so that adding to the queue never waits for an export. The kernel releases both when their
//! holder dies.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use fs2::FileExt;

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::state::atomic_file;

/// How long to wait for a rewrite of the queue by another process. A rewrite takes milliseconds, and a few hundred
/// hooks at once still get their turn.
const QUEUE_WAIT: Duration = Duration::from_secs(10);
/// Between two tries for the queue lock; about the time that one rewrite takes.
const QUEUE_POLL: Duration = Duration::from_millis(2);

/// The right to send; released when dropped.
#[derive(Debug)]
pub struct RunLock(#[expect(dead_code, reason = "held for its lock")] File);

impl RunLock {
    /// Takes the lock, or returns `None` when another run holds it.
    pub fn try_acquire(folder: &Path) -> Result<Option<RunLock>, Error> {
        let path = folder.join("sync.lock");
        let file =
            atomic_file::open_private(&path).map_err(|error| atomic_file::cannot("open", &path, error))?;
        match try_lock(&file) {
            Ok(true) => Ok(Some(RunLock(file))),
            Ok(false) => Ok(None),
            Err(error) => Err(atomic_file::cannot("lock", &path, error)),
        }
    }
}

/// The right to rewrite the queue; released when dropped.
#[derive(Debug)]
pub struct QueueLock(#[expect(dead_code, reason = "held for its lock")] File);

impl QueueLock {
    /// Waits for the lock.
    pub fn acquire(folder: &Path) -> Result<QueueLock, Error> {
        let path = folder.join("sync-queue.lock");
        let file =
            atomic_file::open_private(&path).map_err(|error| atomic_file::cannot("open", &path, error))?;
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

/// Whether the lock is ours now; false while another process holds it.
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
