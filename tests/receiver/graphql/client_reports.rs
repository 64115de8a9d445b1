//! Reports of clients of themselves: stored with their batches, read by their users and the admins of the organizations.

use crate::support::running_receiver::*;
use serde_json::{Value, json};

const FIELDS: &str = "version os pendingSessions pendingMessages pendingSince conditions";

/// Sends sessions with a report, or without one where it is null.
fn sync(client: &HttpClient, report: Value, sessions: &[Value]) -> HttpResponse {
    let mut payload = unsealed("c1", sessions);
    if !report.is_null() {
        payload["client"] = report;
    }
    client.post("/api/sync", &[], payload.to_string().as_bytes())
}

fn status(client: &HttpClient) -> Value {
    let query = format!("{{ syncStatus {{ user organization {FIELDS} }} }}");
    client.graphql_data(&query)["syncStatus"].clone()
}

fn report() -> Value {
    json!({"version": "0.1.0", "os": "linux", "pendingSessions": 3, "pendingMessages": 1200,
           "pendingSince": "2025-03-01T00:00:00.000Z", "conditions": ["HOOK_MISSING", "OVERDUE"]})
}

#[test]
fn the_last_report_of_a_client_is_shown_to_its_user_and_to_admins() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let [alice, bob, carol, dave] =
            [&team.alice, &team.bob, &team.carol, &team.dave].map(|key| receiver.client(key));
        assert_eq!(sync(&alice, report(), &[session("s", ACME, vec![message("m", 0)])]).status, 200);
        let as_reported = |row: &Value, organization: Value| {
            assert_eq!(row, &with(report(), json!({"user": "alice", "organization": organization})));
        };
        as_reported(&status(&alice)[0], Value::Null);
        as_reported(&status(&bob)[0], json!("acme"));
        assert_eq!(
            (status(&carol), status(&dave)),
            (json!([]), json!([])),
            "another organization, and a member"
        );

        // A client of another make says nothing of itself, and takes nothing back.
        assert_eq!(sync(&alice, Value::Null, &[]).status, 200);
        as_reported(&status(&alice)[0], Value::Null);
        // A heartbeat reports as well, and replaces the whole report.
        let idle = json!({"version": "0.2.0", "os": "macos", "pendingSessions": 0, "pendingMessages": 0,
                          "pendingSince": null, "conditions": []});
        assert_eq!(sync(&alice, idle.clone(), &[]).status, 200);
        assert_eq!(status(&bob)[0], with(idle, json!({"user": "alice", "organization": "acme"})));
        // An odd one rejects nothing: what cannot be stored is absent.
        let odd = json!({"version": "v".repeat(2_000), "os": 5, "pendingSessions": -1, "pendingMessages": 12,
                         "pendingSince": "soon", "conditions": ["<script>", "PAUSED", null, "PAUSED"], "more": [1]});
        let response = sync(&alice, odd, &[session("t", ACME, vec![message("n", 0)])]);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(
            status(&alice)[0],
            json!({"user": "alice", "organization": null, "version": null, "os": null, "pendingSessions": null,
                   "pendingMessages": 12, "pendingSince": null, "conditions": ["PAUSED"]})
        );
        for report in [json!(7), json!("x"), json!([1])] {
            assert_eq!(sync(&alice, report, &[]).status, 200);
        }
        assert_eq!(status(&alice)[0]["pendingMessages"], 12);
        // It is part of what is held of a person, and goes with the person.
        let (exported, _) = store.admin_text(&["export", "--user", "alice"]);
        assert!(
            exported.contains("\"pendingMessages\":12") && exported.contains("\"conditions\":[\"PAUSED\"]"),
            "{exported}"
        );
    }
}

#[test]
fn a_rejected_batch_reports_all_the_same() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let alice = receiver.client(&team.alice);
        assert_eq!(sync(&alice, report(), &[session("s", GLOBEX, vec![])]).status, 422);
        assert_eq!(status(&alice)[0]["conditions"], json!(["HOOK_MISSING", "OVERDUE"]));
    }
}

#[test]
fn a_store_of_the_schema_before_is_migrated_with_its_clients() {
    for store in stores() {
        let team = {
            let (team, receiver) = (store.create_team(), store.serve());
            receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
            team
        };
        // As the first schema was.
        let columns =
            ["version", "os", "pending_sessions", "pending_messages", "pending_since", "conditions"];
        let drops: Vec<String> =
            columns.iter().map(|column| format!("ALTER TABLE clients DROP COLUMN {column};")).collect();
        let later = "DROP INDEX sessions_by_repository; DROP INDEX sessions_by_pull_request; DROP INDEX tasks_in_order; \
                     DROP TABLE page_sessions; DROP TABLE provider_accounts; DROP TABLE view_readers; \
                     ALTER TABLE tenants DROP COLUMN oidc_group; ALTER TABLE tenants DROP COLUMN oidc_admin_group; \
                     ALTER TABLE tenants DROP COLUMN left_groups_at; \
                     ALTER TABLE members DROP COLUMN group_role; ALTER TABLE members DROP COLUMN assigned_role; \
                     DELETE FROM migrations WHERE number >= 2";
        // One by one: on a cluster a change of the schema is a message of its own.
        let statements = drops.concat() + later;
        statements.split(';').for_each(|statement| store.execute(statement));
        let receiver = store.serve();
        let alice = receiver.client(&team.alice);
        let none = json!({"user": "alice", "organization": null, "version": null, "os": null, "pendingSessions": null,
                          "pendingMessages": null, "pendingSince": null, "conditions": []});
        assert_eq!(status(&alice)[0], none);
        assert_eq!(sync(&alice, report(), &[]).status, 200);
        assert_eq!(status(&alice)[0]["version"], "0.1.0");
    }
}
