//! The attacker's and the defender's mail: relays, the lines that they write, and what their samples add up to.
//!
//! `mx1.example` (192.0.2.10) takes mail from anybody and runs whatever MTA a test is about; it hands on to
//! `mx2.example` (192.0.2.11), which runs Postfix and feeds the samples in. [`Form::line`] writes what an MTA makes of a
//! [`Session`]: what the client said stands in it as that MTA leaves it, and where that is not known, as it came.

use std::collections::BTreeMap;
use std::net::IpAddr;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{Arrival, HOUR, Stamps, Unit, UnitKey, unit_of};
use firsthand_analyzer::listing::{Listing, replay_all};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::received::{Dialect, Handover};
use firsthand_analyzer::sample::{Envelope, Sample};
use firsthand_analyzer::score::{List, Policy, Registry, Tier, Trap, Trust};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::{Verdict, judge};

/// The addresses of `mx1.example`, which strangers reach, and of `mx2.example` behind it.
pub(crate) const RELAYS: [&str; 2] = ["192.0.2.10", "192.0.2.11"];
pub(crate) const ATTACKER: &str = "198.51.100.7";
pub(crate) const ATTACKER_V6: &str = "2001:db8:7::7";
pub(crate) const VICTIM: &str = "203.0.113.9";
pub(crate) const VICTIM_V6: &str = "2001:db8:9::9";

/// The hour at which a test's evidence begins.
pub(crate) const START: i64 = 494_000;

/// What a client can fill: a certificate's `subject` stands in a comment, `rdns` is what the client put into DNS.
pub(crate) const FIELDS: [&str; 7] = ["helo", "rdns", "ident", "subject", "login", "sender", "recipient"];

/// What a client said, and the TCP peer, which is no word of the client's.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    peer: String,
    said: BTreeMap<&'static str, Vec<u8>>,
}

impl Session {
    /// An honest client's.
    pub(crate) fn of(peer: &str) -> Self {
        let honest =
            ["c.client.example", "h.client.example", "alice", "client", "bob", "a@client.example", "t@d.example"];
        let said = FIELDS.into_iter().zip(honest.map(|text| text.as_bytes().to_vec())).collect();
        Self { peer: peer.to_owned(), said }
    }

    /// The same with one field filled otherwise.
    pub(crate) fn with(mut self, field: &'static str, text: impl AsRef<[u8]>) -> Self {
        assert!(self.said.insert(field, text.as_ref().to_vec()).is_some(), "{field}");
        self
    }
}

/// A form of line that an MTA writes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Form {
    pub(crate) mta: Dialect,
    template: &'static str,
}

const fn form(mta: Dialect, template: &'static str) -> Form {
    Form { mta, template }
}

