//! Prices by model and day. A model is found by its exact name, or by the name without vendor, version and date.
//!
//! Invariant: a name is never matched by a prefix, so that a new model is unpriced until it has a price of its own.

use std::collections::BTreeMap;

/// Kinds of tokens with a price of their own: input, output, cache read, cache write for 5 minutes and for an hour.
pub const PRICED_KINDS: usize = 5;

/// The price of a model, in micro-dollars per million tokens of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(pub [i64; PRICED_KINDS]);

/// Prices of one model by the first UTC day, counted from the epoch, on which they hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelPrices(BTreeMap<i64, Price>);

impl ModelPrices {
    /// The price on a day.
    pub fn on(&self, day: i64) -> Option<&Price> {
        self.0.range(..=day).next_back().map(|(_, price)| price)
    }
}

/// Prices of models, each from a day on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    /// By exact name.
    by_model: BTreeMap<String, ModelPrices>,
}

impl PriceList {
    /// Adds the price of a model from a day on; false if the model has one from that day.
    pub fn insert(&mut self, model: &str, first_day: i64, price: Price) -> bool {
        self.by_model.entry(model.to_owned()).or_default().0.insert(first_day, price).is_none()
    }

    /// This list, with all prices of the models that `other` names replaced.
    #[must_use]
    pub fn overridden_by(mut self, other: PriceList) -> PriceList {
        self.by_model.extend(other.by_model);
        self
    }

    /// The prices of a model.
    pub fn of_model(&self, model: &str) -> Option<&ModelPrices> {
        names(model).find_map(|name| self.by_model.get(name))
    }
}

/// The names by which a model is looked up, the exact one first: without what stands before the last slash, without
/// `anthropic.`, without a version such as `-v2:0`, without a date.
fn names(model: &str) -> impl Iterator<Item = &str> {
    let base = model.rsplit('/').next().unwrap_or(model);
    let own = base.strip_prefix("anthropic.").unwrap_or(base);
    let unversioned = without_version(own);
    [model, base, own, unversioned, without_date(unversioned)].into_iter().filter(|name| !name.is_empty())
}

/// The name without a trailing `-vN:N`.
fn without_version(name: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once("-v") {
        Some((rest, version))
            if version.split_once(':').is_some_and(|(a, b)| is_number(a) && is_number(b)) =>
        {
            rest
        }
        _ => name,
    }
}

/// The name without a trailing `-YYYYMMDD`, `@YYYYMMDD` or `-YYYY-MM-DD`.
fn without_date(name: &str) -> &str {
    for pattern in ["-dddddddd", "@dddddddd", "-dddd-dd-dd"] {
        let Some(at) = name.len().checked_sub(pattern.len()) else { continue };
        let (rest, end) = name.as_bytes().split_at(at);
        let matches = |(byte, pattern): (&u8, u8)| match pattern {
            b'd' => byte.is_ascii_digit(),
            literal => *byte == literal,
        };
        if !rest.is_empty() && end.iter().zip(pattern.bytes()).all(matches) {
            // The end is ASCII, so that it begins at a boundary of characters.
            return &name[..at];
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(models: &[(&str, i64, i64)]) -> PriceList {
        let mut list = PriceList::default();
        for (model, day, input) in models {
            assert!(list.insert(model, *day, Price([*input; PRICED_KINDS])));
        }
        list
    }

    fn price<'l>(list: &'l PriceList, model: &str, day: i64) -> Option<&'l Price> {
        list.of_model(model)?.on(day)
    }

    #[test]
    fn model_is_found_by_its_name_or_without_vendor_version_and_date() {
        let list = list(&[
            ("claude-opus-4-5", 0, 1),
            ("gpt-5", 0, 2),
            ("gpt-4o-2024-05-13", 0, 3),
            ("gpt-4o", 0, 4),
        ]);
        for (model, input) in [
            ("claude-opus-4-5", Some(1)),
            ("claude-opus-4-5-20251101", Some(1)),
            ("claude-opus-4-5@20251101", Some(1)),
            ("anthropic/claude-opus-4-5", Some(1)),
            ("openrouter/anthropic/claude-opus-4-5-20251101", Some(1)),
            ("anthropic.claude-opus-4-5-20251101-v1:0", Some(1)),
            ("bedrock/anthropic.claude-opus-4-5-v12:34", Some(1)),
            ("gpt-5-2025-08-07", Some(2)),
            ("gpt-4o-2024-05-13", Some(3)),
            ("gpt-4o-2024-08-06", Some(4)),
            ("claude-opus-4", None),
            ("claude-opus-4-5-latest", None),
            ("claude-opus-4-5-2025110", None),
            ("claude-opus-4-5-v1", None),
            ("us.anthropic.claude-opus-4-5", None),
            ("Claude-Opus-4-5", None),
            ("gpt-5-mini", None),
            ("-20251101", None),
            ("é-2025110é", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(price(&list, model, 0).map(|price| price.0[0]), input, "{model}");
        }
    }

    #[test]
    fn price_holds_from_its_day_until_the_next_and_not_before_the_first() {
        let list = list(&[("m", 10, 1), ("m", 20, 2)]);
        let input = |day| price(&list, "m", day).map(|price| price.0[0]);
        assert_eq!([9, 10, 19, 20, i64::MAX].map(input), [None, Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn another_list_replaces_all_prices_of_its_models() {
        let changed = list(&[("a", 0, 1), ("a", 10, 2), ("b", 0, 3)]).overridden_by(list(&[("a", 5, 9)]));
        let input = |model, day| price(&changed, model, day).map(|price| price.0[0]);
        assert_eq!(
            [input("a", 4), input("a", 5), input("a", 10), input("b", 0)],
            [None, Some(9), Some(9), Some(3)]
        );
    }
}
