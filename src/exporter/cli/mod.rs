//! From a request to its result: one function a command.

pub mod arguments;
mod explain;
pub mod hook;
mod preview;
mod queue;
mod reset;
mod status;

use std::io::{self, StdoutLock, Write};

use serde::Serialize;

use crate::exporter::cli::arguments::{Command, Request};
use crate::exporter::clock::Clock;
use crate::exporter::config::Config;
use crate::exporter::context::Context;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log;
use crate::exporter::plan::scan::{Filter, Scan, survey};
use crate::exporter::plan::schedule;
use crate::exporter::report::Report;
use crate::exporter::run;
use crate::exporter::source::Source;
use crate::exporter::state::State;
use crate::exporter::state::queue::Queue;

/// Does what the command line asks for.
pub fn execute(request: Request, environment: Environment) -> Result<ExitCode, Error> {
    let command = request.command.clone();
    if let Some(Command::Hook(_)) = command {
        // A hook never fails its caller.
        hook::execute(&request, &environment);
        return Ok(ExitCode::Success);
    }
    let config = Config::load(&request.flags, &environment)?;
    let context = Context {
        folder: environment.state_folder()?,
        clock: Clock::new(&environment)?,
        log: request.log,
        max_time: request.max_time,
        config,
        environment,
    };
    let output = Output { json: request.json, quiet: request.quiet, closed: false, out: io::stdout().lock() };
    match command {
        None => send(&context, &schedule::Request::Scheduled, output),
        Some(Command::Session(session)) => send(&context, &schedule::Request::Session(session.id), output),
        Some(Command::All(_)) => send(&context, &schedule::Request::All, output),
        Some(Command::Preview(preview)) => preview::execute(&context, &preview, output),
        Some(Command::Explain(explain)) => explain::execute(&context, &explain, output),
        Some(Command::Status(_)) => status::execute(&context, output),
        Some(Command::Queue(queue)) => queue::execute(&context, &queue, output),
        Some(Command::Reset(reset)) => reset::execute(&context, &reset, output),
        Some(Command::Hook(_)) => Ok(ExitCode::Success),
    }
}

fn send(context: &Context, request: &schedule::Request, mut output: Output) -> Result<ExitCode, Error> {
    let report = run::run(context, request)?;
    if output.json {
        output.json(&report);
    } else {
        output.line(&report.summary());
        tell_errors(context, &report);
    }
    Ok(report.exit)
}

/// Errors go to stderr, once each, and only where the exit code says that something is wrong.
fn tell_errors(context: &Context, report: &Report) {
    if report.exit == ExitCode::Success {
        return;
    }
    for error in &report.errors {
        let session = error.session_id.as_ref().map(|id| format!("session {id}: ")).unwrap_or_default();
        context.log.error("run_error", &format!("{session}{} ({})", error.message, error.code));
    }
}

/// Where results go.
#[derive(Debug)]
pub struct Output<'a> {
    pub json: bool,
    pub quiet: bool,
    /// Whether the reader has gone away, which is no error of ours.
    closed: bool,
    out: StdoutLock<'a>,
}

impl Output<'_> {
    pub fn stdout() -> Output<'static> {
        Output { json: true, quiet: false, closed: false, out: io::stdout().lock() }
    }

    /// One JSON document.
    pub fn json<T: Serialize>(&mut self, document: &T) {
        if let Ok(mut text) = serde_json::to_string(document) {
            text.push('\n');
            self.text(&text);
        }
    }

    /// Text as it is.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        let Err(error) = self.out.write_all(bytes).and_then(|()| self.out.flush()) else { return };
        if !self.closed && error.kind() != io::ErrorKind::BrokenPipe {
            log::say(&format!(
                "han-sync: error: the result cannot be written: {error}; the exit code says how it went"
            ));
        }
        self.closed = true;
    }

    /// A line for people, unless they want quiet.
    pub fn line(&mut self, line: &str) {
        if !self.quiet {
            self.text(&format!("{line}\n"));
        }
    }
}

/// What a command sees that looks and changes nothing: the state and the queue as they are, brought up to date with the
/// source in memory only.
struct Look {
    state: State,
    queue: Queue,
    source: Source,
    survey: Scan,
    /// Whether the receiver has just said something else of the user than it did before.
    identity_changed: bool,
    warnings: Vec<String>,
}

/// State and queue as they are on disk.
fn load(context: &Context, warnings: &mut Vec<String>) -> Result<(State, Queue), Error> {
    let queue = Queue::load(&context.folder, None, warnings)?;
    let endpoint = context.config.endpoint.as_ref().map_or("", |setting| setting.value.as_str());
    let key = context.config.api_key.as_ref().map_or("", |setting| setting.value.expose());
    let state = State::load(&context.folder, &context.environment, &queue, (endpoint, key), None, warnings)?;
    Ok((state, queue))
}

/// Looks at everything; `ask`: whether the receiver may be asked for the identity where none is known.
fn look(context: &Context, ask: bool) -> Result<Look, Error> {
    let mut warnings = context.config.warnings.clone();
    let (mut state, queue) = load(context, &mut warnings)?;
    let mut identity_changed = false;
    if ask {
        identity_changed = ask_identity(context, &mut state, &mut warnings)?;
    }
    let now = context.clock.now();
    let source = Source::open(&context.config.database)?;
    let affiliations = schedule::affiliations(state.destination.identity.as_ref(), now);
    let filter = Filter { config: &context.config, affiliations: &affiliations };
    let mut survey = survey(&source, filter, &mut state, now)?;
    warnings.append(&mut survey.warnings);
    Ok(Look { state, queue, source, survey, identity_changed, warnings })
}

/// Asks who the key stands for, where that is not known well enough; an answer is used and not kept. Returns
/// true if the identity is a new one.
fn ask_identity(context: &Context, state: &mut State, warnings: &mut Vec<String>) -> Result<bool, Error> {
    let (Some(endpoint), Some(key)) = (&context.config.endpoint, &context.config.api_key) else {
        return Ok(false);
    };
    let now = context.clock.now();
    if schedule::identity_is_fresh(&state.destination, now) {
        return Ok(false);
    }
    let client = HttpClient::new(&context.config, &endpoint.value, &key.value, &state.client_id)?;
    let identity = match client.identity(now) {
        Ok(identity) => identity,
        Err(error) => {
            warnings.push(format!("{}; what is shown goes by what is known", error.message()));
            return Ok(false);
        }
    };
    Ok(state.learn_identity(identity, now))
}

fn tell(context: &Context, warnings: &[String]) {
    for warning in warnings {
        context.log.warning("warning", warning);
    }
}
