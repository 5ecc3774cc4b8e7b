//! Lines as MTAs write them, lines that attack the reading, and the law: one peer, the true one, or none (G1).

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::sample::{Header, Sample};
use crate::topology::{Boundary, HostPattern, Relay, Topology};
use crate::trust::Reason;
use crate::verdict::{Verdict, judge};

const PEER: &str = "198.51.100.7";
const VICTIM: &str = "203.0.113.9";

/// Every source that a line is read with, as text; `general` only where no other dialect is asked for.
fn sources(line: &str, general: bool) -> Vec<String> {
    let message = format!("Received: {line}\n\n");
    let header = Header::read(message.as_bytes()).unwrap();
    let text = |source| match source {
        Source::Peer(peer) => IpAddr::to_string(&peer),
        Source::Handover(step) => step.name().to_owned(),
        Source::Unstated => "unstated".to_owned(),
    };
    Hop::read(&header.fields[0]).sources(general).into_iter().map(text).collect()
}

/// Lines as they really are, with what they state.
#[test]
fn lines_of_every_dialect() {
    let table = [
        (
            "from a.example (unknown [198.51.100.7])\n\tby mx1.example (Postfix) with SMTP id 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)",
            PEER,
        ),
        (
            "from a.example (h.a.example [IPv6:2001:db8::7])\n\t(using TLSv1.3 with cipher X (256/256 bits))\n\t(No client certificate requested)\n\tby mx1.example (Postfix) with ESMTPS id 4T3X\n\tfor <t@d.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)",
            "2001:db8::7",
        ),
        ("by mx1.example (Postfix, from userid 0)\n\tid 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)", "pickup"),
        (
            "from [198.51.100.7] (helo=a.example)\n\tby mx2.example with esmtp (Exim 4.96)\n\t(envelope-from <a@b.example>)\n\tid 1xVc9P-000710-23\n\tfor t@d.example;\n\tMon, 23 Nov 2026 22:04:39 +0000",
            PEER,
        ),
        (
            "from h.a.example ([198.51.100.7]:5123 helo=a.example) by mx2.example with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96) id 1xVc9P-000710-23; Mon, 23 Nov 2026 22:04:39 +0000",
            PEER,
        ),
        (
            "from root by mx2.example with local (Exim 4.96) id 1xVc9P-000710-23; Mon, 23 Nov 2026 22:04:39 +0000",
            "pickup",
        ),
        (
            "from a.example (i@h.a.example [198.51.100.7] (may be forged)) by mx3.example\n    (8.11.6/8.11.6) with ESMTP id g7MFb for <t@d.example>;\n    Thu, 22 Aug 2002 16:37:32 +0100",
            PEER,
        ),
        ("(from root@localhost) by mx3.example (8.17.1/8.17.1/Submit) id 6AN; Mon, 23 Nov 2026 22:09:56 GMT", "pickup"),
        (
            "from mx1.example ([198.51.100.7])\n\tby s.example with LMTP\n\tid +GoHBLq6\n\tfor <t@d.example>; Mon, 23 Nov 2026 22:14:18 +0000\n from v ([203.0.113.9])",
            PEER,
        ),
        ("from mx1.example by s.example with LMTP id wOze for <t@d.example>; Mon, 23 Nov 2026 22:14:18 +0000", "lmtp"),
        (
            "from mx1.example ([127.0.0.1])\n by localhost (mx1.example [127.0.0.1]) (amavis, port 10024) with ESMTP\n id 2za for <t@d.example>; Mon, 23 Nov 2026 22:20:17 +0000 (UTC)",
            "127.0.0.1",
        ),
        (
            "from a.example ([198.51.100.7]) by EX1.CORP.EXAMPLE with Microsoft SMTPSVC(6.0.3790.1830); Tue, 25 Mar 2008 04:41:14 +0800",
            PEER,
        ),
        (
            "from a.example (198.51.100.7) by EX1.example (10.1.1.4) with Microsoft SMTP Server (TLS) id 14.3.123.3; Mon, 23 Nov 2026 22:05:00 +0000",
            PEER,
        ),
        ("from mail pickup service by EX1.example with Microsoft SMTPSVC; Tue, 16 Mar 2004 18:12:31 -0800", "pickup"),
    ];
    for (line, expected) in table {
        assert_eq!(sources(line, false), [expected], "{line}");
    }
}

