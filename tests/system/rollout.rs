//! `admin rollout`: what it prints works on a machine as it is, with the real exporter.

use std::fs;
use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::end_to_end::machine::Machine;
use crate::support::han_db::{HanDb, conditions};
use crate::support::running_receiver::{sqlite, stores};

/// The codes of a machine's conditions.
fn conditions_of(machine: &Machine) -> Vec<String> {
    let document = machine.run_with(&["status", "--json"]);
    let conditions = document["conditions"].as_array().unwrap().iter();
    conditions.map(|condition| condition["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn machine_with_the_printed_files_delivers_after_the_two_commands() {
    for store in stores() {
        let (_team, receiver) = (store.create_team(), store.serve());
        let rollout = store.admin(&format!("rollout --org acme --public-url {}", receiver.base));
        assert_eq!((&rollout["version"], &rollout["organization"]), (&json!(1), &json!("acme")));
        let machine = Machine::new("http://127.0.0.1:1", "nobody");
        let db = HanDb::create(machine.database());
        conditions::more_of_everything(&db, &db.organization_session(), 3);
        fs::write(machine.path("home/.claude/han.yml"), rollout["hanYml"].as_str().unwrap()).unwrap();
        // A machine's managed settings and a user's have one form.
        fs::write(machine.path("home/.claude/settings.json"), rollout["managedSettings"].to_string())
            .unwrap();
        let found = conditions_of(&machine);
        assert!(
            found.contains(&"NO_KEY".to_owned()) && found.contains(&"SCHEDULE_MISSING".to_owned()),
            "{found:?}"
        );

        let commands: Vec<Vec<&str>> = rollout["commands"]
            .as_array()
            .unwrap()
            .iter()
            .map(|command| command.as_str().unwrap().split(' ').skip(1).collect())
            .collect();
        let [login, install] = &commands[..] else { panic!("two commands: {rollout}") };
        let mut waiting = machine.spawn(login);
        let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
        let code = lines.find_map(|line| {
            let line = line.unwrap();
            line.rsplit_once("user_code=").map(|(_, rest)| rest[..9].to_owned())
        });
        store.admin(&format!("device approve {} --user alice", code.expect("a code on stderr")));
        assert!(waiting.wait().unwrap().success());
        machine.run_with(install);
        assert_eq!(machine.run()["sessionsSent"], 1);
        let found = conditions_of(&machine);
        assert!(
            !found.iter().any(|code| code != "KEY_EXPIRES_SOON" && code != "SCHEDULE_SILENT"),
            "{found:?}"
        );
    }
}

#[test]
fn hooks_have_the_form_that_install_writes() {
    let store = sqlite();
    store.admin("org create acme --owner github.com/acme-corp");
    let rollout = store.admin("rollout --org acme");
    let machine = Machine::new("http://127.0.0.1:1", "nobody");
    HanDb::create(machine.database());
    let plugin = machine.path("plugin");
    machine.run_with(&["install", "--plugin", plugin.to_str().unwrap()]);
    let written = fs::read_to_string(plugin.join("hooks/hooks.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), rollout["managedSettings"]);
}

#[test]
fn text_has_the_same_parts_and_an_example_is_said_to_be_one() {
    let store = sqlite();
    store.admin("org create acme --owner gitlab.com/acme/platform");
    let rollout = store.admin("rollout --org acme --public-url https://team.example.com/han/");
    assert_eq!(rollout["endpoint"], "https://team.example.com/han/api/sync");
    let (text, warning) =
        store.admin_text(&["rollout", "--org", "acme", "--public-url", "https://team.example.com/han/"]);
    assert_eq!(warning, "");
    let settings: String =
        text.lines().skip_while(|line| *line != "{").take_while(|line| !line.is_empty()).collect();
    assert_eq!(serde_json::from_str::<Value>(&settings).unwrap(), rollout["managedSettings"]);
    assert!(
        text.contains(rollout["hanYml"].as_str().unwrap()) && text.contains("- \"gitlab.com/acme/platform\"")
    );
    for command in rollout["commands"].as_array().unwrap() {
        assert!(text.lines().any(|line| line == command), "{text}");
    }
    let (text, warning) = store.admin_text(&["rollout", "--org", "acme"]);
    assert!(
        text.contains("https://team.example.com/api/sync") && warning.contains("--public-url"),
        "{warning}"
    );
    let (code, _, stderr) = store.try_admin("rollout --org nobody");
    assert!(code == 65 && stderr.contains("nobody"), "{stderr}");
    let (code, _, stderr) = store.try_admin("rollout --org acme --public-url http://team.example.com");
    assert!(code == 64 && stderr.contains("--public-url"), "{stderr}");
}
