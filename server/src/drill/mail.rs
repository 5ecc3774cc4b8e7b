//! The messages that are fired, as the configuration's own relays would have written them.
//!
//! Enters: a route, whom the boundary took the message from, what he said, and what stands below. Leaves: a [`Shot`].

use std::net::IpAddr;

use firsthand_analyzer::forms::{Form, PLAIN, Said, Way};
use firsthand_analyzer::sample::Envelope;
use firsthand_analyzer::score::Tier;

use super::ground::{Ground, Route, Target, forms_of};

/// The name of a relay that has none.
const NAMELESS: &str = "mx1.example.net";

/// A message that reached a feed.
pub(super) struct Shot {
    /// The feed's index.
    pub(super) feed: usize,
    /// The message.
    pub(super) message: Vec<u8>,
    /// Its envelope.
    pub(super) envelope: Envelope,
    /// The peer that the channel saw, where the feed's boundary is the channel.
    pub(super) observed: Option<IpAddr>,
    /// What is special about it, for the operator.
    pub(super) told: String,
}

/// What a message says apart from the lines of relays.
#[derive(Clone, Copy)]
pub(super) struct Text {
    /// The reverse-path; empty for the null sender.
    pub(super) mail_from: &'static str,
    /// Header fields but Received, and the body.
    pub(super) rest: &'static str,
}

/// Spam as it comes.
pub(super) const SPAM: Text = Text {
    mail_from: "offers@sender.example",
    rest: "From: Offers <offers@sender.example>\nSubject: Cheap watches\nMessage-ID: <1@sender.example>\n\nBuy now.\n",
};

/// What an ordinary client says.
pub(super) fn plain_said(target: &Target) -> Said {
    let mut said = Said { text: Vec::new(), ..Said::harmless() };
    said.recipient = target.local.as_deref().unwrap_or("anybody").as_bytes().to_vec();
    said
}

/// A Received field.
pub(super) fn field(line: &[u8]) -> Vec<u8> {
    [b"Received: ", line, b"\n"].concat()
}

impl Ground {
    /// The name that a relay writes.
    pub(super) fn host(&self, relay: usize) -> &str {
        self.hosts[relay].first().map_or(NAMELESS, String::as_str)
    }

    /// The lines of a route's relays, the boundary's written by `boundary`; empty where the channel tells the peer.
    fn lines(&self, route: &Route, target: &Target, boundary: impl Fn(&'static Form, Way<'_>) -> Vec<u8>) -> Vec<u8> {
        let mut lines = Vec::new();
        for (index, stop) in route.stops.iter().enumerate() {
            let way = Way { by: self.host(stop.relay), domain: &target.domain, ..PLAIN };
            let line = match route.stops.get(index + 1) {
                None => boundary(stop.form, way),
                Some(below) => {
                    let mut said = plain_said(target);
                    said.helo = self.host(below.relay).as_bytes().to_vec();
                    said.rdns = said.helo.clone();
                    stop.form.write(&said, Way { peer: below.seen_as.unwrap_or(PLAIN.peer), ..way })
                }
            };
            lines.extend(field(&line));
        }
        lines
    }

    /// What `peer` sends over `route`, with everything that he can say and `below` under the relays' lines.
    pub(super) fn shot(
        &self,
        route: &Route,
        peer: IpAddr,
        said: &Said,
        parts: Way<'_>,
        below: &[u8],
        text: Text,
    ) -> Shot {
        let target = self.target();
        let lines = self
            .lines(route, &target, |form, way| form.write(said, Way { by: way.by, domain: way.domain, peer, ..parts }));
        self.shot_of(route, peer, [&lines, below, text.rest.as_bytes()].concat(), text.mail_from)
    }

    /// The same where the boundary's line is damaged or made otherwise by `damage`.
    pub(super) fn damaged(
        &self,
        route: &Route,
        peer: IpAddr,
        below: &[u8],
        damage: impl Fn(&'static Form, Way<'_>) -> Vec<u8>,
    ) -> Shot {
        let lines = self.lines(route, &self.target(), damage);
        self.shot_of(route, peer, [&lines, below, SPAM.rest.as_bytes()].concat(), SPAM.mail_from)
    }

    fn shot_of(&self, route: &Route, peer: IpAddr, message: Vec<u8>, mail_from: &str) -> Shot {
        let target = self.target();
        let recipient = format!("{}@{}", target.local.as_deref().unwrap_or("anybody"), target.domain);
        let by = route.stops.iter().map(|stop| format!("{} ({:?})", self.host(stop.relay), stop.form));
        let by = by.collect::<Vec<_>>().join(" from ");
        let feed = &self.declared.feeds[route.feed].name;
        Shot {
            feed: route.feed,
            message,
            envelope: Envelope { mail_from: mail_from.to_owned(), rcpt_to: vec![recipient] },
            observed: route.stops.is_empty().then_some(peer),
            told: if by.is_empty() { format!("feed {feed}") } else { format!("feed {feed}, taken by {by}") },
        }
    }

    /// The trap whose address stands in the lines: one whose local part the sender chooses, if there is one.
    pub(super) fn target(&self) -> Target {
        let chosen = self.targets.iter().find(|target| target.local.is_none()).or(self.targets.first());
        chosen.cloned().unwrap_or(Target {
            id: String::new(),
            local: None,
            domain: "traps.example".to_owned(),
            tier: Tier::Pristine,
        })
    }

    /// A line of each of our relays in each of its forms and names, as a forger writes it to name `victim`; with what it is.
    pub(super) fn imitations(&self, victim: IpAddr) -> Vec<(Vec<u8>, String)> {
        (0..self.relays.len()).flat_map(|relay| self.imitations_of(relay, victim)).collect()
    }

    /// The same of one relay.
    pub(super) fn imitations_of(&self, relay: usize, victim: IpAddr) -> Vec<(Vec<u8>, String)> {
        let target = self.target();
        let mut lines = Vec::new();
        for host in &self.hosts[relay] {
            for form in forms_of(&self.relays[relay]) {
                if victim.is_ipv4() || form.takes_ipv6() {
                    let way = Way { by: host, domain: &target.domain, peer: victim, ..PLAIN };
                    lines.push((field(&form.write(&plain_said(&target), way)), format!("{host} as {form:?}")));
                }
            }
        }
        lines
    }

    /// Forged lines of as many forms as fit, naming every victim.
    pub(super) fn forgery(&self) -> Vec<u8> {
        let imitations = self.victims.iter().flat_map(|victim| self.imitations(*victim));
        let lines: Vec<u8> = imitations.take(FORGED).flat_map(|(line, _)| line).collect();
        if lines.is_empty() { self.stranger_line(self.victims[0]) } else { lines }
    }

    /// A line of a host that is nobody's we know, naming `victim`.
    pub(super) fn stranger_line(&self, victim: IpAddr) -> Vec<u8> {
        let form = &firsthand_analyzer::forms::FORMS[0];
        field(&form.write(&plain_said(&self.target()), Way { by: "mail.isp.example", peer: victim, ..PLAIN }))
    }
}

/// How many forged lines stand in one message: fewer than a header may hold.
const FORGED: usize = 40;
