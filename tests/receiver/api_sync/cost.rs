//! The cost of a batch, counted and not timed: statements, rows read, memory.

use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::thread;

/// Sessions with so many messages each, of which every third has an answer's tokens.
fn sessions(name: &str, sessions: usize, messages: usize) -> Vec<Value> {
    (0..sessions)
        .map(|s| {
            let rows = (0..messages).map(|n| {
                let row = message(&format!("m{n}"), n as i64 % 60);
                if n % 3 > 0 {
                    return row;
                }
                with(row, json!({"usageId": format!("{name} {s} {n}"), "outputTokens": n, "model": "opus"}))
            });
            session(&format!("{name} {s}"), ACME, rows.collect())
        })
        .collect()
}

/// Statements that the receiver sent to its store, ever.
fn statements(client: &HttpClient) -> usize {
    let metrics = client.get("/metrics").text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("han_sync_store_statements_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[test]
fn statements_of_a_batch_do_not_go_with_its_sessions() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        let cost = |batch: &[Value]| {
            let before = statements(&alice);
            let response = alice.sync(batch);
            assert_eq!(response.status, 200, "{}", response.text);
            statements(&alice) - before
        };
        let (one, many) = (sessions("one", 1, 60), sessions("many", 60, 1));
        // Three are of the request for their number. The use of a key is recorded once a minute, which is one more.
        for (kind, most) in [("first delivery", 21), ("replay", 16)] {
            let (one, many) = (cost(&one), cost(&many));
            assert!(one <= most, "{kind}: {one} statements");
            assert!(many <= one + 1, "{kind}: {many} statements for 60 sessions, {one} for one");
        }
        let (one, many) = (cost(&sessions("one", 1, 61)), cost(&sessions("many", 60, 2)));
        assert!(one <= 20, "{one} statements for one that grew");
        assert!(many <= one + 1, "{many} statements for 60 that grew, {one} for one");
    }
}

/// Rows that were read of the tables that batches go to, ever, by receivers that have ended and have inserted so many `messages`.
fn rows_read(store: &TestStore, messages: usize) -> i64 {
    let number = |query: &str| store.query(query)[0][0].as_ref().map_or(0, |text| text.parse().unwrap());
    wait_until("the receiver's connections to end", || {
        number(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND backend_type = 'client backend'",
        ) == 0
    });
    // Counts arrive in order, on servers before version 15 some time later: with this row those before it are there.
    store.execute(
        "CREATE SCHEMA IF NOT EXISTS counting; CREATE TABLE IF NOT EXISTS counting.marks (mark INT); \
         INSERT INTO counting.marks VALUES (1)",
    );
    let marks = number("SELECT count(*) FROM counting.marks");
    let inserted =
        |table: &str| number(&format!("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = '{table}'"));
    wait_until("the database to count what was done", || inserted("marks") == marks);
    assert_eq!(inserted("messages"), messages as i64);
    number(
        "SELECT CAST(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS BIGINT) FROM pg_stat_user_tables \
         WHERE relname IN ('session_locations', 'sessions', 'messages', 'usages', 'tasks', 'metrics')",
    )
}

#[test]
fn rows_read_for_a_batch_do_not_go_with_what_is_stored() {
    if is_skipped_on_a_cluster("the workers count the rows") {
        return;
    }
    let Some(store) = postgres() else { return };
    let team = store.create_team();
    let mut messages = 0;
    // A receiver that ends leaves its connections' counts behind.
    let mut deliver = |batches: &[Vec<Value>], new: usize| {
        let receiver = store.serve();
        for batch in batches {
            let response = receiver.client(&team.alice).sync(batch);
            assert_eq!(response.status, 200, "{}", response.text);
        }
        drop(receiver);
        messages += new;
        rows_read(&store, messages)
    };
    let cost = |name: &str, deliver: &mut dyn FnMut(&[Vec<Value>], usize) -> i64| {
        let batch = [sessions(name, 4, 50)];
        let before = deliver(&[], 0);
        let first = deliver(&batch, 200);
        // A replay and a grown session are looked up, too.
        let replay = deliver(&batch, 0);
        let grown = deliver(&[sessions(name, 4, 60)], 40);
        [first - before, replay - first, grown - replay]
    };
    let into_few = cost("few", &mut deliver);
    let filling: Vec<_> = (0..4).map(|n| sessions(&format!("fill {n}"), 20, 100)).collect();
    deliver(&filling, 8_000);
    let into_many = cost("many", &mut deliver);
    assert_eq!(into_many, into_few);
    assert!(into_few.iter().all(|read| *read < 1_000), "{into_few:?}");
}

