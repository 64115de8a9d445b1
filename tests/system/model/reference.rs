//! The reference model: what may leave, by the contract's rules over a few repositories, and what a run can have known at a
//! moment: computed apart from the exporter, from what was done to the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use han_sync::protocol::Inclusion;

use super::action::ProjectOverride;
use crate::support::han_db::{ExpectedMessage, ExpectedSession, ExpectedTask};

/// The remotes that each repository of the simulation may have, and what they are in normal form.
pub const REMOTES: [&[(&str, Option<&str>)]; 5] = [
    &[
        ("https://github.com/acme-corp/api.git", Some("github.com/acme-corp/api")),
        ("git@github.com:acme-corp/api", Some("github.com/acme-corp/api")),
        ("https://github.com/acme-corp/api-next", Some("github.com/acme-corp/api-next")),
        ("https://github.com/stranger/api", Some("github.com/stranger/api")),
        ("/srv/git/api", None),
    ],
    &[
        ("git@github.com:alice/blog.git", Some("github.com/alice/blog")),
        ("https://github.com/acme-corp/blog", Some("github.com/acme-corp/blog")),
    ],
    &[
        ("https://github.com/stranger/left-pad", Some("github.com/stranger/left-pad")),
        ("https://github.com/acme-corp-evil/api", Some("github.com/acme-corp-evil/api")),
    ],
    &[
        ("https://github.com/globex/web/", Some("github.com/globex/web")),
        ("ssh://git@gitlab.com:2222/acme/platform/tools", Some("gitlab.com/acme/platform/tools")),
    ],
    &[
        ("https://gitlab.com/acme/platform/core.git", Some("gitlab.com/acme/platform/core")),
        ("https://user:token@github.com/acme-corp/core", Some("github.com/acme-corp/core")),
    ],
];

/// A repository in normal form, by the table.
pub fn path_of(remote: &str) -> Option<&'static str> {
    let all = REMOTES.iter().flat_map(|forms| forms.iter());
    all.into_iter().find(|(raw, _)| *raw == remote).expect("a remote of the table").1
}

/// The user's own configuration, as far as it decides about anything here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Config {
    pub exclude_api: bool,
    pub include_stranger: bool,
    pub include_personal: bool,
    pub globex: bool,
    pub content: bool,
    pub place: Destination,
}

/// A destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    pub bob: bool,
    pub other_endpoint: bool,
}

/// The part of an identity that decides anything here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    pub acme: bool,
    pub globex: bool,
}

/// Contract section 4, its five rules in order, over the table's repositories. No claims: nobody knows who the user is.
pub fn is_eligible(path: Option<&str>, config: &Config, claims: Option<Claims>) -> bool {
    let Some(path) = path else { return false };
    let owned_by = |owner: &str| owns(owner, path);
    if config.exclude_api && path == "github.com/acme-corp/api" {
        return false;
    }
    if config.include_stranger && owned_by("github.com/stranger") {
        return true;
    }
    let Some(claims) = claims else { return config.globex && owned_by(GLOBEX) };
    if owned_by(own_account(config)) {
        return config.include_personal;
    }
    claims.own(path) || (config.globex && owned_by(GLOBEX))
}

/// The rule that lets an eligible repository through.
pub fn inclusion_of(path: &str, config: &Config) -> Inclusion {
    if config.include_stranger && owns("github.com/stranger", path) {
        Inclusion::ForcedInclude
    } else if owns(own_account(config), path) {
        Inclusion::Personal
    } else {
        Inclusion::Organization
    }
}

fn own_account(config: &Config) -> &'static str {
    if config.place.bob { "github.com/bob" } else { "github.com/alice" }
}

/// True if an owner, whole segments of a path, owns a repository.
pub fn owns(owner: &str, path: &str) -> bool {
    path.strip_prefix(owner).is_some_and(|rest| rest.starts_with('/'))
}

/// The owners that the organization may have.
pub const OWNERS: [&str; 3] = ["github.com/acme-corp", "gitlab.com/acme", GLOBEX];
const GLOBEX: &str = "github.com/globex";

impl Claims {
    /// True if an owner is the organization's.
    pub fn has(self, owner: &str) -> bool {
        if owner == GLOBEX { self.globex } else { self.acme }
    }

    /// The claims that are sure to have an effect: an owner that is named after the first contact has one a day later.
    pub fn in_force(self) -> Claims {
        Claims { globex: false, ..self }
    }

    /// True if the organization owns a repository.
    pub fn own(self, path: &str) -> bool {
        OWNERS.iter().any(|owner| self.has(owner) && owns(owner, path))
    }
}

