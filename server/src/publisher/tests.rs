//! The publisher on a real ledger, with a clock of the test's own: the laws of listings, and ways to break them.

mod clock;
mod hostile;

use std::collections::BTreeMap;
use std::path::Path;

use arc_swap::ArcSwap;
use firsthand_analyzer::evidence::{HOUR, UnitKey, sample_id};
use firsthand_analyzer::listing::Exemptions;
use firsthand_analyzer::nature::Nature;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::Settings;
use crate::dns::counters::Counters;
use crate::ledger::{Correction, Fact, Withdrawal};
use crate::zone::{ListSettings, ZoneSettings};

const NOW: i64 = 500_000 * HOUR;

/// A brake that a test can fill.
const NARROW: &str = "[brake]\nper-list = 10\nper-feed = 2\ninterval = \"100s\"\n";

/// Six traps in six domains for an own feed and a foreign one, and wanted mail.
const SETTINGS: &str = r#"
[[relay]]
name = "mx1"
hosts = ["mx1.example.net"]
networks = ["10.9.0.10/32"]
[[feed]]
name = "own"
token = "TOKEN-TOKEN-TOKEN-TOKEN"
relays = ["mx1"]
[[feed]]
name = "far"
trust = "foreign"
token = "TOKEN-TOKEN-TOKEN-TOKEM"
relays = ["mx1"]
[[feed]]
name = "mailboxes"
kind = "wanted"
token = "TOKEN-TOKEN-TOKEN-TOKEL"
relays = ["mx1"]
"#;

struct World {
    publisher: Publisher,
    ledger: Ledger,
    declared: Arc<Current>,
    orders: Orders,
    metrics: Arc<Metrics>,
}

fn settings(more: &str) -> Settings {
    let mut text = format!("{more}{SETTINGS}");
    for trap in 0..6 {
        text += &format!("[[trap]]\naddress = \"trap@d{trap}.example\"\n");
    }
    Settings::parse(&text, "test", Path::new("")).unwrap().settings
}

impl World {
    fn open(folder: &Path) -> Self {
        Self::with(folder, &settings(NARROW))
    }

    /// What has gone through the brake depends on when the publisher looked, which is no matter of the laws.
    fn with_wide_brake(folder: &Path) -> Self {
        Self::with(folder, &settings(""))
    }

    fn with(folder: &Path, settings: &Settings) -> Self {
        Self::at(folder, settings, NOW)
    }

    fn at(folder: &Path, settings: &Settings, now: i64) -> Self {
        let ledger = opened(folder);
        let declared = Arc::new(Current::new(settings.clone(), ledger.clone(), now).unwrap());
        let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed()];
        let zone = Arc::new(ArcSwap::from_pointee(Zone::empty(ZoneSettings::default(), lists).unwrap()));
        let metrics = Arc::new(Metrics::new(Arc::new(Counters::default()), Arc::clone(&zone)).unwrap());
        let follower = Follower::start(zone, declared.load().exemptions.clone(), &ledger, folder, now).unwrap();
        let orders = Orders::default();
        let publisher =
            Publisher::new(ledger.clone(), Arc::clone(&declared), follower, Arc::clone(&metrics), orders.clone())
                .unwrap();
        Self { publisher, ledger, declared, orders, metrics }
    }

    fn trap(&self, number: usize) -> String {
        self.ledger.trap_id(&format!("trap@d{number}.example"))
    }

    fn record(&self, fact: Fact) {
        block_on(self.ledger.record(fact)).unwrap();
    }

    fn hit(&self, feed: &str, trap: usize, from: &str, number: u32, hour: i64) {
        self.record(fact(feed, &self.trap(trap), from, number, hour));
    }

    fn correct(&self, correction: Correction, now: i64) -> crate::ledger::Outcome {
        let outcome = block_on(self.ledger.correct(correction, "tester", now)).unwrap();
        self.declared.renew(now).unwrap();
        outcome
    }

    /// Ticks until nothing is left to do.
    fn settle(&mut self, now: i64) {
        for _ in 0..50 {
            self.publisher.tick(now).unwrap();
        }
    }

    /// What the zone lists at an instant.
    fn zone(&self, now: i64) -> BTreeMap<(String, String), u64> {
        let zone = self.publisher.zone();
        let entries = zone.lists().iter().enumerate().flat_map(|(index, list)| {
            let live = zone.entries(index).filter(move |(_, until)| *until > now as u64);
            live.map(move |(origin, until)| ((list.label.as_str().to_owned(), origin.to_string()), until))
        });
        entries.collect()
    }

    fn lists(&self, address: &str, now: i64) -> bool {
        self.zone(now).contains_key(&("spam".to_owned(), address.to_owned()))
    }

    fn close(self) {
        let Self { publisher, ledger, declared, .. } = self;
        // As `run` does when it ends.
        if publisher.is_whole() {
            publisher.follower.snapshot()().unwrap();
        }
        drop((publisher, ledger, declared));
        // The writer ends when its last caller is gone.
        thread::sleep(Duration::from_millis(300));
    }
}

