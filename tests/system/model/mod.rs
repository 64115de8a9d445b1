//! Random histories of a machine, its han, its line and its receiver, with the real exporter and real files, against a
//! model of what may leave and what must arrive.
//!
//! A history is a list of plain data (`action`), drawn from a seed. A simulation does what it says (`simulation`, `runs`), keeps
//! account of what any run can have known (`reference`), and is judged at every request and at rest (`oracle`). One that
//! fails is cut down to a short script, which is printed; mended, it joins `regressions`.
//!
//! The seed says against which receiver. Two thirds run against the tests' own, which can be made to say anything, the
//! others against the real one (`receiver`), which is killed now and then and judged by what it has made of what it was
//! sent (`received`).

mod action;
mod received;
mod han;
mod oracle;
mod reference;
mod receiver;
mod regressions;
mod runs;
mod faults;
mod simulation;
mod proving;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use self::action::{Action, Receiver, history};
use self::simulation::Simulation;
use crate::size;
use crate::support::han_db::text::Rng;

/// Histories of the two forms.
const SHORT: usize = 80;
const LONG: usize = 10_000;
/// Every so many run against the real receiver.
const REAL_EVERY: u64 = 3;
/// Programs wait for one another, so that more histories than processors keep these busy.
const WORKERS: usize = 3;
/// Attempts to reproduce a failure while shrinking, since a history may fail by chance.
const TRIES: usize = 2;
/// So many that found something are cut down.
const REPORTED: usize = 5;
/// Cutting down ends after so many histories, short enough or not.
const SHRINK_STEPS_MAX: usize = 400;

/// The receiver of a seed's history.
fn receiver_of(seed: u64) -> Receiver {
    if seed.is_multiple_of(REAL_EVERY) { Receiver::Real } else { Receiver::Tests }
}

/// Totals of all histories against one receiver.
#[derive(Default)]
struct Tally {
    histories: usize,
    actions: usize,
    kills: usize,
    /// Of each from its beginning to its end, others meanwhile.
    took: Duration,
}

impl Tally {
    fn add(&mut self, actions: usize, kills: usize, took: Duration) {
        self.histories += 1;
        self.actions += actions;
        self.kills += kills;
        self.took += took;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Tally { histories, actions, .. } = self;
        let each = self.took.as_secs_f64() / self.histories.max(1) as f64;
        write!(f, "{histories} histories of {actions} actions ({each:.2} s each)")
    }
}

/// Lives through a history. How often a receiver was killed meanwhile, or what went wrong.
fn run_history(seed: u64, receiver: Receiver, history: &[Action]) -> Result<usize, String> {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut simulation = Simulation::new(seed, receiver);
        simulation.run_history(history)?;
        Ok(simulation.real.iter().flatten().map(|receiver| receiver.kills()).sum())
    }));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn fails(seed: u64, receiver: Receiver, history: &[Action]) -> bool {
    (0..TRIES).any(|_| run_history(seed, receiver, history).is_err())
}

/// Leaves out of a history whatever it fails without: halves first, then ever smaller parts.
fn shrink(seed: u64, receiver: Receiver, history: Vec<Action>) -> Vec<Action> {
    let mut history = history;
    let mut part = history.len().div_ceil(2);
    let mut steps = 0;
    while part > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < history.len() && steps < SHRINK_STEPS_MAX {
            let mut rest = history.clone();
            rest.drain(at..(at + part).min(history.len()));
            steps += 1;
            if fails(seed, receiver, &rest) {
                history = rest;
                shorter = true;
            } else {
                at += part;
            }
        }
        part = if part == 1 && shorter && steps < SHRINK_STEPS_MAX { 1 } else { part / 2 };
    }
    history
}

#[test]
fn every_history_ends_with_what_is_eligible_at_the_receiver_once_and_nothing_else() {
    let number = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().expect("a number"));
    let one = number("HAN_SYNC_TORTURE_SEED");
    let asked = number("HAN_SYNC_TORTURE_HISTORIES").map(|count| count as usize);
    let count = asked.unwrap_or(if one.is_some() { 1 } else { size::pick(SHORT, LONG) });
    // The short form is the same each time; the long one readings for what nobody has seen.
    let first = one.unwrap_or_else(|| {
        let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        if size::is_long() { now() } else { 1 }
    });
    let since = Instant::now();
    let next = AtomicUsize::new(0);
    let tallies = Mutex::new([Tally::default(), Tally::default()]);
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
                    let receiver = receiver_of(seed);
                    let history = history(&mut Rng::new(seed), receiver);
                    let since = Instant::now();
                    let lived = run_history(seed, receiver, &history);
                    let kills = *lived.as_ref().unwrap_or(&0);
                    tallies.lock().expect("nobody panics with it")[usize::from(receiver == Receiver::Real)]
                        .add(history.len(), kills, since.elapsed());
                    if let Err(why) = lived {
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
    let [tests, real] = tallies.into_inner().expect("nobody panics with it");
    size::report(
        "model",
        &format!(
            "{tests}, and {real} against the real receiver, killed {} times, in {took:.0} s, seeds {first} to {}, {} \
             found something",
            real.kills,
            first + count as u64 - 1,
            found.len()
        ),
    );
    for (seed, why, history) in found.iter().take(REPORTED) {
        let receiver = receiver_of(*seed);
        let script = shrink(*seed, receiver, history.clone());
        let again = run_history(*seed, receiver, &script).err();
        let again = again.unwrap_or_else(|| "it does not fail each time".to_owned());
        let lines: String = script.iter().map(|action| format!("    {action:?},\n")).collect();
        size::report(
            "model",
            &format!("seed {seed}, receiver {receiver:?}: {why}\n  cut down: {again}\n{lines}"),
        );
    }
    assert!(found.is_empty(), "{} of {count} histories found something", found.len());
}

#[test]
fn histories_that_once_found_something_find_nothing() {
    for (name, seed, history) in regressions::REGRESSIONS {
        for receiver in [Receiver::Tests, Receiver::Real] {
            run_history(*seed, receiver, history).unwrap_or_else(|why| panic!("{name}, {receiver:?}: {why}"));
        }
    }
}
