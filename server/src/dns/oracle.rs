//! A second opinion on every answer: hickory-proto writes the questions and reads the answers, and an oracle that
//! writes out all names of a small zone, of evidence and of files, from the text of RFC 5782 and RFC 8020, says what they
//! must be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::Transport;
use super::answer::{Answered, Outcome};
use super::conformance::answer_to;
use crate::zone::{Change, Code, Fixed, FixedBuilder, ListSettings, Value, Zone, ZoneSettings, admitted};
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Exemptions;

const NOW: u64 = 1_800_000_000;
const APEX: [&str; 2] = ["bl", "example"];

type Labels = Vec<String>;

/// A listing or a test entry.
#[derive(Clone, Debug)]
struct Entry {
    /// Its list; none for a test entry.
    list: Option<usize>,
    value: Ipv4Addr,
    /// The most seconds that it may be cached, as far as it says; none for a test entry.
    left: Option<u64>,
    /// What it says instead of its list's words, the address standing between the two.
    text: Option<(&'static str, &'static str)>,
}

/// What one list of a file says of some addresses.
#[derive(Clone, Debug)]
struct FileEntry {
    /// The first address, of either family, as bits; how many follow it, which is 15 at most, or a whole /64.
    first: IpAddr,
    following: u128,
    /// Values with their texts, in the order of the file.
    says: Vec<(&'static str, Option<(&'static str, &'static str)>)>,
}

/// What one list of a file is: nothing if it was never read.
#[derive(Clone, Debug)]
struct File {
    entries: Vec<FileEntry>,
    ttl: Option<u32>,
    expires: Option<u64>,
}

impl File {
    /// Whether it may be believed.
    fn holds(&self) -> bool {
        self.expires.is_none_or(|last| NOW <= last)
    }

    /// What each address says, in order; of entries of one address the last counts. Those of the test entries' names
    /// are no data's (RFC 5782 section 5).
    fn addresses(&self) -> BTreeMap<IpAddr, &FileEntry> {
        let mut addresses = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.following < 16) {
            for at in 0..=entry.following {
                let address = match entry.first {
                    IpAddr::V4(first) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + at as u32)),
                    IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() + at)),
                };
                let is_rules = match address {
                    IpAddr::V4(v4) => v4.is_loopback(),
                    IpAddr::V6(v6) => v6.to_bits() >> 64 == 0,
                };
                if !is_rules && !self.networks().contains_key(&upper_of(address)) {
                    addresses.insert(address, entry);
                }
            }
        }
        addresses
    }

    /// The whole /64s, by their upper halves.
    fn networks(&self) -> BTreeMap<Option<u64>, &FileEntry> {
        let whole = self.entries.iter().filter(|entry| entry.following >= 16);
        whole.map(|entry| (upper_of(entry.first), entry)).filter(|(upper, _)| *upper != Some(0)).collect()
    }

    /// The table that the server makes of it.
    fn fixed(&self) -> Arc<Fixed> {
        let mut builder = FixedBuilder::new(&Exemptions::only([]));
        let mut sets = Vec::new();
        let number = |entry: &FileEntry, sets: &mut Vec<Box<[Value]>>| {
            let value = |(code, text): &(&str, Option<(&str, &str)>)| match (code.parse().unwrap(), text) {
                (code, None) => Value::new(code),
                (code, Some((before, after))) => Value::with_text(code, &[*before, *after], 39).0,
            };
            sets.push(entry.says.iter().map(value).collect());
            (sets.len() - 1) as u16
        };
        let mut six = Vec::new();
        for (address, entry) in self.addresses() {
            match address {
                IpAddr::V4(v4) => builder.four(v4.to_bits(), v4.to_bits(), number(entry, &mut sets)),
                IpAddr::V6(v6) => six.push((v6.to_bits(), v6.to_bits(), entry)),
            }
        }
        for (upper, entry) in self.networks() {
            let first = u128::from(upper.unwrap()) << 64;
            six.push((first, first | u128::from(u64::MAX), entry));
        }
        six.sort_by_key(|(first, ..)| *first);
        for (first, last, entry) in six {
            builder.six(first, last, number(entry, &mut sets));
        }
        Arc::new(builder.finish(sets, self.ttl, self.expires).0)
    }

    /// What an entry of it comes to.
    fn said(&self, list: usize, entry: &FileEntry) -> Vec<Entry> {
        let left = self.expires.map_or(300, |last| last + 1 - NOW).min(self.ttl.map_or(300, u64::from));
        let said = entry.says.iter();
        said.map(|(code, text)| Entry { list: Some(list), value: code.parse().unwrap(), left: Some(left), text: *text })
            .collect()
    }
}

