//! Refused authentications, counted by address and minute on their way to the audit log.
//!
//! Invariant: a flood of requests without a key costs the store a few rows a minute and address, and this program a bounded
//! table. The log adds the rows of an address and minute up.

use crate::receiver::time::SECOND_US;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

const MINUTE_US: i64 = 60 * SECOND_US;
/// Addresses that are told apart; the refusals of further ones are counted together.
const ADDRESSES_MAX: usize = 1_000;
/// Address of those.
const OTHERS: &str = "other addresses";

/// The refusals that are not written yet.
#[derive(Default)]
pub struct RefusedAuthentications(Mutex<HashMap<(String, i64), Refusals>>);

/// Refusals of one address in one minute.
struct Refusals {
    first_at: i64,
    unwritten: i64,
    /// Time of the next row. The pause doubles with each one.
    write_at: i64,
    pause: i64,
}

/// A row for the audit log.
#[derive(Debug, PartialEq, Eq)]
pub struct RefusalRow {
    pub address: String,
    pub at: i64,
    pub count: i64,
}

impl RefusedAuthentications {
    /// Counts a refusal.
    pub fn add(&self, address: Option<IpAddr>, now: i64) {
        let address =
            address.map_or_else(|| "unknown".to_owned(), |address| address.to_canonical().to_string());
        let mut by_address = self.lock();
        let key = (address, now.div_euclid(MINUTE_US));
        let is_full = by_address.len() >= ADDRESSES_MAX && !by_address.contains_key(&key);
        let key = if is_full { (OTHERS.to_owned(), key.1) } else { key };
        let new = || Refusals { first_at: now, unwritten: 0, write_at: now, pause: SECOND_US };
        by_address.entry(key).or_insert_with(new).unwritten += 1;
    }

    /// Takes the rows that are due, or all of them.
    pub fn take(&self, now: i64, all: bool) -> Vec<RefusalRow> {
        let mut by_address = self.lock();
        let mut rows = Vec::new();
        by_address.retain(|(address, minute), refusals| {
            let is_over = *minute != now.div_euclid(MINUTE_US);
            if refusals.unwritten > 0 && (all || is_over || now >= refusals.write_at) {
                let count = std::mem::take(&mut refusals.unwritten);
                rows.push(RefusalRow { address: address.clone(), at: refusals.first_at, count });
                refusals.write_at = now + refusals.pause;
                refusals.pause *= 2;
            }
            !is_over
        });
        rows
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, i64), Refusals>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_from_one_address_is_a_few_rows_a_minute_that_add_up() {
        let refusals = RefusedAuthentications::default();
        let address = Some("192.0.2.1".parse().unwrap());
        let mut rows = Vec::new();
        for second in 0..60 {
            (0..10).for_each(|_| refusals.add(address, second * SECOND_US));
            rows.extend(refusals.take(second * SECOND_US, false));
        }
        rows.extend(refusals.take(MINUTE_US, false));
        assert!(rows.len() < 10, "{rows:?}");
        assert_eq!(rows.iter().map(|row| row.count).sum::<i64>(), 600);
        assert!(rows.iter().all(|row| row.at == 0 && row.address == "192.0.2.1"), "{rows:?}");
        assert_eq!(refusals.take(2 * MINUTE_US, true), []);
        assert!(refusals.lock().is_empty());
    }

    #[test]
    fn addresses_are_bounded() {
        let refusals = RefusedAuthentications::default();
        for number in 0..2 * ADDRESSES_MAX as u32 {
            refusals.add(Some(std::net::Ipv4Addr::from(number).into()), 0);
        }
        let rows = refusals.take(0, false);
        assert_eq!(rows.len(), ADDRESSES_MAX + 1);
        assert_eq!(rows.iter().map(|row| row.count).sum::<i64>(), 2 * ADDRESSES_MAX as i64);
    }
}
