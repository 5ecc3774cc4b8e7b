//! The laws of scores, and what counts in which list.

use super::*;
use crate::address::Origin;
use crate::evidence::{SAMPLES_LIMIT, UnitKey};
use crate::nature::Nature;
use proptest::prelude::*;

pub(crate) fn registry() -> Registry {
    let trap = |domain: &str, tier| Trap { domain: domain.into(), tier, sends: false, accepts_reports: false };
    let mut traps = BTreeMap::new();
    for domain in 0..4 {
        for index in 0..4 {
            traps.insert(format!("t{domain}{index}"), trap(&format!("d{domain}.example"), Tier::Pristine));
        }
    }
    traps.insert("old".into(), trap("d9.example", Tier::Recycled));
    let feeds = [("own", Trust::Own), ("far", Trust::Foreign), ("far2", Trust::Foreign), ("half", Trust::Own)];
    let feeds = feeds.into_iter().chain([("faint", Trust::Own), ("far3", Trust::Foreign)]);
    Registry {
        traps,
        feeds: feeds.map(|(name, trust)| (name.to_owned(), trust)).collect(),
        weights: [("half", 0.5), ("faint", 0.1), ("far3", 0.7)].map(|(name, weight)| (name.to_owned(), weight)).into(),
        ..Registry::default()
    }
}

fn unit(feed: &str, trap: &str, nature: Nature, hour: i64, samples: u16) -> Unit {
    let key = UnitKey {
        origin: Origin::V4([192, 0, 2, 1].into()),
        feed: feed.into(),
        trap: trap.into(),
        nature,
        null_sender: false,
        hour,
    };
    let newest = key.hour * HOUR;
    Unit { key, samples, newest }
}

fn direct(feed: &str, trap: &str, hour: i64) -> Unit {
    unit(feed, trap, Nature::Direct, hour, 1)
}

fn at(units: &[Unit], now: i64) -> Score {
    score(units, List::Spam, &registry(), &Policy::default(), now)
}

/// Whether the hours up to an instant begin a listing.
fn lists(units: &[Unit], now: i64) -> bool {
    let (registry, policy) = (registry(), Policy::default());
    let mut sweep = Sweep::of(units, List::Spam, &registry, &policy);
    while let Some(hour) = sweep.next_hour().filter(|hour| hour * HOUR <= now) {
        sweep.take(hour);
    }
    sweep.standing(now).lists(&policy)
}

#[test]
fn a_score_reads_as_fresh_traps() {
    let units = [direct("own", "t00", 10), direct("own", "t10", 10), direct("own", "t20", 10)];
    let fresh = at(&units, 10 * HOUR);
    assert_eq!((fresh.value, fresh.traps, fresh.domains), (3.0, 3, 3));
    assert!(lists(&units, 10 * HOUR));
    assert_eq!(at(&units, 58 * HOUR).value, 1.5);
    assert_eq!(at(&units, 82 * HOUR).value, 0.0);
    assert_eq!(at(&units, 9 * HOUR).value, 0.0);
}

/// G4: repeats count once, a domain is capped, recycled traps make no quorum, a foreign feed never lists alone.
#[test]
fn quorum_and_caps() {
    let flood: Vec<Unit> = (0..50).map(|hour| unit("own", "t00", Nature::Direct, hour, 255)).collect();
    assert_eq!(at(&flood, 49 * HOUR).value, 1.0);
    let one_domain: Vec<Unit> = (0..4).map(|trap| direct("own", &format!("t0{trap}"), 1)).collect();
    assert_eq!(at(&one_domain, HOUR).value, 1.5);
    let two_domains: Vec<Unit> = (0..4)
        .flat_map(|trap| [direct("own", &format!("t0{trap}"), 1), direct("own", &format!("t1{trap}"), 1)])
        .collect();
    assert_eq!(at(&two_domains, HOUR).value, 3.0);
    assert!(!lists(&two_domains, HOUR));
    let foreign: Vec<Unit> = (0..4).map(|domain| direct("far", &format!("t{domain}0"), 1)).collect();
    assert_eq!(at(&foreign, HOUR).value, 1.25);
    let unknown = [direct("nobody", "t00", 1), direct("own", "t99", 1)];
    assert_eq!(at(&unknown, HOUR).value, 0.0);
    assert_eq!(at(&[direct("own", "old", 1)], HOUR).traps, 0);
}

