//! Random histories of any kind: which of them a run lives through, on several threads, and how those that find something
//! are cut down and told.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::campaign::words;
use crate::size;
use crate::support::han_db::text::Rng;

/// Programs wait for one another, so that more histories than processors keep these busy.
const WORKERS: usize = 3;
/// So many that found something are cut down.
const REPORTED: usize = 5;
/// Attempts to reproduce a failure while cutting down, since a history may fail by chance.
const TRIES: usize = 2;

/// The seeds of a run's histories.
#[derive(Debug, Clone, Copy)]
pub struct Histories {
    pub first: u64,
    pub count: usize,
}

/// A history that found something.
pub struct Failure<A> {
    seed: u64,
    why: String,
    history: Vec<A>,
}

impl Histories {
    /// The seeds of this run: those that the environment asks for, else the same each time in the short form, and new ones in
    /// the long form, which looks for what nobody has seen.
    pub fn of_this_run(short: usize, long: usize) -> Histories {
        let number = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().expect("a number"));
        let one = number("HAN_SYNC_TORTURE_SEED");
        let asked = number("HAN_SYNC_TORTURE_HISTORIES").map(|count| count as usize);
        let count = asked.unwrap_or(if one.is_some() { 1 } else { size::pick(short, long) });
        let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let first = one.unwrap_or_else(|| if size::is_long() { now() } else { 1 });
        Histories { first, count }
    }

    pub fn last(self) -> u64 {
        self.first + self.count as u64 - 1
    }

    /// Draws the history of each seed and lives through it.
    pub fn live<A: Send>(
        self,
        draw: impl Fn(u64, &mut Rng) -> Vec<A> + Sync,
        live: impl Fn(u64, &[A]) -> Result<(), String> + Sync,
    ) -> Vec<Failure<A>> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let work = || {
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= self.count {
                    return;
                }
                let seed = self.first + nth as u64;
                let history = draw(seed, &mut Rng::new(seed));
                if let Err(why) = live(seed, &history) {
                    eprintln!("torture: model: seed {seed} fails: {why}");
                    found.lock().expect("nobody panics with it").push(Failure { seed, why, history });
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..WORKERS.min(self.count) {
                scope.spawn(work);
            }
        });
        found.into_inner().expect("nobody panics with it")
    }

    /// Tells what was found, the first of it cut down within `steps` histories, and panics if there is anything.
    #[track_caller]
    pub fn conclude<A: Clone + Debug>(
        self,
        what: &str,
        found: &[Failure<A>],
        steps: usize,
        live: impl Fn(u64, &[A]) -> Result<(), String>,
    ) {
        let Histories { first, count } = self;
        let told = format!("{what}, seeds {first} to {}, {} found something", self.last(), found.len());
        size::report("model", &told);
        for Failure { seed, why, history } in found.iter().take(REPORTED) {
            let fails = |history: &[A]| (0..TRIES).any(|_| live(*seed, history).is_err());
            let script = shrink(history.clone(), steps, fails);
            let again = live(*seed, &script).err().unwrap_or_else(|| "it does not fail each time".to_owned());
            let lines: String = script.iter().map(|action| format!("    {action:?},\n")).collect();
            size::report("model", &format!("seed {seed} of {what}: {why}\n  cut down: {again}\n{lines}"));
        }
        assert!(found.is_empty(), "{} of {count} histories found something", found.len());
    }
}

/// Turns a panic into what was found.
pub fn caught<T>(live: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(live)).unwrap_or_else(|panic| Err(format!("panic: {}", words(&*panic))))
}

/// Chooses by weight.
pub fn weighted<T: Copy>(rng: &mut Rng, choices: &[(usize, T)]) -> T {
    let mut left = rng.below(choices.iter().map(|(weight, _)| weight).sum());
    for (weight, choice) in choices {
        if left < *weight {
            return *choice;
        }
        left -= weight;
    }
    unreachable!("the weights add up")
}

/// Leaves out of a history whatever it fails without: halves first, then ever smaller parts.
fn shrink<A: Clone>(history: Vec<A>, steps_max: usize, fails: impl Fn(&[A]) -> bool) -> Vec<A> {
    let mut history = history;
    let mut part = history.len().div_ceil(2);
    let mut steps = 0;
    while part > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < history.len() && steps < steps_max {
            let mut rest = history.clone();
            rest.drain(at..(at + part).min(history.len()));
            steps += 1;
            if fails(&rest) {
                history = rest;
                shorter = true;
            } else {
                at += part;
            }
        }
        part = if part == 1 && shorter && steps < steps_max { 1 } else { part / 2 };
    }
    history
}
