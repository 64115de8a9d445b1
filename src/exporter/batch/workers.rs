//! The thread pool of a run: its threads read rows ahead and encode batches.
//!
//! A thread is started for the first work, and another one where work arrives while all are busy, up to one for each
//! processor. Work never waits for other work, so that the threads cannot wait for each other. Each thread that reads has a
//! connection of its own, which it opens once.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use anyhow::{Context, anyhow};

use crate::exporter::error::Error;
use crate::exporter::source::Source;

/// Threads at most. More would wait for the thread that takes what they read.
const THREADS_MAX: usize = 8;

/// Work, with the connection of its thread.
type Work = Box<dyn FnOnce(&mut Option<Source>) + Send>;

/// The thread pool.
#[derive(Default)]
pub struct Workers {
    shared: Arc<Shared>,
}

/// State that the threads share.
#[derive(Default)]
struct Shared {
    queue: Mutex<WorkQueue>,
    changed: Condvar,
    /// The database that is read.
    database: OnceLock<DatabaseFile>,
}

/// A database file as the run reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DatabaseFile {
    path: PathBuf,
    file_id: String,
    /// The query for messages, which depends on the schema.
    select_messages: String,
}

#[derive(Default)]
struct WorkQueue {
    work: VecDeque<Work>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Workers")
    }
}

impl Workers {
    /// Lets the threads read the database of a connection, if there are several processors. Returns true if they may.
    pub fn allow_reading(&self, source: &Source) -> bool {
        processors() > 1 && self.read_from(source)
    }

    /// Lets the threads read the database of a connection. Returns false if it is unknown which file the connection has.
    fn read_from(&self, source: &Source) -> bool {
        let Some((path, file_id)) = source.path().zip(source.file_id()) else { return false };
        let database = DatabaseFile {
            path: path.to_owned(),
            file_id: file_id.to_owned(),
            select_messages: source.select_messages().to_owned(),
        };
        self.shared.database.get_or_init(|| database.clone()) == &database
    }

    /// Hands work to the threads, which begin it in the order of submission.
    ///
    /// # Errors
    /// No thread runs, and none can be started.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<WorkHandle<T>, Error> {
        self.submit_work(|_| work())
    }

    /// Hands reading to the threads. Its result is an error if a thread cannot open the database that the run reads, such as
    /// one whose file was replaced or whose schema has changed.
    ///
    /// # Errors
    /// As [`Workers::submit`].
    pub fn submit_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Source) -> Result<T, Error> + Send + 'static,
    ) -> Result<WorkHandle<Result<T, Error>>, Error> {
        let shared = self.shared.clone();
        self.submit_work(move |connection| {
            let source = match connection.take() {
                Some(source) => source,
                None => shared.database.get().context("no database to read")?.open()?,
            };
            read(connection.insert(source))
        })
    }

    fn submit_work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Option<Source>) -> T + Send + 'static,
    ) -> Result<WorkHandle<T>, Error> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let mut queue = self.shared.lock();
        if queue.idle <= queue.work.len() && (queue.threads == 0 || queue.threads < processors()) {
            let shared = self.shared.clone();
            match thread::Builder::new().name("worker".to_owned()).spawn(move || shared.work()) {
                Ok(_) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    return Err(anyhow!(error).context("cannot start a thread").into());
                }
                // Those that run do the work, too.
                Err(_) => {}
            }
        }
        let handle = Arc::new(());
        let is_awaited = Arc::downgrade(&handle);
        queue.work.push_back(Box::new(move |connection| {
            if is_awaited.strong_count() > 0 {
                // The handle may be dropped meanwhile.
                let _ = sender.send(work(connection));
            }
        }));
        drop(queue);
        self.shared.changed.notify_one();
        Ok(WorkHandle { result: receiver, _handle: handle })
    }
}

