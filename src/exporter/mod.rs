//! The run of `han-sync`, in the order in which data flows.

/// The command line: raw arguments to a validated request.
pub mod cli;
/// Everything that the process environment says, read once.
pub mod environment;
/// The first document of a YAML file, if it is one that can be read safely.
pub mod yaml;
/// Settings from flags, environment and `han.yml`, each with where it was set.
pub mod config;
/// The narrowings that a repository's own `han.yml` may ask for.
pub mod narrowing;
/// The time: the machine's clock, or one that a test sets.
pub mod clock;
/// Structured messages on stderr.
pub mod log;
/// Exit codes, and the errors that end the program.
pub mod exit;

/// Files that are replaced whole.
pub mod files;
/// The file locks.
pub mod lock;
/// `sync-state.json`: what each destination has acknowledged.
pub mod state;
/// `sync-queue.json`: the sessions that wait by themselves, and why.
pub mod queue;

/// han's database, read-only.
pub mod source;
/// Noticing a database that is not the one the cursors were taken from.
pub mod lineage;
/// Who may leave the machine: the five rules, in order.
pub mod privacy;
/// What is new: the pure comparison of source and cursors.
pub mod delta;
/// Looking over the source: who may leave, and who has anything new.
pub mod survey;
/// Whether there is anything to do at all.
pub mod glance;
/// What is due, and what is known well enough.
pub mod due;

/// Secrets out of text that leaves.
pub mod redact;
/// What raw JSON says of the answer it belongs to.
pub mod answer;
/// A payload before compression.
pub mod document;
/// The one place where a payload is built.
pub mod batch;
/// Batches off the work, one after the other; cursors over what was acknowledged.
pub mod cutter;
/// Batches made ready ahead of their turn.
pub mod press;

/// How long to wait after a fault.
pub mod retry;
/// One request and what its answer means.
pub mod client;
/// The thread that talks to the receiver, and the signals that end a run.
pub mod line;
/// Batches out, acknowledgements in.
pub mod delivery;
/// What a run tells its caller.
pub mod report;
/// One run from lock to exit.
pub mod run;

/// From a request to its result: one function a command.
pub mod commands;
