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
use crate::score::{List, Policy, Registry, Sweep, Trust};

/// An origin that is listed, as its units tell.
#[derive(Clone, PartialEq, Debug)]
pub struct Listing {
    /// Who is listed.
    pub origin: Origin,
    /// The start of the hour whose evidence began it, as Unix seconds.
    pub since: i64,
    /// The Unix second at which it ends unless evidence renews it.
    pub until: i64,
    /// The least number of traps without whose evidence it would not have begun when it last could have: how many would
    /// have to be known to a framer. At least 1.
    pub framing_cost: usize,
    /// The score at that time.
    pub score: f64,
}

/// Somebody asked that an address be taken off.
///
/// It hides the units whose newest sample is older than the asking, deletes nothing and raises no quorum: new evidence
/// lists again as it would list anybody (F01).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Removal {
    /// When it was asked for, in Unix seconds.
    pub asked: i64,
    /// When it takes effect, in Unix seconds; not before `asked`.
    pub effective: i64,
}

/// The units that no removal hides at `now`.
pub fn visible(mut units: Vec<Unit>, removals: &[Removal], now: i64) -> Vec<Unit> {
    let in_effect = removals.iter().filter(|removal| removal.effective <= now);
    if let Some(asked) = in_effect.map(|removal| removal.asked).max() {
        units.retain(|unit| unit.newest >= asked);
    }
    units
}

/// How long a removal by self-service waits before it takes effect, in seconds, after so many others of the same address in
/// the last 30 days: nothing, six hours, twelve, a day, two, at most three (F01).
pub fn self_service_delay(earlier: u32) -> i64 {
    match earlier {
        0 => 0,
        earlier => ((6 * HOUR) << (earlier - 1).min(4)).min(72 * HOUR),
    }
}

/// When the listings of an origin end that stand now, if nothing comes: as they tell, or at the next removal.
pub fn end_by_removal(until: i64, removals: &[Removal], now: i64) -> i64 {
    removals.iter().map(|removal| removal.effective).filter(|effective| *effective > now).fold(until, i64::min)
}

/// The listing in `list` that stands at `now`, if one does.
///
/// Each hour of evidence is taken in turn as if it had just come: below `list_at`, without its quorum, or with less than
/// half of the people who wanted its mail, nothing begins; once begun, a listing stands until the score falls below
/// `delist_at` or that half, and never longer than the hard limit after the newest hour that counts. Mail that people
/// wanted begins nothing, whenever it comes.
pub fn replay(
    origin: Origin,
    units: &[Unit],
    list: List,
    registry: &Registry,
    policy: &Policy,
    now: i64,
) -> Option<Listing> {
    let mut sweep = Sweep::of(units, list, registry, policy);
    let (mut since, mut last, mut proven) = (None, 0, (0, 0.0));
    while let Some(hour) = sweep.next_hour().filter(|hour| hour * HOUR <= now) {
        let at = hour * HOUR;
        since = since.filter(|_| sweep.stands_through(last, at));
        let spoke = sweep.take(hour);
        let standing = sweep.standing(at);
        since = since.filter(|_| standing.stands(policy));
        if spoke && standing.lists(policy) {
            since = since.or(Some(at));
            proven = (at, standing.value);
        }
        last = at;
    }
    let (since, until) = (since?, sweep.end(last));
    if until <= now {
        return None;
    }
    // Only what stands is worth a second look.
    let mut proof = Sweep::of(units, list, registry, policy);
    while let Some(hour) = proof.next_hour().filter(|hour| hour * HOUR <= proven.0) {
        proof.take(hour);
    }
    Some(Listing { origin, since, until, framing_cost: proof.framing_cost(proven.0), score: proven.1 })
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
    // Without reflected and wanted mail nothing is in the others that is not in `spam`.
    let is_plain = |unit: &Unit| !unit.key.nature.is_reflected() && !registry.wanted.contains(&unit.key.feed);
    if units.iter().all(is_plain) {
        return spam.into_iter().collect();
    }
    let mixed = if spam.is_some() { None } else { stands(List::Mixed) };
    [spam, stands(List::Backscatter), mixed].into_iter().flatten().collect()
}

