//! Secrets that are assigned to names such as `db_password`.
//!
//! A rule's keyword is a part of the name; the rest of the name decides whether it names a secret or describes one
//! (`password_hash`). The syntax between name and value belongs to `value_syntax`.

use std::ops::Range;

use crate::exporter::batch::redact::randomness;
use crate::exporter::batch::redact::rule::Strength;
use crate::exporter::batch::redact::value_syntax::{SyntaxReader, value_end};

/// Bytes before a keyword that can belong to the name.
const PREFIX_BYTES_MAX: usize = 24;
/// Bytes of a value that decide whether it is a secret. Bounded for linear time: a value that is none may hold further
/// names.
const CHECKED_BYTES_MAX: usize = 128;

/// Last words of a name that describes a secret, and whose value is none.
const DESCRIPTIVE_WORDS: &str = "accessor alg algorithm arn at budget by cache class column count created digest enabled encoding endpoint \
    error expiration expires expiry factory field file filename fingerprint form format hash header hint host id ids \
    index input label length lifetime limit manager max message min name names path pattern placeholder policy prefix \
    provider ref regex reset schema size state status suffix ttl type uri url usage version";
/// Last words of the name of a secret that is one of several.
const VARIANT_WORDS: &str = "access admin app base64 ci current data default dev development hex key live local main new \
    old password previous primary prod production secondary secret staging test token user val value";
/// First words of the name of a pagination token, of a public value, and of a secret's digest.
const HARMLESS_WORDS: [&str; 10] =
    ["page", "next", "continuation", "resume", "sync", "public", "publishable", "checksum", "hash", "amz"];

/// Finds the value of the name that the keyword is a part of, if the value is likely a secret.
pub(super) fn find(text: &str, keyword: Range<usize>, strength: Strength) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    // Some keywords are longer than their name, which alone occurs too often: `pass: '`.
    let name = text[keyword.clone()].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let mut reader = SyntaxReader::new(bytes, keyword.start + name.len());
    let suffix = reader.suffix()?;
    let strength = suffix_strength(&text[suffix], strength)?;
    let before = &bytes[..keyword.start];
    if HARMLESS_WORDS.iter().any(|word| ends_in_word(before, word)) || is_in_url_user(before) {
        return None;
    }
    if is_qualified(before, reader.peek()) {
        return None;
    }
    let value = reader.value(keyword.start)?;
    let end = value_end(bytes, value, CHECKED_BYTES_MAX);
    let checked = &text[value.start..end];
    let is_quoted = value.quote.is_some();
    if !is_quoted && is_code_after(bytes, end) {
        return None;
    }
    let is_password = || {
        randomness::is_password(checked)
            && (is_quoted || (!is_secrets_name(checked) && (is_last(bytes, end) || !is_identifier(checked))))
    };
    let is_secret = randomness::is_secret(checked) || (strength == Strength::Password && is_password());
    is_secret.then(|| value.start..value_end(bytes, value, usize::MAX))
}

/// Adapts the required strength to the last words of a name; `None` if no value of that name is a secret.
fn suffix_strength(suffix: &str, strength: Strength) -> Option<Strength> {
    if suffix.is_empty() {
        return Some(strength);
    }
    let last = last_word(suffix).trim_start_matches(['_', '-']).to_ascii_lowercase();
    let is_in = |words: &str| words.split(' ').any(|word| word == last);
    if is_in(DESCRIPTIVE_WORDS) {
        return None;
    }
    if last.bytes().all(|byte| byte.is_ascii_digit()) || is_in(VARIANT_WORDS) {
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

/// True for the last part of `AWS::Some::Secret` and of `arn:aws:…:secret:name`, which name a type.
fn is_qualified(before: &[u8], next: u8) -> bool {
    let qualifier = without_name(before, |byte| byte.is_ascii_alphanumeric());
    qualifier.ends_with(b"::") || (qualifier.ends_with(b":") && next == b':')
}

/// True in `https://x-access-token:…@host`, whose password ends before the host.
fn is_in_url_user(before: &[u8]) -> bool {
    without_name(before, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).ends_with(b"//")
}

/// Strips the name at the end.
fn without_name(before: &[u8], is_name: impl Fn(&u8) -> bool) -> &[u8] {
    let length = before.iter().rev().take(PREFIX_BYTES_MAX).take_while(|byte| is_name(byte)).count();
    &before[..before.len() - length]
}

/// True if a value without quotes is a call, an index, or a type whose value follows.
fn is_code_after(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    let blanks = rest.iter().take(PREFIX_BYTES_MAX).take_while(|byte| **byte == b' ').count();
    matches!(rest.first(), Some(b'(' | b'[' | b'{')) || (blanks > 0 && rest[blanks..].starts_with(b"= "))
}

/// True if nothing follows on the line, as in `.env` files and YAML; in code a comma or a semicolon does.
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
