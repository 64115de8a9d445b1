//! Requests to forget sessions, sent before any batch.
//!
//! Invariant: a request stays in the state until the receiver has answered it.

use serde_json::Value;

use crate::exporter::delivery::Delivery;
use crate::exporter::delivery::response::ForgetAnswer;
use crate::exporter::outcome::StepResult;
use crate::exporter::state::tombstones::{ForgetObject, ForgetRequest};

/// A request, and the receiver's answer.
#[derive(Debug)]
pub struct AnsweredRequest {
    /// The request as sent.
    pub request: ForgetRequest,
    /// Answer of the receiver.
    pub answer: ForgetAnswer,
}

impl Delivery<'_> {
    /// Sends every request that is due, and adds those that the receiver has answered to `answered`.
    pub fn send_forget_requests(&mut self, answered: &mut Vec<AnsweredRequest>) -> StepResult<()> {
        loop {
            let now = self.progress.batcher.clock.now();
            let next = self.progress.destination().forget_requests.next_due(now).cloned();
            let Some(request) = next else { return Ok(()) };
            let time_left = self.time_left()?;
            self.progress.set_dirty();
            match self.transport.forget(request.clone(), now, time_left) {
                Ok(answer) => {
                    let requests = &mut self.progress.destination_mut().forget_requests;
                    match answer {
                        ForgetAnswer::Unsupported { .. } => requests.postpone(&request, now),
                        _ => requests.settle(&request),
                    }
                    if matches!(answer, ForgetAnswer::Refused { .. }) && !request.is_undo {
                        self.progress.batcher.state.tombstones.set_refused(&request);
                    }
                    self.progress.clear_faults();
                    self.progress.destination_mut().statistics.last_contact_at = Some(now);
                    self.log_answer(&request, &answer);
                    answered.push(AnsweredRequest { request, answer });
                    self.progress.save_if_due()?;
                }
                Err(error) => self.wait_to_retry(&error)?,
            }
        }
    }

    fn log_answer(&self, request: &ForgetRequest, answer: &ForgetAnswer) {
        let verb = if request.is_undo { "take back" } else { "forget" };
        let object = match &request.object {
            ForgetObject::Session(id) => format!("session {id}"),
            ForgetObject::Repository(path) => format!("the sessions of {path}"),
            ForgetObject::All => "all sessions".to_owned(),
        };
        let message = match answer {
            ForgetAnswer::Done => {
                let fields = [("undo", Value::from(request.is_undo))];
                self.progress.log.info("forget", &format!("the receiver answered: {verb} {object}"), &fields);
                return;
            }
            ForgetAnswer::Refused { reason, .. } => reason.clone(),
            ForgetAnswer::Unsupported { status } => format!(
                "the receiver cannot do it (HTTP {status}); nothing more is sent, and it is asked again in a day"
            ),
            ForgetAnswer::Invalid { message } => message.clone(),
        };
        self.progress.log.warn("forget_refused", &format!("{verb} {object}: {message}"));
    }
}