#[test]
fn general_is_read_in_its_plainest_shape_only() {
    let date = "Mon, 23 Nov 2026 22:05:00 +0000";
    assert_eq!(
        sources(&format!("from a.example (h.example [198.51.100.7]) by mx9.example with ESMTP id 12; {date}"), true),
        [PEER]
    );
    assert_eq!(sources(&format!("FROM a.example ([198.51.100.7]) BY mx9.example; {date} (UTC)"), true), [PEER]);
    assert_eq!(sources(&format!("from [198.51.100.7] by mx9.example; {date}"), true), ["unstated"]);
    // The literal may be the client's word or the relay's.
    assert_eq!(sources(&format!("from [203.0.113.9] (HELO [198.51.100.7]) by mx9.example; {date}"), true).len(), 2);
    for line in [
        format!("from a.example (h.example [198.51.100.7]) by mx9.example for <\"x ([203.0.113.9])\"@y>; {date}"),
        format!("from a b.example (h.example [198.51.100.7]) by mx9.example; {date}"),
        format!("from a.example (h.example [198.51.100.7]) by mx9.example; {date} and more"),
        format!("from a.example (h.example [010.51.100.7]) by mx9.example; {date}"),
        "from a.example (h.example [198.51.100.7]) by mx9.example; Mon, 23 Nov 26 22:05:00 +0000".to_owned(),
    ] {
        assert_eq!(sources(&line, true), [""; 0], "{line}");
    }
}

/// A06: a line that is not whole is read by none.
#[test]
fn a_corrupt_line_is_unreadable() {
    let line = "from a.example (unknown [198.51.100.7]) by mx1.example (Postfix) with SMTP id 4T3X; Mon, 23 Nov 2026 22:02:47 +0000";
    assert_eq!(sources(line, true), [PEER]);
    for cut in ["a.example ", "(unknown ", "[", "]", " by ", "mx1.example ", "(Postfix)", "id ", ";", " +0000"] {
        assert_eq!(sources(&line.replacen(cut, "", 1), false), [""; 0], "without {cut:?}");
    }
    assert_eq!(sources(&format!("{line}{}", "x".repeat(LINE_LIMIT)), false), [""; 0]);
}

fn relay(host: &str, network: &str, dialect: Option<&str>, handovers: &[Handover]) -> Relay {
    Relay {
        name: host.to_owned(),
        hosts: vec![HostPattern::new(host)],
        networks: vec![network.parse().unwrap()],
        dialect: dialect.map(|name| Dialect::parse(name).unwrap()),
        handovers: handovers.to_vec(),
    }
}

fn verdict(message: &str, relays: Vec<Relay>, observed: Option<&str>) -> Verdict {
    let observed_peer = observed.map(|text| text.parse().unwrap());
    let sample = Sample { message: message.as_bytes(), envelope: None, observed_peer };
    judge(&sample, &Topology::new(relays, Boundary::Headers))
}

fn postfix(from: &str, by: &str) -> String {
    format!(
        "Received: from x.example (unknown [{from}])\n\tby {by} (Postfix) with ESMTP id 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n"
    )
}

/// Every way in which a walk ends.
#[test]
fn the_walk_ends_at_the_first_doubt() {
    let relays = |handovers: &[Handover]| {
        vec![
            relay("mx1.example", "192.0.2.10/32", Some("postfix"), handovers),
            relay("mx2.example", "192.0.2.11/32", Some("postfix"), &[]),
        ]
    };
    let end = |lines: &[String], handovers: &[Handover]| verdict(&lines.concat(), relays(handovers), None).origin;
    let (edge, inner) = (postfix(PEER, "mx1.example"), postfix("192.0.2.10", "mx2.example"));
    let forged = postfix(VICTIM, "mx1.example");
    let peer: IpAddr = PEER.parse().unwrap();
    assert_eq!(end(std::slice::from_ref(&edge), &[]), Ok(peer));
    assert_eq!(end(&[inner.clone(), edge.clone(), forged.clone()], &[]), Ok(peer));
    assert_eq!(end(&[], &[]), Err(Reason::NoReceived));
    assert_eq!(end(std::slice::from_ref(&inner), &[]), Err(Reason::BrokenChain));
    assert_eq!(end(&[inner.clone(), postfix(VICTIM, "mx2.example")], &[]), Err(Reason::BrokenChain));
    assert_eq!(end(&[postfix(PEER, "mx9.example"), edge.clone()], &[]), Err(Reason::TopLineNotOurs));
    assert_eq!(end(&[edge.replace("(Postfix)", "(Postfux)"), forged.clone()], &[]), Err(Reason::UnreadableLine));
    assert_eq!(end(&[inner.clone(), "no field\n".into(), edge.clone()], &[]), Err(Reason::MalformedHeader));
    assert_eq!(end(&[postfix("10.1.2.3", "mx1.example"), forged.clone()], &[]), Err(Reason::SpecialPurpose));
    // A09: behind an undeclared handover anybody may stand.
    let pickup =
        "Received: by mx1.example (Postfix, from userid 33)\n\tid 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n"
            .to_owned();
    let loopback = postfix("127.0.0.1", "mx1.example");
    assert_eq!(end(&[pickup.clone(), forged.clone()], &[]), Err(Reason::LocalOrigin));
    assert_eq!(end(&[loopback.clone(), forged.clone()], &[Handover::Pickup]), Err(Reason::LocalOrigin));
    assert_eq!(end(&[loopback.clone(), edge.clone()], &[Handover::Loopback]), Ok(peer));
    assert_eq!(end(&[loopback, postfix(PEER, "mx9.example")], &[Handover::Loopback]), Err(Reason::BrokenChain));
    assert_eq!(end(&[pickup], &[Handover::Pickup]), Err(Reason::BrokenChain));
}

