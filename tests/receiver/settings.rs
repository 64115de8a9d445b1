//! Settings: flags and variables that nothing could be served with stop the program at start, by name; only a command that
//! begins a set-up creates a store.

use crate::support::running_receiver::*;
use serde_json::json;
use std::path::Path;
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_han-sync-receiver");

/// Runs the program in a folder, with no settings but these variables, and returns its exit code and what it said.
fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(BINARY);
    command.current_dir(folder).args(arguments);
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("HAN_SYNC_") || name == "DATABASE_URL")
    {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

#[test]
fn a_number_that_nothing_can_be_served_with_is_refused_by_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, value) in [
        ("--rate", "0"),
        ("--rate", "-1"),
        ("--rate", "fast"),
        ("--in-flight", "0"),
        ("--in-flight", "4611686018427387904"),
        ("--stall-seconds", "0"),
        ("--write-seconds", "0"),
        ("--write-seconds", "18446744073709551615"),
        ("--keep-alive-seconds", "0"),
        ("--drain-seconds", "1e9"),
        ("--drain-seconds", "86401"),
        ("--prune-older-than", "0d"),
        ("--prune-older-than", "23h"),
        ("--prune-older-than", "soon"),
    ] {
        let (code, said) = run_in(folder.path(), &[&SERVE[..], &[flag, value]].concat(), &[]);
        assert_eq!(code, 64, "{flag} {value}: {said}");
        assert!(said.contains(flag), "{flag} {value}: {said}");
    }
    assert!(!folder.path().join("han-team.db").exists(), "refused before anything is made");
}

#[test]
fn a_number_of_connections_that_is_none_is_refused_by_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    for value in ["0", "-1", "many", "1.5", "10001", "16 connections"] {
        for arguments in [&SERVE[..], &["admin", "org", "create", "acme"]] {
            let (code, said) = run_in(folder.path(), arguments, &[("HAN_SYNC_POOL", value)]);
            assert_eq!(code, 64, "{value}: {said}");
            assert!(said.contains("HAN_SYNC_POOL"), "{value}: {said}");
        }
    }
    for value in ["0", "604801", "30m"] {
        let (code, said) = run_in(folder.path(), &SERVE, &[("HAN_SYNC_POOL_AGE", value)]);
        assert!(code == 64 && said.contains("HAN_SYNC_POOL_AGE"), "{value}: {said}");
    }
    assert!(!folder.path().join("han-team.db").exists());
    let (code, said) = run_in(folder.path(), &["admin", "org", "create", "acme"], &[("HAN_SYNC_POOL", "")]);
    assert_eq!(code, 0, "an empty variable is absent: {said}");
}

#[test]
fn every_flag_of_serve_is_a_variable_as_well_and_wins_over_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, flag) in [
        ("HAN_SYNC_RATE", "0", "--rate"),
        ("HAN_SYNC_DRAIN_SECONDS", "1e9", "--drain-seconds"),
        ("HAN_SYNC_TRUSTED_PROXY", "10.0.0.0/8, nonsense", "--trusted-proxy"),
        ("HAN_SYNC_PRUNE_OLDER_THAN", "soon", "--prune-older-than"),
    ] {
        let (code, said) = run_in(folder.path(), &SERVE, &[(name, value)]);
        assert!(code == 64 && said.contains(flag), "{name}: {said}");
    }
    let variables = [("HAN_SYNC_LISTEN", "nowhere:0"), ("HAN_SYNC_RATE", "0")];
    let (code, said) = run_in(folder.path(), &[&SERVE[..], &["--rate", "-1"]].concat(), &variables);
    assert!(code == 64 && said.contains("-1"), "{said}");
    let (code, said) = run_in(folder.path(), &["serve"], &variables[..1]);
    assert!(code == 69 && said.contains("nowhere:0"), "{said}");
}

#[test]
fn secrets_come_from_files_and_from_the_credentials_of_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    std::fs::write(credentials.join("store"), format!("{}\n", url("credential.db"))).unwrap();
    std::fs::write(folder.path().join("file"), url("file.db")).unwrap();
    let (credentials, database) = (credentials.to_str().unwrap(), url("database.db"));
    let create = ["admin", "org", "create", "acme"];
    for (variables, made) in [
        (&[("CREDENTIALS_DIRECTORY", credentials), ("DATABASE_URL", &database)][..], "credential.db"),
        (&[("CREDENTIALS_DIRECTORY", credentials), ("HAN_SYNC_STORE_FILE", "file")], "file.db"),
        (&[("CREDENTIALS_DIRECTORY", "/nowhere"), ("DATABASE_URL", &database)], "database.db"),
    ] {
        let (code, said) = run_in(folder.path(), &create, variables);
        assert_eq!(code, 0, "{said}");
        std::fs::remove_file(folder.path().join(made)).unwrap();
    }
    std::fs::write(folder.path().join("credentials/metrics-key"), "\n").unwrap();
    for variables in
        [&[("CREDENTIALS_DIRECTORY", credentials)][..], &[("HAN_SYNC_METRICS_KEY_FILE", "missing")]]
    {
        let (code, said) = run_in(folder.path(), &SERVE, variables);
        assert!(code == 69 && (said.contains("metrics-key") || said.contains("missing")), "{said}");
    }
    // Never cut: the rest of a URL may be a database's name.
    std::fs::write(folder.path().join("long"), format!("{}{}", url("cut.db"), " ".repeat(64 << 10))).unwrap();
    let (code, said) = run_in(folder.path(), &create, &[("HAN_SYNC_STORE_FILE", "long")]);
    assert!(
        code == 69 && said.contains("HAN_SYNC_STORE_FILE: long") && said.contains("larger than"),
        "{said}"
    );
    assert!(!folder.path().join("cut.db").exists());
}

