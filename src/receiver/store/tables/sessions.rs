//! `sessions`: a session's own fields, without its rows.

use super::metrics::SessionLabels;
use crate::receiver::ingest::batch::{DecodedSession, PullRequest};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::directory::QueryReader;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::{Column, ColumnType, InsertMany, Row, Rows, SelectByKeys, Value};
use std::collections::HashMap;

/// The id of a session inside a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// Id of the tenant.
    pub tenant_id: String,
    /// Id of the session.
    pub id: String,
}

/// A session without its rows.
#[derive(Debug, Clone)]
pub struct StoredSession {
    /// Tenant and id.
    pub key: SessionKey,
    /// Id of the user.
    pub user_id: String,
    /// URL of the repository.
    pub repository: String,
    /// Last segment of the repository.
    pub project_slug: String,
    /// Status, as the source has it.
    pub status: String,
    /// Short name of the session, where it has one.
    pub slug: Option<String>,
    /// Coding agent, as han names it.
    pub harness: Option<String>,
    /// Rule that made the session eligible.
    pub inclusion: Option<String>,
    /// Pull request of the session.
    pub pull_request: Option<PullRequest>,
    /// Name of the team that the session belongs to.
    pub team_name: Option<String>,
    /// Stored messages.
    pub message_count: i64,
    /// Messages of the session in the source.
    pub total_message_count: Option<i64>,
    /// Time of the last change, RFC 3339.
    pub last_modified: String,
    /// Time of first storage, in microseconds since the epoch.
    pub stored_at: i64,
}

/// A selection of sessions; an absent field selects all.
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    /// Slug of the organization.
    pub organization: Option<String>,
    /// URL of the repository.
    pub repository: Option<String>,
    /// Login of the user.
    pub user: Option<String>,
    /// Git branch of one of its messages.
    pub branch: Option<String>,
    /// Number of its pull request.
    pub pull_request: Option<i64>,
    /// Language model of one of its messages.
    pub model: Option<String>,
    /// True for sessions of organizations alone, without the private space.
    pub in_organizations: bool,
    /// First and last UTC day, of which it has a message on one.
    pub days: Option<(i64, i64)>,
}

/// A position in the list of sessions, which begins with the one that was stored last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionPosition {
    /// Time of first storage, in microseconds since the epoch.
    pub stored_at: i64,
    /// Id within the tenant.
    pub id: String,
    /// Id of the tenant.
    pub tenant_id: String,
}

/// The stored state of a session that an upsert starts from.
#[derive(Debug)]
pub struct StoredFields {
    pub version: SessionVersion,
    /// Digest of the stored messages, with the bits of the unsigned sum.
    pub digest: i64,
}

/// The fields of a session that an upsert merges. An empty text is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionVersion {
    pub modified_at: i64,
    pub last_modified: String,
    pub repository: String,
    /// The last segment of the repository.
    pub project_slug: String,
    pub status: String,
    pub slug: Option<String>,
    pub harness: Option<String>,
    pub inclusion: Option<String>,
    pub total_message_count: Option<i64>,
    pub pull_request: Option<PullRequest>,
    pub team_name: Option<String>,
}

impl SessionVersion {
    /// The fields of a session as sent.
    pub fn of(session: &DecodedSession) -> SessionVersion {
        let remote = session.remote.as_ref();
        SessionVersion {
            modified_at: session.modified_at,
            last_modified: session.last_modified.clone(),
            repository: remote.map(|remote| remote.url()).unwrap_or_default(),
            project_slug: remote.map(|remote| remote.repo().to_owned()).unwrap_or_default(),
            status: session.status.clone(),
            slug: session.slug.clone(),
            harness: session.harness.clone(),
            inclusion: session.inclusion.map(|inclusion| inclusion.as_str().to_owned()),
            total_message_count: session.total_message_count,
            pull_request: session.pull_request.clone(),
            team_name: session.team_name.clone(),
        }
    }

    /// Labels of the session's sums.
    pub fn labels(&self) -> SessionLabels<'_> {
        SessionLabels::of(&self.repository, self.pull_request.as_ref())
    }

    /// The later of two versions, with the fields that only the other has. Of equal times `sent` is the later one.
    pub fn merged(stored: &SessionVersion, sent: SessionVersion) -> SessionVersion {
        if sent.modified_at >= stored.modified_at {
            sent.filled_from(stored.clone())
        } else {
            stored.clone().filled_from(sent)
        }
    }

    fn filled_from(mut self, other: SessionVersion) -> SessionVersion {
        if self.repository.is_empty() {
            self.repository = other.repository;
            self.project_slug = other.project_slug;
        }
        if self.status.is_empty() {
            self.status = other.status;
        }
        SessionVersion {
            slug: self.slug.or(other.slug),
            harness: self.harness.or(other.harness),
            inclusion: self.inclusion.or(other.inclusion),
            total_message_count: self.total_message_count.or(other.total_message_count),
            pull_request: filled_pull_request(self.pull_request, other.pull_request),
            team_name: self.team_name.or(other.team_name),
            ..self
        }
    }
}

