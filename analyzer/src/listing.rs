//! When a listing begins and ends, and what may never be listed.
//!
//! Enters: an origin's units, a list, the registry, the policy, an instant; and the exemptions. Leaves: a [`Listing`] or none,
//! replayed in time order so that arrival order and repetition cannot matter; and [`Admitted`], which only
//! [`Exemptions::admit`] makes, so that a zone with an exempt entry cannot be built (G6).

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

use crate::address::{Origin, special_networks};
use crate::evidence::{HOUR, Unit};
use crate::score::{List, Policy, Registry, Sweep};

/// An origin that is listed, as its units tell.
#[derive(Clone, PartialEq, Debug)]
pub struct Listing {
    /// Who is listed.
    pub origin: Origin,
    /// The start of the hour whose evidence began it, as Unix seconds.
    pub since: i64,
    /// The Unix second at which it ends unless evidence renews it.
    pub until: i64,
}

/// The listing in `list` that stands at `now`, if one does.
///
/// Each hour of evidence is taken in turn as if it had just come: below `list_at` or without its quorum nothing begins;
/// once begun, a listing stands until the score falls below `delist_at`, and never longer than the hard limit after the
/// newest hour that counts.
pub fn replay(
    origin: Origin,
    units: &[Unit],
    list: List,
    registry: &Registry,
    policy: &Policy,
    now: i64,
) -> Option<Listing> {
    let mut sweep = Sweep::of(units, list, registry, policy);
    let (mut since, mut last) = (None, 0);
    while let Some(hour) = sweep.next_hour().filter(|hour| hour * HOUR <= now) {
        let at = hour * HOUR;
        // Unchanged evidence never scores higher later: what stands now has stood since it began.
        since = since.filter(|_| sweep.standing(at).stands(policy));
        sweep.take(hour);
        since = since.or_else(|| sweep.standing(at).lists(policy).then_some(at));
        last = at;
    }
    let listing = Listing { origin, since: since?, until: end(&sweep, policy, last) };
    Some(listing).filter(|listing| listing.until > now)
}

/// The listings that stand at `now`, one for each list at most. Whoever is in `spam` is not in `mixed` too.
pub fn replay_all(
    origin: Origin,
    units: &[Unit],
    registry: &Registry,
    policy: &Policy,
    now: i64,
) -> Vec<(List, Listing)> {
    let stands = |list| replay(origin, units, list, registry, policy, now).map(|listing| (list, listing));
    let spam = stands(List::Spam);
    // Without reflected mail nothing is in the others that is not in `spam`.
    if units.iter().all(|unit| !unit.key.nature.is_reflected()) {
        return spam.into_iter().collect();
    }
    let mixed = if spam.is_some() { None } else { stands(List::Mixed) };
    [spam, stands(List::Backscatter), mixed].into_iter().flatten().collect()
}

/// The first second at or after `from` at which the hours known so far score below `delist_at`.
fn end(sweep: &Sweep<'_>, policy: &Policy, from: i64) -> i64 {
    let now = sweep.standing(from);
    let Some(newest) = now.newest.filter(|_| now.stands(policy)) else { return from };
    // Unchanged evidence never scores higher later, so the end can be found by halving.
    let (mut standing, mut ended) = (from, newest + policy.hard_limit);
    while ended - standing > 1 {
        let middle = standing + (ended - standing) / 2;
        if sweep.standing(middle).stands(policy) { standing = middle } else { ended = middle }
    }
    ended
}

/// Why a network is never listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exemption {
    /// The network.
    pub network: IpNet,
    /// The reason, for the operator.
    pub reason: String,
}

impl fmt::Display for Exemption {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.network, self.reason)
    }
}

/// All exemptions.
#[derive(Clone, Default)]
pub struct Exemptions {
    v4: PrefixMap<Ipv4Net, String>,
    v6: PrefixMap<Ipv6Net, String>,
}

impl Exemptions {
    /// Exactly these exemptions, and none by default: for tests on documentation addresses. See [`Exemptions::standard`].
    pub fn only(exemptions: impl IntoIterator<Item = Exemption>) -> Self {
        let mut set = Self::default();
        for Exemption { network, reason } in exemptions {
            match network {
                IpNet::V4(network) => drop(set.v4.insert(network.trunc(), reason)),
                IpNet::V6(network) => drop(set.v6.insert(network.trunc(), reason)),
            }
        }
        set
    }

    /// The special-purpose networks of RFC 6890, documentation included, and these.
    pub fn standard(more: impl IntoIterator<Item = Exemption>) -> Self {
        let special =
            special_networks().map(|network| Exemption { network, reason: "special-purpose, RFC 6890".into() });
        // What the operator says last stands, so that `why` shows the operator's own reason.
        Self::only(special.chain(more))
    }

