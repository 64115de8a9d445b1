//! A destination is an endpoint and the user that the key stands for: what changes when either does.

use std::fs;

use serde_json::json;

use super::scene::Scene;
use crate::support::TestReceiver;
use crate::support::test_receiver::store::BOB_KEY;

#[test]
fn new_endpoint_starts_from_the_beginning_and_the_old_one_keeps_its_place() {
    let scene = Scene::new(&[3, 2]);
    scene.run_json(&[], 0);
    let old = scene.server.endpoint();
    let new = TestReceiver::start();
    scene.set("endpoint", &new.endpoint());
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 5, "{report}");
    scene.assert_all_delivered_but(&[], &new.alice());

    scene.add_messages(&scene.sessions[0], 1);
    scene.set("endpoint", &old);
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 1, "{report}");
    scene.assert_delivered_without_repeats();
    scene.run_json(&["--endpoint", &new.endpoint()], 0);
    scene.assert_all_delivered_but(&[], &new.alice());
    assert_eq!(new.alice().messages_again, 0);
}

#[test]
fn another_users_key_starts_from_the_beginning_and_the_first_keeps_its_place() {
    let scene = Scene::new(&[3, 2]);
    scene.run_json(&[], 0);
    scene.env("HAN_SYNC_API_KEY", BOB_KEY);
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 5, "{report}");
    scene.assert_all_delivered_but(&[], &scene.server.store("user-bob"));

    scene.add_messages(&scene.sessions[1], 2);
    scene.env("HAN_SYNC_API_KEY", crate::support::test_receiver::store::ALICE_KEY);
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 2, "{report}");
    scene.assert_delivered_without_repeats();
    scene.env("HAN_SYNC_API_KEY", BOB_KEY);
    scene.run_json(&[], 0);
    let bob = scene.server.store("user-bob");
    scene.assert_all_delivered_but(&[], &bob);
    assert_eq!(bob.messages_again, 0);
}

#[test]
fn rotated_key_of_the_same_user_sends_nothing_again() {
    let scene = Scene::new(&[3, 2]);
    scene.run_json(&[], 0);
    scene.server.with_receiver(|receiver| {
        receiver.keys.retain(|_, user| user != "user-alice");
        receiver.keys.insert("han_rotated".into(), "user-alice".into());
    });
    scene.add_messages(&scene.sessions[0], 1);
    // The old key is refused, the new one goes on without waiting for the refusal's backoff.
    scene.run_json(&[], 77);
    scene.set("apiKey", "han_rotated");
    let (report, _) = scene.run_json(&[], 0);
    assert_eq!(report["messagesSent"], 1, "{report}");
    scene.assert_delivered_without_repeats();
}

#[test]
fn copied_home_folder_gets_a_client_id_of_its_own_and_doubles_nothing() {
    let scene = Scene::new(&[3, 2]);
    scene.env("HAN_SYNC_TEST_MACHINE", "machine-one");
    scene.run_json(&[], 0);
    let first = scene.status()["clientId"].clone();
    assert!(first.as_str().is_some_and(|id| !id.is_empty()), "{first}");

    // The folder arrives on another machine, where one session goes on.
    scene.env("HAN_SYNC_TEST_MACHINE", "machine-two");
    scene.add_messages(&scene.sessions[0], 2);
    scene.run_json(&[], 0);
    let second = scene.status()["clientId"].clone();
    assert_ne!(first, second);
    let last = scene.server.batches().pop().unwrap();
    assert_eq!(json!(last.payload.unwrap().client_id), second);
    scene.assert_delivered();
    scene.assert_quiet();

    // Started again there, it is the same client.
    scene.add_messages(&scene.sessions[0], 1);
    scene.run_json(&[], 0);
    assert_eq!(scene.status()["clientId"], second);
    scene.assert_delivered();
}

#[test]
fn client_id_survives_the_loss_of_either_file() {
    for lost in ["sync-state.json", "sync-queue.json"] {
        for torn in [false, true] {
            let scene = Scene::new(&[3, 2]);
            scene.run_json(&[], 0);
            let before = scene.status()["clientId"].clone();
            let path = scene.state_folder().join(lost);
            if torn {
                fs::write(&path, "{\"version\":1,").unwrap();
            } else if path.exists() {
                fs::remove_file(&path).unwrap();
            }
            scene.add_messages(&scene.sessions[0], 1);
            scene.run_json(&[], 0);
            assert_eq!(scene.status()["clientId"], before, "without {lost}");
            scene.assert_delivered();
            scene.assert_quiet();
        }
    }
}

#[test]
fn reset_sends_history_again_to_this_destination_and_it_is_stored_once() {
    for whole in [true, false] {
        let scene = Scene::new(&[3, 2]);
        let other = TestReceiver::start();
        scene.run_json(&["--endpoint", &other.endpoint()], 0);
        scene.run_json(&[], 0);
        let arguments: Vec<&str> =
            if whole { vec!["reset"] } else { vec!["reset", "--session", &scene.sessions[0]] };
        scene.run(&arguments).exits(0);
        let (report, _) = scene.run_json(&[], 0);
        assert_eq!(report["messagesSent"], if whole { 5 } else { 3 }, "{report}");
        scene.assert_delivered();
        scene.assert_quiet();
        scene.run_json(&["--endpoint", &other.endpoint()], 0);
        assert_eq!(other.alice().messages_again, 0, "the other destination keeps its place");
    }
}
