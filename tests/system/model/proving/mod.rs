//! Random histories of two machines of one user and a receiver that loses rows, is corrupted and is restored from backups, with
//! `verify`, `forget` and their opposites, and kills in between.
//!
//! `action` draws a history, `world` lives it and keeps account of what was forgotten, `rest` brings it to rest and judges. Each
//! third history is on PostgreSQL, where there is one. The part `model` of `scripts/torture` has the long form.

mod action;
mod rest;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use self::action::{Action, history};
use self::world::World;
use super::simulation::Checked;
use crate::size;
use crate::support::han_db::text::Rng;
use crate::support::running_receiver::{TestStore, postgres, sqlite};

/// Histories of the two forms.
const SHORT: usize = 12;
const LONG: usize = 3_000;
const WORKERS: usize = 3;
/// Histories that a failure is cut down with.
const SHRINK_STEPS_MAX: usize = 200;

fn store_of(seed: u64) -> TestStore {
    let on_postgres = seed.is_multiple_of(3) && std::env::var_os("HAN_SYNC_TEST_POSTGRES").is_some();
    if on_postgres { postgres().expect("it was there") } else { sqlite() }
}

fn live(seed: u64, history: &[Action]) -> Checked<()> {
    let lived = catch_unwind(AssertUnwindSafe(|| World::new(seed, store_of(seed)).live(history)));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!(
            "panic: {}",
            text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
        ))
    })
}

/// Leaves out, one by one, the actions that a history fails without.
fn shrink(seed: u64, mut history: Vec<Action>) -> Vec<Action> {
    let (mut steps, mut at) = (0, 0);
    while at < history.len() && steps < SHRINK_STEPS_MAX {
        let mut rest = history.clone();
        rest.remove(at);
        steps += 1;
        match live(seed, &rest) {
            Err(_) => history = rest,
            Ok(()) => at += 1,
        }
    }
    history
}

#[test]
fn what_is_damaged_is_found_and_mended_and_what_is_forgotten_never_comes_back() {
    let number = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().expect("a number"));
    let one = number("HAN_SYNC_TORTURE_SEED");
    let asked = number("HAN_SYNC_TORTURE_HISTORIES").map(|count| count as usize);
    let count = asked.unwrap_or(if one.is_some() { 1 } else { size::pick(SHORT, LONG) });
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let first = one.unwrap_or_else(|| if size::is_long() { now() } else { 1 });
    let (next, actions, since) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(count) {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= count {
                        return;
                    }
                    let seed = first + nth as u64;
                    let history = history(&mut Rng::new(seed));
                    actions.fetch_add(history.len(), Ordering::Relaxed);
                    if let Err(why) = live(seed, &history) {
                        eprintln!("torture: model: proving seed {seed} fails: {why}");
                        found.lock().expect("nobody panics with it").push((seed, why, history));
                    }
                }
            });
        }
    });
    let found = found.into_inner().expect("nobody panics with it");
    size::report(
        "model",
        &format!(
            "{count} histories of {} actions of two machines that verify and forget, in {:.0} s, seeds {first} to {}, {} found \
             something",
            actions.into_inner(),
            since.elapsed().as_secs_f64(),
            first + count as u64 - 1,
            found.len()
        ),
    );
    for (seed, why, history) in found.iter().take(2) {
        let script = shrink(*seed, history.clone());
        let again = live(*seed, &script).err().unwrap_or_else(|| "it does not fail each time".to_owned());
        let lines: String = script.iter().map(|action| format!("    {action:?},\n")).collect();
        size::report("model", &format!("proving seed {seed}: {why}\n  cut down: {again}\n{lines}"));
    }
    assert!(found.is_empty(), "{} of {count} histories found something", found.len());
}
