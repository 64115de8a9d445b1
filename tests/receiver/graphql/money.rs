//! Money: costs equal a recount of the stored rows, add up over every grouping, and follow the prices at once.

use crate::support::recount::{At, Sums, recounted};
use crate::support::running_receiver::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Prices that change, and fractions of a micro-dollar.
const PRICES: &str = r#"{"version":1,"source":"test","date":"2026-01-31","prices":[
    {"model":"opus","from":"2025-03-01","inputMicrosPerMillion":5000001,"outputMicrosPerMillion":25000003,
     "cacheReadMicrosPerMillion":500007,"cacheWriteMicrosPerMillion":6250011,"cacheWrite1hMicrosPerMillion":10000013},
    {"model":"opus","from":"2025-03-03","inputMicrosPerMillion":3,"outputMicrosPerMillion":7},
    {"model":"claude-opus-4-5","from":"2025-03-01","inputMicrosPerMillion":1000000,"outputMicrosPerMillion":2000000}]}"#;
const MILLION: i128 = 1_000_000;
/// First of March 2025, as a day since 1970.
const FIRST_DAY: i64 = 20_148;

/// Writes a price list beside the store, and returns its path.
fn price_file(store: &TestStore, text: &str) -> PathBuf {
    let path = store.folder.path().join("prices.json");
    fs::write(&path, text).unwrap();
    path
}

fn serve_with_prices(store: &TestStore, text: &str) -> RunningReceiver {
    let path = price_file(store, text);
    store.serve_with(&["--prices", path.to_str().unwrap()])
}

/// Price by model and day, counted apart from the program.
fn price(model: &str, day: i64) -> Option<[i128; 5]> {
    match (model, day - FIRST_DAY) {
        ("opus", 0 | 1) => Some([5_000_001, 25_000_003, 500_007, 6_250_011, 10_000_013]),
        ("opus", 2..) => Some([3, 7, 3, 3, 3]),
        _ => None,
    }
}

/// Exact cost times a million, and the tokens without a price, of all rows that a selection keeps.
fn recount(
    counted: &BTreeMap<(String, At), Sums>,
    keeps: impl Fn(&str, &str, i64) -> bool,
) -> (Option<i128>, i128) {
    let (mut exact, mut unpriced) = (None, 0);
    for ((_, (_, day, model, _, branch)), sums) in counted {
        if !keeps(model, branch, *day) || *sums == [0; 9] {
            continue;
        }
        let [input, output, read, creation, hour] = [1, 2, 3, 4, 5].map(|kind| i128::from(sums[kind]));
        match price(model, *day) {
            Some(price) => {
                let tokens = [input, output, read, (creation - hour).max(0), hour];
                let cost: i128 = tokens.iter().zip(price).map(|(tokens, price)| tokens * price).sum();
                *exact.get_or_insert(0) += cost;
            }
            None => unpriced += input + output + read + creation,
        }
    }
    (exact, unpriced)
}

fn rounded(exact: Option<i128>) -> Value {
    exact.map_or(Value::Null, |exact| json!(((exact + MILLION / 2) / MILLION) as i64))
}

fn metrics(client: &HttpClient, groups: &str, filter: &str) -> Vec<Value> {
    let fields = "model branch day repository user messages costMicros unpricedTokens";
    let query = format!(
        r#"{{ metrics(from: "2025-02-01", to: "2025-12-31", groupBy: [{groups}] {filter}) {{ {fields} }} }}"#
    );
    client.graphql_data(&query)["metrics"].as_array().unwrap().clone()
}

/// Rows of sessions: session, id, day, model, answer, branch and numbers.
type Row = (u8, u8, i64, u8, u8, u8, [i64; 4], i64);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let tokens = prop::array::uniform4(0..3_000_000_i64);
    prop::collection::vec((0..3u8, 0..20u8, 0..4i64, 0..4u8, 0..4u8, 0..3u8, tokens, 0..4_000_000_i64), 1..30)
}

