//! Threads that inspect folders, with a deadline.
//!
//! A folder may lie on a disk that is slow or dead, and a file in it may block its reader. A thread that a dead folder holds
//! ends with the program.

use std::collections::VecDeque;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time for all folders together. A local disk answers in milliseconds; a sleeping one answers the next run.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// Time without an answer after which another thread goes on with the next folder, so that a dead one holds up no other.
const PATIENCE: Duration = Duration::from_millis(50);
/// Bytes of a thread's stack, as the main thread has: the parser recurses as deep as a file may nest.
const STACK_BYTES: usize = 8 << 20;

/// Does the work for each of the jobs. Returns the answers that come before the deadline, in no order.
pub(super) fn answers<J: Send + 'static, A: Send + 'static>(
    jobs: Vec<J>,
    work: impl Fn(J) -> A + Send + Sync + 'static,
) -> Vec<A> {
    let (mut answers, count) = (Vec::new(), jobs.len());
    let started = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let crew = Crew { jobs: Arc::new(Mutex::new(jobs.into())), work: Arc::new(work), sender };
    crew.add_thread();
    while answers.len() < count {
        let Some(left) = DEADLINE.checked_sub(started.elapsed()) else { break };
        match receiver.recv_timeout(left.min(PATIENCE)) {
            Ok(answer) => answers.push(answer),
            Err(RecvTimeoutError::Timeout) => crew.add_thread(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    answers
}

/// The threads that take jobs from one list.
struct Crew<J, A, W> {
    jobs: Arc<Mutex<VecDeque<J>>>,
    work: Arc<W>,
    sender: Sender<A>,
}

impl<J: Send + 'static, A: Send + 'static, W: Fn(J) -> A + Send + Sync + 'static> Crew<J, A, W> {
    /// Adds a thread if jobs are left. One that cannot be started leaves them without an answer.
    fn add_thread(&self) {
        if self.jobs.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        let (jobs, work, sender) = (self.jobs.clone(), self.work.clone(), self.sender.clone());
        let take_jobs = move || {
            let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some(job) = next() {
                if sender.send(work(job)).is_err() {
                    return;
                }
            }
        };
        let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(take_jobs);
    }
}
