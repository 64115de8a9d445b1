//! Short hashes: the first 64 bits of a SHA-256 digest, as a number or as 16 hexadecimal digits.
//!
//! Long enough that two different inputs of one installation practically never collide, short enough to store by the
//! thousand. A short hash detects change; it authenticates nothing.

use sha2::{Digest, Sha256};

use crate::hex;

/// Bytes of a digest that a short hash keeps.
const BYTES: usize = size_of::<u64>();

/// Shortens a digest of at least 8 bytes, big-endian.
pub fn of_digest(digest: &[u8]) -> u64 {
    let mut first = [0; BYTES];
    first.copy_from_slice(&digest[..BYTES]);
    u64::from_be_bytes(first)
}

/// Hashes a text.
pub fn of_text(text: &str) -> u64 {
    of_digest(&Sha256::digest(text.as_bytes()))
}

/// Hashes a list of optional fields; an absent field and an empty one differ, and so do different splits of one text.
pub fn of_fields(fields: &[Option<&str>]) -> u64 {
    let mut hasher = Sha256::new();
    for field in fields {
        match field {
            None => hasher.update([0]),
            Some(text) => {
                hasher.update([1]);
                hasher.update((text.len() as u64).to_be_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
    of_digest(&hasher.finalize())
}

/// Formats a short hash as 16 hexadecimal digits.
pub fn to_hex(hash: u64) -> String {
    hex::encode(&hash.to_be_bytes())
}

/// Parses 16 hexadecimal digits.
pub fn from_hex(text: &str) -> Option<u64> {
    let bytes = hex::decode(text)?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_hash_is_the_beginning_of_its_sha256() {
        assert_eq!(to_hex(of_text("")), "e3b0c44298fc1c14");
        assert_eq!(to_hex(1), "0000000000000001");
        assert_eq!(from_hex("e3b0c44298fc1c14").map(to_hex).as_deref(), Some("e3b0c44298fc1c14"));
        assert_eq!([from_hex(""), from_hex("01"), from_hex("00000000000000001")], [None; 3]);
    }

    #[test]
    fn absent_empty_and_differently_split_fields_differ() {
        assert_ne!(of_fields(&[None]), of_fields(&[Some("")]));
        assert_ne!(of_fields(&[Some("ab"), Some("c")]), of_fields(&[Some("a"), Some("bc")]));
    }
}
