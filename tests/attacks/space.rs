//! D: can an address be listed that never may be, for longer than evidence bears, or the space itself be made a weapon?
//!
//! The attacker writes into the database by himself, waits until an address has another owner, or has 2^96 addresses.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, Unit, UnitKey};
use firsthand_analyzer::listing::{Exemptions, Removal, end_by_removal, replay_all, visible};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::{List, Policy, Registry, Tier, Trust};
use firsthand_server::ledger::Ledger;
use firsthand_server::publisher::{SITE_LIMIT, unix_now};
use firsthand_server::zone::{Change, ListSettings, Zone, ZoneSettings, snapshot};
use hickory_proto::rr::RecordType;
use proptest::prelude::*;
use rusqlite::Connection;

use super::harness::{Service, message, settings};
use super::mail::{Dice, registry};
use super::world::{NOW, World};

/// What must never be listed: special-purpose, root and resolver, our own relay, our own listener, a feed's network, and
/// what the settings exempt. IPv6 as the origins that they fall into.
const GUARDED: [&str; 26] = [
    "0.0.0.0",
    "10.0.0.1",
    "10.9.0.10",
    "100.64.0.1",
    "127.0.0.1",
    "127.0.0.3",
    "169.254.1.1",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.10",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.41.0.4",
    "8.8.8.8",
    "45.7.0.1",
    "45.7.255.255",
    "45.8.0.1",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "2001:503:ba3e::2:30",
    "2a00:7:7:7::99",
];

/// Texts that stand for more than one address, or for one in another way.
const RANGES: [&str; 16] = [
    "0.0.0.0/0",
    "45.0.0.0/8",
    "45.9.0.0/24",
    "45.9.1.1/32",
    "*",
    "*.9.45",
    "",
    "045.009.001.001",
    "45.9",
    "::/0",
    "2000::/3",
    "2a00:9::/48",
    "2a00:9::/128",
    "::ffff:45.9.1.1",
    "64:ff9b::2d09:101",
    "2002:2d09:101::/64",
];

/// Addresses inside those ranges.
const INSIDE: [&str; 4] = ["45.9.0.7", "45.9.1.1", "45.200.3.4", "2a00:9::7"];

fn guarded_settings() -> String {
    let feed = "relays = [\"mx1\"]\nnetworks = [\"45.8.0.0/24\"]\n";
    let exempt = "[[exempt]]\nnetworks = [\"45.7.0.0/16\", \"2a00:7:7:7::25/128\"]\nreason = \"customers\"\n";
    settings(4).replace("relays = [\"mx1\"]\n", feed) + exempt
}

/// The name of an address below the zone.
fn name(address: &str, list: &str) -> String {
    let labels: Vec<String> = match address.parse().unwrap() {
        IpAddr::V4(address) => address.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(address) => {
            let nibbles = format!("{:032x}", address.to_bits());
            nibbles.chars().rev().map(String::from).collect()
        }
    };
    format!("{}.{list}bl.example.", labels.join("."))
}

/// No list holds any of these.
fn assert_unlisted(service: &Service, addresses: &[&str], when: &str) {
    for address in addresses {
        for list in ["", "backscatter.", "mixed."] {
            let (code, records) = service.ask(&name(address, list), RecordType::A);
            assert_eq!(records, [] as [&str; 0], "{address} in {list:?}, {when}: {code}");
        }
        let (status, body) = service.get(&format!("/api/v1/addresses/{address}"));
        assert!(status == 200 && body.contains("\"listings\":[]"), "{address}, {when}: {body}");
    }
}

fn beside(service: &Service) -> Connection {
    let connection = Connection::open(service.ledger()).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection
}

