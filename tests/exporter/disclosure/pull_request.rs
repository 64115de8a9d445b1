//! A session's pull request and team: from han's columns and the transcript's own lines, and only where they may leave.

use rusqlite::params;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;

const OWN: &str = "https://github.com/acme-corp/api";

/// Sets han's columns of a session.
fn set_columns(test: &ExporterTest, session: &str, number: i64, url: Option<&str>, team: Option<&str>) {
    let sql = "UPDATE sessions SET pr_number = ?2, pr_url = ?3, team_name = ?4 WHERE id = ?1";
    test.db.conn().execute(sql, params![session, number, url, team]).unwrap();
}

/// Adds a line of the transcript that names a pull request, as han stores it.
fn link(test: &ExporterTest, session: &str, number: i64, url: &str) {
    let id = test.add_messages(session, 1).remove(0);
    let raw = json!({"type": "pr-link", "uuid": id, "sessionId": session, "prNumber": number, "prUrl": url,
                     "prRepository": "acme-corp/api"});
    let sql = "UPDATE messages SET message_type = 'unknown', role = NULL, raw_json = ?2 WHERE id = ?1";
    test.db.conn().execute(sql, params![id, raw.to_string()]).unwrap();
}

/// Number and address of the pull request, and the team, in the last chunk that was sent of a session.
fn sent(test: &ExporterTest, session: &str) -> Value {
    let requests = test.receiver.requests();
    let bodies = requests.iter().filter_map(|request| request.body.as_deref());
    let payloads = bodies.filter_map(|body| serde_json::from_slice::<Value>(body).ok());
    let mut sessions =
        payloads.flat_map(|payload| payload["sessions"].as_array().cloned().unwrap_or_default());
    let last = sessions.rfind(|sent| sent["id"] == session).expect("the session was sent");
    json!([last["prNumber"], last["prUrl"], last["teamName"]])
}

#[test]
fn columns_of_han_are_sent_and_a_change_of_them_is_one() {
    let test = ExporterTest::new();
    let session = test.session(OWN, 2);
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session), json!([null, null, null]));
    set_columns(
        &test,
        &session,
        7,
        Some("https://alice:pw@github.com/Acme-Corp/api/pull/7?token=x#c"),
        Some("core"),
    );
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session), json!([7, "https://github.com/Acme-Corp/api/pull/7", "core"]));
    let before = test.receiver.requests().len();
    test.run_json(&[], 0);
    assert_eq!(test.receiver.requests().len(), before, "nothing new");
    set_columns(&test, &session, 8, Some("https://github.com/acme-corp/api/pull/8"), Some("core"));
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session), json!([8, "https://github.com/acme-corp/api/pull/8", "core"]));
    test.assert_delivered();
}

#[test]
fn a_pull_request_leaves_only_by_an_address_in_a_repository_that_may_leave() {
    for (url, is_sent) in [
        ("https://github.com/acme-corp/api/pull/7", true),
        ("https://github.com/acme-corp/web/pull/7", true),
        ("https://github.com/acme-corp/secret/pull/7", false),
        ("https://github.com/acme-corp/secret/pull/7/files", false),
        ("https://github.com/acme-corp/api/../secret/pull/7", false),
        ("https://github.com/acme-corp/api-secret/pull/7", true),
        ("https://github.com/alice/dotfiles/pull/7", false),
        ("https://github.com/stranger/api/pull/7", false),
        ("https://gitlab.com/acme-corp/api/-/merge_requests/7", false),
        ("https://tracker.example/7", false),
        ("file:///home/alice/7", false),
        ("", false),
    ] {
        let test = ExporterTest::new();
        test.set("forceExclude", "[acme-corp/secret]");
        let session = test.session(OWN, 1);
        set_columns(&test, &session, 7, Some(url), None);
        test.run_json(&[], 0);
        let expected = if is_sent { json!([7, url, null]) } else { json!([null, null, null]) };
        assert_eq!(sent(&test, &session), expected, "{url}");
    }
    let test = ExporterTest::new();
    let session = test.session(OWN, 1);
    set_columns(&test, &session, 7, None, None);
    test.run_json(&[], 0);
    assert_eq!(
        sent(&test, &session),
        json!([null, null, null]),
        "without an address nobody knows whose it is"
    );
}

#[test]
fn a_session_that_is_no_organizations_has_neither() {
    let test = ExporterTest::new();
    test.set("forceInclude", "[stranger/*]");
    let remote = "https://github.com/stranger/api";
    let session = test.session(remote, 1);
    set_columns(&test, &session, 7, Some(&format!("{remote}/pull/7")), Some("core"));
    link(&test, &session, 7, &format!("{remote}/pull/7"));
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session), json!([null, null, null]));
}

#[test]
fn the_last_line_that_names_a_permitted_one_counts_unless_han_has_its_own() {
    let test = ExporterTest::new();
    let session = test.session(OWN, 1);
    link(&test, &session, 7, "https://github.com/acme-corp/api/pull/7");
    link(&test, &session, 8, "https://u:p@github.com/acme-corp/api/pull/8");
    link(&test, &session, 9, "https://github.com/stranger/api/pull/9");
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session), json!([8, "https://github.com/acme-corp/api/pull/8", null]));
    link(&test, &session, 10, "https://github.com/acme-corp/api/pull/10");
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session)[0], 10);
    let before = test.receiver.requests().len();
    test.run_json(&[], 0);
    assert_eq!(test.receiver.requests().len(), before, "a line is sent once");
    set_columns(&test, &session, 11, Some("https://github.com/acme-corp/api/pull/11"), None);
    link(&test, &session, 12, "https://github.com/acme-corp/api/pull/12");
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session)[0], 11, "han's own column wins");
    test.assert_delivered();
}

#[test]
fn an_older_database_without_the_columns_has_lines_alone() {
    let test = ExporterTest::new();
    let session = test.session(OWN, 1);
    for column in ["pr_number", "pr_url", "team_name"] {
        test.db.conn().execute_batch(&format!("ALTER TABLE sessions DROP COLUMN {column}")).unwrap();
    }
    link(&test, &session, 7, "https://github.com/acme-corp/api/pull/7");
    test.run_json(&[], 0);
    assert_eq!(sent(&test, &session)[0], 7);
    test.assert_delivered();
}
