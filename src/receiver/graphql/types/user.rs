//! `User`: the viewer.

use crate::receiver::store::{Membership, Principal};
use async_graphql::{ID, SimpleObject};

#[derive(SimpleObject)]
#[graphql(name = "User")]
pub struct UserObject {
    id: ID,
    login: String,
    organizations: Vec<UserOrganizationObject>,
}

#[derive(SimpleObject)]
#[graphql(name = "UserOrganization")]
struct UserOrganizationObject {
    slug: String,
    name: String,
    role: &'static str,
}

impl From<&Principal> for UserObject {
    fn from(principal: &Principal) -> UserObject {
        UserObject {
            id: principal.user_id.clone().into(),
            login: principal.login.clone(),
            organizations: principal.memberships.iter().map(UserOrganizationObject::from).collect(),
        }
    }
}

impl From<&Membership> for UserOrganizationObject {
    fn from(membership: &Membership) -> UserOrganizationObject {
        UserOrganizationObject {
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            role: membership.role.as_str(),
        }
    }
}
