//! Requests of a user to forget sessions, and to remove the tombstones.
//!
//! Invariants: a request reaches the sessions of its user alone, and leaves alone those of an organization that does not
//! let members forget, or that the user has left; a large request is several transactions, each of which is complete by
//! itself, so that a repeated request goes on where the last one ended.

use super::removal::delete_sessions;
use crate::receiver::store::audit::record;
use crate::receiver::store::database::{DbRole, Transaction, Visibility};
use crate::receiver::store::directory::Principal;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::Row;
use crate::receiver::store::tables::{
    ForgettableSession, forgettable_sessions, remove_tombstone, remove_tombstones, session_location,
    session_repository, set_tombstones, tenants_with_sessions,
};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// Sessions that one transaction forgets.
const SESSIONS_MAX: usize = 500;
/// Messages that one transaction deletes, beyond those of its first session.
const MESSAGES_MAX: i64 = 20_000;

/// The object of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionSelection {
    /// The session with this id, stored or not.
    Session(String),
    /// The stored sessions of this repository, as a URL.
    Repository(String),
    /// All stored sessions.
    All,
}

/// Outcome of a request to forget.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ForgetOutcome {
    /// Sessions that have a tombstone now.
    pub sessions: u64,
    /// Slugs of the organizations whose sessions stay, because they do not let members forget.
    pub refused: BTreeSet<String>,
    /// Slugs of the organizations whose sessions stay, because the user has left them.
    pub left: BTreeSet<String>,
}

impl ForgetOutcome {
    /// True if sessions stay.
    pub fn is_refused(&self) -> bool {
        !self.refused.is_empty() || !self.left.is_empty()
    }
}

const SELECT_TENANTS: &str = "\
    SELECT tenant_id, handle, members_may_forget FROM tenants WHERE tenant_id = $1 OR tenant_id IN \
    (SELECT tenant_id FROM members WHERE user_id = $1)";

impl Store {
    /// Forgets sessions of the principal as of the time `at`: a tombstone that was removed later does not return, and
    /// what was stored later stays.
    pub async fn forget(
        &self,
        principal: &Principal,
        selection: &SessionSelection,
        at: i64,
    ) -> Result<ForgetOutcome> {
        let user = &principal.user_id;
        let mut outcome = ForgetOutcome::default();
        loop {
            let _user_lock = self.user_locks.acquire(user).await;
            let step = with_retries(async || {
                let tx = self.db.write(DbRole::Request).await?;
                tx.lock_users(vec![user.clone()]).await?;
                let request =
                    ForgetTransaction { tx: &tx, user, tenants: current_tenants(&tx, user).await?, at };
                let done = match selection {
                    SessionSelection::Session(id) => request.forget_one(id).await?,
                    SessionSelection::Repository(repository) => request.forget_some(repository).await?,
                    SessionSelection::All => request.forget_some("").await?,
                };
                done.record(&tx, principal, selection).await?;
                tx.commit().await?;
                Ok(done)
            })
            .await?;
            outcome.sessions += step.outcome.sessions;
            outcome.refused.extend(step.outcome.refused);
            outcome.left.extend(step.outcome.left);
            if step.is_last {
                return Ok(outcome);
            }
        }
    }

    /// Removes tombstones of the principal as of the time `at`, so that the sessions are stored again when they are sent.
    /// A tombstone that is later stays.
    pub async fn restore_forgotten(
        &self,
        principal: &Principal,
        selection: &SessionSelection,
        at: i64,
    ) -> Result<()> {
        let user = &principal.user_id;
        let _user_lock = self.user_locks.acquire(user).await;
        with_retries(async || {
            let tx = self.db.write(DbRole::Request).await?;
            tx.lock_users(vec![user.clone()]).await?;
            current_tenants(&tx, user).await?;
            match selection {
                SessionSelection::Session(id) => remove_tombstone(&tx, user, id, at).await?,
                SessionSelection::Repository(repository) => {
                    remove_tombstones(&tx, user, repository, at).await?;
                }
                SessionSelection::All => remove_tombstones(&tx, user, "", at).await?,
            }
            record(&tx, &principal.audit_entry("session.restore", selection.to_string(), "done")).await?;
            tx.commit().await
        })
        .await
    }
}

/// A tenant of the user: slug or login, and the right to forget what is stored there.
struct ForgetRight {
    handle: String,
    may_forget: bool,
}

/// Enters the private space, and reads the user's tenants under the user's lock. A user who was removed is an error.
async fn current_tenants(tx: &Transaction, user: &str) -> Result<HashMap<String, ForgetRight>> {
    tx.enter(user, user, Visibility::Own).await?;
    let read = |row: &Row| Ok((row.text(0)?, ForgetRight { handle: row.text(1)?, may_forget: row.flag(2)? }));
    let tenants: HashMap<String, ForgetRight> =
        tx.query(SELECT_TENANTS, &[user.into()]).await?.iter().map(read).collect::<Result<_>>()?;
    if tenants.contains_key(user) { Ok(tenants) } else { Err(StoreError::UserRemoved) }
}

/// A request inside one transaction.
struct ForgetTransaction<'a> {
    tx: &'a Transaction,
    user: &'a str,
    tenants: HashMap<String, ForgetRight>,
    at: i64,
}

