//! The progress of something that takes longer than a second: a line that is drawn again and again on a terminal, or one
//! sentence. Without a terminal on stderr there is neither.
//!
//! Other lines on stderr go through `above`, so that they do not mix with the line that is drawn. The bar is drawn only
//! while SIGINT is handled; at its end the line is clear.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::exporter::environment::Environment;

/// Time after which something is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// Interval of drawing while nothing changes, so that the time left stays true.
const TICK: Duration = Duration::from_millis(250);
/// Draws a second, at most.
const DRAWS_PER_SECOND: u8 = 8;
/// Templates by the least number of columns that each needs.
const TEMPLATES: [(u16, &str); 3] = [
    (84, "{msg}  {bar:20}  {pos}/{len} messages  {rate}  {eta} left"),
    (48, "{pos}/{len} messages  {percent}%  {eta} left"),
    (0, "{percent}%"),
];

/// The bar that is drawn now.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn drawn() -> MutexGuard<'static, Option<ProgressBar>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes something to stderr, above the line that is drawn.
pub(super) fn above(write: impl FnOnce()) {
    match &*drawn() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// The progress of sending, drawn until it is dropped.
#[derive(Debug)]
pub struct ProgressLine {
    bar: ProgressBar,
    sessions: usize,
    delay: Option<Delay>,
}

impl ProgressLine {
    /// Begins with nothing sent. `None` where nobody would see it.
    pub fn start(environment: &Environment, sessions: usize, messages: u64) -> Option<ProgressLine> {
        let is_dumb = environment.term.as_deref().is_none_or(|term| term == "dumb");
        if messages == 0 || is_dumb || !io::stderr().is_terminal() {
            return None;
        }
        let columns = columns();
        let (_, template) = TEMPLATES.into_iter().find(|(least, _)| columns >= *least)?;
        let bar = ProgressBar::with_draw_target(Some(messages), ProgressDrawTarget::hidden());
        // Without colours: a plain bar reads the same everywhere.
        let style = ProgressStyle::with_template(template).ok()?.progress_chars("##-");
        bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{:.0}/s", state.per_sec());
        }));
        *drawn() = Some(bar.clone());
        let shown = bar.clone();
        let delay = Delay::new(move || {
            shown.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
            shown.enable_steady_tick(TICK);
        });
        let line = ProgressLine { bar, sessions, delay: Some(delay) };
        line.update(0, 0);
        Some(line)
    }

    /// Sets how much there is to send in all.
    pub fn set_total(&mut self, sessions: usize, messages: u64) {
        self.sessions = sessions;
        self.bar.set_length(messages);
    }

    /// Shows how much is acknowledged.
    pub fn update(&self, sessions: usize, messages: u64) {
        self.bar.set_message(format!("{sessions}/{} sessions", self.sessions));
        self.bar.set_position(messages);
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        // A bar that is not shown yet stays hidden.
        drop(self.delay.take());
        drawn().take();
        self.bar.finish_and_clear();
    }
}

/// A step that nobody knows the length of: one sentence, if it takes longer than a second, until it is dropped.
#[derive(Debug)]
pub struct SlowStep {
    _delay: Option<Delay>,
}

impl SlowStep {
    /// Begins a step. `is_told`: a person reads stderr.
    pub fn begin(is_told: bool, sentence: String) -> SlowStep {
        SlowStep {
            _delay: is_told.then(|| {
                Delay::new(move || {
                    above(|| {
                        let _ = writeln!(io::stderr(), "{sentence}");
                    });
                })
            }),
        }
    }
}

/// Something that happens after a second, unless this is dropped before.
#[derive(Debug)]
struct Delay {
    cancel: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Delay {
    fn new(act: impl FnOnce() + Send + 'static) -> Delay {
        let (cancel, cancelled) = channel();
        let thread = thread::spawn(move || {
            if cancelled.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                act();
            }
        });
        Delay { cancel: Some(cancel), thread: Some(thread) }
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        drop(self.cancel.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has shown nothing.
            let _ = thread.join();
        }
    }
}

/// Columns of the terminal on stderr.
fn columns() -> u16 {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    size.map(|size| size.ws_col).filter(|columns| *columns > 0).unwrap_or(80)
}
