//! The announcement of a first run: what will leave, told to the person who waits at a terminal.

use crate::exporter::error::Error;
use crate::exporter::log::write_stderr;
use crate::exporter::report::count;
use crate::exporter::run::locked_run::LockedRun;
use crate::exporter::run::outlook::Outlook;
use crate::exporter::source::transcripts;
use crate::printable::printable;

impl LockedRun<'_> {
    /// Tells what the run is about to send, if nothing was ever sent to the destination and a person reads it.
    pub(super) fn announce_first_run(&self) -> Result<(), Error> {
        let context = self.context;
        if self.destination().statistics.last_sync_at.is_some() || !context.log.has_reader() {
            return Ok(());
        }
        let outlook = Outlook::of(&self.source, &self.scan, self.destination(), &self.request)?;
        let tell = |line: &str| write_stderr(&printable(line));
        tell(&format!("first run, to {}: {}", self.destination().endpoint, outlook.sentence()));
        if !outlook.repositories.is_empty() {
            tell(&format!("repositories: {}", outlook.repository_line()));
        }
        if outlook.duration() > context.max_time {
            let minutes = count(context.max_time.as_secs().div_ceil(60), "minute");
            tell(&format!("this run ends after {minutes}; the next ones go on from there"));
        }
        if let Ok(claude) = context.environment.claude_folder()
            && let Some(sentence) = transcripts::expiring(&self.source, &claude, context.clock.now())?
        {
            tell(&sentence);
        }
        Ok(())
    }
}
