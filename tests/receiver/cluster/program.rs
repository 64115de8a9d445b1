//! All of the program on a cluster: what is stored once, counted, pruned, moved, forgotten, backed up, exported, erased, shown.

use crate::support::cluster::Cluster;
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;

fn number(store: &TestStore, query: &str) -> i64 {
    store.query(query)[0][0].as_deref().unwrap().parse().unwrap()
}

fn rows(count: i64) -> Vec<Value> {
    (0..count)
        .map(|line| {
            with(
                message(&format!("m{line}"), line),
                json!({"usageId": format!("u{line}"), "outputTokens": 3}),
            )
        })
        .collect()
}

#[test]
fn batch_is_stored_once_in_one_attempt_and_counted_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let team = store.create_team();
    let receiver = RunningReceiver::start_with(&store.url, &[], &[("HAN_SYNC_LOG", "debug")]);
    let batch: Vec<Value> = (0..20).map(|number| session(&format!("s{number}"), ACME, rows(50))).collect();
    for _ in 0..3 {
        let response = receiver.client(&team.alice).sync(&batch);
        assert_eq!(
            (response.status, response.body["processed"].as_i64()),
            (200, Some(20)),
            "{}",
            response.text
        );
    }
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 1_000);
    assert_sums_equal_a_recount(&store);
    assert!(receiver.log().contains("INSERT … SELECT FROM unnest"), "{}", receiver.log());
    assert!(!receiver.log().contains("one by one"), "{}", receiver.log());
}

#[test]
fn rows_that_nobody_expects_are_noticed_and_counted_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let team = store.create_team();
    let receiver = RunningReceiver::start_with(&store.url, &[], &[("HAN_SYNC_LOG", "debug")]);
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.sync(&[session("s", ACME, rows(2))]).status, 200);
    // As no command leaves it: a session's rows are there, and it is not.
    for table in ["session_locations", "sessions"] {
        store.execute(&format!("DELETE FROM {table}"));
    }
    let response = alice.sync(&[session("s", ACME, rows(3)), session("t", ACME, rows(1))]);
    assert_eq!((response.status, &response.body["processed"]), (200, &json!(2)), "{}", response.text);
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 4);
    assert_eq!(number(&store, "SELECT sum(messages)::bigint FROM metrics"), 4);
    assert_eq!(number(&store, "SELECT sum(output_tokens)::bigint FROM metrics"), 9);
    assert!(receiver.log().contains("rows exist that were not expected"), "{}", receiver.log());
}

#[test]
fn backup_with_a_row_twice_restores_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let (team, receiver) = (store.create_team(), store.serve());
    assert_eq!(receiver.client(&team.alice).sync(&[session("s", ACME, rows(3))]).status, 200);
    let path = store.folder.path().join("backup");
    store.admin(&format!("backup {}", path.display()));
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.pop();
    let row = lines.iter().find(|line| line.starts_with("{\"table\":\"messages\"")).copied();
    lines.push(row.expect("a message"));
    let body = lines.join("\n") + "\n";
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let end = format!("{{\"type\":\"end\",\"rows\":{},\"sha256\":\"{digest}\"}}\n", lines.len() - 1);
    fs::write(&path, body + &end).unwrap();
    let target = cluster.store();
    let (code, _, said) = target.try_admin(&format!("restore {}", path.display()));
    assert!(code != 0 && said.contains("messages is there twice"), "{code} {said}");
    assert_eq!(number(&target, "SELECT count(*) FROM messages"), 0);
}

#[test]
fn prune_move_forget_and_erase_work_across_shards() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    let old = with(message("old", 0), json!({"timestamp": "2020-01-01T00:00:00.000Z"}));
    let sent = [
        session("old", ACME, vec![old, message("new", 1)]),
        session("moved", "https://github.com/acme-corp/other", rows(3)),
        session("forgotten", ACME, rows(3)),
        session("forgotten-later", ACME, rows(3)),
    ];
    assert_eq!(alice.sync(&sent).status, 200);
    receiver.client(&team.bob).sync(&[session("of-bob", ACME, rows(3))]);
    let days = (time_since_2021() / 86_400).to_string();
    assert_eq!(store.admin(&format!("prune --older-than {days}d"))["messages"], 1);
    store.admin("session move --user alice --private moved");
    assert_eq!(alice.delete("/api/sync/sessions/forgotten").status, 204);
    assert_eq!(alice.delete(&format!("/api/sync/sessions?repository={ACME}")).status, 204);
    assert_eq!(number(&store, "SELECT count(*) FROM sessions"), 2, "moved, and bob's");
    assert_eq!(store.admin("session list").as_array().unwrap().len(), 2);
    assert_eq!(store.admin("check")["faults"], json!([]));
    let again = alice.sync(&sent);
    assert!(
        again.codes().iter().any(|(id, code)| id == "forgotten" && code == "FORGOTTEN"),
        "{}",
        again.text
    );
    assert_eq!(alice.delete("/api/sync/tombstones?all=true").status, 204);
    assert_eq!(store.admin("check")["faults"], json!([]));
    let (code, exported, _) = store.try_admin("export --user alice");
    assert!(code == 0 && exported.lines().count() > 3, "{exported}");
    let erased = store.admin("erase --user alice --yes");
    assert_eq!(number(&store, "SELECT count(*) FROM sessions"), 1, "{erased}");
    store.admin("org remove acme --yes");
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 0);
    assert_eq!(alice.sync(&sent).status, 401);
}

