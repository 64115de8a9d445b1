//! A message on the wire, and the declaration of its columns.
//!
//! Every column of a message is declared once, in the table at the end of this file. From the table come the wire type
//! [`SyncMessage`] and `COLUMNS`, through which all other code handles the columns that it has nothing special to say of:
//!
//! - the exporter selects the columns with a `ColumnSource::Han` from han's `messages` and sets them
//!   (`exporter/source/rows.rs`); it derives the others by name, most of them from the raw JSON
//!   (`exporter/batch/usage.rs`);
//! - the receiver checks each column against its `ColumnLimit` (`receiver/ingest/message.rs`);
//! - the store lists them in its `INSERT` and `SELECT`, binds `(column.get)(&message)`, and reads a row by
//!   `(column.set)(&mut message, value)` (`receiver/store/tables/messages.rs`).
//!
//! A new optional field is an edit in at most four places: the table; `exporter/batch/usage.rs`, if it is derived; the
//! store's migration; GraphQL's `Message`. Members go on the wire in the order of the table, so a new one comes last.

use serde::{Deserialize, Serialize};

/// Bytes of an id, a type or a model: they are parts of index keys, whose size PostgreSQL bounds.
pub const ID_BYTES_MAX: usize = 256;
/// Bytes of a name: a slug, a status, a tool, a branch.
pub const NAME_BYTES_MAX: usize = 1_024;
/// JavaScript's largest safe integer: numbers of the protocol are below 2^53.
pub const NUMBER_MAX: i64 = (1 << 53) - 1;

/// A column of a message.
#[derive(Debug)]
pub struct MessageColumn {
    /// Member of the JSON object on the wire.
    pub wire: &'static str,
    /// Column of the receiver's table `messages`, as SQL spells it.
    pub store: &'static str,
    /// Origin of the value in the exporter.
    pub source: ColumnSource,
    /// Bound of the value.
    pub limit: ColumnLimit,
    /// Type of the value.
    pub kind: ColumnKind,
    /// Reads the field.
    pub get: fn(&SyncMessage) -> FieldRef<'_>,
    /// Replaces the field. A value of another kind than the column's counts as null, and null in a field that cannot be
    /// null as empty or zero.
    pub set: fn(&mut SyncMessage, FieldValue),
}

/// Origin of a column's value in the exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnSource {
    /// The column of han's `messages` that holds the value as it is. Older databases may lack it: then it is null.
    Han(&'static str),
    /// The exporter computes the value from the row and its raw JSON.
    Derived,
}

/// Bound of a value, checked by the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnLimit {
    /// At most [`ID_BYTES_MAX`] bytes.
    Id,
    /// At most [`NAME_BYTES_MAX`] bytes.
    Name,
    /// From 0 to [`NUMBER_MAX`].
    Number,
    /// None but the size of the body.
    None,
}

/// Type of a column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8 text.
    Text,
    /// 64-bit integer.
    Integer,
    /// True or false.
    Boolean,
}

/// Borrowed value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRef<'m> {
    /// No value.
    Null,
    /// Text.
    Text(&'m str),
    /// Integer.
    Integer(i64),
    /// Boolean.
    Boolean(bool),
}

/// Value for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// Integer.
    Integer(i64),
    /// Boolean.
    Boolean(bool),
}

impl From<FieldRef<'_>> for FieldValue {
    fn from(field: FieldRef<'_>) -> FieldValue {
        match field {
            FieldRef::Null => FieldValue::Null,
            FieldRef::Text(text) => FieldValue::Text(text.to_owned()),
            FieldRef::Integer(number) => FieldValue::Integer(number),
            FieldRef::Boolean(flag) => FieldValue::Boolean(flag),
        }
    }
}

/// Rust types that a column may have.
trait MessageField {
    const KIND: ColumnKind;

    fn get(&self) -> FieldRef<'_>;
    fn set(&mut self, value: FieldValue);
}

