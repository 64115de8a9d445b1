//! Passphrases: several words, as generators of passphrases join them, and words that are made to be pronounced.

use super::ordinary::is_ordinary;

/// Fewest words that are joined by blanks and signs, and by hyphens, dots or capitals.
const WORDS_MIN: usize = 4;
const JOINED_WORDS_MIN: usize = 3;
/// Fewest and most letters of a word.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 3..=12;
/// Fewest characters of a passphrase, and of a word that is made to be pronounced.
const PHRASE_CHARS_MIN: usize = 14;
const PRONOUNCEABLE_CHARS_MIN: usize = 10;

/// True for words joined by hyphens, dots and the like, or by capitals.
pub(super) fn is_passphrase(value: &str) -> bool {
    if value.len() < PHRASE_CHARS_MIN || !value.is_ascii() {
        return false;
    }
    let sign = value.chars().find(|sign| !sign.is_ascii_alphanumeric());
    let words: Vec<&str> = match sign {
        Some(sign @ ('-' | '.' | '_' | '+' | ',' | '~' | '*' | '!' | '#' | '=' | '@' | '|')) => {
            value.split(sign).collect()
        }
        Some(_) => return false,
        None => camel_case_words(value),
    };
    let words_min = if matches!(sign, Some('-' | '.') | None) { JOINED_WORDS_MIN } else { WORDS_MIN };
    are_words(&words, words_min) && (sign.is_some() || words.iter().all(|word| starts_with_capital(word)))
}

/// True for words with blanks between them that are no sentence: all of them begin with a small letter, or all with a
/// capital.
pub(super) fn is_phrase(value: &str) -> bool {
    let words: Vec<&str> = value.split(' ').collect();
    let letters = |word: &&&str| !word.starts_with(|c: char| c.is_ascii_digit());
    let capitals = words.iter().filter(letters).filter(|word| starts_with_capital(word)).count();
    are_words(&words, WORDS_MIN) && (capitals == 0 || capitals == words.iter().filter(letters).count())
}

/// True for enough words, each of letters that a few digits may follow, or of a few digits, and none of them ordinary.
fn are_words(words: &[&str], words_min: usize) -> bool {
    let is_word = |word: &&str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = word.len() - letters.len();
        let is_number = letters.is_empty() && (1..=5).contains(&digits);
        let has_small_end = letters.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
        let has_letters =
            WORD_CHARS.contains(&letters.len()) && letters.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_number
            || (digits <= 4
                && has_letters
                && (has_small_end || letters.bytes().all(|byte| byte.is_ascii_uppercase())))
    };
    let is_counted = |word: &&&str| word.len() >= *WORD_CHARS.start();
    words.iter().filter(is_counted).count() >= words_min
        && words.iter().all(is_word)
        && !words.iter().any(|word| is_ordinary(word.trim_end_matches(|c: char| c.is_ascii_digit())))
}

fn starts_with_capital(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The words of a name in camel case.
fn camel_case_words(value: &str) -> Vec<&str> {
    let bytes = value.as_bytes();
    let begins = |at: &usize| bytes[*at].is_ascii_uppercase() && bytes[*at - 1].is_ascii_alphanumeric();
    let mut words = Vec::new();
    let mut start = 0;
    for at in (1..bytes.len()).filter(begins) {
        words.push(&value[start..at]);
        start = at;
    }
    words.push(&value[start..]);
    words
}

/// True for syllables of a consonant and a vowel that are no ordinary word.
pub(super) fn is_pronounceable(value: &str) -> bool {
    let is_vowel = |byte: u8| b"aeiouy".contains(&byte.to_ascii_lowercase());
    let letters = value.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation()).as_bytes();
    letters.len() >= PRONOUNCEABLE_CHARS_MIN
        && letters.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'-')
        && letters.windows(2).all(|pair| pair.contains(&b'-') || is_vowel(pair[0]) != is_vowel(pair[1]))
        && !is_ordinary(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passphrases_are_told_from_names_and_sentences() {
        for value in [
            "copper-meadow-falcon42",
            "Copper-Meadow-Falcon12",
            "copper.meadow.falcon.lantern",
            "CopperMeadowFalconLantern",
            "COPPER-MEADOW-FALCON",
        ] {
            assert!(is_passphrase(value), "{value}");
        }
        for value in [
            "my-app-config",
            "config.database.name.value",
            "getPasswordFromUser",
            "a-b-c-d-e-f-g-h",
            "PasswordInput",
        ] {
            assert!(!is_passphrase(value), "{value}");
        }
        assert!(is_phrase("copper meadow falcon lantern") && is_phrase("Copper Meadow Falcon 42 Lantern"));
        assert!(!is_phrase("Copper meadow falcon lantern") && !is_phrase("enter your password here"));
        assert!(is_pronounceable("tukovirame") && is_pronounceable("Tukovi-ramelo7"));
        assert!(!is_pronounceable("connection") && !is_pronounceable("tukovi"));
    }
}
