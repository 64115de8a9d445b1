//! The privacy filter: decides by a session's repository if the session may leave the machine.
//!
//! The filter is pure and fails closed: a session is eligible only where a rule says so, and a repository or owner that is
//! unreadable, unknown or outdated excludes it.

use std::fmt;

use crate::exporter::config::project_override::ProjectOverrides;
use crate::exporter::config::{Config, PrivacyRules};
use crate::exporter::plan::session_repository::{RepositoryOrigin, SessionRepository};
use crate::exporter::state::tombstones::Tombstone;
use crate::protocol::remote::{Owner, Pattern, Remote, RemoteError};
use crate::protocol::{Identity, Inclusion};

/// Owners that are the user's own accounts and organizations, as far as the receiver's identity names them.
#[derive(Debug, Clone)]
pub struct Affiliations {
    knowledge: Knowledge,
    accounts: Vec<Owner>,
    organizations: Vec<Owner>,
    /// Owners that the receiver named less than a day ago, which have no effect yet.
    pending: Vec<Owner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Known,
    /// The receiver has no identity endpoint; only the configuration names owners.
    Unsupported,
    /// No identity was ever learned, or it is too old to be relied on.
    Unknown,
}

impl Affiliations {
    /// Affiliations of a usable identity. Owners that cannot be parsed, such as a host alone, own nothing.
    pub fn known(identity: &Identity) -> Affiliations {
        let parse = |owners: &[String]| {
            owners.iter().filter_map(|owner| Owner::parse(owner).ok()).collect::<Vec<_>>()
        };
        Affiliations {
            knowledge: Knowledge::Known,
            accounts: accounts(&identity.accounts),
            organizations: identity.organizations.iter().flat_map(|each| parse(&each.owners)).collect(),
            pending: Vec::new(),
        }
    }

    /// Withholds effect from the owners of organizations that are pending.
    #[must_use]
    pub fn without_pending(mut self, is_pending: impl Fn(&Owner) -> bool) -> Affiliations {
        self.pending = self.organizations.extract_if(.., |owner| is_pending(owner)).collect();
        self
    }

    /// Affiliations where the receiver has never had the identity endpoint.
    pub fn unsupported() -> Affiliations {
        Affiliations {
            knowledge: Knowledge::Unsupported,
            accounts: Vec::new(),
            organizations: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Affiliations before the identity was first learned.
    pub fn unknown() -> Affiliations {
        Affiliations { knowledge: Knowledge::Unknown, ..Affiliations::unsupported() }
    }

    /// Affiliations after the identity has become too old. Its accounts still exclude, or the loss of an identity could make
    /// a personal repository below a configured organization eligible; its organizations no longer include.
    pub fn expired(identity: &Identity) -> Affiliations {
        Affiliations {
            knowledge: Knowledge::Unknown,
            organizations: Vec::new(),
            ..Affiliations::known(identity)
        }
    }
}

/// The accounts in both spellings, since an account withholds.
fn accounts(owners: &[String]) -> Vec<Owner> {
    let mut accounts: Vec<Owner> = Vec::new();
    for owner in owners.iter().flat_map(|owner| [Owner::parse(owner), Owner::as_spelled(owner)]).flatten() {
        if !accounts.contains(&owner) {
            accounts.push(owner);
        }
    }
    accounts
}

/// Decision of the filter on a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligibility {
    /// May leave the machine.
    Eligible {
        /// Repository of the session.
        remote: Remote,
        /// Rule that made the session eligible.
        inclusion: Inclusion,
        /// Setting that decided.
        matched: Matched,
    },
    /// Stays on the machine.
    Excluded {
        /// Reason, with its remedy.
        reason: ExcludedReason,
        /// `None` where the session has none or it cannot be parsed.
        remote: Option<Remote>,
        /// `None` where no rule matched.
        matched: Option<Matched>,
    },
}

impl Eligibility {
    /// Repository that was decided on; `None` where the session has none or it cannot be parsed.
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Eligibility::Eligible { remote, .. } => Some(remote),
            Eligibility::Excluded { remote, .. } => remote.as_ref(),
        }
    }
}

/// Value that decided, with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Kind of the setting.
    pub source: MatchSource,
    /// A pattern as the user wrote it, or an owner in normal form.
    pub value: String,
}

