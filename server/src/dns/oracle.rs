//! A second opinion on every answer: hickory-proto writes the questions and reads the answers, and an oracle that
//! writes out all names of a small zone, from the text of RFC 5782 and RFC 8020, says what they must be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::Transport;
use super::answer::{Answered, Outcome};
use super::conformance::answer_to;
use crate::zone::{Change, Code, ListSettings, Zone, ZoneSettings, admitted};
use firsthand_analyzer::address::Origin;

const NOW: u64 = 1_800_000_000;
const APEX: [&str; 2] = ["bl", "example"];

type Labels = Vec<String>;

/// A listing or a test entry: list, value, and seconds left (none for a test entry).
type Entry = (Option<usize>, Ipv4Addr, Option<u64>);

/// Every name of a zone but those of single IPv6 addresses, each with what is listed there, all in lower case.
struct Oracle {
    names: BTreeMap<Labels, Vec<Entry>>,
    /// The sixteen nibbles of each /64, under which every name of 17 to 32 nibbles exists.
    stems: BTreeMap<Labels, Vec<Entry>>,
}

fn labels(parts: impl Iterator<Item = String>, below: &[&str]) -> Labels {
    parts.chain(below.iter().chain(&APEX).map(|label| (*label).to_owned())).collect()
}

fn octets(address: Ipv4Addr) -> impl Iterator<Item = String> {
    address.octets().into_iter().rev().map(|octet| octet.to_string())
}

fn nibbles(bits: u128, count: u32) -> impl Iterator<Item = String> {
    (0..count).map(move |at| format!("{:x}", bits >> (4 * at) & 15))
}

impl Oracle {
    fn new(lists: &[ListSettings], data: &[(usize, Origin, u64)]) -> Self {
        let mut oracle = Self { names: BTreeMap::new(), stems: BTreeMap::new() };
        oracle.add(labels(std::iter::empty(), &[]), None);
        let combined: Vec<usize> = (0..lists.len()).filter(|list| lists[*list].combined).collect();
        let own = (0..lists.len()).map(|list| (Some(lists[list].label.as_str()), vec![list]));
        for (below, members) in own.chain([(None, combined)]) {
            let below: Vec<&str> = below.into_iter().collect();
            let values: Vec<Ipv4Addr> = members.iter().map(|list| lists[*list].code.address()).collect();
            let test = Ipv4Addr::new(127, 0, 0, 2);
            // RFC 5782 section 5: each value answers itself, 127.0.0.2 something in any case.
            for address in values.iter().copied().chain([test]).collect::<BTreeSet<_>>() {
                let value = if values.contains(&address) { address } else { *values.first().unwrap_or(&test) };
                let mapped = address.to_ipv6_mapped().to_bits();
                for name in [labels(octets(address), &below), labels(nibbles(mapped, 32), &below)] {
                    oracle.add(name, Some((None, value, None)));
                }
            }
            for (list, origin, until) in data.iter().filter(|(list, _, until)| members.contains(list) && *until > NOW) {
                let entry = (Some(*list), lists[*list].code.address(), Some(*until - NOW));
                match origin {
                    Origin::V4(address) => oracle.add(labels(octets(*address), &below), Some(entry)),
                    Origin::V6(upper) => {
                        let stem = labels(nibbles(u128::from(*upper), 16), &below);
                        oracle.add(stem.clone(), None);
                        oracle.stems.entry(stem).or_default().push(entry);
                    }
                }
            }
        }
        oracle
    }

    /// Adds a name with all names above it (RFC 8020 section 2: they exist).
    fn add(&mut self, name: Labels, entry: Option<Entry>) {
        for from in 1..name.len().saturating_sub(1) {
            self.names.entry(name[from..].to_vec()).or_default();
        }
        self.names.entry(name).or_default().extend(entry);
    }

