//! `verify`: what the receiver lacks is named and mended, what the source lacks is told; and the check of each day.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::UserStore;
use crate::support::{Fault, Request, batches, fault};

/// A test whose sessions are delivered.
fn delivered(messages: &[usize]) -> ExporterTest {
    let test = ExporterTest::with_sessions(messages);
    test.json(&[]);
    test
}

/// Changes what the receiver holds of alice.
fn with_store<T>(test: &ExporterTest, change: impl FnOnce(&mut UserStore) -> T) -> T {
    test.receiver.with_receiver(|receiver| change(receiver.stores.get_mut("user-alice").unwrap()))
}

/// Removes a message of a session at the receiver.
fn lose(test: &ExporterTest, session: usize, nth: usize) {
    let (session, message) = (&test.sessions[session], test.message(session, nth));
    let lost = with_store(test, |store| store.sessions.get_mut(session).unwrap().messages.remove(&message));
    assert!(lost.is_some());
}

/// Findings of `verify`, as session and finding.
fn findings(document: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sessions = document["sessions"].as_array().unwrap().iter();
    sessions.map(|it| (text(&it["sessionId"]), text(&it["finding"]), it["messages"].clone())).collect()
}

fn digest_requests(test: &ExporterTest) -> Vec<Value> {
    let requests = test.receiver.requests();
    let bodies = requests.iter().filter(|request| request.is_digests()).map(|it| it.body.clone().unwrap());
    bodies.map(|body| serde_json::from_slice(&body).unwrap()).collect()
}

#[test]
fn everything_at_the_receiver_is_proven_by_a_recount() {
    let test = delivered(&[3, 2, 0]);
    let (document, _) = test.run_json(&["verify"], 0);
    let expected = json!({"version": 1, "status": "success", "supported": true, "sessionsVerified": 3, "messagesVerified": 5,
                          "messagesPending": 0, "sessionsDiffering": 0, "sessionsRepaired": 0, "sessions": []});
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&document[member], value, "{member}");
    }
    let requests = digest_requests(&test);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0]["recount"], true);
    assert!(test.status()["lastVerifiedAt"].is_string());
    test.run(&["verify"])
        .exits(0)
        .prints("verified 3 sessions with 5 messages: everything is at the receiver");
    test.run(&["status"]).exits(0).prints("verified 2026-03-02T");
    test.assert_delivered_without_repeats();
}

#[test]
fn what_is_missing_is_named_and_sent_again_by_a_repair() {
    let test = delivered(&[3, 2, 1]);
    lose(&test, 0, 1);
    let gone = test.sessions[2].clone();
    with_store(&test, |store| store.sessions.remove(&gone));
    let (document, _) = test.run_json(&["verify"], 65);
    let mut expected = vec![
        (test.sessions[0].clone(), "missing".to_owned(), json!(1)),
        (gone.clone(), "missing".to_owned(), json!(1)),
    ];
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(findings(&document), expected);
    assert!(test.status()["lastVerifiedAt"].is_null());
    test.run(&["verify"]).exits(65).prints("han-sync verify --repair");
    // One session alone.
    let (document, _) = test.run_json(&["verify", "--session", &gone], 65);
    assert_eq!(findings(&document), [(gone.clone(), "missing".to_owned(), json!(1))]);
    test.run_json(&["verify", "--session", &test.sessions[1]], 0);
    let (document, _) = test.run_json(&["verify", "--repair"], 0);
    assert_eq!((&document["sessionsDiffering"], &document["sessionsRepaired"]), (&json!(2), &json!(2)));
    assert!(document["sessions"].as_array().unwrap().iter().all(|it| it["repaired"] == true), "{document}");
    test.assert_delivered();
    assert_eq!(findings(&test.run_json(&["verify"], 0).0), []);
    assert!(test.status()["lastVerifiedAt"].is_string());
    test.json(&[]);
    test.assert_idle();
}

#[test]
fn other_messages_in_the_place_of_some_are_a_fault() {
    let test = delivered(&[3]);
    lose(&test, 0, 1);
    let session = test.sessions[0].clone();
    with_store(&test, |store| {
        let messages = &mut store.sessions.get_mut(&session).unwrap().messages;
        let other = messages.values().next().unwrap().clone();
        messages.insert("other".to_owned(), other);
    });
    assert_eq!(findings(&test.run_json(&["verify"], 65).0), [(session, "different".to_owned(), Value::Null)]);
    test.run_json(&["verify", "--repair"], 0);
    assert_eq!(test.receiver.alice().message_count(), 4);
}

