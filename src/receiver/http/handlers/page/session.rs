//! `/sessions/{id}`: one session, its messages as CSV, and the question whether to forget it.

use super::form::PageForm;
use super::lists::{CsvDocument, bad_position, csv_table, logins};
use super::page_user::PageUser;
use super::reply::{ReplyForm, respond};
use crate::receiver::graphql::cursor;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::handlers::forget::{refusal, session_selection};
use crate::receiver::http::response::html::{render, see_other};
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::limits::{CSV_PART_BYTES, PAGE_MAX, PAGE_ROWS, SHOWN_TEXT_BYTES_MAX};
use crate::receiver::page::{ForgetView, SessionData, messages_table, session_view, tasks_table};
use crate::receiver::store::{
    MessagePage, QueryReader, SessionKey, StoredMessage, StoredSession, StoredTask, TaskPage,
};
use crate::receiver::time;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::collections::HashMap;
use std::sync::Arc;

const CSV: &str = ".csv";

/// Positions in the two lists of a session.
#[derive(Default)]
struct Positions {
    messages: Option<String>,
    tasks: Option<String>,
}

/// Responds with a session, or with its messages or, with `table=tasks`, its tasks as CSV.
pub async fn get_session(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    if let Some(id) = id.strip_suffix(CSV) {
        return match csv_table(query).as_deref() {
            None | Some("messages") => get_messages_csv(&state, &user, id.to_owned()).await,
            Some("tasks") => get_tasks_csv(&state, &user, id.to_owned()).await,
            Some(_) => Err(ApiError::bad_request("table must be messages or tasks")),
        };
    }
    let mut positions = Positions::default();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "after" => positions.messages = Some(value.into_owned()),
            "tasks_after" => positions.tasks = Some(value.into_owned()),
            _ => {}
        }
    }
    let (principal, token) = (user.principal.clone(), user.token());
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let data = read(&reader, &id, &positions).await?;
        render(&session_view(&principal, token, data))
    })
    .await
}

/// All messages of a session.
async fn get_messages_csv(state: &Arc<AppState>, user: &PageUser, id: String) -> Result<Response, ApiError> {
    let (principal, pages) = (user.principal.clone(), state.clone());
    respond(state, &user.principal, ReplyForm::Csv("messages"), |reader| async move {
        let session = find(&reader, &id).await?.key;
        let mut document = CsvDocument::default();
        let mut after = None;
        loop {
            let reader = pages.reader(principal.clone());
            let page = MessagePage { session: session.clone(), first: PAGE_MAX, after };
            let mut messages =
                reader.messages(std::slice::from_ref(&page)).await?.remove(&page).unwrap_or_default();
            let has_more = messages.len() > PAGE_MAX;
            messages.truncate(PAGE_MAX);
            document.require_space(content_bytes(&messages))?;
            // The texts of each part are released before those of the next one are read.
            let mut rest = messages.as_slice();
            while !rest.is_empty() {
                let (part, others) = rest.split_at(part_length(rest));
                let contents = contents(&reader, &session, part, content_bytes(part)).await?;
                document.add_table(Some(&messages_table(part, &contents)))?;
                rest = others;
            }
            match messages.last().filter(|_| has_more) {
                Some(last) => after = Some(last.position()),
                None => return Ok(document.text),
            }
        }
    })
    .await
}

/// All tasks of a session.
async fn get_tasks_csv(state: &Arc<AppState>, user: &PageUser, id: String) -> Result<Response, ApiError> {
    let (principal, pages) = (user.principal.clone(), state.clone());
    respond(state, &user.principal, ReplyForm::Csv("tasks"), |reader| async move {
        let session = find(&reader, &id).await?.key;
        let mut document = CsvDocument::default();
        let mut after = None;
        loop {
            let page = TaskPage { session: session.clone(), first: PAGE_MAX, after };
            let reader = pages.reader(principal.clone());
            let mut tasks =
                reader.tasks(std::slice::from_ref(&page)).await?.remove(&page).unwrap_or_default();
            let has_more = tasks.len() > PAGE_MAX;
            tasks.truncate(PAGE_MAX);
            document.add_table(Some(&tasks_table(&tasks)))?;
            match tasks.last().filter(|_| has_more) {
                Some(last) => after = Some(last.position()),
                None => return Ok(document.text),
            }
        }
    })
    .await
}

