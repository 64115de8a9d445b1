//! Random histories of two machines of one user and a receiver that loses rows, is corrupted and is restored from backups, with
//! `verify`, `forget` and their opposites, and kills in between.
//!
//! `action` draws a history, `world` lives it and keeps account of what was forgotten, `rest` brings it to rest and judges. Each
//! third history is on PostgreSQL, where there is one. The part `model` of `scripts/torture` has the long form.

mod action;
mod rest;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use self::action::{Action, history};
use self::world::World;
use super::histories::{Histories, caught};
use super::simulation::Checked;
use crate::support::han_db::text::Rng;
use crate::support::running_receiver::{TestStore, postgres, sqlite};

/// Histories of the two forms.
const SHORT: usize = 12;
const LONG: usize = 3_000;
/// Histories that a failure is cut down with.
const SHRINK_STEPS_MAX: usize = 200;

fn store_of(seed: u64) -> TestStore {
    let on_postgres = seed.is_multiple_of(3) && std::env::var_os("HAN_SYNC_TEST_POSTGRES").is_some();
    if on_postgres { postgres().expect("it was there") } else { sqlite() }
}

fn live(seed: u64, history: &[Action]) -> Checked<()> {
    caught(|| World::new(seed, store_of(seed)).live(history))
}

#[test]
fn what_is_damaged_is_found_and_mended_and_what_is_forgotten_never_comes_back() {
    let histories = Histories::of_this_run(SHORT, LONG);
    let (actions, since) = (AtomicUsize::new(0), Instant::now());
    let draw = |_, rng: &mut Rng| {
        let history = history(rng);
        actions.fetch_add(history.len(), Ordering::Relaxed);
        history
    };
    let found = histories.live(draw, live);
    let Histories { count, .. } = histories;
    let (actions, took) = (actions.into_inner(), since.elapsed().as_secs_f64());
    let what = format!(
        "{count} histories of {actions} actions of two machines that verify and forget, in {took:.0} s"
    );
    histories.conclude(&what, &found, SHRINK_STEPS_MAX, live);
}
