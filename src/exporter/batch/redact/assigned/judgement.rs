//! The judgement on a value that is assigned to the name of a secret: a secret, or code, a reference, a placeholder, an
//! ordinary value.

pub(in crate::exporter::batch::redact) use super::ordinary::is_ordinary;
use super::ordinary::{is_placeholder, is_validation};
pub(super) use super::passphrase::is_phrase;
use super::passphrase::{is_passphrase, is_pronounceable};
use super::randomness::{self, AssignedValue};
use super::syntax::Separator;
use crate::exporter::batch::redact::rule::{Check, Strength};

/// Fewest and most characters of a password.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 6..=200;
/// Fewest characters of a password of letters only, and of the value of a key.
const WORD_CHARS_MIN: usize = 8;
const KEY_CHARS_MIN: usize = 10;
const SHORT_KEY_CHARS_MIN: usize = 12;
/// Fewest and most characters of a strong password that is shorter than noise.
const STRONG_CHARS_MIN: usize = 8;
const STRONG_CHARS_MAX: usize = 64;
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

/// True if a match passes the check of its rule.
pub(in crate::exporter::batch::redact) fn passes(check: Check, text: &str) -> bool {
    match check {
        Check::Shape => true,
        Check::NoPlaceholder => !is_placeholder(&AssignedValue::of(text)),
        Check::Random => AssignedValue::of(text).is_token(),
        Check::Unworded => AssignedValue::of(text).is_unworded(),
        Check::Opaque => is_opaque(&AssignedValue::of(text)),
        Check::Mixed => {
            let value = AssignedValue::of(text);
            value.shape.digits > 0 && is_opaque(&value) && !is_name_like(&value)
        }
        Check::Argument => is_argument(&AssignedValue::of(text)),
        Check::Login => {
            text.chars().nth(3).is_some() && !is_placeholder(&AssignedValue::of(text)) && !is_ordinary(text)
        }
        Check::Password => {
            PASSWORD_CHARS.contains(&text.chars().count())
                && !is_placeholder(&AssignedValue::of(text))
                && !is_word(text)
        }
    }
}

/// Fewest characters of an argument of small letters or of digits alone.
const PLAIN_ARGUMENT_CHARS_MIN: usize = 6;

/// True for an argument of a command that is a password.
fn is_argument(value: &AssignedValue) -> bool {
    let (text, shape) = (value.text, &value.shape);
    let is_plain = shape.lower == text.len() || shape.digits == text.len();
    let is_path = text.starts_with(['-', '/', '.', '~']) && !is_noise(value);
    text.len() >= 4
        && (!is_plain || text.len() >= PLAIN_ARGUMENT_CHARS_MIN)
        && !is_path
        && !is_placeholder(value)
        && !is_ordinary(text)
}

/// True for a random value and for a password that is no plain word.
fn is_opaque(value: &AssignedValue) -> bool {
    !is_placeholder(value)
        && (value.is_token() || value.is_rare() || is_noise(value) || is_mixed_password(value))
}

/// True if the value of a name of this strength is a secret.
pub(super) fn is_secret(value: &AssignedValue, context: &ValueContext) -> bool {
    let length = value.text.len();
    if length < *PASSWORD_CHARS.start()
        || (length >= WORDED_CHARS_MIN && value.shape.longest_word >= WORD_IN_VALUE_CHARS_MIN)
        || (context.strength != Strength::Password && value.has_blanks())
        || is_placeholder(value)
        || is_code(value, context)
        || is_validation(value)
    {
        return false;
    }
    match context.strength {
        Strength::Password => is_password(value, context),
        Strength::Random => {
            let is_telling = context.separator != Separator::Line || length >= 16;
            is_telling
                && (value.is_token()
                    || value.is_wordless()
                    || (is_assigned(context)
                        && length >= KEY_CHARS_MIN
                        && (is_generated(value) || value.is_short_random())))
        }
        // A cookie or a query: the names in it are judged by themselves.
        Strength::Key
            if value.has(b'=')
                && value.text.trim_end_matches('=').contains('=')
                && !(context.is_quoted && is_generated(value)) =>
        {
            false
        }
        Strength::Key => {
            length >= KEY_CHARS_MIN
                && (value.is_random()
                    || value.is_rare()
                    || value.is_wordless()
                    || is_generated(value)
                    || (length >= SHORT_KEY_CHARS_MIN && value.is_short_random()))
        }
    }
}