/// The lines that are attacked. `{…}` is a field of the session as the MTA leaves it, or its own: peer, host, date.
pub(crate) const FORMS: [Form; 12] = [
    form(
        Dialect::Postfix,
        "from {helo} ({name} [{tagged}])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\t(Client CN \"{subject}\", Issuer \"CA\" (not verified))\n\t(Authenticated sender: {login})\n\tby {by} (Postfix) with ESMTPSA id 4T3X\n\tfor {recipient}; {date} (UTC)",
    ),
    form(Dialect::Postfix, "from {helo} ({name} [{tagged}])\n\tby {by} (Postfix) with ESMTP id 4T3X; {date} (UTC)"),
    form(
        Dialect::Exim,
        "from {name} ([{peer}] helo={helo} ident={ident})\n\tby {by} with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\t(envelope-from {sender})\n\tid 4T3X\n\tfor {recipient};\n\t{date}",
    ),
    form(
        Dialect::Exim,
        "from [{peer}] (helo={helo} ident={ident})\n\tby {by} with esmtp (Exim 4.96)\n\t(envelope-from {sender})\n\tid 4T3X;\n\t{date}",
    ),
    form(
        Dialect::Sendmail,
        "from {helo} ({ident}@{name} [{tagged}] (may be forged)) (authenticated bits=0)\n\tby {by} (8.17.1.9/8.17.1.9/Debian-2) with ESMTPS id 4T3X\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)\n\tfor {recipient}; {date}",
    ),
    form(Dialect::Qmail, "from {rdns} (HELO {helo}) ({ident}@{peer})\n  by {by} with ESMTP; {day}"),
    form(
        Dialect::OpenSmtpd,
        "from {helo} ({rdns} [{peer}])\n\tby {by} (OpenSMTPD) with ESMTPSA id b75f7b21 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO) auth=yes user={login}\n\tfor {recipient};\n\t{date} (UTC)",
    ),
    form(
        Dialect::Exchange,
        "from {helo} ([{peer}]) by {by} over TLS secured channel with Microsoft SMTPSVC(6.0.3790.1830);\n\t {date}",
    ),
    form(
        Dialect::Exchange,
        "from {helo} ({peer}) by {by}\n (10.1.1.4) with Microsoft SMTP Server (TLS) id 14.3.123.3; {date}",
    ),
    form(
        Dialect::Haraka,
        "from {helo} ({rdns} [{peer}])\n\tby {by} (Haraka/3.3.4) with ESMTPSA id F8F2A87B-1EBD-4097-9985-7E3BBB6673F0.1\n\tenvelope-from {sender}\n\ttls TLS_AES_256_GCM_SHA384 (authenticated bits=0);\n\t{date}",
    ),
    form(
        Dialect::Stalwart,
        "from {helo} ({rdns} [{peer}] (AS64500 Example Networks, SE))\r\n\t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\r\n\tby {by} (Stalwart SMTP) with ESMTPS id 2F000012;\r\n\t{date}",
    ),
    form(
        Dialect::Courier,
        "from {helo} ({rdns} [{mapped}])\n  (IDENT: {ident})\n  by {by} with ESMTP\n  id 00000000009B00F4.000000006B04BB6B.00002D1A; {date}",
    ),
];

impl Form {
    /// The line with which `by` took a message in this session, with its field name and line end.
    pub(crate) fn line(&self, by: &str, session: &Session) -> Vec<u8> {
        let mut line = b"Received: ".to_vec();
        let mut rest = self.template;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, behind) = after.split_once('}').unwrap();
            line.extend_from_slice(before.as_bytes());
            line.extend(self.filled(slot, by, session));
            rest = behind;
        }
        line.extend_from_slice(rest.as_bytes());
        line.push(b'\n');
        line
    }

    fn filled(&self, slot: &str, by: &str, session: &Session) -> Vec<u8> {
        let v6 = session.peer.contains(':');
        match slot {
            "peer" => session.peer.clone().into_bytes(),
            "tagged" => format!("{}{}", if v6 { "IPv6:" } else { "" }, session.peer).into_bytes(),
            "mapped" => format!("{}{}", if v6 { "" } else { "::ffff:" }, session.peer).into_bytes(),
            "by" => by.as_bytes().to_vec(),
            "date" => b"Mon, 23 Nov 2026 22:02:47 +0000".to_vec(),
            "day" => b"23 Nov 2026 22:02:47 -0000".to_vec(),
            "name" => cut(&session.said["rdns"], |byte| !is_name(byte)),
            field => {
                // A command, a field of a certificate and a name in DNS are one line.
                let said = session.said[field].iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r' | 0));
                self.left(field, &said.collect::<Vec<u8>>())
            }
        }
    }

    /// What this MTA leaves of a field.
    fn left(&self, field: &str, said: &[u8]) -> Vec<u8> {
        match (self.mta, field) {
            (_, "sender" | "recipient") => path(said),
            (Dialect::Postfix, "helo") => marked(said, |byte| !b" \t()<>\";\\@".contains(&byte)),
            (Dialect::Qmail, _) => marked(said, |byte| byte.is_ascii_alphanumeric() || b".@%+/=:-".contains(&byte)),
            (Dialect::Sendmail, "helo") => cut(said, |byte| b" \t();".contains(&byte)),
            (Dialect::Sendmail, _) => said.iter().copied().filter(|byte| is_name(*byte)).chain(*b"_").collect(),
            (Dialect::OpenSmtpd | Dialect::Stalwart, "helo") => valid(said),
            (Dialect::Haraka | Dialect::Courier, "helo") => cut(said, |byte| matches!(byte, b' ' | b'\t')),
            (Dialect::Haraka, "rdns") => {
                let escape = |byte: u8| if b"()\\\";".contains(&byte) { vec![b'\\', byte] } else { vec![byte] };
                or_name(said.iter().copied().flat_map(escape).collect())
            }
            _ => or_name(said.to_vec()),
        }
    }
}

