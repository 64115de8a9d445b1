//! The process environment, read here and nowhere else.
//!
//! Everything else takes an `Environment`, so that one struct lists every variable that influences a run.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::exporter::error::Error;

/// The variables that this program knows. An empty variable counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `CLAUDE_CONFIG_DIR`.
    pub claude_config_dir: Option<PathBuf>,
    /// `HAN_DB`.
    pub han_db: Option<PathBuf>,
    /// `HAN_DATA_DIR`.
    pub han_data_dir: Option<PathBuf>,
    /// `HAN_SYNC_ENABLED`.
    pub enabled: Option<String>,
    /// `HAN_SYNC_ENDPOINT`.
    pub endpoint: Option<String>,
    /// `HAN_SYNC_API_KEY`.
    pub api_key: Option<String>,
    /// `HAN_SYNC_INTERVAL`.
    pub interval: Option<String>,
    /// `HAN_SYNC_BATCH_SIZE`.
    pub batch_size: Option<String>,
    /// Start of a simulated clock, RFC 3339 (for tests).
    pub test_now: Option<String>,
    /// Replacement of the machine id (for tests).
    pub test_machine: Option<String>,
}

impl Environment {
    /// Reads the variables of this process.
    pub fn from_process() -> Environment {
        let text = |name| present(name).map(|value| value.to_string_lossy().into_owned());
        let path = |name| present(name).map(PathBuf::from);
        Environment {
            home: path("HOME").or_else(|| path("USERPROFILE")),
            claude_config_dir: path("CLAUDE_CONFIG_DIR"),
            han_db: path("HAN_DB"),
            han_data_dir: path("HAN_DATA_DIR"),
            enabled: text("HAN_SYNC_ENABLED"),
            endpoint: text("HAN_SYNC_ENDPOINT"),
            api_key: text("HAN_SYNC_API_KEY"),
            interval: text("HAN_SYNC_INTERVAL"),
            batch_size: text("HAN_SYNC_BATCH_SIZE"),
            test_now: text("HAN_SYNC_TEST_NOW"),
            test_machine: text("HAN_SYNC_TEST_MACHINE"),
        }
    }

    /// Claude's configuration folder: `$CLAUDE_CONFIG_DIR`, else `~/.claude`.
    pub fn claude_folder(&self) -> Result<PathBuf, Error> {
        if let Some(folder) = &self.claude_config_dir {
            return Ok(folder.clone());
        }
        Ok(self.home("the state folder", "CLAUDE_CONFIG_DIR")?.join(".claude"))
    }

    /// The state folder: `$CLAUDE_CONFIG_DIR/han`, else `~/.claude/han`.
    pub fn state_folder(&self) -> Result<PathBuf, Error> {
        Ok(self.claude_folder()?.join("han"))
    }

    /// The source database if no flag names one.
    pub fn source_database(&self) -> Result<PathBuf, Error> {
        if let Some(path) = &self.han_db {
            return Ok(path.clone());
        }
        if let Some(folder) = &self.han_data_dir {
            return Ok(folder.join("han.db"));
        }
        Ok(self.home("han's database", "HAN_DB")?.join(".han").join("han.db"))
    }

    /// Expands a leading `~/`, and resolves a relative path against `base`.
    pub fn expand(&self, path: &str, base: &Path) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => base.join(path),
        }
    }

    fn home(&self, what: &str, instead: &str) -> Result<&PathBuf, Error> {
        self.home.as_ref().ok_or_else(|| {
            Error::configuration(format!("cannot locate {what}: HOME is not set; set HOME or {instead}"))
        })
    }
}

fn present(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
