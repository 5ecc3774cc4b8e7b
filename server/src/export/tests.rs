//! The formats, line by line, and that every line says what the zone says.

use super::*;
use crate::zone::{Change, ListSettings, ZoneSettings};
use firsthand_analyzer::listing::Exemptions;
use proptest::prelude::*;

/// 2026-11-26T01:30:00Z.
const NOW: u64 = 1_795_656_600;
const DAY: u64 = 24 * 3600;

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

fn lists() -> Vec<ListSettings> {
    vec![ListSettings::spam(), ListSettings { combined: true, ..ListSettings::backscatter() }, ListSettings::mixed()]
}

fn zone(settings: ZoneSettings, lists: Vec<ListSettings>, entries: &[(usize, Origin, u64)]) -> Zone {
    let none = Exemptions::only([]);
    let list = |(list, origin, until): &(usize, Origin, u64)| Change::List {
        list: *list,
        entry: none.admit(*origin, i64::try_from(*until).unwrap()).unwrap(),
    };
    Zone::empty(settings, lists).unwrap().with(1_795_656_000, &entries.iter().map(list).collect::<Vec<_>>())
}

/// What a DNS person finds hard to quote, in every text and name.
fn settings() -> ZoneSettings {
    ZoneSettings {
        page: "http://bl.example/$1?\"\\;{address}".to_owned(),
        contact: DomainName::from_mailbox("host.master;$@bl.example").unwrap(),
        ..ZoneSettings::default()
    }
}

/// Two addresses, one of them in two lists and near its end; a /64; one that has ended; one in a list that is not combined.
fn example() -> Zone {
    let entries = [
        (0, origin("192.0.2.9"), NOW + DAY),
        (0, origin("192.0.2.10"), NOW + DAY),
        (1, origin("192.0.2.10"), NOW + 120),
        (0, origin("2001:db8:1:2::/64"), NOW + DAY),
        (0, origin("192.0.2.77"), NOW),
        (2, origin("198.51.100.1"), NOW + 1),
    ];
    zone(settings(), lists(), &entries)
}

fn written(zone: &Zone, format: Format) -> String {
    written_without(zone, format, &[])
}

fn written_without(zone: &Zone, format: Format, left_out: &[LeftOut]) -> String {
    let name_servers = &zone.settings().name_servers;
    let export = Export { zone, name_servers, primary: &name_servers[0], left_out, now: NOW, read: &|_| () };
    let mut out = Vec::new();
    export.write(format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Whoever serves a file reads in its head what the service holds beside it.
#[test]
fn what_is_left_out_is_told() {
    let left_out = [LeftOut {
        list: "dialups".to_owned(),
        files: "/etc/dialups".to_owned(),
        zones: "bl.example (and dialups.bl.example)".to_owned(),
    }];
    let said =
        "bl.example (and dialups.bl.example) also holds the static list dialups (/etc/dialups), which is not in here";
    for (format, sign) in [(Format::Rbldnsd, '#'), (Format::Zone, ';'), (Format::Rpz, ';'), (Format::Plain, '#')] {
        let text = written_without(&example(), format, &left_out);
        assert!(text.lines().nth(1).unwrap().starts_with(&format!("{sign} {said}")), "{text}");
        assert!(!written(&example(), format).contains("static"));
    }
    assert!(written_without(&example(), Format::Json, &left_out).contains("\"left_out\":[\"dialups\"],"));
}

#[test]
fn plain() {
    let expected = "\
# bl.example, serial 1795656000, made 2026-11-26T01:30:00Z, lists: spam (127.0.0.2), backscatter (127.0.0.5), mixed (127.0.0.8)
192.0.2.9
192.0.2.10
198.51.100.1
2001:db8:1:2::/64
# end of export, 4 entries
";
    assert_eq!(written(&example(), Format::Plain), expected);
}

#[test]
fn json() {
    let expected = r#"{"zone":"bl.example","serial":1795656000,"made":"2026-11-26T01:30:00Z","lists":[{"name":"spam","code":"127.0.0.2"},{"name":"backscatter","code":"127.0.0.5"},{"name":"mixed","code":"127.0.0.8"}],"left_out":[],"entries":[
{"address":"192.0.2.9","lists":["spam"],"codes":["127.0.0.2"],"until":"2026-11-27T01:30:00Z"},
{"address":"192.0.2.10","lists":["spam","backscatter"],"codes":["127.0.0.2","127.0.0.5"],"until":"2026-11-26T01:32:00Z"},
{"address":"198.51.100.1","lists":["mixed"],"codes":["127.0.0.8"],"until":"2026-11-26T01:30:01Z"},
{"network":"2001:db8:1:2::/64","lists":["spam"],"codes":["127.0.0.2"],"until":"2026-11-27T01:30:00Z"}
]}
"#;
    let text = written(&example(), Format::Json);
    assert_eq!(text, expected);
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}

