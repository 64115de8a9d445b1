//! `POST /api/sync`: one batch.

use crate::protocol::{
    Checksum, ChecksumError, PROTOCOL_VERSION, PROTOCOL_VERSION_HEADER, ResponseStatus, SyncCursor,
    SyncError, SyncResponse,
};
use crate::receiver::http::access_log::AccessLog;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::Admitted;
use crate::receiver::http::body::{self, InflatedBody};
use crate::receiver::http::response;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::ingest::batch::DecodedBatch;
use crate::receiver::ingest::decode::{self, DecodeError};
use crate::receiver::limits::{BATCH_ROWS_MAX, INFLATED_BYTES_MAX, JSON_DEPTH_MAX};
use crate::receiver::store::IngestOutcome;
use crate::receiver::time;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// Stores one batch.
pub async fn post_sync(
    State(state): State<Arc<AppState>>,
    Extension(access_log): Extension<AccessLog>,
    Admitted { principal, permit }: Admitted,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    require_protocol_version(&headers)?;
    let received =
        body::receive(&headers, body, &state.memory, permit.budget(), state.body_stall_timeout).await?;
    let InflatedBody { bytes, mut reservation } = received.inflate(&state.memory, INFLATED_BYTES_MAX).await?;
    let rows = body::compute(bytes.len(), || count_rows(&bytes))?;
    let _rows_reservation = state.memory.reserve_rows(permit.budget(), rows).await?;
    let now = time::now_us();
    let batch = body::compute(bytes.len(), || decode(&bytes, now))?;
    state.metrics.record_inflated(bytes.len());
    // Rows that a batch has twice are merged into copies of their texts.
    let copies = if batch.has_repeats() { 2 } else { 1 };
    reservation.shrink_to(copies * bytes.len());
    drop(bytes);
    let ingested = within_work_timeout(state.store.ingest(&principal, &batch, now)).await?;
    state.metrics.record_ingested(&ingested);
    access_log
        .set_rejected(ingested.outcomes.iter().filter_map(|outcome| Some(outcome.rejection.as_ref()?.code)));
    let response = respond(batch, ingested, time::now_us());
    response::json(status_code(response.status), &response, &state.memory).await
}

fn require_protocol_version(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(PROTOCOL_VERSION_HEADER) {
        Some(version) if version != PROTOCOL_VERSION => Err(ApiError::bad_request(format!(
            "unsupported version: this receiver speaks {PROTOCOL_VERSION}"
        ))),
        _ => Ok(()),
    }
}

/// Counts the rows of a body, and checks their number and the depth.
fn count_rows(body: &[u8]) -> Result<usize, ApiError> {
    let rows = body::count_rows(body, JSON_DEPTH_MAX).ok_or_else(|| {
        ApiError::bad_request(format!("the body nests deeper than {JSON_DEPTH_MAX} levels"))
    })?;
    if rows > BATCH_ROWS_MAX {
        return Err(too_many_rows());
    }
    Ok(rows)
}

fn too_many_rows() -> ApiError {
    let message = format!("more than {BATCH_ROWS_MAX} sessions, messages and tasks in a batch: send fewer");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// Checks the checksum, then decodes.
fn decode(body: &[u8], now: i64) -> Result<DecodedBatch, ApiError> {
    match Checksum::check(body) {
        Ok(Checksum::Valid | Checksum::Missing) => {}
        Err(ChecksumError::Mismatch) => {
            return Err(ApiError::bad_request("the checksum does not match the body"));
        }
        Err(ChecksumError::Malformed) => return Err(ApiError::bad_request("the body is not a JSON object")),
    }
    decode::decode(body, now).map_err(|error| match error {
        DecodeError::Malformed(message) => ApiError::bad_request(message),
        DecodeError::TooManyRows => too_many_rows(),
    })
}

fn status_code(status: ResponseStatus) -> StatusCode {
    match status {
        ResponseStatus::Success => StatusCode::OK,
        ResponseStatus::Partial => StatusCode::MULTI_STATUS,
        ResponseStatus::Error => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Builds the response from the outcome of each session. The cursor is that of the last stored session.
fn respond(batch: DecodedBatch, ingested: IngestOutcome, now: i64) -> SyncResponse {
    let mut response = SyncResponse {
        status: ResponseStatus::Success,
        cursor: batch.cursor,
        processed: 0,
        messages_processed: 0,
        errors: Vec::new(),
        server_timestamp: Some(time::rfc3339(now)),
    };
    for outcome in ingested.outcomes {
        match outcome.rejection {
            None => {
                response.processed += outcome.occurrences;
                response.messages_processed += outcome.messages;
                response.cursor = SyncCursor {
                    last_session_id: Some(outcome.id),
                    last_message_line_number: outcome.last_line,
                    last_sync_timestamp: time::rfc3339(now),
                };
            }
            Some(rejection) => response.errors.push(SyncError {
                session_id: outcome.id,
                code: rejection.code.to_owned(),
                message: rejection.message,
            }),
        }
    }
    response.status = match (response.processed, response.errors.is_empty()) {
        (_, true) => ResponseStatus::Success,
        (0, false) => ResponseStatus::Error,
        (_, false) => ResponseStatus::Partial,
    };
    response
}
