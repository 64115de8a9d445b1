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
/// A message of a session on a branch and by a model, each empty for all, between two days.
const HAS_MESSAGE: &str = "EXISTS (SELECT 1 FROM metrics m WHERE m.tenant_id = sessions.tenant_id \
    AND m.user_id = sessions.user_id AND m.session_id = sessions.session_id AND m.messages > 0 \
    AND ({1} = '' OR m.branch = {1}) AND ({2} = '' OR m.model = {2}) \
    AND m.day BETWEEN {3} AND {4})";

/// The conditions of a list of sessions: only those that select, so that each has its index.
struct Selection {
    sql: String,
    params: Vec<Value>,
}

impl Selection {
    fn of_tenant(tenant: &str) -> Selection {
        Selection { sql: "WHERE tenant_id = $1".to_owned(), params: vec![tenant.into()] }
    }

    /// Adds a condition, in which `{1}` stands for the first of the values.
    fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        let mut condition = condition.to_owned();
        for (index, value) in values.into_iter().enumerate() {
            self.params.push(value);
            let parameter = format!("${}", self.params.len());
            condition = condition.replace(&format!("{{{}}}", index + 1), &parameter);
        }
        self.sql += &format!(" AND {condition}");
    }

    /// Adds the conditions of a query. `user` is the only user whose sessions are selected, if there is one.
    fn and_query(&mut self, query: &SessionQuery, user: Option<&str>) {
        if let Some(user) = user {
            self.and("user_id = {1}", [user.into()]);
        }
        if let Some(repository) = named(&query.repository) {
            self.and("repository = {1}", [repository.into()]);
        }
        if let Some(number) = query.pull_request.filter(|number| *number != 0) {
            self.and("pr_number = {1}", [number.into()]);
        }
        let (branch, model) = (named(&query.branch), named(&query.model));
        if branch.is_some() || model.is_some() || query.days.is_some() {
            let (from, to) = query.days.unwrap_or((i64::MIN, i64::MAX));
            let [branch, model] = [branch, model].map(|text| text.unwrap_or_default().into());
            self.and(HAS_MESSAGE, [branch, model, from.into(), to.into()]);
        }
    }
}

/// The text of a selection, which selects all if it is empty.
fn named(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

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
            None => None,
            Some(login) => Some(self.user_id_or_nobody(login).await?),
        };
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
            let own = Some(own).filter(|own| !own.is_empty());
            if own.is_some() && user.is_some() && own != user {
                continue;
            }
            let mut selection = Selection::of_tenant(&tenant);
            selection.and_query(query, own.or_else(|| user.clone()).as_deref());
            if let Some(after) = after {
                // The tenant breaks ties, so that each session has one position in the merged list.
                let is_before = if tenant < after.tenant_id { "<=" } else { "<" };
                let position = [after.stored_at.into(), Value::from(&after.id)];
                selection.and(&format!("(stored_at, session_id) {is_before} ({{1}}, {{2}})"), position);
            }
            let Selection { sql, mut params } = selection;
            params.push(i64::try_from(first + 1).unwrap_or(i64::MAX).into());
            let sql = format!(
                "SELECT {READ_COLUMNS} FROM sessions {sql} ORDER BY stored_at DESC, session_id DESC LIMIT ${}",
                params.len()
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
            let params = [tenant.into(), own.into(), id.into()];
            let sql = format!(
                "SELECT {READ_COLUMNS} FROM sessions WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND session_id = $3"
            );
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
