//! The syntax of a name and its value: `KEY=value`, JSON, YAML, code, XML, tables, headers, flags of a command, sentences;
//! each plain or escaped any number of times.
//!
//! Reads forward from the name and within the limits below, except for the value itself, so that the search stays linear.

use std::ops::Range;

use super::cursor::{BLANK_BYTES_MAX, SyntaxReader};
use crate::exporter::batch::redact::reading::skip_prefix;

/// Bytes of the rest of a name.
const SUFFIX_BYTES_MAX: usize = 24;
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
/// Bytes of a password that tells itself beside a name.
const PASSWORD_BYTES_MIN: usize = 8;
/// Bytes of the words in `password for the staging database is`, and of a label.
const PURPOSE_BYTES_MAX: usize = 48;
/// Words before the purpose of a password: `password for the staging database is`.
const PURPOSES: [&str; 7] = ["for ", "of ", "on ", "(", "is generated for ", "generated for ", "is for "];
/// Verbs and arrows between a name and its value in a sentence.
const VERBS: [&str; 37] = [
    "lautet ",
    "ist ",
    "est ",
    "es ",
    "è ",
    "é ",
    "är ",
    "jest ",
    "is now ",
    "is still ",
    "is currently ",
    "is set to ",
    "was reset to ",
    "has been reset to ",
    "equals ",
    "eq ",
    "<<< ",
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
/// Names of the second member of a pair such as `{"name": "DB_PASSWORD", "value": "…"}`.
const VALUE_NAMES: [&str; 5] = ["value", "Value", "VALUE", "ParameterValue", "content"];

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
    /// White space: between columns, or after the verb of a sentence.
    Word,
    /// White space after a flag of a command.
    Flag,
    /// A line break: the value is alone on the next line.
    Line,
    /// The value is another member of the same object.
    Pair,
}

