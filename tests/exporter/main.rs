//! The exporter alone: the real program against a test receiver, and the parts of it that can be tested by themselves.
//!
//! No feature is needed: the exporter is tested as it is shipped.

#[path = "../support/mod.rs"]
mod support;

mod delivery;
mod disclosure;
mod fixtures;
mod laptop;
mod login;
mod test_receiver;
mod privacy;
mod redaction;
mod wire;
