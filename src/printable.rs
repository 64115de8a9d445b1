//! Foreign text on a terminal: names, codes and messages that another program, a colleague or a cloned repository chose.
//!
//! Such a text can move the cursor, forge a line, or reverse the reading order. Everything for people, and every text log
//! line, goes through [`printable`]; JSON documents have escapes of their own.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes what a terminal obeys or does not show: line breaks and other control characters, bidirectional controls,
/// zero-width and other ignorable characters. An escaped text stays as it is when it is escaped again.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            _ if is_escaped(character) => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// Escapes each line of a text of several lines, whose line breaks are the program's own.
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<Cow<str>> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// True for control characters, Unicode's line separators, and its `Default_Ignorable_Code_Point`, in which the
/// bidirectional controls are.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_terminal_obeys_or_hides_is_escaped() {
        for (text, expected) in [
            ("\x1b[31mred\x1b]0;title\x07", "\\u{1b}[31mred\\u{1b}]0;title\\u{7}"),
            ("one\r\ntwo\t", "one\\r\\ntwo\\t"),
            ("\u{9b}2J\u{7f}\u{0}", "\\u{9b}2J\\u{7f}\\u{0}"),
            ("user\u{202e}gpj.exe\u{2066}", "user\\u{202e}gpj.exe\\u{2066}"),
            ("ac\u{200b}me\u{feff}\u{200d}", "ac\\u{200b}me\\u{feff}\\u{200d}"),
            ("a\u{2028}b\u{ad}c\u{e0041}", "a\\u{2028}b\\u{ad}c\\u{e0041}"),
        ] {
            assert_eq!(printable(text), expected);
            assert_eq!(printable(&printable(text)), expected);
        }
    }

    #[test]
    fn letters_of_every_script_stay() {
        let text = "naïve Ärger 日本語 עברית عربي 🙂 \\n {x}";
        assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        assert_eq!(printable_lines("a\nb\x1b\n"), "a\nb\\u{1b}\n");
    }
}
