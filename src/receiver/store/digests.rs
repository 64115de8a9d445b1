//! Digests of stored sessions: those that are kept with each session, and those counted from the stored messages.
//!
//! Invariants: a user learns of the own sessions alone, wherever they are stored; a count holds a bounded number of rows,
//! however many messages a session has.

use super::database::{DbRole, Transaction, Visibility};
use super::directory::Principal;
use super::error::Result;
use super::open::Store;
use super::sql::{ColumnType, Row, Rows, SelectByKeys};
use super::tables::session_locations;
use crate::protocol::MessageDigest;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::Poll;

/// Messages that are read of a session at once.
const PAGE_MESSAGES: i64 = 2_000;
/// Sessions that are counted at once, so that their statements share round trips.
const SESSIONS_AT_ONCE: usize = 8;

/// Choice of the digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestMode {
    /// Those that are kept with each session.
    Kept,
    /// Those counted from the stored messages.
    Recounted,
    /// Those counted from the stored messages, with the hashes of the message ids of the first sessions that have
    /// together at most so many messages.
    WithHashes(usize),
}

/// Digests of a user's sessions.
#[derive(Debug, Default)]
pub struct StoredDigests {
    /// Stored sessions, in the order of their ids.
    pub sessions: BTreeMap<String, StoredDigest>,
    /// Sessions with a tombstone, in the order of their ids.
    pub forgotten: Vec<String>,
    /// Time at which the tombstone of a session was last taken back, in microseconds since the epoch.
    pub undone: BTreeMap<String, i64>,
    /// Time from which on a session is retained, in microseconds since the epoch, where its tenant was pruned.
    pub retained_since: BTreeMap<String, i64>,
}

/// Digest of a session.
#[derive(Debug, Default)]
pub struct StoredDigest {
    /// Number and sum.
    pub digest: MessageDigest,
    /// Hashes of the message ids, if they were asked for and are not too many.
    pub hashes: Option<Vec<u64>>,
}

const SELECT_KEPT: SelectByKeys = SelectByKeys {
    table: "sessions",
    common: &["tenant_id", "user_id"],
    keys: &[("session_id", ColumnType::Text)],
    columns: "session_id, message_count, digest",
    tail: "",
};
const SET_DIGEST: &str =
    "UPDATE sessions SET message_count = $3, digest = $4 WHERE tenant_id = $1 AND session_id = $2";
const SELECT_MESSAGE_IDS: &str = "\
    SELECT message_id FROM messages WHERE tenant_id = $1 AND session_id = $2 AND message_id > $3 AND user_id = $4 \
    ORDER BY message_id LIMIT $5";

impl Store {
    /// Digests of the user's own sessions among `ids`, which are all different.
    pub async fn digests(
        &self,
        principal: &Principal,
        ids: &[String],
        mode: DigestMode,
    ) -> Result<StoredDigests> {
        let user = &principal.user_id;
        let tx = self.db.query(DbRole::Request, None).await?;
        tx.enter(user, user, Visibility::Own).await?;
        let mut found = StoredDigests::default();
        let mut by_tenant: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, location) in session_locations(&tx, user, ids.iter().map(String::as_str)).await? {
            if location.has_tombstone {
                found.forgotten.push(id);
                continue;
            }
            found.undone.extend(location.restored_at.map(|at| (id.clone(), at)));
            if let Some(tenant) = location.tenant_id.filter(|id| principal.visibility(id).is_some()) {
                by_tenant.entry(tenant).or_default().push(id);
            }
        }
        found.forgotten.sort_unstable();
        for (tenant, ids) in &by_tenant {
            tx.enter(tenant, user, Visibility::Own).await?;
            let since = principal.retained_since_of(tenant);
            found.retained_since.extend(since.iter().flat_map(|at| ids.iter().map(|id| (id.clone(), *at))));
            let of_tenant = Sessions { tx: &tx, tenant, user };
            of_tenant.add_digests(ids, mode, &mut found.sessions).await?;
        }
        tx.commit().await?;
        Ok(found)
    }
}

