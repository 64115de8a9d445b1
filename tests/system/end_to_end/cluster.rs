//! Four machines deliver to a receiver on a cluster while a worker is killed and started again.

use super::machine::Machine;
use crate::support::cluster::{Cluster, shard_of};
use crate::support::han_db::{ExpectedMessage, ExpectedSession, build_large};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Child;

const MESSAGES: usize = 1_500;
const SESSIONS: usize = 30;
/// Small, so that each machine sends some twenty.
const BATCH_SIZE: usize = 50;
/// Messages that are stored when the worker is killed; four times as many and more are to come.
const STORED_BEFORE: usize = 400;
/// Runs of a machine until one ends with 0.
const RUNS_MAX: usize = 10;
/// Exit code of a run that met a fault.
const TRY_AGAIN: i32 = 75;
/// Prices of the fixtures' models: input, output, cache read, cache write for five minutes and for an hour.
const PRICES: [(&str, [i64; 5]); 3] = [
    ("claude-opus-4-5", [5_000_001, 25_000_003, 500_007, 6_250_011, 10_000_013]),
    ("claude-sonnet-4-5", [3_000_000, 15_000_000, 300_000, 3_750_000, 6_000_000]),
    ("claude-haiku-4-5", [1_000_000, 5_000_000, 100_000, 1_250_000, 2_000_000]),
];
const QUERY: &str = "{ metrics(from: \"2020-01-01\", to: \"2030-12-31\", groupBy: [ORGANIZATION, USER]) \
    { organization user sessions messages inputTokens outputTokens cacheReadTokens cacheCreationTokens \
      cacheCreation1hTokens linesAdded linesRemoved tasksCompleted costMicros unpricedTokens } }";

#[test]
fn four_exporters_deliver_everything_once_though_a_worker_is_killed_in_between() {
    let Some(cluster) = Cluster::own() else { return };
    let store = cluster.store();
    let team = store.create_team();
    store.admin("user create erin --org acme");
    let erin = store.key("erin");
    let receiver = store.serve_with(&["--rate", "1000000", "--prices", &price_file(&store)]);
    let users = [("alice", &team.alice), ("bob", &team.bob), ("dave", &team.dave), ("erin", &erin)];
    let machines: Vec<Machine> =
        (0..).zip(users).map(|(seed, (_, key))| machine(&receiver, key, seed)).collect();

    let started: Vec<Child> = machines.iter().map(start).collect();
    wait_until("the first messages", || stored_messages(&store) >= STORED_BEFORE);
    let (_, node) = shard_of(&cluster, &store, "messages", "acme");
    cluster.stop(node);
    wait_until("readyz to name the worker", || {
        let response = receiver.client("").get("/readyz");
        response.status == 503 && response.text.contains(cluster.server(node))
    });
    cluster.start(node);

    let attempts: Vec<(u64, u64)> =
        machines.iter().zip(started).map(|(machine, first)| until_delivered(machine, first)).collect();
    assert!(
        attempts.iter().all(|(attempts, batches)| attempts > batches),
        "each met the fault: {attempts:?}"
    );
    cluster.wait_for_prepared_transactions(&store);
    let expected: Vec<Sources> = machines.iter().map(Machine::expected).collect();
    assert_each_message_is_stored_once(&store, &expected);
    assert_sums_equal_a_recount(&store);
    assert_eq!(store.admin("check")["faults"], json!([]));
    for ((user, _), sources) in users.iter().zip(&expected) {
        assert_eq!(shown(&receiver, &team.bob, user), recount(user, sources));
    }
}

type Sources = BTreeMap<String, ExpectedSession>;

/// A machine with a database of its own.
fn machine(receiver: &RunningReceiver, key: &str, seed: u64) -> Machine {
    let mut machine = Machine::new(&receiver.base, key);
    machine.set("batchSize", BATCH_SIZE);
    build_large(machine.database(), MESSAGES, SESSIONS, 600, 230 + seed);
    machine
}

