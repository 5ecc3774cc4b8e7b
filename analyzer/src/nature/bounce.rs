//! What a bounce says: whether it follows the standard, why the message came back, and what of it.
//!
//! Enters: signs and parts. Leaves: [`Bounce`]. Fixed phrases of large MTAs tell the reason best, since many answer
//! 550 5.1.1 to everything; then status codes (RFC 3463 §3), then plain replies (RFC 5321 §4.2).

use super::families::{loose_reason_of, lower, reason_of};
use super::parts::{Parts, Status};
use super::signs::Signs;

/// Why a message was returned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The mailbox is full.
    MailboxFull,
    /// The mailbox is disabled, or takes no mail now.
    MailboxUnavailable,
    /// There is no such mailbox or domain.
    UserUnknown,
    /// The server does not relay for the sender.
    RelayingDenied,
    /// The content was refused: spam, a virus, a forbidden attachment.
    ContentRejected,
    /// The sender or its server was refused: listed, unauthenticated, of ill repute.
    Policy,
    /// It could not be delivered for too long, or is late.
    Expired,
    /// Name servers or the network failed, or the mail went round in circles.
    Network,
    /// The message is too large.
    TooLarge,
    /// The recipient has moved.
    Vacated,
    /// It does not say.
    Unstated,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::MailboxFull,
        Self::MailboxUnavailable,
        Self::UserUnknown,
        Self::RelayingDenied,
        Self::ContentRejected,
        Self::Policy,
        Self::Expired,
        Self::Network,
        Self::TooLarge,
        Self::Vacated,
        Self::Unstated,
    ];

    /// The reason's word in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::MailboxFull => "mailbox-full",
            Self::MailboxUnavailable => "mailbox-unavailable",
            Self::UserUnknown => "user-unknown",
            Self::RelayingDenied => "relaying-denied",
            Self::ContentRejected => "content-rejected",
            Self::Policy => "policy",
            Self::Expired => "expired",
            Self::Network => "network",
            Self::TooLarge => "too-large",
            Self::Vacated => "vacated",
            Self::Unstated => "unstated",
        }
    }
}

/// How much of a bounce's text is read for its reason, in octets.
const TEXT_LIMIT: usize = 6 << 10;

/// What of the message came back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Returned {
    /// All or the beginning of it.
    Message,
    /// Its header.
    Headers,
    /// Nothing.
    None,
}

impl Returned {
    /// The word for it in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Headers => "headers",
            Self::None => "none",
        }
    }
}

/// A bounce, read through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bounce {
    /// Whether it is a report with the status part that RFC 3464 §2 demands.
    pub standard: bool,
    /// Why the message came back.
    pub reason: Reason,
    /// What of it came back.
    pub returned: Returned,
    /// Whether a server of another domain refused it, to which this one had passed it on.
    pub refused_elsewhere: bool,
}

/// Reads a bounce through.
pub(super) fn read(signs: &Signs, parts: &Parts) -> Bounce {
    let returned = match &parts.returned {
        Some(returned) if returned.with_body => Returned::Message,
        Some(_) => Returned::Headers,
        None => Returned::None,
    };
    let standard = signs.claims_status_report && !parts.status.is_empty();
    let (reason, refused_elsewhere) = (reason(signs, parts), is_refused_elsewhere(signs, parts));
    Bounce { standard, reason, returned, refused_elsewhere }
}

/// Whether the server that refused is of another domain than the one that bounces.
fn is_refused_elsewhere(signs: &Signs, parts: &Parts) -> bool {
    let reported = parts.status.iter().find(|status| !status.remote.is_empty());
    let (own, remote) = match reported {
        Some(status) => (host(&status.reporting), host(&status.remote)),
        None => (Some(signs.author_domain.clone()), remote_in(&lower(&parts.text))),
    };
    match (own.as_deref().and_then(domain), remote.as_deref().and_then(domain)) {
        (Some(own), Some(remote)) => own != remote,
        _ => false,
    }
}

/// The host name of `dns; mail.a.example (192.0.2.1)`.
fn host(field: &str) -> Option<String> {
    let value = field.rsplit(';').next()?.trim();
    value.split([' ', '(', '[']).next().map(str::to_owned)
}

