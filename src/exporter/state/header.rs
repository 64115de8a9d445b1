//! The header of `sync-state.json`: its first line, which is all that a run with nothing to do reads.
//!
//! The header states size and hash of what follows it, so that a truncated file is never trusted. Anything unusual yields no
//! header; reading the whole file then reports what is wrong.

use std::hash::Hasher;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::atomic_file;
use super::client_id::{Machine, fingerprint};
use super::file_id;
use super::json_number::hash_text;
use super::source_position::{SourceFingerprint, SourcePosition};
use crate::exporter::environment::Environment;
use crate::time;

/// The format version of the file.
pub(super) const VERSION: u32 = 2;
const NAME: &str = "sync-state.json";
/// Ends the header: the separator of its last member from the next one, and a line break.
const END: &[u8] = b",\n";
/// The header is a few kilobytes, most of them folders of projects.
const HEADER_BYTES_MAX: u64 = 1 << 20;
/// Former clients: more machines than a folder has.
const FORMER_CLIENTS_MAX: usize = 16;

/// Returns the path of the state file.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// The client that the state folder had on another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerClient {
    /// Fingerprint of the machine.
    pub machine: String,
    /// Id of the client.
    pub client_id: String,
    /// Secret of the client.
    pub client_secret: String,
}

/// The first members of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateHeader {
    /// Format version of the state.
    pub version: u32,
    /// Id of the client.
    pub client_id: String,
    /// Secret of the client, for keyed hashes.
    pub client_secret: String,
    /// Fingerprint of the machine.
    pub machine: String,
    /// Clients of the machines that the folder was on before, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_clients: Vec<FormerClient>,
    /// Id of the file that the header was written to; in a copy of the file it differs.
    #[serde(default)]
    pub file: Option<String>,
    /// Snapshot that lets an idle run end early.
    #[serde(default)]
    pub idle: Option<IdleSnapshot>,
    /// Size and hash of what follows the header; absent in a file that another program wrote.
    #[serde(default)]
    pub rest: Option<RestOfFile>,
}

/// Size and hash of everything after the header: a file that agrees is as this program wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestOfFile {
    bytes: u64,
    /// Finds changes by accident and by other programs; it is no protection against forgery.
    #[serde(with = "hash_text")]
    hash: u64,
}

impl RestOfFile {
    pub(super) fn of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> RestOfFile {
        let (mut bytes, mut hasher) = (0, XxHash3_64::new());
        for part in parts {
            bytes += part.len() as u64;
            hasher.write(part);
        }
        RestOfFile { bytes, hash: hasher.finish() }
    }
}

impl StateHeader {
    /// Reads the header of this machine's state file; `None` if the file has to be read whole.
    pub fn load(folder: &Path, environment: &Environment) -> Option<StateHeader> {
        let (mut file, metadata) = atomic_file::open_regular(&path(folder)).ok()??;
        let mut line = Vec::new();
        BufReader::new(&mut file).take(HEADER_BYTES_MAX).read_until(b'\n', &mut line).ok()?;
        let header = StateHeader::decode(&line)?;
        let is_whole = header.rest.map(|rest| rest.bytes) == metadata.len().checked_sub(line.len() as u64);
        let is_current = header.version == VERSION
            && header.machine == Machine::find(environment, folder).fingerprint()
            && header.file == file_id::of_file(&file).ok();
        (is_whole && is_current).then_some(header)
    }

    /// Decodes the first line of the file, with its line break.
    pub(super) fn decode(line: &[u8]) -> Option<StateHeader> {
        serde_json::from_slice(&[line.strip_suffix(END)?, b"}"].concat()).ok()
    }

    /// Takes the client id and secret that this machine had before, else new ones. Keeps those of the machine so far: a
    /// folder that goes back and forth has one client for each of its machines.
    pub(super) fn change_machine(&mut self, machine: String, new_client: impl FnOnce() -> (String, String)) {
        let former = self.former_clients.iter().position(|former| former.machine == machine);
        let former = former.map(|index| self.former_clients.remove(index));
        let (client_id, client_secret) =
            former.map_or_else(new_client, |former| (former.client_id, former.client_secret));
        self.former_clients.push(FormerClient {
            machine: std::mem::replace(&mut self.machine, machine),
            client_id: std::mem::replace(&mut self.client_id, client_id),
            client_secret: std::mem::replace(&mut self.client_secret, client_secret),
        });
        let surplus = self.former_clients.len().saturating_sub(FORMER_CLIENTS_MAX);
        self.former_clients.drain(..surplus);
    }

    /// Encodes the header as the beginning of a JSON object that `rest` ends.
    pub(super) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.pop();
        line.extend_from_slice(END);
        Ok(line)
    }

    /// Returns the fingerprint of an API key, which reveals nothing of the key.
    pub fn fingerprint(&self, api_key: &str) -> String {
        fingerprint(&self.client_secret, api_key)
    }
}

/// A snapshot of source and settings, taken by a run that left nothing to send; a later run compares it to find out
/// that nothing, or how little, has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdleSnapshot {
    /// The destination to which nothing was left to send.
    pub endpoint: String,
    /// Hash of the API key.
    pub key_fingerprint: String,
    /// The last response of the receiver, and the next retry of an endpoint in backoff.
    #[serde(with = "time::optional")]
    pub last_contact_at: Option<DateTime<Utc>>,
    /// Time of the next retry.
    #[serde(with = "time::optional")]
    pub next_retry_at: Option<DateTime<Utc>>,
    /// Time from which on a run that has something to send scans everything, to check stored sessions.
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub check_at: Option<DateTime<Utc>>,
    /// Fingerprint of the settings that decide what is sent.
    pub settings: String,
    /// Sizes and times of the database's files, if these reveal every change; equal ones need no read of the database.
    pub files: Option<String>,
    /// Watermark and sampled rows of the source.
    pub source: SourcePosition,
    /// Fingerprint of everything but the messages.
    pub fingerprint: SourceFingerprint,
}
