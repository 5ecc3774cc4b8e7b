//! Each rule of the formats, as rbldnsd 0.998 was seen to have it, and each place where this reader asks for more.

use std::io::Write as _;
use std::net::IpAddr;

use firsthand_analyzer::listing::{Exemption, Exemptions};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::config::ListFormat::{self, Ip4set, Ip4trie, Ip4tset, Ip6trie, Ip6tset};
use crate::zone::Code;

/// 2026-11-26 00:00:00 UTC.
const NOW: u64 = 1_795_651_200;

fn files(format: ListFormat, files: &[&[u8]]) -> Result<Read, Refusal> {
    let mut set = DataSet::new(format, Code::SPAM, NOW);
    for (at, file) in files.iter().enumerate() {
        set.add(["one", "two", "three"][at], *file);
    }
    set.finish(&Exemptions::only([]))
}

fn list(format: ListFormat, text: &str) -> Read {
    files(format, &[text.as_bytes()]).unwrap_or_else(|refusal| panic!("{text:?}: {refusal}"))
}

fn refused(format: ListFormat, text: &str) -> String {
    let refusal = files(format, &[text.as_bytes()]).expect_err(text);
    refusal.mistakes[0].to_string()
}

/// Codes without `127.0.0.` and texts of an address: `2 text|3`; nothing for one that is not listed.
fn said(read: &Read, address: &str) -> String {
    let address: IpAddr = address.parse().unwrap();
    let value = |value: &crate::zone::Value| {
        let mut text = Vec::new();
        value.write_text(address, &mut text);
        let code = value.code.to_string();
        let code = code.strip_prefix("127.0.0.").unwrap_or(&code).to_owned();
        if value.has_text() { format!("{code} {}", String::from_utf8(text).unwrap()) } else { code }
    };
    read.fixed.get(address).iter().map(value).collect::<Vec<_>>().join("|")
}

#[track_caller]
fn check(format: ListFormat, text: &str, expected: &[(&str, &str)]) {
    let read = list(format, text);
    for (address, expected) in expected {
        assert_eq!(said(&read, address), *expected, "{address} of {text:?}");
    }
}

#[test]
fn an_ip4set_lists_addresses_prefixes_and_ranges() {
    let text = "# c\n; c\n\n$MAXRANGE4 /7\n20.1\n21.1.2\n22/8\n23/16\n 24.0.0.0/15 \n025.01.2.003\n26.0-26.5\n27.1-5\n28.1.2.3-9\n29-30\n\
        31.0.0.0-31.0.1.5\n32.1.2.2/31\n33.1.2.3-33.1.2.3\n34.1.2.0/024\n";
    let listed = [
        ("20.1.0.0", "20.1.255.255"),
        ("21.1.2.0", "21.1.2.255"),
        ("22.0.0.0", "22.255.255.255"),
        ("23.0.0.0", "23.0.255.255"),
        ("24.0.0.0", "24.1.255.255"),
        ("25.1.2.3", "25.1.2.3"),
        ("26.0.0.0", "26.5.255.255"),
        ("27.1.0.0", "27.5.255.255"),
        ("28.1.2.3", "28.1.2.9"),
        ("29.0.0.0", "30.255.255.255"),
        ("31.0.0.0", "31.0.1.5"),
        ("32.1.2.2", "32.1.2.3"),
        ("33.1.2.3", "33.1.2.3"),
        ("34.1.2.0", "34.1.2.255"),
    ];
    let read = list(Ip4set, text);
    for (from, to) in listed {
        let [from, to] = [from, to].map(|text| text.parse::<std::net::Ipv4Addr>().unwrap().to_bits());
        let is_in = |bits: u32| {
            listed.iter().any(|(from, to)| {
                let bounds = [*from, *to].map(|text| text.parse::<std::net::Ipv4Addr>().unwrap().to_bits());
                (bounds[0]..=bounds[1]).contains(&bits)
            })
        };
        for bits in [from - 1, from, (from + to) / 2, to, to + 1] {
            assert_eq!(!read.fixed.get(IpAddr::V4(bits.into())).is_empty(), is_in(bits), "{bits:#x}");
        }
    }
}

