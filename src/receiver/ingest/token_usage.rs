//! Token usage: the contribution of a stored row to the aggregates. Pure, and the same for both databases.
//!
//! Invariant: the sums depend on the set of rows, not on the order or the batches in which they come. The tokens of an
//! answer count once, with the largest value of each field, under the key of the answer's first row by `UsageRank`.

use super::batch::DecodedMessage;
use crate::receiver::time;
use std::collections::{BTreeMap, HashMap};
use std::ops::Sub;

/// The key of a row of sums, inside one tenant and user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricsKey {
    /// Id of the session.
    pub session_id: String,
    /// UTC day, counted from the epoch.
    pub day: i64,
    /// Empty for a message without a model, and for tasks.
    pub model: String,
    /// Empty for tasks.
    pub message_type: String,
    /// Git branch; empty for a message without one, and for tasks.
    pub branch: String,
}

/// Kinds of tokens.
pub const TOKEN_KINDS: usize = 5;
/// Input, output, cache read, cache creation, and of the last the part that is kept for an hour.
pub type Tokens = [i64; TOKEN_KINDS];

/// The sums under one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricSums {
    /// Number of messages.
    pub messages: i64,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// Lines added.
    pub lines_added: i64,
    /// Lines removed.
    pub lines_removed: i64,
    /// Tasks that became completed.
    pub tasks_completed: i64,
}

impl MetricSums {
    /// True if a sum is above 0.
    pub fn has_any(&self) -> bool {
        let others = [self.messages, self.lines_added, self.lines_removed, self.tasks_completed];
        self.tokens.into_iter().chain(others).any(|sum| sum > 0)
    }

    /// Adds other sums, each up to the largest integer.
    pub fn add_saturating(&mut self, other: &MetricSums) {
        self.messages = self.messages.saturating_add(other.messages);
        for (sum, more) in self.tokens.iter_mut().zip(other.tokens) {
            *sum = sum.saturating_add(more);
        }
        self.lines_added = self.lines_added.saturating_add(other.lines_added);
        self.lines_removed = self.lines_removed.saturating_add(other.lines_removed);
        self.tasks_completed = self.tasks_completed.saturating_add(other.tasks_completed);
    }
}

impl Sub for MetricSums {
    type Output = MetricSums;

    /// The difference, each value down to the smallest integer.
    fn sub(self, other: MetricSums) -> MetricSums {
        let mut tokens = self.tokens;
        tokens.iter_mut().zip(other.tokens).for_each(|(sum, less)| *sum = sum.saturating_sub(less));
        MetricSums {
            messages: self.messages.saturating_sub(other.messages),
            tokens,
            lines_added: self.lines_added.saturating_sub(other.lines_added),
            lines_removed: self.lines_removed.saturating_sub(other.lines_removed),
            tasks_completed: self.tasks_completed.saturating_sub(other.tasks_completed),
        }
    }
}

/// The largest sum. Two of them can be added without overflow, so that a stored sum may be checked after the addition.
pub const SUM_MAX: i64 = (1 << 62) - 1;

/// Error of a sum beyond [`SUM_MAX`], which no true row leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumTooLarge;

/// Changes of sums, by key.
pub type MetricsDeltas = BTreeMap<MetricsKey, MetricSums>;

/// Total order of the rows of one answer. Rows that name a model come first, because tokens belong to a model; time, line
/// and type put the answer's own row before its repetitions; the ids make the order total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageRank {
    /// True if the row names no model.
    pub without_model: bool,
    /// Time, in microseconds since the epoch.
    pub at: i64,
    /// Line in the source stream.
    pub line_number: i64,
    /// Type of the message.
    pub message_type: String,
    /// Id of the session.
    pub session_id: String,
    /// Id of the message.
    pub message_id: String,
}

/// The tokens of an answer, as far as its rows have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens by kind.
    pub tokens: Tokens,
    /// First row of the answer.
    pub first: UsageRank,
    /// Name of the language model.
    pub model: String,
    /// Git branch of the first row.
    pub branch: String,
    /// The time of the last row.
    pub last_at: i64,
}

impl TokenUsage {
    fn of(session_id: &str, message: &DecodedMessage) -> TokenUsage {
        let model = model(message).to_owned();
        let first = UsageRank {
            without_model: model.is_empty(),
            at: message.at,
            line_number: message.wire.line_number,
            message_type: message.wire.message_type.clone(),
            session_id: session_id.to_owned(),
            message_id: message.wire.id.clone(),
        };
        let branch = branch(message).to_owned();
        TokenUsage { tokens: tokens(message), first, model, branch, last_at: message.at }
    }

