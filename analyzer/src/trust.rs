//! The walk from the top of the header block: the origin, or why there is none (G1).
//!
//! Enters: the Received fields, a topology, and what the channel saw. Leaves: the trust path and its end. Every line is
//! asked for in turn; none is skipped, and none further down is looked at for a better answer. AUTH, ARC,
//! Authentication-Results, Resent and X- fields are no reason to go on (A08).

use std::net::IpAddr;

use crate::address::is_special_purpose;
use crate::received::{Dialect, Handover, Hop, Reading, Source};
use crate::sample::{Field, HeaderEnd};
use crate::topology::{Boundary, Relay, Topology};

/// Why a sample has no origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// There is no Received line, or no observed peer where the channel should tell it.
    NoReceived,
    /// The first Received line is by none of the feed's relays.
    TopLineNotOurs,
    /// A line that should be a relay's is missing or is by another host.
    BrokenChain,
    /// A line that should be a relay's is in no grammar of that relay.
    UnreadableLine,
    /// A relay's line has readings with different peers.
    AmbiguousLine,
    /// The relay's line does not state the peer.
    NoPeer,
    /// A handover that the relay did not declare.
    LocalOrigin,
    /// The observed peer is not on the path.
    Contradicted,
    /// The peer is a private or otherwise special-purpose address and no relay's.
    SpecialPurpose,
    /// The observed peer is a relay.
    OwnRelay,
    /// The header block ends in a line that is no field, before the path does.
    MalformedHeader,
    /// The message or its header block exceeds a limit.
    TooLarge,
}

impl Reason {
    /// The reason's word in answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoReceived => "no-received",
            Self::TopLineNotOurs => "top-line-not-ours",
            Self::BrokenChain => "broken-chain",
            Self::UnreadableLine => "unreadable-line",
            Self::AmbiguousLine => "ambiguous-line",
            Self::NoPeer => "no-peer",
            Self::LocalOrigin => "local-origin",
            Self::Contradicted => "contradicted",
            Self::SpecialPurpose => "special-purpose",
            Self::OwnRelay => "own-relay",
            Self::MalformedHeader => "malformed-header",
            Self::TooLarge => "too-large",
        }
    }

    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::NoReceived,
        Self::TopLineNotOurs,
        Self::BrokenChain,
        Self::UnreadableLine,
        Self::AmbiguousLine,
        Self::NoPeer,
        Self::LocalOrigin,
        Self::Contradicted,
        Self::SpecialPurpose,
        Self::OwnRelay,
        Self::MalformedHeader,
        Self::TooLarge,
    ];

    /// The reason in one sentence, for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoReceived => "The message has no Received line, so nothing tells who sent it.",
            Self::TopLineNotOurs => "The first Received line was not written by a relay of this feed.",
            Self::BrokenChain => {
                "A relay of ours handed the message on, but the next Received line is not that relay's own."
            }
            Self::UnreadableLine => "A line that should be a relay's is not written as that relay writes lines.",
            Self::AmbiguousLine => "A relay's line can be read with different peers, so it proves none of them.",
            Self::NoPeer => "The relay's line does not state which address it took the message from.",
            Self::LocalOrigin => {
                "The message was handed over inside a relay in a way that the relay is not declared to do."
            }
            Self::Contradicted => "The peer that the channel saw is not on the path that the lines tell.",
            Self::SpecialPurpose => "The peer is a private or otherwise special address that is no relay of ours.",
            Self::OwnRelay => "The peer that the channel saw is a relay of ours.",
            Self::MalformedHeader => "The header ends in a line that is no header field, before the path does.",
            Self::TooLarge => "The message or its header exceeds the limits.",
        }
    }
}

/// One line of the trust path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathLine {
    /// The Received line from the top, 1 first.
    pub line: usize,
    /// The index of the relay that wrote it.
    pub relay: usize,
    /// The host after `by`.
    pub by: String,
    /// What it proves.
    pub source: Source,
    /// The dialect that read it.
    pub dialect: Dialect,
    /// The rule of that dialect.
    pub rule: &'static str,
    /// The client's name for itself, printable.
    pub helo: Option<String>,
    /// The peer's name by DNS, printable.
    pub rdns: Option<String>,
    /// The relay's time stamp as written.
    pub date: Option<String>,
}

/// Where the walk went and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Walk {
    /// The trust path from the top; its last line is the boundary when there is an origin.
    pub path: Vec<PathLine>,
    /// The origin, or why there is none.
    pub origin: Result<IpAddr, Reason>,
}

