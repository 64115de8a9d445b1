//! `preview` shows the very bytes that a following run sends, and does nothing else.

use std::io::Read;
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use han_sync::protocol::{Checksum, Limits};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::exporter_test::{ExporterTest, github_token};
use crate::support::han_db::{CONDITIONS, HanDb, ORGANIZATION_REMOTE, Stream};
use crate::support::sandbox::files;
use crate::support::{Fault, Request, Sandbox, batches};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    batches: Vec<&'a RawValue>,
}

/// The batches of a preview, byte for byte.
#[track_caller]
fn previewed(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = ["preview", "--json"].iter().chain(arguments).copied().collect();
    let outcome = sandbox.run(&arguments).exits(0);
    let document: Document = serde_json::from_str(&outcome.stdout).expect("one JSON document");
    document.batches.iter().map(|batch| batch.get().to_owned()).collect()
}

/// A body without what the clock says: when it was made, when the batch before was acknowledged, when the fields of
/// its sessions were first seen (the sandbox's day; the fixture's rows are a day older), and the digest of all that.
#[track_caller]
fn but_for_the_clock(body: &str, sandbox: &Sandbox) -> String {
    assert_eq!(Checksum::check(body.as_bytes()), Ok(Checksum::Valid));
    let payload: Value = serde_json::from_str(body).unwrap();
    let today = sandbox.now().format("%Y-%m-%d").to_string();
    let mut text = body.to_owned();
    let mut blank = |member: &str, value: &Value| {
        let written = format!("\"{member}\":{value}");
        assert!(text.contains(&written), "{written}");
        text = text.replacen(&written, &format!("\"{member}\":CLOCK"), 1);
    };
    blank("timestamp", &payload["timestamp"]);
    blank("lastSyncTimestamp", &payload["cursor"]["lastSyncTimestamp"]);
    blank("checksum", &payload["checksum"]);
    for session in payload["sessions"].as_array().unwrap() {
        if session["lastModified"].as_str().unwrap().starts_with(&today) {
            blank("lastModified", &session["lastModified"]);
        }
    }
    text
}

/// Asserts that a preview and the run after it agree, and says how many batches there were.
#[track_caller]
fn assert_run_sends_the_preview(test: &ExporterTest, preview: &[&str], run: &[&str]) -> usize {
    let shown = previewed(test, preview);
    let before = test.receiver.batches().len();
    test.json(run);
    let sent: Vec<String> = test.receiver.batches()[before..]
        .iter()
        .map(|request| String::from_utf8(request.body.clone().unwrap()).unwrap())
        .collect();
    let compare = |bodies: &[String]| -> Vec<String> {
        bodies.iter().map(|body| but_for_the_clock(body, test)).collect()
    };
    let (shown, sent) = (compare(&shown), compare(&sent));
    assert_eq!(shown.len(), sent.len(), "batches shown and sent");
    for (number, (shown, sent)) in shown.iter().zip(&sent).enumerate() {
        assert!(shown == sent, "batch {number} differs:\n{shown}\n{sent}");
    }
    sent.len()
}

/// A session of every condition, with tasks and secrets, of three kinds of repository.
fn every_condition(test: &ExporterTest) -> Vec<String> {
    let remotes =
        [ORGANIZATION_REMOTE, "git@gitlab.com:acme/platform/core/api.git", "https://github.com/alice/x"];
    let mut sessions = Vec::new();
    for (number, (_, fill)) in CONDITIONS.iter().enumerate() {
        let id = test.db.session_of_remote(remotes[number % remotes.len()]);
        test.db.transaction(|db| fill(db, &id, 11));
        test.say(&id, &format!("use {} and hunter2hunter2", github_token(number)));
        sessions.push(id);
    }
    sessions
}

