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
        if !text.is_empty() {
            // A closed pipe is no error: the reader, such as `head`, has read enough.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
        Ok(())
    }

    /// Prints a list: as a JSON array, or as lines with a tab between columns.
    pub fn print_table<T: Serialize, const COLUMNS: usize>(
        &self,
        rows: &[T],
        columns: impl Fn(&T) -> [String; COLUMNS],
    ) -> Result<(), CliError> {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| columns(row).map(|cell| printable(&cell).into_owned()).join("\t"))
            .collect();
        self.print(&rows, &lines.join("\n"))
    }
}
