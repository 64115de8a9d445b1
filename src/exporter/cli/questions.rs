//! Questions to a person at a terminal. They go to stderr, because the result goes to stdout.

use std::io::{self, IsTerminal};

use crate::exporter::error::Error;
use crate::exporter::log::{prompt_stderr, write_stderr};
use crate::printable::printable;

/// The person at the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Questions {
    /// True if the person can be asked.
    pub(super) can_ask: bool,
}

impl Questions {
    /// The terminal of this process. `is_silent`: nothing is asked.
    pub(super) fn new(is_silent: bool) -> Questions {
        Questions { can_ask: !is_silent && io::stdin().is_terminal() && io::stderr().is_terminal() }
    }

    /// Asks for a text until there is one that `parse` takes; `None` if the answers end before.
    pub(super) fn text<T>(&self, question: &str, parse: impl Fn(&str) -> Result<T, Error>) -> Option<T> {
        loop {
            let line = ask(question)?;
            if line.is_empty() {
                continue;
            }
            match parse(&line) {
                Ok(value) => return Some(value),
                Err(error) => write_stderr(&printable(&error.to_string())),
            }
        }
    }

    /// Asks for a yes or no; an empty line is the default, and so is the answer where nobody can be asked. `None` if the
    /// answers end before.
    pub(super) fn yes_or_no(&self, question: &str, default: bool) -> Option<bool> {
        if !self.can_ask {
            return Some(default);
        }
        let choice = if default { "[Y/n]" } else { "[y/N]" };
        loop {
            match ask(&format!("{question} {choice}"))?.to_lowercase().as_str() {
                "" => return Some(default),
                "y" | "yes" => return Some(true),
                "n" | "no" => return Some(false),
                _ => write_stderr("write y or n"),
            }
        }
    }
}

/// Asks, and reads a line; `None` at the end of the input, as after Ctrl-D.
fn ask(question: &str) -> Option<String> {
    prompt_stderr(&format!("{} ", printable(question)));
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Some(line.trim().to_owned()),
        _ => {
            write_stderr("");
            None
        }
    }
}
