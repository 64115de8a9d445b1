//! `POST /graphql`.

use super::answer::{Answer, Fault};
use super::{App, Noted, body};
use crate::receiver::graphql;
use crate::receiver::limits::{ANSWER_BYTES, JSON_DEPTH_MAX, QUERY_BYTES_MAX};
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
        let place = self.admit(&principal)?;
        let received =
            body::receive(&parts.headers, body, &self.memory, place.wire(), self.options.body_stall).await?;
        let body = received.inflate(&self.memory, QUERY_BYTES_MAX).await?.bytes;
        let malformed = || Fault::new(StatusCode::BAD_REQUEST, "the body is no GraphQL request");
        if body::nests_deeper_than(&body, JSON_DEPTH_MAX) {
            return Err(malformed());
        }
        let mut request: async_graphql::Request = serde_json::from_slice(&body).map_err(|_| malformed())?;
        if !tokio::task::block_in_place(|| graphql::is_readable(&mut request)) {
            return Err(Fault::new(StatusCode::BAD_REQUEST, "the question is too large"));
        }
        let request = graphql::request(request, self.store.clone(), Arc::new(principal));
        let _reserved = self.memory.for_work(ANSWER_BYTES).await?;
        let response = super::in_time(self.schema.execute(request)).await?;
        Ok(Answer::json(StatusCode::OK, &response))
    }
}
