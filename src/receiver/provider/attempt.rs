//! Secrets of one sign-in: state, nonce and PKCE verifier, each derived from a secret that only the browser's cookie holds.
//! So the sign-in ends in the browser in which it began, at any receiver, and receivers keep nothing of it.

use crate::hex;
use crate::receiver::keys;
use sha2::{Digest, Sha256};

/// Characters of the secret.
const SECRET_CHARS: usize = 64;

/// A sign-in that has begun.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInAttempt {
    secret: String,
    /// Path of the page to go to after it.
    pub next: String,
}

impl SignInAttempt {
    /// Begins.
    pub fn begin(next: &str) -> Result<SignInAttempt, getrandom::Error> {
        Ok(SignInAttempt { secret: keys::new_session_secret()?, next: next.to_owned() })
    }

    /// Reads the value of the cookie.
    pub fn parse(cookie: &str) -> Option<SignInAttempt> {
        let (secret, next) = cookie.split_once('.')?;
        let is_secret = secret.len() == SECRET_CHARS && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_secret.then(|| SignInAttempt { secret: secret.to_owned(), next: next.to_owned() })
    }

    /// Value of the cookie, of at most so many bytes; a path for which there is no room, or that a cookie cannot hold, is left
    /// out.
    pub fn cookie(&self, bytes_max: usize) -> String {
        let is_possible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
        let fits = self.next.bytes().all(is_possible) && SECRET_CHARS + 1 + self.next.len() <= bytes_max;
        format!("{}.{}", self.secret, if fits { &self.next } else { "" })
    }

    /// Parameter `state`, which the provider sends back.
    pub fn state(&self) -> String {
        self.derive("state")
    }

    /// Value that the ID token has to repeat.
    pub fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// Secret whose hash the provider is told first (PKCE).
    pub fn verifier(&self) -> String {
        self.derive("verifier")
    }

    /// True for the state of this sign-in.
    pub fn has_state(&self, state: &str) -> bool {
        // Compared by hash, so that the time tells nothing.
        keys::hash(state) == keys::hash(&self.state())
    }

    fn derive(&self, purpose: &str) -> String {
        hex::encode(&Sha256::digest(format!("{purpose} of the sign-in {}", self.secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_those_of_the_cookie_and_none_is_another() {
        let attempt = SignInAttempt::begin("/sessions?user=a").unwrap();
        let read = SignInAttempt::parse(&attempt.cookie(256)).unwrap();
        assert!(read == attempt && read.has_state(&attempt.state()));
        let secrets = [attempt.state(), attempt.nonce(), attempt.verifier(), attempt.secret.clone()];
        let other = SignInAttempt::begin("/").unwrap();
        assert!(!other.has_state(&attempt.state()));
        for (index, secret) in secrets.iter().enumerate() {
            assert!(!secrets[..index].contains(secret));
            // PKCE: 43 to 128 unreserved characters.
            assert_eq!(secret.len(), 64);
        }
    }

    #[test]
    fn path_that_a_cookie_cannot_hold_is_left_out() {
        for next in ["/a;b", "/a,b", "/ä", "/a b", &format!("/{}", "x".repeat(300))] {
            let attempt = SignInAttempt::begin(next).unwrap();
            assert_eq!(SignInAttempt::parse(&attempt.cookie(256)).unwrap().next, "", "{next}");
        }
        for cookie in ["", ".", "abc./", &"0".repeat(64), &format!("{}./", "z".repeat(64))] {
            assert!(SignInAttempt::parse(cookie).is_none(), "{cookie}");
        }
    }
}
