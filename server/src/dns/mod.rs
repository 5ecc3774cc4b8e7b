//! The zone over DNS: one pure function answers ([`answer`]), sockets carry ([`udp`], [`tcp`]), [`counters`] count.
//!
//! Enters: packets, and the zone that somebody else swaps. Leaves: packets. Answers to strangers hold nothing but the
//! question as it came, the zone's own records and the queried address in canonical form; nothing here logs or keeps
//! an address of a client or of a question (ATTACKS E10).

pub mod answer;
pub mod counters;
mod message;
mod position;
pub mod tcp;
pub mod udp;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod oracle;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use self::answer::{Outcome, answer};
use self::counters::Counters;
use crate::zone::Zone;

/// What carries a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// One datagram a message, and a limit on its size that the client may raise (RFC 6891 §6.2.3).
    Udp,
    /// A stream of messages, each behind its length (RFC 7766 §8).
    Tcp,
    /// The same within TLS (RFC 7858).
    Tls,
    /// One message a request of HTTP/2 within TLS (RFC 8484).
    Https,
}

impl Transport {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https];

    /// The name that metrics use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
        }
    }
}

/// Everything that a transport needs to answer. Shared by all transports.
pub struct Responder {
    zone: Arc<ArcSwap<Zone>>,
    counters: Arc<Counters>,
}

impl Responder {
    /// Answers from the zone that somebody else swaps.
    pub fn new(zone: Arc<ArcSwap<Zone>>, counters: Arc<Counters>) -> Self {
        Self { zone, counters }
    }

    /// Answers one message from `client`: `out` then holds the answer, or nothing at all ([`Outcome::Silence`]).
    pub fn answer(&self, query: &[u8], _client: IpAddr, transport: Transport, out: &mut Vec<u8>) -> Outcome {
        let outcome = answer(query, transport, &self.zone.load(), unix_now(), out);
        self.counters.count(transport, outcome);
        outcome
    }

    /// What was answered, in numbers.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// The Unix second that it is, 0 for any time before.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