fn upper_of(address: IpAddr) -> Option<u64> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some((v6.to_bits() >> 64) as u64),
    }
}

/// The files of a zone's lists, by list; those that are of evidence have none, and those never read have nothing.
type Files = BTreeMap<usize, Option<File>>;

/// Every name of a zone but those of single IPv6 addresses, each with what is listed there, all in lower case.
struct Oracle {
    names: BTreeMap<Labels, Vec<Entry>>,
    /// The sixteen nibbles of each /64, under which every name of 17 to 32 nibbles exists.
    stems: BTreeMap<Labels, Vec<Entry>>,
    /// The lists of which something is not known (G8), and the combined zone as none.
    unknown: BTreeSet<Option<usize>>,
    /// Whether the publisher was heard of lately.
    fresh: bool,
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
    fn new(lists: &[ListSettings], data: &[(usize, Origin, u64)], files: &Files, fresh: bool) -> Self {
        let mut oracle = Self { names: BTreeMap::new(), stems: BTreeMap::new(), unknown: BTreeSet::new(), fresh };
        oracle.add(labels(std::iter::empty(), &[]), []);
        let combined: Vec<usize> = (0..lists.len()).filter(|list| lists[*list].combined).collect();
        let is_known = |list: &usize| match files.get(list) {
            None => fresh,
            Some(file) => file.as_ref().is_some_and(File::holds),
        };
        oracle.unknown.extend((0..lists.len()).filter(|list| !is_known(list)).map(Some));
        if !combined.iter().all(is_known) || (combined.is_empty() && !fresh) {
            oracle.unknown.insert(None);
        }
        let own = (0..lists.len()).map(|list| (Some(lists[list].label.as_str()), vec![list]));
        for (below, members) in own.chain([(None, combined)]) {
            let below: Vec<&str> = below.into_iter().collect();
            let mut values: Vec<Ipv4Addr> = members.iter().map(|list| lists[*list].code.address()).collect();
            let read: Vec<(usize, &File)> =
                members.iter().filter_map(|list| Some((*list, files.get(list)?.as_ref()?))).collect();
            for (_, file) in &read {
                let used = file.addresses().into_values().chain(file.networks().into_values());
                values.extend(used.flat_map(|entry| &entry.says).map(|says| says.0.parse::<Ipv4Addr>().unwrap()));
            }
            let test = Ipv4Addr::new(127, 0, 0, 2);
            // RFC 5782 section 5: each value answers itself, 127.0.0.2 something in any case.
            for address in values.iter().copied().chain([test]).collect::<BTreeSet<_>>() {
                let value = if values.contains(&address) { address } else { *values.first().unwrap_or(&test) };
                let mapped = address.to_ipv6_mapped().to_bits();
                for name in [labels(octets(address), &below), labels(nibbles(mapped, 32), &below)] {
                    oracle.add(name, [Entry { list: None, value, left: None, text: None }]);
                }
            }
            let listed = |(list, _, until): &&(usize, Origin, u64)| {
                fresh && members.contains(list) && !files.contains_key(list) && *until > NOW
            };
            for (list, origin, until) in data.iter().filter(listed) {
                let left = Some(*until - NOW);
                let entry = Entry { list: Some(*list), value: lists[*list].code.address(), left, text: None };
                match origin {
                    Origin::V4(address) => oracle.add(labels(octets(*address), &below), [entry]),
                    Origin::V6(upper) => {
                        let stem = labels(nibbles(u128::from(*upper), 16), &below);
                        oracle.add(stem.clone(), []);
                        oracle.stems.entry(stem).or_default().push(entry);
                    }
                }
            }
            for (list, file) in read.into_iter().filter(|(_, file)| file.holds()) {
                for (address, entry) in file.addresses() {
                    let name = match address {
                        IpAddr::V4(v4) => labels(octets(v4), &below),
                        IpAddr::V6(v6) => labels(nibbles(v6.to_bits(), 32), &below),
                    };
                    oracle.add(name, file.said(list, entry));
                }
                for (upper, entry) in file.networks() {
                    let stem = labels(nibbles(u128::from(upper.unwrap()), 16), &below);
                    oracle.add(stem.clone(), []);
                    oracle.stems.entry(stem).or_default().extend(file.said(list, entry));
                }
            }
        }
        oracle
    }

    /// Adds a name with all names above it (RFC 8020 section 2: they exist).
    fn add(&mut self, name: Labels, entries: impl IntoIterator<Item = Entry>) {
        for from in 1..name.len().saturating_sub(1) {
            self.names.entry(name[from..].to_vec()).or_default();
        }
        self.names.entry(name).or_default().extend(entries);
    }

