//! Relays and feeds as values: whose Received lines are believed, and in which order.
//!
//! Enters: names, networks, dialects and handovers as an operator declares them. Leaves: answers to "who wrote this
//! line?" and "is this address one of ours?". A gateway, a NAT or a balancer is no relay.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::received::{Dialect, Handover, Hop, Reading};

/// A name that a relay writes after `by`: a host name, or a glob in which `*` stands for any run of characters and `?`
/// for one. Case does not matter (RFC 5321 §2.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPattern(String);

impl HostPattern {
    /// A pattern from its text.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// Whether the pattern is one name.
    pub(crate) fn is_one(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Whether `host` is one of the pattern's names.
    pub fn matches(&self, host: &str) -> bool {
        let (pattern, host) = (self.0.as_bytes(), host.to_ascii_lowercase());
        let host = host.as_bytes();
        let (mut at, mut reached) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while reached < host.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, reached));
                    at += 1;
                }
                Some(symbol) if *symbol == b'?' || *symbol == host[reached] => {
                    at += 1;
                    reached += 1;
                }
                _ => match star {
                    // The last star takes one character more; an earlier one need never change.
                    Some((star_at, taken)) => {
                        star = Some((star_at, taken + 1));
                        at = star_at + 1;
                        reached = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|symbol| *symbol == b'*')
    }
}

/// A known internal host.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its name in the settings.
    pub name: String,
    /// The names it writes after `by`; none: the name is not checked (for analysis, never for listing).
    pub hosts: Vec<HostPattern>,
    /// The addresses that other relays see it come from.
    pub networks: Vec<IpNet>,
    /// The grammar of its lines; none: no dialect is expected, and all readings must agree.
    pub dialect: Option<Dialect>,
    /// The local steps that it makes.
    pub handovers: Vec<Handover>,
}

impl Relay {
    /// Whether the relay's networks hold `address`.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether `host` is one of the names it declares.
    pub fn names(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(host))
    }

    /// The readings by which this relay can have written the line: in its dialect, and by its name, where the relay has
    /// names and the line one.
    pub(crate) fn own_readings<'h>(&self, hop: &'h Hop<'_>) -> impl Iterator<Item = &'h Reading> {
        hop.own_readings(self.dialect).filter(move |reading| {
            let by = hop.by(reading);
            self.hosts.is_empty() || by.is_empty() || self.names(by)
        })
    }
}

/// How a feed's samples show their peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Boundary {
    /// By the Received lines of its relays.
    Headers,
    /// By the channel that brings them: the observed peer is the origin, and every Received line is a claim.
    Channel,
}

impl Boundary {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Headers, Self::Channel];

    /// The word for it in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Channel => "channel",
        }
    }
}

/// All relays, and those of one feed.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Every known relay.
    pub relays: Vec<Relay>,
    /// Those of them, by index, that may stand at the top of this feed's samples.
    pub top: Vec<usize>,
    /// How the feed shows its peers.
    pub boundary: Boundary,
}

impl Topology {
    /// A topology in which every relay may stand at the top.
    pub fn new(relays: Vec<Relay>, boundary: Boundary) -> Self {
        Self { top: (0..relays.len()).collect(), relays, boundary }
    }

    /// Whether `address` is a known relay's.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.relays.iter().any(|relay| relay.holds(address))
    }

    /// Whether `host` is a name that a relay declares.
    pub fn names(&self, host: &str) -> bool {
        self.relays.iter().any(|relay| relay.names(host))
    }

    /// Whether this topology may list: one whose top relays have no names may analyze only.
    pub fn may_list(&self) -> bool {
        self.boundary == Boundary::Channel
            || (!self.top.is_empty() && self.relays.iter().all(|relay| !relay.hosts.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_name_hosts() {
        let table = [
            ("mx1.example.net", "MX1.Example.NET", true),
            ("mx*.example.net", "mx12.example.net", true),
            ("mx*.example.net", "mx12.example.net.evil.example", false),
            ("mx?.example.net", "mx1.example.net", true),
            ("mx?.example.net", "mx12.example.net", false),
            ("*", "anything", true),
            ("*.a.*.b", "x.a.y.a.z.b", true),
            ("*.prod.outlook.com", "outlook.com", false),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, host, expected) in table {
            assert_eq!(HostPattern::new(pattern).matches(host), expected, "{pattern} {host}");
        }
    }
}
