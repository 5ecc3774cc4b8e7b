//! The attack catalogue, fired at one configuration in memory: would an innocent be listed?
//!
//! Enters: [`Settings`]. Leaves: an [`Outcome`] for each attack. The messages are written as the configuration's own relays
//! write them, and go the way of every sample: verdict, evidence, score, listing, exemptions. There is no network, no
//! ledger and no clock in it; all mail arrives at the instant that the lines are stamped with.
//!
//! Whoever is in no attack's pay is innocent. An attack does harm if an innocent is listed where he must not be, or if
//! evidence names him whom only the sender named (G1). What a relay vouches for by a declared handover is no attack; it is
//! said in the note.

mod ground;
mod mail;
mod texts;
mod tally;
mod attribution;
mod classification;
mod poisoning;
mod address_space;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::forms::PLAIN;
use firsthand_analyzer::score::{List, Trust};

use crate::config::{FeedKind, Mode, Settings};
use ground::Ground;
use mail::{SPAM, plain_said};
use tally::{NOW, Tally};

/// An attack of the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attack {
    /// Its number.
    pub number: &'static str,
    /// What is done.
    pub name: &'static str,
    /// The guarantee that must hold.
    pub guarantee: &'static str,
}

/// Somebody who would be listed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listed {
    /// Where.
    pub list: List,
    /// Who.
    pub address: Origin,
    /// Whether he did nothing for which that list is.
    pub innocent: bool,
}

/// What came of an attack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The attack.
    pub attack: Attack,
    /// Whom it was to harm.
    pub aimed_at: Vec<IpAddr>,
    /// Who attacked, as far as our relays see him.
    pub attackers: Vec<IpAddr>,
    /// Who would be listed.
    pub listed: Vec<Listed>,
    /// Innocents about whom it made evidence, listed or not.
    pub blamed: Vec<Origin>,
    /// Whether the guarantee held.
    pub held: bool,
    /// What the operator should know besides.
    pub note: String,
}

impl Outcome {
    /// Whether an innocent was harmed. An attacker who escapes harms nobody.
    pub fn harms(&self) -> bool {
        !self.blamed.is_empty() || self.listed.iter().any(|listed| listed.innocent)
    }

    fn of(attack: Attack, aimed_at: &[IpAddr], attackers: &[IpAddr]) -> Self {
        let (aimed_at, attackers) = (aimed_at.to_vec(), attackers.to_vec());
        Self { attack, aimed_at, attackers, listed: Vec::new(), blamed: Vec::new(), held: true, note: String::new() }
    }

    /// Adds who is listed; `innocent` says of whom and where that is wrong.
    fn list(&mut self, listed: impl IntoIterator<Item = (List, Origin)>, innocent: impl Fn(List, Origin) -> bool) {
        let listed = listed.into_iter();
        self.listed.extend(listed.map(|(list, address)| Listed { list, address, innocent: innocent(list, address) }));
        self.listed.sort_unstable();
        self.listed.dedup();
        self.held = !self.harms();
    }

    /// Adds a sentence to the note.
    fn remark(&mut self, sentence: &str) {
        if !self.note.is_empty() {
            self.note.push(' ');
        }
        self.note.push_str(sentence);
    }
}

/// The plain case, without which nothing of the rest would tell anything: spam as it comes must list who sends it.
const CONTROL: Attack = Attack { number: "control", name: "plain spam to every trap", guarantee: "" };

/// Attacks of the catalogue that are not fired, and why not.
pub const NOT_DRILLED: &str = "Not drilled, since they need the network, time or people: A10-A12, B04, B06-B08, C02, C05, \
    C07-C09, D03, D05, D06, and the sections E and F.";

/// Fires every attack at `settings`; the control first.
pub fn drill(settings: &Settings) -> Vec<Outcome> {
    let ground = Ground::of(settings);
    let mut outcomes = vec![control(settings, &ground)];
    outcomes.extend(attribution::attacks(&ground));
    outcomes.extend(classification::attacks(&ground));
    outcomes.extend(poisoning::attacks(&ground));
    outcomes.extend(address_space::attacks(&ground));
    outcomes
}

/// The most bits of a relay's network that tell its addresses apart, in IPv4 and IPv6, before it is remarked on.
const WIDE: [u8; 2] = [8, 64];

fn control(settings: &Settings, ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(CONTROL, &[], &ground.attackers);
    let mut tally = Tally::new(ground);
    let mut proves = vec![None; ground.relays.len()];
    for attacker in &ground.attackers {
        for route in ground.routes(1) {
            if !route.takes(*attacker) {
                continue;
            }
            let said = plain_said(&ground.target());
            let verdict = tally.fire(&ground.shot(route, *attacker, &said, PLAIN, b"", SPAM));
            // Of the relay that saw the attacker, whether any of its mail tells so, and why not.
            if let Some(stop) = route.stops.last() {
                let proof = &mut proves[stop.relay];
                if *proof != Some(Ok(())) {
                    *proof = Some(verdict.origin.map(drop));
                }
            }
        }
    }
    outcome.list(tally.listed(NOW), |_, origin| !is_of(origin, &ground.attackers));
    let declared = &ground.declared;
    if declared.feeds.is_empty() {
        outcome.remark("No feed is declared, so no mail comes in.");
    } else if !declared.policy.can_be_met(&declared.registry) {
        outcome.remark(
            "Too few traps or trap domains for the quorum, or no feed that counts for it: nobody is ever listed.",
        );
    } else if outcome.listed.is_empty() {
        outcome.remark("Not even plain spam to every trap lists its sender: nobody is ever listed.");
    }
    if settings.policy.mode == Mode::Shadow {
        outcome.remark("Shadow mode: what is listed here is computed and not published.");
    }
    for feed in declared.feeds.iter().filter(|feed| feed.reporter.is_some()) {
        outcome.remark(&format!("What feed {} reports is not drilled: its reporter vouches for that.", feed.name));
    }
    for (relay, proof) in ground.relays.iter().zip(proves) {
        if let Some(Err(reason)) = proof {
            let why = reason.name();
            outcome.remark(&format!("Mail that relay {} takes from a stranger proves nothing ({why}).", relay.name));
        }
    }
    if settings.feeds.iter().any(|feed| feed.trust == Trust::Foreign && feed.kind != FeedKind::Reports) {
        for relay in &settings.relays {
            if !settings.feeds.iter().any(|feed| feed.names(&relay.name)) {
                outcome.remark(&format!(
                    "No feed names relay {}, so that every feed believes it: a partner's belongs in his feed's relays.",
                    relay.name
                ));
            }
        }
    }
    for (relay, network) in ground.relay_networks() {
        let bits = network.max_prefix_len() - network.prefix_len();
        if bits > WIDE[usize::from(network.addr().is_ipv6())] {
            let name = &ground.relays[relay].name;
            outcome.remark(&format!("Whoever has an address in {network} is believed like relay {name}."));
        }
    }
    outcome
}

/// Whether an origin is one of these addresses'.
fn is_of(origin: Origin, addresses: &[IpAddr]) -> bool {
    addresses.iter().any(|address| Origin::from(*address) == origin)
}
