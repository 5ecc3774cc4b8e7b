//! A: can a sender have a sample held against anybody else?
//!
//! The relays are those of [`super::mail`]: `mx2` on top, `mx1` behind it as the boundary, in the dialect of each MTA in
//! turn. Whatever the sender adds must leave the origin at 198.51.100.7, or leave no origin.

mod edges;

use std::fs;
use std::io::Write;
use std::net::{IpAddr, TcpStream};
use std::process::{Command, Output, Stdio};

use firsthand_analyzer::address::{Origin, parse_address};
use firsthand_analyzer::listing::{Exemption, Exemptions};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::received::{Dialect, Handover};
use firsthand_analyzer::sample::{HEADER_LIMIT, Sample};
use firsthand_analyzer::score::{List, Policy, score};
use firsthand_analyzer::survey::Survey;
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::trust::Reason;
use firsthand_analyzer::verdict::{Verdict, judge};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::harness::{self, FIRSTHAND, Service, TOKEN};
use super::mail::*;

/// Header fields that others take for a reason to trust, each naming the victims.
const TEMPTING: [&str; 26] = [
    "X-Originating-IP: [203.0.113.9]",
    "X-Sender-IP: 203.0.113.9",
    "X-Client-IP: 203.0.113.9",
    "X-Real-IP: 203.0.113.9",
    "X-Forwarded-For: 203.0.113.9, 192.0.2.10",
    "X-Forwarded-To: trap@d0.example",
    "X-Mailgun-Sending-Ip: 203.0.113.9",
    "X-MS-Exchange-Organization-OriginalClientIPAddress: 203.0.113.9",
    "X-MS-Exchange-Organization-AuthAs: Internal",
    "X-Received: from v (v [203.0.113.9]) by mx1.example (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000",
    "X-Original-Received: from v (v [203.0.113.9]) by mx1.example (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000",
    "Received-SPF: pass (mx1.example: 203.0.113.9 is permitted) client-ip=203.0.113.9; helo=v",
    "Authentication-Results: mx1.example; iprev=pass policy.iprev=203.0.113.9; auth=pass smtp.auth=bob",
    "Authentication-Results: mx2.example 1; spf=pass smtp.remote-ip=2001:db8:9::9",
    "ARC-Authentication-Results: i=1; mx1.example; iprev=pass smtp.remote-ip=203.0.113.9",
    "ARC-Seal: i=1; a=rsa-sha256; cv=pass; d=mx1.example; s=x; b=AAAA",
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=mx1.example; h=received; b=AAAA",
    "DKIM-Signature: v=1; a=rsa-sha256; d=mx1.example; h=received:from; bh=AAAA; b=AAAA",
    "Resent-From: bob@mx1.example",
    "Resent-Sender: bob@[203.0.113.9]",
    "Resent-Date: Mon, 1 Jan 2024 00:00:00 +0000",
    "Resent-Received: from v ([203.0.113.9]) by mx1.example (Postfix) with ESMTPA id 1; Mon, 1 Jan 2024 00:00:00 +0000",
    "Delivered-To: trap@d0.example",
    "Return-Path: <bob@[203.0.113.9]>",
    "Via: 203.0.113.9",
    "Forwarded: for=203.0.113.9;by=192.0.2.10",
];

fn is_attacker(verdict: &Verdict) -> bool {
    verdict.origin == Ok(address(ATTACKER))
}

/// The law of all of A: the attacker or nobody.
fn assert_nobody_else(verdict: &Verdict, message: &[u8]) {
    assert!(verdict.origin.is_err() || is_attacker(verdict), "{:?}: {}", verdict.origin, message.escape_ascii());
}

fn form() -> impl Strategy<Value = Form> {
    prop::sample::select(FORMS.to_vec())
}

/// What a sender puts below the trusted lines, to be mistaken for them.
fn suffix() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => form().prop_map(|form| forged(&form)),
        2 => form().prop_map(|form| [inner(), forged(&form)].concat()),
        2 => form().prop_map(|form| trusted(&form)),
        2 => prop::sample::select(TEMPTING.to_vec()).prop_map(|field| format!("{field}\n").into_bytes()),
        1 => form().prop_map(|form| [b"RECEIVED\t".as_slice(), &forged(&form)[8..]].concat()),
        1 => form().prop_map(|form| [b"X: y\r".as_slice(), &forged(&form)].concat()),
        1 => form().prop_map(|form| [b"Subject: x\n\n".as_slice(), &forged(&form)].concat()),
        1 => form().prop_map(|form| [b" ".as_slice(), &forged(&form)].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..60),
        1 => Just(b"\r\n.\r\nMAIL FROM:<>\r\nDATA\r\n".to_vec()),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// A01. The sender adds lines that name the victim, in every dialect, in our relays' names and in between, and copies of
