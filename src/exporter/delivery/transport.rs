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

use crate::exporter::clock::Clock;
use crate::exporter::delivery::client::{Client, Identified, Posted};

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
    Post(Arc<Vec<u8>>, DateTime<Utc>),
    Identity(DateTime<Utc>),
}

enum Event {
    /// With the time that it took.
    Posted(Posted, Duration),
    Identified(Identified),
    Interrupted,
}

/// The way to the receiver, and whether the system has asked the program to end.
#[derive(Debug)]
pub struct Transport {
    /// Until the first request.
    client: Option<Client>,
    jobs: Sender<Job>,
    queue: Option<Receiver<Job>>,
    events: Receiver<Event>,
    answers: Sender<Event>,
    interrupted: bool,
}

/// A request under way, and by when it is to end.
#[derive(Debug)]
#[must_use = "its answer is to be waited for"]
pub struct InFlight {
    deadline: Instant,
}

impl Transport {
    /// Starts nothing yet: a run with nothing to send needs no threads. They end with the process.
    pub fn new(client: Client) -> Transport {
        let (jobs, queue) = channel();
        let (answers, events) = channel();
        Transport { client: Some(client), jobs, queue: Some(queue), events, answers, interrupted: false }
    }

    fn open(&mut self) {
        let (Some(client), Some(queue)) = (self.client.take(), self.queue.take()) else { return };
        let answers = self.answers.clone();
        thread::spawn(move || {
            for job in queue {
                let started = Instant::now();
                let event = match job {
                    Job::Post(body, now) => Event::Posted(client.post(&body, now), started.elapsed()),
                    Job::Identity(now) => Event::Identified(client.identity(now)),
                };
                if answers.send(event).is_err() {
                    return;
                }
            }
        });
        let events = self.answers.clone();
        // Once nobody listens any more, a signal ends the program as it would have without us.
        let deaf = Arc::new(AtomicBool::new(false));
        match hear_signals(&deaf) {
            Ok(mut signals) => drop(thread::spawn(move || {
                while signals.read_exact(&mut [0]).is_ok() && events.send(Event::Interrupted).is_ok() {}
                deaf.store(true, Ordering::Relaxed);
            })),
            Err(_) => deaf.store(true, Ordering::Relaxed),
        }
    }

    /// Begins to post a compressed batch, which is to end within `limit`.
    pub fn post(&mut self, body: Arc<Vec<u8>>, now: DateTime<Utc>, limit: Duration) -> Result<InFlight, Cut> {
        self.request(Job::Post(body, now), limit)
    }

    /// Waits for the answer to a batch; with the time that it took.
    pub fn answer(&mut self, request: InFlight) -> Result<(Posted, Duration), Cut> {
        match self.wait(request)? {
            Event::Posted(posted, took) => Ok((posted, took)),
            _ => Err(Cut::Interrupted),
        }
    }

    /// Asks for the identity, waiting for its end for at most `limit`.
    pub fn identity(&mut self, now: DateTime<Utc>, limit: Duration) -> Result<Identified, Cut> {
        let request = self.request(Job::Identity(now), limit)?;
        match self.wait(request)? {
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

    fn request(&mut self, job: Job, limit: Duration) -> Result<InFlight, Cut> {
        self.open();
        self.jobs.send(job).map_err(|_| Cut::Interrupted)?;
        Ok(InFlight { deadline: Instant::now() + limit })
    }

    fn wait(&mut self, InFlight { mut deadline }: InFlight) -> Result<Event, Cut> {
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
