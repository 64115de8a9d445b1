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
/// Fewest characters of letters among which no word is.
const WORDLESS_CHARS_MIN: usize = 16;
/// Fewest characters of letters that are rare as a word, fewest different ones, and their share of frequent bigrams.
const RARE_CHARS_MIN: usize = 14;
const RARE_DISTINCT_MIN: usize = 8;
const RARE_BIGRAM_PERCENT_MAX: usize = 50;

/// Fewest and most digits of a password of digits, and fewest different ones.
const DIGITS_MIN: usize = 8;
const DIGITS_MAX: usize = 16;
const DISTINCT_DIGITS_MIN: usize = 5;
/// First character of the scripts of East Asia.
const FIRST_EAST_ASIAN: char = '\u{2E80}';

/// A value with the statistics of its characters, which are read once.
pub(in crate::exporter::batch::redact) struct AssignedValue<'t> {
    pub(super) text: &'t str,
    pub(super) shape: Shape,
}

impl<'t> AssignedValue<'t> {
    pub(in crate::exporter::batch::redact) fn of(text: &'t str) -> AssignedValue<'t> {
        AssignedValue { text, shape: Shape::of(text) }
    }

    /// True if the value contains an ASCII character.
    pub(super) fn has(&self, sign: u8) -> bool {
        self.shape.seen[usize::from(sign >> 6 & 1)] >> (sign & 63) & 1 == 1
    }

    /// True if the value contains a text that begins with an ASCII character.
    pub(super) fn contains(&self, part: &str) -> bool {
        self.has(part.as_bytes()[0]) && self.text.contains(part)
    }

    pub(super) fn has_blanks(&self) -> bool {
        self.shape.has_blanks
    }

    /// True for a call, a URL, a path or a qualified name.
    pub(super) fn is_reference(&self) -> bool {
        self.text.starts_with(['~', '.', '^', '\\'])
            || self.has(b'(')
            || self.has(b'[')
            || self.has(b'{')
            || self.contains("->")
            || self.has(b':')
                && (["arn:", "urn:", "npm:", "oid:"].iter().any(|scheme| self.text.starts_with(scheme))
                    || ["::", "://", ":\\"].iter().any(|part| self.text.contains(part)))
    }

    /// True if the value is likely to come from a generator: digits and letters mixed as in no name.
    pub(super) fn is_random(&self) -> bool {
        let (value, shape) = (self.text, &self.shape);
        if value.len() < RANDOM_CHARS_MIN || shape.distinct * 2 < RANDOM_CHARS_MIN {
            return false;
        }
        let alphanumeric = shape.digits + shape.letters();
        let is_number = shape.letters() < 4 && shape.letters() * 6 < alphanumeric || is_literal(value);
        let is_text = alphanumeric * 3 < value.len() * 2;
        let is_short = shape.digits == 0 && !shape.is_mixed_case() && value.len() < LONG_CHARS_MIN;
        let frequent_percent_max = FREQUENT_BIGRAM_PERCENT_MAX[usize::from(value.len() >= LONG_CHARS_MIN)];
        !(is_number || is_text || is_short || shape.is_worded(frequent_percent_max))
            && !(is_alphabet(value) || is_time(value) || is_structured(value) || self.is_reference())
    }

    /// True if the value consists of letters that hardly follow each other in words: as `is_random`, also without digits
    /// and capitals. For values whose name says that they are secret.
    pub(super) fn is_rare(&self) -> bool {
        self.is_rare_from(RARE_CHARS_MIN)
    }

    /// As `is_rare`, also for a word of a password, where nothing else can stand.
    pub(super) fn is_rare_word(&self) -> bool {
        self.is_rare_from(SHORT_CHARS_MIN)
    }

    fn is_rare_from(&self, chars_min: usize) -> bool {
        let shape = &self.shape;
        self.text.len() >= chars_min
            && shape.distinct >= RARE_DISTINCT_MIN
            && !shape.is_worded(RARE_BIGRAM_PERCENT_MAX)
            && shape.letters() >= chars_min / 2
            && shape.letters() + shape.digits == self.text.len()
            && !self.is_reference()
    }

    /// True for letters and digits mixed as in no name, also fewer than `is_random` asks for.
    pub(super) fn is_short_random(&self) -> bool {
        let shape = &self.shape;
        self.text.len() >= SHORT_CHARS_MIN
            && shape.digits > 0
            && shape.letters() >= 3
            && shape.letters() + shape.digits == self.text.len()
            && !shape.is_worded(RARE_BIGRAM_PERCENT_MAX)
            && !is_structured(self.text)
            && !self.is_reference()
    }

    /// True if capitals are where no word has any: more often than every fifth letter begins another word, and the letters
    /// are rare as words.
    pub(super) fn is_mixed_case(&self) -> bool {
        let shape = &self.shape;
        shape.letters() >= SHORT_CHARS_MIN
            && shape.humps * 5 >= shape.letters()
            && !shape.is_worded(RARE_BIGRAM_PERCENT_MAX)
            && !shape.has_blanks
            && !b"()[]{}<>/\\.:\"'".iter().any(|sign| self.has(*sign))
    }

    /// True if the value, or a part of it between the separators of prefixes, is random.
    pub(super) fn is_token(&self) -> bool {
        let is_part = |part: &str| {
            part.len() >= SHORT_CHARS_MIN && {
                let part = AssignedValue::of(part);
                part.is_rare() || part.is_mixed_case() || part.is_short_random()
            }
        };
        if self.is_random() || self.is_rare() || self.is_mixed_case() || self.is_short_random() {
            return true;
        }
        (self.has(b'_') || self.has(b'-') || self.has(b'.'))
            && !self.is_reference()
            && self.text.split(['_', '-', '.']).any(is_part)
    }

    /// True for letters of both cases and digits that are rare as words, also with the separators of names.
    pub(super) fn is_unworded(&self) -> bool {
        self.text.len() >= RANDOM_CHARS_MIN
            && self.shape.is_mixed_case()
            && self.shape.digits >= 2
            && !self.shape.is_worded(RARE_BIGRAM_PERCENT_MAX)
            && !self.is_reference()
    }
}

impl AssignedValue<'_> {
    /// True for letters and digits among which no word is, however frequent their bigrams are.
    pub(super) fn is_wordless(&self) -> bool {
        let shape = &self.shape;
        let word_chars_max = if self.text.len() >= LONG_CHARS_MIN { 5 } else { 4 };
        self.text.len() >= WORDLESS_CHARS_MIN
            && shape.letters() + shape.digits == self.text.len()
            && shape.letters() * 2 >= self.text.len()
            && shape.longest_word <= word_chars_max
            && shape.distinct >= RARE_DISTINCT_MIN
            && !shape.is_worded(FREQUENT_BIGRAM_PERCENT_MAX[0])
            && !is_alphabet(self.text)
    }

