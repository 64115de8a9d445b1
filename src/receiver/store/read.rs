//! Sessions, messages and tasks as their readers get them: in pages whose places do not shift.
//!
//! Invariants: whatever is read is read inside a tenant that the reader belongs to, and is the reader's own unless they
//! are its admin; a list is in an order that no later write changes, so that a page continues where the one before it ended; content is read by itself, because it is large.

use super::Store;
use super::db::{DbRole, Result, Row, StoreError, Tx, Value, Visibility};
use super::directory::Principal;
use std::collections::{HashMap, HashSet};

/// A session inside a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    pub tenant_id: String,
    pub id: String,
}

/// A session without its rows.
#[derive(Debug, Clone)]
pub struct StoredSession {
    pub key: SessionKey,
    pub user_id: String,
    pub repository: String,
    pub project_slug: String,
    pub status: String,
    pub slug: Option<String>,
    pub harness: Option<String>,
    pub inclusion: Option<String>,
    pub message_count: i64,
    pub total_message_count: Option<i64>,
    pub last_modified: String,
    pub stored_at: i64,
}

/// SessionFilter sessions; absent means any.
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    pub organization: Option<String>,
    pub repository: Option<String>,
    pub user: Option<String>,
}

/// A place in the list of sessions: newest first by when they were first stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionPosition {
    pub stored_at: i64,
    pub id: String,
    pub tenant_id: String,
}

/// A message without its content.
#[derive(Debug, Clone)]
pub struct StoredMessage {
    pub session: SessionKey,
    pub id: String,
    pub at: i64,
    pub line_number: i64,
    pub stream: String,
    pub message_type: String,
    pub timestamp: String,
    pub content_hash: String,
    /// Bytes; `None` without content.
    pub content_bytes: Option<i64>,
    /// Input, output, cache read, cache creation.
    pub tokens: [Option<i64>; 4],
    pub agent_id: Option<String>,
    pub parent_id: Option<String>,
    pub role: Option<String>,
    pub tool_name: Option<String>,
    pub model: Option<String>,
    pub usage_id: Option<String>,
    /// Added, removed; files changed.
    pub lines: [Option<i64>; 3],
    pub content_omitted: bool,
}

/// A place in a session's messages: in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessagePosition {
    pub at: i64,
    pub line_number: i64,
    pub id: String,
}

/// SessionFilter messages of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessagePage {
    pub session: SessionKey,
    /// One more than this is given, where there is one.
    pub first: usize,
    pub after: Option<MessagePosition>,
}

#[derive(Debug, Clone)]
pub struct StoredTask {
    pub id: String,
    pub subject: String,
    pub description: Option<String>,
    pub status: String,
    pub created_at: String,
    pub updated_at: String,
}

const SESSION_COLUMNS: &str = "tenant_id, session_id, user_id, repository, project_slug, status, slug, harness, inclusion, \
    message_count, total_message_count, last_modified, stored_at";
/// `$2` is the only user whose rows are seen, or empty.
const SESSIONS: &str = "WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR user_id = $3) \
    AND ($4 = '' OR repository = $4)";
const MESSAGES: &str = "\
    SELECT session_id, message_id, at, line_number, stream, message_type, \"timestamp\", content_hash, content_bytes, \
    input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, agent_id, parent_id, role, tool_name, model, \
    usage_id, lines_added, lines_removed, files_changed, content_omitted \
    FROM (SELECT m.*, CAST(octet_length(content) AS BIGINT) AS content_bytes, row_number() OVER \
    (PARTITION BY session_id ORDER BY at, line_number, message_id) AS place FROM messages m \
    WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND session_id IN {list:$3} \
    AND (at, line_number, message_id) > ($4, $5, $6)) page \
    WHERE place <= $7 ORDER BY session_id, at, line_number, message_id";
const TASKS: &str = "\
    SELECT session_id, task_id, subject, description, status, created_at, updated_at FROM tasks \
    WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND session_id IN {list:$3} AND NOT pruned \
    ORDER BY session_id, created_at, task_id";
const CONTENTS: &str = "\
    SELECT session_id, message_id, content FROM messages WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) \
    AND session_id IN {list:$3} AND message_id IN {list:$4} AND content IS NOT NULL";

