//! `han-sync hook`: called at the end of an agent's session, by a caller that must never fail or wait.
//!
//! Reads the hook's JSON within bounds of size and time, queues the session, and starts a detached run, which outlives
//! the caller's process group. The caller's environment is not trusted: an agent gives its hooks the variables that a
//! cloned repository's settings name, so that settings and places come from flags and files alone.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::exporter::cli::arguments::{HookArgs, Invocation};
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::environment::Environment;
use crate::exporter::error::Error;
use crate::exporter::log::sync_log::SyncLog;
use crate::exporter::state::atomic_file;
use crate::exporter::state::queue::{Change, Queue};

/// Bytes of the hook's JSON, which has a few hundred.
const INPUT_BYTES_MAX: usize = 1 << 20;
/// Waits for input, which may never end. The whole call has 100 ms on a quiet machine. The timeout is a number of waits
/// rather than a duration, because on a busy machine each wait lasts longer, as everything of the caller does.
const INPUT_WAITS_MAX: u32 = 12;
const INPUT_WAIT: Duration = Duration::from_millis(5);
/// Upper bound of all waits: the hooks of a session's end share 1.5 s.
const INPUT_TIMEOUT: Duration = Duration::from_secs(1);
/// Characters of a session id; those of known agents are shorter.
const SESSION_ID_CHARS_MAX: usize = 256;

/// The part of the hook's JSON that this program reads.
#[derive(Deserialize)]
struct HookPayload {
    session_id: String,
}

/// Queues the session and starts a run; logs a failure and never returns one.
pub fn execute(invocation: &Invocation, args: &HookArgs, environment: &Environment) {
    let result = if args.trust_environment {
        queue_and_start(invocation, environment, |_| ())
    } else {
        let environment = Environment::from_user_database();
        queue_and_start(invocation, &environment, |run| environment.restrict(run))
    };
    if let Err(error) = result {
        invocation.log.warn("hook", &error.to_string());
    }
}

/// `prepare` sets the environment of the run.
fn queue_and_start(
    invocation: &Invocation,
    environment: &Environment,
    prepare: impl Fn(&mut Command),
) -> Result<(), Error> {
    // The run reports a configuration error.
    let config = Config::load(&invocation.flags, environment).ok();
    if config.as_ref().is_some_and(|config| !config.enabled.value) {
        return Ok(());
    }
    let session_id = session_id_from_stdin();
    let folder = invocation.flags.state_folder(environment)?;
    atomic_file::create_private_folder(&folder)?;
    // Without a configuration no endpoint is asked.
    let clock = Clock::new(environment, config.is_none_or(|config| config.has_loopback_endpoint()))?;
    let mut changes = vec![Change::HookRan];
    let named = session_id.clone();
    match session_id {
        Some(session_id) => changes.push(Change::Request { session_id, at_once: false }),
        None => invocation.log.warn("hook", "no session_id on stdin; starting a run without one"),
    }
    let mut warnings = Vec::new();
    let now = clock.now();
    let queued = Queue::update(&folder, None, &changes, now, &mut warnings);
    for warning in warnings {
        invocation.log.warn("hook", &warning);
    }
    if let Some(session) = named.filter(|_| queued.is_ok()) {
        SyncLog::new(&folder, None).write(now, "hook", &[("session", session.into())]);
    }
    // A run finds the session even if queueing failed.
    if !queued.as_ref().is_ok_and(|queue| queue.pause_at(now).is_some()) {
        start_run(invocation, prepare);
    }
    queued.map(drop)
}

/// Reads the session id from stdin as soon as the JSON is complete, without waiting for the end of input.
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
    let mut waits_left = INPUT_WAITS_MAX;
    let mut input = HookInput::default();
    loop {
        if let Some(end) = input.end() {
            return end;
        }
        if started.elapsed() > INPUT_TIMEOUT {
            return None;
        }
        match received.recv_timeout(INPUT_WAIT) {
            Ok(chunk) => input.add(&chunk),
            Err(RecvTimeoutError::Timeout) if waits_left > 0 => waits_left -= 1,
            Err(_) => return None,
        }
    }
}

/// The input read so far.
#[derive(Debug, Default)]
pub struct HookInput(Vec<u8>);

impl HookInput {
    /// Appends bytes and discards those beyond the bound.
    pub fn add(&mut self, chunk: &[u8]) {
        let room = (INPUT_BYTES_MAX + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }

    /// The end of the input: `None` while more may come, then the session id, if the JSON has a plausible one.
    pub fn end(&self) -> Option<Option<String>> {
        if let Ok(found) = serde_json::from_slice::<HookPayload>(&self.0) {
            return Some(Some(found.session_id).filter(|id| is_plausible(id)));
        }
        (self.0.len() > INPUT_BYTES_MAX).then_some(None)
    }
}

fn is_plausible(id: &str) -> bool {
    !id.trim().is_empty() && id.chars().count() <= SESSION_ID_CHARS_MAX && !id.chars().any(char::is_control)
}

/// Starts a detached scheduled run that outlives the caller.
fn start_run(invocation: &Invocation, prepare: impl Fn(&mut Command)) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    command.arg("--quiet");
    let flags = &invocation.flags;
    let places =
        [("--db", &flags.database), ("--config", &flags.config), ("--state-dir", &flags.state_folder)];
    for (name, path) in places {
        if let Some(path) = path {
            command.arg(name).arg(path);
        }
    }
    if let Some(endpoint) = &flags.endpoint {
        command.arg("--endpoint").arg(endpoint);
    }
    prepare(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    detach(&mut command);
    if let Err(error) = command.spawn() {
        invocation
            .log
            .warn("hook", &format!("cannot start a run ({error}); the next scheduled run sends the session"));
    }
}

/// Makes the child the leader of a new session: a caller over its time budget is killed with its process group.
#[expect(unsafe_code, reason = "the standard library has no safe call for setsid in the child")]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only setsid is called, which is async-signal-safe and allocates nothing.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(|_| ()).map_err(io::Error::from));
    }
}
