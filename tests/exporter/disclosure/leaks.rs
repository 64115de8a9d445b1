//! Nothing but the wire table's fields ever leaves: every byte of every request of every command, searched for what
//! was planted in the source.

use std::fs;

use chrono::TimeDelta;
use rusqlite::params;

use crate::support::exporter_test::{ExporterTest, github_token};
use crate::support::test_receiver::store::ALICE_KEY;
use crate::support::{Fault, Request, batches, wait_until};

/// Begins every planted text; what follows says where it was planted.
const MARKER: &str = "PLANTED";

/// Tables and columns whose text the wire table names, with the condition under which it may leave.
const ON_THE_WIRE: &[(&str, &[&str])] = &[
    ("repos", &["id", "remote"]),
    ("projects", &["id", "repo_id"]),
    ("sessions", &["id", "project_id", "status", "slug", "harness", "team_name"]),
    (
        "messages",
        &[
            "id",
            "session_id",
            "agent_id",
            "parent_id",
            "message_type",
            "role",
            "tool_name",
            "timestamp",
            "source_file_type",
            "raw_json",
        ],
    ),
    ("native_tasks", &["id", "session_id", "status", "created_at", "updated_at", "subject", "description"]),
];

/// The text columns of a table that nothing may be sent of.
fn private_columns(test: &ExporterTest, table: &str) -> Vec<String> {
    let named = ON_THE_WIRE.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, columns)| columns);
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE type = 'TEXT'";
    let columns = test.db.strings(sql, [table]);
    columns.into_iter().filter(|column| !named.contains(&column.as_str())).collect()
}

/// Plants a marker of its own in every text column of every row that the wire table does not name, and in the texts
/// that go only with `includeContent`. Returns what was planted where nothing may ever be sent of it.
fn plant(test: &ExporterTest) -> Vec<String> {
    let mut planted = Vec::new();
    let conn = test.db.conn();
    let tables = test.db.strings(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'messages_fts%'
         AND name NOT LIKE 'sqlite%'",
        [],
    );
    for table in &tables {
        for column in private_columns(test, table) {
            let marker = format!("{MARKER}-{table}-{column}-");
            conn.execute(&format!("UPDATE {table} SET {column} = ?1 || rowid"), params![marker]).unwrap();
            planted.push(marker);
        }
    }
    // Rows for the tables that the fixture leaves empty, so that each is there to leak.
    let session = &test.db.sessions()[0];
    conn.execute(
        "INSERT INTO session_summaries (session_id, summary) VALUES (?1, 'PLANTED-summary')",
        [session],
    )
    .unwrap();
    planted.push("PLANTED-summary".into());
    let scores = "UPDATE messages SET sentiment_score = 0.7312345, frustration_score = 0.8412345, human_time_ms = 987654321";
    conn.execute(scores, []).unwrap();
    planted.extend(["7312345", "8412345", "987654321"].map(str::to_owned));
    // What the raw JSON holds beside what is read from it.
    conn.execute(
        "UPDATE messages SET raw_json = json_set(raw_json, '$.note', 'PLANTED-raw-note')
         WHERE json_valid(raw_json) AND json_type(raw_json) = 'object'",
        [],
    )
    .unwrap();
    conn.execute(
        "UPDATE native_tasks SET subject = 'PLANTED-text-subject', description = 'PLANTED-text-description'",
        [],
    )
    .unwrap();
    planted
}

/// Everything that was sent: head and body of each request, inflated.
fn traffic(requests: &[Request]) -> String {
    let mut all = String::new();
    for request in requests {
        all.push_str(&format!("{} {}\n", request.head.method, request.head.path));
        for (name, value) in &request.head.headers {
            all.push_str(&format!("{name}: {value}\n"));
        }
        all.push_str(&String::from_utf8(request.body.clone().expect("a body that inflates")).unwrap());
        all.push('\n');
    }
    all
}

/// Sessions of every kind of repository, filled with rows of every kind.
fn populate(test: &ExporterTest) -> String {
    use crate::support::han_db::CONDITIONS;
    for (_, fill) in CONDITIONS {
        let id =
            test.db.session_of_remote("https://x-access-token:PLANTED-password@github.com/acme-corp/api.git");
        test.db.transaction(|db| fill(db, &id, 9));
    }
    for remote in [
        "https://github.com/alice/PLANTED-personal-repository",
        "https://github.com/stranger/PLANTED-unknown-repository",
        "/home/dev/PLANTED-local-path/repo",
        "file:///srv/PLANTED-file-url/repo.git",
    ] {
        test.session(remote, 3);
    }
    let (session, _) = test.session_in_folder("git@gitlab.com:acme/core/api.git", "PLANTED-folder", 2);
    session
}

/// Every command that might talk to the receiver, in circumstances that make it.
fn run_every_command(test: &ExporterTest, session: &str) {
    test.run(&["preview", "--json"]).exits(0);
    test.run(&["explain"]).exits(0);
    test.run(&["status"]).exits(0);
    test.receiver.script(batches().times(1), Fault::status(413));
    test.run(&["--json"]).exits(0);
    for arguments in [&["--session", session][..], &["all"], &["reset"], &["all"]] {
        test.add_messages(session, 1);
        test.run(arguments).exits(0);
    }
    test.add_messages(session, 1);
    let before = test.receiver.batches().len();
    let input = format!(
        r#"{{"session_id":"{session}","cwd":"/home/PLANTED-hook-cwd","transcript_path":"/home/PLANTED-transcript","reason":"other"}}"#
    );
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    wait_until("the hook's run has sent", || test.receiver.batches().len() > before);
    test.settle();
    test.advance(TimeDelta::hours(2));
    for arguments in [
        &["preview"][..],
        &["explain", session],
        &["explain", "github.com/alice/PLANTED-asked-for"],
        &["queue"],
        &["queue", "--clear-failed"],
        &["status", "--json"],
        // Nothing is left to send but the sign of life.
        &["--json"],
    ] {
        test.run(arguments).exits(0);
    }
}

