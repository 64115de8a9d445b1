//! The list of sessions, and one session with its tasks and messages.
//!
//! Invariant: text of a message or a task is shown as text, never as markup.

use super::filter::ViewFilter;
use super::layout::{ALL_FILTERS, FilterForm, Layout, LayoutView, Tab, is_admin};
use super::table::{Heading, Table, TableCell};
use crate::receiver::ingest::batch::PullRequest;
use crate::receiver::limits::SHOWN_CONTENT_BYTES;
use crate::receiver::store::{Principal, StoredMessage, StoredSession, StoredTask};
use askama::Template;
use serde_json::Value;
use std::collections::HashMap;

/// The list of sessions.
pub fn sessions_view(
    principal: &Principal,
    token: String,
    filter: &ViewFilter,
    sessions: &[StoredSession],
    logins: &HashMap<String, String>,
    next: Option<String>,
) -> LayoutView {
    let mut view = LayoutView::new(Layout::of(principal, token, Tab::Sessions, "Sessions"));
    view.introduction = "Newest first, by when they were first stored here.".to_owned();
    view.filter = Some(FilterForm::of("/sessions", filter, principal, (ALL_FILTERS, false)));
    let mut columns = vec![Heading::text("session"), Heading::text("repository")];
    if is_admin(principal) {
        columns.push(Heading::text("user"));
    }
    columns.extend([
        Heading::text("organization"),
        Heading::text("status"),
        Heading::number("messages"),
        Heading::text("last change"),
        Heading::text("pull request"),
        Heading::text("agent"),
        Heading::text("id"),
    ]);
    view.tables.push(Table {
        caption: "Sessions".to_owned(),
        note: String::new(),
        columns,
        rows: sessions.iter().map(|session| row(session, principal, filter, logins)).collect(),
        empty: match (filter.is_set(), filter.after.is_some()) {
            (_, true) => "No more sessions.".to_owned(),
            (true, false) => "No session has all of this. Clear a filter to see more.".to_owned(),
            (false, false) => {
                "No sessions are stored for you yet. On your machine, han-sync init sets up the exporter."
                    .to_owned()
            }
        },
        csv: Some(filter.url("/sessions.csv")),
        next,
    });
    view
}

fn row(
    session: &StoredSession,
    principal: &Principal,
    filter: &ViewFilter,
    logins: &HashMap<String, String>,
) -> Vec<TableCell> {
    let mut cells = vec![session_link(session), repository(session, filter)];
    if is_admin(principal) {
        cells.push(TableCell::optional(login(&session.user_id, principal, logins)));
    }
    cells.extend([
        organization(session, principal),
        TableCell::text(session.status.clone()),
        TableCell::Number(session.message_count),
        TableCell::time(Some(session.last_modified.clone())),
        pull_request(session.pull_request.as_ref()),
        TableCell::optional(session.harness.clone()),
        TableCell::Code(session.key.id.clone()),
    ]);
    cells
}

/// The rule of the exporter that made a session eligible, in words.
pub fn rule(inclusion: Option<&str>) -> &'static str {
    match inclusion {
        Some("organization") => "the organization owns its repository",
        Some("personal") => "personal repositories are included (includePersonal)",
        Some("forced_include") => "a pattern forces it in (forceInclude)",
        _ => "its client did not say",
    }
}

/// A link to a session, by its short name where it has one.
pub fn session_link(session: &StoredSession) -> TableCell {
    let id = &session.key.id;
    TableCell::link(session.slug.clone().unwrap_or_else(|| id.clone()), path(id))
}

/// The path of a session.
fn path(id: &str) -> String {
    // A segment of a path: more is encoded than has to be, and nothing less.
    let bytes = id.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("/sessions/{}", bytes.collect::<String>())
}

fn repository(session: &StoredSession, filter: &ViewFilter) -> TableCell {
    if session.repository.is_empty() {
        return TableCell::None;
    }
    let address = session.repository.clone();
    let text = address.strip_prefix("https://").unwrap_or(&address).to_owned();
    TableCell::link(text, filter.with(|filter| filter.repository = Some(address)).url("/sessions"))
}

/// The organization in which a session is stored, or that it is private.
pub fn organization(session: &StoredSession, principal: &Principal) -> TableCell {
    match principal.membership(&session.key.tenant_id) {
        Some(membership) => TableCell::text(membership.slug.clone()),
        None => TableCell::Badge { text: "private".to_owned(), class: "plain" },
    }
}

/// The login of the user of a row.
pub fn login(user_id: &str, principal: &Principal, logins: &HashMap<String, String>) -> Option<String> {
    if user_id == principal.user_id { Some(principal.login.clone()) } else { logins.get(user_id).cloned() }
}

