//! F01: what a botnet gains by asking for its removal as often as it may.
//!
//! Each bot hits twenty traps in five domains at random, for thirty days. It is listed, and asks, as the ledger and the
//! publisher would have it, hour by hour; one bot goes through both of them to show that it is so.

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, Unit, UnitKey};
use firsthand_analyzer::listing::{Removal, end_by_removal, replay_all, self_service_delay, visible};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::{PRESUMED_OVER, Policy, Registry};
use firsthand_server::ledger::Correction;

use super::super::mail::{Dice, registry};
use super::super::world::{NOW, World};

const DAYS: i64 = 30;
const TRAPS: usize = 20;
const DOMAINS: usize = 5;

/// How long the ledger remembers that an address asked.
const REMEMBERED: i64 = 30 * 24 * HOUR;

fn traps() -> Registry {
    let domains: Vec<String> = (0..TRAPS).map(|trap| format!("d{}.example", trap % DOMAINS)).collect();
    registry(&domains.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The Unix seconds at which a bot hits traps, `rate` times a day on average, without memory; in order.
fn hits(seed: u64, rate: usize) -> Vec<(i64, usize)> {
    let mut dice = Dice(seed);
    dice.roll(2);
    let mut at = NOW as f64;
    let mut hits = Vec::new();
    loop {
        let waits = -((dice.roll(1_000_000) + 1) as f64 / 1e6).ln() * 86_400.0 / rate as f64;
        at += waits;
        if at >= (NOW + DAYS * 24 * HOUR) as f64 {
            return hits;
        }
        hits.push((at as i64, dice.roll(TRAPS)));
    }
}

/// When a bot asks.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Asks {
    Never,
    /// Every hour in which it is listed.
    Hourly,
    /// Only when it has seen no trap for so many hours, as far as it knows: when it is listed for so long unchanged.
    After(i64),
}

/// In how many hours of the thirty days a bot is listed, and which removals it got.
fn listed(hits: &[(i64, usize)], asks: Asks, registry: &Registry) -> (Vec<bool>, Vec<Removal>) {
    let (origin, policy) = (Origin::parse("45.0.2.1").unwrap(), Policy::default());
    let (mut units, mut removals): (Vec<Unit>, Vec<Removal>) = (Vec::new(), Vec::new());
    // More direct hits never end a listing sooner: what was found holds until then, or until a removal takes effect.
    let (mut hits, mut until, mut since) = (hits.iter().peekable(), 0, None);
    let mut hours = Vec::new();
    for hour in 0..DAYS * 24 {
        let now = NOW + (hour + 1) * HOUR - 1;
        let removed = removals.iter().any(|removal| removal.effective > now - HOUR && removal.effective <= now);
        let mut hit = false;
        while let Some((at, trap)) = hits.next_if(|(at, _)| *at <= now) {
            hit = true;
            let trap = format!("t{trap}");
            match units.iter_mut().rev().find(|unit| unit.key.trap == trap && unit.key.hour == at / HOUR) {
                Some(unit) => (unit.samples, unit.newest) = (unit.samples + 1, *at),
                None => {
                    let (feed, nature) = ("own".to_owned(), Nature::Direct);
                    let key = UnitKey { origin, feed, trap, nature, null_sender: false, hour: at / HOUR };
                    units.push(Unit { key, samples: 1, newest: *at });
                }
            }
        }
        let ends = |units: &[Unit], removals: &[Removal]| {
            let listings = replay_all(origin, &visible(units.to_vec(), removals, now), registry, &policy, now);
            listings.first().map_or(0, |(_, listing)| end_by_removal(listing.until, removals, now))
        };
        if removed || until <= now && (hit || until > 0) {
            until = ends(&units, &removals);
        }
        if hour % 48 == 0 {
            // As the publisher drops what is of no use any more.
            let oldest = now - policy.hard_limit - PRESUMED_OVER;
            let recent: Vec<Unit> = units.iter().filter(|unit| unit.key.hour * HOUR >= oldest).cloned().collect();
            if recent.len() < units.len() && ends(&recent, &removals) == ends(&units, &removals) {
                units = recent;
            }
        }
        let is_listed = until > now;
        hours.push(is_listed);
        since = if is_listed { since.or(Some(now)) } else { None };
        let wants = match asks {
            Asks::Never => false,
            Asks::Hourly => is_listed,
            Asks::After(patience) => since.is_some_and(|since| now - since >= patience * HOUR),
        };
        if wants && removals.iter().all(|removal| removal.effective <= now) {
            let earlier = removals.iter().filter(|removal| removal.asked > now - REMEMBERED).count();
            removals.push(Removal { asked: now, effective: now + self_service_delay(earlier as u32) });
            until = ends(&units, &removals);
        }
    }
    (hours, removals)
}

fn median(mut times: Vec<usize>) -> usize {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The median listed hours of some bots of a botnet: of those who never ask, and of those who ask so.
fn medians(bots: usize, rate: usize, asks: Asks) -> (usize, usize) {
    let registry = traps();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for bot in 0..bots {
        let hits = hits((rate * 1000 + bot) as u64, rate);
        let count = |asks: Asks| listed(&hits, asks, &registry).0.into_iter().filter(|listed| *listed).count();
        without.push(count(Asks::Never));
        with.push(count(asks));
    }
    (median(without), median(with))
}

fn assert_falls_little(bots: usize, rate: usize) {
    for asks in [Asks::Hourly, Asks::After(12)] {
        let (without, with) = medians(bots, rate, asks);
        let falls = 100.0 * (without - with.min(without)) as f64 / without as f64;
        println!(
            "{rate} hits a day, asks {asks:?}: {without} h listed without asking, {with} h with: {falls:.1} % less"
        );
        assert!(falls <= 10.0, "{rate} a day, {asks:?}: {without} h, {with} h, {falls:.1} % less");
    }
}

/// F01. A botnet of ten thousand, of which these are a sample, asks hourly at five hits a day over twenty traps in five
/// domains. Removals by self-service take effect after doubling delays, and hide only what came before they were asked.
/// At so few hits it takes a bot half a day to meet the quorum anew, each time.
#[test]
fn f01_a_botnet_that_asks_hourly_at_5_a_day() {
    assert_falls_little(100, 5);
}

/// F01 at ten hits a day. Samples of a hundred bots and more give the same figures, and take longer.
#[test]
fn f01_a_botnet_that_asks_hourly_at_10_a_day() {
    assert_falls_little(24, 10);
}

/// F01 at twenty hits a day.
#[test]
fn f01_a_botnet_that_asks_hourly_at_20_a_day() {
    assert_falls_little(12, 20);
}

/// F01 at fifty hits a day.
#[test]
fn f01_a_botnet_that_asks_hourly_at_50_a_day() {
    assert_falls_little(6, 50);
}

/// F01. One such bot goes through the real ledger and publisher, which have it listed in the same hours.
#[test]
fn f01_the_ledger_and_the_publisher_do_the_same() {
    let all = hits(20_007, 20);
    let (expected, removals) = listed(&all, Asks::Hourly, &traps());
    assert!(removals.len() > 5);
    // Twenty traps in five domains: four to a domain.
    let more: String =
        (0..TRAPS).map(|trap| format!("[[trap]]\naddress = \"bot{trap}@d{}.example\"\n", trap % DOMAINS)).collect();
    let mut world = World::new(0, &more);
    let origin = Origin::parse("45.0.2.1").unwrap();
    let mut hits = all.iter().enumerate().peekable();
    for (hour, expected) in expected.into_iter().enumerate().take(6 * 24) {
        let now = NOW + (hour as i64 + 1) * HOUR - 1;
        let mut facts = Vec::new();
        while let Some((number, (at, trap))) = hits.next_if(|(_, (at, _))| *at <= now) {
            let id = world.ledger.trap_id(&format!("bot{trap}@d{}.example", trap % DOMAINS));
            let mut fact = world.fact("own", 0, "45.0.2.1", *at, number);
            fact.trap.clone_from(&id);
            fact.unit.as_mut().unwrap().trap = id;
            facts.push(fact);
        }
        world.record(facts);
        world.settle(now);
        assert_eq!(world.lists("45.0.2.1", now), expected, "hour {hour}");
        if expected {
            world.correct(Correction::AskRemoval { origin, proven: true }, now);
            world.settle(now);
        }
    }
    let kept: Vec<Removal> = world.ledger.removals(origin, NOW + 6 * 24 * HOUR).unwrap();
    assert_eq!(kept[..], removals[..kept.len()]);
}
