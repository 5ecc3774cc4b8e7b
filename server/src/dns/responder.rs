//! What all transports share to answer by, in the order in which it counts: access, cookie, answer, rates.
//!
//! Enters: messages with their senders, and the instant. Leaves: answers, what they counted for, and lines of the query log
//! if there is one. Zone and rules are finished values that somebody else swaps; a batch of messages is answered by one
//! zone and one set of rules.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption, Cache};

use super::Transport;
use super::access::{Access, AccessRules};
use super::answer::{Asking, Client, Outcome};
use super::cookie::Cookies;
use super::counters::{Counters, Tally};
use super::limit::{Limits, Mode, Rates, Ruling, Share};
use super::query_log::{Lines, QueryLog, Sent};
use super::unix_now;
use crate::zone::{Scope, Zone};

/// The operator's rules for whoever asks.
pub struct Rules {
    /// Who may ask.
    pub access: AccessRules,
    /// What makes and judges cookies.
    pub cookies: Cookies,
    /// How many answers the unproven get over UDP.
    pub limits: Limits,
}

/// Everything that a transport needs to answer. Shared by all of them.
pub struct Responder {
    zone: Arc<ArcSwap<Zone>>,
    rules: Arc<ArcSwap<Rules>>,
    log: Arc<ArcSwapOption<QueryLog>>,
    rates: Rates,
    counters: Arc<Counters>,
    /// The instant from which the rates count.
    since: Instant,
}

impl Responder {
    /// Answers from a zone by rules, without a query log.
    pub fn new(zone: Arc<ArcSwap<Zone>>, rules: Rules) -> Self {
        let rules = Arc::new(ArcSwap::from_pointee(rules));
        let log = Arc::default();
        Self { zone, rules, log, rates: Rates::default(), counters: Arc::default(), since: Instant::now() }
    }

    /// Answers by other rules from now on.
    pub fn set_rules(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
    }

    /// Notes what is answered from now on in a query log, or in none.
    pub fn set_query_log(&self, log: Option<Arc<QueryLog>>) {
        self.log.store(log);
    }

    /// The query log in use.
    pub fn query_log(&self) -> Option<Arc<QueryLog>> {
        self.log.load_full()
    }

    /// What was answered so far.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Whether a client's messages are not answered at all, so that its connections need not be taken.
    pub fn drops(&self, client: IpAddr) -> bool {
        self.rules.load().access.of(client) == Access::Drop
    }

    /// Answers one message that came over a connection: the answer is appended to `out`, or nothing is.
    pub fn answer(&self, query: &[u8], address: IpAddr, transport: Transport, out: &mut Vec<u8>) -> Outcome {
        let rules = self.rules.load();
        let tally = self.counters.of(transport);
        let access = rules.access.of(address);
        if access == Access::Drop {
            tally.dropped();
            return Outcome::Silence;
        }
        let client = Client { address, transport, allowed: access == Access::Allow, cookies: &rules.cookies };
        let (zone, now) = (self.zone.load(), unix_now());
        let Some(asking) = Asking::read(query, &zone) else {
            tally.count(Outcome::Silence);
            return Outcome::Silence;
        };
        let answered = asking.answer(&client, &zone, now, out);
        tally.count(Outcome::Answer(answered));
        if let Some(log) = &*self.log.load() {
            let mut lines = Lines::default();
            lines.add(now, transport, address, asking.question(), Sent::Answer(answered.kind));
            log.take(&mut lines);
        }
        Outcome::Answer(answered)
    }

    /// A place for one of `threads` threads that answer datagrams.
    pub(super) fn desk(self: &Arc<Self>, threads: u32) -> Desk {
        Desk {
            zone: Cache::new(Arc::clone(&self.zone)),
            rules: Cache::new(Arc::clone(&self.rules)),
            log: Cache::new(Arc::clone(&self.log)),
            lines: Lines::default(),
            responder: Arc::clone(self),
            tally: self.counters.for_thread(),
            share: Share::default(),
            threads,
            asked: Vec::new(),
        }
    }
}

/// One thread's place: its own view of zone, rules and query log, its own counts and its share of the common rate.
pub(super) struct Desk {
    zone: Cache<Arc<ArcSwap<Zone>>, Arc<Zone>>,
    rules: Cache<Arc<ArcSwap<Rules>>, Arc<Rules>>,
    log: Cache<Arc<ArcSwapOption<QueryLog>>, Option<Arc<QueryLog>>>,
    lines: Lines,
    responder: Arc<Responder>,
    tally: Arc<Tally>,
    share: Share,
    threads: u32,
    asked: Vec<(Scope, IpAddr)>,
}

