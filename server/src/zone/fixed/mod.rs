//! The entries of one static list: an immutable, compact table from addresses to what they answer.
//!
//! Enters: ranges of addresses with their answers, disjoint and ascending, and the exemptions. Leaves: [`Fixed`], which
//! says in a few tens of nanoseconds what it lists, and whether it lists anything below a name (RFC 8020). Refused:
//! ranges out of order, by a panic, since they would make a table that frames; and, without a word but with a count,
//! whatever is exempt (G6; for IPv6 with its whole /64, as [`Exemptions::admit`] has it) and the addresses of
//! 127.0.0.0/8 and `::/64`, whose names belong to the test entries (RFC 5782 §5). A table that holds any of these cannot
//! be made: [`FixedBuilder::new`] takes the exemptions, and there is no other way to one.
//!
//! Ten million isolated IPv4 addresses with a code each take 40 MB, and 20 MB if they all answer the same.

mod four;
mod six;
mod value;
mod copy;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use firsthand_analyzer::listing::Exemptions;
use ipnet::IpNet;

use super::{Code, Prefix};
use four::{Four, FourBuilder};
use six::{Six, SixBuilder};
pub use value::{Alteration, Value};

/// The most distinct answers that one static list has: their numbers take two bytes with each address.
pub const ANSWER_LIMIT: usize = 1 << 16;

/// The bits of an address: of one family, in order.
pub(crate) trait Bits: Copy + Ord {
    /// The next one; none after the last.
    fn next(self) -> Option<Self>;
    /// The one before; only asked of one that is not the first.
    fn before(self) -> Self;
    /// How many lie between two, both counted; one less, so that it fits.
    fn up_to(self, last: Self) -> u128;
}

macro_rules! bits {
    ($($bits:ty)+) => {$(
        impl Bits for $bits {
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn before(self) -> Self {
                self - 1
            }

            fn up_to(self, last: Self) -> u128 {
                u128::from(last - self)
            }
        }
    )+};
}

bits! { u32 u128 }

/// Ranges to be cut out of ranges that come in ascending order.
#[derive(Debug)]
struct Cuts<K> {
    /// Sorted and disjoint.
    ranges: Ranges<K>,
    next: usize,
    removed: u128,
    /// The first address that was cut out.
    first: Option<K>,
}

impl<K: Bits> Cuts<K> {
    fn new(ranges: Ranges<K>) -> Self {
        Self { ranges, next: 0, removed: 0, first: None }
    }

    /// Whether a range has nothing to be cut out of it.
    fn pass(&mut self, from: K, to: K) -> bool {
        while self.ranges.get(self.next).is_some_and(|(_, end)| *end < from) {
            self.next += 1;
        }
        self.ranges.get(self.next).is_none_or(|(start, _)| *start > to)
    }

    /// What is left of a range up to and without the first cut, and where the range goes on behind that cut.
    fn piece(&mut self, from: K, to: K) -> (Option<(K, K)>, Option<K>) {
        if self.pass(from, to) {
            return (Some((from, to)), None);
        }
        let (start, end) = self.ranges[self.next];
        self.first.get_or_insert(start.max(from));
        self.removed = self.removed.saturating_add(start.max(from).up_to(end.min(to)).saturating_add(1));
        let kept = (start > from).then(|| (from, start.before()));
        (kept, end.next().filter(|next| *next <= to))
    }

    /// How many addresses were cut out, and the first.
    fn removed(&self) -> (u128, Option<K>) {
        (self.removed, self.first)
    }
}

/// Ranges of addresses, first and last.
type Ranges<K> = Vec<(K, K)>;

/// Sorts ranges, and joins those that meet.
fn joined<K: Bits>(mut ranges: Ranges<K>) -> Ranges<K> {
    ranges.sort_unstable();
    let mut joined: Vec<(K, K)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match joined.last_mut().filter(|(_, end)| end.next().is_none_or(|next| from <= next)) {
            Some((_, end)) => *end = to.max(*end),
            None => joined.push((from, to)),
        }
    }
    joined
}

/// The ranges of some networks: IPv4; IPv6, each rounded out to whole /64s.
fn ranges(networks: impl IntoIterator<Item = IpNet>) -> (Ranges<u32>, Ranges<u128>) {
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for network in networks {
        match network {
            IpNet::V4(network) => four.push((network.network().to_bits(), network.broadcast().to_bits())),
            IpNet::V6(network) => {
                let low = u128::from(u64::MAX);
                six.push((network.network().to_bits() & !low, network.broadcast().to_bits() | low));
            }
        }
    }
    (joined(four), joined(six))
}

/// The networks whose names are those of the test entries, which no data may touch (RFC 5782 §5).
fn networks_of_rules() -> [IpNet; 2] {
    ["127.0.0.0/8", "::/64"].map(|network| network.parse().expect("the networks of the rules are networks"))
}

/// All entries of one static list. Never changed once it is made (G6: it holds no exempt address).
#[derive(Clone, Debug)]
pub struct Fixed {
    four: Four,
    six: Arc<Six>,
    sets: Arc<[Box<[Value]>]>,
    codes: Arc<[Code]>,
    ttl: Option<u32>,
    expires: Option<u64>,
}

impl Fixed {
    /// A list that lists nothing.
    pub fn empty() -> Self {
        FixedBuilder::new(&Exemptions::only([])).finish(Vec::new(), None, None).0
    }

