//! What is known of the clients: who is fresh, idle, overdue or failing, and since when.

use super::Store;
use super::db::{Result, Row, Scope, StoreError};
use super::directory::{Principal, Role};
use super::read::enter;
use crate::receiver::time::SECOND_US;

/// Two of an exporter's intervals of five minutes.
const FRESH_US: i64 = 2 * 300 * SECOND_US;
/// A sign of life comes hourly; a day and an hour is a machine that was off for the night.
const IDLE_US: i64 = 25 * 3_600 * SECOND_US;

/// How a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Seen within two intervals.
    Fresh,
    /// Seen within 25 hours.
    Idle,
    /// Not seen for longer.
    Overdue,
    /// Its last batch had errors.
    Failing,
}

/// One client of one user, as a tenant knows it.
#[derive(Debug, Clone)]
pub struct ClientStatus {
    /// `None` for the private space's row, which counts everything.
    pub organization: Option<String>,
    pub client_id: String,
    pub user_id: String,
    pub state: State,
    pub last_seen_at: i64,
    pub last_success_at: Option<i64>,
    pub sessions: i64,
    pub messages: i64,
    pub attempts: i64,
    pub last_errors: Vec<ClientError>,
}

/// Why a session of the last batch with errors was not stored.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientError {
    pub session_id: String,
    pub code: String,
    pub message: String,
    pub at: String,
}

const CLIENTS: &str = "\
    SELECT client_id, user_id, last_seen_at, last_success_at, sessions, messages, attempts, last_errors FROM clients \
    WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) ORDER BY user_id, client_id";

impl Store {
    /// The reader's clients, and those of others in organizations whose admin they are.
    pub async fn clients(&self, principal: &Principal, now: i64) -> Result<Vec<ClientStatus>> {
        let mut tx = self.db.read(Scope::Request).await?;
        let mut clients = Vec::new();
        for tenant in principal.tenants() {
            let membership = principal.membership(&tenant);
            if membership.is_some_and(|membership| membership.role != Role::Admin) {
                continue;
            }
            let Some(own) = enter(&mut tx, principal, &tenant).await? else { continue };
            let organization = membership.map(|membership| membership.slug.clone());
            for row in tx.query(CLIENTS, &[tenant.into(), own.into()]).await? {
                let client = read_client(&row, organization.clone(), now)?;
                // The reader's own are complete in their private space.
                if client.organization.is_none() || client.user_id != principal.user_id {
                    clients.push(client);
                }
            }
        }
        tx.commit().await?;
        Ok(clients)
    }
}

fn read_client(row: &Row, organization: Option<String>, now: i64) -> Result<ClientStatus> {
    let (last_seen_at, attempts) = (row.int(2)?, row.int(6)?);
    let age = now - last_seen_at;
    let state = match attempts {
        1.. => State::Failing,
        _ if age <= FRESH_US => State::Fresh,
        _ if age <= IDLE_US => State::Idle,
        _ => State::Overdue,
    };
    let last_errors = serde_json::from_str(&row.text(7)?)
        .map_err(|_| StoreError::Internal("a client's stored errors cannot be read".to_owned()))?;
    Ok(ClientStatus {
        organization,
        client_id: row.text(0)?,
        user_id: row.text(1)?,
        state,
        last_seen_at,
        last_success_at: row.opt_int(3)?,
        sessions: row.int(4)?,
        messages: row.int(5)?,
        attempts,
        last_errors,
    })
}