/// Result of one transaction of a request.
#[derive(Default)]
struct ForgetStep {
    outcome: ForgetOutcome,
    is_last: bool,
}

impl ForgetStep {
    /// Records what was done, and what was refused.
    async fn record(
        &self,
        tx: &Transaction,
        principal: &Principal,
        selection: &SessionSelection,
    ) -> Result<()> {
        let ForgetOutcome { sessions, refused, left } = &self.outcome;
        if *sessions > 0 {
            let target = match selection {
                SessionSelection::Session(_) => selection.to_string(),
                _ => format!("{selection} {sessions} sessions"),
            };
            record(tx, &principal.audit_entry("session.forget", target, "done")).await?;
        }
        if self.is_last && self.outcome.is_refused() {
            let organizations: Vec<&str> = refused.union(left).map(String::as_str).collect();
            let target = format!("{selection} in {}", organizations.join(" "));
            record(tx, &principal.audit_entry("session.forget", target, "refused")).await?;
        }
        Ok(())
    }
}

impl fmt::Display for SessionSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionSelection::Session(id) => write!(f, "session {id}"),
            SessionSelection::Repository(repository) => write!(f, "repository {repository}"),
            SessionSelection::All => f.write_str("all"),
        }
    }
}

impl ForgetTransaction<'_> {
    /// Forgets one session, stored or not.
    async fn forget_one(&self, id: &str) -> Result<ForgetStep> {
        let mut step = ForgetStep { is_last: true, ..ForgetStep::default() };
        let location = session_location(self.tx, self.user, id).await?;
        if location.as_ref().and_then(|location| location.restored_at).is_some_and(|at| at > self.at) {
            return Ok(step);
        }
        let stored_in = location.filter(|location| !location.has_tombstone).and_then(|it| it.tenant_id);
        let mut repository = None;
        if let Some(tenant) = stored_in {
            self.tx.enter(&tenant, self.user, Visibility::Own).await?;
            if !self.may_forget(&tenant, &mut step.outcome).await? {
                return Ok(step);
            }
            repository = session_repository(self.tx, &tenant, self.user, id).await?;
            delete_sessions(self.tx, &tenant, self.user, &[id.to_owned()]).await?;
        }
        let tombstone = std::iter::once((id, repository.as_deref()));
        set_tombstones(self.tx, self.user, tombstone, self.at).await?;
        step.outcome.sessions = 1;
        Ok(step)
    }

    /// Forgets some of the stored sessions, of one repository unless it is empty.
    async fn forget_some(&self, repository: &str) -> Result<ForgetStep> {
        let mut step = ForgetStep::default();
        for tenant in tenants_with_sessions(self.tx, self.user).await? {
            self.tx.enter(&tenant, self.user, Visibility::Own).await?;
            let whose = (self.user, tenant.as_str());
            let mut sessions =
                forgettable_sessions(self.tx, whose, repository, self.at, SESSIONS_MAX).await?;
            if sessions.is_empty() || !self.may_forget(&tenant, &mut step.outcome).await? {
                continue;
            }
            sessions.truncate(first_within(&sessions, MESSAGES_MAX));
            let ids: Vec<String> = sessions.iter().map(|session| session.id.clone()).collect();
            delete_sessions(self.tx, &tenant, self.user, &ids).await?;
            let tombstones = sessions.iter().map(|it| (it.id.as_str(), Some(it.repository.as_str())));
            set_tombstones(self.tx, self.user, tombstones, self.at).await?;
            step.outcome.sessions = sessions.len() as u64;
            return Ok(step);
        }
        step.is_last = true;
        Ok(step)
    }

    /// True if the user may forget what is stored in a tenant, which is entered. Otherwise notes the organization.
    async fn may_forget(&self, tenant: &str, outcome: &mut ForgetOutcome) -> Result<bool> {
        match self.tenants.get(tenant) {
            Some(right) if right.may_forget => return Ok(true),
            Some(right) => outcome.refused.insert(right.handle.clone()),
            None => {
                let sql = "SELECT handle FROM tenants WHERE tenant_id = $1";
                let row = self.tx.query_one(sql, &[tenant.into()]).await?;
                outcome.left.insert(row.map_or(Ok(tenant.to_owned()), |row| row.text(0))?)
            }
        };
        Ok(false)
    }
}

/// The number of sessions from the first on that have at most `messages_max` messages together, and at least one.
fn first_within(sessions: &[ForgettableSession], messages_max: i64) -> usize {
    let sums = sessions.iter().scan(0i64, |sum, session| {
        *sum = sum.saturating_add(session.messages);
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= messages_max).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_is_bounded_in_messages_and_takes_one_session_of_any_size() {
        let session =
            |messages| ForgettableSession { id: String::new(), repository: String::new(), messages };
        let first =
            |sizes: &[i64]| first_within(&sizes.iter().map(|size| session(*size)).collect::<Vec<_>>(), 10);
        assert_eq!(first(&[0, 4, 6, 1]), 3);
        assert_eq!(first(&[11, 1]), 1);
        assert_eq!(first(&[i64::MAX, i64::MAX]), 1);
    }
}