#[test]
fn what_is_no_address_is_named_with_its_line() {
    for line in [
        "20",
        "20.",
        "20.1.",
        "20-20.0",
        "20.1-20.1.5",
        "20.1.2.3-20.1.3",
        "20.1.2.9-3",
        "20.9-3",
        "20.1.2/8",
        "20.1.2.3/33",
        "20.1.2.3/0",
        "0/0",
        "20.1.2.0/-1",
        "20.1.2.0/",
        "0x14.1.2.3",
        "20.1.2.3.4",
        "20..1",
        "20.1.2.3-",
        "20-300",
        "20.256",
        "!!20.1.2.3",
        "20.1.2.3!",
        "20/8-21/8",
        "20.1.2.3,20.1.2.4",
        "20.1.2.3/31",
        "20.1-2.3",
        "20-5",
        "20.1.2.3-5.6",
        "20.1.2.3\\x",
        "20.1.2.3\u{b}5",
        "20.1.2.3=5",
        "20.1.2.3\r",
        "20.1.2.3/8.",
        "20.1.2.3x",
        "\u{feff}20.1.2.3",
        "20.1.2.3\0z",
        "99999999999999999999.1",
        "x",
    ] {
        assert!(refused(Ip4set, &format!("1.1.1.1\n{line}\n1.1.1.2\n")).starts_with("one:2: "), "{line}");
    }
    for line in ["20", "20-20", "20.1.2.3-9", "20.1.2/8", "20.1.2.3/33", "20.1.2.3/31"] {
        assert!(refused(Ip4trie, &format!("{line}\n")).starts_with("one:1: "), "{line}");
    }
    for line in ["20", "20.1.2", "20.1.2.3/32", "!20.1.2.3", "20.1.2.3-4", "20.1.2.3=x"] {
        assert!(refused(Ip4tset, &format!("{line}\n")).starts_with("one:1: "), "{line}");
    }
    for line in [
        "2001:db8:",
        "2001:db8::1/64",
        "2001",
        "1::2::3",
        "::1.2.3.4",
        "2001:db8:1:2:3:4:1.2.3.4",
        "2001:db8::/129",
        "12001::1",
        "2001:db8:8000/32",
        "2001:db8:1:2:text",
        "g::1",
        "2001:db8:1:2::1-2",
        "1.2.3.4",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "/0",
        "2001:db8::/32.",
        "2001:db8::/",
        ":1",
        "1:2:3:4:5:6:7:8:",
        "1:2:3:4:5:6:7:8::",
    ] {
        assert!(refused(Ip6trie, &format!("{line}\n")).starts_with("one:1: "), "{line}");
    }
    for line in [
        "::1",
        "2001:db8::",
        "2001:db8",
        "2001:db8:1:2:3:4:5:6",
        "2001:db8:1:2/64",
        "!2001:db8:1:2",
        "!2001:db8:1:2::/80",
    ] {
        assert!(refused(Ip6tset, &format!("{line}\n")).starts_with("one:1: "), "{line}");
    }
    assert!(refused(Ip4set, "1.1.1.1\r\n").ends_with("run dos2unix on it"));
}

#[test]
fn values_are_read_as_rbldnsd_reads_them() {
    for (value, said) in [
        ("", "9 DEF"),
        (" # c", "9 DEF"),
        (";c", "9 DEF"),
        ("#c", "9 DEF"),
        (" :3", "3 DEF"),
        (" :3:", "3"),
        (" :3 :t", "3 t"),
        (" :3: t ", "3 t"),
        (":3:\tt\t", "3 t"),
        (" :3:t # c", "3 t # c"),
        (" :3:# c", "3 # c"),
        (" t # c", "9 t # c"),
        (" :3:a:b", "3 a:b"),
        (" :3::x", "3 :x"),
        (" :003:t", "3 t"),
        (" :127.0.3:t", "3 t"),
        (" :127.5:t", "5 t"),
        (" :127:x", "127 x"),
        (" :127.1.2:t", "127.1.0.2 t"),
        (" :127.1.2.3", "127.1.2.3 DEF"),
        (" =t", "9 t"),
        (" \"q\"", "9 \"q\""),
        (" t $ $$ $5 $a $", "9 t 20.1.1.1 $ $5 20.1.1.1a 20.1.1.1"),
        (" $=", "9 $="),
        (" - 20.1.2.5", "9 - 20.1.2.5"),
        (" $$$ $$1 $1$=", "9 $20.1.1.1 $1 one$$$ $$1 $1$="),
        (" :3:=", "3"),
    ] {
        check(Ip4set, &format!("$1 one\n:9:DEF\n20.1.1.1{value}\n"), &[("20.1.1.1", said)]);
    }
    for value in [
        "::t",
        ":",
        "::",
        ": t",
        ": 3:t",
        ":3 # c",
        ":3#c",
        ":3;c",
        ":3x:t",
        ":x:t",
        ":256:t",
        ":127.0.300:t",
        ":127.0.0.:t",
        ":127.0.0.3.4:t",
        ":127.0.0.2/24:t",
        ":0:t",
        ":0.0.0.0:t",
        // RFC 5782: rbldnsd takes these.
        ":1:t",
        ":127.0.0.1:t",
        ":127.0.0.0:t",
        ":10.0.0.1:t",
        ":0.3:t",
        ":1.0.3:t",
    ] {
        assert!(refused(Ip4set, &format!("20.1.1.1 {value}\n")).starts_with("one:1: "), "{value}");
        assert!(refused(Ip4set, &format!("{value}\n20.1.1.1\n")).starts_with("one:1: "), "{value}");
    }
}