fn pull_request(request: Option<&PullRequest>) -> TableCell {
    match request {
        None => TableCell::None,
        Some(PullRequest { number, url: None }) => TableCell::Text(format!("#{number}")),
        Some(PullRequest { number, url: Some(url) }) => {
            TableCell::Outside { text: format!("#{number}"), href: url.clone() }
        }
    }
}

/// Data of the view of a session.
#[derive(Debug)]
pub struct SessionData {
    pub session: StoredSession,
    pub tasks: Vec<StoredTask>,
    pub messages: Vec<StoredMessage>,
    /// Content by the message's id, as far as it was read.
    pub contents: HashMap<String, String>,
    pub logins: HashMap<String, String>,
    /// URL of the next tasks and messages.
    pub next_tasks: Option<String>,
    pub next_messages: Option<String>,
    /// True for the first page of messages.
    pub is_first: bool,
}

/// A message as it is shown.
#[derive(Debug)]
pub struct ShownMessage {
    kind: String,
    at: Option<String>,
    facts: Vec<String>,
    text: Option<String>,
    is_cut: bool,
}

/// The view of a session.
#[derive(Template, Debug)]
#[template(path = "session.html")]
pub struct StoredSessionView {
    layout: Layout,
    facts: Vec<(&'static str, TableCell)>,
    tables: Vec<Table>,
    messages: Vec<ShownMessage>,
    csv: String,
    next: Option<String>,
    is_first: bool,
    can_forget: bool,
    /// URL of the question whether to forget it.
    forget: String,
}

/// Builds the view of a session.
pub fn session_view(principal: &Principal, token: String, data: SessionData) -> StoredSessionView {
    let session = &data.session;
    let title = session.slug.clone().unwrap_or_else(|| format!("Session {}", session.key.id));
    let is_own = session.user_id == principal.user_id;
    let filter = ViewFilter::default();
    let facts = vec![
        ("Repository", repository(session, &filter)),
        ("User", TableCell::optional(login(&session.user_id, principal, &data.logins))),
        ("Organization", organization(session, principal)),
        ("Status", TableCell::text(session.status.clone())),
        ("Pull request", pull_request(session.pull_request.as_ref())),
        ("Team", TableCell::optional(session.team_name.clone())),
        ("Agent", TableCell::optional(session.harness.clone())),
        ("Left by the rule", TableCell::text(rule(session.inclusion.as_deref()))),
        ("Last change", TableCell::time(Some(session.last_modified.clone()))),
        ("Messages stored", TableCell::Number(session.message_count)),
        ("Messages on the machine", TableCell::number(session.total_message_count)),
        ("Id", TableCell::Code(session.key.id.clone())),
    ];
    let tasks = Table {
        csv: Some(format!("{}.csv?table=tasks", path(&session.key.id))),
        next: data.next_tasks,
        ..tasks_table(&data.tasks)
    };
    let messages = data.messages.iter();
    StoredSessionView {
        layout: Layout::of(principal, token, Tab::Sessions, title),
        facts,
        tables: vec![tasks],
        messages: messages.map(|message| shown(message, data.contents.get(&message.message.id))).collect(),
        csv: format!("{}.csv", path(&session.key.id)),
        next: data.next_messages,
        is_first: data.is_first,
        can_forget: is_own,
        forget: forget_url(&session.key.id),
    }
}

/// URL of the question whether to forget a session.
pub fn forget_url(id: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("session", id).finish();
    format!("/forget?{query}")
}

/// The tasks of a session.
pub fn tasks_table(tasks: &[StoredTask]) -> Table {
    Table {
        caption: "Tasks".to_owned(),
        columns: ["task", "description", "status", "created", "changed"].map(Heading::text).to_vec(),
        rows: tasks.iter().map(task).collect(),
        empty: "No tasks are stored.".to_owned(),
        ..Table::default()
    }
}

fn task(task: &StoredTask) -> Vec<TableCell> {
    let subject = if task.subject.is_empty() {
        TableCell::Code(task.id.clone())
    } else {
        TableCell::text(task.subject.clone())
    };
    vec![
        subject,
        TableCell::optional(task.description.clone()),
        TableCell::text(task.status.clone()),
        TableCell::time(Some(task.created_at.clone())),
        TableCell::time(Some(task.updated_at.clone())),
    ]
}

fn shown(stored: &StoredMessage, content: Option<&String>) -> ShownMessage {
    let message = &stored.message;
    let mut facts: Vec<String> = Vec::new();
    facts.extend(message.tool_name.clone());
    facts.extend(message.model.clone());
    facts.extend(message.git_branch.as_ref().map(|branch| format!("on {branch}")));
    facts.extend(message.agent_id.as_ref().map(|agent| format!("agent {agent}")));
    let tokens = [
        ("in", message.input_tokens),
        ("out", message.output_tokens),
        ("cache read", message.cache_read_tokens),
        ("cache write", message.cache_creation_tokens),
    ];
    let tokens = tokens.into_iter().filter_map(|(name, tokens)| Some((name, tokens.filter(|it| *it > 0)?)));
    facts.extend(tokens.map(|(name, tokens)| format!("{} {name}", super::format::integer(tokens))));
    if message.content_omitted == Some(true) {
        facts.push("text too large to be sent".to_owned());
    }
    let text = content.map(|content| readable(content));
    let end = text.as_ref().map(|text| text.floor_char_boundary(SHOWN_CONTENT_BYTES));
    let is_cut = matches!((&text, end), (Some(text), Some(end)) if end < text.len());
    ShownMessage {
        kind: message.message_type.clone(),
        at: Some(message.timestamp.clone()).filter(|at| !at.is_empty()),
        facts,
        text: text.map(|text| text[..end.unwrap_or(text.len())].to_owned()),
        is_cut,
    }
}

/// The text of a message: the parts of its raw JSON that people wrote or read, or else the JSON itself, indented.
fn readable(content: &str) -> String {
    let Ok(json) = serde_json::from_str::<Value>(content) else { return content.to_owned() };
    let body = json.pointer("/message/content").or_else(|| json.get("content"));
    let parts: Vec<String> = match body {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(blocks)) => blocks.iter().filter_map(block).collect(),
        _ => Vec::new(),
    };
    match parts.is_empty() {
        true => serde_json::to_string_pretty(&json).unwrap_or_else(|_| content.to_owned()),
        false => parts.join("\n\n"),
    }
}

