//! The one answer that every transport gives: query bytes, zone and instant in, answer bytes out.
//!
//! It is pure, never panics, and needs no memory but `out`, which the caller reuses. Any A record is a listing to a
//! client, so none says anything else: errors, age and ignorance are response codes (RFC 5782 §6, G8).
//!
//! **A zone too old to trust** ([`Zone::is_too_old`]) answers SERVFAIL wherever the answer depends on what is listed.
//! What the rules alone decide is answered all the same: the test entries, which survive every freeze (RFC 5782 §5),
//! and that the names above them exist, without which a resolver that minimises names (RFC 9156) would not get there.
//! The SOA is not: a foreign secondary that reads it would take our silence for news, and never let the zone expire.
//! The extended error is Invalid Data, which RFC 8914 §4.25 gives for a zone "too old or having expired", or Not Ready
//! (§4.15) if the publisher was never heard of. Stale Answer would be wrong: nothing stale is given.
//!
//! Transfers are refused (their own module serves them, to whom it knows), and there is no recursion (RFC 5358).

use std::io::Write;
use std::net::IpAddr;

use super::Transport;
pub use super::message::Rcode;
use super::message::{CLASS_IN, Ending, ExtendedError, Fault, Owner, Query, Question, Reply, Section};
use super::message::{rr_type, write_name};
use super::position::{Position, locate};
use crate::zone::{ADDRESS, Code, Scope, Zone};

/// The TXT record of a test entry; it names no address, since it lists none.
pub const TEST_TEXT: &str = "Test entry of this blocklist (RFC 5782 section 5). It lists no host.";
/// The HINFO record that answers ANY: CPU "RFC8482" and an empty OS (RFC 8482 §4.2).
const ANY_DATA: &[u8] = b"\x07RFC8482\x00";

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was no query, and gets no answer.
    Silence,
    /// `out` holds its answer.
    Answer {
        /// What kind of answer it is.
        kind: Kind,
        /// What it asked for.
        asked: Asked,
        /// Whether the answer did not fit and lost its records (TC).
        truncated: bool,
    },
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
    /// The query broke the grammar.
    Malformed,
    /// The message was no standard query.
    UnknownOpcode,
    /// The query spoke an EDNS version that we do not.
    UnknownVersion,
}

