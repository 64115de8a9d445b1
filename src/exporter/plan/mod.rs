//! The decisions of a run. Policies are pure: clock, environment, files and network come in as arguments.

/// The repository of a session.
pub mod session_repository;
/// The privacy filter: five rules, in order.
pub mod eligibility;
/// The pull request of a session.
pub mod pull_request;
/// Patterns without effect.
pub mod unmatched_patterns;
/// The table of conditions.
pub mod conditions;
/// The comparison of the source with the cursors.
pub mod delta;
/// Rebuild detection, and the advance of the watermark.
mod source_check;
/// Folders of sessions and projects.
pub mod folders;
/// The scan of the source: which sessions are eligible, and which of them have undelivered data.
pub mod scan;
/// Statements of the identity that are not taken as they are.
pub mod identity_check;
/// The proof that a receiver holds what the source has.
pub mod proof;
/// The conditions that hold.
pub mod diagnosis;
/// A session that the run sends, with its constraints.
pub mod due_session;
/// The due sessions of a run, the age of the identity, heartbeats.
pub mod schedule;
/// The fast path: a run with nothing, or with little, to do.
pub mod fast_path;
/// The sessions that a command to forget concerns.
pub mod forget_plan;
