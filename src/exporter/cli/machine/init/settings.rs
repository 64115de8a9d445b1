//! The `han.yml` that `init` writes: which text it has now, and whether it can take the settings.

use std::path::PathBuf;

use crate::exporter::config::editor::{self, KeyEdit};
use crate::exporter::config::small_file;
use crate::exporter::context::Context;
use crate::exporter::error::Error;

/// The settings to write.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) endpoint: String,
    pub(super) include_content: bool,
    /// Accounts to add.
    pub(super) accounts: Vec<String>,
    /// Owners of organizations to add.
    pub(super) organizations: Vec<String>,
}

impl Settings {
    fn edits(&self) -> Vec<(&'static str, KeyEdit<'_>)> {
        let mut edits = vec![
            ("enabled", KeyEdit::Switch(true)),
            ("endpoint", KeyEdit::Text(&self.endpoint)),
            ("includeContent", KeyEdit::Switch(self.include_content)),
        ];
        edits.extend(self.accounts.iter().map(|account| ("accounts", KeyEdit::Add(account))));
        edits.extend(self.organizations.iter().map(|owner| ("organizations", KeyEdit::Add(owner))));
        edits
    }

    /// The section as a person would write it.
    fn lines(&self) -> String {
        // An empty text takes every edit.
        editor::edited("", &self.edits()).ok().flatten().unwrap_or_default()
    }
}

/// The configuration file before the edits.
#[derive(Debug)]
pub(super) struct SettingsFile {
    pub(super) path: PathBuf,
    text: String,
    /// The reason why the file must not be replaced.
    obstacle: Option<String>,
}

impl SettingsFile {
    /// Reads the file of the configuration.
    pub(super) fn read(context: &Context) -> Result<SettingsFile, Error> {
        let path = context.config.file.clone();
        if path.as_os_str().is_empty() {
            return Err(Error::configuration(
                "cannot locate han.yml: HOME is not set; set HOME, or name the file by --config",
            ));
        }
        let (text, obstacle) = match small_file::read_replaceable(&path) {
            Ok(text) => (text.unwrap_or_default(), None),
            // What is there may hold the settings already.
            Err(obstacle) => (small_file::read(&path).unwrap_or_default(), Some(obstacle)),
        };
        Ok(SettingsFile { path, text, obstacle })
    }

    /// The text with the settings; `None` if the file has them.
    ///
    /// # Errors
    /// A configuration error that says why the file is left alone, and what to write into it.
    pub(super) fn with(&self, settings: &Settings) -> Result<Option<String>, Error> {
        let edited = editor::edited(&self.text, &settings.edits());
        match (edited, &self.obstacle) {
            (Ok(None), _) => Ok(None),
            (Ok(edited), None) => Ok(edited),
            (Ok(Some(_)), Some(obstacle)) => Err(self.explained(obstacle, settings)),
            (Err(reason), _) => Err(self.explained(&format!("is left alone: {reason}"), settings)),
        }
    }

    fn explained(&self, reason: &str, settings: &Settings) -> Error {
        Error::configuration(format!(
            "{} {reason}; it was not changed: write these settings into it yourself, then repeat han-sync init\n{}",
            self.path.display(),
            settings.lines().trim_end()
        ))
    }

    /// Replaces the file.
    pub(super) fn write(&self, text: &str) -> Result<(), Error> {
        editor::replace(&self.path, text).map_err(|error| {
            Error::configuration(format!("{} cannot be written: {error}", self.path.display()))
        })
    }
}
