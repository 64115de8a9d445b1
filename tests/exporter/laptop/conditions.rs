//! Each condition: what makes it true, and the very command that mends it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{provide, provide_crontab};
use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::{Fault, RunningProgram, batches, requests};

/// A machine on which all is well: installed, delivered, a hook has come.
pub fn well() -> ExporterTest {
    let test = ExporterTest::with_sessions(&[2]);
    provide_crontab(&test, None);
    provide(&test, "han-sync", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_han-sync")));
    test.run(&["install", "--scheduler", "cron"]).exits(0);
    test.run_json(&[], 0);
    let document = test.run_json(&["doctor"], 0).0;
    assert_eq!(document["conditions"], json!([]), "all is well at first");
    test
}

/// The condition of that code in a command's document.
pub fn find(document: &Value, code: &str) -> Option<Value> {
    let conditions = document["conditions"].as_array().expect("a list of conditions");
    conditions.iter().find(|condition| condition["code"] == code).cloned()
}

pub fn doctor(test: &ExporterTest) -> Value {
    let outcome = test.run(&["doctor", "--json"]);
    assert!([0, 1].contains(&outcome.code), "{outcome:?}");
    let document = outcome.json();
    let conditions = document["conditions"].as_array().unwrap();
    let is_error = conditions.iter().any(|condition| condition["severity"] == "error");
    assert_eq!(outcome.code, i32::from(is_error), "{document}");
    document
}

/// Asserts that the doctor names a condition at the end of whose line is its command, and returns the command.
#[track_caller]
pub fn holds(test: &ExporterTest, code: &str, severity: &str) -> String {
    let document = doctor(test);
    let condition = find(&document, code).unwrap_or_else(|| panic!("{code} in {document}"));
    assert_eq!(condition["severity"], severity, "{condition}");
    let command = condition["command"].as_str().unwrap().to_owned();
    let said = test.run(&["doctor"]).stdout;
    let line = said.lines().find(|line| line.contains(code)).unwrap_or_else(|| panic!("{code} in {said}"));
    assert!(line.ends_with(&command), "{line}");
    command
}

/// Runs a command in the shell of the sandbox.
#[track_caller]
pub fn obey(test: &ExporterTest, command: &str) {
    let environment = test.command(&[]);
    let variables = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().envs(variables).current_dir(test.path("")).args(["-c", command]);
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    RunningProgram::new(shell.spawn().unwrap()).wait().exits(0);
    test.settle();
}

/// Asserts that a condition holds, and no longer after its command.
#[track_caller]
pub fn is_mended(test: &ExporterTest, code: &str, severity: &str) {
    let command = holds(test, code, severity);
    obey(test, &command);
    let document = doctor(test);
    assert_eq!(find(&document, code), None, "{command}: {document}");
}

/// An editor that changes a line of the file that it is given.
pub fn provide_editor(test: &ExporterTest, script: &str) {
    provide(test, "vi", &format!("#!/bin/sh\nexec sed -i '{script}' \"$1\"\n"));
}

#[test]
fn switch_in_the_environment_is_not_one_in_the_file() {
    let test = well();
    test.env("HAN_SYNC_ENABLED", "0");
    assert_eq!(holds(&test, "NOT_ENABLED", "warning"), "unset HAN_SYNC_ENABLED");
}

#[test]
fn mistakes_in_the_file_are_mended_there() {
    let test = well();
    provide_editor(&test, "/favouriteColour/d");
    test.set("favouriteColour", "blue");
    is_mended(&test, "CONFIG_WARNING", "warning");

    // One that stops every other command does not stop the doctor.
    let test = well();
    test.set("batchSize", "many");
    test.run(&["status"]).exits(78);
    provide_editor(&test, "/batchSize/d");
    is_mended(&test, "CONFIG_INVALID", "error");
}

#[test]
fn key_that_others_can_read_is_closed() {
    let test = well();
    fs::set_permissions(test.config_file(), fs::Permissions::from_mode(0o644)).unwrap();
    is_mended(&test, "KEY_FILE_READABLE", "warning");
    let test = well();
    let key = test.path("a key");
    fs::write(&key, ALICE_KEY).unwrap();
    test.unset("apiKey");
    test.set("apiKeyFile", key.to_str().unwrap());
    is_mended(&test, "KEY_FILE_READABLE", "warning");
}

#[test]
fn state_folder_that_cannot_be_used_is_opened_or_moved_away() {
    let test = well();
    fs::set_permissions(test.state_folder(), fs::Permissions::from_mode(0o777)).unwrap();
    is_mended(&test, "STATE_UNWRITABLE", "error");
    let test = well();
    fs::remove_dir_all(test.state_folder()).unwrap();
    fs::write(test.state_folder(), "").unwrap();
    is_mended(&test, "STATE_UNWRITABLE", "error");
}

#[test]
fn database_that_is_missing_is_made_by_han() {
    let test = well();
    let aside = test.path("aside.db");
    fs::rename(test.database(), &aside).unwrap();
    provide(
        &test,
        "han",
        &format!(
            "#!/bin/sh\n[ \"$1\" = reindex ] && mv '{}' '{}'\n",
            aside.display(),
            test.database().display()
        ),
    );
    is_mended(&test, "NO_DATABASE", "error");
}

/// Writes a transcript with so many lines for a session, and notes it in the database.
fn transcript(test: &ExporterTest, session: &str, lines: usize) -> std::path::PathBuf {
    let path = test.path(&format!("{session}.jsonl"));
    fs::write(&path, "{\"type\":\"user\"}\n".repeat(lines)).unwrap();
    let sql = "UPDATE sessions SET transcript_path = ?1, last_indexed_line = ?2 WHERE id = ?3";
    test.db.conn().execute(sql, (path.to_str().unwrap(), 1, session)).unwrap();
    path
}

#[test]
fn transcripts_that_han_has_not_indexed_are_found_by_their_lines() {
    let test = well();
    let path = transcript(&test, &test.sessions[0], 2);
    assert_eq!(find(&doctor(&test), "DATABASE_STALE"), None, "both lines are indexed");
    // Half of a line is not one yet.
    fs::write(&path, "{}\n{}\n{\"type\":").unwrap();
    assert_eq!(find(&doctor(&test), "DATABASE_STALE"), None);

    fs::write(&path, "{}\n{}\n{}\n").unwrap();
    let document = doctor(&test);
    let condition = find(&document, "DATABASE_STALE").expect("a condition");
    assert!(condition["message"].as_str().unwrap().contains(path.to_str().unwrap()), "{condition}");
    test.add_messages(&test.sessions[0], 1);
    assert_eq!(find(&doctor(&test), "DATABASE_STALE"), None, "han has read the line");

    fs::write(&path, "{}\n".repeat(4)).unwrap();
    test.set_now(std::time::SystemTime::now().into());
    let database = test.database();
    provide(
        &test,
        "han",
        &format!(
            "#!/bin/sh\n[ \"$1\" = reindex ] && exec python3 -c \"import sqlite3; c = sqlite3.connect('{}'); c.execute('UPDATE sessions SET last_indexed_line = 4'); c.commit()\"\n",
            database.display()
        ),
    );
    if fs::exists("/usr/bin/python3").unwrap() {
        is_mended(&test, "DATABASE_STALE", "warning");
    } else {
        assert_eq!(holds(&test, "DATABASE_STALE", "warning"), "han reindex");
    }
    // An old transcript is nobody's business.
    let test = well();
    transcript(&test, &test.sessions[0], 9);
    let old = std::time::SystemTime::from(test.now() - TimeDelta::days(8));
    fs::File::options()
        .write(true)
        .open(test.path(&format!("{}.jsonl", test.sessions[0])))
        .unwrap()
        .set_modified(old)
        .unwrap();
    assert_eq!(find(&doctor(&test), "DATABASE_STALE"), None);
}

#[test]
fn receiver_out_of_reach_shows_in_the_doctor_at_once_and_elsewhere_after_a_day() {
    let test = well();
    test.receiver.script(requests(), Fault::status(503));
    test.add_messages(&test.sessions[0], 1);
    test.run(&["--max-seconds", "1"]).exits(75);
    holds(&test, "ENDPOINT_UNREACHABLE", "warning");
    assert_eq!(find(&test.status(), "ENDPOINT_UNREACHABLE"), None);
    test.advance(TimeDelta::hours(23));
    test.run(&["--max-seconds", "1"]).exits(75);
    assert_eq!(find(&test.status(), "ENDPOINT_UNREACHABLE"), None);
    test.advance(TimeDelta::hours(2));
    test.run(&["--max-seconds", "1"]).exits(75);
    assert!(find(&test.status(), "ENDPOINT_UNREACHABLE").is_some(), "the first fault counts");
    test.receiver.clear_script();
    is_mended_after_fault(&test);
}

/// The command tries again, and the receiver answers.
fn is_mended_after_fault(test: &ExporterTest) {
    let status = test.status();
    let command = find(&status, "ENDPOINT_UNREACHABLE").unwrap()["command"].as_str().unwrap().to_owned();
    obey(test, &command);
    assert_eq!(find(&test.status(), "ENDPOINT_UNREACHABLE"), None);
    test.assert_delivered();
}

#[test]
fn proxy_that_does_not_answer_is_named() {
    let test = well();
    test.set("proxy", "http://127.0.0.1:9");
    provide_editor(&test, "/proxy/d");
    is_mended(&test, "PROXY_FAILED", "warning");
}

#[test]
fn clock_that_differs_from_the_receivers_is_named() {
    let test = well();
    let ahead = test.now() + TimeDelta::minutes(6);
    test.receiver
        .with_identity("user-alice", |identity| identity.server_timestamp = Some(ahead.to_rfc3339()));
    let command = holds(&test, "CLOCK_SKEW", "warning");
    assert!(command.starts_with("sudo "), "{command}");
    // The command sets the clock by the network's.
    test.set_now(ahead);
    assert_eq!(find(&doctor(&test), "CLOCK_SKEW"), None);
    test.set_now(ahead - TimeDelta::minutes(4));
    assert_eq!(find(&doctor(&test), "CLOCK_SKEW"), None, "a few minutes are none");
}

#[test]
fn schedule_and_hooks_that_are_missing_are_installed() {
    let test = well();
    test.run(&["uninstall"]).exits(0);
    let document = doctor(&test);
    assert!(
        find(&document, "SCHEDULE_MISSING").is_some() && find(&document, "HOOK_MISSING").is_some(),
        "{document}"
    );
    is_mended(&test, "HOOK_MISSING", "warning");
    assert_eq!(find(&doctor(&test), "SCHEDULE_MISSING"), None, "one command installs both");

    let test = well();
    fs::remove_file(test.path("bin/crontab.txt")).unwrap();
    is_mended(&test, "SCHEDULE_MISSING", "warning");
    // A line of the user's own is a schedule, too, and hooks that agents disable are none.
    fs::write(test.path("bin/crontab.txt"), "*/5 * * * * $HOME/.cargo/bin/han-sync --quiet\n").unwrap();
    assert_eq!(find(&doctor(&test), "SCHEDULE_MISSING"), None);
    let settings = test.config_folder().join("settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replacen('{', "{\n  \"disableAllHooks\": true,", 1)).unwrap();
    holds(&test, "HOOK_MISSING", "warning");
    test.set("enabled", "false");
    let document = doctor(&test);
    assert_eq!((find(&document, "SCHEDULE_MISSING"), find(&document, "HOOK_MISSING")), (None, None));
}

#[test]
fn schedule_without_a_trace_for_seventy_minutes_is_silent() {
    let test = well();
    test.advance(TimeDelta::minutes(69));
    assert_eq!(find(&doctor(&test), "SCHEDULE_SILENT"), None);
    test.advance(TimeDelta::minutes(2));
    let script = format!("#!/bin/sh\nexec '{}'\n", env!("CARGO_BIN_EXE_han-sync"));
    // The daemon that the command starts, which starts a run.
    provide(&test, "sudo", &script);
    is_mended(&test, "SCHEDULE_SILENT", "warning");
    // Twice an interval of two hours is not yet silence, and a pause is none either.
    test.set("interval", "7200");
    test.advance(TimeDelta::hours(5));
    assert_eq!(find(&doctor(&test), "SCHEDULE_SILENT"), None);
    test.advance(TimeDelta::hours(2));
    holds(&test, "SCHEDULE_SILENT", "warning");
    test.run(&["pause"]).exits(0);
    assert_eq!(find(&doctor(&test), "SCHEDULE_SILENT"), None);
}

#[test]
fn hook_that_does_not_come_though_sessions_end_is_silent() {
    let mut test = well();
    let ahead = test.now() + TimeDelta::hours(1);
    test.add_session(2);
    let set = |test: &ExporterTest, at: chrono::DateTime<chrono::Utc>| {
        let sql = "UPDATE messages SET timestamp = ?1 WHERE session_id = ?2";
        test.db.conn().execute(sql, (at.to_rfc3339(), &test.sessions[1])).unwrap();
    };
    set(&test, ahead);
    test.set_now(ahead + TimeDelta::minutes(30));
    assert_eq!(find(&doctor(&test), "HOOK_SILENT"), None, "the session may not have ended");
    test.set_now(ahead + TimeDelta::hours(3));
    let command = holds(&test, "HOOK_SILENT", "warning");
    obey(&test, &command);
    // The agent runs the hook that is installed anew at the next session's end.
    let input = json!({"session_id": test.sessions[1]}).to_string();
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    test.settle();
    assert_eq!(find(&doctor(&test), "HOOK_SILENT"), None);
}

#[test]
fn overdue_data_and_failed_sessions_are_sent_by_the_command() {
    let test = well();
    test.receiver.script(batches(), Fault::status(503));
    test.add_messages(&test.sessions[0], 1);
    test.run(&["--max-seconds", "1"]).exits(75);
    assert_eq!(find(&test.status(), "OVERDUE"), None);
    test.advance(TimeDelta::seconds(601));
    assert!(find(&test.status(), "OVERDUE").is_some());
    test.receiver.clear_script();
    is_mended(&test, "OVERDUE", "warning");

    let (test, _) = ExporterTest::with_failed_session();
    provide_crontab(&test, None);
    provide(&test, "han-sync", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_han-sync")));
    assert!(find(&test.status(), "SESSIONS_FAILED").is_some());
    is_mended(&test, "SESSIONS_FAILED", "warning");
}

#[test]
fn backlog_counts_from_when_it_was_first_seen_and_never_from_hans_own_times() {
    let test = ExporterTest::with_sessions(&[2]);
    let sql = "UPDATE messages SET timestamp = '2020-01-01T00:00:00Z', indexed_at = '2020-01-01T00:00:00Z'";
    test.db.conn().execute(sql, []).unwrap();
    test.receiver.script(batches(), Fault::status(503));
    test.run(&["--max-seconds", "1"]).exits(75);
    let status = test.status();
    assert_eq!((&status["overdue"], find(&status, "OVERDUE")), (&json!(false), None), "{status}");
}

#[test]
fn pause_is_shown_and_ended_by_the_command() {
    let test = well();
    test.run(&["pause", "--for", "3h"]).exits(0);
    let status = test.status();
    assert_eq!(status["paused"], true);
    assert!(status["pausedUntil"].is_string() && find(&status, "PAUSED").is_some(), "{status}");
    is_mended(&test, "PAUSED", "info");
    assert_eq!(test.status()["paused"], false);
}

#[test]
fn another_program_in_the_state_folder_is_named() {
    let test = well();
    fs::write(test.state_folder().join("sync-state.json"), r#"{"lastRun":1,"cursor":{}}"#).unwrap();
    test.run(&["all"]).exits(0);
    is_mended(&test, "OTHER_SYNC", "warning");
}

#[test]
fn machine_on_which_nothing_may_leave_is_told_why() {
    let test = ExporterTest::with_sessions(&[]);
    provide_crontab(&test, None);
    test.session("https://github.com/stranger/thing.git", 1);
    test.run(&["install", "--scheduler", "cron"]).exits(0);
    test.run_json(&[], 0);
    let command = holds(&test, "NOTHING_ELIGIBLE", "warning");
    let explained = test.run(&["explain"]).exits(0).stdout;
    assert!(command == "han-sync explain" && explained.contains("organizations"), "{explained}");
    // The explanation's remedy.
    test.set("organizations", "[github.com/stranger]");
    assert_eq!(find(&doctor(&test), "NOTHING_ELIGIBLE"), None);
}

#[test]
fn folder_that_cannot_be_inspected_is_named_with_its_reason() {
    let test = well();
    let (_, folder) = test.session_in_folder("https://github.com/acme-corp/api.git", "gone", 1);
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&folder, &folder).unwrap();
    let command = holds(&test, "FOLDER_UNREADABLE", "warning");
    assert!(command.contains(folder.to_str().unwrap()), "{command}");
    fs::remove_file(&folder).unwrap();
    assert_eq!(find(&doctor(&test), "FOLDER_UNREADABLE"), None);
}

#[test]
fn conditions_of_a_run_are_on_the_wire_and_in_its_log() {
    let test = ExporterTest::with_sessions(&[2, 1]);
    test.set("favouriteColour", "blue");
    test.set("batchSize", "2");
    test.run(&[]).exits(0);
    let clients: Vec<Value> = test
        .receiver
        .batches()
        .iter()
        .map(|batch| serde_json::from_slice::<Value>(batch.body.as_ref().unwrap()).unwrap()["client"].clone())
        .collect();
    let last = clients.last().unwrap();
    assert_eq!(
        (&last["version"], &last["os"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!(std::env::consts::OS))
    );
    let codes = last["conditions"].as_array().unwrap();
    assert!(codes.contains(&json!("CONFIG_WARNING")) && codes.contains(&json!("HOOK_MISSING")), "{last}");
    assert_eq!(
        (&last["pendingSessions"], &last["pendingMessages"], &last["pendingSince"]),
        (&json!(0), &json!(0), &json!(null))
    );
    assert_eq!((&clients[0]["pendingSessions"], &clients[0]["pendingMessages"]), (&json!(1), &json!(1)));
    assert_eq!(clients[0]["pendingSince"], json!(null), "seen just now");
    let log = fs::read_to_string(test.state_folder().join("sync.log")).unwrap();
    let run: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(run["conditions"], last["conditions"]);
    test.receiver.script(batches(), Fault::status(503));
    test.sessions.iter().for_each(|session| drop(test.add_messages(session, 2)));
    let seen = test.now();
    test.run(&["--max-seconds", "1"]).exits(75);
    test.advance(TimeDelta::hours(3));
    test.receiver.clear_script();
    let before = test.receiver.batches().len();
    test.run(&["all"]).exits(0);
    let batch: Value =
        serde_json::from_slice(test.receiver.batches()[before].body.as_ref().unwrap()).unwrap();
    let since = crate::support::time(&batch["client"]["pendingSince"]);
    assert!((since - seen).abs() < TimeDelta::seconds(2), "{batch}");
}
