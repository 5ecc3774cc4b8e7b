//! Listings → exemptions and brake → versions in the journal. Its only writer.
//!
//! As soon as evidence comes, and every tick without it, the publisher replays the origins whose evidence changed and those
//! whose listing is due to end, compares with the zone that is served, and appends one version with the difference; a tick
//! lies between two versions at least. What is new waits for the brake; what is renewed or ends does not. A version is
//! durable before it is served; a serial is never used twice: max(previous + 1, Unix time). When the ledger says no, the
//! last good zone stays.
//!
//! What is published is what the zone holds. The ledger's table of listings is for people: where it says more than the zone,
//! it is set right, and counted. So listings that are brought back to life in the table are not in the zone (E03).

mod brake;
mod clock;
mod queue;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, Unit};
use firsthand_analyzer::listing::{Listing, Removal, needed_feeds, visible};
use firsthand_analyzer::score::{List, PRESUMED_OVER};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::declared::{Current, Declared};
use crate::follow::{Follower, Started, list_index};
use crate::ledger::{CLOCK_MARGIN, Change, Ledger, LedgerError, Publication, Version};
use crate::metrics::Metrics;
use crate::zone::{self, Zone};
use brake::{Brake, Rank, Waiting};
use clock::Clock;
use queue::Queue;
use sweep::Sweep;

/// How often the zone may change, and how often it is looked after when nothing happens.
pub const TICK: Duration = Duration::from_millis(100);

/// How often the ledger drops what is past its time.
const PURGE: Duration = Duration::from_secs(600);

/// How often the zone is written to disk, if it changed.
const SNAPSHOT: Duration = Duration::from_secs(300);

/// The most origins that are replayed for one version, so that none waits long for another's.
const REPLAYED: usize = 2000;

/// The most new listings in one version.
const GROWTH: usize = 5000;

/// The most /64s of one /48 that a list holds (D04).
pub const SITE_LIMIT: usize = 256;

/// The most waiting listings of a list that are shown.
const SHOWN: usize = 100;

/// Turns listings into versions.
pub struct Publisher {
    ledger: Ledger,
    declared: Arc<Current>,
    /// What was declared when it was last looked at.
    seen: Arc<Declared>,
    follower: Follower,
    metrics: Arc<Metrics>,
    orders: Orders,
    serial: u32,
    /// Origins to be replayed.
    queue: Queue,
    /// Origins that a tick has taken in hand and not come to its end with.
    undone: Vec<Origin>,
    /// Those of them that the operator let go.
    unreleased: Vec<(Origin, List)>,
    /// Who waits until all that was let go is in the journal.
    releasing: Vec<(usize, oneshot::Sender<usize>)>,
    /// The generation of evidence up to which each origin is replayed, until that is kept.
    generations: HashMap<Origin, i64>,
    /// What the ledger says is published though the zone does not hold it.
    claimed: HashSet<(Origin, List)>,
    /// Whether such claims are the zone itself, which was lost, and need no brake where they are proven.
    rebuilding: bool,
    brake: Brake,
    /// The /64s that found no room in their /48, by its upper half.
    crowded: BTreeMap<u64, BTreeSet<(List, Origin)>>,
    sweep: Sweep,
    changed: Option<Instant>,
    braking: bool,
    /// The Unix second of the first tick.
    began: Option<i64>,
    /// Whether the wall clock was set since the last tick.
    clock_set: bool,
    /// The origins with evidence of an hour (since 1970) that is still to come, by the next of these.
    ahead: BTreeMap<i64, HashSet<Origin>>,
}

/// What others may ask of the publisher, and what it shows of itself.
#[derive(Clone, Default)]
pub struct Orders(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    release: Vec<Release>,
    braked: Braked,
}

/// What is to be let go, and who waits for it.
struct Release {
    list: Option<List>,
    origin: Option<Origin>,
    done: oneshot::Sender<usize>,
}