#[test]
fn a_value_line_holds_for_what_follows_in_its_file() {
    check(
        Ip4set,
        "20.1.1.1\n:3:x\n20.1.1.2\n  :4\n20.1.1.3\n",
        &[("20.1.1.1", "2"), ("20.1.1.2", "3 x"), ("20.1.1.3", "4")],
    );
    let read =
        files(Ip4set, &[b":3:a\n$1 one\n$TTL 60\n20.1.1.1\n", b"20.1.1.2\n20.1.1.3 :5:$1 $2\n$1 uno\n$2 late\n"])
            .unwrap();
    assert_eq!(
        [("20.1.1.1", "3 a"), ("20.1.1.2", "2"), ("20.1.1.3", "5 one late")].map(|(a, s)| said(&read, a) == s),
        [true; 3]
    );
    assert_eq!(read.fixed.ttl(), Some(60));
    // One value for all, the first, wherever it stands.
    check(
        Ip4tset,
        "20.1.1.1 x\n:3:a $\n:4:b\n:x\n20.1.1.2 :5:z\n20.1.1.1\n",
        &[("20.1.1.1", "3 a 20.1.1.1"), ("20.1.1.2", "3 a 20.1.1.2")],
    );
}

#[test]
fn the_base_template_frames_texts() {
    check(
        Ip4set,
        ":3:DEF $$ $1 $\n20.1.1.1 x\n20.1.1.2 =y $ $=\n20.1.1.3\n20.1.1.5 x$=y\n20.1.1.6 :5:\n20.1.1.7 :6:=\n$= base[$=] $ $1\n$= other\n$1 v$\n",
        &[
            ("20.1.1.1", "3 base[x] 20.1.1.1 v$"),
            ("20.1.1.2", "3 y 20.1.1.2 y $ $="),
            ("20.1.1.3", "3 base[DEF $$ $1 $] 20.1.1.3 v$"),
            ("20.1.1.5", "3 base[x$=y] 20.1.1.5 v$"),
            ("20.1.1.6", "5 base[20.1.1.6] 20.1.1.6 v$"),
            ("20.1.1.7", "6"),
        ],
    );
}

#[test]
fn in_an_ip4set_the_smallest_class_wins_and_an_exclusion_ends_it() {
    check(
        Ip4set,
        ":4:b\n20.1.0.0/23\n!20.1.1 :4:c\n20.1 :5:d\n!20.1.0.0/22\n20/8 :6:e\n20.1.0.128/25 :7:f\n",
        &[
            ("20.1.1.1", ""),
            ("20.1.0.1", ""),
            ("20.1.0.129", "7 f"),
            ("20.1.3.1", ""),
            ("20.1.4.1", "5 d"),
            ("20.2.1.1", "6 e"),
        ],
    );
    check(
        Ip4set,
        "20.1.1.1 :9:b\n20.1.1.1 :3:z\n20.1.1.1 :9:b\n20.1.1.1 :3:a\n20.1.1 :8\n",
        &[("20.1.1.1", "9 b|3 z|3 a")],
    );
    for text in
        ["!20.1.1.1\n20.1.1.1 :4:b\n20.1\n", "20.1.1.1 :4:b\n!20.1.1.1\n20.1\n", "20.1.1.1 :4:b\n! 20.1.1.0-3\n20.1\n"]
    {
        check(Ip4set, text, &[("20.1.1.1", ""), ("20.1.1.9", "2")]);
    }
}

