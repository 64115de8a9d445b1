//! The receiver's store against its source, by ids and by every field.

use super::machine::Machine;
use crate::support::han_db::{ExpectedMessage, ExpectedSession, ExpectedTask, remotes};
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::TestStore;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

pub type Clock = DateTime<Utc>;

/// Expected sessions by id.
pub type Expected = BTreeMap<String, ExpectedSession>;

/// A row of the store as text.
type Row = Vec<Option<String>>;

/// True if message text is expected to have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    Without,
    With,
}

/// Remotes of large databases beside [`remotes::REMOTES`], and what the wire makes of them.
const MORE_REMOTES: &[(&str, &str)] = &[
    ("git@github.com:acme-corp/web.git", "github.com/acme-corp/web"),
    ("ssh://git@github.com:2222/acme-corp/infra", "github.com/acme-corp/infra"),
    ("https://deploy:not-a-real-token@github.com/acme-corp/billing.git", "github.com/acme-corp/billing"),
    ("https://gitlab.com/acme/tools.git", "gitlab.com/acme/tools"),
    ("git@github.com:alice/blog.git", "github.com/alice/blog"),
    ("https://github.com/stranger/left-pad.git", "github.com/stranger/left-pad"),
    ("https://github.com/acme-corp-evil/api", "github.com/acme-corp-evil/api"),
];

/// The repository of a remote that the fixtures use, by their own tables.
fn repository(remote: &str) -> Option<&'static str> {
    let known = remotes::REMOTES.iter().find(|case| case.raw == remote).map(|case| case.normal);
    known.unwrap_or_else(|| {
        let more = MORE_REMOTES.iter().find(|(raw, _)| *raw == remote);
        Some(more.unwrap_or_else(|| panic!("{remote} stands in no table of the fixtures")).1)
    })
}

/// True if a repository is one of the organization that [`TestStore::team`] makes.
pub fn belongs_to_organization(remote: &str) -> bool {
    repository(remote)
        .is_some_and(|path| path.starts_with("github.com/acme-corp/") || path.starts_with("gitlab.com/acme/"))
}

const SESSION: &[&str] =
    &["session_id", "repository", "project_slug", "status", "slug", "harness", "inclusion", "message_count"];
const MESSAGE: &[&str] = &[
    "session_id",
    "message_id",
    "stream",
    "line_number",
    "message_type",
    "\"timestamp\"",
    "content_hash",
    "content",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "agent_id",
    "parent_id",
    "role",
    "tool_name",
    "model",
    "usage_id",
    "lines_added",
    "lines_removed",
    "files_changed",
    "git_branch",
    "cache_creation_1h_tokens",
    "CASE WHEN content_omitted THEN 1 END",
];
const TASK: &[&str] =
    &["session_id", "task_id", "subject", "description", "status", "created_at", "updated_at"];

/// Panics unless the store holds what is eligible in the machine's database, once, in every field, and nothing else.
#[track_caller]
pub fn assert_equals_source(store: &TestStore, machine: &Machine, text: Text) {
    let source = machine.expected();
    assert_holds(store, machine, &source, &source, text);
}

/// The same where more is expected than the source still has.
#[track_caller]
pub fn assert_holds(
    store: &TestStore,
    machine: &Machine,
    expected: &Expected,
    source: &Expected,
    text: Text,
) {
    let sessions = rows(store, "sessions", SESSION, 1);
    compare(
        "sessions",
        SESSION,
        &sessions,
        expected.values().map(|session| (vec![session.id.clone()], session_row(session))),
    );
    let raw = if text == Text::With { machine.raw_json() } else { BTreeMap::new() };
    let messages = rows(store, "messages", MESSAGE, 2);
    let wanted = expected.values().flat_map(|session| {
        let raw = &raw;
        session.messages.values().map(move |message| {
            // Content names no home folder; the fixture has this one alone.
            let content = raw.get(&message.source_ids[0]).cloned().flatten();
            let content = content.map(|raw| raw.replace("/home/dev/", "~/"));
            (vec![session.id.clone(), message.id.clone()], message_row(&session.id, message, text, content))
        })
    });
    compare("messages", MESSAGE, &messages, wanted);
    let tasks = rows(store, "tasks", TASK, 2);
    let wanted = expected.values().flat_map(|session| {
        session
            .tasks
            .values()
            .map(|task| (vec![session.id.clone(), task.id.clone()], task_row(&session.id, task, text)))
    });
    compare("tasks", TASK, &tasks, wanted);
    assert_times(store, machine, expected, source);
    assert_sums_equal_a_recount(store);
}

/// Rows of a table by their first columns; none of these stands twice.
fn rows(store: &TestStore, table: &str, columns: &[&str], key: usize) -> BTreeMap<Vec<String>, Row> {
    let mut by_key = BTreeMap::new();
    for row in store.query(&format!("SELECT {} FROM {table}", columns.join(", "))) {
        let id: Vec<String> = row[..key].iter().map(|part| part.clone().unwrap()).collect();
        assert!(by_key.insert(id.clone(), row).is_none(), "{id:?} stands twice in {table}");
    }
    by_key
}

