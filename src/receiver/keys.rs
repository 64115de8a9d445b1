//! API keys, codes and ids, made from the system's randomness.
//!
//! Invariant: a key is shown once, when it is created, and stored as its SHA-256 alone.

use crate::hex;
use sha2::{Digest, Sha256};

/// Prefix of every key, by which secret scanners recognize a leaked one.
const KEY_PREFIX: &str = "han_";
/// Random bytes of a key: 256 bits cannot be guessed, so an unsalted hash is enough.
const KEY_BYTES: usize = 32;
/// Letters of a user code: no vowels, so that no word comes about, and nothing that looks like another letter.
const USER_CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a user code, in two groups: 34 bits, for the ten minutes and the few guesses that it has.
const USER_CODE_LENGTH: usize = 8;
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

/// Generates a device code.
pub fn new_device_code() -> Result<String, getrandom::Error> {
    random_hex::<KEY_BYTES>()
}

/// Generates the secret of a sign-in to the page.
pub fn new_session_secret() -> Result<String, getrandom::Error> {
    random_hex::<KEY_BYTES>()
}

/// Token that a form of the page carries, derived from a secret of the browser's cookie, which it does not reveal.
pub fn form_token(secret: &str) -> String {
    hash(&format!("form token of {secret}"))
}

/// Generates a user code, `BCDF-GHJK`.
pub fn new_user_code() -> Result<String, getrandom::Error> {
    // Bytes from here on would make some letters more likely than others.
    const UNBIASED: u8 = 240;
    let mut code = String::with_capacity(USER_CODE_LENGTH + 1);
    let mut letters = 0;
    while letters < USER_CODE_LENGTH {
        let mut byte = [0];
        getrandom::fill(&mut byte)?;
        if byte[0] >= UNBIASED {
            continue;
        }
        if letters == USER_CODE_LENGTH / 2 {
            code.push('-');
        }
        code.push(char::from(USER_CODE_LETTERS[usize::from(byte[0]) % USER_CODE_LETTERS.len()]));
        letters += 1;
    }
    Ok(code)
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
    fn user_code_is_two_groups_of_four_consonants() {
        for _ in 0..100 {
            let code = new_user_code().unwrap();
            let (first, second) = code.split_once('-').unwrap();
            assert_eq!((first.len(), second.len()), (4, 4), "{code}");
            assert!(
                first.bytes().chain(second.bytes()).all(|letter| USER_CODE_LETTERS.contains(&letter)),
                "{code}"
            );
        }
    }

    #[test]
    fn keys_differ_and_show_only_their_prefix() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 68);
        assert_eq!(visible_prefix(&one).len(), 12);
        assert_ne!(hash(&one), hash(&two));
    }
}
