//! Bounds of GraphQL queries: pages, memory, concurrency, deadlines; and batches beside slow queries.

use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Nodes of all pages of a connection; `page` reads the one after a cursor.
fn all_pages(page: impl Fn(&Value) -> Value) -> Vec<Value> {
    let (mut nodes, mut after) = (Vec::new(), Value::Null);
    loop {
        let found = page(&after);
        let edges = found["edges"].as_array().unwrap_or_else(|| panic!("{found}"));
        nodes.extend(edges.iter().map(|edge| edge["node"].clone()));
        if found["pageInfo"]["hasNextPage"] == false {
            return nodes;
        }
        after = found["pageInfo"]["endCursor"].clone();
    }
}

#[test]
fn tasks_come_in_pages_that_join() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let task = |n: usize| {
            json!({"id": format!("t{n:02}"), "subject": "x", "status": "pending",
                   "createdAt": format!("2025-03-01T00:0{}:00Z", n % 3), "updatedAt": "2025-03-01T00:00:00Z"})
        };
        let tasks: Vec<Value> = (0..60).map(task).collect();
        for id in ["s", "other"] {
            let response = alice.sync(&[with(session(id, ACME, vec![]), json!({"tasks": tasks}))]);
            assert_eq!(response.status, 200);
        }
        let query = "query($after: String) { session(id: \"s\") { tasks(first: 7, after: $after) { \
                     edges { node { id } } pageInfo { hasNextPage endCursor } } } }";
        let nodes = all_pages(|after| {
            alice.graphql(query, json!({"after": after})).body["data"]["session"]["tasks"].clone()
        });
        let mut ids: Vec<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(&ids[..2], ["t00", "t03"], "in order of creation");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((nodes.len(), ids.len()), (60, 60));
        let default = alice.graphql_data("{ session(id: \"s\") { tasks { edges { cursor } } } }");
        assert_eq!(default["session"]["tasks"]["edges"].as_array().unwrap().len(), 50);
        for arguments in ["after: \"zz\"", "first: -1"] {
            let query = format!("{{ session(id: \"s\") {{ tasks({arguments}) {{ edges {{ cursor }} }} }} }}");
            assert!(alice.graphql(&query, json!({})).body["errors"].is_array(), "{arguments}");
        }
    }
}

/// Copies the one client of a store: so many that were seen long ago, the first one longest ago.
fn copy_clients(store: &TestStore, copies: usize) {
    for row in store.query("SELECT tenant_id, user_id FROM clients WHERE client_id = 'client-1'") {
        let [Some(tenant), Some(user)] = &row[..] else { panic!("{row:?}") };
        store.execute(&format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {copies}) \
             INSERT INTO clients (tenant_id, user_id, client_id, last_seen_at, sessions, messages, attempts, last_errors) \
             SELECT '{tenant}', '{user}', 'old-' || CAST(100000 + n AS TEXT), n, 0, 0, 0, '[]' FROM numbers"
        ));
    }
}

#[test]
fn clients_of_one_user_are_bounded_and_listed_in_pages() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        assert_eq!(alice.sync(&[]).status, 200);
        copy_clients(&store, 999);
        assert_eq!(bob.sync(&[]).status, 200);
        let counts = "SELECT count(*) FROM clients GROUP BY tenant_id, user_id ORDER BY 1 DESC LIMIT 2";
        let thousand = [[Some("1000".to_owned())], [Some("1000".to_owned())]];
        assert_eq!(store.query(counts), thousand);
        for client in ["new-1", "new-2"] {
            assert_eq!(alice.sync_as(client, &[]).status, 200);
        }
        assert_eq!(store.query(counts), thousand);
        let gone = "SELECT client_id FROM clients WHERE client_id IN ('old-100001', 'old-100002')";
        assert!(store.query(gone).is_empty(), "those that were seen longest ago");
        let left =
            "SELECT count(*) FROM clients WHERE client_id IN ('old-100003', 'client-1', 'new-1', 'new-2')";
        assert_eq!(store.query(left), [[Some("10".to_owned())]], "each in the private space and in acme");

        // Bob's own, and alice's in his organization.
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let query =
                "query($after: String) { syncStatus(first: 300, after: $after) { clientId user cursor } }";
            let page = bob.graphql(query, json!({"after": after})).body["data"]["syncStatus"].clone();
            let page = page.as_array().unwrap();
            let Some(last) = page.last() else { break };
            after = last["cursor"].clone();
            seen.extend(page.iter().map(|client| format!("{} {}", client["user"], client["clientId"])));
        }
        let listed = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((listed, seen.len()), (1_001, 1_001));
        let whole = bob.graphql_data("{ syncStatus(first: 5000) { clientId } }");
        assert_eq!(whole["syncStatus"].as_array().unwrap().len(), 1_000);
        let default = bob.graphql_data("{ syncStatus { clientId } }");
        assert_eq!(default["syncStatus"].as_array().unwrap().len(), 1_000);
    }
}

