//! The laws of answers, by fuzzing: whatever arrives, the answer is the one that a reading of the query by hickory-proto
//! and a reading of its name by the text of RFC 5782 and RFC 8020 call for, in sections, sizes and times within bounds;
//! and what is refused is refused for a reason that is written down here.
//!
//! The first byte chooses the zone, the transport and whether the client may ask. Then comes the message as it is; or,
//! if the byte's top bit is set, what a well-formed one is composed of.
#![no_main]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Exemptions;
use firsthand_server::dns::Transport;
use firsthand_server::dns::answer::{Asking, Client, Outcome, answer};
use firsthand_server::dns::cookie::Cookies;
use firsthand_server::zone::{Change, Fixed, FixedBuilder, ListSettings, Value, Zone, ZoneSettings};
use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::{DNSClass, RData, RecordType};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_800_000_000;
/// The zone's name, from the root down.
const APEX: [&[u8]; 2] = [b"example", b"bl"];
/// Response codes (RFC 1035 §4.1.1, RFC 6891 §9, RFC 7873 §8).
const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const BADVERS: u16 = 16;
const BADCOOKIE: u16 = 23;

/// A name below the apex, from there down, in lower case.
type Path = Vec<Vec<u8>>;

/// What a zone holds, as RFC 5782 writes it: a name for each address.
struct Model {
    /// Each entry's last octets of value and the most seconds it may be kept. Names that hold a whole /64 are apart.
    names: BTreeMap<Path, Vec<([u8; 4], u32)>>,
    networks: BTreeMap<Path, Vec<([u8; 4], u32)>>,
    /// The lists' labels, and whether it is known who is not on each; nothing stands for the combined zone.
    lists: BTreeMap<Option<Vec<u8>>, bool>,
}

impl Model {
    /// What a name holds: nothing where nothing is at or below it.
    fn find(&self, path: &Path) -> Option<Vec<([u8; 4], u32)>> {
        let below =
            |map: &BTreeMap<Path, _>| map.range(path.clone()..).next().is_some_and(|(name, _)| name.starts_with(path));
        let mut found = self.names.get(path).cloned();
        if found.is_none() && (below(&self.names) || below(&self.networks)) {
            found = Some(Vec::new());
        }
        for cut in 0..path.len() {
            let (stem, rest) = path.split_at(cut);
            let is_nibble = |label: &Vec<u8>| matches!(label[..], [b'0'..=b'9' | b'a'..=b'f']);
            if let Some(entries) = self.networks.get(stem)
                && rest.len() <= 16
                && rest.iter().all(is_nibble)
            {
                found.get_or_insert_default().extend(entries.iter().filter(|_| rest.len() == 16));
            }
        }
        found
    }

    /// Whether a name is a list's own.
    fn is_list(&self, path: &Path) -> bool {
        path.len() == 1 && self.lists.contains_key(&Some(path[0].clone()))
    }

    fn knows(&self, path: &Path) -> bool {
        let list = path.first().filter(|label| self.lists.contains_key(&Some((*label).clone())));
        self.lists[&list.cloned()]
    }
}

/// A zone and what it must say.
struct State {
    zone: Zone,
    model: Model,
}

fn path(below: Option<&[u8]>, address: IpAddr) -> Path {
    let labels: Vec<String> = match address {
        IpAddr::V4(v4) => v4.octets().iter().map(u8::to_string).collect(),
        IpAddr::V6(v6) => format!("{:032x}", v6.to_bits()).chars().map(String::from).collect(),
    };
    below.map(<[u8]>::to_vec).into_iter().chain(labels.into_iter().map(String::into_bytes)).collect()
}