#[test]
fn what_the_source_no_longer_has_is_told_and_is_no_fault() {
    for lists_hashes in [true, false] {
        let test = delivered(&[4, 2]);
        test.receiver.with_receiver(|receiver| receiver.lists_hashes = lists_hashes);
        let lost = test.message(0, 1);
        test.db.conn().execute("DELETE FROM messages WHERE id = ?1", [&lost]).unwrap();
        // A database that lost a row is another one: the session is sent again.
        test.json(&[]);
        let (document, _) = test.run_json(&["verify"], 0);
        assert_eq!(findings(&document), [(test.sessions[0].clone(), "surplus".to_owned(), json!(1))]);
        // It hides no fault: another message is missing at the receiver.
        lose(&test, 0, 2);
        let found = findings(&test.run_json(&["verify"], 65).0);
        assert_eq!(found, [(test.sessions[0].clone(), "different".to_owned(), Value::Null)]);
        test.run_json(&["verify", "--repair"], 0);
        assert_eq!(test.receiver.alice().message_count(), 6);
    }
}

#[test]
fn another_machines_messages_hide_no_missing_one() {
    let test = delivered(&[3]);
    let session = test.sessions[0].clone();
    with_store(&test, |store| {
        let messages = &mut store.sessions.get_mut(&session).unwrap().messages;
        let other = messages.values().next().unwrap().clone();
        messages.extend(["x", "y"].map(|id| (id.to_owned(), other.clone())));
    });
    let found = |exit| findings(&test.run_json(&["verify"], exit).0);
    assert_eq!(found(0), [(session.clone(), "surplus".to_owned(), json!(2))]);
    lose(&test, 0, 0);
    assert_eq!(found(65), [(session, "missing".to_owned(), json!(1))]);
    test.run_json(&["verify", "--repair"], 0);
    test.json(&[]);
    test.assert_idle();
}

#[test]
fn state_that_claims_too_much_is_found() {
    let test = delivered(&[3]);
    test.add_messages(&test.sessions[0], 2);
    // The cursor of a run that never reached the receiver.
    let text = std::fs::read_to_string(test.state_path()).unwrap();
    let claimed = text.replacen("\"rowid\":3", "\"rowid\":1000000", 1);
    assert_ne!(claimed, text);
    test.write_private(&test.state_path(), &claimed);
    test.run_json(&[], 0);
    let found = findings(&test.run_json(&["verify"], 65).0);
    assert_eq!(found, [(test.sessions[0].clone(), "missing".to_owned(), json!(2))]);
    test.run_json(&["verify", "--repair"], 0);
    test.assert_delivered();
}

#[test]
fn what_is_pending_or_was_rejected_is_told_without_counting() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    let refused = test.message(0, 1);
    test.receiver.with_receiver(|receiver| receiver.invalid_rows.extend([refused]));
    test.run_json(&[], 65);
    test.add_messages(&test.sessions[1], 4);
    let (document, _) = test.run_json(&["verify"], 0);
    assert_eq!(findings(&document), [(test.sessions[0].clone(), "left_behind".to_owned(), json!(1))]);
    assert_eq!((&document["messagesPending"], &document["messagesVerified"]), (&json!(4), &json!(4)));
}

#[test]
fn acknowledgement_that_was_lost_is_no_difference() {
    let test = delivered(&[2]);
    test.add_messages(&test.sessions[0], 2);
    test.receiver.script(batches().times(1), Fault::close().after_commit());
    test.run_json(&["--max-seconds", "1"], 75);
    assert_eq!(test.receiver.alice().message_count(), 4);
    assert_eq!(findings(&test.run_json(&["verify"], 0).0), []);
}

#[test]
fn receiver_without_digests_is_no_error() {
    let test = delivered(&[2]);
    test.receiver.with_receiver(|receiver| receiver.has_digests = false);
    let (document, _) = test.run_json(&["verify", "--repair"], 0);
    assert_eq!((&document["supported"], &document["sessionsVerified"]), (&json!(false), &json!(0)));
    test.run(&["verify"]).exits(0).prints("the receiver has no digests");
    for status in [400, 405, 422] {
        test.receiver.script(fault::digests().times(1), Fault::status(status));
        test.run_json(&["verify"], 0);
    }
    test.advance(TimeDelta::days(40));
    test.json(&[]);
    let status = test.status();
    let mut conditions = status["conditions"].as_array().unwrap().iter();
    assert!(!conditions.any(|it| it["code"] == "UNVERIFIED"), "nothing can be proven");
}

#[test]
fn faults_end_a_verification_as_they_end_a_run() {
    let test = delivered(&[2]);
    for (fault, exit) in [
        (Fault::status(503), 75),
        (Fault::status(401), 77),
        (Fault::redirect(302, "https://example.com/"), 78),
        (Fault::reset(), 75),
    ] {
        test.receiver.script(fault::digests(), fault);
        let (document, _) = test.run_json(&["verify", "--max-seconds", "1"], exit);
        assert!(!document["errors"].as_array().unwrap().is_empty(), "{document}");
        test.receiver.clear_script();
    }
    test.run_json(&["verify", "--session", "unknown"], 0);
    assert_eq!(test.run_json(&["verify", "--session", "unknown"], 0).0["status"], "skipped");
    test.add_messages(&test.sessions[0], 1);
    let run = test.run_into_held_batch(&["all"], 0);
    test.run(&["verify"]).exits(75).prints("another run holds the lock");
    test.receiver.release();
    run.wait().exits(0);
}

