//! What the raw JSON of a row says of the answer that it belongs to: its model, and the name under which its tokens count
//! once.

use serde::Deserialize;
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
            message: Option<&'a RawValue>,
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
        let message = raw.message.and_then(|message| serde_json::from_str::<Message>(message.get()).ok());
        let Some(message) = message else { return Answer::default() };
        let request_id = text(raw.request_id);
        Answer {
            model: text(message.model),
            usage_id: text(message.id).map(|id| protocol::usage_id(&id, request_id.as_deref())),
        }
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
        for raw in ["", "{", "[]", "null", r#"{"message":"text"}"#, r#"{"message":{"id":7,"model":null}}"#] {
            assert_eq!(Answer::read(raw), Answer::default(), "{raw}");
        }
    }
}
