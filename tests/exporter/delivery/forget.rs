//! `forget`: previewed, confirmed, durable before the request, repeated until it is answered, and taken back.

use chrono::TimeDelta;
use serde_json::{Value, json};
use std::fs;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, batches, forgets, requests};

const REMOTE: &str = "https://github.com/acme-corp/web.git";
const REPOSITORY: &str = "github.com/acme-corp/web";

/// The targets of all requests to forget, without the endpoint.
fn forget_requests(test: &ExporterTest) -> Vec<String> {
    let requests = test.receiver.requests();
    let targets = requests.iter().filter(|request| request.head.method == "DELETE");
    targets.map(|request| request.head.path.replace("/api/sync/", "")).collect()
}

/// Ids of the sessions that the receiver holds.
fn held(test: &ExporterTest) -> Vec<String> {
    test.receiver.alice().sessions.keys().cloned().collect()
}

fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids = ids.map(Clone::clone).to_vec();
    ids.sort();
    ids
}

#[test]
fn forgotten_session_is_deleted_and_never_sent_again_until_it_is_taken_back() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    let [gone, kept] = [&test.sessions[0], &test.sessions[1]];
    test.json(&[]);
    let result = test.json(&["forget", "--session", gone, "--yes"]);
    assert_eq!(result["status"], "success", "{result}");
    assert_eq!(
        result["sessions"],
        json!([{"sessionId": gone, "repository": "github.com/acme-corp/api", "organization": "acme", "messages": 3}])
    );
    assert_eq!((&result["messages"], &result["organizations"]), (&json!(3), &json!(["acme"])), "{result}");
    assert_eq!(forget_requests(&test), [format!("sessions/{gone}")]);
    assert_eq!(held(&test), sorted([kept]));

    // Not by new data, by name, by all, by a reset, or by a hook.
    test.add_messages(gone, 1);
    assert_eq!(test.run_and_list_sent(0), Vec::<String>::new());
    let (report, _) = test.run_json(&["session", gone], 0);
    assert_eq!(
        (&report["status"], &report["errors"][0]["code"]),
        (&json!("skipped"), &json!("forgotten")),
        "{report}"
    );
    let command = format!("han-sync forget --session {gone} --undo");
    assert!(report["errors"][0]["message"].as_str().unwrap().contains(&command), "{report}");
    test.json(&["reset"]);
    test.json(&["all"]);
    assert_eq!(held(&test), sorted([kept]));
    assert!(test.receiver.alice().messages_again > 0, "the other session was sent again");

    let explained = test.json(&["explain", gone]);
    let explained = &explained["sessions"][0];
    assert_eq!(
        (&explained["eligible"], &explained["reason"]),
        (&json!(false), &json!("forgotten")),
        "{explained}"
    );
    assert!(explained["remedy"].as_str().unwrap().contains(&command), "{explained}");
    let preview = test.json(&["preview", "--session", gone]);
    assert!(preview["errors"][0]["message"].as_str().unwrap().contains(&command), "{preview}");
    test.run(&["preview"]).exits(0).prints("1 session forgotten");

    let result = test.json(&["forget", "--session", gone, "--undo"]);
    assert_eq!((&result["status"], &result["undo"]), (&json!("success"), &json!(true)), "{result}");
    test.json(&[]);
    test.assert_delivered();
    test.assert_idle();
}

#[test]
fn nothing_happens_without_a_yes() {
    let test = ExporterTest::with_sessions(&[2]);
    test.json(&[]);
    let (requests, files) = (test.receiver.request_count(), test.state_files());
    for object in [["--session", test.sessions[0].as_str()].as_slice(), &["--all"], &["--repo", REPOSITORY]] {
        let arguments: Vec<&str> = ["forget"].into_iter().chain(object.iter().copied()).collect();
        test.run(&arguments).exits(64).prints("add --yes").prints("to be deleted");
        let (result, _) = test.run_json(&arguments, 64);
        assert_eq!(
            (&result["status"], &result["errors"][0]["code"]),
            (&json!("error"), &json!("USAGE")),
            "{result}"
        );
    }
    for wrong in [
        ["forget"].as_slice(),
        &["forget", "--all", "--yes", "--excluded"],
        &["forget", "--repo", "nonsense", "--yes"],
        &["forget", "--session", "", "--yes"],
        &["forget", "--everything", "--yes"],
    ] {
        test.run_json(wrong, 64);
    }
    assert_eq!((test.receiver.request_count(), test.state_files()), (requests, files));
    assert_eq!(held(&test).len(), 1);
}

