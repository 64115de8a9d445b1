//! Folders on the machine that decide about sessions. They may not answer, and are inspected off the run's thread.

/// Threads for folders that may not answer.
mod threads;
/// The folders of sessions, and the repositories there.
pub mod session_folders;
/// The project overrides of project folders.
pub(super) mod project_folders;
/// Folders that macOS keeps from scheduled runs.
pub mod protected_folders;
