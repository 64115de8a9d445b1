//! Commands about this machine: setup, schedule and hooks, pauses, the log, conditions, completions.

/// The conditions that hold, each with its remedy.
pub mod doctor;
/// Pauses of scheduled runs.
pub mod pause;
/// The log of operations, readable.
pub mod logs;
/// Completions of shells.
pub mod completions;
/// Schedule and hooks.
pub mod install;
/// Receiver, key and rules of this machine.
pub mod init;
