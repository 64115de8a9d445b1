//! `Organization`: one of the viewer's organizations.

use crate::receiver::graphql::context::loader;
use crate::receiver::graphql::error::store_error;
use crate::receiver::graphql::loaders::MembersKey;
use crate::receiver::store::{Membership, Role};
use async_graphql::{ComplexObject, Context, Result, SimpleObject};

#[derive(SimpleObject)]
#[graphql(complex, name = "Organization")]
pub struct OrganizationObject {
    #[graphql(skip)]
    tenant_id: String,
    slug: String,
    name: String,
    owners: Vec<String>,
}

#[derive(SimpleObject)]
#[graphql(name = "OrganizationMember")]
struct OrganizationMemberObject {
    login: String,
    role: &'static str,
}

impl From<&Membership> for OrganizationObject {
    fn from(membership: &Membership) -> OrganizationObject {
        OrganizationObject {
            tenant_id: membership.tenant_id.clone(),
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            owners: membership.owners.clone(),
        }
    }
}

#[ComplexObject]
impl OrganizationObject {
    /// All members for an admin, at most 10,000 in one response; the viewer alone for a member.
    async fn members(&self, context: &Context<'_>) -> Result<Vec<OrganizationMemberObject>> {
        let key = MembersKey(self.tenant_id.clone());
        let members = loader(context)?.load_one(key).await.map_err(store_error)?.unwrap_or_default();
        let object = |(login, role)| OrganizationMemberObject { login, role: Role::as_str(role) };
        Ok(members.into_iter().map(object).collect())
    }
}
