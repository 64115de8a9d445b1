//! `POST /graphql`.

use crate::receiver::graphql;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::auth::Admitted;
use crate::receiver::http::body::{self, nests_deeper_than};
use crate::receiver::http::response;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::limits::{JSON_DEPTH_MAX, QUERY_BYTES_MAX};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;

/// Executes one query. Errors of GraphQL are part of a 200 response, as its clients expect.
pub async fn post_graphql(
    State(state): State<Arc<AppState>>,
    Admitted { principal, permit }: Admitted,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let received =
        body::receive(&headers, body, &state.memory, permit.budget(), state.body_stall_timeout).await?;
    let body = received.inflate(&state.memory, QUERY_BYTES_MAX).await?.bytes;
    let mut request = parse(&body)?;
    if !tokio::task::block_in_place(|| graphql::is_within_size_limits(&mut request)) {
        return Err(ApiError::bad_request("the query is too large: ask for fewer fields"));
    }
    let query_permit = state.queries.acquire(&principal.key_id).await?;
    let turn = state.queries.begin().await?;
    let reservation = state.memory.reserve_query().await?;
    let request = graphql::for_reader(request, state.reader(principal));
    let schema = state.schema.clone();
    let executed = state.query_threads.run(async move {
        // The turn ends with the work, also when nobody waits for it any longer.
        let _turn = turn;
        let executed = schema.execute(request).await;
        tokio::task::block_in_place(|| response::serialize(&executed))
    });
    let bytes = within_work_timeout(executed).await?;
    Ok(response::json_within(bytes, reservation, query_permit))
}

fn parse(body: &[u8]) -> Result<async_graphql::Request, ApiError> {
    let malformed = || ApiError::bad_request("the body is not a GraphQL request: send {\"query\": \"…\"}");
    if nests_deeper_than(body, JSON_DEPTH_MAX) {
        return Err(malformed());
    }
    serde_json::from_slice(body).map_err(|_| malformed())
}
