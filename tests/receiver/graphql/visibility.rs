//! GraphQL: what each role sees, field by field; pages; limits; and nothing of anybody else's.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

fn ids(connection: &Value) -> Vec<&str> {
    connection["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap()).collect()
}

#[test]
fn a_member_sees_their_own_and_an_admin_all_of_the_organization() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [alice, bob, carol] = [&team.alice, &team.bob, &team.carol].map(|key| receiver.client(key));
        let task = json!({"id": "t", "taskId": "t", "subject": "do", "description": "it", "status": "pending",
                          "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"});
        let whole = with(
            message("m1", 3),
            json!({
            "content": "{\"text\":\"hello\"}", "inputTokens": 1, "outputTokens": 2, "cacheReadTokens": 3,
            "cacheCreationTokens": 4_000_000_000i64, "stream": "agent:a1", "agentId": "a1", "parentId": "m0", "role": "assistant",
            "toolName": "Bash", "model": "opus", "usageId": "u", "linesAdded": 5, "linesRemoved": 6, "filesChanged": 7,
            "gitBranch": "feature/x", "cacheCreation1hTokens": 8}),
        );
        alice.sync(&[
            with(session("of-alice", ACME, vec![whole]), json!({"tasks": [task]})),
            with(
                session("private", "https://github.com/alice/x", vec![message("p", 0)]),
                json!({"inclusion": "personal"}),
            ),
        ]);
        bob.sync(&[session("of-bob", ACME, vec![message("m1", 0)])]);
        let list = "{ sessions { edges { node { id user organization } } } }";
        let mine = alice.graphql_data(list);
        let mut seen = ids(&mine["sessions"]);
        seen.sort_unstable();
        assert_eq!(seen, ["of-alice", "private"]);
        let all = bob.graphql_data(list);
        let mut seen = ids(&all["sessions"]);
        seen.sort_unstable();
        assert_eq!(seen, ["of-alice", "of-bob"]);
        assert!(carol.graphql_data(list)["sessions"]["edges"].as_array().unwrap().is_empty());
        for name in [ACME, "git@github.com:Acme-Corp/API.git", "github.com/acme-corp/api"] {
            let query = format!(r#"{{ sessions(repository: "{name}") {{ edges {{ node {{ id }} }} }} }}"#);
            assert_eq!(ids(&bob.graphql_data(&query)["sessions"]).len(), 2, "{name}");
        }

        let fields = r#"{ session(id: "of-alice") { id repository organization user status slug harness inclusion
            messageCount lastModified tasks { edges { node { id taskId subject description status createdAt updatedAt } } }
            messages { edges { node { id lineNumber stream messageType timestamp contentHash content contentOmitted inputTokens
              outputTokens cacheReadTokens cacheCreationTokens agentId parentId role toolName model usageId linesAdded
              linesRemoved filesChanged gitBranch cacheCreation1hTokens } } } } }"#;
        for client in [alice, bob] {
            let session = client.graphql_data(fields)["session"].clone();
            assert_eq!(session["repository"], ACME);
            assert_eq!((&session["organization"], &session["user"]), (&json!("acme"), &json!("alice")));
            assert_eq!(
                (&session["harness"], &session["inclusion"]),
                (&json!("claude-code"), &json!("organization"))
            );
            assert_eq!((&session["status"], &session["messageCount"]), (&json!("active"), &json!(1)));
            assert_eq!(session["lastModified"], "2025-03-01T12:00:00.000Z");
            assert_eq!(session["tasks"]["edges"][0]["node"]["description"], "it");
            let message = &session["messages"]["edges"][0]["node"];
            assert_eq!(
                message,
                &json!({"id": "m1", "lineNumber": 3, "stream": "agent:a1", "messageType": "assistant",
                    "timestamp": "2025-03-01T00:03:00.000Z", "contentHash": "e3b0c44298fc1c14",
                    "content": "{\"text\":\"hello\"}", "contentOmitted": false, "inputTokens": 1, "outputTokens": 2,
                    "cacheReadTokens": 3, "cacheCreationTokens": 4_000_000_000i64, "agentId": "a1", "parentId": "m0",
                    "role": "assistant", "toolName": "Bash", "model": "opus", "usageId": "u", "linesAdded": 5,
                    "linesRemoved": 6, "filesChanged": 7, "gitBranch": "feature/x", "cacheCreation1hTokens": 8})
            );
        }
        let absent = r#"{ session(id: "of-bob") { messages { edges { node { gitBranch cacheCreation1hTokens } } } } }"#;
        assert_eq!(
            bob.graphql_data(absent)["session"]["messages"]["edges"][0]["node"],
            json!({"gitBranch": null, "cacheCreation1hTokens": null})
        );
        // Members and owners; a member sees themselves.
        let organizations = "{ viewer { login organizations { slug name role } } organizations { slug name owners members { login role } } }";
        let of_bob = bob.graphql_data(organizations);
        assert_eq!(of_bob["organizations"][0]["members"].as_array().unwrap().len(), 3);
        let of_alice = alice.graphql_data(organizations);
        assert_eq!(of_alice["organizations"][0]["members"], json!([{"login": "alice", "role": "member"}]));
        assert_eq!(
            of_alice["viewer"]["organizations"],
            json!([{"slug": "acme", "name": "Acme", "role": "member"}])
        );
        // Filters.
        let count = |client: HttpClient, filter: &str| {
            client.graphql_data(&format!("{{ sessions({filter}) {{ edges {{ node {{ id }} }} }} }}"))["sessions"]["edges"].as_array().unwrap().len()
        };
        assert_eq!(count(bob, r#"user: "alice""#), 1);
        assert_eq!(count(bob, r#"organization: "acme", repository: "git@github.com:Acme-Corp/api.git""#), 2);
        assert_eq!(count(bob, r#"organization: "globex""#), 0);
        assert_eq!(count(alice, r#"user: "bob""#), 0);
        assert_eq!(count(alice, r#"user: "nobody""#), 0);
    }
}

#[test]
fn nothing_of_another_tenants_is_reachable_by_any_id() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [alice, bob, carol] = [&team.alice, &team.bob, &team.carol].map(|key| receiver.client(key));
        let personal = json!({"inclusion": "personal"});
        alice.sync(&[
            session("in-acme", ACME, vec![message("m", 0)]),
            with(session("in-private", "x/y", vec![message("m", 0)]), personal),
        ]);
        let globex =
            store.query("SELECT tenant_id FROM tenants WHERE handle = 'globex'")[0][0].clone().unwrap();
        let acme = store.query("SELECT tenant_id FROM tenants WHERE handle = 'acme'")[0][0].clone().unwrap();
        for (client, id) in [(carol, "in-acme"), (carol, "in-private"), (bob, "in-private")] {
            for query in [
                r#"{ session(id: "ID") { id messages { edges { node { id content } } } tasks { edges { cursor node { id } } } } }"#,
                r#"{ sessions(organization: "ID", first: 5) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }"#,
                r#"{ sessions(user: "alice", repository: "ID") { edges { node { id } } } }"#,
                r#"{ metrics(from: "2000-01-01", to: "2030-01-01", groupBy: [REPOSITORY, USER]) { repository user messages } }"#,
                "{ syncStatus { clientId user lastErrors { sessionId } } }",
            ] {
                // bob is admin of acme and may see that alice's client sends to it.
                if client.key == bob.key && (query.contains("metrics") || query.contains("syncStatus")) {
                    continue;
                }
                let response = client.graphql(&query.replace("ID", id), json!({}));
                let nothing = client.graphql(&query.replace("ID", "no-such-id"), json!({}));
                assert_eq!(response.body, nothing.body, "{query}");
                assert!(response.body["errors"].is_null(), "{}", response.text);
            }
        }
        assert!(
            !bob.graphql_data("{ syncStatus { clientId user lastErrors { sessionId } } }")
                .to_string()
                .contains("in-private")
        );
        for id in ["\\u0000", "' OR ''='", "%", ""] {
            let response = carol.graphql(&format!(r#"{{ session(id: "{id}") {{ id }} sessions(user: "{id}", repository: "{id}", organization: "{id}") {{ edges {{ cursor }} }} }}"#), json!({}));
            assert_eq!(response.body, json!({"data": {"session": null, "sessions": {"edges": []}}}), "{id}");
        }
        // A cursor into another tenant shows only what the reader has anyway.
        let forged: String =
            json!([i64::MAX, "zzzz", acme]).to_string().bytes().map(|byte| format!("{byte:02x}")).collect();
        let page = carol
            .graphql_data(&format!(r#"{{ sessions(after: "{forged}") {{ edges {{ node {{ id }} }} }} }}"#));
        assert_eq!(page["sessions"]["edges"], json!([]));
        // Writing under another's id neither finds nor changes it.
        let response =
            carol.sync(&[with(session("in-acme", GLOBEX, vec![message("m", 9)]), json!({"status": "mine"}))]);
        assert_eq!(response.status, 200);
        let rows = store
            .query("SELECT tenant_id, status FROM sessions WHERE session_id = 'in-acme' ORDER BY status");
        assert_eq!(rows, [[Some(acme), Some("active".to_owned())], [Some(globex), Some("mine".to_owned())]]);
        for path in ["/graphql", "/api/sync"] {
            assert_eq!(receiver.client("").post(path, &[], b"{}").status, 401);
        }
    }
}

#[test]
fn pages_join_without_gap_or_overlap_while_rows_arrive() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let dave = receiver.client(&team.dave);
        for batch in 0..6 {
            let remote = if batch % 2 == 0 { ACME } else { GLOBEX };
            let sessions: Vec<Value> =
                (0..5).map(|n| session(&format!("s{batch}{n}"), remote, vec![])).collect();
            assert_eq!(dave.sync(&sessions).status, 200);
        }
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let response = dave.graphql(
                "query($after: String) { sessions(first: 4, after: $after) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }",
                json!({"after": after}),
            );
            let page = &response.body["data"]["sessions"];
            seen.extend(ids(page).into_iter().map(str::to_owned));
            after = page["pageInfo"]["endCursor"].clone();
            // What is stored or changed meanwhile shifts no page.
            dave.sync(&[
                session("s00", ACME, vec![message(&format!("m{}", seen.len()), 0)]),
                session(&format!("new{}", seen.len()), GLOBEX, vec![]),
            ]);
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (30, 30), "{seen:?}");

        let messages: Vec<Value> = (0..25).map(|n| message(&format!("m{n}"), n / 3)).collect();
        dave.sync(&[session("long", ACME, messages)]);
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let response = dave.graphql(
                "query($after: String) { session(id: \"long\") { messages(first: 7, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } } } }",
                json!({"after": after}),
            );
            let page = &response.body["data"]["session"]["messages"];
            seen.extend(ids(page).into_iter().map(str::to_owned));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(seen.len(), 25);
        assert!(
            dave.graphql("{ sessions(after: \"zz\") { edges { cursor } } }", json!({})).body["errors"]
                .is_array()
        );
    }
}

#[test]
fn who_asks_for_more_than_a_page_gets_a_page_and_how_to_go_on() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let sessions: Vec<Value> = (0..201).map(|n| session(&format!("s{n}"), ACME, vec![])).collect();
    assert_eq!(alice.sync(&sessions).status, 200);
    let page = alice.graphql_data("{ sessions(first: 1000) { edges { cursor } pageInfo { hasNextPage } } }");
    assert_eq!(page["sessions"]["edges"].as_array().unwrap().len(), 200);
    assert_eq!(page["sessions"]["pageInfo"]["hasNextPage"], true);
}

#[test]
fn content_of_any_size_that_is_stored_can_be_read() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let large = json!({"content": "x".repeat(17 << 20)});
        let response = alice.sync(&[session("s", ACME, vec![with(message("a", 0), large), message("b", 1)])]);
        assert_eq!(response.status, 200, "{}", response.text);
        alice.sync(&[session("s", ACME, vec![with(message("b", 1), json!({"content": "y"}))])]);
        let query = |first: u8| {
            format!(
                r#"{{ session(id: "s") {{ messages(first: {first}) {{ edges {{ node {{ content }} }} }} }} }}"#
            )
        };
        let read = alice.graphql_data(&query(1));
        let content = &read["session"]["messages"]["edges"][0]["node"]["content"];
        assert_eq!(content.as_str().map(str::len), Some(17 << 20));
        assert!(alice.graphql(&query(2), json!({})).body["errors"].is_array());
    }
}

#[test]
fn more_rows_cost_no_more_statements() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let bob = receiver.client(&team.bob);
        let sessions: Vec<Value> = (0..40)
            .map(|n| {
                session(
                    &format!("s{n}"),
                    ACME,
                    vec![with(message("a", 0), json!({"content": "x"})), message("b", 1)],
                )
            })
            .collect();
        assert_eq!(bob.sync(&sessions).status, 200);
        let statements = || {
            let text = bob.get("/metrics").text;
            let line = text.lines().find(|line| line.starts_with("han_sync_store_statements_total")).unwrap();
            line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        };
        let cost = |first: u32| {
            let before = statements();
            let query = format!(
                "{{ sessions(first: {first}) {{ edges {{ node {{ id user organization tasks {{ edges {{ node {{ id }} }} }}
                   messages(first: 2) {{ edges {{ node {{ id content }} }} }} }} }} }} organizations {{ members {{ login }} }} }}"
            );
            let response = bob.graphql_data(&query);
            assert_eq!(response["sessions"]["edges"].as_array().unwrap().len(), first as usize);
            statements() - before
        };
        cost(1);
        // A slow machine may gather siblings in two turns instead of one; forty sessions are still no forty statements.
        let (one, forty) = (cost(1), cost(40));
        assert!(forty <= 2 * one, "{one} statements for one session, {forty} for forty");
    }
}

