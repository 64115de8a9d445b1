//! The filter that all content passes on its way into a batch: attachments are omitted, secrets redacted, home folders
//! replaced.
//!
//! It exists only where content may leave the machine.

use std::borrow::Cow;
use std::sync::Arc;

use crate::exporter::batch::attachment;
use crate::exporter::batch::home_paths::HomePaths;
use crate::exporter::batch::redact::{Counts, Redactor};
use crate::exporter::config::Config;
use crate::exporter::error::Error;

/// Filters content.
#[derive(Debug)]
pub struct ContentFilter {
    redactor: Redactor,
    homes: HomePaths,
    include_attachments: bool,
}

impl ContentFilter {
    /// The filter of a configuration; `None` if no content leaves the machine.
    pub fn of(config: &Config) -> Result<Option<Arc<ContentFilter>>, Error> {
        if !config.include_content.value {
            return Ok(None);
        }
        let redactor = Redactor::new(&config.redact_patterns)
            .map_err(|error| Error::configuration(format!("sync.{error}")))?;
        let homes = HomePaths::of_user(config.home.as_deref());
        let include_attachments = config.include_attachments;
        Ok(Some(Arc::new(ContentFilter { redactor, homes, include_attachments })))
    }

    /// Filters the raw JSON of a message; counts what it redacts.
    pub fn raw_json(&self, raw_json: &str, redactions: &mut Counts) -> String {
        let text = match self.include_attachments {
            true => Cow::Borrowed(raw_json),
            false => attachment::omit(raw_json),
        };
        self.text(&text, redactions)
    }

    /// Filters a text without attachments; counts what it redacts.
    pub fn text(&self, text: &str, redactions: &mut Counts) -> String {
        self.homes.replace(&self.redactor.redact(text, redactions)).into_owned()
    }
}
