//! The one pass over a text: where the literals stand that secrets come with.
//!
//! An automaton's step waits for the one before it, so one walk leaves most of a processor idle. Four walks through
//! four quarters of the text at once take about half the time of one.

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use std::ops::Range;

/// Walks at once: more than the latency of a step needs, fewer than there are registers.
const LANES: usize = 4;

/// The literals of all rules in one automaton.
pub(super) struct Anchors {
    automaton: DFA,
    root: StateID,
}

impl Anchors {
    /// The literals are known by their place in the list, and may be equal.
    pub(super) fn new(literals: &[String]) -> Anchors {
        // Its start states would otherwise ask for attention at every step.
        let automaton = DFA::builder().prefilter(false).build(literals);
        let automaton = automaton.expect("a few hundred short literals make a small automaton");
        let root = automaton.start_state(Anchored::No).expect("it can be walked from any place");
        Anchors { automaton, root }
    }

    /// Calls back for each literal that is found, also within another; for literals that are equal in order of place.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize, Range<usize>)) {
        let quarter = text.len() / LANES;
        let (first, rest) = text.split_at(quarter);
        let (second, rest) = rest.split_at(quarter);
        let (third, fourth) = rest.split_at(quarter);
        let mut states = [self.root; LANES];
        let mut hits: [Vec<(usize, StateID)>; LANES] = Default::default();
        let bytes = first.iter().zip(second).zip(third).zip(fourth);
        for (step, (((first, second), third), fourth)) in bytes.enumerate() {
            for (lane, byte) in [*first, *second, *third, *fourth].into_iter().enumerate() {
                states[lane] = self.automaton.next_state(Anchored::No, states[lane], byte);
                if self.automaton.is_special(states[lane]) {
                    hits[lane].push((lane * quarter + step + 1, states[lane]));
                }
            }
        }
        for (lane, hits) in hits.iter_mut().enumerate() {
            let start = lane * quarter;
            let is_last = lane == LANES - 1;
            let end = if is_last { text.len() } else { start + quarter };
            // What begins in this quarter may end in the next one, whose walk did not see its beginning.
            let limit = text.len().min(end + self.automaton.max_pattern_len() - 1);
            let mut state = states[lane];
            for (step, byte) in text[start + quarter..limit].iter().enumerate() {
                state = self.automaton.next_state(Anchored::No, state, *byte);
                if self.automaton.is_special(state) {
                    hits.push((start + quarter + step + 1, state));
                }
            }
            for (hit_end, state) in hits.drain(..) {
                for index in 0..self.automaton.match_len(state) {
                    let literal = self.automaton.match_pattern(state, index);
                    let hit = hit_end - self.automaton.pattern_len(literal)..hit_end;
                    if hit.start < end {
                        found(literal.as_usize(), hit);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_literal_is_found_once_wherever_the_text_is_cut() {
        let literals = ["ab", "abcde", "bc", "e", "ab"].map(str::to_owned);
        let anchors = Anchors::new(&literals);
        for length in 0..40 {
            for shift in 0..7 {
                let text: String = "abcdef ".chars().cycle().skip(shift).take(length).collect();
                let mut found = Vec::new();
                anchors.each(text.as_bytes(), |literal, range| found.push((range.start, literal)));
                let mut expected = Vec::new();
                for (literal, word) in literals.iter().enumerate() {
                    let starts = (0..text.len()).filter(|start| text[*start..].starts_with(word.as_str()));
                    expected.extend(starts.map(|start| (start, literal)));
                }
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{text}");
            }
        }
    }
}
