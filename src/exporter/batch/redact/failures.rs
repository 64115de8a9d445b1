//! A cache of failed attempts: text that repeats itself is judged once.
//!
//! A keyword fails again wherever the bytes around it are those around its last failure.

use std::ops::Range;

/// Bytes from a keyword on that are compared before those around it: most texts differ in them.
const NEXT_BYTES: usize = 24;

/// Keywords whose last failure is cached.
const FAILURES: usize = 16;

/// The last failures, each the keyword and its start.
pub(super) struct Failures {
    last: [Option<(usize, usize)>; FAILURES],
    /// Index of the entry that the next new keyword evicts.
    oldest: usize,
    /// Bytes on each side of a keyword that have to be the same.
    decisive_bytes: usize,
    repetition: Repetition,
}

impl Failures {
    /// Creates an empty cache. `decisive_bytes`: bytes on each side of a keyword that have to be the same.
    pub(super) fn within(decisive_bytes: usize) -> Failures {
        let repetition = Repetition { period: 0, part: 0..0 };
        Failures { last: [None; FAILURES], oldest: 0, decisive_bytes, repetition }
    }

    /// Adds a failure of a keyword.
    pub(super) fn set(&mut self, keyword: usize, at: usize) {
        let known = self.last.iter().flatten().position(|(of, _)| *of == keyword);
        let index = known.unwrap_or_else(|| {
            let oldest = self.oldest;
            self.oldest = (oldest + 1) % FAILURES;
            oldest
        });
        self.last[index] = Some((keyword, at));
    }

    /// True if the text around the keyword is that around its last failure.
    pub(super) fn repeats(&mut self, text: &[u8], keyword: usize, at: usize) -> bool {
        let failed = self.last.iter().flatten().find(|(of, _)| *of == keyword);
        let Some((_, failed)) = failed.filter(|(_, failed)| *failed <= at) else { return false };
        let begins_alike =
            text[*failed..].iter().zip(&text[at..]).take(NEXT_BYTES).all(|(one, other)| one == other);
        let is_inside = *failed >= self.decisive_bytes && text.len() - at >= self.decisive_bytes;
        begins_alike && is_inside && {
            let around = at - self.decisive_bytes..at + self.decisive_bytes;
            self.repetition.covers(text, at - failed, around)
        }
    }
}

/// A part of a text each byte of which equals the byte one period before it.
struct Repetition {
    period: usize,
    part: Range<usize>,
}

impl Repetition {
    /// True if the bytes equal those one period before them. Compares only those behind `part`, since those inside are equal.
    fn covers(&mut self, text: &[u8], period: usize, bytes: Range<usize>) -> bool {
        if self.period != period || bytes.start < self.part.start || bytes.start > self.part.end {
            *self = Repetition { period, part: bytes.start..bytes.start };
        }
        let rest = self.part.end..bytes.end.max(self.part.end);
        let is_same = text[rest.clone()] == text[rest.start - period..rest.end - period];
        if is_same {
            self.part.end = rest.end;
        }
        is_same
    }
}
