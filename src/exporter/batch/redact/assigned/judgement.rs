//! The judgement on a value that is assigned to the name of a secret: a secret, or code, a reference, a placeholder, an
//! ordinary value.

pub(in crate::exporter::batch::redact) use super::ordinary::is_ordinary;
use super::ordinary::is_placeholder;
use super::randomness::{self, is_random};
use super::syntax::Separator;
use crate::exporter::batch::redact::rule::{Check, Strength};

/// Fewest and most characters of a password.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 6..=200;
/// Fewest characters of a password of letters only, and of the value of a key.
const WORD_CHARS_MIN: usize = 8;
const KEY_CHARS_MIN: usize = 10;
const SHORT_KEY_CHARS_MIN: usize = 12;
/// Words of a passphrase.
const PHRASE_WORDS_MIN: usize = 4;
/// Names of hashes and encodings, whose digits are no sign of randomness.
const NAMES_WITH_DIGITS: [&str; 12] = [
    "sha1", "sha256", "sha384", "sha512", "md5", "base64", "base32", "utf8", "utf16", "oauth2", "argon2",
    "pbkdf2",
];

/// The notation around a value.
pub(super) struct ValueContext<'t> {
    pub(super) strength: Strength,
    pub(super) is_quoted: bool,
    pub(super) separator: Separator,
    /// True if the value is the rest of its line.
    pub(super) is_line: bool,
    /// True if the name is in capitals.
    pub(super) is_upper: bool,
    pub(super) before: u8,
    pub(super) after: &'t [u8],
}

/// Characters of a value from which a word in it says that it is none of a generator, and of such a word. Bounds the time
/// for text that repeats names.
const WORDED_CHARS_MIN: usize = 100;
const WORD_IN_VALUE_CHARS_MIN: usize = 8;

/// True if a long value holds a word.
fn holds_word(value: &str) -> bool {
    value.len() >= WORDED_CHARS_MIN && randomness::longest_word(value) >= WORD_IN_VALUE_CHARS_MIN
}

/// True if a match passes the check of its rule.
pub(in crate::exporter::batch::redact) fn passes(check: Check, value: &str) -> bool {
    match check {
        Check::Shape => true,
        Check::NoPlaceholder => !is_placeholder(value),
        Check::Random => randomness::is_token(value),
        Check::Opaque => is_opaque(value),
        Check::Mixed => {
            let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
            has_digit && is_opaque(value) && !is_name_like(value)
        }
        Check::Login => value.chars().count() >= 4 && !is_placeholder(value) && !is_ordinary(value),
        Check::Password => {
            PASSWORD_CHARS.contains(&value.chars().count()) && !is_placeholder(value) && !is_word(value)
        }
    }
}

/// True for a random value and for a password that is no plain word.
fn is_opaque(value: &str) -> bool {
    !is_placeholder(value)
        && (randomness::is_token(value)
            || randomness::is_rare(value)
            || is_noise(value)
            || is_mixed_password(value))
}

/// True if the value of a name of this strength is a secret.
pub(super) fn is_secret(value: &str, context: &ValueContext) -> bool {
    if value.len() < *PASSWORD_CHARS.start()
        || holds_word(value)
        || is_placeholder(value)
        || is_code(value, context)
    {
        return false;
    }
    if context.strength != Strength::Password && value.contains(char::is_whitespace) {
        return false;
    }
    match context.strength {
        Strength::Password => is_password(value, context),
        Strength::Random => {
            let is_telling = context.separator != Separator::Line || value.len() >= 16;
            is_telling
                && (randomness::is_token(value)
                    || randomness::is_rare(value)
                    || (is_assigned(context)
                        && value.len() >= KEY_CHARS_MIN
                        && (is_generated(value) || randomness::is_short_random(value))))
        }
        // A cookie or a query: the names in it are judged by themselves.
        Strength::Key if value.trim_end_matches('=').contains('=') => false,
        Strength::Key => {
            let is_short = value.len() >= SHORT_KEY_CHARS_MIN && randomness::is_short_random(value);
            value.len() >= KEY_CHARS_MIN
                && (is_short || is_random(value) || randomness::is_rare(value) || is_generated(value))
        }
    }
}

/// True for a value in quotes, or one that is the rest of its line.
fn is_assigned(context: &ValueContext) -> bool {
    context.is_quoted || context.is_line || context.before == b'>'
}

/// True if the value is a password.
fn is_password(value: &str, context: &ValueContext) -> bool {
    if !PASSWORD_CHARS.contains(&value.chars().count()) {
        return false;
    }
    if value.contains(char::is_whitespace) {
        return is_phrase(value);
    }
    let is_strict = matches!(context.separator, Separator::Line | Separator::Word);
    if is_random(value) || is_noise(value) || randomness::is_rare(value) || randomness::is_mixed_case(value) {
        return true;
    }
    if is_assigned(context) && randomness::is_unworded(value) {
        return true;
    }
    let is_mixed = is_mixed_password(value);
    if is_strict {
        return is_hyphenated(value)
            || is_mixed
                && value.bytes().any(|byte| byte.is_ascii_digit())
                && value.len() >= WORD_CHARS_MIN
                && !is_name_like(value);
    }
    // In code without quotes a name is a variable.
    let is_variable =
        !context.is_quoted && is_identifier(value) && (names_secret(value) || !is_last(context));
    (is_mixed && !is_variable)
        || (is_assigned(context) && !is_variable && (is_hyphenated(value) || is_letters(value, context)))
}

