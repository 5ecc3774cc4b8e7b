//! The one answer that every transport gives: query bytes, client, zone and instant in, answer bytes out.
//!
//! It is pure, never panics, and needs no memory but `out`, to which it appends and which the caller reuses. Any A record is a listing to a
//! client, so none says anything else: errors, age and ignorance are response codes (RFC 5782 §6, G8).
//!
//! **A zone too old to trust** ([`Zone::is_too_old`]) answers SERVFAIL wherever the answer depends on what is listed.
//! What the rules alone decide is answered all the same: the test entries, which survive every freeze (RFC 5782 §5),
//! and that the names above them exist, without which a resolver that minimises names (RFC 9156) would not get there.
//! The SOA is not: a foreign secondary that reads it would take our silence for news, and never let the zone expire.
//! A static list of which nothing is known keeps no SOA back: the serial says nothing about it.
//! The extended error is Invalid Data, which RFC 8914 §4.25 gives for a zone "too old or having expired", or Not Ready
//! (§4.15) if the publisher was never heard of. Stale Answer would be wrong: nothing stale is given.
//!
//! Transfers are refused (their own module serves them, to whom it knows), and there is no recursion (RFC 5358).

use std::net::IpAddr;

use super::Transport;
use super::cookie::Cookies;
pub use super::message::Rcode;
use super::message::rr_type;
use super::message::{CLASS_IN, Ending, ExtendedError, Fault, Owner, Query, Question, Reply, Section};
use super::position::{Position, locate};
use crate::zone::{Code, DomainName, Ignorance, Prefix, Scope, Sunset, Zone};

/// The TXT record of a test entry; it names no address, since it lists none.
pub const TEST_TEXT: &str = "Test entry of this blocklist (RFC 5782 section 5). It lists no host.";
/// The TXT record of the apex of a list that goes out of service (RFC 6471 §3.4).
const SUNSET_TEXT: &str = "This blocklist goes out of service. Take it out of your mail server's settings.";
/// The HINFO record that answers ANY: CPU "RFC8482" and an empty OS (RFC 8482 §4.2).
const ANY_DATA: &[u8] = b"\x07RFC8482\x00";

/// Who asks.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// The address that the query came from.
    pub address: IpAddr,
    /// What carried it.
    pub transport: Transport,
    /// Whether the operator lets this client ask.
    pub allowed: bool,
    /// What makes and judges cookies.
    pub cookies: &'a Cookies,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was no query, and gets no answer.
    Silence,
    /// `out` holds its answer.
    Answer(Answered),
}

/// What is to be known of an answer that was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// What kind of answer it is.
    pub kind: Kind,
    /// What it asked for.
    pub asked: Asked,
    /// Whether the answer did not fit and lost its records (TC).
    pub truncated: bool,
    /// Whether a cookie or a connection shows that the client has the address that it came from (RFC 7873 §5.2.5).
    pub proven: bool,
    /// The lists that a [`Kind::Listed`] answer speaks of, by their order in the settings: bit 0 is the first.
    pub lists: u64,
    /// The address that it is about; with `kind` and `asked` it tells answers apart. Zero where there is none.
    pub about: u128,
}

/// The kinds of answers, each with one response code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A record of a listed address.
    Listed,
    /// A record of a test entry.
    TestEntry,
    /// A record of the apex.
    Apex,
    /// The name exists, without such a record.
    NoData,
    /// Nothing exists at or below the name.
    NoName,
    /// The zone is too old to trust (G8).
    TooOld,
    /// The publisher was never heard of yet.
    NotReady,
    /// The name or class is not ours.
    Foreign,
    /// A transfer was asked for, where none is given.
    TransferRefused,
    /// The operator does not let the client ask.
    Prohibited,
    /// The query broke the grammar.
    Malformed,
    /// The message was no standard query.
    UnknownOpcode,
    /// The query spoke an EDNS version that we do not.
    UnknownVersion,
    /// No question was asked, but for a cookie (RFC 7873 §5.4).
    Cookie,
    /// The same, with a cookie that is none of ours or too old.
    BadCookie,
}