#[test]
fn texts_that_no_store_holds_find_nothing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let bob = receiver.client(&team.bob);
        // `[1,"a\u0000"]` and the like, as a cursor.
        let cursor = |json: &str| json.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sessions = cursor(r#"[9000000000000000,"a\u0000","b\u0000"]"#);
        let messages = cursor(r#"[0,0,"a\u0000"]"#);
        bob.sync(&[session("s", ACME, vec![message("m", 0)])]);
        for query in [
            r#"{ session(id: "a\u0000") { id } }"#.to_owned(),
            r#"{ sessions(organization: "a\u0000") { edges { cursor } } }"#.to_owned(),
            r#"{ sessions(repository: "a\u0000") { edges { cursor } } }"#.to_owned(),
            r#"{ sessions(user: "a\u0000") { edges { cursor } } }"#.to_owned(),
            format!(r#"{{ sessions(after: "{sessions}") {{ edges {{ cursor }} }} }}"#),
            format!(r#"{{ session(id: "s") {{ messages(after: "{messages}") {{ edges {{ cursor }} }} }} }}"#),
        ] {
            bob.graphql_data(&query);
        }
    }
}

#[test]
fn deep_and_costly_questions_are_refused() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let refused = |query: &str| alice.graphql(query, json!({})).body["errors"].is_array();
    assert!(refused(
        "{ sessions(first: 200) { edges { node { messages(first: 200) { edges { node { id content } } } } } } }"
    ));
    let metrics = r#"metrics(from: "2025-01-01", to: "2025-12-31", groupBy: [DAY]) { messages }"#;
    let many = |count: usize| {
        let fields: String = (0..count).map(|n| format!(" m{n}: {metrics}")).collect();
        format!("{{{fields} }}")
    };
    assert!(refused(&many(40)) && !refused(&many(10)));
    // A dashboard's ordinary page.
    assert!(!refused(
        "{ sessions { edges { node { id status messages(first: 100) { edges { node { id lineNumber stream messageType
           timestamp contentHash content role model inputTokens outputTokens linesAdded linesRemoved } } } } } } }"
    ));
    assert!(refused("{ sessions(first: -1) { edges { cursor } } }"));
    let deep = format!("{{ __schema {{ types {{ {}name{} }} }} }}", "ofType { ".repeat(30), " }".repeat(30));
    assert!(refused(&deep));
    // What tools query_data to draw the schema.
    let introspection = "{ __schema { types { fields { args { type { kind ofType { kind ofType { kind ofType { kind ofType { kind name } } } } } } } } } }";
    assert!(!refused(introspection));
    assert_eq!(alice.post("/graphql", &[], &vec![b' '; 100_000]).status, 413);
    assert_eq!(alice.post("/graphql", &[], b"nonsense").status, 400);
}

