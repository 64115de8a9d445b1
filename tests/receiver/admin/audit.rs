//! `admin audit`: what it holds, what it does not, and that nothing of it can be changed unseen.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

/// The entries of some actions: actor, action, target, outcome.
fn entries(store: &TestStore, actions: &[&str]) -> Vec<[String; 4]> {
    let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
    let log = store.admin("audit");
    let log = log.as_array().unwrap().iter();
    let chosen = log
        .filter(|entry| actions.iter().any(|action| entry["action"].as_str().unwrap().starts_with(action)));
    chosen.map(|entry| ["actor", "action", "target", "outcome"].map(|name| text(&entry[name]))).collect()
}

fn id(store: &TestStore, handle: &str) -> String {
    store.query(&format!("SELECT tenant_id FROM tenants WHERE handle = '{handle}'"))[0][0].clone().unwrap()
}

#[test]
fn commands_are_recorded_with_who_what_and_when_and_no_content() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let secret = with(message("m", 0), json!({"content": "the-secret-text"}));
        alice.sync(&[session("s", ACME, vec![secret]), session("t", ACME, vec![])]);
        let key = store.admin("key create alice --label secret-label")["id"].as_str().unwrap().to_owned();
        store.admin(&format!("key revoke {key}"));
        store.admin("member role acme alice admin");
        store.admin("member remove acme dave");
        store.admin("owner add acme github.com/acme-labs");
        store.admin("account add alice github.com/alice-two");
        store.admin("org set acme --members-may-forget no");
        store.try_admin("session export s --user alice");
        store.admin("session move t --user alice --private");
        store.admin("session forget t --user alice");
        store.admin("prune --older-than 36500d --org acme");
        let expected = [
            ("key.create", format!("{key} of alice")),
            ("key.revoke", format!("{key} of alice")),
            ("member.set", "alice of acme as admin".to_owned()),
            ("member.remove", "dave of acme".to_owned()),
            ("owner.add", "github.com/acme-labs of acme".to_owned()),
            ("account.add", "alice".to_owned()),
            ("org.set", "acme members-may-forget no".to_owned()),
            ("session.export", "session s of alice".to_owned()),
            ("session.move", "session t of alice from acme to alice".to_owned()),
            ("session.forget", "session t of alice".to_owned()),
        ];
        let log = entries(&store, &[""]);
        for (action, target) in expected {
            let found = log.iter().any(|[actor, it, at, outcome]| {
                actor.starts_with("operator") && it == action && *at == target && outcome == "done"
            });
            assert!(found, "{action} {target}: {log:?}");
        }
        let whole = store.admin("audit");
        for word in ["secret-text", "secret-label", "alice-two", &team.alice, &team.alice[..12]] {
            assert!(!whole.to_string().contains(word), "{word}");
        }
        for entry in whole.as_array().unwrap() {
            let members: Vec<&str> = entry.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members.len(), 7, "{members:?}");
            assert!(chrono::DateTime::parse_from_rfc3339(entry["at"].as_str().unwrap()).is_ok());
        }
        // A command that is refused changes nothing, and is no entry.
        let before = whole.as_array().unwrap().len();
        assert_eq!(store.try_admin("key create nobody").0, 65);
        assert_eq!(store.admin("audit").as_array().unwrap().len(), before);
        assert_eq!(store.admin("audit --since 1h").as_array().unwrap().len(), before);
        assert_eq!(store.admin("audit --since 0s"), json!([]));
        assert_eq!(store.admin("audit --since 2199-01-01"), json!([]));
        assert_eq!(store.try_admin("audit --since soon").0, 64);
        let (text, _) = store.admin_text(&["audit"]);
        assert!(text.contains("key.create"), "{text}");
    }
}

