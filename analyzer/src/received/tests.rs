//! Lines that attack the reading, and every way in which a walk ends (G1).

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::sample::{Header, Sample};
use crate::topology::{Boundary, HostPattern, Relay, Topology};
use crate::trust::Reason;
use crate::verdict::{Verdict, judge};

const PEER: &str = "198.51.100.7";
const VICTIM: &str = "203.0.113.9";

/// Every source that a line is read with where this dialect is declared, as text.
fn sources(line: &str, declared: Option<Dialect>) -> Vec<String> {
    let message = format!("Received: {line}\n\n");
    let header = Header::read(message.as_bytes()).unwrap();
    let text = |source| match source {
        Source::Peer(peer) => IpAddr::to_string(&peer),
        Source::Handover(step) => step.name().to_owned(),
        Source::Continued => "continued".to_owned(),
        Source::Unstated => "unstated".to_owned(),
    };
    Hop::read(&header.fields[0]).sources(declared).into_iter().map(text).collect()
}

#[test]
fn general_is_read_in_its_plainest_shape_only() {
    let date = "Mon, 23 Nov 2026 22:05:00 +0000";
    assert_eq!(
        sources(&format!("from a.example (h.example [198.51.100.7]) by mx9.example with ESMTP id 12; {date}"), None),
        [PEER]
    );
    assert_eq!(sources(&format!("FROM a.example ([198.51.100.7]) BY mx9.example; {date} (UTC)"), None), [PEER]);
    assert_eq!(sources(&format!("from [198.51.100.7] by mx9.example; {date}"), None), ["unstated"]);
    // RFC 5321 §4.4: the literal in front of TCP-info is the client's word.
    assert_eq!(sources(&format!("from [203.0.113.9] (h.example [198.51.100.7]) by mx9.example; {date}"), None), [PEER]);
    // An IPv6 address without its tag could be followed by a port.
    let tagless = format!("from a.example (h.example [2001:db8::5:25]) by mx9.example (Unknown MTA); {date}");
    assert_eq!(sources(&tagless, None), ["unstated"]);
    for line in [
        // TCP-info is an address literal, in brackets; in parentheses alone it could be a reverse name.
        format!("from a.example (198.51.100.7) by mx9.example; {date}"),
        format!("from [198.51.100.7] (HELO [203.0.113.9]) by mx9.example; {date}"),
        format!("from ([203.0.113.9]) by mx9.example with ESMTP id 12; {date}"),
        format!("from a.example (h.example [198.51.100.7]) by mx9.example for <\"x ([203.0.113.9])\"@y>; {date}"),
        format!("from a b.example (h.example [198.51.100.7]) by mx9.example; {date}"),
        format!("from a.example (h.example [198.51.100.7]) by mx9.example; {date} and more"),
        format!("from a.example (h.example [010.51.100.7]) by mx9.example; {date}"),
        "from a.example (h.example [198.51.100.7]) by mx9.example; Mon, 23 Nov 26 22:05:00 +0000".to_owned(),
    ] {
        assert_eq!(sources(&line, None), [""; 0], "{line}");
    }
}

/// An MTA that none here knows may let anything stand in a HELO, and run on into the message's first lines: together they
/// can make the line of another MTA around its own.
#[test]
fn no_line_is_made_around_the_line_of_an_unknown_mta() {
    let date = "Mon, 23 Nov 2026 22:02:47 +0000";
    let written =
        |helo: &str| format!("from {helo} ([198.51.100.7]) by mx1.example (Some 1.0) with ESMTP id 12; {date}");
    let exim = format!("by mx1.example with esmtp (Exim 4.96) id 1xVc9P-000710-23 for trap@d.example; {date}");
    let forged = "h.example ([203.0.113.9] helo=c.client.example";
    for (helo, text) in [
        // The relay's own words become the end of a HELO ...
        (forged.to_owned(), format!(") {exim}")),
        (format!("{forged}) {exim}"), format!("from {forged}) {exim}")),
        // ... or of a comment, of a line with a peer or of one without.
        (format!("{forged}) by mx1.example with esmtp (Exim"), format!(") id 1xVc9P-000710-23; {date}")),
        ("root by mx1.example with local (Exim".to_owned(), format!(") id 1xVc9P-000710-23; {date}")),
    ] {
        let message = format!("Received: {}\n\t{text}\n\n", written(&helo));
        let header = Header::read(message.as_bytes()).unwrap();
        let hop = Hop::read(&header.fields[0]);
        assert_ne!(hop.readings_for(None).count(), 0, "{message}");
        assert_eq!(hop.own_readings(None).count(), 0, "{message}");
    }
}

