//! A payload before compression, in parts: it shares the sessions with its batch, and is sealed where it is compressed.

use std::sync::Arc;

use serde::Serialize;

use crate::protocol::{self, SyncCursor};

/// A payload up to the end of its sessions.
#[derive(Debug)]
pub struct Document {
    pub head: Vec<u8>,
    pub sessions: Arc<Vec<u8>>,
}

impl Document {
    /// What comes last, checksum included, and what comes before it.
    pub fn sealed(&self) -> (Vec<u8>, [&[u8]; 2]) {
        let parts: [&[u8]; 2] = [&self.head, &self.sessions];
        let mut end = b"]".to_vec();
        end.extend(protocol::sealed_end(parts.into_iter().chain([b"]".as_slice()])));
        (end, parts)
    }
}

/// The members of a payload before its sessions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head<'a> {
    pub version: &'a str,
    pub client_id: &'a str,
    pub user_id: &'a str,
    pub timestamp: String,
    pub cursor: &'a SyncCursor,
}

/// The members of a session before its messages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionHead<'a> {
    pub id: &'a str,
    pub project_slug: &'a str,
    pub repo_remote: String,
    pub status: &'a str,
    pub slug: Option<&'a str>,
}

/// The members of a session after its tasks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionTail<'a> {
    pub last_modified: String,
    pub total_message_count: u64,
    pub inclusion: protocol::Inclusion,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harness: Option<&'a str>,
}

/// Writes an object without its closing brace.
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
        let fields = SessionHead {
            id: "s",
            project_slug: "api",
            repo_remote: "https://github.com/acme/api".into(),
            status: "active",
            slug: None,
        };
        let tail = SessionTail {
            last_modified: "2026-01-01T00:00:00Z".into(),
            total_message_count: 1,
            inclusion: protocol::Inclusion::Organization,
            harness: Some("claude"),
        };
        let mut json = Vec::new();
        open_object(&mut json, &fields).unwrap();
        json.extend_from_slice(b",\"messages\":[],\"tasks\":[],");
        json.extend_from_slice(&serde_json::to_vec(&tail).unwrap()[1..]);
        let session: protocol::SyncSession = serde_json::from_slice(&json).unwrap();
        assert_eq!(serde_json::to_vec(&session).unwrap(), json);
    }
}