#[test]
fn what_a_run_sends_equals_the_preview_byte_for_byte() {
    for content in ["false", "true"] {
        let test = ExporterTest::new();
        test.set("includeContent", content);
        test.set("includePersonal", "true");
        test.set("redactPatterns", "[hunter2hunter2]");
        test.set("batchSize", "17");
        test.set("batchBytes", "60000");
        let sessions = every_condition(&test);
        assert!(assert_run_sends_the_preview(&test, &[], &[]) > 5);

        // The same for what is new since: messages, a task, a session's own fields, and another session.
        test.add_messages(&sessions[0], 40);
        test.db.set_session_status(&sessions[1], Some("completed"));
        test.session("https://github.com/acme-corp/other", 3);
        let task = test.db.strings("SELECT id FROM native_tasks ORDER BY rowid LIMIT 1", []);
        test.db.update_task(&task[0], "completed");
        assert!(assert_run_sends_the_preview(&test, &[], &[]) > 1);
        assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 0);

        // And where text goes from now on, or stays.
        test.set("includeContent", if content == "true" { "false" } else { "true" });
        test.add_messages(&sessions[2], 2);
        assert!(assert_run_sends_the_preview(&test, &[], &[]) > 0);

        test.run(&["reset"]).exits(0);
        assert!(assert_run_sends_the_preview(&test, &[], &["all"]) > 5);
        test.add_messages(&sessions[3], 1);
        test.add_messages(&sessions[4], 1);
        let one = sessions[3].as_str();
        assert_eq!(assert_run_sends_the_preview(&test, &["--session", one], &["--session", one]), 1);
        assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 1);
    }
}

#[test]
fn limits_of_the_receiver_shape_the_preview_as_they_shape_the_run() {
    type Limit = fn(&mut Limits);
    let table: [(&str, Limit); 3] = [
        ("bytes on the wire", |limits| limits.max_body_bytes = Some(4_000)),
        ("bytes inflated", |limits| limits.max_inflated_bytes = Some(4_000)),
        ("messages", |limits| limits.max_messages = Some(3)),
    ];
    for (name, limit) in table {
        let test = ExporterTest::new();
        test.set("includeContent", "true");
        test.receiver.with_identity("user-alice", |identity| limit(&mut identity.limits));
        let one = test.session(ORGANIZATION_REMOTE, 9);
        test.session(ORGANIZATION_REMOTE, 4);
        // Too large alone, compressed or not, until its content is left out.
        let noise: String = (0..600).map(github_token).map(|token| token.replace("ghp_", "")).collect();
        let hexes = test.db.make(|maker| (0..400).map(|_| maker.rng.uuid()).collect::<String>());
        test.say(&one, &format!("{noise} {hexes}"));
        test.session(ORGANIZATION_REMOTE, 2);
        assert!(assert_run_sends_the_preview(&test, &[], &[]) > 3, "{name}");
        let omitted = |batch: &Request| batch.messages().any(|message| message.content_omitted == Some(true));
        assert_eq!(test.receiver.batches().iter().any(omitted), name != "messages", "{name}");
    }
}

#[test]
fn the_hourly_empty_batch_is_shown_too() {
    let test = ExporterTest::new();
    test.session("https://github.com/alice/x", 2);
    assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 1);
    assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 0);
    test.advance(TimeDelta::hours(1));
    test.run(&["preview"]).exits(0).prints("the batch is empty");
    assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 1);
}

#[test]
fn sessions_that_failed_are_shown_when_a_new_identity_brings_them_back() {
    let test = ExporterTest::new();
    let failed = test.session(ORGANIZATION_REMOTE, 2);
    test.receiver.script(batches().with_session(&failed), Fault::status(422));
    test.run_json(&[], 65);
    test.receiver.clear_script();
    // Nothing but the sign of life.
    assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 1);
    assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 0);
    test.advance(TimeDelta::minutes(61));
    test.receiver.with_identity("user-alice", |identity| {
        identity.organizations[0].owners.push("github.com/more".into());
    });
    let before = test.receiver.request_count();
    assert_eq!(assert_run_sends_the_preview(&test, &[], &[]), 1);
    assert_eq!(test.sent_since(before), [failed]);
}

