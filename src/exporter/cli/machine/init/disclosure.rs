//! The disclosure: who the receiver takes this machine's user for, what would leave, and who could read it.

use serde::Serialize;

use crate::exporter::cli::inspection::{Inspection, inspect_as};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::plan::eligibility::Eligibility;
use crate::exporter::plan::identity_check::{self, PendingOwner};
use crate::exporter::plan::scan::Scan;
use crate::exporter::plan::schedule::Request;
use crate::exporter::report::count;
use crate::exporter::run::outlook::Outlook;
use crate::exporter::source::transcripts;
use crate::protocol::{Identity, IdentityOrganization, Inclusion};

/// Facts that `init` shows before it switches sync on.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Disclosure {
    login: Option<String>,
    organizations: Vec<IdentityOrganization>,
    accounts: Vec<String>,
    eligible_sessions: usize,
    excluded_sessions: usize,
    messages: u64,
    /// Bytes before compression, estimated.
    bytes: u64,
    repositories: Vec<RepositoryView>,
    /// The reason why han's database could not be read.
    source_error: Option<String>,
    #[serde(skip)]
    outlook: Outlook,
    /// True if some sessions would be readable for their user alone.
    #[serde(skip)]
    has_private: bool,
    /// Sentence about transcripts that are deleted soon.
    #[serde(skip)]
    expiring: Option<String>,
    #[serde(skip)]
    pub(super) pending_owners: Vec<PendingOwner>,
}

#[derive(Debug, Serialize)]
struct RepositoryView {
    repository: String,
    sessions: usize,
}

impl Disclosure {
    /// Scans han's database as a run with this configuration would.
    pub(super) fn of(context: &Context, identity: Option<&Identity>) -> Result<Disclosure, Error> {
        let mut disclosure = Disclosure::default();
        if let Some(identity) = identity {
            disclosure.login = Some(identity.login.clone()).filter(|login| !login.is_empty());
            disclosure.organizations.clone_from(&identity.organizations);
            disclosure.accounts.clone_from(&identity.accounts);
        }
        let own = context.config.privacy.accounts.iter().map(ToString::to_string);
        for account in own {
            if !disclosure.accounts.contains(&account) {
                disclosure.accounts.push(account);
            }
        }
        match inspect_as(context, identity.cloned()) {
            Ok(inspection) => disclosure.add_source(context, &inspection)?,
            // han may not have run yet.
            Err(error) if error.exit == ExitCode::NoSource => {
                disclosure.source_error = Some(error.to_string())
            }
            Err(error) => return Err(error),
        }
        Ok(disclosure)
    }

    fn add_source(&mut self, context: &Context, inspection: &Inspection) -> Result<(), Error> {
        let Inspection { state, source, scan, .. } = inspection;
        let now = context.clock.now();
        self.eligible_sessions = scan.sessions.iter().filter(|session| session.is_eligible()).count();
        self.excluded_sessions = scan.sessions.len() - self.eligible_sessions;
        self.has_private = has_private(scan);
        self.outlook = Outlook::of(source, scan, &state.destination, &Request::All)?;
        self.messages = self.outlook.messages;
        self.bytes = self.outlook.bytes;
        let repositories = self.outlook.repositories.iter().cloned();
        self.repositories =
            repositories.map(|(repository, sessions)| RepositoryView { repository, sessions }).collect();
        let rules = &context.config.privacy;
        self.pending_owners = identity_check::pending_owners(&state.destination, rules, &scan.sessions, now);
        if let Ok(claude) = context.environment.claude_folder() {
            self.expiring = transcripts::expiring(source, &claude, now)?;
        }
        Ok(())
    }

    /// Lines for people.
    pub(super) fn lines(&self, url: &str) -> Vec<String> {
        let mut lines = Vec::new();
        lines.push(match &self.login {
            Some(login) => format!("receiver: {url}, where you are {login}"),
            None => format!("receiver: {url}, which names no users: list your organizations in han.yml"),
        });
        for organization in &self.organizations {
            let role = if organization.role.is_empty() { "member" } else { &organization.role };
            let owners = organization.owners.join(", ");
            lines.push(format!("organization: {} ({role}), with {owners}", title(organization)));
        }
        if !self.accounts.is_empty() {
            lines.push(format!("own accounts, which stay here: {}", self.accounts.join(", ")));
        }
        match &self.source_error {
            Some(error) => lines.push(format!("nothing to send yet: {error}")),
            None => lines.extend(self.source_lines()),
        }
        lines.extend(self.expiring.clone());
        lines.extend(self.reader_lines());
        lines
    }

    fn source_lines(&self) -> Vec<String> {
        let stay = format!("{} stay; han-sync explain says why", self.excluded_sessions);
        if self.eligible_sessions == 0 {
            return vec![format!("no session would go, {stay}")];
        }
        if self.outlook.sessions == 0 {
            let all = count(self.eligible_sessions, "session");
            return vec![format!("{all} may go and are sent already, {stay}")];
        }
        vec![
            format!("would go: {}; {stay}", self.outlook.sentence()),
            format!("repositories: {}", self.outlook.repository_line()),
        ]
    }

    /// Readers of what is sent.
    fn reader_lines(&self) -> Vec<String> {
        let titles: Vec<String> = self.organizations.iter().map(title).collect();
        let mut lines = Vec::new();
        if !titles.is_empty() {
            lines.push(format!(
                "readers: the admins of {} read what you send of its repositories, you your own sessions, other members \
                 totals without names",
                titles.join(" and of ")
            ));
        }
        if self.has_private {
            lines.push("readers: personal and forced repositories of no organization, you alone".to_owned());
        }
        lines
    }
}

fn title(organization: &IdentityOrganization) -> String {
    match organization.name.is_empty() || organization.name == organization.slug {
        true => organization.slug.clone(),
        false => format!("{} ({})", organization.name, organization.slug),
    }
}

/// True if a session would go whose repository no organization owns.
fn has_private(scan: &Scan) -> bool {
    scan.sessions.iter().any(|session| {
        matches!(&session.eligibility, Eligibility::Eligible { inclusion, .. } if *inclusion != Inclusion::Organization)
    })
}
