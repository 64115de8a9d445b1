//! The aggregates of one user in one tenant: the tokens of answers, and the sums.

use super::outcome::{UpsertError, try_join};
use crate::receiver::ingest::token_usage::{MetricsDeltas, TokenUsage};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::Rows;
use crate::receiver::store::tables::{
    INSERT_USAGES, SessionLabels, UPSERT_USAGES, add_to_metrics, push_usage, stored_usages,
};
use std::collections::HashMap;

/// The aggregates of one user in one tenant.
pub struct Aggregates<'t> {
    pub tx: &'t Transaction,
    pub tenant: &'t str,
    pub user_id: &'t str,
    /// True if an answer may be stored although its state was not found: rows are then upserted, not inserted.
    pub assumes_existing: bool,
}

impl Aggregates<'_> {
    /// The stored state of answers, by usage id.
    pub async fn usages(&self, ids: impl Iterator<Item = &str>) -> Result<HashMap<String, TokenUsage>> {
        stored_usages(self.tx, self.tenant, self.user_id, ids).await
    }

    /// Stores the answers that differ from their `stored` state, and adds to the sums. `labels` holds the labels of
    /// sessions that may have new sums; other sessions keep theirs.
    pub async fn upsert(
        &self,
        labels: &HashMap<&str, SessionLabels<'_>>,
        stored: &HashMap<String, TokenUsage>,
        usages: &HashMap<String, TokenUsage>,
        deltas: &MetricsDeltas,
    ) -> Result<(), UpsertError> {
        let common = [self.tenant, self.user_id];
        let (mut new, mut changed) = (Rows::new(&common), Rows::new(&common));
        for (id, usage) in usages {
            match stored.get(id) {
                Some(stored) if stored == usage => {}
                None if !self.assumes_existing => push_usage(&mut new, id, usage),
                _ => push_usage(&mut changed, id, usage),
            }
        }
        let usages = try_join(
            self.tx.insert_many(&INSERT_USAGES, &new),
            self.tx.insert_many(&UPSERT_USAGES, &changed),
        );
        let sums = add_to_metrics(self.tx, self.tenant, self.user_id, labels, deltas);
        let (_, too_large) = try_join(usages, sums).await?;
        too_large.map_or(Ok(()), |error| Err(error.into()))
    }
}