/// True for a value in quotes, or one that is the rest of its line.
fn is_assigned(context: &ValueContext) -> bool {
    context.is_quoted || context.is_line || context.before == b'>'
}

/// True if the value is a password.
fn is_password(value: &AssignedValue, context: &ValueContext) -> bool {
    if !PASSWORD_CHARS.contains(&value.text.chars().count()) || value.is_east_asian() {
        return false;
    }
    if value.has_blanks() {
        return is_phrase(value.text)
            || value.text.split(' ').count() <= 8
                && value
                    .text
                    .split(' ')
                    .map(AssignedValue::of)
                    .any(|word| is_noise(&word) || is_long_random(&word));
    }
    if value.is_random() || is_noise(value) || value.is_rare() || value.is_mixed_case() {
        return true;
    }
    if context.is_quoted && context.separator == Separator::Sign && value.is_digits() {
        return true;
    }
    if is_assigned(context)
        && (value.is_unworded()
            || value.is_rare_word()
            || (context.is_quoted && is_strong(value))
            || value.is_opaque_text()
            || value.is_wordless()
            || is_scrambled(value))
    {
        return true;
    }
    let is_mixed = is_mixed_password(value);
    if context.separator == Separator::Flag && !context.is_quoted {
        let is_word = value.shape.lower == value.text.len();
        return (is_mixed || is_passphrase(value.text) || !is_word || value.text.len() >= WORD_CHARS_MIN)
            && is_argument(value);
    }
    if matches!(context.separator, Separator::Line | Separator::Word) && !context.is_quoted {
        return is_passphrase(value.text)
            || is_mixed
                && value.shape.digits > 0
                && value.text.len() >= WORD_CHARS_MIN
                && !is_name_like(value);
    }
    // In code without quotes a name is a variable.
    let is_variable =
        !context.is_quoted && is_identifier(value.text) && (names_secret(value.text) || !is_last(context));
    !is_variable
        && (is_mixed
            || (is_assigned(context)
                && (is_pronounceable(value.text)
                    || (is_passphrase(value.text) && !names_secret(value.text))
                    || is_letters(value, context))))
}

/// True for letters of both cases that change more often than in names, without a word.
fn is_scrambled(value: &AssignedValue) -> bool {
    let shape = &value.shape;
    let length = value.text.len();
    length >= SHORT_KEY_CHARS_MIN
        && shape.letters() == length
        && shape.longest_word <= 4
        && shape.changes * 3 >= length
}

fn is_long_random(value: &AssignedValue) -> bool {
    value.text.len() >= SHORT_KEY_CHARS_MIN && value.is_random()
}

/// True for letters with digits, or with signs that names do not have.
fn is_mixed_password(value: &AssignedValue) -> bool {
    let (text, shape) = (value.text, &value.shape);
    let is_path = text.starts_with(['/', '~', '.', '^', '\\'])
        && (shape.longest_word > 3 || randomness::is_structured(&text[1..]));
    if text.len() < 7 || value.has_blanks() || is_path {
        return false;
    }
    let letters =
        shape.letters() + if shape.is_ascii { 0 } else { text.chars().filter(|c| !c.is_ascii()).count() };
    let inner = text.trim_end_matches(|c: char| c.is_ascii_punctuation()).bytes().skip(1);
    let has_signs = inner.clone().any(|byte| b"@$!#%&*^?".contains(&byte));
    let has_separators = text.contains(['_', '-', '.', '/', ':', '+', ',', '=']);
    let is_name = !has_signs && (shape.digits == 0 || (has_separators && randomness::is_structured(text)));
    let is_address =
        text.split_once('@').is_some_and(|(_, host)| host.contains('.') && !host.contains(['!', '#', '$']));
    if letters == 0 || is_name || (shape.digits == 0 && letters < 5) || is_address {
        return false;
    }
    let is_reference = value.is_reference() && !value.is_opaque_text();
    !names_algorithm(value) && !is_reference && !is_ordinary(text) && !is_version(text)
}