#[test]
fn preview_sends_nothing_and_changes_nothing() {
    let test = ExporterTest::new();
    test.set("includeContent", "true");
    let session = test.session(ORGANIZATION_REMOTE, 3);
    let (_, folder) = test.session_in_folder("https://github.com/acme-corp/web", "web", 2);
    std::fs::write(folder.join("han.yml"), "sync: {enabled: false}").unwrap();
    let home = files(&test.home());
    for arguments in
        [&["preview"][..], &["preview", "--json"], &["preview", "--session", &session], &["explain"]]
    {
        test.run(arguments).exits(0);
        assert!(!test.state_folder().exists());
        assert!(files(&test.home()) == home);
    }
    assert!(test.receiver.batches().is_empty());

    test.run(&[]).exits(0);
    test.add_messages(&session, 2);
    // Also a database that is not the one of the last run changes nothing of the state.
    for replaced in [false, true] {
        if replaced {
            test.db
                .conn()
                .execute("DELETE FROM messages WHERE rowid = (SELECT max(rowid) FROM messages)", [])
                .unwrap();
        }
        test.advance(TimeDelta::hours(2));
        let state = files(&test.state_folder());
        assert!(!state.is_empty());
        let batches = test.receiver.batches().len();
        test.run(&["preview", "--json"]).exits(0);
        test.run(&["preview", "--session", &session]).exits(0);
        assert!(files(&test.state_folder()) == state);
        assert_eq!(test.receiver.batches().len(), batches);
    }
}