#[test]
fn help_has_a_short_form_and_names_environment_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let (code, version) = run_in(folder.path(), &["-V"], &[]);
    assert_eq!((code, version.trim()), (0, concat!("han-sync-receiver ", env!("CARGO_PKG_VERSION"))));
    let (code, help) = run_in(folder.path(), &["-h"], &[]);
    assert_eq!((code, &help), (0, &run_in(folder.path(), &["--help"], &[]).1));
    for words in ["Environment:", "HAN_SYNC_STORE_FILE", "CREDENTIALS_DIRECTORY", "Exit codes:", "  69"] {
        assert!(help.contains(words), "{words} in {help}");
    }
    for command in [&["serve"][..], &["admin", "user", "create"]] {
        let (code, help) = run_in(folder.path(), &[command, &["-h"]].concat(), &[]);
        assert!(code == 0 && help.contains("Options:") && !help.contains("Exit codes:"), "{help}");
    }
}

/// Serves at a level of the log while one request succeeds and one query fails, and returns the log.
fn log_at(level: &str) -> String {
    let store = sqlite();
    let team = store.create_team();
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = Command::new(BINARY)
        .args(SERVE)
        .args(["--store", &store.url])
        .env("HAN_SYNC_LOG", level)
        .stdout(std::process::Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut receiver = RunningReceiver::ready(child, folder).expect("it serves");
    store.execute("ALTER TABLE metrics RENAME TO elsewhere");
    let query = r#"{ metrics(from: "2025-01-01", to: "2025-12-31", groupBy: []) { messages } }"#;
    assert!(receiver.client(&team.alice).graphql(query, json!({})).text.contains("errors"));
    receiver.signal("-INT");
    assert!(receiver.child.wait().unwrap().success());
    receiver.log()
}

#[test]
fn a_level_of_the_log_silences_what_is_below_it_and_no_more() {
    for level in ["warning", "warn", "WARN", "error"] {
        let log = log_at(level);
        assert!(log.contains("a query failed"), "{level}: {log}");
        assert!(!log.contains("\"INFO\""), "{level}: {log}");
    }
    for level in ["", "info", "han_sync=info", "tokio_postgres=warning"] {
        let log = log_at(level);
        assert!(log.contains("a query failed") && log.contains("\"INFO\""), "{level}: {log}");
    }
}

#[test]
fn a_level_of_the_log_that_is_none_is_refused_by_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    for (level, nearest) in
        [("everything", None), ("inof", Some("info")), ("debgu,han_sync=info", Some("debug"))]
    {
        let (code, said) = run_in(folder.path(), &SERVE, &[("HAN_SYNC_LOG", level)]);
        assert_eq!(code, 64, "{level}: {said}");
        assert!(said.contains("HAN_SYNC_LOG"), "{level}: {said}");
        assert_eq!(said.contains("did you mean"), nearest.is_some(), "{level}: {said}");
        assert!(nearest.is_none_or(|nearest| said.contains(&format!("mean {nearest}?"))), "{said}");
    }
    assert!(!folder.path().join("han-team.db").exists());
}

/// Commands that need a store which is there.
const COMMANDS: [&str; 10] = [
    "org list",
    "org rename a b",
    "user create alice",
    "user list",
    "key create alice",
    "member list",
    "owner list acme",
    "account list alice",
    "session list",
    "prune --older-than 1d",
];

#[test]
fn a_command_that_finds_no_store_names_the_place_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let forgotten = folder.path().join("han-team.db");
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.path().join("gone.db"), &link).unwrap();
    for command in COMMANDS {
        let arguments: Vec<&str> = std::iter::once("admin").chain(command.split(' ')).collect();
        for (url, path) in [(None, &forgotten), (Some(format!("sqlite:{}", link.display())), &link)] {
            let url = url.unwrap_or_default();
            let (code, said) = run_in(folder.path(), &arguments, &[("HAN_SYNC_STORE", &url)]);
            assert_eq!(code, 69, "{command}: {said}");
            assert!(said.contains(path.to_str().unwrap()) && said.contains("--store"), "{command}: {said}");
            assert!(!said.contains("han_"), "no key is printed: {said}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the link");
    let create = ["admin", "org", "create", "acme", "--owner", "github.com/acme-corp"];
    let (code, said) = run_in(folder.path(), &create, &[]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run_in(folder.path(), &["admin", "user", "create", "alice", "--org", "acme"], &[]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn the_store_is_the_one_that_is_named_first() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    std::fs::write(folder.path().join("url"), format!("{}\n", url("file.db"))).unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let (variable, database) = (url("variable.db"), url("database.db"));
    let create = ["admin", "org", "create", "acme"];
    for (variables, made) in [
        (&[("HAN_SYNC_STORE_FILE", "url"), ("DATABASE_URL", &database)][..], "file.db"),
        (&[("HAN_SYNC_STORE", &variable), ("HAN_SYNC_STORE_FILE", "url")], "variable.db"),
        (&[("HAN_SYNC_STORE_FILE", ""), ("DATABASE_URL", &database)], "database.db"),
    ] {
        let (code, said) = run_in(folder.path(), &create, variables);
        assert_eq!(code, 0, "{said}");
        std::fs::remove_file(folder.path().join(made)).unwrap();
    }
    for file in ["missing", "empty", "."] {
        let (code, said) = run_in(folder.path(), &create, &[("HAN_SYNC_STORE_FILE", file)]);
        assert_eq!(code, 69, "{said}");
        assert!(said.contains("HAN_SYNC_STORE_FILE") && said.contains(file), "{said}");
    }
    assert!(!folder.path().join("han-team.db").exists(), "never the default instead");
}