fn sessions(login: &str, rows: &[Row]) -> Vec<Value> {
    let of = |id: u8| {
        let own = rows.iter().filter(|row| row.0 == id);
        let rows = own.map(|(_, id, day, model, answer, branch, [input, output, read, creation], hour)| {
            with(
                message(&format!("m{id}"), i64::from(*id)),
                json!({
                    "timestamp": format!("2025-03-0{}T12:00:00.000Z", day + 1),
                    "model": ([Some("opus"), None, Some("<synthetic>"), Some("unknown-1")])[usize::from(*model)],
                    "usageId": (*answer > 0).then(|| format!("u{answer}")),
                    "gitBranch": (*branch > 0).then(|| format!("b{branch}")),
                    "inputTokens": input, "outputTokens": output, "cacheReadTokens": read,
                    "cacheCreationTokens": creation, "cacheCreation1hTokens": hour.min(creation),
                }),
            )
        });
        let remote = [ACME, "https://github.com/acme-corp/web"][usize::from(id % 2)];
        session(&format!("{login}-s{id}"), remote, rows.collect())
    };
    (0..3).map(of).collect()
}

#[test]
fn costs_equal_a_recount_in_every_grouping() {
    for store in stores() {
        store.create_team();
        let receiver = serve_with_prices(&store, PRICES);
        let next = std::sync::atomic::AtomicU32::new(0);
        let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
        let result = runner.run(&rows(), |rows| {
            // A user alone in an organization, so that the recount is of these rows.
            store.execute("DELETE FROM metrics; DELETE FROM messages; DELETE FROM sessions; DELETE FROM usages; DELETE FROM session_locations");
            let login = format!("user{}", next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            store.admin(&format!("user create {login} --org acme --role admin"));
            let key = store.key(&login);
            let client = receiver.client(&key);
            let stored = client.sync(&sessions(&login, &rows));
            prop_assert_eq!(stored.status, 200, "{}", stored.text);

            let counted = recounted(&store);
            let (exact, unpriced) = recount(&counted, |_, _, _| true);
            let total = &metrics(&client, "", "")[0];
            prop_assert_eq!(&total["costMicros"], &rounded(exact));
            prop_assert_eq!(&total["unpricedTokens"], &json!(unpriced as i64));
            for row in metrics(&client, "MODEL, BRANCH, DAY", "") {
                let [model, branch] = ["model", "branch"].map(|name| row[name].as_str().unwrap_or_default().to_owned());
                let day = FIRST_DAY - 1 + row["day"].as_str().unwrap()[8..].parse::<i64>().unwrap();
                let (exact, unpriced) = recount(&counted, |m, b, d| (m, b, d) == (&model, &branch, day));
                prop_assert_eq!(&row["costMicros"], &rounded(exact), "{}", &row);
                prop_assert_eq!(&row["unpricedTokens"], &json!(unpriced as i64), "{}", &row);
            }
            let (exact, _) = recount(&counted, |_, branch, _| branch == "b1");
            let of_branch = &metrics(&client, "", ", branch: \"b1\"")[0];
            prop_assert_eq!(&of_branch["costMicros"], &rounded(exact));
            let total_unpriced = total["unpricedTokens"].clone();
            // Each group is rounded once.
            for groups in ["DAY", "REPOSITORY", "MODEL", "BRANCH", "USER", "TYPE", "REPOSITORY, DAY"] {
                let rows = metrics(&client, groups, "");
                let sum: i64 = rows.iter().filter_map(|row| row["costMicros"].as_i64()).sum();
                let total = total["costMicros"].as_i64().unwrap_or(0);
                prop_assert!((sum - total).abs() <= rows.len() as i64, "{} {} {}", groups, sum, total);
                let unpriced: i64 = rows.iter().filter_map(|row| row["unpricedTokens"].as_i64()).sum();
                prop_assert_eq!(&json!(unpriced), &total_unpriced);
            }
            Ok(())
        });
        result.unwrap();
    }
}

fn answer(id: &str, model: &str, tokens: i64) -> Value {
    with(message(id, 0), json!({"model": model, "inputTokens": tokens, "outputTokens": 1}))
}

#[test]
fn a_corrected_price_changes_every_sum_at_once_and_names_match_exactly_or_without_vendor_and_date() {
    for store in stores() {
        let team = store.create_team();
        let rows = vec![
            answer("a", "claude-opus-4-5", 1_000_000),
            answer("b", "anthropic.claude-opus-4-5-20251101-v1:0", 1_000_000),
            answer("c", "vertex/claude-opus-4-5@20251101", 1_000_000),
            answer("d", "claude-opus-4-5-mini", 1_000_000),
        ];
        {
            let receiver = store.serve();
            let alice = receiver.client(&team.alice);
            assert_eq!(alice.sync(&[session("s", ACME, rows)]).status, 200);
            let total = &metrics(&alice, "", "")[0];
            assert_eq!(
                (&total["costMicros"], &total["unpricedTokens"]),
                (&json!(15_000_075), &json!(1_000_001))
            );
            let unpriced = metrics(&alice, "MODEL", "");
            let unpriced: Vec<&Value> = unpriced.iter().filter(|row| row["costMicros"].is_null()).collect();
            assert_eq!(unpriced.len(), 1);
            assert_eq!(
                (&unpriced[0]["model"], &unpriced[0]["unpricedTokens"]),
                (&json!("claude-opus-4-5-mini"), &json!(1_000_001))
            );
        }
        let receiver = serve_with_prices(&store, PRICES);
        let total = &metrics(&receiver.client(&team.alice), "", "")[0];
        assert_eq!(total["costMicros"], 3_000_006);
        // Before the earliest price of the file there is none, whatever the program has.
        let later = serve_with_prices(&store, &PRICES.replace("2025-03-01", "2025-03-02"));
        let total = &metrics(&later.client(&team.alice), "", "")[0];
        assert_eq!((&total["costMicros"], &total["unpricedTokens"]), (&Value::Null, &json!(4_000_004)));
    }
}

#[test]
fn a_member_learns_the_cost_of_the_organization_and_of_nobody_else() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [alice, bob, carol] = [&team.alice, &team.bob, &team.carol].map(|key| receiver.client(key));
        alice.sync(&[session("a", ACME, vec![answer("a", "gpt-5", 1_000_000)])]);
        bob.sync(&[session(
            "b",
            ACME,
            vec![with(answer("b", "gpt-5", 2_000_000), json!({"gitBranch": "secret"}))],
        )]);
        let cost = |client: &HttpClient, groups: &str, filter: &str| -> Vec<Value> {
            metrics(client, groups, filter)
                .iter()
                .map(|row| json!([row["user"], row["costMicros"]]))
                .collect()
        };
        assert_eq!(cost(&alice, "", ""), [json!([null, 3_750_020])]);
        assert_eq!(cost(&alice, "USER", ""), [json!([null, 2_500_010]), json!(["alice", 1_250_010])]);
        assert_eq!(cost(&alice, "BRANCH", ""), [json!([null, 1_250_010])]);
        assert_eq!(cost(&alice, "", r#", branch: "secret""#), [json!([null, null])]);
        assert_eq!(cost(&bob, "", r#", branch: "secret""#), [json!([null, 2_500_010])]);
        assert_eq!(cost(&carol, "", ""), [json!([null, null])]);
        assert_eq!(cost(&carol, "MODEL", ""), [] as [Value; 0]);
    }
}

#[test]
fn a_faulty_price_file_stops_the_receiver_and_names_the_field() {
    let store = sqlite();
    for (text, place) in [
        ("{}", "version"),
        (
            r#"{"version":1,"prices":[{"model":"m","from":"2026-01-01","inputMicrosPerMillion":1}]}"#,
            "prices[0].outputMicrosPerMillion",
        ),
        (&PRICES.replace("2025-03-03", "2025-03-33"), "prices[1].from"),
        (&PRICES.replace("\"prices\"", "\"price\""), "price: unknown field"),
        ("prices:\n- model: m", "it is no JSON (line 1"),
    ] {
        let path = price_file(&store, text);
        let path = path.to_str().unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
            .args(["serve", "--listen", "127.0.0.1:0", "--store", &store.url, "--prices", path])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(&format!("--prices {path}: {place}")), "{place}: {said}");
    }
    let (code, said) = {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
            .args(["serve", "--listen", "127.0.0.1:0", "--store", &store.url, "--prices", "/nowhere"])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("--prices /nowhere"), "{said}");
}
