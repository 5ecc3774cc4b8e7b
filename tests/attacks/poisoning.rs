//! C: can what a trap, a feed or a clock says be bent so that an innocent address is listed?
//!
//! The attacker knows some traps, or owns a foreign feed and lies without limit. Traps `t0` to `t39` are pristine and
//! never send, unless a test says otherwise; `own` is our feed, `far` and `farther` are somebody else's.

mod feeds;
mod oracle;

use std::collections::BTreeSet;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, Unit, UnitKey};
use firsthand_analyzer::listing::replay_all;
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::{List, Policy, Registry, Tier, Trust, score};
use jiff::Timestamp;

use super::harness::{self, Service, TOKEN};
use super::mail::*;
use super::world::{NOW, World};

/// So many samples of one hour at a trap.
fn unit(feed: &str, nature: Nature, null_sender: bool, trap: usize, hour: i64, samples: u16) -> Unit {
    let key = UnitKey { feed: feed.to_owned(), ..hit(VICTIM, nature, null_sender, trap, hour) };
    Unit { newest: hour * HOUR, key, samples }
}

/// Mail that recipient `number` wanted.
fn wanted(number: usize, hour: i64) -> Unit {
    let mut unit = unit("mailboxes", Nature::Direct, false, 0, hour, 1);
    unit.key.trap = format!("r{number}");
    unit
}

/// `count` traps in turn over the first `domains` domains, and a feed of wanted mail.
fn spread(count: usize, domains: usize) -> Registry {
    let names: Vec<String> = (0..count).map(|trap| format!("d{}.example", trap % domains)).collect();
    let mut registry = registry(&names.iter().map(String::as_str).collect::<Vec<_>>());
    registry.wanted.insert("mailboxes".to_owned());
    registry.feeds.insert("farther".to_owned(), Trust::Foreign);
    registry
}

/// The lists that hold the victim after these units, at the start of the hour `hour`.
fn held(units: &[Unit], registry: &Registry, hour: i64) -> BTreeSet<List> {
    let origin = Origin::from(address(VICTIM));
    let listed = replay_all(origin, units, registry, &Policy::default(), hour * HOUR);
    listed.into_iter().map(|(list, _)| list).collect()
}

/// C01. The attacker knows ten traps on two domains and mails them from a large provider's outbound address, ten thousand
/// times, in every dress. The quorum of domains and the cap on each stop him, with wanted mail or without it.
#[test]
fn c01_leaked_traps_on_two_domains() {
    let registry = spread(10, 2);
    let mut dice = Dice(1);
    for dress in 0..4 {
        let mut keys = Vec::new();
        for _ in 0..10_000 {
            let nature = if dress == 3 { Nature::ALL[dice.roll(Nature::ALL.len())] } else { Nature::Direct };
            let hour = START + [0, dice.roll(6), dice.roll(72), dice.roll(72)][dress] as i64;
            keys.push(hit(VICTIM, nature, dice.roll(2) == 0, dice.roll(10), hour));
        }
        let mut units: Vec<Unit> = units(keys).into_values().flatten().collect();
        assert_eq!(units.iter().map(|unit| usize::from(unit.samples)).sum::<usize>(), 10_000);
        for hour in [0, 3, 24, 71] {
            assert_eq!(held(&units, &registry, START + hour), BTreeSet::new(), "dress {dress}, hour {hour}");
        }
        units.extend((0..100).map(|recipient| wanted(recipient, START - 5)));
        assert_eq!(held(&units, &registry, START + 24), BTreeSet::new(), "dress {dress}, with wanted mail");
    }
    let all: Vec<Unit> = (0..10).map(|trap| unit("own", Nature::Direct, false, trap, START, 1000)).collect();
    let value = score(&all, List::Spam, &registry, &Policy::default(), START * HOUR).value;
    assert!((value - 3.0).abs() < 1e-9, "two domains weigh {value}");
}