/// Kind of the setting that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchSource {
    /// Pattern of `forceExclude`.
    ForceExclude,
    /// Pattern of `forceInclude`.
    ForceInclude,
    /// `accounts` of the receiver's identity.
    Account,
    /// `accounts` of the configuration.
    ConfiguredAccount,
    /// `organizations` of the receiver's identity.
    Organization,
    /// `organizations` of the configuration.
    ConfiguredOrganization,
    /// Folder in which the session began.
    SessionFolder,
}

impl MatchSource {
    /// Stable name for `explain`.
    pub fn code(self) -> &'static str {
        match self {
            MatchSource::ForceExclude => "force_exclude",
            MatchSource::ForceInclude => "force_include",
            MatchSource::Account => "account",
            MatchSource::ConfiguredAccount => "configured_account",
            MatchSource::Organization => "organization",
            MatchSource::ConfiguredOrganization => "configured_organization",
            MatchSource::SessionFolder => "session_folder",
        }
    }
}

/// Reason why a session stays on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExcludedReason {
    /// A pattern of `forceExclude` matches.
    ForcedExclude,
    /// The owner is an own account.
    Personal,
    /// The project has no repository remote.
    NoRemote,
    /// The session began outside of its project's folder, and no repository can be read there.
    FolderMismatch,
    /// The remote cannot be parsed.
    UnparsableRemote(RemoteError),
    /// The owner is no organization of the user.
    OwnerUnknown,
    /// The receiver named the owner for the first time less than a day ago.
    OwnerPending,
    /// The identity is missing or too old.
    IdentityUnknown,
    /// The repository's project override says `enabled: false`.
    DisabledByRepository,
    /// The user forgot the session.
    Forgotten,
    /// The user forgot the session elsewhere, and the receiver said so.
    ForgottenElsewhere,
}

impl ExcludedReason {
    /// Stable name in JSON output.
    pub fn code(self) -> &'static str {
        match self {
            ExcludedReason::ForcedExclude => "forced_exclude",
            ExcludedReason::Personal => "personal",
            ExcludedReason::NoRemote => "no_remote",
            ExcludedReason::FolderMismatch => "folder_mismatch",
            ExcludedReason::UnparsableRemote(_) => "unparsable_remote",
            ExcludedReason::OwnerUnknown => "owner_unknown",
            ExcludedReason::OwnerPending => "owner_pending",
            ExcludedReason::IdentityUnknown => "identity_unknown",
            ExcludedReason::DisabledByRepository => "disabled_by_repository",
            ExcludedReason::Forgotten | ExcludedReason::ForgottenElsewhere => "forgotten",
        }
    }

    /// Advice that would make the session eligible.
    pub fn remedy(self) -> &'static str {
        match self {
            ExcludedReason::ForcedExclude => {
                "remove the pattern from forceExclude, which beats every other rule"
            }
            ExcludedReason::Personal => "set includePersonal to true, or add the repository to forceInclude",
            ExcludedReason::NoRemote => {
                "give the repository a remote (git remote add origin URL); the next run then finds it"
            }
            ExcludedReason::FolderMismatch => {
                "give the repository of the session's own folder a remote (git -C FOLDER remote add origin URL), or bring \
                 the folder back if it is gone"
            }
            ExcludedReason::UnparsableRemote(_) => {
                "give the repository a remote of the form https://host/owner/repo"
            }
            ExcludedReason::OwnerUnknown => {
                "add its owner to organizations or the repository to forceInclude, or have the team's administrator \
                 name the owner as one of an organization that you belong to"
            }
            ExcludedReason::OwnerPending => {
                "add the owner to organizations to accept it at once, or to accounts if it is yours; else it takes effect a \
                 day after the receiver first named it"
            }
            ExcludedReason::IdentityUnknown => {
                "let han-sync reach the receiver, which says who you are, or add its owner to organizations or the \
                 repository to forceInclude"
            }
            ExcludedReason::DisabledByRepository => {
                "remove enabled: false from the repository's own han.yml, or make the file and its folder readable"
            }
            ExcludedReason::Forgotten | ExcludedReason::ForgottenElsewhere => {
                "take it back with han-sync forget --session ID --undo, which sends the session from its beginning"
            }
        }
    }

    /// True if the session is withheld by a tombstone.
    pub fn is_forgotten(self) -> bool {
        matches!(self, ExcludedReason::Forgotten | ExcludedReason::ForgottenElsewhere)
    }

    /// Advice that would make a session eligible, with its id.
    pub fn remedy_of(self, session_id: &str) -> String {
        self.remedy().replace(" ID ", &format!(" {session_id} "))
    }
}

