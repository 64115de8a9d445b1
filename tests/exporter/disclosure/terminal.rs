//! Foreign text on a terminal: what a receiver, a cloned repository, a folder or han's database says is printed escaped,
//! in results for people and in the text log. JSON keeps it as it is.

use std::fs;

use han_sync::printable::printable;
use han_sync::protocol::SyncError;
use serde_json::Value;

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::ORGANIZATION_REMOTE;
use crate::support::{Fault, Outcome, batches};

/// Texts that a terminal obeys or hides, with the escaped form: a title, a forged line, a reversed and an invisible character.
const HOSTILE: &[(&str, &str)] = &[
    ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
    ("x\nhan-sync: forged", "x\\nhan-sync: forged"),
    ("\u{9b}2J", "\\u{9b}2J"),
    ("user\u{202e}gpj", "user\\u{202e}gpj"),
    ("ac\u{200b}me\u{feff}", "ac\\u{200b}me\\u{feff}"),
];
const LOOKS: &[&[&str]] = &[&["status"], &["queue"], &["explain"], &["preview"], &["--verbose"]];

/// Asserts that the escaped form is printed, and nothing that a terminal obeys.
#[track_caller]
fn assert_printed_escaped(outcome: &Outcome, escaped: &str) {
    let printed = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert!(printed.contains(escaped), "{escaped} is not in {printed}");
    assert_harmless(outcome);
}

#[track_caller]
fn assert_harmless(outcome: &Outcome) {
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        assert_eq!(printable(line), line);
        assert!(!line.starts_with("han-sync: forged"), "a forged line in {outcome:?}");
    }
}

#[test]
fn error_codes_and_messages_of_a_receiver_are_escaped() {
    for (hostile, escaped) in HOSTILE {
        let test = ExporterTest::with_sessions(&[1]);
        let (session, text) = (test.sessions[0].clone(), (*hostile).to_owned());
        let lie = Fault::lie(move |response| {
            response.processed = 0;
            response.errors =
                vec![SyncError { session_id: session.clone(), code: text.clone(), message: text.clone() }];
        });
        test.receiver.script(batches().with_data(), lie);
        assert_printed_escaped(&test.run(&[]), &format!("{escaped} ({escaped})"));
        for look in LOOKS {
            assert_harmless(&test.run(look));
        }
        assert_printed_escaped(&test.run(&["queue"]), &format!("{escaped}: {escaped}"));
        let item = test.queued(&test.sessions[0]).unwrap();
        assert_eq!(item["lastError"], format!("{hostile}: {hostile}"), "JSON keeps it");
    }
}

#[test]
fn error_bodies_of_an_endpoint_are_escaped() {
    for (hostile, escaped) in HOSTILE {
        let test = ExporterTest::with_sessions(&[1]);
        let body = serde_json::json!({"error": hostile, "requestId": hostile}).to_string();
        test.receiver
            .script(batches(), Fault::status(503).body(body).header("Content-Type", "application/json"));
        assert_printed_escaped(&test.run(&["--max-seconds", "1"]), escaped);
        for look in LOOKS {
            assert_harmless(&test.run(look));
        }
    }
}

/// A text as YAML in quotes, in which control characters have to be escaped.
fn in_yaml(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        ' '..='~' => character.to_string(),
        other => format!("\\u{:04x}", u32::from(other)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[test]
fn keys_of_a_cloned_han_yml_and_names_of_folders_are_escaped() {
    for (hostile, escaped) in HOSTILE {
        let test = ExporterTest::new();
        let (session, folder) = test.session_in_folder(ORGANIZATION_REMOTE, hostile, 1);
        fs::write(folder.join("han.yml"), format!("sync: {{{}: true, enabled: false}}", in_yaml(hostile)))
            .unwrap();
        let outcome = test.run(&["explain", &session]);
        assert_printed_escaped(&outcome, &format!("{escaped}/han.yml: sync.{escaped}"));
        assert!(outcome.stdout.contains(&format!("{escaped}/han.yml\n")), "the origin in {}", outcome.stdout);
        for look in LOOKS {
            assert_harmless(&test.run(look));
        }
    }
}

#[test]
fn session_ids_are_escaped() {
    for (hostile, escaped) in HOSTILE {
        let mut test = ExporterTest::with_sessions(&[1]);
        let project = test.db.project_of(&test.sessions[0]).unwrap();
        test.db.session(hostile, Some(&project), Some("active"), None);
        test.add_messages(hostile, 1);
        test.sessions.push((*hostile).to_owned());
        assert_printed_escaped(&test.run(&["preview"]), escaped);
        test.receiver.reject(hostile, "SESSION_CONFLICT", 1);
        assert_printed_escaped(&test.run(&[]), escaped);
        assert_printed_escaped(&test.run(&["status"]), escaped);
        assert_printed_escaped(&test.run(&["explain", hostile]), escaped);
        assert_harmless(&test.run(&["reset", "--session", hostile]));
        assert_harmless(&test.run(&["queue", "--retry", "not\u{1b}[2J there"]));
    }
}

#[test]
fn log_in_json_stays_json() {
    let test = ExporterTest::with_sessions(&[1]);
    let body = serde_json::json!({"error": "a\u{1b}b"}).to_string();
    test.receiver.script(batches(), Fault::status(503).body(body).header("Content-Type", "application/json"));
    let outcome = test.run(&["--max-seconds", "1", "--log-format", "json"]);
    let lines: Vec<Value> = outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"].as_str().unwrap().contains("a\u{1b}b")), "{lines:?}");
}