    fn key(&self) -> MetricsKey {
        MetricsKey {
            session_id: self.first.session_id.clone(),
            day: time::day(self.first.at),
            model: self.model.clone(),
            message_type: self.first.message_type.clone(),
            branch: self.branch.clone(),
        }
    }

    fn merge(&mut self, row: TokenUsage) {
        for (largest, value) in self.tokens.iter_mut().zip(row.tokens) {
            *largest = (*largest).max(value);
        }
        self.last_at = self.last_at.max(row.last_at);
        // The first row itself comes again when its branch is filled in.
        if row.first <= self.first {
            self.first = row.first;
            self.model = row.model;
            self.branch = row.branch;
        }
    }
}

fn tokens(message: &DecodedMessage) -> Tokens {
    let wire = &message.wire;
    [
        wire.input_tokens,
        wire.output_tokens,
        wire.cache_read_tokens,
        wire.cache_creation_tokens,
        wire.cache_creation_1h_tokens,
    ]
    .map(|count| count.unwrap_or(0))
}

/// Git branch under which a message counts; empty for none.
fn branch(message: &DecodedMessage) -> &str {
    message.wire.git_branch.as_deref().unwrap_or_default()
}

/// The id of the answer that a row belongs to.
pub fn usage_id(message: &DecodedMessage) -> Option<&str> {
    message.wire.usage_id.as_deref().filter(|id| !id.is_empty())
}

/// Name of the model under which a message counts; empty for none. A name in angle brackets is a placeholder of the coding
/// agent, such as `<synthetic>`, for an answer that no model gave.
fn model(message: &DecodedMessage) -> &str {
    let model = message.wire.model.as_deref().unwrap_or_default();
    if model.starts_with('<') && model.ends_with('>') { "" } else { model }
}

/// Counts the new rows of a session. `usages` holds the stored state of their answers and is brought up to date.
pub fn count_messages<'a>(
    session_id: &str,
    new: impl IntoIterator<Item = &'a DecodedMessage>,
    usages: &mut HashMap<String, TokenUsage>,
    deltas: &mut MetricsDeltas,
) -> Result<(), SumTooLarge> {
    for message in new {
        count_row(session_id, message, 1, deltas)?;
        let Some(id) = usage_id(message) else { continue };
        let row = TokenUsage::of(session_id, message);
        let merged = match usages.get(id) {
            None => row,
            Some(known) => {
                count_usage(known, -1, deltas)?;
                let mut merged = known.clone();
                merged.merge(row);
                merged
            }
        };
        count_usage(&merged, 1, deltas)?;
        usages.insert(id.to_owned(), merged);
    }
    Ok(())
}

/// Counts a stored row again after values of it were filled in. What the row adds to its answer only grows with them, so
/// that the answer's state need not be taken back.
pub fn recount_message(
    session_id: &str,
    before: &DecodedMessage,
    after: &DecodedMessage,
    usages: &mut HashMap<String, TokenUsage>,
    deltas: &mut MetricsDeltas,
) -> Result<(), SumTooLarge> {
    count_row(session_id, before, -1, deltas)?;
    count_messages(session_id, [after], usages, deltas)
}

/// Counts a row without its answer, or, with `sign` -1, takes it back. A row that belongs to no answer counts its tokens.
fn count_row(
    session_id: &str,
    message: &DecodedMessage,
    sign: i64,
    deltas: &mut MetricsDeltas,
) -> Result<(), SumTooLarge> {
    let key = MetricsKey {
        session_id: session_id.to_owned(),
        day: time::day(message.at),
        model: model(message).to_owned(),
        message_type: message.wire.message_type.clone(),
        branch: branch(message).to_owned(),
    };
    let sums = deltas.entry(key).or_default();
    sums.messages += sign;
    add(&mut sums.lines_added, sign * message.wire.lines_added.unwrap_or(0))?;
    add(&mut sums.lines_removed, sign * message.wire.lines_removed.unwrap_or(0))?;
    match usage_id(message) {
        None => add_tokens(sums, tokens(message), sign),
        Some(_) => Ok(()),
    }
}

/// Counts the tokens of an answer under its key, or, with `sign` -1, takes them back.
pub fn count_usage(usage: &TokenUsage, sign: i64, deltas: &mut MetricsDeltas) -> Result<(), SumTooLarge> {
    add_tokens(deltas.entry(usage.key()).or_default(), usage.tokens, sign)
}

/// Adds a stored row to the state of its answer.
pub fn merge_usage(session_id: &str, message: &DecodedMessage, usages: &mut HashMap<String, TokenUsage>) {
    let Some(id) = usage_id(message) else { return };
    let row = TokenUsage::of(session_id, message);
    match usages.get_mut(id) {
        Some(known) => known.merge(row),
        None => {
            usages.insert(id.to_owned(), row);
        }
    }
}

