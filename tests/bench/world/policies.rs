//! The three policies on the same mail: ours; "one hit lists"; "believe the bottom Received line".
//!
//! [`Evidence::take`] judges every message once and keeps what each policy takes from it, by the address that it blames.
//! [`Listed::ours`] replays an origin's evidence as it came in. The other two list at once, for the hard limit after the
//! newest sample.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use firsthand_analyzer::address::{Origin, is_special_purpose, parse_address};
use firsthand_analyzer::evidence::{Arrival, HOUR, Stamps, Unit, UnitKey, unit_of};
use firsthand_analyzer::listing::{Listing, replay_all};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::sample::{Header, Sample};
use firsthand_analyzer::score::{List, PRESUMED_OVER, Policy, Registry};
use firsthand_analyzer::topology::Topology;
use firsthand_analyzer::verdict::judge;

use crate::actors::{World, lied_at};
use crate::mail::{Templates, To, text};
use crate::spans::Spans;
use crate::traps::{Feed, bound, count, unit};

/// How long the two simple policies list, in seconds.
const LISTED_FOR: i64 = 72 * HOUR;

/// How often the evidence of the lying feed is replayed, in seconds. All of it is direct, so a score takes longer than
/// this to fall from where a listing begins to where it ends: none can go unseen.
const LIES_REPLAYED: i64 = 24 * HOUR;

/// How often a listing is renewed at most, in seconds.
const RENEWAL: i64 = 6 * HOUR;

/// A sample that is evidence, in few bytes: there are millions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    at: i64,
    recipient: u16,
    feed: Feed,
    nature: Nature,
    null_sender: bool,
}

/// What the policies take from the mail.
#[derive(Clone, Default)]
pub(crate) struct Evidence {
    ours: BTreeMap<Origin, Vec<Seen>>,
    peers: BTreeMap<Origin, Vec<i64>>,
    bottoms: BTreeMap<Origin, Vec<i64>>,
    /// Messages judged.
    pub(crate) judged: usize,
    /// Samples without an origin.
    pub(crate) unattributed: usize,
    /// Samples with another origin than the peer that the relay recorded.
    pub(crate) elsewhere: usize,
}

impl Evidence {
    /// Takes all mail of these actors. `done` is told of each actor that is through.
    pub(crate) fn take(&mut self, world: &World, templates: &Templates, actors: &[usize], done: &(impl Fn() + Sync)) {
        let topologies = Feed::ALL.map(Feed::topology);
        let judged = in_parallel(actors, |actor| {
            let mut part = Self::default();
            part.judge_all(world, *actor, templates, &topologies);
            done();
            part
        });
        judged.into_iter().for_each(|part| self.join(part));
        // A victim is named by many at once.
        self.bottoms.values_mut().chain(self.peers.values_mut()).for_each(|hits| hits.sort_unstable());
        self.ours.values_mut().for_each(|seen| seen.sort_by_key(|seen| seen.at));
    }

    /// Judges all mail of one actor.
    fn judge_all(&mut self, world: &World, actor: usize, templates: &Templates, topologies: &[Topology; 4]) {
        let actor = &world.actors[actor];
        for mail in world.mails(actor) {
            let message = text(actor, &mail, templates);
            let feed = mail.to.feed();
            let topology = &topologies[feed as usize];
            let verdict = judge(&Sample { message: &message, envelope: None, observed_peer: None }, topology);
            self.judged += 1;
            self.unattributed += usize::from(verdict.origin.is_err());
            self.elsewhere += usize::from(verdict.origin.is_ok_and(|origin| origin != actor.address));
            let mut samples = |recipient: usize| {
                let trap = feed.recipient(recipient);
                let may_list = topology.may_list();
                let arrival =
                    Arrival { feed: feed.name(), trap: &trap, at: mail.at, stamps: Stamps::Ignored, may_list };
                let Ok(UnitKey { origin, nature, null_sender, .. }) = unit_of(&verdict, &arrival) else { return };
                let seen = Seen { at: mail.at, recipient: recipient as u16, feed, nature, null_sender };
                self.ours.entry(origin).or_default().push(seen);
            };
            match mail.to {
                To::One(_, recipient) => samples(recipient),
                // The same bytes for each trap: each is a sample of its own.
                To::Liar => lied_at().for_each(samples),
            }
            if feed != Feed::Wanted {
                self.peers.entry(Origin::from(actor.address)).or_default().push(mail.at);
                if let Some(bottom) = bottom(&message) {
                    self.bottoms.entry(Origin::from(bottom)).or_default().push(mail.at);
                }
            }
        }
    }

