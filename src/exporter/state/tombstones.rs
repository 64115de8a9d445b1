//! The tombstones of a client: sessions that the user forgot, here or on another machine, and that are not sent; and the
//! requests by which a receiver learns of them.
//!
//! A tombstone holds for every destination. A request belongs to one destination and stays until that receiver has
//! answered it, so that no kill and no outage loses one.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::exporter::backoff;
use crate::time;

/// A request that a receiver cannot serve is repeated after this time: it may be upgraded.
const UNSUPPORTED_RETRY: Duration = Duration::from_secs(24 * 3600);

/// The tombstone of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// Time at which the session was forgotten.
    #[serde(default, with = "time::optional")]
    pub at: Option<DateTime<Utc>>,
    /// True if it was forgotten elsewhere, and a receiver said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_learned: bool,
    /// True if the receiver refused to delete sessions of the request: it may hold this one, and is not asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_refused: bool,
    /// Path of the session's repository, where it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

/// Tombstones, by session id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstones(BTreeMap<String, Tombstone>);

impl Tombstones {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the tombstone of a session.
    pub fn get(&self, session_id: &str) -> Option<&Tombstone> {
        self.0.get(session_id)
    }

    /// Iterates over all, by session id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tombstone)> {
        self.0.iter().map(|(session_id, tombstone)| (session_id.as_str(), tombstone))
    }

    /// Sets the tombstone of a session that the user forgets here.
    pub fn set(&mut self, session_id: &str, at: DateTime<Utc>, repository: Option<&str>) {
        let repository = repository.map(str::to_owned);
        let tombstone = Tombstone { at: Some(at), is_learned: false, is_refused: false, repository };
        self.0.insert(session_id.to_owned(), tombstone);
    }

    /// Records that a receiver holds a tombstone of the session. One that is known stays as it is.
    pub fn learn(&mut self, session_id: &str, at: DateTime<Utc>, repository: Option<&str>) {
        let repository = repository.map(str::to_owned);
        let learned = || Tombstone { at: Some(at), is_learned: true, is_refused: false, repository };
        self.0.entry(session_id.to_owned()).or_insert_with(learned);
    }

    /// Records that the receiver refused a request.
    pub fn set_refused(&mut self, request: &ForgetRequest) {
        for (session_id, tombstone) in &mut self.0 {
            tombstone.is_refused |= request.concerns(session_id, tombstone.repository.as_deref());
        }
    }

    /// Removes the tombstone of a session that was taken back elsewhere at that time, as the receiver says, unless the user
    /// forgot the session here since then. Returns true if there was one.
    pub fn lift(&mut self, session_id: &str, undone_at: DateTime<Utc>) -> bool {
        let is_later = |tombstone: &Tombstone| !tombstone.is_learned && tombstone.at > Some(undone_at);
        match self.0.get(session_id) {
            Some(tombstone) if !is_later(tombstone) => self.remove(session_id),
            _ => false,
        }
    }

    /// Removes the tombstone of a session. Returns true if there was one.
    pub fn remove(&mut self, session_id: &str) -> bool {
        self.0.remove(session_id).is_some()
    }
}

/// The object of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ForgetObject {
    /// A single session.
    Session(String),
    /// The sessions of one repository, as a path.
    Repository(String),
    /// All sessions.
    All,
}

/// A request to forget, or to take a tombstone back, that the receiver has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForgetRequest {
    /// Object of the request.
    pub object: ForgetObject,
    /// True if the tombstones are taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_undo: bool,
    /// Time of the user's command.
    #[serde(default, with = "time::optional")]
    pub at: Option<DateTime<Utc>>,
    /// Time before which the receiver is not asked again, because it cannot serve the request.
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
}

impl ForgetRequest {
    /// True if the request is about a session, of this repository.
    pub fn concerns(&self, session_id: &str, repository: Option<&str>) -> bool {
        match &self.object {
            ForgetObject::Session(id) => id == session_id,
            ForgetObject::Repository(path) => Some(path.as_str()) == repository,
            ForgetObject::All => true,
        }
    }

    /// Seconds since the user's command, by the clock of this machine.
    pub fn age_seconds(&self, now: DateTime<Utc>) -> u32 {
        let seconds = self.at.map_or(0, |at| (now - at).num_seconds());
        u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
    }
}