#[test]
fn in_a_trie_the_longest_prefix_wins() {
    check(
        Ip4trie,
        "$MAXRANGE4 /0\n:3:a\n20.1.1.0/24\n:4:b\n!20.1.1.1\n20.1/16 :5:c\n!20.1.1.128/25\n20.1.1.130 :6:\n20.1.1.0/26\n0/0 :7\n!20.1/17\n",
        &[
            ("20.1.1.1", ""),
            ("20.1.1.2", "4 b"),
            ("20.1.1.65", "3 a"),
            ("20.1.1.129", ""),
            ("20.1.1.130", "6"),
            ("20.1.3.1", ""),
            ("20.1.128.1", "5 c"),
            ("255.255.255.255", "7 b"),
            ("0.0.0.0", "7 b"),
        ],
    );
    check(
        Ip6trie,
        ":3:a $\n2a00:db8:1:2\n2a00:db8:8000/33 :4:\n!2a00:db8:1:2::6\n2a00:DB8:1:2:3:4:5:6:7:glued\n2a01:0db8:1::/64:5:g\n2a02::\n2a03:0::1/128 ;c\n\
         !2a00:db8:1:2:3/80\n2a00:1:2:3:4:5:6::\n2a00:1:2:3::5:6:7\n",
        &[
            ("2a00:db8:1:2::5", "3 a 2a00:db8:1:2::5"),
            ("2a00:db8:1:2::6", ""),
            ("2a00:db8:ffff::", "4"),
            ("2a00:db8:1:2:3:4:5:6", "7 glued"),
            ("2a00:db8:1:2:3:4:5:7", ""),
            ("2a01:db8:1::ffff", "5 g"),
            ("2a02::", "3 a 2a02::"),
            ("2a02::1", ""),
            ("2a03::1", "3 a 2a03::1"),
            ("2a00:1:2:3:4:5:6:0", "3 a 2a00:1:2:3:4:5:6:0"),
            ("2a00:1:2:3:0:5:6:7", "3 a 2a00:1:2:3:0:5:6:7"),
        ],
    );
    check(Ip6trie, "2a00::/16\n!2a00:db8:1:2:3/80\n", &[("2a00::1", "2"), ("2a00:db8:1:2:3::6", ""), ("::1", "")]);
}

#[test]
fn an_ip6tset_lists_64s_without_some_addresses() {
    let text = ":3:a $\n2a00:db8:1:2\n:4:b\n2a00:db8:1:3 :9:x\n!2a00:db8:1:2::6\n!2a00:db8:1:2::6\n! 2a00:db8:1:2:0:0:0:7 x\n2a00:db8:1:2\n!::1\n";
    check(
        Ip6tset,
        text,
        &[
            ("2a00:db8:1:2::5", "3 a 2a00:db8:1:2::5"),
            ("2a00:db8:1:2::6", ""),
            ("2a00:db8:1:2::7", ""),
            ("2a00:db8:1:3::1", "3 a 2a00:db8:1:3::1"),
        ],
    );
    assert_eq!(list(Ip6tset, text).fixed.counts(), (0, 2));
}

#[test]
fn a_prefix_with_two_values_is_a_mistake_and_one_that_repeats_is_none() {
    assert!(
        refused(Ip4trie, "20.1.1.1 :3:a\n1.1\n20.1.1.1 :4:b\n")
            .starts_with("one:3: 20.1.1.1/32 stands already on one:1 ")
    );
    assert!(refused(Ip4trie, "!20.1.1.1\n20.1.1.1\n").starts_with("one:2: "));
    assert!(refused(Ip6trie, "2a00:db8::/32\n2a00:db8/32 x\n").starts_with("one:2: 2a00:db8::/32"));
    assert!(list(Ip4trie, "20.1.1.1\n20.1.1.1/32\n").remarks[0].starts_with("1 lines repeat"));
    let refusal = files(Ip4trie, &[b"1.1.1.1\n20.1\n", b"#\n20.1 :9\n"]).unwrap_err();
    assert!(refusal.mistakes[0].to_string().starts_with("two:2: 20.1.0.0/16 stands already on one:2 "), "{refusal}");
}

