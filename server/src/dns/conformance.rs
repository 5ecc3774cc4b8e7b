//! What the standards ask of an answer, line by line; the ids are RFC and section. A parser that is not ours reads
//! every answer.

use std::net::Ipv4Addr;
use std::str::FromStr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

mod access;
mod cookies;
mod sizes;
mod states;

use super::Transport;
use super::access::{AccessRules, NetworkSet};
use super::answer::{Answered, Asked, Client, Kind, Outcome, answer};
use super::cookie::Cookies;
use super::limit::{Limits, Mode};
use super::responder::Rules;
use crate::zone::{Change, ListSettings, Scope, Zone, ZoneSettings, admitted};
use firsthand_analyzer::address::Origin;

/// An instant like any other.
const NOW: u64 = 1_800_000_000;
/// The name of 83.70.211.36, which is in the sample zone's `spam` and `backscatter`.
pub(super) const NOW_LISTED: &str = "36.211.70.83.bl.example";
/// The IPv6 test entry's name, but for the zone (RFC 5782 §5).
const TEST_SIX: &str = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
/// The name of 2001:db8:1:2::/64, whose addresses are in `spam`; and of one address in it.
const LISTED_64: &str = "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2";
const LISTED_SIX: &str = "f.e.e.b.0.0.0.0.0.0.0.0.0.0.0.1.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2";

/// The three lists of ours, and a `manual` one that is combined with `spam`; four origins.
pub(super) fn sample_zone(now: u64) -> Zone {
    let manual = ListSettings::of_evidence("manual".parse().unwrap(), "127.0.0.20".parse().unwrap(), true);
    let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed(), manual];
    let four = |text: &str| Origin::V4(text.parse().unwrap());
    let list = |list, origin, until| Change::List { list, entry: admitted(origin, until) };
    let changes = [
        list(0, four("83.70.211.36"), now + 172_800),
        list(1, four("83.70.211.36"), now + 172_800),
        list(1, four("198.51.100.7"), now + 172_800),
        list(0, four("203.0.113.5"), now + 172_800),
        list(3, four("203.0.113.5"), now + 40),
        list(0, four("203.0.113.6"), now),
        list(0, Origin::V6(0x2001_0db8_0001_0002), now + 172_800),
    ];
    let zone = Zone::empty(ZoneSettings::default(), lists).unwrap().with(1, &changes);
    zone.heard_from(now);
    zone
}

/// Everybody may ask, as often as they like.
pub(super) fn open_rules() -> Rules {
    let exempt = NetworkSet::new([]);
    let limits = Limits { mode: Mode::Off, per_answer: 1, per_network: 1, total: 1, slip: 0, exempt };
    Rules { access: AccessRules::new([]), cookies: Cookies::new(vec![[7; 16]]).unwrap(), limits }
}

/// The answer to a client at 192.0.2.200, appended to `out`.
pub(super) fn answer_to(query: &[u8], transport: Transport, zone: &Zone, now: u64, out: &mut Vec<u8>) -> Outcome {
    let rules = open_rules();
    let address = Ipv4Addr::new(192, 0, 2, 200).into();
    answer(query, &Client { address, transport, allowed: true, cookies: &rules.cookies }, zone, now, out)
}

/// Padding of 300 bytes (RFC 7830).
const PADDING: &[u8] = &{
    let mut option = [0; 304];
    (option[1], option[2], option[3]) = (12, 1, 44);
    option
};

/// A plain query without EDNS, with RD, as stub resolvers send it.
pub(super) fn query(name: &str, qtype: &str) -> Vec<u8> {
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let name = Name::from_ascii(format!("{name}.")).unwrap();
    message.add_query(Query::query(name, RecordType::from_str(qtype).unwrap()));
    message.to_vec().unwrap()
}

/// Adds an OPT record: payload, version, the byte with the DO bit, and options as they stand.
fn with_opt(mut query: Vec<u8>, payload: u16, version: u8, flags: u8, options: &[u8]) -> Vec<u8> {
    query[11] += 1;
    query.extend_from_slice(&[0, 0, 41]);
    query.extend_from_slice(&payload.to_be_bytes());
    query.extend_from_slice(&[0, version, flags, 0]);
    query.extend_from_slice(&(options.len() as u16).to_be_bytes());
    query.extend_from_slice(options);
    query
}

fn edns(name: &str, qtype: &str) -> Vec<u8> {
    with_opt(query(name, qtype), 1232, 0, 0, &[])
}

