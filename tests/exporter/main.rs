//! The exporter alone: the real program against a test receiver, and the parts of it that can be tested by themselves.
//!
//! These tests need no feature: they test the exporter as it is shipped.

#[path = "../support/mod.rs"]
mod support;

mod delivery;
mod disclosure;
mod fixtures;
mod test_receiver;
mod privacy;
mod redaction;
mod wire;
