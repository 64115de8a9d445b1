//! The period of a schedule: the interval in the units that a calendar can count.

use std::time::Duration;

/// A period that divides the next larger unit, so that runs are evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    /// Below a minute.
    Seconds(u64),
    /// Below an hour.
    Minutes(u64),
    /// Up to a day.
    Hours(u64),
}

impl Period {
    /// The longest period that is no longer than the interval.
    pub(super) fn near(interval: Duration) -> Period {
        let seconds = interval.as_secs().max(1);
        match seconds {
            0..60 => Period::Seconds(divisor(60, seconds)),
            60..3600 => Period::Minutes(divisor(60, seconds / 60)),
            _ => Period::Hours(divisor(24, seconds / 3600)),
        }
    }
}

/// The largest divisor of a unit that is at most `max`.
fn divisor(unit: u64, max: u64) -> u64 {
    (1..=max.min(unit)).rev().find(|divisor| unit.is_multiple_of(*divisor)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_is_never_longer_than_the_interval() {
        for (seconds, expected) in [
            (1, Period::Seconds(1)),
            (45, Period::Seconds(30)),
            (60, Period::Minutes(1)),
            (300, Period::Minutes(5)),
            (420, Period::Minutes(6)),
            (3599, Period::Minutes(30)),
            (3600, Period::Hours(1)),
            (18_000, Period::Hours(4)),
            (86_400, Period::Hours(24)),
        ] {
            assert_eq!(Period::near(Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }
}
