//! The law (G1): whatever a sender says, a line names its true peer or none.
//!
//! [`crate::forms`] writes a line as each MTA writes it, from what a sender said and after what that MTA does to it. [`said`]
//! makes what a sender says, out of pieces of lines and out of whole lines of other MTAs that are cut in two, so that
//! the MTA's own words join them. [`attempts`] holds lines that once broke the law.

mod attempts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::forms::{FORMS, Form, HIDDEN, LOCAL, PEERS, PLAIN, Said, Way, raw};
use crate::received::{Dialect, Handover};
use crate::sample::Sample;
use crate::topology::{Boundary, HostPattern, Relay, Topology};
use crate::trust::Reason;
use crate::verdict::{Verdict, judge};

const VICTIMS: [&str; 2] = ["203.0.113.9", "2001:db8:9::9"];
const HOST: &str = "mx1.example";

fn relay(host: Option<&str>, dialect: Option<Dialect>, handovers: &[Handover]) -> Relay {
    Relay {
        name: HOST.to_owned(),
        hosts: host.into_iter().map(HostPattern::new).collect(),
        networks: vec!["192.0.2.10/32".parse().unwrap()],
        dialect,
        handovers: handovers.to_vec(),
    }
}

fn judged(message: &[u8], relay: Relay) -> Verdict {
    let topology = Topology::new(vec![relay], Boundary::Headers);
    judge(&Sample { message, envelope: None, observed_peer: None }, &topology)
}

fn message(line: &[u8], below: &[u8]) -> Vec<u8> {
    [b"Received: ", line, b"\n", below].concat()
}

fn origin(line: &[u8], declared: Option<Dialect>) -> Result<IpAddr, Reason> {
    judged(&message(line, b"\n"), relay(Some(HOST), declared, &[])).origin
}

/// What a forger would have us read: a line in the form of any MTA, by our own relay, about the victim.
fn forged(form: &Form, v6: bool) -> Vec<u8> {
    form.write(&Said::harmless(), Way { peer: VICTIMS[usize::from(v6)].parse().unwrap(), ..PLAIN })
}

