//! The batch: the one place where a payload is built.
//!
//! Every byte of session data that leaves the machine, and every byte that `preview` shows, comes from a `Batch`. A
//! batch also holds, for each session in it, the change of the cursor on acknowledgement.

/// The automaton over many keywords.
mod keywords;
/// Redaction of secrets in content.
pub mod redact;
/// Omission of attachments from content.
pub mod attachment;
/// Home folders in content.
mod home_paths;
/// The filter that all content passes.
pub mod content_filter;
/// The name of a language model.
mod model_name;
/// Columns of a message that only its raw JSON holds.
pub mod usage;
/// The worker threads.
pub mod workers;
/// Inputs of a batch.
mod context;
/// The message on the wire, made from a row of the source.
mod message;
/// The members around sessions and messages.
pub mod envelope;
/// The part of one session in one batch.
mod chunk;
/// Construction of a batch.
pub mod builder;
/// Sealing and compression.
pub mod encode;

pub use crate::exporter::batch::chunk::{SessionChunk, SingleMessage};
pub use crate::exporter::batch::context::{
    BatchContext, BatchLimits, EligibleSession, MessageContext, ReadingAhead,
};
/// The client's report of itself.
pub mod client_report;

use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};

use crate::exporter::batch::envelope::{Envelope, EnvelopeHeader, open_object};
use crate::exporter::error::Error;
use crate::protocol::{PROTOCOL_VERSION, SyncClient, SyncCursor};
use crate::time;

/// A batch of messages and tasks.
#[derive(Debug, Default)]
pub struct Batch {
    /// Elements of the payload's `sessions`, serialized.
    sessions: Arc<Vec<u8>>,
    /// Chunks of the batch, in order.
    pub chunks: Vec<SessionChunk>,
    /// Messages of all chunks.
    pub messages: usize,
    /// Tasks of all chunks.
    pub tasks: usize,
    /// True if content may be in it.
    pub has_content: bool,
    /// True if it has at least half of the bytes that its limits allowed.
    pub is_full: bool,
}

impl Batch {
    /// Bytes of the sessions.
    pub fn bytes(&self) -> usize {
        self.sessions.len()
    }

    /// The payload. `cursor`: the destination's before this batch; `client`: the client's report of itself.
    pub fn envelope(
        &self,
        context: &BatchContext,
        cursor: &SyncCursor,
        client: Option<&SyncClient>,
        now: DateTime<Utc>,
    ) -> Result<Envelope, Error> {
        let members = EnvelopeHeader {
            version: PROTOCOL_VERSION,
            client_id: context.client_id,
            user_id: context.user_id,
            timestamp: time::format(now),
            cursor,
        };
        let mut header = Vec::new();
        open_object(&mut header, &members).context("cannot serialize a batch")?;
        header.extend_from_slice(b",\"sessions\":[");
        let mut trailer = b"]".to_vec();
        if let Some(client) = client {
            trailer.extend_from_slice(b",\"client\":");
            serde_json::to_writer(&mut trailer, client).context("cannot serialize a batch")?;
        }
        Ok(Envelope { header, sessions: self.sessions.clone(), trailer })
    }
}
