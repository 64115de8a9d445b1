//! The filters in a view's URL, which a form of the view sets and each link of the view keeps.

use crate::protocol::remote::Remote;
use crate::receiver::ingest::validation::replace_nul;
use crate::receiver::store::{AuditQuery, ClientQuery, Grouping, MetricsFilter, MetricsQuery, SessionQuery};
use crate::receiver::time;

/// Days of a view without a range of its own, the present one included.
const DAYS_DEFAULT: i64 = 30;
/// Bytes of a value: no name is longer.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// Fault of a URL's parameters, for the person who opened it.
#[derive(Debug, PartialEq, Eq)]
pub struct FilterError(pub String);

/// The filters of a view. An absent or empty parameter selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewFilter {
    /// First and last day, as far as the URL names them.
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub organization: Option<String>,
    /// Address of the repository.
    pub repository: Option<String>,
    pub user: Option<String>,
    pub branch: Option<String>,
    pub pr: Option<i64>,
    pub model: Option<String>,
    /// Position after which the page begins.
    pub after: Option<String>,
    /// Table of the overview whose CSV is asked for.
    pub by: Option<String>,
    /// The present day.
    today: i64,
}

impl ViewFilter {
    /// Parses the query of a URL. Parameters that no view has are ignored.
    pub fn parse(query: &str, today: i64) -> Result<ViewFilter, FilterError> {
        let mut filter = ViewFilter { today, ..ViewFilter::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = replace_nul(value.trim().to_owned());
            if value.is_empty() {
                continue;
            }
            if value.len() > VALUE_BYTES_MAX {
                return Err(FilterError(format!("the filter {name} is too long")));
            }
            let day = |text: &str| {
                time::parse_date(text)
                    .ok_or_else(|| FilterError(format!("{name} must be a day such as 2026-01-31")))
            };
            match &*name {
                "from" => filter.from = Some(day(&value)?),
                "to" => filter.to = Some(day(&value)?),
                "organization" => filter.organization = Some(value),
                "repository" => filter.repository = Some(address(value)),
                "user" => filter.user = Some(value),
                "branch" => filter.branch = Some(value),
                "pr" => {
                    let number = value.parse().ok().filter(|number| *number > 0);
                    filter.pr =
                        Some(number.ok_or_else(|| {
                            FilterError("pr must be the number of a pull request".to_owned())
                        })?);
                }
                "model" => filter.model = Some(value),
                "after" => filter.after = Some(value),
                "by" => filter.by = Some(value),
                _ => {}
            }
        }
        let (from, to) = filter.range();
        if from > to {
            return Err(FilterError("the first day is after the last".to_owned()));
        }
        Ok(filter)
    }

    /// First and last day; by default the last 30 days.
    pub fn range(&self) -> (i64, i64) {
        match (self.from, self.to) {
            (Some(from), Some(to)) => (from, to),
            (Some(from), None) => (from, self.today.max(from)),
            (None, to) => {
                let to = to.unwrap_or(self.today);
                (to - DAYS_DEFAULT + 1, to)
            }
        }
    }

    /// The URL of a view with these filters, from the first row on.
    pub fn url(&self, path: &str) -> String {
        self.url_after(path, None)
    }

