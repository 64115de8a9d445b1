//! Charts of a value over days, as SVG that a template renders.
//!
//! Invariant: a chart shows nothing that the table behind it does not say in numbers.

use super::format;
use super::table::{Heading, Table, TableCell};
use crate::receiver::time;
use chrono::{DateTime, Datelike, NaiveDate};
use std::collections::BTreeMap;

/// Bars of a chart at most: what fits on a phone. Longer ranges are shown by week, then by month.
const BARS_MAX: i64 = 62;
const WEEK_DAYS: i64 = 7;
/// Width of the drawing, in its own units, as its height is.
const WIDTH: f64 = 560.0;
/// Place of the bars: right of the labels of the axis, above those of the days.
const LEFT: f64 = 52.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 154.0;
/// Widest bar.
const BAR_MAX: f64 = 34.0;

/// Places in the drawing that no value changes.
#[derive(Debug, Clone, Copy)]
pub struct ChartPlace {
    pub width: f64,
    pub height: f64,
    /// Beginning of the bars, and of the lines of the value axis.
    pub left: f64,
    /// End of the labels of the value axis.
    pub label_end: f64,
    /// Baseline of the labels of the days.
    pub label_y: f64,
}

/// The places of every chart.
pub const CHART_PLACE: ChartPlace =
    ChartPlace { width: WIDTH, height: 180.0, left: LEFT, label_end: LEFT - 6.0, label_y: BOTTOM + 19.0 };

/// Unit of a chart's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartUnit {
    Count,
    /// Micro-dollars.
    Money,
}

/// A chart, ready to be drawn.
#[derive(Debug)]
pub struct Chart {
    /// Id of its elements in the document.
    pub id: &'static str,
    pub title: &'static str,
    /// Total of the range, as text.
    pub total: String,
    /// Sentence for those who do not see the drawing.
    pub description: String,
    pub bars: Vec<Bar>,
    pub ticks: Vec<Tick>,
    pub labels: Vec<AxisLabel>,
    pub table: Table,
}

/// A bar with its value.
#[derive(Debug)]
pub struct Bar {
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
    pub title: String,
}

/// A line of the value axis.
#[derive(Debug)]
pub struct Tick {
    pub y: String,
    /// Baseline of the text.
    pub text_y: String,
    pub text: String,
}

/// A label of the time axis.
#[derive(Debug)]
pub struct AxisLabel {
    pub x: String,
    pub anchor: &'static str,
    pub text: String,
}

/// Span of one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartStep {
    Day,
    Week,
    Month,
}

impl ChartStep {
    /// The step with which a range of days has few enough bars.
    pub fn of(from: i64, to: i64) -> ChartStep {
        match to - from + 1 {
            days if days <= BARS_MAX => ChartStep::Day,
            days if days <= BARS_MAX * WEEK_DAYS => ChartStep::Week,
            _ => ChartStep::Month,
        }
    }

    /// The first day of the step that a day belongs to. Weeks begin on Monday.
    pub fn start(self, day: i64) -> i64 {
        match self {
            ChartStep::Day => day,
            // The first of January 1970 was a Thursday.
            ChartStep::Week => day - (day + 3).rem_euclid(WEEK_DAYS),
            ChartStep::Month => day - i64::from(date(day).day0()),
        }
    }

    fn next(self, start: i64) -> i64 {
        match self {
            ChartStep::Day => start + 1,
            ChartStep::Week => start + WEEK_DAYS,
            // The last day of a month is at most 31 days after the first.
            ChartStep::Month => self.start(start + 31),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            ChartStep::Day => "day",
            ChartStep::Week => "week",
            ChartStep::Month => "month",
        }
    }

    fn label(self, start: i64) -> String {
        match self {
            ChartStep::Day | ChartStep::Week => time::date(start),
            ChartStep::Month => time::date(start).chars().take("YYYY-MM".len()).collect(),
        }
    }
}

fn date(day: i64) -> NaiveDate {
    let time = DateTime::from_timestamp(day.saturating_mul(86_400), 0);
    time.map(|time| time.date_naive()).unwrap_or_default()
}

