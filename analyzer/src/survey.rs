//! What a pile of real mail shows about the relays that took it in.
//!
//! Enters: messages, and a topology if one is declared. Leaves: a [`Survey`] of the hosts that stand at their tops, with
//! their dialects, addresses and handovers, and the [`Misfit`]s between the mail and the topology. A survey proposes; it
//! proves nothing: mail shows which host wrote a line, never whether that host is ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::address::is_special_purpose;
use crate::received::{Dialect, Handover, Hop, Reading, Source};
use crate::sample::{Envelope, Field, Header, Sample};
use crate::topology::Topology;
use crate::trust::Reason;
use crate::verdict::{Cause, Verdict, judge};

/// The most messages that a survey keeps in mind.
pub const SURVEY_LIMIT: usize = 10_000;

/// In at least this share of the messages a line at the top must have come from one address, for that address to be
/// proposed as a relay's.
const CONSTANT_SHARE: f64 = 0.6;

/// So many messages at least, too.
const CONSTANT_LEAST: usize = 20;

/// So many sender domains behind one origin make it a likely forwarder (A10).
const FORWARDER_DOMAINS: usize = 5;

/// And so large a share of its messages must bear a forwarder's marks: a sender can write them, too.
const FORWARDER_SHARE: f64 = 0.8;

/// One Received line as a survey keeps it: what each dialect's reading states.
struct Line {
    by: String,
    source: Source,
    dialects: Vec<Dialect>,
}

/// What the mail shows of one host.
#[derive(Default, Debug)]
pub struct Host {
    /// Lines by it.
    pub lines: usize,
    /// In how many messages it stands first.
    pub first: usize,
    /// How many of its lines each dialect reads.
    pub dialects: BTreeMap<Dialect, usize>,
    /// The addresses that hosts above it took its mail from.
    pub networks: BTreeSet<IpAddr>,
    /// The local steps that it makes.
    pub handovers: BTreeSet<Handover>,
    /// Lines by it that state no peer.
    pub hidden: usize,
}

impl Host {
    /// The dialects that read every line that any of them reads; one with a form of its own before one without.
    pub fn likely_dialects(&self) -> Vec<Dialect> {
        let most = self.dialects.values().max().copied().unwrap_or(0);
        let mut likely: Vec<Dialect> =
            self.dialects.iter().filter(|(_, lines)| **lines == most).map(|(dialect, _)| *dialect).collect();
        likely.sort_by_key(|dialect| (!dialect.is_tagged(), *dialect));
        likely
    }
}

/// Where the mail and a declared topology differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Misfit {
    /// A relay's line is in another dialect than it declares.
    OtherDialect {
        /// The relay.
        relay: String,
        /// The dialect that reads the line.
        dialect: Dialect,
    },
    /// A relay makes a local step that it does not declare.
    UndeclaredHandover {
        /// The relay.
        relay: String,
        /// The step.
        handover: Handover,
    },
    /// The first line is by a host that is no relay's.
    UnknownTop {
        /// The host.
        by: String,
    },
    /// A relay took the message from a private address that is no relay's.
    UnknownPeer {
        /// The relay.
        relay: String,
        /// The address.
        peer: IpAddr,
        /// The host that the next line is by, if it can be read.
        next: Option<String>,
    },
    /// A relay handed on, and the next line is by a host that is not the one expected.
    UnknownNext {
        /// The relay above.
        relay: String,
        /// The host that the next line is by.
        by: String,
    },
    /// A relay does not say from whom it took the message.
    HiddenPeer {
        /// The relay.
        relay: String,
    },
    /// A relay's line is in no dialect, or not whole: something rewrites lines.
    Rewritten {
        /// The line.
        line: String,
    },
    /// A relay's line can be read with different peers.
    Ambiguous {
        /// The line.
        line: String,
    },
}

