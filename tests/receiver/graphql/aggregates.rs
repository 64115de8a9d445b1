//! Aggregates equal a recount, whatever the order, the batches and the replays; on both stores.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Batches of sessions with rows that share answers, repeat, and come late.
fn batches() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let row = (0..12u8, 0..3i64, 0..5u8, 0..3u8, 0..4u8, 0..100i64, 0..100i64);
    let task = (0..3u8, 0..3u8, 1..4u8);
    let one = (0..4u8, 0..2u8, prop::collection::vec(row, 0..10), prop::collection::vec(task, 0..3));
    let batch = prop::collection::vec(one, 1..4);
    prop::collection::vec(batch, 1..6).prop_map(|batches| {
        batches
            .into_iter()
            .map(|batch| {
                batch
                    .into_iter()
                    .map(|(id, repository, rows, tasks)| {
                        let remote = ["https://github.com/acme-corp/api", "https://github.com/acme-corp/web"];
                        let rows = rows.into_iter().map(|(id, day, usage, model, kind, input, output)| {
                            with(
                                message(&format!("m{id}"), i64::from(id)),
                                json!({
                                    // Without a time of its own, the time of arrival.
                                    "timestamp": if id == 0 { String::new() } else { format!("2025-03-0{}T23:59:00.000Z", day + 1) },
                                    "usageId": (usage > 0).then(|| format!("u{usage}")),
                                    "model": (["", "opus", "<synthetic>"])[usize::from(model)],
                                    "messageType": (["user", "assistant", "tool_use", "han_event"])[usize::from(kind)],
                                    "inputTokens": (input > 10).then_some(input), "outputTokens": output,
                                    "cacheReadTokens": input * 2, "linesAdded": output,
                                }),
                            )
                        });
                        let tasks = tasks.into_iter().map(|(id, status, day)| {
                            json!({
                                "id": format!("t{id}"), "subject": "", "createdAt": "2025-03-01T00:00:00Z",
                                "status": (["pending", "in_progress", "completed"])[usize::from(status)],
                                "updatedAt": format!("2025-03-0{day}T12:00:00Z"),
                            })
                        });
                        let tasks: Vec<Value> = tasks.collect();
                        with(
                            session(&format!("s{id}"), remote[usize::from(repository)], rows.collect()),
                            json!({"tasks": tasks}),
                        )
                    })
                    .collect()
            })
            .collect()
    })
}

#[test]
fn sums_equal_a_recount_after_every_batch() {
    for store in stores() {
        store.create_team();
        let receiver = store.serve();
        let next = std::sync::atomic::AtomicU32::new(0);
        let mut runner =
            TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() });
        let result = runner.run(&batches(), |batches| {
            let login = format!("user{}", next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            store.admin(&format!("user create {login} --org acme"));
            let key = store.key(&login);
            let client = receiver.client(&key);
            // Ids are an organization's: each case has its own.
            let own = |batch: &Vec<Value>| -> Vec<Value> {
                let own = |session: &Value| {
                    with(
                        session.clone(),
                        json!({"id": format!("{login}-{}", session["id"].as_str().unwrap())}),
                    )
                };
                batch.iter().map(own).collect()
            };
            for batch in &batches {
                let response = client.sync(&own(batch));
                prop_assert_eq!(response.status, 200, "{}", response.text);
            }
            let before = store.query("SELECT * FROM metrics ORDER BY 1, 2, 3, 4, 5, 6");
            assert_sums_equal_a_recount(&store);
            for batch in batches.iter().rev() {
                client.sync(&own(batch).into_iter().map(without_tasks).collect::<Vec<_>>());
            }
            let columns = |rows: Vec<Vec<Option<String>>>| -> Vec<Vec<Option<String>>> {
                // A repository goes by the last batch, and they came in another order.
                rows.into_iter()
                    .map(|mut row| {
                        row.remove(6);
                        row
                    })
                    .collect()
            };
            let after = store.query("SELECT * FROM metrics ORDER BY 1, 2, 3, 4, 5, 6");
            prop_assert_eq!(columns(after), columns(before), "a replay changed the sums");
            Ok(())
        });
        result.unwrap();
    }
}

/// Tasks of equal times go by the last arrival, so their order matters.
fn without_tasks(session: Value) -> Value {
    with(session, json!({"tasks": []}))
}