/// C01. Twelve leaked traps on three domains meet the quorum. Against an address whose mail a hundred people wanted they
/// reach `mixed` and no more: at once, day by day, after a weekend in which nobody wrote, and if a few want more and more.
#[test]
fn c01_an_address_whose_mail_is_wanted() {
    let registry = spread(12, 3);
    let attack = |from: i64, to: i64| (from..to).flat_map(|hour| (0..12).map(move |trap| (trap, hour)));
    let attack = |from, to| attack(from, to).map(|(trap, hour)| unit("own", Nature::Direct, false, trap, hour, 70));
    let fresh: Vec<Unit> = attack(START, START + 12).chain((0..100).map(|one| wanted(one, START))).collect();
    for hour in 0..12 {
        assert_eq!(held(&fresh, &registry, START + hour), [List::Mixed].into(), "hour {hour}");
    }
    // Mail on weekdays to a hundred people in turn, and an attack every hour of three weeks.
    let mut units: Vec<Unit> = attack(START, START + 21 * 24).collect();
    for hour in (START - 168..START + 21 * 24).filter(|hour| (hour - START).rem_euclid(168) < 5 * 24) {
        units.extend((0..100).filter(|one| (one + hour) % 24 == 0).map(|one| wanted(one as usize, hour)));
    }
    for hour in (0..21 * 24).step_by(13) {
        assert_eq!(held(&units, &registry, START + hour), [List::Mixed].into(), "hour {hour}");
    }
    // Silence for almost as long as evidence counts.
    let silent: Vec<Unit> = attack(START + 71, START + 72).chain((0..100).map(|one| wanted(one, START))).collect();
    assert_eq!(held(&silent, &registry, START + 71), [List::Mixed].into());
    // One reader who gets a thousand messages an hour speaks once: nobody whitewashes himself by one mailbox.
    let mut one_reader: Vec<Unit> = attack(START, START + 1).collect();
    one_reader.extend((-50..1).map(|hour| Unit { samples: 1000, ..wanted(1, START + hour) }));
    assert_eq!(held(&one_reader, &registry, START), [List::Spam].into());
}

/// C01. A whole domain that takes mail for every name is one trap, however many of its names the attacker finds.
#[test]
fn c01_a_thousand_names_of_a_whole_domain_are_one_trap() {
    let world = World::new(3, "[[trap]]\naddress = \"@all.example\"\n[[trap]]\naddress = \"@every.example\"\n");
    let declared = world.declared.load();
    let found = |name: usize, domain: &str| declared.trap(&world.ledger, &format!("<Name{name}@{domain}>"));
    for domain in ["all.example", "every.example"] {
        let ids: BTreeSet<_> = (0..1000).map(|name| found(name, domain)).collect();
        assert_eq!(ids.len(), 1, "{domain}");
        assert!(ids.iter().all(Option::is_some), "{domain}");
    }
    assert_eq!(found(1, "sub.all.example"), None, "a domain is not those below it");
}

/// C04. The attacker, or a broken feeder, hands in the same sample a hundred thousand times. Its id is a digest of feed,
/// trap and bytes: it is kept and counted once, in any order, before and after a withdrawal.
#[test]
fn c04_a_sample_counts_once() {
    let mut world = World::new(6, "");
    let same = world.fact("own", 0, "45.0.2.1", NOW, 1);
    let mut fresh = 0;
    for _ in 0..10 {
        fresh += world.record((0..10_000).map(|_| same.clone()));
    }
    assert_eq!(fresh, 1);
    let units = world.units("45.0.2.1");
    assert_eq!(units.iter().map(|unit| unit.samples).collect::<Vec<_>>(), [1]);
    // Each a little different, they are samples, and still one trap's word.
    world.record((0..2000).map(|number| world.fact("own", 1, "45.0.2.1", NOW + number as i64 % HOUR, number)));
    world.settle(NOW + HOUR);
    assert_eq!(world.zone(NOW + HOUR).len(), 0);
    let weigh = |units: &[Unit]| {
        let declared = world.declared.load();
        score(units, List::Spam, &declared.registry, &declared.policy, NOW).value
    };
    assert!((weigh(&world.units("45.0.2.1")) - 2.0).abs() < 1e-9);
    // What was withdrawn does not come back by being sent again.
    world.withdraw("own", NOW + HOUR);
    assert_eq!(world.record([same.clone(), same]), 0);
    assert_eq!(world.units("45.0.2.1"), []);
    let full = unit("own", Nature::Direct, false, 0, START, SAMPLES_LIMIT);
    assert_eq!(held(&[full], &spread(3, 3), START), BTreeSet::new());
}