    fn join(&mut self, other: Self) {
        fn extend<T>(all: &mut BTreeMap<Origin, Vec<T>>, more: BTreeMap<Origin, Vec<T>>) {
            for (origin, more) in more {
                all.entry(origin).or_default().extend(more);
            }
        }
        extend(&mut self.ours, other.ours);
        extend(&mut self.peers, other.peers);
        extend(&mut self.bottoms, other.bottoms);
        self.judged += other.judged;
        self.unattributed += other.unattributed;
        self.elsewhere += other.elsewhere;
    }

    /// Whether two worlds say the same of every IPv4 address. A listing is a pure function of what is said here.
    pub(crate) fn says_the_same_of_ipv4(&self, other: &Self) -> bool {
        fn v4<T>(all: &BTreeMap<Origin, Vec<T>>) -> Vec<(&Origin, &Vec<T>)> {
            all.iter().filter(|(origin, _)| matches!(origin, Origin::V4(_))).collect()
        }
        v4(&self.ours) == v4(&other.ours)
            && v4(&self.peers) == v4(&other.peers)
            && v4(&self.bottoms) == v4(&other.bottoms)
    }

    /// Everybody that some policy has evidence on.
    pub(crate) fn origins(&self) -> Vec<Origin> {
        let mut origins: Vec<Origin> =
            self.ours.keys().chain(self.peers.keys()).chain(self.bottoms.keys()).copied().collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }
}

/// The address that the bottom-most Received line states in front of its `by`; if it states no public one, the next above.
fn bottom(message: &[u8]) -> Option<IpAddr> {
    let header = Header::read(message).ok()?;
    let lines: Vec<String> =
        header.all("Received").map(|field| String::from_utf8_lossy(&field.unfolded()).into_owned()).collect();
    lines.iter().rev().find_map(|line| {
        let source = line.split_once("by ").map_or(line.as_str(), |(source, _)| source).replace("IPv6:", " ");
        let words = source.split(|symbol: char| !(symbol.is_ascii_hexdigit() || symbol == '.' || symbol == ':'));
        words.filter_map(parse_address).rfind(|address| !is_special_purpose(*address))
    })
}

/// When an address was listed.
#[derive(Clone, Default, Debug)]
pub(crate) struct Listed {
    /// By us, in each list of [`List::ALL`].
    pub(crate) ours: [Spans; 3],
    /// The hour that began the first listing in `spam`, as the listing states it.
    pub(crate) since: Option<i64>,
    /// By the first sample.
    pub(crate) one_hit: Spans,
    /// By the bottom-most Received line.
    pub(crate) bottom: Spans,
}

impl Listed {
    /// When everybody was listed. `done` is told of each origin that is through.
    pub(crate) fn all(evidence: &Evidence, registry: &Registry, done: &(impl Fn() + Sync)) -> BTreeMap<Origin, Self> {
        let policy = Policy::default();
        let listed = |origin: &Origin| {
            let mut listed = evidence
                .ours
                .get(origin)
                .map_or_else(Self::default, |seen| Self::ours(*origin, seen, registry, &policy));
            listed.one_hit = at_once(evidence.peers.get(origin));
            listed.bottom = at_once(evidence.bottoms.get(origin));
            done();
            (*origin, listed)
        };
        in_parallel(&evidence.origins(), listed).into_iter().collect()
    }

