//! A batch into the store: one transaction, all sessions of a tenant at once, aggregates from what was really new.
//!
//! Invariants: the same rows in any order, in any batches, any number of times and from several machines at once end in
//! the same state. One user's batches follow one another inside a tenant (a lock), and sessions are taken in the order
//! of their ids, so that transactions do not wait for each other in a circle; where they do all the same, the whole batch
//! is done again. So it is where the store cannot take some session: then each by itself, in a savepoint, so that the
//! others are stored.

mod work;

use super::db::{DbRole, Result, StoreError};
use super::directory::Principal;
use super::status::BatchNote;
use super::{Store, with_retries};
use crate::protocol::code;
use crate::receiver::ingest::decode::{DecodedBatch, DecodedSession, SessionEntry};
use crate::receiver::ingest::routing;
use crate::receiver::ingest::token_usage;
use crate::receiver::limits::ID_BYTES_MAX;
use crate::receiver::time;
use std::borrow::Cow;
use std::collections::BTreeMap;
pub(super) use work::Work;

/// What became of a batch.
#[derive(Debug)]
pub struct IngestOutcome {
    /// In payload order.
    pub outcomes: Vec<SessionOutcome>,
    /// Messages that were not there before.
    pub messages_new: u64,
}

/// What became of one session id.
#[derive(Debug)]
pub struct SessionOutcome {
    /// As sent.
    pub id: String,
    pub occurrences: u64,
    /// Of the payload, new or not.
    pub messages: u64,
    /// The highest line of the payload's messages.
    pub last_line: i64,
    pub rejection: Option<Rejection>,
}

/// Why a session was not stored.
#[derive(Debug, Clone)]
pub struct Rejection {
    pub code: &'static str,
    pub message: String,
}

impl Rejection {
    fn new(code: &'static str, message: &str) -> Rejection {
        Rejection { code, message: message.to_owned() }
    }
}

/// Why one session's work ended: refused, or the store failed.
pub(super) enum Stop {
    Refused(Rejection),
    Store(StoreError),
}

impl From<token_usage::TooLarge> for Stop {
    fn from(_: token_usage::TooLarge) -> Stop {
        Stop::Refused(Rejection::new(
            code::VALIDATION_ERROR,
            "tokens or lines add up to more than can be counted",
        ))
    }
}

impl From<Stop> for StoreError {
    fn from(stop: Stop) -> StoreError {
        match stop {
            Stop::Refused(refusal) => StoreError::Refused(refusal.message),
            Stop::Store(error) => error,
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Store(error)
    }
}

/// Two pieces of work in a transaction at the same time. Where a statement fails so do all that were sent after it: the
/// error is the first one's. They are boxed, because a future that holds others is as large as all of them, twice over.
async fn try_join<A, B, E, F>(
    one: impl Future<Output = Result<A, E>>,
    other: impl Future<Output = Result<B, F>>,
) -> Result<(A, B), Stop>
where
    Stop: From<E> + From<F>,
{
    match tokio::join!(biased; Box::pin(one), Box::pin(other)) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(one), Err(other)) => Err(match (Stop::from(one), Stop::from(other)) {
            (Stop::Store(StoreError::Aborted), cause) | (cause, _) => cause,
        }),
        (Err(error), Ok(_)) => Err(error.into()),
        (Ok(_), Err(error)) => Err(error.into()),
    }
}

/// What a session added.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Added {
    sessions: i64,
    messages: i64,
}

impl Store {
    /// Stores what can be stored of a batch, and says of each session what became of it.
    pub async fn ingest(
        &self,
        principal: &Principal,
        batch: &DecodedBatch,
        now: i64,
    ) -> Result<IngestOutcome> {
        let placements = self.place(principal, batch).await?;
        let _user_lock = self.user_locks.acquire(&principal.user_id).await;
        let ingest = |batched| Box::pin(self.ingest_once(principal, batch, &placements, now, batched));
        with_retries(async || match ingest(true).await {
            Err(error @ (StoreError::Internal(_) | StoreError::Refused(_))) => {
                tracing::debug!(error = %error, "a batch could not be stored at once, taking its sessions one by one");
                ingest(false).await
            }
            result => result,
        })
        .await
    }

