//! Bounded reads of the texts that an operator names.
//!
//! Invariant: a text that is too long is an error, never cut.

use std::io::{Error, ErrorKind, Read, Result};

/// Reads a text of up to `bytes_max` bytes.
pub fn read_bounded(source: impl Read, bytes_max: u64) -> Result<String> {
    let mut bytes = Vec::new();
    if source.take(bytes_max + 1).read_to_end(&mut bytes)? as u64 > bytes_max {
        return Err(Error::other(format!("larger than {bytes_max} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_too_long_is_refused_and_never_cut() {
        assert_eq!(read_bounded(&b"1234"[..], 4).ok().as_deref(), Some("1234"));
        for (text, reason) in [("12345", "larger than 4 bytes"), ("123\u{e9}", "larger than 4 bytes")] {
            assert_eq!(
                read_bounded(text.as_bytes(), 4).map_err(|error| error.to_string()),
                Err(reason.to_owned())
            );
        }
        assert!(read_bounded(&b"\xff"[..], 4).is_err());
    }
}
