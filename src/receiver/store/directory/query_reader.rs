//! The reads of one GraphQL query, on behalf of its user.
//!
//! Invariants: a query has one transaction at a time, on connections that batches do not use, so that many fields do not
//! hold many connections; a statement has a deadline, and all rows of a query share one budget.

use super::principal::{Principal, Role};
use crate::receiver::limits::MEMBERS_MAX;
use crate::receiver::prices::PriceList;
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::ReadBudget;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads the store for one query.
#[derive(Clone)]
pub struct QueryReader {
    store: Arc<Store>,
    principal: Arc<Principal>,
    prices: Arc<PriceList>,
    budget: Arc<ReadBudget>,
    /// Permit of the query's one transaction.
    transactions: Arc<Semaphore>,
}

/// A transaction of a query. The next one of the query begins after it.
pub struct QueryTransaction {
    tx: Transaction,
    _permit: OwnedSemaphorePermit,
}

/// The id of no user.
const NOBODY: &str = "-";
const SELECT_LOGINS: &str =
    "SELECT tenant_id, handle FROM tenants WHERE kind = 'user' AND tenant_id IN {list:$1}";
const SELECT_USER_ID: &str =
    "SELECT subject FROM directory WHERE tenant_id = 'directory' AND kind = 'user' AND name = $1";
const SELECT_ADMINS: &str = "\
    SELECT m.tenant_id, t.handle FROM members m JOIN tenants t ON t.tenant_id = m.user_id \
    WHERE m.tenant_id IN {list:$1} AND m.role = 'admin' ORDER BY t.handle";
const SELECT_MEMBERS: &str = "\
    SELECT m.tenant_id, t.handle, m.role FROM members m JOIN tenants t ON t.tenant_id = m.user_id \
    WHERE m.tenant_id IN {list:$1} ORDER BY t.handle LIMIT $2";

impl QueryReader {
    /// Creates the reader of a query.
    pub fn new(store: Arc<Store>, principal: Arc<Principal>, prices: Arc<PriceList>) -> QueryReader {
        let transactions = Arc::new(Semaphore::new(1));
        QueryReader { store, principal, prices, budget: Arc::default(), transactions }
    }

    /// The prices by which costs are computed.
    pub fn prices(&self) -> &PriceList {
        &self.prices
    }

    /// The budget of the rows that the query reads.
    pub fn budget(&self) -> &ReadBudget {
        &self.budget
    }

    /// The user of the query.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Begins a transaction whose rows count in the query's budget.
    pub async fn begin(&self, role: DbRole) -> Result<QueryTransaction> {
        self.begin_within(role, Some(self.budget.clone())).await
    }

    /// Begins a transaction whose rows the caller bounds.
    pub async fn begin_unbudgeted(&self, role: DbRole) -> Result<QueryTransaction> {
        self.begin_within(role, None).await
    }

    async fn begin_within(&self, role: DbRole, budget: Option<Arc<ReadBudget>>) -> Result<QueryTransaction> {
        let permit = self.transactions.clone().acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable("shutting down".to_owned()))?;
        let tx = self.store.db.query(role, budget).await?;
        Ok(QueryTransaction { tx, _permit: permit })
    }

    /// The logins of users, by id. The caller passes only ids that the reader has seen.
    pub async fn logins(&self, ids: Vec<String>) -> Result<HashMap<String, String>> {
        let tx = self.begin(DbRole::Directory).await?;
        let rows = tx.query(SELECT_LOGINS, &[ids.into()]).await?;
        tx.commit().await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }

    /// The id of the user with this login, or of nobody: an unknown login costs the same statements as a known one, so that
    /// its time tells nothing. The rows of that user are filtered where they are read.
    pub async fn user_id_or_nobody(&self, login: &str) -> Result<String> {
        let tx = self.begin(DbRole::Directory).await?;
        let row = tx.query_one(SELECT_USER_ID, &[login.into()]).await?;
        tx.commit().await?;
        row.map_or_else(|| Ok(NOBODY.to_owned()), |row| row.text(0))
    }

    /// The logins of the admins of the reader's organizations, by tenant: those who read what the reader stores there.
    pub async fn admins(&self) -> Result<HashMap<String, Vec<String>>> {
        let tenants: Vec<String> =
            self.principal.memberships.iter().map(|membership| membership.tenant_id.clone()).collect();
        let tx = self.begin(DbRole::Directory).await?;
        let mut admins: HashMap<String, Vec<String>> = HashMap::new();
        for row in tx.query(SELECT_ADMINS, &[tenants.into()]).await? {
            admins.entry(row.text(0)?).or_default().push(row.text(1)?);
        }
        tx.commit().await?;
        Ok(admins)
    }

    /// Login and role of the members of organizations, by tenant. Only the admins of an organization see the other
    /// members.
    pub async fn members(&self, tenants: &[String]) -> Result<HashMap<String, Vec<(String, Role)>>> {
        let mut members: HashMap<String, Vec<(String, Role)>> = HashMap::new();
        let mut admin_of = Vec::new();
        for membership in &self.principal.memberships {
            match membership.role {
                _ if !tenants.contains(&membership.tenant_id) => {}
                Role::Admin => admin_of.push(membership.tenant_id.clone()),
                Role::Member => {
                    let own = vec![(self.principal.login.clone(), Role::Member)];
                    members.insert(membership.tenant_id.clone(), own);
                }
            }
        }
        if admin_of.is_empty() {
            return Ok(members);
        }
        let tx = self.begin(DbRole::Directory).await?;
        let limit = i64::try_from(MEMBERS_MAX).unwrap_or(i64::MAX);
        for row in tx.query(SELECT_MEMBERS, &[admin_of.into(), limit.into()]).await? {
            let role = Role::parse(&row.text(2)?).unwrap_or(Role::Member);
            members.entry(row.text(0)?).or_default().push((row.text(1)?, role));
        }
        tx.commit().await?;
        Ok(members)
    }
}

impl Deref for QueryTransaction {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.tx
    }
}

impl QueryTransaction {
    /// Ends the transaction.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}