/// Enters a tenant as a reader. Gives back the only user whose rows are seen, or nothing for an admin; `None` when the
/// tenant is not theirs.
pub(super) async fn enter(tx: &Tx, principal: &Principal, tenant: &str) -> Result<Option<String>> {
    let Some(visibility) = principal.visibility(tenant) else { return Ok(None) };
    tx.enter(tenant, &principal.user_id, visibility).await?;
    Ok(Some(match visibility {
        Visibility::Own => principal.user_id.clone(),
        Visibility::All => String::new(),
    }))
}

impl Store {
    /// One page of what the reader may see, over all their tenants, and one more where there is one.
    pub async fn sessions(
        &self,
        principal: &Principal,
        filter: &SessionQuery,
        first: usize,
        after: Option<&SessionPosition>,
    ) -> Result<Vec<StoredSession>> {
        let user = match &filter.user {
            None => String::new(),
            Some(login) => match self.user_id(login).await? {
                Some(id) => id,
                None => return Ok(Vec::new()),
            },
        };
        let repository = filter.repository.clone().unwrap_or_default();
        let tx = self.db.read(DbRole::Request).await?;
        let mut page = Vec::new();
        for tenant in principal.tenants() {
            let slug = principal.membership(&tenant).map(|membership| &membership.slug);
            if filter.organization.is_some() && filter.organization.as_ref() != slug {
                continue;
            }
            let Some(own) = enter(&tx, principal, &tenant).await? else { continue };
            let mut params = vec![
                Value::from(&tenant),
                own.into(),
                Value::from(&user),
                Value::from(&repository),
                i64::try_from(first + 1).unwrap_or(i64::MAX).into(),
            ];
            let mut place = "";
            if let Some(after) = after {
                // The tenant breaks ties, so that each row has one place in the merged list.
                place = if tenant < after.tenant_id {
                    "AND (stored_at, session_id) <= ($6, $7)"
                } else {
                    "AND (stored_at, session_id) < ($6, $7)"
                };
                params.extend([after.stored_at.into(), Value::from(&after.id)]);
            }
            let sql = format!(
                "SELECT {SESSION_COLUMNS} FROM sessions {SESSIONS} {place} \
                 ORDER BY stored_at DESC, session_id DESC LIMIT $5"
            );
            for row in tx.query(&sql, &params).await? {
                page.push(read_session(&row)?);
            }
        }
        tx.commit().await?;
        page.sort_by_key(|row| std::cmp::Reverse(row.position()));
        page.truncate(first + 1);
        Ok(page)
    }

    /// The session of this id that the reader may see; their own space first.
    pub async fn session(&self, principal: &Principal, id: &str) -> Result<Option<StoredSession>> {
        let tx = self.db.read(DbRole::Request).await?;
        let mut found = None;
        for tenant in principal.tenants() {
            let Some(own) = enter(&tx, principal, &tenant).await? else { continue };
            let sql = format!("SELECT {SESSION_COLUMNS} FROM sessions {SESSIONS} AND session_id = $5");
            let params = [tenant.into(), own.into(), "".into(), "".into(), id.into()];
            if let Some(row) = tx.query_one(&sql, &params).await? {
                found = Some(read_session(&row)?);
                break;
            }
        }
        tx.commit().await?;
        Ok(found)
    }

    /// Pages of the messages of several sessions at once.
    pub async fn messages(
        &self,
        principal: &Principal,
        pages: &[MessagePage],
    ) -> Result<HashMap<MessagePage, Vec<StoredMessage>>> {
        let mut groups: HashMap<(&str, usize, &Option<MessagePosition>), Vec<&MessagePage>> = HashMap::new();
        for page in pages {
            groups.entry((&page.session.tenant_id, page.first, &page.after)).or_default().push(page);
        }
        let mut found: HashMap<MessagePage, Vec<StoredMessage>> = HashMap::new();
        let tx = self.db.read(DbRole::Request).await?;
        for ((tenant, first, after), pages) in groups {
            let Some(own) = enter(&tx, principal, tenant).await? else { continue };
            let by_id: HashMap<&str, &MessagePage> =
                pages.iter().map(|page| (page.session.id.as_str(), *page)).collect();
            let ids: Vec<String> = by_id.keys().map(|id| (*id).to_owned()).collect();
            let (at, line, id) = match after {
                Some(place) => (place.at, place.line_number, place.id.as_str()),
                None => (i64::MIN, i64::MIN, ""),
            };
            let limit = i64::try_from(first + 1).unwrap_or(i64::MAX);
            let params =
                [tenant.into(), own.into(), ids.into(), at.into(), line.into(), id.into(), limit.into()];
            for row in tx.query(MESSAGES, &params).await? {
                let message = read_message(tenant, &row)?;
                if let Some(page) = by_id.get(message.session.id.as_str()) {
                    found.entry((*page).clone()).or_default().push(message);
                }
            }
        }
        tx.commit().await?;
        Ok(found)
    }

