//! Answers that lie or break: nothing advances on them, nothing is stored twice because of them.

use std::time::Duration;

use chrono::TimeDelta;
use han_sync::protocol::SyncError;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::{Fault, TestReceiver, batches, http, identities, requests};

/// Bytes of a response that a client may read before it gives up: far below what is sent here, and far above what
/// fits into the buffers of a loopback connection.
const ANSWER_BYTES_TAKEN_MAX: u64 = 40 << 20;

fn success(processed: u64) -> Vec<u8> {
    let cursor = json!({"lastSessionId": null, "lastMessageLineNumber": 0, "lastSyncTimestamp": ""});
    serde_json::to_vec(&json!({
        "status": "success", "cursor": cursor, "processed": processed, "messagesProcessed": 0, "errors": [],
    }))
    .unwrap()
}

fn stranger() -> SyncError {
    SyncError { session_id: "somebody-elses".into(), code: "VALIDATION_ERROR".into(), message: "no".into() }
}

/// Every answer that makes no sense counts as a fault of the endpoint: nothing is acknowledged, and it passes.
#[test]
fn answers_that_make_no_sense_acknowledge_nothing() {
    let bomb = http::gzip(&vec![b' '; 200 << 20]);
    let table: Vec<(&str, Fault, &str)> = vec![
        ("captive portal", Fault::html(200), "sign in"),
        ("captive portal with an empty page", Fault::html(200).body(""), "returned"),
        ("JSON that is called a page", Fault::none().header("Content-Type", "text/html"), "returned"),
        ("no JSON", Fault::status(200).body("OK"), "returned"),
        ("a page without a content type", Fault::html(200).without_header("Content-Type"), "returned"),
        ("other JSON", Fault::status(200).body(r#"{"ok":true}"#), "returned"),
        ("an empty body", Fault::status(200).body(""), "returned"),
        ("204", Fault::status(204).body(""), "204"),
        ("body cut off", Fault::none().cut(), ""),
        ("body cut off before the commit", Fault::lie(|_| {}).cut(), ""),
        (
            "JSON cut off",
            Fault::status(200).body(r#"{"status":"success","processed":2,"errors":["#),
            "returned",
        ),
        ("one session too few", Fault::lie(|response| response.processed -= 1), "processed"),
        ("one session too many", Fault::lie(|response| response.processed += 1), "processed"),
        ("a success without sessions", Fault::status(200).body(success(0)), "processed"),
        (
            "an error for a session that is not in the batch",
            Fault::lie(|response| response.errors.push(stranger())),
            "",
        ),
        (
            "a session's error in place of another's",
            Fault::lie(|response| {
                response.processed -= 1;
                response.errors.push(stranger());
            }),
            "",
        ),
        ("100 MB", Fault::status(200).blank(Some(100 << 20)), ""),
        ("without an end", Fault::status(200).blank(None), ""),
        ("200 MB compressed", Fault::status(200).body(bomb).header("Content-Encoding", "gzip"), ""),
        ("no gzip that says so", Fault::none().header("Content-Encoding", "gzip"), ""),
        ("reset after the commit", Fault::reset().after_commit(), ""),
        ("closed after the commit", Fault::close().after_commit(), ""),
        ("silence after the commit", Fault::silence().after_commit(), ""),
    ];
    for (name, fault, said) in table {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[3, 2]);
        let commits = fault.commits;
        test.receiver.script(batches().with_data(), fault);
        let (report, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome.prints(said).does_not_print(ALICE_KEY);
        assert_eq!((&report["status"], &report["sessionsPending"]), (&json!("error"), &json!(2)), "{report}");
        assert_eq!((&report["messagesSent"], &report["sessionsSent"]), (&json!(0), &json!(0)), "{report}");
        assert_eq!(test.receiver.alice().message_count(), if commits { 5 } else { 0 });
        let known = test.receiver.alice().messages_again;
        assert!(
            test.receiver.response_bytes() < ANSWER_BYTES_TAKEN_MAX,
            "{} bytes taken",
            test.receiver.response_bytes()
        );
        let next = test.retry_at(&report);
        assert!(next - test.now() < TimeDelta::seconds(3), "{report}");
        assert_eq!(test.status()["queue"]["failed"], 0, "the sessions have no part in it");

        test.receiver.clear_script();
        test.set_now(next + TimeDelta::seconds(1));
        test.run_json(&[], 0);
        test.assert_delivered();
        assert_eq!(
            test.receiver.alice().messages_again - known,
            if commits { 5 } else { 0 },
            "sent again, stored once"
        );
        test.assert_idle();
    }
}

#[test]
fn gzip_answers_are_understood() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.receiver.script(requests(), Fault::none().gzipped());
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn connections_that_are_closed_after_each_answer_are_no_obstacle() {
    let test = ExporterTest::with_sessions(&[1; 12]);
    test.set("batchSize", "1");
    test.receiver.script(requests(), Fault::none().hanging_up());
    let (report, _) = test.run_json(&[], 0);
    // A request that crosses the end of its connection is made once more.
    assert!(report["attempts"].as_u64().unwrap() <= 2 * 12, "{report}");
    test.assert_delivered_without_repeats();
}

#[test]
fn answer_without_a_content_type_counts_for_what_it_is() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.receiver.script(requests(), Fault::none().without_header("Content-Type"));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn answer_that_drips_is_given_up_within_the_time_budget() {
    // Some 300 bytes at 5 a second: a minute, with progress all the time.
    let test = ExporterTest::with_sessions(&[3]);
    test.receiver.script(batches(), Fault::none().dripping(Duration::from_millis(200)));
    let (report, _) = test.run_json(&["--max-seconds", "2"], 75);
    assert_eq!(report["messagesSent"], 0, "{report}");
    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    test.assert_delivered();
    test.assert_idle();
}

#[test]
fn redirects_are_named_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        for at_identity in [false, true] {
            let elsewhere = TestReceiver::start();
            let test = ExporterTest::with_sessions(&[3]);
            let when = if at_identity { identities() } else { batches() };
            test.receiver
                .script(when, Fault::redirect(status, &format!("{}?token=t0ken", elsewhere.endpoint())));
            // Who the owner is, is known without the receiver.
            test.set("organizations", "[github.com/acme-corp]");
            let (report, outcome) = test.run_json(&[], 78);
            outcome.prints("redirect").prints(&elsewhere.endpoint()).does_not_print("t0ken");
            assert_eq!(
                (&report["status"], &report["sessionsPending"]),
                (&json!("error"), &json!(1)),
                "{report}"
            );
            assert_eq!(elsewhere.connection_count(), 0, "a redirect is not followed");
            assert!(test.status()["lastError"].to_string().contains("redirect"));

            test.receiver.clear_script();
            test.advance(TimeDelta::seconds(3601));
            test.run_json(&[], 0);
            test.assert_delivered_without_repeats();
        }
    }
}

#[test]
fn endpoint_that_is_no_receiver_is_named() {
    for (name, fault) in [("404", Fault::html(404)), ("405", Fault::status(405)), ("410", Fault::status(410))]
    {
        let test = ExporterTest::with_sessions(&[3]);
        test.set("organizations", "[github.com/acme-corp]");
        test.receiver.script(requests(), fault);
        let (report, outcome) = test.run_json(&[], 78);
        outcome.prints(name).prints("endpoint");
        assert_eq!(report["status"], "error", "{report}");
        test.receiver.clear_script();
        test.advance(TimeDelta::seconds(3601));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn key_refused_in_the_middle_of_a_backlog_keeps_what_was_delivered() {
    for status in [401, 403] {
        let test = ExporterTest::with_sessions(&[4, 4, 4, 4]);
        test.set("batchSize", "4");
        test.receiver.script(batches().skip(2), Fault::status(status));
        let (report, outcome) = test.run_json(&[], 77);
        outcome.prints("key").does_not_print(ALICE_KEY);
        assert_eq!((&report["messagesSent"], &report["messagesPending"]), (&json!(8), &json!(8)), "{report}");
        assert_eq!(test.receiver.batches().len(), 3, "a key that is refused is not tried again at once");
        assert_eq!(test.status()["queue"]["failed"], 0, "the sessions have no part in it");
        // Backs off as for a fault.
        let next = test.retry_at(&report);
        test.set_now(next - TimeDelta::milliseconds(500));
        let asked = test.receiver.request_count();
        test.run_json(&[], 0);
        assert_eq!(test.receiver.request_count(), asked, "backoff is honoured");

        test.receiver.clear_script();
        test.set_now(next + TimeDelta::seconds(1));
        let (report, _) = test.run_json(&[], 0);
        assert_eq!(report["messagesSent"], 8, "{report}");
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn key_refused_at_the_identity_sends_nothing() {
    let test = ExporterTest::with_sessions(&[3]);
    test.set("apiKey", "han_a_key_that_nobody_knows");
    let (report, outcome) = test.run_json(&[], 77);
    outcome.prints("key").does_not_print("han_a_key_that_nobody_knows");
    assert_eq!(report["status"], "error", "{report}");
    assert_eq!(test.receiver.batches().len(), 0);
    test.set("apiKey", ALICE_KEY);
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn receiver_without_identity_works_with_organizations_alone() {
    for missing in [Fault::status(404), Fault::html(404), Fault::status(405), Fault::html(405)] {
        let test = ExporterTest::with_sessions(&[3]);
        test.receiver.script(identities(), missing);
        let (report, _) = test.run_json(&[], 0);
        assert_eq!(report["messagesSent"], 0, "whose repository it is, nobody knows: {report}");
        test.set("organizations", "[github.com/acme-corp]");
        test.run_json(&[], 0);
        assert_eq!(test.receiver.batches()[0].payload.as_ref().unwrap().user_id, "unknown");
        test.assert_delivered();
    }
}

/// The privacy filter fails closed, but what the user has declared goes on, and the fault is told.
#[test]
fn identity_that_makes_no_sense_opens_nothing() {
    let table: Vec<(&str, Fault)> = vec![
        ("captive portal", Fault::html(200)),
        ("another JSON", Fault::status(200).body(r#"{"organizations":"all"}"#)),
        ("cut off", Fault::none().cut()),
        ("unavailable", Fault::status(503)),
        ("100 MB", Fault::status(200).blank(Some(100 << 20))),
        ("reset", Fault::reset()),
    ];
    for (name, fault) in table {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[3]);
        test.receiver.script(identities(), fault);
        let (report, _) = test.run_json(&["--max-seconds", "2"], 75);
        assert_eq!(report["status"], "error", "{report}");
        assert_eq!(test.receiver.alice().message_count(), 0);
        assert!(test.receiver.response_bytes() < ANSWER_BYTES_TAKEN_MAX);
        test.retry_at(&report);
        test.receiver.clear_script();
        test.advance(TimeDelta::seconds(3601));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

/// A batch that was stored although its answer was lost, with more messages in the session by the time it is repeated.
#[test]
fn ack_lost_after_commit_is_stored_once_though_the_session_goes_on() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.receiver.script(batches(), Fault::reset().after_commit());
    test.run_json(&["--max-seconds", "1"], 75);
    test.receiver.clear_script();
    test.add_messages(&test.sessions[0], 4);
    test.advance(TimeDelta::seconds(3601));
    test.run_json(&[], 0);
    assert!(test.receiver.alice().messages_again >= 5);
    test.assert_delivered();
    test.assert_idle();
}
