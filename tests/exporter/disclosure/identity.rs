//! Who the user is comes from the receiver: learned, kept for a while, refreshed, and closed when it is lost.

use chrono::TimeDelta;

use super::scene::Scene;
use crate::support::han_db::ORGANIZATION_REMOTE;
use crate::support::test_receiver::store::BOB_KEY;
use crate::support::{Fault, identities};

impl Scene {
    fn identity_requests(&self) -> usize {
        self.server.requests().iter().filter(|request| !request.is_batch()).count()
    }
}

/// An organization's session that was delivered, with an identity of this moment.
fn delivered() -> (Scene, String) {
    let scene = Scene::new();
    let session = scene.session(ORGANIZATION_REMOTE, 2);
    assert_eq!(scene.run_and_see(0), [session.as_str()]);
    assert_eq!(scene.identity_requests(), 1);
    (scene, session)
}

#[test]
fn identity_is_asked_for_hourly_and_only_while_there_is_something_to_send() {
    let (scene, session) = delivered();
    // Within the hour it serves, new data or not.
    scene.add_messages(&session, 1);
    scene.advance(TimeDelta::minutes(50));
    assert_eq!(scene.run_and_see(0), [session.as_str()]);
    assert_eq!(scene.identity_requests(), 1);

    // An hour after it was learned, but with nothing to send and the receiver heard of us lately.
    scene.advance(TimeDelta::minutes(15));
    assert!(scene.run_and_see(0).is_empty());
    assert_eq!(scene.identity_requests(), 1);

    scene.add_messages(&session, 1);
    assert_eq!(scene.run_and_see(0), [session.as_str()]);
    assert_eq!(scene.identity_requests(), 2);
    scene.add_messages(&session, 1);
    scene.run_and_see(0);
    assert_eq!(scene.identity_requests(), 2);
}

#[test]
fn identity_serves_for_a_day_after_the_last_success_and_then_closes() {
    let (scene, session) = delivered();
    let personal = scene.session("https://github.com/alice/x", 1);
    scene.server.script(identities(), Fault::status(503));
    for hours in [2, 20, 1] {
        scene.advance(TimeDelta::hours(hours));
        scene.add_messages(&session, 1);
        let before = scene.server.request_count();
        scene.run(&["--max-seconds", "5", "--json"]).exits(0);
        assert_eq!(scene.sent_since(before), [session.as_str()], "after {hours} more hours");
    }
    scene.advance(TimeDelta::hours(2));
    scene.add_messages(&session, 1);
    let before = scene.server.request_count();
    scene.run(&["--max-seconds", "5", "--json"]);
    assert!(scene.sent_since(before).is_empty());
    let explained = scene.json(&["explain", &session]);
    assert_eq!(explained["sessions"][0]["reason"], "identity_unknown");
    assert_eq!(scene.json(&["explain", &personal])["sessions"][0]["eligible"], false);

    // Learned again, it opens again.
    scene.server.clear_script();
    scene.advance(TimeDelta::hours(1));
    assert_eq!(scene.run_and_see(0), [session]);
}

#[test]
fn owners_that_were_never_confirmed_stay_closed() {
    let scene = Scene::new();
    scene.session(ORGANIZATION_REMOTE, 2);
    scene.server.script(identities(), Fault::status(500));
    scene.run(&["--max-seconds", "3"]);
    scene.run(&["all", "--max-seconds", "3"]);
    assert!(scene.sent_since(0).is_empty());
    let preview = scene.json(&["preview"]);
    assert_eq!(preview["messages"], 0, "{preview}");
}

