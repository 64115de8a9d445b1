//! `messages`: a column for each of `COLUMNS`, so that a new field needs no edit here.
//!
//! Invariant: stored content is never replaced; only absent content is filled in. Content is read by itself, because it is
//! large. An empty `timestamp` means that `at` is the time of arrival.

use super::sessions::SessionKey;
use crate::protocol::SyncMessage;
use crate::protocol::message::{COLUMNS, MessageColumn};
use crate::receiver::ingest::batch::DecodedMessage;
use crate::receiver::ingest::merge::DEFAULT_STREAM;
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::directory::QueryReader;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::{
    Column, ColumnType, InsertMany, Row, Rows, SelectByKeys, SelectPages, ValueRef,
};
use crate::receiver::time;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A message without its content.
#[derive(Debug, Clone)]
pub struct StoredMessage {
    /// Session of the row.
    pub session: SessionKey,
    /// Time, in microseconds since the epoch.
    pub at: i64,
    /// Bytes of the content; `None` without content.
    pub content_bytes: Option<i64>,
    /// As on the wire, without content.
    pub message: SyncMessage,
}

/// A position in a session's messages, which are in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessagePosition {
    /// Time, in microseconds since the epoch.
    pub at: i64,
    /// Line in the source stream.
    pub line_number: i64,
    /// Id within the tenant.
    pub id: String,
}

/// A page of a session's messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessagePage {
    /// Session of the messages.
    pub session: SessionKey,
    /// Size of the page; the store returns one message more, where there is one.
    pub first: usize,
    /// Position after which the page begins.
    pub after: Option<MessagePosition>,
}

/// Columns that are not declared in [`COLUMNS`]: they come first.
const OWN_COLUMNS: [Column; 3] =
    [("session_id", ColumnType::Text), ("at", ColumnType::Int), ("arrived_at", ColumnType::Int)];

const WRITTEN_COLUMNS: [Column; OWN_COLUMNS.len() + COLUMNS.len()] = {
    let mut columns = [OWN_COLUMNS[0]; OWN_COLUMNS.len() + COLUMNS.len()];
    columns[1] = OWN_COLUMNS[1];
    columns[2] = OWN_COLUMNS[2];
    let mut index = 0;
    while index < COLUMNS.len() {
        columns[OWN_COLUMNS.len() + index] = (COLUMNS[index].store, ColumnType::of(COLUMNS[index].kind));
        index += 1;
    }
    columns
};

/// Returns the keys that were inserted: the other messages were stored before.
pub const INSERT_MESSAGES: InsertMany = InsertMany {
    table: "messages",
    common: &["tenant_id", "user_id"],
    columns: &WRITTEN_COLUMNS,
    tail: "ON CONFLICT (tenant_id, session_id, message_id) DO NOTHING RETURNING session_id, message_id",
};
/// For sessions that the same transaction has inserted: without the search for conflicts PostgreSQL takes a quarter less
/// time. A conflict is an error.
pub const INSERT_FIRST_MESSAGES: InsertMany = InsertMany { tail: "", ..INSERT_MESSAGES };
/// Replaces all columns of stored messages but their content, which is only filled in.
pub static REPLACE_MESSAGES: LazyLock<InsertMany> =
    LazyLock::new(|| InsertMany { tail: REPLACE_TAIL.as_str(), ..INSERT_MESSAGES });
static REPLACE_TAIL: LazyLock<String> = LazyLock::new(|| {
    let replaced = COLUMNS.iter().filter(|column| is_no_content(column) && column.store != "message_id");
    let replaced = std::iter::once("at").chain(replaced.map(|column| column.store));
    let assignments: Vec<String> = replaced.map(|column| format!("{column} = excluded.{column}")).collect();
    format!(
        "ON CONFLICT (tenant_id, session_id, message_id) DO UPDATE SET {}, \
         content = coalesce(messages.content, excluded.content)",
        assignments.join(", ")
    )
});
/// Messages without content, as [`read_message`] reads them, and whether there is content.
static SELECT_STORED: LazyLock<SelectByKeys> = LazyLock::new(|| SelectByKeys {
    table: "messages",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text), ("message_id", ColumnType::Text)],
    columns: STORED_COLUMNS.as_str(),
    tail: "",
});
static STORED_COLUMNS: LazyLock<String> =
    LazyLock::new(|| format!("{}, content IS NOT NULL", column_list(is_no_content)));
/// Contents in all of a tenant's sessions.
const SELECT_CONTENTS: SelectByKeys = SelectByKeys {
    table: "messages",
    common: &["tenant_id"],
    keys: &[("session_id", ColumnType::Text), ("message_id", ColumnType::Text)],
    columns: "session_id, message_id, content",
    tail: "",
};
/// Contents in a user's sessions.
const SELECT_OWN_CONTENTS: SelectByKeys =
    SelectByKeys { common: &["tenant_id", "user_id"], ..SELECT_CONTENTS };

