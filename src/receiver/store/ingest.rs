//! A batch into the store: one transaction, a savepoint per session, rows in sets, aggregates from what was really new.
//!
//! Invariants: the same rows in any order, in any batches, any number of times and from several machines at once end in
//! the same state. One user's batches follow one another inside a tenant (a lock), and sessions are taken in the order
//! of their ids, so that transactions do not wait for each other in a circle; where they do all the same, the whole batch
//! is done again.

use super::db::{Result, Row, Scope, Sees, StoreError, Tx, Value};
use super::directory::Principal;
use super::statements::*;
use super::status::BatchNote;
use super::{Store, with_retries};
use crate::protocol::code;
use crate::receiver::aggregate::{self, Deltas, Rank, Sums, Usage};
use crate::receiver::batch::{Batch, Entry, Message, Part, Task};
use crate::receiver::limits::ID_BYTES_MAX;
use crate::receiver::{tenancy, time};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What became of a batch.
#[derive(Debug)]
pub struct Ingested {
    /// In payload order.
    pub outcomes: Vec<Outcome>,
    /// Messages that were not there before.
    pub messages_new: u64,
}

/// What became of one session id.
#[derive(Debug)]
pub struct Outcome {
    /// As sent.
    pub id: String,
    pub occurrences: u64,
    /// Of the payload, new or not.
    pub messages: u64,
    /// The highest line of the payload's messages.
    pub last_line: i64,
    pub refusal: Option<Refusal>,
}

/// Why a session was not stored.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    fn new(code: &'static str, message: &str) -> Refusal {
        Refusal { code, message: message.to_owned() }
    }
}

/// Why one session's work ended: refused, or the store failed.
pub(super) enum Stop {
    Refused(Refusal),
    Store(StoreError),
}

