//! `han-sync hook`: called at the end of a session, by a caller that waits and must never be failed or held up.
//!
//! It reads what the hook says within bounds of size and time, queues the session, and starts a run in a session of its
//! own, so that the end of the caller's process group does not end the run.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::exporter::cli::arguments::Request;
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::exporter::state::atomic_file;
use crate::exporter::state::queue::{Change, Queue};

/// A hook's JSON is a few hundred bytes.
const INPUT_BYTES_MAX: usize = 1 << 20;
/// Callers write the JSON at once, but the end of input may never come. The whole call has 100 ms on a quiet machine.
/// The wait is counted in turns, each of which lasts longer on a machine that is busy, as the caller's own do there.
const INPUT_TURNS: u32 = 12;
const INPUT_TURN: Duration = Duration::from_millis(5);
/// In no case longer: the hooks of a session's end have 1.5 s together.
const INPUT_WAIT_MAX: Duration = Duration::from_secs(1);
/// No agent's ids are longer.
const SESSION_ID_CHARS_MAX: usize = 256;

#[derive(Deserialize)]
struct HookInput {
    session_id: String,
}

/// Does what can be done; says what cannot, and never fails.
pub fn execute(request: &Request, environment: &Environment) {
    if let Err(stop) = queue_and_start(request, environment) {
        request.log.warning("hook", &stop.to_string());
    }
}

fn queue_and_start(request: &Request, environment: &Environment) -> Result<(), Error> {
    // A configuration that is wrong is for the run to report.
    if let Ok(config) = Config::load(&request.flags, environment)
        && !config.enabled.value
    {
        return Ok(());
    }
    let session_id = session_id_from_stdin();
    let folder = environment.state_folder()?;
    atomic_file::create_private_folder(&folder)?;
    let clock = Clock::new(environment)?;
    let mut changes = vec![Change::HookRan];
    match session_id {
        Some(session_id) => changes.push(Change::Request { session_id, at_once: false }),
        None => request.log.warning("hook", "no session_id on stdin; starting a run all the same"),
    }
    let mut warnings = Vec::new();
    let queued = Queue::update(&folder, None, &changes, clock.now(), &mut warnings).map(|_| ());
    for warning in warnings {
        request.log.warning("hook", &warning);
    }
    // A run finds the session even if it could not be queued.
    start_run(request);
    queued
}

/// The session that the hook's JSON names, as soon as the JSON is complete.
fn session_id_from_stdin() -> Option<String> {
    let (sender, received) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut chunk = [0; 8192];
        while let Ok(read) = stdin.read(&mut chunk) {
            if read == 0 || sender.send(chunk[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let started = Instant::now();
    let mut turns = INPUT_TURNS;
    let mut input = Input::default();
    loop {
        if let Some(end) = input.end() {
            return end;
        }
        if started.elapsed() > INPUT_WAIT_MAX {
            return None;
        }
        match received.recv_timeout(INPUT_TURN) {
            Ok(chunk) => input.add(&chunk),
            Err(RecvTimeoutError::Timeout) if turns > 0 => turns -= 1,
            Err(_) => return None,
        }
    }
}

/// What a hook has said so far.
#[derive(Debug, Default)]
pub struct Input(Vec<u8>);

impl Input {
    /// Takes the next bytes. Those beyond the bound are not kept.
    pub fn add(&mut self, chunk: &[u8]) {
        let room = (INPUT_BYTES_MAX + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }

    /// `None` while more may come; then the session that the JSON names, if it names a plausible one.
    pub fn end(&self) -> Option<Option<String>> {
        if let Ok(found) = serde_json::from_slice::<HookInput>(&self.0) {
            return Some(Some(found.session_id).filter(|id| is_plausible(id)));
        }
        (self.0.len() > INPUT_BYTES_MAX).then_some(None)
    }
}

fn is_plausible(id: &str) -> bool {
    !id.trim().is_empty() && id.chars().count() <= SESSION_ID_CHARS_MAX && !id.chars().any(char::is_control)
}

/// Starts a plain run that outlives the caller.
fn start_run(request: &Request) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    command.arg("--quiet");
    if let Some(path) = &request.flags.database {
        command.arg("--db").arg(path);
    }
    if let Some(path) = &request.flags.config {
        command.arg("--config").arg(path);
    }
    if let Some(endpoint) = &request.flags.endpoint {
        command.arg("--endpoint").arg(endpoint);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    own_session(&mut command);
    if let Err(error) = command.spawn() {
        request
            .log
            .warning("hook", &format!("cannot start a run ({error}); the scheduled one sends the session"));
    }
}

/// Puts the run in a session of its own: a caller over its budget is killed with its whole process group.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library has no safe call for setsid in the child")]
fn own_session(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only setsid is called, which is async-signal-safe and allocates nothing.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(|_| ()).map_err(io::Error::from));
    }
}

#[cfg(not(unix))]
fn own_session(_: &mut Command) {}
