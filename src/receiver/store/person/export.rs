//! The export of everything that is held of a user: a manifest, then one line for each record, in one snapshot.

use crate::receiver::store::audit::{AuditEntry, record};
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::directory::{TenantKind, tenant_id};
use crate::receiver::store::error::Result;
use crate::receiver::store::open::Store;
use crate::receiver::store::session_admin::{SessionFilter, export_sessions};
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::time;
use serde_json::{Map, Value as Json, json};

/// Version of the export.
const VERSION: u32 = 1;

/// Form of a column in the export.
#[derive(Debug, Clone, Copy)]
enum ColumnForm {
    Text,
    Number,
    Time,
    Day,
    Json,
}

/// Records of one kind: their query by the user's id, and the member of each column.
struct RecordKind {
    name: &'static str,
    sql: &'static str,
    members: &'static [(&'static str, ColumnForm)],
}

use ColumnForm::{Day, Json as JsonText, Number, Text, Time};

const KINDS: &[RecordKind] = &[
    RecordKind {
        name: "user",
        sql: "SELECT tenant_id, handle, title, created_at, retained_since FROM tenants WHERE tenant_id = $1",
        members: &[
            ("id", Text),
            ("login", Text),
            ("name", Text),
            ("createdAt", Time),
            ("retainedSince", Time),
        ],
    },
    RecordKind {
        name: "account",
        sql: "SELECT owner FROM owners WHERE tenant_id = $1 ORDER BY owner",
        members: &[("account", Text)],
    },
    RecordKind {
        name: "membership",
        sql: "SELECT o.handle, m.role, m.joined_at FROM members m JOIN tenants o ON o.tenant_id = m.tenant_id \
              WHERE m.user_id = $1 ORDER BY o.handle",
        members: &[("organization", Text), ("role", Text), ("joinedAt", Time)],
    },
    RecordKind {
        name: "key",
        sql: "SELECT key_id, prefix, label, created_at, expires_at, revoked_at, last_used_at FROM api_keys \
              WHERE tenant_id = $1 ORDER BY created_at, key_id",
        members: &[
            ("id", Text),
            ("prefix", Text),
            ("label", Text),
            ("createdAt", Time),
            ("expiresAt", Time),
            ("revokedAt", Time),
            ("lastUsedAt", Time),
        ],
    },
    RecordKind {
        name: "sign-in",
        sql: "SELECT key_id, began_at, expires_at FROM page_sessions WHERE tenant_id = 'directory' AND user_id = $1 \
              ORDER BY began_at, session_hash",
        members: &[("key", Text), ("beganAt", Time), ("expiresAt", Time)],
    },
    RecordKind {
        name: "provider-account",
        sql: "SELECT issuer, subject, linked_at FROM provider_accounts WHERE tenant_id = 'directory' AND user_id = $1 \
              ORDER BY issuer, subject",
        members: &[("issuer", Text), ("subject", Text), ("linkedAt", Time)],
    },
    RecordKind {
        name: "client",
        sql: "SELECT CASE WHEN t.kind = 'organization' THEN t.handle END, c.client_id, c.last_seen_at, c.last_success_at, \
              c.sessions, c.messages, c.attempts, c.last_errors, c.version, c.os, c.pending_sessions, c.pending_messages, \
              c.pending_since, c.conditions FROM clients c LEFT JOIN tenants t ON t.tenant_id = c.tenant_id \
              WHERE c.user_id = $1 ORDER BY t.handle, c.client_id",
        members: &[
            ("organization", Text),
            ("clientId", Text),
            ("lastSeenAt", Time),
            ("lastSuccessAt", Time),
            ("sessions", Number),
            ("messages", Number),
            ("attempts", Number),
            ("lastErrors", JsonText),
            ("version", Text),
            ("os", Text),
            ("pendingSessions", Number),
            ("pendingMessages", Number),
            ("pendingSince", Time),
            ("conditions", JsonText),
        ],
    },
    RecordKind {
        name: "location",
        sql: "SELECT l.session_id, CASE WHEN t.kind = 'organization' THEN t.handle END, l.forgotten_at, \
              l.forgotten_repository, l.restored_at FROM session_locations l \
              LEFT JOIN tenants t ON t.tenant_id = l.stored_in WHERE l.tenant_id = $1 ORDER BY l.session_id",
        members: &[
            ("sessionId", Text),
            ("organization", Text),
            ("forgottenAt", Time),
            ("forgottenRepository", Text),
            ("restoredAt", Time),
        ],
    },
    RecordKind {
        name: "metric",
        sql: "SELECT CASE WHEN t.kind = 'organization' THEN t.handle END, m.session_id, m.day, m.model, m.message_type, \
              m.repository, m.messages, m.input_tokens, m.output_tokens, m.cache_read_tokens, m.cache_creation_tokens, \
              m.lines_added, m.lines_removed, m.tasks_completed FROM metrics m LEFT JOIN tenants t ON t.tenant_id = m.tenant_id \
              WHERE m.user_id = $1 ORDER BY t.handle, m.session_id, m.day, m.model, m.message_type",
        members: &[
            ("organization", Text),
            ("sessionId", Text),
            ("day", Day),
            ("model", Text),
            ("type", Text),
            ("repository", Text),
            ("messages", Number),
            ("inputTokens", Number),
            ("outputTokens", Number),
            ("cacheReadTokens", Number),
            ("cacheCreationTokens", Number),
            ("linesAdded", Number),
            ("linesRemoved", Number),
            ("tasksCompleted", Number),
        ],
    },
    RecordKind {
        name: "audit",
        sql: "SELECT at, actor, action, target, address, outcome, count FROM audit WHERE tenant_id = 'audit' \
              AND (actor = $1 OR ' ' || target || ' ' LIKE '% ' || $1 || ' %') ORDER BY at, entry",
        members: &[
            ("at", Time),
            ("actor", Text),
            ("action", Text),
            ("target", Text),
            ("address", Text),
            ("outcome", Text),
            ("count", Number),
        ],
    },
];

