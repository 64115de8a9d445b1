//! The editor of the `sync:` section of the user's own `han.yml`: a value of a list such as `forceExclude`, or a key.
//!
//! Invariant: everything else in the file, comments included, stays byte for byte. An edit is parsed and compared with
//! the intended change before it is written; a file for which that fails is left alone, and the user is told what to add.

/// The lines of the file.
mod lines;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::Path;

use crate::exporter::config::editor::lines::{Lines, SECTION, scalar};
use crate::exporter::config::small_file;
use crate::exporter::config::yaml::{YamlValue, documents};

/// A change of one key.
#[derive(Debug, Clone, Copy)]
pub enum KeyEdit<'a> {
    /// Adds a value at the end of a list, unless the list has it.
    Add(&'a str),
    /// Removes a value of a list, and the list with its last value.
    Remove(&'a str),
    /// Sets a truth value.
    Switch(bool),
    /// Sets a text.
    Text(&'a str),
}

/// Applies an edit to a file, which is created where it is missing. Returns false if there was nothing to change.
///
/// # Errors
/// A sentence that says why the file was left alone.
pub fn edit_file(path: &Path, key: &str, edit: KeyEdit) -> Result<bool, String> {
    let cannot = |error: io::Error| format!("{} cannot be changed: {error}", path.display());
    let before = match small_file::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            if matches!(edit, KeyEdit::Remove(_)) {
                return Ok(false);
            }
            String::new()
        }
        Err(error) => return Err(cannot(error)),
    };
    let edited = edited(&before, &[(key, edit)]).map_err(|reason| format!("{}: {reason}", path.display()))?;
    match edited {
        None => Ok(false),
        Some(text) => replace(path, &text).map(|()| true).map_err(cannot),
    }
}

/// The lines that bring a value into a file without the section.
pub fn lines_to_add(key: &str, value: &str) -> String {
    format!("{SECTION}:\n  {key}:\n    - {}\n", scalar(value))
}

/// The text after some edits; `None` if there is nothing to change.
///
/// # Errors
/// A sentence that says why the text is not edited.
pub fn edited(text: &str, edits: &[(&str, KeyEdit)]) -> Result<Option<String>, String> {
    let mut current = None;
    for (key, edit) in edits {
        let before = current.as_deref().unwrap_or(text);
        if let Some(next) = edited_once(before, key, *edit)? {
            current = Some(next);
        }
    }
    Ok(current)
}

fn edited_once(text: &str, key: &str, edit: KeyEdit) -> Result<Option<String>, String> {
    let before = documents(text)?;
    let Some(expected) = expected(&before, key, edit)? else { return Ok(None) };
    let unclear = || format!("{SECTION}.{key} is written in a form that is not edited");
    let lines = Lines::of(text);
    let edited = match edit {
        KeyEdit::Add(value) => lines.add(key, value),
        KeyEdit::Remove(value) => lines.remove(key, value),
        KeyEdit::Switch(value) => lines.set(key, &value.to_string()),
        KeyEdit::Text(text) => lines.set(key, &scalar(text)),
    };
    let edited = edited.ok_or_else(unclear)?;
    if documents(&edited)? == expected { Ok(Some(edited)) } else { Err(unclear()) }
}

