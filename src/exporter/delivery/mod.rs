//! Delivery: sends batches to the receiver and applies its acknowledgements to the cursors.
//!
//! Cursors advance as the cursor rule in `batcher.rs` says. A fault of the endpoint counts against no session, a
//! rejection of a session delays no other, and a batch that is rejected as a whole is bisected until the rejected item is
//! alone.

/// The errors of a request.
pub mod request_error;
/// The interpretation of a response.
pub mod response;
/// The error of a request without a response.
mod transport_failure;
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
/// Builds batches from due sessions; advances cursors.
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
/// Requests to forget sessions.
pub mod forget;

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::exporter::batch::Batch;
use crate::exporter::batch::encode::{EncodedBody, encode};
use crate::exporter::context::Context;
use crate::exporter::delivery::acknowledge::validate_response;
use crate::exporter::delivery::batcher::Batcher;
use crate::exporter::delivery::body_fault::slow_batch;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::delivery::prefetch::{Prefetch, PreparedBatch};
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::rejection::TOO_LARGE;
use crate::exporter::delivery::request_error::RequestError;
use crate::exporter::delivery::response::{BatchDecision, BatchRejection, Rejecter};
use crate::exporter::delivery::transport::Transport;
use crate::exporter::environment::Environment;
use crate::exporter::outcome::{EarlyExit, StepResult, StopReason};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::plan::eligibility::Affiliations;
use crate::exporter::source::Source;
use crate::exporter::state::Destination;
use crate::protocol::{DigestsRequest, DigestsResponse, Identity};

/// The minimum time that must be left for a retry, and for the next batch after an acknowledgement; with less left, the
/// next run sends it.
const ATTEMPT_MIN: Duration = Duration::from_millis(500);
/// An attempt that used at least 1/`BUDGET_SHARE` of the time budget counts as slow; a shorter one proves nothing.
const BUDGET_SHARE: u32 = 2;
/// A batch that took less than 1/`FAST_SHARE` of the timeout was fast.
const FAST_SHARE: u32 = 4;