/// The ledger, as soon as the writer of whoever had it before has ended.
fn opened(folder: &Path) -> Ledger {
    let began = Instant::now();
    loop {
        match Ledger::open(folder) {
            Err(LedgerError::InUse(_)) if began.elapsed() < Duration::from_secs(20) => {
                thread::sleep(Duration::from_millis(20));
            }
            ledger => return ledger.unwrap(),
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn fact(feed: &str, trap: &str, from: &str, number: u32, hour: i64) -> Fact {
    let unit = UnitKey {
        origin: Origin::parse(from).unwrap(),
        feed: feed.into(),
        trap: trap.into(),
        nature: Nature::Direct,
        null_sender: false,
        hour,
    };
    Fact {
        sample: sample_id(feed, trap, format!("{from} {number} {hour}").as_bytes(), None),
        arrived: hour * HOUR * 1000,
        feed: feed.into(),
        trap: trap.into(),
        unit: Ok(unit),
        verdict: "{}".into(),
        proof: "[]".into(),
        framed: Vec::new(),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn edit(folder: &Path, sql: &str) {
    let beside = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
    beside.busy_timeout(Duration::from_secs(5)).unwrap();
    beside.execute_batch(sql).unwrap();
}

const THEN: i64 = NOW / HOUR;

fn list(world: &World, address: &str) {
    for trap in 0..3 {
        world.hit("own", trap, address, 1, THEN);
    }
}

/// Within one tick of the quorum being met; and a start from snapshot and journal serves the same, renewed or not.
#[test]
fn a_listing_comes_with_the_tick_and_survives_a_start() {
    let folder = folder();
    let mut world = World::open(folder.path());
    world.settle(NOW);
    world.hit("own", 0, "45.0.2.1", 1, THEN);
    world.hit("own", 1, "45.0.2.1", 1, THEN);
    world.publisher.tick(NOW).unwrap();
    assert!(!world.lists("45.0.2.1", NOW));
    world.hit("own", 2, "45.0.2.1", 1, THEN);
    world.publisher.tick(NOW).unwrap();
    assert!(world.lists("45.0.2.1", NOW));
    let before = world.zone(NOW);
    world.close();
    for snapshot in [true, false] {
        if !snapshot {
            std::fs::remove_file(folder.path().join("zone.snapshot")).unwrap();
        }
        let mut again = World::open(folder.path());
        assert_eq!(again.zone(NOW), before, "before the first tick, snapshot: {snapshot}");
        again.settle(NOW);
        assert_eq!(again.zone(NOW), before);
        assert_eq!(again.metrics.disagreements.get(), 0);
        again.close();
    }
    // Neither snapshot nor journal: what is proven comes back, without the brake.
    edit(folder.path(), "DELETE FROM journal WHERE previous = 0;");
    std::fs::remove_file(folder.path().join("zone.snapshot")).unwrap();
    let mut again = World::open(folder.path());
    again.settle(NOW);
    assert_eq!(again.zone(NOW), before);
}

/// What was not settled when the process died is done at the next start.
#[test]
fn what_was_pending_is_done_at_the_next_start() {
    let folder = folder();
    let world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.close();
    let mut again = World::open(folder.path());
    again.publisher.tick(NOW).unwrap();
    assert!(again.lists("45.0.2.1", NOW));
}

/// A listing that stands by hysteresis outlives what began it, also while what weighs nothing is dropped behind it.
#[test]
fn what_began_a_listing_is_kept_while_it_is_needed() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    // A trap every 30 hours, in turn: the score stays between both thresholds for a month.
    let mut fewest = usize::MAX;
    for step in 1..24 {
        let now = NOW + step * 30 * HOUR;
        world.hit("own", step as usize % 6, "45.0.2.1", 1, now / HOUR);
        world.hit("own", (step as usize + 1) % 6, "45.0.2.1", 1, now / HOUR);
        world.settle(now);
        world.publisher.ledger.purge(now, 72 * HOUR).unwrap();
        assert!(world.lists("45.0.2.1", now), "step {step}");
        fewest = fewest.min(world.ledger.units(Origin::parse("45.0.2.1").unwrap()).unwrap().len());
    }
    // A flood of traps begins it anew, and what was before goes.
    let now = NOW + 24 * 30 * HOUR;
    for trap in 0..6 {
        world.hit("own", trap, "45.0.2.1", 2, now / HOUR);
    }
    world.settle(now);
    let left = world.ledger.units(Origin::parse("45.0.2.1").unwrap()).unwrap().len();
    assert!(left <= 14, "{left}");
}

/// E03: ended listings that are brought back to life in the table do not come into the zone, and somebody is told.
#[test]
fn e03_listings_brought_back_to_life_stay_out() {
    let folder = folder();
    let mut world = World::open(folder.path());
    for number in 0..8 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 8);
    let later = NOW + 80 * HOUR;
    world.settle(later);
    assert_eq!(world.zone(later).len(), 0);
    world.close();
    edit(folder.path(), &format!("UPDATE listings SET ended = NULL, until = {};", later + 40 * HOUR));
    for without in ["", "zone.snapshot"] {
        if !without.is_empty() {
            std::fs::remove_file(folder.path().join(without)).unwrap();
        }
        let mut again = World::open(folder.path());
        again.settle(later);
        assert_eq!(again.zone(later).len(), 0);
        if without.is_empty() {
            assert_eq!(again.metrics.disagreements.get(), 8);
        }
        again.close();
        edit(folder.path(), &format!("UPDATE listings SET ended = NULL, until = {};", later + 40 * HOUR));
    }
}

/// G7: in any stretch of time the zone grows by no more than the bucket and what filled it; the best proven go first; and
/// what waits is there after a restart, with no more in hand.
#[test]
fn the_zone_grows_no_faster_than_the_brake() {
    let folder = folder();
    let mut world = World::open(folder.path());
    for number in 0..40 {
        list(&world, &format!("45.0.2.{number}"));
    }
    // One is proven better.
    for trap in 3..6 {
        world.hit("own", trap, "45.0.2.39", 1, THEN);
    }
    world.settle(NOW);
    assert_eq!(world.zone(NOW).len(), 10);
    assert!(world.lists("45.0.2.39", NOW));
    let braked = world.orders.braked();
    assert_eq!((braked.waiting["spam"], braked.next.len()), (30, 30));
    world.settle(NOW + 20);
    assert_eq!(world.zone(NOW + 20).len(), 12);
    world.close();
    let mut again = World::open(folder.path());
    again.settle(NOW + 20);
    assert_eq!(again.zone(NOW + 20).len(), 12);
    again.settle(NOW + 30);
    assert_eq!(again.zone(NOW + 30).len(), 13);
    // By hand.
    let shown = again.orders.braked().next[0].origin;
    again.orders.release(None, Some(shown));
    again.settle(NOW + 30);
    assert!(again.lists(&shown.to_string(), NOW + 30));
    again.orders.release(Some(List::Spam), None);
    again.settle(NOW + 30);
    assert_eq!(again.zone(NOW + 30).len(), 40);
}

/// Expiry never waits, nor does renewal, though the brake holds others.
#[test]
fn what_ends_and_what_is_renewed_does_not_wait() {
    let folder = folder();
    let mut world = World::open(folder.path());
    for number in 0..10 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.settle(NOW);
    for number in 10..30 {
        list(&world, &format!("45.0.2.{number}"));
    }
    world.hit("own", 5, "45.0.2.1", 2, THEN);
    let before = world.zone(NOW)[&("spam".to_owned(), "45.0.2.1".to_owned())];
    world.settle(NOW);
    assert!(world.zone(NOW)[&("spam".to_owned(), "45.0.2.1".to_owned())] > before);
    let remove = Correction::Remove { origin: Origin::parse("45.0.2.2").unwrap(), reason: "mended".into() };
    world.correct(remove, NOW + 1);
    world.settle(NOW + 1);
    assert!(!world.lists("45.0.2.2", NOW + 1));
    let end = NOW + 80 * HOUR;
    world.settle(end);
    assert_eq!(world.zone(end).len(), 0);
    assert_eq!(world.orders.braked().waiting["spam"], 0);
}

/// C03: a foreign feed's flood holds up only what needs its word.
#[test]
fn a_foreign_feed_has_a_brake_of_its_own() {
    let folder = folder();
    let mut world = World::open(folder.path());
    // Two own traps and the foreign feed's word: 2 + 1.25.
    for number in 0..20 {
        let address = format!("45.0.3.{number}");
        world.hit("own", 0, &address, 1, THEN);
        world.hit("own", 1, &address, 1, THEN);
        world.hit("far", 2, &address, 1, THEN);
        world.hit("far", 3, &address, 1, THEN);
    }
    list(&world, "45.0.2.1");
    world.settle(NOW);
    assert!(world.lists("45.0.2.1", NOW));
    assert_eq!(world.zone(NOW).len(), 3);
    let braked = world.orders.braked();
    assert_eq!(braked.next[0].needs, ["far"]);
    assert!(braked.buckets.iter().any(|bucket| bucket.name == "feed far" && bucket.tokens < 1.0));
}

/// D04: a /48 holds so many /64s of a list and no more, the best proven; one that goes makes room.
#[test]
fn d04_a_site_is_bounded() {
    let folder = folder();
    let mut world = World::open(folder.path());
    let address = |number: u32| format!("2a00:1f:2:{number:x}::/64");
    let released = |world: &mut World, now: i64| {
        world.settle(now);
        world.orders.release(None, None);
        world.settle(now);
    };
    for number in 0..SITE_LIMIT as u32 + 20 {
        list(&world, &address(number));
    }
    released(&mut world, NOW);
    assert_eq!(world.zone(NOW).len(), SITE_LIMIT);
    assert!(world.metrics.crowded.get() >= 20);
    // One more, proven better, finds room; the last makes way.
    let better = address(0xbeef);
    for trap in 0..6 {
        world.hit("own", trap, &better, 1, THEN);
    }
    released(&mut world, NOW);
    assert!(world.lists(&better, NOW));
    assert_eq!(world.zone(NOW).len(), SITE_LIMIT);
    // Another site is not concerned.
    list(&world, "2a00:1f:3::/64");
    released(&mut world, NOW);
    assert_eq!(world.zone(NOW).len(), SITE_LIMIT + 1);
    let remove = Correction::Remove { origin: Origin::parse(&better).unwrap(), reason: "mended".into() };
    world.correct(remove, NOW + 1);
    released(&mut world, NOW + 1);
    assert!(!world.lists(&better, NOW + 1));
    assert_eq!(world.zone(NOW + 1).len(), SITE_LIMIT + 1);
}

/// G6: an exemption takes effect on what is listed, keeps out what comes, and ends in its time.
#[test]
fn an_exemption_takes_effect_and_ends() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    list(&world, "45.0.9.1");
    world.settle(NOW);
    let exempt = |network: &str, until| Correction::Exempt {
        network: network.parse().unwrap(),
        reason: "a customer".into(),
        until,
    };
    world.correct(exempt("45.0.2.0/24", Some(NOW + 1000)), NOW);
    world.publisher.tick(NOW).unwrap();
    assert!(!world.lists("45.0.2.1", NOW) && world.lists("45.0.9.1", NOW));
    list(&world, "45.0.2.7");
    world.settle(NOW + 10);
    assert!(!world.lists("45.0.2.7", NOW + 10));
    // The evidence is still there, and counts when the exemption has ended.
    world.settle(NOW + 1000);
    assert!(world.lists("45.0.2.1", NOW + 1000) && world.lists("45.0.2.7", NOW + 1000));
    world.correct(exempt("45.0.9.0/24", None), NOW + 1000);
    world.settle(NOW + 1000);
    assert!(!world.lists("45.0.9.1", NOW + 1000));
    world.correct(Correction::EndExemption { network: "45.0.9.0/24".parse().unwrap() }, NOW + 1001);
    world.settle(NOW + 1001);
    assert!(world.lists("45.0.9.1", NOW + 1001));
}

/// D01, G6: whatever is written into the database by hand, no exempt address is in the zone, and no more than a /32 or /64.
#[test]
fn d01_the_database_cannot_list_the_exempt() {
    let folder = folder();
    let mut world = World::open(folder.path());
    list(&world, "45.0.2.1");
    world.settle(NOW);
    let now = NOW + 5;
    let exempt = [
        "10.0.0.1",
        "127.0.0.2",
        "192.0.2.9",
        "198.41.0.4",
        "8.8.8.8",
        "10.9.0.10",
        "2001:db8::/64",
        "fe80::/64",
        "45.0.0.0/8",
        "::/0",
    ];
    let mut additions = Vec::new();
    for address in exempt {
        let until = now + 9999;
        additions.push(format!(r#"{{"list":"spam","origin":"{address}","since":1,"until":{until}}}"#));
        edit(
            folder.path(),
            &format!(
                "INSERT INTO listings (list, origin, since, until) VALUES ('spam', '{address}', 1, {until});
                 INSERT INTO pending VALUES ('{address}', 1);
                 INSERT INTO units SELECT '{address}', feed, trap, nature, null_sender, hour, samples, newest FROM units
                   WHERE origin = '45.0.2.1';"
            ),
        );
    }
    let serial = world.publisher.serial;
    edit(
        folder.path(),
        &format!(
            "INSERT INTO journal VALUES ({}, {serial}, {now}, '{{\"additions\":[{}],\"deletions\":[]}}');",
            serial + 1,
            additions.join(",")
        ),
    );
    world.close();
    let mut again = World::open(folder.path());
    assert_eq!(again.zone(now).into_keys().map(|(_, origin)| origin).collect::<Vec<_>>(), ["45.0.2.1"]);
    again.settle(now);
    assert_eq!(again.zone(now).into_keys().map(|(_, origin)| origin).collect::<Vec<_>>(), ["45.0.2.1"]);
    let zone = again.publisher.zone();
    for address in exempt.iter().filter_map(|text| Origin::parse(text)) {
        assert_eq!(zone.end(0, address), None, "{address}");
    }
    let none = Exemptions::only([]);
    assert!(none.admit(Origin::parse("10.0.0.1").unwrap(), 1).is_ok());
}

/// A trap that is registered by command counts at once; one that is taken off weighs nothing any more.
#[test]
fn traps_come_and_go_by_command() {
    let folder = folder();
    let mut world = World::open(folder.path());
    world.hit("own", 0, "45.0.2.1", 1, THEN);
    world.hit("own", 1, "45.0.2.1", 1, THEN);
    let trap = world.ledger.trap_id("new@d9.example");
    world.record(fact("own", &trap, "45.0.2.1", 1, THEN));
    world.settle(NOW);
    assert!(!world.lists("45.0.2.1", NOW));
    let add = Correction::AddTrap {
        trap: trap.clone(),
        domain: world.ledger.domain_id("d9.example"),
        tier: "seeded".into(),
        sends: false,
        accepts_reports: false,
    };
    world.correct(add, NOW);
    world.settle(NOW);
    assert!(world.lists("45.0.2.1", NOW));
    assert_eq!(world.declared.load().trap(&world.ledger, "<New@D9.example>"), Some(trap.clone()));
    world.correct(Correction::RemoveTrap { trap }, NOW);
    world.settle(NOW);
    assert!(!world.lists("45.0.2.1", NOW));
}

/// What the laws are tried on: (feed, trap or recipient, address, hour before now, number).
type Hit = (usize, usize, usize, i64, u32);

fn hits(most: usize) -> impl Strategy<Value = Vec<Hit>> {
    prop::collection::vec((0..3usize, 0..6usize, 0..3usize, 0i64..90, 0..3u32), 0..most)
}

fn play(world: &World, hits: &[Hit]) {
    for (feed, trap, address, age, number) in hits {
        let address = ["45.0.2.1", "45.0.2.2", "2a00:1f:2:3::/64"][*address];
        let fact = match ["own", "far", "mailboxes"][*feed] {
            "mailboxes" => {
                fact("mailboxes", &world.ledger.recipient_id(&format!("p{trap}@x")), address, *number, THEN - age)
            }
            feed => fact(feed, &world.trap(*trap), address, *number, THEN - age),
        };
        world.record(fact);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// G9: any order and repetition of facts gives the same zone, whenever the publisher looked between them.
    #[test]
    fn any_order_and_repetition_gives_the_same_zone(mut hits in hits(40), turn in any::<prop::sample::Index>()) {
        let (one, other) = (folder(), folder());
        let (mut straight, mut turned) = (World::with_wide_brake(one.path()), World::with_wide_brake(other.path()));
        play(&straight, &hits);
        straight.settle(NOW);
        hits.reverse();
        if !hits.is_empty() {
            let by = turn.index(hits.len());
            hits.rotate_left(by);
            let half = hits.len() / 2;
            play(&turned, &hits[..half]);
            turned.publisher.tick(NOW).unwrap();
        }
        play(&turned, &hits);
        play(&turned, &hits);
        turned.settle(NOW);
        prop_assert_eq!(straight.zone(NOW), turned.zone(NOW));
        // The same as if everything were made anew from the facts.
        let later = NOW + 5 * HOUR;
        straight.settle(later);
        turned.settle(later);
        prop_assert_eq!(straight.zone(later), turned.zone(later));
    }

    /// G5: adding and withdrawing a feed, a trap or a stretch of time equals never having had it.
    #[test]
    fn what_is_withdrawn_never_was(before in hits(30), after in hits(20), kind in 0..3usize) {
        let (one, other) = (folder(), folder());
        let (mut with, mut without) = (World::with_wide_brake(one.path()), World::with_wide_brake(other.path()));
        let (from, trap) = (THEN - 40, with.trap(2));
        let withdrawal = match kind {
            0 => Withdrawal { feed: Some("far".into()), ..Withdrawal::default() },
            1 => Withdrawal { trap: Some(trap), ..Withdrawal::default() },
            _ => Withdrawal { feed: Some("own".into()), since: Some(from * HOUR * 1000), ..Withdrawal::default() },
        };
        play(&with, &before);
        with.settle(NOW);
        with.correct(Correction::Retract { withdrawal, reason: String::new() }, NOW);
        play(&with, &after);
        with.settle(NOW);
        let never: Vec<Hit> = before.iter().chain(&after).filter(|(feed, trap, _, age, _)| match kind {
            0 => *feed != 1,
            1 => *trap != 2 || *feed == 2,
            _ => *feed != 0 || *age > 40,
        }).copied().collect();
        play(&without, &never);
        without.settle(NOW);
        prop_assert_eq!(with.zone(NOW), without.zone(NOW));
        // Durable: so it is after a start.
        with.close();
        let mut again = World::with_wide_brake(one.path());
        again.settle(NOW);
        prop_assert_eq!(again.zone(NOW), without.zone(NOW));
    }
}
