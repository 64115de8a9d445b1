//! `POST /graphql`.

use super::answer::{Answer, Fault};
use super::{App, Noted, body};
use crate::receiver::graphql;
use crate::receiver::limits::{JSON_DEPTH_MAX, QUERY_BYTES_MAX};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::http::request::Parts;
use std::sync::Arc;

impl App {
    /// Answers one question. Errors of GraphQL's are part of a 200, as its clients expect.
    pub(super) async fn graphql(
        &self,
        parts: &Parts,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        noted: &mut Noted,
    ) -> Result<Answer, Fault> {
        let principal = self.authenticate(parts, noted).await?;
        let _place = self.admit(&principal)?;
        let body = body::read(&parts.headers, body, QUERY_BYTES_MAX, self.options.body_stall).await?;
        let malformed = || Fault::new(StatusCode::BAD_REQUEST, "the body is no GraphQL request");
        if body::nests_deeper_than(&body, JSON_DEPTH_MAX) {
            return Err(malformed());
        }
        let mut request: async_graphql::Request = serde_json::from_slice(&body).map_err(|_| malformed())?;
        if !tokio::task::block_in_place(|| graphql::is_readable(&mut request)) {
            return Err(Fault::new(StatusCode::BAD_REQUEST, "the question is too large"));
        }
        let request = graphql::request(request, self.store.clone(), Arc::new(principal));
        let response = super::in_time(self.schema.execute(request)).await?;
        Ok(Answer::json(StatusCode::OK, &response))
    }
}