/// Asks whether to forget a session of the user.
pub async fn get_forget(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "session");
    let id = id.map(|(_, id)| id.into_owned()).unwrap_or_default();
    let (principal, token) = (user.principal.clone(), user.token());
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let session = find(&reader, &id).await?;
        if session.user_id != principal.user_id {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "only the user who sent a session forgets it"));
        }
        render(&ForgetView::new(&principal, token, &session))
    })
    .await
}

/// Forgets a session of the user.
pub async fn post_forget(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = PageForm::read(&state, &headers, body).await?;
    form.require_token(&user.secret)?;
    let selection = session_selection(form.get_exact("session").to_owned())?;
    let outcome =
        within_work_timeout(state.store.forget(&user.principal, &selection, time::now_us())).await?;
    match refusal(&outcome) {
        Some(error) => Err(error),
        None => see_other("/me"),
    }
}

async fn find(reader: &QueryReader, id: &str) -> Result<StoredSession, ApiError> {
    let found = reader.session(&replace_nul(id.to_owned())).await?;
    found.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "there is no such session, or none that you may see")
    })
}

async fn read(reader: &QueryReader, id: &str, positions: &Positions) -> Result<SessionData, ApiError> {
    let session = find(reader, id).await?;
    let key = &session.key;
    let after =
        positions.messages.as_deref().map(cursor::decode_message).transpose().map_err(|_| bad_position())?;
    let page = MessagePage { session: key.clone(), first: PAGE_ROWS, after };
    let mut messages = reader.messages(std::slice::from_ref(&page)).await?.remove(&page).unwrap_or_default();
    let after =
        positions.tasks.as_deref().map(cursor::decode_task).transpose().map_err(|_| bad_position())?;
    let page = TaskPage { session: key.clone(), first: PAGE_ROWS, after };
    let mut tasks: Vec<StoredTask> =
        reader.tasks(std::slice::from_ref(&page)).await?.remove(&page).unwrap_or_default();
    let (more_messages, more_tasks) = (messages.len() > PAGE_ROWS, tasks.len() > PAGE_ROWS);
    messages.truncate(PAGE_ROWS);
    tasks.truncate(PAGE_ROWS);
    let next_messages =
        messages.last().filter(|_| more_messages).map(|last| cursor::encode_message(&last.position()));
    let next_tasks = tasks.last().filter(|_| more_tasks).map(|last| cursor::encode_task(&last.position()));
    let url = |name: &str, position: String| format!("?{name}={position}");
    let contents = contents(reader, key, &messages, SHOWN_TEXT_BYTES_MAX).await?;
    let logins = logins(reader, std::iter::once(&session.user_id)).await?;
    Ok(SessionData {
        tasks,
        messages,
        contents,
        logins,
        next_tasks: next_tasks.map(|position| url("tasks_after", position)),
        next_messages: next_messages.map(|position| url("after", position)),
        is_first: positions.messages.is_none(),
        session,
    })
}

/// Bytes of the contents of messages.
fn content_bytes(messages: &[StoredMessage]) -> i64 {
    messages.iter().filter_map(|message| message.content_bytes).fold(0, i64::saturating_add)
}

/// Number of messages from the first on whose contents have at most [`CSV_PART_BYTES`] together, and at least one.
fn part_length(messages: &[StoredMessage]) -> usize {
    let fits = |length: &usize| content_bytes(&messages[..*length]) <= CSV_PART_BYTES;
    (1..=messages.len()).take_while(fits).last().unwrap_or(1)
}

/// The contents of messages, from the first on, of so many bytes together.
async fn contents(
    reader: &QueryReader,
    session: &SessionKey,
    messages: &[StoredMessage],
    bytes_max: i64,
) -> Result<HashMap<String, String>, ApiError> {
    let mut left = bytes_max;
    let mut wanted = Vec::new();
    for message in messages {
        let Some(bytes) = message.content_bytes else { continue };
        if bytes <= left {
            left -= bytes;
            wanted.push((session.clone(), message.message.id.clone()));
        }
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let contents = reader.contents(&wanted).await?;
    Ok(contents.into_iter().map(|((_, id), content)| (id, content)).collect())
}
