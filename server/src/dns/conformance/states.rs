//! What is said, and what is never said, in every state that a zone can be in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::*;
use crate::zone::{Fixed, FixedBuilder, Sunset, TEST_ADDRESS, Value};
use firsthand_analyzer::listing::Exemptions;

/// Addresses that each state is asked about (E01).
const STRANGERS: u64 = 20_000;

/// One state: its name, the zone, and whether it says of strangers that they are not listed.
type State = (&'static str, Zone, bool);

/// The lists of the sample zone, and one of a file, which the combined zone holds too.
fn lists() -> Vec<ListSettings> {
    let file = ListSettings::of_file("block".parse().unwrap(), "127.0.0.9".parse().unwrap(), true);
    [sample_zone(NOW).lists(), &[file]].concat()
}

/// 192.0.2.0/24 with two values, and 2001:db8:5::/124 with one of them.
fn file(expires: Option<u64>) -> Arc<Fixed> {
    let mut builder = FixedBuilder::new(&Exemptions::only([]));
    builder.four(0xC000_0200, 0xC000_02FF, 0);
    let six = "2001:db8:5::".parse::<Ipv6Addr>().unwrap().to_bits();
    builder.six(six, six | 15, 1);
    let value = |code: &str| Value::new(code.parse().unwrap());
    let sets = vec![vec![value("127.0.0.9"), value("127.0.0.77")].into(), vec![value("127.0.0.77")].into()];
    Arc::new(builder.finish(sets, None, expires).0)
}

fn zone_of(lists: Vec<ListSettings>, sunset: Sunset) -> Zone {
    let zone = Zone::empty(ZoneSettings { sunset, ..ZoneSettings::default() }, lists).unwrap();
    zone.heard_from(NOW);
    let four = |text: &str| Origin::V4(text.parse().unwrap());
    let list = |list, origin| Change::List { list, entry: admitted(origin, NOW + 100) };
    let changes =
        [list(0, four("83.70.211.36")), list(3, four("83.70.211.36")), list(0, Origin::V6(0x2001_0db8_0001_0002))];
    zone.with(1, &changes)
}

fn states() -> Vec<State> {
    let empty = Zone::empty(ZoneSettings::default(), sample_zone(NOW).lists().to_vec()).unwrap();
    empty.heard_from(NOW);
    let unheard = Zone::empty(ZoneSettings::default(), sample_zone(NOW).lists().to_vec()).unwrap();
    let with_file = |zone: Zone, expires| zone.with_file(4, file(expires));
    let old = |zone: Zone| {
        zone.heard_from(NOW - 4000);
        zone
    };
    vec![
        ("without lists", Zone::empty(ZoneSettings::default(), Vec::new()).unwrap(), false),
        ("empty", empty, true),
        ("never heard of", unheard, false),
        ("fresh", sample_zone(NOW), true),
        ("too old", old(sample_zone(NOW)), false),
        ("with a file", with_file(zone_of(lists(), Sunset::No), None), true),
        ("with a file, too old", old(with_file(zone_of(lists(), Sunset::No), None)), false),
        ("with a file that was never read", zone_of(lists(), Sunset::No), false),
        ("with a file that is past its end", with_file(zone_of(lists(), Sunset::No), Some(NOW - 1)), false),
        ("announced to end", with_file(zone_of(lists(), Sunset::Announced), None), true),
        ("emptied", with_file(zone_of(lists(), Sunset::Empty), None), true),
        ("emptied, too old", old(with_file(zone_of(lists(), Sunset::Empty), None)), true),
        ("off", with_file(zone_of(lists(), Sunset::Off), None), true),
    ]
}

/// Whether a state of these may list the address in its combined zone.
fn may_list(address: IpAddr) -> bool {
    let known = ["83.70.211.36", "203.0.113.5"].map(|text| text.parse::<Ipv4Addr>().unwrap());
    match address {
        IpAddr::V4(v4) => v4.to_bits() >> 8 == 0xC0_0002 || known.contains(&v4),
        IpAddr::V6(v6) => [0x2001_0db8_0001_0002, 0x2001_0db8_0005_0000].contains(&((v6.to_bits() >> 64) as u64)),
    }
}

fn name_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(|octet| format!("{octet}.")).collect(),
        IpAddr::V6(v6) => (0..32).map(|at| format!("{:x}.", v6.to_bits() >> (4 * at) & 15)).collect(),
    }
}