impl From<aggregate::TooLarge> for Stop {
    fn from(_: aggregate::TooLarge) -> Stop {
        Stop::Refused(Refusal::new(
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

/// What a session added.
#[derive(Default, Clone, Copy)]
struct Added {
    sessions: i64,
    messages: i64,
}

impl Store {
    /// Stores what can be stored of a batch, and says of each session what became of it.
    pub async fn ingest(&self, principal: &Principal, batch: &Batch, now: i64) -> Result<Ingested> {
        let placements = self.place(principal, batch).await?;
        with_retries(async || self.ingest_once(principal, batch, &placements, now).await).await
    }

    /// The tenant of each entry, where it has one.
    async fn place(&self, principal: &Principal, batch: &Batch) -> Result<Vec<Result<String, Refusal>>> {
        let parts = || batch.sessions.iter().filter_map(|entry| entry.parts.as_ref().ok()).flatten();
        let mut names: Vec<String> =
            parts().filter_map(|part| part.remote.as_ref()).flat_map(tenancy::possible_owners).collect();
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
        let sender = tenancy::Sender {
            user_id: &principal.user_id,
            accounts: &accounts,
            organizations: &organizations,
        };
        Ok(batch.sessions.iter().map(|entry| place_entry(entry, &sender, &claims)).collect())
    }

    async fn ingest_once(
        &self,
        principal: &Principal,
        batch: &Batch,
        placements: &[Result<String, Refusal>],
        now: i64,
    ) -> Result<Ingested> {
        let mut tx = self.db.write(Scope::Request).await?;
        let mut work = Work::new(&mut tx, principal.user_id.clone(), now);
        let mut tenants: BTreeMap<String, BatchNote> =
            principal.tenants().into_iter().map(|tenant| (tenant, BatchNote::of(batch))).collect();
        for tenant in tenants.keys() {
            work.tx.lock(&format!("{tenant}/{}", principal.user_id)).await?;
        }

        let mut order: Vec<usize> = (0..batch.sessions.len()).collect();
        order.sort_by(|a, b| {
            (&placements[*a].as_ref().ok(), &batch.sessions[*a].stored_id)
                .cmp(&(&placements[*b].as_ref().ok(), &batch.sessions[*b].stored_id))
        });
        let mut refusals: Vec<Option<Refusal>> = vec![None; batch.sessions.len()];
        let mut messages_new = 0;
        for index in order {
            let (entry, placement) = (&batch.sessions[index], &placements[index]);
            let tenant = placement.as_ref().ok();
            let result = match (placement, &entry.parts) {
                (Ok(tenant), Ok(parts)) => work.session(tenant, &entry.stored_id, parts).await?,
                (Err(refusal), _) => Err(refusal.clone()),
                (Ok(_), Err(error)) => Err(Refusal::new(code::VALIDATION_ERROR, error)),
            };
            // The private space's row counts everything; an organization's what concerns it.
            let concerned = [Some(&principal.user_id), tenant.filter(|tenant| **tenant != principal.user_id)];
            for tenant in concerned.into_iter().flatten() {
                let Some(part) = tenants.get_mut(tenant) else { continue };
                match &result {
                    Ok(added) => {
                        part.stored = true;
                        part.sessions += added.sessions;
                        part.messages += added.messages;
                    }
                    Err(refusal) if refusal.code == code::FORGOTTEN => {}
                    Err(refusal) => part.errors.push(serde_json::json!({
                        "sessionId": shown(&entry.id), "code": refusal.code, "message": refusal.message,
                        "at": time::rfc3339(now),
                    })),
                }
            }
            match result {
                Ok(added) => messages_new += added.messages.unsigned_abs(),
                Err(refusal) => refusals[index] = Some(refusal),
            }
        }
        for (tenant, part) in &tenants {
            work.enter(tenant).await?;
            part.write(work.tx, tenant, &principal.user_id, &batch.client_id, now).await?;
        }
        tx.commit().await?;
        let outcomes =
            batch.sessions.iter().zip(refusals).map(|(entry, refusal)| outcome(entry, refusal)).collect();
        Ok(Ingested { outcomes, messages_new })
    }
}

/// As much of an id as is kept of one that may be of any length.
fn shown(id: &str) -> &str {
    let end = (0..=ID_BYTES_MAX.min(id.len())).rev().find(|end| id.is_char_boundary(*end));
    &id[..end.unwrap_or(0)]
}

fn place_entry(
    entry: &Entry,
    sender: &tenancy::Sender,
    claims: &[tenancy::Claim],
) -> Result<String, Refusal> {
    let parts = entry.parts.as_ref().map_err(|error| Refusal::new(code::VALIDATION_ERROR, error))?;
    let mut placement = None;
    for part in parts {
        let tenant = tenancy::place(part.remote.as_ref(), part.inclusion, sender, claims).ok_or_else(|| {
            Refusal::new(
                code::REPO_NOT_ACCEPTED,
                "the repository's owner is no organization of this user's, and the session is neither personal nor forced",
            )
        })?;
        if placement.as_ref().is_some_and(|placed| *placed != tenant) {
            return Err(Refusal::new(
                code::VALIDATION_ERROR,
                "the session stands twice in the batch, with repositories of different tenants",
            ));
        }
        placement = Some(tenant);
    }
    placement.ok_or_else(|| Refusal::new(code::VALIDATION_ERROR, "the session is malformed"))
}

fn outcome(entry: &Entry, refusal: Option<Refusal>) -> Outcome {
    let messages = || entry.parts.iter().flatten().flat_map(|part| &part.messages);
    Outcome {
        id: entry.id.clone(),
        occurrences: entry.occurrences,
        messages: messages().count() as u64,
        last_line: messages().map(|message| message.wire.line_number).max().unwrap_or(0),
        refusal,
    }
}

/// One user's work inside a transaction.
pub(super) struct Work<'a> {
    pub(super) tx: &'a mut Tx,
    user_id: String,
    now: i64,
    /// The tenant that the transaction acts in.
    entered: String,
    /// By tenant, read after the lock, so that a prune cannot come between.
    retained_since: HashMap<String, Option<i64>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(tx: &'a mut Tx, user_id: String, now: i64) -> Work<'a> {
        Work { tx, user_id, now, entered: String::new(), retained_since: HashMap::new() }
    }

    /// Stores a session that was taken out of another tenant.
    pub(super) async fn restore(&mut self, tenant: &str, id: &str, part: Part) -> Result<()> {
        self.session_parts(tenant, id, &[part], true).await?;
        Ok(())
    }

    /// One session id, in a savepoint: stored whole, or refused and undone. An error is one of the whole transaction.
    async fn session(&mut self, tenant: &str, id: &str, parts: &[Part]) -> Result<Result<Added, Refusal>> {
        // Before the savepoint: what is set after it ends with it.
        self.enter(tenant).await?;
        self.tx.savepoint().await?;
        match self.session_parts(tenant, id, parts, false).await {
            Ok(added) => {
                self.tx.release().await?;
                Ok(Ok(added))
            }
            Err(Stop::Refused(refusal)) => {
                self.tx.roll_back_to_savepoint().await?;
                Ok(Err(refusal))
            }
            // Only this session's: the others may still be stored.
            Err(Stop::Store(StoreError::Internal(error))) => {
                self.tx.roll_back_to_savepoint().await?;
                tracing::error!(session = id, error, "a session could not be stored");
                Ok(Err(Refusal::new(code::PROCESSING_ERROR, "the receiver could not store the session")))
            }
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// With `is_known` the session is one that was stored, and is kept even where none of its rows is.
    async fn session_parts(
        &mut self,
        tenant: &str,
        id: &str,
        parts: &[Part],
        is_known: bool,
    ) -> Result<Added, Stop> {
        let retained_since = self.retained_since(tenant).await?;
        let first_stored = self.settle(tenant, id).await?;
        let mut added = Added::default();
        for part in parts {
            let kept = Kept::of(part, retained_since);
            // What was pruned does not come back as an empty shell.
            let may_be_pruned = !is_known && (!part.is_empty() || !first_stored);
            if kept.is_empty() && may_be_pruned && !self.exists(tenant, id).await? {
                continue;
            }
            let (is_new, repository) = self.session_row(tenant, id, part).await?;
            added.sessions += i64::from(is_new);
            added.messages += self.rows(tenant, id, &repository, &kept).await?;
        }
        if first_stored && added.sessions == 0 {
            self.tx
                .execute(
                    "DELETE FROM homes WHERE tenant_id = $1 AND session_id = $2",
                    &[Value::from(&self.user_id), id.into()],
                )
                .await?;
        }
        Ok(added)
    }

    async fn enter(&mut self, tenant: &str) -> Result<()> {
        if self.entered != tenant {
            self.tx.enter(tenant, &self.user_id, Sees::Own).await?;
            tenant.clone_into(&mut self.entered);
        }
        Ok(())
    }

    async fn retained_since(&mut self, tenant: &str) -> Result<Option<i64>> {
        if let Some(known) = self.retained_since.get(tenant) {
            return Ok(*known);
        }
        let row = self.tx.query_one(RETAINED, &[tenant.into()]).await?;
        let since = row.map(|row| row.opt_int(0)).transpose()?.flatten();
        self.retained_since.insert(tenant.to_owned(), since);
        Ok(since)
    }

    /// Gives the session its home, or checks that it has it here. True when it had none.
    async fn settle(&mut self, tenant: &str, id: &str) -> Result<bool, Stop> {
        let params = [Value::from(&self.user_id), id.into(), tenant.into()];
        if self.tx.execute(HOME_NEW, &params).await? == 1 {
            return Ok(true);
        }
        let Some(home) = self.tx.query_one(HOME, &params[..2]).await? else {
            return Err(StoreError::Internal("a session's home is not visible".to_owned()).into());
        };
        if home.opt_int(1)?.is_some() {
            let message = "the session was deleted on purpose and is not taken again";
            return Err(Stop::Refused(Refusal::new(code::FORGOTTEN, message)));
        }
        if home.text(0)? != tenant {
            let message =
                "the session was stored when its repository belonged elsewhere; an administrator can move it";
            return Err(Stop::Refused(Refusal::new(code::SESSION_MOVED, message)));
        }
        Ok(false)
    }

    async fn exists(&mut self, tenant: &str, id: &str) -> Result<bool> {
        let params = [Value::from(tenant), id.into(), Value::from(&self.user_id)];
        Ok(self.tx.query_one(SESSION, &params).await?.is_some())
    }

    /// Creates or updates the session's own row. Gives back whether it is new, and its repository as it now is.
    async fn session_row(&mut self, tenant: &str, id: &str, part: &Part) -> Result<(bool, String), Stop> {
        let repository = part.remote.as_ref().map(|remote| remote.url()).unwrap_or_default();
        let mut params: Vec<Value> = vec![
            tenant.into(),
            id.into(),
            Value::from(&self.user_id),
            Value::from(&repository),
            part.remote.as_ref().map_or("", |remote| remote.repo()).into(),
            Value::from(&part.status),
            part.slug.as_ref().into(),
            part.harness.as_ref().into(),
            part.inclusion.map(|inclusion| inclusion.as_str()).into(),
            Value::from(&part.last_modified),
            part.modified_at.into(),
            part.total_message_count.into(),
            self.now.into(),
        ];
        if self.tx.execute(SESSION_NEW, &params).await? == 1 {
            return Ok((true, repository));
        }
        let Some(stored) = self.tx.query_one(SESSION, &params[..3]).await? else {
            let message = "the session's id is another user's in this organization";
            return Err(Stop::Refused(Refusal::new(code::SESSION_CONFLICT, message)));
        };
        let stored_repository = stored.text(1)?;
        if part.modified_at < stored.int(0)? {
            return Ok((false, stored_repository));
        }
        // A replay arrives later, and changes nothing all the same.
        let is_same = stored_repository == repository
            && stored.text(2)? == part.status
            && stored.opt_text(3)? == part.slug
            && stored.opt_text(4)? == part.harness
            && stored.opt_text(5)?.as_deref() == part.inclusion.map(|inclusion| inclusion.as_str())
            && stored.opt_int(6)? == part.total_message_count;
        if part.is_arrival && is_same {
            return Ok((false, stored_repository));
        }
        params.truncate(12);
        self.tx.execute(SESSION_CHANGED, &params).await?;
        if repository != stored_repository {
            self.tx.execute(ACTIVITY_MOVED, &params[..4]).await?;
        }
        Ok((false, repository))
    }

    /// Stores messages and tasks with their aggregates. Gives back how many messages were new.
    async fn rows(&mut self, tenant: &str, id: &str, repository: &str, kept: &Kept<'_>) -> Result<i64, Stop> {
        let mut deltas = Deltas::new();
        let new = self.messages(tenant, id, &kept.messages).await?;
        let new: Vec<&Message> =
            kept.messages.iter().copied().filter(|message| new.contains(&message.wire.id)).collect();
        let mut usages = self.usages(tenant, &new).await?;
        let known = usages.clone();
        aggregate::count_messages(id, new.iter().copied(), &mut usages, &mut deltas)?;
        usages.retain(|usage_id, usage| known.get(usage_id) != Some(usage));
        self.tasks(tenant, id, &kept.tasks, &mut deltas).await?;
        self.store_sums(tenant, repository, &usages, deltas).await?;
        let count = new.len() as i64;
        if count > 0 {
            let params = [tenant.into(), id.into(), Value::from(&self.user_id), count.into()];
            self.tx.execute(SESSION_GREW, &params).await?;
        }
        Ok(count)
    }

    /// Stores answers as they now are, and adds to the sums.
    pub(super) async fn store_sums(
        &mut self,
        tenant: &str,
        repository: &str,
        usages: &HashMap<String, Usage>,
        mut deltas: Deltas,
    ) -> Result<(), Stop> {
        let rows = usages.iter().map(|usage| self.usage_row(tenant, usage)).collect();
        self.tx.insert(&USAGES_KNOWN, rows).await?;
        deltas.retain(|_, sums| *sums != Sums::default());
        let rows = deltas.into_iter().map(|(place, sums)| {
            let [input, output, cache_read, cache_creation] = sums.tokens;
            vec![
                tenant.into(),
                Value::from(&self.user_id),
                place.session_id.into(),
                place.day.into(),
                place.model.into(),
                place.message_type.into(),
                // Only of this session's rows can one be new; another's keeps its own.
                repository.into(),
                sums.messages.into(),
                input.into(),
                output.into(),
                cache_read.into(),
                cache_creation.into(),
                sums.lines_added.into(),
                sums.lines_removed.into(),
                sums.tasks_completed.into(),
            ]
        });
        let rows = rows.collect();
        for row in self.tx.insert(&ACTIVITY_ADDED, rows).await? {
            if row.int(0)? > aggregate::SUM_MAX {
                return Err(aggregate::TooLarge.into());
            }
        }
        Ok(())
    }

    /// The ids of those that were not there.
    async fn messages(&mut self, tenant: &str, id: &str, messages: &[&Message]) -> Result<HashSet<String>> {
        let rows = messages.iter().map(|message| self.message_row(tenant, id, message)).collect();
        let returned = self.tx.insert(&MESSAGES_NEW, rows).await?;
        let new = returned.iter().map(|row| row.text(0)).collect::<Result<HashSet<_>>>()?;
        let fill = |message: &&&Message| message.wire.content.is_some() && !new.contains(&message.wire.id);
        let rows =
            messages.iter().filter(fill).map(|message| self.message_row(tenant, id, message)).collect();
        self.tx.insert(&MESSAGES_FILLED, rows).await?;
        Ok(new)
    }

    fn message_row(&self, tenant: &str, id: &str, message: &Message) -> Vec<Value> {
        let wire = &message.wire;
        vec![
            tenant.into(),
            id.into(),
            Value::from(&wire.id),
            Value::from(&self.user_id),
            wire.stream.as_deref().unwrap_or("main").into(),
            wire.line_number.into(),
            Value::from(&wire.message_type),
            Value::from(&wire.timestamp),
            message.at.into(),
            Value::from(&wire.content_hash),
            wire.content.as_ref().into(),
            wire.input_tokens.into(),
            wire.output_tokens.into(),
            wire.cache_read_tokens.into(),
            wire.cache_creation_tokens.into(),
            wire.agent_id.as_ref().into(),
            wire.parent_id.as_ref().into(),
            wire.role.as_ref().into(),
            wire.tool_name.as_ref().into(),
            wire.model.as_ref().into(),
            wire.usage_id.as_ref().into(),
            wire.lines_added.into(),
            wire.lines_removed.into(),
            wire.files_changed.into(),
            wire.content_omitted.into(),
        ]
    }

    /// What is stored of the answers that these rows belong to.
    async fn usages(&mut self, tenant: &str, new: &[&Message]) -> Result<HashMap<String, Usage>> {
        let ids: HashSet<&str> = new.iter().filter_map(|message| aggregate::usage_id(message)).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        self.usages_by_id(tenant, ids.into_iter().map(str::to_owned).collect()).await
    }

    pub(super) async fn usages_by_id(
        &mut self,
        tenant: &str,
        ids: Vec<String>,
    ) -> Result<HashMap<String, Usage>> {
        let rows = self.tx.query(USAGES, &[tenant.into(), Value::from(&self.user_id), ids.into()]).await?;
        rows.iter().map(read_usage).collect()
    }

    fn usage_row(&self, tenant: &str, (id, usage): (&String, &Usage)) -> Vec<Value> {
        let [input, output, cache_read, cache_creation] = usage.tokens;
        vec![
            tenant.into(),
            Value::from(&self.user_id),
            id.into(),
            input.into(),
            output.into(),
            cache_read.into(),
            cache_creation.into(),
            usage.first.at.into(),
            usage.first.line_number.into(),
            Value::from(&usage.first.message_type),
            Value::from(&usage.first.session_id),
            Value::from(&usage.first.message_id),
            Value::from(&usage.model),
            usage.last_at.into(),
        ]
    }

    /// Stores the tasks that are later than, or as late as, what is stored.
    async fn tasks(&mut self, tenant: &str, id: &str, tasks: &[&Task], deltas: &mut Deltas) -> Result<()> {
        if tasks.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = tasks.iter().map(|task| task.wire.id.clone()).collect();
        let mut stored = HashMap::new();
        for row in self.tx.query(TASKS, &[tenant.into(), id.into(), ids.into()]).await? {
            stored.insert(row.text(0)?, row);
        }
        let mut rows = Vec::new();
        for task in tasks {
            if let Some(row) = stored.get(&task.wire.id) {
                let (status, changed_at) = (row.text(1)?, row.int(2)?);
                let is_same = status == task.wire.status
                    && row.text(3)? == task.wire.subject
                    && row.opt_text(4)? == task.wire.description
                    && row.text(5)? == task.wire.created_at;
                if task.changed_at < changed_at || (task.is_arrival && is_same) {
                    continue;
                }
                if status == "completed" {
                    aggregate::count_completed_task(id, changed_at, -1, deltas);
                }
            }
            if task.wire.status == "completed" {
                aggregate::count_completed_task(id, task.changed_at, 1, deltas);
            }
            rows.push(vec![
                tenant.into(),
                id.into(),
                Value::from(&task.wire.id),
                Value::from(&self.user_id),
                Value::from(&task.wire.subject),
                task.wire.description.as_ref().into(),
                Value::from(&task.wire.status),
                Value::from(&task.wire.created_at),
                Value::from(&task.wire.updated_at),
                task.changed_at.into(),
            ]);
        }
        self.tx.insert(&TASKS_LATER, rows).await?;
        Ok(())
    }
}

fn read_usage(row: &Row) -> Result<(String, Usage)> {
    let model = row.text(10)?;
    let first = Rank {
        without_model: model.is_empty(),
        at: row.int(5)?,
        line_number: row.int(6)?,
        message_type: row.text(7)?,
        session_id: row.text(8)?,
        message_id: row.text(9)?,
    };
    let tokens = [row.int(1)?, row.int(2)?, row.int(3)?, row.int(4)?];
    Ok((row.text(0)?, Usage { tokens, first, model, last_at: row.int(11)? }))
}

/// What of a session's rows is young enough to be stored.
struct Kept<'a> {
    messages: Vec<&'a Message>,
    tasks: Vec<&'a Task>,
}

impl Kept<'_> {
    fn of(part: &Part, retained_since: Option<i64>) -> Kept<'_> {
        let since = retained_since.unwrap_or(i64::MIN);
        Kept {
            messages: part.messages.iter().filter(|message| message.at >= since).collect(),
            tasks: part.tasks.iter().filter(|task| task.changed_at >= since).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.tasks.is_empty()
    }
}

impl Part {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.tasks.is_empty()
    }
}