#[test]
fn a_question_that_grows_without_bound_is_refused_before_it_is_walked_through() {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let chain: String = (0..30)
        .map(|n| format!(" fragment f{n} on Query {{ ...f{m} ...f{m} ...f{m} ...f{m} }}", m = n + 1))
        .collect();
    let exponential = format!("{{ ...f0 }}{chain} fragment f30 on Query {{ viewer {{ id }} }}");
    let circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned();
    for query in [exponential, circle, "{a".repeat(30_000), "{a(x:[".to_owned() + &"[".repeat(60_000)] {
        assert_eq!(alice.graphql(&query, json!({})).status, 400, "{}", &query[..40]);
    }
    let named = "{ ...me } fragment me on Query { viewer { ...login } } fragment login on User { login }";
    assert_eq!(alice.graphql_data(named)["viewer"]["login"], "alice");
}

#[test]
fn sync_status_says_who_is_fresh_idle_overdue_or_failing() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let query = "{ syncStatus { clientId user state lastSeenAt lastSuccessAt sessions messages attempts lastErrors { sessionId code message at } } }";
        let status = |client: HttpClient, id: &str| {
            client.graphql_data(query)["syncStatus"]
                .as_array()
                .unwrap()
                .iter()
                .find(|row| row["clientId"] == id)
                .cloned()
        };
        alice.sync_as("c1", &[session("s", ACME, vec![message("m", 0)])]);
        let fresh = status(alice, "c1").unwrap();
        assert_eq!(fresh["state"], "FRESH");
        assert_eq!(
            (&fresh["sessions"], &fresh["messages"], &fresh["attempts"]),
            (&json!(1), &json!(1), &json!(0))
        );
        assert_eq!(status(bob, "c1").unwrap()["user"], "alice");
        assert!(status(receiver.client(&team.carol), "c1").is_none());
        assert!(status(receiver.client(&team.dave), "c1").is_none(), "a member sees only their own");
        alice
            .sync_as("c1", &[session("refused", GLOBEX, vec![]), session("bad", ACME, vec![message("", 0)])]);
        let failing = status(alice, "c1").unwrap();
        assert_eq!((&failing["state"], &failing["attempts"]), (&json!("FAILING"), &json!(1)));
        assert_eq!(failing["lastErrors"].as_array().unwrap().len(), 2);
        // What has no tenant, or another one, is not the organization's to see.
        assert_eq!(status(bob, "c1").unwrap()["lastErrors"], json!([]));
        alice.sync_as("c1", &[]);
        assert_eq!(status(alice, "c1").unwrap()["state"], "FRESH", "its last batch had no errors");
        alice.sync_as("c1", &[session("s", ACME, vec![])]);
        assert_eq!(status(alice, "c1").unwrap()["state"], "FRESH");
        for (hours, state) in [(1, "IDLE"), (26, "OVERDUE")] {
            store.query(&format!("UPDATE clients SET last_seen_at = last_seen_at - {hours} * 3600000000"));
            assert_eq!(status(alice, "c1").unwrap()["state"], state);
        }
    }
}

