//! The session-end hook: it queues, starts a run that nothing ties to its caller, and never fails.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::{Arrange, ExporterTest};
use crate::support::{Fault, RunningProgram, batches, requests, wait_until};

fn input(session: &str) -> Vec<u8> {
    let input = json!({
        "session_id": session, "transcript_path": "/home/dev/.claude/projects/work/x.jsonl", "cwd": "/home/dev/work",
        "hook_event_name": "SessionEnd", "reason": "other",
    });
    serde_json::to_vec(&input).unwrap()
}

/// Session id, as the kernel counts sessions, of a process.
fn kernel_session(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name in parentheses: state, parent, process group, session.
    stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}

#[test]
fn hook_returns_before_the_run_ends_and_the_run_has_a_session_of_its_own() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    test.set("timeout", "30");
    test.receiver.script(requests().times(1), Fault::none().held());
    // It returns, and its output ends, while the receiver has not answered the run.
    let outcome = test.run_with_input(&["hook", "--trust-environment"], &input(&test.sessions[1])).exits(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""), "a hook makes no noise");
    test.receiver.wait_until("the run asks", |requests| !requests.is_empty());
    let runs = test.processes();
    assert_eq!(runs.len(), 1, "one detached run");
    assert_eq!(kernel_session(runs[0]), Some(runs[0]), "it leads a session of its own");
    for stream in 0..3 {
        let target = fs::read_link(format!("/proc/{}/fd/{stream}", runs[0])).unwrap();
        assert!(
            target.starts_with("/dev/null") || target.starts_with(test.home()),
            "{stream} goes to {target:?}"
        );
    }
    let item = test.queued(&test.sessions[1]).expect("it is queued");
    assert_eq!(item["priority"], "high", "{item}");

    test.receiver.release();
    test.settle();
    assert_eq!(test.receiver.batches()[0].session_ids()[0], test.sessions[1], "high priority goes first");
    test.assert_delivered_without_repeats();
}