/// A pull request with the address that another version of it has.
fn filled_pull_request(own: Option<PullRequest>, other: Option<PullRequest>) -> Option<PullRequest> {
    match (own, other) {
        (Some(PullRequest { number, url: None }), Some(other)) if other.number == number => Some(other),
        (own, other) => own.or(other),
    }
}

/// Reads a pull request from two columns of a row, its number and its address.
pub fn read_pull_request(row: &Row, column: usize) -> Result<Option<PullRequest>> {
    let Some(number) = row.opt_int(column)? else { return Ok(None) };
    Ok(Some(PullRequest { number, url: row.opt_text(column + 1)? }))
}

const SELECT_FIELDS: SelectByKeys = SelectByKeys {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    keys: &[("session_id", ColumnType::Text)],
    columns: "session_id, modified_at, repository, project_slug, status, slug, harness, inclusion, \
              total_message_count, last_modified, digest, pr_number, pr_url, team_name",
    tail: "{update}",
};
const WRITTEN_COLUMNS: &[Column] = &[
    ("session_id", ColumnType::Text),
    ("repository", ColumnType::Text),
    ("project_slug", ColumnType::Text),
    ("status", ColumnType::Text),
    ("slug", ColumnType::Text),
    ("harness", ColumnType::Text),
    ("inclusion", ColumnType::Text),
    ("last_modified", ColumnType::Text),
    ("modified_at", ColumnType::Int),
    ("total_message_count", ColumnType::Int),
    ("message_count", ColumnType::Int),
    ("digest", ColumnType::Int),
    ("stored_at", ColumnType::Int),
    ("pr_number", ColumnType::Int),
    ("pr_url", ColumnType::Text),
    ("team_name", ColumnType::Text),
];
/// Returns the ids that were inserted: the others are taken.
pub const INSERT_SESSIONS: InsertMany = InsertMany {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    columns: WRITTEN_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id) DO NOTHING RETURNING session_id",
};
/// Replaces the fields of stored sessions, adds `message_count`, which holds the number of new messages, and sets `digest`.
/// A sum in SQL would not wrap.
pub const UPDATE_SESSIONS: InsertMany = InsertMany {
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET repository = excluded.repository, \
           project_slug = excluded.project_slug, status = excluded.status, slug = excluded.slug, \
           harness = excluded.harness, inclusion = excluded.inclusion, last_modified = excluded.last_modified, \
           modified_at = excluded.modified_at, total_message_count = excluded.total_message_count, \
           pr_number = excluded.pr_number, pr_url = excluded.pr_url, team_name = excluded.team_name, \
           message_count = sessions.message_count + excluded.message_count, digest = excluded.digest",
    ..INSERT_SESSIONS
};
/// As [`UPDATE_SESSIONS`], for sessions whose fields stay as they are.
pub const GROW_SESSIONS: InsertMany = InsertMany {
    tail: "ON CONFLICT (tenant_id, session_id) DO UPDATE SET \
           message_count = sessions.message_count + excluded.message_count, digest = excluded.digest",
    ..INSERT_SESSIONS
};

const READ_COLUMNS: &str = "tenant_id, session_id, user_id, repository, project_slug, status, slug, harness, inclusion, \
    message_count, total_message_count, last_modified, stored_at, pr_number, pr_url, team_name";
/// `$2` is the only user whose rows are visible, or empty. Then user, repository, branch, pull request, model, first and last
/// day, each empty or 0 for all.
const SELECTION: &str = "WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR user_id = $3) \
    AND ($4 = '' OR repository = $4) AND (CAST($6 AS BIGINT) = 0 OR pr_number = $6) \
    AND ($5 = '' AND $7 = '' AND CAST($9 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM metrics m WHERE m.tenant_id = $1 \
    AND m.user_id = sessions.user_id AND m.session_id = sessions.session_id AND m.messages > 0 \
    AND ($5 = '' OR m.branch = $5) AND ($7 = '' OR m.model = $7) \
    AND (CAST($9 AS BIGINT) = 0 OR m.day BETWEEN CAST($8 AS BIGINT) AND $9)))";

/// The repository of a user's session in a tenant, as a URL; `None` if only the session's location is left.
pub async fn session_repository(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    id: &str,
) -> Result<Option<String>> {
    let stored = session_fields(tx, tenant, user, std::iter::once(id)).await?.remove(id);
    Ok(stored.map(|fields| fields.version.repository))
}