#[test]
fn configured_organizations_outlive_a_lost_identity() {
    let (scene, session) = delivered();
    scene.set("organizations", "[git.example.org/tools, github.com/alice]");
    let configured = scene.session("git@git.example.org:tools/x", 1);
    let personal = scene.session("https://github.com/alice/x", 1);
    scene.add_messages(&session, 1);
    scene.server.script(identities(), Fault::status(503));
    scene.advance(TimeDelta::hours(25));
    let before = scene.server.request_count();
    scene.run(&["--max-seconds", "5", "--json"]);
    assert_eq!(scene.sent_since(before), [configured]);
    // What is known to be personal does not become an organization's by forgetting whose it is.
    assert_eq!(scene.json(&["explain", &personal])["sessions"][0]["eligible"], false);
}

#[test]
fn sessions_that_wait_for_an_identity_are_looked_at_again_though_han_wrote_nothing() {
    let (scene, session) = delivered();
    scene.set("organizations", "[git.example.org/tools]");
    let configured = scene.session("git@git.example.org:tools/x", 1);
    scene.add_messages(&session, 1);
    scene.server.script(identities(), Fault::status(503));
    scene.advance(TimeDelta::hours(25));
    scene.han_wrote_long_ago();
    let before = scene.server.request_count();
    scene.run(&["--max-seconds", "5", "--json"]);
    assert_eq!(scene.sent_since(before), [configured]);

    // Before it is time again to tell the receiver that this client is alive.
    scene.server.clear_script();
    scene.advance(TimeDelta::minutes(30));
    assert_eq!(scene.run_and_see(0), [session]);
}

#[test]
fn leaving_an_organization_stops_its_sessions_at_the_next_refresh() {
    let (scene, session) = delivered();
    let other = scene.session("https://gitlab.com/acme/x", 1);
    scene.run_and_see(0);
    scene.server.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.retain(|owner| owner != "github.com/acme-corp");
    });
    scene.advance(TimeDelta::minutes(61));
    scene.add_messages(&session, 3);
    scene.add_messages(&other, 1);
    assert_eq!(scene.run_and_see(0), [other]);
    let (report, _) = scene.json_exits(&["--session", &session], 0);
    assert_eq!(
        (&report["status"], &report["errors"][0]["code"]),
        (&"skipped".into(), &"owner_unknown".into())
    );

    // Back again, what was written meanwhile follows.
    scene.server.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.push("github.com/acme-corp".into());
    });
    scene.advance(TimeDelta::minutes(61));
    assert_eq!(scene.run_and_see(0), [session.as_str()]);
    assert_eq!(scene.server.alice().sessions[&session].messages.len(), 5);
    assert_eq!(scene.server.alice().messages_again, 0);
}

#[test]
fn account_that_becomes_the_users_own_stops_as_personal() {
    let (scene, session) = delivered();
    scene
        .server
        .with_identity("user-alice", |identity| identity.accounts.push("github.com/acme-corp".into()));
    scene.advance(TimeDelta::minutes(61));
    scene.add_messages(&session, 1);
    assert!(scene.run_and_see(0).is_empty());
    assert_eq!(scene.json(&["explain", &session])["sessions"][0]["reason"], "personal");
}

#[test]
fn old_receiver_without_identity_works_with_configured_organizations() {
    let scene = Scene::new();
    let session = scene.session(ORGANIZATION_REMOTE, 2);
    let unknown = scene.session("https://gitlab.com/acme/x", 1);
    scene.server.script(identities(), Fault::status(404));
    assert!(scene.run_and_see(0).is_empty());
    assert_eq!(scene.json(&["explain", &session])["sessions"][0]["reason"], "owner_unknown");
    scene.set("organizations", "[github.com/acme-corp]");
    assert_eq!(scene.run_and_see(0), [session.as_str()]);
    let last = scene.server.batches().pop().unwrap().payload.unwrap();
    assert_eq!(
        (last.user_id.as_str(), last.sessions[0].inclusion.unwrap().as_str()),
        ("unknown", "organization")
    );

    // Days later it is the same.
    scene.advance(TimeDelta::days(3));
    scene.add_messages(&session, 1);
    assert_eq!(scene.run_and_see(0), [session.as_str()]);
    assert_eq!(scene.server.alice().messages_again, 0);

    // The receiver is updated, and the cursors stay.
    scene.server.clear_script();
    scene.advance(TimeDelta::minutes(61));
    scene.add_messages(&session, 1);
    let mut both = [session, unknown];
    both.sort();
    assert_eq!(scene.run_and_see(0), both);
    assert_eq!(scene.server.alice().messages_again, 0);
}

