//! What a run that left nothing to send writes down for the next one, at the beginning of the file.

use std::ops::Range;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::exporter::environment::Environment;
use crate::exporter::state::atomic_file;
use crate::exporter::state::client_id::{Machine, fingerprint};
use crate::exporter::state::{SourceMark, State, VERSION, lines};

/// What tells a later run that there is nothing to do, or how little, without the rest of the state: how everything was
/// when nothing was left to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdleSnapshot {
    /// The destination to which nothing was left to send.
    pub endpoint: String,
    pub key_fingerprint: String,
    /// The last answer of the receiver, and the endpoint's next retry where it is in trouble.
    #[serde(with = "crate::time::optional")]
    pub last_contact_at: Option<DateTime<Utc>>,
    #[serde(with = "crate::time::optional")]
    pub next_retry_at: Option<DateTime<Utc>>,
    /// Stands for the settings that decide what is sent.
    pub settings: String,
    /// Size and times of the database's files, where they tell of every change; unchanged files need no look inside.
    pub files: Option<String>,
    pub source: SourceMark,
    pub overview: SourceFingerprint,
}

/// What of the source decides about its sessions, beside their messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFingerprint {
    /// Stands for every session, project and repository.
    pub sessions: u64,
    /// Stands for every task.
    pub tasks: u64,
    /// The folders in which narrowings were looked for.
    pub folders: Vec<String>,
}

/// The beginning of the file, which is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateHeader {
    pub version: u32,
    pub client_id: String,
    pub client_secret: String,
    pub machine: String,
    #[serde(default)]
    pub file: Option<String>,
    pub quiet: Option<IdleSnapshot>,
    /// What the base was written as, which holds whatever of the regions is not in this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<String>,
    /// Bytes that follow.
    pub(super) rest_bytes: u64,
    /// Where in them the lines of the known repositories stand, and then those of each destination's sessions.
    pub(super) regions: Vec<Range<u64>>,
}

impl StateHeader {
    /// The beginning of the state's file, if it is this machine's and this program can go by it. Whatever is odd is for
    /// [`State::load`] to find out.
    pub fn load(folder: &Path, environment: &Environment) -> Option<StateHeader> {
        let path = State::path(folder);
        let beginning = lines::beginning(&path)?;
        let is_ours = beginning.version == VERSION && beginning.machine == Machine::find(environment).mark();
        let file = atomic_file::identity(&std::fs::metadata(&path).ok()?);
        (is_ours && beginning.file == Some(file)).then_some(beginning)
    }

    /// Whether as much follows in a file of so many bytes as this says. `rest`: where it begins.
    pub(super) fn is_followed(&self, bytes: u64, rest: u64) -> bool {
        bytes.checked_sub(rest) == Some(self.rest_bytes)
    }

    /// Stands for a key without telling it.
    pub fn fingerprint(&self, key: &str) -> String {
        fingerprint(&self.client_secret, key)
    }
}
