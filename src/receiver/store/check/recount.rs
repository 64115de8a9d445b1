//! A recount of one user's rows in one tenant, compared with what is kept beside them.
//!
//! Answers near the limit of a prune, of which rows may be gone, keep their stored state.

use crate::protocol::MessageDigest;
use crate::receiver::ingest::batch::PullRequest;
use crate::receiver::ingest::token_usage::{self, MetricSums, MetricsDeltas, SumTooLarge, TokenUsage};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::digests::set_digest;
use crate::receiver::store::error::Result;
use crate::receiver::store::retention::USAGE_MARGIN_US;
use crate::receiver::store::sql::Value;
use crate::receiver::store::tables::{
    SessionLabels, delete_usages, read_pull_request, session_versions, stored_sums, user_usages,
};
use crate::receiver::store::write::Aggregates;
use crate::receiver::time;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A difference that a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreFault {
    /// `integrity`, `access`, `rows`, `digest` or `sums`.
    pub kind: &'static str,
    /// Slug; null in a private space, and for the store as a whole.
    pub organization: Option<String>,
    /// Login name of the user; null for the store as a whole.
    pub login: Option<String>,
    /// Id of the session.
    pub session: Option<String>,
    /// Sentence for people.
    pub message: String,
    /// True if it was repaired.
    pub repaired: bool,
}

/// The rows of a user in a tenant.
#[derive(Debug)]
pub struct RecountScope {
    pub tenant: String,
    pub user: String,
    pub retained_since: Option<i64>,
    /// Slug; `None` for a private space.
    pub organization: Option<String>,
    pub login: String,
}

/// Result of a recount.
#[derive(Debug, Default)]
pub struct Recount {
    pub sessions: u64,
    pub messages: u64,
    pub faults: Vec<StoreFault>,
}

const SELECT_SESSIONS: &str = "\
    SELECT session_id, message_count, digest, repository, pr_number, pr_url FROM sessions WHERE tenant_id = $1 AND user_id = $2";
const SELECT_SESSIONS_WITH_MESSAGES: &str =
    "SELECT DISTINCT session_id FROM messages WHERE tenant_id = $1 AND user_id = $2";
const SELECT_COMPLETED_TASKS: &str = "\
    SELECT session_id, changed_at FROM tasks WHERE tenant_id = $1 AND user_id = $2 AND status = 'completed'";

impl Recount {
    /// Recounts, and with `repairs` sets right what is counted wrong; the transaction then holds the user's lock.
    pub async fn of(tx: &Transaction, scope: &RecountScope, repairs: bool) -> Result<Recount> {
        let counter = Counter { tx, scope, repairs };
        let mut recount = Recount::default();
        let mut sums = counter.begin_sums().await?;
        let labels = counter.count_sessions(&mut recount, &mut sums).await?;
        counter.count_tasks(&mut sums).await?;
        counter.compare_sums(sums, &labels, &mut recount).await?;
        Ok(recount)
    }
}

/// Repository and pull request of each session.
type OwnedLabels = HashMap<String, (String, Option<PullRequest>)>;

/// Sums as they are counted, and the answers that they are counted from.
struct CountedSums {
    first_day: i64,
    stored_usages: HashMap<String, TokenUsage>,
    usages: HashMap<String, TokenUsage>,
    deltas: MetricsDeltas,
    overflow: Option<SumTooLarge>,
}

impl CountedSums {
    fn add(&mut self, counted: Result<(), SumTooLarge>) {
        self.overflow = self.overflow.or(counted.err());
    }
}

/// The recount of one scope.
struct Counter<'a> {
    tx: &'a Transaction,
    scope: &'a RecountScope,
    repairs: bool,
}