impl Chart {
    /// A chart of the values by day within a range.
    pub fn of_days(
        id: &'static str,
        title: &'static str,
        unit: ChartUnit,
        (from, to): (i64, i64),
        by_day: &BTreeMap<i64, i64>,
    ) -> Chart {
        let step = ChartStep::of(from, to);
        let mut values: BTreeMap<i64, i64> = BTreeMap::new();
        let mut start = step.start(from);
        // A range of millions of days has no more bars than rows.
        while start <= to && (values.len() as i64) < 4 * BARS_MAX {
            values.insert(start, 0);
            start = step.next(start);
        }
        for (day, value) in by_day.range(from..=to) {
            let sum = values.entry(step.start(*day)).or_default();
            *sum = sum.saturating_add(*value);
        }
        let total = values.values().fold(0_i64, |sum, value| sum.saturating_add(*value));
        let show = |value: i64| match unit {
            ChartUnit::Count => format::integer(value),
            ChartUnit::Money => format::dollars(value),
        };
        let largest =
            values.iter().max_by_key(|(_, value)| **value).map_or((from, 0), |(day, value)| (*day, *value));
        let top = nice_top(largest.1);
        Chart {
            id,
            title,
            total: match unit {
                ChartUnit::Count => format::compact(total),
                ChartUnit::Money => format::dollars(total),
            },
            description: format!(
                "{title} by {} from {} to {}: at most {}, on {}.",
                step.name(),
                time::date(from),
                time::date(to),
                show(largest.1),
                step.label(largest.0)
            ),
            bars: bars(step, &values, top, show),
            ticks: ticks(top, unit),
            labels: labels(step, &values),
            table: table_of(title, unit, step, &values),
        }
    }
}

/// The values as a table.
fn table_of(title: &str, unit: ChartUnit, step: ChartStep, values: &BTreeMap<i64, i64>) -> Table {
    let cell = |value: i64| match unit {
        ChartUnit::Count => TableCell::Number(value),
        ChartUnit::Money => TableCell::Money(value),
    };
    let row = |(day, value): (&i64, &i64)| vec![TableCell::Text(step.label(*day)), cell(*value)];
    Table {
        caption: format!("{title} by {}", step.name()),
        columns: vec![Heading::text("from"), Heading::number("value")],
        rows: values.iter().map(row).collect(),
        ..Table::default()
    }
}

/// A round number that is at least `largest`: 1, 2 or 5 times a power of ten, doubled once at most.
fn nice_top(largest: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        for factor in [1, 2, 5] {
            match unit.checked_mul(factor) {
                Some(top) if top >= largest => return top,
                Some(_) => {}
                None => return i64::MAX,
            }
        }
        match unit.checked_mul(10) {
            Some(next) => unit = next,
            None => return i64::MAX,
        }
    }
}

fn height_of(value: i64, top: i64) -> f64 {
    (value as f64 / top.max(1) as f64) * (BOTTOM - TOP)
}

fn bars(step: ChartStep, values: &BTreeMap<i64, i64>, top: i64, show: impl Fn(i64) -> String) -> Vec<Bar> {
    let slot = (WIDTH - LEFT) / values.len().max(1) as f64;
    let width = (slot * 0.78).min(BAR_MAX);
    let mut bars = Vec::new();
    for (index, (day, value)) in values.iter().enumerate() {
        if *value <= 0 {
            continue;
        }
        // A value that is not nothing is seen.
        let height = height_of(*value, top).max(1.5);
        bars.push(Bar {
            x: format!("{:.1}", LEFT + slot * index as f64 + (slot - width) / 2.0),
            y: format!("{:.1}", BOTTOM - height),
            width: format!("{width:.1}"),
            height: format!("{height:.1}"),
            title: format!("{}: {}", step.label(*day), show(*value)),
        });
    }
    bars
}

