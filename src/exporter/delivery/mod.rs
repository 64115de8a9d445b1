//! Batches out, acknowledgements in.
//!
//! Cursors move only for what the receiver acknowledged. Faults of the endpoint count against no session, refusals of a
//! session hold up no other, and a batch that is refused as a whole is halved until its culprit stands alone.

pub mod batcher;
pub mod client;
pub mod transport;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

use crate::exporter::backoff;
use crate::exporter::batch::encode::encode;
use crate::exporter::batch::{Batch, PreparedBatch};
use crate::exporter::context::Context;
use crate::exporter::delivery::batcher::{Batcher, PendingSession};
use crate::exporter::delivery::client::{Failure, Identified, Posted};
use crate::exporter::delivery::transport::{Cut, Transport};
use crate::exporter::error::Error;
use crate::exporter::log::Log;
use crate::exporter::plan::eligibility::Affiliations;
use crate::exporter::report::Report;
use crate::exporter::source::Source;
use crate::exporter::state::queue::{Change, Client, Queue};
use crate::exporter::state::{Backoff, Destination, LastError};
use crate::protocol::{SyncError, SyncResponse, code};

/// Saving takes at most this share of the time spent sending: small states are saved after every batch, large ones
/// when it is worth it. A kill costs re-sending of what was not saved, nothing else.
const SAVE_SHARE: u32 = 20;
/// A try needs some time to come to an end; with less than this left, it is the next run's.
const TRY_MIN: Duration = Duration::from_millis(500);
/// A batch that took less than this share of the time-out passed with ease.
const EASE: u32 = 4;

/// Batches made ready beside the one under way: as many as keep two processors busy with cutting and compressing.
const AHEAD_MAX: usize = 3;
/// No more are made ready beyond so many bytes before compression, so that large messages do not pile up.
const AHEAD_BYTES_MAX: usize = 4 << 20;

/// Why the delivery ended before everything was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    TimeUp,
    Interrupted,
    /// The endpoint is in trouble; the next retry is noted.
    Fault,
    KeyRefused,
    NotReceiver,
}

/// What a delivery works with.
#[derive(Debug)]
pub struct Delivery<'a> {
    pub cutter: Batcher<'a>,
    log: &'a Log,
    folder: &'a Path,
    line: Transport,
    /// By when the run is to end, on the clock's `elapsed`.
    deadline: Duration,
    pub report: Report,
    /// Sessions of which something was acknowledged.
    pub acknowledged: HashSet<String>,
    /// Whether to wait within the run for the next try after a fault.
    pub is_patient: bool,
    /// Whether the last fault came with a time to wait.
    pub asked_to_wait: bool,
    /// Whether the state is to be saved.
    dirty: bool,
    saved_at: Instant,
    save_cost: Duration,
}

