//! Tenant routing: the tenant to which a session belongs. Pure.
//!
//! Invariant: the tenant never depends on what the client says of itself, only on the key's user, the repository's owner and
//! the rule that let the session through. All reasons lead to the same rejection, so that nobody learns whose owner it is.

use crate::protocol::Inclusion;
use crate::protocol::remote::{Owner, Remote};

/// An owner and the organization that claims it.
#[derive(Debug, Clone)]
pub struct OwnerClaim {
    /// Owner of repositories.
    pub owner: Owner,
    /// Id of the tenant.
    pub tenant_id: String,
}

/// The user who sends a session.
#[derive(Debug)]
pub struct Sender<'a> {
    /// Id of the user.
    pub user_id: &'a str,
    /// The user's own accounts.
    pub accounts: &'a [Owner],
    /// Tenants of the organizations that the user is a member of.
    pub organizations: &'a [String],
}

/// The tenant of a session, or `None` if the repository is not accepted.
///
/// `claims` holds at least all owners of organizations, the user's or not, that own `remote`. A longer owner beats a shorter
/// one; of equal ones the user's account beats an organization.
pub fn tenant_of(
    remote: Option<&Remote>,
    inclusion: Option<Inclusion>,
    sender: &Sender,
    claims: &[OwnerClaim],
) -> Option<String> {
    let organization = remote.and_then(|remote| longest(claims, |claim| &claim.owner, remote));
    let account = remote.and_then(|remote| longest(sender.accounts, |owner| owner, remote));
    let personal = || Some(sender.user_id.to_owned());
    match (organization, account) {
        (None, Some(_)) => personal(),
        (Some(claim), Some(account)) if account.segments().len() >= claim.owner.segments().len() => {
            personal()
        }
        (Some(claim), _) if sender.organizations.contains(&claim.tenant_id) => Some(claim.tenant_id.clone()),
        _ => match inclusion {
            Some(Inclusion::Personal | Inclusion::ForcedInclude) => personal(),
            Some(Inclusion::Organization) | None => None,
        },
    }
}

fn longest<'a, T>(candidates: &'a [T], owner: impl Fn(&T) -> &Owner, remote: &Remote) -> Option<&'a T> {
    candidates
        .iter()
        .filter(|candidate| owner(candidate).owns(remote))
        .max_by_key(|candidate| owner(candidate).segments().len())
}

/// All owners that a repository may have: its prefixes of whole segments, at least a host and one segment more.
pub fn possible_owners(remote: &Remote) -> Vec<String> {
    let segments: Vec<&str> = remote.segments().collect();
    (2..segments.len()).map(|length| segments[..length].join("/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(text: &str) -> Owner {
        Owner::parse(text).unwrap()
    }

    fn routed(repository: &str, inclusion: Option<Inclusion>) -> Option<String> {
        let claims: Vec<OwnerClaim> =
            [("github.com/acme", "acme"), ("gitlab.com/g", "g"), ("gitlab.com/g/secret", "s")]
                .map(|(name, tenant)| OwnerClaim { owner: owner(name), tenant_id: tenant.to_owned() })
                .to_vec();
        let accounts = [owner("github.com/alice")];
        let organizations = ["acme".to_owned(), "g".to_owned()];
        let sender = Sender { user_id: "alice", accounts: &accounts, organizations: &organizations };
        let remote = Remote::parse(repository).ok();
        tenant_of(remote.as_ref(), inclusion, &sender, &claims)
    }

    #[test]
    fn a_repository_goes_to_the_organization_that_owns_it() {
        for inclusion in
            [None, Some(Inclusion::Organization), Some(Inclusion::Personal), Some(Inclusion::ForcedInclude)]
        {
            assert_eq!(routed("git@github.com:Acme/api.git", inclusion).as_deref(), Some("acme"));
        }
        assert_eq!(routed("https://gitlab.com/g/platform/core/api", None).as_deref(), Some("g"));
    }

    #[test]
    fn a_longer_owner_of_another_organization_rejects_the_session() {
        assert_eq!(routed("https://gitlab.com/g/secret/api", None), None);
        assert_eq!(routed("https://gitlab.com/g/secret/api", Some(Inclusion::Organization)), None);
    }

    #[test]
    fn a_repository_without_an_organization_is_private_or_rejected() {
        assert_eq!(routed("https://github.com/acme-evil/api", None), None);
        assert_eq!(
            routed("https://github.com/acme-evil/api", Some(Inclusion::ForcedInclude)).as_deref(),
            Some("alice")
        );
        assert_eq!(routed("https://github.com/alice/notes", None).as_deref(), Some("alice"));
        assert_eq!(routed("/home/alice/notes", Some(Inclusion::Personal)).as_deref(), Some("alice"));
        assert_eq!(routed("/home/alice/notes", None), None);
    }

    #[test]
    fn possible_owners_are_whole_segments() {
        let remote = Remote::parse("https://gitlab.com/acme/platform/api").unwrap();
        assert_eq!(possible_owners(&remote), ["gitlab.com/acme", "gitlab.com/acme/platform"]);
    }
}