/// What the brake holds.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Braked {
    /// Its buckets: a list's or a foreign feed's.
    pub buckets: Vec<Bucket>,
    /// How many listings of each list wait.
    pub waiting: BTreeMap<String, usize>,
    /// The best proven of them.
    pub next: Vec<Held>,
}

/// One bucket of the brake.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// `list spam`, `feed partner`, …
    pub name: String,
    /// How many new listings it lets go now.
    pub tokens: f64,
    /// How many it lets go in an interval, and holds.
    pub size: u32,
}

/// A listing that waits for the brake.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// Whom it lists.
    pub origin: Origin,
    /// In which list.
    pub list: String,
    /// How many traps' evidence would have to go for it to fall.
    pub framing_cost: usize,
    /// The foreign feeds without whose word it would not be.
    pub needs: Vec<String>,
    /// Since when it waits, in Unix seconds.
    pub since: i64,
}

impl Orders {
    /// Lets go what waits for the brake, in a list or in all, of one origin or of all. The answer, how many these are, comes
    /// when all of it is in the journal.
    pub fn release(&self, list: Option<List>, origin: Option<Origin>) -> oneshot::Receiver<usize> {
        let (done, answer) = oneshot::channel();
        self.lock().release.push(Release { list, origin, done });
        answer
    }

