//! Who may ask and how often, as transports see it: the rules through the [`Responder`].

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::*;
use crate::dns::access::Access;
use crate::dns::counters::Count;
use crate::dns::query_log::QueryLog;
use crate::dns::responder::{Desk, Responder};
use crate::dns::unix_now;

fn client(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn responder(access: &[(&str, Access)], limits: Limits) -> Arc<Responder> {
    let zone = Arc::new(ArcSwap::from_pointee(sample_zone(unix_now())));
    let access = AccessRules::new(access.iter().map(|(network, access)| (network.parse().unwrap(), *access)));
    Arc::new(Responder::new(zone, Rules { access, cookies: Cookies::new(vec![[7; 16]]).unwrap(), limits }))
}

/// What a client gets over UDP, nothing for nothing.
fn udp(desk: &mut Desk, query: &[u8], address: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut batch = desk.batch();
    if let Some(incoming) = batch.read(query, client(address)) {
        batch.warm(std::iter::once(&incoming));
        batch.answer(&incoming, &mut out);
    }
    batch.sent(0);
    out
}

/// 8914-4.19, E06: the refused are told REFUSED with EDE 18, over every transport and whatever they ask; the dropped get
/// nothing; of networks within each other the longest counts; RFC 7873: a good cookie does not open what is refused.
#[test]
fn access_allows_refuses_and_drops() {
    let rules = [("192.0.2.0/24", Access::Refuse), ("192.0.2.128/25", Access::Drop), ("192.0.2.130/32", Access::Allow)];
    let rules = [&rules[..], &[("2001:db8::/32", Access::Drop), ("0.0.0.0/0", Access::Allow)]].concat();
    let responder = responder(&rules, open_rules().limits);
    for (address, access) in [
        ("192.0.2.1", Access::Refuse),
        ("192.0.2.129", Access::Drop),
        ("192.0.2.130", Access::Allow),
        ("198.51.100.1", Access::Allow),
        ("2001:db8::1", Access::Drop),
        // Somebody is named as allowed, and this is not one of them.
        ("2001:db9::1", Access::Refuse),
    ] {
        for qtype in ["A", "TXT", "ANY", "SOA", "NS", "AXFR"] {
            for name in [NOW_LISTED, "2.0.0.127.bl.example", "bl.example", "other.example"] {
                let query = edns(name, qtype);
                let mut outs = vec![udp(&mut responder.desk(1), &query, address)];
                for transport in Transport::ALL {
                    let mut out = Vec::new();
                    let outcome = responder.answer(&query, client(address), transport, &mut out);
                    assert_eq!(outcome == Outcome::Silence, access == Access::Drop);
                    outs.push(out);
                }
                for out in outs {
                    if access == Access::Drop {
                        assert!(out.is_empty(), "{address}");
                        continue;
                    }
                    let message = Message::from_vec(&out).unwrap();
                    let refused = access == Access::Refuse;
                    assert!(!refused || message.metadata.response_code == ResponseCode::Refused, "{address}");
                    assert!(!refused || message.answers.is_empty() && message.authorities.is_empty());
                    assert!(!refused || extended_error(&message) == Some(vec![0, 18]));
                    assert!(refused || qtype == "AXFR" || extended_error(&message) != Some(vec![0, 18]), "{address}");
                }
            }
        }
        assert_eq!(responder.drops(client(address)), access == Access::Drop);
    }
    assert!(responder.counters().get(Transport::Udp, Count::Dropped) > 0);
}

fn limits(mode: Mode, slip: u32) -> Limits {
    let exempt = NetworkSet::new(["198.51.100.0/24".parse().unwrap()]);
    Limits { mode, per_answer: 5, per_network: 50, total: 1000, slip, exempt }
}

/// Of many of the same query at once: whole answers, requests for proof, and silences.
fn flood(desk: &mut Desk, query: &[u8], address: &str, count: usize) -> (usize, usize, usize) {
    let (mut whole, mut proof, mut nothing) = (0, 0, 0);
    for _ in 0..count {
        let out = udp(desk, query, address);
        match out.get(2..4) {
            None => nothing += 1,
            Some(flags) if flags[0] & 2 != 0 || flags[1] & 15 == 7 => proof += 1,
            Some(_) => whole += 1,
        }
    }
    (whole, proof, nothing)
}

/// RRL: past the rate, one of `slip` answers asks for proof: TC, or BADCOOKIE where cookies are known; the rest is
/// silence.
#[test]
fn limits_slip_and_withhold() {
    let plain = query(NOW_LISTED, "A");
    for (slip, asks) in [(0, 0), (1, 1), (2, 2)] {
        let responder = responder(&[], limits(Mode::Enforce, slip));
        let (whole, proof, nothing) = flood(&mut responder.desk(1), &plain, "192.0.2.1", 300);
        // A slow machine takes its time, and each second brings as much again.
        assert!((5..150).contains(&whole), "{whole}");
        let expected = (300 - whole).checked_div(asks).unwrap_or(0);
        assert!(proof.abs_diff(expected) <= 1, "{slip}: {proof} of {}", 300 - whole);
        assert_eq!(whole + proof + nothing, 300);
        let counters = responder.counters();
        assert_eq!(counters.get(Transport::Udp, Count::AskedForProof), proof as u64);
        assert_eq!(counters.get(Transport::Udp, Count::Withheld), nothing as u64);
    }
    let responder = responder(&[], limits(Mode::Enforce, 1));
    let mut desk = responder.desk(1);
    let cookie = with_opt(plain, 1232, 0, 0, b"\x00\x0A\x00\x0812345678");
    let (mut badcookie, mut last) = (0, Vec::new());
    for _ in 0..100 {
        let message = udp(&mut desk, &cookie, "192.0.2.1");
        if message[3] & 15 == 7 {
            badcookie += 1;
            last = message;
        }
    }
    assert!(badcookie > 40);
    let message = Message::from_vec(&last).unwrap();
    assert_eq!((message.metadata.response_code, message.metadata.truncation), (ResponseCode::BADCOOKIE, false));
}

/// 7873-5.2.5, RRL: who is proven by a cookie, exempt, or comes over a connection is never limited, while a flood in the
/// name of the same network is; 6471-3.8: and so are strangers of other networks.
#[test]
fn the_proven_and_the_exempt_are_never_limited() {
    let responder = responder(&[], limits(Mode::Enforce, 2));
    let mut desk = responder.desk(1);
    let plain = query(NOW_LISTED, "A");
    let bare = with_opt(plain.clone(), 1232, 0, 0, b"\x00\x0A\x00\x0812345678");
    let first = udp(&mut desk, &bare, "192.0.2.9");
    let cookie = first[first.len() - 24..].to_vec();
    let proven = with_opt(plain.clone(), 1232, 0, 0, &[b"\x00\x0A\x00\x18", &cookie[..]].concat());
    flood(&mut desk, &plain, "192.0.2.1", 200);
    assert_eq!(flood(&mut desk, &proven, "192.0.2.9", 300), (300, 0, 0));
    assert!(flood(&mut desk, &proven, "192.0.2.10", 100).0 < 100, "the cookie is of another address");
    assert_eq!(flood(&mut desk, &plain, "198.51.100.7", 300), (300, 0, 0));
    assert_eq!(flood(&mut desk, &plain, "203.0.113.1", 5), (5, 0, 0));
    for transport in [Transport::Tcp, Transport::Tls, Transport::Https] {
        for _ in 0..200 {
            let mut out = Vec::new();
            responder.answer(&plain, client("192.0.2.1"), transport, &mut out);
            assert_eq!((out[2] & 2, out[7]), (0, 1), "whole");
        }
    }
}

/// RRL: in report mode all is sent, and what would not be is counted; when off, nothing is.
#[test]
fn report_mode_only_counts() {
    let plain = query(NOW_LISTED, "A");
    for (mode, counts) in [(Mode::Report, true), (Mode::Off, false)] {
        let responder = responder(&[], limits(mode, 2));
        assert_eq!(flood(&mut responder.desk(1), &plain, "192.0.2.1", 300), (300, 0, 0));
        let counters = responder.counters();
        let limited =
            counters.get(Transport::Udp, Count::AskedForProof) + counters.get(Transport::Udp, Count::Withheld);
        assert_eq!(limited > 100, counts);
    }
}

/// E08, RRL: a flood in a victim's name brings the victim fewer bytes than it costs the sender, whatever it asks.
#[test]
fn a_flood_is_no_gain() {
    for name in [NOW_LISTED, "2.0.0.127.bl.example", "other.example"] {
        for qtype in ["A", "TXT", "ANY"] {
            let mut desk = responder(&[], limits(Mode::Enforce, 2)).desk(1);
            let query = edns(name, qtype);
            // The first second's worth is the whole of what there is to gain.
            (0..100).for_each(|_| drop(udp(&mut desk, &query, "192.0.2.1")));
            let (mut sent, mut got) = (0, 0);
            for _ in 0..200 {
                sent += query.len() + 28;
                let out = udp(&mut desk, &query, "192.0.2.1");
                got += if out.is_empty() { 0 } else { out.len() + 28 };
            }
            assert!(got <= sent, "{name} {qtype}: {sent} to {got}");
        }
    }
}

/// E10: the query log says what was sent, with a network in place of the client; who is dropped has no line.
#[test]
fn the_query_log_says_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.log");
    let access = [("198.51.100.0/24", Access::Refuse), ("203.0.113.0/24", Access::Drop), ("0.0.0.0/0", Access::Allow)];
    let responder = responder(&access, limits(Mode::Enforce, 2));
    let mut desk = responder.desk(1);
    let plain = query(NOW_LISTED, "A");
    udp(&mut desk, &plain, "192.0.2.1");
    let log = QueryLog::start(&path, responder.counters()).unwrap();
    responder.set_query_log(Some(Arc::clone(&log)));
    let (whole, proof, nothing) = flood(&mut desk, &plain, "192.0.2.77", 300);
    for address in ["198.51.100.77", "203.0.113.77"] {
        udp(&mut desk, &plain, address);
        for transport in [Transport::Tcp, Transport::Tls, Transport::Https] {
            responder.answer(&plain, client(address), transport, &mut Vec::new());
        }
    }
    responder.answer(b"\x12\x34\x01", client("192.0.2.77"), Transport::Tcp, &mut Vec::new());
    responder.set_query_log(None);
    udp(&mut desk, &plain, "192.0.2.77");
    log.end(std::time::Duration::from_secs(20));
    let text = std::fs::read_to_string(&path).unwrap();
    let count = |ending: &str| text.lines().filter(|line| line.ends_with(ending)).count();
    let at = |network: &str, kind: &str| format!(" {network} A {NOW_LISTED} {kind}");
    assert_eq!(count(&at("udp 192.0.2.0/24", "listed NOERROR")), whole);
    assert_eq!(count(&at("udp 192.0.2.0/24", "asked-for-proof NOERROR")), proof);
    assert_eq!(count(&at("udp 192.0.2.0/24", "withheld -")), nothing);
    for transport in Transport::ALL {
        assert_eq!(count(&at(&format!("{} 198.51.100.0/24", transport.name()), "prohibited REFUSED")), 1);
    }
    assert!(proof > 0 && nothing > 0 && text.lines().count() == 304 && !text.contains(".77"), "{text}");
    assert_eq!(responder.counters().unlogged(), 0);
}
