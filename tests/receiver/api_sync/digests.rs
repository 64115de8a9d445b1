//! `POST /api/sync/digests`, and the count of stored batches in the identity.

use crate::support::recount::{assert_sums_equal_a_recount, message_hash};
use crate::support::running_receiver::*;
use serde_json::{Value, json};

const DIGESTS: &str = "/api/sync/digests";

fn ask(client: &HttpClient, body: Value) -> HttpResponse {
    client.post(DIGESTS, &[], body.to_string().as_bytes())
}

fn asked(client: &HttpClient, body: Value) -> Value {
    let response = ask(client, body);
    assert_eq!(response.status, 200, "{}", response.text);
    response.body
}

/// The digest of these messages, as the response has it.
fn digest(session: &str, messages: &[&str]) -> Value {
    let sum = messages.iter().fold(0u64, |sum, id| sum.wrapping_add(message_hash(id)));
    json!({"id": session, "messages": messages.len(), "digest": format!("{sum:016x}")})
}

/// Asks for a session by its kept digest and by a recount, which agree.
#[track_caller]
fn assert_digest(client: &HttpClient, session: &str, messages: &[&str]) {
    for recount in [false, true] {
        let body = asked(client, json!({"sessions": [session], "recount": recount}));
        assert_eq!(body, json!({"sessions": [digest(session, messages)]}), "recount {recount}");
    }
}

#[test]
fn digests_follow_every_change_of_the_stored_messages() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let personal = json!({"inclusion": "personal"});
        let sent = |ids: &[&str]| {
            let messages = ids.iter().enumerate().map(|(line, id)| message(id, line as i64)).collect();
            with(session("s", "https://github.com/alice/x", messages), personal.clone())
        };
        alice.sync(&[sent(&["m1", "m2"])]);
        assert_digest(&alice, "s", &["m1", "m2"]);
        alice.sync(&[sent(&["m1", "m2"])]);
        assert_digest(&alice, "s", &["m1", "m2"]);
        // Together with other fields, and alone.
        alice.sync(&[with(
            sent(&["m2", "m3"]),
            json!({"status": "done", "lastModified": "2025-04-01T00:00:00Z"}),
        )]);
        alice.sync(&[sent(&["m4"])]);
        assert_digest(&alice, "s", &["m1", "m2", "m3", "m4"]);
        store.admin("owner add acme github.com/alice");
        store.admin("account remove alice github.com/alice");
        store.admin("session move s --user alice --to acme");
        assert_digest(&alice, "s", &["m1", "m2", "m3", "m4"]);
        assert_sums_equal_a_recount(&store);
        store.admin("session forget s --user alice");
        assert_eq!(
            asked(&alice, json!({"sessions": ["s", "t"]})),
            json!({"sessions": [], "forgotten": ["s"]})
        );
    }
}

#[test]
fn a_pruned_session_has_the_digest_of_what_is_left_and_says_since_when() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let aged = |id: &str, days: i64| {
            let at = chrono::Utc::now() - chrono::Duration::days(days);
            with(message(id, 0), json!({"timestamp": at.to_rfc3339()}))
        };
        let old = json!({"lastModified": "2020-01-01T00:00:00Z"});
        alice.sync(&[
            session("mixed", ACME, vec![aged("old", 500), aged("young", 5)]),
            with(session("gone", ACME, vec![aged("a", 500)]), old),
            session("other", ACME, vec![aged("b", 5)]),
        ]);
        let since = &store.admin("prune --older-than 400d --org acme")["retainedSince"];
        for recount in [false, true] {
            let body = asked(&alice, json!({"sessions": ["other", "gone", "mixed"], "recount": recount}));
            assert_eq!(
                body,
                json!({"sessions": [digest("mixed", &["young"]), digest("other", &["b"])],
                       "retainedSince": {"gone": since, "mixed": since, "other": since}})
            );
        }
        assert_sums_equal_a_recount_of_digests(&store);
    }
}

/// The digests alone: the sums of pruned days stay.
fn assert_sums_equal_a_recount_of_digests(store: &TestStore) {
    let (code, stdout, stderr) = store.try_admin("check");
    assert_eq!(code, 0, "{stdout} {stderr}");
}

#[test]
fn nobody_learns_of_another_users_sessions() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let private =
            with(session("p", "/home/x", vec![message("m", 0)]), json!({"inclusion": "forced_include"}));
        alice.sync(&[
            session("s", ACME, vec![message("m", 0)]),
            session("f", ACME, vec![message("m", 0)]),
            private,
        ]);
        store.admin("session forget f --user alice");
        // An admin of the organization, another member, a stranger.
        for key in [&team.bob, &team.dave, &team.carol] {
            for body in [json!({"recount": true}), json!({"recount": false}), json!({"hashes": true})] {
                let answer =
                    asked(&receiver.client(key), with(body, json!({"sessions": ["s", "f", "p", "x"]})));
                assert_eq!(answer, json!({"sessions": []}));
            }
        }
        // Of the same id each has their own, and a member who left has none there.
        let own =
            with(session("p", "/home/y", vec![message("n", 0)]), json!({"inclusion": "forced_include"}));
        receiver.client(&team.bob).sync(&[own]);
        assert_digest(&receiver.client(&team.bob), "p", &["n"]);
        assert_digest(&alice, "p", &["m"]);
        store.admin("member remove acme alice");
        assert_eq!(asked(&alice, json!({"sessions": ["s"], "recount": true})), json!({"sessions": []}));
    }
}

