//! The outcome of a run, and the one table from an outcome to its status, exit code and error code.
//!
//! A step of a run returns `StepResult`: a value, or the early exit that ends the run. A stopped run is in good order:
//! the run still saves the state and writes its report. A failed run saves the state and returns the error.

use serde::Serialize;

use crate::exporter::error::{Error, ExitCode};

/// The result of a step of a run.
pub type StepResult<T> = Result<T, EarlyExit>;

/// The end of a run before everything due was tried.
#[derive(Debug)]
pub enum EarlyExit {
    /// The run stopped in good order.
    Stopped(StopReason),
    /// The program cannot continue.
    Failed(Error),
}

impl From<StopReason> for EarlyExit {
    fn from(reason: StopReason) -> EarlyExit {
        EarlyExit::Stopped(reason)
    }
}

impl From<Error> for EarlyExit {
    fn from(error: Error) -> EarlyExit {
        EarlyExit::Failed(error)
    }
}

impl From<anyhow::Error> for EarlyExit {
    fn from(error: anyhow::Error) -> EarlyExit {
        EarlyExit::Failed(error.into())
    }
}

/// The reason of a run that stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Sync is not enabled.
    Disabled,
    /// The user has paused scheduled runs.
    Paused,
    /// Another run holds the lock.
    Busy,
    /// Another run has held the lock for longer than any run may last.
    LockStuck {
        /// Message for people.
        message: String,
    },
    /// The requested session stays on this machine.
    Skipped {
        /// Error code.
        code: &'static str,
        /// Message for people.
        message: String,
    },
    /// The endpoint is in backoff, and the run is a scheduled one.
    InBackoff,
    /// Nothing was due, and a fault kept the receiver from learning that this client is alive.
    HeartbeatFailed,
    /// A fault of the endpoint or the transport; the time of the next retry is in the state.
    Fault,
    /// The receiver rejected the key.
    KeyRejected,
    /// The endpoint is not a receiver.
    NotReceiver,
    /// The time budget of the run is used up.
    TimeUp,
    /// SIGTERM or SIGINT.
    Signalled,
}

impl StopReason {
    /// Reports whether the run stopped with data that was due and requested, so that requests have to be kept.
    pub fn leaves_due_data(&self) -> bool {
        match self {
            StopReason::Fault
            | StopReason::KeyRejected
            | StopReason::NotReceiver
            | StopReason::TimeUp
            | StopReason::Signalled => true,
            StopReason::Disabled
            | StopReason::Paused
            | StopReason::Busy
            | StopReason::LockStuck { .. }
            | StopReason::Skipped { .. }
            | StopReason::InBackoff
            | StopReason::HeartbeatFailed => false,
        }
    }
}

/// Separates a run that stopped from a run that failed; `None` for one that tried everything due.
pub fn stop_reason(result: StepResult<()>) -> Result<Option<StopReason>, Error> {
    match result {
        Ok(()) => Ok(None),
        Err(EarlyExit::Stopped(reason)) => Ok(Some(reason)),
        Err(EarlyExit::Failed(error)) => Err(error),
    }
}

/// The way in which a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything due was acknowledged.
    Delivered,
    /// The receiver rejected sessions that had failed before this run; everything else due was acknowledged.
    SessionsStillFailing,
    /// The receiver permanently rejected sessions; everything else due was acknowledged.
    SessionsFailed,
    /// The receiver rejected sessions that are retried; everything else due was acknowledged.
    SessionsWillRetry,
    /// The run stopped before everything due was tried.
    Stopped(StopReason),
}

/// The word for a run's outcome in its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Everything due was delivered.
    Success,
    /// Some of it was delivered.
    Partial,
    /// Nothing was delivered.
    Error,
    /// Switched off by configuration.
    Disabled,
    /// Paused by the user.
    Paused,
    /// Queued: another run holds the lock.
    Busy,
    /// The session asked for is not eligible.
    Skipped,
    /// Waiting after a fault.
    Backoff,
}

/// The consequences of an outcome: one row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequences {
    /// `Partial` stands for `Error` in a run of which nothing was acknowledged.
    pub status: RunStatus,
    /// Exit code of the program.
    pub exit: ExitCode,
    /// The entry in `errors`; rejected sessions have entries of their own.
    pub error: Option<OutcomeError>,
}

/// The error code and message of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeError {
    /// Code of the error.
    pub code: &'static str,
    /// Message for people.
    pub message: String,
    /// True if the destination's last error, where there is one, takes the place of `message`.
    pub yields_to_last_error: bool,
}