/// RFC 1035 §5.1 for quotes, §8 for the contact; RFC 4592 for the wildcard; RFC 2181 §5.2 for the times of a set.
#[test]
fn master_file() {
    let text = written(&example(), Format::Zone);
    let (head, listings) = text.split_once("IN TXT \"Test entry").unwrap();
    assert_eq!(
        head,
        "\
; bl.example, serial 1795656000, made 2026-11-26T01:30:00Z, lists: spam (127.0.0.2), backscatter (127.0.0.5), mixed (127.0.0.8)
$ORIGIN bl.example.
$TTL 300
@ IN SOA ns.example. host\\.master\\;\\$.bl.example. 1795656000 600 300 86400 60
@ IN NS ns.example.
2.0.0.127 IN A 127.0.0.2
2.0.0.127 "
    );
    let listings: Vec<&str> = listings.lines().filter(|line| !line.contains("Test entry")).collect();
    let page = r#"See http://bl.example/$1?\"\\;"#;
    let spam = |name: &str, ttl: &str, whom: &str, url: &str| {
        format!("{name} {ttl}IN TXT \"Listed in spam: mail from {whom} reached spam traps. {page}{url}\"")
    };
    let bounced = |name: &str| {
        format!(
            "{name} 120 IN TXT \"Listed in backscatter: bounces or automatic answers from 192.0.2.10 reached traps. {page}192.0.2.10\""
        )
    };
    let six = "*.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2";
    let expected = [
        "9.2.0.192 IN A 127.0.0.2".to_owned(),
        spam("9.2.0.192", "", "192.0.2.9", "192.0.2.9"),
        "9.2.0.192.spam IN A 127.0.0.2".to_owned(),
        spam("9.2.0.192.spam", "", "192.0.2.9", "192.0.2.9"),
        "10.2.0.192 120 IN A 127.0.0.2".to_owned(),
        "10.2.0.192 120 IN A 127.0.0.5".to_owned(),
        spam("10.2.0.192", "120 ", "192.0.2.10", "192.0.2.10"),
        bounced("10.2.0.192"),
        "10.2.0.192.spam IN A 127.0.0.2".to_owned(),
        spam("10.2.0.192.spam", "", "192.0.2.10", "192.0.2.10"),
        "10.2.0.192.backscatter 120 IN A 127.0.0.5".to_owned(),
        bounced("10.2.0.192.backscatter"),
        "1.100.51.198.mixed 1 IN A 127.0.0.8".to_owned(),
        format!(
            "1.100.51.198.mixed 1 IN TXT \"Listed in mixed: mail or automatic answers from 198.51.100.1 reached traps. {page}198.51.100.1\""
        ),
        format!("{six} IN A 127.0.0.2"),
        spam(six, "", "2001:db8:1:2::/64", "2001:db8:1:2::"),
        format!("{six}.spam IN A 127.0.0.2"),
        spam(&format!("{six}.spam"), "", "2001:db8:1:2::/64", "2001:db8:1:2::"),
        "; end of export, 4 entries".to_owned(),
    ];
    let from = listings.iter().position(|line| line.starts_with("9.2.0.192")).unwrap();
    assert_eq!(listings[from..], expected);
}

