//! Rejections of sessions in a client's last batch, and the remedy for a session id that two users have.
//!
//! Invariant: only an organization's admin and the operator learn whose id it is; the sender's own error does not say.

use crate::protocol::code;
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::{Result, StoreError};
use crate::shell::shell_quoted;
use std::collections::HashMap;

/// Rejection of a session in the client's last batch with errors.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientError {
    /// Id of the session.
    pub session_id: String,
    /// Code of the error.
    pub code: String,
    /// Message for people.
    pub message: String,
    /// Time of the error, RFC 3339.
    pub at: String,
}

/// The users whose sessions have ids that other users' sessions were rejected for, by tenant and session.
#[derive(Default)]
pub struct Conflicts(HashMap<(String, String), String>);

const SELECT_HOLDERS: &str =
    "SELECT session_id, user_id FROM sessions WHERE tenant_id = $1 AND session_id IN {list:$2}";
const SELECT_REJECTED: &str = "\
    SELECT c.tenant_id, u.handle, c.last_errors FROM clients c JOIN tenants u ON u.tenant_id = c.user_id \
    WHERE c.tenant_id <> c.user_id AND c.last_errors LIKE '%\"SESSION_CONFLICT\"%' ORDER BY u.handle";

impl Conflicts {
    /// Looks up who holds the ids of these errors. The transaction has entered the tenant.
    pub async fn find(
        &mut self,
        tx: &Transaction,
        tenant: &str,
        errors: impl Iterator<Item = &ClientError>,
    ) -> Result<()> {
        let conflicts = errors.filter(|error| error.code == code::SESSION_CONFLICT);
        let mut ids: Vec<String> = conflicts.map(|error| error.session_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        for row in tx.query(SELECT_HOLDERS, &[tenant.into(), ids.into()]).await? {
            self.0.insert((tenant.to_owned(), row.text(0)?), row.text(1)?);
        }
        Ok(())
    }

    /// The ids of the users who hold the ids.
    pub fn holders(&self) -> Vec<String> {
        let mut holders: Vec<String> = self.0.values().cloned().collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }

    /// The text of an error for an admin, if the id is held.
    pub fn remedy(
        &self,
        tenant: &str,
        error: &ClientError,
        logins: &HashMap<String, String>,
    ) -> Option<String> {
        if error.code != code::SESSION_CONFLICT {
            return None;
        }
        let login = logins.get(self.0.get(&(tenant.to_owned(), error.session_id.clone()))?)?;
        let command = resolving_command(&error.session_id, login);
        Some(format!("the session's id is {login}'s in this organization: an operator can run `{command}`"))
    }
}

/// The command that frees a session's id in an organization without deleting anything.
pub fn resolving_command(session: &str, holder: &str) -> String {
    format!(
        "han-sync-receiver admin session move --user {} --private -- {}",
        shell_quoted(holder),
        shell_quoted(session)
    )
}

/// The logins of users whose sessions were rejected because another user has their ids, by tenant and session.
pub async fn rejected_logins(tx: &Transaction) -> Result<HashMap<(String, String), Vec<String>>> {
    let mut rejected: HashMap<(String, String), Vec<String>> = HashMap::new();
    for row in tx.query(SELECT_REJECTED, &[]).await? {
        let (tenant, login) = (row.text(0)?, row.text(1)?);
        for error in parse_errors(&row.text(2)?)? {
            if error.code == code::SESSION_CONFLICT {
                let logins = rejected.entry((tenant.clone(), error.session_id)).or_default();
                if !logins.contains(&login) {
                    logins.push(login.clone());
                }
            }
        }
    }
    Ok(rejected)
}

/// Parses the errors of a client as they are stored.
pub fn parse_errors(json: &str) -> Result<Vec<ClientError>> {
    serde_json::from_str(json)
        .map_err(|_| StoreError::Internal("the stored errors of a client cannot be parsed".to_owned()))
}