    /// What is listed at a name, nothing if it merely exists; `None` if it does not.
    fn find(&self, name: &[String]) -> Option<Vec<Entry>> {
        if let Some(entries) = self.names.get(name) {
            return Some(entries.clone());
        }
        for (stem, entries) in &self.stems {
            if let Some(rest) = name.strip_suffix(&stem[..])
                && rest.len() <= 16
                && rest.iter().all(|label| label.len() == 1 && label.as_bytes()[0].is_ascii_hexdigit())
            {
                return Some(if rest.len() == 16 { entries.clone() } else { Vec::new() });
            }
        }
        None
    }
}

fn v4() -> impl Strategy<Value = Ipv4Addr> {
    prop::array::uniform4(select(vec![0u8, 1, 2, 9, 10, 126, 128, 255])).prop_map(Ipv4Addr::from)
}

/// Uppers of few nibbles, so that names of both families meet.
fn upper() -> impl Strategy<Value = u64> {
    let nibble = select(vec![0u64, 0, 1, 2, 9, 0xa]);
    prop::collection::vec(nibble, 16)
        .prop_map(|nibbles| nibbles.into_iter().fold(1, |upper, nibble| upper << 4 | nibble))
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![v4().prop_map(Origin::V4), upper().prop_map(|upper| Origin::V6(upper | 1 << 32))]
}

fn lists() -> impl Strategy<Value = Vec<ListSettings>> {
    let labels = ["spam", "ab", "1a", "x-9", "backscatter"];
    let list = (
        0usize..2,
        select(vec!["127.0.0.2", "127.0.0.5", "127.0.0.20", "127.1.0.1", "127.255.255.255"]),
        any::<bool>(),
    );
    prop::collection::vec(list, 1..=4).prop_map(move |lists| {
        let made = lists.into_iter().enumerate().map(|(at, (skip, code, combined))| {
            let code: Code = code.parse().unwrap();
            (labels[at + skip], code, combined)
        });
        // Of lists with one label, the first stays.
        let mut seen = BTreeSet::new();
        let made = made.filter(|(label, ..)| seen.insert(*label));
        made.map(|(label, code, combined)| ListSettings::of_evidence(label.parse().unwrap(), code, combined)).collect()
    })
}

type Data = Vec<(usize, Origin, u64)>;

fn data() -> impl Strategy<Value = Data> {
    let until = || select(vec![0, NOW - 1, NOW, NOW + 1, NOW + 299, NOW + 301, u64::MAX]);
    let listed = (0usize..4, origin(), until(), prop::option::of((0usize..4, until())));
    prop::collection::vec(listed, 0..10).prop_map(|listed| {
        // Some origins stand in two lists, until different times.
        let twice = |(list, origin, until, again): (usize, Origin, u64, Option<(usize, u64)>)| {
            [(list, origin, until)].into_iter().chain(again.map(|(list, until)| (list, origin, until)))
        };
        listed.into_iter().flat_map(twice).collect()
    })
}

/// The parts of a question: where its address comes from, and what is done to its name.
#[derive(Clone, Debug)]
struct Asking {
    source: Source,
    lower: u64,
    cut: usize,
    junk: Option<&'static str>,
    below: Option<Index>,
    apex: Option<&'static [&'static str]>,
    case: u64,
    qtype: RecordType,
    payload: Option<u16>,
}

#[derive(Clone, Debug)]
enum Source {
    Entry(Index),
    Any(Origin),
    Test(u8),
    Mapped(u8),
    Nothing,
}

