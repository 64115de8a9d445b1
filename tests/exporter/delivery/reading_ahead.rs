//! A run with several batches reads rows on several threads: the same bytes leave as from one, in the same batches, and
//! nothing that the database says at another moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::exporter_test::{ExporterTest, github_token};
use crate::support::han_db::{CONDITIONS, HanDb, ORGANIZATION_REMOTE};

/// Messages of three batches and more, in sessions of every kind and size.
fn several_batches() -> ExporterTest {
    let test = ExporterTest::with_sessions(&[1_500, 63, 64, 65, 1]);
    for (_, condition) in CONDITIONS {
        let session = test.db.organization_session();
        test.db.transaction(|db| condition(db, &session, 130));
    }
    for (number, session) in test.sessions.iter().enumerate() {
        test.say(session, &format!("the token is {}", github_token(number)));
    }
    test.add_large_message(&test.sessions[1], 1 << 20);
    test.add_messages(&test.sessions[2], 300);
    test
}

#[test]
fn all_is_delivered_once_by_several_threads() {
    for content in ["false", "true"] {
        let test = several_batches();
        test.set("includeContent", content);
        let (report, _) = test.run_json(&[], 0);
        assert!(report["batches"].as_u64().unwrap() > 3, "{report}");
        assert_eq!(report["batches"], report["attempts"], "{report}");
        let elsewhere = test.db.strings("SELECT id FROM sessions WHERE project_id IS NULL", []);
        test.assert_delivered_but(&elsewhere.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(test.receiver.alice().messages_again, 0, "messages were sent again");
        test.assert_idle();
    }
}

#[test]
fn batches_that_several_threads_read_keep_the_limits() {
    const BYTES: usize = 24 << 10;
    const MESSAGES: usize = 90;
    let test = several_batches();
    test.set("batchBytes", &BYTES.to_string());
    test.set("batchSize", &MESSAGES.to_string());
    for content in ["false", "true"] {
        test.set("includeContent", content);
        test.forget_state();
        test.run_json(&[], 0);
    }
    // Hundreds of sessions of which nothing but a field has changed, and a few with a new message.
    let added: Vec<String> = (0..300).map(|_| test.session(ORGANIZATION_REMOTE, 1)).collect();
    test.run_json(&[], 0);
    for (number, session) in added.iter().enumerate() {
        test.db.set_session_slug(session, Some("another-name"));
        test.add_messages(session, usize::from(number % 50 == 0));
    }
    let before = test.receiver.batches().len();
    test.run_json(&[], 0);
    let batches = test.receiver.batches();
    assert!(batches.len() > before + 2, "{} batches for 300 sessions", batches.len() - before);
    for batch in batches {
        let (messages, sessions) = (batch.messages().count(), batch.session_ids().len());
        assert!(messages <= MESSAGES, "{messages} messages");
        // One message alone may be larger.
        let bytes = batch.body.as_ref().map_or(0, Vec::len);
        assert!(sessions <= 1 || bytes < BYTES + (4 << 10), "{bytes} bytes in {sessions} sessions");
    }
}

/// Between two of the exporter's reads the sessions move to a repository that is not sent, with rows that may not leave, and
/// back. At no moment may those rows be sent.
#[test]
fn rows_and_rules_of_different_moments_are_never_combined() {
    let test = ExporterTest::with_sessions(&[60; 100]);
    let excluded = test.db.project_of_remote("https://github.com/stranger/secret.git");
    let included = test.db.project_of(&test.sessions[0]).unwrap();
    let is_over = AtomicBool::new(false);
    let path = test.database();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let db = HanDb::open(&path);
            let mut moves = 0;
            while !is_over.load(Ordering::Relaxed) {
                for (project, role) in [(&excluded, "of-a-stranger"), (&included, "user")] {
                    db.transaction(|db| {
                        db.conn().execute("UPDATE sessions SET project_id = ?1", [project]).unwrap();
                        db.conn()
                            .execute("UPDATE messages SET role = ?1 WHERE line_number = 59", [role])
                            .unwrap();
                    });
                    moves += 1;
                }
            }
            moves
        });
        for _ in 0..8 {
            test.run(&["all"]);
            test.forget_state();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0, "nothing was moved");
    });
    test.run(&["all"]).exits(0);
    let requests = test.receiver.requests();
    let messages: Vec<_> = requests.iter().flat_map(|request| request.messages()).collect();
    assert!(messages.len() > 1_000, "{} messages", messages.len());
    let sent = messages.iter().filter(|message| message.role.as_deref() == Some("of-a-stranger")).count();
    assert_eq!(sent, 0);
}

/// Comparison of one processor with all, which `taskset` decides.
#[cfg(target_os = "linux")]
mod one_processor {
    use std::fs;
    use std::process::{Command, Stdio};

    use serde_json::Value;

    use super::several_batches;
    use crate::support::exporter_test::ExporterTest;
    use crate::support::sandbox::RunningProgram;

    /// The processors that this process may use: `0-3`, `2,5`.
    fn processors() -> String {
        let status = fs::read_to_string("/proc/self/status").expect("the process's status");
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        line.expect("a list of processors").trim().to_owned()
    }

    fn first_of(processors: &str) -> &str {
        processors.split(['-', ',']).next().unwrap_or_default()
    }

    /// The batches that a program previews that may use these processors, but for the times at which they were made.
    fn previewed(test: &ExporterTest, processors: &str) -> Vec<Value> {
        let usual = test.command(&["preview", "--json"]);
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", processors]).arg(usual.get_program()).args(usual.get_args()).env_clear();
        command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut document = RunningProgram::new(child.expect("taskset")).wait().exits(0).json();
        let mut batches = std::mem::take(document["batches"].as_array_mut().expect("batches"));
        for batch in &mut batches {
            for member in ["timestamp", "cursor", "checksum"] {
                batch[member].take();
            }
            for session in batch["sessions"].as_array_mut().expect("sessions") {
                session["lastModified"].take();
            }
        }
        batches
    }

    #[test]
    fn several_threads_make_the_batches_that_one_makes() {
        let test = several_batches();
        for content in ["false", "true"] {
            test.set("includeContent", content);
            let allowed = processors();
            let (one, all) = (previewed(&test, first_of(&allowed)), previewed(&test, &allowed));
            assert!(one.len() > 3, "too few batches");
            assert_eq!(one.len(), all.len());
            for (number, (one, all)) in one.iter().zip(&all).enumerate() {
                assert!(one == all, "batch {number} differs, content {content}");
                assert!(!all.to_string().contains("ghp_"), "a secret leaves");
            }
        }
    }
}