#[test]
fn answer_or_model_without_a_name_is_none() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let row = |id: &str, day: &str, usage: &str, model: &str| {
            let at = format!("{day}T10:00:00Z");
            let members = json!({"timestamp": at, "usageId": usage, "model": model, "inputTokens": 10});
            with(message(id, 0), members)
        };
        let rows = vec![
            row("a", "2025-03-02", "", "opus"),
            row("b", "2025-03-02", "", "opus"),
            // The later row names the answer's model.
            row("c", "2025-03-03", "u", ""),
            row("d", "2025-03-04", "u", "opus"),
        ];
        assert_eq!(receiver.client(&team.alice).sync(&[session("s", ACME, rows)]).status, 200);
        assert_sums_equal_a_recount(&store);
        let sums = store.query(
            "SELECT day - 20149, model, input_tokens FROM metrics WHERE input_tokens > 0 ORDER BY day",
        );
        let sum = |day: &str, tokens: &str| [day, "opus", tokens].map(|text| Some(text.to_owned())).to_vec();
        assert_eq!(sums, [sum("0", "20"), sum("2", "10")]);
    }
}

#[test]
fn sums_that_cannot_be_counted_refuse_the_session_and_nothing_else() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let rows = |from: i64, count: i64| -> Vec<Value> {
            let row =
                |n| with(message(&format!("m{n}"), n % 60), json!({"inputTokens": 9_007_199_254_740_991i64}));
            (from..from + count).map(row).collect()
        };
        let whole =
            alice.sync(&[session("much", ACME, rows(0, 1_100)), session("s", ACME, vec![message("m", 0)])]);
        assert_eq!(whole.codes(), [("much".to_owned(), "VALIDATION_ERROR".to_owned())], "{}", whole.text);
        // Bit by bit it comes to the same.
        assert_eq!(alice.sync(&[session("bits", ACME, rows(0, 500))]).status, 200);
        assert_eq!(alice.sync(&[session("bits", ACME, rows(500, 500))]).codes()[0].1, "VALIDATION_ERROR");
        assert_eq!(
            store.query("SELECT message_count FROM sessions WHERE session_id = 'bits'"),
            [[Some("500".to_owned())]]
        );
        // And over sessions, each of which can be counted, the totals say the largest number that they can.
        for id in ["x", "y"] {
            assert_eq!(bob.sync(&[session(id, ACME, rows(0, 500))]).status, 200);
        }
        let query =
            r#"{ metrics(from: "2025-03-01", to: "2025-03-01", groupBy: []) { messages inputTokens } }"#;
        let total = bob.graphql_data(query)["metrics"][0].clone();
        assert_eq!(total, json!({"messages": 1_501, "inputTokens": i64::MAX}));
    }
}

