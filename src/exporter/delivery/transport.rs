//! The transport: a thread sends the requests, so that the run can stop waiting for a response when its time budget is
//! used up or a signal arrives.
//!
//! A posted request without a response is in flight; there is at most one. The transport neither retries nor
//! interprets.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::exporter::batch::encode::EncodedBody;
use crate::exporter::clock::Clock;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response::{BatchDecision, ForgetAnswer};
use crate::exporter::delivery::signals::Signals;
use crate::exporter::state::tombstones::ForgetRequest;
use crate::protocol::{ContentEncoding, DigestsRequest, DigestsResponse, Identity};

/// The time that a request in flight gets after a signal; everything is saved within 2 s.
const GRACE: Duration = Duration::from_millis(1500);

enum Job {
    Post(Arc<Vec<u8>>, ContentEncoding, DateTime<Utc>),
    Identity(DateTime<Utc>),
    Digests(DigestsRequest, DateTime<Utc>),
    Forget(ForgetRequest, DateTime<Utc>),
}

enum Event {
    /// The result of a post, with its duration.
    Posted(Result<BatchDecision, RequestError>, Duration),
    Identified(Result<Option<Identity>, RequestError>),
    Digested(Result<Option<DigestsResponse>, RequestError>),
    Forgotten(Result<ForgetAnswer, RequestError>),
    Signal,
}

/// The sender thread and the signals.
#[derive(Debug)]
pub struct Transport {
    /// Moves to the thread at its start.
    client: Option<HttpClient>,
    job_tx: Sender<Job>,
    /// Moves to the thread at its start.
    job_rx: Option<Receiver<Job>>,
    event_tx: Sender<Event>,
    event_rx: Receiver<Event>,
    /// Present from the start of the thread on.
    signals: Option<Signals>,
    is_signalled: bool,
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
        let (job_tx, job_rx) = channel();
        let (event_tx, event_rx) = channel();
        Transport {
            client: Some(client),
            job_tx,
            job_rx: Some(job_rx),
            event_tx,
            event_rx,
            signals: None,
            is_signalled: false,
        }
    }

    /// Starts to post a compressed payload. The response has to arrive within `time_left`.
    pub fn post(
        &mut self,
        body: &EncodedBody,
        now: DateTime<Utc>,
        time_left: Duration,
    ) -> Result<InFlight, RequestError> {
        self.request(Job::Post(body.bytes.clone(), body.encoding, now), time_left)
    }

    /// Waits for the response to a post. Returns the receiver's decision and the duration of the request.
    pub fn response(&mut self, request: InFlight) -> Result<(BatchDecision, Duration), RequestError> {
        match self.wait(request)? {
            Event::Posted(decision, duration) => Ok((decision?, duration)),
            _ => Err(RequestError::SenderEnded),
        }
    }

    /// Requests the identity, and waits for the result for at most `time_left`.
    pub fn identity(
        &mut self,
        now: DateTime<Utc>,
        time_left: Duration,
    ) -> Result<Option<Identity>, RequestError> {
        let request = self.request(Job::Identity(now), time_left)?;
        match self.wait(request)? {
            Event::Identified(identified) => identified,
            _ => Err(RequestError::SenderEnded),
        }
    }

    /// Requests digests, and waits for the result for at most `time_left`.
    pub fn digests(
        &mut self,
        asked: DigestsRequest,
        now: DateTime<Utc>,
        time_left: Duration,
    ) -> Result<Option<DigestsResponse>, RequestError> {
        let request = self.request(Job::Digests(asked, now), time_left)?;
        match self.wait(request)? {
            Event::Digested(digests) => digests,
            _ => Err(RequestError::SenderEnded),
        }
    }

    /// Sends a request to forget, and waits for the answer for at most `time_left`.
    pub fn forget(
        &mut self,
        request: ForgetRequest,
        now: DateTime<Utc>,
        time_left: Duration,
    ) -> Result<ForgetAnswer, RequestError> {
        let request = self.request(Job::Forget(request, now), time_left)?;
        match self.wait(request)? {
            Event::Forgotten(answer) => answer,
            _ => Err(RequestError::Signalled),
        }
    }

    /// Waits, or advances a simulated clock. A signal ends the wait.
    pub fn pause(&mut self, clock: &Clock, wait: Duration) -> Result<(), RequestError> {
        let is_simulated = clock.is_simulated();
        if is_simulated && !self.is_signalled {
            clock.skip(wait);
        }
        if self.poll_signal(if is_simulated { Duration::ZERO } else { wait }) {
            return Err(RequestError::Signalled);
        }
        Ok(())
    }

    /// Reports whether SIGTERM or SIGINT has arrived; waits for one for at most `wait`.
    pub fn poll_signal(&mut self, wait: Duration) -> bool {
        // An abandoned request ends the run, so that any event here is a signal.
        self.is_signalled = self.is_signalled || self.event_rx.recv_timeout(wait).is_ok();
        self.is_signalled
    }

    fn request(&mut self, job: Job, time_left: Duration) -> Result<InFlight, RequestError> {
        self.start();
        self.job_tx.send(job).map_err(|_| RequestError::SenderEnded)?;
        Ok(InFlight { deadline: Instant::now() + time_left })
    }

    /// Starts the thread, and the handling of signals.
    pub fn start(&mut self) {
        let (Some(client), Some(job_rx)) = (self.client.take(), self.job_rx.take()) else { return };
        let event_tx = self.event_tx.clone();
        thread::spawn(move || {
            for job in job_rx {
                let started = Instant::now();
                let event = match job {
                    Job::Post(body, encoding, now) => {
                        Event::Posted(client.post(&body, encoding, now), started.elapsed())
                    }
                    Job::Identity(now) => Event::Identified(client.identity(now)),
                    Job::Digests(asked, now) => Event::Digested(client.digests(&asked, now)),
                    Job::Forget(request, now) => Event::Forgotten(client.forget(&request, now)),
                };
                if event_tx.send(event).is_err() {
                    return;
                }
            }
        });
        let event_tx = self.event_tx.clone();
        self.signals = Some(Signals::listen(move || drop(event_tx.send(Event::Signal))));
    }

    fn wait(&mut self, InFlight { mut deadline }: InFlight) -> Result<Event, RequestError> {
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            match self.event_rx.recv_timeout(time_left) {
                Ok(Event::Signal) => {
                    self.is_signalled = true;
                    deadline = deadline.min(Instant::now() + GRACE);
                }
                Ok(event) => return Ok(event),
                // The transport itself holds a sender, so that the error can only be the end of the time.
                Err(_) if self.is_signalled => return Err(RequestError::Signalled),
                Err(_) => return Err(RequestError::TimeUp),
            }
        }
    }
}
