//! The editor of a list in the `sync:` section of the user's own `han.yml`, such as `forceExclude`.
//!
//! Invariant: everything else in the file, comments included, stays byte for byte. An edit is parsed and compared with
//! the intended change before it is written; a file for which that fails is left alone, and the user is told what to add.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::Path;

use crate::exporter::config::small_file;
use crate::exporter::config::yaml::{YamlValue, documents};

const SECTION: &str = "sync";
/// Indentation of a child where the file has none to follow.
const INDENT: usize = 2;

/// A change of one list.
#[derive(Debug, Clone, Copy)]
pub enum ListEdit<'a> {
    /// Adds a value at the end, unless the list has it.
    Add(&'a str),
    /// Removes a value, and the list with its last value.
    Remove(&'a str),
}

/// Applies an edit to a file, which is created where it is missing. Returns false if there was nothing to change.
///
/// # Errors
/// A sentence that says why the file was left alone.
pub fn edit_file(path: &Path, key: &str, edit: ListEdit) -> Result<bool, String> {
    let cannot = |error: io::Error| format!("{} cannot be changed: {error}", path.display());
    let before = match small_file::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            if matches!(edit, ListEdit::Remove(_)) {
                return Ok(false);
            }
            String::new()
        }
        Err(error) => return Err(cannot(error)),
    };
    let edited = edited(&before, key, edit).map_err(|reason| format!("{}: {reason}", path.display()))?;
    match edited {
        None => Ok(false),
        Some(text) => replace(path, &text).map(|()| true).map_err(cannot),
    }
}

/// The lines that bring a value into a file without the section.
pub fn lines_to_add(key: &str, value: &str) -> String {
    format!("{SECTION}:\n  {key}:\n    - {}\n", scalar(value))
}

/// The text after an edit; `None` if there is nothing to change.
fn edited(text: &str, key: &str, edit: ListEdit) -> Result<Option<String>, String> {
    let before = documents(text)?;
    let Some(expected) = expected(&before, key, edit)? else { return Ok(None) };
    let unclear = || format!("the list {key} is written in a form that is not edited");
    let lines = Lines::of(text);
    let edited = match edit {
        ListEdit::Add(value) => lines.add(key, value),
        ListEdit::Remove(value) => lines.remove(key, value),
    };
    let edited = edited.ok_or_else(unclear)?;
    if documents(&edited)? == expected { Ok(Some(edited)) } else { Err(unclear()) }
}

/// The documents that an edit leads to; `None` if there is nothing to change.
fn expected(before: &[YamlValue], key: &str, edit: ListEdit) -> Result<Option<Vec<YamlValue>>, String> {
    let text = |text: &str| YamlValue::Text(text.to_owned());
    let mut documents = before.to_vec();
    if documents.is_empty() {
        documents.push(YamlValue::Mapping(Vec::new()));
    }
    let YamlValue::Mapping(entries) = &mut documents[0] else {
        return Err("it is no mapping of keys to values".to_owned());
    };
    let section = match entry(entries, SECTION) {
        YamlValue::Mapping(section) => section,
        other @ YamlValue::Null => {
            *other = YamlValue::Mapping(Vec::new());
            let YamlValue::Mapping(section) = other else { return Ok(None) };
            section
        }
        _ => return Err(format!("{SECTION}: is no mapping of keys to values")),
    };
    let (list, is_last) = match entry(section, key) {
        YamlValue::List(list) => {
            match edit {
                ListEdit::Add(value) if list.contains(&text(value)) => return Ok(None),
                ListEdit::Add(value) => list.push(text(value)),
                ListEdit::Remove(value) if !list.contains(&text(value)) => return Ok(None),
                ListEdit::Remove(value) => list.retain(|item| *item != text(value)),
            }
            (None, list.is_empty())
        }
        YamlValue::Null => match edit {
            ListEdit::Add(value) => (Some(vec![text(value)]), false),
            ListEdit::Remove(_) => return Ok(None),
        },
        _ => return Err(format!("{SECTION}.{key} is no list")),
    };
    if let Some(list) = list {
        *entry(section, key) = YamlValue::List(list);
    }
    if is_last {
        section.retain(|(name, _)| name.as_text() != Some(key));
    }
    if section.is_empty() {
        *entry(entries, SECTION) = YamlValue::Null;
    }
    Ok(Some(documents))
}

/// The value of a key, which is added as null where it is missing.
fn entry<'m>(mapping: &'m mut Vec<(YamlValue, YamlValue)>, key: &str) -> &'m mut YamlValue {
    let known = mapping.iter().position(|(name, _)| name.as_text() == Some(key));
    let index = known.unwrap_or_else(|| {
        mapping.push((YamlValue::Text(key.to_owned()), YamlValue::Null));
        mapping.len() - 1
    });
    &mut mapping[index].1
}

