//! How a dialect says what its MTA writes.
//!
//! A [`Rule`] is the whole line in three parts with two joints, the peer's address and the host after `by`:
//!
//! ```text
//! from mail.sender.example (unknown [192.0.2.10]) by mx1.relay.example (Postfix) with ESMTP id 4T3; Mon, 1 Jan 2024 …
//! ╰────────── before ─────────────╯            ╰between╯                ╰──────────────── after ─────────────────
//! ```
//!
//! Patterns are regular expressions over bytes, on the unfolded line, in which a space stands for any run of spaces
//! and tabs, and `@word@` for a clause of [`CLAUSES`]. A pattern must admit every byte that the MTA can write in that
//! place: then the true derivation is always among those found ([`super::derive`]), and the line names the true peer
//! or is ambiguous (G1). It should admit no other, so that few lines are.

use std::net::IpAddr;

/// The clauses that dialects share (RFC 5321 §4.4, RFC 5322 §3.3), by the name they have in patterns.
const CLAUSES: [(&str, &str); 11] = [
    // What may follow the date: comments with the time's zone; and where an MTA is told to, the sender in one.
    ("@comments@", r"(?:[ \t\r]*\([A-Za-z0-9 +:.-]*\))*[ \t\r]*"),
    ("@sender@", r"(?:(?:\([A-Za-z0-9 +:.-]*\)[ \t]*)?\(envelope-from <?(?<from>[^\x20\t<>();]*)>?\))?"),
    // A host name as DNS and configuration files write it; MTAs print nothing else where they write a name of their own.
    ("@name@", r"[A-Za-z0-9._-]+"),
    ("@host@", r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f.:]+\])"),
    // An address between angle brackets; a quoted local part may hold any byte (RFC 5321 §4.1.2).
    ("@path@", r#"<(?:"(?:[^"\\]|\\.)*"|[^\x20\t<>"])*>"#),
    ("@mailbox@", r#"(?:"(?:[^"\\]|\\.)*"|[^\x20\t<>";])+"#),
    ("@protocol@", r"(?<with>(?:UTF8|utf8)?[EeLl]?[SsMm][MmTt][TtPp][Pp]?[SsAaPp]*)"),
    ("@id@", r"<?(?<id>[A-Za-z0-9+/][A-Za-z0-9._:/@+=-]*)>?"),
    // `(version=TLS1_2 cipher=… bits=128/128)`, `(using TLSv1.3 with cipher … (256/256 bits))`: the relay's words.
    ("@tls@", r"\((?:version=|using |TLS|SSL)(?:[^()]|\([^()]*\))*\)"),
    // Four-digit years only (RFC 5321 §4.4); the zone may be a name (RFC 5322 §4.3) and be told again in a comment.
    (
        "@date@",
        r"(?:(?:[A-Z][a-z]{2},[ \t]*)?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})? (?:[+-][0-9]{4}|[A-Z]{1,5}))(?:[ \t\r]|\z)",
    ),
    // For claims only: a date whose zone is missing gives a forger away.
    (
        "@any-date@",
        r"(?:(?:[A-Z][a-z]{2},[ \t]*)?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: (?:[+-][0-9]{4}|[A-Z]{1,5}))?)",
    ),
];

/// What a line says of where the message came from, by one rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// The TCP peer.
    Peer(IpAddr),
    /// A local step, which names no peer.
    Handover(Handover),
    /// One of several lines that the MTA writes for one message: the next line is the same relay's.
    Continued,
    /// The line is the MTA's, and names none of these: its format leaves the peer out.
    Unstated,
}

/// A step inside one host or provider. A relay must declare those it makes; behind an undeclared one anybody may stand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Handover {
    /// A content filter or re-injection over 127.0.0.0/8 or ::1.
    Loopback,
    /// Delivery over LMTP on the same host, with no address.
    Lmtp,
    /// Submission on the host itself: a line with a uid or without a peer.
    Pickup,
    /// POP or IMAP: the next line is the polled host's.
    Fetchmail,
    /// A provider's own line without a peer.
    Internal,
}

