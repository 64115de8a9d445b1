//! The data that leaves the machine, and the commands that show it beforehand: the real exporter, a receiver that records.
//!
//! Each file tests one promise: `preview` shows the bytes that are sent, `explain` names every rule, identity
//! and project overrides fail closed, and nothing but the wire table's fields is ever on the wire.

mod attachments;
mod columns;
mod configuration;
mod explain;
mod identity;
mod leaks;
mod owners;
mod project_override;
mod pull_request;
mod session_repository;
mod spelling;
mod terminal;
mod preview;