/// Seconds, so that a prune by age reaches from now to 2021.
fn time_since_2021() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    now - 1_609_459_200
}

#[test]
fn backup_is_restored_to_a_cluster_and_to_one_server() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let (team, receiver) = (store.create_team(), store.serve());
    let alice = receiver.client(&team.alice);
    assert_eq!(alice.sync(&[session("a", ACME, rows(30)), session("b", ACME, rows(2))]).status, 200);
    receiver.client(&team.carol).sync(&[session("c", GLOBEX, rows(5))]);
    let path = store.folder.path().join("backup");
    let made = store.admin(&format!("backup {}", path.display()));
    assert_eq!(made["format"], "ndjson");
    assert!(made["withoutPgDump"].as_str().unwrap().contains("distributed"), "{made}");
    let one_server = cluster.database();
    for target in [cluster.store(), one_server] {
        let restored = target.admin(&format!("restore {}", path.display()));
        assert_eq!(restored["check"]["faults"], json!([]), "{restored}");
        assert_sums_equal_a_recount(&target);
        for table in ["messages", "usages", "metrics", "session_locations", "tenants"] {
            let mut before = store.query(&format!("SELECT * FROM {table}"));
            let mut after = target.query(&format!("SELECT * FROM {table}"));
            before.sort();
            after.sort();
            assert_eq!(before, after, "{table}");
        }
        assert_eq!(target.serve().client(&team.alice).sync(&[session("a", ACME, rows(31))]).status, 200);
    }
}

/// Lines of the plan of a query, as the role of operators or of requests.
fn plan(store: &TestStore, role: &str, query: &str) -> String {
    let role = store.role(role);
    let rows = store.query(&format!("BEGIN; SET LOCAL ROLE {role}; EXPLAIN {query}"));
    rows.into_iter().flatten().flatten().collect::<Vec<_>>().join("\n")
}

#[test]
fn questions_over_all_tenants_are_answered_by_the_workers() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let team = store.create_team();
    store.serve().client(&team.alice).sync(&[session("a", ACME, rows(30))]);
    for query in [
        "SELECT count(*) FROM messages WHERE user_id = 'x'",
        "SELECT count(*) FROM metrics WHERE user_id = 'x'",
        "DELETE FROM messages WHERE user_id = 'x'",
        "DELETE FROM session_locations WHERE stored_in = 'x' AND forgotten_at IS NULL",
        "SELECT s.session_id FROM sessions s JOIN metrics m ON m.tenant_id = s.tenant_id AND m.session_id = s.session_id \
         WHERE m.repository <> s.repository",
        "SELECT s.tenant_id, t.handle, u.handle, s.session_id FROM sessions s JOIN tenants t ON t.tenant_id = s.tenant_id \
         LEFT JOIN tenants u ON u.tenant_id = s.user_id ORDER BY t.handle, s.stored_at, s.session_id",
    ] {
        let plan = plan(&store, "operator", query);
        assert!(plan.contains("Citus Adaptive") && plan.contains("Task Count: 4"), "{query}\n{plan}");
        assert!(!plan.contains("Seq Scan on sessions ") && !plan.contains("Local"), "{query}\n{plan}");
    }
    // A request's question is about one tenant, on one worker.
    let acme = store.query("SELECT tenant_id FROM tenants WHERE handle = 'acme'")[0][0].clone().unwrap();
    for query in [
        format!(
            "SELECT sum(output_tokens) FROM metrics WHERE tenant_id = '{acme}' AND day BETWEEN 1 AND 2 GROUP BY day"
        ),
        format!("SELECT * FROM sessions WHERE tenant_id = '{acme}' ORDER BY stored_at DESC LIMIT 3"),
    ] {
        let plan = plan(&store, "request", &query);
        assert!(plan.contains("Task Count: 1"), "{query}\n{plan}");
    }
}
