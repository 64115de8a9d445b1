//! The dashboard and the alert rules: every metric and every label that they name is one of the program's.

use crate::support::running_receiver::*;
use std::collections::BTreeSet;
use std::process::Command;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/monitoring");

/// The words of a text that begin with one of the program's prefixes.
fn metric_names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("han_sync_") || word.starts_with("process_")).collect()
}

/// Label and value of the matchers in a text whose values are the program's; the alternatives of a regular expression each.
fn matchers(text: &str) -> BTreeSet<(&str, &str)> {
    let known = |name: &str| ["route", "reason", "code", "status"].contains(&name);
    let mut found = BTreeSet::new();
    for (place, _) in text.match_indices('"') {
        let Some(value) = text[place + 1..].split('"').next() else { continue };
        for operator in ["=~", "!~", "!=", "="] {
            let Some(before) = text[..place].strip_suffix(operator) else { continue };
            let name = before.rsplit(|char: char| !char.is_ascii_alphanumeric() && char != '_').next();
            if let Some(name) = name.filter(|name| known(name)) {
                found.extend(value.split('|').map(|value| (name, value)));
            }
        }
    }
    found
}

#[test]
fn matchers_of_every_kind_are_read() {
    let text = r#"a{status=~"5..|429", status!="503", job=~"$job"} / b{route="sync",reason!~"limited"}"#;
    let expected =
        [("reason", "limited"), ("route", "sync"), ("status", "429"), ("status", "5.."), ("status", "503")];
    assert_eq!(matchers(text), BTreeSet::from(expected));
}

#[test]
fn metrics_of_dashboard_and_alerts_are_the_programs() {
    let store = sqlite();
    let team = store.create_team();
    let receiver = store.serve();
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.sync(&[session("s", ACME, vec![message("m", 0)])]).status, 200);
    alice.sync(&[session("t", "https://github.com/nobody/x", vec![])]);
    alice.graphql_data("{ viewer { login } }");
    receiver.client("han_wrong").get("/api/sync/identity");
    let exported = alice.get("/metrics").text;
    let samples: BTreeSet<&str> = exported
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    for file in ["dashboard.json", "alerts.yaml"] {
        let text = std::fs::read_to_string(format!("{FOLDER}/{file}")).unwrap().replace("\\\"", "\"");
        let names = metric_names(&text);
        assert!(names.len() > 5, "{file} names metrics: {names:?}");
        let unknown: Vec<_> = names.into_iter().filter(|name| !samples.contains(name)).collect();
        assert_eq!(unknown, [] as [&str; 0], "{file}: not in\n{exported}");
        let matchers = matchers(&text);
        assert!(!matchers.is_empty(), "{file} has matchers");
        for (name, value) in matchers {
            // Statuses and codes come with the first request that ends with one; their labels are the program's.
            let is_there = match name {
                "status" | "code" => exported.contains(&format!("{name}=\"")),
                _ => exported.contains(&format!("{name}=\"{value}\"")),
            };
            assert!(is_there, "{file}: {name} {value} is not in\n{exported}");
        }
    }
}

#[test]
fn alert_rules_are_those_of_prometheus_and_fire_when_they_should() {
    for arguments in [&["check", "rules", "alerts.yaml"][..], &["test", "rules", "alerts-test.yaml"]] {
        let Ok(output) = Command::new("promtool").args(arguments).current_dir(FOLDER).output() else {
            eprintln!("SKIPPED: promtool is not installed");
            return;
        };
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}