/// The addresses of the files: both ends, values, and what a test entry is for.
fn file(expires: Option<u64>) -> (Arc<Fixed>, Vec<(IpAddr, Vec<[u8; 4]>)>) {
    let sets: [&[[u8; 4]]; 2] = [&[[127, 0, 0, 9], [127, 0, 0, 77], [127, 0, 0, 9]], &[[127, 3, 0, 1]]];
    let mut builder = FixedBuilder::new(&Exemptions::only([]));
    let mut entries = Vec::new();
    for (from, to, set) in
        [([1, 2, 3, 4], [1, 2, 3, 4], 1), ([9, 8, 7, 0], [9, 8, 7, 99], 0), ([126, 255, 255, 250], [127, 0, 0, 9], 1)]
    {
        let (from, to) = (u32::from_be_bytes(from), u32::from_be_bytes(to));
        builder.four(from, to, set);
        // RFC 5782 section 5: 127.0.0.0/8 is the test entries'.
        let listed = (from..=to).filter(|bits| bits >> 24 != 127);
        entries.extend(listed.map(|bits| (Ipv4Addr::from_bits(bits).into(), sets[usize::from(set)].to_vec())));
    }
    for (from, more, set) in [("2001:db8:5::10", 15, 0), ("2001:db8:5::ffff:ffff:ffff:fff0", 15, 1)] {
        let from: Ipv6Addr = from.parse().expect("an address");
        builder.six(from.to_bits(), from.to_bits() + more, set);
        let listed = (0..=more).map(|at| Ipv6Addr::from_bits(from.to_bits() + at));
        entries.extend(listed.map(|v6| (v6.into(), sets[usize::from(set)].to_vec())));
    }
    let values = sets.map(|set| {
        let value = |(at, octets): (usize, &[u8; 4])| {
            let code = Ipv4Addr::from(*octets).try_into().expect("a code");
            if at == 1 { Value::with_text(code, &["About ", "."], 39).0 } else { Value::new(code) }
        };
        set.iter().enumerate().map(value).collect()
    });
    (Arc::new(builder.finish(values.into(), Some(200), expires).0), entries)
}

/// The zones, whose lists are: 0 to 2 ours, then three of files of which the first is combined.
fn state(holds: bool, heard: u64, files: bool) -> State {
    let mut lists = vec![
        ListSettings { combined: true, ..ListSettings::spam() },
        ListSettings::backscatter(),
        ListSettings::mixed(),
    ];
    if files {
        for (label, code, combined) in
            [("block", "127.0.0.9", true), ("old", "127.0.0.30", false), ("unread", "127.0.0.31", false)]
        {
            let (label, code) = (label.parse().expect("a label"), code.parse().expect("a code"));
            lists.push(ListSettings::of_file(label, code, combined));
        }
    }
    let mut zone = Zone::empty(ZoneSettings::default(), lists.clone()).expect("settings");
    zone.heard_from(heard);
    let fresh = NOW - heard < 3600;
    let mut model = Model { names: BTreeMap::new(), networks: BTreeMap::new(), lists: BTreeMap::new() };
    model.lists.insert(None, fresh);
    let mut changes = Vec::new();
    let entries: [(usize, Origin, u64); 7] = [
        (0, Origin::V4([83, 70, 211, 36].into()), NOW + 172_800),
        (1, Origin::V4([83, 70, 211, 36].into()), NOW + 20),
        (0, Origin::V4([2, 0, 0, 1].into()), NOW + 20),
        (0, Origin::V4([9, 8, 7, 6].into()), NOW + 9),
        (2, Origin::V4([9, 8, 7, 6].into()), NOW),
        (0, Origin::V6(0x2001_0db8_0001_0002), NOW + 172_800),
        (2, Origin::V6(0x2001_0db8_0005_0000), NOW + 1),
    ];
    let every = Exemptions::only([]);
    for (at, list) in lists.iter().enumerate() {
        let label = list.label.as_str().as_bytes();
        let scopes = [Some(label), None].into_iter().take(if list.combined { 2 } else { 1 });
        let known = if list.from_file { label == b"block" } else { fresh };
        model.lists.insert(Some(label.to_vec()), known);
        let mut codes = vec![list.code.address().octets()];
        let mut listed: Vec<(IpAddr, Vec<[u8; 4]>, u32)> = Vec::new();
        if list.from_file && label != b"unread" {
            let (fixed, of_file) = file((label == b"old").then_some(NOW - 1));
            zone = zone.with_file(at, fixed);
            codes.extend([[127, 0, 0, 9], [127, 0, 0, 77], [127, 3, 0, 1]]);
            if known {
                listed.extend(of_file.into_iter().map(|(address, codes)| (address, codes, 200)));
            }
        }
        for scope in scopes {
            for (address, codes, ttl) in &listed {
                let name = model.names.entry(path(scope, *address)).or_default();
                name.extend(codes.iter().map(|code| (*code, *ttl)));
            }
            for (_, origin, until) in entries.iter().filter(|(list, ..)| holds && *list == at) {
                if let Ok(entry) = every.admit(*origin, *until as i64) {
                    changes.push(Change::List { list: at, entry });
                }
                if !fresh || *until <= NOW {
                    continue;
                }
                let entry = (codes[0], (until - NOW).min(300) as u32);
                match origin {
                    Origin::V4(v4) => model.names.entry(path(scope, (*v4).into())).or_default().push(entry),
                    Origin::V6(upper) => {
                        let stem = path(scope, Ipv6Addr::from_bits(u128::from(*upper) << 64).into());
                        let length = stem.len() - 16;
                        model.networks.entry(stem[..length].to_vec()).or_default().push(entry);
                    }
                }
            }
            // RFC 5782 section 5: each value answers itself; 127.0.0.2, if it is none, the first list's.
            let first = lists.iter().find(|list| scope.is_none() && list.combined).unwrap_or(list);
            let tests = codes.iter().map(|code| (*code, *code));
            let two = (!codes.contains(&[127, 0, 0, 2])).then_some(([127, 0, 0, 2], first.code.address().octets()));
            for (address, code) in tests.chain(two) {
                let v4 = Ipv4Addr::from(address);
                for name in [path(scope, v4.into()), path(scope, v4.to_ipv6_mapped().into())] {
                    model.names.insert(name, vec![(code, 300)]);
                }
            }
        }
    }
    State { zone: zone.with(7, &changes), model }
}

