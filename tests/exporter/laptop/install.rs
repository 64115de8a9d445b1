//! The schedule: written for each scheduler as that scheduler reads it, and removed to the byte.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use super::{provide, provide_crontab, tree};
use crate::support::exporter_test::ExporterTest;

/// Folder of the units.
const UNITS: &str = ".config/systemd/user";

/// A tool of the machine that checks a file; `None`, said so, where there is none.
fn tool(name: &str) -> Option<Command> {
    let found = ["/usr/bin", "/bin", "/usr/local/bin"]
        .iter()
        .any(|folder| fs::exists(format!("{folder}/{name}")).unwrap());
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found.then(|| Command::new(name))
}

#[test]
fn systemd_timer_is_one_that_systemd_accepts_and_is_enabled() {
    let test = ExporterTest::with_sessions(&[1]);
    let before = tree(&test, &test.home());
    test.run(&["install", "--scheduler", "systemd"])
        .exits(0)
        .prints("systemctl --user daemon-reload")
        .prints("enable-linger");
    let units = test.home().join(UNITS);
    let timer = fs::read_to_string(units.join("han-sync.timer")).unwrap();
    for line in ["OnCalendar=*:0/5", "Persistent=true", "RandomizedDelaySec=60", "WantedBy=timers.target"] {
        assert!(timer.lines().any(|it| it == line), "{line} in {timer}");
    }
    let service = fs::read_to_string(units.join("han-sync.service")).unwrap();
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert!(
        line.starts_with('/') && line.contains(" --quiet --max-seconds 60 ") && !line.contains("--splay"),
        "{line}"
    );
    let link = units.join("timers.target.wants/han-sync.timer");
    assert_eq!(fs::read_link(link).unwrap(), units.join("han-sync.timer"));
    if let Some(mut verify) = tool("systemd-analyze") {
        let files = ["han-sync.timer", "han-sync.service"].map(|name| units.join(name));
        let verified = verify
            .env("XDG_RUNTIME_DIR", test.path(""))
            .args(["--user", "verify", "--man=no"])
            .args(files)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(verified.status.success() && !said.contains("han-sync"), "{said}");
    }

    // Installing again changes nothing; another interval changes the timer alone.
    let installed = tree(&test, &test.home());
    test.run(&["install"]).exits(0);
    assert_eq!(tree(&test, &test.home()), installed);
    test.set("interval", "7200");
    test.run(&["install"]).exits(0);
    assert!(fs::read_to_string(units.join("han-sync.timer")).unwrap().contains("OnCalendar=0/2:00\n"));
    test.set("interval", "300");
    test.run(&["install"]).exits(0);
    test.unset("interval");

    test.run(&["uninstall"])
        .exits(0)
        .prints("han-sync.timer")
        .prints("han.yml")
        .prints(test.state_folder().to_str().unwrap());
    assert_eq!(tree(&test, &test.home()), before);
    test.run(&["uninstall"]).exits(0).prints("nothing of han-sync install");
    assert_eq!(tree(&test, &test.home()), before);
}

#[test]
fn launchd_agent_is_a_property_list_with_each_word_of_the_line() {
    let test = ExporterTest::with_sessions(&[1]);
    let database = test.path("a & <b> \"c\".db");
    fs::rename(test.database(), &database).unwrap();
    let before = tree(&test, &test.home());
    test.run(&["install", "--scheduler", "launchd", "--db", database.to_str().unwrap()])
        .exits(0)
        .prints("launchctl bootstrap");
    let agent = test.home().join("Library/LaunchAgents/han-sync.plist");
    if let Some(mut python) = tool("python3") {
        let script = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
        let read = python.args(["-c", script]).arg(&agent).output().unwrap();
        let agent: Value = serde_json::from_slice(&read.stdout).unwrap();
        let words: Vec<&str> =
            agent["ProgramArguments"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words[1..4], ["--quiet", "--max-seconds", "60"]);
        let flag = words.iter().position(|word| *word == "--db").unwrap();
        assert_eq!(words[flag + 1], database.to_str().unwrap());
        assert_eq!((agent["StartInterval"].as_i64(), agent["RunAtLoad"].as_bool()), (Some(300), Some(true)));
        assert_eq!(agent["Label"], "han-sync");
    }
    test.run(&["uninstall"]).exits(0);
    assert_eq!(tree(&test, &test.home()), before);
}

#[test]
fn crontab_gets_a_block_and_keeps_every_other_byte() {
    for before in [None, Some("MAILTO=\"\"\n# mine: 5 %\n1 2 * * * true\n")] {
        let test = ExporterTest::with_sessions(&[1]);
        let crontab = provide_crontab(&test, before);
        test.run(&["install", "--scheduler", "cron"]).exits(0);
        let text = fs::read_to_string(&crontab).unwrap();
        assert!(text.starts_with(before.unwrap_or("# BEGIN han-sync")), "{text}");
        let line = text.lines().find(|line| line.contains("--max-seconds")).unwrap();
        assert!(
            line.starts_with("*/5 * * * * /") && line.contains(" --max-seconds 60 --splay 60 "),
            "{line}"
        );
        test.run(&["install"]).exits(0);
        assert_eq!(
            fs::read_to_string(&crontab).unwrap(),
            text,
            "the scheduler is kept, and the block is there once"
        );
        test.run(&["uninstall"]).exits(0);
        assert_eq!(fs::read_to_string(&crontab).ok().as_deref(), before);
    }
}

