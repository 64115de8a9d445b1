//! The clients: which of them deliver, and what keeps the others.

use super::filter::ViewFilter;
use super::layout::{FilterForm, Layout, LayoutView, Tab, is_admin};
use super::sessions::login;
use super::table::{Heading, Table, TableCell};
use crate::exporter::plan::conditions::{Severity, TABLE};
use crate::receiver::store::{ClientState, ClientStatus, Principal};
use crate::receiver::time;
use std::collections::HashMap;

/// Command that says more of a condition whose own command names a place on the machine.
const DIAGNOSIS: &str = "han-sync doctor";

/// Builds the view of a page of clients. `next` is the URL of the next page.
pub fn clients_view(
    principal: &Principal,
    token: String,
    filter: &ViewFilter,
    clients: &[ClientStatus],
    logins: &HashMap<String, String>,
    next: Option<String>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Clients, "Clients"));
    view.introduction = match is_admin(principal) {
        true => "Every exporter of yours, and of the members of organizations that you administer.",
        false => "Every exporter of yours: whether it delivers, and what it has still to deliver.",
    }
    .to_owned();
    view.filter = Some(FilterForm::of("/clients", filter, principal, (&["organization", "user"], false)));
    view.tables.push(Table {
        caption: "Exporters".to_owned(),
        note: "Fresh: seen within 10 minutes. Idle: within 25 hours. Overdue: not. Failing: its last batch had errors. \
               Run the commands on the machine itself."
            .to_owned(),
        columns: vec![
            Heading::text("state"),
            Heading::text("user"),
            Heading::text("organization"),
            Heading::text("last seen"),
            Heading::number("sessions waiting"),
            Heading::number("messages waiting"),
            Heading::text("waiting since"),
            Heading::text("conditions"),
            Heading::text("remedy"),
            Heading::text("errors"),
            Heading::text("version"),
            Heading::text("system"),
            Heading::number("sessions stored"),
            Heading::number("messages stored"),
            Heading::text("client"),
        ],
        rows: clients.iter().map(|client| cells(client, principal, logins)).collect(),
        empty: match filter.is_set() || filter.after.is_some() {
            true => "No exporter is among these. Clear a filter to see more.",
            false => "No exporter has been here yet. On your machine, han-sync init sets one up.",
        }
        .to_owned(),
        csv: Some(filter.url("/clients.csv")),
        next,
    });
    view
}

fn cells(client: &ClientStatus, principal: &Principal, logins: &HashMap<String, String>) -> Vec<TableCell> {
    let (text, class) = match client.state {
        ClientState::Fresh => ("fresh", "good"),
        ClientState::Idle => ("idle", "plain"),
        ClientState::Overdue => ("overdue", "warn"),
        ClientState::Failing => ("failing", "bad"),
    };
    let report = &client.report;
    let conditions = report.conditions.iter().map(|code| condition(code)).collect();
    let mut remedies: Vec<&str> = report.conditions.iter().map(|code| remedy(code)).collect();
    if !client.last_errors.is_empty() {
        remedies.push("han-sync queue");
    }
    remedies.sort_unstable();
    remedies.dedup();
    let errors = client.last_errors.iter();
    let errors: Vec<TableCell> = errors
        .map(|error| TableCell::text(format!("{} {}: {}", error.session_id, error.code, error.message)))
        .collect();
    vec![
        TableCell::Badge { text: text.to_owned(), class },
        TableCell::optional(login(&client.user_id, principal, logins)),
        TableCell::optional(client.organization.clone()),
        TableCell::Time(time::rfc3339(client.last_seen_at)),
        TableCell::number(report.pending_sessions),
        TableCell::number(report.pending_messages),
        TableCell::time(report.pending_since.map(time::rfc3339)),
        list(conditions),
        list(remedies.into_iter().map(|command| TableCell::Code(command.to_owned())).collect()),
        list(errors),
        TableCell::optional(report.version.clone()),
        TableCell::optional(report.os.clone()),
        TableCell::Number(client.sessions),
        TableCell::Number(client.messages),
        TableCell::Code(client.client_id.clone()),
    ]
}

fn list(cells: Vec<TableCell>) -> TableCell {
    if cells.is_empty() { TableCell::None } else { TableCell::List(cells) }
}

/// A condition in words, in the colour of its severity.
fn condition(code: &str) -> TableCell {
    let kind = TABLE.iter().find(|kind| kind.code == code);
    let class = match kind.map(|kind| kind.severity) {
        Some(Severity::Error) => "bad",
        Some(Severity::Warning) | None => "warn",
        Some(Severity::Info) => "plain",
    };
    TableCell::Badge { text: code.to_lowercase().replace('_', " "), class }
}

/// The command that mends a condition, on the machine.
fn remedy(code: &str) -> &'static str {
    let kind = TABLE.iter().find(|kind| kind.code == code);
    kind.and_then(|kind| kind.fixed_command()).unwrap_or(DIAGNOSIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_a_remedy() {
        assert_eq!(remedy("HOOK_MISSING"), "han-sync install");
        assert_eq!(remedy("DATABASE_STALE"), "han reindex");
        assert_eq!(remedy("KEY_REFUSED"), "han-sync doctor", "its own command names a file there");
        assert_eq!(remedy("FROM_THE_FUTURE"), "han-sync doctor");
        assert_eq!(condition("PAUSED"), TableCell::Badge { text: "paused".to_owned(), class: "plain" });
    }
}
