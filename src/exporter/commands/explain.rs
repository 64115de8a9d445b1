//! `han-sync explain`: which rule makes each session eligible or not, where it was set, and what would change it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::cli::ExplainCommand;
use super::super::config::Config;
use super::super::exit::{Exit, Stop};
use super::super::privacy::{Eligibility, ExcludedReason, MatchSource, Matched};
use super::super::report::VERSION;
use super::super::run::Context;
use super::super::state::State;
use super::super::survey::Surveyed;
use super::{Output, look, tell};
use crate::protocol::Inclusion;
use crate::protocol::remote::Remote;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    /// Sessions by reason.
    counts: BTreeMap<&'static str, usize>,
    sessions: Vec<Explained>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Explained {
    session_id: String,
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
    remedy: String,
}

pub fn execute(context: &Context, command: &ExplainCommand, mut output: Output) -> Result<Exit, Stop> {
    let look = look(context, true)?;
    tell(context, &look.warnings);
    let explained: Vec<Explained> =
        look.survey.sessions.iter().map(|session| explain(session, &context.config, &look.state)).collect();
    let chosen: Vec<Explained> = match &command.what {
        None => explained,
        Some(what) => {
            let repository = Remote::parse(what)
                .map_or_else(|_| what.trim_matches('/').to_lowercase(), |remote| remote.path().to_owned());
            explained
                .into_iter()
                .filter(|each| each.session_id == *what || each.repository.as_deref() == Some(&repository))
                .collect()
        }
    };
    if let Some(what) = command.what.as_ref().filter(|_| chosen.is_empty()) {
        let message = format!("han knows no session and no repository {what:?}; han-sync explain lists all");
        return Err(Stop::new(Exit::Usage, message));
    }
    let mut counts = BTreeMap::new();
    for each in &chosen {
        *counts.entry(each.reason).or_default() += 1;
    }
    if output.json {
        output.json(&Document { version: VERSION, counts, sessions: chosen });
    } else {
        output.text(&for_people(&chosen, &counts, command.what.is_some()));
    }
    Ok(Exit::Success)
}

fn explain(session: &Surveyed, config: &Config, state: &State) -> Explained {
    let session_id = session.row.id.clone();
    match &session.eligibility {
        Eligibility::Eligible { remote, inclusion, matched } => Explained {
            session_id,
            repository: Some(remote.path().to_owned()),
            eligible: true,
            reason: inclusion.as_str(),
            explanation: match inclusion {
                Inclusion::Organization => "its owner is an organization of yours".to_owned(),
                Inclusion::Personal => "its owner is your own account, and includePersonal is set".to_owned(),
                Inclusion::ForcedInclude => "a forceInclude pattern names the repository".to_owned(),
            },
            matched: Some(matched.value.clone()),
            set_in: Some(origin(matched, *inclusion == Inclusion::Personal, config)),
            with_content: session.with_content,
            remedy: "to keep it here, add the repository to forceExclude, or say enabled: false in its own han.yml".to_owned(),
        },
        Eligibility::Excluded { reason, remote, matched } => {
            let narrowed_in = || {
                let narrowed = state.narrowings.iter().find(|(folder, narrowing)| {
                    narrowing.disabled
                        && (session.row.project_path.as_ref() == Some(folder)
                            || narrowing.repository.as_deref() == remote.as_ref().map(Remote::path))
                });
                narrowed.map(|(folder, _)| folder.clone())
            };
            Explained {
                session_id,
                repository: remote.as_ref().map(|remote| remote.path().to_owned()),
                eligible: false,
                reason: reason.code(),
                explanation: reason.to_string(),
                matched: matched.as_ref().map(|matched| matched.value.clone()),
                set_in: match reason {
                    ExcludedReason::DisabledByRepository => narrowed_in(),
                    _ => matched.as_ref().map(|matched| origin(matched, *reason == ExcludedReason::Personal, config)),
                },
                with_content: false,
                remedy: reason.remedy().to_owned(),
            }
        }
    }
}

/// Where the value that decided was set.
fn origin(matched: &Matched, personal: bool, config: &Config) -> String {
    let origins = &config.origins;
    match matched.source {
        MatchSource::ForceExclude => format!("forceExclude in {}", origins.force_exclude),
        MatchSource::ForceInclude => format!("forceInclude in {}", origins.force_include),
        MatchSource::ConfiguredOrganization => format!("organizations in {}", origins.organizations),
        MatchSource::Organization => "organizations of the receiver's identity".to_owned(),
        MatchSource::Account if personal => {
            format!("accounts of the receiver's identity; includePersonal by {}", origins.include_personal)
        }
        MatchSource::Account => "accounts of the receiver's identity".to_owned(),
    }
}

/// By repository, as people think of it; with each session where one was asked for.
fn for_people(chosen: &[Explained], counts: &BTreeMap<&'static str, usize>, in_detail: bool) -> String {
    let mut groups: BTreeMap<(bool, String, &str), Vec<&Explained>> = BTreeMap::new();
    for each in chosen {
        let repository = each.repository.clone().unwrap_or_else(|| "(no repository)".to_owned());
        groups.entry((!each.eligible, repository, each.reason)).or_default().push(each);
    }
    let mut text = String::new();
    for ((excluded, repository, reason), sessions) in &groups {
        let Some(first) = sessions.first() else { continue };
        let verdict = if *excluded { "stays" } else { "sent" };
        text.push_str(&format!(
            "{repository}: {verdict} ({reason}, {})\n",
            super::super::report::count(sessions.len(), "session")
        ));
        text.push_str(&format!("    why     {}\n", first.explanation));
        if let Some(matched) = &first.matched {
            text.push_str(&format!("    matched {matched}\n"));
        }
        if let Some(set_in) = &first.set_in {
            text.push_str(&format!("    set in  {set_in}\n"));
        }
        text.push_str(&format!("    change  {}\n", first.remedy));
        if in_detail {
            for session in sessions {
                text.push_str(&format!("    session {}\n", session.session_id));
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
