//! Section C: traps that leaked, feeds that lie, samples that repeat (G4).

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{UnitKey, sample_id};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::{List, Tier, Trust};

use super::classification::keys_of;
use super::ground::Ground;
use super::mail::SPAM;
use super::tally::{NOW, THIS_HOUR, Tally, hit};
use super::{Attack, Outcome};

const fn attack(number: &'static str, name: &'static str) -> Attack {
    Attack { number, name, guarantee: "G4" }
}

const C01: Attack = attack("C01", "10,000 mails to traps that leaked, through a shared server");
const C03: Attack = attack("C03", "a foreign feed lies perfectly about 100 addresses");
const C04: Attack = attack("C04", "the same sample 100,000 times");
const C06: Attack = attack("C06", "mail to recycled and typo traps alone");

/// How many mails go to leaked traps.
const MAILS: u16 = 10_000;

/// About how many addresses a feed lies.
const LIED_ABOUT: usize = 100;

/// How often a sample is repeated.
const REPEATS: u32 = 100_000;

/// The most foreign feeds of which every pair is tried.
const PAIRED: usize = 20;

/// The most pairs that are named.
const NAMED_PAIRS: usize = 3;

/// Fires the section.
pub(super) fn attacks(ground: &Ground) -> Vec<Outcome> {
    vec![leaked(ground), lying_feeds(ground), repeated(ground), weak_traps(ground)]
}

/// What is listed after mail of the shared server to the traps that `leaked` chooses.
fn after_leak(ground: &Ground, mail: &[UnitKey], leaked: impl Fn(&str) -> bool) -> Vec<(List, Origin)> {
    let mut tally = Tally::new(ground);
    mail.iter().filter(|key| leaked(&key.trap)).for_each(|key| tally.add(key.clone(), MAILS));
    tally.listed(NOW)
}

/// The server is innocent: many send through it, and only one of them knows traps. `mixed` may hold it.
fn leaked(ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(C01, &[ground.server], &[]);
    let mail = keys_of(ground, ground.server, SPAM);
    let innocent = |list: List, _| list != List::Mixed;
    let (registry, policy) = (&ground.declared.registry, &ground.declared.policy);
    // One trap alone, of each tier.
    for tier in Tier::ALL {
        if let Some(trap) = ground.targets.iter().find(|target| target.tier == tier) {
            let listed = after_leak(ground, &mail, |id| id == trap.id);
            if !listed.is_empty() {
                outcome.remark(&format!("One leaked {} trap lists whom its finder likes.", tier.name()));
            }
            outcome.list(listed, innocent);
        }
    }
    // Every trap of all but one of the domains that a listing needs: the heaviest.
    let mut domains: BTreeMap<&str, f64> = BTreeMap::new();
    for trap in registry.traps.values() {
        *domains.entry(&trap.domain).or_default() += trap.tier.weight();
    }
    let mut domains: Vec<(&str, f64)> = domains.into_iter().collect();
    domains.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let known: Vec<&str> =
        domains.iter().take(policy.trap_domains.saturating_sub(1)).map(|(domain, _)| *domain).collect();
    let domain = |id: &str| registry.traps.get(id).map_or("", |trap| trap.domain.as_str());
    outcome.list(after_leak(ground, &mail, |id| known.contains(&domain(id))), innocent);
    if let Some(cost) = cost(ground, &mail) {
        let domains = cost.iter().map(|id| domain(id)).collect::<HashSet<_>>().len();
        let (traps, domains) = (counted(cost.len(), "leaked trap"), counted(domains, "trap domain"));
        outcome.remark(&format!("It takes {traps} over {domains} to list such a server."));
    }
    outcome
}

fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Traps that together list whoever writes to them, found by taking the weightiest of each domain in turn.
fn cost<'g>(ground: &'g Ground, mail: &[UnitKey]) -> Option<Vec<&'g str>> {
    let registry = &ground.declared.registry;
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut traps: Vec<_> =
        ground.targets.iter().filter_map(|target| Some((target, registry.traps.get(&target.id)?))).collect();
    traps.sort_by(|(_, one), (_, other)| other.tier.weight().total_cmp(&one.tier.weight()));
    let mut ordered: Vec<(usize, &str)> = Vec::new();
    for (target, trap) in traps {
        let turn = turns.entry(&trap.domain).or_default();
        ordered.push((*turn, &target.id));
        *turn += 1;
    }
    ordered.sort_by_key(|(turn, _)| *turn);
    let ids: Vec<&str> = ordered.into_iter().map(|(_, id)| id).collect();
    let lists =
        |ids: &[&str]| after_leak(ground, mail, |id| ids.contains(&id)).iter().any(|(list, _)| *list == List::Spam);
    (1..=ids.len()).map(|count| &ids[..count]).find(|ids| lists(ids)).map(<[&str]>::to_vec)
}