/// All columns as [`read_message`] reads them.
static READ_COLUMNS: LazyLock<String> = LazyLock::new(|| column_list(|_| true));

/// A page of a session, in the columns of [`StoredMessage::read`].
static SELECT_PAGE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, CAST(octet_length(content) AS BIGINT) AS content_bytes FROM messages \
         WHERE tenant_id = $1 AND ($2 = '' OR user_id = $2) AND session_id = {{key}} \
         AND (at, line_number, message_id) > ($3, $4, $5) ORDER BY at, line_number, message_id LIMIT $6",
        column_list(is_no_content)
    )
});

fn is_no_content(column: &MessageColumn) -> bool {
    column.store != "content"
}

fn column_list(is_selected: fn(&MessageColumn) -> bool) -> String {
    let own = OWN_COLUMNS.iter().map(|column| column.0);
    let declared = COLUMNS.iter().filter(|column| is_selected(column)).map(|column| column.store);
    own.chain(declared).collect::<Vec<_>>().join(", ")
}

/// Adds a message to the rows of an `INSERT`.
pub fn push_message<'a>(rows: &mut Rows<'a>, session_id: &'a str, message: &'a DecodedMessage) {
    let own = [session_id.into(), message.at.into(), message.arrived_at.into()];
    let declared = COLUMNS.iter().map(|column| match (column.get)(&message.wire).into() {
        ValueRef::Null if column.store == "stream" => ValueRef::Text(DEFAULT_STREAM),
        value => value,
    });
    rows.push(own.into_iter().chain(declared));
}

/// Adds a message to the rows of an `INSERT`, with the content of another version of it.
pub fn push_merged<'a>(
    rows: &mut Rows<'a>,
    session_id: &'a str,
    merged: &'a DecodedMessage,
    content: Option<&'a String>,
) {
    let own = [session_id.into(), merged.at.into(), merged.arrived_at.into()];
    let declared = COLUMNS.iter().map(|column| match column.store {
        "content" => content.into(),
        _ => (column.get)(&merged.wire).into(),
    });
    rows.push(own.into_iter().chain(declared));
}

/// A stored message without its content.
#[derive(Debug)]
pub struct StoredVersion {
    pub session_id: String,
    pub message: DecodedMessage,
    pub has_content: bool,
}

/// Messages as they are stored, without their content.
pub async fn stored_versions(
    tx: &Transaction,
    tenant: &str,
    messages: &[(&str, &DecodedMessage)],
) -> Result<Vec<StoredVersion>> {
    let mut keys = Rows::new(&[tenant]);
    messages.iter().for_each(|(session, message)| keys.push([(*session).into(), (&message.wire.id).into()]));
    let rows = tx.select_by_keys(&SELECT_STORED, &keys).await?;
    let read = |row: &Row| {
        let (session_id, message) = read_message(row, is_no_content)?;
        Ok(StoredVersion { session_id, message, has_content: row.flag(WRITTEN_COLUMNS.len() - 1)? })
    };
    rows.iter().map(read).collect()
}

/// All messages of a user's session with their content, in the order of time.
pub async fn session_messages(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    session: &str,
) -> Result<Vec<DecodedMessage>> {
    let sql = format!(
        "SELECT {} FROM messages WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3 \
         ORDER BY at, line_number, message_id",
        *READ_COLUMNS
    );
    let rows = tx.query(&sql, &[tenant.into(), user.into(), session.into()]).await?;
    rows.iter().map(|row| Ok(read_message(row, |_| true)?.1)).collect()
}

/// All messages of a user's session without their content, in no order.
pub async fn session_versions(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    session: &str,
) -> Result<Vec<DecodedMessage>> {
    let sql = format!(
        "SELECT {} FROM messages WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3",
        column_list(is_no_content)
    );
    let rows = tx.query(&sql, &[tenant.into(), user.into(), session.into()]).await?;
    rows.iter().map(|row| Ok(read_message(row, is_no_content)?.1)).collect()
}

/// All rows of a user's answers, each with the id of its session.
pub async fn usage_messages(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    usage_ids: Vec<String>,
) -> Result<Vec<(String, DecodedMessage)>> {
    let sql = format!(
        "SELECT {} FROM messages WHERE tenant_id = $1 AND user_id = $2 AND usage_id IN {{list:$3}}",
        *READ_COLUMNS
    );
    let rows = tx.query(&sql, &[tenant.into(), user.into(), usage_ids.into()]).await?;
    rows.iter().map(|row| read_message(row, |_| true)).collect()
}