#[test]
fn requests_are_bounded_and_authenticated_like_any_other() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let ids = |count: usize| (0..count).map(|n| format!("{n:036}")).collect::<Vec<_>>();
        assert_eq!(asked(&alice, json!({"sessions": ids(1_000)})), json!({"sessions": []}));
        assert_eq!(asked(&alice, json!({"sessions": []})), json!({"sessions": []}));
        assert_eq!(ask(&alice, json!({"sessions": ids(1_001)})).status, 400);
        for body in
            [json!({}), json!([]), json!({"sessions": [1]}), json!({"sessions": ["s"], "recount": "yes"})]
        {
            let response = ask(&alice, body);
            assert_eq!(response.status, 400, "{}", response.text);
            assert!(response.body["error"].is_string() && response.body["requestId"].is_string());
        }
        assert_eq!(alice.post(DIGESTS, &[], &vec![b' '; 2 << 20]).status, 413);
        assert_eq!(alice.post(DIGESTS, &[], "[".repeat(1_000).as_bytes()).status, 400);
        assert_eq!(alice.get(DIGESTS).status, 405);
        assert_eq!(ask(&receiver.client("han_wrong"), json!({"sessions": []})).status, 401);
        let compressed = gzip(json!({"sessions": ["x"]}).to_string().as_bytes());
        let response = alice.post("/api/sync/digests/", &[("content-encoding", "gzip")], &compressed);
        assert_eq!(response.status, 200, "{}", response.text);
    }
}

#[test]
fn a_recount_reads_the_rows_and_lists_their_hashes_if_asked() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let long: Vec<String> = (0..4_001).map(|n| format!("long {n}")).collect();
        let messages = |ids: &[String]| ids.iter().map(|id| message(id, 0)).collect();
        alice.sync(&[
            session("s", ACME, vec![message("m1", 0), message("m2", 1)]),
            session("long", ACME, messages(&long)),
        ]);
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        assert_digest(&alice, "long", &long);
        store.execute("DELETE FROM messages WHERE message_id = 'm1'");
        assert_eq!(asked(&alice, json!({"sessions": ["s"]}))["sessions"][0], digest("s", &["m1", "m2"]));
        let recounted = asked(&alice, json!({"sessions": ["s"], "recount": true}));
        assert_eq!(recounted["sessions"][0], digest("s", &["m2"]));
        let listed = asked(&alice, json!({"sessions": ["s"], "hashes": true}));
        let hashes = json!({"hashes": [format!("{:016x}", message_hash("m2"))]});
        assert_eq!(listed["sessions"][0], with(digest("s", &["m2"]), hashes));
        store.execute("UPDATE sessions SET digest = 1, message_count = 7 WHERE session_id = 's'");
        assert_eq!(
            asked(&alice, json!({"sessions": ["s"], "recount": true}))["sessions"][0],
            digest("s", &["m2"])
        );
    }
}

#[test]
fn stored_batches_are_counted_for_each_client() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let stored = |key: &str, client: &str| {
            let request = agent()
                .get(format!("{}/api/sync/identity", receiver.base))
                .header("authorization", format!("Bearer {key}"))
                .header("x-han-client-id", client);
            let text = request.call().unwrap().body_mut().read_to_string().unwrap();
            serde_json::from_str::<Value>(&text).unwrap()["storedBatches"].clone()
        };
        let alice = receiver.client(&team.alice);
        assert_eq!(stored(&team.alice, "one"), Value::Null);
        alice.sync_as("one", &[]);
        assert_eq!(stored(&team.alice, "one"), json!(0), "a heartbeat makes a record and is no batch");
        let acme = session("s", ACME, vec![message("m", 0)]);
        let foreign = session("x", "https://github.com/globex/web", vec![message("m", 0)]);
        alice.sync_as("one", std::slice::from_ref(&acme));
        assert_eq!(stored(&team.alice, "one"), json!(1));
        alice.sync_as("one", &[acme.clone(), foreign.clone()]);
        assert_eq!(stored(&team.alice, "one"), json!(2), "a replay counts, since it is acknowledged");
        assert_eq!(alice.sync_as("one", &[foreign]).status, 422);
        assert_eq!(stored(&team.alice, "one"), json!(2), "nothing of it was stored");
        alice.sync_as("two", std::slice::from_ref(&acme));
        assert_eq!((stored(&team.alice, "one"), stored(&team.alice, "two")), (json!(2), json!(1)));
        assert_eq!(stored(&team.bob, "one"), Value::Null, "another user's client");
        assert!(alice.get("/api/sync/identity").body["storedBatches"].is_null());
        store.execute("DELETE FROM clients WHERE client_id = 'one'");
        assert_eq!(stored(&team.alice, "one"), Value::Null);
    }
}
