//! The context of a command: the configuration, the environment and the clock that every command shares.

use std::path::PathBuf;
use std::time::Duration;

use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::environment::Environment;
use crate::exporter::log::Logger;
use crate::exporter::log::progress_line::SlowStep;
use crate::exporter::log::sync_log::SyncLog;
use crate::printable::printable;

/// The inputs of a command, built once in `cli`.
#[derive(Debug)]
pub struct Context {
    /// Configuration in force.
    pub config: Config,
    /// Process environment.
    pub environment: Environment,
    /// The folder of `sync-state.json`, `sync-queue.json` and their locks.
    pub folder: PathBuf,
    /// Clock of the run.
    pub clock: Clock,
    /// Log of the command.
    pub log: Logger,
    /// `sync.log`.
    pub sync_log: SyncLog,
    /// Time budget of a run, inline backoff included.
    pub max_time: Duration,
    /// Upper bound of the random wait of a scheduled run that has something to send.
    pub splay: Duration,
}

impl Context {
    /// Begins to read han's database, which a person may wait for.
    pub fn reading(&self) -> SlowStep {
        self.slow_step(&format!("reading {}", self.config.database.display()))
    }

    /// Begins to wait for the receiver, which a person may wait for.
    pub fn waiting(&self) -> SlowStep {
        self.slow_step(&format!("waiting for {}", self.receiver()))
    }

    /// Begins to compare sessions with what the receiver has of them, which a person may wait for.
    pub fn comparing(&self) -> SlowStep {
        self.slow_step(&format!("comparing with {}", self.receiver()))
    }

    /// The endpoint, for a sentence.
    fn receiver(&self) -> &str {
        self.config.endpoint.as_ref().map_or("the receiver", |endpoint| &endpoint.value)
    }

    fn slow_step(&self, sentence: &str) -> SlowStep {
        SlowStep::begin(self.log.has_reader(), printable(sentence).into_owned())
    }
}