/// Shows the reason as a sentence.
impl fmt::Display for ExcludedReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            ExcludedReason::ForcedExclude => "a forceExclude pattern names the repository",
            ExcludedReason::Personal => "the repository belongs to one of your own accounts",
            ExcludedReason::NoRemote => "the project has no repository with a remote",
            ExcludedReason::FolderMismatch => {
                "the session began in a folder that is not its project's, and no repository can be read there"
            }
            ExcludedReason::UnparsableRemote(error) => return error.fmt(f),
            ExcludedReason::OwnerUnknown => {
                "the repository's owner is none of your organizations or accounts"
            }
            ExcludedReason::OwnerPending => {
                "the receiver named the repository's owner for the first time less than a day ago"
            }
            ExcludedReason::IdentityUnknown => "who you are at the receiver is not known, or no longer",
            ExcludedReason::DisabledByRepository => {
                "the repository's own han.yml says enabled: false, or it or its folder cannot be read"
            }
            ExcludedReason::Forgotten => "you forgot it",
            ExcludedReason::ForgottenElsewhere => {
                "you or an administrator forgot it elsewhere, and the receiver takes it no more"
            }
        })
    }
}

/// The reason by which a tombstone withholds a session.
pub fn tombstone_reason(tombstone: &Tombstone) -> ExcludedReason {
    if tombstone.is_learned { ExcludedReason::ForgottenElsewhere } else { ExcludedReason::Forgotten }
}

/// The filter of one run: its configuration, and the affiliations of its user.
#[derive(Debug, Clone, Copy)]
pub struct EligibilityFilter<'a> {
    /// Configuration in force.
    pub config: &'a Config,
    /// Organizations and accounts of the user.
    pub affiliations: &'a Affiliations,
}

/// Decision on a session and on its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Decision of the privacy filter.
    pub eligibility: Eligibility,
    /// True if the content may leave, too.
    pub include_content: bool,
    /// True if the git branch may leave, too, with a session of an organization.
    pub include_branch: bool,
}

impl Decision {
    /// Withholds a session that has a tombstone, whatever the rules say.
    #[must_use]
    pub fn unless_forgotten(self, tombstone: Option<&Tombstone>) -> Decision {
        let Some(tombstone) = tombstone else { return self };
        let reason = tombstone_reason(tombstone);
        let remote = self.eligibility.remote().cloned();
        let eligibility = Eligibility::Excluded { reason, remote, matched: None };
        Decision { eligibility, include_content: false, include_branch: false }
    }
}

impl EligibilityFilter<'_> {
    /// Decides on a session, project overrides included.
    pub fn decide(&self, repository: &SessionRepository, overrides: &ProjectOverrides) -> Decision {
        let eligibility = self.decide_by_repository(repository);
        self.apply_overrides(eligibility, repository.folder.as_deref(), overrides)
    }

    /// Decides by the repository alone.
    pub(super) fn decide_by_repository(&self, repository: &SessionRepository) -> Eligibility {
        if repository.origin == RepositoryOrigin::Mismatch {
            let value = repository.folder.clone().unwrap_or_default();
            let matched = Some(Matched { source: MatchSource::SessionFolder, value });
            return Eligibility::Excluded { reason: ExcludedReason::FolderMismatch, remote: None, matched };
        }
        check_sync_eligibility(repository.remote.as_deref(), &self.config.privacy, self.affiliations)
    }

    /// Restricts a decision by the project overrides of the session's folder and repository.
    pub(super) fn apply_overrides(
        &self,
        eligibility: Eligibility,
        folder: Option<&str>,
        overrides: &ProjectOverrides,
    ) -> Decision {
        let Eligibility::Eligible { remote, .. } = &eligibility else {
            return Decision { eligibility, include_content: false, include_branch: false };
        };
        let restriction = overrides.for_session(folder, Some(remote.path()));
        if !restriction.disabled_by.is_empty() {
            let reason = ExcludedReason::DisabledByRepository;
            let eligibility = Eligibility::Excluded { reason, remote: Some(remote.clone()), matched: None };
            return Decision { eligibility, include_content: false, include_branch: false };
        }
        let include_content = self.config.include_content.value && restriction.content_disabled_by.is_empty();
        let include_branch = self.config.include_branch && restriction.branch_disabled_by.is_empty();
        Decision { eligibility, include_content, include_branch }
    }
}