#[test]
fn rows_are_looked_up_by_their_keys_alone() {
    if is_skipped_on_a_cluster("the workers count the rows") {
        return;
    }
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    // Nothing is known of the tables yet, and other indexes begin with the same columns as the keys do.
    let plain = sessions("s", 2, 200);
    let rows = (0..200).map(|n| with(message(&format!("m{n}"), n % 60), json!({"content": "text"})));
    let filling = [session("s 0", ACME, rows.collect())];
    for batch in [&plain[..], &plain, &filling, &filling] {
        assert_eq!(alice.sync(batch).status, 200);
    }
    drop(receiver); // which leaves its connections' counts behind
    rows_read(&store, 400);
    let others = store.query(
        "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE idx_scan > 0 AND indexrelname NOT LIKE '%_pkey' \
         AND relname IN ('session_locations', 'sessions', 'messages', 'usages', 'tasks', 'metrics')",
    );
    assert!(others.is_empty(), "{others:?}");
}

/// The documented bound. A run takes 170 to 230, the more the busier the machine is.
const PEAK_MIB_MAX: u64 = 256;

/// The most memory that a receiver takes when 64 of these bodies come at once, all of which it takes.
fn peak_mib(body: &[u8]) -> u64 {
    let store = sqlite();
    let (team, receiver) = (store.create_team(), store.serve());
    let keys = [&team.alice, &team.bob, &team.carol, &team.dave];
    thread::scope(|scope| {
        for n in 0..64 {
            let client = receiver.client(keys[n % keys.len()]);
            scope.spawn(move || {
                // On a slow machine a request may wait for a minute, until the receiver or the client gives it up.
                let taken = (0..10).any(|_| {
                    let response = client.try_post("/api/sync", &[("content-encoding", "gzip")], body);
                    response.is_ok_and(|response| {
                        assert!([200, 503].contains(&response.status), "{}", response.text);
                        response.status == 200
                    })
                });
                assert!(taken);
            });
        }
    });
    receiver.peak_kib() / 1024
}

/// A session of a repository that is everybody's, for whom it is private.
fn body_of(rows: Vec<Value>) -> Vec<u8> {
    let session =
        with(session("s", "git@github.com:somebody/else.git", rows), json!({"inclusion": "personal"}));
    gzip(&sealed("c", &[session]))
}

#[test]
fn large_requests_wait_for_memory_and_are_all_taken() {
    // 8 MB of JSON each, 3 MB on the wire: half a gigabyte in all, and as much again decoded.
    let letters = (0..125_000).scan(1u64, |state, _| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some(char::from(b'a' + (*state >> 60) as u8))
    });
    let content: String = letters.collect();
    let rows = (0..64).map(|n| with(message(&format!("m{n}"), n % 60), json!({"content": content})));
    let peak = peak_mib(&body_of(rows.collect()));
    assert!(peak < PEAK_MIB_MAX, "{peak} MiB");
}

#[test]
fn requests_of_many_small_rows_wait_for_memory_and_are_all_taken() {
    // A megabyte or two of JSON each, and twenty decoded.
    let rows = (0..10_000).map(|n| message(&format!("m{n}"), n % 60));
    let peak = peak_mib(&body_of(rows.collect()));
    assert!(peak < PEAK_MIB_MAX, "{peak} MiB");
}