fn asking() -> impl Strategy<Value = Asking> {
    let source = prop_oneof![
        4 => any::<Index>().prop_map(Source::Entry),
        2 => origin().prop_map(Source::Any),
        1 => select(vec![0u8, 1, 2, 5, 20]).prop_map(Source::Test),
        1 => select(vec![0u8, 1, 2, 5, 20]).prop_map(Source::Mapped),
        1 => Just(Source::Nothing),
    ];
    let junk = vec!["x", "0", "f", "00", "256", "127", "02", "-", "*", "spam", "ab", "\u{7f}"];
    let apex: Vec<&'static [&'static str]> =
        vec![&[], &["example"], &["bl", "test"], &["xbl", "example"], &["l", "example"]];
    let types = [
        RecordType::A,
        RecordType::TXT,
        RecordType::ANY,
        RecordType::SOA,
        RecordType::NS,
        RecordType::AAAA,
        RecordType::MX,
        RecordType::AXFR,
        RecordType::HINFO,
    ];
    (
        source,
        select(vec![0, 1, 0xbeef, u64::MAX]),
        prop_oneof![3 => Just(0usize), 2 => 0usize..32],
        prop::option::weighted(0.2, select(junk)),
        prop::option::weighted(0.5, any::<Index>()),
        prop::option::weighted(0.05, select(apex)),
        prop_oneof![Just(0), any::<u64>()],
        select(types.to_vec()),
        prop::option::of(any::<u16>()),
    )
        .prop_map(|(source, lower, cut, junk, below, apex, case, qtype, payload)| Asking {
            source,
            lower,
            cut,
            junk,
            below,
            apex,
            case,
            qtype,
            payload,
        })
}

impl Asking {
    fn name(&self, lists: &[ListSettings], data: &Data) -> Labels {
        let spelled = |origin: &Origin| -> Labels {
            match origin {
                Origin::V4(address) => octets(*address).collect(),
                Origin::V6(upper) => nibbles(u128::from(*upper) << 64 | u128::from(self.lower), 32).collect(),
            }
        };
        let quad = |last: &u8| Ipv4Addr::new(127, 0, 0, *last);
        let mut name = match &self.source {
            Source::Entry(_) if data.is_empty() => Labels::new(),
            Source::Entry(at) => spelled(&at.get(data).1),
            Source::Any(origin) => spelled(origin),
            Source::Test(last) => octets(quad(last)).collect(),
            Source::Mapped(last) => nibbles(quad(last).to_ipv6_mapped().to_bits(), 32).collect(),
            Source::Nothing => Labels::new(),
        };
        name.drain(..self.cut.min(name.len()));
        if let Some(junk) = self.junk {
            name.insert(0, junk.to_owned());
        }
        name.extend(self.below.map(|at| at.get(lists).label.to_string()));
        name.extend(self.apex.unwrap_or(&APEX).iter().map(|label| (*label).to_owned()));
        name
    }

    fn query(&self, name: &Labels) -> Vec<u8> {
        let mut bit = 0;
        let cased = name.iter().map(|label| {
            let turn = |letter: char| {
                bit += 1;
                if self.case >> (bit % 64) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
            };
            label.chars().map(turn).collect::<String>().into_bytes()
        });
        let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(Name::from_labels(cased).unwrap(), self.qtype));
        if let Some(payload) = self.payload {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            message.set_edns(edns);
        }
        message.to_vec().unwrap()
    }
}

fn zone(lists: &[ListSettings], data: &Data) -> Zone {
    let change =
        |(list, origin, until): &(usize, Origin, u64)| Change::List { list: *list, entry: admitted(*origin, *until) };
    let changes: Vec<_> = data.iter().map(change).collect();
    let zone = Zone::empty(ZoneSettings::default(), lists.to_vec()).unwrap();
    zone.heard_from(NOW);
    zone.with(7, &changes)
}

/// A version lists an origin once per list, the last time it says so.
fn settled(lists: usize, data: Data) -> Data {
    let map: BTreeMap<_, _> = data.into_iter().map(|(list, origin, until)| ((list % lists, origin), until)).collect();
    map.into_iter().map(|((list, origin), until)| (list, origin, until)).collect()
}

/// Response code, whether the answer is authoritative, and its records as (type, TTL, data).
type Expected = (ResponseCode, bool, Vec<(RecordType, u64, String)>);

