//! API keys and ids, made from the system's randomness.
//!
//! Invariant: a key is shown once, when it is created, and stored as its SHA-256 alone.

use crate::hex;
use sha2::{Digest, Sha256};

/// Prefix of every key, by which secret scanners recognize a leaked one.
const KEY_PREFIX: &str = "han_";
/// Random bytes of a key: 256 bits cannot be guessed, so an unsalted hash is enough.
const KEY_BYTES: usize = 32;
/// Random bytes of an id: 80 bits are unique without coordination.
const ID_BYTES: usize = 10;
/// Characters of a key that are stored in clear, to tell keys apart: the prefix and 8 of 64 hex digits.
const VISIBLE_CHARS: usize = KEY_PREFIX.len() + 8;

/// Generates a key.
pub fn new_key() -> Result<String, getrandom::Error> {
    Ok(format!("{KEY_PREFIX}{}", random_hex::<KEY_BYTES>()?))
}

/// First characters of a key, which may be shown.
pub fn visible_prefix(key: &str) -> &str {
    key.get(..VISIBLE_CHARS).unwrap_or("")
}

/// Hash of a key, which is stored and compared. The timing of a comparison of hashes reveals nothing about the key.
pub fn hash(key: &str) -> String {
    hex::encode(&Sha256::digest(key.as_bytes()))
}

/// Generates an id: `usr_…`, `org_…`, `key_…`.
pub fn new_id(kind: &str) -> Result<String, getrandom::Error> {
    Ok(format!("{kind}_{}", random_hex::<ID_BYTES>()?))
}

fn random_hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_show_only_their_prefix() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 68);
        assert_eq!(visible_prefix(&one).len(), 12);
        assert_ne!(hash(&one), hash(&two));
    }
}