    /// The tenant of each entry, where it has one.
    async fn place(
        &self,
        principal: &Principal,
        batch: &DecodedBatch,
    ) -> Result<Vec<Result<String, Rejection>>> {
        let parts = || batch.sessions.iter().filter_map(|entry| entry.parts.as_ref().ok()).flatten();
        let mut names: Vec<String> =
            parts().filter_map(|part| part.remote.as_ref()).flat_map(routing::possible_owners).collect();
        names.sort_unstable();
        names.dedup();
        let claims = self.claims(names).await?;
        let accounts: Vec<_> = principal
            .accounts
            .iter()
            .filter_map(|account| crate::protocol::remote::Owner::parse(account).ok())
            .collect();
        let organizations: Vec<String> =
            principal.memberships.iter().map(|membership| membership.tenant_id.clone()).collect();
        let sender = routing::Sender {
            user_id: &principal.user_id,
            accounts: &accounts,
            organizations: &organizations,
        };
        Ok(batch.sessions.iter().map(|entry| place_entry(entry, &sender, &claims)).collect())
    }

    async fn ingest_once(
        &self,
        principal: &Principal,
        batch: &DecodedBatch,
        placements: &[Result<String, Rejection>],
        now: i64,
        batched: bool,
    ) -> Result<IngestOutcome> {
        let tx = self.db.write(DbRole::Request).await?;
        let mut work = Work::new(&tx, principal.user_id.clone(), now);
        if !batched {
            work = work.assume_existing();
        }
        let mut notes: BTreeMap<String, BatchNote> =
            principal.tenants().into_iter().map(|tenant| (tenant, BatchNote::of(batch))).collect();
        let locks = notes.keys().map(|tenant| format!("{tenant}/{}", principal.user_id)).collect();
        tx.lock(locks).await?;

        let mut results: Vec<Option<Result<Added, Rejection>>> = vec![None; batch.sessions.len()];
        let mut of_tenants: BTreeMap<&str, BTreeMap<&str, Candidate>> = BTreeMap::new();
        for (index, (entry, placement)) in batch.sessions.iter().zip(placements).enumerate() {
            match (placement, &entry.parts) {
                (Ok(tenant), Ok(parts)) => {
                    let candidates = of_tenants.entry(tenant).or_default();
                    candidates.entry(&entry.stored_id).or_default().add(index, parts);
                }
                (Err(refusal), _) => results[index] = Some(Err(refusal.clone())),
                (Ok(_), Err(error)) => {
                    results[index] = Some(Err(Rejection::new(code::VALIDATION_ERROR, error)));
                }
            }
        }
        for (tenant, sessions) in of_tenants {
            let parts: Vec<Cow<DecodedSession>> = sessions.values().map(Candidate::part).collect();
            let pieces: Vec<(&str, &DecodedSession)> =
                sessions.keys().copied().zip(parts.iter().map(Cow::as_ref)).collect();
            // Before any savepoint: what is set after it ends with it.
            work.enter(tenant).await?;
            let stored = match batched {
                true => work.store(tenant, &pieces, false).await?,
                false => store_one_by_one(&mut work, tenant, &pieces).await?,
            };
            for (session, result) in sessions.values().zip(stored) {
                session.conclude(result, &mut results);
            }
        }

        let mut messages_new = 0;
        let mut refusals = vec![None; batch.sessions.len()];
        for (index, result) in results.into_iter().enumerate() {
            let result = result.unwrap_or(Ok(Added::default()));
            let tenant = placements[index].as_ref().ok();
            // The private space's row counts everything; an organization's what concerns it.
            let concerned = [Some(&principal.user_id), tenant.filter(|tenant| **tenant != principal.user_id)];
            for tenant in concerned.into_iter().flatten() {
                let Some(note) = notes.get_mut(tenant) else { continue };
                match &result {
                    Ok(added) => {
                        note.stored = true;
                        note.sessions += added.sessions;
                        note.messages += added.messages;
                    }
                    Err(refusal) if refusal.code == code::FORGOTTEN => {}
                    Err(refusal) => note.errors.push(serde_json::json!({
                        "sessionId": shown(&batch.sessions[index].id), "code": refusal.code,
                        "message": refusal.message, "at": time::rfc3339(now),
                    })),
                }
            }
            match result {
                Ok(added) => messages_new += added.messages.unsigned_abs(),
                Err(refusal) => refusals[index] = Some(refusal),
            }
        }
        for (tenant, note) in &notes {
            work.enter(tenant).await?;
            note.write(&tx, tenant, &principal.user_id, &batch.client_id, now).await?;
        }
        tx.commit().await?;
        let outcomes =
            batch.sessions.iter().zip(refusals).map(|(entry, refusal)| outcome(entry, refusal)).collect();
        Ok(IngestOutcome { outcomes, messages_new })
    }
}