impl SyntaxReader<'_> {
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
        self.skip_dumped_type();
        if matches!(separator, Separator::Sign | Separator::Word) {
            separator = self.line_break(separator)?;
            self.skip_dumped_type();
        }
        if separator == Separator::Call {
            self.white_space(GAP_BYTES_MAX, b"nrt");
        }
        if separator == Separator::Sign {
            self.skip_yaml_tag();
        }
        // The first of several values in a list: `"X-Api-Key": ["…"]`.
        if separator == Separator::Sign
            && self.peek() == b'['
            && SyntaxReader::new(self.text, self.at + 1).is_before_quote()
        {
            self.at += 1;
        }
        // The value is an element in the element that the name has.
        if separator == Separator::Sign {
            self.eat_any(&["<value>", "<Value>", "<string>"]);
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
        // A here-document begins on the next line.
        if separator == Separator::Sign && self.eat("<<") {
            let rest = self.bytes[self.at..].iter().take(BLANK_BYTES_MAX);
            self.at += rest.take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
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
        self.skip_visibility();
        if !self.eat("[]") {
            self.eat("]");
        }
        self.skip_bold();
        let blank_bytes = self.blank();
        let is_adjacent = blank_bytes == 0;
        // LDIF: a value in base64.
        if is_adjacent && !is_quoted && self.eat(":: ") {
            return Some(Separator::Sign);
        }
        if self.eat("::") {
            return None;
        }
        self.skip_ordinal(is_adjacent);
        if self.equals() || self.value_of_pair() || (is_adjacent && self.eat(">")) || self.arrow() {
            return Some(Separator::Sign);
        }
        if self.eat_any(&[":", "："]) {
            self.skip_type();
            self.object();
            return Some(Separator::Sign);
        }
        if self.eat_any(&["是", "为", "為", "は、", "は", "는 ", "은 "]) {
            return Some(Separator::Sign);
        }
        if !is_adjacent && !is_quoted && self.element(name.start) {
            return Some(Separator::Sign);
        }
        if self.object()
            || self.serialized_length(is_quoted)
            || (!is_quoted && !is_adjacent && self.declared_type())
        {
            return Some(Separator::Sign);
        }
        match is_quoted || is_adjacent {
            true => self.joined_separator(&name, is_quoted, is_adjacent),
            false => self.separator_of_words(&name, blank_bytes),
        }
    }

    /// Reads the separator after a name in quotes, or one that no blank follows: a comma, a parenthesis, a line break.
    fn joined_separator(
        &mut self,
        name: &Range<usize>,
        is_quoted: bool,
        is_adjacent: bool,
    ) -> Option<Separator> {
        let is_in_tuple = name.start > 0 && self.byte(name.start - 1) == b'{';
        if (is_quoted || is_in_tuple) && self.eat(",") || is_adjacent && self.eat("(") {
            return Some(Separator::Call);
        }
        let is_word = match is_quoted {
            true => matches!(self.peek(), b'\n' | b'\r') && self.is_form_field(name),
            false => self.begins_line(name.start) && self.eat(",") || self.is_label(name),
        };
        is_word.then_some(Separator::Word)
    }

    /// Reads the separator after a name that blanks follow.
    fn separator_of_words(&mut self, name: &Range<usize>, blank_bytes: usize) -> Option<Separator> {
        if self.is_before_quote() {
            return Some(Separator::Call);
        }
        if self.is_label(name) {
            return Some(Separator::Word);
        }
        if self.eat("| ") {
            return Some(Separator::Sign);
        }
        if self.is_flag(name) {
            // `-password pass:…` of OpenSSL.
            self.eat("pass:");
            return Some(Separator::Flag);
        }
        let is_word = self.verb()
            || blank_bytes >= COLUMN_GAP_BYTES_MIN
            || self.bytes[self.at - 1] == b'\t'
            || self.is_variable(name)
            || self.is_long_token()
            || self.bracketed_token()
            || self.is_password()
            || (self.begins_line(name.start) && self.ends_line_with_password());
        is_word.then_some(Separator::Word)
    }

    /// Reads the verb or the arrow of a sentence, also behind a purpose: `for the staging database is`.
    fn verb(&mut self) -> bool {
        let start = self.at;
        if self.announcement() {
            return true;
        }
        if !self.eat_any(&PURPOSES) {
            return self.eat_any(&VERBS);
        }
        // The colon of a URL belongs to the purpose.
        let is_purpose = |at: usize| match self.byte(at) {
            b':' => self.byte(at + 1) == b'/',
            byte => byte.is_ascii_alphanumeric() || b" _-.@/')".contains(&byte),
        };
        let end = (self.at..self.at + PURPOSE_BYTES_MAX).find(|at| !is_purpose(*at));
        let end = end.unwrap_or(self.at + PURPOSE_BYTES_MAX);
        let purpose = &self.text[self.at..end];
        if matches!(self.byte(end), b':' | b'=') {
            self.at = end + 1;
            return true;
        }
        let verb = purpose.find(" is ").map(|at| at + 4);
        match verb {
            Some(at) => self.at += at,
            None => self.at = start,
        }
        verb.is_some()
    }

    /// Reads the rest of a line that announces the next one: `password to proceed:`.
    fn announcement(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let words = rest
            .iter()
            .take(PURPOSE_BYTES_MAX)
            .take_while(|byte| byte.is_ascii_lowercase() || **byte == b' ');
        let end = words.count();
        let is_announced =
            rest.starts_with(b"to ") && matches!(rest.get(end..), Some([b':', b'\n' | b'\r', ..]));
        self.at += if is_announced { end + 1 } else { 0 };
        is_announced
    }

    /// Skips the end of bold type in `**Password**: value`.
    fn skip_bold(&mut self) {
        let start = self.at;
        if self.eat_any(&["**", "__"]) && !matches!(self.peek(), b':' | b' ') {
            self.at = start;
        }
    }

    /// Skips the number in `Unseal Key 1: value`.
    fn skip_ordinal(&mut self, is_adjacent: bool) {
        let digits = self.bytes[self.at..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if !is_adjacent && digits > 0 && self.byte(self.at + digits) == b':' {
            self.at += digits;
        }
    }

    /// Reads an arrow before a long token; before anything else it is a member of an object.
    fn arrow(&mut self) -> bool {
        let is_arrow = self.eat("->");
        let is_before_token = is_arrow && self.is_long_token();
        self.at -= if is_arrow && !is_before_token { 2 } else { 0 };
        is_before_token
    }

    /// True for a name that is a line of its own, of a few words.
    fn is_label(&self, name: &Range<usize>) -> bool {
        // `pass` alone on a line is a statement.
        let is_word = name.len() > 4 || self.bytes[name.start].is_ascii_uppercase();
        if !matches!(self.peek(), b'\n' | b'\r') {
            return false;
        }
        let before = &self.bytes[name.start.saturating_sub(PURPOSE_BYTES_MAX)..name.start];
        // The first line of a string in a document begins behind its quote.
        let line = before.iter().rposition(|byte| matches!(byte, b'\n' | b'"'));
        let line = line.map_or(before, |at| &before[at + 1..]);
        let is_named = is_word || line.iter().any(u8::is_ascii_uppercase);
        // The letters of a name may be a part of a line of base64.
        let is_base64 = self.bytes[name.clone()].iter().any(u8::is_ascii_digit);
        is_named
            && !is_base64
            && line.len() < PURPOSE_BYTES_MAX
            && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b" _-#*|>+".contains(byte))
    }

    /// True if a long token follows, as in `bearer token eyJ…`.
    fn is_long_token(&self) -> bool {
        let rest = self.bytes[self.at..].iter().take(LONG_TOKEN_BYTES_MIN);
        rest.len() == LONG_TOKEN_BYTES_MIN
            && rest.clone().all(|byte| byte.is_ascii_alphanumeric() || b"_-.+/".contains(byte))
    }

    /// Reads the bracket around a long token.
    fn bracketed_token(&mut self) -> bool {
        let start = self.at;
        if self.eat_any(&["[", "<", "("]) && self.is_long_token() {
            return true;
        }
        self.at = start;
        false
    }

    /// True for the name of a field in the body of a form.
    fn is_form_field(&self, name: &Range<usize>) -> bool {
        let before = self.text[..name.start].trim_end_matches(['"', '\\']);
        before.ends_with("name=")
    }

    /// True if a word with a digit and a sign follows, as in `one-time password x7#…`.
    fn is_password(&self) -> bool {
        let word = self.bytes[self.at..].iter().take(ALONE_BYTES_MAX / 8);
        let word = word.take_while(|byte| byte.is_ascii_graphic());
        let has = |is: fn(&u8) -> bool| word.clone().any(is);
        word.clone().count() >= PASSWORD_BYTES_MIN
            && has(u8::is_ascii_alphabetic)
            && has(u8::is_ascii_digit)
            && has(|byte| b"@#$!%^&*".contains(byte))
    }

    /// True if one word with letters of both cases and a digit is the rest of the line, as in the configuration of mail
    /// programs: `password x7…`.
    fn ends_line_with_password(&self) -> bool {
        let rest = self.bytes[self.at..].iter().take(ALONE_BYTES_MAX / 8);
        let word = rest.take_while(|byte| byte.is_ascii_graphic());
        let has = |is: fn(&u8) -> bool| word.clone().any(is);
        let length = word.clone().count();
        length >= PASSWORD_BYTES_MIN
            && matches!(self.byte(self.at + length), 0 | b'\n' | b'\r')
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_digit)
    }

    /// True for a variable in capitals, as in `ENV API_KEY value`.
    fn is_variable(&self, name: &Range<usize>) -> bool {
        let name = &self.bytes[name.clone()];
        name.contains(&b'_') && !name.iter().any(u8::is_ascii_lowercase)
    }

    /// Reads a sign of assignment or comparison, also as URLs and some writers of JSON escape it.
    fn equals(&mut self) -> bool {
        if self.eat_any(&[":=", "=>", "===", "==", "=", "<-", "||=", "??=", "?=", "%3D", "%3d"]) {
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
        if self.eat_any(&[" --value ", " --value=", "--value ", "--secret-string ", " | default("]) {
            return true;
        }
        let is_list = self.eat_any(&["</key>", "</name>", "</Name>"]);
        self.eat(",");
        self.white_space(GAP_BYTES_MAX, b"nrt");
        let is_pair = if is_list {
            self.eat_any(&["<string>", "<value>", "<Value>"])
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

    /// Reads the type and the sign of a declaration: `password string = "…"`.
    fn declared_type(&mut self) -> bool {
        let start = self.at;
        self.skip_type();
        self.at > start
    }

    /// True if the name is the first of its line, or of the string of a document.
    fn begins_line(&self, name_start: usize) -> bool {
        name_start == 0 || matches!(self.byte(name_start - 1), b'\n' | b'\t' | b'"')
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
