//! Operators' commands that come between the acceptance of a batch and its storage, or beside one another.

use crate::support::running_receiver::*;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

/// An accepted batch, whose body the receiver waits for.
pub struct AcceptedBatch {
    stream: TcpStream,
    body: Vec<u8>,
}

impl AcceptedBatch {
    pub fn send_head(receiver: &RunningReceiver, key: &str, body: Vec<u8>) -> AcceptedBatch {
        let mut stream = TcpStream::connect(receiver.base.strip_prefix("http://").unwrap()).unwrap();
        let head = format!(
            "POST /api/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\
             expect: 100-continue\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The receiver asks for the body once it has looked up the key.
        let mut word = [0; 12];
        stream.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"HTTP/1.1 100");
        AcceptedBatch { stream, body }
    }

    pub fn finish(mut self) -> String {
        self.stream.write_all(&self.body).unwrap();
        let mut response = String::new();
        self.stream.read_to_string(&mut response).unwrap();
        response.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// Sessions for an organization and for the private space, with rows in every table.
pub fn everywhere() -> Vec<u8> {
    let task = json!([{"id": "t", "status": "completed", "subject": "x", "createdAt": "2025-03-01T00:00:00Z",
                       "updatedAt": "2025-03-01T00:00:00Z"}]);
    let row = with(message("m", 0), json!({"usageId": "u", "outputTokens": 3}));
    let in_acme = with(session("in-acme", ACME, vec![row.clone()]), json!({"tasks": task}));
    let private = with(session("private", "x", vec![row]), json!({"inclusion": "personal"}));
    sealed("c", &[in_acme, private])
}

fn tenant_ids(store: &TestStore, handle: &str) -> String {
    store.query(&format!("SELECT tenant_id FROM tenants WHERE handle = '{handle}'"))[0][0].clone().unwrap()
}

const TABLES: [&str; 7] =
    ["sessions", "messages", "tasks", "usages", "metrics", "clients", "session_locations"];

#[test]
fn a_user_who_is_removed_while_their_batch_is_on_its_way_leaves_no_rows() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let accepted = AcceptedBatch::send_head(&receiver, &team.alice, everywhere());
        store.admin("user remove alice --yes");
        let body = accepted.finish();
        assert!(body.contains("a valid API key is required"), "{body}");
        for table in TABLES {
            let rows = store.query(&format!("SELECT * FROM {table}"));
            assert!(rows.is_empty(), "{table}: {rows:?}");
        }
    }
}

#[test]
fn an_organization_that_is_removed_while_a_batch_is_on_its_way_gets_no_rows() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let accepted = AcceptedBatch::send_head(&receiver, &team.alice, everywhere());
        let acme = tenant_ids(&store, "acme");
        store.admin("org remove acme --yes");
        let body = accepted.finish();
        assert!(body.contains("REPO_NOT_ACCEPTED") && body.contains("\"processed\":1"), "{body}");
        for table in TABLES {
            let column = if table == "session_locations" { "stored_in" } else { "tenant_id" };
            let rows = store.query(&format!("SELECT * FROM {table} WHERE {column} = '{acme}'"));
            assert!(rows.is_empty(), "{table}: {rows:?}");
        }
        assert_eq!(store.query("SELECT session_id FROM sessions"), [[Some("private".to_owned())]]);
    }
}

#[test]
fn a_membership_that_ends_while_a_batch_is_on_its_way_stores_nothing_in_the_organization() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let accepted = AcceptedBatch::send_head(&receiver, &team.alice, everywhere());
        store.admin("member remove acme alice");
        let body = accepted.finish();
        assert!(body.contains("REPO_NOT_ACCEPTED") && body.contains("\"processed\":1"), "{body}");
        assert_eq!(store.query("SELECT session_id FROM sessions"), [[Some("private".to_owned())]]);
        let acme = tenant_ids(&store, "acme");
        assert!(store.query(&format!("SELECT * FROM clients WHERE tenant_id = '{acme}'")).is_empty());
    }
}

/// Holds the lock of a user until somebody waits for it, and changes a location before it lets go.
fn change_location_under_the_lock(store: &TestStore, user: &str, change: &str) {
    let wait = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                WHERE NOT granted AND locktype = 'advisory' AND datname = current_database()) \
                LOOP PERFORM pg_sleep(0.02); END LOOP; END $$";
    store.execute(&format!(
        "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('{user}', 0)); {wait}; \
         UPDATE session_locations SET {change}; COMMIT"
    ));
}

#[test]
fn a_location_that_changes_before_the_lock_is_held_is_read_again() {
    let Some(store) = postgres() else { return };
    let (team, receiver) = (store.create_team(), store.serve());
    receiver.client(&team.dave).sync(&[session("s", ACME, vec![message("m", 0)])]);
    let (dave, globex) = (tenant_ids(&store, "dave"), tenant_ids(&store, "globex"));
    let held = "SELECT * FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                WHERE granted AND locktype = 'advisory' AND datname = current_database()";
    for (change, command, expected) in [
        (format!("stored_in = '{globex}'"), "session move s --user dave --to globex", "is there already"),
        ("forgotten_at = 1".to_owned(), "session move s --user dave --private", "was forgotten"),
    ] {
        thread::scope(|scope| {
            scope.spawn(|| change_location_under_the_lock(&store, &dave, &change));
            wait_until("the lock to be held", || !store.query(held).is_empty());
            let (code, _, stderr) = store.try_admin(command);
            assert_eq!(code, 65, "{stderr}");
            assert!(stderr.contains(expected), "{stderr}");
        });
    }
    assert_eq!(store.query("SELECT count(*) FROM messages"), [[Some("1".to_owned())]]);
}
