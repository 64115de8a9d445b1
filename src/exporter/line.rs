//! The line to the receiver: requests are made on a thread of their own, so that the run can stop waiting for one when
//! its time is up or the system asks it to end.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

use super::client::{Client, Identified, Posted};
use super::clock::Clock;

/// How long a request in flight may still take once the system has asked the program to end: within 2 s all is saved.
const GRACE: Duration = Duration::from_millis(1500);

/// Why a wait ended before what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The time budget of the run is used up.
    TimeUp,
    /// SIGTERM or SIGINT.
    Interrupted,
}

enum Job {
    Post(Vec<u8>, DateTime<Utc>),
    Identity(DateTime<Utc>),
}

enum Event {
    Posted(Posted),
    Identified(Identified),
    Interrupted,
}

/// The threads, and whether the system has asked the program to end.
#[derive(Debug)]
pub struct Line {
    jobs: Sender<Job>,
    events: Receiver<Event>,
    interrupted: bool,
}

impl Line {
    /// Starts the threads; they end with the process.
    pub fn open(client: Client) -> Line {
        let (jobs, queue) = channel::<Job>();
        let (events, received) = channel();
        let answers = events.clone();
        thread::spawn(move || {
            for job in queue {
                let event = match job {
                    Job::Post(body, now) => Event::Posted(client.post(&body, now)),
                    Job::Identity(now) => Event::Identified(client.identity(now)),
                };
                if answers.send(event).is_err() {
                    return;
                }
            }
        });
        // Once nobody listens any more, a signal ends the program as it would have without us.
        let deaf = Arc::new(AtomicBool::new(false));
        match hear_signals(&deaf) {
            Ok(mut signals) => drop(thread::spawn(move || {
                while signals.read_exact(&mut [0]).is_ok() && events.send(Event::Interrupted).is_ok() {}
                deaf.store(true, Ordering::Relaxed);
            })),
            Err(_) => deaf.store(true, Ordering::Relaxed),
        }
        Line { jobs, events: received, interrupted: false }
    }

    /// Posts a compressed batch, waiting for its end for at most `limit`.
    pub fn post(&mut self, body: Vec<u8>, now: DateTime<Utc>, limit: Duration) -> Result<Posted, Cut> {
        match self.request(Job::Post(body, now), limit)? {
            Event::Posted(posted) => Ok(posted),
            _ => Err(Cut::Interrupted),
        }
    }

    /// Asks for the identity, waiting for its end for at most `limit`.
    pub fn identity(&mut self, now: DateTime<Utc>, limit: Duration) -> Result<Identified, Cut> {
        match self.request(Job::Identity(now), limit)? {
            Event::Identified(identified) => Ok(identified),
            _ => Err(Cut::Interrupted),
        }
    }

    /// Waits, or advances a simulated clock; not at all once the system has asked the program to end.
    pub fn pause(&mut self, clock: &Clock, wait: Duration) -> Result<(), Cut> {
        if self.interrupted {
            return Err(Cut::Interrupted);
        }
        let wait = if clock.is_simulated() {
            clock.skip(wait);
            Duration::ZERO
        } else {
            wait
        };
        match self.events.recv_timeout(wait) {
            Ok(_) => {
                self.interrupted = true;
                Err(Cut::Interrupted)
            }
            Err(_) => Ok(()),
        }
    }

    /// Whether the system has asked the program to end.
    pub fn is_interrupted(&mut self) -> bool {
        if self.events.try_recv().is_ok() {
            self.interrupted = true;
        }
        self.interrupted
    }

    fn request(&mut self, job: Job, limit: Duration) -> Result<Event, Cut> {
        if self.jobs.send(job).is_err() {
            return Err(Cut::Interrupted);
        }
        let mut deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::Interrupted) => {
                    self.interrupted = true;
                    deadline = deadline.min(Instant::now() + GRACE);
                }
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) if self.interrupted => return Err(Cut::Interrupted),
                Err(RecvTimeoutError::Timeout) => return Err(Cut::TimeUp),
                Err(RecvTimeoutError::Disconnected) => return Err(Cut::Interrupted),
            }
        }
    }
}

/// A byte arrives for every SIGTERM and SIGINT; while `deaf`, they do what they do by default.
fn hear_signals(deaf: &Arc<AtomicBool>) -> io::Result<UnixStream> {
    let (received, sent) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_default(signal, Arc::clone(deaf))?;
        pipe::register(signal, sent.try_clone()?)?;
    }
    Ok(received)
}
