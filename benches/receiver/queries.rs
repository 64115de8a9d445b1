//! The latency of a batch beside heavy GraphQL queries, against its latency without, on both stores.
//!
//! A query asks for 29 groupings of the whole store's sums, each over days of its own, so that none shares a scan with another.
//! Batches with and without queries alternate in every round.

use super::bodies::{BATCH, bodies};
use super::speed::{Sender, UNBOUNDED, users};
use super::support::running_receiver::{RunningReceiver, TestStore, agent, postgres, sqlite};
use super::{Measure, Sizes, median};
use serde_json::json;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Queries at once, two with each key.
const QUERIES: usize = 16;
/// As many `metrics` as one query may ask for.
const ALIASES: usize = 29;
/// Sums in the store, a tenth as many sessions.
const SUMS: usize = 200_000;
/// Batches of each measurement.
const BATCHES: usize = 10;
/// Pause after a query that was told to come again.
const PAUSE: Duration = Duration::from_millis(100);

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    [("SQLite", Some(sqlite())), ("PostgreSQL", postgres())]
        .into_iter()
        .filter_map(|(name, store)| Some(beside_queries(name, &store?, sizes)))
        .collect()
}

fn beside_queries(name: &str, store: &TestStore, sizes: &Sizes) -> Measure {
    let keys = users(store, QUERIES / 2 + 1);
    let (sender_key, query_keys) = keys.split_last().expect("a key");
    fill(store);
    let receiver = store.serve_with(&UNBOUNDED);
    let sender = Sender::new(&receiver, sender_key);
    let (mut alone, mut beside, answered) = (Vec::new(), Vec::new(), AtomicUsize::new(0));
    for round in 0..=sizes.rounds {
        eprintln!("queries, {name}: round {round} of {}", sizes.rounds);
        let of = |kind: &str| bodies(&format!("{name} {kind} {round}"), BATCHES * BATCH, 0);
        let without = latency_ms(&sender, &of("alone"));
        let ended = AtomicBool::new(false);
        let with = thread::scope(|scope| {
            for number in 0..QUERIES {
                let (receiver, ended, answered) = (&receiver, &ended, &answered);
                let key = &query_keys[number / 2];
                scope.spawn(move || ask_until(receiver, key, ended, answered));
            }
            wait_for_queries(&receiver, sender_key);
            let with = latency_ms(&sender, &of("beside"));
            ended.store(true, Ordering::SeqCst);
            with
        });
        // The first round warms up.
        if round > 0 {
            alone.push(without);
            beside.push(with);
        }
    }
    eprintln!("queries, {name}: {} answered", answered.load(Ordering::SeqCst));
    Measure {
        name: format!("a batch beside {QUERIES} heavy queries, {name}"),
        ours: format!("{:.1} ms", median(beside.iter().copied())),
        against: format!("{:.1} ms", median(alone.iter().copied())),
        ratio: format!("{:.2}", median(beside.iter().zip(&alone).map(|(beside, alone)| beside / alone))),
        target: "≤ 2".to_owned(),
    }
}

fn latency_ms(sender: &Sender, bodies: &[Vec<u8>]) -> f64 {
    median(bodies.iter().map(|body| sender.deliver(std::slice::from_ref(body)) * 1_000.0))
}

/// Waits until a query is at work.
fn wait_for_queries(receiver: &RunningReceiver, key: &str) {
    let is_at_work = |text: String| {
        let value = text.lines().find_map(|line| line.strip_prefix("han_sync_queries_at_work "));
        value.is_some_and(|value| value != "0")
    };
    while !is_at_work(receiver.client(key).get("/metrics").text) {
        thread::sleep(PAUSE);
    }
}

/// Asks again and again. The number of the query is in its days, so that no two share a scan.
fn ask_until(receiver: &RunningReceiver, key: &str, ended: &AtomicBool, answered: &AtomicUsize) {
    let mut query = "{".to_owned();
    for alias in 0..ALIASES {
        let from = format!("2024-{:02}-{:02}", 1 + alias / 28, 1 + alias % 28);
        let _ = write!(
            query,
            " a{alias}: metrics(from: \"{from}\", to: \"2026-12-31\", groupBy: [REPOSITORY, USER, MODEL, DAY]) \
             {{ repository model day sessions messages inputTokens outputTokens cacheReadTokens }}"
        );
    }
    let body = json!({"query": query + " }"}).to_string();
    let agent = agent();
    while !ended.load(Ordering::SeqCst) {
        let request = agent.post(format!("{}/graphql", receiver.base));
        let request = request.header("authorization", format!("Bearer {key}"));
        match request.send(body.as_bytes()) {
            Ok(mut response) if response.status() == 200 => {
                let text = response.body_mut().read_to_string().unwrap_or_default();
                answered.fetch_add(usize::from(!text.contains("\"errors\"")), Ordering::SeqCst);
            }
            Ok(_) | Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Sums of a year of an organization, by its users.
fn fill(store: &TestStore) {
    store.execute(&format!(
        "INSERT INTO metrics (tenant_id, user_id, session_id, day, model, message_type, branch, repository, \
           pull_request, messages, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, \
           cache_creation_1h_tokens, lines_added, lines_removed, tasks_completed) \
         SELECT o.tenant_id, u.tenant_id, 'filled-' || CAST(n / 10 AS TEXT), 20000 + n / 10 % 365, \
           'claude-sonnet-4-' || CAST(n % 5 AS TEXT), CASE n / 5 % 2 WHEN 0 THEN 'assistant' ELSE 'tool_use' END, \
           'main', 'https://github.com/acme-corp/api', 0, 50, 1000, 1000, 1000, 1000, 0, 0, 0, 0 \
         FROM (WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {SUMS}) \
           SELECT n FROM numbers) AS numbered \
         JOIN tenants o ON o.handle = 'acme' JOIN tenants u ON u.handle = 'user' || CAST(n / 10 % {} AS TEXT)",
        QUERIES / 2
    ));
    store.execute("ANALYZE");
}
