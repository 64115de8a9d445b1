//! The terminal on stdout: its width, and colours where they are wanted.

use std::io::{self, IsTerminal};

use crate::exporter::environment::Environment;

/// Columns below which wrapping helps nobody.
const COLUMNS_MIN: usize = 20;
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// Properties of the terminal; those of a pipe where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Columns; `None` for lines of any length.
    columns: Option<usize>,
    has_colors: bool,
}

/// The colour of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Good.
    Green,
    /// Needs a look.
    Yellow,
    /// Needs to be mended.
    Red,
}

impl Terminal {
    /// The terminal on stdout.
    pub fn stdout(environment: &Environment) -> Terminal {
        if !io::stdout().is_terminal() {
            return Terminal::default();
        }
        let is_dumb = environment.term.as_deref().is_none_or(|term| term == "dumb");
        Terminal {
            columns: Some(columns().unwrap_or(80).max(COLUMNS_MIN)),
            has_colors: !environment.no_color && !is_dumb,
        }
    }

    /// A text in a colour, where colours are wanted.
    pub fn paint(&self, color: Color, text: &str) -> String {
        if !self.has_colors {
            return text.to_owned();
        }
        let start = match color {
            Color::Green => GREEN,
            Color::Yellow => YELLOW,
            Color::Red => RED,
        };
        format!("{start}{text}{RESET}")
    }

    /// Breaks a line between words where the terminal would break it anywhere; further lines are indented. The first
    /// `hidden` bytes take no column.
    pub fn wrap(&self, line: &str, indent: &str, hidden: usize) -> String {
        let Some(columns) = self.columns else { return line.to_owned() };
        let (mut wrapped, mut width) = (String::new(), 0_usize);
        for (nth, word) in line.split(' ').enumerate() {
            let word_width = word.chars().count();
            let limit = if wrapped.contains('\n') { columns } else { columns + hidden };
            if nth > 0 && width + 1 + word_width > limit && width > indent.len() {
                wrapped.push('\n');
                wrapped.push_str(indent);
                width = indent.len();
            } else if nth > 0 {
                wrapped.push(' ');
                width += 1;
            }
            wrapped.push_str(word);
            width += word_width;
        }
        wrapped
    }
}

/// Columns of the terminal on stdout.
fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(size.ws_col.into()).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_for_a_terminal_alone() {
        let line = "one two three four five six";
        assert_eq!(Terminal::default().wrap(line, "  ", 0), line);
        let narrow = Terminal { columns: Some(13), has_colors: false };
        assert_eq!(narrow.wrap(line, "  ", 0), "one two three\n  four five\n  six");
        assert_eq!(
            narrow.wrap("a-word-that-is-longer-than-a-line b", "  ", 0),
            "a-word-that-is-longer-than-a-line\n  b"
        );
        assert_eq!(narrow.paint(Color::Red, "x"), "x");
        assert_eq!(Terminal { has_colors: true, ..narrow }.paint(Color::Red, "x"), "\x1b[31mx\x1b[0m");
    }
}
