//! `status` for people, and the silence of a schedule on an offline laptop.

use chrono::TimeDelta;
use std::process::Command;

use super::{provide, provide_crontab};
use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, requests};

fn installed(messages: &[usize]) -> ExporterTest {
    let test = ExporterTest::with_sessions(messages);
    provide_crontab(&test, None);
    test.run(&["install", "--scheduler", "cron"]).exits(0);
    test
}

#[test]
fn three_lines_say_that_all_is_well() {
    let test = installed(&[2, 3]);
    test.session("https://github.com/alice/notes.git", 1);
    test.run_json(&[], 0);
    test.advance(TimeDelta::minutes(5));
    let said = test.run(&["status"]).exits(0).stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].starts_with("han-sync is on: everything is sent to http://127.0.0.1"), "{said}");
    assert!(lines[1].starts_with("last sync 5 minutes ago") && lines[1].contains("5 messages"), "{said}");
    assert!(lines[2].starts_with("1 of 3 sessions") && lines[2].contains("han-sync explain"), "{said}");
    assert!(!said.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn what_is_wrong_is_a_line_with_its_remedy() {
    let test = installed(&[2]);
    test.run_json(&[], 0);
    test.add_messages(&test.sessions[0], 2);
    test.run(&["pause"]).exits(0);
    let said = test.run(&["status"]).exits(0).stdout;
    assert!(said.starts_with("han-sync is paused") && said.contains("1 session with 2 messages"), "{said}");
    assert!(said.lines().last().unwrap().ends_with("run: han-sync resume"), "{said}");
    test.run(&["resume"]).exits(0);
    test.receiver.script(requests(), Fault::status(401));
    test.run(&[]).exits(77);
    let said = test.run(&["status"]).exits(0).stdout;
    assert!(said.contains("last error: ") && said.contains("error KEY_REFUSED: "), "{said}");
    test.set("enabled", "false");
    assert!(test.run(&["status"]).exits(0).stdout.starts_with("han-sync is off"));
}

/// Runs a command on a terminal of that width, and returns what it showed.
fn on_terminal(test: &ExporterTest, columns: u32, command: &str) -> Option<String> {
    let environment = test.command(&[]);
    let variables = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script");
    script.env_clear().envs(variables).env("TERM", "xterm");
    let inner = format!("stty cols {columns}; {command}");
    match script.args(["-qec", &inner, "/dev/null"]).output() {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap()),
        Err(error) => {
            eprintln!("skipped: script ({error})");
            None
        }
    }
}

#[test]
fn terminal_gets_colours_and_lines_of_its_width_unless_it_wants_none() {
    let test = installed(&[2]);
    test.run(&["pause"]).exits(0);
    provide(&test, "han-sync", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_han-sync")));
    let Some(shown) = on_terminal(&test, 40, "han-sync status") else { return };
    assert!(shown.contains("\x1b[33mpaused\x1b[0m"), "{shown:?}");
    let plain = shown.replace("\x1b[33m", "").replace("\x1b[32m", "").replace("\x1b[0m", "");
    for line in plain.lines().filter(|line| line.contains(' ')) {
        let longest_word = line.trim().split(' ').map(str::len).max().unwrap_or(0);
        assert!(line.trim_end().len() <= 40 || longest_word > 34, "{line:?} of {plain}");
    }
    for quiet in ["NO_COLOR=1 han-sync status", "TERM=dumb han-sync status"] {
        assert!(!on_terminal(&test, 80, quiet).unwrap().contains('\x1b'), "{quiet}");
    }
}

#[test]
fn offline_laptop_is_silent_under_cron_until_its_backlog_is_a_day_old() {
    let test = installed(&[2]);
    test.run_json(&[], 0);
    test.receiver.script(requests(), Fault::reset());
    test.add_messages(&test.sessions[0], 1);
    let scheduled = |test: &ExporterTest| test.run(&["--quiet", "--max-seconds", "1"]).exits(75);
    for _ in 0..11 {
        let outcome = scheduled(&test);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
        test.advance(TimeDelta::hours(2));
    }
    // By hand it is told at once.
    test.run(&["--max-seconds", "1"]).exits(75).prints("cannot be reached");
    test.run(&["all", "--quiet", "--max-seconds", "1"]).exits(75).prints("cannot be reached");
    test.advance(TimeDelta::hours(3));
    scheduled(&test).prints("cannot be reached");
    // What a person has to mend is no matter of being offline.
    test.receiver.clear_script();
    test.run(&["all"]).exits(0);
    test.receiver.script(requests(), Fault::status(401));
    test.add_messages(&test.sessions[0], 1);
    test.run(&["--quiet", "--max-seconds", "1"]).exits(77).prints("key");
}
