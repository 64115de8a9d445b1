//! Randomness: tells random values and passwords from words, identifiers, paths and placeholders.
//!
//! Decides by the characters of the value alone. A value that could be a name counts as one: code consists of names.

use crate::exporter::batch::redact::rule::Check;

/// Fewest characters of a random value. Shorter ones hold less than 48 bits in base 16.
const RANDOM_CHARS_MIN: usize = 12;
/// Fewest characters of a long value: enough to decide by letters alone, without digits or letters of both cases.
const LONG_CHARS_MIN: usize = 24;
/// Fewest and most characters of a password.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// Share in percent of frequent bigrams above which a value consists of words, for short and for long values (from
/// [`LONG_CHARS_MIN`]). Measured: of random values of 16 characters in any alphabet 99 in 100 stay below, of names without
/// digits 1 in 100.
const FREQUENT_BIGRAM_PERCENT_MAX: [usize; 2] = [60, 70];
/// Names of hashes and encodings, whose digits are no sign of randomness.
const NAMES_WITH_DIGITS: [&str; 12] = [
    "sha1", "sha256", "sha384", "sha512", "md5", "base64", "base32", "utf8", "utf16", "oauth2", "argon2",
    "pbkdf2",
];
/// Words that people write in place of a secret.
const PLACEHOLDERS: [&str; 17] = [
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "your_",
    "your-",
    "yourp",
    "yourt",
    "yours",
    "dummy",
    "redacted",
    "insert",
    "todo",
    "sample",
    "xxxx",
    "undefined",
];

/// True if a match passes the check of its rule.
pub(super) fn passes(check: Check, value: &str) -> bool {
    match check {
        Check::Shape => true,
        Check::NoPlaceholder => !is_placeholder(value),
        Check::Random => is_random(value),
        Check::Opaque => is_secret(value) || is_password(value),
    }
}

/// True if the value is random and no placeholder.
pub(super) fn is_secret(value: &str) -> bool {
    is_random(value) && !is_placeholder(value)
}

/// True for a variable, a hole of a template, a mask, or words that describe a secret.
fn is_placeholder(value: &str) -> bool {
    let is_crypt = value.starts_with('$') && value.matches('$').count() >= 3;
    let opens = value.starts_with(['$', '<', '{', '[', '%']) && !is_crypt;
    let holds = ["${", "{{", "$(", "...", "***", "…", "[REDACTED:"].iter().any(|hole| value.contains(hole));
    opens || holds || {
        let lower = value.to_ascii_lowercase();
        PLACEHOLDERS.iter().any(|words| lower.contains(words))
    }
}

/// True for a call, a URL, a path or a qualified name.
fn is_reference(value: &str) -> bool {
    value.starts_with(['~', '.', '^', '\\'])
        || ["(", "::", "->", "://", ":\\", "[", "{"].iter().any(|part| value.contains(part))
}

/// True if the value is likely to come from a generator: digits and letters mixed as in no name.
fn is_random(value: &str) -> bool {
    if value.len() < RANDOM_CHARS_MIN {
        return false;
    }
    let shape = Shape::of(value);
    let alphanumeric = shape.digits + shape.letters;
    let is_varied = shape.distinct * 2 >= RANDOM_CHARS_MIN;
    let is_number = shape.letters < 4 && shape.letters * 6 < alphanumeric;
    let is_text = alphanumeric * 3 < value.len() * 2;
    let is_short = shape.digits == 0 && !shape.is_mixed_case && value.len() < LONG_CHARS_MIN;
    let frequent_percent_max = FREQUENT_BIGRAM_PERCENT_MAX[usize::from(value.len() >= LONG_CHARS_MIN)];
    let is_worded = shape.frequent_bigrams * 100 > shape.bigrams * frequent_percent_max;
    is_varied
        && !(is_number || is_text || is_short || is_worded || is_structured(value) || is_reference(value))
}

