//! What was answered, in numbers: by transport, kind, type and list, never by address (ATTACKS E10).
//!
//! Enters: outcomes, from any thread. Leaves: sums for whoever shows them; this module knows nothing of HTTP.
//!
//! Each thread that serves datagrams counts in a [`Tally`] of its own, so that threads share no cache line; connections
//! of one transport share one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Transport;
use super::answer::{Asked, Kind, Outcome};
use super::limit::Ruling;
use crate::connections::Counts;
use crate::zone::LIST_LIMIT;

const TRANSPORTS: usize = Transport::ALL.len();
const KINDS: usize = Kind::ALL.len();
const TYPES: usize = Asked::ALL.len();

/// Batches are counted by size: up to 1, 2, 4 … 64.
pub const BATCH_SIZES: usize = 7;
/// Answers are counted by the time from their batch's arrival to its departure: up to 1, 2, 4 … 32,768 µs, and more.
pub const DELAYS: usize = 17;

/// Counts of one thread, or of all connections of one transport.
#[derive(Debug)]
pub struct Tally {
    transport: Transport,
    answers: [[AtomicU64; TYPES]; KINDS],
    lists: [AtomicU64; LIST_LIMIT],
    proven: AtomicU64,
    truncated: AtomicU64,
    silences: AtomicU64,
    dropped: AtomicU64,
    asked_for_proof: AtomicU64,
    withheld: AtomicU64,
    unsent: AtomicU64,
    batches: [AtomicU64; BATCH_SIZES],
    delays: [AtomicU64; DELAYS],
    delay_sum: AtomicU64,
}

/// What one number of a transport counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    /// Answers to clients that gave a valid cookie, over UDP.
    Proven,
    /// Answers that did not fit and lost their records.
    Truncated,
    /// Messages that were no queries.
    Silences,
    /// Messages of clients that the operator drops.
    Dropped,
    /// Answers over a limit whose place a request for proof takes, or would take.
    AskedForProof,
    /// Answers over a limit that are withheld, or would be.
    Withheld,
    /// Answers that the system did not take.
    Unsent,
}

impl Tally {
    fn new(transport: Transport) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            transport,
            answers: std::array::from_fn(|_| std::array::from_fn(|_| zero())),
            lists: std::array::from_fn(|_| zero()),
            proven: zero(),
            truncated: zero(),
            silences: zero(),
            dropped: zero(),
            asked_for_proof: zero(),
            withheld: zero(),
            unsent: zero(),
            batches: std::array::from_fn(|_| zero()),
            delays: std::array::from_fn(|_| zero()),
            delay_sum: zero(),
        }
    }

    /// Counts one message.
    pub fn count(&self, outcome: Outcome) {
        let answered = match outcome {
            Outcome::Silence => return add(&self.silences),
            Outcome::Answer(answered) => answered,
        };
        add(&self.answers[answered.kind as usize][answered.asked as usize]);
        if answered.truncated {
            add(&self.truncated);
        }
        if answered.proven && self.transport == Transport::Udp {
            add(&self.proven);
        }
        let mut lists = answered.lists;
        while lists != 0 {
            add(&self.lists[lists.trailing_zeros() as usize % LIST_LIMIT]);
            lists &= lists - 1;
        }
    }

    /// Counts a message of a client that the operator drops.
    pub(super) fn dropped(&self) {
        add(&self.dropped);
    }

    /// Counts what a limit did, or would do.
    pub(super) fn limited(&self, ruling: Ruling) {
        match ruling {
            Ruling::AskForProof => add(&self.asked_for_proof),
            Ruling::Withhold => add(&self.withheld),
        }
    }

    /// Counts a batch of messages, and the answers to them by how long they took.
    pub(super) fn batch(&self, messages: usize, took: Duration) {
        let size = messages.max(1).next_power_of_two().trailing_zeros() as usize;
        add(&self.batches[size.min(BATCH_SIZES - 1)]);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let delay = nanoseconds.div_ceil(1000).max(1).next_power_of_two().trailing_zeros() as usize;
        self.delays[delay.min(DELAYS - 1)].fetch_add(messages as u64, Ordering::Relaxed);
        self.delay_sum.fetch_add(nanoseconds.saturating_mul(messages as u64), Ordering::Relaxed);
    }

    /// Counts an answer that the system did not take.
    pub(super) fn unsent(&self, answers: usize) {
        self.unsent.fetch_add(answers as u64, Ordering::Relaxed);
    }
}

/// The counts of one process since it started.
#[derive(Debug)]
pub struct Counters {
    streams: [Tally; TRANSPORTS],
    threads: Mutex<Vec<Arc<Tally>>>,
    /// The UDP sockets, by their inodes.
    sockets: Mutex<Vec<(u64, SocketAddr)>>,
    connections: [Arc<Counts>; TRANSPORTS],
    /// Lines that the query log lost.
    unlogged: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            streams: Transport::ALL.map(Tally::new),
            threads: Mutex::default(),
            sockets: Mutex::default(),
            connections: Default::default(),
            unlogged: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// The tally that all connections of a transport share.
    pub fn of(&self, transport: Transport) -> &Tally {
        &self.streams[transport as usize]
    }

