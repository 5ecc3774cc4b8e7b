//! How MTAs write their lines, from what a sender said and after what they do to it.
//!
//! Enters: a form, what a sender said, which optional parts there are. Leaves: the line, without `Received: `. The unit
//! tests of the law (G1), its fuzzer and the drill attack with it, so where it is not known what an MTA does, the worst
//! that is plausible is assumed: one line of any bytes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use crate::received::Dialect;

/// The peers of a line, where nothing else is wanted: IPv4 and IPv6.
pub const PEERS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 7))];

/// The instant that every line is stamped with, as Unix seconds.
pub const STAMP: i64 = 1_795_471_367;

/// The same, as lines write it.
const DATE: &str = "Mon, 23 Nov 2026 22:02:47 +0000";

/// What a sender says, before the MTA has done anything to it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its name for itself.
    pub helo: Vec<u8>,
    /// What DNS says its address is called.
    pub rdns: Vec<u8>,
    /// What its ident server answers (RFC 1413).
    pub ident: Vec<u8>,
    /// The subject of its certificate.
    pub subject: Vec<u8>,
    /// The name under which it logged in.
    pub login: Vec<u8>,
    /// The local part of the reverse-path.
    pub sender: Vec<u8>,
    /// The local part of the forward-path.
    pub recipient: Vec<u8>,
    /// How the message begins, where white space makes that a fold of the line above.
    pub text: Vec<u8>,
}

/// The fields of [`Said`], by the names that templates use.
const FIELDS: [&str; 8] = ["helo", "rdns", "ident", "subject", "login", "sender", "recipient", "text"];

impl Said {
    /// Every field, in the order of the struct.
    pub fn fields(&mut self) -> [&mut Vec<u8>; 8] {
        let Self { helo, rdns, ident, subject, login, sender, recipient, text } = self;
        [helo, rdns, ident, subject, login, sender, recipient, text]
    }

    /// What an honest sender says.
    pub fn harmless() -> Self {
        let mut said = Self::default();
        let words =
            ["c.client.example", "h.example", "alice", "CN example", "bob", "a.b", "trap", " folded text of a message"];
        for (field, word) in said.fields().into_iter().zip(words) {
            *field = word.as_bytes().to_vec();
        }
        said
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = self.clone();
        formatter.debug_list().entries(copy.fields().map(|field| field.escape_ascii().to_string())).finish()
    }
}

/// Who took the message from whom, and the optional parts of a line.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The name that the MTA writes after `by`.
    pub by: &'a str,
    /// The peer: ours, or the victim where a line is forged.
    pub peer: IpAddr,
    /// The recipient's domain.
    pub domain: &'a str,
    /// Whether DNS has a name for the peer.
    pub named: bool,
    /// Whether the session was encrypted.
    pub tls: bool,
    /// Whether the client said who it is: by AUTH, or to ident.
    pub auth: bool,
    /// Whether there is one recipient only.
    pub one: bool,
    /// Whether a local part mixes a quoted string with a word (RFC 5322 §4.4, obsolete).
    pub mixed: bool,
}

/// The domain of addresses, where nothing else is wanted.
const DOMAIN: &str = "d.example";

/// The way without optional parts, from the first of [`PEERS`] to `mx1.example`.
pub const PLAIN: Way<'static> = Way {
    by: "mx1.example",
    peer: PEERS[0],
    domain: DOMAIN,
    named: true,
    tls: false,
    auth: false,
    one: true,
    mixed: false,
};

impl Way<'_> {
    /// From one of [`PEERS`], by `v6`, with these parts.
    pub fn of([v6, named, tls, auth, one, mixed]: [bool; 6]) -> Self {
        Self { peer: PEERS[usize::from(v6)], named, tls, auth, one, mixed, ..PLAIN }
    }

    fn has(self, part: &str) -> bool {
        match part {
            "v6" => self.peer.is_ipv6(),
            "named" => self.named,
            "tls" => self.tls,
            "auth" => self.auth,
            "one" => self.one,
            _ => panic!("{part} is no part of a line"),
        }
    }
}

