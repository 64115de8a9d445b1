//! What the receiver will not take: a session by itself, a whole batch, a message, too much at once.

use chrono::TimeDelta;
use serde_json::json;

use super::scene::Scene;
use crate::support::{Fault, Request, batches, time};

fn data_batches(scene: &Scene) -> Vec<Request> {
    scene.server.batches().into_iter().filter(|batch| !batch.session_ids().is_empty()).collect()
}

#[test]
fn refused_session_backs_off_by_itself_and_holds_up_no_other() {
    for code in [
        "VALIDATION_ERROR",
        "REPO_NOT_ACCEPTED",
        "SESSION_CONFLICT",
        "SESSION_MOVED",
        "PROCESSING_ERROR",
        "NEW",
    ] {
        let mut scene = Scene::new(&[2, 2, 2]);
        let refused = scene.sessions[1].clone();
        scene.server.reject(&refused, code, 1);
        let (report, outcome) = scene.run_json(&["--max-seconds", "1"], 75);
        outcome.prints(code).prints(&refused);
        assert_eq!(report["status"], "partial", "{report}");
        assert_eq!(
            (&report["sessionsSent"], &report["sessionsRejected"]),
            (&2.into(), &1.into()),
            "{report}"
        );
        assert_eq!(report["errors"][0]["sessionId"], refused.as_str(), "{report}");
        assert_eq!(report["errors"][0]["code"], code, "{report}");
        scene.assert_delivered_but(&[&refused]);

        let item = scene.queued(&refused).expect("it stays queued");
        assert_eq!(item["attempts"], 1, "{item}");
        assert!(item["lastError"].to_string().contains(code), "{item}");
        let next = time(&item["nextRetryAt"]);
        assert!(next - scene.now() < TimeDelta::seconds(3), "{item}");
        assert_eq!(report["nextRetryAt"], item["nextRetryAt"], "{report}");
        assert!(scene.status()["nextRetryAt"].is_null(), "the endpoint is well");

        // Another one passes it, and then it is taken.
        scene.add_session(3);
        scene.set_now(next + TimeDelta::seconds(1));
        scene.run_json(&[], 0);
        assert_eq!(scene.queued(&refused), None);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn ten_refusals_make_a_session_failed_and_it_is_kept() {
    let mut scene = Scene::new(&[2, 2]);
    let refused = scene.sessions[0].clone();
    scene.server.reject(&refused, "VALIDATION_ERROR", usize::MAX);
    let mut waits = Vec::new();
    for attempt in 1..=10 {
        let code = if attempt == 10 { 65 } else { 75 };
        let started = scene.now();
        let (report, _) = scene.run_json(&["--max-seconds", "1"], code);
        assert_eq!(report["sessionsRejected"], 1, "{report}");
        let item = scene.queued(&refused).expect("it stays queued");
        assert_eq!(item["attempts"], attempt, "{item}");
        let next = time(&item["nextRetryAt"]);
        waits.push((next - started).num_seconds());
        if attempt < 10 {
            scene.set_now(next + TimeDelta::milliseconds(1));
        }
    }
    assert!(waits[..9].windows(2).all(|pair| pair[1] >= pair[0]), "{waits:?}");
    assert!(waits[..9].iter().all(|wait| *wait < 3610), "{waits:?}");
    assert!((86_400..86_410).contains(&waits[9]), "failed is tried again once a day: {waits:?}");
    assert_eq!(scene.queued(&refused).unwrap()["status"], "failed");
    assert_eq!(scene.status()["queue"]["failed"], 1);

    // It neither counts nor is tried for a day; others go on.
    scene.add_session(1);
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!((&report["status"], &report["messagesSent"]), (&json!("success"), &json!(1)), "{report}");
    scene.advance(TimeDelta::hours(23));
    scene.run_json(&[], 0);
    assert!(!data_batches(&scene).last().unwrap().has_session(&refused));
    scene.assert_delivered_but(&[&refused]);

    // Refused again a day later, it was failed before: that is no news for the exit code.
    scene.advance(TimeDelta::hours(2));
    scene.run_json(&["--max-seconds", "1"], 0);
    assert!(data_batches(&scene).last().unwrap().has_session(&refused), "tried again once a day");

    scene.server.accept_all();
    scene.advance(TimeDelta::hours(25));
    scene.run_json(&[], 0);
    assert_eq!(scene.queued(&refused), None);
    scene.assert_delivered_without_repeats();
}

#[test]
fn failed_session_is_tried_again_on_new_data_on_request_and_when_the_identity_changes() {
    type Happening = fn(&Scene, &str);
    let table: &[(&str, Happening)] = &[
        ("new data", |scene, failed| drop(scene.add_messages(failed, 1))),
        ("queue --retry", |scene, failed| drop(scene.run(&["queue", "--retry", failed]).exits(0))),
        ("the identity changes", |scene, _| {
            scene.server.with_identity("user-alice", |alice| {
                alice.organizations[0].owners.push("github.com/acme-labs".into());
            });
            scene.advance(TimeDelta::minutes(61));
        }),
        ("all", |scene, _| drop(scene.run(&["all"]).exits(0))),
        ("session", |scene, failed| drop(scene.run(&["session", failed]).exits(0))),
    ];
    for (name, happens) in table {
        eprintln!("case: {name}");
        let (mut scene, failed) = Scene::with_failed_session();
        scene.assert_delivered_but(&[&failed]);
        happens(&scene, &failed);
        if *name == "the identity changes" {
            // An identity is asked for while there is something to send.
            scene.add_session(1);
            scene.run_json(&[], 0);
        }
        scene.run_json(&[], 0);
        assert_eq!(scene.queued(&failed), None);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn trouble_of_the_receiver_is_never_final() {
    let scene = Scene::new(&[2]);
    let refused = scene.sessions[0].clone();
    scene.server.reject(&refused, "PROCESSING_ERROR", 15);
    for _ in 0..15 {
        scene.run_json(&["--max-seconds", "1"], 75);
        let item = scene.queued(&refused).expect("it stays queued");
        assert_ne!(item["status"], "failed", "{item}");
        scene.set_now(time(&item["nextRetryAt"]) + TimeDelta::milliseconds(1));
    }
    scene.run_json(&[], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn forgotten_is_an_acknowledgement() {
    let scene = Scene::new(&[2, 2]);
    let forgotten = scene.sessions[0].clone();
    scene.server.reject(&forgotten, "FORGOTTEN", usize::MAX);
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!((&report["status"], &report["sessionsPending"]), (&json!("success"), &json!(0)), "{report}");
    assert_eq!(scene.queued(&forgotten), None);
    scene.assert_delivered_but(&[&forgotten]);
    scene.assert_quiet();
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
        let mut scene = Scene::new(&[2; 9]);
        let poison = scene.sessions[3].clone();
        if name.contains("before") {
            // The body is not known by then; its length is. The poisoned session makes a long one.
            scene.add_messages(&poison, 60);
            let when = batches().that(|request| request.content_length() > 3000);
            scene.server.script(when, fault);
            scene.set("includeContent", "true");
            scene.run_json(&[], 0);
            scene.assert_delivered_without_repeats();
            continue;
        }
        scene.server.script(batches().with_session(&poison), fault);
        let (report, outcome) = scene.run_json(&[], 65);
        outcome.prints(&poison);
        assert_eq!(report["sessionsRejected"], 1, "{report}");
        assert_eq!(report["errors"][0]["sessionId"], poison.as_str(), "{report}");
        scene.assert_delivered_but(&[&poison]);
        assert_eq!(scene.server.alice().messages_again, 0, "only what was refused is sent again");
        assert!(data_batches(&scene).len() <= 20, "halving, not one by one");
        assert!(scene.status()["nextRetryAt"].is_null(), "the endpoint is well");
        assert_eq!(scene.queued(&poison).expect("it is kept")["status"], "failed");
        scene.run_json(&[], 0);
        scene.server.clear_script();
        scene.add_session(1);
        scene.run_json(&["all"], 0);
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn refused_batch_is_halved_within_a_session_down_to_the_message() {
    let scene = Scene::new(&[2, 8, 2]);
    let (session, poison) = (scene.sessions[1].clone(), scene.message(1, 5));
    scene.server.script(batches().with_message(&poison), Fault::status(400));
    let (report, outcome) = scene.run_json(&[], 65);
    outcome.prints(&session);
    assert_eq!(report["sessionsRejected"], 1, "{report}");
    let store = scene.server.alice();
    assert_eq!(store.sessions[&scene.sessions[0]].messages.len(), 2);
    assert_eq!(store.sessions[&scene.sessions[2]].messages.len(), 2);
    assert!(store.sessions[&session].messages.len() >= 5, "what came before the message is delivered");
    assert_eq!(store.messages_again, 0);
    assert_eq!(scene.queued(&session).expect("it is kept")["status"], "failed");
    scene.server.clear_script();
    scene.run_json(&["all"], 0);
    scene.assert_delivered_without_repeats();
}

#[test]
fn too_large_a_batch_is_halved_until_it_fits() {
    let scene = Scene::new(&[40, 3, 25]);
    scene.server.script(batches().with_more_messages_than(10), Fault::status(413));
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 68, "{report}");
    scene.assert_delivered_without_repeats();
}

#[test]
fn message_too_large_for_the_receiver_goes_without_its_content() {
    let scene = Scene::new(&[2]);
    scene.set("includeContent", "true");
    let session = scene.sessions[0].clone();
    let large = scene.add_large_message(&session, 50_000);
    scene.add_messages(&session, 2);
    scene
        .server
        .script(batches().that(|request| request.body.as_ref().unwrap().len() > 20_000), Fault::status(413));
    scene.run_json(&[], 0);
    let store = scene.server.alice();
    for message in store.sessions[&session].messages.values() {
        assert_eq!(message.content.is_none(), message.id == large);
        assert_eq!(message.content_omitted, (message.id == large).then_some(true));
    }
    scene.assert_delivered_without_repeats();
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
        let scene = Scene::new(&[7, 1, 1, 30]);
        scene.set("includeContent", "true");
        scene.server.with_identity("user-alice", |alice| limit(&mut alice.limits));
        let limits = scene.server.with_receiver(|receiver| receiver.identities["user-alice"].limits.clone());
        let (report, _) = scene.run_json(&[], 0);
        assert!(report["batches"].as_u64().unwrap() > 3, "{report}");
        for batch in data_batches(&scene) {
            assert!(limits.max_messages.is_none_or(|max| batch.messages().count() as u64 <= max));
            assert!(
                limits.max_inflated_bytes.is_none_or(|max| batch.body.as_ref().unwrap().len() as u64 <= max)
            );
            assert!(limits.max_body_bytes.is_none_or(|max| batch.wire.len() as u64 <= max));
        }
        scene.assert_delivered_without_repeats();
    }
}

#[test]
fn configured_batch_sizes_are_kept() {
    let scene = Scene::new(&[12, 3, 1, 1]);
    scene.set("batchSize", "5");
    scene.run_json(&[], 0);
    let sizes: Vec<usize> = data_batches(&scene).iter().map(|batch| batch.messages().count()).collect();
    assert!(sizes.iter().all(|size| *size <= 5) && sizes.len() <= 5, "{sizes:?}");
    scene.assert_delivered_without_repeats();
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
        let mut scene = Scene::new(&[]);
        scene.set("includeContent", "true");
        scene.set("batchSize", "50");
        let session = scene.add_session(20);
        let poison = scene.add_large_message(&session, 150_000);
        scene.add_messages(&session, 400);
        for _ in 0..30 {
            scene.add_session(10);
        }
        let status = if name.contains("large") { 413 } else { 400 };
        let refused = poison.clone();
        scene.server.script(batches().that(move |request| refuses(request, &refused)), Fault::status(status));
        let (report, _) = scene.run_json(&[], if status == 413 { 0 } else { 65 });
        // Some 720 messages are 15 full batches; the search takes about as many again.
        assert!(report["attempts"].as_u64().unwrap() <= 45, "{report}");
        scene.server.clear_script();
        scene.run_json(&["all"], 0);
        scene.assert_delivered_without_repeats();
    }
}