#[test]
fn special_entries() {
    for (text, ttl) in [
        ("$TTL 60", Some(60)),
        ("#$ttl 1h", Some(3600)),
        (";$TTL 1W", Some(604_800)),
        (":$TTL 010m", Some(600)),
        ("$TTL 0", None),
        ("  $TTL\t90 ", Some(90)),
        ("$TTL 60\n$TTL 30", Some(30)),
        ("# $TTL 60", None),
        ("##$TTL 60", None),
    ] {
        assert_eq!(list(Ip4set, &format!("{text}\n")).fixed.ttl(), ttl, "{text}");
    }
    for text in [
        "$SOA 0 a.b c.d 0 1h 1h 1h 1h",
        "$SOA 0 a..b c@d 0 1h 1h 1h 1h",
        "$SOA 0 . . 0 0 0 0 0",
        "$SOA 0 a.b c.d 0 1h 1h 1h 1h\n$SOA x",
        "$NS 0 a.b -c.d",
        "$NS 0 a.b # c",
        "$NS 0 a.b\n$NS x",
        "$1 one",
        "#$1\tone  ",
        "$= x",
        "$MAXRANGE4 /24",
        "$MAXRANGE4 1",
    ] {
        list(Ip4set, &format!("{text}\n20.1.1.1\n"));
    }
    for text in [
        "$",
        "$ x",
        "$FOO bar",
        "$DATASET ip4set x",
        "$TTL",
        "$TTL x",
        "$TTL 1h30m",
        "$TTL 60 # c",
        "$TTL 1 h",
        "$TTL 60;x",
        "$TTL 5000000000",
        "$TTL 100000w",
        "$TTL -1",
        "$TTL 1y",
        "$SOA x",
        "$SOA 0 a.b c.d 0 1h 1h 1h",
        "$SOA 0 a.b c.d 0 1h 1h 1h 1h # c",
        "$SOA 0 a.b c.d x 1h 1h 1h 1h",
        "$NS 0",
        "$NS a.b",
        "$NS 1x a.b",
        "$1",
        "$10 one",
        "$1one",
        "$=",
        "$=base",
        "$1=x",
        "$MAXRANGE4 0",
        "$MAXRANGE4 x",
        "$MAXRANGE4 /33",
        "$MAXRANGE4 4294967296",
        "$MAXRANGE4 /24 # c",
        "$MAXRANGE4",
        "$MAXRANGE4 256\n$MAXRANGE4 /8",
        "$MAXRANGE4 256\n20.1.1.0-20.1.2.0",
        "$MAXRANGE4 256\n!20.1",
    ] {
        assert!(refused(Ip4set, &format!("{text}\n")).starts_with("one:"), "{text}");
    }
    assert!(refused(Ip4trie, "$MAXRANGE4 16\n20.2.2\n").starts_with("one:2: 256 addresses"));
    list(Ip6trie, "$MAXRANGE4 16\n2a00::/16\n");
    assert!(files(Ip4set, &[b"$MAXRANGE4 16\n", b"20.2.2\n"]).is_err());
    let remarks = list(Ip4set, "$SOA 0 a.b c.d 0 1h 1h 1h 1h\n$NS 0 a\n$NS 0 a\n").remarks;
    assert!(remarks.len() == 2 && remarks[0].ends_with("one:1") && remarks[1].ends_with("one:2"), "{remarks:?}");
}

#[test]
fn stamps_say_when_data_must_not_be_believed() {
    let at = |text: &str| list(Ip4set, &format!("$TIMESTAMP {text}\n")).fixed.expires();
    let day = 86_400;
    for text in [
        "2026:1:1",
        "20261125",
        "2026112501",
        "202611250102",
        "20261125010203",
        "2026:1125",
        "2026:11:25:0102",
        "2026-11:25",
        "2026:11:25:",
        "2024:2:29",
        "1970:01:01",
        "2026:1:1 -",
        "- -",
        "- 0",
        "0",
        "2026:1:1 0",
        "2026:11:26:00:00:00",
    ] {
        assert_eq!(at(text), None, "{text}");
    }
    assert_eq!(at("2026:11:26:00:00:00 +10h"), Some(NOW + 36_000));
    assert_eq!(at("2026-11-25 +1W"), Some(NOW + 6 * day));
    assert_eq!(at("- 2026:11:27"), Some(NOW + day));
    assert_eq!(at("2026:1:1  20261127000001  "), Some(NOW + day + 1));
    assert_eq!(at("2020:1:1 2021:1:1"), Some(1_609_459_200));
    assert_eq!(at("2020:1:1 2021:1:1\n$TIMESTAMP 2020:1:1 2037:1:1\n$TIMESTAMP 2020:1:1"), Some(1_609_459_200));
    for text in [
        "",
        "2026",
        "202611",
        "2026:1",
        "2026:13:01",
        "2026:2:29",
        "2026:0:1",
        "2026:1:0",
        "2026:1:1:24",
        "2026:1:1:23:60",
        "2026:1:1:23:59:60",
        "2026::11:25",
        "26:11:25",
        "2026:011:25",
        "02026:11:25",
        "2026:11:25T00",
        "2026:1:1 52w",
        "2026:1:1 +",
        "2026:1:1 +0",
        "- +1h",
        "0 +1w",
        "2026:1:1 - x",
        "2026:1:1 +1w # c",
        "2026:1:1 +99999w",
    ] {
        assert!(refused(Ip4set, &format!("$TIMESTAMP {text}\n")).starts_with("one:1: "), "{text}");
    }
    let refusal = files(Ip4set, &[b"$TIMESTAMP 2026:11:26:00:00:09\n1.1.1.1\n"]).unwrap_err();
    assert_eq!((refusal.not_before, refusal.mistakes.len()), (Some(NOW + 9), 1));
    assert_eq!(files(Ip4set, &[b"$TIMESTAMP 2030:1:1\nx\n"]).unwrap_err().not_before, None);
}

