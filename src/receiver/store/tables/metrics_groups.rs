//! Groups of sums: the rows of one scan of `metrics`, added up by several groupings at once.
//!
//! Invariants: the rows of a session follow one another, so that a group counts a session once by remembering the last one;
//! groups are held within the reader's budget, and where it is used up the grouping that holds most is refused, so that it costs
//! no other; a cost is that of each row, so that the costs of groups add up to that of their total.

use super::metrics::read_sums;
use crate::receiver::ingest::token_usage::MetricSums;
use crate::receiver::limits::{METRICS_ROWS_MAX, QUERY_READ_BYTES_MAX};
use crate::receiver::prices::{Cost, ModelPrices, PriceList, UsageSums};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::sql::{ReadBudget, Row};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

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

/// The dimensions of one grouping.
pub type Grouping = Vec<MetricDimension>;

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
    /// Cost of the group.
    pub cost: Cost,
}

/// The rows of a tenant that count in a grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedRows {
    None,
    /// Those of the reader's own sessions.
    Own,
    /// All that the scan selects.
    All,
}

/// Dimensions that are texts: those of the columns of a scan's row after the session, then the tenant's.
const TEXT_DIMENSIONS: [MetricDimension; 6] = [
    MetricDimension::User,
    MetricDimension::Model,
    MetricDimension::Type,
    MetricDimension::Repository,
    MetricDimension::Branch,
    MetricDimension::Organization,
];
/// Position of the model in [`TEXT_DIMENSIONS`].
const MODEL: usize = 1;
/// Columns of a scan's row: the session, five texts, then these, and the sums in the order of [`super::metrics::SUMS`].
const SESSION: usize = 0;
const USER: usize = 1;
const DAY: usize = TEXT_DIMENSIONS.len();
const PULL_REQUEST: usize = DAY + 1;
const FIRST_SUM: usize = DAY + 2;
/// Bytes that a group is held in: its entry in the table, which is half empty at worst, and its row afterwards.
const GROUP_BYTES: usize = 2 * size_of::<(GroupKey, GroupSums)>() + size_of::<MetricsRow>();
/// Bytes of a name besides its text.
const NAME_BYTES: usize = 128;

/// A group: the numbers of its names, 0 for none, the day and the pull request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct GroupKey {
    names: [u32; TEXT_DIMENSIONS.len()],
    day: i64,
    pull_request: i64,
}

/// The sums of a group, and the last session that was counted in it.
#[derive(Debug, Default)]
struct GroupSums {
    last_session: u64,
    sessions: i64,
    sums: MetricSums,
    cost: Cost,
}

/// A row of the scan.
struct ScannedRow {
    key: GroupKey,
    session: u64,
    is_own: bool,
    sums: MetricSums,
    cost: Cost,
}

/// Names by number, each held once. The first one is the empty text.
struct Names {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Names {
    fn new() -> Names {
        let mut names = Names { numbers: HashMap::new(), texts: Vec::new() };
        names.insert("");
        names
    }