    /// True for letters of both cases and digits in a value without a word, whatever other signs it has.
    pub(super) fn is_opaque_text(&self) -> bool {
        let shape = &self.shape;
        self.text.len() >= RANDOM_CHARS_MIN
            && shape.lower > 0
            && shape.upper > 0
            && shape.digits > 0
            && shape.longest_word <= if shape.digits >= 2 { 4 } else { 3 }
            && shape.changes * 2 >= self.text.len()
    }

    /// True for digits that are no number in their order.
    pub(super) fn is_digits(&self) -> bool {
        let is_counted = ["123456", "654321", "012345"].iter().any(|run| self.text.contains(run));
        self.shape.digits == self.text.len()
            && (DIGITS_MIN..=DIGITS_MAX).contains(&self.text.len())
            && self.shape.distinct >= DISTINCT_DIGITS_MIN
            && !is_counted
    }

    /// True for a text in a script of East Asia, where a word of the text is a character.
    pub(super) fn is_east_asian(&self) -> bool {
        !self.shape.is_ascii && {
            let signs = self.text.chars().filter(|sign| *sign >= FIRST_EAST_ASIAN).count();
            signs * 2 > self.text.chars().count()
        }
    }
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

/// True for several words, each of letters, of digits, or of letters followed by digits: `my-secret-v2`, `2024-01-15`.
pub(super) fn is_structured(value: &str) -> bool {
    let is_word = |word: &str| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        digits.len() < 9 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    value.split(['-', '_', '.', '/', ':', ' ', '@', ',', '+', '=']).all(is_word)
}

/// Letters of the longest word in a text: those before which the bigrams are frequent ones.
pub(super) fn longest_word(text: &str) -> usize {
    Shape::of(text).longest_word
}

/// Character statistics of a value.
pub(super) struct Shape {
    pub(super) lower: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    /// Punctuation but the separators of names and paths.
    pub(super) signs: usize,
    /// Number of different characters.
    pub(super) distinct: usize,
    /// Places at which a letter of one case, a digit or another sign follows one of another kind.
    pub(super) changes: usize,
    /// Capitals after small letters.
    humps: usize,
    /// Letters of the longest word.
    pub(super) longest_word: usize,
    /// Pairs of adjacent letters and digits, except pairs of digits and the first pair of a word in camel case.
    bigrams: usize,
    /// Bigrams that are frequent in words.
    frequent_bigrams: usize,
    has_blanks: bool,
    pub(super) is_ascii: bool,
    /// The ASCII characters that occur, as a bit set.
    seen: [u64; 2],
}

impl Shape {
    fn of(value: &str) -> Shape {
        let mut counts = [0usize; CLASSES];
        let mut seen = [0u64; 4];
        let (mut changes, mut humps, mut bigrams, mut frequent_bigrams) = (0, 0, 0, 0);
        let (mut word, mut longest_word) = (0usize, 0);
        let (mut before, mut before_class) = (b' ', BLANK);
        for byte in value.bytes() {
            let class = CLASS[usize::from(byte)];
            counts[usize::from(class)] += 1;
            seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
            changes += usize::from(class != before_class);
            let is_hump = class == UPPER && before_class == LOWER;
            humps += usize::from(is_hump);
            let is_frequent = is_frequent(before, byte) && !is_hump;
            let is_pair = class <= DIGIT && before_class <= DIGIT && (class & before_class) != DIGIT;
            bigrams += usize::from(is_pair && !is_hump);
            frequent_bigrams += usize::from(is_frequent);
            word = if is_frequent { word + 1 } else { 1 };
            longest_word = longest_word.max(word);
            (before, before_class) = (byte, class);
        }
        let count = |class: u8| counts[usize::from(class)];
        let is_ascii = count(OTHER) == 0;
        Shape {
            lower: count(LOWER),
            upper: count(UPPER),
            digits: count(DIGIT),
            signs: count(SIGN),
            distinct: (seen[0].count_ones() + seen[1].count_ones()) as usize,
            changes,
            humps,
            longest_word,
            bigrams,
            frequent_bigrams,
            has_blanks: count(BLANK) > 0 || !is_ascii && value.contains(char::is_whitespace),
            is_ascii,
            seen: [seen[0], seen[1]],
        }
    }

