//! The decisions of a run. Policies are pure: clock, environment, files and network come in as arguments.

/// The five rules of privacy, in order.
pub mod eligibility;
/// The comparison of the source with the cursors.
pub mod delta;
/// The scan of the source: which sessions are eligible, and which of them have undelivered data.
pub mod scan;
/// A session to send.
pub mod pending_session;
/// The due sessions of a run, the age of the identity, heartbeats.
pub mod schedule;
/// The fast path: a run with nothing, or with little, to do.
pub mod fast_path;
