//! Upkeep of a running receiver: it deletes what is older than the operator wants to keep.

use crate::support::running_receiver::*;
use serde_json::json;

#[test]
fn messages_older_than_asked_for_are_deleted_from_the_start_on_and_sums_stay() {
    for store in stores() {
        let team = store.create_team();
        let now = chrono::Utc::now().to_rfc3339();
        let young = with(message("young", 1), json!({"timestamp": now}));
        {
            let receiver = store.serve();
            let response =
                receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("old", 0), young])]);
            assert_eq!(response.status, 200, "{}", response.text);
        }
        let receiver = store.serve_with(&["--prune-older-than", "30d"]);
        let messages = || store.query("SELECT message_id FROM messages");
        wait_until("the old message to be deleted", || messages().len() == 1);
        assert_eq!(messages(), [[Some("young".to_owned())]]);
        wait_until("the log to say so", || receiver.log().contains("\"pruned\""));
        let identity = receiver.client(&team.alice).get("/api/sync/identity").body;
        assert!(identity["retainedSince"].is_string(), "{identity}");
        drop(receiver);
        // A day more, so that nothing is due though midnight passes meanwhile.
        let receiver = store.serve_with(&["--prune-older-than", "31d"]);
        wait_until("another start", || receiver.log().contains("nothing is to be pruned before tomorrow"));
        let prunes = || store.query("SELECT 1 FROM audit WHERE action = 'prune'").len();
        assert_eq!(prunes(), 1, "what was done is not repeated");
        drop(receiver);
        store.admin("org create later --owner github.com/later");
        let receiver = store.serve_with(&["--prune-older-than", "31d"]);
        wait_until("the new organization to be pruned", || prunes() == 2);
        let sums = "{ metrics(from: \"2025-01-01\", to: \"2099-12-31\", groupBy: []) { messages } }";
        assert_eq!(receiver.client(&team.alice).graphql_data(sums)["metrics"][0]["messages"], 2);
    }
}
