//! Attacks on the promise that nothing is lost and nothing comes twice, by machines rather than by argument.
//!
//! Each module is one attack. Here they run in their short form; `scripts/torture` runs the long one, and
//! `docs/reliability.md` has the figures of such a run.

#![allow(
    clippy::duplicate_mod,
    reason = "the fuzz targets are a crate of their own too, and bring what they need"
)]

#[path = "../receiver_support/mod.rs"]
mod receiver_support;
#[path = "../support/mod.rs"]
mod support;

mod campaign;
mod home;
mod size;
mod strace;

mod crowd;
mod fuzz;
mod input;
mod model;
mod syscalls;
