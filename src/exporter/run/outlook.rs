//! The outlook on a first run: how much will leave, of which repositories, and about how long that takes.
//!
//! Sessions and messages are counted; bytes and time are estimates, because building every batch twice would double the
//! time of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::exporter::error::Error;
use crate::exporter::plan::scan::Scan;
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::count;
use crate::exporter::source::Source;
use crate::exporter::state::Destination;

/// Bytes of a message without its text, and of a session without its messages, before compression: `han-fixture` has 335 a
/// message in `--condition large --raw-bytes 3200`, and 283 in `several-streams`.
const MESSAGE_BYTES: u64 = 300;
const SESSION_BYTES: u64 = 400;
/// Compression: in `large` gzip and zstd make messages without text, most of which is hashes and ids, 6.5 and 6.6 times
/// smaller, and text 5.7 and 7.4 times.
const COMPRESSION_RATIO: u64 = 6;
/// Rows of a session that are looked at for their size, and sessions of which rows are looked at.
const SAMPLED_ROWS: u32 = 50;
const SAMPLED_SESSIONS: u64 = 200;
/// Bytes a second of a slow uplink, and bytes a second that are read and redacted on a slow processor: assumed, not
/// measured.
const UPLOAD_BYTES_PER_SECOND: u64 = 1 << 20;
const READ_BYTES_PER_SECOND: u64 = 20 << 20;
/// Repositories that are listed.
const LISTED_MAX: usize = 8;

/// The outlook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Sessions that will be sent.
    pub sessions: usize,
    /// Messages that will be sent.
    pub messages: u64,
    /// Bytes before compression, estimated.
    pub bytes: u64,
    /// Bytes on the wire, estimated.
    pub wire_bytes: u64,
    /// Repositories with the number of their sessions, the largest number first.
    pub repositories: Vec<(String, usize)>,
}

impl Outlook {
    /// The outlook of a request after a scan of all sessions.
    pub fn of(
        source: &Source,
        scan: &Scan,
        destination: &Destination,
        request: &Request,
    ) -> Result<Outlook, Error> {
        let snapshot = source.snapshot()?;
        let mut outlook = Outlook::default();
        let mut repositories: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut sampled_rows, mut sampled_bytes, mut sampled_sessions) = (0_u64, 0_u64, 0_u64);
        let requested = |id: &str| request.includes(id);
        for session in scan.sessions.iter().filter(|it| it.has_delta && requested(&it.row.id)) {
            let id = &session.row.id;
            let acknowledged = destination.sessions.get(id).map_or(0, |cursor| cursor.rowid);
            let messages = snapshot.count_after(id, acknowledged)?;
            outlook.sessions += 1;
            outlook.messages += messages;
            outlook.bytes += SESSION_BYTES + messages * MESSAGE_BYTES;
            outlook.wire_bytes += (SESSION_BYTES + messages * MESSAGE_BYTES) / COMPRESSION_RATIO;
            if session.include_content && messages > 0 {
                if sampled_sessions < SAMPLED_SESSIONS {
                    let (rows, bytes) = snapshot.raw_bytes_after(id, acknowledged, SAMPLED_ROWS)?;
                    sampled_sessions += 1;
                    (sampled_rows, sampled_bytes) = (sampled_rows + rows, sampled_bytes + bytes);
                }
                let text = messages * (sampled_bytes / sampled_rows.max(1));
                outlook.bytes += text;
                outlook.wire_bytes += text / COMPRESSION_RATIO;
            }
            if let Some(remote) = session.eligibility.remote() {
                *repositories.entry(remote.path()).or_default() += 1;
            }
        }
        let named = repositories.into_iter().map(|(repository, sessions)| (repository.to_owned(), sessions));
        outlook.repositories = named.collect();
        // Stable: equal numbers stay in the order of the names.
        outlook.repositories.sort_by_key(|(_, sessions)| std::cmp::Reverse(*sessions));
        Ok(outlook)
    }

    /// The time that it may take.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.wire_bytes / UPLOAD_BYTES_PER_SECOND + self.bytes / READ_BYTES_PER_SECOND)
    }

    /// Sentence about all numbers.
    pub fn sentence(&self) -> String {
        format!(
            "{} with {}, about {} ({} compressed), in {}",
            count(self.sessions, "session"),
            count(self.messages, "message"),
            size(self.bytes),
            size(self.wire_bytes),
            about(self.duration())
        )
    }

    /// The repositories in one line.
    pub fn repository_line(&self) -> String {
        let named = self.repositories.iter().take(LISTED_MAX);
        let named: Vec<String> = named
            .map(|(repository, sessions)| format!("{repository} ({})", count(*sessions, "session")))
            .collect();
        let others = self.repositories.len().saturating_sub(LISTED_MAX);
        let others = if others > 0 { format!(", and {others} more") } else { String::new() };
        named.join(", ") + &others
    }
}

/// A number of bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) if bytes < 10 * unit => {
            format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
        }
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

fn about(duration: Duration) -> String {
    match duration.as_secs() {
        0..=9 => "a few seconds".to_owned(),
        10..=59 => "less than a minute".to_owned(),
        seconds @ 60..=7199 => format!("about {}", count(seconds.div_ceil(60), "minute")),
        seconds => format!("about {}", count(seconds.div_ceil(3600), "hour")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_told_in_one_unit() {
        let sizes = [999, 1_000, 1_550, 45_000, 9_990_000, 10_000_000, 2_000_000_000].map(size);
        assert_eq!(sizes, ["999 bytes", "1.0 kB", "1.5 kB", "45 kB", "9.9 MB", "10 MB", "2.0 GB"]);
        let times = [0, 10, 61, 600, 7_200, 10_801].map(|seconds| about(Duration::from_secs(seconds)));
        let wanted = [
            "a few seconds",
            "less than a minute",
            "about 2 minutes",
            "about 10 minutes",
            "about 2 hours",
            "about 4 hours",
        ];
        assert_eq!(times, wanted);
    }

    #[test]
    fn repositories_are_listed_up_to_a_number() {
        let repositories = (0..10).map(|nth| (format!("github.com/acme/r{nth}"), 2)).collect();
        let line = Outlook { repositories, ..Outlook::default() }.repository_line();
        assert!(
            line.starts_with("github.com/acme/r0 (2 sessions), ") && line.ends_with(", and 2 more"),
            "{line}"
        );
    }
}
