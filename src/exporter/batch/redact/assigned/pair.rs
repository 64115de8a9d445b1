//! Members of an object that hold a name and its value: `{"name": "API_KEY", "type": "env", "value": "…"}`, in any order.

use std::ops::Range;

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

/// Finds the start of the value of a name that is a member itself.
pub(super) fn find(text: &str, name: Range<usize>) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = quote_before(bytes, name.start)?;
    member_name(text, quote).filter(|member| NAME_NAMES.contains(&member.as_str()))?;
    after(text, name.end).or_else(|| before(text, quote))
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
    value_in(text, name_end..name_end + members, false)
}

/// Finds the value in the members before the name.
fn before(text: &str, quote: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[quote.saturating_sub(MEMBERS_BYTES_MAX)..quote];
    let start = bytes.iter().rposition(|byte| matches!(byte, b'{' | b'}' | b'['))?;
    value_in(text, quote - bytes.len() + start..quote, true)
}

/// Bytes of the members up to the end of the object.
fn members(rest: &[u8]) -> usize {
    rest.iter().take(MEMBERS_BYTES_MAX).take_while(|byte| !matches!(byte, b'{' | b'}' | b'[')).count()
}

/// The start of the value of the member that holds the value.
fn value_in(text: &str, members: Range<usize>, is_before: bool) -> Option<usize> {
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
    let _ = is_before;
    None
}

fn strip_backslashes(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\\'] = bytes {
        bytes = rest;
    }
    bytes
}