/// An origin that many senders share.
#[derive(Debug)]
pub struct Forwarder {
    /// The origin.
    pub origin: IpAddr,
    /// The domains whose mail it passed on, by its rewritten senders.
    pub domains: usize,
    /// Messages with marks of delivery elsewhere.
    pub marked: usize,
    /// All of its messages.
    pub messages: usize,
}

/// What a pile of mail shows.
#[derive(Default)]
pub struct Survey {
    messages: Vec<Vec<Line>>,
    /// Messages beyond [`SURVEY_LIMIT`], which were judged and not kept.
    pub beyond: usize,
    /// How the messages were judged under the declared topology; none: attributed.
    pub reasons: BTreeMap<Option<&'static str>, usize>,
    misfits: BTreeMap<Misfit, usize>,
    origins: BTreeMap<IpAddr, Marks>,
    as_declared: BTreeMap<String, usize>,
    too_large: usize,
}

/// What the messages of one origin bear of a delivery elsewhere.
#[derive(Default)]
struct Marks {
    messages: usize,
    marked: usize,
    domains: BTreeSet<String>,
}

impl Survey {
    /// Adds a message, and under a declared topology judges it.
    pub fn add(&mut self, message: &[u8], topology: Option<&Topology>) {
        let Ok(header) = Header::read(message) else {
            *self.reasons.entry(Some(Reason::TooLarge.name())).or_default() += 1;
            self.too_large += 1;
            return;
        };
        let received: Vec<&Field<'_>> = header.all("Received").collect();
        if self.messages.len() < SURVEY_LIMIT {
            self.messages.push(received.iter().map_while(|field| line(field)).collect());
        } else {
            self.beyond += 1;
        }
        let Some(topology) = topology else { return };
        let verdict = judge(&Sample { message, envelope: None, observed_peer: None }, topology);
        *self.reasons.entry(verdict.origin.err().map(Reason::name)).or_default() += 1;
        for line in &verdict.path {
            *self.as_declared.entry(topology.relays[line.relay].name.clone()).or_default() += 1;
        }
        match verdict.origin {
            Ok(origin) => self.note_forwarding(origin, &header, verdict.path.len()),
            Err(reason) => {
                if let Some(misfit) = misfit(reason, &verdict, &received, topology) {
                    *self.misfits.entry(misfit).or_default() += 1;
                }
            }
        }
    }

    /// Marks of a forwarder: a sender rewritten by SRS, or a delivery that another host noted below the boundary.
    fn note_forwarding(&mut self, origin: IpAddr, header: &Header<'_>, trusted: usize) {
        let sender = header.all("Return-Path").next().map(|field| field.unfolded().trim_ascii().to_vec());
        let sender = sender.map(|text| String::from_utf8_lossy(&text).into_owned());
        let envelope =
            sender.map(|text| Envelope { mail_from: text.trim_matches(['<', '>']).to_owned(), ..Envelope::default() });
        let rewritten = envelope.as_ref().and_then(|envelope| srs_domain(&envelope.mail_from));
        let mut seen = 0;
        let delivered = header.fields.iter().any(|field| {
            seen += usize::from(field.is("Received"));
            let mark = ["Delivered-To", "X-Forwarded-To", "X-Forwarded-For"].iter().any(|name| field.is(name));
            mark && seen >= trusted
        });
        let marks = self.origins.entry(origin).or_default();
        marks.messages += 1;
        marks.marked += usize::from(rewritten.is_some() || delivered);
        marks.domains.extend(rewritten);
    }

    /// How many messages there were.
    pub fn count(&self) -> usize {
        self.messages.len() + self.beyond + self.too_large
    }

    /// How many lines of this relay were read as it declares.
    pub fn as_declared(&self, relay: &str) -> usize {
        self.as_declared.get(relay).copied().unwrap_or(0)
    }

    /// Where mail and topology differ, the most frequent first.
    pub fn misfits(&self) -> Vec<(&Misfit, usize)> {
        let mut misfits: Vec<(&Misfit, usize)> = self.misfits.iter().map(|(misfit, count)| (misfit, *count)).collect();
        misfits.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        misfits
    }

