//! Columns of a message that only its raw JSON holds, such as the model of its answer and the usage id under which the
//! tokens of the answer count once.
//!
//! The raw JSON is read in one pass and leniently: a field that is absent or of another type is null, and broken JSON has
//! no fields.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::exporter::batch::model_name::without_account;
use crate::protocol::message::{NAME_BYTES_MAX, NUMBER_MAX};
use crate::protocol::{self, SyncMessage};

/// Raw JSON as the agent writes it, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLine<'a> {
    #[serde(borrow)]
    git_branch: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<ObjectOrOther<RawMessage<'a>>>,
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
}

/// `message` of the raw JSON.
#[derive(Default, Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<ObjectOrOther<RawUsage<'a>>>,
}

/// `message.usage` of the raw JSON.
#[derive(Default, Deserialize)]
struct RawUsage<'a> {
    #[serde(borrow)]
    cache_creation: Option<ObjectOrOther<RawCacheCreation<'a>>>,
}

/// `message.usage.cache_creation` of the raw JSON.
#[derive(Default, Deserialize)]
struct RawCacheCreation<'a> {
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Option<&'a RawValue>,
}

/// Sets the columns, the branch if it may be sent.
pub fn set_raw_columns(message: &mut SyncMessage, raw_json: &str, include_branch: bool) {
    let Ok(line) = serde_json::from_str::<RawLine>(raw_json) else { return };
    if include_branch {
        message.git_branch = text(line.git_branch).filter(|branch| branch.len() <= NAME_BYTES_MAX);
    }
    let answer = object(line.message).unwrap_or_default();
    let request_id = text(line.request_id);
    message.model = text(answer.model).map(|name| without_account(&name).into_owned());
    message.usage_id = text(answer.id).map(|id| protocol::usage_id(&id, request_id.as_deref()));
    let cache_creation = object(answer.usage).and_then(|usage| object(usage.cache_creation));
    message.cache_creation_1h_tokens = number(cache_creation.unwrap_or_default().ephemeral_1h_input_tokens);
}

/// The value, if it is an object.
fn object<T>(value: Option<ObjectOrOther<T>>) -> Option<T> {
    value.and_then(|ObjectOrOther(object)| object)
}

/// The value, if it is a text.
fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// The value, if it is a number that the protocol allows.
fn number(value: Option<&RawValue>) -> Option<i64> {
    serde_json::from_str(value?.get()).ok().filter(|number| (0..=NUMBER_MAX).contains(number))
}

/// An object, or `None` for any other value. Both are read in the one pass over the surrounding JSON.
struct ObjectOrOther<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ObjectOrOther<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = ObjectOrOther<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ObjectOrOther<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| ObjectOrOther(Some(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ObjectOrOther<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ObjectOrOther(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<ObjectOrOther<T>, E> {
        Ok(ObjectOrOther(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<ObjectOrOther<T>, E> {
        Ok(ObjectOrOther(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<ObjectOrOther<T>, E> {
        Ok(ObjectOrOther(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<ObjectOrOther<T>, E> {
        Ok(ObjectOrOther(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<ObjectOrOther<T>, E> {
        Ok(ObjectOrOther(None))
    }

    fn visit_unit<E>(self) -> Result<ObjectOrOther<T>, E> {
        Ok(ObjectOrOther(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw_json: &str) -> SyncMessage {
        let mut message = SyncMessage::default();
        set_raw_columns(&mut message, raw_json, true);
        message
    }

    #[test]
    fn columns_are_set_where_the_raw_json_holds_them() {
        let message = read(r#"{"message":{"id":"msg_01","model":"m","content":[1]},"requestId":"req_01"}"#);
        assert_eq!(message.model.as_deref(), Some("m"));
        assert_eq!(message.usage_id, Some(protocol::usage_id("msg_01", Some("req_01"))));
        let message = read(r#"{"message":{"id":"msg_01"}}"#);
        assert_eq!(message.usage_id, Some(protocol::usage_id("msg_01", None)));
    }

    #[test]
    fn branch_is_set_where_it_may_be_sent() {
        let raw = r#"{"gitBranch":"feature/x","message":"text"}"#;
        assert_eq!(read(raw).git_branch.as_deref(), Some("feature/x"));
        let mut message = SyncMessage::default();
        set_raw_columns(&mut message, raw, false);
        assert_eq!(message, SyncMessage::default());
        assert_eq!(
            read(&format!(r#"{{"gitBranch":"{}"}}"#, "x".repeat(NAME_BYTES_MAX + 1))).git_branch,
            None
        );
    }

    #[test]
    fn tokens_of_the_one_hour_cache_are_set_where_they_are_a_valid_number() {
        let tokens =
            |usage: &str| read(&format!(r#"{{"message":{{"usage":{usage}}}}}"#)).cache_creation_1h_tokens;
        assert_eq!(tokens(r#"{"cache_creation":{"ephemeral_1h_input_tokens":70,"other":1}}"#), Some(70));
        for usage in [
            "null",
            "7",
            "{}",
            r#"{"cache_creation":7}"#,
            r#"{"cache_creation":{"ephemeral_1h_input_tokens":-1}}"#,
            r#"{"cache_creation":{"ephemeral_1h_input_tokens":"70"}}"#,
            r#"{"cache_creation":{"ephemeral_1h_input_tokens":9007199254740992}}"#,
        ] {
            assert_eq!(tokens(usage), None, "{usage}");
        }
    }

    #[test]
    fn other_values_and_broken_json_set_no_columns() {
        for raw in ["", "{", "[]", "null", r#"{"message":{"id":7,"model":null}}"#] {
            assert_eq!(read(raw), SyncMessage::default(), "{raw}");
        }
        for message in ["\"text\"", "\"\\n\"", "7", "-7", "7.5", "1e400", "true", "null", "[{}, 1]"] {
            let raw = format!(r#"{{"message":{message},"requestId":"req_01"}}"#);
            assert_eq!(read(&raw), SyncMessage::default(), "{raw}");
        }
    }
}
