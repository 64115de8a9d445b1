//! The project override: restrictions that a repository's own `han.yml` puts on its sessions, `enabled: false` and
//! `includeContent: false`.
//!
//! Invariants: a cloned repository can only restrict, never redirect, widen or authenticate an export, so any other key
//! is ignored and reported; an override, once seen, holds until the folder of its file is reachable and the file no longer
//! says it; a file that cannot be read excludes the repository's sessions; so does, for as long as no override is known,
//! a folder that cannot be inspected.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::exporter::config::repository_file::{self, Restriction};
use crate::exporter::config::small_file;
use crate::exporter::config::working_tree::{self, SearchPath};

/// Names of the file in each folder of a working tree.
const FILES: [&str; 2] = ["han.yml", "han.yaml"];
/// The folder inside it for the agent's settings, and the names of the file there.
const CLAUDE_FOLDER: &str = ".claude";
const CLAUDE_FILES: [&str; 4] = ["han.yml", "han.yaml", "han.local.yml", "han.local.yaml"];

/// The restrictions of one project folder, each by the paths of the files that set it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectOverride {
    /// The folder's repository, whose other checkouts are restricted as well.
    #[serde(default)]
    pub repository: Option<String>,
    /// The files that say `enabled: false` or cannot be read.
    #[serde(default, rename = "disabled", deserialize_with = "one_or_many")]
    pub disabled_by: BTreeSet<String>,
    /// The files that say `includeContent: false`.
    #[serde(default, rename = "withoutContent", deserialize_with = "one_or_many")]
    pub content_disabled_by: BTreeSet<String>,
    /// The files that say `includeBranch: false`.
    #[serde(default, rename = "withoutBranch", skip_serializing_if = "BTreeSet::is_empty")]
    pub branch_disabled_by: BTreeSet<String>,
}

/// Reads a list of paths, also as an earlier version wrote it: one path, or null.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Paths {
        None,
        One(String),
        Many(BTreeSet<String>),
    }
    Ok(match Paths::deserialize(deserializer)? {
        Paths::None => BTreeSet::new(),
        Paths::One(path) => BTreeSet::from([path]),
        Paths::Many(paths) => paths,
    })
}

impl ProjectOverride {
    /// True if nothing is restricted.
    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    /// The files of all restrictions; a file with several occurs as often.
    fn files(&self) -> impl Iterator<Item = &String> {
        self.disabled_by.iter().chain(&self.content_disabled_by).chain(&self.branch_disabled_by)
    }

    fn add(&mut self, file: &Path, restriction: Restriction) {
        if restriction.disabled {
            self.disabled_by.insert(file.display().to_string());
        }
        if restriction.content_disabled {
            self.content_disabled_by.insert(file.display().to_string());
        }
        if restriction.branch_disabled {
            self.branch_disabled_by.insert(file.display().to_string());
        }
    }

    fn restriction_by(&self, file: &Path) -> Restriction {
        let file = file.display().to_string();
        Restriction {
            disabled: self.disabled_by.contains(&file),
            content_disabled: self.content_disabled_by.contains(&file),
            branch_disabled: self.branch_disabled_by.contains(&file),
        }
    }

    fn extend(&mut self, other: &ProjectOverride) {
        self.disabled_by.extend(other.disabled_by.iter().cloned());
        self.content_disabled_by.extend(other.content_disabled_by.iter().cloned());
        self.branch_disabled_by.extend(other.branch_disabled_by.iter().cloned());
    }
}

/// The overrides of all project folders, by folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectOverrides {
    known: BTreeMap<String, ProjectOverride>,
    /// Folders that could not be inspected, and of which no override is known, with the reason.
    #[serde(skip)]
    unseen: BTreeMap<String, String>,
}

/// The result of inspecting a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideInspection {
    /// The override in force, empty for none; its repository is left to the caller.
    Seen(ProjectOverride),
    /// The reason why the folder could not be inspected.
    Unseen(String),
}