/// The lines of a file, each with its line break.
struct Lines<'t> {
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

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Lines { lines: text.split_inclusive('\n').collect(), line_break }
    }

    fn add(&self, key: &str, value: &str) -> Option<String> {
        let item = |indent: usize| format!("{}- {}", " ".repeat(indent), scalar(value));
        let Some((section, rest)) = self.find(0, self.lines.len(), 0, SECTION) else {
            let new = [format!("{SECTION}:"), format!("{}{key}:", " ".repeat(INDENT)), item(2 * INDENT)];
            return Some(self.insert(self.end_of_document(), &new));
        };
        if !is_blank(rest) {
            return None;
        }
        let end = self.end_of_block(section + 1, 0);
        let first = (section + 1..end).find(|line| !is_blank(self.lines[*line]));
        let Some(indent) = first.map(|line| indentation(self.lines[line])) else {
            return Some(
                self.insert(section + 1, &[format!("{}{key}:", " ".repeat(INDENT)), item(2 * INDENT)]),
            );
        };
        let Some((place, rest)) = self.find(section + 1, end, indent, key) else {
            let last = (section + 1..end).rfind(|line| !is_blank(self.lines[*line])).unwrap_or(section);
            return Some(
                self.insert(last + 1, &[format!("{}{key}:", " ".repeat(indent)), item(indent + INDENT)]),
            );
        };
        if is_blank(rest) {
            let list = self.list(place, indent, end);
            let indent = list.items.first().map_or(list.indent + INDENT, |item| item.1);
            return Some(self.insert(list.end, &[item(indent)]));
        }
        let (open, items, close) = flow_list(self.lines[place])?;
        let separator = if items.trim().is_empty() { "" } else { ", " };
        let line = format!("{open}{}{separator}{}{close}", items.trim_end(), scalar(value));
        Some(self.replace(place, place + 1, &line))
    }

    fn remove(&self, key: &str, value: &str) -> Option<String> {
        let (section, rest) = self.find(0, self.lines.len(), 0, SECTION)?;
        if !is_blank(rest) {
            return None;
        }
        let end = self.end_of_block(section + 1, 0);
        let first = (section + 1..end).find(|line| !is_blank(self.lines[*line]))?;
        let indent = indentation(self.lines[first]);
        let (place, rest) = self.find(section + 1, end, indent, key)?;
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

/// A value in a block list, quoted where it could be read as anything but a text.
fn scalar(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.contains('/')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~'));
    if is_plain { value.to_owned() } else { format!("{}", serde_json::Value::from(value)) }
}

/// Replaces a file atomically, with the permissions that it has. A link is followed: dotfiles are often linked.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".han-sync.tmp");
    let temporary = target.with_file_name(name);
    let written = write(&temporary, text, fs::metadata(&target).ok().map(|metadata| metadata.permissions()));
    let renamed = written.and_then(|()| fs::rename(&temporary, &target));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
        return renamed;
    }
    // The rename is done; a folder that cannot be fsynced costs durability in a power failure at most.
    let _ = target.parent().map(|folder| File::open(folder).and_then(|folder| folder.sync_all()));
    Ok(())
}

