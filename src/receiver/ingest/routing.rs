//! Organization mapping: which tenant a session belongs to. Pure.
//!
//! Invariant: it never depends on what the client says of itself, only on the key's user, the repository's owner and the
//! rule that let the session through. One refusal stands for every reason, so that nobody learns whose owner it is.

use crate::protocol::Inclusion;
use crate::protocol::remote::{Owner, Remote};

/// An owner, and the tenant that claims it.
#[derive(Debug, Clone)]
pub struct Claim {
    pub owner: Owner,
    pub tenant_id: String,
}

/// Who sends: the user, and what is theirs.
#[derive(Debug)]
pub struct Sender<'a> {
    pub user_id: &'a str,
    /// The user's own accounts.
    pub accounts: &'a [Owner],
    /// Tenants of the organizations that the user is a member of.
    pub organizations: &'a [String],
}

/// The tenant, or `None` when the repository is not accepted.
///
/// `claims` are the owners of organizations, the user's or not, at least all that own `remote`. A longer owner beats a
/// shorter one; of equal ones the user's own account beats an organization.
pub fn place(
    remote: Option<&Remote>,
    inclusion: Option<Inclusion>,
    sender: &Sender,
    claims: &[Claim],
) -> Option<String> {
    let organization = remote.and_then(|remote| closest(claims, |claim| &claim.owner, remote));
    let account = remote.and_then(|remote| closest(sender.accounts, |owner| owner, remote));
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

fn closest<'a, T>(candidates: &'a [T], owner: impl Fn(&T) -> &Owner, remote: &Remote) -> Option<&'a T> {
    candidates
        .iter()
        .filter(|candidate| owner(candidate).owns(remote))
        .max_by_key(|candidate| owner(candidate).segments().len())
}

/// The names under which an owner of this repository may be claimed: each prefix of whole segments, a host and one more
/// at least.
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

    fn placed(repository: &str, inclusion: Option<Inclusion>) -> Option<String> {
        let claims: Vec<Claim> =
            [("github.com/acme", "acme"), ("gitlab.com/g", "g"), ("gitlab.com/g/secret", "s")]
                .map(|(name, tenant)| Claim { owner: owner(name), tenant_id: tenant.to_owned() })
                .to_vec();
        let accounts = [owner("github.com/alice")];
        let organizations = ["acme".to_owned(), "g".to_owned()];
        let sender = Sender { user_id: "alice", accounts: &accounts, organizations: &organizations };
        let remote = Remote::parse(repository).ok();
        place(remote.as_ref(), inclusion, &sender, &claims)
    }

    #[test]
    fn a_repository_goes_to_the_organization_that_owns_it() {
        for inclusion in
            [None, Some(Inclusion::Organization), Some(Inclusion::Personal), Some(Inclusion::ForcedInclude)]
        {
            assert_eq!(placed("git@github.com:Acme/api.git", inclusion).as_deref(), Some("acme"));
        }
        assert_eq!(placed("https://gitlab.com/g/platform/core/api", None).as_deref(), Some("g"));
    }

    #[test]
    fn a_closer_owner_that_is_not_the_users_keeps_the_session_out() {
        assert_eq!(placed("https://gitlab.com/g/secret/api", None), None);
        assert_eq!(placed("https://gitlab.com/g/secret/api", Some(Inclusion::Organization)), None);
    }

    #[test]
    fn what_no_organization_owns_is_private_or_not_accepted() {
        assert_eq!(placed("https://github.com/acme-evil/api", None), None);
        assert_eq!(
            placed("https://github.com/acme-evil/api", Some(Inclusion::ForcedInclude)).as_deref(),
            Some("alice")
        );
        assert_eq!(placed("https://github.com/alice/notes", None).as_deref(), Some("alice"));
        assert_eq!(placed("/home/alice/notes", Some(Inclusion::Personal)).as_deref(), Some("alice"));
        assert_eq!(placed("/home/alice/notes", None), None);
    }

    #[test]
    fn possible_owners_are_whole_segments() {
        let remote = Remote::parse("https://gitlab.com/acme/platform/api").unwrap();
        assert_eq!(possible_owners(&remote), ["gitlab.com/acme", "gitlab.com/acme/platform"]);
    }
}