/// Writes origins into every table from which a listing could come, as listed in every list until `until`.
fn inject(service: &Service, until: i64) {
    let connection = beside(service);
    let texts: Vec<String> =
        GUARDED.iter().map(|text| Origin::from(text.parse::<IpAddr>().unwrap()).to_string()).collect();
    let mut additions = Vec::new();
    for text in texts.iter().map(String::as_str).chain(RANGES) {
        for list in ["spam", "backscatter", "mixed"] {
            connection
                .execute(
                    "INSERT OR REPLACE INTO listings (list, origin, since, until) VALUES (?1, ?2, 1, ?3)",
                    (list, text, until),
                )
                .unwrap();
            additions.push(serde_json::json!({ "list": list, "origin": text, "since": 1, "until": until }));
        }
        connection.execute("INSERT OR REPLACE INTO pending VALUES (?1, 1)", [text]).unwrap();
        for table in ["units", "facts"] {
            let columns = match table {
                "units" => "feed, trap, nature, null_sender, hour, samples, newest",
                _ => "feed, trap, nature, null_sender, hour, counted, evidence, verdict, proof, arrived",
            };
            let (sample, random) = if table == "facts" { (", sample", ", randomblob(32)") } else { ("", "") };
            let copied = format!(
                "INSERT OR IGNORE INTO {table} (origin, {columns}{sample}) SELECT ?1, {columns}{random} FROM {table}
                 WHERE origin = '83.70.211.36'"
            );
            connection.execute(&copied, [text]).unwrap();
            let count = format!("SELECT count(*) FROM {table} WHERE origin = ?1");
            let rows: i64 = connection.query_row(&count, [text], |row| row.get(0)).unwrap();
            assert!(rows >= 3, "{text} in {table}");
        }
    }
    let serial: i64 = connection.query_row("SELECT max(serial) FROM journal", [], |row| row.get(0)).unwrap();
    let body = serde_json::json!({ "additions": additions, "deletions": [] });
    connection
        .execute("INSERT INTO journal VALUES (?1, ?2, ?3, ?4)", (serial + 1, serial, until - 100, body.to_string()))
        .unwrap();
}

/// The sum of the metrics whose names begin so.
fn metric(service: &Service, begin: &str) -> f64 {
    let text = service.get("/metrics").1;
    let values = text.lines().filter(|line| line.starts_with(begin)).filter_map(|line| line.rsplit(' ').next());
    values.map(|value| value.parse::<f64>().unwrap()).sum()
}

fn list(service: &Service, address: &str, number: usize) {
    for trap in 0..3 {
        service.submit(&format!("trap@d{trap}.example"), &message(address, number * 10 + trap)).unwrap();
    }
}

/// D01, by evidence. Root servers, resolvers, our relay, customers: whoever can make them connect, or a relay lie, has them
/// witnessed by three traps; they are not listed, and somebody is told.
#[test]
fn d01_evidence_lists_nobody_who_is_exempt() {
    let service = Service::start(&guarded_settings());
    for (number, address) in GUARDED.iter().enumerate() {
        list(&service, address, number);
    }
    list(&service, "83.70.211.36", 99);
    service.wait("the control", |service| service.lists("83.70.211.36"));
    assert_unlisted(&service, &GUARDED, "by evidence");
    assert!(metric(&service, "firsthand_listings_exempt_total") >= 5.0, "somebody is told");
}

/// D01. The attacker writes guarded entries and whole ranges into every table of the database: of a running service, and
/// of a stopped one that starts on it, with its snapshot or without. The zone takes no such entry by its type; what it
/// listed before it goes on to list, and the alarm's counter rises.
#[test]
fn d01_the_database_of_a_running_and_a_stopped_service() {
    let mut service = Service::start(&guarded_settings());
    list(&service, "83.70.211.36", 1);
    service.wait("the control", |service| service.lists("83.70.211.36"));
    // Some of it falls due at once, so that the publisher looks at it.
    inject(&service, unix_now() + 1);
    list(&service, "83.70.211.37", 2);
    for (number, address) in GUARDED.iter().enumerate() {
        list(&service, address, 10 + number);
    }
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(service.lists("83.70.211.36"), "the old zone stays");
    assert_unlisted(&service, &GUARDED, "while it ran");
    assert_unlisted(&service, &INSIDE, "while it ran");
    assert!(metric(&service, "firsthand_ledger_disagreements_total") >= 1.0, "somebody is told");
    for without_snapshot in [true, false] {
        service.kill();
        if without_snapshot {
            // It may not be there yet.
            let _ = fs::remove_file(service.folder.path().join("data/zone.snapshot"));
        }
        inject(&service, unix_now() + 9999);
        service.restart();
        service.wait("the zone", |service| service.lists("83.70.211.36"));
        list(&service, "83.70.211.38", 3);
        service.wait("what comes after it", |service| service.lists("83.70.211.38"));
        std::thread::sleep(std::time::Duration::from_millis(500));
        let when = format!("after a start, without snapshot: {without_snapshot}");
        assert_unlisted(&service, &GUARDED, &when);
        assert_unlisted(&service, &INSIDE, &when);
        assert!(service.lists("83.70.211.36"));
        // Where the journal is of one piece the table disagrees with the zone; else all is proven anew, and is exempt.
        let told = ["firsthand_ledger_disagreements_total", "firsthand_listings_exempt_total"];
        assert!(told.iter().any(|name| metric(&service, name) >= 1.0), "somebody is told");
    }
}