/// A plain query of a combined zone, as bytes, made without much ado.
fn quick_query(address: IpAddr, qtype: u16) -> Vec<u8> {
    let mut bytes = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    for label in name_of(address).split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(b"\x02bl\x07example\x00");
    bytes.extend_from_slice(&qtype.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    bytes
}

/// Type and data of the records in the answer section, read without a parser's help.
fn answers_of(bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let short = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let mut at = 12;
    if short(4) == 1 {
        while bytes[at] != 0 {
            at += 1 + usize::from(bytes[at]);
        }
        at += 5;
    }
    let record = |_| {
        let (kind, length) = (short(at + 2), usize::from(short(at + 10)));
        at += 12 + length;
        (kind, &bytes[at - length..at])
    };
    (0..short(6)).map(record).collect()
}

/// E01, 6471-3.4, 5782-2.1-c: whatever befalls the zone, it does not list the Internet; and where it does not know, it
/// says so.
#[test]
fn no_state_lists_a_stranger() {
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 16
    };
    let mut out = Vec::new();
    for (name, zone, knows) in states() {
        for at in 0..STRANGERS {
            let bits = random();
            let address = match at % 4 {
                0 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 64 | u128::from(random()))),
                // Where the internet's IPv6 is, and beside what is listed.
                1 => IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_0000_0000 | u128::from(bits & 0xF_FFFF)) << 64)),
                _ => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            };
            out.clear();
            let outcome = answer_to(&quick_query(address, 1), Transport::Udp, &zone, NOW, &mut out);
            let Outcome::Answer(Answered { kind, .. }) = outcome else { panic!("{name}: {address}: silence") };
            match kind {
                Kind::Listed => assert!(may_list(address), "{name}: {address}"),
                Kind::TestEntry => assert!(matches!(address, IpAddr::V4(v4) if v4.is_loopback()), "{name}: {address}"),
                // Some names of IPv4 addresses stand above IPv6 ones.
                Kind::NoName | Kind::NoData => assert!(knows || kind == Kind::NoData, "{name}: {address}"),
                Kind::TooOld | Kind::NotReady => assert!(!knows, "{name}: {address}"),
                kind => panic!("{name}: {address}: {kind:?}"),
            }
        }
    }
}

/// E06, 6471-3.3-a, 5782-2.3-c, 5782-6: of every type, in every state, to the allowed and to the refused: an A record is
/// 127.a.b.c and no 127.0.0.1, and stands in no error; the refused get no record at all.
#[test]
fn errors_and_refusals_hold_no_record() {
    let rules = open_rules();
    let names: Vec<IpAddr> =
        ["83.70.211.36", "192.0.2.9", "8.8.8.8", "127.0.0.1", "127.0.0.2", "127.0.0.77", "2001:db8:5::1"]
            .map(|text| text.parse().unwrap())
            .into();
    let mut queries: Vec<Vec<u8>> = Vec::new();
    for qtype in (0..=260).chain([32_768, 32_769, 65_280, u16::MAX]) {
        queries.extend(names.iter().map(|address| quick_query(*address, qtype)));
    }
    for qtype in ["A", "TXT", "ANY", "SOA", "NS", "AXFR", "AAAA"] {
        queries.extend(["", "spam.", "block.", "83.", "foo."].map(|below| query(&format!("{below}bl.example"), qtype)));
        queries.push(query("other.example", qtype));
    }
    let mut out = Vec::new();
    for (state, zone, _) in states() {
        for query in &queries {
            for allowed in [true, false] {
                let address = Ipv4Addr::new(192, 0, 2, 200).into();
                let client = Client { address, transport: Transport::Udp, allowed, cookies: &rules.cookies };
                out.clear();
                let outcome = answer(query, &client, &zone, NOW, &mut out);
                let Outcome::Answer(Answered { kind, .. }) = outcome else { panic!("{state}: silence") };
                let records = answers_of(&out);
                if !allowed {
                    assert_eq!((kind, records.len(), out[9], out[3] & 15), (Kind::Prohibited, 0, 0, 5), "{state}");
                }
                assert!(
                    kind.rcode() == super::super::answer::Rcode::NoError || records.is_empty(),
                    "{state}: {kind:?}"
                );
                for (qtype, data) in records {
                    let sound =
                        matches!(data, [127, rest @ ..] if rest.len() == 3 && rest != [0, 0, 1] && rest != [0; 3]);
                    assert!(qtype != 1 || sound, "{state}: {data:?}");
                }
            }
        }
    }
}