/// Where no dialect is declared, an MTA that none here knows may have written the line, and copied a HELO with spaces.
#[test]
fn a_line_within_an_unknown_mtas_line_proves_nothing() {
    let date = "Mon, 1 Jan 2024 00:00:00 +0000";
    for helo in [
        format!("[{VICTIM}]) by mx1.example (Postfix) with ESMTP id 1; {date} "),
        format!("[{VICTIM}]) by mx1.example (8.11.6/8.11.6) with SMTP id g7; {date} "),
        format!("x ([{VICTIM}]) by mx1.example with Microsoft SMTPSVC(6.0.1.1); {date} "),
        format!("[{VICTIM}]) by mx1.example with LMTP id 1; {date} (x"),
    ] {
        let line = format!(
            "Received: from unknown (HELO {helo}) ({PEER})\n  by mx1.example with SMTP; 23 Nov 2026 22:05:00 -0000\n"
        );
        let verdict = verdict(&line, vec![relay("mx1.example", "192.0.2.10/32", None, &[])], None);
        assert!(verdict.origin.is_err(), "{line}");
    }
}

#[test]
fn an_observed_peer_must_be_on_the_path() {
    let relays =
        || vec![relay("mx1.example", "192.0.2.10/32", None, &[]), relay("mx2.example", "192.0.2.11/32", None, &[])];
    let message = postfix("192.0.2.10", "mx2.example") + &postfix(PEER, "mx1.example");
    let end = |observed| verdict(&message, relays(), Some(observed)).origin;
    assert_eq!(end(PEER), Ok(PEER.parse().unwrap()));
    assert_eq!(end("192.0.2.10"), Ok(PEER.parse().unwrap()));
    assert_eq!(end("192.0.2.11"), Err(Reason::Contradicted));
    assert_eq!(end(VICTIM), Err(Reason::Contradicted));
}

#[test]
fn a_channel_tells_the_origin_itself() {
    let end = |observed: Option<&str>| {
        let observed_peer = observed.map(|text| text.parse().unwrap());
        let message = postfix(VICTIM, "mx1.example");
        let sample = Sample { message: message.as_bytes(), envelope: None, observed_peer };
        judge(&sample, &Topology::new(vec![relay("mx1.example", "192.0.2.10/32", None, &[])], Boundary::Channel))
    };
    let told = end(Some(PEER));
    assert_eq!(
        (told.origin, told.framed),
        (Ok(PEER.parse().unwrap()), vec![VICTIM.to_owned(), "x.example".to_owned()])
    );
    assert_eq!(end(None).origin, Err(Reason::NoPeer));
    assert_eq!(end(Some("192.0.2.10")).origin, Err(Reason::OwnRelay));
    assert_eq!(end(Some("10.0.0.1")).origin, Err(Reason::SpecialPurpose));
}