/// D01. The snapshot on disk, from which a start serves, is made with guarded entries in it, by the program's own writer
/// without its exemptions. They pass the exemptions again when it is read.
#[test]
fn d01_a_snapshot_with_guarded_entries() {
    let mut service = Service::start(&guarded_settings());
    list(&service, "83.70.211.36", 1);
    service.wait("the control", |service| service.lists("83.70.211.36"));
    service.kill();
    let folder = service.folder.path().join("data");
    let ledger = Ledger::look(&folder).unwrap();
    let (epoch, serial, until) = (ledger.epoch().unwrap(), ledger.serial().unwrap(), unix_now() + 9999);
    drop(ledger);
    let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed()];
    let none = Exemptions::only([]);
    let mut changes = Vec::new();
    for address in GUARDED.iter().copied().chain(["83.70.211.36"]) {
        let entry = none.admit(Origin::from(address.parse::<IpAddr>().unwrap()), until).unwrap();
        changes.extend((0..lists.len()).map(|list| Change::List { list, entry }));
    }
    let zone = Zone::empty(ZoneSettings::default(), lists).unwrap().with(serial, &changes);
    fs::write(folder.join("zone.snapshot"), snapshot::write(&zone, &epoch)).unwrap();
    service.restart();
    assert!(service.lists("83.70.211.36"), "the snapshot was taken");
    assert_unlisted(&service, &GUARDED, "from a snapshot");
}

/// D02. An address was listed, and has another owner now, who sends nothing to traps. Without new evidence it is off the
/// list within 72 hours: also when the publisher is dead, when it waited for the brake for longer, and when renewed.
#[test]
fn d02_a_recycled_address() {
    let mut world = World::new(8, "[brake]\nper-list = 10\nper-feed = 2\ninterval = \"24h\"\n");
    world.hit("own", 0..8, "45.0.2.1", NOW);
    world.settle(NOW);
    assert!(world.lists("45.0.2.1", NOW));
    // Nobody ticks: the zone itself says when it ends.
    let origin = Origin::parse("45.0.2.1").unwrap();
    let zone = world.served();
    assert!(zone.until(0, origin, (NOW + 71 * HOUR) as u64).is_some());
    assert_eq!(zone.until(0, origin, (NOW + 72 * HOUR) as u64), None);
    // Renewed by one trap a day, it ends within 72 hours of the last.
    for day in 1..6 {
        world.hit("own", [day as usize], "45.0.2.1", NOW + day * 24 * HOUR);
        world.hit("own", [day as usize + 1], "45.0.2.1", NOW + day * 24 * HOUR);
        world.settle(NOW + day * 24 * HOUR);
    }
    let last = NOW + 5 * 24 * HOUR;
    assert!(world.lists("45.0.2.1", last));
    assert_eq!(world.served().until(0, origin, (last + 72 * HOUR) as u64), None);
    // What waits for the brake until its evidence is old is never listed.
    for number in 0..40 {
        world.hit("own", 0..3, &format!("45.0.3.{number}"), last);
    }
    world.settle(last);
    let first = world.zone(last).len();
    assert!(first <= 11 && world.orders.braked().waiting["spam"] >= 29, "{first}");
    for later in [60, 61, 70, 72, 96] {
        world.settle(last + later * HOUR);
        let zone = world.zone(last + later * HOUR);
        assert!(zone.values().all(|until| *until <= (last + 72 * HOUR) as u64), "{later}: {zone:?}");
    }
    assert_eq!(world.zone(last + 72 * HOUR).len(), 0);
    assert_eq!(world.orders.braked().waiting["spam"], 0);
}

