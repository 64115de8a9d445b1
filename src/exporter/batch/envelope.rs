//! The envelope of a payload and of a session: the members around the sessions, and around the messages and tasks.
//!
//! Members are written in the order of the wire types. A payload stays in parts, which share the sessions with the batch,
//! until it is compressed; it is sealed there.

use std::sync::Arc;

use serde::Serialize;

use crate::protocol::{self, SyncCursor};

/// A payload before it is sealed.
#[derive(Debug)]
pub struct Envelope {
    /// The payload up to the first session.
    pub header: Vec<u8>,
    /// Serialized sessions, separated by commas.
    pub sessions: Arc<Vec<u8>>,
    /// The payload after the last session up to the checksum.
    pub trailer: Vec<u8>,
}

impl Envelope {
    /// The sealed payload: the parts before its end, and its end with the checksum.
    pub fn sealed(&self) -> ([&[u8]; 2], Vec<u8>) {
        let parts: [&[u8]; 2] = [&self.header, &self.sessions];
        let mut end = self.trailer.clone();
        end.extend(protocol::sealed_end(parts.into_iter().chain([self.trailer.as_slice()])));
        (parts, end)
    }
}

/// Members of a payload before its sessions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeHeader<'a> {
    /// Protocol version.
    pub version: &'a str,
    /// Id of the client.
    pub client_id: &'a str,
    /// User of the destination.
    pub user_id: &'a str,
    /// Time of the batch, RFC 3339.
    pub timestamp: String,
    /// State before the batch.
    pub cursor: &'a SyncCursor,
}

/// Members of a session before its messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionHeader<'a> {
    /// Id of the session.
    pub id: &'a str,
    /// Last segment of the repository.
    pub project_slug: &'a str,
    /// URL of the repository, normalized.
    pub repo_remote: String,
    /// Status, as the source has it.
    pub status: &'a str,
    /// Short name of the session, where it has one.
    pub slug: Option<&'a str>,
}

/// Members of a session after its tasks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionTrailer<'a> {
    /// Time of the last change, RFC 3339.
    pub last_modified: String,
    /// Messages of the session in the source.
    pub total_message_count: u64,
    /// Rule that made the session eligible.
    pub inclusion: protocol::Inclusion,
    /// Coding agent, as han names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harness: Option<&'a str>,
    /// Number of the pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pr_number: Option<i64>,
    /// Address of the pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pr_url: Option<&'a str>,
    /// Name of the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_name: Option<&'a str>,
}

/// Appends an object without its closing brace.
pub fn open_object<T: Serialize>(out: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_the_order_of_the_wire_types() {
        let header = SessionHeader {
            id: "s",
            project_slug: "api",
            repo_remote: "https://github.com/acme/api".into(),
            status: "active",
            slug: None,
        };
        let trailer = SessionTrailer {
            last_modified: "2026-01-01T00:00:00Z".into(),
            total_message_count: 1,
            inclusion: protocol::Inclusion::Organization,
            harness: Some("claude"),
            pr_number: Some(7),
            pr_url: Some("https://github.com/acme/api/pull/7"),
            team_name: Some("core"),
        };
        let mut json = Vec::new();
        open_object(&mut json, &header).unwrap();
        json.extend_from_slice(b",\"messages\":[],\"tasks\":[],");
        json.extend_from_slice(&serde_json::to_vec(&trailer).unwrap()[1..]);
        let session: protocol::SyncSession = serde_json::from_slice(&json).unwrap();
        assert_eq!(serde_json::to_vec(&session).unwrap(), json);
    }
}