/// The host that a text quotes a refusal of: `host mail.a.example[192.0.2.1] said: 550 …`.
fn remote_in(text: &str) -> Option<String> {
    let rest = text.split_once(" host ")?.1;
    let name = &rest[..rest.find([' ', '[', '(', ':', ','])?];
    let after = &rest[name.len()..];
    (after.starts_with('[') || after.starts_with(" [") || after.starts_with(" (")).then(|| name.to_owned())
}

/// The last two labels of a host name, which most often are one owner's; none of what is no name of a host.
fn domain(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    let dots: Vec<usize> = host.match_indices('.').map(|(position, _)| position).collect();
    let named = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.contains('@');
    match dots.as_slice() {
        [] => None,
        _ if !named => None,
        [_] => Some(host),
        [.., second, _] => Some(&host[second + 1..]),
    }
}

fn reason(signs: &Signs, parts: &Parts) -> Reason {
    // The first recipient that failed speaks for the bounce.
    let failed = |status: &&Status| status.action.starts_with("fail");
    let all = || parts.status.iter().chain(&parts.status_in_text);
    let stated = |status: &&Status| !status.action.is_empty() || !status.status.is_empty();
    let status = all().find(failed).or_else(|| all().find(stated));
    let text = lower(&parts.text[..parts.text.floor_char_boundary(TEXT_LIMIT)]);
    let subject = signs.subject.1.as_str();
    if let Some(status) = status {
        let late = status.action.starts_with("delay");
        let found = reason_of(&status.diagnostic)
            .or_else(|| late.then_some(Reason::Expired))
            .or_else(|| enhanced_code_in(&status.diagnostic))
            .or_else(|| reason_of(&text))
            .or_else(|| by_status(&status.status))
            .or_else(|| loose_reason_of(&status.diagnostic))
            .or_else(|| reply_in(&status.diagnostic));
        if let Some(reason) = found {
            return reason;
        }
    }
    reason_of(&text)
        .or_else(|| reason_of(subject))
        .or_else(|| enhanced_code_in(&text))
        .or_else(|| loose_reason_of(&text))
        .or_else(|| reply_in(&text))
        .unwrap_or(Reason::Unstated)
}

/// The reason that an enhanced status code states (RFC 3463 §3), if it states one.
fn by_status(code: &str) -> Option<Reason> {
    let mut numbers = code.split('.');
    let class = numbers.next()?.trim();
    let subject = numbers.next()?.trim();
    let detail = numbers.next()?.trim_start();
    let detail = &detail[..detail.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(detail.len())];
    if !matches!(class, "4" | "5") {
        return None;
    }
    Some(match (subject, detail) {
        ("1", "0" | "1" | "2" | "3" | "4" | "10") => Reason::UserUnknown,
        ("1", "6") => Reason::Vacated,
        ("1", "7" | "8" | "9") => Reason::Policy,
        ("2", "1") => Reason::MailboxUnavailable,
        ("2", "2") => Reason::MailboxFull,
        ("2", "3") | ("3", "4") => Reason::TooLarge,
        ("4", "7") => Reason::Expired,
        ("4", _) | ("3", "5") => Reason::Network,
        ("6", _) => Reason::ContentRejected,
        ("7", "0" | "1" | "2" | "7" | "8" | "9" | "23" | "24" | "25" | "26" | "27") => Reason::Policy,
        ("2", "0") => Reason::MailboxUnavailable,
        _ => return None,
    })
}

/// The words of a text, without what surrounds codes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "()[]<>#:;,-\"'=".contains(letter))
}

/// The reason of the first enhanced status code in a text that states one.
fn enhanced_code_in(text: &str) -> Option<Reason> {
    let enhanced = |word: &&str| {
        let bytes = word.as_bytes();
        bytes.len() >= 5 && matches!(bytes[0], b'4' | b'5') && bytes[1] == b'.' && bytes[2].is_ascii_digit()
    };
    words(text).filter(enhanced).find_map(by_status)
}

/// The reason of the first plain reply in a text (RFC 5321 §4.2.3).
fn reply_in(text: &str) -> Option<Reason> {
    words(text).find_map(|word| match word {
        "550" | "551" | "553" => Some(Reason::UserUnknown),
        "552" | "452" => Some(Reason::MailboxFull),
        "554" => Some(Reason::Policy),
        _ => None,
    })
}
