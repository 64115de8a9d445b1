//! Values that are assigned to a name such as `password` or `api_key`, in whatever notation: `KEY=value`, JSON, YAML,
//! code, XML, headers, a flag of a command, each plain or escaped any number of times.
//!
//! Reads on from the name, byte by byte: the rest of the name, what separates it from its value, the value and its end.

use super::likely;
use std::ops::Range;

/// Bytes after which the rest of a name, white space, or a type's name are not what they seem.
const SUFFIX_BYTES_MAX: usize = 24;
const BLANK_BYTES_MAX: usize = 16;
const TYPE_BYTES_MAX: usize = 40;
/// Bytes that decide whether a value is a secret. Also what keeps the search linear: a value that is none may hold
/// further names.
const JUDGED_BYTES_MAX: usize = 256;

/// Names whose values need more than others to be taken for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Chosen by people: a digit or a sign will do.
    Password,
    /// Made by a generator.
    Random,
}

/// What ends a name that speaks *about* a secret: its value is none.
const ABOUT: [&str; 64] = [
    "alg",
    "algorithm",
    "arn",
    "at",
    "budget",
    "by",
    "cache",
    "class",
    "column",
    "count",
    "created",
    "digest",
    "enabled",
    "encoding",
    "endpoint",
    "error",
    "expiration",
    "expires",
    "expiry",
    "factory",
    "field",
    "file",
    "filename",
    "fingerprint",
    "form",
    "format",
    "hash",
    "header",
    "hint",
    "host",
    "id",
    "ids",
    "index",
    "input",
    "label",
    "length",
    "lifetime",
    "limit",
    "manager",
    "max",
    "message",
    "min",
    "name",
    "names",
    "path",
    "pattern",
    "placeholder",
    "policy",
    "prefix",
    "provider",
    "ref",
    "regex",
    "reset",
    "schema",
    "size",
    "state",
    "status",
    "suffix",
    "ttl",
    "type",
    "uri",
    "url",
    "usage",
    "version",
];
/// What ends the name of a secret that is one of several.
const VARIANTS: [&str; 30] = [
    "access",
    "admin",
    "app",
    "base64",
    "ci",
    "current",
    "data",
    "default",
    "dev",
    "development",
    "hex",
    "key",
    "live",
    "local",
    "main",
    "new",
    "old",
    "password",
    "previous",
    "primary",
    "prod",
    "production",
    "secondary",
    "secret",
    "staging",
    "test",
    "token",
    "user",
    "val",
    "value",
];
/// What begins the name of a token that pages through a list.
const PAGING: [&str; 6] = ["page", "next", "continuation", "resume", "sync", "public"];

/// The value of the name that ends or goes on here, if it is likely a secret.
pub(super) fn find(text: &str, name: Range<usize>, strength: Strength) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let before = &bytes[..name.start];
    if PAGING.iter().any(|word| ends_in_word(before, word)) || is_in_url_user(before) {
        return None;
    }
    let mut cursor = Cursor { bytes, at: name.end };
    let suffix = cursor.suffix()?;
    let strength = suffix_strength(&text[suffix], strength)?;
    if is_qualified(before, cursor.peek()) {
        return None;
    }
    let separator = cursor.separator(name.start)?;
    let value = cursor.value(separator)?;
    let end = value_end(bytes, &value, JUDGED_BYTES_MAX);
    let judged = &text[value.start..end];
    let is_secret = match strength {
        // Code that computes the value.
        _ if value.quote.is_none() && is_code_after(bytes, end) => false,
        Strength::Random => likely::is_random(judged),
        Strength::Password if value.quote.is_some() => {
            likely::is_random(judged) || likely::is_password(judged)
        }
        // A variable, or a password without quotes as in `.env` files, where nothing follows on the line.
        Strength::Password => {
            let is_last =
                matches!(cursor.byte(end), 0 | b'\n' | b'\r' | b' ' | b'"' | b'\'' | b'\\' | b'<' | b'&');
            likely::is_random(judged)
                || (likely::is_password(judged)
                    && !is_secrets_name(judged)
                    && (is_last || !is_identifier(judged)))
        }
    };
    is_secret.then(|| value.start..value_end(bytes, &value, usize::MAX))
}

/// What a name's last words leave of the demand on its value; `None` if the value is no secret whatever it is.
fn suffix_strength(suffix: &str, strength: Strength) -> Option<Strength> {
    let last = last_word(suffix).to_ascii_lowercase();
    let last = last.trim_start_matches(['_', '-']);
    match last {
        "" => Some(strength),
        _ if ABOUT.binary_search(&last).is_ok() => None,
        _ if last.bytes().all(|byte| byte.is_ascii_digit()) || VARIANTS.binary_search(&last).is_ok() => {
            Some(strength)
        }
        // `tokens`, `tokenizer`, `secretary`: another word.
        _ if suffix.starts_with(|c: char| c.is_ascii_lowercase()) => None,
        _ => Some(Strength::Random),
    }
}

/// The last word of a name in snake case, kebab case or camel case.
fn last_word(name: &str) -> &str {
    let bytes = name.as_bytes();
    let is_start = |at: &usize| {
        matches!(bytes[*at], b'_' | b'-')
            || (bytes[*at].is_ascii_uppercase()
                && at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_lowercase()))
    };
    let start = (0..bytes.len()).rev().find(is_start).unwrap_or(0);
    &name[start..]
}

fn ends_in_word(before: &[u8], word: &str) -> bool {
    let before = before.strip_suffix(b"_").or(before.strip_suffix(b"-")).unwrap_or(before);
    let start = before.len().checked_sub(word.len());
    start.is_some_and(|start| before[start..].eq_ignore_ascii_case(word.as_bytes()))
}

