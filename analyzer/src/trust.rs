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
    /// The channel saw a session, and no message came: a recipient that was asked for proves nothing (B07). Or an abuse
    /// report does not bring exactly one message.
    NoMessage,
    /// An abuse report comes from elsewhere than its reporter's networks.
    NotTheReporter,
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
            Self::NoMessage => "no-message",
            Self::NotTheReporter => "not-the-reporter",
            Self::TooLarge => "too-large",
        }
    }

    /// Every reason.
    pub const ALL: [Self; 14] = [
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
        Self::NoMessage,
        Self::NotTheReporter,
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
            Self::NoPeer => "Nothing states which address the relay took the message from.",
            Self::LocalOrigin => {
                "The message was handed over inside a relay in a way that the relay is not declared to do."
            }
            Self::Contradicted => "The peer that the channel saw is not on the path that the lines tell.",
            Self::SpecialPurpose => "The peer is a private or otherwise special address that is no relay of ours.",
            Self::OwnRelay => "The peer that the channel saw is a relay of ours.",
            Self::MalformedHeader => "The header ends in a line that is no header field, before the path does.",
            Self::NoMessage => {
                "There is no message, or not exactly one that is reported as abuse, and nothing else proves anything."
            }
            Self::NotTheReporter => {
                "The report does not come from its reporter's networks, so that what it brings may be forged."
            }
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
    pub date: String,
}

/// Where the walk went and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Walk {
    /// The trust path from the top; its last line is the boundary when there is an origin.
    pub path: Vec<PathLine>,
    /// The origin, or why there is none.
    pub origin: Result<IpAddr, Reason>,
    /// The Received line at which the walk ended without an origin, 1 first; none if no line did it.
    pub cause: Option<usize>,
}

