//! `POST /api/sync` and `GET /api/sync/identity`.

use super::answer::{Answer, Fault};
use super::body::Inflated;
use super::memory::of_storing;
use super::{App, Noted, body};
use crate::protocol::{
    Checksum, ChecksumError, Identity, IdentityOrganization, Limits, PROTOCOL_VERSION,
    PROTOCOL_VERSION_HEADER, SyncCursor, SyncError, SyncResponse, SyncStatus,
};
use crate::receiver::ingest::decode::{self, DecodeError, DecodedBatch};
use crate::receiver::limits::{BATCH_ROWS_MAX, BODY_BYTES_MAX, INFLATED_BYTES_MAX, JSON_DEPTH_MAX};
use crate::receiver::store::IngestOutcome;
use crate::receiver::time;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::http::request::Parts;

impl App {
    /// Takes one batch.
    pub(super) async fn sync(
        &self,
        parts: &Parts,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        noted: &mut Noted,
    ) -> Result<Answer, Fault> {
        let principal = self.authenticate(parts, noted).await?;
        let place = self.admit(&principal)?;
        let version = parts.headers.get(PROTOCOL_VERSION_HEADER);
        if version.is_some_and(|version| version != PROTOCOL_VERSION) {
            return Err(bad_request("unsupported version: this receiver speaks 1.0"));
        }
        let received =
            body::receive(&parts.headers, body, &self.memory, place.wire(), self.options.body_stall).await?;
        let Inflated { bytes, mut reserved } = received.inflate(&self.memory, INFLATED_BYTES_MAX).await?;
        let now = time::now_us();
        let batch = tokio::task::block_in_place(|| decode(&bytes, now))?;
        self.metrics.inflated(bytes.len());
        // What stands in several places is made one of copies.
        let copies = if batch.has_repeats() { 2 } else { 1 };
        reserved.shrink(of_storing(copies * bytes.len(), copies * batch.rows()));
        drop(bytes);
        let ingested =
            super::in_time(self.store.ingest(&principal, &batch, now)).await?.map_err(Fault::store)?;
        self.metrics.ingested(&ingested);
        let response = respond(batch, ingested, time::now_us());
        let status = match response.status {
            SyncStatus::Success => StatusCode::OK,
            SyncStatus::Partial => StatusCode::MULTI_STATUS,
            SyncStatus::Error => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Ok(Answer::json(status, &response))
    }

    /// Says who the key stands for and what this receiver takes.
    pub(super) async fn identity(&self, parts: &Parts, noted: &mut Noted) -> Result<Answer, Fault> {
        let principal = self.authenticate(parts, noted).await?;
        let organizations = principal.memberships.iter().map(|membership| IdentityOrganization {
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            role: membership.role.as_str().to_owned(),
            owners: membership.owners.clone(),
        });
        let identity = Identity {
            user_id: principal.user_id.clone(),
            login: principal.login.clone(),
            accounts: principal.accounts.clone(),
            organizations: organizations.collect(),
            protocol_versions: vec![PROTOCOL_VERSION.to_owned()],
            encodings: vec!["gzip".to_owned()],
            limits: Limits {
                max_body_bytes: Some(BODY_BYTES_MAX as u64),
                max_inflated_bytes: Some(INFLATED_BYTES_MAX as u64),
                max_messages: Some(BATCH_ROWS_MAX as u64),
            },
            retained_since: principal.nothing_older_than().map(time::rfc3339),
            server_timestamp: Some(time::rfc3339(time::now_us())),
        };
        Ok(Answer::json(StatusCode::OK, &identity))
    }
}

fn decode(body: &[u8], now: i64) -> Result<DecodedBatch, Fault> {
    if body::nests_deeper_than(body, JSON_DEPTH_MAX) {
        return Err(bad_request(&format!("the body nests deeper than {JSON_DEPTH_MAX} levels")));
    }
    match Checksum::check(body) {
        Ok(Checksum::Valid | Checksum::Missing) => {}
        Err(ChecksumError::Mismatch) => return Err(bad_request("the checksum does not match the body")),
        Err(ChecksumError::Malformed) => return Err(bad_request("the body is no JSON object")),
    }
    decode::decode(body, now).map_err(|error| match error {
        DecodeError::Malformed(text) => bad_request(&text),
        DecodeError::TooLarge(text) => Fault::new(StatusCode::PAYLOAD_TOO_LARGE, text),
    })
}

fn bad_request(message: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, message)
}

fn respond(batch: DecodedBatch, ingested: IngestOutcome, now: i64) -> SyncResponse {
    let mut response = SyncResponse {
        status: SyncStatus::Success,
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
            Some(refusal) => response.errors.push(SyncError {
                session_id: outcome.id,
                code: refusal.code.to_owned(),
                message: refusal.message,
            }),
        }
    }
    response.status = match (response.processed, response.errors.is_empty()) {
        (_, true) => SyncStatus::Success,
        (0, false) => SyncStatus::Error,
        (_, false) => SyncStatus::Partial,
    };
    response
}
