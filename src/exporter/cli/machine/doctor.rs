//! `han-sync doctor`: asks the receiver, and shows every condition that holds at once, with the command that mends it.

use std::path::Path;

use serde::Serialize;

use crate::exporter::cli::arguments::Invocation;
use crate::exporter::cli::diagnosis::Diagnosis;
use crate::exporter::cli::output::Output;
use crate::exporter::cli::output::terminal::{Color, Terminal};
use crate::exporter::config::Endpoint;
use crate::exporter::context::Context;
use crate::exporter::delivery::client::HttpClient;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::conditions::{self, Condition, Severity, quoted};
use crate::exporter::plan::diagnosis;
use crate::exporter::report::VERSION;
use crate::exporter::state::atomic_file;
use crate::time;

/// Codes that a response of the receiver refutes.
const REFUTED: [&str; 6] =
    ["KEY_REFUSED", "NOT_A_RECEIVER", "TLS_UNTRUSTED", "PROXY_FAILED", "ENDPOINT_UNREACHABLE", "CLOCK_SKEW"];

#[derive(Serialize)]
struct DoctorDocument<'a> {
    version: u32,
    /// `success`, or `error` if any condition is an error.
    status: &'static str,
    conditions: &'a [Condition],
}

/// Shows the conditions of a context.
pub fn execute(context: &Context, output: Output) -> Result<ExitCode, Error> {
    let conditions = match unwritable(&context.folder) {
        Some(condition) => {
            let mut conditions = diagnosis::of_configuration(&context.config);
            conditions.push(condition);
            conditions
        }
        None => conditions(context)?,
    };
    Ok(show(&conditions, &context.environment, output))
}

/// Shows a configuration that cannot be read.
pub fn without_configuration(invocation: &Invocation, environment: &Environment, error: &Error) -> ExitCode {
    let file = invocation.flags.config.clone();
    let file = file.or_else(|| environment.claude_folder().ok().map(|folder| folder.join("han.yml")));
    let file = file.unwrap_or_else(|| "han.yml".into());
    let condition = Condition::new(&conditions::CONFIG_INVALID, error, quoted(&file));
    show(&[condition], environment, Output::stdout(invocation.json, invocation.quiet))
}

fn conditions(context: &Context) -> Result<Vec<Condition>, Error> {
    let diagnosis = Diagnosis::of(context)?;
    let mut conditions = diagnosis.conditions;
    let (Some(url), Some(key)) = (&context.config.endpoint, &context.config.api_key) else {
        return Ok(conditions);
    };
    if !context.config.enabled.value {
        return Ok(conditions);
    }
    let endpoint = Endpoint { url: &url.value, key: &key.value };
    let client = HttpClient::new(&context.config, endpoint, &diagnosis.state.client_id)?;
    let now = context.clock.now();
    let answer = client.identity(now);
    let known = std::mem::take(&mut conditions);
    let (refuted, kept): (Vec<_>, Vec<_>) = known.into_iter().partition(|it| REFUTED.contains(&it.code));
    conditions = kept;
    match answer {
        Ok(identity) => {
            let answered_at = identity.and_then(|identity| identity.server_timestamp);
            conditions.extend(diagnosis::skew(Some(now), answered_at.as_deref().and_then(time::parse)));
        }
        Err(error) => {
            let found = diagnosis::of_error(error.code(), error.message(), &context.config);
            let since =
                |found: &Condition| refuted.iter().find(|it| it.code == found.code).and_then(|it| it.since);
            conditions.extend(found.map(|found| {
                let since = since(&found).or(Some(now));
                found.since(since)
            }));
        }
    }
    conditions.sort_by_key(|condition| condition.severity);
    Ok(conditions)
}

/// The condition of a state folder that cannot be used.
fn unwritable(folder: &Path) -> Option<Condition> {
    let path = quoted(folder);
    let unwritable =
        |reason: String, command: String| Condition::new(&conditions::STATE_UNWRITABLE, reason, command);
    if let Err(error) = atomic_file::require_private_folder(folder) {
        let is_foreign = error.to_string().contains("belongs to another user");
        let command =
            if is_foreign { format!("chown -R $(id -u) {path}") } else { format!("chmod go-w {path}") };
        return Some(unwritable(format!("{} is open to other users ({error})", folder.display()), command));
    }
    let existing = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok())?;
    if !existing.is_dir() {
        let reason = format!("{} cannot be made: {} is no folder", folder.display(), existing.display());
        return Some(unwritable(reason, format!("mv {0} {0}.old", quoted(existing))));
    }
    let is_writable = is_writable(existing);
    (!is_writable).then(|| {
        let reason = format!("{} cannot be written to", existing.display());
        unwritable(reason, format!("chmod u+rwx {}", quoted(existing)))
    })
}

fn is_writable(folder: &Path) -> bool {
    use rustix::fs::{Access, access};

    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn show(conditions: &[Condition], environment: &Environment, mut output: Output) -> ExitCode {
    let has_error = conditions.iter().any(|condition| condition.severity == Severity::Error);
    if output.json {
        let status = if has_error { "error" } else { "success" };
        output.json(&DoctorDocument { version: VERSION, status, conditions });
    } else if conditions.is_empty() {
        output.line("all is well");
    } else {
        let terminal = Terminal::stdout(environment);
        conditions.iter().for_each(|condition| output.raw(&rendered(condition, &terminal)));
    }
    if has_error { ExitCode::ConditionsFound } else { ExitCode::Success }
}

/// A condition as a line that ends with its command.
pub fn rendered(condition: &Condition, terminal: &Terminal) -> String {
    let (color, severity) = match condition.severity {
        Severity::Error => (Color::Red, "error"),
        Severity::Warning => (Color::Yellow, "warning"),
        Severity::Info => (Color::Green, "info"),
    };
    let painted = terminal.paint(color, severity);
    let message = crate::printable::printable(&condition.message).into_owned();
    let command = crate::printable::printable(&condition.command).into_owned();
    let line = format!("{painted} {}: {message}; run: {command}", condition.code);
    terminal.wrap(&line, "    ", painted.len() - severity.len()) + "\n"
}