    /// The URL of a view with these filters, after a position.
    pub fn url_after(&self, path: &str, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let days = [("from", self.from), ("to", self.to)];
        for (name, day) in days.into_iter().filter_map(|(name, day)| Some((name, day?))) {
            query.append_pair(name, &time::date(day));
        }
        let pr = self.pr.map(|number| number.to_string());
        let texts = [
            ("organization", &self.organization),
            ("repository", &self.repository),
            ("user", &self.user),
            ("branch", &self.branch),
            ("pr", &pr),
            ("model", &self.model),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                query.append_pair(name, text);
            }
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The same filters, changed by `change`, from the first row on.
    pub fn with(&self, change: impl FnOnce(&mut ViewFilter)) -> ViewFilter {
        let mut changed = ViewFilter { after: None, by: None, ..self.clone() };
        change(&mut changed);
        changed
    }

    /// True if a filter is set.
    pub fn is_set(&self) -> bool {
        let texts = [&self.organization, &self.repository, &self.user, &self.branch, &self.model];
        let numbers = [self.pr, self.from, self.to];
        texts.into_iter().any(Option::is_some) || numbers.into_iter().any(|number| number.is_some())
    }

    /// The query of sums by these groupings.
    pub fn metrics(&self, groupings: Vec<Grouping>) -> MetricsQuery {
        let (from, to) = self.range();
        let filter = MetricsFilter {
            organization: self.organization.clone(),
            repository: self.repository.clone(),
            user: self.user.clone(),
            branch: self.branch.clone(),
            pull_request: self.pr,
            model: self.model.clone(),
        };
        MetricsQuery { from, to, filter, groupings }
    }

    /// First and last day of a list, which has all days before and after those that the URL names; `None` for all days.
    pub fn days(&self) -> Option<(i64, i64)> {
        let is_set = self.from.is_some() || self.to.is_some();
        is_set.then(|| (self.from.unwrap_or(i64::MIN), self.to.unwrap_or(i64::MAX)))
    }

    /// The query of clients.
    pub fn clients(&self) -> ClientQuery {
        ClientQuery { organization: self.organization.clone(), user: self.user.clone() }
    }

    /// The query of entries of the audit log.
    pub fn audit(&self) -> AuditQuery {
        AuditQuery { organization: self.organization.clone(), days: self.days() }
    }

    /// The query of sessions.
    pub fn sessions(&self) -> SessionQuery {
        SessionQuery {
            organization: self.organization.clone(),
            repository: self.repository.clone(),
            user: self.user.clone(),
            branch: self.branch.clone(),
            pull_request: self.pr,
            model: self.model.clone(),
            days: self.days(),
            ..SessionQuery::default()
        }
    }
}

/// A repository in any form of a remote as its address.
fn address(name: String) -> String {
    let remote = Remote::parse(&name).or_else(|_| Remote::parse(&format!("https://{name}")));
    remote.map(|remote| remote.url()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<ViewFilter, FilterError> {
        ViewFilter::parse(query, 20_000)
    }

    #[test]
    fn url_and_filter_are_one_thing() {
        let url = "/?from=2024-01-01&to=2024-02-01&organization=acme&repository=https%3A%2F%2Fgithub.com%2Facme%2Fapi\
                   &user=al%26ice&branch=a%2Bb+c&pr=7&model=%3Cb%3E";
        let filter = parse(url.strip_prefix("/?").unwrap()).unwrap();
        assert_eq!(filter.branch.as_deref(), Some("a+b c"));
        assert_eq!(filter.url("/"), url);
        assert_eq!(filter.url_after("/sessions", Some("x")), url.replacen("/", "/sessions", 1) + "&after=x");
        assert_eq!(parse("").unwrap().url("/me"), "/me");
    }

    #[test]
    fn empty_parameters_are_absent_and_faulty_ones_are_named() {
        assert_eq!(parse("from=&to=&user=+&unknown=1"), parse(""));
        assert_eq!(parse("").unwrap().range(), (19_971, 20_000));
        assert_eq!(parse("to=2024-01-31").unwrap().range(), (19_724, 19_753));
        let days = |query| parse(query).unwrap().days();
        assert_eq!([days(""), days("to=2024-01-31")], [None, Some((i64::MIN, 19_753))]);
        assert_eq!(days("from=2024-01-31"), Some((19_753, i64::MAX)));
        assert_eq!(
            parse("repository=git%40github.com%3AAcme%2FAPI.git").unwrap().repository.unwrap(),
            "https://github.com/acme/api"
        );
        for query in ["from=yesterday", "to=2024-13-01", "pr=x", "pr=-1", "from=2024-02-01&to=2024-01-01"] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
