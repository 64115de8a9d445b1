//! Bulk import: users with memberships, accounts and keys, all of them or none.
//!
//! Invariant: importing the same list again changes nothing but the keys that it asks for.

use super::keys::{NewKey, insert_key};
use super::members::ensure_member;
use super::names::{TenantKind, find_tenant};
use super::owners::add_owner;
use super::principal::Role;
use super::tenants::create_user;
use crate::receiver::store::audit::Actor;
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::time;
use serde::Serialize;

/// A user to import.
#[derive(Debug, Clone)]
pub struct UserImport {
    /// Line of the list.
    pub line: usize,
    /// Login name.
    pub login: String,
    /// Slugs of organizations to be a member of.
    pub organizations: Vec<String>,
    /// Role in those organizations; `None`: the one that the user has, or member.
    pub role: Option<Role>,
    /// Own accounts.
    pub accounts: Vec<String>,
    /// Key to create.
    pub key: Option<KeyImport>,
}

/// A key to create.
#[derive(Debug, Clone)]
pub struct KeyImport {
    /// Purpose of the key.
    pub label: String,
    /// Lifetime in microseconds; `None` for an unlimited one.
    pub lifetime_us: Option<i64>,
}

/// An imported user.
#[derive(Debug, Clone, Serialize)]
pub struct ImportedUser {
    /// Login name.
    pub login: String,
    /// Id of the user.
    pub id: String,
    /// True if the user did not exist before.
    pub created: bool,
    /// The new key, shown once.
    pub key: Option<NewKey>,
}

impl Store {
    /// Imports users in one transaction. The error of one names its line.
    pub async fn import_users(&self, users: &[UserImport]) -> Result<Vec<ImportedUser>> {
        self.operate(async |tx| {
            let mut imported = Vec::with_capacity(users.len());
            for user in users {
                imported.push(import(tx, user).await.map_err(|error| at_line(user.line, error))?);
            }
            Ok(imported)
        })
        .await
    }
}

async fn import(tx: &Transaction, user: &UserImport) -> Result<ImportedUser> {
    let UserImport { line: _, login, organizations, role, accounts, key } = user;
    let known = find_tenant(tx, TenantKind::User, login).await?;
    let created = known.is_none();
    let id = match known {
        Some(id) => {
            for slug in organizations {
                ensure_member(tx, slug, login, *role).await?;
            }
            for account in accounts {
                add_owner(tx, TenantKind::User, &id, account).await?;
            }
            id
        }
        None => create_user(tx, login, organizations, accounts, role.unwrap_or(Role::Member)).await?,
    };
    let key = match key {
        Some(KeyImport { label, lifetime_us }) => {
            let expires_at = lifetime_us.map(|span| time::now_us().saturating_add(span));
            Some(insert_key(tx, (&id, login), label, expires_at, (Actor::operator(), None)).await?)
        }
        None => None,
    };
    Ok(ImportedUser { login: login.clone(), id, created, key })
}

/// Names the line of an error that is the list's own.
fn at_line(line: usize, error: StoreError) -> StoreError {
    match error {
        StoreError::Refused(reason) => {
            StoreError::refused(format!("line {line}: {reason}; nothing was imported"))
        }
        other => other,
    }
}
