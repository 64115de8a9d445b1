//! `han-sync explain`: the rule that makes each session eligible or not, its origin, and the change that would reverse it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::exporter::cli::arguments::ExplainArgs;
use crate::exporter::cli::inspection::{IdentitySource, Inspection, inspect, log_warnings};
use crate::exporter::cli::output::Output;
use crate::exporter::config::Config;
use crate::exporter::config::project_override::ProjectOverride;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::eligibility::{
    Decision, Eligibility, EligibilityFilter, ExcludedReason, MatchSource, Matched,
};
use crate::exporter::plan::scan::ScannedSession;
use crate::exporter::plan::schedule;
use crate::exporter::plan::session_repository::SessionRepository;
use crate::exporter::report::{VERSION, count};
use crate::printable::printable;
use crate::protocol::Inclusion;
use crate::protocol::remote::{Pattern, Remote};

/// The JSON document of `explain`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainDocument {
    version: u32,
    /// False if sync is not enabled, and nothing is sent.
    enabled: bool,
    /// Sessions by reason.
    counts: BTreeMap<&'static str, usize>,
    /// Patterns that match no repository that han knows.
    unmatched_patterns: Vec<String>,
    sessions: Vec<Explanation>,
}

/// The decision about a session, or about a repository without sessions.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    /// `None` for a requested repository without sessions.
    session_id: Option<String>,
    repository: Option<String>,
    /// Origin of the repository: `project`, `folder`, `last_known` or `none`.
    repository_from: &'static str,
    /// Folder whose repository counts, and whose own `han.yml` may withhold the session.
    folder: Option<String>,
    eligible: bool,
    /// `organization`, `personal` or `forced_include` for an eligible session, else the code of the exclusion.
    reason: &'static str,
    explanation: String,
    /// The value that decided.
    matched: Option<String>,
    /// The origin of that value.
    set_in: Option<String>,
    #[serde(rename = "withContent")]
    include_content: bool,
    /// The decision about message text, and its origin.
    content: String,
    remedy: String,
}

pub(super) fn execute(context: &Context, args: &ExplainArgs, mut output: Output) -> Result<ExitCode, Error> {
    let inspection = inspect(context, IdentitySource::Receiver)?;
    log_warnings(context, &inspection.warnings);
    let explainer = Explainer { config: &context.config, inspection: &inspection };
    let chosen = match &args.subject {
        None => inspection.scan.sessions.iter().map(|session| explainer.session(session)).collect(),
        Some(subject) => explainer.subject(subject, context)?,
    };
    let mut counts = BTreeMap::new();
    for each in chosen.iter().filter(|each| each.session_id.is_some()) {
        *counts.entry(each.reason).or_default() += 1;
    }
    let enabled = context.config.enabled.value;
    let unmatched = &inspection.scan.unmatched_patterns;
    if output.json {
        let unmatched_patterns = unmatched.iter().map(|each| each.pattern.clone()).collect();
        let document =
            ExplainDocument { version: VERSION, enabled, counts, unmatched_patterns, sessions: chosen };
        output.json(&document);
    } else {
        for each in unmatched {
            output.text(&format!("{}\n", printable(&each.to_string())));
        }
        output.text(&render_text(&chosen, &counts, args.subject.is_some()));
        if !enabled {
            output.text(&format!(
                "sync is not enabled (set by {}): nothing is sent until it is\n",
                context.config.enabled.origin
            ));
        }
    }
    Ok(ExitCode::Success)
}

/// The inputs of explanations.
struct Explainer<'a> {
    config: &'a Config,
    inspection: &'a Inspection,
}

