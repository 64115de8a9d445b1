//! Every call in every situation: exit code and JSON, with the flags before and after the subcommand.

use std::fs;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::exporter_test::{Arrange, ExporterTest};
use crate::support::{Fault, Outcome, batches, requests};

type Fits = fn(&Value) -> bool;

/// Members that the JSON of every run has.
const RUN_FIELDS: [(&str, Fits); 15] = [
    ("version", |value| value.is_u64() || value.is_string()),
    ("status", Value::is_string),
    ("sessionsSent", Value::is_u64),
    ("sessionsRejected", Value::is_u64),
    ("sessionsPending", Value::is_u64),
    ("messagesSent", Value::is_u64),
    ("messagesPending", Value::is_u64),
    ("tasksSent", Value::is_u64),
    ("batches", Value::is_u64),
    ("attempts", Value::is_u64),
    ("bytesSent", Value::is_u64),
    ("bytesUncompressed", Value::is_u64),
    ("durationMs", Value::is_u64),
    ("nextRetryAt", |value| value.is_null() || value.is_string()),
    ("errors", Value::is_array),
];

#[track_caller]
fn assert_run(outcome: &Outcome, code: i32, status: &str) -> Value {
    let report = outcome.clone().exits(code).json();
    assert_eq!(report["status"], status, "{report}");
    for (field, fits) in RUN_FIELDS {
        assert!(report.get(field).is_some_and(fits), "{field} in {report}");
    }
    for error in report["errors"].as_array().unwrap() {
        for field in ["sessionId", "code", "message"] {
            assert!(error.get(field).is_some(), "{field} in {report}");
        }
    }
    report
}

/// Calls that send, with `--json` in either place. `ID` stands for the first session.
const SENDING_CALLS: [&[&str]; 9] = [
    &["--json"],
    &["--session", "ID", "--json"],
    &["--json", "--session=ID"],
    &["session", "ID", "--json"],
    &["--json", "session", "ID"],
    &["session", "--json", "ID"],
    &["all", "--json"],
    &["--json", "all"],
    &["--json", "--max-seconds", "9", "all", "--quiet"],
];

