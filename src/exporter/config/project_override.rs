//! The narrowings that a repository's own `han.yml` may ask for: `enabled: false` and `includeContent: false`.
//!
//! A cloned repository must not be able to redirect, widen or authenticate an export, so anything else in such a file
//! is ignored and reported. A narrowing holds, once seen, until the folder is there and no longer says it; a file that
//! cannot be read narrows all the way.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use saphyr::{Scalar, Yaml};

use crate::exporter::config;
use crate::exporter::state::ProjectOverride;

/// Where a project's folder may hold the file.
const PLACES: [&str; 2] = [".claude/han.yml", "han.yml"];

/// Looks into project folders and brings the known narrowings up to date. `folders`: project folder and normalized
/// repository. Returns what to tell the user.
pub fn refresh(
    known: &mut BTreeMap<String, ProjectOverride>,
    folders: &BTreeSet<(String, Option<String>)>,
) -> Vec<String> {
    let mut reports = Vec::new();
    let before: Vec<(String, Option<String>)> =
        known.iter().map(|(folder, narrowing)| (folder.clone(), narrowing.repository.clone())).collect();
    for (folder, repository) in before.iter().chain(folders) {
        if !Path::new(folder).is_dir() {
            continue;
        }
        let mut narrowing = look(Path::new(folder), &mut reports);
        if narrowing == ProjectOverride::default() {
            known.remove(folder);
            continue;
        }
        let earlier = known.get(folder).and_then(|earlier| earlier.repository.clone());
        narrowing.repository = repository.clone().or(earlier);
        known.insert(folder.clone(), narrowing);
    }
    reports.sort();
    reports.dedup();
    reports
}

/// What is known for a session's folder and repository, all narrowings together.
pub fn for_session(
    known: &BTreeMap<String, ProjectOverride>,
    folder: Option<&str>,
    repository: Option<&str>,
) -> ProjectOverride {
    let mut sum = ProjectOverride::default();
    for (narrowed_folder, narrowing) in known {
        let same_folder = folder == Some(narrowed_folder.as_str());
        let same_repository = repository.is_some() && narrowing.repository.as_deref() == repository;
        if same_folder || same_repository {
            sum.disabled = sum.disabled.or_else(|| narrowing.disabled.clone());
            sum.without_content = sum.without_content.or_else(|| narrowing.without_content.clone());
        }
    }
    sum
}

fn look(folder: &Path, reports: &mut Vec<String>) -> ProjectOverride {
    let mut narrowing = ProjectOverride::default();
    for place in PLACES {
        let path = folder.join(place);
        let read = match config::read_bounded(&path) {
            Ok(text) => {
                config::sync_section(&text).map(|section| apply(&section, &path, &mut narrowing, reports))
            }
            Err(error) if is_absent(&path, &error) => continue,
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = read {
            narrowing.disabled = Some(path.display().to_string());
            reports.push(format!(
                "{} cannot be read ({why}); until it can, its repository's sessions stay here",
                path.display()
            ));
        }
    }
    narrowing
}

/// Whether there is no file at all. A link that leads nowhere is a file that cannot be read.
fn is_absent(path: &Path, error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        && path.symlink_metadata().is_err()
}

fn apply(
    section: &[(String, Yaml)],
    path: &Path,
    narrowing: &mut ProjectOverride,
    reports: &mut Vec<String>,
) {
    let file = || Some(path.display().to_string());
    for (key, value) in section {
        match key.as_str() {
            "enabled" if is_off(value) => narrowing.disabled = file(),
            "includeContent" if is_off(value) => narrowing.without_content = file(),
            _ => reports.push(format!(
                "{}: sync.{key} is ignored; a repository's own file may only say enabled: false or includeContent: false",
                path.display()
            )),
        }
    }
}

/// Every way in which people write `false` narrows, also those that YAML takes for text.
fn is_off(value: &Yaml) -> bool {
    match value {
        Yaml::Value(Scalar::Boolean(value)) => !value,
        Yaml::Value(Scalar::Integer(value)) => *value == 0,
        Yaml::Value(Scalar::String(value)) => {
            ["false", "no", "off", "0"].iter().any(|off| value.eq_ignore_ascii_case(off))
        }
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
    fn narrowing_outlives_the_folder_and_ends_when_the_folder_says_so() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("api");
        fs::create_dir_all(folder.join(".claude")).unwrap();
        fs::write(folder.join(".claude/han.yml"), "sync:\n  enabled: false\n").unwrap();
        let mut known = BTreeMap::new();
        assert!(refresh(&mut known, &folders(&folder)).is_empty());
        assert!(for_session(&known, None, Some("github.com/acme/api")).disabled.is_some());

        fs::rename(&folder, place.path().join("gone")).unwrap();
        refresh(&mut known, &folders(&folder));
        assert!(for_session(&known, None, Some("github.com/acme/api")).disabled.is_some());

        fs::create_dir_all(&folder).unwrap();
        refresh(&mut known, &folders(&folder));
        assert!(for_session(&known, None, Some("github.com/acme/api")).disabled.is_none());
    }

    #[test]
    fn a_repository_can_widen_nothing() {
        let place = tempfile::tempdir().unwrap();
        let text = "sync:\n  enabled: true\n  includeContent: true\n  endpoint: https://evil.example/\n";
        fs::write(place.path().join("han.yml"), text).unwrap();
        let mut known = BTreeMap::new();
        let reports = refresh(&mut known, &folders(place.path()));
        assert!(known.is_empty());
        assert_eq!(reports.len(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_read_narrows_all_the_way() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("han.yml"), "sync: [").unwrap();
        let mut known = BTreeMap::new();
        assert_eq!(refresh(&mut known, &folders(place.path())).len(), 1);
        assert!(for_session(&known, Some(&place.path().display().to_string()), None).disabled.is_some());
    }
}
