//! Bounds of views and documents, and texts and ids that only just fit them.

use super::browser::*;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

#[test]
fn messages_that_are_too_large_for_one_document_are_refused_before_they_are_read() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = Browser::signed_in(&receiver, &team.alice);
    let large = |id: &str, mebibytes: usize| {
        let text = "x".repeat(mebibytes << 20);
        let sent = session("large", ACME, vec![with(message(id, 0), json!({"content": text}))]);
        assert_eq!(receiver.client(&team.alice).sync(&[sent]).status, 200);
    };
    ["a", "b", "c"].iter().for_each(|id| large(id, 3));
    let document = alice.get("/sessions/large.csv");
    assert_eq!((document.status, lines(&document).len()), (200, 4));
    assert!(document.text.len() > 9 << 20, "all texts are whole");
    ["d", "e", "f", "g", "h", "i", "j", "k"].iter().for_each(|id| large(id, 12));
    let before = receiver.peak_kib();
    let refused = alice.get("/sessions/large.csv");
    assert_eq!(refused.status, 413, "{}", refused.text);
    assert!(refused.text.contains("12 MiB"), "{}", refused.text);
    let grown = receiver.peak_kib() - before;
    assert!(grown < 24 * 1024, "{grown} KiB above {before} KiB");
}

#[test]
fn an_id_in_a_form_is_that_of_the_session_or_refused() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = Browser::signed_in(&receiver, &team.alice);
        let sent: Vec<Value> = [" padded ", "padded", "nul\0"].map(|id| session(id, ACME, vec![])).into();
        assert_eq!(receiver.client(&team.alice).sync(&sent).status, 200);
        let forget = |id: &str| alice.submit("/keys", "/forget", &[("session", id)]);
        let long = "x".repeat(257);
        let widened = "\0".repeat(86);
        for id in ["", long.as_str(), &widened] {
            let response = forget(id);
            assert_eq!(response.status, 400, "{} bytes: {}", id.len(), response.text);
            assert!(response.text.contains("1 to 256 bytes"), "{}", response.text);
        }
        let left = || {
            let rows = store.query("SELECT session_id FROM sessions ORDER BY session_id");
            rows.into_iter().filter_map(|row| row[0].clone()).collect::<Vec<String>>()
        };
        assert_eq!(forget(" padded ").status, 303);
        assert_eq!(left(), ["nul\u{FFFD}", "padded"]);
        assert_eq!(forget("nul\0").status, 303);
        assert_eq!(left(), ["padded"]);
        assert_eq!(alice.submit("/keys", "/keys/a%00b/revoke", &[]).status, 404);
    }
}

#[test]
fn the_log_is_read_within_the_limits_of_queries() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let bob = Browser::signed_in(&receiver, &team.bob);
        let user = store.query("SELECT tenant_id FROM tenants WHERE handle = 'bob'")[0][0].clone().unwrap();
        let target = "x".repeat(1 << 20);
        for entry in 0..17 {
            store.execute(&format!(
                "INSERT INTO audit (tenant_id, entry, at, actor, action, target, outcome, count) \
                 VALUES ('audit', {}, {entry}, '{user}', 'sign-in', '{target}', 'done', 1)",
                1_000 + entry
            ));
        }
        for url in ["/audit", "/audit.csv"] {
            let response = bob.get(url);
            assert_eq!(response.status, 400, "{url}");
            assert!(response.text.contains("larger than 16 MiB"), "{url}: {}", response.text);
        }
    }
}