fn bytes_of(zone: &Zone, query: &[u8], transport: Transport, now: u64) -> Vec<u8> {
    // What stands in the buffer before is not the answer's business.
    let mut out = vec![0xEE; 99];
    answer_to(query, transport, zone, now, &mut out);
    assert!(out[..99].iter().all(|byte| *byte == 0xEE));
    out.split_off(99)
}

/// The answer that a client gets over UDP, or over TCP where that is cut.
fn reply(zone: &Zone, query: &[u8], now: u64) -> Message {
    let message = Message::from_vec(&bytes_of(zone, query, Transport::Udp, now)).unwrap();
    match message.metadata.truncation {
        true => Message::from_vec(&bytes_of(zone, query, Transport::Tcp, now)).unwrap(),
        false => message,
    }
}

fn ask(name: &str, qtype: &str) -> Message {
    reply(&sample_zone(NOW), &query(name, qtype), NOW)
}

/// Type, TTL and data of records; TXT as its text.
fn shown(records: &[Record]) -> Vec<String> {
    let show = |record: &Record| {
        let data = match &record.data {
            RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(),
            data => data.to_string(),
        };
        format!("{} {} {data}", record.record_type(), record.ttl)
    };
    records.iter().map(show).collect()
}

const SOA: &str = "ns.example. hostmaster.bl.example. 1 600 300 86400 60";

fn assert_negative(message: &Message, code: ResponseCode, what: &str) {
    assert_eq!(message.metadata.response_code, code, "{what}");
    assert!(message.metadata.authoritative && message.answers.is_empty(), "{what}");
    assert_eq!(shown(&message.authorities), [format!("SOA 60 {SOA}")], "{what}");
    assert_eq!(message.authorities[0].name, Name::from_ascii("bl.example.").unwrap(), "{what}");
}

fn assert_no_data(name: &str, qtype: &str) {
    assert_negative(&ask(name, qtype), ResponseCode::NoError, &format!("{name} {qtype}"));
}

fn assert_no_name(name: &str, qtype: &str) {
    assert_negative(&ask(name, qtype), ResponseCode::NXDomain, &format!("{name} {qtype}"));
}

fn assert_listed(name: &str, codes: &[&str]) {
    let message = ask(name, "A");
    assert_eq!(message.metadata.response_code, ResponseCode::NoError, "{name}");
    assert!(message.metadata.authoritative && message.authorities.is_empty(), "{name}");
    let got: Vec<String> = message.answers.iter().map(|record| record.data.to_string()).collect();
    assert_eq!(got, codes, "{name}");
}

fn extended_error(message: &Message) -> Option<Vec<u8>> {
    match message.edns.as_ref()?.option(EdnsCode::from(15))? {
        EdnsOption::Unknown(15, data) => Some(data.clone()),
        other => panic!("{other:?}"),
    }
}

/// 5782-2.1-a, 5782-2.1-d: every listed address answers A. 5782-2.3-a: sublists, and multiple A records where combined.
#[test]
fn listed_addresses_answer_a() {
    assert_listed(NOW_LISTED, &["127.0.0.2"]);
    assert_listed("36.211.70.83.spam.bl.example", &["127.0.0.2"]);
    assert_listed("36.211.70.83.BACKSCATTER.bl.example", &["127.0.0.5"]);
    assert_listed("5.113.0.203.bl.example", &["127.0.0.2", "127.0.0.20"]);
    assert_listed("5.113.0.203.manual.bl.example", &["127.0.0.20"]);
    assert_no_name("7.100.51.198.bl.example", "A");
    assert_listed(&format!("{LISTED_SIX}.bl.example"), &["127.0.0.2"]);
}

/// 5782-2.1-b: TXT says why. ATTACKS E08: in 200 bytes at most, and in none of a stranger's.
#[test]
fn listed_addresses_answer_txt() {
    let text = |name: &str| shown(&ask(name, "TXT").answers);
    assert_eq!(
        text("36.211.70.83.BL.eXaMpLe"),
        [
            "TXT 300 Listed in spam: mail from 83.70.211.36 reached spam traps. See http://127.0.0.1:8080/address/83.70.211.36"
        ]
    );
    assert_eq!(
        text(&format!("{}.spam.bl.example", LISTED_SIX.to_uppercase())),
        ["TXT 300 Listed in spam: mail from 2001:db8:1:2:1000::beef reached spam traps. \
          See http://127.0.0.1:8080/address/2001:db8:1:2:1000::beef"]
    );
    let both = text("5.113.0.203.bl.example");
    assert!(both[0].contains("Listed in spam: ") && both[1].contains("Listed in manual: 203.0.113.5 is on this list."));
    assert!(text("2.0.0.127.bl.example")[0].starts_with("TXT 300 Test entry"));
}