impl Store {
    /// Passes everything that is held of a user to `write`, one record after the other, the manifest first.
    pub async fn export_user(&self, login: &str, mut write: impl FnMut(Json) -> Result<()>) -> Result<()> {
        self.operate(async |tx| {
            let user = tenant_id(tx, TenantKind::User, login).await?;
            record(tx, &AuditEntry::command("user.export", user)).await
        })
        .await?;
        let tx = self.db.read(DbRole::Operator).await?;
        let user = tenant_id(&tx, TenantKind::User, login).await?;
        write(manifest(&tx, &user, login).await?)?;
        for kind in KINDS {
            for row in tx.query(kind.sql, &[Value::from(&user)]).await? {
                write(kind.json(&row)?)?;
            }
        }
        let filter = SessionFilter { login: Some(login.to_owned()), ..SessionFilter::default() };
        export_sessions(&tx, &filter, |exported| {
            let mut line = json!({"type": "session"});
            line["organization"] = exported.organization.into();
            line["session"] = serde_json::to_value(exported.session).unwrap_or_default();
            write(line)
        })
        .await?;
        tx.commit().await
    }
}

/// The first line: whose export it is, and how many records of each kind follow.
async fn manifest(tx: &Transaction, user: &str, login: &str) -> Result<Json> {
    let mut counts = Map::new();
    for kind in KINDS {
        let sql = format!("SELECT count(*) FROM ({}) AS records", kind.sql);
        counts.insert(kind.name.to_owned(), count(tx, &sql, user).await?.into());
    }
    for (name, sql) in [
        ("session", "SELECT count(*) FROM sessions WHERE user_id = $1"),
        ("message", "SELECT count(*) FROM messages WHERE user_id = $1"),
        ("task", "SELECT count(*) FROM tasks WHERE user_id = $1"),
    ] {
        counts.insert(name.to_owned(), count(tx, sql, user).await?.into());
    }
    let exported_at = time::rfc3339(time::now_us());
    Ok(json!({"type": "manifest", "version": VERSION, "user": {"id": user, "login": login},
              "exportedAt": exported_at, "counts": counts}))
}

async fn count(tx: &Transaction, sql: &str, user: &str) -> Result<i64> {
    tx.query_one(sql, &[user.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

impl RecordKind {
    fn json(&self, row: &Row) -> Result<Json> {
        let mut line = Map::new();
        line.insert("type".to_owned(), self.name.into());
        for (column, (member, form)) in self.members.iter().enumerate() {
            let value = match form {
                Text => row.opt_text(column)?.into(),
                Number => row.opt_int(column)?.into(),
                Time => row.opt_int(column)?.map(time::rfc3339).into(),
                Day => row.opt_int(column)?.map(time::date).into(),
                JsonText => row
                    .opt_text(column)?
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default(),
            };
            // A record's own type stands beside the type of the line.
            let member = if *member == "type" { "messageType" } else { member };
            line.insert(member.to_owned(), value);
        }
        Ok(Json::Object(line))
    }
}