#[test]
fn a_file_that_may_be_cut_short_is_refused() {
    assert!(refused(Ip4set, "1.1.1.1\n1.1.1.2").starts_with("one:2: the last line has no end"));
    assert_eq!(refused(Ip4set, ""), "one: is empty; write a comment into a list that lists nobody");
    assert!(files(Ip4set, &[b"20.1\n", b""]).is_err() && files(Ip4set, &[b"20.1\n", b"\n"]).is_ok());
    assert_eq!(files(Ip4set, &[b"20.1\n!20.1.1.1\n", b"!20.1.1.2 # c\n"]).unwrap().exclusions, 2);
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let text: String = (0..9999).map(|n| format!("20.{}.{}.1\n", n / 256 % 256, n % 256)).collect();
    packer.write_all(text.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    assert_eq!(files(Ip4set, &[&packed]).unwrap().fixed.counts().0, 9999);
    for cut in [3, 30, packed.len() / 2, packed.len() - 1] {
        let refusal = files(Ip4set, &[&packed[..cut]]).unwrap_err();
        assert!(refusal.mistakes[0].line.is_none() && refusal.to_string().contains("cannot be read"), "{refusal}");
    }
    // gzip(1) joins members: all are read. What follows the last one is none of them.
    let twice = [packed.as_slice(), packed.as_slice()].concat();
    assert_eq!(files(Ip4tset, &[&twice]).unwrap().fixed.counts().0, 9999);
    let mut changed = packed.clone();
    changed[1000] ^= 0x55;
    assert!(files(Ip4set, &[&changed]).is_err());
}

#[test]
fn the_first_mistakes_are_told_and_no_more() {
    let text = "x\n".repeat(1000);
    let refusal = files(Ip4set, &[b"1.1.1.1\n", text.as_bytes()]).unwrap_err();
    assert_eq!(refusal.mistakes.len(), MISTAKES_MAX);
    assert_eq!((refusal.mistakes[19].file.as_str(), refusal.mistakes[19].line), ("two", Some(20)));
    assert_eq!((refusal.count, refusal.to_string().lines().last().unwrap()), (1000, "and 980 more"));
    let endless = "x\n".repeat(100_100);
    let refusal = files(Ip4set, &[endless.as_bytes()]).unwrap_err();
    assert!(refusal.to_string().ends_with("\nand at least 99980 more"));
    // A list of the other family is one mistake in the settings.
    for (format, line, mend) in [
        (Ip4set, "2a00:1:2:3::4", "format = \"ip6trie\""),
        (Ip4trie, "2a00::/32", "format = \"ip6trie\""),
        (Ip4tset, "2a00:1:2:3", "format = \"ip6trie\""),
        (Ip6trie, "20.1.2.3", "format = \"ip4set\""),
        (Ip6trie, "20.1.2.0/24", "format = \"ip4set\""),
        (Ip6tset, "20.1.2.3-9", "format = \"ip4set\""),
    ] {
        let refusal = files(format, &[format!("{line}\n").repeat(3000).as_bytes()]).unwrap_err();
        assert!(refusal.mistakes.len() == 1 && refusal.mistakes[0].mend.contains(mend), "{refusal}");
        assert!(refusal.to_string().ends_with("\nand 2999 more"), "{refusal}");
    }
    let missing = read(&["/nonexistent/list"], Ip4set, Code::SPAM, &Exemptions::only([]), NOW).unwrap_err();
    assert!(missing.to_string().starts_with("/nonexistent/list: cannot be read: "), "{missing}");
}

/// G8: a line that was cut short never lists everything, and seldom in silence.
#[test]
fn what_is_very_wide_is_refused_or_told_of() {
    for (format, text) in [
        (Ip4trie, "0/0\n"),
        (Ip4trie, "20/7\n"),
        (Ip4set, "0-127\n"),
        (Ip4set, "20-21\n"),
        (Ip4set, "20.0.0.0-21.0.0.0\n"),
        (Ip6trie, "::/0\n"),
        (Ip6trie, "2a00::/15\n"),
        (Ip6trie, "2000::/3\n"),
    ] {
        assert!(refused(format, &format!("#\n{text}")).starts_with("one:2: "), "{text}");
    }
    assert!(refused(Ip4trie, "0/0\n").ends_with("or $MAXRANGE4 /0 at the top if that much is meant"));
    check(Ip4trie, "$MAXRANGE4 /0\n0/0\n", &[("20.1.1.1", "2")]);
    check(Ip4trie, "!0/0\n20.1\n", &[("20.1.1.1", "2")]);
    check(Ip4set, "!0.0.0.0-255.255.255.254\n20.1.1.1\n", &[("20.1.1.1", "2")]);
    check(Ip6trie, "!::/0\n2a00:1::/32\n", &[("2a00:1::1", "2")]);
    for (format, text) in [(Ip4set, "20.1\n21/8\n22.1-2\n"), (Ip4trie, "20.1\n21/8\n22.0/15\n")] {
        assert_eq!(list(format, text).remarks, ["2 entries are wider than a /16 (IPv6: a /32); the first: one:2"]);
    }
    assert_eq!(list(Ip6trie, "2a00::/32\n2a01::/31\n").remarks.len(), 1);
    for text in ["20.1\n!21/8\n", "$MAXRANGE4 /8\n21/8\n"] {
        assert_eq!(list(Ip4set, text).remarks, [""; 0], "{text}");
    }
}

/// Whoever asks the combined zone for one list must not be answered by another without anybody's knowing.
#[test]
fn a_value_that_is_the_code_of_another_list_is_told_of() {
    let own =
        |combined| crate::zone::ListSettings::of_file("hand".parse().unwrap(), "127.0.0.20".parse().unwrap(), combined);
    let other = |code: &str| crate::zone::ListSettings::of_file("other".parse().unwrap(), code.parse().unwrap(), true);
    let lists = |combined| [crate::zone::ListSettings::spam(), other("127.0.0.30"), own(combined)];
    let said = |format, text: &str, combined| {
        let mut set = DataSet::new(format, "127.0.0.20".parse().unwrap(), NOW);
        set.add("one", text.as_bytes());
        borrowed(&set.finish(&Exemptions::only([])).unwrap(), "hand", &lists(combined))
    };
    let found = said(Ip4set, "#\n20.1.1.1\n20.1.1.2 :2:x\n:30:\n20.1.1.3\n20.1.1.4 :2:y\n", true);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("one:3: the value 127.0.0.2 is the code of the list spam"), "{found:?}");
    assert!(found[1].starts_with("one:4: the value 127.0.0.30 is the code of the list other"), "{found:?}");
    assert_eq!(said(Ip4tset, "20.1.1.1\n:2:x\n", true).len(), 1);
    for text in ["20.1.1.1 :2:x\n", "20.1.1.1 :20:x\n"] {
        assert_eq!(said(Ip4set, text, false), [""; 0], "another zone's values are its own");
    }
    for text in ["20.1.1.1 :20:x\n20.1.1.2 :9:\n", ":2:nobody\n"] {
        assert_eq!(said(Ip4set, text, true), [""; 0], "{text}");
    }
}

