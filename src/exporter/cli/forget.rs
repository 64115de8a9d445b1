//! `han-sync forget`: shows what would go, asks, and has the receiver delete it; `--undo` takes that back.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::exporter::cli::arguments::ForgetArgs;
use crate::exporter::cli::inspection::{IdentitySource, Inspection, inspect, load, log_warnings};
use crate::exporter::cli::output::Output;
use crate::exporter::cli::questions::Questions;
use crate::exporter::config::editor::{self, KeyEdit};
use crate::exporter::context::Context;
use crate::exporter::delivery::forget::AnsweredRequest;
use crate::exporter::delivery::response::ForgetAnswer;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::write_stderr;
use crate::exporter::outcome::Outcome;
use crate::exporter::plan::eligibility::EligibilityFilter;
use crate::exporter::plan::forget_plan::{
    ForgetSelection, PlannedSession, planned_sessions, requested_objects,
};
use crate::exporter::plan::scan::{Scan, ScannedSession};
use crate::exporter::plan::schedule;
use crate::exporter::report::{ReportedError, VERSION, count};
use crate::exporter::run::forget::{ForgetCommand, ForgetResult, forget};
use crate::exporter::run::inputs::endpoint_of;
use crate::exporter::source::Source;
use crate::exporter::state::tombstones::ForgetObject;
use crate::printable::printable;
use crate::protocol::remote::Remote;

/// The key of the list that a forgotten repository is added to.
const EXCLUSIONS: &str = "forceExclude";
/// Sessions that are listed for people; more are counted.
const LISTED_MAX: usize = 20;

/// The JSON document of `forget`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ForgetDocument {
    version: u32,
    status: &'static str,
    undo: bool,
    /// Sessions that the receiver was sent and that go, or that are sent again.
    sessions: Vec<SessionView>,
    /// Sessions that were never sent, and are not sent from now on.
    unsent_sessions: usize,
    messages: u64,
    organizations: Vec<String>,
    /// Sessions that hold messages of these ones, and stay.
    related: Vec<RelatedSession>,
    exclusion: Option<Exclusion>,
    /// Requests that the receiver has not carried out, and that later runs repeat.
    requests_pending: usize,
    /// Slugs of the organizations that do not let members delete.
    refused: Vec<String>,
    errors: Vec<ReportedError>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    session_id: String,
    repository: Option<String>,
    organization: Option<String>,
    messages: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RelatedSession {
    session_id: String,
    command: String,
}

/// The pattern that excludes a forgotten repository.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Exclusion {
    pattern: String,
    file: String,
    /// True if the file has the pattern now, or with `--undo` no longer.
    done: bool,
    /// Advice for the user, where the file could not be edited.
    advice: Option<String>,
}

pub(super) fn execute(context: &Context, args: &ForgetArgs, mut output: Output) -> Result<ExitCode, Error> {
    endpoint_of(&context.config)?;
    let selection = selection(args)?;
    let plan = Plan::of(context, &selection, args.undo)?;
    let mut document = plan.document(args.undo);
    if !args.yes && !args.undo {
        match confirm(&selection, &document, context) {
            Answer::Yes => {}
            Answer::No => {
                document.status = "cancelled";
                return Ok(report(&document, ExitCode::Success, "nothing was changed", &mut output));
            }
            Answer::NoTerminal => {
                document.status = "error";
                let message = "nothing was changed; to carry it out without a question, add --yes".to_owned();
                let code = ExitCode::Usage.name().to_owned();
                document.errors.push(ReportedError { session_id: None, code, message: message.clone() });
                if !output.json {
                    output.text(&describe(&selection, &document, context));
                }
                context.log.error("not_confirmed", &message);
                return Ok(report(&document, ExitCode::Usage, "", &mut output));
            }
        }
    }
    let command = ForgetCommand {
        objects: requested_objects(&selection, args.undo, &plan.sessions),
        sessions: plan.sessions,
        is_undo: args.undo,
    };
    // Before the sessions: a kill in between leaves out nothing that comes later.
    document.exclusion = exclude(&selection, args.undo, context);
    let result = if command.objects.is_empty() { None } else { Some(forget(context, &command)?) };
    let exit = result.map_or(ExitCode::Success, |result| document.add_result(&result));
    let summary = document.summary();
    let exit = report(&document, exit, &summary, &mut output);
    if !output.json {
        for error in &document.errors {
            context.log.error("forget_error", &format!("{} ({})", error.message, error.code));
        }
        if let Some(advice) = document.exclusion.as_ref().and_then(|exclusion| exclusion.advice.as_ref()) {
            context.log.warn("exclusion", advice);
        }
    }
    Ok(exit)
}

