//! The overview: sums of a range of days, and how they divide.
//!
//! Invariant: repositories, branches, pull requests and models are ordered by their cost; users by their names alone, since
//! what people use is no measure of them.

use super::chart::{Chart, ChartUnit};
use super::filter::ViewFilter;
use super::format;
use super::layout::{ALL_FILTERS, Figure, FilterForm, Layout, LayoutView, Notice, Tab, is_admin};
use super::table::{Heading, Table, TableCell};
use crate::receiver::limits::OVERVIEW_ROWS;
use crate::receiver::prices::Cost;
use crate::receiver::store::{MetricDimension, MetricsRow, Principal};
use crate::receiver::time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Division of the sums, by the name that its CSV has in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breakdown {
    Day,
    Repository,
    Branch,
    PullRequest,
    Model,
    User,
}

impl Breakdown {
    /// The breakdowns that a user sees.
    pub fn all(principal: &Principal) -> Vec<Breakdown> {
        let mut all = vec![
            Breakdown::Day,
            Breakdown::Repository,
            Breakdown::Branch,
            Breakdown::PullRequest,
            Breakdown::Model,
        ];
        if is_admin(principal) {
            all.push(Breakdown::User);
        }
        all
    }

    /// The breakdown of a name in the URL.
    pub fn parse(name: &str) -> Option<Breakdown> {
        Some(match name {
            "day" => Breakdown::Day,
            "repository" => Breakdown::Repository,
            "branch" => Breakdown::Branch,
            "pr" => Breakdown::PullRequest,
            "model" => Breakdown::Model,
            "user" => Breakdown::User,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Breakdown::Day => "day",
            Breakdown::Repository => "repository",
            Breakdown::Branch => "branch",
            Breakdown::PullRequest => "pr",
            Breakdown::Model => "model",
            Breakdown::User => "user",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Breakdown::Day => "By day",
            Breakdown::Repository => "By repository",
            Breakdown::Branch => "By branch",
            Breakdown::PullRequest => "By pull request",
            Breakdown::Model => "By model",
            Breakdown::User => "By user",
        }
    }

    /// The dimensions that it groups by.
    pub fn dimensions(self) -> Vec<MetricDimension> {
        match self {
            Breakdown::Day => vec![MetricDimension::Day],
            Breakdown::Repository => vec![MetricDimension::Repository],
            Breakdown::Branch => vec![MetricDimension::Repository, MetricDimension::Branch],
            Breakdown::PullRequest => vec![MetricDimension::PullRequest],
            Breakdown::Model => vec![MetricDimension::Model],
            Breakdown::User => vec![MetricDimension::User],
        }
    }
}

/// Content of the overview, gathered breakdown by breakdown, so that the rows of one are released before those of the next.
#[derive(Debug, Default)]
pub struct OverviewData {
    total: MetricsRow,
    /// True if nothing was ever stored for the viewer.
    is_empty: bool,
    cost: Cost,
    notices: Vec<Notice>,
    charts: Vec<Chart>,
    tables: Vec<Table>,
}

/// Rows of a breakdown, with the logins of their users by id.
#[derive(Debug, Default)]
pub struct BreakdownRows {
    pub rows: Vec<MetricsRow>,
    pub logins: HashMap<String, String>,
}

impl OverviewData {
    /// The content before any breakdown is added.
    pub fn new(total: MetricsRow, is_empty: bool) -> OverviewData {
        OverviewData { total, is_empty, ..OverviewData::default() }
    }

    /// Adds a breakdown.
    pub fn add(
        &mut self,
        principal: &Principal,
        breakdown: Breakdown,
        filter: &ViewFilter,
        data: &BreakdownRows,
    ) {
        if breakdown == Breakdown::Day {
            self.charts = charts(filter, &self.total, &data.rows);
            return;
        }
        if breakdown == Breakdown::Model {
            data.rows.iter().for_each(|row| self.cost.merge(&row.cost));
            self.notices.extend(unpriced(&data.rows, &self.cost));
        }
        let mut table = breakdown_table(principal, breakdown, filter, data);
        let more = table.rows.len().saturating_sub(OVERVIEW_ROWS);
        table.rows.truncate(OVERVIEW_ROWS);
        if more > 0 {
            table.note = format!("{} {more} more are in the CSV.", table.note).trim().to_owned();
        }
        self.tables.push(table);
    }

