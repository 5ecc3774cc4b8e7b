//! Did this message come because somebody sent it, or because a server reflected another's (G3)?
//!
//! Enters: the message, its header, the envelope. Leaves: [`Recognised`]: a [`Nature`] with the grounds for it, what a
//! bounce says, and what of the reflected message came back. Structure decides first (the parts of a report, RFC 6522),
//! then the header fields and fixed words of the software that follows no standard. No word of a body decides alone:
//! fixed words are asked for only where the header gives a reason to, and count only beside a sign of another kind.
//!
//! Whoever dresses spam as a bounce is believed here, and gains a place in another list (B05); the score sees to that.

mod bounce;
mod cause;
mod families;
mod parts;
mod signs;
mod words;
#[cfg(test)]
mod tests;

pub use bounce::{Bounce, Reason, Returned};
pub use cause::Cause;
pub use parts::{READ_LIMIT, ReturnedMessage};

use crate::sample::{Envelope, Header};
use families::{Family, Strength, words_of};
use parts::Parts;
use signs::{Automatic, Precedence, Signs};

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
    let (nature, grounds) = Evidence { signs: &signs, parts: &parts }.decide();
    if nature == Nature::Direct {
        return Recognised::direct();
    }
    let bounce = (nature == Nature::Bounce).then(|| bounce::read(&signs, &parts));
    let cause = Cause::of(nature, bounce.as_ref());
    Recognised { nature, grounds, bounce, cause, returned: parts.returned }
}

/// All that a decision rests on.
struct Evidence<'a> {
    signs: &'a Signs,
    parts: &'a Parts,
}