/// 5782-2.1-c: an unlisted address has no record of any type; G8: nor has one whose listing is past.
#[test]
fn unlisted_addresses_have_nothing() {
    for qtype in ["A", "TXT", "AAAA", "ANY", "SOA", "NS", "MX", "HINFO"] {
        assert_no_name("37.211.70.83.bl.example", qtype);
        assert_no_name("6.113.0.203.bl.example", qtype);
        assert_no_name("36.211.70.83.mixed.bl.example", qtype);
        assert_no_name(&format!("{}3.{}.bl.example", "0.".repeat(16), &LISTED_64[2..]), qtype);
    }
}

/// 5782-2.1-e: four decimal octets without leading zeros and nothing else; 8020-2: nothing exists below an entry.
#[test]
fn names_that_are_no_addresses_do_not_exist() {
    for name in [
        "x.2.0.0.127",
        "1.2.0.0.127",
        "2.0.0.127.127",
        "02.0.0.127",
        "2.0.0.0127",
        "256.0.0.127",
        "foo",
        "*",
        "2-0-0-127",
    ] {
        assert_no_name(&format!("{name}.bl.example"), "A");
    }
    assert_no_name(&format!("0.{TEST_SIX}.bl.example"), "A");
    assert_no_name(&format!("x.{TEST_SIX}.bl.example"), "A");
    assert_no_name("spam.spam.bl.example", "A");
}

/// 5782-2.4: an IPv6 name is exactly 32 nibbles, in either case; every address of a listed /64 is listed.
#[test]
fn ipv6_names_are_32_nibbles() {
    for rest in ["0.".repeat(16), "F.".repeat(16), "a.B.".repeat(8)] {
        assert_listed(&format!("{rest}{LISTED_64}.bl.example"), &["127.0.0.2"]);
        assert_listed(&format!("{rest}{}.spam.bl.example", LISTED_64.to_uppercase()), &["127.0.0.2"]);
    }
    assert_no_name(&format!("0.{LISTED_SIX}.bl.example"), "A");
    assert_no_data(&format!("{}.bl.example", &LISTED_SIX[2..]), "A");
    assert_no_name(&format!("g.{}.bl.example", &LISTED_SIX[2..]), "A");
}

/// 5782-5-a, 5782-5-c, 5782-5-d: each zone lists 127.0.0.2, ::ffff:7f00:2 and its own values, with TXT. 5782-5-b, 5782-5-e: never
/// 127.0.0.1. 5782-5-f: in every zone, empty or old. 6471-3.3-a, 6471-3.5-c.
#[test]
fn test_entries_exist_in_every_zone() {
    let empty = Zone::empty(ZoneSettings::default(), sample_zone(NOW).lists().to_vec()).unwrap();
    empty.heard_from(NOW);
    let frozen = sample_zone(NOW - 1_000_000);
    let never_heard = Zone::empty(ZoneSettings::default(), sample_zone(NOW).lists().to_vec()).unwrap();
    let none = Zone::empty(ZoneSettings::default(), Vec::new()).unwrap();
    none.heard_from(NOW);
    assert_eq!(shown(&reply(&none, &query("2.0.0.127.bl.example", "A"), NOW).answers), ["A 300 127.0.0.2"]);
    let six = |last: &str| format!("{last}{}", &TEST_SIX[3..]);
    for (zone, fresh) in [(sample_zone(NOW), true), (empty, true), (frozen, false), (never_heard, false)] {
        let table = [("", "2"), ("spam.", "2"), ("backscatter.", "5"), ("mixed.", "8"), ("manual.", "20")];
        for (below, value) in table {
            let get = |name: &str, qtype: &str| reply(&zone, &query(&format!("{name}.{below}bl.example"), qtype), NOW);
            for name in ["2.0.0.127", TEST_SIX, &format!("{value}.0.0.127")] {
                assert_eq!(shown(&get(name, "A").answers), [format!("A 300 127.0.0.{value}")], "{name}.{below}");
                assert_eq!(get(name, "TXT").answers.len(), 1);
                assert_negative_soa(&get(name, "AAAA"), &zone);
            }
            for name in ["1.0.0.127", "0.0.0.127", &format!("1{}", &TEST_SIX[1..]), "9.0.0.127"] {
                let message = get(name, "A");
                let code = if fresh { ResponseCode::NXDomain } else { ResponseCode::ServFail };
                assert_eq!((message.metadata.response_code, message.answers.len()), (code, 0), "{name}.{below}");
            }
            // Minimising resolvers (RFC 9156) ask for each name on the way.
            for name in
                ["127", "0.127", "0.0.127", &TEST_SIX[2..], "0", "f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"]
            {
                assert_negative_soa(&get(name, "A"), &zone);
            }
        }
    }
    // The values of the combined zone, and those alone, are test entries of it: 127.0.0.20 is one, 127.0.0.5 is none.
    assert_listed("20.0.0.127.bl.example", &["127.0.0.20"]);
    assert_listed(&format!("{}.bl.example", six("4.1")), &["127.0.0.20"]);
    assert_no_name("5.0.0.127.bl.example", "A");
}