    /// Origins that pass other people's mail on, and should be declared as relays (A10).
    pub fn forwarders(&self) -> Vec<Forwarder> {
        let forwarder = |(origin, marks): (&IpAddr, &Marks)| Forwarder {
            origin: *origin,
            domains: marks.domains.len(),
            marked: marks.marked,
            messages: marks.messages,
        };
        let most = |forwarder: &Forwarder| forwarder.marked as f64 >= FORWARDER_SHARE * forwarder.messages as f64;
        let many =
            |forwarder: &Forwarder| forwarder.domains >= FORWARDER_DOMAINS || forwarder.marked >= 2 * FORWARDER_DOMAINS;
        self.origins.iter().map(forwarder).filter(|forwarder| most(forwarder) && many(forwarder)).collect()
    }

    /// The hosts that stand at the tops of the messages, from the top, as far as private addresses, local steps or one
    /// constant address lead from one to the next.
    pub fn hosts(&self) -> Vec<(String, Host)> {
        let mut internal: BTreeSet<IpAddr> = BTreeSet::new();
        // Each round takes one more constant address for internal; a chain of relays is short.
        for _ in 0..8 {
            let (_, boundaries) = self.walk(&internal);
            let constant = boundaries.iter().find(|(_, count)| {
                **count >= CONSTANT_LEAST && **count as f64 >= CONSTANT_SHARE * self.messages.len() as f64
            });
            match constant {
                Some((peer, _)) => internal.insert(*peer),
                None => break,
            };
        }
        let (hosts, _) = self.walk(&internal);
        let mut hosts: Vec<(String, Host)> = hosts.into_iter().collect();
        hosts.sort_by(|one, other| other.1.first.cmp(&one.1.first).then(other.1.lines.cmp(&one.1.lines)));
        hosts
    }

    /// Walks every message with these addresses taken for internal: the hosts, and how often each boundary peer that
    /// has another line below it was met.
    fn walk(&self, internal: &BTreeSet<IpAddr>) -> (BTreeMap<String, Host>, BTreeMap<IpAddr, usize>) {
        let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
        let mut boundaries: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for lines in &self.messages {
            let mut from = None;
            for (number, line) in lines.iter().enumerate() {
                let host = hosts.entry(line.by.to_ascii_lowercase()).or_default();
                host.lines += 1;
                host.first += usize::from(number == 0);
                host.networks.extend(from.take());
                for dialect in &line.dialects {
                    *host.dialects.entry(*dialect).or_default() += 1;
                }
                match line.source {
                    Source::Peer(peer) if peer.is_loopback() => drop(host.handovers.insert(Handover::Loopback)),
                    Source::Peer(peer) if is_special_purpose(peer) || internal.contains(&peer) => from = Some(peer),
                    Source::Peer(peer) => {
                        if number + 1 < lines.len() {
                            *boundaries.entry(peer).or_default() += 1;
                        }
                        break;
                    }
                    Source::Handover(step) => drop(host.handovers.insert(step)),
                    Source::Continued => {}
                    Source::Unstated => {
                        host.hidden += 1;
                        break;
                    }
                }
            }
        }
        (hosts, boundaries)
    }
}

/// A Received line as a survey keeps it; none if it cannot be read in one way.
fn line(field: &Field<'_>) -> Option<Line> {
    let hop = Hop::read(field);
    let own: Vec<&Reading> = hop.own_readings(None).collect();
    let first = own.first()?;
    let [source] = hop.sources(None)[..] else { return None };
    let mut dialects: Vec<Dialect> = own.iter().map(|reading| reading.dialect).collect();
    dialects.dedup();
    Some(Line { by: hop.by(first).to_owned(), source, dialects })
}

