//! The time, as one object that is handed around: policies take a time, they never read a clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::time;

/// The machine's clock; or, in tests, one that starts at a given time and that waiting moves forward at once.
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
    pub fn new(environment: &Environment) -> Result<Clock, Error> {
        let simulated = match &environment.test_now {
            None => None,
            Some(text) => Some(Simulated {
                start: time::parse(text)
                    .ok_or_else(|| Error::configuration(format!("HAN_SYNC_TEST_NOW: {text:?} is no time")))?,
                waited: Cell::default(),
            }),
        };
        Ok(Clock { started: Instant::now(), simulated })
    }

    /// The time in whole milliseconds, as it is written: a time that was saved and read again is the same.
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

    /// Time since the program started, unmoved by changes of the machine's clock.
    pub fn elapsed(&self) -> Duration {
        let waited = self.simulated.as_ref().map_or(Duration::ZERO, |simulated| simulated.waited.get());
        self.started.elapsed() + waited
    }

    /// Whether the time is simulated; then [`Clock::skip`] stands for waiting.
    pub fn is_simulated(&self) -> bool {
        self.simulated.is_some()
    }

    /// Moves simulated time forward.
    pub fn skip(&self, duration: Duration) {
        if let Some(simulated) = &self.simulated {
            simulated.waited.set(simulated.waited.get() + duration);
        }
    }
}