/// The delivery of one run.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// State, queue changes and report, and their saving.
    pub progress: Progress<'a>,
    transport: Transport,
    /// The end of the run's time budget, on the clock's `elapsed`.
    deadline: Duration,
    /// The duration from which an attempt that the time budget ended counts as slow.
    slow_after: Duration,
    /// True if a fault is retried within the run, after its backoff.
    pub retry_inline: bool,
    /// True if the last fault came with a `Retry-After`.
    pub asked_to_wait: bool,
    /// Code and message of the fault that the current attempt retries after.
    preceding_fault: Option<(String, String)>,
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
            preceding_fault: None,
        }
    }

    /// Shows the progress on a terminal from now on, of sessions with so many messages to send. Signals end the run in good order from now on, too, so that the
    /// terminal is clean behind them.
    pub fn show_progress(&mut self, environment: &Environment, due: &VecDeque<DueSession>, messages: u64) {
        self.transport.start();
        self.progress.show_line(environment, due, messages);
    }

    /// Waits before the first request; the time budget counts from after the wait.
    pub fn wait(&mut self, duration: Duration) -> StepResult<()> {
        self.deadline += duration;
        self.transport.pause(self.progress.batcher.clock, duration).map_err(EarlyExit::from)
    }

    /// Requests the identity and records it in the state. Returns true if the identity is a new one.
    pub fn fetch_identity(&mut self) -> StepResult<bool> {
        let Destination { backoff, last_error, .. } = self.progress.destination();
        let before = (backoff.clone(), last_error.clone());
        loop {
            let time_left = self.time_left()?;
            let now = self.progress.batcher.clock.now();
            self.progress.set_dirty();
            let started = self.progress.batcher.clock.elapsed();
            let identity = self.transport.identity(now, time_left);
            self.log_identity(started, &identity);
            match identity {
                Ok(identity) => {
                    // The faults of this request are over; those of batches are not.
                    self.preceding_fault = None;
                    let destination = self.progress.destination_mut();
                    (destination.backoff, destination.last_error) = before.clone();
                    match self.progress.batcher.state.record_identity(identity, now) {
                        Ok(is_changed) => return Ok(is_changed),
                        Err(message) => self.wait_to_retry(&RequestError::NotReceiver { message })?,
                    }
                }
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
                    self.preceding_fault = None;
                    self.progress.set_dirty();
                    self.progress.clear_faults();
                    return Ok(digests);
                }
                Err(error) => self.wait_to_retry(&error)?,
            }
        }
    }

    /// Writes a request for the identity to `sync.log`.
    fn log_identity(&self, started: Duration, identity: &Result<Option<Identity>, RequestError>) {
        let (status, reason) = match identity {
            Ok(Some(_)) => ("known", None),
            Ok(None) => ("unsupported", None),
            Err(error) => (error.code(), Some(error.own_message().to_owned())),
        };
        let took = self.progress.batcher.clock.elapsed().saturating_sub(started);
        let fields = [
            ("status", status.into()),
            ("durationMs", (took.as_millis() as u64).into()),
            ("reason", reason.into()),
        ];
        self.progress.log_operation("identity", &fields);
    }

    /// Sends everything in `due`, from its front.
    pub fn deliver(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        due: &mut VecDeque<DueSession>,
    ) -> StepResult<()> {
        if !due.is_empty() && self.progress.is_probe_due() {
            let endpoint_is_well = self.send_heartbeat()?;
            self.progress.act_on_earlier_suspicions(endpoint_is_well, due);
        }
        let mut prefetch = Prefetch::default();
        while let Some(prepared) = prefetch.next(&mut self.progress.batcher, source, affiliations, due)? {
            // Saves that the fields changed before they are sent. Otherwise, after a kill, fields that change back would
            // look sent.
            if self.progress.batcher.fields_changed {
                self.progress.save()?;
            }
            let is_complete = self.send(prepared, due, |batcher, in_flight, due| {
                prefetch.fill(batcher, source, affiliations, due, in_flight);
            })?;
            // After an incomplete acknowledgement other rows are due. After a retry the prefetched timestamps are outdated.
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

    /// Sends a batch until it is acknowledged or rejected, its session is set aside, or the next batch has to be smaller;
    /// calls `prefetch` once it is in flight. Returns true if all of it was acknowledged at the first attempt.
    fn send(
        &mut self,
        prepared: PreparedBatch,
        due: &mut VecDeque<DueSession>,
        prefetch: impl FnOnce(&mut Batcher, &Batch, &mut VecDeque<DueSession>),
    ) -> StepResult<bool> {
        let (batch, mut body) = prepared.wait()?;
        self.time_left()?;
        let compressed_bytes_max = self.progress.batcher.compressed_bytes_max();
        if compressed_bytes_max.is_some_and(|max| body.bytes.len() as u64 > max) && !batch.chunks.is_empty() {
            let message = "larger than the receiver's maxBodyBytes".to_owned();
            let rejection = BatchRejection { by: Rejecter::Exporter, status: TOO_LARGE, message };
            self.progress.reject_batch(&batch, &rejection, due);
            return Ok(false);
        }
        let mut is_first = true;
        let mut prefetch = Some(prefetch);
        loop {
            let time_left = self.time_left()?;
            if !is_first {
                body = self.encode_again(&batch)?;
            }
            let started = self.progress.batcher.clock.elapsed();
            let result = self.post(&body, time_left, |batcher| {
                if let Some(prefetch) = prefetch.take() {
                    prefetch(batcher, &batch, due);
                }
            });
            self.log_attempt(&batch, &body, started, &result);
            match self.act_on(result, &batch, &body, time_left, due)? {
                Attempt::Acknowledged => return Ok(is_first),
                Attempt::Incomplete => return Ok(false),
                Attempt::Retry => (is_first, prefetch) = (false, None),
            }
        }
    }

    /// Encodes the payload of a batch anew, because the payload states the time of sending.
    fn encode_again(&self, batch: &Batch) -> StepResult<EncodedBody> {
        let batcher = &self.progress.batcher;
        let envelope = batcher.envelope(batch, &[], batcher.clock.now())?;
        Ok(encode(envelope, batch.has_content, batcher.encoding()).context("cannot compress a batch")?)
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
        let request = self.transport.post(body, now, time_left)?;
        meanwhile(&mut self.progress.batcher);
        self.transport.response(request)
    }

    /// Writes an attempt to send a batch to `sync.log`.
    fn log_attempt(
        &self,
        batch: &Batch,
        body: &EncodedBody,
        started: Duration,
        decision: &Result<(BatchDecision, Duration), RequestError>,
    ) {
        let (status, reason) = match decision {
            Ok((BatchDecision::Response(response), _)) if response.errors.is_empty() => {
                ("acknowledged", None)
            }
            Ok((BatchDecision::Response(_), _)) => ("partial", None),
            Ok((BatchDecision::BatchRejected(rejection), _)) => {
                ("rejected", Some(format!("HTTP {}", rejection.status)))
            }
            Ok((BatchDecision::EncodingRefused, _)) => ("encoding_refused", None),
            Err(error) => (error.code(), Some(error.own_message().to_owned())),
        };
        let took = self.progress.batcher.clock.elapsed().saturating_sub(started);
        let report = &self.progress.report;
        self.progress.log_operation(
            if batch.chunks.is_empty() { "heartbeat" } else { "batch" },
            &[
                ("batch", (report.batches + 1).into()),
                ("attempt", report.attempts.into()),
                ("status", status.into()),
                ("sessions", batch.chunks.len().into()),
                ("messages", batch.messages.into()),
                ("tasks", batch.tasks.into()),
                ("bytes", body.bytes.len().into()),
                ("bytesUncompressed", body.inflated_bytes.into()),
                ("durationMs", (took.as_millis() as u64).into()),
                ("reason", reason.into()),
            ],
        );
    }

    /// Acts on the result of an attempt: acknowledges, rejects, or waits for the retry.
    fn act_on(
        &mut self,
        result: Result<(BatchDecision, Duration), RequestError>,
        batch: &Batch,
        body: &EncodedBody,
        time_left: Duration,
        due: &mut VecDeque<DueSession>,
    ) -> StepResult<Attempt> {
        if result.is_ok() {
            self.preceding_fault = None;
        }
        let error = match result {
            Ok((BatchDecision::Response(response), duration)) => {
                match validate_response(batch.chunks.iter().map(|chunk| chunk.session_id.as_str()), &response)
                {
                    Ok(named) => {
                        self.record_acknowledged(batch, body, duration);
                        self.progress.apply_response(batch, &named, due);
                        self.progress.update_line();
                        // One of which all sessions are forgotten stores nothing, and the receiver does not count it.
                        if response.processed > 0 {
                            self.progress.destination_mut().verification.count_batch();
                        }
                        let is_complete = named.rejected.is_empty() && named.forgotten.is_empty();
                        return Ok(if is_complete { Attempt::Acknowledged } else { Attempt::Incomplete });
                    }
                    Err(message) => RequestError::fault(message),
                }
            }
            Ok((BatchDecision::BatchRejected(rejection), _)) if batch.chunks.is_empty() => {
                RequestError::NotReceiver { message: format!("{rejection}, though it was empty") }
            }
            Ok((BatchDecision::BatchRejected(rejection), _)) => {
                self.progress.reject_batch(batch, &rejection, due);
                return Ok(Attempt::Incomplete);
            }
            // At once, since the batch itself is not in question.
            Ok((BatchDecision::EncodingRefused, _)) => {
                let now = self.progress.batcher.clock.now();
                limits::refuse_zstd(self.progress.destination_mut(), now);
                return Ok(Attempt::Retry);
            }
            Err(RequestError::TimeUp) if time_left >= self.slow_after => {
                slow_batch(batch, body.inflated_bytes, time_left)
            }
            // The endpoint has responded in this run, and a short attempt proves nothing against it.
            Err(RequestError::TimeUp) if self.progress.report.batches > 0 => {
                return Err(StopReason::TimeUp.into());
            }
            Err(error) => error,
        };
        let suspicion = self.progress.suspect(&error, batch);
        self.wait_to_retry(&error)?;
        let Some(suspicion) = suspicion else { return Ok(Attempt::Retry) };
        let endpoint_is_well = self.send_heartbeat()?;
        let is_changed = self.progress.act_on_suspicion(&suspicion, batch, endpoint_is_well, due);
        Ok(if is_changed { Attempt::Incomplete } else { Attempt::Retry })
    }

    /// Counts an acknowledged batch in the report, and raises the learned limit if the batch was fast.
    fn record_acknowledged(&mut self, batch: &Batch, body: &EncodedBody, duration: Duration) {
        let progress = &mut self.progress;
        progress.report.batches += 1;
        progress.report.bytes_sent += body.bytes.len() as u64;
        progress.report.bytes_uncompressed += body.inflated_bytes;
        if duration * FAST_SHARE < progress.batcher.config.timeout && batch.is_full {
            let bytes_max = progress.batcher.config.batch_bytes;
            limits::raise(progress.destination_mut(), bytes_max);
        }
    }

    /// Records a failed request, and waits for the retry. Stops if the error is not retryable, inline retries are off, or
    /// the time budget does not suffice.
    fn wait_to_retry(&mut self, error: &RequestError) -> StepResult<()> {
        if matches!(error, RequestError::Signalled | RequestError::SenderEnded) {
            return Err(error.clone().into());
        }
        let retry_after = error.retry_after();
        let (code, message) = match (error, self.preceding_fault.take()) {
            // The preceding fault explains more than the end of the time budget.
            (RequestError::TimeUp, Some(fault)) => fault,
            _ => (error.code().to_owned(), error.message().to_owned()),
        };
        self.preceding_fault = Some((code.clone(), message.clone()));
        let (attempts, wait) = self.progress.record_fault(&code, message, retry_after);
        self.asked_to_wait = retry_after.is_some_and(|wait| !wait.is_zero());
        let clock = self.progress.batcher.clock;
        let is_too_late = clock.elapsed() + wait + ATTEMPT_MIN >= self.deadline;
        if !error.is_retryable() || !self.retry_inline || is_too_late {
            return Err(error.clone().into());
        }
        self.progress.log.info(
            "retry",
            &format!("{}; retrying in {} s", error.message(), wait.as_secs()),
            &[("attempts", Value::from(attempts)), ("waitMs", Value::from(wait.as_millis() as u64))],
        );
        self.transport.pause(clock, wait).map_err(EarlyExit::from)
    }

    /// The rest of the time budget. Stops if the rest is too short for another request, or a signal has arrived.
    fn time_left(&mut self) -> Result<Duration, StopReason> {
        if self.transport.poll_signal(Duration::ZERO) {
            return Err(StopReason::Signalled);
        }
        // A run that has delivered nothing yet makes an attempt all the same, or a small budget would deliver nothing ever.
        let min = if self.progress.report.batches > 0 { ATTEMPT_MIN } else { Duration::ZERO };
        match self.deadline.checked_sub(self.progress.batcher.clock.elapsed()) {
            Some(left) if left > min => Ok(left),
            _ => Err(StopReason::TimeUp),
        }
    }
}
