//! Delivery: batches to the receiver, acknowledgements back to the cursors.
//!
//! Cursors advance as the cursor rule in `batcher.rs` says. A fault of the endpoint counts against no session, a
//! rejection of a session delays no other, and a batch that is rejected as a whole is bisected until the rejected item is
//! alone.

/// The errors of a request.
pub mod request_error;
/// The interpretation of a response.
pub mod response;
/// The error of a request without a response.
mod connect_error;
/// The certificate authorities in `caFile`.
mod authorities;
/// The HTTP agent.
pub mod agent;
/// The HTTP client.
pub mod client;
/// SIGTERM and SIGINT during the requests.
mod signals;
/// The sender thread.
mod transport;
/// The binary search for a rejected item.
mod bisect;
/// The limits of a batch.
mod limits;
/// Due sessions into batches, acknowledgements into cursors.
pub mod batcher;
/// The next batches, read and encoded while one is in flight.
mod prefetch;
/// State and report in memory, and their saving.
pub mod progress;
/// The rejection of a session or a batch.
mod rejection;
/// Faults that may depend on the body.
mod body_fault;
/// The acknowledgement of a batch.
pub mod acknowledge;

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::exporter::batch::Batch;
use crate::exporter::batch::encode::{EncodedBody, encode};
use crate::exporter::context::Context;
use crate::exporter::delivery::acknowledge::validate_response;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::delivery::prefetch::{Prefetch, PreparedBatch};
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::rejection::TOO_LARGE;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response::BatchDecision;
use crate::exporter::delivery::transport::Transport;
use crate::exporter::outcome::{StepResult, StopReason};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::Affiliations;
use crate::exporter::source::Source;
use crate::protocol::{DigestsRequest, DigestsResponse};

/// The time that an attempt needs at least; with less left, the next run retries.
const ATTEMPT_MIN: Duration = Duration::from_millis(500);
/// The share of the time budget after which a batch is slow, as a divisor: the rest of a budget says nothing.
const BUDGET_SHARE: u32 = 2;
/// The share of the timeout below which a batch was fast, as a divisor.
const FAST_SHARE: u32 = 4;

/// The delivery of one run.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Batches, acknowledgements and report so far.
    pub progress: Progress<'a>,
    transport: Transport,
    /// The end of the run's time budget, on the clock's `elapsed`.
    deadline: Duration,
    /// The time of one attempt after which a batch is slow, even if the time budget ends before the timeout.
    slow_after: Duration,
    /// True if a fault is retried within the run, after its backoff.
    pub retry_inline: bool,
    /// True if the last fault came with a `Retry-After`.
    pub asked_to_wait: bool,
}

/// The result of one attempt to send a batch.
enum Attempt {
    /// All of the batch is acknowledged.
    Acknowledged,
    /// Part or all of the batch is rejected, or the next batch has to be smaller: what is prefetched is void.
    Incomplete,
    /// A fault; the backoff is over, and the batch is sent again.
    Retry,
}