/// A registry with every tier, both trusts and wanted mail.
fn motley() -> Registry {
    let mut registry = registry(&["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"]);
    registry.traps.get_mut("t4").unwrap().tier = Tier::Recycled;
    registry.traps.get_mut("t5").unwrap().tier = Tier::Seeded;
    registry.feeds.insert("farther".to_owned(), Trust::Foreign);
    registry.wanted.insert("mailboxes".to_owned());
    registry
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// D02. In every history, of every feed, nature and tier, with removals and wanted mail: no list holds an address for
    /// longer than 72 hours after the newest hour that anybody saw it at a trap.
    #[test]
    fn d02_no_history_lists_for_longer(
        hits in prop::collection::vec((0..4usize, 0..6usize, 0..9usize, any::<bool>(), 0i64..160, 1u16..5), 1..40),
        removals in prop::collection::vec((0i64..160, 0i64..72), 0..3),
        asked in 0i64..240,
    ) {
        let (registry, policy) = (motley(), Policy::default());
        let origin = Origin::parse("45.0.2.1").unwrap();
        let unit = |(feed, trap, nature, null_sender, hour, samples): &(usize, usize, usize, bool, i64, u16)| {
            let feed = ["own", "far", "farther", "mailboxes"][*feed];
            let trap = if feed == "mailboxes" { format!("r{trap}") } else { format!("t{trap}") };
            let key = UnitKey {
                origin, feed: feed.to_owned(), trap, nature: Nature::ALL[*nature], null_sender: *null_sender, hour: *hour,
            };
            Unit { newest: hour * HOUR, key, samples: *samples }
        };
        let units: Vec<Unit> = hits.iter().map(unit).collect();
        let removals: Vec<Removal> = removals
            .iter()
            .map(|(hour, delay)| Removal { asked: hour * HOUR, effective: (hour + delay) * HOUR })
            .collect();
        let now = asked * HOUR;
        // Of what anybody wanted, or is yet to come, nothing prolongs.
        let seen = units.iter().filter(|unit| unit.key.feed != "mailboxes" && unit.key.hour <= asked);
        let newest = seen.map(|unit| unit.key.hour * HOUR).max();
        for (list, listing) in replay_all(origin, &visible(units.clone(), &removals, now), &registry, &policy, now) {
            let until = end_by_removal(listing.until, &removals, now);
            let newest = newest.expect("nothing lists without a trap");
            prop_assert!(until > now && until <= newest + 72 * HOUR, "{list:?}: {listing:?}, newest {newest}");
        }
    }
}

/// A random /64 of one /32.
fn random_64(dice: &mut Dice) -> Origin {
    let low = (dice.roll(1 << 16) << 16 | dice.roll(1 << 16)) as u128;
    Origin::from(IpAddr::V6(Ipv6Addr::from_bits(0x2a00_001f_u128 << 96 | low << 64 | 0x99)))
}

/// The three IPv4 addresses that are listed, and how the flood must leave them.
fn ipv4_control(registry: &Registry) -> BTreeMap<Origin, Vec<(List, firsthand_analyzer::listing::Listing)>> {
    let of = |last: usize| {
        let origin = Origin::parse(&format!("45.0.2.{last}")).unwrap();
        let units: Vec<Unit> = (0..2 + last).map(|trap| witness(origin, trap)).collect();
        (origin, replay_all(origin, &units, registry, &Policy::default(), NOW))
    };
    (1..4).map(of).collect()
}

fn witness(origin: Origin, trap: usize) -> Unit {
    let (feed, trap, hour) = ("own".to_owned(), format!("t{trap}"), NOW / HOUR);
    let key = UnitKey { origin, feed, trap, nature: Nature::Direct, null_sender: false, hour };
    Unit { key, samples: 1, newest: NOW }
}

/// D04. The attacker writes to traps from another random /64 of his /32 each time, two hundred thousand. Each is scored
/// by itself: one hit lists none of them, three list that /64 and nothing wider, and IPv4 results are what they were.
#[test]
fn d04_random_64s_are_scored_each_by_itself() {
    let registry = registry(&["a.example", "b.example", "c.example", "d.example", "e.example"]);
    let before = ipv4_control(&registry);
    let mut dice = Dice(11);
    for number in 0..200_000 {
        let origin = random_64(&mut dice);
        let traps = if number % 10 == 0 { 3 } else { 1 };
        let units: Vec<Unit> = (0..traps).map(|trap| witness(origin, (number + trap) % 5)).collect();
        let listed = replay_all(origin, &units, &registry, &Policy::default(), NOW);
        assert_eq!(listed.len(), usize::from(traps == 3), "{origin}");
        assert!(listed.iter().all(|(_, listing)| listing.origin == origin && origin.network().prefix_len() == 64));
    }
    assert_eq!(ipv4_control(&registry), before);
    // All addresses of a /64 are one origin.
    let one = |low: u128| Origin::from(IpAddr::V6(Ipv6Addr::from_bits(0x2a00_001f_0001_0002_u128 << 64 | low)));
    assert!((0..1000).all(|_| one((dice.roll(1 << 31) as u128) << 30) == one(1)));
}