#[track_caller]
fn compare(
    table: &str,
    columns: &[&str],
    stored: &BTreeMap<Vec<String>, Row>,
    wanted: impl Iterator<Item = (Vec<String>, Row)>,
) {
    let wanted: BTreeMap<Vec<String>, Row> = wanted.collect();
    let lost: Vec<_> = wanted.keys().filter(|key| !stored.contains_key(*key)).collect();
    assert!(
        lost.is_empty(),
        "{table}: {} of {} are lost: {:?}",
        lost.len(),
        wanted.len(),
        &lost[..lost.len().min(5)]
    );
    let extra: Vec<_> = stored.keys().filter(|key| !wanted.contains_key(*key)).collect();
    assert!(extra.is_empty(), "{table}: {} too many: {:?}", extra.len(), &extra[..extra.len().min(5)]);
    for (key, wanted) in &wanted {
        for (column, (stored, wanted)) in columns.iter().zip(stored[key].iter().zip(wanted)) {
            assert_eq!(stored, wanted, "{column} of {key:?} in {table}: stored, wanted");
        }
    }
}

/// U+0000 is stored as U+FFFD.
fn text(text: &str) -> Option<String> {
    Some(text.replace('\0', "\u{FFFD}"))
}

fn optional(value: &Option<String>) -> Option<String> {
    value.as_deref().and_then(text)
}

fn number(value: Option<i64>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn session_row(session: &ExpectedSession) -> Row {
    let remote = session.remote.as_deref().expect("an eligible session has a remote");
    let path = repository(remote).expect("and a repository");
    vec![
        text(&session.id),
        Some(format!("https://{path}")),
        path.rsplit('/').next().map(str::to_owned),
        text(&session.status),
        optional(&session.slug),
        optional(&session.harness),
        text("organization"),
        Some(session.messages.len().to_string()),
    ]
}

fn message_row(session: &str, message: &ExpectedMessage, with: Text, content: Option<String>) -> Row {
    let hash = match (with, &content) {
        (Text::With, Some(content)) => &plain_hash(content),
        (Text::With, None) => &message.plain_hash,
        (Text::Without, _) => &message.guarded_hash,
    };
    vec![
        text(session),
        text(&message.id),
        text(&message.stream),
        number(Some(message.line_number)),
        text(&message.message_type),
        text(&message.timestamp),
        text(hash),
        optional(&content),
        number(message.input_tokens),
        number(message.output_tokens),
        number(message.cache_read_tokens),
        number(message.cache_creation_tokens),
        optional(&message.agent_id),
        optional(&message.parent_id),
        optional(&message.role),
        optional(&message.tool_name),
        optional(&message.model),
        optional(&message.usage_id),
        number(message.lines_added),
        number(message.lines_removed),
        number(message.files_changed),
        optional(&message.git_branch),
        number(message.cache_creation_1h_tokens),
        None,
    ]
}

fn task_row(session: &str, task: &ExpectedTask, with: Text) -> Row {
    let with_text = with == Text::With;
    vec![
        text(session),
        text(&task.id),
        text(if with_text { &task.subject } else { "" }),
        optional(&task.description).filter(|_| with_text),
        text(&task.status),
        text(&task.created_at),
        text(&task.updated_at),
    ]
}

/// `lastModified` is the latest of the newest message, the newest task and when the exporter first saw the session's
/// fields; `totalMessageCount` is what the source has, also where the receiver has more.
#[track_caller]
fn assert_times(store: &TestStore, machine: &Machine, expected: &Expected, source: &Expected) {
    let sql = "SELECT session_id, last_modified, total_message_count FROM sessions";
    for row in store.query(sql) {
        let [Some(id), Some(modified), Some(total)] = &row[..] else { panic!("{row:?}") };
        let session = &expected[id];
        let messages = session.messages.values().map(|message| message.timestamp.as_str());
        let times = messages.chain(session.tasks.values().map(|task| task.updated_at.as_str()));
        let newest = times.map(|time| time.parse::<Clock>().unwrap()).max();
        let modified: Clock = modified.parse().unwrap();
        // Written with milliseconds.
        let set_up_at = machine.set_up_at - chrono::TimeDelta::milliseconds(1);
        let earliest = newest.max(Some(set_up_at)).unwrap();
        assert!((earliest..=Utc::now()).contains(&modified), "{id}: {modified} before {earliest} or ahead");
        let Some(session) = source.get(id) else { continue };
        let total: usize = total.parse().unwrap();
        assert_eq!(total, session.messages.len(), "totalMessageCount of {id}");
    }
}

/// Asserts that a run has sent what turns a store of `before` into one of `after`, without content.
#[track_caller]
pub fn assert_sent_exactly_the_difference(report: &Value, before: &Expected, after: &Expected) {
    let (mut sessions, mut messages, mut tasks) = (0, 0, 0);
    for (id, session) in after {
        let known = before.get(id);
        let has = |id: &String| known.is_some_and(|known| known.messages.contains_key(id));
        let new_messages = session.messages.keys().filter(|id| !has(id)).count();
        let shown =
            |task: &ExpectedTask| (task.status.clone(), task.created_at.clone(), task.updated_at.clone());
        let stands = |task: &&ExpectedTask| {
            known.and_then(|known| known.tasks.get(&task.id)).is_some_and(|known| shown(known) == shown(task))
        };
        let new_tasks = session.tasks.values().filter(|task| !stands(task)).count();
        let fields = |session: &ExpectedSession| {
            (session.status.clone(), session.slug.clone(), session.harness.clone(), session.remote.clone())
        };
        let changed = known.map(fields) != Some(fields(session));
        sessions += usize::from(changed || new_messages + new_tasks > 0);
        messages += new_messages;
        tasks += new_tasks;
    }
    for (name, count) in [("sessionsSent", sessions), ("messagesSent", messages), ("tasksSent", tasks)] {
        assert_eq!(report[name], count, "{name} in {report}");
    }
    assert_eq!(report["status"], "success", "{report}");
}

/// The first 16 hex digits of a text's SHA-256.
pub fn plain_hash(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