#[test]
fn a_thirtieth_is_checked_each_day_by_the_kept_digests() {
    let test = delivered(&[1; 61]);
    assert_eq!(digest_requests(&test).len(), 0, "what was just acknowledged is not asked for");
    let mut asked: Vec<String> = Vec::new();
    for day in 1..=21 {
        test.advance(TimeDelta::days(1));
        let before = digest_requests(&test).len();
        test.json(&[]);
        let requests = digest_requests(&test).split_off(before);
        assert_eq!(requests.len(), 1, "day {day}");
        assert_eq!(requests[0]["recount"], false);
        asked.extend(
            requests[0]["sessions"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()),
        );
        assert_eq!(asked.len(), (3 * day).min(61), "day {day}");
        test.assert_idle();
        assert_eq!(test.status()["lastVerifiedAt"].is_string(), day == 21);
    }
    let mut all = test.sessions.clone();
    all.sort();
    assert_eq!(asked, all);
}

#[test]
fn days_without_a_run_are_caught_up_with() {
    let test = delivered(&[1; 30]);
    test.advance(TimeDelta::days(10));
    test.json(&[]);
    assert_eq!(digest_requests(&test).last().unwrap()["sessions"].as_array().unwrap().len(), 10);
    test.advance(TimeDelta::days(90));
    test.json(&[]);
    assert_eq!(digest_requests(&test).last().unwrap()["sessions"].as_array().unwrap().len(), 20);
    assert!(test.status()["lastVerifiedAt"].is_string());
}

#[test]
fn what_the_check_finds_missing_is_sent_in_the_same_run() {
    let test = delivered(&[3]);
    lose(&test, 0, 2);
    test.advance(TimeDelta::days(1));
    let outcome = test.run(&[]).exits(0);
    assert!(outcome.stderr.contains("lacks messages of 1 session"), "{}", outcome.stderr);
    test.assert_delivered();
    assert!(test.status()["lastVerifiedAt"].is_string());
}

#[test]
fn fault_of_the_check_is_no_fault_of_the_run() {
    let test = delivered(&[3]);
    test.advance(TimeDelta::days(1));
    test.receiver.script(fault::digests(), Fault::status(503));
    test.run_json(&["--max-seconds", "1"], 0);
    test.receiver.clear_script();
    test.advance(TimeDelta::hours(2));
    test.json(&[]);
    assert!(test.status()["lastVerifiedAt"].is_string());
}

#[test]
fn client_that_always_has_something_to_send_is_checked_too() {
    let test = delivered(&[1, 1]);
    // Every few minutes a message, so that no heartbeat is ever due.
    for _ in 0..(25 * 6) {
        test.advance(TimeDelta::minutes(10));
        test.add_messages(&test.sessions[0], 1);
        test.json(&[]);
        if !digest_requests(&test).is_empty() {
            return test.assert_delivered();
        }
    }
    panic!("no check in a day");
}

#[test]
fn thirty_days_without_a_proof_are_a_condition() {
    let test = delivered(&[2]);
    test.run_json(&["verify"], 0);
    let codes = || {
        let status = test.status();
        let conditions = status["conditions"].as_array().unwrap().clone();
        let conditions = conditions.iter().filter(|it| it["code"] == "UNVERIFIED");
        conditions.map(|it| (it["code"].clone(), it["command"].clone())).collect::<Vec<_>>()
    };
    test.advance(TimeDelta::days(29));
    assert_eq!(codes(), []);
    test.advance(TimeDelta::days(2));
    assert_eq!(codes(), [(json!("UNVERIFIED"), json!("han-sync verify"))]);
    test.run(&["status"]).exits(0).prints("UNVERIFIED");
    test.run_json(&["verify"], 0);
    assert_eq!(codes(), []);
}

#[test]
fn a_thousand_sessions_are_one_request() {
    let test = ExporterTest::with_sessions(&[]);
    let sessions =
        test.db.transaction(|db| (0..1_001).map(|_| db.organization_session()).collect::<Vec<_>>());
    test.add_messages(&sessions[0], 1);
    test.json(&[]);
    test.run_json(&["verify"], 0);
    let asked: Vec<usize> =
        digest_requests(&test).iter().map(|it| it["sessions"].as_array().unwrap().len()).collect();
    assert_eq!(asked, [1_000, 1]);
    let batches: Vec<Request> = test.receiver.batches();
    test.run_json(&["verify", "--repair"], 0);
    assert_eq!(test.receiver.batches().len(), batches.len(), "nothing is sent");
}
