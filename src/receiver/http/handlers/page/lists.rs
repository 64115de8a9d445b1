//! `/clients`, `/sessions` and `/me`, page by page, and as CSV.

use super::overview::filter;
use super::page_user::PageUser;
use super::reply::{ReplyForm, respond};
use crate::receiver::graphql::cursor;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::response::html::render;
use crate::receiver::http::state::AppState;
use crate::receiver::limits::{CLIENTS_PAGE_MAX, CSV_BYTES_MAX, PAGE_MAX, PAGE_ROWS};
use crate::receiver::page::{
    Table, ViewFilter, clients_view, csv, me_view, readers_table, sessions_view, visible_sessions_table,
};
use crate::receiver::store::{
    ClientStatus, Principal, QueryReader, SessionPosition, SessionQuery, StoredSession,
};
use crate::receiver::time;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A page of clients.
pub async fn get_clients(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query)?;
    let (principal, token) = (user.principal.clone(), user.token());
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let after =
            filter.after.as_deref().map(cursor::decode_client).transpose().map_err(|_| bad_position())?;
        let mut clients =
            reader.clients(&filter.clients(), PAGE_ROWS + 1, after.as_ref(), time::now_us()).await?;
        let has_more = clients.len() > PAGE_ROWS;
        clients.truncate(PAGE_ROWS);
        let last =
            clients.last().filter(|_| has_more).map(|client| cursor::encode_client(&client.position()));
        let next = last.map(|after| filter.url_after("/clients", Some(&after)));
        let logins = logins(&reader, clients.iter().map(|client| &client.user_id)).await?;
        render(&clients_view(&principal, token, &filter, &clients, &logins, next))
    })
    .await
}

/// All clients.
pub async fn get_clients_csv(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query)?;
    let principal = user.principal.clone();
    let pages = state.clone();
    respond(&state, &user.principal, ReplyForm::Csv("clients"), |_| async move {
        let mut document = CsvDocument::default();
        let mut after = None;
        loop {
            let reader = pages.reader(principal.clone());
            let clients: Vec<ClientStatus> =
                reader.clients(&filter.clients(), CLIENTS_PAGE_MAX, after.as_ref(), time::now_us()).await?;
            let logins = logins(&reader, clients.iter().map(|client| &client.user_id)).await?;
            let view = clients_view(&principal, String::new(), &filter, &clients, &logins, None);
            document.add_table(view.tables.first())?;
            match clients.last().filter(|_| clients.len() == CLIENTS_PAGE_MAX) {
                Some(last) => after = Some(last.position()),
                None => return Ok(document.text),
            }
        }
    })
    .await
}

/// A page of sessions.
pub async fn get_sessions(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query)?;
    let (principal, token) = (user.principal.clone(), user.token());
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let (sessions, next) = page(&reader, &filter, &filter.sessions(), "/sessions").await?;
        let logins = logins(&reader, sessions.iter().map(|session| &session.user_id)).await?;
        render(&sessions_view(&principal, token, &filter, &sessions, &logins, next))
    })
    .await
}

/// All sessions that the filters select.
pub async fn get_sessions_csv(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query)?;
    let mut pages = SessionPages::new(&state, &user.principal, filter.sessions());
    respond(&state, &user.principal, ReplyForm::Csv("sessions"), |_| async move {
        let mut document = CsvDocument::default();
        while let Some((reader, sessions)) = pages.next().await? {
            let logins = logins(&reader, sessions.iter().map(|session| &session.user_id)).await?;
            let view = sessions_view(reader.principal(), String::new(), &filter, &sessions, &logins, None);
            document.add_table(view.tables.first())?;
        }
        Ok(document.text)
    })
    .await
}

/// A page of the user's sessions that others can see.
pub async fn get_me(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query)?;
    let (principal, token) = (user.principal.clone(), user.token());
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let admins = reader.admins().await?;
        let (sessions, next) = page(&reader, &filter, &visible_to_others(&principal, &filter), "/me").await?;
        render(&me_view(&principal, token, &filter, (&sessions, next), &admins))
    })
    .await
}

/// A table of `/me`: by default all sessions of the user that others can see, with `table=readers` who they are.
pub async fn get_me_csv(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query.clone())?;
    let is_of_readers = match csv_table(query).as_deref() {
        None | Some("sessions") => false,
        Some("readers") => true,
        Some(_) => return Err(ApiError::bad_request("table must be sessions or readers")),
    };
    let mut pages = SessionPages::new(&state, &user.principal, visible_to_others(&user.principal, &filter));
    respond(&state, &user.principal, ReplyForm::Csv("me"), |reader| async move {
        let admins = reader.admins().await?;
        let mut document = CsvDocument::default();
        if is_of_readers {
            document.add_table(Some(&readers_table(reader.principal(), &admins)))?;
            return Ok(document.text);
        }
        while let Some((reader, sessions)) = pages.next().await? {
            let table = visible_sessions_table(reader.principal(), &filter, (&sessions, None), &admins);
            document.add_table(Some(&table))?;
        }
        Ok(document.text)
    })
    .await
}