    /// What the brake held on the last tick.
    pub fn braked(&self) -> Braked {
        self.lock().braked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What it guards is whole after every statement, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a version is made of.
#[derive(Default)]
struct Draft {
    /// What becomes of an origin in a list: it is listed so, or not any more. What is said last stands.
    changes: BTreeMap<(Origin, List), Option<Listing>>,
    /// Origins whose units before an hour are of no use any more.
    outlived: Vec<(Origin, i64)>,
    /// Origins that the brake let go, which are settled with those that were replayed.
    settled: Vec<Origin>,
    /// The /48s that were looked for room in, as they stand in this draft.
    sites: HashMap<(List, u64), Site>,
}

/// What a list holds of a /48.
struct Site {
    held: BTreeSet<Origin>,
    /// The same with how well each is proven, what is wanted no more last; found once it is full.
    ranked: Option<BTreeSet<Placed>>,
}

/// Whether a listing is wanted no more, how well it is proven, and whose it is; the last makes way first.
type Placed = (bool, Option<Rank>, Origin);

impl Draft {
    fn list(&mut self, list: List, listing: &Listing) {
        self.changes.insert((listing.origin, list), Some(listing.clone()));
    }

    fn delist(&mut self, list: List, origin: Origin) {
        self.changes.insert((origin, list), None);
    }

    /// What becomes of the /64s in the same /48 as this one.
    fn in_same_site(&self, list: List, upper: u64) -> impl Iterator<Item = (Origin, bool)> {
        let (first, last) = (Origin::V6(upper & !0xffff), Origin::V6(upper | 0xffff));
        let site = self.changes.range((first, List::Spam)..=(last, List::Mixed));
        site.filter(move |((_, of), _)| *of == list).map(|((origin, _), listing)| (*origin, listing.is_some()))
    }
}

impl Publisher {
    /// Goes on from what the follower serves.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn new(
        ledger: Ledger,
        declared: Arc<Current>,
        (follower, started): (Follower, Started),
        metrics: Arc<Metrics>,
        orders: Orders,
    ) -> Result<Self, LedgerError> {
        let seen = declared.load();
        let is_swept = ledger.noted(sweep::SWEPT)?.as_deref() == Some(&seen.digest);
        if !is_swept {
            sweep::unsettle(&ledger)?;
        }
        let serial = ledger.serial()?.max(follower.zone().serial());
        if !seen.publishes {
            // Whoever turns publishing off waits for no sweep.
            follower.empty(serial);
        }
        Ok(Self {
            serial,
            brake: Brake::new(seen.brake, ledger.tokens()?),
            sweep: Sweep::from_start(!is_swept),
            rebuilding: started == Started::Empty || !seen.publishes,
            ledger,
            declared,
            seen,
            follower,
            metrics,
            orders,
            queue: Queue::default(),
            undone: Vec::new(),
            unreleased: Vec::new(),
            releasing: Vec::new(),
            generations: HashMap::new(),
            claimed: HashSet::new(),
            crowded: BTreeMap::new(),
            changed: None,
            braking: false,
            began: None,
            clock_set: false,
            ahead: BTreeMap::new(),
        })
    }

    /// Brings the zone up to date at `now` (Unix seconds).
    ///
    /// # Errors
    /// When the ledger says no; what was to be done is tried again on the next tick.
    pub fn tick(&mut self, now: i64) -> Result<(), LedgerError> {
        if self.began.is_none() {
            self.look_for_the_future(now)?;
            self.began = Some(now);
        }
        self.heed_clock(now)?;
        if self.seen.next_end.is_some_and(|end| end <= now) {
            self.declared.renew(now)?;
        }
        self.heed_declarations()?;
        for (origin, generation) in self.ledger.take_touched() {
            self.generations.insert(origin, generation);
            self.queue.evidence(origin);
        }
        for origin in std::mem::take(&mut self.undone) {
            self.queue.evidence(origin);
        }
        for (origin, list) in std::mem::take(&mut self.unreleased) {
            self.brake.release_again(origin, list);
        }
        let mut removed = Vec::new();
        for (list, origin) in self.ledger.due(now, REPLAYED)? {
            match list.and_then(|(list, until)| Some((List::parse(&list)?, until))) {
                Some((list, until)) => self.claim(origin, list, until),
                None => removed.push(origin),
            }
            self.queue.look(origin);
        }
        if self.queue.len() < REPLAYED {
            self.sweep(REPLAYED - self.queue.len())?;
        }
        let orders = std::mem::take(&mut self.orders.lock().release);
        for Release { list, origin, done } in orders {
            self.releasing.push((self.brake.release(list, origin), done));
        }
        let replayed = self.queue.take(REPLAYED);
        self.undone.clone_from(&replayed);
        let mut draft = Draft::default();
        for origin in &replayed {
            self.decide(*origin, now, &mut draft)?;
        }
        let taken = self.brake.take(now, GROWTH);
        self.undone.extend(taken.iter().map(|waiting| waiting.origin));
        let released = taken.iter().filter(|waiting| waiting.released);
        self.unreleased.extend(released.map(|waiting| (waiting.origin, waiting.list)));
        for waiting in taken {
            self.admit(&waiting, now, &mut draft)?;
        }
        removed.retain(|origin| replayed.binary_search(origin).is_ok());
        self.publish(draft, &replayed, removed, now)?;
        self.undone.clear();
        self.unreleased.clear();
        if !self.brake.is_releasing() {
            for (count, done) in self.releasing.drain(..) {
                // Whoever went away does not wait for it.
                let _ = done.send(count);
            }
        }
        self.rebuilding &= !(self.claimed.is_empty() && self.sweep.is_past_the_published());
        self.show(now);
        self.follower.hear(now);
        Ok(())
    }

    /// Takes up what the operator changed, and the end of an exemption.
    fn heed_declarations(&mut self) -> Result<(), LedgerError> {
        let declared = self.declared.load();
        if Arc::ptr_eq(&declared, &self.seen) {
            return Ok(());
        }
        if declared.digest != self.seen.digest {
            tracing::info!("what is declared has changed; every origin is replayed");
            sweep::unsettle(&self.ledger)?;
            self.sweep = Sweep::from_start(true);
        }
        let zone = self.follower.zone();
        // What is exempt is not served from now on, however much it is; from the journal it goes by the usual way.
        let mut exempt = Vec::new();
        for (index, settings) in zone.lists().iter().enumerate() {
            let Some(list) = List::parse(settings.label.as_str()) else { continue };
            let origins = zone.entries(index).map(|(origin, _)| origin);
            for origin in origins.filter(|origin| declared.exemptions.covering(*origin).is_some()) {
                exempt.push(zone::Change::Delist { list: index, origin });
                self.claimed.insert((origin, list));
                self.queue.look(origin);
            }
        }
        self.follower.drop_at_once(&exempt);
        self.follower.hold_to(declared.exemptions.clone());
        self.brake.hold_to(declared.brake);
        self.seen = declared;
        Ok(())
    }

    /// Notes that the ledger says an origin is published until a time, if the zone does not hold it. What ended before this
    /// process began, the zone dropped by itself: that is nothing to tell.
    fn claim(&mut self, origin: Origin, list: List, until: i64) {
        let zone = self.follower.zone();
        let held = list_index(&zone, list.name()).and_then(|index| zone.end(index, origin)).is_some();
        let is_news = !self.rebuilding && self.began.is_none_or(|began| until > began);
        if !held && self.claimed.insert((origin, list)) && is_news {
            self.metrics.disagreements.inc();
        }
    }

    /// What should be published of an origin, that no exemption keeps out.
    fn wanted(&self, origin: Origin, now: i64) -> Result<Vec<(List, Listing)>, LedgerError> {
        self.wanted_by(origin, self.ledger.units(origin)?, &self.ledger.removals(origin, now)?, now)
    }

    /// The same for these units.
    fn wanted_by(
        &self,
        origin: Origin,
        units: Vec<Unit>,
        removals: &[Removal],
        now: i64,
    ) -> Result<Vec<(List, Listing)>, LedgerError> {
        if !self.seen.publishes {
            return Ok(Vec::new());
        }
        let listings = self.seen.listings_of(origin, units, removals, now);
        if let (false, Some(exemption)) = (listings.is_empty(), self.seen.exemptions.covering(origin)) {
            tracing::warn!(%origin, %exemption, "evidence would list an exempt address; it is not listed");
            self.metrics.exempt.inc();
            return Ok(Vec::new());
        }
        Ok(listings)
    }

    /// Compares what should be published of an origin with what is.
    fn decide(&mut self, origin: Origin, now: i64, draft: &mut Draft) -> Result<(), LedgerError> {
        let (units, removals) = (self.ledger.units(origin)?, self.ledger.removals(origin, now)?);
        let all_wanted = self.wanted_by(origin, units.clone(), &removals, now)?;
        self.outlive(origin, &units, &removals, now, draft);
        self.look_ahead(origin, &units, now);
        let zone = self.follower.zone();
        for list in List::ALL {
            let Some(index) = list_index(&zone, list.name()) else { continue };
            let end = zone.end(index, origin).map(|end| i64::try_from(end).unwrap_or(i64::MAX));
            let wanted = all_wanted.iter().find(|(known, _)| *known == list).map(|(_, listing)| listing);
            let claimed = self.claimed.remove(&(origin, list));
            let end_ahead = end.filter(|end| *end > now);
            let is_known = wanted.is_some() && end_ahead.is_none();
            let returns = is_known && (claimed && self.rebuilding || self.ended_ahead(origin, list, now)?);
            match (wanted, end_ahead) {
                (Some(listing), Some(end)) if listing.until == end => {}
                (Some(listing), Some(_)) => draft.list(list, listing),
                (Some(listing), None) if returns => draft.list(list, listing),
                (wanted, _) => {
                    // What ended is taken out, also where it would begin anew: that waits for the brake.
                    if end.is_some() || claimed {
                        draft.delist(list, origin);
                        self.make_room(origin, list);
                    }
                    match wanted {
                        Some(listing) => self.hold(list, listing, &units, &removals, now),
                        None => self.forget(origin, list),
                    }
                }
            }
        }
        Ok(())
    }

    /// Drops units that weigh nothing any more, if the listings that they may have begun stand without them as well: what
    /// follows depends on what is listed and on what weighs, and on nothing before.
    fn outlive(&self, origin: Origin, units: &[Unit], removals: &[Removal], now: i64, draft: &mut Draft) {
        let oldest = now - self.seen.policy.hard_limit - PRESUMED_OVER - CLOCK_MARGIN;
        let recent: Vec<Unit> = units.iter().filter(|unit| unit.key.hour * HOUR >= oldest).cloned().collect();
        if recent.len() == units.len() {
            return;
        }
        // Whether it is published or not: shadow mode and exemptions end, and change nothing of the evidence.
        let with = self.seen.listings_of(origin, units.to_vec(), removals, now);
        let without = self.seen.listings_of(origin, recent, removals, now);
        let ends = |listings: &[(List, Listing)]| -> Vec<(List, i64)> {
            listings.iter().map(|(list, listing)| (*list, listing.until)).collect()
        };
        if ends(&without) == ends(&with) {
            draft.outlived.push((origin, oldest.div_euclid(HOUR)));
        }
    }

    /// Lets a new listing wait for the brake.
    fn hold(&mut self, list: List, listing: &Listing, units: &[Unit], removals: &[Removal], now: i64) {
        let Declared { registry, policy, .. } = &*self.seen;
        let units = visible(units.to_vec(), removals, now);
        let needs = needed_feeds(listing.origin, &units, list, registry, policy, now);
        let listing = listing.clone();
        let waiting = Waiting { origin: listing.origin, list, needs, listing, seen: now, since: now, released: false };
        self.brake.wait(Rank::of(&waiting.listing), waiting);
    }

    /// Puts a listing that the brake let go into the draft, if it is still wanted and there is room for it.
    fn admit(&mut self, waiting: &Waiting, now: i64, draft: &mut Draft) -> Result<(), LedgerError> {
        let Waiting { origin, list, .. } = *waiting;
        draft.settled.push(origin);
        let listing = if waiting.seen == now {
            Some(waiting.listing.clone())
        } else {
            let wanted = self.wanted(origin, now)?.into_iter();
            wanted.filter(|(known, _)| *known == list).map(|(_, listing)| listing).next()
        };
        match listing {
            Some(listing) if self.has_room(&listing, list, now, draft)? => draft.list(list, &listing),
            _ => self.brake.give_back(waiting, now),
        }
        Ok(())
    }

    /// Whether a /64 finds room in its /48: among the best proven [`SITE_LIMIT`], of whom the last makes way.
    fn has_room(&mut self, listing: &Listing, list: List, now: i64, draft: &mut Draft) -> Result<bool, LedgerError> {
        let Origin::V6(upper) = listing.origin else { return Ok(true) };
        let zone = self.follower.zone();
        let Some(index) = list_index(&zone, list.name()) else { return Ok(false) };
        let key = (list, upper >> 16);
        if !draft.sites.contains_key(&key) {
            let mut held: BTreeSet<Origin> = zone.in_same_site(index, upper).map(|(origin, _)| origin).collect();
            for (origin, listed) in draft.in_same_site(list, upper) {
                if listed {
                    held.insert(origin)
                } else {
                    held.remove(&origin)
                };
            }
            draft.sites.insert(key, Site { held, ranked: None });
        }
        let Some(site) = draft.sites.get_mut(&key) else { return Ok(false) };
        let placed = (false, Some(Rank::of(listing)), listing.origin);
        if site.held.len() < SITE_LIMIT {
            site.held.insert(listing.origin);
            if let Some(ranked) = &mut site.ranked {
                ranked.insert(placed);
            }
            return Ok(true);
        }
        // Once in a tick, whoever else asks in it.
        if site.ranked.is_none() {
            let mut ranked = BTreeSet::new();
            for origin in &site.held {
                let wanted = self.wanted(*origin, now)?.into_iter().find(|(known, _)| *known == list);
                ranked.insert((wanted.is_none(), wanted.map(|(_, listing)| Rank::of(&listing)), *origin));
            }
            site.ranked = Some(ranked);
        }
        self.metrics.crowded.inc();
        let crowded = self.crowded.entry(upper >> 16).or_default();
        let ranked = site.ranked.get_or_insert_default();
        match ranked.last().copied().filter(|last| *last > placed) {
            Some(behind @ (.., last)) => {
                ranked.remove(&behind);
                ranked.insert(placed);
                site.held.remove(&last);
                site.held.insert(listing.origin);
                crowded.insert((list, last));
                draft.delist(list, last);
                Ok(true)
            }
            None => {
                crowded.insert((list, listing.origin));
                Ok(false)
            }
        }
    }

    /// Whoever found no room in the /48 of one that goes is looked at again.
    fn make_room(&mut self, gone: Origin, list: List) {
        let Origin::V6(upper) = gone else { return };
        if let Some(crowded) = self.crowded.get_mut(&(upper >> 16)) {
            crowded.remove(&(list, gone));
            crowded.iter().for_each(|(_, origin)| self.queue.look(*origin));
        }
    }

    /// Nothing of this origin waits in this list any more.
    fn forget(&mut self, origin: Origin, list: List) {
        self.brake.forget(origin, list);
        if let Origin::V6(upper) = origin
            && let Some(crowded) = self.crowded.get_mut(&(upper >> 16))
        {
            crowded.remove(&(list, origin));
            if crowded.is_empty() {
                self.crowded.remove(&(upper >> 16));
            }
        }
    }

    fn publish(
        &mut self,
        draft: Draft,
        replayed: &[Origin],
        removed: Vec<Origin>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let Draft { changes, outlived, settled, .. } = draft;
        let (mut additions, mut deletions) = (Vec::new(), Vec::new());
        for ((origin, list), listing) in changes {
            match listing {
                Some(listing) => additions.push(change(list, &listing)),
                None => deletions.push(gone(list, origin, now)),
            }
        }
        let tokens = self.brake.drawn();
        let mut publication = Publication { at: now, tokens, removed, outlived, ..Publication::default() };
        for origin in replayed.iter().chain(&settled).filter(|origin| !self.waits(**origin)) {
            publication.settled.extend(self.generations.get(origin).map(|generation| (*origin, *generation)));
        }
        // Who waits though no evidence of his changed, by a sweep or after an end, must be known after a start as well.
        let unknown = |origin: &&Origin| self.waits(**origin) && !self.generations.contains_key(*origin);
        publication.waiting = replayed.iter().filter(unknown).copied().collect();
        let is_changed = !additions.is_empty() || !deletions.is_empty();
        if !is_changed && publication.is_empty() {
            return Ok(());
        }
        if is_changed {
            // RFC 1982 has no order over more than half the circle, but Unix time fits 32 bits until 2106.
            let serial = (self.serial + 1).max(u32::try_from(now).unwrap_or(0));
            publication.version = Some(Version { previous: self.serial, serial, at: now, additions, deletions });
        }
        let (version, settled) = (publication.version.clone(), publication.settled.clone());
        let waiting = publication.waiting.clone();
        self.ledger.publish(publication)?;
        for (origin, _) in settled {
            self.generations.remove(&origin);
        }
        self.generations.extend(waiting.into_iter().map(|origin| (origin, 0)));
        if let Some(version) = version {
            self.serial = version.serial;
            self.changed = Some(Instant::now());
            self.follower.follow(&version);
            self.metrics.versions.inc();
            for list in List::ALL {
                let least = self.ledger.least_framing_cost(list.name())?.unwrap_or(0);
                let least = i64::try_from(least).unwrap_or(i64::MAX);
                self.metrics.least_framing_cost.with_label_values(&[list.name()]).set(least);
            }
        }
        Ok(())
    }

    /// Whether something of an origin waits for the brake, or for room in its /48.
    fn waits(&self, origin: Origin) -> bool {
        let crowded = match origin {
            Origin::V6(upper) => self.crowded.get(&(upper >> 16)),
            Origin::V4(_) => None,
        };
        self.brake.holds(origin) || crowded.is_some_and(|site| site.iter().any(|(_, known)| *known == origin))
    }

    /// Tells others what the brake holds.
    fn show(&mut self, now: i64) {
        let mut braked = Braked::default();
        let mut all = 0;
        for list in List::ALL {
            let count = self.brake.count(list);
            self.metrics.braked.with_label_values(&[list.name()]).set(i64::try_from(count).unwrap_or(i64::MAX));
            braked.waiting.insert(list.name().to_owned(), count);
            all += count;
        }
        if all > 0 && !self.braking {
            tracing::warn!(waiting = all, "the zone grows faster than its brake allows; see `firsthand brake`");
        }
        self.braking = all > 0;
        let bucket = |(name, tokens, size)| Bucket { name, tokens, size };
        braked.buckets = self.brake.levels(now).into_iter().map(bucket).collect();
        let held = |waiting: Waiting| Held {
            origin: waiting.origin,
            list: waiting.list.name().to_owned(),
            framing_cost: waiting.listing.framing_cost,
            needs: waiting.needs,
            since: waiting.since,
        };
        braked.next = self.brake.waiting(SHOWN).into_iter().map(held).collect();
        self.orders.lock().braked = braked;
    }

    /// Whether nothing is left to be replayed, and nothing to be looked through.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.sweep.is_over()
    }