fn or_name(text: Vec<u8>) -> Vec<u8> {
    if text.is_empty() { b"x".to_vec() } else { text }
}

/// `text` with `?` for each byte that does not pass.
fn marked(text: &[u8], passes: impl Fn(u8) -> bool) -> Vec<u8> {
    or_name(text.iter().map(|byte| if passes(*byte) { *byte } else { b'?' }).collect())
}

/// `text` up to the first byte that ends it.
fn cut(text: &[u8], ends: impl Fn(u8) -> bool) -> Vec<u8> {
    or_name(text.iter().copied().take_while(|byte| !ends(*byte)).collect())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// A name or an address literal, where the MTA refuses everything else.
fn valid(text: &[u8]) -> Vec<u8> {
    let inner = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    match inner {
        Some(inner) if inner.iter().all(|byte| is_name(*byte) || *byte == b':') => text.to_vec(),
        _ => cut(text, |byte| !is_name(byte)),
    }
}

/// An address between angle brackets, its local part quoted where it needs that.
fn path(text: &[u8]) -> Vec<u8> {
    if text.iter().all(|byte| is_name(*byte) || matches!(byte, b'@' | b'=' | b'+')) {
        return [b"<", text, b">"].concat();
    }
    let escape = |byte: &u8| if matches!(byte, b'"' | b'\\') { vec![b'\\', *byte] } else { vec![*byte] };
    let quoted: Vec<u8> = text.iter().flat_map(escape).collect();
    [b"<\"".as_slice(), &quoted, b"\"@d.example>"].concat()
}

/// A relay; `number` 1 is `mx1`.
pub(crate) fn relay(number: usize, dialect: Option<Dialect>, handovers: &[Handover]) -> Relay {
    Relay {
        name: format!("mx{number}"),
        hosts: vec![HostPattern::new(&format!("mx{number}.example"))],
        networks: vec![RELAYS[number - 1].parse::<IpAddr>().unwrap().into()],
        dialect,
        handovers: handovers.to_vec(),
    }
}

/// `mx1` alone, which feeds its own samples in.
pub(crate) fn edge(dialect: Option<Dialect>, handovers: &[Handover]) -> Topology {
    Topology::new(vec![relay(1, dialect, handovers)], Boundary::Headers)
}

/// `mx2` on top of `mx1`.
pub(crate) fn chain(dialect: Option<Dialect>) -> Topology {
    let relays = vec![relay(1, dialect, &[]), relay(2, Some(Dialect::Postfix), &[])];
    Topology { relays, top: vec![1], boundary: Boundary::Headers }
}

/// The line of `mx2`, which took the message from `mx1`.
pub(crate) fn inner() -> Vec<u8> {
    FORMS[1].line("mx2.example", &Session::of(RELAYS[0]).with("helo", "mx1.example").with("rdns", "mx1.example"))
}

/// What `mx1` writes of an honest session with the attacker, and `mx2` above it: the trusted lines of a sample.
pub(crate) fn trusted(form: &Form) -> Vec<u8> {
    [inner(), form.line("mx1.example", &Session::of(ATTACKER))].concat()
}

/// What a forger would have read: lines in the form of `form` by our own relays, with the victims as peers.
pub(crate) fn forged(form: &Form) -> Vec<u8> {
    [VICTIM, VICTIM_V6].map(|victim| form.line("mx1.example", &Session::of(victim))).concat()
}

pub(crate) fn judged(message: &[u8], topology: &Topology) -> Verdict {
    judge(&Sample { message, envelope: None, observed_peer: None }, topology)
}

/// The same with the envelope's sender.
pub(crate) fn judged_from(message: &[u8], sender: &str) -> Verdict {
    let envelope = Envelope { mail_from: sender.to_owned(), rcpt_to: Vec::new() };
    let sample = Sample { message, envelope: Some(&envelope), observed_peer: None };
    judge(&sample, &edge(Some(Dialect::Postfix), &[]))
}

/// A message that `mx1` took from `peer`: `fields` are the sender's header fields, `body` may be any bytes.
pub(crate) fn message(peer: &str, fields: &str, body: &str) -> Vec<u8> {
    let line = FORMS[1].line("mx1.example", &Session::of(peer));
    [line, format!("{fields}\n{body}\n").into_bytes()].concat()
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The key of the unit that a sample adds to, where trap `tN` took it in the hour `hour`; it must add to one.
pub(crate) fn witnessed(verdict: &Verdict, trap: usize, hour: i64) -> UnitKey {
    let trap = format!("t{trap}");
    let arrival = Arrival { feed: "own", trap: &trap, at: hour * HOUR, stamps: Stamps::Ignored, may_list: true };
    unit_of(verdict, &arrival).unwrap()
}

/// A key without a message behind it.
pub(crate) fn hit(origin: &str, nature: Nature, null_sender: bool, trap: usize, hour: i64) -> UnitKey {
    let (feed, trap) = ("own".to_owned(), format!("t{trap}"));
    UnitKey { origin: Origin::from(address(origin)), feed, trap, nature, null_sender, hour }
}

/// Counts samples into the units of each origin.
pub(crate) fn units(keys: impl IntoIterator<Item = UnitKey>) -> BTreeMap<Origin, Vec<Unit>> {
    let mut counted: BTreeMap<UnitKey, u16> = BTreeMap::new();
    for key in keys {
        let samples = counted.entry(key).or_default();
        *samples = samples.saturating_add(1);
    }
    let mut by_origin: BTreeMap<Origin, Vec<Unit>> = BTreeMap::new();
    for (key, samples) in counted {
        by_origin.entry(key.origin).or_default().push(Unit { newest: key.hour * HOUR, key, samples });
    }
    by_origin
}

/// Pristine traps `t0`, `t1` … in these domains, and the feeds `own` and `far`, which is somebody else's.
pub(crate) fn registry(domains: &[&str]) -> Registry {
    let trap = |(number, domain): (usize, &&str)| {
        let trap = Trap { domain: (*domain).to_owned(), tier: Tier::Pristine, sends: false, accepts_reports: false };
        (format!("t{number}"), trap)
    };
    Registry {
        traps: domains.iter().enumerate().map(trap).collect(),
        feeds: [("own", Trust::Own), ("far", Trust::Foreign)].map(|(name, trust)| (name.to_owned(), trust)).into(),
        ..Registry::default()
    }
}

/// Six traps in as many domains.
pub(crate) fn six_traps() -> Registry {
    registry(&["d0.example", "d1.example", "d2.example", "d3.example", "d4.example", "d5.example"])
}

/// Everything that is listed at the start of the hour `hour`, after these samples.
pub(crate) fn listings(
    keys: impl IntoIterator<Item = UnitKey>,
    registry: &Registry,
    hour: i64,
) -> BTreeMap<(Origin, List), Listing> {
    listed(&units(keys), registry, hour)
}

/// The same after these units.
pub(crate) fn listed(
    units: &BTreeMap<Origin, Vec<Unit>>,
    registry: &Registry,
    hour: i64,
) -> BTreeMap<(Origin, List), Listing> {
    let policy = Policy::default();
    let of = |(origin, units): (&Origin, &Vec<Unit>)| {
        let origin = *origin;
        let listed = replay_all(origin, units, registry, &policy, hour * HOUR);
        listed.into_iter().map(move |(list, listing)| ((origin, list), listing))
    };
    units.iter().flat_map(of).collect()
}

/// The lists that hold `origin` at the start of the hour `hour`.
pub(crate) fn lists(
    keys: impl IntoIterator<Item = UnitKey>,
    registry: &Registry,
    origin: &str,
    hour: i64,
) -> Vec<List> {
    let origin = Origin::from(address(origin));
    listings(keys, registry, hour).into_keys().filter(|(listed, _)| *listed == origin).map(|(_, list)| list).collect()
}

/// Numbers that look random and are the same at every run (a linear congruence, its upper half).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}
