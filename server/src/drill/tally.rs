//! What comes of the messages: evidence, and from it listings, by the same functions that the service uses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{Arrival, HOUR, Unit, UnitKey, unit_of};
use firsthand_analyzer::forms::STAMP;
use firsthand_analyzer::listing::{Listing, replay_all};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::sample::Sample;
use firsthand_analyzer::score::List;
use firsthand_analyzer::verdict::{Verdict, judge};

use super::ground::Ground;
use super::mail::Shot;

/// When messages arrive: a moment after the relays stamped them.
pub(super) const NOW: i64 = STAMP + 5;

/// The hour of it.
pub(super) const THIS_HOUR: i64 = NOW.div_euclid(HOUR);

/// The evidence of one attack.
pub(super) struct Tally<'g> {
    ground: &'g Ground,
    counts: BTreeMap<Origin, BTreeMap<UnitKey, u16>>,
    /// The first message that made evidence about an origin.
    first: BTreeMap<Origin, String>,
    /// How many messages were judged, and how many had an origin.
    pub(super) fired: usize,
    /// How many of them named an address.
    pub(super) named: BTreeMap<Origin, usize>,
    /// How many proved nothing, by the reason.
    pub(super) refused: BTreeMap<&'static str, usize>,
}

/// The unit that a key and a count of samples make.
fn unit(key: &UnitKey, samples: u16) -> Unit {
    Unit { key: key.clone(), samples, newest: key.hour * HOUR }
}

impl<'g> Tally<'g> {
    /// Nothing yet.
    pub(super) fn new(ground: &'g Ground) -> Self {
        let (counts, first, named, refused) = Default::default();
        Self { ground, counts, first, fired: 0, named, refused }
    }

    /// The verdict on a message.
    pub(super) fn judge(&self, shot: &Shot) -> Verdict {
        let sample = Sample { message: &shot.message, envelope: Some(&shot.envelope), observed_peer: shot.observed };
        judge(&sample, &self.ground.declared.feeds[shot.feed].topology)
    }

    /// Sends a message to every trap.
    pub(super) fn fire(&mut self, shot: &Shot) -> Verdict {
        let verdict = self.judge(shot);
        self.take(shot, &verdict);
        verdict
    }

    /// Takes in the verdict on a message that went to every trap.
    pub(super) fn take(&mut self, shot: &Shot, verdict: &Verdict) {
        self.fired += 1;
        match verdict.origin {
            Ok(origin) => *self.named.entry(Origin::from(origin)).or_default() += 1,
            Err(reason) => *self.refused.entry(reason.name()).or_default() += 1,
        }
        for key in self.keys(shot, verdict) {
            self.first.entry(key.origin).or_insert_with(|| shot.told.clone());
            self.add(key, 1);
        }
    }

    /// The units to which a message adds, at every trap, now.
    pub(super) fn keys(&self, shot: &Shot, verdict: &Verdict) -> Vec<UnitKey> {
        let feed = &self.ground.declared.feeds[shot.feed];
        let keys = self.ground.targets.iter().filter(|target| feed.speaks_for(&target.id)).filter_map(|target| {
            let (trap, may_list) = (&*target.id, feed.topology.may_list());
            unit_of(verdict, &Arrival { feed: &feed.name, trap, at: NOW, stamps: feed.stamps, may_list }).ok()
        });
        keys.collect()
    }

    /// Adds samples to a unit.
    pub(super) fn add(&mut self, key: UnitKey, samples: u16) {
        let count = self.counts.entry(key.origin).or_default().entry(key).or_default();
        *count = count.saturating_add(samples);
    }

    /// Every origin that there is evidence about, with the first message that made it.
    pub(super) fn origins(&self) -> impl Iterator<Item = (Origin, &str)> {
        self.first.iter().map(|(origin, told)| (*origin, told.as_str()))
    }

    /// The units of an origin.
    pub(super) fn units(&self, origin: Origin) -> Vec<Unit> {
        self.counts.get(&origin).into_iter().flatten().map(|(key, samples)| unit(key, *samples)).collect()
    }

    /// What is published of an origin at `now`: its listings, if no exemption keeps it out (G6).
    pub(super) fn listings_of(&self, origin: Origin, now: i64) -> Vec<(List, Listing)> {
        let declared = &self.ground.declared;
        let standing = replay_all(origin, &self.units(origin), &declared.registry, &declared.policy, now);
        standing.into_iter().filter(|(_, listing)| declared.exemptions.admit(origin, listing.until).is_ok()).collect()
    }

    /// Who is listed where at `now`.
    pub(super) fn listed(&self, now: i64) -> Vec<(List, Origin)> {
        let listings = self.counts.keys().flat_map(|origin| self.listings_of(*origin, now));
        listings.map(|(list, listing)| (list, listing.origin)).collect()
    }
}

/// A direct hit in one hour, whoever brought it about.
pub(super) fn hit(origin: IpAddr, feed: &str, trap: &str, hour: i64) -> UnitKey {
    let (feed, trap) = (feed.to_owned(), trap.to_owned());
    UnitKey { origin: Origin::from(origin), feed, trap, nature: Nature::Direct, null_sender: false, hour }
}