/// A session of a batch that may be stored, known by its id as it is stored.
#[derive(Default)]
struct Candidate<'a> {
    /// Its places in the batch, and all that stands there.
    indexes: Vec<usize>,
    parts: Vec<&'a DecodedSession>,
}

impl<'a> Candidate<'a> {
    fn add(&mut self, index: usize, parts: &'a [DecodedSession]) {
        self.indexes.push(index);
        self.parts.extend(parts);
    }

    fn part(&self) -> Cow<'a, DecodedSession> {
        match self.parts[..] {
            [only] => Cow::Borrowed(only),
            _ => Cow::Owned(DecodedSession::of(&self.parts)),
        }
    }

    /// Says of each of its places what became of it; what it added counts once.
    fn conclude(&self, result: Result<Added, Rejection>, results: &mut [Option<Result<Added, Rejection>>]) {
        for index in &self.indexes {
            results[*index] = Some(result.clone().map(|_| Added::default()));
        }
        if let Some(first) = self.indexes.first() {
            results[*first] = Some(result);
        }
    }
}

/// Stores each session in a savepoint: whole, or not at all. An error is one of the whole transaction.
async fn store_one_by_one(
    work: &mut Work<'_>,
    tenant: &str,
    sessions: &[(&str, &DecodedSession)],
) -> Result<Vec<Result<Added, Rejection>>> {
    let mut results = Vec::with_capacity(sessions.len());
    for session in sessions {
        work.tx.savepoint().await?;
        let stored = work.store(tenant, std::slice::from_ref(session), false).await;
        let refusal = match stored.map(|mut stored| stored.remove(0)) {
            Ok(result) => {
                work.tx.release().await?;
                results.push(result);
                continue;
            }
            Err(Stop::Refused(refusal)) => refusal,
            // Only this session's: the others may still be stored.
            Err(Stop::Store(StoreError::Internal(error))) => {
                tracing::error!(session = session.0, error, "a session could not be stored");
                Rejection::new(code::PROCESSING_ERROR, "the receiver could not store the session")
            }
            Err(Stop::Store(error)) => return Err(error),
        };
        work.tx.roll_back_to_savepoint().await?;
        results.push(Err(refusal));
    }
    Ok(results)
}

/// As much of an id as is kept of one that may be of any length.
fn shown(id: &str) -> &str {
    let end = (0..=ID_BYTES_MAX.min(id.len())).rev().find(|end| id.is_char_boundary(*end));
    &id[..end.unwrap_or(0)]
}

fn place_entry(
    entry: &SessionEntry,
    sender: &routing::Sender,
    claims: &[routing::Claim],
) -> Result<String, Rejection> {
    let parts = entry.parts.as_ref().map_err(|error| Rejection::new(code::VALIDATION_ERROR, error))?;
    let mut placement = None;
    for part in parts {
        let tenant = routing::place(part.remote.as_ref(), part.inclusion, sender, claims).ok_or_else(|| {
            Rejection::new(
                code::REPO_NOT_ACCEPTED,
                "the repository's owner is no organization of this user's, and the session is neither personal nor forced",
            )
        })?;
        if placement.as_ref().is_some_and(|placed| *placed != tenant) {
            return Err(Rejection::new(
                code::VALIDATION_ERROR,
                "the session stands twice in the batch, with repositories of different tenants",
            ));
        }
        placement = Some(tenant);
    }
    placement.ok_or_else(|| Rejection::new(code::VALIDATION_ERROR, "the session is malformed"))
}

fn outcome(entry: &SessionEntry, refusal: Option<Rejection>) -> SessionOutcome {
    let messages = || entry.parts.iter().flatten().flat_map(|part| &part.messages);
    SessionOutcome {
        id: entry.id.clone(),
        occurrences: entry.occurrences,
        messages: messages().count() as u64,
        last_line: messages().map(|message| message.wire.line_number).max().unwrap_or(0),
        rejection: refusal,
    }
}