#[test]
fn session_that_was_never_sent_is_forgotten_in_advance() {
    let mut test = ExporterTest::new();
    test.json(&["forget", "--session", "not/yet there", "--yes"]);
    assert_eq!(forget_requests(&test), ["sessions/not%2Fyet%20there"]);
    let later = test.add_session(2);
    let result = test.json(&["forget", "--session", &later, "--yes"]);
    assert_eq!((&result["sessions"], &result["unsentSessions"]), (&json!([]), &json!(1)), "{result}");
    test.json(&[]);
    assert!(test.receiver.alice().sessions.is_empty());
    test.run_json(&["session", "not/yet there"], 0)
        .1
        .prints("han-sync forget --session not/yet there --undo");
}

#[test]
fn repository_is_forgotten_and_excluded_from_now_on() {
    let test = ExporterTest::with_sessions(&[2]);
    let (sent, other) = (test.session(REMOTE, 2), &test.sessions[0]);
    test.json(&[]);
    let before = fs::read_to_string(test.config_file()).unwrap();
    let never_sent = test.session(REMOTE, 1);
    let result = test.json(&["forget", "--repo", REMOTE, "--yes"]);
    assert_eq!(result["sessions"][0]["sessionId"], sent.as_str(), "{result}");
    assert_eq!(result["unsentSessions"], 1, "{result}");
    assert_eq!(
        (&result["exclusion"]["pattern"], &result["exclusion"]["done"]),
        (&json!(REPOSITORY), &json!(true))
    );
    assert_eq!(forget_requests(&test), ["sessions?repository=https%3A%2F%2Fgithub%2Ecom%2Facme-corp%2Fweb"]);
    assert_eq!(held(&test), sorted([other]));
    let after = fs::read_to_string(test.config_file()).unwrap();
    assert_eq!(
        after,
        format!("{before}  forceExclude:\n    - {REPOSITORY}\n"),
        "everything else is as it was"
    );
    let later = test.session(REMOTE, 1);
    assert_eq!(test.run_and_list_sent(0), Vec::<String>::new());

    test.json(&["forget", "--repo", REPOSITORY, "--undo"]);
    assert_eq!(fs::read_to_string(test.config_file()).unwrap(), before);
    test.json(&[]);
    assert_eq!(held(&test), sorted([other, &sent, &never_sent, &later]));
    test.assert_delivered();
}

#[test]
fn exclusion_that_cannot_be_written_is_said_and_the_sessions_are_forgotten() {
    let test = ExporterTest::with_sessions(&[2]);
    let sent = test.session(REMOTE, 2);
    test.json(&[]);
    let config = fs::read_to_string(test.config_file()).unwrap();
    let flow = config.replace("sync:\n", "sync: &settings\n");
    test.write_private(&test.config_file(), &flow);
    let (result, outcome) = test.run_json(&["forget", "--repo", REPOSITORY, "--yes"], 0);
    let advice = result["exclusion"]["advice"].as_str().unwrap_or_default();
    assert!(advice.contains(&format!("add {REPOSITORY} to forceExclude")), "{result}");
    drop(outcome);
    assert_eq!(fs::read_to_string(test.config_file()).unwrap(), flow);
    assert!(!held(&test).contains(&sent));
}