impl ProjectOverrides {
    /// True if no session is restricted.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unseen.is_empty()
    }

    /// Folders that could not be inspected, with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unseen.iter().map(|(folder, reason)| (folder.as_str(), reason.as_str()))
    }

    /// Files of all known restrictions.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.known.values().flat_map(ProjectOverride::files).map(String::as_str)
    }

    /// True if both hold the same restrictions beyond this run.
    pub fn is_same_on_disk(&self, other: &ProjectOverrides) -> bool {
        self.known == other.known
    }

    /// Adds the folders of another copy that this one has lost.
    pub fn recover(&mut self, copy: &ProjectOverrides) {
        for (folder, known) in &copy.known {
            self.known.entry(folder.clone()).or_insert_with(|| known.clone());
        }
    }

    /// The folders with a known override.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The known override of a folder, empty for none.
    pub fn of(&self, folder: &str) -> ProjectOverride {
        self.known.get(folder).cloned().unwrap_or_default()
    }

    /// Records the inspection of a folder with its repository. Returns a sentence for the user about a folder that could
    /// not be inspected.
    pub fn record(
        &mut self,
        folder: &str,
        repository: Option<String>,
        inspection: OverrideInspection,
    ) -> Option<String> {
        self.unseen.remove(folder);
        match inspection {
            OverrideInspection::Seen(found) if found.is_empty() => {
                self.known.remove(folder);
                None
            }
            OverrideInspection::Seen(mut found) => {
                let earlier = self.known.get(folder).and_then(|earlier| earlier.repository.clone());
                found.repository = repository.or(earlier);
                self.known.insert(folder.to_owned(), found);
                None
            }
            OverrideInspection::Unseen(reason) if self.known.contains_key(folder) => {
                Some(format!("{folder} cannot be inspected ({reason}); what its han.yml last said holds"))
            }
            OverrideInspection::Unseen(reason) => {
                let report = format!(
                    "{folder} cannot be inspected ({reason}); its sessions wait until this user may read it"
                );
                self.unseen.insert(folder.to_owned(), reason);
                Some(report)
            }
        }
    }

    /// The union of the overrides that concern a session, by its folder or its repository.
    pub fn for_session(&self, folder: Option<&str>, repository: Option<&str>) -> ProjectOverride {
        let mut union = ProjectOverride::default();
        for (known_folder, known) in &self.known {
            let same_folder = folder == Some(known_folder.as_str());
            let same_repository = repository.is_some() && known.repository.as_deref() == repository;
            if same_folder || same_repository {
                union.extend(known);
            }
        }
        if let Some((folder, reason)) = folder.and_then(|folder| self.unseen.get_key_value(folder)) {
            union.disabled_by.insert(format!("{folder} ({reason})"));
        }
        union
    }
}

/// Inspects a project's folder. `known`: the override that was seen earlier; `own`: the user's own configuration, which is
/// no repository's file. Blocks for as long as the file system does.
pub fn inspect(
    folder: &Path,
    known: &ProjectOverride,
    own: &Path,
    reports: &mut Vec<String>,
) -> OverrideInspection {
    let search = match SearchPath::of(folder) {
        Ok(search) => search,
        Err(error) => return OverrideInspection::Unseen(error.to_string()),
    };
    let mut found = ProjectOverride::default();
    let mut inspector = Inspector { tops: &search.tops, own, reports };
    for folder in &search.folders {
        inspector.folder(folder, &mut found);
    }
    for file in known.files().collect::<BTreeSet<_>>() {
        let file = Path::new(file);
        let Some(folder) = folder_of(file).filter(|folder| !search.folders.iter().any(|it| it == folder))
        else {
            continue;
        };
        // Elsewhere now, or gone together with the folder: its last words hold until it can be read.
        let tops = match working_tree::exists(folder) {
            Ok(true) => SearchPath::of(folder).map(|search| search.tops),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        match tops {
            Ok(tops) => Inspector { tops: &tops, own, reports: inspector.reports }.file(file, &mut found),
            Err(_) => found.add(file, known.restriction_by(file)),
        }
    }
    OverrideInspection::Seen(found)
}

/// The folder of a working tree that one of [`FILES`] lies in.
fn folder_of(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    if folder.ends_with(CLAUDE_FOLDER) { folder.parent() } else { Some(folder) }
}

/// The inspection of one working tree.
struct Inspector<'a> {
    tops: &'a [PathBuf],
    own: &'a Path,
    reports: &'a mut Vec<String>,
}

