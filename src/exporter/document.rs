//! A payload before compression, in parts: it shares the sessions with its batch, and is sealed where it is compressed.

use std::sync::Arc;

use crate::protocol;

/// A payload up to the end of its sessions.
#[derive(Debug)]
pub struct Document {
    pub head: Vec<u8>,
    pub sessions: Arc<Vec<u8>>,
}

impl Document {
    /// What comes last, checksum included, and what comes before it.
    pub fn sealed(&self) -> (Vec<u8>, [&[u8]; 2]) {
        let parts: [&[u8]; 2] = [&self.head, &self.sessions];
        let mut end = b"]".to_vec();
        end.extend(protocol::sealed_end(parts.into_iter().chain([b"]".as_slice()])));
        (end, parts)
    }
}
