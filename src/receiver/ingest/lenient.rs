//! Lenient reading of a session that does not have the declared types: a member of another type counts as absent, so that
//! one odd value does not cost the session.
//!
//! Invariant: memory goes with the rows, not with unknown members, which are skipped.

use super::bounded::BoundedArray;
use crate::protocol::message::{COLUMNS, ColumnKind, FieldValue};
use crate::protocol::{SyncMessage, SyncSession, SyncTask};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

/// Largest number below which every integer is exact as a floating-point number.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// A session's members, unparsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSession<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    repo_remote: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    slug: Option<&'a RawValue>,
    #[serde(default)]
    messages: Option<Vec<LenientMessage>>,
    #[serde(borrow)]
    tasks: Option<Vec<RawTask<'a>>>,
    #[serde(borrow)]
    last_modified: Option<&'a RawValue>,
    #[serde(borrow)]
    total_message_count: Option<&'a RawValue>,
    #[serde(borrow)]
    inclusion: Option<&'a RawValue>,
    #[serde(borrow)]
    harness: Option<&'a RawValue>,
    #[serde(borrow)]
    pr_number: Option<&'a RawValue>,
    #[serde(borrow)]
    pr_url: Option<&'a RawValue>,
    #[serde(borrow)]
    team_name: Option<&'a RawValue>,
}

/// A client's report of itself, whose members are read one by one.
#[derive(Debug, Default)]
pub struct LenientClient {
    pub version: Option<String>,
    pub os: Option<String>,
    pub pending_sessions: Option<i64>,
    pub pending_messages: Option<i64>,
    pub pending_since: Option<String>,
    /// Those of the first elements that are texts.
    pub conditions: Vec<String>,
}

/// A client's members, unparsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawClient<'a> {
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    os: Option<&'a RawValue>,
    #[serde(borrow)]
    pending_sessions: Option<&'a RawValue>,
    #[serde(borrow)]
    pending_messages: Option<&'a RawValue>,
    #[serde(borrow)]
    pending_since: Option<&'a RawValue>,
    #[serde(borrow)]
    conditions: Option<&'a RawValue>,
}

/// A task's members, unparsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTask<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    created_at: Option<&'a RawValue>,
    #[serde(borrow)]
    updated_at: Option<&'a RawValue>,
}

/// A message of which each member is read by itself.
struct LenientMessage(SyncMessage);

/// Reads a session; `None` if it is no object, or its rows are no arrays of objects.
pub fn read_session(json: &str) -> Option<SyncSession> {
    let raw: RawSession = serde_json::from_str(json).ok()?;
    Some(SyncSession {
        id: read(raw.id).unwrap_or_default(),
        project_slug: String::new(), // the receiver derives it from the repository
        repo_remote: read(raw.repo_remote).unwrap_or_default(),
        status: read(raw.status).unwrap_or_default(),
        slug: read(raw.slug),
        messages: raw.messages.into_iter().flatten().map(|message| message.0).collect(),
        tasks: raw.tasks.into_iter().flatten().map(RawTask::read).collect(),
        last_modified: read(raw.last_modified).unwrap_or_default(),
        total_message_count: raw.total_message_count.and_then(read_integer),
        inclusion: read(raw.inclusion),
        harness: read(raw.harness),
        pr_number: raw.pr_number.and_then(read_integer),
        pr_url: read(raw.pr_url),
        team_name: read(raw.team_name),
    })
}

/// Reads a client's report of itself; `None` if it is no object.
pub fn read_client(json: &str) -> Option<LenientClient> {
    let raw: RawClient = serde_json::from_str(json).ok().filter(|_| json.trim_start().starts_with('{'))?;
    let conditions: BoundedArray<&RawValue> =
        raw.conditions.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    Some(LenientClient {
        version: read(raw.version),
        os: read(raw.os),
        pending_sessions: raw.pending_sessions.and_then(read_integer),
        pending_messages: raw.pending_messages.and_then(read_integer),
        pending_since: read(raw.pending_since),
        conditions: conditions.first.into_iter().filter_map(|code| read(Some(code))).collect(),
    })
}

impl RawTask<'_> {
    fn read(self) -> SyncTask {
        SyncTask {
            id: read(self.id).unwrap_or_default(),
            task_id: String::new(), // the same as the id
            subject: read(self.subject).unwrap_or_default(),
            description: read(self.description),
            status: read(self.status).unwrap_or_default(),
            created_at: read(self.created_at).unwrap_or_default(),
            updated_at: read(self.updated_at).unwrap_or_default(),
        }
    }
}

impl<'de> Deserialize<'de> for LenientMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = LenientMessage;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<LenientMessage, A::Error> {
        let mut message = SyncMessage::default();
        while let Some(name) = members.next_key::<String>()? {
            match COLUMNS.iter().find(|column| column.wire == name) {
                Some(column) => {
                    let value = read_field(members.next_value()?, column.kind);
                    (column.set)(&mut message, value.unwrap_or(FieldValue::Null));
                }
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(LenientMessage(message))
    }
}

fn read_field(raw: &RawValue, kind: ColumnKind) -> Option<FieldValue> {
    match kind {
        ColumnKind::Text => read(Some(raw)).map(FieldValue::Text),
        ColumnKind::Integer => read_integer(raw).map(FieldValue::Integer),
        ColumnKind::Boolean => read(Some(raw)).map(FieldValue::Boolean),
    }
}

fn read<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Reads an integer in any notation of a JSON number.
fn read_integer(raw: &RawValue) -> Option<i64> {
    read(Some(raw)).or_else(|| {
        let number: f64 = read(Some(raw))?;
        (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_of_another_type_is_absent_and_the_others_are_read() {
        let session = read_session(
            r#"{"id":"s","slug":7,"status":null,"inclusion":"odd","totalMessageCount":"3","unknown":{"a":1},"messages":[
            {"id":"m","messageType":"user","inputTokens":1e3,"outputTokens":12.5,"cacheReadTokens":99999999999999999999,
             "model":["x"],"contentOmitted":"yes","timestamp":1740830400,"toolName":"Bash","unknown":[1]}],
            "tasks":[{"id":"t","subject":null,"status":{},"updatedAt":5}]}"#,
        )
        .unwrap();
        assert_eq!((session.id.as_str(), &session.slug, session.total_message_count), ("s", &None, None));
        let message = &session.messages[0];
        assert_eq!(
            (message.input_tokens, message.output_tokens, message.cache_read_tokens),
            (Some(1_000), None, None)
        );
        assert_eq!((&message.model, message.content_omitted, message.timestamp.as_str()), (&None, None, ""));
        assert_eq!(message.tool_name.as_deref(), Some("Bash"));
        assert_eq!((session.tasks[0].id.as_str(), session.tasks[0].status.as_str()), ("t", ""));
    }

    #[test]
    fn rows_that_are_no_objects_cannot_be_read() {
        for json in [r#"{"messages":5}"#, r#"{"messages":[5]}"#, r#"{"tasks":["x"]}"#, "[]", "{"] {
            assert!(read_session(json).is_none(), "{json}");
        }
    }
}
