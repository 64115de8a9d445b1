//! Recall on the open corpus in `fixtures/redaction/open/`, by kind, and the properties of a message as a whole: a secret
//! that is found once is gone everywhere, and no notation hides one.

use super::{is_json, redact};
use crate::support::redaction_report::{self, is_gone};
use crate::support::template::{Seeded, fill};
use std::path::Path;

/// Fewest cases in 100 that have to be found of each kind: half a point below the table of the README.
const FOUND_PERCENT_MIN: [(&str, f64); 6] = [
    ("named", 98.9),
    ("key", 98.1),
    ("format", 98.9),
    ("notation", 98.5),
    ("private_key", 99.5),
    ("password", 98.8),
];

#[test]
fn the_open_corpus_is_found_by_kind() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/redaction/open");
    let report = redaction_report::report(&redaction_report::read(&corpus).unwrap());
    println!("{}{}", report.table(), report.failures.join("\n"));
    for (kind, percent) in FOUND_PERCENT_MIN {
        let tally = &report.kinds[kind];
        assert!(tally.total >= 45, "{kind}: {} cases", tally.total);
        assert!(tally.found as f64 * 100.0 >= percent * tally.total as f64, "{kind}\n{}", report.table());
    }
}

/// Redacts a filled template and asserts that no secret of it is left and that JSON stays JSON.
fn assert_found(template: &str, seed: u64) {
    let filled = fill(template, &mut Seeded(seed));
    let redacted = redact(&filled.text);
    for secret in &filled.secrets {
        assert!(is_gone(&filled.text[secret.clone()], &redacted), "{}\nbecame {redacted}", filled.text);
    }
    assert_eq!(is_json(&redacted), is_json(&filled.text), "{redacted}");
}

#[test]
fn a_secret_found_once_is_gone_everywhere_in_the_message() {
    for template in [
        r#"{"a":"DB_PASSWORD=«%{x=hex:40}»","b":["connected with «%{=x}» as app"],"c":{"d":"x«%{=x}»y"}}"#,
        r#"{"result":"API_KEY=«%{x=hex:40}»\n","toolUseResult":{"stdout":"{\"k\":\"«%{=x}»\"}"}}"#,
        r#"{"a":"token: «%{x=hex:40}»","b":"GET /v1/«%{=x}»/items","c":"%{ip} «%{=x}»"}"#,
        "password=«%{x=hex:40}»\nhttps://example.net/?q=«%{url=x}»\n",
        "export SECRET_KEY=«%{x=hex:24}»\n\u{1b}[32m«%{=x}»\u{1b}[0m",
    ] {
        for seed in 0..20 {
            assert_found(template, seed);
        }
    }
    // But an ordinary word stays where it is no secret, and so does a longer word around a word.
    let text = "postgres://app:password@localhost/app and the password field";
    assert_eq!(redact(text), text);
}

#[test]
fn each_secret_column_of_an_insert_and_each_separator_is_found() {
    for template in [
        "INSERT INTO t (password, token, api_key) VALUES ('«%{x=hex:24}»', '«%{hex:40}»', '«%{hex:32}»');",
        "パスワードは、«Tr0ub4dor&%{digit:4}»",
    ] {
        for seed in 0..20 {
            assert_found(template, seed);
        }
    }
}

#[test]
fn notation_hides_no_secret_in_escaped_json() {
    for template in [
        r#"{"a":"     1\tDB_PASSWORD=«%{hex:40}»\n     2\tX=1"}"#,
        r#"{"a":"\u001b[1mtoken\u001b[0m\u001b[K: \u001b[33m«%{hex:40}»\u001b[0m"}"#,
        r#"{"a":"api_key: >-\n  «%{hex:40}»\n"}"#,
        r#"{"a":"x=%2522api_key%2522%253A%2522«%{hex:40}»%2522"}"#,
        r#"{"a":"const token = \"«%{hex:24}\" +\n  \"%{hex:24}»\";"}"#,
        r#"{"a":"{\"name\":\"API_KEY\",\"type\":\"env\",\"value\":\"«%{hex:40}»\"}"}"#,
    ] {
        for seed in 0..20 {
            let filled = fill(template, &mut Seeded(seed));
            let secret = filled.text[filled.secrets[0].clone()].to_owned();
            let redacted = redact(&filled.text);
            for part in secret.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.len() >= 8) {
                assert!(is_gone(part, &redacted), "{}\nbecame {redacted}", filled.text);
            }
            assert!(is_json(&redacted), "{redacted}");
        }
    }
}

#[test]
fn versions_and_references_are_no_passwords() {
    for text in [
        r#"    minipass: "npm:^7.1.2""#,
        "password: ${DB_PASSWORD}",
        "let password = config.database.password;",
        r#"password = getpass.getpass("Password: ")"#,
        "cache-key: linux-cargo-9f86d081884c7d659a2feaa0",
        "type Key = Utf8SuffixKey;",
        r#""password": "Enter your password""#,
        r#""密码": "请输入8到16位的密码，包含A和a""#,
        "密码是8位以上的字母和数字",
        "Пароль: не менее 8 символов",
        "mot de passe est requis",
        r#"password: "[redacted]", secret: "{API_KEY_2}""#,
        r#"<input type="password" name="new_password1" value="">"#,
        r#"{"type":"tool_use","id":"toolu_01Kx9RtYq2VbN8mWzLpQ4sDf","name":"Bash"}"#,
        "integration_test_that_the_parser_accepts_a_long_name_2 ... ok",
        r#""integrity": "sha512-9k5J3Yb0dC2xQh8VtLr1ZpW7NfMsXg4KuEoTaBiDyHjRlGvPcSwUqAeIzFmOnKbJdCxVtYhLrZpWfMsXgKuEoT==""#,
        "user alice on >the end",
        "Recovery codes: two-factor authentication, one-time codes",
        "mnemonic: a phrase of twelve words that helps to remember",
        "neighbor 10.0.0.1 remote-as 65000",
        "const token = jwt.sign(payload, privateKey, options);",
        "state->secret_key_length = crypto->keyLength;",
    ] {
        assert_eq!(redact(text), text);
    }
}
