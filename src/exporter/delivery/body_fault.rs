//! Faults that may depend on the body: a timeout, a cut connection, a firewall's page in place of a response.
//!
//! Such a fault looks the same whether the body is too large or blocked, or the endpoint is down. So two in a row make
//! the batch suspect, and a probe, which is an empty batch, tells the two apart. An endpoint that is down is asked at
//! the pace of its backoff: nothing here shortens the backoff, and only a response ends it. A message that cannot be
//! halved is set aside until the other sessions were tried, so that an outage costs no message its content.

use std::collections::VecDeque;
use std::time::Duration;

use crate::exporter::batch::Batch;
use crate::exporter::delivery::limits;
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::request_error::{FaultKind, RequestError};
use crate::exporter::plan::due_session::DueSession;
use crate::exporter::state::queue::Permanence;

/// The number of faults in a row, in this run or the previous ones, that makes a batch suspect.
const FAULTS_MAX: u32 = 2;
/// The code for a session with a message that got no response by itself, though the endpoint responds to others.
const NO_RESPONSE: &str = "NO_RESPONSE";

/// A batch that may itself be the cause of its faults.
#[derive(Debug)]
pub struct Suspicion {
    kind: FaultKind,
    message: String,
}

impl Progress<'_> {
    /// Counts a fault that may depend on the body. After `FAULTS_MAX` of them the batch is suspect, and the next ones are
    /// smaller, in later runs too. An error that is no fault counts as nothing.
    pub fn suspect(&mut self, error: &RequestError, batch: &Batch, payload_bytes: u64) -> Option<Suspicion> {
        let kind = error.fault_kind()?;
        let is_searching =
            matches!(kind, FaultKind::Intercepted { .. }) && self.batcher.bisection.is_active();
        let faults = &mut self.destination_mut().backoff.body_faults;
        // The body of an empty batch is no cause of anything.
        let may_depend_on_body = kind.may_depend_on_body() && !batch.chunks.is_empty();
        *faults = if may_depend_on_body { faults.saturating_add(1) } else { 0 };
        if !may_depend_on_body || (*faults < FAULTS_MAX && !is_searching) {
            return None;
        }
        *faults = 0;
        if !is_single(batch) {
            self.learn_slow_batch(payload_bytes);
        }
        Some(Suspicion { kind, message: error.message().to_owned() })
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
        match (is_single(batch), endpoint_is_well) {
            (true, true) => self.act_on_single(suspicion, batch, due),
            (true, false) => false,
            (false, true) => {
                if suspicion.kind == FaultKind::Cut {
                    // A gateway that cuts large bodies goes on doing so.
                    limits::keep_learned(self.destination_mut());
                }
                // The cause may be one message, whatever its size: only bisection finds it.
                self.batcher.narrow(batch, false, due)
            }
            (false, false) => true,
        }
    }

    /// Learns that a batch was too slow for the time that the run's budget left. Returns the error that says so.
    pub fn slow_batch(&mut self, payload_bytes: u64, time_left: Duration) -> RequestError {
        self.learn_slow_batch(payload_bytes);
        RequestError::SlowBatch {
            message: format!(
                "a batch of {payload_bytes} bytes had no response after {} s, when the time budget of the run was used up; the next run sends smaller ones; raise --max-seconds if the connection is slow",
                time_left.as_secs()
            ),
        }
    }

    fn learn_slow_batch(&mut self, payload_bytes: u64) {
        let now = self.batcher.clock.now();
        limits::lower(self.destination_mut(), payload_bytes as usize, true, now);
    }

    /// Moves the session of a suspect batch that cannot be halved behind the others. The second time, its message is the
    /// cause: it goes without content, or its session is rejected. Returns true if the next batch is another one.
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
        if self.set_aside.insert(chunk.session_id.clone()) {
            self.batcher.bisection.finish();
            let session = due.remove(index);
            due.extend(session);
            return true;
        }
        match (kind, &chunk.only_message) {
            (FaultKind::Intercepted { status }, _) => self.reject_batch(batch, *status, message, due),
            (FaultKind::Cut, Some(single)) if single.has_content => {
                due[index].omit_content.insert(single.rowid);
            }
            // The trouble may pass: the session backs off by itself.
            _ => self.reject_session(index, due, NO_RESPONSE, message, Permanence::Temporary),
        }
        true
    }
}

/// Reports whether a batch holds one message or task, or the fields of one session.
fn is_single(batch: &Batch) -> bool {
    matches!(batch.chunks.as_slice(), [chunk] if chunk.messages + chunk.tasks <= 1)
}