impl Kind {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 15] = [
        Self::Listed,
        Self::TestEntry,
        Self::Apex,
        Self::NoData,
        Self::NoName,
        Self::TooOld,
        Self::NotReady,
        Self::Foreign,
        Self::TransferRefused,
        Self::Prohibited,
        Self::Malformed,
        Self::UnknownOpcode,
        Self::UnknownVersion,
        Self::Cookie,
        Self::BadCookie,
    ];

    /// The response code that goes with it.
    pub const fn rcode(self) -> Rcode {
        match self {
            Self::Listed | Self::TestEntry | Self::Apex | Self::NoData | Self::Cookie => Rcode::NoError,
            Self::NoName => Rcode::NxDomain,
            Self::TooOld | Self::NotReady => Rcode::ServFail,
            Self::Foreign | Self::TransferRefused | Self::Prohibited => Rcode::Refused,
            Self::Malformed => Rcode::FormErr,
            Self::UnknownOpcode => Rcode::NotImp,
            Self::UnknownVersion => Rcode::BadVers,
            Self::BadCookie => Rcode::BadCookie,
        }
    }

    /// The name that metrics use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::TestEntry => "test-entry",
            Self::Apex => "apex",
            Self::NoData => "no-data",
            Self::NoName => "no-name",
            Self::TooOld => "too-old",
            Self::NotReady => "not-ready",
            Self::Foreign => "foreign",
            Self::TransferRefused => "transfer-refused",
            Self::Prohibited => "prohibited",
            Self::Malformed => "malformed",
            Self::UnknownOpcode => "unknown-opcode",
            Self::UnknownVersion => "unknown-version",
            Self::Cookie => "cookie",
            Self::BadCookie => "bad-cookie",
        }
    }

    fn ending(self, proven: bool) -> Ending {
        let rcode = self.rcode();
        let error = match self {
            Self::TooOld => Some(ExtendedError::InvalidData),
            Self::NotReady => Some(ExtendedError::NotReady),
            Self::Foreign => Some(ExtendedError::NotAuthoritative),
            Self::TransferRefused | Self::Prohibited => Some(ExtendedError::Prohibited),
            _ => None,
        };
        let authoritative = matches!(rcode, Rcode::NoError | Rcode::NxDomain) && self != Self::Cookie;
        Ending { rcode, authoritative, error, cut: false, proven }
    }
}

impl From<Ignorance> for Kind {
    fn from(ignorance: Ignorance) -> Self {
        match ignorance {
            Ignorance::NotReady => Self::NotReady,
            Ignorance::TooOld => Self::TooOld,
        }
    }
}

impl From<Fault> for Kind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Opcode => Self::UnknownOpcode,
            Fault::Version => Self::UnknownVersion,
        }
    }
}

/// What a query asked for, as far as metrics tell it apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asked {
    /// A: is it listed?
    A,
    /// TXT: why?
    Txt,
    /// SOA.
    Soa,
    /// NS.
    Ns,
    /// ANY.
    Any,
    /// AXFR or IXFR.
    Transfer,
    /// AAAA, MX and all else that the zone never holds.
    NeverHeld,
    /// No question could be read.
    Nothing,
}

impl Asked {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 8] =
        [Self::A, Self::Txt, Self::Soa, Self::Ns, Self::Any, Self::Transfer, Self::NeverHeld, Self::Nothing];

    /// The name that metrics use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Txt => "TXT",
            Self::Soa => "SOA",
            Self::Ns => "NS",
            Self::Any => "ANY",
            Self::Transfer => "transfer",
            Self::NeverHeld => "never-held",
            Self::Nothing => "nothing",
        }
    }

    fn of(question: Option<Question<'_>>) -> Self {
        match question.map(|question| question.qtype) {
            None => Self::Nothing,
            Some(rr_type::A) => Self::A,
            Some(rr_type::TXT) => Self::Txt,
            Some(rr_type::SOA) => Self::Soa,
            Some(rr_type::NS) => Self::Ns,
            Some(rr_type::ANY) => Self::Any,
            Some(rr_type::AXFR | rr_type::IXFR) => Self::Transfer,
            Some(_) => Self::NeverHeld,
        }
    }
}

/// A message that was read and found in the zone, and waits for its answer.
#[derive(Debug)]
pub struct Asking<'q> {
    query: Query<'q>,
    /// Where its question's name stands, if that is in the zone.
    place: Option<(Position, usize)>,
}

impl<'q> Asking<'q> {
    /// Reads a message; `None` for one that must not be answered at all.
    pub fn read(message: &'q [u8], zone: &Zone) -> Option<Self> {
        let query = Query::read(message)?;
        let place = query.question.filter(|_| query.fault.is_none()).and_then(|question| locate(question.name, zone));
        Some(Self { query, place })
    }

    /// The address that is asked about, and in which lists; none if no whole address is.
    pub fn address(&self) -> Option<(Scope, IpAddr)> {
        let Some((Position::Below { scope, spelled }, _)) = self.place else { return None };
        spelled.into_iter().flatten().find_map(Prefix::address).map(|address| (scope, address))
    }

