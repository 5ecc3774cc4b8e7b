//! What the sender says: the Received lines below the boundary, what gives them away, and whom they name.
//!
//! Enters: Received fields, the boundary, the topology. Leaves: [`Claim`]s with their [`Finding`]s, and who is framed.
//! Nothing here is evidence, and nothing here can move an origin.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::address::{address_at, canonical, is_special_purpose, parse_address};
use crate::received::{Hop, Source};
use crate::sample::Field;
use crate::topology::Topology;
use crate::trust::printable;

/// How far a claim's date may lie after the boundary's own before it counts as time travel, in seconds.
pub const CLOCK_SKEW: i64 = 600;

/// The longest claim that is read loosely where no grammar reads it, in octets.
const LOOSE_LIMIT: usize = 4 << 10;

/// The most addresses and names of one claim that are framed, so that a sender cannot hide one among many.
const FRAMED_PER_CLAIM: usize = 6;

/// The most addresses and names that one sample can frame; more are not kept.
pub const FRAMED_LIMIT: usize = 32;

/// What a claim gives away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Finding {
    /// It names the very address that the boundary saw.
    EchoedPeer,
    /// It is by another host than the one that the claim above it names as its source.
    BrokenLink,
    /// It is by a name that a relay of ours has.
    ImitatesRelay,
    /// It is dated after the boundary took the message.
    TimeTravel,
    /// Its date has no UTC offset, which RFC 5322 §3.3 demands.
    NoZone,
    /// It names a private or otherwise special-purpose address.
    SpecialPurpose,
    /// No grammar reads it.
    Unreadable,
    /// It has readings with different peers.
    Ambiguous,
}

impl Finding {
    /// The finding's word in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::EchoedPeer => "echoed-peer",
            Self::BrokenLink => "broken-link",
            Self::ImitatesRelay => "imitates-relay",
            Self::TimeTravel => "time-travel",
            Self::NoZone => "no-zone",
            Self::SpecialPurpose => "special-purpose",
            Self::Unreadable => "unreadable",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// The finding in a few words for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::EchoedPeer => "names the very address that our boundary saw",
            Self::BrokenLink => "is by another host than the line above names",
            Self::ImitatesRelay => "uses the name of a relay of ours",
            Self::TimeTravel => "is dated after our boundary took the message",
            Self::NoZone => "its date has no UTC offset",
            Self::SpecialPurpose => "names a private or special address",
            Self::Unreadable => "no grammar reads it",
            Self::Ambiguous => "can be read with different peers",
        }
    }
}

/// A Received line below the boundary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The Received line from the top, 1 first.
    pub line: usize,
    /// The addresses that it says the message came from.
    pub from: Vec<IpAddr>,
    /// The names that it gives to that source (HELO and reverse name).
    pub names: Vec<String>,
    /// The host that it says wrote it.
    pub by: Option<String>,
    /// What it gives away, in a fixed order, each once.
    pub findings: Vec<Finding>,
}

/// What the boundary saw, as far as claims are measured against it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The origin.
    pub origin: IpAddr,
    /// The origin's name by DNS.
    pub rdns: Option<&'a str>,
    /// The boundary's time stamp.
    pub date: Option<Timestamp>,
}

/// Reads the lines below the boundary; `first` is the number of the first of them.
pub fn read_claims(received: &[&Field<'_>], first: usize, seen: &Seen<'_>, topology: &Topology) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for (offset, field) in received.iter().enumerate() {
        let claim = read_claim(field, first + offset, seen, topology, claims.last());
        claims.push(claim);
    }
    claims
}

