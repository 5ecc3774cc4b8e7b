//! Which hours at traps count in a list, and how.
//!
//! Enters: an origin's units, a list, the registry. Leaves: [`CountedHour`]s in time order. What an hour counts depends on
//! units of that hour and the day before it, never on the instant that asks: so it is found once for a whole replay.

use std::collections::BTreeMap;

use super::{List, Registry, Tier, Trap, Trust};
use crate::evidence::{HOUR, SAMPLES_LIMIT, Unit};
use crate::nature::Nature;

/// The time over which an origin's hours presume each other to be reflected, in seconds. Evidence must be kept so much
/// longer than it counts, or what it presumed would come to count when it goes.
pub const PRESUMED_OVER: i64 = 24 * HOUR;

/// An hour at a trap of a feed that counts.
#[derive(Clone, Copy)]
pub(super) struct CountedHour<'a> {
    pub(super) trap: &'a str,
    pub(super) feed: &'a str,
    pub(super) trust: Trust,
    /// What the feed's word weighs.
    pub(super) belief: f64,
    pub(super) domain: &'a str,
    pub(super) tier: Tier,
    pub(super) hour: i64,
    pub(super) samples: u32,
}

/// The hours that count in a list, in time order.
pub(super) fn counted<'a>(units: &'a [Unit], list: List, registry: &'a Registry) -> Vec<CountedHour<'a>> {
    let mut tallies: BTreeMap<(i64, &str, &str), Tally> = BTreeMap::new();
    for unit in units {
        if let (Some(trap), true) = (registry.traps.get(&unit.key.trap), registry.feeds.contains_key(&unit.key.feed)) {
            tallies.entry((unit.key.hour, &unit.key.feed, &unit.key.trap)).or_default().add(unit, trap);
        }
    }
    let presumed = if list == List::Spam { presumed_reflected(&tallies, registry) } else { Vec::new() };
    let mut counted = Vec::with_capacity(tallies.len());
    for ((hour, feed, trap_id), tally) in tallies {
        let (Some(trap), Some(trust)) = (registry.traps.get(trap_id), registry.feeds.get(feed)) else { continue };
        let samples = tally.counts(list);
        if samples > 0 && presumed.binary_search(&(hour, feed)).is_err() {
            let Trap { domain, tier, .. } = trap;
            let (trust, tier, belief) = (*trust, *tier, registry.weight(feed));
            counted.push(CountedHour { trap: trap_id, feed, trust, belief, domain, tier, hour, samples });
        }
    }
    counted
}

/// The samples of an hour at a trap, by how they count.
#[derive(Clone, Copy, Default)]
struct Tally {
    direct: u32,
    /// Reflected with the null sender, at a trap that never sends.
    null_reflected: u32,
    /// Reflected with another sender, at a trap that never sends.
    other_reflected: u32,
    all: u32,
    /// Whether more samples were reflected than a unit counts, so that their share is not known.
    full: bool,
}

impl Tally {
    fn add(&mut self, unit: &Unit, trap: &Trap) {
        let samples = u32::from(unit.samples);
        if unit.key.nature == Nature::AbuseReport && trap.accepts_reports {
            return;
        }
        self.all += samples;
        let reflected = unit.key.nature.is_reflected();
        self.full |= reflected && unit.samples == SAMPLES_LIMIT;
        match (reflected, unit.key.null_sender) {
            (false, _) => self.direct += samples,
            // Whatever answers a trap that sends may answer what it sent.
            (true, _) if trap.sends => {}
            (true, true) => self.null_reflected += samples,
            (true, false) => self.other_reflected += samples,
        }
    }

    /// Whether it is a direct hour: more than three quarters reflected presume the rest to be so too (G3).
    fn is_direct(self) -> bool {
        self.direct > 0 && self.direct * 4 >= self.all && !self.full
    }

    /// How many of them count in a list.
    fn counts(self, list: List) -> u32 {
        match list {
            List::Spam if !self.is_direct() => 0,
            List::Spam => self.direct,
            List::Backscatter => self.null_reflected,
            List::Mixed => self.direct + self.other_reflected,
        }
    }
}

/// The feeds' hours that what an origin did in the day up to them presumes to be reflected (B01), in order.
///
/// Where a trap gets a bounce an hour, one that was misread is an hour by itself, and a few such hours would list a server
/// that does nothing but reflect. So each trap tells which share of its hours were direct, and where the traps' shares
/// come to less than a quarter of the traps, no hour is direct. By traps, or dressed mail to one trap, an hour after the
/// other, would excuse spam to many; by feed, or a feed could excuse what another saw; and only those traps speak whose
/// word counts for a listing.
fn presumed_reflected<'a>(
    tallies: &BTreeMap<(i64, &'a str, &'a str), Tally>,
    registry: &Registry,
) -> Vec<(i64, &'a str)> {
    if tallies.values().all(|tally| tally.all == 0 || tally.is_direct()) {
        return Vec::new();
    }
    #[derive(Default)]
    struct Hours {
        direct: u32,
        all: u32,
    }
    let mut by_feed: BTreeMap<&str, Vec<(i64, &str, bool)>> = BTreeMap::new();
    for ((hour, feed, trap_id), tally) in tallies {
        let speaks = registry.traps.get(*trap_id).is_some_and(|trap| trap.tier.counts_for_quorum() && !trap.sends);
        if speaks && tally.all > 0 {
            by_feed.entry(feed).or_default().push((*hour, trap_id, tally.is_direct()));
        }
    }
    let mut presumed = Vec::new();
    for (feed, hours) in by_feed {
        let mut window: BTreeMap<&str, Hours> = BTreeMap::new();
        let (mut entering, mut leaving) = (0, 0);
        while entering < hours.len() {
            let hour = hours[entering].0;
            while let Some((_, trap, direct)) = hours.get(entering).filter(|(next, ..)| *next == hour) {
                let at_trap = window.entry(trap).or_default();
                at_trap.all += 1;
                at_trap.direct += u32::from(*direct);
                entering += 1;
            }
            while let Some((_, trap, direct)) =
                hours.get(leaving).filter(|(old, ..)| *old <= hour - PRESUMED_OVER / HOUR)
            {
                if let Some(at_trap) = window.get_mut(trap) {
                    at_trap.all -= 1;
                    at_trap.direct -= u32::from(*direct);
                    if at_trap.all == 0 {
                        window.remove(trap);
                    }
                }
                leaving += 1;
            }
            let direct: f64 = window.values().map(|at_trap| f64::from(at_trap.direct) / f64::from(at_trap.all)).sum();
            if direct * 4.0 < window.len() as f64 {
                presumed.push((hour, feed));
            }
        }
    }
    presumed.sort_unstable();
    presumed
}