#[test]
fn metrics_are_the_sums_in_every_grouping() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let answer = |id: &str, line, day: &str, output| {
            with(
                message(id, line),
                json!({"timestamp": format!("{day}T10:00:00Z"), "usageId": "u1", "model": "opus", "inputTokens": 10,
                       "outputTokens": output}),
            )
        };
        let done = json!({"tasks": [{"id": "t", "status": "completed", "createdAt": "2025-03-01T00:00:00Z",
                                     "updatedAt": "2025-03-02T00:00:00Z"}]});
        let rows = vec![
            answer("a", 0, "2025-03-01", 5),
            answer("b", 1, "2025-03-01", 9),
            with(
                message("c", 2),
                json!({
            "messageType": "user", "timestamp": "2025-03-02T00:00:00Z", "linesAdded": 3, "linesRemoved": 1}),
            ),
        ];
        alice.sync(&[with(session("s1", ACME, rows), done)]);
        alice.sync(&[session("s2", ACME, vec![with(message("d", 0), json!({"inputTokens": 1}))])]);
        bob.sync(&[session(
            "s3",
            "https://github.com/acme-corp/web",
            vec![with(message("e", 0), json!({"inputTokens": 100}))],
        )]);
        let query_data = |client: HttpClient, groups: &str| {
            let fields = "organization repository user model type day sessions messages inputTokens outputTokens \
                          linesAdded linesRemoved tasksCompleted";
            client.graphql_data(&format!(
                r#"{{ metrics(from: "2025-03-01", to: "2025-03-31", groupBy: [{groups}]) {{ {fields} }} }}"#
            ))["metrics"]
                .as_array()
                .unwrap()
                .clone()
        };
        let total = &query_data(alice, "")[0];
        assert_eq!(total["sessions"], 3);
        assert_eq!(total["messages"], 5);
        assert_eq!((&total["inputTokens"], &total["outputTokens"]), (&json!(111), &json!(9)));
        assert_eq!(
            (&total["linesAdded"], &total["linesRemoved"], &total["tasksCompleted"]),
            (&json!(3), &json!(1), &json!(1))
        );
        let users: Vec<Value> =
            query_data(bob, "USER").iter().map(|row| json!([row["user"], row["inputTokens"]])).collect();
        assert_eq!(
            json!(users.iter().filter(|row| row[0] == "alice").collect::<Vec<_>>()),
            json!([["alice", 11]])
        );
        // A member learns the organization's totals, and nobody's name but their own.
        let seen: Vec<Value> =
            query_data(alice, "USER").iter().map(|row| json!([row["user"], row["inputTokens"]])).collect();
        assert_eq!(json!(seen), json!([[null, 100], ["alice", 11]]));
        let days: Vec<Value> = query_data(alice, "DAY")
            .iter()
            .map(|row| json!([row["day"], row["messages"], row["sessions"]]))
            .collect();
        assert_eq!(json!(days), json!([["2025-03-01", 4, 3], ["2025-03-02", 1, 1]]));
        let models: Vec<Value> =
            query_data(alice, "MODEL").iter().map(|row| json!([row["model"], row["inputTokens"]])).collect();
        assert_eq!(json!(models), json!([[null, 101], ["opus", 10]]));
        let organizations = query_data(alice, "ORGANIZATION, REPOSITORY");
        assert_eq!(organizations[0]["organization"], "acme");
        assert_eq!(organizations[0]["repository"], ACME);
        assert_eq!(organizations.len(), 2);
    }
}

#[test]
fn rows_that_outlived_their_session_are_stored_and_counted_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = |n: i64| {
            with(message(&format!("m{n}"), n), json!({"usageId": format!("u{n}"), "outputTokens": 10 + n}))
        };
        assert_eq!(alice.sync(&[session("s", ACME, vec![row(0), row(1)])]).status, 200);
        // As no command leaves it: that nothing of a new session is there yet is taken for granted at first.
        store.execute("DELETE FROM session_locations; DELETE FROM sessions");
        let others = session("t", ACME, vec![message("m0", 0)]);
        let response = alice.sync(&[session("s", ACME, vec![row(0), row(1), row(2)]), others]);
        assert_eq!(response.status, 200, "{}", response.text);
        let one = |query: &str| store.query(query)[0][0].clone().unwrap();
        assert_eq!(one("SELECT count(*) FROM messages"), "4");
        assert_eq!(one("SELECT CAST(sum(messages) AS BIGINT) FROM metrics"), "4");
        assert_eq!(one("SELECT CAST(sum(output_tokens) AS BIGINT) FROM metrics"), "33");
        // And where only an answer is, that the session's rows share with it.
        store.execute("DELETE FROM session_locations; DELETE FROM sessions; DELETE FROM messages");
        let response = alice.sync(&[session("s", ACME, vec![row(0), row(3)])]);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(one("SELECT CAST(sum(output_tokens) AS BIGINT) FROM metrics"), "46");
    }
}

#[test]
fn sums_that_went_elsewhere_do_not_use_up_the_rows_of_an_answer() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let row = with(message("m", 0), json!({"outputTokens": 5, "model": "zz"}));
        alice.sync(&[session("s", ACME, vec![row])]);
        store.execute(
            "INSERT INTO metrics SELECT tenant_id, user_id, session_id, day, CAST(n AS TEXT), message_type, repository, \
             0, 0, 0, 0, 0, 0, 0, 0 FROM metrics, (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < 20001) SELECT n FROM numbers) AS numbered",
        );
        let query = r#"{ metrics(from: "2025-01-01", to: "2025-12-31", groupBy: [MODEL]) { model messages outputTokens } }"#;
        let expected = json!([{"model": "zz", "messages": 1, "outputTokens": 5}]);
        assert_eq!(alice.graphql_data(query)["metrics"], expected);
    }
}
