//! The long form of `tests/system/fuzz`: the same targets and the same mutations, led by libFuzzer to new code.
//!
//! Run by `scripts/torture fuzz`, or one by hand: `cargo fuzz run --sanitizer none TARGET fuzz/corpus/TARGET fuzz/seeds/TARGET`.
//! Without a sanitizer, because the code is safe Rust but for one call to `setsid` and for SQLite, which is fuzzed by its
//! own authors: what is looked for are panics, overflows, and answers that are wrong, and without one there are twice as
//! many executions.

#[path = "../../tests/system/fuzz/mutate.rs"]
pub mod mutate;
#[path = "../../tests/system/fuzz/targets/mod.rs"]
pub mod targets;
#[allow(dead_code, reason = "the targets use a part of it")]
#[path = "../../tests/support/template.rs"]
pub mod template;
#[allow(dead_code, reason = "the targets use a part of it")]
#[path = "../../tests/support/recount.rs"]
pub mod recount;

/// Texts that are repeated grow to this: what is linear takes milliseconds, and what is not takes longer than libFuzzer
/// lets an input take.
pub const REPEATED_BYTES: usize = 512 << 10;

/// A target: its body, and mutations that know JSON beside libFuzzer's own.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::targets::$name::run(input));
        libfuzzer_sys::fuzz_mutator!(|input: &mut [u8], size: usize, size_max: usize, seed: u32| {
            if seed % 2 == 0 {
                return libfuzzer_sys::fuzzer_mutate(input, size, size_max);
            }
            let mut random = $crate::template::Seeded(u64::from(seed));
            let mutated = $crate::mutate::mutate(&input[..size], &[], &mut random);
            let length = mutated.len().min(size_max);
            input[..length].copy_from_slice(&mutated[..length]);
            length
        });
    };
}
