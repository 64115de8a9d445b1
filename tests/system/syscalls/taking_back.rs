//! `forget` and `verify --repair`, killed at every call and failed at every call; then the command once more, or one normal run.

use crate::campaign::{each, sample};
use crate::home::{Home, Template, assert_fits};
use crate::strace::{self, Calls, Children, Fault, Strike};

/// Cases of a campaign in the short form.
const SHORT: usize = 40;

/// The command that is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Struck {
    Forget,
    Repair,
}

impl Struck {
    /// A home in which everything was delivered; the receiver has lost some of it, where it is to be repaired.
    fn home(self, template: &Template) -> Home {
        let home = Home::new(template);
        home.run(&[]).exits(0);
        if self == Struck::Repair {
            home.receiver.with_receiver(|receiver| {
                for session in
                    receiver.stores.get_mut("user-alice").expect("a store").sessions.values_mut().take(2)
                {
                    session.messages.pop_first();
                }
            });
        }
        home
    }

    fn arguments(self, session: &str) -> Vec<&str> {
        match self {
            Struck::Forget => vec!["forget", "--session", session, "--yes", "--json"],
            Struck::Repair => vec!["verify", "--repair", "--json"],
        }
    }
}

/// The session that is forgotten.
fn first_session(home: &Home) -> String {
    home.receiver.alice().sessions.keys().next().expect("a session").clone()
}

fn recorded(template: &Template, struck: Struck) -> Calls {
    strace::demand();
    let record = || {
        let home = struck.home(template);
        let session = first_session(&home);
        let command =
            strace::recorded(&home.command(&struck.arguments(&session)), &home.log(), Children::None);
        home.finish(command).exits(0);
        strace::calls(&home.log())
    };
    record().or_more(record())
}

/// Strikes a command, and lets the next one complete it. Whether the strike came about.
fn strike(template: &Template, command: Struck, strike: &Strike) -> bool {
    let home = command.home(template);
    let session = first_session(&home);
    let arguments = command.arguments(&session);
    let traced = strace::struck(&home.command(&arguments), &home.log(), Children::None, strike);
    let outcome = home.finish(traced);
    let struck = strace::came_about(strike, outcome.code, &home.log());
    if strike.fault != Fault::Kill {
        assert_fits(&outcome);
    }
    if !struck || strike.is_transparent() {
        assert_eq!(outcome.code, 0, "stderr: {}", outcome.stderr);
    }
    match command {
        Struck::Forget => assert_forgotten_or_kept(&home, &session, outcome.code == 0),
        Struck::Repair => {
            home.advance(chrono::TimeDelta::minutes(61));
            home.run(&arguments).exits(0);
            home.assert_next_run_completes();
        }
    }
    struck
}

/// Asserts that a tombstone in the state leads to the deletion, that without one everything is delivered, and that the command
/// can be repeated.
fn assert_forgotten_or_kept(home: &Home, session: &str, is_done: bool) {
    let has_tombstone = home.state_file("sync-state.json")["tombstones"][session].is_object();
    assert!(has_tombstone || !is_done, "a command that has succeeded has left no tombstone");
    home.advance(chrono::TimeDelta::minutes(61));
    home.run(&["--json"]).exits(0);
    let is_there = home.receiver.alice().sessions.contains_key(session);
    assert_eq!(is_there, !has_tombstone, "what the state says and what the receiver has");
    home.run(&["forget", "--session", session, "--yes", "--json"]).exits(0);
    for arguments in [&["all", "--json"][..], &["--json"]] {
        home.run(arguments).exits(0);
    }
    let store = home.receiver.alice();
    assert!(!store.sessions.contains_key(session), "it has come back");
    home.assert_all_delivered_but(&[session], &store);
    home.assert_tidy();
}

fn campaign(command: Struck, strikes: impl Fn(&Calls) -> Vec<Strike>, what: &str) {
    let template = Template::new();
    let calls = recorded(&template, command);
    let cases = sample(strikes(&calls), SHORT);
    let what = format!("{command:?} {what} ({} calls)", calls.total);
    each(&cases, |case| strike(&template, command, case)).conclude("syscalls", &what);
}

#[test]
fn forget_killed_at_any_call_is_completed_or_repeated() {
    campaign(Struck::Forget, Calls::kills, "killed");
}

#[test]
fn forget_failed_at_any_call_is_completed_or_repeated() {
    campaign(Struck::Forget, Calls::faults, "failed");
}

#[test]
fn repair_killed_at_any_call_is_completed_by_the_next() {
    campaign(Struck::Repair, Calls::kills, "killed");
}

#[test]
fn repair_failed_at_any_call_is_completed_by_the_next() {
    campaign(Struck::Repair, Calls::faults, "failed");
}