fn selection(args: &ForgetArgs) -> Result<ForgetSelection, Error> {
    Ok(match args {
        ForgetArgs { session: Some(id), .. } => ForgetSelection::Session(id.clone()),
        ForgetArgs { repo: Some(repository), .. } => {
            let remote =
                Remote::parse(repository).or_else(|_| Remote::parse(&format!("https://{repository}")));
            ForgetSelection::Repository(remote.map_err(|_| {
                let message = format!(
                    "--repo {repository:?} is no repository; name one such as github.com/acme/api, as han-sync explain lists it"
                );
                Error::new(ExitCode::Usage, message)
            })?)
        }
        ForgetArgs { excluded: true, .. } => ForgetSelection::Excluded,
        _ => ForgetSelection::All,
    })
}

/// The sessions that the command concerns, and those that are related to them.
struct Plan {
    sessions: Vec<PlannedSession>,
    related: Vec<String>,
}

impl Plan {
    fn of(context: &Context, selection: &ForgetSelection, is_undo: bool) -> Result<Plan, Error> {
        let inspected = inspect(context, IdentitySource::Receiver);
        let (mut state, scan, source, warnings) = match inspected {
            Ok(Inspection { state, scan, source, warnings, .. }) => (state, scan, Some(source), warnings),
            // What was sent can be taken back without han's database.
            Err(error) if error.exit == ExitCode::NoSource && *selection != ForgetSelection::Excluded => {
                let mut warnings = vec![format!("{error}; sessions that were never sent are not known")];
                let (state, _) = load(context, &mut warnings)?;
                (state, Scan::default(), None, warnings)
            }
            Err(error) => return Err(error),
        };
        log_warnings(context, &warnings);
        if *selection == ForgetSelection::Excluded
            && scan.sessions.iter().any(ScannedSession::waits_for_identity)
        {
            let message = "nothing was changed: which sessions are excluded is not known until the receiver says who you are; \
                           repeat han-sync forget when it can be reached";
            return Err(Error::new(ExitCode::TryAgain, message));
        }
        let now = context.clock.now();
        let affiliations = schedule::affiliations(state.destination.identity.as_ref(), now);
        let filter = EligibilityFilter { config: &context.config, affiliations: &affiliations };
        let sessions = planned_sessions(selection, is_undo, &scan, filter, &mut state);
        let related = match source.filter(|_| !is_undo && *selection != ForgetSelection::All) {
            Some(source) => related_sessions(&source, &sessions)?,
            None => BTreeSet::new(),
        };
        let is_new = |id: &String| state.tombstones.get(id).is_none();
        Ok(Plan { sessions, related: related.into_iter().filter(is_new).collect() })
    }

    fn document(&self, is_undo: bool) -> ForgetDocument {
        let shown = self.sessions.iter().filter(|session| session.is_sent || is_undo);
        let organizations: BTreeSet<String> =
            shown.clone().filter_map(|it| it.organization.clone()).collect();
        let view = |session: &PlannedSession| SessionView {
            session_id: session.session_id.clone(),
            repository: session.repository.clone(),
            organization: session.organization.clone(),
            messages: session.messages,
        };
        let sessions: Vec<SessionView> = shown.map(view).collect();
        ForgetDocument {
            version: VERSION,
            status: "success",
            undo: is_undo,
            unsent_sessions: self.sessions.len() - sessions.len(),
            messages: sessions.iter().map(|session| session.messages).sum(),
            sessions,
            organizations: organizations.into_iter().collect(),
            related: self.related.iter().map(|id| RelatedSession::new(id)).collect(),
            exclusion: None,
            requests_pending: 0,
            refused: Vec::new(),
            errors: Vec::new(),
        }
    }
}