#[test]
fn requests_of_users_are_recorded_with_their_address_and_refusals_too() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        alice.sync(&[session("s", ACME, vec![message("m", 0)]), session("t", ACME, vec![])]);
        alice.delete("/api/sync/sessions/s");
        alice.delete("/api/sync/tombstones/s");
        store.admin("org set acme --members-may-forget no");
        alice.delete("/api/sync/sessions/t");
        bob.delete("/api/sync/sessions/t");
        let expected = [
            ["alice", "session.forget", "session s", "done"],
            ["alice", "session.restore", "session s", "done"],
            ["alice", "session.forget", "session t in acme", "refused"],
            ["bob", "session.forget", "session t", "done"],
        ];
        assert_eq!(entries(&store, &["session"]), expected.map(|entry| entry.map(str::to_owned)));
        let log = store.admin("audit");
        let of_alice = log.as_array().unwrap().iter().find(|entry| entry["actor"] == "alice").unwrap();
        assert_eq!(of_alice["address"], "127.0.0.1");
    }
}

#[test]
fn refused_authentications_are_one_row_an_address_and_minute_with_a_count() {
    for store in stores() {
        let team = store.create_team();
        let receiver = store.serve_with(&["--trusted-proxy", "127.0.0.0/8"]);
        let from = |address: &str, key: &str| {
            let headers = [("x-forwarded-for", address)];
            receiver.client(key).post("/api/sync", &headers, b"{}").status
        };
        // Within one minute, unless it ends just now.
        for _ in 0..5 {
            assert_eq!(from("192.0.2.1", "han_wrong"), 401);
        }
        assert_eq!(from("192.0.2.2", ""), 401);
        assert_eq!(from("192.0.2.3", &team.alice), 400, "a known key is none");
        let refused = || {
            let log = store.admin("audit");
            let log = log.as_array().unwrap().iter().filter(|entry| entry["outcome"] == "refused");
            log.map(|entry| (entry["address"].as_str().unwrap().to_owned(), entry["count"].as_i64().unwrap()))
                .collect::<Vec<_>>()
        };
        wait_until("the log to hold them", || refused().iter().map(|entry| entry.1).sum::<i64>() == 6);
        let (first, second): (Vec<_>, Vec<_>) =
            refused().into_iter().partition(|entry| entry.0 == "192.0.2.1");
        assert!(first.len() <= 2 && first.iter().map(|entry| entry.1).sum::<i64>() == 5, "{first:?}");
        assert_eq!(second, [("192.0.2.2".to_owned(), 1)]);
        // What is counted and not written yet is written at the end.
        (0..3).for_each(|_| assert_eq!(from("192.0.2.4", "han_wrong"), 401));
        receiver.signal("-TERM");
        wait_until("the receiver to end", || {
            refused().iter().any(|entry| entry.0 == "192.0.2.4" && entry.1 == 3)
        });
        assert!(!store.admin("audit").to_string().contains("han_wrong"));
    }
}

#[test]
fn erased_user_stands_there_by_id_alone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        receiver.client(&team.alice).delete("/api/sync/sessions/s");
        let alice = id(&store, "alice");
        store.admin("erase --user alice --yes");
        let log = entries(&store, &[""]);
        assert!(
            !format!("{log:?}").contains("\"alice\"") && !format!("{log:?}").contains(" alice"),
            "{log:?}"
        );
        assert!(log.iter().any(|entry| entry[0] == alice && entry[1] == "session.forget"), "{log:?}");
        assert!(log.iter().any(|entry| entry[1] == "user.erase" && entry[2] == alice), "{log:?}");
    }
}

#[test]
fn change_of_the_log_is_found() {
    let tampering = [
        "UPDATE audit SET target = 'nothing' WHERE entry = 4",
        "UPDATE audit SET at = at - 1 WHERE entry = 4",
        "UPDATE audit SET actor = NULL WHERE entry = 1",
        "UPDATE audit SET count = count + 1 WHERE entry = 1",
        "DELETE FROM audit WHERE entry = 4",
        "DELETE FROM audit WHERE entry < 4",
        "UPDATE audit SET hash = 'x' WHERE entry = (SELECT max(entry) FROM audit)",
    ];
    for statement in tampering {
        let store = sqlite();
        store.create_team();
        let whole = store.admin("audit --check");
        assert_eq!(whole["faults"], json!([]));
        assert!(whole["entries"].as_i64().unwrap() > 8 && whole["lastHash"].is_string(), "{whole}");
        store.execute(statement);
        let (code, stdout, stderr) = store.try_admin("audit --check");
        assert_eq!(code, 65, "{statement}: {stdout}");
        let found: Value = serde_json::from_str(&stdout).unwrap();
        assert!(!found["faults"].as_array().unwrap().is_empty(), "{statement}");
        assert!(stderr.contains("restore it"), "{stderr}");
    }
}

