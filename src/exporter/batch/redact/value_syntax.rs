//! How a name and its value are written together: `KEY=value`, JSON, YAML, code, XML, tables, headers, flags of a
//! command, sentences; each plain or escaped any number of times.
//!
//! Reads on from the name, byte by byte and never back, and never further than the limits below, but for the value.

use std::ops::Range;

/// Bytes after which the rest of a name, white space, a type's name, or what stands between `name: X` and `value: Y`
/// are not what they seem.
const SUFFIX_BYTES_MAX: usize = 24;
const BLANK_BYTES_MAX: usize = 24;
const TYPE_BYTES_MAX: usize = 40;
const GAP_BYTES_MAX: usize = 40;
/// White space that separates the columns of a table.
const COLUMN_GAP_BYTES_MIN: usize = 2;
/// What the other half of a pair of members is called, as in `{"name": "DB_PASSWORD", "value": "…"}`.
const VALUE_NAMES: [&str; 4] = ["value", "Value", "VALUE", "ParameterValue"];

/// Where a value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) start: usize,
    /// The backslashes before the quote that opens it, and that quote.
    pub(super) quote: Option<(usize, u8)>,
}

/// How a name and its value are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `=`, `:` and the like.
    Sign,
    /// What only stands before a value in quotes: the comma or parenthesis of a call.
    Call,
    /// White space: after a flag of a command, between columns, or after the verb of a sentence.
    Word,
}