    /// The tasks of several sessions at once.
    pub async fn tasks(
        &self,
        principal: &Principal,
        sessions: &[SessionKey],
    ) -> Result<HashMap<SessionKey, Vec<StoredTask>>> {
        let mut groups: HashMap<&str, Vec<String>> = HashMap::new();
        for key in sessions {
            groups.entry(&key.tenant_id).or_default().push(key.id.clone());
        }
        let mut found: HashMap<SessionKey, Vec<StoredTask>> = HashMap::new();
        let tx = self.db.read(DbRole::Request).await?;
        for (tenant, ids) in groups {
            let Some(own) = enter(&tx, principal, tenant).await? else { continue };
            for row in tx.query(TASKS, &[tenant.into(), own.into(), ids.into()]).await? {
                let key = SessionKey { tenant_id: tenant.to_owned(), id: row.text(0)? };
                found.entry(key).or_default().push(StoredTask {
                    id: row.text(1)?,
                    subject: row.text(2)?,
                    description: row.opt_text(3)?,
                    status: row.text(4)?,
                    created_at: row.text(5)?,
                    updated_at: row.text(6)?,
                });
            }
        }
        tx.commit().await?;
        Ok(found)
    }

    /// The contents of messages, by session and id. How much may be asked for is the caller's to bound.
    pub async fn contents(
        &self,
        principal: &Principal,
        messages: &[(SessionKey, String)],
    ) -> Result<HashMap<(SessionKey, String), String>> {
        let mut groups: HashMap<&str, (Vec<String>, Vec<String>)> = HashMap::new();
        for (session, id) in messages {
            let (sessions, ids) = groups.entry(&session.tenant_id).or_default();
            sessions.push(session.id.clone());
            ids.push(id.clone());
        }
        let asked: HashSet<&(SessionKey, String)> = messages.iter().collect();
        let mut found = HashMap::new();
        let tx = self.db.read(DbRole::Request).await?;
        for (tenant, (sessions, ids)) in groups {
            let Some(own) = enter(&tx, principal, tenant).await? else { continue };
            for row in tx.query(CONTENTS, &[tenant.into(), own.into(), sessions.into(), ids.into()]).await? {
                let session = SessionKey { tenant_id: tenant.to_owned(), id: row.text(0)? };
                let key = (session, row.text(1)?);
                // Two sessions may have a message of the same id, of which one was asked for.
                if asked.contains(&key) {
                    found.insert(key, row.text(2)?);
                }
            }
        }
        tx.commit().await?;
        Ok(found)
    }
}

impl StoredSession {
    pub fn position(&self) -> SessionPosition {
        SessionPosition {
            stored_at: self.stored_at,
            id: self.key.id.clone(),
            tenant_id: self.key.tenant_id.clone(),
        }
    }
}

impl StoredMessage {
    pub fn position(&self) -> MessagePosition {
        MessagePosition { at: self.at, line_number: self.line_number, id: self.id.clone() }
    }
}

fn read_session(row: &Row) -> Result<StoredSession> {
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
    })
}

fn read_message(tenant: &str, row: &Row) -> Result<StoredMessage> {
    let numbers = |from: usize| -> Result<Vec<Option<i64>>, StoreError> {
        (from..from + 4).map(|column| row.opt_int(column)).collect()
    };
    let tokens = numbers(9)?;
    Ok(StoredMessage {
        session: SessionKey { tenant_id: tenant.to_owned(), id: row.text(0)? },
        id: row.text(1)?,
        at: row.int(2)?,
        line_number: row.int(3)?,
        stream: row.text(4)?,
        message_type: row.text(5)?,
        timestamp: row.text(6)?,
        content_hash: row.text(7)?,
        content_bytes: row.opt_int(8)?,
        tokens: [tokens[0], tokens[1], tokens[2], tokens[3]],
        agent_id: row.opt_text(13)?,
        parent_id: row.opt_text(14)?,
        role: row.opt_text(15)?,
        tool_name: row.opt_text(16)?,
        model: row.opt_text(17)?,
        usage_id: row.opt_text(18)?,
        lines: [row.opt_int(19)?, row.opt_int(20)?, row.opt_int(21)?],
        content_omitted: row.flag(22)?,
    })
}
