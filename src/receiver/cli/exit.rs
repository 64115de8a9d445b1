//! Errors of the program, and the exit code of each: one table.

use crate::printable::{printable, printable_lines};
use crate::receiver::store::StoreError;
use std::process::ExitCode;

/// `healthcheck` found the receiver not ready.
const EXIT_NOT_READY: u8 = 1;
const EXIT_USAGE: u8 = 64;
/// Rejected by the store's rules: an unknown name, a handle that is taken.
const EXIT_REJECTED: u8 = 65;
/// Unavailable: the store, the listening address or the operating system's limits.
const EXIT_UNAVAILABLE: u8 = 69;
const EXIT_INTERNAL: u8 = 70;

/// Reason for which the program ends without a result.
pub enum CliError {
    /// Wrong arguments.
    Usage(String),
    /// A resource of the system is missing.
    Unavailable(String),
    /// A receiver that is not ready.
    NotReady(String),
    /// A defect of this program.
    Internal(String),
    /// Error of the store, which has its own kinds.
    Store(StoreError),
}

impl CliError {
    /// Text for stderr, escaped. Only a usage error has several lines.
    pub fn message(&self) -> String {
        match self {
            CliError::Usage(text) => printable_lines(text.trim_end()),
            CliError::Unavailable(text) | CliError::NotReady(text) | CliError::Internal(text) => {
                printable(text.trim_end()).into_owned()
            }
            CliError::Store(error) => printable(&error.to_string()).into_owned(),
        }
    }

    /// Exit code of the program.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            CliError::Usage(_) => EXIT_USAGE,
            CliError::NotReady(_) => EXIT_NOT_READY,
            CliError::Store(StoreError::Refused(_) | StoreError::UserRemoved) => EXIT_REJECTED,
            CliError::Unavailable(_)
            | CliError::Store(
                StoreError::Contended(_)
                | StoreError::Unavailable(_)
                | StoreError::TimedOut(_)
                | StoreError::Unusable(_),
            ) => EXIT_UNAVAILABLE,
            CliError::Internal(_) | CliError::Store(StoreError::Internal(_) | StoreError::Aborted) => {
                EXIT_INTERNAL
            }
        })
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> CliError {
        CliError::Store(error)
    }
}