/// The text of one block of a message.
fn block(block: &Value) -> Option<String> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).map(str::to_owned);
    let input = || block.get("input").and_then(|input| serde_json::to_string_pretty(input).ok());
    text("text").or_else(|| text("thinking")).or_else(input).or_else(|| text("content")).or_else(|| {
        let inner = block.get("content")?.as_array()?;
        let texts: Vec<&str> = inner.iter().filter_map(|part| part.get("text")?.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    })
}

/// The messages of a session as a table, for its CSV.
pub fn messages_table(messages: &[StoredMessage], contents: &HashMap<String, String>) -> Table {
    let texts =
        ["id", "time", "stream", "type", "role", "tool", "model", "branch", "text"].map(Heading::text);
    let numbers = [
        "line",
        "input",
        "output",
        "cache read",
        "cache write",
        "cache write 1h",
        "lines added",
        "lines removed",
    ]
    .map(Heading::number);
    let row = |stored: &StoredMessage| {
        let message = &stored.message;
        vec![
            TableCell::text(message.id.clone()),
            TableCell::time(Some(message.timestamp.clone())),
            TableCell::optional(message.stream.clone()),
            TableCell::text(message.message_type.clone()),
            TableCell::optional(message.role.clone()),
            TableCell::optional(message.tool_name.clone()),
            TableCell::optional(message.model.clone()),
            TableCell::optional(message.git_branch.clone()),
            TableCell::optional(contents.get(&message.id).cloned()),
            TableCell::Number(message.line_number),
            TableCell::number(message.input_tokens),
            TableCell::number(message.output_tokens),
            TableCell::number(message.cache_read_tokens),
            TableCell::number(message.cache_creation_tokens),
            TableCell::number(message.cache_creation_1h_tokens),
            TableCell::number(message.lines_added),
            TableCell::number(message.lines_removed),
        ]
    };
    Table {
        columns: texts.into_iter().chain(numbers).collect(),
        rows: messages.iter().map(row).collect(),
        ..Table::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_message_is_that_of_its_blocks_or_the_json_itself() {
        assert_eq!(readable(r#"{"message":{"content":"hello"}}"#), "hello");
        let blocks = r#"{"message":{"content":[{"type":"text","text":"a"},{"type":"tool_use","input":{"x":1}},
            {"type":"tool_result","content":[{"type":"text","text":"b"}]},{"type":"odd"}]}}"#;
        assert_eq!(readable(blocks), "a\n\n{\n  \"x\": 1\n}\n\nb");
        assert_eq!(readable("<script>"), "<script>");
        assert_eq!(readable(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
    }

    #[test]
    fn paths_hold_any_id() {
        assert_eq!(path("a b/../c?é"), "/sessions/a%20b%2F..%2Fc%3F%C3%A9");
    }
}
