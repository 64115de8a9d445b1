//! `sync.log`: every operation, one JSON line each; none of a run with nothing to do, and no secret.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::{Fault, RunningProgram, batches, identities, wait_until};

fn lines(test: &ExporterTest) -> Vec<Value> {
    let text = fs::read_to_string(test.state_folder().join("sync.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn operations(test: &ExporterTest) -> Vec<String> {
    lines(test).iter().map(|line| line["operation"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_operation_is_a_line_with_its_figures_and_an_idle_run_has_none() {
    let test = ExporterTest::with_sessions(&[2, 3]);
    let (report, _) = test.run_json(&[], 0);
    assert_eq!(operations(&test), ["identity", "batch", "run"]);
    let lines = lines(&test);
    let (batch, run) = (&lines[1], &lines[2]);
    assert_eq!(
        (&batch["batch"], &batch["attempt"], &batch["status"]),
        (&json!(1), &json!(1), &json!("acknowledged"))
    );
    assert_eq!((&batch["sessions"], &batch["messages"]), (&json!(2), &json!(5)));
    assert_eq!(batch["bytes"], report["bytesSent"]);
    assert!(batch["durationMs"].is_u64());
    assert_eq!((&run["status"], &run["exit"], &run["messages"]), (&json!("success"), &json!(0), &json!(5)));
    assert!(run["run"].is_string() && lines.iter().all(|line| line["run"] == run["run"]), "one run id");
    let mode = fs::metadata(test.state_folder().join("sync.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    test.assert_idle();
    assert_eq!(operations(&test).len(), 3, "nothing to do, nothing to log");
    test.advance(TimeDelta::minutes(61));
    test.run_json(&[], 0);
    assert_eq!(operations(&test)[3..], ["identity", "heartbeat", "run"]);
    assert_ne!(self::lines(&test)[5]["run"], run["run"], "a run id of its own");
}

#[test]
fn faults_rejections_hooks_and_commands_are_logged() {
    let test = ExporterTest::with_sessions(&[2, 2]);
    test.receiver.script(batches().times(1), Fault::status(503));
    test.receiver.script(batches().with_session(&test.sessions[0]), Fault::status(422));
    test.run_json(&[], 65);
    let first = lines(&test);
    let of = |operation: &str| first.iter().filter(|line| line["operation"] == operation).collect::<Vec<_>>();
    let faults: Vec<_> = of("batch").into_iter().filter(|line| line["status"] == "UNREACHABLE").collect();
    assert!(faults.len() == 1 && faults[0]["attempt"].is_u64(), "{first:?}");
    assert!(faults[0]["reason"].as_str().unwrap().contains("503"));
    assert_eq!(of("rejected")[0]["session"], test.sessions[0].as_str());
    assert_eq!((&of("run")[0]["exit"], &of("run")[0]["errors"]), (&json!(65), &json!(["HTTP_422"])));

    test.run(&["queue", "--drop", &test.sessions[0]]).exits(0);
    test.run(&["pause"]).exits(0);
    let input = json!({"session_id": test.sessions[1]}).to_string();
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    test.run(&["resume"]).exits(0);
    test.run(&["reset"]).exits(0);
    assert_eq!(operations(&test)[first.len()..], ["drop", "pause", "hook", "resume", "reset"]);
    // A failure before the run is one of the run.
    test.unset("apiKey");
    test.run(&[]).exits(78);
    let last = lines(&test).pop().unwrap();
    assert_eq!(
        (&last["operation"], &last["exit"], &last["status"]),
        (&json!("run"), &json!(78), &json!("error"))
    );
}

#[test]
fn no_key_credential_or_message_text_is_logged() {
    let test = ExporterTest::with_sessions(&[1]);
    test.set("includeContent", "true");
    test.session("https://user:PLANTED-password@github.com/acme-corp/api.git", 1);
    test.say(&test.sessions[0], "PLANTED-text");
    for (matcher, fault) in [
        (identities().times(1), Fault::status(401)),
        (batches().times(1), Fault::status(503)),
        (batches().times(1), Fault::status(400)),
    ] {
        // A receiver that repeats what it was sent.
        let echo = format!(r#"{{"error":"Bearer {ALICE_KEY} said PLANTED-text"}}"#);
        test.receiver.script(matcher, fault.body(echo));
        test.run(&["--verbose"]);
        test.advance(TimeDelta::hours(2));
    }
    test.receiver.clear_script();
    test.env("https_proxy", "http://u:PLANTED-proxy@127.0.0.1:9");
    test.run(&["all"]);
    let text = fs::read_to_string(test.state_folder().join("sync.log")).unwrap();
    assert!(text.contains("KEY_REFUSED") && text.contains("503") && text.contains("acknowledged"), "{text}");
    for secret in [ALICE_KEY, "PLANTED", "github.com/acme-corp"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn log_that_cannot_be_written_fails_no_run() {
    for (name, arrange) in [
        (
            "a folder",
            (|test: &ExporterTest| fs::create_dir_all(test.state_folder().join("sync.log")).unwrap())
                as fn(&ExporterTest),
        ),
        ("a link", |test| {
            fs::create_dir_all(test.state_folder()).unwrap();
            fs::write(test.path("elsewhere"), "").unwrap();
            std::os::unix::fs::symlink(test.path("elsewhere"), test.state_folder().join("sync.log")).unwrap();
        }),
        ("a full device", |test| {
            fs::create_dir_all(test.state_folder()).unwrap();
            std::os::unix::fs::symlink("/dev/full", test.state_folder().join("sync.log")).unwrap();
        }),
    ] {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[2]);
        arrange(&test);
        fs::set_permissions(test.state_folder(), fs::Permissions::from_mode(0o700)).unwrap();
        let outcome = test.run(&[]).exits(0);
        assert_eq!(outcome.stderr, "");
        test.assert_delivered();
        assert!(fs::read_to_string(test.path("elsewhere")).unwrap_or_default().is_empty());
    }
}

#[test]
fn log_is_rotated_at_a_mebibyte_and_two_files_are_kept() {
    let test = ExporterTest::with_sessions(&[1]);
    test.run_json(&[], 0);
    let log = test.state_folder().join("sync.log");
    let filler = format!("{{\"operation\":\"old\",\"text\":\"{}\"}}\n", "x".repeat(970));
    for round in 0..3 {
        let mut full = filler.repeat((1 << 20) / filler.len());
        full.push_str(&" ".repeat((1 << 20) - full.len()));
        fs::write(&log, full).unwrap();
        test.run(&["pause"]).exits(0);
        assert_eq!(operations(&test), ["pause"], "round {round}");
        let former = fs::metadata(test.state_folder().join("sync.log.1")).unwrap();
        assert!(former.len() <= 1 << 20);
    }
    let logs = fs::read_dir(test.state_folder()).unwrap().flatten();
    assert_eq!(logs.filter(|entry| entry.file_name().to_string_lossy().starts_with("sync.log")).count(), 2);
}

#[test]
fn logs_are_readable_as_json_and_followed_across_a_rotation() {
    let test = ExporterTest::with_sessions(&[2]);
    test.run(&["logs"]).exits(0).prints("no line yet");
    test.run_json(&[], 0);
    let shown = test.run(&["logs"]).exits(0).stdout;
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(
        shown.contains("batch") && shown.contains("acknowledged") && shown.contains("messages=2"),
        "{shown}"
    );
    let (document, _) = test.run_json(&["logs"], 0);
    assert_eq!(document["entries"].as_array().unwrap().len(), 3);

    let file = test.path("followed");
    let output = fs::File::create(&file).unwrap();
    let follower = RunningProgram::new(test.command(&["logs", "-f"]).stdout(output).spawn().unwrap());
    let shows = |text: &str| fs::read_to_string(&file).unwrap().contains(text);
    wait_until("the log so far is shown", || shows("acknowledged"));
    test.run(&["pause"]).exits(0);
    wait_until("a new line is shown", || shows("pause"));
    let log = test.state_folder().join("sync.log");
    fs::rename(&log, test.state_folder().join("sync.log.1")).unwrap();
    test.run(&["resume"]).exits(0);
    wait_until("the next file is shown", || shows("resume"));
    assert_eq!(fs::read_to_string(&file).unwrap().matches("acknowledged").count(), 1);
    follower.signal(rustix::process::Signal::INT);
    follower.wait();
}