impl Explainer<'_> {
    /// Explains a session, by its id, or a repository, by any form of remote or pattern.
    fn subject(&self, subject: &str, context: &Context) -> Result<Vec<Explanation>, Error> {
        let sessions = &self.inspection.scan.sessions;
        if let Some(session) = sessions.iter().find(|session| session.row.id == subject) {
            return Ok(vec![self.session(session)]);
        }
        let pattern = Pattern::parse(subject).ok();
        let matches = |session: &&ScannedSession| {
            let remote = session.eligibility.remote();
            session.repository.remote.as_deref() == Some(subject)
                || session.row.remote.as_deref() == Some(subject)
                || pattern.as_ref().zip(remote).is_some_and(|(pattern, remote)| pattern.matches(remote))
        };
        let chosen: Vec<Explanation> =
            sessions.iter().filter(matches).map(|session| self.session(session)).collect();
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        // The same rules decide about a repository that han does not know.
        let remote = Remote::parse(subject).or_else(|_| Remote::parse(&format!("https://{subject}")));
        let Ok(remote) = remote else {
            let message =
                format!("han knows no session and no repository {subject:?}; han-sync explain lists all");
            return Err(Error::new(ExitCode::Usage, message));
        };
        let identity = self.inspection.state.destination.identity.as_ref();
        let affiliations = schedule::affiliations(identity, context.clock.now());
        let filter = EligibilityFilter { config: self.config, affiliations: &affiliations };
        let repository = SessionRepository::of_remote(&remote.url());
        let Decision { eligibility, include_content, .. } =
            filter.decide(&repository, &self.inspection.state.project_overrides);
        Ok(vec![self.explain(None, &repository, &eligibility, include_content)])
    }

    fn session(&self, session: &ScannedSession) -> Explanation {
        let id = Some(session.row.id.clone());
        self.explain(id, &session.repository, &session.eligibility, session.include_content)
    }

    fn explain(
        &self,
        session_id: Option<String>,
        repository: &SessionRepository,
        eligibility: &Eligibility,
        include_content: bool,
    ) -> Explanation {
        let remote = eligibility.remote();
        let matched = match eligibility {
            Eligibility::Eligible { matched, .. } => Some(matched),
            Eligibility::Excluded { matched, .. } => matched.as_ref(),
        };
        let overrides = &self.inspection.state.project_overrides;
        let project_override = overrides.for_session(repository.folder.as_deref(), remote.map(Remote::path));
        let (eligible, reason, explanation, remedy) = match eligibility {
            Eligibility::Eligible { inclusion, .. } => {
                let explanation = match inclusion {
                    Inclusion::Organization => "its owner is an organization of yours",
                    Inclusion::Personal => "its owner is your own account, and includePersonal is set",
                    Inclusion::ForcedInclude => "a forceInclude pattern names the repository",
                };
                (true, inclusion.as_str(), explanation.to_owned(), EXCLUSION_REMEDY.to_owned())
            }
            Eligibility::Excluded { reason, .. } => {
                let remedy = session_id.as_deref().map(|id| reason.remedy_of(id));
                let remedy = remedy.unwrap_or_else(|| reason.remedy().to_owned());
                (false, reason.code(), reason.to_string(), remedy)
            }
        };
        Explanation {
            session_id,
            repository: remote.map(|remote| remote.path().to_owned()),
            repository_from: repository.origin.code(),
            folder: repository.folder.clone(),
            eligible,
            reason,
            explanation,
            matched: matched.map(|matched| matched.value.clone()),
            set_in: match eligibility {
                Eligibility::Excluded { reason: ExcludedReason::DisabledByRepository, .. } => {
                    project_override.disabled_by.first().cloned()
                }
                _ => matched.map(|matched| self.origin(matched)),
            },
            include_content,
            content: self.content(eligible, include_content, &project_override),
            remedy,
        }
    }

    /// The origin of the value that decided.
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
            MatchSource::ConfiguredAccount => {
                format!("accounts in {}; includePersonal by {}", origins.accounts, origins.include_personal)
            }
            MatchSource::SessionFolder => "the cwd of the session's first row that has one".to_owned(),
            MatchSource::Organization => format!("organizations of {}", identity()),
            MatchSource::Account => {
                format!("accounts of {}; includePersonal by {}", identity(), origins.include_personal)
            }
        }
    }

    /// The decision about message text, and its origin.
    fn content(&self, eligible: bool, include_content: bool, project_override: &ProjectOverride) -> String {
        let setting = &self.config.include_content;
        match project_override.content_disabled_by.first() {
            _ if !eligible => "nothing is sent".to_owned(),
            _ if include_content => {
                format!("sent, redacted: includeContent is true, set by {}", setting.origin)
            }
            Some(file) if setting.value => format!("not sent: includeContent is false in {file}"),
            _ => format!("not sent: includeContent is false, set by {}", setting.origin),
        }
    }
}

