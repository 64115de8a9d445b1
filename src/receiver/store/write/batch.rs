//! The upsert of a whole batch: one transaction over all tenants of its user.
//!
//! Invariants: the batches of one user follow one another, by the user's lock, under which the user and the memberships are
//! looked up again; sessions are written in the order of their ids, so that transactions do not deadlock; a transaction that
//! conflicts with another all the same is run again. If a session cannot be stored, the sessions are stored one by one, each
//! in a savepoint, so that the others are stored.

use super::outcome::{AddedRows, IngestOutcome, Rejection, SessionOutcome, SessionResult, UpsertError};
use super::upserter::Upserter;
use crate::protocol::code;
use crate::protocol::remote::Owner;
use crate::receiver::ingest::batch::{DecodedBatch, DecodedSession, SessionEntry};
use crate::receiver::ingest::routing::{self, OwnerClaim, Sender};
use crate::receiver::limits::ID_BYTES_MAX;
use crate::receiver::store::database::DbRole;
use crate::receiver::store::directory::{Principal, current_tenants};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::tables::{BatchRecord, ClientError};
use crate::receiver::time;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The tenant of an entry, or the reason why it has none.
type Routed = std::result::Result<String, Rejection>;

impl Store {
    /// Stores the sessions of a batch that can be stored, and returns the outcome of each.
    pub async fn ingest(
        &self,
        principal: &Principal,
        batch: &DecodedBatch,
        now: i64,
    ) -> Result<IngestOutcome> {
        let routed = self.route(principal, batch).await?;
        let _user_lock = self.user_locks.acquire(&principal.user_id).await;
        let upsert = BatchUpsert { principal, batch, routed: &routed, now };
        with_retries(async || match Box::pin(self.upsert_batch(&upsert, true)).await {
            Err(error @ (StoreError::Internal(_) | StoreError::Refused(_))) => {
                tracing::debug!(error = %error, "a batch could not be stored, trying its sessions one by one");
                Box::pin(self.upsert_batch(&upsert, false)).await
            }
            result => result,
        })
        .await
    }

    /// The tenant of each entry.
    async fn route(&self, principal: &Principal, batch: &DecodedBatch) -> Result<Vec<Routed>> {
        let parts = || batch.sessions.iter().filter_map(|entry| entry.parts.as_ref().ok()).flatten();
        let mut names: Vec<String> =
            parts().filter_map(|part| part.remote.as_ref()).flat_map(routing::possible_owners).collect();
        names.sort_unstable();
        names.dedup();
        let claims = self.claims(names).await?;
        let accounts: Vec<_> =
            principal.accounts.iter().filter_map(|account| Owner::parse(account).ok()).collect();
        let organizations: Vec<String> =
            principal.memberships.iter().map(|membership| membership.tenant_id.clone()).collect();
        let sender =
            Sender { user_id: &principal.user_id, accounts: &accounts, organizations: &organizations };
        Ok(batch.sessions.iter().map(|entry| route_entry(entry, &sender, &claims)).collect())
    }

