//! The identity: fetched from the receiver, cached, refreshed, and fail-closed when it is lost.

use chrono::TimeDelta;

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::ORGANIZATION_REMOTE;
use crate::support::test_receiver::store::BOB_KEY;
use crate::support::{Fault, identities};

impl ExporterTest {
    fn identity_requests(&self) -> usize {
        self.receiver.requests().iter().filter(|request| !request.is_batch()).count()
    }
}

/// An organization's session that was delivered, with an identity of this moment.
fn delivered() -> (ExporterTest, String) {
    let test = ExporterTest::new();
    let session = test.session(ORGANIZATION_REMOTE, 2);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(test.identity_requests(), 1);
    (test, session)
}

#[test]
fn identity_is_asked_for_hourly_and_only_while_there_is_something_to_send() {
    let (test, session) = delivered();
    // Within the hour it serves, new data or not.
    test.add_messages(&session, 1);
    test.advance(TimeDelta::minutes(50));
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(test.identity_requests(), 1);

    // An hour after it was learned, but with nothing to send and the receiver heard of us lately.
    test.advance(TimeDelta::minutes(15));
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(test.identity_requests(), 1);

    test.add_messages(&session, 1);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(test.identity_requests(), 2);
    test.add_messages(&session, 1);
    test.run_and_list_sent(0);
    assert_eq!(test.identity_requests(), 2);
}

#[test]
fn identity_serves_for_a_day_after_the_last_success_and_then_closes() {
    let (test, session) = delivered();
    let personal = test.session("https://github.com/alice/x", 1);
    test.receiver.script(identities(), Fault::status(503));
    for hours in [2, 20, 1] {
        test.advance(TimeDelta::hours(hours));
        test.add_messages(&session, 1);
        let before = test.receiver.request_count();
        test.run(&["--max-seconds", "5", "--json"]).exits(0);
        assert_eq!(test.sent_since(before), [session.as_str()], "after {hours} more hours");
    }
    test.advance(TimeDelta::hours(2));
    test.add_messages(&session, 1);
    let before = test.receiver.request_count();
    test.run(&["--max-seconds", "5", "--json"]);
    assert!(test.sent_since(before).is_empty());
    let explained = test.json(&["explain", &session]);
    assert_eq!(explained["sessions"][0]["reason"], "identity_unknown");
    assert_eq!(test.json(&["explain", &personal])["sessions"][0]["eligible"], false);

    // Learned again, it opens again.
    test.receiver.clear_script();
    test.advance(TimeDelta::hours(1));
    assert_eq!(test.run_and_list_sent(0), [session]);
}

#[test]
fn owners_that_were_never_confirmed_stay_closed() {
    let test = ExporterTest::new();
    test.session(ORGANIZATION_REMOTE, 2);
    test.receiver.script(identities(), Fault::status(500));
    test.run(&["--max-seconds", "3"]);
    test.run(&["all", "--max-seconds", "3"]);
    assert!(test.sent_since(0).is_empty());
    let preview = test.json(&["preview"]);
    assert_eq!(preview["messages"], 0, "{preview}");
}

#[test]
fn configured_organizations_outlive_a_lost_identity() {
    let (test, session) = delivered();
    test.set("organizations", "[git.example.org/tools, github.com/alice]");
    let configured = test.session("git@git.example.org:tools/x", 1);
    let personal = test.session("https://github.com/alice/x", 1);
    test.add_messages(&session, 1);
    test.receiver.script(identities(), Fault::status(503));
    test.advance(TimeDelta::hours(25));
    let before = test.receiver.request_count();
    test.run(&["--max-seconds", "5", "--json"]);
    assert_eq!(test.sent_since(before), [configured]);
    // What is known to be personal does not become an organization's by forgetting whose it is.
    assert_eq!(test.json(&["explain", &personal])["sessions"][0]["eligible"], false);
}

#[test]
fn sessions_that_wait_for_an_identity_are_looked_at_again_though_han_wrote_nothing() {
    let (test, session) = delivered();
    test.set("organizations", "[git.example.org/tools]");
    let configured = test.session("git@git.example.org:tools/x", 1);
    test.add_messages(&session, 1);
    test.receiver.script(identities(), Fault::status(503));
    test.advance(TimeDelta::hours(25));
    test.db.checkpoint();
    test.age_database();
    let before = test.receiver.request_count();
    test.run(&["--max-seconds", "5", "--json"]);
    assert_eq!(test.sent_since(before), [configured]);

    // Before it is time again to tell the receiver that this client is alive.
    test.receiver.clear_script();
    test.advance(TimeDelta::minutes(30));
    assert_eq!(test.run_and_list_sent(0), [session]);
}

#[test]
fn leaving_an_organization_stops_its_sessions_at_the_next_refresh() {
    let (test, session) = delivered();
    let other = test.session("https://gitlab.com/acme/x", 1);
    test.run_and_list_sent(0);
    test.receiver.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.retain(|owner| owner != "github.com/acme-corp");
    });
    test.advance(TimeDelta::minutes(61));
    test.add_messages(&session, 3);
    test.add_messages(&other, 1);
    assert_eq!(test.run_and_list_sent(0), [other]);
    let (report, _) = test.run_json(&["--session", &session], 0);
    assert_eq!(
        (&report["status"], &report["errors"][0]["code"]),
        (&"skipped".into(), &"owner_unknown".into())
    );

    // Back again, what was written meanwhile follows.
    test.receiver.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.push("github.com/acme-corp".into());
    });
    test.advance(TimeDelta::minutes(61));
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(test.receiver.alice().sessions[&session].messages.len(), 5);
    assert_eq!(test.receiver.alice().messages_again, 0);
}