/// True if the value is likely a password: letters with digits, or with signs that names do not have.
pub(super) fn is_password(value: &str) -> bool {
    if !PASSWORD_CHARS.contains(&value.len()) || value.starts_with('/') || value.contains(char::is_whitespace)
    {
        return false;
    }
    let shape = Shape::of(value);
    let inner = value.trim_end_matches(|c: char| c.is_ascii_punctuation()).bytes().skip(1);
    let signs = inner.filter(|byte| b"@$!#%&*^".contains(byte)).count();
    let has_separators = value.contains(['_', '-', '.', '/', ':']);
    let is_name = signs == 0 && (shape.digits == 0 || (has_separators && is_structured(value)));
    let is_address = value.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    if shape.letters == 0 || is_name || (shape.digits == 0 && shape.letters < 5) || is_address {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    !(NAMES_WITH_DIGITS.iter().any(|name| lower.contains(name))
        || is_reference(value)
        || is_placeholder(value))
}

/// True for several words, each of letters, of digits, or of letters followed by digits: `my-secret-v2`, `2024-01-15`.
fn is_structured(value: &str) -> bool {
    let is_word = |word: &str| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        digits.len() < 9 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    value.split(['-', '_', '.', '/', ':', ' ', '@', ',', '+', '=']).all(is_word)
}

/// Character statistics of a value.
#[derive(Default)]
struct Shape {
    letters: usize,
    digits: usize,
    /// Number of different characters.
    distinct: usize,
    /// Pairs of adjacent letters and digits, except pairs of digits and the first pair of a word in camel case.
    bigrams: usize,
    /// Bigrams that are frequent in words.
    frequent_bigrams: usize,
    is_mixed_case: bool,
}

impl Shape {
    fn of(value: &str) -> Shape {
        let mut seen = 0u128;
        let mut shape = Shape::default();
        let (mut has_upper, mut has_lower) = (false, false);
        let mut before = b' ';
        for byte in value.bytes() {
            seen |= 1 << (byte & 0x7F);
            has_upper |= byte.is_ascii_uppercase();
            has_lower |= byte.is_ascii_lowercase();
            shape.digits += usize::from(byte.is_ascii_digit());
            shape.letters += usize::from(byte.is_ascii_alphabetic());
            let is_pair = before.is_ascii_alphanumeric() && byte.is_ascii_alphanumeric();
            let is_number = before.is_ascii_digit() && byte.is_ascii_digit();
            let begins_word = before.is_ascii_lowercase() && byte.is_ascii_uppercase();
            if is_pair && !is_number && !begins_word {
                shape.bigrams += 1;
                shape.frequent_bigrams += usize::from(is_frequent(before, byte));
            }
            before = byte;
        }
        shape.distinct = seen.count_ones() as usize;
        shape.is_mixed_case = has_upper && has_lower;
        shape
    }
}

/// True if the second letter often follows the first in words and names.
fn is_frequent(first: u8, second: u8) -> bool {
    let (first, second) = (letter_index(first), letter_index(second));
    first < 26 && second < 26 && FREQUENT_BIGRAMS[usize::from(first)] >> second & 1 == 1
}

/// 0 to 25 for letters of either case, more for any other byte.
const fn letter_index(byte: u8) -> u8 {
    byte.to_ascii_lowercase().wrapping_sub(b'a')
}

/// [`FREQUENT_FOLLOWERS`] as bit sets.
const FREQUENT_BIGRAMS: [u32; 26] = {
    let mut pairs = [0; 26];
    let mut first = 0;
    while first < 26 {
        let followers = FREQUENT_FOLLOWERS[first].as_bytes();
        let mut at = 0;
        while at < followers.len() {
            pairs[first] |= 1 << letter_index(followers[at]);
            at += 1;
        }
        first += 1;
    }
    pairs
};

/// The frequent followers of each letter from a to z: the 220 most frequent bigrams, 87 in 100 of all, in the distinct
/// words of a few thousand source files in Rust and Python.
const FREQUENT_FOLLOWERS: [&str; 26] = [
    "bcdgilmnprstuy",
    "aeilosu",
    "acehiklorstu",
    "adeilorsu",
    "acdefgilmnoprstvwx",
    "aefilors",
    "ehinrs",
    "aeio",
    "abcdefglmnoprstvz",
    "",
    "e",
    "adeilopstuy",
    "aeimopsu",
    "acdefgilostuv",
    "bcdfglmnoprstuvw",
    "acehiloprstu",
    "u",
    "acdegilmnoprstuy",
    "acehilopstuy",
    "acefhilmoprstuy",
    "abceilmnprst",
    "aei",
    "ai",
    "t",
    "p",
    "e",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_are_told_from_names() {
        for value in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "xK9mPq2vR7wL4nB8",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
            "550e8400-e29b-41d4-a716-446655440000",
            "k3j9x2m5q8w1z7p4",
        ] {
            assert!(is_random(value), "{value}");
        }
        for value in [
            "configService2ApiKeyV2",
            "getAccessTokenFromRequest",
            "my-secret-name-v2-2024",
            "2024-01-15T10:00:00Z",
            "process.env.TOKEN",
            "kubernetes.io/service-account-token",
            "123456789012345678901234",
            "aaaaaaaaaaaaaaaaaaaaaaaa1",
            "short1A",
        ] {
            assert!(!is_random(value), "{value}");
        }
    }

    #[test]
    fn passwords_are_told_from_words_and_placeholders() {
        for value in ["Tr0ub4dor&3", "Winter2023", "p@ssword", "hunter2!"] {
            assert!(is_password(value), "{value}");
        }
        for value in
            ["string", "correct-horse-battery-staple", "pbkdf2:sha256", "user1@host.net", "${DB_PASS1}"]
        {
            assert!(!is_password(value), "{value}");
        }
    }

    #[test]
    fn values_of_any_alphabet_are_classified_without_panic() {
        for value in ["пароль12345!", "日本語のパスワード9@", "é", ""] {
            let _ = (is_random(value), is_password(value), is_secret(value));
        }
    }
}