/// A06: a line that is not whole is read by none.
#[test]
fn a_corrupt_line_is_unreadable() {
    let line = "from a.example (unknown [198.51.100.7]) by mx1.example (Postfix) with SMTP id 4T3X; Mon, 23 Nov 2026 22:02:47 +0000";
    assert_eq!(sources(line, None), [PEER]);
    for cut in ["a.example ", "(unknown ", "[", "]", " by ", "mx1.example ", "(Postfix)", "id ", ";", " +0000"] {
        let message = format!("Received: {}\n\n", line.replacen(cut, "", 1));
        let header = Header::read(message.as_bytes()).unwrap();
        assert_eq!(Hop::read(&header.fields[0]).own_readings(Some(Dialect::Postfix)).count(), 0, "without {cut:?}");
    }
    assert_eq!(sources(&format!("{line}{}", "x".repeat(LINE_LIMIT)), Some(Dialect::Postfix)), [""; 0]);
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

/// What the channel saw decides where a walk ends, and never that it goes a step further, into lines that a sender wrote.
#[test]
fn an_observed_relay_decides_nothing() {
    let relays = vec![
        relay("mx1.example", "192.0.2.10/32", Some("courier"), &[]),
        relay("mx2.example", "192.0.2.11/32", Some("postfix"), &[]),
    ];
    let date = "Mon, 23 Nov 2026 22:02:47 +0000";
    // The message begins with white space, and its text runs into Courier's line.
    let message = format!(
        "{}Received: from x (h.example [{PEER}])\n  by mx1.example with ESMTP\n  id 00F4; {date}\n x [192.0.2.10]) by mx1.example with ESMTP id 00F5; {date}\nReceived: from v (v.example [{VICTIM}])\n  by mx1.example with ESMTP\n  id 00F6; {date}\n\n",
        postfix("192.0.2.10", "mx2.example")
    );
    for observed in [None, Some("192.0.2.10"), Some(PEER)] {
        let origin = verdict(&message, relays.clone(), observed).origin;
        assert!(origin.is_err() || origin == Ok(PEER.parse().unwrap()), "{observed:?} {origin:?}");
    }
}

/// A09: whichever relay wrote the line, it must have declared the step, and a relay that comes from its own address made one.
#[test]
fn a_step_is_declared_by_all_who_may_have_made_it() {
    let forged = format!("Received: from v ({VICTIM})\n  by mx2.example with SMTP; 23 Nov 2026 22:02:47 -0000\n\n");
    let queue = "Received: (qmail 7 invoked by uid 404); 23 Nov 2026 22:02:47 -0000\n".to_owned() + &forged;
    let qmail = |host, handovers: &[Handover]| relay(host, "192.0.2.10/32", Some("qmail"), handovers);
    let relays = vec![qmail("mx1.example", &[]), qmail("mx2.example", &[Handover::Pickup])];
    assert_eq!(verdict(&queue, relays, None).origin, Err(Reason::LocalOrigin));
    let own = postfix("192.0.2.10", "mx1.example") + &postfix(VICTIM, "mx1.example") + "\n";
    let relays = vec![relay("mx1.example", "192.0.2.10/32", Some("postfix"), &[])];
    assert_eq!(verdict(&own, relays, None).origin, Err(Reason::LocalOrigin));
}

/// Where nobody knows that an MTA puts something between its line and the message, the message's text may run into it.
#[test]
fn text_that_runs_into_a_line_names_nobody() {
    let message = format!(
        "Received: from unknown (HELO evil) ({PEER})\n  by mx1.example with SMTP; 23 Nov 2026 22:02:47 -0000\n (HELO x) ({VICTIM}) by mx1.example (qpsmtpd/0.94) with ESMTP; Mon, 23 Nov 2026 22:02:47 +0000\n\n"
    );
    let origin = verdict(&message, vec![relay("mx1.example", "192.0.2.10/32", Some("qmail"), &[])], None).origin;
    assert!(origin.is_err() || origin == Ok(PEER.parse().unwrap()), "{origin:?}");
}

/// A line that is crowded for others proves what it proves, then and when it is replayed.
#[test]
fn a_crowded_line_is_replayed() {
    let crowd = " ([192.0.2.1])".repeat(70);
    let message = format!(
        "Received: from x.example (unknown [{PEER}])\n\tby mx1.example (Postfix) with ESMTP id 4T3X\n\tfor <\"{crowd}\"@d.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n\n"
    );
    let verdict = verdict(&message, vec![relay("mx1.example", "192.0.2.10/32", Some("postfix"), &[])], None);
    assert_eq!(verdict.origin, Ok(PEER.parse().unwrap()));
    assert_eq!(verdict.proof[0].replay().as_ref(), Some(&verdict.proof[0].read));
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

    /// A04: no bytes make it panic, and what is named was in the message.
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..600), text in hostile_text()) {
        let message = [b"Received: ".as_slice(), text.as_bytes(), &bytes, b"\nReceived: from ", &bytes, text.as_bytes(), b"\n"].concat();
        let topology = Topology::new(vec![relay("*", "10.0.0.0/8", None, &Handover::ALL)], Boundary::Headers);
        judge(&Sample { message: &message, envelope: None, observed_peer: None }, &topology);
        judge(&Sample { message: &bytes, envelope: None, observed_peer: None }, &topology);
    }
}
