//! Spans of text that hold a secret, the replacements that are made of them, and the markers that stand in their place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use crate::exporter::batch::redact::rules::rules;

/// The kind of a match of the user's own `redactPatterns`.
pub const CUSTOM_KIND: &str = "custom";

/// Longest kind in a marker.
const KIND_BYTES_MAX: usize = 64;

/// A secret that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Index of the rule: the lower, the more certain.
    pub(super) rule: usize,
    pub(super) kind: &'static str,
}

impl Span {
    /// A match of one of the user's patterns, less certain than any rule.
    pub(super) fn custom(range: Range<usize>) -> Span {
        Span { start: range.start, end: range.end, rule: usize::MAX, kind: CUSTOM_KIND }
    }
}

/// A part of a span that is replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Index of the span.
    pub(super) span: usize,
}

/// Merges overlapping spans into one, of the kind of the most certain rule; the result is in order.
pub(super) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, span.rule));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                if span.rule < last.rule {
                    (last.rule, last.kind) = (span.rule, span.kind);
                }
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// The start of a marker, before its kind.
pub(super) const MARKER_START: &str = "[REDACTED:";

/// Finds the markers of earlier redactions.
pub(super) fn markers(text: &str) -> Vec<Range<usize>> {
    memchr::memmem::find_iter(text.as_bytes(), MARKER_START).filter_map(|at| marker_at(text, at)).collect()
}

/// The marker of an earlier redaction that begins here: one of the kinds, and nothing else that looks like one.
pub(super) fn marker_at(text: &str, at: usize) -> Option<Range<usize>> {
    static KINDS: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| rules().map(|rule| rule.kind).chain([CUSTOM_KIND]).collect());
    let kind = text.get(at..)?.strip_prefix(MARKER_START)?;
    let is_kind = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = kind.bytes().take(KIND_BYTES_MAX).take_while(is_kind).count();
    let is_marker = kind.as_bytes().get(length) == Some(&b']') && KINDS.contains(&kind[..length]);
    is_marker.then_some(at..at + MARKER_START.len() + length + 1)
}

/// Subtracts earlier redactions, in order, from replacements: they hold no secret, and replacing them would never end.
pub(super) fn without_markers(replacements: Vec<Replacement>, markers: &[Range<usize>]) -> Vec<Replacement> {
    if markers.is_empty() {
        return replacements;
    }
    let mut kept = Vec::with_capacity(replacements.len());
    let mut next = 0;
    for mut replacement in replacements {
        while let Some(marker) = markers.get(next).filter(|marker| marker.start < replacement.end) {
            if replacement.start < marker.start {
                kept.push(Replacement { end: marker.start, ..replacement });
            }
            replacement.start = replacement.start.max(marker.end);
            if marker.end >= replacement.end {
                break;
            }
            next += 1;
        }
        if replacement.start < replacement.end {
            kept.push(replacement);
        }
    }
    kept
}
