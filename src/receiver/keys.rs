//! API keys and ids: made from the system's randomness. A key is shown once and kept as its hash.

use sha2::{Digest, Sha256};

use crate::hex;

/// What every key begins with, so that scanners for leaked secrets can know it.
const KEY_PREFIX: &str = "han_";
/// Random bytes of a key: beyond guessing, so that a plain hash protects it.
const KEY_BYTES: usize = 32;
/// Random bytes of an id: unique without asking anyone.
const ID_BYTES: usize = 10;
/// Characters of a key that are kept, to tell keys apart: the prefix and 8 of 64 hex digits.
const SHOWN_CHARS: usize = KEY_PREFIX.len() + 8;

/// A new key.
pub fn new_key() -> Result<String, getrandom::Error> {
    Ok(format!("{KEY_PREFIX}{}", random_hex::<KEY_BYTES>()?))
}

/// What of a key may be shown.
pub fn shown(key: &str) -> &str {
    key.get(..SHOWN_CHARS).unwrap_or("")
}

/// What of a key is stored, and compared: a comparison of hashes tells nothing about the key.
pub fn hash(key: &str) -> String {
    hex::encode(&Sha256::digest(key.as_bytes()))
}

/// A new id: `usr_…`, `org_…`, `key_…`.
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
    fn keys_differ_and_show_only_their_beginning() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 68);
        assert_eq!(shown(&one).len(), 12);
        assert_ne!(hash(&one), hash(&two));
    }
}
