//! A first run and its progress, as a person at a terminal sees them; and their silence everywhere else.

use std::fs;
use std::time::SystemTime;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::pseudo_terminal::{PseudoTerminal, screen};
use crate::support::{Fault, batches, fault, identities};

/// Sessions of which each batch has three messages.
fn with_batches() -> ExporterTest {
    let test = ExporterTest::with_sessions(&[3, 3, 3]);
    test.set("batchSize", "3");
    // Only the person ends the wait for a response.
    test.set("timeout", "600");
    test
}

/// Holds every batch behind the first ones.
fn hold_batches_behind(test: &ExporterTest, nth: usize) {
    test.receiver.script(batches().with_data().skip(nth), Fault::none().held());
}

#[test]
fn first_run_tells_what_it_sends_and_how_far_it_is() {
    let test = with_batches();
    hold_batches_behind(&test, 1);
    let mut terminal = PseudoTerminal::start(&test.command(&[]), 100);
    let shown = terminal.wait_for("3 sessions with 9 messages");
    assert!(shown.contains(&format!("first run, to {}: ", test.receiver.endpoint())), "{shown}");
    terminal.wait_for("github.com/acme-corp/api (3 sessions)");
    // Drawn after a second, while the second batch is in flight.
    terminal.wait_for("1/3 sessions");
    terminal.wait_for("3/9 messages");
    terminal.wait_for("left");
    test.receiver.clear_script();
    test.receiver.release();
    let (code, text) = terminal.finish();
    assert_eq!(code, 0, "{text}");
    let left = screen(&text);
    assert!(left.iter().any(|line| line.starts_with("sent 9 messages")), "{left:?}");
    assert!(!left.iter().any(|line| line.contains("9 messages  ")), "the line is cleared: {left:?}");
    assert!(!text.contains("\u{1b}[3"), "no colours: {text:?}");

    // The next run is no first one, and a short one draws nothing.
    test.add_messages(&test.sessions[0], 1);
    let (code, text) = PseudoTerminal::start(&test.command(&[]), 100).finish();
    assert!(code == 0 && !text.contains("first run") && !text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn narrow_terminal_gets_a_short_line() {
    for (columns, shown) in [(60, "3/9 messages  33%"), (30, "33%")] {
        let test = with_batches();
        hold_batches_behind(&test, 1);
        let mut terminal = PseudoTerminal::start(&test.command(&["all"]), columns);
        terminal.wait_for(shown);
        test.receiver.clear_script();
        test.receiver.release();
        let (code, text) = terminal.finish();
        assert_eq!(code, 0, "{text}");
        assert!(!text.contains("1/3 sessions"), "{text}");
    }
}

#[test]
fn interrupt_leaves_the_terminal_clean_and_the_delivered_acknowledged() {
    let test = with_batches();
    hold_batches_behind(&test, 1);
    let mut terminal = PseudoTerminal::start(&test.command(&[]), 100);
    terminal.wait_for("3/9 messages");
    terminal.interrupt();
    let (code, text) = terminal.finish();
    assert_eq!(code, 75, "{text}");
    let left = screen(&text);
    assert!(!left.iter().any(|line| line.contains("/9 messages")), "{left:?}");
    assert_eq!(left.last().map(String::as_str), Some(""), "the prompt comes on a line of its own: {left:?}");
    test.receiver.clear_script();
    test.receiver.release();
    test.run(&[]).exits(0);
    test.assert_delivered();
}

#[test]
fn progress_is_that_of_the_sessions_that_the_run_sends() {
    // Neither what was not asked for, nor what waits for its retry.
    for waiting in [false, true] {
        let mut test = ExporterTest::with_sessions(&[2]);
        test.set("batchSize", "1");
        test.set("timeout", "600");
        if waiting {
            test.receiver.reject(&test.sessions[0], "PROCESSING_ERROR", usize::MAX);
            test.run(&[]).exits(75);
        }
        let sent = test.add_session(3);
        let arguments: &[&str] = if waiting { &[] } else { &["session", &sent] };
        hold_batches_behind(&test, 1);
        let mut terminal = PseudoTerminal::start(&test.command(arguments), 100);
        terminal.wait_for("0/1 sessions");
        terminal.wait_for("1/3 messages");
        test.receiver.clear_script();
        test.receiver.release();
        assert_eq!(terminal.finish().0, 0);
    }
}

#[test]
fn request_that_comes_meanwhile_adds_to_the_progress() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    test.set("batchSize", "1");
    test.set("timeout", "600");
    let [first, second] = [0, 1].map(|nth| test.sessions[nth].clone());
    let hold = |id: &str| {
        test.receiver.script(batches().with_session(id).skip(1).times(1), Fault::none().held());
    };
    hold(&first);
    hold(&second);
    let mut terminal = PseudoTerminal::start(&test.command(&["session", &first]), 100);
    terminal.wait_for("0/1 sessions");
    terminal.wait_for("1/2 messages");
    assert_eq!(test.run_json(&["session", &second], 0).0["status"], "busy");
    test.receiver.release_once();
    terminal.wait_for("1/2 sessions");
    terminal.wait_for("3/5 messages");
    test.receiver.release();
    assert_eq!(terminal.finish().0, 0);
}

#[test]
fn progress_of_sending_ends_before_the_daily_check() {
    let test = ExporterTest::with_sessions(&[2]);
    test.set("timeout", "600");
    test.run(&[]).exits(0);
    test.advance(TimeDelta::hours(25));
    test.add_messages(&test.sessions[0], 3);
    test.receiver.script(fault::digests().times(1), Fault::none().held());
    test.receiver.script(batches().with_data().times(1), Fault::none().held());
    let mut terminal = PseudoTerminal::start(&test.command(&[]), 100);
    terminal.wait_for("0/3 messages");
    test.receiver.release_once();
    terminal.wait_for(&format!("comparing with {}", test.receiver.endpoint()));
    test.receiver.release();
    let (code, text) = terminal.finish();
    let checked = text.split("comparing with ").last().unwrap();
    assert!(code == 0 && !checked.contains("messages  "), "{text:?}");
}

#[test]
fn what_the_daily_check_sends_again_has_its_progress() {
    let test = ExporterTest::with_sessions(&[3]);
    test.set("batchSize", "1");
    test.set("timeout", "600");
    test.run(&[]).exits(0);
    let (session, message) = (&test.sessions[0], test.message(0, 1));
    test.receiver.with_receiver(|receiver| {
        let store = receiver.stores.get_mut("user-alice").unwrap();
        store.sessions.get_mut(session).unwrap().messages.remove(&message).unwrap();
    });
    test.advance(TimeDelta::days(1));
    hold_batches_behind(&test, 1);
    let mut terminal = PseudoTerminal::start(&test.command(&[]), 100);
    terminal.wait_for("1/3 messages");
    test.receiver.clear_script();
    test.receiver.release();
    let (code, text) = terminal.finish();
    let sent = text.split("1/3 messages").last().unwrap();
    assert!(code == 0 && !sent.contains("comparing with"), "{text:?}");
    assert_eq!(test.receiver.alice().message_count(), 3);
}

#[test]
fn slow_receiver_is_told_of_in_one_line() {
    for arguments in [&[][..], &["verify"], &["verify", "--repair"], &["preview"]] {
        let test = with_batches();
        let of_verify = arguments.contains(&"verify");
        if of_verify {
            test.run(&[]).exits(0);
        }
        test.receiver.script(if of_verify { fault::digests() } else { identities() }, Fault::none().held());
        let mut terminal = PseudoTerminal::start(&test.command(arguments), 100);
        let sentence = if of_verify { "comparing with " } else { "waiting for " };
        let shown = terminal.wait_for(&format!("{sentence}{}", test.receiver.endpoint()));
        assert!(!shown.contains("reading"), "{arguments:?}: {shown}");
        test.receiver.clear_script();
        test.receiver.release();
        let (code, text) = terminal.finish();
        assert!(code == 0 && text.matches(sentence).count() == 1, "{arguments:?}: {text}");
    }
}

#[test]
fn slow_database_is_told_of_in_one_line() {
    let test = ExporterTest::with_sessions(&[1]);
    test.run(&[]).exits(0);
    let writer = test.db.conn();
    writer.pragma_update(None, "journal_mode", "delete").unwrap();
    for arguments in [&["all"][..], &["verify"], &["preview"]] {
        writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let mut terminal = PseudoTerminal::start(&test.command(arguments), 100);
        terminal.wait_for(&format!("reading {}", test.database().display()));
        writer.execute_batch("ROLLBACK").unwrap();
        let (code, text) = terminal.finish();
        // A slow machine may make a person wait for the receiver, too, but later.
        let (reading, waiting) = (text.find("reading ").unwrap(), text.find("waiting for "));
        assert!(code == 0 && waiting.is_none_or(|waiting| reading < waiting), "{arguments:?}: {text}");
    }
}

#[test]
fn nothing_is_shown_without_a_terminal_or_with_quiet() {
    let test = with_batches();
    let outcome = test.run(&[]).exits(0);
    assert_eq!(outcome.stderr, "");
    for arguments in [&["--quiet"][..], &["all", "--log-format", "json"]] {
        test.forget_state();
        let (code, text) = PseudoTerminal::start(&test.command(arguments), 100).finish();
        assert!(code == 0 && !text.contains("first run") && !text.contains('\u{1b}'), "{text:?}");
    }
    // On a terminal the JSON document stays the one thing on stdout.
    test.forget_state();
    let mut shell = std::process::Command::new("/bin/sh");
    let program = test.command(&[]);
    let script = format!("'{}' --json > json.out", program.get_program().to_str().unwrap());
    shell.args(["-c", &script]).current_dir(test.path(""));
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let (code, text) = PseudoTerminal::start(&shell, 100).finish();
    assert!(code == 0 && text.contains("first run"), "{text}");
    let document: Value = serde_json::from_slice(&fs::read(test.path("json.out")).unwrap()).unwrap();
    assert_eq!(document["status"], json!("success"));
}

/// Writes a transcript of so many lines, last changed so many days ago, where Claude Code keeps it.
fn transcript(test: &ExporterTest, name: &str, lines: usize, days: i64) {
    let folder = test.config_folder().join("projects/-home-alice-api");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.jsonl"));
    fs::write(&path, "{\"type\":\"user\"}\n".repeat(lines)).unwrap();
    let at: SystemTime = (test.now() - TimeDelta::days(days)).into();
    fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

/// Text that a first run shows on a terminal.
fn first_run(test: &ExporterTest) -> String {
    test.forget_state();
    let (code, text) = PseudoTerminal::start(&test.command(&[]), 200).finish();
    assert_eq!(code, 0, "{text}");
    text
}

#[test]
fn transcripts_that_claude_code_deletes_soon_and_han_has_not_indexed_are_named() {
    let test = ExporterTest::with_sessions(&[3]);
    let session = test.sessions[0].clone();
    // han has all of one, and the other is kept for longer than a week.
    transcript(&test, &session, 3, 29);
    transcript(&test, "0b0e4cbe-0000-4000-8000-000000000001", 1, 22);
    transcript(&test, "agent-1234", 5, 29);
    let text = first_run(&test);
    assert!(text.contains("first run") && !text.contains("reindex"), "{text}");
    transcript(&test, "0b0e4cbe-0000-4000-8000-000000000002", 1, 24);
    let text = first_run(&test);
    assert!(
        text.contains("deletes 1 transcript within a week") && text.contains("000000000002.jsonl"),
        "{text}"
    );
    assert!(text.contains("han reindex"), "{text}");
    transcript(&test, &session, 4, 29);
    assert!(first_run(&test).contains("deletes 2 transcripts"));
    // By the settings of Claude Code.
    fs::write(test.config_folder().join("settings.json"), r#"{"cleanupPeriodDays": 365}"#).unwrap();
    assert!(!first_run(&test).contains("reindex"));
    fs::write(test.config_folder().join("settings.json"), r#"{"cleanupPeriodDays": 20}"#).unwrap();
    assert!(first_run(&test).contains("deletes 3 transcripts"));
}
