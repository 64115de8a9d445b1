//! The identity as a destination learned it: the last response, and the owners that the receiver has ever named.
//!
//! A receiver is not believed blindly: an owner that it names for the first time after the first contact takes effect a day
//! later, so that the user can object.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::protocol::Identity;
use crate::protocol::remote::Owner;
use crate::time;

/// Time after which an owner takes effect, and within which the user may change once under one key.
pub const OBJECTION_PERIOD: TimeDelta = TimeDelta::hours(24);
/// Number of owners that are remembered; far beyond any user's, and a bound on what a receiver can make grow.
const OWNERS_MAX: usize = 20_000;

/// The last response of `GET {endpoint}/identity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearnedIdentity {
    /// Time of the response.
    #[serde(with = "time::optional")]
    pub fetched_at: Option<DateTime<Utc>>,
    /// `None` for a receiver without such an endpoint.
    pub identity: Option<Identity>,
    /// Owners that the receiver has named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners: Option<NamedOwners>,
}

impl LearnedIdentity {
    /// Owners that the receiver has named; `None` before the first contact. An earlier version kept the last ones alone.
    pub fn named_owners(&self) -> Option<NamedOwners> {
        self.owners.clone().or_else(|| self.identity.as_ref().map(NamedOwners::first))
    }

    /// Identity of a user that is yet to be recorded, at a receiver that is known.
    pub(super) fn before_contact(owners: NamedOwners) -> LearnedIdentity {
        LearnedIdentity { fetched_at: None, identity: None, owners: Some(owners) }
    }
}

/// Owners of organizations in normal form, each with the time at which the receiver first named it; `None` for the first
/// contact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamedOwners {
    since: BTreeMap<String, Option<NamedAt>>,
}

/// Time in the form of the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct NamedAt(#[serde(with = "time::optional")] Option<DateTime<Utc>>);

impl NamedOwners {
    /// Owners that the receiver named at the first contact, which take effect at once.
    pub fn first(identity: &Identity) -> NamedOwners {
        NamedOwners { since: named(identity).map(|owner| (owner.to_string(), None)).collect() }
    }

    /// Adds the owners of a later identity.
    #[must_use]
    pub fn and(mut self, identity: &Identity, now: DateTime<Utc>) -> NamedOwners {
        for owner in named(identity) {
            let since = self.since.entry(owner.to_string()).or_insert(Some(NamedAt(Some(now))));
            // A clock that was set back must not delay the owner by years.
            if since.is_some_and(|NamedAt(since)| since.is_none_or(|since| since > now)) {
                *since = Some(NamedAt(Some(now)));
            }
        }
        if self.since.len() > OWNERS_MAX {
            let current: Vec<String> = named(identity).map(|owner| owner.to_string()).collect();
            self.since.retain(|owner, _| current.contains(owner));
        }
        self
    }

    /// Time at which an owner takes effect; `None` for one that has taken effect.
    pub fn pending_until(&self, owner: &Owner, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let named_at = match self.since.get(&owner.to_string()) {
            Some(since) => (*since)?.0,
            None => None,
        };
        let until = named_at.unwrap_or(now).checked_add_signed(OBJECTION_PERIOD);
        Some(until.unwrap_or(DateTime::<Utc>::MAX_UTC)).filter(|until| now < *until)
    }
}

/// Owners of the organizations of an identity; one that cannot be parsed owns nothing.
fn named(identity: &Identity) -> impl Iterator<Item = Owner> {
    let owners = identity.organizations.iter().flat_map(|organization| &organization.owners);
    owners.filter_map(|owner| Owner::parse(owner).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::IdentityOrganization;

    fn naming(owners: &[&str]) -> Identity {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        let organization = IdentityOrganization { owners, ..IdentityOrganization::default() };
        Identity { organizations: vec![organization], ..Identity::default() }
    }

    #[test]
    fn owner_that_is_named_later_takes_effect_a_day_later_and_once() {
        let now = DateTime::UNIX_EPOCH;
        let owner = |text| Owner::parse(text).unwrap();
        let (old, new) = (owner("github.com/old"), owner("github.com/New"));
        let owners = NamedOwners::first(&naming(&["github.com/old", "github.com"]));
        assert_eq!(owners.pending_until(&old, now), None);
        let owners = owners.and(&naming(&["https://github.com/new/"]), now);
        assert_eq!(owners.pending_until(&new, now), Some(now + OBJECTION_PERIOD));
        let text = serde_json::to_string(&owners).unwrap();
        assert_eq!(serde_json::from_str::<NamedOwners>(&text).unwrap(), owners, "{text}");
        let later = now + OBJECTION_PERIOD;
        let again =
            owners.and(&naming(&[]), later).and(&naming(&["github.com/new", "github.com/old"]), later);
        assert_eq!((again.pending_until(&new, later), again.pending_until(&old, later)), (None, None));
        // Named at a time that is ahead now.
        let back = again.and(&naming(&["github.com/new"]), now - TimeDelta::days(9));
        assert_eq!(back.pending_until(&new, now - TimeDelta::days(8)), None);
        assert!(back.pending_until(&owner("github.com/x"), now).is_some());
    }
}
