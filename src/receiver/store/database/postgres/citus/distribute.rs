//! The distribution of a store over the workers of a cluster.
//!
//! Invariants: each table is distributed in a transaction of its own, which a kill undoes and the next attempt repeats; in that
//! transaction alone its row-level security is off, under a lock that lets nobody read it; as many rows come out as went in; of
//! the rows nothing stays behind on the coordinator.

use super::super::access::access_of_table;
use super::super::roles::RoleNames;
use super::super::statement::{row, rows, store_error};
use super::tables::DISTRIBUTED_TABLES;
use crate::receiver::store::error::{Result, StoreError};
use serde::Serialize;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Number of shards of a table that is distributed; none of one that is not.
const SELECT_SHARDS: &str = "\
    SELECT count(*) FROM pg_dist_partition p JOIN pg_dist_shard s USING (logicalrelid) \
    WHERE p.logicalrelid = to_regclass($1) AND p.partmethod = 'h'";
/// Bytes of the rows that were there before the table was distributed.
const SELECT_LOCAL_BYTES: &str = "SELECT pg_relation_size(to_regclass($1))";
const TRUNCATE_LOCAL: &str = "SELECT truncate_local_data_after_distributing_table(to_regclass($1))";

/// Number of the shard of a tenant, and true if it has no other tenant.
const SELECT_SHARD_OF: &str = "\
    SELECT shardid, shardminvalue = shardmaxvalue FROM pg_dist_shard WHERE logicalrelid = to_regclass($1) \
    AND shardid = get_shard_id_for_distribution_column(to_regclass($1), $2)";
const ISOLATE: &str = "SELECT isolate_tenant_to_new_shard(to_regclass($1), $2, 'CASCADE', shard_transfer_mode => 'block_writes')";

/// A table of a distributed store.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DistributedTable {
    /// Name of the table.
    pub table: &'static str,
    /// Number of its shards.
    pub shards: i64,
    /// Rows that were moved to the workers; null for a table that was distributed before.
    pub rows_moved: Option<i64>,
}

/// Distributes a table, unless it is distributed already, colocated with the first one.
pub async fn distribute_table(client: &Client, table: &'static str, shards: u32) -> Result<DistributedTable> {
    let existing = shards_of(client, table).await?;
    if existing > 0 {
        return Ok(DistributedTable { table, shards: existing, rows_moved: None });
    }
    // One connection to each worker, so that the statements on the shards see each other.
    run(client, "SET LOCAL citus.multi_shard_modify_mode = 'sequential'").await?;
    run(
        client,
        &format!(
            "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
        ),
    )
    .await?;
    let before = count(client, table).await?;
    let [first, ..] = DISTRIBUTED_TABLES;
    let place = match table == first {
        true => format!("shard_count => {shards}, colocate_with => 'none'"),
        false => format!("colocate_with => '{first}'"),
    };
    run(client, &format!("SELECT create_distributed_table('{table}', 'tenant_id', {place})")).await?;
    let after = count(client, table).await?;
    if before != after {
        return Err(StoreError::Internal(format!(
            "{table} had {before} rows and has {after}, so that nothing was changed"
        )));
    }
    run(client, &format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")).await?;
    Ok(DistributedTable { table, shards: shards_of(client, table).await?, rows_moved: Some(before) })
}

/// Deletes the rows of a distributed table that are still on the coordinator, where nobody reads them.
pub async fn truncate_local(client: &Client, table: &str) -> Result<()> {
    let bytes: i64 = row(client, SELECT_LOCAL_BYTES, &[(&table, Type::TEXT)]).await?.get(0);
    if bytes > 0 {
        rows(client, TRUNCATE_LOCAL, &[(&table, Type::TEXT)]).await?;
    }
    Ok(())
}

/// Makes row-level security, policies and grants of a table anew, which goes to each of its shards.
pub async fn secure_table(client: &Client, names: &RoleNames, table: &str) -> Result<()> {
    run(client, "SET LOCAL citus.multi_shard_modify_mode = 'sequential'").await?;
    for statement in access_of_table(names, table) {
        run(client, &statement).await?;
    }
    Ok(())
}

/// Gives a tenant a shard of its own in each table, and returns the number of that of the first table. Writes to the shard that it was in
/// wait meanwhile.
pub async fn isolate_tenant(client: &Client, tenant: &str) -> Result<i64> {
    let [first, ..] = DISTRIBUTED_TABLES;
    let params = [(&first as _, Type::TEXT), (&tenant as _, Type::TEXT)];
    let shard = row(client, SELECT_SHARD_OF, &params).await?;
    if shard.get(1) {
        return Ok(shard.get(0));
    }
    Ok(row(client, ISOLATE, &params).await?.get(0))
}

async fn shards_of(client: &Client, table: &str) -> Result<i64> {
    Ok(row(client, SELECT_SHARDS, &[(&table, Type::TEXT)]).await?.get(0))
}

async fn count(client: &Client, table: &str) -> Result<i64> {
    Ok(row(client, &format!("SELECT count(*) FROM {table}"), &[]).await?.get(0))
}

async fn run(client: &Client, statement: &str) -> Result<()> {
    client.batch_execute(statement).await.map_err(|error| store_error(&error))
}
