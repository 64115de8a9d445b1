//! A connection's socket: timeouts for writing, for a request head and between requests, and a budget for heads that are not
//! complete.
//!
//! Invariants: a client that does not read a response sends no further request, and its connection is closed; heads of all
//! connections together take a bounded amount of memory. Kept by hand: hyper has one timeout for a head and for the wait
//! before it, and bounds neither the time in which a response leaves nor the memory of all heads together.

use super::table::ConnectionEntry;
use crate::receiver::limits::{HEAD_BUDGET_BYTES, HEADERS_TIMEOUT, UNCOUNTED_HEAD_BYTES};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Memory for heads that are not complete, of all connections.
#[derive(Clone)]
pub struct HeadBudget(Arc<Semaphore>);

impl Default for HeadBudget {
    fn default() -> HeadBudget {
        HeadBudget(Arc::new(Semaphore::new(HEAD_BUDGET_BYTES)))
    }
}

/// The head that a connection is receiving, if it is.
pub struct IncomingHead {
    budget: HeadBudget,
    keep_alive: Duration,
    progress: Mutex<HeadProgress>,
}

struct HeadProgress {
    bytes: usize,
    reserved: Option<OwnedSemaphorePermit>,
    /// `None` for a complete head: the request's own bounds apply.
    deadline: Option<Instant>,
}

impl HeadProgress {
    /// Waits for the first byte of a head.
    fn waiting(timeout: Duration) -> HeadProgress {
        HeadProgress { bytes: 0, reserved: None, deadline: Some(Instant::now() + timeout) }
    }
}

/// A socket between a client and hyper.
pub struct GuardedStream {
    stream: TcpStream,
    head: Arc<IncomingHead>,
    entry: Arc<ConnectionEntry>,
    write_timeout: Duration,
    /// Set while the client does not read.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Set while a head is awaited.
    head_deadline: Option<Pin<Box<Sleep>>>,
    /// True if hyper asked for more while the client did not read, or while no head was awaited. It does not ask again by itself
    /// after the response, where the wait for the next head begins.
    read_waits: bool,
}

impl IncomingHead {
    /// Starts with the first head of a connection, which is made for a request. A further one may take `keep_alive` to begin.
    pub fn new(budget: HeadBudget, keep_alive: Duration) -> Arc<IncomingHead> {
        let progress = Mutex::new(HeadProgress::waiting(HEADERS_TIMEOUT));
        Arc::new(IncomingHead { budget, keep_alive, progress })
    }

    /// Releases the memory: hyper has parsed the head, and the request's own bounds apply.
    pub fn complete(&self) {
        *self.lock() = HeadProgress { bytes: 0, reserved: None, deadline: None };
    }

    /// Starts with the head of the next request.
    pub fn begin(&self) {
        *self.lock() = HeadProgress::waiting(self.keep_alive);
    }

    /// Restarts the wait for a head that has not begun: the response before it is still being written.
    fn postpone(&self) {
        let mut progress = self.lock();
        if progress.bytes == 0 && progress.deadline.is_some() {
            progress.deadline = Some(Instant::now() + self.keep_alive);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    /// Counts bytes that were read; false if there is no memory for them.
    fn add(&self, bytes: usize) -> bool {
        let mut progress = self.lock();
        if progress.deadline.is_none() {
            return true;
        }
        if progress.bytes == 0 {
            progress.deadline = Some(Instant::now() + HEADERS_TIMEOUT);
        }
        progress.bytes += bytes;
        let reserved = progress.reserved.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = progress.bytes.saturating_sub(UNCOUNTED_HEAD_BYTES).saturating_sub(reserved);
        if missing == 0 {
            return true;
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let Ok(permit) = self.budget.0.clone().try_acquire_many_owned(missing) else { return false };
        match &mut progress.reserved {
            Some(reserved) => reserved.merge(permit),
            none => *none = Some(permit),
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HeadProgress> {
        self.progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl GuardedStream {
    /// Guards the socket of a connection. `write_timeout` bounds the time without progress of a response.
    pub fn new(
        stream: TcpStream,
        head: Arc<IncomingHead>,
        entry: Arc<ConnectionEntry>,
        write_timeout: Duration,
    ) -> GuardedStream {
        GuardedStream {
            stream,
            head,
            entry,
            write_timeout,
            write_deadline: None,
            head_deadline: None,
            read_waits: false,
        }
    }

    /// Ready when the head that is awaited is late.
    fn poll_head_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.head.deadline() else {
            self.head_deadline = None;
            return Poll::Pending;
        };
        let sleep = self.head_deadline.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }

    /// Passes on the result of a write, and keeps the deadline for progress.
    fn written<T>(&mut self, result: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_deadline = None;
            self.head.postpone();
            self.entry.touch();
            if std::mem::take(&mut self.read_waits) {
                context.waker().wake_by_ref();
            }
            return result;
        }
        let write_timeout = self.write_timeout;
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read the response")))
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.write_deadline.is_some() {
            // The write wakes the task.
            self.read_waits = true;
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => read?,
            Poll::Pending => {
                self.read_waits = self.head.deadline().is_none();
                ready!(self.poll_head_deadline(context));
                // As if the client had closed the connection: hyper closes it without an error.
                return Poll::Ready(Ok(()));
            }
        }
        if self.head.add(buffer.filled().len() - before) {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::OutOfMemory, "too many request heads are incomplete")))
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_until_they_are_complete() {
        let budget = HeadBudget::default();
        let head = || IncomingHead::new(budget.clone(), Duration::from_secs(75));
        let (one, other) = (head(), head());
        assert!(one.add(UNCOUNTED_HEAD_BYTES));
        assert_eq!(budget.0.available_permits(), HEAD_BUDGET_BYTES);
        assert!(one.add(HEAD_BUDGET_BYTES - 1) && other.add(UNCOUNTED_HEAD_BYTES + 1));
        assert!(!other.add(1));
        one.complete();
        assert!(one.add(HEAD_BUDGET_BYTES * 2), "a body has bounds of its own");
        assert!(other.add(1));
        one.begin();
        assert!(!one.add(HEAD_BUDGET_BYTES + UNCOUNTED_HEAD_BYTES));
    }

    #[test]
    fn a_head_has_less_time_than_the_wait_for_it() {
        let keep_alive = Duration::from_secs(75);
        let head = IncomingHead::new(HeadBudget::default(), keep_alive);
        let since = Instant::now();
        // True if the deadline is `timeout` after a time between `since` and now.
        let is_after = |timeout| {
            let deadline = head.deadline().unwrap();
            (since + timeout..=Instant::now() + timeout).contains(&deadline)
        };
        assert!(head.deadline().unwrap() <= since + HEADERS_TIMEOUT, "a connection is made for a request");
        head.complete();
        assert_eq!(head.deadline(), None);
        head.begin();
        assert!(is_after(keep_alive));
        assert!(head.add(1));
        assert!(is_after(HEADERS_TIMEOUT));
        let deadline = head.deadline();
        assert!(head.add(1));
        head.postpone();
        assert_eq!(head.deadline(), deadline, "byte by byte it gets no longer");
    }
}
