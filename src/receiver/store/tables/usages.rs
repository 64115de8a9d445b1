//! `usages`: the tokens of each answer, and the row with which they are counted.

use crate::receiver::ingest::token_usage::{TokenUsage, UsageRank};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::{ColumnType, InsertMany, Row, Rows, SelectByKeys, Value};
use std::collections::HashMap;

const SELECT_USAGES: SelectByKeys = SelectByKeys {
    table: "usages",
    common: &["tenant_id", "user_id"],
    keys: &[("usage_id", ColumnType::Text)],
    columns: "usage_id, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, at, line_number, \
              message_type, session_id, message_id, model, last_at, cache_creation_1h_tokens, branch",
    tail: "",
};
/// For answers that were selected and are not stored. A conflict is an error.
pub const INSERT_USAGES: InsertMany = InsertMany { tail: "", ..UPSERT_USAGES };
/// Inserts answers, or replaces all of their fields.
pub const UPSERT_USAGES: InsertMany = InsertMany {
    table: "usages",
    common: &["tenant_id", "user_id"],
    columns: &[
        ("usage_id", ColumnType::Text),
        ("input_tokens", ColumnType::Int),
        ("output_tokens", ColumnType::Int),
        ("cache_read_tokens", ColumnType::Int),
        ("cache_creation_tokens", ColumnType::Int),
        ("at", ColumnType::Int),
        ("line_number", ColumnType::Int),
        ("message_type", ColumnType::Text),
        ("session_id", ColumnType::Text),
        ("message_id", ColumnType::Text),
        ("model", ColumnType::Text),
        ("last_at", ColumnType::Int),
        ("cache_creation_1h_tokens", ColumnType::Int),
        ("branch", ColumnType::Text),
    ],
    tail: "ON CONFLICT (tenant_id, user_id, usage_id) DO UPDATE SET input_tokens = excluded.input_tokens, \
           output_tokens = excluded.output_tokens, cache_read_tokens = excluded.cache_read_tokens, \
           cache_creation_tokens = excluded.cache_creation_tokens, at = excluded.at, \
           line_number = excluded.line_number, message_type = excluded.message_type, \
           session_id = excluded.session_id, message_id = excluded.message_id, model = excluded.model, \
           last_at = excluded.last_at, cache_creation_1h_tokens = excluded.cache_creation_1h_tokens, \
           branch = excluded.branch",
};

/// Adds an answer to the rows of an `INSERT`.
pub fn push_usage<'a>(rows: &mut Rows<'a>, id: &'a str, usage: &'a TokenUsage) {
    let [input, output, cache_read, cache_creation, cache_creation_1h] = usage.tokens;
    rows.push([
        id.into(),
        input.into(),
        output.into(),
        cache_read.into(),
        cache_creation.into(),
        usage.first.at.into(),
        usage.first.line_number.into(),
        (&usage.first.message_type).into(),
        (&usage.first.session_id).into(),
        (&usage.first.message_id).into(),
        (&usage.model).into(),
        usage.last_at.into(),
        cache_creation_1h.into(),
        (&usage.branch).into(),
    ]);
}

/// The stored state of a user's answers, by usage id.
pub async fn stored_usages(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, TokenUsage>> {
    let mut keys = Rows::new(&[tenant, user]);
    ids.for_each(|id| keys.push([id.into()]));
    tx.select_by_keys(&SELECT_USAGES, &keys).await?.iter().map(read_usage).collect()
}

/// The stored state of all of a user's answers in a tenant, by usage id.
pub async fn user_usages(tx: &Transaction, tenant: &str, user: &str) -> Result<HashMap<String, TokenUsage>> {
    let sql = format!("SELECT {} FROM usages WHERE tenant_id = $1 AND user_id = $2", SELECT_USAGES.columns);
    tx.query(&sql, &[tenant.into(), user.into()]).await?.iter().map(read_usage).collect()
}

fn read_usage(row: &Row) -> Result<(String, TokenUsage)> {
    let model = row.text(10)?;
    let first = UsageRank {
        without_model: model.is_empty(),
        at: row.int(5)?,
        line_number: row.int(6)?,
        message_type: row.text(7)?,
        session_id: row.text(8)?,
        message_id: row.text(9)?,
    };
    let tokens = [row.int(1)?, row.int(2)?, row.int(3)?, row.int(4)?, row.int(12)?];
    Ok((row.text(0)?, TokenUsage { tokens, first, model, branch: row.text(13)?, last_at: row.int(11)? }))
}

/// Deletes the stored state of a user's answers.
pub async fn delete_usages(tx: &Transaction, tenant: &str, user: &str, ids: Vec<String>) -> Result<()> {
    let sql = "DELETE FROM usages WHERE tenant_id = $1 AND user_id = $2 AND usage_id IN {list:$3}";
    let params = [Value::from(tenant), user.into(), ids.into()];
    tx.execute(sql, &params).await.map(|_| ())
}