impl Evidence<'_> {
    fn decide(&self) -> (Nature, Vec<Ground>) {
        let mut grounds = Vec::new();
        let nature = self
            .by_report(&mut grounds)
            .or_else(|| self.by_software(&mut grounds))
            .or_else(|| self.by_responder(&mut grounds))
            .or_else(|| self.by_bounce(&mut grounds))
            .or_else(|| self.by_answer(&mut grounds))
            .or_else(|| self.by_token(&mut grounds))
            .or_else(|| self.by_null_sender(&mut grounds));
        (nature.unwrap_or(Nature::Direct), grounds)
    }

    /// Reports by their parts (RFC 6522). What only calls itself a report is none.
    fn by_report(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let parts = self.parts;
        let (nature, part) = if parts.feedback {
            (Nature::AbuseReport, "message/feedback-report")
        } else if parts.disposition && (parts.status.is_empty() || !self.signs.claims_status_report) {
            (Nature::Receipt, "message/disposition-notification")
        } else if !parts.status.is_empty() {
            (Nature::Bounce, "message/delivery-status")
        } else {
            return None;
        };
        grounds.push(Ground::Part(part));
        grounds.extend(self.signs.null_sender.then_some(Ground::NullSender));
        Some(nature)
    }

    /// Software that follows no standard, but for bounces: its own header field; or its subject beside another sign of
    /// such software; or its author beside its words. Words alone decide nothing.
    fn by_software(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        const ORDER: [Nature; 6] = [
            Nature::AbuseReport,
            Nature::Challenge,
            Nature::Confirmation,
            Nature::ListNotice,
            Nature::VirusNotice,
            Nature::Receipt,
        ];
        ORDER.into_iter().find(|nature| {
            let marks = self.marks(*nature);
            let beside = self.beside(*nature);
            if !marks.any() && (*nature != Nature::ListNotice || beside.len() < 2) {
                return false;
            }
            // What the mail system says of a message is a bounce, whatever else has such words.
            let bounces = of(&self.signs.subject.0, Nature::Bounce).is_some();
            if (*nature == Nature::ListNotice && self.signs.mail_system && !self.signs.is_list_author())
                || (*nature == Nature::Receipt && bounces)
            {
                return false;
            }
            let seconded = !beside.is_empty() || marks.field.is_some() || marks.author.is_some();
            let known = marks.field.is_some_and(|mark| mark.suffices)
                || marks.subject.is_some_and(|family| match family.strength {
                    Strength::Explicit => true,
                    Strength::Clear => seconded && !(*nature == Nature::Challenge && self.signs.is_list_author()),
                    Strength::Vague => false,
                })
                || (*nature == Nature::VirusNotice && marks.author.is_some() && self.is_notification());
            let words = if known { None } else { self.words(*nature) };
            let shown = known || words.is_some_and(|words| self.words_second(*nature, &marks, words, seconded));
            if shown {
                grounds.extend(marks.grounds());
                grounds.extend(words.map(|family| Ground::Words(family.software)));
                grounds.extend(beside);
            }
            shown
        })
    }

    /// Whether the sender is null and nothing says that it is a bounce.
    fn is_notification(&self) -> bool {
        self.signs.null_sender && of(&self.signs.subject.0, Nature::Bounce).is_none()
    }

    /// Whether the words in the text second what the header shows.
    fn words_second(&self, nature: Nature, marks: &Marks, words: &Family, seconded: bool) -> bool {
        let clear = marks.subject.is_some_and(|family| family.strength == Strength::Clear);
        marks.author.is_some()
            || marks.field.is_some()
            || (marks.subject.is_some() && seconded)
            || match nature {
                Nature::Receipt | Nature::Confirmation => clear,
                // A list server's own words from its own address; and a rejected post keeps its own subject.
                Nature::ListNotice => words.strength == Strength::Clear && (clear || self.signs.is_list_author()),
                _ => false,
            }
    }

    /// What of this nature's families the header shows.
    fn marks(&self, nature: Nature) -> Marks {
        let signs = self.signs;
        Marks {
            field: signs.software.iter().filter(|mark| mark.nature == nature).max_by_key(|mark| mark.suffices).copied(),
            author: of(&signs.author.0, nature),
            subject: of(&signs.subject.0, nature),
        }
    }

    /// The family of this nature whose words the text holds.
    fn words(&self, nature: Nature) -> Option<&'static Family> {
        words_of(&self.parts.text, nature)
    }

    /// Signs that stand beside a family's words.
    fn beside(&self, nature: Nature) -> Vec<Ground> {
        let signs = self.signs;
        let mut beside = Vec::new();
        if nature == Nature::AbuseReport {
            beside.extend(self.parts.returned.is_some().then_some(Ground::Returned));
            return beside;
        }
        beside.extend(signs.null_sender.then_some(Ground::NullSender));
        if nature != Nature::Receipt && (nature == Nature::Confirmation || !signs.is_campaign()) {
            beside.extend(signs.automatic_ground());
        }
        match nature {
            Nature::Receipt => beside.extend(signs.answers.then_some(Ground::Answers)),
            Nature::Challenge => {
                beside.extend(signs.answers.then_some(Ground::Answers));
                beside.extend((signs.token || self.parts.token).then_some(Ground::Token));
            }
            Nature::Confirmation => {
                beside.extend((signs.token || self.parts.token).then_some(Ground::Token));
                beside.extend(signs.is_list_author().then_some(Ground::ListServer));
            }
            Nature::ListNotice => beside.extend(signs.is_list_author().then_some(Ground::ListServer)),
            Nature::VirusNotice => beside.extend(signs.mail_system.then_some(Ground::MailSystem)),
            Nature::Direct | Nature::Bounce | Nature::AutoReply | Nature::AbuseReport => {}
        }
        beside
    }

    /// Responders that name themselves in a field of their own; they may quote what they answer, as bounces do.
    fn by_responder(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let marks = self.marks(Nature::AutoReply);
        let own = marks.field.is_some_and(|mark| mark.suffices);
        let bounce = signs.mail_system || signs.failed_recipients || of(&signs.subject.0, Nature::Bounce).is_some();
        (own && !bounce).then(|| {
            grounds.extend(marks.grounds());
            grounds.extend(signs.null_sender.then_some(Ground::NullSender));
            Nature::AutoReply
        })
    }

    /// Bounces without a readable status part: the mail system as author or a null sender, beside what bounces hold.
    fn by_bounce(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let subject = of(&signs.subject.0, Nature::Bounce).map(|family| Ground::Subject(family.software));
        let report = signs.claims_status_report.then_some(Ground::Field("report-type=delivery-status"));
        let failed = signs.failed_recipients.then_some(Ground::Field("X-Failed-Recipients"));
        let possible =
            signs.null_sender || signs.mail_system || subject.is_some() || report.is_some() || failed.is_some();
        if !possible {
            return None;
        }
        let family = self.words(Nature::Bounce);
        let words = family.map(|family| Ground::Words(family.software));
        let own_words = family.is_some_and(|family| family.strength > Strength::Vague);
        let returned = self.parts.returned.is_some().then_some(Ground::Returned);
        let refusal = self.parts.refusal.then_some(Ground::Refusal);
        let content: Vec<Ground> = [subject, words, returned, refusal].into_iter().flatten().collect();
        // A postmaster is a person too, who answers people.
        let system = signs.mail_system && !(signs.answers && subject.is_none());
        let person = signs.is_answer_of_a_person();
        let listed = signs.is_list_post();
        // What tells of one particular message: it came back, or its recipient or his server's refusal is named.
        let particular = returned.is_some() || refusal.is_some() || self.parts.names_recipient;
        let said = subject.is_some() && words.is_some();
        let is_bounce = (failed.is_some() && !content.is_empty())
            || (signs.null_sender && (signs.mail_system || said || report.is_some() || subject.is_some()))
            || (signs.null_sender && words.is_some() && (particular || !signs.answers))
            || (system && (said || own_words || particular && !content.is_empty() || report.is_some()))
            || (subject.is_some() && particular && (words.is_some() || refusal.is_some()) && !person && !listed)
            || (report.is_some() && words.is_some());
        is_bounce.then(|| {
            grounds.extend(signs.null_sender.then_some(Ground::NullSender));
            grounds.extend(signs.mail_system.then_some(Ground::MailSystem));
            grounds.extend([failed, report].into_iter().flatten());
            grounds.extend(content);
            Nature::Bounce
        })
    }

    /// Automatic answers (RFC 3834 §5), and what answered so before there was a standard.
    fn by_answer(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let marks = self.marks(Nature::AutoReply);
        let null = signs.null_sender.then_some(Ground::NullSender);
        let answers = signs.answers.then_some(Ground::Answers);
        let automatic = signs.automatic_ground();
        let suppresses = signs.suppresses_answers.then_some(Ground::Automatic("X-Auto-Response-Suppress"));
        let beside: Vec<Ground> = [null, answers, automatic, suppresses].into_iter().flatten().collect();
        // Bulk mail that answers nobody is somebody's bulk mail, and so is what can be unsubscribed from.
        let responder = answers.is_some() && beside.len() > 1 && !signs.is_campaign() && !signs.is_list_post();
        let strong = null.is_some() || responder;
        // A person's `Re: Automatic reply: …` answers one.
        let answered = answers.is_some() && !signs.is_reply_by_subject();
        let alone = automatic.is_some() && !signs.is_campaign();
        // Software that says in each of these ways that it answers by itself needs no words.
        let thorough = responder && signs.automatic.is_some() && (suppresses.is_some() || signs.precedence.is_some());
        let known = thorough
            || signs.automatic == Some(Automatic::Replied)
            || signs.precedence == Some(Precedence::AutoReply)
            || marks.field.is_some_and(|mark| mark.suffices)
            || marks.subject.is_some_and(|family| match family.strength {
                Strength::Explicit => true,
                Strength::Clear => null.is_some() || answered || alone || marks.field.is_some(),
                Strength::Vague => strong,
            })
            || (null.is_some() && !signs.mail_system && beside.len() > 1);
        let words = if known || !(strong || marks.any()) { None } else { self.words(Nature::AutoReply) };
        let clear = marks.subject.is_some_and(|family| family.strength == Strength::Clear);
        let seconded = strong || clear || marks.author.is_some() || marks.field.is_some();
        (known || words.is_some() && seconded).then(|| {
            grounds.extend(marks.grounds());
            grounds.extend(words.map(|family| Ground::Words(family.software)));
            grounds.extend(beside);
            Nature::AutoReply
        })
    }

    /// Automatic mail with a link to confirm by is a request to confirm, in whatever language it is written (B03).
    fn by_token(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        let signs = self.signs;
        let automatic = signs.automatic_ground().filter(|_| signs.automatic.is_some());
        (self.parts.token && automatic.is_some() && !signs.is_list_post()).then(|| {
            grounds.extend(automatic);
            grounds.push(Ground::Token);
            Nature::Confirmation
        })
    }

    /// What is left with a null sender is a notification that we do not know: only these may have it.
    fn by_null_sender(&self, grounds: &mut Vec<Ground>) -> Option<Nature> {
        self.signs.null_sender.then(|| {
            grounds.push(Ground::NullSender);
            Nature::Bounce
        })
    }
}

/// The family of a nature among those found; of several, the strongest.
fn of(found: &[&'static Family], nature: Nature) -> Option<&'static Family> {
    found.iter().filter(|family| family.nature == nature).max_by_key(|family| family.strength).copied()
}

/// What a header shows of the families of one nature.
struct Marks {
    field: Option<signs::Mark>,
    author: Option<&'static Family>,
    subject: Option<&'static Family>,
}

impl Marks {
    fn any(&self) -> bool {
        self.field.is_some() || self.author.is_some() || self.subject.is_some()
    }

    fn grounds(&self) -> impl Iterator<Item = Ground> {
        let field = self.field.map(|mark| Ground::Field(mark.field));
        let author = self.author.map(|family| Ground::Author(family.software));
        let subject = self.subject.map(|family| Ground::Subject(family.software));
        [field, author, subject].into_iter().flatten()
    }
}
