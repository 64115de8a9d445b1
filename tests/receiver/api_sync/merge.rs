//! Merges of what several clients send of one message, session or task, and of the sums; on both stores.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

fn texts(store: &TestStore, query: &str) -> Vec<String> {
    store.query(query).concat().into_iter().map(Option::unwrap_or_default).collect()
}

/// A message as a client sends it that knows the plain protocol alone.
fn bare(id: &str) -> Value {
    json!({"id": id, "lineNumber": 3, "messageType": "assistant", "timestamp": "2025-03-01T10:00:00Z"})
}

/// The members that a bare message lacks.
fn rest() -> Value {
    json!({
        "contentHash": "1111111111111111", "inputTokens": 10, "outputTokens": 20, "cacheReadTokens": 30, "cacheCreationTokens": 40,
        "stream": "agent:a1", "agentId": "a1", "parentId": "p", "role": "assistant", "toolName": "Bash", "model": "opus",
        "usageId": "u", "linesAdded": 5, "linesRemoved": 6, "filesChanged": 7,
    })
}

const MESSAGE_FIELDS: &str = "SELECT stream, agent_id, parent_id, role, tool_name, model, usage_id, input_tokens, output_tokens, \
    cache_read_tokens, cache_creation_tokens, lines_added, lines_removed, files_changed, content_hash FROM messages ORDER BY message_id";

#[test]
fn a_message_of_a_client_that_sends_less_is_completed_and_counted() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let full = |id: &str| with(bare(id), rest());
        let send = |messages: Vec<Value>| {
            let response = alice.sync(&[session("s", ACME, messages)]);
            assert_eq!(response.status, 200, "{}", response.text);
            assert_sums_equal_a_recount(&store);
        };
        send(vec![bare("a"), full("b")]);
        send(vec![full("a"), bare("b")]);
        // Once more in one batch, and a replay.
        send(vec![bare("c"), full("c"), full("d"), bare("d")]);
        let expected = [
            "agent:a1",
            "a1",
            "p",
            "assistant",
            "Bash",
            "opus",
            "u",
            "10",
            "20",
            "30",
            "40",
            "5",
            "6",
            "7",
            "1111111111111111",
        ];
        assert_eq!(texts(&store, MESSAGE_FIELDS), expected.repeat(4));
        let sums = "SELECT model, messages, input_tokens, output_tokens, lines_added FROM metrics WHERE messages > 0";
        assert_eq!(texts(&store, sums), ["opus", "4", "10", "20", "20"]);
        send(vec![bare("a"), full("b"), full("c"), bare("d")]);
        assert_eq!(texts(&store, sums), ["opus", "4", "10", "20", "20"]);
    }
}

#[test]
fn a_usage_id_that_comes_later_turns_the_answers_tokens_to_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = |id: &str, output: i64| with(bare(id), json!({"inputTokens": 100, "outputTokens": output}));
        let named = |id: &str, output: i64| with(row(id, output), json!({"usageId": "u", "model": "opus"}));
        let total = || {
            texts(
                &store,
                "SELECT CAST(sum(input_tokens) AS BIGINT), CAST(sum(output_tokens) AS BIGINT) FROM metrics",
            )
        };
        let send = |messages: Vec<Value>| {
            assert_eq!(alice.sync(&[session("s", ACME, messages)]).status, 200);
            assert_sums_equal_a_recount(&store);
        };
        send(vec![row("a", 5), row("b", 9), row("c", 7)]);
        assert_eq!(total(), ["300", "21"]);
        send(vec![named("a", 5)]);
        assert_eq!(total(), ["300", "21"]);
        send(vec![named("b", 9), named("c", 7)]);
        assert_eq!(total(), ["100", "9"]);
    }
}

#[test]
fn of_two_token_values_the_larger_holds_in_any_order() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = |id: &str, output: Option<i64>| with(bare(id), json!({"outputTokens": output}));
        for (id, values) in [
            ("rises", [Some(3), Some(9), None]),
            ("falls", [Some(9), None, Some(3)]),
            ("late", [None, Some(9), Some(0)]),
        ] {
            for value in values {
                assert_eq!(alice.sync(&[session("s", ACME, vec![row(id, value)])]).status, 200);
            }
        }
        assert_eq!(texts(&store, "SELECT output_tokens FROM messages"), ["9", "9", "9"]);
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn a_time_that_was_missing_is_filled_in() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = |time: &str| with(bare("m"), json!({"timestamp": time, "usageId": "u", "inputTokens": 4}));
        let shown = || {
            let data =
                alice.graphql_data(r#"{ session(id: "s") { messages { edges { node { timestamp } } } } }"#);
            data["session"]["messages"]["edges"][0]["node"]["timestamp"].as_str().unwrap().to_owned()
        };
        assert_eq!(alice.sync(&[session("s", ACME, vec![row("")])]).status, 200);
        let today = chrono::Utc::now().format("%Y").to_string();
        assert!(shown().starts_with(&today), "{}", shown());
        let exported = store.try_admin("session export s").1;
        assert!(exported.contains(&shown()), "{exported}");
        for time in ["2025-03-01T10:00:00Z", "", "2024-01-01T00:00:00Z"] {
            assert_eq!(alice.sync(&[session("s", ACME, vec![row(time)])]).status, 200);
            assert_eq!(shown(), "2025-03-01T10:00:00Z");
            assert_sums_equal_a_recount(&store);
        }
        assert_eq!(
            texts(&store, "SELECT day - 20148, input_tokens FROM metrics WHERE messages > 0"),
            ["0", "4"]
        );
    }
}