/// D04 through ledger and publisher: thousands of /64s, most with a hit or two, a thousand of one /48 with the quorum. A
/// /48 holds 256, refusals are counted, and IPv4 listings are to the second what they are without the flood.
#[test]
fn d04_a_flood_of_64s_leaves_ipv4_as_it_was() {
    let ipv4 = |world: &World| {
        for last in 1..30 {
            world.hit("own", 0..3 + last % 3, &format!("45.0.2.{last}"), NOW);
        }
    };
    let (mut quiet, mut flooded) = (World::new(6, ""), World::new(6, ""));
    ipv4(&quiet);
    quiet.settle(NOW);
    let mut dice = Dice(12);
    let mut facts = Vec::new();
    for number in 0..1500 {
        let origin = random_64(&mut dice).to_string();
        facts.extend((0..1 + number % 2).map(|trap| flooded.fact("own", trap, &origin, NOW, number)));
    }
    for number in 0..SITE_LIMIT + 44 {
        let origin = format!("2a00:1f:ff:{number:x}::/64");
        facts.extend((0..3).map(|trap| flooded.fact("own", trap, &origin, NOW, number)));
    }
    flooded.record(facts);
    flooded.settle(NOW);
    ipv4(&flooded);
    flooded.settle(NOW);
    let of_ipv4 = |world: &World, now: i64| {
        let mut zone = world.zone(now);
        zone.retain(|(_, origin), _| !origin.contains(':'));
        zone
    };
    assert_eq!(of_ipv4(&quiet, NOW).len(), 29);
    assert_eq!(of_ipv4(&quiet, NOW), of_ipv4(&flooded, NOW));
    let sites = flooded.zone(NOW).into_keys().filter(|(_, origin)| origin.contains(':')).count();
    assert_eq!(sites, SITE_LIMIT, "none but those of the full /48, and no more");
    assert!(flooded.metrics.crowded.get() >= 44);
    let end = NOW + 72 * HOUR;
    flooded.settle(end);
    assert_eq!(flooded.zone(end).len(), 0);
}

/// D04, by the brake. The attacker's /64s all have the quorum, and more traps than others: they are many more than the
/// brake lets go in an interval, and go first. IPv4 listings must not wait behind one /32.
#[test]
fn d04_one_32_does_not_hold_up_ipv4() {
    let mut world = World::new(6, "[brake]\nper-list = 50\nper-feed = 50\ninterval = \"600s\"\n");
    let mut dice = Dice(13);
    let mut facts = Vec::new();
    for number in 0..200 {
        let origin = random_64(&mut dice).to_string();
        facts.extend((0..5).map(|trap| world.fact("own", trap, &origin, NOW, number)));
    }
    world.record(facts);
    for last in 1..6 {
        world.hit("own", 0..4, &format!("45.0.2.{last}"), NOW);
    }
    world.settle(NOW);
    for last in 1..6 {
        assert!(world.lists(&format!("45.0.2.{last}"), NOW), "{last}");
    }
}

/// Megabytes of a process' memory that are in use.
fn resident(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

/// D04, memory. A service starts on a ledger with 12,000 random /64s of one /32 that wait to be replayed, a quarter of them
/// with the quorum. What has been settled is kept on disk and not in memory, and the zone grows by no more than the brake.
#[test]
fn d04_memory_is_bounded() {
    let mut service = Service::start(&(settings(4) + "[brake]\nper-list = 500\nper-feed = 500\ninterval = \"24h\"\n"));
    list(&service, "83.70.211.36", 1);
    service.wait("the control", |service| service.lists("83.70.211.36"));
    let before = resident(service.id());
    service.kill();
    let mut connection = beside(&service);
    let transaction = connection.transaction().unwrap();
    let mut dice = Dice(14);
    for number in 0..12_000 {
        let origin = random_64(&mut dice).to_string();
        transaction.execute("INSERT OR REPLACE INTO pending VALUES (?1, 1)", [&origin]).unwrap();
        transaction
            .execute(
                "INSERT OR IGNORE INTO units SELECT ?1, feed, trap, nature, null_sender, hour, samples, newest FROM units
                 WHERE origin = '83.70.211.36' LIMIT ?2",
                (&origin, if number % 4 == 0 { 3 } else { 1 }),
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    service.restart();
    let waiting = |service: &Service| metric(service, "firsthand_brake_waiting{list=\"spam\"}");
    let pending = |connection: &Connection| -> i64 {
        connection.query_row("SELECT count(*) FROM pending", [], |row| row.get(0)).unwrap()
    };
    service.wait("all to be looked at", |service| waiting(service) >= 2495.0 && pending(&connection) < 2600);
    let after = resident(service.id());
    assert!(after < before + 60, "{before} MB before, {after} MB after");
    assert!(service.lists("83.70.211.36"));
    let listed: i64 = connection
        .query_row("SELECT count(*) FROM listings WHERE ended IS NULL AND origin LIKE '%:%'", [], |row| row.get(0))
        .unwrap();
    assert!(listed <= 500, "{listed}");
}