impl Counter<'_> {
    fn key(&self) -> [Value; 2] {
        [Value::from(&self.scope.tenant), Value::from(&self.scope.user)]
    }

    fn fault(&self, kind: &'static str, session: &str, message: String, is_repairable: bool) -> StoreFault {
        StoreFault {
            kind,
            organization: self.scope.organization.clone(),
            login: Some(self.scope.login.clone()),
            session: Some(session.to_owned()),
            message,
            repaired: is_repairable && self.repairs,
        }
    }

    /// Begins with the answers near the limit of a prune, as they are stored.
    async fn begin_sums(&self) -> Result<CountedSums> {
        let since = self.scope.retained_since;
        let stored_usages = user_usages(self.tx, &self.scope.tenant, &self.scope.user).await?;
        let mut sums = CountedSums {
            first_day: since.map_or(i64::MIN, time::day),
            stored_usages,
            usages: HashMap::new(),
            deltas: MetricsDeltas::new(),
            overflow: None,
        };
        let Some(limit) = since.map(|since| since.saturating_add(USAGE_MARGIN_US)) else { return Ok(sums) };
        let kept = sums.stored_usages.iter().filter(|(_, usage)| usage.first.at < limit);
        sums.usages = kept.map(|(id, usage)| (id.clone(), usage.clone())).collect();
        let counted =
            sums.usages.values().try_for_each(|it| token_usage::count_usage(it, 1, &mut sums.deltas));
        sums.overflow = counted.err();
        Ok(sums)
    }

    /// Compares number and digest of each session's messages, and counts the messages. Returns the
    /// repositories and pull requests.
    async fn count_sessions(&self, recount: &mut Recount, sums: &mut CountedSums) -> Result<OwnedLabels> {
        let mut kept: BTreeMap<String, MessageDigest> = BTreeMap::new();
        let mut labels = OwnedLabels::new();
        for row in self.tx.query(SELECT_SESSIONS, &self.key()).await? {
            let digest = MessageDigest { messages: row.int(1)? as u64, sum: row.int(2)? as u64 };
            kept.insert(row.text(0)?, digest);
            labels.insert(row.text(0)?, (row.text(3)?, read_pull_request(&row, 4)?));
        }
        let with_messages = self.tx.query_texts(SELECT_SESSIONS_WITH_MESSAGES, &self.key()).await?;
        let ids: BTreeSet<String> = kept.keys().cloned().chain(with_messages).collect();
        let (tenant, user) = (&self.scope.tenant, &self.scope.user);
        for id in &ids {
            let messages = session_versions(self.tx, tenant, user, id).await?;
            let counted: MessageDigest =
                messages.iter().map(|message| MessageDigest::hash(&message.wire.id)).collect();
            let counted_sums = token_usage::count_messages(id, &messages, &mut sums.usages, &mut sums.deltas);
            sums.add(counted_sums);
            recount.sessions += 1;
            recount.messages += counted.messages;
            let Some(kept) = kept.get(id) else {
                let message = format!(
                    "{} messages are stored of a session that is not: run `han-sync verify --repair` on its machine",
                    counted.messages
                );
                recount.faults.push(self.fault("rows", id, message, false));
                continue;
            };
            if *kept != counted {
                let message = format!(
                    "messageCount is {} and the digest {}, of the rows they are {} and {}",
                    kept.messages as i64,
                    kept.to_hex(),
                    counted.messages,
                    counted.to_hex()
                );
                recount.faults.push(self.fault("digest", id, message, true));
                if self.repairs {
                    set_digest(self.tx, tenant, id, counted).await?;
                }
            }
        }
        Ok(labels)
    }

    async fn count_tasks(&self, sums: &mut CountedSums) -> Result<()> {
        for row in self.tx.query(SELECT_COMPLETED_TASKS, &self.key()).await? {
            token_usage::count_completed_task(&row.text(0)?, row.int(1)?, 1, &mut sums.deltas);
        }
        Ok(())
    }

    /// Compares the sums of the days that are not pruned.
    async fn compare_sums(
        &self,
        sums: CountedSums,
        labels: &OwnedLabels,
        recount: &mut Recount,
    ) -> Result<()> {
        let CountedSums { first_day, stored_usages, usages, deltas, overflow } = sums;
        let (tenant, user) = (&self.scope.tenant, &self.scope.user);
        let stored = stored_sums(self.tx, tenant, user, first_day).await?;
        let mut missing = deltas;
        missing.retain(|key, _| key.day >= first_day);
        for (key, sums) in stored {
            let counted = missing.entry(key).or_default();
            *counted = *counted - sums;
        }
        missing.retain(|_, difference| *difference != MetricSums::default());
        let mut wrong: BTreeSet<&str> = missing.keys().map(|key| key.session_id.as_str()).collect();
        let usage_of = |id: &String| stored_usages.get(id).or_else(|| usages.get(id));
        let ids: BTreeSet<&String> = stored_usages.keys().chain(usages.keys()).collect();
        let wrong_ids = ids.into_iter().filter(|id| stored_usages.get(*id) != usages.get(*id));
        wrong.extend(wrong_ids.filter_map(|id| Some(usage_of(id)?.first.session_id.as_str())));
        for id in &wrong {
            let message = "the sums differ from those of the rows".to_owned();
            recount.faults.push(self.fault("sums", id, message, overflow.is_none()));
        }
        if !self.repairs || overflow.is_some() || wrong.is_empty() {
            return Ok(());
        }
        let gone: Vec<String> =
            stored_usages.keys().filter(|id| !usages.contains_key(*id)).cloned().collect();
        delete_usages(self.tx, tenant, user, gone).await?;
        let labels = labels.iter();
        let labels = labels
            .map(|(id, (repository, request))| (id.as_str(), SessionLabels::of(repository, request.as_ref())))
            .collect();
        let aggregates = Aggregates { tx: self.tx, tenant, user_id: user, assumes_existing: true };
        Ok(aggregates.upsert(&labels, &stored_usages, &usages, &missing).await?)
    }
}
