//! What the raw JSON of a row says of the answer that it belongs to: its model, and the name under which its tokens count
//! once.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::protocol;

/// What the raw JSON of a row says of the answer that it belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub model: Option<String>,
    pub usage_id: Option<String>,
}

impl Answer {
    /// Reads leniently: what is not there or of another type is null, and broken JSON is no answer.
    pub fn read(raw_json: &str) -> Answer {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw<'a> {
            #[serde(borrow)]
            message: Option<Object<Message<'a>>>,
            #[serde(borrow)]
            request_id: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow)]
            model: Option<&'a RawValue>,
        }
        fn text(value: Option<&RawValue>) -> Option<String> {
            serde_json::from_str(value?.get()).ok()
        }
        let Ok(raw) = serde_json::from_str::<Raw>(raw_json) else { return Answer::default() };
        let Some(Object(Some(message))) = raw.message else { return Answer::default() };
        let request_id = text(raw.request_id);
        Answer {
            model: text(message.model),
            usage_id: text(message.id).map(|id| protocol::usage_id(&id, request_id.as_deref())),
        }
    }
}

/// An object, or `None` for any other value: read in the one pass over what it lies in.
struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Object<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_unit<E>(self) -> Result<Object<T>, E> {
        Ok(Object(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_read_from_what_is_there() {
        let answer =
            Answer::read(r#"{"message":{"id":"msg_01","model":"m","content":[1]},"requestId":"req_01"}"#);
        assert_eq!(answer.model.as_deref(), Some("m"));
        assert_eq!(answer.usage_id, Some(protocol::usage_id("msg_01", Some("req_01"))));
        let answer = Answer::read(r#"{"message":{"id":"msg_01"}}"#);
        assert_eq!(answer.usage_id, Some(protocol::usage_id("msg_01", None)));
    }

    #[test]
    fn what_is_no_answer_reads_as_none() {
        for raw in ["", "{", "[]", "null", r#"{"message":{"id":7,"model":null}}"#] {
            assert_eq!(Answer::read(raw), Answer::default(), "{raw}");
        }
        for message in ["\"text\"", "\"\\n\"", "7", "-7", "7.5", "1e400", "true", "null", "[{}, 1]"] {
            let raw = format!(r#"{{"message":{message},"requestId":"req_01"}}"#);
            assert_eq!(Answer::read(&raw), Answer::default(), "{raw}");
        }
    }
}