/// The original domain in a sender that a forwarder rewrote (`SRS0=hash=tt=domain=local@forwarder`), or one after
/// another (`SRS1=hash=first==hash=tt=domain=local@second`); the tags may be followed by `+` or `-` instead.
fn srs_domain(sender: &str) -> Option<String> {
    let local = sender.rsplit_once('@').map_or(sender, |(local, _)| local);
    let (tag, rest) = local.split_at_checked(4)?;
    let rest = rest.strip_prefix(['=', '+', '-'])?;
    let rewritten = match tag.to_ascii_uppercase().as_str() {
        "SRS0" => rest,
        "SRS1" => rest.splitn(3, '=').nth(2)?.strip_prefix(['=', '+', '-'])?,
        _ => return None,
    };
    let domain = rewritten.split('=').nth(2)?;
    domain.contains('.').then(|| domain.to_ascii_lowercase())
}

/// What a refusal tells about the topology.
fn misfit(reason: Reason, verdict: &Verdict, received: &[&Field<'_>], topology: &Topology) -> Option<Misfit> {
    let cause: &Cause = verdict.cause.as_ref()?;
    let hop = Hop::read(received[cause.line - 1]);
    let above = |line: usize| verdict.path.get(line).map(|line| topology.relays[line.relay].name.clone());
    let last = || above(verdict.path.len().checked_sub(1)?);
    let reading = hop.own_readings(None).next();
    match reason {
        Reason::UnreadableLine => {
            let relay = reading.and_then(|reading| topology.relays.iter().find(|relay| relay.names(hop.by(reading))));
            Some(match (reading, relay) {
                (Some(reading), Some(relay))
                    if reading.dialect != Dialect::General
                        && relay.dialect.is_some_and(|dialect| dialect != reading.dialect) =>
                {
                    Misfit::OtherDialect { relay: relay.name.clone(), dialect: reading.dialect }
                }
                _ => Misfit::Rewritten { line: cause.text.clone() },
            })
        }
        Reason::AmbiguousLine => Some(Misfit::Ambiguous { line: cause.text.clone() }),
        Reason::TopLineNotOurs => Some(Misfit::UnknownTop { by: hop.by(reading?).to_owned() }),
        Reason::LocalOrigin => {
            let handover = match verdict.path.last()?.source {
                Source::Handover(step) => step,
                Source::Peer(_) | Source::Continued | Source::Unstated => Handover::Loopback,
            };
            Some(Misfit::UndeclaredHandover { relay: last()?, handover })
        }
        Reason::SpecialPurpose => {
            let Source::Peer(peer) = verdict.path.last()?.source else { return None };
            let next = received.get(cause.line).and_then(|field| line(field)).map(|line| line.by);
            Some(Misfit::UnknownPeer { relay: last()?, peer, next })
        }
        Reason::BrokenChain => {
            // Where lines end, the last is by the relay itself, and mail that it made was handed in.
            let by = hop.by(reading?).to_owned();
            (cause.line > verdict.path.len()).then_some(())?;
            Some(Misfit::UnknownNext { relay: last()?, by })
        }
        Reason::NoPeer => Some(Misfit::HiddenPeer { relay: last()? }),
        Reason::NoReceived
        | Reason::Contradicted
        | Reason::OwnRelay
        | Reason::MalformedHeader
        | Reason::NoMessage
        | Reason::NotTheReporter
        | Reason::TooLarge => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Boundary, HostPattern, Relay};

    fn postfix(from: &str, by: &str) -> String {
        format!(
            "Received: from x.example (unknown [{from}])\n\tby {by} (Postfix) with ESMTP id 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n"
        )
    }

    fn survey(messages: &[String], topology: Option<&Topology>) -> Survey {
        let mut survey = Survey::default();
        for message in messages {
            survey.add(message.as_bytes(), topology);
        }
        survey
    }

    #[test]
    fn relays_are_learnt_from_mail() {
        let store = "Received: from mx1.example ([10.9.0.10])\n\tby store.example with LMTP\n\tid abc\n\tfor <t@d.example>; Mon, 23 Nov 2026 22:02:48 +0000\n";
        let messages: Vec<String> = (1..=10)
            .map(|number| {
                let outer = postfix(&format!("198.51.100.{number}"), "mx1.example");
                store.to_owned()
                    + &postfix("127.0.0.1", "mx1.example")
                    + &outer
                    + &postfix("203.0.113.9", "forged.example")
            })
            .collect();
        let hosts = survey(&messages, None).hosts();
        let names: Vec<&str> = hosts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["store.example", "mx1.example"]);
        let (store, mx1) = (&hosts[0].1, &hosts[1].1);
        assert_eq!(store.likely_dialects()[0], Dialect::Dovecot);
        assert_eq!(mx1.likely_dialects()[0], Dialect::Postfix);
        assert_eq!(mx1.networks, BTreeSet::from(["10.9.0.10".parse().unwrap()]));
        assert_eq!(mx1.handovers, BTreeSet::from([Handover::Loopback]));
    }

    #[test]
    fn a_constant_public_address_is_taken_for_a_relays() {
        let messages: Vec<String> = (1..=20)
            .map(|number| {
                postfix("192.0.2.10", "inner.example") + &postfix(&format!("198.51.100.{number}"), "edge.example")
            })
            .collect();
        let hosts = survey(&messages, None).hosts();
        assert_eq!(hosts.len(), 2);
        assert_eq!(hosts[1].1.networks, BTreeSet::from(["192.0.2.10".parse().unwrap()]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let relay = |name: &str, host: &str, network: &str, dialect: &str| Relay {
            name: name.to_owned(),
            hosts: vec![HostPattern::new(host)],
            networks: vec![network.parse().unwrap()],
            dialect: Dialect::parse(dialect),
            handovers: vec![],
        };
        let topology = Topology::new(
            vec![
                relay("mx1", "mx1.example", "192.0.2.10/32", "exim"),
                relay("mx2", "mx2.example", "192.0.2.11/32", "postfix"),
            ],
            Boundary::Headers,
        );
        let peer = "198.51.100.7";
        let cases = [
            (postfix(peer, "mx1.example"), Misfit::OtherDialect { relay: "mx1".into(), dialect: Dialect::Postfix }),
            (
                postfix("127.0.0.1", "mx2.example"),
                Misfit::UndeclaredHandover { relay: "mx2".into(), handover: Handover::Loopback },
            ),
            (postfix(peer, "mx3.example"), Misfit::UnknownTop { by: "mx3.example".into() }),
            (
                postfix("10.1.1.1", "mx2.example") + &postfix(peer, "in.example"),
                Misfit::UnknownPeer {
                    relay: "mx2".into(),
                    peer: "10.1.1.1".parse().unwrap(),
                    next: Some("in.example".into()),
                },
            ),
            (
                postfix("192.0.2.10", "mx2.example") + &postfix(peer, "other.example"),
                Misfit::UnknownNext { relay: "mx2".into(), by: "other.example".into() },
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(
                survey(std::slice::from_ref(&message), Some(&topology)).misfits(),
                [(&expected, 1)],
                "{message}"
            );
        }
    }

    /// A10: an origin that many rewritten senders share is named as a forwarder.
    #[test]
    fn a10_forwarders_are_named() {
        let relay = Relay {
            name: "mx2".into(),
            hosts: vec![HostPattern::new("mx2.example")],
            networks: vec![],
            dialect: Some(Dialect::Postfix),
            handovers: vec![],
        };
        let topology = Topology::new(vec![relay], Boundary::Headers);
        let message = |number: usize| {
            format!(
                "Return-Path: <SRS0=AbCd=TT=d{number}.example=bob@forwarder.example>\n{}",
                postfix("198.51.100.7", "mx2.example")
            )
        };
        let messages: Vec<String> = (0..50).map(message).collect();
        let forwarders = survey(&messages, Some(&topology)).forwarders();
        assert_eq!(forwarders.len(), 1);
        assert_eq!((forwarders[0].origin.to_string().as_str(), forwarders[0].domains), ("198.51.100.7", 50));
    }
}