fn assert_negative_soa(message: &Message, zone: &Zone) {
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    let soa = SOA.replace(" 1 600", &format!(" {} 600", zone.serial()));
    assert!(message.answers.is_empty());
    assert_eq!(shown(&message.authorities), [format!("SOA 60 {soa}")]);
}

/// 5782-2.3-c, 5782-6, 5782-7: whatever happens, an A record says 127.a.b.c and is a listing or a test entry.
#[test]
fn no_trouble_is_told_by_an_a_record() {
    let frozen = sample_zone(NOW - 1_000_000);
    for name in [NOW_LISTED, "1.0.0.127.bl.example", "bl.example", "other.example", "ns.bl.example"] {
        for qtype in ["A", "TXT", "ANY"] {
            let message = reply(&frozen, &query(name, qtype), NOW);
            assert!(
                !message.answers.iter().any(|record| matches!(record.record_type(), RecordType::A | RecordType::TXT))
            );
        }
    }
}

/// 2308-3: NXDOMAIN and NODATA carry the SOA with the lesser of its TTL and its minimum.
#[test]
fn negative_answers_carry_the_soa() {
    assert_no_name("9.9.9.9.bl.example", "A");
    assert_no_data(NOW_LISTED, "AAAA");
    assert_no_data("bl.example", "TXT");
    let settings = ZoneSettings { ttl: 30, minimum: 60, ..ZoneSettings::default() };
    let zone = Zone::empty(settings, vec![ListSettings::spam()]).unwrap();
    zone.heard_from(NOW);
    assert_eq!(reply(&zone, &query("9.9.9.9.bl.example", "A"), NOW).authorities[0].ttl, 30);
}

/// 8020-3.1: names above an entry exist, in every zone that has the entry. 8020-2: others do not.
#[test]
fn empty_non_terminals_are_no_data() {
    for name in ["211.70.83", "70.83", "83", "100.51.198.backscatter", "51.198.backscatter", "198.backscatter"] {
        for qtype in ["A", "TXT", "ANY", "NS"] {
            assert_no_data(&format!("{name}.bl.example"), qtype);
        }
    }
    let nibbles: Vec<&str> = LISTED_SIX.split('.').collect();
    for from in 1..32 {
        assert_no_data(&format!("{}.bl.example", nibbles[from..].join(".")), "A");
        assert_no_data(&format!("{}.spam.bl.example", nibbles[from..].join(".")), "A");
    }
    for name in ["100.51.198", "84", "211.70.84", "3.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2", "3", "2.mixed", "83.mixed"] {
        assert_no_name(&format!("{name}.bl.example"), "A");
    }
    // The only entry there is past its end.
    assert_no_data("113.0.203.bl.example", "A");
    let later = reply(&sample_zone(NOW), &query("113.0.203.manual.bl.example", "A"), NOW + 40);
    assert_eq!(later.metadata.response_code, ResponseCode::NXDomain);
}