impl Inspector<'_> {
    fn folder(&mut self, folder: &Path, found: &mut ProjectOverride) {
        let claude_folder = folder.join(CLAUDE_FOLDER);
        match working_tree::exists(&claude_folder) {
            Ok(true) => CLAUDE_FILES.iter().for_each(|name| self.file(&claude_folder.join(name), found)),
            Ok(false) => {}
            Err(error) => self.withhold(&claude_folder.join(CLAUDE_FILES[0]), &error.to_string(), found),
        }
        FILES.iter().for_each(|name| self.file(&folder.join(name), found));
    }

    fn file(&mut self, file: &Path, found: &mut ProjectOverride) {
        let parsed = match self.read(file) {
            Ok(None) => return,
            Ok(Some(text)) => repository_file::parse(&text),
            Err(error) => Err(error.to_string()),
        };
        match parsed {
            Ok((restriction, sentences)) => {
                found.add(file, restriction);
                self.reports
                    .extend(sentences.into_iter().map(|sentence| format!("{}: {sentence}", file.display())));
            }
            Err(reason) => self.withhold(file, &reason, found),
        }
    }

    /// Reads a file that may be absent. A link may lead to another file of the repository, and nowhere else.
    fn read(&self, file: &Path) -> io::Result<Option<String>> {
        match fs::symlink_metadata(file) {
            Err(error) if working_tree::is_gone(&error) => return Ok(None),
            metadata => metadata?,
        };
        let real = fs::canonicalize(file)?;
        if real == self.own {
            return Ok(None);
        }
        if !self.tops.iter().any(|top| real.starts_with(top)) {
            return Err(io::Error::other("it is a link that leads out of the repository"));
        }
        small_file::read(&real).map(Some)
    }

    fn withhold(&mut self, file: &Path, reason: &str, found: &mut ProjectOverride) {
        found.add(file, Restriction { disabled: true, ..Restriction::default() });
        self.reports.push(format!(
            "{} cannot be read ({reason}); until it can, its repository's sessions are not sent",
            file.display()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inspects a folder of that repository once more, and returns the reports.
    fn refresh(known: &mut ProjectOverrides, folder: &Path) -> Vec<String> {
        let mut reports = Vec::new();
        let name = folder.display().to_string();
        let inspection = inspect(folder, &known.of(&name), Path::new(""), &mut reports);
        reports.extend(known.record(&name, Some("github.com/acme/api".to_owned()), inspection));
        reports
    }

    fn is_disabled(known: &ProjectOverrides) -> bool {
        !known.for_session(None, Some("github.com/acme/api")).disabled_by.is_empty()
    }

    #[test]
    fn override_outlives_the_folder_and_ends_when_the_folder_no_longer_says_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("api");
        fs::create_dir_all(folder.join(".claude")).unwrap();
        fs::write(folder.join(".claude/han.yml"), "sync:\n  enabled: false\n").unwrap();
        let mut known = ProjectOverrides::default();
        assert!(refresh(&mut known, &folder).is_empty());
        assert!(is_disabled(&known));

        fs::rename(&folder, place.path().join("gone")).unwrap();
        refresh(&mut known, &folder);
        assert!(is_disabled(&known));

        fs::create_dir_all(&folder).unwrap();
        refresh(&mut known, &folder);
        assert!(!is_disabled(&known) && known.is_empty());
    }

    #[test]
    fn override_of_the_root_outlives_the_folder_and_ends_when_the_root_no_longer_says_it() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir(root.join("web")).unwrap();
        fs::write(root.join("han.yml"), "sync:\n  enabled: false\n").unwrap();
        let mut known = ProjectOverrides::default();
        refresh(&mut known, &root.join("web"));
        // The folder is no longer in the working tree.
        fs::remove_dir(root.join(".git")).unwrap();
        for _ in 0..2 {
            refresh(&mut known, &root.join("web"));
            assert!(is_disabled(&known));
            let _ = fs::remove_dir(root.join("web"));
        }
        fs::write(root.join("han.yml"), "").unwrap();
        refresh(&mut known, &root.join("web"));
        assert!(!is_disabled(&known));
    }

    #[test]
    fn folder_that_cannot_be_inspected_withholds_its_own_sessions_unless_an_override_is_known() {
        let mut known = ProjectOverrides::default();
        let unseen = || OverrideInspection::Unseen("permission denied".to_owned());
        assert!(known.record("/a", None, unseen()).is_some());
        assert!(!known.for_session(Some("/a"), None).disabled_by.is_empty());
        assert!(known.for_session(Some("/b"), Some("github.com/acme/api")).disabled_by.is_empty());

        let mut found = ProjectOverride::default();
        found.content_disabled_by.insert("/a/han.yml".to_owned());
        known.record("/a", None, OverrideInspection::Seen(found));
        known.record("/a", None, unseen());
        let restriction = known.for_session(Some("/a"), None);
        assert!(restriction.disabled_by.is_empty() && !restriction.content_disabled_by.is_empty());
    }

    #[test]
    fn repository_can_widen_nothing() {
        let place = tempfile::tempdir().unwrap();
        let text = "sync:\n  enabled: true\n  includeContent: true\n  endpoint: https://evil.example/\n";
        fs::write(place.path().join("han.yml"), text).unwrap();
        let mut known = ProjectOverrides::default();
        assert_eq!(refresh(&mut known, place.path()).len(), 3);
        assert!(known.is_empty());
    }

    #[test]
    fn overrides_are_read_as_an_earlier_version_wrote_them() {
        let text = r#"{"/a": {"repository": null, "disabled": "/a/han.yml", "withoutContent": null}}"#;
        let read: ProjectOverrides = serde_json::from_str(text).unwrap();
        assert_eq!(read.of("/a").disabled_by.len(), 1);
        assert_eq!(read.of("/a").content_disabled_by.len(), 0);
        let again: ProjectOverrides = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }
}
