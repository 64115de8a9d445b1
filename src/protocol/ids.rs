//! Ids and hashes that both ends, and every re-index of a source, must derive alike.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use twox_hash::XxHash3_128;
use uuid::Uuid;

use crate::short_hash;

/// [`content_hash`] of nothing: what a message without raw JSON carries.
pub const EMPTY_HASH16: &str = "e3b0c44298fc1c14";

/// Name of a row's source stream: `source_file_type` (null: `main`), with `:` and the agent id where it has one.
pub fn stream_name(source_file_type: Option<&str>, agent_id: Option<&str>) -> String {
    let kind = source_file_type.unwrap_or("main");
    match agent_id {
        Some(agent) => format!("{kind}:{agent}"),
        None => kind.to_owned(),
    }
}

/// Id on the wire of a message to which han gives a random id at each re-index: UUIDv5(UUIDv5(URL, session id), stream LF
/// line number LF type LF raw JSON), so that the receiver stores it once.
pub fn stable_message_id(
    session_id: &str,
    stream: &str,
    line_number: i64,
    message_type: &str,
    raw_json: &str,
) -> String {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, session_id.as_bytes());
    let name = format!("{stream}\n{line_number}\n{message_type}\n{raw_json}");
    Uuid::new_v5(&namespace, name.as_bytes()).to_string()
}

/// First 16 hex digits of the SHA-256 of content that is sent.
pub fn content_hash(content: &str) -> String {
    short_hash::to_hex(short_hash::of_text(content))
}

/// First 16 hex digits of the HMAC-SHA-256, under the client's secret, of the XXH3-128 (16 bytes, big-endian) of raw JSON
/// that is not sent. The secret keeps a reader of the hash from testing guesses against it; XXH3 is there for speed alone.
/// Without raw JSON: [`EMPTY_HASH16`].
pub fn guarded_content_hash(secret: &[u8], raw_json: Option<&str>) -> String {
    let Some(raw_json) = raw_json else { return EMPTY_HASH16.to_owned() };
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&XxHash3_128::oneshot(raw_json.as_bytes()).to_be_bytes());
    short_hash::to_hex(short_hash::of_digest(&mac.finalize().into_bytes()))
}

/// Usage id of an answer: first 16 hex digits of the SHA-256 of `message.id` LF `requestId`.
pub fn usage_id(answer_id: &str, request_id: Option<&str>) -> String {
    content_hash(&format!("{answer_id}\n{}", request_id.unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_hash_is_the_hash_of_the_empty_string() {
        assert_eq!(content_hash(""), EMPTY_HASH16);
        assert_eq!(guarded_content_hash(b"secret", None), EMPTY_HASH16);
    }

    #[test]
    fn guarded_hash_depends_on_the_secret() {
        let one = guarded_content_hash(b"one", Some("{}"));
        assert_ne!(one, guarded_content_hash(b"two", Some("{}")));
        assert_ne!(one, content_hash("{}"));
    }

    #[test]
    fn streams_are_named_as_the_contract_says() {
        assert_eq!(stream_name(None, None), "main");
        assert_eq!(stream_name(Some("agent"), Some("a1b2")), "agent:a1b2");
        assert_eq!(stream_name(Some("han_events"), None), "han_events");
        assert_eq!(stream_name(None, Some("a1b2")), "main:a1b2");
    }

    /// Computed with Python's `xxhash`, `hmac` and `hashlib`, for each length at which XXH3 computes in another way.
    #[test]
    fn guarded_hashes_agree_with_an_independent_implementation() {
        let raw_json = "0123456789abcdef".repeat(400);
        for (length, hash) in [
            (0, "080ad653b78d61a4"),
            (1, "ec8e546ca9d82da8"),
            (8, "e4f7d8f7060807c7"),
            (16, "2bb5272989be5abd"),
            (17, "b5190db8498f6900"),
            (128, "472ccf3f06266329"),
            (129, "0ceac928a2001891"),
            (240, "8a775bf413c9ab0e"),
            (241, "339ac46b17bb4af5"),
            (1024, "45d4ef738c19d35a"),
            (5000, "229059f3652a3027"),
        ] {
            assert_eq!(guarded_content_hash(b"key", Some(&raw_json[..length])), hash, "{length} bytes");
        }
    }

    /// Computed with Python's `uuid` and `hashlib`, so that the derivation is checked against another implementation.
    #[test]
    fn ids_agree_with_an_independent_implementation() {
        assert_eq!(
            stable_message_id("11111111-2222-3333-4444-555555555555", "main", 7, "summary", r#"{"a":"é"}"#),
            "34e6b290-8d84-5d41-95f3-de1ec47a8191"
        );
        assert_eq!(usage_id("msg_01", Some("req_01")), "f0286ea90697509e");
        assert_eq!(usage_id("msg_01", None), "bd0d499bdeb9d987");
    }
}