    /// Upserts the sessions of each tenant, `batched` or one by one.
    async fn upsert_batch(&self, upsert: &BatchUpsert<'_>, batched: bool) -> Result<IngestOutcome> {
        let BatchUpsert { principal, batch, now, .. } = *upsert;
        let user = &principal.user_id;
        let tx = self.db.write(DbRole::Request).await?;
        let mut upserter = Upserter::new(&tx, user.clone(), now);
        if !batched {
            upserter = upserter.assume_existing();
        }
        tx.lock_users(vec![user.clone()]).await?;
        upserter.enter(user).await?;
        let tenants = current_tenants(&tx, user).await?;
        // Of the tenants at the time of authentication, those that the user still has.
        let current = principal.tenants().into_iter().filter(|tenant| tenants.contains_key(tenant));
        let mut records: BTreeMap<String, BatchRecord> =
            current.map(|tenant| (tenant, BatchRecord::of(batch))).collect();
        upserter = upserter.within(tenants);

        let mut results: Vec<Option<SessionResult>> = vec![None; batch.sessions.len()];
        for (tenant, candidates) in upsert.candidates(&mut results) {
            if !records.contains_key(tenant) {
                candidates
                    .values()
                    .for_each(|candidate| candidate.conclude(Err(not_accepted()), &mut results));
                continue;
            }
            let merged: Vec<Cow<DecodedSession>> =
                candidates.values().filter_map(Candidate::merged).collect();
            let sessions: Vec<(&str, &DecodedSession)> =
                candidates.keys().copied().zip(merged.iter().map(Cow::as_ref)).collect();
            // Before any savepoint: a setting that is made after one ends with it.
            upserter.enter(tenant).await?;
            let stored = match batched {
                true => upserter.upsert(tenant, &sessions, false).await?,
                false => upsert_one_by_one(&mut upserter, tenant, &sessions).await?,
            };
            for (candidate, result) in candidates.values().zip(stored) {
                candidate.conclude(result, &mut results);
            }
        }

        let outcome = upsert.conclude(results, &mut records);
        for (tenant, record) in &records {
            upserter.enter(tenant).await?;
            record.write(&tx, tenant, user, batch, now).await?;
        }
        tx.commit().await?;
        Ok(outcome)
    }
}

/// A batch, its user, and the tenants of its sessions.
struct BatchUpsert<'a> {
    principal: &'a Principal,
    batch: &'a DecodedBatch,
    routed: &'a [Routed],
    now: i64,
}

impl<'a> BatchUpsert<'a> {
    /// The sessions that may be stored, by tenant and stored id. Sets the results of the others.
    fn candidates(
        &self,
        results: &mut [Option<SessionResult>],
    ) -> BTreeMap<&'a str, BTreeMap<&'a str, Candidate<'a>>> {
        let mut by_tenant: BTreeMap<&str, BTreeMap<&str, Candidate>> = BTreeMap::new();
        for (index, (entry, routed)) in self.batch.sessions.iter().zip(self.routed).enumerate() {
            match (routed, &entry.parts) {
                (Ok(tenant), Ok(parts)) => {
                    let candidates = by_tenant.entry(tenant).or_default();
                    candidates.entry(&entry.stored_id).or_default().add(index, parts);
                }
                (Err(rejection), _) => results[index] = Some(Err(rejection.clone())),
                (Ok(_), Err(error)) => {
                    results[index] = Some(Err(Rejection::new(code::VALIDATION_ERROR, error)));
                }
            }
        }
        by_tenant
    }

    /// The outcome of the batch. Adds each session to the records of the tenants that it concerns.
    fn conclude(
        &self,
        results: Vec<Option<SessionResult>>,
        records: &mut BTreeMap<String, BatchRecord>,
    ) -> IngestOutcome {
        let mut outcome = IngestOutcome { outcomes: Vec::with_capacity(results.len()), messages_new: 0 };
        let user = &self.principal.user_id;
        for ((result, entry), routed) in results.into_iter().zip(&self.batch.sessions).zip(self.routed) {
            let result = result.unwrap_or(Ok(AddedRows::default()));
            // The private space counts everything, an organization the sessions that are routed to it.
            let organization = routed.as_ref().ok().filter(|tenant| *tenant != user);
            for tenant in [Some(user), organization].into_iter().flatten() {
                if let Some(record) = records.get_mut(tenant) {
                    self.add_to_record(record, entry, &result);
                }
            }
            if let Ok(added) = &result {
                outcome.messages_new += added.messages.unsigned_abs();
            }
            outcome.outcomes.push(session_outcome(entry, result.err()));
        }
        outcome
    }

    fn add_to_record(&self, record: &mut BatchRecord, entry: &SessionEntry, result: &SessionResult) {
        match result {
            Ok(added) => {
                record.is_acknowledged = true;
                record.is_stored = true;
                record.sessions += added.sessions;
                record.messages += added.messages;
            }
            Err(rejection) if rejection.code == code::FORGOTTEN => record.is_acknowledged = true,
            Err(rejection) => record.errors.push(ClientError {
                session_id: shortened(&entry.id).to_owned(),
                code: rejection.code.to_owned(),
                message: rejection.message.clone(),
                at: time::rfc3339(self.now),
            }),
        }
    }
}