/// Contents of the database at a moment.
#[derive(Debug, Default)]
pub struct Contents {
    pub sessions: BTreeMap<String, Held>,
    /// Folder and remote of each project.
    pub projects: Vec<(String, Option<String>)>,
}

#[derive(Debug)]
pub struct Held {
    pub wire: ExpectedSession,
    pub folder: Option<String>,
}

/// The state of the simulation at a moment at which a run may read.
#[derive(Debug, Clone)]
pub struct Reading {
    pub now: DateTime<Utc>,
    pub contents: Rc<Contents>,
    pub config: Config,
    /// Project overrides of the folders that exist.
    pub folders: BTreeMap<String, ProjectOverride>,
    /// Identity that the receiver of the configured destination would serve.
    pub claims: Claims,
}

/// A project_override that a run saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub project_override: ProjectOverride,
    pub repository: Option<&'static str>,
    /// True if the state is sure to hold it.
    pub certain: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct KnownIdentity {
    pub at: DateTime<Utc>,
    pub claims: Claims,
}

/// Contents of a session when it was dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    pub messages: BTreeSet<String>,
    pub tasks: Vec<ExpectedTask>,
    pub fields: (String, Option<String>, Option<String>, Option<&'static str>),
}

/// Everything that the runs so far can have learned.
#[derive(Debug, Default, Clone)]
pub struct Knowledge {
    /// Identities that the state may hold, by destination.
    pub told: BTreeMap<Destination, Vec<KnownIdentity>>,
    /// Repositories that the state may know of a session, `None`: one that cannot be read.
    pub repositories: BTreeMap<String, BTreeSet<Option<&'static str>>>,
    /// Repositories that the state is sure to know.
    pub sure: BTreeMap<String, &'static str>,
    pub seen: BTreeMap<String, Seen>,
}

/// The certainty about a run's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Whatever it learned, it may not have kept.
    Nothing,
    /// The run has read everything, and has saved what withholds sessions.
    Looked,
    /// The run has saved its state.
    Saved,
}

/// Time for which a cached identity may be used.
const USABLE: TimeDelta = TimeDelta::hours(24);

impl Knowledge {
    /// Merges what an older state may hold.
    pub fn or(&mut self, older: &Knowledge) {
        for (place, told) in &older.told {
            self.told.entry(*place).or_default().extend(told);
        }
        for (session, repositories) in &older.repositories {
            self.repositories.entry(session.clone()).or_default().extend(repositories);
        }
        for (folder, seen) in &older.seen {
            self.seen.entry(folder.clone()).or_insert(*seen);
        }
        self.seen.values_mut().for_each(|seen| seen.certain = false);
        self.sure.clear();
    }

    /// Learns what a run saw.
    pub fn learn(&mut self, reading: &Reading, certainty: Certainty) {
        let certain = certainty >= Certainty::Looked;
        for (id, held) in &reading.contents.sessions {
            let Some(remote) = &held.wire.remote else { continue };
            let known = self.repositories.entry(id.clone()).or_default();
            if certain {
                known.clear();
            }
            let path = path_of(remote);
            known.insert(path);
            match path.filter(|_| certainty == Certainty::Saved) {
                Some(path) => drop(self.sure.insert(id.clone(), path)),
                None if self.sure.get(id).copied() != path => drop(self.sure.remove(id)),
                None => {}
            }
        }
        let candidates = self.candidates(reading);
        for (folder, project_override) in &reading.folders {
            let project = reading.contents.projects.iter().find(|(place, _)| place == folder);
            let remote = project.and_then(|(_, remote)| remote.as_deref());
            let path = remote.and_then(path_of);
            if *project_override == ProjectOverride::Nothing {
                if certain {
                    self.seen.remove(folder);
                } else if let Some(seen) = self.seen.get_mut(folder) {
                    seen.certain = false;
                }
                continue;
            }
            let verdicts = candidates.iter().map(|claims| is_eligible(path, &reading.config, *claims));
            let mut sure_verdicts = candidates
                .iter()
                .map(|claims| is_eligible(path, &reading.config, claims.map(Claims::in_force)));
            let eligible = verdicts.into_iter().any(|it| it);
            let earlier = self.seen.get(folder).copied();
            if project.is_none() && earlier.is_none() {
                continue;
            }
            if earlier.is_none() && remote.is_some() && !eligible {
                continue;
            }
            let surely = certain && (earlier.is_some() || remote.is_none() || sure_verdicts.all(|it| it));
            let repository = path.filter(|_| eligible).or(earlier.and_then(|seen| seen.repository));
            self.seen.insert(
                folder.clone(),
                Seen { project_override: *project_override, repository, certain: surely },
            );
        }
    }

