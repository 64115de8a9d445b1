//! The units of a systemd user timer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::installed_line::SPLAY_SECONDS;
use super::period::Period;

/// Unit that runs the program.
const SERVICE: &str = "han-sync.service";
/// Unit that starts the service.
pub(super) const TIMER: &str = "han-sync.timer";

/// Units of a schedule, below a folder of units.
pub(super) struct SystemdUnits {
    pub(super) service: (PathBuf, String),
    pub(super) timer: (PathBuf, String),
    /// The link that enables the timer.
    pub(super) enablement: PathBuf,
}

/// Builds the units. `words`: the command line of a run.
pub(super) fn units(folder: &Path, words: &[String], interval: Duration) -> SystemdUnits {
    let service = format!(
        "# Written by han-sync install; han-sync uninstall removes it.\n\
         [Unit]\n\
         Description=Send new coding-agent sessions to the team's receiver\n\
         Documentation=man:han-sync(1)\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={}\n\
         # 75: the receiver was out of reach; a later run tries again.\n\
         SuccessExitStatus=75\n",
        exec_start(words)
    );
    let timer = format!(
        "# Written by han-sync install; han-sync uninstall removes it.\n\
         [Unit]\n\
         Description=Schedule of han-sync\n\
         Documentation=man:han-sync(1)\n\
         \n\
         [Timer]\n\
         OnCalendar={}\n\
         RandomizedDelaySec={SPLAY_SECONDS}\n\
         Persistent=true\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        calendar(Period::near(interval))
    );
    SystemdUnits {
        service: (folder.join(SERVICE), service),
        timer: (folder.join(TIMER), timer),
        enablement: folder.join("timers.target.wants").join(TIMER),
    }
}

/// Quotes words for `ExecStart=`, in which `%` and, after the program, `$` have a meaning.
fn exec_start(words: &[String]) -> String {
    let quoted = words.iter().enumerate().map(|(nth, word)| {
        let word = word.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%");
        let word = if nth > 0 { word.replace('$', "$$") } else { word };
        let is_plain = |c: char| c.is_alphanumeric() || "_@+=:,./-%$".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) { word } else { format!("\"{word}\"") }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The calendar event of a period.
fn calendar(period: Period) -> String {
    match period {
        Period::Seconds(seconds) => format!("*:*:0/{seconds}"),
        Period::Minutes(minutes) => format!("*:0/{minutes}"),
        Period::Hours(24) => "daily".to_owned(),
        Period::Hours(hours) => format!("0/{hours}:00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_meaning_to_systemd_are_escaped() {
        let words = ["/opt/a b/han-sync", "--db", "/x%h/$HOME", "\"q\"\\", "/plain"].map(str::to_owned);
        assert_eq!(exec_start(&words), r#""/opt/a b/han-sync" --db /x%%h/$$HOME "\"q\"\\" /plain"#);
    }
}
