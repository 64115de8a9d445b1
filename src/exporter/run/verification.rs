//! Verification: the comparison of sessions with what the receiver holds of them, and the queueing of the difference.
//!
//! A thousand sessions are compared at a time: their messages are hashed in one snapshot, which ends before the request. A
//! session of which the receiver lacks messages is rewound, and so sent again from its beginning, which the receiver
//! deduplicates.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::exporter::error::Error;
use crate::exporter::outcome::StepResult;
use crate::exporter::plan::identity_check::retained_since;
use crate::exporter::plan::proof::{Proof, Verdict, verdict_by_hashes};
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::source::SessionHashes;
use crate::protocol::{DIGESTS_SESSIONS_MAX, DigestsRequest, DigestsResponse, MessageDigest};
use crate::{short_hash, time};

/// Messages of the sessions whose hashes are asked for at once; a session with more is asked for alone.
const HASHED_MESSAGES_MAX: u64 = 50_000;

/// Result of the comparison of one session that is not simply proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The receiver lacks messages, or holds others in their place.
    Fault(Verdict),
    /// The receiver holds so many messages that the source does not have.
    Surplus(u64),
    /// The session has a tombstone at the receiver.
    Forgotten,
}

/// Result of a verification.
#[derive(Debug, Default)]
pub struct VerifiedSessions {
    /// Sessions that were compared.
    pub sessions: usize,
    /// Acknowledged messages that the source has.
    pub messages: u64,
    /// Messages that are pending.
    pub pending: u64,
    /// Findings by session.
    pub findings: BTreeMap<String, Finding>,
    /// Sessions of which the receiver keeps a wrong digest, though their messages are all there.
    pub miscounted: usize,
    /// True if the receiver has no digests.
    pub is_unsupported: bool,
}

impl VerifiedSessions {
    /// Sessions of which the receiver lacks messages.
    pub fn faults(&self) -> Vec<String> {
        let is_fault = |finding: &Finding| matches!(finding, Finding::Fault(_));
        self.findings.iter().filter(|(_, finding)| is_fault(finding)).map(|(id, _)| id.clone()).collect()
    }
}

/// A session and its digests at both ends.
struct Compared {
    session_id: String,
    proof: Proof,
    is_forgotten: bool,
    /// Time before which the receiver keeps nothing of the session.
    since: Option<DateTime<Utc>>,
}