/// C04. Whatever the order in which samples come, each again and again, and whatever the publisher looked at between
/// them, the zone is the same: at once and later.
#[test]
fn c04_any_order_gives_the_same_zone() {
    let mut zones = Vec::new();
    for order in 0..4 {
        let mut world = World::new(6, "");
        let mut dice = Dice(7);
        let mut facts = Vec::new();
        for number in 0..160 {
            let feed = ["own", "own", "far", "mailboxes"][dice.roll(4)];
            let from = ["45.0.2.1", "45.0.2.2", "45.0.2.3", "2a00:1f:2:3::/64"][dice.roll(4)];
            let at = NOW - dice.roll(80 * 3600) as i64;
            facts.push(world.fact(feed, dice.roll(6), from, at, number));
        }
        let mut dice = Dice(order);
        for _ in 0..order * 400 {
            let (one, other) = (dice.roll(facts.len()), dice.roll(facts.len()));
            facts.swap(one, other);
        }
        for part in facts.chunks(20 + 30 * order as usize) {
            world.record(part.iter().chain(part.iter().take(5)).cloned());
            if order > 1 {
                world.tick(NOW);
            }
        }
        world.record(facts.iter().take(40 * order as usize).cloned());
        let mut seen = Vec::new();
        for later in [0, 7, 30, 71] {
            world.settle(NOW + later * HOUR);
            seen.push(world.zone(NOW + later * HOUR));
        }
        zones.push(seen);
    }
    assert!(!zones[0][0].is_empty());
    for zone in &zones[1..] {
        assert_eq!(*zone, zones[0]);
    }
}

/// C04 over HTTP: a sample that was taken is a repeat, also after a crash, by another spelling of the trap, and with
/// another word on its envelope; a line end more makes another sample and no second trap.
#[test]
fn c04_replay_over_http() {
    let mut service = Service::start(&harness::settings(3));
    let message = harness::message("83.70.211.36", 1);
    let repeat = |service: &Service, trap: &str, message: &[u8]| {
        let (status, answer) = service.submit(trap, message).unwrap();
        assert_eq!(status, 202, "{answer}");
        answer["repeat"].as_bool().unwrap()
    };
    assert!(!repeat(&service, "trap@d0.example", &message));
    for trap in ["trap@d0.example", "<trap@d0.example>", "TRAP@D0.Example"] {
        assert!(repeat(&service, trap, &message), "{trap}");
    }
    let authorization = format!("Bearer {TOKEN}");
    for sender in ["", "<>", "someone@elsewhere.example"] {
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Firsthand-Trap", "trap@d0.example"),
            ("Firsthand-Mail-From", sender),
        ];
        assert_eq!(service.submit_with(&headers, &message).unwrap().1["repeat"], true, "{sender:?}");
    }
    service.kill_and_restart();
    assert!(repeat(&service, "trap@d0.example", &message));
    for more in 1..20 {
        assert!(!repeat(&service, "trap@d0.example", &[message.as_slice(), &b"\n".repeat(more)].concat()));
    }
    assert!(!repeat(&service, "trap@d1.example", &message));
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let traps: i64 = ledger.query_row("SELECT count(DISTINCT trap) FROM units", [], |row| row.get(0)).unwrap();
    assert_eq!(traps, 2);
    assert!(!service.lists("83.70.211.36"));
}

/// C04 turned round: a feed whose channel names the peer hands in the bytes as the client sent them, without a line of
/// its own. A botnet sends the very same bytes from each of its addresses; each of them was seen at the trap.
#[test]
fn c04_the_same_bytes_from_two_peers_are_two_samples() {
    let settings = harness::settings(3).replace("relays = [\"mx1\"]\n", "relays = [\"mx1\"]\nboundary = \"channel\"\n");
    let service = Service::start(&settings);
    let authorization = format!("Bearer {TOKEN}");
    for peer in ["83.70.211.36", "83.70.211.37", "83.70.211.38"] {
        for trap in 0..3 {
            let trap = format!("trap@d{trap}.example");
            let headers = [
                ("Authorization", authorization.as_str()),
                ("Firsthand-Trap", &trap),
                ("Firsthand-Observed-Peer", peer),
            ];
            let (status, answer) = service.submit_with(&headers, b"Subject: offer\n\nBuy.\n").unwrap();
            assert_eq!((status, &answer["repeat"]), (202, &false.into()), "{peer} at {trap}: {answer}");
        }
    }
}

