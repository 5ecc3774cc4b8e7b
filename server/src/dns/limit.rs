//! Response-rate limiting: how many answers a client network gets that has not proven its address, so that nobody can
//! aim ours at a victim (E08).
//!
//! Enters: an answer that is about to be sent, where to, and the instant. Leaves: whether to send it, to send a request
//! for proof in its place, or nothing. Who gave a valid cookie or came over a connection is never limited (RFC 7873
//! §5.2.5), nor is a network that the operator exempts.
//!
//! There are three rates. One holds answers about one address (or one error) to one client network: nobody asks the
//! same thing so often whose cache works. One holds whatever goes to one client network. One holds whatever goes to all
//! the unproven together: a flood with sources all over the Internet stays below the other two. There an answer counts
//! as often as it is longer than its query, so that the whole never sends a victim more bytes than came in, but for
//! that rate. A network is an IPv4 /24 or an IPv6 /56.
//!
//! A rate is kept as the instant at which it would be used up (the generic cell rate algorithm), with a second's worth
//! in hand. The instants stand in one table that all threads share, found by a keyed hash. Where two would stand in
//! one place, the later takes it: that may forgive a flood, which the rate of all together meets, and never punishes a
//! network for another's queries.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;

use super::access::NetworkSet;
use super::answer::{Answered, Kind};

/// Whether limits bite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Nothing is limited or counted.
    Off,
    /// What would be limited is counted, and sent.
    Report,
    /// What is over a limit is not sent.
    Enforce,
}

/// The operator's word on rates. Rates are answers a second, from 1 to a million.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whether they bite.
    pub mode: Mode,
    /// Answers about one address to one client network.
    pub per_answer: u32,
    /// Answers to one client network.
    pub per_network: u32,
    /// Answers to all unproven clients together, each as often as it is longer than its query.
    pub total: u32,
    /// Every which answer over a limit becomes a request for proof: 1 all, 2 every other, 0 none.
    pub slip: u32,
    /// Networks that are never limited.
    pub exempt: NetworkSet,
}

/// What becomes of an answer over a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// A request for proof goes in its place.
    AskForProof,
    /// Nothing is sent.
    Withhold,
}

/// Places for instants; half a megabyte.
const PLACES: usize = 1 << 16;
/// The bits of an instant, microseconds since the table was made: eight years.
const INSTANT_BITS: u32 = 48;
/// A second, in which the rates count.
const SECOND: u64 = 1_000_000;

/// The instants of all rates that are kept by network.
pub struct Rates {
    places: Box<[AtomicU64]>,
    key: RandomState,
}

/// One thread's part of the rate of all together, and its turn of the slip.
#[derive(Debug, Default)]
pub struct Share {
    used_up: u64,
    turn: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), key: RandomState::default() }
    }
}

impl Rates {
    /// Rules on an answer to `client` at `now` (microseconds since the table was made), by a thread that has one of
    /// `shares` parts of the whole. `sizes` are the bytes of query and answer. `None` if it is within the rates, or not
    /// held to them.
    pub fn rule(
        &self,
        limits: &Limits,
        (answered, sizes): (&Answered, (usize, usize)),
        client: IpAddr,
        now: u64,
        share: &mut Share,
        shares: u32,
    ) -> Option<Ruling> {
        if limits.mode == Mode::Off || answered.proven || limits.exempt.holds(client) {
            return None;
        }
        let network = network(client);
        // What nobody is listed by is one answer, as a flood may ask for as many addresses as it likes; the rate of
        // the network holds these.
        let told_apart = !matches!(answered.kind, Kind::NoName | Kind::NoData);
        let what = (answered.kind as u64) << 8 | answered.asked as u64;
        // From the narrow to the wide, so that a flood that meets the one takes nothing from the other.
        let within = (!told_apart || self.within(limits.per_answer, (network, answered.about, what), now))
            && self.within(limits.per_network, (network, 0, u64::MAX), now)
            && take(&mut share.used_up, limits.total.div_ceil(shares.max(1)), sizes, now);
        if within {
            return None;
        }
        share.turn = share.turn.wrapping_add(1);
        let slips = limits.slip != 0 && share.turn.is_multiple_of(limits.slip);
        Some(if slips { Ruling::AskForProof } else { Ruling::Withhold })
    }

