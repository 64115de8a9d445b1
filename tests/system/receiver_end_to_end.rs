//! Both programs, end to end, on both stores: han's database in, the team's database out.

use crate::support::han_db::conditions::more_of_everything;
use crate::support::han_db::large::{Kind, build_large};
use crate::support::han_db::{HanDb, expected_wire};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A developer's machine: a home of its own and a han database.
struct Machine {
    home: PathBuf,
    database: PathBuf,
}

impl Machine {
    fn new(folder: &Path, name: &str, database: &Path) -> Machine {
        let home = folder.join(name);
        std::fs::create_dir_all(&home).unwrap();
        Machine { home, database: database.to_owned() }
    }

    fn command(&self, base: &str, key: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_han-sync"));
        command
            .env_clear()
            .env("HOME", &self.home)
            .env("CLAUDE_CONFIG_DIR", self.home.join(".claude"))
            .env("HAN_DB", &self.database)
            .env("HAN_SYNC_ENABLED", "1")
            .env("HAN_SYNC_ENDPOINT", format!("{base}/api/sync"))
            .env("HAN_SYNC_API_KEY", key)
            .arg("--json");
        command
    }

    /// A run that delivers everything; gives back what it says of itself.
    fn export(&self, base: &str, key: &str) -> Value {
        let output = self.command(base, key).arg("all").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&said).unwrap()
    }

    fn secret(&self) -> String {
        let state = std::fs::read_to_string(self.home.join(".claude/han/sync-state.json")).unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        state["clientSecret"].as_str().unwrap().to_owned()
    }
}

/// Stored sessions by id.
fn exported(store: &TestStore) -> BTreeMap<String, Value> {
    let (code, stdout, stderr) = store.try_admin("session export");
    assert_eq!(code, 0, "{stderr}");
    let sessions = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["session"].clone());
    sessions.map(|session| (session["id"].as_str().unwrap().to_owned(), session)).collect()
}

/// Every session, message and task by every field.
fn assert_stored_is_what_the_source_has(store: &TestStore, machine: &Machine, sessions: &[String]) {
    let expected = expected_wire(&machine.database, sessions, machine.secret().as_bytes());
    let stored = exported(store);
    assert_eq!(stored.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (id, expected) in &expected {
        let session = &stored[id];
        assert_eq!(session["status"], json!(expected.status), "{id}");
        assert_eq!(session["slug"], json!(expected.slug), "{id}");
        assert_eq!(session["harness"].as_str(), expected.harness.as_deref(), "{id}");
        let messages = session["messages"].as_array().unwrap();
        assert_eq!(messages.len(), expected.messages.len(), "{id}");
        for message in messages {
            let of = &expected.messages[message["id"].as_str().unwrap()];
            let mut fields = json!({
                "id": of.id, "lineNumber": of.line_number, "messageType": of.message_type, "timestamp": of.timestamp,
                "contentHash": of.guarded_hash, "inputTokens": of.input_tokens, "outputTokens": of.output_tokens,
                "cacheReadTokens": of.cache_read_tokens, "cacheCreationTokens": of.cache_creation_tokens,
                "stream": of.stream,
            });
            for (name, value) in [
                ("agentId", json!(of.agent_id)),
                ("parentId", json!(of.parent_id)),
                ("role", json!(of.role)),
                ("toolName", json!(of.tool_name)),
                ("model", json!(of.model)),
                ("usageId", json!(of.usage_id)),
                ("linesAdded", json!(of.lines_added)),
                ("linesRemoved", json!(of.lines_removed)),
                ("filesChanged", json!(of.files_changed)),
                ("gitBranch", json!(of.git_branch)),
                ("cacheCreation1hTokens", json!(of.cache_creation_1h_tokens)),
            ] {
                if !value.is_null() {
                    fields[name] = value;
                }
            }
            assert_eq!(message, &fields, "{id}");
        }
        let tasks: BTreeMap<&str, (&str, &str)> = session["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| {
                let text = |name: &str| task[name].as_str().unwrap();
                (text("id"), (text("status"), text("updatedAt")))
            })
            .collect();
        let expected: BTreeMap<&str, (&str, &str)> = expected
            .tasks
            .values()
            .map(|task| (task.id.as_str(), (task.status.as_str(), task.updated_at.as_str())))
            .collect();
        assert_eq!(tasks, expected, "{id}");
    }
}