impl<'a> Delivery<'a> {
    /// Prepares the delivery; sends nothing.
    pub fn new(batcher: Batcher<'a>, client: HttpClient, context: &'a Context) -> Delivery<'a> {
        Delivery {
            progress: Progress::new(batcher, context),
            transport: Transport::new(client),
            deadline: context.max_time,
            slow_after: context.config.timeout.min(context.max_time / BUDGET_SHARE),
            retry_inline: true,
            asked_to_wait: false,
        }
    }

    /// Waits before the first request; the time budget counts from after the wait.
    pub fn wait(&mut self, duration: Duration) -> StepResult<()> {
        self.deadline += duration;
        self.transport
            .pause(self.progress.batcher.clock, duration)
            .map_err(|error| error.stop_reason().into())
    }

    /// Requests the identity and records it in the state. Returns true if the identity is a new one.
    pub fn fetch_identity(&mut self) -> StepResult<bool> {
        loop {
            let time_left = self.time_left()?;
            let now = self.progress.batcher.clock.now();
            self.progress.set_dirty();
            match self.transport.identity(now, time_left) {
                Ok(identity) => match self.progress.batcher.state.record_identity(identity, now) {
                    Ok(is_changed) => return Ok(is_changed),
                    Err(message) => self.wait_to_retry(&RequestError::NotReceiver { message })?,
                },
                Err(error) => self.wait_to_retry(&error)?,
            }
        }
    }

    /// Requests digests of sessions; `None` if the receiver has none.
    pub fn digests(&mut self, asked: &DigestsRequest) -> StepResult<Option<DigestsResponse>> {
        loop {
            let time_left = self.time_left()?;
            let now = self.progress.batcher.clock.now();
            match self.transport.digests(asked.clone(), now, time_left) {
                Ok(digests) => {
                    self.progress.set_dirty();
                    self.progress.clear_faults();
                    return Ok(digests);
                }
                Err(error) => self.wait_to_retry(&error)?,
            }
        }
    }

    /// Sends everything in `due`, from its front.
    pub fn deliver(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
    ) -> StepResult<()> {
        let mut prefetch = Prefetch::default();
        while let Some(prepared) = prefetch.next(&mut self.progress.batcher, source, affiliations, due)? {
            // Write-ahead: after a kill, fields that have changed back count as unsent.
            if self.progress.batcher.fields_changed {
                self.progress.save()?;
            }
            let is_complete = self.send(prepared, due, |batcher, in_flight, due| {
                prefetch.fill(batcher, source, affiliations, due, in_flight);
            })?;
            // After an incomplete acknowledgement the rows are others; after a retry the payloads state a time before the
            // backoff.
            if !is_complete {
                prefetch.discard();
            }
            // The end of the run saves what the last batch changed.
            if !due.is_empty() {
                self.progress.save_if_due()?;
            }
        }
        Ok(())
    }

    /// Sends a heartbeat: an empty batch. Returns true if it was acknowledged at the first attempt.
    pub fn send_heartbeat(&mut self) -> StepResult<bool> {
        let heartbeat = PreparedBatch::start(&self.progress.batcher, Batch::default(), 0, &[])?;
        self.send(heartbeat, &mut VecDeque::new(), |_, _, _| {})
    }

    /// Sends a batch until it is acknowledged or rejected; calls `prefetch` once it is in flight. Returns true if all
    /// of it was acknowledged at the first attempt.
    fn send(
        &mut self,
        prepared: PreparedBatch,
        due: &mut VecDeque<DueSession>,
        prefetch: impl FnOnce(&mut Batcher, &Batch, &mut VecDeque<DueSession>),
    ) -> StepResult<bool> {
        let (batch, mut body) = prepared.wait()?;
        let compressed_bytes_max = self.progress.batcher.compressed_bytes_max();
        if compressed_bytes_max.is_some_and(|max| body.bytes.len() as u64 > max) && !batch.chunks.is_empty() {
            let message = "larger than the receiver's maxBodyBytes";
            self.progress.reject_batch(&batch, TOO_LARGE, message, due);
            return Ok(false);
        }
        let mut prefetch = Some(prefetch);
        loop {
            let time_left = self.time_left()?;
            let is_first = prefetch.is_some();
            if !is_first {
                body = self.encode_again(&batch)?;
            }
            let decision = self.post(&body, time_left, |batcher| {
                if let Some(prefetch) = prefetch.take() {
                    prefetch(batcher, &batch, due);
                }
            });
            match self.act_on(decision, &batch, &body, time_left, due)? {
                Attempt::Acknowledged => return Ok(is_first),
                Attempt::Incomplete => return Ok(false),
                Attempt::Retry => prefetch = None,
            }
        }
    }

    /// Encodes the payload of a batch anew, because the payload states the time of sending.
    fn encode_again(&self, batch: &Batch) -> StepResult<EncodedBody> {
        let batcher = &self.progress.batcher;
        let envelope = batcher.envelope(batch, &[], batcher.clock.now())?;
        Ok(encode(envelope, batch.has_content).context("cannot compress a batch")?)
    }

    /// Posts a body and waits for the response; calls `meanwhile` once the request is in flight.
    fn post(
        &mut self,
        body: &EncodedBody,
        time_left: Duration,
        meanwhile: impl FnOnce(&mut Batcher),
    ) -> Result<(BatchDecision, Duration), RequestError> {
        self.progress.set_dirty();
        self.progress.report.attempts += 1;
        let now = self.progress.batcher.clock.now();
        let request = self.transport.post(body.bytes.clone(), now, time_left)?;
        meanwhile(&mut self.progress.batcher);
        self.transport.response(request)
    }

    /// Acts on the result of an attempt: acknowledges, rejects, or waits for the retry.
    fn act_on(
        &mut self,
        decision: Result<(BatchDecision, Duration), RequestError>,
        batch: &Batch,
        body: &EncodedBody,
        time_left: Duration,
        due: &mut VecDeque<DueSession>,
    ) -> StepResult<Attempt> {
        let is_empty = batch.chunks.is_empty();
        let error = match decision {
            Ok((BatchDecision::Response(response), duration)) => {
                match validate_response(batch.chunks.iter().map(|chunk| chunk.session_id.as_str()), &response)
                {
                    Ok(rejections) => {
                        self.count_acknowledged(batch, body, duration);
                        self.progress.apply_response(batch, &rejections, due);
                        // One of which all sessions are forgotten stores nothing, and the receiver does not count it.
                        if response.processed > 0 {
                            self.progress.destination_mut().verification.count_batch();
                        }
                        let is_complete = rejections.is_empty();
                        return Ok(if is_complete { Attempt::Acknowledged } else { Attempt::Incomplete });
                    }
                    Err(message) => RequestError::fault(message),
                }
            }
            Ok((BatchDecision::BatchRejected { status, message }, _)) if !is_empty => {
                self.progress.clear_faults();
                self.progress.reject_batch(batch, status, &message, due);
                return Ok(Attempt::Incomplete);
            }
            Ok((BatchDecision::BatchRejected { status, message }, _)) => RequestError::NotReceiver {
                message: format!("the receiver rejected a heartbeat ({status}: {message})"),
            },
            Err(RequestError::TimeUp) if time_left >= self.slow_after && !is_empty => {
                self.progress.slow_batch(body.inflated_bytes, time_left)
            }
            Err(error) => error,
        };
        let suspicion = self.progress.suspect(&error, batch, body.inflated_bytes);
        self.wait_to_retry(&error)?;
        let Some(suspicion) = suspicion else { return Ok(Attempt::Retry) };
        let endpoint_is_well = self.send_heartbeat()?;
        let is_changed = self.progress.act_on_suspicion(&suspicion, batch, endpoint_is_well, due);
        Ok(if is_changed { Attempt::Incomplete } else { Attempt::Retry })
    }

    fn count_acknowledged(&mut self, batch: &Batch, body: &EncodedBody, duration: Duration) {
        let progress = &mut self.progress;
        progress.report.batches += 1;
        progress.report.bytes_sent += body.bytes.len() as u64;
        progress.report.bytes_uncompressed += body.inflated_bytes;
        if duration * FAST_SHARE < progress.batcher.config.timeout && !batch.chunks.is_empty() {
            let bytes_max = progress.batcher.config.batch_bytes;
            limits::raise(progress.destination_mut(), bytes_max);
        }
    }

    /// Records an error of a request, and waits for the retry. Stops if the error is not retryable, inline retries are off,
    /// or the time budget does not suffice.
    fn wait_to_retry(&mut self, error: &RequestError) -> StepResult<()> {
        if *error == RequestError::Signalled {
            return Err(StopReason::Signalled.into());
        }
        let retry_after = error.retry_after();
        let last_error = &self.progress.destination().last_error;
        let message = match (error, last_error) {
            // The fault for which there was no second attempt says more.
            (RequestError::TimeUp, Some(last)) => last.message.clone(),
            _ => error.message().to_owned(),
        };
        let (attempts, wait) = self.progress.record_fault(message, retry_after);
        self.asked_to_wait = retry_after.is_some_and(|wait| !wait.is_zero());
        let clock = self.progress.batcher.clock;
        let is_too_late = clock.elapsed() + wait + ATTEMPT_MIN >= self.deadline;
        if !error.is_retryable() || !self.retry_inline || is_too_late {
            return Err(error.stop_reason().into());
        }
        self.progress.log.info(
            "retry",
            &format!("{}; retrying in {} s", error.message(), wait.as_secs()),
            &[("attempts", Value::from(attempts)), ("waitMs", Value::from(wait.as_millis() as u64))],
        );
        self.transport.pause(clock, wait).map_err(|error| error.stop_reason())?;
        Ok(())
    }

    fn time_left(&mut self) -> Result<Duration, StopReason> {
        if self.transport.poll_signal(Duration::ZERO) {
            return Err(StopReason::Signalled);
        }
        match self.deadline.checked_sub(self.progress.batcher.clock.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(StopReason::TimeUp),
        }
    }
}