/// Walks the Received fields of a header block under `topology`.
pub fn walk(received: &[&Field<'_>], end: HeaderEnd, topology: &Topology, observed: Option<IpAddr>) -> Walk {
    match topology.boundary {
        Boundary::Channel => Walk { path: Vec::new(), origin: channel_origin(topology, observed), cause: None },
        Boundary::Headers => {
            let mut path = Vec::new();
            let origin = walk_headers(received, end, topology, observed, &mut path)
                .and_then(|origin| reconcile(origin, topology, observed, &path));
            let cause = match origin {
                Ok(_) => None,
                Err(Reason::NoPeer | Reason::LocalOrigin | Reason::SpecialPurpose | Reason::Contradicted) => {
                    Some(path.len())
                }
                // A chain may break where lines end; then the last one tells what should have followed.
                Err(_) => Some((path.len() + 1).min(received.len())),
            };
            Walk { path, origin, cause: cause.filter(|line| *line > 0) }
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
enum Expected {
    /// One of the feed's own relays.
    Top,
    /// A relay in whose networks this peer lies.
    Peer(IpAddr),
    /// Any known relay, after a handover; a named one, if the relay that handed over has names.
    Successor {
        /// Whether it has names.
        named: bool,
    },
    /// One of these relays, which wrote the line above for the same message.
    Same(Vec<usize>),
}

impl Expected {
    /// The dialects that the relays declare; none if one of them declares none.
    fn dialects(&self, topology: &Topology) -> Option<Vec<Dialect>> {
        self.relays(topology).map(|(_, relay)| relay.dialect).collect()
    }

    fn relays<'t>(&'t self, topology: &'t Topology) -> impl Iterator<Item = (usize, &'t Relay)> {
        topology.relays.iter().enumerate().filter(move |(index, relay)| match self {
            Self::Top => topology.top.contains(index),
            Self::Peer(peer) => relay.holds(*peer),
            Self::Successor { named } => !named || !relay.hosts.is_empty(),
            Self::Same(relays) => relays.contains(index),
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
        let mut hop = Hop::read(field);
        if hop.is_crowded()
            && let Some(dialects) = expected.dialects(topology)
        {
            hop = Hop::read_in(field, &dialects);
        }
        let (relays, reading) = attribute_line(&hop, &expected, topology, observed)?;
        let clauses = hop.names(reading);
        path.push(PathLine {
            line: index + 1,
            relay: relays[0],
            by: hop.by(reading).to_owned(),
            source: reading.source,
            dialect: reading.dialect,
            rule: hop.rule(reading),
            helo: clauses.helo.map(printable),
            rdns: clauses.rdns.filter(|name| *name != b"unknown").map(printable),
            date: printable(hop.date(reading)),
        });
        let handover = match reading.source {
            Source::Unstated => return Err(Reason::NoPeer),
            Source::Continued => {
                expected = Expected::Same(relays);
                continue;
            }
            Source::Handover(step) => step,
            Source::Peer(peer) if peer.is_loopback() || is_own(peer, &relays, topology) => Handover::Loopback,
            Source::Peer(peer) if topology.holds(peer) => {
                expected = Expected::Peer(peer);
                continue;
            }
            Source::Peer(peer) if is_special_purpose(peer) => return Err(Reason::SpecialPurpose),
            Source::Peer(peer) => return Ok(peer),
        };
        // Whichever of them wrote the line, it must have declared the step.
        let writers = || relays.iter().map(|relay| &topology.relays[*relay]);
        if !writers().all(|relay| relay.handovers.contains(&handover)) {
            return Err(Reason::LocalOrigin);
        }
        expected = Expected::Successor { named: writers().any(|relay| !relay.hosts.is_empty()) };
    }
    Err(match (received.len(), end) {
        (_, HeaderEnd::Malformed) => Reason::MalformedHeader,
        (0, HeaderEnd::Regular) => Reason::NoReceived,
        (_, HeaderEnd::Regular) => Reason::BrokenChain,
    })
}

/// Whether `peer` is the one address of a relay that wrote the line itself, and of no other: it handed over to itself.
fn is_own(peer: IpAddr, writers: &[usize], topology: &Topology) -> bool {
    let mut holders = topology.relays.iter().enumerate().filter(|(_, relay)| relay.holds(peer)).peekable();
    // A relay with several addresses or names may be several hosts, which pass mail from one to another.
    let single = |relay: &Relay| {
        matches!(relay.networks.as_slice(), [network] if network.prefix_len() == network.max_prefix_len())
            && matches!(relay.hosts.as_slice(), [host] if host.is_one())
    };
    holders.peek().is_some() && holders.all(|(index, relay)| writers == [index] && single(relay))
}

/// Which of the expected relays can have written this line, and the one reading of it.
fn attribute_line<'h>(
    hop: &'h Hop<'_>,
    expected: &Expected,
    topology: &Topology,
    observed: Option<IpAddr>,
) -> Result<(Vec<usize>, &'h Reading), Reason> {
    let writers: Vec<usize> = expected
        .relays(topology)
        .filter(|(_, relay)| relay.own_readings(hop).next().is_some())
        .map(|(index, _)| index)
        .collect();
    if writers.is_empty() {
        let named = |relay: &Relay| hop.readings().iter().any(|reading| relay.names(hop.by(reading)));
        let by_one_of_them = expected.relays(topology).any(|(_, relay)| named(relay));
        // Without a dialect, a reading that may be another MTA's, or that ends before the line does, decides nothing.
        let undecided = |relay: &Relay| {
            let named = |reading: &Reading| relay.hosts.is_empty() || relay.names(hop.by(reading));
            relay.dialect.is_none() && hop.readings_for(None).any(named)
        };
        return Err(match expected {
            _ if hop.is_crowded() || expected.relays(topology).any(|(_, relay)| undecided(relay)) => {
                Reason::AmbiguousLine
            }
            _ if hop.readings().is_empty() || by_one_of_them => Reason::UnreadableLine,
            Expected::Top => Reason::TopLineNotOurs,
            _ => Reason::BrokenChain,
        });
    }
    let mut sources: Vec<Source> = Vec::with_capacity(1);
    for writer in &writers {
        for source in hop.sources(topology.relays[*writer].dialect) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    let decided = match (sources.as_slice(), observed) {
        ([one], _) if !hop.is_crowded() => *one,
        // What the channel saw may decide where the walk ends, never that it goes a step further.
        (several, Some(peer))
            if several.contains(&Source::Peer(peer)) && !topology.holds(peer) && !peer.is_loopback() =>
        {
            Source::Peer(peer)
        }
        _ => return Err(Reason::AmbiguousLine),
    };
    // The sources agree, so any of the writers' own readings tells the same; take one for its other clauses.
    let own = |index: &usize| topology.relays[*index].own_readings(hop).find(|reading| reading.source == decided);
    let (writer, reading) =
        writers.iter().find_map(|index| Some((*index, own(index)?))).ok_or(Reason::AmbiguousLine)?;
    let mut relays = vec![writer];
    relays.extend(writers.into_iter().filter(|index| *index != writer));
    Ok((relays, reading))
}

/// A stranger's bytes as text: what is not printable ASCII or UTF-8 is replaced, and no control character passes, nor one
/// that changes the direction of writing or cannot be seen (E11).
pub fn printable(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let hidden = |symbol: char| matches!(symbol, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    let shown = |symbol: char| if symbol.is_control() || hidden(symbol) { '\u{fffd}' } else { symbol };
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}
