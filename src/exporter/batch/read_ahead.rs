//! Rows of a session that are read before it is known how many of them fit: messages with content, which are redacted, are made on
//! several processors.
//!
//! Invariant: messages are made in any order, and taken in the order of their rows.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

use chrono::{DateTime, Utc};

use crate::exporter::batch::context::{BatchContext, EligibleSession};
use crate::exporter::batch::message::{MadeMessage, make_message};
use crate::exporter::source::MessageRow;

/// Bytes of raw JSON that are read ahead. Bounds memory, and the work that is lost where a batch ends among them.
const BYTES_MAX: usize = 1 << 20;
/// Bytes of raw JSON for which another thread is started.
const BYTES_PER_THREAD: usize = 64 << 10;
/// Threads at most. More would wait for the thread that reads.
const THREADS_MAX: usize = 8;

/// A row that was read.
pub struct ReadRow<'r> {
    /// Row id.
    pub rowid: i64,
    /// The row as a sampled row, if it came after the scan.
    pub sampled_row: Option<(i64, u64)>,
    /// `None` for a row that is skipped.
    pub candidate: Option<CandidateRow<'r>>,
}

/// A row that becomes a message of the batch, unless the batch is full.
pub struct CandidateRow<'r> {
    /// The row, with its id and time as they are sent.
    pub row: MessageRow<'r>,
    /// Time of the message; `None` if it cannot be parsed.
    pub written_at: Option<DateTime<Utc>>,
    /// Names of values that were adjusted to the bounds of the wire.
    pub adjusted: Vec<&'static str>,
}

/// Rows that wait to be taken.
#[derive(Default)]
pub struct ReadAhead {
    rows: Vec<ReadRow<'static>>,
    bytes: usize,
}

impl ReadAhead {
    /// True if a row is so large that it is taken by itself, without a copy.
    pub fn is_too_large(row: &MessageRow) -> bool {
        bytes_of(row) >= BYTES_MAX
    }

    /// Adds a row.
    pub fn push(&mut self, row: ReadRow) {
        let candidate = row.candidate.map(|candidate| {
            self.bytes += bytes_of(&candidate.row);
            CandidateRow { row: candidate.row.into_owned(), ..candidate }
        });
        self.rows.push(ReadRow { rowid: row.rowid, sampled_row: row.sampled_row, candidate });
    }

    /// True if no row waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// True if the rows are as many as a batch takes that has so many messages and bytes left, or as many as may be read ahead.
    pub fn is_full(&self, messages: usize, bytes: usize) -> bool {
        self.rows.len() >= messages || self.bytes >= bytes.min(BYTES_MAX)
    }

    /// Takes the rows, each with its message.
    pub fn take(
        &mut self,
        context: &BatchContext,
        session: &EligibleSession,
    ) -> impl Iterator<Item = (ReadRow<'static>, Option<MadeMessage>)> {
        let mut rows: Vec<_> = std::mem::take(&mut self.rows).into_iter().map(|row| (row, None)).collect();
        // A run with a few new messages does not ask for the number of processors.
        let threads = match std::mem::take(&mut self.bytes) / BYTES_PER_THREAD {
            0 | 1 => 1,
            threads => threads.min(processors()),
        };
        let bytes = |(row, _): &(ReadRow, _)| row.candidate.as_ref().map_or(0, |it| bytes_of(&it.row));
        for_each(&mut rows, threads, bytes, |(row, made)| {
            *made =
                row.candidate.as_mut().map(|candidate| make_message(&mut candidate.row, context, session));
        });
        rows.into_iter()
    }
}

fn bytes_of(row: &MessageRow) -> usize {
    row.raw_json.as_ref().map_or(0, |text| text.len())
}

/// Processors that this process may use, of those that are worth using.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX))
}

/// Applies `work` to each item, on so many threads with as many bytes each as can be.
fn for_each<T: Send>(
    items: &mut [T],
    threads: usize,
    bytes: impl Fn(&T) -> usize,
    work: impl Fn(&mut T) + Sync,
) {
    let mut shares: Vec<(usize, Vec<&mut T>)> = (0..threads).map(|_| (0, Vec::new())).collect();
    for item in items {
        if let Some((total, share)) = shares.iter_mut().min_by_key(|(total, _)| *total) {
            *total += bytes(item);
            share.push(item);
        }
    }
    let work = |(_, share): (usize, Vec<&mut T>)| share.into_iter().for_each(&work);
    let own = shares.pop();
    thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| work(share));
        }
        own.into_iter().for_each(work);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_worked_on_once_on_any_number_of_threads() {
        for threads in 1..=4 {
            let mut items: Vec<usize> = (0..100).collect();
            for_each(&mut items, threads, |item| *item, |item| *item += 1_000);
            assert!(items.into_iter().eq(1_000..1_100), "{threads} threads");
        }
    }

    #[test]
    fn rows_are_shared_by_their_bytes() {
        let workers = std::sync::Mutex::new(Vec::new());
        let mut items = [90, 10, 10, 10, 10, 10, 10, 10, 10, 10];
        for_each(
            &mut items,
            2,
            |item| *item,
            |item| workers.lock().unwrap().push((*item, thread::current().id())),
        );
        let workers = workers.into_inner().unwrap();
        let large = workers.iter().find(|(bytes, _)| *bytes == 90).unwrap().1;
        assert!(workers.iter().all(|(bytes, worker)| *bytes == 90 || *worker != large), "{workers:?}");
    }
}
