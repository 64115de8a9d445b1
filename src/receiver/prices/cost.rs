//! Costs of tokens, exact until they are read.
//!
//! Invariant: a cost is the exact sum of tokens times price and is rounded once, when it is read, so that the costs of groups
//! add up to that of their total before the rounding.

use super::price_list::{PRICED_KINDS, Price};

/// Prices are per so many tokens.
const TOKENS_OF_A_PRICE: i128 = 1_000_000;

/// Sums of tokens of one model and day. 128 bits hold the product with any price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageSums {
    /// Tokens by kind, in the order of [`Price`].
    pub priced: [i128; PRICED_KINDS],
    /// Tokens that are written to the cache, for however long.
    pub cache_creation: i128,
}

impl UsageSums {
    /// The sums of a row's tokens: input, output, cache read, cache creation, and of the last the part that is kept for an hour.
    pub fn of([input, output, cache_read, cache_creation, cache_write_1h]: [i64; 5]) -> UsageSums {
        let cache_write = cache_creation.saturating_sub(cache_write_1h).max(0);
        UsageSums {
            priced: [input, output, cache_read, cache_write, cache_write_1h].map(i128::from),
            cache_creation: i128::from(cache_creation),
        }
    }
}

/// The cost of a group, and its tokens without a price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Micro-dollars times [`TOKENS_OF_A_PRICE`]; `None` where nothing has a price.
    exact: Option<i128>,
    unpriced_tokens: i128,
}

impl Cost {
    /// Adds the tokens of one model and day at its price.
    pub fn add(&mut self, usage: &UsageSums, price: Option<&Price>) {
        match price {
            Some(Price(prices)) => {
                let products = usage.priced.iter().zip(prices);
                let cost = products.fold(0_i128, |sum, (tokens, price)| {
                    sum.saturating_add(tokens.saturating_mul(i128::from(*price)))
                });
                self.exact = Some(self.exact.unwrap_or(0).saturating_add(cost));
            }
            None => {
                let [input, output, cache_read, ..] = usage.priced;
                for tokens in [input, output, cache_read, usage.cache_creation] {
                    self.unpriced_tokens = self.unpriced_tokens.saturating_add(tokens);
                }
            }
        }
    }

    /// Adds the cost of another group.
    pub fn merge(&mut self, other: &Cost) {
        if let Some(exact) = other.exact {
            self.exact = Some(self.exact.unwrap_or(0).saturating_add(exact));
        }
        self.unpriced_tokens = self.unpriced_tokens.saturating_add(other.unpriced_tokens);
    }

    /// Micro-dollars, rounded half up; `None` where nothing has a price.
    pub fn micros(&self) -> Option<i64> {
        let exact = self.exact?;
        let rounded = exact.saturating_add(TOKENS_OF_A_PRICE / 2).div_euclid(TOKENS_OF_A_PRICE);
        Some(i64::try_from(rounded).unwrap_or(i64::MAX))
    }

    /// Tokens without a price.
    pub fn unpriced_tokens(&self) -> i64 {
        i64::try_from(self.unpriced_tokens).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usage(priced: [i128; PRICED_KINDS]) -> UsageSums {
        UsageSums { priced, cache_creation: priced[3] + priced[4] }
    }

    fn cost(groups: &[(UsageSums, Option<Price>)]) -> Cost {
        let mut cost = Cost::default();
        groups.iter().for_each(|(usage, price)| cost.add(usage, price.as_ref()));
        cost
    }

    #[test]
    fn cost_is_rounded_half_up_once() {
        let half = (usage([1, 0, 0, 0, 0]), Some(Price([500_000, 0, 0, 0, 0])));
        assert_eq!(cost(&[half]).micros(), Some(1));
        assert_eq!(cost(&[half, half]).micros(), Some(1));
        assert_eq!(cost(&[half, half, half]).micros(), Some(2));
        let less = (usage([1, 0, 0, 0, 0]), Some(Price([499_999, 0, 0, 0, 0])));
        assert_eq!(cost(&[less]).micros(), Some(0));
    }

    #[test]
    fn tokens_without_a_price_are_counted_and_cost_nothing() {
        let unpriced = (UsageSums { priced: [1, 2, 3, 0, 9], cache_creation: 4 }, None);
        assert_eq!((cost(&[unpriced]).micros(), cost(&[unpriced]).unpriced_tokens()), (None, 10));
        let priced = (usage([0; PRICED_KINDS]), Some(Price([1; PRICED_KINDS])));
        assert_eq!((cost(&[unpriced, priced]).micros(), cost(&[priced]).unpriced_tokens()), (Some(0), 0));
        assert_eq!(cost(&[]).micros(), None);
    }

    /// Sums of up to 10^15 tokens, at prices of up to the largest number that a list may have.
    fn group() -> impl Strategy<Value = (UsageSums, Option<Price>)> {
        let tokens = prop::array::uniform5(0..=1_000_000_000_000_000_i128);
        let prices = prop::array::uniform5(0..=9_007_199_254_740_991_i64);
        (tokens, prop::option::of(prices)).prop_map(|(tokens, prices)| (usage(tokens), prices.map(Price)))
    }

    proptest! {
        #[test]
        fn groups_add_up_to_their_total_without_overflow(groups in prop::collection::vec(group(), 0..40), at in 0..40_usize) {
            let total = cost(&groups);
            let mut merged = Cost::default();
            groups.iter().for_each(|group| merged.merge(&cost(&[*group])));
            prop_assert_eq!(merged, total);
            let (one, other) = groups.split_at(at.min(groups.len()));
            let parts = [cost(one), cost(other)];
            let sum = parts.iter().filter_map(|part| part.exact).fold(None, |sum: Option<i128>, part| {
                Some(sum.unwrap_or(0).checked_add(part).expect("no overflow"))
            });
            prop_assert_eq!(total.exact, sum);
            prop_assert!(sum.is_none_or(|sum| sum < i128::MAX), "nothing saturates");
            prop_assert_eq!(total.unpriced_tokens, parts[0].unpriced_tokens + parts[1].unpriced_tokens);
            let micros: i128 = parts.iter().filter_map(Cost::micros).map(i128::from).sum();
            if let Some(total) = total.micros().filter(|total| *total < i64::MAX) {
                prop_assert!((micros - i128::from(total)).abs() <= 1, "each part is rounded once");
            }
        }

        #[test]
        fn no_number_of_tokens_overflows(tokens in prop::array::uniform5(0..=i128::from(i64::MAX)), price in 0..=9_007_199_254_740_991_i64) {
            let groups = [(usage(tokens), Some(Price([price; PRICED_KINDS]))), (usage(tokens), None)];
            let cost = cost(&groups.repeat(2_000));
            prop_assert!(cost.micros().is_some_and(|micros| micros >= 0) && cost.unpriced_tokens() >= 0);
        }
    }
}
