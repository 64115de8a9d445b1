//! `clients`: the sync status of each client, as each of its user's tenants knows it.

use super::conflicts::{ClientError, Conflicts, parse_errors};
use crate::receiver::ingest::batch::{DecodedBatch, DecodedClient};
use crate::receiver::limits::{CLIENT_ERRORS_MAX, CLIENTS_PER_USER_MAX};
use crate::receiver::store::database::{DbRole, Transaction, Visibility};
use crate::receiver::store::directory::{Membership, Principal, QueryReader, Role};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::Store;
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::time::SECOND_US;

/// Age of the last batch of a client that is fresh: two of an exporter's intervals of five minutes.
const FRESH_US: i64 = 2 * 300 * SECOND_US;
/// Age of the last batch of a client that is idle. A heartbeat comes hourly; a machine is off for a night.
const IDLE_US: i64 = 25 * 3_600 * SECOND_US;

/// The sync status of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// Seen within two intervals.
    Fresh,
    /// Seen within 25 hours.
    Idle,
    /// Not seen for longer.
    Overdue,
    /// The last batch had errors.
    Failing,
}

/// A position in the list of clients: the reader's own first, then those of each organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPosition {
    /// Id of the tenant that knows the client.
    pub tenant_id: String,
    /// Id of the client's user.
    pub user_id: String,
    /// Id of the client.
    pub client_id: String,
}

/// Status of a user's client, as a tenant knows it.
#[derive(Debug, Clone)]
pub struct ClientStatus {
    /// Id of the tenant.
    pub tenant_id: String,
    /// `None` for the row of the private space, which counts everything.
    pub organization: Option<String>,
    /// Id of the client.
    pub client_id: String,
    /// Id of the user.
    pub user_id: String,
    /// Freshness of the client.
    pub state: ClientState,
    /// Time of the last batch, in microseconds since the epoch.
    pub last_seen_at: i64,
    /// Time of the last batch without errors, in microseconds since the epoch.
    pub last_success_at: Option<i64>,
    /// Sessions stored from the client.
    pub sessions: i64,
    /// Messages stored from the client.
    pub messages: i64,
    /// Batches with errors since the last one without.
    pub attempts: i64,
    /// Errors of the last batch.
    pub last_errors: Vec<ClientError>,
    /// The client's last report of itself.
    pub report: DecodedClient,
}

/// The outcome of one batch for one tenant, to be recorded with the client that sent it.
#[derive(Default)]
pub struct BatchRecord {
    /// Sessions that were stored for the first time.
    pub sessions: i64,
    /// Messages that were stored for the first time.
    pub messages: i64,
    /// True if a session of the tenant was acknowledged: stored, new or not, or forgotten before.
    pub is_acknowledged: bool,
    /// True if a session of the batch was stored, in whatever tenant.
    pub is_stored: bool,
    /// True if the batch had no sessions, which makes it a batch without errors in every tenant.
    pub is_empty: bool,
    pub errors: Vec<ClientError>,
}

const UPSERT_CLIENT: &str = "\
    INSERT INTO clients (tenant_id, user_id, client_id, last_seen_at, last_success_at, sessions, messages, attempts, \
    last_errors, stored_batches, version, os, pending_sessions, pending_messages, pending_since, conditions) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $12, $14, $15, $16, $17, $18, $19) \
    ON CONFLICT (tenant_id, user_id, client_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, \
    last_success_at = coalesce(excluded.last_success_at, clients.last_success_at), \
    sessions = clients.sessions + excluded.sessions, messages = clients.messages + excluded.messages, \
    stored_batches = clients.stored_batches + excluded.stored_batches, \
    attempts = CASE WHEN $10 THEN clients.attempts + excluded.attempts ELSE excluded.attempts END, \
    last_errors = CASE WHEN $11 THEN clients.last_errors ELSE excluded.last_errors END, \
    version = CASE WHEN $13 THEN excluded.version ELSE clients.version END, \
    os = CASE WHEN $13 THEN excluded.os ELSE clients.os END, \
    pending_sessions = CASE WHEN $13 THEN excluded.pending_sessions ELSE clients.pending_sessions END, \
    pending_messages = CASE WHEN $13 THEN excluded.pending_messages ELSE clients.pending_messages END, \
    pending_since = CASE WHEN $13 THEN excluded.pending_since ELSE clients.pending_since END, \
    conditions = CASE WHEN $13 THEN excluded.conditions ELSE clients.conditions END";
const SELECT_STORED_BATCHES: &str =
    "SELECT stored_batches FROM clients WHERE tenant_id = $1 AND user_id = $1 AND client_id = $2";
/// Deletes the clients of a user that were seen least recently, but for the newest and the one that was just seen.
const EVICT_CLIENTS: &str = "\
    DELETE FROM clients WHERE tenant_id = $1 AND user_id = $2 AND client_id IN (SELECT client_id FROM clients \
    WHERE tenant_id = $1 AND user_id = $2 AND client_id <> $3 ORDER BY last_seen_at DESC, client_id \
    LIMIT 1000000 OFFSET $4)";
