//! Aggregates equal a recount, whatever the order, the batches and the replays; on both stores.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Batches of sessions with rows that share answers, repeat, and come late.
fn batches() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let row = (0..12u8, 0..3i64, 0..5u8, 0..3u8, 0..4u8, 0..3u8, 0..100i64, 0..100i64);
    let task = (0..3u8, 0..3u8, 1..4u8);
    let one = (0..4u8, 0..2u8, 0..3i64, prop::collection::vec(row, 0..10), prop::collection::vec(task, 0..3));
    let batch = prop::collection::vec(one, 1..4);
    prop::collection::vec(batch, 1..6).prop_map(|batches| {
        batches
            .into_iter()
            .map(|batch| {
                batch
                    .into_iter()
                    .map(|(id, repository, request, rows, tasks)| {
                        let remote = ["https://github.com/acme-corp/api", "https://github.com/acme-corp/web"];
                        let rows = rows.into_iter().map(|(id, day, usage, model, kind, branch, input, output)| {
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
                                    "cacheCreationTokens": output, "cacheCreation1hTokens": (output > 50).then_some(output / 2),
                                    "gitBranch": (branch > 0).then(|| format!("feature/{branch}")),
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
                            json!({"tasks": tasks, "prNumber": (request > 0).then_some(request)}),
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
            let before = store.query("SELECT * FROM metrics ORDER BY 1, 2, 3, 4, 5, 6, 7");
            assert_sums_equal_a_recount(&store);
            for batch in batches.iter().rev() {
                client.sync(&own(batch).into_iter().map(without_tasks).collect::<Vec<_>>());
            }
            let columns = |rows: Vec<Vec<Option<String>>>| -> Vec<Vec<Option<String>>> {
                // Repository and pull request go by the last batch, and they came in another order.
                rows.into_iter()
                    .map(|mut row| {
                        row.drain(7..9);
                        row
                    })
                    .collect()
            };
            let after = store.query("SELECT * FROM metrics ORDER BY 1, 2, 3, 4, 5, 6, 7");
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
        let of_row = &store.query("SELECT tenant_id, user_id, day FROM metrics")[0];
        let [Some(tenant), Some(user), Some(day)] = &of_row[..] else { panic!("{of_row:?}") };
        store.execute(&format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20001) \
             INSERT INTO metrics (tenant_id, user_id, session_id, day, model, message_type, branch, repository, pull_request, messages, \
             input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, lines_added, lines_removed, \
             tasks_completed) SELECT '{tenant}', '{user}', 's', {day}, CAST(n AS TEXT), 'assistant', '', '{ACME}', 0, \
             0, 0, 0, 0, 0, 0, 0, 0, 0 FROM numbers"
        ));
        let query = r#"{ metrics(from: "2025-01-01", to: "2025-12-31", groupBy: [MODEL]) { model messages outputTokens } }"#;
        let expected = json!([{"model": "zz", "messages": 1, "outputTokens": 5}]);
        assert_eq!(alice.graphql_data(query)["metrics"], expected);
    }
}

/// Two users' work on two branches and two pull requests.
fn send_work(receiver: &RunningReceiver, team: &Team) {
    let row = |id: &str, line, branch: &str, members: Value| {
        let members = with(json!({"gitBranch": branch, "model": "opus", "outputTokens": 10}), members);
        with(message(id, line), members)
    };
    let one_hour = json!({"cacheCreationTokens": 9, "cacheCreation1hTokens": 4});
    let alice = vec![
        // An answer whose first row is on main.
        row("a", 0, "main", json!({"usageId": "u"})),
        row("b", 1, "feature/x", json!({"usageId": "u", "outputTokens": 30})),
        row("c", 2, "feature/x", one_hour),
    ];
    let url = "https://github.com/acme-corp/api/pull/7";
    let request = json!({"prNumber": 7, "prUrl": format!("{}?token=x", url.replace("//", "//alice:pw@")), "teamName": "core"});
    let response = receiver.client(&team.alice).sync(&[
        with(session("s1", ACME, alice), request),
        session("s2", ACME, vec![row("d", 0, "main", json!({"model": "haiku"}))]),
    ]);
    assert_eq!(response.status, 200, "{}", response.text);
    let web = "https://github.com/acme-corp/web";
    let response = receiver.client(&team.bob).sync(&[
        with(session("s3", web, vec![row("e", 0, "feature/x", json!({}))]), json!({"prNumber": 7})),
        // Of another repository: no number of this one.
        with(
            session("s4", web, vec![row("f", 0, "feature/x", json!({}))]),
            json!({"prNumber": 9, "prUrl": url}),
        ),
    ]);
    assert_eq!(response.status, 200, "{}", response.text);
}

/// Rows of `metrics` with these arguments, by these fields.
fn metrics(client: &HttpClient, arguments: &str, fields: &str) -> Value {
    let query = format!(r#"{{ metrics(from: "2025-03-01", to: "2025-03-31", {arguments}) {{ {fields} }} }}"#);
    let rows = client.graphql_data(&query)["metrics"].clone();
    let values =
        |row: &Value| Value::from(fields.split(' ').map(|field| row[field].clone()).collect::<Vec<_>>());
    rows.as_array().unwrap().iter().map(values).collect()
}

#[test]
fn branches_and_pull_requests_are_groups_and_filters() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        send_work(&receiver, &team);
        assert_sums_equal_a_recount_but_for_foreign_requests(&store);
        let bob = &receiver.client(&team.bob);
        let by_branch = metrics(bob, "groupBy: [BRANCH]", "branch messages outputTokens sessions");
        // The answer of 30 tokens counts on main, where it began; each message counts on its own branch.
        assert_eq!(by_branch, json!([["feature/x", 4, 30, 3], ["main", 2, 40, 2]]));
        let by_request = metrics(bob, "groupBy: [PULL_REQUEST]", "repository pullRequest messages");
        let (api, web) = (ACME, "https://github.com/acme-corp/web");
        assert_eq!(by_request, json!([[api, null, 1], [api, 7, 3], [web, null, 1], [web, 7, 1]]));
        let tokens = "cacheCreationTokens cacheCreation1hTokens";
        assert_eq!(metrics(bob, "groupBy: []", tokens), json!([[9, 4]]));
        for (filter, messages) in [
            (r#"branch: "feature/x""#, 4),
            (r#"branch: "feature""#, 0),
            ("pr: 7", 4),
            (r#"pr: 7, repository: "git@github.com:acme-corp/api.git""#, 3),
            ("pr: 9", 0),
            (r#"model: "haiku""#, 1),
            (r#"user: "alice""#, 4),
            (r#"user: "alice", branch: "main", model: "opus""#, 1),
            (r#"user: "nobody""#, 0),
            (r#"organization: "acme""#, 6),
            (r#"organization: "globex""#, 0),
            (r#"repository: "acme-corp/web""#, 0),
            (r#"repository: "github.com/acme-corp/web""#, 2),
        ] {
            let found = metrics(bob, &format!("{filter}, groupBy: []"), "messages");
            assert_eq!(found, json!([[messages]]), "{filter}");
        }
        let (found, session) = (
            |filter: &str| {
                let query = format!("{{ sessions({filter}) {{ edges {{ node {{ id }} }} }} }}");
                let edges = bob.graphql_data(&query)["sessions"]["edges"].clone();
                let mut ids: Vec<String> =
                    edges.as_array().unwrap().iter().map(|edge| edge["node"]["id"].to_string()).collect();
                ids.sort_unstable();
                ids.join(" ").replace('"', "")
            },
            bob.graphql_data(r#"{ session(id: "s1") { prNumber prUrl teamName } }"#)["session"].clone(),
        );
        assert_eq!(
            session,
            json!({"prNumber": 7, "prUrl": "https://github.com/acme-corp/api/pull/7", "teamName": "core"})
        );
        assert_eq!(found(r#"branch: "main""#), "s1 s2");
        assert_eq!(found(r#"branch: "feature/x", user: "bob""#), "s3 s4");
        assert_eq!(
            (found("pr: 7"), found("pr: 9"), found("pr: 8")),
            ("s1 s3".into(), "s4".into(), String::new())
        );
    }
}

/// Sums equal a recount, and the one pull request of another repository counts nowhere.
fn assert_sums_equal_a_recount_but_for_foreign_requests(store: &TestStore) {
    let foreign = store.query("SELECT DISTINCT pull_request FROM metrics WHERE session_id = 's4'");
    assert_eq!(foreign, [[Some("0".to_owned())]]);
    store.execute("UPDATE metrics SET pull_request = 9 WHERE session_id = 's4'");
    assert_sums_equal_a_recount(store);
    store.execute("UPDATE metrics SET pull_request = 0 WHERE session_id = 's4'");
}

#[test]
fn branches_and_pull_requests_tell_a_member_of_their_own_work_alone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        send_work(&receiver, &team);
        let (alice, carol) = (&receiver.client(&team.alice), &receiver.client(&team.carol));
        assert_eq!(metrics(alice, "groupBy: []", "messages"), json!([[6]]), "the organization's total");
        for (arguments, fields, own) in [
            ("groupBy: [BRANCH]", "branch messages", json!([["feature/x", 2], ["main", 2]])),
            ("groupBy: [PULL_REQUEST]", "pullRequest messages", json!([[null, 1], [7, 3]])),
            (r#"branch: "feature/x", groupBy: []"#, "messages", json!([[2]])),
            ("pr: 7, groupBy: []", "messages", json!([[3]])),
            (r#"user: "alice", groupBy: []"#, "messages", json!([[4]])),
            // Another person, and one whom nobody knows.
            (r#"user: "bob", groupBy: []"#, "messages", json!([[0]])),
            (r#"user: "nobody", groupBy: []"#, "messages", json!([[0]])),
            (r#"user: "bob", branch: "feature/x", groupBy: [USER]"#, "user messages", json!([])),
        ] {
            assert_eq!(metrics(alice, arguments, fields), own, "{arguments}");
        }
        assert_eq!(metrics(carol, "groupBy: [BRANCH]", "branch"), json!([]), "of another organization");
        let sessions = alice.graphql_data(r#"{ sessions(branch: "feature/x") { edges { node { id } } } }"#);
        assert_eq!(sessions["sessions"]["edges"], json!([{"node": {"id": "s1"}}]));
    }
}

#[test]
fn labels_of_a_session_follow_its_latest_version_and_absent_ones_are_filled_in() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let at = |minute: u8| json!({"lastModified": format!("2025-03-01T12:{minute:02}:00.000Z")});
        let send = |minute, members: Value| {
            let response =
                alice.sync(&[with(with(session("s", ACME, vec![message("m", 0)]), at(minute)), members)]);
            assert_eq!(response.status, 200, "{}", response.text);
        };
        let url = "https://github.com/acme-corp/api/pull/";
        let stored = || {
            let labels =
                alice.graphql_data(r#"{ session(id: "s") { prNumber prUrl teamName } }"#)["session"].clone();
            let counted = store.query("SELECT DISTINCT pull_request FROM metrics")[0][0].clone().unwrap();
            (labels["prNumber"].clone(), labels["prUrl"].clone(), labels["teamName"].clone(), counted)
        };
        send(1, json!({}));
        assert_eq!(stored(), (Value::Null, Value::Null, Value::Null, "0".to_owned()));
        send(0, json!({"prNumber": 7, "prUrl": format!("{url}7"), "teamName": "core"}));
        assert_eq!(
            stored(),
            (json!(7), json!(format!("{url}7")), json!("core"), "7".to_owned()),
            "filled in"
        );
        send(2, json!({"prNumber": 8}));
        assert_eq!(
            stored(),
            (json!(8), Value::Null, json!("core"), "8".to_owned()),
            "another's address is not its own"
        );
        send(1, json!({"prNumber": 9, "teamName": "web"}));
        assert_eq!(stored().0, json!(8), "an earlier version");
        for odd in [
            json!({"prNumber": -1}),
            json!({"prNumber": "x"}),
            json!({"prNumber": 0}),
            json!({"prNumber": 1.5}),
        ] {
            send(3, odd);
            assert_eq!(stored().0, json!(8));
        }
        send(4, json!({"prNumber": 8, "prUrl": "javascript:alert(1)", "teamName": "t\u{0}"}));
        assert_eq!(stored(), (json!(8), Value::Null, json!("t\u{fffd}"), "8".to_owned()));
        assert_sums_equal_a_recount(&store);
        let exported = store.try_admin("session export s").1;
        let exported: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
        assert_eq!(exported["session"]["prNumber"], 8, "{exported}");
        store.admin("session move s --user alice --private");
        assert_eq!(stored().0, json!(8), "a moved session keeps them");
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn a_branch_that_comes_later_counts_as_if_it_had_come_first() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let rows = |branch: Option<&str>| -> Vec<Value> {
            let row = |line: i64| {
                let id = format!("m{line}");
                with(message(&id, line), json!({"usageId": "u", "outputTokens": 5, "gitBranch": branch}))
            };
            (0..3).map(row).collect()
        };
        for branch in [None, Some("main"), Some("other")] {
            assert_eq!(alice.sync(&[session("s", ACME, rows(branch))]).status, 200);
            assert_sums_equal_a_recount(&store);
        }
        let by_branch = metrics(&alice, "groupBy: [BRANCH]", "branch messages outputTokens");
        assert_eq!(by_branch, json!([["main", 3, 5]]), "the first one that was named");
    }
}
