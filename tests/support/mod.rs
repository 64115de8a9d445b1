//! What the tests of the real programs share: a receiver that can be made to fail in every way, and a sandbox to run in.
//!
//! An integration test includes it with `mod support;` (`#[path = "../support/mod.rs"]` from a folder). What is
//! simulated here is the fault, never the thing: real sockets, real processes, a real database of han's shape.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

#[path = "../../fixtures/han_db/mod.rs"]
pub mod han_db;

pub mod fault;
pub mod http;
pub mod proxy;
pub mod receiver;
pub mod sandbox;
pub mod server;
pub mod tls;

pub use fault::{Fault, Request, batches, connections, identities, requests};
pub use sandbox::{Outcome, Running, Sandbox, time, wait_until};
pub use server::{FaultServer, Line};
