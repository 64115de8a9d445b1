//! The exporter's side of the golden files in `fixtures/wire`: it sends the requests byte for byte, and acts on the
//! responses.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use han_sync::protocol::{Checksum, Identity};
use serde_json::{Value, json};

use crate::support::golden::{self, EXCHANGES, REQUEST_VOLATILE, compact, indent};
use crate::support::han_db::{HanDb, Row, Task};
use crate::support::{Fault, Sandbox, TestReceiver, batches};

const CLIENT_ID: &str = "0b9c6a52-6f0e-4c8f-9d5a-3f1e7b2c4d60";
const CLIENT_SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const SESSION: &str = "5b1e0c9a-7d1f-4a53-9c0e-2f6c1a8e4d70";
const FOREIGN_SESSION: &str = "c7d2a4f0-1b3e-4f6a-8d9c-0e5f7a1b2c3d";
const REMOTE: &str = "git@github.com:acme-corp/api.git";
/// A repository that the configuration names as an organization's and the receiver does not.
const FOREIGN_REMOTE: &str = "https://github.com/elsewhere/tools.git";

const USER_ID: &str = "6c1f0d2e-0a6b-4f3e-9c55-1d2f3a4b5c01";
const ASSISTANT_ID: &str = "6c1f0d2e-0a6b-4f3e-9c55-1d2f3a4b5c02";
const TOOL_ID: &str = "toolu_01A1B2C3D4E5F6";
const AGENT_MESSAGE_ID: &str = "6c1f0d2e-0a6b-4f3e-9c55-1d2f3a4b5c03";

/// A row at a line of the session's transcript.
fn row(session: &str, id: &str, line: i64, message_type: &str) -> Row {
    Row {
        id: id.to_owned(),
        session_id: session.to_owned(),
        message_type: message_type.to_owned(),
        line_number: line,
        timestamp: format!("2026-03-01T09:00:{:02}.000Z", line * 5),
        source_file_type: Some("main".to_owned()),
        source_file_name: Some(format!("{session}.jsonl")),
        ..Row::default()
    }
}

fn user(session: &str, id: &str, line: i64, text: &str) -> Row {
    let raw = json!({"type": "user", "uuid": id, "message": {"role": "user", "content": text}});
    Row {
        role: Some("user".to_owned()),
        content: Some(text.to_owned()),
        raw_json: Some(raw.to_string()),
        ..row(session, id, line, "user")
    }
}

/// A session of the organization with one answer in two rows, and one row of a subagent.
fn add_session(db: &HanDb, token: &str) {
    let project = db.project_of_remote(REMOTE);
    db.session(SESSION, Some(&project), Some("active"), Some("repair-the-login-test"));
    db.message(&user(SESSION, USER_ID, 0, &format!("Run the login test with token {token}")));
    let raw = json!({
        "type": "assistant", "uuid": ASSISTANT_ID, "requestId": "req_011CA1B2C3D4", "gitBranch": "repair-login",
        "message": {
            "id": "msg_01A1B2C3D4", "role": "assistant", "model": "claude-opus-4-5",
            "content": [{"type": "tool_use", "id": TOOL_ID, "name": "Bash", "input": {"command": "npm test"}}],
            "usage": {"cache_creation": {"ephemeral_1h_input_tokens": 300}},
        },
    });
    let assistant = Row {
        role: Some("assistant".to_owned()),
        parent_id: Some(USER_ID.to_owned()),
        raw_json: Some(raw.to_string()),
        input_tokens: Some(12),
        output_tokens: Some(340),
        cache_read_tokens: Some(15_000),
        cache_creation_tokens: Some(800),
        ..row(SESSION, ASSISTANT_ID, 1, "assistant")
    };
    db.message(&assistant);
    db.message(&Row {
        id: TOOL_ID.to_owned(),
        parent_id: Some(ASSISTANT_ID.to_owned()),
        message_type: "tool_use".to_owned(),
        tool_name: Some("Bash".to_owned()),
        ..assistant
    });
    db.message(&Row {
        agent_id: Some("a1b2c3".to_owned()),
        source_file_type: Some("agent".to_owned()),
        lines_added: Some(4),
        lines_removed: Some(1),
        files_changed: Some(1),
        ..user(SESSION, AGENT_MESSAGE_ID, 0, "The login test passes now.")
    });
}

fn add_task(db: &HanDb) {
    db.task(&Task {
        id: format!("{SESSION}:1"),
        session_id: SESSION.to_owned(),
        message_id: ASSISTANT_ID.to_owned(),
        subject: "Repair the login test".to_owned(),
        description: Some("It fails since the last release.".to_owned()),
        status: "in_progress".to_owned(),
        created_at: "2026-03-01T09:00:10.000Z".to_owned(),
        updated_at: "2026-03-01T09:00:12.000Z".to_owned(),
        line_number: 1,
        ..Task::default()
    });
}