/// Reads the columns of [`column_list`]: the session's id and the message.
fn read_message(row: &Row, is_selected: fn(&MessageColumn) -> bool) -> Result<(String, DecodedMessage)> {
    let mut wire = SyncMessage::default();
    let selected = COLUMNS.iter().filter(|column| is_selected(column));
    for (index, column) in selected.enumerate() {
        (column.set)(&mut wire, row.field(OWN_COLUMNS.len() + index, column.kind)?);
    }
    wire.content_omitted = wire.content_omitted.filter(|is_omitted| *is_omitted);
    Ok((row.text(0)?, DecodedMessage { at: row.int(1)?, arrived_at: row.opt_int(2)?, wire }))
}

/// Fills in an absent timestamp with the time of arrival.
pub fn fill_timestamp(message: &mut DecodedMessage) {
    if message.wire.timestamp.is_empty() {
        message.wire.timestamp = time::rfc3339(message.at);
    }
}

impl StoredMessage {
    fn read(tenant: &str, row: &Row) -> Result<StoredMessage> {
        let (id, mut message) = read_message(row, is_no_content)?;
        fill_timestamp(&mut message);
        Ok(StoredMessage {
            session: SessionKey { tenant_id: tenant.to_owned(), id },
            at: message.at,
            content_bytes: row.opt_int(WRITTEN_COLUMNS.len() - 1)?,
            message: message.wire,
        })
    }

    /// Position for keyset pagination.
    pub fn position(&self) -> MessagePosition {
        MessagePosition { at: self.at, line_number: self.message.line_number, id: self.message.id.clone() }
    }
}

impl QueryReader {
    /// Pages of the messages of several sessions.
    pub async fn messages(&self, pages: &[MessagePage]) -> Result<HashMap<MessagePage, Vec<StoredMessage>>> {
        let mut groups: HashMap<(&str, usize, &Option<MessagePosition>), Vec<&MessagePage>> = HashMap::new();
        for page in pages {
            groups.entry((&page.session.tenant_id, page.first, &page.after)).or_default().push(page);
        }
        let mut found: HashMap<MessagePage, Vec<StoredMessage>> = HashMap::new();
        let principal = self.principal();
        let tx = self.begin(DbRole::Request).await?;
        for ((tenant, first, after), pages) in groups {
            let Some(own) = principal.enter(&tx, tenant).await? else { continue };
            let by_id: HashMap<&str, &MessagePage> =
                pages.iter().map(|page| (page.session.id.as_str(), *page)).collect();
            let ids: Vec<String> = by_id.keys().map(|id| (*id).to_owned()).collect();
            let (at, line, id) = match after {
                Some(position) => (position.at, position.line_number, position.id.as_str()),
                None => (i64::MIN, i64::MIN, ""),
            };
            let limit = i64::try_from(first + 1).unwrap_or(i64::MAX);
            let params = [tenant.into(), own.into(), at.into(), line.into(), id.into(), limit.into()];
            let select = SelectPages { of_one: &SELECT_PAGE };
            for row in tx.select_pages(&select, &params, ids).await? {
                let message = StoredMessage::read(tenant, &row)?;
                if let Some(page) = by_id.get(message.session.id.as_str()) {
                    found.entry((*page).clone()).or_default().push(message);
                }
            }
        }
        tx.commit().await?;
        found.values_mut().for_each(|messages| messages.sort_by_cached_key(StoredMessage::position));
        Ok(found)
    }

    /// The contents of messages, by session and id. The caller bounds how many bytes these are.
    pub async fn contents(
        &self,
        messages: &[(SessionKey, String)],
    ) -> Result<HashMap<(SessionKey, String), String>> {
        let mut groups: HashMap<&str, Vec<&(SessionKey, String)>> = HashMap::new();
        for message in messages {
            groups.entry(&message.0.tenant_id).or_default().push(message);
        }
        let mut found = HashMap::new();
        let principal = self.principal();
        let tx = self.begin_unbudgeted(DbRole::Request).await?;
        for (tenant, messages) in groups {
            let Some(own) = principal.enter(&tx, tenant).await? else { continue };
            let (select, mut keys) = match own.as_str() {
                "" => (&SELECT_CONTENTS, Rows::new(&[tenant])),
                own => (&SELECT_OWN_CONTENTS, Rows::new(&[tenant, own])),
            };
            messages.iter().for_each(|(session, id)| keys.push([(&session.id).into(), id.into()]));
            for row in tx.select_by_keys(select, &keys).await? {
                let session = SessionKey { tenant_id: tenant.to_owned(), id: row.text(0)? };
                if let Some(content) = row.opt_text(2)? {
                    found.insert((session, row.text(1)?), content);
                }
            }
        }
        tx.commit().await?;
        Ok(found)
    }
}