fn expected(asking: &Asking, name: &Labels, oracle: &Oracle, lists: &[ListSettings], fresh: bool) -> Expected {
    let code = |code| (code, false, Vec::new());
    let in_zone = name.iter().rev().zip(APEX.iter().rev()).filter(|(one, other)| *one == *other).count() == 2;
    if !in_zone || asking.qtype == RecordType::AXFR {
        return code(ResponseCode::Refused);
    }
    let at_apex = name.len() == 2;
    if !fresh && at_apex && asking.qtype == RecordType::SOA {
        return code(ResponseCode::ServFail);
    }
    let Some(entries) = oracle.find(name) else {
        return if fresh { (ResponseCode::NXDomain, true, Vec::new()) } else { code(ResponseCode::ServFail) };
    };
    let left = entries.iter().filter_map(|entry| entry.2).min().unwrap_or(300).min(300);
    let mut records = Vec::new();
    match asking.qtype {
        RecordType::SOA if at_apex => {
            records.push((RecordType::SOA, 300, "ns.example. hostmaster.bl.example. 7 600 300 86400 60".to_owned()));
        }
        RecordType::NS if at_apex => records.push((RecordType::NS, 300, "ns.example.".to_owned())),
        RecordType::ANY if at_apex || !entries.is_empty() => {
            records.push((RecordType::HINFO, left, "RFC8482 ".to_owned()));
        }
        RecordType::A => {
            let values: BTreeSet<_> = entries.iter().map(|entry| entry.1).collect();
            records.extend(values.into_iter().map(|value| (RecordType::A, left, value.to_string())));
        }
        RecordType::TXT => {
            let address = address(name, lists);
            records.extend(entries.iter().map(|entry| {
                let text = match entry.0 {
                    None => "Test entry of this blocklist (RFC 5782 section 5). It lists no host.".to_owned(),
                    Some(list) => format!(
                        "Listed in {}: {address} is on this list. See http://127.0.0.1:8080/address/{address}",
                        lists[list].label
                    ),
                };
                (RecordType::TXT, left, text)
            }));
        }
        _ => {}
    }
    records.sort();
    (ResponseCode::NoError, true, records)
}

/// The address that a name of four octets or 32 nibbles spells.
fn address(name: &Labels, lists: &[ListSettings]) -> String {
    let mut spelled: Vec<&str> = name[..name.len() - 2].iter().map(String::as_str).collect();
    if spelled.last().is_some_and(|last| lists.iter().any(|list| list.label.as_str() == *last)) {
        spelled.pop();
    }
    spelled.reverse();
    let address: Option<IpAddr> = match spelled.len() {
        4 => spelled.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        32 => u128::from_str_radix(&spelled.concat(), 16).ok().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        _ => None,
    };
    address.map(|address| address.to_string()).unwrap_or_default()
}

