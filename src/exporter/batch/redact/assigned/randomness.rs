//! Randomness: tells random values and passwords from words, identifiers, paths and placeholders.
//!
//! Decides by the characters of the value alone. A value that could be a name counts as one: code consists of names.

/// Fewest characters of a random value. Shorter ones hold less than 48 bits in base 16.
const RANDOM_CHARS_MIN: usize = 12;
/// Fewest characters of a long value: enough to decide by letters alone, without digits or letters of both cases.
const LONG_CHARS_MIN: usize = 24;
/// Share in percent of frequent bigrams above which a value consists of words, for short and for long values (from
/// [`LONG_CHARS_MIN`]). Measured: of random values of 16 characters in any alphabet 99 in 100 stay below, of names without
/// digits 1 in 100.
const FREQUENT_BIGRAM_PERCENT_MAX: [usize; 2] = [60, 70];
/// Fewest characters of a short random value.
const SHORT_CHARS_MIN: usize = 10;
/// Fewest characters of letters that are rare as a word, fewest different ones, and their share of frequent bigrams.
const RARE_CHARS_MIN: usize = 14;
const RARE_DISTINCT_MIN: usize = 8;
const RARE_BIGRAM_PERCENT_MAX: usize = 50;
/// True for a call, a URL, a path or a qualified name.
pub(super) fn is_reference(value: &str) -> bool {
    value.starts_with(['~', '.', '^', '\\'])
        || ["arn:", "urn:", "npm:", "oid:"].iter().any(|scheme| value.starts_with(scheme))
        || ["(", "::", "->", "://", ":\\", "[", "{"].iter().any(|part| value.contains(part))
}

/// True if the value is likely to come from a generator: digits and letters mixed as in no name.
pub(super) fn is_random(value: &str) -> bool {
    if value.len() < RANDOM_CHARS_MIN {
        return false;
    }
    let shape = Shape::of(value);
    let alphanumeric = shape.digits + shape.letters;
    let is_varied = shape.distinct * 2 >= RANDOM_CHARS_MIN;
    let is_number = is_literal(value)
        || is_alphabet(value)
        || is_time(value)
        || shape.letters < 4 && shape.letters * 6 < alphanumeric;
    let is_text = alphanumeric * 3 < value.len() * 2;
    let is_short = shape.digits == 0 && !shape.is_mixed_case && value.len() < LONG_CHARS_MIN;
    let frequent_percent_max = FREQUENT_BIGRAM_PERCENT_MAX[usize::from(value.len() >= LONG_CHARS_MIN)];
    let is_worded = shape.frequent_bigrams * 100 > shape.bigrams * frequent_percent_max;
    is_varied
        && !(is_number || is_text || is_short || is_worded || is_structured(value) || is_reference(value))
}

/// True for the characters of an encoding in their order.
fn is_alphabet(value: &str) -> bool {
    ["ABCDEFGHIJKL", "abcdefghijkl"].iter().any(|run| value.contains(run))
}

/// True for a date with a time.
fn is_time(value: &str) -> bool {
    let mask = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    value.bytes().take(11).map(mask).eq(*b"0000-00-00T")
}

/// True for a number of a program in hexadecimal.
fn is_literal(value: &str) -> bool {
    value.len() <= 18
        && value.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// True if the value consists of letters that hardly follow each other in words: as [`is_random`], also without digits and
/// capitals. For values whose name says that they are secret.
pub(super) fn is_rare(value: &str) -> bool {
    if value.len() < RARE_CHARS_MIN || is_reference(value) {
        return false;
    }
    let shape = Shape::of(value);
    let is_varied = shape.distinct >= RARE_DISTINCT_MIN;
    let is_worded = shape.frequent_bigrams * 100 > shape.bigrams * RARE_BIGRAM_PERCENT_MAX;
    is_varied
        && !is_worded
        && shape.letters >= RARE_CHARS_MIN / 2
        && shape.letters + shape.digits == value.len()
}

/// True for letters and digits mixed as in no name, also fewer than [`is_random`] asks for.
pub(super) fn is_short_random(value: &str) -> bool {
    if value.len() < SHORT_CHARS_MIN || is_reference(value) || is_structured(value) {
        return false;
    }
    let shape = Shape::of(value);
    let is_worded = shape.frequent_bigrams * 100 > shape.bigrams * RARE_BIGRAM_PERCENT_MAX;
    shape.digits > 0 && shape.letters >= 3 && !is_worded && shape.letters + shape.digits == value.len()
}

/// True if capitals are where no word has any: more often than every fifth letter begins another word, and the letters are
/// rare as words.
pub(super) fn is_mixed_case(value: &str) -> bool {
    let is_code = value.contains(|c: char| c.is_whitespace() || "()[]{}<>/\\.:\"'".contains(c));
    let shape = Shape::of(value);
    let changes = value
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let is_worded = shape.frequent_bigrams * 100 > shape.bigrams * RARE_BIGRAM_PERCENT_MAX;
    !is_code && shape.letters >= SHORT_CHARS_MIN && changes.count() * 5 >= shape.letters && !is_worded
}

/// True if the value, or a part of it between the separators of prefixes, is random.
pub(super) fn is_token(value: &str) -> bool {
    let is_part = |part: &str| {
        part.len() >= SHORT_CHARS_MIN && (is_rare(part) || is_mixed_case(part) || is_short_random(part))
    };
    is_random(value) || (!is_reference(value) && value.split(['_', '-', '.']).any(is_part))
}

/// True for letters of both cases and digits that are rare as words, also with the separators of names.
pub(super) fn is_unworded(value: &str) -> bool {
    let shape = Shape::of(value);
    let is_worded = shape.frequent_bigrams * 100 > shape.bigrams * RARE_BIGRAM_PERCENT_MAX;
    value.len() >= RANDOM_CHARS_MIN
        && shape.is_mixed_case
        && shape.digits >= 2
        && !is_worded
        && !is_reference(value)
}

/// Letters of the longest word in a run of letters: those before which the bigrams are frequent ones.
pub(super) fn longest_word(run: &str) -> usize {
    let (mut longest, mut length) = (0, 0);
    let bytes = run.as_bytes();
    for at in 0..bytes.len() {
        let goes_on = at > 0
            && is_frequent(bytes[at - 1], bytes[at])
            && (bytes[at].is_ascii_lowercase() || bytes[at - 1].is_ascii_uppercase());
        length = if goes_on { length + 1 } else { 1 };
        longest = longest.max(length);
    }
    longest
}

/// True for several words, each of letters, of digits, or of letters followed by digits: `my-secret-v2`, `2024-01-15`.
pub(super) fn is_structured(value: &str) -> bool {
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
}