/// Sessions of one user in one tenant.
struct Sessions<'a> {
    tx: &'a Transaction,
    tenant: &'a str,
    user: &'a str,
}

impl Sessions<'_> {
    /// Adds the digests of the stored sessions among `ids`.
    async fn add_digests(
        &self,
        ids: &[String],
        mode: DigestMode,
        found: &mut BTreeMap<String, StoredDigest>,
    ) -> Result<()> {
        let kept = self.kept(ids).await?;
        let hashes_max = match mode {
            DigestMode::Kept => {
                found
                    .extend(kept.into_iter().map(|(id, digest)| (id, StoredDigest { digest, hashes: None })));
                return Ok(());
            }
            DigestMode::Recounted => 0,
            DigestMode::WithHashes(max) => max,
        };
        let ids: Vec<String> = kept.into_keys().collect();
        for ids in ids.chunks(SESSIONS_AT_ONCE) {
            let held: usize = found.values().filter_map(|it| it.hashes.as_ref()).map(Vec::len).sum();
            let share = hashes_max.saturating_sub(held) / ids.len();
            let counted = ids.iter().map(|id| self.count(id, share)).collect();
            for (id, digest) in ids.iter().zip(join_all(counted).await) {
                found.insert(id.clone(), digest?);
            }
        }
        Ok(())
    }

    async fn kept(&self, ids: &[String]) -> Result<BTreeMap<String, MessageDigest>> {
        let mut keys = Rows::new(&[self.tenant, self.user]);
        ids.iter().for_each(|id| keys.push([id.into()]));
        let read = |row: &Row| {
            let digest = MessageDigest { messages: row.int(1)?.max(0) as u64, sum: row.int(2)? as u64 };
            Ok((row.text(0)?, digest))
        };
        self.tx.select_by_keys(&SELECT_KEPT, &keys).await?.iter().map(read).collect()
    }

    async fn count(&self, id: &str, hashes_max: usize) -> Result<StoredDigest> {
        let mut hashes = (hashes_max > 0).then(Vec::new);
        let digest = count_messages(self.tx, self.tenant, self.user, id, |hash| {
            if let Some(held) = &mut hashes {
                held.push(hash);
            }
            hashes.take_if(|held| held.len() > hashes_max);
        })
        .await?;
        Ok(StoredDigest { digest, hashes })
    }
}

/// Counts the stored messages of a user's session, and passes the hash of each id to `visit`.
pub async fn count_messages(
    tx: &Transaction,
    tenant: &str,
    user: &str,
    session: &str,
    mut visit: impl FnMut(u64),
) -> Result<MessageDigest> {
    let mut digest = MessageDigest::default();
    let mut after = String::new();
    loop {
        let params = [tenant.into(), session.into(), after.into(), user.into(), PAGE_MESSAGES.into()];
        let page = tx.query_texts(SELECT_MESSAGE_IDS, &params).await?;
        for id in &page {
            let hash = MessageDigest::hash(id);
            digest.add(hash);
            visit(hash);
        }
        match page.into_iter().next_back() {
            Some(last) if digest.messages % PAGE_MESSAGES as u64 == 0 => after = last,
            _ => return Ok(digest),
        }
    }
}

/// Sets number and digest of a session's messages.
pub async fn set_digest(tx: &Transaction, tenant: &str, session: &str, digest: MessageDigest) -> Result<()> {
    let messages = i64::try_from(digest.messages).unwrap_or(i64::MAX);
    let params = [tenant.into(), session.into(), messages.into(), (digest.sum as i64).into()];
    tx.execute(SET_DIGEST, &params).await.map(|_| ())
}

/// Runs all futures at once, so that their statements are pipelined.
async fn join_all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_ready = true;
        for (future, done) in running.iter_mut().filter(|(_, done)| done.is_none()) {
            match Pin::as_mut(future).poll(context) {
                Poll::Ready(value) => *done = Some(value),
                Poll::Pending => is_ready = false,
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}
