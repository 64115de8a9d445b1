//! The line of a transcript that names the session's pull request: `{"type":"pr-link","prNumber":7,"prUrl":"https://…"}`.

use serde::Deserialize;

use crate::exporter::batch::context::{BatchContext, EligibleSession};
use crate::exporter::plan::pull_request::SessionPullRequest;
use crate::exporter::source::MessageRow;
use crate::protocol::Inclusion;

/// Types of a message that han gives to such a line: it knows none for it.
const MESSAGE_TYPES: [&str; 2] = ["unknown", LINE_TYPE];
const LINE_TYPE: &str = "pr-link";

/// A pull request as a line names it.
#[derive(Debug, PartialEq, Eq)]
struct PrLink {
    number: i64,
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLink {
    #[serde(rename = "type")]
    line_type: String,
    pr_number: i64,
    pr_url: String,
}

/// The pull request that a row of the session names, if it may leave.
pub fn permitted(
    row: &MessageRow,
    context: &BatchContext,
    session: &EligibleSession,
) -> Option<SessionPullRequest> {
    let (fields, rules) = (&session.fields, context.rules?);
    if fields.inclusion != Inclusion::Organization {
        return None;
    }
    let link = read(&row.message.message_type, row.raw_json.as_deref()?)?;
    SessionPullRequest::permitted(Some(link.number), Some(&link.url), &fields.remote, &rules)
}

/// Reads the raw JSON of a message of this type; `None` for any other line.
fn read(message_type: &str, raw_json: &str) -> Option<PrLink> {
    if !MESSAGE_TYPES.contains(&message_type) || !raw_json.contains(LINE_TYPE) {
        return None;
    }
    let link: RawLink = serde_json::from_str(raw_json).ok()?;
    (link.line_type == LINE_TYPE).then_some(PrLink { number: link.pr_number, url: link.pr_url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_its_type_names_a_pull_request() {
        let raw = r#"{"type":"pr-link","prNumber":7,"prUrl":"u","prRepository":"acme/api","sessionId":"s"}"#;
        let link = PrLink { number: 7, url: "u".to_owned() };
        assert_eq!(read("unknown", raw).as_ref(), Some(&link));
        assert_eq!(read("pr-link", raw).as_ref(), Some(&link));
        assert_eq!(read("user", raw), None);
        for raw in [
            r#"{"type":"user","prNumber":7,"prUrl":"pr-link"}"#,
            r#"{"type":"pr-link","prNumber":"7","prUrl":"u"}"#,
            r#"{"type":"pr-link","prNumber":7}"#,
            r#"{"type":"pr-link""#,
            "",
        ] {
            assert_eq!(read("unknown", raw), None, "{raw}");
        }
    }
}
