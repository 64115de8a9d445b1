//! The privacy filter: which repositories' sessions may leave the machine.
//!
//! Pure, and closed: a session is eligible only where a rule says so, and whatever cannot be read, is not known or is
//! known no longer is excluded.

use crate::exporter::config::PrivacyRules;
use crate::protocol::remote::{Owner, Pattern, Remote, RemoteError};
use crate::protocol::{Identity, Inclusion};
use std::fmt;

/// Which owners are the user's own accounts and organizations, as far as the receiver has said.
#[derive(Debug, Clone)]
pub struct Affiliations {
    knowledge: Knowledge,
    accounts: Vec<Owner>,
    organizations: Vec<Owner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Known,
    /// The receiver has no identity endpoint; what is configured is all there is to know.
    Unsupported,
    /// Never learned, or too old to be relied on.
    Unknown,
}

impl Affiliations {
    /// What a usable identity says. Owners that cannot be read, such as a host alone, own nothing.
    pub fn known(identity: &Identity) -> Affiliations {
        let parse = |owners: &[String]| {
            owners.iter().filter_map(|owner| Owner::parse(owner).ok()).collect::<Vec<_>>()
        };
        Affiliations {
            knowledge: Knowledge::Known,
            accounts: parse(&identity.accounts),
            organizations: identity.organizations.iter().flat_map(|each| parse(&each.owners)).collect(),
        }
    }

    /// For a receiver that has never had the identity endpoint.
    pub fn unsupported() -> Affiliations {
        Affiliations { knowledge: Knowledge::Unsupported, accounts: Vec::new(), organizations: Vec::new() }
    }

    /// Before the identity was first learned.
    pub fn unknown() -> Affiliations {
        Affiliations { knowledge: Knowledge::Unknown, ..Affiliations::unsupported() }
    }

    /// After the last learned identity has become too old. Its accounts go on excluding, or losing an identity could
    /// make a personal repository that lies below a configured organization eligible; nothing in it includes any more.
    pub fn expired(identity: &Identity) -> Affiliations {
        Affiliations {
            knowledge: Knowledge::Unknown,
            organizations: Vec::new(),
            ..Affiliations::known(identity)
        }
    }
}

/// What the filter says of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligibility {
    Eligible {
        remote: Remote,
        inclusion: Inclusion,
        matched: Matched,
    },
    Excluded {
        reason: ExcludedReason,
        /// `None` where there is none or it cannot be read.
        remote: Option<Remote>,
        /// `None` where no rule matched.
        matched: Option<Matched>,
    },
}

/// The value that decided, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    pub source: MatchSource,
    /// A pattern as the user wrote it, or an owner in normal form.
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchSource {
    ForceExclude,
    ForceInclude,
    /// `accounts` of the receiver's identity.
    Account,
    /// `organizations` of the receiver's identity.
    Organization,
    /// `organizations` of the configuration.
    ConfiguredOrganization,
}

impl MatchSource {
    /// A stable name for `explain`.
    pub fn code(self) -> &'static str {
        match self {
            MatchSource::ForceExclude => "force_exclude",
            MatchSource::ForceInclude => "force_include",
            MatchSource::Account => "account",
            MatchSource::Organization => "organization",
            MatchSource::ConfiguredOrganization => "configured_organization",
        }
    }
}

/// Why a session stays on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExcludedReason {
    ForcedExclude,
    Personal,
    NoRemote,
    UnparsableRemote(RemoteError),
    OwnerUnknown,
    IdentityUnknown,
    /// The repository's own `han.yml` says `enabled: false`. The caller knows; the filter does not read files.
    DisabledByRepository,
}

impl ExcludedReason {
    /// A stable name for machines.
    pub fn code(self) -> &'static str {
        match self {
            ExcludedReason::ForcedExclude => "forced_exclude",
            ExcludedReason::Personal => "personal",
            ExcludedReason::NoRemote => "no_remote",
            ExcludedReason::UnparsableRemote(_) => "unparsable_remote",
            ExcludedReason::OwnerUnknown => "owner_unknown",
            ExcludedReason::IdentityUnknown => "identity_unknown",
            ExcludedReason::DisabledByRepository => "disabled_by_repository",
        }
    }

    /// What would make the session eligible.
    pub fn remedy(self) -> &'static str {
        match self {
            ExcludedReason::ForcedExclude => {
                "remove the pattern from forceExclude, which beats every other rule"
            }
            ExcludedReason::Personal => "set includePersonal to true, or add the repository to forceInclude",
            ExcludedReason::NoRemote => {
                "give the repository a remote (git remote add origin URL); han then learns it"
            }
            ExcludedReason::UnparsableRemote(_) => {
                "give the repository a remote of the form https://host/owner/repo"
            }
            ExcludedReason::OwnerUnknown => {
                "add its owner to organizations or the repository to forceInclude, or have the team's administrator \
                 name the owner as one of an organization that you belong to"
            }
            ExcludedReason::IdentityUnknown => {
                "let han-sync reach the receiver, which says who you are, or add its owner to organizations or the \
                 repository to forceInclude"
            }
            ExcludedReason::DisabledByRepository => {
                "remove enabled: false from the repository's own han.yml, or make the file readable"
            }
        }
    }
}

