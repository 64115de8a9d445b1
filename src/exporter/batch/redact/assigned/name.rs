//! Names of secrets: the words of a name that tell whether its value is one.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use crate::exporter::batch::redact::rule::Strength;

/// Bytes before a keyword that can belong to the name.
const PREFIX_BYTES_MAX: usize = 40;

/// Last words of a name that describes a secret, and whose value is none.
const DESCRIPTIVE_WORDS: &str = "accessor alg algo algorithm arn at budget by cache class code column count created date \
    days digest enabled encoding endpoint env error event expiration expires expiry factory field file filename fingerprint \
    form format func function group handler hash header hint host id ids index info input kind label len length level \
    lifetime limit link list location manager map max message meta method min minutes mode model name names num number \
    object offset order page param params path pattern placeholder policy prefix provider query range ref regex regexp \
    required reset role rotation rule schema scope seconds selector sha sha1 sha256 size slot source spec state status \
    store strategy strength suffix table tag template text time timeout title ttl type types uri url usage version";
/// Last words of the name of a secret that is one of several.
const VARIANT_WORDS: &str = "access admin again app b64 base base64 ci confirm confirmation current data default dev \
    development hex key live local main master new old password plain plaintext previous primary prod production raw root \
    secondary secret staging str string test token user val value";
/// First words of the name of a pagination token, of a public value, of a secret's digest, and of a key that opens nothing.
const HARMLESS_WORDS: [&str; 51] = [
    "page",
    "next",
    "continuation",
    "resume",
    "sync",
    "public",
    "pub",
    "publishable",
    "checksum",
    "hash",
    "amz",
    "cache",
    "partition",
    "sort",
    "foreign",
    "idempotency",
    "dedup",
    "deduplication",
    "dedupe",
    "routing",
    "lookup",
    "row",
    "range",
    "shard",
    "bucket",
    "object",
    "s3",
    "translation",
    "i18n",
    "locale",
    "message",
    "host",
    "map",
    "dict",
    "lock",
    "index",
    "config",
    "group",
    "grouping",
    "sticky",
    "hot",
    "any",
    "anchor",
    "sequence",
    "nat",
    "json",
    "property",
    "registry",
    "press",
    "forward",
    "backward",
];
/// Those of these words that say so of a password, too.
const HASH_WORDS: [&str; 5] = ["hash", "checksum", "public", "pub", "publishable"];
/// Words of the same kind that say so only where the name ends in `key`, since tokens and secrets have them, too.
const KEY_WORDS: [&str; 17] = [
    "message", "host", "map", "dict", "lock", "index", "config", "group", "grouping", "s3", "object",
    "bucket", "registry", "press", "json", "property", "range",
];

/// Short names of secrets.
const SHORT_WORDS: [&str; 7] = ["pat", "salt", "pw", "pin", "psk", "auth", "pass"];
/// Words that a short name of a secret follows without a separator: `dbpass`, `bindpw`.
const COMPOUND_WORDS: &str = "account admin api app auth become bind cert client cluster console cookie crypt db default docker \
    email enc ftp git guest host http imap jdbc key keystore ldap local login mail master mongo mqtt my mysql new o old oracle pg \
    php pop postgres priv proxy rabbit redis registry remote root rpc samba server sftp sign smb smtp sql ssh ssl store sudo svc \
    svn system tls trust truststore user vault vnc vpn web wifi wlan";

/// A name in a text.
pub(super) struct Name<'t> {
    text: &'t str,
    pub(super) start: usize,
    keyword: Range<usize>,
    /// True for a name in capitals, as in `.env` files.
    pub(super) is_upper: bool,
}

/// The start of the name around a keyword.
pub(super) fn start(bytes: &[u8], keyword: usize) -> usize {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = &bytes[keyword.saturating_sub(PREFIX_BYTES_MAX)..keyword];
    keyword - before.iter().rev().take_while(|byte| is_name(byte)).count()
}

