//! How large answers are, at their smallest and at their largest.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::*;
use crate::zone::{FixedBuilder, LIST_LIMIT, TEXT_LIMIT, Value};
use firsthand_analyzer::listing::Exemptions;

/// ATTACKS E08: whoever forges a client's address gains little: counted as a wire does, with IP and UDP headers.
#[test]
fn answers_amplify_little() {
    let zone = sample_zone(NOW);
    for name in
        [NOW_LISTED, "9.9.9.9.bl.example", "bl.example", "2.0.0.127.bl.example", "other.example", "83.bl.example"]
    {
        for qtype in ["A", "TXT", "ANY", "NS", "SOA", "AAAA"] {
            for query in [query(name, qtype), edns(name, qtype)] {
                let bytes = bytes_of(&zone, &query, Transport::Udp, NOW);
                assert!(
                    bytes.len() + 28 <= 4 * (query.len() + 28),
                    "{name} {qtype}: {} to {}",
                    query.len(),
                    bytes.len()
                );
                assert_eq!(bytes[2] & 2, 0, "{name} {qtype}: and is whole");
            }
        }
    }
}

/// The shortest zone name there is, and in it an address that every list has, each file with several values and texts.
fn largest() -> Zone {
    let lists: Vec<_> = (0..LIST_LIMIT)
        .map(|at| {
            let code = format!("127.0.1.{at}").parse().unwrap();
            ListSettings::of_file(format!("l{at}").parse().unwrap(), code, at < 20)
        })
        .collect();
    let name = "x".parse().unwrap();
    let zone = Zone::empty(ZoneSettings { name, ..ZoneSettings::default() }, lists).unwrap();
    zone.heard_from(NOW);
    (0..LIST_LIMIT).fold(zone, |zone, list| {
        let mut builder = FixedBuilder::new(&Exemptions::only([]));
        let address = Ipv4Addr::new(1, 1, 1, 1).to_bits();
        builder.four(address, address, 0);
        let value = |at: usize| {
            let text = format!("{list} {at} {}", "x".repeat(TEXT_LIMIT));
            Value::with_text(format!("127.1.{list}.{at}").parse().unwrap(), &[text], 15).0
        };
        let set: Vec<Value> = (0..16).map(value).collect();
        zone.with_file(list, Arc::new(builder.finish(vec![set.into()], Some(77), None).0))
    })
}

/// E08: to nobody unproven goes more over UDP than four times what came, however much there is to say and however short
/// the question: what is more has TC, and is to be had by a cookie or over TCP, in one piece.
#[test]
fn large_sets_go_to_the_proven() {
    let zone = largest();
    let rules = open_rules();
    let address = Ipv4Addr::new(192, 0, 2, 200).into();
    for (name, count) in [("1.1.1.1.l0.x", 16), ("1.1.1.1.l63.x", 16), ("1.1.1.1.x", 20 * 16)] {
        for qtype in ["A", "TXT"] {
            let whole = Message::from_vec(&bytes_of(&zone, &query(name, qtype), Transport::Tcp, NOW)).unwrap();
            // A set beyond what a message can carry has TC on TCP as well, rather than to be given in part.
            let fits = qtype == "A" || count == 16;
            assert_eq!((whole.answers.len(), whole.metadata.truncation), if fits { (count, false) } else { (0, true) });
            assert!(whole.answers.iter().all(|record| record.ttl == 77), "2181-5.2");
            for payload in [None, Some(512), Some(1232), Some(65_535)] {
                let query = match payload {
                    None => query(name, qtype),
                    Some(payload) => with_opt(query(name, qtype), payload, 0, 0, &[]),
                };
                let bytes = bytes_of(&zone, &query, Transport::Udp, NOW);
                assert!(bytes.len() + 28 <= 4 * (query.len() + 28), "{name} {qtype} {payload:?}");
                assert_eq!((bytes[2] & 2 != 0, bytes[6..8] == [0, 0]), (true, true), "{name} {qtype} {payload:?}");
            }
        }
    }
    // The same client with its cookie: as much as a datagram may have.
    let option = b"\x00\x0A\x00\x0812345678";
    let mut out = Vec::new();
    let client = Client { address, transport: Transport::Udp, allowed: true, cookies: &rules.cookies };
    answer(&with_opt(query("1.1.1.1.l0.x", "A"), 1232, 0, 0, option), &client, &zone, NOW, &mut out);
    assert_ne!(out[2] & 2, 0);
    let option = [b"\x00\x0A\x00\x18", &out[out.len() - 24..]].concat();
    out.clear();
    answer(&with_opt(query("1.1.1.1.l0.x", "A"), 1232, 0, 0, &option), &client, &zone, NOW, &mut out);
    assert_eq!((out[2] & 2, out[7]), (0, 16));
}

/// 5782-2.1-b, RFC 7766: the texts of the largest set come whole over TCP, none longer than a string may be, and said
/// once each.
#[test]
fn the_largest_set_of_texts_comes_over_tcp() {
    let message = Message::from_vec(&bytes_of(&largest(), &query("1.1.1.1.l7.x", "TXT"), Transport::Tcp, NOW)).unwrap();
    let mut texts = shown(&message.answers);
    assert!(texts.iter().all(|text| text.len() <= "TXT 77 ".len() + TEXT_LIMIT));
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 16);
}

/// 2308-3: whatever the SOA's names, a negative answer is complete: it has the SOA, or TC that leads to one that has.
#[test]
fn negative_answers_are_whole_or_cut() {
    let long = format!("{}example", "a23456789.".repeat(24));
    let settings = ZoneSettings {
        name_servers: vec![long.parse().unwrap()],
        contact: crate::zone::DomainName::from_mailbox(&format!("dns@{}", &long[10..])).unwrap(),
        ..ZoneSettings::default()
    };
    let zone = Zone::empty(settings, Vec::new()).unwrap();
    zone.heard_from(NOW);
    for query in [query("9.9.9.9.bl.example", "A"), edns("9.9.9.9.bl.example", "A"), query("bl.example", "MX")] {
        let bytes = bytes_of(&zone, &query, Transport::Udp, NOW);
        let message = Message::from_vec(&bytes).unwrap();
        assert_eq!(message.authorities.is_empty(), message.metadata.truncation);
        assert!(bytes.len() + 28 <= 4 * (query.len() + 28));
        let whole = Message::from_vec(&bytes_of(&zone, &query, Transport::Tcp, NOW)).unwrap();
        assert_eq!((whole.authorities.len(), whole.authorities[0].ttl), (1, 60));
    }
}

/// 2308-3, 8020-ours: how long "not listed" may be kept is the lesser of the SOA's TTL and its minimum, in every scope.
#[test]
fn not_listed_is_kept_for_a_minute() {
    for name in ["9.9.9.9.bl.example", "9.9.9.9.spam.bl.example", "83.bl.example", "spam.bl.example", "foo.bl.example"]
    {
        for qtype in ["A", "TXT", "AAAA"] {
            let message = ask(name, qtype);
            assert_eq!(message.authorities.iter().map(|soa| soa.ttl).collect::<Vec<_>>(), [60], "{name} {qtype}");
        }
    }
}
