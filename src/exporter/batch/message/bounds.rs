//! The bounds of values on the wire, so that a receiver stores the row and rejects none for a single value.
//!
//! An optional value out of range becomes null. A value that a receiver needs, such as an id, stays as it is: the receiver
//! rejects the session, and bisection finds the row.

use crate::protocol::SyncMessage;
use crate::protocol::message::{
    COLUMNS, ColumnLimit, FieldRef, FieldValue, ID_BYTES_MAX, MessageColumn, NAME_BYTES_MAX, NUMBER_MAX,
};

/// Bytes of a text of a task.
const TASK_TEXT_BYTES_MAX: usize = 256 << 10;

/// Sets the optional values of a message that are out of range to null. Returns the names of their columns.
pub fn bound_message(message: &mut SyncMessage) -> Vec<&'static str> {
    let mut nulled = Vec::new();
    for column in COLUMNS {
        // A text that cannot be null is one that the receiver needs.
        let may_be_null =
            column.limit == ColumnLimit::Number || (column.get)(&SyncMessage::default()) == FieldRef::Null;
        if may_be_null && !is_within(column, (column.get)(message)) {
            (column.set)(message, FieldValue::Null);
            nulled.push(column.wire);
        }
    }
    nulled
}

fn is_within(column: &MessageColumn, field: FieldRef) -> bool {
    match (column.limit, field) {
        (ColumnLimit::Id, FieldRef::Text(text)) => text.len() <= ID_BYTES_MAX,
        (ColumnLimit::Name, FieldRef::Text(text)) => text.len() <= NAME_BYTES_MAX,
        (ColumnLimit::Number, FieldRef::Integer(number)) => (0..=NUMBER_MAX).contains(&number),
        _ => true,
    }
}

/// Cuts a text of a task to `TASK_TEXT_BYTES_MAX`.
pub fn bound_task_text(text: &mut String) {
    if text.len() > TASK_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TASK_TEXT_BYTES_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_values_out_of_range_become_null_and_needed_ones_stay() {
        let long = "x".repeat(2_000);
        let mut message = SyncMessage {
            id: long.clone(),
            message_type: long.clone(),
            line_number: -3,
            input_tokens: Some(-12),
            output_tokens: Some(NUMBER_MAX),
            agent_id: Some("a".repeat(ID_BYTES_MAX + 1)),
            role: Some("r".repeat(ID_BYTES_MAX)),
            tool_name: Some(long.clone()),
            git_branch: Some("b".repeat(NAME_BYTES_MAX)),
            content: Some(long.clone()),
            ..SyncMessage::default()
        };
        let nulled = bound_message(&mut message);
        assert_eq!(nulled, ["lineNumber", "inputTokens", "agentId", "toolName"]);
        assert_eq!((message.input_tokens, message.agent_id, message.tool_name), (None, None, None));
        assert_eq!((message.line_number, message.output_tokens), (0, Some(NUMBER_MAX)));
        assert_eq!((message.id, message.message_type), (long.clone(), long.clone()));
        assert!(message.role.is_some() && message.git_branch.is_some() && message.content == Some(long));
    }

    #[test]
    fn task_text_is_cut_at_a_character() {
        let mut text = "é".repeat(TASK_TEXT_BYTES_MAX);
        text.insert(0, 'x');
        bound_task_text(&mut text);
        assert_eq!(text.len(), TASK_TEXT_BYTES_MAX - 1);
    }
}