/// Decides on a session by the remote of its repository; the first rule that matches wins.
pub fn check_sync_eligibility(
    raw: Option<&str>,
    rules: &PrivacyRules,
    affiliations: &Affiliations,
) -> Eligibility {
    let excluded = |reason| Eligibility::Excluded { reason, remote: None, matched: None };
    let remote = match raw {
        None | Some("") => return excluded(ExcludedReason::NoRemote),
        Some(raw) => match Remote::parse(raw) {
            Ok(remote) => remote,
            Err(error) => return excluded(ExcludedReason::UnparsableRemote(error)),
        },
    };
    // The other spelling of the repository counts only where it withholds.
    let spelled = raw.and_then(|raw| Remote::as_spelled(raw).ok()).unwrap_or_else(|| remote.clone());
    let match_of = |pattern: &Pattern, source| Matched { source, value: pattern.to_string() };
    let excluding = rules.force_exclude.iter().find(|pattern| pattern.may_match(&remote, &spelled));
    if let Some(pattern) = excluding {
        let matched = match_of(pattern, MatchSource::ForceExclude);
        let reason = ExcludedReason::ForcedExclude;
        return Eligibility::Excluded { reason, remote: Some(remote), matched: Some(matched) };
    }
    if let Some(pattern) = rules.force_include.iter().find(|pattern| pattern.matches(&remote)) {
        let matched = match_of(pattern, MatchSource::ForceInclude);
        return Eligibility::Eligible { remote, inclusion: Inclusion::ForcedInclude, matched };
    }
    let is_known = affiliations.knowledge != Knowledge::Unknown;
    let matched_by = |(source, owner): (MatchSource, &Owner)| Matched { source, value: owner.to_string() };
    if let Some((source, owner)) = own_account(&remote, &spelled, rules, affiliations) {
        let matched = matched_by((source, owner));
        let reason = match () {
            () if !rules.include_personal => ExcludedReason::Personal,
            () if !is_known && source == MatchSource::Account => ExcludedReason::IdentityUnknown,
            () => return Eligibility::Eligible { remote, inclusion: Inclusion::Personal, matched },
        };
        return Eligibility::Excluded { reason, remote: Some(remote), matched: Some(matched) };
    }
    if let Some(matched) = closest_organization(&remote, rules, affiliations).map(matched_by) {
        return Eligibility::Eligible { remote, inclusion: Inclusion::Organization, matched };
    }
    let pending = affiliations.pending.iter().find(|owner| owner.owns(&remote));
    let reason = match () {
        () if pending.is_some() => ExcludedReason::OwnerPending,
        () if is_known => ExcludedReason::OwnerUnknown,
        () => ExcludedReason::IdentityUnknown,
    };
    let matched = pending.map(|owner| matched_by((MatchSource::Organization, owner)));
    Eligibility::Excluded { reason, remote: Some(remote), matched }
}

/// Own account that a repository belongs to. An account beats every organization, however long, and counts in both spellings
/// of the repository: the receiver alone cannot make a personal repository an organization's.
fn own_account<'a>(
    remote: &Remote,
    spelled: &Remote,
    rules: &'a PrivacyRules,
    affiliations: &'a Affiliations,
) -> Option<(MatchSource, &'a Owner)> {
    of_source(MatchSource::ConfiguredAccount, &rules.accounts)
        .chain(of_source(MatchSource::Account, &affiliations.accounts))
        .filter(|(_, owner)| owner.owns(remote) || owner.owns(spelled))
        .max_by_key(|(_, owner)| owner.segments().len())
}

/// Closest organization of a repository, that is the longest; of equally long ones that of the identity.
fn closest_organization<'a>(
    remote: &Remote,
    rules: &'a PrivacyRules,
    affiliations: &'a Affiliations,
) -> Option<(MatchSource, &'a Owner)> {
    // `max_by_key` takes the last of equals.
    of_source(MatchSource::ConfiguredOrganization, &rules.organizations)
        .chain(of_source(MatchSource::Organization, &affiliations.organizations))
        .filter(|(_, owner)| owner.owns(remote))
        .max_by_key(|(_, owner)| owner.segments().len())
}

fn of_source(source: MatchSource, owners: &[Owner]) -> impl Iterator<Item = (MatchSource, &Owner)> {
    owners.iter().map(move |owner| (source, owner))
}
