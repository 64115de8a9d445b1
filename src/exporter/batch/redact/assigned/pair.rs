//! Members of an object that hold a name and its value: `{"name": "API_KEY", "type": "env", "value": "…"}`, in any order,
//! and the same in lines of YAML or TOML.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::FinderRev;

use super::syntax::{Separator, ValueStart};
use crate::exporter::batch::redact::reading::skip_prefix;

/// Bytes of the members between a name and its value.
const MEMBERS_BYTES_MAX: usize = 240;
/// Names of the member that holds the name.
const NAME_NAMES: [&str; 12] = [
    "name",
    "key",
    "field",
    "label",
    "id",
    "variable",
    "var",
    "title",
    "parameterkey",
    "header",
    "option",
    "prop",
];
/// Names of the member that holds the value.
pub(super) const VALUE_NAMES: [&str; 9] =
    ["value", "val", "content", "text", "parametervalue", "stringvalue", "default", "secret", "data"];

/// Openings of the string that is the value of a member, which are searched for at many names.
pub(in crate::exporter::batch::redact) static STRING_OPENINGS: LazyLock<[FinderRev; 2]> =
    LazyLock::new(|| ["\":\"", "\": \""].map(FinderRev::new));

/// Bytes of a line of an item, and lines of the item on each side of the name.
const LINE_BYTES_MAX: usize = 160;
const LINES_MAX: usize = 3;

/// Finds the value of a name that is a member itself.
pub(super) fn find(text: &str, name: Range<usize>) -> Option<ValueStart> {
    let bytes = text.as_bytes();
    let in_object = || {
        let quote = quote_before(bytes, name.start)?;
        member_name(text, quote).filter(|member| NAME_NAMES.contains(&member.as_str()))?;
        let start = after(text, name.end).or_else(|| before(text, quote))?;
        Some(ValueStart { start, quote: Some((0, b'"')), separator: Separator::Pair })
    };
    in_object().or_else(|| if is_line_value(bytes, name.start) { in_lines(text, &name) } else { None })
}

/// True for a name that may be the value of a line: `name: API_KEY`.
pub(super) fn is_line_value(bytes: &[u8], name_start: usize) -> bool {
    let before = &bytes[..name_start];
    let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before);
    before.ends_with(b": ") || before.ends_with(b"= ")
}

/// Finds the value in the lines of the item that the name stands in: `- name: API_KEY`, `  value: …`, in any order.
fn in_lines(text: &str, name: &Range<usize>) -> Option<ValueStart> {
    let bytes = text.as_bytes();
    let line_start = line_start(bytes, name.start)?;
    let (begins_item, member, _) = read_line(text, line_start)?;
    if !NAME_NAMES.contains(&member.as_str()) {
        return None;
    }
    let mut start = line_start;
    for _ in 0..LINES_MAX {
        let Some(next) = next_line(bytes, start) else { break };
        start = next;
        match read_line(text, start) {
            Some((false, member, value)) if VALUE_NAMES.contains(&member.as_str()) => return Some(value),
            Some((false, ..)) => {}
            _ => break,
        }
    }
    let mut start = line_start;
    for _ in 0..if begins_item { 0 } else { LINES_MAX } {
        start = line_start_before(bytes, start)?;
        match read_line(text, start)? {
            (_, member, value) if VALUE_NAMES.contains(&member.as_str()) => return Some(value),
            (true, ..) => break,
            _ => {}
        }
    }
    None
}

/// The start of the line around a position; `None` if that is far away.
fn line_start(bytes: &[u8], at: usize) -> Option<usize> {
    let before = &bytes[at.saturating_sub(LINE_BYTES_MAX)..at];
    match memchr::memrchr(b'\n', before) {
        Some(line_break) => Some(at - before.len() + line_break + 1),
        // The first line of the string of a document.
        None => STRING_OPENINGS
            .iter()
            .filter_map(|opening| Some(opening.rfind(before)? + opening.needle().len()))
            .max()
            .map(|start| at - before.len() + start)
            .or((before.len() == at).then_some(0)),
    }
}

fn line_start_before(bytes: &[u8], start: usize) -> Option<usize> {
    line_start(bytes, start.checked_sub(1)?)
}