#[test]
fn secrets_are_counted_once_in_all_and_by_session() {
    let test = ExporterTest::new();
    test.set("includeContent", "true");
    test.set("redactPatterns", "['PROJECT-[0-9]+']");
    // So small that messages are tried in one batch and sent in the next.
    test.set("batchBytes", "2048");
    let (one, other) = (test.session(ORGANIZATION_REMOTE, 1), test.session(ORGANIZATION_REMOTE, 1));
    for number in 0..7 {
        test.say(&one, &format!("the token is {}", github_token(number)));
    }
    test.say(&other, "about PROJECT-17 and PROJECT-18");
    let preview = test.json(&["preview"]);
    assert_eq!(preview["redactions"].to_string(), r#"{"custom":2,"github_token":7}"#);
    let of = |id: &str| {
        let sessions = preview["sessions"].as_array().unwrap();
        sessions.iter().find(|session| session["sessionId"] == id).unwrap()["redactions"].to_string()
    };
    assert_eq!((of(&one), of(&other)), (r#"{"github_token":7}"#.into(), r#"{"custom":2}"#.into()));
    let batches = preview["batches"].to_string();
    assert_eq!(batches.matches("[REDACTED:").count(), 9);
    assert!(preview["batchCount"].as_u64().unwrap() > 2);
    for number in 0..7 {
        assert!(!batches.contains(&github_token(number)));
    }
    let table = test.run(&["preview"]).exits(0);
    let row = |id: &str| table.stdout.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
    assert!(row(&one).ends_with("7 github_token"), "{}", table.stdout);
    assert!(row(&other).ends_with("2 custom"), "{}", table.stdout);
    table.prints("redacted: 2 custom, 7 github_token");
}

#[test]
fn table_says_session_repository_why_messages_and_bytes() {
    let test = ExporterTest::new();
    test.set("includePersonal", "true");
    test.set("forceInclude", "[github.com/friend/*]");
    let sessions = [
        (
            test.session("https://user:secret@github.com/Acme-Corp/api.git", 3),
            "github.com/acme-corp/api",
            "organization (github.com/acme-corp)",
            3,
        ),
        (
            test.session("git@github.com:alice/dotfiles", 2),
            "github.com/alice/dotfiles",
            "personal (github.com/alice)",
            2,
        ),
        (
            test.session("https://github.com/friend/x", 1),
            "github.com/friend/x",
            "forced_include (github.com/friend/*)",
            1,
        ),
    ];
    let stays = test.session("https://github.com/stranger/x", 4);
    let document = test.json(&["preview"]);
    let table = test.run(&["preview"]).exits(0).does_not_print(&stays).does_not_print("secret");
    for (place, (id, repository, why, messages)) in sessions.iter().enumerate() {
        let session = &document["sessions"][place];
        assert_eq!(session["sessionId"], **id);
        assert_eq!(
            (&session["repository"], &session["messages"]),
            (&Value::from(*repository), &Value::from(*messages))
        );
        let bytes = session["bytes"].as_u64().unwrap();
        assert_eq!(bytes as usize, document["batches"][0]["sessions"][place].to_string().len());
        let row = table.stdout.lines().find(|line| line.starts_with(id.as_str())).expect("a row");
        for cell in [repository, why, messages.to_string().as_str(), bytes.to_string().as_str(), "none"] {
            assert!(row.contains(cell), "{cell:?} is missing in {row:?}");
        }
    }
    table.prints("6 messages of 3 sessions in 1 batch");
}

#[test]
fn session_that_stays_has_an_empty_preview_and_a_reason() {
    let test = ExporterTest::new();
    let personal = test.session("https://github.com/alice/x", 2);
    test.session(ORGANIZATION_REMOTE, 2);
    for (id, code) in [(personal.as_str(), "personal"), ("no-such-session", "NOT_INDEXED")] {
        let preview = test.json(&["preview", "--session", id]);
        assert_eq!((&preview["status"], &preview["batchCount"]), (&"skipped".into(), &0.into()), "{preview}");
        assert_eq!(
            (&preview["errors"][0]["code"], &preview["errors"][0]["sessionId"]),
            (&code.into(), &id.into())
        );
        assert_eq!(preview["batches"], serde_json::json!([]));
    }
    test.run(&["preview", "--session", &personal]).exits(0).prints("includePersonal");
}

#[test]
fn preview_works_before_sync_is_enabled_and_without_a_receiver() {
    let test = ExporterTest::new();
    test.set("organizations", "[github.com/acme-corp]");
    let session = test.session(ORGANIZATION_REMOTE, 2);
    test.set("enabled", "false");
    let preview = test.json(&["preview"]);
    assert_eq!((&preview["enabled"], &preview["messages"]), (&false.into(), &2.into()));
    test.run(&["preview"]).exits(0).prints("not enabled");
    for key in ["endpoint", "apiKey"] {
        test.unset(key);
        assert_eq!(test.json(&["preview"])["sessions"][0]["sessionId"], *session);
    }
    // Nobody listens there.
    test.set("endpoint", "http://127.0.0.1:9/api/sync");
    test.set("apiKey", "han_x");
    let (preview, outcome) = test.run_json(&["preview"], 0);
    assert_eq!(preview["sessions"][0]["sessionId"], *session);
    outcome.prints("cannot be reached");
}

#[test]
fn reader_that_goes_away_ends_the_preview() {
    let test = ExporterTest::new();
    test.set("batchSize", "1");
    test.session(ORGANIZATION_REMOTE, 300);
    let mut child = test.command(&["preview", "--json"]).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

/// The most memory that a preview of so many messages of 64 KB used, in KB, and the bytes that it wrote.
fn peak_memory_kb(messages: usize) -> (u64, u64) {
    let test = ExporterTest::new();
    test.set("includeContent", "true");
    test.set("batchBytes", "262144");
    let session = test.db.session_of_remote(ORGANIZATION_REMOTE);
    test.db.transaction(|db: &HanDb| {
        for line in 0..messages {
            let text = "lorem ipsum ".repeat(5_500);
            db.message(&db.make(|maker| maker.user_saying(&session, &Stream::Main, line as i64, &text)));
        }
    });
    let mut command: Command = test.command(&["preview", "--json"]);
    let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut stdout = child.stdout.take().unwrap();
    let (mut peak, mut written) = (0, 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = stdout.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        written += read as u64;
        // The program goes on only as fast as it is read, so that the last reading is close to its end.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        peak = peak.max(line.trim().trim_end_matches(" kB").parse().unwrap_or(0));
    }
    assert!(child.wait().unwrap().success());
    (peak, written)
}

#[test]
fn memory_stays_flat_however_large_the_backlog() {
    let (small, few) = peak_memory_kb(40);
    let (large, many) = peak_memory_kb(400);
    assert!(many > 9 * few && many > 24 << 20, "{few} and {many} bytes");
    // Ten times the backlog, 23 MB more of it: a batch or two of difference is chance.
    assert!(large < small + 4 * 1024, "{small} kB for {few} bytes, {large} kB for {many}");
}
