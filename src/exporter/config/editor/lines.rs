//! The lines of `han.yml`, and the edits of a key in its `sync:` section.
//!
//! Nothing here understands all of YAML: whoever edits parses the result and compares it with the intended change.

/// The section that is edited.
pub(super) const SECTION: &str = "sync";
/// Indentation of a child where the file has none to follow.
const INDENT: usize = 2;

/// The lines of a file, each with its line break.
pub(super) struct Lines<'t> {
    lines: Vec<&'t str>,
    /// The line break of the file.
    line_break: &'static str,
}

/// The list in a file: the line of its key, and those of its values.
struct ListPlace {
    key: usize,
    /// Indentation of the key.
    indent: usize,
    /// Lines of the values of a block list, with their indentation.
    items: Vec<(usize, usize)>,
    /// The line after the last value.
    end: usize,
}

/// The place of a key in the section.
enum Place {
    /// The line of the key, its indentation, and the line behind the section.
    Found { line: usize, indent: usize, end: usize },
    /// The line before which the key is to stand, its indentation, and the line of the section where that is missing, too.
    Missing { line: usize, indent: usize, head: Option<String> },
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Lines<'t> {
        let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Lines { lines: text.split_inclusive('\n').collect(), line_break }
    }

    /// The text with a value at the end of a list; `None` where that is in a form that is not edited.
    pub(super) fn add(&self, key: &str, value: &str) -> Option<String> {
        let item = |indent: usize| format!("{}- {}", " ".repeat(indent), scalar(value));
        let (place, indent, end) = match self.place(key)? {
            Place::Missing { line, indent, head } => {
                let own = [format!("{}{key}:", " ".repeat(indent)), item(indent + INDENT)];
                let new: Vec<String> = head.into_iter().chain(own).collect();
                return Some(self.insert(line, &new));
            }
            Place::Found { line, indent, end } => (line, indent, end),
        };
        if is_blank(self.value_of(place, indent, key)?) {
            let list = self.list(place, indent, end);
            let indent = list.items.first().map_or(list.indent + INDENT, |item| item.1);
            return Some(self.insert(list.end, &[item(indent)]));
        }
        let (open, items, close) = flow_list(self.lines[place])?;
        let separator = if items.trim().is_empty() { "" } else { ", " };
        let line = format!("{open}{}{separator}{}{close}", items.trim_end(), scalar(value));
        Some(self.replace(place, place + 1, &line))
    }

    /// The text with a value for a key, on the line of the old one; `None` where that is in a form that is not edited.
    pub(super) fn set(&self, key: &str, value: &str) -> Option<String> {
        match self.place(key)? {
            Place::Missing { line, indent, head } => {
                let own = format!("{}{key}: {value}", " ".repeat(indent));
                let new: Vec<String> = head.into_iter().chain([own]).collect();
                Some(self.insert(line, &new))
            }
            Place::Found { line, indent, .. } => {
                let text = self.lines[line];
                let old = self.value_of(line, indent, key)?;
                let name = &text[..text.len() - old.len()];
                Some(self.replace(line, line + 1, &format!("{name} {value}{}", behind_value(old)?)))
            }
        }
    }

    /// The line of a key of the section, or the one before which it is to stand.
    fn place(&self, key: &str) -> Option<Place> {
        let Some((section, rest)) = self.find(0, self.lines.len(), 0, SECTION) else {
            let head = Some(format!("{SECTION}:"));
            return Some(Place::Missing { line: self.end_of_document(), indent: INDENT, head });
        };
        if !is_blank(rest) {
            return None;
        }
        let end = self.end_of_block(section + 1, 0);
        let has_content = |line: &usize| !is_blank(self.lines[*line]);
        let Some(first) = (section + 1..end).find(has_content) else {
            return Some(Place::Missing { line: section + 1, indent: INDENT, head: None });
        };
        let indent = indentation(self.lines[first]);
        Some(match self.find(section + 1, end, indent, key) {
            Some((line, _)) => Place::Found { line, indent, end },
            None => {
                let last = (section + 1..end).rfind(has_content).unwrap_or(section);
                Place::Missing { line: last + 1, indent, head: None }
            }
        })
    }

    /// The text behind the colon of a key.
    fn value_of(&self, line: usize, indent: usize, key: &str) -> Option<&'t str> {
        self.find(line, line + 1, indent, key).map(|(_, rest)| rest)
    }

    /// The text without a value of a list; `None` where that is in a form that is not edited.
    pub(super) fn remove(&self, key: &str, value: &str) -> Option<String> {
        let Place::Found { line: place, indent, end } = self.place(key)? else { return None };
        let rest = self.value_of(place, indent, key)?;
        let forms = [value.to_owned(), format!("'{value}'"), scalar(value), format!("\"{value}\"")];
        if is_blank(rest) {
            let list = self.list(place, indent, end);
            let is_value = |line: usize| {
                let item = self.lines[line].trim_start().strip_prefix('-').unwrap_or_default();
                forms.iter().any(|form| without_comment(item).trim() == form)
            };
            let gone: Vec<usize> =
                list.items.iter().map(|item| item.0).filter(|line| is_value(*line)).collect();
            let is_last = gone.len() == list.items.len();
            let stays = |line: &usize| !(gone.contains(line) || is_last && *line == list.key);
            return Some((0..self.lines.len()).filter(stays).map(|line| self.lines[line]).collect());
        }
        let (open, items, close) = flow_list(self.lines[place])?;
        let left: Vec<&str> =
            items.split(',').filter(|item| !forms.iter().any(|form| item.trim() == form)).collect();
        if left.is_empty() {
            return Some(self.replace(place, place + 1, ""));
        }
        Some(self.replace(place, place + 1, &format!("{open}{}{close}", left.join(",").trim_start())))
    }

    /// The first line of a range that has a key at an indentation, with the text after the colon.
    fn find(&self, from: usize, to: usize, indent: usize, key: &str) -> Option<(usize, &'t str)> {
        (from..to).find_map(|index| {
            let line = self.lines[index];
            let line = if index == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
            if indentation(line) != indent {
                return None;
            }
            let content = &line[indent..];
            let named = [key.to_owned(), format!("\"{key}\""), format!("'{key}'")];
            let rest = named.iter().find_map(|name| content.strip_prefix(name.as_str()))?;
            let rest = rest.trim_start_matches(' ').strip_prefix(':')?;
            let is_key = rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']);
            is_key.then_some((index, rest))
        })
    }

    /// The line after the last one of a block whose lines are indented deeper than `indent`.
    fn end_of_block(&self, from: usize, indent: usize) -> usize {
        let is_outside =
            |line: &usize| !is_blank(self.lines[*line]) && indentation(self.lines[*line]) <= indent;
        (from..self.lines.len()).find(is_outside).unwrap_or(self.lines.len())
    }

    /// The line before the end of the first document, or the end of the file.
    fn end_of_document(&self) -> usize {
        let has_content = |line: usize| !is_blank(self.lines[line]) && !self.lines[line].starts_with("---");
        let begun = (0..self.lines.len()).find(|line| has_content(*line)).unwrap_or(self.lines.len());
        let is_end =
            |line: &usize| self.lines[*line].starts_with("---") || self.lines[*line].starts_with("...");
        (begun..self.lines.len()).find(is_end).unwrap_or(self.lines.len())
    }

    /// The values of a block list below its key.
    fn list(&self, key: usize, indent: usize, section_end: usize) -> ListPlace {
        let mut list = ListPlace { key, indent, items: Vec::new(), end: key + 1 };
        for line in key + 1..section_end {
            let text = self.lines[line];
            if is_blank(text) {
                continue;
            }
            let item_indent = list.items.first().map_or(indentation(text), |item| item.1);
            let is_item = text.trim_start().starts_with('-') && indentation(text) == item_indent;
            if indentation(text) < indent || (!is_item && indentation(text) <= item_indent) {
                break;
            }
            if is_item {
                list.items.push((line, item_indent));
            }
            list.end = line + 1;
        }
        list
    }

    /// The text with new lines before the line `at`.
    fn insert(&self, at: usize, new: &[String]) -> String {
        let mut text: String = self.lines[..at].concat();
        if !text.is_empty() && !text.ends_with('\n') && text != "\u{feff}" {
            text.push_str(self.line_break);
        }
        for line in new {
            text.push_str(line);
            text.push_str(self.line_break);
        }
        text + &self.lines[at..].concat()
    }

    /// The text with another one in place of the lines from `from` to before `to`.
    fn replace(&self, from: usize, to: usize, new: &str) -> String {
        self.lines[..from].concat() + new + &self.lines[to..].concat()
    }
}

