//! `han-sync hook`, killed at every call and failed at every call; then one normal run.

use std::fs::File;
use std::process::Command;

use crate::campaign::{each, sample};
use crate::home::{Home, Template};
use crate::strace::{self, Calls, Children, Fault, Strike};

/// Cases of a campaign in the short form.
const SHORT: usize = 40;
/// The hook's message when reading its input times out, as it may under strace on a busy machine.
const IMPATIENCE: &str = "no session_id on stdin";
/// Recordings until two are without that.
const RECORDINGS_MAX: usize = 20;
/// A session that han has not indexed: it stays in the queue, where it can be seen.
const SESSION: &str = "6d3f1d6e-7c8b-4c53-9c1e-2f4e35a9d001";

fn home(template: &Template) -> Home {
    let home = Home::new(template);
    home.write_private(&home.path("input"), &format!(r#"{{"session_id":"{SESSION}"}}"#));
    home
}

/// Under strace, and with what the hook is to read.
fn with_input(home: &Home, mut traced: Command) -> Command {
    traced.stdin(File::open(home.path("input")).expect("the hook's input"));
    traced
}

fn recorded(template: &Template) -> Calls {
    strace::demand();
    let record = || {
        let home = home(template);
        let hook = strace::recorded(
            &home.command(&["hook", "--trust-environment"]),
            &home.log(),
            Children::LeftAlone,
        );
        home.finish(with_input(&home, hook)).exits(0);
        home.settle();
        home.queued(SESSION).map(|_| strace::calls(&home.log()))
    };
    let mut recordings = (0..RECORDINGS_MAX).filter_map(|_| record());
    let mut next = || recordings.next().expect("it queues when nothing happens");
    next().or_more(next())
}

/// Strikes a hook, and lets a run follow. Whether the strike came about.
fn strike(template: &Template, strike: &Strike) -> bool {
    let home = home(template);
    let hook = strace::struck(
        &home.command(&["hook", "--trust-environment"]),
        &home.log(),
        Children::LeftAlone,
        strike,
    );
    let outcome = home.finish(with_input(&home, hook));
    home.settle();
    let killed = outcome.code == -1;
    let struck = killed || strace::was_injected(&home.log());
    if !killed {
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "stderr: {}", outcome.stderr);
        let complaint = outcome.stderr.as_str();
        assert!(complaint.lines().all(|line| line.starts_with("han-sync: ")), "{complaint}");
        let silent = complaint.is_empty();
        assert!(!silent || home.queued(SESSION).is_some(), "neither queued nor reported");
        let expected = struck && !strike.is_transparent() || complaint.contains(IMPATIENCE);
        assert!(silent || expected, "{complaint}");
    }
    assert_eq!(killed, struck && strike.fault == Fault::Kill);
    home.assert_next_run_completes();
    struck
}

fn campaign(what: &str, strikes: impl Fn(&Calls) -> Vec<Strike>) {
    let template = Template::new();
    let calls = recorded(&template);
    let cases = sample(strikes(&calls), SHORT);
    let what = format!("{what} ({} calls)", calls.total);
    each(&cases, |case| strike(&template, case)).conclude("syscalls", &what);
}

#[test]
fn hook_killed_at_any_call_leaves_a_queue_that_serves() {
    campaign("a hook killed", Calls::kills);
}

/// But for errors of the pipe on which the standard library waits until the run has started: it takes them for
/// impossible, rightly, and panics.
fn faults(calls: &Calls) -> Vec<Strike> {
    let is_possible = |strike: &Strike| strike.call != "recvfrom" || strike.fault == Fault::Error("EINTR");
    calls.faults().into_iter().filter(is_possible).collect()
}

#[test]
fn hook_failed_at_any_call_queues_or_says_so_and_never_fails_its_caller() {
    campaign("a hook failed", faults);
}