    /// What is listed at a name, nothing if it merely exists; `None` if it does not.
    fn find(&self, name: &[String]) -> Option<Vec<Entry>> {
        let mut found = self.names.get(name).cloned();
        for (stem, entries) in &self.stems {
            if let Some(rest) = name.strip_suffix(&stem[..])
                && rest.len() <= 16
                && rest.iter().all(|label| label.len() == 1 && label.as_bytes()[0].is_ascii_hexdigit())
            {
                let at_name = if rest.len() == 16 { &entries[..] } else { &[] };
                found.get_or_insert_default().extend_from_slice(at_name);
            }
        }
        found
    }

    /// Whether a name's own zone, or the combined one, knows who is not listed.
    fn knows(&self, name: &[String], lists: &[ListSettings]) -> bool {
        let below = name.len().checked_sub(3).map(|at| &name[at]);
        let list = lists.iter().position(|list| below.is_some_and(|label| label == list.label.as_str()));
        !self.unknown.contains(&list)
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

/// Files for some of the lists: few values, texts and addresses, so that they meet.
fn files() -> impl Strategy<Value = Files> {
    let code = select(vec!["127.0.0.2", "127.0.0.5", "127.0.0.9", "127.0.0.20", "127.200.3.4"]);
    let text = select(vec![("On account of ", "."), ("Full stop", ""), ("", "")]);
    let says = prop::collection::vec((code, prop::option::of(text)), 1..4);
    let four = (v4(), 0u128..4).prop_map(|(first, following)| (IpAddr::V4(first), following));
    let six = (upper(), select(vec![0u64, 1, 0xbeef, u64::MAX - 15]), select(vec![0u128, 1, 15]));
    let six = six.prop_map(|(upper, lower, following)| {
        (IpAddr::V6(Ipv6Addr::from_bits(u128::from(upper | 1 << 32) << 64 | u128::from(lower))), following)
    });
    let whole = upper()
        .prop_map(|upper| (IpAddr::V6(Ipv6Addr::from_bits(u128::from(upper | 1 << 32) << 64)), u128::from(u64::MAX)));
    let rules = select(vec!["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1", "::ffff:9.9.9.9", "::2"]);
    let rules = rules.prop_map(|text| (text.parse().unwrap(), 1));
    let place = prop_oneof![4 => four, 2 => six, 1 => whole, 1 => rules];
    // The last address of IPv4 has none behind it.
    let place = place.prop_map(|(first, following)| match first {
        IpAddr::V4(v4) => (first, following.min(u128::from(u32::MAX - v4.to_bits()))),
        IpAddr::V6(_) => (first, following),
    });
    let entry = (place, says).prop_map(|((first, following), says)| FileEntry { first, following, says });
    let file = (
        prop::collection::vec(entry, 0..6),
        prop::option::of(select(vec![1u32, 60, 86_400])),
        prop::option::of(select(vec![0, NOW - 1, NOW, NOW + 40, u64::MAX - 1])),
    )
        .prop_map(|(entries, ttl, expires)| File { entries, ttl, expires });
    let file = prop::option::weighted(0.85, file);
    prop::collection::btree_map(0usize..4, file, 0..3)
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
    File(Index),
    Any(Origin),
    Test(u8),
    Mapped(u8),
    Nothing,
}

fn asking() -> impl Strategy<Value = Asking> {
    let source = prop_oneof![
        4 => any::<Index>().prop_map(Source::Entry),
        4 => any::<Index>().prop_map(Source::File),
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
    fn name(&self, lists: &[ListSettings], data: &Data, files: &Files) -> Labels {
        let spelled = |origin: &Origin| -> Labels {
            match origin {
                Origin::V4(address) => octets(*address).collect(),
                Origin::V6(upper) => nibbles(u128::from(*upper) << 64 | u128::from(self.lower), 32).collect(),
            }
        };
        let of_files: Vec<&FileEntry> = files.values().flatten().flat_map(|file| &file.entries).collect();
        let quad = |last: &u8| Ipv4Addr::new(127, 0, 0, *last);
        let mut name = match &self.source {
            Source::Entry(_) if data.is_empty() => Labels::new(),
            Source::Entry(at) => spelled(&at.get(data).1),
            Source::File(_) if of_files.is_empty() => Labels::new(),
            Source::File(at) => {
                // One of its addresses, or the one behind it.
                let entry = at.get(&of_files);
                let offset = u128::from(self.lower) % entry.following.saturating_add(2);
                match entry.first {
                    IpAddr::V4(first) => {
                        octets(Ipv4Addr::from_bits(first.to_bits().wrapping_add(offset as u32))).collect()
                    }
                    IpAddr::V6(first) => nibbles(first.to_bits().wrapping_add(offset), 32).collect(),
                }
            }
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

fn zone(lists: &[ListSettings], data: &Data, files: &Files) -> Zone {
    let change =
        |(list, origin, until): &(usize, Origin, u64)| Change::List { list: *list, entry: admitted(*origin, *until) };
    let changes: Vec<_> = data.iter().map(change).collect();
    let zone = Zone::empty(ZoneSettings::default(), lists.to_vec()).unwrap();
    zone.heard_from(NOW);
    let read = files.iter().filter_map(|(list, file)| Some((*list, file.as_ref()?)));
    read.fold(zone.with(7, &changes), |zone, (list, file)| zone.with_file(list, file.fixed()))
}

/// Lists of which some are files, as far as there are so many.
fn with_files(mut lists: Vec<ListSettings>, mut files: Files) -> (Vec<ListSettings>, Files) {
    files.retain(|list, _| *list < lists.len());
    for list in files.keys() {
        lists[*list].from_file = true;
    }
    (lists, files)
}

/// A version lists an origin once per list, the last time it says so.
fn settled(lists: usize, data: Data) -> Data {
    let map: BTreeMap<_, _> = data.into_iter().map(|(list, origin, until)| ((list % lists, origin), until)).collect();
    map.into_iter().map(|((list, origin), until)| (list, origin, until)).collect()
}

/// Response code, whether the answer is authoritative, and its records as (type, TTL, data).
type Expected = (ResponseCode, bool, Vec<(RecordType, u64, String)>);

fn expected(asking: &Asking, name: &Labels, oracle: &Oracle, lists: &[ListSettings]) -> Expected {
    let code = |code| (code, false, Vec::new());
    let in_zone = name.iter().rev().zip(APEX.iter().rev()).filter(|(one, other)| *one == *other).count() == 2;
    if !in_zone || asking.qtype == RecordType::AXFR {
        return code(ResponseCode::Refused);
    }
    let at_apex = name.len() == 2;
    let known = oracle.knows(name, lists);
    if !oracle.fresh && at_apex && asking.qtype == RecordType::SOA {
        return code(ResponseCode::ServFail);
    }
    let Some(entries) = oracle.find(name) else {
        return if known { (ResponseCode::NXDomain, true, Vec::new()) } else { code(ResponseCode::ServFail) };
    };
    let left = entries.iter().filter_map(|entry| entry.left).min().unwrap_or(300).min(300);
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
            let values: BTreeSet<_> = entries.iter().map(|entry| entry.value).collect();
            records.extend(values.into_iter().map(|value| (RecordType::A, left, value.to_string())));
        }
        RecordType::TXT => {
            let address = address(name, lists);
            let text = |entry: &Entry| match (entry.text, entry.list) {
                (Some((before, after)), _) => format!("{before}{address}{after}"),
                (None, None) => "Test entry of this blocklist (RFC 5782 section 5). It lists no host.".to_owned(),
                (None, Some(list)) => format!(
                    "Listed in {}: {address} is on this list. See http://127.0.0.1:8080/address/{address}",
                    lists[list].label
                ),
            };
            let texts: BTreeSet<String> = entries.iter().map(text).collect();
            records.extend(texts.into_iter().map(|text| (RecordType::TXT, left, text)));
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
        files in files(),
        askings in prop::collection::vec(asking(), 1..24),
        fresh in prop::bool::weighted(0.8),
    ) {
        let (lists, files) = with_files(lists, files);
        let data = settled(lists.len(), data);
        let zone = zone(&lists, &data, &files);
        if !fresh {
            zone.heard_from(NOW - 4000);
        }
        let oracle = Oracle::new(&lists, &data, &files, fresh);
        let mut out = Vec::new();
        for asking in askings {
            let name = asking.name(&lists, &data, &files);
            let query = asking.query(&name);
            for transport in Transport::ALL {
                out.clear();
                let outcome = answer_to(&query, transport, &zone, NOW, &mut out);
                let message = Message::from_vec(&out).expect("a parser that is not ours reads our answers");
                let (code, authoritative, records) = got(&message);
                let (mut wanted, truncated) = (expected(&asking, &name, &oracle, &lists), message.metadata.truncation);
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
                // ATTACKS E08.
                prop_assert!(transport != Transport::Udp || out.len() + 28 <= 4 * (query.len() + 28));
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
        files in files(),
        asking in asking(),
        mutations in prop::collection::vec((any::<Index>(), any::<u8>(), 0u8..4), 1..6),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (lists, files) = with_files(lists, files);
        let data = settled(lists.len(), data);
        let zone = zone(&lists, &data, &files);
        let mut query = asking.query(&asking.name(&lists, &data, &files));
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
        let zone = zone(&[ListSettings::spam()], &vec![(0, Origin::V6(1 << 60), u64::MAX)], &Files::new());
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
