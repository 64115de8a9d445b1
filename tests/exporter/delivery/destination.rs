//! A destination is an endpoint and the user that the key stands for: what changes when either does.

use std::fs;

use serde_json::json;

use crate::support::TestReceiver;
use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::BOB_KEY;

#[test]
fn new_endpoint_starts_from_the_beginning_and_the_old_one_keeps_its_place() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.run_json(&[], 0);
    let old = test.receiver.endpoint();
    let new = TestReceiver::start();
    test.set("endpoint", &new.endpoint());
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 5, "{report}");
    test.assert_all_delivered_but(&[], &new.alice());

    test.add_messages(&test.sessions[0], 1);
    test.set("endpoint", &old);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 1, "{report}");
    test.assert_delivered_without_repeats();
    test.run_json(&["--endpoint", &new.endpoint()], 0);
    test.assert_all_delivered_but(&[], &new.alice());
    assert_eq!(new.alice().messages_again, 0);
}

#[test]
fn another_users_key_starts_from_the_beginning_and_the_first_keeps_its_place() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.run_json(&[], 0);
    test.env("HAN_SYNC_API_KEY", BOB_KEY);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 5, "{report}");
    test.assert_all_delivered_but(&[], &test.receiver.store("user-bob"));

    test.add_messages(&test.sessions[1], 2);
    test.env("HAN_SYNC_API_KEY", crate::support::test_receiver::store::ALICE_KEY);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 2, "{report}");
    test.assert_delivered_without_repeats();
    test.env("HAN_SYNC_API_KEY", BOB_KEY);
    test.run_json(&[], 0);
    let bob = test.receiver.store("user-bob");
    test.assert_all_delivered_but(&[], &bob);
    assert_eq!(bob.messages_again, 0);
}

#[test]
fn rotated_key_of_the_same_user_sends_nothing_again() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.run_json(&[], 0);
    test.receiver.with_receiver(|receiver| {
        receiver.keys.retain(|_, user| user != "user-alice");
        receiver.keys.insert("han_rotated".into(), "user-alice".into());
    });
    test.add_messages(&test.sessions[0], 1);
    // The old key is refused, the new one goes on without waiting for the refusal's backoff.
    test.run_json(&[], 77);
    test.set("apiKey", "han_rotated");
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 1, "{report}");
    test.assert_delivered_without_repeats();
}

#[test]
fn copied_home_folder_gets_a_client_id_of_its_own_and_doubles_nothing() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.env("HAN_SYNC_TEST_MACHINE", "machine-one");
    test.run_json(&[], 0);
    let first = test.status()["clientId"].clone();
    assert!(first.as_str().is_some_and(|id| !id.is_empty()), "{first}");

    // The folder arrives on another machine, where one session goes on.
    test.env("HAN_SYNC_TEST_MACHINE", "machine-two");
    test.add_messages(&test.sessions[0], 2);
    test.run_json(&[], 0);
    let second = test.status()["clientId"].clone();
    assert_ne!(first, second);
    let last = test.receiver.batches().pop().unwrap();
    assert_eq!(json!(last.payload.unwrap().client_id), second);
    test.assert_delivered();
    test.assert_idle();

    // Started again there, it is the same client.
    test.add_messages(&test.sessions[0], 1);
    test.run_json(&[], 0);
    assert_eq!(test.status()["clientId"], second);
    test.assert_delivered();
}

#[test]
fn client_id_survives_the_loss_of_either_file() {
    for lost in ["sync-state.json", "sync-queue.json"] {
        for torn in [false, true] {
            let test = ExporterTest::with_sessions(&[3, 2]);
            test.run_json(&[], 0);
            let before = test.status()["clientId"].clone();
            let path = test.state_folder().join(lost);
            if torn {
                fs::write(&path, "{\"version\":1,").unwrap();
            } else if path.exists() {
                fs::remove_file(&path).unwrap();
            }
            test.add_messages(&test.sessions[0], 1);
            test.run_json(&[], 0);
            assert_eq!(test.status()["clientId"], before, "without {lost}");
            test.assert_delivered();
            test.assert_idle();
        }
    }
}

#[test]
fn reset_sends_history_again_to_this_destination_and_it_is_stored_once() {
    for whole in [true, false] {
        let test = ExporterTest::with_sessions(&[3, 2]);
        let other = TestReceiver::start();
        test.run_json(&["--endpoint", &other.endpoint()], 0);
        test.run_json(&[], 0);
        let arguments: Vec<&str> =
            if whole { vec!["reset"] } else { vec!["reset", "--session", &test.sessions[0]] };
        test.run(&arguments).exits(0);
        let (report, _) = test.run_json(&[], 0);
        assert_eq!(report["messagesSent"], if whole { 5 } else { 3 }, "{report}");
        test.assert_delivered();
        test.assert_idle();
        test.run_json(&["--endpoint", &other.endpoint()], 0);
        assert_eq!(other.alice().messages_again, 0, "the other destination keeps its place");
    }
}
