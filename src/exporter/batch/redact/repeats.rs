//! Repeated secrets: a value that was found anywhere in a text is a secret at all its other places in that text.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::exporter::batch::redact::assigned::judgement;
use crate::exporter::batch::redact::reading::skip_prefix;
use crate::exporter::batch::redact::work;

/// Fewest characters of a value that is looked for elsewhere.
const VALUE_CHARS_MIN: usize = 8;
/// Fewest characters of one line of a value of several lines.
const LINE_CHARS_MIN: usize = 20;

/// Values that are looked for one after the other: an automaton for few costs more than it saves.
const SINGLE_VALUES_MAX: usize = 16;
/// Values that are looked for at all, so that their automaton stays small.
const VALUES_MAX: usize = 1 << 13;

/// Values that were found, each with the index and the kind of its rule.
#[derive(Default)]
pub(super) struct FoundValues(BTreeMap<String, (usize, &'static str)>);

impl FoundValues {
    /// Adds the plain text of a secret.
    pub(super) fn add(&mut self, value: &str, rule: usize, kind: &'static str) {
        if !value.contains('\n') {
            self.add_line(value, VALUE_CHARS_MIN, rule, kind);
            return;
        }
        let mut start = 0;
        for line in value.split('\n') {
            let text_start = if start == 0 { 0 } else { skip_prefix(value, start).min(start + line.len()) };
            self.add_line(&value[text_start..start + line.len()], LINE_CHARS_MIN, rule, kind);
            start += line.len() + 1;
        }
    }

    fn add_line(&mut self, line: &str, chars_min: usize, rule: usize, kind: &'static str) {
        let line = line.trim();
        let is_marker = line.contains("[REDACTED:") || line.contains("-----") || judgement::is_ordinary(line);
        if line.chars().count() >= chars_min && !is_marker {
            self.0.entry(line.to_owned()).or_insert((rule, kind));
        }
    }

    /// Finds all places of the values in a plain text.
    pub(super) fn places(&self, text: &str) -> Vec<(Range<usize>, usize, &'static str)> {
        let values: Vec<(&String, &(usize, &'static str))> = self.0.iter().take(VALUES_MAX).collect();
        let mut places = Vec::new();
        let mut push = |index: usize, place: Range<usize>| {
            let (value, (rule, kind)) = values[index];
            if is_value(text, value, &place) {
                places.push((place, *rule, *kind));
            }
        };
        if values.len() <= SINGLE_VALUES_MAX {
            for (index, (value, _)) in values.iter().enumerate() {
                work::read(text.len());
                for start in memchr::memmem::find_iter(text.as_bytes(), value.as_bytes()) {
                    push(index, start..start + value.len());
                }
            }
            return places;
        }
        work::read(text.len());
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(values.iter().map(|(value, _)| value));
        for place in automaton.iter().flat_map(|automaton| automaton.find_iter(text)) {
            push(place.pattern().as_usize(), place.range());
        }
        places
    }
}

/// True if the place holds the value and not a longer word: a value of letters alone may be a part of many words.
fn is_value(text: &str, value: &str, place: &Range<usize>) -> bool {
    if !value.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return true;
    }
    let bytes = text.as_bytes();
    let is_letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
    !is_letter(place.start.checked_sub(1)) && !is_letter(Some(place.end))
}
