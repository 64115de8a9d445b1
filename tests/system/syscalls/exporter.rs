//! A run of the exporter, killed at every call and failed at every call; then one normal run.

use crate::campaign::{each, sample};
use crate::home::{Home, Template, assert_fits};
use crate::strace::{self, Calls, Children, Fault, Strike};
use crate::support::Outcome;

/// Cases of a campaign in the short form.
const SHORT: usize = 60;

/// The state of the sandbox before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// See [`Home::in_use`].
    Use,
    /// See [`Home::at_rest`].
    Rest,
}

const ALL: [Before; 3] = [Before::Nothing, Before::Use, Before::Rest];

impl Before {
    fn home(self, template: &Template) -> Home {
        match self {
            Before::Nothing => Home::new(template),
            Before::Use => Home::in_use(template),
            Before::Rest => Home::at_rest(template),
        }
    }
}

/// Outcome and system calls of such a run without a fault.
struct Course {
    before: Before,
    outcome: Outcome,
    calls: Calls,
}

fn courses(template: &Template) -> Vec<Course> {
    strace::demand();
    let course = |before: Before| {
        let record = || {
            let home = before.home(template);
            let run = strace::recorded(&home.command(&["--json"]), &home.log(), Children::None);
            (home.finish(run), strace::calls(&home.log()))
        };
        let ((outcome, one), (_, other)) = (record(), record());
        Course { before, outcome, calls: one.or_more(other) }
    };
    ALL.map(course).into()
}

#[test]
fn run_with_one_new_message_replaces_its_state_once() {
    let courses = courses(&Template::new());
    let course = courses.iter().find(|course| course.before == Before::Rest).expect("a course of each");
    let renames = course.calls.most.get("rename").map_or(0, |count| count.all);
    assert_eq!(course.outcome.json()["messagesSent"], 1, "{}", course.outcome.stdout);
    assert_eq!(renames, 1, "{:?}", course.calls);
}

/// Strikes a run, and lets the next one complete it. Whether the strike came about.
fn strike(template: &Template, course: &Course, strike: &Strike) -> bool {
    let home = course.before.home(template);
    let run = strace::struck(&home.command(&["--json"]), &home.log(), Children::None, strike);
    let outcome = home.finish(run);
    let struck = strace::came_about(strike, outcome.code, &home.log());
    if strike.fault != Fault::Kill {
        assert_fits(&outcome);
    }
    if !struck || strike.is_transparent() {
        let sent = |outcome: &Outcome| outcome.json()["messagesSent"].clone();
        let expected = (course.outcome.code, sent(&course.outcome));
        assert_eq!((outcome.code, sent(&outcome)), expected, "stderr: {}", outcome.stderr);
    }
    home.assert_no_cursor_ahead();
    home.assert_next_run_completes();
    struck
}

fn campaign(what: &str, strikes: impl Fn(&Calls) -> Vec<Strike>) {
    let template = Template::new();
    for course in courses(&template) {
        let cases = sample(strikes(&course.calls), SHORT);
        let what = format!("{what}, {:?} before it ({} calls)", course.before, course.calls.total);
        each(&cases, |case| strike(&template, &course, case)).conclude("syscalls", &what);
    }
}

#[test]
fn run_killed_at_any_call_is_completed_by_the_next() {
    campaign("a run killed", Calls::kills);
}

#[test]
fn run_failed_at_any_call_says_what_failed_and_is_completed_by_the_next() {
    campaign("a run failed", Calls::faults);
}
