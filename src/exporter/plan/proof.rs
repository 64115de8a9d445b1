//! The proof that a receiver holds a session's messages: the comparison of its digest with the source. Pure.
//!
//! A digest tells equal sets from different ones, not by what they differ. Where the receiver holds more messages than the
//! source, some of the source's may be missing all the same; then the hashes of the ids decide, else what was acknowledged.

use std::collections::HashSet;

use crate::exporter::source::SessionHashes;
use crate::protocol::MessageDigest;

/// Result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver holds what was acknowledged, and nothing else but messages that are pending.
    Proven,
    /// So many messages are missing at the receiver, at least.
    Missing(u64),
    /// The receiver holds as many messages, and other ones.
    Different,
    /// The receiver holds everything, and so many messages that the source does not have.
    Surplus(u64),
}

impl Verdict {
    /// Reports whether a message of the source is not at the receiver.
    pub fn is_fault(self) -> bool {
        matches!(self, Verdict::Missing(_) | Verdict::Different)
    }
}

/// The digests of a session.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    /// Of the messages in the source up to the cursor.
    pub source: MessageDigest,
    /// Of all messages in the source.
    pub source_with_pending: MessageDigest,
    /// Of the messages that the receiver holds.
    pub stored: MessageDigest,
    /// Of the messages that were acknowledged, by the cursor; `None` where the receiver has dropped some since.
    pub acknowledged: Option<MessageDigest>,
}

impl Proof {
    /// The verdict; `None` where the digests alone do not tell.
    pub fn verdict(&self) -> Option<Verdict> {
        let Proof { source, source_with_pending, stored, .. } = *self;
        if stored == source || stored == source_with_pending {
            return Some(Verdict::Proven);
        }
        match stored.messages.cmp(&source.messages) {
            std::cmp::Ordering::Less => Some(Verdict::Missing(source.messages - stored.messages)),
            std::cmp::Ordering::Equal => Some(Verdict::Different),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// The verdict where the receiver does not list hashes: it is believed to hold what it has acknowledged.
    pub fn verdict_by_acknowledgement(&self) -> Verdict {
        let acknowledged = self.acknowledged.unwrap_or_default().messages;
        match self.verdict() {
            Some(verdict) => verdict,
            None if self.stored.messages < acknowledged => {
                Verdict::Missing(acknowledged - self.stored.messages)
            }
            None => Verdict::Surplus(self.stored.messages - self.source.messages),
        }
    }
}

/// The verdict by the hashes of the ids.
pub fn verdict_by_hashes(source: &SessionHashes, stored: &HashSet<u64>) -> Verdict {
    let missing = source.acknowledged.difference(stored).count() as u64;
    let is_surplus = |hash: &&u64| !source.acknowledged.contains(hash) && !source.pending.contains(hash);
    match (missing, stored.iter().filter(is_surplus).count() as u64) {
        (0, 0) => Verdict::Proven,
        (0, surplus) => Verdict::Surplus(surplus),
        (missing, _) => Verdict::Missing(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(hashes: &[u64]) -> MessageDigest {
        hashes.iter().copied().collect()
    }

    fn proof(source: &[u64], pending: &[u64], stored: &[u64], acknowledged: &[u64]) -> Proof {
        Proof {
            source: digest(source),
            source_with_pending: digest(&[source, pending].concat()),
            stored: digest(stored),
            acknowledged: Some(digest(acknowledged)),
        }
    }

    #[test]
    fn equal_digests_prove_with_and_without_what_is_pending() {
        assert_eq!(proof(&[1, 2], &[3], &[1, 2], &[1, 2]).verdict(), Some(Verdict::Proven));
        assert_eq!(proof(&[1, 2], &[3], &[1, 2, 3], &[1, 2]).verdict(), Some(Verdict::Proven));
        assert_eq!(proof(&[], &[], &[], &[]).verdict(), Some(Verdict::Proven));
    }

    #[test]
    fn fewer_or_other_messages_are_a_fault() {
        assert_eq!(proof(&[1, 2], &[], &[], &[1, 2]).verdict(), Some(Verdict::Missing(2)));
        assert_eq!(proof(&[1, 2], &[], &[2], &[2]).verdict(), Some(Verdict::Missing(1)));
        assert_eq!(proof(&[1, 2], &[], &[1, 3], &[1, 2]).verdict(), Some(Verdict::Different));
    }

    #[test]
    fn more_messages_are_judged_by_their_hashes_or_else_by_what_was_acknowledged() {
        let more = proof(&[1, 2], &[], &[1, 2, 3], &[1, 2, 3]);
        assert_eq!((more.verdict(), more.verdict_by_acknowledgement()), (None, Verdict::Surplus(1)));
        let fewer = proof(&[1, 2], &[], &[1, 3, 4], &[1, 2, 3, 4]);
        assert_eq!((fewer.verdict(), fewer.verdict_by_acknowledgement()), (None, Verdict::Missing(1)));
        let source = SessionHashes { acknowledged: [1, 2].into(), pending: [5].into(), last_rowid: 5 };
        assert_eq!(verdict_by_hashes(&source, &[1, 2, 5].into()), Verdict::Proven);
        assert_eq!(verdict_by_hashes(&source, &[1, 2, 3].into()), Verdict::Surplus(1));
        assert_eq!(verdict_by_hashes(&source, &[1, 3, 4, 5].into()), Verdict::Missing(1));
    }
}