/// 8020-both: 1.0.0.2 is the unlisted 2.0.0.1, and stands above all of 2001::/16.
#[test]
fn an_ipv4_name_above_an_ipv6_entry_exists() {
    assert_no_data("1.0.0.2.bl.example", "A");
    assert_no_data("0.0.2.bl.example", "A");
    assert_no_data("2.bl.example", "A");
    assert_no_name("2.0.0.2.bl.example", "A");
    assert_no_name("1.0.0.2.mixed.bl.example", "A");
    let entry = admitted(Origin::V4(Ipv4Addr::new(2, 0, 0, 1)), NOW + 9);
    let zone = sample_zone(NOW).with(2, &[Change::List { list: 0, entry }]);
    assert_eq!(shown(&reply(&zone, &query("1.0.0.2.bl.example", "A"), NOW).answers), ["A 9 127.0.0.2"]);
}

/// 8482-4: ANY gets one HINFO record; 8482-7: without TC.
#[test]
fn any_gets_one_small_record() {
    for name in [NOW_LISTED, "bl.example", "2.0.0.127.bl.example"] {
        let message = ask(name, "ANY");
        assert_eq!(shown(&message.answers), ["HINFO 300 RFC8482 "], "{name}");
        assert!(!message.metadata.truncation);
    }
    assert_no_name("9.9.9.9.bl.example", "ANY");
    assert_no_data("spam.bl.example", "ANY");
}

/// 6891-6.1.1: OPT for OPT, none for none, FORMERR for two. RFC 3225 §3: the DO bit comes back.
#[test]
fn opt_is_answered_by_opt() {
    let zone = sample_zone(NOW);
    for name in [NOW_LISTED, "9.9.9.9.bl.example", "other.example"] {
        assert!(reply(&zone, &query(name, "A"), NOW).edns.is_none());
        for flags in [0x80, 0] {
            let message = reply(&zone, &with_opt(query(name, "A"), 4096, 0, flags, b"\x00\x03\x00\x00"), NOW);
            let opt = message.edns.unwrap();
            assert_eq!((opt.max_payload(), opt.version(), opt.flags().dnssec_ok), (1232, 0, flags != 0));
            assert!(opt.options().options.iter().all(|(code, _)| u16::from(*code) == 15), "NSID is not echoed");
        }
    }
    let two = with_opt(edns(NOW_LISTED, "A"), 1232, 0, 0, &[]);
    let message = reply(&zone, &two, NOW);
    assert_eq!(message.metadata.response_code, ResponseCode::FormErr);
    assert!(message.edns.is_some() && message.answers.is_empty());
    let unknown_operation = reply(
        &zone,
        &{
            let mut query = edns("bl.example", "SOA");
            query[2] = 0x20;
            query
        },
        NOW,
    );
    assert!(unknown_operation.edns.is_some());
}

/// 6891-6.1.3: another version gets BADVERS, with our version.
#[test]
fn another_edns_version_gets_badvers() {
    let message = reply(&sample_zone(NOW), &with_opt(query(NOW_LISTED, "A"), 1232, 1, 0, b"\xFF"), NOW);
    // The parser knows 16 as TSIG's BADSIG too.
    assert_eq!(u16::from(message.metadata.response_code), u16::from(ResponseCode::BADVERS));
    assert_eq!((message.edns.unwrap().version(), message.answers.len()), (0, 0));
}

/// 7873-5.2.2: COOKIE lengths other than 8 and 16 to 40 get FORMERR.
#[test]
fn odd_cookies_get_formerr() {
    for length in 0..50u8 {
        let option = [&[0, 10, 0, length][..], &vec![1; usize::from(length)]].concat();
        let message = reply(&sample_zone(NOW), &with_opt(query(NOW_LISTED, "A"), 1232, 0, 0, &option), NOW);
        let sound = length == 8 || (16..=40).contains(&length);
        let code = if sound { ResponseCode::NoError } else { ResponseCode::FormErr };
        assert_eq!(message.metadata.response_code, code, "{length}");
        assert!(message.edns.is_some());
    }
}

/// 5358: no recursion; what is not ours is REFUSED and empty. 8914-4.21: with EDE 20 where EDNS is spoken.
#[test]
fn foreign_names_and_classes_are_refused() {
    let mut chaos = edns("bl.example", "TXT");
    let class_at = chaos.len() - 11 - 1;
    chaos[class_at] = 3;
    for query in [edns("other.example", "A"), edns("example", "NS"), edns("xbl.example", "A"), chaos] {
        let message = reply(&sample_zone(NOW), &query, NOW);
        assert_eq!(message.metadata.response_code, ResponseCode::Refused);
        assert!(!message.metadata.authoritative && !message.metadata.recursion_available);
        assert!(message.metadata.recursion_desired, "RD is copied (RFC 1035 section 4.1.1)");
        assert!(message.answers.is_empty() && message.authorities.is_empty() && message.additionals.is_empty());
        assert_eq!(extended_error(&message), Some(vec![0, 20]));
    }
    let root = with_opt(query("", "NS"), 1232, 0, 0, &[]);
    assert_eq!(reply(&sample_zone(NOW), &root, NOW).metadata.response_code, ResponseCode::Refused);
    assert_eq!(extended_error(&ask("other.example", "A")), None);
}