/// The fields of a user's sessions that are stored in a tenant, by session id. Locks the rows.
pub async fn session_fields(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, StoredFields>> {
    let mut keys = Rows::new(&[tenant, user]);
    ids.for_each(|id| keys.push([id.into()]));
    let rows = tx.select_by_keys(&SELECT_FIELDS, &keys).await?;
    let read = |row: &Row| {
        let version = SessionVersion {
            modified_at: row.int(1)?,
            repository: row.text(2)?,
            project_slug: row.text(3)?,
            status: row.text(4)?,
            slug: row.opt_text(5)?,
            harness: row.opt_text(6)?,
            inclusion: row.opt_text(7)?,
            total_message_count: row.opt_int(8)?,
            last_modified: row.text(9)?,
            pull_request: read_pull_request(row, 11)?,
            team_name: row.opt_text(13)?,
        };
        Ok((row.text(0)?, StoredFields { version, digest: row.int(10)? }))
    };
    rows.iter().map(read).collect()
}

impl QueryReader {
    /// A page of the sessions that the reader may see, over all of the reader's tenants, and one session more where there is
    /// one.
    pub async fn sessions(
        &self,
        query: &SessionQuery,
        first: usize,
        after: Option<&SessionPosition>,
    ) -> Result<Vec<StoredSession>> {
        let user = match &query.user {
            None => String::new(),
            Some(login) => self.user_id_or_nobody(login).await?,
        };
        let repository = query.repository.clone().unwrap_or_default();
        let principal = self.principal();
        let tx = self.begin(DbRole::Request).await?;
        let mut page = Vec::new();
        for tenant in principal.tenants() {
            let slug = principal.membership(&tenant).map(|membership| &membership.slug);
            let is_elsewhere = query.organization.is_some() && query.organization.as_ref() != slug;
            if is_elsewhere || query.in_organizations && slug.is_none() {
                continue;
            }
            let Some(own) = principal.enter(&tx, &tenant).await? else { continue };
            let mut params = vec![
                Value::from(&tenant),
                own.into(),
                Value::from(&user),
                Value::from(&repository),
                Value::from(query.branch.clone().unwrap_or_default()),
                query.pull_request.unwrap_or(0).into(),
                Value::from(query.model.clone().unwrap_or_default()),
                query.days.map_or(0, |days| days.0).into(),
                query.days.map_or(0, |days| days.1).into(),
                i64::try_from(first + 1).unwrap_or(i64::MAX).into(),
            ];
            let mut keyset = "";
            if let Some(after) = after {
                // The tenant breaks ties, so that each session has one position in the merged list.
                keyset = if tenant < after.tenant_id {
                    "AND (stored_at, session_id) <= ($11, $12)"
                } else {
                    "AND (stored_at, session_id) < ($11, $12)"
                };
                params.extend([after.stored_at.into(), Value::from(&after.id)]);
            }
            let sql = format!(
                "SELECT {READ_COLUMNS} FROM sessions {SELECTION} {keyset} \
                 ORDER BY stored_at DESC, session_id DESC LIMIT $10"
            );
            for row in tx.query(&sql, &params).await? {
                page.push(StoredSession::read(&row)?);
            }
        }
        tx.commit().await?;
        page.sort_by_key(|session| std::cmp::Reverse(session.position()));
        page.truncate(first + 1);
        Ok(page)
    }

    /// The session with this id that the reader may see, in the reader's private space first.
    pub async fn session(&self, id: &str) -> Result<Option<StoredSession>> {
        let principal = self.principal();
        let tx = self.begin(DbRole::Request).await?;
        let mut found = None;
        for tenant in principal.tenants() {
            let Some(own) = principal.enter(&tx, &tenant).await? else { continue };
            let sql = format!("SELECT {READ_COLUMNS} FROM sessions {SELECTION} AND session_id = $10");
            let none = || Value::from("");
            let [pull_request, first_day, last_day] = [Value::from(0_i64), 0_i64.into(), 0_i64.into()];
            let selected = [none(), none(), none(), pull_request, none(), first_day, last_day, id.into()];
            let params: Vec<Value> = [tenant.into(), own.into()].into_iter().chain(selected).collect();
            if let Some(row) = tx.query_one(&sql, &params).await? {
                found = Some(StoredSession::read(&row)?);
                break;
            }
        }
        tx.commit().await?;
        Ok(found)
    }
}

impl StoredSession {
    /// Position for keyset pagination.
    pub fn position(&self) -> SessionPosition {
        SessionPosition {
            stored_at: self.stored_at,
            id: self.key.id.clone(),
            tenant_id: self.key.tenant_id.clone(),
        }
    }

    fn read(row: &Row) -> Result<StoredSession> {
        Ok(StoredSession {
            key: SessionKey { tenant_id: row.text(0)?, id: row.text(1)? },
            user_id: row.text(2)?,
            repository: row.text(3)?,
            project_slug: row.text(4)?,
            status: row.text(5)?,
            slug: row.opt_text(6)?,
            harness: row.opt_text(7)?,
            inclusion: row.opt_text(8)?,
            message_count: row.int(9)?,
            total_message_count: row.opt_int(10)?,
            last_modified: row.text(11)?,
            stored_at: row.int(12)?,
            pull_request: read_pull_request(row, 13)?,
            team_name: row.opt_text(15)?,
        })
    }
}