#[test]
fn excluded_means_what_was_sent_and_would_not_be_eligible_today() {
    let test = ExporterTest::with_sessions(&[2]);
    let (web, personal) = (test.session(REMOTE, 2), test.session("https://github.com/alice/x", 1));
    test.json(&[]);
    let result = test.json(&["forget", "--excluded", "--yes"]);
    assert_eq!((&result["sessions"], forget_requests(&test).len()), (&json!([]), 0), "{result}");
    test.set("forceExclude", &format!("[{REPOSITORY}]"));
    let result = test.json(&["forget", "--excluded", "--yes"]);
    assert_eq!(result["sessions"][0]["sessionId"], web.as_str(), "{result}");
    assert_eq!(forget_requests(&test), [format!("sessions/{web}")]);
    assert_eq!(held(&test), [test.sessions[0].clone()]);
    assert!(!test.receiver.with_receiver(|it| it.tombstones["user-alice"].contains(&personal)));
    // Without an identity nothing can be told apart.
    test.advance(TimeDelta::hours(25));
    test.receiver.script(requests(), Fault::status(503));
    test.run_json(&["forget", "--excluded", "--yes"], 75);
    assert_eq!(held(&test), [test.sessions[0].clone()]);
}

#[test]
fn all_means_what_exists_now() {
    let mut test = ExporterTest::with_sessions(&[2, 3]);
    test.json(&[]);
    let result = test.json(&["forget", "--all", "--yes"]);
    assert_eq!(
        (result["sessions"].as_array().unwrap().len(), &result["messages"]),
        (2, &json!(5)),
        "{result}"
    );
    assert_eq!(forget_requests(&test), ["sessions?all=true"]);
    assert!(held(&test).is_empty());
    let later = test.add_session(1);
    test.json(&[]);
    assert_eq!(held(&test), [later]);
    test.json(&["forget", "--all", "--undo"]);
    test.json(&[]);
    test.assert_delivered();
}

#[test]
fn request_that_fails_is_repeated_by_later_runs_until_it_is_answered() {
    let outages: [(&str, Fault); 4] = [
        ("503", Fault::status(503)),
        ("reset", Fault::reset()),
        ("done, and the answer is lost", Fault::close().after_commit()),
        ("429", Fault::status(429).header("Retry-After", "2")),
    ];
    for (name, fault) in outages {
        eprintln!("case: {name}");
        let mut test = ExporterTest::with_sessions(&[2, 2]);
        test.json(&[]);
        let gone = test.sessions[0].clone();
        test.receiver.script(forgets(), fault);
        let (result, _) = test.run_json(&["forget", "--session", &gone, "--yes", "--max-seconds", "1"], 75);
        assert_eq!((&result["status"], &result["requestsPending"]), (&json!("error"), &json!(1)), "{result}");
        // Sessions are delivered all the same, and the run says that something is due.
        let other = test.add_session(1);
        test.add_messages(&gone, 1);
        test.advance(TimeDelta::minutes(1));
        test.run_json(&["--max-seconds", "1"], 75);
        assert!(held(&test).contains(&other), "{name}");
        assert_eq!(test.sent_since(0).iter().filter(|id| **id == gone).count(), 1, "sent before alone");
        test.advance(TimeDelta::hours(1));
        test.run_json(&["--max-seconds", "1"], 75);
        test.receiver.clear_script();
        test.advance(TimeDelta::hours(1));
        test.run_json(&[], 0);
        assert!(!held(&test).contains(&gone), "{name}");
        let last = forget_requests(&test).pop().unwrap();
        let age: u64 = last.split_once("?age=").expect("the age of the command").1.parse().unwrap();
        assert!((7200..7400).contains(&age), "{last}");
        let asked = forget_requests(&test).len();
        test.run_json(&[], 0);
        assert_eq!(forget_requests(&test).len(), asked, "answered once is enough");
        test.assert_idle();
    }
}