/// Walks the Received fields of a header block under `topology`.
pub fn walk(received: &[&Field<'_>], end: HeaderEnd, topology: &Topology, observed: Option<IpAddr>) -> Walk {
    match topology.boundary {
        Boundary::Channel => Walk { path: Vec::new(), origin: channel_origin(topology, observed) },
        Boundary::Headers => {
            let mut path = Vec::new();
            let origin = walk_headers(received, end, topology, observed, &mut path)
                .and_then(|origin| reconcile(origin, topology, observed, &path));
            Walk { path, origin }
        }
    }
}

fn channel_origin(topology: &Topology, observed: Option<IpAddr>) -> Result<IpAddr, Reason> {
    let peer = observed.ok_or(Reason::NoPeer)?;
    if topology.holds(peer) {
        Err(Reason::OwnRelay)
    } else if is_special_purpose(peer) {
        Err(Reason::SpecialPurpose)
    } else {
        Ok(peer)
    }
}

/// An observed peer must be on the path: a relay's address that the path holds, or the origin.
fn reconcile(
    origin: IpAddr,
    topology: &Topology,
    observed: Option<IpAddr>,
    path: &[PathLine],
) -> Result<IpAddr, Reason> {
    let held = |peer: IpAddr| topology.holds(peer) && path.iter().any(|line| line.source == Source::Peer(peer));
    match observed {
        Some(peer) if peer != origin && !held(peer) => Err(Reason::Contradicted),
        _ => Ok(origin),
    }
}

/// Whose line must come next.
#[derive(Clone, Copy)]
enum Expected {
    /// One of the feed's own relays.
    Top,
    /// A relay in whose networks this peer lies.
    Peer(IpAddr),
    /// Any known relay, after a handover.
    Successor,
}

impl Expected {
    fn relays(self, topology: &Topology) -> impl Iterator<Item = (usize, &Relay)> {
        topology.relays.iter().enumerate().filter(move |(index, relay)| match self {
            Self::Top => topology.top.contains(index),
            Self::Peer(peer) => relay.holds(peer),
            Self::Successor => true,
        })
    }
}

fn walk_headers(
    received: &[&Field<'_>],
    end: HeaderEnd,
    topology: &Topology,
    observed: Option<IpAddr>,
    path: &mut Vec<PathLine>,
) -> Result<IpAddr, Reason> {
    let mut expected = Expected::Top;
    for (index, field) in received.iter().enumerate() {
        let hop = Hop::read(field);
        let (relays, reading) = attribute_line(&hop, expected, topology, observed)?;
        let clauses = hop.clauses(reading);
        path.push(PathLine {
            line: index + 1,
            relay: relays[0],
            by: hop.by(reading).to_owned(),
            source: reading.source,
            dialect: reading.dialect,
            rule: hop.rule(reading),
            helo: clauses.helo.map(printable),
            rdns: clauses.rdns.filter(|name| *name != b"unknown").map(printable),
            date: clauses.date.map(printable),
        });
        let handover = match reading.source {
            Source::Unstated => return Err(Reason::NoPeer),
            Source::Handover(step) => step,
            Source::Peer(peer) if peer.is_loopback() => Handover::Loopback,
            Source::Peer(peer) if topology.holds(peer) => {
                expected = Expected::Peer(peer);
                continue;
            }
            Source::Peer(peer) if is_special_purpose(peer) => return Err(Reason::SpecialPurpose),
            Source::Peer(peer) => return Ok(peer),
        };
        match relays.iter().find(|relay| topology.relays[**relay].handovers.contains(&handover)) {
            Some(relay) => {
                if let Some(line) = path.last_mut() {
                    line.relay = *relay;
                }
                expected = Expected::Successor;
            }
            None => return Err(Reason::LocalOrigin),
        }
    }
    Err(match (received.len(), end) {
        (_, HeaderEnd::Malformed) => Reason::MalformedHeader,
        (0, HeaderEnd::Regular) => Reason::NoReceived,
        (_, HeaderEnd::Regular) => Reason::BrokenChain,
    })
}

/// Which of the expected relays can have written this line, and the one reading of it.
fn attribute_line<'h>(
    hop: &'h Hop<'_>,
    expected: Expected,
    topology: &Topology,
    observed: Option<IpAddr>,
) -> Result<(Vec<usize>, &'h Reading), Reason> {
    let wrote = |relay: &Relay| hop.readings().iter().any(|reading| relay.can_have_written(hop, reading));
    let writers: Vec<usize> =
        expected.relays(topology).filter(|(_, relay)| wrote(relay)).map(|(index, _)| index).collect();
    if writers.is_empty() {
        let named = |relay: &Relay| hop.readings().iter().any(|reading| relay.names(hop.by(reading)));
        let by_one_of_them = expected.relays(topology).any(|(_, relay)| named(relay));
        return Err(match expected {
            _ if hop.readings().is_empty() || by_one_of_them => Reason::UnreadableLine,
            Expected::Top => Reason::TopLineNotOurs,
            Expected::Peer(_) | Expected::Successor => Reason::BrokenChain,
        });
    }
    let relay = |index: &usize| &topology.relays[*index];
    let untagged = writers.iter().any(|index| relay(index).takes_untagged());
    let sources = hop.sources(untagged);
    let decided = match (sources.as_slice(), observed) {
        ([one], _) if !hop.is_crowded() => *one,
        (several, Some(peer)) if several.contains(&Source::Peer(peer)) => Source::Peer(peer),
        _ => return Err(Reason::AmbiguousLine),
    };
    // The sources agree, so any of the writers' own readings tells the same; take one for its other clauses.
    let (writer, reading) = writers
        .iter()
        .find_map(|index| {
            let own = |reading: &&Reading| {
                reading.source == decided
                    && (untagged || !reading.dialect.is_untagged())
                    && relay(index).can_have_written(hop, reading)
            };
            hop.readings().iter().find(own).map(|reading| (*index, reading))
        })
        .ok_or(Reason::AmbiguousLine)?;
    if relay(&writer).dialect.is_none() && !hop.ends_the_line(reading) {
        return Err(Reason::AmbiguousLine);
    }
    let mut relays = vec![writer];
    relays.extend(writers.into_iter().filter(|index| *index != writer));
    Ok((relays, reading))
}

/// A stranger's bytes as text: what is not printable ASCII or UTF-8 is replaced, and no control character passes (E11).
pub(crate) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().map(|symbol| if symbol.is_control() { '\u{fffd}' } else { symbol }).collect()
}