/// A feed's weight multiplies what it says; a trap has one level however many feeds hear it; whoever is believed by less than
/// half makes no quorum and keeps nothing.
#[test]
fn a_feeds_weight_lowers_its_word() {
    let of = |feed: &'static str| move |domain: usize| direct(feed, &format!("t{domain}0"), 1);
    let three = |feed| (0..3).map(of(feed)).collect::<Vec<_>>();
    assert_eq!((at(&three("half"), HOUR).value, at(&three("half"), HOUR).traps), (1.5, 3));
    assert_eq!((at(&three("faint"), HOUR).traps, at(&three("faint"), HOUR).domains), (0, 0));
    let both = [three("half"), three("own"), three("faint")].concat();
    assert_eq!((at(&both, HOUR).value, at(&both, HOUR).traps), (3.0, 3));
    assert!(at(&both, HOUR).witnesses.iter().all(|witness| witness.weight == 1.0 && witness.samples == 3));
    // Two domains have the score, and a third that a faint feed alone heard makes no listing of it.
    let two: Vec<Unit> = (0..4).map(|trap| direct("own", &format!("t{}{}", trap % 2, trap / 2), 1)).collect();
    let with = |feed: &'static str| [two.clone(), vec![of(feed)(2)]].concat();
    assert_eq!(at(&two, HOUR).value, 3.0);
    assert!(!lists(&two, HOUR) && !lists(&with("faint"), HOUR) && lists(&with("half"), HOUR));
    // The newer word of a faint feed takes nothing from an older one's.
    let older = [direct("own", "t00", 1), direct("faint", "t00", 20)];
    let score = at(&older, 20 * HOUR);
    assert_eq!((score.value, score.witnesses[0].feed.as_str()), ((-19.0_f64 / 48.0).exp2(), "faint"));
    assert_eq!(score.witnesses[0].weight, score.value);
    // Where no feed is believed by half, no quorum is ever met.
    let mut registry = registry();
    assert!(Policy::default().can_be_met(&registry));
    registry.feeds.retain(|feed, _| feed == "faint");
    assert!(!Policy::default().can_be_met(&registry));
}

/// G3: more than three quarters reflected presumes the rest to be reflected.
#[test]
fn a_mostly_reflected_hour_is_reflected() {
    let hour = |direct_count, reflected| {
        let units =
            [unit("own", "t00", Nature::Direct, 1, direct_count), unit("own", "t00", Nature::Bounce, 1, reflected)];
        at(&units, HOUR).value
    };
    assert_eq!(hour(1, 3), 1.0);
    assert_eq!(hour(1, 4), 0.0);
    assert_eq!(at(&[unit("own", "t00", Nature::Bounce, 1, 9)], HOUR).value, 0.0);
}

/// B01: at a bounce an hour, a misread one makes its hour direct, and the day around it tells better.
#[test]
fn a_day_of_reflected_hours_presumes_a_direct_one_to_be_reflected() {
    let mut units: Vec<Unit> = Vec::new();
    for hour in 0..24 {
        for domain in 0..4 {
            let misread = hour == 20 && domain < 3;
            let nature = if misread { Nature::Direct } else { Nature::Bounce };
            units.push(unit("own", &format!("t{domain}0"), nature, hour, 1));
        }
    }
    let spam = at(&units, 23 * HOUR);
    assert_eq!((spam.value, spam.traps), (0.0, 0));
    // The same three from one that does not reflect list it; another feed's bounces excuse nothing.
    let direct: Vec<Unit> = units.iter().filter(|unit| unit.key.nature == Nature::Direct).cloned().collect();
    assert!(lists(&direct, 20 * HOUR));
    for unit in units.iter_mut().filter(|unit| unit.key.nature == Nature::Bounce) {
        unit.key.feed = "far".into();
    }
    assert!(lists(&units, 20 * HOUR));
}

