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

/// `name="value"` or `name=~"value"` of the matchers in a text whose values are the program's.
fn matchers(text: &str) -> BTreeSet<String> {
    let known = |name: &str| ["route", "reason", "code", "status"].contains(&name);
    let mut found = BTreeSet::new();
    for (place, _) in text.match_indices("=\"") {
        let name = text[..place].rsplit(|char: char| !char.is_ascii_alphanumeric() && char != '_').next();
        let value = text[place + 2..].split('"').next();
        if let Some((name, value)) = name.zip(value).filter(|(name, _)| known(name)) {
            found.insert(format!("{name}=\"{value}\""));
        }
    }
    found
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
        for matcher in matchers(&text) {
            let (name, value) = matcher.split_once('=').unwrap();
            // Statuses and codes come with the first request that ends with one; their labels are the program's.
            let is_there = match name {
                "status" | "code" => exported.contains(&format!("{name}=\"")),
                _ => exported.contains(&format!("{name}={value}")),
            };
            assert!(is_there, "{file}: {matcher} is not in\n{exported}");
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
