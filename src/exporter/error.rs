//! How the program ends: one exit code for each kind of end, and the error that carries it.
//!
//! Every function that can end a run returns `Error`; it is printed once, in `main`.

use std::fmt;

/// The exit codes of the contract, section 3, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Delivered, or nothing due.
    Success = 0,
    /// The command line is wrong.
    Usage = 64,
    /// Everything else is delivered; the receiver newly refused some sessions for good.
    SessionsRefused = 65,
    /// No source database, or it is not han's.
    NoSource = 66,
    /// A fault in this program.
    Internal = 70,
    /// Something due was not delivered; kept, will be tried again.
    TryAgain = 75,
    /// The receiver refused the key.
    KeyRefused = 77,
    /// The configuration is wrong, or the endpoint is no receiver.
    Configuration = 78,
}

/// The error that ends the program: what happened, and with which code.
#[derive(Debug)]
pub struct Error {
    pub exit: ExitCode,
    pub error: anyhow::Error,
}

impl Error {
    /// A stop with a message that names the thing, the place and the next step.
    pub fn new(exit: ExitCode, message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Error {
        Error { exit, error: anyhow::Error::msg(message) }
    }

    /// [`ExitCode::Configuration`] with a message.
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