/// 5936-5: transfers are refused here, over either transport; 8914-4.19: as prohibited.
#[test]
fn transfers_are_refused() {
    for qtype in [251, 252] {
        let mut query = edns("bl.example", "AXFR");
        let type_at = query.len() - 11 - 3;
        query[type_at] = qtype;
        for transport in Transport::ALL {
            let message = Message::from_vec(&bytes_of(&sample_zone(NOW), &query, transport, NOW)).unwrap();
            assert_eq!(message.metadata.response_code, ResponseCode::Refused);
            assert_eq!((message.answers.len(), extended_error(&message)), (0, Some(vec![0, 18])));
        }
    }
}

#[test]
fn other_operations_are_not_implemented() {
    for opcode in 1..16 {
        let mut query = query("bl.example", "SOA");
        query[2] = opcode << 3 | 1;
        let bytes = bytes_of(&sample_zone(NOW), &query, Transport::Udp, NOW);
        assert_eq!(bytes, [0x12, 0x34, 0x80 | opcode << 3 | 1, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}

/// 2181-5.2: all records of a set have the same TTL; G8: none outlives the first listing to end; 5782-4: 300 s at most.
#[test]
fn no_record_outlives_a_listing() {
    let zone = sample_zone(NOW);
    for qtype in ["A", "TXT", "ANY"] {
        let answers = reply(&zone, &query("5.113.0.203.bl.example", qtype), NOW).answers;
        assert!(!answers.is_empty() && answers.iter().all(|record| record.ttl == 40), "{qtype}");
        let last = reply(&zone, &query("5.113.0.203.manual.bl.example", qtype), NOW + 39).answers;
        assert_eq!((last.len(), last[0].ttl), (1, 1));
    }
    assert_eq!(shown(&ask(NOW_LISTED, "A").answers), ["A 300 127.0.0.2"]);
    let later = reply(&zone, &query("5.113.0.203.bl.example", "A"), NOW + 40);
    assert_eq!(shown(&later.answers), ["A 300 127.0.0.2"]);
}

#[test]
fn the_apex_has_soa_and_ns() {
    let soa = ask("bl.example", "SOA");
    assert_eq!(shown(&soa.answers), [format!("SOA 300 {SOA}")]);
    assert!(soa.metadata.authoritative);
    assert_eq!(shown(&ask("bl.example", "NS").answers), ["NS 300 ns.example."]);
    for qtype in ["A", "TXT", "AAAA", "MX", "DNSKEY", "DS", "HINFO"] {
        assert_no_data("bl.example", qtype);
    }
    // A list's own zone is names of the one zone, not a cut.
    for qtype in ["A", "SOA", "NS", "TXT"] {
        assert_no_data("spam.bl.example", qtype);
        assert_no_data(NOW_LISTED, "SOA");
    }
    let settings = ZoneSettings {
        name_servers: vec!["ns1.other.example".parse().unwrap(), "a.ns.bl.example".parse().unwrap()],
        contact: crate::zone::DomainName::from_mailbox("dns.admin@other.example").unwrap(),
        ..ZoneSettings::default()
    };
    let zone = Zone::empty(settings, Vec::new()).unwrap();
    zone.heard_from(NOW);
    let names = shown(&reply(&zone, &query("bl.example", "NS"), NOW).answers);
    assert_eq!(names, ["NS 300 ns1.other.example.", "NS 300 a.ns.bl.example."]);
    let RData::SOA(soa) = &reply(&zone, &query("8.8.8.8.bl.example", "A"), NOW).authorities[0].data else { panic!() };
    assert_eq!(soa.rname, Name::from_labels([&b"dns.admin"[..], b"other", b"example"]).unwrap());
}

/// The question comes back byte for byte (0x20), with the id; and so does what the query does not say.
#[test]
fn the_question_is_echoed_byte_for_byte() {
    for name in ["36.211.70.83.bL.ExAmPlE", "8.8.8.8.BL.EXAMPLE", "oThEr.example", "SpAm.bl.example"] {
        let query = query(name, "A");
        let bytes = bytes_of(&sample_zone(NOW), &query, Transport::Udp, NOW);
        assert_eq!(bytes[..2], query[..2]);
        assert_eq!(bytes[12..query.len()], query[12..], "{name}");
    }
    let mut flags = query(NOW_LISTED, "A");
    (flags[2], flags[3]) = (0x06, 0xFF);
    let bytes = bytes_of(&sample_zone(NOW), &flags, Transport::Udp, NOW);
    assert_eq!(bytes[2..4], [0x84, 0], "of the query's flags, RD alone is copied");
}

/// G8: a zone too old to trust says SERVFAIL, with EDE 24 (RFC 8914 §4.25), or 14 before it was ever heard of.
#[test]
fn a_zone_too_old_says_servfail_and_never_listed_or_not() {
    let zone = sample_zone(NOW);
    let unheard = Zone::empty(ZoneSettings::default(), zone.lists().to_vec()).unwrap();
    let names = [
        (NOW_LISTED, "A"),
        ("9.9.9.9.bl.example", "A"),
        ("83.bl.example", "TXT"),
        ("bl.example", "SOA"),
        ("1.0.0.127.bl.example", "A"),
        ("foo.bl.example", "A"),
        ("9.9.9.9.spam.bl.example", "ANY"),
    ];
    for (name, qtype) in names {
        assert_ne!(reply(&zone, &edns(name, qtype), NOW + 3600).metadata.response_code, ResponseCode::ServFail);
        for (zone, error) in [(&zone, 24), (&unheard, 14)] {
            let message = reply(zone, &edns(name, qtype), NOW + 3601);
            assert_eq!(message.metadata.response_code, ResponseCode::ServFail, "{name} {qtype}");
            assert!(!message.metadata.authoritative && message.answers.is_empty() && message.authorities.is_empty());
            assert_eq!(extended_error(&message), Some(vec![0, error]));
        }
    }
    // What does not depend on listings is answered; the rest of the world is refused as ever.
    let code = |name, qtype| reply(&zone, &query(name, qtype), NOW + 3601).metadata.response_code;
    assert_eq!(code("bl.example", "NS"), ResponseCode::NoError);
    assert_eq!(code("spam.bl.example", "A"), ResponseCode::NoError);
    assert_eq!(code("other.example", "A"), ResponseCode::Refused);
    zone.heard_from(NOW + 3700);
    assert_eq!(code(NOW_LISTED, "A"), ResponseCode::NoError);
}

/// 1035-4.2.1, 6891-6.2.3, 2181-9: 512 bytes without EDNS, the client's offer within 512 and 1232 with it, TC and no
/// part of a set where it does not fit. 8914-3: an extended error always fits.
#[test]
fn answers_fit_the_transport_or_say_so() {
    let lists: Vec<_> = (0..64)
        .map(|at| {
            ListSettings::of_evidence(format!("l{at}").parse().unwrap(), format!("127.0.1.{at}").parse().unwrap(), true)
        })
        .collect();
    let entry = admitted(Origin::V4(Ipv4Addr::new(192, 0, 2, 1)), NOW + 99);
    let changes: Vec<_> = (0..64).map(|list| Change::List { list, entry }).collect();
    let zone = Zone::empty(ZoneSettings::default(), lists).unwrap().with(1, &changes);
    zone.heard_from(NOW);
    assert_eq!(zone.listings(Scope::Combined, Ipv4Addr::new(192, 0, 2, 1).into(), NOW).count(), 64);
    let name = "1.2.0.192.bl.example";
    // A query of this length may have an answer of any (E08).
    let padded = |qtype: &str, payload: u16| with_opt(query(name, qtype), payload, 0, 0, PADDING);
    for (query, limit) in [
        (query(name, "A"), 512),
        (padded("A", 0), 512),
        (padded("A", 700), 700),
        (padded("A", 1100), 1100),
        (padded("TXT", 65535), 1232),
    ] {
        let bytes = bytes_of(&zone, &query, Transport::Udp, NOW);
        let message = Message::from_vec(&bytes).unwrap();
        let whole = bytes_of(&zone, &query, Transport::Tcp, NOW);
        let all = Message::from_vec(&whole).unwrap();
        assert!(all.answers.len() == 64 && !all.metadata.truncation);
        assert!(bytes.len() <= limit);
        assert_eq!(message.metadata.truncation, whole.len() > limit);
        assert_eq!(message.answers.len(), if whole.len() > limit { 0 } else { 64 });
        assert_eq!(message.edns.is_some(), query[11] == 1);
    }
    // To the byte: what fits exactly is whole.
    let lists = zone.lists()[..40].to_vec();
    let changes: Vec<_> = (0..40).map(|list| Change::List { list, entry }).collect();
    let smaller = Zone::empty(ZoneSettings::default(), lists).unwrap().with(1, &changes);
    smaller.heard_from(NOW);
    let whole = bytes_of(&smaller, &edns(name, "A"), Transport::Tcp, NOW).len() as u16;
    for payload in whole - 12..whole + 12 {
        let bytes = bytes_of(&smaller, &padded("A", payload), Transport::Udp, NOW);
        assert_eq!(bytes[2] & 2 == 0, payload >= whole, "{payload} for {whole}");
        assert!(bytes.len() <= usize::from(payload));
    }
    // A name as long as names can be: the answer is at its largest, and the extended error still fits.
    let long = format!("{}x.example", "a23456789.".repeat(24));
    let bytes = bytes_of(&zone, &with_opt(query(&long, "A"), 0, 0, 0, &[]), Transport::Udp, NOW);
    assert!(bytes.len() <= 512 && extended_error(&Message::from_vec(&bytes).unwrap()).is_some());
}

/// A set holds a record once, even if two lists have the same value (RFC 2181 §5).
#[test]
fn lists_that_share_a_value_share_a_record() {
    let twin = ListSettings::of_evidence("twin".parse().unwrap(), "127.0.0.2".parse().unwrap(), true);
    let entry = |until| admitted(Origin::V4(Ipv4Addr::new(192, 0, 2, 1)), until);
    let changes = [Change::List { list: 0, entry: entry(NOW + 99) }, Change::List { list: 1, entry: entry(NOW + 50) }];
    let zone = Zone::empty(ZoneSettings::default(), vec![ListSettings::spam(), twin]).unwrap().with(1, &changes);
    zone.heard_from(NOW);
    assert_eq!(shown(&reply(&zone, &query("1.2.0.192.bl.example", "A"), NOW).answers), ["A 50 127.0.0.2"]);
    assert_eq!(reply(&zone, &query("1.2.0.192.bl.example", "TXT"), NOW).answers.len(), 2);
}

#[test]
fn outcomes_tell_what_metrics_count() {
    let zone = sample_zone(NOW);
    let outcome = |query: &[u8]| answer_to(query, Transport::Udp, &zone, NOW, &mut Vec::new());
    let answered = |kind, asked, lists, about| {
        Outcome::Answer(Answered { kind, asked, truncated: false, proven: false, lists, about })
    };
    assert_eq!(outcome(&query(NOW_LISTED, "TXT")), answered(Kind::Listed, Asked::Txt, 1, 0x5346_D324));
    let both = query("5.113.0.203.bl.example", "A");
    assert_eq!(outcome(&both), answered(Kind::Listed, Asked::A, 0b1001, 0xCB00_7105));
    assert_eq!(outcome(&query("2.0.0.127.bl.example", "A")), answered(Kind::TestEntry, Asked::A, 0, 0x7F00_0002));
    assert_eq!(outcome(&query("bl.example", "SOA")), answered(Kind::Apex, Asked::Soa, 0, 0));
    assert_eq!(outcome(&query("bl.example", "MX")), answered(Kind::NoData, Asked::NeverHeld, 0, 0));
    assert_eq!(outcome(&query("bl.example", "AXFR")), answered(Kind::TransferRefused, Asked::Transfer, 0, 0));
    assert_eq!(outcome(&query(NOW_LISTED, "A")[..20]), answered(Kind::Malformed, Asked::Nothing, 0, 0));
    assert_eq!(outcome(b"no query"), Outcome::Silence);
    let mut class = Query::new();
    class.set_name(Name::from_ascii("bl.example.").unwrap()).set_query_class(DNSClass::CH);
    let mut message = Message::new(1, MessageType::Query, OpCode::Query);
    message.add_query(class);
    assert_eq!(outcome(&message.to_vec().unwrap()), answered(Kind::Foreign, Asked::A, 0, 0));
}