impl RelatedSession {
    fn new(session_id: &str) -> RelatedSession {
        let command = format!("han-sync forget --session {session_id}");
        RelatedSession { session_id: session_id.to_owned(), command }
    }
}

/// Sessions beside these ones that hold messages of them.
fn related_sessions(source: &Source, sessions: &[PlannedSession]) -> Result<BTreeSet<String>, Error> {
    let snapshot = source.snapshot()?;
    let mut related = BTreeSet::new();
    for session in sessions {
        related.extend(snapshot.related_sessions(&session.session_id)?);
    }
    for session in sessions {
        related.remove(&session.session_id);
    }
    Ok(related)
}

/// The user's answer to the question.
enum Answer {
    Yes,
    No,
    NoTerminal,
}

/// Shows what would go, and asks on a terminal.
fn confirm(selection: &ForgetSelection, document: &ForgetDocument, context: &Context) -> Answer {
    let questions = Questions::new(false);
    if !questions.can_ask {
        return Answer::NoTerminal;
    }
    write_stderr(describe(selection, document, context).trim_end());
    match questions.yes_or_no("Delete this at the receiver, and send it no more?", false) {
        Some(true) => Answer::Yes,
        Some(false) | None => Answer::No,
    }
}

/// Describes what would go, for people.
fn describe(selection: &ForgetSelection, document: &ForgetDocument, context: &Context) -> String {
    let mut text = String::new();
    for session in document.sessions.iter().take(LISTED_MAX) {
        let line = format!(
            "session {}: {} of {}",
            session.session_id,
            count(session.messages, "message"),
            session.repository.as_deref().unwrap_or("an unknown repository")
        );
        text.push_str(&format!("{}\n", printable(&line)));
    }
    if document.sessions.len() > LISTED_MAX {
        text.push_str(&format!("and {} more\n", document.sessions.len() - LISTED_MAX));
    }
    let organizations = match document.organizations.as_slice() {
        [] => String::new(),
        names => format!(", stored for {}", names.join(", ")),
    };
    let sessions = count(document.sessions.len(), "session");
    let line =
        format!("to be deleted: {sessions} with {}{organizations}", count(document.messages, "message"));
    text.push_str(&format!("{}\n", printable(&line)));
    match selection {
        ForgetSelection::Repository(_) | ForgetSelection::All => {
            text.push_str("and what your other machines have sent of it\n");
        }
        ForgetSelection::Session(_) | ForgetSelection::Excluded => {}
    }
    if document.unsent_sessions > 0 {
        let unsent = count(document.unsent_sessions, "session");
        text.push_str(&format!("{unsent} that were never sent stay on this machine for good\n"));
    }
    if let ForgetSelection::Repository(remote) = selection {
        let line = format!("{} is added to {EXCLUSIONS} in {}", remote.path(), context.config.file.display());
        text.push_str(&format!("{}\n", printable(&line)));
    }
    for related in &document.related {
        let line = format!(
            "session {} holds messages of these, too, and stays; to delete it: {}",
            related.session_id, related.command
        );
        text.push_str(&format!("{}\n", printable(&line)));
    }
    text
}

/// Adds the exclusion of a forgotten repository to the configuration, or removes it with `is_undo`.
fn exclude(selection: &ForgetSelection, is_undo: bool, context: &Context) -> Option<Exclusion> {
    let ForgetSelection::Repository(remote) = selection else { return None };
    let (pattern, path) = (remote.path(), &context.config.file);
    let edit = if is_undo { KeyEdit::Remove(pattern) } else { KeyEdit::Add(pattern) };
    let edited = match path.as_os_str().is_empty() {
        true => Err("there is no configuration file".to_owned()),
        false => editor::edit_file(path, EXCLUSIONS, edit),
    };
    let advice = edited.err().map(|reason| match is_undo {
        true => format!("{reason}; remove {pattern} from {EXCLUSIONS} yourself, or it stays excluded"),
        false => {
            let lines = editor::lines_to_add(EXCLUSIONS, pattern);
            let lines: Vec<&str> = lines.lines().map(str::trim).collect();
            format!("{reason}; add {pattern} to {EXCLUSIONS} yourself: {}", lines.join(" "))
        }
    });
    Some(Exclusion {
        pattern: pattern.to_owned(),
        file: path.display().to_string(),
        done: advice.is_none(),
        advice,
    })
}

