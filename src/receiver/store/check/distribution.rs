//! The distribution of the store over a cluster, and the check of its servers.

use crate::receiver::store::audit::{AuditEntry, DISTRIBUTION, record};
use crate::receiver::store::database::{Database, DbRole, DistributedStore};
use crate::receiver::store::directory::{TenantKind, tenant_id};
use crate::receiver::store::error::Result;
use crate::receiver::store::open::Store;

impl Store {
    /// Distributes the tables of tenants over the workers of the cluster, in so many shards each, and gives an organization shards of
    /// its own.
    pub async fn distribute(&self, shards: u32, isolated: Option<&str>) -> Result<DistributedStore> {
        let db = self.db.require_cluster()?;
        let tenant = match isolated {
            None => None,
            Some(slug) => {
                let tx = self.db.read(DbRole::Operator).await?;
                let id = tenant_id(&tx, TenantKind::Organization, slug).await?;
                tx.commit().await?;
                Some(id)
            }
        };
        let distributed = db.distribute(shards, tenant.as_deref()).await?;
        let mut target = format!("{} shards on {}", distributed.shards, distributed.workers.join(" "));
        if let Some(tenant) = tenant {
            target = format!("{target}, one for {tenant}");
        }
        self.operate(async |tx| record(tx, &AuditEntry::command(DISTRIBUTION, &target)).await).await?;
        Ok(distributed)
    }

    /// Servers of the store's cluster that do not answer its coordinator, as `host:port`.
    pub async fn silent_workers(&self) -> Result<Vec<String>> {
        match &self.db {
            Database::Postgres(db) => db.silent_workers().await,
            Database::Sqlite(_) => Ok(Vec::new()),
        }
    }
}
