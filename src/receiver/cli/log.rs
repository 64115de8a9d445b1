//! The log: one JSON object a line on stderr, written by a thread of its own.
//!
//! Invariant: no request waits for stderr. Lines go through a bounded queue and are dropped when the queue is full, so a
//! reader that stops costs lines and not requests.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Lines in the queue: a few seconds of a busy receiver, a few megabytes at most.
const QUEUE_LINES_MAX: usize = 4_096;
/// Wait for the queue to be written when the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The running log. Dropping it flushes the queue.
pub struct StderrLog {
    queue: LineQueue,
    written: Receiver<()>,
}

/// Element of the queue.
enum LogItem {
    Line(Vec<u8>),
    End,
}

/// Sending end of the queue, which is the log's writer.
#[derive(Clone)]
struct LineQueue {
    lines: SyncSender<LogItem>,
    dropped: Arc<AtomicU64>,
}

impl StderrLog {
    /// Starts the log with the lines that `filter` passes. A subscriber that is already installed stays.
    pub fn start(filter: EnvFilter) -> StderrLog {
        let (lines, waiting) = sync_channel(QUEUE_LINES_MAX);
        let (ended, written) = sync_channel(1);
        let queue = LineQueue { lines, dropped: Arc::default() };
        let dropped = queue.dropped.clone();
        std::thread::spawn(move || {
            write_lines(&waiting, &dropped);
            let _ = ended.send(());
        });
        let writer = queue.clone();
        let _ = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_env_filter(filter)
            // The subscriber would report on stderr that stderr cannot be written, and panic.
            .log_internal_errors(false)
            .with_writer(move || writer.clone())
            .try_init();
        StderrLog { queue, written }
    }
}

impl Drop for StderrLog {
    fn drop(&mut self) {
        // A full queue means that stderr is not read.
        if self.queue.lines.try_send(LogItem::End).is_ok() {
            let _ = self.written.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn write_lines(waiting: &Receiver<LogItem>, dropped: &AtomicU64) {
    let mut stderr = std::io::stderr();
    while let Ok(LogItem::Line(line)) = waiting.recv() {
        // A failed write to stderr cannot be reported anywhere.
        let _ = stderr.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ =
                writeln!(stderr, r#"{{"level":"WARN","message":"log lines were dropped","lines":{lost}}}"#);
        }
    }
}

/// Each event is one call of `write`, with its line break.
impl Write for LineQueue {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.lines.try_send(LogItem::Line(line.to_owned())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