    fn insert(&mut self, text: &str) -> u32 {
        let (number, text) = (u32::try_from(self.texts.len()).unwrap_or(u32::MAX), Arc::from(text));
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    /// The text of a number; `None` for the empty one.
    fn named(&self, number: u32) -> Option<String> {
        Some(self.text(number)).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// The limit that a further group would exceed.
enum Excess {
    /// That of one grouping, with the reason.
    OfGrouping(String),
    /// The budget of all.
    OfBudget,
}

/// The groups of one grouping.
struct Groups {
    /// The texts that it groups by, whether by day, and whether by pull request.
    names: [bool; TEXT_DIMENSIONS.len()],
    by_day: bool,
    by_pull_request: bool,
    counted: CountedRows,
    groups: HashMap<GroupKey, GroupSums>,
    /// Bytes that are taken from the budget.
    bytes: usize,
    /// Bytes of the texts of its rows, which repeat names.
    text_bytes: usize,
    /// Reason for which there are no groups.
    refused: Option<String>,
}

impl Groups {
    fn of(dimensions: &Grouping) -> Groups {
        Groups {
            names: TEXT_DIMENSIONS.map(|dimension| groups_by(dimensions, dimension)),
            by_day: groups_by(dimensions, MetricDimension::Day),
            by_pull_request: groups_by(dimensions, MetricDimension::PullRequest),
            counted: CountedRows::None,
            groups: HashMap::new(),
            bytes: 0,
            text_bytes: 0,
            refused: None,
        }
    }

    /// The key of a row's group.
    fn key_of(&self, row: &GroupKey) -> GroupKey {
        let mut key = GroupKey::default();
        for index in 0..key.names.len() {
            if self.names[index] {
                key.names[index] = row.names[index];
            }
        }
        if self.by_day {
            key.day = row.day;
        }
        if self.by_pull_request {
            key.pull_request = row.pull_request;
        }
        key
    }

    /// Adds a row, unless its group exceeds a limit.
    fn add(&mut self, row: &ScannedRow, names: &Names, budget: &ReadBudget) -> Result<(), Excess> {
        let is_counted = match self.counted {
            CountedRows::None => false,
            CountedRows::Own => row.is_own,
            CountedRows::All => true,
        };
        if !is_counted || self.refused.is_some() {
            return Ok(());
        }
        let (key, groups) = (self.key_of(&row.key), self.groups.len());
        let group = match self.groups.entry(key) {
            Entry::Occupied(group) => group.into_mut(),
            Entry::Vacant(place) => {
                if groups == METRICS_ROWS_MAX {
                    let reason = format!("more than {METRICS_ROWS_MAX} rows: ask for fewer days or groups");
                    return Err(Excess::OfGrouping(reason));
                }
                let text_bytes: usize = key.names.iter().map(|number| names.text(*number).len()).sum();
                if self.text_bytes + text_bytes > QUERY_READ_BYTES_MAX as usize {
                    return Err(Excess::OfGrouping(ReadBudget::exceeded()));
                }
                if !budget.try_take(GROUP_BYTES) {
                    return Err(Excess::OfBudget);
                }
                self.bytes += GROUP_BYTES;
                self.text_bytes += text_bytes;
                place.insert(GroupSums::default())
            }
        };
        if row.sums.messages > 0 && group.last_session != row.session {
            group.last_session = row.session;
            group.sessions += 1;
        }
        group.sums.add_saturating(&row.sums);
        group.cost.merge(&row.cost);
        Ok(())
    }

    /// Releases all groups.
    fn refuse(&mut self, reason: String, budget: &ReadBudget) {
        self.groups = HashMap::new();
        self.refused = Some(reason);
        budget.give_back(std::mem::take(&mut self.bytes));
    }

    /// The rows in the order of their groups; a grouping without dimensions has one row in any case.
    fn into_rows(self, names: &Names) -> Result<Vec<MetricsRow>> {
        if let Some(reason) = self.refused {
            return Err(StoreError::refused(reason));
        }
        let by_day = self.by_day;
        let is_total = !(by_day || self.by_pull_request || self.names.contains(&true));
        let row = |(key, sums): (GroupKey, GroupSums)| {
            let [user_id, model, message_type, repository, branch, organization] =
                key.names.map(|number| names.named(number));
            let group = MetricsGroup {
                organization,
                repository,
                user_id,
                model,
                message_type,
                day: by_day.then_some(key.day),
                branch,
                pull_request: Some(key.pull_request).filter(|number| *number != 0),
            };
            MetricsRow { group, sessions: sums.sessions, sums: sums.sums, cost: sums.cost }
        };
        let mut rows: Vec<MetricsRow> = self.groups.into_iter().map(row).collect();
        if is_total && rows.is_empty() {
            rows.push(MetricsRow::default());
        }
        rows.sort_unstable_by(|one, other| one.group.cmp(&other.group));
        Ok(rows)
    }
}

/// True if a grouping is by this dimension. Numbers of pull requests repeat, so that they come with the repository.
pub fn groups_by(dimensions: &[MetricDimension], dimension: MetricDimension) -> bool {
    let implied =
        dimension == MetricDimension::Repository && dimensions.contains(&MetricDimension::PullRequest);
    implied || dimensions.contains(&dimension)
}

/// The groups of several groupings, to which the rows of each tenant are added.
pub struct GroupedSums<'q> {
    reader: &'q str,
    prices: &'q PriceList,
    budget: &'q ReadBudget,
    names: Names,
    prices_by_name: HashMap<u32, Option<&'q ModelPrices>>,
    groupings: Vec<Groups>,
    /// Names of the last row.
    last_names: [u32; TEXT_DIMENSIONS.len()],
    /// Number of the tenant's name.
    organization: u32,
    /// The session of the last row, and how many there were.
    session: String,
    sessions: u64,
}

impl<'q> GroupedSums<'q> {
    /// No groups yet.
    pub fn new(
        reader: &'q str,
        prices: &'q PriceList,
        budget: &'q ReadBudget,
        groupings: &[Grouping],
    ) -> GroupedSums<'q> {
        GroupedSums {
            reader,
            prices,
            budget,
            names: Names::new(),
            prices_by_name: HashMap::new(),
            groupings: groupings.iter().map(Groups::of).collect(),
            last_names: Default::default(),
            organization: 0,
            session: String::new(),
            sessions: 0,
        }
    }

    /// Begins the rows of a tenant, of which `counted` says those of each grouping.
    pub fn begin_tenant(&mut self, slug: Option<&String>, counted: &[CountedRows]) -> Result<()> {
        self.organization = slug.map_or(Ok(0), |slug| self.number(slug))?;
        self.session.clear();
        self.sessions += 1;
        self.groupings.iter_mut().zip(counted).for_each(|(grouping, counted)| grouping.counted = *counted);
        Ok(())
    }

    /// Adds a row of the scan. Rows without a sum are left by answers that are now counted in another row.
    pub fn add(&mut self, row: &Row) -> Result<()> {
        let sums = read_sums(|index| row.int(FIRST_SUM + index))?;
        if !sums.has_any() {
            return Ok(());
        }
        let row = self.scanned(row, sums)?;
        for index in 0..self.groupings.len() {
            while let Err(excess) = self.groupings[index].add(&row, &self.names, self.budget) {
                match excess {
                    Excess::OfBudget => self.refuse_largest()?,
                    Excess::OfGrouping(reason) => {
                        self.groupings[index].refuse(reason, self.budget);
                        self.require_one()?;
                    }
                }
            }
        }
        Ok(())
    }

    fn scanned(&mut self, row: &Row, sums: MetricSums) -> Result<ScannedRow> {
        let session = row.text_ref(SESSION)?;
        if session != self.session {
            session.clone_into(&mut self.session);
            self.sessions += 1;
        }
        let mut names = [self.organization; TEXT_DIMENSIONS.len()];
        for (column, number) in names[..TEXT_DIMENSIONS.len() - 1].iter_mut().enumerate() {
            *number = self.number_in(column, row.text_ref(USER + column)?)?;
        }
        let (model, day) = (names[MODEL], row.int(DAY)?);
        let mut cost = Cost::default();
        cost.add(&UsageSums::of(sums.tokens), self.prices_of(model).and_then(|prices| prices.on(day)));
        let key = GroupKey { names, day, pull_request: row.int(PULL_REQUEST)? };
        let is_own = row.text_ref(USER)? == self.reader;
        Ok(ScannedRow { key, session: self.sessions, is_own, sums, cost })
    }

    /// The number of a name in a column, most often that of the row before.
    fn number_in(&mut self, column: usize, text: &str) -> Result<u32> {
        let last = self.last_names[column];
        if self.names.text(last) != text {
            self.last_names[column] = self.number(text)?;
        }
        Ok(self.last_names[column])
    }

    /// The number of a name.
    fn number(&mut self, text: &str) -> Result<u32> {
        if let Some(number) = self.names.numbers.get(text) {
            return Ok(*number);
        }
        while !self.budget.try_take(NAME_BYTES + text.len()) {
            self.refuse_largest()?;
        }
        Ok(self.names.insert(text))
    }

    fn prices_of(&mut self, model: u32) -> Option<&'q ModelPrices> {
        let (prices, names) = (self.prices, &self.names);
        *self.prices_by_name.entry(model).or_insert_with(|| prices.of_model(names.text(model)))
    }

