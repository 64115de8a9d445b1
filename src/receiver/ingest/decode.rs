//! A batch as the receiver understands it: decoded session by session, checked, cleaned.
//!
//! Invariant: what stands in a `DecodedBatch` can be stored. A session that cannot is refused by itself, with its id; an error
//! never quotes what was sent, because that may be anything.

use crate::protocol::message::{COLUMNS, ColumnLimit, FieldRef, FieldValue};
use crate::protocol::remote::Remote;
use crate::protocol::{Inclusion, PROTOCOL_VERSION, SyncCursor, SyncMessage, SyncSession, SyncTask};
use crate::receiver::limits::{
    BATCH_ROWS_MAX, CLOCK_SKEW_US, ID_BYTES_MAX, NAME_BYTES_MAX, NUMBER_MAX, TEXT_BYTES_MAX,
};
use crate::receiver::time;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;

/// One POST.
#[derive(Debug)]
pub struct DecodedBatch {
    pub client_id: String,
    pub cursor: SyncCursor,
    /// In payload order, each id once.
    pub sessions: Vec<SessionEntry>,
}

impl DecodedBatch {
    /// Messages and tasks.
    pub fn rows(&self) -> usize {
        let parts = self.sessions.iter().filter_map(|entry| entry.parts.as_ref().ok()).flatten();
        parts.map(|part| part.messages.len() + part.tasks.len()).sum()
    }

    /// Whether a session stands in several places, by its id as it is stored.
    pub fn has_repeats(&self) -> bool {
        let mut seen = HashSet::new();
        !self.sessions.iter().all(|entry| entry.occurrences == 1 && seen.insert(&entry.stored_id))
    }
}

/// All that a batch says of one session id.
#[derive(Debug)]
pub struct SessionEntry {
    /// As sent: the answer names it, and the sender knows no other.
    pub id: String,
    /// As stored.
    pub stored_id: String,
    /// How often the id stands in the payload; `processed` counts each.
    pub occurrences: u64,
    /// One part for each occurrence, or why none of them can be stored.
    pub parts: Result<Vec<DecodedSession>, String>,
}

/// One session of the payload, or several of one id, checked.
#[derive(Debug, Clone)]
pub struct DecodedSession {
    /// `None` when it cannot be parsed; what was sent is not kept, it may hold credentials.
    pub remote: Option<Remote>,
    pub inclusion: Option<Inclusion>,
    pub status: String,
    pub slug: Option<String>,
    pub harness: Option<String>,
    pub last_modified: String,
    pub modified_at: i64,
    /// The time was ahead and stands for the moment of arrival, which is another at each replay.
    pub is_arrival: bool,
    pub total_message_count: Option<i64>,
    /// Each id once.
    pub messages: Vec<DecodedMessage>,
    /// Each id once.
    pub tasks: Vec<DecodedTask>,
}

/// A message, and when it was.
#[derive(Debug, Clone)]
pub struct DecodedMessage {
    pub at: i64,
    pub wire: SyncMessage,
}

/// A task, and when it last changed, which is never in the future.
#[derive(Debug, Clone)]
pub struct DecodedTask {
    pub changed_at: i64,
    /// As in [`DecodedSession`].
    pub is_arrival: bool,
    pub wire: SyncTask,
}

impl DecodedTask {
    /// Which of two in one batch stands: what was ahead of its time, and arrives now, or else the later one.
    fn order(&self) -> (bool, i64) {
        (self.is_arrival, self.changed_at)
    }
}

impl DecodedSession {
    /// As [`DecodedTask::order`].
    fn order(&self) -> (bool, i64) {
        (self.is_arrival, self.modified_at)
    }

