//! Structured messages on stderr, as text for people or as one JSON object a line.
//!
//! Results go to stdout and are not logged. Keys, tokens and message bodies are never logged.

/// `sync.log`.
pub mod sync_log;
/// Progress on a terminal.
pub mod progress_line;

use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value};

use crate::printable::printable;
use crate::time;

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Needs action.
    Error,
    /// May need action.
    Warning,
    /// Progress, with `--verbose`.
    Info,
}

impl LogLevel {
    fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warning => "warning",
            LogLevel::Info => "info",
        }
    }
}

/// The format of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines of text.
    Text,
    /// JSON objects, each on a line.
    Json,
}

/// Writes a line to stderr as it is. A closed stderr is no reason to end.
pub fn write_stderr(line: &str) {
    progress_line::above(|| {
        let _ = writeln!(io::stderr(), "{line}");
    });
}

/// Writes a question to stderr, so that the answer stands on its line.
pub fn prompt_stderr(question: &str) {
    progress_line::above(|| {
        let mut stderr = io::stderr();
        let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    });
}

/// A logger to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Logger {
    /// Highest level that is written.
    pub level: LogLevel,
    /// Format of events.
    pub format: LogFormat,
}

impl Logger {
    /// True if a person reads the messages: on a terminal, as text, and without `--quiet`.
    pub fn has_reader(&self) -> bool {
        self.level > LogLevel::Error && self.format == LogFormat::Text && io::stderr().is_terminal()
    }

    /// Logs an error.
    pub fn error(&self, event: &str, message: &str) {
        self.write(LogLevel::Error, event, message, &[]);
    }

    /// Logs a warning.
    pub fn warn(&self, event: &str, message: &str) {
        self.write(LogLevel::Warning, event, message, &[]);
    }

    /// Logs an operation with its figures.
    pub fn info(&self, event: &str, message: &str, fields: &[(&str, Value)]) {
        self.write(LogLevel::Info, event, message, fields);
    }

    fn write(&self, level: LogLevel, event: &str, message: &str, fields: &[(&str, Value)]) {
        if level > self.level {
            return;
        }
        match self.format {
            LogFormat::Text => {
                let prefix = if level == LogLevel::Info { "" } else { level.as_str() };
                let separator = if prefix.is_empty() { "" } else { ": " };
                write_stderr(&format!("han-sync: {prefix}{separator}{}", printable(message)));
            }
            LogFormat::Json => {
                let mut record = Map::new();
                record.insert("timestamp".into(), time::format(chrono::Utc::now()).into());
                record.insert("level".into(), level.as_str().into());
                record.insert("event".into(), event.into());
                record.insert("message".into(), message.into());
                for (name, value) in fields {
                    record.insert((*name).into(), value.clone());
                }
                write_stderr(&Value::Object(record).to_string());
            }
        }
    }
}
