//! Users of accounts at the provider. An account finds its user by name once, and by its subject from then on, so that
//! nobody gets a user by taking over the user's former name.

use super::admission::ProviderRefusal;
use super::changes::RecordedChanges;
use crate::receiver::provider::ProviderUser;
use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::directory::names::{TenantKind, find_tenant, tenant_id};
use crate::receiver::store::directory::page_sessions::delete_page_sessions;
use crate::receiver::store::directory::tenants::{check_handle, create_tenant};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::Value;
use crate::receiver::time;

const SELECT_USER: &str = "\
    SELECT user_id FROM provider_accounts WHERE tenant_id = 'directory' AND issuer = $1 AND subject = $2";
const SELECT_ACCOUNT: &str = "\
    SELECT 1 FROM provider_accounts WHERE tenant_id = 'directory' AND issuer = $1 AND user_id = $2 LIMIT 1";
const INSERT_ACCOUNT: &str = "\
    INSERT INTO provider_accounts (tenant_id, issuer, subject, user_id, linked_at) VALUES ('directory', $1, $2, $3, $4)";
const DELETE_ACCOUNTS: &str = "DELETE FROM provider_accounts WHERE tenant_id = 'directory' AND user_id = $1";

/// The user of an account: the one that is linked to it, else the one whose login is the account's verified e-mail address or
/// name, else, with `creates`, a new one.
pub async fn user_of(
    changes: &RecordedChanges<'_>,
    account: &ProviderUser,
    creates: bool,
) -> Result<std::result::Result<String, ProviderRefusal>> {
    let tx = changes.tx;
    let key = [Value::from(&account.issuer), (&account.subject).into()];
    if let Some(row) = tx.query_one(SELECT_USER, &key).await? {
        return Ok(Ok(row.text(0)?));
    }
    for login in &account.logins {
        let Some(user) = find_tenant(tx, TenantKind::User, login).await? else { continue };
        let params = [Value::from(&account.issuer), (&user).into()];
        if tx.query_one(SELECT_ACCOUNT, &params).await?.is_some() {
            return Ok(Err(ProviderRefusal::OtherAccount(login.clone())));
        }
        link(changes, account, &user).await?;
        return Ok(Ok(user));
    }
    let login = account.logins.iter().find(|login| check_handle(login).is_ok());
    let Some(login) = login.filter(|_| creates) else {
        return Ok(Err(ProviderRefusal::UnknownUser(account.logins.clone())));
    };
    let user = create_tenant(tx, TenantKind::User, login, login).await?;
    changes.record("user.create", user.clone()).await?;
    link(changes, account, &user).await?;
    Ok(Ok(user))
}

async fn link(changes: &RecordedChanges<'_>, account: &ProviderUser, user: &str) -> Result<()> {
    let params =
        [Value::from(&account.issuer), (&account.subject).into(), user.into(), time::now_us().into()];
    changes.tx.execute(INSERT_ACCOUNT, &params).await?;
    changes.record("user.link", user.to_owned()).await
}

impl Store {
    /// Unlinks a user's account at the provider, so that another one with the user's name can be linked, and ends the user's
    /// sign-ins to the page.
    pub async fn unlink_provider_account(&self, login: &str) -> Result<()> {
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            match tx.execute(DELETE_ACCOUNTS, &[Value::from(&user)]).await? {
                0 => Err(StoreError::refused(format!("{login} has no account at the provider"))),
                _ => {
                    delete_page_sessions(tx, &user).await?;
                    record(tx, &AuditEntry::command("user.unlink", user)).await
                }
            }
        })
        .await
    }
}