    /// What stands in several places of one batch, as one that is as late as the latest of them: its fields and tasks, and
    /// each message as it stood first. A replay then meets no other state halfway.
    pub fn of(parts: &[&DecodedSession]) -> DecodedSession {
        let standing = parts.iter().max_by_key(|part| part.order()).expect("a session stands in the batch");
        let latest = parts.iter().max_by_key(|part| part.modified_at).expect("a session stands in the batch");
        let mut messages = Each::with_capacity(parts.iter().map(|part| part.messages.len()).sum());
        parts
            .iter()
            .flat_map(|part| &part.messages)
            .for_each(|message| messages.add_message(message.clone()));
        let mut tasks = Each::with_capacity(parts.iter().map(|part| part.tasks.len()).sum());
        parts.iter().flat_map(|part| &part.tasks).for_each(|task| tasks.add_task(task.clone()));
        DecodedSession {
            remote: standing.remote.clone(),
            inclusion: standing.inclusion,
            status: standing.status.clone(),
            slug: standing.slug.clone(),
            harness: standing.harness.clone(),
            last_modified: latest.last_modified.clone(),
            modified_at: latest.modified_at,
            is_arrival: standing.is_arrival,
            total_message_count: standing.total_message_count,
            messages: messages.items,
            tasks: tasks.items,
        }
    }
}

/// Messages or tasks, each id once.
#[derive(Debug)]
struct Each<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Each<T> {
    fn with_capacity(count: usize) -> Each<T> {
        Each { items: Vec::with_capacity(count), places: HashMap::with_capacity(count) }
    }

    fn push(&mut self, id: String, item: T) {
        self.places.insert(id, self.items.len());
        self.items.push(item);
    }
}

impl Each<DecodedMessage> {
    fn add_message(&mut self, message: DecodedMessage) {
        match self.places.get(&message.wire.id) {
            // The first stands, as it would if the second came in a later batch; content it lacked is filled in.
            Some(&place) => {
                let first = &mut self.items[place].wire;
                if first.content.is_none() && message.wire.content.is_some() {
                    first.content = message.wire.content;
                    first.content_hash = message.wire.content_hash;
                    first.content_omitted = None;
                }
            }
            None => self.push(message.wire.id.clone(), message),
        }
    }
}

impl Each<DecodedTask> {
    fn add_task(&mut self, task: DecodedTask) {
        let Some(&place) = self.places.get(&task.wire.id) else {
            return self.push(task.wire.id.clone(), task);
        };
        let standing = &mut self.items[place];
        let other = match standing.order() <= task.order() {
            true => std::mem::replace(standing, task),
            false => task,
        };
        if other.changed_at > standing.changed_at {
            standing.changed_at = other.changed_at;
            standing.wire.updated_at = other.wire.updated_at;
        }
    }
}

/// Why a whole batch is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// 400.
    Malformed(String),
    /// 413.
    TooLarge(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    version: Option<String>,
    client_id: Option<String>,
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
    #[serde(borrow)]
    sessions: Option<Bounded<&'a RawValue>>,
}

