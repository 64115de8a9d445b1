//! The log: one JSON object a line on stderr, written by a thread of its own.
//!
//! Invariant: nobody waits for whoever reads stderr. A reader that stops costs lines, not requests, and one that has gone
//! costs nothing else: lines wait in a bounded queue and are dropped where it is full.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Lines that wait to be written: a few seconds of a busy receiver, a few megabytes at most.
const LINES_WAITING_MAX: usize = 4_096;
/// At the end, for the last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The log until it is dropped, which writes what is left as far as stderr takes it.
pub struct Log {
    queue: Queue,
    written: Receiver<()>,
}

/// What waits to be written.
enum Waiting {
    Line(Vec<u8>),
    /// The last.
    End,
}

#[derive(Clone)]
struct Queue {
    lines: SyncSender<Waiting>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Starts the log; `HAN_SYNC_LOG` sets the level. A log that is already set up is left alone.
    pub fn start() -> Log {
        let level = std::env::var("HAN_SYNC_LOG").unwrap_or_else(|_| "info".to_owned());
        let filter = tracing_subscriber::EnvFilter::try_new(level)
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
        let (ended, written) = sync_channel(1);
        let queue = Queue { lines, dropped: Arc::default() };
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
            // It would say on stderr that stderr cannot be written to, and panic.
            .log_internal_errors(false)
            .with_writer(move || writer.clone())
            .try_init();
        Log { queue, written }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A full queue means that nobody reads.
        if self.queue.lines.try_send(Waiting::End).is_ok() {
            let _ = self.written.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn write_lines(waiting: &Receiver<Waiting>, dropped: &AtomicU64) {
    let mut stderr = std::io::stderr();
    while let Ok(Waiting::Line(line)) = waiting.recv() {
        // Nobody can be told that nobody listens.
        let _ = stderr.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ =
                writeln!(stderr, r#"{{"level":"WARN","message":"log lines were dropped","lines":{lost}}}"#);
        }
    }
}

/// One event is one call, with its line break.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.lines.try_send(Waiting::Line(line.to_owned())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
