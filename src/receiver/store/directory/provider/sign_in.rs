//! The transaction of a sign-in through the provider: user, memberships, session of the page, audit log.

use super::accounts::user_of;
use super::admission::{ProviderAdmission, ProviderRefusal};
use super::changes::RecordedChanges;
use super::memberships::apply_groups;
use crate::receiver::keys;
use crate::receiver::provider::ProviderUser;
use crate::receiver::store::audit::{Actor, AuditEntry, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::directory::page_sessions::{delete_page_sessions, insert_page_session};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use std::net::IpAddr;

/// A person whom the provider has vouched for, on the way to the page.
#[derive(Debug, Clone)]
pub struct ProviderSignIn {
    /// Account at the provider.
    pub user: ProviderUser,
    /// True if a user is created where there is none.
    pub creates: bool,
    /// Address of the browser.
    pub address: Option<IpAddr>,
}

impl Store {
    /// Admits a person whom the provider has vouched for. Memberships that come from groups follow the person's groups, also
    /// where the person is not admitted. Somebody without a user is refused without a record: the caller counts it.
    pub async fn sign_in_through_provider(&self, sign_in: &ProviderSignIn) -> Result<ProviderAdmission> {
        let secret = keys::new_session_secret().map_err(|error| StoreError::Internal(error.to_string()))?;
        // As `operate` does, whose future cannot be sent between the threads of a server.
        with_retries(async || {
            let tx = self.db.write(DbRole::Operator).await?;
            tx.lock_directory().await?;
            let admission = admit(&tx, sign_in, &secret).await?;
            tx.commit().await?;
            Ok(admission)
        })
        .await
    }
}

async fn admit(tx: &Transaction, sign_in: &ProviderSignIn, secret: &str) -> Result<ProviderAdmission> {
    let changes = RecordedChanges { tx, address: sign_in.address };
    let user = match user_of(&changes, &sign_in.user, sign_in.creates).await? {
        Ok(user) => user,
        // Not recorded here: whoever has an account at the provider could fill the log.
        Err(refusal) => return Ok(ProviderAdmission::Refused(refusal)),
    };
    let outcome = apply_groups(&changes, &user, &sign_in.user.groups).await?;
    if outcome.has_lost || outcome.is_shut_out {
        delete_page_sessions(tx, &user).await?;
    }
    if outcome.is_shut_out {
        record_sign_in(tx, sign_in, &user, "refused").await?;
        return Ok(ProviderAdmission::Refused(ProviderRefusal::NoGroupLeft));
    }
    insert_page_session(tx, secret, &user, "").await?;
    record_sign_in(tx, sign_in, &user, "done").await?;
    Ok(ProviderAdmission::Admitted(secret.to_owned()))
}

async fn record_sign_in(
    tx: &Transaction,
    sign_in: &ProviderSignIn,
    user: &str,
    outcome: &'static str,
) -> Result<()> {
    let entry = AuditEntry::command("sign-in", user);
    let actor = Actor::User(user.to_owned());
    let address = sign_in.address.map(|address| address.to_string());
    record(tx, &AuditEntry { actor, address, outcome, ..entry }).await
}