/// What is kept out is found in its file.
#[test]
fn the_line_of_an_address_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let names = [folder.path().join("one"), folder.path().join("two")];
    let line = |format, texts: [&str; 2], address: &str| {
        names.iter().zip(texts).for_each(|(name, text)| std::fs::write(name, text).unwrap());
        let found = line_of(&names, format, address.parse().unwrap())?;
        Some(found.strip_prefix(folder.path().to_str().unwrap()).unwrap().to_owned())
    };
    let found = |line: &str| Some(line.to_owned());
    assert_eq!(line(Ip4set, ["20.1.1.1\n!10.1\n", "#\n10.0-2 :3:x\n10.1.1.1\n"], "10.1.1.1"), found("/two:2"));
    assert_eq!(line(Ip4trie, ["20.1.1.1\n10/8\n", "10.1\n"], "10.1.1.1"), found("/one:2"));
    assert_eq!(line(Ip4tset, ["20.1.1.1\n", "10.1.1.1\n"], "10.1.1.1"), found("/two:1"));
    assert_eq!(line(Ip6trie, ["2a00::/32\n", "2001:db8::/32\n"], "2001:db8::"), found("/two:1"));
    assert_eq!(line(Ip6tset, ["2001:db8:1:2\n", "#\n"], "2001:db8:1:2::9"), found("/one:1"));
    assert_eq!(line(Ip4set, ["20.1.1.1\n", "20.1.1.3\n"], "20.1.1.2"), None);
}

/// A stranger's list costs no more than it may, whatever it holds, and is not read beyond that.
#[test]
fn the_bounds_of_a_list_hold_for_lines_and_for_entries_of_each_family() {
    let refused = |format, text: &str| {
        let mut set = DataSet::new(format, Code::SPAM, NOW);
        set.bounds = read::Bounds { lines: 9, four: 3, six: 2 };
        set.add("one", text.as_bytes());
        set.add("two", text.as_bytes());
        set.finish(&Exemptions::only([])).err().map(|refusal| refusal.mistakes[0].to_string())
    };
    for (format, line) in [(Ip4set, "20.1.1.1\n"), (Ip4set, "20.1\n"), (Ip4trie, "20.1\n"), (Ip4tset, "20.1.1.1\n")] {
        assert_eq!(refused(format, line), None);
        assert_eq!(refused(format, &line.repeat(2)).unwrap(), "two:2: more than 3 entries; divide the list");
    }
    for (format, line) in [(Ip6trie, "2a00::1\n"), (Ip6tset, "2a00:1:2:3\n")] {
        assert_eq!(refused(format, line), None);
        assert_eq!(refused(format, &line.repeat(3)).unwrap(), "one:3: more than 2 entries; divide the list");
    }
    assert_eq!(refused(Ip4set, &"\n".repeat(4)), None);
    assert_eq!(refused(Ip4set, &"#\n".repeat(5)).unwrap(), "two:5: more than 9 lines; divide the list");
}

