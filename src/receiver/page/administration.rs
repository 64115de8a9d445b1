//! The views of administrators: the members of their organizations, and the audit log.

use super::layout::{Layout, LayoutView, Tab};
use super::table::{Heading, Table, TableCell};
use crate::receiver::store::{AuditRecord, Principal, Role};
use std::collections::HashMap;

/// The members of the organizations whose admin the viewer is, by tenant.
pub fn members_view(
    principal: &Principal,
    token: String,
    members: &HashMap<String, Vec<(String, Role)>>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Members, "Members"));
    view.introduction = "Operators change memberships with han-sync-receiver admin member.".to_owned();
    let mut rows = Vec::new();
    for membership in principal.memberships.iter().filter(|membership| membership.role == Role::Admin) {
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
        csv: Some("/members.csv".to_owned()),
        ..Table::default()
    });
    view
}

/// The audit log, as far as it is about the viewer's organizations.
pub fn audit_view(
    principal: &Principal,
    token: String,
    records: &[AuditRecord],
    next: Option<String>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Audit, "Audit log"));
    view.introduction =
        "What was done to your organizations, and sign-ins and keys of their members. Newest first. \
                         Addresses are shown of your own actions alone."
            .to_owned();
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
        csv: Some("/audit.csv".to_owned()),
        next,
        ..Table::default()
    });
    view
}
