//! `admin distribute`.

use crate::support::cluster::{Cluster, on_shard, shard_of, shards};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::thread;

/// Tables that are distributed.
const TABLES: [&str; 7] =
    ["session_locations", "sessions", "messages", "tasks", "usages", "metrics", "clients"];
const SEEN: &str = "{ sessions { edges { node { id user messageCount messages { edges { node { id } } } } } } \
    metrics(from: \"2025-01-01\", to: \"2025-12-31\", groupBy: [ORGANIZATION, REPOSITORY, DAY, TYPE]) \
    { organization repository day type messages outputTokens tasksCompleted } \
    syncStatus { clientId sessions messages } }";

fn number(store: &TestStore, query: &str) -> i64 {
    store.query(query)[0][0].as_deref().unwrap().parse().unwrap()
}

/// Sends a session of each member, and a private one.
fn deliver(team: &Team, receiver: &RunningReceiver, suffix: &str) {
    let task = json!([{"id": "t", "status": "completed", "subject": "", "description": null,
                       "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"}]);
    let rows = || vec![message("m", 0), with(message("n", 1), json!({"usageId": "u", "outputTokens": 5}))];
    for (key, id, remote) in [
        (&team.alice, "of-alice", ACME),
        (&team.bob, "of-bob", ACME),
        (&team.carol, "of-carol", GLOBEX),
        (&team.dave, "of-dave", GLOBEX),
    ] {
        let own =
            with(session(&format!("private-{id}{suffix}"), "x", rows()), json!({"inclusion": "personal"}));
        let sent = with(session(&format!("{id}{suffix}"), remote, rows()), json!({"tasks": task}));
        let response = receiver.client(key).sync(&[sent, own]);
        assert_eq!(response.status, 200, "{} {}", response.text, receiver.log());
    }
}

fn seen(team: &Team, receiver: &RunningReceiver) -> Vec<Value> {
    let of = |key: &String| {
        let mut data = receiver.client(key).graphql_data(SEEN);
        // The order of equal times is that of the ids.
        data["syncStatus"].as_array_mut().unwrap().sort_by_key(Value::to_string);
        data
    };
    [&team.alice, &team.bob, &team.carol, &team.dave].map(of).to_vec()
}

#[test]
fn store_with_data_is_distributed_while_it_serves_and_keeps_all_of_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.database();
    let (team, receiver) = (store.create_team(), store.serve());
    deliver(&team, &receiver, "");
    let before = seen(&team, &receiver);
    let messages = number(&store, "SELECT count(*) FROM messages");
    let first = store.admin("distribute --shards 4");
    assert_eq!((&first["shards"], &first["faults"]), (&json!(4), &json!([])), "{first}");
    assert_eq!(first["shardsSecured"], json!(4 * TABLES.len()));
    assert_eq!(first["workers"], json!([cluster.server(1), cluster.server(2)]));
    let moved = first["tables"].as_array().unwrap().iter().find(|table| table["table"] == "messages");
    assert_eq!(moved.unwrap()["rowsMoved"], messages);
    assert_eq!(seen(&team, &receiver), before);
    deliver(&team, &receiver, "-later");
    deliver(&team, &receiver, "");
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 2 * messages);
    assert_sums_equal_a_recount(&store);
    assert_eq!(store.admin("check")["faults"], json!([]));
    for table in TABLES {
        assert_eq!(
            number(&store, &format!("SELECT pg_relation_size('{table}')")),
            0,
            "rows of {table} stay behind"
        );
        let servers: Vec<usize> = shards(&cluster, &store, table).into_iter().map(|shard| shard.1).collect();
        assert!(servers.contains(&1) && servers.contains(&2), "{table} is on {servers:?}");
    }
    let colocated = "SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE partmethod = 'h'";
    assert_eq!(number(&store, colocated), 1);
    // Once more, it has nothing to do.
    let again = store.admin("distribute --shards 8");
    assert_eq!((&again["shards"], &again["faults"]), (&json!(4), &json!([])));
    assert!(again["tables"].as_array().unwrap().iter().all(|table| table["rowsMoved"].is_null()), "{again}");
    let entries = store.admin("audit");
    let of_distribute =
        entries.as_array().unwrap().iter().filter(|entry| entry["action"] == "store.distribute");
    assert_eq!(of_distribute.count(), 2);
}