    /// Adds the reason for which a breakdown cannot be read, in place of it.
    pub fn add_refused(
        &mut self,
        principal: &Principal,
        breakdown: Breakdown,
        filter: &ViewFilter,
        reason: &str,
    ) {
        let text = format!("This cannot be shown at once: {reason}.");
        if breakdown == Breakdown::Day {
            self.notices.push(Notice::plain(format!("By day: {text}")));
            return;
        }
        let table = breakdown_table(principal, breakdown, filter, &BreakdownRows::default());
        self.tables.push(Table { empty: text, ..table });
    }
}

/// Builds the view.
pub fn overview_view(
    principal: &Principal,
    token: String,
    filter: &ViewFilter,
    data: OverviewData,
) -> LayoutView {
    let layout = Layout::of(principal, token, Tab::Overview, "Overview");
    let mut view = LayoutView::new(layout);
    if data.is_empty {
        view.notices.push(
            Notice::plain("Nothing of yours is here yet. Set up the exporter on your machine with one command; it says what would be sent before anything is.")
                .with_code("han-sync init"),
        );
    }
    let (from, to) = filter.range();
    view.introduction =
        format!("{} to {}, of everything that you may see.", time::date(from), time::date(to));
    view.filter = Some(FilterForm::of("/", filter, principal, (ALL_FILTERS, true)));
    view.figures = figures(&data.total, &data.cost);
    view.charts = data.charts;
    view.notices.extend(data.notices);
    view.tables = data.tables;
    view
}

fn figures(total: &MetricsRow, cost: &Cost) -> Vec<Figure> {
    let tokens = tokens_of(total);
    let figure =
        |name, value: i64| Figure { name, value: format::compact(value), note: format::integer(value) };
    let exact = |name, value: i64| Figure { name, value: format::integer(value), note: String::new() };
    vec![
        Figure {
            name: "Cost, an estimate",
            value: cost.micros().map_or("–".to_owned(), format::dollars),
            note: "at base prices: tiers and batch discounts cannot be known".to_owned(),
        },
        if tokens < 1_000 { exact("Tokens", tokens) } else { figure("Tokens", tokens) },
        exact("Messages", total.sums.messages),
        exact("Sessions", total.sessions),
        exact("Tasks completed", total.sums.tasks_completed),
    ]
}

/// Tokens of all kinds. Those that the cache keeps for an hour are among those that are written to it.
fn tokens_of(row: &MetricsRow) -> i64 {
    row.sums.tokens[..4].iter().fold(0_i64, |sum, tokens| sum.saturating_add(*tokens))
}

fn charts(filter: &ViewFilter, total: &MetricsRow, days: &[MetricsRow]) -> Vec<Chart> {
    let range = filter.range();
    let by_day = |value: fn(&MetricsRow) -> i64| -> BTreeMap<i64, i64> {
        days.iter().filter_map(|row| Some((row.group.day?, value(row)))).collect()
    };
    let mut sessions =
        Chart::of_days("sessions", "Sessions", ChartUnit::Count, range, &by_day(|row| row.sessions));
    // A session of several days counts on each, and once in all.
    sessions.total = format::integer(total.sessions);
    let mut charts = vec![
        Chart::of_days(
            "cost",
            "Cost",
            ChartUnit::Money,
            range,
            &by_day(|row| row.cost.micros().unwrap_or(0)),
        ),
        Chart::of_days("tokens", "Tokens", ChartUnit::Count, range, &by_day(tokens_of)),
        Chart::of_days("messages", "Messages", ChartUnit::Count, range, &by_day(|row| row.sums.messages)),
        sessions,
    ];
    charts.iter_mut().for_each(|chart| chart.table.csv = Some(csv_url(filter, Breakdown::Day)));
    charts
}

/// URL of the CSV of a breakdown.
fn csv_url(filter: &ViewFilter, breakdown: Breakdown) -> String {
    let query = filter.with(|_| {}).url("/overview.csv");
    let join = if query.contains('?') { '&' } else { '?' };
    format!("{query}{join}by={}", breakdown.name())
}

/// Names the models without a price, with their tokens.
fn unpriced(models: &[MetricsRow], cost: &Cost) -> Option<Notice> {
    let mut named: Vec<(i64, String)> = models
        .iter()
        .filter(|row| row.cost.unpriced_tokens() > 0)
        .map(|row| {
            let model = row.group.model.clone().unwrap_or_else(|| "rows without a model".to_owned());
            (row.cost.unpriced_tokens(), model)
        })
        .collect();
    named.sort_by_key(|(tokens, _)| Reverse(*tokens));
    if named.is_empty() {
        return None;
    }
    let names: Vec<String> = named
        .iter()
        .take(OVERVIEW_ROWS)
        .map(|(tokens, model)| format!("{model} ({})", format::integer(*tokens)))
        .collect();
    let more = named.len().saturating_sub(OVERVIEW_ROWS);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    Some(Notice::plain(format!(
        "{} tokens have no price and are in no cost: {}{more}. An operator adds prices with serve --prices.",
        format::integer(cost.unpriced_tokens()),
        names.join(", ")
    )))
}

/// The table of a breakdown, with all of its rows.
pub fn breakdown_table(
    principal: &Principal,
    breakdown: Breakdown,
    filter: &ViewFilter,
    data: &BreakdownRows,
) -> Table {
    let mut rows: Vec<&MetricsRow> = data.rows.iter().collect();
    match breakdown {
        Breakdown::Day => rows.sort_by_key(|row| row.group.day),
        Breakdown::User => rows.sort_by_key(|row| login(row, data)),
        _ => rows.sort_by_key(|row| (Reverse(row.cost.micros()), Reverse(tokens_of(row)))),
    }
    // Rows without a branch or a pull request are the rest.
    let is_rest = |row: &&MetricsRow| match breakdown {
        Breakdown::Branch => row.group.branch.is_none(),
        Breakdown::PullRequest => row.group.pull_request.is_none(),
        _ => false,
    };
    rows.retain(|row| !is_rest(row));
    let is_own = matches!(breakdown, Breakdown::Branch | Breakdown::PullRequest);
    let is_member = principal.memberships.iter().any(|it| it.role == crate::receiver::store::Role::Member);
    Table {
        caption: breakdown.title().to_owned(),
        note: if is_own && is_member {
            "Of your own sessions, where you are no administrator.".to_owned()
        } else {
            String::new()
        },
        columns: columns_of(breakdown),
        rows: rows.into_iter().map(|row| cells(breakdown, row, filter, data)).collect(),
        empty: "Nothing in these days.".to_owned(),
        csv: Some(csv_url(filter, breakdown)),
        next: None,
    }
}

/// The headings of a breakdown.
fn columns_of(breakdown: Breakdown) -> Vec<Heading> {
    let mut columns = match breakdown {
        Breakdown::Day => vec![Heading::text("day")],
        Breakdown::Repository => vec![Heading::text("repository")],
        Breakdown::Branch => vec![Heading::text("branch"), Heading::text("repository")],
        Breakdown::PullRequest => vec![Heading::text("pull request"), Heading::text("repository")],
        Breakdown::Model => vec![Heading::text("model")],
        Breakdown::User => vec![Heading::text("user")],
    };
    columns.extend(
        [
            "cost",
            "tokens",
            "input",
            "output",
            "cache read",
            "cache write",
            "messages",
            "sessions",
            "lines added",
            "lines removed",
            "tasks completed",
            "tokens without price",
        ]
        .map(Heading::number),
    );
    columns
}

fn login(row: &MetricsRow, data: &BreakdownRows) -> String {
    let id = row.group.user_id.as_ref();
    id.and_then(|id| data.logins.get(id)).cloned().unwrap_or_default()
}

fn cells(
    breakdown: Breakdown,
    row: &MetricsRow,
    filter: &ViewFilter,
    data: &BreakdownRows,
) -> Vec<TableCell> {
    let to = |change: &dyn Fn(&mut ViewFilter)| filter.with(|filter| change(filter)).url("/");
    let repository = || match &row.group.repository {
        None => TableCell::Text("no repository".to_owned()),
        Some(address) => TableCell::link(
            address.strip_prefix("https://").unwrap_or(address),
            to(&|filter| filter.repository = Some(address.clone())),
        ),
    };
    let mut cells = match breakdown {
        Breakdown::Day => vec![TableCell::Text(time::date(row.group.day.unwrap_or_default()))],
        Breakdown::Repository => vec![repository()],
        Breakdown::Branch => {
            let branch = row.group.branch.clone().unwrap_or_default();
            vec![
                TableCell::link(branch.clone(), to(&|filter| filter.branch = Some(branch.clone()))),
                repository(),
            ]
        }
        Breakdown::PullRequest => {
            let number = row.group.pull_request.unwrap_or_default();
            let href = to(&|filter| {
                filter.pr = Some(number);
                filter.repository.clone_from(&row.group.repository);
            });
            vec![TableCell::link(format!("#{number}"), href), repository()]
        }
        Breakdown::Model => vec![match &row.group.model {
            None => TableCell::Text("no model".to_owned()),
            Some(model) => TableCell::link(model.clone(), to(&|filter| filter.model = Some(model.clone()))),
        }],
        Breakdown::User => {
            let login = login(row, data);
            vec![match login.is_empty() {
                true => TableCell::Text("others".to_owned()),
                false => TableCell::link(login.clone(), to(&|filter| filter.user = Some(login.clone()))),
            }]
        }
    };
    let sums = &row.sums;
    cells.push(TableCell::money(row.cost.micros()));
    cells.push(TableCell::Number(tokens_of(row)));
    cells.extend(sums.tokens[..4].iter().map(|tokens| TableCell::Number(*tokens)));
    cells.extend([
        TableCell::Number(sums.messages),
        TableCell::Number(row.sessions),
        TableCell::Number(sums.lines_added),
        TableCell::Number(sums.lines_removed),
        TableCell::Number(sums.tasks_completed),
        TableCell::Number(row.cost.unpriced_tokens()),
    ]);
    cells
}
