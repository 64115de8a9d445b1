//! `DELETE /api/sync/sessions` forgets sessions of the key's user; `DELETE /api/sync/tombstones` lets them be sent again.
//!
//! Invariant: an object that is not clear deletes nothing; an id that is unknown or another user's is answered as an own one.

use crate::protocol::remote::Remote;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::Admitted;
use crate::receiver::http::response;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::ingest::validation::{fits, replace_nul};
use crate::receiver::limits::ID_BYTES_MAX;
use crate::receiver::store::{ForgetOutcome, Principal, SessionSelection};
use crate::receiver::time::{self, SECOND_US};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

type Id = Result<Path<String>, PathRejection>;
type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Forgets one session.
pub async fn delete_session(
    State(state): State<Arc<AppState>>,
    Admitted { principal, permit: _permit }: Admitted,
    id: Id,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (selection, at) = one(id, parameters)?;
    forget(&state, &principal, &selection, at).await
}

/// Forgets the stored sessions of a repository, or all.
pub async fn delete_sessions(
    State(state): State<Arc<AppState>>,
    Admitted { principal, permit: _permit }: Admitted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (selection, at) = several(parameters)?;
    forget(&state, &principal, &selection, at).await
}

/// Removes the tombstone of one session.
pub async fn delete_tombstone(
    State(state): State<Arc<AppState>>,
    Admitted { principal, permit: _permit }: Admitted,
    id: Id,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (selection, at) = one(id, parameters)?;
    restore(&state, &principal, &selection, at).await
}

/// Removes the tombstones of a repository, or all.
pub async fn delete_tombstones(
    State(state): State<Arc<AppState>>,
    Admitted { principal, permit: _permit }: Admitted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (selection, at) = several(parameters)?;
    restore(&state, &principal, &selection, at).await
}

async fn forget(
    state: &AppState,
    principal: &Principal,
    selection: &SessionSelection,
    at: i64,
) -> Result<Response, ApiError> {
    let outcome = within_work_timeout(state.store.forget(principal, selection, at)).await?;
    if !outcome.is_refused() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if let Some(refusal) = refusal(&outcome) {
        return Err(refusal);
    }
    let refused: BTreeSet<&String> = outcome.refused.union(&outcome.left).collect();
    response::json(StatusCode::MULTI_STATUS, &json!({"refused": refused}), &state.memory).await
}

/// The rejection of a request of which nothing was done.
pub fn refusal(outcome: &ForgetOutcome) -> Option<ApiError> {
    let is_refusal = outcome.is_refused() && outcome.sessions == 0;
    is_refusal.then(|| ApiError::new(StatusCode::FORBIDDEN, reason(outcome)))
}

async fn restore(
    state: &AppState,
    principal: &Principal,
    selection: &SessionSelection,
    at: i64,
) -> Result<Response, ApiError> {
    within_work_timeout(state.store.restore_forgotten(principal, selection, at)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The reason why sessions stay.
fn reason(outcome: &ForgetOutcome) -> String {
    let names = |slugs: &BTreeSet<String>| slugs.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut reasons = Vec::new();
    if !outcome.refused.is_empty() {
        reasons.push(format!("{} does not let its members delete sessions", names(&outcome.refused)));
    }
    if !outcome.left.is_empty() {
        reasons.push(format!("you are no longer a member of {}", names(&outcome.left)));
    }
    format!("{}: ask an administrator there", reasons.join(", and "))
}

/// Reads a request for one session, and the time from which it counts.
fn one(id: Id, parameters: Parameters) -> Result<(SessionSelection, i64), ApiError> {
    let Path(id) = id.map_err(|_| ApiError::bad_request("the session's id is not UTF-8"))?;
    let selection = session_selection(id)?;
    match read(parameters)? {
        ReadParameters { all: false, repository: None, at } => Ok((selection, at)),
        _ => Err(ApiError::bad_request("name one object: an id, a repository, or all=true")),
    }
}

/// The session with an id, as it would be stored.
pub fn session_selection(id: String) -> Result<SessionSelection, ApiError> {
    if id.is_empty() || !fits(&id, ID_BYTES_MAX) {
        return Err(ApiError::bad_request(format!("a session's id has 1 to {ID_BYTES_MAX} bytes")));
    }
    Ok(SessionSelection::Session(replace_nul(id)))
}

/// Reads a request for several sessions, and the time from which it counts.
fn several(parameters: Parameters) -> Result<(SessionSelection, i64), ApiError> {
    match read(parameters)? {
        ReadParameters { all: true, repository: None, at } => Ok((SessionSelection::All, at)),
        ReadParameters { all: false, repository: Some(repository), at } => {
            let remote =
                Remote::parse(&repository).or_else(|_| Remote::parse(&format!("https://{repository}")));
            let remote = remote.map_err(|_| {
                ApiError::bad_request("the repository cannot be read: name https://host/owner/repo")
            })?;
            Ok((SessionSelection::Repository(remote.url()), at))
        }
        _ => Err(ApiError::bad_request(
            "name the object: /ID, ?repository=https://host/owner/repo, or ?all=true",
        )),
    }
}

/// The parameters of a request.
struct ReadParameters {
    all: bool,
    repository: Option<String>,
    /// Time from which the request counts.
    at: i64,
}

/// Reads the parameters. A request for everything must not come of a mistyped one, so that an unknown or repeated one is an
/// error.
fn read(parameters: Parameters) -> Result<ReadParameters, ApiError> {
    let unclear = |name: &str| ApiError::bad_request(format!("the parameter {name} is unclear"));
    let Query(pairs) = parameters.map_err(|_| ApiError::bad_request("the parameters cannot be read"))?;
    let (mut all, mut repository, mut age_s) = (false, None, None);
    for (name, value) in pairs {
        match (name.as_str(), value.as_str()) {
            ("all", "true") if !all => all = true,
            ("repository", text) if repository.is_none() && !text.trim().is_empty() => {
                repository = Some(text.to_owned());
            }
            ("age", text) if age_s.is_none() => {
                age_s = Some(text.parse::<u32>().map_err(|_| unclear("age"))?);
            }
            ("all", _) => return Err(unclear("all")),
            ("repository", _) => return Err(unclear("repository")),
            ("age", _) => return Err(unclear("age")),
            _ => {
                return Err(ApiError::bad_request("an unknown parameter: all, repository and age are known"));
            }
        }
    }
    Ok(ReadParameters { all, repository, at: time::now_us() - i64::from(age_s.unwrap_or(0)) * SECOND_US })
}