#[test]
fn refusals_are_said_plainly_and_not_repeated() {
    let refusal =
        json!({"error": "acme does not let its members delete sessions", "requestId": "r"}).to_string();
    let cases: [(&str, Fault, &str, bool); 6] = [
        ("403", Fault::status(403).body(refusal), "acme does not let its members delete", false),
        ("207", Fault::status(207).body(r#"{"refused":["acme"]}"#), "acme refused", false),
        ("404", Fault::status(404), "the receiver cannot delete sessions (HTTP 404)", true),
        ("405", Fault::status(405), "the receiver cannot delete sessions (HTTP 405)", true),
        ("a firewall", Fault::html(403), "the receiver cannot delete sessions (HTTP 403)", true),
        ("400", Fault::status(400), "scripted", false),
    ];
    for (name, fault, said, is_asked_again) in cases {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[2]);
        let gone = test.sessions[0].clone();
        test.json(&[]);
        test.receiver.script(forgets(), fault);
        let (result, outcome) = test.run_json(&["forget", "--session", &gone, "--yes"], 65);
        outcome.prints(said);
        assert_eq!(result["status"], "partial", "{result}");
        assert_eq!(result["refused"], if name == "207" { json!(["acme"]) } else { json!([]) }, "{result}");
        test.add_messages(&gone, 1);
        // A clock that goes back, as that of the same second would, makes a postponed request due.
        test.advance(TimeDelta::minutes(1));
        test.run_json(&[], 0);
        assert_eq!(forget_requests(&test).len(), 1, "{name}");
        assert_eq!(test.receiver.alice().sessions[&gone].messages.len(), 2, "nothing more is sent");
        test.assert_idle();
        test.receiver.clear_script();
        test.advance(TimeDelta::hours(25));
        test.run_json(&[], 0);
        assert_eq!(forget_requests(&test).len(), 1 + usize::from(is_asked_again), "{name}");
        assert_eq!(held(&test).is_empty(), is_asked_again, "{name}");
    }
}

#[test]
fn key_that_is_refused_keeps_the_request() {
    let test = ExporterTest::with_sessions(&[2]);
    test.json(&[]);
    test.receiver.script(requests(), Fault::status(401));
    test.run_json(&["forget", "--all", "--yes"], 77);
    test.receiver.clear_script();
    test.advance(TimeDelta::hours(2));
    test.json(&[]);
    assert!(held(&test).is_empty());
}

#[test]
fn tombstone_of_another_machine_is_an_acknowledgement_and_remembered() {
    let mut test = ExporterTest::with_sessions(&[2, 2]);
    let gone = test.sessions[0].clone();
    test.receiver
        .with_receiver(|it| it.tombstones.entry("user-alice".into()).or_default().insert(gone.clone()));
    test.run_json(&[], 0);
    test.assert_delivered_but(&[&gone]);
    let batches_before = test.receiver.batches().len();
    test.add_messages(&gone, 2);
    test.run_json(&["all"], 0);
    assert_eq!(test.receiver.batches().len(), batches_before, "it is not offered again");
    let explained = test.json(&["explain", &gone])["sessions"][0].clone();
    assert!(explained["explanation"].as_str().unwrap().contains("elsewhere"), "{explained}");
    test.json(&["forget", "--session", &gone, "--undo"]);
    test.run_json(&[], 0);
    test.assert_delivered();
    // A session of several batches stops at the first.
    test.set("batchSize", "2");
    let long = test.add_session(20);
    test.receiver
        .with_receiver(|it| it.tombstones.entry("user-alice".into()).or_default().insert(long.clone()));
    test.run_json(&[], 0);
    let carried: usize = test.receiver.requests().iter().filter(|it| it.has_session(&long)).count();
    assert!(carried <= 3, "{carried} batches, of which some were prefetched");
    test.assert_delivered_but(&[&long]);
}

#[test]
fn undo_that_has_not_arrived_does_not_lose_the_session() {
    let test = ExporterTest::with_sessions(&[2]);
    let gone = test.sessions[0].clone();
    test.json(&[]);
    test.json(&["forget", "--session", &gone, "--yes"]);
    test.receiver.script(forgets(), Fault::status(500));
    test.run_json(&["forget", "--session", &gone, "--undo", "--max-seconds", "1"], 75);
    test.advance(TimeDelta::hours(1));
    test.run_json(&["--max-seconds", "1"], 75);
    test.receiver.clear_script();
    test.advance(TimeDelta::hours(1));
    test.run_json(&[], 0);
    test.assert_delivered();
}

#[test]
fn tombstones_survive_the_loss_of_the_state() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    let gone = test.sessions[0].clone();
    test.json(&[]);
    // A receiver that cannot delete: the tombstone of this machine alone keeps the session.
    test.receiver.script(forgets(), Fault::status(404));
    test.run_json(&["forget", "--session", &gone, "--yes"], 65);
    let before = test.receiver.request_count();
    fs::write(test.state_path(), "{\"version\":1,\"destinations\":").unwrap();
    test.run_json(&[], 0);
    assert_eq!(test.sent_since(before), [test.sessions[1].clone()]);
}