#[test]
fn the_team_has_what_the_source_has_by_every_field() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let database = store.folder.path().join("han.db");
        let large = build_large(&database, 4_000, 40, 700, 7);
        let machine = Machine::new(store.folder.path(), "laptop", &database);
        let organization = large.sessions_of(Kind::Organization);
        let run = machine.export(&receiver.base, &team.alice);
        assert_eq!(run["sessionsSent"], organization.len());
        assert_stored_is_what_the_source_has(&store, &machine, &organization);
        assert_sums_equal_a_recount(&store);

        let again = machine.export(&receiver.base, &team.alice);
        assert_eq!((&again["messagesSent"], &again["sessionsSent"]), (&json!(0), &json!(0)));

        let db = HanDb::open(&database);
        for session in organization.iter().take(5) {
            more_of_everything(&db, session, 24);
        }
        drop(db);
        let more = machine.export(&receiver.base, &team.alice);
        assert_eq!(more["sessionsSent"], 5);
        assert_stored_is_what_the_source_has(&store, &machine, &organization);
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn eight_exporters_at_once_with_overlapping_sessions_store_everything_once() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let database = store.folder.path().join("han.db");
        let large = build_large(&database, 2_000, 24, 700, 11);
        let organization = large.sessions_of(Kind::Organization);
        let machines: Vec<Machine> = (0..8)
            .map(|n| {
                // Each machine has a copy, some with more in it than others.
                let copy = store.folder.path().join(format!("han-{n}.db"));
                HanDb::open(&database).copy_to(&copy);
                Machine::new(store.folder.path(), &format!("machine-{n}"), &copy)
            })
            .collect();
        let db = HanDb::open(&machines[7].database);
        more_of_everything(&db, &organization[0], 40);
        drop(db);
        std::thread::scope(|scope| {
            for machine in &machines {
                let (receiver, team) = (&receiver, &team);
                scope.spawn(move || machine.export(&receiver.base, &team.alice));
            }
        });
        let stored = exported(&store);
        let expected = expected_wire(&machines[7].database, &organization, b"");
        assert_eq!(stored.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (id, session) in &stored {
            let mut ids: Vec<&str> = session["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|message| message["id"].as_str().unwrap())
                .collect();
            ids.sort_unstable();
            assert_eq!(ids, expected[id].messages.keys().collect::<Vec<_>>(), "{id}");
        }
        assert_sums_equal_a_recount(&store);
    }
}

#[test]
fn bad_rows_cost_only_themselves() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let database = store.folder.path().join("han.db");
        let db = HanDb::create(&database);
        let session = db.organization_session();
        let made = more_of_everything(&db, &session, 60);
        let long_id = "i".repeat(300);
        let ids = db.message_ids(&session);
        let change = |column: &str, value: &str, id: &str| {
            let sql = format!("UPDATE messages SET {column} = ?1 WHERE id = ?2");
            assert_eq!(db.conn().execute(&sql, [value, id]).unwrap(), 1);
        };
        change("input_tokens", "-12", &ids[3]);
        change("agent_id", &long_id, &ids[4]);
        change("timestamp", "yesterday", &ids[5]);
        change("raw_json", &format!("{{\"uuid\":\"{long_id}\"}}"), &ids[6]);
        change("id", &long_id, &ids[6]);
        drop((db, made));
        let machine = Machine::new(store.folder.path(), "laptop", &database);
        let output = machine.command(&receiver.base, &team.alice).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(65), "{report}");
        assert_eq!(report["errors"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(report["errors"][0]["code"], "VALIDATION_ERROR", "{report}");
        let stored = exported(&store);
        let messages = stored[&session]["messages"].as_array().unwrap();
        let has = |id: &str| messages.iter().any(|message| message["id"] == id);
        assert!(ids[3..6].iter().all(|id| has(id)) && !has(&long_id), "{report}");
        assert_eq!(json!(messages.len()), report["messagesSent"]);
        let again = machine.export(&receiver.base, &team.alice);
        assert_eq!(again["messagesSent"], 0, "{again}");
        assert_sums_equal_a_recount(&store);
    }
}
