//! Cursors: a row's place in its list, as text that means nothing to its holder.

use super::bad_request;
use crate::hex;
use crate::receiver::ingest::decode::replace_nul;
use crate::receiver::store::{MessagePosition, SessionPosition};

/// A place as a cursor: its parts, as hexadecimal JSON.
pub fn of_session(place: &SessionPosition) -> String {
    encode(&(place.stored_at, &place.id, &place.tenant_id))
}

pub fn session(cursor: &str) -> async_graphql::Result<SessionPosition> {
    let (stored_at, id, tenant_id) = decode(cursor)?;
    Ok(SessionPosition { stored_at, id: replace_nul(id), tenant_id: replace_nul(tenant_id) })
}

pub fn of_message(place: &MessagePosition) -> String {
    encode(&(place.at, place.line_number, &place.id))
}

pub fn message(cursor: &str) -> async_graphql::Result<MessagePosition> {
    let (at, line_number, id) = decode(cursor)?;
    Ok(MessagePosition { at, line_number, id: replace_nul(id) })
}

fn encode(parts: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(parts).unwrap_or_default();
    hex::encode(&json)
}

fn decode<T: serde::de::DeserializeOwned>(cursor: &str) -> async_graphql::Result<T> {
    hex::decode(cursor)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| bad_request("after is no cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_place_back() {
        let place = MessagePosition { at: -1, line_number: 7, id: "é\"".to_owned() };
        assert_eq!(message(&of_message(&place)).unwrap(), place);
        for text in ["", "0", "zz", "é", "5b5d"] {
            assert!(message(text).is_err(), "{text}");
        }
    }
}
