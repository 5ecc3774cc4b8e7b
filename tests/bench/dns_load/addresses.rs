//! What is listed and what is asked.
//!
//! Enters: a seed and how many entries. Leaves: that many global addresses (IPv6: upper halves of /64s), each as
//! likely as any other, and the same again for the same seed, so that the load knows what the server holds without a
//! file between them; and addresses to ask for, of which a given share is listed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::ValueEnum;
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Exemptions;

use super::random::Random;

/// How many addresses are drawn before a run; they are asked for in turn, and then again. Touching what the server
/// keeps for so many puts more between two visits than any cache of a core holds.
const ASKED: usize = 1 << 22;

/// Which kind of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Family {
    /// IPv4 addresses.
    V4,
    /// IPv6 /64s in 2000::/3.
    V6,
}

/// One address to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The address; for IPv6 with a random lower half.
    pub(crate) address: IpAddr,
    /// Whether the list holds it.
    pub(crate) listed: bool,
}

/// A list's entries, sorted: addresses, or the upper halves of /64s.
pub(crate) struct Entries {
    family: Family,
    exemptions: Exemptions,
    sorted: Vec<u64>,
}

impl Entries {
    /// `count` entries of `family` drawn by `seed`, none of them special-purpose.
    pub(crate) fn draw(family: Family, count: usize, seed: u64) -> Self {
        let mut entries = Self { family, exemptions: Exemptions::standard([]), sorted: Vec::with_capacity(count) };
        let mut random = Random::new(seed);
        while entries.sorted.len() < count {
            for _ in entries.sorted.len()..count {
                let drawn = entries.draw_one(&mut random);
                entries.sorted.push(drawn);
            }
            entries.sorted.sort_unstable();
            entries.sorted.dedup();
        }
        entries
    }

    fn draw_one(&self, random: &mut Random) -> u64 {
        loop {
            let drawn = match self.family {
                Family::V4 => random.next() >> 32,
                Family::V6 => random.next() >> 3 | 1 << 61,
            };
            if self.exemptions.covering(self.origin(drawn)).is_none() {
                return drawn;
            }
        }
    }

    fn origin(&self, entry: u64) -> Origin {
        match self.family {
            Family::V4 => Origin::V4(Ipv4Addr::from_bits(entry as u32)),
            Family::V6 => Origin::V6(entry),
        }
    }

    /// The entries in their order.
    pub(crate) fn origins(&self) -> impl Iterator<Item = Origin> + '_ {
        self.sorted.iter().map(|entry| self.origin(*entry))
    }

    /// Addresses to ask for: `share` of them (0 to 1) uniformly from the list, the rest uniformly from outside it.
    pub(crate) fn ask(&self, share: f64, seed: u64) -> Vec<Asked> {
        let mut random = Random::new(seed ^ 0x5bd1_e995);
        let below = (share * (1u64 << 32) as f64) as u64;
        let mut asked = Vec::with_capacity(ASKED);
        for _ in 0..ASKED {
            let listed = random.next() >> 32 < below && !self.sorted.is_empty();
            let entry = if listed {
                self.sorted[random.below(self.sorted.len())]
            } else {
                loop {
                    let drawn = self.draw_one(&mut random);
                    if self.sorted.binary_search(&drawn).is_err() {
                        break drawn;
                    }
                }
            };
            let address = match self.family {
                Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(entry as u32)),
                Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(entry) << 64 | u128::from(random.next()))),
            };
            asked.push(Asked { address, listed });
        }
        asked
    }
}
