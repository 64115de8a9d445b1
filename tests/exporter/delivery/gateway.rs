//! Gateways and firewalls on the way that cut or block some bodies: the rest gets through, and an outage costs nothing.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, batches, connections, identities, requests};

/// Bytes of the largest body that the gateway lets through.
const GATEWAY_BYTES: usize = 8 << 10;

/// Puts a gateway before the receiver that treats larger bodies as `fault` says.
fn limit_bodies(test: &ExporterTest, fault: Fault) {
    test.receiver.script(batches().that(|batch| batch.content_length() > GATEWAY_BYTES), fault);
}

/// A firewall's response in plain text.
fn text(status: u16) -> Fault {
    Fault::status(status).header("Content-Type", "text/plain").body("Blocked by policy")
}

#[test]
fn gateway_that_cuts_large_bodies_lets_everything_through_in_halves() {
    for (name, fault) in [
        ("reset while sending", Fault::reset().unread()),
        ("closed while sending", Fault::close().unread()),
        ("reset after the body", Fault::reset()),
        ("closed after the body", Fault::close()),
        ("a firewall's page", Fault::html(403)),
    ] {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[600, 1, 2, 1, 2, 1, 2, 1]);
        limit_bodies(&test, fault);
        let (report, _) = test.run_json(&[], 0);
        assert!(report["batches"].as_u64().unwrap() > 1, "a body too small to be cut: {report}");
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn size_that_a_gateway_lets_through_is_remembered() {
    let test = ExporterTest::with_sessions(&[600]);
    limit_bodies(&test, Fault::reset().unread());
    test.run_json(&[], 0);
    test.add_messages(&test.sessions[0], 600);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["attempts"], report["batches"], "{report}");
    test.assert_delivered_without_repeats();
}

