//! The keyword search: an Aho-Corasick automaton over many literals.
//!
//! Each step of an automaton depends on the step before, so that a single walk leaves most of a processor idle. Four
//! interleaved walks over the four quarters of the text take about half the time of one.

use std::ops::Range;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;

/// Interleaved walks: enough to hide the latency of a step, few enough for the registers.
const LANES: usize = 4;

/// Many literals in one automaton.
#[derive(Debug)]
pub(super) struct KeywordAutomaton {
    automaton: DFA,
    root: StateID,
}

impl KeywordAutomaton {
    /// Builds the automaton. A literal is known by its index; equal literals are allowed. `any_case`: letters of ASCII count in
    /// both cases.
    pub(super) fn new(literals: impl IntoIterator<Item: AsRef<[u8]>>, any_case: bool) -> KeywordAutomaton {
        // A prefilter makes start states special, which costs a branch at every step.
        let automaton = DFA::builder().prefilter(false).ascii_case_insensitive(any_case).build(literals);
        let automaton = automaton.expect("a few hundred short literals fit into an automaton");
        let root = automaton.start_state(Anchored::No).expect("the automaton has an unanchored start state");
        KeywordAutomaton { automaton, root }
    }

    /// Calls back for each occurrence of a literal, also inside another, by quarters of the text and in a quarter by the end;
    /// equal literals in order of index.
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
            // A literal that begins in this quarter may end in the next one, whose walk did not see its beginning.
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
    fn every_occurrence_is_found_once_wherever_the_quarters_meet() {
        let literals = ["ab", "abcde", "bc", "e", "ab"].map(str::to_owned);
        let automaton = KeywordAutomaton::new(&literals, false);
        for length in 0..40 {
            for shift in 0..7 {
                let text: String = "abcdef ".chars().cycle().skip(shift).take(length).collect();
                let mut found = Vec::new();
                automaton.each(text.as_bytes(), |literal, range| found.push((range.start, literal)));
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