/// The bytes of `text` that one line can hold.
pub(crate) fn raw(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r' | 0)).collect()
}

/// `text`, or a name where nothing is left of it.
fn or(text: Vec<u8>) -> Vec<u8> {
    if text.is_empty() { b"x".to_vec() } else { text }
}

/// The first word.
fn word(text: &[u8]) -> Vec<u8> {
    or(raw(text).split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).unwrap_or_default().to_vec())
}

/// Every byte that is not kept replaced by `by`.
fn replaced(text: &[u8], by: u8, kept: impl Fn(u8) -> bool) -> Vec<u8> {
    or(text.iter().map(|byte| if kept(*byte) { *byte } else { by }).collect())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// What a check for a valid host name or address literal leaves.
fn valid(text: &[u8]) -> Vec<u8> {
    let literal = text.iter().position(|byte| *byte == b']').map(|end| &text[..=end]);
    match literal.filter(|text| {
        text[0] == b'[' && text[1..text.len() - 1].iter().all(|byte| b"0123456789abcdefIPv:.".contains(byte))
    }) {
        Some(literal) => literal.to_vec(),
        None => or(text.iter().copied().take_while(|byte| is_name(*byte)).collect()),
    }
}

/// qmail's `safeput`; `more` is what its kin let pass besides.
fn safe(text: &[u8], more: &[u8]) -> Vec<u8> {
    replaced(text, b'?', |byte| byte.is_ascii_alphanumeric() || b".@%+/=:-".contains(&byte) || more.contains(&byte))
}

/// A reverse name as DNS can hold one.
fn ptr(text: &[u8]) -> Vec<u8> {
    let mut name = or(raw(text));
    name.truncate(253);
    name
}

/// A reverse name in which unusual bytes are escaped; `plain` are not.
fn escaped(text: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    for byte in ptr(text) {
        match byte {
            byte if is_name(byte) || plain.contains(&byte) => name.push(byte),
            b'(' | b')' | b';' | b'"' | b'\\' => name.extend([b'\\', byte]),
            byte => name.extend(format!("\\{byte:03}").into_bytes()),
        }
    }
    name
}

/// A local part as SMTP carries it: a quoted string, perhaps with a word behind it.
fn local(text: &[u8], mixed: bool) -> Vec<u8> {
    if !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.') {
        return text.to_vec();
    }
    let mut local = b"\"".to_vec();
    for byte in raw(text) {
        if matches!(byte, b'"' | b'\\') {
            local.push(b'\\');
        }
        local.push(byte);
    }
    local.extend_from_slice(if mixed { b"\".b" } else { b"\"" });
    local
}

