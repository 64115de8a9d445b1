//! The hooks in the agent's settings: merged, idempotent, and removed to the byte.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::tree;
use crate::support::exporter_test::{Arrange, ExporterTest};
use crate::support::{RunningProgram, Sandbox};

fn settings(sandbox: &Sandbox) -> PathBuf {
    sandbox.config_folder().join("settings.json")
}

/// Commands of an event in the settings.
fn commands(sandbox: &Sandbox, event: &str) -> Vec<String> {
    let text = fs::read_to_string(settings(sandbox)).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let groups = value["hooks"][event].as_array().cloned().unwrap_or_default();
    let hooks = groups.iter().flat_map(|group| group["hooks"].as_array().unwrap());
    hooks.map(|hook| hook["command"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn settings_of_every_style_keep_all_their_bytes() {
    for before in [
        "{}",
        "{\n}\n",
        "{\"model\":\"opus\"}",
        "{\n    \"zebra\": 1,\n    \"apple\": {\"b\":1, \"a\":[1,2 , 3]},\n    \"hooks\": {}\n}\n",
        "{\n\t\"hooks\": {\n\t\t\"Stop\": [\n\t\t\t{\n\t\t\t\t\"hooks\": [ { \"type\": \"command\", \"command\": \"true\" } ]\n\t\t\t}\n\t\t]\n\t}\n}\n",
        "{\"hooks\": {\"SessionEnd\": [{\"matcher\": \"clear\", \"hooks\": [{\"type\": \"command\", \"command\": \"say bye\"}]}]}}\n",
        "{\r\n  \"permissions\": {\r\n    \"allow\": []\r\n  }\r\n}\r\n",
        "{\n  \"note\": \"a \\\"hooks\\\": {} in a text\",\n  \"ü\": \"\\u00fc\",\n  \"hooks\": {\n    \"SessionEnd\": [],\n    \"SessionStart\": [\n    ]\n  }\n}",
    ] {
        let test = ExporterTest::with_sessions(&[1]);
        fs::write(settings(&test), before).unwrap();
        fs::set_permissions(settings(&test), fs::Permissions::from_mode(0o640)).unwrap();
        let outside = tree(&test, &test.home());
        test.run(&["install", "--scheduler", "systemd"]).exits(0);
        let installed = fs::read_to_string(settings(&test)).unwrap();
        assert_eq!(fs::metadata(settings(&test)).unwrap().permissions().mode() & 0o777, 0o640);
        for event in ["SessionEnd", "SessionStart"] {
            let ours =
                commands(&test, event).iter().filter(|command| command.contains("han-sync hook ")).count();
            assert_eq!(ours, 1, "{installed}");
        }
        // What is not of the hooks is there as it was.
        for line in before
            .lines()
            .filter(|line| line.len() > 20 && !line.contains("hooks\"") && !line.ends_with("[],"))
        {
            assert!(installed.contains(line), "{line:?} in {installed}");
        }
        test.run(&["install"]).exits(0);
        assert_eq!(
            fs::read_to_string(settings(&test)).unwrap(),
            installed,
            "installing again changes nothing"
        );
        test.run(&["uninstall"]).exits(0);
        assert_eq!(fs::read_to_string(settings(&test)).unwrap(), before);
        assert_eq!(tree(&test, &test.home()), outside);
    }
}

#[test]
fn hooks_have_a_timeout_and_the_file_is_made_and_removed_where_there_was_none() {
    let test = ExporterTest::with_sessions(&[1]);
    test.run(&["install", "--scheduler", "systemd"]).exits(0);
    let value: Value = serde_json::from_str(&fs::read_to_string(settings(&test)).unwrap()).unwrap();
    for event in ["SessionEnd", "SessionStart"] {
        let hook = &value["hooks"][event][0]["hooks"][0];
        assert_eq!(hook["type"], "command");
        assert!(hook["timeout"].as_u64().is_some_and(|seconds| (2..=60).contains(&seconds)), "{value}");
    }
    test.run(&["uninstall"]).exits(0);
    assert!(!settings(&test).exists());
}

#[test]
fn hooks_are_removed_from_settings_that_changed_in_between() {
    let test = ExporterTest::with_sessions(&[1]);
    fs::write(settings(&test), "{\n  \"model\": \"opus\"\n}\n").unwrap();
    test.run(&["install", "--scheduler", "systemd"]).exits(0);
    // The agent writes the whole file anew when a setting changes; somebody adds a hook behind ours.
    let mut value: Value = serde_json::from_str(&fs::read_to_string(settings(&test)).unwrap()).unwrap();
    value["model"] = "sonnet".into();
    value["hooks"]["SessionEnd"]
        .as_array_mut()
        .unwrap()
        .push(json!({"hooks": [{"type": "command", "command": "say bye"}]}));
    fs::write(settings(&test), serde_json::to_string(&value).unwrap()).unwrap();
    test.run(&["uninstall"]).exits(0);
    let left: Value = serde_json::from_str(&fs::read_to_string(settings(&test)).unwrap()).unwrap();
    let hooks = json!({"SessionEnd": [{"hooks": [{"type": "command", "command": "say bye"}]}]});
    assert_eq!(left, json!({"model": "sonnet", "hooks": hooks}));
}

#[test]
fn hook_of_another_command_line_replaces_the_earlier_one_and_the_users_own_is_left() {
    let test = ExporterTest::with_sessions(&[1]);
    let own = "{\n  \"hooks\": {\n    \"SessionEnd\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"~/.cargo/bin/han-sync hook\"}]}]\n  }\n}\n";
    fs::write(settings(&test), own).unwrap();
    test.run(&["install", "--scheduler", "systemd"]).exits(0);
    assert_eq!(commands(&test, "SessionEnd"), ["~/.cargo/bin/han-sync hook"]);
    let first = commands(&test, "SessionStart");
    test.run(&["install", "--endpoint", "https://other.example/api/sync"]).exits(0);
    let second = commands(&test, "SessionStart");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(
        second[0].contains("--endpoint https://other.example/api/sync") && !first[0].contains("--endpoint")
    );
    test.run(&["uninstall"]).exits(0);
    assert_eq!(fs::read_to_string(settings(&test)).unwrap(), own);
}

#[test]
fn settings_that_cannot_take_hooks_are_explained_and_nothing_is_installed() {
    let cases: &[(&str, Arrange)] = &[
        ("no JSON", |test| fs::write(settings(test), "{\n  // mine\n}\n").unwrap()),
        ("no JSON", |test| fs::write(settings(test), "").unwrap()),
        ("no JSON object", |test| fs::write(settings(test), "[]").unwrap()),
        ("no object", |test| fs::write(settings(test), "{\"hooks\": 1}").unwrap()),
        ("no array", |test| fs::write(settings(test), "{\"hooks\": {\"SessionEnd\": {}}}").unwrap()),
        ("cannot be read", |test| fs::write(settings(test), [b'"', 0xff, b'"']).unwrap()),
        ("no regular file", |test| fs::create_dir(settings(test)).unwrap()),
        ("is a link", |test| {
            fs::write(test.home().join("dotfiles.json"), "{}").unwrap();
            symlink(test.home().join("dotfiles.json"), settings(test)).unwrap();
        }),
        ("is a link", |test| symlink("/nowhere/settings.json", settings(test)).unwrap()),
        ("read-only", |test| {
            fs::write(settings(test), "{}").unwrap();
            fs::set_permissions(settings(test), fs::Permissions::from_mode(0o444)).unwrap();
        }),
    ];
    for (reason, arrange) in cases {
        let test = ExporterTest::with_sessions(&[1]);
        arrange(&test);
        let before = tree(&test, &test.home());
        for arguments in [&["install"][..], &["install", "--print"]] {
            test.run(arguments)
                .exits(78)
                .prints(reason)
                .prints("settings.json")
                .prints("--no-hook")
                .prints("han-sync hook");
        }
        assert_eq!(tree(&test, &test.home()), before, "{reason}");
        assert!(!test.state_folder().exists(), "{reason}");
        // The remedy that needs no change of the file.
        test.run(&["install", "--no-hook", "--scheduler", "systemd"]).exits(0);
        assert!(test.home().join(".config/systemd/user/han-sync.timer").exists());
        test.run(&["uninstall"]).exits(0);
        assert_eq!(tree(&test, &test.home()), before, "{reason}");
    }
}

/// Runs a hook's command as the agent does.
fn run_hook(test: &ExporterTest, command: &str, session: &str) {
    let input = test.path("hook-input");
    fs::write(&input, json!({"session_id": session, "reason": "other"}).to_string()).unwrap();
    let mut hook = Command::new("/bin/sh");
    hook.args(["-c", command]).env_clear().env("SANDBOX", test.path("")).env("CLAUDE_CONFIG_DIR", "/nowhere");
    hook.stdin(fs::File::open(input).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = RunningProgram::new(hook.spawn().unwrap()).wait().exits(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

#[test]
fn installed_hook_sends_its_session_from_any_environment() {
    let test = ExporterTest::with_sessions(&[2]);
    test.run(&["install", "--scheduler", "systemd"]).exits(0);
    let command = commands(&test, "SessionEnd").remove(0);
    assert_eq!(commands(&test, "SessionStart"), [command.as_str()]);
    run_hook(&test, &command, &test.sessions[0]);
    test.receiver.wait_until("the session is stored", |requests| {
        requests.iter().any(|request| !request.session_ids().is_empty())
    });
    crate::support::wait_until("the cursor is saved", || test.status()["pendingSessions"] == 0);
    test.assert_delivered();
}

#[test]
fn plugin_has_a_manifest_and_the_hooks_and_leaves_this_machine_alone() {
    let test = ExporterTest::with_sessions(&[1]);
    let before = tree(&test, &test.home());
    let folder = test.path("plugin");
    test.run(&["install", "--plugin", folder.to_str().unwrap()]).exits(0);
    assert_eq!(tree(&test, &test.home()), before, "neither settings nor schedule");
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    };
    assert_eq!(read(".claude-plugin/plugin.json")["name"], "han-sync");
    for event in ["SessionEnd", "SessionStart"] {
        let command = read("hooks/hooks.json")["hooks"][event][0]["hooks"][0]["command"].clone();
        assert_eq!(command, "han-sync hook", "no path of this machine");
    }
    test.run(&["uninstall"]).exits(0);
    assert!(!folder.exists());
}

#[test]
fn plugin_of_the_teams_own_gets_the_hooks_and_keeps_its_manifest() {
    let test = ExporterTest::with_sessions(&[1]);
    let folder = test.path("plugin");
    fs::create_dir_all(folder.join(".claude-plugin")).unwrap();
    fs::create_dir_all(folder.join("hooks")).unwrap();
    fs::write(folder.join(".claude-plugin/plugin.json"), "{\"name\":\"acme\"}").unwrap();
    fs::write(folder.join("hooks/hooks.json"), "{\"hooks\":{\"Stop\":[]}}").unwrap();
    let before = tree(&test, &folder);
    test.run(&["install", "--plugin", folder.to_str().unwrap(), "--scheduler", "systemd"]).exits(0);
    assert_eq!(fs::read_to_string(folder.join(".claude-plugin/plugin.json")).unwrap(), "{\"name\":\"acme\"}");
    assert!(fs::read_to_string(folder.join("hooks/hooks.json")).unwrap().contains("han-sync hook"));
    assert!(test.home().join(".config/systemd/user/han-sync.timer").exists(), "--scheduler asks for it");
    assert!(!settings(&test).exists());
    test.run(&["uninstall"]).exits(0);
    assert_eq!(tree(&test, &folder), before);
}
