//! Many clients at once: those for whom there is no permit wait their turn instead of being sent away.

use crate::support::running_receiver::*;
use std::thread;

const CLIENTS: usize = 240;

#[test]
fn clients_that_come_at_once_are_served_one_after_the_other() {
    for store in stores() {
        store.admin("org create acme --owner github.com/acme-corp");
        let lines: String = (0..CLIENTS)
            .map(|n| format!("{{\"login\": \"user-{n}\", \"organizations\": [\"acme\"], \"key\": {{}}}}\n"))
            .collect();
        let list = store.folder.path().join("users.jsonl");
        std::fs::write(&list, lines).unwrap();
        let imported = store.admin(&format!("user import {}", list.display()));
        let keys: Vec<String> = keys_of(&imported);
        assert_eq!(keys.len(), CLIENTS, "{imported}");
        let receiver = store.serve_with(&["--in-flight", "16"]);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let sent: Vec<_> = keys
                .iter()
                .enumerate()
                .map(|(n, key)| {
                    let client = receiver.client(key);
                    let batch = [session(&format!("s{n}"), ACME, vec![message("m", 0)])];
                    scope.spawn(move || client.sync(&batch).status)
                })
                .collect();
            sent.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        let refused = statuses.iter().filter(|status| **status != 200).count();
        assert!(refused * 20 <= CLIENTS, "{refused} of {CLIENTS} were sent away");
        assert!(receiver.peak_kib() < 256 << 10, "{} KiB", receiver.peak_kib());
    }
}

/// All keys in a document.
fn keys_of(document: &serde_json::Value) -> Vec<String> {
    match document {
        serde_json::Value::String(text) if text.starts_with("han_") && text.len() > 20 => vec![text.clone()],
        serde_json::Value::Array(values) => values.iter().flat_map(keys_of).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(keys_of).collect(),
        _ => Vec::new(),
    }
}
