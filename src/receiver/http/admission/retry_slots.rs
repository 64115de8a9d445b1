//! `Retry-After` of requests that are rejected for load: as if they stood in a queue that moves as fast as requests are served.
//!
//! Invariant: the waits of requests that are rejected together are spread, so that they do not come back together.

use crate::receiver::limits::{RETRY_AFTER_MAX_S, SERVED_PER_SECOND_MIN};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Shortest period over which served requests are counted.
const PERIOD: Duration = Duration::from_secs(1);

/// Times at which rejected requests may come again.
pub struct RetrySlots(Mutex<SlotState>);

struct SlotState {
    /// Time of the next free slot.
    next: Instant,
    per_second: f64,
    period_began: Instant,
    served: u32,
}

impl RetrySlots {
    /// Starts without rejected requests.
    pub fn new(now: Instant) -> RetrySlots {
        RetrySlots(Mutex::new(SlotState {
            next: now,
            per_second: SERVED_PER_SECOND_MIN,
            period_began: now,
            served: 0,
        }))
    }

    /// Counts a request that was served.
    pub fn record_served(&self, now: Instant) {
        let mut state = self.lock();
        state.served = state.served.saturating_add(1);
        state.close_period(now);
    }

    /// Takes a slot, and returns the seconds until then. `random` is a number from 0 to 1.
    pub fn take(&self, now: Instant, random: f64) -> u64 {
        let mut state = self.lock();
        state.close_period(now);
        state.next = state.next.max(now) + Duration::from_secs_f64(1.0 / state.per_second);
        let wait_max_s = RETRY_AFTER_MAX_S as f64;
        let wait_s = state.next.saturating_duration_since(now).as_secs_f64();
        let spread_s = if wait_s < wait_max_s {
            wait_s + random * (1.0 + wait_s / 2.0)
        } else {
            // More requests than the longest wait has slots: they share its second half.
            state.next = now + Duration::from_secs(RETRY_AFTER_MAX_S);
            wait_max_s * (0.5 + random / 2.0)
        };
        (spread_s.ceil() as u64).clamp(1, RETRY_AFTER_MAX_S)
    }

    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl SlotState {
    /// Averages the requests of a period with those before. A receiver that had little to do could have served more.
    fn close_period(&mut self, now: Instant) {
        let period = now.saturating_duration_since(self.period_began);
        if period < PERIOD {
            return;
        }
        let latest = f64::from(self.served) / period.as_secs_f64();
        self.per_second = ((self.per_second + latest) / 2.0).max(SERVED_PER_SECOND_MIN);
        (self.period_began, self.served) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits of so many requests that are rejected at once.
    fn waits(slots: &RetrySlots, now: Instant, count: u32) -> Vec<u64> {
        (0..count).map(|n| slots.take(now, f64::from(n % 11) / 10.0)).collect()
    }

    #[test]
    fn one_rejected_request_comes_soon_and_many_are_spread_over_the_time_that_they_take() {
        let now = Instant::now();
        let mut few = waits(&RetrySlots::new(now), now, 20);
        few.sort_unstable();
        assert_eq!((few[0], few[19]), (1, 2), "two of them do not meet for certain");
        let many = waits(&RetrySlots::new(now), now, 5_000);
        for second in 1..=RETRY_AFTER_MAX_S {
            let share = many.iter().filter(|wait| **wait == second).count();
            assert!(share > 0 && share < 1_000, "{share} come after {second} s");
        }
        assert!(many.iter().all(|wait| *wait <= RETRY_AFTER_MAX_S));
    }

    #[test]
    fn faster_receiver_is_asked_again_sooner() {
        let now = Instant::now();
        let (slow, fast) = (RetrySlots::new(now), RetrySlots::new(now));
        let mut later = now;
        for _ in 0..10 {
            (0..2_000).for_each(|_| fast.record_served(later));
            later += PERIOD;
            slow.record_served(later);
        }
        let longest = |slots| waits(slots, later, 1_000).into_iter().max();
        assert!(longest(&fast) < longest(&slow));
        // The queue moves on while nobody is rejected.
        assert!(fast.take(later + Duration::from_secs(60), 0.0) == 1);
    }
}
