//! The check of one task.

use super::batch::DecodedTask;
use super::dedup::Deduplicated;
use super::validation::{check_id, cut, optional_name, replace_nul};
use crate::protocol::SyncTask;
use crate::receiver::limits::{CLOCK_SKEW_US, TEXT_BYTES_MAX};
use crate::receiver::time;

/// Status of a task that names none.
const DEFAULT_STATUS: &str = "pending";

/// Checks tasks, and deduplicates them. `now` replaces times that are ahead of it or unreadable.
pub fn decode_tasks(tasks: Vec<SyncTask>, now: i64) -> Result<Vec<DecodedTask>, String> {
    let mut decoded = Deduplicated::with_capacity(tasks.len());
    for wire in tasks {
        decoded.add_task(decode_task(wire, now)?);
    }
    Ok(decoded.into_items())
}

fn decode_task(wire: SyncTask, now: i64) -> Result<DecodedTask, String> {
    check_id("the id of a task", &wire.id)?;
    let changed_at = time::parse_past(&wire.updated_at, now + CLOCK_SKEW_US);
    let created_at = if time::parse(&wire.created_at).is_some() { wire.created_at } else { String::new() };
    let wire = SyncTask {
        id: replace_nul(wire.id),
        task_id: String::new(), // the same as the id
        subject: cut(wire.subject, TEXT_BYTES_MAX),
        description: wire.description.map(|text| cut(text, TEXT_BYTES_MAX)),
        status: optional_name(Some(wire.status)).unwrap_or_else(|| DEFAULT_STATUS.to_owned()),
        created_at: replace_nul(created_at),
        updated_at: if changed_at.is_some() { replace_nul(wire.updated_at) } else { time::rfc3339(now) },
    };
    Ok(DecodedTask { changed_at: changed_at.unwrap_or(now), is_arrival: changed_at.is_none(), wire })
}