/// The requests of one destination, in the order of the user's commands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetRequests(Vec<ForgetRequest>);

impl ForgetRequests {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of requests.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a request in place of the earlier ones for the same object.
    pub fn add(&mut self, object: ForgetObject, is_undo: bool, at: Option<DateTime<Utc>>) {
        self.0.retain(|request| request.object != object);
        self.0.push(ForgetRequest { object, is_undo, at, retry_at: None });
    }

    /// Adds the requests of another list.
    pub fn add_all(&mut self, other: &ForgetRequests) {
        for request in &other.0 {
            self.add(request.object.clone(), request.is_undo, request.at);
        }
    }

    /// Returns the first request that is due.
    pub fn next_due(&self, now: DateTime<Utc>) -> Option<&ForgetRequest> {
        self.0.iter().find(|request| backoff::is_due(request.retry_at, now, UNSUPPORTED_RETRY))
    }

    /// Removes a request that the receiver has answered.
    pub fn settle(&mut self, answered: &ForgetRequest) {
        self.0.retain(|request| request != answered);
    }

    /// Postpones a request that the receiver cannot serve.
    pub fn postpone(&mut self, answered: &ForgetRequest, now: DateTime<Utc>) {
        for request in self.0.iter_mut().filter(|request| *request == answered) {
            request.retry_at = Some(backoff::after(now, UNSUPPORTED_RETRY));
        }
    }

    /// True if tombstones of a session are being taken back.
    pub fn has_undo_of(&self, session_id: &str, repository: Option<&str>) -> bool {
        self.of(session_id, repository).any(|request| request.is_undo)
    }

    /// True if a request concerns a session.
    pub fn has_any_of(&self, session_id: &str, repository: Option<&str>) -> bool {
        self.of(session_id, repository).next().is_some()
    }

    fn of(&self, session_id: &str, repository: Option<&str>) -> impl Iterator<Item = &ForgetRequest> {
        self.0.iter().filter(move |request| request.concerns(session_id, repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        time::parse(text).unwrap()
    }

    #[test]
    fn later_command_for_an_object_replaces_the_earlier_one() {
        let mut requests = ForgetRequests::default();
        let (first, second) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:01:00Z"));
        requests.add(ForgetObject::All, false, Some(first));
        requests.add(ForgetObject::Session("s".into()), false, Some(first));
        requests.add(ForgetObject::All, true, Some(second));
        assert_eq!(requests.len(), 2);
        assert_eq!(requests.next_due(second).map(|request| request.age_seconds(second)), Some(60));
        assert!(requests.has_undo_of("other", None));
    }

    #[test]
    fn request_that_cannot_be_served_is_repeated_after_a_day() {
        let mut requests = ForgetRequests::default();
        let now = at("2026-01-01T00:00:00Z");
        requests.add(ForgetObject::All, false, Some(now));
        let request = requests.next_due(now).cloned().unwrap();
        requests.postpone(&request, now);
        assert_eq!(requests.next_due(at("2026-01-01T23:59:59Z")), None);
        let due = requests.next_due(at("2026-01-02T00:00:00Z")).cloned().unwrap();
        requests.settle(&due);
        assert!(requests.is_empty());
    }

    #[test]
    fn of_forget_here_and_undo_elsewhere_the_later_one_holds() {
        let mut tombstones = Tombstones::default();
        tombstones.set("own", at("2026-01-02T00:00:00Z"), None);
        tombstones.learn("learned", at("2026-01-02T00:00:00Z"), None);
        let earlier = at("2026-01-01T00:00:00Z");
        assert!(!tombstones.lift("own", earlier) && !tombstones.lift("none", earlier));
        // When it was learned says nothing of when the user forgot it.
        assert!(tombstones.lift("learned", earlier));
        assert!(tombstones.lift("own", at("2026-01-02T00:00:01Z")) && tombstones.is_empty());
    }

    #[test]
    fn receiver_does_not_replace_a_tombstone_of_the_user() {
        let mut tombstones = Tombstones::default();
        tombstones.set("s", at("2026-01-01T00:00:00Z"), Some("github.com/acme/api"));
        tombstones.learn("s", at("2026-01-02T00:00:00Z"), None);
        assert!(!tombstones.get("s").unwrap().is_learned);
        assert!(tombstones.remove("s") && tombstones.is_empty());
    }
}