#[test]
fn another_scheduler_takes_the_place_of_the_first() {
    let test = ExporterTest::with_sessions(&[1]);
    let crontab = provide_crontab(&test, Some("# mine\n"));
    let before = tree(&test, &test.home());
    for (scheduler, in_crontab, in_units, in_agents) in [
        ("systemd", false, true, false),
        ("cron", true, false, false),
        ("launchd", false, false, true),
        ("cron", true, false, false),
    ] {
        test.run(&["install", "--scheduler", scheduler]).exits(0);
        assert_eq!(fs::read_to_string(&crontab).unwrap().contains("han-sync"), in_crontab, "{scheduler}");
        assert_eq!(test.home().join(UNITS).join("han-sync.timer").exists(), in_units, "{scheduler}");
        assert_eq!(
            test.home().join("Library/LaunchAgents/han-sync.plist").exists(),
            in_agents,
            "{scheduler}"
        );
    }
    test.run(&["uninstall"]).exits(0);
    assert_eq!(tree(&test, &test.home()), before);
    assert_eq!(fs::read_to_string(&crontab).unwrap(), "# mine\n");
}

#[test]
fn scheduler_that_cannot_be_used_and_a_file_of_another_origin_are_explained_and_nothing_is_installed() {
    let test = ExporterTest::with_sessions(&[1]);
    provide(
        &test,
        "crontab",
        "#!/bin/sh\necho 'you (dev) are not allowed to use this program (crontab)' >&2\nexit 1\n",
    );
    let units = test.home().join(UNITS);
    fs::create_dir_all(&units).unwrap();
    fs::write(units.join("han-sync.timer"), "[Timer]\nOnCalendar=daily\n").unwrap();
    let before = tree(&test, &test.home());
    test.run(&["install", "--scheduler", "cron"]).exits(78).prints("not allowed").prints("--scheduler");
    test.run(&["install", "--scheduler", "systemd"]).exits(78).prints("han-sync.timer").prints("mv ");
    assert_eq!(tree(&test, &test.home()), before);
    assert!(!test.state_folder().join("install.json").exists());
}

#[test]
fn link_through_which_the_program_was_started_is_what_is_installed() {
    let test = ExporterTest::with_sessions(&[1]);
    let link = test.path("opt/bin/han-sync");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(env!("CARGO_BIN_EXE_han-sync"), &link).unwrap();
    let by_path = ["opt/bin/han-sync", "./opt/bin/han-sync", link.to_str().unwrap()];
    for program in by_path.into_iter().chain(["han-sync"]) {
        let mut command = Command::new("/bin/sh");
        let mut environment = test.command(&[]);
        environment.env("PATH", format!("{}:/usr/bin", link.parent().unwrap().display()));
        let variables = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.env_clear().envs(variables).current_dir(test.path(""));
        command.args(["-c", &format!("exec {program} install --scheduler systemd --print")]);
        let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(printed.contains(&format!("ExecStart={} --quiet", link.display())), "{program}: {printed}");
        assert!(printed.contains(&format!("\"{} hook ", link.display())), "{program}: {printed}");
    }
}

#[test]
fn printing_shows_everything_and_writes_nothing() {
    let test = ExporterTest::with_sessions(&[1]);
    let crontab = provide_crontab(&test, None);
    let before = tree(&test, &test.home());
    for (scheduler, shown) in [
        ("systemd", ["han-sync.timer", "Persistent=true", "timers.target.wants"]),
        ("launchd", ["han-sync.plist", "StartInterval", "<plist"]),
        ("cron", ["# crontab", "*/5 * * * *", "# END han-sync"]),
    ] {
        let outcome = test.run(&["install", "--print", "--scheduler", scheduler]).exits(0);
        for text in shown.into_iter().chain([
            "settings.json",
            "SessionEnd",
            "SessionStart",
            "\"timeout\"",
            "Nothing was written",
        ]) {
            assert!(outcome.stdout.contains(text), "{text} in {}", outcome.stdout);
        }
        let (document, _) = test.run_json(&["install", "--print", "--scheduler", scheduler], 0);
        assert_eq!(
            (&document["written"], &document["scheduler"]),
            (&Value::from(false), &Value::from(scheduler))
        );
    }
    assert_eq!(tree(&test, &test.home()), before);
    assert!(!crontab.exists() && !test.state_folder().exists());
}

#[test]
fn installed_line_sends_from_a_bare_environment() {
    let test = ExporterTest::with_sessions(&[2]);
    let crontab = provide_crontab(&test, None);
    test.run(&["install", "--scheduler", "cron"]).exits(0);
    let text = fs::read_to_string(crontab).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("*/5 * * * * ")).unwrap();
    // The clock of the test skips the wait of the splay.
    let now = test.now().to_rfc3339();
    let mut cron = Command::new("/bin/sh");
    cron.env_clear().env("HAN_SYNC_TEST_NOW", now).current_dir("/").args(["-c", line]);
    let outcome = cron.output().unwrap();
    assert!(
        outcome.status.success() && outcome.stdout.is_empty() && outcome.stderr.is_empty(),
        "{outcome:?}"
    );
    test.assert_delivered();
}
