//! Section D: addresses that must never be listed, listings that must end, and how much one listing takes in (G6).

use std::net::{IpAddr, Ipv6Addr};

use firsthand_analyzer::address::{Origin, special_networks};
use firsthand_analyzer::evidence::{HOUR, UnitKey};
use firsthand_analyzer::forms::PLAIN;
use ipnet::IpNet;

use super::classification::keys_of;
use super::ground::{Ground, first_host};
use super::mail::{SPAM, plain_said};
use super::tally::{NOW, THIS_HOUR, Tally, hit};
use super::{Attack, Outcome, is_of};

const D01: Attack =
    Attack { number: "D01", name: "evidence against reserved, exempt and our own addresses", guarantee: "G6" };
const D02: Attack = Attack { number: "D02", name: "an address that has a new owner", guarantee: "G8" };
const D04: Attack = Attack { number: "D04", name: "many addresses of one /64", guarantee: "G6" };

/// How many addresses of a /64 send.
const ADDRESSES: u16 = 64;

/// Over how many hours before the last one a sender was seen.
const SEEN_OVER: i64 = 96;

/// Fires the section.
pub(super) fn attacks(ground: &Ground) -> Vec<Outcome> {
    vec![exempt_addresses(ground), new_owner(ground), one_network(ground)]
}

/// The first and the last address of a network.
fn ends(network: IpNet) -> [IpAddr; 2] {
    [first_host(network), network.broadcast()]
}

/// As if the ledger held it, by a fault or by force: whatever the evidence says, it is let into no zone.
fn exempt_addresses(ground: &Ground) -> Outcome {
    let relays = ground.relay_networks().map(|(_, network)| network);
    let networks = relays.chain(ground.exempt.iter().copied()).chain(special_networks());
    let addresses: Vec<IpAddr> = networks.flat_map(ends).collect();
    let mut outcome = Outcome::of(D01, &addresses, &[]);
    let mut tally = Tally::new(ground);
    for address in &addresses {
        for feed in ground.feeds.iter().map(|index| &ground.declared.feeds[*index]) {
            for target in &ground.targets {
                tally.add(hit(*address, &feed.name, &target.id, THIS_HOUR), 1);
            }
        }
    }
    outcome.list(tally.listed(NOW), |_, _| true);
    outcome
}

/// Whoever gets the address after the hard limit gets it clean, however much came before.
fn new_owner(ground: &Ground) -> Outcome {
    let mut outcome = Outcome::of(D02, &ground.attackers, &ground.attackers);
    let limit = ground.declared.policy.hard_limit;
    let mut last = 0;
    for attacker in &ground.attackers {
        let mut tally = Tally::new(ground);
        for key in keys_of(ground, *attacker, SPAM) {
            for hour in THIS_HOUR - SEEN_OVER..=THIS_HOUR {
                tally.add(UnitKey { hour, ..key.clone() }, 1);
            }
        }
        for (_, listing) in tally.listings_of(Origin::from(*attacker), NOW) {
            last = last.max(listing.until - THIS_HOUR * HOUR);
        }
        for after in [0, HOUR, 30 * 24 * HOUR] {
            outcome.list(tally.listed((THIS_HOUR * HOUR).saturating_add(limit).saturating_add(after)), |_, _| true);
        }
    }
    if last > 0 {
        outcome
            .remark(&format!("A listing ends {} hours after its newest evidence at most.", (last + HOUR - 1) / HOUR));
    }
    outcome
}

fn one_network(ground: &Ground) -> Outcome {
    let Some(IpAddr::V6(attacker)) = ground.attackers.iter().find(|attacker| attacker.is_ipv6()).copied() else {
        let mut outcome = Outcome::of(D04, &[], &[]);
        outcome.remark("No IPv6 address is free of relays and exemptions.");
        return outcome;
    };
    let neighbours = [1, 2].map(|step| IpAddr::from(Ipv6Addr::from_bits(attacker.to_bits() ^ (step << 64))));
    let mut outcome = Outcome::of(D04, &neighbours, &[attacker.into()]);
    let mut tally = Tally::new(ground);
    let said = plain_said(&ground.target());
    for number in 0..ADDRESSES {
        // Spread over the lower 64 bits.
        let lower = u128::from(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let address = IpAddr::from(Ipv6Addr::from_bits((attacker.to_bits() >> 64 << 64) | lower));
        for route in ground.routes(usize::from(ADDRESSES)).filter(|route| route.takes(address)) {
            tally.fire(&ground.shot(route, address, &said, PLAIN, b"", SPAM));
        }
    }
    let guilty = [IpAddr::from(attacker)];
    outcome.blamed = tally.origins().map(|(origin, _)| origin).filter(|origin| !is_of(*origin, &guilty)).collect();
    outcome.list(tally.listed(NOW), |_, origin| !is_of(origin, &guilty));
    if outcome.listed.is_empty() && tally.named.is_empty() {
        outcome.remark("No relay's line can state an IPv6 peer here.");
    }
    outcome
}
