//! The upsert of a set of sessions of one user in one tenant.
//!
//! Invariants: it runs under the user's advisory lock; a replay writes nothing; aggregates come from the rows that are
//! really new. Statements that do not need each other's results are pipelined.

use super::aggregates::Aggregates;
use super::outcome::{AddedRows, Rejection, SessionResult, UpsertError, try_join};
use super::session_upsert::{FilledMessage, RetainedRows, SessionUpsert, rejection_by_location};
use crate::protocol::code;
use crate::receiver::ingest::batch::{DecodedMessage, DecodedSession, DecodedTask};
use crate::receiver::ingest::merge::merge_message;
use crate::receiver::ingest::token_usage::{self, MetricsDeltas};
use crate::receiver::store::database::{Transaction, Visibility};
use crate::receiver::store::directory::CurrentTenants;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::Rows;
use crate::receiver::store::tables::{
    GROW_SESSIONS, INSERT_FIRST_MESSAGES, INSERT_LOCATIONS, INSERT_MESSAGES, INSERT_SESSIONS,
    REPLACE_MESSAGES, SET_METRICS_LABELS, SessionLabels, SessionLocation, SessionVersion, StoredFields,
    StoredVersion, TaskFields, TaskVersion, UPDATE_SESSIONS, UPSERT_TASKS, push_merged, push_message,
    session_fields, session_locations, stored_versions, task_fields,
};
use crate::receiver::time;
use std::collections::{HashMap, HashSet};

/// The upserts of one user inside a transaction.
pub struct Upserter<'t> {
    pub tx: &'t Transaction,
    user_id: String,
    now: i64,
    /// The tenant that the transaction has entered.
    entered: String,
    /// The start of retention of tenants, read under the user's lock, so that no prune comes between.
    retained_since: CurrentTenants,
    /// False if a row is taken to be absent where its session or answer is absent. True after that went wrong.
    assumes_existing: bool,
}

/// Stored messages that are read at once to be compared with the sent ones.
const COMPARED_MESSAGES_MAX: usize = 2_000;

impl<'t> Upserter<'t> {
    pub fn new(tx: &'t Transaction, user_id: String, now: i64) -> Upserter<'t> {
        let (entered, retained_since) = Default::default();
        Upserter { tx, user_id, now, entered, retained_since, assumes_existing: false }
    }

    /// Passes the tenants that were read under the user's lock.
    pub fn within(self, tenants: CurrentTenants) -> Upserter<'t> {
        Upserter { retained_since: tenants, ..self }
    }

