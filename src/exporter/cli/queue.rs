//! `han-sync queue`: shows the queue, and retries or drops its sessions.

use serde::Serialize;

use crate::exporter::cli::arguments::QueueArgs;
use crate::exporter::cli::inspection::{IdentitySource, inspect, load, log_warnings};
use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::report::{VERSION, count, format_time};
use crate::exporter::state::atomic_file;
use crate::exporter::state::queue::{Change, Item, Queue, Status};

/// The queue as JSON, of `queue` and of `status`.
#[derive(Debug, Serialize)]
pub struct QueueView {
    pub pending: usize,
    pub failed: usize,
    pub items: Vec<Item>,
}

impl QueueView {
    pub fn new(queue: &Queue) -> QueueView {
        let with = |status| queue.items.iter().filter(|item| item.status == status).count();
        QueueView { pending: with(Status::Pending), failed: with(Status::Failed), items: queue.items.clone() }
    }
}

#[derive(Serialize)]
struct QueueDocument {
    version: u32,
    #[serde(flatten)]
    queue: QueueView,
}

pub(super) fn execute(context: &Context, command: &QueueArgs, mut output: Output) -> Result<ExitCode, Error> {
    let mut warnings = Vec::new();
    let (_, queue) = load(context, &mut warnings)?;
    let changes = changes(context, command, &queue)?;
    let queue = if changes.is_empty() {
        queue
    } else {
        atomic_file::create_private_folder(&context.folder)?;
        let now = context.clock.now();
        let operation = if command.retry.is_some() { "retry" } else { "drop" };
        context.sync_log.write(now, operation, &[("sessions", changes.len().into())]);
        Queue::update(&context.folder, None, &changes, now, &mut warnings)?
    };
    log_warnings(context, &warnings);
    let view = QueueView::new(&queue);
    if output.json {
        output.json(&QueueDocument { version: VERSION, queue: view });
        return Ok(ExitCode::Success);
    }
    for item in &view.items {
        output.line(&describe(item));
    }
    output.line(&format!("{} pending, {} failed", count(view.pending, "session"), view.failed));
    Ok(ExitCode::Success)
}

fn changes(context: &Context, command: &QueueArgs, queue: &Queue) -> Result<Vec<Change>, Error> {
    if let Some(id) = &command.retry {
        if queue.item(id).is_none() {
            let message = format!("session {id} is not in the queue; to send it now: han-sync session {id}");
            return Err(Error::new(ExitCode::Usage, message));
        }
        return Ok(vec![Change::Retry { session_id: id.clone() }]);
    }
    let dropped: Vec<String> = match (&command.drop, command.clear_failed) {
        (Some(id), _) => vec![id.clone()],
        (None, true) => {
            let failed = queue.items.iter().filter(|item| item.status == Status::Failed);
            failed.map(|item| item.session_id.clone()).collect()
        }
        (None, false) => Vec::new(),
    };
    if dropped.is_empty() {
        return Ok(Vec::new());
    }
    let scan = inspect(context, IdentitySource::Receiver)?.scan;
    let change = |id: String| {
        let scanned = scan.sessions.iter().find(|session| session.row.id == id);
        match scanned.filter(|session| session.has_delta) {
            Some(session) => Ok(Change::Drop { session_id: id, data_mark: session.data_fingerprint.clone() }),
            // A session without pending data has nothing to leave alone; its item is obsolete.
            None => match queue.item(&id) {
                Some(item) => Ok(Change::Settled { session_id: id, seen: item.enqueued_at }),
                None => Err(Error::new(
                    ExitCode::Usage,
                    format!("session {id} has nothing pending; han-sync queue lists the sessions that have"),
                )),
            },
        }
    };
    dropped.into_iter().map(change).collect()
}

/// Renders an item as a line of text.
pub(super) fn describe(item: &Item) -> String {
    let priority = serde_name(&item.priority);
    let status = serde_name(&item.status);
    let mut line = format!("{}  {priority}  {status}", item.session_id);
    if item.attempts > 0 {
        line.push_str(&format!("  {}", count(item.attempts, "attempt")));
    }
    if let Some(next) = item.next_retry_at {
        line.push_str(&format!("  next try {}", format_time(Some(next))));
    }
    if let Some(error) = &item.last_error {
        line.push_str(&format!("  {error}"));
    }
    line
}

fn serde_name<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
