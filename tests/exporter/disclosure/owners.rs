//! The receiver is not believed blindly: owners that it names later wait for a day, own accounts beat all that it says, and
//! statements that would stop or repeat everything are refused.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::ORGANIZATION_REMOTE;

const NEW_OWNER: &str = "github.com/newcorp";

/// A delivered session, and one of an owner that nobody has named yet.
fn delivered() -> (ExporterTest, String, String) {
    let test = ExporterTest::new();
    let session = test.session(ORGANIZATION_REMOTE, 1);
    let other = test.session("https://github.com/newcorp/x", 1);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    (test, session, other)
}

fn name_owner(test: &ExporterTest, owner: &str) {
    test.receiver.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.push(owner.to_owned());
    });
}

#[track_caller]
fn explained(test: &ExporterTest, session: &str) -> Value {
    test.json(&["explain", session])["sessions"][0].clone()
}

#[test]
fn new_owner_takes_effect_a_day_later_and_is_named_until_then() {
    let (test, session, other) = delivered();
    name_owner(&test, NEW_OWNER);
    test.advance(TimeDelta::minutes(61));
    test.add_messages(&session, 1);
    let before = test.receiver.request_count();
    let (_, outcome) = test.run_json(&[], 0);
    assert_eq!(test.sent_since(before), [session.as_str()]);
    outcome.prints(NEW_OWNER).prints("1 session");
    let each = explained(&test, &other);
    assert_eq!((&each["reason"], &each["matched"]), (&json!("owner_pending"), &json!(NEW_OWNER)));
    assert!(each["remedy"].as_str().unwrap().contains("organizations"), "{each}");
    let pending = test.status()["pendingOwners"].clone();
    assert_eq!((&pending[0]["owner"], &pending[0]["sessions"]), (&json!(NEW_OWNER), &json!(1)));
    test.run(&["status"]).exits(0).prints("new owner");
    let (report, _) = test.run_json(&["--session", &other], 0);
    assert_eq!(report["errors"][0]["code"], "owner_pending");

    // Neither a further identity nor one that leaves the owner out for a while changes the time.
    for hours in [12, 11] {
        test.advance(TimeDelta::hours(hours));
        test.add_messages(&session, 1);
        assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    }
    test.advance(TimeDelta::minutes(90));
    assert_eq!(test.run_and_list_sent(0), [other]);
    assert_eq!(test.status()["pendingOwners"], json!([]));
}

#[test]
fn configuration_accepts_a_new_owner_at_once_or_refuses_it_for_good() {
    for (key, is_sent) in [("organizations", true), ("accounts", false)] {
        let (test, _, other) = delivered();
        name_owner(&test, NEW_OWNER);
        test.set(key, &format!("[{NEW_OWNER}]"));
        test.advance(TimeDelta::minutes(61));
        assert_eq!(test.run_and_list_sent(0).contains(&other), is_sent, "{key}");
        test.advance(TimeDelta::hours(26));
        test.run_json(&[], 0);
        assert_eq!(test.receiver.alice().sessions.contains_key(&other), is_sent, "{key}");
    }
}

#[test]
fn own_account_beats_every_owner_that_the_receiver_names() {
    for (configured, owner) in [
        (None, "github.com/alice"),
        (None, "github.com/alice/dotfiles"),
        (None, "https://github.com/Alice/Dotfiles/"),
        (Some("github.com/work-of-alice"), "github.com/work-of-alice"),
        (Some("github.com/work-of-alice"), "github.com/work-of-alice/x"),
        (Some("https://GitHub.com/Work-of-Alice"), "github.com/work-of-alice/x"),
    ] {
        let test = ExporterTest::new();
        if let Some(account) = configured {
            test.set("accounts", &format!("['{account}']"));
        }
        // Named at the first contact, and so in effect.
        name_owner(&test, owner);
        let remotes = ["git@github.com:alice/dotfiles.git", "https://github.com/work-of-alice/x"];
        let remote = if configured.is_some() { remotes[1] } else { remotes[0] };
        let personal = test.session(remote, 1);
        let work = test.session(ORGANIZATION_REMOTE, 1);
        assert_eq!(test.run_and_list_sent(0), [work], "{owner}");
        let each = explained(&test, &personal);
        assert_eq!(each["reason"], "personal", "{owner}");
        let place = if configured.is_some() { "accounts in" } else { "/identity" };
        assert!(each["setIn"].as_str().unwrap().contains(place), "{each}");
        test.set("includePersonal", "true");
        assert_eq!(test.run_and_list_sent(0), [personal], "{owner}");
    }
}

#[test]
fn owner_without_a_path_below_its_host_is_ignored_and_reported() {
    for owner in ["github.com", "*", "github.com/*", "https://github.com/"] {
        let test = ExporterTest::new();
        test.session("https://github.com/stranger/x", 1);
        name_owner(&test, owner);
        let (_, outcome) = test.run_json(&[], 0);
        assert!(test.sent_since(0).is_empty(), "{owner}");
        outcome.prints(&format!("{owner:?}; it is ignored"));
    }
}

#[test]
fn user_of_a_key_changes_once_a_day_and_brings_no_owner_along() {
    let (test, session, other) = delivered();
    let become_user = |user: &str| {
        test.receiver.with_identity("user-alice", |identity| identity.user_id = user.to_owned());
        test.advance(TimeDelta::minutes(61));
        test.add_messages(&session, 1);
    };
    name_owner(&test, NEW_OWNER);
    become_user("first");
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(explained(&test, &other)["reason"], "owner_pending");
    for user in ["second", "third", "user-alice"] {
        become_user(user);
        let (report, outcome) = test.run_json(&[], 78);
        assert_eq!(
            (&report["messagesSent"], &report["errors"][0]["code"]),
            (&json!(0), &json!("NOT_A_RECEIVER"))
        );
        outcome.prints("another user");
    }
    become_user("first");
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    test.advance(TimeDelta::hours(24));
    become_user("second");
    assert!(test.run_and_list_sent(0).contains(&session));
}

#[test]
fn retention_that_is_ahead_of_the_clock_is_ignored_and_reported() {
    for (ahead, sent) in
        [(TimeDelta::days(1), 3), (TimeDelta::minutes(1), 3), (TimeDelta::zero() - TimeDelta::minutes(1), 0)]
    {
        let test = ExporterTest::new();
        let session = test.session(ORGANIZATION_REMOTE, 3);
        let since = (test.now() + ahead).to_rfc3339_opts(SecondsFormat::Millis, true);
        test.receiver.with_identity("user-alice", |identity| identity.retained_since = Some(since));
        let (report, outcome) = test.run_json(&[], 0);
        assert_eq!(report["messagesSent"], sent, "{ahead}");
        match sent {
            0 => drop(outcome.does_not_print("ahead of this machine's clock")),
            _ => {
                outcome.prints("ahead of this machine's clock");
                assert_eq!(test.receiver.alice().sessions[&session].messages.len(), 3);
            }
        }
    }
}
