//! Redaction: each rule by its examples, recall and precision on the corpus in `fixtures/redaction/`, and the
//! properties that hold for any text.

mod template;

use han_sync::exporter::redact::{Counts, Find, Redactor, rules};
use template::{Seeded, fill};

fn redactor() -> Redactor {
    Redactor::new(&[]).unwrap()
}

fn redact(text: &str) -> String {
    redactor().redact(text, &mut Counts::default()).into_owned()
}

/// The text without the kinds in its markers.
fn without_kinds(text: &str) -> String {
    regex::Regex::new(r"\[REDACTED:[a-z0-9_]+\]").unwrap().replace_all(text, "[REDACTED]").into_owned()
}

#[test]
fn every_rule_redacts_its_positive_example_and_no_more() {
    let mut failures = Vec::new();
    for rule in rules() {
        for seed in 0..40 {
            let filled = fill(rule.positive, &mut Seeded(seed));
            let redacted = redact(&filled.text);
            let marker = format!("[REDACTED:{}]", rule.kind);
            if without_kinds(&redacted) != filled.expected() || !redacted.contains(&marker) {
                failures.push(format!("{}: {}\n    {redacted}", rule.kind, filled.text));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_rule_redacts_its_negative_example() {
    let mut failures = Vec::new();
    for rule in rules() {
        let filled = fill(rule.negative, &mut Seeded(1));
        let redacted = redact(&filled.text);
        if redacted != filled.text {
            failures.push(format!("{}: {}\n    {redacted}", rule.kind, filled.text));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_names_its_source_and_compiles() {
    for rule in rules() {
        let (title, url) = rule.source.split_once(", https://").unwrap_or_default();
        assert!(!title.is_empty() && url.contains('.'), "{}: {}", rule.kind, rule.source);
        assert!(
            rule.kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        );
        if let Find::Pattern(pattern) = &rule.find {
            regex::Regex::new(pattern).unwrap();
        }
    }
}
