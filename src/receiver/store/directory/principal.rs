//! The principal: the user behind a request, and what that user may see.

use crate::receiver::store::audit::{Actor, AuditEntry};
use crate::receiver::store::database::{Transaction, Visibility};
use crate::receiver::store::error::Result;
use crate::receiver::time;
use std::net::IpAddr;

/// The user of a key, with the memberships and accounts at the time of the request.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Id of the key.
    pub key_id: String,
    /// End of the key's validity, in microseconds.
    pub key_expires_at: Option<i64>,
    /// Also the tenant id of the user's private space.
    pub user_id: String,
    /// Login name of the user.
    pub login: String,
    /// Own accounts of the user.
    pub accounts: Vec<String>,
    /// Sorted by slug.
    pub memberships: Vec<Membership>,
    /// Microseconds; of the private space.
    pub retained_since: Option<i64>,
    /// Address from which the request comes.
    pub address: Option<IpAddr>,
    /// True if the user may make keys: with memberships from a provider's groups only after a sign-in through it.
    pub may_make_keys: bool,
}

/// An organization that the user belongs to.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Id of the tenant.
    pub tenant_id: String,
    /// Slug of the organization.
    pub slug: String,
    /// Name of the organization.
    pub name: String,
    /// Role of the user in the organization.
    pub role: Role,
    /// Owners of the organization's repositories.
    pub owners: Vec<String>,
    /// Microseconds; of the organization.
    pub retained_since: Option<i64>,
}

/// A member's role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees the own sessions, and sums without persons.
    Member,
    /// Sees everything.
    Admin,
}

impl Role {
    /// Parses `member` or `admin`.
    pub fn parse(text: &str) -> Option<Role> {
        match text {
            "member" => Some(Role::Member),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }

    /// Name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Admin => "admin",
        }
    }
}

impl Principal {
    /// The membership of the organization that is stored as this tenant.
    pub fn membership(&self, tenant_id: &str) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.tenant_id == tenant_id)
    }

    /// The rows of a tenant that this user sees; `None` if the tenant is neither the user's private space nor one of the
    /// user's organizations.
    pub fn visibility(&self, tenant_id: &str) -> Option<Visibility> {
        if tenant_id == self.user_id {
            return Some(Visibility::Own);
        }
        Some(match self.membership(tenant_id)?.role {
            Role::Admin => Visibility::All,
            Role::Member => Visibility::Own,
        })
    }

    /// The private space and the organizations.
    pub fn tenants(&self) -> Vec<String> {
        let organizations = self.memberships.iter().map(|membership| membership.tenant_id.clone());
        std::iter::once(self.user_id.clone()).chain(organizations).collect()
    }

    /// The start of a tenant's retention; `None` where everything is retained, and for a tenant that is not the user's.
    pub fn retained_since_of(&self, tenant_id: &str) -> Option<i64> {
        if tenant_id == self.user_id {
            self.retained_since
        } else {
            self.membership(tenant_id)?.retained_since
        }
    }

    /// The time before which none of the user's tenants stores messages. The private space always counts, because
    /// sessions that were forced in go there even for a user without accounts.
    pub fn nothing_older_than(&self) -> Option<i64> {
        let organizations = self.memberships.iter().map(|membership| membership.retained_since);
        // `None` sorts before every time: one tenant that retains everything is enough.
        std::iter::once(self.retained_since).chain(organizations).min().flatten()
    }

    /// The entry of the audit log for an action of the user; `outcome` is `done` or `refused`.
    pub fn audit_entry(&self, action: &'static str, target: String, outcome: &'static str) -> AuditEntry {
        AuditEntry {
            at: time::now_us(),
            actor: Actor::User(self.user_id.clone()),
            action,
            target,
            address: self.address.map(|address| address.to_string()),
            outcome,
            count: 1,
        }
    }

    /// Enters a tenant as a reader, and returns the only user whose rows are visible, or an empty text for an admin;
    /// `None` if the tenant is not the reader's.
    pub async fn enter(&self, tx: &Transaction, tenant: &str) -> Result<Option<String>> {
        let Some(visibility) = self.visibility(tenant) else { return Ok(None) };
        tx.enter(tenant, &self.user_id, visibility).await?;
        Ok(Some(match visibility {
            Visibility::Own => self.user_id.clone(),
            Visibility::All => String::new(),
        }))
    }
}
