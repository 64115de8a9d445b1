//! The check of one message: each declared column against its limit.

use super::batch::DecodedMessage;
use super::dedup::Deduplicated;
use super::validation::{check_id, check_length, check_number, replace_nul};
use crate::protocol::SyncMessage;
use crate::protocol::message::{COLUMNS, ColumnLimit, FieldRef, FieldValue, MessageColumn};
use crate::receiver::limits::{ID_BYTES_MAX, NAME_BYTES_MAX};
use crate::receiver::time;

/// Checks messages, and deduplicates them.
pub fn decode_messages(messages: Vec<SyncMessage>) -> Result<Vec<DecodedMessage>, String> {
    let mut decoded = Deduplicated::with_capacity(messages.len());
    for wire in messages {
        decoded.add_message(decode_message(wire)?);
    }
    Ok(decoded.into_items())
}

fn decode_message(mut wire: SyncMessage) -> Result<DecodedMessage, String> {
    check_id("the id of a message", &wire.id)?;
    check_id("messageType", &wire.message_type)?;
    let at = time::parse(&wire.timestamp).ok_or("the timestamp of a message is no time")?;
    for column in COLUMNS {
        let field = (column.get)(&wire);
        check_field(column, field)?;
        if let FieldRef::Text(text) = field
            && text.contains('\0')
        {
            let cleaned = replace_nul(text.to_owned());
            (column.set)(&mut wire, FieldValue::Text(cleaned));
        }
    }
    Ok(DecodedMessage { at, wire })
}

fn check_field(column: &MessageColumn, field: FieldRef) -> Result<(), String> {
    match (column.limit, field) {
        (ColumnLimit::Id, FieldRef::Text(text)) => check_length(column.wire, text, ID_BYTES_MAX),
        (ColumnLimit::Name, FieldRef::Text(text)) => check_length(column.wire, text, NAME_BYTES_MAX),
        (ColumnLimit::Number, FieldRef::Integer(number)) => check_number(column.wire, Some(number)),
        _ => Ok(()),
    }
}