/// True for a value that holds the name of a hash or of an encoding.
fn names_algorithm(value: &AssignedValue) -> bool {
    value.shape.digits > 0 && {
        let lower = value.text.to_ascii_lowercase();
        NAMES_WITH_DIGITS.iter().any(|name| lower.contains(name))
    }
}

/// Parts of regular expressions, of formats and of URLs, which no generator makes but by chance; the shorter ones say so
/// only together.
const LONG_PATTERN_PARTS: [&str; 12] =
    ["a-z", "A-Z", "0-9", "(?=", "(?:", "(?!", "(?<", "(?i", "(?P", "{0}", "://", "](/"];
const PATTERN_PARTS: [&str; 16] =
    ["\\d", "\\w", "\\s", "\\b", "(?", ".*", "%s", "%d", "=>", "->", "&&", "||", "()", "\\(", "\\|", "\\."];

/// True for signs, digits and letters as a generator of passwords mixes them: without a word in it.
pub(super) fn is_noise(value: &AssignedValue) -> bool {
    let (text, shape) = (value.text, &value.shape);
    if text.len() < 10 || !shape.is_ascii || value.has_blanks() {
        return false;
    }
    let kinds = [shape.lower, shape.upper, shape.digits].iter().filter(|count| **count > 0).count();
    if kinds < 2 || shape.signs == 0 || shape.letters() + shape.digits < 4 || shape.longest_word > 5 {
        return false;
    }
    let distinct_signs = b"!\"#$%&'()*+,;<=>?@[]^`{|}~\\".iter().filter(|sign| value.has(**sign)).count();
    let is_scattered = shape.changes * 2 >= text.len()
        && (distinct_signs >= 3 && kinds == 3 || distinct_signs >= 4 && shape.lower > 0 && shape.upper > 0);
    let is_wordless = shape.longest_word <= 3
        && (distinct_signs >= 3
            || (distinct_signs >= 2 && shape.lower > 0 && shape.upper > 0)
            || (distinct_signs >= 1 && shape.digits >= 1 && kinds == 3));
    let parts = || PATTERN_PARTS.iter().filter(|part| value.contains(part)).count();
    (is_scattered || is_wordless)
        && !LONG_PATTERN_PARTS.iter().any(|part| value.contains(part))
        && parts() <= usize::from(is_scattered && distinct_signs >= 4)
}

/// True for letters of both cases, digits and a sign without a word, fewer than [noise](is_noise) has: for values in quotes.
fn is_strong(value: &AssignedValue) -> bool {
    let shape = &value.shape;
    let has_sign = shape.letters() + shape.digits < value.text.len();
    (STRONG_CHARS_MIN..=STRONG_CHARS_MAX).contains(&value.text.len())
        && shape.is_ascii
        && !value.has_blanks()
        && shape.lower > 0
        && shape.upper > 0
        && shape.digits > 0
        && has_sign
        && shape.longest_word <= 3
        && shape.changes * 2 >= value.text.len()
        && !randomness::is_structured(value.text)
}

/// True for [noise](is_noise) with letters of both cases and digits, as hardly any code is.
fn is_generated(value: &AssignedValue) -> bool {
    let shape = &value.shape;
    shape.lower > 0 && shape.upper > 0 && shape.digits > 0 && is_noise(value)
}

/// True for a word that may be a password: letters only, and none of the ordinary words.
fn is_letters(value: &AssignedValue, context: &ValueContext) -> bool {
    let (length, shape) = (value.text.len(), &value.shape);
    let is_plain = shape.lower == length || shape.upper == length;
    let is_file =
        context.is_upper && context.separator == Separator::Sign && !context.is_quoted && context.is_line;
    // Types, variables and labels are words in camel case or with a capital.
    let is_string = context.is_quoted && context.separator == Separator::Sign && shape.lower == length;
    length >= WORD_CHARS_MIN
        && ((is_plain && is_file) || is_string)
        && !names_secret(value.text)
        && !is_ordinary(value.text)
}

