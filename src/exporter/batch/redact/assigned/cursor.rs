//! The position of a reader of names and values, with what all notations have in common: signs, quotes, white space, each
//! plain or escaped any number of times.

/// Bytes of white space within a line.
pub(super) const BLANK_BYTES_MAX: usize = 24;

/// A position in a text that moves forward over names, separators and quotes.
pub(super) struct SyntaxReader<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
}

impl<'t> SyntaxReader<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> SyntaxReader<'t> {
        SyntaxReader { text, bytes: text.as_bytes(), at }
    }

    pub(super) fn peek(&self) -> u8 {
        self.byte(self.at)
    }

    /// The byte at a position; zero past the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        // Most signs differ in the first byte, and comparing it takes no call.
        let is_here = sign.as_bytes().first() == self.bytes.get(self.at)
            && self.bytes[self.at..].starts_with(sign.as_bytes());
        self.at += if is_here { sign.len() } else { 0 };
        is_here
    }

    pub(super) fn eat_any(&mut self, signs: &[&str]) -> bool {
        signs.iter().any(|sign| self.eat(sign))
    }

    /// Reads a quote, escaped or not: the number of backslashes before it, and its character.
    pub(super) fn quote(&mut self) -> Option<(usize, u8)> {
        let mut at = self.at;
        while self.byte(at) == b'\\' {
            at += 1;
        }
        if !matches!(self.byte(at), b'"' | b'\'' | b'`') {
            return None;
        }
        let quote = (at - self.at, self.byte(at));
        self.at = at + 1;
        // Strings of several lines: `"""…"""`.
        if self.bytes[self.at..].starts_with(&[quote.1, quote.1])
            && self.byte(self.at + 2).is_ascii_alphanumeric()
        {
            self.at += 2;
        }
        Some(quote)
    }

    /// Reads a quote with the string prefix of Rust, Python or C#: `b"…"`, `r"…"`, `@"…"`.
    pub(super) fn opening_quote(&mut self) -> Option<(usize, u8)> {
        let start = self.at;
        while self.at - start < 2 && matches!(self.peek(), b'b' | b'r' | b'f' | b'u' | b'N' | b'@' | b'$') {
            self.at += 1;
        }
        let quote = self.quote();
        if quote.is_none() {
            self.at = start;
        }
        quote
    }

    pub(super) fn is_before_quote(&self) -> bool {
        SyntaxReader::new(self.text, self.at).opening_quote().is_some()
    }

    /// Skips white space within a line and returns its length.
    pub(super) fn blank(&mut self) -> usize {
        self.white_space(BLANK_BYTES_MAX, b"t")
    }

    /// Skips white space, plain or as one of the given escapes, and returns its length.
    pub(super) fn white_space(&mut self, bytes_max: usize, escapes: &[u8]) -> usize {
        let start = self.at;
        while self.at - start < bytes_max {
            let backslashes = self.bytes[self.at..].iter().take(4).take_while(|byte| **byte == b'\\').count();
            match self.byte(self.at + backslashes) {
                b' ' | b'\t' if backslashes == 0 => self.at += 1,
                b'\n' | b'\r' if backslashes == 0 && escapes.contains(&b'n') => self.at += 1,
                letter if backslashes > 0 && escapes.contains(&letter) => self.at += backslashes + 1,
                _ => break,
            }
        }
        self.at - start
    }
}
