//! The messages as text: as the relay of the feed, a Postfix, would have written them to disk.
//!
//! What is reflected is taken from our corpus of reflected mail, each message with our relay's line for its own and the
//! trap's address for its recipient; a server that answers keeps to one of them, since it runs one software.

use std::net::IpAddr;
use std::path::Path;

use firsthand_server::intake::files::{Found, Split, Unreadable, for_each_message};
use jiff::Timestamp;

use crate::actors::{Actor, framed};
use crate::forged::forged_line;
use crate::traps::{Feed, LIAR};

/// One message of an actor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mail {
    /// When it arrives, in Unix seconds.
    pub(crate) at: i64,
    pub(crate) to: To,
    pub(crate) kind: Kind,
}

/// Where it arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum To {
    /// At a recipient of a feed.
    One(Feed, usize),
    /// Nowhere: a lying feed hands in the same fake for each trap.
    Liar,
}

impl To {
    pub(crate) fn feed(self) -> Feed {
        match self {
            Self::One(feed, _) => feed,
            Self::Liar => Feed::Liar,
        }
    }
}

/// What it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Spam, sent by who wrote it.
    Spam,
    /// Spam with a forged Received line that names an innocent server.
    Forged { framed: usize, shape: u64 },
    /// Spam from a script on a hacked server.
    Script,
    /// A campaign of an ESP's customer.
    Campaign,
    /// Mail that a user submitted to the provider.
    Submitted,
    /// Mail that somebody wanted.
    Wanted,
    /// A request to confirm; by number of its software, as below.
    Confirmation(usize),
    /// A bounce.
    Bounce(usize),
    /// A bounce in which nothing tells of a bounce any more.
    Mangled,
    /// An automatic answer.
    AutoReply(usize),
    /// A list server's notice.
    ListNotice(usize),
}

/// The trap's address in the corpus.
const PLACEHOLDER: &[u8] = b"trap@traps.example";

/// Reflected mail of our corpus, to be addressed.
pub(crate) struct Templates {
    confirmations: Vec<Template>,
    bounces: Vec<Template>,
    auto_replies: Vec<Template>,
    list_notices: Vec<Template>,
}

/// A message without Received lines, cut where the trap's address stood.
struct Template {
    return_path: Vec<u8>,
    pieces: Vec<Vec<u8>>,
}

impl Templates {
    /// Those in `tests/corpus/nature`.
    pub(crate) fn read() -> Self {
        let read = |kind: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/nature").join(kind);
            let mut found = Vec::new();
            let taken = for_each_message(&[folder], Split::Mbox, &mut |Found { place, message }| {
                if place.ends_with(".eml") {
                    found.push((place, message));
                }
                Ok::<(), Unreadable>(())
            });
            assert!(taken.is_ok() && !found.is_empty(), "no corpus of {kind}");
            found.sort();
            found.iter().map(|(_, message)| Template::of(message)).collect()
        };
        Self {
            confirmations: read("confirmation"),
            bounces: read("bounce"),
            auto_replies: read("auto-reply"),
            list_notices: read("list-notice"),
        }
    }
}

impl Template {
    fn of(message: &[u8]) -> Self {
        let (mut return_path, mut rest) = (Vec::new(), Vec::with_capacity(message.len()));
        let (mut in_header, mut dropped) = (true, false);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            in_header &= line.trim_ascii() != b"";
            if in_header {
                let continued = line[0] == b' ' || line[0] == b'\t';
                let of_relay = line.starts_with(b"Received:") || line.starts_with(b"Return-Path:");
                dropped = if continued { dropped } else { of_relay };
                if line.starts_with(b"Return-Path:") {
                    return_path = line.to_vec();
                }
            }
            if !(in_header && dropped) {
                rest.extend_from_slice(line);
            }
        }
        let (mut pieces, mut from) = (Vec::new(), 0);
        while let Some(at) = rest[from..].windows(PLACEHOLDER.len()).position(|text| text == PLACEHOLDER) {
            pieces.push(rest[from..from + at].to_vec());
            from += at + PLACEHOLDER.len();
        }
        pieces.push(rest[from..].to_vec());
        Self { return_path, pieces }
    }

    fn addressed(&self, ours: &str, recipient: &str) -> Vec<u8> {
        let body = self.pieces.join(recipient.as_bytes());
        [&self.return_path, ours.as_bytes(), &body].concat()
    }
}

