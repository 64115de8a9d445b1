//! Redaction: secrets in text that leaves the machine become `[REDACTED:<kind>]`.
//!
//! The text is a message's raw JSON or a task's text. Invariants: the time is linear in the text, since one pass finds the
//! keywords of all rules and a rule scans no byte twice without redacting it; valid JSON stays valid JSON of the same
//! shape, since only the insides of strings change, by whole escape sequences; redaction is idempotent.
//!
//! The scanner is kept by hand. Secret scanners are programs that report findings in repositories; none is a library that
//! redacts escaped JSON in place in linear time, and a set of regular expressions over the whole text is an order of
//! magnitude slower than one search for keywords.

/// The work of a search, counted by the tests.
mod work;
/// The description of a kind of secret.
mod rule;
/// The table of rules.
mod rules;
/// Spans and replacements.
mod span;
/// The plain reading of a text, without escape sequences and wraps.
mod reading;
/// Values assigned to names of secrets.
mod assigned;
/// Columns of tables.
mod tables;
/// The cache of failed attempts.
mod failures;
/// The search of one reading.
mod engine;
/// Private keys.
mod private_key;
/// Encoded texts.
mod encoded;
/// Other places of a secret that was found.
mod repeats;
/// The search of a text in all its readings.
mod search;
/// JSON strings and escape sequences.
mod json;
/// Proof of linear time.
#[cfg(test)]
mod linear_time;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use regex::Regex;

pub use crate::exporter::batch::redact::rule::{Check, Matcher, Rule};
pub use crate::exporter::batch::redact::rules::rules;
pub use crate::exporter::batch::redact::span::CUSTOM_KIND;

use crate::exporter::batch::redact::span::Span;
use crate::exporter::config::redact_patterns::{self, RedactPatternError};

/// Passes over a text. A redaction can bring a rule's words close enough together for a match, which a further pass
/// finds; more than two are needed for adversarial text only, whose result is then taken as it is.
const PASSES_MAX: usize = 4;
/// Bytes before and after a redaction that a rule which the redaction completes can reach.
const NEIGHBOURHOOD_BYTES: usize = 1 << 10;

/// Finds and replaces secrets. Cheap to create: the rules are compiled at their first use, once per process.
pub struct Redactor {
    custom: Vec<Regex>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// Redacted secrets, counted by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Kinds in alphabetical order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }

    /// The sum over all kinds.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Counts) {
        for (kind, count) in other.iter() {
            *self.0.entry(kind).or_default() += count;
        }
    }

    fn add(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }
}

impl Redactor {
    /// Compiles the user's `redactPatterns`. They see each string of a JSON document by itself, with escapes undone once
    /// and twice.
    pub fn new(patterns: &[String]) -> Result<Redactor, RedactPatternError> {
        Ok(Redactor { custom: redact_patterns::compile(patterns)? })
    }

    /// Replaces every secret; borrows the text if it has none. Adds the replacements to `counts`.
    pub fn redact<'t>(&self, text: &'t str, counts: &mut Counts) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        for _ in 0..PASSES_MAX {
            match self.redact_once(&redacted, counts) {
                Some(next) => redacted = Cow::Owned(next),
                None => break,
            }
            if !self.finds_more(&redacted) {
                break;
            }
        }
        redacted
    }

    /// True if a further pass over redacted text may find something: near a redaction, since elsewhere nothing changed.
    fn finds_more(&self, text: &str) -> bool {
        if !self.custom.is_empty() {
            return true;
        }
        let mut window = 0..0;
        let mut windows = span::markers(text).into_iter().map(|marker| {
            let start = text.floor_char_boundary(marker.start.saturating_sub(NEIGHBOURHOOD_BYTES));
            start..text.floor_char_boundary(marker.end + NEIGHBOURHOOD_BYTES)
        });
        let is_found = |window: &Range<usize>| {
            let text = &text[window.clone()];
            let spans = span::merge(search::find(text, Vec::new()));
            let replacements = json::confine(text, false, &spans);
            !span::without_markers(replacements, &span::markers(text)).is_empty()
        };
        for next in windows.by_ref() {
            if next.start <= window.end {
                window.end = next.end;
                continue;
            }
            if is_found(&window) {
                return true;
            }
            window = next;
        }
        is_found(&window)
    }

    /// Makes one pass; `None` if there is nothing to redact.
    fn redact_once(&self, text: &str, counts: &mut Counts) -> Option<String> {
        let is_document = LazyCell::new(|| json::is_document(text));
        let mut custom = Vec::new();
        for pattern in &self.custom {
            json::each_reading(text, *is_document, |reading| {
                let found = pattern.find_iter(reading.text()).filter(|found| !found.is_empty());
                custom.extend(found.map(|found| Span::custom(reading.source_of(found.range()))));
            });
        }
        let spans = search::find(text, custom);
        if spans.is_empty() {
            return None;
        }
        let spans = span::merge(spans);
        let replacements = json::confine(text, *is_document, &spans);
        let replacements = span::without_markers(replacements, &span::markers(text));
        if replacements.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut counted) = (0, None);
        for replacement in replacements {
            let kind = spans[replacement.span].kind;
            out.push_str(&text[copied..replacement.start]);
            out.push_str(span::MARKER_START);
            out.push_str(kind);
            out.push(']');
            copied = replacement.end;
            // A secret that spans several strings, such as a key in an array of lines, counts once.
            if counted.replace(replacement.span) != Some(replacement.span) {
                counts.add(kind);
            }
        }
        out.push_str(&text[copied..]);
        Some(out)
    }
}