fn call(test: &ExporterTest, call: &[&str]) -> Outcome {
    let first = test.sessions[0].as_str();
    let words: Vec<String> = call.iter().map(|word| word.replace("ID", first)).collect();
    test.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A situation, and how every call that sends ends in it.
#[test]
fn every_sending_call_ends_as_the_contract_says_in_every_situation() {
    type Situation = (&'static str, Arrange, i32, &'static str);
    let table: [Situation; 12] = [
        ("all is well", |_| (), 0, "success"),
        ("nothing is new", |test| drop(test.run(&[]).exits(0)), 0, "success"),
        ("disabled", |test| test.set("enabled", "false"), 0, "disabled"),
        ("the endpoint is away", |test| test.receiver.script(requests(), Fault::close()), 75, "error"),
        ("batches fail", |test| test.receiver.script(batches(), Fault::status(500)), 75, "error"),
        ("the key is refused", |test| test.receiver.script(requests(), Fault::status(401)), 77, "error"),
        (
            "redirect",
            |test| test.receiver.script(batches(), Fault::redirect(302, "https://example.com/")),
            78,
            "error",
        ),
        ("no receiver", |test| test.receiver.script(requests(), Fault::status(404)), 78, "error"),
        ("no endpoint", |test| test.unset("endpoint"), 78, "error"),
        ("wrong configuration", |test| test.set("batchSize", "0"), 78, "error"),
        ("no database", |test| test.env("HAN_DB", "/nowhere/han.db"), 66, "error"),
        (
            "another database",
            |test| {
                fs::write(test.path("other.db"), "no database").unwrap();
                test.env("HAN_DB", test.path("other.db").to_str().unwrap());
            },
            66,
            "error",
        ),
    ];
    for (name, arrange, code, status) in table {
        let test = ExporterTest::with_sessions(&[2]);
        test.set("organizations", "[github.com/acme-corp]");
        for words in SENDING_CALLS {
            eprintln!("case: {name}, {words:?}");
            test.forget_state();
            arrange(&test);
            let outcome = call(&test, words);
            let report = assert_run(&outcome, code, status);
            let sends = name == "all is well";
            assert_eq!(report["messagesSent"], if sends { 2 } else { 0 }, "{report}");
            assert_eq!(test.receiver.alice().message_count() == 2, sends || name == "nothing is new");
            if code != 0 {
                assert!(report["errors"][0]["message"].is_string(), "a program is told: {report}");
            }
        }
        test.forget_state();
        arrange(&test);
        let told = test.run(&["all", "--quiet"]).exits(code).stderr;
        assert_eq!(told.lines().count(), usize::from(code != 0), "{name}: a person is told once: {told}");
    }
}

#[test]
fn one_session_refused_for_good_among_others_is_partial_and_65() {
    for words in [&["--json"][..], &["all", "--json"], &["--json", "all"]] {
        let test = ExporterTest::with_sessions(&[2, 2]);
        test.receiver.script(batches().with_session(&test.sessions[0]), Fault::status(400));
        let report = assert_run(&call(&test, words), 65, "partial");
        assert_eq!(
            (&report["sessionsSent"], &report["sessionsRejected"]),
            (&json!(1), &json!(1)),
            "{report}"
        );
        test.assert_delivered_but(&[&test.sessions[0]]);
    }
    for words in [&["session", "ID", "--json"][..], &["--session", "ID", "--json"]] {
        let test = ExporterTest::with_sessions(&[2, 2]);
        test.receiver.script(batches().with_session(&test.sessions[0]), Fault::status(400));
        assert_run(&call(&test, words), 65, "error");
    }
}

/// The first code that applies.
#[test]
fn of_several_outcomes_the_first_of_the_contract_is_the_exit_code() {
    // A session refused for good, then the endpoint goes away, then the key is refused.
    let test = ExporterTest::with_sessions(&[2, 2, 2]);
    test.set("batchSize", "2");
    let refused = test.sessions[0].clone();
    test.receiver.script(batches().with_session(&test.sessions[1]), Fault::status(500));
    test.receiver.script(batches().with_session(&refused), Fault::status(400));
    test.run_json(&["--max-seconds", "2"], 75);
    assert_eq!(test.queued(&refused).expect("it is kept")["status"], "failed");

    let test = ExporterTest::with_sessions(&[2, 2]);
    test.set("batchSize", "2");
    test.receiver.reject(&test.sessions[0], "VALIDATION_ERROR", usize::MAX);
    test.receiver.script(batches().with_session(&test.sessions[1]), Fault::status(403));
    test.run_json(&["--max-seconds", "2"], 77);
}

#[test]
fn backoff_is_no_failure_of_the_run_that_honours_it() {
    let test = ExporterTest::with_sessions(&[2]);
    test.receiver.script(batches(), Fault::status(503).header("Retry-After", "600"));
    assert_run(&test.run(&["--json", "--max-seconds", "1"]), 75, "error");
    let report = assert_run(&test.run(&["--json"]), 0, "backoff");
    assert_eq!((&report["messagesPending"], &report["attempts"]), (&json!(2), &json!(0)), "{report}");
    assert!(report["nextRetryAt"].is_string(), "{report}");
}

#[test]
fn session_that_is_not_eligible_is_skipped_with_the_reason() {
    for call in ["session", "--session"] {
        let test = ExporterTest::with_sessions(&[2]);
        for remote in ["https://github.com/alice/dotfiles.git", "https://github.com/stranger/thing"] {
            let personal = test.db.session_of_remote(remote);
            test.add_messages(&personal, 1);
            let outcome = test.run(&[call, &personal, "--json"]).prints(&personal);
            let report = assert_run(&outcome, 0, "skipped");
            let why = report["errors"][0]["message"].as_str().expect("a reason");
            let way_out = if remote.contains("alice") { "includePersonal" } else { "organizations" };
            assert!(why.contains(way_out), "what would make it eligible: {why}");
            assert!(test.queued(&personal).is_none(), "it does not wait for what will not come");
        }
        assert_eq!(test.receiver.batches().len(), 0);
    }
}

#[test]
fn wrong_calls_are_usage_errors_with_json_where_it_is_asked_for() {
    let test = ExporterTest::with_sessions(&[1]);
    let table: [&[&str]; 14] = [
        &["frobnicate"],
        &["--frobnicate"],
        &["session"],
        &["session", "a", "b"],
        &["--session"],
        &["--session="],
        &["all", "extra"],
        &["--max-seconds", "soon"],
        &["--max-seconds", "-1"],
        &["--max-seconds"],
        &["--log-format", "xml"],
        &["queue", "--retry"],
        &["queue", "--retry", "a", "--drop", "b"],
        &["status", "--session", "a", "--frobnicate"],
    ];
    for words in table {
        eprintln!("case: {words:?}");
        let outcome = test.run(words).exits(64);
        assert_eq!(outcome.stdout, "", "what is wrong is no result");
        assert!(!outcome.stderr.is_empty());
        for position in [0, words.len()] {
            let mut words = words.to_vec();
            words.insert(position, "--json");
            if words.ends_with(&["--max-seconds", "--json"]) || words.ends_with(&["--session", "--json"]) {
                continue;
            }
            if words.ends_with(&["--retry", "--json"]) {
                continue;
            }
            let document = test.run(&words).exits(64).json();
            assert!(document["version"].is_u64() || document["version"].is_string(), "{document}");
            assert_eq!(document["status"], "error", "{document}");
        }
    }
    assert_eq!(test.receiver.connection_count(), 0);
}

#[test]
fn mistyped_command_or_flag_names_the_nearest_one() {
    let test = ExporterTest::new();
    for (arguments, nearest) in [
        (["stauts"].as_slice(), "status"),
        (&["Queue"], "queue"),
        (&["--db", "x", "sesion", "id"], "session"),
        (&["--endpiont=https://a/api/sync"], "--endpoint"),
        (&["status", "--jsno"], "--json"),
        (&["queue", "--rety", "x"], "--retry"),
        (&["hook", "--trust-enviroment"], "--trust-environment"),
        (&["preview", "--sesion", "x"], "--session"),
        (&["--hlep"], "--help"),
    ] {
        test.run(arguments).exits(64).prints(&format!("did you mean {nearest}?"));
    }
    // Nothing is near.
    for arguments in [["frobnicate"].as_slice(), &["--zzz"], &["status", "twice"]] {
        test.run(arguments).exits(64).prints(arguments.last().unwrap()).does_not_print("did you mean");
    }
    let (report, _) = test.run_json(&["stauts"], 64);
    assert!(report["errors"][0]["message"].as_str().unwrap().contains("did you mean status?"), "{report}");
}

#[test]
fn global_flags_are_taken_before_and_after_the_subcommand_in_both_spellings() {
    let test = ExporterTest::with_sessions(&[2]);
    let database = test.database();
    let config = test.path("elsewhere.yml");
    fs::rename(test.config_file(), &config).unwrap();
    test.env("HAN_DB", "/nowhere/han.db");
    let flags = [("--db", database.to_str().unwrap()), ("--config", config.to_str().unwrap())];
    for subcommand in
        [&["all"][..], &["session", &test.sessions[0]], &["status"], &["queue"], &["reset"], &[]]
    {
        for joined in [false, true] {
            for after in [false, true] {
                let flags: Vec<String> = flags
                    .iter()
                    .chain([&("--max-seconds", "30"), &("--log-format", "json")])
                    .flat_map(|(flag, value)| match joined {
                        true => vec![format!("{flag}={value}")],
                        false => vec![(*flag).to_owned(), (*value).to_owned()],
                    })
                    .chain(["--json", "--verbose"].map(str::to_owned))
                    .collect();
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                let words = if after { [subcommand, &flags].concat() } else { [&flags, subcommand].concat() };
                eprintln!("case: {words:?}");
                let outcome = test.run(&words).exits(0);
                outcome.json();
                for line in outcome.stderr.lines() {
                    let line: Value = serde_json::from_str(line).expect("--log-format json");
                    assert!(line.is_object());
                }
            }
        }
    }
    test.env("HAN_DB", database.to_str().unwrap());
    fs::rename(&config, test.config_file()).unwrap();
    test.assert_delivered();
}

#[test]
fn endpoint_flag_beats_environment_and_file() {
    let test = ExporterTest::with_sessions(&[2]);
    test.env("HAN_SYNC_ENDPOINT", "http://127.0.0.1:9/from/environment");
    for words in [
        ["status", "--json", "--endpoint", "http://127.0.0.1:9/from/flag"],
        ["--endpoint", "http://127.0.0.1:9/from/flag", "status", "--json"],
    ] {
        assert_eq!(test.run(&words).exits(0).json()["endpoint"], "http://127.0.0.1:9/from/flag");
    }
    assert_eq!(test.status()["endpoint"], "http://127.0.0.1:9/from/environment");
    test.run_json(&["--endpoint", &test.receiver.endpoint()], 0);
    test.assert_delivered();
}

#[test]
fn quiet_says_nothing_unless_something_is_wrong_and_version_and_help_are_results() {
    let test = ExporterTest::with_sessions(&[2]);
    let outcome = test.run(&["--quiet"]).exits(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    for words in [["--version"].as_slice(), &["all", "--version"]] {
        assert_eq!(test.run(words).exits(0).stdout.trim(), concat!("han-sync ", env!("CARGO_PKG_VERSION")));
    }
    for words in [["--help"].as_slice(), &["all", "--help"], &["--help", "queue"]] {
        assert!(test.run(words).exits(0).stdout.contains("han-sync"));
    }
}

#[test]
fn status_and_queue_have_the_documented_shape_in_every_state() {
    let table: [(&str, Arrange); 5] = [
        ("fresh", |_| ()),
        ("delivered", |test| drop(test.run(&[]).exits(0))),
        ("failing", |test| {
            test.receiver.script(batches(), Fault::status(500));
            test.run(&["--max-seconds", "1"]).exits(75);
        }),
        ("with a failed session", |test| {
            test.receiver.script(batches(), Fault::status(400));
            test.run(&["--max-seconds", "1"]).exits(65);
        }),
        ("disabled", |test| test.set("enabled", "false")),
    ];
    for (name, arrange) in table {
        let test = ExporterTest::with_sessions(&[2]);
        arrange(&test);
        let before = test.receiver.request_count();
        let status = test.status();
        for field in [
            "version",
            "enabled",
            "configured",
            "endpoint",
            "clientId",
            "lastSyncAt",
            "lastError",
            "nextRetryAt",
            "overdue",
            "queue",
            "eligibleSessions",
            "excludedSessions",
            "pendingSessions",
            "pendingMessages",
            "totalMessagesSynced",
            "successfulRuns",
            "failedRuns",
        ] {
            assert!(status.get(field).is_some(), "{name}: {field} in {status}");
        }
        for field in ["pending", "failed", "items"] {
            assert!(status["queue"].get(field).is_some(), "{name}: queue.{field} in {status}");
        }
        test.run(&["queue", "--json"]).exits(0).json();
        test.run(&["status"]).exits(0);
        assert_eq!(test.receiver.request_count(), before, "{name}: status asks nobody");
        let delivered = name == "delivered";
        assert_eq!(status["totalMessagesSynced"], if delivered { 2 } else { 0 }, "{name}: {status}");
        assert_eq!(status["lastSyncAt"].is_string(), delivered, "{name}: {status}");
        assert_eq!(status["lastError"].is_string(), name == "failing", "{name}: {status}");
    }
}

#[test]
fn work_that_waits_for_longer_than_two_intervals_is_overdue() {
    let test = ExporterTest::with_sessions(&[2]);
    test.run_json(&[], 0);
    assert_eq!(test.status()["overdue"], false);
    test.receiver.script(batches(), Fault::status(503));
    test.db.make(|maker| maker.advance_ms(23 * 3_600_000));
    test.add_messages(&test.sessions[0], 1);
    test.run_json(&["--max-seconds", "1"], 75);
    assert_eq!(test.status()["overdue"], false);
    test.advance(TimeDelta::seconds(601));
    assert_eq!(test.status()["overdue"], true);
    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    assert_eq!(test.status()["overdue"], false);
    test.assert_delivered_without_repeats();
}

#[test]
fn empty_batch_tells_idle_from_dead_once_an_hour() {
    let test = ExporterTest::with_sessions(&[2]);
    test.run_json(&[], 0);
    let delivered = test.receiver.request_count();
    for _ in 0..24 {
        test.advance(TimeDelta::minutes(5));
        test.run_json(&[], 0);
    }
    let empty: Vec<_> = test.receiver.requests().split_off(delivered);
    let batches = empty.iter().filter(|request| request.is_batch()).count();
    assert!((1..=2).contains(&batches), "{batches} in two hours");
    assert!(empty.iter().all(|request| request.session_ids().is_empty()));
    test.assert_delivered_without_repeats();
}

#[test]
fn time_budget_ends_a_run_that_has_more_to_send() {
    let test = ExporterTest::with_sessions(&[2; 12]);
    test.set("batchSize", "2");
    // Two seconds of waiting, simulated, pass at the first batch.
    test.receiver.script(batches().times(2), Fault::status(503).header("Retry-After", "20"));
    let (report, _) = test.run_json(&["--max-seconds", "30"], 75);
    assert!(report["messagesPending"].as_u64().unwrap() > 0, "{report}");
    test.advance(TimeDelta::seconds(3601));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn session_sent_by_name_leaves_the_others_to_the_next_run_though_han_writes_nothing() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    test.age_database();
    test.run_json(&["session", &test.sessions[0]], 0);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 3, "{report}");
    test.assert_delivered();
}