/// What an MTA makes of one thing that a sender said; `domain` is that of an address.
fn treated(said: &[u8], treatment: &str, domain: &str, way: Way<'_>) -> Vec<u8> {
    match treatment {
        "raw" => raw(said),
        "some" => or(raw(said)),
        "word" => word(said),
        "valid" => valid(said),
        "name" => replaced(said, b'x', is_name),
        "safe" => safe(said, b""),
        "safe-brackets" => safe(said, b"[]"),
        "safe-blanks" => safe(said, b" "),
        "ptr" => ptr(said),
        "escaped" => escaped(said, b""),
        "address" => [b"<", &*local(said, way.mixed), b"@", domain.as_bytes(), b">"].concat(),
        // Those that write a local part anew quote all of it.
        "path" => [b"<", &*local(said, false), b"@", domain.as_bytes(), b">"].concat(),
        "local" => local(said, way.mixed),
        "postfix-helo" => {
            let text = String::from_utf8_lossy(said.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
            replaced(text.as_bytes(), b'?', |byte| !b" <>()\\\";@".contains(&byte) && !byte.is_ascii_control())
        }
        "postfix-subject" => replaced(&said[..said.len().min(255)], b'?', |byte| !byte.is_ascii_control()),
        "exim-helo" => said.iter().copied().filter(|byte| !matches!(byte, b'\n' | 0)).collect(),
        "exim-ident" => {
            let printed = |byte: u8| match byte {
                b' '..=b'~' => vec![byte],
                byte => format!("\\{byte:03o}").into_bytes(),
            };
            said.iter().copied().flat_map(printed).collect()
        }
        "sendmail-helo" => {
            let first = word(said);
            let good = first.iter().all(|byte| byte.is_ascii_alphanumeric() || b"[].-_#:".contains(byte));
            if good { first } else { format!("[{}]", way.peer).into_bytes() }
        }
        "sendmail-ident" => or(said.iter().copied().filter(|byte| is_name(*byte)).take(99).collect()),
        "courier-helo" => replaced(said, b'_', |byte| !byte.is_ascii_control() && byte != b' '),
        "haraka-helo" => String::from_utf8_lossy(&word(said)).into_owned().into_bytes(),
        "haraka-ptr" => escaped(said, b" []<>@:,"),
        "google-helo" => replaced(said, b'?', |byte| is_name(byte) || b"@[]:".contains(&byte)),
        // The message begins with white space, and the MTA puts nothing between it and its line.
        "running-on" if said.is_empty() => Vec::new(),
        "running-on" => {
            [b"\n\t", &*said.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(b"\n\t".as_slice())].concat()
        }
        _ => panic!("no MTA does {treatment}"),
    }
}

/// Writes a line by its template, in which `{part:…}` and `{!part:…}` are there with and without an optional part, and
/// `{field.treatment}` is what the MTA makes of what the sender said.
fn write(template: &str, said: &mut Said, way: Way<'_>, line: &mut Vec<u8>) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        line.extend_from_slice(before.as_bytes());
        let mut depth = 1;
        let end = after.find(|symbol| {
            depth += i32::from(symbol == '{') - i32::from(symbol == '}');
            depth == 0
        });
        let (inner, behind) = after.split_at(end.expect("a template's braces are balanced"));
        rest = &behind[1..];
        match (inner, inner.split_once(':'), inner.split_once('.')) {
            (_, Some((part, text)), _) => {
                if part.strip_prefix('!').map_or_else(|| way.has(part), |part| !way.has(part)) {
                    write(text, said, way, line);
                }
            }
            ("ip", ..) => line.extend_from_slice(way.peer.to_string().as_bytes()),
            ("by", ..) => line.extend_from_slice(way.by.as_bytes()),
            ("domain", ..) => line.extend_from_slice(way.domain.as_bytes()),
            ("date", ..) => line.extend_from_slice(DATE.as_bytes()),
            ("day", ..) => line.extend_from_slice(b"23 Nov 2026 22:02:47 -0000"),
            ("protocol", ..) => {
                line.extend_from_slice(
                    ["ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA"][usize::from(way.tls) + 2 * usize::from(way.auth)]
                        .as_bytes(),
                );
            }
            (_, _, Some((field, treatment))) => {
                let place = FIELDS.iter().position(|name| *name == field).expect("a template names a field");
                let domain = if field == "recipient" { way.domain } else { DOMAIN };
                let text = treated(said.fields()[place], treatment, domain, way);
                line.extend_from_slice(&text);
            }
            _ => panic!("{inner} is nothing in a template"),
        }
    }
    line.extend_from_slice(rest.as_bytes());
}

/// A form of line that an MTA writes.
pub struct Form {
    /// The dialect of its MTA.
    pub dialect: Dialect,
    /// What tells it from the dialect's others.
    pub name: &'static str,
    template: String,
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.dialect.name(), self.name)
    }
}

impl Form {
    /// Whether it can state an IPv6 address: in some a port could be taken for its last group.
    pub fn takes_ipv6(&self) -> bool {
        !matches!(self.name, "port-inside" | "tagless" | "bare-v4")
    }

    /// The line of an MTA to which this was said.
    pub fn write(&self, said: &Said, way: Way<'_>) -> Vec<u8> {
        let mut line = Vec::new();
        write(&self.template, &mut said.clone(), way, &mut line);
        line
    }
}

