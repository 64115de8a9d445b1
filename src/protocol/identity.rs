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
    /// End of the key's validity, RFC 3339; `None` if the key does not expire, or an older receiver does not say.
    #[serde(default)]
    pub key_expires_at: Option<String>,
    /// Number of batches that the receiver has stored from this client, never lowered.
    #[serde(default, skip_serializing_if = "StoredBatches::is_uncounted")]
    pub stored_batches: StoredBatches,
    /// Clock of the receiver, RFC 3339.
    #[serde(default)]
    pub server_timestamp: Option<String>,
}

/// Number of batches that were stored from a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
pub enum StoredBatches {
    /// An absent member: the receiver does not count.
    #[default]
    Uncounted,
    /// Null: the receiver has no record of the client, or no longer.
    NoRecord,
    /// The number.
    Counted(u64),
}

impl StoredBatches {
    fn is_uncounted(&self) -> bool {
        *self == StoredBatches::Uncounted
    }
}

impl From<Option<u64>> for StoredBatches {
    fn from(count: Option<u64>) -> StoredBatches {
        count.map_or(StoredBatches::NoRecord, StoredBatches::Counted)
    }
}

impl From<StoredBatches> for Option<u64> {
    fn from(batches: StoredBatches) -> Option<u64> {
        match batches {
            StoredBatches::Counted(count) => Some(count),
            StoredBatches::Uncounted | StoredBatches::NoRecord => None,
        }
    }
}

/// Bounds of what a client keeps of an identity: far beyond any user's, and far below what would slow a run.
const TEXT_BYTES_MAX: usize = 1 << 10;
const ORGANIZATIONS_MAX: usize = 1_000;
const OWNERS_MAX: usize = 10_000;
const LIST_MAX: usize = 100;
/// Largest limit: an integer that every JSON implementation holds exactly.
const LIMIT_MAX: u64 = (1 << 53) - 1;

impl Identity {
    /// The identity, if its texts and lists are within bounds; limits beyond any size are lowered. A longer list is not
    /// cut, since an account that is cut off would no longer keep its repositories personal.
    pub fn bounded(mut self) -> Option<Identity> {
        let owners = || self.organizations.iter().flat_map(|organization| &organization.owners);
        let organizations = self.organizations.iter().flat_map(|it| [&it.slug, &it.name, &it.role]);
        let texts = [&self.user_id, &self.login]
            .into_iter()
            .chain([&self.retained_since, &self.key_expires_at, &self.server_timestamp].into_iter().flatten())
            .chain(self.accounts.iter().chain(owners()).chain(organizations))
            .chain(self.protocol_versions.iter().chain(&self.encodings));
        let are_short = texts.into_iter().all(|text| text.len() <= TEXT_BYTES_MAX);
        let are_few = self.organizations.len() <= ORGANIZATIONS_MAX
            && self.accounts.len() + owners().count() <= OWNERS_MAX
            && self.protocol_versions.len().max(self.encodings.len()) <= LIST_MAX;
        let limits = &mut self.limits;
        for limit in [&mut limits.max_body_bytes, &mut limits.max_inflated_bytes, &mut limits.max_messages] {
            *limit = limit.map(|limit| limit.min(LIMIT_MAX));
        }
        (are_short && are_few).then_some(self)
    }
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