    /// Replays an origin whenever its evidence changes; between, what it came to stands until the end that it told.
    fn ours(origin: Origin, all: &[Seen], registry: &Registry, policy: &Policy) -> Self {
        let mut listed = Self::default();
        let mut units: Vec<Unit> = Vec::new();
        let (mut replayed, mut pending) = (i64::MIN / 2, false);
        for (index, seen) in all.iter().enumerate() {
            // Wanted mail never begins a listing in `spam`, and the others do not heed it.
            let heeded = seen.feed != Feed::Wanted || listed.ours[0].hold(seen.at);
            pending |= add(&mut units, origin, seen) && heeded;
            let next = all.get(index + 1).map(|next| next.at);
            if !pending || next.is_some_and(|next| next < replayed + listed.may_wait(seen, next)) {
                continue;
            }
            pending = false;
            bound(&mut units);
            replayed = seen.at;
            let standing = replay_all(origin, &units, registry, policy, seen.at);
            outlive(&mut units, &standing, registry, policy, seen.at);
            for (list, spans) in List::ALL.into_iter().zip(&mut listed.ours) {
                let listing = standing.iter().find(|(listed, _)| *listed == list).map(|(_, listing)| listing);
                spans.tell(seen.at, listing.map(|listing| listing.until));
                if list == List::Spam {
                    listed.since = listed.since.or(listing.map(|listing| listing.since));
                }
            }
        }
        listed
    }

    /// For how long after a replay a sample may wait for the next one, which comes at `next`: what it counts for is listed
    /// until then, so that it can only renew that.
    fn may_wait(&self, seen: &Seen, next: i64) -> i64 {
        let [spam, backscatter, mixed] = &self.ours;
        let stands = match (seen.feed, seen.nature.is_reflected(), seen.null_sender) {
            (Feed::Liar, ..) => return LIES_REPLAYED,
            (Feed::Wanted, ..) => false,
            (_, false, _) => spam.hold(next),
            (_, true, true) => backscatter.hold(next),
            (_, true, false) => spam.hold(next) || mixed.hold(next),
        };
        if stands { RENEWAL } else { 0 }
    }
}

/// Drops of an origin's units what the publisher drops: what weighs nothing any more, where what is listed is so without it.
fn outlive(units: &mut Vec<Unit>, standing: &[(List, Listing)], registry: &Registry, policy: &Policy, now: i64) {
    let oldest = now - policy.hard_limit - PRESUMED_OVER;
    let recent: Vec<Unit> = units.iter().filter(|unit| unit.key.hour * HOUR >= oldest).cloned().collect();
    let Some(origin) = recent.first().map(|unit| unit.key.origin).filter(|_| recent.len() < units.len()) else {
        return;
    };
    let ends = |listings: &[(List, Listing)]| -> Vec<(List, i64)> {
        listings.iter().map(|(list, listing)| (*list, listing.until)).collect()
    };
    if ends(&replay_all(origin, &recent, registry, policy, now)) == ends(standing) {
        *units = recent;
    }
}

/// Counts a sample into its unit, and tells whether a replay can find anything new: a unit that was not there, or another
/// share of an hour in which both direct and reflected mail came.
fn add(units: &mut Vec<Unit>, origin: Origin, seen: &Seen) -> bool {
    let hour = seen.at.div_euclid(HOUR);
    let (feed, trap) = (seen.feed.name(), seen.feed.recipient(usize::from(seen.recipient)));
    let (mut known, mut mixed) = (None, false);
    // Samples come in time order, so those of this hour are the last.
    for (index, unit) in units.iter().enumerate().rev().take_while(|(_, unit)| unit.key.hour == hour) {
        if unit.key.trap == trap && unit.key.feed == feed {
            mixed |= unit.key.nature.is_reflected() != seen.nature.is_reflected();
            if unit.key.nature == seen.nature && unit.key.null_sender == seen.null_sender {
                known = Some(index);
            }
        }
    }
    match known {
        Some(index) => count(&mut units[index], seen.at),
        None => {
            let (nature, null_sender, feed) = (seen.nature, seen.null_sender, feed.to_owned());
            units.push(unit(UnitKey { origin, feed, trap, nature, null_sender, hour }, seen.at));
        }
    }
    known.is_none() || mixed
}

/// Listed from each hit for [`LISTED_FOR`].
fn at_once(hits: Option<&Vec<i64>>) -> Spans {
    let mut spans = Spans::default();
    for at in hits.into_iter().flatten() {
        spans.tell(*at, Some(at + LISTED_FOR));
    }
    spans
}

/// Does the same with each, on all processors; the results in the order of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some((index, item)) = items.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    results.lock().expect("no work panics under the lock").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no work panics under the lock");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