#[test]
fn account_that_becomes_the_users_own_stops_as_personal() {
    let (test, session) = delivered();
    test.receiver
        .with_identity("user-alice", |identity| identity.accounts.push("github.com/acme-corp".into()));
    test.advance(TimeDelta::minutes(61));
    test.add_messages(&session, 1);
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(test.json(&["explain", &session])["sessions"][0]["reason"], "personal");
}

#[test]
fn old_receiver_without_identity_works_with_configured_organizations() {
    let test = ExporterTest::new();
    let session = test.session(ORGANIZATION_REMOTE, 2);
    let unknown = test.session("https://gitlab.com/acme/x", 1);
    test.receiver.script(identities(), Fault::status(404));
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(test.json(&["explain", &session])["sessions"][0]["reason"], "owner_unknown");
    test.set("organizations", "[github.com/acme-corp]");
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    let last = test.receiver.batches().pop().unwrap().payload.unwrap();
    assert_eq!(
        (last.user_id.as_str(), last.sessions[0].inclusion.unwrap().as_str()),
        ("unknown", "organization")
    );

    // Days later it is the same.
    test.advance(TimeDelta::days(3));
    test.add_messages(&session, 1);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(test.receiver.alice().messages_again, 0);

    // The receiver is updated, and the cursors stay.
    test.receiver.clear_script();
    test.advance(TimeDelta::minutes(61));
    test.add_messages(&session, 1);
    let mut both = [session, unknown];
    both.sort();
    assert_eq!(test.run_and_list_sent(0), both);
    assert_eq!(test.receiver.alice().messages_again, 0);
}

#[test]
fn endpoint_that_is_gone_is_a_loss_and_not_an_old_receiver() {
    let (test, session) = delivered();
    let personal = test.session("https://gitlab.com/acme/alice/x", 1);
    test.set("organizations", "[gitlab.com/acme]");
    test.receiver
        .with_identity("user-alice", |identity| identity.accounts.push("gitlab.com/acme/alice".into()));
    test.advance(TimeDelta::minutes(61));
    test.add_messages(&session, 1);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);

    test.receiver.script(identities(), Fault::status(404));
    for (hours, sent) in [(2, true), (21, true), (2, false), (48, false)] {
        test.advance(TimeDelta::hours(hours));
        test.add_messages(&session, 1);
        test.add_messages(&personal, 1);
        let expected: &[String] = if sent { std::slice::from_ref(&session) } else { &[] };
        assert_eq!(test.run_and_list_sent(0), expected, "after {hours} more hours");
        assert_eq!(test.json(&["preview", "--session", &personal])["messages"], 0);
    }
}

#[test]
fn another_users_key_does_not_inherit_the_identity() {
    let (test, session) = delivered();
    let personal_to_bob = test.session("https://github.com/bob/x", 1);
    let personal_to_alice = test.session("https://github.com/alice/x", 1);
    test.set("includePersonal", "true");
    test.set("apiKey", BOB_KEY);
    let before = test.receiver.request_count();
    test.json(&[]);
    let mut expected = [session, personal_to_bob];
    expected.sort();
    assert_eq!(test.sent_since(before), expected);
    assert!(!test.receiver.store("user-bob").sessions.contains_key(&personal_to_alice));
    let last = test.receiver.batches().pop().unwrap().payload.unwrap();
    assert_eq!(last.user_id, "user-bob");
}

#[test]
fn unknown_key_sends_nothing_and_keeps_no_identity_of_another() {
    let (test, session) = delivered();
    test.add_messages(&session, 1);
    test.set("apiKey", "han_of_nobody");
    let before = test.receiver.request_count();
    test.run(&[]).exits(77).does_not_print("han_of_nobody");
    assert!(test.sent_since(before).is_empty());
    assert_eq!(test.json(&["preview"])["messages"], 0);
}

#[test]
fn rotated_key_asks_again_who_it_is_and_sends_nothing_twice() {
    let (test, session) = delivered();
    test.receiver.with_receiver(|receiver| {
        receiver.keys.insert("han_rotated".into(), "user-alice".into());
    });
    test.set("apiKey", "han_rotated");
    test.add_messages(&session, 1);
    let preview = test.json(&["preview"]);
    assert_eq!(preview["messages"], 1, "{preview}");
    assert_eq!(test.run_and_list_sent(0), [session]);
    assert_eq!(test.receiver.alice().messages_again, 0);
}

#[test]
fn owners_that_are_no_owners_own_nothing() {
    let test = ExporterTest::new();
    for remote in
        ["https://github.com/x/y", "https://gitlab.com/acme/x", "https://github.com/acme-corp-evil/x"]
    {
        test.session(remote, 1);
    }
    test.receiver.with_identity("user-alice", |identity| {
        let owners =
            ["", "/", "github.com", "github.com/", "*", "github.com/*", "https://", "github.com/acme-corp"];
        identity.organizations[0].owners = owners.map(str::to_owned).to_vec();
    });
    assert!(test.run_and_list_sent(0).is_empty());
}