/// The change that would exclude a session that is sent.
const EXCLUSION_REMEDY: &str =
    "to exclude it, add the repository to forceExclude, or write enabled: false in its own han.yml";

/// A value that decided, with its label; `None` if there is none.
type Detail<'a> = (&'static str, Option<&'a str>);

/// The values that decided about a session.
fn details(each: &Explanation) -> [Detail<'_>; 5] {
    [
        ("why", Some(&each.explanation)),
        ("matched", each.matched.as_deref()),
        ("set in", each.set_in.as_deref()),
        ("read in", each.folder.as_deref().filter(|_| each.repository_from == "folder")),
        ("text", Some(each.content.as_str()).filter(|_| each.eligible)),
    ]
}

/// Renders the decisions as text, grouped by reason; `in_detail`: with the id of each session.
fn render_text(chosen: &[Explanation], counts: &BTreeMap<&'static str, usize>, in_detail: bool) -> String {
    let mut groups: BTreeMap<_, Vec<&Explanation>> = BTreeMap::new();
    for each in chosen {
        groups.entry((!each.eligible, each.reason, &each.remedy)).or_default().push(each);
    }
    let mut text: String = groups.values().map(|group| render_group(group, in_detail)).collect();
    let sum: Vec<String> = counts.iter().map(|(reason, number)| format!("{number} {reason}")).collect();
    text.push_str(&format!(
        "sessions: {}\n",
        if sum.is_empty() { "none".to_owned() } else { sum.join(", ") }
    ));
    text
}

/// Renders what the sessions of a reason have in common, then a line for each repository with what differs.
fn render_group(group: &[&Explanation], in_detail: bool) -> String {
    let Some(first) = group.first() else { return String::new() };
    let verdict = if first.eligible { "sent" } else { "stays" };
    let mut text = format!("{verdict}: {} ({})\n", first.reason, count(number_of_sessions(group), "session"));
    let mut line =
        |label: &str, value: &str| text.push_str(&format!("    {label:<7} {}\n", printable(value)));
    let common = details(first).map(|detail| group.iter().all(|each| details(each).contains(&detail)));
    for ((label, value), _) in details(first).into_iter().zip(common).filter(|(_, common)| *common) {
        value.into_iter().for_each(|value| line(label, value));
    }
    line("change", &first.remedy);
    let mut repositories: BTreeMap<_, Vec<&Explanation>> = BTreeMap::new();
    for each in group {
        repositories.entry((each.repository.as_deref(), details(each))).or_default().push(each);
    }
    for ((repository, details), sessions) in repositories {
        let mut what = repository.unwrap_or("(no repository)").to_owned();
        what.push_str(&format!(": {}", count(number_of_sessions(&sessions), "session")));
        for ((label, value), _) in details.into_iter().zip(common).filter(|(_, common)| !common) {
            what.push_str(&value.map(|value| format!(", {label} {value}")).unwrap_or_default());
        }
        text.push_str(&format!("    {}\n", printable(&what)));
        if in_detail {
            for id in sessions.iter().filter_map(|session| session.session_id.as_ref()) {
                text.push_str(&format!("        session {}\n", printable(id)));
            }
        }
    }
    text
}

/// The number of sessions; a requested repository without sessions has an explanation, too.
fn number_of_sessions(explanations: &[&Explanation]) -> usize {
    explanations.iter().filter(|each| each.session_id.is_some()).count()
}