/// A session that may be stored: all its occurrences, which may have different ids as sent.
#[derive(Default)]
struct Candidate<'a> {
    /// Positions in the batch.
    indexes: Vec<usize>,
    parts: Vec<&'a DecodedSession>,
}

impl<'a> Candidate<'a> {
    fn add(&mut self, index: usize, parts: &'a [DecodedSession]) {
        self.indexes.push(index);
        self.parts.extend(parts);
    }

    /// The occurrences as one session. Every candidate has at least one.
    fn merged(&self) -> Option<Cow<'a, DecodedSession>> {
        match self.parts[..] {
            [only] => Some(Cow::Borrowed(only)),
            _ => DecodedSession::merge(&self.parts).map(Cow::Owned),
        }
    }

    /// Sets the result of each occurrence; added rows count with the first.
    fn conclude(&self, result: SessionResult, results: &mut [Option<SessionResult>]) {
        for index in &self.indexes {
            results[*index] = Some(result.clone().map(|_| AddedRows::default()));
        }
        if let Some(first) = self.indexes.first() {
            results[*first] = Some(result);
        }
    }
}

/// Upserts each session in a savepoint, wholly or not at all. An error concerns the whole transaction.
async fn upsert_one_by_one(
    upserter: &mut Upserter<'_>,
    tenant: &str,
    sessions: &[(&str, &DecodedSession)],
) -> Result<Vec<SessionResult>> {
    let mut results = Vec::with_capacity(sessions.len());
    for session in sessions {
        upserter.tx.savepoint().await?;
        let stored = upserter.upsert(tenant, std::slice::from_ref(session), false).await;
        let rejection = match stored {
            Ok(stored) => {
                upserter.tx.release_savepoint().await?;
                results.extend(stored);
                continue;
            }
            Err(UpsertError::Rejected(rejection)) => rejection,
            // This session's alone: the others may still be stored.
            Err(UpsertError::Store(StoreError::Internal(error))) => {
                tracing::error!(session = session.0, error, "a session could not be stored");
                Rejection::new(code::PROCESSING_ERROR, "the receiver could not store the session")
            }
            Err(UpsertError::Store(error)) => return Err(error),
        };
        upserter.tx.roll_back_to_savepoint().await?;
        results.push(Err(rejection));
    }
    Ok(results)
}

/// The beginning of an id, which may be of any length as sent.
fn shortened(id: &str) -> &str {
    let end = (0..=ID_BYTES_MAX.min(id.len())).rev().find(|end| id.is_char_boundary(*end));
    &id[..end.unwrap_or(0)]
}

fn not_accepted() -> Rejection {
    Rejection::new(
        code::REPO_NOT_ACCEPTED,
        "the repository's owner is no organization of this user's, and the session is neither personal nor forced",
    )
}

fn route_entry(entry: &SessionEntry, sender: &Sender, claims: &[OwnerClaim]) -> Routed {
    let parts = entry.parts.as_ref().map_err(|error| Rejection::new(code::VALIDATION_ERROR, error))?;
    let mut routed = None;
    for part in parts {
        let tenant = routing::tenant_of(part.remote.as_ref(), part.inclusion, sender, claims)
            .ok_or_else(not_accepted)?;
        if routed.as_ref().is_some_and(|routed| *routed != tenant) {
            return Err(Rejection::new(
                code::VALIDATION_ERROR,
                "the batch holds the session twice, with repositories of different tenants",
            ));
        }
        routed = Some(tenant);
    }
    routed.ok_or_else(|| Rejection::new(code::VALIDATION_ERROR, "the session is malformed"))
}

fn session_outcome(entry: &SessionEntry, rejection: Option<Rejection>) -> SessionOutcome {
    let messages = || entry.parts.iter().flatten().flat_map(|part| &part.messages);
    SessionOutcome {
        id: entry.id.clone(),
        occurrences: entry.occurrences,
        messages: messages().count() as u64,
        last_line: messages().map(|message| message.wire.line_number).max().unwrap_or(0),
        rejection,
    }
}