#[test]
fn a_conflict_of_ids_names_the_command_that_resolves_it_to_the_admin_alone() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [alice, bob, dave] = [&team.alice, &team.bob, &team.dave].map(|key| receiver.client(key));
        let id = "it's; touch x";
        assert_eq!(alice.sync(&[session(id, ACME, vec![message("m", 0)])]).status, 200);
        let response = dave.sync(&[session(id, ACME, vec![])]);
        assert_eq!(response.codes()[0].1, "SESSION_CONFLICT");
        let errors = |client: HttpClient| {
            let clients =
                client.graphql_data("{ syncStatus { user lastErrors { message } } }")["syncStatus"].clone();
            let of_dave =
                clients.as_array().unwrap().iter().find(|client| client["user"] == "dave").unwrap().clone();
            of_dave["lastErrors"][0]["message"].as_str().unwrap().to_owned()
        };
        for text in [response.text.clone(), errors(dave)] {
            assert!(!text.contains("alice") && !text.contains("admin session"), "{text}");
        }
        let listed = store.admin("session list --org acme")[0]["conflicts"][0].clone();
        assert_eq!(listed["login"], "dave");
        let command = listed["command"].as_str().unwrap();
        assert!(errors(bob).contains(command), "{}", errors(bob));
        // The shell reads the command back, whatever the id holds.
        let binary = env!("CARGO_BIN_EXE_han-sync-receiver");
        let command = command.replace("han-sync-receiver", &format!("{binary} --store '{}'", store.url));
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(dave.sync(&[session(id, ACME, vec![])]).status, 200);
        assert_eq!(
            store.query("SELECT count(*) FROM messages"),
            [[Some("1".to_owned())]],
            "alice keeps hers"
        );
    }
}

/// Statements that the receiver has sent to its store.
fn statements(client: &HttpClient) -> usize {
    let metrics = client.get("/metrics").text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("han_sync_store_statements_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[test]
fn fields_with_the_same_arguments_cost_one_scan_and_a_login_cannot_be_told_by_its_cost() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let dave = receiver.client(&team.dave);
        dave.sync(&[session("s", ACME, vec![message("m", 0)])]);
        let cost = |query: &str| {
            let before = statements(&dave);
            dave.graphql_data(query);
            statements(&dave) - before
        };
        let field = r#"metrics(from: "2025-01-01", to: "2025-12-31", groupBy: [MODEL]) { messages }"#;
        let aliases: String = (0..25).map(|n| format!("a{n}: {field} ")).collect();
        // One scan, or few where the fields come to be resolved over more time than they are collected in.
        let (many, one) = (cost(&format!("{{ {aliases} }}")), cost(&format!("{{ {field} }}")));
        assert!(many <= one + 3, "{many} statements for 25 fields, {one} for one");
        let by_login =
            |login: &str| cost(&format!("{{ sessions(user: \"{login}\") {{ edges {{ cursor }} }} }}"));
        assert_eq!(by_login("alice"), by_login("nobody"));
    }
}

#[test]
fn a_query_reads_no_more_rows_than_its_response_may_hold() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let text = "x".repeat(250 << 10);
        let task = |n: usize| json!({"id": format!("t{n}"), "subject": text, "description": text, "status": "pending"});
        for part in 0..6 {
            let tasks: Vec<Value> = (0..30).map(|n| task(part * 30 + n)).collect();
            assert_eq!(alice.sync(&[with(session("s", ACME, vec![]), json!({"tasks": tasks}))]).status, 200);
        }
        let query = |first: usize| {
            format!(
                "{{ session(id: \"s\") {{ tasks(first: {first}) {{ edges {{ node {{ subject }} }} }} }} }}"
            )
        };
        assert_eq!(alice.graphql_data(&query(20))["session"]["tasks"]["edges"].as_array().unwrap().len(), 20);
        let refused = alice.graphql(&query(200), json!({})).text;
        assert!(refused.contains("ask for fewer rows"), "{refused}");
        let aliases: String = (0..40)
            .map(|n| {
                format!(
                    "a{n}: session(id: \"s\") {{ tasks(first: {}) {{ edges {{ node {{ subject }} }} }} }} ",
                    n + 1
                )
            })
            .collect();
        let refused = alice.graphql(&format!("{{ {aliases} }}"), json!({})).text;
        assert!(refused.contains("ask for fewer rows"), "all fields share one budget");
    }
}