    /// Refuses the grouping that holds most. An error if none is left.
    fn refuse_largest(&mut self) -> Result<()> {
        let largest = self.groupings.iter_mut().filter(|it| it.refused.is_none()).max_by_key(|it| it.bytes);
        if let Some(largest) = largest {
            largest.refuse(ReadBudget::exceeded(), self.budget);
        }
        self.require_one()
    }

    /// An error if all groupings are refused.
    fn require_one(&self) -> Result<()> {
        let refused = self.groupings.iter().map(|it| it.refused.as_ref());
        match refused.collect::<Option<Vec<_>>>().as_deref() {
            Some([.., reason]) => Err(StoreError::refused((*reason).clone())),
            Some([]) | None => Ok(()),
        }
    }

    /// The rows of each grouping, made when they are asked for, so that those of one are released before the next.
    pub fn into_rows(self) -> impl Iterator<Item = Result<Vec<MetricsRow>>> + use<> {
        let names = self.names;
        self.groupings.into_iter().map(move |it| it.into_rows(&names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::store::sql::Value;

    /// A row of the scan: 1 message and 1 token of each kind.
    fn row(session: &str, user: &str, day: i64, branch: &str) -> Row {
        let texts = [session, user, "gpt-5", "assistant", "https://github.com/acme/api", branch];
        let numbers = [day, 0].into_iter().chain([1; 9]);
        Row(texts.map(Value::from).into_iter().chain(numbers.map(Value::from)).collect())
    }

    fn sessions(rows: &[Result<Vec<MetricsRow>>]) -> Vec<Vec<i64>> {
        let of =
            |rows: &Result<Vec<MetricsRow>>| rows.as_ref().unwrap().iter().map(|row| row.sessions).collect();
        rows.iter().map(of).collect()
    }

    #[test]
    fn a_session_counts_once_in_each_group_and_again_in_another_tenant() {
        let (prices, budget) = (PriceList::default(), ReadBudget::default());
        let groupings = [vec![], vec![MetricDimension::Day], vec![MetricDimension::Branch]];
        let mut sums = GroupedSums::new("me", &prices, &budget, &groupings);
        sums.begin_tenant(None, &[CountedRows::All; 3]).unwrap();
        for (session, day, branch) in
            [("a", 1, "x"), ("a", 2, "y"), ("a", 1, "y"), ("b", 1, "x"), ("c", 2, "x")]
        {
            sums.add(&row(session, "me", day, branch)).unwrap();
        }
        sums.begin_tenant(Some(&"acme".to_owned()), &[CountedRows::All, CountedRows::Own, CountedRows::None])
            .unwrap();
        sums.add(&row("c", "me", 1, "x")).unwrap();
        sums.add(&row("d", "", 1, "x")).unwrap();
        let rows: Vec<_> = sums.into_rows().collect();
        assert_eq!(sessions(&rows), [vec![5], vec![3, 2], vec![3, 1]]);
        let total = &rows[0].as_ref().unwrap()[0];
        assert_eq!((total.sums.messages, total.sums.tokens, total.cost.unpriced_tokens()), (7, [7; 5], 28));
        assert_eq!(total.group, MetricsGroup::default());
    }

    #[test]
    fn the_largest_grouping_gives_way_where_the_budget_is_used_up() {
        let (prices, budget) = (PriceList::default(), ReadBudget::default());
        let groupings = [vec![], vec![MetricDimension::Branch], vec![MetricDimension::Day]];
        let mut sums = GroupedSums::new("me", &prices, &budget, &groupings);
        sums.begin_tenant(None, &[CountedRows::All; 3]).unwrap();
        for day in 0..15_000 {
            sums.add(&row("a", "me", day, &format!("{day}"))).unwrap();
            sums.add(&row("a", "me", day % 100, &format!("other {day}"))).unwrap();
        }
        let [total, branches, days] = sums.into_rows().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((total.unwrap()[0].sums.messages, days.unwrap().len()), (30_000, 15_000));
        assert!(branches.unwrap_err().to_string().contains("16 MiB"));
    }

    #[test]
    fn a_grouping_of_too_many_rows_is_refused_and_costs_no_other() {
        let (prices, budget) = (PriceList::default(), ReadBudget::default());
        let groupings = [vec![MetricDimension::Day], vec![MetricDimension::Branch]];
        let mut sums = GroupedSums::new("me", &prices, &budget, &groupings);
        sums.begin_tenant(None, &[CountedRows::All; 2]).unwrap();
        for day in 0..=METRICS_ROWS_MAX as i64 {
            sums.add(&row("a", "me", day, "x")).unwrap();
        }
        let [days, branches] = sums.into_rows().collect::<Vec<_>>().try_into().unwrap();
        assert!(days.unwrap_err().to_string().contains("more than 20000 rows"));
        assert_eq!(branches.unwrap()[0].sums.messages, METRICS_ROWS_MAX as i64 + 1);
        // The only grouping takes the query with it.
        let mut sums = GroupedSums::new("me", &prices, &budget, &groupings[..1]);
        sums.begin_tenant(None, &[CountedRows::All]).unwrap();
        let added = (0..=METRICS_ROWS_MAX as i64).map(|day| sums.add(&row("a", "me", day, "x")));
        assert_eq!(added.filter(Result::is_err).count(), 1);
    }
}