impl Handover {
    /// Every handover, in the order of the settings' documentation.
    pub const ALL: [Self; 5] = [Self::Loopback, Self::Lmtp, Self::Pickup, Self::Fetchmail, Self::Internal];

    /// The word for it in settings and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Lmtp => "lmtp",
            Self::Pickup => "pickup",
            Self::Fetchmail => "fetchmail",
            Self::Internal => "internal",
        }
    }

    /// The handover of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|handover| handover.name() == name)
    }
}

/// One form of line that an MTA writes.
pub(crate) struct Rule {
    /// Its name, for proofs.
    pub(super) name: &'static str,
    /// From the line's start to the first joint.
    pub(super) before: &'static str,
    /// From the peer to the host, where the rule states a peer.
    pub(super) between: Option<&'static str>,
    /// From the host to the date; none: the line names no host, and `before` is all of it.
    pub(super) after: Option<&'static str>,
    /// What the rule states if no peer.
    pub(super) peerless: Source,
    /// Whether only an IPv4 address can be the peer, and a line with an IPv6 address states none: where a port follows it in
    /// the same brackets, nobody can tell the port from its last group.
    pub(super) only_ipv4: bool,
}

impl Rule {
    /// A line that states its peer: `before`, the address, `between`, the host, `after`.
    pub(crate) const fn peer(
        name: &'static str,
        before: &'static str,
        between: &'static str,
        after: &'static str,
    ) -> Self {
        Self { name, before, between: Some(between), after: Some(after), peerless: Source::Unstated, only_ipv4: false }
    }

    /// A line of a local step: `before` up to and with `by`, the host, `after`.
    pub(crate) const fn handover(
        name: &'static str,
        step: Handover,
        before: &'static str,
        after: &'static str,
    ) -> Self {
        Self { name, before, between: None, after: Some(after), peerless: Source::Handover(step), only_ipv4: false }
    }

    /// A line that is the MTA's but leaves the peer out.
    pub(crate) const fn unstated(name: &'static str, before: &'static str, after: &'static str) -> Self {
        Self { name, before, between: None, after: Some(after), peerless: Source::Unstated, only_ipv4: false }
    }

    /// A line of a local step that does not say which host wrote it.
    pub(crate) const fn nameless(name: &'static str, source: Source, line: &'static str) -> Self {
        Self { name, before: line, between: None, after: None, peerless: source, only_ipv4: false }
    }

    /// The same rule for IPv4 peers alone.
    pub(crate) const fn only_ipv4(mut self) -> Self {
        self.only_ipv4 = true;
        self
    }
}

/// What a derivation tells beside its joints.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Clauses<'a> {
    /// What the client called itself (HELO, EHLO, LHLO): the sender's word.
    pub helo: Option<&'a [u8]>,
    /// The name that DNS gives for the peer, as the relay wrote it.
    pub rdns: Option<&'a [u8]>,
    /// The peer's ident answer (RFC 1413): the sender's word.
    pub ident: Option<&'a [u8]>,
    /// The sender of the envelope.
    pub envelope_from: Option<&'a [u8]>,
    /// The authenticated user or mechanism.
    pub auth: Option<&'a [u8]>,
    /// The relay's queue id.
    pub id: Option<&'a [u8]>,
    /// The protocol.
    pub with: Option<&'a [u8]>,
    /// When the relay took the message, as it wrote it.
    pub date: Option<&'a [u8]>,
}

/// Replaces the clauses by their patterns, and each space by a run of white space; a space with `?` may be missing.
pub(super) fn expand(pattern: &str) -> String {
    let mut whole = pattern.to_owned();
    for (name, clause) in CLAUSES {
        whole = whole.replace(name, clause);
    }
    let mut expanded = String::with_capacity(whole.len() * 2);
    let (mut in_class, mut escaped) = (false, false);
    let mut symbols = whole.chars().peekable();
    while let Some(symbol) = symbols.next() {
        match symbol {
            _ if escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        if symbol == ' ' && !in_class {
            let optional = symbols.next_if_eq(&'?').is_some();
            expanded.push_str(if optional { r"[ \t]*" } else { r"[ \t]+" })
        } else {
            expanded.push(symbol)
        }
        escaped = symbol == '\\' && !escaped;
    }
    expanded
}
