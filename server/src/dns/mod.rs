//! The zone over DNS: one pure function answers ([`answer`](mod@answer)) whom the [`responder`] lets ask, sockets carry
//! ([`udp`], [`tcp`], [`tls`], [`https`]), [`counters`] count.
//!
//! Enters: packets, and the zone that somebody else swaps. Leaves: packets. Answers to strangers hold nothing but the
//! question as it came, the zone's own records and the queried address in canonical form; nothing here logs or keeps
//! an address of a client or of a question (ATTACKS E10), but for the [`query_log`], if the operator asks for one.

pub mod cookie;
mod message;
mod position;
pub mod answer;
pub mod access;
pub mod limit;
pub mod counters;
pub mod query_log;
pub mod responder;
pub mod udp;
pub mod tcp;
pub mod tls;
pub mod https;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod oracle;

use std::time::{SystemTime, UNIX_EPOCH};

/// What carries a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// One datagram a message, and a limit on its size that the client may raise (RFC 6891 §6.2.3).
    Udp,
    /// A stream of messages, each behind its length (RFC 7766 §8).
    Tcp,
    /// The same over TLS (RFC 7858).
    Tls,
    /// One message in each HTTP request (RFC 8484).
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

/// The Unix second that it is, 0 for any time before.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