/// The reason as a sentence.
impl fmt::Display for ExcludedReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            ExcludedReason::ForcedExclude => "a forceExclude pattern names the repository",
            ExcludedReason::Personal => "the repository belongs to one of your own accounts",
            ExcludedReason::NoRemote => "the project has no repository with a remote",
            ExcludedReason::UnparsableRemote(error) => return error.fmt(f),
            ExcludedReason::OwnerUnknown => {
                "the repository's owner is none of your organizations or accounts"
            }
            ExcludedReason::IdentityUnknown => "who you are at the receiver is not known, or no longer",
            ExcludedReason::DisabledByRepository => {
                "the repository's own han.yml says enabled: false, or cannot be read"
            }
        })
    }
}

/// Decides about a session by the remote of its repository; of the rules the first that matches wins.
pub fn check_sync_eligibility(
    remote: Option<&str>,
    rules: &PrivacyRules,
    affiliations: &Affiliations,
) -> Eligibility {
    let excluded = |reason| Eligibility::Excluded { reason, remote: None, matched: None };
    let remote = match remote {
        None | Some("") => return excluded(ExcludedReason::NoRemote),
        Some(raw) => match Remote::parse(raw) {
            Ok(remote) => remote,
            Err(error) => return excluded(ExcludedReason::UnparsableRemote(error)),
        },
    };
    let first_match = |patterns: &[Pattern], source| {
        let pattern = patterns.iter().find(|pattern| pattern.matches(&remote))?;
        Some(Matched { source, value: pattern.to_string() })
    };
    if let Some(matched) = first_match(&rules.force_exclude, MatchSource::ForceExclude) {
        let reason = ExcludedReason::ForcedExclude;
        return Eligibility::Excluded { reason, remote: Some(remote), matched: Some(matched) };
    }
    if let Some(matched) = first_match(&rules.force_include, MatchSource::ForceInclude) {
        return Eligibility::Eligible { remote, inclusion: Inclusion::ForcedInclude, matched };
    }
    let is_known = affiliations.knowledge != Knowledge::Unknown;
    let Some((source, owner)) = closest_owner(&remote, rules, affiliations) else {
        let reason = if is_known { ExcludedReason::OwnerUnknown } else { ExcludedReason::IdentityUnknown };
        return Eligibility::Excluded { reason, remote: Some(remote), matched: None };
    };
    let matched = Matched { source, value: owner.to_string() };
    let is_personal = source == MatchSource::Account;
    let reason = match () {
        () if !is_personal => {
            return Eligibility::Eligible { remote, inclusion: Inclusion::Organization, matched };
        }
        () if !rules.include_personal => ExcludedReason::Personal,
        () if !is_known => ExcludedReason::IdentityUnknown,
        () => return Eligibility::Eligible { remote, inclusion: Inclusion::Personal, matched },
    };
    Eligibility::Excluded { reason, remote: Some(remote), matched: Some(matched) }
}

/// The longest owner of a repository; of equally long ones an own account, then what the receiver says.
fn closest_owner<'a>(
    remote: &Remote,
    rules: &'a PrivacyRules,
    affiliations: &'a Affiliations,
) -> Option<(MatchSource, &'a Owner)> {
    let of = |source, owners: &'a [Owner]| owners.iter().map(move |owner| (source, owner));
    // `max_by_key` takes the last of equals.
    of(MatchSource::ConfiguredOrganization, &rules.organizations)
        .chain(of(MatchSource::Organization, &affiliations.organizations))
        .chain(of(MatchSource::Account, &affiliations.accounts))
        .filter(|(_, owner)| owner.owns(remote))
        .max_by_key(|(_, owner)| owner.segments().len())
}