    /// What it asks, if that could be read.
    pub(super) fn question(&self) -> Option<Question<'q>> {
        self.query.question
    }

    /// Appends the answer to `out`.
    pub fn answer(&self, client: &Client<'_>, zone: &Zone, now: u64, out: &mut Vec<u8>) -> Answered {
        let query = &self.query;
        let mut reply = Reply::begin(query, out);
        let mut answered = Answered {
            kind: Kind::Malformed,
            asked: Asked::of(query.question),
            truncated: false,
            proven: client.transport != Transport::Udp,
            lists: 0,
            about: 0,
        };
        let judged = query.cookie().map(|cookie| client.cookies.judge(cookie, client.address, now));
        answered.proven |= judged.is_some_and(|judged| judged.proven);
        match (query.fault, query.question) {
            (Some(fault), _) => answered.kind = fault.into(),
            (None, _) if !client.allowed => answered.kind = Kind::Prohibited,
            (None, Some(question)) => resolve(question, self.place, zone, now, &mut reply, &mut answered),
            (None, None) => {
                let bad = judged.is_some_and(|judged| judged.returned && !judged.proven);
                answered.kind = if bad { Kind::BadCookie } else { Kind::Cookie };
            }
        }
        let cookie = judged.as_ref().map(|judged| &judged.answer);
        answered.truncated = reply.finish(query, client.transport, answered.kind.ending(answered.proven), cookie);
        answered
    }

    /// Appends to `out` what a client gets in place of an answer that it had too many of: the way to prove its address.
    /// That is a new cookie with BADCOOKIE where it knows cookies (RFC 7873 §5.2.3), and TC, which leads to TCP, where
    /// not. It is never longer than the query, but for the 16 bytes of our half of a cookie. What is no good query is told
    /// so, which is as short: NOERROR would be the word for a NOTIFY or an UPDATE that was obeyed. Gives the response code.
    pub fn ask_for_proof(&self, client: &Client<'_>, now: u64, out: &mut Vec<u8>) -> Rcode {
        let query = &self.query;
        let judged = query.cookie().map(|cookie| client.cookies.judge(cookie, client.address, now));
        let (rcode, cut) = match (query.fault, judged) {
            (Some(fault), _) => (Kind::from(fault).rcode(), false),
            (None, Some(_)) => (Rcode::BadCookie, false),
            (None, None) => (Rcode::NoError, true),
        };
        let ending = Ending { rcode, authoritative: false, error: None, cut, proven: false };
        let cookie = judged.as_ref().map(|judged| &judged.answer);
        Reply::begin(query, out).finish(query, client.transport, ending, cookie);
        rcode
    }
}

/// Answers one message at `now` (Unix seconds): its answer is appended to `out`, or nothing is.
pub fn answer(message: &[u8], client: &Client<'_>, zone: &Zone, now: u64, out: &mut Vec<u8>) -> Outcome {
    let asking = Asking::read(message, zone);
    asking.map_or(Outcome::Silence, |asking| Outcome::Answer(asking.answer(client, zone, now, out)))
}

/// Writes the records that answer `question`.
fn resolve(
    question: Question<'_>,
    place: Option<(Position, usize)>,
    zone: &Zone,
    now: u64,
    reply: &mut Reply<'_>,
    answered: &mut Answered,
) {
    answered.kind = Kind::Foreign;
    let Some((position, offset)) = place else { return };
    let qtype = question.qtype;
    if question.qclass != CLASS_IN {
        return;
    }
    if matches!(qtype, rr_type::AXFR | rr_type::IXFR) {
        answered.kind = Kind::TransferRefused;
        return;
    }
    answered.kind = match position {
        Position::Apex => at_apex(qtype, zone, now, reply),
        Position::List => Kind::NoData,
        Position::Below { scope, spelled } => {
            let spelled = spelled.into_iter().flatten();
            let address = spelled.clone().find_map(Prefix::address);
            // At and below the name of a whole address stands nothing but that address.
            let mut above = spelled.filter(|prefix| prefix.address().is_none());
            match address.and_then(|address| at_address(qtype, scope, address, zone, now, reply, answered)) {
                Some(kind) => kind,
                None if above.any(|prefix| zone.exists(scope, prefix, now)) => Kind::NoData,
                // Not knowing is not "not listed" (G8).
                None => zone.ignorance(scope, now).map_or(Kind::NoName, Kind::from),
            }
        }
    };
    if matches!(answered.kind, Kind::NoData | Kind::NoName) {
        // RFC 2308 §3: with the lesser of the SOA's TTL and its minimum.
        let settings = zone.settings();
        write_soa(Section::Authority, Owner::Apex(offset), settings.ttl.min(settings.minimum), zone, reply);
    }
}

