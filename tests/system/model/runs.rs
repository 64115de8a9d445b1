//! The exporter at work in a simulation: plain runs, runs that are killed, runs that something happens to.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::action::{Action, Command, Meanwhile, Route};
use super::faults::when;
use super::received::login_of;
use super::reference::{Certainty, Destination, KnownIdentity, Reading};
use super::simulation::{Checked, Simulation};
use crate::support::{Fault, TestReceiver, wait_until};

/// A program that runs longer hangs.
const RUN_MAX: Duration = Duration::from_secs(60);
/// Interval between two polls of a running program.
const POLL: Duration = Duration::from_micros(500);
/// Time charged for a run that reports none: without faults, and with faults, when it may use its whole time budget.
const UNTOLD: TimeDelta = TimeDelta::seconds(1);
const UNTOLD_WAITING: TimeDelta = TimeDelta::seconds(241);

/// Requests and identities that a receiver had seen and told before.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    requests: [usize; 2],
    told: [usize; 2],
}

/// The effects that a program can have had that has ended or was killed.
pub struct Done {
    pub before: Before,
    pub place: Destination,
    /// True if it is one that sends and learns.
    pub sends: bool,
    pub certainty: Certainty,
}

impl Simulation {
    pub fn before(&self) -> Before {
        Before {
            requests: self.servers.each_ref().map(TestReceiver::request_count),
            told: self
                .servers
                .each_ref()
                .map(|server| server.with_receiver(|receiver| receiver.identities_served.len())),
        }
    }

    fn arguments(&mut self, command: Command) -> Vec<String> {
        self.refresh();
        let words: &[&str] = match command {
            Command::Scheduled => &[],
            Command::Session(n) => &["session", &self.session(n)],
            Command::UnknownSession => &["session", "not-indexed-yet"],
            Command::All => &["all"],
            Command::Hook(_) => &["hook", "--trust-environment"],
            Command::Preview => &["preview"],
            Command::Status => &["status"],
            Command::Explain => &["explain"],
            Command::Queue => &["queue"],
            Command::Retry(n) => &["queue", "--retry", &self.session(n)],
            Command::Drop(n) => &["queue", "--drop", &self.session(n)],
            Command::ClearFailed => &["queue", "--clear-failed"],
            Command::Reset => &["reset"],
            Command::ResetSession(n) => &["reset", "--session", &self.session(n)],
        };
        let json = (!matches!(command, Command::Hook(_))).then_some("--json");
        words.iter().copied().chain(json).map(str::to_owned).collect()
    }

