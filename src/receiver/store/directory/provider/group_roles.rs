//! Roles that groups give: which memberships begin, change and end at a sign-in.

use crate::receiver::store::directory::principal::Role;
use std::collections::{BTreeMap, BTreeSet};

/// The groups of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationGroups {
    /// Id of the organization.
    pub tenant_id: String,
    /// People of this group are members.
    pub members: Option<String>,
    /// People of this group are admins.
    pub admins: Option<String>,
}

/// A membership with its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipSources {
    /// Id of the organization.
    pub tenant_id: String,
    /// Role in effect.
    pub role: Role,
    /// Role that a group gave at the last sign-in.
    pub from_group: Option<Role>,
    /// Role that an operator gave.
    pub assigned: Option<Role>,
}

/// A change of a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipChange {
    /// The membership begins or changes.
    Set(MembershipSources),
    /// The membership ends: it came from a group alone, which does not say it any longer.
    End(String),
}

/// The roles that a person's groups give.
pub fn roles_of(groups: &BTreeSet<String>, organizations: &[OrganizationGroups]) -> BTreeMap<String, Role> {
    let is_in = |group: &Option<String>| group.as_ref().is_some_and(|group| groups.contains(group));
    let role = |organization: &OrganizationGroups| match organization {
        OrganizationGroups { admins, .. } if is_in(admins) => Some(Role::Admin),
        OrganizationGroups { members, .. } if is_in(members) => Some(Role::Member),
        _ => None,
    };
    let given = organizations.iter().filter_map(|it| Some((it.tenant_id.clone(), role(it)?)));
    given.collect()
}

/// The changes that make a user's memberships those that the groups give, besides those that an operator gave.
pub fn changes(current: &[MembershipSources], given: &BTreeMap<String, Role>) -> Vec<MembershipChange> {
    let mut changes = Vec::new();
    for membership in current {
        let from_group = given.get(&membership.tenant_id).copied();
        let role = match (membership.assigned, from_group) {
            (Some(Role::Admin), _) | (_, Some(Role::Admin)) => Role::Admin,
            (Some(Role::Member), _) | (_, Some(Role::Member)) => Role::Member,
            (None, None) => {
                changes.push(MembershipChange::End(membership.tenant_id.clone()));
                continue;
            }
        };
        let new = MembershipSources { role, from_group, ..membership.clone() };
        if new != *membership {
            changes.push(MembershipChange::Set(new));
        }
    }
    let is_new = |tenant: &&String| !current.iter().any(|membership| membership.tenant_id == **tenant);
    for tenant_id in given.keys().filter(is_new) {
        let role = given[tenant_id];
        let (tenant_id, from_group) = (tenant_id.clone(), Some(role));
        changes.push(MembershipChange::Set(MembershipSources {
            tenant_id,
            role,
            from_group,
            assigned: None,
        }));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(role: Role, from_group: Option<Role>, assigned: Option<Role>) -> MembershipSources {
        MembershipSources { tenant_id: "org".to_owned(), role, from_group, assigned }
    }

    fn given(role: Option<Role>) -> BTreeMap<String, Role> {
        role.map(|role| ("org".to_owned(), role)).into_iter().collect()
    }

    #[test]
    fn groups_give_the_higher_of_their_roles() {
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let name = |name: &str| Some(name.to_owned());
        let organizations = [OrganizationGroups {
            tenant_id: "org".to_owned(),
            members: name("devs"),
            admins: name("leads"),
        }];
        for (names, role) in [
            (&["devs"][..], Some(Role::Member)),
            (&["leads"], Some(Role::Admin)),
            (&["devs", "leads"], Some(Role::Admin)),
            (&["Devs", "lead", ""], None),
            (&[], None),
        ] {
            assert_eq!(roles_of(&groups(names), &organizations), given(role), "{names:?}");
        }
    }

    #[test]
    fn membership_from_a_group_begins_changes_and_ends_with_it() {
        let (member, admin) = (Some(Role::Member), Some(Role::Admin));
        assert_eq!(
            changes(&[], &given(member)),
            [MembershipChange::Set(sources(Role::Member, member, None))]
        );
        let now = [sources(Role::Member, member, None)];
        assert_eq!(changes(&now, &given(member)), []);
        assert_eq!(changes(&now, &given(admin)), [MembershipChange::Set(sources(Role::Admin, admin, None))]);
        assert_eq!(changes(&now, &given(None)), [MembershipChange::End("org".to_owned())]);
    }

    #[test]
    fn membership_that_an_operator_gave_keeps_its_role_and_never_ends() {
        let (member, admin) = (Some(Role::Member), Some(Role::Admin));
        let assigned = [sources(Role::Member, None, member)];
        assert_eq!(changes(&assigned, &given(None)), []);
        let both = sources(Role::Admin, admin, member);
        assert_eq!(changes(&assigned, &given(admin)), [MembershipChange::Set(both.clone())]);
        assert_eq!(
            changes(&[both], &given(None)),
            [MembershipChange::Set(sources(Role::Member, None, member))]
        );
        let admin_by_hand = [sources(Role::Admin, member, admin)];
        assert_eq!(changes(&admin_by_hand, &given(member)), []);
    }
}