/// A session before it is read: rows are counted first, because a few bytes of JSON become a few hundred in memory.
#[derive(Deserialize)]
struct Outline {
    id: Option<String>,
    #[serde(default)]
    messages: Bounded<IgnoredAny>,
    #[serde(default)]
    tasks: Bounded<IgnoredAny>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

/// The elements of an array as far as a batch may have so many, and how many there are. Anything else has none.
struct Bounded<T> {
    first: Vec<T>,
    count: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Bounded<T> {
        Bounded { first: Vec::new(), count: 0 }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Bounded<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bounded<T>, A::Error> {
                let mut elements = Bounded::default();
                while elements.first.len() < BATCH_ROWS_MAX {
                    let Some(element) = seq.next_element()? else { break };
                    elements.first.push(element);
                }
                elements.count = elements.first.len();
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    elements.count += 1;
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// Decodes an inflated body. `now` is what times ahead of it are cut to.
pub fn decode(body: &[u8], now: i64) -> Result<DecodedBatch, DecodeError> {
    let malformed = |text: &str| DecodeError::Malformed(text.to_owned());
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| {
        malformed(&format!("the body is no payload (line {}, column {})", error.line(), error.column()))
    })?;
    match envelope.version.as_deref() {
        Some(PROTOCOL_VERSION) => {}
        Some(_) => return Err(malformed("unsupported version: this receiver speaks 1.0")),
        None => return Err(malformed("the payload has no version")),
    }
    let sessions = envelope.sessions.ok_or_else(|| malformed("the payload has no sessions"))?;
    let client_id = envelope.client_id.unwrap_or_default();
    check_id("clientId", &client_id).map_err(DecodeError::Malformed)?;

    let mut batch = DecodedBatch {
        client_id: replace_nul(client_id),
        // It informs; one that cannot be read is no reason to refuse what can.
        cursor: envelope
            .cursor
            .and_then(|cursor| serde_json::from_str(cursor.get()).ok())
            .unwrap_or_default(),
        sessions: Vec::with_capacity(sessions.first.len()),
    };
    if sessions.count > BATCH_ROWS_MAX {
        return Err(DecodeError::TooLarge(format!("more than {BATCH_ROWS_MAX} sessions in a batch")));
    }
    let mut places = HashMap::new();
    let mut rows = RowCount::default();
    for raw in sessions.first {
        let (id, part) = decode_session(raw, now, &mut rows)?;
        let place = *places.entry(id.clone()).or_insert_with(|| {
            let stored_id = replace_nul(id.clone());
            batch.sessions.push(SessionEntry { id, stored_id, occurrences: 0, parts: Ok(Vec::new()) });
            batch.sessions.len() - 1
        });
        let entry = &mut batch.sessions[place];
        entry.occurrences += 1;
        match (&mut entry.parts, part) {
            (Ok(parts), Ok(part)) => parts.push(part),
            (parts @ Ok(_), Err(error)) => *parts = Err(error),
            (Err(_), _) => {}
        }
    }
    Ok(batch)
}

/// RowCount of a batch so far.
#[derive(Default)]
struct RowCount {
    messages: usize,
    tasks: usize,
}

impl RowCount {
    fn add(&mut self, outline: &Outline) -> Result<(), DecodeError> {
        self.messages += outline.messages.count;
        self.tasks += outline.tasks.count;
        if self.messages.max(self.tasks) > BATCH_ROWS_MAX {
            return Err(DecodeError::TooLarge(format!(
                "more than {BATCH_ROWS_MAX} messages or tasks in a batch"
            )));
        }
        Ok(())
    }
}

/// The id, and the session or what is wrong with it. Without an id nobody could be told, so the batch is malformed.
fn decode_session(
    raw: &RawValue,
    now: i64,
    rows: &mut RowCount,
) -> Result<(String, Result<DecodedSession, String>), DecodeError> {
    let outline = serde_json::from_str::<Outline>(raw.get());
    if let Ok(outline) = &outline {
        rows.add(outline)?;
    }
    let (id, is_malformed) = match outline {
        Ok(outline) => (outline.id, false),
        Err(_) => (serde_json::from_str::<Named>(raw.get()).ok().and_then(|named| named.id), true),
    };
    let id = id.unwrap_or_default();
    if id.is_empty() {
        return Err(DecodeError::Malformed("the id of a session is missing".to_owned()));
    }
    let part = check_id("the id of a session", &id).and_then(|()| {
        if is_malformed {
            return Err("the session is malformed".to_owned());
        }
        serde_json::from_str::<SyncSession>(raw.get())
            .map_err(|error| {
                format!("the session is malformed (line {}, column {})", error.line(), error.column())
            })
            .and_then(|session| check_session(session, now))
    });
    Ok((id, part))
}

fn check_session(session: SyncSession, now: i64) -> Result<DecodedSession, String> {
    let modified_at = time::parse(&session.last_modified).ok_or("lastModified is no time")?;
    let ahead = modified_at > now + CLOCK_SKEW_US;
    check_name("status", &session.status)?;
    check_name("slug", session.slug.as_deref().unwrap_or(""))?;
    check_name("harness", session.harness.as_deref().unwrap_or(""))?;
    check_number("totalMessageCount", session.total_message_count)?;
    Ok(DecodedSession {
        remote: Remote::parse(&session.repo_remote)
            .ok()
            .filter(|remote| remote.path().len() <= NAME_BYTES_MAX),
        inclusion: session.inclusion,
        status: replace_nul(session.status),
        slug: session.slug.map(replace_nul),
        harness: session.harness.map(replace_nul),
        last_modified: if ahead { time::rfc3339(now) } else { replace_nul(session.last_modified) },
        modified_at: if ahead { now } else { modified_at },
        is_arrival: ahead,
        total_message_count: session.total_message_count,
        messages: check_messages(session.messages)?,
        tasks: check_tasks(session.tasks, now)?,
    })
}

fn check_messages(messages: Vec<SyncMessage>) -> Result<Vec<DecodedMessage>, String> {
    let mut checked = Each::with_capacity(messages.len());
    for wire in messages {
        checked.add_message(check_message(wire)?);
    }
    Ok(checked.items)
}

fn check_message(mut wire: SyncMessage) -> Result<DecodedMessage, String> {
    check_id("the id of a message", &wire.id)?;
    check_id("messageType", &wire.message_type)?;
    let at = time::parse(&wire.timestamp).ok_or("the timestamp of a message is no time")?;
    for column in COLUMNS {
        let field = (column.get)(&wire);
        match (column.limit, field) {
            (ColumnLimit::Id, FieldRef::Text(text)) => check_short(column.wire, text, ID_BYTES_MAX)?,
            (ColumnLimit::Name, FieldRef::Text(text)) => check_short(column.wire, text, NAME_BYTES_MAX)?,
            (ColumnLimit::Number, FieldRef::Integer(number)) => check_number(column.wire, Some(number))?,
            _ => {}
        }
        if let FieldRef::Text(text) = field
            && text.contains('\0')
        {
            let text = replace_nul(text.to_owned());
            (column.set)(&mut wire, FieldValue::Text(text));
        }
    }
    Ok(DecodedMessage { at, wire })
}

fn check_tasks(tasks: Vec<SyncTask>, now: i64) -> Result<Vec<DecodedTask>, String> {
    let mut checked = Each::with_capacity(tasks.len());
    for mut wire in tasks {
        check_id("the id of a task", &wire.id)?;
        if !matches!(wire.status.as_str(), "pending" | "in_progress" | "completed") {
            return Err("the status of a task is none of pending, in_progress, completed".to_owned());
        }
        let changed_at = time::parse(&wire.updated_at).ok_or("updatedAt of a task is no time")?;
        time::parse(&wire.created_at).ok_or("createdAt of a task is no time")?;
        check_short("subject", &wire.subject, TEXT_BYTES_MAX)?;
        check_short("description", wire.description.as_deref().unwrap_or(""), TEXT_BYTES_MAX)?;
        let ahead = changed_at > now + CLOCK_SKEW_US;
        if ahead {
            wire.updated_at = time::rfc3339(now);
        }
        for text in [&mut wire.id, &mut wire.subject, &mut wire.created_at, &mut wire.updated_at] {
            replace_nul_in_place(text);
        }
        wire.description.iter_mut().for_each(replace_nul_in_place);
        checked.add_task(DecodedTask {
            changed_at: if ahead { now } else { changed_at },
            is_arrival: ahead,
            wire,
        });
    }
    Ok(checked.items)
}

fn check_id(what: &str, id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err(format!("{what} is missing"));
    }
    check_short(what, id, ID_BYTES_MAX)
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    check_short(what, name, NAME_BYTES_MAX)
}

fn check_short(what: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    // A replaced U+0000 takes three bytes for one.
    let length = text.len() + 2 * text.bytes().filter(|byte| *byte == 0).count();
    if length > bytes_max {
        return Err(format!("{what} is longer than {bytes_max} bytes"));
    }
    Ok(())
}

fn check_number(what: &str, number: Option<i64>) -> Result<(), String> {
    match number {
        Some(number) if !(0..=NUMBER_MAX).contains(&number) => {
            Err(format!("{what} is negative or not below 2^53"))
        }
        _ => Ok(()),
    }
}

/// PostgreSQL cannot store U+0000; both stores keep U+FFFD in its place.
pub fn replace_nul(mut text: String) -> String {
    replace_nul_in_place(&mut text);
    text
}

fn replace_nul_in_place(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{FFFD}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_750_000_000_000_000;

    fn payload(sessions: &str) -> Vec<u8> {
        format!(r#"{{"version":"1.0","clientId":"c","sessions":[{sessions}],"unknown":[1]}}"#).into_bytes()
    }

    fn session(id: &str, rest: &str) -> String {
        format!(
            r#"{{"id":"{id}","projectSlug":"p","repoRemote":"git@github.com:Acme/Api.git","status":"active","slug":null,
            "lastModified":"2025-03-01T00:00:00Z",{rest}}}"#
        )
    }