impl LockedRun<'_> {
    /// Ids of the eligible sessions of the last scan, in ascending order.
    pub(super) fn verifiable_sessions(&self) -> Vec<String> {
        let eligible = self.scan.sessions.iter().filter(|session| session.is_eligible());
        let mut ids: Vec<String> = eligible.map(|session| session.row.id.clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// Compares sessions with what the receiver holds: by a recount, or by the digests that it keeps, of which the differing
    /// ones are confirmed by a recount.
    pub(super) fn verify_sessions(&mut self, ids: &[String], recount: bool) -> StepResult<VerifiedSessions> {
        let mut verified = VerifiedSessions::default();
        for ids in ids.chunks(DIGESTS_SESSIONS_MAX) {
            let Some(mut compared) = self.compare(ids, recount)? else {
                verified.is_unsupported = true;
                return Ok(verified);
            };
            verified.sessions += compared.len();
            for Compared { proof, .. } in &compared {
                verified.messages += proof.source.messages;
                verified.pending += proof.source_with_pending.messages - proof.source.messages;
            }
            compared
                .retain(|session| session.is_forgotten || session.proof.verdict() != Some(Verdict::Proven));
            if !recount && !compared.is_empty() {
                let suspects: Vec<String> = compared.into_iter().map(|session| session.session_id).collect();
                compared = self.compare(&suspects, true)?.unwrap_or_default();
                let is_miscounted = |session: &&Compared| session.proof.verdict() == Some(Verdict::Proven);
                verified.miscounted += compared.iter().filter(is_miscounted).count();
            }
            self.judge(compared, &mut verified)?;
        }
        Ok(verified)
    }

    /// Reads the digests of sessions at both ends; `None` if the receiver has none.
    fn compare(&mut self, ids: &[String], recount: bool) -> StepResult<Option<Vec<Compared>>> {
        let now = self.context.clock.now();
        let since = retained_since(self.destination(), now);
        let mut source = self.source_digests(ids, |_| since)?;
        let asked = DigestsRequest { sessions: ids.to_vec(), recount, ..DigestsRequest::default() };
        let Some(response) = self.delivery.digests(&asked)? else { return Ok(None) };
        let since_of = |id: &str| {
            let of_session = response.retained_since.get(id).and_then(|text| time::parse(text));
            since.max(of_session.filter(|since| *since <= now))
        };
        let pruned: Vec<String> = ids.iter().filter(|id| since_of(id) != since).cloned().collect();
        source.extend(self.source_digests(&pruned, since_of)?);
        let stored = stored_digests(&response);
        let cursors = &self.destination().sessions;
        let compared = ids.iter().filter_map(|id| {
            let cursor = cursors.get(id)?;
            let (acknowledged, with_pending) = *source.get(id)?;
            let is_forgotten = response.forgotten.contains(id);
            let since = since_of(id);
            let sent = MessageDigest { messages: cursor.messages, sum: cursor.digest };
            let proof = Proof {
                source: acknowledged,
                source_with_pending: with_pending,
                stored: stored.get(id.as_str()).copied().unwrap_or_default(),
                acknowledged: since.is_none().then_some(sent),
            };
            Some(Compared { session_id: id.clone(), proof, is_forgotten, since })
        });
        Ok(Some(compared.collect()))
    }

    /// Digests of the acknowledged messages of sessions, and of all their messages, from one snapshot.
    fn source_digests(
        &mut self,
        ids: &[String],
        since: impl Fn(&str) -> Option<DateTime<Utc>>,
    ) -> Result<HashMap<String, (MessageDigest, MessageDigest)>, Error> {
        let snapshot = self.source.snapshot()?;
        let sessions = &mut self.delivery.progress.batcher.state.destination.sessions;
        let mut digests = HashMap::with_capacity(ids.len());
        for id in ids {
            let Some(cursor) = sessions.get(id).map(Cow::into_owned) else { continue };
            let hashes = SessionHashes::read(&snapshot, id, &cursor, since(id))?;
            // A state that claims to have seen less than there is would never send the rest.
            if hashes.last_rowid > cursor.rowid.max(cursor.seen_rowid) {
                sessions.get_or_default(id).seen_rowid = hashes.last_rowid;
            }
            digests.insert(id.clone(), (hashes.acknowledged_digest(), hashes.digest()));
        }
        Ok(digests)
    }

    /// Finds by what sessions differ; asks for the hashes of those where the digests do not tell.
    fn judge(&mut self, compared: Vec<Compared>, verified: &mut VerifiedSessions) -> StepResult<()> {
        let mut unclear: Vec<Compared> = Vec::new();
        for session in compared {
            match session.proof.verdict() {
                _ if session.is_forgotten => {
                    self.delivery.progress.learn_tombstone(&session.session_id, &mut VecDeque::new());
                    verified.findings.insert(session.session_id, Finding::Forgotten);
                }
                Some(verdict) => add_finding(verified, session.session_id, verdict),
                None => unclear.push(session),
            }
        }
        while !unclear.is_empty() {
            let mut messages = 0;
            let fits = |session: &&Compared| {
                messages += session.proof.stored.messages;
                messages <= HASHED_MESSAGES_MAX
            };
            let count = unclear.iter().take_while(fits).count().max(1);
            let group: Vec<Compared> = unclear.drain(..count).collect();
            self.judge_by_hashes(&group, verified)?;
        }
        Ok(())
    }

    fn judge_by_hashes(&mut self, group: &[Compared], verified: &mut VerifiedSessions) -> StepResult<()> {
        let sessions = group.iter().map(|session| session.session_id.clone()).collect();
        let asked = DigestsRequest { sessions, recount: true, hashes: true, tombstones: false };
        let listed = self.delivery.digests(&asked)?.unwrap_or_default();
        let mut listed: HashMap<String, HashSet<u64>> =
            listed.sessions.into_iter().filter_map(|it| Some((it.id, parse_hashes(&it.hashes?)?))).collect();
        let snapshot = self.source.snapshot()?;
        for Compared { session_id, proof, since, .. } in group {
            let cursor = self.destination().sessions.get(session_id).unwrap_or_default();
            let verdict = match listed.remove(session_id) {
                Some(stored) => {
                    verdict_by_hashes(&SessionHashes::read(&snapshot, session_id, &cursor, *since)?, &stored)
                }
                None => proof.verdict_by_acknowledgement(),
            };
            add_finding(verified, session_id.clone(), verdict);
        }
        Ok(())
    }

    /// Rewinds sessions, saves, and scans again: the sessions are due, in this run or a later one.
    pub(super) fn queue_again(&mut self, ids: &[String]) -> Result<(), Error> {
        let sessions = &mut self.delivery.progress.batcher.state.destination.sessions;
        for id in ids {
            if let Some(cursor) = sessions.get_mut(id) {
                cursor.rewind();
            }
            self.delivery.progress.batcher.finished.remove(id);
        }
        self.delivery.progress.save()?;
        self.scan()
    }
}

fn add_finding(verified: &mut VerifiedSessions, session_id: String, verdict: Verdict) {
    let finding = match verdict {
        Verdict::Proven => return,
        Verdict::Missing(_) | Verdict::Different => Finding::Fault(verdict),
        Verdict::Surplus(messages) => Finding::Surplus(messages),
    };
    verified.findings.insert(session_id, finding);
}

/// Digests in a response, by session.
fn stored_digests(response: &DigestsResponse) -> HashMap<&str, MessageDigest> {
    let digests = response.sessions.iter().filter_map(|session| {
        let sum = short_hash::from_hex(&session.digest)?;
        Some((session.id.as_str(), MessageDigest { messages: session.messages, sum }))
    });
    digests.collect()
}

fn parse_hashes(texts: &[String]) -> Option<HashSet<u64>> {
    texts.iter().map(|text| short_hash::from_hex(text)).collect()
}
