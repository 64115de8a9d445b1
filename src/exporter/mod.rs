//! The exporter, in the order in which data flows. Each module imports only from those above it.

/// Exit codes, and the errors that end the program.
pub mod error;
/// The process environment, read once.
pub mod environment;
/// The clock: the machine's own, or a simulated one.
pub mod clock;
/// Structured messages on stderr.
pub mod log;
/// Exponential backoff after a fault.
pub mod backoff;
/// The outcome of a run, and the table from outcome to status, exit code and error code.
pub mod outcome;
/// The report of a run.
pub mod report;

/// Settings from flags, environment and `han.yml`, each with its origin; project overrides.
pub mod config;
/// The context of a command: configuration, environment, clock, log.
pub mod context;
/// `sync-state.json`, `sync-queue.json`, the file locks, atomic replacement of files, the client id; in `install/` the
/// schedule and the hooks that were written for this user.
pub mod state;
/// han's database, read-only, and the detection of a rebuilt one.
pub mod source;
/// The decisions of a run: eligibility, delta, scan, fast path, schedule.
pub mod plan;
/// The payload of one batch: messages, token usage, redaction, envelope, encoding.
pub mod batch;
/// Batches to the receiver, acknowledgements back to the cursors.
pub mod delivery;
/// A run, from lock to report.
pub mod run;
/// The command line: one function for each command.
pub mod cli;
