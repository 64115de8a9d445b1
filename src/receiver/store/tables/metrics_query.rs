//! The sums of `metrics`, added up for readers by the dimensions that they ask for.
//!
//! Invariants: a member learns the sums of an organization, never those of another person: for a reader who is not an admin
//! all other users are one group without a name, and branches and pull requests, which are mostly one person's, cover the
//! reader's own sessions alone. A number of a pull request never stands without its repository. The rows of a range are read
//! once, however many groupings there are, and are added up as they come.

use super::metrics::SUMS;
use super::metrics_groups::{CountedRows, GroupedSums, Grouping, MetricDimension, MetricsRow, groups_by};
use crate::receiver::store::database::{DbRole, Visibility};
use crate::receiver::store::directory::QueryReader;
use crate::receiver::store::error::Result;
use crate::receiver::store::sql::Value;

/// A selection of sums; an absent field selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MetricsFilter {
    /// Slug of the organization.
    pub organization: Option<String>,
    /// URL of the repository.
    pub repository: Option<String>,
    /// Login of the user.
    pub user: Option<String>,
    /// Git branch.
    pub branch: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<i64>,
    /// Name of the language model.
    pub model: Option<String>,
}

/// A range of days, both included, the sums of it that count, and the groupings of these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricsQuery {
    /// First UTC day, counted from the epoch.
    pub from: i64,
    /// Last UTC day.
    pub to: i64,
    /// Selection of sums.
    pub filter: MetricsFilter,
    /// Dimensions of each grouping.
    pub groupings: Vec<Grouping>,
}

/// Parameters: tenant, first and last day, the reader, then the selection: user, repository, branch, pull request, model. The
/// statement is the same for every selection, so that few are prepared.
const SELECTION: &str = "\
    WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 AND $4 <> '' AND ($5 = '' OR user_id = $5) \
    AND ($6 = '' OR repository = $6) AND ($7 = '' OR branch = $7) AND ($8 = 0 OR pull_request = $8) \
    AND ($9 = '' OR model = $9)";

impl MetricsQuery {
    /// True if a grouping's rows tell of what one person works on.
    fn names_work(&self, grouping: &Grouping) -> bool {
        let filters = self.filter.branch.is_some() || self.filter.pull_request.is_some();
        let groups = [MetricDimension::Branch, MetricDimension::PullRequest];
        filters || groups.into_iter().any(|dimension| groups_by(grouping, dimension))
    }

    /// The only user whose rows of a tenant are scanned, or empty for all, and which of these count in each grouping; `None` if
    /// there is nobody whose sums the reader may see. `user_id` is the user of the filter.
    fn counted(
        &self,
        visibility: Visibility,
        reader: &str,
        user_id: Option<&str>,
    ) -> Option<(String, Vec<CountedRows>)> {
        if let Some(user) = user_id {
            let is_seen = visibility == Visibility::All || user == reader;
            return is_seen.then(|| (user.to_owned(), vec![CountedRows::All; self.groupings.len()]));
        }
        let of_grouping = |grouping| match visibility {
            Visibility::Own if self.names_work(grouping) => CountedRows::Own,
            _ => CountedRows::All,
        };
        let counted: Vec<CountedRows> = self.groupings.iter().map(of_grouping).collect();
        let is_own = counted.iter().all(|rows| *rows == CountedRows::Own);
        Some((if is_own { reader.to_owned() } else { String::new() }, counted))
    }

    /// The scan of one tenant's rows, with the columns that [`GroupedSums`] reads; those that no grouping needs are empty.
    fn scan(&self, visibility: Visibility) -> String {
        let user = match visibility {
            Visibility::All => "user_id",
            Visibility::Own => "CASE WHEN user_id = $4 THEN user_id ELSE '' END",
        };
        let needed = |dimension, column, none| {
            let is_needed = self.groupings.iter().any(|grouping| groups_by(grouping, dimension));
            if is_needed { column } else { none }
        };
        format!(
            "SELECT session_id, {user}, model, {}, {}, {}, day, {}, {} FROM metrics {SELECTION} ORDER BY user_id, session_id",
            needed(MetricDimension::Type, "message_type", "''"),
            needed(MetricDimension::Repository, "repository", "''"),
            needed(MetricDimension::Branch, "branch", "''"),
            needed(MetricDimension::PullRequest, "pull_request", "CAST(0 AS BIGINT)"),
            SUMS.join(", "),
        )
    }
}

impl QueryReader {
    /// Sums of all tenants of the reader, for each grouping. One that is too large is refused by itself, unless it is the only one.
    pub async fn metrics(
        &self,
        query: &MetricsQuery,
    ) -> Result<impl Iterator<Item = Result<Vec<MetricsRow>>> + use<>> {
        let MetricsFilter { organization, repository, user, branch, pull_request, model } = &query.filter;
        let user_id = match user {
            None => None,
            Some(login) => Some(self.user_id_or_nobody(login).await?),
        };
        let principal = self.principal();
        let text = |text: &Option<String>| Value::from(text.clone().unwrap_or_default());
        let mut sums = GroupedSums::new(&principal.user_id, self.prices(), self.budget(), &query.groupings);
        let tx = self.begin_unbudgeted(DbRole::Request).await?;
        for tenant in principal.tenants() {
            let slug = principal.membership(&tenant).map(|membership| &membership.slug);
            if organization.is_some() && organization.as_ref() != slug {
                continue;
            }
            let Some(visibility) = principal.visibility(&tenant) else { continue };
            let counted = query.counted(visibility, &principal.user_id, user_id.as_deref());
            let Some((only, counted)) = counted else { continue };
            principal.enter(&tx, &tenant).await?;
            let params = [
                Value::from(&tenant),
                query.from.into(),
                query.to.into(),
                Value::from(&principal.user_id),
                only.into(),
                text(repository),
                text(branch),
                pull_request.unwrap_or(0).into(),
                text(model),
            ];
            sums.begin_tenant(slug, &counted)?;
            tx.for_each(&query.scan(visibility), &params, |row| sums.add(&row)).await?;
        }
        tx.commit().await?;
        Ok(sums.into_rows())
    }
}