    pub(super) fn letters(&self) -> usize {
        self.lower + self.upper
    }

    fn is_mixed_case(&self) -> bool {
        self.lower > 0 && self.upper > 0
    }

    /// True if more bigrams than this share in percent are frequent ones.
    fn is_worded(&self, percent_max: usize) -> bool {
        self.frequent_bigrams * 100 > self.bigrams * percent_max
    }
}

/// Kinds of characters. Letters and digits come first; the bits of two of them are those of `DIGIT` only if both are digits.
const LOWER: u8 = 0;
const UPPER: u8 = 1;
const DIGIT: u8 = 2;
/// Separators of the words of names and paths.
const SEPARATOR: u8 = 3;
const SIGN: u8 = 4;
const BLANK: u8 = 5;
const OTHER: u8 = 6;
const CLASSES: usize = 7;

/// The kind of each byte.
const CLASS: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0u8;
    while byte < 0x80 {
        classes[byte as usize] = match byte {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'_' | b'-' | b'/' | b'.' | b':' => SEPARATOR,
            b' ' | b'\t'..=b'\r' => BLANK,
            b'!'..=b'~' => SIGN,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

/// True if the second letter often follows the first in words and names.
fn is_frequent(first: u8, second: u8) -> bool {
    FREQUENT_BIGRAMS[usize::from(LETTER[usize::from(first)])] >> LETTER[usize::from(second)] & 1 == 1
}

/// 0 to 25 for letters of either case, 26 for any other byte.
const LETTER: [u8; 256] = {
    let mut letters = [26; 256];
    let mut index = 0u8;
    while index < 26 {
        letters[(b'a' + index) as usize] = index;
        letters[(b'A' + index) as usize] = index;
        index += 1;
    }
    letters
};

/// [`FREQUENT_FOLLOWERS`] as bit sets, and an empty one for what is no letter.
const FREQUENT_BIGRAMS: [u32; 27] = {
    let mut pairs = [0; 27];
    let mut first = 0;
    while first < 26 {
        let followers = FREQUENT_FOLLOWERS[first].as_bytes();
        let mut at = 0;
        while at < followers.len() {
            pairs[first] |= 1 << LETTER[followers[at] as usize];
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
            assert!(AssignedValue::of(value).is_random(), "{value}");
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
            assert!(!AssignedValue::of(value).is_random(), "{value}");
        }
    }
}
