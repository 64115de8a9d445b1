//! The hook's environment, which a cloned repository can set through the agent: settings and places come from flags and
//! files alone.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, Outcome, RunningProgram, TestReceiver, requests};

/// Variables of a hostile repository. `ELSEWHERE` stands for its receiver, `FOLDER` for its folder.
const HOSTILE: &[(&str, &str)] = &[
    ("HAN_SYNC_ENDPOINT", "http://ELSEWHERE/api/sync"),
    ("HAN_SYNC_API_KEY", "han_of_somebody_else"),
    ("HAN_SYNC_ENABLED", "0"),
    ("HAN_SYNC_BATCH_SIZE", "many"),
    ("HAN_SYNC_INTERVAL", "86400"),
    ("HAN_SYNC_TEST_NOW", "1999-01-01T00:00:00Z"),
    ("HAN_SYNC_TEST_MACHINE", "ffffffffffffffffffffffffffffffff"),
    ("HAN_DB", "FOLDER/han.db"),
    ("HAN_DATA_DIR", "FOLDER"),
    ("CLAUDE_CONFIG_DIR", "FOLDER"),
    ("HOME", "FOLDER"),
    ("USERPROFILE", "FOLDER"),
    ("HTTP_PROXY", "http://ELSEWHERE"),
    ("http_proxy", "http://ELSEWHERE"),
    ("HTTPS_PROXY", "http://ELSEWHERE"),
    ("https_proxy", "http://ELSEWHERE"),
    ("ALL_PROXY", "http://ELSEWHERE"),
    ("all_proxy", "http://ELSEWHERE"),
    ("NO_PROXY", "127.0.0.1"),
    ("SSL_CERT_FILE", "FOLDER/ca.pem"),
    ("SSL_CERT_DIR", "FOLDER"),
    ("LD_PRELOAD", "FOLDER/evil.so"),
    ("LD_LIBRARY_PATH", "FOLDER"),
    ("DYLD_INSERT_LIBRARIES", "FOLDER/evil.dylib"),
    ("GLIBC_TUNABLES", "glibc.malloc.check=3"),
    ("HOSTALIASES", "FOLDER/hosts"),
    ("TMPDIR", "FOLDER"),
];

/// Runs the hook with the places of the sandbox as flags, as a session's end does.
fn hook(test: &ExporterTest, change: impl Fn(&mut Command)) -> Outcome {
    let (database, config, state) = (test.database(), test.config_file(), test.state_folder());
    let path = |path: &std::path::Path| path.display().to_string();
    let (database, config, state) = (path(&database), path(&config), path(&state));
    let mut command = test.command(&["hook", "--db", &database, "--config", &config, "--state-dir", &state]);
    let input = test.path("input");
    fs::write(&input, json!({"session_id": test.sessions[0]}).to_string()).unwrap();
    command.stdin(fs::File::open(input).unwrap()).stdout(Stdio::piped());
    change(&mut command);
    RunningProgram::new(command.spawn().unwrap()).wait().exits(0)
}

/// Environment of a process.
fn environment(pid: u32) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let variables = text.split('\0').filter_map(|variable| variable.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Home folder of this user in `/etc/passwd`.
fn home_of_user() -> Option<String> {
    let user = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    found
        .filter(|fields| fields.get(2) == Some(&user.as_str()))
        .find_map(|fields| fields.get(5).map(|home| (*home).to_owned()))
}

#[test]
fn hook_and_its_run_take_no_setting_from_the_environment() {
    let elsewhere = TestReceiver::start();
    for (name, value) in HOSTILE {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[2]);
        let folder = test.path("cloned");
        fs::create_dir(&folder).unwrap();
        let value = value.replace("ELSEWHERE", &elsewhere.address().to_string());
        let value = value.replace("FOLDER", folder.to_str().unwrap());
        test.set("timeout", "30");
        test.receiver.script(requests().times(1), Fault::none().held());
        hook(&test, |command| {
            command.env(name, &value);
        });
        test.receiver.wait_until("the run asks", |requests| !requests.is_empty());
        let runs = test.processes();
        let found = environment(runs[0]);
        assert_eq!(found.get("HOME"), home_of_user().as_ref(), "the home folder of the user database");
        if *name != "HOME" {
            assert_eq!(found.get(*name), None, "{found:?}");
        }
        test.receiver.release();
        test.settle();
        test.assert_delivered();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is written to the folder");
    }
    assert_eq!(elsewhere.request_count(), 0);
}

#[test]
fn hook_keeps_the_variables_that_redirect_nothing() {
    let test = ExporterTest::with_sessions(&[1]);
    test.set("timeout", "30");
    test.receiver.script(requests().times(1), Fault::none().held());
    hook(&test, |command| {
        command.env("PATH", "/usr/bin").env("LANG", "C.UTF-8").env("HANDLE", "x");
    });
    test.receiver.wait_until("the run asks", |requests| !requests.is_empty());
    let found = environment(test.processes()[0]);
    for name in ["PATH", "LANG", "HANDLE"] {
        assert!(found.contains_key(name), "{name} in {found:?}");
    }
    test.receiver.release();
    test.settle();
}

#[test]
fn hook_that_trusts_its_environment_obeys_it() {
    let test = ExporterTest::with_sessions(&[2]);
    let other = TestReceiver::start();
    test.env("HAN_SYNC_ENDPOINT", &other.endpoint());
    let input = json!({"session_id": test.sessions[0]}).to_string();
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    test.settle();
    assert_eq!((test.receiver.request_count(), other.batches().len()), (0, 1));
}

#[test]
fn hook_hands_its_flags_to_the_run() {
    let test = ExporterTest::with_sessions(&[2]);
    let other = TestReceiver::start();
    let endpoint = other.endpoint();
    hook(&test, |command| {
        command.arg(format!("--endpoint={endpoint}"));
    });
    test.settle();
    assert_eq!((test.receiver.request_count(), other.batches().len()), (0, 1));
    assert!(test.state_path().is_file(), "the state is in the folder of --state-dir");
}

#[test]
fn state_folder_of_the_flag_beats_that_of_the_environment() {
    let test = ExporterTest::with_sessions(&[2]);
    let folder = test.path("state of its own");
    let name = folder.to_str().unwrap();
    test.run(&["--state-dir", name]).exits(0);
    assert!(folder.join("sync-state.json").is_file() && !test.state_folder().exists());
    assert!(test.json(&["status", &format!("--state-dir={name}")])["lastSyncAt"].is_string());
    assert!(test.json(&["status"])["lastSyncAt"].is_null(), "the other folder knows nothing of it");
    // A leading ~/ is the home folder.
    test.run(&["queue", "--clear-failed", "--state-dir", "~/own"]).exits(0);
    test.run(&["--state-dir", "~/own"]).exits(0);
    assert!(test.home().join("own/sync-state.json").is_file());
}
