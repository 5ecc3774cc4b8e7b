//! Did this message come because somebody sent it, or because a server reflected another's (G3)?
//!
//! Enters: the message, its header, the envelope. Leaves: [`Recognised`]: a [`Nature`] with the grounds for it, what a
//! bounce says, and what of the reflected message came back. Structure decides first (the parts of a report, RFC 6522),
//! then the header fields and fixed words of the software that follows no standard. No word of a body decides alone:
//! fixed words are asked for only where the header gives a reason to, and count only beside a sign of another kind. What
//! suffices alone are fields and subjects that nothing but such software writes, and the null sender.
//!
//! Whoever dresses spam as a bounce is believed here, and gains a place in another list (B05); the score sees to that.

mod bounce;
mod cause;
mod decision;
mod families;
mod parts;
mod signs;
mod words;
#[cfg(test)]
mod tests;

pub use bounce::{Bounce, Reason, Returned};
pub use cause::Cause;
pub use parts::ReturnedMessage;

use crate::sample::{Envelope, Header};
use parts::Parts;
use signs::Signs;

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

/// Why a message is held to be what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    /// The envelope's sender is null, which only notifications may have (RFC 5321 §4.5.5).
    NullSender,
    /// It holds a part of this media type, with the fields that the standard demands.
    Part(&'static str),
    /// It has this header field, which only such software writes.
    Field(&'static str),
    /// Its author is the mail system itself.
    MailSystem,
    /// Its author is software of this kind.
    Author(&'static str),
    /// Its subject is that of this software.
    Subject(&'static str),
    /// Its text has the fixed words of this software.
    Words(&'static str),
    /// It returns a message, or its header.
    Returned,
    /// It quotes a mail server's refusal (RFC 5321 §4.2, RFC 3463).
    Refusal,
    /// It answers a message (In-Reply-To, References).
    Answers,
    /// It says that it is automatic (Auto-Submitted, RFC 3834 §5; Precedence).
    Automatic(&'static str),
    /// It comes from a list server (List-* fields, RFC 2369, RFC 2919, or what list servers wrote before).
    ListServer,
    /// It holds a link or an address with a token to confirm with.
    Token,
}

impl Ground {
    /// The ground in a few words.
    pub fn sentence(self) -> String {
        match self {
            Self::NullSender => "null sender".to_owned(),
            Self::Part(part) => format!("part {part}"),
            Self::Field(field) => format!("field {field}"),
            Self::MailSystem => "author is the mail system".to_owned(),
            Self::Author(software) => format!("author is {software}"),
            Self::Subject(software) => format!("subject of {software}"),
            Self::Words(software) => format!("words of {software}"),
            Self::Returned => "returns a message".to_owned(),
            Self::Refusal => "quotes a refusal".to_owned(),
            Self::Answers => "answers a message".to_owned(),
            Self::Automatic(how) => format!("automatic: {how}"),
            Self::ListServer => "from a list server".to_owned(),
            Self::Token => "token to confirm with".to_owned(),
        }
    }
}

/// What a message was recognised as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recognised {
    /// Its nature.
    pub nature: Nature,
    /// Why; none for direct mail.
    pub grounds: Vec<Ground>,
    /// What a bounce says.
    pub bounce: Option<Bounce>,
    /// What of the reflected message came back.
    pub returned: Option<ReturnedMessage>,
    /// What the server that reflected it should mend.
    pub cause: Option<Cause>,
}

impl Recognised {
    /// Direct mail.
    pub fn direct() -> Self {
        Self { nature: Nature::Direct, grounds: Vec::new(), bounce: None, returned: None, cause: None }
    }
}

/// Whether the envelope's sender is null; without an envelope the first Return-Path field tells it (RFC 5321 §4.4).
pub fn has_null_sender(header: &Header<'_>, envelope: Option<&Envelope>) -> bool {
    match envelope {
        Some(envelope) => matches!(envelope.mail_from.trim(), "" | "<>"),
        None => header.all("Return-Path").next().is_some_and(|field| field.value.trim_ascii() == b"<>"),
    }
}

/// Recognises what a message is.
pub fn recognise(message: &[u8], header: &Header<'_>, envelope: Option<&Envelope>) -> Recognised {
    let signs = Signs::of(header, has_null_sender(header, envelope));
    if !signs.ask_for_more() {
        return Recognised::direct();
    }
    let parts = Parts::of(message);
    let (nature, grounds) = decision::decide(&signs, &parts);
    if nature == Nature::Direct {
        return Recognised::direct();
    }
    let bounce = (nature == Nature::Bounce).then(|| bounce::read(&signs, &parts));
    let cause = Cause::of(nature, bounce.as_ref());
    Recognised { nature, grounds, bounce, cause, returned: parts.returned }
}