/// Reads a list of forms: a line with dialect and name, and the template behind `|`, on as many lines as it takes.
fn forms(list: &'static str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(template) = line.strip_prefix('|') {
            let template = template.replace(r"\n", "\n").replace(r"\t", "\t").replace(r"\r", "\r");
            forms.last_mut().expect("a template stands behind its form's name").template.push_str(&template);
        } else {
            let (dialect, name) = line.split_once(' ').expect("a form has a dialect and a name");
            let dialect = Dialect::parse(dialect).expect("a form's dialect is one of ours");
            forms.push(Form { dialect, name, template: String::new() });
        }
    }
    forms
}

/// Every form that states a peer.
pub static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| forms(STATED));

/// Forms that leave the peer out, so that their lines name nobody.
pub static HIDDEN: LazyLock<Vec<Form>> = LazyLock::new(|| forms(UNSTATED));

/// Forms of mail that was made on the relay itself, by whom is not said: a user, a web form, a program (A09).
pub static LOCAL: LazyLock<Vec<Form>> = LazyLock::new(|| forms(PICKED_UP));

const STATED: &str = r##"
postfix smtpd
|from {helo.postfix-helo} ({named:h.example}{!named:unknown} [{v6:IPv6:}{ip}])
|{tls:\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519)\n\t
|(Client CN "{subject.postfix-subject}", Issuer "{subject.postfix-subject}" (not verified))}
|{auth:\n\t(Authenticated sender: {login.raw})}\n\tby {by} (Postfix) with {protocol} id 4T3X
|{one:\n\tfor {recipient.path}; }{!one:;\n\t}{date} (UTC)
exim exim-4
|from {named:h.example ([{ip}] }{!named:[{ip}] (}helo={helo.exim-helo}{auth: ident={ident.exim-ident}})
|\n\tby {by} with esmtp{tls:s  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t}{!tls: }(Exim 4.96)
|\n\t(envelope-from {sender.address})\n\tid 1xVc9P-000710-23{one:\n\tfor {recipient.local}@{domain}};\n\t{date}
exim3 smtp
|from h.example ({helo.raw}) [{ip}]{auth: ({ident.raw})}
|\n\tby {by} with esmtp (Exim 3.35 #1 (Debian))\n\tid 1xVc9P-000710-23; {date}
nemesis smtp
|from {helo.some} ([{ip}]) by {by} (mrweb004 [203.0.113.12]) with ESMTPSA (Nemesis) id 0M5u99-1Y5S; {date}
sendmail smtp
|from {helo.sendmail-helo} ({auth:{ident.sendmail-ident}@}{named:mx.bigbank.example }[{v6:IPv6:}{ip}]
|{named: (may be forged)}){auth: (authenticated bits=0)}\n\tby {by} (8.17.1.9/8.17.1.9/Debian-2) with
| {protocol} id 6AN
|{tls:\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO)}{one:\n\tfor {recipient.address}}; {date}
sendmail empty-helo
|(from [{v6:IPv6:}{ip}])\n\tby {by} (8.17.1.9/8.17.1.9) with SMTP id 6AN\n\tfor {recipient.address}; {date}
opensmtpd smtp
|from {helo.valid} ({named:{rdns.ptr}}{!named:<unknown>} [{ip}])\n\tby {by} (OpenSMTPD) with {protocol} id
| b75f7b21
|{tls: (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)}{auth: auth=yes user={login.some}}{one:\n\tfor
| <trap@{domain}>};\n\t{date} (UTC)
opensmtpd bare-v6
|from {helo.valid} ({named:{rdns.ptr}}{!named:<unknown>} {!v6:[}{ip}{!v6:]})\n\tby {by} (OpenSMTPD) with ESMTP
| id b75f7b21\n\tfor <trap@{domain}>;\n\t{date} (UTC)
courier esmtpd
|from {helo.courier-helo} ({named:{rdns.ptr} }[{!v6:::ffff:}{ip}]){auth:\n  (IDENT: {ident.raw})}
|{!auth:{tls:\n  (AUTH: LOGIN {login.raw}, TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384)}}\n  by {by} with
| {protocol}
|\n  id 00000000009B00F4.000000006B04BB6B.00002D1A; {date}{text.running-on}
haraka smtp
|from {helo.haraka-helo} ({named:{rdns.haraka-ptr} }[{ip}])\n\tby {by} (Haraka/3.3.4) with {protocol}
| id F8F2A87B-1EBD-4097-9985-7E3BBB6673F0.1\n\tenvelope-from {sender.path}{tls:\n\ttls TLS_AES_256_GCM_SHA384}
|{auth: (authenticated bits=0)};\n\t{date}{text.running-on}
dovecot lmtp
|from {helo.valid} ([{ip}]){tls:\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))}
|\n\tby {by} with LMTP\n\tid wOzeGeO7BGsX\n\t(envelope-from {sender.path})\n\tfor {recipient.path};
| {date}{text.running-on}
# The LHLO is the client's, and written as it came.
cyrus lmtp
|from {helo.some} ({named:h.example }[{ip}])\n\t by {by} (Cyrus v2.4.17) with LMTPA; {date}{text.running-on}
amavis filter
|from {helo.valid} ([{ip}])\n by {by} ({by} [127.0.0.1]) (amavis, port 10024) with ESMTP
|\n id 2zaZ7IxXypf6{one: for {recipient.address}}; {date} (UTC){text.running-on}
qmail smtpd
|from {rdns.safe-brackets} (HELO {helo.safe-brackets}) ({auth:{ident.safe-brackets}@}{ip})\n  by {by}
| with {tls:(ECDHE-RSA-AES256-GCM-SHA384 encrypted) }ESMTP{tls:S}; {day}{text.running-on}
# s/qmail and aQmail, which let blanks stand.
qmail aqmail
|from {rdns.safe-blanks} (HELO {helo.safe-blanks}) ({auth:{ident.safe-blanks}@}{ip})
|{tls:\n  de/crypted with TLSv1.3: C [256/256] DN={subject.raw}}\n  by {by} with ESMTP{tls:S}; {day}{text.running-on}
qmail ldap
|from h.example (HELO {helo.safe-brackets}) ({auth:{ident.safe}@}[{ip}])\n          (envelope-sender <{sender.safe}>)
|\n          by {by} (qmail-ldap-1.03) with SMTP\n          for <{recipient.safe}>; {day}{text.running-on}
qmail qpsmtpd
|from {rdns.ptr} (HELO {helo.word}) ({ip}){auth:\n  (smtp-auth username {login.raw}, mechanism plain)}
|\n  by {by} (qpsmtpd/0.94) with {tls:(ECDHE-RSA-AES256-GCM-SHA384 encrypted) }{protocol}; {date}{text.running-on}
exchange smtpsvc
|from {helo.raw} ([{ip}]{!named: RDNS failed}) by {by}{tls: over TLS secured channel}
| with Microsoft SMTPSVC(6.0.3790.1830);\n\t {date}{text.running-on}
exchange mail-service
|from {helo.raw} ({named:{rdns.ptr} }[{ip}]) by {by} with SMTP
| (Microsoft Exchange Internet Mail Service Version 5.5.2653.13)\n\tid ABCD1234; {date}{text.running-on}
exchange server
|from {helo.raw} ({ip}) by {by}\n (10.1.1.4) with Microsoft SMTP Server{tls: (TLS)} id 14.3.123.3; {date}{text.running-on}
outlook smtp
|from {helo.raw} ({ip}) by {by}\n (10.152.4.240) with Microsoft SMTP Server (version=TLS1_2,\n cipher=TLS_X)
| id 15.20.3412.21 via Frontend\n Transport; {date}{text.running-on}
google edge
|from {helo.google-helo} ({named:h.example. }[{ip}])\n        by {by} with {protocol} id n13si5973036wej.22.2026
|{one:\n        for {recipient.address}}{tls:\n        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256)};\n
|        {date}{text.running-on}
yahoo edge
|from {named:127.0.0.1 }{!named:unknown} (EHLO {helo.safe}) ({auth:{login.safe}@}{ip}{auth: with plain})\n  by
| {by} with SMTPS; {date}{text.running-on}
yahoo edge-first
|from {ip} (EHLO {helo.safe})\n by {by} with SMTPs; {date}{text.running-on}
ironport smtp
|from unknown (HELO {helo.raw}) ([{ip}])\n  by {by} with ESMTP{tls:/TLS/ECDHE-RSA-AES256-GCM-SHA384}; {day}{text.running-on}
domino smtp
|from {helo.raw} ([{ip}])\n          by {by} (IBM Domino Release 9.0.1FP7)\n          with ESMTP
| id 2020093012481989-526280 ;\n          {date} {text.running-on}
communigate address
|from [{ip}] ({auth:account bob@d.example }HELO {helo.raw})\n  by {by} (CommuniGate Pro SMTP 6.2.5)
|\n  with {protocol} id 19467966{one: for trap@{domain}}; {date}{text.running-on}
communigate name
|from {helo.name} ([{ip}] verified)\n  by {by} (CommuniGate Pro SMTP 5.1.13)\n  with ESMTP id 19467966
| for {recipient.local}@{domain}; {date}{text.running-on}
stalwart smtp
|from {helo.valid} ({named:{rdns.escaped}}{!named:unknown} [{ip}]{auth: (AS64500 Example Networks, SE)})\r\n\t
|{tls:(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\r\n\t}by {by} (Stalwart SMTP) with ESMTPS id
| 2F000012;\r\n\t{date}{text.running-on}
hmailserver smtp
|from {helo.word} ({named:h.example }[{ip}])\r\n\tby {by} with ESMTPS\r\n\t
|{tls:(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256)\r\n\t}; {date}{text.running-on}
momentum port-inside
|from [{ip}] ([{ip}:53798] helo={helo.raw})\n\tby {by} (envelope-from {sender.address})\n\t
|(ecelerity 4.2.1 r(Core:4.2.1)) with ESMTPS\n\t{tls:(cipher=AES256-SHA\n\tsubject="{subject.raw}") }id
| 5A/F0-04030-76FF6054; {date}{text.running-on}
momentum port-outside
|from {rdns.ptr} ([{ip}]:53798 helo={helo.raw})\n\tby {by} (ecelerity 4.2.1 r(Core:4.2.1)) with ESMTP
|\n\tid 5A/F0-04030-76FF6054 for {recipient.address}; {date}{text.running-on}
criticalpath bare-v4
|from {helo.some} ({ip}) by {by} (7.0.030.2){auth: (authenticated as bob)}\n        id 414B418B002D65F1
| for {recipient.local}@{domain}; {date}{text.running-on}
powermta bare-v4
|from {helo.some} ({ip}) by {by} (PowerMTA v5.0r1) id h1 for {recipient.address}; {date} (envelope-from
| {sender.address}){text.running-on}
scalix bare-v4
|from {helo.some} ({named:h.example} [{ip}])\n    by {by} (Scalix SMTP Relay 11.4.1.11929)\n    via ESMTP; {date}
| (UTC){text.running-on}
james smtp
|from h.example (EHLO {helo.raw}) ([{ip}])\n          by {by} (JAMES SMTP Server 3.8.1) with {protocol} ID 12
|{one:\n          for {recipient.address}};\n          {date} (UTC){text.running-on}
mailenable smtp
|from {helo.some} ([{ip}]) by {by} with MailEnable ESMTP; {date}{text.running-on}
xmail smtp
|from {helo.word} ([{ip}]:23198)\r\n\tby {by} with [XMail 1.27 ESMTP Server]\r\n\tid <S72E>
| for {recipient.address} from {sender.address};\r\n\t{date}{text.running-on}
imail smtpd32
|from {helo.some} [{ip}] by {by}{tls: with ESMTP}\n  (SMTPD32-8.00) id AD7FA80134; {date}{text.running-on}
imail merak
|from {helo.some} ({named:h.example }[{ip}])\n\tby {by} (Merak 8.9.1) with ASMTP id EDA37003\n\tfor
| {recipient.address};\n\t{date}{text.running-on}
webmail squirrelmail
|from {ip}\n        (SquirrelMail authenticated user {login.raw})\n        by {by} with HTTP;\n        {date}
| (UTC){text.running-on}
# An MTA that leaves TCP-info out and lets blanks stand in a HELO must not be declared so; others may do either.
general tagless
|from {helo.word} ({named:h.example }[{ip}]) by {by} with ESMTP id 12{one: for {recipient.address}}; {date}{text.running-on}
general tcp-info
|from {helo.some} ({named:h.example }[{v6:IPv6:}{ip}]) by {by} (Some 1.0) with ESMTP id 12; {date}{text.running-on}
"##;

const UNSTATED: &str = r##"
mdaemon smtp
|from {helo.some} ({named:h.example }[{ip}]) by {by} (MDaemon PRO v20.0.3)\n\twith ESMTP id md50004804310.msg
|\n\tfor {recipient.address}; {date}{text.running-on}
opensmtpd masked
|\n\tby {by} (OpenSMTPD) with ESMTPA id b75f7b21{auth: auth=yes user={login.some}}\n\tfor
| <trap@{domain}>;\n\t{date}
dovecot lmtp-local
|from {helo.valid}\n\tby {by} with LMTP\n\tid wOzeGeO7BGsX\n\t(envelope-from {sender.address})
|\n\tfor {recipient.address}; {date}{text.running-on}
# qmail with the patches of one distributor, which leave out the address of a client that may relay.
qmail relay-client
|from unknown (HELO {helo.safe}) ({login.safe})\n  by {by} with ESMTPA; {day}{text.running-on}
# SMTP on standard input, by a user of the host.
exim local-smtp
|from bob (helo={helo.raw})\n\tby {by} with local-esmtp (Exim 4.96)\n\t(envelope-from {sender.address})
|\n\tid 1xVc9P-000710-23\n\tfor trap@{domain};\n\t{date}
mdaemon bare
|from {helo.some} by {by}{tls: (Cipher SSLv3:RC4-MD5:128)} (MDaemon PRO v10.1.1)\n\twith ESMTP id
| md50001483616.msg
|\n\tfor {recipient.address}; {date}{text.running-on}
xmail authenticated
|from {helo.word}\r\n\tby {by} with [XMail 1.27 ESMTP Server]\r\n\tid <S72E>
| for {recipient.address} from {sender.address};\r\n\t{date}{text.running-on}
# The parentheses hold the reverse name, which may look like an address.
listserver lsmtp-name
|from {helo.word} ({rdns.name}) by {by}\n          (LSMTP for Windows NT v1.1b) with SMTP id\n         
| <2.5FC@{by}>; {date}{text.running-on}
# Horde writes what a field of the browser's request says of the client.
webmail horde
|from {rdns.name} ({rdns.name} [{named:{ident.raw}}{!named:{ip}}]) by\n {by} (Horde Framework) with HTTP; {date}{text.running-on}
fetchmail fetchmail
|from pop3.example [{ip}]\n\tby {by} with POP3 (fetchmail-6.4.16)\n\tfor <{recipient.local}@localhost>
| (single-drop); {date} (UTC){text.running-on}
"##;

const PICKED_UP: &str = r##"
postfix pickup
|by {by} (Postfix, from userid 1000)\n\tid 4T3X{one:\n\tfor {recipient.path}}; {date} (UTC)
exim local
|from bob by {by} with local (Exim 4.96)\n\t(envelope-from {sender.address})\n\tid 1xVc9P-000710-23
|\n\tfor {recipient.local}@{domain};\n\t{date}
sendmail submit
|(from bob@localhost)\n\tby {by} (8.17.1.9/8.17.1.9/Submit) id 6ANM5uAb012380\n\tfor {recipient.address}; {date}
opensmtpd local
|from localhost ({by} [local])\n\tby {by} (OpenSMTPD) with ESMTPA id 2b3c4d5e\n\tfor <trap@{domain}>;\n\t{date} (UTC)
courier local
|from bob (uid 1000)\n  by {by} with local; {date}
qmail queue-local
|(qmail 10682 invoked by uid 404); {day}
exchange pickup
|from mail pickup service by {by} with Microsoft SMTPSVC;\n\t {date}
domino local
|by {by} (IBM Domino Release 9.0.1FP7)\n          id 2020093012481989-526281 ;\n          {date}
communigate pipe
|by {by} (CommuniGate Pro PIPE 6.2.14)\n  with PIPE id 1234564; {date}
"##;