/// The message, whole.
pub(crate) fn text(actor: &Actor, mail: &Mail, templates: &Templates) -> Vec<u8> {
    let (feed, date) = (mail.to.feed(), date(mail.at));
    let recipient = match mail.to {
        To::One(feed, number) => feed.address(number),
        To::Liar => Feed::Liar.address(LIAR.start),
    };
    let (peer, at, kind) = (actor.address, mail.at, mail.kind);
    let host = host_name(peer);
    let bot = matches!(kind, Kind::Spam | Kind::Forged { .. });
    let helo = match kind {
        // Postfix lets square brackets through in HELO: where the client's own word stands is no place for evidence.
        Kind::Forged { framed: victim, shape } if shape >> 32 & 1 == 1 => format!("[{}]", framed(victim)),
        Kind::Forged { framed: victim, .. } => host_name(framed(victim)),
        _ => host.clone(),
    };
    let name = if bot { "unknown" } else { &host };
    let tag = if peer.is_ipv6() { "IPv6:" } else { "" };
    let id = id_of(peer, at);
    let ours = format!(
        "Received: from {helo} ({name} [{tag}{peer}])\n\tby {} (Postfix) with ESMTP id {id}\n\tfor <{recipient}>; {date}\n",
        feed.relay()
    );
    let from_template =
        |templates: &[Template], number: usize| templates[number % templates.len()].addressed(&ours, &recipient);
    let plain = |sender: &str, below: &str, fields: &str, body: &str| {
        format!(
            "Return-Path: <{sender}>\n{ours}{below}From: {sender}\nTo: {recipient}\n{fields}\
             Message-ID: <{id}@{host}>\nDate: {date}\n\n{body}\n"
        )
        .into_bytes()
    };
    let offer =
        |below: &str| plain("offers@shop.example", below, "Subject: Cheap watches\n", "Buy now: http://shop.example/w");
    match kind {
        Kind::Spam => offer(""),
        Kind::Forged { framed: victim, shape } => {
            let victim = framed(victim);
            offer(&forged_line(shape as usize, victim, &host_name(victim), &recipient, at))
        }
        Kind::Script => offer(&format!("Received: by {host} (Postfix, from userid 33)\n\tid 4{id}; {date}\n")),
        Kind::Campaign => {
            let fields = format!(
                "Subject: This week's offers\nList-Id: <news.{host}>\nList-Unsubscribe: <https://{host}/u/1>\nPrecedence: bulk\n"
            );
            plain(&format!("bounce-1@{host}"), "", &fields, "Our offers of this week: sofas, chairs and tables.")
        }
        Kind::Submitted => {
            let user = IpAddr::from([26, 200, 1, 7]);
            let below = format!(
                "Received: from [{user}] (dsl-7.access.example [{user}])\n\t(Authenticated sender: somebody)\n\
                 \tby submit.{host} (Postfix) with ESMTPSA id 5{id};\n\t{date}\n"
            );
            plain("somebody@provider.example", &below, "Subject: Hello\n", "Have you seen http://shop.example/w ?")
        }
        Kind::Wanted => {
            plain("anna@customer.example", "", "Subject: Invoice for November\n", "Dear Sir, find it attached.")
        }
        Kind::Confirmation(number) => from_template(&templates.confirmations, number),
        Kind::Bounce(number) => from_template(&templates.bounces, number),
        Kind::Mangled => plain("someone@uni.example", "", "Subject: 7\n", "body"),
        Kind::AutoReply(number) => from_template(&templates.auto_replies, number),
        Kind::ListNotice(number) => from_template(&templates.list_notices, number),
    }
}

/// A date as Postfix writes it.
pub(crate) fn date(at: i64) -> String {
    let at = Timestamp::from_second(at).expect("a time of the world");
    at.strftime("%a, %d %b %Y %H:%M:%S +0000 (UTC)").to_string()
}

/// A queue id; no two messages that one peer sends in a second can differ in nothing else and be two.
fn id_of(peer: IpAddr, at: i64) -> String {
    let peer = match peer {
        IpAddr::V4(v4) => u32::from(v4),
        IpAddr::V6(v6) => (u128::from(v6) >> 64) as u32,
    };
    format!("{:05X}{:06X}", at % 0xF_FFFF, peer & 0xFF_FFFF)
}

/// The name that an address would have in reverse DNS.
fn host_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("mail-{}.net.example", v4.octets().map(|octet| octet.to_string()).join("-")),
        IpAddr::V6(_) => "mail-v6.net.example".to_owned(),
    }
}
