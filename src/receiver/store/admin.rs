//! The directory as the operator keeps it: organizations, users, memberships, owners, keys.
//!
//! Invariant: a name in the directory and the row that it names come and go in one transaction.

use super::db::{DbRole, Result, Row, StoreError, Tx, Value};
use super::directory::{Role, owners_of};
use super::{Store, with_retries};
use crate::protocol::remote::Owner;
use crate::receiver::{keys, time};
use serde::Serialize;

const OWNERS: &str = "SELECT tenant_id, owner FROM owners WHERE tenant_id IN {list:$1} ORDER BY owner";

/// A key as it may be shown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    pub id: String,
    pub login: String,
    pub prefix: String,
    pub label: String,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
    pub last_used_at: Option<String>,
}

/// A key, this once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    pub key: String,
    pub id: String,
    pub login: String,
    pub prefix: String,
    pub label: String,
    pub expires_at: Option<String>,
}

/// An organization or a user as it is listed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantInfo {
    pub id: String,
    /// Slug or login.
    pub handle: String,
    pub name: String,
    pub owners: Vec<String>,
    pub created_at: String,
    pub retained_since: Option<String>,
}

/// A membership as it is listed.
#[derive(Debug, Clone, Serialize)]
pub struct MemberInfo {
    pub organization: String,
    pub login: String,
    pub role: &'static str,
}

/// The two kinds of tenants, by what the directory calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantKind {
    Organization,
    User,
}

impl TenantKind {
    fn as_str(self) -> &'static str {
        match self {
            TenantKind::Organization => "organization",
            TenantKind::User => "user",
        }
    }

    fn id_prefix(self) -> &'static str {
        match self {
            TenantKind::Organization => "org",
            TenantKind::User => "usr",
        }
    }
}

const NAMED: &str = "SELECT subject FROM directory WHERE tenant_id = 'directory' AND kind = $1 AND name = $2";
const NAME: &str = "\
    INSERT INTO directory (tenant_id, kind, name, subject) VALUES ('directory', $1, $2, $3) \
    ON CONFLICT (tenant_id, kind, name) DO NOTHING";
const UNNAME: &str = "DELETE FROM directory WHERE tenant_id = 'directory' AND kind = $1 AND name = $2";
const KEYS: &str = "\
    SELECT k.key_id, t.handle, k.prefix, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at \
    FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id \
    WHERE $1 = '' OR k.tenant_id = $1 ORDER BY t.handle, k.created_at, k.key_id";