fn read_claim(field: &Field<'_>, line: usize, seen: &Seen<'_>, topology: &Topology, above: Option<&Claim>) -> Claim {
    let read = Hop::read(field);
    let unreadable = read.readings().is_empty();
    let sources = read.sources(None);
    // Whom a long line names is told by its brackets alone.
    let looked_at = unreadable && !read.is_crowded() && field.value.len() <= LOOSE_LIMIT;
    let hop = if looked_at { Hop::read_loosely(field) } else { read };
    let mut from = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut findings = BTreeSet::new();
    let mut date = None;
    for reading in hop.readings() {
        if let Source::Peer(peer) = reading.source {
            from.insert(peer);
        }
        if hop.repeats(reading) {
            continue;
        }
        let clauses = hop.names(reading);
        for name in [clauses.helo, clauses.rdns].into_iter().flatten() {
            match literal(name) {
                Some(address) => drop(from.insert(address)),
                None => names.extend(host_name(name)),
            }
        }
        date.get_or_insert_with(|| printable(hop.date(reading)));
    }
    if unreadable {
        from.extend(bracketed_addresses(hop.line()));
        findings.insert(Finding::Unreadable);
    }
    if sources.len() > 1 || hop.is_crowded() {
        findings.insert(Finding::Ambiguous);
    }
    let by = hop.readings().first().map(|reading| hop.by(reading).to_owned());
    if from.contains(&seen.origin) {
        findings.insert(Finding::EchoedPeer);
    }
    if from.iter().any(|address| is_special_purpose(*address)) {
        findings.insert(Finding::SpecialPurpose);
    }
    if hop.readings().iter().any(|reading| topology.names(hop.by(reading))) {
        findings.insert(Finding::ImitatesRelay);
    }
    if let (Some(above), Some(by)) = (above, &by)
        && !above.names.is_empty()
        && !above.names.contains(&by.to_ascii_lowercase())
        && !parse_address(by).is_some_and(|address| above.from.contains(&address))
        && !above.from.iter().any(IpAddr::is_loopback)
    {
        findings.insert(Finding::BrokenLink);
    }
    if let Some(date) = &date {
        match (parse_date(date), seen.date) {
            (Some(said), Some(stamped)) if said.as_second() > stamped.as_second() + CLOCK_SKEW => {
                findings.insert(Finding::TimeTravel);
            }
            (None, _) if parse_date(&format!("{date} +0000")).is_some() => {
                findings.insert(Finding::NoZone);
            }
            _ => {}
        }
    }
    Claim {
        line,
        from: from.into_iter().collect(),
        names: names.into_iter().collect(),
        by,
        findings: findings.into_iter().collect(),
    }
}

/// The addresses and host names that the claims name and that are neither the origin's nor ours.
///
/// The name that DNS gave for the origin is the origin's; the name that it called itself is anybody's.
pub fn framed(claims: &[Claim], seen: &Seen<'_>, topology: &Topology) -> Vec<String> {
    let mut framed: Vec<String> = Vec::new();
    // Lines in the form of our relays' first: they are the ones that were meant to be believed.
    let imitating = claims.iter().filter(|claim| claim.findings.contains(&Finding::ImitatesRelay));
    let others = claims.iter().filter(|claim| !claim.findings.contains(&Finding::ImitatesRelay));
    for claim in imitating.chain(others) {
        let strange = |address: &&IpAddr| {
            **address != seen.origin && !is_special_purpose(**address) && !topology.holds(**address)
        };
        let addresses = claim.from.iter().filter(strange).map(IpAddr::to_string);
        let by = claim.by.as_deref().and_then(|by| host_name(by.as_bytes()));
        let names = claim
            .names
            .iter()
            .cloned()
            .chain(by)
            .filter(|name| !topology.names(name) && !seen.rdns.is_some_and(|rdns| rdns.eq_ignore_ascii_case(name)));
        for name in addresses.chain(names).take(FRAMED_PER_CLAIM) {
            if framed.len() < FRAMED_LIMIT && !framed.contains(&name) {
                framed.push(name);
            }
        }
    }
    framed
}

/// A date of RFC 5322 §3.3, as far as it can be read. A spam's date may be garbage; that is never an error.
pub fn parse_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()
}

