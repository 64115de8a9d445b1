//! The check of one task.

use super::batch::DecodedTask;
use super::dedup::Deduplicated;
use super::validation::{check_id, check_length, replace_nul_in_place};
use crate::protocol::SyncTask;
use crate::receiver::limits::{CLOCK_SKEW_US, TEXT_BYTES_MAX};
use crate::receiver::time;

/// Checks tasks, and deduplicates them. `now` replaces times that are ahead of it.
pub fn decode_tasks(tasks: Vec<SyncTask>, now: i64) -> Result<Vec<DecodedTask>, String> {
    let mut decoded = Deduplicated::with_capacity(tasks.len());
    for wire in tasks {
        decoded.add_task(decode_task(wire, now)?);
    }
    Ok(decoded.into_items())
}

fn decode_task(mut wire: SyncTask, now: i64) -> Result<DecodedTask, String> {
    check_id("the id of a task", &wire.id)?;
    if !matches!(wire.status.as_str(), "pending" | "in_progress" | "completed") {
        return Err("the status of a task is none of pending, in_progress, completed".to_owned());
    }
    let changed_at = time::parse(&wire.updated_at).ok_or("updatedAt of a task is no time")?;
    time::parse(&wire.created_at).ok_or("createdAt of a task is no time")?;
    check_length("subject", &wire.subject, TEXT_BYTES_MAX)?;
    check_length("description", wire.description.as_deref().unwrap_or(""), TEXT_BYTES_MAX)?;
    let was_ahead = changed_at > now + CLOCK_SKEW_US;
    if was_ahead {
        wire.updated_at = time::rfc3339(now);
    }
    for text in [&mut wire.id, &mut wire.subject, &mut wire.created_at, &mut wire.updated_at] {
        replace_nul_in_place(text);
    }
    wire.description.iter_mut().for_each(replace_nul_in_place);
    Ok(DecodedTask { changed_at: if was_ahead { now } else { changed_at }, was_ahead, wire })
}