static STATES: LazyLock<[State; 4]> = LazyLock::new(|| {
    [state(false, NOW, false), state(true, NOW, false), state(true, NOW - 4000, false), state(true, NOW - 30, true)]
});

/// What a walk over the bytes of a query finds, as far as RFC 1035 §4 and RFC 6891 §6.1 let anybody judge it who reads no
/// record's data.
#[derive(Default)]
struct Walk {
    /// Why it is no good query, in the words of the rule; nothing if it is one.
    fault: Option<&'static str>,
    question_end: usize,
    opts: usize,
    version: u8,
    payload: Option<u16>,
    /// Where the first COOKIE's content stands, and its length.
    cookie: Option<(usize, usize)>,
    /// Whether it has records or options that we step over and another reader may stumble on.
    extras: bool,
}

fn walk(bytes: &[u8]) -> Walk {
    let mut walk = Walk::default();
    walk.fault = sections(bytes, &mut walk).err();
    walk
}

fn sections(bytes: &[u8], walk: &mut Walk) -> Result<(), &'static str> {
    let short = |at: usize| bytes.get(at..at + 2).map(|two| usize::from(two[0]) << 8 | usize::from(two[1]));
    let count = |at: usize| short(at).ok_or("shorter than a header");
    let (questions, answers, authorities, additionals) = (count(4)?, count(6)?, count(8)?, count(10)?);
    let mut at = 12;
    let mut qtype = 0;
    for _ in 0..questions {
        let start = at;
        loop {
            match *bytes.get(at).ok_or("ends in a name")? {
                0 => break,
                length @ 1..=63 => at += 1 + usize::from(length),
                _ => return Err("RFC 1035 section 4.1.4: a question has nothing to point back to"),
            }
        }
        at += 1;
        if at - start > 255 {
            return Err("RFC 1035 section 2.3.4: a name has 255 bytes at most");
        }
        qtype = short(at).ok_or("ends in a question")?;
        at += 4;
        if at > bytes.len() {
            return Err("ends in a question");
        }
        walk.question_end = at;
    }
    for number in 0..answers + authorities + additionals {
        let start = at;
        loop {
            match *bytes.get(at).ok_or("ends in a record")? {
                0 => {
                    at += 1;
                    break;
                }
                length @ 1..=63 => at += 1 + usize::from(length),
                0xC0..=0xFF => {
                    at += 2;
                    break;
                }
                _ => return Err("RFC 6891 section 5: no such labels"),
            }
        }
        let is_root = at == start + 1;
        let length = short(at + 8).ok_or("ends in a record")?;
        let data = at + 10..at + 10 + length;
        if bytes.len() < data.end {
            return Err("ends in a record");
        }
        if short(at) == Some(41) {
            walk.opts += 1;
            if walk.opts > 1 {
                return Err("RFC 6891 section 6.1.1: more than one OPT");
            }
            if !is_root || number < answers + authorities {
                return Err("RFC 6891 section 6.1.2: an OPT is the root's, in the additional section");
            }
            walk.payload = short(at + 2).map(|payload| payload as u16);
            walk.version = bytes[at + 5];
            if walk.version == 0 {
                options(bytes, data.clone(), walk)?;
            } else {
                walk.extras = true;
            }
        } else {
            walk.extras = true;
        }
        at = data.end;
    }
    if at != bytes.len() {
        return Err("RFC 1035 section 4.1: nothing stands behind the last record");
    }
    if walk.version > 0 {
        return Ok(());
    }
    if questions > 1 || (questions == 0 && walk.cookie.is_none()) {
        return Err("RFC 9619 section 4: one question, or none with a COOKIE");
    }
    if answers > 0 || (authorities > 0 && qtype != 251) {
        return Err("RFC 1035 section 4.1, RFC 1995 section 3: a query has no answers, and authority only for IXFR");
    }
    Ok(())
}

