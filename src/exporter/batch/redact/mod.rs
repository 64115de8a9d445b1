//! Redaction: secrets in text that leaves the machine become `[REDACTED:<kind>]`.
//!
//! The text is a message's raw JSON or a task's words. One pass over it looks for the literals that secrets come with;
//! a rule runs only where one of its own was found, and never scans the same bytes twice without redacting them, so
//! the time is linear. What is valid JSON stays valid JSON of the same shape: only the insides of strings change, and
//! never half of an escape. Redacting twice changes nothing.

mod keywords;
mod assignment;
mod json;
mod randomness;
mod value_syntax;
mod rules;
mod engine;

pub use crate::exporter::batch::redact::rules::{Check, Find, Rule, rules};

use crate::exporter::batch::redact::engine::Span;
use crate::exporter::config::redact_patterns::{self, RedactPatternError};
use regex::Regex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The kind of what a user's own `redactPatterns` match.
pub const CUSTOM_KIND: &str = "custom";
/// Rounds after which the result is taken as it is. A redaction can bring a rule's words close enough to each other
/// for it to match, which a further round sees; two are enough for anything not made to need more.
const ROUNDS_MAX: usize = 4;

/// Finds and replaces secrets. Cheap to make: the rules are compiled when first needed, once per process.
pub struct Redactor {
    extra: Vec<Regex>,
}

/// The compiled rules say nothing to a reader.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// How many secrets of each kind were redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Kinds in alphabetical order, with how often each was found.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Adds another count to this one.
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
    /// `extra` are the user's `redactPatterns`. They see each string of a JSON document by itself, with its escapes
    /// undone, once and twice.
    pub fn new(extra: &[String]) -> Result<Redactor, RedactPatternError> {
        Ok(Redactor { extra: redact_patterns::compile(extra)? })
    }

    /// The text with every secret replaced, borrowed if there is none. Adds what it found to `counts`.
    pub fn redact<'t>(&self, text: &'t str, counts: &mut Counts) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        for _ in 0..ROUNDS_MAX {
            match self.round(&redacted, counts) {
                Some(next) => redacted = Cow::Owned(next),
                None => break,
            }
        }
        redacted
    }

    /// One pass; `None` if there is nothing to redact.
    fn round(&self, text: &str, counts: &mut Counts) -> Option<String> {
        let mut spans = engine::find(text);
        if spans.is_empty() && self.extra.is_empty() {
            return None;
        }
        let is_document = json::is_document(text);
        for pattern in &self.extra {
            json::each_reading(text, is_document, |reading| {
                let found = pattern.find_iter(reading.text()).filter(|found| !found.is_empty());
                spans.extend(found.map(|found| Span::custom(reading.source_of(found.range()))));
            });
        }
        let spans = merge(spans);
        let pieces = without_markers(text, json::fit(text, is_document, &spans));
        if pieces.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let (mut done, mut counted) = (0, None);
        for piece in pieces {
            let kind = spans[piece.span].kind();
            out.push_str(&text[done..piece.start]);
            out.push_str("[REDACTED:");
            out.push_str(kind);
            out.push(']');
            done = piece.end;
            // A secret that lies in several strings, a key in an array of lines say, is one.
            if counted.replace(piece.span) != Some(piece.span) {
                counts.add(kind);
            }
        }
        out.push_str(&text[done..]);
        Some(out)
    }
}

/// A part of a span that is replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: usize,
    end: usize,
    /// Index of the span.
    span: usize,
}

/// Overlapping spans become one, of the kind whose rule comes first; the result is in order.
fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, span.rule));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                last.rule = last.rule.min(span.rule);
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// Takes earlier redactions out of the pieces: they hold no secret, and replacing them would never end.
fn without_markers(text: &str, pieces: Vec<Piece>) -> Vec<Piece> {
    let markers = engine::markers(text);
    if markers.is_empty() {
        return pieces;
    }
    let mut kept = Vec::with_capacity(pieces.len());
    let mut next = 0;
    for mut piece in pieces {
        while let Some(marker) = markers.get(next).filter(|marker| marker.start < piece.end) {
            if piece.start < marker.start {
                kept.push(Piece { end: marker.start, ..piece });
            }
            piece.start = piece.start.max(marker.end);
            if marker.end >= piece.end {
                break;
            }
            next += 1;
        }
        if piece.start < piece.end {
            kept.push(piece);
        }
    }
    kept
}
