//! How a dialect says what its MTA writes, and how every derivation of a line by it is found.
//!
//! A [`Rule`] is the whole line in three parts with two joints, the peer's address and the host after `by`:
//!
//! ```text
//! from mail.sender.example (unknown [192.0.2.10]) by mx1.relay.example (Postfix) with ESMTP id 4T3; Mon, 1 Jan 2024 …
//! ╰────────── before ─────────────╯            ╰between╯                ╰──────────────── after ─────────────────
//! ```
//!
//! `before` is anchored at the line's start. Every place where it can end and an address stands is a candidate; from
//! there every place where `between` can end and a host name stands; and there `after` must match, up to the MTA's own
//! last element, the date. Each such triple is a derivation. No place is preferred: text that a sender brought into
//! the line can add derivations but cannot take the true one away (G1).
//!
//! Patterns are regular expressions over bytes, on the unfolded line, in which a space stands for any run of spaces
//! and tabs, and `@word@` for a clause of [`CLAUSES`].

use std::net::IpAddr;
use std::ops::Range;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::{captures::Captures, syntax};
use regex_automata::{Anchored, Input, MatchKind};

use crate::address::address_at;

/// The clauses that dialects share (RFC 5321 §4.4, RFC 5322 §3.3), by the name they have in patterns.
const CLAUSES: [(&str, &str); 6] = [
    // A host name as DNS and configuration files write it; MTAs print nothing else where they write a name of their own.
    ("@name@", r"[A-Za-z0-9._-]+"),
    ("@host@", r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f.:]+\])"),
    ("@protocol@", r"(?<with>(?:UTF8|utf8)?[EeLl]?[SsMm][MmTt][TtPp][Pp]?[SsAaPp]*)"),
    ("@id@", r"<?(?<id>[A-Za-z0-9+/][A-Za-z0-9._:/@+=-]*)>?"),
    // Four-digit years only (RFC 5321 §4.4); the zone may be a name (RFC 5322 §4.3) and be told again in a comment.
    (
        "@date@",
        r"(?<date>(?:[A-Z][a-z]{2},[ \t]*)?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})? (?:[+-][0-9]{4}|[A-Z]{1,5}))(?:[ \t\r]|\z)",
    ),
    // For claims only: a date whose zone is missing gives a forger away.
    (
        "@any-date@",
        r"(?<date>(?:[A-Z][a-z]{2},[ \t]*)?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: (?:[+-][0-9]{4}|[A-Z]{1,5}))?)",
    ),
];

/// What a line says of where the message came from, by one rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// The TCP peer.
    Peer(IpAddr),
    /// A local step, which names no peer.
    Handover(Handover),
    /// The line is the MTA's, and names neither: its format leaves the peer out.
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
    name: &'static str,
    before: &'static str,
    between: Option<&'static str>,
    after: &'static str,
    peerless: Source,
}

impl Rule {
    /// A line that states its peer: `before`, the address, `between`, the host, `after`.
    pub(crate) const fn peer(
        name: &'static str,
        before: &'static str,
        between: &'static str,
        after: &'static str,
    ) -> Self {
        Self { name, before, between: Some(between), after, peerless: Source::Unstated }
    }

    /// A line of a local step: `before` up to and with `by`, the host, `after`.
    pub(crate) const fn handover(
        name: &'static str,
        step: Handover,
        before: &'static str,
        after: &'static str,
    ) -> Self {
        Self { name, before, between: None, after, peerless: Source::Handover(step) }
    }

    /// A line that is the MTA's but leaves the peer out.
    pub(crate) const fn unstated(name: &'static str, before: &'static str, after: &'static str) -> Self {
        Self { name, before, between: None, after, peerless: Source::Unstated }
    }
}

/// One derivation of a line: which rule reads it, and where its joints lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Derivation {
    pub(super) rule: usize,
    pub(super) source: Source,
    pub(super) peer: Range<usize>,
    pub(super) by: Range<usize>,
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

/// A rule made ready for matching.
struct Compiled {
    name: &'static str,
    before: Ends,
    between: Option<Ends>,
    after: meta::Regex,
    peerless: Source,
}

/// A dialect's rules made ready for matching.
pub(super) struct Grammar(Vec<Compiled>);

/// The most derivations of one line by one dialect. A line with more is read by none; real lines have one or two.
pub(super) const DERIVATION_LIMIT: usize = 64;

impl Grammar {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self(rules.iter().map(Compiled::new).collect())
    }

    /// All derivations of `line` (unfolded, without the field name and leading white space).
    ///
    /// `None` when there are more than [`DERIVATION_LIMIT`].
    pub(super) fn derive(&self, line: &[u8]) -> Option<Vec<Derivation>> {
        let mut found = Vec::new();
        for (rule, compiled) in self.0.iter().enumerate() {
            compiled.derive(line, rule, &mut found)?;
        }
        Some(found)
    }

    /// The name of a rule, for proofs.
    pub(super) fn rule_name(&self, derivation: &Derivation) -> &'static str {
        self.0[derivation.rule].name
    }

    /// The clauses of a derivation that [`Grammar::derive`] found in the same line.
    pub(super) fn clauses<'a>(&self, line: &'a [u8], derivation: &Derivation) -> Clauses<'a> {
        let rule = &self.0[derivation.rule];
        let mut clauses = Clauses::default();
        match &rule.between {
            Some(between) => {
                rule.before.read_clauses(&line[..derivation.peer.start], &mut clauses);
                between.read_clauses(&line[derivation.peer.end..derivation.by.start], &mut clauses);
            }
            None => rule.before.read_clauses(&line[..derivation.by.start], &mut clauses),
        }
        read_clauses(&rule.after, &line[derivation.by.end..], &mut clauses);
        clauses
    }
}