/// The documents that an edit leads to; `None` if there is nothing to change.
fn expected(before: &[YamlValue], key: &str, edit: KeyEdit) -> Result<Option<Vec<YamlValue>>, String> {
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
    let current = entry(section, key);
    match (edit, &mut *current) {
        (KeyEdit::Switch(value), known) if *known == YamlValue::Boolean(value) => return Ok(None),
        (KeyEdit::Switch(value), known) => *known = YamlValue::Boolean(value),
        (KeyEdit::Text(value), known) if *known == text(value) => return Ok(None),
        (KeyEdit::Text(value), known) => *known = text(value),
        (KeyEdit::Add(value), YamlValue::List(list)) if list.contains(&text(value)) => return Ok(None),
        (KeyEdit::Add(value), YamlValue::List(list)) => list.push(text(value)),
        (KeyEdit::Add(value), empty @ YamlValue::Null) => *empty = YamlValue::List(vec![text(value)]),
        (KeyEdit::Remove(value), YamlValue::List(list)) if list.contains(&text(value)) => {
            list.retain(|item| *item != text(value));
        }
        (KeyEdit::Remove(_), YamlValue::List(_) | YamlValue::Null) => return Ok(None),
        (KeyEdit::Add(_) | KeyEdit::Remove(_), _) => return Err(format!("{SECTION}.{key} is no list")),
    }
    if *current == YamlValue::List(Vec::new()) {
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

/// Replaces a file atomically, with the permissions that it has. A link is followed: dotfiles are often linked.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
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
        edited(text, &[(KEY, KeyEdit::Add(API))])
    }

    fn remove(text: &str) -> Result<Option<String>, String> {
        edited(text, &[(KEY, KeyEdit::Remove(API))])
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
            let added = edited("sync:\n  enabled: true\n", &[(KEY, KeyEdit::Add(value))]).unwrap().unwrap();
            assert!(added.contains(&format!("- \"{value}\"")), "{added}");
        }
    }

    #[test]
    fn keys_are_set_and_comments_stay() {
        let edits = [
            ("enabled", KeyEdit::Switch(true)),
            ("endpoint", KeyEdit::Text("https://team.example.com/api/sync")),
        ];
        let line = "endpoint: https://team.example.com/api/sync";
        for (before, after) in [
            ("", format!("sync:\n  enabled: true\n  {line}\n")),
            ("# mine\na: 1", format!("# mine\na: 1\nsync:\n  enabled: true\n  {line}\n")),
            ("sync:\n\n# next\n", format!("sync:\n  enabled: true\n  {line}\n\n# next\n")),
            (
                "sync:\n    endpoint: 'https://old.example/api/sync'   # the old one\n    enabled:  false# x\nb: 2\n",
                format!("sync:\n    {line}   # the old one\n    enabled: true\nb: 2\n"),
            ),
            ("sync:\r\n  enabled: false # no\r\n", format!("sync:\r\n  enabled: true # no\r\n  {line}\r\n")),
            ("sync:\n  enabled: # later\n", format!("sync:\n  enabled: true # later\n  {line}\n")),
            ("sync:\n  \"enabled\": 0\n", format!("sync:\n  \"enabled\": true\n  {line}\n")),
            ("sync:\n  endpoint: \"a # b\"\n", format!("sync:\n  {line}\n  enabled: true\n")),
            (
                "base: &base\n  enabled: false\nsync:\n  <<: *base\n",
                format!("base: &base\n  enabled: false\nsync:\n  <<: *base\n  enabled: true\n  {line}\n"),
            ),
        ] {
            let text = edited(before, &edits).unwrap().unwrap();
            assert_eq!(text, after, "{before:?}");
            assert_eq!(edited(&text, &edits), Ok(None), "there already");
        }
        for text in [
            "sync: {enabled: false}\n",
            "sync:\n  enabled: &a false\n  includeContent: *a\n",
            "sync:\n  endpoint: https://a\n    b\n",
            "sync:\n  endpoint: |\n    https://a\n",
            "sync:\n  endpoint: \"https://a\n    b\"\n",
            "sync: yes\n",
            "- a\n",
            "a: [\n",
        ] {
            assert!(edited(text, &edits).is_err(), "{text:?}: {:?}", edited(text, &edits));
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
        assert_eq!(edit_file(&link, KEY, KeyEdit::Add(API)), Ok(true));
        assert_eq!(edit_file(&link, KEY, KeyEdit::Add(API)), Ok(false));
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(
            fs::read_to_string(&target).unwrap().ends_with("  forceExclude:\n    - github.com/acme/api\n")
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
        let new = folder.path().join("new/han.yml");
        assert_eq!(edit_file(&new, KEY, KeyEdit::Remove(API)), Ok(false));
        assert_eq!(edit_file(&new, KEY, KeyEdit::Add(API)), Ok(true));
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&new).unwrap(), lines_to_add(KEY, API));
        fs::remove_file(&target).unwrap();
        assert!(
            edit_file(&link, KEY, KeyEdit::Add(API)).is_err(),
            "a dangling link may lead to a file elsewhere"
        );
    }
}
