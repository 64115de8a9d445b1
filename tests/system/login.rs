//! `login` from the code to the first delivered session, with the real programs on both stores.

use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use crate::end_to_end::machine::Machine;
use crate::support::han_db::{HanDb, conditions};
use crate::support::running_receiver::stores;

#[test]
fn machine_that_is_approved_delivers_and_one_that_has_logged_out_does_not() {
    for store in stores() {
        let (_team, receiver) = (store.create_team(), store.serve_with(&["--key-lifetime", "6d"]));
        let mut machine = Machine::new(&receiver.base, "");
        machine.unset("apiKey");
        let db = HanDb::create(machine.database());
        conditions::more_of_everything(&db, &db.organization_session(), 12);

        let mut login = machine.spawn(&["login", "--json"]);
        let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
        let code = lines.find_map(|line| {
            let line = line.unwrap();
            line.rsplit_once("user_code=").map(|(_, rest)| rest[..9].to_owned())
        });
        let code = code.expect("a code on stderr");
        store.admin(&format!("device approve {code} --user alice"));
        let mut document = String::new();
        login.stdout.take().unwrap().read_to_string(&mut document).unwrap();
        assert!(login.wait().unwrap().success(), "{document}");
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["login"], "alice", "{document}");

        let report = machine.run();
        assert_eq!(report["sessionsSent"], 1, "{report}");
        assert_eq!(
            store.query("SELECT count(*) FROM messages"),
            [[Some(report["messagesSent"].to_string())]]
        );
        let conditions = machine.run_with(&["status", "--json"])["conditions"].to_string();
        assert!(
            conditions.contains("KEY_EXPIRES_SOON") && conditions.contains("han-sync login"),
            "{conditions}"
        );
        machine.run_with(&["logout", "--json"]);
        let refused = machine.spawn(&["all", "--json"]).wait_with_output().unwrap();
        assert_eq!(refused.status.code(), Some(78), "there is no key any more");
        let keys = store.admin("key list alice");
        let revoked = keys.as_array().unwrap().iter().filter(|key| !key["revokedAt"].is_null());
        let labels: Vec<_> = revoked.map(|key| &key["label"]).collect();
        assert!(labels.len() == 1 && labels[0] != &json!(""), "{keys}");
    }
}
