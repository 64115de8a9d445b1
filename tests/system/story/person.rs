//! A person at a shell, in a home of their own. Beside the shell runs Debian's cron, where a test may start it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::crontab;
use crate::support::pseudo_terminal::{PseudoTerminal, screen};
use crate::support::sandbox;

const PROMPT: &str = "~> ";
/// A shell with a crontab and a `/run` that nobody else sees, and cron beside it.
const WITH_CRON: &str = "mount -t tmpfs tmpfs /var/spool/cron/crontabs && mount -t tmpfs tmpfs /run && \
                         chmod 1730 /var/spool/cron/crontabs && { timeout 300 cron -f & export CRON=$!; exec sh -i; }";

/// The person.
pub struct Person {
    home: tempfile::TempDir,
    terminal: PseudoTerminal,
    /// The crontab's file where a stand-in has it.
    crontab: Option<PathBuf>,
}

impl Person {
    /// Sits down at a shell that finds the programs and nothing else of this machine's user.
    pub fn new() -> Person {
        let home = tempfile::Builder::new().prefix("han-sync-test-").tempdir().expect("a home");
        let bin = home.path().join(".local/bin");
        fs::create_dir_all(&bin).unwrap();
        for program in [env!("CARGO_BIN_EXE_han-sync"), env!("CARGO_BIN_EXE_han-sync-receiver")] {
            symlink(program, bin.join(Path::new(program).file_name().unwrap())).unwrap();
        }
        let mut shell = Command::new("/bin/sh");
        let crontab = match has_cron() {
            true => {
                shell = Command::new("/usr/bin/unshare");
                shell.args(["--mount", "sh", "-c", WITH_CRON]);
                None
            }
            false => {
                shell.arg("-i");
                Some(crontab::provide(&bin))
            }
        };
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        shell
            .env("HOME", home.path())
            .env("NO_COLOR", "1")
            .env("PATH", path)
            .env("PS1", PROMPT)
            .current_dir(home.path());
        let mut terminal = PseudoTerminal::start(&shell, 240);
        terminal.wait_for(PROMPT);
        Person { home, terminal, crontab }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Begins a command that asks.
    pub fn types(&mut self, command: &str) {
        self.terminal.answer(command);
        // The terminal shows what is typed.
        self.terminal.wait_for(command);
    }

    /// Waits until a text is shown, and returns what was shown before it.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        self.terminal.wait_for(text)
    }

    /// Waits for the end of a command that asked.
    #[track_caller]
    pub fn sees_its_end(&mut self) -> String {
        self.terminal.wait_for(PROMPT)
    }

    /// Runs a command to its end. Returns its exit code and what was shown.
    #[track_caller]
    pub fn runs(&mut self, command: &str) -> (i32, String) {
        self.types(&format!("{command}; echo \"end=$?=\""));
        let shown = self.terminal.wait_for("end=");
        let code = self.terminal.wait_for("=").parse().expect("an exit code");
        self.terminal.wait_for(PROMPT);
        (code, shown.replace('\r', "").trim_start_matches('\n').to_owned())
    }

    /// Runs a command to its end, and answers its questions: `respond` gets each text of `questions` that is shown, and
    /// all that was shown up to it, and returns the answer if there is one to type. Returns exit code and the lines that
    /// stand there at the end: what takes longer on a busy machine draws its progress over itself.
    #[track_caller]
    pub fn converses(
        &mut self,
        command: &str,
        questions: &[&str],
        mut respond: impl FnMut(&str, &str) -> Option<String>,
    ) -> (i32, String) {
        self.types(&format!("{command}; echo \"end=$?=\""));
        let texts: Vec<&str> = ["end="].iter().chain(questions).copied().collect();
        let mut shown = String::new();
        loop {
            let (index, before) = self.terminal.wait_for_any(&texts);
            shown.push_str(&before);
            if index == 0 {
                break;
            }
            shown.push_str(texts[index]);
            if let Some(answer) = respond(texts[index], &shown) {
                self.terminal.answer(&answer);
            }
        }
        let code = self.terminal.wait_for("=").parse().expect("an exit code");
        self.terminal.wait_for(PROMPT);
        (code, screen(&shown).join("\n"))
    }

    /// Lets cron start the installed line at the next minute: Debian's own, or the line of the crontab in cron's bare environment.
    pub fn lets_cron_fire(&self) {
        let Some(file) = &self.crontab else { return };
        eprintln!("cron is not here: the installed line runs as cron would run it");
        let text = fs::read_to_string(file).expect("a crontab");
        let (mut command, mut variables) = (None, Vec::new());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line
                .split_once('=')
                .filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
            {
                Some((name, value)) => variables.push((name, value.trim_matches('"'))),
                None => command = line.splitn(6, ' ').nth(5),
            }
        }
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("HOME", "/").env("LOGNAME", "nobody").env("SHELL", "/bin/sh");
        shell.env("PATH", "/usr/bin:/bin").envs(variables).current_dir("/");
        let output = shell.args(["-c", command.expect("an installed line")]).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    }

    /// The home folder but for the state folder, where keys and cursors stay, and han's own.
    pub fn tree(&self) -> BTreeMap<PathBuf, String> {
        let left_out = [".han", ".claude/han"].map(|name| self.home().join(name));
        sandbox::tree(self.home(), &[&left_out[0], &left_out[1]])
    }

    /// Leaves the shell.
    #[track_caller]
    pub fn leaves(mut self) {
        self.terminal.answer("kill $CRON 2>/dev/null; exit 0");
        self.terminal.finish();
    }
}

/// True if this test may run Debian's cron with a crontab of its own.
fn has_cron() -> bool {
    let has = |program: &str| fs::exists(program).unwrap_or(false);
    let may_unshare = || Command::new("/usr/bin/unshare").args(["--mount", "true"]).output();
    rustix::process::geteuid().is_root()
        && has("/usr/sbin/cron")
        && has("/usr/bin/unshare")
        && may_unshare().is_ok_and(|output| output.status.success())
}