#[test]
fn endpoint_that_is_gone_is_a_loss_and_not_an_old_receiver() {
    let (scene, session) = delivered();
    let personal = scene.session("https://gitlab.com/acme/alice/x", 1);
    scene.set("organizations", "[gitlab.com/acme]");
    scene
        .server
        .with_identity("user-alice", |identity| identity.accounts.push("gitlab.com/acme/alice".into()));
    scene.advance(TimeDelta::minutes(61));
    scene.add_messages(&session, 1);
    assert_eq!(scene.run_and_see(0), [session.as_str()]);

    scene.server.script(identities(), Fault::status(404));
    for (hours, sent) in [(2, true), (21, true), (2, false), (48, false)] {
        scene.advance(TimeDelta::hours(hours));
        scene.add_messages(&session, 1);
        scene.add_messages(&personal, 1);
        let expected: &[String] = if sent { std::slice::from_ref(&session) } else { &[] };
        assert_eq!(scene.run_and_see(0), expected, "after {hours} more hours");
        assert_eq!(scene.json(&["preview", "--session", &personal])["messages"], 0);
    }
}

#[test]
fn another_users_key_does_not_inherit_the_identity() {
    let (scene, session) = delivered();
    let personal_to_bob = scene.session("https://github.com/bob/x", 1);
    let personal_to_alice = scene.session("https://github.com/alice/x", 1);
    scene.set("includePersonal", "true");
    scene.set("apiKey", BOB_KEY);
    let before = scene.server.request_count();
    scene.json(&[]);
    let mut expected = [session, personal_to_bob];
    expected.sort();
    assert_eq!(scene.sent_since(before), expected);
    assert!(!scene.server.store("user-bob").sessions.contains_key(&personal_to_alice));
    let last = scene.server.batches().pop().unwrap().payload.unwrap();
    assert_eq!(last.user_id, "user-bob");
}

#[test]
fn unknown_key_sends_nothing_and_keeps_no_identity_of_another() {
    let (scene, session) = delivered();
    scene.add_messages(&session, 1);
    scene.set("apiKey", "han_of_nobody");
    let before = scene.server.request_count();
    scene.run(&[]).exits(77).does_not_print("han_of_nobody");
    assert!(scene.sent_since(before).is_empty());
    assert_eq!(scene.json(&["preview"])["messages"], 0);
}

#[test]
fn rotated_key_asks_again_who_it_is_and_sends_nothing_twice() {
    let (scene, session) = delivered();
    scene.server.with_receiver(|receiver| {
        receiver.keys.insert("han_rotated".into(), "user-alice".into());
    });
    scene.set("apiKey", "han_rotated");
    scene.add_messages(&session, 1);
    let preview = scene.json(&["preview"]);
    assert_eq!(preview["messages"], 1, "{preview}");
    assert_eq!(scene.run_and_see(0), [session]);
    assert_eq!(scene.server.alice().messages_again, 0);
}

#[test]
fn owners_that_are_no_owners_own_nothing() {
    let scene = Scene::new();
    for remote in
        ["https://github.com/x/y", "https://gitlab.com/acme/x", "https://github.com/acme-corp-evil/x"]
    {
        scene.session(remote, 1);
    }
    scene.server.with_identity("user-alice", |identity| {
        let owners =
            ["", "/", "github.com", "github.com/", "*", "github.com/*", "https://", "github.com/acme-corp"];
        identity.organizations[0].owners = owners.map(str::to_owned).to_vec();
    });
    assert!(scene.run_and_see(0).is_empty());
}
