//! `admin user import`: all users of a list, or none.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

/// Writes a list beside the store, and imports it.
fn import(store: &TestStore, lines: &[Value]) -> (i32, Value, String) {
    let text: String = lines.iter().map(|line| format!("{line}\n\n")).collect();
    import_text(store, &text)
}

fn import_text(store: &TestStore, text: &str) -> (i32, Value, String) {
    let path = store.folder.path().join("users.jsonl");
    std::fs::write(&path, text).unwrap();
    let (code, stdout, stderr) = store.try_admin(&format!("user import {}", path.display()));
    (code, serde_json::from_str(&stdout).unwrap_or_default(), stderr)
}

#[test]
fn list_makes_users_memberships_accounts_and_keys_and_a_second_time_only_keys() {
    for store in stores() {
        store.admin("org create acme --owner github.com/acme-corp");
        store.admin("org create globex --owner github.com/globex");
        store.admin("user create bob --org acme --role admin");
        let lines = [
            json!({"login": "alice", "organizations": ["acme", "globex"], "accounts": ["github.com/alice"],
                   "key": {"label": "laptop", "expires": "90d"}}),
            json!({"login": "bob", "organizations": ["acme"]}),
            json!({"login": "carol", "organizations": ["globex"], "role": "admin", "key": {}}),
        ];
        let (code, imported, stderr) = import(&store, &lines);
        assert_eq!(code, 0, "{stderr}");
        let created: Vec<&Value> = imported.as_array().unwrap().iter().map(|user| &user["created"]).collect();
        assert_eq!(created, [true, false, true]);
        assert!(imported[0]["key"]["expiresAt"].is_string() && imported[2]["key"]["expiresAt"].is_null());
        let key = imported[0]["key"]["key"].as_str().unwrap();
        let receiver = store.serve();
        let identity = receiver.client(key).get("/api/sync/identity").body;
        assert_eq!(
            (&identity["login"], &identity["accounts"]),
            (&json!("alice"), &json!(["github.com/alice"]))
        );
        let members = store.admin("member list acme");
        assert_eq!(
            members,
            json!([{"organization": "acme", "login": "alice", "role": "member"},
                   {"organization": "acme", "login": "bob", "role": "admin"}]),
            "a role that the list does not name stays"
        );
        let (code, again, stderr) = import(&store, &lines[1..]);
        assert!(code == 0 && again[1]["created"] == false && again[1]["key"]["key"].is_string(), "{stderr}");
        assert_eq!(store.admin("key list carol").as_array().unwrap().len(), 2);
        assert_eq!(store.admin("user list").as_array().unwrap().len(), 3);
    }
}

#[test]
fn list_with_a_mistake_imports_nobody_and_names_the_line() {
    for store in stores() {
        store.admin("org create acme");
        let first = r#"{"login": "alice", "organizations": ["acme"]}"#;
        for (second, code, said) in [
            (r#"{"login": "bob", "organizations": ["nobody"]}"#, 65, "nobody"),
            (r#"{"login": "b o b"}"#, 65, "b o b"),
            (r#"{"login": "bob", "accounts": ["nothing"]}"#, 65, "nothing"),
            (r#"{"login": "bob", "role": "king"}"#, 64, "king"),
            (r#"{"login": "bob", "key": {"expires": "soon"}}"#, 64, "soon"),
            (r#"{"login": "bob", "organisations": []}"#, 64, "organisations"),
            (r#"{"login": "alice"}"#, 64, "line 1"),
            (r#"{"organizations": []}"#, 64, "login"),
            ("login,organization", 64, "expected"),
        ] {
            let (found, _, stderr) = import_text(&store, &format!("{first}\n\n{second}\n"));
            assert_eq!(found, code, "{second}: {stderr}");
            assert!(stderr.contains("line 3") && stderr.contains(said), "{second}: {stderr}");
        }
        assert_eq!(store.admin("user list"), json!([]));
    }
    let (code, _, stderr) = sqlite().try_admin("user import /nowhere");
    assert!(code != 0 && stderr.contains("there is no store"), "{stderr}");
}

#[test]
fn list_that_is_too_long_is_refused_and_never_cut() {
    let store = sqlite();
    store.admin("org create acme");
    let line = format!("{}\n", json!({"login": "alice", "organizations": ["acme"]}));
    let blank = "\n".repeat(16 << 20);
    let (code, _, stderr) = import_text(&store, &format!("{line}{blank}"));
    assert!(code == 64 && stderr.contains("larger than 16777216 bytes"), "{code} {stderr}");
    assert!(stderr.contains("nothing was imported"), "{stderr}");
    assert_eq!(store.admin("user list"), json!([]));
    let (code, _, stderr) = import_text(&store, &format!("{line}{}", &blank[line.len()..]));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn list_that_is_imported_again_without_keys_changes_nothing_and_audits_nothing() {
    for store in stores() {
        store.admin("org create acme --owner github.com/acme-corp");
        let lines = [
            json!({"login": "alice", "organizations": ["acme"], "role": "admin", "accounts": ["github.com/alice"]}),
            json!({"login": "bob", "organizations": ["acme"], "role": "member"}),
        ];
        let state = || {
            (store.admin("member list acme"), store.query("SELECT action, entry FROM audit ORDER BY entry"))
        };
        assert_eq!(import(&store, &lines).0, 0);
        let (members, entries) = state();
        let of_members = entries.iter().filter(|entry| entry[0].as_deref() == Some("member.set")).count();
        assert_eq!(of_members, 2, "{entries:?}");
        assert_eq!(import(&store, &lines).0, 0);
        assert_eq!(state(), (members, entries));
        // A role that differs is set.
        let (code, _, stderr) =
            import(&store, &[json!({"login": "bob", "organizations": ["acme"], "role": "admin"})]);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(store.admin("member list acme")[1]["role"], "admin");
        assert_eq!(store.query("SELECT 1 FROM audit WHERE action = 'member.set'").len(), 3);
    }
}
