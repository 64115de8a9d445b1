//! The errors of a request to the receiver, by the reaction that each asks for.
//!
//! Messages never contain the key or the body; where it is known, they name the next step.

use std::time::Duration;

use anyhow::anyhow;

use crate::exporter::error::{Error, ExitCode};
use crate::exporter::outcome::{EarlyExit, StopReason};

/// The kind of a fault, which tells whether another body may get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A fault of the endpoint or the transport, whatever the body.
    Endpoint,
    /// The certificate of the endpoint is not trusted, whatever the body.
    Untrusted,
    /// The proxy on the way does not let the request through, whatever the body.
    Proxy,
    /// A phase of the request exceeded its timeout.
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
        !matches!(self, FaultKind::Endpoint | FaultKind::Untrusted | FaultKind::Proxy)
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
    /// The time budget ended during a batch that had run for at least the timeout or half the budget.
    SlowBatch {
        /// Message for people.
        message: String,
    },
    /// A signal arrived before the response.
    Signalled,
    /// The thread that sends requests has ended, which is a defect of this program.
    SenderEnded,
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
            RequestError::SenderEnded => "the thread that sends requests has ended; report this as a defect",
        }
    }

    /// Message without the receiver's own words, which may repeat what it was sent.
    pub fn own_message(&self) -> &str {
        let message = self.message();
        let is_quoted = [" returned ", " rejected the key ("].iter().any(|mark| message.contains(mark));
        match message.split_once(": ").filter(|_| is_quoted) {
            Some((own, _)) => own,
            None => message,
        }
    }

    /// Code of the error, as in a report.
    pub fn code(&self) -> &'static str {
        match self {
            RequestError::Fault { kind: FaultKind::Untrusted, .. } => "TLS_UNTRUSTED",
            RequestError::Fault { kind: FaultKind::Proxy, .. } => "PROXY_FAILED",
            RequestError::Fault { .. } => "UNREACHABLE",
            RequestError::KeyRejected { .. } => "KEY_REFUSED",
            RequestError::NotReceiver { .. } => "NOT_A_RECEIVER",
            RequestError::TimeUp | RequestError::SlowBatch { .. } => "TIME_UP",
            RequestError::Signalled => "INTERRUPTED",
            RequestError::SenderEnded => "INTERNAL",
        }
    }

    /// Reports whether a retry in the same run may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, RequestError::Fault { .. })
    }

    /// Kind of the fault; `None` for an error that is no fault of endpoint or body.
    pub fn fault_kind(&self) -> Option<FaultKind> {
        match self {
            RequestError::Fault { kind, .. } => Some(*kind),
            RequestError::SlowBatch { .. } => Some(FaultKind::Timeout),
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
}

impl RequestError {
    /// The error that ends a command, which does not retry.
    pub fn to_error(&self) -> Error {
        let exit = match self {
            RequestError::KeyRejected { .. } => ExitCode::KeyRejected,
            RequestError::NotReceiver { .. } => ExitCode::Configuration,
            _ => ExitCode::TryAgain,
        };
        Error::new(exit, self.message().to_owned())
    }
}

/// The end of a run that does not retry after the error.
impl From<RequestError> for EarlyExit {
    fn from(error: RequestError) -> EarlyExit {
        match error {
            RequestError::Fault { .. } => StopReason::Fault.into(),
            RequestError::KeyRejected { .. } => StopReason::KeyRejected.into(),
            RequestError::NotReceiver { .. } => StopReason::NotReceiver.into(),
            RequestError::TimeUp | RequestError::SlowBatch { .. } => StopReason::TimeUp.into(),
            RequestError::Signalled => StopReason::Signalled.into(),
            RequestError::SenderEnded => anyhow!("{}", error.message()).into(),
        }
    }
}
