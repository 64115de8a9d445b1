//! Faults that may depend on the body: a timeout, a cut connection, a firewall's page in place of a response.
//!
//! Such a fault looks the same whether the body is too large or blocked, or the endpoint is down. So two in a row make
//! the batch suspect, and a probe, which is an empty batch, tells the two apart. If the time budget leaves no time for
//! the probe, the next run begins with it. An endpoint that is down is asked at the pace of its backoff: nothing here
//! shortens the backoff; only an acknowledgement or a rejection ends it. A session with a suspect message that cannot be
//! halved is set aside, in later runs too: it goes after all others, so that an outage costs no message its content and
//! a message without a response delays no other session.

use std::collections::VecDeque;
use std::time::Duration;

use crate::exporter::batch::Batch;
use crate::exporter::delivery::limits;
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::request_error::{FaultKind, RequestError};
use crate::exporter::delivery::response::{BatchRejection, Rejecter};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::state::queue::Permanence;

/// The number of faults in a row, in this run or the previous ones, that makes a batch suspect.
const FAULTS_MAX: u32 = 2;
/// The code for a session with a message that got no response by itself, though the endpoint responds to others.
const NO_RESPONSE: &str = "NO_RESPONSE";

/// The fault that made a batch suspect.
#[derive(Debug)]
pub struct Suspicion {
    kind: FaultKind,
    message: String,
}