    /// Assumes that any row may exist already.
    pub fn assume_existing(self) -> Upserter<'t> {
        Upserter { assumes_existing: true, ..self }
    }

    /// Stores a session that was moved out of another tenant.
    pub async fn restore(&mut self, tenant: &str, id: &str, session: &DecodedSession) -> Result<()> {
        for result in self.upsert(tenant, &[(id, session)], true).await? {
            result.map_err(UpsertError::Rejected)?;
        }
        Ok(())
    }

    /// Enters a tenant for what follows.
    pub async fn enter(&mut self, tenant: &str) -> Result<()> {
        if self.entered != tenant {
            self.tx.enter(tenant, &self.user_id, Visibility::Own).await?;
            tenant.clone_into(&mut self.entered);
        }
        Ok(())
    }

    /// Upserts sessions of different ids, and returns the outcome of each. A rejected session leaves nothing behind. An error
    /// concerns the whole set, and the caller must roll all of it back.
    ///
    /// With `keeps_empty` a session is stored even if none of its rows is inside the retention.
    pub async fn upsert(
        &mut self,
        tenant: &str,
        sessions: &[(&str, &DecodedSession)],
        keeps_empty: bool,
    ) -> Result<Vec<SessionResult>, UpsertError> {
        let ids = || sessions.iter().map(|session| session.0);
        let ((since, locations), stored) = try_join(
            try_join(self.retained_since(tenant), session_locations(self.tx, &self.user_id, ids())),
            session_fields(self.tx, tenant, &self.user_id, ids()),
        )
        .await?;
        self.retained_since.insert(tenant.to_owned(), since);
        let mut results = vec![Ok(AddedRows::default()); sessions.len()];
        let state = StoredState { tenant, since, locations, stored, keeps_empty };
        let mut upserts = self.prepare(sessions, state, &mut results);
        self.insert_sessions(tenant, &mut upserts, &mut results).await?;
        self.add_messages(tenant, &mut upserts).await?;
        let rows = try_join(self.insert_first_rows(tenant, &upserts), self.update_sessions(tenant, &upserts));
        try_join(self.update_aggregates(tenant, &upserts), rows).await?;
        for upsert in upserts {
            let sessions = i64::from(upsert.stored.is_none());
            let messages = upsert.new_messages.len() as i64;
            results[upsert.index] = Ok(AddedRows { sessions, messages });
        }
        Ok(results)
    }

    async fn retained_since(&self, tenant: &str) -> Result<Option<i64>> {
        if let Some(since) = self.retained_since.get(tenant) {
            return Ok(*since);
        }
        let sql = "SELECT retained_since FROM tenants WHERE tenant_id = $1";
        let row = self.tx.query_one(sql, &[tenant.into()]).await?;
        Ok(row.map(|row| row.opt_int(0)).transpose()?.flatten())
    }

    /// The upserts of the sessions that are to be stored. Sets the results of those that are rejected by their location.
    fn prepare<'a>(
        &self,
        sessions: &[(&'a str, &'a DecodedSession)],
        mut state: StoredState<'_>,
        results: &mut [SessionResult],
    ) -> Vec<SessionUpsert<'a>> {
        let mut upserts = Vec::with_capacity(sessions.len());
        for (index, (id, session)) in sessions.iter().enumerate() {
            let location = state.locations.get(*id);
            if let Some(rejection) =
                location.and_then(|location| rejection_by_location(location, state.tenant))
            {
                results[index] = Err(rejection);
                continue;
            }
            let mut retained = RetainedRows::of(session, state.since);
            let (stored, stored_digest) = match state.stored.remove(*id) {
                Some(StoredFields { version, digest }) => (Some(version), digest),
                None => (None, 0),
            };
            // A pruned session does not come back without its rows.
            let has_location = location.is_some_and(|location| location.tenant_id.is_some());
            let may_be_pruned = !state.keeps_empty && (!session.has_no_rows() || has_location);
            if retained.is_empty() && may_be_pruned && stored.is_none() {
                continue;
            }
            let is_new = stored.is_none() && !self.assumes_existing;
            let new_messages = if is_new { std::mem::take(&mut retained.messages) } else { Vec::new() };
            let sent = SessionVersion::of(session);
            let fields = match &stored {
                Some(stored) => SessionVersion::merged(stored, sent),
                None => sent,
            };
            upserts.push(SessionUpsert {
                index,
                id,
                session,
                retained,
                fields,
                has_location,
                stored,
                stored_digest,
                is_new,
                new_messages,
                filled_messages: Vec::new(),
            });
        }
        upserts
    }

    /// Inserts the sessions that are not stored. A session whose id is another user's is rejected.
    async fn insert_sessions(
        &self,
        tenant: &str,
        upserts: &mut Vec<SessionUpsert<'_>>,
        results: &mut [SessionResult],
    ) -> Result<()> {
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for upsert in upserts.iter().filter(|upsert| upsert.stored.is_none()) {
            upsert.push_row(&mut rows, self.now);
        }
        let inserted = self.tx.insert_many_returning(&INSERT_SESSIONS, &rows).await?;
        let inserted = inserted.iter().map(|row| row.text(0)).collect::<Result<HashSet<_>>>()?;
        upserts.retain(|upsert| {
            let is_ours = upsert.stored.is_some() || inserted.contains(upsert.id);
            if !is_ours {
                let message = "the session's id is another user's in this organization";
                results[upsert.index] = Err(Rejection::new(code::SESSION_CONFLICT, message));
            }
            is_ours
        });
        Ok(())
    }

    /// Inserts messages of sessions that may have them already, finds out which are new, and fills in absent values of the
    /// others.
    async fn add_messages(&self, tenant: &str, upserts: &mut [SessionUpsert<'_>]) -> Result<()> {
        let existing = || upserts.iter().filter(|upsert| !upsert.is_new);
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for upsert in existing() {
            upsert.retained.messages.iter().for_each(|message| push_message(&mut rows, upsert.id, message));
        }
        let mut inserted: HashMap<String, HashSet<String>> = HashMap::new();
        for row in self.tx.insert_many_returning(&INSERT_MESSAGES, &rows).await? {
            inserted.entry(row.text(0)?).or_default().insert(row.text(1)?);
        }
        drop(rows);
        let is_inserted = |session: &str, message: &DecodedMessage| {
            inserted.get(session).is_some_and(|ids| ids.contains(&message.wire.id))
        };
        for upsert in upserts.iter_mut().filter(|upsert| !upsert.is_new) {
            let (retained, id) = (std::mem::take(&mut upsert.retained.messages), upsert.id);
            let (new, stored): (Vec<_>, Vec<_>) =
                retained.into_iter().partition(|message| is_inserted(id, message));
            (upsert.new_messages, upsert.retained.messages) = (new, stored);
        }
        self.fill_messages(tenant, upserts).await
    }

    /// Fills in the values that messages lacked when they were stored. Those in `retained` are the stored ones.
    async fn fill_messages(&self, tenant: &str, upserts: &mut [SessionUpsert<'_>]) -> Result<()> {
        let stored: Vec<(&str, &DecodedMessage)> = upserts
            .iter()
            .filter(|upsert| !upsert.is_new)
            .flat_map(|upsert| upsert.retained.messages.iter().map(|message| (upsert.id, *message)))
            .collect();
        let sent: HashMap<(&str, &str), &DecodedMessage> = stored
            .iter()
            .map(|(session, message)| ((*session, message.wire.id.as_str()), *message))
            .collect();
        let mut filled: HashMap<String, Vec<FilledMessage>> = HashMap::new();
        for keys in stored.chunks(COMPARED_MESSAGES_MAX) {
            for version in stored_versions(self.tx, tenant, keys).await? {
                let StoredVersion { session_id, message: before, has_content } = version;
                let sent = sent.get(&(session_id.as_str(), before.wire.id.as_str())).copied();
                let Some(sent) = sent else { continue };
                let mut after = before.clone();
                if merge_message(&mut after, has_content, sent) {
                    filled.entry(session_id).or_default().push(FilledMessage { before, after, sent });
                }
            }
        }
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for (session, messages) in &filled {
            for message in messages {
                push_merged(&mut rows, session, &message.after, message.sent.wire.content.as_ref());
            }
        }
        self.tx.insert_many(&REPLACE_MESSAGES, &rows).await?;
        for upsert in upserts {
            upsert.filled_messages = filled.remove(upsert.id).unwrap_or_default();
        }
        Ok(())
    }

    /// Inserts the locations and the messages of new sessions.
    async fn insert_first_rows(
        &self,
        tenant: &str,
        upserts: &[SessionUpsert<'_>],
    ) -> Result<(), UpsertError> {
        let mut locations = Rows::new(&[&self.user_id, tenant]);
        for upsert in upserts.iter().filter(|upsert| upsert.is_first()) {
            locations.push([upsert.id.into()]);
        }
        // Lets the statements that are pipelined with these go out before the rows are encoded.
        tokio::task::yield_now().await;
        let mut messages = Rows::new(&[tenant, &self.user_id]);
        for upsert in upserts.iter().filter(|upsert| upsert.is_new) {
            upsert.new_messages.iter().for_each(|message| push_message(&mut messages, upsert.id, message));
        }
        let (inserted, _) = try_join(
            self.tx.insert_many(&INSERT_LOCATIONS, &locations),
            self.tx.insert_many(&INSERT_FIRST_MESSAGES, &messages),
        )
        .await?;
        Ok(self.check_inserted(inserted, locations.values.len() as u64)?)
    }

    /// Checks that all rows were inserted. The user's lock makes sure of it; rows that exist all the same are an error, after
    /// which the upsert is run again with [`Upserter::assume_existing`].
    fn check_inserted(&self, inserted: u64, expected: u64) -> Result<()> {
        let text = || "rows exist that were not expected".to_owned();
        match inserted == expected {
            true => Ok(()),
            false if self.assumes_existing => Err(StoreError::Contended(text())),
            false => Err(StoreError::Internal(text())),
        }
    }

    /// Counts the new rows, and upserts tasks, whose sums depend on their stored status.
    async fn update_aggregates(
        &self,
        tenant: &str,
        upserts: &[SessionUpsert<'_>],
    ) -> Result<(), UpsertError> {
        let aggregates = Aggregates {
            tx: self.tx,
            tenant,
            user_id: &self.user_id,
            assumes_existing: self.assumes_existing,
        };
        let new = upserts.iter().flat_map(|upsert| upsert.new_messages.iter().copied());
        let filled =
            upserts.iter().flat_map(|upsert| upsert.filled_messages.iter().map(|filled| &filled.after));
        let ids: HashSet<&str> = new.chain(filled).filter_map(token_usage::usage_id).collect();
        let (stored, stored_tasks) =
            try_join(aggregates.usages(ids.into_iter()), task_fields(self.tx, tenant, tasks(upserts)))
                .await?;
        let (mut usages, mut deltas) = (stored.clone(), MetricsDeltas::new());
        for upsert in upserts {
            let new = upsert.new_messages.iter().copied();
            token_usage::count_messages(upsert.id, new, &mut usages, &mut deltas)?;
            for FilledMessage { before, after, .. } in &upsert.filled_messages {
                token_usage::recount_message(upsert.id, before, after, &mut usages, &mut deltas)?;
            }
        }
        let arrival = time::rfc3339(self.now);
        let mut changed = Rows::new(&[tenant, &self.user_id]);
        for (session, task) in tasks(upserts) {
            let stored = stored_tasks.get(&(session.to_owned(), task.wire.id.clone()));
            if let Some(version) = changed_task(session, task, stored, &mut deltas) {
                push_task(&mut changed, session, &task.wire.id, version, &arrival);
            }
        }
        let labels = upserts.iter().map(|upsert| (upsert.id, upsert.fields.labels())).collect();
        let sums = aggregates.upsert(&labels, &stored, &usages, &deltas);
        try_join(sums, self.tx.insert_many(&UPSERT_TASKS, &changed)).await?;
        Ok(())
    }

    /// Updates the fields and the message counts of sessions that were stored before.
    async fn update_sessions(&self, tenant: &str, upserts: &[SessionUpsert<'_>]) -> Result<(), UpsertError> {
        let mut changed = Rows::new(&[tenant, &self.user_id]);
        let mut grown = Rows::new(&[tenant, &self.user_id]);
        for upsert in upserts {
            match &upsert.stored {
                Some(stored) if upsert.changes(stored) => {
                    upsert.push_row(&mut changed, self.now);
                    let labels = upsert.fields.labels();
                    if labels != stored.labels() {
                        let SessionLabels { repository, pull_request } = labels;
                        let (user, id) = (&self.user_id, upsert.id);
                        let params = vec![
                            tenant.into(),
                            id.into(),
                            user.into(),
                            repository.into(),
                            pull_request.into(),
                        ];
                        self.tx.send(SET_METRICS_LABELS, params).await?;
                    }
                }
                // A new session was inserted with its count.
                _ if !upsert.is_new && !upsert.new_messages.is_empty() => {
                    upsert.push_row(&mut grown, self.now);
                }
                _ => {}
            }
        }
        try_join(
            self.tx.insert_many(&UPDATE_SESSIONS, &changed),
            self.tx.insert_many(&GROW_SESSIONS, &grown),
        )
        .await?;
        Ok(())
    }
}

/// State of a tenant that an upsert depends on.
struct StoredState<'a> {
    tenant: &'a str,
    since: Option<i64>,
    locations: HashMap<String, SessionLocation>,
    stored: HashMap<String, StoredFields>,
    keeps_empty: bool,
}

/// The retained tasks of all sessions, each with its session's id.
fn tasks<'a>(upserts: &'a [SessionUpsert<'_>]) -> impl Iterator<Item = (&'a str, &'a DecodedTask)> {
    upserts.iter().flat_map(|upsert| upsert.retained.tasks.iter().map(|task| (upsert.id, *task)))
}

/// The version of a task that is to be stored, with the changes of its sums; `None` if nothing changes.
fn changed_task<'a>(
    session: &str,
    task: &'a DecodedTask,
    stored: Option<&'a TaskFields>,
    deltas: &mut MetricsDeltas,
) -> Option<TaskVersion<'a>> {
    let sent = TaskVersion::of(task);
    let version = match stored.map(TaskFields::version) {
        None => sent,
        Some(stored) => {
            let merged = TaskVersion::merged(stored, sent);
            // A time of arrival is later at each replay and must change nothing by itself.
            let compared = if task.is_arrival { merged.at_times_of(stored) } else { merged };
            if compared == stored {
                return None;
            }
            if stored.status == "completed" {
                token_usage::count_completed_task(session, stored.changed_at, -1, deltas);
            }
            merged
        }
    };
    if version.status == "completed" {
        token_usage::count_completed_task(session, version.changed_at, 1, deltas);
    }
    Some(version)
}

/// Adds a task to the rows of an `INSERT`. `arrival` is the time of creation of a task that has none.
fn push_task<'a>(
    rows: &mut Rows<'a>,
    session: &'a str,
    id: &'a str,
    task: TaskVersion<'a>,
    arrival: &'a str,
) {
    rows.push([
        session.into(),
        id.into(),
        task.subject.into(),
        task.description.into(),
        task.status.into(),
        (if task.created_at.is_empty() { arrival } else { task.created_at }).into(),
        task.updated_at.into(),
        task.changed_at.into(),
    ]);
}
