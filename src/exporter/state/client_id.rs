//! The client id and the client secret, derived from the machine and the state folder.
//!
//! Deriving instead of drawing at random lets a client keep its id after the loss of its state, and lets `preview` show
//! the id before the first run.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::exporter::environment::Environment;
use crate::{hex, short_hash};

/// The machine, by the properties that distinguish it from others.
#[derive(Debug)]
pub(super) struct Machine {
    /// The system's machine id, long and secret enough to derive from; `None` if the system has none.
    pub(super) id: Option<String>,
    pub(super) name: String,
}

impl Machine {
    pub(super) fn find(environment: &Environment) -> Machine {
        if let Some(id) = &environment.test_machine {
            return Machine { id: Some(id.clone()), name: id.clone() };
        }
        let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .iter()
            .filter_map(|path| std::fs::read_to_string(path).ok())
            .map(|text| text.trim().to_owned())
            .find(|text| text.len() >= 32);
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Machine { id, name }
    }

    pub(super) fn fingerprint(&self) -> String {
        let id = self.id.as_ref().unwrap_or(&self.name);
        short_hash::to_hex(short_hash::of_digest(&keyed(b"han-sync machine", id.as_bytes())))
    }

    /// Returns client id and secret for a state folder: derived from the machine id, or random on a system without one.
    pub(super) fn client(&self, folder: &Path) -> (String, String) {
        let derive = |purpose: &str| match &self.id {
            Some(id) => keyed(id.as_bytes(), format!("han-sync {purpose}\n{}", folder.display()).as_bytes()),
            None => {
                Sha256::digest([Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat()).into()
            }
        };
        let mut id = [0; 16];
        id.copy_from_slice(&derive("client id")[..16]);
        (uuid::Builder::from_random_bytes(id).into_uuid().to_string(), hex::encode(&derive("client secret")))
    }
}

pub(super) fn fingerprint(secret: &str, key: &str) -> String {
    short_hash::to_hex(short_hash::of_digest(&keyed(secret.as_bytes(), key.as_bytes())))
}

fn keyed(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_is_the_same_for_the_same_machine_and_folder_only() {
        let machine = |id: &str| Machine { id: Some(id.repeat(32)), name: "n".into() };
        let folder = Path::new("/state");
        assert_eq!(machine("a").client(folder), machine("a").client(folder));
        assert_ne!(machine("a").client(folder), machine("b").client(folder));
        assert_ne!(machine("a").client(folder), machine("a").client(Path::new("/other")));
    }
}
