//! The aggregates and digests counted again from the stored rows, by another way than the program's.

use sha2::{Digest, Sha256};

use std::collections::{BTreeMap, HashMap};

/// Rows of a query, every column as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// A store that takes queries beside its program.
pub trait Queries {
    fn query(&self, query: &str) -> Rows;
}

/// Session, day, model, type, branch.
pub type At = (String, i64, String, String, String);
/// Messages, five kinds of tokens, lines added and removed, tasks completed.
pub type Sums = [i64; 9];

const DAY_US: i64 = 86_400_000_000;

/// Panics unless the stored sums are those of the stored rows.
pub fn assert_sums_equal_a_recount(store: &impl Queries) {
    let (stored, counted) = (metrics(store), recounted(store));
    assert_eq!(stored.len(), counted.len(), "places\nstored {stored:#?}\ncounted {counted:#?}");
    for (at, sums) in &counted {
        assert_eq!(stored.get(at), Some(sums), "{at:?}");
    }
    let labels = store.query(
        "SELECT s.session_id FROM sessions s JOIN metrics m ON m.tenant_id = s.tenant_id AND m.session_id = s.session_id \
         WHERE m.repository <> s.repository OR m.pull_request <> coalesce(s.pr_number, 0)",
    );
    assert!(labels.is_empty(), "{labels:?}");
    let counts = store.query(
        "SELECT s.session_id FROM sessions s WHERE s.message_count <> (SELECT count(*) FROM messages m \
         WHERE m.tenant_id = s.tenant_id AND m.session_id = s.session_id)",
    );
    assert!(counts.is_empty(), "{counts:?}");
    let kept = store.query("SELECT tenant_id || '/' || session_id, digest FROM sessions WHERE digest <> 0");
    let kept: BTreeMap<String, i64> = kept.iter().map(|row| (text(&row[0]), number(&row[1]))).collect();
    let mut digests: BTreeMap<String, i64> = BTreeMap::new();
    for row in store.query("SELECT tenant_id || '/' || session_id, message_id FROM messages") {
        let digest = digests.entry(text(&row[0])).or_default();
        *digest = digest.wrapping_add(message_hash(&text(&row[1])) as i64);
    }
    assert_eq!(kept, digests, "digests");
}

/// First 8 bytes of the SHA-256 of a message id, big-endian.
pub fn message_hash(id: &str) -> u64 {
    u64::from_be_bytes(Sha256::digest(id)[..8].try_into().unwrap())
}

fn number(column: &Option<String>) -> i64 {
    column.as_deref().map_or(0, |text| text.parse().unwrap())
}

fn text(column: &Option<String>) -> String {
    column.clone().unwrap_or_default()
}

/// An empty name is none.
fn named(column: &Option<String>) -> Option<String> {
    column.clone().filter(|name| !name.is_empty())
}

/// A name in angle brackets is a placeholder and no model.
fn model(column: &Option<String>) -> Option<String> {
    named(column).filter(|name| !(name.starts_with('<') && name.ends_with('>')))
}

/// The stored sums that are not nothing.
pub fn metrics(store: &impl Queries) -> BTreeMap<(String, At), Sums> {
    let rows = store.query(
        "SELECT tenant_id || '/' || user_id, session_id, day, model, message_type, messages, input_tokens, output_tokens, \
         cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, lines_added, lines_removed, tasks_completed, branch \
         FROM metrics",
    );
    let mut sums = BTreeMap::new();
    for row in rows {
        let counted: Sums = std::array::from_fn(|index| number(&row[5 + index]));
        if counted != [0; 9] {
            let at = (text(&row[1]), number(&row[2]), text(&row[3]), text(&row[4]), text(&row[14]));
            sums.insert((text(&row[0]), at), counted);
        }
    }
    sums
}

/// Sums counted from the stored rows.
pub fn recounted(store: &impl Queries) -> BTreeMap<(String, At), Sums> {
    let mut sums: BTreeMap<(String, At), Sums> = BTreeMap::new();
    let rows = store.query(
        "SELECT tenant_id || '/' || user_id, session_id, at, model, message_type, input_tokens, output_tokens, \
         cache_read_tokens, cache_creation_tokens, lines_added, lines_removed, usage_id, line_number, message_id, git_branch, \
         cache_creation_1h_tokens FROM messages",
    );
    let mut answers: HashMap<(String, String), Vec<Vec<Option<String>>>> = HashMap::new();
    for row in rows {
        let at = (
            text(&row[1]),
            number(&row[2]).div_euclid(DAY_US),
            model(&row[3]).unwrap_or_default(),
            text(&row[4]),
            text(&row[14]),
        );
        let sum = sums.entry((text(&row[0]), at)).or_default();
        sum[0] += 1;
        sum[6] += number(&row[9]);
        sum[7] += number(&row[10]);
        // A row without an answer is one of its own.
        let answer = named(&row[11]).unwrap_or_else(|| format!("row {} {}", text(&row[1]), text(&row[13])));
        answers.entry((text(&row[0]), answer)).or_default().push(row);
    }
    for ((owner, _), mut rows) in answers {
        rows.sort_by_key(|row| {
            (
                model(&row[3]).is_none(),
                number(&row[2]),
                number(&row[12]),
                text(&row[4]),
                text(&row[1]),
                text(&row[13]),
            )
        });
        let first = &rows[0];
        let at = (
            text(&first[1]),
            number(&first[2]).div_euclid(DAY_US),
            model(&first[3]).unwrap_or_default(),
            text(&first[4]),
            text(&first[14]),
        );
        let sum = sums.entry((owner, at)).or_default();
        for (kind, column) in [5, 6, 7, 8, 15].into_iter().enumerate() {
            sum[1 + kind] += rows.iter().map(|row| number(&row[column])).max().unwrap();
        }
    }
    let tasks = store.query(
        "SELECT tenant_id || '/' || user_id, session_id, changed_at FROM tasks WHERE status = 'completed'",
    );
    for row in tasks {
        let day = number(&row[2]).div_euclid(DAY_US);
        let at = (text(&row[1]), day, String::new(), String::new(), String::new());
        sums.entry((text(&row[0]), at)).or_default()[8] += 1;
    }
    sums
}