impl Kind {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 12] = [
        Self::Listed,
        Self::TestEntry,
        Self::Apex,
        Self::NoData,
        Self::NoName,
        Self::TooOld,
        Self::NotReady,
        Self::Foreign,
        Self::TransferRefused,
        Self::Malformed,
        Self::UnknownOpcode,
        Self::UnknownVersion,
    ];

    /// The response code that goes with it.
    pub const fn rcode(self) -> Rcode {
        match self {
            Self::Listed | Self::TestEntry | Self::Apex | Self::NoData => Rcode::NoError,
            Self::NoName => Rcode::NxDomain,
            Self::TooOld | Self::NotReady => Rcode::ServFail,
            Self::Foreign | Self::TransferRefused => Rcode::Refused,
            Self::Malformed => Rcode::FormErr,
            Self::UnknownOpcode => Rcode::NotImp,
            Self::UnknownVersion => Rcode::BadVers,
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
            Self::Malformed => "malformed",
            Self::UnknownOpcode => "unknown-opcode",
            Self::UnknownVersion => "unknown-version",
        }
    }

    fn ending(self) -> Ending {
        let rcode = self.rcode();
        let error = match self {
            Self::TooOld => Some(ExtendedError::InvalidData),
            Self::NotReady => Some(ExtendedError::NotReady),
            Self::Foreign => Some(ExtendedError::NotAuthoritative),
            Self::TransferRefused => Some(ExtendedError::Prohibited),
            _ => None,
        };
        Ending { rcode, authoritative: matches!(rcode, Rcode::NoError | Rcode::NxDomain), error }
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

/// Answers one message at `now` (Unix seconds): `out` then holds the answer and nothing else, or nothing at all.
pub fn answer(query: &[u8], transport: Transport, zone: &Zone, now: u64, out: &mut Vec<u8>) -> Outcome {
    let Some(query) = Query::read(query) else {
        out.clear();
        return Outcome::Silence;
    };
    let mut reply = Reply::start(&query, out);
    let kind = match (query.fault, query.question) {
        (Some(fault), _) => fault.into(),
        (None, Some(question)) => resolve(question, zone, now, &mut reply),
        (None, None) => Kind::Malformed,
    };
    let truncated = reply.finish(&query, transport, kind.ending());
    Outcome::Answer { kind, asked: Asked::of(query.question), truncated }
}

/// Writes the records that answer `question`.
fn resolve(question: Question<'_>, zone: &Zone, now: u64, reply: &mut Reply<'_>) -> Kind {
    let Some((position, offset)) = locate(question.name, zone) else { return Kind::Foreign };
    let qtype = question.qtype;
    if question.qclass != CLASS_IN {
        return Kind::Foreign;
    }
    if matches!(qtype, rr_type::AXFR | rr_type::IXFR) {
        return Kind::TransferRefused;
    }
    let kind = match position {
        Position::Apex => at_apex(qtype, zone, now, reply),
        Position::List => Kind::NoData,
        Position::Below { scope, spelled } => {
            let mut spelled = spelled.into_iter().flatten();
            let address = spelled.clone().find_map(|prefix| prefix.address());
            let entry = address.and_then(|address| at_address(qtype, scope, address, zone, now, reply));
            match entry {
                Some(kind) => kind,
                None if spelled.clone().any(|prefix| zone.leads_to_test(scope, prefix)) => Kind::NoData,
                None if zone.is_too_old(now) => unbelievable(zone),
                None if spelled.any(|prefix| zone.exists(scope, prefix, now)) => Kind::NoData,
                None => Kind::NoName,
            }
        }
    };
    if matches!(kind, Kind::NoData | Kind::NoName) {
        // RFC 2308 §3: with the lesser of the SOA's TTL and its minimum.
        let settings = zone.settings();
        write_soa(Section::Authority, Owner::Apex(offset), settings.ttl.min(settings.minimum), zone, reply);
    }
    kind
}

fn unbelievable(zone: &Zone) -> Kind {
    if zone.last_heard().is_some() { Kind::TooOld } else { Kind::NotReady }
}

fn at_apex(qtype: u16, zone: &Zone, now: u64, reply: &mut Reply<'_>) -> Kind {
    let settings = zone.settings();
    let apex = Owner::Apex(0);
    match qtype {
        rr_type::SOA if zone.is_too_old(now) => return unbelievable(zone),
        rr_type::SOA => write_soa(Section::Answer, apex, settings.ttl, zone, reply),
        rr_type::NS => {
            for name in &settings.name_servers {
                let write = |out: &mut Vec<u8>| write_name(out, name, &settings.name, apex);
                reply.record(Section::Answer, apex, rr_type::NS, settings.ttl, write);
            }
        }
        rr_type::ANY => write_any(settings.ttl, reply),
        _ => return Kind::NoData,
    }
    Kind::Apex
}

/// Writes what an address's name holds; `None` if it is no entry, or none that can be believed.
fn at_address(qtype: u16, scope: Scope, address: IpAddr, zone: &Zone, now: u64, reply: &mut Reply<'_>) -> Option<Kind> {
    let longest = zone.settings().ttl;
    if let Some(code) = zone.test_value(scope, address) {
        match qtype {
            rr_type::A => write_code(code, longest, reply),
            rr_type::TXT => write_text(TEST_TEXT, address, longest, reply),
            rr_type::ANY => write_any(longest, reply),
            _ => return Some(Kind::NoData),
        }
        return Some(Kind::TestEntry);
    }
    if zone.is_too_old(now) {
        return None;
    }
    let listings = zone.listings(scope, address, now);
    let until = listings.clone().map(|listing| listing.until).min()?;
    // No record outlives a listing (G8), and all records of a set live equally long (RFC 2181 §5.2).
    let ttl = u32::try_from(until - now).map_or(longest, |left| left.min(longest));
    match qtype {
        rr_type::A => {
            let code = |list: usize| zone.lists()[list].code;
            for (at, listing) in listings.clone().enumerate() {
                let code_here = code(listing.list);
                // Two lists may share a value; a set holds a record once (RFC 2181 §5).
                if !listings.clone().take(at).any(|earlier| code(earlier.list) == code_here) {
                    write_code(code_here, ttl, reply);
                }
            }
        }
        rr_type::TXT => listings.for_each(|listing| write_text(zone.text(listing.list), address, ttl, reply)),
        rr_type::ANY => write_any(ttl, reply),
        _ => return Some(Kind::NoData),
    }
    Some(Kind::Listed)
}

fn write_code(code: Code, ttl: u32, reply: &mut Reply<'_>) {
    let octets = code.address().octets();
    reply.record(Section::Answer, Owner::Question, rr_type::A, ttl, |out| out.extend_from_slice(&octets));
}

/// Writes one TXT record of one string, in which the address takes the place of [`ADDRESS`].
fn write_text(text: &str, address: IpAddr, ttl: u32, reply: &mut Reply<'_>) {
    reply.record(Section::Answer, Owner::Question, rr_type::TXT, ttl, |out| {
        let length_at = out.len();
        out.push(0);
        for (at, piece) in text.split(ADDRESS).enumerate() {
            if at > 0 {
                // RFC 5952 is how the standard library writes addresses; a v4-mapped one keeps its dotted end.
                write!(out, "{address}").expect("a vector takes what is written");
            }
            out.extend_from_slice(piece.as_bytes());
        }
        // The zone's settings keep every text within TEXT_LIMIT.
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
            write_name(out, primary, &settings.name, apex);
        }
        write_name(out, &settings.contact, &settings.name, apex);
        for field in [zone.serial(), settings.refresh, settings.retry, settings.expire, settings.minimum] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    });
}
