//! Random histories of a machine, its han, its line and its receiver, with the real exporter and real files, against a
//! model of what may leave and what must arrive.
//!
//! A history is a list of plain data (`action`), drawn from a seed. A simulation does what it says (`simulation`, `runs`), keeps
//! account of what any run can have known (`reference`), and is judged at every request and at rest (`oracle`). One that
//! fails is cut down to a short script, which is printed (`histories`); mended, it joins `regressions`.
//!
//! The seed says against which receiver. Two thirds run against the tests' own, which can be made to say anything, the
//! others against the real one (`receiver`), which is killed now and then and judged by what it has made of what it was
//! sent (`received`).

mod histories;
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
use std::sync::Mutex;
use std::time::{Duration, Instant};

use self::action::{Action, Receiver, history};
use self::histories::{Histories, caught};
use self::simulation::Simulation;

/// Histories of the two forms.
const SHORT: usize = 80;
const LONG: usize = 10_000;
/// Every so many run against the real receiver.
const REAL_EVERY: u64 = 3;
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
    caught(|| {
        let mut simulation = Simulation::new(seed, receiver);
        simulation.run_history(history)?;
        Ok(simulation.real.iter().flatten().map(|receiver| receiver.kills()).sum())
    })
}

#[test]
fn every_history_ends_with_what_is_eligible_at_the_receiver_once_and_nothing_else() {
    let histories = Histories::of_this_run(SHORT, LONG);
    let since = Instant::now();
    let tallies = Mutex::new([Tally::default(), Tally::default()]);
    let live = |seed: u64, lived: &[Action]| run_history(seed, receiver_of(seed), lived);
    let counted =
        |seed: u64, lived: &[Action]| {
            let since = Instant::now();
            let kills = live(seed, lived);
            tallies.lock().expect("nobody panics with it")[usize::from(receiver_of(seed) == Receiver::Real)]
                .add(lived.len(), *kills.as_ref().unwrap_or(&0), since.elapsed());
            kills.map(drop)
        };
    let found = histories.live(|seed, rng| history(rng, receiver_of(seed)), counted);
    let [tests, real] = tallies.into_inner().expect("nobody panics with it");
    let took = since.elapsed().as_secs_f64();
    let what =
        format!("{tests}, and {real} against the real receiver, killed {} times, in {took:.0} s", real.kills);
    histories.conclude(&what, &found, SHRINK_STEPS_MAX, |seed, script| live(seed, script).map(drop));
}

#[test]
fn histories_that_once_found_something_find_nothing() {
    for (name, seed, history) in regressions::REGRESSIONS {
        for receiver in [Receiver::Tests, Receiver::Real] {
            run_history(*seed, receiver, history).unwrap_or_else(|why| panic!("{name}, {receiver:?}: {why}"));
        }
    }
}
