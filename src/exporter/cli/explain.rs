//! `han-sync explain`: which rule makes each session eligible or not, where it was set, and what would change it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::exporter::cli::arguments::ExplainCommand;
use crate::exporter::cli::{Look, Output, look, tell};
use crate::exporter::config::Config;
use crate::exporter::config::project_override::{self, ProjectOverride};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::eligibility::{Eligibility, ExcludedReason, MatchSource, Matched};
use crate::exporter::plan::scan::{Filter, ScannedSession};
use crate::exporter::plan::schedule;
use crate::exporter::report::{VERSION, count};
use crate::exporter::source::SessionRow;
use crate::protocol::Inclusion;
use crate::protocol::remote::{Pattern, Remote};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    /// Nothing is sent while sync is not enabled.
    enabled: bool,
    /// Sessions by reason.
    counts: BTreeMap<&'static str, usize>,
    sessions: Vec<Explained>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Explained {
    /// `None` for a repository that was asked about and has no session.
    session_id: Option<String>,
    repository: Option<String>,
    eligible: bool,
    /// `organization`, `personal` or `forced_include` of an eligible session, else why it stays.
    reason: &'static str,
    explanation: String,
    /// The value that decided.
    matched: Option<String>,
    /// Where that value was set.
    set_in: Option<String>,
    with_content: bool,
    /// Whether its text goes too, and where that was set.
    content: String,
    remedy: String,
}

pub fn execute(context: &Context, command: &ExplainCommand, mut output: Output) -> Result<ExitCode, Error> {
    let look = look(context, true)?;
    tell(context, &look.warnings);
    let explainer = Explainer { config: &context.config, look: &look };
    let chosen = match &command.what {
        None => look.survey.sessions.iter().map(|session| explainer.session(session)).collect(),
        Some(what) => explainer.about(what, context)?,
    };
    let mut counts = BTreeMap::new();
    for each in chosen.iter().filter(|each| each.session_id.is_some()) {
        *counts.entry(each.reason).or_default() += 1;
    }
    let enabled = context.config.enabled.value;
    if output.json {
        output.json(&Document { version: VERSION, enabled, counts, sessions: chosen });
    } else {
        output.text(&for_people(&chosen, &counts, command.what.is_some()));
        if !enabled {
            output.text(&format!(
                "sync is not enabled (set by {}): nothing is sent until it is\n",
                context.config.enabled.origin
            ));
        }
    }
    Ok(ExitCode::Success)
}

struct Explainer<'a> {
    config: &'a Config,
    look: &'a Look,
}

