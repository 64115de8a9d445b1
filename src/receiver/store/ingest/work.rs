//! One user's work inside a transaction: a set of sessions with their rows and sums, in statements whose number does not
//! go with that of the sessions.
//!
//! Invariants: all of it happens under the user's lock; a replay writes nothing; aggregates come from the rows that were
//! really new. What needs no other's answer is asked and stored at the same time.

use super::{Added, Rejection, Stop, try_join};
use crate::protocol::code;
use crate::receiver::ingest::decode::{DecodedMessage, DecodedSession, DecodedTask};
use crate::receiver::ingest::token_usage::{self, Deltas, Rank, Sums, Usage};
use crate::receiver::store::db::{Result, Row, StoreError, Tx, Visibility};
use crate::receiver::store::rows::Rows;
use crate::receiver::store::statements::*;
use std::collections::{HashMap, HashSet};

/// One user's work inside a transaction.
pub struct Work<'t> {
    pub tx: &'t Tx,
    user_id: String,
    now: i64,
    /// The tenant that the transaction acts in.
    entered: String,
    /// By tenant, read after the lock, so that a prune cannot come between.
    retained_since: HashMap<String, Option<i64>>,
    /// Nothing is taken for granted of what is stored: after something went wrong.
    assumes_existing: bool,
}

/// A session of a set, and what is known of it before anything is written.
struct Piece<'a> {
    /// Its place in the set.
    index: usize,
    id: &'a str,
    part: &'a DecodedSession,
    kept: Kept<'a>,
    /// The repository as sent.
    repository: String,
    has_home: bool,
    stored: Option<SessionFields>,
    /// The transaction stores the session itself: none of its messages can be there.
    is_new: bool,
    /// Messages that were not there.
    new: Vec<&'a DecodedMessage>,
}

/// A session's own row.
struct SessionFields {
    modified_at: i64,
    repository: String,
    status: String,
    slug: Option<String>,
    harness: Option<String>,
    inclusion: Option<String>,
    total_message_count: Option<i64>,
    last_modified: String,
}

impl<'t> Work<'t> {
    pub fn new(tx: &'t Tx, user_id: String, now: i64) -> Work<'t> {
        let (entered, retained_since) = Default::default();
        Work { tx, user_id, now, entered, retained_since, assumes_existing: false }
    }

    /// Takes nothing for granted of what is stored.
    pub fn assume_existing(self) -> Work<'t> {
        Work { assumes_existing: true, ..self }
    }

    /// Stores a session that was taken out of another tenant.
    pub async fn restore(&mut self, tenant: &str, id: &str, part: DecodedSession) -> Result<()> {
        for result in self.store(tenant, &[(id, &part)], true).await? {
            result.map_err(Stop::Refused)?;
        }
        Ok(())
    }

    /// Acts in this tenant from here on.
    pub async fn enter(&mut self, tenant: &str) -> Result<()> {
        if self.entered != tenant {
            self.tx.enter(tenant, &self.user_id, Visibility::Own).await?;
            tenant.clone_into(&mut self.entered);
        }
        Ok(())
    }

    /// Stores sessions of different ids, and says of each what became of it. What is refused leaves nothing behind; an
    /// error is one of the whole set, of which nothing may then be kept.
    ///
    /// With `is_known` they are sessions that were stored, and are kept even where none of their rows is.
    pub async fn store(
        &mut self,
        tenant: &str,
        sessions: &[(&str, &DecodedSession)],
        is_known: bool,
    ) -> Result<Vec<Result<Added, Rejection>>, Stop> {
        let ids = || sessions.iter().map(|session| session.0);
        let ((since, homes), mut stored) = try_join(
            try_join(self.retained_since(tenant), self.homes(ids())),
            self.stored_sessions(tenant, ids()),
        )
        .await?;
        self.retained_since.insert(tenant.to_owned(), since);
        let mut results = vec![Ok(Added::default()); sessions.len()];
        let mut pieces = Vec::with_capacity(sessions.len());
        for (index, (id, part)) in sessions.iter().enumerate() {
            let home = homes.get(*id);
            if let Some(refusal) = home.and_then(|home| home.refusal(tenant)) {
                results[index] = Err(refusal);
                continue;
            }
            let (mut kept, stored) = (Kept::of(part, since), stored.remove(*id));
            // What was pruned does not come back as an empty shell.
            let may_be_pruned = !is_known && (!part.is_empty() || home.is_some());
            if kept.is_empty() && may_be_pruned && stored.is_none() {
                continue;
            }
            let repository = part.remote.as_ref().map(|remote| remote.url()).unwrap_or_default();
            let is_new = stored.is_none() && !self.assumes_existing;
            let new = if is_new { std::mem::take(&mut kept.messages) } else { Vec::new() };
            pieces.push(Piece {
                index,
                id,
                part,
                kept,
                repository,
                has_home: home.is_some(),
                stored,
                is_new,
                new,
            });
        }
        self.new_sessions(tenant, &mut pieces, &mut results).await?;
        self.add_messages(tenant, &mut pieces).await?;
        let rows = try_join(self.first_rows(tenant, &pieces), self.known_sessions(tenant, &pieces));
        try_join(self.sums(tenant, &pieces), rows).await?;
        for piece in pieces {
            let sessions = i64::from(piece.stored.is_none());
            results[piece.index] = Ok(Added { sessions, messages: piece.new.len() as i64 });
        }
        Ok(results)
    }

