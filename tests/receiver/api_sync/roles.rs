//! Each endpoint tried by each party against another's data: without a key, with one that is none, as a stranger, as a member,
//! as an admin of the organization.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

const MARKER: &str = "the-words-of-alice";
/// Ids of alice's sessions, and one that nobody has.
const IDS: [&str; 4] = ["in-acme", "in-private", "gone", "nonsense"];

fn fill(receiver: &RunningReceiver, team: &Team) {
    let row = with(message("m", 0), json!({"content": MARKER, "model": MARKER}));
    let sent = [
        session("in-acme", ACME, vec![row.clone()]),
        with(
            session("in-private", "https://github.com/alice/x", vec![row]),
            json!({"inclusion": "personal"}),
        ),
        session("gone", ACME, vec![]),
    ];
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.sync(&sent).status, 200);
    assert_eq!(alice.delete("/api/sync/sessions/gone").status, 204);
}

/// Every form of a request for digests.
fn digest_requests(ids: &[&str]) -> Vec<Value> {
    let forms = [json!({}), json!({"recount": true}), json!({"hashes": true}), json!({"tombstones": true})];
    forms.into_iter().map(|form| with(json!({"sessions": ids}), form)).collect()
}

/// Every request that deletes.
fn deletions() -> Vec<String> {
    let kinds = ["sessions", "tombstones"].into_iter();
    kinds
        .flat_map(|kind| {
            let by_id = IDS.map(|id| format!("/api/sync/{kind}/{id}"));
            by_id
                .into_iter()
                .chain([format!("/api/sync/{kind}?all=true"), format!("/api/sync/{kind}?repository={ACME}")])
        })
        .collect()
}

fn rows(store: &TestStore) -> Vec<Vec<Vec<Option<String>>>> {
    ["sessions", "messages", "metrics", "session_locations"]
        .map(|table| {
            let mut rows = store.query(&format!("SELECT * FROM {table}"));
            rows.sort();
            rows
        })
        .into()
}

#[test]
fn nobody_reads_or_changes_anothers_sessions_through_any_endpoint() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&receiver, &team);
        let before = rows(&store);
        for (name, key) in [("stranger", &team.carol), ("member", &team.dave), ("admin", &team.bob)] {
            let other = receiver.client(key);
            for (asked, none) in digest_requests(&IDS).iter().zip(digest_requests(&["nonsense"])) {
                let ask =
                    |body: &Value| other.post("/api/sync/digests", &[], body.to_string().as_bytes()).text;
                assert_eq!(ask(asked), ask(&none), "{name}: {asked}");
            }
            let identity = other.get("/api/sync/identity").text;
            assert!(!identity.contains("alice"), "{name}: {identity}");
            for id in IDS {
                let asked = format!(
                    r#"{{ session(id: "{id}") {{ id messages {{ edges {{ node {{ content }} }} }} }} }}"#
                );
                let found = other.graphql_data(&asked)["session"].clone();
                // Of all these the organization's admin may read its own.
                assert_eq!(found.is_null(), !(name == "admin" && id == "in-acme"), "{name}: {id}: {found}");
            }
            let metrics = other.graphql_data(
                r#"{ metrics(from: "2020-01-01", to: "2030-01-01", groupBy: [USER, BRANCH]) { user messages } }"#,
            );
            assert!(name == "admin" || !metrics.to_string().contains("alice"), "{name}: {metrics}");
            let taken = other.sync(&[session("in-acme", ACME, vec![message("n", 9)])]);
            let code = if name == "stranger" { "REPO_NOT_ACCEPTED" } else { "SESSION_CONFLICT" };
            assert_eq!(taken.codes(), [("in-acme".to_owned(), code.to_owned())], "{name}");
            assert!(!taken.text.contains("alice") && !taken.text.contains(MARKER), "{name}: {}", taken.text);
            for path in deletions().iter().filter(|path| path.contains("sessions")) {
                let response = other.delete(path);
                assert_eq!((response.status, response.text.as_str()), (204, ""), "{name}: {path}");
            }
            // What a party forgets in advance is that party's own.
            for path in deletions().iter().filter(|path| path.contains("tombstones")) {
                assert_eq!(other.delete(path).status, 204, "{name}: {path}");
            }
        }
        let user =
            |login: &str| store.query(&format!("SELECT tenant_id FROM tenants WHERE handle = '{login}'"));
        let alice = user("alice")[0][0].clone();
        let mut after = rows(&store);
        after[3].retain(|row| row[0] == alice);
        assert_eq!(after, before);
        let gone = receiver.client(&team.alice).sync(&[session("gone", ACME, vec![])]);
        assert_eq!(gone.codes()[0].1, "FORGOTTEN");
        let log = store.admin("audit").to_string();
        assert!(!log.contains(MARKER) && !log.contains("\"refused\""), "{log}");
        store.admin("audit --check");
    }
}

#[test]
fn who_has_no_key_is_refused_everywhere_and_counted_once_each_time() {
    for store in stores() {
        let team = store.create_team();
        let receiver = store.serve();
        fill(&receiver, &team);
        let before = rows(&store);
        store.admin("user create eve --org acme");
        let revoked = store.admin("key create eve");
        store.admin(&format!("key revoke {}", revoked["id"].as_str().unwrap()));
        let expired = store.admin("key create eve --expires 1s");
        let erased = store.key("eve");
        let is_over = |key: &Value| {
            receiver.client(key["key"].as_str().unwrap()).get("/api/sync/identity").status == 401
        };
        let mut tried = 0;
        wait_until("the key to expire", || {
            let refused = is_over(&expired);
            tried += usize::from(refused);
            refused
        });
        store.admin("erase --user eve --yes");
        for key in
            ["", "han_none", revoked["key"].as_str().unwrap(), expired["key"].as_str().unwrap(), &erased]
        {
            let nobody = receiver.client(key);
            let mut answers = vec![
                nobody.sync(&[session("in-acme", ACME, vec![])]),
                nobody.get("/api/sync/identity"),
                nobody.graphql("{ viewer { login } }", json!({})),
                nobody.get("/metrics"),
            ];
            answers.extend(
                digest_requests(&IDS)
                    .iter()
                    .map(|body| nobody.post("/api/sync/digests", &[], body.to_string().as_bytes())),
            );
            // A few, because an address may guess only so often a minute.
            answers.extend(deletions().iter().step_by(5).map(|path| nobody.delete(path)));
            for answer in answers {
                assert_eq!(answer.status, 401, "{}", answer.text);
                assert!(!answer.text.contains("alice") && !answer.text.contains(MARKER), "{}", answer.text);
                tried += 1;
            }
        }
        assert_eq!(rows(&store), before);
        let counted = || {
            let log = store.admin("audit");
            let refused = log.as_array().unwrap().iter().filter(|entry| entry["outcome"] == "refused");
            refused.map(|entry| entry["count"].as_u64().unwrap() as usize).sum::<usize>()
        };
        wait_until("the log to hold them", || counted() >= tried);
        assert_eq!(counted(), tried);
        let log = store.admin("audit");
        let refused: Vec<&Value> =
            log.as_array().unwrap().iter().filter(|entry| entry["outcome"] == "refused").collect();
        for entry in &refused {
            assert_eq!(
                (&entry["actor"], &entry["action"]),
                (&Value::Null, &json!("authentication")),
                "{entry}"
            );
        }
        assert!(refused.len() <= 3, "one row an address and minute: {refused:?}");
        for word in [MARKER, "han_none", &erased, "in-private"] {
            assert!(!log.to_string().contains(word), "{word}");
        }
    }
}
