//! The pull request of a session, as far as it may leave the machine. Pure.
//!
//! Invariant: a pull request leaves only by an address in the session's own repository or in one that is eligible itself, and
//! without credentials.

use crate::exporter::config::project_override::ProjectOverrides;
use crate::exporter::plan::eligibility::{Eligibility, EligibilityFilter};
use crate::exporter::plan::session_repository::SessionRepository;
use crate::protocol::message::NAME_BYTES_MAX;
use crate::protocol::remote::{Remote, page_address, repository_of_pull_request};

/// A pull request that may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPullRequest {
    /// Number in its repository.
    pub number: i64,
    /// Address without credentials.
    pub url: String,
}

/// Rules by which a repository is eligible that no session belongs to.
#[derive(Debug, Clone, Copy)]
pub struct RepositoryRules<'a> {
    /// Privacy filter.
    pub filter: EligibilityFilter<'a>,
    /// Project overrides.
    pub overrides: &'a ProjectOverrides,
}

impl RepositoryRules<'_> {
    fn is_eligible(&self, remote: &str) -> bool {
        let decision = self.filter.decide(&SessionRepository::of_remote(remote), self.overrides);
        matches!(decision.eligibility, Eligibility::Eligible { .. })
    }
}

impl SessionPullRequest {
    /// The pull request with this number and address, if it may leave. `own` is the session's repository.
    pub fn permitted(
        number: Option<i64>,
        url: Option<&str>,
        own: &Remote,
        rules: &RepositoryRules,
    ) -> Option<SessionPullRequest> {
        let number = number.filter(|number| *number > 0)?;
        let url = url.and_then(page_address).filter(|url| url.len() <= NAME_BYTES_MAX)?;
        let repository = repository_of_pull_request(&url);
        let is_own = is_below(&url, own)
            || repository
                .and_then(|repository| Remote::parse(repository).ok())
                .is_some_and(|remote| remote == *own);
        let is_permitted = is_own || repository.is_some_and(|repository| rules.is_eligible(repository));
        is_permitted.then_some(SessionPullRequest { number, url })
    }
}

/// True for the address of a page of this repository, by whole segments.
fn is_below(url: &str, repository: &Remote) -> bool {
    let url = url.to_lowercase();
    let page = url.strip_prefix(&repository.url()).is_some_and(|page| page.starts_with('/'));
    page && !url.split('/').any(|segment| matches!(segment, "." | ".."))
}
