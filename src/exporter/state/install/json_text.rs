//! JSON text with positions: edits of a file that others write, too, which leave every other byte as it is.
//!
//! A parsed value knows its place in the text. An edit inserts a member or an element in the style of its surroundings, or
//! removes one together with its separator; it never serializes what was there before.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Indentation of a text that shows none.
const INDENT_DEFAULT: &str = "  ";

/// A value, with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonNode {
    /// Position of the first byte.
    pub(super) start: usize,
    /// Position after the last byte.
    pub(super) end: usize,
    pub(super) kind: JsonKind,
}

/// The kind of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum JsonKind {
    Object(Vec<JsonMember>),
    Array(Vec<JsonNode>),
    Text(String),
    Other,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonMember {
    /// Position of the key.
    pub(super) start: usize,
    pub(super) key: String,
    pub(super) value: JsonNode,
}

impl JsonNode {
    /// The member of a key; the last one, as every parser takes it. `None` also for a value that is no object.
    pub(super) fn member(&self, key: &str) -> Option<&JsonNode> {
        self.members().iter().rev().find(|member| member.key == key).map(|member| &member.value)
    }

    /// Members of an object; none of any other value.
    pub(super) fn members(&self) -> &[JsonMember] {
        match &self.kind {
            JsonKind::Object(members) => members,
            _ => &[],
        }
    }

    /// Elements of an array; none of any other value.
    pub(super) fn elements(&self) -> &[JsonNode] {
        match &self.kind {
            JsonKind::Array(elements) => elements,
            _ => &[],
        }
    }

    /// Text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            JsonKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Places of the items of an object or an array, keys included.
    fn items(&self) -> Vec<(usize, usize)> {
        match &self.kind {
            JsonKind::Object(members) => {
                members.iter().map(|member| (member.start, member.value.end)).collect()
            }
            JsonKind::Array(elements) => elements.iter().map(|node| (node.start, node.end)).collect(),
            JsonKind::Text(_) | JsonKind::Other => Vec::new(),
        }
    }
}

/// A replacement in a text, which can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextEdit {
    /// Position of the first replaced byte.
    at: usize,
    removed: String,
    inserted: String,
}

impl TextEdit {
    fn new(text: &str, (start, end): (usize, usize), inserted: String) -> TextEdit {
        TextEdit { at: start, removed: text[start..end].to_owned(), inserted }
    }

    /// Applies the edit to the text that it was made for.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut edited = text.to_owned();
        edited.replace_range(self.at..self.at + self.removed.len(), &self.inserted);
        edited
    }

    /// Undoes the edit, in a text that may have changed elsewhere; `None` if the inserted text is no longer there, or at
    /// several places.
    pub(super) fn undo(&self, text: &str) -> Option<String> {
        let end = self.at + self.inserted.len();
        let at = if text.get(self.at..end) == Some(self.inserted.as_str()) {
            self.at
        } else {
            let mut places = text.match_indices(self.inserted.as_str()).map(|(at, _)| at);
            places.next().filter(|_| places.next().is_none())?
        };
        let mut undone = text.to_owned();
        undone.replace_range(at..at + self.inserted.len(), &self.removed);
        Some(undone)
    }
}

/// Parses a text.
///
/// # Errors
/// The reason, with line and column, if the text is no JSON.
pub(super) fn parse(text: &str) -> Result<JsonNode, String> {
    // The walk below relies on a text that is well-formed and not too deep.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
    let mut walk = Walk { bytes: text.as_bytes(), text, at: 0 };
    walk.skip_blanks();
    Ok(walk.value())
}

/// The walk over a well-formed text.
struct Walk<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
}

impl Walk<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn value(&mut self) -> JsonNode {
        let start = self.at;
        let kind = match self.peek() {
            b'{' => JsonKind::Object(self.items(b'}', |walk| {
                let start = walk.at;
                let key = walk.string();
                walk.skip_blanks();
                walk.at += 1;
                walk.skip_blanks();
                JsonMember { start, key, value: walk.value() }
            })),
            b'[' => JsonKind::Array(self.items(b']', Walk::value)),
            b'"' => JsonKind::Text(self.string()),
            _ => {
                while self.at < self.bytes.len() && !b",]} \t\r\n".contains(&self.peek()) {
                    self.at += 1;
                }
                JsonKind::Other
            }
        };
        JsonNode { start, end: self.at, kind }
    }

    fn items<T>(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_blanks();
        while self.at < self.bytes.len() && self.peek() != end {
            items.push(item(self));
            self.skip_blanks();
            if self.peek() == b',' {
                self.at += 1;
                self.skip_blanks();
            }
        }
        self.at += 1;
        items
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.at < self.bytes.len() && self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).unwrap_or_default()
    }
}

/// Inserts an item at the end of an object or an array: a member if `key` is given, else an element.
pub(super) fn insert<T: Serialize>(
    text: &str,
    container: &JsonNode,
    key: Option<&str>,
    value: &T,
) -> Result<TextEdit, serde_json::Error> {
    let style = Style::of(text, container);
    let mut item = key.map(serde_json::to_string).transpose()?.unwrap_or_default();
    if key.is_some() {
        item.push_str(style.after_colon);
    }
    item.push_str(&style.render(value)?);
    let newline = |indent: &str| style.newline.map(|newline| format!("{newline}{indent}"));
    let before = newline(&style.item_indent);
    Ok(match container.items().last() {
        Some((_, end)) => {
            let before = before.unwrap_or_else(|| style.after_comma.to_owned());
            TextEdit::new(text, (*end, *end), format!(",{before}{item}"))
        }
        None => {
            let (before, after) =
                (before.unwrap_or_default(), newline(&style.own_indent).unwrap_or_default());
            let interior = (container.start + 1, container.end - 1);
            TextEdit::new(text, interior, format!("{before}{item}{after}"))
        }
    })
}

