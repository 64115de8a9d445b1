//! The views of administrators: the members of their organizations, and the audit log.

use super::filter::ViewFilter;
use super::layout::{FilterForm, Layout, LayoutView, Tab};
use super::table::{Heading, Table, TableCell};
use crate::receiver::store::{AuditRecord, Membership, Principal, Role};
use std::collections::HashMap;

/// The viewer's memberships as an admin that the filter selects.
pub fn shown_memberships<'p>(
    principal: &'p Principal,
    filter: &ViewFilter,
) -> impl Iterator<Item = &'p Membership> {
    let is_shown = |membership: &&Membership| {
        let is_selected = filter.organization.as_ref().is_none_or(|slug| *slug == membership.slug);
        is_selected && membership.role == Role::Admin
    };
    principal.memberships.iter().filter(is_shown)
}

/// The members of the organizations whose admin the viewer is, by tenant.
pub fn members_view(
    principal: &Principal,
    token: String,
    filter: &ViewFilter,
    members: &HashMap<String, Vec<(String, Role)>>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Members, "Members"));
    view.introduction = "Operators change memberships with han-sync-receiver admin member.".to_owned();
    view.filter = Some(FilterForm::of("/members", filter, principal, (&["organization"], false)));
    let mut rows = Vec::new();
    for membership in shown_memberships(principal, filter) {
        for (login, role) in members.get(&membership.tenant_id).into_iter().flatten() {
            rows.push(vec![
                TableCell::text(membership.slug.clone()),
                TableCell::text(login.clone()),
                TableCell::text(role.as_str()),
                TableCell::text(membership.owners.join(" ")),
            ]);
        }
    }
    view.tables.push(Table {
        caption: "Members".to_owned(),
        columns: ["organization", "login", "role", "owners of the organization"].map(Heading::text).to_vec(),
        rows,
        empty: "Nobody.".to_owned(),
        csv: Some(filter.url("/members.csv")),
        ..Table::default()
    });
    view
}

/// The audit log, as far as it is about the viewer's organizations.
pub fn audit_view(
    principal: &Principal,
    token: String,
    filter: &ViewFilter,
    records: &[AuditRecord],
    next: Option<String>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Audit, "Audit log"));
    view.introduction =
        "What was done to your organizations, and sign-ins and keys of their members. Newest first. \
                         Addresses are shown of your own actions alone."
            .to_owned();
    view.filter = Some(FilterForm::of("/audit", filter, principal, (&["from", "to", "organization"], false)));
    let row = |record: &AuditRecord| {
        vec![
            TableCell::Time(record.at.clone()),
            TableCell::text(record.actor.clone().unwrap_or_else(|| "unknown".to_owned())),
            TableCell::text(record.action.clone()),
            TableCell::text(record.target.clone()),
            TableCell::text(record.outcome.clone()),
            TableCell::optional(record.address.clone()),
        ]
    };
    view.tables.push(Table {
        caption: "Entries".to_owned(),
        columns: ["time", "who", "action", "object", "outcome", "address"].map(Heading::text).to_vec(),
        rows: records.iter().map(row).collect(),
        empty: "Nothing yet.".to_owned(),
        csv: Some(filter.url("/audit.csv")),
        next,
        ..Table::default()
    });
    view
}
