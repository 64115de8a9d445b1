//! Inspection of project folders: reads the project overrides of the repositories whose sessions could be sent.
//!
//! A folder may lie on a disk that is slow or absent: nothing here runs inside a snapshot, and an override that is already
//! known outlives its folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::exporter::config::project_override::{self, ProjectOverride};
use crate::exporter::error::Error;
use crate::exporter::plan::eligibility::{Eligibility, EligibilityFilter};
use crate::exporter::source::Source;

/// Result of an inspection.
pub(super) struct FolderInspection {
    /// The inspected folders, in order.
    pub(super) folders: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// True if an override has come, gone or changed.
    pub(super) is_changed: bool,
}

/// Inspects the project folders of the source, and updates the known overrides.
pub(super) fn inspect(
    source: &Source,
    filter: EligibilityFilter,
    overrides: &mut BTreeMap<String, ProjectOverride>,
) -> Result<FolderInspection, Error> {
    let projects = source.snapshot()?.project_folders()?;
    let folders = relevant_folders(projects, filter);
    let before = overrides.clone();
    let warnings = project_override::refresh(overrides, &folders);
    let is_changed = before != *overrides;
    let mut folders: Vec<String> = folders.into_iter().map(|(folder, _)| folder).collect();
    folders.dedup();
    Ok(FolderInspection { folders, warnings, is_changed })
}

/// Folders whose overrides can matter, each with its repository: those of eligible repositories, and those without a
/// repository, because sessions of a project whose link is gone may be eligible by their last known repository.
fn relevant_folders(
    projects: Vec<(String, Option<String>)>,
    filter: EligibilityFilter,
) -> BTreeSet<(String, Option<String>)> {
    let mut decisions: HashMap<String, Option<String>> = HashMap::new();
    let mut eligible_path = |remote: String| {
        let decide = |remote: &String| match filter.decide_by_remote(Some(remote), None) {
            Eligibility::Eligible { remote, .. } => Some(remote.path().to_owned()),
            Eligibility::Excluded { .. } => None,
        };
        decisions.entry(remote).or_insert_with_key(decide).clone()
    };
    let mut folders = BTreeSet::new();
    for (folder, remote) in projects {
        match remote.map(&mut eligible_path) {
            Some(None) => {}
            Some(path) => drop(folders.insert((folder, path))),
            None => drop(folders.insert((folder, None))),
        }
    }
    folders
}
