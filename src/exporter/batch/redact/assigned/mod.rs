//! Secrets that are assigned to names such as `db_password`.
//!
//! A rule's keyword is a part of the name; the rest of the name decides whether it names a secret or describes one
//! (`password_hash`). What the name leaves open, the value decides: `judgement` tells secrets from code, references,
//! placeholders and ordinary values.

/// Random values, told from words by their characters.
pub(super) mod randomness;
/// Values that stand in for a secret, and ordinary words.
mod ordinary;
/// Names of secrets.
mod name;
/// The syntax of a name and its value.
mod syntax;
/// Secrets, told from code, references, placeholders and ordinary values.
pub(super) mod judgement;
/// Members of an object that hold a name and its value.
mod pair;

use std::ops::Range;

use self::judgement::ValueContext;
use self::syntax::{Separator, SyntaxReader, ValueStart, value_end};
use crate::exporter::batch::redact::rule::Strength;

/// Bytes of a value that decide whether it is a secret. Bounded for linear time: a value that is none may hold further
/// names.
const CHECKED_BYTES_MAX: usize = 200;

/// Finds the value of the name that the keyword is a part of, if the value is likely a secret.
pub(super) fn find(text: &str, keyword: Range<usize>, strength: Strength) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    // Some keywords are longer than their name, which alone occurs too often: `pass: '`.
    let word = text[keyword.clone()].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let name_end = keyword.start + word.len();
    let mut reader = SyntaxReader::new(text, name_end);
    let suffix = reader.suffix()?;
    let strength = name::suffix_strength(&text[suffix.clone()], strength)?;
    let next = reader.peek();
    let start = name::start(bytes, keyword.start);
    let value = reader.value(start..suffix.end);
    if value.is_none() && !matches!(next, b'"' | b'\\') {
        return None;
    }
    let name = name::read(text, start, keyword.start..name_end, suffix.end)?;
    if name.is_harmless(strength) || name.is_qualified(bytes, next) {
        return None;
    }
    let assigned = value.and_then(|value| {
        // `passValue("…")` calls a function.
        let is_call =
            value.separator == Separator::Call && !suffix.is_empty() && strength == Strength::Password;
        secret(text, &name, if is_call { Strength::Random } else { strength }, value)
    });
    assigned.or_else(|| {
        let value = pair::find(text, name.start..suffix.end)?;
        secret(
            text,
            &name,
            strength,
            ValueStart { start: value, quote: Some((0, b'"')), separator: Separator::Pair },
        )
    })
}

/// The value, if it is a secret.
fn secret(text: &str, name: &name::Name, strength: Strength, value: ValueStart) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_judged = |end: usize, is_extended: bool| {
        let context = ValueContext {
            strength,
            is_quoted: value.quote.is_some(),
            separator: value.separator,
            is_line: line_end(text, value) == Some(end),
            is_upper: name.is_upper,
            before: bytes.get(value.start.wrapping_sub(1)).copied().unwrap_or(b'\n'),
            after: &bytes[end..bytes.len().min(end + 24)],
        };
        let value = &text[value.start..end];
        let is_pair = strength == Strength::Key && value.contains('=');
        (!is_extended || (judgement::is_noise(value) && !is_pair)) && judgement::is_secret(value, &context)
    };
    let end = value_end(text, value, CHECKED_BYTES_MAX);
    let may_extend = value.quote.is_none() && matches!(value.separator, Separator::Sign | Separator::Line);
    // A password without quotes may hold signs that end a value in code.
    let line_end = line_end(text, value).filter(|line_end| may_extend && *line_end > end);
    if let Some(line_end) = line_end
        && is_judged(line_end, true)
    {
        return Some(value.start..line_end);
    }
    is_judged(end, false).then(|| value.start..value_end(text, value, usize::MAX))
}

/// The end of a value without quotes that is the rest of its line: no white space follows in it.
fn line_end(text: &str, value: ValueStart) -> Option<usize> {
    let bytes = text.as_bytes();
    let rest = &bytes[value.start..bytes.len().min(value.start + CHECKED_BYTES_MAX)];
    let length = rest.iter().take_while(|byte| byte.is_ascii_graphic() || **byte >= 0x80).count();
    // The quote that ends the string of a document is followed by its next sign.
    let string_end = rest[..length].windows(2).position(|pair| pair[0] == b'"' && b"}],:".contains(&pair[1]));
    let mut end = value.start + string_end.unwrap_or(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let is_end = string_end.is_some() || matches!(bytes.get(end), None | Some(b'\n' | b'\r'));
    let raw = &text[value.start..end];
    let is_query = raw.match_indices('&').any(|(at, _)| syntax::is_next_parameter(&raw.as_bytes()[at + 1..]));
    if is_query {
        return None;
    }
    let escaped = raw.find("\\n").or_else(|| raw.find("\\r")).filter(|_| value.quote.is_none());
    let end = escaped.map_or(end, |at| value.start + at);
    // The backslashes of an escape sequence and of an escaped quote are no part of the value.
    let end = value.start + text[value.start..end].trim_end_matches('\\').len();
    if escaped.is_none() && !is_end {
        return None;
    }
    let kept = text[value.start..end].trim_end_matches([',', ';']);
    Some(value.start + kept.len())
}
