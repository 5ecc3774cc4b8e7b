//! unbound and BIND, with strict QNAME minimisation, from the root down: they ask for every name above an entry, believe
//! that nothing lies below a name that does not exist (RFC 8020), and must find every listing all the same.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::network::{
    BACKSCATTER, Daemon, LISTED, MIXED, Network, RESOLVER, SAME_64, SERVERS, TAPPED, UNLISTED, alone, entry, resolve,
};
use crate::tap::{Answers, Tap};

/// A resolver and the root that it begins at.
pub(crate) struct Resolving {
    _root: Daemon,
    _resolver: Daemon,
}

/// A program that resolves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolver {
    Unbound,
    Named,
}

impl Resolver {
    /// Starts it on [`RESOLVER`], in a world where the zone's name server has this address.
    pub(crate) fn start(self, network: &Network, server: &str) -> Resolving {
        let kind = if server.contains(':') { "AAAA" } else { "A" };
        let zone = format!("{}ns.hosting.example. {kind} {server}\n", include_str!("settings/root.zone"));
        network.write("bind/root.zone", &zone);
        network.write("bind/root.conf", include_str!("settings/root.conf"));
        let mut root = network.daemon("root", Command::new("named").args(["-g", "-c", "/etc/bind/root.conf"]));
        let at = SocketAddr::new("192.0.2.1".parse().unwrap(), 53);
        root.wait("root", || answers(at, "."));
        let hints = include_str!("settings/root.hints");
        let mut resolver = match self {
            Self::Unbound => {
                network.write("unbound/root.hints", hints);
                network.write("unbound/unbound.conf", include_str!("settings/unbound.conf"));
                network.daemon("unbound", Command::new("unbound").args(["-d", "-c", "/etc/unbound/unbound.conf"]))
            }
            Self::Named => {
                network.write("bind/root.hints", hints);
                network.write("bind/named.conf", include_str!("settings/named.conf"));
                network.daemon("named", Command::new("named").args(["-g", "-c", "/etc/bind/named.conf"]))
            }
        };
        resolver.wait("resolver", || answers(RESOLVER.parse().unwrap(), "."));
        Resolving { _root: root, _resolver: resolver }
    }
}

fn answers(server: SocketAddr, name: &str) -> bool {
    resolve(server, name, RecordType::NS)
        .is_some_and(|(code, records)| code == ResponseCode::NoError && !records.is_empty())
}

