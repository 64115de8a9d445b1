//! The identity: the receiver's statement of who a key stands for and what it accepts.

use serde::{Deserialize, Serialize};

/// User that a key stands for: the body of `GET {endpoint}/identity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    pub user_id: String,
    #[serde(default)]
    pub login: String,
    /// The user's own accounts: `github.com/alice`.
    #[serde(default)]
    pub accounts: Vec<String>,
    #[serde(default)]
    pub organizations: Vec<IdentityOrganization>,
    #[serde(default)]
    pub protocol_versions: Vec<String>,
    /// Content encodings that the receiver accepts, the preferred one first.
    #[serde(default)]
    pub encodings: Vec<String>,
    #[serde(default)]
    pub limits: Limits,
    /// RFC 3339: older messages are neither sent nor accepted.
    #[serde(default)]
    pub retained_since: Option<String>,
    #[serde(default)]
    pub server_timestamp: Option<String>,
}

/// An organization of the user, with the owners whose repositories belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityOrganization {
    pub slug: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub owners: Vec<String>,
}

/// Bounds of one request; an absent one is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Bytes of the body as sent.
    #[serde(default)]
    pub max_body_bytes: Option<u64>,
    /// Bytes of the body inflated.
    #[serde(default)]
    pub max_inflated_bytes: Option<u64>,
    #[serde(default)]
    pub max_messages: Option<u64>,
}
