//! Secrets that are assigned to names such as `db_password`.
//!
//! A rule's keyword is a part of the name; the rest of the name decides whether it names a secret or describes one
//! (`password_hash`). What the name leaves open, the value decides: `judgement` tells secrets from code, references,
//! placeholders and ordinary values.

/// Random values, told from words by their characters.
pub(super) mod randomness;
/// Values that stand in for a secret, and ordinary words.
mod ordinary;
/// Passphrases, and words that are made to be pronounced.
mod passphrase;
/// Names of secrets.
mod name;
/// The position of a reader of names and values.
mod cursor;
/// Parts of dumps, documents and mark-up between a name and its value.
mod dumps;
/// The syntax of a name and its value.
mod syntax;
/// The end of a value.
mod ending;
/// Secrets, told from code, references, placeholders and ordinary values.
pub(super) mod judgement;
/// Members of an object that hold a name and its value.
pub(super) mod pair;

use std::ops::Range;

use self::cursor::SyntaxReader;
use self::ending::{is_next_parameter, value_end};
use self::judgement::ValueContext;
use self::randomness::AssignedValue;
use self::syntax::{Separator, ValueStart};
use crate::exporter::batch::redact::rule::Strength;
use crate::exporter::batch::redact::span;
use crate::exporter::batch::redact::work;

/// Bytes of a value that decide whether it is a secret. Bounded for linear time: a value that is none may hold further
/// names.
const CHECKED_BYTES_MAX: usize = 128;

/// Backslashes before a quote or a line break, however often the text is escaped.
const BACKSLASHES_MAX: usize = 16;

/// Finds the value of the name that the keyword is a part of, if the value is likely a secret.
pub(super) fn find(text: &str, keyword: Range<usize>, strength: Strength) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    // Some keywords are longer than their name, which alone occurs too often: `pass: '`.
    let word = text[keyword.clone()].trim_end_matches(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric());
    let name_end = keyword.start + word.len();
    let mut reader = SyntaxReader::new(text, name_end);
    let suffix = reader.suffix()?;
    let strength = name::suffix_strength(&text[suffix.clone()], strength)?;
    let next = reader.peek();
    let start = name::start(bytes, keyword.start);
    let value = reader.value(start..suffix.end);
    if value.is_some_and(|value| is_redacted(text, value)) {
        return None;
    }
    if value.is_none() && !matches!(next, b'"' | b'\\') && !pair::is_line_value(bytes, start) {
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
        let strength = if is_call { Strength::Random } else { strength };
        secret(text, &name, strength, value).or_else(|| secret_of_label(text, &name, strength, value))
    });
    assigned.or_else(|| {
        let value = pair::find(text, name.start..suffix.end)?;
        secret(text, &name, strength, value)
    })
}

/// True for the marker of an earlier redaction, and no more: the closing quote follows, or without quotes a blank or the end
/// of the line or of the string around it. Anything else that follows may be the rest of a secret.
fn is_redacted(text: &str, value: ValueStart) -> bool {
    let Some(marker) = span::marker_at(text, value.start) else { return false };
    let after = &text.as_bytes()[marker.end..];
    let backslashes = after.iter().take(BACKSLASHES_MAX).take_while(|byte| **byte == b'\\').count();
    match (value.quote, &after[backslashes..]) {
        (_, []) => backslashes == 0,
        (Some((depth, quote)), [next, ..]) => *next == quote && backslashes <= depth,
        (None, [b'n' | b'r' | b't', ..]) if backslashes > 0 => true,
        (None, [b'"' | b'\'' | b'`', rest @ ..]) => ends_string(rest),
        (None, [next, ..]) => backslashes == 0 && next.is_ascii_whitespace(),
    }
}

/// True if the quote before these bytes closes a string, rather than opening another one.
fn ends_string(after_quote: &[u8]) -> bool {
    after_quote.first().is_none_or(|byte| !byte.is_ascii_graphic() || b",:;)]}\\".contains(byte))
}

/// The secret in a value that begins like the marker of an earlier redaction: the label in the brackets, where it is no
/// kind of any redaction, or what follows the brackets.
fn secret_of_label(
    text: &str,
    name: &name::Name,
    strength: Strength,
    value: ValueStart,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let label_start = value.start + span::MARKER_START.len();
    let is_label = bytes[value.start..].starts_with(span::MARKER_START.as_bytes());
    let label = bytes.get(label_start..).filter(|_| is_label)?;
    let length = memchr::memchr(b']', &label[..label.len().min(CHECKED_BYTES_MAX)])?;
    let label = AssignedValue::of(&text[label_start..label_start + length]);
    let shape = &label.shape;
    let is_secret = span::marker_at(text, value.start).is_none()
        && (shape.lower.min(shape.upper).min(shape.digits) > 0 || is_string_secret(&label, strength));
    let mut reader = SyntaxReader::new(text, label_start + length + 1);
    let label_end = reader.at;
    if value.quote.is_some() {
        while reader.blank() > 0 || reader.eat_any(&["/", r"\/", r"\\/", r"\\\\/"]) {}
    }
    let quote = value.quote.or_else(|| reader.quote().filter(|_| !ends_string(&bytes[reader.at..])));
    let start = if quote.is_some() { reader.at } else { label_end };
    // Without quotes a sign that ends a value in most notations ends this one.
    let is_end = quote.is_none() && bytes.get(start).is_none_or(|byte| b" \t\r\n,;&|<>(){}[]".contains(byte));
    let rest = if is_end { None } else { secret(text, name, strength, ValueStart { start, quote, ..value }) };
    match (is_secret, rest) {
        (true, rest) => Some(value.start..rest.map_or(label_end, |rest| rest.end)),
        (false, rest) => rest,
    }
}