/// True for letters with digits, or with signs that names do not have.
fn is_mixed_password(value: &str) -> bool {
    if value.len() < 7 || value.contains(char::is_whitespace) || value.starts_with(['/', '~', '.', '^', '\\'])
    {
        return false;
    }
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count()
        + value.chars().filter(|c| !c.is_ascii()).count();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let inner = value.trim_end_matches(|c: char| c.is_ascii_punctuation()).bytes().skip(1);
    let signs = inner.filter(|byte| b"@$!#%&*^?".contains(byte)).count();
    let has_separators = value.contains(['_', '-', '.', '/', ':', '+', ',', '=']);
    let is_name = signs == 0 && (digits == 0 || (has_separators && randomness::is_structured(value)));
    let is_address =
        value.split_once('@').is_some_and(|(_, host)| host.contains('.') && !host.contains(['!', '#', '$']));
    if letters == 0 || is_name || (digits == 0 && letters < 5) || is_address {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    let names = NAMES_WITH_DIGITS.iter().any(|name| lower.contains(name));
    !names && !randomness::is_reference(value) && !is_ordinary(value) && !is_version(value)
}

/// True for signs, digits and letters as a generator of passwords mixes them: without a word in it.
pub(super) fn is_noise(value: &str) -> bool {
    let bytes = value.as_bytes();
    if value.len() < 10 || !value.is_ascii() || value.contains(char::is_whitespace) {
        return false;
    }
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let (lower, upper, digits) =
        (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase), count(u8::is_ascii_digit));
    let signs = bytes.iter().filter(|byte| byte.is_ascii_punctuation() && !b"_-/.:".contains(byte)).count();
    let classes = [lower, upper, digits].iter().filter(|count| **count > 0).count();
    if classes < 2 || signs == 0 || lower + upper + digits < 4 {
        return false;
    }
    let is_pattern = [
        "a-z", "A-Z", "0-9", "\\d", "\\w", "\\s", "\\b", "(?", ".*", "%s", "%d", "{0}", "://", "=>", "->",
        "&&", "||", "()", "[]", "{}", "\\x", "\\u", "\\(", "\\|", "\\.",
    ];
    if is_pattern.iter().any(|pattern| value.contains(pattern)) {
        return false;
    }
    let runs = value.split(|c: char| !c.is_ascii_alphabetic());
    let longest = runs.map(randomness::longest_word).max().unwrap_or(0);
    let distinct_signs = b"!\"#$%&'()*+,;<=>?@[]^`{|}~".iter().filter(|sign| bytes.contains(sign)).count();
    longest <= 3
        && (distinct_signs >= 3
            || (distinct_signs >= 2 && lower > 0 && upper > 0)
            || (distinct_signs >= 1 && digits >= 1 && classes == 3))
}

