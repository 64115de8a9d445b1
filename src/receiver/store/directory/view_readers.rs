//! Roles of PostgreSQL that read an organization's views for dashboards, `han_team.daily` and `han_team.sessions`.
//!
//! Invariant: a role reads an organization while it has both its row and PostgreSQL's grant, so that a role that is created under
//! the name of a former one reads nothing.

use super::names::{TenantKind, tenant_id};
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::{Row, Value};
use serde::Serialize;

const INSERT_READER: &str = "\
    INSERT INTO view_readers (tenant_id, reader) VALUES ($1, $2) ON CONFLICT (tenant_id, reader) DO NOTHING";
const DELETE_READER: &str = "DELETE FROM view_readers WHERE tenant_id = $1 AND reader = $2";
/// Rows of a former role of that name, which went without them.
const DELETE_FORMER: &str = "DELETE FROM view_readers WHERE reader = $1";
const COUNT_ORGANIZATIONS: &str = "SELECT count(*) FROM view_readers WHERE reader = $1";
const SELECT_READERS: &str = "\
    SELECT t.handle, r.reader FROM view_readers r JOIN tenants t ON t.tenant_id = r.tenant_id ORDER BY t.handle, r.reader";

/// A role that reads an organization's views.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewReader {
    /// Slug of the organization.
    pub organization: String,
    /// Name of the role.
    pub role: String,
}

impl Store {
    /// Lets a role read the views of an organization.
    pub async fn add_view_reader(&self, slug: &str, role: &str) -> Result<()> {
        let postgres = self.db.require_postgres()?;
        let tx = self.db.read(DbRole::Operator).await?;
        tenant_id(&tx, TenantKind::Organization, slug).await?;
        tx.commit().await?;
        let is_new = postgres.add_view_reader(role).await?;
        self.operate(async |tx| {
            let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
            if is_new {
                tx.execute(DELETE_FORMER, &[role.into()]).await?;
            }
            tx.execute(INSERT_READER, &[Value::from(&organization), role.into()]).await?;
            record(tx, &AuditEntry::command("reader.add", format!("{role} of {organization}"))).await
        })
        .await
    }

    /// Ends the right of a role to read the views of an organization.
    pub async fn remove_view_reader(&self, slug: &str, role: &str) -> Result<()> {
        let postgres = self.db.require_postgres()?;
        let organizations = self
            .operate(async |tx| {
                let organization = tenant_id(tx, TenantKind::Organization, slug).await?;
                if tx.execute(DELETE_READER, &[Value::from(&organization), role.into()]).await? == 0 {
                    return Err(StoreError::refused(format!(
                        "the role {role} does not read the views of {slug}: han-sync-receiver admin reader list names those that do"
                    )));
                }
                record(tx, &AuditEntry::command("reader.remove", format!("{role} of {organization}"))).await?;
                let left = tx.query_one(COUNT_ORGANIZATIONS, &[role.into()]).await?;
                left.map_or(Ok(0), |row| row.int(0))
            })
            .await?;
        if organizations == 0 {
            postgres.remove_view_reader(role).await?;
        }
        Ok(())
    }

    /// All roles that read views.
    pub async fn view_readers(&self) -> Result<Vec<ViewReader>> {
        self.db.require_postgres()?;
        let tx = self.db.read(DbRole::Operator).await?;
        let rows = tx.query(SELECT_READERS, &[]).await?;
        tx.commit().await?;
        let read = |row: &Row| Ok(ViewReader { organization: row.text(0)?, role: row.text(1)? });
        rows.iter().map(read).collect()
    }
}
