//! Checks of single fields: lengths, numbers, U+0000.
//!
//! Invariant: an error names the field and never quotes its value, because that may be anything.

use crate::receiver::limits::{ID_BYTES_MAX, NAME_BYTES_MAX, NUMBER_MAX};

/// Rejects an id that is empty or too long.
pub fn check_id(field: &str, id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err(format!("{field} is missing"));
    }
    check_length(field, id, ID_BYTES_MAX)
}

/// Rejects a name that is too long.
pub fn check_name(field: &str, name: Option<&str>) -> Result<(), String> {
    check_length(field, name.unwrap_or(""), NAME_BYTES_MAX)
}

/// Rejects a text of which more than `bytes_max` would be stored.
pub fn check_length(field: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    // U+FFFD takes three bytes instead of the one of U+0000.
    let length = text.len() + 2 * text.bytes().filter(|byte| *byte == 0).count();
    if length > bytes_max {
        return Err(format!("{field} is longer than {bytes_max} bytes"));
    }
    Ok(())
}

/// Rejects a number outside of the protocol's range.
pub fn check_number(field: &str, number: Option<i64>) -> Result<(), String> {
    match number {
        Some(number) if !(0..=NUMBER_MAX).contains(&number) => {
            Err(format!("{field} is negative or not below 2^53"))
        }
        _ => Ok(()),
    }
}

/// Replaces U+0000, which PostgreSQL cannot store, by U+FFFD. Both stores do so.
pub fn replace_nul(mut text: String) -> String {
    replace_nul_in_place(&mut text);
    text
}

/// As [`replace_nul`].
pub fn replace_nul_in_place(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{FFFD}");
    }
}