fn ticks(top: i64, unit: ChartUnit) -> Vec<Tick> {
    let values = if top < 2 { vec![0, top] } else { vec![0, top / 2, top] };
    let tick = |value: i64| {
        let y = BOTTOM - height_of(value, top);
        let text = match unit {
            ChartUnit::Count => format::compact(value),
            ChartUnit::Money if value >= 10_000_000 => format!("${}", format::compact(value / 1_000_000)),
            ChartUnit::Money => format::dollars(value),
        };
        Tick { y: format!("{y:.1}"), text_y: format!("{:.1}", y + 4.0), text }
    };
    values.into_iter().map(tick).collect()
}

/// The first, the middle and the last start.
fn labels(step: ChartStep, values: &BTreeMap<i64, i64>) -> Vec<AxisLabel> {
    let days: Vec<i64> = values.keys().copied().collect();
    let slot = (WIDTH - LEFT) / days.len().max(1) as f64;
    let mut shown = vec![0];
    if days.len() > 8 {
        shown.push(days.len() / 2);
    }
    if days.len() > 1 {
        shown.push(days.len() - 1);
    }
    let last = days.len().saturating_sub(1);
    let label = |index: usize| {
        let middle = LEFT + slot * (index as f64 + 0.5);
        let (x, anchor) = match index {
            0 if last > 0 => (LEFT, "start"),
            index if index == last && last > 0 => (WIDTH, "end"),
            _ => (middle, "middle"),
        };
        Some(AxisLabel { x: format!("{x:.1}"), anchor, text: step.label(*days.get(index)?) })
    };
    shown.into_iter().filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        time::parse_date(text).unwrap()
    }

    #[test]
    fn long_ranges_are_shown_by_week_and_month_and_lose_nothing() {
        let from = day("2024-12-30");
        for (to, step, bars) in [
            ("2025-01-28", ChartStep::Day, 30),
            ("2025-06-29", ChartStep::Week, 26),
            ("2026-12-29", ChartStep::Month, 25),
        ] {
            let to = day(to);
            assert_eq!(ChartStep::of(from, to), step);
            let by_day: BTreeMap<i64, i64> = (from..=to).map(|day| (day, 2)).collect();
            let chart = Chart::of_days("c", "Messages", ChartUnit::Count, (from, to), &by_day);
            assert_eq!((chart.bars.len(), chart.table.rows.len()), (bars, bars), "{step:?}");
            let sum: i64 = chart
                .table
                .rows
                .iter()
                .map(|row| match row[1] {
                    TableCell::Number(number) => number,
                    _ => 0,
                })
                .sum();
            assert_eq!(sum, 2 * (to - from + 1));
        }
        assert_eq!(ChartStep::Week.start(day("2025-01-05")), day("2024-12-30"), "a Sunday");
        assert_eq!(ChartStep::Month.next(day("2025-01-01")), day("2025-02-01"));
    }

    #[test]
    fn bars_stay_inside_the_drawing_whatever_the_values() {
        for value in [0, 1, 7, 999_999, i64::MAX] {
            let by_day = BTreeMap::from([(10, value), (12, 1)]);
            for unit in [ChartUnit::Count, ChartUnit::Money] {
                let chart = Chart::of_days("c", "Cost", unit, (10, 12), &by_day);
                for bar in &chart.bars {
                    let y: f64 = bar.y.parse().unwrap();
                    assert!((TOP - 0.1..=BOTTOM).contains(&y), "{value}: {y}");
                }
            }
        }
        let empty = Chart::of_days("c", "Cost", ChartUnit::Money, (10, 10), &BTreeMap::new());
        assert!(empty.bars.is_empty() && empty.description.contains("at most $0.00"));
        let far =
            Chart::of_days("c", "Cost", ChartUnit::Count, (-700_000, 2_900_000), &BTreeMap::from([(5, 3)]));
        assert!(far.table.rows.len() < 300);
    }

    #[test]
    fn axis_ends_at_a_round_number() {
        assert_eq!(
            [0, 1, 2, 3, 7, 11, 4_999, 50_001, i64::MAX].map(nice_top),
            [1, 1, 2, 5, 10, 20, 5_000, 100_000, i64::MAX]
        );
    }
}
