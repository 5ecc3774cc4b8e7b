//! Which share of the samples comes from one origin: where most do, a balancer or a gateway may stand before a relay that
//! sees nobody else (A09).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::HOUR;

/// The fewest samples of an hour of which a share is told.
const ENOUGH: u32 = 50;

/// The most origins that are counted in an hour; those beyond it are few each.
const ORIGINS_LIMIT: usize = 100_000;

/// What came in the current hour.
#[derive(Default)]
pub(super) struct Shares(Mutex<Hour>);

#[derive(Default)]
struct Hour {
    hour: i64,
    all: u32,
    most: u32,
    origins: HashMap<Origin, u32>,
}

impl Shares {
    /// Counts a sample of an origin at `now` (Unix seconds); tells the greatest share of any one origin in this hour so far,
    /// 0 while too few have come.
    pub(super) fn count(&self, origin: Origin, now: i64) -> f64 {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.div_euclid(HOUR);
        if counted.hour != hour {
            *counted = Hour { hour, ..Hour::default() };
        }
        counted.all = counted.all.saturating_add(1);
        if counted.origins.len() < ORIGINS_LIMIT || counted.origins.contains_key(&origin) {
            let count = counted.origins.entry(origin).or_default();
            *count = count.saturating_add(1);
            let count = *count;
            counted.most = counted.most.max(count);
        }
        if counted.all < ENOUGH { 0.0 } else { f64::from(counted.most) / f64::from(counted.all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_share_is_told_when_enough_came() {
        let shares = Shares::default();
        for number in 0..49 {
            assert_eq!(shares.count(Origin::V6(number % 2), HOUR), 0.0);
        }
        assert!((shares.count(Origin::V6(0), HOUR) - 26.0 / 50.0).abs() < 1e-9);
        assert_eq!(shares.count(Origin::V6(0), 2 * HOUR), 0.0);
    }
}