/// The name that the keyword is a part of, if it can head a column of secrets, and the strength of its values.
pub(super) fn heading(
    text: &str,
    keyword: Range<usize>,
    strength: Strength,
) -> Option<(Range<usize>, Strength)> {
    let mut reader = SyntaxReader::new(text, keyword.end);
    let suffix = reader.suffix()?;
    let strength = name::suffix_strength(&text[suffix.clone()], strength)?;
    let start = name::start(text.as_bytes(), keyword.start);
    let name = name::read(text, start, keyword, suffix.end)?;
    (!name.is_harmless(strength)).then_some((start..suffix.end, strength))
}

/// True if a cell of a table whose heading has this strength holds a secret.
pub(super) fn is_secret_cell(cell: &str, strength: Strength) -> bool {
    let context = ValueContext {
        strength,
        is_quoted: true,
        separator: Separator::Sign,
        is_line: false,
        is_upper: false,
        before: b'|',
        after: b"",
    };
    cell.len() <= CHECKED_BYTES_MAX && judgement::is_secret(&AssignedValue::of(cell), &context)
}

/// The value, if it is a secret.
fn secret(text: &str, name: &name::Name, strength: Strength, start: ValueStart) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if start.quote.is_none() && is_long_list(&bytes[start.start..]) {
        return None;
    }
    let line_end = if start.quote.is_none() { line_end(text, start.start) } else { None };
    let is_judged = |end: usize, is_extended: bool| {
        let value = AssignedValue::of(&text[start.start..end]);
        let is_pair = strength == Strength::Key && value.has(b'=');
        if is_extended && (is_pair || !judgement::is_noise(&value)) {
            return false;
        }
        let context = ValueContext {
            strength,
            is_quoted: start.quote.is_some() || is_cell(bytes, start.start..end),
            separator: start.separator,
            is_line: line_end == Some(end),
            is_upper: name.is_upper,
            before: bytes.get(start.start.wrapping_sub(1)).copied().unwrap_or(b'\n'),
            after: &bytes[end..bytes.len().min(end + 24)],
        };
        judgement::is_secret(&value, &context)
    };
    let end = value_end(text, start, CHECKED_BYTES_MAX);
    if start.quote.is_none() && are_assignments(&bytes[start.start..end]) {
        return None;
    }
    // A password without quotes may hold signs that end a value in code.
    let may_extend = matches!(start.separator, Separator::Sign | Separator::Line);
    if let Some(line_end) = line_end.filter(|line_end| may_extend && *line_end > end)
        && is_judged(line_end, true)
    {
        return Some(start.start..line_end);
    }
    if is_judged(end, false) {
        return Some(start.start..value_end(text, start, usize::MAX));
    }
    if let Some(string) = string_in_expression(text, start)
        && is_string_secret(&AssignedValue::of(&text[string.clone()]), strength)
    {
        return Some(string);
    }
    let is_phrase =
        strength == Strength::Password && start.quote.is_none() && start.separator == Separator::Sign;
    phrase_end(text, start.start).filter(|_| is_phrase).map(|end| start.start..end)
}

/// Bytes of blanks around a cell of a table.
const CELL_BLANKS_MAX: usize = 40;

/// True for a value that is the cell of a table between two bars.
fn is_cell(bytes: &[u8], value: Range<usize>) -> bool {
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'`' | b'*');
    let mut before = bytes[..value.start].iter().rev().take(CELL_BLANKS_MAX).skip_while(is_blank);
    let mut after = bytes[value.end..].iter().take(CELL_BLANKS_MAX).skip_while(is_blank);
    before.next() == Some(&b'|') && after.next() == Some(&b'|')
}

/// Signs of assignment in a long value from which it is a list of names and values, each of which is judged by itself.
const ASSIGNMENTS_MIN: usize = 6;
const ASSIGNMENTS_BYTES_MIN: usize = 96;

