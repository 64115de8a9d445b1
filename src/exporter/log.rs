//! Structured messages on stderr, as text for people or as one JSON object a line.
//!
//! Results go to stdout and are not logged. Keys, tokens and message bodies never come here.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::time;

/// What a message is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warning,
    Info,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        }
    }
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Writes a line to stderr. Nobody may be reading it any more, which is no reason to end.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Where messages go, and which.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Messages up to this level are written.
    pub level: Level,
    pub format: Format,
}

impl Log {
    pub fn error(&self, event: &str, message: &str) {
        self.write(Level::Error, event, message, &[]);
    }

    pub fn warning(&self, event: &str, message: &str) {
        self.write(Level::Warning, event, message, &[]);
    }

    /// An operation, with the figures that belong to it.
    pub fn info(&self, event: &str, message: &str, fields: &[(&str, Value)]) {
        self.write(Level::Info, event, message, fields);
    }

    fn write(&self, level: Level, event: &str, message: &str, fields: &[(&str, Value)]) {
        if level > self.level {
            return;
        }
        match self.format {
            Format::Text => {
                let prefix = if level == Level::Info { "" } else { level.as_str() };
                let separator = if prefix.is_empty() { "" } else { ": " };
                say(&format!("han-sync: {prefix}{separator}{message}"));
            }
            Format::Json => {
                let mut line = Map::new();
                line.insert("timestamp".into(), time::format(chrono::Utc::now()).into());
                line.insert("level".into(), level.as_str().into());
                line.insert("event".into(), event.into());
                line.insert("message".into(), message.into());
                for (name, value) in fields {
                    line.insert((*name).into(), value.clone());
                }
                say(&Value::Object(line).to_string());
            }
        }
    }
}
