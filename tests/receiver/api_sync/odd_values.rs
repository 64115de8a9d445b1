//! Values that cannot be stored cost only themselves: they count as absent, and the row and its session are stored.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};

fn texts(store: &TestStore, query: &str) -> Vec<String> {
    store.query(query).concat().into_iter().map(Option::unwrap_or_default).collect()
}

#[test]
fn optional_values_out_of_range_are_stored_as_null() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let long = "x".repeat(1_025);
        let odd = with(
            message("odd", -5),
            json!({"inputTokens": -12, "outputTokens": 1i64 << 60, "cacheReadTokens": 12.5, "cacheCreationTokens": "7",
                   "agentId": "a".repeat(300), "parentId": "p".repeat(257), "model": [], "usageId": "u".repeat(257),
                   "toolName": &long, "role": 5, "stream": "\u{0}".repeat(100), "linesAdded": -1, "filesChanged": null,
                   "contentHash": "h".repeat(300), "contentOmitted": "yes"}),
        );
        let good = with(message("good", 1), json!({"inputTokens": 5, "toolName": "Bash"}));
        let odd = with(
            session("s", ACME, vec![odd, good]),
            json!({"slug": &long, "status": &long, "harness": 7, "totalMessageCount": -1, "inclusion": "odd"}),
        );
        for _ in 0..2 {
            let response = receiver.client(&team.alice).sync(std::slice::from_ref(&odd));
            assert_eq!(response.status, 200, "{}", response.text);
        }
        let fields = "line_number, coalesce(input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, lines_added), \
                      coalesce(agent_id, parent_id, model, usage_id, tool_name, role), stream, content_hash";
        let row = texts(&store, &format!("SELECT {fields} FROM messages WHERE message_id = 'odd'"));
        assert_eq!(row, ["0", "", "", "main", ""]);
        let row = texts(&store, "SELECT input_tokens, tool_name FROM messages WHERE message_id = 'good'");
        assert_eq!(row, ["5", "Bash"]);
        let row = texts(&store, "SELECT status, slug, harness, inclusion, total_message_count FROM sessions");
        assert_eq!(row, ["", "", "", "", ""]);
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn a_time_that_cannot_be_read_is_the_time_of_arrival() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let before = chrono::Utc::now().timestamp_micros();
        let long = format!("2025-03-01T12:00:00.{}Z", "0".repeat(100));
        let times = [json!(""), json!("yesterday"), json!(long), json!(1_740_830_400), Value::Null];
        let messages: Vec<Value> = times
            .iter()
            .enumerate()
            .map(|(n, time)| with(message(&format!("m{n}"), n as i64), json!({"timestamp": time})))
            .collect();
        let task = json!([{"id": "t", "status": "completed", "createdAt": "soon", "updatedAt": ""}]);
        let odd = with(session("s", ACME, messages), json!({"lastModified": "", "tasks": task}));
        let state = || {
            let times = "SELECT s.modified_at, t.changed_at FROM sessions s JOIN tasks t ON t.tenant_id = s.tenant_id AND t.session_id = s.session_id";
            [texts(&store, "SELECT at FROM messages ORDER BY message_id"), texts(&store, times)].concat()
        };
        assert_eq!(receiver.client(&team.alice).sync(std::slice::from_ref(&odd)).status, 200);
        let stored = state();
        assert_eq!(stored.len(), 7);
        assert!(stored.iter().all(|at| at.parse::<i64>().unwrap() >= before), "{stored:?}");
        let created = texts(&store, "SELECT created_at FROM tasks");
        assert!(created[0].starts_with("20"), "{created:?}");
        // A replay arrives later and changes nothing.
        assert_eq!(receiver.client(&team.alice).sync(&[odd]).status, 200);
        assert_eq!(state(), stored);
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn what_must_be_refused_is_refused_for_its_session_alone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let long = "x".repeat(257);
        let task =
            |id: &str| json!({"tasks": [{"id": id, "status": "pending", "createdAt": "", "updatedAt": ""}]});
        let response = receiver.client(&team.alice).sync(&[
            session("id", ACME, vec![message(&long, 0)]),
            session("no id", ACME, vec![message("", 0)]),
            session("no type", ACME, vec![with(message("m", 0), json!({"messageType": null}))]),
            session("long type", ACME, vec![with(message("m", 0), json!({"messageType": &long}))]),
            with(session("task", ACME, vec![]), task(&long)),
            session("good", ACME, vec![message("m", 0)]),
        ]);
        assert_eq!((response.status, &response.body["processed"]), (207, &json!(1)), "{}", response.text);
        let codes = response.codes();
        let refused: Vec<&str> = codes.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(refused, ["id", "no id", "no type", "long type", "task"]);
        assert!(codes.iter().all(|(_, code)| code == "VALIDATION_ERROR"), "{codes:?}");
        assert!(!response.text.contains(&long));
    }
}