/// A range of users: from a position, which is left out, to the user `$5`, who is left out as well.
const SELECT_CLIENTS: &str = "\
    SELECT client_id, user_id, last_seen_at, last_success_at, sessions, messages, attempts, last_errors, \
    version, os, pending_sessions, pending_messages, pending_since, conditions FROM clients \
    WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND (user_id, client_id) > ($3, $4) AND user_id < $5 \
    ORDER BY user_id, client_id LIMIT $6";
/// A text that comes after every id.
const AFTER_ALL: &str = "\u{10FFFF}";

impl BatchRecord {
    /// The record of a batch before anything of it is stored.
    pub fn of(batch: &DecodedBatch) -> BatchRecord {
        BatchRecord { is_empty: batch.sessions.is_empty(), ..BatchRecord::default() }
    }

    /// Writes the record in the tenant that the transaction has entered.
    pub async fn write(
        &self,
        tx: &Transaction,
        tenant: &str,
        user: &str,
        batch: &DecodedBatch,
        now: i64,
    ) -> Result<()> {
        let failed = !self.errors.is_empty();
        // A batch whose sessions all belong to other tenants changes nothing in this one but `last_seen_at`.
        let is_elsewhere = !failed && !self.is_acknowledged && !self.is_empty;
        let errors = &self.errors[..self.errors.len().min(CLIENT_ERRORS_MAX)];
        let errors =
            serde_json::to_string(errors).map_err(|error| StoreError::Internal(error.to_string()))?;
        let mut params = vec![
            tenant.into(),
            user.into(),
            (&batch.client_id).into(),
            now.into(),
            (!failed && !is_elsewhere).then_some(now).into(),
            self.sessions.into(),
            self.messages.into(),
            i64::from(failed).into(),
            errors.into(),
            (failed || is_elsewhere).into(),
            is_elsewhere.into(),
            i64::from(self.is_stored).into(),
        ];
        params.extend(report_params(batch.client.as_ref())?);
        tx.send(UPSERT_CLIENT, params).await?;
        let others_max = i64::try_from(CLIENTS_PER_USER_MAX - 1).unwrap_or(i64::MAX);
        tx.send(EVICT_CLIENTS, vec![tenant.into(), user.into(), (&batch.client_id).into(), others_max.into()])
            .await
    }
}

impl Store {
    /// The number of batches that were stored from a user's client; `None` for a client without a record.
    pub async fn stored_batches(&self, principal: &Principal, client_id: &str) -> Result<Option<i64>> {
        let tx = self.db.read(DbRole::Request).await?;
        let user = &principal.user_id;
        tx.enter(user, user, Visibility::Own).await?;
        let row = tx.query_one(SELECT_STORED_BATCHES, &[user.into(), client_id.into()]).await?;
        tx.commit().await?;
        row.map(|row| row.int(0)).transpose()
    }
}

impl ClientStatus {
    /// Position for keyset pagination.
    pub fn position(&self) -> ClientPosition {
        ClientPosition {
            tenant_id: self.tenant_id.clone(),
            user_id: self.user_id.clone(),
            client_id: self.client_id.clone(),
        }
    }
}

/// A selection of clients; an absent field selects all.
#[derive(Debug, Clone, Default)]
pub struct ClientQuery {
    /// Slug of the organization that they deliver to.
    pub organization: Option<String>,
    /// Login of the user.
    pub user: Option<String>,
}

impl ClientQuery {
    /// True if the clients of a tenant are selected: the private space and the organizations of an admin, or the one that the
    /// query names.
    fn covers(&self, membership: Option<&Membership>) -> bool {
        match &self.organization {
            Some(slug) => membership.is_some_and(|membership| membership.slug == *slug),
            None => membership.is_none_or(|membership| membership.role == Role::Admin),
        }
    }
}

/// Clients of a tenant between two positions of users and clients, both left out: the first position, and the user of the
/// second.
type ClientRange<'r> = ((&'r str, &'r str), String);

/// The ranges of a tenant's clients after a position: of one user, or of all but the user who is left out.
fn ranges<'r>(
    after: (&'r str, &'r str),
    user: Option<&'r str>,
    left_out: Option<&'r str>,
) -> Vec<ClientRange<'r>> {
    match (user, left_out) {
        (Some(user), Some(left_out)) if user == left_out => Vec::new(),
        (Some(user), _) => vec![(after.max((user, "")), format!("{user}\u{1}"))],
        (None, None) => vec![(after, AFTER_ALL.to_owned())],
        (None, Some(left_out)) => {
            vec![(after, left_out.to_owned()), (after.max((left_out, AFTER_ALL)), AFTER_ALL.to_owned())]
        }
    }
}