/// True for a list of names and values. Bounds the time for text that repeats names.
fn are_assignments(value: &[u8]) -> bool {
    value.len() >= ASSIGNMENTS_BYTES_MIN
        && memchr::memchr2_iter(b'=', b':', value).nth(ASSIGNMENTS_MIN - 1).is_some()
}

/// True where nothing ends a value within the bytes of it that decide, and they are [assignments](are_assignments): says so
/// of text that repeats names before its value is read.
fn is_long_list(rest: &[u8]) -> bool {
    const GOES_ON: [bool; 256] = {
        let mut goes_on = [false; 256];
        let mut byte = b'!';
        while byte <= b'~' {
            goes_on[byte as usize] = !matches!(
                byte,
                b'"' | b'\''
                    | b'`'
                    | b','
                    | b';'
                    | b'<'
                    | b'>'
                    | b'('
                    | b')'
                    | b'['
                    | b']'
                    | b'{'
                    | b'}'
                    | b'|'
                    | b'\\'
                    | b'&'
                    | b'*'
            );
            byte += 1;
        }
        goes_on
    };
    let Some(value) = rest.first_chunk::<CHECKED_BYTES_MAX>() else { return false };
    if !value.iter().all(|byte| GOES_ON[usize::from(*byte)]) {
        return false;
    }
    work::read(value.len());
    let end = value.iter().rposition(|byte| !matches!(byte, b'.' | b':'));
    end.is_some_and(|last| are_assignments(&value[..=last]))
}

/// Bytes of an expression before the string in it.
const EXPRESSION_BYTES_MAX: usize = 80;

/// The first string in an expression: `env.PW || "…"`, `String::from("…")`, `fetch(:password, "…")`.
fn string_in_expression(text: &str, start: ValueStart) -> Option<Range<usize>> {
    if start.quote.is_some() || start.separator != Separator::Sign {
        return None;
    }
    let line = &text.as_bytes()[start.start..text.len().min(start.start + EXPRESSION_BYTES_MAX)];
    let line = &line[..memchr::memchr2(b'\n', b';', line).unwrap_or(line.len())];
    let quote = memchr::memchr2(b'"', b'\'', line)?;
    let backslashes = line[..quote].iter().rev().take_while(|byte| **byte == b'\\').count();
    let before = line[..quote - backslashes].trim_ascii_end();
    let is_operand = before.ends_with(b" or") || before.last().is_some_and(|byte| b"({,|?".contains(byte));
    if !is_operand {
        return None;
    }
    let string = ValueStart {
        start: start.start + quote + 1,
        quote: Some((backslashes, line[quote])),
        separator: Separator::Call,
    };
    Some(string.start..value_end(text, string, CHECKED_BYTES_MAX))
}

/// True if a string in an expression is a secret: with digits, as neither names nor messages are.
fn is_string_secret(value: &AssignedValue, strength: Strength) -> bool {
    let context = ValueContext {
        strength,
        is_quoted: true,
        separator: Separator::Call,
        is_line: false,
        is_upper: false,
        before: b'"',
        after: b"",
    };
    value.shape.digits > 0 && judgement::is_secret(value, &context)
}

/// The end of a passphrase with blanks that is the rest of its line.
fn phrase_end(text: &str, start: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[start..text.len().min(start + CHECKED_BYTES_MAX)];
    let is_phrase = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b' ';
    let length = bytes.iter().take_while(is_phrase).count();
    let phrase = text[start..start + length].trim_end();
    let is_line = matches!(bytes.get(length), None | Some(b'\n' | b'\r' | b'"' | b'\\'));
    (is_line && phrase.contains(' ') && judgement::is_phrase(phrase)).then_some(start + phrase.len())
}

/// The end of a value without quotes that is the rest of its line: no white space follows in it.
fn line_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let rest = &bytes[start..bytes.len().min(start + CHECKED_BYTES_MAX)];
    let length = rest.iter().take_while(|byte| byte.is_ascii_graphic() || **byte >= 0x80).count();
    // The quote that ends the string of a document is followed by its next sign.
    let string_end = memchr::memchr_iter(b'"', &rest[..length])
        .find(|at| rest[..length].get(at + 1).is_some_and(|byte| b"}],:".contains(byte)));
    let mut end = start + string_end.unwrap_or(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let raw = &bytes[start..end];
    if memchr::memchr_iter(b'&', raw).any(|at| is_next_parameter(&raw[at + 1..])) {
        return None;
    }
    let escaped = memchr::memchr_iter(b'\\', raw).find(|at| matches!(raw.get(at + 1), Some(b'n' | b'r')));
    let is_end = string_end.is_some() || matches!(bytes.get(end), None | Some(b'\n' | b'\r'));
    if escaped.is_none() && !is_end {
        return None;
    }
    // The backslashes of an escape sequence and of an escaped quote are no part of the value.
    let value = text[start..escaped.map_or(end, |at| start + at)].trim_end_matches('\\');
    Some(start + value.trim_end_matches([',', ';']).len())
}
