//! Redaction of any text: documents stay documents of the same shape, twice is as once, the size is bounded, and no
//! secret with a known shape survives, wherever it stands.

use super::super::REPEATED_BYTES;
use super::super::template::{Seeded, fill};
use han_sync::exporter::batch::redact::{Counts, Redactor};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::LazyCell;

thread_local! {
    static REDACTOR: LazyCell<Redactor> = LazyCell::new(|| Redactor::new(&[]).expect("no patterns"));
    static CUSTOM: LazyCell<Redactor> = LazyCell::new(|| {
        Redactor::new(&[r"ACME-[0-9]+".to_owned(), r"(?m)^internal: .*$".to_owned()]).expect("two patterns")
    });
}

/// A marker is at most this long, and stands for one byte at least.
const MARKER_BYTES_MAX: usize = 48;
/// Secrets that are known by their shape alone, whatever stands before and behind them.
const SECRETS: [&str; 4] = ["ghp_%{b62:36}", "AKIA%{b32:16}", "npm_%{b62:36}", "sk-ant-api03-%{b64url:93}AA"];

/// The first byte says what is done with the text besides: users' patterns, repetition, a secret put into it.
pub fn run(input: &[u8]) {
    let Some((mode, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if mode & 1 == 0 {
        REDACTOR.with(|redactor| check(redactor, text))
    } else {
        CUSTOM.with(|redactor| check(redactor, text))
    }
    if mode & 2 != 0 {
        plant(text, usize::from(*mode), mode & 4 != 0);
    }
    if mode >> 3 == 3 && !text.is_empty() {
        let repeated = text.repeat(REPEATED_BYTES.div_ceil(text.len()));
        REDACTOR.with(|redactor| redactor.redact(&repeated, &mut Counts::default()).len());
    }
}

fn check(redactor: &Redactor, text: &str) {
    let mut counts = Counts::default();
    let redacted = redactor.redact(text, &mut counts);
    assert_eq!(matches!(redacted, Cow::Borrowed(_)), counts.total() == 0, "{text:?}");
    assert!(redacted.len() <= (text.len() + 1) * MARKER_BYTES_MAX, "{} from {}", redacted.len(), text.len());
    if let Ok(before) = serde_json::from_str::<Value>(text) {
        let after: Value = serde_json::from_str(&redacted)
            .unwrap_or_else(|error| panic!("{error}: {text} became {redacted}"));
        assert!(is_same_shape(&before, &after) || has_secret_names(&before), "{text} became {redacted}");
        assert_eq!(skeleton(text), skeleton(&redacted), "{text} became {redacted}");
    }
    let mut counts = Counts::default();
    let again = redactor.redact(&redacted, &mut counts);
    assert!(again == redacted && counts.total() == 0, "{text:?}\nbecame {redacted:?}\nbecame {again:?}");
}

/// The same values but for the insides of strings.
fn is_same_shape(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .all(|(name, value)| after.get(name).is_some_and(|after| is_same_shape(value, after)))
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| is_same_shape(before, after))
        }
        (Value::String(_), Value::String(_)) => true,
        (before, after) => before == after,
    }
}

/// A name of a member that is a secret itself changes with it.
fn has_secret_names(document: &Value) -> bool {
    match document {
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.len() >= 8 || has_secret_names(value))
        }
        Value::Array(elements) => elements.iter().any(has_secret_names),
        _ => false,
    }
}

/// A document's bytes without the insides of its strings.
fn skeleton(document: &str) -> Vec<u8> {
    let (mut kept, mut in_string, mut escaped) = (Vec::new(), false, false);
    for byte in document.bytes() {
        let is_quote = byte == b'"' && !escaped;
        if is_quote || !in_string {
            kept.push(byte);
        }
        escaped = in_string && byte == b'\\' && !escaped;
        in_string ^= is_quote;
    }
    kept
}

/// Puts a secret on a line of its own somewhere in the text, which may be wrapped as a string of a document.
fn plant(text: &str, seed: usize, is_wrapped: bool) {
    let secret = fill(SECRETS[seed / 16 % SECRETS.len()], &mut Seeded(seed as u64)).text;
    if text.contains(&secret) {
        // libFuzzer has come upon it, and may have put it where it is a part of a longer word.
        return;
    }
    let mut at = seed * text.len() / 256;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let planted = format!("{}\n{secret}\n{}", &text[..at], &text[at..]);
    let planted = if is_wrapped { Value::from(planted).to_string() } else { planted };
    let redacted = REDACTOR.with(|redactor| redactor.redact(&planted, &mut Counts::default()).into_owned());
    assert!(!redacted.contains(&secret), "{planted:?} became {redacted:?}");
}