/// 5782-5-b, 5782-5-e, 6471-3.5-c: 127.0.0.1 and ::ffff:7f00:1 are listed in no zone of no state.
#[test]
fn loopback_itself_is_never_listed() {
    for (state, zone, _) in states() {
        for below in ["", "spam.", "backscatter.", "mixed.", "manual.", "block."] {
            for address in ["127.0.0.1", "127.0.0.0", "::ffff:127.0.0.1", "::1", "::"] {
                let name = format!("{}{below}bl.example", name_of(address.parse().unwrap()));
                for qtype in ["A", "TXT", "ANY"] {
                    assert!(reply(&zone, &query(&name, qtype), NOW).answers.is_empty(), "{state}: {name} {qtype}");
                }
            }
        }
    }
}

/// 5782-5-a, 5782-5-c, 5782-5-d, 5782-5-f: in every zone of every state, 127.0.0.2 and each value that a list or its
/// file can give; 6471-3.4: but for the last stage of an end.
#[test]
fn test_entries_are_there_in_every_state() {
    for (state, zone, _) in states() {
        let off = state == "off";
        let mut zones = vec![(String::new(), vec![TEST_ADDRESS])];
        for (at, list) in zone.lists().iter().enumerate() {
            let mut values = vec![TEST_ADDRESS, list.code.address()];
            // Its file was read, if that it has been is to be seen.
            if list.from_file && zone.counts(at) != (0, 0) {
                values.push(Ipv4Addr::new(127, 0, 0, 77));
            }
            if list.combined {
                zones[0].1.extend(&values);
            }
            zones.push((format!("{}.", list.label), values));
        }
        for (below, values) in zones {
            for value in values {
                for address in [IpAddr::V4(value), IpAddr::V6(value.to_ipv6_mapped())] {
                    let name = format!("{}{below}bl.example", name_of(address));
                    let get = |qtype| reply(&zone, &query(&name, qtype), NOW);
                    let a = shown(&get("A").answers);
                    if off {
                        assert!(a.is_empty() && get("TXT").answers.is_empty(), "{state}: {name}");
                        continue;
                    }
                    assert_eq!((a.len(), get("TXT").answers.len()), (1, 1), "{state}: {name}");
                    assert!(value == TEST_ADDRESS || a[0] == format!("A 300 {value}"), "{state}: {name}: {a:?}");
                }
            }
        }
    }
}

/// 6471-3.4: a list ends by saying so, then by listing nobody, then without test entries (6471-3.3-a), and never by
/// listing the Internet or by pointing at somebody else.
#[test]
fn a_list_ends_in_stages() {
    let stage = |sunset| zone_of(lists(), sunset).with_file(4, file(None));
    let a = |zone: &Zone, name: &str| shown(&reply(zone, &query(&format!("{name}.bl.example"), "A"), NOW).answers);
    for (sunset, told, lists, tests) in [
        (Sunset::No, false, true, true),
        (Sunset::Announced, true, true, true),
        (Sunset::Empty, true, false, true),
        (Sunset::Off, true, false, false),
    ] {
        let zone = stage(sunset);
        let text = shown(&reply(&zone, &query("bl.example", "TXT"), NOW).answers);
        assert_eq!(text.len(), usize::from(told), "{sunset:?}: {text:?}");
        for name in ["36.211.70.83", "9.2.0.192", "9.2.0.192.block", LISTED_SIX, "36.211.70.83.spam"] {
            assert_eq!(!a(&zone, name).is_empty(), lists, "{sunset:?}: {name}");
        }
        assert_eq!(!a(&zone, "2.0.0.127").is_empty(), tests, "{sunset:?}");
        for name in ["bl.example", "9.9.9.9.bl.example"] {
            assert!(reply(&zone, &query(name, "A"), NOW).answers.is_empty());
        }
        assert_eq!(shown(&reply(&zone, &query("bl.example", "NS"), NOW).answers), ["NS 300 ns.example."]);
    }
}