/// Counts a completed task, or, with `sign` -1, takes it back.
pub fn count_completed_task(session_id: &str, changed_at: i64, sign: i64, deltas: &mut MetricsDeltas) {
    let key = MetricsKey {
        session_id: session_id.to_owned(),
        day: time::day(changed_at),
        model: String::new(),
        message_type: String::new(),
        branch: String::new(),
    };
    deltas.entry(key).or_default().tasks_completed += sign;
}

fn add_tokens(sums: &mut MetricSums, tokens: Tokens, sign: i64) -> Result<(), SumTooLarge> {
    sums.tokens.iter_mut().zip(tokens).try_for_each(|(sum, count)| add(sum, sign * count))
}

/// Adds a count, the absolute value of which is below 2^53.
fn add(sum: &mut i64, count: i64) -> Result<(), SumTooLarge> {
    *sum += count;
    if sum.abs() > SUM_MAX { Err(SumTooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SyncMessage;
    use proptest::prelude::*;

    fn rows() -> impl Strategy<Value = Vec<DecodedMessage>> {
        let row = (0..4i64, 0..3i64, 0..4u8, 0..3u8, 0..3u8, 0..50i64, 0..50i64);
        proptest::collection::vec(row, 0..24).prop_map(|rows| {
            type Row = (i64, i64, u8, u8, u8, i64, i64);
            let row = |(index, row): (usize, Row)| {
                let (day, line, usage, model, branch, input, output) = row;
                DecodedMessage {
                    at: day * time::DAY_US,
                    arrived_at: None,
                    wire: SyncMessage {
                        id: format!("m{index}"),
                        line_number: line,
                        message_type: ["assistant", "tool_use"][index % 2].to_owned(),
                        usage_id: (usage > 0).then(|| format!("u{usage}")),
                        model: (model > 0).then(|| format!("model-{model}")),
                        git_branch: (branch > 0).then(|| format!("branch-{branch}")),
                        input_tokens: Some(input),
                        output_tokens: Some(output),
                        cache_creation_1h_tokens: Some(input),
                        ..SyncMessage::default()
                    },
                }
            };
            rows.into_iter().enumerate().map(row).collect()
        })
    }

    fn totals(batches: &[&[DecodedMessage]]) -> MetricsDeltas {
        let (mut usages, mut deltas) = (HashMap::new(), MetricsDeltas::new());
        for batch in batches {
            count_messages("s", *batch, &mut usages, &mut deltas).unwrap();
        }
        deltas.retain(|_, sums| *sums != MetricSums::default());
        deltas
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order_or_batches(rows in rows(), cut in 0usize..24, turn in 0usize..24) {
            let whole = totals(&[&rows]);
            let cut = cut.min(rows.len());
            prop_assert_eq!(&totals(&[&rows[..cut], &rows[cut..]]), &whole);
            let mut turned = rows;
            let turn = turn.min(turned.len());
            turned.rotate_left(turn);
            turned.reverse();
            prop_assert_eq!(&totals(&[&turned]), &whole);
        }

        #[test]
        fn branches_and_models_that_are_filled_in_later_count_the_same(rows in rows()) {
            let whole = totals(&[&rows]);
            let mut bare = rows.clone();
            for row in &mut bare {
                (row.wire.git_branch, row.wire.model) = (None, None);
            }
            let (mut usages, mut deltas) = (HashMap::new(), MetricsDeltas::new());
            count_messages("s", &bare, &mut usages, &mut deltas).unwrap();
            for (before, after) in bare.iter().zip(&rows) {
                recount_message("s", before, after, &mut usages, &mut deltas).unwrap();
            }
            deltas.retain(|_, sums| *sums != MetricSums::default());
            prop_assert_eq!(deltas, whole);
        }

        #[test]
        fn an_answer_counts_once_with_its_largest_values(rows in rows()) {
            let mut largest: HashMap<String, i64> = HashMap::new();
            let mut expected = 0;
            for row in &rows {
                let output = row.wire.output_tokens.unwrap_or(0);
                match &row.wire.usage_id {
                    None => expected += output,
                    Some(id) => {
                        let known = largest.entry(id.clone()).or_default();
                        *known = output.max(*known);
                    }
                }
            }
            expected += largest.values().sum::<i64>();
            let total: i64 = totals(&[&rows]).values().map(|sums| sums.tokens[1]).sum();
            prop_assert_eq!(total, expected);
        }
    }
}
