//! Servers of a cluster that fail, come back and are added while batches are delivered: nothing acknowledged is lost or doubled.

use crate::support::cluster::{Cluster, shards};
use crate::support::load::Load;
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Batches that are acknowledged before a fault, and again after it.
fn batches() -> usize {
    if std::env::var("HAN_SYNC_OPERATE").is_ok_and(|form| form == "long") { 300 } else { 40 }
}

/// Runs a load while `fault` happens to the cluster, and checks all that was acknowledged.
fn under_load(fault: impl FnOnce(&Cluster, &TestStore, &RunningReceiver)) {
    let Some(cluster) = Cluster::own() else { return };
    let store = cluster.store();
    let team = store.create_team();
    let receiver = store.serve_with(&["--rate", "1000000"]);
    let load = Load::around(&receiver, &team, batches(), || fault(&cluster, &store, &receiver));
    cluster.wait_for_prepared_transactions(&store);
    let stored = load.assert_stored(&store);
    assert_sums_equal_a_recount(&store);
    assert_eq!(store.admin("check")["faults"], json!([]));
    wait_until("the receiver to be ready", || receiver.client("").get("/readyz").status == 200);
    // The same by GraphQL, as the organization's admin.
    let query = "{ metrics(from: \"2025-01-01\", to: \"2025-12-31\", groupBy: [ORGANIZATION]) { messages sessions } }";
    let data = receiver.client(&team.bob).graphql_data(query);
    let row = &data["metrics"][0];
    assert_eq!(row["messages"], json!(2 * stored), "{data}");
    assert_eq!(row["sessions"], json!(stored), "{data}");
}

#[test]
fn worker_that_is_killed_and_started_again_loses_nothing_and_readyz_names_it() {
    under_load(|cluster, _, receiver| {
        cluster.stop(1);
        wait_until("readyz to name the worker", || {
            let response = receiver.client("").get("/readyz");
            response.status == 503 && response.text.contains(cluster.server(1))
        });
        cluster.start(1);
    });
}

#[test]
fn coordinator_that_is_killed_and_started_again_loses_nothing() {
    under_load(|cluster, _, receiver| {
        cluster.stop(0);
        assert_eq!(receiver.client("").get("/readyz").status, 503);
        cluster.start(0);
    });
}

#[test]
fn worker_that_is_added_takes_shards_with_their_security_while_batches_are_delivered() {
    under_load(|cluster, store, _| {
        cluster.add_worker(store);
        store.execute("SELECT rebalance_table_shards('sessions', shard_transfer_mode => 'block_writes')");
        let servers: BTreeSet<usize> =
            shards(cluster, store, "messages").into_iter().map(|shard| shard.1).collect();
        assert!(servers.contains(&3), "the new worker has shards: {servers:?}");
        assert_eq!(store.admin("distribute")["faults"], json!([]));
    });
}
