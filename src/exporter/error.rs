//! The error that ends the program, and the exit codes.
//!
//! Every function that can end the program returns `Error`; `main` prints it, once.

use std::fmt;

/// The exit codes of the contract, sections 3 and 8, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Delivered, or nothing due.
    Success = 0,
    /// `doctor` has found an error.
    ConditionsFound = 1,
    /// The command line is wrong.
    Usage = 64,
    /// Everything else is delivered; the receiver newly rejected some sessions for good.
    SessionsRejected = 65,
    /// The source database is missing, or is not han's.
    NoSource = 66,
    /// A defect of this program.
    Internal = 70,
    /// A due session was not delivered; the session stays pending and the next run retries.
    TryAgain = 75,
    /// The receiver rejected the key.
    KeyRejected = 77,
    /// The configuration is wrong, or the endpoint is not a receiver.
    Configuration = 78,
}

impl ExitCode {
    /// The stable name of the exit code, for `errors` in a report.
    pub fn name(self) -> &'static str {
        match self {
            ExitCode::Success => "OK",
            ExitCode::ConditionsFound => "CONDITIONS",
            ExitCode::Usage => "USAGE",
            ExitCode::SessionsRejected => "SESSIONS_REFUSED",
            ExitCode::NoSource => "NO_SOURCE",
            ExitCode::Internal => "INTERNAL",
            ExitCode::TryAgain => "TRY_AGAIN",
            ExitCode::KeyRejected => "KEY_REFUSED",
            ExitCode::Configuration => "CONFIGURATION",
        }
    }

    /// The exit code of two runs in one invocation: the first that applies, in the order of the contract.
    pub fn combine(self, other: ExitCode) -> ExitCode {
        let order =
            [ExitCode::KeyRejected, ExitCode::TryAgain, ExitCode::SessionsRejected, ExitCode::Success];
        let rank = |exit: ExitCode| order.iter().position(|each| *each == exit).unwrap_or(0);
        if rank(self) <= rank(other) { self } else { other }
    }
}

/// The error that ends the program: an explanation and an exit code.
#[derive(Debug)]
pub struct Error {
    /// Exit code of the program.
    pub exit: ExitCode,
    /// Cause, with context.
    pub error: anyhow::Error,
}

impl Error {
    /// Creates an error from a message that names the thing, the place and the next step.
    pub fn new(exit: ExitCode, message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Error {
        Error { exit, error: anyhow::Error::msg(message) }
    }

    /// Creates an error with [`ExitCode::Configuration`].
    pub fn configuration(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Error {
        Error::new(ExitCode::Configuration, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Error {
        Error { exit: ExitCode::Internal, error }
    }
}
