//! Faults that may depend on the body: a timeout, a cut connection, a firewall's page in place of a response.
//!
//! Such a fault looks the same whether the body is too large or blocked, or the endpoint is down. So two in a row halve
//! the batch. A message that cannot be halved is set aside until the other sessions were tried, and counts as the culprit
//! only if a batch was acknowledged in between, an empty one if nothing else is pending: an outage costs no message its
//! content.

use std::collections::VecDeque;
use std::time::Duration;

use crate::exporter::batch::Batch;
use crate::exporter::delivery::limits;
use crate::exporter::delivery::progress::Progress;
use crate::exporter::delivery::request_error::{FaultKind, RequestError};
use crate::exporter::plan::pending_session::PendingSession;

/// The number of faults in a row, in this run or the previous one, after which the batch changes.
const FAULTS_MAX: u32 = 2;

/// The consequence of a fault for the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The batch is sent again.
    Unchanged,
    /// The next batch is another one.
    Changed,
    /// An empty batch shows first that the endpoint is well.
    Probe,
}

impl Progress<'_> {
    /// Counts faults that may depend on the body, and changes what is sent after `FAULTS_MAX` of them. Only a response,
    /// or its absence within the timeout, counts.
    pub fn act_on_body_fault(
        &mut self,
        error: &RequestError,
        batch: &Batch,
        payload_bytes: u64,
        pending: &mut VecDeque<PendingSession>,
    ) -> Reaction {
        let Some(kind) = error.fault_kind() else { return Reaction::Unchanged };
        let faults = &mut self.destination_mut().backoff.body_faults;
        *faults = if kind.may_depend_on_body() { faults.saturating_add(1) } else { 0 };
        let is_searching =
            matches!(kind, FaultKind::Intercepted { .. }) && self.batcher.bisection.is_active();
        let is_confirmed = self.destination().backoff.body_faults >= FAULTS_MAX || is_searching;
        if !kind.may_depend_on_body() || !is_confirmed || batch.chunks.is_empty() {
            return Reaction::Unchanged;
        }
        self.destination_mut().backoff.body_faults = 0;
        if is_single(batch) {
            return self.set_aside(kind, error.message(), batch, pending);
        }
        if self.learn_smaller(kind, payload_bytes) {
            // The smaller batch is a new attempt. The learned limit has a minimum, so that this ends.
            self.destination_mut().backoff.attempts = 0;
        }
        // A firewall may block a batch for its text: only bisection finds the message.
        if matches!(kind, FaultKind::Intercepted { .. }) {
            self.batcher.halve(batch, false, pending);
        }
        Reaction::Changed
    }

    /// Learns that a batch was too slow for the `limit` that the run's time budget left. Returns the error that says so.
    pub fn learn_slow_batch(&mut self, payload_bytes: u64, limit: Duration) -> RequestError {
        if self.learn_smaller(FaultKind::Timeout, payload_bytes) {
            self.destination_mut().backoff.attempts = 0;
        }
        RequestError::SlowBatch {
            message: format!(
                "a batch of {payload_bytes} bytes had no response after {} s, when the time budget of the run was used up; the next run sends smaller ones; raise --max-seconds if the connection is slow",
                limit.as_secs()
            ),
        }
    }

    /// Lowers the learned limit to half of a payload. Returns true if the limit is lower than before.
    fn learn_smaller(&mut self, kind: FaultKind, payload_bytes: u64) -> bool {
        let now = self.batcher.clock.now();
        let destination = self.destination_mut();
        let before = limits::learned_bytes(destination, now).unwrap_or(usize::MAX);
        match kind {
            FaultKind::Cut => limits::lower_after_cut(destination, payload_bytes as usize, now),
            _ => limits::lower(destination, payload_bytes as usize, true, now),
        }
        limits::learned_bytes(destination, now).is_some_and(|bytes| bytes < before)
    }

    /// Moves the session of a batch that cannot be halved behind the others; treats its message as the culprit if
    /// batches were acknowledged since the session was set aside.
    fn set_aside(
        &mut self,
        kind: FaultKind,
        message: &str,
        batch: &Batch,
        pending: &mut VecDeque<PendingSession>,
    ) -> Reaction {
        let Some(chunk) = batch.chunks.first() else { return Reaction::Unchanged };
        let Some(index) = pending.iter().position(|session| session.session_id == chunk.session_id) else {
            return Reaction::Unchanged;
        };
        let acknowledged = self.report.batches;
        match self.set_aside.get(&chunk.session_id) {
            Some(before) if acknowledged > *before => match (kind, chunk.only_message) {
                (FaultKind::Intercepted { status }, _) => {
                    self.reject_batch(batch, status, message, pending);
                    Reaction::Changed
                }
                (FaultKind::Cut, Some((rowid, true))) => {
                    pending[index].omit_content.insert(rowid);
                    Reaction::Changed
                }
                _ => Reaction::Unchanged,
            },
            Some(_) => Reaction::Probe,
            None => {
                self.set_aside.insert(chunk.session_id.clone(), acknowledged);
                self.batcher.bisection.finish();
                let session = pending.remove(index);
                pending.extend(session);
                if pending.len() > 1 { Reaction::Changed } else { Reaction::Probe }
            }
        }
    }
}

/// Reports whether a batch holds one message or task, or the fields of one session.
fn is_single(batch: &Batch) -> bool {
    matches!(batch.chunks.as_slice(), [chunk] if chunk.messages + chunk.tasks <= 1)
}
