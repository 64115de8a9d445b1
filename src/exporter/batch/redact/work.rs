//! The work of a search, counted by the tests: bytes that are read, so that linear time is shown without a clock. In the
//! program itself nothing is counted.

use regex::Regex;

/// Counts bytes that are read.
#[cfg(not(test))]
pub(super) fn read(_bytes: usize) {}

/// Counts the bytes that a pattern reads from here until it can match no longer.
#[cfg(not(test))]
pub(super) fn attempt(_pattern: &Regex, _text: &str) {}

#[cfg(test)]
pub(super) use self::counted::{attempt, of, read};

#[cfg(test)]
mod counted {
    use std::cell::{Cell, RefCell};
    use std::collections::HashMap;

    use regex_automata::Anchored;
    use regex_automata::hybrid::dfa::{Cache, DFA};
    use regex_automata::util::start;

    use super::Regex;

    thread_local! {
        static BYTES: Cell<usize> = const { Cell::new(0) };
        /// The automaton of each pattern, which is stepped byte by byte.
        static AUTOMATONS: RefCell<HashMap<String, (DFA, Cache)>> = RefCell::default();
    }

    pub(in super::super) fn read(bytes: usize) {
        BYTES.set(BYTES.get() + bytes);
    }

    pub(in super::super) fn attempt(pattern: &Regex, text: &str) {
        AUTOMATONS.with_borrow_mut(|automatons| {
            let (automaton, cache) = automatons.entry(pattern.as_str().to_owned()).or_insert_with(|| {
                let automaton = DFA::new(pattern.as_str()).expect("a pattern that regex compiles");
                let cache = automaton.create_cache();
                (automaton, cache)
            });
            let start = start::Config::new().anchored(Anchored::Yes);
            let mut state = automaton.start_state(cache, &start).expect("anchored searches have a start");
            for (at, byte) in text.bytes().enumerate() {
                state =
                    automaton.next_state(cache, state, byte).expect("the cache is cleared when it is full");
                if state.is_dead() || state.is_quit() {
                    return read(at + 1);
                }
            }
            read(text.len());
        });
    }

    /// The bytes that are read while this runs.
    pub(in super::super) fn of<T>(work: impl FnOnce() -> T) -> usize {
        BYTES.set(0);
        std::hint::black_box(work());
        BYTES.get()
    }
}