/// Splits a line with a list in brackets: up to the bracket, the values, and the rest from the closing bracket on.
fn flow_list(line: &str) -> Option<(&str, &str, &str)> {
    let open = line.find('[')? + 1;
    let rest = without_comment(&line[open..]);
    let close = open + rest.rfind(']')?;
    if line[open..close].contains(['[', '{', '#']) || !rest[close - open + 1..].trim().is_empty() {
        return None;
    }
    Some((&line[..open], &line[open..close], &line[close..]))
}

/// The rest of a line behind a value: blanks, a comment, the line break. `None` for a value that can have several lines.
fn behind_value(rest: &str) -> Option<&str> {
    let value = rest.trim_start_matches([' ', '\t']);
    if is_blank(value) {
        return Some(rest);
    }
    let end = match value.chars().next()? {
        quote @ ('"' | '\'') => 1 + value[1..].find(quote)? + 1,
        '|' | '>' | '&' | '*' | '!' | '[' | '{' => return None,
        _ => without_comment(value).trim_end().len(),
    };
    Some(&value[end..])
}

/// A text up to a comment.
fn without_comment(text: &str) -> &str {
    text.find(" #").map_or(text, |comment| &text[..comment])
}

fn is_blank(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim();
    text.is_empty() || text.starts_with('#')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A value, quoted where it could be read as anything but a text.
pub(super) fn scalar(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.contains('/')
        && !value.ends_with(':')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | ':'));
    if is_plain { value.to_owned() } else { format!("{}", serde_json::Value::from(value)) }
}