/// One trap that is known to a spammer, dressed for hour by hour, excuses no others; nor do traps that prove nothing.
#[test]
fn a_dressed_trap_excuses_no_others() {
    let mut units: Vec<Unit> = (0..24).map(|hour| unit("own", "t00", Nature::AutoReply, hour, 1)).collect();
    units.extend((0..24).map(|hour| unit("own", "old", Nature::AutoReply, hour, 1)));
    units.extend([direct("own", "t10", 23), direct("own", "t20", 23), direct("own", "t30", 23)]);
    assert!(lists(&units, 23 * HOUR));
}

/// A unit that counts no further makes no share: an hour flooded with bounces is reflected, however many were misread.
#[test]
fn a_flood_of_bounces_stays_a_flood_of_bounces() {
    let mut units = Vec::new();
    for domain in 0..4 {
        units.push(unit("own", &format!("t{domain}0"), Nature::Bounce, 1, SAMPLES_LIMIT));
        units.push(unit("own", &format!("t{domain}0"), Nature::Direct, 1, SAMPLES_LIMIT));
    }
    assert_eq!(at(&units, HOUR).value, 0.0);
    assert_eq!(all_at(&units, HOUR)[2].traps, 4);
}

/// B05, B06: what counts where.
#[test]
fn lists_differ_in_what_counts() {
    let reflected = |trap: &str, nature, null_sender| {
        let mut unit = unit("own", trap, nature, 1, 1);
        unit.key.null_sender = null_sender;
        unit
    };
    let scores = |units: &[Unit], registry: &Registry| {
        List::ALL.map(|list| score(units, list, registry, &Policy::default(), HOUR).value)
    };
    let quiet = registry();
    let mut sending = registry();
    for trap in sending.traps.values_mut() {
        trap.sends = true;
    }
    let mut reporting = registry();
    for trap in reporting.traps.values_mut() {
        trap.accepts_reports = true;
    }
    for nature in Nature::ALL.into_iter().filter(|nature| nature.is_reflected()) {
        assert_eq!(scores(&[reflected("t00", nature, true)], &quiet), [0.0, 1.0, 0.0], "{nature:?}");
        assert_eq!(scores(&[reflected("t00", nature, false)], &quiet), [0.0, 0.0, 1.0], "{nature:?}");
        assert_eq!(scores(&[reflected("t00", nature, true)], &sending), [0.0; 3], "{nature:?}");
        assert_eq!(scores(&[reflected("t00", nature, false)], &sending), [0.0; 3], "{nature:?}");
    }
    assert_eq!(scores(&[direct("own", "t00", 1)], &sending), [1.0, 0.0, 1.0]);
    let report = [reflected("t00", Nature::AbuseReport, true)];
    assert_eq!(scores(&report, &quiet), [1.0, 0.0, 1.0]);
    assert_eq!(scores(&report, &reporting), [0.0; 3]);
    // A quarter of an hour's samples makes it direct, whoever sent the rest; below, the direct ones are only mixed.
    let hour = |dressed: u16| [direct("own", "t00", 1), unit("own", "t00", Nature::Bounce, 1, dressed)];
    assert_eq!(scores(&hour(3), &quiet)[0], 1.0);
    assert_eq!(scores(&hour(4), &quiet), [0.0, 0.0, 1.0]);
}

prop_compose! {
    fn any_unit()(feed in 0..6usize, domain in 0..4, index in 0..4, nature in 0..4usize, null_sender in any::<bool>(), hour in 0i64..100, samples in 1u16..=SAMPLES_LIMIT) -> Unit {
        let nature = [Nature::Direct, Nature::Bounce, Nature::AutoReply, Nature::AbuseReport][nature];
        let mut unit = unit(["own", "far", "far2", "half", "faint", "far3"][feed], &format!("t{domain}{index}"), nature, hour, samples);
        unit.key.null_sender = null_sender;
        unit
    }
}