impl Compiled {
    fn new(rule: &Rule) -> Self {
        Self {
            name: rule.name,
            before: Ends::new(rule.before),
            between: rule.between.map(Ends::new),
            after: regex(&expand(rule.after)),
            peerless: rule.peerless,
        }
    }

    fn derive(&self, line: &[u8], rule: usize, found: &mut Vec<Derivation>) -> Option<()> {
        for start in self.before.all(line, 0)? {
            let Some(between) = &self.between else {
                self.close(line, start, rule, self.peerless, start..start, found)?;
                continue;
            };
            let Some((address, length)) = address_at(&line[start..]) else { continue };
            let peer = start..start + length;
            for by in between.all(line, peer.end)? {
                self.close(line, by, rule, Source::Peer(address), peer.clone(), found)?;
            }
        }
        Some(())
    }

    /// Adds the derivation with these joints if a host stands at `by` and `after` matches behind it.
    fn close(
        &self,
        line: &[u8],
        by: usize,
        rule: usize,
        source: Source,
        peer: Range<usize>,
        found: &mut Vec<Derivation>,
    ) -> Option<()> {
        let by = by..by + host_length(&line[by..]);
        let input = Input::new(&line[by.end..]).anchored(Anchored::Yes).earliest(true);
        if !by.is_empty() && self.after.is_match(input) {
            if found.len() == DERIVATION_LIMIT {
                return None;
            }
            found.push(Derivation { rule, source, peer, by });
        }
        Some(())
    }
}

/// The length of the host name or address literal at the start of `text`.
fn host_length(text: &[u8]) -> usize {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    match text.strip_prefix(b"[") {
        Some(literal) => {
            let inner = literal.iter().take_while(|byte| name(byte)).count();
            if literal.get(inner) == Some(&b']') { inner + 2 } else { 0 }
        }
        None => text.iter().take_while(|byte| name(byte)).count(),
    }
}

/// A pattern of which every end is wanted, not the first or the longest.
struct Ends {
    automaton: dense::DFA<Vec<u32>>,
    clauses: meta::Regex,
}

impl Ends {
    fn new(pattern: &str) -> Self {
        let pattern = expand(pattern);
        let automaton = dense::Builder::new()
            .configure(dense::Config::new().match_kind(MatchKind::All).start_kind(StartKind::Anchored))
            .syntax(bytes_not_text())
            .thompson(thompson::Config::new().utf8(false))
            .build(&pattern)
            .expect("a grammar's pattern is a constant, and every one is built by a test");
        Self { automaton, clauses: regex(&format!(r"(?:{pattern})\z")) }
    }

    /// Every place in `line` at which the pattern, begun at `from`, can end. `None` past [`DERIVATION_LIMIT`] places.
    fn all(&self, line: &[u8], from: usize) -> Option<Vec<usize>> {
        let mut ends = Vec::new();
        let input = Input::new(line).range(from..).anchored(Anchored::Yes);
        let Ok(mut state) = self.automaton.start_state_forward(&input) else { return Some(ends) };
        for (place, byte) in line.iter().enumerate().skip(from) {
            state = self.automaton.next_state(state, *byte);
            if self.automaton.is_special_state(state) {
                if self.automaton.is_match_state(state) {
                    // A DFA of this kind tells of a match one byte late.
                    ends.push(place);
                    if ends.len() > DERIVATION_LIMIT {
                        return None;
                    }
                } else if self.automaton.is_dead_state(state) {
                    return Some(ends);
                }
            }
        }
        if self.automaton.is_match_state(self.automaton.next_eoi_state(state)) {
            ends.push(line.len());
        }
        Some(ends)
    }

    fn read_clauses<'a>(&self, text: &'a [u8], clauses: &mut Clauses<'a>) {
        read_clauses(&self.clauses, text, clauses);
    }
}

fn read_clauses<'a>(pattern: &meta::Regex, text: &'a [u8], clauses: &mut Clauses<'a>) {
    let mut captures: Captures = pattern.create_captures();
    pattern.captures(Input::new(text).anchored(Anchored::Yes), &mut captures);
    let read = |name: &str, clause: &mut Option<&'a [u8]>| {
        if let Some(span) = captures.get_group_by_name(name) {
            *clause = Some(&text[span.range()]);
        }
    };
    read("helo", &mut clauses.helo);
    read("rdns", &mut clauses.rdns);
    read("ident", &mut clauses.ident);
    read("from", &mut clauses.envelope_from);
    read("auth", &mut clauses.auth);
    read("id", &mut clauses.id);
    read("with", &mut clauses.with);
    read("date", &mut clauses.date);
}

fn regex(pattern: &str) -> meta::Regex {
    meta::Builder::new()
        .configure(meta::Config::new().utf8_empty(false))
        .syntax(bytes_not_text())
        .build(pattern)
        .expect("a grammar's pattern is a constant, and every one is built by a test")
}

/// Bytes, since HELO and ident may hold any; `.` is any byte.
fn bytes_not_text() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true)
}

/// Replaces the clauses by their patterns, and each space between elements by a run of white space.
fn expand(pattern: &str) -> String {
    let mut whole = pattern.to_owned();
    for (name, clause) in CLAUSES {
        whole = whole.replace(name, clause);
    }
    let mut expanded = String::with_capacity(whole.len() * 2);
    let (mut in_class, mut escaped) = (false, false);
    for symbol in whole.chars() {
        match symbol {
            _ if escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        if symbol == ' ' && !in_class {
            expanded.push_str(r"[ \t]+")
        } else {
            expanded.push(symbol)
        }
        escaped = symbol == '\\' && !escaped;
    }
    expanded
}