#[test]
fn task_texts_are_cut_and_any_status_is_kept() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let text = "é".repeat(200_000);
        let task = |id: &str, status: Value| {
            json!({"id": id, "subject": &text, "description": &text, "status": status, "createdAt": "2025-03-01T00:00:00Z",
                   "updatedAt": "2025-03-01T00:00:00Z"})
        };
        let tasks = json!([task("a", json!("deleted")), task("b", json!("blocked")), task("c", json!(null))]);
        let response =
            receiver.client(&team.alice).sync(&[with(session("s", ACME, vec![]), json!({"tasks": tasks}))]);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(
            texts(&store, "SELECT status FROM tasks ORDER BY task_id"),
            ["deleted", "blocked", "pending"]
        );
        let lengths =
            texts(&store, "SELECT DISTINCT octet_length(subject), octet_length(description) FROM tasks");
        assert_eq!(lengths, ["262144", "262144"]);
    }
}

#[test]
fn an_empty_checksum_counts_as_absent() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        for (status, checksum) in [(200, json!("")), (200, Value::Null), (400, json!("0")), (400, json!(0))] {
            let first =
                json!({"checksum": checksum, "version": "1.0", "clientId": "c", "sessions": []}).to_string();
            let last = format!(r#"{{"version":"1.0","clientId":"c","sessions":[],"checksum":{checksum}}}"#);
            for body in [first, last] {
                assert_eq!(alice.post("/api/sync", &[], body.as_bytes()).status, status, "{body}");
            }
        }
    }
}

#[test]
fn a_placeholder_is_no_model_in_metrics() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = |id: &str, line, model: &str, usage: &str| {
            with(message(id, line), json!({"model": model, "usageId": usage, "inputTokens": 10}))
        };
        let rows = vec![
            row("a", 0, "<synthetic>", "u1"),
            row("b", 1, "opus", "u2"),
            row("c", 2, "<other>", ""),
            // The answer has a model, though its first row has none.
            row("d", 3, "<synthetic>", "u3"),
            row("e", 4, "opus", "u3"),
        ];
        assert_eq!(alice.sync(&[session("s", ACME, rows)]).status, 200);
        assert_sums_equal_a_recount(&store);
        let query = r#"{ metrics(from: "2025-03-01", to: "2025-03-01", groupBy: [MODEL]) { model messages inputTokens } }"#;
        let mut metrics = alice.graphql_data(query)["metrics"].as_array().unwrap().clone();
        metrics.sort_by_key(|row| row["model"].is_null());
        assert_eq!(
            json!(metrics),
            json!([{"model": "opus", "messages": 2, "inputTokens": 20}, {"model": null, "messages": 3, "inputTokens": 20}])
        );
        // The message itself shows what was sent.
        let shown =
            alice.graphql_data(r#"{ session(id: "s") { messages(first: 1) { edges { node { model } } } } }"#);
        assert_eq!(shown["session"]["messages"]["edges"][0]["node"]["model"], "<synthetic>");
    }
}
