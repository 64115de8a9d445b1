//! Cursors of keyset pagination: the sort key of a row, as opaque text.
//!
//! A cursor grants nothing: a forged one selects only among the rows that its holder may read anyway.

use super::error::bad_request;
use crate::hex;
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::store::{ClientPosition, MessagePosition, SessionPosition, TaskPosition};

/// Encodes the position of a session.
pub fn encode_session(position: &SessionPosition) -> String {
    encode(&(position.stored_at, &position.id, &position.tenant_id))
}

/// Decodes the cursor of a session.
pub fn decode_session(cursor: &str) -> async_graphql::Result<SessionPosition> {
    let (stored_at, id, tenant_id) = decode(cursor)?;
    Ok(SessionPosition { stored_at, id: replace_nul(id), tenant_id: replace_nul(tenant_id) })
}

/// Encodes the position of a message.
pub fn encode_message(position: &MessagePosition) -> String {
    encode(&(position.at, position.line_number, &position.id))
}

/// Decodes the cursor of a message.
pub fn decode_message(cursor: &str) -> async_graphql::Result<MessagePosition> {
    let (at, line_number, id) = decode(cursor)?;
    Ok(MessagePosition { at, line_number, id: replace_nul(id) })
}

/// Encodes the position of a task.
pub fn encode_task(position: &TaskPosition) -> String {
    encode(&(&position.created_at, &position.id))
}

/// Decodes the cursor of a task.
pub fn decode_task(cursor: &str) -> async_graphql::Result<TaskPosition> {
    let (created_at, id) = decode(cursor)?;
    Ok(TaskPosition { created_at: replace_nul(created_at), id: replace_nul(id) })
}

/// Encodes the position of a client.
pub fn encode_client(position: &ClientPosition) -> String {
    encode(&(&position.tenant_id, &position.user_id, &position.client_id))
}

/// Decodes the cursor of a client.
pub fn decode_client(cursor: &str) -> async_graphql::Result<ClientPosition> {
    let (tenant_id, user_id, client_id) = decode(cursor)?;
    Ok(ClientPosition {
        tenant_id: replace_nul(tenant_id),
        user_id: replace_nul(user_id),
        client_id: replace_nul(client_id),
    })
}

/// Encodes a sort key as hexadecimal JSON.
fn encode(sort_key: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(sort_key).unwrap_or_default();
    hex::encode(&json)
}

fn decode<T: serde::de::DeserializeOwned>(cursor: &str) -> async_graphql::Result<T> {
    hex::decode(cursor)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| bad_request("after is not a cursor of this list: use a cursor or endCursor of it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_reverses_encoding() {
        let position = MessagePosition { at: -1, line_number: 7, id: "é\"".to_owned() };
        assert_eq!(decode_message(&encode_message(&position)).unwrap(), position);
        for text in ["", "0", "zz", "é", "5b5d"] {
            assert!(decode_message(text).is_err(), "{text}");
        }
    }
}
