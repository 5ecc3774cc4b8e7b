//! Section B: an innocent server is made to answer the traps (G3), and spam is dressed as such answers.

use std::net::IpAddr;

use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, UnitKey};
use firsthand_analyzer::forms::PLAIN;
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::List;

use super::ground::Ground;
use super::mail::{SPAM, Text, plain_said};
use super::tally::{NOW, THIS_HOUR, Tally};
use super::texts::{ANSWERS, BOUNCE, CONFIRMATIONS, DRESSED, MISREAD};
use super::{Attack, Outcome, is_of};

const fn attack(number: &'static str, name: &'static str) -> Attack {
    Attack { number, name, guarantee: "G3" }
}

const B01: Attack = attack("B01", "10,000 bounces off an innocent server, one in a hundred misread");
const B02: Attack = attack("B02", "vacation answers");
const B03: Attack = attack("B03", "traps signed up at a list server, which asks again and again");
const B05: Attack = attack("B05", "spam dressed as bounces and answers");

/// How many bounces.
const BOUNCES: usize = 10_000;

/// One in so many is misread.
const MISREAD_ONE_IN: usize = 100;

/// Over how many hours what comes again and again is spread.
const HOURS: i64 = 72;

/// Fires the section.
pub(super) fn attacks(ground: &Ground) -> Vec<Outcome> {
    vec![bounces(ground), answers(ground, B02, &ANSWERS), answers(ground, B03, &CONFIRMATIONS), dressed(ground)]
}

/// The units of a text that `peer` sends to every trap now, once by each feed that can tell him.
pub(super) fn keys_of(ground: &Ground, peer: IpAddr, text: Text) -> Vec<UnitKey> {
    let tally = Tally::new(ground);
    let said = plain_said(&ground.target());
    let mut keys: Vec<UnitKey> = Vec::new();
    for route in ground.routes(1).filter(|route| route.takes(peer)) {
        let feed = &ground.declared.feeds[route.feed].name;
        if keys.iter().any(|key| key.feed == *feed) {
            continue;
        }
        let shot = ground.shot(route, peer, &said, PLAIN, b"", text);
        let verdict = tally.judge(&shot);
        if verdict.origin == Ok(peer) {
            keys.extend(tally.keys(&shot, &verdict));
        }
    }
    keys
}

/// How bounces come: how many hours ago the first, and how many an hour to each trap.
struct Plan {
    hours: i64,
    an_hour: usize,
}

fn bounces(ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(B01, &[ground.server], &[]);
    let (bounce, misread) = (keys_of(ground, ground.server, BOUNCE), keys_of(ground, ground.server, MISREAD));
    let traps = bounce.len().max(1);
    let plans = [
        Plan { hours: 1, an_hour: (BOUNCES / traps).max(1) },
        Plan { hours: HOURS, an_hour: (BOUNCES / traps / HOURS as usize).max(1) },
        // Where a trap gets a bounce an hour, a misread one is an hour by itself.
        Plan { hours: HOURS, an_hour: 1 },
    ];
    for plan in plans {
        let mut tally = Tally::new(ground);
        let mut number = 0;
        for hour in THIS_HOUR - plan.hours + 1..=THIS_HOUR {
            for (bounce, misread) in bounce.iter().zip(&misread) {
                let before = number / MISREAD_ONE_IN;
                number += plan.an_hour;
                let wrong = number / MISREAD_ONE_IN - before;
                let counted = |samples: usize| u16::try_from(samples).unwrap_or(SAMPLES_LIMIT);
                for (key, samples) in [(bounce, plan.an_hour - wrong), (misread, wrong)] {
                    if samples > 0 {
                        tally.add(UnitKey { hour, ..key.clone() }, counted(samples));
                    }
                }
            }
            // A listing may come and go.
            outcome.list(tally.listed(hour * HOUR), |list, _| list == List::Spam);
        }
    }
    finish(outcome, ground, &bounce)
}

/// Remarks on a server whose mail comes by no feed that could tell it.
fn finish(mut outcome: Outcome, ground: &Ground, keys: &[UnitKey]) -> Outcome {
    if keys.is_empty() && !ground.targets.is_empty() {
        outcome.remark("No feed can tell who sent it.");
    }
    outcome
}

/// What a server answers must never list it in `spam`, however often it comes.
fn answers(ground: &Ground, attack: Attack, texts: &[Text]) -> Outcome {
    let mut outcome = Outcome::of(attack, &[ground.server], &[]);
    let mut all = Vec::new();
    for text in texts {
        let keys = keys_of(ground, ground.server, *text);
        let mut tally = Tally::new(ground);
        for hour in THIS_HOUR - HOURS + 1..=THIS_HOUR {
            keys.iter().for_each(|key| tally.add(UnitKey { hour, ..key.clone() }, 1));
        }
        outcome.list(tally.listed(NOW), |list, _| list == List::Spam);
        all.extend(keys);
    }
    if all.iter().any(|key| key.nature == Nature::Direct) {
        outcome.remark("Some of it is read as direct mail.");
    }
    finish(outcome, ground, &all)
}

/// Each kind of dress must leave its wearer in some list, if plain spam does.
fn dressed(ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(B05, &[], &ground.attackers);
    let mut escaped = Vec::new();
    for attacker in &ground.attackers {
        let listed = |text: Text| {
            let mut tally = Tally::new(ground);
            keys_of(ground, *attacker, text).into_iter().for_each(|key| tally.add(key, 1));
            tally.listed(NOW)
        };
        if listed(SPAM).is_empty() {
            continue;
        }
        for (dress, text) in DRESSED {
            let lists = listed(text);
            if lists.is_empty() && !escaped.contains(&dress) {
                escaped.push(dress);
            }
            outcome.list(lists, |_, origin| !is_of(origin, &ground.attackers));
        }
    }
    if !escaped.is_empty() {
        outcome.held = false;
        outcome.remark(&format!("Spam escapes every list when dressed as {}.", escaped.join(" and as ")));
        if ground.declared.registry.traps.values().any(|trap| trap.sends) {
            outcome.remark("What answers a trap that sends proves nothing: register traps that never send.");
        }
    }
    outcome
}