impl Progress<'_> {
    /// Counts consecutive faults that may depend on the body; any other fault resets the count. At `FAULTS_MAX` the batch
    /// is suspect and, if it can be halved, the limit is lowered. The count of a single message or task is that of its
    /// session, which the acknowledgement of other sessions does not reset.
    pub fn suspect(&mut self, error: &RequestError, batch: &Batch) -> Option<Suspicion> {
        let kind = error.fault_kind()?;
        let Some(chunk) = batch.chunks.first() else {
            // An endpoint that does not respond to an empty batch is down, which explains the faults before.
            self.reset_body_faults();
            return None;
        };
        let is_single = is_single(batch);
        if !is_single && matches!(error, RequestError::SlowBatch { .. }) {
            self.lower_limit(batch);
            return None;
        }
        let is_searching =
            matches!(kind, FaultKind::Intercepted { .. }) && self.batcher.bisection.is_active();
        let destination = self.destination_mut();
        let faults = if is_single {
            &mut destination.suspects.entry(chunk.session_id.clone()).or_default().faults
        } else {
            &mut destination.backoff.body_faults
        };
        *faults = match kind.may_depend_on_body() {
            true if is_searching => FAULTS_MAX,
            true => faults.saturating_add(1),
            false => 0,
        };
        if *faults < FAULTS_MAX {
            return None;
        }
        if !is_single {
            self.lower_limit(batch);
        }
        Some(Suspicion { kind, message: error.message().to_owned() })
    }

    /// Reports whether a run ended before the probe that a suspicion asks for.
    pub fn is_probe_due(&self) -> bool {
        let destination = self.destination();
        destination.backoff.body_faults >= FAULTS_MAX
            || destination.suspects.values().any(|suspect| suspect.faults >= FAULTS_MAX)
    }

    /// Acts on the suspicions of earlier runs after the probe. `endpoint_is_well`: see
    /// [`act_on_suspicion`](Progress::act_on_suspicion).
    pub fn act_on_earlier_suspicions(&mut self, endpoint_is_well: bool, due: &mut VecDeque<DueSession>) {
        let suspects = self.destination().suspects.iter();
        let suspects = suspects.filter(|(_, suspect)| endpoint_is_well && suspect.faults >= FAULTS_MAX);
        let session_ids: Vec<String> = suspects.map(|(session_id, _)| session_id.clone()).collect();
        self.reset_body_faults();
        for session_id in session_ids {
            let Some(index) = due.iter().position(|session| session.session_id == session_id) else {
                continue;
            };
            if !self.set_aside(index, due) {
                let message = "a message got no response by itself, though the receiver responds to others";
                self.reject_session(index, due, NO_RESPONSE, message, Permanence::Temporary);
            }
        }
    }

    /// Acts on a suspicion after the probe. `endpoint_is_well`: the endpoint responded to the probe at the first attempt;
    /// otherwise the endpoint was down, which explains the faults. Returns true if the next batch is another one.
    pub fn act_on_suspicion(
        &mut self,
        suspicion: &Suspicion,
        batch: &Batch,
        endpoint_is_well: bool,
        due: &mut VecDeque<DueSession>,
    ) -> bool {
        self.reset_body_faults();
        match (is_single(batch), endpoint_is_well) {
            (true, true) => self.act_on_single(suspicion, batch, due),
            (true, false) => false,
            (false, true) => {
                if suspicion.kind == FaultKind::Cut {
                    // A gateway that cuts large bodies goes on doing so.
                    limits::mark_as_gateway_limit(self.destination_mut());
                }
                // The cause may be one message, whatever its size: only bisection finds it.
                self.batcher.narrow(batch, false, due)
            }
            (false, false) => true,
        }
    }

    /// Lowers the limit of the next batches to half of a batch that was too slow or suspect.
    fn lower_limit(&mut self, batch: &Batch) {
        let now = self.batcher.clock.now();
        limits::lower(self.destination_mut(), batch.bytes(), true, now);
    }

    /// Sets all counts of faults to zero; sessions that are set aside remain so.
    fn reset_body_faults(&mut self) {
        let destination = self.destination_mut();
        destination.backoff.body_faults = 0;
        destination.suspects.retain(|_, suspect| {
            suspect.faults = 0;
            suspect.is_set_aside
        });
    }

    /// Sets the session of a suspect batch that cannot be halved aside. The second time, its message is the cause: it goes
    /// without content, or its session is rejected. Returns true if the next batch is another one.
    fn act_on_single(
        &mut self,
        Suspicion { kind, message }: &Suspicion,
        batch: &Batch,
        due: &mut VecDeque<DueSession>,
    ) -> bool {
        let Some(chunk) = batch.chunks.first() else { return false };
        let Some(index) = due.iter().position(|session| session.session_id == chunk.session_id) else {
            return false;
        };
        if self.set_aside(index, due) {
            self.batcher.bisection.finish();
            return true;
        }
        match (kind, &chunk.only_message) {
            (FaultKind::Intercepted { status }, _) => {
                let message = message.clone();
                let rejection = BatchRejection { by: Rejecter::Gateway, status: *status, message };
                self.reject_batch(batch, &rejection, due);
            }
            (FaultKind::Cut, Some(single)) if single.has_content => {
                due[index].omit_content.insert(single.rowid);
            }
            // The trouble may pass: the session backs off by itself.
            _ => self.reject_session(index, due, NO_RESPONSE, message, Permanence::Temporary),
        }
        true
    }

    /// Sets a due session aside: it goes last and alone, one message or task at a time, until the receiver acknowledges or
    /// rejects any of it. Returns false if it is set aside already.
    fn set_aside(&mut self, index: usize, due: &mut VecDeque<DueSession>) -> bool {
        if due.get(index).is_none_or(|session| session.is_set_aside) {
            return false;
        }
        let Some(mut session) = due.remove(index) else { return false };
        self.destination_mut().suspects.entry(session.session_id.clone()).or_default().is_set_aside = true;
        session.set_aside();
        due.push_back(session);
        true
    }
}

/// Creates the error of a batch that got no response, though the request had most of the run's time budget.
pub fn slow_batch(batch: &Batch, payload_bytes: u64, time_left: Duration) -> RequestError {
    let consequence = match batch.chunks.is_empty() {
        true => "the next run asks again",
        false if is_single(batch) => "if the next runs end like this one, other sessions go first",
        false => "the next run sends smaller ones",
    };
    let message = format!(
        "a batch of {payload_bytes} bytes had no response after {} s, when the time budget of the run was used up; {consequence}; raise --max-seconds if the connection is slow",
        time_left.as_secs()
    );
    RequestError::SlowBatch { message }
}

/// Reports whether a batch holds at most one message or task, with or without session fields.
fn is_single(batch: &Batch) -> bool {
    matches!(batch.chunks.as_slice(), [chunk] if chunk.messages + chunk.tasks <= 1)
}