/// Reads the name around a keyword; `None` if the keyword is a part of another word.
pub(super) fn read(text: &str, start: usize, keyword: Range<usize>, end: usize) -> Option<Name<'_>> {
    let bytes = text.as_bytes();
    // A short word is a name only as a word of its own: `salt`, not `basalt`.
    let is_short = keyword.len() <= 4
        && SHORT_WORDS.iter().any(|word| word.eq_ignore_ascii_case(&text[keyword.clone()]));
    let continues = |at: usize| {
        let (last, first) = (bytes[at - 1], bytes[at]);
        last.is_ascii_alphabetic() && (last.is_ascii_uppercase() || first.is_ascii_lowercase())
    };
    let is_escape = |at: usize| at > start && at < keyword.start && bytes[at - 1] == b'\\';
    if is_short && keyword.start > start && continues(keyword.start) && !is_escape(keyword.start - 1) {
        let last = text[start..keyword.start].rsplit(['_', '-', '.']).next().unwrap_or_default();
        if !COMPOUND_WORDS.split(' ').any(|word| word.eq_ignore_ascii_case(last)) {
            return None;
        }
    }
    let name = &text[start..end];
    let is_upper = name.bytes().any(|byte| byte.is_ascii_uppercase())
        && !name.bytes().any(|byte| byte.is_ascii_lowercase());
    Some(Name { text, start, keyword, is_upper })
}

impl Name<'_> {
    /// True if the words before the keyword say that no value of the name is a secret.
    pub(super) fn is_harmless(&self, strength: Strength) -> bool {
        let before = match &self.text.as_bytes()[..self.keyword.start] {
            [before @ .., b'_' | b'-' | b'/' | b' ' | b'.'] => before,
            before => before,
        };
        let Some(last) = before.last().map(u8::to_ascii_lowercase) else { return false };
        let is_key = strength == Strength::Key;
        let is_harmless = |word: &&str| {
            word.as_bytes().last() == Some(&last)
                && (is_key || !KEY_WORDS.contains(word))
                && ends_in_word(before, word)
        };
        let words = if strength == Strength::Password { &HASH_WORDS[..] } else { &HARMLESS_WORDS };
        let is_salt = self.text[self.keyword.clone()].eq_ignore_ascii_case("salt");
        (!is_salt && words.iter().any(is_harmless)) || self.is_in_url_user()
    }

    /// True for the last part of `AWS::Some::Secret` and of `arn:aws:…:secret:name`, which name a type.
    pub(super) fn is_qualified(&self, bytes: &[u8], next: u8) -> bool {
        let qualifier = without_name(&bytes[..self.keyword.start], |byte| byte.is_ascii_alphanumeric());
        let is_behind_name = qualifier.len() >= 2 && qualifier[qualifier.len() - 2].is_ascii_alphanumeric();
        qualifier.ends_with(b"::") || (is_behind_name && qualifier.ends_with(b":") && next == b':')
    }

    /// True in `https://x-access-token:…@host`, whose password ends before the host.
    fn is_in_url_user(&self) -> bool {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        without_name(&self.text.as_bytes()[..self.keyword.start], is_name).ends_with(b"://")
    }
}

/// Adapts the required strength to the last words of a name; `None` if no value of that name is a secret.
pub(super) fn suffix_strength(suffix: &str, strength: Strength) -> Option<Strength> {
    static DESCRIPTIVE: LazyLock<HashSet<&str, FixedState>> =
        LazyLock::new(|| DESCRIPTIVE_WORDS.split(' ').collect());
    static VARIANT: LazyLock<HashSet<&str, FixedState>> =
        LazyLock::new(|| VARIANT_WORDS.split(' ').collect());
    if suffix.is_empty() {
        return Some(strength);
    }
    // `keyboard`, `path`, `author`.
    if strength == Strength::Key && suffix.starts_with(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    let last = last_word(suffix.trim_end_matches('_')).trim_start_matches(['_', '-']).to_ascii_lowercase();
    if last.is_empty() {
        return Some(strength);
    }
    if DESCRIPTIVE.contains(last.as_str()) {
        return None;
    }
    if last.bytes().all(|byte| byte.is_ascii_digit()) || VARIANT.contains(last.as_str()) {
        return Some(strength);
    }
    // `tokens`, `tokenizer`, `secretary` are other words.
    let is_other_word = suffix.starts_with(|c: char| c.is_ascii_lowercase());
    (!is_other_word && strength != Strength::Key).then_some(Strength::Random)
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
    let Some(start) = before.len().checked_sub(word.len()) else { return false };
    let is_word = before[start..].eq_ignore_ascii_case(word.as_bytes());
    // Short words are a part of many others.
    let begins = start == 0 || !before[start - 1].is_ascii_lowercase() || before[start].is_ascii_uppercase();
    is_word && (begins || word.len() > 4)
}

/// Strips the name at the end.
fn without_name(before: &[u8], is_name: impl Fn(&u8) -> bool) -> &[u8] {
    let length = before.iter().rev().take(PREFIX_BYTES_MAX).take_while(|byte| is_name(byte)).count();
    &before[..before.len() - length]
}
