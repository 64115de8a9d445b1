//! JSON text as redaction sees it: where its strings are, where escapes begin and end, and what they stand for.
//!
//! Whatever a rule or a user's pattern finds, `fit` lets only the insides of a document's strings be replaced, in
//! whole escapes. That is why the result is still a document, of the same shape, by construction.

use crate::exporter::batch::redact::Piece;
use crate::exporter::batch::redact::engine::Span;
use std::borrow::Cow;
use std::ops::Range;

/// How often text is escaped at most before a user's pattern is to see it: a tool's output that is JSON itself.
const ESCAPINGS_MAX: usize = 2;

/// True for one whole JSON document that can hold strings.
pub(super) fn is_document(text: &str) -> bool {
    let first = text.trim_start().bytes().next();
    matches!(first, Some(b'{' | b'[' | b'"')) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The parts of spans (in order, apart from each other) that may be replaced: in a document what lies in its strings,
/// keys too; in other text all.
pub(super) fn fit(text: &str, is_document: bool, spans: &[Span]) -> Vec<Piece> {
    if !is_document {
        let whole = |(span, found): (usize, &Span)| Piece { start: found.start, end: found.end, span };
        return spans.iter().enumerate().map(whole).collect();
    }
    let mut pieces = Vec::new();
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
            // An escape that a span cuts belongs to it, unless the span before has it already.
            while at < string.end && unit_end(text, at) <= found.start {
                at = unit_end(text, at);
            }
            let start = at;
            while at < string.end && at < found.end {
                at = unit_end(text, at);
            }
            if start < at {
                pieces.push(Piece { start, end: at, span });
            }
        }
    }
    pieces
}

/// The insides of a valid document's strings, without the quotes.
fn strings(document: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = document.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|byte| *byte == b'"')? + 1;
        let mut end = start;
        while *bytes.get(end)? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        at = end + 1;
        Some(start..end)
    })
}

/// The end of the byte or the escape that begins here, in a valid document's string.
fn unit_end(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    match rest {
        // Half of a pair is no character: most readers refuse it.
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _, b'\\', b'u', ..] => at + 12,
        [b'\\', b'u', ..] => at + 6,
        [b'\\', ..] => at + 2,
        _ => at + 1,
    }
}

/// Text as its reader means it, which knows where in the source each character stands.
pub(super) struct Reading<'t> {
    text: Cow<'t, str>,
    /// Where the text begins in the source; or, where escapes were undone, the source of each byte and of the end.
    origin: Origin,
}

enum Origin {
    Start(usize),
    Bytes(Vec<usize>),
}

impl Reading<'_> {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The part of the source that a part of this reading stands for.
    pub(super) fn source_of(&self, range: Range<usize>) -> Range<usize> {
        self.source(range.start)..self.source(range.end)
    }

    fn source(&self, at: usize) -> usize {
        match &self.origin {
            Origin::Start(start) => start + at,
            Origin::Bytes(sources) => sources[at],
        }
    }

    /// The same with escapes undone once; `None` if there are none. What is no escape stays as it is.
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
        Some(Reading { text: Cow::Owned(text), origin: Origin::Bytes(sources) })
    }
}

/// Reads text as a user's pattern is to see it: each string of a document by itself and unescaped; other text as it
/// is; and both again with further escapes undone.
pub(super) fn each_reading(text: &str, is_document: bool, mut see: impl FnMut(&Reading)) {
    let mut see_all = |range: Range<usize>, is_escaped: bool| {
        let mut reading =
            Reading { text: Cow::Borrowed(&text[range.clone()]), origin: Origin::Start(range.start) };
        if !is_escaped || !reading.text.contains('\\') {
            see(&reading);
        }
        for _ in 0..ESCAPINGS_MAX {
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

/// The character of the escape that the text begins with, and the escape's length.
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

/// The number of the `\uXXXX` that the text begins with.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` would take a sign.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}
