//! Standard output of a command: one JSON document, or text for people.

/// The terminal on stdout.
pub mod terminal;

use std::io::{self, StdoutLock, Write};

use serde::Serialize;

use crate::exporter::log::write_stderr;
use crate::printable::{printable, printable_lines};

/// The writer of results.
#[derive(Debug)]
pub struct Output<'a> {
    /// True if the result is a JSON document.
    pub json: bool,
    quiet: bool,
    /// True once writing has failed.
    closed: bool,
    stdout: StdoutLock<'a>,
}

impl Output<'_> {
    /// Locks stdout for the results of a command.
    pub fn stdout(json: bool, quiet: bool) -> Output<'static> {
        Output { json, quiet, closed: false, stdout: io::stdout().lock() }
    }

    /// True if lines for people are not written: with `--json` or `--quiet`.
    pub fn is_silent(&self) -> bool {
        self.json || self.quiet
    }

    /// True once the reader has closed the pipe, or writing has failed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes a JSON document.
    pub fn json<T: Serialize>(&mut self, document: &T) {
        if let Ok(mut text) = serde_json::to_string(document) {
            text.push('\n');
            self.raw(&text);
        }
    }

    /// Writes a part of a JSON document, or other text without foreign parts, as it is.
    pub fn raw(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes text of several lines for people, each line escaped. Foreign text that could hold a line break has been
    /// escaped before.
    pub fn text(&mut self, text: &str) {
        self.raw(&printable_lines(text));
    }

    /// Writes bytes as they are. A reader that closes the pipe is no error; any other failure is reported once.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let Err(error) = self.stdout.write_all(bytes).and_then(|()| self.stdout.flush()) else { return };
        if !self.closed && error.kind() != io::ErrorKind::BrokenPipe {
            write_stderr(&format!(
                "han-sync: error: cannot write the result to stdout: {error}; the exit code is still valid"
            ));
        }
        self.closed = true;
    }

    /// Writes a line for people, unless `--quiet` is given.
    pub fn line(&mut self, line: &str) {
        if !self.quiet {
            self.raw(&format!("{}\n", printable(line)));
        }
    }
}