#[test]
fn hook_never_fails_its_caller_whatever_it_reads() {
    let test = ExporterTest::with_sessions(&[1]);
    let huge = {
        let mut huge = br#"{"filler":""#.to_vec();
        huge.resize(20 << 20, b'x');
        huge.extend_from_slice(br#"","session_id":"s"}"#);
        huge
    };
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("malformed", b"{\"session_id\":".to_vec()),
        ("no JSON", b"session over".to_vec()),
        ("no text", vec![0xff; 100]),
        ("another shape", b"[1,2]".to_vec()),
        ("no session", br#"{"reason":"clear"}"#.to_vec()),
        ("a session that is no text", br#"{"session_id":17}"#.to_vec()),
        ("an empty session", br#"{"session_id":""}"#.to_vec()),
        ("nested deeply", b"[".repeat(100_000)),
        ("huge", huge),
        ("an id of a megabyte", input(&"x".repeat(1 << 20))),
    ];
    for (name, text) in table {
        eprintln!("case: {name}");
        let outcome = test.run_with_input(&["hook", "--trust-environment"], &text).exits(0);
        assert_eq!(outcome.stdout, "");
        assert!(outcome.stderr.lines().count() <= 1, "{outcome:?}");
        test.settle();
        let queue = test.status()["queue"].clone();
        assert!(queue["items"].as_array().unwrap().is_empty(), "{queue}");
    }
}

#[test]
fn hook_does_not_wait_for_the_end_of_its_input() {
    for (name, text) in
        [("nothing", Vec::new()), ("half of it", b"{\"session_id\":".to_vec()), ("all of it", input("ID"))]
    {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[2]);
        let text = String::from_utf8(text).unwrap().replace("ID", &test.sessions[0]);
        let mut child = test.command(&["hook", "--trust-environment"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        RunningProgram::new(child).wait().exits(0);
        drop(stdin);
        test.settle();
        if name == "all of it" {
            test.assert_delivered();
        }
    }
}

#[test]
fn hook_fails_neither_without_configuration_nor_database_nor_a_folder_to_write_to() {
    let breaks: &[(&str, Arrange)] = &[
        ("not configured", |test| fs::remove_file(test.config_file()).unwrap()),
        ("disabled", |test| test.set("enabled", "false")),
        ("wrong configuration", |test| test.set("batchSize", "many")),
        ("no database", |test| test.env("HAN_DB", "/nowhere/han.db")),
        ("no database of han's", |test| test.env("HAN_DB", test.config_file().to_str().unwrap())),
        ("a state folder that is a file", |test| fs::write(test.state_folder(), "").unwrap()),
    ];
    for (name, breaks_it) in breaks {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[2]);
        breaks_it(&test);
        let outcome =
            test.run_with_input(&["hook", "--trust-environment"], &input(&test.sessions[0])).exits(0);
        assert_eq!(outcome.stdout, "");
        test.settle();
        assert_eq!(test.receiver.batches().len(), 0);
    }
}

#[test]
fn two_hundred_hooks_at_once_leave_two_hundred_sessions_and_one_run_at_a_time() {
    const HOOKS: usize = 200;
    let test = ExporterTest::with_sessions(&[1; HOOKS]);
    test.set("timeout", "600");
    test.receiver.script(requests().times(1), Fault::none().held());
    let hooks: Vec<RunningProgram> = test
        .sessions
        .iter()
        .map(|session| {
            // The input is there before the hook is: a machine with 200 processes may be slow to write to a pipe.
            let path = test.path(session);
            fs::write(&path, input(session)).unwrap();
            let stdin = fs::File::open(path).unwrap();
            RunningProgram::new(test.command(&["hook", "--trust-environment"]).stdin(stdin).spawn().unwrap())
        })
        .collect();
    for hook in hooks {
        assert_eq!(hook.wait().exits(0).stderr, "");
    }
    let status = test.status();
    let items = status["queue"]["items"].as_array().unwrap();
    let queued: BTreeSet<&str> = items.iter().map(|item| item["sessionId"].as_str().unwrap()).collect();
    assert_eq!((items.len(), queued.len()), (HOOKS, HOOKS), "each once");
    test.receiver.wait_until("a run asks", |requests| !requests.is_empty());
    assert_eq!(test.receiver.request_count(), 1, "one run at a time");

    test.receiver.release();
    test.settle();
    assert_eq!(test.receiver.batches_at_once(), 1);
    assert_eq!(test.status()["queue"]["pending"], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn id_that_han_has_not_indexed_waits_for_it_for_a_day() {
    let test = ExporterTest::with_sessions(&[1]);
    let late = "5e551011-0000-4000-8000-00000000000a";
    test.run_with_input(&["hook", "--trust-environment"], &input(late)).exits(0);
    test.settle();
    assert!(test.queued(late).is_some(), "it stays queued");
    test.advance(TimeDelta::hours(20));
    test.run_json(&[], 0);
    assert!(test.queued(late).is_some(), "it stays queued");

    // Indexed in time: sent.
    let project = test.db.project_of(&test.sessions[0]).unwrap();
    test.db.session(late, Some(&project), Some("active"), None);
    test.add_messages(late, 2);
    test.run_json(&[], 0);
    assert_eq!(test.queued(late), None);
    test.assert_delivered_without_repeats();

    // Never indexed: forgotten after a day, without a word to anybody.
    let never = "5e551011-0000-4000-8000-00000000000b";
    test.run_with_input(&["hook", "--trust-environment"], &input(never)).exits(0);
    test.settle();
    test.advance(TimeDelta::hours(25));
    test.run_json(&[], 0);
    assert_eq!(test.queued(never), None);
}

#[test]
fn detached_run_is_a_plain_one_that_honours_backoff() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    test.receiver.script(batches(), Fault::status(503).header("Retry-After", "3600"));
    test.run_json(&["--max-seconds", "1"], 75);
    let asked = test.receiver.request_count();
    test.run_with_input(&["hook", "--trust-environment"], &input(&test.sessions[0])).exits(0);
    test.settle();
    assert_eq!(test.receiver.request_count(), asked, "an endpoint that is away is not asked by every hook");
    test.receiver.clear_script();
    test.advance(TimeDelta::seconds(3601));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn sandbox_sees_detached_processes() {
    let test = ExporterTest::with_sessions(&[1]);
    test.receiver.script(requests(), Fault::none().held());
    test.run_with_input(&["hook", "--trust-environment"], &input(&test.sessions[0])).exits(0);
    wait_until("the detached run is there", || !test.processes().is_empty());
    test.receiver.release();
    test.settle();
}
