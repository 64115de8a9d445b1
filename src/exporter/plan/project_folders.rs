//! OverrideInspection of project folders: reads the project overrides of the repositories whose sessions could be sent.
//!
//! A folder may lie on a disk that is slow or dead, and a file in it may block its reader. So nothing here runs inside a
//! snapshot, and the inspection runs on threads of its own, with a deadline: a folder that has not answered by then counts
//! as one that cannot be inspected. An override that is already known outlives its folder.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::exporter::config::Config;
use crate::exporter::config::project_override::{
    self, OverrideInspection, ProjectOverride, ProjectOverrides,
};
use crate::exporter::error::Error;
use crate::exporter::plan::eligibility::{Eligibility, EligibilityFilter};
use crate::exporter::source::Source;

/// Time for all folders together. A local disk answers in milliseconds; a sleeping one answers the next run.
const DEADLINE: Duration = Duration::from_secs(5);
/// Time without an answer after which another thread goes on with the next folder, so that a dead one holds up no other.
const PATIENCE: Duration = Duration::from_millis(50);
/// Bytes of a thread's stack, as the main thread has: the parser recurses as deep as a file may nest.
const STACK_BYTES: usize = 8 << 20;

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
    overrides: &mut ProjectOverrides,
) -> Result<FolderInspection, Error> {
    let projects = source.snapshot()?.project_folders()?;
    let folders = relevant_folders(projects, filter);
    let before = overrides.clone();
    let warnings = refresh(overrides, &folders, filter.config);
    let is_changed = !before.is_same_on_disk(overrides);
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

/// Inspects project folders, each with its normalized repository, and the folders of known overrides; updates the
/// overrides. Returns reports for the user.
pub(super) fn refresh(
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
    let (mut inspections, mut reports) = inspect_all(jobs.collect(), &config.file, DEADLINE);
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

/// Inspections by folder.
type Inspections = HashMap<String, OverrideInspection>;

/// Inspects folders until the deadline. `own`: path of the user's own configuration. A thread that a dead folder holds ends
/// with the program.
fn inspect_all(jobs: VecDeque<InspectionJob>, own: &Path, deadline: Duration) -> (Inspections, Vec<String>) {
    let (mut inspections, mut reports) = (Inspections::new(), Vec::new());
    let count = jobs.len();
    let started = Instant::now();
    let (sender, answers) = mpsc::channel();
    let crew = Crew { jobs: Arc::new(Mutex::new(jobs)), own: own.to_owned(), sender };
    crew.add_thread();
    while inspections.len() < count {
        let Some(left) = deadline.checked_sub(started.elapsed()) else { break };
        match answers.recv_timeout(left.min(PATIENCE)) {
            Ok(InspectedFolder { folder, inspection, reports: more }) => {
                inspections.insert(folder, inspection);
                reports.extend(more);
            }
            Err(RecvTimeoutError::Timeout) => crew.add_thread(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    (inspections, reports)
}

/// The inspection of a folder, from a thread.
struct InspectedFolder {
    folder: String,
    inspection: OverrideInspection,
    reports: Vec<String>,
}

/// The threads that take folders from one list.
struct Crew {
    jobs: Arc<Mutex<VecDeque<InspectionJob>>>,
    own: PathBuf,
    sender: Sender<InspectedFolder>,
}

impl Crew {
    /// Adds a thread if folders are left. One that cannot be started leaves them without an answer.
    fn add_thread(&self) {
        if self.jobs.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        let (jobs, own, sender) = (self.jobs.clone(), self.own.clone(), self.sender.clone());
        let work = move || {
            let own = std::fs::canonicalize(&own).unwrap_or(own);
            let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some(InspectionJob { folder, known }) = next() {
                let mut reports = Vec::new();
                let inspection = project_override::inspect(Path::new(&folder), &known, &own, &mut reports);
                if sender.send(InspectedFolder { folder, inspection, reports }).is_err() {
                    return;
                }
            }
        };
        let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
    }
}