/// What is listed, with the code, and what is not: names, in this network's zones.
fn expected() -> (Vec<(String, &'static str)>, Vec<String>) {
    let [all, spam, mixed, backscatter] =
        ["", "spam.", "mixed.", "backscatter."].map(|list| format!("{list}bl.example."));
    let mut listed = vec![(entry(MIXED, &mixed), "127.0.0.8"), (entry(BACKSCATTER, &backscatter), "127.0.0.5")];
    for zone in [&all, &spam] {
        listed.extend(LISTED.iter().chain(&[SAME_64]).map(|address| (entry(address, zone), "127.0.0.2")));
    }
    for (zone, code) in [(&all, "127.0.0.2"), (&spam, "127.0.0.2"), (&mixed, "127.0.0.8"), (&backscatter, "127.0.0.5")]
    {
        listed.extend(["127.0.0.2", "::ffff:127.0.0.2"].map(|address| (entry(address, zone), code)));
    }
    listed.push((entry("127.0.0.8", &mixed), "127.0.0.8"));
    let mut unlisted = vec![entry(MIXED, &all), entry(LISTED[0], &mixed), entry(MIXED, &backscatter)];
    for zone in [&all, &spam, &mixed, &backscatter] {
        // Its name is above that of a listed IPv6 address.
        unlisted.push(entry("2.0.0.1", zone));
        let nobody = ["127.0.0.1", "::ffff:127.0.0.1", "83.70.212.1", "83.71.1.1", "84.1.1.1", "2a00:1f:1::1"];
        unlisted.extend(UNLISTED.iter().chain(&nobody).map(|address| entry(address, zone)));
    }
    (listed, unlisted)
}

fn check_listed(name: &str, code: &str) {
    let resolver = RESOLVER.parse().unwrap();
    let answer = resolve(resolver, name, RecordType::A);
    assert_eq!(answer, Some((ResponseCode::NoError, vec![code.to_owned()])), "{name}");
    let (_, texts) = resolve(resolver, name, RecordType::TXT).unwrap();
    assert_eq!(texts.len(), 1, "{name}");
    assert!(name.contains(".0.0.127.") || name.contains("f.f.") || texts[0].contains("/address/"), "{name}: {texts:?}");
}

fn check_unlisted(name: &str) {
    for kind in [RecordType::A, RecordType::TXT] {
        let (code, records) = resolve(RESOLVER.parse().unwrap(), name, kind).unwrap();
        assert!(matches!(code, ResponseCode::NXDomain | ResponseCode::NoError), "{name}: {code}");
        assert_eq!(records, [""; 0], "{name}");
    }
}

/// The resolver asks for names between the zone and an entry before the entry itself, which it need not ask for when one of
/// them does not exist.
fn check_minimised(asked: &[String], address: &str) {
    let name = entry(address, "bl.example.");
    let at = asked.iter().position(|asked| *asked == name).unwrap_or(asked.len());
    let between = |asked: &&String| name.ends_with(&format!(".{asked}")) && asked.ends_with(".bl.example.");
    let steps = asked[..at].iter().filter(between).count();
    assert!(steps >= 2, "{address}: {asked:#?}");
}

/// Over IPv4 and over IPv6, with a cold cache: first all that is not listed, so that what is denied could hide what is
/// listed, then what is; and the other way round.
fn finds_what_is_listed(network: &Network, program: Resolver) {
    let (listed, unlisted) = expected();
    for server in TAPPED {
        for unlisted_first in [true, false] {
            let tap = Tap::start(server, network.service.dns, Answers::AsTheyAre);
            let resolving = program.start(network, server);
            let check_all = || listed.iter().for_each(|(name, code)| check_listed(name, code));
            if unlisted_first {
                unlisted.iter().for_each(|name| check_unlisted(name));
                check_all();
                check_minimised(&tap.names(), UNLISTED[0]);
                check_minimised(&tap.names(), UNLISTED[1]);
            } else {
                check_all();
                check_minimised(&tap.names(), LISTED[0]);
                check_minimised(&tap.names(), LISTED[1]);
                unlisted.iter().for_each(|name| check_unlisted(name));
            }
            check_all();
            drop(resolving);
        }
    }
}

/// What the tests above are worth: with a server that denies empty non-terminals, they would fail.
fn misses_what_is_denied(network: &Network, program: Resolver) {
    let tap = Tap::start(TAPPED[0], network.service.dns, Answers::EmptyDenied);
    let _resolving = program.start(network, TAPPED[0]);
    let answer = resolve(RESOLVER.parse().unwrap(), &entry(LISTED[0], "bl.example."), RecordType::A).unwrap();
    assert_eq!(answer, (ResponseCode::NXDomain, vec![]), "{:#?}", tap.names());
}

#[test]
fn unbound_finds_what_is_listed() {
    alone(|network| finds_what_is_listed(network, Resolver::Unbound));
}

#[test]
fn bind_finds_what_is_listed() {
    alone(|network| finds_what_is_listed(network, Resolver::Named));
}

/// BIND forgets the address of a name server after some ten seconds and looks its name up anew. Were that name inside the
/// zone, which holds no addresses of hosts, it would be told that there is no such name, and answer SERVFAIL from then on.
#[test]
fn bind_finds_the_zone_again() {
    alone(|network| {
        let _resolving = Resolver::Named.start(network, SERVERS[0]);
        let began = Instant::now();
        for number in 0..200 {
            let name = entry(&format!("84.1.1.{number}"), "bl.example.");
            let (code, _) = resolve(RESOLVER.parse().unwrap(), &name, RecordType::A).unwrap();
            assert_eq!(code, ResponseCode::NXDomain, "after {:?}", began.elapsed());
            if began.elapsed() > Duration::from_secs(15) {
                break;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        check_listed(&entry(LISTED[0], "bl.example."), "127.0.0.2");
    });
}

#[test]
fn resolvers_miss_what_is_denied() {
    alone(|network| {
        misses_what_is_denied(network, Resolver::Unbound);
        misses_what_is_denied(network, Resolver::Named);
    });
}
