//! Both programs together, and attacks on the promise that nothing is lost and nothing is stored twice.
//!
//! Each module is one attack. Here they run in their short form; `scripts/torture` runs the long one, and
//! `docs/reliability.md` has the figures of such a run.

#[path = "../support/mod.rs"]
mod support;

mod campaign;
mod clocked_machine;
mod home;
mod size;
mod strace;

mod concurrency;
mod end_to_end;
mod fuzz;
mod input;
mod login;
mod lookups;
mod model;
mod packaging;
mod rollout;
mod story;
mod syscalls;
mod verify;
