//! Whether a value is likely a secret: chosen at random or as a password, and neither a word, an identifier, a path
//! nor a placeholder.
//!
//! Judges by the shape of the value alone. What it cannot tell apart from a name is not a secret: names are what code
//! is made of.

use super::rules::Check;

/// Fewest characters of a random value. Shorter ones hold less than 48 bits even in base 16.
const RANDOM_CHARS_MIN: usize = 12;
/// Fewest characters of a random value that has no digit: only length can tell it from a name then.
const LETTERS_CHARS_MIN: usize = 20;
/// The same without capitals, or of nothing but capitals.
const LONG_CHARS_MIN: usize = 24;
/// Fewest and most characters of a password.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// Share in percent of a value's pairs of characters that may be usual ones before it is made of words. Measured: of
/// random values of 16 characters in any alphabet 99 in 100 stay below, of names without digits 1 in 100.
const USUAL_PERCENT_MAX: usize = 60;
/// Ends of hash and encoding names whose digits make them no more random.
const NAMES_WITH_DIGITS: [&str; 12] = [
    "sha1", "sha256", "sha384", "sha512", "md5", "base64", "base32", "utf8", "utf16", "oauth2", "argon2",
    "pbkdf2",
];
/// What people write where a secret goes.
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

/// Whether a rule takes what its pattern has found.
pub(super) fn passes(check: Check, value: &str) -> bool {
    match check {
        Check::Shape => true,
        Check::NoPlaceholder => !is_placeholder(value),
        Check::Random => is_random(value),
        Check::Opaque => is_random(value) || is_password(value),
    }
}

/// A variable, a template's hole, a mask, or words that say what belongs here.
pub(super) fn is_placeholder(value: &str) -> bool {
    let is_crypt = value.starts_with('$') && value.matches('$').count() >= 3;
    let opens = value.starts_with(['$', '<', '{', '[', '%', '@', '*', '#']) && !is_crypt;
    let holds = ["${", "{{", "$(", "...", "***", "…", "[REDACTED:"].iter().any(|hole| value.contains(hole));
    let lower = value.to_ascii_lowercase();
    opens || holds || PLACEHOLDERS.iter().any(|words| lower.contains(words))
}

/// Code or a place: a call, a path, a URL, a name with a namespace.
fn is_reference(value: &str) -> bool {
    value.starts_with(['/', '~', '.', '^', '\\'])
        || ["(", "::", "->", "://", ":\\", "[", "{"].iter().any(|part| value.contains(part))
}

/// Likely to come from a generator: digits and letters mixed as in no name.
pub(super) fn is_random(value: &str) -> bool {
    if value.len() < RANDOM_CHARS_MIN || is_placeholder(value) || is_reference(value) || is_structured(value)
    {
        return false;
    }
    let shape = Shape::of(value);
    let alphanumeric = shape.digits + shape.letters;
    let is_varied = shape.distinct * 2 >= value.len().min(RANDOM_CHARS_MIN);
    if !is_varied || shape.letters * 6 < alphanumeric || alphanumeric * 3 < value.len() * 2 {
        return false;
    }
    if shape.digits == 0
        && (value.len() < LETTERS_CHARS_MIN || !(shape.is_mixed_case || value.len() >= LONG_CHARS_MIN))
    {
        return false;
    }
    shape.usual_pairs * 100 <= shape.pairs * USUAL_PERCENT_MAX
}

/// Likely to be chosen as a password: letters with digits, or with signs that names do not have.
pub(super) fn is_password(value: &str) -> bool {
    if !PASSWORD_CHARS.contains(&value.len()) || is_placeholder(value) || is_reference(value) {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    if NAMES_WITH_DIGITS.iter().any(|name| lower.contains(name)) || value.contains(char::is_whitespace) {
        return false;
    }
    let shape = Shape::of(value);
    let inner = &value.as_bytes()[1..value.len() - 1];
    let signs = inner.iter().filter(|byte| b"@$!#%&*^+=?".contains(byte)).count();
    let is_address = value.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    let has_separators = value.contains(['_', '-', '.', '/', ':']);
    shape.letters > 0
        && !is_address
        && ((shape.digits > 0 && !(has_separators && is_structured(value)))
            || (signs > 0 && shape.letters >= 5))
}

/// Several words, each of letters, of digits, or of letters and then digits: `my-secret-v2`, `2024-01-15`.
fn is_structured(value: &str) -> bool {
    let is_word = |word: &str| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        digits.len() < 9 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    value.split(['-', '_', '.', '/', ':', ' ', '@', ',', '+', '=']).all(is_word)
}

#[derive(Default)]
struct Shape {
    letters: usize,
    digits: usize,
    distinct: usize,
    /// Pairs of letters and digits in a row, but for those where a word of camel case begins and those of digits.
    pairs: usize,
    usual_pairs: usize,
    is_mixed_case: bool,
}

impl Shape {
    fn of(value: &str) -> Shape {
        let mut seen = [false; 256];
        let mut shape = Shape::default();
        let (mut has_upper, mut has_lower) = (false, false);
        let mut before = b' ';
        for byte in value.bytes() {
            shape.distinct += usize::from(!std::mem::replace(&mut seen[usize::from(byte)], true));
            has_upper |= byte.is_ascii_uppercase();
            has_lower |= byte.is_ascii_lowercase();
            shape.digits += usize::from(byte.is_ascii_digit());
            shape.letters += usize::from(byte.is_ascii_alphabetic());
            let is_pair = before.is_ascii_alphanumeric() && byte.is_ascii_alphanumeric();
            let is_number = before.is_ascii_digit() && byte.is_ascii_digit();
            let begins_word = before.is_ascii_lowercase() && byte.is_ascii_uppercase();
            if is_pair && !is_number && !begins_word {
                shape.pairs += 1;
                shape.usual_pairs += usize::from(is_usual(before, byte));
            }
            before = byte;
        }
        shape.is_mixed_case = has_upper && has_lower;
        shape
    }
}

/// Whether one letter often follows another in words and names.
fn is_usual(first: u8, second: u8) -> bool {
    let index = first.to_ascii_lowercase().wrapping_sub(b'a');
    let followers = USUAL_FOLLOWERS.get(usize::from(index)).copied().unwrap_or_default();
    followers.as_bytes().contains(&second.to_ascii_lowercase())
}

/// For each letter from a to z those that follow it: the 220 most frequent pairs, 87 in 100 of all, in the distinct
/// words of a few thousand source files in Rust and Python.
const USUAL_FOLLOWERS: [&str; 26] = [
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