/// The name in lower case if it can be a host's (RFC 1123 §2.1): two labels at least, the last not all digits.
fn host_name(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok()?.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = name.rsplit('.').next()?;
    let whole = name.len() <= 253 && name.contains('.') && name.split('.').all(label);
    (whole && !last.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

/// An address literal, with or without its brackets (RFC 5321 §4.1.3).
fn literal(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?;
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    parse_address(inner.strip_prefix("IPv6:").unwrap_or(inner)).map(canonical)
}

/// Addresses in square brackets or parentheses, wherever they stand: good enough for who is named, never for evidence.
fn bracketed_addresses(line: &[u8]) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    for (place, byte) in line.iter().enumerate() {
        if matches!(byte, b'[' | b'(') && found.len() < FRAMED_LIMIT {
            let rest = &line[place + 1..];
            let rest = rest.strip_prefix(b"IPv6:").unwrap_or(rest);
            if let Some((address, length)) = address_at(rest)
                && matches!(rest.get(length), Some(b']' | b')' | b':' | b'/'))
            {
                found.insert(address);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::received::Dialect;
    use crate::sample::Sample;
    use crate::topology::{Boundary, HostPattern, Relay};
    use crate::verdict::{Verdict, judge};

    const DATE: &str = "Mon, 23 Nov 2026 22:02:47 +0000";

    fn judged(claims: &[String]) -> Verdict {
        let relay = Relay {
            name: "mx1".to_owned(),
            hosts: vec![HostPattern::new("mx1.relay.example")],
            networks: vec!["10.9.0.10/32".parse().unwrap()],
            dialect: Some(Dialect::Postfix),
            handovers: Vec::new(),
        };
        let boundary = format!(
            "Received: from x.example (peer.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3X; {DATE}\n"
        );
        let message = boundary + &claims.concat() + "\n";
        let sample = Sample { message: message.as_bytes(), envelope: None, observed_peer: None };
        judge(&sample, &Topology::new(vec![relay], Boundary::Headers))
    }

    fn claim(helo: &str, address: &str, by: &str, date: &str) -> String {
        format!("Received: from {helo} ({helo} [{address}])\n\tby {by} (Postfix) with ESMTP id 4T3Y; {date}\n")
    }

    /// Every finding, by the line that gives it away.
    #[test]
    fn what_gives_a_claim_away() {
        let plain = |address: &str, by: &str, date: &str| claim("a.victim.example", address, by, date);
        let cases = [
            (plain("203.0.113.9", "b.example", DATE), vec![]),
            (plain("198.51.100.7", "b.example", DATE), vec![Finding::EchoedPeer]),
            (plain("203.0.113.9", "mx1.relay.example", DATE), vec![Finding::ImitatesRelay]),
            (plain("203.0.113.9", "b.example", "Mon, 23 Nov 2026 22:20:00 +0000"), vec![Finding::TimeTravel]),
            (plain("203.0.113.9", "b.example", "Mon, 23 Nov 2026 22:05:00 +0000"), vec![]),
            (
                format!("Received: from a.victim.example by b.example with SMTP id 1; {}\n", &DATE[..25]),
                vec![Finding::NoZone],
            ),
            (plain("192.168.1.1", "b.example", DATE), vec![Finding::SpecialPurpose]),
            ("Received: nobody knows [203.0.113.9] this form\n".to_owned(), vec![Finding::Unreadable]),
            (
                format!(
                    "Received: from h.example ([203.0.113.9] ident=) [203.0.113.10] ()\n\tby b.example with smtp (Exim 3.35) id 1xVc9P; {DATE}\n"
                ),
                vec![Finding::Ambiguous],
            ),
        ];
        for (line, expected) in cases {
            let verdict = judged(std::slice::from_ref(&line));
            assert_eq!(verdict.origin.map(|origin| origin.to_string()), Ok("198.51.100.7".to_owned()));
            assert_eq!(verdict.claims[0].findings, expected, "{line}");
        }
        let chain = [
            claim("a.example", "203.0.113.9", "b.example", DATE),
            claim("c.example", "203.0.113.10", "d.example", DATE),
        ];
        assert_eq!(judged(&chain).claims[1].findings, [Finding::BrokenLink]);
    }

    #[test]
    fn whoever_is_named_and_not_the_origin_is_framed() {
        let framed = judged(&[
            claim("a.victim.example", "203.0.113.9", "mx1.relay.example", DATE),
            claim("peer.sender.example", "198.51.100.7", "b.victim.example", DATE),
            "Received: from strange.example (strange.example [203.0.113.77]) at noon by c.victim.example\n".to_owned(),
        ])
        .framed;
        for name in ["a.victim.example", "203.0.113.9", "b.victim.example", "203.0.113.77", "c.victim.example"] {
            assert!(framed.iter().any(|framed| framed == name), "{name}: {framed:?}");
        }
        for name in ["198.51.100.7", "peer.sender.example", "mx1.relay.example"] {
            assert!(framed.iter().all(|framed| framed != name), "{name}: {framed:?}");
        }
    }
}