#[test]
fn distribution_that_was_killed_serves_meanwhile_and_goes_on() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.database();
    let (team, receiver) = (store.create_team(), store.serve());
    deliver(&team, &receiver, "");
    let before = seen(&team, &receiver);
    let distributed = "SELECT count(*) FROM pg_dist_partition WHERE partmethod = 'h'";
    thread::scope(|scope| {
        // Somebody reads a table in the middle of the order.
        let reads = "BEGIN; LOCK TABLE usages IN ACCESS SHARE MODE; SELECT pg_sleep(600)";
        scope.spawn(|| try_sql(&store.url, reads));
        wait_until("the lock", || {
            number(&store, "SELECT count(*) FROM pg_locks WHERE relation = 'usages'::regclass AND granted")
                > 0
        });
        let mut child = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"))
            .args(["--store", &store.url, "admin", "distribute", "--shards", "4"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the tables before it", || number(&store, distributed) == 4);
        child.kill().unwrap();
        child.wait().unwrap();
        store.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE usages%' AND pid <> pg_backend_pid()");
    });
    assert_eq!(seen(&team, &receiver), before, "a part of the tables is distributed");
    deliver(&team, &receiver, "-between");
    let between = seen(&team, &receiver);
    let resumed = store.admin("distribute --shards 4");
    assert_eq!(resumed["faults"], json!([]));
    let moved = resumed["tables"].as_array().unwrap().iter().filter(|table| !table["rowsMoved"].is_null());
    assert_eq!(moved.count(), 3, "{resumed}");
    assert_eq!(seen(&team, &receiver), between);
    assert_sums_equal_a_recount(&store);
}

#[test]
fn shard_that_has_lost_security_a_policy_or_a_grant_is_found_and_mended() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let request = store.role("request");
    for (table, lost) in [
        ("sessions", "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY".to_owned()),
        ("messages", "ALTER TABLE {} DISABLE ROW LEVEL SECURITY".to_owned()),
        ("tasks", "DROP POLICY request_reads ON {}".to_owned()),
        ("usages", "ALTER POLICY request_reads ON {} USING (true)".to_owned()),
        (
            "metrics",
            "ALTER POLICY request_reads ON {} USING (tenant_id = current_setting('han.tenant', true) OR true)".to_owned(),
        ),
        ("clients", format!("REVOKE UPDATE ON {{}} FROM \"{request}\"")),
        ("session_locations", "ALTER POLICY operator ON {} TO PUBLIC".to_owned()),
    ] {
        let (shard, node) = shards(&cluster, &store, table).remove(1);
        on_shard(&cluster.url_on(&store, node), &lost.replace("{}", &shard));
        let (code, stdout, stderr) = store.try_admin("check");
        assert_eq!(code, 65, "{lost}: {stderr}");
        let check: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(check["faults"].as_array().unwrap().len(), 1, "{lost}: {check}");
        let fault = &check["faults"][0];
        assert_eq!(fault["kind"], "access");
        let text = fault["message"].as_str().unwrap();
        assert!(text.contains(&shard) && text.contains(cluster.server(node)), "{text}");
        assert!(text.contains("admin distribute"), "{text}");
        let mended = store.admin("distribute");
        assert_eq!(mended["faults"], json!([]), "{lost}");
        assert_eq!(store.admin("check")["faults"], json!([]), "{lost}");
    }
    let (shard, node) = shards(&cluster, &store, "messages").remove(0);
    on_shard(&cluster.url_on(&store, node), &format!("DROP TABLE {shard}"));
    let (code, stdout, _) = store.try_admin("check");
    assert!(code != 0 && (stdout.contains("is missing there") || stdout.is_empty()), "{stdout}");
}

