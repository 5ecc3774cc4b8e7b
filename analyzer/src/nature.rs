//! Did this message come because somebody sent it, or because a server reflected another's (G3)?
//!
//! Enters: the header and the envelope. Leaves: a [`Nature`]. Decided by structure, never by a word in a body. So far
//! only two are told apart: direct mail, and bounces by the null sender (RFC 5321 §4.5.5) or `multipart/report`
//! (RFC 6522 §3).

use crate::sample::{Envelope, Header};

/// What kind of message a sample is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Nature {
    /// Sent to the trap by whoever the origin serves.
    Direct,
    /// A delivery status notification (RFC 3464) or an older bounce.
    Bounce,
    /// An automatic answer (RFC 3834).
    AutoReply,
    /// A list server's notice.
    ListNotice,
    /// A challenge to prove that one is a person.
    Challenge,
    /// A request to confirm a subscription.
    Confirmation,
    /// A virus scanner's notice.
    VirusNotice,
    /// A message disposition notification (RFC 8098).
    Receipt,
    /// An abuse report (RFC 5965).
    AbuseReport,
}

impl Nature {
    /// Every nature.
    pub const ALL: [Self; 9] = [
        Self::Direct,
        Self::Bounce,
        Self::AutoReply,
        Self::ListNotice,
        Self::Challenge,
        Self::Confirmation,
        Self::VirusNotice,
        Self::Receipt,
        Self::AbuseReport,
    ];

    /// The nature's word in answers, metrics and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bounce => "bounce",
            Self::AutoReply => "auto-reply",
            Self::ListNotice => "list-notice",
            Self::Challenge => "challenge",
            Self::Confirmation => "confirmation",
            Self::VirusNotice => "virus-notice",
            Self::Receipt => "receipt",
            Self::AbuseReport => "abuse-report",
        }
    }

    /// The nature of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|nature| nature.name() == name)
    }

    /// Whether a server sends such mail in answer to another's; it never counts for the `spam` list (G3).
    pub fn is_reflected(self) -> bool {
        !matches!(self, Self::Direct | Self::AbuseReport)
    }
}

/// Whether the envelope's sender is null; without an envelope the first Return-Path field tells it (RFC 5321 §4.4).
pub fn has_null_sender(header: &Header<'_>, envelope: Option<&Envelope>) -> bool {
    match envelope {
        Some(envelope) => envelope.mail_from.is_empty(),
        None => header.all("Return-Path").next().is_some_and(|field| field.value.trim_ascii() == b"<>"),
    }
}

/// The nature of a message.
pub fn classify(header: &Header<'_>, envelope: Option<&Envelope>) -> Nature {
    let report = header
        .all("Content-Type")
        .next()
        .is_some_and(|field| field.unfolded().trim_ascii_start().to_ascii_lowercase().starts_with(b"multipart/report"));
    if report || has_null_sender(header, envelope) { Nature::Bounce } else { Nature::Direct }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_decides() {
        let nature = |message: &str, envelope: Option<&str>| {
            let envelope = envelope.map(|sender| Envelope { mail_from: sender.into(), rcpt_to: vec![] });
            classify(&Header::read(message.as_bytes()).unwrap(), envelope.as_ref())
        };
        assert_eq!(nature("Subject: undeliverable\n\n", None), Nature::Direct);
        assert_eq!(nature("Return-Path: <>\n\n", None), Nature::Bounce);
        assert_eq!(nature("Return-Path: <>\n\n", Some("a@b.example")), Nature::Direct);
        assert_eq!(nature("A: b\n\n", Some("")), Nature::Bounce);
        assert_eq!(nature("Content-Type:\n Multipart/Report; x=y\n\n", Some("a@b.example")), Nature::Bounce);
        assert_eq!(nature("A: b\n\nReturn-Path: <>\n", None), Nature::Direct);
    }
}
