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
}

/// Reads a bounce through.
pub(super) fn read(signs: &Signs, parts: &Parts) -> Bounce {
    let returned = match &parts.returned {
        Some(returned) if returned.with_body => Returned::Message,
        Some(_) => Returned::Headers,
        None => Returned::None,
    };
    let standard = signs.claims_status_report && !parts.status.is_empty();
    Bounce { standard, reason: reason(signs, parts), returned }
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
