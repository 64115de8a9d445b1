//! Columns and text that could name persons and customers: tools, models, branches, home folders.

use rusqlite::params;
use serde_json::json;

use crate::support::Request;
use crate::support::exporter_test::ExporterTest;

/// Everything that was sent.
fn traffic(test: &ExporterTest) -> String {
    let body = |request: &Request| String::from_utf8(request.body.clone().unwrap()).unwrap();
    test.receiver.requests().iter().map(body).collect()
}

/// A session of the organization with one message, whose tool and raw JSON are these.
fn with_message(test: &ExporterTest, tool: Option<&str>, raw: &serde_json::Value) -> String {
    let session = test.session("https://github.com/acme-corp/api", 1);
    let id = test.db.message_ids(&session).remove(0);
    let mut raw = raw.clone();
    raw["uuid"] = json!(id);
    let sql = "UPDATE messages SET tool_name = ?2, raw_json = ?3 WHERE id = ?1";
    test.db.conn().execute(sql, params![id, tool, raw.to_string()]).unwrap();
    session
}

/// The tool names that arrived, by session.
fn tool_of(test: &ExporterTest, session: &str) -> Option<String> {
    let store = test.receiver.alice();
    let message = store.sessions[session].messages.values().next().expect("a message").clone();
    message.tool_name
}

#[test]
fn names_of_tools_are_sent_as_the_setting_says() {
    for (setting, own, mcp) in [
        (None, Some("Bash"), Some("mcp__acme-customer__query")),
        (Some("all"), Some("Bash"), Some("mcp__acme-customer__query")),
        (Some("builtin"), Some("Bash"), Some("mcp")),
        (Some("none"), None, None),
    ] {
        let test = ExporterTest::new();
        if let Some(setting) = setting {
            test.set("includeToolNames", setting);
        }
        let sessions = [
            with_message(&test, Some("Bash"), &json!({})),
            with_message(&test, Some("mcp__acme-customer__query"), &json!({})),
            with_message(&test, Some("acme-customer.query"), &json!({})),
            with_message(&test, None, &json!({})),
        ];
        test.run_json(&[], 0);
        let tools = sessions.each_ref().map(|session| tool_of(&test, session));
        let other = if setting == Some("builtin") { mcp } else { mcp.map(|_| "acme-customer.query") };
        assert_eq!(tools, [own, mcp, other, None].map(|name| name.map(str::to_owned)), "{setting:?}");
        let is_named = traffic(&test).contains("acme-customer");
        assert_eq!(is_named, matches!(setting, None | Some("all")), "{setting:?}");
    }
    for wrong in ["some", "false", "[all]", "ALL"] {
        let test = ExporterTest::new();
        test.set("includeToolNames", wrong);
        test.run(&["--json"]).exits(78).prints("includeToolNames").prints("all, builtin, none");
    }
}

#[test]
fn names_of_models_lose_the_parts_that_name_an_account() {
    for (name, expected) in [
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-1-v1:0",
            "arn:aws:bedrock:us-east-1::inference-profile/us.anthropic.claude-opus-4-1-v1:0",
        ),
        (
            "projects/acme-prod-42/locations/us-east5/publishers/anthropic/models/claude-sonnet-4",
            "projects/-/locations/us-east5/publishers/anthropic/models/claude-sonnet-4",
        ),
        ("https://acme-prod-42.openai.azure.com/openai/deployments/gpt-4o?key=123456789012", "gpt-4o"),
        ("claude-opus-4-1-20250805", "claude-opus-4-1-20250805"),
    ] {
        let test = ExporterTest::new();
        let session = with_message(&test, None, &json!({"message": {"model": name}}));
        test.run_json(&[], 0);
        let store = test.receiver.alice();
        let models: Vec<_> = store.sessions[&session].messages.values().map(|it| it.model.clone()).collect();
        assert_eq!(models, [Some(expected.to_owned())]);
        assert!(!traffic(&test).contains("123456789012") && !traffic(&test).contains("acme-prod-42"));
    }
}

