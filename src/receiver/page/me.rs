//! The view of what others can see of the viewer: each session that an organization stores, who reads it, and by which rule it left.

use super::filter::ViewFilter;
use super::layout::{FilterForm, Layout, LayoutView, Notice, Tab};
use super::sessions::{forget_url, organization, rule, session_link};
use super::table::{Heading, Table, TableCell};
use crate::receiver::store::{Membership, Principal, Role, StoredSession};
use askama::Template;
use std::collections::HashMap;

/// Builds the view. `admins` are those of the viewer's organizations, by tenant.
pub fn me_view(
    principal: &Principal,
    token: String,
    filter: &ViewFilter,
    (sessions, next): (&[StoredSession], Option<String>),
    admins: &HashMap<String, Vec<String>>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Me, "What others see of me"));
    view.introduction = format!(
        "Everything here that somebody besides you, {}, can see. Your private space is yours alone.",
        principal.login
    );
    if principal.memberships.is_empty() {
        view.notices
            .push(Notice::good("You belong to no organization: nobody sees anything of you but you."));
    }
    let filters = ["from", "to", "organization", "repository", "branch", "pr", "model"];
    view.filter = Some(FilterForm::of("/me", filter, principal, (&filters, false)));
    view.tables.push(readers_table(principal, admins));
    view.tables.push(visible_sessions_table(principal, filter, (sessions, next), admins));
    view
}

/// The viewer's sessions that others can see.
pub fn visible_sessions_table(
    principal: &Principal,
    filter: &ViewFilter,
    (sessions, next): (&[StoredSession], Option<String>),
    admins: &HashMap<String, Vec<String>>,
) -> Table {
    Table {
        caption: "Sessions of mine that others can see".to_owned(),
        note: "Newest first. With its text only where your exporter sends text (includeContent).".to_owned(),
        columns: [
            "session",
            "repository",
            "organization",
            "who can see it",
            "left your machine because",
            "last change",
        ]
        .map(Heading::text)
        .into_iter()
        .chain([Heading::number("messages"), Heading::action()])
        .collect(),
        rows: sessions.iter().map(|session| row(session, principal, admins)).collect(),
        empty: match filter.is_set() || filter.after.is_some() {
            true => "No session of yours has all of this. Clear a filter to see more.",
            false => "None: no organization stores a session of yours.",
        }
        .to_owned(),
        csv: Some(filter.url("/me.csv")),
        next,
    }
}

/// The readers of each organization, and what they see.
pub fn readers_table(principal: &Principal, admins: &HashMap<String, Vec<String>>) -> Table {
    let row = |membership: &Membership| {
        let others = others(principal, admins.get(&membership.tenant_id));
        vec![
            TableCell::text(membership.slug.clone()),
            TableCell::text(others),
            TableCell::text(
                "your sessions there, your totals by name; of your exporters: state, version, system, backlog, conditions, errors",
            ),
            TableCell::text("the organization's totals, without names"),
        ]
    };
    Table {
        caption: "Who sees what".to_owned(),
        columns: ["organization", "administrators", "they see", "its members see"]
            .map(Heading::text)
            .to_vec(),
        rows: principal.memberships.iter().map(row).collect(),
        empty: "Nobody.".to_owned(),
        csv: Some("/me.csv?table=readers".to_owned()),
        ..Table::default()
    }
}

/// The administrators besides the viewer.
fn others(principal: &Principal, admins: Option<&Vec<String>>) -> String {
    let names: Vec<&str> =
        admins.into_iter().flatten().map(String::as_str).filter(|login| *login != principal.login).collect();
    if names.is_empty() { "nobody but you".to_owned() } else { names.join(", ") }
}

fn row(
    session: &StoredSession,
    principal: &Principal,
    admins: &HashMap<String, Vec<String>>,
) -> Vec<TableCell> {
    let tenant = &session.key.tenant_id;
    let membership = principal.membership(tenant);
    let readers = match membership.map(|membership| membership.role) {
        Some(Role::Admin | Role::Member) => others(principal, admins.get(tenant)),
        None => "nobody".to_owned(),
    };
    let address = session.repository.strip_prefix("https://").unwrap_or(&session.repository);
    vec![
        session_link(session),
        TableCell::text(address),
        organization(session, principal),
        TableCell::text(readers),
        TableCell::text(rule(session.inclusion.as_deref())),
        TableCell::time(Some(session.last_modified.clone())),
        TableCell::Number(session.message_count),
        TableCell::link("Forget…", forget_url(&session.key.id)),
    ]
}

/// The question whether to forget a session.
#[derive(Template, Debug)]
#[template(path = "forget.html")]
pub struct ForgetView {
    layout: Layout,
    id: String,
    /// Short name or id.
    what: String,
}

impl ForgetView {
    /// The question about one session of the viewer.
    pub fn new(principal: &Principal, token: String, session: &StoredSession) -> ForgetView {
        let id = session.key.id.clone();
        let what = session.slug.clone().unwrap_or_else(|| id.clone());
        ForgetView { layout: Layout::of(principal, token, Tab::Me, "Forget this session?"), id, what }
    }
}