/// 5782-5-a to 5-f: every zone of the file has 127.0.0.2 and each of its values, and neither 127.0.0.1 nor ::ffff:7f00:1.
#[test]
fn test_entries() {
    let text = written(&zone(settings(), lists(), &[]), Format::Zone);
    let zeros = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
    let expect = |name: &str, code: &str| {
        for line in [format!("\n{name} IN A {code}\n"), format!("\n{name} IN TXT \"Test entry")] {
            assert_eq!(text.matches(&line).count(), 1, "{line}");
        }
    };
    for (name, code) in [("2.0.0.127", 2), ("5.0.0.127", 5), ("2.0.0.127.backscatter", 5), ("8.0.0.127.mixed", 8)] {
        expect(name, &format!("127.0.0.{code}"));
    }
    expect(&format!("2.0.0.0.0.0.f.7.f.f.f.f.{zeros}"), "127.0.0.2");
    expect(&format!("2.0.0.0.0.0.f.7.f.f.f.f.{zeros}.mixed"), "127.0.0.8");
    assert!(!text.contains("\n1.0.0.127") && !text.contains("\n1.0.0.0.0.0.f.7") && !text.contains("\n8.0.0.127 "));
    for format in [Format::Plain, Format::Rpz, Format::Json] {
        let text = written(&zone(settings(), lists(), &[]), format);
        assert!(!text.contains("127.0.0.2\n") && !text.contains("2.0.0.127"), "{format:?}");
    }
}

#[test]
fn rbldnsd() {
    let text = written(&example(), Format::Rbldnsd);
    let page = r#"See http://bl.example/$$1?"\;$"#;
    let spam = format!(":127.0.0.2:Listed in spam: mail from $ reached spam traps. {page}");
    let expected = format!(
        "\
$DATASET ip4set:spam @ spam
{spam}
192.0.2.9
192.0.2.10
$DATASET ip6trie:spam-ipv6 @ spam
{spam}
2001:db8:1:2::/64
$DATASET ip4set:backscatter @ backscatter
:127.0.0.5:Listed in backscatter: bounces or automatic answers from $ reached traps. {page}
192.0.2.10
$DATASET ip4set:mixed mixed
:127.0.0.8:Listed in mixed: mail or automatic answers from $ reached traps. {page}
198.51.100.1
# end of export, 5 entries
"
    );
    assert!(text.ends_with(&expected), "{text}");
    let head = "\
$TIMESTAMP 2026-11-26:01:30:00 2026-11-26:02:30:00
$SOA 300 ns.example host\\.master\\;\\$.bl.example 1795656000 600 300 86400 60
$NS 300 ns.example
$TTL 300
$DATASET ip4set:test-combined @
127.0.0.2 :127.0.0.2:Test entry of this blocklist (RFC 5782 section 5). It lists no host.
127.0.0.5 :127.0.0.5:Test entry of this blocklist (RFC 5782 section 5). It lists no host.
$DATASET ip6trie:test-combined-ipv6 @
::ffff:7f00:2/128 :127.0.0.2:Test entry of this blocklist (RFC 5782 section 5). It lists no host.
";
    assert!(text.contains(head), "{text}");
}

#[test]
fn policy_zone() {
    let mut entries = vec![(0, origin("192.0.2.9"), NOW + DAY), (0, origin("192.0.2.10"), NOW + 9)];
    entries.extend(["2001:db8:1:2::/64", "2001:db8::/64", "2001:0:0:1::/64"].map(|text| (0, origin(text), NOW + DAY)));
    let text = written(&zone(settings(), lists(), &entries), Format::Rpz);
    let triggers: Vec<&str> = text.lines().filter(|line| line.contains("rpz-ip")).collect();
    let expected = [
        "32.9.2.0.192.rpz-ip IN CNAME .",
        "32.10.2.0.192.rpz-ip 9 IN CNAME .",
        "64.zz.1.0.0.2001.rpz-ip IN CNAME .",
        "64.zz.db8.2001.rpz-ip IN CNAME .",
        "64.zz.2.1.db8.2001.rpz-ip IN CNAME .",
    ];
    assert_eq!(triggers, expected);
}

/// The address or /64 that a master file's name, relative to its list's, stands for.
fn origin_of_name(name: &str) -> Origin {
    let mut labels: Vec<&str> = name.split('.').collect();
    labels.reverse();
    if labels.pop_if(|last| *last == "*").is_some() {
        let upper = labels.iter().fold(0, |upper, nibble| upper << 4 | u64::from_str_radix(nibble, 16).unwrap());
        return Origin::V6(upper);
    }
    origin(&labels.join("."))
}

/// The origin that a policy zone's trigger stands for.
fn origin_of_trigger(name: &str) -> Origin {
    let name = name.strip_suffix(".rpz-ip").unwrap();
    let (length, rest) = name.split_once('.').unwrap();
    let mut parts: Vec<&str> = rest.split('.').collect();
    parts.reverse();
    if length == "32" {
        return origin(&parts.join("."));
    }
    assert_eq!((length, parts.pop()), ("64", Some("zz")));
    // BIND takes the canonical form only: one run of zeros, the longest.
    assert!(parts.last().is_some_and(|group| *group != "0"));
    origin(&format!("{}::/64", parts.join(":")))
}