fn add_foreign_session(db: &HanDb) {
    let project = db.project_of_remote(FOREIGN_REMOTE);
    db.session(FOREIGN_SESSION, Some(&project), Some("completed"), None);
    db.message(&user(FOREIGN_SESSION, "6c1f0d2e-0a6b-4f3e-9c55-1d2f3a4b5c09", 0, "Hello"));
}

/// A sandbox whose client has the id and the secret of the golden files, and has sent one heartbeat; its receiver has the
/// golden identity.
fn pinned() -> (TestReceiver, Sandbox, HanDb) {
    let server = TestReceiver::start();
    let identity: Identity =
        serde_json::from_value(golden::value("identity.response.json")).expect("an identity");
    server.with_identity("user-alice", |own| *own = identity);
    let sandbox = Sandbox::new(&server);
    let db = HanDb::create(sandbox.database());
    sandbox.run(&["--json"]).exits(0);
    let state = sandbox.state_file("sync-state.json");
    let mut text = fs::read_to_string(sandbox.state_path()).expect("a state");
    for (member, value) in [("clientId", CLIENT_ID), ("clientSecret", CLIENT_SECRET)] {
        text = text.replace(state[member].as_str().expect("a client"), value);
    }
    // The same inode: a new file would count as a copy of another client's state.
    fs::write(sandbox.state_path(), text).expect("the state can be written");
    sandbox.advance(TimeDelta::minutes(61));
    (server, sandbox, db)
}

#[test]
fn exporter_sends_the_golden_requests_and_acts_on_the_golden_responses() {
    let token = format!("ghp_{}", "aB3dE6gH9jKmNpQrStUvWxYz0123456789AB");
    for &(name, status) in EXCHANGES {
        let (server, sandbox, db) = pinned();
        match name {
            "heartbeat" => {}
            "without_content" => add_session(&db, &token),
            "with_content" => {
                add_session(&db, &token);
                sandbox.set("includeContent", "true");
            }
            "tasks" => {
                add_session(&db, &token);
                add_task(&db);
            }
            "partial" | "error" => {
                sandbox.set("organizations", "[github.com/elsewhere]");
                add_foreign_session(&db);
                if name == "partial" {
                    add_session(&db, &token);
                }
            }
            _ => panic!("{name}: no database for this exchange"),
        }
        let response = golden::read(&format!("{name}.response.json"));
        let fault = Fault::none().with_status(status).body(response);
        server.script(batches().times(1), fault);
        let before = server.request_count();
        let outcome = sandbox.run(&["--json"]);
        let report = outcome.json();
        let requests = server.requests_after(before);
        let bodies: Vec<&Vec<u8>> =
            requests.iter().filter(|request| request.is_batch()).filter_map(|it| it.body.as_ref()).collect();
        let [body, ..] = bodies[..] else { panic!("{name}: no batch was sent: {outcome:?}") };
        assert_eq!(Checksum::check(body), Ok(Checksum::Valid), "{name}");
        golden::assert_is(&format!("{name}.request.json"), body, REQUEST_VOLATILE);
        if golden::is_blessing() {
            continue;
        }
        // The receiver may accept the repository later: the session is retried.
        let (code, rejected) = if status == 200 { (0, 0) } else { (75, 1) };
        assert_eq!(outcome.code, code, "{name}: {outcome:?}");
        let errors = report["errors"].as_array().map_or(0, Vec::len);
        assert_eq!(errors, rejected, "{name}: {report}");
        assert_eq!(server.violations(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn golden_requests_have_valid_checksums_and_are_indented_alike() {
    let mut names: Vec<String> = fs::read_dir(golden::folder())
        .expect("golden files")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 2 * EXCHANGES.len());
    for name in names {
        let text = fs::read_to_string(golden::folder().join(&name)).expect("a golden file");
        assert_eq!(indent(&text), text, "{name} is indented otherwise");
        let parsed: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&compact(&text)).expect("JSON"), parsed, "{name}");
        if name.ends_with(".request.json") {
            assert_eq!(Checksum::check(compact(&text).as_bytes()), Ok(Checksum::Valid), "{name}");
        }
    }
}

/// Every example in `docs/protocol.md` (a fenced block that a line `<!-- fixtures/wire/NAME -->` precedes) is the golden
/// file that it names.
#[test]
fn examples_of_the_protocol_document_are_the_golden_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let text = fs::read_to_string(path).expect("the protocol's document");
    let mut named = 0;
    for part in text.split("<!-- fixtures/wire/").skip(1) {
        let (name, rest) = part.split_once(" -->").expect("the name of a golden file ends");
        let block =
            rest.trim_start().strip_prefix("```json\n").unwrap_or_else(|| panic!("{name}: no JSON follows"));
        let (example, _) = block.split_once("```").expect("the block ends");
        assert_eq!(compact(example), golden::read(name), "the example {name} in docs/protocol.md");
        named += 1;
    }
    assert!(named > 0, "docs/protocol.md has no example of fixtures/wire");
}
