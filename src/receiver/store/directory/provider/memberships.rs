//! Memberships from groups, as a sign-in changes them.

use super::changes::RecordedChanges;
use super::group_roles::{MembershipChange, MembershipSources, OrganizationGroups, changes, roles_of};
use crate::receiver::store::directory::members::{DELETE_MEMBER, shut_out};
use crate::receiver::store::directory::principal::Role;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::time;
use std::collections::BTreeSet;

const SELECT_GROUPS: &str = "\
    SELECT tenant_id, oidc_group, oidc_admin_group FROM tenants \
    WHERE kind = 'organization' AND (oidc_group IS NOT NULL OR oidc_admin_group IS NOT NULL)";
const SELECT_SOURCES: &str =
    "SELECT tenant_id, role, group_role, assigned_role FROM members WHERE user_id = $1 ORDER BY tenant_id";
const UPSERT_MEMBER: &str = "\
    INSERT INTO members (tenant_id, user_id, role, joined_at, group_role, assigned_role) VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, group_role = excluded.group_role, \
    assigned_role = excluded.assigned_role";
const LET_IN: &str = "\
    UPDATE tenants SET left_groups_at = NULL WHERE tenant_id = $1 AND left_groups_at IS NOT NULL \
    AND EXISTS (SELECT 1 FROM members WHERE user_id = $1)";
const IS_SHUT_OUT: &str = "SELECT left_groups_at IS NOT NULL FROM tenants WHERE tenant_id = $1";

/// Result of a user's groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupOutcome {
    /// A membership has ended.
    pub has_lost: bool,
    /// All memberships came from groups, and are all gone.
    pub is_shut_out: bool,
}

/// Makes a user's memberships those that the user's groups give, besides those that an operator gave.
pub async fn apply_groups(
    recorded: &RecordedChanges<'_>,
    user: &str,
    groups: &BTreeSet<String>,
) -> Result<GroupOutcome> {
    let tx = recorded.tx;
    let organizations = tx.query(SELECT_GROUPS, &[]).await?;
    let organizations = organizations.iter().map(read_groups).collect::<Result<Vec<_>>>()?;
    let current = tx.query(SELECT_SOURCES, &[user.into()]).await?;
    let current = current.iter().map(read_sources).collect::<Result<Vec<_>>>()?;
    let changes = changes(&current, &roles_of(groups, &organizations));
    let has_lost = changes.iter().any(|change| matches!(change, MembershipChange::End(_)));
    if has_lost {
        // Batches that were accepted before are stored before.
        tx.lock_users(vec![user.to_owned()]).await?;
    }
    // Beginnings first: whoever goes from one group to another is never without.
    let (begin, end): (Vec<_>, Vec<_>) =
        changes.iter().partition(|change| matches!(change, MembershipChange::Set(_)));
    for change in begin.into_iter().chain(end) {
        match change {
            MembershipChange::Set(membership) => set(recorded, user, membership).await?,
            MembershipChange::End(organization) => {
                shut_out(tx, organization, user).await?;
                tx.execute(DELETE_MEMBER, &[organization.into(), user.into()]).await?;
                recorded.record("member.remove", format!("{user} of {organization}")).await?;
            }
        }
    }
    tx.execute(LET_IN, &[user.into()]).await?;
    let shut = tx.query_one(IS_SHUT_OUT, &[user.into()]).await?;
    let is_shut_out = shut.map(|row| row.flag(0)).transpose()?.unwrap_or(false);
    Ok(GroupOutcome { has_lost, is_shut_out })
}

async fn set(recorded: &RecordedChanges<'_>, user: &str, membership: &MembershipSources) -> Result<()> {
    let name = |role: Option<Role>| role.map(|role| role.as_str().to_owned());
    // The role of an operator stands beside that of a group; without one it is the role itself.
    let assigned = membership.from_group.and(membership.assigned);
    let params = [
        Value::from(&membership.tenant_id),
        user.into(),
        membership.role.as_str().into(),
        time::now_us().into(),
        name(membership.from_group).into(),
        name(assigned).into(),
    ];
    recorded.tx.execute(UPSERT_MEMBER, &params).await?;
    let target = format!("{user} of {} as {}", membership.tenant_id, membership.role.as_str());
    recorded.record("member.set", target).await
}

fn read_groups(row: &Row) -> Result<OrganizationGroups> {
    Ok(OrganizationGroups { tenant_id: row.text(0)?, members: row.opt_text(1)?, admins: row.opt_text(2)? })
}

fn read_sources(row: &Row) -> Result<MembershipSources> {
    let role = |text: Option<String>| {
        let parsed = text.map(|text| Role::parse(&text));
        match parsed {
            Some(None) => Err(StoreError::Internal("unknown role".to_owned())),
            parsed => Ok(parsed.flatten()),
        }
    };
    let in_effect = role(Some(row.text(1)?))?.unwrap_or(Role::Member);
    let from_group = role(row.opt_text(2)?)?;
    let assigned = match from_group {
        None => Some(in_effect),
        Some(_) => role(row.opt_text(3)?)?,
    };
    Ok(MembershipSources { tenant_id: row.text(0)?, role: in_effect, from_group, assigned })
}