/// The table whose CSV is asked for, where a view has several: the parameter `table`.
pub fn csv_table(query: Option<String>) -> Option<String> {
    let query = query.unwrap_or_default();
    let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "table");
    named.map(|(_, table)| table.into_owned()).filter(|table| !table.is_empty())
}

/// Sessions page by page, each page with a reader and a budget of its own.
struct SessionPages {
    state: Arc<AppState>,
    principal: Principal,
    query: SessionQuery,
    after: Option<SessionPosition>,
    is_over: bool,
}

impl SessionPages {
    fn new(state: &Arc<AppState>, principal: &Principal, query: SessionQuery) -> SessionPages {
        let (state, principal) = (state.clone(), principal.clone());
        SessionPages { state, principal, query, after: None, is_over: false }
    }

    /// The next page, with its reader; the first one even if there is no session.
    async fn next(&mut self) -> Result<Option<(QueryReader, Vec<StoredSession>)>, ApiError> {
        if self.is_over {
            return Ok(None);
        }
        let reader = self.state.reader(self.principal.clone());
        let mut sessions = reader.sessions(&self.query, PAGE_MAX, self.after.as_ref()).await?;
        self.is_over = sessions.len() <= PAGE_MAX;
        sessions.truncate(PAGE_MAX);
        self.after = sessions.last().map(StoredSession::position);
        Ok(Some((reader, sessions)))
    }
}

/// The user's own sessions in organizations.
fn visible_to_others(principal: &Principal, filter: &ViewFilter) -> SessionQuery {
    let user = Some(principal.login.clone());
    SessionQuery { user, in_organizations: true, ..filter.sessions() }
}

/// A page of sessions, and the URL of the next one.
async fn page(
    reader: &QueryReader,
    filter: &ViewFilter,
    query: &SessionQuery,
    path: &str,
) -> Result<(Vec<StoredSession>, Option<String>), ApiError> {
    let after =
        filter.after.as_deref().map(cursor::decode_session).transpose().map_err(|_| bad_position())?;
    let mut sessions = reader.sessions(query, PAGE_ROWS, after.as_ref()).await?;
    let has_more = sessions.len() > PAGE_ROWS;
    sessions.truncate(PAGE_ROWS);
    let last =
        sessions.last().filter(|_| has_more).map(|session| cursor::encode_session(&session.position()));
    Ok((sessions, last.map(|after| filter.url_after(path, Some(&after)))))
}

/// The logins of the users of rows that the reader has seen.
pub async fn logins<'a>(
    reader: &QueryReader,
    ids: impl Iterator<Item = &'a String>,
) -> Result<HashMap<String, String>, ApiError> {
    let own = &reader.principal().user_id;
    let ids: BTreeSet<String> = ids.filter(|id| *id != own).cloned().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(reader.logins(ids.into_iter().collect()).await?)
}

/// The rejection of a position that is none of the list's.
pub fn bad_position() -> ApiError {
    ApiError::bad_request("after is no position in this list: go back to its first page")
}

/// A CSV document that grows page by page, within a bound.
#[derive(Default)]
pub struct CsvDocument {
    pub text: String,
}

impl CsvDocument {
    /// Adds the rows of a table; the headings stand once.
    pub fn add_table(&mut self, table: Option<&Table>) -> Result<(), ApiError> {
        let text = table.map(csv).unwrap_or_default();
        let headings = if self.text.is_empty() { 0 } else { text.find("\r\n").map_or(0, |end| end + 2) };
        let rows = &text[headings..];
        self.require_space(i64::try_from(rows.len()).unwrap_or(i64::MAX))?;
        self.text.push_str(rows);
        Ok(())
    }

    /// Rejects a document that would be too large with so many bytes more.
    pub fn require_space(&self, bytes: i64) -> Result<(), ApiError> {
        let left = CSV_BYTES_MAX.saturating_sub(self.text.len());
        if usize::try_from(bytes).is_ok_and(|bytes| bytes <= left) {
            return Ok(());
        }
        let message =
            format!("the document would be larger than {} MiB: narrow the filter", CSV_BYTES_MAX >> 20);
        Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message))
    }
}
