//! The project override: restrictions that a repository's own `han.yml` puts on its sessions, `enabled: false` and
//! `includeContent: false`.
//!
//! Invariants: a cloned repository can only restrict, never redirect, widen or authenticate an export, so any other key
//! is ignored and reported; an override, once seen, holds until its folder is reachable and no longer says it; a file
//! that cannot be read excludes the repository's sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::exporter::config::small_file;
use crate::exporter::config::yaml::{YamlValue, sync_section};

/// Paths of the file inside a project's folder.
const FILES: [&str; 2] = [".claude/han.yml", "han.yml"];

/// Texts that opt out besides the boolean `false`: YAML 1.2 reads them as text, people mean `false`.
const OFF_TEXTS: [&str; 4] = ["false", "no", "off", "0"];

/// The restrictions of one project folder, each by the path of the file that sets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectOverride {
    /// The folder's repository, whose other checkouts are restricted as well.
    #[serde(default)]
    pub repository: Option<String>,
    /// The file that says `enabled: false` or cannot be read.
    #[serde(default, rename = "disabled")]
    pub disabled_by: Option<String>,
    /// The file that says `includeContent: false`.
    #[serde(default, rename = "withoutContent")]
    pub content_disabled_by: Option<String>,
}

/// Reads the overrides of project folders, each with its normalized repository, and of the folders already `known`;
/// updates `known`. Returns reports for the user.
pub fn refresh(
    known: &mut BTreeMap<String, ProjectOverride>,
    folders: &BTreeSet<(String, Option<String>)>,
) -> Vec<String> {
    let mut reports = Vec::new();
    let before: Vec<(String, Option<String>)> =
        known.iter().map(|(folder, known)| (folder.clone(), known.repository.clone())).collect();
    for (folder, repository) in before.iter().chain(folders) {
        if !Path::new(folder).is_dir() {
            continue;
        }
        let mut found = read(Path::new(folder), &mut reports);
        if found == ProjectOverride::default() {
            known.remove(folder);
            continue;
        }
        let earlier = known.get(folder).and_then(|earlier| earlier.repository.clone());
        found.repository = repository.clone().or(earlier);
        known.insert(folder.clone(), found);
    }
    reports.sort();
    reports.dedup();
    reports
}

/// The union of the overrides that concern a session, by its folder or its repository.
pub fn for_session(
    known: &BTreeMap<String, ProjectOverride>,
    folder: Option<&str>,
    repository: Option<&str>,
) -> ProjectOverride {
    let mut union = ProjectOverride::default();
    for (known_folder, known) in known {
        let same_folder = folder == Some(known_folder.as_str());
        let same_repository = repository.is_some() && known.repository.as_deref() == repository;
        if same_folder || same_repository {
            union.disabled_by = union.disabled_by.or_else(|| known.disabled_by.clone());
            union.content_disabled_by =
                union.content_disabled_by.or_else(|| known.content_disabled_by.clone());
        }
    }
    union
}

/// Reads both files of a folder. The repository is left to the caller.
fn read(folder: &Path, reports: &mut Vec<String>) -> ProjectOverride {
    let mut found = ProjectOverride::default();
    for file in FILES {
        let path = folder.join(file);
        let section = match small_file::read(&path) {
            Ok(text) => sync_section(&text),
            Err(error) if is_absent(&path, &error) => continue,
            Err(error) => Err(error.to_string()),
        };
        match section {
            Ok(section) => apply(&section, &path, &mut found, reports),
            Err(reason) => {
                found.disabled_by = Some(path.display().to_string());
                reports.push(format!(
                    "{} cannot be read ({reason}); until it can, its repository's sessions are not sent",
                    path.display()
                ));
            }
        }
    }
    found
}

/// True if there is no file at all. A dangling link is a file that cannot be read.
fn is_absent(path: &Path, error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        && path.symlink_metadata().is_err()
}

fn apply(
    section: &[(String, YamlValue)],
    path: &Path,
    found: &mut ProjectOverride,
    reports: &mut Vec<String>,
) {
    let file = || Some(path.display().to_string());
    for (key, value) in section {
        match key.as_str() {
            "enabled" if is_off(value) => found.disabled_by = file(),
            "includeContent" if is_off(value) => found.content_disabled_by = file(),
            _ => reports.push(format!(
                "{}: sync.{key} is ignored; a repository's own file may only say enabled: false or includeContent: false",
                path.display()
            )),
        }
    }
}

/// True for every spelling of `false` that people use.
fn is_off(value: &YamlValue) -> bool {
    match value {
        YamlValue::Boolean(value) => !value,
        YamlValue::Integer(value) => *value == 0,
        YamlValue::Text(text) => OFF_TEXTS.iter().any(|off| text.eq_ignore_ascii_case(off)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folders(folder: &Path) -> BTreeSet<(String, Option<String>)> {
        BTreeSet::from([(folder.display().to_string(), Some("github.com/acme/api".to_owned()))])
    }

    #[test]
    fn override_outlives_the_folder_and_ends_when_the_folder_no_longer_says_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("api");
        fs::create_dir_all(folder.join(".claude")).unwrap();
        fs::write(folder.join(".claude/han.yml"), "sync:\n  enabled: false\n").unwrap();
        let mut known = BTreeMap::new();
        let is_disabled = |known: &BTreeMap<String, ProjectOverride>| {
            for_session(known, None, Some("github.com/acme/api")).disabled_by.is_some()
        };
        assert!(refresh(&mut known, &folders(&folder)).is_empty());
        assert!(is_disabled(&known));

        fs::rename(&folder, place.path().join("gone")).unwrap();
        refresh(&mut known, &folders(&folder));
        assert!(is_disabled(&known));

        fs::create_dir_all(&folder).unwrap();
        refresh(&mut known, &folders(&folder));
        assert!(!is_disabled(&known));
    }

    #[test]
    fn repository_can_widen_nothing() {
        let place = tempfile::tempdir().unwrap();
        let text = "sync:\n  enabled: true\n  includeContent: true\n  endpoint: https://evil.example/\n";
        fs::write(place.path().join("han.yml"), text).unwrap();
        let mut known = BTreeMap::new();
        let reports = refresh(&mut known, &folders(place.path()));
        assert!(known.is_empty());
        assert_eq!(reports.len(), 3);
    }

    #[test]
    fn unreadable_file_excludes_the_repository() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("han.yml"), "sync: [").unwrap();
        let mut known = BTreeMap::new();
        assert_eq!(refresh(&mut known, &folders(place.path())).len(), 1);
        assert!(for_session(&known, Some(&place.path().display().to_string()), None).disabled_by.is_some());
    }
}