    #[test]
    fn a_malformed_session_is_refused_by_itself() {
        let good = session("good", r#""messages":[],"tasks":[]"#);
        let bad = session("bad", r#""messages":[{"id":"m","lineNumber":"SECRET"}],"tasks":[]"#);
        let batch = decode(&payload(&format!("{bad},{good}")), NOW).unwrap();
        assert_eq!(batch.sessions.len(), 2);
        let error = batch.sessions[0].parts.as_ref().unwrap_err();
        assert!(!error.contains("SECRET"), "{error}");
        assert!(batch.sessions[1].parts.is_ok());
    }

    #[test]
    fn a_session_without_an_id_makes_the_batch_malformed() {
        assert!(matches!(decode(&payload(r#"{"messages":[]}"#), NOW), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn an_id_that_stands_twice_is_one_entry() {
        let one = session("s", r#""messages":[],"tasks":[]"#);
        let batch = decode(&payload(&format!("{one},{one}")), NOW).unwrap();
        assert_eq!((batch.sessions.len(), batch.sessions[0].occurrences), (1, 2));
    }

    #[test]
    fn times_ahead_count_as_now_and_nul_is_replaced() {
        let ahead = session(
            "s",
            r#""messages":[],"tasks":[{"id":"t\u0000","status":"pending","createdAt":"2025-01-01 00:00:00",
            "updatedAt":"2099-01-01T00:00:00Z"}]"#,
        );
        let batch = decode(&payload(&ahead), NOW).unwrap();
        let task = &batch.sessions[0].parts.as_ref().unwrap()[0].tasks[0];
        assert_eq!(task.changed_at, NOW);
        assert_eq!(task.wire.id, "t\u{FFFD}");
    }

    #[test]
    fn what_stands_twice_is_as_late_as_the_latest_and_says_what_is_ahead_of_its_time() {
        let part = |subject: &str, minutes: i64| {
            let at = time::rfc3339(NOW + minutes * 60_000_000);
            let task = format!(
                r#"{{"id":"t","subject":"{subject}","status":"pending","createdAt":"2025-01-01 00:00:00","updatedAt":"{at}"}}"#
            );
            session("s", &format!(r#""messages":[],"tasks":[{task}]"#))
                .replace("2025-03-01T00:00:00Z", &at)
                .replace("\"active\"", &format!("\"{subject}\""))
        };
        // By less than the clocks' difference ahead, a time stands for itself.
        for sessions in [[part("ahead", 10), part("later", 3)], [part("later", 3), part("ahead", 10)]] {
            let batch = decode(&payload(&sessions.join(",")), NOW).unwrap();
            assert!(batch.has_repeats());
            let parts: Vec<&DecodedSession> = batch.sessions[0].parts.as_ref().unwrap().iter().collect();
            let one = DecodedSession::of(&parts);
            assert_eq!(
                (one.status.as_str(), one.modified_at, one.is_arrival),
                ("ahead", NOW + 180_000_000, true)
            );
            let [task] = &one.tasks[..] else { panic!("{:?}", one.tasks) };
            assert_eq!((task.wire.subject.as_str(), task.changed_at), ("ahead", NOW + 180_000_000));
        }
    }

    #[test]
    fn another_version_is_refused() {
        let error = decode(br#"{"version":"2.0","clientId":"c","sessions":[]}"#, NOW);
        assert!(matches!(error, Err(DecodeError::Malformed(_))));
    }
}
