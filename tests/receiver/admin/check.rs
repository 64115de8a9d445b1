//! `admin check`: what is kept beside the rows against a recount.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

fn answer(id: &str, line: i64, usage: &str) -> Value {
    let members = json!({"usageId": usage, "outputTokens": 10 + line, "model": "opus", "linesAdded": 2});
    with(message(id, line), members)
}

/// A store with sessions of two users, in an organization and in a private space.
fn filled(store: &TestStore) -> (Team, RunningReceiver) {
    let (team, receiver) = (store.create_team(), store.serve());
    let task = json!([{"id": "t", "status": "completed", "subject": "", "createdAt": "2025-03-01T00:00:00Z",
                       "updatedAt": "2025-03-01T00:00:00Z"}]);
    let own = session("own", "https://github.com/alice/x", vec![answer("m", 0, "u3")]);
    let sent = [
        with(session("s", ACME, vec![answer("m1", 0, "u1"), answer("m2", 1, "u1")]), json!({"tasks": task})),
        session("t", ACME, vec![answer("m1", 2, "u2")]),
        with(own, json!({"inclusion": "personal"})),
    ];
    assert_eq!(receiver.client(&team.alice).sync(&sent).status, 200);
    receiver.client(&team.bob).sync(&[session("b", ACME, vec![answer("m1", 0, "u1")])]);
    (team, receiver)
}

/// The faults of `admin check`, each as kind and session.
fn faults(store: &TestStore, arguments: &str, expected_exit: i32) -> Vec<(String, String)> {
    let (code, stdout, stderr) = store.try_admin(arguments);
    assert_eq!(code, expected_exit, "{arguments}: {stdout} {stderr}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let faults = document["faults"].as_array().unwrap().iter();
    faults.map(|fault| (text(&fault["kind"]), text(&fault["session"]))).collect()
}

#[test]
fn what_is_counted_wrong_is_found_and_repaired() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        assert_eq!(faults(&store, "check", 0), []);
        for (damage, kind, session) in [
            ("UPDATE sessions SET digest = digest + 1 WHERE session_id = 's'", "digest", "s"),
            ("UPDATE sessions SET message_count = 0 WHERE session_id = 'own'", "digest", "own"),
            ("UPDATE metrics SET messages = messages + 3 WHERE session_id = 't'", "sums", "t"),
            ("UPDATE metrics SET output_tokens = 0 WHERE session_id = 'b'", "sums", "b"),
            ("DELETE FROM metrics WHERE session_id = 's' AND message_type = ''", "sums", "s"),
            ("DELETE FROM metrics WHERE session_id = 'own'", "sums", "own"),
            ("UPDATE usages SET output_tokens = 1 WHERE usage_id = 'u2'", "sums", "t"),
            ("DELETE FROM usages WHERE usage_id = 'u3'", "sums", "own"),
        ] {
            store.execute(damage);
            let found = vec![(kind.to_owned(), session.to_owned())];
            assert_eq!(faults(&store, "check", 65), found, "{damage}");
            assert_eq!(faults(&store, "check", 65), found, "a check changes nothing");
            assert_eq!(faults(&store, "check --repair", 0), found, "{damage}");
            assert_eq!(faults(&store, "check", 0), [], "{damage}");
            assert_sums_equal_a_recount(&store);
        }
    }
}

#[test]
fn rows_that_were_deleted_by_hand_are_no_longer_counted() {
    for store in stores() {
        let (team, receiver) = filled(&store);
        store.execute("DELETE FROM messages WHERE session_id = 's' AND message_id = 'm2'");
        let found = faults(&store, "check --repair", 0);
        assert_eq!(found, [("digest".to_owned(), "s".to_owned()), ("sums".to_owned(), "s".to_owned())]);
        assert_sums_equal_a_recount(&store);
        let sent = session("s", ACME, vec![answer("m1", 0, "u1"), answer("m2", 1, "u1")]);
        assert_eq!(receiver.client(&team.alice).sync(&[sent]).status, 200);
        assert_sums_equal_a_recount(&store);
        // Messages without their session cannot be repaired here.
        store.execute("DELETE FROM sessions WHERE session_id = 't'");
        assert_eq!(faults(&store, "check --repair", 65), [("rows".to_owned(), "t".to_owned())]);
        let (text, error) = store.admin_text(&["check"]);
        assert!(
            text.contains("han-sync verify --repair") && error.contains("1 differences"),
            "{text}{error}"
        );
    }
}

#[test]
fn sums_of_pruned_days_and_of_removed_users_are_left_alone() {
    for store in stores() {
        let (team, receiver) = filled(&store);
        let at = |days: i64| (chrono::Utc::now() - chrono::Duration::days(days)).to_rfc3339();
        // An answer on both sides of the limit, and others on one.
        let sent = [("a", 500, "u4"), ("b", 400, "u5"), ("c", 399, "u5"), ("d", 5, "u6")]
            .map(|(id, days, usage)| with(answer(id, 0, usage), json!({"timestamp": at(days)})));
        receiver.client(&team.alice).sync(&[session("old", ACME, sent.to_vec())]);
        let sums = || store.query("SELECT sum(messages), sum(output_tokens) FROM metrics");
        let before = sums();
        store.admin("prune --older-than 399d");
        store.admin("user remove bob --yes");
        assert_eq!(faults(&store, "check --repair", 0), []);
        assert_eq!(sums(), before);
    }
}

#[test]
fn a_damaged_file_is_no_repairable_difference() {
    let store = sqlite();
    let (_team, receiver) = filled(&store);
    drop(receiver);
    // An index without its entries: found by the integrity check alone.
    store.execute(
        "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = replace(sql, 'modified_at BIGINT NOT NULL', 'modified_at BIGINT NOT NULL CHECK (modified_at < 0)') \
         WHERE name = 'sessions'; PRAGMA writable_schema = OFF;",
    );
    let found = faults(&store, "check --repair", 65);
    assert!(!found.is_empty() && found.iter().all(|(kind, _)| kind == "integrity"), "{found:?}");
}
