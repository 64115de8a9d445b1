//! The syntax of a name and its value: `KEY=value`, JSON, YAML, code, XML, tables, headers, flags of a command, sentences;
//! each plain or escaped any number of times.
//!
//! Reads forward from the name and within the limits below, except for the value itself, so that the search stays linear.

use std::ops::Range;

use crate::exporter::batch::redact::reading::skip_prefix;

/// Bytes of the rest of a name.
const SUFFIX_BYTES_MAX: usize = 24;
/// Bytes of white space within a line.
const BLANK_BYTES_MAX: usize = 24;
/// Bytes of a type annotation.
const TYPE_BYTES_MAX: usize = 40;
/// Bytes of white space between `name: X` and `value: Y`.
const GAP_BYTES_MAX: usize = 40;
/// Fewest bytes of white space between the columns of a table.
const COLUMN_GAP_BYTES_MIN: usize = 2;
/// Line breaks before a value, and bytes of a value that is alone on its line.
const LINE_BREAKS_MAX: usize = 2;
const ALONE_BYTES_MAX: usize = 512;
/// Bytes of a token that tells itself beside a name.
const LONG_TOKEN_BYTES_MIN: usize = 24;
/// Bytes of the words in `password for the staging database is`, and of a label.
const PURPOSE_BYTES_MAX: usize = 48;
/// Names of the second member of a pair such as `{"name": "DB_PASSWORD", "value": "…"}`.
const VALUE_NAMES: [&str; 4] = ["value", "Value", "VALUE", "ParameterValue"];

/// The start of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ValueStart {
    pub(super) start: usize,
    /// The opening quote, with the number of backslashes before it.
    pub(super) quote: Option<(usize, u8)>,
    pub(super) separator: Separator,
}

/// The syntax between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// `=`, `:` and the like.
    Sign,
    /// The comma or parenthesis of a call, which only a value in quotes follows.
    Call,
    /// White space: after a flag of a command, between columns, or after the verb of a sentence.
    Word,
    /// A line break: the value is alone on the next line.
    Line,
    /// The value is another member of the same object.
    Pair,
}

/// A position in a text that moves forward over names, separators and quotes.
pub(super) struct SyntaxReader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

