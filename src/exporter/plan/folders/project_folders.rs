//! OverrideInspection of project folders: reads the project overrides of the repositories whose sessions could be sent.
//!
//! Nothing here runs inside a snapshot, because a folder may answer late or never. One that has not answered by the deadline
//! counts as one that cannot be inspected. An override that is already known outlives its folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::exporter::config::Config;
use crate::exporter::config::project_override::{
    self, OverrideInspection, ProjectOverride, ProjectOverrides,
};
use crate::exporter::plan::eligibility::{Eligibility, EligibilityFilter};
use crate::exporter::plan::folders::threads::{self, DEADLINE};
use crate::exporter::plan::session_repository::SessionRepository;

/// Result of an inspection.
pub(in crate::exporter::plan) struct FolderInspection {
    /// The inspected folders, in order.
    pub(in crate::exporter::plan) folders: Vec<String>,
    pub(in crate::exporter::plan) warnings: Vec<String>,
    /// True if an override has come, gone or changed.
    pub(in crate::exporter::plan) is_changed: bool,
}

/// Inspects folders of projects and sessions, each with its remote where it has one; updates the known overrides.
pub(in crate::exporter::plan) fn inspect(
    projects: Vec<(String, Option<String>)>,
    filter: EligibilityFilter,
    overrides: &mut ProjectOverrides,
) -> FolderInspection {
    let folders = relevant_folders(projects, filter);
    let before = overrides.clone();
    let warnings = refresh(overrides, &folders, filter.config);
    let is_changed = !before.is_same_on_disk(overrides);
    let mut folders: Vec<String> = folders.into_iter().map(|(folder, _)| folder).collect();
    folders.dedup();
    FolderInspection { folders, warnings, is_changed }
}

/// Folders whose overrides can matter, each with its repository: those of eligible repositories, and those without a
/// repository, because sessions of a project whose link is gone may be eligible by their last known repository.
fn relevant_folders(
    projects: Vec<(String, Option<String>)>,
    filter: EligibilityFilter,
) -> BTreeSet<(String, Option<String>)> {
    let mut decisions: HashMap<String, Option<String>> = HashMap::new();
    let mut eligible_path = |remote: String| {
        let decide =
            |remote: &String| match filter.decide_by_repository(&SessionRepository::of_remote(remote)) {
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

/// Inspects project folders, each with its normalized repository, and the folders of known overrides; updates the
/// overrides. Returns reports for the user.
pub(in crate::exporter::plan) fn refresh(
    overrides: &mut ProjectOverrides,
    folders: &BTreeSet<(String, Option<String>)>,
    config: &Config,
) -> Vec<String> {
    let mut repositories: BTreeMap<String, Option<String>> =
        overrides.folders().map(|folder| (folder.to_owned(), None)).collect();
    for (folder, repository) in folders {
        let known = repositories.entry(folder.clone()).or_default();
        *known = repository.clone().or(known.take());
    }
    let jobs = repositories
        .keys()
        .map(|folder| InspectionJob { folder: folder.clone(), known: overrides.of(folder) });
    let (mut inspections, mut reports) = inspect_all(jobs.collect(), &config.file);
    for (folder, repository) in repositories {
        let no_answer = || OverrideInspection::Unseen(format!("no answer within {} s", DEADLINE.as_secs()));
        let inspection = inspections.remove(&folder).unwrap_or_else(no_answer);
        reports.extend(overrides.record(&folder, repository, inspection));
    }
    reports.sort();
    reports.dedup();
    reports
}

/// A folder to inspect, with its known override.
struct InspectionJob {
    folder: String,
    known: ProjectOverride,
}

/// The inspection of a folder, from a thread.
struct InspectedFolder {
    folder: String,
    inspection: OverrideInspection,
    reports: Vec<String>,
}

/// Inspections by folder.
type Inspections = HashMap<String, OverrideInspection>;

/// Inspects folders until the deadline. `own`: path of the user's own configuration.
fn inspect_all(jobs: Vec<InspectionJob>, own: &Path) -> (Inspections, Vec<String>) {
    let own = own.to_owned();
    let answers = threads::answers(jobs, move |InspectionJob { folder, known }| {
        let own = std::fs::canonicalize(&own).unwrap_or_else(|_| own.clone());
        let mut reports = Vec::new();
        let inspection = project_override::inspect(Path::new(&folder), &known, &own, &mut reports);
        InspectedFolder { folder, inspection, reports }
    });
    let (mut inspections, mut reports) = (Inspections::new(), Vec::new());
    for InspectedFolder { folder, inspection, reports: more } in answers {
        inspections.insert(folder, inspection);
        reports.extend(more);
    }
    (inspections, reports)
}