const KEY_NEW: &str = "\
    INSERT INTO api_keys (tenant_id, key_id, hash, prefix, label, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const MEMBER_SET: &str = "\
    INSERT INTO members (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role";

impl Store {
    /// Runs an operator's change again while others are in its way.
    async fn operate<T>(&self, work: impl AsyncFn(&Tx) -> Result<T>) -> Result<T> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            let done = work(&tx).await?;
            tx.commit().await?;
            Ok(done)
        })
        .await
    }

    /// Creates an organization with its owners; gives back its id.
    pub async fn create_organization(&self, slug: &str, name: &str, owners: &[String]) -> Result<String> {
        check_handle(slug)?;
        self.operate(async |tx| {
            let id = create_tenant(tx, TenantKind::Organization, slug, name).await?;
            for owner in owners {
                add_owner(tx, TenantKind::Organization, &id, owner).await?;
            }
            Ok(id)
        })
        .await
    }

    /// Creates a user with memberships and own accounts; gives back the user's id.
    pub async fn create_user(
        &self,
        login: &str,
        organizations: &[String],
        accounts: &[String],
        role: Role,
    ) -> Result<String> {
        check_handle(login)?;
        self.operate(async |tx| {
            let id = create_tenant(tx, TenantKind::User, login, login).await?;
            for slug in organizations {
                set_member(tx, slug, login, role).await?;
            }
            for account in accounts {
                add_owner(tx, TenantKind::User, &id, account).await?;
            }
            Ok(id)
        })
        .await
    }

    /// Makes a key; `expires` is microseconds from now.
    pub async fn create_key(&self, login: &str, label: &str, expires: Option<i64>) -> Result<NewKey> {
        let random = |error: getrandom::Error| StoreError::Internal(error.to_string());
        let key = keys::new_key().map_err(random)?;
        let id = keys::new_id("key").map_err(random)?;
        let now = time::now_us();
        let expires_at = expires.map(|span| now.saturating_add(span));
        self.operate(async |tx| {
            let user = tenant(tx, TenantKind::User, login).await?;
            let hash = keys::hash(&key);
            let params = ["key".into(), Value::from(&hash), Value::from(&user)];
            tx.execute(NAME, &params).await?;
            let prefix = keys::visible_prefix(&key);
            let params = [
                user.into(),
                Value::from(&id),
                hash.into(),
                prefix.into(),
                label.into(),
                now.into(),
                expires_at.into(),
            ];
            tx.execute(KEY_NEW, &params).await
        })
        .await?;
        Ok(NewKey {
            prefix: keys::visible_prefix(&key).to_owned(),
            key,
            id,
            login: login.to_owned(),
            label: label.to_owned(),
            expires_at: expires_at.map(time::rfc3339),
        })
    }

    /// Keys of one user, or of all.
    pub async fn keys(&self, login: Option<&str>) -> Result<Vec<KeyInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let user = match login {
            Some(login) => tenant(&tx, TenantKind::User, login).await?,
            None => String::new(),
        };
        let rows = tx.query(KEYS, &[user.into()]).await?;
        tx.commit().await?;
        rows.iter().map(read_key).collect()
    }

    /// Revokes a key, named by its id or by enough of its prefix; gives back its id.
    pub async fn revoke_key(&self, named: &str) -> Result<String> {
        self.operate(async |tx| {
            let sql = "SELECT tenant_id, key_id FROM api_keys WHERE key_id = $1 OR prefix = $1";
            // Someone may paste the whole key.
            let named = if named.starts_with("han_") { keys::visible_prefix(named) } else { named };
            let rows = tx.query(sql, &[named.into()]).await?;
            let [row] = rows.as_slice() else {
                return Err(StoreError::refused(match rows.len() {
                    0 => "there is no such key",
                    _ => "several keys begin so: name one by its id",
                }));
            };
            let id = row.text(1)?;
            let sql = "UPDATE api_keys SET revoked_at = $3 WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL";
            tx.execute(sql, &[row.text(0)?.into(), Value::from(&id), time::now_us().into()]).await?;
            Ok(id)
        })
        .await
    }

    /// All organizations or all users.
    pub async fn tenants(&self, kind: TenantKind) -> Result<Vec<TenantInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let sql = "SELECT tenant_id, handle, title, created_at, retained_since FROM tenants WHERE kind = $1 ORDER BY handle";
        let rows = tx.query(sql, &[kind.as_str().into()]).await?;
        let ids = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
        let mut owners = owners_of(&tx, OWNERS, &[ids.into()]).await?;
        tx.commit().await?;
        let read = |row: &Row| {
            let id = row.text(0)?;
            Ok(TenantInfo {
                owners: owners.remove(&id).unwrap_or_default(),
                id,
                handle: row.text(1)?,
                name: row.text(2)?,
                created_at: time::rfc3339(row.int(3)?),
                retained_since: row.opt_int(4)?.map(time::rfc3339),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Gives an organization or a user another slug or login, and another name where one is given.
    pub async fn rename(&self, kind: TenantKind, from: &str, to: &str, name: Option<&str>) -> Result<()> {
        check_handle(to)?;
        self.operate(async |tx| {
            let id = tenant(tx, kind, from).await?;
            if from != to {
                tx.execute(UNNAME, &[kind.as_str().into(), from.into()]).await?;
                claim(tx, kind.as_str(), to, &id).await?;
            }
            let sql = "UPDATE tenants SET handle = $2, title = coalesce($3, title) WHERE tenant_id = $1";
            let title = name.map(str::to_owned).or((kind == TenantKind::User).then(|| to.to_owned()));
            tx.execute(sql, &[id.into(), to.into(), title.into()]).await?;
            Ok(())
        })
        .await
    }

    /// Removes an organization or a user with everything that is stored in it.
    pub async fn remove(&self, kind: TenantKind, handle: &str) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant(tx, kind, handle).await?;
            tx.execute(
                "DELETE FROM directory WHERE tenant_id = 'directory' AND subject = $1",
                &[Value::from(&id)],
            )
            .await?;
            for table in [
                "owners",
                "members",
                "api_keys",
                "session_locations",
                "sessions",
                "messages",
                "tasks",
                "usages",
                "metrics",
                "clients",
                "tenants",
            ] {
                tx.execute(&format!("DELETE FROM {table} WHERE tenant_id = $1"), &[Value::from(&id)]).await?;
            }
            // A user leaves no trace in organizations but their sums; an organization's sessions may come again.
            let elsewhere: &[&str] = match kind {
                TenantKind::Organization => &["DELETE FROM session_locations WHERE stored_in = $1"],
                TenantKind::User => &[
                    "DELETE FROM members WHERE user_id = $1",
                    "DELETE FROM sessions WHERE user_id = $1",
                    "DELETE FROM messages WHERE user_id = $1",
                    "DELETE FROM tasks WHERE user_id = $1",
                    "DELETE FROM usages WHERE user_id = $1",
                    "DELETE FROM clients WHERE user_id = $1",
                ],
            };
            for sql in elsewhere {
                tx.execute(sql, &[Value::from(&id)]).await?;
            }
            Ok(())
        })
        .await
    }

    /// Adds an owner of an organization or an account of a user.
    pub async fn add_owner(&self, kind: TenantKind, handle: &str, owner: &str) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant(tx, kind, handle).await?;
            add_owner(tx, kind, &id, owner).await
        })
        .await
    }

    pub async fn remove_owner(&self, kind: TenantKind, handle: &str, owner: &str) -> Result<()> {
        self.operate(async |tx| {
            let id = tenant(tx, kind, handle).await?;
            let owner = normalize(owner)?;
            let sql = "DELETE FROM owners WHERE tenant_id = $1 AND owner = $2";
            if tx.execute(sql, &[id.into(), Value::from(&owner)]).await? == 0 {
                return Err(StoreError::refused(format!("{owner} is not one of {handle}'s")));
            }
            if kind == TenantKind::Organization {
                tx.execute(UNNAME, &["owner".into(), owner.into()]).await?;
            }
            Ok(())
        })
        .await
    }

    /// Makes a user a member, or changes their role.
    pub async fn set_member(&self, slug: &str, login: &str, role: Role) -> Result<()> {
        self.operate(async |tx| set_member(tx, slug, login, role).await).await
    }

    pub async fn remove_member(&self, slug: &str, login: &str) -> Result<()> {
        self.operate(async |tx| {
            let organization = tenant(tx, TenantKind::Organization, slug).await?;
            let user = tenant(tx, TenantKind::User, login).await?;
            let sql = "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2";
            match tx.execute(sql, &[organization.into(), user.into()]).await? {
                0 => Err(StoreError::refused(format!("{login} is no member of {slug}"))),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Members of one organization, or of all.
    pub async fn members(&self, slug: Option<&str>) -> Result<Vec<MemberInfo>> {
        let tx = self.db.read(DbRole::Operator).await?;
        let organization = match slug {
            Some(slug) => tenant(&tx, TenantKind::Organization, slug).await?,
            None => String::new(),
        };
        let sql = "SELECT o.handle, u.handle, m.role FROM members m \
                   JOIN tenants o ON o.tenant_id = m.tenant_id JOIN tenants u ON u.tenant_id = m.user_id \
                   WHERE $1 = '' OR m.tenant_id = $1 ORDER BY o.handle, u.handle";
        let rows = tx.query(sql, &[organization.into()]).await?;
        tx.commit().await?;
        let read = |row: &Row| {
            let role = Role::parse(&row.text(2)?).unwrap_or(Role::Member).as_str();
            Ok(MemberInfo { organization: row.text(0)?, login: row.text(1)?, role })
        };
        rows.iter().map(read).collect()
    }
}

/// The tenant that a slug or login names.
pub(super) async fn tenant(tx: &Tx, kind: TenantKind, handle: &str) -> Result<String> {
    match tx.query_one(NAMED, &[kind.as_str().into(), handle.into()]).await? {
        Some(row) => row.text(0),
        None => Err(StoreError::refused(format!("there is no {} {handle}", kind.as_str()))),
    }
}

async fn create_tenant(tx: &Tx, kind: TenantKind, handle: &str, name: &str) -> Result<String> {
    let id = keys::new_id(kind.id_prefix()).map_err(|error| StoreError::Internal(error.to_string()))?;
    claim(tx, kind.as_str(), handle, &id).await?;
    let sql = "INSERT INTO tenants (tenant_id, kind, handle, title, created_at) VALUES ($1, $2, $3, $4, $5)";
    let params = [Value::from(&id), kind.as_str().into(), handle.into(), name.into(), time::now_us().into()];
    tx.execute(sql, &params).await?;
    Ok(id)
}

/// Takes a name in the directory, unless it is another's.
async fn claim(tx: &Tx, kind: &str, name: &str, subject: &str) -> Result<()> {
    match tx.execute(NAME, &[kind.into(), name.into(), subject.into()]).await? {
        0 => Err(StoreError::refused(format!("the {kind} {name} exists already"))),
        _ => Ok(()),
    }
}

async fn add_owner(tx: &Tx, kind: TenantKind, tenant: &str, owner: &str) -> Result<()> {
    let owner = normalize(owner)?;
    let sql =
        "INSERT INTO owners (tenant_id, owner) VALUES ($1, $2) ON CONFLICT (tenant_id, owner) DO NOTHING";
    let added = tx.execute(sql, &[tenant.into(), Value::from(&owner)]).await?;
    // An owner is one organization's; a person's account claims nothing for others.
    if added == 1 && kind == TenantKind::Organization {
        claim(tx, "owner", &owner, tenant).await?;
    }
    Ok(())
}

async fn set_member(tx: &Tx, slug: &str, login: &str, role: Role) -> Result<()> {
    let organization = tenant(tx, TenantKind::Organization, slug).await?;
    let user = tenant(tx, TenantKind::User, login).await?;
    let params = [organization.into(), user.into(), role.as_str().into(), time::now_us().into()];
    tx.execute(MEMBER_SET, &params).await?;
    Ok(())
}

fn normalize(owner: &str) -> Result<String> {
    let owner = Owner::parse(owner).map_err(|error| {
        StoreError::refused(format!("{owner} is no owner such as github.com/acme-corp: {error}"))
    })?;
    Ok(owner.segments().join("/"))
}

/// Slugs and logins stand in URLs, arguments and answers.
fn check_handle(handle: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    if handle.is_empty() || handle.len() > 100 || handle.starts_with('-') || !handle.chars().all(fits) {
        return Err(StoreError::refused(format!(
            "{handle:?} cannot be a slug or login: 1 to 100 of letters, digits and -_.@+"
        )));
    }
    Ok(())
}

fn read_key(row: &Row) -> Result<KeyInfo> {
    Ok(KeyInfo {
        id: row.text(0)?,
        login: row.text(1)?,
        prefix: row.text(2)?,
        label: row.text(3)?,
        created_at: time::rfc3339(row.int(4)?),
        expires_at: row.opt_int(5)?.map(time::rfc3339),
        revoked_at: row.opt_int(6)?.map(time::rfc3339),
        last_used_at: row.opt_int(7)?.map(time::rfc3339),
    })
}
