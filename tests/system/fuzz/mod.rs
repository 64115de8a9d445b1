//! Inputs that no program would write, in their short form: each target over its seeds and some thousands of mutations of
//! them. The long form is `fuzz/`, where libFuzzer leads the same targets to code that they have not reached.
//!
//! A finding's input becomes a seed in `fuzz/seeds/TARGET/`, which is run here first, and a test beside the code.

mod mutate;
mod targets;

use crate::size;
use crate::support::{recount, template};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use template::Seeded;

/// Seed, unless `HAN_SYNC_TORTURE_SEED` names another.
const SEED: u64 = 20_260_102;

/// Texts that are repeated grow to this: enough to see that it can be done.
const REPEATED_BYTES: usize = 16 << 10;
/// Without libFuzzer, the long form is the short one for longer.
const LONGER: u64 = 50;

/// Runs a target over its seeds, then over `count` mutations; in the long form, over many more.
fn fuzz(target: &str, count: u64, run: fn(&[u8])) {
    let count = size::pick(count, count * LONGER);
    let seed = std::env::var("HAN_SYNC_TORTURE_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    let folder = format!("{}/fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("every target has seeds")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("a seed")).collect();
    assert!(seeds.len() >= 2, "{folder} holds too few seeds");
    for (path, input) in paths.iter().zip(&seeds) {
        try_one(run, input, &format!("{}", path.display()));
    }
    let mut random = Seeded(seed);
    for number in 0..count {
        let input = mutate::mutate(&seeds[random.below(seeds.len())], &seeds, &mut random);
        try_one(run, &input, &format!("mutation {number} of seed {seed}"));
    }
    let words = format!("{target}: {} seeds and {count} mutations, seed {seed}, no finding", seeds.len());
    size::report("fuzz", &words);
}

/// Runs a target, and prints an input that makes it panic in full, to be kept as a seed.
fn try_one(run: fn(&[u8]), input: &[u8], name: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(input))) {
        eprintln!("found by {name}: \"{}\"", input.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

macro_rules! targets {
    ($($name:ident: $count:expr,)*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name), $count, targets::$name::run);
        })*
    };
}

// As many as take two or three seconds where nothing is optimized.
targets! {
    client_response: 50_000,
    configuration: 10_000,
    hook_input: 50_000,
    queue: 20_000,
    receiver_body: 3_000,
    redaction: 1_000,
    remote_pattern: 6_000,
    state: 10_000,
}
