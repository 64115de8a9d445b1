//! The sums of `metrics`, added up for readers by the dimensions that they ask for.
//!
//! Invariants: a member learns the sums of an organization, never those of another person: for a reader who is not an admin
//! all other users are one group without a name, and branches and pull requests, which are mostly one person's, cover the
//! reader's own sessions alone. A number of a pull request never stands without its repository. Costs are summed over the
//! stored rows, so that the costs of groups add up to that of their total.

use super::metrics::{SUMS, read_sums};
use crate::receiver::ingest::token_usage::MetricSums;
use crate::receiver::limits::METRICS_ROWS_MAX;
use crate::receiver::prices::{Cost, UsageSums};
use crate::receiver::store::database::{DbRole, Transaction, Visibility};
use crate::receiver::store::directory::QueryReader;
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{Row, Value};
use std::collections::BTreeMap;

/// A dimension by which sums are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricDimension {
    /// By organization.
    Organization,
    /// By repository.
    Repository,
    /// By user.
    User,
    /// By language model.
    Model,
    /// By message type.
    Type,
    /// By UTC day.
    Day,
    /// By git branch.
    Branch,
    /// By pull request, and by its repository.
    PullRequest,
}

/// A group of sums. Dimensions that are not grouped by are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricsGroup {
    /// Slug.
    pub organization: Option<String>,
    /// URL of the repository.
    pub repository: Option<String>,
    /// Id of the user.
    pub user_id: Option<String>,
    /// Name of the language model.
    pub model: Option<String>,
    /// Type of the message.
    pub message_type: Option<String>,
    /// UTC day, counted from the epoch.
    pub day: Option<i64>,
    /// Git branch.
    pub branch: Option<String>,
    /// Number of the pull request in the repository.
    pub pull_request: Option<i64>,
}

/// The sums of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsRow {
    /// The group.
    pub group: MetricsGroup,
    /// Sessions with a message in the range.
    pub sessions: i64,
    /// Sums of the group.
    pub sums: MetricSums,
    /// Cost of the group, if the query asks for it.
    pub cost: Cost,
}

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

/// A range of days, both included, the sums of it that count, and the dimensions by which these are grouped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricsQuery {
    /// First UTC day, counted from the epoch.
    pub from: i64,
    /// Last UTC day.
    pub to: i64,
    /// Dimensions.
    pub dimensions: Vec<MetricDimension>,
    /// Selection of sums.
    pub filter: MetricsFilter,
    /// True if the cost of each group is asked for.
    pub with_cost: bool,
}

/// Divisor that splits a value into a high and a low part. Each part is summed by itself, so that no sum overflows, however
/// many rows there are.
const HALF: i64 = 1 << 31;
/// Position of the first sum in a row of [`grouped_sums`].
const FIRST_SUM: usize = 8;
/// Position of the model, the day and the first sum in a row of [`grouped_usage`].
const USAGE_COLUMNS: [usize; 3] = [7, 8, 9];
/// The summed columns of a cost: the kinds of tokens with a price, then all that are written to the cache. What is kept for an
/// hour is taken off row by row, so that sums of groups are those of their total.
const USAGE: [&str; 6] = [
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "{greatest}(cache_creation_tokens - cache_creation_1h_tokens, 0)",
    "cache_creation_1h_tokens",
    "cache_creation_tokens",
];
/// Parameters: tenant, first and last day, the reader, then the selection: user, repository, branch, pull request, model. The
/// statement is the same for every selection, so that few are prepared.
const SELECTION: &str = "\
    WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 AND $4 <> '' AND ($5 = '' OR user_id = $5) \
    AND ($6 = '' OR repository = $6) AND ($7 = '' OR branch = $7) AND ($8 = 0 OR pull_request = $8) \
    AND ($9 = '' OR model = $9)";

impl MetricsQuery {
    fn groups_by(&self, dimension: MetricDimension) -> bool {
        let implied = dimension == MetricDimension::Repository
            && self.dimensions.contains(&MetricDimension::PullRequest);
        implied || self.dimensions.contains(&dimension)
    }

    /// True if the rows tell of what one person works on.
    fn names_work(&self) -> bool {
        let filters = self.filter.branch.is_some() || self.filter.pull_request.is_some();
        filters || self.groups_by(MetricDimension::Branch) || self.groups_by(MetricDimension::PullRequest)
    }

