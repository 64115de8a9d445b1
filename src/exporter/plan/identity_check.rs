//! Statements of a receiver's identity that are not taken as they are: owners that are pending or can own nothing, and a
//! retention that is ahead of the clock.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::exporter::config::PrivacyRules;
use crate::exporter::plan::eligibility::{Eligibility, ExcludedReason};
use crate::exporter::plan::scan::ScannedSession;
use crate::exporter::report::count;
use crate::exporter::state::{Destination, LearnedIdentity};
use crate::protocol::Identity;
use crate::protocol::remote::Owner;
use crate::time;

/// An owner that the receiver named for the first time less than a day ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingOwner {
    /// Owner in normal form.
    pub owner: String,
    /// Time at which it takes effect.
    pub effective_at: DateTime<Utc>,
    /// Sessions that it would make eligible.
    pub sessions: usize,
}

/// Shows the owner as a sentence.
impl fmt::Display for PendingOwner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "the receiver names a new owner, {}: from {} on it makes {} eligible; add it to organizations in han.yml to \
             accept it at once, or to accounts if it is yours",
            self.owner,
            time::format(self.effective_at),
            count(self.sessions, "session")
        )
    }
}

/// Lists the pending owners of a destination that the configuration does not name itself.
pub fn pending_owners(
    destination: &Destination,
    rules: &PrivacyRules,
    sessions: &[ScannedSession],
    now: DateTime<Utc>,
) -> Vec<PendingOwner> {
    let Some(learned @ LearnedIdentity { identity: Some(identity), .. }) = &destination.identity else {
        return Vec::new();
    };
    let named = learned.named_owners().unwrap_or_default();
    let owners = identity.organizations.iter().flat_map(|organization| &organization.owners);
    let mut owners: Vec<Owner> = owners.filter_map(|owner| Owner::parse(owner).ok()).collect();
    owners.sort();
    owners.dedup();
    owners.retain(|owner| !rules.organizations.contains(owner) && !rules.accounts.contains(owner));
    let pending =
        owners.iter().filter_map(|owner| Some((owner.to_string(), named.pending_until(owner, now)?)));
    let pending = pending.map(|(owner, effective_at)| {
        let waits = |session: &&ScannedSession| match &session.eligibility {
            Eligibility::Excluded { reason: ExcludedReason::OwnerPending, matched, .. } => {
                matched.as_ref().is_some_and(|matched| matched.value == owner)
            }
            _ => false,
        };
        let sessions = sessions.iter().filter(waits).count();
        PendingOwner { owner, effective_at, sessions }
    });
    pending.collect()
}

/// Lists owners of an identity that are ignored, because they name no path below their host.
fn ignored_owners(identity: &Identity) -> impl Iterator<Item = &String> {
    let owners = identity.organizations.iter().flat_map(|organization| &organization.owners);
    owners.chain(&identity.accounts).filter(|owner| Owner::parse(owner).is_err())
}

/// Time before which the receiver keeps nothing; `None` where it is ahead of the clock, since nothing would be sent.
pub fn retained_since(destination: &Destination, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    said_retained_since(destination).filter(|since| *since <= now)
}

fn said_retained_since(destination: &Destination) -> Option<DateTime<Utc>> {
    let identity = destination.identity.as_ref()?.identity.as_ref()?;
    time::parse(identity.retained_since.as_deref()?)
}

/// Lists warnings about the identity of a destination.
pub fn identity_warnings(
    destination: &Destination,
    rules: &PrivacyRules,
    sessions: &[ScannedSession],
    now: DateTime<Utc>,
) -> Vec<String> {
    let pending = pending_owners(destination, rules, sessions, now);
    let mut warnings: Vec<String> = pending.iter().map(PendingOwner::to_string).collect();
    let identity = destination.identity.as_ref().and_then(|learned| learned.identity.as_ref());
    let ignored = identity.into_iter().flat_map(ignored_owners);
    warnings.extend(ignored.map(|owner| {
        format!("the receiver names an owner that can own nothing, {owner:?}; it is ignored: an owner is HOST/NAME")
    }));
    if let Some(since) = said_retained_since(destination).filter(|since| *since > now) {
        warnings.push(format!(
            "the receiver says that it keeps nothing from before {}, which is ahead of this machine's clock; it is ignored",
            time::format(since)
        ));
    }
    warnings
}
