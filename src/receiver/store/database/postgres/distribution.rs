//! The store on a cluster: distribution, and the check of its shards.

use super::citus::{
    self, DISTRIBUTED_TABLES, DistributedTable, ShardFault, check_shards, distribute_table, isolate_tenant,
    secure_table, silent_workers, truncate_local,
};
use super::pool::Postgres;
use crate::receiver::store::error::Result;
use serde::Serialize;

/// A store that is distributed over the workers of a cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DistributedStore {
    /// Workers, as `host:port`.
    pub workers: Vec<String>,
    /// Shards of each table.
    pub shards: i64,
    /// Number of the shard that an organization was given for itself.
    pub isolated_shard: Option<i64>,
    /// The distributed tables.
    pub tables: Vec<DistributedTable>,
    /// Shards of all tables whose row-level security, policies and grants are those of their table.
    pub shards_secured: usize,
    /// Sentences about the other shards.
    pub faults: Vec<String>,
}

impl Postgres {
    /// Distributes the tables of tenants over the workers of the cluster, as far as they are not, gives a tenant a shard of its own, and
    /// checks each shard.
    pub async fn distribute(&self, shards: u32, isolated: Option<&str>) -> Result<DistributedStore> {
        let tx = self.begin_definition().await?;
        tx.inspect(citus::prepare(tx.client()?, self.roles())).await?;
        tx.commit().await?;
        let tx = self.begin_definition().await?;
        tx.inspect(citus::require_logins(tx.client()?, self.roles())).await?;
        let workers = tx.inspect(citus::workers(tx.client()?)).await?;
        tx.commit().await?;
        let mut tables = Vec::new();
        for table in DISTRIBUTED_TABLES {
            let tx = self.begin_definition().await?;
            tables.push(tx.inspect(distribute_table(tx.client()?, table, shards)).await?);
            tx.commit().await?;
            let tx = self.begin_definition().await?;
            tx.inspect(truncate_local(tx.client()?, table)).await?;
            tx.commit().await?;
        }
        let mut isolated_shard = None;
        if let Some(tenant) = isolated {
            let tx = self.begin_definition().await?;
            isolated_shard = Some(tx.inspect(isolate_tenant(tx.client()?, tenant)).await?);
            tx.commit().await?;
        }
        let (shards_secured, faults) = self.secure_shards().await?;
        let shards = tables.first().map_or(0, |table| table.shards);
        Ok(DistributedStore { workers, shards, isolated_shard, tables, shards_secured, faults })
    }

    /// Brings back the access to each table of which a shard has lost some. Returns the number of shards whose access is right, and
    /// sentences about the others.
    async fn secure_shards(&self) -> Result<(usize, Vec<String>)> {
        let (_, mut lost) = self.check_shards().await?;
        lost.dedup_by(|one, other| one.table == other.table);
        for table in DISTRIBUTED_TABLES.iter().filter(|table| lost.iter().any(|fault| fault.table == **table))
        {
            let tx = self.begin_definition().await?;
            tx.inspect(secure_table(tx.client()?, self.roles(), table)).await?;
            tx.commit().await?;
        }
        let (shards, faults) = self.check_shards().await?;
        Ok((shards - faults.len(), faults.into_iter().map(|fault| fault.message).collect()))
    }

    /// Workers that do not answer the coordinator, as `host:port`.
    pub async fn silent_workers(&self) -> Result<Vec<String>> {
        if !self.has_citus() {
            return Ok(Vec::new());
        }
        let tx = self.begin_inspection().await?;
        let silent = tx.inspect(silent_workers(tx.client()?)).await?;
        tx.commit().await?;
        Ok(silent)
    }

    /// The number of shards of a distributed store, and those whose access is not that to their table.
    pub async fn check_shards(&self) -> Result<(usize, Vec<ShardFault>)> {
        if !self.has_citus() {
            return Ok((0, Vec::new()));
        }
        let tx = self.begin_definition().await?;
        let checked = tx.inspect(check_shards(tx.client()?, self.schema())).await?;
        tx.commit().await?;
        Ok(checked)
    }
}