/// True for the last part of `AWS::Some::Secret` and of `arn:aws:…:secret:name`, which name a kind of thing.
fn is_qualified(before: &[u8], next: u8) -> bool {
    let nearby = &before[before.len().saturating_sub(SUFFIX_BYTES_MAX)..];
    let name = nearby.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let qualifier = &before[..before.len() - name];
    qualifier.ends_with(b"::") || (qualifier.ends_with(b":") && next == b':')
}

/// True where a value without quotes turns out to be a call, an index, or a type whose value follows.
fn is_code_after(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    let next = rest.trim_ascii_start();
    matches!(rest.first(), Some(b'(' | b'[' | b'{')) || (next.starts_with(b"= ") && next.len() < rest.len())
}

/// True in `https://x-access-token:…@host`, whose password ends before the host.
fn is_in_url_user(before: &[u8]) -> bool {
    let nearby = &before[before.len().saturating_sub(SUFFIX_BYTES_MAX)..];
    let user = nearby
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-' || **byte == b'_')
        .count();
    before[..before.len() - user].ends_with(b"//")
}

/// True for variables such as `password2`.
fn is_secrets_name(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_identifier(value) && ["pass", "pwd", "secret", "token", "key"].iter().any(|word| lower.contains(word))
}

fn is_identifier(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

/// How a name and its value are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `=`, `:` and the like.
    Sign,
    /// What only stands before a value in quotes: the comma or parenthesis of a call.
    Call,
    /// White space after a flag of a command, or the verb of a sentence.
    Word,
}

struct Value {
    start: usize,
    /// The backslashes before the quote that opens it, and that quote.
    quote: Option<(usize, u8)>,
}

struct Cursor<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> u8 {
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

    /// The rest of the name.
    fn suffix(&mut self) -> Option<Range<usize>> {
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

    /// White space within a line; true if there is any.
    fn blank(&mut self) -> bool {
        let start = self.at;
        while self.at - start < BLANK_BYTES_MAX {
            match (self.peek(), self.byte(self.at + 1)) {
                (b' ' | b'\t', _) => self.at += 1,
                (b'\\', b't') => self.at += 2,
                _ => break,
            }
        }
        self.at > start
    }

    /// Goes to where the value begins.
    fn separator(&mut self, name_start: usize) -> Option<Separator> {
        let is_quoted = self.quote().is_some();
        self.eat("]");
        let is_adjacent = !self.blank();
        if self.eat("::") {
            return None;
        }
        let separator =
            if self.eat(":=") || self.eat("=>") || self.eat("===") || self.eat("==") || self.eat("=") {
                Separator::Sign
            } else if self.eat(":") {
                self.skip_type();
                Separator::Sign
            } else if !is_quoted && is_adjacent && self.eat(">") {
                Separator::Sign
            } else if !is_adjacent && !is_quoted && self.is_before_quote() {
                // SQL: `PASSWORD 'value'`.
                Separator::Call
            } else if (is_quoted && (self.eat(",") || self.eat("value="))) || (is_adjacent && self.eat("(")) {
                Separator::Call
            } else if !is_adjacent
                && !is_quoted
                && (self.eat("is ") || self.eat("is: ") || self.is_flag(name_start))
            {
                Separator::Word
            } else {
                return None;
            };
        self.blank();
        Some(separator)
    }

    fn is_before_quote(&self) -> bool {
        (Cursor { bytes: self.bytes, at: self.at }).quote().is_some()
    }

    /// In `name: Type = "value"`, goes behind the equals sign.
    fn skip_type(&mut self) {
        let rest = &self.bytes[self.at..];
        let is_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b" _&'<>[]|?.*:".contains(byte);
        let length = rest.iter().take(TYPE_BYTES_MAX).take_while(is_type).count();
        if rest.get(length) != Some(&b'=') || rest.get(length + 1) == Some(&b'=') {
            return;
        }
        let mut after = Cursor { bytes: self.bytes, at: self.at + length + 1 };
        after.blank();
        if after.is_before_quote() {
            self.at = after.at;
        }
    }

    /// True for the name of a flag, as in `--db-password value`.
    fn is_flag(&self, name_start: usize) -> bool {
        let before = &self.bytes[name_start.saturating_sub(SUFFIX_BYTES_MAX)..name_start];
        let name = before
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'-');
        let name: Vec<u8> = name.copied().collect();
        name.ends_with(b"--")
    }

    /// The value that begins here.
    fn value(&mut self, separator: Separator) -> Option<Value> {
        let unprefixed = self.at;
        // As in Rust, Python and C#: `b"…"`, `r"…"`, `@"…"`.
        while self.at - unprefixed < 2 && matches!(self.peek(), b'b' | b'r' | b'f' | b'u' | b'@' | b'$') {
            self.at += 1;
        }
        let mut quote = self.quote();
        if quote.is_none() {
            self.at = unprefixed;
            quote = self.quote();
        }
        if quote.is_none() && separator == Separator::Call {
            return None;
        }
        Some(Value { start: self.at, quote })
    }
}

/// Where a value ends, or is no longer looked at: at white space, at the quote that closes it, or without quotes at
/// what ends a value in most notations.
fn value_end(bytes: &[u8], value: &Value, bytes_max: usize) -> usize {
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
            None => !byte.is_ascii_whitespace() && !b"\"'`,;&<>()[]{}|".contains(&byte),
        };
        if !goes_on {
            break;
        }
        at += backslashes + 1;
    }
    let mut end = at.min(limit);
    // Not within a character; and a sentence's full stop is no part of the value.
    while end > value.start
        && (bytes.get(end).is_some_and(|byte| byte & 0xC0 == 0x80)
            || (value.quote.is_none() && matches!(bytes[end - 1], b'.' | b':')))
    {
        end -= 1;
    }
    end
}