impl<'a> Delivery<'a> {
    pub fn new(cutter: Batcher<'a>, line: Transport, context: &'a Context) -> Delivery<'a> {
        Delivery {
            cutter,
            log: &context.log,
            folder: &context.folder,
            line,
            deadline: context.max_time,
            report: Report::default(),
            acknowledged: HashSet::new(),
            is_patient: true,
            asked_to_wait: false,
            dirty: false,
            saved_at: Instant::now(),
            save_cost: Duration::ZERO,
        }
    }

    /// Whether anything is to be saved.
    pub fn is_dirty(&self) -> bool {
        self.dirty || !self.cutter.changes.is_empty()
    }

    /// The state is to be saved, whatever becomes of the run.
    pub fn keep_state(&mut self) {
        self.dirty = true;
    }

    pub fn destination(&self) -> &Destination {
        &self.cutter.state.destination
    }

    pub fn destination_mut(&mut self) -> &mut Destination {
        &mut self.cutter.state.destination
    }

    /// Learns who the key stands for. Returns whether that changed anything.
    pub fn learn_identity(&mut self) -> Result<Result<bool, StopReason>, Error> {
        loop {
            let limit = match self.time_left() {
                Ok(limit) => limit,
                Err(halt) => return Ok(Err(halt)),
            };
            let now = self.cutter.clock.now();
            self.dirty = true;
            let learned = match self.line.identity(now, limit) {
                Ok(Identified::Known(identity)) => Some(*identity),
                Ok(Identified::Unsupported) => None,
                Ok(Identified::Failed(failure)) => match self.fault(&failure)? {
                    Ok(()) => continue,
                    Err(halt) => return Ok(Err(halt)),
                },
                Err(cut) => return Ok(Err(self.cut_off(cut))),
            };
            return Ok(Ok(self.cutter.state.learn_identity(learned, now)));
        }
    }

    /// Sends everything in `work`, from its front. While one batch is under way the next ones are made ready, as if it
    /// were acknowledged; whatever else becomes of it, and where han has written since, they are cut again.
    pub fn deliver(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        work: &mut VecDeque<PendingSession>,
    ) -> Result<Result<(), StopReason>, Error> {
        let mut ahead: VecDeque<PreparedBatch> = VecDeque::new();
        loop {
            let version = source.version()?;
            // What han has written since may say that a session is to stay here.
            let first = match ahead.pop_front().filter(|prepared| prepared.version == version) {
                Some(prepared) => prepared,
                None => {
                    ahead.clear();
                    match self.cutter.cut(source, affiliations, work, &[])? {
                        Some(batch) => self.prepare(batch, version, &[])?,
                        None => return Ok(Ok(())),
                    }
                }
            };
            // Fields may change back while this run is killed over its answer: then they are to be sent once more.
            if self.cutter.fields_changed {
                self.save()?;
            }
            let ends_well = self.send(first, work, |delivery, sent, work| {
                delivery.cut_ahead(source, affiliations, work, sent, &mut ahead);
            })?;
            match ends_well {
                Err(halt) => return Ok(Err(halt)),
                Ok(true) => {}
                Ok(false) => ahead.clear(),
            }
            // With nothing left the run saves at once what it saves at its end.
            if !work.is_empty() {
                self.save_if_worth_it()?;
            }
        }
    }

    /// Makes batches ready that follow the one under way. What goes wrong is found again when their turn comes.
    fn cut_ahead(
        &mut self,
        source: &Source,
        affiliations: &Affiliations,
        work: &mut VecDeque<PendingSession>,
        underway: &Batch,
        ahead: &mut VecDeque<PreparedBatch>,
    ) {
        loop {
            let before: Vec<&Batch> =
                std::iter::once(underway).chain(ahead.iter().map(|prepared| &prepared.batch)).collect();
            let bytes: usize =
                before.iter().skip(1).flat_map(|batch| &batch.chunks).map(|part| part.bytes).sum();
            if before.len() > AHEAD_MAX || bytes >= AHEAD_BYTES_MAX {
                return;
            }
            let Ok(version) = source.version() else { return };
            let Ok(Some(batch)) = self.cutter.cut(source, affiliations, work, &before) else { return };
            let Ok(prepared) = self.prepare(batch, version, &before) else { return };
            ahead.push_back(prepared);
        }
    }

    fn prepare(&self, batch: Batch, version: i64, ahead: &[&Batch]) -> Result<PreparedBatch, Error> {
        let document = self.cutter.document(&batch, ahead, self.cutter.clock.now())?;
        Ok(PreparedBatch::new(batch, version, document))
    }

    /// Sends an empty batch, so that the receiver can tell idle from dead.
    pub fn send_heartbeat(&mut self) -> Result<Result<(), StopReason>, Error> {
        let heartbeat = self.prepare(Batch::default(), 0, &[])?;
        Ok(self.send(heartbeat, &mut VecDeque::new(), |_, _, _| {})?.map(|_| ()))
    }

    /// Sends one batch until it is acknowledged, refused, or the delivery halts; calls `meanwhile` once it is under way.
    /// Returns whether all of it was acknowledged at the first try.
    fn send(
        &mut self,
        prepared: PreparedBatch,
        work: &mut VecDeque<PendingSession>,
        mut meanwhile: impl FnMut(&mut Self, &Batch, &mut VecDeque<PendingSession>),
    ) -> Result<Result<bool, StopReason>, Error> {
        let (batch, mut body) = prepared.finish()?;
        let sent = body.bytes.len() as u64;
        if self.cutter.body_bytes_max().is_some_and(|max| sent > max) && !batch.chunks.is_empty() {
            self.refuse_batch(&batch, 413, "larger than the receiver's maxBodyBytes".to_owned(), work);
            return Ok(Ok(false));
        }
        let mut is_first_try = true;
        loop {
            let limit = match self.time_left() {
                Ok(limit) => limit,
                Err(halt) => return Ok(Err(halt)),
            };
            let now = self.cutter.clock.now();
            if !is_first_try {
                // It says when it was sent.
                let document = self.cutter.document(&batch, &[], now)?;
                body = encode(document, batch.has_content).context("cannot compress a batch")?;
            }
            let (inflated, sent) = (body.inflated_bytes, body.bytes.len() as u64);
            self.dirty = true;
            self.report.attempts += 1;
            let answer = self.line.post(body.bytes.clone(), now, limit);
            if is_first_try && answer.is_ok() {
                meanwhile(self, &batch, work);
            }
            let (posted, took) = match answer.and_then(|request| self.line.answer(request)) {
                Ok(answer) => answer,
                Err(cut) => {
                    // It had all the time that a request may take without progress, and made too little.
                    if cut == Cut::TimeUp && limit >= self.cutter.config.timeout && !batch.chunks.is_empty() {
                        self.cutter.learn_limit(inflated as usize, true);
                    }
                    return Ok(Err(self.cut_off(cut)));
                }
            };
            let failure = match posted {
                Posted::Answered(answer) => {
                    match check(batch.chunks.iter().map(|part| part.session_id.as_str()), &answer) {
                        Ok(refusals) => {
                            if took * EASE < self.cutter.config.timeout && !batch.chunks.is_empty() {
                                self.cutter.ease_limit();
                            }
                            self.report.batches += 1;
                            self.report.bytes_sent += sent;
                            self.report.bytes_uncompressed += inflated;
                            self.acknowledge(&batch, &refusals, work);
                            return Ok(Ok(is_first_try && refusals.is_empty()));
                        }
                        Err(why) => Failure::Fault { message: why, retry_after: None, timed_out: false },
                    }
                }
                Posted::BatchRefused { status, message } if !batch.chunks.is_empty() => {
                    // The endpoint is well: it read the batch.
                    self.destination_mut().backoff = Backoff::default();
                    self.destination_mut().last_error = None;
                    self.refuse_batch(&batch, status, message, work);
                    return Ok(Ok(false));
                }
                Posted::BatchRefused { status, message } => Failure::NotReceiver {
                    message: format!("the receiver refused an empty batch ({status}: {message})"),
                },
                Posted::Failed(failure) => failure,
            };
            is_first_try = false;
            let halve = self.note_time_out(&failure, &batch, inflated);
            match self.fault(&failure)? {
                Err(halt) => return Ok(Err(halt)),
                // Cut again, smaller.
                Ok(()) if halve => return Ok(Ok(false)),
                Ok(()) => {}
            }
        }
    }

    /// Two time-outs in a row, in this run or the last, halve the batch; the size is remembered.
    fn note_time_out(&mut self, failure: &Failure, batch: &Batch, inflated: u64) -> bool {
        let timed_out = matches!(failure, Failure::Fault { timed_out: true, .. });
        let time_outs = &mut self.destination_mut().backoff.time_outs;
        *time_outs = if timed_out { time_outs.saturating_add(1) } else { 0 };
        if *time_outs < 2 || batch.chunks.is_empty() {
            return false;
        }
        *time_outs = 0;
        self.cutter.learn_limit(inflated as usize, true);
        true
    }

    /// Moves the cursors of all sessions that the answer does not refuse.
    fn acknowledge(
        &mut self,
        batch: &Batch,
        refusals: &HashMap<&str, &SyncError>,
        work: &mut VecDeque<PendingSession>,
    ) {
        let (messages, tasks) =
            self.cutter.acknowledge(batch, |session| !refusals.contains_key(session), work);
        for part in &batch.chunks {
            let Some(refusal) = refusals.get(part.session_id.as_str()) else {
                self.acknowledged.insert(part.session_id.clone());
                continue;
            };
            let message = client::printable(&refusal.message);
            let place = work.iter().position(|work| work.session_id == part.session_id);
            self.refuse_session(place, work, &refusal.code, message, false);
        }
        let now = self.cutter.clock.now();
        let destination = self.destination_mut();
        destination.backoff = Backoff::default();
        destination.last_error = None;
        destination.statistics.last_contact_at = Some(now);
        destination.statistics.add(messages, tasks);
        if !batch.chunks.is_empty() {
            destination.statistics.last_sync_at = Some(now);
        }
        self.report.messages_sent += messages;
        self.report.tasks_sent += tasks;
        self.log.info(
            "batch",
            &format!("sent {messages} messages and {tasks} tasks of {} sessions", batch.chunks.len()),
            &[
                ("messages", Value::from(messages)),
                ("tasks", Value::from(tasks)),
                ("sessions", Value::from(batch.chunks.len())),
                ("refused", Value::from(refusals.len())),
            ],
        );
    }

    /// The receiver took none of a batch: look for the culprit, by halves.
    fn refuse_batch(
        &mut self,
        batch: &Batch,
        status: u16,
        message: String,
        work: &mut VecDeque<PendingSession>,
    ) {
        self.log.info(
            "batch_refused",
            &format!("the receiver refused a batch ({status}: {message}); sending it in smaller parts"),
            &[("status", Value::from(status)), ("sessions", Value::from(batch.chunks.len()))],
        );
        if self.cutter.halve(batch, status == 413, work) {
            return;
        }
        let Some(part) = batch.chunks.first() else { return };
        let Some(place) = work.iter().position(|work| work.session_id == part.session_id) else { return };
        // It stands alone.
        self.cutter.search = None;
        let name = format!("HTTP_{status}");
        if part.only_message.is_some() {
            part.skip_rejected(self.destination_mut());
            work[place].refused_rows.extend(part.only_message.map(|(rowid, _)| rowid));
            self.note_refusal(&mut work[place], &name, message, true);
            if !part.more {
                self.cutter.settle(work, place);
            }
            return;
        }
        if let Some(task) = part.only_task {
            // The rest of the session goes on without it.
            work[place].refused_tasks.insert(task);
            self.note_refusal(&mut work[place], &name, message, true);
            return;
        }
        self.refuse_session(Some(place), work, &name, message, true);
    }

    /// The receiver refused a session by itself; the others go on.
    fn refuse_session(
        &mut self,
        place: Option<usize>,
        work: &mut VecDeque<PendingSession>,
        code: &str,
        message: String,
        for_good: bool,
    ) {
        if let Some(mut refused) = place.and_then(|place| work.remove(place)) {
            self.note_refusal(&mut refused, code, message, for_good);
        }
    }

    fn note_refusal(&mut self, work: &mut PendingSession, code: &str, message: String, for_good: bool) {
        let session_id = work.session_id.clone();
        self.report.error(Some(&session_id), code, message.clone());
        if work.refused {
            return;
        }
        work.refused = true;
        self.report.sessions_rejected += 1;
        self.cutter.changes.push(Change::Refused {
            session_id,
            code: code.to_owned(),
            message,
            data_mark: work.data_mark.clone(),
            for_good,
        });
    }

    /// Notes a fault, and waits for the next try where the time budget allows.
    fn fault(&mut self, failure: &Failure) -> Result<Result<(), StopReason>, Error> {
        let asked = match failure {
            Failure::Fault { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let message = failure.message().to_owned();
        let (attempts, wait) = self.note_fault(message.clone(), asked);
        match failure {
            Failure::KeyRefused { .. } => return Ok(Err(StopReason::KeyRefused)),
            Failure::NotReceiver { .. } => return Ok(Err(StopReason::NotReceiver)),
            Failure::Fault { .. } => {}
        }
        self.asked_to_wait = !asked.is_zero();
        if !self.is_patient || self.cutter.clock.elapsed() + wait + TRY_MIN >= self.deadline {
            return Ok(Err(StopReason::Fault));
        }
        self.log.info(
            "retry",
            &format!("{message}; trying again in {} s", wait.as_secs()),
            &[("attempts", Value::from(attempts)), ("waitMs", Value::from(wait.as_millis() as u64))],
        );
        Ok(self.line.pause(self.cutter.clock, wait).map_err(|cut| self.cut_off(cut)))
    }

    /// Notes one more fault in a row. Returns how many there are, and how long to wait for the next try.
    fn note_fault(&mut self, message: String, asked: Duration) -> (u32, Duration) {
        let now = self.cutter.clock.now();
        let destination = self.destination_mut();
        let backoff = &mut destination.backoff;
        backoff.attempts = backoff.attempts.saturating_add(1);
        let attempts = backoff.attempts;
        let wait = backoff::backoff(attempts, backoff::spread()).max(asked);
        backoff.next_retry_at = Some(backoff::after(now, wait));
        destination.last_error = Some(LastError { at: Some(now), message });
        self.dirty = true;
        (attempts, wait)
    }

    fn cut_off(&mut self, cut: Cut) -> StopReason {
        match cut {
            Cut::Interrupted => StopReason::Interrupted,
            Cut::TimeUp => {
                let message = "the time budget of the run was used up before the receiver answered";
                self.note_fault(message.to_owned(), Duration::ZERO);
                StopReason::TimeUp
            }
        }
    }

    fn time_left(&mut self) -> Result<Duration, StopReason> {
        if self.line.is_interrupted() {
            return Err(StopReason::Interrupted);
        }
        match self.deadline.checked_sub(self.cutter.clock.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(StopReason::TimeUp),
        }
    }

    /// Writes the state and the queue.
    pub fn save(&mut self) -> Result<Queue, Error> {
        let started = Instant::now();
        self.cutter.state.save(self.folder)?;
        self.cutter.fields_changed = false;
        let client =
            Client { id: self.cutter.state.client_id.clone(), machine: self.cutter.state.machine.clone() };
        let changes = std::mem::take(&mut self.cutter.changes);
        let mut warnings = Vec::new();
        let queue =
            Queue::update(self.folder, Some(&client), &changes, self.cutter.clock.now(), &mut warnings)?;
        for warning in warnings {
            self.log.warning("queue", &warning);
        }
        self.dirty = false;
        self.saved_at = Instant::now();
        self.save_cost = started.elapsed();
        Ok(queue)
    }

    fn save_if_worth_it(&mut self) -> Result<(), Error> {
        if self.saved_at.elapsed() >= self.save_cost * SAVE_SHARE {
            self.save()?;
        }
        Ok(())
    }
}

/// Which sessions of those that were sent the answer refuses; all others it acknowledges.
///
/// # Errors
/// An answer that does not add up acknowledges nothing. The text says what is wrong with it.
pub fn check<'a>(
    sent: impl Iterator<Item = &'a str>,
    answer: &'a SyncResponse,
) -> Result<HashMap<&'a str, &'a SyncError>, String> {
    let sent: HashSet<&str> = sent.collect();
    let mut named: HashMap<&str, &SyncError> = HashMap::new();
    for error in &answer.errors {
        if !sent.contains(error.session_id.as_str()) {
            return Err("the receiver answered about a session that was not in the batch".to_owned());
        }
        // Where it says two things of a session, the one that refuses it counts.
        let said = named.entry(&error.session_id).or_insert(error);
        if said.code == code::FORGOTTEN {
            *said = error;
        }
    }
    let stored = sent.len() - named.len();
    if answer.processed != stored as u64 {
        return Err(format!(
            "the receiver's answer does not add up: {} sessions sent, {} refused, {} processed",
            sent.len(),
            named.len(),
            answer.processed
        ));
    }
    // Deleted there on purpose: as good as delivered.
    named.retain(|_, error| error.code != code::FORGOTTEN);
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ResponseStatus, SyncCursor};

    #[test]
    fn session_that_an_answer_both_forgets_and_refuses_is_not_acknowledged() {
        let error =
            |code: &str| SyncError { session_id: "s".into(), code: code.into(), message: String::new() };
        for codes in [[code::FORGOTTEN, code::VALIDATION_ERROR], [code::VALIDATION_ERROR, code::FORGOTTEN]] {
            let answer = SyncResponse {
                status: ResponseStatus::Partial,
                cursor: SyncCursor::default(),
                processed: 0,
                messages_processed: 0,
                errors: codes.map(error).to_vec(),
                server_timestamp: None,
            };
            assert!(check(["s"].into_iter(), &answer).unwrap().contains_key("s"), "{codes:?}");
        }
    }
}