    /// The only user whose sums count in a tenant, or empty for all; `None` if there is nobody whose sums the reader may see.
    /// `user_id` is the user of the filter.
    fn only_user(&self, visibility: Visibility, reader: &str, user_id: Option<&str>) -> Option<String> {
        match (visibility, user_id) {
            (Visibility::Own, Some(user)) if user != reader => None,
            (_, Some(user)) => Some(user.to_owned()),
            (Visibility::Own, None) if self.names_work() => Some(reader.to_owned()),
            (_, None) => Some(String::new()),
        }
    }
}

impl QueryReader {
    /// Sums of all tenants of the reader.
    pub async fn metrics(&self, query: &MetricsQuery) -> Result<Vec<MetricsRow>> {
        let MetricsFilter { organization, repository, user, branch, pull_request, model } = &query.filter;
        let user_id = match user {
            None => None,
            Some(login) => Some(self.user_id_or_nobody(login).await?),
        };
        let principal = self.principal();
        let text = |text: &Option<String>| Value::from(text.clone().unwrap_or_default());
        let mut groups: BTreeMap<MetricsGroup, MetricsRow> = BTreeMap::new();
        let tx = self.begin(DbRole::Request).await?;
        for tenant in principal.tenants() {
            let slug = principal.membership(&tenant).map(|membership| &membership.slug);
            if organization.is_some() && organization.as_ref() != slug {
                continue;
            }
            let Some(visibility) = principal.visibility(&tenant) else { continue };
            let Some(only) = query.only_user(visibility, &principal.user_id, user_id.as_deref()) else {
                continue;
            };
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
            for row in tx.query(&grouped_sums(query, visibility), &params).await? {
                let row = MetricsRow::read(&row, slug, query)?;
                let sums = groups.entry(row.group.clone()).or_default();
                sums.group = row.group;
                sums.sessions += row.sessions;
                sums.sums.add_saturating(&row.sums);
                if groups.len() > METRICS_ROWS_MAX {
                    return Err(StoreError::refused(format!(
                        "more than {METRICS_ROWS_MAX} rows: ask for fewer days or groups"
                    )));
                }
            }
            if query.with_cost {
                self.add_costs(&tx, query, (slug, visibility), &params, &mut groups).await?;
            }
        }
        tx.commit().await?;
        if query.dimensions.is_empty() && groups.is_empty() {
            return Ok(vec![MetricsRow::default()]);
        }
        Ok(groups.into_values().collect())
    }
}

impl QueryReader {
    /// Adds the cost of each group of one tenant, which the transaction has entered.
    async fn add_costs(
        &self,
        tx: &Transaction,
        query: &MetricsQuery,
        (slug, visibility): (Option<&String>, Visibility),
        params: &[Value],
        groups: &mut BTreeMap<MetricsGroup, MetricsRow>,
    ) -> Result<()> {
        let by_day = self.prices().changes_within(query.from, query.to);
        let [model, day, _] = USAGE_COLUMNS;
        for row in tx.query(&grouped_usage(query, visibility, by_day), params).await? {
            let group = MetricsGroup::read(&row, slug, query)?;
            let price = self.prices().price(&row.text(model)?, row.int(day)?);
            if let Some(sums) = groups.get_mut(&group) {
                sums.cost.add(&read_usage(&row)?, price);
            }
        }
        Ok(())
    }
}

/// The query of one tenant's sums: seven dimensions, the number of sessions, then two halves of each sum.
fn grouped_sums(query: &MetricsQuery, visibility: Visibility) -> String {
    format!(
        "SELECT d1, d2, d3, d4, d5, d6, d7, CAST(count(DISTINCT session) AS BIGINT), {} FROM (\
         SELECT {}, CASE WHEN messages > 0 THEN session_id END AS session, {} FROM metrics {SELECTION}) a \
         GROUP BY d1, d2, d3, d4, d5, d6, d7 HAVING {} LIMIT {}",
        halves(&SUMS),
        dimensions(query, visibility),
        SUMS.join(", "),
        has_counts(),
        METRICS_ROWS_MAX + 1,
    )
}