/// What feeds say that lie about one address: direct mail and bounces at every trap, in every hour.
fn lies(ground: &Ground, tally: &mut Tally<'_>, feeds: &[&str], victim: IpAddr, nature: Nature, hours: i64) {
    for feed in feeds {
        let declared = ground.declared.feed(feed);
        for target in ground.targets.iter().filter(|target| declared.is_none_or(|feed| feed.speaks_for(&target.id))) {
            for hour in THIS_HOUR - hours + 1..=THIS_HOUR {
                let direct = hit(victim, feed, &target.id, hour);
                tally.add(UnitKey { nature, null_sender: nature.is_reflected(), ..direct }, 1);
            }
        }
    }
}

fn lying_feeds(ground: &Ground) -> Outcome {
    let foreign = ground.declared.registry.feeds.iter().filter(|(_, trust)| **trust == Trust::Foreign);
    let foreign: Vec<&str> = foreign.map(|(name, _)| name.as_str()).collect();
    if foreign.is_empty() {
        let mut outcome = Outcome::of(C03, &[], &[]);
        outcome.remark("No feed is foreign.");
        return outcome;
    }
    let victims = ground.crowd(LIED_ABOUT);
    let mut outcome = Outcome::of(C03, &victims, &[]);
    let natures = [Nature::Direct, Nature::Bounce];
    for feed in &foreign {
        for nature in natures {
            let mut tally = Tally::new(ground);
            for (number, victim) in victims.iter().enumerate() {
                // About one of them it lies for two days, about the rest at once.
                lies(ground, &mut tally, &[feed], *victim, nature, if number == 0 { 48 } else { 1 });
            }
            outcome.list(tally.listed(NOW), |_, _| true);
        }
    }
    // G4 lets two list, so that is no harm, and the operator must know whose word it takes.
    let pairs = foreign
        .iter()
        .take(PAIRED)
        .enumerate()
        .flat_map(|(index, one)| foreign.iter().take(PAIRED).skip(index + 1).map(move |other| [*one, *other]));
    let together = pairs.filter(|pair| {
        victims.first().is_some_and(|victim| {
            natures.into_iter().any(|nature| {
                let mut tally = Tally::new(ground);
                lies(ground, &mut tally, pair, *victim, nature, 1);
                !tally.listed(NOW).is_empty()
            })
        })
    });
    let together: Vec<String> = together.map(|pair| pair.join(" and ")).collect();
    match together.as_slice() {
        [] => {}
        pairs if pairs.len() > NAMED_PAIRS => {
            outcome.remark(&format!("{} pairs that lie together can list, {} among them.", pairs.len(), pairs[0]));
        }
        pairs => outcome.remark(&format!("Two that lie together can list: {}.", pairs.join("; "))),
    }
    outcome
}

/// A repeat is the same sample, so it adds nothing: neither score nor listing may differ from those of one.
fn repeated(ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(C04, &[ground.server], &[]);
    let Some(target) = ground.targets.first() else { return outcome };
    let mail = keys_of(ground, ground.server, SPAM);
    let Some(key) = mail.iter().find(|key| key.trap == target.id) else { return outcome };
    let (mut once, mut again) = (Tally::new(ground), Tally::new(ground));
    once.add(key.clone(), 1);
    let mut taken = HashSet::new();
    for repeat in 0..REPEATS {
        if taken.insert(sample_id(&key.feed, &key.trap, SPAM.rest.as_bytes(), None)) {
            // Whenever it comes first.
            again.add(UnitKey { hour: THIS_HOUR - i64::from(repeat % 48), ..key.clone() }, 1);
        }
    }
    let before = once.listed(NOW);
    outcome.list(again.listed(NOW), |list, origin| !before.contains(&(list, origin)));
    // Mail that differs comes to one trap as often as it likes, and the trap has one word (G4).
    let mut flood = Tally::new(ground);
    for hour in THIS_HOUR - 47..=THIS_HOUR {
        flood.add(UnitKey { hour, ..key.clone() }, MAILS);
    }
    outcome.list(flood.listed(NOW), |list, origin| !before.contains(&(list, origin)));
    outcome
}

/// Recycled and mistyped addresses get mail that somebody once asked for, so they alone list nobody.
fn weak_traps(ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(C06, &[ground.server], &[]);
    let weak = |id: &str| ground.targets.iter().any(|target| target.id == id && !target.tier.counts_for_quorum());
    let mail = keys_of(ground, ground.server, SPAM);
    if !mail.iter().any(|key| weak(&key.trap)) {
        outcome.remark("No trap is recycled or typo.");
    }
    outcome.list(after_leak(ground, &mail, weak), |list, _| list != List::Mixed);
    outcome
}
