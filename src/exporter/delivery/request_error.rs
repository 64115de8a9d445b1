//! The errors of a request to the receiver, by the reaction that each asks for.
//!
//! Messages name the endpoint and the next step, and never contain the key or the body.

use std::time::Duration;

use crate::exporter::outcome::StopReason;

/// The kinds of fault, by the reason to send a smaller body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A fault of the endpoint or the transport, whatever the body.
    Endpoint,
    /// No progress within the timeout.
    Timeout,
    /// The connection was cut after the body had begun and before a response.
    Cut,
    /// A response that is not the receiver's, as a firewall on the way sends one for a body that it blocks.
    Intercepted {
        /// HTTP status of the response.
        status: u16,
    },
}

impl FaultKind {
    /// Reports whether a smaller or another body may get through.
    pub fn may_depend_on_body(self) -> bool {
        self != FaultKind::Endpoint
    }
}

/// The error of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// A transient error of the endpoint or the transport.
    Fault {
        /// Message for people.
        message: String,
        /// The wait that the receiver asked for.
        retry_after: Option<Duration>,
        /// Kind of the fault.
        kind: FaultKind,
    },
    /// The receiver rejected the key.
    KeyRejected {
        /// Message for people.
        message: String,
    },
    /// The endpoint is not a receiver, or is at another address.
    NotReceiver {
        /// Message for people.
        message: String,
    },
    /// The time budget of the run was used up before the response.
    TimeUp,
    /// The time budget of the run was used up by a batch that had most of the budget.
    SlowBatch {
        /// Message for people.
        message: String,
    },
    /// A signal arrived before the response.
    Signalled,
}

impl RequestError {
    /// Creates a fault that does not depend on the body.
    pub fn fault(message: String) -> RequestError {
        RequestError::fault_of(FaultKind::Endpoint, message)
    }

    /// Creates a fault of a kind.
    pub fn fault_of(kind: FaultKind, message: String) -> RequestError {
        RequestError::Fault { message, retry_after: None, kind }
    }

    /// Message for people.
    pub fn message(&self) -> &str {
        match self {
            RequestError::Fault { message, .. }
            | RequestError::KeyRejected { message }
            | RequestError::NotReceiver { message }
            | RequestError::SlowBatch { message } => message,
            RequestError::TimeUp => "the time budget of the run was used up before the receiver responded",
            RequestError::Signalled => "a signal ended the run before the receiver responded",
        }
    }

    /// Reports whether a retry in the same run may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, RequestError::Fault { .. })
    }

    /// Kind of the fault; `None` for any other error.
    pub fn fault_kind(&self) -> Option<FaultKind> {
        match self {
            RequestError::Fault { kind, .. } => Some(*kind),
            _ => None,
        }
    }

    /// The wait that the receiver asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            RequestError::Fault { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The reason of a run that stops because of this error.
    pub fn stop_reason(&self) -> StopReason {
        match self {
            RequestError::Fault { .. } => StopReason::Fault,
            RequestError::KeyRejected { .. } => StopReason::KeyRejected,
            RequestError::NotReceiver { .. } => StopReason::NotReceiver,
            RequestError::TimeUp | RequestError::SlowBatch { .. } => StopReason::TimeUp,
            RequestError::Signalled => StopReason::Signalled,
        }
    }
}