/// The foreign feeds without any one of which a listing that stands at `now` would not.
pub fn needed_feeds(
    origin: Origin,
    units: &[Unit],
    list: List,
    registry: &Registry,
    policy: &Policy,
    now: i64,
) -> Vec<String> {
    let mut feeds: Vec<&str> = units.iter().map(|unit| unit.key.feed.as_str()).collect();
    feeds.sort_unstable();
    feeds.dedup();
    feeds.retain(|feed| registry.feeds.get(*feed) == Some(&Trust::Foreign));
    feeds.retain(|feed| {
        let others: Vec<Unit> = units.iter().filter(|unit| unit.key.feed != *feed).cloned().collect();
        replay(origin, &others, list, registry, policy, now).is_none()
    });
    feeds.into_iter().map(str::to_owned).collect()
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

    /// The exempt networks; some may lie in others.
    pub fn networks(&self) -> impl Iterator<Item = IpNet> {
        let four = self.v4.keys().map(|network| IpNet::V4(*network));
        four.chain(self.v6.keys().map(|network| IpNet::V6(*network)))
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
    use crate::score::{Tier, Trap};
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
        Registry {
            traps: (0..5).map(trap).collect(),
            feeds: [("own", Trust::Own), ("less", Trust::Own)].map(|(name, trust)| (name.to_owned(), trust)).into(),
            weights: [("less".to_owned(), 0.6)].into(),
            ..Registry::default()
        }
    }

    fn hit(trap: usize, hour: i64) -> Unit {
        let (feed, trap) = ("own".to_owned(), format!("t{trap}"));
        let key = UnitKey { origin: ORIGIN, feed, trap, nature: Nature::Direct, null_sender: false, hour };
        Unit { key, samples: 1, newest: hour * HOUR }
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

    fn wanted_hit(recipient: usize, hour: i64) -> Unit {
        let mut unit = hit(recipient, hour);
        unit.key.feed = "mailboxes".into();
        unit.key.trap = format!("r{recipient}");
        unit
    }

    fn with_wanted() -> Registry {
        Registry { wanted: ["mailboxes".to_owned()].into(), ..registry() }
    }

    /// C01: whose mail people want is in `mixed`, not in `spam`; and twice as many people weigh as much as the traps.
    #[test]
    fn wanted_mail_keeps_out_of_spam() {
        let lists = |recipients: usize, now: i64| {
            let mut units: Vec<Unit> = (0..4).map(|trap| hit(trap, 100)).collect();
            units.extend((0..recipients).map(|recipient| wanted_hit(recipient, 100)));
            let standing = replay_all(ORIGIN, &units, &with_wanted(), &Policy::default(), now * HOUR);
            standing.into_iter().map(|(list, _)| list).collect::<Vec<_>>()
        };
        assert_eq!(lists(8, 100), [List::Spam]);
        assert_eq!(lists(9, 100), [List::Mixed]);
        assert_eq!(lists(8, 130), [List::Spam]);
        // What comes after it began ends it; and it does not begin again when nothing but time has passed.
        let mut units: Vec<Unit> = (0..3).map(|trap| hit(trap, 100)).collect();
        units.extend((0..9).map(|recipient| wanted_hit(recipient, 40)));
        let at = |units: &[Unit], hour: i64| {
            replay(ORIGIN, units, List::Spam, &with_wanted(), &Policy::default(), hour * HOUR).is_some()
        };
        assert!(at(&units, 100));
        units.extend((0..9).map(|recipient| wanted_hit(recipient, 105)));
        assert!(at(&units, 104) && !at(&units, 105) && !at(&units, 130));
    }

    /// F01: a removal hides what came before it was asked for, from when it takes effect.
    #[test]
    fn a_removal_hides_what_came_before() {
        let removal = Removal { asked: 101 * HOUR, effective: 103 * HOUR };
        let mut units: Vec<Unit> = (0..3).map(|trap| hit(trap, 100)).collect();
        let seen = |units: &[Unit], hour: i64| visible(units.to_vec(), &[removal], hour * HOUR);
        assert_eq!(seen(&units, 102).len(), 3);
        assert_eq!(seen(&units, 103), []);
        units.push(hit(3, 101));
        assert_eq!(seen(&units, 103), [hit(3, 101)]);
        assert_eq!(end_by_removal(200 * HOUR, &[removal], 102 * HOUR), 103 * HOUR);
        assert_eq!(end_by_removal(200 * HOUR, &[removal], 103 * HOUR), 200 * HOUR);
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
        fn a_replay_is_what_its_definition_says(hits in prop::collection::vec((0..5usize, 100i64..160, any::<bool>(), any::<bool>(), 1u16..6), 0..14), less in 0..14usize, now in 100i64..180) {
            let unit = |(at, (trap, hour, bounce, null_sender, samples)): (usize, &(usize, i64, bool, bool, u16))| {
                let mut unit = hit(*trap, *hour);
                if at % 3 == less % 4 {
                    unit.key.feed = "less".into();
                }
                unit.key.nature = if *bounce { Nature::Bounce } else { Nature::Direct };
                unit.key.null_sender = *null_sender;
                unit.samples = *samples;
                unit
            };
            let units: Vec<Unit> = hits.iter().enumerate().map(unit).collect();
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
        /// More wanted mail never lists, at whatever time one asks.
        #[test]
        fn more_wanted_mail_never_lists(
            hits in prop::collection::vec((0..5usize, 100i64..180), 0..12),
            wanted in prop::collection::vec((0..9usize, 60i64..180), 0..24),
            more in prop::collection::vec((0..9usize, 60i64..180), 1..24),
            now in 100i64..260,
        ) {
            let mut units: Vec<Unit> = hits.iter().map(|(trap, hour)| hit(*trap, *hour)).collect();
            units.extend(wanted.iter().map(|(recipient, hour)| wanted_hit(*recipient, *hour)));
            let listed = |units: &[Unit]| {
                replay(ORIGIN, units, List::Spam, &with_wanted(), &Policy::default(), now * HOUR)
            };
            let before = listed(&units);
            units.extend(more.iter().map(|(recipient, hour)| wanted_hit(*recipient, *hour)));
            if let Some(after) = listed(&units) {
                prop_assert!(before.is_some_and(|before| before.until >= after.until));
            }
        }

        /// The end is known when the listing is made, with wanted mail as well.
        #[test]
        fn a_listing_tells_its_end_in_spite_of_wanted_mail(
            hits in prop::collection::vec((0..5usize, 100i64..180), 0..12),
            wanted in prop::collection::vec((0..9usize, 60i64..180), 0..24),
            later in 0i64..300_000,
        ) {
            let mut units: Vec<Unit> = hits.iter().map(|(trap, hour)| hit(*trap, *hour)).collect();
            units.extend(wanted.iter().map(|(recipient, hour)| wanted_hit(*recipient, *hour)));
            let at = |now: i64| replay(ORIGIN, &units, List::Spam, &with_wanted(), &Policy::default(), now);
            let now = 180 * HOUR;
            match at(now) {
                Some(listing) if now + later < listing.until => prop_assert_eq!(at(now + later), Some(listing)),
                _ => prop_assert_eq!(at(now + later), None),
            }
        }

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
