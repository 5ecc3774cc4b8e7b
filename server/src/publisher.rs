//! Listings → exemptions → versions in the journal. Its only writer.
//!
//! As soon as evidence comes, and every tick without it, the publisher replays the origins whose evidence changed and those whose listing is due to end, compares
//! with what is published, and appends one version with the difference; a tick lies between two versions at least. A version is durable before it is served; a
//! serial is never used twice: max(previous + 1, Unix time). When the ledger says no, the last good zone stays.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::{Listing, replay_all};
use firsthand_analyzer::score::List;

use crate::declared::Declared;
use crate::follow::Follower;
use crate::ledger::{Change, Ledger, LedgerError, Version};
use crate::metrics::Metrics;

/// How often the zone may change, and how often it is looked after when nothing happens.
pub const TICK: Duration = Duration::from_millis(100);

/// How often the ledger drops what is past its time.
const PURGE: Duration = Duration::from_secs(600);

/// Turns listings into versions.
pub struct Publisher {
    ledger: Ledger,
    declared: Arc<Declared>,
    follower: Follower,
    metrics: Arc<Metrics>,
    serial: u32,
    published: BTreeMap<(Origin, List), Span>,
    due: BTreeSet<(i64, Origin, List)>,
    waiting: HashSet<Origin>,
    changed: Option<Instant>,
}

/// When a published listing began and ends, in Unix seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    since: i64,
    until: i64,
}

impl Publisher {
    /// Serves what the ledger says was published, and gets ready to replay every origin on the first tick.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn new(
        ledger: Ledger,
        declared: Arc<Declared>,
        follower: Follower,
        metrics: Arc<Metrics>,
    ) -> Result<Self, LedgerError> {
        let (serial, listings) = ledger.published()?;
        follower.load(serial, &listings);
        let mut publisher = Self {
            waiting: ledger.origins()?.into_iter().collect(),
            ledger,
            declared,
            follower,
            metrics,
            serial,
            published: BTreeMap::new(),
            due: BTreeSet::new(),
            changed: None,
        };
        for listing in &listings {
            if let (Some(origin), Some(list)) = (listing.origin(), List::parse(&listing.list)) {
                publisher.note(origin, list, Some(Span { since: listing.since, until: listing.until }));
                publisher.waiting.insert(origin);
            }
        }
        Ok(publisher)
    }

    /// Brings the zone up to date at `now` (Unix seconds).
    ///
    /// # Errors
    /// When the ledger says no; what was to be done is tried again on the next tick.
    pub fn tick(&mut self, now: i64) -> Result<(), LedgerError> {
        self.waiting.extend(self.ledger.take_touched());
        let due = self.due.iter().take_while(|(until, ..)| *until <= now);
        self.waiting.extend(due.map(|(_, origin, _)| *origin));
        if !self.waiting.is_empty() {
            self.publish(now)?;
        }
        self.follower.hear(now);
        Ok(())
    }

    fn publish(&mut self, now: i64) -> Result<(), LedgerError> {
        let (mut additions, mut deletions) = (Vec::new(), Vec::new());
        let mut changed: Vec<(Origin, List, Option<Span>)> = Vec::new();
        for origin in &self.waiting {
            let all_wanted = self.wanted(*origin, now)?;
            for list in List::ALL {
                let standing = self.published.get(&(*origin, list)).copied();
                let wanted = all_wanted.iter().find(|(known, _)| *known == list).map(|(_, span)| *span);
                let change = |span: Span| Change {
                    list: list.name().to_owned(),
                    origin: origin.to_string(),
                    since: span.since,
                    until: span.until,
                };
                match (standing, wanted) {
                    (standing, wanted) if standing == wanted => continue,
                    (_, Some(span)) => additions.push(change(span)),
                    (Some(span), None) => deletions.push(change(span)),
                    (None, None) => continue,
                }
                changed.push((*origin, list, wanted));
            }
        }
        if !changed.is_empty() {
            // RFC 1982 has no order over more than half the circle, but Unix time fits 32 bits until 2106.
            let serial = (self.serial + 1).max(u32::try_from(now).unwrap_or(0));
            let version = Version { previous: self.serial, serial, at: now, additions, deletions };
            self.ledger.publish(version.clone())?;
            self.serial = serial;
            self.changed = Some(Instant::now());
            self.follower.follow(&version);
            self.metrics.versions.inc();
            for (origin, list, span) in changed {
                self.note(origin, list, span);
            }
        }
        self.waiting.clear();
        Ok(())
    }

    /// What should be published about an origin.
    fn wanted(&self, origin: Origin, now: i64) -> Result<Vec<(List, Span)>, LedgerError> {
        if !self.declared.publishes {
            return Ok(Vec::new());
        }
        let units = self.ledger.units(origin)?;
        let listings = replay_all(origin, &units, &self.declared.registry, &self.declared.policy, now);
        if listings.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(exemption) = self.declared.exemptions.covering(origin) {
            tracing::warn!(%origin, %exemption, "evidence would list an exempt address; it is not listed");
            self.metrics.exempt.inc();
            return Ok(Vec::new());
        }
        let span = |(list, listing): (List, Listing)| (list, Span { since: listing.since, until: listing.until });
        Ok(listings.into_iter().map(span).collect())
    }

    fn note(&mut self, origin: Origin, list: List, span: Option<Span>) {
        let key = (origin, list);
        let before = match span {
            Some(span) => self.published.insert(key, span),
            None => self.published.remove(&key),
        };
        if let Some(before) = before {
            self.due.remove(&(before.until, origin, list));
        }
        if let Some(span) = span {
            self.due.insert((span.until, origin, list));
        }
    }
}

/// Ticks until `stop` is set.
pub fn run(mut publisher: Publisher, stop: &AtomicBool) {
    let mut purged = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        publisher.ledger.wait_touched(TICK);
        // What comes meanwhile goes into the same version.
        thread::sleep(publisher.changed.map_or(Duration::ZERO, |at| TICK.saturating_sub(at.elapsed())));
        let now = unix_now();
        if let Err(error) = publisher.tick(now) {
            tracing::error!(%error, "the zone could not be brought up to date; the last one stays served");
            publisher.metrics.failed_ticks.inc();
            thread::sleep(TICK);
        }
        if purged.elapsed() >= PURGE {
            purged = Instant::now();
            if let Err(error) = publisher.ledger.purge(now, publisher.declared.policy.hard_limit) {
                tracing::error!(%error, "what is past its time could not be dropped; it will be tried again");
            }
        }
    }
}

/// The wall clock, in Unix seconds.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