/// The query of one tenant's tokens by model, and by day if prices differ within the range: seven dimensions, model, day,
/// then two halves of each sum. Its rows are bounded by the reader's budget.
fn grouped_usage(query: &MetricsQuery, visibility: Visibility, by_day: bool) -> String {
    let day = if by_day { "day" } else { "$2" };
    format!(
        "SELECT d1, d2, d3, d4, d5, d6, d7, model, price_day, {} FROM (\
         SELECT {}, CAST({day} AS BIGINT) AS price_day, model, {} FROM metrics {SELECTION}) a \
         GROUP BY d1, d2, d3, d4, d5, d6, d7, model, price_day HAVING {}",
        halves(&USAGE),
        dimensions(query, visibility),
        SUMS.join(", "),
        has_counts(),
    )
}

/// The columns of the dimensions, those that are not grouped by being empty.
fn dimensions(query: &MetricsQuery, visibility: Visibility) -> String {
    let user = match visibility {
        Visibility::All => "user_id",
        Visibility::Own => "CASE WHEN user_id = $4 THEN user_id ELSE '' END",
    };
    let dimension = |dimension, column, none| if query.groups_by(dimension) { column } else { none };
    format!(
        "{} AS d1, {} AS d2, {} AS d3, {} AS d4, CAST({} AS BIGINT) AS d5, {} AS d6, CAST({} AS BIGINT) AS d7",
        dimension(MetricDimension::Repository, "repository", "''"),
        dimension(MetricDimension::User, user, "''"),
        dimension(MetricDimension::Model, "model", "''"),
        dimension(MetricDimension::Type, "message_type", "''"),
        dimension(MetricDimension::Day, "day", "0"),
        dimension(MetricDimension::Branch, "branch", "''"),
        dimension(MetricDimension::PullRequest, "pull_request", "0"),
    )
}

/// Two halves of the sum of each column.
fn halves(columns: &[&str]) -> String {
    let halves: Vec<String> = columns
        .iter()
        .map(|column| {
            format!("CAST(sum({column} / {HALF}) AS BIGINT), CAST(sum({column} % {HALF}) AS BIGINT)")
        })
        .collect();
    halves.join(", ")
}

/// The condition that a group has any sum. Rows without one are left by answers that are now counted in another row.
fn has_counts() -> String {
    SUMS.map(|column| format!("max({column}) > 0")).join(" OR ")
}

impl MetricsGroup {
    /// Reads the group from the first columns of a row.
    fn read(row: &Row, slug: Option<&String>, query: &MetricsQuery) -> Result<MetricsGroup> {
        let named = |column| -> Result<_> { Ok(Some(row.text(column)?).filter(|name| !name.is_empty())) };
        Ok(MetricsGroup {
            organization: slug.filter(|_| query.groups_by(MetricDimension::Organization)).cloned(),
            repository: named(0)?,
            user_id: named(1)?,
            model: named(2)?,
            message_type: named(3)?,
            day: query.groups_by(MetricDimension::Day).then_some(row.int(4)?),
            branch: named(5)?,
            pull_request: Some(row.int(6)?).filter(|number| *number != 0),
        })
    }
}

impl MetricsRow {
    /// Reads a row of [`grouped_sums`].
    fn read(row: &Row, slug: Option<&String>, query: &MetricsQuery) -> Result<MetricsRow> {
        let group = MetricsGroup::read(row, slug, query)?;
        let sums = read_sums(|index| halved_sum(row, index))?;
        Ok(MetricsRow { group, sessions: row.int(7)?, sums, cost: Cost::default() })
    }
}

/// The sum at a position in [`SUMS`], of its two halves.
fn halved_sum(row: &Row, index: usize) -> Result<i64> {
    let (high, low) = (row.int(FIRST_SUM + 2 * index)?, row.int(FIRST_SUM + 2 * index + 1)?);
    Ok(high.saturating_mul(HALF).saturating_add(low))
}

/// Reads the sums of a row of [`grouped_usage`].
fn read_usage(row: &Row) -> Result<UsageSums> {
    let mut sums = [0_i128; USAGE.len()];
    for (index, sum) in sums.iter_mut().enumerate() {
        let column = USAGE_COLUMNS[2] + 2 * index;
        *sum = i128::from(row.int(column)?) * i128::from(HALF) + i128::from(row.int(column + 1)?);
    }
    let [input, output, cache_read, cache_write, cache_write_1h, cache_creation] = sums;
    Ok(UsageSums { priced: [input, output, cache_read, cache_write, cache_write_1h], cache_creation })
}
