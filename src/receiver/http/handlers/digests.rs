//! `POST /api/sync/digests`: number and digest of the messages of the user's own sessions.

use crate::protocol::{
    DIGESTS_SESSIONS_MAX, DigestsRequest, DigestsResponse, ListedTombstones, SessionDigest,
};
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::Admitted;
use crate::receiver::http::body::{self, nests_deeper_than};
use crate::receiver::http::response;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::limits::{DIGEST_HASHES_MAX, DIGESTS_BYTES_MAX, DIGESTS_ROWS, JSON_DEPTH_MAX};
use crate::receiver::store::{DigestMode, StoredDigest, StoredDigests};
use crate::receiver::time;
use crate::short_hash;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Answers with the digests of the requested sessions that are stored.
pub async fn post_digests(
    State(state): State<Arc<AppState>>,
    Admitted { principal, permit }: Admitted,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let received =
        body::receive(&headers, body, &state.memory, permit.budget(), state.body_stall_timeout).await?;
    let inflated = received.inflate(&state.memory, DIGESTS_BYTES_MAX).await?;
    let request = parse(&inflated.bytes)?;
    let _query_permit = state.queries.acquire(&principal.key_id).await?;
    let _rows_reservation = state.memory.reserve_rows(permit.budget(), DIGESTS_ROWS).await?;
    let mode = match (request.hashes, request.recount) {
        (true, _) => DigestMode::WithHashes(DIGEST_HASHES_MAX),
        (false, true) => DigestMode::Recounted,
        (false, false) => DigestMode::Kept,
    };
    let lists_tombstones = request.tombstones;
    let asked = AskedIds::of(request.sessions);
    let stored_ids: Vec<String> = asked.0.keys().cloned().collect();
    let turn = state.queries.begin().await?;
    let store = state.store.clone();
    let found = state.query_threads.run(async move {
        // The turn ends with the work, also when nobody waits for it any longer.
        let _turn = turn;
        Ok(store.digests(&principal, &stored_ids, mode).await?)
    });
    let found = within_work_timeout(found).await?;
    response::json(StatusCode::OK, &asked.respond(found, lists_tombstones), &state.memory).await
}

fn parse(body: &[u8]) -> Result<DigestsRequest, ApiError> {
    let malformed = || {
        ApiError::bad_request(
            "the body is no request for digests: send {\"sessions\": [\"…\"], \"recount\": false}",
        )
    };
    if nests_deeper_than(body, JSON_DEPTH_MAX) {
        return Err(malformed());
    }
    let request: DigestsRequest = serde_json::from_slice(body).map_err(|_| malformed())?;
    if request.sessions.len() > DIGESTS_SESSIONS_MAX {
        return Err(ApiError::bad_request(format!(
            "more than {DIGESTS_SESSIONS_MAX} sessions: ask for fewer"
        )));
    }
    Ok(request)
}

/// The ids of a request, by the ids under which the store has them.
struct AskedIds(BTreeMap<String, String>);

impl AskedIds {
    fn of(ids: Vec<String>) -> AskedIds {
        AskedIds(ids.into_iter().map(|id| (replace_nul(id.clone()), id)).collect())
    }

    fn respond(&self, found: StoredDigests, lists_tombstones: bool) -> DigestsResponse {
        let asked = |stored: String| self.0.get(&stored).cloned().unwrap_or(stored);
        let digest = |(id, StoredDigest { digest, hashes }): (String, StoredDigest)| SessionDigest {
            id: asked(id),
            messages: digest.messages,
            digest: digest.to_hex(),
            hashes: hashes.map(|hashes| hashes.into_iter().map(short_hash::to_hex).collect()),
        };
        let now = time::now_us();
        let undone = found
            .undone
            .into_iter()
            .map(|(id, at)| (asked(id), (now.saturating_sub(at).max(0) / time::SECOND_US).unsigned_abs()));
        let since = found.retained_since.into_iter().map(|(id, at)| (asked(id), time::rfc3339(at)));
        let forgotten: Vec<String> = found.forgotten.into_iter().map(asked).collect();
        let tombstones = lists_tombstones
            .then(|| ListedTombstones { forgotten: forgotten.clone(), undone: undone.collect() });
        DigestsResponse {
            sessions: found.sessions.into_iter().map(digest).collect(),
            forgotten,
            tombstones,
            retained_since: since.collect(),
        }
    }
}
