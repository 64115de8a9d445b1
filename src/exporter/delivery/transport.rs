//! The transport: a thread sends the requests, so that the run can stop waiting for a response when its time budget is
//! used up or a signal arrives.
//!
//! A posted request without a response is in flight; there is at most one. The transport neither retries nor
//! interprets.

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
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response::Posted;
use crate::protocol::Identity;

/// The time that a request in flight gets after a signal; everything is saved within 2 s.
const GRACE: Duration = Duration::from_millis(1500);

enum Job {
    Post(Arc<Vec<u8>>, DateTime<Utc>),
    Identity(DateTime<Utc>),
}

enum Event {
    /// The result of a post, with its duration.
    Posted(Result<Posted, RequestError>, Duration),
    Identified(Result<Option<Identity>, RequestError>),
    Interrupted,
}

/// The sender thread and the signals.
#[derive(Debug)]
pub struct Transport {
    /// Moves to the thread with the first request.
    client: Option<HttpClient>,
    jobs: Sender<Job>,
    queue: Option<Receiver<Job>>,
    events: Receiver<Event>,
    responses: Sender<Event>,
    is_interrupted: bool,
}

/// A request in flight.
#[derive(Debug)]
#[must_use = "a request in flight needs its response"]
pub struct InFlight {
    deadline: Instant,
}

impl Transport {
    /// Creates a transport without a thread: a run with nothing to send needs none. Threads end with the process.
    pub fn new(client: HttpClient) -> Transport {
        let (jobs, queue) = channel();
        let (responses, events) = channel();
        Transport { client: Some(client), jobs, queue: Some(queue), events, responses, is_interrupted: false }
    }

    /// Starts to post a compressed batch, which has to end within `limit`.
    pub fn post(
        &mut self,
        body: Arc<Vec<u8>>,
        now: DateTime<Utc>,
        limit: Duration,
    ) -> Result<InFlight, RequestError> {
        self.request(Job::Post(body, now), limit)
    }

    /// Waits for the response to a post. Returns the receiver's decision and the duration of the request.
    pub fn response(&mut self, request: InFlight) -> Result<(Posted, Duration), RequestError> {
        match self.wait(request)? {
            Event::Posted(posted, duration) => Ok((posted?, duration)),
            _ => Err(RequestError::Interrupted),
        }
    }

    /// Requests the identity, and waits for the result for at most `limit`.
    pub fn identity(
        &mut self,
        now: DateTime<Utc>,
        limit: Duration,
    ) -> Result<Option<Identity>, RequestError> {
        let request = self.request(Job::Identity(now), limit)?;
        match self.wait(request)? {
            Event::Identified(identified) => identified,
            _ => Err(RequestError::Interrupted),
        }
    }

    /// Waits, or advances a simulated clock. A signal ends the wait.
    pub fn pause(&mut self, clock: &Clock, wait: Duration) -> Result<(), RequestError> {
        if self.is_interrupted {
            return Err(RequestError::Interrupted);
        }
        let wait = if clock.is_simulated() {
            clock.skip(wait);
            Duration::ZERO
        } else {
            wait
        };
        match self.events.recv_timeout(wait) {
            Ok(_) => {
                self.is_interrupted = true;
                Err(RequestError::Interrupted)
            }
            Err(_) => Ok(()),
        }
    }

    /// Reports whether SIGTERM or SIGINT has arrived.
    pub fn is_interrupted(&mut self) -> bool {
        if self.events.try_recv().is_ok() {
            self.is_interrupted = true;
        }
        self.is_interrupted
    }

    fn request(&mut self, job: Job, limit: Duration) -> Result<InFlight, RequestError> {
        self.start();
        self.jobs.send(job).map_err(|_| RequestError::Interrupted)?;
        Ok(InFlight { deadline: Instant::now() + limit })
    }

    fn start(&mut self) {
        let (Some(client), Some(queue)) = (self.client.take(), self.queue.take()) else { return };
        let responses = self.responses.clone();
        thread::spawn(move || {
            for job in queue {
                let started = Instant::now();
                let event = match job {
                    Job::Post(body, now) => Event::Posted(client.post(&body, now), started.elapsed()),
                    Job::Identity(now) => Event::Identified(client.identity(now)),
                };
                if responses.send(event).is_err() {
                    return;
                }
            }
        });
        let events = self.responses.clone();
        // After the run, a signal has its default effect again.
        let is_ignored = Arc::new(AtomicBool::new(false));
        match register_signals(&is_ignored) {
            Ok(mut signals) => drop(thread::spawn(move || {
                while signals.read_exact(&mut [0]).is_ok() && events.send(Event::Interrupted).is_ok() {}
                is_ignored.store(true, Ordering::Relaxed);
            })),
            Err(_) => is_ignored.store(true, Ordering::Relaxed),
        }
    }

    fn wait(&mut self, InFlight { mut deadline }: InFlight) -> Result<Event, RequestError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::Interrupted) => {
                    self.is_interrupted = true;
                    deadline = deadline.min(Instant::now() + GRACE);
                }
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) if self.is_interrupted => {
                    return Err(RequestError::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) => return Err(RequestError::TimeUp),
                Err(RecvTimeoutError::Disconnected) => return Err(RequestError::Interrupted),
            }
        }
    }
}

/// Registers SIGTERM and SIGINT: each writes a byte to the returned stream. While `is_ignored`, they have their
/// default effect too.
fn register_signals(is_ignored: &Arc<AtomicBool>) -> io::Result<UnixStream> {
    let (received, sent) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_default(signal, Arc::clone(is_ignored))?;
        pipe::register(signal, sent.try_clone()?)?;
    }
    Ok(received)
}
