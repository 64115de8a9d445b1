//! The clock, passed as an argument: policies take a time, and no policy reads a clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::time;

/// The machine's clock, or a simulated one that starts at a given time and that waiting advances at once.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    simulated: Option<Simulated>,
}

#[derive(Debug)]
struct Simulated {
    start: DateTime<Utc>,
    waited: Cell<Duration>,
}

impl Clock {
    /// Creates the clock that the environment asks for. Without `may_simulate` it is the machine's: a simulated clock that
    /// is left behind in an environment must not date what a team's receiver is sent.
    ///
    /// # Errors
    /// A configuration error if `HAN_SYNC_TEST_NOW` cannot be parsed.
    pub fn new(environment: &Environment, may_simulate: bool) -> Result<Clock, Error> {
        let simulated = match environment.test_now.as_ref().filter(|_| may_simulate) {
            None => None,
            Some(text) => Some(Simulated {
                start: time::parse(text).ok_or_else(|| {
                    Error::configuration(format!("HAN_SYNC_TEST_NOW: {text:?} is no RFC 3339 timestamp"))
                })?,
                waited: Cell::default(),
            }),
        };
        Ok(Clock { started: Instant::now(), simulated })
    }

    /// The time in whole milliseconds, the precision of the state files, so that a saved time equals the original.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.simulated {
            None => Utc::now(),
            Some(simulated) => {
                let passed = TimeDelta::from_std(self.elapsed()).unwrap_or_default();
                simulated.start.checked_add_signed(passed).unwrap_or(simulated.start)
            }
        };
        now.trunc_subsecs(3)
    }

    /// Monotonic time since the program started, plus simulated waits.
    pub fn elapsed(&self) -> Duration {
        let waited = self.simulated.as_ref().map_or(Duration::ZERO, |simulated| simulated.waited.get());
        self.started.elapsed() + waited
    }

    /// True if the clock is simulated; [`Clock::skip`] then replaces waiting.
    pub fn is_simulated(&self) -> bool {
        self.simulated.is_some()
    }

    /// Advances a simulated clock.
    pub fn skip(&self, duration: Duration) {
        if let Some(simulated) = &self.simulated {
            simulated.waited.set(simulated.waited.get() + duration);
        }
    }
}