    fn within(&self, rate: u32, what: (u64, u128, u64), now: u64) -> bool {
        let hash = self.key.hash_one(what);
        let place = &self.places[hash as usize % PLACES];
        let (owner, instant) = (hash >> INSTANT_BITS, (1 << INSTANT_BITS) - 1);
        let held = place.load(Ordering::Relaxed);
        // Whose place it is not finds it as if nothing had been used.
        let mut used_up = if held >> INSTANT_BITS == owner { held & instant } else { 0 };
        let within = take(&mut used_up, rate, (1, 1), now);
        // Two threads may both read before either writes: then one answer more goes out.
        place.store(owner << INSTANT_BITS | used_up & instant, Ordering::Relaxed);
        within
    }
}

/// Takes one answer out of a rate, if there is one; it counts as often as it is longer than its query.
fn take(used_up: &mut u64, rate: u32, (query, answer): (usize, usize), now: u64) -> bool {
    let cost = (SECOND * answer as u64 / (u64::from(rate.max(1)) * query.max(1) as u64)).max(1);
    let next = now.max(*used_up) + cost;
    let within = next - now <= SECOND.max(cost);
    if within {
        *used_up = next;
    }
    within
}

/// The network that a client is counted with: family and /24 or /56.
fn network(client: IpAddr) -> u64 {
    match client {
        IpAddr::V4(address) => u64::from(address.to_bits() >> 8),
        IpAddr::V6(address) => 1 << 63 | (address.to_bits() >> 72) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::answer::Asked;

    fn limits() -> Limits {
        let exempt = NetworkSet::new(["198.51.100.0/24".parse().unwrap()]);
        Limits { mode: Mode::Enforce, per_answer: 10, per_network: 100, total: 1000, slip: 2, exempt }
    }

    fn answered(kind: Kind, about: u128) -> Answered {
        Answered { kind, asked: Asked::A, truncated: false, proven: false, lists: 0, about }
    }

    struct Flood {
        rates: Rates,
        limits: Limits,
        share: Share,
    }

    impl Flood {
        fn new(limits: Limits) -> Self {
            Self { rates: Rates::default(), limits, share: Share::default() }
        }

        /// How many of `count` answers, evenly within a second from `from` on, are sent.
        fn sent(&mut self, count: u64, from: u64, query: impl Fn(u64) -> (Answered, IpAddr)) -> u64 {
            let mut sent = 0;
            for at in 0..count {
                let (answered, client) = query(at);
                let now = from + at * SECOND / count;
                let ruling = self.rates.rule(&self.limits, (&answered, (50, 50)), client, now, &mut self.share, 1);
                sent += u64::from(ruling.is_none());
            }
            sent
        }
    }

    fn client(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_answer_goes_to_one_network_so_often_a_second() {
        let mut flood = Flood::new(limits());
        let one = |at: u64| (answered(Kind::Listed, 7), IpAddr::from([192, 0, 2, at as u8]));
        // A second's worth is in hand, and a second brings as much again.
        assert!((19..=20).contains(&flood.sent(500, 0, one)));
        assert!((10..=11).contains(&flood.sent(500, SECOND, one)));
        assert!((10..=11).contains(&flood.sent(500, 2 * SECOND, one)));
        // Rested, it has a second's worth again; another network and another answer have theirs.
        assert!((19..=20).contains(&flood.sent(500, 10 * SECOND, one)));
        assert!(
            (19..=20).contains(&flood.sent(500, 10 * SECOND, |_| (answered(Kind::Listed, 7), client("192.0.3.1"))))
        );
        assert!(
            (19..=20).contains(&flood.sent(500, 10 * SECOND, |_| (answered(Kind::Listed, 8), client("192.0.2.1"))))
        );
    }

    #[test]
    fn a_network_gets_so_much_a_second_whatever_it_asks() {
        let mut flood = Flood::new(limits());
        let many = |at: u64| (answered(Kind::NoName, at.into()), client("2001:db8:0:aa00::1"));
        assert!((198..=200).contains(&flood.sent(900, 0, many)));
        let listed = |at: u64| (answered(Kind::Listed, at.into()), client("2001:db8:0:bb00::1"));
        assert!((198..=200).contains(&flood.sent(900, 5 * SECOND, listed)));
    }

    /// E08: sources all over the Internet, each of them within its rate.
    #[test]
    fn all_the_unproven_together_get_so_much_a_second() {
        let mut flood = Flood::new(limits());
        let everywhere =
            |at: u64| (answered(Kind::Listed, at.into()), IpAddr::from(((at as u32 * 7919) << 8).to_be_bytes()));
        assert!((1990..=2000).contains(&flood.sent(100_000, 0, everywhere)));
        assert!((995..=1001).contains(&flood.sent(100_000, SECOND, everywhere)));
    }

    /// E08: over a second, no more bytes go out than came in: what is within the rate counts by its size.
    #[test]
    fn a_flood_gets_no_more_bytes_than_it_sends() {
        let limits = Limits { total: 20_000, per_network: 20_000, ..limits() };
        let (rates, mut share) = (Rates::default(), Share::default());
        let (query, answer) = (45, 230);
        for second in 0..4 {
            let mut bytes = (0, 0);
            for at in 0..70_000u64 {
                let client = IpAddr::from(((at as u32 * 7919) << 8).to_be_bytes());
                let now = second * SECOND + at * SECOND / 70_000;
                let what = answered(Kind::Listed, at.into());
                bytes.0 += query;
                bytes.1 += match rates.rule(&limits, (&what, (query, answer)), client, now, &mut share, 1) {
                    None => answer,
                    Some(Ruling::AskForProof) => query,
                    Some(Ruling::Withhold) => 0,
                };
            }
            assert!(second == 0 || bytes.1 <= bytes.0, "{bytes:?}");
        }
    }

    #[test]
    fn who_is_proven_or_exempt_is_never_limited() {
        let mut flood = Flood::new(limits());
        let proven = |_| (Answered { proven: true, ..answered(Kind::Listed, 7) }, client("192.0.2.1"));
        assert_eq!(flood.sent(5000, 0, proven), 5000);
        assert_eq!(flood.sent(5000, 0, |_| (answered(Kind::Listed, 7), client("198.51.100.9"))), 5000);
        assert_eq!(flood.sent(10, 0, |_| (answered(Kind::Listed, 7), client("192.0.2.1"))), 10);
        let mut off = Flood::new(Limits { mode: Mode::Off, ..limits() });
        assert_eq!(off.sent(5000, 0, |_| (answered(Kind::Listed, 7), client("192.0.2.1"))), 5000);
    }

    #[test]
    fn every_other_answer_over_a_limit_asks_for_proof() {
        for (slip, asked) in [(0, 0), (1, 100), (2, 50), (10, 10)] {
            let limits = Limits { slip, per_answer: 1, ..limits() };
            let (rates, mut share) = (Rates::default(), Share::default());
            let ask = |share: &mut Share| {
                rates.rule(&limits, (&answered(Kind::Listed, 7), (50, 50)), client("192.0.2.1"), 0, share, 1)
            };
            assert_eq!(ask(&mut share), None);
            let rulings: Vec<_> = (0..100).map(|_| ask(&mut share).unwrap()).collect();
            assert_eq!(rulings.iter().filter(|ruling| **ruling == Ruling::AskForProof).count(), asked);
        }
    }

    /// A network never pays for another's queries: in a table that a flood fills, a quiet client gets its answers.
    #[test]
    fn a_full_table_punishes_nobody() {
        let mut flood = Flood::new(Limits { total: 1_000_000, ..limits() });
        flood.sent(300_000, 0, |at| {
            (answered(Kind::Listed, at.into()), IpAddr::from(((at as u32 % 150_000) << 8).to_be_bytes()))
        });
        let quiet = |at: u64| (answered(Kind::Listed, 3), IpAddr::from([223, at as u8, 1, 1]));
        assert_eq!(flood.sent(200, SECOND, quiet), 200);
    }
}