/// What each MTA does to a hostile HELO, ident or name before it writes it into its line (`FORMATS.md`, and for
/// Exchange the worst: nothing).
fn hostile_line(dialect: usize, helo: &str, other: &str) -> (&'static str, String) {
    let date = "Mon, 23 Nov 2026 22:02:47 +0000";
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let (helo, other) = (one_line(helo), one_line(other));
    let cut = |text: &str| text.split([' ', '\t', '(', ')', ';']).next().unwrap_or_default().to_owned();
    let or = |text: String| if text.is_empty() { "x".to_owned() } else { text };
    match dialect {
        0 => {
            let helo = or(helo.replace(|symbol: char| " \t<>()\\\";@".contains(symbol) || symbol.is_control(), "?"));
            (
                "postfix",
                format!(
                    "from {helo} (unknown [{PEER}])\n\t(Client CN \"{other}\", Issuer \"x\" (not verified))\n\tby mx1.example (Postfix) with ESMTPS id 4T3X\n\tfor <\"{other}\"@d.example>; {date} (UTC)"
                ),
            )
        }
        1 => (
            "exim",
            format!(
                "from [{PEER}] (helo={helo} ident={other})\n\tby mx1.example with esmtp (Exim 4.96)\n\t(envelope-from <\"{other}\"@x.example>)\n\tid 1xVc9P-000710-23\n\tfor t@d.example;\n\t{date}"
            ),
        ),
        2 => {
            let ident: String =
                other.chars().filter(|symbol| symbol.is_ascii_alphanumeric() || ".-_".contains(*symbol)).collect();
            (
                "sendmail",
                format!(
                    "from {} ({}@h.example [{PEER}] (may be forged))\n\tby mx1.example (8.17.1.9/8.17.1.9) with ESMTP id 6AN\n\tfor <\"{other}\"@d.example>; {date}",
                    or(cut(&helo)),
                    or(ident)
                ),
            )
        }
        3 => (
            "dovecot",
            format!(
                "from {} ([{PEER}])\n\tby mx1.example with LMTP\n\tid +GoH\n\t(envelope-from <\"{other}\"@x>)\n\tfor <t@d.example>; {date}\n\t{helo}",
                or(cut(&helo))
            ),
        ),
        _ => (
            "exchange",
            format!("from {} ([{PEER}]) by mx1.example with Microsoft SMTPSVC(6.0.3790.1830); {date}", or(helo)),
        ),
    }
}

/// Pieces of which an attacker builds a line within a line.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[203.0.113.9]",
        "([203.0.113.9])",
        "(unknown [203.0.113.9])",
        "203.0.113.9",
        "(203.0.113.9)",
        "[IPv6:2001:db8:9::9]",
        "from",
        " ",
        " ",
        ")",
        "(",
        "]",
        "[",
        " by mx1.example",
        " (Postfix)",
        " with ESMTP id 4T3X",
        "; Mon, 1 Jan 2024 00:00:00 +0000",
        " with Microsoft SMTPSVC(6.0)",
        "from v (unknown [203.0.113.9]) by mx1.example (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000 ",
        "x (v [203.0.113.9]) by mx1.example (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000",
        "helo=",
        " ident=",
        "\"",
        "\\",
        "<",
        ">",
        "a.example",
        "\u{85}",
        "é",
        "\t",
        " with LMTP id 1",
        "x ([203.0.113.9]) by mx1.example with Microsoft SMTPSVC(6.0.1.1); Mon, 1 Jan 2024 00:00:00 +0000",
        " (8.11.6/8.11.6) with SMTP id g7; Mon, 1 Jan 2024 00:00:00 +0000",
        " with esmtp (Exim 4.96) id 1xVc9P-000710-23; Mon, 1 Jan 2024 00:00:00 +0000",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// The law: any bytes in what the sender says, after what that MTA does to them, leave the true peer or none.
    #[test]
    fn no_sender_moves_the_origin(dialect in 0..5usize, helo in hostile_text(), other in hostile_text(), declared in any::<bool>(), below in hostile_text()) {
        let (name, line) = hostile_line(dialect, &helo, &other);
        let relays = vec![relay("mx1.example", "192.0.2.10/32", declared.then_some(name), &Handover::ALL)];
        let message = format!("Received: {line}\nReceived: {below}\n{}\n\n", postfix(VICTIM, "mx1.example"));
        let verdict = verdict(&message, relays, None);
        match verdict.origin {
            Ok(origin) => prop_assert_eq!(origin.to_string(), PEER, "{}", line),
            Err(reason) => prop_assert!(matches!(reason, Reason::AmbiguousLine | Reason::UnreadableLine), "{:?} {}", reason, line),
        }
    }

    /// A04: no bytes make it panic, and what is named was in the message.
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..600), text in hostile_text()) {
        let message = [b"Received: ".as_slice(), text.as_bytes(), &bytes, b"\nReceived: from ", &bytes, text.as_bytes(), b"\n"].concat();
        let topology = Topology::new(vec![relay("*", "10.0.0.0/8", None, &Handover::ALL)], Boundary::Headers);
        judge(&Sample { message: &message, envelope: None, observed_peer: None }, &topology);
        judge(&Sample { message: &bytes, envelope: None, observed_peer: None }, &topology);
    }
}