fn options(bytes: &[u8], data: std::ops::Range<usize>, walk: &mut Walk) -> Result<(), &'static str> {
    let mut at = data.start;
    while at < data.end {
        if data.end - at < 4 {
            return Err("RFC 6891 section 6.1.2: options fill their record");
        }
        let code = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        at += 4;
        if length > data.end - at {
            return Err("RFC 6891 section 6.1.2: options fill their record");
        }
        if code == 10 && walk.cookie.is_none() {
            walk.cookie = Some((at, length));
        } else {
            walk.extras = true;
        }
        at += length;
    }
    match walk.cookie {
        Some((_, length)) if length != 8 && !(16..=40).contains(&length) => {
            Err("RFC 7873 section 5.2.2: no cookie has that length")
        }
        _ => Ok(()),
    }
}

/// A well-formed query of what the bytes choose.
fn composed(data: &[u8]) -> Vec<u8> {
    const LABELS: [&str; 40] = [
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "83",
        "70",
        "211",
        "36",
        "127",
        "126",
        "255",
        "77",
        "99",
        "30",
        "31",
        "spam",
        "backscatter",
        "mixed",
        "block",
        "old",
        "unread",
        "00",
        "256",
        "-",
        "*",
        "ns",
        "x",
        "100",
    ];
    const TYPES: [u16; 12] = [1, 16, 255, 6, 2, 28, 15, 252, 251, 13, 41, 0];
    /// Names of what is listed, or nearly so, which few bytes would find.
    const WHOLE: [&str; 8] = [
        "36.211.70.83",
        "2.0.0.127",
        "1.0.0.127",
        "6.7.8.9",
        "1.0.0.2",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2",
        "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0",
        "8.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.0.0.0.8.b.d.0.1.0.0.2",
    ];
    let [kind, opt, whole, cut, count, labels @ ..] = data else { return data.to_vec() };
    let mut name: Vec<&str> = Vec::new();
    if let Some(text) = WHOLE.get(usize::from(whole % 10)) {
        name = text.split('.').collect();
        // Mostly the whole of it, and few labels more, so that chance alone finds what is listed.
        name.drain(..usize::from(cut.saturating_sub(192)).min(name.len()));
    }
    let (labels, rest) =
        labels.split_at(labels.len().min(usize::from(if *count < 192 { count % 3 } else { count % 36 })));
    // Labels that change some, then labels more.
    for (at, byte) in labels.iter().enumerate() {
        let label = LABELS[usize::from(byte % 128) % LABELS.len()];
        match name.get_mut(at * 5 % 33) {
            Some(old) if byte & 128 != 0 => *old = label,
            _ => name.push(label),
        }
    }
    let mut message = vec![0x12, 0x34, kind >> 7, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.iter().copied().chain(["bL", "example"]) {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&TYPES[usize::from(kind & 15) % TYPES.len()].to_be_bytes());
    message.extend_from_slice(&[0, if kind & 0x70 == 0x70 { 3 } else { 1 }]);
    if opt & 1 == 1 {
        message[11] = 1;
        let cookie = match opt >> 1 & 3 {
            0 => Vec::new(),
            1 => [b"\x00\x0A\x00\x08", &[*opt; 8][..]].concat(),
            2 => [b"\x00\x0A\x00\x18", &[*opt; 24][..]].concat(),
            _ => rest.to_vec(),
        };
        message.extend_from_slice(&[0, 0, 41, opt & 0xF0, 0, 0, 0, opt & 0x80, 0]);
        message.extend_from_slice(&(cookie.len() as u16).to_be_bytes());
        message.extend_from_slice(&cookie);
    }
    message
}

fuzz_target!(|data: &[u8]| {
    let [choice, message @ ..] = data else { return };
    let state = &STATES[usize::from(choice & 3)];
    let transport = Transport::ALL[usize::from(choice >> 2 & 3)];
    let allowed = choice & 0x30 != 0x30;
    let query = if choice & 0x80 == 0 { message.to_vec() } else { composed(message) };
    check(&query, state, transport, allowed);
});

fn check(query: &[u8], state: &State, transport: Transport, allowed: bool) {
    static COOKIES: LazyLock<Cookies> = LazyLock::new(|| Cookies::new(vec![[7; 16], [8; 16]]).expect("secrets"));
    let client = Client { address: Ipv4Addr::new(192, 0, 2, 200).into(), transport, allowed, cookies: &COOKIES };
    let mut out = vec![0xEE; 5];
    let outcome = answer(query, &client, &state.zone, NOW, &mut out);
    assert_eq!(out[..5], [0xEE; 5]);
    let bytes = &out[5..];
    // RFC 1035 section 4.1.1: what has no header, or is a response, has no answer.
    let silent = query.len() < 12 || query[2] & 0x80 != 0;
    assert_eq!((outcome == Outcome::Silence, bytes.is_empty()), (silent, silent));
    let mut proof = Vec::new();
    if let Some(asking) = Asking::read(query, &state.zone) {
        asking.ask_for_proof(&client, NOW, &mut proof);
    }
    if silent {
        assert!(proof.is_empty());
        return;
    }
    let Outcome::Answer(answered) = outcome else { unreachable!() };
    let theirs = Message::from_vec(query);
    let walk = walk(query);
    let ours = Message::from_vec(bytes).unwrap_or_else(|error| panic!("hickory cannot read the answer: {error}"));
    let code = u16::from(ours.metadata.response_code);
    assert_eq!(code, answered.kind.rcode() as u16);

    // Header, question and size.
    assert_eq!(bytes[..2], query[..2], "id");
    assert_eq!(bytes[2] & 0xF9, 0x80 | query[2] & 0x79, "QR, opcode, RD");
    assert_eq!(bytes[3] & 0xF0, 0, "RA, Z, AD, CD");
    assert_eq!(ours.metadata.message_type, MessageType::Response);
    assert!(ours.queries.len() <= 1);
    if !ours.queries.is_empty() {
        assert_eq!(bytes[12..walk.question_end], query[12..walk.question_end], "the question, byte for byte");
    }
    let proven = answered.proven;
    assert!(proven || transport == Transport::Udp);
    if transport == Transport::Udp {
        let limit = walk.payload.filter(|_| ours.edns.is_some()).map_or(512, |payload| payload.clamp(512, 1232));
        assert!(bytes.len() <= usize::from(limit), "{} bytes for {limit}", bytes.len());
        assert!(proven || bytes.len() + 28 <= 4 * (query.len() + 28), "E08: {} to {}", query.len(), bytes.len());
    }
    assert!(bytes.len() <= 65_535);
    assert_eq!(ours.metadata.truncation, answered.truncated);
    assert!(!answered.truncated || (ours.answers.is_empty() && ours.authorities.is_empty()));

    // A request for proof: no record, and no gain.
    let request = Message::from_vec(&proof).expect("hickory reads a request for proof");
    assert!(proof.len() <= query.len() + 16 && request.answers.is_empty() && request.authorities.is_empty());
    assert_eq!(proof[..2], query[..2]);

    // What is no good query, and what another reader thinks.
    let standard = query[2] >> 3 & 15 == 0;
    match (standard, walk.fault) {
        (false, _) => assert_eq!(code, NOTIMP),
        (true, Some(reason)) => assert_eq!(code, FORMERR, "{reason}"),
        (true, None) if walk.version > 0 => assert_eq!(code, BADVERS),
        (true, None) => assert_ne!(code, FORMERR, "no rule forbids it"),
    }
    if theirs.is_err() && standard && walk.fault.is_none() {
        // It reads the data of records and options, and follows pointers, where we step over them.
        assert!(walk.extras, "hickory refuses what we answer: {:?}", theirs.err());
    }
    if !standard || walk.fault.is_some() || walk.version > 0 {
        return assert!(ours.answers.is_empty() && ours.authorities.is_empty());
    }
    assert_eq!(ours.edns.is_some(), walk.payload.is_some(), "RFC 6891 section 6.1.1");

    // The cookie: what comes back is ours, and proves.
    if let Some((at, length)) = walk.cookie {
        let cookie = &bytes[bytes.len() - 24..];
        assert_eq!(cookie[..8], query[at..at + 8], "RFC 7873 section 5.2");
        if length == 24 {
            let mut again = query.to_vec();
            again[at..at + 24].copy_from_slice(cookie);
            let mut second = Vec::new();
            let Outcome::Answer(second_answered) = answer(&again, &client, &state.zone, NOW, &mut second) else {
                unreachable!()
            };
            assert!(second_answered.proven && second_answered.lists == answered.lists);
        }
    }
    let Ok(theirs) = theirs else { return };
    assert_eq!(theirs.metadata.op_code, OpCode::Query);
    let Some(question) = theirs.queries.first() else {
        let bad = walk.cookie.is_some_and(|(_, length)| length > 8) && !(proven && transport == Transport::Udp);
        assert!(if allowed { code == NOERROR || (bad && code == BADCOOKIE) } else { code == REFUSED });
        return assert!(ours.answers.is_empty() && ours.authorities.is_empty());
    };

    // The records, as the names of RFC 5782 have them.
    let labels: Path = question.name().iter().rev().map(<[u8]>::to_ascii_lowercase).collect();
    let inside =
        labels.len() >= 2 && labels[0] == APEX[0] && labels[1] == APEX[1] && question.query_class() == DNSClass::IN;
    let (kind, below) = (question.query_type(), labels.get(2..).unwrap_or_default().to_vec());
    let (mut wanted, mut values) = (REFUSED, Vec::new());
    let mut ttl = 300;
    if allowed && inside && !matches!(kind, RecordType::AXFR | RecordType::IXFR) {
        let (found, known) = (state.model.find(&below), state.model.knows(&below));
        let entries = found.clone().unwrap_or_default();
        wanted = match found {
            _ if below.is_empty() && kind == RecordType::SOA && !known => SERVFAIL,
            None if below.is_empty() || state.model.is_list(&below) => NOERROR,
            Some(_) => NOERROR,
            None if known => NXDOMAIN,
            None => SERVFAIL,
        };
        ttl = entries.iter().map(|entry| entry.1).min().unwrap_or(300);
        values = entries.into_iter().map(|entry| entry.0).collect();
        values.sort_unstable();
        values.dedup();
    }
    assert_eq!(code, wanted, "{} {kind}", question.name());
    assert_eq!(ours.metadata.authoritative, matches!(code, NOERROR | NXDOMAIN));
    if answered.truncated {
        return assert_eq!(transport, Transport::Udp);
    }
    let mut a: Vec<[u8; 4]> = Vec::new();
    for record in &ours.answers {
        assert_eq!((&record.name, record.dns_class), (question.name(), DNSClass::IN));
        assert_eq!(record.ttl, ttl, "{} {kind}", question.name());
        assert!(record.record_type() == kind || (kind == RecordType::ANY && record.record_type() == RecordType::HINFO));
        match &record.data {
            RData::A(address) => a.push(address.0.octets()),
            RData::TXT(text) => {
                assert!(
                    text.txt_data
                        .iter()
                        .all(|part| part.len() <= 200 && part.iter().all(|byte| (32..127).contains(byte)))
                );
            }
            _ => {}
        }
    }
    a.sort_unstable();
    let is_entry = !values.is_empty();
    match kind {
        RecordType::A => assert_eq!(a, values, "{}", question.name()),
        RecordType::TXT => assert_eq!(!ours.answers.is_empty(), is_entry),
        RecordType::ANY => {
            assert_eq!(ours.answers.len(), usize::from(is_entry || (below.is_empty() && inside && allowed)))
        }
        RecordType::SOA | RecordType::NS if below.is_empty() => {}
        _ => assert!(ours.answers.is_empty()),
    }
    let negative = ours.metadata.authoritative && ours.answers.is_empty();
    assert_eq!(ours.authorities.len(), usize::from(negative), "RFC 2308 section 3");
    for soa in &ours.authorities {
        assert_eq!((soa.record_type(), soa.ttl, soa.name.num_labels()), (RecordType::SOA, 60, 2));
    }
}