    /// Whether the zone is one to start from: not in the middle of being made anew.
    fn is_whole(&self) -> bool {
        !self.rebuilding
    }

    /// The zone that is served.
    pub fn zone(&self) -> Arc<Zone> {
        self.follower.zone()
    }
}

fn change(list: List, listing: &Listing) -> Change {
    Change {
        list: list.name().to_owned(),
        origin: listing.origin.to_string(),
        since: listing.since,
        until: listing.until,
        framing_cost: listing.framing_cost,
    }
}

fn gone(list: List, origin: Origin, now: i64) -> Change {
    Change { list: list.name().to_owned(), origin: origin.to_string(), since: now, until: now, framing_cost: 1 }
}

/// Ticks until `stop` is set, and leaves a snapshot.
pub fn run(mut publisher: Publisher, stop: &AtomicBool) {
    let now = unix_now();
    let mut clock = Clock::new(now, Instant::now());
    // None: it is to be done at once.
    let mut purged = (!publisher.may_drop_at_start(now)).then(Instant::now);
    let (mut written, mut snapshot) = (Instant::now(), publisher.zone().serial());
    let mut writing: Option<JoinHandle<()>> = None;
    while !stop.load(Ordering::Relaxed) {
        if publisher.is_idle() {
            publisher.ledger.wait_touched(TICK);
        }
        // What comes meanwhile goes into the same version.
        thread::sleep(publisher.changed.map_or(Duration::ZERO, |at| TICK.saturating_sub(at.elapsed())));
        let now = unix_now();
        if let Some(step) = clock.was_set(now, Instant::now()) {
            publisher.clock_was_set(step);
            // It may be set right again.
            purged = Some(Instant::now());
        }
        if let Err(error) = publisher.tick(now) {
            tracing::error!(%error, "the zone could not be brought up to date; the last one stays served");
            publisher.metrics.failed_ticks.inc();
            thread::sleep(TICK);
        }
        if purged.is_none_or(|purged| purged.elapsed() >= PURGE) {
            match publisher.ledger.purge(now, publisher.seen.policy.hard_limit) {
                // There is more; it goes with the next ticks.
                Ok(true) => {}
                Ok(false) => purged = Some(Instant::now()),
                Err(error) => {
                    purged = Some(Instant::now());
                    tracing::error!(%error, "what is past its time could not be dropped; it will be tried again");
                }
            }
        }
        let idle = writing.as_ref().is_none_or(JoinHandle::is_finished);
        if idle && publisher.is_whole() && written.elapsed() >= SNAPSHOT && publisher.zone().serial() != snapshot {
            (written, snapshot) = (Instant::now(), publisher.zone().serial());
            let write = publisher.follower.snapshot();
            let spawned = thread::Builder::new().name("snapshot".into()).spawn(move || report(write()));
            writing = spawned.ok();
        }
    }
    if let Some(writing) = writing {
        // A panic there has been told already.
        let _ = writing.join();
    }
    if publisher.is_whole() {
        report(publisher.follower.snapshot()());
    }
}

fn report(written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::error!(%error, "no snapshot of the zone could be written; a start will take longer");
    }
}

/// The wall clock, in Unix seconds.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
