//! Rows that hold values out of range.

use super::Scene;
use crate::support::han_db::{HanDb, conditions};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::stores;
use serde_json::Value;

#[test]
fn bad_rows_cost_only_themselves() {
    for store in stores() {
        let Scene { store, receiver: _receiver, machine } = Scene::new(store);
        let db = HanDb::create(machine.database());
        let session = db.organization_session();
        conditions::more_of_everything(&db, &session, 60);
        let long_id = "i".repeat(300);
        let ids = db.message_ids(&session);
        let change = |column: &str, value: &str, id: &str| {
            let sql = format!("UPDATE messages SET {column} = ?1 WHERE id = ?2");
            assert_eq!(db.conn().execute(&sql, [value, id]).unwrap(), 1);
        };
        change("input_tokens", "-12", &ids[3]);
        change("agent_id", &long_id, &ids[4]);
        change("timestamp", "yesterday", &ids[5]);
        change("raw_json", &format!("{{\"uuid\":\"{long_id}\"}}"), &ids[6]);
        change("id", &long_id, &ids[6]);
        drop(db);

        let output = machine.spawn(&["--json"]).wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(65), "{report}");
        assert_eq!(report["errors"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(report["errors"][0]["code"], "VALIDATION_ERROR", "{report}");
        let stored: Vec<String> = store
            .query("SELECT message_id FROM messages")
            .into_iter()
            .map(|mut row| row.remove(0).expect("an id"))
            .collect();
        assert!(ids[3..6].iter().all(|id| stored.contains(id)) && !stored.contains(&long_id), "{report}");
        assert_eq!(report["messagesSent"], stored.len());
        assert_eq!(machine.run()["messagesSent"], 0);
        assert_sums_equal_a_recount(&store);
    }
}