/// Removes the nth item of an object or an array, with its separator.
pub(super) fn remove(text: &str, container: &JsonNode, nth: usize) -> TextEdit {
    let items = container.items();
    let place = match (nth.checked_sub(1), items.get(nth + 1)) {
        (Some(previous), _) => (items[previous].1, items[nth].1),
        (None, Some(next)) => (items[nth].0, next.0),
        (None, None) => (container.start + 1, container.end - 1),
    };
    TextEdit::new(text, place, String::new())
}

/// The style of the items of a container, as the text has it.
struct Style {
    /// Line break between items; `None` where they share a line.
    newline: Option<&'static str>,
    unit: String,
    own_indent: String,
    item_indent: String,
    after_colon: &'static str,
    after_comma: &'static str,
}

impl Style {
    fn of(text: &str, container: &JsonNode) -> Style {
        let body = text.trim();
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let own_indent = indent_at(text, container.start);
        let first = container.items().first().map(|item| item.0);
        let has_lines = match first {
            Some(first) => text[container.start..first].contains('\n'),
            // An empty object alone is written out; an empty one on the one line of its file stays there.
            None => body.contains('\n') || body == text[container.start..container.end].trim(),
        };
        let unit = unit_of(text);
        let item_indent = match first {
            Some(first) if has_lines => indent_at(text, first),
            _ => format!("{own_indent}{unit}"),
        };
        let is_dense = !has_lines && !text.contains("\": ") && !text.contains(", ");
        Style {
            newline: has_lines.then_some(newline),
            unit,
            own_indent,
            item_indent,
            after_colon: if is_dense { ":" } else { ": " },
            after_comma: if is_dense { "" } else { " " },
        }
    }

    fn render<T: Serialize>(&self, value: &T) -> Result<String, serde_json::Error> {
        let Some(newline) = self.newline else { return serde_json::to_string(value) };
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(self.unit.as_bytes());
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
        let lines = String::from_utf8_lossy(&bytes).into_owned();
        Ok(lines.replace('\n', &format!("{newline}{}", self.item_indent)))
    }
}

/// Indentation of the line of a position.
fn indent_at(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[line..].chars().take_while(|character| matches!(character, ' ' | '\t')).collect()
}

/// Indentation of one level: that of the first indented line.
fn unit_of(text: &str) -> String {
    let indents = text.lines().map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    let mut indents = indents.filter(|indent| !indent.is_empty());
    indents.next().unwrap_or(INDENT_DEFAULT).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insertion_follows_the_style_of_its_surroundings_and_is_undone_to_the_byte() {
        for (text, expected) in [
            ("{}", "{\n  \"new\": [\n    1\n  ]\n}"),
            ("{ }\n", "{\n  \"new\": [\n    1\n  ]\n}\n"),
            ("{\"a\":1}", "{\"a\":1,\"new\":[1]}"),
            ("{\"a\": 1, \"b\": {}}\n", "{\"a\": 1, \"b\": {}, \"new\": [1]}\n"),
            ("{\n\t\"a\": 1\n}", "{\n\t\"a\": 1,\n\t\"new\": [\n\t\t1\n\t]\n}"),
            (
                "{\r\n    \"a\" : [ ]\r\n}\r\n",
                "{\r\n    \"a\" : [ ],\r\n    \"new\": [\r\n        1\r\n    ]\r\n}\r\n",
            ),
        ] {
            let edit = insert(text, &parse(text).unwrap(), Some("new"), &[1]).unwrap();
            let edited = edit.apply(text);
            assert_eq!(edited, expected);
            assert_eq!(edit.undo(&edited).as_deref(), Some(text));
        }
    }

    #[test]
    fn removal_takes_the_separator_along() {
        for (text, nth, expected) in [
            ("[1, 2, 3]", 0, "[2, 3]"),
            ("[1, 2, 3]", 1, "[1, 3]"),
            ("[1, 2, 3]", 2, "[1, 2]"),
            ("[\n  1\n]", 0, "[]"),
            ("{\"a\": \"}\\\"\", \"b\": [{}]}", 1, "{\"a\": \"}\\\"\"}"),
        ] {
            assert_eq!(remove(text, &parse(text).unwrap(), nth).apply(text), expected);
        }
    }

    #[test]
    fn edit_is_undone_where_the_rest_has_changed_and_not_where_it_is_ambiguous() {
        let text = "{\"a\":1}";
        let edit = insert(text, &parse(text).unwrap(), Some("new"), &[1]).unwrap();
        assert_eq!(edit.undo("{\"longer\":1,\"new\":[1]}").as_deref(), Some("{\"longer\":1}"));
        assert_eq!(edit.undo("{\"longer\":[{\"b\":1,\"new\":[1]}],\"new\":[1]}"), None);
        assert_eq!(edit.undo("{\"a\":1, \"new\": [1]}"), None);
    }
}