#[test]
fn session_and_task_fields_are_kept_from_a_client_that_does_not_send_them() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let at = |day: u8| format!("2025-03-0{day}T00:00:00Z");
        let plain = |id: &str, day: u8, status: &str| {
            json!({"id": id, "projectSlug": "x", "repoRemote": ACME, "status": status, "slug": null, "messages": [], "lastModified": at(day),
                   "tasks": [{"id": "t", "status": status, "createdAt": "", "updatedAt": at(day)}]})
        };
        let ours = |id: &str, day: u8, status: &str| {
            let task = json!([{"id": "t", "subject": "do", "description": "it", "status": status, "createdAt": at(1), "updatedAt": at(day)}]);
            with(session(id, ACME, vec![]), json!({"lastModified": at(day), "status": status, "tasks": task}))
        };
        let send = |session: Value| {
            let response = alice.sync(&[session]);
            assert_eq!(response.status, 200, "{}", response.text);
            assert_sums_equal_a_recount(&store);
        };
        // The plain one before and after, earlier and later, and both in one batch.
        for (id, sessions) in [
            ("first", vec![plain("first", 2, "completed"), ours("first", 1, "pending")]),
            ("last", vec![ours("last", 1, "pending"), plain("last", 2, "completed")]),
        ] {
            for session in &sessions {
                send(session.clone());
            }
            send(sessions[0].clone());
            let fields = format!(
                "SELECT status, slug, harness, inclusion, total_message_count, last_modified FROM sessions WHERE session_id = '{id}'"
            );
            assert_eq!(
                texts(&store, &fields),
                ["completed", &format!("slug of {id}"), "claude-code", "organization", "7", &at(2)]
            );
            let fields = format!(
                "SELECT status, subject, description, updated_at FROM tasks WHERE session_id = '{id}'"
            );
            assert_eq!(texts(&store, &fields), ["completed", "do", "it", &at(2)]);
        }
        let both = alice.sync(&[plain("both", 2, "completed"), ours("both", 1, "pending")]);
        assert_eq!(both.status, 200);
        let fields = "SELECT s.status, s.harness, t.subject, t.status FROM sessions s JOIN tasks t ON t.tenant_id = s.tenant_id AND t.session_id = s.session_id \
                      WHERE s.session_id = 'both'";
        assert_eq!(texts(&store, fields), ["completed", "claude-code", "do", "completed"]);
    }
}

/// Versions of three messages, each of which leaves out some members.
fn versions() -> impl Strategy<Value = Vec<Value>> {
    let version = (0..3u8, any::<u32>(), 0..50i64);
    prop::collection::vec(version, 1..10).prop_map(|versions| {
        let version = |(id, left_out, tokens): (u8, u32, i64)| {
            let mut message = with(bare(&format!("m{id}")), rest());
            message["outputTokens"] = json!(tokens);
            let members = message.as_object_mut().unwrap();
            for (index, name) in rest().as_object().unwrap().keys().enumerate() {
                if left_out & (1 << index) != 0 {
                    members.remove(name);
                }
            }
            message
        };
        versions.into_iter().map(version).collect()
    })
}

#[test]
fn the_order_in_which_versions_come_does_not_matter() {
    for store in stores() {
        store.create_team();
        let receiver = store.serve();
        let next = std::cell::Cell::new(0);
        let mut runner =
            TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        let result = runner.run(&versions(), |versions| {
            let reversed: Vec<Value> = versions.iter().rev().cloned().collect();
            let states: Vec<_> = [(&versions, 1), (&reversed, 1), (&versions, 100)]
                .into_iter()
                .map(|(versions, size)| {
                    // Answers are a user's, sessions an organization's: each order has its own.
                    next.set(next.get() + 1);
                    let login = format!("user{}", next.get());
                    store.admin(&format!("user create {login} --org acme"));
                    let key = store.key(&login);
                    for batch in versions.chunks(size) {
                        let response = receiver.client(&key).sync(&[session(&login, ACME, batch.to_vec())]);
                        assert_eq!(response.status, 200, "{}", response.text);
                    }
                    let of_user = format!("WHERE session_id = '{login}'");
                    let fields = MESSAGE_FIELDS.replace("ORDER", &format!("{of_user} ORDER"));
                    let sums = format!(
                        "SELECT model, messages, input_tokens, output_tokens, cache_read_tokens, lines_added FROM metrics {of_user} \
                         AND (messages > 0 OR output_tokens > 0) ORDER BY 1, 2, 3, 4"
                    );
                    (texts(&store, &fields), texts(&store, &sums))
                })
                .collect();
            prop_assert_eq!(&states[0], &states[1]);
            prop_assert_eq!(&states[0], &states[2]);
            assert_sums_equal_a_recount(&store);
            Ok(())
        });
        result.unwrap();
    }
}
