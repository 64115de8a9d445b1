//! The errors of a request to the receiver, by the reaction that each asks for.
//!
//! Messages name the endpoint and the next step, and never contain the key or the body.

use std::time::Duration;

use crate::exporter::outcome::StopReason;

/// The error of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// A transient error of the endpoint or the transport.
    Fault {
        /// Message for people.
        message: String,
        /// The wait that the receiver asked for.
        retry_after: Option<Duration>,
        /// True after a timeout.
        is_timeout: bool,
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
    /// A signal arrived before the response.
    Interrupted,
}

impl RequestError {
    /// Creates a fault that is no timeout.
    pub fn fault(message: String) -> RequestError {
        RequestError::Fault { message, retry_after: None, is_timeout: false }
    }

    /// Message for people.
    pub fn message(&self) -> &str {
        match self {
            RequestError::Fault { message, .. }
            | RequestError::KeyRejected { message }
            | RequestError::NotReceiver { message } => message,
            RequestError::TimeUp => "the time budget of the run was used up before the receiver responded",
            RequestError::Interrupted => "a signal ended the run before the receiver responded",
        }
    }

    /// Reports whether a retry in the same run is pointless.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, RequestError::Fault { .. })
    }

    /// True after a timeout.
    pub fn is_timeout(&self) -> bool {
        matches!(self, RequestError::Fault { is_timeout: true, .. })
    }

    /// The wait that the receiver asked for; zero if it asked for none.
    pub fn retry_after(&self) -> Duration {
        match self {
            RequestError::Fault { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The reason of a run that stops because of this error.
    pub fn stop_reason(&self) -> StopReason {
        match self {
            RequestError::Fault { .. } => StopReason::Fault,
            RequestError::KeyRejected { .. } => StopReason::KeyRejected,
            RequestError::NotReceiver { .. } => StopReason::NotReceiver,
            RequestError::TimeUp => StopReason::TimeUp,
            RequestError::Interrupted => StopReason::Interrupted,
        }
    }
}