impl QueryReader {
    /// A page of the reader's clients, and of those of other users in organizations whose admin the reader is; of one
    /// organization, the reader's own ones among them.
    pub async fn clients(
        &self,
        query: &ClientQuery,
        first: usize,
        after: Option<&ClientPosition>,
        now: i64,
    ) -> Result<Vec<ClientStatus>> {
        let user = match &query.user {
            None => None,
            Some(login) => Some(self.user_id_or_nobody(login).await?),
        };
        let principal = self.principal();
        let order = |tenant: &str| (tenant != principal.user_id, tenant.to_owned());
        let mut tenants = principal.tenants();
        tenants.sort_by_key(|tenant| order(tenant));
        let mut clients = Vec::new();
        let mut conflicts = Conflicts::default();
        let tx = self.begin(DbRole::Request).await?;
        for tenant in &tenants {
            let membership = principal.membership(tenant);
            let is_before = after.is_some_and(|after| order(tenant) < order(&after.tenant_id));
            if is_before || !query.covers(membership) {
                continue;
            }
            let Some(own) = principal.enter(&tx, tenant).await? else { continue };
            let begin = after
                .filter(|after| after.tenant_id == *tenant)
                .map_or(("", ""), |after| (&after.user_id, &after.client_id));
            // The reader's own clients are complete in the private space, so that they are left out elsewhere.
            let is_left_out = membership.is_some() && query.organization.is_none();
            let left_out = is_left_out.then_some(principal.user_id.as_str());
            let mut of_tenant: Vec<ClientStatus> = Vec::new();
            for ((user, client), end) in ranges(begin, user.as_deref(), left_out) {
                if clients.len() + of_tenant.len() == first {
                    break;
                }
                let limit = i64::try_from(first - clients.len() - of_tenant.len()).unwrap_or(i64::MAX);
                let params =
                    [tenant.into(), (&own).into(), user.into(), client.into(), end.into(), limit.into()];
                for row in tx.query(SELECT_CLIENTS, &params).await? {
                    of_tenant.push(read_client(&row, tenant, membership.map(|it| &it.slug), now)?);
                }
            }
            if membership.is_some() {
                conflicts.find(&tx, tenant, of_tenant.iter().flat_map(|client| &client.last_errors)).await?;
            }
            clients.extend(of_tenant);
            if clients.len() >= first {
                break;
            }
        }
        tx.commit().await?;
        self.add_remedies(&mut clients, &conflicts).await?;
        Ok(clients)
    }

    /// Replaces the message of each conflict that has a remedy.
    async fn add_remedies(&self, clients: &mut [ClientStatus], conflicts: &Conflicts) -> Result<()> {
        let logins = self.logins(conflicts.holders()).await?;
        for client in clients {
            for error in &mut client.last_errors {
                if let Some(text) = conflicts.remedy(&client.tenant_id, error, &logins) {
                    error.message = text;
                }
            }
        }
        Ok(())
    }
}

fn read_client(row: &Row, tenant: &str, organization: Option<&String>, now: i64) -> Result<ClientStatus> {
    let (last_seen_at, attempts) = (row.int(2)?, row.int(6)?);
    let age = now - last_seen_at;
    let state = match attempts {
        1.. => ClientState::Failing,
        _ if age <= FRESH_US => ClientState::Fresh,
        _ if age <= IDLE_US => ClientState::Idle,
        _ => ClientState::Overdue,
    };
    let last_errors = parse_errors(&row.text(7)?)?;
    Ok(ClientStatus {
        tenant_id: tenant.to_owned(),
        organization: organization.cloned(),
        client_id: row.text(0)?,
        user_id: row.text(1)?,
        state,
        last_seen_at,
        last_success_at: row.opt_int(3)?,
        sessions: row.int(4)?,
        messages: row.int(5)?,
        attempts,
        last_errors,
        report: read_report(row)?,
    })
}

/// The parameters of a client's report, of which the first says whether there is one: without one the last is kept.
fn report_params(report: Option<&DecodedClient>) -> Result<[Value; 7]> {
    let is_reported = report.is_some();
    let report = report.cloned().unwrap_or_default();
    let conditions =
        serde_json::to_string(&report.conditions).map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok([
        is_reported.into(),
        report.version.into(),
        report.os.into(),
        report.pending_sessions.into(),
        report.pending_messages.into(),
        report.pending_since.into(),
        conditions.into(),
    ])
}

/// Reads a client's report from the columns behind the others of [`SELECT_CLIENTS`].
fn read_report(row: &Row) -> Result<DecodedClient> {
    Ok(DecodedClient {
        version: row.opt_text(8)?,
        os: row.opt_text(9)?,
        pending_sessions: row.opt_int(10)?,
        pending_messages: row.opt_int(11)?,
        pending_since: row.opt_int(12)?,
        conditions: serde_json::from_str(&row.text(13)?)
            .map_err(|error| StoreError::Internal(error.to_string()))?,
    })
}