    /// A tally for one thread that serves datagrams.
    pub(super) fn for_thread(&self) -> Arc<Tally> {
        let tally = Arc::new(Tally::new(Transport::Udp));
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&tally));
        tally
    }

    /// Notes a UDP socket, of which the kernel counts what it drops.
    pub(super) fn note_socket(&self, inode: u64, address: SocketAddr) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        // Several threads may read one socket, whose losses count once.
        if sockets.iter().all(|(known, _)| *known != inode) {
            sockets.push((inode, address));
        }
    }

    /// The UDP sockets, by their inodes.
    pub fn sockets(&self) -> Vec<(u64, SocketAddr)> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sums over all tallies of a transport, by what `of` reads from one.
    fn sum(&self, transport: Transport, of: impl Fn(&Tally) -> u64) -> u64 {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let threads: u64 = threads.iter().filter(|tally| tally.transport == transport).map(|tally| of(tally)).sum();
        threads + of(self.of(transport))
    }

    /// Every count of answers that is not zero.
    pub fn answers(&self) -> impl Iterator<Item = (Transport, Kind, Asked, u64)> {
        let keys = Transport::ALL.into_iter().flat_map(|transport| {
            Kind::ALL
                .into_iter()
                .flat_map(move |kind| Asked::ALL.into_iter().map(move |asked| (transport, kind, asked)))
        });
        keys.map(|(transport, kind, asked)| {
            let count = self.sum(transport, |tally| get(&tally.answers[kind as usize][asked as usize]));
            (transport, kind, asked, count)
        })
        .filter(|(.., count)| *count > 0)
    }

    /// One number of a transport.
    pub fn get(&self, transport: Transport, count: Count) -> u64 {
        self.sum(transport, |tally| {
            get(match count {
                Count::Proven => &tally.proven,
                Count::Truncated => &tally.truncated,
                Count::Silences => &tally.silences,
                Count::Dropped => &tally.dropped,
                Count::AskedForProof => &tally.asked_for_proof,
                Count::Withheld => &tally.withheld,
                Count::Unsent => &tally.unsent,
            })
        })
    }

    /// Answers that spoke of a list, by its order in the settings.
    pub fn listed(&self, transport: Transport, list: usize) -> u64 {
        self.sum(transport, |tally| tally.lists.get(list).map_or(0, get))
    }

    /// UDP batches of up to 2^`size` messages, and of more than the next smaller size.
    pub fn batches(&self, size: usize) -> u64 {
        self.sum(Transport::Udp, |tally| tally.batches.get(size).map_or(0, get))
    }

    /// UDP messages whose batch took up to 2^`delay` µs from arrival to departure, and more than the next smaller one.
    pub fn delays(&self, delay: usize) -> u64 {
        self.sum(Transport::Udp, |tally| tally.delays.get(delay).map_or(0, get))
    }

    /// The sum of these times over all messages.
    pub fn delay_sum(&self) -> Duration {
        Duration::from_nanos(self.sum(Transport::Udp, |tally| get(&tally.delay_sum)))
    }

    /// The connections of a transport; none of UDP.
    pub fn connections(&self, transport: Transport) -> &Arc<Counts> {
        &self.connections[transport as usize]
    }

    /// Counts lines that the query log lost.
    pub(super) fn lose_logged(&self, lines: usize) {
        self.unlogged.fetch_add(lines as u64, Ordering::Relaxed);
    }

    /// Lines that the query log lost, as they came faster than they could be written.
    pub fn unlogged(&self) -> u64 {
        get(&self.unlogged)
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::answer::Answered;

    #[test]
    fn the_orders_are_those_of_the_discriminants() {
        assert!(Transport::ALL.iter().enumerate().all(|(at, transport)| *transport as usize == at));
        assert!(Kind::ALL.iter().enumerate().all(|(at, kind)| *kind as usize == at));
        assert!(Asked::ALL.iter().enumerate().all(|(at, asked)| *asked as usize == at));
    }

    #[test]
    fn outcomes_are_counted_where_they_belong() {
        let counters = Counters::default();
        let answered =
            Answered { kind: Kind::Listed, asked: Asked::A, truncated: true, proven: true, lists: 0b101, about: 7 };
        let (one, other) = (counters.for_thread(), counters.for_thread());
        one.count(Outcome::Answer(answered));
        other.count(Outcome::Answer(answered));
        counters.of(Transport::Tcp).count(Outcome::Silence);
        assert_eq!(counters.answers().collect::<Vec<_>>(), [(Transport::Udp, Kind::Listed, Asked::A, 2)]);
        assert_eq!([0, 1, 2, 63].map(|list| counters.listed(Transport::Udp, list)), [2, 0, 2, 0]);
        let udp = |count| counters.get(Transport::Udp, count);
        assert_eq!((udp(Count::Truncated), udp(Count::Proven), udp(Count::Silences)), (2, 2, 0));
        assert_eq!(counters.get(Transport::Tcp, Count::Silences), 1);
    }

    #[test]
    fn batches_and_delays_are_counted_by_powers_of_two() {
        let counters = Counters::default();
        let tally = counters.for_thread();
        for (messages, micros) in [(1, 0), (2, 1), (3, 2), (64, 3), (64, 40_000)] {
            tally.batch(messages, Duration::from_micros(micros));
        }
        assert_eq!((0..BATCH_SIZES).map(|size| counters.batches(size)).collect::<Vec<_>>(), [1, 1, 1, 0, 0, 0, 2]);
        let delays: Vec<u64> = (0..DELAYS).map(|delay| counters.delays(delay)).collect();
        assert_eq!((delays[0], delays[1], delays[2], delays[16], delays.iter().sum::<u64>()), (3, 3, 64, 64, 134));
    }
}