impl Explainer<'_> {
    /// What the user asks about: a session by its id, or a repository in any form of remote or pattern.
    fn about(&self, what: &str, context: &Context) -> Result<Vec<Explained>, Error> {
        let sessions = &self.look.survey.sessions;
        if let Some(session) = sessions.iter().find(|session| session.row.id == what) {
            return Ok(vec![self.session(session)]);
        }
        let pattern = Pattern::parse(what).ok();
        let is_meant = |session: &&ScannedSession| {
            let remote = match &session.eligibility {
                Eligibility::Eligible { remote, .. } => Some(remote),
                Eligibility::Excluded { remote, .. } => remote.as_ref(),
            };
            session.row.remote.as_deref() == Some(what)
                || pattern.as_ref().zip(remote).is_some_and(|(pattern, remote)| pattern.matches(remote))
        };
        let chosen: Vec<Explained> =
            sessions.iter().filter(is_meant).map(|session| self.session(session)).collect();
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        // A repository that han does not know is decided by the same rules.
        let remote = Remote::parse(what).or_else(|_| Remote::parse(&format!("https://{what}")));
        let Ok(remote) = remote else {
            let message =
                format!("han knows no session and no repository {what:?}; han-sync explain lists all");
            return Err(Error::new(ExitCode::Usage, message));
        };
        let identity = self.look.state.destination.identity.as_ref();
        let affiliations = schedule::affiliations(identity, context.clock.now());
        let filter = Filter { config: self.config, affiliations: &affiliations };
        let row = SessionRow { remote: Some(remote.url()), ..SessionRow::default() };
        let (eligibility, with_content) = filter.decide(&row, None, &self.look.state);
        Ok(vec![Explained { session_id: None, ..self.explain(&row, &eligibility, with_content) }])
    }

    fn session(&self, session: &ScannedSession) -> Explained {
        self.explain(&session.row, &session.eligibility, session.with_content)
    }

    fn explain(&self, row: &SessionRow, eligibility: &Eligibility, with_content: bool) -> Explained {
        let (remote, matched) = match eligibility {
            Eligibility::Eligible { remote, matched, .. } => (Some(remote), Some(matched)),
            Eligibility::Excluded { remote, matched, .. } => (remote.as_ref(), matched.as_ref()),
        };
        let narrowing = project_override::for_session(
            &self.look.state.narrowings,
            row.project_path.as_deref(),
            remote.map(Remote::path),
        );
        let (eligible, reason, explanation, remedy) = match eligibility {
            Eligibility::Eligible { inclusion, .. } => {
                let explanation = match inclusion {
                    Inclusion::Organization => "its owner is an organization of yours",
                    Inclusion::Personal => "its owner is your own account, and includePersonal is set",
                    Inclusion::ForcedInclude => "a forceInclude pattern names the repository",
                };
                (true, inclusion.as_str(), explanation.to_owned(), KEEP)
            }
            Eligibility::Excluded { reason, .. } => {
                (false, reason.code(), reason.to_string(), reason.remedy())
            }
        };
        Explained {
            session_id: Some(row.id.clone()),
            repository: remote.map(|remote| remote.path().to_owned()),
            eligible,
            reason,
            explanation,
            matched: matched.map(|matched| matched.value.clone()),
            set_in: match eligibility {
                Eligibility::Excluded { reason: ExcludedReason::DisabledByRepository, .. } => {
                    narrowing.disabled_by.clone()
                }
                _ => matched.map(|matched| self.origin(matched)),
            },
            with_content,
            content: self.content(eligible, with_content, &narrowing),
            remedy: remedy.to_owned(),
        }
    }

    /// Where the value that decided was set.
    fn origin(&self, matched: &Matched) -> String {
        let origins = &self.config.origins;
        let identity = || {
            let endpoint = self.config.endpoint.as_ref().map_or("", |endpoint| endpoint.value.as_str());
            format!("the receiver's identity ({endpoint}/identity)")
        };
        match matched.source {
            MatchSource::ForceExclude => format!("forceExclude in {}", origins.force_exclude),
            MatchSource::ForceInclude => format!("forceInclude in {}", origins.force_include),
            MatchSource::ConfiguredOrganization => format!("organizations in {}", origins.organizations),
            MatchSource::Organization => format!("organizations of {}", identity()),
            MatchSource::Account => {
                format!("accounts of {}; includePersonal by {}", identity(), origins.include_personal)
            }
        }
    }

    fn content(&self, eligible: bool, with_content: bool, narrowing: &ProjectOverride) -> String {
        let include = &self.config.include_content;
        match &narrowing.content_disabled_by {
            _ if !eligible => "nothing is sent".to_owned(),
            _ if with_content => format!("sent, redacted: includeContent is true, set by {}", include.origin),
            Some(file) if include.value => format!("not sent: includeContent is false in {file}"),
            _ => format!("not sent: includeContent is false, set by {}", include.origin),
        }
    }
}

/// What would change the lot of a session that is sent.
const KEEP: &str =
    "to keep it here, add the repository to forceExclude, or say enabled: false in its own han.yml";

/// By repository, as people think of it; with each session where one was asked for.
fn for_people(chosen: &[Explained], counts: &BTreeMap<&'static str, usize>, in_detail: bool) -> String {
    let mut groups: BTreeMap<_, Vec<&Explained>> = BTreeMap::new();
    for each in chosen {
        let repository = each.repository.as_deref().unwrap_or("(no repository)");
        let why = (each.reason, &each.set_in, &each.content);
        groups.entry((!each.eligible, repository, why)).or_default().push(each);
    }
    let mut text = String::new();
    for ((excluded, repository, _), sessions) in &groups {
        let Some(first) = sessions.first() else { continue };
        let verdict = if *excluded { "stays" } else { "sent" };
        let number = sessions.iter().filter(|session| session.session_id.is_some()).count();
        text.push_str(&format!("{repository}: {verdict} ({}, {})\n", first.reason, count(number, "session")));
        text.push_str(&format!("    why     {}\n", first.explanation));
        if let Some(matched) = &first.matched {
            text.push_str(&format!("    matched {matched}\n"));
        }
        if let Some(set_in) = &first.set_in {
            text.push_str(&format!("    set in  {set_in}\n"));
        }
        if !excluded {
            text.push_str(&format!("    text    {}\n", first.content));
        }
        text.push_str(&format!("    change  {}\n", first.remedy));
        if in_detail {
            for id in sessions.iter().filter_map(|session| session.session_id.as_ref()) {
                text.push_str(&format!("    session {id}\n"));
            }
        }
    }
    let sum: Vec<String> = counts.iter().map(|(reason, number)| format!("{number} {reason}")).collect();
    text.push_str(&format!(
        "sessions: {}\n",
        if sum.is_empty() { "none".to_owned() } else { sum.join(", ") }
    ));
    text
}
