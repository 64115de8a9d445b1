//! Helpers of the tests of the real programs, one of each kind.
//!
//! Each test binary and each benchmark includes it once. Only the fault is simulated: sockets, processes and databases
//! are real.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]

#[path = "../../fixtures/han_db/mod.rs"]
pub mod han_db;

pub mod authorization_server;
#[cfg(feature = "receiver")]
pub mod browser;
#[cfg(feature = "receiver")]
pub mod cluster;
pub mod corpus;
pub mod crontab;
pub mod exporter_test;
pub mod golden;
pub mod http;
#[cfg(feature = "receiver")]
pub mod load;
pub mod man_page;
#[cfg(feature = "receiver")]
pub mod oidc_provider;
pub mod proxy;
pub mod pseudo_terminal;
pub mod recount;
pub mod redaction_report;
pub mod relay;
#[cfg(feature = "receiver")]
pub mod running_receiver;
pub mod sandbox;
pub mod template;
pub mod test_receiver;
pub mod tls;

pub use exporter_test::ExporterTest;
pub use sandbox::{Outcome, RunningProgram, Sandbox, time, wait_until};
pub use test_receiver::fault::{self, Fault, Request, batches, connections, forgets, identities, requests};
pub use test_receiver::{ListenOptions, TestReceiver};