fn got(message: &Message) -> Expected {
    let show = |record: &hickory_proto::rr::Record| {
        let data = match &record.data {
            RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(),
            data => data.to_string().to_lowercase().replace("rfc8482", "RFC8482"),
        };
        (record.record_type(), u64::from(record.ttl), data)
    };
    let mut records: Vec<_> = message.answers.iter().map(show).collect();
    records.sort();
    (message.metadata.response_code, message.metadata.authoritative, records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Whatever is asked of whatever zone, fresh or old: code, flags, records and TTLs are those of the oracle.
    #[test]
    fn every_answer_is_the_oracles(
        lists in lists(),
        data in data(),
        askings in prop::collection::vec(asking(), 1..24),
        fresh in prop::bool::weighted(0.8),
    ) {
        let data = settled(lists.len(), data);
        let zone = zone(&lists, &data);
        if !fresh {
            zone.heard_from(NOW - 4000);
        }
        let oracle = Oracle::new(&lists, if fresh { &data } else { &[] });
        let mut out = Vec::new();
        for asking in askings {
            let name = asking.name(&lists, &data);
            let query = asking.query(&name);
            for transport in Transport::ALL {
                out.clear();
                let outcome = answer_to(&query, transport, &zone, NOW, &mut out);
                let message = Message::from_vec(&out).expect("a parser that is not ours reads our answers");
                let (code, authoritative, records) = got(&message);
                let (mut wanted, truncated) = (expected(&asking, &name, &oracle, &lists, fresh), message.metadata.truncation);
                if truncated {
                    prop_assert_eq!(transport, Transport::Udp);
                    wanted.2.clear();
                }
                prop_assert_eq!(&(code, authoritative, records), &wanted, "{:?} {}", name.join("."), asking.qtype);
                // RFC 2308 section 3: the SOA goes with every answer that has nothing, and with no other.
                let negative = authoritative && message.answers.is_empty() && !truncated;
                let authority: Vec<_> = message.authorities.iter().map(|soa| (soa.record_type(), soa.ttl)).collect();
                prop_assert_eq!(authority, if negative { vec![(RecordType::SOA, 60)] } else { vec![] });
                prop_assert_eq!(message.edns.is_some(), asking.payload.is_some());
                prop_assert_eq!(&out[12..12 + question_length(&query)], &query[12..12 + question_length(&query)]);
                let limit = asking.payload.map_or(512, |payload| payload.clamp(512, 1232));
                prop_assert!(transport != Transport::Udp || out.len() <= usize::from(limit));
                let Outcome::Answer(Answered { kind, truncated: told, .. }) = outcome else { panic!("a query was not answered") };
                prop_assert_eq!((kind.rcode() as u16, told), (u16::from(code), truncated));
            }
        }
    }

    /// Mutilated queries: no panic, and whatever is answered is a response that a parser reads, to the same id.
    #[test]
    fn mutilated_queries_get_sound_answers(
        lists in lists(),
        data in data(),
        asking in asking(),
        mutations in prop::collection::vec((any::<Index>(), any::<u8>(), 0u8..4), 1..6),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let data = settled(lists.len(), data);
        let zone = zone(&lists, &data);
        let mut query = asking.query(&asking.name(&lists, &data));
        for (at, byte, way) in mutations {
            let at = at.index(query.len());
            match way {
                0 => query[at] = byte,
                1 => query[at] ^= 1 << (byte % 8),
                2 => query.truncate(at.max(1)),
                _ => query.extend_from_slice(&rest),
            }
        }
        check_any(&query, &zone)?;
    }

    /// Random bytes never panic (house rule 11), behind a header that asks one question or behind none.
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..700), header in any::<bool>()) {
        let zone = zone(&[ListSettings::spam()], &vec![(0, Origin::V6(1 << 60), u64::MAX)]);
        let bytes = if header { [&[1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1][..], &bytes].concat() } else { bytes };
        check_any(&bytes, &zone)?;
    }
}

fn check_any(query: &[u8], zone: &Zone) -> Result<(), TestCaseError> {
    let mut out = Vec::new();
    for transport in Transport::ALL {
        out.clear();
        let outcome = answer_to(query, transport, zone, NOW, &mut out);
        let silent = query.len() < 12 || query[2] & 0x80 != 0;
        prop_assert_eq!(outcome == Outcome::Silence, silent);
        prop_assert_eq!(out.is_empty(), silent);
        if !silent {
            let message = Message::from_vec(&out).expect("a parser that is not ours reads our answers");
            prop_assert_eq!(message.metadata.id.to_be_bytes(), [query[0], query[1]]);
            prop_assert_eq!(message.metadata.message_type, MessageType::Response);
            prop_assert!(transport != Transport::Udp || out.len() <= 1232);
        }
    }
    Ok(())
}

fn question_length(query: &[u8]) -> usize {
    let mut at = 12;
    while query[at] != 0 {
        at += 1 + usize::from(query[at]);
    }
    at + 5 - 12
}