/// Pieces of lines, each behind a `~`.
const PIECES: &str = r##"
~[203.0.113.9]~([203.0.113.9])~(unknown [203.0.113.9])~203.0.113.9~(203.0.113.9)~[IPv6:2001:db8:9::9]
~[2001:db8:9::9]~(2001:db8:9::9)~(alice@203.0.113.9)~(v.example [203.0.113.9] (may be forged))~[203.0.113.9:25]
~203.0.113.9@~([unix socket])~(x [local])~from~from ~ ~ ~ ~)~(~]~[~"~\~<~>~;~@~%~x~a.example~ by mx1.example
~ by mx1.example~ by ~\t~\x00~\r~\n~\n\t~é~helo=~ ident=~HELO ~(HELO x) ~(EHLO x) ~ (IDENT: 
~ (AUTH: x~ (Client ~ (using ~ de/crypted with ~ TLS version=~ (version=~ for <~ for <"~ for ~ id ~ id 4T3X
~ with ESMTP~ with SMTP id 4T3X~ with LMTP id 1~ (Postfix) with ESMTP id 4T3X~ (Postfix
~ with esmtp (Exim 4.96) id 1xVc9P-000710-23~ (8.11.6/8.11.6) with SMTP id g7~ (OpenSMTPD) with SMTP id 12345678
~ (Haraka/3.3.4) with SMTP id 1 envelope-from <>~ (Cyrus v2.4) with LMTP~ (qpsmtpd/0.94) with SMTP~ with SMTP
~ with Microsoft SMTPSVC(6.0)~ with Microsoft SMTP Server id 14.3~ (MDaemon PRO v20) with ESMTP id 1
~ (IBM Domino Release 9) with SMTP id 1~ (CommuniGate Pro SMTP 6) with SMTP id 1~ (SMTPD32-8.00) id A1
~ with [XMail 1.27 ESMTP Server] id 1~ (Stalwart SMTP) with SMTP id 1~ with HTTP~ via HTTP~ with NNFMP
~ (ecelerity 4 r(x)) with SMTP id 1~ (LSMTP x) with SMTP id 1~ (MDaemon.PRO.v6) with SMTP id 1
~ (SquirrelMail authenticated user x)~ account x ~ verified~ RDNS failed~ (authenticated bits=0)
~, mechanism plain)~; Mon, 1 Jan 2024 00:00:00 +0000~; Mon, 1 Jan 2024 00:00:00 +0000 
~; 1 Jan 2024 00:00:00 +0000 (~; Mon, 1 Jan 2024 00:00:00 +0000\n\t
~Received: from x (v [203.0.113.9]) by mx1.example (Postfix) with SMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000~"##;

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let unescape = |piece: &str| {
        let text = piece.strip_suffix('\n').unwrap_or(piece).replace(r"\n", "\n").replace(r"\t", "\t");
        text.replace(r"\r", "\r").replace(r"\x00", "\0").into_bytes()
    };
    let mut pieces: Vec<Vec<u8>> = PIECES.split('~').skip(1).map(unescape).collect();
    pieces.extend([vec![0x85], vec![0xff]]);
    prop::sample::select(pieces)
}

fn whole_line() -> impl Strategy<Value = Vec<u8>> {
    (0..FORMS.len(), any::<bool>(), 0..3_usize).prop_map(|(form, v6, cut)| {
        let line = crate::sample::unfold(&forged(&FORMS[form], v6)).into_owned();
        // As it stands; behind a `from ` of the MTA's own; from the parenthesis on.
        let parenthesis = line.iter().position(|byte| *byte == b'(').unwrap_or(0);
        line[[0, 5, parenthesis][cut]..].to_vec()
    })
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(piece(), 0..9).prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        2 => whole_line(),
        2 => Just(b"c.client.example".to_vec()),
    ]
}

/// What a sender says: hostile text in every field, and often a foreign line cut in two, each part in a field.
fn said() -> impl Strategy<Value = Said> {
    let fields = prop::array::uniform8(pieces());
    let halves = (whole_line(), any::<prop::sample::Index>(), 0..8_usize, 0..8_usize, 0..4_u8);
    (fields, halves).prop_map(|(fields, (line, cut, first, second, mode))| {
        let mut said = Said::default();
        let mut places = said.fields();
        for (place, field) in places.iter_mut().zip(fields) {
            **place = field;
        }
        if mode > 0 {
            let (prefix, suffix) = line.split_at(cut.index(line.len()));
            match mode {
                1 => *places[first] = prefix.to_vec(),
                _ => places[first].splice(0..0, prefix.iter().copied()).for_each(drop),
            }
            match mode {
                3 => *places[second] = suffix.to_vec(),
                _ => places[second].extend_from_slice(suffix),
            }
        }
        said
    })
}

fn way() -> impl Strategy<Value = Way<'static>> {
    any::<[bool; 6]>().prop_map(Way::of)
}

/// The least number of cases that the law is tried on; `PROPTEST_CASES` can ask for more.
const CASES: u32 = 10_000;

fn config() -> Config {
    let asked = Config::default();
    Config { cases: asked.cases.max(CASES), failure_persistence: None, ..asked }
}

/// Everything below the boundary: forged lines in our relay's own form, of the true dialect and another.
fn below(form: usize, other: usize, v6: bool) -> Vec<u8> {
    let forms = [&FORMS[form % FORMS.len()], &FORMS[other % FORMS.len()]];
    [message(&forged(forms[0], v6), b""), message(&forged(forms[1], v6), b"Subject: x\n\nbody\n")].concat()
}

/// Tries `said` on a form and tells in which of `modes` a stranger was named; counts how often the true peer was.
fn tried(
    form: &Form,
    said: &Said,
    way: Way<'_>,
    message: &[u8],
    modes: &[Option<Dialect>],
    hosts: bool,
    named: &mut [usize; 2],
) -> Result<(), TestCaseError> {
    let hidden = HIDDEN.iter().any(|other| std::ptr::eq(other, form));
    let handovers: &[Handover] = if hidden { &[] } else { &Handover::ALL };
    for declared in modes {
        let origin = judged(message, relay(hosts.then_some(HOST), *declared, handovers)).origin;
        if *declared == Some(form.dialect) && !hidden {
            named[0] += usize::from(origin.is_ok());
            named[1] += 1;
        }
        if origin.is_ok_and(|origin| hidden || origin != way.peer) {
            let told = format!(
                "{form:?} declared {declared:?} named {origin:?}:\n{}\n{said:?} {way:?}",
                message.escape_ascii()
            );
            return Err(TestCaseError::fail(told));
        }
    }
    Ok(())
}

/// The law, in the modes that are wanted: the true dialect declared, none, or a wrong one.
#[expect(clippy::disallowed_macros, reason = "a test tells how often a peer was named")]
fn law(mut runner: TestRunner, modes: impl Fn(Dialect, Dialect) -> Vec<Option<Dialect>>) {
    let named = RefCell::new(BTreeMap::<Dialect, [usize; 2]>::new());
    let forms = 0..FORMS.len() + HIDDEN.len();
    let case = (forms, said(), way(), prop::sample::select(Dialect::DECLARABLE), any::<bool>(), 0..FORMS.len());
    let result = runner.run(&case, |(index, said, way, wrong, hosts, other)| {
        let form = FORMS.get(index).unwrap_or_else(|| &HIDDEN[index - FORMS.len()]);
        let message = message(&form.write(&said, way), &below(index, other, way.peer.is_ipv6()));
        let mut named = named.borrow_mut();
        tried(form, &said, way, &message, &modes(form.dialect, wrong), hosts, named.entry(form.dialect).or_default())
    });
    for (dialect, [named, all]) in named.into_inner() {
        println!("{:12} named {named} of {all}", dialect.name());
    }
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{}", reason.message()),
        Err(abort) => panic!("{abort}"),
    }
}

/// The law, with the MTA's dialect declared and with none.
#[test]
fn no_sender_moves_the_origin() {
    law(TestRunner::new(config()), |dialect, _| vec![Some(dialect), None]);
}

/// The law where an operator declared another dialect than the relay's MTA writes, as long as some dialect here reads that
/// MTA's lines. Of an MTA that none here knows, nobody can tell that a line is not the declared one's.
#[test]
fn a_wrong_dialect_names_nobody_else() {
    // The same cases at every run: what is left here is one in a million, and stops nobody's work on something else.
    let runner = TestRunner::new_with_rng(config(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    law(runner, |dialect, wrong| match dialect {
        Dialect::General => Vec::new(),
        dialect if dialect == wrong => Vec::new(),
        _ => vec![Some(wrong)],
    });
}

#[test]
fn every_form_names_its_peer() {
    for form in &*FORMS {
        for v6 in [false, true] {
            if v6 && !form.takes_ipv6() {
                continue;
            }
            // What stands in a certificate may hold brackets, and without a tag behind it only a declared dialect is believed.
            let only_declared = |way: Way| form.name == "aqmail" && way.tls;
            for way in ways().filter(|way| way.peer.is_ipv6() == v6 && !way.mixed) {
                for text in [b"".as_slice(), b"folded text"] {
                    let line = form.write(&Said { text: text.to_vec(), ..Said::harmless() }, way);
                    // Where the message ran into the line, only a declared dialect tells where the line ends.
                    let undeclared = (text.is_empty() && !only_declared(way)).then_some(None);
                    for declared in [Some(form.dialect)].into_iter().chain(undeclared) {
                        let origin = origin(&line, declared);
                        assert_eq!(origin, Ok(way.peer), "{form:?} {declared:?}: {}", line.escape_ascii());
                    }
                }
            }
        }
    }
    for dialect in Dialect::DECLARABLE {
        assert!(FORMS.iter().chain(&*HIDDEN).any(|form| form.dialect == *dialect), "{dialect:?} has no form");
    }
}

#[test]
fn a_hidden_peer_stays_hidden() {
    for form in &*HIDDEN {
        let line = form.write(&Said::harmless(), PLAIN);
        for declared in [Some(form.dialect), None] {
            assert!(origin(&line, declared).is_err(), "{form:?} {declared:?}: {}", line.escape_ascii());
        }
    }
}

/// A01: what stands below the boundary changes neither origin nor path.
#[test]
fn nothing_below_the_boundary_moves_it() {
    let block = prop::collection::vec((pieces(), 0..6_u8, 0..FORMS.len(), any::<bool>()), 0..6);
    let result = TestRunner::new(config()).run(
        &(0..FORMS.len(), way(), block, any::<bool>()),
        |(index, way, block, declared)| {
            let form = &FORMS[index];
            let declared = declared.then_some(form.dialect);
            let said = Said { text: Vec::new(), ..Said::harmless() };
            let line = form.write(&said, way);
            let mut below = Vec::new();
            for (text, kind, other, v6) in block {
                let part = match kind {
                    0 => message(&raw(&text), b""),
                    1 => message(&text, b""),
                    2 => message(&forged(&FORMS[other], v6), b""),
                    3 => [b"X-Originating-IP: ", &*text, b"\nAuthentication-Results: mx1.example; ", &text, b"\n"]
                        .concat(),
                    4 => [b"received : ", &*text, b"\r\n"].concat(),
                    _ => [b"\n", &*text, b"\n"].concat(),
                };
                below.extend(part);
            }
            // White space at its start would be a fold of the line above; that is the law of running-on text.
            let below: Vec<u8> = below.trim_ascii_start().to_vec();
            let clean = judged(&message(&line, b"\n"), relay(Some(HOST), declared, &Handover::ALL));
            let full = judged(&message(&line, &below), relay(Some(HOST), declared, &Handover::ALL));
            let same = (&clean.origin, &clean.path) == (&full.origin, &full.path);
            prop_assert!(
                same,
                "{form:?}: {:?}, then {:?}: {}",
                clean.origin,
                full.origin,
                message(&line, &below).escape_ascii()
            );
            Ok(())
        },
    );
    if let Err(TestError::Fail(reason, _)) = result {
        panic!("{}", reason.message());
    }
}

/// Whoever said it, and wherever the victim stands: the line names the peer or nobody.
fn assert_unmoved(said: &Said, way: Way<'_>) {
    for form in FORMS.iter().chain(&*HIDDEN) {
        let message = message(&form.write(said, way), &below(0, 1, way.peer.is_ipv6()));
        let result = tried(form, said, way, &message, &[Some(form.dialect), None], true, &mut [0; 2]);
        assert!(result.is_ok(), "{}", result.unwrap_err());
    }
}

/// Every combination of the optional parts.
fn ways() -> impl Iterator<Item = Way<'static>> {
    (0..64).map(|bits| Way::of([1, 2, 4, 8, 16, 32].map(|bit| bits & bit != 0)))
}

/// A02: lines of our relay's own form, bit for bit, below its line.
#[test]
fn a02_forged_trusted_line() {
    for form in &*FORMS {
        let said = Said { text: Vec::new(), ..Said::harmless() };
        let line = form.write(&said, PLAIN);
        let below =
            [forged(form, false), forged(form, true), forged(form, false)].map(|line| message(&line, b"")).concat();
        for declared in [Some(form.dialect), None] {
            let verdict = judged(&message(&line, &below), relay(Some(HOST), declared, &Handover::ALL));
            assert_eq!((verdict.origin, verdict.path.len()), (Ok(PLAIN.peer), 1), "{form:?} {declared:?}");
        }
    }
}

/// A03: an address literal as HELO, and in every other field.
#[test]
fn a03_helo_address_literal() {
    for literal in [
        "[203.0.113.9]",
        "203.0.113.9",
        "[IPv6:2001:db8:9::9]",
        "([203.0.113.9])",
        "(x [203.0.113.9])",
        "x@[203.0.113.9]",
        "[203.0.113.9]:25",
    ] {
        for field in 0..8 {
            let mut said = Said::harmless();
            said.fields()[field].splice(.., literal.bytes());
            ways().step_by(5).for_each(|way| assert_unmoved(&said, way));
        }
        let mut said = Said::default();
        said.fields().into_iter().for_each(|field| field.extend(literal.bytes()));
        ways().for_each(|way| assert_unmoved(&said, way));
    }
}

/// A04: brackets, nested comments, folds, NUL, 8-bit bytes, and much of it.
#[test]
fn a04_injected_text() {
    let texts: [&[u8]; 8] = [
        b"x [203.0.113.9]) by mx1.example (Postfix) with SMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000 (",
        b"((((203.0.113.9)))) (a (b [203.0.113.9]) c)",
        b"x\n\t([203.0.113.9])\n\tby mx1.example with LMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000\n\t",
        b"\0[203.0.113.9]\0) by mx1.example",
        b"\xff\x85\xa0[203.0.113.9]\xc3\xa9",
        b"x\rReceived: from v (v [203.0.113.9]) by mx1.example (Postfix) with SMTP id 1; 1 Jan 2024 00:00:00 +0000",
        &b"[203.0.113.9] ".repeat(200),
        &b"(".repeat(20_000),
    ];
    for text in texts {
        for field in 0..8 {
            let mut said = Said::harmless();
            *said.fields()[field] = text.to_vec();
            ways().step_by(if text.len() > 1_000 { 31 } else { 13 }).for_each(|way| assert_unmoved(&said, way));
        }
    }
}

/// A05: a peer that is private or exempt ends the walk; the blame moves to nobody below.
#[test]
fn a05_no_walk_past_a_stranger() {
    for form in &*FORMS {
        let said = Said { text: Vec::new(), ..Said::harmless() };
        for declared in [Some(form.dialect), None] {
            for (peer, expected) in
                [("10.1.2.3", Err(Reason::SpecialPurpose)), ("198.51.100.25", Ok("198.51.100.25".parse().unwrap()))]
            {
                let line = form.write(&said, Way { peer: peer.parse().unwrap(), ..PLAIN });
                let message = message(&line, &message(&forged(form, false), b"\n"));
                assert_eq!(
                    judged(&message, relay(Some(HOST), declared, &[])).origin,
                    expected,
                    "{form:?} {declared:?}"
                );
            }
        }
    }
}

/// A06: a line of ours that cannot be read hands the question to no other line.
#[test]
fn a06_unreadable_line() {
    for form in &*FORMS {
        let said = Said { text: Vec::new(), ..Said::harmless() };
        let line = form.write(&said, PLAIN);
        for cut in ["from ", &PEERS[0].to_string(), "by mx1.example", "Nov ", "2026 "] {
            let text = String::from_utf8(line.clone()).unwrap();
            assert!(text.contains(cut) || cut == "from ", "{form:?} has no {cut:?}");
            let message = message(text.replace(cut, "").as_bytes(), &message(&forged(form, false), b"\n"));
            for declared in [Some(form.dialect), None] {
                let origin = judged(&message, relay(Some(HOST), declared, &Handover::ALL)).origin;
                assert!(
                    origin.is_err_and(|reason| reason != Reason::SpecialPurpose) || origin == Ok(PLAIN.peer),
                    "{form:?} without {cut:?}: {origin:?}"
                );
            }
        }
    }
}

/// A08: no word and no field extends the trust.
#[test]
fn a08_trust_extending_tokens() {
    let above: &[u8] = b"Authentication-Results: mx1.example; auth=pass smtp.remote-ip=203.0.113.9\n\
        ARC-Seal: i=1; cv=pass; d=mx1.example\nARC-Authentication-Results: i=1; mx1.example; policy.iprev=203.0.113.9\n\
        X-Originating-IP: [203.0.113.9]\nX-Forwarded-For: 203.0.113.9\nX-Real-IP: 203.0.113.9\n\
        Resent-From: <a@b.example>\nReceived-SPF: pass client-ip=203.0.113.9\n\
        X-Received: from v (v [203.0.113.9]) by mx1.example (Postfix) with SMTP id 1; 1 Jan 2024 00:00:00 +0000\n";
    for form in &*FORMS {
        let said = Said { text: Vec::new(), ..Said::harmless() };
        for way in [PLAIN, Way { auth: true, ..PLAIN }] {
            let line = message(&form.write(&said, way), &message(&forged(form, false), b"\n"));
            for message in [[above, &line].concat(), [&line[..line.len() - 1], above, b"\n"].concat()] {
                for declared in [Some(form.dialect), None] {
                    let verdict = judged(&message, relay(Some(HOST), declared, &Handover::ALL));
                    assert_eq!((verdict.origin, verdict.path.len()), (Ok(way.peer), 1), "{form:?} {declared:?}");
                }
            }
        }
    }
}

/// A09: behind a balancer's address, or a handover that is not declared, nobody is looked for.
#[test]
fn a09_undeclared_handover() {
    for form in &*FORMS {
        let said = Said { text: Vec::new(), ..Said::harmless() };
        for declared in [Some(form.dialect), None] {
            let line = form.write(&said, Way { peer: "127.0.0.1".parse().unwrap(), ..PLAIN });
            let message = message(&line, &message(&forged(form, false), b"\n"));
            assert_eq!(
                judged(&message, relay(Some(HOST), declared, &[])).origin,
                Err(Reason::LocalOrigin),
                "{form:?} {declared:?}"
            );
        }
    }
    for form in &*LOCAL {
        let message = message(&form.write(&Said::harmless(), PLAIN), &message(&forged(&FORMS[0], false), b"\n"));
        for declared in [Some(form.dialect), None] {
            let origin = judged(&message, relay(Some(HOST), declared, &[])).origin;
            assert_eq!(origin, Err(Reason::LocalOrigin), "{form:?} {declared:?}");
        }
    }
    for form in &*HIDDEN {
        let message = message(&form.write(&Said::harmless(), PLAIN), &message(&forged(&FORMS[0], false), b"\n"));
        for declared in [Some(form.dialect), None] {
            assert!(judged(&message, relay(Some(HOST), declared, &[])).origin.is_err(), "{form:?} {declared:?}");
        }
    }
}
