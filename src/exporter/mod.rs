//! The run of `han-sync`, in the order in which data flows.

/// The command line: raw arguments to a validated request.
pub mod cli;
/// Exit codes, and the errors that end the program.
pub mod exit;

/// The time: the machine's clock, or one that a test sets.
pub mod clock;
/// Settings from flags, environment and `han.yml`, each with where it was set.
pub mod config;
/// Everything that the process environment says, read once.
pub mod environment;
/// Structured messages on stderr.
pub mod log;
/// The narrowings that a repository's own `han.yml` may ask for.
pub mod narrowing;

/// Files that are replaced whole.
pub mod files;
/// The file locks.
pub mod lock;
/// `sync-queue.json`: the sessions that wait, and why.
pub mod queue;
/// `sync-state.json`: what each destination has acknowledged.
pub mod state;

/// Cutting what is new into batches: the one place where a payload is built.
pub mod batch;
/// What is new: the pure comparison of source and cursors.
pub mod delta;
/// Noticing a database that is not the one the cursors were taken from.
pub mod lineage;
/// Who may leave the machine: the five rules, in order.
pub mod privacy;
/// Secrets out of text that leaves.
pub mod redact;
/// han's database, read-only.
pub mod source;
/// Looking over the source: who may leave, and who has anything new.
pub mod survey;

/// Batches off the work, one after the other; cursors over what was acknowledged.
pub mod cutter;

/// One request and what its answer means.
pub mod client;
/// Batches out, acknowledgements in.
pub mod delivery;
/// The thread that talks to the receiver, and the signals that end a run.
pub mod line;
/// What a run tells its caller.
pub mod report;
/// How long to wait after a fault.
pub mod retry;
/// One run from lock to exit.
pub mod run;

/// Commands that look and change nothing, or change only the queue and the cursors.
pub mod commands;
