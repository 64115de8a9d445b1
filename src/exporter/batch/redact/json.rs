//! JSON text as redaction sees it: strings, escape sequences and their meaning.
//!
//! Invariant: `confine` lets only the insides of a document's strings be replaced, by whole escape sequences, whatever a
//! rule or a user's pattern matches; the result is a document of the same shape by construction.
//!
//! Kept by hand: a JSON parser gives values without their positions in the source, and redaction needs the positions.

use std::borrow::Cow;
use std::ops::Range;

use crate::exporter::batch::redact::span::{Replacement, Span};

/// Levels of escaping that are undone for a user's pattern: the output of a tool may be JSON itself.
const ESCAPE_LEVELS_MAX: usize = 2;

/// True if the text is one JSON document that can hold strings.
pub(super) fn is_document(text: &str) -> bool {
    let first = text.trim_start().bytes().next();
    matches!(first, Some(b'{' | b'[' | b'"')) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Confines spans (in order, disjoint) to the parts that may be replaced: in a document the insides of strings, keys
/// included; in other text everything.
pub(super) fn confine(text: &str, is_document: bool, spans: &[Span]) -> Vec<Replacement> {
    if !is_document {
        let whole = |(span, found): (usize, &Span)| Replacement { start: found.start, end: found.end, span };
        return spans.iter().enumerate().map(whole).collect();
    }
    let mut replacements = Vec::new();
    let mut next = 0;
    for string in strings(text) {
        while spans.get(next).is_some_and(|span| span.end <= string.start) {
            next += 1;
        }
        if next == spans.len() {
            break;
        }
        let mut at = string.start;
        for (span, found) in
            spans.iter().enumerate().skip(next).take_while(|(_, span)| span.start < string.end)
        {
            // An escape sequence that a span cuts belongs to that span, unless the span before includes it.
            let start = skip_units(text, at, found.start.min(string.end), false);
            at = skip_units(text, start, found.end.min(string.end), true);
            if start < at {
                replacements.push(Replacement { start, end: at, span });
            }
        }
    }
    replacements
}

/// Iterates over the strings of a valid document, without their quotes.
fn strings(document: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = document.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr::memchr(b'"', &bytes[at..])? + 1;
        let mut end = start;
        loop {
            end += memchr::memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes[end] == b'"' {
                break;
            }
            end += 2;
        }
        at = end + 1;
        Some(start..end)
    })
}

/// Skips bytes and escape sequences up to a limit, and past it the sequence that the limit cuts, if `is_cut_skipped`.
fn skip_units(text: &str, mut at: usize, limit: usize, is_cut_skipped: bool) -> usize {
    while at < limit {
        let Some(escape) = memchr::memchr(b'\\', &text.as_bytes()[at..limit]) else { return limit };
        let end = unit_end(text, at + escape);
        if end > limit && !is_cut_skipped {
            return at + escape;
        }
        at = end;
    }
    at
}

/// The end of the byte or escape sequence that begins here, in a string of a valid document.
fn unit_end(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    match rest {
        // Half of a surrogate pair is no character: most readers reject it.
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _, b'\\', b'u', ..] => at + 12,
        [b'\\', b'u', ..] => at + 6,
        [b'\\', ..] => at + 2,
        _ => at + 1,
    }
}

/// Text with escapes undone, which maps each byte to its position in the source.
pub(super) struct Reading<'t> {
    text: Cow<'t, str>,
    source_map: SourceMap,
}

/// Positions in the source.
enum SourceMap {
    /// A plain copy that begins at this position.
    Start(usize),
    /// The position of each byte, and of the end, after escapes were undone.
    Bytes(Vec<usize>),
}

impl Reading<'_> {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Maps a range of this reading to the source.
    pub(super) fn source_of(&self, range: Range<usize>) -> Range<usize> {
        self.source(range.start)..self.source(range.end)
    }

    fn source(&self, at: usize) -> usize {
        match &self.source_map {
            SourceMap::Start(start) => start + at,
            SourceMap::Bytes(sources) => sources[at],
        }
    }

    /// Undoes one level of escapes; `None` if there are none. An invalid escape stays as it is.
    fn unescaped(&self) -> Option<Reading<'static>> {
        let mut escape = self.text.find('\\')?;
        let mut text = String::with_capacity(self.text.len());
        let mut sources = Vec::with_capacity(self.text.len() + 1);
        let mut done = 0;
        loop {
            text.push_str(&self.text[done..escape]);
            sources.extend((done..escape).map(|at| self.source(at)));
            if escape == self.text.len() {
                break;
            }
            let (character, length) = unescape(&self.text[escape..]).unwrap_or(('\\', 1));
            text.push(character);
            sources.resize(text.len(), self.source(escape));
            done = escape + length;
            escape = self.text[done..].find('\\').map_or(self.text.len(), |at| done + at);
        }
        sources.push(self.source(self.text.len()));
        Some(Reading { text: Cow::Owned(text), source_map: SourceMap::Bytes(sources) })
    }
}

/// Calls back with text as a user's pattern sees it: each string of a document by itself and unescaped, other text as it
/// is, and both again with further levels of escapes undone.
pub(super) fn each_reading(text: &str, is_document: bool, mut see: impl FnMut(&Reading)) {
    let mut see_all = |range: Range<usize>, is_escaped: bool| {
        let mut reading =
            Reading { text: Cow::Borrowed(&text[range.clone()]), source_map: SourceMap::Start(range.start) };
        if !is_escaped || !reading.text.contains('\\') {
            see(&reading);
        }
        for _ in 0..ESCAPE_LEVELS_MAX {
            let Some(next) = reading.unescaped() else { break };
            see(&next);
            reading = next;
        }
    };
    match is_document {
        true => strings(text).for_each(|string| see_all(string, true)),
        false => see_all(0..text.len(), false),
    }
}

/// The character of the escape sequence at the start of the text, and the length of the sequence.
fn unescape(text: &str) -> Option<(char, usize)> {
    let character = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' => '"',
        b'/' => '/',
        b'\\' => '\\',
        b'u' => {
            let high = code_unit(text)?;
            let low = text.get(6..).and_then(code_unit);
            if let Some(Ok(character)) = low.and_then(|low| char::decode_utf16([high, low]).next())
                && character as u32 > 0xFFFF
            {
                return Some((character, 12));
            }
            return Some((char::from_u32(high.into()).unwrap_or(char::REPLACEMENT_CHARACTER), 6));
        }
        _ => return None,
    };
    Some((character, 2))
}

/// The code unit of the `\uXXXX` at the start of the text.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` accepts a sign.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}
