//! The client id and the client secret, derived from the machine and the state folder.
//!
//! Deriving instead of drawing at random lets a client keep its id after the loss of its state, and lets `preview` show
//! the id before the first run.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::file_id;
use crate::exporter::environment::Environment;
use crate::{hex, short_hash};

/// Places of the machine id on Linux and the BSDs.
#[cfg(not(target_vendor = "apple"))]
const MACHINE_ID_FILES: [&str; 3] = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"];
/// Characters of a machine id, a UUID with or without hyphens; a shorter text says that there is none yet.
const MACHINE_ID_CHARS_MIN: usize = 32;

/// The machine, by the properties that distinguish it from others. A host name is none: it comes and goes with networks and
/// containers, and two machines can have one.
#[derive(Debug)]
pub(super) struct Machine {
    /// The system's machine id, long and secret enough to derive from; `None` if the system has none.
    pub(super) id: Option<String>,
    /// The file id of the state folder, which a copy of it on another machine does not have; by this a system without a
    /// machine id is known.
    pub(super) folder: Option<String>,
}

impl Machine {
    pub(super) fn find(environment: &Environment, folder: &Path) -> Machine {
        let id = environment.test_machine.clone().or_else(machine_id);
        let folder = if id.is_none() { file_id::of_path(folder).ok() } else { None };
        Machine { id, folder }
    }

    pub(super) fn fingerprint(&self) -> String {
        let key: &[u8] = if self.id.is_some() { b"han-sync machine" } else { b"han-sync folder" };
        let id = self.id.as_ref().or(self.folder.as_ref()).map_or("", String::as_str);
        short_hash::to_hex(short_hash::of_digest(&keyed(key, id.as_bytes())))
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

/// The system's machine id.
#[cfg(not(target_vendor = "apple"))]
fn machine_id() -> Option<String> {
    let texts = MACHINE_ID_FILES.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    texts.map(|text| text.trim().to_owned()).find(|text| text.len() >= MACHINE_ID_CHARS_MIN)
}

/// The system's machine id: the hardware's UUID.
#[cfg(target_vendor = "apple")]
#[expect(unsafe_code, reason = "neither the standard library nor rustix has a safe call")]
fn machine_id() -> Option<String> {
    let wait = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    let mut id = [0; 16];
    // SAFETY: the call fills the 16 bytes of a UUID, and `wait` is valid for the call.
    let status = unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const wait) };
    let id = (status == 0).then(|| hex::encode(&id));
    id.filter(|id| id.len() >= MACHINE_ID_CHARS_MIN && id.bytes().any(|digit| digit != b'0'))
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
        let machine = |id: &str| Machine { id: Some(id.repeat(32)), folder: None };
        let folder = Path::new("/state");
        assert_eq!(machine("a").client(folder), machine("a").client(folder));
        assert_ne!(machine("a").client(folder), machine("b").client(folder));
        assert_ne!(machine("a").client(folder), machine("a").client(Path::new("/other")));
    }

    #[test]
    fn system_without_a_machine_id_is_known_by_the_state_folder() {
        let machine = |folder: &str| Machine { id: None, folder: Some(folder.to_owned()) };
        assert_eq!(machine("1:2").fingerprint(), machine("1:2").fingerprint());
        assert_ne!(machine("1:2").fingerprint(), machine("1:3").fingerprint());
        assert_ne!(
            Machine { id: Some("1:2".to_owned()), folder: None }.fingerprint(),
            machine("1:2").fingerprint()
        );
    }
}
