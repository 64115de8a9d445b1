//! The end of a value: its closing quote, or without quotes what ends a value in most notations.

use super::syntax::ValueStart;
use crate::exporter::batch::redact::work;

/// Bytes of the line on which a quote has to close a value with blanks.
const CLOSING_BYTES_MAX: usize = 128;
/// Bytes of the name of the next parameter of a URL.
const NAME_BYTES_MAX: usize = 24;
/// Bytes of the quotes within a value, with their backslashes.
const QUOTE_BYTES_MAX: usize = 12;

/// The end of a value, at most `bytes_max` after its start: the closing quote, or without quotes white space or a character
/// that ends a value in most notations.
pub(super) fn value_end(text: &str, value: ValueStart, bytes_max: usize) -> usize {
    let bytes = text.as_bytes();
    let limit = bytes.len().min(value.start.saturating_add(bytes_max));
    let (before, is_element) =
        (bytes[value.start.saturating_sub(1)], value.quote.is_none() && value.start > 0);
    if is_element
        && before == b'>'
        && let Some(end) = element_end(&bytes[value.start..limit])
    {
        return value.start + end;
    }
    let mut at = value.start;
    let mut has_blanks = None;
    while at < limit {
        let backslashes = bytes[at..limit].iter().take_while(|byte| **byte == b'\\').count();
        let byte = bytes.get(at + backslashes).copied().unwrap_or(0);
        let goes_on = match value.quote {
            // A quote inside the value is escaped with more backslashes than the opening quote. A quote that closes
            // the document's string ends the value in any case.
            Some((depth, quote)) if byte == quote || byte == b'"' => {
                if byte == quote && at > value.start {
                    let doubled = doubled_quotes(&bytes[at + backslashes..limit], quote);
                    if doubled > 0 {
                        at += backslashes + doubled;
                        continue;
                    }
                }
                (backslashes > depth && byte == quote) || (byte != quote && depth == 0 && backslashes > 0)
            }
            Some(_) if backslashes > 0 => !matches!(byte, b'n' | b'r' | b't' | 0),
            Some(quote) if byte == b' ' => *has_blanks.get_or_insert_with(|| is_closed(&bytes[at..], quote)),
            Some(_) => !byte.is_ascii_whitespace(),
            None if backslashes > 0 => {
                byte == b'/' || (byte == b'u' && bytes[at + backslashes..].starts_with(b"u00"))
            }
            None if byte == b'&' => !is_next_parameter(&bytes[at + 1..]),
            None => !byte.is_ascii_whitespace() && !b"\"'`,;<>()[]{}|".contains(&byte),
        };
        if !goes_on {
            break;
        }
        at += backslashes + 1;
    }
    work::read(at - value.start);
    let mut end = at.min(limit);
    // The end is a character boundary, and a full stop or the end of bold type is no part of the value.
    let is_bold = value.start > 0 && bytes[value.start - 1] == b'*';
    let is_after =
        |byte: u8| value.quote.is_none() && (matches!(byte, b'.' | b':') || (is_bold && byte == b'*'));
    while end > value.start
        && (bytes.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) || is_after(bytes[end - 1]))
    {
        end -= 1;
    }
    end
}

/// Length of the quotes here if they are doubled within a value, as SQL, YAML and tables escape one, or closed and opened
/// again, as shells do: `'a''b'`, `'a'\''b'`; zero where the value ends.
fn doubled_quotes(rest: &[u8], quote: u8) -> usize {
    let signs =
        rest.iter().take(QUOTE_BYTES_MAX).take_while(|byte| **byte == quote || **byte == b'\\').count();
    let quotes = rest[..signs].iter().filter(|byte| **byte == quote).count();
    let goes_on = rest.get(signs).is_some_and(|byte| byte.is_ascii_graphic() && !b",;:)]}>=<".contains(byte));
    if (2..=4).contains(&quotes) && goes_on { signs } else { 0 }
}

/// True if the quote closes a value with blanks, on the same line.
fn is_closed(rest: &[u8], (depth, quote): (usize, u8)) -> bool {
    let line = rest.iter().take(CLOSING_BYTES_MAX).take_while(|byte| !matches!(byte, b'\n' | b'\r'));
    let mut backslashes = 0;
    for byte in line {
        match *byte {
            b'\\' => backslashes += 1,
            byte if byte == quote => return backslashes <= depth,
            b'n' | b'"' if backslashes > 0 || *byte == b'"' => return false,
            _ => backslashes = 0,
        }
    }
    false
}

/// The end of the text of an XML element on one line.
fn element_end(rest: &[u8]) -> Option<usize> {
    let end = rest.windows(2).position(|pair| pair == b"</")?;
    (!rest[..end].iter().any(u8::is_ascii_whitespace)).then_some(end)
}

/// True if an `&` before these bytes separates parameters of a URL or commands, rather than being part of a password.
pub(super) fn is_next_parameter(after: &[u8]) -> bool {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(byte);
    let name = after.iter().take(NAME_BYTES_MAX).take_while(is_name).count();
    after.first() == Some(&b'&') || (name > 0 && after.get(name) == Some(&b'='))
}