#[test]
fn owner_without_superpowers_distributes_what_it_owns() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.database();
    let (_, name) = store.url.rsplit_once('/').unwrap();
    // The cluster's servers tell each other of roles, and go with them.
    store.execute(&format!("CREATE ROLE {name}_owner LOGIN CREATEROLE"));
    for node in [0, 1, 2] {
        let url = cluster.url_on(&store, node);
        sql(
            &url,
            &format!("SET citus.enable_ddl_propagation = off; ALTER DATABASE {name} OWNER TO {name}_owner"),
        );
        sql(
            &url,
            &format!("SET citus.enable_ddl_propagation = off; ALTER SCHEMA public OWNER TO {name}_owner"),
        );
    }
    let owned = TestStore::at(&store.url.replace("han_sync@", &format!("{name}_owner@")));
    let (team, receiver) = (owned.create_team(), owned.serve());
    deliver(&team, &receiver, "");
    let before = seen(&team, &receiver);
    let (code, stdout, stderr) = owned.try_admin("distribute --shards 4");
    assert_eq!(code, 0, "{stdout} {stderr}");
    assert_eq!(seen(&team, &receiver), before);
    deliver(&team, &receiver, "-later");
    assert_eq!(owned.admin("check")["faults"], json!([]));
}

#[test]
fn store_that_cannot_be_distributed_says_what_is_missing() {
    let store = sqlite();
    store.admin("org create acme");
    let (code, _, said) = store.try_admin("distribute");
    assert!(code == 65 && said.contains("SQLite"), "{code} {said}");
    assert_eq!(store.try_admin("distribute --shards 0").0, 64);
    assert_eq!(store.try_admin("distribute --shards many").0, 64);
    if std::env::var_os("HAN_SYNC_TEST_DISTRIBUTED").is_none()
        && let Some(store) = postgres()
    {
        let (code, _, said) = store.try_admin("distribute");
        assert!(code == 65 && said.contains("CREATE EXTENSION citus"), "{code} {said}");
    }
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.database();
    store.admin("org create acme");
    store.execute("SELECT citus_remove_node(nodename, nodeport) FROM pg_dist_node WHERE groupid > 0");
    let (code, _, said) = store.try_admin("distribute");
    assert!(code == 65 && said.contains("citus_add_node"), "{code} {said}");
}

#[test]
fn views_for_dashboards_and_a_cluster_exclude_each_other() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.database();
    store.create_team();
    let reader = format!("{}_dashboards", store.role("request"));
    store.execute(&format!("CREATE ROLE {reader} LOGIN"));
    let (code, _, said) = store.try_admin(&format!("reader add acme {reader}"));
    assert!(code == 65 && said.contains("one server"), "{code} {said}");
    store.admin("distribute --shards 2");
    assert_eq!(store.try_admin(&format!("reader add acme {reader}")).0, 65);
}

#[test]
fn large_organization_gets_a_shard_of_its_own_that_can_be_moved() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = cluster.store();
    let (team, receiver) = (store.create_team(), store.serve());
    deliver(&team, &receiver, "");
    let before = seen(&team, &receiver);
    let isolated = store.admin("distribute --isolate acme");
    assert_eq!(isolated["faults"], json!([]), "{isolated}");
    let acme = "SELECT tenant_id FROM tenants WHERE handle = 'acme'";
    let alone = format!(
        "SELECT count(*) FROM pg_dist_shard WHERE shardminvalue = shardmaxvalue AND shardid IN (SELECT \
         get_shard_id_for_distribution_column(t::regclass, ({acme})) FROM unnest(ARRAY['{}']) AS t)",
        TABLES.join("', '")
    );
    assert_eq!(number(&store, &alone), 7);
    assert_eq!(seen(&team, &receiver), before);
    deliver(&team, &receiver, "-later");
    // To the other worker, as an operator does.
    let (shard, node) = shard_of(&cluster, &store, "sessions", "acme");
    let (from, to) = (cluster.server(node).replace(':', "', "), cluster.server(3 - node).replace(':', "', "));
    let number_of_shard = shard.trim_start_matches("sessions_");
    store.execute(&format!(
        "SELECT citus_move_shard_placement({number_of_shard}, '{from}, '{to}, shard_transfer_mode => 'block_writes')"
    ));
    deliver(&team, &receiver, "-moved");
    assert_eq!(store.admin("check")["faults"], json!([]));
    assert_sums_equal_a_recount(&store);
    // Once more, it is there already.
    assert_eq!(store.admin("distribute --isolate acme")["faults"], json!([]));
    assert_eq!(store.try_admin("distribute --isolate nobody").0, 65);
}
