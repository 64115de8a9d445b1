//! The check of one message: each declared column against its limit.
//!
//! Invariant: an optional value that cannot be stored counts as null; only a message without a usable id or type is
//! rejected.

use super::batch::DecodedMessage;
use super::dedup::Deduplicated;
use super::validation::{check_id, fits, is_number, replace_nul};
use crate::protocol::SyncMessage;
use crate::protocol::message::{COLUMNS, ColumnLimit, FieldRef, FieldValue, MessageColumn};
use crate::receiver::limits::{CLOCK_SKEW_US, ID_BYTES_MAX, NAME_BYTES_MAX};
use crate::receiver::time;

/// Checks messages, and deduplicates them. `now` is the time of a message whose own is unreadable.
pub fn decode_messages(messages: Vec<SyncMessage>, now: i64) -> Result<Vec<DecodedMessage>, String> {
    let mut decoded = Deduplicated::with_capacity(messages.len());
    for wire in messages {
        decoded.add_message(decode_message(wire, now)?);
    }
    Ok(decoded.into_items())
}

fn decode_message(mut wire: SyncMessage, now: i64) -> Result<DecodedMessage, String> {
    check_id("the id of a message", &wire.id)?;
    check_id("messageType", &wire.message_type)?;
    let at = time::parse(&wire.timestamp);
    if at.is_none() {
        wire.timestamp.clear();
    }
    for column in COLUMNS {
        let field = (column.get)(&wire);
        if !is_storable(column, field) {
            (column.set)(&mut wire, FieldValue::Null);
        } else if let FieldRef::Text(text) = field
            && text.contains('\0')
        {
            let cleaned = replace_nul(text.to_owned());
            (column.set)(&mut wire, FieldValue::Text(cleaned));
        }
    }
    let arrived_at = at.is_some_and(|at| at > now + CLOCK_SKEW_US).then_some(now);
    Ok(DecodedMessage { at: at.unwrap_or(now), arrived_at, wire })
}

/// False for a value out of the column's range, and for an empty name, which counts as none.
fn is_storable(column: &MessageColumn, field: FieldRef) -> bool {
    match (column.limit, field) {
        (ColumnLimit::Id, FieldRef::Text(text)) => !text.is_empty() && fits(text, ID_BYTES_MAX),
        (ColumnLimit::Name, FieldRef::Text(text)) => !text.is_empty() && fits(text, NAME_BYTES_MAX),
        (ColumnLimit::Number, FieldRef::Integer(number)) => is_number(number),
        _ => true,
    }
}
