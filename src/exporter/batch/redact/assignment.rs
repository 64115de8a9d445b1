//! Which names have secrets for values, and which values are secrets then.
//!
//! A rule's anchor is a part of the name; what goes before and after it decides whether the name is that of a secret
//! or speaks about one. How the value is written is the matter of `notation`.

use crate::exporter::batch::redact::randomness;
use crate::exporter::batch::redact::value_syntax::{Cursor, value_end};
use std::ops::Range;

/// Bytes before an anchor that can belong to the name.
const PREFIX_BYTES_MAX: usize = 24;
/// Bytes that decide whether a value is a secret. Also what keeps the search linear: a value that is none may hold
/// further names.
const JUDGED_BYTES_MAX: usize = 128;

/// Names whose values need more than others to be taken for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Chosen by people: a digit or a sign will do.
    Password,
    /// Made by a generator.
    Random,
}

/// What ends a name that speaks about a secret: its value is none.
const ABOUT: &str = "accessor alg algorithm arn at budget by cache class column count created digest enabled encoding endpoint \
    error expiration expires expiry factory field file filename fingerprint form format hash header hint host id ids \
    index input label length lifetime limit manager max message min name names path pattern placeholder policy prefix \
    provider ref regex reset schema size state status suffix ttl type uri url usage version";
/// What ends the name of a secret that is one of several.
const VARIANTS: &str = "access admin app base64 ci current data default dev development hex key live local main new \
    old password previous primary prod production secondary secret staging test token user val value";
/// What begins the name of a token that pages through a list, of what is public, and of a secret's digest.
const HARMLESS: [&str; 10] =
    ["page", "next", "continuation", "resume", "sync", "public", "publishable", "checksum", "hash", "amz"];

/// The value of the name that the anchor is a part of, if it is likely a secret.
pub(super) fn find(text: &str, anchor: Range<usize>, strength: Strength) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    // Some anchors are longer than their name, which alone is too frequent to look at: `pass: '`.
    let name = text[anchor.clone()].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let mut cursor = Cursor::new(bytes, anchor.start + name.len());
    let suffix = cursor.suffix()?;
    let strength = suffix_strength(&text[suffix], strength)?;
    let before = &bytes[..anchor.start];
    if HARMLESS.iter().any(|word| ends_in_word(before, word)) || is_in_url_user(before) {
        return None;
    }
    if is_qualified(before, cursor.peek()) {
        return None;
    }
    let value = cursor.value(anchor.start)?;
    let end = value_end(bytes, value, JUDGED_BYTES_MAX);
    let judged = &text[value.start..end];
    let is_quoted = value.quote.is_some();
    if !is_quoted && is_code_after(bytes, end) {
        return None;
    }
    let is_password = || {
        randomness::is_password(judged)
            && (is_quoted || (!is_secrets_name(judged) && (is_last(bytes, end) || !is_identifier(judged))))
    };
    let is_secret = randomness::is_secret(judged) || (strength == Strength::Password && is_password());
    is_secret.then(|| value.start..value_end(bytes, value, usize::MAX))
}

/// What a name's last words leave of the demand on its value; `None` if the value is no secret whatever it is.
fn suffix_strength(suffix: &str, strength: Strength) -> Option<Strength> {
    if suffix.is_empty() {
        return Some(strength);
    }
    let last = last_word(suffix).trim_start_matches(['_', '-']).to_ascii_lowercase();
    let is_in = |words: &str| words.split(' ').any(|word| word == last);
    if is_in(ABOUT) {
        return None;
    }
    if last.bytes().all(|byte| byte.is_ascii_digit()) || is_in(VARIANTS) {
        return Some(strength);
    }
    // `tokens`, `tokenizer`, `secretary` are other words.
    let is_other_word = suffix.starts_with(|c: char| c.is_ascii_lowercase());
    (!is_other_word).then_some(Strength::Random)
}

/// The last word of a name in snake case, kebab case or camel case.
fn last_word(name: &str) -> &str {
    let bytes = name.as_bytes();
    let begins_word = |at: &usize| {
        let is_camel = *at > 0 && bytes[*at].is_ascii_uppercase() && bytes[*at - 1].is_ascii_lowercase();
        matches!(bytes[*at], b'_' | b'-') || is_camel
    };
    &name[(0..bytes.len()).rev().find(begins_word).unwrap_or(0)..]
}

fn ends_in_word(before: &[u8], word: &str) -> bool {
    let before = match before {
        [before @ .., b'_' | b'-' | b'/'] => before,
        before => before,
    };
    let start = before.len().checked_sub(word.len());
    start.is_some_and(|start| before[start..].eq_ignore_ascii_case(word.as_bytes()))
}

/// True for the last part of `AWS::Some::Secret` and of `arn:aws:…:secret:name`, which name a kind of thing.
fn is_qualified(before: &[u8], next: u8) -> bool {
    let qualifier = without_name(before, |byte| byte.is_ascii_alphanumeric());
    qualifier.ends_with(b"::") || (qualifier.ends_with(b":") && next == b':')
}

/// True in `https://x-access-token:…@host`, whose password ends before the host.
fn is_in_url_user(before: &[u8]) -> bool {
    without_name(before, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).ends_with(b"//")
}

/// What stands before the name that ends here.
fn without_name(before: &[u8], is_name: impl Fn(&u8) -> bool) -> &[u8] {
    let length = before.iter().rev().take(PREFIX_BYTES_MAX).take_while(|byte| is_name(byte)).count();
    &before[..before.len() - length]
}

/// True where a value without quotes turns out to be a call, an index, or a type whose value follows.
fn is_code_after(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    let blanks = rest.iter().take(PREFIX_BYTES_MAX).take_while(|byte| **byte == b' ').count();
    matches!(rest.first(), Some(b'(' | b'[' | b'{')) || (blanks > 0 && rest[blanks..].starts_with(b"= "))
}

/// True where nothing follows on the line, as in `.env` files and YAML; in code there is a comma or a semicolon.
fn is_last(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), None | Some(b'\n' | b'\r' | b' ' | b'"' | b'\'' | b'\\' | b'<' | b'&'))
}

/// True for variables such as `password2`.
fn is_secrets_name(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_identifier(value) && ["pass", "pwd", "secret", "token", "key"].iter().any(|word| lower.contains(word))
}

fn is_identifier(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}