impl ForgetDocument {
    /// Adds the receiver's answers, and returns the exit code.
    fn add_result(&mut self, result: &ForgetResult) -> ExitCode {
        self.requests_pending = result.waiting;
        let mut exit = ExitCode::Success;
        for answered in &result.answered {
            if let Some((code, message)) = self.complaint(answered) {
                let session_id = match &answered.request.object {
                    ForgetObject::Session(id) => Some(id.clone()),
                    ForgetObject::Repository(_) | ForgetObject::All => None,
                };
                self.errors.push(ReportedError { session_id, code: code.to_owned(), message });
                exit = ExitCode::SessionsRejected;
            }
        }
        if let Some(reason) = &result.stop {
            let row = Outcome::Stopped(reason.clone()).consequences();
            exit = row.exit;
            if let Some(error) = row.error {
                let last = result.last_error.clone().filter(|_| error.yields_to_last_error);
                let message = format!(
                    "{}; nothing more is sent of it, and later runs repeat the request",
                    last.unwrap_or(error.message)
                );
                self.errors.push(ReportedError { session_id: None, code: error.code.to_owned(), message });
            }
        }
        self.status = match exit {
            ExitCode::Success => "success",
            _ if result.answered.iter().any(|it| it.answer == ForgetAnswer::Done) => "partial",
            ExitCode::SessionsRejected => "partial",
            _ => "error",
        };
        exit
    }

    /// Code and message of an answer that leaves something at the receiver.
    fn complaint(&mut self, answered: &AnsweredRequest) -> Option<(&'static str, String)> {
        match &answered.answer {
            ForgetAnswer::Done => None,
            ForgetAnswer::Refused { organizations, reason } => {
                self.refused.extend(organizations.iter().cloned());
                Some((
                    "FORGET_REFUSED",
                    format!("{reason}; what it has stays there, and nothing more is sent"),
                ))
            }
            ForgetAnswer::Unsupported { status } => Some((
                "FORGET_UNSUPPORTED",
                format!(
                    "the receiver cannot delete sessions (HTTP {status}): what it has stays there, and nothing more is sent; \
                     it is asked again once a day"
                ),
            )),
            ForgetAnswer::Invalid { message } => Some(("FORGET_INVALID", message.clone())),
        }
    }

    /// Line for people.
    fn summary(&self) -> String {
        let sessions = count(self.sessions.len() + self.unsent_sessions, "session");
        let mut line = match (self.undo, self.errors.is_empty()) {
            (true, true) => format!("taken back: {sessions}, sent again from the beginning by the next run"),
            (true, false) => format!("taken back on this machine: {sessions}"),
            (false, true) => format!("forgotten: {sessions} with {}", count(self.messages, "message")),
            (false, false) => format!("forgotten on this machine: {sessions}"),
        };
        if let Some(exclusion) = self.exclusion.as_ref().filter(|exclusion| exclusion.done) {
            let verb = if self.undo { "no longer in" } else { "now in" };
            line.push_str(&format!("; {} is {verb} {EXCLUSIONS} of {}", exclusion.pattern, exclusion.file));
        }
        if !self.undo
            && let [session] = self.sessions.as_slice()
        {
            line.push_str(&format!(
                "; to take it back: han-sync forget --session {} --undo",
                session.session_id
            ));
        }
        line
    }
}

/// Writes the document, or a line, and passes the exit code on.
fn report(document: &ForgetDocument, exit: ExitCode, line: &str, output: &mut Output) -> ExitCode {
    if output.json {
        output.json(document);
    } else if !line.is_empty() {
        output.line(line);
        for related in &document.related {
            output.line(&format!(
                "session {} holds messages of these, too; to delete it: {}",
                related.session_id, related.command
            ));
        }
    }
    exit
}