    /// What the list says of an address, in the order of its file; nothing if it is not listed.
    ///
    /// Several values may have the same code or the same text: whoever answers must say each once (RFC 2181 §5).
    pub fn get(&self, address: IpAddr) -> &[Value] {
        let set = match address {
            IpAddr::V4(v4) => self.four.get(v4.to_bits()),
            IpAddr::V6(v6) => self.six.get(v6.to_bits()),
        };
        set.map_or(&[], |set| &self.sets[usize::from(set)])
    }

    /// Reads what [`Self::get`] will wait for, so that a batch can wait for all its addresses at once. The number
    /// means nothing.
    pub fn touch(&self, address: IpAddr) -> usize {
        match address {
            IpAddr::V4(v4) => self.four.touch(v4.to_bits()),
            IpAddr::V6(v6) => self.six.touch(v6.to_bits()),
        }
    }

    /// Whether anything is listed at or below a prefix (RFC 8020 §2).
    pub fn any(&self, prefix: Prefix) -> bool {
        match prefix {
            Prefix::V4 { bits, octets } => {
                let rest = u32::MAX.checked_shr(8 * octets).unwrap_or(0);
                self.four.any(&(bits & !rest..=bits | rest))
            }
            Prefix::V6 { bits, nibbles } => {
                let rest = u128::MAX.checked_shr(4 * nibbles).unwrap_or(0);
                self.six.any(&(bits & !rest..=bits | rest))
            }
        }
    }

    /// Whether an IPv6 address is listed among these.
    pub fn any_six(&self, addresses: &RangeInclusive<u128>) -> bool {
        self.six.any(addresses)
    }

    /// Every code that an address may be answered with, ascending: each is a test entry (RFC 5782 §5).
    pub fn codes(&self) -> &[Code] {
        &self.codes
    }

    /// How many are listed: IPv4 addresses; IPv6 /64s, those listed in part counted as one.
    pub fn counts(&self) -> (u64, u64) {
        (self.four.addresses(), self.six.networks())
    }

    /// The most, in seconds, that the file lets its answers be cached; at least 1.
    pub fn ttl(&self) -> Option<u32> {
        self.ttl
    }

    /// The last Unix second at which the list may be believed; after it, none of its names may be answered (G8).
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// The list without what lies in some networks, in IPv6 with the whole /64s of it. Parts without any are shared.
    #[must_use]
    pub fn without(&self, networks: &[IpNet]) -> Self {
        let (four, six) = ranges(networks.iter().copied());
        let touches_six = six.iter().any(|(from, to)| self.six.any(&(*from..=*to)));
        Self {
            four: self.four.without(&four),
            six: if touches_six { Arc::new(self.six.without(six)) } else { Arc::clone(&self.six) },
            ..self.clone()
        }
    }
}

/// What the exemptions and the rules kept out of a list.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct KeptOut {
    /// IPv4 addresses.
    pub four: u64,
    /// IPv6 addresses.
    pub six: u128,
    /// The first of all.
    pub first: Option<IpAddr>,
}

/// Makes a [`Fixed`] of ranges in ascending order.
#[derive(Debug)]
pub struct FixedBuilder {
    four: FourBuilder,
    six: SixBuilder,
}

impl FixedBuilder {
    /// A list that will hold nothing exempt (G6), and nothing of the test entries' (RFC 5782 §5).
    pub fn new(exemptions: &Exemptions) -> Self {
        let (four, six) = ranges(exemptions.networks().chain(networks_of_rules()));
        Self { four: FourBuilder::new(four), six: SixBuilder::new(six) }
    }

    /// Lists the addresses `from` to `to`, both included, with the answer of number `set`.
    ///
    /// # Panics
    /// If they do not all lie above those listed so far.
    pub fn four(&mut self, from: u32, to: u32, set: u16) {
        self.four.push(from, to, set);
    }

    /// Lists the addresses `from` to `to`, both included, with the answer of number `set`.
    ///
    /// # Panics
    /// If they do not all lie above those listed so far.
    pub fn six(&mut self, from: u128, to: u128, set: u16) {
        self.six.push(from, to, set);
    }

    /// The list, and what was kept out of it. `sets` are the answers by their number, none of them empty; `ttl` is at
    /// least 1.
    ///
    /// # Panics
    /// If a range was listed with the number of no answer.
    pub fn finish(self, sets: Vec<Box<[Value]>>, ttl: Option<u32>, expires: Option<u64>) -> (Fixed, KeptOut) {
        let ((four, (kept_four, first_four)), (six, (kept_six, first_six))) = (self.four.finish(), self.six.finish());
        let used = four.most_set().max(six.most_set());
        assert!(used.is_none_or(|most| usize::from(most) < sets.len()), "every answer has a number");
        let mut codes: Vec<Code> = sets.iter().flatten().map(|value| value.code).collect();
        codes.sort_unstable();
        codes.dedup();
        let fixed = Fixed { four, six: Arc::new(six), sets: sets.into(), codes: codes.into(), ttl, expires };
        let first = first_four.map(|bits| IpAddr::V4(bits.into())).or(first_six.map(|bits| IpAddr::V6(bits.into())));
        (fixed, KeptOut { four: kept_four, six: kept_six, first })
    }
}
