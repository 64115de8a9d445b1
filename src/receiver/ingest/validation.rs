//! Checks of single fields: lengths, numbers, U+0000.
//!
//! Invariant: an error names the field and never quotes its value, because that may be anything.

use crate::receiver::limits::{ID_BYTES_MAX, NAME_BYTES_MAX, NUMBER_MAX};

/// Rejects an id that is empty or too long.
pub fn check_id(field: &str, id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err(format!("{field} is missing"));
    }
    if !fits(id, ID_BYTES_MAX) {
        return Err(format!("{field} is longer than {ID_BYTES_MAX} bytes"));
    }
    Ok(())
}

/// An optional name as it is stored: `None` if it is empty or too long.
pub fn optional_name(name: Option<String>) -> Option<String> {
    name.filter(|name| !name.is_empty() && fits(name, NAME_BYTES_MAX)).map(replace_nul)
}

/// True unless more than `bytes_max` would be stored of a text.
pub fn fits(text: &str, bytes_max: usize) -> bool {
    stored_bytes(text) <= bytes_max
}

/// Bytes of a text as stored: U+FFFD takes three bytes instead of the one of U+0000.
fn stored_bytes(text: &str) -> usize {
    text.len() + 2 * text.bytes().filter(|byte| *byte == 0).count()
}

/// Replaces U+0000 and cuts a text to at most `bytes_max`.
pub fn cut(text: String, bytes_max: usize) -> String {
    let mut text = replace_nul(text);
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
    text
}

/// True for a number in the protocol's range.
pub fn is_number(number: i64) -> bool {
    (0..=NUMBER_MAX).contains(&number)
}

/// Replaces U+0000, which PostgreSQL cannot store, by U+FFFD. Both stores do so.
pub fn replace_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}