/// our relays' own. Only the unbroken run from the top is read, so none of it changes origin, path, proof or evidence.
#[test]
fn a01_forged_upstream_received() {
    let config = Config { cases: 6_000, failure_persistence: None, ..Config::default() };
    let case = (form(), suffix(), any::<bool>());
    let result = TestRunner::new(config).run(&case, |(form, suffix, declared)| {
        let topology = chain(declared.then_some(form.mta));
        let clean = judged(&[trusted(&form), b"\n".to_vec()].concat(), &topology);
        let message = [trusted(&form), suffix.clone()].concat();
        let full = judged(&message, &topology);
        // White space at the very start of a message is, to every reader, a fold of the line above.
        if suffix.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            assert_nobody_else(&full, &message);
            return Ok(());
        }
        prop_assert_eq!(&full.origin, &clean.origin, "{}", message.escape_ascii());
        prop_assert_eq!(&full.path, &clean.path);
        prop_assert_eq!(&full.proof, &clean.proof);
        prop_assert!(!declared || is_attacker(&full));
        if is_attacker(&full) {
            prop_assert_eq!(witnessed(&full, 0, START).origin, Origin::from(address(ATTACKER)));
            prop_assert!(!full.framed.iter().any(|framed| framed == ATTACKER));
        }
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

/// A02. The sender replays a whole trust path of ours, bit for bit, with the victim as its peer, behind a HELO and a
/// reverse name that are our relay's. A line is believed for where it stands and for the address above it, never for
/// its looks: one line of `mx1` below `mx2` is read, and it says 198.51.100.7.
#[test]
fn a02_forged_trusted_looking_line() {
    for form in &FORMS {
        let session = Session::of(ATTACKER).with("helo", "mx1.example").with("rdns", "mx1.example");
        let path = [inner(), forged(form), inner(), forged(form), inner(), forged(form)].concat();
        for declared in [Some(form.mta), None] {
            let through = [inner(), form.line("mx1.example", &session), path.clone(), b"\n".to_vec()].concat();
            let verdict = judged(&through, &chain(declared));
            assert!(declared.is_none() || is_attacker(&verdict), "{form:?}: {:?}", verdict.origin);
            assert_nobody_else(&verdict, &through);
            assert!(verdict.path.len() <= 2, "{form:?}: {:?}", verdict.path);
            // Straight to the inner relay, with `mx1`'s line forged as the next.
            let straight = [FORMS[1].line("mx2.example", &session), path.clone(), b"\n".to_vec()].concat();
            let verdict = judged(&straight, &chain(declared));
            assert_eq!((verdict.origin, verdict.path.len()), (Ok(address(ATTACKER)), 1), "{form:?}");
            // A relay's address is no reason where a relay says it was a stranger's HELO.
            let literal = session.clone().with("helo", format!("[{}]", RELAYS[0])).with("rdns", "mx2.example");
            let claimed = [inner(), form.line("mx1.example", &literal), path.clone(), b"\n".to_vec()].concat();
            assert_nobody_else(&judged(&claimed, &chain(declared)), &claimed);
            // The forger has the top to itself when the relay's line is lost: then nothing is proven.
            let bare = [forged(form), b"\n".to_vec()].concat();
            assert!(judged(&bare, &chain(declared)).origin.is_err(), "{form:?}");
        }
    }
}

/// Ways to write the victim that a careless reader takes for TCP-info.
const LITERALS: [&str; 14] = [
    "[203.0.113.9]",
    "203.0.113.9",
    "[IPv6:2001:db8:9::9]",
    "2001:db8:9::9",
    "[::ffff:203.0.113.9]",
    "203.0.113.9.",
    "[203.0.113.9]:25",
    "x[203.0.113.9]",
    "([203.0.113.9])",
    "(203.0.113.9)",
    "x (v.example [203.0.113.9])",
    "x@[203.0.113.9]",
    "v.example [203.0.113.9]) by mx1.example",
    "[203.0.113.9] by mx1.example with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000",
];

/// A03. The client says the victim's address wherever it may say something: HELO, reverse name, ident answer,
/// certificate, login, sender, recipient; and in case the relay writes it there, in id and protocol. Only what stands in
/// the place that this MTA gives TCP-info is the peer; a line that can be read in two ways proves nothing.
#[test]
fn a03_helo_address_literal() {
    for form in &FORMS {
        for literal in LITERALS {
            let everywhere =
                FIELDS.into_iter().fold(Session::of(ATTACKER), |session, field| session.with(field, literal));
            let alone = FIELDS.map(|field| (field, Session::of(ATTACKER).with(field, literal)));
            for (field, session) in alone.into_iter().chain([("all", everywhere)]) {
                for declared in [Some(form.mta), None] {
                    let line = form.line("mx1.example", &session);
                    let message = [inner(), line, forged(form), b"\n".to_vec()].concat();
                    let verdict = judged(&message, &chain(declared));
                    assert_nobody_else(&verdict, &message);
                    // Courier writes no word of its own behind an ident answer that looks like TCP-info.
                    let twofold = form.mta == Dialect::Courier && matches!(field, "ident" | "all");
                    let expected = declared.is_none() || is_attacker(&verdict) || twofold;
                    assert!(expected, "{field} {literal}: {:?}: {}", verdict.origin, message.escape_ascii());
                }
            }
            // What the relay itself counts and names, were it ever the client's word.
            let line = String::from_utf8(form.line("mx1.example", &Session::of(ATTACKER))).unwrap();
            for own in ["4T3X", "ESMTPSA", "ESMTPS", "ESMTP", "TLS_AES_256_GCM_SHA384", "b75f7b21"] {
                let message = [inner(), line.replace(own, literal).into_bytes(), forged(form), b"\n".to_vec()].concat();
                assert_nobody_else(&judged(&message, &chain(Some(form.mta))), &message);
            }
        }
    }
}

/// Text of which a client builds a line within the relay's line.
fn hostile_text() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 30] = [
        "[203.0.113.9]",
        "([203.0.113.9])",
        "(unknown [203.0.113.9])",
        "alice@203.0.113.9",
        "[IPv6:2001:db8:9::9]",
        "(",
        ")",
        "((((",
        "))))",
        "[",
        "]",
        "<",
        ">",
        "\"",
        "\\",
        " ",
        "\t",
        "\n\t",
        "\r",
        "\0",
        "é",
        "\u{202e}",
        "; ",
        " by mx1.example",
        " (Postfix) with ESMTP id 1",
        " with esmtp (Exim 4.96) id 1",
        " (8.17.1/8.17.1) with ESMTP id 1",
        "; Mon, 1 Jan 2024 00:00:00 +0000",
        " helo=",
        " ident=",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        // A whole line of ours, unfolded, from its start or from within.
        2 => (form(), 0..30_usize).prop_map(|(form, from)| {
            let line = form.line("mx1.example", &Session::of(VICTIM));
            line[10 + from..].iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
        }),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A04. The client says lines within lines: nested comments, folds, NUL, 8-bit bytes, 100 kB at a time, and a message
/// whose first line is a fold of ours. The grammars read bytes by whole lines, and what allows two readings allows none.
#[test]
fn a04_injection_into_a_trusted_line() {
    let config = Config { cases: 4_000, failure_persistence: None, ..Config::default() };
    let field = || prop::sample::select(FIELDS.to_vec());
    let case = (form(), prop::collection::vec((field(), hostile_text()), 1..4), any::<bool>(), any::<bool>());
    let result = TestRunner::new(config).run(&case, |(form, texts, declared, folds)| {
        let session = texts.iter().fold(Session::of(ATTACKER), |session, (field, text)| session.with(field, text));
        let line = form.line("mx1.example", &session);
        let fold = if folds { [b" ".as_slice(), &texts[0].1, b"\n"].concat() } else { Vec::new() };
        let message = [inner(), line, fold, forged(&form), b"\n".to_vec()].concat();
        let verdict = judged(&message, &chain(declared.then_some(form.mta)));
        prop_assert!(
            verdict.origin.is_err() || is_attacker(&verdict),
            "{:?}: {}",
            verdict.origin,
            message.escape_ascii()
        );
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    for form in &FORMS {
        for text in ["(".repeat(100_000), "[203.0.113.9] ".repeat(7_000), "\\\"".repeat(50_000), "é".repeat(50_000)] {
            for field in FIELDS {
                let line = form.line("mx1.example", &Session::of(ATTACKER).with(field, &text));
                let message = [inner(), line, forged(form), b"\n".to_vec()].concat();
                assert_nobody_else(&judged(&message, &chain(Some(form.mta))), &message[..200]);
            }
        }
    }
    // The same through the program, which has no more than this memory.
    let folder = tempfile::tempdir().unwrap();
    for (number, text) in [")(".repeat(50_000), "\n\t([203.0.113.9])".repeat(6_000)].into_iter().enumerate() {
        let file = folder.path().join(number.to_string());
        let lines =
            [FORMS[1].line("mx1.example", &Session::of(ATTACKER)), format!(" {text}\n\n").into_bytes()].concat();
        fs::write(&file, lines).unwrap();
        let output = bounded(&["analyze", "--relay", RELAYS[0], "--json", file.to_str().unwrap()], |_| {});
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(told["origin"].is_null() || told["origin"] == ATTACKER, "{told}");
    }
}

/// The most memory that the program may ask for under [`bounded`], in KiB: a message at its limit, several times, and
/// the grammars.
const MEMORY: u32 = 600 << 10;

/// Runs the program with bounded memory, and with what `write` writes as its input.
fn bounded(arguments: &[&str], write: impl FnOnce(&mut dyn Write) + Send + 'static) -> Output {
    let script = format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, FIRSTHAND]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || write(&mut input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// A05. The sender goes through a host that is exempt, or private, and forges lines below it that name the victim. The
/// walk ends at the first peer that is no relay's: an exempt origin is counted and kept out, and the blame stays there.
#[test]
fn a05_walk_past_an_exempt_hop() {
    const EXEMPT: &str = "198.51.100.99";
    let network = |text: &str| Exemption { network: text.parse().unwrap(), reason: "a forwarder of ours".to_owned() };
    let exemptions = Exemptions::only([network("198.51.100.96/28")]);
    for form in &FORMS {
        for declared in [Some(form.mta), None] {
            for private in
                ["10.1.2.3", "172.20.1.1", "192.168.1.1", "100.64.9.9", "169.254.1.1", "0.0.0.0", "255.255.255.255"]
            {
                let line = form.line("mx1.example", &Session::of(private));
                let message = [inner(), line, forged(form), b"\n".to_vec()].concat();
                let origin = judged(&message, &chain(declared)).origin;
                assert_eq!(origin, Err(Reason::SpecialPurpose), "{form:?} {declared:?} {private}");
            }
            // The exempt host is innocent, writes our own dialect, and calls itself our relay.
            let line = form.line("mx1.example", &Session::of(EXEMPT).with("helo", "mx1.example"));
            let message = [inner(), line, forged(form), b"\n".to_vec()].concat();
            let verdict = judged(&message, &chain(declared));
            assert_eq!(verdict.origin, Ok(address(EXEMPT)), "{form:?} {declared:?}");
            let listed = listings((0..6).map(|trap| witnessed(&verdict, trap, START)), &six_traps(), START);
            assert_eq!(listed.len(), 1);
            for ((origin, _), listing) in listed {
                assert_eq!(origin, Origin::from(address(EXEMPT)));
                assert!(exemptions.admit(origin, listing.until).is_err());
            }
        }
    }
    assert!(exemptions.admit(Origin::from(address(VICTIM)), 1).is_ok());

    let exempt = "[[exempt]]\nnetworks = [\"26.7.0.0/16\"]\nreason = \"a forwarder of ours\"\n";
    let service = Service::start(&(harness::settings(3) + exempt));
    let below = String::from_utf8(harness::message("26.51.100.25", 9)).unwrap();
    for trap in 0..3 {
        let above = String::from_utf8(harness::message("26.7.8.9", trap)).unwrap();
        let sample = format!("{}{below}", above.split("Subject:").next().unwrap());
        let (_, body) = service.submit(&format!("trap@d{trap}.example"), sample.as_bytes()).unwrap();
        assert_eq!((&body["verdict"]["origin"], &body["evidence"]), (&"26.7.8.9".into(), &"counted".into()));
    }
    let counter = |service: &Service| metric(service, "firsthand_listings_exempt_total");
    service.wait("the exempt origin to be counted", |service| counter(service) == 1);
    assert!(!service.lists("26.7.8.9") && !service.lists("26.51.100.25"));
    let why = service.run("why", &["--json", "26.51.100.25"]);
    let why: serde_json::Value = serde_json::from_slice(&why.stdout).unwrap();
    assert_eq!((&why["lists"]["mixed"]["traps"], &why["framed"]["samples"]), (&0.into(), &3.into()), "{why}");
}

/// The value of a metric that is written with these words.
fn metric(service: &Service, words: &str) -> u64 {
    let page = service.get("/metrics").1;
    let line = page.lines().find(|line| line.strip_prefix(words).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {words} in {page}")).rsplit(' ').next().unwrap().parse().unwrap()
}

/// A06. A byte of a trusted line is lost or wrong, as when a relay changed its format or a sender found what it cannot
/// write. A line that should be a relay's and cannot be read ends the walk; the next one is never asked. The sample is
/// kept, and a counter rises that an alert can watch.
#[test]
fn a06_unparseable_trusted_line() {
    for form in &FORMS {
        let outer = form.line("mx1.example", &Session::of(ATTACKER));
        let place = outer.windows(ATTACKER.len()).position(|window| window == ATTACKER.as_bytes()).unwrap();
        let address_bytes = place..place + ATTACKER.len();
        // A wrong digit of the address is another address; and no relay errs in the field's own name.
        for at in "Received: ".len()..outer.len() - 1 {
            for change in [None, Some(b'?'), Some(b'['), Some(b'('), Some(0), Some(b'\n')] {
                let line = [&outer[..at], change.as_slice(), &outer[at + 1..]].concat();
                let message = [inner(), line, forged(form), b"\n".to_vec()].concat();
                for declared in [Some(form.mta)].into_iter().chain(change.is_none().then_some(None)) {
                    let verdict = judged(&message, &chain(declared));
                    if !address_bytes.contains(&at) {
                        assert_nobody_else(&verdict, &message);
                    }
                    let victim = [VICTIM, VICTIM_V6].iter().any(|victim| verdict.origin == Ok(address(victim)));
                    assert!(!victim && verdict.path.len() <= 2, "{at} {change:?} {}", message.escape_ascii());
                }
            }
        }
        // A line too many above, or the inner relay's own broken.
        let broken = String::from_utf8(inner()).unwrap().replace("(Postfix)", "(Postfux)").into_bytes();
        for (top, reason) in [(broken, Reason::UnreadableLine), (forged(form), Reason::TopLineNotOurs)] {
            let message = [top, outer.clone(), forged(form), b"\n".to_vec()].concat();
            let origin = judged(&message, &chain(Some(form.mta))).origin;
            assert_eq!(origin, Err(reason), "{form:?}");
        }
    }
    let service = Service::start(&harness::settings(1));
    let broken = String::from_utf8(harness::message("26.1.2.3", 1)).unwrap().replace("(Postfix)", "(Postfux)");
    let below = String::from_utf8(harness::message("26.51.100.25", 2)).unwrap();
    let sample = format!("{}{below}", broken.split("Subject:").next().unwrap());
    let before = metric(&service, "firsthand_samples_total{verdict=\"unreadable-line\"}");
    let (status, body) = service.submit("trap@d0.example", sample.as_bytes()).unwrap();
    assert_eq!((status, &body["verdict"]["reason"]), (202, &"unreadable-line".into()));
    assert_eq!((&body["verdict"]["origin"], &body["evidence"]), (&serde_json::Value::Null, &"unattributed".into()));
    assert_eq!(metric(&service, "firsthand_samples_total{verdict=\"unreadable-line\"}"), before + 1);
    assert_eq!(service.submit("trap@d0.example", sample.as_bytes()).unwrap().1["repeat"], true);
}

/// A07. The sender hides lines of ours in body, parts, attachments and look-alike fields, plays with where header and
/// line end, and smuggles a second message into the first. Only real fields of the real header block count, a bare CR
/// ends nothing, and nothing below the boundary counts at all. Where the channel tells the peer, no line does.
#[test]
fn a07_received_elsewhere_and_boundary_tricks() {
    for form in &FORMS {
        let forgery = String::from_utf8(forged(form)).unwrap();
        let part = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n";
        let returned = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx1.example\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n--b\n";
        let tricks = [
            format!("Subject: x\n\n{forgery}"),
            format!("\n{forgery}"),
            format!("\r\n{forgery}"),
            format!("{part}{forgery}Content-Type: text/plain\n\nx\n--b--\n"),
            format!("{part}Content-Type: message/rfc822\n\n{forgery}Subject: y\n\nz\n--b--\n"),
            format!("{returned}Content-Type: message/rfc822\n\n{forgery}Subject: y\n\nz\n--b--\n"),
            format!(
                "Subject: x\n\nhello\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<t@d.example>\r\nDATA\r\n{forgery}\n"
            ),
            format!("Subject: x\r\n\r\nhello\r\n.\nMAIL FROM:<>\nDATA\n{forgery}\n"),
            format!("Subject: x\n\n\n.\n{forgery}"),
            format!("Subject: x\n\nFrom MAILER-DAEMON Mon Nov 23 22:02:47 2026\n{forgery}\n"),
            forgery.replace("Received:", "Received :"),
            forgery.replace("Received:", "RECEIVED\t:"),
            forgery.replace("Received:", "X-Received:"),
            forgery.replace("Received:", "Received-:"),
            forgery.replace("Received:", "Received\0:"),
            forgery.replace("Received:", "\u{feff}Received:"),
            format!("X: y\r{forgery}"),
            format!("X: y\r\r\n{forgery}"),
            format!("X: y\0\n{forgery}"),
            format!("X: y\n\0{forgery}"),
            format!("no field at all\n{forgery}"),
            format!(": no name\n{forgery}"),
            format!("From nobody Mon Nov 23 22:02:47 2026\n{forgery}"),
            format!("PROXY TCP4 203.0.113.9 192.0.2.10 56324 25\n{forgery}"),
            forgery.replace('\n', "\r\n"),
            forgery.replace('\n', "\r"),
        ];
        let (top, topology) = (trusted(form), chain(Some(form.mta)));
        let clean = judged(&[top.clone(), b"Subject: x\n\nbody\n".to_vec()].concat(), &topology);
        assert!(is_attacker(&clean), "{form:?}");
        for trick in tricks {
            let message = [top.clone(), trick.clone().into_bytes()].concat();
            let crlf = String::from_utf8(top.clone()).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
            let mixed = [crlf.into_bytes(), trick.into_bytes()].concat();
            for message in [&message, &mixed, &[b"From a Mon Nov 23 22:02:47 2026\n".as_slice(), &message].concat()] {
                let verdict = judged(message, &topology);
                assert_eq!(verdict.origin, clean.origin, "{}", message.escape_ascii());
                assert_eq!(verdict.path.len(), 2);
            }
            // Out of band: the channel saw the attacker, and `mx1` forwards nothing but what the client said.
            let channel = Topology { boundary: Boundary::Channel, ..topology.clone() };
            for observed in [ATTACKER, ATTACKER_V6] {
                let sample = Sample { message: &message, envelope: None, observed_peer: Some(address(observed)) };
                assert_eq!(judge(&sample, &channel).origin, Ok(address(observed)));
            }
            assert_eq!(judged(&message, &channel).origin, Err(Reason::NoPeer));
        }
    }
    // A body that looks like the next message of an mbox is one sample, unless the operator says that it is an mbox.
    let service = Service::start(&harness::settings(1));
    let hidden = [b"\nFrom a@b Mon Nov 23 22:02:47 2026\n".as_slice(), &harness::message("26.51.100.25", 2)].concat();
    let path = service.folder.path().join("sample.eml");
    fs::write(&path, [harness::message("26.1.2.3", 1), hidden].concat()).unwrap();
    let server = service.http.to_string();
    let arguments =
        ["--feed", "traps", "--trap", "trap@d0.example", "--json", "--server", &server, path.to_str().unwrap()];
    let output = service.run("submit", &arguments);
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!((answers.lines().count(), answers.matches("\"origin\":\"26.1.2.3\"").count()), (1, 1), "{answers}");
    assert_eq!(metric(&service, "firsthand_samples_total{verdict=\"attributed\"}"), 1);
}

/// A08. The sender claims that its mail was authenticated, resealed, resent or forwarded, in fields and in the protocol
/// of the line. None of these is read for attribution: same origin, evidence and score; and the modules that attribute
/// never so much as name them.
#[test]
fn a08_trust_extending_tokens() {
    let registry = six_traps();
    let value = |verdict: &Verdict| {
        let keys = (0..6).map(|trap| witnessed(verdict, trap, START));
        let all = units(keys);
        assert_eq!(all.len(), 1);
        let (origin, units) = all.into_iter().next().unwrap();
        let scores = List::ALL.map(|list| score(&units, list, &registry, &Policy::default(), START * 3600).value);
        (origin, scores)
    };
    for form in &FORMS {
        for declared in [Some(form.mta), None] {
            let topology = chain(declared);
            let clean = judged(&[trusted(form), forged(form), b"\n".to_vec()].concat(), &topology);
            if declared.is_none() && !is_attacker(&clean) {
                continue;
            }
            for field in TEMPTING.iter().copied().chain([TEMPTING.join("\n").as_str()]) {
                let field = format!("{field}\n").into_bytes();
                let inside = String::from_utf8(forged(form)).unwrap().replace("ESMTPS", "ESMTPSA");
                let outer = form.line("mx1.example", &Session::of(ATTACKER));
                for message in [
                    [trusted(form), field.clone(), inside.clone().into_bytes()].concat(),
                    [trusted(form), inside.clone().into_bytes(), field.clone()].concat(),
                    // Where a filter of ours puts fields between and above its own lines.
                    [inner(), field.clone(), outer.clone(), inside.clone().into_bytes()].concat(),
                    [field.clone(), inner(), outer.clone(), inside.clone().into_bytes()].concat(),
                ] {
                    let verdict = judged(&[message, b"\n".to_vec()].concat(), &topology);
                    assert_eq!(verdict.origin, clean.origin, "{form:?} {}", field.escape_ascii());
                    assert_eq!(value(&verdict), value(&clean));
                }
            }
        }
    }
    // What names such a field could read it. Comments may say why nobody does; the browser's field is Horde's trap.
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../analyzer/src");
    let mut files: Vec<_> =
        ["trust.rs", "topology.rs", "verdict.rs", "evidence.rs", "claim.rs", "listing.rs", "sample.rs"]
            .map(|name| source.join(name))
            .to_vec();
    let dialects = fs::read_dir(source.join("received")).unwrap().map(|entry| entry.unwrap().path());
    files.extend(dialects.filter(|path| !path.ends_with("tests.rs") && !path.ends_with("lines.rs")));
    assert!(files.len() > 30);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let lower = line.to_ascii_lowercase();
            for name in
                ["authentication-results", "\"arc-", "originating", "x-forwarded", "resent", "received-spf", "x-real"]
            {
                assert!(!lower.contains(name), "{}: {line}", file.display());
            }
        }
    }
}

/// A09. All mail shows a balancer's address, or a client's word stands in the peer's place (XCLIENT, XFORWARD, PROXY), or
/// a webmail user behind the relay's pickup or loopback forges the next line. Balancers are no relays and are exempt; a
/// peer from the channel must be on the path; behind a handover that is not declared nobody is looked for.
#[test]
fn a09_balancers_and_undeclared_handovers() {
    let steps = [
        (
            Dialect::Postfix,
            "by mx1.example (Postfix, from userid 33)\n\tid 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)",
        ),
        (
            Dialect::Exim,
            "from www-data by mx1.example with local (Exim 4.96)\n\t(envelope-from <www-data@mx1.example>)\n\tid 4T3X;\n\tMon, 23 Nov 2026 22:02:47 +0000",
        ),
        (
            Dialect::Exim,
            "from www-data (helo=[203.0.113.9])\n\tby mx1.example with local-esmtp (Exim 4.96)\n\t(envelope-from <a@b.example>)\n\tid 4T3X;\n\tMon, 23 Nov 2026 22:02:47 +0000",
        ),
        (
            Dialect::Sendmail,
            "(from www-data@localhost)\n\tby mx1.example (8.17.1.9/8.17.1.9/Submit) id 4T3X;\n\tMon, 23 Nov 2026 22:02:47 +0000",
        ),
        (Dialect::Qmail, "(qmail 7 invoked by uid 33); 23 Nov 2026 22:02:47 -0000"),
        (
            Dialect::OpenSmtpd,
            "from localhost (mx1.example [local])\n\tby mx1.example (OpenSMTPD) with ESMTPA id b75f7b21;\n\tMon, 23 Nov 2026 22:02:47 +0000 (UTC)",
        ),
        (
            Dialect::Exchange,
            "from mail pickup service by mx1.example with Microsoft SMTPSVC;\n\t Mon, 23 Nov 2026 22:02:47 +0000",
        ),
    ];
    let local = steps.map(|(mta, text)| (mta, format!("Received: {text}\n").into_bytes(), Handover::Pickup));
    let loopback = FORMS.iter().flat_map(|form| {
        ["127.0.0.1", "127.9.9.9", "::1"]
            .map(|peer| (form.mta, form.line("mx1.example", &Session::of(peer)), Handover::Loopback))
    });
    for (mta, line, step) in local.into_iter().chain(loopback) {
        let form = FORMS.iter().find(|form| form.mta == mta).unwrap();
        let message = [inner(), line, forged(form), b"\n".to_vec()].concat();
        let others: Vec<Handover> = Handover::ALL.into_iter().filter(|other| *other != step).collect();
        for handovers in [Vec::new(), others] {
            let mut topology = chain(Some(mta));
            topology.relays[0].handovers = handovers;
            assert_eq!(judged(&message, &topology).origin, Err(Reason::LocalOrigin), "{}", message.escape_ascii());
        }
        assert!(judged(&message, &chain(None)).origin.is_err(), "{}", message.escape_ascii());
    }
    for form in &FORMS {
        // A balancer with a private address ends the walk without an origin; one with a public address is the origin.
        for (balancer, expected) in
            [("10.0.0.5", Err(Reason::SpecialPurpose)), ("198.51.100.80", Ok(address("198.51.100.80")))]
        {
            let message = [inner(), form.line("mx1.example", &Session::of(balancer)), forged(form)].concat();
            assert_eq!(judged(&message, &chain(Some(form.mta))).origin, expected, "{form:?}");
        }
        // A client's XFORWARD or PROXY address contradicts the line, whoever it names; the relays' own do not.
        let message = [trusted(form), forged(form), b"\n".to_vec()].concat();
        for (told, agrees) in [
            (VICTIM, false),
            (VICTIM_V6, false),
            ("10.0.0.5", false),
            ("127.0.0.1", false),
            (RELAYS[1], false),
            (RELAYS[0], true),
            (ATTACKER, true),
        ] {
            let sample = Sample { message: &message, envelope: None, observed_peer: Some(address(told)) };
            let expected = if agrees { Ok(address(ATTACKER)) } else { Err(Reason::Contradicted) };
            assert_eq!(judge(&sample, &chain(Some(form.mta))).origin, expected, "{form:?} {told}");
        }
        let proxied = [b"PROXY TCP4 203.0.113.9 192.0.2.10 56324 25\r\n".as_slice(), &message].concat();
        assert!(judged(&proxied, &chain(Some(form.mta))).origin.is_err());
    }
    // Ten thousand hits at all traps list no balancer.
    let exemptions = Exemptions::only([Exemption {
        network: "198.51.100.80/32".parse().unwrap(),
        reason: "the balancer".to_owned(),
    }]);
    let hits = (0..10_000).map(|number| hit("198.51.100.80", Nature::Direct, false, number % 6, START));
    let listed = listings(hits, &six_traps(), START);
    assert_eq!(listed.len(), 1);
    assert!(listed.keys().all(|(origin, _)| exemptions.admit(*origin, i64::MAX).is_err()));

    let service = Service::start(&harness::settings(1));
    let bearer = format!("Bearer {TOKEN}");
    for (told, reason) in
        [("26.51.100.25", "contradicted"), ("::ffff:26.51.100.25", "contradicted"), ("10.9.0.11", "contradicted")]
    {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Firsthand-Trap", "trap@d0.example"),
            ("Firsthand-Observed-Peer", told),
        ];
        let (status, body) = service.submit_with(&headers, &harness::message("26.1.2.3", told.len())).unwrap();
        assert_eq!((status, &body["verdict"]["reason"]), (202, &reason.into()), "{told}");
    }
}

/// A09, the alarm: an installation whose whole mail shows one address, which nobody declared, hears of it.
#[test]
fn a09_an_origin_with_most_of_the_samples_raises_an_alarm() {
    let service = Service::start(&harness::settings(3));
    for number in 0..60 {
        service.submit(&format!("trap@d{}.example", number % 3), &harness::message("26.1.2.3", number)).unwrap();
    }
    let page = service.get("/metrics").1;
    let share = |line: &str| line.starts_with("firsthand_") && line.contains("share") && !line.ends_with(" 0");
    assert!(page.lines().any(share), "{page}");
}