#[test]
fn branch_is_withheld_by_the_setting_and_by_the_repository() {
    type Arrange = fn(&ExporterTest);
    let raw = json!({"gitBranch": "feature/merger-with-globex"});
    let table: [(&str, Arrange, bool); 5] = [
        ("by default", |_| {}, true),
        ("by the setting", |test| test.set("includeBranch", "false"), false),
        ("by the repository", |test| repository_says(test, "includeBranch: false"), false),
        ("by a repository that is not understood", |test| repository_says(test, "include_branch: n"), false),
        (
            "and a repository cannot widen",
            |test| {
                test.set("includeBranch", "false");
                repository_says(test, "includeBranch: true");
            },
            false,
        ),
    ];
    for (name, arrange, expected) in table {
        let test = ExporterTest::new();
        let session = with_message(&test, None, &raw);
        arrange(&test);
        test.run_json(&[], 0);
        assert!(test.receiver.alice().sessions.contains_key(&session), "{name}");
        assert_eq!(traffic(&test).contains("globex"), expected, "{name}");
        test.assert_delivered();
    }
    // A session that is no organization's has no branch, whatever the setting.
    let test = ExporterTest::new();
    test.set("organizations", "[]");
    test.set("forceInclude", "[stranger/*]");
    let session = with_message(&test, None, &raw);
    let repo = test.db.repo("https://github.com/stranger/api");
    let sql = "UPDATE projects SET repo_id = ?1 WHERE id = (SELECT project_id FROM sessions WHERE id = ?2)";
    test.db.conn().execute(sql, params![repo, session]).unwrap();
    test.run_json(&[], 0);
    assert!(test.receiver.alice().sessions.contains_key(&session));
    assert!(!traffic(&test).contains("globex"));
}

/// Adds a project of the same repository whose own file says so.
fn repository_says(test: &ExporterTest, setting: &str) {
    let (_, folder) = test.session_in_folder("https://github.com/acme-corp/api", "api", 1);
    std::fs::write(folder.join("han.yml"), format!("sync:\n  {setting}\n")).unwrap();
}

#[test]
fn content_names_no_home_folder() {
    let test = ExporterTest::new();
    test.set("includeContent", "true");
    let home = test.home().display().to_string();
    let inner =
        json!({"path": format!("{home}/a\n/Users/j.doe/b"), "windows": r"C:\Users\John Smith\c"}).to_string();
    let raw = json!({
        "folder": "/home/dev-one/work/api",
        "own": format!("cd {home}/work && ls '{home}'"),
        "inner": inner,
        "inner_of_inner": json!({"x": inner}).to_string(),
        "stdout": "/root/.bashrc\n/home/dev-two:/Users/dev-three\t/mnt/c/Users/dev-four/x",
        "transcript": "/home/dev-one/.claude/projects/-home-dev-one-work/x.jsonl",
        "url": "https://example.com/home/page and src/home/index.tsx",
    });
    let session = with_message(&test, None, &raw);
    let task = test.db.make(|maker| {
        let mut task = maker.task(&session, "m", 0, "pending");
        task.subject = format!("look at {home}/task-subject");
        task.description = Some(r"in C:\Users\dev-five\task".to_owned());
        task
    });
    test.db.task(&task);
    // What is shown is what is sent.
    let preview = test.json(&["preview"])["batches"].to_string();
    test.run(&["preview"]).exits(0).prints("home folders are replaced by ~");
    test.run_json(&[], 0);
    let traffic = traffic(&test);
    for name in [
        home.as_str(),
        "/home/dev",
        "dev-one",
        "j.doe",
        "John Smith",
        "dev-two",
        "dev-three",
        "dev-four",
        "dev-five",
        "/root",
    ] {
        assert!(!traffic.contains(name), "{name} in {traffic}");
        assert!(!preview.contains(name), "{name} in {preview}");
    }
    for kept in
        ["~/work/api", "~/a", "~/task-subject", r"~\\task", "example.com/home/page", "src/home/index.tsx"]
    {
        assert!(traffic.contains(kept), "{kept} in {traffic}");
    }
    // The text stays valid JSON with the hash that it says.
    assert_eq!(test.receiver.violations(), Vec::<String>::new());
    for message in test.receiver.alice().sessions[&session].messages.values() {
        let content = message.content.as_deref().expect("content");
        let parsed: serde_json::Value = serde_json::from_str(content).expect("valid JSON");
        serde_json::from_str::<serde_json::Value>(parsed["inner"].as_str().unwrap())
            .expect("valid JSON inside");
        assert_eq!(message.content_hash, han_sync::protocol::content_hash(content));
    }
}
