//! `install.json`: the record of what an installation wrote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::json_text::TextEdit;
use super::scheduler::Scheduler;
use crate::exporter::error::Error;
use crate::exporter::state::atomic_file::{self, Loaded, Versioned};
use crate::time;

const VERSION: u32 = 1;
const NAME: &str = "install.json";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallRecord {
    version: u32,
    /// Time of the first installation.
    #[serde(with = "time::optional")]
    pub installed_at: Option<DateTime<Utc>>,
    /// Scheduler of the schedule; `None` where only hooks were installed.
    pub scheduler: Option<Scheduler>,
    /// Files of the schedule.
    pub(super) files: Vec<PathBuf>,
    /// Manifests of plugins.
    #[serde(default)]
    pub(super) manifests: Vec<PathBuf>,
    /// Links that enable a unit.
    pub(super) links: Vec<PathBuf>,
    /// Folders that did not exist, the outermost first.
    pub(super) folders: Vec<PathBuf>,
    /// True if the user had a crontab before.
    pub(super) had_crontab: bool,
    /// Files with the hooks.
    pub(super) hooks: Vec<HookRecord>,
}

/// The hooks in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HookRecord {
    pub(super) path: PathBuf,
    /// Command of the hooks.
    pub(super) command: String,
    /// True if the file did not exist.
    pub(super) is_new: bool,
    /// Edits that added the hooks.
    pub(super) edits: Vec<TextEdit>,
}

impl Versioned for InstallRecord {
    const MEMBERS: &[&str] = &["scheduler", "hooks"];

    fn version(&self) -> u32 {
        self.version
    }

    fn decode(document: &Arc<String>) -> serde_json::Result<InstallRecord> {
        serde_json::from_str(document)
    }
}

impl InstallRecord {
    /// Path of the record in the state folder.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Reads the record; `None` where there is none that can be read.
    ///
    /// # Errors
    /// A newer format version, or a file that may not be opened.
    pub fn load(folder: &Path) -> Result<Option<InstallRecord>, Error> {
        match atomic_file::load::<InstallRecord>(&InstallRecord::path(folder), VERSION)? {
            Loaded::Found(record) => Ok(Some(record)),
            Loaded::Missing | Loaded::Corrupt(_) | Loaded::Foreign => Ok(None),
        }
    }

    /// Replaces the record atomically.
    pub(super) fn save(&self, folder: &Path) -> Result<(), Error> {
        atomic_file::create_private_folder(folder)?;
        atomic_file::replace(
            &InstallRecord::path(folder),
            &InstallRecord { version: VERSION, ..self.clone() },
        )
    }

    /// The record of a file's hooks.
    pub(super) fn hooks_in(&self, path: &Path) -> Option<&HookRecord> {
        self.hooks.iter().find(|hooks| hooks.path == path)
    }
}