#[test]
fn a_batch_that_concerns_others_is_no_success_of_this_organization() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [bob, carol, dave] = [&team.bob, &team.carol, &team.dave].map(|key| receiver.client(key));
        let success = |client: HttpClient| {
            let clients =
                client.graphql_data("{ syncStatus { user lastSeenAt lastSuccessAt } }")["syncStatus"].clone();
            let of_dave = clients.as_array().unwrap().iter().find(|client| client["user"] == "dave").cloned();
            of_dave.map(|client| client["lastSuccessAt"].is_string())
        };
        dave.sync(&[session("g", GLOBEX, vec![])]);
        assert_eq!((success(bob), success(carol), success(dave)), (Some(false), Some(true), Some(true)));
        dave.sync(&[session("nobodys", "https://github.com/nobody/x", vec![])]);
        assert_eq!(success(bob), Some(false), "a rejected session is none of acme's");
        dave.sync(&[session("a", ACME, vec![])]);
        assert_eq!(success(bob), Some(true));
        store.admin("session forget g --user dave");
        store.execute("UPDATE clients SET last_success_at = NULL");
        dave.sync(&[session("g", GLOBEX, vec![])]);
        assert_eq!((success(bob), success(carol)), (Some(false), Some(true)), "FORGOTTEN acknowledges");
        store.execute("UPDATE clients SET last_success_at = NULL");
        dave.sync(&[]);
        assert_eq!((success(bob), success(carol)), (Some(true), Some(true)), "a heartbeat concerns all");
    }
}