    fn spawn(&mut self, command: Command) -> Child {
        let arguments = self.arguments(command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.sandbox.command(&arguments);
        command.stdin(Stdio::null()).spawn().expect("the program under test")
    }

    /// Runs to the end.
    pub fn run(&mut self, command: Command) -> Checked<()> {
        self.record_reading();
        let before = self.before();
        let place = self.readings[0].config.place;
        let output = self.run_nested(command, None)?;
        let certainty = output.as_ref().map_or(Certainty::Nothing, certainty);
        self.account(&Done { before, place, sends: sends(command), certainty })
    }

    /// Runs to the end, while another run may be held; its output, but for a hook's.
    fn run_nested(&mut self, command: Command, held: Option<u32>) -> Checked<Option<Output>> {
        if let Command::Hook(n) = command {
            return self.run_hook(n, held).map(|()| None);
        }
        let is_look =
            matches!(command, Command::Preview | Command::Status | Command::Explain | Command::Queue);
        let (files, batches) = (self.state_files(), self.batch_count());
        let lock = if held.is_none() { self.lock_database() } else { None };
        let since = Instant::now();
        let mut child = self.spawn(command);
        if let Some(lock) = lock {
            self.unlock_when_noticed(lock, &mut child);
        }
        let output = wait(child);
        self.pass_time_of(&output, since);
        self.check_exit(command, &output)?;
        if is_look && held.is_none() && (files != self.state_files() || batches != self.batch_count()) {
            return Err(format!("{command:?} changed something: {output:?}"));
        }
        if output.status.code() == Some(0) {
            self.note_dropped(command, &output);
        }
        Ok(Some(output))
    }

    fn run_hook(&mut self, n: usize, held: Option<u32>) -> Checked<()> {
        self.refresh();
        let input = json!({"session_id": self.session(n), "hook_event_name": "SessionEnd"}).to_string();
        let outcome = self.sandbox.run_with_input(&["hook", "--trust-environment"], input.as_bytes());
        let ours = |pid: &u32| Some(*pid) == held;
        wait_until("the detached run ends", || self.sandbox.processes().iter().all(ours));
        self.pass_untold_time();
        if outcome.code != 0 || !outcome.stdout.is_empty() {
            return Err(format!("the hook fails its caller: {outcome:?}"));
        }
        Ok(())
    }

    /// Kills a run at its nth request of a kind, which the receiver then takes or never sees.
    pub fn kill_at(&mut self, command: Command, route: Route, nth: usize, taken: bool) -> Checked<()> {
        let gate = if taken { Fault::none() } else { Fault::close() };
        self.at_gate(command, route, nth, gate, |_, child| {
            child.kill().expect("a process that waits for an answer");
            Ok(true)
        })
    }

    /// While a run waits for the answer to its nth request, things happen.
    pub fn during(
        &mut self,
        command: Command,
        route: Route,
        nth: usize,
        meanwhile: &[Meanwhile],
    ) -> Checked<()> {
        self.at_gate(command, route, nth, Fault::none(), |simulation, child| {
            for each in meanwhile {
                simulation.meanwhile(*each, child.id())?;
            }
            Ok(false)
        })
    }

    fn at_gate(
        &mut self,
        command: Command,
        route: Route,
        nth: usize,
        gate: Fault,
        then: impl FnOnce(&mut Simulation, &mut Child) -> Checked<bool>,
    ) -> Checked<()> {
        self.record_reading();
        let before = self.before();
        let place = self.readings[0].config.place;
        let server = usize::from(place.other_endpoint);
        self.servers[server].script(when(route).skip(nth - 1).times(1), gate.held());
        let since = Instant::now();
        let mut child = self.spawn(command);
        let reached = loop {
            if self.servers[server].is_holding() {
                break true;
            }
            if child.try_wait().expect("a child to wait for").is_some() {
                break false;
            }
            assert!(since.elapsed() < RUN_MAX, "the run hangs");
            std::thread::sleep(POLL);
        };
        let killed = if reached { then(self, &mut child)? } else { false };
        self.servers[server].unscript();
        let output = if killed {
            let output = child.wait_with_output().expect("a child to wait for");
            self.servers[server].release_once();
            output
        } else {
            self.servers[server].release_once();
            wait(child)
        };
        if killed {
            self.pass_untold_time();
        } else {
            self.pass_time_of(&output, since);
            self.check_exit(command, &output)?;
        }
        let certainty = if reached { Certainty::Nothing } else { certainty(&output) };
        self.account(&Done { before, place, sends: true, certainty })
    }

    fn meanwhile(&mut self, what: Meanwhile, held: u32) -> Checked<()> {
        match what {
            Meanwhile::Nothing => {}
            Meanwhile::Another(command) => drop(self.run_nested(command, Some(held))?),
            Meanwhile::Grow(session, rows) => self.insert(session, rows),
            Meanwhile::Changed(session, which) => self.change(session, which),
            Meanwhile::Unlinked(project) => self.unlink(project),
            Meanwhile::Elsewhere(repo, form) => self.remote(repo, form),
        }
        Ok(())
    }

    /// Kills a run after a while, wherever it is then.
    pub fn kill_after(&mut self, command: Command, after: Duration) -> Checked<()> {
        self.record_reading();
        let before = self.before();
        let place = self.readings[0].config.place;
        let mut child = self.spawn(command);
        // The place of the kill is left to chance; whatever it is, the same must hold.
        std::thread::sleep(after);
        let ended = child.try_wait().expect("a child to wait for").is_some();
        let _ = child.kill();
        let output = child.wait_with_output().expect("a child to wait for");
        self.pass_untold_time();
        if ended {
            self.check_exit(command, &output)?;
        }
        // The receiver may only now read what was sent.
        wait_until("the receiver is done", || self.servers.iter().all(TestReceiver::is_idle));
        let certainty = if ended { certainty(&output) } else { Certainty::Nothing };
        self.account(&Done { before, place, sends: true, certainty })
    }

    /// Locks the database as another program may, where that was asked for.
    fn lock_database(&mut self) -> Option<Connection> {
        if !std::mem::take(&mut self.locks_next) {
            return None;
        }
        let path = self.han.take()?.close();
        let lock = Connection::open(path).expect("han's database");
        let exclusively = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; SELECT count(*) FROM sessions";
        lock.execute_batch(exclusively).expect("nobody else has it open");
        Some(lock)
    }

    /// Lets go of the database once the program has opened it, or has ended.
    fn unlock_when_noticed(&mut self, lock: Connection, child: &mut Child) {
        let files = PathBuf::from(format!("/proc/{}/fd", child.id()));
        let database = self.sandbox.database();
        let has_opened = || {
            let open = fs::read_dir(&files).into_iter().flatten().flatten();
            open.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == database))
        };
        let since = Instant::now();
        while !has_opened() && child.try_wait().expect("a child to wait for").is_none() {
            assert!(since.elapsed() < RUN_MAX, "the run neither opens the database nor ends");
            std::thread::sleep(POLL);
        }
        lock.execute_batch("COMMIT").expect("a transaction");
        drop(lock);
        self.reopen();
    }

    pub fn state_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.sandbox.state_folder()).into_iter().flatten().flatten();
        files.map(|file| (file.path(), fs::read(file.path()).unwrap_or_default())).collect()
    }

    pub fn batch_count(&self) -> usize {
        self.servers.iter().map(|server| server.batches().len()).sum()
    }

    /// Moves the clock by what a program waited, by its own account, and by the time it really took.
    pub fn pass_time_of(&self, output: &Output, since: Instant) {
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let waited = TimeDelta::milliseconds(report["durationMs"].as_i64().unwrap_or(0));
        self.sandbox.advance(waited + TimeDelta::from_std(since.elapsed()).expect("a short while"));
    }

    fn pass_untold_time(&self) {
        let waits = self.servers.iter().any(TestReceiver::is_scripted);
        self.sandbox.advance(if waits { UNTOLD_WAITING } else { UNTOLD });
    }

    fn check_exit(&self, command: Command, output: &Output) -> Checked<()> {
        let code = output.status.code().unwrap_or(-1);
        let is_gone = self.han.is_none();
        let expected: &[i32] = match command {
            Command::Retry(_) | Command::Drop(_) | Command::ClearFailed => &[0, 64, 66],
            Command::Preview | Command::Explain | Command::Status | Command::Queue => &[0, 66],
            Command::Reset | Command::ResetSession(_) => &[0, 75],
            _ => &[0, 65, 66, 75, 77, 78],
        };
        if !expected.contains(&code) || (code == 66 && !is_gone) {
            return Err(format!("{command:?} ends with {code}: {}", told(output)));
        }
        if serde_json::from_slice::<Value>(&output.stdout).is_err() {
            return Err(format!("{command:?} prints no JSON: {}", told(output)));
        }
        Ok(())
    }

    /// Notes what a session held that the user wants left alone.
    fn note_dropped(&mut self, command: Command, output: &Output) {
        if !matches!(command, Command::Drop(_) | Command::ClearFailed) {
            return;
        }
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        self.refresh();
        let reading = self.current_reading();
        for item in document["items"].as_array().into_iter().flatten() {
            let id = item["sessionId"].as_str().unwrap_or_default();
            let just_now = !matches!(command, Command::Drop(n) if self.session(n) != id);
            let Some(held) =
                reading.contents.sessions.get(id).filter(|_| item["status"] == "dropped" && just_now)
            else {
                continue;
            };
            let paths = self.knowledge.paths(held);
            let holdings = paths.into_iter().map(|path| held.holding(path));
            self.dropped.entry(id.to_owned()).or_default().extend(holdings);
        }
    }

    pub fn current_reading(&mut self) -> Reading {
        let readings = self.readings.len();
        self.record_reading();
        let reading = self.readings[readings].clone();
        self.readings.truncate(readings);
        reading
    }

    /// Draws the balance of a program: whether everything that arrived was allowed to, and what it can have learned.
    pub fn account(&mut self, done: &Done) -> Checked<()> {
        let readings = std::mem::take(&mut self.readings);
        let last = readings.last().expect("a run readings at least once").clone();
        let certain = done.certainty >= Certainty::Looked;
        let now = self.before();
        let place = usize::from(done.place.other_endpoint);
        let was_told = now.told[place] > done.before.told[place];
        // Learned in this very run, an identity is the one to go by.
        let news: Vec<_> = readings.iter().map(|reading| Some(reading.claims)).collect();
        let mut by = if was_told && certain { Vec::new() } else { self.knowledge.candidates(&readings[0]) };
        if was_told {
            by.extend(news);
        }
        for (nth, seen) in done.before.requests.into_iter().enumerate() {
            for request in self.servers[nth].requests_after(seen) {
                self.check_request(&request, &readings, &by)?;
                let login = self.real.as_ref().and_then(|_| login_of(&request, &self.keys));
                if let Some(login) = login {
                    self.received[nth].note(&request, login, last.claims);
                }
            }
            if let Some(violation) = self.servers[nth].violations().first() {
                return Err(format!("against the protocol: {violation}"));
            }
            if let Some(complaint) = self.real.iter().find_map(|real| real[nth].violations_seen().pop()) {
                return Err(complaint);
            }
        }
        if done.sends {
            if was_told {
                let told = KnownIdentity { at: self.sandbox.now(), claims: last.claims };
                let known = self.knowledge.told.entry(done.place).or_default();
                if certain {
                    known.clear();
                }
                known.push(told);
                self.ever.told.entry(done.place).or_default().push(told);
            }
            for reading in &readings {
                self.knowledge.learn(reading, done.certainty);
                self.ever.learn(reading, Certainty::Nothing);
            }
        }
        Ok(())
    }

    /// Applies everything that a history says, and brings the simulation to rest.
    pub fn run_history(&mut self, history: &[Action]) -> Checked<()> {
        for action in history {
            self.apply(*action).map_err(|why| format!("at {action:?}: {why}"))?;
        }
        self.come_to_rest()
    }
}

fn sends(command: Command) -> bool {
    use Command::*;
    matches!(command, Scheduled | All | Session(_) | UnknownSession | Hook(_))
}

/// The certainty about a run that ended by itself.
pub fn certainty(output: &Output) -> Certainty {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match report["status"].as_str() {
        None | Some("busy" | "disabled") => Certainty::Nothing,
        _ if report["attempts"].as_u64() > Some(0) => Certainty::Saved,
        _ if output.status.code() == Some(0) => Certainty::Looked,
        _ => Certainty::Nothing,
    }
}

/// Output of a program.
pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
    format!("{} / {}", text(&output.stdout), text(&output.stderr))
}

/// Waits for a program to end; one that hangs is killed.
fn wait(child: Child) -> Output {
    let pid = child.id();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended.recv_timeout(RUN_MAX).unwrap_or_else(|_| {
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process id");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("the program hangs");
    });
    output.expect("a child to wait for")
}