/// Some messages that arrived together.
pub(super) struct Batch<'a> {
    zone: &'a Zone,
    rules: &'a Rules,
    /// The query log, if there is one, and the lines of the batch.
    log: Option<(&'a QueryLog, &'a mut Lines)>,
    responder: &'a Responder,
    tally: &'a Tally,
    share: &'a mut Share,
    threads: u32,
    /// What the batch asks about.
    asked: &'a mut Vec<(Scope, IpAddr)>,
    began: Instant,
    /// The Unix second, and microseconds since the rates began.
    now: (u64, u64),
    messages: usize,
}

impl Desk {
    /// Lets go of a zone, rules or a query log that have a successor.
    pub(super) fn rest(&mut self) {
        self.zone.load();
        self.rules.load();
        self.log.load();
    }

    /// Begins to answer messages that have just arrived.
    pub(super) fn batch(&mut self) -> Batch<'_> {
        let began = Instant::now();
        let micros = began.duration_since(self.responder.since).as_micros() as u64;
        Batch {
            zone: self.zone.load(),
            rules: self.rules.load(),
            log: self.log.load().as_deref().map(|log| (log, &mut self.lines)),
            responder: &self.responder,
            tally: &self.tally,
            share: &mut self.share,
            threads: self.threads,
            asked: &mut self.asked,
            began,
            now: (unix_now(), micros),
            messages: 0,
        }
    }
}

/// A datagram that was read and is to be answered.
pub(super) struct Incoming<'q> {
    asking: Asking<'q>,
    length: usize,
    address: IpAddr,
    allowed: bool,
}

impl Batch<'_> {
    /// Reads one datagram; `None` if it is not to be answered.
    pub(super) fn read<'q>(&mut self, message: &'q [u8], address: IpAddr) -> Option<Incoming<'q>> {
        self.messages += 1;
        let access = self.rules.access.of(address);
        if access == Access::Drop {
            self.tally.dropped();
            return None;
        }
        let Some(asking) = Asking::read(message, self.zone) else {
            self.tally.count(Outcome::Silence);
            return None;
        };
        Some(Incoming { asking, length: message.len(), address, allowed: access == Access::Allow })
    }

    /// Reads what the answers to these will wait for, one right after the other, so that the waits overlap.
    pub(super) fn warm<'i, 'q: 'i>(&mut self, waiting: impl Iterator<Item = &'i Incoming<'q>>) {
        self.asked.clear();
        self.asked.extend(waiting.filter_map(|incoming| incoming.asking.address()));
        std::hint::black_box(self.zone.touch(self.asked));
    }

    /// Answers a datagram: what is to be sent back is appended to `out`, or nothing is.
    pub(super) fn answer(&mut self, incoming: &Incoming<'_>, out: &mut Vec<u8>) {
        let Incoming { asking, length, address, allowed } = incoming;
        let (rules, (now, micros)) = (self.rules, self.now);
        let client =
            Client { address: *address, transport: Transport::Udp, allowed: *allowed, cookies: &rules.cookies };
        let start = out.len();
        let answered = asking.answer(&client, self.zone, now, out);
        self.tally.count(Outcome::Answer(answered));
        let rates = &self.responder.rates;
        let sizes = (*length, out.len() - start);
        let ruling = rates.rule(&rules.limits, (&answered, sizes), *address, micros, self.share, self.threads);
        let mut sent = Sent::Answer(answered.kind);
        if let Some(ruling) = ruling {
            self.tally.limited(ruling);
            if rules.limits.mode == Mode::Enforce {
                out.truncate(start);
                sent = match ruling {
                    Ruling::AskForProof => Sent::AskedForProof(asking.ask_for_proof(&client, now, out)),
                    Ruling::Withhold => Sent::Withheld,
                };
            }
        }
        if let Some((_, lines)) = &mut self.log {
            lines.add(now, Transport::Udp, *address, asking.question(), sent);
        }
    }

    /// Counts the batch once its answers have left, and hands its lines to the query log; `unsent` of the answers the system
    /// did not take.
    pub(super) fn sent(self, unsent: usize) {
        self.tally.batch(self.messages, self.began.elapsed());
        if unsent > 0 {
            self.tally.unsent(unsent);
        }
        if let Some((log, lines)) = self.log {
            log.take(lines);
        }
    }
}