fn next_line(bytes: &[u8], start: usize) -> Option<usize> {
    let line = &bytes[start..bytes.len().min(start + LINE_BYTES_MAX)];
    Some(start + memchr::memchr(b'\n', line)? + 1)
}

/// Reads `- member: value`: true if it begins an item, the member in lower case, and its value.
fn read_line(text: &str, start: usize) -> Option<(bool, String, ValueStart)> {
    let bytes = text.as_bytes();
    let member_start = skip_prefix(text, start);
    let begins_item = bytes[start..member_start].trim_ascii_end().ends_with(b"-");
    let rest = &bytes[member_start..];
    let length = rest.iter().take(20).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let member = text[member_start..member_start + length].to_ascii_lowercase();
    let blanks = |rest: &[u8]| rest.iter().take(8).take_while(|byte| **byte == b' ').count();
    let sign = length + blanks(&rest[length..]);
    if length == 0 || !matches!(rest.get(sign), Some(b':' | b'=')) {
        return None;
    }
    let value = sign + 1 + blanks(&rest[sign + 1..]);
    let quote = rest.get(value).filter(|byte| matches!(byte, b'"' | b'\'')).map(|byte| (0, *byte));
    let start = member_start + value + usize::from(quote.is_some());
    Some((begins_item, member, ValueStart { start, quote, separator: Separator::Pair }))
}

/// The position of the quote, with the backslashes before it, that opens a string here.
fn quote_before(bytes: &[u8], at: usize) -> Option<usize> {
    let mut start = at.checked_sub(1)?;
    // A name of several words begins before its last one.
    let mut steps = 0;
    while start > 0
        && steps < 24
        && (bytes[start].is_ascii_alphanumeric() || matches!(bytes[start], b' ' | b'_' | b'-'))
    {
        start -= 1;
        steps += 1;
    }
    if bytes[start] != b'"' {
        return None;
    }
    while start > 0 && bytes[start - 1] == b'\\' {
        start -= 1;
    }
    Some(start)
}

/// The name of the member whose string opens here, in lower case.
fn member_name(text: &str, quote: usize) -> Option<String> {
    let before = text[..quote].trim_end_matches([' ', '\n', '\t']).strip_suffix(':')?;
    let before = before.trim_end_matches([' ', '\t']).strip_suffix('"')?.trim_end_matches('\\');
    let start = before.bytes().rev().take(20).take_while(u8::is_ascii_alphanumeric).count();
    Some(before[before.len() - start..].to_ascii_lowercase())
}

/// Finds the value in the members after the name.
fn after(text: &str, name_end: usize) -> Option<usize> {
    let members = members(&text.as_bytes()[name_end..]);
    value_in(text, name_end..name_end + members)
}

/// Finds the value in the members before the name.
fn before(text: &str, quote: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[quote.saturating_sub(MEMBERS_BYTES_MAX)..quote];
    let start = bytes.iter().rposition(|byte| matches!(byte, b'{' | b'}' | b'['))?;
    value_in(text, quote - bytes.len() + start..quote)
}

/// Bytes of the members up to the end of the object.
fn members(rest: &[u8]) -> usize {
    rest.iter().take(MEMBERS_BYTES_MAX).take_while(|byte| !matches!(byte, b'{' | b'}' | b'[')).count()
}

/// The start of the value of the member that holds the value.
fn value_in(text: &str, members: Range<usize>) -> Option<usize> {
    let bytes = &text.as_bytes()[members.clone()];
    let mut at = 0;
    while let Some(colon) = bytes[at..].iter().position(|byte| *byte == b':') {
        let colon = at + colon;
        at = colon + 1;
        let before = bytes[..colon].trim_ascii_end();
        let Some(before) = before.strip_suffix(b"\"") else { continue };
        let before = strip_backslashes(before);
        let length = before.iter().rev().take(20).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let name = before[before.len() - length..].to_ascii_lowercase();
        if !VALUE_NAMES.iter().any(|value| value.as_bytes() == name) {
            continue;
        }
        let mut value = colon + 1;
        while bytes.get(value).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\\')) {
            value += 1;
        }
        if bytes.get(value) == Some(&b'"') {
            return Some(members.start + value + 1);
        }
    }
    None
}

fn strip_backslashes(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\\'] = bytes {
        bytes = rest;
    }
    bytes
}
