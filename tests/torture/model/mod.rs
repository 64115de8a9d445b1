//! Random histories of a machine, its han, its line and its receiver, with the real exporter and real files, against a
//! model of what may leave and what must arrive.
//!
//! A history is a list of plain data (`action`), drawn from a seed. A world does what it says (`world`, `runs`), keeps
//! account of what any run can have known (`ledger`), and is judged at every request and at rest (`judge`). One that
//! fails is cut down to a short script, which is printed; mended, it joins `regressions`.

mod action;
mod han;
mod judge;
mod ledger;
mod regressions;
mod runs;
mod trouble;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use self::action::{Action, history};
use self::world::World;
use crate::size;
use crate::support::han_db::text::Rng;

/// Histories of the two forms.
const SHORT: usize = 80;
const LONG: usize = 10_000;
/// Programs wait for one another, so that more histories than processors keep these busy.
const WORKERS: usize = 3;
/// How often a history is tried again that may fail by chance, when it is cut down.
const TRIES: usize = 2;
/// So many that found something are cut down.
const REPORTED: usize = 5;
/// Cutting down ends after so many histories, short enough or not.
const CUTS_MAX: usize = 400;

/// Lives through a history. What went wrong, if anything.
fn live(seed: u64, history: &[Action]) -> Result<(), String> {
    let lived = catch_unwind(AssertUnwindSafe(|| World::new(seed).live(history)));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn fails(seed: u64, history: &[Action]) -> bool {
    (0..TRIES).any(|_| live(seed, history).is_err())
}

/// Leaves out of a history whatever it fails without: halves first, then ever smaller parts.
fn cut_down(seed: u64, history: Vec<Action>) -> Vec<Action> {
    let mut history = history;
    let mut part = history.len().div_ceil(2);
    let mut cuts = 0;
    while part > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < history.len() && cuts < CUTS_MAX {
            let mut rest = history.clone();
            rest.drain(at..(at + part).min(history.len()));
            cuts += 1;
            if fails(seed, &rest) {
                history = rest;
                shorter = true;
            } else {
                at += part;
            }
        }
        part = if part == 1 && shorter && cuts < CUTS_MAX { 1 } else { part / 2 };
    }
    history
}

#[test]
fn every_history_ends_with_what_is_eligible_at_the_receiver_once_and_nothing_else() {
    let one: Option<u64> =
        std::env::var("HAN_SYNC_TORTURE_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let count = if one.is_some() { 1 } else { size::pick(SHORT, LONG) };
    // The short form is the same each time; the long one looks for what nobody has seen.
    let first = one.unwrap_or_else(|| {
        let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        if size::is_long() { now() } else { 1 }
    });
    let since = Instant::now();
    let (next, actions) = (AtomicUsize::new(0), AtomicUsize::new(0));
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
                        let mut found = found.lock().expect("nobody panics with it");
                        eprintln!("torture: model: seed {seed} fails: {why}");
                        found.push((seed, why, history));
                    }
                }
            });
        }
    });
    let took = since.elapsed().as_secs_f64();
    let found = found.into_inner().expect("nobody panics with it");
    let actions = actions.into_inner();
    size::report(
        "model",
        &format!(
            "{count} histories of {actions} actions in {took:.0} s, seeds {first} to {}, {} found something",
            first + count as u64 - 1,
            found.len()
        ),
    );
    for (seed, why, history) in found.iter().take(REPORTED) {
        let script = cut_down(*seed, history.clone());
        let again = live(*seed, &script).err().unwrap_or_else(|| "it does not fail each time".to_owned());
        let lines: String = script.iter().map(|action| format!("    {action:?},\n")).collect();
        size::report("model", &format!("seed {seed}: {why}\n  cut down: {again}\n{lines}"));
    }
    assert!(found.is_empty(), "{} of {count} histories found something", found.len());
}

#[test]
fn histories_that_once_found_something_find_nothing() {
    for (name, seed, history) in regressions::REGRESSIONS {
        live(*seed, history).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}