    /// The exemption that covers `origin` or lies inside it.
    pub fn covering(&self, origin: Origin) -> Option<Exemption> {
        fn exemption(network: impl Into<IpNet>, reason: &str) -> Exemption {
            Exemption { network: network.into(), reason: reason.to_owned() }
        }
        match origin.network() {
            IpNet::V4(network) => self.v4.get_lpm(&network).map(|(net, reason)| exemption(*net, reason)),
            IpNet::V6(network) => {
                let inside = self.v6.children(&network).next();
                self.v6.get_lpm(&network).or(inside).map(|(net, reason)| exemption(*net, reason))
            }
        }
    }

    /// The exemption that covers an address.
    pub fn covering_address(&self, address: IpAddr) -> Option<Exemption> {
        self.covering(Origin::from(address))
    }

    /// Lets a listing into the zone.
    ///
    /// # Errors
    /// The exemption that keeps it out.
    pub fn admit(&self, origin: Origin, until: i64) -> Result<Admitted, Exemption> {
        match self.covering(origin) {
            Some(exemption) => Err(exemption),
            None => Ok(Admitted { origin, until: u64::try_from(until).unwrap_or(0) }),
        }
    }
}

/// A listing that passed the exemptions. It must never be made but by [`Exemptions::admit`] (G6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Admitted {
    origin: Origin,
    until: u64,
}

