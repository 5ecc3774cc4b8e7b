//! What was answered, in numbers: by transport, kind and type, never by address (ATTACKS E10).
//!
//! Enters: outcomes, from any thread. Leaves: sums for whoever shows them; this module knows nothing of HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Transport;
use super::answer::{Asked, Kind, Outcome};
use crate::connections::Counts;

const TRANSPORTS: usize = Transport::ALL.len();
const KINDS: usize = Kind::ALL.len();
const TYPES: usize = Asked::ALL.len();

/// The counts of one process since it started.
#[derive(Debug, Default)]
pub struct Counters {
    answers: [[[AtomicU64; TYPES]; KINDS]; TRANSPORTS],
    truncated: [AtomicU64; TRANSPORTS],
    silences: [AtomicU64; TRANSPORTS],
    connections: [Arc<Counts>; TRANSPORTS],
}

impl Counters {
    /// Counts one message.
    pub fn count(&self, transport: Transport, outcome: Outcome) {
        let at = transport as usize;
        match outcome {
            Outcome::Silence => add(&self.silences[at]),
            Outcome::Answer { kind, asked, truncated } => {
                add(&self.answers[at][kind as usize][asked as usize]);
                if truncated {
                    add(&self.truncated[at]);
                }
            }
        }
    }

    /// Every count of answers that is not zero.
    pub fn answers(&self) -> impl Iterator<Item = (Transport, Kind, Asked, u64)> {
        let keys = Transport::ALL.into_iter().flat_map(|transport| {
            Kind::ALL
                .into_iter()
                .flat_map(move |kind| Asked::ALL.into_iter().map(move |asked| (transport, kind, asked)))
        });
        keys.map(|(transport, kind, asked)| {
            let count = &self.answers[transport as usize][kind as usize][asked as usize];
            (transport, kind, asked, get(count))
        })
        .filter(|(.., count)| *count > 0)
    }

    /// Answers that did not fit and lost their records.
    pub fn truncated(&self, transport: Transport) -> u64 {
        get(&self.truncated[transport as usize])
    }

    /// Messages that got no answer, since they were no queries.
    pub fn silences(&self, transport: Transport) -> u64 {
        get(&self.silences[transport as usize])
    }

    /// The connections of a transport; none of UDP.
    pub fn connections(&self, transport: Transport) -> &Arc<Counts> {
        &self.connections[transport as usize]
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

    #[test]
    fn the_orders_are_those_of_the_discriminants() {
        assert!(Transport::ALL.iter().enumerate().all(|(at, transport)| *transport as usize == at));
        assert!(Kind::ALL.iter().enumerate().all(|(at, kind)| *kind as usize == at));
        assert!(Asked::ALL.iter().enumerate().all(|(at, asked)| *asked as usize == at));
    }

    #[test]
    fn outcomes_are_counted_where_they_belong() {
        let counters = Counters::default();
        let outcome = Outcome::Answer { kind: Kind::NoName, asked: Asked::A, truncated: true };
        counters.count(Transport::Udp, outcome);
        counters.count(Transport::Udp, outcome);
        counters.count(Transport::Tcp, Outcome::Silence);
        assert_eq!(counters.answers().collect::<Vec<_>>(), [(Transport::Udp, Kind::NoName, Asked::A, 2)]);
        assert_eq!((counters.truncated(Transport::Udp), counters.truncated(Transport::Tcp)), (2, 0));
        assert_eq!((counters.silences(Transport::Udp), counters.silences(Transport::Tcp)), (0, 1));
    }
}