#[test]
fn session_that_holds_the_same_messages_is_named_with_its_command() {
    let test = ExporterTest::with_sessions(&[2, 1, 1]);
    let [first, resumed] = [test.sessions[0].clone(), test.sessions[1].clone()];
    let last = test.message(0, 1);
    let sql = "UPDATE messages SET parent_id = ?1 WHERE session_id = ?2";
    test.db.conn().execute(sql, [&last, &resumed]).unwrap();
    test.json(&[]);
    for (session, related) in [(&first, &resumed), (&resumed, &first)] {
        let (result, _) = test.run_json(&["forget", "--session", session], 64);
        assert_eq!(
            result["related"],
            json!([{"sessionId": related, "command": format!("han-sync forget --session {related}")}]),
            "{result}"
        );
        test.run(&["forget", "--session", session]).exits(64).prints(&format!("forget --session {related}"));
    }
    let (result, _) = test.run_json(&["forget", "--all"], 64);
    assert_eq!(result["related"], json!([]), "{result}");
}

#[test]
fn everything_can_be_taken_back_without_hans_database() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    test.json(&[]);
    fs::remove_file(test.database()).unwrap();
    test.json(&["forget", "--session", &test.sessions[0], "--yes"]);
    assert_eq!(held(&test), [test.sessions[1].clone()]);
    test.set("enabled", "false");
    test.json(&["forget", "--all", "--yes"]);
    assert!(held(&test).is_empty(), "also when sync is off");
    test.run_json(&["forget", "--excluded", "--yes"], 66);
}

#[test]
fn run_in_flight_is_waited_for_and_does_not_bring_the_session_back() {
    let test = ExporterTest::with_sessions(&[2]);
    let gone = test.sessions[0].clone();
    let run = test.run_into_held_batch(&[], 0);
    test.run_json(&["forget", "--session", &gone, "--yes", "--max-seconds", "1"], 75);
    let forget = test.spawn(&["forget", "--session", &gone, "--yes"]);
    test.receiver.release();
    run.wait().exits(0);
    forget.wait().exits(0);
    assert!(held(&test).is_empty());
    test.run_json(&[], 0);
    assert!(held(&test).is_empty());
}

#[test]
fn earlier_destination_learns_of_it_when_it_is_configured_again() {
    let test = ExporterTest::with_sessions(&[2]);
    let gone = test.sessions[0].clone();
    test.json(&[]);
    let (alice, bob) = ("han_test_key_of_alice", "han_test_key_of_bob");
    test.set("apiKey", bob);
    test.json(&[]);
    test.json(&["forget", "--session", &gone, "--yes"]);
    assert!(test.receiver.store("user-bob").sessions.is_empty());
    assert_eq!(held(&test), sorted([&gone]));
    test.set("apiKey", alice);
    test.json(&[]);
    assert!(held(&test).is_empty(), "the request waited for its key");
}

#[test]
fn command_that_is_killed_is_carried_out_by_the_next_run() {
    let test = ExporterTest::with_sessions(&[2]);
    let gone = test.sessions[0].clone();
    test.json(&[]);
    test.receiver.script(forgets().times(1), Fault::none().held());
    let before = test.receiver.request_count();
    let forget = test.spawn(&["forget", "--session", &gone, "--yes"]);
    test.receiver.wait_until("the request is in flight", |requests| requests.len() > before);
    forget.signal(rustix::process::Signal::KILL);
    assert_eq!(forget.wait().code, -1, "it holds the lock until it is gone");
    test.receiver.script(batches(), Fault::status(500));
    test.receiver.release();
    test.receiver.clear_script();
    test.advance(TimeDelta::minutes(1));
    test.json(&[]);
    assert!(held(&test).is_empty());
    let state: Value = test.state_file("sync-state.json");
    assert!(state["tombstones"][&gone].is_object(), "{state}");
}