/// A request on a connection of its own, whose response nobody reads.
fn unread(receiver: &RunningReceiver, key: &str, query: &str) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address: std::net::SocketAddr = receiver.base.strip_prefix("http://").unwrap().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let body = json!({"query": query}).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// A stored message of 17 MiB, and the query that reads it.
fn store_large_message(alice: &HttpClient) -> String {
    let large = json!({"content": "x".repeat(17 << 20)});
    let response = alice.sync(&[session("s", ACME, vec![with(message("m", 0), large)])]);
    assert_eq!(response.status, 200, "{}", response.text);
    r#"{ session(id: "s") { messages { edges { node { content } } } } }"#.to_owned()
}

#[test]
fn responses_that_nobody_reads_count_in_the_memory_budget_and_are_given_up() {
    for store in stores() {
        // A query without a turn is told so, and its connection is closed as well.
        let arguments = ["--write-seconds", "2", "--keep-alive-seconds", "2"];
        let (team, receiver) = (store.create_team(), store.serve_with(&arguments));
        let alice = receiver.client(&team.alice);
        let query = store_large_message(&alice);
        let keys: Vec<String> = (0..4).map(|_| store.key("alice")).collect();
        let mut unread: Vec<TcpStream> =
            keys.iter().flat_map(|key| [key, key]).map(|key| unread(&receiver, key, &query)).collect();
        // Each is given up, and the next one gets its memory.
        let mut whole = 0;
        for stream in &mut unread {
            let mut response = Vec::new();
            stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
            wait_until("the response to be given up", || !is_established(&receiver, stream));
            let _ = stream.read_to_end(&mut response);
            whole += usize::from(response.len() > 17 << 20);
        }
        assert_eq!(whole, 0, "none was sent whole");
        assert!(receiver.peak_kib() < 256 << 10, "{} KiB", receiver.peak_kib());
        assert_eq!(alice.graphql(&query, json!({})).status, 200);
    }
}

/// True while the receiver's end of a connection is open.
fn is_established(receiver: &RunningReceiver, stream: &TcpStream) -> bool {
    let port = |address: std::net::SocketAddr| format!(":{:04X}", address.port());
    let (own, peer) = (port(stream.local_addr().unwrap()), port(stream.peer_addr().unwrap()));
    let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", receiver.child.id())).unwrap();
    table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns[1].ends_with(&peer) && columns[2].ends_with(&own) && columns[3] == "01"
    })
}

#[test]
fn a_third_query_with_one_key_is_429_and_other_keys_go_on() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve_with(&["--write-seconds", "60"]));
        let (alice, bob) = (receiver.client(&team.alice), receiver.client(&team.bob));
        let query = store_large_message(&alice);
        let (mut held, mut told) = (Vec::new(), None);
        wait_until("the key to have no permit left", || {
            if held.len() < 2 {
                held.push(unread(&receiver, &team.alice, &query));
            }
            let response = alice.graphql("{ viewer { login } }", json!({}));
            let is_told = response.status == 429;
            told = Some(response);
            is_told
        });
        assert!(told.unwrap().header("retry-after").is_some());
        assert_eq!(alice.sync(&[]).status, 200, "batches have permits of their own");
        drop(held);
        wait_until("the permits to be free again", || {
            alice.graphql("{ viewer { login } }", json!({})).status == 200
        });
        assert_eq!(bob.graphql("{ viewer { login } }", json!({})).status, 200);
    }
}

