//! The line of a transcript that names the session's pull request: `{"type":"pr-link","prNumber":7,"prUrl":"https://…"}`.

use serde::Deserialize;

use crate::exporter::batch::context::EligibleSession;
use crate::exporter::plan::pull_request::{RepositoryRules, SessionPullRequest};
use crate::protocol::Inclusion;

/// Types of a message that han gives to such a line: it knows none for it.
const MESSAGE_TYPES: [&str; 2] = ["unknown", LINE_TYPE];
const LINE_TYPE: &str = "pr-link";

/// A pull request as a line names it.
#[derive(Debug, PartialEq, Eq)]
pub struct PrLink {
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

impl PrLink {
    /// The pull request, if it may leave with the session.
    pub fn permitted(
        &self,
        rules: Option<&RepositoryRules>,
        session: &EligibleSession,
    ) -> Option<SessionPullRequest> {
        let (fields, rules) = (&session.fields, rules?);
        if fields.inclusion != Inclusion::Organization {
            return None;
        }
        SessionPullRequest::permitted(Some(self.number), Some(&self.url), &fields.remote, rules)
    }
}

/// Reads the raw JSON of a message of this type; `None` for any other line.
pub fn read(message_type: &str, raw_json: Option<&str>) -> Option<PrLink> {
    let raw_json = raw_json.filter(|raw| MESSAGE_TYPES.contains(&message_type) && raw.contains(LINE_TYPE))?;
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
        assert_eq!(read("unknown", Some(raw)).as_ref(), Some(&link));
        assert_eq!(read("pr-link", Some(raw)).as_ref(), Some(&link));
        assert_eq!(read("user", Some(raw)), None);
        for raw in [
            r#"{"type":"user","prNumber":7,"prUrl":"pr-link"}"#,
            r#"{"type":"pr-link","prNumber":"7","prUrl":"u"}"#,
            r#"{"type":"pr-link","prNumber":7}"#,
            r#"{"type":"pr-link""#,
            "",
        ] {
            assert_eq!(read("unknown", Some(raw)), None, "{raw}");
        }
    }
}
