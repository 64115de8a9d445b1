//! The merge of two versions of one message: what a stored message takes over from another delivery of it.
//!
//! Invariants: a value never becomes null and stored content is never replaced; of two token values the larger holds.
//! Merging is idempotent, so that a replay changes nothing.

use super::batch::DecodedMessage;
use crate::protocol::message::{COLUMNS, FieldRef, FieldValue, MessageColumn};

/// The stream of a message that names none.
pub const DEFAULT_STREAM: &str = "main";

/// Rule by which a column is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MergeRule {
    /// An absent value is filled in.
    Fill,
    /// The larger value holds.
    Larger,
    /// Depends on the content, or on the other version's time.
    Special,
}

impl MergeRule {
    fn of(column: &MessageColumn) -> MergeRule {
        match column.wire {
            "content" | "contentHash" | "contentOmitted" | "timestamp" => MergeRule::Special,
            name if name.ends_with("Tokens") => MergeRule::Larger,
            _ => MergeRule::Fill,
        }
    }
}

/// Merges all columns of `sent` but its content into `stored`, and returns true if that changed something. The content is
/// the caller's: `has_content` is true if `stored` has some.
pub fn merge_message(stored: &mut DecodedMessage, has_content: bool, sent: &DecodedMessage) -> bool {
    let mut is_changed = merge_time(stored, sent) | merge_content_columns(stored, has_content, sent);
    for column in COLUMNS {
        let (before, other) = ((column.get)(&stored.wire), (column.get)(&sent.wire));
        let is_taken = match MergeRule::of(column) {
            MergeRule::Special => false,
            MergeRule::Fill => is_absent(column, before) && !is_absent(column, other),
            MergeRule::Larger => number(other) > number(before),
        };
        if is_taken {
            let value = FieldValue::from(other);
            (column.set)(&mut stored.wire, value);
            is_changed = true;
        }
    }
    is_changed
}

/// Replaces a time of arrival by the message's own, unless that is later: then it comes from a clock that is ahead.
fn merge_time(stored: &mut DecodedMessage, sent: &DecodedMessage) -> bool {
    let is_taken =
        stored.wire.timestamp.is_empty() && !sent.wire.timestamp.is_empty() && sent.at <= stored.at;
    if is_taken {
        stored.at = sent.at;
        stored.wire.timestamp.clone_from(&sent.wire.timestamp);
    }
    is_taken
}

/// Merges the hash, which belongs to the content, and the mark of omitted content.
fn merge_content_columns(stored: &mut DecodedMessage, has_content: bool, sent: &DecodedMessage) -> bool {
    let is_filled = !has_content && sent.wire.content.is_some();
    let takes_hash = is_filled || stored.wire.content_hash.is_empty();
    let hash_changes = takes_hash && stored.wire.content_hash != sent.wire.content_hash;
    if hash_changes {
        stored.wire.content_hash.clone_from(&sent.wire.content_hash);
    }
    let omitted = match (is_filled || has_content, stored.wire.content_omitted) {
        (true, _) => None,
        (false, known) => known.or(sent.wire.content_omitted),
    };
    let mark_changes = std::mem::replace(&mut stored.wire.content_omitted, omitted) != omitted;
    is_filled || hash_changes || mark_changes
}

fn is_absent(column: &MessageColumn, field: FieldRef) -> bool {
    match field {
        FieldRef::Null => true,
        FieldRef::Text(text) => text.is_empty() || (column.wire == "stream" && text == DEFAULT_STREAM),
        FieldRef::Integer(_) | FieldRef::Boolean(_) => false,
    }
}

fn number(field: FieldRef) -> Option<i64> {
    if let FieldRef::Integer(number) = field { Some(number) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SyncMessage;
    use crate::protocol::message::ColumnKind;

    fn message(fill: impl Fn(&MessageColumn, usize) -> FieldValue) -> DecodedMessage {
        let mut wire = SyncMessage::default();
        for (index, column) in COLUMNS.iter().enumerate() {
            (column.set)(&mut wire, fill(column, index));
        }
        DecodedMessage { at: 7, arrived_at: None, wire }
    }

    fn filled() -> DecodedMessage {
        message(|column, index| match column.kind {
            ColumnKind::Text => FieldValue::Text(format!("text {index}")),
            ColumnKind::Integer => FieldValue::Integer(index as i64),
            ColumnKind::Boolean => FieldValue::Boolean(true),
        })
    }

    fn bare() -> DecodedMessage {
        message(|_, _| FieldValue::Null)
    }

    #[test]
    fn absent_values_are_filled_in_and_null_replaces_none() {
        let mut stored = DecodedMessage { at: 9, ..bare() };
        let mut sent = filled();
        sent.wire.content = None;
        assert!(merge_message(&mut stored, false, &sent));
        // A line is always there.
        sent.wire.line_number = 0;
        assert_eq!((stored.at, &stored.wire), (7, &sent.wire));
        assert!(!merge_message(&mut stored, false, &bare()));
        assert!(!merge_message(&mut stored, false, &sent));
    }

    #[test]
    fn larger_tokens_hold_in_any_order_and_other_values_stay() {
        let tokens = |input, tool: &str| {
            let mut message = filled();
            message.wire.input_tokens = Some(input);
            message.wire.tool_name = Some(tool.to_owned());
            message
        };
        for (first, second) in [(3, 8), (8, 3)] {
            let mut stored = tokens(first, "first");
            merge_message(&mut stored, true, &tokens(second, "second"));
            assert_eq!(stored.wire.input_tokens, Some(8));
            assert_eq!(stored.wire.tool_name.as_deref(), Some("first"));
        }
    }
}