impl Outcome {
    /// The table.
    pub fn consequences(&self) -> Consequences {
        use StopReason as Stop;
        let row = |status, exit, error| Consequences { status, exit, error };
        match self {
            Outcome::Delivered => row(RunStatus::Success, ExitCode::Success, None),
            Outcome::SessionsStillFailing => row(RunStatus::Partial, ExitCode::Success, None),
            Outcome::SessionsFailed => row(RunStatus::Partial, ExitCode::SessionsRejected, None),
            Outcome::SessionsWillRetry => row(RunStatus::Partial, ExitCode::TryAgain, None),
            Outcome::Stopped(reason) => match reason {
                Stop::Disabled => row(RunStatus::Disabled, ExitCode::Success, None),
                Stop::Paused => row(RunStatus::Paused, ExitCode::Success, None),
                Stop::Busy => row(RunStatus::Busy, ExitCode::Success, None),
                Stop::LockStuck { message } => {
                    row(RunStatus::Busy, ExitCode::Success, error("LOCK_STUCK", message))
                }
                Stop::Skipped { code, message } => {
                    row(RunStatus::Skipped, ExitCode::Success, error(code, message))
                }
                Stop::InBackoff => row(
                    RunStatus::Backoff,
                    ExitCode::Success,
                    last_error_or("BACKOFF", "waiting after a fault"),
                ),
                Stop::HeartbeatFailed => row(RunStatus::Backoff, ExitCode::Success, unreachable()),
                Stop::Fault => row(RunStatus::Partial, ExitCode::TryAgain, unreachable()),
                Stop::KeyRejected => row(
                    RunStatus::Partial,
                    ExitCode::KeyRejected,
                    last_error_or("KEY_REFUSED", "the receiver rejected the key"),
                ),
                Stop::NotReceiver => row(
                    RunStatus::Partial,
                    ExitCode::Configuration,
                    last_error_or("NOT_A_RECEIVER", "the endpoint is not a receiver"),
                ),
                Stop::TimeUp => row(
                    RunStatus::Partial,
                    ExitCode::TryAgain,
                    last_error_or(
                        "TIME_UP",
                        "the time budget of the run is used up; the next run continues from here",
                    ),
                ),
                Stop::Signalled => row(
                    RunStatus::Partial,
                    ExitCode::TryAgain,
                    error("INTERRUPTED", "a signal ended the run; the next run continues from here"),
                ),
            },
        }
    }
}

fn error(code: &'static str, message: &str) -> Option<OutcomeError> {
    Some(OutcomeError { code, message: message.to_owned(), yields_to_last_error: false })
}

fn last_error_or(code: &'static str, message: &str) -> Option<OutcomeError> {
    Some(OutcomeError { code, message: message.to_owned(), yields_to_last_error: true })
}

fn unreachable() -> Option<OutcomeError> {
    last_error_or("UNREACHABLE", "the receiver cannot be reached")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_error_codes_are_those_of_the_contract() {
        let stopped = |reason| Outcome::Stopped(reason);
        let skipped = StopReason::Skipped { code: "NOT_INDEXED", message: "unknown".to_owned() };
        let stuck = StopReason::LockStuck { message: "held".to_owned() };
        let table = [
            (Outcome::Delivered, RunStatus::Success, 0, None),
            (Outcome::SessionsStillFailing, RunStatus::Partial, 0, None),
            (Outcome::SessionsFailed, RunStatus::Partial, 65, None),
            (Outcome::SessionsWillRetry, RunStatus::Partial, 75, None),
            (stopped(StopReason::Disabled), RunStatus::Disabled, 0, None),
            (stopped(StopReason::Paused), RunStatus::Paused, 0, None),
            (stopped(StopReason::Busy), RunStatus::Busy, 0, None),
            (stopped(stuck), RunStatus::Busy, 0, Some("LOCK_STUCK")),
            (stopped(skipped), RunStatus::Skipped, 0, Some("NOT_INDEXED")),
            (stopped(StopReason::InBackoff), RunStatus::Backoff, 0, Some("BACKOFF")),
            (stopped(StopReason::HeartbeatFailed), RunStatus::Backoff, 0, Some("UNREACHABLE")),
            (stopped(StopReason::Fault), RunStatus::Partial, 75, Some("UNREACHABLE")),
            (stopped(StopReason::KeyRejected), RunStatus::Partial, 77, Some("KEY_REFUSED")),
            (stopped(StopReason::NotReceiver), RunStatus::Partial, 78, Some("NOT_A_RECEIVER")),
            (stopped(StopReason::TimeUp), RunStatus::Partial, 75, Some("TIME_UP")),
            (stopped(StopReason::Signalled), RunStatus::Partial, 75, Some("INTERRUPTED")),
        ];
        for (outcome, status, exit, code) in table {
            let row = outcome.consequences();
            let actual = (row.status, row.exit as i32, row.error.map(|error| error.code));
            assert_eq!(actual, (status, exit, code), "{outcome:?}");
        }
    }
}
