//! Questions on a terminal. Where there is none, or where `--yes` is given, each has its answer already.

use std::io::{self, IsTerminal, Write};

use crate::exporter::error::{Error, ExitCode};
use crate::printable::printable;

/// The person at the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Questions {
    /// True if the person can be asked.
    pub(super) can_ask: bool,
    /// True if there is a terminal, whether questions are wanted or not.
    pub(super) is_terminal: bool,
}

impl Questions {
    /// The terminal of this process. `is_silent`: nothing is asked.
    pub(super) fn new(is_silent: bool) -> Questions {
        let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        Questions { can_ask: is_terminal && !is_silent, is_terminal }
    }

    /// Asks for a text until there is one that `parse` takes.
    pub(super) fn text<T>(
        &self,
        question: &str,
        parse: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let line = ask(question)?;
            if line.is_empty() {
                continue;
            }
            match parse(&line) {
                Ok(value) => return Ok(value),
                Err(error) => tell(&error.to_string()),
            }
        }
    }

    /// Asks for a yes or no; an empty line is the default, and so is the answer where nobody can be asked.
    pub(super) fn yes_or_no(&self, question: &str, default: bool) -> Result<bool, Error> {
        if !self.can_ask {
            return Ok(default);
        }
        let choice = if default { "[Y/n]" } else { "[y/N]" };
        loop {
            match ask(&format!("{question} {choice}"))?.to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => tell("write y or n"),
            }
        }
    }
}

/// Asks on stderr, because the result goes to stdout, and reads a line.
fn ask(question: &str) -> Result<String, Error> {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{} ", printable(question)).and_then(|()| stderr.flush());
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Ok(line.trim().to_owned()),
        _ => {
            tell("");
            let message =
                "the answers ended before the last question; han.yml was not changed: repeat han-sync init";
            Err(Error::new(ExitCode::Usage, message))
        }
    }
}

fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(text));
}
