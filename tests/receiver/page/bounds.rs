//! Bounds of views and documents, and texts and ids that only just fit them.

use crate::support::browser::*;
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

/// Adds a row of sums of alice's in acme for each number below `count`, of this day.
fn add_sums(store: &TestStore, count: usize, columns: &str) {
    let id = |handle: &str| {
        let query = format!("SELECT tenant_id FROM tenants WHERE handle = '{handle}'");
        store.query(&query)[0][0].clone().unwrap()
    };
    let day = chrono::Utc::now().timestamp() / 86_400;
    store.execute(&format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count}) \
         INSERT INTO metrics (tenant_id, user_id, session_id, day, model, branch, message_type, repository, \
         pull_request, messages, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, \
         cache_creation_1h_tokens, lines_added, lines_removed, tasks_completed) \
         SELECT '{}', '{}', 's', {day}, {columns}, 'assistant', '{ACME}', 7, 1, 1, 0, 0, 0, 0, 0, 0, 0 FROM numbers",
        id("acme"),
        id("alice"),
    ));
}

#[test]
fn a_breakdown_that_is_too_large_costs_no_other() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        add_sums(&store, 20_001, "'gpt-5', 'branch-' || n");
        let alice = Browser::signed_in(&receiver, &team.alice);
        let page = alice.get("/");
        assert_eq!(page.status, 200, "{}", page.text);
        assert_eq!(page.text.matches("This cannot be shown at once: ").count(), 1);
        for text in ["By branch", "By model", ">gpt-5<", ">#7<", "20,001", "as a table"] {
            assert!(page.text.contains(text), "{text}: {}", page.text);
        }
        assert_eq!(alice.get("/overview.csv?by=branch").status, 400);
        assert_eq!(lines(&alice.get("/overview.csv?by=model")).len(), 2);
    }
}

#[test]
fn each_breakdown_has_a_budget_of_its_own() {
    // PostgreSQL indexes no names of this length.
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let name = "hex(zeroblob(524288))";
    add_sums(&store, 4, &format!("n || {name}, n || {name}"));
    let page = Browser::signed_in(&receiver, &team.alice).get("/");
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(!page.text.contains("cannot be shown"));
    assert!(page.text.contains(&"0".repeat(1 << 20)));
}