pub(super) struct Cursor<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(bytes: &'t [u8], at: usize) -> Cursor<'t> {
        Cursor { bytes, at }
    }

    pub(super) fn peek(&self) -> u8 {
        self.byte(self.at)
    }

    /// Zero past the end.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let is_here = self.bytes[self.at.min(self.bytes.len())..].starts_with(sign.as_bytes());
        self.at += if is_here { sign.len() } else { 0 };
        is_here
    }

    fn eat_any(&mut self, signs: &[&str]) -> bool {
        signs.iter().any(|sign| self.eat(sign))
    }

    /// The rest of the name; `None` if it is too long for one.
    pub(super) fn suffix(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        while self.peek().is_ascii_alphanumeric() || matches!(self.peek(), b'_' | b'-') {
            if self.peek() == b'-' && !self.byte(self.at + 1).is_ascii_alphanumeric() {
                break;
            }
            self.at += 1;
            if self.at - start > SUFFIX_BYTES_MAX {
                return None;
            }
        }
        Some(start..self.at)
    }

    /// The value of the name that begins here and ends at the cursor.
    pub(super) fn value(&mut self, name_start: usize) -> Option<Value> {
        let separator = self.separator(name_start)?;
        self.blank();
        // Markdown: `token: **value**`.
        while separator == Separator::Sign && matches!(self.peek(), b'*' | b'_') {
            self.at += 1;
        }
        let quote = self.opening_quote();
        if quote.is_none() && separator == Separator::Call {
            return None;
        }
        Some(Value { start: self.at, quote })
    }

    fn separator(&mut self, name_start: usize) -> Option<Separator> {
        let is_quoted = self.quote().is_some();
        self.eat("]");
        let blank_bytes = self.blank();
        let is_adjacent = blank_bytes == 0;
        if self.eat("::") {
            return None;
        }
        if self.equals() || self.value_of_pair() || (is_adjacent && self.eat(">")) {
            return Some(Separator::Sign);
        }
        if self.eat(":") {
            self.skip_type();
            return Some(Separator::Sign);
        }
        let is_call = if is_quoted { self.eat(",") } else { !is_adjacent && self.is_before_quote() };
        if is_call || (is_adjacent && self.eat("(")) {
            return Some(Separator::Call);
        }
        if is_quoted || is_adjacent {
            return None;
        }
        if self.eat("| ") {
            return Some(Separator::Sign);
        }
        let is_word = self.eat_any(&["is ", "is: "])
            || blank_bytes >= COLUMN_GAP_BYTES_MIN
            || self.bytes[self.at - 1] == b'\t'
            || self.is_flag(name_start);
        is_word.then_some(Separator::Word)
    }

    /// A quote, escaped or not: the number of backslashes before it, and which one it is.
    fn quote(&mut self) -> Option<(usize, u8)> {
        let mut at = self.at;
        while self.byte(at) == b'\\' {
            at += 1;
        }
        if !matches!(self.byte(at), b'"' | b'\'' | b'`') {
            return None;
        }
        let quote = (at - self.at, self.byte(at));
        self.at = at + 1;
        Some(quote)
    }

    /// A quote, and before it what Rust, Python and C# put there: `b"…"`, `r"…"`, `@"…"`.
    fn opening_quote(&mut self) -> Option<(usize, u8)> {
        let start = self.at;
        while self.at - start < 2 && matches!(self.peek(), b'b' | b'r' | b'f' | b'u' | b'@' | b'$') {
            self.at += 1;
        }
        let quote = self.quote();
        if quote.is_none() {
            self.at = start;
        }
        quote
    }

    fn is_before_quote(&self) -> bool {
        Cursor::new(self.bytes, self.at).opening_quote().is_some()
    }

    /// White space within a line; its length.
    fn blank(&mut self) -> usize {
        self.white_space(BLANK_BYTES_MAX, b"t")
    }

    /// White space, of whose escapes only those of some letters; its length.
    fn white_space(&mut self, bytes_max: usize, escapes: &[u8]) -> usize {
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

    /// A sign of assignment or comparison, also as URLs and some writers of JSON escape it.
    fn equals(&mut self) -> bool {
        if self.eat_any(&[":=", "=>", "===", "==", "=", "%3D", "%3d"]) {
            return true;
        }
        let start = self.at;
        while self.eat("\\") {}
        let is_escaped = self.at > start && self.eat_any(&["u003d", "u003D"]);
        if !is_escaped {
            self.at = start;
        }
        is_escaped
    }

    /// In `"name": "DB_PASSWORD", "value": "…"`, from behind the name to behind the colon; also without quotes and on
    /// two lines, as attributes, and as property lists have it.
    fn value_of_pair(&mut self) -> bool {
        let start = self.at;
        let is_list = self.eat("</key>");
        self.eat(",");
        self.white_space(GAP_BYTES_MAX, b"nrt");
        let is_pair = if is_list {
            self.eat("<string>")
        } else {
            self.quote();
            self.eat_any(&VALUE_NAMES) && {
                self.quote();
                self.blank();
                self.eat_any(&[":", "="])
            }
        };
        if !is_pair {
            self.at = start;
        }
        is_pair
    }

    /// In `name: Type = "value"`, goes behind the equals sign.
    fn skip_type(&mut self) {
        let rest = &self.bytes[self.at..];
        let is_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b" _&'<>[]|?.*:".contains(byte);
        let length = rest.iter().take(TYPE_BYTES_MAX).take_while(is_type).count();
        if rest.get(length) != Some(&b'=') || rest.get(length + 1) == Some(&b'=') {
            return;
        }
        let mut after = Cursor::new(self.bytes, self.at + length + 1);
        after.blank();
        if after.is_before_quote() {
            self.at = after.at;
        }
    }

    /// True for the name of a flag, as in `--db-password value`.
    fn is_flag(&self, name_start: usize) -> bool {
        let before = &self.bytes[name_start.saturating_sub(SUFFIX_BYTES_MAX)..name_start];
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let start = before.iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
        before[start..].starts_with(b"--")
    }
}

/// Where a value ends, or is no longer looked at: at white space, at the quote that closes it, or without quotes at
/// what ends a value in most notations.
pub(super) fn value_end(bytes: &[u8], value: Value, bytes_max: usize) -> usize {
    let limit = bytes.len().min(value.start.saturating_add(bytes_max));
    let mut at = value.start;
    while at < limit {
        let backslashes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
        let byte = bytes.get(at + backslashes).copied().unwrap_or(0);
        let goes_on = match value.quote {
            // The quote may be escaped inside the value, then with more backslashes than that which opened it. One
            // that would close a document's string ends the value in any case.
            Some((depth, quote)) if byte == quote || byte == b'"' => backslashes > depth && byte == quote,
            Some(_) if backslashes > 0 => !matches!(byte, b'n' | b'r' | b't' | 0),
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
    let mut end = at.min(limit);
    // Not within a character; and a sentence's full stop or the end of bold type is no part of the value.
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

/// True for what follows the `&` between two parameters of a URL, or two commands, but not within a password.
fn is_next_parameter(after: &[u8]) -> bool {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(byte);
    let name = after.iter().take(SUFFIX_BYTES_MAX).take_while(is_name).count();
    after.first() == Some(&b'&') || (name > 0 && after.get(name) == Some(&b'='))
}