/// True for a plain word, such as follows a flag in prose.
fn is_word(value: &str) -> bool {
    is_ordinary(value)
        || (value.len() < 12 && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}

/// True for code: a call, a qualified name, a path, a URL, an operator.
fn is_code(value: &AssignedValue, context: &ValueContext) -> bool {
    let text = value.text;
    let is_element = text.starts_with('<') && text.contains('>') && !value.is_opaque_text();
    let is_password = context.strength == Strength::Password;
    let is_opaque = is_noise(value)
        || (is_password && (value.is_opaque_text() || (context.is_quoted && is_strong(value))));
    let is_expression = !(is_opaque && context.is_quoted) && is_expression(value);
    if is_element || is_expression || value.contains("&quot") || is_escaped(value) {
        return true;
    }
    if is_opaque {
        return false;
    }
    let rest = context.after;
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let is_called = !context.is_quoted
        && (matches!(rest.first(), Some(b'(' | b'[' | b'{'))
            || (blanks > 0 && rest[blanks..].starts_with(b"= ")));
    let is_path = value.contains("*.")
        || value.contains("/*")
        || ["./", "../", "~/"].iter().any(|start| text.starts_with(start))
        || is_absolute_path(text);
    let is_file = value.has(b'\\')
        && text
            .split_once('\\')
            .is_some_and(|(drive, path)| drive.len() >= 2 && randomness::longest_word(path) >= 4);
    is_called
        || is_path
        || is_file
        || value.is_reference()
        || is_version(text)
        || (!context.is_quoted
            && ((is_qualified_name(text) && !(context.is_line && is_passphrase(text)))
                || is_constant(value)
                || (context.strength != Strength::Password && names_secret(text))))
}

/// True for a character in the escape of a programming language.
fn is_escaped(value: &AssignedValue) -> bool {
    value.has(b'\\')
        && [("\\u", 4), ("\\U", 4), ("\\x", 2)].iter().any(|(escape, digits)| {
            let after = value.text.split(escape).skip(1);
            after.into_iter().any(|rest| {
                rest.starts_with('{')
                    || rest.len() >= *digits
                        && rest.bytes().take(*digits).all(|byte| byte.is_ascii_hexdigit())
            })
        })
}

/// True for a call, an index or a generic type: names, with brackets that are balanced and follow a name.
fn is_expression(value: &AssignedValue) -> bool {
    if !b"([<{".iter().any(|sign| value.has(*sign)) {
        return false;
    }
    let (mut open, mut has_brackets, mut before) = (Vec::new(), false, ' ');
    for sign in value.text.chars() {
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
fn is_constant(value: &AssignedValue) -> bool {
    value.has(b'_')
        && value.shape.longest_word >= 3
        && value.text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
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
    value.starts_with('/') && value.matches('/').count() >= 2 && !AssignedValue::of(&value[1..]).is_random()
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
    is_identifier(value) && {
        let lower = value.to_ascii_lowercase();
        ["pass", "pwd", "secret", "token", "key", "cred", "auth"].iter().any(|word| lower.contains(word))
    }
}

fn is_identifier(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}

/// True for several words in snake, kebab or camel case.
fn is_name_like(value: &AssignedValue) -> bool {
    (value.has(b'_') || value.has(b'.')) && is_identifier(value.text) && randomness::is_structured(value.text)
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
        is_secret(&AssignedValue::of(value), &context)
    }

    #[test]
    fn passwords_are_told_from_words_and_placeholders() {
        for value in [
            "Tr0ub4dor&3",
            "Winter2023",
            "p@ssword",
            "hunter2!",
            "correct-horse-battery-staple",
            "Copper-Meadow-Falcon42",
            "copper.meadow.falcon.lantern",
            "k}7R(z::q]2^",
        ] {
            assert!(is_password_in_quotes(value), "{value}");
        }
        for value in [
            "string",
            "pbkdf2:sha256",
            "user1@host.net",
            "${DB_PASS1}",
            "npm:^7.1.2",
            "Enter your password",
            "required|string|min:8",
            "nullable|max:64",
            "min_length[8]|matches[other]",
            "auth.login.password.label",
        ] {
            assert!(!is_password_in_quotes(value), "{value}");
        }
    }

    #[test]
    fn values_of_any_alphabet_are_judged_without_panic() {
        for value in
            ["пароль12345!", "日本語のパスワード9@", "é", "", "éclair Table", "😀Ebackup lamp river 7"]
        {
            let _ = (is_password_in_quotes(value), passes(Check::Opaque, value), is_phrase(value));
        }
    }
}
