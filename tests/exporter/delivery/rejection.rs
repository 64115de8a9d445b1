//! Rejections: a single session, a whole batch, a message, a batch that is too large.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, Request, batches, time};

fn data_batches(test: &ExporterTest) -> Vec<Request> {
    test.receiver.batches().into_iter().filter(|batch| !batch.session_ids().is_empty()).collect()
}

#[test]
fn refused_session_backs_off_by_itself_and_holds_up_no_other() {
    for code in ["REPO_NOT_ACCEPTED", "SESSION_CONFLICT", "SESSION_MOVED", "PROCESSING_ERROR", "NEW"] {
        let mut test = ExporterTest::with_sessions(&[2, 2, 2]);
        let refused = test.sessions[1].clone();
        test.receiver.reject(&refused, code, 1);
        let (report, outcome) = test.run_json(&["--max-seconds", "1"], 75);
        outcome.prints(code).prints(&refused);
        assert_eq!(report["status"], "partial", "{report}");
        assert_eq!(
            (&report["sessionsSent"], &report["sessionsRejected"]),
            (&2.into(), &1.into()),
            "{report}"
        );
        assert_eq!(report["errors"][0]["sessionId"], refused.as_str(), "{report}");
        assert_eq!(report["errors"][0]["code"], code, "{report}");
        test.assert_delivered_but(&[&refused]);

        let item = test.queued(&refused).expect("it stays queued");
        assert_eq!(item["attempts"], 1, "{item}");
        assert!(item["lastError"].to_string().contains(code), "{item}");
        let next = time(&item["nextRetryAt"]);
        assert!(next - test.now() < TimeDelta::seconds(3), "{item}");
        assert_eq!(report["nextRetryAt"], item["nextRetryAt"], "{report}");
        assert!(test.status()["nextRetryAt"].is_null(), "the endpoint is well");

        // Another one passes it, and then it is taken.
        test.add_session(3);
        test.set_now(next + TimeDelta::seconds(1));
        test.run_json(&[], 0);
        assert_eq!(test.queued(&refused), None);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn ten_refusals_make_a_session_failed_and_it_is_kept() {
    let mut test = ExporterTest::with_sessions(&[2, 2]);
    let refused = test.sessions[0].clone();
    test.receiver.reject(&refused, "VALIDATION_ERROR", usize::MAX);
    let mut waits = Vec::new();
    for attempt in 1..=10 {
        let code = if attempt == 10 { 65 } else { 75 };
        let started = test.now();
        let (report, _) = test.run_json(&["--max-seconds", "1"], code);
        assert_eq!(report["sessionsRejected"], 1, "{report}");
        let item = test.queued(&refused).expect("it stays queued");
        assert_eq!(item["attempts"], attempt, "{item}");
        let next = time(&item["nextRetryAt"]);
        waits.push((next - started).num_seconds());
        if attempt < 10 {
            test.set_now(next + TimeDelta::milliseconds(1));
        }
    }
    assert!(waits[..9].windows(2).all(|pair| pair[1] >= pair[0]), "{waits:?}");
    assert!(waits[..9].iter().all(|wait| *wait < 3610), "{waits:?}");
    assert!((86_400..86_410).contains(&waits[9]), "failed is tried again once a day: {waits:?}");
    assert_eq!(test.queued(&refused).unwrap()["status"], "failed");
    assert_eq!(test.status()["queue"]["failed"], 1);

    // It neither counts nor is tried for a day; others go on.
    test.add_session(1);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!((&report["status"], &report["messagesSent"]), (&json!("success"), &json!(1)), "{report}");
    test.advance(TimeDelta::hours(23));
    test.run_json(&[], 0);
    assert!(!data_batches(&test).last().unwrap().has_session(&refused));
    test.assert_delivered_but(&[&refused]);

    // Refused again a day later, it was failed before: that is no news for the exit code.
    test.advance(TimeDelta::hours(2));
    test.run_json(&["--max-seconds", "1"], 0);
    assert!(data_batches(&test).last().unwrap().has_session(&refused), "tried again once a day");

    test.receiver.accept_all();
    test.advance(TimeDelta::hours(25));
    test.run_json(&[], 0);
    assert_eq!(test.queued(&refused), None);
    test.assert_delivered_without_repeats();
}

#[test]
fn failed_session_is_tried_again_on_new_data_on_request_and_when_the_identity_changes() {
    type Happening = fn(&ExporterTest, &str);
    let table: &[(&str, Happening)] = &[
        ("new data", |test, failed| drop(test.add_messages(failed, 1))),
        ("queue --retry", |test, failed| drop(test.run(&["queue", "--retry", failed]).exits(0))),
        ("the identity changes", |test, _| {
            test.receiver.with_identity("user-alice", |alice| {
                alice.organizations[0].owners.push("github.com/acme-labs".into());
            });
            test.advance(TimeDelta::minutes(61));
        }),
        ("all", |test, _| drop(test.run(&["all"]).exits(0))),
        ("session", |test, failed| drop(test.run(&["session", failed]).exits(0))),
    ];
    for (name, happens) in table {
        eprintln!("case: {name}");
        let (mut test, failed) = ExporterTest::with_failed_session();
        test.assert_delivered_but(&[&failed]);
        happens(&test, &failed);
        if *name == "the identity changes" {
            // An identity is asked for while there is something to send.
            test.add_session(1);
            test.run_json(&[], 0);
        }
        test.run_json(&[], 0);
        assert_eq!(test.queued(&failed), None);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn trouble_of_the_receiver_is_never_final() {
    let test = ExporterTest::with_sessions(&[2]);
    let refused = test.sessions[0].clone();
    test.receiver.reject(&refused, "PROCESSING_ERROR", 15);
    for _ in 0..15 {
        test.run_json(&["--max-seconds", "1"], 75);
        let item = test.queued(&refused).expect("it stays queued");
        assert_ne!(item["status"], "failed", "{item}");
        test.set_now(time(&item["nextRetryAt"]) + TimeDelta::milliseconds(1));
    }
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn forgotten_is_an_acknowledgement() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    let forgotten = test.sessions[0].clone();
    test.receiver.reject(&forgotten, "FORGOTTEN", usize::MAX);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!((&report["status"], &report["sessionsPending"]), (&json!("success"), &json!(0)), "{report}");
    assert_eq!(test.queued(&forgotten), None);
    test.assert_delivered_but(&[&forgotten]);
    test.assert_idle();
}

/// A receiver that takes no batch with a certain session, says so in each of its ways, and blames nobody.
#[test]
fn refused_batch_is_halved_down_to_the_session_and_the_others_pass() {
    let nobody = Fault::lie(|response| {
        response.processed = 0;
        response.status = han_sync::protocol::ResponseStatus::Error;
    });
    let table = [
        ("400", Fault::status(400)),
        ("422", Fault::status(422)),
        ("422 with a SyncResponse that names no session", nobody.with_status(422)),
        ("413", Fault::status(413)),
        ("413 before the body is read", Fault::status(413).unread()),
    ];
    for (name, fault) in table {
        eprintln!("case: {name}");
        let mut test = ExporterTest::with_sessions(&[2; 9]);
        let poison = test.sessions[3].clone();
        if name.contains("before") {
            // The body is not known by then; its length is. The poisoned session makes a long one.
            test.add_messages(&poison, 60);
            let when = batches().that(|request| request.content_length() > 3000);
            test.receiver.script(when, fault);
            test.set("includeContent", "true");
            test.run_json(&[], 0);
            test.assert_delivered_without_repeats();
            continue;
        }
        test.receiver.script(batches().with_session(&poison), fault);
        let (report, outcome) = test.run_json(&[], 65);
        outcome.prints(&poison);
        assert_eq!(report["sessionsRejected"], 1, "{report}");
        assert_eq!(report["errors"][0]["sessionId"], poison.as_str(), "{report}");
        test.assert_delivered_but(&[&poison]);
        assert_eq!(test.receiver.alice().messages_again, 0, "only what was refused is sent again");
        assert!(data_batches(&test).len() <= 20, "halving, not one by one");
        assert!(test.status()["nextRetryAt"].is_null(), "the endpoint is well");
        assert_eq!(test.queued(&poison).expect("it is kept")["status"], "failed");
        test.run_json(&[], 0);
        test.receiver.clear_script();
        test.add_session(1);
        test.run_json(&["all"], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn refused_batch_is_halved_within_a_session_down_to_the_message() {
    let test = ExporterTest::with_sessions(&[2, 8, 2]);
    let (session, poison) = (test.sessions[1].clone(), test.message(1, 5));
    test.receiver.script(batches().with_message(&poison), Fault::status(400));
    let (report, outcome) = test.run_json(&[], 65);
    outcome.prints(&session);
    assert_eq!(report["sessionsRejected"], 1, "{report}");
    let store = test.receiver.alice();
    assert_eq!(store.sessions[&test.sessions[0]].messages.len(), 2);
    assert_eq!(store.sessions[&test.sessions[2]].messages.len(), 2);
    assert!(store.sessions[&session].messages.len() >= 5, "what came before the message is delivered");
    assert_eq!(store.messages_again, 0);
    assert_eq!(test.queued(&session).expect("it is kept")["status"], "failed");
    test.receiver.clear_script();
    test.run_json(&["all"], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn too_large_a_batch_is_halved_until_it_fits() {
    let test = ExporterTest::with_sessions(&[40, 3, 25]);
    test.receiver.script(batches().with_more_messages_than(10), Fault::status(413));
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 68, "{report}");
    test.assert_delivered_without_repeats();
}

#[test]
fn message_too_large_for_the_receiver_goes_without_its_content() {
    let test = ExporterTest::with_sessions(&[2]);
    test.set("includeContent", "true");
    let session = test.sessions[0].clone();
    let large = test.add_large_message(&session, 50_000);
    test.add_messages(&session, 2);
    test.receiver
        .script(batches().that(|request| request.body.as_ref().unwrap().len() > 20_000), Fault::status(413));
    test.run_json(&[], 0);
    let store = test.receiver.alice();
    for message in store.sessions[&session].messages.values() {
        assert_eq!(message.content.is_none(), message.id == large);
        assert_eq!(message.content_omitted, (message.id == large).then_some(true));
    }
    test.assert_delivered_without_repeats();
}

#[test]
fn limits_of_the_receiver_are_kept_in_advance() {
    type Limits = han_sync::protocol::Limits;
    type Limit = fn(&mut Limits);
    let table: [(&str, Limit); 3] = [
        ("messages", |limits| limits.max_messages = Some(3)),
        ("inflated bytes", |limits| limits.max_inflated_bytes = Some(6_000)),
        ("bytes on the wire", |limits| limits.max_body_bytes = Some(2_500)),
    ];
    for (name, limit) in table {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[7, 1, 1, 30]);
        test.set("includeContent", "true");
        test.receiver.with_identity("user-alice", |alice| limit(&mut alice.limits));
        let limits = test.receiver.with_receiver(|receiver| receiver.identities["user-alice"].limits.clone());
        let (report, _) = test.run_json(&[], 0);
        assert!(report["batches"].as_u64().unwrap() > 3, "{report}");
        for batch in data_batches(&test) {
            assert!(limits.max_messages.is_none_or(|max| batch.messages().count() as u64 <= max));
            assert!(
                limits.max_inflated_bytes.is_none_or(|max| batch.body.as_ref().unwrap().len() as u64 <= max)
            );
            assert!(limits.max_body_bytes.is_none_or(|max| batch.wire.len() as u64 <= max));
        }
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn configured_batch_sizes_are_kept() {
    let test = ExporterTest::with_sessions(&[12, 3, 1, 1]);
    test.set("batchSize", "5");
    test.run_json(&[], 0);
    let sizes: Vec<usize> = data_batches(&test).iter().map(|batch| batch.messages().count()).collect();
    assert!(sizes.iter().all(|size| *size <= 5) && sizes.len() <= 5, "{sizes:?}");
    test.assert_delivered_without_repeats();
}

/// The search for a culprit ends where the refused batch ends.
#[test]
fn backlog_behind_a_refused_batch_goes_in_full_batches_again() {
    type Refuses = fn(&Request, &str) -> bool;
    let table: [(&str, Refuses); 2] = [
        ("a message that is too large", |request, _| request.body.as_ref().unwrap().len() > 100_000),
        ("a message that is refused", |request, poison| request.has_message(poison)),
    ];
    for (name, refuses) in table {
        eprintln!("case: {name}");
        let mut test = ExporterTest::with_sessions(&[]);
        test.set("includeContent", "true");
        test.set("batchSize", "50");
        let session = test.add_session(20);
        let poison = test.add_large_message(&session, 150_000);
        test.add_messages(&session, 400);
        for _ in 0..30 {
            test.add_session(10);
        }
        let status = if name.contains("large") { 413 } else { 400 };
        let refused = poison.clone();
        test.receiver
            .script(batches().that(move |request| refuses(request, &refused)), Fault::status(status));
        let (report, _) = test.run_json(&[], if status == 413 { 0 } else { 65 });
        // Some 720 messages are 15 full batches; the search takes about as many again.
        assert!(report["attempts"].as_u64().unwrap() <= 45, "{report}");
        test.receiver.clear_script();
        test.run_json(&["all"], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn rejected_sessions_count_neither_as_sent_nor_for_the_cursor_on_the_wire() {
    let test = ExporterTest::with_sessions(&[2, 2, 2, 2]);
    test.set("batchSize", "4");
    for rejected in [1, 2, 3] {
        test.receiver.reject(&test.sessions[rejected], "SESSION_CONFLICT", 1);
    }
    let (_, outcome) = test.run_json(&["--verbose"], 75);
    outcome
        .prints("sent 2 messages and 0 tasks of 1 session")
        .prints("sent 0 messages and 0 tasks of 0 sessions");
    let batches = data_batches(&test);
    let cursor = &batches[1].payload.as_ref().unwrap().cursor;
    assert_eq!(cursor.last_session_id.as_deref(), Some(test.sessions[0].as_str()));

    let synced_at = test.status()["lastSyncAt"].clone();
    test.receiver.reject(&test.sessions[1], "SESSION_CONFLICT", 1);
    test.run_json(&["session", &test.sessions[1]], 75);
    assert_eq!(test.status()["lastSyncAt"], synced_at, "nothing was acknowledged");
}