fn price_file(store: &TestStore) -> String {
    let names = ["input", "output", "cacheRead", "cacheWrite", "cacheWrite1h"];
    let price = |(model, prices): &(&str, [i64; 5])| {
        let mut entry = json!({"model": model, "from": "2020-01-01"});
        for (name, price) in names.iter().zip(prices) {
            entry[format!("{name}MicrosPerMillion")] = json!(price);
        }
        entry
    };
    let prices: Vec<Value> = PRICES.iter().map(price).collect();
    let path = store.folder.path().join("prices.json");
    fs::write(&path, json!({"version": 1, "prices": prices}).to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A run that sends everything, whatever waits for a retry.
fn start(machine: &Machine) -> Child {
    machine.spawn(&["all", "--json", "--max-seconds", "600"])
}

/// Waits for the run, and repeats it until one ends with 0. Returns the attempts and the batches of all of them.
fn until_delivered(machine: &Machine, first: Child) -> (u64, u64) {
    let (mut run, mut attempts, mut batches) = (first, 0, 0);
    for _ in 0..RUNS_MAX {
        let output = run.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        attempts += report["attempts"].as_u64().unwrap();
        batches += report["batches"].as_u64().unwrap();
        if output.status.code() == Some(0) {
            assert_eq!(
                (&report["status"], &report["sessionsPending"]),
                (&json!("success"), &json!(0)),
                "{report}"
            );
            return (attempts, batches);
        }
        assert_eq!(output.status.code(), Some(TRY_AGAIN), "{report}");
        run = start(machine);
    }
    panic!("no run of {RUNS_MAX} ended with 0");
}

fn stored_messages(store: &TestStore) -> usize {
    store.query("SELECT count(*) FROM messages")[0][0].as_deref().unwrap().parse().unwrap()
}

#[track_caller]
fn assert_each_message_is_stored_once(store: &TestStore, expected: &[Sources]) {
    let expected: BTreeSet<Vec<Option<String>>> = expected
        .iter()
        .flat_map(BTreeMap::values)
        .flat_map(|session| {
            session.messages.keys().map(|id| vec![Some(session.id.clone()), Some(id.clone())])
        })
        .collect();
    let mut stored = store.query("SELECT session_id, message_id FROM messages");
    stored.sort_unstable();
    assert!(expected.len() > STORED_BEFORE * 4, "{}", expected.len());
    assert!(stored.iter().eq(&expected), "{} are stored, of {}", stored.len(), expected.len());
}

/// Sums of a user's sessions, as an admin is shown them.
fn shown(receiver: &RunningReceiver, admin: &str, user: &str) -> Value {
    let data = receiver.client(admin).graphql_data(QUERY);
    let rows = data["metrics"].as_array().unwrap();
    rows.iter().find(|row| row["user"] == user).cloned().unwrap_or_else(|| panic!("no {user} in {data}"))
}

/// The same counted from the user's database: rows of one answer share its usage, of which the largest of each kind counts.
fn recount(user: &str, sources: &Sources) -> Value {
    let messages: Vec<&ExpectedMessage> =
        sources.values().flat_map(|session| session.messages.values()).collect();
    let mut answers: BTreeMap<&str, (Option<&str>, [i64; 5])> = BTreeMap::new();
    for message in &messages {
        let id = message.usage_id.as_deref().unwrap_or(&message.id);
        let (model, tokens) = answers.entry(id).or_default();
        *model = model.or(message.model.as_deref());
        let own = [
            message.input_tokens,
            message.output_tokens,
            message.cache_read_tokens,
            message.cache_creation_tokens,
            message.cache_creation_1h_tokens,
        ];
        for (sum, own) in tokens.iter_mut().zip(own) {
            *sum = (*sum).max(own.unwrap_or(0));
        }
    }
    let (mut sums, mut cost, mut unpriced) = ([0; 5], 0, 0);
    for (model, tokens) in answers.into_values() {
        sums.iter_mut().zip(tokens).for_each(|(sum, tokens)| *sum += tokens);
        let [input, output, read, creation, hour] = tokens;
        match PRICES.iter().find(|(priced, _)| Some(*priced) == model) {
            Some((_, prices)) => {
                let kinds = [input, output, read, creation - hour, hour];
                cost +=
                    kinds.iter().zip(prices).map(|(tokens, price)| i128::from(tokens * price)).sum::<i128>();
            }
            None => unpriced += input + output + read + creation,
        }
    }
    let lines = |of: fn(&ExpectedMessage) -> Option<i64>| {
        messages.iter().filter_map(|message| of(message)).sum::<i64>()
    };
    let tasks = sources.values().flat_map(|session| session.tasks.values());
    json!({
        "organization": "acme", "user": user, "sessions": sources.len(), "messages": messages.len(),
        "inputTokens": sums[0], "outputTokens": sums[1], "cacheReadTokens": sums[2], "cacheCreationTokens": sums[3],
        "cacheCreation1hTokens": sums[4], "linesAdded": lines(|message| message.lines_added),
        "linesRemoved": lines(|message| message.lines_removed),
        "tasksCompleted": tasks.filter(|task| task.status == "completed").count(),
        "costMicros": ((cost + 500_000) / 1_000_000) as i64, "unpricedTokens": unpriced,
    })
}