/// True for [noise](is_noise) with letters of both cases and digits, as hardly any code is.
fn is_generated(value: &str) -> bool {
    let has = |is: fn(&u8) -> bool| value.as_bytes().iter().any(is);
    is_noise(value) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

/// True for words joined by hyphens, dots or underscores, as some generators make passphrases.
fn is_hyphenated(value: &str) -> bool {
    let Some(sign) = ['-', '.', '_', '+', ',']
        .into_iter()
        .find(|sign| value.matches(*sign).count() >= PHRASE_WORDS_MIN - 1)
    else {
        return false;
    };
    let mut words = value.split(sign);
    let is_word =
        |word: &str| (3..=12).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    sign == '-' && words.clone().all(is_word) && !words.any(is_ordinary)
}

/// True for words that are no sentence.
fn is_phrase(value: &str) -> bool {
    let words: Vec<&str> = value.split(' ').collect();
    let is_lower =
        |word: &&str| (3..=12).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_passphrase = words.len() >= PHRASE_WORDS_MIN
        && words.iter().all(is_lower)
        && !words.iter().any(|word| is_ordinary(word));
    is_passphrase
        || (words.len() <= 8
            && words.iter().any(|word| is_noise(word) || (word.len() >= 12 && is_random(word))))
}

/// True for a word that may be a password: letters only, and none of the ordinary words.
fn is_letters(value: &str, context: &ValueContext) -> bool {
    let is_letters = value.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_letters || value.len() < WORD_CHARS_MIN || names_secret(value) {
        return false;
    }
    // Types, variables and labels are words in camel case or with a capital.
    let is_plain = value.bytes().all(|byte| byte.is_ascii_lowercase())
        || value.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_file =
        context.is_upper && context.separator == Separator::Sign && !context.is_quoted && context.is_line;
    is_plain && !is_ordinary(value) && is_file
}

/// True for a plain word, such as follows a flag in prose.
fn is_word(value: &str) -> bool {
    is_ordinary(value)
        || (value.len() < 12 && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}

/// True for code: a call, a qualified name, a path, a URL, an operator.
fn is_code(value: &str, context: &ValueContext) -> bool {
    let is_element = value.starts_with('<') && value.contains('>');
    if is_element
        || is_expression(value)
        || ["&quot", "\\u", "\\U", "\\x"].iter().any(|part| value.contains(part))
    {
        return true;
    }
    if is_noise(value) {
        return false;
    }
    let rest = context.after;
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let is_called = !context.is_quoted
        && (matches!(rest.first(), Some(b'(' | b'[' | b'{'))
            || (blanks > 0 && rest[blanks..].starts_with(b"= ")));
    let is_glob = value.contains("*.") || value.contains("/*");
    let is_path = is_glob
        || value.starts_with("./")
        || value.starts_with("../")
        || value.starts_with("~/")
        || is_absolute_path(value);
    let is_file = value
        .split_once('\\')
        .is_some_and(|(drive, path)| drive.len() >= 2 && randomness::longest_word(path) >= 4);
    let is_constraint = randomness::is_reference(value) || is_version(value) || is_file;
    is_called
        || is_path
        || is_constraint
        || (!context.is_quoted
            && (is_qualified_name(value)
                || is_constant(value)
                || (context.strength != Strength::Password && names_secret(value))))
}

/// True for a call, an index or a generic type: names, with brackets that are balanced and follow a name.
fn is_expression(value: &str) -> bool {
    let (mut open, mut has_brackets, mut before) = (Vec::new(), false, ' ');
    for sign in value.chars() {
        match sign {
            '(' | '[' | '<' | '{' => {
                has_brackets |= before.is_ascii_alphanumeric() || before == '_' || before == '!';
                open.push(sign);
            }
            ')' | ']' | '>' | '}' => {
                let is_closed = matches!(
                    (open.pop(), sign),
                    (Some('('), ')') | (Some('['), ']') | (Some('<'), '>') | (Some('{'), '}')
                );
                if !is_closed {
                    return false;
                }
            }
            sign if sign.is_ascii_alphanumeric() || "_.,:&*?\"'!-=/;".contains(sign) => {}
            _ => return false,
        }
        before = sign;
    }
    has_brackets && open.is_empty()
}

/// True for a name in capitals of several words, as constants have.
fn is_constant(value: &str) -> bool {
    value.contains('_')
        && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && randomness::longest_word(value) >= 3
}

/// True for names joined by dots, as in `config.database.password`.
fn is_qualified_name(value: &str) -> bool {
    let mut parts = value.split('.');
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && (part.len() <= 4 || randomness::longest_word(part) >= 4)
    };
    value.contains('.') && parts.all(is_name)
}

/// True for a path of several words.
fn is_absolute_path(value: &str) -> bool {
    value.starts_with('/') && value.matches('/').count() >= 2 && !is_random(&value[1..])
}

/// True for a version or a range of versions, as in `npm:^7.1.2`.
fn is_version(value: &str) -> bool {
    let rest = value
        .rsplit_once(':')
        .map_or(value, |(_, rest)| rest)
        .trim_start_matches(['^', '~', '>', '<', '=', 'v', ' ']);
    rest.contains('.')
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest
            .split('.')
            .take(2)
            .all(|part| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// True for variables such as `password2`.
fn names_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_identifier(value)
        && ["pass", "pwd", "secret", "token", "key", "cred", "auth"].iter().any(|word| lower.contains(word))
}

fn is_identifier(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

/// True for several words in snake, kebab or camel case.
fn is_name_like(value: &str) -> bool {
    is_identifier(value) && randomness::is_structured(value) && value.contains(['_', '.'])
}

/// True if nothing follows on the line, as in `.env` files and YAML; in code a comma or a semicolon does.
fn is_last(context: &ValueContext) -> bool {
    matches!(context.after.first(), None | Some(b'\n' | b'\r' | b' ' | b'"' | b'\'' | b'\\' | b'<' | b'&'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_password_in_quotes(value: &str) -> bool {
        let context = ValueContext {
            strength: Strength::Password,
            is_quoted: true,
            separator: Separator::Sign,
            is_line: false,
            is_upper: false,
            before: b'"',
            after: b"\"",
        };
        is_secret(value, &context)
    }

    #[test]
    fn passwords_are_told_from_words_and_placeholders() {
        for value in [
            "Tr0ub4dor&3",
            "Winter2023",
            "p@ssword",
            "hunter2!",
            "correct-horse-battery-staple",
            "k}7R(z::q]2^",
        ] {
            assert!(is_password_in_quotes(value), "{value}");
        }
        for value in
            ["string", "pbkdf2:sha256", "user1@host.net", "${DB_PASS1}", "npm:^7.1.2", "Enter your password"]
        {
            assert!(!is_password_in_quotes(value), "{value}");
        }
    }

    #[test]
    fn values_of_any_alphabet_are_judged_without_panic() {
        for value in ["пароль12345!", "日本語のパスワード9@", "é", ""] {
            let _ = (is_password_in_quotes(value), is_opaque(value), is_noise(value));
        }
    }
}
