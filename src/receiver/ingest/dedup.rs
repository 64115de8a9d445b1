//! Deduplication inside one payload: a session, message or task that occurs more than once.
//!
//! Invariant: the result is the state to which the occurrences would lead one after the other, so that a replay meets
//! the same state as the first delivery.

use super::batch::{DecodedMessage, DecodedSession, DecodedTask};
use super::merge::merge_message;
use std::collections::HashMap;

/// Messages or tasks, each id once, in the order of their first occurrence.
#[derive(Debug)]
pub struct Deduplicated<T> {
    items: Vec<T>,
    positions: HashMap<String, usize>,
}

impl<T> Deduplicated<T> {
    pub fn with_capacity(count: usize) -> Deduplicated<T> {
        Deduplicated { items: Vec::with_capacity(count), positions: HashMap::with_capacity(count) }
    }

    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    fn push(&mut self, id: String, item: T) {
        self.positions.insert(id, self.items.len());
        self.items.push(item);
    }
}

impl Deduplicated<DecodedMessage> {
    /// Adds a message. The first occurrence wins, as it would in an earlier batch; values that it lacks are filled in.
    pub fn add_message(&mut self, message: DecodedMessage) {
        let Some(&position) = self.positions.get(&message.wire.id) else {
            return self.push(message.wire.id.clone(), message);
        };
        let first = &mut self.items[position];
        let has_content = first.wire.content.is_some();
        merge_message(first, has_content, &message);
        if !has_content {
            first.wire.content = message.wire.content;
        }
    }
}

impl Deduplicated<DecodedTask> {
    /// Adds a task. The later occurrence wins; its time is the latest of all, and values that it lacks are filled in.
    pub fn add_task(&mut self, task: DecodedTask) {
        let Some(&position) = self.positions.get(&task.wire.id) else {
            return self.push(task.wire.id.clone(), task);
        };
        let winner = &mut self.items[position];
        let loser = if winner.order() <= task.order() { std::mem::replace(winner, task) } else { task };
        if loser.changed_at > winner.changed_at {
            winner.changed_at = loser.changed_at;
            winner.wire.updated_at = loser.wire.updated_at;
        }
        fill(&mut winner.wire.subject, loser.wire.subject);
        fill(&mut winner.wire.created_at, loser.wire.created_at);
        winner.wire.description = winner.wire.description.take().or(loser.wire.description);
    }
}

/// Replaces an empty text, which stands for an absent one.
fn fill(text: &mut String, other: String) {
    if text.is_empty() {
        *text = other;
    }
}

impl DecodedTask {
    /// The order of two occurrences: a task that was ahead of its time arrives now and is the later one.
    fn order(&self) -> (bool, i64) {
        (self.is_arrival, self.changed_at)
    }
}

impl DecodedSession {
    /// As [`DecodedTask::order`].
    fn order(&self) -> (bool, i64) {
        (self.is_arrival, self.modified_at)
    }

    /// Merges the occurrences of one session: each field of the last one in order that has it, the latest time, all
    /// messages and tasks. `None` without occurrences.
    pub fn merge(parts: &[&DecodedSession]) -> Option<DecodedSession> {
        let mut ordered = parts.to_vec();
        ordered.sort_by_key(|part| part.order());
        ordered.reverse();
        let winner = *ordered.first()?;
        let latest = parts.iter().max_by_key(|part| part.modified_at)?;
        let status = ordered.iter().map(|part| &part.status).find(|status| !status.is_empty());
        let mut messages = Deduplicated::with_capacity(parts.iter().map(|part| part.messages.len()).sum());
        for message in parts.iter().flat_map(|part| &part.messages) {
            messages.add_message(message.clone());
        }
        let mut tasks = Deduplicated::with_capacity(parts.iter().map(|part| part.tasks.len()).sum());
        for task in parts.iter().flat_map(|part| &part.tasks) {
            tasks.add_task(task.clone());
        }
        Some(DecodedSession {
            remote: ordered.iter().find_map(|part| part.remote.clone()),
            inclusion: ordered.iter().find_map(|part| part.inclusion),
            status: status.cloned().unwrap_or_default(),
            slug: ordered.iter().find_map(|part| part.slug.clone()),
            harness: ordered.iter().find_map(|part| part.harness.clone()),
            pull_request: ordered.iter().find_map(|part| part.pull_request.clone()),
            team_name: ordered.iter().find_map(|part| part.team_name.clone()),
            last_modified: latest.last_modified.clone(),
            modified_at: latest.modified_at,
            is_arrival: winner.is_arrival,
            total_message_count: ordered.iter().find_map(|part| part.total_message_count),
            messages: messages.into_items(),
            tasks: tasks.into_items(),
        })
    }
}