/// A message that our relay stamped with `stamp`; the sender's own lines say `dates`.
fn stamped(stamp: Option<i64>, dates: &str, number: usize) -> Vec<u8> {
    let written = |at: i64| Timestamp::from_second(at).unwrap().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let stamp = stamp.map_or_else(|| "no date".to_owned(), written);
    format!(
        "Received: from mail.sender.example (unknown [83.70.211.36])\n\tby mx1.example.net (Postfix) with ESMTP id {number:010X}\n\
         \tfor <trap@d0.example>; {stamp}\n{dates}Subject: {number}\n\nbody\n"
    )
    .into_bytes()
}

/// C05. A feeder dumps a queue of last week, or a relay's clock is ahead. A feed that is held to its stamps has both
/// refused as evidence, with the reason; what the sender wrote of dates neither saves nor spoils a sample.
#[test]
fn c05_stale_and_future_samples() {
    let settings = harness::settings(3).replace("relays = [\"mx1\"]\n", "relays = [\"mx1\"]\nstamps = \"checked\"\n");
    let service = Service::start(&settings);
    let now = Timestamp::now().as_second();
    let old = "Received: from a.example ([203.0.113.9]) by b.example (Postfix) with ESMTP id 1;\n\tTue, 1 Jan 2019 00:00:00 +0000\nDate: Tue, 1 Jan 2019 00:00:00 +0000\n";
    let ahead = "Date: Fri, 1 Jan 2038 00:00:00 +0000\nX-Received: by 2002:a05:0; Fri, 1 Jan 2038 00:00:00 +0000\n";
    let fresh = Timestamp::from_second(now).unwrap().strftime("Date: %a, %d %b %Y %H:%M:%S +0000\n").to_string();
    let mut number = 0;
    let mut evidence = |stamp: Option<i64>, dates: &str| {
        number += 1;
        let (status, answer) = service.submit("trap@d0.example", &stamped(stamp, dates, number)).unwrap();
        assert_eq!(status, 202, "it is kept all the same");
        answer["evidence"].as_str().unwrap().to_owned()
    };
    for dates in ["", old, ahead, &fresh] {
        assert_eq!(evidence(Some(now - 5), dates), "counted");
        assert_eq!(evidence(Some(now - 24 * HOUR + 100), dates), "counted");
        assert_eq!(evidence(Some(now + 400), dates), "counted");
        for age in [24 * HOUR + 100, 7 * 24 * HOUR, 20 * 365 * 24 * HOUR] {
            assert_eq!(evidence(Some(now - age), dates), "stale-stamp", "{age}");
        }
        for lead in [800, HOUR, 24 * HOUR, 10 * 365 * 24 * HOUR] {
            assert_eq!(evidence(Some(now + lead), dates), "future-stamp", "{lead}");
        }
        assert_ne!(evidence(None, dates), "counted");
    }
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let counted: i64 = ledger.query_row("SELECT sum(samples) FROM units", [], |row| row.get(0)).unwrap();
    assert_eq!(counted, 12);
}