    async fn retained_since(&self, tenant: &str) -> Result<Option<i64>> {
        if let Some(known) = self.retained_since.get(tenant) {
            return Ok(*known);
        }
        let row = self.tx.query_one(RETAINED, &[tenant.into()]).await?;
        Ok(row.map(|row| row.opt_int(0)).transpose()?.flatten())
    }

    async fn homes(&self, ids: impl Iterator<Item = &str>) -> Result<HashMap<String, Home>> {
        let mut keys = Rows::new(&[&self.user_id]);
        ids.for_each(|id| keys.push([id.into()]));
        let rows = self.tx.select_by_keys(&HOMES, &keys).await?;
        let home = |row: &Row| {
            Ok((row.text(0)?, Home { stored_in: row.text(1)?, is_forgotten: row.opt_int(2)?.is_some() }))
        };
        rows.iter().map(home).collect()
    }

    async fn stored_sessions(
        &self,
        tenant: &str,
        ids: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, SessionFields>> {
        let mut keys = Rows::new(&[tenant, &self.user_id]);
        ids.for_each(|id| keys.push([id.into()]));
        let rows = self.tx.select_by_keys(&SESSIONS, &keys).await?;
        rows.iter().map(|row| Ok((row.text(0)?, SessionFields::read(row)?))).collect()
    }

    /// Stores the sessions that are not there. One whose id is another user's is refused.
    async fn new_sessions(
        &self,
        tenant: &str,
        pieces: &mut Vec<Piece<'_>>,
        results: &mut [Result<Added, Rejection>],
    ) -> Result<()> {
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for piece in pieces.iter().filter(|piece| piece.stored.is_none()) {
            piece.push_row(&mut rows, self.now);
        }
        let stored = self.tx.insert_many_returning(&SESSIONS_NEW, &rows).await?;
        let stored = stored.iter().map(|row| row.text(0)).collect::<Result<HashSet<_>>>()?;
        pieces.retain(|piece| {
            let is_ours = piece.stored.is_some() || stored.contains(piece.id);
            if !is_ours {
                let message = "the session's id is another user's in this organization";
                results[piece.index] = Err(Rejection::new(code::SESSION_CONFLICT, message));
            }
            is_ours
        });
        Ok(())
    }

    /// Stores messages of sessions that may have them already, and finds out by that which are new.
    async fn add_messages(&self, tenant: &str, pieces: &mut [Piece<'_>]) -> Result<()> {
        let added = || pieces.iter().filter(|piece| !piece.is_new);
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for piece in added() {
            piece.kept.messages.iter().for_each(|message| push_message(&mut rows, piece.id, message));
        }
        let mut new: HashMap<String, HashSet<String>> = HashMap::new();
        for row in self.tx.insert_many_returning(&MESSAGES_NEW, &rows).await? {
            new.entry(row.text(0)?).or_default().insert(row.text(1)?);
        }
        let is_new = |piece: &Piece, message: &DecodedMessage| {
            new.get(piece.id).is_some_and(|new| new.contains(&message.wire.id))
        };
        // Of those that were there some may lack the content that they now have.
        let mut there: Vec<(&str, &DecodedMessage)> = Vec::new();
        for piece in added() {
            let messages = piece.kept.messages.iter().filter(|message| message.wire.content.is_some());
            let messages = messages.filter(|message| !is_new(piece, message));
            there.extend(messages.map(|message| (piece.id, *message)));
        }
        let mut keys = Rows::new(&[tenant]);
        there.iter().for_each(|(id, message)| keys.push([(*id).into(), (&message.wire.id).into()]));
        let mut lacking = HashSet::new();
        for row in self.tx.select_by_keys(&MESSAGES, &keys).await? {
            if row.flag(2)? {
                lacking.insert((row.text(0)?, row.text(1)?));
            }
        }
        let mut filled = Rows::new(&[tenant, &self.user_id]);
        for (id, message) in there {
            if lacking.contains(&(id.to_owned(), message.wire.id.clone())) {
                push_message(&mut filled, id, message);
            }
        }
        self.tx.insert_many(&MESSAGES_FILLED, &filled).await?;
        for piece in pieces.iter_mut().filter(|piece| !piece.is_new) {
            let kept = std::mem::take(&mut piece.kept.messages);
            piece.new = kept.into_iter().filter(|message| is_new(piece, message)).collect();
        }
        Ok(())
    }

    /// Stores the homes and the messages of sessions that have none.
    async fn first_rows(&self, tenant: &str, pieces: &[Piece<'_>]) -> Result<(), Stop> {
        let mut homes = Rows::new(&[&self.user_id, tenant]);
        for piece in pieces.iter().filter(|piece| piece.is_first()) {
            homes.push([piece.id.into()]);
        }
        // What was asked meanwhile goes out before these rows are made.
        tokio::task::yield_now().await;
        let mut messages = Rows::new(&[tenant, &self.user_id]);
        for piece in pieces.iter().filter(|piece| piece.is_new) {
            piece.new.iter().for_each(|message| push_message(&mut messages, piece.id, message));
        }
        let (stored, _) = try_join(
            self.tx.insert_many(&HOMES_NEW, &homes),
            self.tx.insert_many(&MESSAGES_FIRST, &messages),
        )
        .await?;
        Ok(self.expect(stored, homes.cells.len() as u64)?)
    }

    /// Whoever stores for a user has the user's lock. Where rows are there all the same, the work is done again, and
    /// nothing taken for granted.
    fn expect(&self, rows: u64, expected: u64) -> Result<()> {
        let text = || "rows were there that were not expected".to_owned();
        match rows == expected {
            true => Ok(()),
            false if self.assumes_existing => Err(StoreError::Contended(text())),
            false => Err(StoreError::Internal(text())),
        }
    }

    /// Counts what is new, and stores tasks, whose sums go by what they were before.
    async fn sums(&self, tenant: &str, pieces: &[Piece<'_>]) -> Result<(), Stop> {
        let new = || pieces.iter().flat_map(|piece| &piece.new);
        let ids: HashSet<&str> = new().filter_map(|message| token_usage::usage_id(message)).collect();
        let (known, tasks) =
            try_join(self.usages(tenant, ids.into_iter()), self.stored_tasks(tenant, pieces)).await?;
        let (mut usages, mut deltas) = (known.clone(), Deltas::new());
        for piece in pieces {
            token_usage::count_messages(piece.id, piece.new.iter().copied(), &mut usages, &mut deltas)?;
        }
        let later = self.later_tasks(tenant, pieces, &tasks, &mut deltas)?;
        let repositories = pieces.iter().map(|piece| (piece.id, piece.repository_now())).collect();
        let sums = self.store_sums(tenant, &repositories, &known, &usages, deltas);
        try_join(sums, self.tx.insert_many(&TASKS_LATER, &later)).await?;
        Ok(())
    }

    /// Stores answers as they now are where that is not as they are `known`, and adds to the sums. `repositories` are
    /// those of the sessions of which sums may be new; the others' keep their own.
    pub async fn store_sums(
        &self,
        tenant: &str,
        repositories: &HashMap<&str, &str>,
        known: &HashMap<String, Usage>,
        usages: &HashMap<String, Usage>,
        mut deltas: Deltas,
    ) -> Result<(), Stop> {
        let (mut new, mut changed) =
            (Rows::new(&[tenant, &self.user_id]), Rows::new(&[tenant, &self.user_id]));
        for (id, usage) in usages {
            let rows = match known.get(id) {
                Some(known) if known == usage => continue,
                None if !self.assumes_existing => &mut new,
                _ => &mut changed,
            };
            let [input, output, cache_read, cache_creation] = usage.tokens;
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
            ]);
        }
        deltas.retain(|_, sums| *sums != Sums::default());
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for (place, sums) in &deltas {
            let [input, output, cache_read, cache_creation] = sums.tokens;
            let repository = repositories.get(place.session_id.as_str()).copied().unwrap_or_default();
            rows.push([
                (&place.session_id).into(),
                place.day.into(),
                (&place.model).into(),
                (&place.message_type).into(),
                repository.into(),
                sums.messages.into(),
                input.into(),
                output.into(),
                cache_read.into(),
                cache_creation.into(),
                sums.lines_added.into(),
                sums.lines_removed.into(),
                sums.tasks_completed.into(),
            ]);
        }
        let usages =
            try_join(self.tx.insert_many(&USAGES_NEW, &new), self.tx.insert_many(&USAGES_NOW, &changed));
        let (_, sums) = try_join(usages, self.tx.insert_many_returning(&METRICS_ADDED, &rows)).await?;
        for row in sums {
            if row.int(0)? > token_usage::SUM_MAX {
                return Err(token_usage::TooLarge.into());
            }
        }
        Ok(())
    }

    /// What is stored of these answers.
    pub async fn usages(
        &self,
        tenant: &str,
        ids: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, Usage>> {
        let mut keys = Rows::new(&[tenant, &self.user_id]);
        ids.for_each(|id| keys.push([id.into()]));
        self.tx.select_by_keys(&USAGES, &keys).await?.iter().map(read_usage).collect()
    }

    /// What is stored of the tasks that came.
    async fn stored_tasks(&self, tenant: &str, pieces: &[Piece<'_>]) -> Result<StoredTasks> {
        let mut keys = Rows::new(&[tenant]);
        for (id, task) in tasks(pieces) {
            keys.push([id.into(), (&task.wire.id).into()]);
        }
        let rows = self.tx.select_by_keys(&TASKS, &keys).await?;
        rows.into_iter().map(|row| Ok(((row.text(0)?, row.text(1)?), row))).collect()
    }

    /// The tasks that are later than, or as late as, what is stored.
    fn later_tasks<'a>(
        &'a self,
        tenant: &'a str,
        pieces: &'a [Piece<'_>],
        stored: &StoredTasks,
        deltas: &mut Deltas,
    ) -> Result<Rows<'a>> {
        let mut rows = Rows::new(&[tenant, &self.user_id]);
        for (id, task) in tasks(pieces) {
            let wire = &task.wire;
            if let Some(row) = stored.get(&(id.to_owned(), wire.id.clone())) {
                let (status, changed_at) = (row.text(2)?, row.int(3)?);
                let is_same = status == wire.status
                    && row.text(4)? == wire.subject
                    && row.opt_text(5)? == wire.description
                    && row.text(6)? == wire.created_at;
                if task.changed_at < changed_at || (task.is_arrival && is_same) {
                    continue;
                }
                if status == "completed" {
                    token_usage::count_completed_task(id, changed_at, -1, deltas);
                }
            }
            if wire.status == "completed" {
                token_usage::count_completed_task(id, task.changed_at, 1, deltas);
            }
            rows.push([
                id.into(),
                (&wire.id).into(),
                (&wire.subject).into(),
                wire.description.as_ref().into(),
                (&wire.status).into(),
                (&wire.created_at).into(),
                (&wire.updated_at).into(),
                task.changed_at.into(),
            ]);
        }
        Ok(rows)
    }

    /// Brings the rows of sessions that were there up to date.
    async fn known_sessions(&self, tenant: &str, pieces: &[Piece<'_>]) -> Result<(), Stop> {
        let mut changed = Rows::new(&[tenant, &self.user_id]);
        let mut grew = Rows::new(&[tenant, &self.user_id]);
        let mut moved = Vec::new();
        for piece in pieces {
            match &piece.stored {
                Some(stored) if stored.changes(piece.part, &piece.repository) => {
                    piece.push_row(&mut changed, self.now);
                    if piece.repository != stored.repository {
                        moved.push(piece);
                    }
                }
                // A bare one was stored with its count.
                _ if !piece.is_new && !piece.new.is_empty() => piece.push_row(&mut grew, self.now),
                _ => {}
            }
        }
        for piece in moved {
            let (user, repository) = (&self.user_id, &piece.repository);
            let params = vec![tenant.into(), piece.id.into(), user.into(), repository.into()];
            self.tx.send(METRICS_MOVED, params).await?;
        }
        try_join(
            self.tx.insert_many(&SESSIONS_CHANGED, &changed),
            self.tx.insert_many(&SESSIONS_GREW, &grew),
        )
        .await?;
        Ok(())
    }
}

/// Tasks as they are stored, by session and id.
type StoredTasks = HashMap<(String, String), Row>;

/// The tasks that came, each with its session.
fn tasks<'a>(pieces: &'a [Piece<'_>]) -> impl Iterator<Item = (&'a str, &'a DecodedTask)> {
    pieces.iter().flat_map(|piece| piece.kept.tasks.iter().map(|task| (piece.id, *task)))
}

fn push_message<'a>(rows: &mut Rows<'a>, session_id: &'a str, message: &'a DecodedMessage) {
    let wire = &message.wire;
    rows.push([
        session_id.into(),
        (&wire.id).into(),
        wire.stream.as_deref().unwrap_or("main").into(),
        wire.line_number.into(),
        (&wire.message_type).into(),
        (&wire.timestamp).into(),
        message.at.into(),
        (&wire.content_hash).into(),
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
    ]);
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

/// Where a user's session was first stored.
struct Home {
    stored_in: String,
    is_forgotten: bool,
}

impl Home {
    /// Why a session of this home cannot be stored in this tenant.
    fn refusal(&self, tenant: &str) -> Option<Rejection> {
        if self.is_forgotten {
            let message = "the session was deleted on purpose and is not taken again";
            return Some(Rejection::new(code::FORGOTTEN, message));
        }
        (self.stored_in != tenant).then(|| {
            let message =
                "the session was stored when its repository belonged elsewhere; an administrator can move it";
            Rejection::new(code::SESSION_MOVED, message)
        })
    }
}

impl SessionFields {
    fn read(row: &Row) -> Result<SessionFields> {
        Ok(SessionFields {
            modified_at: row.int(1)?,
            repository: row.text(2)?,
            status: row.text(3)?,
            slug: row.opt_text(4)?,
            harness: row.opt_text(5)?,
            inclusion: row.opt_text(6)?,
            total_message_count: row.opt_int(7)?,
            last_modified: row.text(8)?,
        })
    }

    /// Whether what was sent takes the place of what is stored: it is as late, and not the same.
    fn changes(&self, part: &DecodedSession, repository: &str) -> bool {
        let is_same = self.repository == repository
            && self.status == part.status
            && self.slug == part.slug
            && self.harness == part.harness
            && self.inclusion.as_deref() == part.inclusion.map(|inclusion| inclusion.as_str())
            && self.total_message_count == part.total_message_count
            // What was ahead of its time arrives later at each replay, and changes nothing all the same.
            && (part.is_arrival || self.last_modified == part.last_modified);
        part.modified_at >= self.modified_at && !is_same
    }
}

impl Piece<'_> {
    /// The user never stored a session of this id.
    fn is_first(&self) -> bool {
        !self.has_home && self.stored.is_none()
    }

    /// The session's repository once it is stored.
    fn repository_now(&self) -> &str {
        match &self.stored {
            Some(stored) if !stored.changes(self.part, &self.repository) => &stored.repository,
            _ => &self.repository,
        }
    }

    fn push_row<'a>(&'a self, rows: &mut Rows<'a>, now: i64) {
        rows.push([
            self.id.into(),
            (&self.repository).into(),
            self.part.remote.as_ref().map_or("", |remote| remote.repo()).into(),
            (&self.part.status).into(),
            self.part.slug.as_ref().into(),
            self.part.harness.as_ref().into(),
            self.part.inclusion.map(|inclusion| inclusion.as_str()).into(),
            (&self.part.last_modified).into(),
            self.part.modified_at.into(),
            self.part.total_message_count.into(),
            (self.new.len() as i64).into(),
            now.into(),
        ]);
    }
}

/// What of a session's rows is young enough to be stored.
struct Kept<'a> {
    messages: Vec<&'a DecodedMessage>,
    tasks: Vec<&'a DecodedTask>,
}

impl Kept<'_> {
    fn of(part: &DecodedSession, retained_since: Option<i64>) -> Kept<'_> {
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

impl DecodedSession {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.tasks.is_empty()
    }
}