#[test]
fn no_role_of_the_program_may_change_the_log() {
    let Some(store) = postgres() else { return };
    store.create_team();
    assert_eq!(store.admin("audit --check")["faults"], json!([]));
    for role in ["directory", "request", "operator"] {
        let role = store.role(role);
        for statement in ["UPDATE audit SET target = ''", "DELETE FROM audit", "TRUNCATE audit"] {
            let sql = format!(
                "DO $$ BEGIN SET LOCAL ROLE {role}; {statement}; RAISE EXCEPTION 'it may'; \
                 EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
            );
            store.execute(&sql);
        }
    }
    store.execute(&format!("GRANT DELETE ON audit TO {}", store.role("request")));
    let (code, stdout, _) = store.try_admin("audit --check");
    assert_eq!(code, 65);
    assert!(stdout.contains("may delete the audit log"), "{stdout}");
}

#[test]
fn old_entries_go_and_no_younger_ones() {
    const DAY_US: i64 = 86_400_000_000;
    for store in stores() {
        store.create_team();
        let count = || store.admin("audit").as_array().unwrap().len();
        let all = count();
        // Nothing is old: a start deletes nothing.
        drop(store.serve_with(&["--audit-days", "30"]));
        assert_eq!(count(), all);
        let output = store.admin_text(&["org", "list"]);
        drop(output);
        let receiver = RunningReceiver::try_start(&store.url, &["--audit-days", "29"]);
        assert!(receiver.is_none(), "fewer days than 30 are refused");
        if store.is_postgres() {
            // The function takes no younger ones, whoever asks.
            let operator = store.role("operator");
            let sql =
                format!("BEGIN; SET LOCAL ROLE {operator}; SELECT prune_audit(9000000000000000); COMMIT");
            store.query(&sql);
            assert_eq!(count(), all);
            store.execute(&format!("UPDATE audit SET at = at - 50 * {DAY_US} WHERE action LIKE 'org.%'"));
            let receiver = store.serve_with(&["--audit-days", "40"]);
            wait_until("the old ones to go", || entries(&store, &["org."]).is_empty());
            drop(receiver);
            assert_eq!(entries(&store, &["audit.prune"]).len(), 1);
            continue;
        }
        // The same log, as it will stand 50 days from now, with entries since.
        age_chain(&store, 50 * DAY_US);
        assert_eq!(store.admin("audit --check")["faults"], json!([]));
        store.admin("org create later --name Later");
        let receiver = store.serve_with(&["--audit-days", "40"]);
        wait_until("the old ones to go", || count() == 2);
        drop(receiver);
        let left = entries(&store, &[""]);
        assert_eq!((left[0][1].as_str(), left[1][1].as_str()), ("org.create", "audit.prune"), "{left:?}");
        assert_eq!(store.admin("audit --check")["faults"], json!([]), "it begins at a recorded hash");
        store.execute("DELETE FROM audit WHERE action = 'org.create'");
        assert_eq!(store.try_admin("audit --check").0, 65);
    }
}

/// Makes a chain older, as its entries would be if they had been written then.
fn age_chain(store: &TestStore, by: i64) {
    use sha2::{Digest, Sha256};
    let columns = "entry, at, actor, action, target, address, outcome, count";
    let mut before = String::new();
    for row in store.query(&format!("SELECT {columns} FROM audit ORDER BY entry")) {
        let at = row[1].as_deref().unwrap().parse::<i64>().unwrap() - by;
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        add(&before);
        add(row[0].as_deref().unwrap());
        add(&format!("i{at}"));
        for (column, value) in row.iter().enumerate().skip(2) {
            let kind = if column == 7 { "i" } else { "t" };
            add(&value.as_ref().map(|text| format!("{kind}{text}")).unwrap_or_default());
        }
        before = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let entry = row[0].as_deref().unwrap();
        store.execute(&format!("UPDATE audit SET at = {at}, hash = '{before}' WHERE entry = {entry}"));
    }
}