/// C05. Where stamps are ignored, age is arrival time: a sender whose clock is years fast or slow, and a relay's as well,
/// weighs what anybody weighs, and its listing ends when anybody's does.
#[test]
fn c05_a_fast_clock_changes_no_weight() {
    let service = Service::start(&harness::settings(3));
    let now = Timestamp::now().as_second();
    let mut number = 0;
    for lead in [0, 10 * 365 * 24 * HOUR, -10 * 365 * 24 * HOUR] {
        for trap in 0..3 {
            number += 1;
            let dates = "Date: Fri, 1 Jan 2038 00:00:00 +0000\n";
            let sample = stamped(Some(now + lead), dates, number);
            let (_, answer) = service.submit(&format!("trap@d{trap}.example"), &sample).unwrap();
            assert_eq!(answer["evidence"], "counted");
        }
    }
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let (first, last): (i64, i64) =
        ledger.query_row("SELECT min(hour), max(hour) FROM units", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let after = Timestamp::now().as_second();
    assert!(first >= now.div_euclid(HOUR) && last <= after.div_euclid(HOUR), "{first} to {last}");
    service.wait("the listing", |service| service.lists("83.70.211.36"));
    let until: i64 = ledger.query_row("SELECT until FROM listings WHERE list = 'spam'", [], |row| row.get(0)).unwrap();
    assert!(until > now && until <= after + 72 * HOUR, "{until}");
}

/// So many traps of a tier over ten domains, with three pristine ones in domains `a`, `b` and `b`.
fn tiered(tier: Tier) -> Registry {
    let mut registry = spread(50, 10);
    registry.traps.values_mut().for_each(|trap| trap.tier = tier);
    for (name, domain) in [("t50", "a.example"), ("t51", "b.example"), ("t52", "b.example")] {
        let mut trap = registry.traps["t0"].clone();
        (trap.domain, trap.tier) = (domain.to_owned(), Tier::Pristine);
        registry.traps.insert(name.to_owned(), trap);
    }
    registry
}

/// C06. Fifty addresses that were somebody's once, or are one letter from somebody's, over ten domains, get mail every
/// hour from a sender whose subscribers they were. Only pristine and seeded traps make the quorum: nothing is listed, not
/// with two pristine traps beside them, nor with three in two domains.
#[test]
fn c06_recycled_and_typo_traps() {
    for tier in [Tier::Recycled, Tier::Typo] {
        let registry = tiered(tier);
        let mut dice = Dice(3);
        for pristine in [&[][..], &[50], &[50, 51], &[50, 51, 52]] {
            for dressed in [false, true] {
                let mut units = Vec::new();
                for hour in 0..72 {
                    for trap in (0..50).chain(pristine.iter().copied()).filter(|trap| (trap + hour) % 4 == 0) {
                        let nature = if dressed { Nature::ALL[dice.roll(Nature::ALL.len())] } else { Nature::Direct };
                        units.push(unit("own", nature, dressed && trap % 2 == 0, trap, START + hour as i64, 3));
                    }
                }
                for hour in [0, 5, 24, 71] {
                    // Three pristine traps, of which two are in one domain, and fifty others: still two domains.
                    let held = held(&units, &registry, START + hour);
                    assert_eq!(held, BTreeSet::new(), "{tier:?}, {pristine:?}, hour {hour}, dressed {dressed}");
                }
            }
        }
    }
    let value = |tier| {
        let all: Vec<Unit> = (0..50).map(|trap| unit("own", Nature::Direct, false, trap, START, 9)).collect();
        score(&all, List::Spam, &tiered(tier), &Policy::default(), START * HOUR).value
    };
    assert!((value(Tier::Recycled) - 10.0).abs() < 1e-9);
    assert_eq!(value(Tier::Typo), 0.0);
}

/// C06, later on: a server was listed once, by three pristine traps, and mended. Its newsletter goes on to recycled
/// addresses, for ever. What makes no listing must not keep one.
#[test]
fn c06_recycled_traps_prolong_nothing() {
    let registry = {
        let mut registry = tiered(Tier::Recycled);
        registry.traps.get_mut("t52").unwrap().domain = "c.example".to_owned();
        registry
    };
    let mut units: Vec<Unit> = (50..53).map(|trap| unit("own", Nature::Direct, false, trap, START, 1)).collect();
    assert_eq!(held(&units, &registry, START), [List::Spam].into());
    for hour in (1..240).step_by(12) {
        units.extend((0..50).map(|trap| unit("own", Nature::Direct, false, trap, START + hour, 1)));
    }
    for hour in [72, 120, 239] {
        assert_eq!(held(&units, &registry, START + hour), BTreeSet::new(), "{hour} hours after the last pristine trap");
    }
}
