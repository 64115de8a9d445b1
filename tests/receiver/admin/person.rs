//! `admin export --user` and `admin erase --user`.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

/// The lines of an export.
fn exported(store: &TestStore, login: &str) -> Vec<Value> {
    let (code, stdout, stderr) = store.try_admin(&format!("export --user {login}"));
    assert_eq!(code, 0, "{stderr}");
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_type<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == name).collect()
}

/// Sessions of alice and bob with rows in every table.
fn fill(store: &TestStore, receiver: &RunningReceiver, team: &Team) {
    let task = json!([{"id": "t", "status": "completed", "subject": "do", "description": "it",
                       "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"}]);
    let row =
        with(message("m", 0), json!({"usageId": "u", "outputTokens": 3, "content": "{\"text\":\"é\"}"}));
    let in_acme = with(session("in-acme", ACME, vec![row.clone()]), json!({"tasks": task}));
    let private = with(
        session("private", "https://github.com/alice/x", vec![row.clone()]),
        json!({"inclusion": "personal"}),
    );
    receiver.client(&team.alice).sync(&[in_acme, private, session("gone", ACME, vec![])]);
    receiver.client(&team.alice).delete("/api/sync/sessions/gone");
    receiver.client(&team.bob).sync(&[session("of-bob", ACME, vec![row])]);
    store.admin("key create alice --label laptop");
}

#[test]
fn an_export_holds_everything_of_a_person_and_nothing_of_another() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&store, &receiver, &team);
        let lines = exported(&store, "alice");
        let manifest = &lines[0];
        assert_eq!((&manifest["type"], &manifest["version"]), (&json!("manifest"), &json!(1)));
        assert_eq!(manifest["user"]["login"], "alice");
        let counts = manifest["counts"].as_object().unwrap();
        for (name, count) in counts {
            let rows = |member: &str| {
                let sessions = of_type(&lines, "session");
                sessions.iter().map(|line| line["session"][member].as_array().unwrap().len()).sum::<usize>()
            };
            let found = match name.as_str() {
                "message" => rows("messages"),
                "task" => rows("tasks"),
                name => of_type(&lines, name).len(),
            };
            assert_eq!(json!(found), *count, "{name}");
        }
        assert_eq!(counts["session"], 2);
        assert_eq!(of_type(&lines, "user")[0]["login"], "alice");
        assert_eq!(of_type(&lines, "account")[0]["account"], "github.com/alice");
        assert_eq!(of_type(&lines, "membership")[0]["organization"], "acme");
        assert_eq!(of_type(&lines, "key").len(), 2);
        assert!(of_type(&lines, "client").len() == 2 && !of_type(&lines, "metric").is_empty());
        let gone = of_type(&lines, "location").into_iter().find(|line| line["sessionId"] == "gone").unwrap();
        assert!(gone["forgottenAt"].is_string() && gone["forgottenRepository"] == ACME, "{gone}");
        let sent =
            of_type(&lines, "session").into_iter().find(|line| line["session"]["id"] == "in-acme").unwrap();
        assert_eq!(
            (&sent["organization"], &sent["session"]["messages"][0]["content"]),
            (&json!("acme"), &json!("{\"text\":\"é\"}"))
        );
        assert!(of_type(&lines, "audit").iter().any(|line| line["action"] == "session.forget"));
        let text = format!("{lines:?}");
        assert!(!text.contains("of-bob") && !text.contains(&team.alice), "neither another's nor a key");
        assert_eq!(store.try_admin("export --user nobody").0, 65);
        assert_eq!(store.try_admin("export").0, 64);
    }
}

#[test]
fn an_erasure_leaves_sums_without_a_name() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        fill(&store, &receiver, &team);
        let sums = "SELECT sum(messages), sum(output_tokens), sum(tasks_completed) FROM metrics \
                    WHERE tenant_id = (SELECT tenant_id FROM tenants WHERE handle = 'acme')";
        let before = store.query(sums);
        let (code, _, stderr) = store.try_admin("erase --user alice");
        assert_eq!(code, 64);
        assert!(stderr.contains("admin export --user alice") && stderr.contains("--yes"), "{stderr}");
        let alice =
            store.query("SELECT tenant_id FROM tenants WHERE handle = 'alice'")[0][0].clone().unwrap();
        let erased = store.admin("erase --user alice --yes");
        assert_eq!(
            (&erased["erased"], &erased["sessions"], &erased["messages"]),
            (&json!(alice), &json!(2), &json!(2))
        );
        assert!(erased["sumsKept"].as_i64().unwrap() > 0 && erased["auditEntriesKept"].as_i64().unwrap() > 0);
        for table in ["sessions", "messages", "tasks", "usages", "clients", "members"] {
            let rows = store.query(&format!("SELECT * FROM {table} WHERE user_id = '{alice}'"));
            assert!(rows.is_empty(), "{table}: {rows:?}");
        }
        for table in ["owners", "api_keys", "session_locations", "tenants", "metrics"] {
            let rows = store.query(&format!("SELECT * FROM {table} WHERE tenant_id = '{alice}'"));
            assert!(rows.is_empty(), "{table}: {rows:?}");
        }
        assert_eq!(store.query(sums), before, "the organization's sums stay");
        assert_eq!(receiver.client(&team.alice).get("/api/sync/identity").status, 401);
        let names = receiver.client(&team.bob).graphql_data(
            r#"{ metrics(from: "2020-01-01", to: "2030-01-01", groupBy: [USER]) { user messages } syncStatus { user } }"#,
        );
        assert!(!names.to_string().contains("alice"), "{names}");
        assert_eq!(store.admin("session list").as_array().unwrap().len(), 1);
        assert_eq!(store.try_admin("erase --user alice --yes").0, 65);
    }
}