/// Implements [`MessageField`] for a type and for its `Option`.
macro_rules! message_field {
    ($type:ty, $kind:ident, $borrow:expr) => {
        impl MessageField for $type {
            const KIND: ColumnKind = ColumnKind::$kind;

            fn get(&self) -> FieldRef<'_> {
                FieldRef::$kind($borrow(self))
            }

            fn set(&mut self, value: FieldValue) {
                *self = if let FieldValue::$kind(value) = value { value } else { Default::default() };
            }
        }

        impl MessageField for Option<$type> {
            const KIND: ColumnKind = ColumnKind::$kind;

            fn get(&self) -> FieldRef<'_> {
                self.as_ref().map_or(FieldRef::Null, MessageField::get)
            }

            fn set(&mut self, value: FieldValue) {
                *self = if let FieldValue::$kind(value) = value { Some(value) } else { None };
            }
        }
    };
}

message_field!(String, Text, String::as_str);
message_field!(i64, Integer, i64::clone);
message_field!(bool, Boolean, bool::clone);

/// Makes [`SyncMessage`] and [`COLUMNS`] of entries of the form
///
/// ```text
/// /// Documentation and serde attributes of the field.
/// field: type { wire: "member", store: "column", source: ColumnSource, limit: ColumnLimit }
/// ```
macro_rules! message_columns {
    ($(
        $(#[$attribute:meta])*
        $field:ident: $type:ty { wire: $wire:literal, $($property:ident: $value:expr),+ }
    )+) => {
        /// A message: a row of han's `messages`, reduced to what the team may see.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        pub struct SyncMessage {
            $(
                #[doc = concat!("Member `", $wire, "`.")]
                $(#[$attribute])*
                #[serde(rename = $wire)]
                pub $field: $type,
            )+
        }

        /// All columns of a message, in the order of the wire.
        pub const COLUMNS: &[MessageColumn] = &[$(
            MessageColumn {
                wire: $wire,
                $($property: $value,)+
                kind: <$type as MessageField>::KIND,
                get: |message| message.$field.get(),
                set: |message, value| message.$field.set(value),
            },
        )+];
    };
}

use ColumnLimit::{Id, Name, Number};
use ColumnSource::{Derived, Han};

// An `Option` may be absent on the wire; `skip_serializing_if` leaves it out where it is null.
message_columns! {
    /// The row's own id, or a stable one where han made it up.
    id: String { wire: "id", store: "message_id", source: Han("id"), limit: Id }

    line_number: i64 { wire: "lineNumber", store: "line_number", source: Han("line_number"), limit: Number }

    message_type: String { wire: "messageType", store: "message_type", source: Han("message_type"), limit: Id }

    /// RFC 3339, in the precision that han has.
    timestamp: String { wire: "timestamp", store: "\"timestamp\"", source: Han("timestamp"), limit: ColumnLimit::None }

    /// Hash of `content`, or a keyed hash of the raw JSON where the content is not sent.
    #[serde(default)]
    content_hash: String { wire: "contentHash", store: "content_hash", source: Derived, limit: Id }

    /// The raw JSON, redacted; only with `includeContent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String> { wire: "content", store: "content", source: Derived, limit: ColumnLimit::None }

    input_tokens: Option<i64> { wire: "inputTokens", store: "input_tokens", source: Han("input_tokens"), limit: Number }

    output_tokens: Option<i64> { wire: "outputTokens", store: "output_tokens", source: Han("output_tokens"), limit: Number }

    cache_read_tokens: Option<i64> {
        wire: "cacheReadTokens", store: "cache_read_tokens", source: Han("cache_read_tokens"), limit: Number
    }

    cache_creation_tokens: Option<i64> {
        wire: "cacheCreationTokens", store: "cache_creation_tokens", source: Han("cache_creation_tokens"), limit: Number
    }

    /// The numbering that `line_number` belongs to: `main`, `agent:a1b2`, `han_events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String> { wire: "stream", store: "stream", source: Derived, limit: Id }

    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<String> { wire: "agentId", store: "agent_id", source: Han("agent_id"), limit: Id }

    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String> { wire: "parentId", store: "parent_id", source: Han("parent_id"), limit: Id }

    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String> { wire: "role", store: "role", source: Han("role"), limit: Id }

    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<String> { wire: "toolName", store: "tool_name", source: Han("tool_name"), limit: Name }

    /// `message.model` of the raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String> { wire: "model", store: "model", source: Derived, limit: Id }

    /// Hash that the rows of one answer share, whose tokens count once.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_id: Option<String> { wire: "usageId", store: "usage_id", source: Derived, limit: Id }

    #[serde(skip_serializing_if = "Option::is_none")]
    lines_added: Option<i64> { wire: "linesAdded", store: "lines_added", source: Han("lines_added"), limit: Number }

    #[serde(skip_serializing_if = "Option::is_none")]
    lines_removed: Option<i64> { wire: "linesRemoved", store: "lines_removed", source: Han("lines_removed"), limit: Number }

    #[serde(skip_serializing_if = "Option::is_none")]
    files_changed: Option<i64> { wire: "filesChanged", store: "files_changed", source: Han("files_changed"), limit: Number }

    /// True if the message was too large for the receiver and was sent without its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_omitted: Option<bool> {
        wire: "contentOmitted", store: "content_omitted", source: Derived, limit: ColumnLimit::None
    }

    /// `gitBranch` of the raw JSON; only in sessions of an organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    git_branch: Option<String> { wire: "gitBranch", store: "git_branch", source: Derived, limit: Name }

    /// Tokens written to the cache that is kept for an hour:
    /// `message.usage.cache_creation.ephemeral_1h_input_tokens` of the raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_1h_tokens: Option<i64> {
        wire: "cacheCreation1hTokens", store: "cache_creation_1h_tokens", source: Derived, limit: Number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> SyncMessage {
        let mut message = SyncMessage::default();
        for (index, column) in COLUMNS.iter().enumerate() {
            let value = match column.kind {
                ColumnKind::Text => FieldValue::Text(format!("text {index}")),
                ColumnKind::Integer => FieldValue::Integer(index as i64),
                ColumnKind::Boolean => FieldValue::Boolean(true),
            };
            (column.set)(&mut message, value);
        }
        message
    }

    #[test]
    fn columns_are_the_members_on_the_wire_in_their_order() {
        let json = serde_json::to_string(&filled()).unwrap();
        let mut rest = json.as_str();
        for column in COLUMNS {
            let member = format!("\"{}\":", column.wire);
            let at =
                rest.find(&member).unwrap_or_else(|| panic!("{member} is missing or out of order: {json}"));
            rest = &rest[at + member.len()..];
        }
        assert_eq!(serde_json::from_str::<SyncMessage>(&json).unwrap(), filled());
    }

    #[test]
    fn columns_get_what_was_set() {
        for column in COLUMNS {
            let mut message = SyncMessage::default();
            let value = FieldValue::from((column.get)(&filled()));
            (column.set)(&mut message, value.clone());
            assert_eq!(FieldValue::from((column.get)(&message)), value, "{}", column.wire);
            assert_eq!((column.limit == Number), (column.kind == ColumnKind::Integer), "{}", column.wire);
        }
    }

    #[test]
    fn null_tokens_are_written_and_other_nulls_are_left_out() {
        let message = SyncMessage { id: "m".into(), ..SyncMessage::default() };
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"id":"m","lineNumber":0,"messageType":"","timestamp":"","contentHash":"","inputTokens":null,"#
                .to_owned()
                + r#""outputTokens":null,"cacheReadTokens":null,"cacheCreationTokens":null}"#
        );
    }

    #[test]
    fn only_required_members_may_not_be_absent() {
        let required = r#"{"id":"m","lineNumber":1,"messageType":"user","timestamp":""}"#;
        assert!(serde_json::from_str::<SyncMessage>(required).is_ok());
        for member in ["id", "lineNumber", "messageType", "timestamp"] {
            let without = required.replace(&format!("\"{member}\""), "\"other\"");
            assert!(serde_json::from_str::<SyncMessage>(&without).is_err(), "{member}");
        }
    }
}
