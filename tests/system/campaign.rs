//! Many cases of one attack, on all processors, each in a home of its own; what they find is told together at the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::size;

/// Findings that are told in full; more of them are mostly the same again.
const TOLD_MAX: usize = 20;

/// Cases that share a place, before it has grown too large to be quick.
const SHARED_MAX: usize = 100;

/// The seed of this run's samples.
pub fn seed() -> usize {
    std::env::var("HAN_SYNC_TORTURE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

/// All cases in the long form; in the short one about `wanted` of them, evenly spread from a place that the seed gives.
pub fn sample<T>(cases: Vec<T>, wanted: usize) -> Vec<T> {
    if size::is_long() || cases.len() <= wanted {
        return cases;
    }
    let step = cases.len().div_ceil(wanted);
    cases.into_iter().skip(seed() % step).step_by(step).collect()
}

/// Totals and findings of the cases.
#[derive(Debug, Default)]
pub struct Tally {
    pub tried: usize,
    /// Cases in which the fault came about: a program may make one call fewer than it did when it was recorded.
    pub struck: usize,
    pub findings: Vec<String>,
}

impl Tally {
    /// Reports, and panics if anything was found.
    #[track_caller]
    pub fn conclude(self, part: &str, what: &str) {
        let Tally { tried, struck, findings } = self;
        size::report(part, &format!("{what}: {tried} tried, {struck} struck, {} findings", findings.len()));
        let told: Vec<&String> = findings.iter().take(TOLD_MAX).collect();
        for finding in &told {
            size::report(part, &format!("FOUND in {what}: {finding}"));
        }
        assert!(findings.is_empty(), "{} findings in {what}: {told:#?}", findings.len());
        assert!(struck > 0, "no fault came about in {what}");
    }
}

/// Tries each case; it says whether its fault came about, and panics with what it finds.
pub fn each<T: std::fmt::Debug + Sync>(cases: &[T], try_one: impl Fn(&T) -> bool + Sync) -> Tally {
    each_with(cases, || (), |(), case| try_one(case))
}

/// The same with a place to work in, which several cases share; whoever finds something gets a new one.
pub fn each_with<P, T: std::fmt::Debug + Sync>(
    cases: &[T],
    make_place: impl Fn() -> P + Sync,
    try_one: impl Fn(&mut P, &T) -> bool + Sync,
) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally { tried: cases.len(), ..Tally::default() });
    let work = || {
        let mut place = None;
        let mut used = 0;
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            used += 1;
            if used > SHARED_MAX {
                (place, used) = (None, 1);
            }
            let result =
                catch_unwind(AssertUnwindSafe(|| try_one(place.get_or_insert_with(&make_place), case)));
            let mut tally = tally.lock().expect("nobody panics while counting");
            match result {
                Ok(struck) => tally.struck += usize::from(struck),
                Err(panic) => {
                    tally.struck += 1;
                    tally.findings.push(format!("{case:?}: {}", words(&*panic)));
                    place = None;
                }
            }
        }
    };
    let workers = thread::available_parallelism().map_or(2, |count| count.get());
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    tally.into_inner().expect("nobody panics while counting")
}

/// The message of a panic.
pub fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