fn entry() -> impl Strategy<Value = (usize, Origin, u64)> {
    let origin = prop_oneof![
        any::<u32>().prop_map(|bits| Origin::V4(Ipv4Addr::from_bits(bits))),
        // Close together, so that lists have some in common; and with groups of zeros.
        (0u32..8).prop_map(|bits| Origin::V4(Ipv4Addr::from_bits(0xc000_0200 | bits))),
        (1u64..).prop_map(Origin::V6),
        (1u64..4, 0u32..4).prop_map(|(bits, groups)| Origin::V6(0x2001 << 48 | bits << (16 * groups)))
    ];
    (0..3usize, origin, NOW - 5..NOW + 600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// What is written is what the zone says at that instant: of whom, in which list, and no longer than that (G8).
    #[test]
    fn what_is_read_back_is_the_zone(entries in prop::collection::vec(entry(), 0..200)) {
        let zone = zone(settings(), lists(), &entries);
        let mut all = BTreeMap::new();
        for (list, settings) in zone.lists().iter().enumerate() {
            for (origin, until) in zone.entries(list).filter(|(_, until)| *until > NOW) {
                all.insert((origin, settings.label.as_str().to_owned()), until);
            }
        }
        let mut origins: Vec<Origin> = all.keys().map(|(origin, _)| *origin).collect();
        origins.dedup();
        let plain = written(&zone, Format::Plain);
        let plain: Vec<Origin> = plain.lines().filter(|line| !line.starts_with('#')).map(origin).collect();
        prop_assert_eq!(&plain, &origins);
        let policy = written(&zone, Format::Rpz);
        let names = policy.lines().filter_map(|line| line.split(' ').next().filter(|name| name.ends_with("rpz-ip")));
        prop_assert_eq!(names.map(origin_of_trigger).collect::<Vec<_>>(), origins);
        let document: serde_json::Value = serde_json::from_str(&written(&zone, Format::Json)).unwrap();
        let mut read = Vec::new();
        for entry in document["entries"].as_array().unwrap() {
            let whom = entry.get("address").or(entry.get("network")).unwrap().as_str().unwrap();
            let lists = entry["lists"].as_array().unwrap().iter();
            let lists: Vec<String> = lists.map(|list| list.as_str().unwrap().to_owned()).collect();
            let until = lists.iter().map(|list| all[&(origin(whom), list.clone())]).min().unwrap();
            prop_assert_eq!(entry["until"].as_str().unwrap(), moment(until));
            read.extend(lists.into_iter().map(|list| (origin(whom), list)));
        }
        read.sort();
        prop_assert!(read.iter().eq(all.keys()));
        // The master file's A records, by list's own zone.
        let mut listed = BTreeMap::new();
        for line in written(&zone, Format::Zone).lines().filter(|line| line.contains(" IN A ")) {
            let (name, rest) = line.split_once(' ').unwrap();
            let ttl = rest.split(' ').next().unwrap().parse().unwrap_or(300);
            let Some((name, label)) = name.rsplit_once('.').filter(|(_, label)| label.len() > 3) else { continue };
            if name.ends_with("127") || name.split('.').count() == 32 {
                continue;
            }
            listed.insert((origin_of_name(name), label.to_owned()), ttl);
        }
        prop_assert_eq!(listed.keys().collect::<Vec<_>>(), all.keys().collect::<Vec<_>>());
        for (key, ttl) in listed {
            prop_assert_eq!(ttl, (all[&key] - NOW).min(300));
        }
        // rbldnsd's lines, by section.
        let mut read = BTreeMap::new();
        let mut section = String::new();
        for line in written(&zone, Format::Rbldnsd).lines() {
            if let Some(dataset) = line.strip_prefix("$DATASET ") {
                section = dataset.rsplit(' ').next().unwrap().to_owned();
            } else if let Some(origin) = Origin::parse(line) {
                read.insert((origin, section.clone()), ());
            }
        }
        prop_assert_eq!(read.keys().collect::<Vec<_>>(), all.keys().collect::<Vec<_>>());
    }
}