fn all_at(units: &[Unit], now: i64) -> [Score; 3] {
    List::ALL.map(|list| score(units, list, &registry(), &Policy::default(), now))
}

proptest! {
    #[test]
    fn order_does_not_matter(units in prop::collection::vec(any_unit(), 0..40), now in 0i64..200, turn in any::<prop::sample::Index>()) {
        let before = all_at(&units, now * HOUR);
        let mut turned = units.clone();
        if !turned.is_empty() {
            let by = turn.index(turned.len());
            turned.rotate_left(by);
            turned.reverse();
        }
        prop_assert_eq!(before, all_at(&turned, now * HOUR));
    }

    #[test]
    fn unchanged_evidence_never_scores_higher(units in prop::collection::vec(any_unit(), 0..40), now in 100i64..200, later in 0i64..100_000) {
        for (before, after) in all_at(&units, now * HOUR).iter().zip(all_at(&units, now * HOUR + later)) {
            prop_assert!(after.value <= before.value + 1e-9);
        }
    }

    /// Less belief in a feed never adds: neither to a score, nor to what keeps a listing, nor to a quorum.
    #[test]
    fn less_belief_never_adds(units in prop::collection::vec(any_unit(), 0..40), now in 100i64..200, feed in 0..6usize, less in 0.01f64..1.0) {
        let mut doubting = registry();
        let feed = ["own", "far", "far2", "half", "faint", "far3"][feed];
        let weight = doubting.weight(feed) * less;
        doubting.weights.insert(feed.to_owned(), weight);
        for (list, before) in List::ALL.into_iter().zip(all_at(&units, now * HOUR)) {
            let after = score(&units, list, &doubting, &Policy::default(), now * HOUR);
            prop_assert!(after.value <= before.value + 1e-9 && after.keeping <= before.keeping + 1e-9);
            prop_assert!(after.traps <= before.traps && after.domains <= before.domains);
        }
    }

    /// Evidence that is dropped when its time is over, and the day that it presumes by, changes no score.
    #[test]
    fn dropping_the_past_changes_nothing(units in prop::collection::vec(any_unit(), 0..60), now in 100i64..220) {
        let oldest = now * HOUR - Policy::default().hard_limit - PRESUMED_OVER;
        let kept: Vec<Unit> = units.iter().filter(|unit| unit.key.hour * HOUR >= oldest).cloned().collect();
        prop_assert_eq!(all_at(&units, now * HOUR), all_at(&kept, now * HOUR));
    }

    /// G3: more reflected mail, of whatever kind, never makes a spammer.
    #[test]
    fn reflected_mail_never_adds_to_spam(units in prop::collection::vec(any_unit(), 0..40), more in prop::collection::vec(any_unit(), 0..40), now in 100i64..200) {
        let before = at(&units, now * HOUR).value;
        let reflected = more.into_iter().filter(|unit| unit.key.nature.is_reflected());
        let with: Vec<Unit> = units.into_iter().chain(reflected).collect();
        prop_assert!(at(&with, now * HOUR).value <= before + 1e-9);
    }

    /// G4: whatever a foreign feed says, and whoever else speaks, it adds at most half of what a listing needs.
    #[test]
    fn a_foreign_feed_adds_at_most_half(units in prop::collection::vec(any_unit(), 0..60), now in 0i64..200) {
        for feed in ["far", "far3"] {
            let others: Vec<Unit> = units.iter().filter(|unit| unit.key.feed != feed).cloned().collect();
            for (with, without) in all_at(&units, now * HOUR).iter().zip(all_at(&others, now * HOUR)) {
                prop_assert!(with.value <= without.value + 1.25 + 1e-9);
            }
        }
    }

    #[test]
    fn a_foreign_feed_alone_stays_below_half(units in prop::collection::vec(any_unit(), 0..60), now in 0i64..200) {
        for feed in ["far", "far3"] {
            let foreign: Vec<Unit> = units.iter().filter(|unit| unit.key.feed == feed).cloned().collect();
            for score in all_at(&foreign, now * HOUR) {
                prop_assert!(score.value <= 1.25 + 1e-9);
            }
        }
    }
}