#[test]
fn cuts_of_several_runs_halve_the_batch_too() {
    let test = ExporterTest::with_sessions(&[600]);
    limit_bodies(&test, Fault::close().unread());
    for _ in 0..6 {
        // Time for one try each.
        test.run(&["all", "--max-seconds", "1"]);
    }
    test.run_json(&["all"], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn message_that_a_gateway_cuts_holds_up_no_other_and_goes_without_content() {
    for fault in [Fault::reset().unread(), Fault::close(), Fault::html(403)] {
        let test = ExporterTest::with_sessions(&[1, 3, 3, 3]);
        test.set("includeContent", "true");
        let large = test.add_large_message(&test.sessions[0], 200_000);
        limit_bodies(&test, fault);
        let (report, _) = test.run_json(&[], 0);
        assert_eq!(report["messagesPending"], 0, "{report}");
        test.assert_delivered();
        let alice = test.receiver.alice();
        for message in alice.sessions.values().flat_map(|session| session.messages.values()) {
            assert_eq!(message.content.is_none(), message.id == large, "{}", message.id);
        }
    }
}

#[test]
fn outage_that_looks_like_a_gateway_costs_no_content_and_no_session() {
    for (name, when, fault) in [
        ("resets", connections(), Fault::reset()),
        ("closed", batches(), Fault::close()),
        ("blocked", batches(), Fault::html(403)),
        ("blocked altogether", requests(), Fault::html(406)),
        ("blocked with a text", batches(), text(400)),
        ("blocked without a word", requests(), Fault::html(400).body("")),
        ("blocked with another JSON", batches(), Fault::status(422).body(r#"{"message":"Blocked"}"#)),
        ("captive portal", requests(), Fault::html(200)),
    ] {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[3, 1, 1]);
        test.set("includeContent", "true");
        test.run_json(&[], 0);
        for session in &test.sessions {
            test.add_messages(session, 1);
        }
        test.receiver.script(when, fault);
        for _ in 0..3 {
            let (report, outcome) = test.run_json(&["all"], 75);
            outcome.does_not_print("apiKey");
            assert_eq!(report["sessionsRejected"], 0, "{report}");
        }
        assert_eq!(test.status()["queue"]["failed"], 0, "the sessions have no part in it");
        test.receiver.clear_script();
        test.run_json(&["all"], 0);
        test.assert_delivered();
        let alice = test.receiver.alice();
        for message in alice.sessions.values().flat_map(|session| session.messages.values()) {
            assert!(message.content.is_some(), "an outage took the content of {}", message.id);
        }
    }
}

/// A firewall that takes one message for an attack, whatever the size of the batch.
#[test]
fn message_that_a_firewall_blocks_is_left_behind_alone() {
    let table = [
        ("403", Fault::html(403)),
        ("406", Fault::html(406)),
        ("403 without a body", Fault::html(403).body("")),
        ("403 with another JSON", Fault::status(403).body(r#"{"message":"Forbidden"}"#)),
        ("400 with a page", Fault::html(400)),
        ("400 with a text", text(400)),
        ("422 with another JSON", Fault::status(422).body(r#"{"message":"Unprocessable"}"#)),
        ("200 with a page", Fault::html(200)),
    ];
    for (name, fault) in table {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[2, 20, 2]);
        let blocked = test.message(1, 7);
        test.receiver.script(batches().with_message(&blocked), fault);
        let (report, outcome) = test.run_json(&[], 65);
        outcome.prints("firewall").does_not_print("set apiKey");
        assert_eq!(
            (&report["sessionsRejected"], &report["status"]),
            (&json!(1), &json!("partial")),
            "{report}"
        );
        assert_eq!(report["errors"][0]["sessionId"], test.sessions[1], "{report}");
        assert_eq!(test.receiver.alice().message_count(), 23, "everything else is there");
        assert_eq!(test.queued(&test.sessions[1]).unwrap()["status"], "failed");

        test.receiver.clear_script();
        test.run_json(&["all"], 0);
        test.assert_delivered();
    }
}

#[test]
fn firewall_before_the_identity_is_not_a_matter_of_the_key() {
    for fault in [Fault::html(403), Fault::html(406), Fault::html(403).body("")] {
        let test = ExporterTest::with_sessions(&[3]);
        test.receiver.script(identities(), fault);
        let (_, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome.prints("firewall").does_not_print("apiKey");
        test.receiver.clear_script();
        test.advance(TimeDelta::hours(2));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

/// Halving, setting aside and probing keep to the backoff of the endpoint.
#[test]
fn outage_that_looks_like_a_gateway_is_asked_at_the_pace_of_the_backoff() {
    for (name, when, fault) in [
        ("resets", connections(), Fault::reset()),
        ("cut while sending", batches(), Fault::reset().unread()),
        ("closed", batches(), Fault::close().unread()),
        ("blocked", batches(), Fault::html(403)),
        ("captive portal", requests(), Fault::html(200)),
    ] {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[40, 1, 1]);
        test.set("includeContent", "true");
        test.run_json(&[], 0);
        for session in &test.sessions {
            test.add_messages(session, 20);
        }
        test.receiver.script(when, fault);
        let mut asked = Vec::new();
        for _ in 0..16 {
            let before = test.receiver.connection_count();
            test.run_json(&[], 75);
            asked.push(test.receiver.connection_count() - before);
            test.advance(TimeDelta::minutes(61));
        }
        assert!(asked[0] <= 9, "1, 2, 4… seconds within the budget of the first run: {asked:?}");
        assert!(asked[2..].iter().all(|asked| *asked == 1), "then one request an hour: {asked:?}");
        test.receiver.clear_script();
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
        let alice = test.receiver.alice();
        for message in alice.sessions.values().flat_map(|session| session.messages.values()) {
            assert!(message.content.is_some(), "an outage took the content of {}", message.id);
        }
    }
}

/// A message that gets no response by itself is not the endpoint's matter, and holds up no other session.
#[test]
fn message_without_any_response_backs_off_with_its_session_alone() {
    for (name, fault) in [("cut", Fault::reset()), ("silent", Fault::silence())] {
        eprintln!("case: {name}");
        let mut test = ExporterTest::with_sessions(&[1, 3, 3]);
        let bad = test.message(0, 0);
        test.receiver.script(batches().with_message(&bad), fault);
        let (report, _) = test.run_json(&[], 75);
        assert_eq!(
            (&report["sessionsRejected"], &report["messagesSent"]),
            (&json!(1), &json!(6)),
            "{report}"
        );
        assert_eq!(report["errors"][0]["code"], "NO_RESPONSE", "{report}");
        let status = test.status();
        assert!(status["nextRetryAt"].is_null(), "the endpoint is well: {status}");
        assert_eq!(test.queued(&test.sessions[0]).unwrap()["status"], "pending");
        test.add_session(2);
        test.run_json(&["--max-seconds", "1"], 0);
        test.receiver.clear_script();
        test.advance(TimeDelta::hours(1));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

/// Runs at intervals until a condition holds; one that takes longer than so many runs never will.
fn run_until(test: &ExporterTest, arguments: &[&str], runs_max: usize, condition: impl Fn() -> bool) {
    for _ in 0..runs_max {
        test.run(arguments);
        if condition() {
            return;
        }
        test.advance(TimeDelta::minutes(61));
    }
    panic!("not after {runs_max} runs: {}", test.status());
}

/// A time budget below the timeout leaves no time for a second attempt, and none for a probe.
#[test]
fn message_that_uses_up_the_time_budget_of_each_run_delays_no_other_session() {
    for (name, first_session, batch_messages) in [("alone", 1, "1"), ("in a batch with others", 2, "1000")] {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[first_session, 3, 3]);
        test.set("timeout", "30");
        test.set("batchSize", batch_messages);
        let bad = test.message(0, 0);
        test.receiver.script(batches().with_message(&bad), Fault::silence());
        let arguments = ["--json", "--max-seconds", "2"];
        run_until(&test, &arguments, 12, || test.receiver.alice().message_count() == 6);
        run_until(&test, &arguments, 12, || test.queued(&test.sessions[0]).is_some());
        let item = test.queued(&test.sessions[0]).unwrap();
        assert!(item["lastError"].to_string().contains("NO_RESPONSE"), "{item}");

        // New data of the others does not wait for it either.
        test.add_messages(&test.sessions[1], 1);
        test.advance(TimeDelta::minutes(61));
        test.run(&arguments);
        assert_eq!(test.receiver.alice().message_count(), 7);

        test.receiver.clear_script();
        test.run_json(&["all"], 0);
        test.assert_delivered_without_repeats();
    }
}

/// After an outage the wait before a probe exceeds the time budget of a run.
#[test]
fn message_that_is_cut_after_an_outage_delays_no_other_session() {
    for (name, fault) in [("cut", Fault::reset()), ("blocked", Fault::html(403))] {
        eprintln!("case: {name}");
        let mut test = ExporterTest::with_sessions(&[]);
        test.set("batchSize", "1");
        test.run_json(&[], 0);
        for messages in [1, 3, 3] {
            test.add_session(messages);
        }
        let bad = test.message(0, 0);
        test.receiver.script(requests(), Fault::reset());
        for _ in 0..12 {
            test.run(&["--quiet"]);
            test.advance(TimeDelta::minutes(61));
        }
        test.receiver.clear_script();
        test.receiver.script(batches().with_message(&bad), fault);
        run_until(&test, &["--quiet"], 4, || test.receiver.alice().message_count() == 6);
        test.receiver.clear_script();
        test.run_json(&["all"], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn gateway_that_finds_a_message_too_large_is_named_in_place_of_the_receiver() {
    let test = ExporterTest::with_sessions(&[3, 3]);
    test.receiver.script(batches().with_message(&test.message(0, 1)), Fault::html(413));
    let (report, outcome) = test.run_json(&["--verbose"], 65);
    outcome.prints("gateway").does_not_print("the receiver rejected");
    let error = &report["errors"][0];
    assert_eq!(error["code"], "HTTP_413", "{report}");
    assert!(error["message"].as_str().unwrap().contains("a gateway or proxy on the way"), "{report}");
    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    test.assert_delivered_without_repeats();
}