fn write(path: &Path, text: &str, permissions: Option<Permissions>) -> io::Result<()> {
    // What a killed writer left behind.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "forceExclude";
    const API: &str = "github.com/acme/api";

    fn add(text: &str) -> Result<Option<String>, String> {
        edited(text, KEY, ListEdit::Add(API))
    }

    fn remove(text: &str) -> Result<Option<String>, String> {
        edited(text, KEY, ListEdit::Remove(API))
    }

    #[test]
    fn a_value_is_added_and_removed_and_all_else_stays() {
        for (before, after) in [
            ("", "sync:\n  forceExclude:\n    - github.com/acme/api\n"),
            ("# mine\n", "# mine\nsync:\n  forceExclude:\n    - github.com/acme/api\n"),
            (
                "plugins: {a: 1}  # x",
                "plugins: {a: 1}  # x\nsync:\n  forceExclude:\n    - github.com/acme/api\n",
            ),
            ("---\na: 1\n...\n", "---\na: 1\nsync:\n  forceExclude:\n    - github.com/acme/api\n...\n"),
            ("sync:\n", "sync:\n  forceExclude:\n    - github.com/acme/api\n"),
            ("sync: # ours\nb: 2\n", "sync: # ours\n  forceExclude:\n    - github.com/acme/api\nb: 2\n"),
            (
                "sync:\n    enabled: true  # yes\n\n# next\nb: 2\n",
                "sync:\n    enabled: true  # yes\n    forceExclude:\n      - github.com/acme/api\n\n# next\nb: 2\n",
            ),
            (
                "sync:\n  forceExclude:\n  # why\n  - acme/x # it\n\n  enabled: true\n",
                "sync:\n  forceExclude:\n  # why\n  - acme/x # it\n  - github.com/acme/api\n\n  enabled: true\n",
            ),
            (
                "sync:\n  forceExclude:\n      - 'acme'\n  enabled: true",
                "sync:\n  forceExclude:\n      - 'acme'\n      - github.com/acme/api\n  enabled: true",
            ),
            (
                "sync:\n  forceExclude: [acme]  # x\n",
                "sync:\n  forceExclude: [acme, github.com/acme/api]  # x\n",
            ),
            (
                "sync:\r\n  enabled: true\r\n",
                "sync:\r\n  enabled: true\r\n  forceExclude:\r\n    - github.com/acme/api\r\n",
            ),
            (
                "\"sync\":\n  \"forceExclude\":\n  - a/b",
                "\"sync\":\n  \"forceExclude\":\n  - a/b\n  - github.com/acme/api\n",
            ),
        ] {
            let added = add(before).unwrap().unwrap();
            assert_eq!(added, after, "{before:?}");
            assert_eq!(add(&added), Ok(None), "there already");
            let removed = remove(&added).unwrap().unwrap();
            assert!(!removed.contains(API), "{removed:?}");
            assert_eq!(remove(&removed), Ok(None), "{removed:?}");
        }
        // Where the list was there before, removing restores the file.
        for text in [
            "sync:\n  forceExclude:\n  # why\n  - acme/x # it\n\n  enabled: true\n",
            "sync:\n  forceExclude: [acme]  # x\n",
            "sync:\n  enabled: true\n",
        ] {
            assert_eq!(remove(&add(text).unwrap().unwrap()).unwrap().unwrap(), text);
        }
    }

    #[test]
    fn empty_list_in_brackets_takes_a_value() {
        let added = add("sync:\n  forceExclude: []\n").unwrap().unwrap();
        assert_eq!(added, "sync:\n  forceExclude: [github.com/acme/api]\n");
    }

    #[test]
    fn value_that_could_be_read_otherwise_is_quoted() {
        for value in ["acme", "no", "*", "github.com/acme/*", "a: b", "- x", "~"] {
            let added = edited("sync:\n  enabled: true\n", KEY, ListEdit::Add(value)).unwrap().unwrap();
            assert!(added.contains(&format!("- \"{value}\"")), "{added}");
        }
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        for text in [
            "sync: {enabled: true}\n",
            "sync:\n  forceExclude: [a,\n    b]\n",
            "sync:\n  forceExclude: acme\n",
            "sync: yes\n",
            "- a\n",
            "a: [\n",
            "base: &base\n  forceExclude: [x]\nsync:\n  <<: *base\n",
            "sync:\n  forceExclude: &a\n  - x\n",
            "{sync: {enabled: true}}\n",
        ] {
            assert!(add(text).is_err(), "{text:?}: {:?}", add(text));
        }
    }

    #[test]
    fn text_of_a_block_scalar_is_no_section() {
        let text = "note: |\n  sync:\n    forceExclude:\n      - a\nsync:\n  enabled: true\n";
        let added = add(text).unwrap().unwrap();
        assert_eq!(added, text.to_owned() + "  forceExclude:\n    - github.com/acme/api\n");
    }

    #[test]
    fn file_keeps_its_permissions_and_its_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("dotfile"), folder.path().join("han.yml"));
        fs::write(&target, "sync:\n  enabled: true\n").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(edit_file(&link, KEY, ListEdit::Add(API)), Ok(true));
        assert_eq!(edit_file(&link, KEY, ListEdit::Add(API)), Ok(false));
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(
            fs::read_to_string(&target).unwrap().ends_with("  forceExclude:\n    - github.com/acme/api\n")
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
        let new = folder.path().join("new/han.yml");
        assert_eq!(edit_file(&new, KEY, ListEdit::Remove(API)), Ok(false));
        assert_eq!(edit_file(&new, KEY, ListEdit::Add(API)), Ok(true));
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&new).unwrap(), lines_to_add(KEY, API));
        fs::remove_file(&target).unwrap();
        assert!(
            edit_file(&link, KEY, ListEdit::Add(API)).is_err(),
            "a dangling link may lead to a file elsewhere"
        );
    }
}
