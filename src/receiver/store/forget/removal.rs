//! The removal of sessions from a tenant: their rows, their sums, and the answers that they shared with other sessions.
//!
//! Invariant: sessions take their sums along, except those of pruned days, which stay.

use crate::receiver::ingest::token_usage::{self, MetricsDeltas, TokenUsage};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::Value;
use crate::receiver::store::tables::{delete_usages, usage_messages};
use crate::receiver::store::write::{Aggregates, UpsertError};
use crate::receiver::time;
use std::collections::{HashMap, HashSet};

const SELECT_USAGE_IDS: &str = "\
    SELECT DISTINCT usage_id FROM messages WHERE tenant_id = $1 AND user_id = $2 AND session_id IN {list:$3} \
    AND usage_id IS NOT NULL";
const DELETE_METRICS: &str = "\
    DELETE FROM metrics WHERE tenant_id = $1 AND user_id = $2 AND session_id IN {list:$3} AND day >= $4";

/// Deletes rows and sums of a user's sessions, and counts the answers again that these shared with others.
pub async fn delete_sessions(tx: &Transaction, tenant: &str, user: &str, ids: &[String]) -> Result<()> {
    let sessions = [Value::from(tenant), user.into(), ids.to_vec().into()];
    let usage_ids = tx.query_texts(SELECT_USAGE_IDS, &sessions).await?;
    for table in ["messages", "tasks", "sessions"] {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant_id = $1 AND user_id = $2 AND session_id IN {{list:$3}}"
        );
        tx.execute(&sql, &sessions).await?;
    }
    let row =
        tx.query_one("SELECT retained_since FROM tenants WHERE tenant_id = $1", &[tenant.into()]).await?;
    let first_day = row.map(|row| row.opt_int(0)).transpose()?.flatten().map_or(i64::MIN, time::day);
    let [tenant_id, user_id, list] = sessions;
    tx.execute(DELETE_METRICS, &[tenant_id, user_id, list, first_day.into()]).await?;
    if usage_ids.is_empty() {
        return Ok(());
    }
    let ids = ids.iter().map(String::as_str).collect();
    let deleted = DeletedSessions { tx, tenant, user, ids, first_day };
    Ok(deleted.recount_usages(usage_ids).await?)
}

/// Sessions whose rows and sums are gone.
struct DeletedSessions<'a> {
    tx: &'a Transaction,
    tenant: &'a str,
    user: &'a str,
    ids: HashSet<&'a str>,
    /// The first day whose sums are not frozen by a prune.
    first_day: i64,
}

impl DeletedSessions<'_> {
    /// Counts answers of which the sessions had rows from their remaining rows. An answer that counts on a pruned day stays
    /// as it is, because the sums of that day stay.
    async fn recount_usages(&self, mut usage_ids: Vec<String>) -> Result<(), UpsertError> {
        let DeletedSessions { tx, tenant, user, .. } = *self;
        let aggregates = Aggregates { tx, tenant, user_id: user, assumes_existing: true };
        let mut stored = aggregates.usages(usage_ids.iter().map(String::as_str)).await?;
        let is_frozen = |usage: &TokenUsage| time::day(usage.first.at) < self.first_day;
        usage_ids.retain(|id| !stored.get(id).is_some_and(is_frozen));
        stored.retain(|_, usage| !is_frozen(usage));
        let mut deltas = MetricsDeltas::new();
        // The sums of an answer that counted in one of the sessions are gone with the session's.
        for usage in stored.values().filter(|usage| !self.ids.contains(usage.first.session_id.as_str())) {
            token_usage::count_usage(usage, -1, &mut deltas)?;
        }
        delete_usages(tx, tenant, user, usage_ids.clone()).await?;
        let mut usages: HashMap<String, TokenUsage> = HashMap::new();
        for (session, message) in usage_messages(tx, tenant, user, usage_ids).await? {
            token_usage::merge_usage(&session, &message, &mut usages);
        }
        for usage in usages.values() {
            token_usage::count_usage(usage, 1, &mut deltas)?;
        }
        aggregates.upsert(&HashMap::new(), &HashMap::new(), &usages, &deltas).await
    }
}