impl DatabaseFile {
    /// Opens a connection to it, and to nothing else.
    fn open(&self) -> Result<Source, Error> {
        let source = Source::open(&self.path)?;
        if source.file_id() != Some(&self.file_id) || source.select_messages() != self.select_messages {
            return Err(anyhow!("{} was replaced or migrated", self.path.display()).into());
        }
        Ok(source)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        queue.work.clear();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, WorkQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until the queue is closed.
    fn work(&self) {
        let mut connection = None;
        let mut queue = self.lock();
        loop {
            if let Some(work) = queue.work.pop_front() {
                drop(queue);
                // A panic, which ends a release build, is reported where the result is awaited.
                let _ = panic::catch_unwind(AssertUnwindSafe(|| work(&mut connection)));
                queue = self.lock();
            } else if queue.is_closed {
                return;
            } else {
                queue.idle += 1;
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            }
        }
    }
}

/// Work that was submitted. Work that has not begun is left undone if its handle is dropped.
#[derive(Debug)]
pub struct WorkHandle<T> {
    result: Receiver<T>,
    _handle: Arc<()>,
}

impl<T> WorkHandle<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// The work panicked.
    pub fn wait(self) -> Result<T, Error> {
        self.result.recv().map_err(|_| anyhow!("a worker thread panicked").into())
    }
}

/// Processors that this process may use, of those that are worth using.
pub fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn each_work_is_done_once_on_threads_of_their_own() {
        let workers = Workers::default();
        let pending: Vec<_> = (0..1_000)
            .map(|number| workers.submit(move || (number, thread::current().id())).unwrap())
            .collect();
        let results: Vec<_> = pending.into_iter().map(|pending| pending.wait().unwrap()).collect();
        assert!(results.iter().map(|(number, _)| *number).eq(0..1_000));
        assert!(results.iter().all(|(_, thread)| *thread != thread::current().id()));
    }

    #[test]
    fn idle_thread_is_used_before_another_one_is_started() {
        let workers = Workers::default();
        workers.submit(|| ()).unwrap().wait().unwrap();
        let mut queue = workers.shared.lock();
        while queue.idle == 0 {
            drop(queue);
            thread::yield_now();
            queue = workers.shared.lock();
        }
        drop(queue);
        workers.submit(|| ()).unwrap().wait().unwrap();
        assert_eq!(workers.shared.lock().threads, 1);
    }

    #[test]
    fn file_in_place_of_the_one_that_is_open_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("han.db");
        let create = |path: &Path| {
            let tables = "CREATE TABLE sessions (id, project_id); CREATE TABLE projects (id, repo_id, path);
                CREATE TABLE repos (id, remote);
                CREATE TABLE messages (id, session_id, message_type, timestamp, line_number, raw_json);";
            rusqlite::Connection::open(path).unwrap().execute_batch(tables).unwrap();
        };
        create(&path);
        let source = Source::open(&path).unwrap();
        let last_rowid = |source: &Source| source.snapshot()?.last_rowid();
        let workers = Workers::default();
        assert!(workers.read_from(&source));
        assert!(matches!(workers.submit_read(last_rowid).unwrap().wait().unwrap(), Ok(0)));

        let workers = Workers::default();
        assert!(workers.read_from(&source));
        create(&folder.path().join("new.db"));
        fs::rename(folder.path().join("new.db"), &path).unwrap();
        let error = workers.submit_read(last_rowid).unwrap().wait().unwrap().unwrap_err();
        assert!(error.to_string().contains("replaced"), "{error}");
        assert!(!workers.read_from(&Source::open(&path).unwrap()));
    }

    #[test]
    fn work_that_nobody_awaits_is_left_undone() {
        let workers = Workers::default();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        // Each thread waits in its first work.
        let busy: Vec<_> = (0..processors())
            .map(|_| {
                let released = released.clone();
                workers.submit(move || released.lock().unwrap().recv().is_err()).unwrap()
            })
            .collect();
        let done = Arc::new(Mutex::new(false));
        let undone = done.clone();
        drop(workers.submit(move || *undone.lock().unwrap() = true).unwrap());
        drop(release);
        assert!(busy.into_iter().all(|handle| handle.wait().unwrap()));
        workers.submit(|| ()).unwrap().wait().unwrap();
        assert!(!*done.lock().unwrap());
    }

    #[test]
    fn panic_is_an_error_of_its_work_alone() {
        let workers = Workers::default();
        assert!(workers.submit(|| assert_eq!(1, 2)).unwrap().wait().is_err());
        assert!(matches!(workers.submit(|| 7).unwrap().wait(), Ok(7)));
    }
}