/// To open a FIFO is to wait for its writer.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let refusal = read(&[&fifo], Ip4set, Code::SPAM, &Exemptions::only([]), NOW).unwrap_err().to_string();
    assert!(refusal.ends_with("it is no regular file; write the entries into a regular file"), "{refusal}");
}

/// Whoever stops the service does not wait until a large list is read.
#[test]
fn a_reading_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    std::fs::write(&file, "20.1.1.1\n").unwrap();
    let until = |stop: bool| {
        let none = Exemptions::only([]);
        read::read_until(&stop.into(), &[&file], Ip4set, Code::SPAM, &none, NOW)
    };
    assert!(until(false).is_ok() && until(true).unwrap_err().to_string().contains("the service stops"));
}

#[test]
fn limits_are_told() {
    let long = format!("1.1.1.1 {}\n", "x".repeat(LINE_BYTES_MAX));
    assert!(refused(Ip4set, &long).contains("bytes in a line"));
    assert!(refused(Ip4set, &format!("{}1.1.1.2\n", long.repeat(3))).starts_with("one:1: "));
    let read = list(Ip4set, &format!("1.1.1.1 {}\n1.1.1.2 {}$\n1.1.1.3 a\tb\n", "x".repeat(300), "y".repeat(195)));
    assert_eq!(said(&read, "1.1.1.1"), format!("2 {}", "x".repeat(200)));
    assert_eq!(said(&read, "1.1.1.2"), format!("2 {}", "y".repeat(195)));
    assert_eq!(said(&read, "1.1.1.3"), "2 a?b");
    assert_eq!(read.remarks.len(), 2, "{:?}", read.remarks);
    let several: String = (0..=VALUES_MAX).map(|n| format!("1.1.1.1 :{}\n", n + 2)).collect();
    assert!(refused(Ip4set, &several).contains("1.1.1.1 and what follows: more than 16 values"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    std::fs::write(&file, format!("#\n{several}")).unwrap();
    let refusal = super::read(&[&file], Ip4set, Code::SPAM, &Exemptions::only([]), NOW).unwrap_err().to_string();
    assert!(refusal.contains("values for one address, the first on ") && refusal.contains("list:2; give"), "{refusal}");
    let texts: String = (0..70_000).map(|n| format!("1.{}.{}.1 case {n}\n", n / 256 % 256, n % 256)).collect();
    assert!(refused(Ip4set, &texts).starts_with("one:65535: more than 65535 different values"));
}

/// G6, RFC 5782 §5: what is exempt and what belongs to the test entries is kept out and counted.
#[test]
fn the_exempt_are_kept_out() {
    let exempt = |text: &str| Exemption { network: text.parse().unwrap(), reason: "test".into() };
    let exemptions = Exemptions::standard([exempt("20.1.1.0/24"), exempt("2a00:1:2:3::25/128")]);
    let mut set = DataSet::new(Ip4trie, Code::SPAM, NOW);
    set.add("one", &b"$MAXRANGE4 /0\n0/0\n"[..]);
    let read = set.finish(&exemptions).unwrap();
    for address in [
        "10.1.1.1",
        "127.0.0.2",
        "127.255.255.255",
        "192.0.2.1",
        "20.1.1.0",
        "20.1.1.255",
        "255.255.255.255",
        "0.0.0.0",
    ] {
        assert_eq!(said(&read, address), "", "{address}");
    }
    assert_eq!((said(&read, "20.1.2.0"), said(&read, "20.1.0.255")), ("2".to_owned(), "2".to_owned()));
    assert_eq!(read.kept_out.four + read.fixed.counts().0, 1 << 32);
    assert_eq!(read.kept_out.first, Some("0.0.0.0".parse().unwrap()));
    let mut set = DataSet::new(Ip6trie, Code::SPAM, NOW);
    set.add("one", &b"::/16\nfe80::/16\n2001::/16\n2a00::/16\n3fff::/16\n5f00::/16\n"[..]);
    let read = set.finish(&exemptions).unwrap();
    for address in ["::1", "::ffff:20.9.9.9", "fe80::1", "2001:db8::1", "2a00:1:2:3::99", "3fff::1", "5f00::1"] {
        assert_eq!(said(&read, address), "", "{address}");
    }
    assert_eq!(said(&read, "2a00:1:2:4::"), "2");
}