fn at_apex(qtype: u16, zone: &Zone, now: u64, reply: &mut Reply<'_>) -> Kind {
    let settings = zone.settings();
    let apex = Owner::Apex(0);
    match qtype {
        rr_type::SOA => match zone.ignorance_of_evidence(now) {
            Some(ignorance) => return ignorance.into(),
            None => write_soa(Section::Answer, apex, settings.ttl, zone, reply),
        },
        rr_type::NS => {
            for name in &settings.name_servers {
                let write = |out: &mut Vec<u8>| write_name(out, name, zone, apex);
                reply.record(Section::Answer, apex, rr_type::NS, settings.ttl, write);
            }
        }
        rr_type::ANY => write_any(settings.ttl, reply),
        rr_type::TXT if settings.sunset != Sunset::No => {
            reply.record(Section::Answer, apex, rr_type::TXT, settings.ttl, |out| {
                out.push(SUNSET_TEXT.len() as u8);
                out.extend_from_slice(SUNSET_TEXT.as_bytes());
            });
        }
        _ => return Kind::NoData,
    }
    Kind::Apex
}

/// Writes what an address's name holds; `None` if it is no entry, or none that can be believed.
fn at_address(
    qtype: u16,
    scope: Scope,
    address: IpAddr,
    zone: &Zone,
    now: u64,
    reply: &mut Reply<'_>,
    answered: &mut Answered,
) -> Option<Kind> {
    let longest = zone.settings().ttl;
    if let Some(code) = zone.test_value(scope, address) {
        answered.about = about(address);
        match qtype {
            rr_type::A => write_code(code, longest, reply),
            rr_type::TXT => write_text(longest, reply, |out| out.extend_from_slice(TEST_TEXT.as_bytes())),
            rr_type::ANY => write_any(longest, reply),
            _ => return Some(Kind::NoData),
        }
        return Some(Kind::TestEntry);
    }
    let mut listings = zone.listings(scope, address, now);
    let first = listings.next()?;
    // All records of a set live equally long (RFC 2181 §5.2).
    let ttl = listings.clone().fold(first.ttl, |ttl, listing| ttl.min(listing.ttl));
    answered.about = about(address);
    let listings = std::iter::once(first).chain(listings);
    answered.lists = listings.clone().fold(0, |lists, listing| lists | 1 << listing.list);
    match qtype {
        rr_type::A => {
            for (at, listing) in listings.clone().enumerate() {
                // Two entries may have one value; a set holds a record once (RFC 2181 §5).
                if !listings.clone().take(at).any(|earlier| earlier.code == listing.code) {
                    write_code(listing.code, ttl, reply);
                }
            }
        }
        rr_type::TXT => {
            for (at, listing) in listings.clone().enumerate() {
                if !listings.clone().take(at).any(|earlier| zone.says_the_same(&earlier, &listing)) {
                    write_text(ttl, reply, |out| zone.write_text(&listing, address, out));
                }
            }
        }
        rr_type::ANY => write_any(ttl, reply),
        _ => return Some(Kind::NoData),
    }
    Some(Kind::Listed)
}

fn about(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn write_code(code: Code, ttl: u32, reply: &mut Reply<'_>) {
    let octets = code.address().octets();
    reply.record(Section::Answer, Owner::Question, rr_type::A, ttl, |out| out.extend_from_slice(&octets));
}

/// Writes one TXT record of one string.
fn write_text(ttl: u32, reply: &mut Reply<'_>, write: impl FnOnce(&mut Vec<u8>)) {
    reply.record(Section::Answer, Owner::Question, rr_type::TXT, ttl, |out| {
        let length_at = out.len();
        out.push(0);
        write(out);
        // Settings and files keep every text within TEXT_LIMIT.
        out[length_at] = (out.len() - length_at - 1) as u8;
    });
}

fn write_any(ttl: u32, reply: &mut Reply<'_>) {
    reply.record(Section::Answer, Owner::Question, rr_type::HINFO, ttl, |out| out.extend_from_slice(ANY_DATA));
}

fn write_soa(section: Section, apex: Owner, ttl: u32, zone: &Zone, reply: &mut Reply<'_>) {
    let settings = zone.settings();
    reply.record(section, apex, rr_type::SOA, ttl, |out| {
        if let Some(primary) = settings.name_servers.first() {
            write_name(out, primary, zone, apex);
        }
        write_name(out, &settings.contact, zone, apex);
        for field in [zone.serial(), settings.refresh, settings.retry, settings.expire, settings.minimum] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    });
}

/// Appends `name` as record data, compressed against the apex in the question (NS and SOA: RFC 1035 §3.3).
fn write_name(out: &mut Vec<u8>, name: &DomainName, zone: &Zone, apex: Owner) {
    match name.before(&zone.settings().name) {
        Some(labels) => {
            out.extend_from_slice(labels);
            out.extend_from_slice(&apex.pointer());
        }
        None => out.extend_from_slice(name.wire()),
    }
}
