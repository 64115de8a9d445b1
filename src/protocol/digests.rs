//! Digests: the proof that both ends hold the same messages of a session, without sending them.
//!
//! A digest is the wrapping sum of the hashes of the message ids, so that it depends on the set of messages alone, not on
//! their order, and a message is added or taken away without the others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::short_hash;

/// Sessions in one request.
pub const DIGESTS_SESSIONS_MAX: usize = 1_000;

/// Number and digest of a set of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageDigest {
    /// Number of messages.
    pub messages: u64,
    /// Sum of the hashes of their ids, modulo 2^64.
    pub sum: u64,
}

impl MessageDigest {
    /// Hash of a message id: the first 8 bytes of its SHA-256, big-endian.
    pub fn hash(message_id: &str) -> u64 {
        short_hash::of_text(message_id)
    }

    /// Adds a message, which is not in the set, by the hash of its id.
    pub fn add(&mut self, hash: u64) {
        self.messages += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    /// The sum as 16 hexadecimal digits.
    pub fn to_hex(self) -> String {
        short_hash::to_hex(self.sum)
    }
}

impl FromIterator<u64> for MessageDigest {
    fn from_iter<T: IntoIterator<Item = u64>>(hashes: T) -> MessageDigest {
        let mut digest = MessageDigest::default();
        hashes.into_iter().for_each(|hash| digest.add(hash));
        digest
    }
}

/// Body of `POST {endpoint}/digests`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestsRequest {
    /// Ids of sessions, at most [`DIGESTS_SESSIONS_MAX`].
    pub sessions: Vec<String>,
    /// True if the stored messages are read, not the digests that are kept with each session.
    #[serde(default)]
    pub recount: bool,
    /// True if the response lists the hashes of the message ids, too, which implies a recount.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hashes: bool,
    /// True if the response lists the tombstones of the sessions, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tombstones: bool,
}

/// Tombstones as a receiver has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedTombstones {
    /// Ids of the sessions with one.
    pub forgotten: Vec<String>,
    /// Sessions without one, whose last one was taken back: seconds since then, by the id of the session.
    pub undone: BTreeMap<String, u64>,
}

/// Response to a [`DigestsRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestsResponse {
    /// The stored sessions among those of the request.
    pub sessions: Vec<SessionDigest>,
    /// Ids of the request with a tombstone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forgotten: Vec<String>,
    /// Tombstones of the request's sessions, where it asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tombstones: Option<ListedTombstones>,
    /// Time before which nothing is kept of a session, RFC 3339, by the id of the session; without sessions of which
    /// everything is kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retained_since: BTreeMap<String, String>,
}

/// Number and digest of the stored messages of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDigest {
    /// Id of the session.
    pub id: String,
    /// Number of messages.
    pub messages: u64,
    /// Sum of the hashes of their ids as 16 hexadecimal digits.
    pub digest: String,
    /// Hashes of their ids, each as 16 hexadecimal digits, where the request asked for them and they are not too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_sum_of_the_beginnings_of_the_hashes() {
        // Computed with Python's `hashlib`.
        let digest = MessageDigest::from_iter(["m1", "m2", "m3"].map(MessageDigest::hash));
        assert_eq!((digest.messages, digest.to_hex()), (3, "0907b801a1dd71c9".to_owned()));
        assert_eq!(MessageDigest::default().to_hex(), "0000000000000000");
    }

    #[test]
    fn requests_and_responses_have_only_the_members_that_say_something() {
        let request = DigestsRequest { sessions: vec!["s".to_owned()], ..DigestsRequest::default() };
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"sessions":["s"],"recount":false}"#);
        let digest = SessionDigest { id: "s".to_owned(), messages: 1, digest: "0".repeat(16), hashes: None };
        let response = DigestsResponse { sessions: vec![digest], ..DigestsResponse::default() };
        assert_eq!(
            serde_json::to_string(&response).unwrap(),
            r#"{"sessions":[{"id":"s","messages":1,"digest":"0000000000000000"}]}"#
        );
    }
}
