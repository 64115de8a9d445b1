//! The installation: a schedule for this user, and the hooks of the agent.
//!
//! An installation is planned whole before anything is written, so that one that cannot be completed leaves nothing behind.
//! A record in the state folder says what was written; `uninstall` removes exactly that.

/// Replacement of files that others own, too.
mod written_file;
/// JSON text with positions.
mod json_text;
/// Hooks in a settings file.
pub mod hooks;
/// The period of a schedule.
mod period;
/// The command line of a run and of a hook.
pub mod installed_line;
mod systemd;
mod launchd;
mod crontab;
/// The schedulers.
pub mod scheduler;
/// The record of what was written.
pub mod record;
/// The schedule of a scheduler, planned.
mod schedule;
/// The hooks, planned.
mod hook_files;
/// Removal.
pub mod removal;
/// Planning and writing.
pub mod installation;
/// Presence of schedule and hooks.
pub mod presence;