impl<'t> SyntaxReader<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> SyntaxReader<'t> {
        SyntaxReader { text, bytes: text.as_bytes(), at }
    }

    pub(super) fn peek(&self) -> u8 {
        self.byte(self.at)
    }

    /// The byte at a position; zero past the end.
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

    /// Reads the rest of the name; `None` if it is too long for a name.
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

    /// Reads the separator after a name, up to the start of the value.
    pub(super) fn value(&mut self, name: Range<usize>) -> Option<ValueStart> {
        let mut separator = self.separator(name)?;
        self.blank();
        if matches!(separator, Separator::Sign | Separator::Word) {
            separator = self.line_break(separator)?;
        }
        // Markdown: `token: **value**`.
        while separator == Separator::Sign && matches!(self.peek(), b'*' | b'_') {
            self.at += 1;
        }
        self.blank();
        let quote = self.opening_quote();
        if quote.is_none() && separator == Separator::Call {
            return None;
        }
        let is_alone = separator != Separator::Line || self.is_alone();
        is_alone.then_some(ValueStart { start: self.at, quote, separator })
    }

    /// Skips the line break before a value, also the sign of a YAML block; `None` where another text follows.
    fn line_break(&mut self, separator: Separator) -> Option<Separator> {
        let start = self.at;
        if matches!(self.peek(), b'|' | b'>') && separator == Separator::Sign {
            self.at += 1;
            while matches!(self.peek(), b'-' | b'+' | b'0'..=b'9') {
                self.at += 1;
            }
            self.blank();
        }
        let mut breaks = 0;
        while breaks < LINE_BREAKS_MAX && (self.eat("\r\n") || self.eat("\n")) {
            breaks += 1;
            self.at = skip_prefix(self.text, self.at);
        }
        if breaks == 0 {
            self.at = start;
            return Some(separator);
        }
        Some(Separator::Line)
    }

    /// True if no blank follows before the end of the line.
    fn is_alone(&self) -> bool {
        let rest = self.bytes[self.at..].iter().take(ALONE_BYTES_MAX);
        let length = rest.clone().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let is_named = self.bytes[self.at..self.at + length].iter().any(|byte| matches!(byte, b':'))
            && self.bytes[..self.at + length].ends_with(b":");
        !is_named && matches!(self.byte(self.at + length), 0 | b'\n' | b'\r')
    }

    fn separator(&mut self, name: Range<usize>) -> Option<Separator> {
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
        if self.eat_any(&[":", "："]) {
            self.skip_type();
            return Some(Separator::Sign);
        }
        let is_call = if is_quoted { self.eat(",") } else { !is_adjacent && self.is_before_quote() };
        if is_call || (is_adjacent && self.eat("(")) {
            return Some(Separator::Call);
        }
        if !is_quoted && self.is_label(&name) {
            return Some(Separator::Word);
        }
        if is_quoted || is_adjacent {
            return None;
        }
        if self.eat("| ") {
            return Some(Separator::Sign);
        }
        let is_word = self.verb()
            || blank_bytes >= COLUMN_GAP_BYTES_MIN
            || self.bytes[self.at - 1] == b'\t'
            || self.is_flag(&name)
            || self.is_variable(&name)
            || self.is_long_token();
        is_word.then_some(Separator::Word)
    }

    /// Reads the verb or the arrow of a sentence, also behind a purpose: `for the staging database is`.
    fn verb(&mut self) -> bool {
        const VERBS: [&str; 21] = [
            "is now ",
            "is: ",
            "is ",
            "was changed to ",
            "was set to ",
            "was ",
            "to be ",
            "to ",
            "has been set to ",
            "has been changed to ",
            "should be ",
            "will be ",
            "→ ",
            "-> ",
            "=> ",
            "- ",
            "– ",
            "— ",
            "reset to ",
            "set to ",
            "changed to ",
        ];
        let start = self.at;
        if !self.eat_any(&["for ", "of ", "on ", "("]) {
            return self.eat_any(&VERBS);
        }
        let purpose = self.bytes[self.at..].iter().take(PURPOSE_BYTES_MAX);
        let end =
            purpose.take_while(|byte| byte.is_ascii_alphanumeric() || b" _-.@/')".contains(byte)).count();
        let purpose = &self.text[self.at..self.at + end];
        if self.byte(self.at + end) == b':' {
            self.at += end + 1;
            return true;
        }
        let verb = purpose.find(" is ").map(|at| at + 4);
        match verb {
            Some(at) => self.at += at,
            None => self.at = start,
        }
        verb.is_some()
    }

    /// True for a name that is a line of its own, of a few words.
    fn is_label(&self, name: &Range<usize>) -> bool {
        // `pass` alone on a line is a statement.
        let is_word = name.len() > 4 || self.bytes[name.start].is_ascii_uppercase();
        if !matches!(self.peek(), b'\n' | b'\r') {
            return false;
        }
        let before = &self.bytes[name.start.saturating_sub(PURPOSE_BYTES_MAX)..name.start];
        let line = before.iter().rposition(|byte| *byte == b'\n').map_or(before, |at| &before[at + 1..]);
        let is_named = is_word || line.iter().any(u8::is_ascii_uppercase);
        is_named
            && line.len() < PURPOSE_BYTES_MAX
            && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b" _-#*|>+".contains(byte))
    }

    /// True if a long token follows, as in `bearer token eyJ…`.
    fn is_long_token(&self) -> bool {
        let rest = self.bytes[self.at..].iter().take(LONG_TOKEN_BYTES_MIN);
        rest.len() == LONG_TOKEN_BYTES_MIN
            && rest.clone().all(|byte| byte.is_ascii_alphanumeric() || b"_-.+/".contains(byte))
    }

    /// True for a variable in capitals, as in `ENV API_KEY value`.
    fn is_variable(&self, name: &Range<usize>) -> bool {
        let name = &self.bytes[name.clone()];
        name.contains(&b'_') && !name.iter().any(u8::is_ascii_lowercase)
    }

    /// Reads a quote, escaped or not: the number of backslashes before it, and its character.
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

    /// Reads a quote with the string prefix of Rust, Python or C#: `b"…"`, `r"…"`, `@"…"`.
    fn opening_quote(&mut self) -> Option<(usize, u8)> {
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

    fn is_before_quote(&self) -> bool {
        SyntaxReader::new(self.text, self.at).opening_quote().is_some()
    }

    /// Skips white space within a line and returns its length.
    fn blank(&mut self) -> usize {
        self.white_space(BLANK_BYTES_MAX, b"t")
    }

    /// Skips white space, plain or as one of the given escapes, and returns its length.
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

    /// Reads a sign of assignment or comparison, also as URLs and some writers of JSON escape it.
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

    /// Reads the separator of a pair, `"name": "DB_PASSWORD", "value": "…"`, up to the second colon; also without quotes,
    /// on two lines, as XML attributes, and in a property list.
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

    /// Skips the type in `name: Type = "value"`, equals sign included.
    fn skip_type(&mut self) {
        let rest = &self.bytes[self.at..];
        let is_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b" _&'<>[]|?.*:".contains(byte);
        let length = rest.iter().take(TYPE_BYTES_MAX).take_while(is_type).count();
        if rest.get(length) != Some(&b'=') || rest.get(length + 1) == Some(&b'=') {
            return;
        }
        let mut after = SyntaxReader::new(self.text, self.at + length + 1);
        after.blank();
        if after.is_before_quote() {
            self.at = after.at;
        }
    }

    /// True for the name of a flag, as in `--db-password value`.
    fn is_flag(&self, name: &Range<usize>) -> bool {
        let before = name.start.checked_sub(1).map(|at| self.byte(at));
        self.byte(name.start) == b'-' && before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
    }
}

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

/// True if the quote closes a value with blanks, on the same line.
fn is_closed(rest: &[u8], (depth, quote): (usize, u8)) -> bool {
    let line = rest.iter().take(ALONE_BYTES_MAX / 4).take_while(|byte| !matches!(byte, b'\n' | b'\r'));
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
    let name = after.iter().take(SUFFIX_BYTES_MAX).take_while(is_name).count();
    after.first() == Some(&b'&') || (name > 0 && after.get(name) == Some(&b'='))
}