    /// The identities that a run may go by; nobody is known in the worst case.
    pub fn candidates(&self, reading: &Reading) -> Vec<Option<Claims>> {
        let told = self.told.get(&reading.config.place).into_iter().flatten();
        let usable = told.filter(|told| reading.now - told.at < USABLE).map(|told| Some(told.claims));
        std::iter::once(None).chain(usable).collect()
    }

    /// The repositories that a session may count as.
    pub fn paths(&self, held: &Held) -> Vec<Option<&'static str>> {
        match &held.wire.remote {
            Some(remote) => vec![path_of(remote)],
            None => self.repositories.get(&held.wire.id).into_iter().flatten().copied().collect(),
        }
    }

    /// True if a project_override that holds, or `maybe` holds, keeps a session or its text here.
    pub fn is_narrowed(
        &self,
        reading: &Reading,
        held: &Held,
        path: &str,
        maybe: bool,
        narrows: impl Fn(ProjectOverride) -> bool,
    ) -> bool {
        let own = |folder: &String| held.folder.as_ref() == Some(folder);
        let linked = |folder: &String| {
            let project = reading.contents.projects.iter().find(|(place, _)| place == folder);
            project.and_then(|(_, remote)| remote.as_deref()).and_then(path_of) == Some(path)
        };
        let visible = reading.folders.iter().any(|(folder, says)| {
            let remembered = maybe && self.seen.get(folder).is_some_and(|it| it.repository == Some(path));
            narrows(*says) && (own(folder) || linked(folder) || remembered)
        });
        let gone = self.seen.iter().filter(|(folder, _)| !reading.folders.contains_key(*folder));
        visible
            || gone.into_iter().any(|(folder, seen)| {
                (seen.certain || maybe)
                    && narrows(seen.project_override)
                    && (own(folder) || seen.repository == Some(path))
            })
    }

    /// Returns `Some` if a session may leave as a repository, with true if its content may too.
    pub fn permits(&self, reading: &Reading, held: &Held, path: &str, by: &[Option<Claims>]) -> Option<bool> {
        let eligible = by.iter().any(|claims| is_eligible(Some(path), &reading.config, *claims));
        if !eligible || self.is_narrowed(reading, held, path, false, stops) {
            return None;
        }
        Some(reading.config.content && !self.is_narrowed(reading, held, path, false, silences))
    }
}

pub fn stops(project_override: ProjectOverride) -> bool {
    matches!(project_override, ProjectOverride::Disabled | ProjectOverride::Unreadable)
}

pub fn silences(project_override: ProjectOverride) -> bool {
    project_override != ProjectOverride::Nothing
}

impl Held {
    pub fn holding(&self, path: Option<&'static str>) -> Holding {
        let wire = &self.wire;
        Holding {
            messages: wire.messages.keys().cloned().collect(),
            tasks: wire.tasks.values().cloned().collect(),
            fields: (wire.status.clone(), wire.slug.clone(), wire.harness.clone(), path),
        }
    }
}

impl Holding {
    /// True if this holds anything that another did not.
    pub fn is_news_to(&self, other: &Holding) -> bool {
        self.fields != other.fields
            || !self.messages.is_subset(&other.messages)
            || self.tasks.iter().any(|task| !other.tasks.contains(task))
    }
}

/// True if a message on the wire is that of a row, in every field but text and hash.
pub fn same_message(row: &ExpectedMessage, message: &han_sync::protocol::SyncMessage) -> bool {
    row.id == message.id
        && row.line_number == message.line_number
        && row.message_type == message.message_type
        && row.timestamp == message.timestamp
        && row.input_tokens == message.input_tokens
        && row.output_tokens == message.output_tokens
        && row.cache_read_tokens == message.cache_read_tokens
        && row.cache_creation_tokens == message.cache_creation_tokens
        && Some(&row.stream) == message.stream.as_ref()
        && row.agent_id == message.agent_id
        && row.parent_id == message.parent_id
        && row.role == message.role
        && row.tool_name == message.tool_name
        && row.model == message.model
        && row.usage_id == message.usage_id
        && row.lines_added == message.lines_added
        && row.lines_removed == message.lines_removed
        && row.files_changed == message.files_changed
}

/// True if a task on the wire is one of the database's, in every field but its texts.
pub fn same_task(row: &ExpectedTask, task: &han_sync::protocol::SyncTask) -> bool {
    row.id == task.id
        && row.status == task.status
        && row.created_at == task.created_at
        && row.updated_at == task.updated_at
}
