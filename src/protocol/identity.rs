//! The identity: the receiver's statement of who a key stands for and what it accepts.

use serde::{Deserialize, Serialize};

/// User that a key stands for: the body of `GET {endpoint}/identity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Id of the user.
    pub user_id: String,
    /// Login name of the user.
    #[serde(default)]
    pub login: String,
    /// The user's own accounts: `github.com/alice`.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Organizations of the user.
    #[serde(default)]
    pub organizations: Vec<IdentityOrganization>,
    /// Protocol versions that the receiver speaks.
    #[serde(default)]
    pub protocol_versions: Vec<String>,
    /// Content encodings that the receiver accepts, the preferred one first.
    #[serde(default)]
    pub encodings: Vec<String>,
    /// Limits of the receiver.
    #[serde(default)]
    pub limits: Limits,
    /// RFC 3339: older messages are neither sent nor accepted.
    #[serde(default)]
    pub retained_since: Option<String>,
    /// Clock of the receiver, RFC 3339.
    #[serde(default)]
    pub server_timestamp: Option<String>,
}

/// An organization of the user, with the owners whose repositories belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityOrganization {
    /// Short name of the organization.
    pub slug: String,
    /// Full name of the organization.
    #[serde(default)]
    pub name: String,
    /// `member` or `admin`.
    #[serde(default)]
    pub role: String,
    /// Owners of the organization's repositories.
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
    /// Messages per batch.
    #[serde(default)]
    pub max_messages: Option<u64>,
}