/// 6471-3.5-a, 6471-3.5-b: a file that lists everything lists no special-use address, by the exemptions that hold
/// wherever one is read.
#[test]
fn special_use_addresses_are_not_listed() {
    let mut builder = FixedBuilder::new(&Exemptions::standard([]));
    builder.four(0, u32::MAX, 0);
    builder.six(0, u128::MAX, 0);
    let everything = builder.finish(vec![vec![Value::new("127.0.0.9".parse().unwrap())].into()], None, None).0;
    let zone = zone_of(lists(), Sunset::No).with_file(4, Arc::new(everything));
    for text in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.1.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.5",
        "240.0.0.1",
        "255.255.255.255",
        "224.0.0.1",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:db8::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "ff02::1",
        "2002:808:808::1",
    ] {
        let name = format!("{}block.bl.example", name_of(text.parse().unwrap()));
        assert!(reply(&zone, &query(&name, "A"), NOW).answers.is_empty(), "{text}");
    }
    for text in ["8.8.8.8", "9.255.255.255", "11.0.0.0", "2a00::1", "2600::"] {
        let name = format!("{}block.bl.example", name_of(text.parse().unwrap()));
        assert_eq!(reply(&zone, &query(&name, "A"), NOW).answers.len(), 1, "{text}");
    }
}

/// 6471-3.3-b, 5782-2.3-a: a list's zone holds its own values and nobody else's.
#[test]
fn a_zone_has_one_meaning() {
    let zone = zone_of(lists(), Sunset::No).with_file(4, file(None));
    for (below, allowed) in
        [("spam.", &["127.0.0.2"][..]), ("manual.", &["127.0.0.20"]), ("block.", &["127.0.0.9", "127.0.0.77"])]
    {
        for address in ["83.70.211.36", "192.0.2.9", "2001:db8:5::1", "2001:db8:1:2::1"] {
            let name = format!("{}{below}bl.example", name_of(address.parse().unwrap()));
            for record in reply(&zone, &query(&name, "A"), NOW).answers {
                assert!(allowed.contains(&record.data.to_string().as_str()), "{name}: {}", record.data);
            }
        }
    }
}

/// 8914-4.15: before the publisher was heard of, or a file was read, SERVFAIL is not ready (14); 8914-4.25: 24 when it
/// is too old. One list that is not known makes the combined zone unknown, and no other list's.
#[test]
fn ignorance_has_its_reasons() {
    let unread = zone_of(lists(), Sunset::No);
    let past = unread.with_file(4, file(Some(NOW - 1)));
    let error = |zone: &Zone, name: &str| {
        let message = reply(zone, &edns(name, "A"), NOW);
        (message.metadata.response_code, extended_error(&message).map(|data| data[1]))
    };
    for below in ["", "block."] {
        let name = format!("9.9.9.9.{below}bl.example");
        assert_eq!(error(&unread, &name), (ResponseCode::ServFail, Some(14)));
        assert_eq!(error(&past, &name), (ResponseCode::ServFail, Some(24)));
    }
    for zone in [&unread, &past] {
        assert_eq!(error(zone, "9.9.9.9.spam.bl.example"), (ResponseCode::NXDomain, None));
        // What another list says stands, and the test entries do.
        assert_eq!(
            error(zone, &format!("{}bl.example", name_of("83.70.211.36".parse().unwrap()))).0,
            ResponseCode::NoError
        );
        assert_eq!(error(zone, "9.0.0.127.block.bl.example"), (ResponseCode::NoError, None));
        assert_eq!(error(zone, "9.2.0.192.block.bl.example").0, ResponseCode::ServFail);
        // The serial says nothing about files, and monitors and delegation checks ask for it.
        for qtype in ["SOA", "NS"] {
            let message = reply(zone, &query("bl.example", qtype), NOW);
            assert_eq!((message.metadata.response_code, message.answers.len()), (ResponseCode::NoError, 1), "{qtype}");
        }
    }
}

/// 6471-3.1, 6471-3.2: the zone is a name of its own with its own name servers, and tells of all there are.
#[test]
fn all_name_servers_are_told() {
    let name_servers: Vec<_> = (0..16).map(|at| format!("ns{at}.operator.example").parse().unwrap()).collect();
    let zone = Zone::empty(ZoneSettings { name_servers, ..ZoneSettings::default() }, lists()).unwrap();
    zone.heard_from(NOW);
    for transport in [Transport::Tcp, Transport::Udp] {
        let query = with_opt(query("bl.example", "NS"), 1232, 0, 0, PADDING);
        let message = Message::from_vec(&bytes_of(&zone, &query, transport, NOW)).unwrap();
        assert_eq!((message.answers.len(), message.metadata.truncation), (16, false));
        assert!(message.answers.iter().all(|record| record.ttl == 300 && record.record_type() == RecordType::NS));
    }
}
