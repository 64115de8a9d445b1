//! Results on stdout: text for people, or one JSON document with `--json`.

use super::exit::CliError;
use crate::printable::{printable, printable_lines};
use serde::Serialize;
use std::io::Write;

/// Format of the results.
pub struct ResultOutput {
    json: bool,
}

impl ResultOutput {
    /// Chooses JSON if `json` is true, else text.
    pub fn new(json: bool) -> ResultOutput {
        ResultOutput { json }
    }

    /// Prints a result in the chosen format, text with each line escaped. An empty text prints nothing.
    pub fn print(&self, json: &impl Serialize, text: &str) -> Result<(), CliError> {
        let text = if self.json {
            serde_json::to_string_pretty(json)
                .map_err(|error| CliError::Internal(format!("the result cannot be serialized: {error}")))?
        } else {
            printable_lines(text)
        };
        write_line(&text);
        Ok(())
    }

    /// Prints a list: as a JSON array, or as lines with a tab between columns.
    pub fn print_table<T: Serialize, const COLUMNS: usize>(
        &self,
        rows: &[T],
        columns: impl Fn(&T) -> [String; COLUMNS],
    ) -> Result<(), CliError> {
        if self.json {
            return self.print(&rows, "");
        }
        // Each cell is escaped by itself, so that the tabs between them stay.
        for row in rows {
            write_line(&columns(row).map(|cell| printable(&cell).into_owned()).join("\t"));
        }
        Ok(())
    }
}

/// Prints a warning to stderr, escaped.
pub fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {}", printable(text));
}

/// Writes a line to stdout, unless it is empty. A closed pipe is no error: the reader, such as `head`, has read enough.
fn write_line(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}