#[test]
fn without_content_no_text_of_message_task_path_or_command_is_on_the_wire() {
    let test = ExporterTest::new();
    let session = populate(&test);
    let planted = plant(&test);
    assert!(planted.len() > 25, "{planted:?}");
    run_every_command(&test, &session);
    let requests = test.receiver.requests();
    let traffic = traffic(&requests);
    assert!(test.receiver.alice().message_count() > 100);
    assert!(!traffic.contains(MARKER), "{}", around(&traffic, MARKER));
    for marker in planted {
        assert!(!traffic.contains(&marker), "{}", around(&traffic, &marker));
    }
    assert!(!traffic.contains("/home/"), "{}", around(&traffic, "/home/"));
    assert!(!traffic.contains("\"content\":"));
    assert_key_is_in_its_header_alone(&requests);
}

#[test]
fn with_content_only_redacted_text_is_added_and_scores_paths_and_slugs_of_projects_never() {
    let test = ExporterTest::new();
    test.set("includeContent", "true");
    test.set("redactPatterns", "['CUSTOM-[0-9]{6}']");
    let session = populate(&test);
    let planted = plant(&test);
    let secrets: Vec<String> = (0..4).map(github_token).collect();
    test.say(&session, &format!("plain {} and CUSTOM-123456", secrets[0]));
    let escaped = serde_json::json!({"stdout": format!("TOKEN=\"{}\"\n", secrets[1])}).to_string();
    test.say(&session, &escaped);
    test.say(&session, &serde_json::json!({ "inner": escaped }).to_string());
    let task = test.db.make(|maker| {
        let mut task = maker.task(&session, "m", 0, "pending");
        task.subject = format!("rotate {}", secrets[2]);
        task.description = Some(format!("was https://x:{}@github.com/acme-corp/api", secrets[3]));
        task
    });
    test.db.task(&task);
    run_every_command(&test, &session);
    let requests = test.receiver.requests();
    let traffic = traffic(&requests);
    for marker in &planted {
        assert!(!traffic.contains(marker), "{}", around(&traffic, marker));
    }
    for secret in secrets.iter().map(String::as_str).chain(["CUSTOM-123456", "PLANTED-password"]) {
        assert!(!traffic.contains(secret), "{}", around(&traffic, secret));
    }
    for private in [
        "PLANTED-personal",
        "PLANTED-unknown",
        "PLANTED-local",
        "PLANTED-file",
        "PLANTED-folder",
        "PLANTED-hook",
        "PLANTED-asked",
    ] {
        assert!(!traffic.contains(private), "{}", around(&traffic, private));
    }
    // The text itself is there: the test would see a leak.
    for text in ["PLANTED-raw-note", "PLANTED-text-subject", "[REDACTED:github_token]", "[REDACTED:custom]"] {
        assert!(traffic.contains(text), "{text} is not sent");
    }
    assert_key_is_in_its_header_alone(&requests);
}

#[test]
fn personal_and_unknown_sessions_are_not_even_named() {
    let test = ExporterTest::new();
    test.session("https://github.com/acme-corp/api", 1);
    let stay: Vec<String> = ["https://github.com/alice/x", "https://github.com/stranger/x", "/home/dev/x"]
        .iter()
        .map(|remote| test.session(remote, 2))
        .collect();
    test.run(&[]).exits(0);
    for id in &stay {
        test.run(&["--session", id]).exits(0);
        test.run_with_input(
            &["hook", "--trust-environment"],
            format!(r#"{{"session_id":"{id}"}}"#).as_bytes(),
        )
        .exits(0);
        test.settle();
    }
    test.run(&["all"]).exits(0);
    let traffic = traffic(&test.receiver.requests());
    for id in &stay {
        assert!(!traffic.contains(id.as_str()));
        for message in test.db.message_ids(id) {
            assert!(!traffic.contains(&message));
        }
    }
    // Nor in what is kept beside the queue's own list of what the user asked for.
    let state = fs::read_to_string(test.state_path()).unwrap();
    assert!(!state.contains(ALICE_KEY));
}

/// The key is in the header that carries it, and nowhere else in the traffic.
#[track_caller]
fn assert_key_is_in_its_header_alone(requests: &[Request]) {
    assert!(requests.iter().any(|request| !request.is_batch()) && requests.iter().any(Request::is_batch));
    for request in requests {
        let mut rest = request.clone();
        assert_eq!(rest.head.header("authorization"), Some(format!("Bearer {ALICE_KEY}").as_str()));
        rest.head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        assert!(!traffic(&[rest]).contains(ALICE_KEY));
    }
}

/// A place in the traffic, with what stands around it.
fn around<'t>(traffic: &'t str, marker: &str) -> &'t str {
    let Some(at) = traffic.find(marker) else { return "" };
    let start = (at.saturating_sub(200)..=at).find(|start| traffic.is_char_boundary(*start)).unwrap_or(at);
    let end =
        (at + marker.len()..traffic.len()).find(|end| *end > at + 100 && traffic.is_char_boundary(*end));
    &traffic[start..end.unwrap_or(traffic.len())]
}