impl Admitted {
    /// Who is listed.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The Unix second at which the listing ends.
    pub fn until(&self) -> u64 {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::UnitKey;
    use crate::nature::Nature;
    use crate::score::{Tier, Trap, Trust};
    use proptest::prelude::*;

    const ORIGIN: Origin = Origin::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn registry() -> Registry {
        let trap = |domain: usize| {
            (
                format!("t{domain}"),
                Trap {
                    domain: format!("d{domain}.example"),
                    tier: Tier::Pristine,
                    sends: false,
                    accepts_reports: false,
                },
            )
        };
        Registry { traps: (0..5).map(trap).collect(), feeds: [("own".to_owned(), Trust::Own)].into() }
    }

    fn hit(trap: usize, hour: i64) -> Unit {
        let (feed, trap) = ("own".to_owned(), format!("t{trap}"));
        let key = UnitKey { origin: ORIGIN, feed, trap, nature: Nature::Direct, null_sender: false, hour };
        Unit { key, samples: 1 }
    }

    fn at(units: &[Unit], now: i64) -> Option<Listing> {
        replay(ORIGIN, units, List::Spam, &registry(), &Policy::default(), now)
    }

    #[test]
    fn three_traps_list_until_the_score_has_halved_and_more() {
        let units = [hit(0, 100), hit(1, 100), hit(2, 100)];
        let listing = at(&units, 100 * HOUR + 5).unwrap();
        assert_eq!(listing.since, 100 * HOUR);
        // 3 × 2^(−t/48 h) = 1.25 at t = 48 h × log2(2.4), some 60.6 h.
        assert!((listing.until - 100 * HOUR - (48.0 * 2.4f64.log2() * 3600.0) as i64).abs() <= 1);
        assert!(at(&units, listing.until - 1).is_some());
        assert!(at(&units, listing.until).is_none());
        assert!(at(&units[..2], 100 * HOUR).is_none());
    }

    /// D02: without new evidence nothing stands longer than the hard limit.
    #[test]
    fn the_hard_limit_ends_everything() {
        let units: Vec<Unit> = (0..5).map(|trap| hit(trap, 100)).collect();
        assert_eq!(at(&units, 100 * HOUR).unwrap().until, 172 * HOUR);
    }

    #[test]
    fn hysteresis_keeps_what_it_listed_and_a_renewal_keeps_its_beginning() {
        let mut units = vec![hit(0, 100), hit(1, 100), hit(2, 100)];
        units.push(hit(3, 140));
        let listing = at(&units, 141 * HOUR).unwrap();
        assert_eq!(listing.since, 100 * HOUR);
        // The same score that keeps a listing does not begin one.
        let weak = [hit(0, 100), hit(1, 100), hit(3, 140)];
        assert!(at(&weak, 141 * HOUR).is_none());
    }

    /// G6: whatever covers an origin or lies in its /64 keeps it out.
    #[test]
    fn exempt_is_exempt() {
        let set = Exemptions::standard([Exemption {
            network: "2a00:1:2:3::25/128".parse().unwrap(),
            reason: "our own mail servers".into(),
        }]);
        for text in [
            "10.1.2.3",
            "127.0.0.2",
            "192.0.2.1",
            "203.0.113.9",
            "::1",
            "fe80::1",
            "2001:db8::1",
            "2002::1",
            "2a00:1:2:3::99",
            "5f00::1",
        ] {
            assert!(set.admit(Origin::from(text.parse::<IpAddr>().unwrap()), 1).is_err(), "{text}");
        }
        for text in ["83.70.211.36", "26.51.100.25", "2a00:1:2:4::25"] {
            assert!(set.admit(Origin::from(text.parse::<IpAddr>().unwrap()), 1).is_ok(), "{text}");
        }
    }

    /// A listing found hour by hour as its definition has it, each time from all units: slow, and plain.
    fn by_definition(units: &[Unit], list: List, now: i64) -> Option<(i64, i64)> {
        let (registry, policy) = (registry(), Policy::default());
        let known =
            |at: i64| -> Vec<Unit> { units.iter().filter(|unit| unit.key.hour * HOUR <= at).cloned().collect() };
        let score = |from: i64, at: i64| crate::score::score(&known(from), list, &registry, &policy, at);
        let mut hours: Vec<i64> = units.iter().map(|unit| unit.key.hour * HOUR).filter(|at| *at <= now).collect();
        hours.sort_unstable();
        hours.dedup();
        let mut standing: Option<(i64, i64)> = None;
        for at in hours {
            standing = standing.filter(|(_, until)| *until > at);
            let fresh = score(at, at);
            let lists = fresh.value >= 2.5 && fresh.traps >= 3 && fresh.domains >= 3;
            let Some(since) = standing.map(|(since, _)| since).or(lists.then_some(at)) else { continue };
            let until = (at / 600..).map(|step| step * 600).find(|later| *later > at && score(at, *later).value < 1.25);
            standing = until.map(|until| (since, until));
        }
        standing.filter(|(_, until)| *until > now)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// The sweep finds what the definition says (the end to ten minutes), in every list.
        #[test]
        fn a_replay_is_what_its_definition_says(hits in prop::collection::vec((0..5usize, 100i64..160, any::<bool>(), any::<bool>(), 1u16..6), 0..14), now in 100i64..180) {
            let unit = |(trap, hour, bounce, null_sender, samples): &(usize, i64, bool, bool, u16)| {
                let mut unit = hit(*trap, *hour);
                unit.key.nature = if *bounce { Nature::Bounce } else { Nature::Direct };
                unit.key.null_sender = *null_sender;
                unit.samples = *samples;
                unit
            };
            let units: Vec<Unit> = hits.iter().map(unit).collect();
            for list in List::ALL {
                let found = replay(ORIGIN, &units, list, &registry(), &Policy::default(), now * HOUR);
                let defined = by_definition(&units, list, now * HOUR);
                let near = found.as_ref().zip(defined).is_none_or(|(found, (since, until))| {
                    found.since == since && (found.until - until).abs() <= 600
                });
                // Within ten minutes of the end the two may differ on whether it has come.
                let ending = found.as_ref().is_some_and(|found| found.until - now * HOUR <= 600);
                prop_assert!(near && (found.is_some() == defined.is_some() || ending), "{list:?}: {found:?}, {defined:?}");
            }
        }
    }

    proptest! {
        /// The end is known when the listing is made: asked at any later time, unchanged units give the same listing.
        #[test]
        fn a_listing_tells_its_end(hits in prop::collection::vec((0..5usize, 100i64..180), 0..12), later in 0i64..400_000) {
            let units: Vec<Unit> = hits.iter().map(|(trap, hour)| hit(*trap, *hour)).collect();
            let now = 180 * HOUR;
            match at(&units, now) {
                Some(listing) if now + later < listing.until => prop_assert_eq!(at(&units, now + later), Some(listing)),
                _ => prop_assert_eq!(at(&units, now + later), None),
            }
        }

        /// D02: every listing ends within the hard limit of its newest evidence.
        #[test]
        fn no_listing_outlives_the_hard_limit(hits in prop::collection::vec((0..5usize, 100i64..180), 1..12)) {
            let units: Vec<Unit> = hits.iter().map(|(trap, hour)| hit(*trap, *hour)).collect();
            let newest = hits.iter().map(|(_, hour)| *hour).max().unwrap() * HOUR;
            prop_assert!(at(&units, newest + 72 * HOUR).is_none());
            if let Some(listing) = at(&units, newest) {
                prop_assert!(listing.until <= newest + 72 * HOUR && listing.until > newest);
            }
        }
    }
}