/// Puts a view in the place of `metrics` that never ends.
fn never_ending_metrics(store: &TestStore) {
    let columns = "tenant_id, user_id, session_id, day, model, message_type, branch, repository, pull_request, messages, input_tokens, \
                   output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, lines_added, lines_removed, tasks_completed";
    store.execute("ALTER TABLE metrics RENAME TO stored_metrics");
    if store.is_postgres() {
        store.execute(&format!(
            "CREATE VIEW metrics AS SELECT {columns} FROM (SELECT pg_sleep(600)) waiting LEFT JOIN stored_metrics ON true OFFSET 0; \
             GRANT SELECT ON metrics TO {}",
            store.role("request")
        ));
    } else {
        store.execute(&format!(
            "CREATE VIEW metrics AS WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) \
             SELECT {columns} FROM numbers, stored_metrics"
        ));
    }
}

#[test]
fn queries_that_do_not_end_stop_no_batch_and_end_at_their_deadline() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
        never_ending_metrics(&store);
        let ended = AtomicUsize::new(0);
        let query = r#"{ metrics(from: "2025-01-01", to: "2025-12-31", groupBy: [MODEL]) { messages } }"#;
        thread::scope(|scope| {
            let queries: Vec<_> = [&team.alice, &team.bob]
                .into_iter()
                .flat_map(|key| [key, key])
                .map(|key| {
                    let (receiver, ended) = (&receiver, &ended);
                    scope.spawn(move || {
                        let response = receiver.client(key).graphql(query, json!({}));
                        ended.fetch_add(1, Ordering::SeqCst);
                        response
                    })
                })
                .collect();
            let in_flight =
                || receiver.client(&team.bob).get("/metrics").text.contains("han_sync_requests_in_flight 4");
            wait_until("all queries to be in flight", in_flight);
            // Sessions without rows: what they write is not in the way of the view.
            for n in 0..20 {
                let response = receiver.client(&team.alice).sync(&[session(&format!("n{n}"), ACME, vec![])]);
                assert_eq!(response.status, 200, "{}", response.text);
            }
            assert_eq!(ended.load(Ordering::SeqCst), 0, "no query has ended meanwhile");
            let responses: Vec<HttpResponse> =
                queries.into_iter().map(|query| query.join().unwrap()).collect();
            let timed_out = responses.iter().filter(|response| response.text.contains("\"TIMEOUT\"")).count();
            assert!(timed_out >= 2, "{responses:?}");
            assert!(
                responses.iter().all(|response| response.text.contains("errors") || response.status == 503)
            );
        });
    }
}

/// The value of a metric without labels.
fn gauge(client: &HttpClient, name: &str) -> usize {
    let metrics = client.get("/metrics").text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {metrics}")).parse().unwrap()
}

/// Queries that are executed at a time, whatever the number of keys.
const QUERIES_AT_WORK: usize = 2;

#[test]
fn batches_are_stored_while_queries_of_many_keys_take_their_turns() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let keys: Vec<String> = (0..8).map(|_| store.key("alice")).collect();
        let bob = receiver.client(&team.bob);
        receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
        never_ending_metrics(&store);
        let query = r#"{ metrics(from: "2025-01-01", to: "2025-12-31", groupBy: [MODEL]) { messages } }"#;
        thread::scope(|scope| {
            let queries: Vec<_> = keys
                .iter()
                .flat_map(|key| [key, key])
                .map(|key| {
                    let receiver = &receiver;
                    scope.spawn(move || receiver.client(key).graphql(query, json!({})))
                })
                .collect();
            wait_until("all queries to be in flight", || gauge(&bob, "han_sync_requests_in_flight") >= 16);
            wait_until("queries to be at work", || {
                gauge(&bob, "han_sync_queries_at_work") == QUERIES_AT_WORK
            });
            for n in 0..20 {
                let response = bob.sync(&[session(&format!("n{n}"), ACME, vec![])]);
                assert_eq!(response.status, 200, "{}", response.text);
                assert!(gauge(&bob, "han_sync_queries_at_work") <= QUERIES_AT_WORK);
            }
            let mut told = 0;
            for query in queries {
                let response = query.join().unwrap();
                let has_no_turn = response.status == 503;
                assert!(has_no_turn || response.text.contains("\"TIMEOUT\""), "{response:?}");
                assert!(!has_no_turn || response.header("retry-after").is_some());
                told += usize::from(has_no_turn);
            }
            assert!(told >= 16 - 3 * QUERIES_AT_WORK, "{told} of 16 had no turn");
        });
        assert_eq!(gauge(&bob, "han_sync_queries_at_work"), 0);
    }
}
